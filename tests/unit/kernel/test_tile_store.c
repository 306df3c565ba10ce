#include "kernel/tile_store.h"

#include <pthread.h>

#include "check.h"
#include "kernel_cases.h"

#define ROWS_MAX   600
#define STATES_MAX 80
#define NO_KEY     INT64_C(-1)

/* A row of a batch. Orders are all different. */
struct row {
	int64_t key; /* NO_KEY: NULL */
	int64_t event_us;
	int64_t created_us;
	int64_t order;
	bool has_event;
	struct asof_value *values; /* of the states */
};

/* What a store is made of and must hold again. */
struct store_case {
	struct kernel_case view;
	struct asof_arena arena;
	struct row rows[ROWS_MAX];
	size_t row_count;
	struct asof_tile_store_options options;
	int64_t key_count; /* keys 0, 2, 4, .. are asked for */
};

static struct asof_value
random_value(struct random *r, struct asof_type type, struct asof_arena *arena)
{
	if (type.kind != ASOF_TYPE_LIST)
		return case_value(r, type, TASTE_WILD, arena);
	size_t count = random_below(r, 4);
	struct asof_value *items = case_alloc(arena, count, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = case_value(r, asof_type_element(type), TASTE_WILD, arena);
	return (struct asof_value){ .type = type,
				    .is_null = random_below(r, 5) == 0,
				    .list = { items, count } };
}

static int64_t
random_time(struct random *r)
{
	static const int64_t odd[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, 0 };
	switch (random_below(r, 8)) {
	case 0:
		return odd[random_below(r, ASOF_COUNTOF(odd))];
	case 1:
		return (int64_t)random_u64(r);
	default:
		return random_between(r, -50, 50);
	}
}

static void
make_rows(struct random *r, struct store_case *c, size_t row_count)
{
	c->row_count = row_count;
	for (size_t i = 0; i < row_count; i++) {
		struct row *row = &c->rows[i];
		bool has_key = c->key_count > 0 && random_below(r, 20);
		row->key = has_key ? (int64_t)random_below(r, (uint64_t)c->key_count) : NO_KEY;
		row->event_us = random_time(r);
		row->created_us = random_between(r, 0, 2);
		row->order = (int64_t)(i * 7919 % 10007);
		row->has_event = random_below(r, 20) != 0;
		row->values =
			case_alloc(&c->arena, c->view.layout.state_count, sizeof(*row->values));
		for (size_t s = 0; s < c->view.layout.state_count; s++)
			row->values[s] = random_value(r, c->view.layout.states[s].type, &c->arena);
	}
}

static void
init_case(struct random *r, struct store_case *c, int64_t step_us, size_t row_count,
	  int64_t key_count)
{
	*c = (struct store_case){ .key_count = key_count };
	case_init(&c->view, step_us);
	case_add_random_outputs(r, &c->view, 1 + random_below(r, 6), 10);
	case_make_layout(&c->view);
	make_rows(r, c, row_count);
	c->options = (struct asof_tile_store_options){ .layout = &c->view.layout,
						       .has_created = true,
						       .has_order = true,
						       .keeps_created = true,
						       .workers = 1 };
}

static void
done_case(struct store_case *c)
{
	case_done(&c->view);
	asof_arena_done(&c->arena);
}

static struct asof_column
times_column(const struct store_case *c, size_t first, size_t count, int what,
	     struct asof_arena *arena)
{
	struct asof_value *values = case_alloc(arena, count, sizeof(*values));
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &c->rows[first + i];
		int64_t numbers[] = { row->key, row->event_us, row->created_us, row->order };
		bool is_null = what == 0 ? row->key == NO_KEY : what == 1 && !row->has_event;
		values[i] = case_of_int64(ASOF_TYPE_INT64, numbers[what]);
		values[i].is_null = is_null;
	}
	return case_column(ASOF_TYPE(ASOF_TYPE_INT64), values, count, arena);
}

/* Text that is gone with the arena. */
static struct asof_value
moved(const struct asof_value *value, struct asof_arena *arena)
{
	struct asof_value copy = *value;
	if (value->is_null)
		return copy;
	if (value->type.kind == ASOF_TYPE_STRING) {
		copy.str.ptr = asof_arena_copy(arena, value->str);
		assert_non_null(copy.str.ptr);
	}
	if (value->type.kind == ASOF_TYPE_LIST) {
		struct asof_value *items = case_alloc(arena, copy.list.count, sizeof(*items));
		for (size_t i = 0; i < copy.list.count; i++)
			items[i] = moved(&value->list.items[i], arena);
		copy.list.items = items;
	}
	return copy;
}

