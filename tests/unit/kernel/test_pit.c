#include "kernel/pit.h"

#include <stdatomic.h>

#include "base/workers.h"
#include "model/duration.h"
#include "spine_cases.h"

#define SPINE_ROWS_MAX    384
#define FEATURE_ROWS_MAX  600
#define OUTPUTS_MAX       6
#define BATCH_ROWS        64
#define MINUS_INFINITY_US (-INT64_MAX)
#define FIRST_ROW         (-7)
#define COLUMNS_MAX       (CASE_KEYS_MAX + 3 + OUTPUTS_MAX)

struct feature_row {
	struct asof_value key[CASE_KEYS_MAX];
	struct asof_value event;
	int64_t created_us;
	int64_t order;
	struct asof_value values[OUTPUTS_MAX];
};

struct pit_case {
	struct case_keys keys;
	size_t spine_count;
	bool is_long;
	struct asof_value spine[SPINE_ROWS_MAX][2 + CASE_KEYS_MAX]; /* row, time, key */
	size_t feature_count;
	struct feature_row features[FEATURE_ROWS_MAX];
	struct asof_pit_output outputs[OUTPUTS_MAX];
	struct asof_value defaults[OUTPUTS_MAX];
	struct asof_pit_options options;
	struct asof_arena arena;
};

/* Values follow from what orders a row, so that it does not matter which of two equals wins. */
static void
make_values(struct pit_case *c, struct feature_row *row)
{
	uint64_t bits = row->event.is_null ? 0 : (uint64_t)row->event.int64;
	if (c->options.has_created)
		bits = bits * 31 + (uint64_t)row->created_us;
	if (c->options.has_order)
		bits = bits * 31 + (uint64_t)row->order;
	struct random r = { bits | UINT64_C(1) << 63 };
	for (size_t i = 0; i < c->options.output_count; i++) {
		row->values[i] = case_value(&c->arena, c->outputs[i].type, random_below(&r, 200));
		row->values[i].is_null = random_below(&r, 6) == 0;
	}
}

static void
make_options(struct random *r, struct pit_case *c)
{
	const int64_t spans[] = { 0, 1, 5, 30, INT64_MAX };
	c->options.outputs = c->outputs;
	c->options.output_count = random_below(r, OUTPUTS_MAX + 1);
	c->options.max_age_us = spans[random_below(r, 5)];
	c->options.available_after_us = spans[random_below(r, 4)];
	c->options.has_created = random_below(r, 2);
	c->options.has_order = random_below(r, 2);
	c->options.is_label = c->options.has_created && random_below(r, 2);
	bool is_fixed = random_below(r, 3) == 0;
	for (size_t i = 0; i < c->options.output_count; i++) {
		struct asof_type type = case_random_type(r);
		if (is_fixed)
			type = ASOF_TYPE(ASOF_TYPE_FLOAT64);
		c->outputs[i] = (struct asof_pit_output){ .type = type };
		c->defaults[i] = case_value(&c->arena, type, random_below(r, 100));
		if (random_below(r, 2))
			c->outputs[i].default_value = &c->defaults[i];
	}
}

/* Few keys with many times each, some of which only a microsecond tells apart. */
static void
make_long(struct random *r, struct pit_case *c)
{
	c->is_long = true;
	for (size_t i = 0; i < c->keys.count; i++)
		c->keys.limits[i] = 1;
	c->keys.limits[0] += random_below(r, 2);
}

static int64_t
make_time(struct random *r, const struct pit_case *c)
{
	if (!c->is_long || random_below(r, 50) == 0)
		return case_time(r);
	return ((int64_t)random_below(r, 300) - 150) * (random_below(r, 2) ? 1 : INT64_C(1) << 33);
}

static void
make_case(struct random *r, struct pit_case *c)
{
	*c = (struct pit_case){ .keys = case_random_keys(r) };
	make_options(r, c);
	if (random_below(r, 4) == 0)
		make_long(r, c);
	c->spine_count = random_below(r, 12) == 0 ? 0 : random_below(r, SPINE_ROWS_MAX + 1);
	for (size_t i = 0; i < c->spine_count; i++) {
		c->spine[i][0] = case_int64((int64_t)i + FIRST_ROW);
		c->spine[i][1] = case_int64(make_time(r, c));
		c->spine[i][1].is_null = random_below(r, 30) == 0;
		case_key(r, &c->arena, &c->keys, &c->spine[i][2]);
	}
	c->feature_count = random_below(r, 12) == 0 ? 0 : random_below(r, FEATURE_ROWS_MAX + 1);
	bool is_one_event = random_below(r, 12) == 0;
	for (size_t i = 0; i < c->feature_count; i++) {
		struct feature_row *row = &c->features[i];
		case_key(r, &c->arena, &c->keys, row->key);
		row->event = case_int64(is_one_event ? 3 : make_time(r, c));
		row->event.is_null = random_below(r, 40) == 0;
		if (random_below(r, 40) == 0)
			row->event.int64 = MINUS_INFINITY_US;
		row->created_us =
			random_below(r, 8) ? (int64_t)random_below(r, 80) - 40 : case_time(r);
		row->order = (int64_t)random_below(r, 5) - 2;
		make_values(c, row);
	}
}

