#include "job/window_answers.h"

#include <stdatomic.h>

#include "base/map.h"
#include "codec/key.h"
#include "job/entry_table.h"
#include "kernel/window_sweep.h"
#include "plan/sql.h"

#define KEY_BYTES_MAX   (1u << 20)
#define KEY_RANGE_BYTES 160  /* about, of a key in the map with its range */
#define CHUNK_ROWS      2048 /* a multiple of 64 */
#define PASSES_MAX      16   /* over the tiles, where the answers are too many to be held at once */
#define TILE_HEAD       3    /* event_us, created_us, row_order */

/* Where the instants of one key stand in `asks`; kept in a map as the value itself. */
struct key_range {
	size_t first;
	size_t count;
};

struct answering {
	const struct asof_plan_join_view *item;
	const struct asof_view *view;
	size_t key_count;
	struct asof_arena arena; /* key ranges */
	struct asof_map ranges;  /* encoded key -> struct key_range */
	struct asof_buf key;
	struct asof_entry_table asks; /* k0.., at_us */
	struct asof_entry_table
		heads; /* k0.., event_us, created_us, row_order of one key's tiles */
	struct asof_entry_table tiles;   /* states of one key's tiles */
	struct asof_entry_table answers; /* k0.., at_us, event_us, f0.. */
	struct key_range *range; /* of the key whose tiles are gathered; NULL: nobody asks */
	int64_t from_us;         /* the earliest instant */
	uint64_t max_bytes;      /* for instants and answers */
	uint64_t ask_bytes;      /* of one instant */
	bool has_room;           /* the instants fit */
	size_t pass_first;       /* this pass answers keys whose instants begin in asks here .. */
	size_t pass_rows;        /* .. and so many rows on */
	struct asof_window_sweep *sweep;
	struct asof_block block;   /* what it gives: the outputs asked for */
	struct asof_arena scratch; /* of one instant */
	struct asof_value *values; /* event_us, then the outputs asked for */
	int64_t event_us[CHUNK_ROWS];
	atomic_size_t next_row;      /* of `answers`, while they are fed */
	struct asof_column **chunks; /* per worker */
};

static void
answering_done(struct answering *a)
{
	asof_map_done(&a->ranges);
	asof_buf_done(&a->key);
	asof_entry_table_done(&a->asks);
	asof_entry_table_done(&a->heads);
	asof_entry_table_done(&a->tiles);
	asof_entry_table_done(&a->answers);
	asof_window_sweep_free(a->sweep);
	asof_block_done(&a->block);
	asof_arena_done(&a->scratch);
	asof_arena_done(&a->arena);
}

static enum asof_status
encode_key(struct answering *a, const struct asof_column *columns, size_t row,
	   struct asof_error *err)
{
	asof_buf_clear(&a->key);
	for (size_t i = 0; i < a->key_count; i++) {
		struct asof_value value;
		ASOF_TRY(asof_column_value(&columns[i], row, NULL, &value, err));
		ASOF_TRY(asof_key_encode(&value, 1, &a->key, err));
	}
	return asof_buf_status(&a->key, err);
}

static enum asof_status
is_key_of(struct answering *a, const struct asof_entry_table *table, size_t table_row,
	  const struct asof_column *columns, size_t row, bool *ret_is_same, struct asof_error *err)
{
	*ret_is_same = true;
	for (size_t i = 0; i < a->key_count && *ret_is_same; i++) {
		struct asof_value have;
		struct asof_value next;
		ASOF_TRY(asof_column_value(&table->columns[i], table_row, NULL, &have, err));
		ASOF_TRY(asof_column_value(&columns[i], row, NULL, &next, err));
		*ret_is_same = asof_value_compare(&have, &next) == 0;
	}
	return ASOF_OK;
}

/* About what a row takes: arrays grow by doubling, texts are guessed at. */
static uint64_t
row_bytes(const struct asof_type *types, size_t count)
{
	uint64_t bytes = 1; /* its validity bits, rounded up */
	for (size_t i = 0; i < count; i++) {
		bool is_number = types[i].kind <= ASOF_TYPE_FLOAT64 ||
				 types[i].kind == ASOF_TYPE_DATE ||
				 types[i].kind == ASOF_TYPE_TIMESTAMP;
		bytes += is_number ? 12 : 48;
	}
	return bytes;
}

