/*
 * test_tile_build.c - rows and tiles of a build against plain loops over the events.
 */
#include "base/workers.h"
#include "tile_build_case.h"

#define CASES     200
#define READ_ROWS 64

static const unsigned worker_counts[] = { 1, 2, 3, 8 };

/* ---- comparing ---- */

static void
expect_same(const struct asof_value *have, const struct asof_value *want, size_t row, size_t column)
{
	if (have->is_null != want->is_null || asof_value_compare(have, want) != 0)
		fail_msg("row %zu, column %zu", row, column);
}

/* A float sum is 2^-98 of what was added near; its halves are normal. */
static void
expect_near_sum(const struct asof_value *hi, const struct asof_value *lo,
		const struct case_values *taken, bool is_squares)
{
	quad sum = 0;
	quad size = 0;
	assert_int_equal(hi->is_null, taken->count == 0);
	assert_int_equal(lo->is_null, taken->count == 0);
	if (taken->count == 0)
		return;
	for (size_t i = 0; i < taken->count; i++) {
		quad number = case_number(taken->values[i]);
		number = is_squares ? number * number : number;
		sum += number;
		size += number < 0 ? -number : number;
	}
	if (!isfinite((double)sum)) {
		assert_true(isnan(hi->float64) ? isnan((double)sum) : hi->float64 == (double)sum);
		assert_true(lo->float64 == 0);
		return;
	}
	quad rest = (quad)hi->float64 + (quad)lo->float64 - sum;
	assert_true((rest < 0 ? -rest : rest) <= size * (quad)0x1p-98 + (quad)0x1p-1022);
	assert_true(hi->float64 + lo->float64 == hi->float64);
}

struct table {
	struct asof_arena arena;
	struct asof_type types[KEYS_MAX + 3 + VALUES_MAX * 20];
	size_t type_count;
	struct asof_value *values;
	size_t row_count;
};

static void
table_done(struct table *table)
{
	asof_arena_done(&table->arena);
}

static const struct asof_value *
at(const struct table *table, size_t row, size_t column)
{
	return &table->values[row * table->type_count + column];
}

