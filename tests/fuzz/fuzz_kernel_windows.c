/*
 * fuzz_kernel_windows.c - events of a windowed view in batches of any shape, as they are and built
 * into tiles, kept in a tile store and answered at a spine's rows, against the evaluation of one
 * entity at one instant over its events in order.
 */
#include "kernel/tile_build.h"
#include "kernel/window_join.h"
#include "kernel_window_case.h"
#include "model/duration.h"

#define HEAD_MAX   (KEYS_MAX + 3)
#define BLOCK_ROWS 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- batches ---- */

static struct asof_value
int64_value(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

static size_t
column_named(const char *name)
{
	size_t i = 0;
	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

/* Column `column` of some events: keys, event, created, order, then what is aggregated. */
static struct asof_column
event_column(struct window_case *c, const size_t *picks, size_t count, size_t column)
{
	struct asof_value *values = feed_array(&c->feed, count + 1, sizeof(*values));
	size_t key_count = c->entity.key_count;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	size_t from = 0;
	if (column < key_count) {
		type = c->key_types[column];
	} else if (column >= key_count + 3) {
		from = column_named(c->layout.columns[column - key_count - 3].name);
		type = c->fields[from].type;
	}
	for (size_t i = 0; i < count; i++) {
		const struct event *event = &c->events[picks[i]];
		const int64_t times[] = { event->event_us, event->created_us, event->order };
		if (column < key_count)
			values[i] = event->keys[column];
		else if (column < key_count + 3)
			values[i] = int64_value(times[column - key_count]);
		else
			values[i] = event->values[from];
	}
	return feed_column(&c->feed, type, values, count);
}

static struct asof_column
ask_column(struct window_case *c, const size_t *picks, size_t count, size_t column)
{
	struct asof_value *values = feed_array(&c->feed, count + 1, sizeof(*values));
	for (size_t i = 0; i < count; i++) {
		const struct ask *ask = &c->asks[picks[i]];
		if (column < 2)
			values[i] = int64_value(column ? ask->time_us : (int64_t)picks[i]);
		else
			values[i] = ask->keys[column - 2];
	}
	return feed_column(&c->feed,
			   column < 2 ? ASOF_TYPE(ASOF_TYPE_INT64) : c->key_types[column - 2],
			   values, count);
}

static size_t *
shuffled(struct window_case *c, size_t count)
{
	size_t *picks = feed_array(&c->feed, count + 1, sizeof(*picks));
	bool is_kept = feed_below(&c->feed, 2);
	for (size_t i = 0; i < count; i++) {
		size_t j = is_kept ? i : feed_below(&c->feed, i + 1);
		picks[i] = picks[j];
		picks[j] = i;
	}
	return picks;
}

static bool
has_key(const struct window_case *c, const struct asof_value *keys)
{
	for (size_t k = 0; k < c->entity.key_count; k++) {
		if (keys[k].is_null)
			return false;
	}
	return true;
}

typedef struct asof_column make_column_fn(struct window_case *c, const size_t *picks, size_t count,
					  size_t column);
typedef enum asof_status take_fn(void *to, unsigned worker, const struct asof_batch *batch,
				 struct asof_error *err);

/* Hand rows over, a few at a time, each batch to some worker. */
static enum asof_status
give(struct window_case *c, const size_t *picks, size_t row_count, size_t column_count,
     make_column_fn *make, take_fn *take, void *to, struct asof_error *err)
{
	for (size_t at = 0; at < row_count;) {
		size_t count = feed_below(&c->feed, 90);
		struct asof_column columns[HEAD_MAX + COLUMNS];
		if (count > row_count - at)
			count = row_count - at;
		for (size_t i = 0; i < column_count; i++)
			columns[i] = make(c, picks + at, count, i);
		const struct asof_batch batch = { columns, column_count, count };
		ASOF_TRY(take(to, (unsigned)feed_below(&c->feed, c->workers), &batch, err));
		at += count;
	}
	return ASOF_OK;
}

static enum asof_status
take_asks(void *to, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_spine_index_take(to, worker, batch, err);
}

static enum asof_status
take_events(void *to, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_tile_store_take(to, worker, batch, err);
}

static enum asof_status
take_source(void *to, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	return asof_tile_build_take(to, worker, batch, err);
}

static enum asof_status
index_asks(struct window_case *c, struct asof_spine_index **ret_index, struct asof_error *err)
{
	const struct asof_spine_index_options options = { .key_types = c->key_types,
							  .key_count = c->entity.key_count,
							  .row_count = c->ask_count,
							  .workers = c->workers };
	size_t *picks = shuffled(c, c->ask_count);
	size_t given = 0;
	for (size_t i = 0; i < c->ask_count; i++) {
		if (c->asks[picks[i]].is_given)
			picks[given++] = picks[i];
	}
	ASOF_TRY(asof_spine_index_new(&options, ret_index, err));
	ASOF_TRY(give(c, picks, given, 2 + c->entity.key_count, ask_column, take_asks, *ret_index,
		      err));
	return asof_spine_index_finish(*ret_index, err);
}

/* ---- what must be answered ---- */

static bool
is_same_key(const struct window_case *c, const struct asof_value *a, const struct asof_value *b)
{
	for (size_t k = 0; k < c->entity.key_count; k++) {
		if (asof_value_compare(&a[k], &b[k]) != 0)
			return false;
	}
	return true;
}

static int
compare_events(const void *a, const void *b)
{
	const struct event *left = *(const struct event *const *)a;
	const struct event *right = *(const struct event *const *)b;
	if (left->event_us != right->event_us)
		return left->event_us < right->event_us ? -1 : 1;
	if (left->created_us != right->created_us)
		return left->created_us < right->created_us ? -1 : 1;
	return (left->order > right->order) - (left->order < right->order);
}

/* The events that an ask may see, in order, each as a tile that stands at its step's END. */
static struct asof_tiles
tiles_of(struct window_case *c, const struct ask *ask)
{
	struct feed *f = &c->feed;
	const struct event **found = feed_array(f, c->event_count + 1, sizeof(*found));
	struct asof_tiles tiles = { .count = 0 };
	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *event = &c->events[i];
		if (has_key(c, event->keys) && is_same_key(c, event->keys, ask->keys) &&
		    (!c->is_label || event->created_us <= ask->time_us))
			found[tiles.count++] = event;
	}
	qsort(found, tiles.count, sizeof(*found), compare_events);
	int64_t *end_us = feed_array(f, tiles.count + 1, sizeof(*end_us));
	int64_t *ranks = feed_array(f, tiles.count + 1, sizeof(*ranks));
	struct asof_column *states = feed_array(f, COLUMNS, sizeof(*states));
	struct asof_value *values = feed_array(f, tiles.count + 1, sizeof(*values));
	for (size_t i = 0; i < tiles.count; i++) {
		ranks[i] = (int64_t)i;
		end_us[i] = c->view.step_us > 0 ? asof_step_end(found[i]->event_us, c->view.step_us)
						: found[i]->event_us;
	}
	for (size_t s = 0; s < c->event_layout.state_count; s++) {
		size_t from = column_named(
			c->event_layout.columns[c->event_layout.states[s].column].name);
		for (size_t i = 0; i < tiles.count; i++)
			values[i] = found[i]->values[from];
		states[s] = feed_column(f, c->fields[from].type, values, tiles.count);
	}
	tiles.end_us = end_us;
	tiles.created_us = ranks;
	tiles.order = ranks;
	tiles.states = states;
	return tiles;
}

/* The values of all outputs for an ask; whether it found any. */
static bool
answer(struct window_case *c, const struct ask *ask, struct asof_value *values)
{
	bool is_empty[OUTPUTS_MAX];
	struct asof_window_result result = { .values = values, .is_empty = is_empty };
	struct asof_error err = { 0 };
	bool is_asked = ask->is_given && has_key(c, ask->keys);
	for (size_t i = 0; i < c->view.output_count; i++)
		values[i] = asof_value_null(c->outputs[i].type);
	if (!is_asked)
		return false;
	struct asof_tiles tiles = tiles_of(c, ask);
	int64_t at_us = asof_window_instant(&c->view, ask->time_us);
	feed_check(asof_window_eval_into(&c->event_view, &c->event_layout, &tiles, at_us,
					 &c->feed.arena, &result, &err) == ASOF_OK,
		   "an entity is evaluated");
	bool is_found = result.has_row && (c->view.max_age_us == 0 ||
					   result.event_us >= ask->time_us - c->view.max_age_us);
	for (size_t i = 0; i < c->view.output_count; i++) {
		const struct asof_output *output = &c->outputs[i];
		if (!is_found)
			values[i] = asof_value_null(output->type);
		bool takes_default = !is_found || (values[i].is_null && is_empty[i]);
		if (output->has_default && takes_default)
			values[i] = *output->default_value;
	}
	return is_found;
}

static void
check_answers(struct window_case *c, const struct asof_block *block, size_t first_column, size_t at,
	      size_t count, uint64_t *matched, const char *what)
{
	for (size_t i = 0; i < count; i++) {
		struct asof_value want[OUTPUTS_MAX];
		*matched += answer(c, &c->asks[at + i], want);
		for (size_t w = 0; w < c->wanted_count; w++) {
			struct asof_value have;
			struct asof_error err = { 0 };
			feed_check(asof_column_value(&block->columns[first_column + w], i,
						     &c->feed.arena, &have, &err) == ASOF_OK,
				   "a value is read");
			feed_check(feed_is_same(&have, &want[c->wanted[w]]), what);
		}
	}
}

static enum asof_status
read_answers(struct window_case *c, struct asof_window_join *join, const char *what,
	     struct asof_error *err)
{
	struct asof_type types[OUTPUTS_MAX + 2] = { ASOF_TYPE(ASOF_TYPE_BOOL),
						    ASOF_TYPE(ASOF_TYPE_BOOL) };
	size_t first_column = feed_below(&c->feed, 3);
	for (size_t i = 0; i < c->wanted_count; i++)
		types[first_column + i] = c->outputs[c->wanted[i]].type;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, types, first_column + c->wanted_count, BLOCK_ROWS, err));
	for (size_t at = 0; at < c->ask_count;) {
		size_t count = 1 + feed_below(&c->feed, SPINE_MAX);
		uint64_t matched = 0;
		uint64_t want = 0;
		if (count > c->ask_count - at)
			count = c->ask_count - at;
		asof_block_reset(&block, count);
		ASOF_TRY(asof_window_join_read(join, (int64_t)at, count, &block, first_column,
					       &matched, err));
		check_answers(c, &block, first_column, at, count, &want, what);
		feed_check(matched == want, "matched rows are counted");
		at += count;
	}
	return ASOF_OK;
}