/* Arrays grow by doubling, so that the old and the new are there at once. */
static bool
is_within_bound(struct answering *a, size_t new_rows)
{
	size_t row_count = a->asks.row_count + new_rows;
	uint64_t bytes = 2 * row_count * a->ask_bytes + a->ranges.count * KEY_RANGE_BYTES;
	a->has_room = bytes <= a->max_bytes;
	return a->has_room;
}

/* Instants arrive ordered: those of one key form a range. */
static enum asof_status
take_instants(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	      struct asof_error *err)
{
	struct answering *a = arg;
	(void)schema;
	const int64_t *at_us = batch->columns[a->key_count].data;
	if (!is_within_bound(a, batch->row_count))
		return ASOF_FAIL(err, ASOF_LIMIT, "more instants than --memory has room for");
	for (size_t row = 0; row < batch->row_count; row++) {
		bool is_same = false;
		if (a->range)
			ASOF_TRY(is_key_of(a, &a->asks, a->asks.row_count - 1, batch->columns, row,
					   &is_same, err));
		if (!is_same) {
			a->range = asof_arena_alloc(&a->arena, sizeof(*a->range));
			if (!a->range)
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "keys of the spine");
			a->range->first = a->asks.row_count;
			ASOF_TRY(encode_key(a, batch->columns, row, err));
			ASOF_TRY(asof_map_put(&a->ranges, asof_buf_view(&a->key), a->range, err));
		}
		a->range->count++;
		if (at_us[row] < a->from_us)
			a->from_us = at_us[row];
		ASOF_TRY(asof_entry_table_add(&a->asks, batch->columns, row, err));
	}
	return ASOF_OK;
}

/* Row `row` of the block: the answer of instant asks[ask]. */
static enum asof_status
add_answer(struct answering *a, size_t ask, size_t row, struct asof_error *err)
{
	asof_arena_reset(&a->scratch);
	a->values[0] = (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64),
					    .int64 = a->event_us[row] };
	for (size_t i = 0; i < a->item->output_count; i++)
		ASOF_TRY(asof_column_value(&a->block.columns[i], row, &a->scratch,
					   &a->values[1 + i], err));
	return asof_entry_table_add_values(&a->answers, a->asks.columns, ask, a->key_count + 1,
					   a->values, err);
}

/* All tiles of a key are gathered: answer its instants, which ascend. */
static enum asof_status
answer_key(struct answering *a, struct asof_error *err)
{
	struct asof_tiles tiles = {
		.count = a->heads.row_count,
		.end_us = a->heads.columns[a->key_count].data,
		.created_us = a->heads.columns[a->key_count + 1].data,
		.order = a->heads.columns[a->key_count + 2].data,
		.states = a->tiles.columns,
	};
	const int64_t *at_us = a->asks.columns[a->key_count].data;
	size_t end = a->range->first + a->range->count;
	for (size_t first = a->range->first; first < end; first += CHUNK_ROWS) {
		size_t count = end - first < CHUNK_ROWS ? end - first : CHUNK_ROWS;
		asof_block_reset(&a->block, count);
		ASOF_TRY(asof_window_sweep_run(a->sweep, &tiles, at_us + first, count, &a->block, 0,
					       0, a->event_us, err));
		for (size_t i = 0; i < count; i++) {
			if (a->event_us[i] != INT64_MIN)
				ASOF_TRY(add_answer(a, first + i, i, err));
		}
	}
	return ASOF_OK;
}

static enum asof_status
finish_key(struct answering *a, struct asof_error *err)
{
	if (a->range && a->heads.row_count > 0)
		ASOF_TRY(answer_key(a, err));
	asof_entry_table_clear(&a->heads);
	asof_entry_table_clear(&a->tiles);
	return ASOF_OK;
}

static struct key_range *
of_this_pass(const struct answering *a, struct key_range *range)
{
	bool is_asked = range && range->first >= a->pass_first &&
			range->first - a->pass_first < a->pass_rows;
	return is_asked ? range : NULL;
}

static enum asof_status
take_tiles(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct answering *a = arg;
	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++) {
		bool is_same = false;
		if (a->heads.row_count > 0)
			ASOF_TRY(is_key_of(a, &a->heads, 0, batch->columns, row, &is_same, err));
		if (!is_same) {
			void *range = NULL;
			ASOF_TRY(finish_key(a, err));
			ASOF_TRY(encode_key(a, batch->columns, row, err));
			(void)asof_map_find(&a->ranges, asof_buf_view(&a->key), &range);
			a->range = of_this_pass(a, range);
		}
		ASOF_TRY(asof_entry_table_add(&a->heads, batch->columns, row, err));
		if (a->range)
			ASOF_TRY(asof_entry_table_add(
				&a->tiles, batch->columns + a->key_count + TILE_HEAD, row, err));
	}
	return ASOF_OK;
}