static enum asof_status
take_rows(const struct store_case *c, struct asof_tile_store *store, unsigned worker, size_t first,
	  size_t count, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_column columns[4 + STATES_MAX];
	size_t at = 0;
	columns[at++] = times_column(c, first, count, 0, &arena);
	columns[at++] = times_column(c, first, count, 1, &arena);
	if (c->options.has_created)
		columns[at++] = times_column(c, first, count, 2, &arena);
	if (c->options.has_order)
		columns[at++] = times_column(c, first, count, 3, &arena);
	for (size_t s = 0; s < c->view.layout.state_count; s++) {
		struct asof_value *values = case_alloc(&arena, count, sizeof(*values));
		for (size_t i = 0; i < count; i++)
			values[i] = moved(&c->rows[first + i].values[s], &arena);
		columns[at++] = case_column(c->view.layout.states[s].type, values, count, &arena);
	}
	struct asof_batch batch = { columns, at, count };
	return asof_tile_store_take(store, worker, &batch, err);
}

static enum asof_status
take_all(const struct store_case *c, struct asof_tile_store *store, struct asof_error *err)
{
	unsigned worker = 0;
	for (size_t first = 0; first < c->row_count;) {
		size_t count = c->row_count - first < 37 ? c->row_count - first : 37;
		ASOF_TRY(take_rows(c, store, worker, first, count, err));
		worker = (worker + 1) % c->options.workers;
		first += count;
	}
	return ASOF_OK;
}

/* Every other key, at one time each. */
static struct asof_spine_index *
make_spine(const struct store_case *c)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	size_t count = (size_t)(c->key_count + 1) / 2;
	int64_t *numbers = case_alloc(&arena, count, sizeof(*numbers));
	int64_t *keys = case_alloc(&arena, count, sizeof(*keys));
	for (size_t i = 0; i < count; i++) {
		numbers[i] = (int64_t)i;
		keys[i] = (int64_t)i * 2;
	}
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	struct asof_spine_index_options options = {
		.key_types = &type, .key_count = 1, .row_count = count, .workers = 1
	};
	struct asof_column columns[] = { { .type = type, .data = numbers },
					 { .type = type, .data = numbers },
					 { .type = type, .data = keys } };
	struct asof_batch batch = { columns, 3, count };
	struct asof_spine_index *spine = NULL;
	assert_ok(asof_spine_index_new(&options, &spine, &err), err);
	assert_ok(asof_spine_index_take(spine, 0, &batch, &err), err);
	assert_ok(asof_spine_index_finish(spine, &err), err);
	return spine;
}

static uint32_t
entity_of(const struct asof_spine_index *spine, int64_t key)
{
	struct asof_column column = { .type = ASOF_TYPE(ASOF_TYPE_INT64), .data = &key };
	uint32_t entity;
	asof_spine_index_find(spine, &column, 1, &entity);
	return entity;
}

static int
by_place(const void *a, const void *b)
{
	const struct row *left = *(const struct row *const *)a;
	const struct row *right = *(const struct row *const *)b;
	if (left->event_us != right->event_us)
		return left->event_us < right->event_us ? -1 : 1;
	if (left->created_us != right->created_us)
		return left->created_us < right->created_us ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

static size_t
rows_of(const struct store_case *c, int64_t key, const struct row **rows)
{
	size_t count = 0;
	for (size_t i = 0; i < c->row_count; i++) {
		if (c->rows[i].key == key && c->rows[i].has_event)
			rows[count++] = &c->rows[i];
	}
	qsort(rows, count, sizeof(*rows), by_place);
	return count;
}

static int64_t
end_of(const struct store_case *c, const struct row *row)
{
	int64_t step_us = c->options.round_up_us;
	if (step_us == 0)
		return row->event_us;
	__extension__ __int128 end = (__int128)row->event_us / step_us * step_us;
	if (end < row->event_us)
		end += step_us;
	return end > INT64_MAX ? INT64_MAX : (int64_t)end;
}

static void
check_value(const struct asof_column *column, size_t at, const struct asof_value *expected,
	    struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_value value;
	assert_ok(asof_column_value(column, at, arena, &value, &err), err);
	assert_true(asof_type_equal(column->type, expected->type));
	assert_int_equal(asof_value_compare(&value, expected), 0);
}

static void
check_tiles(const struct store_case *c, const struct asof_tiles *tiles,
	    const struct row *const *rows, size_t count)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_int_equal(tiles->count, count);
	assert_null(tiles->order);
	bool has_created = c->options.has_created && c->options.keeps_created;
	assert_int_equal(tiles->created_us != NULL, has_created);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(tiles->end_us[i], end_of(c, rows[i]));
		if (has_created)
			assert_int_equal(tiles->created_us[i], rows[i]->created_us);
		for (size_t s = 0; s < c->view.layout.state_count; s++)
			check_value(&tiles->states[s], i, &rows[i]->values[s], &arena);
	}
}