static enum asof_status
join_store(struct window_case *c, const struct asof_spine_index *index,
	   const struct asof_tile_store *store, const struct asof_tile_layout *layout,
	   const char *what, struct asof_error *err)
{
	ASOF_AUTO(asof_window_join_free_auto) struct asof_window_join *join = NULL;
	const struct asof_window_join_options options = { .spine = index,
							  .store = store,
							  .view = &c->view,
							  .layout = layout,
							  .wanted = c->wanted,
							  .wanted_count = c->wanted_count,
							  .is_label = c->is_label,
							  .workers = c->workers,
							  .max_bytes = c->max_bytes };
	ASOF_TRY(asof_window_join_new(&options, &join, err));
	return read_answers(c, join, what, err);
}

static struct asof_tile_store_options
store_options(const struct window_case *c, const struct asof_spine_index *index,
	      const struct asof_tile_layout *layout)
{
	bool is_event = layout == &c->event_layout;
	return (struct asof_tile_store_options){ .spine = index,
						 .layout = layout,
						 .round_up_us = is_event && c->view.step_us > 0
									? c->view.step_us
									: 0,
						 .has_created = true,
						 .has_order = true,
						 .keeps_created = c->is_label,
						 .workers = c->workers,
						 .max_bytes = c->max_bytes };
}