static void
make_types(const struct build_case *c, struct table *table)
{
	bool is_tiled = c->k.view.step_us > 0;
	for (size_t i = 0; i < c->entity.key_count; i++)
		table->types[table->type_count++] = c->keys[i].type;
	table->types[table->type_count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
	table->types[table->type_count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
	if (c->k.view.step_us == 0) {
		for (size_t i = 0; i < c->value_count; i++)
			table->types[table->type_count++] = column_type(c->value_columns[i]);
	}
	for (size_t i = 0; c->k.view.step_us != 0 && i < c->k.layout.state_count; i++)
		table->types[table->type_count++] = c->k.layout.states[i].type;
	table->types[table->type_count++] =
		ASOF_TYPE(is_tiled ? ASOF_TYPE_TIMESTAMP : ASOF_TYPE_INT64);
}

static struct asof_value
keep(const struct asof_column *column, size_t row, struct asof_arena *arena)
{
	struct asof_value value;
	struct asof_error err = { 0 };
	assert_ok(asof_column_value(column, row, arena, &value, &err), err);
	if (!value.is_null && value.type.kind == ASOF_TYPE_UUID)
		value.str.ptr = asof_arena_copy(arena, value.str);
	bool has_uuids = value.type.kind == ASOF_TYPE_LIST && value.type.element == ASOF_TYPE_UUID;
	for (size_t i = 0; !value.is_null && has_uuids && i < value.list.count; i++) {
		struct asof_value *item = (struct asof_value *)(uintptr_t)&value.list.items[i];
		item->str.ptr = asof_arena_copy(arena, item->str);
	}
	return value;
}

/* All rows, in pieces of any size; texts live as long as the build. */
static void
read_table(struct random *r, const struct build_case *c, const struct asof_tile_build *build,
	   struct table *table)
{
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	struct asof_error err = { 0 };
	make_types(c, table);
	table->row_count = asof_tile_build_rows(build);
	table->values = case_alloc(&table->arena, table->row_count * table->type_count,
				   sizeof(*table->values));
	assert_ok(asof_block_init(&block, table->types, table->type_count, READ_ROWS, &err), err);
	for (size_t done = 0; done < table->row_count;) {
		size_t count = 1 + random_below(r, READ_ROWS);
		if (count > table->row_count - done)
			count = table->row_count - done;
		asof_block_reset(&block, count);
		assert_ok(asof_tile_build_read(build, done, count, &block, &err), err);
		for (size_t i = 0; i < count * table->type_count; i++)
			table->values[done * table->type_count + i] =
				keep(&block.columns[i % table->type_count], i / table->type_count,
				     &table->arena);
		done += count;
	}
}

static void
check_state(const struct build_case *c, struct table *table, size_t row, size_t state_index,
	    const struct expected *tile)
{
	const struct asof_state *state = &c->k.layout.states[state_index];
	size_t column = c->entity.key_count + 2 + state_index;
	struct case_values taken = values_of(c, tile, state);
	const struct asof_value *have = at(table, row, column);
	bool is_float = state->column != SIZE_MAX &&
			(c->k.layout.columns[state->column].type.kind == ASOF_TYPE_FLOAT32 ||
			 c->k.layout.columns[state->column].type.kind == ASOF_TYPE_FLOAT64);
	bool is_large = state->kind == ASOF_STATE_SQUARES || state->kind == ASOF_STATE_SQUARES_LO;
	if (is_float && (state->kind == ASOF_STATE_SUM || state->kind == ASOF_STATE_SQUARES)) {
		expect_near_sum(have, have + 1, &taken, is_large);
		return;
	}
	if (state->kind == ASOF_STATE_SQUARES) { /* past 2^106 of int64 */
		expect_near_sum(have, have + 1, &taken, true);
		return;
	}
	if (state->kind == ASOF_STATE_SQUARES_LO || (is_float && state->kind == ASOF_STATE_SUM_LO))
		return;
	struct asof_value want = case_state(&taken, state, &table->arena);
	expect_same(have, &want, row, column);
}

static void
check_row(const struct build_case *c, struct table *table, size_t row, const struct expected *want)
{
	size_t keys = c->entity.key_count;
	for (size_t i = 0; i < keys; i++) {
		struct asof_value key = key_value(c, want->entity, i);
		expect_same(at(table, row, i), &key, row, i);
	}
	assert_int_equal(at(table, row, keys)->int64, want->end_us);
	assert_int_equal(at(table, row, keys + 1)->int64, want->created_us);
	bool is_tiled = c->k.view.step_us > 0;
	int64_t last = is_tiled ? want->last_us : c->k.events[want->event].order;
	assert_int_equal(at(table, row, table->type_count - 1)->int64, last);
	for (size_t i = 0; !is_tiled && i < c->value_count; i++) {
		struct asof_value value = value_of(c, want->event, c->value_columns[i]);
		expect_same(at(table, row, keys + 2 + i), &value, row, keys + 2 + i);
	}
	for (size_t i = 0; is_tiled && i < c->k.layout.state_count; i++)
		check_state(c, table, row, i, want);
}

static void
check_boundaries(const struct build_case *c, const struct asof_tile_build *build,
		 const struct expected *rows, size_t count)
{
	for (size_t i = 0; i <= count; i++) {
		size_t next = i;
		while (next > 0 && next < count && rows[next].entity == rows[next - 1].entity)
			next++;
		assert_int_equal(asof_tile_build_boundary(build, i), next);
	}
	(void)c;
}

static void
check_build(struct random *r, const struct build_case *c, const struct asof_tile_build *build)
{
	ASOF_AUTO(table_done) struct table table = { .type_count = 0 };
	struct expected rows[CASE_EVENTS_MAX];
	size_t count = expect_rows(c, rows);
	assert_int_equal(asof_tile_build_rows(build), count);
	read_table(r, c, build, &table);
	for (size_t i = 0; i < count; i++)
		check_row(c, &table, i, &rows[i]);
	check_boundaries(c, build, rows, count);
}

static void
check_case(struct random *r, int64_t step_us, int64_t base_us, unsigned workers)
{
	ASOF_AUTO(done_case) struct build_case c = { .type_count = 0 };
	ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
	struct asof_error err = { 0 };
	make_view(r, &c, step_us);
	make_rows(r, &c, base_us);
	assert_ok(new_build(&c, workers, 0, &build, &err), err);
	assert_ok(take_rows(r, &c, build, workers, &err), err);
	assert_ok(asof_tile_build_finish(build, &err), err);
	check_build(r, &c, build);
}

static void
check_cases(uint64_t seed, const int64_t *steps_us, size_t step_count)
{
	for (size_t i = 0; i < random_cases(CASES); i++) {
		struct random r = { .state = seed + i };
		int64_t base_us = i % 2 ? 0 : INT64_C(981173106123456);
		check_case(&r, steps_us[i % step_count], base_us, worker_counts[i / 3 % 4]);
	}
}

/* ---- claims ---- */

static void
tiles_equal_those_made_the_slow_way(void **state)
{
	static const int64_t steps_us[] = { 1, 10, 25 };
	(void)state;
	check_cases(1, steps_us, ASOF_COUNTOF(steps_us));
}

static void
rows_of_plain_views_are_kept_and_sorted(void **state)
{
	static const int64_t steps_us[] = { 0 };
	(void)state;
	check_cases(2000, steps_us, ASOF_COUNTOF(steps_us));
}

static void
events_are_kept_and_sorted(void **state)
{
	static const int64_t steps_us[] = { ASOF_STEP_EVENT };
	(void)state;
	check_cases(4000, steps_us, ASOF_COUNTOF(steps_us));
}

static void
times_may_be_as_far_as_they_go(void **state)
{
	static const int64_t bases_us[] = { INT64_MIN + 2000, INT64_MAX - 2000 };
	(void)state;
	for (size_t i = 0; i < 40; i++) {
		struct random r = { .state = 6000 + i };
		check_case(&r, i % 4 < 2 ? 10 : ASOF_STEP_EVENT, bases_us[i % 2], 2);
	}
}

static void
nothing_taken_is_no_rows(void **state)
{
	ASOF_AUTO(done_case) struct build_case c = { .type_count = 0 };
	ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
	struct asof_error err = { 0 };
	struct random r = { .state = 1 };
	(void)state;
	make_view(&r, &c, 10);
	assert_ok(new_build(&c, 3, 0, &build, &err), err);
	assert_ok(asof_tile_build_finish(build, &err), err);
	assert_int_equal(asof_tile_build_rows(build), 0);
	assert_int_equal(asof_tile_build_boundary(build, 0), 0);
}

static void
rows_without_a_key_or_a_time_are_left_out_and_counted(void **state)
{
	static struct build_case c;
	ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	struct asof_error err = { 0 };
	struct random r = { .state = 5 };
	uint64_t null_keys = 0;
	uint64_t null_times = 0;
	(void)state;
	make_view(&r, &c, 0);
	do
		make_rows(&r, &c, 0);
	while (c.k.event_count < 6);
	assert_ok(new_build(&c, 1, 0, &build, &err), err);
	assert_ok(asof_block_init(&block, c.types, c.type_count, BATCH_ROWS, &err), err);
	asof_block_reset(&block, 6);
	for (size_t row = 0; row < 6; row++) {
		for (size_t i = 0; i < c.type_count; i++) {
			struct asof_value value = cell_of(&c, row, i);
			bool is_key = i == c.entity.key_count - 1;
			bool is_time = i == c.entity.key_count;
			if ((is_key && row < 4 && row % 2 == 0) || (is_time && row == 1))
				value.is_null = true;
			if (is_time && row >= 4) /* an engine's infinities */
				value.int64 = row == 4 ? INT64_MAX : -INT64_MAX;
			assert_ok(asof_block_set(&block, i, row, &value, &err), err);
		}
	}
	const struct asof_batch batch = { block.columns, c.type_count, 6 };
	assert_ok(asof_tile_build_take(build, 0, &batch, &err), err);
	asof_tile_build_skipped(build, &null_keys, &null_times);
	assert_int_equal(null_keys, 2);
	assert_int_equal(null_times, 3);
	assert_ok(asof_tile_build_finish(build, &err), err);
	assert_int_equal(asof_tile_build_rows(build), 1);
	done_case(&c);
}

/* Memory is counted while it is taken: what is left after free() is none. */
static void
what_exceeds_its_memory_is_refused(void **state)
{
	ASOF_AUTO(done_case) struct build_case c = { .type_count = 0 };
	struct asof_error err = { 0 };
	struct random r = { .state = 3 };
	bool was_refused = false;
	(void)state;
	make_view(&r, &c, 10);
	do
		make_rows(&r, &c, 0);
	while (c.k.event_count < 60);
	for (uint64_t max_bytes = 20000;; max_bytes += 5000) {
		ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
		enum asof_status status = new_build(&c, 1, max_bytes, &build, &err);
		if (status == ASOF_OK)
			status = take_rows(&r, &c, build, 1, &err);
		if (status == ASOF_OK)
			status = asof_tile_build_finish(build, &err);
		if (status == ASOF_OK) {
			assert_in_range(asof_tile_build_bytes(build), 1, max_bytes);
			break;
		}
		assert_int_equal(status, ASOF_LIMIT);
		was_refused = true;
	}
	assert_true(was_refused);
}

static void
every_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
	static const int64_t steps_us[] = { 10, 0 };
	(void)state;
	for (size_t s = 0; s < ASOF_COUNTOF(steps_us); s++) {
		struct random r = { .state = 11 + s };
		ASOF_AUTO(done_case) struct build_case c = { .type_count = 0 };
		make_view(&r, &c, steps_us[s]);
		do
			make_rows(&r, &c, 0);
		while (c.k.event_count < 20);
		size_t live = asof_mem_live();
		enum asof_status status = ASOF_NO_MEMORY;
		for (size_t n = 1; status != ASOF_OK; n++) {
			ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
			struct asof_error err = { 0 };
			struct random again = { .state = 7 };
			asof_mem_fail_at(n);
			status = new_build(&c, 2, 0, &build, &err);
			if (status == ASOF_OK)
				status = take_rows(&again, &c, build, 2, &err);
			if (status == ASOF_OK)
				status = asof_tile_build_finish(build, &err);
			asof_mem_fail_at(0);
			assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
		}
		assert_int_equal(asof_mem_live(), live);
	}
}

/* ---- many rows on threads of their own ---- */

#define MANY       40000
#define MANY_BATCH 640

struct many {
	const struct build_case *c;
	struct asof_tile_build *build;
	unsigned workers;
};

/* Event i: of entity i % 7 but most of entity 0, at a time that comes 4 times. */
static enum asof_status
take_many(void *arg, unsigned worker, struct asof_error *err)
{
	const struct many *many = arg;
	const struct build_case *c = many->c;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, c->types, c->type_count, MANY_BATCH, err));
	size_t keys = c->entity.key_count;
	for (size_t begin = worker * MANY_BATCH; begin < MANY;
	     begin += many->workers * (size_t)MANY_BATCH) {
		size_t count = MANY - begin < MANY_BATCH ? MANY - begin : MANY_BATCH;
		asof_block_reset(&block, count);
		for (size_t i = 0; i < count; i++) {
			size_t number = begin + i;
			size_t entity = number % 7 < ENTITIES ? number % 7 : 0;
			const int64_t times[3] = { (int64_t)(number * 7919 % MANY / 4), COMMIT_US,
						   (int64_t)number };
			for (size_t k = 0; k < keys; k++) {
				struct asof_value key = key_value(c, entity, k);
				ASOF_TRY(asof_block_set(&block, k, i, &key, err));
			}
			for (size_t t = 0; t < 3; t++) {
				struct asof_value time = case_of_int64(ASOF_TYPE_INT64, times[t]);
				ASOF_TRY(asof_block_set(&block, keys + t, i, &time, err));
			}
		}
		const struct asof_batch batch = { block.columns, c->type_count, count };
		ASOF_TRY(asof_tile_build_take(many->build, worker, &batch, err));
	}
	return ASOF_OK;
}