static void
check_between(struct random *r, const struct store_case *c, const struct asof_tile_store *store,
	      uint32_t entity, const struct row *const *rows, size_t count)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_tile_slice_done) struct asof_tile_slice slice = { 0 };
	for (int i = 0; i < 3; i++) {
		int64_t first_us = random_between(r, -60, 60);
		int64_t last_us = first_us + random_between(r, 0, 60);
		int64_t longest_us = random_between(r, 1, 50);
		size_t begin = 0;
		size_t end = 0;
		while (begin < count && end_of(c, rows[begin]) <= first_us - longest_us)
			begin++;
		while (end < count && end_of(c, rows[end]) <= last_us)
			end++;
		begin -= begin > 0;
		assert_ok(asof_tile_store_slice_between(store, entity, first_us, last_us,
							longest_us, &slice, &err),
			  err);
		check_tiles(c, &slice.tiles, rows + begin, end - begin);
	}
}

static void
check_store(const struct store_case *c, const struct asof_tile_store *store)
{
	struct asof_error err = { 0 };
	struct random r = { 9 };
	ASOF_AUTO(asof_tile_slice_done) struct asof_tile_slice slice = { 0 };
	size_t kept = 0;
	for (int64_t key = 0; key < c->key_count; key++) {
		const struct row *rows[ROWS_MAX];
		uint32_t entity = entity_of(c->options.spine, key);
		assert_int_equal(entity == ASOF_NO_ENTITY, key % 2);
		if (entity == ASOF_NO_ENTITY)
			continue;
		size_t count = rows_of(c, key, rows);
		assert_ok(asof_tile_store_slice(store, entity, &slice, &err), err);
		check_tiles(c, &slice.tiles, rows, count);
		check_between(&r, c, store, entity, rows, count);
		assert_int_equal(asof_tile_store_count(store, entity), count);
		kept += count;
	}
	assert_int_equal(asof_tile_store_rows(store), kept);
}

static void
run_case(struct store_case *c)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *spine = make_spine(c);
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	c->options.spine = spine;
	assert_ok(asof_tile_store_new(&c->options, &store, &err), err);
	assert_ok(take_all(c, store, &err), err);
	assert_ok(asof_tile_store_finish(store, &err), err);
	check_store(c, store);
}

static int
by_event(const void *a, const void *b)
{
	const struct row *left = a;
	const struct row *right = b;
	return (left->event_us > right->event_us) - (left->event_us < right->event_us);
}

static void
an_entity_has_its_rows_in_order_whoever_took_them(void **state)
{
	(void)state;
	static const unsigned workers[] = { 1, 2, 3, 8 };
	struct random r = { 41 };
	for (int i = 0; i < 60; i++) {
		struct store_case c;
		int64_t step_us = random_below(&r, 2) ? ASOF_STEP_EVENT : 10;
		init_case(&r, &c, step_us, random_below(&r, ROWS_MAX),
			  (int64_t)(1 + random_below(&r, 40)));
		if (i % 2) /* few sorted runs per entity, but for ties */
			qsort(c.rows, c.row_count, sizeof(c.rows[0]), by_event);
		for (size_t row = 0; i % 4 == 1 && row < c.row_count; row++)
			c.rows[row].order = (int64_t)row;
		for (size_t row = 0; i % 4 == 1 && row < c.row_count; row++)
			c.rows[row].created_us = 0;
		for (size_t w = 0; w < ASOF_COUNTOF(workers); w++) {
			c.options.workers = workers[w];
			run_case(&c);
		}
		done_case(&c);
	}
}