static void
index_spine(struct pit_case *c, struct asof_spine_index **ret_index)
{
	struct asof_type types[2 + CASE_KEYS_MAX] = { ASOF_TYPE(ASOF_TYPE_INT64),
						      ASOF_TYPE(ASOF_TYPE_INT64) };
	memcpy(types + 2, c->keys.types, sizeof(c->keys.types));
	struct asof_spine_index_options options = { .key_types = c->keys.types,
						    .key_count = c->keys.count,
						    .first_row = FIRST_ROW,
						    .row_count = c->spine_count,
						    .workers = 2 };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	assert_ok(asof_block_init(&block, types, 2 + c->keys.count, SPINE_ROWS_MAX, &err), err);
	for (size_t i = 0; i < c->spine_count; i++) {
		for (size_t j = 0; j < block.column_count; j++)
			assert_ok(asof_block_set(&block, j, i, &c->spine[i][j], &err), err);
	}
	struct asof_batch batch = case_batch(&block, c->spine_count);
	assert_ok(asof_spine_index_new(&options, ret_index, &err), err);
	assert_ok(asof_spine_index_take(*ret_index, 0, &batch, &err), err);
	assert_ok(asof_spine_index_finish(*ret_index, &err), err);
}

struct feeding {
	const struct pit_case *c;
	struct asof_pit *pit;
	atomic_size_t next;
};

static size_t
column_types(const struct pit_case *c, struct asof_type types[COLUMNS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < c->keys.count; i++)
		types[count++] = c->keys.types[i];
	for (int i = 0; i < 1 + c->options.has_created + c->options.has_order; i++)
		types[count++] = ASOF_TYPE(ASOF_TYPE_INT64);
	for (size_t i = 0; i < c->options.output_count; i++)
		types[count++] = c->outputs[i].type;
	return count;
}

static enum asof_status
set_row(struct asof_block *block, const struct pit_case *c, const struct feature_row *from,
	size_t row, struct asof_error *err)
{
	size_t column = 0;
	for (size_t i = 0; i < c->keys.count; i++)
		ASOF_TRY(asof_block_set(block, column++, row, &from->key[i], err));
	ASOF_TRY(asof_block_set(block, column++, row, &from->event, err));
	struct asof_value created = case_int64(from->created_us);
	struct asof_value order = case_int64(from->order);
	if (c->options.has_created)
		ASOF_TRY(asof_block_set(block, column++, row, &created, err));
	if (c->options.has_order)
		ASOF_TRY(asof_block_set(block, column++, row, &order, err));
	for (size_t i = 0; i < c->options.output_count; i++)
		ASOF_TRY(asof_block_set(block, column++, row, &from->values[i], err));
	return ASOF_OK;
}

static enum asof_status
feed_rows(void *arg, unsigned worker, struct asof_error *err)
{
	struct feeding *feeding = arg;
	const struct pit_case *c = feeding->c;
	struct asof_type types[COLUMNS_MAX];
	size_t column_count = column_types(c, types);
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, types, column_count, BATCH_ROWS, err));
	for (;;) {
		size_t begin = atomic_fetch_add(&feeding->next, BATCH_ROWS);
		if (begin >= c->feature_count)
			return ASOF_OK;
		size_t count = c->feature_count - begin;
		count = count < BATCH_ROWS ? count : BATCH_ROWS;
		asof_block_reset(&block, count);
		for (size_t i = 0; i < count; i++)
			ASOF_TRY(set_row(&block, c, &c->features[begin + i], i, err));
		struct asof_batch batch = case_batch(&block, count);
		ASOF_TRY(asof_pit_take(feeding->pit, worker, &batch, err));
	}
}

