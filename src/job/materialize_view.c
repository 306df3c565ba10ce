#include "job/materialize_view.h"
#include "job/foreign_table.h"

#include <inttypes.h>

#include "base/fault.h"
#include "codec/key.h"
#include "codec/time_text.h"
#include "job/cursor.h"
#include "job/entry_table.h"
#include "job/online_shown.h"
#include "job/push_online.h"
#include "job/upstream.h"
#include "kernel/answer.h"
#include "model/duration.h"
#include "model/hash.h"
#include "plan/sql.h"

#define ROW_BYTES_MAX   ASOF_STORE_VALUE_MAX
#define BATCH_ROWS      512
#define BATCH_BYTES_MAX (16u << 20)
#define HEAD_COLUMNS    3 /* event_us, created_us, row_order */

/* Rows arrive ordered by key: those of one key are gathered, turned into one stored row, and put in
 * batches. */
struct loading {
	const struct asof_view *view;
	struct asof_answer_plan plan;
	int64_t at_us;
	struct asof_store_table table;
	struct asof_store_load *load;
	bool is_showing;
	size_t key_count;
	struct asof_entry_table
		head; /* keys, event_us, created_us, row_order of the current key's rows */
	struct asof_entry_table entries; /* its states or features */
	struct asof_arena scratch;       /* of one key */
	struct asof_arena shown;         /* what the batch's rows show */
	struct asof_buf batch_bytes;
	struct asof_store_row rows[BATCH_ROWS];
	size_t key_offsets[BATCH_ROWS]; /* of keys and values in batch_bytes, which moves as it
					   grows */
	size_t value_offsets[BATCH_ROWS];
	size_t row_count; /* in the batch */
	struct asof_session *session;
	int64_t read_rows; /* of the version's, and how many there are, at most; -1: unknown */
	int64_t version_rows;
	int64_t total_rows;
	uint64_t total_bytes;
	struct asof_store_resume resume; /* what a killed run of the same rows has put */
	int64_t skipped_rows;            /* of those, how many came by again */
};

static void
loading_done(struct loading *l)
{
	asof_store_load_abort(l->load);
	asof_entry_table_done(&l->head);
	asof_entry_table_done(&l->entries);
	asof_arena_done(&l->scratch);
	asof_arena_done(&l->shown);
	asof_buf_done(&l->batch_bytes);
	asof_buf_done(&l->resume.last_key);
}

static enum asof_status
flush(struct loading *l, struct asof_error *err)
{
	for (size_t i = 0; i < l->row_count; i++) {
		l->rows[i].key.ptr = l->batch_bytes.ptr + l->key_offsets[i];
		l->rows[i].value.ptr = l->batch_bytes.ptr + l->value_offsets[i];
	}
	if (l->row_count > 0)
		ASOF_TRY(asof_store_load_put(l->load, l->rows, l->row_count, err));
	ASOF_TRY(asof_fault_point("materialize.batch", err));
	l->total_rows += (int64_t)l->row_count;
	l->total_bytes += l->batch_bytes.len;
	l->row_count = 0;
	asof_buf_clear(&l->batch_bytes);
	asof_arena_reset(&l->shown);
	return ASOF_OK;
}

static int64_t
head_int(const struct loading *l, size_t column, size_t row)
{
	return ((const int64_t *)l->head.columns[l->key_count + column].data)[row];
}

/* The stored row's place in the write rule: its newest event, and the latest it was created. */
static void
set_times(const struct loading *l, struct asof_store_row *row)
{
	row->event_us = INT64_MIN;
	row->created_us = INT64_MIN;
	for (size_t i = 0; i < l->head.row_count; i++) {
		if (head_int(l, 0, i) > row->event_us)
			row->event_us = head_int(l, 0, i);
		if (head_int(l, 1, i) > row->created_us)
			row->created_us = head_int(l, 1, i);
	}
}

static enum asof_status
read_key(struct loading *l, const struct asof_value **ret_key, struct asof_error *err)
{
	struct asof_value *key = asof_arena_array(&l->scratch, l->key_count, sizeof(*key));
	if (!key)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "key");
	for (size_t i = 0; i < l->key_count; i++)
		ASOF_TRY(asof_column_value(&l->head.columns[i], 0, &l->scratch, &key[i], err));
	*ret_key = key;
	return ASOF_OK;
}