static void
a_store_of_one_entity_or_of_none_works(void **state)
{
	(void)state;
	struct random r = { 42 };
	for (int i = 0; i < 20; i++) {
		struct store_case c;
		init_case(&r, &c, ASOF_STEP_EVENT, i % 4 ? ROWS_MAX : 0, i % 3 ? 1 : 0);
		for (size_t row = 0; i % 3 == 0 && row < c.row_count; row++)
			c.rows[row].key = 1;
		c.options.workers = 2;
		run_case(&c);
		done_case(&c);
	}
}

static void
events_end_where_their_step_does(void **state)
{
	(void)state;
	struct random r = { 43 };
	for (int i = 0; i < 40; i++) {
		struct store_case c;
		init_case(&r, &c, ASOF_STEP_EVENT, 200, 7);
		c.options.round_up_us = 1 + (int64_t)random_below(&r, 30);
		c.options.keeps_created = i % 2;
		c.options.workers = 2;
		run_case(&c);
		done_case(&c);
	}
}

/* Without created and order rows of one time stand as they came, from one worker. */
static void
rows_without_created_and_order_are_sorted_by_event(void **state)
{
	(void)state;
	struct random r = { 44 };
	for (int i = 0; i < 40; i++) {
		struct store_case c;
		init_case(&r, &c, 10, 300, 3);
		for (size_t row = 0; row < c.row_count; row++) {
			c.rows[row].created_us = 0;
			c.rows[row].order = (int64_t)row;
		}
		if (i % 2) /* sorted already */
			qsort(c.rows, c.row_count, sizeof(c.rows[0]), by_event);
		for (size_t row = 0; row < c.row_count; row++)
			c.rows[row].order = (int64_t)row;
		c.options.has_created = false;
		c.options.has_order = false;
		run_case(&c);
		done_case(&c);
	}
}

/* One batch of all rows, made where allocations do not fail. */
struct whole_batch {
	struct asof_arena arena;
	struct asof_column columns[4 + STATES_MAX];
	struct asof_batch batch;
};

static void
make_whole_batch(const struct store_case *c, struct whole_batch *whole)
{
	*whole = (struct whole_batch){ 0 };
	for (int i = 0; i < 4; i++)
		whole->columns[i] = times_column(c, 0, c->row_count, i, &whole->arena);
	for (size_t s = 0; s < c->view.layout.state_count; s++) {
		struct asof_value *values =
			case_alloc(&whole->arena, c->row_count, sizeof(*values));
		for (size_t i = 0; i < c->row_count; i++)
			values[i] = c->rows[i].values[s];
		whole->columns[4 + s] = case_column(c->view.layout.states[s].type, values,
						    c->row_count, &whole->arena);
	}
	whole->batch =
		(struct asof_batch){ whole->columns, 4 + c->view.layout.state_count, c->row_count };
}

static enum asof_status
make_store(const struct store_case *c, const struct whole_batch *whole,
	   struct asof_tile_store **ret_store, struct asof_error *err)
{
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	ASOF_TRY(asof_tile_store_new(&c->options, &store, err));
	ASOF_TRY(asof_tile_store_take(store, 0, &whole->batch, err));
	ASOF_TRY(asof_tile_store_finish(store, err));
	*ret_store = ASOF_STEAL(store);
	return ASOF_OK;
}

static void
every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct random r = { 46 };
	struct store_case c;
	struct whole_batch whole;
	init_case(&r, &c, 10, 300, 5);
	make_whole_batch(&c, &whole);
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *spine = make_spine(&c);
	c.options.spine = spine;
	size_t live = asof_mem_live();
	enum asof_status status = ASOF_NO_MEMORY;
	size_t failures = 0;
	for (size_t n = 1; status != ASOF_OK; n++) {
		struct asof_error err = { 0 };
		struct asof_tile_store *store = NULL;
		asof_mem_fail_at(n);
		status = make_store(&c, &whole, &store, &err);
		asof_mem_fail_at(0);
		if (status == ASOF_OK) {
			check_store(&c, store);
		} else {
			assert_int_equal(status, ASOF_NO_MEMORY);
			failures++;
		}
		asof_tile_store_free(store);
		assert_int_equal(asof_mem_live(), live);
	}
	assert_true(failures > 20);
	asof_arena_done(&whole.arena);
	done_case(&c);
}