static enum asof_status
join_case(struct pit_case *c, const struct asof_spine_index *index, unsigned workers,
	  struct asof_pit **ret_pit, struct asof_error *err)
{
	c->options.spine = index;
	c->options.workers = workers;
	ASOF_AUTO(asof_pit_free_auto) struct asof_pit *pit = NULL;
	ASOF_TRY(asof_pit_new(&c->options, &pit, err));
	struct feeding feeding = { .c = c, .pit = pit };
	ASOF_TRY(asof_workers_run(workers, feed_rows, &feeding, err));
	ASOF_TRY(asof_pit_finish(pit, err));
	*ret_pit = ASOF_STEAL(pit);
	return ASOF_OK;
}

static bool
is_newer(const struct pit_case *c, const struct feature_row *a, const struct feature_row *b)
{
	if (a->event.int64 != b->event.int64)
		return a->event.int64 > b->event.int64;
	if (c->options.has_created && a->created_us != b->created_us)
		return a->created_us > b->created_us;
	return c->options.has_order && a->order > b->order;
}

static const struct feature_row *
oracle_row(const struct pit_case *c, size_t spine_row)
{
	const struct asof_value *asked = c->spine[spine_row];
	const struct feature_row *best = NULL;
	int64_t time_us = asked[1].int64;
	for (size_t i = 0; i < c->feature_count; i++) {
		const struct feature_row *row = &c->features[i];
		if (row->event.is_null || row->event.int64 == MINUS_INFINITY_US ||
		    !case_keys_equal(&c->keys, &asked[2], row->key))
			continue;
		if (asof_us_add(row->event.int64, c->options.available_after_us) > time_us)
			continue;
		if (c->options.is_label && row->created_us > time_us)
			continue;
		if (!best || is_newer(c, row, best))
			best = row;
	}
	if (best && c->options.max_age_us > 0 &&
	    best->event.int64 < asof_us_sub(time_us, c->options.max_age_us))
		return NULL;
	return best;
}

static bool
is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (a->type.kind != b->type.kind || asof_value_compare(a, b) != 0)
		return false;
	if (a->is_null)
		return true;
	if (a->type.kind == ASOF_TYPE_FLOAT64)
		return memcmp(&a->float64, &b->float64, sizeof(a->float64)) == 0;
	if (a->type.kind == ASOF_TYPE_FLOAT32)
		return memcmp(&a->float32, &b->float32, sizeof(a->float32)) == 0;
	return true;
}

/* Of the two zeros, what is kept is 0.0. */
static struct asof_value
kept_value(struct asof_value value)
{
	if (value.type.kind == ASOF_TYPE_FLOAT64 && !value.is_null)
		value.float64 += 0.0;
	if (value.type.kind == ASOF_TYPE_FLOAT32 && !value.is_null)
		value.float32 += 0.0F;
	return value;
}

static void
check_row(const struct pit_case *c, const struct asof_block *block, size_t block_row,
	  size_t spine_row, uint64_t *matched)
{
	const struct asof_value *asked = c->spine[spine_row];
	bool has_slot = !asked[1].is_null && !case_key_has_null(&c->keys, &asked[2]);
	const struct feature_row *row = has_slot ? oracle_row(c, spine_row) : NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	*matched += row != NULL;
	for (size_t i = 0; i < c->options.output_count; i++) {
		struct asof_value expected = asof_value_null(c->outputs[i].type);
		if (row)
			expected = kept_value(row->values[i]);
		else if (has_slot && c->outputs[i].default_value)
			expected = c->defaults[i];
		struct asof_value value;
		assert_ok(
			asof_column_value(&block->columns[i + 1], block_row, &arena, &value, &err),
			err);
		assert_true(is_same(&value, &expected));
	}
}

static void
check_answers(struct random *r, const struct pit_case *c, const struct asof_pit *pit)
{
	struct asof_type types[OUTPUTS_MAX + 1] = { ASOF_TYPE(ASOF_TYPE_INT64) };
	for (size_t i = 0; i < c->options.output_count; i++)
		types[i + 1] = c->outputs[i].type;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_block_init(&block, types, c->options.output_count + 1, 1024, &err), err);
	uint64_t expected = 0;
	uint64_t matched = 0;
	for (size_t begin = 0; begin < c->spine_count;) {
		size_t count = 1 + random_below(r, c->spine_count - begin);
		asof_block_reset(&block, count);
		assert_ok(asof_pit_read(pit, FIRST_ROW + (int64_t)begin, count, &block, 1, &matched,
					&err),
			  err);
		for (size_t i = 0; i < count; i++)
			check_row(c, &block, i, begin + i, &expected);
		begin += count;
	}
	assert_int_equal(matched, expected);
	assert_int_equal(asof_pit_counts(pit).rows, c->feature_count);
}

