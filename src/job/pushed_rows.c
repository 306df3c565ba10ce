#include "job/pushed_rows.h"

#include <stdlib.h>

#include "codec/key.h"
#include "job/entry_table.h"
#include "job/online_shown.h"
#include "plan/sql.h"

#define HEAD_COLUMNS 3 /* event_us, created_us, row_order */
/* Behind every file of a source. */
#define FIRST_ORDINAL (INT64_C(1) << 22)
/* When what was pushed was known, where the source does not say: after all that a build committed.
 * It stands in online rows only. */
#define PUSHED_US INT64_C(4102444800000000)

/* The new events of all keys, by key and time. */
struct fresh {
	size_t key_count;
	struct asof_entry_table head;    /* keys, event_us, created_us, row_order */
	struct asof_entry_table entries; /* states or features */
	void *starts;                    /* size_t: the first row of each key */
	size_t start_count;
	size_t start_capacity;
};

static void
fresh_done(struct fresh *fresh)
{
	asof_entry_table_done(&fresh->head);
	asof_entry_table_done(&fresh->entries);
	asof_mem_free(fresh->starts);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "pushed rows");
}

bool
asof_pushed_merges(const struct asof_view *view)
{
	return !(asof_view_is_windowed(view) && view->online == ASOF_ONLINE_LATEST);
}

/* ---- new events ---- */

static size_t
entry_count_of(const struct asof_answer_plan *plan)
{
	return asof_view_is_windowed(plan->view) ? plan->layout.state_count
						 : plan->view->output_count;
}

static enum asof_status
init_tables(const struct asof_answer_plan *plan, struct asof_entry_table *head, size_t key_count,
	    struct asof_entry_table *entries, struct asof_arena *arena, struct asof_error *err)
{
	size_t head_count = key_count + HEAD_COLUMNS;
	struct asof_type *types = asof_arena_array(arena, head_count, sizeof(*types));
	if (!types)
		return no_memory(err);
	for (size_t i = 0; i < key_count; i++)
		types[i] = plan->view->entity->keys[i].type;
	for (size_t i = key_count; i < head_count; i++)
		types[i] = ASOF_TYPE(ASOF_TYPE_INT64);
	ASOF_TRY(asof_entry_table_init(head, types, head_count, err));
	return asof_entry_table_init(entries, plan->shape.entries, entry_count_of(plan), err);
}

static enum asof_status
is_same_key(const struct fresh *fresh, const struct asof_batch *batch, size_t row,
	    bool *ret_is_same, struct asof_error *err)
{
	size_t last = fresh->head.row_count;
	*ret_is_same = last > 0;
	for (size_t i = 0; i < fresh->key_count && *ret_is_same; i++) {
		struct asof_value have;
		struct asof_value next;
		ASOF_TRY(asof_column_value(&fresh->head.columns[i], last - 1, NULL, &have, err));
		ASOF_TRY(asof_column_value(&batch->columns[i], row, NULL, &next, err));
		*ret_is_same = asof_value_compare(&have, &next) == 0;
	}
	return ASOF_OK;
}

static enum asof_status
take_rows(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct fresh *fresh = arg;
	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++) {
		bool is_same = false;
		ASOF_TRY(is_same_key(fresh, batch, row, &is_same, err));
		if (!is_same) {
			ASOF_TRY(asof_mem_reserve(&fresh->starts, &fresh->start_capacity,
						  fresh->start_count + 1, sizeof(size_t), err));
			((size_t *)fresh->starts)[fresh->start_count++] = fresh->head.row_count;
		}
		ASOF_TRY(asof_entry_table_add(&fresh->head, batch->columns, row, err));
		ASOF_TRY(asof_entry_table_add(&fresh->entries,
					      batch->columns + fresh->key_count + HEAD_COLUMNS, row,
					      err));
	}
	return ASOF_OK;
}

