/* join.c - a training set: features as they were known at the times of a spine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "codec/time_text.h"
#include "job/join_spine.h"
#include "job/manifest.h"
#include "job/window_answers.h"
#include "model/duration.h"
#include "plan/sql.h"

struct join {
	struct asof_session *session;
	const struct asof_join_options *options;
	struct asof_arena arena;
	struct asof_engine *engine;
	struct asof_manifest manifest; /* what is asked for; its versions pinned on the way */
	struct asof_version_set versions;
	struct asof_version_table *tables; /* one per view, owned */
	size_t table_count;
	struct asof_plan_join_view *views; /* beside tables */
	struct asof_plan_join_column *columns;
	size_t column_count;
	struct asof_spine spine;
	const char *out; /* absolute */
	int64_t row_count;
	uint64_t size_bytes;
	int64_t *matched; /* beside tables */
};

static void
join_done(struct join *join)
{
	for (size_t i = 0; i < join->table_count; i++)
		asof_version_table_done(&join->tables[i]);
	asof_version_set_done(&join->versions);
	asof_arena_done(&join->arena);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
}

static enum asof_status
read_request(struct join *join, struct asof_error *err)
{
	const struct asof_join_options *options = join->options;
	struct asof_manifest *manifest = &join->manifest;
	if (options->from_manifest)
		return asof_manifest_read(options->from_manifest, &join->arena, manifest, err);
	if (!options->spine)
		return ASOF_FAIL(err, ASOF_INVALID, "say which file to join onto: a spine");
	*manifest = (struct asof_manifest){ .spine = options->spine,
					    .time_column = options->time_column,
					    .service = options->service,
					    .known_at = options->known_at,
					    .known_at_us = options->known_at_us };
	return asof_feature_refs(join->session, options->service, options->features,
				 options->feature_count, &join->arena, &manifest->refs,
				 &manifest->ref_count, err);
}

/* The opened table of a reference's view; two versions of one view would share their column names.
 */