static void
check_many(const struct build_case *c, const struct asof_tile_build *build)
{
	ASOF_AUTO(table_done) struct table table = { .type_count = 0 };
	struct random r = { .state = 1 };
	size_t keys = c->entity.key_count;
	int64_t rows = 0;
	read_table(&r, c, build, &table);
	for (size_t i = 0; i < table.row_count; i++) {
		rows += c->k.view.step_us > 0 ? at(&table, i, keys + 2)->int64 : 1;
		bool is_new = i == 0 || asof_tile_build_boundary(build, i) == i;
		if (is_new)
			continue;
		for (size_t k = 0; k < keys; k++)
			assert_int_equal(asof_value_compare(at(&table, i, k), at(&table, i - 1, k)),
					 0);
		int64_t time = at(&table, i, keys)->int64;
		int64_t before = at(&table, i - 1, keys)->int64;
		assert_true(before < time || (c->k.view.step_us <= 0 && before == time &&
					      at(&table, i - 1, table.type_count - 1)->int64 <
						      at(&table, i, table.type_count - 1)->int64));
	}
	assert_int_equal(rows, MANY);
}

static void
workers_at_once_build_what_one_does(void **state)
{
	static const int64_t steps_us[] = { 100, 0 };
	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct random r = { .state = 21 + i };
		ASOF_AUTO(done_case) struct build_case c = { .type_count = 0 };
		ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *build = NULL;
		struct asof_error err = { 0 };
		make_view(&r, &c, steps_us[i % 2]);
		c.k.source.created_time.text = NULL;
		struct many many = { .c = &c, .workers = worker_counts[i / 2] };
		assert_ok(new_build(&c, many.workers, 0, &build, &err), err);
		many.build = build;
		assert_ok(asof_workers_run(many.workers, take_many, &many, &err), err);
		assert_ok(asof_tile_build_finish(build, &err), err);
		check_many(&c, build);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tiles_equal_those_made_the_slow_way),
		cmocka_unit_test(rows_of_plain_views_are_kept_and_sorted),
		cmocka_unit_test(events_are_kept_and_sorted),
		cmocka_unit_test(times_may_be_as_far_as_they_go),
		cmocka_unit_test(nothing_taken_is_no_rows),
		cmocka_unit_test(rows_without_a_key_or_a_time_are_left_out_and_counted),
		cmocka_unit_test(what_exceeds_its_memory_is_refused),
		cmocka_unit_test(every_failed_allocation_is_an_error_and_leaks_nothing),
		cmocka_unit_test(workers_at_once_build_what_one_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