static enum asof_status
pull_answers(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	     struct asof_error *err)
{
	struct answering *a = arg;
	(void)err;
	size_t chunk = capacity < CHUNK_ROWS ? capacity - capacity % 64 : CHUNK_ROWS;
	size_t first = atomic_fetch_add(&a->next_row, chunk);
	size_t count = first < a->answers.row_count ? a->answers.row_count - first : 0;
	if (count > chunk)
		count = chunk;
	*ret_batch = (struct asof_batch){ a->chunks[worker], a->answers.column_count, 0 };
	if (count > 0)
		*ret_batch = asof_entry_table_slice(&a->answers, first, count, a->chunks[worker]);
	return ASOF_OK;
}

/* Column names of the table to be made: k0.., at_us, event_us, f0.. */
static enum asof_status
name_fields(struct answering *a, const struct asof_type *types, size_t count,
	    struct asof_field **ret_fields, struct asof_error *err)
{
	struct asof_field *fields = asof_arena_array(&a->arena, count, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < count; i++) {
		fields[i].type = types[i];
		if (i < a->key_count)
			fields[i].name = asof_arena_printf(&a->arena, "k%zu", i);
		else if (i == a->key_count)
			fields[i].name = "at_us";
		else if (i == a->key_count + 1)
			fields[i].name = "event_us";
		else
			fields[i].name = asof_arena_printf(&a->arena, "f%zu", i - a->key_count - 2);
		if (!fields[i].name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	}
	*ret_fields = fields;
	return ASOF_OK;
}

static enum asof_status
init_workers(struct answering *a, unsigned workers, struct asof_error *err)
{
	a->chunks = asof_arena_array(&a->arena, workers, sizeof(*a->chunks));
	if (!a->chunks)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers");
	for (unsigned i = 0; i < workers; i++) {
		a->chunks[i] =
			asof_arena_array(&a->arena, a->answers.column_count, sizeof(**a->chunks));
		if (!a->chunks[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers");
	}
	return ASOF_OK;
}

/* The answers of the first pass make the table, those of others are added. */
static enum asof_status
feed_answers(struct answering *a, struct asof_engine *engine, const struct asof_field *fields,
	     const char *name, struct asof_error *err)
{
	unsigned workers = asof_engine_threads(engine);
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(4096);
	asof_buf_add_cstr(&sql,
			  a->pass_first == 0 ? "CREATE OR REPLACE TEMP TABLE " : "INSERT INTO ");
	asof_sql_name(&sql, name);
	asof_buf_add_cstr(&sql, a->pass_first == 0 ? " AS SELECT * FROM asof_feed()"
						   : " SELECT * FROM asof_feed()");
	ASOF_TRY(asof_buf_status(&sql, err));
	atomic_store(&a->next_row, 0);
	struct asof_feed feed = { .fields = fields,
				  .field_count = a->answers.column_count,
				  .max_workers = workers,
				  .pull = pull_answers,
				  .arg = a };
	return asof_engine_feed(engine, asof_buf_cstr(&sql), &feed, NULL, err);
}

/* The types of every table; *ret_answer_types has those of `answers`. */
static enum asof_status
init_tables(struct answering *a, struct asof_type **ret_answer_types, struct asof_error *err)
{
	const struct asof_tile_layout *layout = a->item->table.layout;
	const struct asof_entity *entity = a->view->entity;
	size_t answer_count = a->key_count + 2 + a->item->output_count;
	size_t head_count = a->key_count + TILE_HEAD;
	size_t room = answer_count + head_count;
	struct asof_type *types = asof_arena_array(&a->arena, room, sizeof(*types));
	struct asof_type *states =
		asof_arena_array(&a->arena, layout->state_count, sizeof(*states));
	if (!types || !states)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns");
	for (size_t i = 0; i < room; i++)
		types[i] = i < a->key_count ? entity->keys[i].type : ASOF_TYPE(ASOF_TYPE_INT64);
	for (size_t i = 0; i < layout->state_count; i++)
		states[i] = layout->states[i].type;
	ASOF_TRY(asof_entry_table_init(&a->asks, types, a->key_count + 1, err));
	ASOF_TRY(asof_entry_table_init(&a->heads, types, head_count, err));
	ASOF_TRY(asof_entry_table_init(&a->tiles, states, layout->state_count, err));
	for (size_t i = 0; i < a->item->output_count; i++)
		types[a->key_count + 2 + i] = a->item->outputs[i]->type;
	*ret_answer_types = types;
	return asof_entry_table_init(&a->answers, types, answer_count, err);
}

static enum asof_status
init_sweep(struct answering *a, struct asof_error *err)
{
	size_t count = a->item->output_count;
	struct asof_type *types = asof_arena_array(&a->arena, count, sizeof(*types));
	size_t *wanted = asof_arena_array(&a->arena, count, sizeof(*wanted));
	a->values = asof_arena_array(&a->arena, 1 + count, sizeof(*a->values));
	if (!types || !wanted || !a->values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", a->view->name);
	for (size_t i = 0; i < count; i++) {
		types[i] = a->item->outputs[i]->type;
		wanted[i] = (size_t)(a->item->outputs[i] - a->view->outputs);
	}
	ASOF_TRY(asof_block_init(&a->block, types, count, CHUNK_ROWS, err));
	return asof_window_sweep_new(a->view, a->item->table.layout, wanted, count, &a->sweep, err);
}

/* How many answers are held at once beside the instants; false: SQL is to do it. */
static bool
plan_passes(struct answering *a, const struct asof_type *types, uint64_t max_bytes)
{
	uint64_t asks_bytes = row_bytes(types, a->key_count + 1) * a->asks.row_count;
	if (asks_bytes > max_bytes)
		return false;
	a->pass_rows =
		(size_t)((max_bytes - asks_bytes) / row_bytes(types, a->answers.column_count));
	return a->asks.row_count / PASSES_MAX < a->pass_rows;
}

/* Answer the keys of this pass. */
static enum asof_status
answer_pass(struct answering *a, struct asof_engine *engine, const char *tiles_sql,
	    struct asof_error *err)
{
	asof_entry_table_clear(&a->answers);
	a->range = NULL;
	if (a->asks.row_count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_engine_query(engine, tiles_sql, take_tiles, a, err));
	return finish_key(a, err);
}

static enum asof_status
answer_all(struct answering *a, struct asof_engine *engine, const char *tiles_sql,
	   const struct asof_field *fields, const char *name, struct asof_error *err)
{
	for (;;) {
		ASOF_TRY(answer_pass(a, engine, tiles_sql, err));
		ASOF_TRY(feed_answers(a, engine, fields, name, err));
		if (a->asks.row_count - a->pass_first <= a->pass_rows)
			return ASOF_OK;
		a->pass_first += a->pass_rows;
	}
}

enum asof_status
asof_window_answers(struct asof_engine *engine, const struct asof_plan_join *join, size_t index,
		    const char *name, uint64_t max_bytes, bool *ret_is_made, struct asof_error *err)
{
	const struct asof_plan_join_view *item = &join->views[index];
	ASOF_AUTO(answering_done)
	struct answering a = { .item = item,
			       .view = item->table.view,
			       .key_count = item->table.view->entity->key_count,
			       .key = ASOF_BUF(KEY_BYTES_MAX),
			       .from_us = INT64_MAX,
			       .max_bytes = max_bytes,
			       .has_room = true };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_type *types = NULL;
	ASOF_TRY(init_tables(&a, &types, err));
	ASOF_TRY(init_sweep(&a, err));
	ASOF_TRY(asof_plan_instants_sql(join, index, &sql, err));
	a.ask_bytes = row_bytes(types, a.key_count + 1);
	struct asof_error why = { 0 };
	enum asof_status status =
		asof_engine_query(engine, asof_buf_cstr(&sql), take_instants, &a, &why);
	if (status != ASOF_OK && a.has_room)
		return ASOF_FAIL(err, status, "%s", why.message);
	asof_buf_clear(&sql);
	*ret_is_made = a.has_room && plan_passes(&a, types, max_bytes);
	if (!*ret_is_made)
		return ASOF_OK;
	struct asof_field *fields = NULL;
	ASOF_TRY(name_fields(&a, types, a.answers.column_count, &fields, err));
	ASOF_TRY(init_workers(&a, asof_engine_threads(engine), err));
	if (a.asks.row_count > 0)
		ASOF_TRY(asof_plan_join_tiles_sql(join, index, a.from_us, &sql, err));
	return answer_all(&a, engine, asof_buf_cstr(&sql), fields, name, err);
}