static enum asof_status
open_view(struct join *join, const struct asof_feature_ref *ref, size_t *ret_index,
	  struct asof_error *err)
{
	const struct asof_version *version = NULL;
	struct asof_error why = { 0 };
	enum asof_status status = asof_version_set_find(&join->versions, ref->view, ref->version,
							join->options->has_as_of,
							join->options->as_of_us, &version, &why);
	if (status != ASOF_OK &&
	    !asof_project_view(join->session->project, asof_str_from(ref->view))) {
		const struct asof_view *none = NULL;
		return asof_session_find_view(join->session, asof_str_from(ref->view), &none, err);
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	for (size_t i = 0; i < join->table_count; i++) {
		if (strcmp(join->tables[i].version->view, ref->view) != 0)
			continue;
		if (join->tables[i].version != version)
			return ASOF_FAIL(err, ASOF_INVALID, "two versions of view '%s' in one join",
					 ref->view);
		*ret_index = i;
		return ASOF_OK;
	}
	ASOF_TRY(asof_version_table_open(join->session, version, &join->arena,
					 &join->tables[join->table_count], err));
	*ret_index = join->table_count++;
	return ASOF_OK;
}

static enum asof_status
add_output(struct join *join, size_t table, const struct asof_output *output,
	   struct asof_error *err)
{
	struct asof_plan_join_view *view = &join->views[table];
	for (size_t i = 0; i < view->output_count; i++) {
		if (view->outputs[i] == output)
			return ASOF_OK; /* asked for twice: once */
	}
	const struct asof_output **outputs =
		asof_arena_array(&join->arena, view->output_count + 1, sizeof(*outputs));
	struct asof_plan_join_column *columns =
		asof_arena_array(&join->arena, join->column_count + 1, sizeof(*columns));
	if (!outputs || !columns)
		return no_memory(err);
	for (size_t i = 0; i < view->output_count; i++)
		outputs[i] = view->outputs[i];
	outputs[view->output_count] = output;
	if (join->column_count > 0)
		memcpy(columns, join->columns, join->column_count * sizeof(*columns));
	columns[join->column_count++] = (struct asof_plan_join_column){ table, view->output_count };
	join->columns = columns;
	view->outputs = outputs;
	view->output_count++;
	return ASOF_OK;
}

static enum asof_status
add_ref(struct join *join, struct asof_feature_ref *ref, struct asof_error *err)
{
	size_t table = 0;
	ASOF_TRY(open_view(join, ref, &table, err));
	const struct asof_view *view = join->tables[table].view;
	ref->version = join->tables[table].version_text;
	if (strcmp(ref->feature, "*") == 0) {
		for (size_t i = 0; i < view->output_count; i++)
			ASOF_TRY(add_output(join, table, &view->outputs[i], err));
		return ASOF_OK;
	}
	const struct asof_output *output = asof_view_output(view, asof_str_from(ref->feature));
	if (!output)
		return asof_no_output(view, ref->version, ref->feature, err);
	return add_output(join, table, output, err);
}

static enum asof_status
open_views(struct join *join, struct asof_error *err)
{
	struct asof_manifest *manifest = &join->manifest;
	ASOF_TRY(asof_version_set_read(join->session, &join->arena, &join->versions, err));
	join->tables = asof_arena_array(&join->arena, manifest->ref_count, sizeof(*join->tables));
	join->views = asof_arena_array(&join->arena, manifest->ref_count, sizeof(*join->views));
	join->matched = asof_arena_array(&join->arena, manifest->ref_count, sizeof(int64_t));
	if (!join->tables || !join->views || !join->matched)
		return no_memory(err);
	for (size_t i = 0; i < manifest->ref_count; i++)
		ASOF_TRY(add_ref(join, &manifest->refs[i], err));
	for (size_t i = 0; i < join->table_count; i++)
		join->views[i].table = join->tables[i].plan;
	return ASOF_OK;
}

static bool
is_csv(const char *path)
{
	size_t len = strlen(path);
	return len > 4 && strcmp(path + len - 4, ".csv") == 0;
}

/* The directory of the file to be written is there, and may be written to. */
static enum asof_status
check_out_dir(struct join *join, const char *out, struct asof_error *err)
{
	const char *slash = strrchr(out, '/');
	size_t len = slash ? (size_t)(slash - out) + (slash == out) : 0;
	const char *dir =
		slash ? asof_arena_copy(&join->arena, (struct asof_str){ out, len }) : ".";
	if (!dir)
		return no_memory(err);
	if (access(dir, W_OK | X_OK) != 0)
		return ASOF_FAIL(err, errno == ENOENT ? ASOF_INVALID : ASOF_IO,
				 "'%s' cannot be written: directory '%s': %s", out, dir,
				 strerror(errno));
	return ASOF_OK;
}

static enum asof_status
check_out(struct join *join, struct asof_error *err)
{
	const char *out = join->options->out;
	struct stat spine_info;
	struct stat out_info;
	size_t len = out ? strlen(out) : 0;
	if (!out)
		return ASOF_FAIL(err, ASOF_INVALID, "say which file to write");
	if (!is_csv(out) && (len < 9 || strcmp(out + len - 8, ".parquet") != 0))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s': the name must end in .parquet or .csv",
				 out);
	if (stat(join->spine.path, &spine_info) == 0 && stat(out, &out_info) == 0 &&
	    spine_info.st_dev == out_info.st_dev && spine_info.st_ino == out_info.st_ino)
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is the spine itself", out);
	ASOF_TRY(check_out_dir(join, out, err));
	if (out[0] == '/') {
		join->out = out;
		return ASOF_OK;
	}
	char *cwd = realpath(".", NULL);
	join->out = cwd ? asof_arena_printf(&join->arena, "%s/%s", cwd, out) : NULL;
	free(cwd);
	return join->out ? ASOF_OK : no_memory(err);
}

/* A spine column that is called like a feature would make two of one name. */
static enum asof_status
check_names(const struct join *join, struct asof_error *err)
{
	for (size_t i = 0; i < join->column_count; i++) {
		const struct asof_plan_join_view *view = &join->views[join->columns[i].view];
		ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(1024);
		asof_buf_printf(&name, "%s__%s", view->table.view->name,
				view->outputs[join->columns[i].output]->name);
		for (size_t f = 0; f < join->spine.field_count; f++) {
			if (strcmp(join->spine.fields[f].name, asof_buf_cstr(&name)) == 0)
				return ASOF_FAIL(err, ASOF_INVALID,
						 "spine '%s' has a column '%s' already",
						 join->spine.path, asof_buf_cstr(&name));
		}
	}
	for (size_t f = 0; f < join->spine.field_count; f++) {
		const char *name = join->spine.fields[f].name;
		if (strcmp(name, "asof_row") == 0 || strcmp(name, "asof_time_us") == 0)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': the column name '%s' is taken by the join",
					 join->spine.path, name);
	}
	return ASOF_OK;
}