/* The events as they are: what --direct does. */
static enum asof_status
run_events(struct window_case *c, const struct asof_spine_index *index, struct asof_error *err)
{
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	struct asof_tile_store_options options = store_options(c, index, &c->event_layout);
	ASOF_TRY(asof_tile_store_new(&options, &store, err));
	ASOF_TRY(give(c, shuffled(c, c->event_count), c->event_count,
		      c->entity.key_count + 3 + c->layout.column_count, event_column, take_events,
		      store, err));
	ASOF_TRY(asof_tile_store_finish(store, err));
	return join_store(c, index, store, &c->event_layout, "answers are those of the events",
			  err);
}

/* ---- tiles ---- */

/* How many rows a build stores: one per event, or per step and what is set apart in it. */
static size_t
count_tiles(const struct window_case *c)
{
	size_t count = 0;
	for (size_t i = 0; i < c->event_count; i++) {
		const struct event *a = &c->events[i];
		bool is_new = has_key(c, a->keys);
		for (size_t j = 0; is_new && c->view.step_us > 0 && j < i; j++) {
			const struct event *b = &c->events[j];
			int64_t end_us = asof_step_end(a->event_us, c->view.step_us);
			bool is_same = has_key(c, b->keys) && is_same_key(c, a->keys, b->keys) &&
				       asof_step_end(b->event_us, c->view.step_us) == end_us;
			int64_t begin_us = end_us - c->view.step_us;
			bool is_apart = a->created_us > end_us || a->created_us <= begin_us;
			bool is_other = b->created_us > end_us || b->created_us <= begin_us;
			if (is_same && c->source.created_time.text)
				is_same = is_apart == is_other &&
					  (!is_apart || a->created_us == b->created_us);
			is_new = !is_same;
		}
		count += is_new;
	}
	return count;
}