static void
rows_are_those_of_the_oracle(void **state)
{
	(void)state;
	static struct pit_case c;
	struct random r = { 51 };
	const unsigned workers[] = { 1, 2, 3, 8 };
	for (size_t i = 0; i < random_cases(300); i++) {
		make_case(&r, &c);
		struct asof_spine_index *index = NULL;
		index_spine(&c, &index);
		for (size_t j = i % 2; j < 4; j += 2) {
			struct asof_pit *pit = NULL;
			struct asof_error err = { 0 };
			assert_ok(join_case(&c, index, workers[j], &pit, &err), err);
			check_answers(&r, &c, pit);
			asof_pit_free(pit);
		}
		asof_spine_index_free(index);
		asof_arena_done(&c.arena);
	}
}

struct hot {
	const int64_t *keys;
	const int64_t *events;
	size_t count;
	struct asof_pit *pit;
	atomic_size_t next;
};

static enum asof_status
feed_hot(void *arg, unsigned worker, struct asof_error *err)
{
	struct hot *hot = arg;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	for (;;) {
		size_t begin = atomic_fetch_add(&hot->next, 2048);
		if (begin >= hot->count)
			return ASOF_OK;
		size_t count = hot->count - begin < 2048 ? hot->count - begin : 2048;
		struct asof_column columns[] = {
			{ .type = type, .data = hot->keys + begin },
			{ .type = type, .data = hot->events + begin },
			{ .type = type, .data = hot->events + begin },
		};
		struct asof_batch batch = { columns, 3, count };
		ASOF_TRY(asof_pit_take(hot->pit, worker, &batch, err));
	}
}

/* Every instant of the spine is of one key and has an event of its own. */
static void
a_hot_entity_is_joined_quickly(void **state)
{
	(void)state;
	size_t count = 200000;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	int64_t *numbers = asof_mem_alloc(3 * count * sizeof(*numbers));
	assert_non_null(numbers);
	int64_t *rows = numbers;
	int64_t *times_us = numbers + count;
	int64_t *keys = numbers + 2 * count;
	for (size_t i = 0; i < count; i++) {
		rows[i] = (int64_t)i;
		times_us[i] = (int64_t)(i * 7919 % count) * 10;
		keys[i] = 1;
	}
	struct asof_column columns[] = { { .type = type, .data = rows },
					 { .type = type, .data = times_us },
					 { .type = type, .data = keys } };
	struct asof_batch batch = { columns, 3, count };
	struct asof_spine_index_options spine = {
		.key_types = &type, .key_count = 1, .row_count = count, .workers = 2
	};
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *index = NULL;
	ASOF_AUTO(asof_pit_free_auto) struct asof_pit *pit = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_spine_index_new(&spine, &index, &err), err);
	assert_ok(asof_spine_index_take(index, 0, &batch, &err), err);
	assert_ok(asof_spine_index_finish(index, &err), err);
	struct asof_pit_output output = { .type = type };
	struct asof_pit_options options = {
		.spine = index, .outputs = &output, .output_count = 1, .workers = 2
	};
	assert_ok(asof_pit_new(&options, &pit, &err), err);
	for (size_t i = 0; i < count; i++)
		rows[i] = times_us[count - 1 - i] - 3;
	struct hot hot = { keys, rows, count, pit, 0 };
	assert_ok(asof_workers_run(2, feed_hot, &hot, &err), err);
	assert_ok(asof_pit_finish(pit, &err), err);
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	assert_ok(asof_block_init(&block, &type, 1, (count + 63) / 64 * 64, &err), err);
	uint64_t matched = 0;
	assert_ok(asof_pit_read(pit, 0, count, &block, 0, &matched, &err), err);
	assert_int_equal(matched, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(((const int64_t *)block.data[0])[i], times_us[i] - 3);
	struct asof_pit_counts counts = asof_pit_counts(pit);
	assert_int_equal(counts.asked, count);
	assert_int_equal(counts.kept, count);
	asof_mem_free(numbers);
}