static enum asof_status
read_fresh(const struct asof_pushed_merge *m, struct asof_arena *arena, struct fresh *fresh,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_engine *engine = NULL;
	size_t count = (size_t)(m->to_version - m->from_version + 1);
	const char **paths = asof_arena_array(arena, count, sizeof(*paths));
	int64_t *ordinals = asof_arena_array(arena, count, sizeof(*ordinals));
	struct asof_plan_build build = {
		.view = m->view,
		.layout = asof_view_is_windowed(m->view) ? &m->plan->layout : NULL,
		.source = asof_session_plan_source(m->session, m->view->source),
		.range = m->range,
		.commit_us = PUSHED_US,
	};
	if (!paths || !ordinals)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		int64_t version = m->from_version + (int64_t)i;
		paths[i] = m->log->snapshot.files[version].path;
		ordinals[i] = FIRST_ORDINAL + version;
	}
	build.source.paths = paths;
	build.source.ordinals = ordinals;
	build.source.path_count = build.source.pushed_count = count;
	ASOF_TRY(asof_push_log_columns(m->log, m->view->source, build.source.own_field_count, arena,
				       &build.source.is_pushed_column, err));
	ASOF_TRY(asof_session_engine(m->session, &engine, err));
	ASOF_TRY(init_tables(m->plan, &fresh->head, fresh->key_count, &fresh->entries, arena, err));
	ASOF_TRY(asof_plan_pushed_sql(&build, &sql, err));
	return asof_engine_query(engine, asof_buf_cstr(&sql), take_rows, fresh, err);
}

/* ---- one key ---- */

/* An event of a key: of its stored row, of the answer in it, or new. */
struct event {
	enum { STORED_ANSWER, STORED, FRESH } origin;
	size_t row;
	int64_t event_us;
	int64_t created_us;
	int64_t order;
};

struct key_merge {
	const struct asof_pushed_merge *m;
	const struct fresh *fresh;
	size_t first; /* rows of `fresh` */
	size_t end;
	struct asof_row stored;
	struct event *events;
	size_t event_count;
	struct asof_entry_table head; /* event_us, created_us, row_order */
	struct asof_entry_table entries;
	struct asof_arena *scratch; /* of this key */
};

static void
key_merge_done(struct key_merge *k)
{
	asof_entry_table_done(&k->head);
	asof_entry_table_done(&k->entries);
}

static int
compare_int64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By time; what is as new by when it was known, then what is stored before what is new. */
static int
compare_events(const void *left, const void *right)
{
	const struct event *a = left;
	const struct event *b = right;
	int order = compare_int64(a->event_us, b->event_us);
	if (order == 0)
		order = compare_int64(a->created_us, b->created_us);
	if (order == 0)
		order = compare_int64(a->origin, b->origin);
	if (order == 0)
		order = compare_int64(a->order, b->order);
	return order != 0 ? order : compare_int64((int64_t)a->row, (int64_t)b->row);
}

static int64_t
int_at(const struct asof_column *column, size_t row)
{
	return asof_column_is_null(column, row) ? 0 : ((const int64_t *)column->data)[row];
}

static void
add_stored_events(struct key_merge *k)
{
	const struct asof_answer_plan *plan = k->m->plan;
	const struct asof_row *stored = &k->stored;
	bool is_windowed = asof_view_is_windowed(plan->view);
	size_t extra = entry_count_of(plan);
	if (!is_windowed && stored->has_answer)
		k->events[k->event_count++] = (struct event){
			.origin = STORED_ANSWER,
			.event_us = stored->event_us,
			.created_us = plan->has_created ? stored->values[extra].int64 : 0,
		};
	for (size_t i = 0; i < stored->entry_count; i++) {
		struct event event = { .origin = STORED,
				       .row = i,
				       .event_us = stored->entry_event_us[i] };
		if (plan->has_created || plan->view->step_us == ASOF_STEP_EVENT)
			event.created_us = int_at(&stored->entries[extra], i);
		if (plan->view->step_us == ASOF_STEP_EVENT)
			event.order = int_at(&stored->entries[extra + 1], i);
		k->events[k->event_count++] = event;
	}
}