/* Ascending by key, END, created; rows of an entity begin where the build says. */
static void
check_order(const struct window_case *c, const struct asof_tile_build *build,
	    const struct asof_block *block, size_t count, uint64_t first)
{
	struct asof_error err = { 0 };
	size_t key_count = c->entity.key_count;
	for (size_t i = 1; i < count; i++) {
		int by = 0;
		bool is_same_entity = true;
		for (size_t k = 0; k < key_count + 2 && by == 0; k++) {
			struct asof_value before;
			struct asof_value after;
			feed_check(asof_column_value(&block->columns[k], i - 1, NULL, &before,
						     &err) == ASOF_OK &&
					   asof_column_value(&block->columns[k], i, NULL, &after,
							     &err) == ASOF_OK,
				   "a head is read");
			by = asof_value_compare(&before, &after);
			is_same_entity = is_same_entity && (k >= key_count || by == 0);
		}
		feed_check(by <= 0, "rows are in order");
		bool begins = asof_tile_build_boundary(build, first + i) == first + i;
		feed_check(begins == !is_same_entity, "an entity begins where the build says");
	}
}

/* What was built, as a table's reader hands it to a store. */
static enum asof_status
give_block(struct window_case *c, const struct asof_block *block, size_t count,
	   struct asof_tile_store *store, struct asof_error *err)
{
	size_t key_count = c->entity.key_count;
	size_t state_count = c->layout.state_count;
	struct asof_column columns[HEAD_MAX + STATES_MAX];
	int64_t *zeros = feed_array(&c->feed, count + 1, sizeof(*zeros));
	bool is_event = c->view.step_us == ASOF_STEP_EVENT;
	memcpy(columns, block->columns, (key_count + 2) * sizeof(*columns));
	columns[key_count].type = ASOF_TYPE(ASOF_TYPE_INT64);
	columns[key_count + 1].type = ASOF_TYPE(ASOF_TYPE_INT64);
	columns[key_count + 2] =
		is_event
			? block->columns[key_count + 2 + state_count]
			: (struct asof_column){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .data = zeros };
	memcpy(columns + key_count + 3, block->columns + key_count + 2,
	       state_count * sizeof(*columns));
	const struct asof_batch batch = { columns, key_count + 3 + state_count, count };
	return asof_tile_store_take(store, (unsigned)feed_below(&c->feed, c->workers), &batch, err);
}