static enum asof_status
no_such_row(const struct loading *l, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_CONFLICT,
			 "what a run before has put does not fit the rows of '%s' (it is forgotten "
			 "now: run this again)",
			 l->table.name);
}

/* A key that a killed run has put: the last of them must be the one that the store says. */
static enum asof_status
skip_key(struct loading *l, struct asof_error *err)
{
	const struct asof_value *key = NULL;
	l->skipped_rows++;
	if (l->skipped_rows == l->resume.row_count) {
		ASOF_TRY(read_key(l, &key, err));
		ASOF_TRY(asof_key_encode(key, l->key_count, &l->batch_bytes, err));
		if (!asof_str_equal(asof_buf_view(&l->batch_bytes),
				    asof_buf_view(&l->resume.last_key)))
			return no_such_row(l, err);
		asof_buf_clear(&l->batch_bytes);
	}
	asof_entry_table_clear(&l->head);
	asof_entry_table_clear(&l->entries);
	asof_arena_reset(&l->scratch);
	return ASOF_OK;
}

/* Everything of the current key is gathered: store it. */
static enum asof_status
finish_key(struct loading *l, struct asof_error *err)
{
	if (l->head.row_count == 0)
		return ASOF_OK;
	if (l->skipped_rows < l->resume.row_count)
		return skip_key(l, err);
	struct asof_store_row *row = &l->rows[l->row_count];
	struct asof_tiles tiles = {
		.count = l->head.row_count,
		.end_us = l->head.columns[l->key_count].data,
		.created_us = l->head.columns[l->key_count + 1].data,
		.order = l->head.columns[l->key_count + 2].data,
		.states = l->entries.columns,
	};
	struct asof_row packed;
	const struct asof_value *key = NULL;
	*row = (struct asof_store_row){ 0 };
	set_times(l, row);
	ASOF_TRY(asof_answer_make_row(&l->plan, &tiles, l->at_us, &l->scratch, &packed, err));

	l->key_offsets[l->row_count] = l->batch_bytes.len;
	ASOF_TRY(read_key(l, &key, err));
	ASOF_TRY(asof_key_encode(key, l->key_count, &l->batch_bytes, err));
	row->key.len = l->batch_bytes.len - l->key_offsets[l->row_count];
	l->value_offsets[l->row_count] = l->batch_bytes.len;
	ASOF_TRY(asof_row_encode(&l->plan.shape, &packed, &l->batch_bytes, err));
	ASOF_TRY(asof_buf_status(&l->batch_bytes, err));
	row->value.len = l->batch_bytes.len - l->value_offsets[l->row_count];
	if (l->is_showing)
		ASOF_TRY(asof_online_shown(&l->plan, key, &packed, l->at_us, &l->shown, &row->shown,
					   err));
	l->row_count++;

	asof_entry_table_clear(&l->head);
	asof_entry_table_clear(&l->entries);
	asof_arena_reset(&l->scratch);
	if (l->row_count == BATCH_ROWS || l->batch_bytes.len > BATCH_BYTES_MAX)
		return flush(l, err);
	return ASOF_OK;
}

static enum asof_status
is_same_key(struct loading *l, const struct asof_batch *batch, size_t row, bool *ret_is_same,
	    struct asof_error *err)
{
	*ret_is_same = l->head.row_count > 0;
	for (size_t i = 0; i < l->key_count && *ret_is_same; i++) {
		struct asof_value have;
		struct asof_value next;
		ASOF_TRY(asof_column_value(&l->head.columns[i], 0, NULL, &have, err));
		ASOF_TRY(asof_column_value(&batch->columns[i], row, NULL, &next, err));
		*ret_is_same = asof_value_compare(&have, &next) == 0;
	}
	return ASOF_OK;
}

static enum asof_status
take_rows(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct loading *l = arg;
	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++) {
		bool is_same = false;
		ASOF_TRY(is_same_key(l, batch, row, &is_same, err));
		if (!is_same)
			ASOF_TRY(finish_key(l, err));
		ASOF_TRY(asof_entry_table_add(&l->head, batch->columns, row, err));
		ASOF_TRY(asof_entry_table_add(
			&l->entries, batch->columns + l->key_count + HEAD_COLUMNS, row, err));
	}
	ASOF_TRY(asof_cancel_check(&l->session->cancel, err));
	l->read_rows += (int64_t)batch->row_count;
	asof_session_rows(l->session, l->total_rows + (int64_t)l->row_count,
			  l->version_rows > 0 ? (double)l->read_rows / (double)l->version_rows
					      : -1);
	return ASOF_OK;
}

