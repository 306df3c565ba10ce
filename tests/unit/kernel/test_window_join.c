#include "kernel/window_join.h"

#include <pthread.h>
#include <stdatomic.h>

#include "check.h"
#include "window_join_case.h"

#define READ_ROWS ((size_t)ASOF_FIND_ROWS_MAX)
#define FIRST_ROW INT64_C(1000)
#define SHIFT     ((size_t)1) /* columns of the block before ours */

static struct asof_window_join_options
options_of(const struct join_case *c, bool is_label, unsigned workers, uint64_t max_bytes)
{
	return (struct asof_window_join_options){ .spine = c->spine,
						  .store = c->store,
						  .view = &c->view.view,
						  .layout = &c->layout,
						  .wanted = c->wanted,
						  .wanted_count = c->wanted_count,
						  .is_label = is_label,
						  .workers = workers,
						  .max_bytes = max_bytes };
}

static void
init_block(const struct join_case *c, struct asof_block *block)
{
	struct asof_error err = { 0 };
	struct asof_type types[SHIFT + CASE_OUTPUTS_MAX] = { ASOF_TYPE(ASOF_TYPE_INT64) };
	for (size_t i = 0; i < c->wanted_count; i++)
		types[SHIFT + i] = c->view.outputs[c->wanted[i]].type;
	assert_ok(asof_block_init(block, types, SHIFT + c->wanted_count, READ_ROWS, &err), err);
}

static bool
is_float(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT64 || value->type.kind == ASOF_TYPE_FLOAT32;
}

static double
float_of(const struct asof_value *value)
{
	return value->type.kind == ASOF_TYPE_FLOAT32 ? (double)value->float32 : value->float64;
}

/* Bit for bit, but that every NaN is one. */
static bool
is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (asof_value_compare(a, b) != 0)
		return false;
	return a->is_null || !is_float(a) || isnan(float_of(a)) ||
	       signbit(float_of(a)) == signbit(float_of(b));
}

/* Rows [first, first + count) as read; returns how many must have matched. */
static uint64_t
check_rows(struct join_case *c, bool is_label, const struct asof_block *block, size_t first,
	   size_t count)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	uint64_t matched = 0;
	for (size_t i = 0; i < count; i++) {
		size_t row = first + i;
		bool has_slot = c->keys[row] < JOIN_KEYS && c->times_us[row] != JOIN_NO_US;
		const struct join_expected *expected = NULL;
		if (has_slot)
			expected = join_case_expect(c, c->keys[row], c->times_us[row], is_label);
		matched += has_slot && expected->is_matched;
		assert_true(asof_column_is_null(&block->columns[0], i));
		for (size_t j = 0; j < c->wanted_count; j++) {
			struct asof_value value;
			assert_ok(asof_column_value(&block->columns[SHIFT + j], i, &arena, &value,
						    &err),
				  err);
			if (has_slot)
				assert_true(is_same(&value, &expected->values[c->wanted[j]]));
			else
				assert_true(value.is_null);
		}
	}
	return matched;
}

/* All rows, in blocks that begin anywhere. */
static void
read_and_check(struct join_case *c, const struct asof_window_join_options *options, size_t stride,
	       struct asof_window_join_counts *ret_counts)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_AUTO(asof_window_join_free_auto) struct asof_window_join *join = NULL;
	init_block(c, &block);
	assert_ok(asof_window_join_new(options, &join, &err), err);
	uint64_t matched = 5;
	uint64_t expected = 5;
	for (size_t first = 0; first < c->row_count; first += stride) {
		size_t count = c->row_count - first < stride ? c->row_count - first : stride;
		asof_block_reset(&block, count);
		assert_ok(asof_window_join_read(join, FIRST_ROW + (int64_t)first, count, &block,
						SHIFT, &matched, &err),
			  err);
		expected += check_rows(c, options->is_label, &block, first, count);
	}
	assert_int_equal(matched, expected);
	*ret_counts = asof_window_join_counts(join);
}

struct shape {
	int64_t step_us;
	bool is_direct;
	bool is_label;
	int64_t late_us;
	enum case_taste taste;
};