/* A text that grows and shrinks in one slot takes no more memory than its longest few. */
static void
replaced_texts_leave_no_garbage_behind(void **state)
{
	(void)state;
	struct asof_type int64 = ASOF_TYPE(ASOF_TYPE_INT64);
	struct asof_type string = ASOF_TYPE(ASOF_TYPE_STRING);
	const int64_t zero = 0;
	const int64_t last_us = 1000000;
	struct asof_column spine_columns[] = { { .type = int64, .data = &zero },
					       { .type = int64, .data = &last_us },
					       { .type = int64, .data = &zero } };
	struct asof_batch spine_batch = { spine_columns, 3, 1 };
	struct asof_spine_index_options spine = {
		.key_types = &int64, .key_count = 1, .row_count = 1, .workers = 1
	};
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *index = NULL;
	ASOF_AUTO(asof_pit_free_auto) struct asof_pit *pit = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_spine_index_new(&spine, &index, &err), err);
	assert_ok(asof_spine_index_take(index, 0, &spine_batch, &err), err);
	assert_ok(asof_spine_index_finish(index, &err), err);
	struct asof_pit_output output = { .type = string };
	struct asof_pit_options options = {
		.spine = index, .outputs = &output, .output_count = 1, .workers = 1
	};
	assert_ok(asof_pit_new(&options, &pit, &err), err);
	static const char text[1000] = { 'a' };
	for (int64_t event_us = 0; event_us < 50000; event_us++) {
		struct asof_str str = { text, (size_t)(event_us * 7919) % sizeof(text) };
		struct asof_column columns[] = { { .type = int64, .data = &zero },
						 { .type = int64, .data = &event_us },
						 { .type = string, .data = &str } };
		struct asof_batch batch = { columns, 3, 1 };
		assert_ok(asof_pit_take(pit, 0, &batch, &err), err);
	}
	assert_int_equal(asof_pit_counts(pit).kept, 50000);
	assert_true(asof_pit_counts(pit).bytes < 20000);
	assert_ok(asof_pit_finish(pit, &err), err);
}

static void
fixed_case(struct pit_case *c)
{
	struct random r = { 53 };
	bool has_list = false;
	do {
		asof_arena_done(&c->arena);
		make_case(&r, c);
		has_list = c->options.output_count > 2 &&
			   c->outputs[0].type.kind == ASOF_TYPE_LIST &&
			   c->outputs[1].type.kind == ASOF_TYPE_STRING;
	} while (!has_list || c->spine_count < 50 || c->feature_count < 300);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	static struct pit_case c;
	fixed_case(&c);
	struct asof_spine_index *index = NULL;
	index_spine(&c, &index);
	size_t before = asof_mem_live();
	size_t failures = 0;
	for (unsigned workers = 1; workers <= 2; workers++) {
		enum asof_status status = ASOF_NO_MEMORY;
		for (size_t n = 1; status != ASOF_OK; n++, failures++) {
			struct asof_pit *pit = NULL;
			struct asof_error err = { 0 };
			asof_mem_fail_at(n);
			status = join_case(&c, index, workers, &pit, &err);
			asof_mem_fail_at(0);
			assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
			assert_int_equal(status == ASOF_OK, pit != NULL);
			asof_pit_free(pit);
			assert_int_equal(asof_mem_live(), before);
		}
	}
	assert_true(failures > 20);
	asof_spine_index_free(index);
	asof_arena_done(&c.arena);
}

static void
the_bound_is_kept_and_the_estimate_right(void **state)
{
	(void)state;
	static struct pit_case c;
	struct random r = { 54 };
	fixed_case(&c);
	struct asof_spine_index *index = NULL;
	index_spine(&c, &index);
	c.options.spine = index;
	c.options.workers = 1;
	struct asof_pit *pit = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_pit_new(&c.options, &pit, &err), err);
	assert_int_equal(asof_pit_counts(pit).bytes,
			 asof_pit_bytes(&c.options, asof_spine_index_slots(index)->slot_count));
	asof_pit_free(ASOF_STEAL(pit));

	c.options.max_bytes = 1;
	while (join_case(&c, index, 1, &pit, &err) != ASOF_OK) {
		assert_int_equal(err.status, ASOF_LIMIT);
		assert_non_null(strstr(err.message, "the point-in-time join takes more than "));
		c.options.max_bytes += c.options.max_bytes / 20 + 1;
	}
	check_answers(&r, &c, pit);
	asof_pit_free(pit);
	asof_spine_index_free(index);
	asof_arena_done(&c.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_those_of_the_oracle),
		cmocka_unit_test(a_hot_entity_is_joined_quickly),
		cmocka_unit_test(replaced_texts_leave_no_garbage_behind),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(the_bound_is_kept_and_the_estimate_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