static enum asof_status
init_tables(struct loading *l, const struct asof_version_table *table, struct asof_arena *arena,
	    struct asof_error *err)
{
	size_t head_count = l->key_count + HEAD_COLUMNS;
	size_t entry_count = table->plan.layout ? table->layout.state_count : l->view->output_count;
	struct asof_type *types = asof_arena_array(arena, head_count + entry_count, sizeof(*types));
	if (!types)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < l->key_count; i++)
		types[i] = l->view->entity->keys[i].type;
	for (size_t i = l->key_count; i < head_count; i++)
		types[i] = ASOF_TYPE(ASOF_TYPE_INT64);
	for (size_t i = 0; i < entry_count; i++)
		types[head_count + i] = table->plan.layout ? table->layout.states[i].type
							   : l->view->outputs[i].type;
	ASOF_TRY(asof_entry_table_init(&l->head, types, head_count, err));
	return asof_entry_table_init(&l->entries, types + head_count, entry_count, err);
}

/* *hint, at first 0, is where the last one was found: they come in order. */
static const char *
pushed_path(const struct asof_bound_source *bound, const char *name, size_t *hint)
{
	size_t first = bound->file_count - bound->pushed_count;
	for (size_t i = 0; i < bound->pushed_count; i++) {
		size_t at = (*hint + i) % bound->pushed_count;
		if (strcmp(bound->files[first + at].name, name) != 0)
			continue;
		*hint = at + 1;
		return bound->files[first + at].path;
	}
	return NULL;
}

/* Have `source` read the files of the cursor: those that were pushed stand behind the others. */
static enum asof_status
use_cursor_files(const struct asof_session *session, const struct asof_cursor *cursor,
		 struct asof_arena *arena, struct asof_plan_source *source, struct asof_error *err)
{
	const struct asof_bound_source *bound =
		&session->bound[source->source - session->project->sources];
	const char **paths = asof_arena_array(arena, cursor->file_count, sizeof(*paths));
	int64_t *ordinals = asof_arena_array(arena, cursor->file_count, sizeof(*ordinals));
	size_t count = 0;
	size_t hint = 0;
	source->pushed_count = 0;
	if (!paths || !ordinals)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "paths");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < cursor->file_count; i++) {
			const char *name = cursor->files[i].name;
			bool is_pushed = asof_push_log_is_file(name);
			if (is_pushed != (pass == 1))
				continue;
			paths[count] = is_pushed ? pushed_path(bound, name, &hint)
						 : asof_foreign_file_path(
							   name, session->project->dir, arena);
			if (!paths[count] && is_pushed)
				return ASOF_FAIL(err, ASOF_NOT_FOUND,
						 "'%s', which the version was built from, is gone",
						 name);
			if (!paths[count])
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "paths");
			ordinals[count++] = cursor->files[i].ordinal;
			source->pushed_count += is_pushed;
		}
	}
	source->paths = paths;
	source->path_count = count;
	source->ordinals = ordinals;
	return ASOF_OK;
}

/* The files that the version was built from, read again for the events of the unfinished step. */
static enum asof_status
plan_partial(struct asof_session *session, const struct asof_version_table *table, int64_t at_us,
	     struct asof_arena *arena, struct asof_plan_build *partial, struct asof_error *err)
{
	const char *name = table->version->view;
	ASOF_TRY(asof_session_bind(session, err));
	const struct asof_view *view = asof_project_view(session->project, asof_str_from(name));
	struct asof_view_state state;
	if (!view)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%s' is defined any more", name);
	ASOF_TRY(asof_view_state_find(session, view, arena, &state, err));
	if (strcmp(state.hash, table->version->definition_hash) != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "the instant lies inside a step of view '%s' whose definition has "
				 "changed since it was built: run `asof build %s`, or choose a "
				 "whole step",
				 name, name);