/* The kernel evaluates windows; a label's own known-at is the reference's. */
static enum asof_status
answer_windows(struct join *join, const struct asof_plan_join *plan, struct asof_error *err)
{
	uint64_t max_bytes = asof_session_answer_bytes(join->session);
	for (size_t i = 0; i < join->table_count; i++) {
		struct asof_plan_join_view *view = &join->views[i];
		if (!asof_view_is_windowed(view->table.view))
			continue;
		const char *name = asof_arena_printf(&join->arena, "asof_answers_%zu", i);
		if (!name)
			return no_memory(err);
		asof_session_stage(join->session, "windows of '%s'", view->table.view->name);
		bool is_made = false;
		ASOF_TRY(
			asof_window_answers(join->engine, plan, i, name, max_bytes, &is_made, err));
		view->answers = is_made ? name : NULL;
	}
	return ASOF_OK;
}

static enum asof_status
plan_join(struct join *join, struct asof_buf *sql, struct asof_error *err)
{
	struct asof_plan_join plan = {
		.spine_sql = join->spine.sql,
		.spine_row = join->spine.row,
		.spine_fields = join->spine.fields,
		.spine_field_count = join->spine.field_count,
		.time_column = join->spine.time_column,
		.time_type = join->spine.time_type,
		.views = join->views,
		.view_count = join->table_count,
		.columns = join->columns,
		.column_count = join->column_count,
		.known_at = (enum asof_plan_known_at)join->manifest.known_at,
		.known_at_us = join->manifest.known_at_us,
	};
	if (!join->options->is_sql && join->manifest.known_at != ASOF_KNOWN_AT_LABEL)
		ASOF_TRY(answer_windows(join, &plan, err));
	return asof_plan_join_sql(&plan, sql, err);
}

/* Written beside, then renamed: nobody sees half a file. Snappy, because every reader of Parquet
 * has it. */
static enum asof_status
write_file(struct join *join, const char *select, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	const char *part = asof_arena_printf(&join->arena, "%s.part-%d", join->out, (int)getpid());
	uint64_t rows = 0;
	struct stat info;
	if (!part)
		return no_memory(err);
	asof_buf_printf(&sql, "COPY (%s) TO ", select);
	asof_sql_text(&sql, part);
	asof_buf_add_cstr(&sql, is_csv(join->out) ? " (FORMAT csv, HEADER true)"
						  : " (FORMAT parquet, COMPRESSION snappy)");
	ASOF_TRY(asof_buf_status(&sql, err));
	enum asof_status status = asof_engine_run(join->engine, asof_buf_cstr(&sql), &rows, err);
	if (status == ASOF_OK && (rename(part, join->out) != 0 || stat(join->out, &info) != 0))
		status = ASOF_FAIL(err, ASOF_IO, "rename to '%s': %s", join->out, strerror(errno));
	if (status != ASOF_OK) {
		(void)unlink(part);
		return status;
	}
	join->row_count = (int64_t)rows;
	join->size_bytes = (uint64_t)info.st_size;
	return ASOF_OK;
}

static enum asof_status
write_out(struct join *join, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(plan_join(join, &sql, err));
	asof_session_stage(join->session, "join %zu views", join->table_count);
	return write_file(join, asof_buf_cstr(&sql), err);
}

/* "the row has something of this view": a value, or one that is not the default where every output
 * has one. */