static void
check_shape(struct random *r, const struct shape *shape, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct join_case c;
		struct asof_window_join_counts counts;
		join_case_view(r, &c, shape->step_us, shape->is_direct);
		join_case_tiles(r, &c, random_below(r, 3) ? 40 : 3, shape->taste, shape->late_us);
		join_case_spine(r, &c, 1 + random_below(r, 1500), false);
		join_case_store(&c);
		struct asof_window_join_options options =
			options_of(&c, shape->is_label, 1 + (unsigned)random_below(r, 3), 0);
		read_and_check(&c, &options, 1 + random_below(r, READ_ROWS), &counts);
		assert_int_equal(counts.ranges, 1);
		assert_int_equal(counts.instants, asof_spine_index_slots(c.spine)->slot_count);
		join_case_done(&c);
	}
}

static void
rows_get_the_windows_at_their_times(void **state)
{
	(void)state;
	struct random r = { 51 };
	static const struct shape shapes[] = {
		{ .step_us = 10 },
		{ .step_us = 10, .taste = TASTE_WILD },
		{ .step_us = ASOF_STEP_EVENT },
		{ .step_us = ASOF_STEP_EVENT, .taste = TASTE_WILD },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(shapes); i++)
		check_shape(&r, &shapes[i], 12);
}

static void
events_of_a_stepped_view_do_without_tiles(void **state)
{
	(void)state;
	struct random r = { 52 };
	static const struct shape shape = { .step_us = 10, .is_direct = true };
	check_shape(&r, &shape, 20);
}