static enum asof_status
read_build(struct window_case *c, const struct asof_tile_build *build,
	   struct asof_tile_store *store, struct asof_error *err)
{
	struct asof_type types[HEAD_MAX + STATES_MAX];
	size_t count = 0;
	for (size_t k = 0; k < c->entity.key_count; k++)
		types[count++] = c->key_types[k];
	types[count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
	types[count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
	for (size_t s = 0; s < c->layout.state_count; s++)
		types[count++] = c->layout.states[s].type;
	types[count++] = ASOF_TYPE(c->view.step_us > 0 ? ASOF_TYPE_TIMESTAMP : ASOF_TYPE_INT64);
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, types, count, BLOCK_ROWS, err));
	uint64_t rows = asof_tile_build_rows(build);
	for (uint64_t at = 0; at < rows;) {
		size_t part = 1 + feed_below(&c->feed, BLOCK_ROWS);
		if (part > rows - at)
			part = (size_t)(rows - at);
		asof_block_reset(&block, part);
		ASOF_TRY(asof_tile_build_read(build, at, part, &block, err));
		check_order(c, build, &block, part, at);
		ASOF_TRY(give_block(c, &block, part, store, err));
		at += part;
	}
	return ASOF_OK;
}

/* The same by way of a build. */
static enum asof_status
run_tiles(struct window_case *c, const struct asof_spine_index *index, struct asof_error *err)
{
	ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	const struct asof_tile_build_options options = { .view = &c->view,
							 .layout = &c->layout,
							 .workers = c->workers,
							 .max_bytes = c->max_bytes };
	struct asof_tile_store_options kept = store_options(c, index, &c->layout);
	ASOF_TRY(asof_tile_build_new(&options, &build, err));
	ASOF_TRY(give(c, shuffled(c, c->event_count), c->event_count,
		      c->entity.key_count + 3 + c->layout.column_count, event_column, take_source,
		      build, err));
	ASOF_TRY(asof_tile_build_finish(build, err));
	feed_check(asof_tile_build_rows(build) == count_tiles(c), "a build has a row per tile");
	ASOF_TRY(asof_tile_store_new(&kept, &store, err));
	ASOF_TRY(read_build(c, build, store, err));
	ASOF_TRY(asof_tile_store_finish(store, err));
	return join_store(c, index, store, &c->layout, "answers are those of the tiles", err);
}

static void
check_status(const struct window_case *c, enum asof_status status, const struct asof_error *err)
{
	feed_check(status == ASOF_OK || (status == ASOF_LIMIT && c->max_bytes > 0),
		   status == ASOF_OK ? "" : err->message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct window_case c;
	struct asof_error err = { 0 };
	struct asof_spine_index *index = NULL;
	memset(&c, 0, sizeof(c));
	feed_init(&c.feed, data, size);
	make_case(&c);
	feed_check(index_asks(&c, &index, &err) == ASOF_OK, "a spine is indexed");
	check_status(&c, run_events(&c, index, &err), &err);
	check_status(&c, run_tiles(&c, index, &err), &err);
	asof_spine_index_free(index);
	asof_arena_done(&c.feed.arena);
	feed_check(asof_mem_live() == 0, "all memory is given back");
	return 0;
}