static void
add_fresh_events(struct key_merge *k)
{
	const struct asof_answer_plan *plan = k->m->plan;
	const struct asof_column *head = &k->fresh->head.columns[k->fresh->key_count];
	bool has_created = plan->has_created || plan->view->step_us == ASOF_STEP_EVENT;
	for (size_t row = k->first; row < k->end; row++)
		k->events[k->event_count++] = (struct event){
			.origin = FRESH,
			.row = row,
			.event_us = int_at(&head[0], row),
			.created_us = has_created ? int_at(&head[1], row) : 0,
			.order = int_at(&head[2], row),
		};
}

/* Of a plain view's rows of one time the last one counts. */
static void
keep_winners(struct key_merge *k)
{
	size_t kept = 0;
	for (size_t i = 0; i < k->event_count; i++) {
		bool is_last = i + 1 == k->event_count ||
			       k->events[i + 1].event_us != k->events[i].event_us;
		if (is_last)
			k->events[kept++] = k->events[i];
	}
	k->event_count = kept;
}

static enum asof_status
add_event(struct key_merge *k, const struct event *event, struct asof_error *err)
{
	const struct asof_value times[HEAD_COLUMNS] = {
		{ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = event->event_us },
		{ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = event->created_us },
		{ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = event->order },
	};
	ASOF_TRY(asof_entry_table_add_values(&k->head, NULL, 0, 0, times, err));
	switch (event->origin) {
	case STORED_ANSWER:
		return asof_entry_table_add_values(&k->entries, NULL, 0, 0, k->stored.values, err);
	case STORED:
		return asof_entry_table_add(&k->entries, k->stored.entries, event->row, err);
	case FRESH:
		break;
	}
	return asof_entry_table_add(&k->entries, k->fresh->entries.columns, event->row, err);
}

/* All events of the key, stored and new, in order. */
static enum asof_status
gather(struct key_merge *k, struct asof_error *err)
{
	size_t most = 1 + k->stored.entry_count + k->end - k->first;
	k->events = asof_arena_array(k->scratch, most, sizeof(*k->events));
	if (!k->events)
		return no_memory(err);
	k->event_count = 0;
	add_stored_events(k);
	add_fresh_events(k);
	qsort(k->events, k->event_count, sizeof(*k->events), compare_events);
	if (!asof_view_is_windowed(k->m->view))
		keep_winners(k);
	asof_entry_table_clear(&k->head);
	asof_entry_table_clear(&k->entries);
	for (size_t i = 0; i < k->event_count; i++)
		ASOF_TRY(add_event(k, &k->events[i], err));
	return ASOF_OK;
}

/* The key's next row out of `bytes`, which is what is stored of it, or empty. */
static enum asof_status
make_row(struct key_merge *k, struct asof_str bytes, struct asof_arena *arena,
	 struct asof_row *ret_packed, struct asof_store_row *row, struct asof_error *err)
{
	const struct asof_answer_plan *plan = k->m->plan;
	int64_t at_us = k->m->at_us;
	ASOF_AUTO(asof_buf_done) struct asof_buf value = ASOF_BUF(ASOF_STORE_VALUE_MAX);
	k->stored = (struct asof_row){ .from_us = INT64_MIN };
	if (bytes.len > 0)
		ASOF_TRY(asof_row_decode(bytes, &plan->shape, true, k->scratch, &k->stored, err));
	if (k->stored.from_us > at_us)
		at_us = k->stored.from_us;
	ASOF_TRY(gather(k, err));
	struct asof_tiles tiles = {
		.count = k->event_count,
		.end_us = k->head.columns[0].data,
		.created_us = k->head.columns[1].data,
		.order = k->head.columns[2].data,
		.states = k->entries.columns,
	};
	ASOF_TRY(asof_answer_make_row(plan, &tiles, at_us, k->scratch, ret_packed, err));
	ASOF_TRY(asof_row_encode(&plan->shape, ret_packed, &value, err));
	ASOF_TRY(asof_buf_status(&value, err));
	row->event_us = k->events[k->event_count - 1].event_us;
	row->created_us = k->events[k->event_count - 1].created_us;
	row->value = (struct asof_str){ asof_arena_copy(arena, asof_buf_view(&value)), value.len };
	return row->value.ptr ? ASOF_OK : no_memory(err);
}