static void
a_label_sees_no_tile_before_it_was_created(void **state)
{
	(void)state;
	struct random r = { 53 };
	static const struct shape shapes[] = {
		{ .step_us = 10, .is_label = true, .late_us = 60 },
		{ .step_us = ASOF_STEP_EVENT, .is_label = true, .late_us = 60 },
		{ .step_us = 10, .is_label = true, .late_us = 30, .is_direct = true },
		{ .step_us = 10, .is_label = true, .late_us = 1 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(shapes); i++)
		check_shape(&r, &shapes[i], 12);
}

static void
make_large_case(struct random *r, struct join_case *c, size_t row_count, bool is_in_time_order)
{
	join_case_view(r, c, 10, false);
	join_case_tiles(r, c, 60, TASTE_TAME, 0);
	join_case_spine(r, c, row_count, is_in_time_order);
	join_case_store(c);
}

static void
a_bound_on_memory_makes_short_ranges(void **state)
{
	(void)state;
	struct random r = { 54 };
	struct join_case c;
	struct asof_window_join_counts counts;
	make_large_case(&r, &c, 150000, false);
	struct asof_window_join_options options = options_of(&c, false, 2, 1);
	read_and_check(&c, &options, 1999, &counts);
	assert_int_equal(counts.ranges, 3);
	assert_true(counts.bytes > 0);
	join_case_done(&c);
}

/* A view of one count, and many events of one key all over the spine's time. */
static void
make_long_sweeps(struct random *r, struct join_case *c)
{
	enum { COUNT = 600000 };
	*c = (struct join_case){ .wanted_count = 1 };
	case_init(&c->view, ASOF_STEP_EVENT);
	assert_true(case_add_output(&c->view, ASOF_AGG_COUNT, NULL, 100, 0));
	case_make_layout(&c->view);
	c->layout = c->view.layout;
	int64_t *times_us = case_alloc(&c->arena, COUNT, sizeof(*times_us));
	for (int64_t i = 0; i < COUNT; i++)
		times_us[i] = i * 2 * JOIN_TIMES / COUNT - JOIN_TIMES;
	c->tiles[0] = (struct asof_tiles){
		.count = COUNT, .end_us = times_us, .created_us = times_us, .order = times_us
	};
	join_case_spine(r, c, 150000, false);
	join_case_store(c);
}

static uint64_t
ranges_of(const struct join_case *c, uint64_t max_bytes)
{
	struct asof_window_join_options options = options_of(c, false, 2, max_bytes);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_AUTO(asof_window_join_free_auto) struct asof_window_join *join = NULL;
	init_block(c, &block);
	assert_ok(asof_window_join_new(&options, &join, &err), err);
	for (size_t first = 0; first < c->row_count; first += 1000) {
		uint64_t matched = 0;
		asof_block_reset(&block, 1000);
		assert_ok(asof_window_join_read(join, FIRST_ROW + (int64_t)first, 1000, &block,
						SHIFT, &matched, &err),
			  err);
	}
	return asof_window_join_counts(join).ranges;
}

static void
long_sweeps_make_long_ranges_where_memory_allows(void **state)
{
	(void)state;
	struct random r = { 60 };
	struct join_case c;
	make_long_sweeps(&r, &c);
	assert_int_equal(ranges_of(&c, 0), 1);
	assert_int_equal(ranges_of(&c, UINT64_C(1) << 30), 1);
	assert_int_equal(ranges_of(&c, 1 << 20), 3);
	join_case_done(&c);
}

static void
a_spine_in_time_order_is_read_in_ranges(void **state)
{
	(void)state;
	struct random r = { 55 };
	struct join_case c;
	struct asof_window_join_counts counts;
	make_large_case(&r, &c, 300000, true);
	struct asof_window_join_options options = options_of(&c, false, 2, 0);
	read_and_check(&c, &options, READ_ROWS, &counts);
	assert_int_equal(counts.ranges, 5);
	join_case_done(&c);
}

struct readers {
	struct join_case *c;
	struct asof_window_join *join;
	size_t *order; /* of the blocks */
	size_t block_count;
	atomic_size_t next;
	atomic_uint_least64_t matched;
	pthread_mutex_t lock; /* guards the case's memory of what is expected */
};

static void *
read_some(void *arg)
{
	struct readers *readers = arg;
	struct join_case *c = readers->c;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	init_block(c, &block);
	for (;;) {
		size_t at = atomic_fetch_add(&readers->next, 1);
		if (at >= readers->block_count)
			return NULL;
		size_t first = readers->order[at] * READ_ROWS;
		size_t count = c->row_count - first < READ_ROWS ? c->row_count - first : READ_ROWS;
		uint64_t matched = 0;
		asof_block_reset(&block, count);
		assert_ok(asof_window_join_read(readers->join, FIRST_ROW + (int64_t)first, count,
						&block, SHIFT, &matched, &err),
			  err);
		ASOF_HOLD(held, &readers->lock);
		assert_int_equal(matched, check_rows(c, false, &block, first, count));
	}
}

static void
run_readers(struct readers *readers, unsigned count)
{
	pthread_t threads[4];
	assert_int_equal(pthread_mutex_init(&readers->lock, NULL), 0);
	atomic_store(&readers->next, 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_some, readers), 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	pthread_mutex_destroy(&readers->lock);
}

static void
readers_may_come_in_any_order(void **state)
{
	(void)state;
	struct random r = { 56 };
	struct join_case c;
	struct asof_error err = { 0 };
	make_large_case(&r, &c, 200000, false);
	struct asof_window_join_options options = options_of(&c, false, 2, 1);
	struct readers readers = { .c = &c };
	readers.block_count = (c.row_count + READ_ROWS - 1) / READ_ROWS;
	readers.order = case_alloc(&c.arena, readers.block_count, sizeof(*readers.order));
	for (size_t i = 0; i < readers.block_count; i++)
		readers.order[i] = i;
	for (int is_shuffled = 0; is_shuffled < 2; is_shuffled++) {
		for (size_t i = readers.block_count - 1; is_shuffled && i > 0; i--) {
			size_t j = random_below(&r, i + 1);
			size_t kept = readers.order[i];
			readers.order[i] = readers.order[j];
			readers.order[j] = kept;
		}
		assert_ok(asof_window_join_new(&options, &readers.join, &err), err);
		run_readers(&readers, 4);
		assert_int_equal(asof_window_join_counts(readers.join).ranges, 4);
		asof_window_join_free(readers.join);
	}
	join_case_done(&c);
}

/* A view of one sum, whose tiles do not fit int64 together. */
static void
make_overflowing_case(struct random *r, struct join_case *c)
{
	*c = (struct join_case){ .wanted_count = 1 };
	case_init(&c->view, ASOF_STEP_EVENT);
	assert_true(case_add_output(&c->view, ASOF_AGG_SUM, "n", 1000, 0));
	case_make_layout(&c->view);
	c->layout = c->view.layout;
	for (size_t i = 0; i < 20; i++) {
		struct case_event *event = &c->view.events[i];
		*event = (struct case_event){ .event_us = (int64_t)i, .order = (int64_t)i };
		for (size_t j = 0; j < CASE_COLUMNS; j++)
			event->values[j] = asof_value_null(case_types[j]);
		event->values[2] = case_of_int64(ASOF_TYPE_INT64, INT64_MAX / 2);
	}
	c->view.event_count = 20;
	c->tiles[3] = case_make_tiles(r, &c->view);
	join_case_spine(r, c, 3000, false);
	join_case_store(c);
}

static void
a_failure_is_given_to_every_reader(void **state)
{
	(void)state;
	struct random r = { 57 };
	struct join_case c;
	make_overflowing_case(&r, &c);
	struct asof_window_join_options options = options_of(&c, false, 2, 0);
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_AUTO(asof_window_join_free_auto) struct asof_window_join *join = NULL;
	struct asof_error err = { 0 };
	init_block(&c, &block);
	assert_ok(asof_window_join_new(&options, &join, &err), err);
	for (int i = 0; i < 2; i++) {
		uint64_t matched = 0;
		struct asof_error failure = { 0 };
		asof_block_reset(&block, 64);
		assert_int_equal(asof_window_join_read(join, FIRST_ROW + i * 64, 64, &block, SHIFT,
						       &matched, &failure),
				 ASOF_LIMIT);
		assert_string_equal(failure.message, "sum of 'n' leaves int64");
		assert_int_equal(matched, 0);
	}
	join_case_done(&c);
}

static void
every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct random r = { 58 };
	static const bool labels[] = { false, true };
	for (size_t i = 0; i < ASOF_COUNTOF(labels); i++) {
		struct join_case c;
		join_case_view(&r, &c, 10, false);
		join_case_tiles(&r, &c, 40, TASTE_TAME, 60);
		join_case_spine(&r, &c, 70000, false);
		join_case_store(&c);
		struct asof_window_join_options options = options_of(&c, labels[i], 1, 1);
		ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
		enum asof_status status = ASOF_NO_MEMORY;
		for (size_t n = 1; status != ASOF_OK; n += 1 + n / 16) {
			struct asof_error err = { 0 };
			struct asof_window_join *join = NULL;
			uint64_t matched = 0;
			size_t live = asof_mem_live();
			init_block(&c, &block);
			asof_block_reset(&block, READ_ROWS);
			asof_mem_fail_at(n);
			status = asof_window_join_new(&options, &join, &err);
			if (status == ASOF_OK)
				status = asof_window_join_read(join, FIRST_ROW, READ_ROWS, &block,
							       SHIFT, &matched, &err);
			asof_mem_fail_at(0);
			asof_window_join_free(join);
			if (status == ASOF_OK) {
				assert_int_equal(matched,
						 check_rows(&c, labels[i], &block, 0, READ_ROWS));
				break;
			}
			assert_int_equal(status, ASOF_NO_MEMORY);
			asof_block_done(&block);
			assert_int_equal(asof_mem_live(), live);
		}
		join_case_done(&c);
	}
}

static void
an_empty_spine_has_nothing_to_read(void **state)
{
	(void)state;
	struct random r = { 59 };
	struct join_case c;
	struct asof_window_join_counts counts;
	make_large_case(&r, &c, 0, false);
	struct asof_window_join_options options = options_of(&c, false, 2, 0);
	read_and_check(&c, &options, READ_ROWS, &counts);
	assert_int_equal(counts.ranges, 0);
	join_case_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_get_the_windows_at_their_times),
		cmocka_unit_test(events_of_a_stepped_view_do_without_tiles),
		cmocka_unit_test(a_label_sees_no_tile_before_it_was_created),
		cmocka_unit_test(a_bound_on_memory_makes_short_ranges),
		cmocka_unit_test(long_sweeps_make_long_ranges_where_memory_allows),
		cmocka_unit_test(a_spine_in_time_order_is_read_in_ranges),
		cmocka_unit_test(readers_may_come_in_any_order),
		cmocka_unit_test(a_failure_is_given_to_every_reader),
		cmocka_unit_test(every_failed_allocation_is_reported),
		cmocka_unit_test(an_empty_spine_has_nothing_to_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