static void
memory_past_the_bound_is_a_limit(void **state)
{
	(void)state;
	struct random r = { 47 };
	struct store_case c;
	struct whole_batch whole;
	init_case(&r, &c, 10, ROWS_MAX, 5);
	make_whole_batch(&c, &whole);
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *spine = make_spine(&c);
	c.options.spine = spine;
	bool was_limit = false;
	uint64_t bytes = 0;
	for (uint64_t max_bytes = 64; bytes == 0; max_bytes += max_bytes / 4) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
		c.options.max_bytes = max_bytes;
		enum asof_status status = make_store(&c, &whole, &store, &err);
		if (status == ASOF_OK) {
			bytes = asof_tile_store_bytes(store);
			assert_true(bytes > 0 && bytes <= max_bytes);
			check_store(&c, store);
		} else {
			assert_int_equal(status, ASOF_LIMIT);
			was_limit = true;
		}
	}
	assert_true(was_limit);
	asof_arena_done(&whole.arena);
	done_case(&c);
}

struct taker {
	const struct store_case *c;
	struct asof_tile_store *store;
	unsigned worker;
};

static void *
take_share(void *arg)
{
	const struct taker *taker = arg;
	struct asof_error err = { 0 };
	size_t share = taker->c->row_count / taker->c->options.workers;
	assert_ok(take_rows(taker->c, taker->store, taker->worker, taker->worker * share, share,
			    &err),
		  err);
	return NULL;
}

static void
workers_take_at_once(void **state)
{
	(void)state;
	struct random r = { 48 };
	struct store_case c;
	struct asof_error err = { 0 };
	init_case(&r, &c, 10, ROWS_MAX, 9);
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *spine = make_spine(&c);
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	c.options.spine = spine;
	c.options.workers = 4;
	assert_ok(asof_tile_store_new(&c.options, &store, &err), err);
	pthread_t threads[4];
	struct taker takers[4];
	for (unsigned i = 0; i < 4; i++) {
		takers[i] = (struct taker){ &c, store, i };
		assert_int_equal(pthread_create(&threads[i], NULL, take_share, &takers[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_ok(asof_tile_store_finish(store, &err), err);
	check_store(&c, store);
	done_case(&c);
}

/* More rows than a chunk has, all of one entity, in the worst order. */
static void
a_hot_entity_is_sorted_too(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	struct store_case c = { .key_count = 1 };
	struct asof_type types[] = { ASOF_TYPE(ASOF_TYPE_INT64) };
	struct asof_state states[] = { { ASOF_STATE_VALUE, 0, types[0], "x__value" } };
	struct asof_tile_layout layout = { .step_us = ASOF_STEP_EVENT,
					   .states = states,
					   .state_count = 1 };
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *spine = make_spine(&c);
	struct asof_tile_store_options options = {
		.spine = spine, .layout = &layout, .workers = 2, .has_order = true
	};
	ASOF_AUTO(asof_tile_store_free_auto) struct asof_tile_store *store = NULL;
	int64_t *keys = case_alloc(&arena, COUNT, sizeof(*keys));
	int64_t *event_us = case_alloc(&arena, COUNT, sizeof(*event_us));
	int64_t *order = case_alloc(&arena, COUNT, sizeof(*order));
	for (int64_t i = 0; i < COUNT; i++) {
		event_us[i] = -(i / 1000) * INT64_C(1000000000);
		order[i] = -i;
	}
	struct asof_column columns[] = { { .type = types[0], .data = keys },
					 { .type = types[0], .data = event_us },
					 { .type = types[0], .data = order },
					 { .type = types[0], .data = order } };
	struct asof_batch batch = { columns, 4, COUNT };
	assert_ok(asof_tile_store_new(&options, &store, &err), err);
	assert_ok(asof_tile_store_take(store, 1, &batch, &err), err);
	assert_ok(asof_tile_store_finish(store, &err), err);
	ASOF_AUTO(asof_tile_slice_done) struct asof_tile_slice slice = { 0 };
	assert_ok(asof_tile_store_slice(store, 0, &slice, &err), err);
	assert_int_equal(slice.tiles.count, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(((const int64_t *)slice.tiles.states[0].data)[i],
				 (int64_t)i - COUNT + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entity_has_its_rows_in_order_whoever_took_them),
		cmocka_unit_test(a_store_of_one_entity_or_of_none_works),
		cmocka_unit_test(events_end_where_their_step_does),
		cmocka_unit_test(rows_without_created_and_order_are_sorted_by_event),
		cmocka_unit_test(every_failed_allocation_is_reported),
		cmocka_unit_test(memory_past_the_bound_is_a_limit),
		cmocka_unit_test(workers_take_at_once),
		cmocka_unit_test(a_hot_entity_is_sorted_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