	struct asof_cursor cursor;
	ASOF_TRY(asof_cursor_of_table(&table->snapshot, arena, &cursor, err));
	if (cursor.upstream) {
		enum asof_status status =
			asof_upstream_use_version(session, view->source, cursor.upstream, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status,
					 "the instant lies inside a step of view '%s', which is "
					 "read again (choose a whole step, or build it again)",
					 view->name);
	}
	*partial = (struct asof_plan_build){
		.view = view,
		.layout = table->plan.layout,
		.source = asof_session_plan_source(session, view->source),
		.range = { .has_from = true,
			   .has_to = true,
			   .from_us = asof_step_floor(at_us, view->step_us) + 1,
			   .to_us = at_us + 1 },
		.commit_us = table->version->published_us,
	};
	if (cursor.upstream) /* all of it is used already */
		return ASOF_OK;
	if (cursor.table_id)
		partial->source.table_version = cursor.table_version;
	return use_cursor_files(session, &cursor, arena, &partial->source, err);
}

static enum asof_status
plan_rows(struct asof_session *session, struct asof_engine *engine,
	  const struct asof_version_table *table, int64_t at_us, struct asof_arena *arena,
	  struct asof_buf *sql, bool *ret_is_partial, struct asof_error *err)
{
	struct asof_plan_build partial;
	int64_t straddling = 0;
	if (table->view->step_us > 0 && asof_step_floor(at_us, table->view->step_us) != at_us) {
		asof_plan_straddling_sql(&table->plan, at_us, sql);
		ASOF_TRY(asof_buf_status(sql, err));
		ASOF_TRY(asof_query_ints(engine, asof_buf_cstr(sql), &straddling, 1, err));
		asof_buf_clear(sql);
	}
	*ret_is_partial = straddling > 0;
	if (straddling > 0)
		ASOF_TRY(plan_partial(session, table, at_us, arena, &partial, err));
	return asof_plan_online_sql(&table->plan, at_us, straddling > 0 ? &partial : NULL, sql,
				    err);
}

/* Is what is online already later than `at_us`, under the same definition? */
static enum asof_status
is_superseded(struct asof_store *store, const struct asof_version *version, int64_t at_us,
	      struct asof_arena *arena, bool *ret_is_superseded, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 20);
	struct asof_online_meta meta;
	enum asof_status status = asof_store_meta(store, version->view, &text, err);
	*ret_is_superseded = false;
	if (status == ASOF_NOT_FOUND)
		return ASOF_OK;
	ASOF_TRY(status);
	ASOF_TRY(asof_online_meta_read(asof_buf_view(&text), arena, &meta, err));
	*ret_is_superseded =
		meta.at_us > at_us && strcmp(meta.definition_hash, version->definition_hash) == 0;
	return ASOF_OK;
}

static enum asof_status
commit(struct loading *l, struct asof_session *session, struct asof_store *store,
       const struct asof_version_table *table, struct asof_arena *arena, struct asof_error *err)
{
	struct asof_cursor cursor;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 20);
	struct asof_online_meta meta = { .view = table->version->view,
					 .version = table->version_text,
					 .definition_hash = table->version->definition_hash,
					 .definition_json = table->version->definition_json,
					 .at_us = l->at_us,
					 .row_count = l->total_rows };
	asof_online_meta_write(&meta, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	ASOF_TRY(asof_fault_point("materialize.before_commit", err));
	ASOF_TRY(asof_cursor_of_table(&table->snapshot, arena, &cursor, err));
	const struct asof_push_load load = {
		.session = session,
		.store = store,
		.load = l->load,
		.view = table->version->view,
		.definition = table->view,
		.definition_hash = table->version->definition_hash,
		.cursor = &cursor,
		.at_us = l->at_us,
	};
	ASOF_TRY(asof_push_online_commit(&load, asof_buf_view(&text), arena, err));
	l->load = NULL;
	return asof_fault_point("materialize.after_commit", err);
}

/*
 * Begin, or go on where a run was killed that would have put the same rows: the same program, the
 * same instant, and the same statement, which names the version's files; those never change, and it
 * orders by key. An unfinished step is read from the source, which may change: then all begins
 * anew.
 */
static enum asof_status
begin_load(struct loading *l, struct asof_store *store, const struct asof_version_table *table,
	   const char *sql, bool is_partial, struct asof_arena *arena, struct asof_error *err)
{
	char digest[33];
	if (is_partial)
		return asof_store_load_begin(store, &l->table, &l->load, err);
	asof_hash128_text(asof_str_from(sql), digest);
	const char *tag = asof_arena_printf(arena, "%s %s %s %" PRId64 " %s", ASOF_VERSION,
					    table->version_text, table->version->definition_hash,
					    l->at_us, digest);
	if (!tag)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "tag");
	l->resume.tag = asof_str_from(tag);
	ASOF_TRY(asof_store_load_resume(store, &l->table, &l->resume, &l->load, err));
	l->total_rows = l->resume.row_count;
	l->total_bytes = l->resume.size_bytes;
	return ASOF_OK;
}