/* ---- all keys ---- */

struct lookup {
	struct asof_arena *arena;
	struct asof_str *values;
};

static enum asof_status
take_value(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	struct lookup *lookup = arg;
	const char *copy = asof_arena_copy(lookup->arena, value);
	if (!copy)
		return no_memory(err);
	lookup->values[key_index] = (struct asof_str){ copy, value.len };
	return ASOF_OK;
}

static enum asof_status
read_key(const struct fresh *fresh, size_t row, struct asof_arena *arena,
	 struct asof_value *ret_values, struct asof_str *ret_key, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(ASOF_STORE_KEY_MAX);
	for (size_t i = 0; i < fresh->key_count; i++)
		ASOF_TRY(asof_column_value(&fresh->head.columns[i], row, arena, &ret_values[i],
					   err));
	ASOF_TRY(asof_key_encode(ret_values, fresh->key_count, &key, err));
	ASOF_TRY(asof_buf_status(&key, err));
	*ret_key = (struct asof_str){ asof_arena_copy(arena, asof_buf_view(&key)), key.len };
	return ret_key->ptr ? ASOF_OK : no_memory(err);
}

static enum asof_status
merge_keys(const struct asof_pushed_merge *m, const struct fresh *fresh,
	   const struct asof_str *stored, const struct asof_value *keys, struct asof_arena *arena,
	   struct asof_store_row *rows, struct asof_error *err)
{
	const size_t *starts = fresh->starts;
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	ASOF_AUTO(key_merge_done)
	struct key_merge k = { .m = m, .fresh = fresh, .scratch = &scratch };
	ASOF_TRY(init_tables(m->plan, &k.head, 0, &k.entries, arena, err));
	for (size_t i = 0; i < fresh->start_count; i++) {
		struct asof_row packed;
		asof_arena_reset(&scratch);
		k.first = starts[i];
		k.end = i + 1 < fresh->start_count ? starts[i + 1] : fresh->head.row_count;
		ASOF_TRY(make_row(&k, stored[i], arena, &packed, &rows[i], err));
		if (m->is_showing)
			ASOF_TRY(asof_online_shown(m->plan, &keys[i * fresh->key_count], &packed,
						   packed.from_us, arena, &rows[i].shown, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_pushed_rows_make(const struct asof_pushed_merge *m, struct asof_arena *arena,
		      struct asof_store_row **ret_rows, size_t *ret_count, struct asof_error *err)
{
	ASOF_AUTO(fresh_done) struct fresh fresh = { .key_count = m->view->entity->key_count };
	ASOF_TRY(read_fresh(m, arena, &fresh, err));
	size_t count = fresh.start_count;
	struct asof_store_row *rows = asof_arena_array(arena, count, sizeof(*rows));
	struct asof_str *keys = asof_arena_array(arena, count, sizeof(*keys));
	struct asof_value *values =
		asof_arena_array(arena, count * fresh.key_count, sizeof(*values));
	struct lookup lookup = { arena, asof_arena_array(arena, count, sizeof(*lookup.values)) };
	if (!rows || !keys || !values || !lookup.values)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		ASOF_TRY(read_key(&fresh, ((const size_t *)fresh.starts)[i], arena,
				  &values[i * fresh.key_count], &keys[i], err));
		rows[i].key = keys[i];
	}
	if (count > 0)
		ASOF_TRY(m->get(m->get_arg, keys, count, take_value, &lookup, err));
	ASOF_TRY(merge_keys(m, &fresh, lookup.values, values, arena, rows, err));
	*ret_rows = rows;
	*ret_count = count;
	return ASOF_OK;
}