static enum asof_status
add_is_matched(struct asof_buf *sql, const struct asof_plan_join_view *view, struct asof_error *err)
{
	bool has_plain = false;
	bool is_first = true;
	for (size_t i = 0; i < view->output_count; i++)
		has_plain = has_plain || !view->outputs[i]->has_default;
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = view->outputs[i];
		if (has_plain && output->has_default)
			continue;
		asof_buf_printf(sql, "%s\"%s__%s\" IS ", is_first ? "" : " OR ",
				view->table.view->name, output->name);
		is_first = false;
		asof_buf_add_cstr(sql, has_plain ? "NOT NULL" : "DISTINCT FROM ");
		if (!has_plain)
			ASOF_TRY(asof_sql_value(sql, output->default_value, err));
	}
	return ASOF_OK;
}

/* How many rows were matched by each view: the first thing to look at in a training set. */
static enum asof_status
count_matches(struct join *join, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&sql, "SELECT ");
	for (size_t v = 0; v < join->table_count; v++) {
		asof_buf_add_cstr(&sql, v ? ", count(*) FILTER (" : "count(*) FILTER (");
		ASOF_TRY(add_is_matched(&sql, &join->views[v], err));
		asof_buf_add_char(&sql, ')');
	}
	asof_buf_add_cstr(&sql, is_csv(join->out) ? " FROM read_csv(" : " FROM read_parquet(");
	asof_sql_text(&sql, join->out);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(join->engine, asof_buf_cstr(&sql), join->matched, join->table_count,
			       err);
}

static void
write_notes(struct asof_json_writer *w, const struct join *join)
{
	asof_json_key_cstr(w, "notes");
	asof_json_begin_array(w);
	for (size_t i = 0; i < join->table_count; i++) {
		const struct asof_view *view = join->tables[i].view;
		int64_t us = join->manifest.known_at_us;
		bool is_rounded = join->manifest.known_at == ASOF_KNOWN_AT_TIME &&
				  view->step_us > 0 && view->source->created_time.text &&
				  asof_step_floor(us, view->step_us) != us;
		if (!is_rounded)
			continue;
		char text[ASOF_TIME_TEXT_MAX];
		size_t len = asof_timestamp_text(asof_step_floor(us, view->step_us), text);
		ASOF_AUTO(asof_buf_done) struct asof_buf note = ASOF_BUF(512);
		asof_buf_printf(&note,
				"view '%s': --known-at was rounded down to its step, to %.*s",
				view->name, (int)len, text);
		asof_json_cstr(w, asof_buf_cstr(&note));
	}
	asof_json_end_array(w);
}

static void
write_report(struct asof_json_writer *w, const struct join *join, int64_t elapsed_us)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "out", join->options->out);
	asof_json_member_int(w, "rows", join->row_count);
	asof_json_member_int(w, "columns", (int64_t)(join->spine.field_count + join->column_count));
	asof_json_member_int(w, "features", (int64_t)join->column_count);
	asof_json_member_int(w, "bytes", (int64_t)join->size_bytes);
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < join->table_count; i++) {
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "view", join->tables[i].version->view);
		asof_json_member_cstr(w, "version", join->tables[i].version_text);
		asof_json_member_int(w, "matched", join->matched[i]);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
	write_notes(w, join);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)elapsed_us / 1e6);
	asof_json_end_object(w);
}

static enum asof_status
run_join(struct join *join, struct asof_error *err)
{
	struct asof_session *session = join->session;
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(asof_session_engine(session, &join->engine, err));
	ASOF_TRY(read_request(join, err));
	ASOF_TRY(open_views(join, err));
	ASOF_TRY(asof_spine_open(session, join->manifest.spine, join->manifest.time_column,
				 join->tables, join->table_count, &join->arena, &join->spine, err));
	ASOF_TRY(check_out(join, err));
	ASOF_TRY(check_names(join, err));
	ASOF_TRY(write_out(join, err));
	ASOF_TRY(count_matches(join, err));
	join->manifest.spine = join->spine.path;
	join->manifest.time_column = join->spine.time_column;
	return asof_manifest_write(&join->manifest, join->tables, join->table_count, join->out,
				   join->row_count, asof_session_now_us(session), &join->arena,
				   err);
}

enum asof_status
asof_join(struct asof_session *session, const struct asof_join_options *options, char **ret_json,
	  struct asof_error *err)
{
	ASOF_AUTO(join_done) struct join join = { .session = session, .options = options };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(run_join(&join, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	write_report(&w, &join, asof_monotonic_us() - start_us);
	return asof_result_text(&json, ret_json, err);
}