/* The query, row by row, then the switch. */
static enum asof_status
fill(struct loading *l, struct asof_store *store, struct asof_engine *engine,
     const struct asof_version_table *table, const char *sql, struct asof_arena *arena,
     struct asof_error *err)
{
	ASOF_TRY(asof_engine_query(engine, sql, take_rows, l, err));
	ASOF_TRY(finish_key(l, err));
	if (l->skipped_rows < l->resume.row_count)
		return no_such_row(l, err);
	ASOF_TRY(flush(l, err));
	ASOF_TRY(asof_cancel_check(&l->session->cancel, err));
	return commit(l, l->session, store, table, arena, err);
}

/* What the store has is kept for the next run of the same instant, which goes on behind it. */
static enum asof_status
leave(struct loading *l, struct asof_error *err)
{
	char at[ASOF_TIME_TEXT_MAX];
	struct asof_str text = { at, asof_timestamp_text(l->at_us, at) };
	int64_t row_count = asof_store_load_leave(l->load);
	l->load = NULL;
	if (row_count == 0)
		return ASOF_FAIL(err, ASOF_CANCELLED, "interrupted");
	return ASOF_FAIL(err, ASOF_CANCELLED,
			 "interrupted: %" PRId64 " rows are kept, `asof materialize %s --at %.*s` "
			 "goes on behind them",
			 row_count, l->table.name, ASOF_STR_ARG(text));
}

static enum asof_status
load_table(struct asof_session *session, struct asof_store *store, struct asof_engine *engine,
	   const struct asof_version_table *table, int64_t at_us, struct asof_arena *arena,
	   struct asof_materialize_report *report, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(loading_done)
	struct loading l = { .view = table->view,
			     .at_us = at_us,
			     .key_count = table->view->entity->key_count,
			     .batch_bytes = ASOF_BUF((size_t)ROW_BYTES_MAX + BATCH_BYTES_MAX),
			     .resume.last_key = ASOF_BUF(ASOF_STORE_KEY_MAX) };
	bool is_partial = false;
	l.is_showing = asof_store_is_showing(store);
	l.session = session;
	l.version_rows = table->snapshot.row_count;
	asof_session_rows(session, 0, -1);
	ASOF_TRY(asof_online_table(table->version->view, table->view, arena, &l.table, err));
	ASOF_TRY(asof_answer_plan_make(table->view, arena, &l.plan, err));
	ASOF_TRY(init_tables(&l, table, arena, err));
	ASOF_TRY(plan_rows(session, engine, table, at_us, arena, &sql, &is_partial, err));
	ASOF_TRY(begin_load(&l, store, table, asof_buf_cstr(&sql), is_partial, arena, err));
	enum asof_status status = fill(&l, store, engine, table, asof_buf_cstr(&sql), arena, err);
	if (status == ASOF_CANCELLED && l.load)
		return leave(&l, err);
	ASOF_TRY(status);
	report->is_written = true;
	report->row_count = l.total_rows;
	report->resumed_rows = l.resume.row_count;
	report->size_bytes = l.total_bytes;
	return ASOF_OK;
}

enum asof_status
asof_materialize_view(struct asof_session *session, const struct asof_version *version,
		      int64_t at_us, struct asof_arena *arena,
		      struct asof_materialize_report *ret_report, struct asof_error *err)
{
	struct asof_store *store = NULL;
	struct asof_engine *engine = NULL;
	bool is_later = false;
	struct asof_materialize_report report = { .version = asof_version_text(version, arena) };
	if (!report.version)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
	ASOF_TRY(asof_session_store(session, &store, err));
	ASOF_TRY(asof_session_engine(session, &engine, err));
	ASOF_TRY(is_superseded(store, version, at_us, arena, &is_later, err));
	if (!is_later) {
		ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
		ASOF_TRY(asof_version_table_open(session, version, arena, &table, err));
		ASOF_TRY(load_table(session, store, engine, &table, at_us, arena, &report, err));
	}
	*ret_report = report;
	return ASOF_OK;
}
