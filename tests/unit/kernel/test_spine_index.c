#include "kernel/spine_index.h"

#include <stdatomic.h>

#include "base/workers.h"
#include "spine_cases.h"

#define ROWS_MAX    400
#define BATCH_ROWS  64
#define COLUMNS_MAX (2 + CASE_KEYS_MAX)
#define FIRST_ROW   1000
#define DAY_US      INT64_C(86400000000)

/* Rows of a spine in the order in which they are given. */
struct spine_case {
	struct case_keys keys;
	size_t row_count;
	bool is_given[ROWS_MAX];
	struct asof_value rows[ROWS_MAX][COLUMNS_MAX]; /* row, time, keys */
	struct asof_arena arena;
};

static void
make_case(struct random *r, struct spine_case *c)
{
	*c = (struct spine_case){ .keys = case_random_keys(r) };
	c->row_count = random_below(r, 10) == 0 ? 0 : random_below(r, ROWS_MAX + 1);
	bool is_one_time = random_below(r, 10) == 0;
	for (size_t i = 0; i < c->row_count; i++) {
		c->rows[i][0] = case_int64((int64_t)i);
		c->rows[i][1] = case_int64(is_one_time ? 7 : case_time(r));
		c->rows[i][1].is_null = random_below(r, 50) == 0;
		c->is_given[i] = random_below(r, 50) != 0;
		case_key(r, &c->arena, &c->keys, &c->rows[i][2]);
	}
	for (size_t i = 0; i < c->row_count; i++) {
		size_t j = random_below(r, c->row_count);
		int64_t row = c->rows[i][0].int64;
		c->rows[i][0].int64 = c->rows[j][0].int64;
		c->rows[j][0].int64 = row;
	}
	for (size_t i = 0; i < c->row_count; i++)
		c->rows[i][0].int64 += FIRST_ROW;
}

struct feeding {
	struct spine_case *c;
	struct asof_spine_index *index;
	atomic_size_t next;
};

static enum asof_status
feed_rows(void *arg, unsigned worker, struct asof_error *err)
{
	struct feeding *feeding = arg;
	struct spine_case *c = feeding->c;
	struct asof_type types[COLUMNS_MAX] = { ASOF_TYPE(ASOF_TYPE_INT64),
						ASOF_TYPE(ASOF_TYPE_INT64) };
	memcpy(types + 2, c->keys.types, sizeof(c->keys.types));
	size_t column_count = 2 + c->keys.count;
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, types, column_count, BATCH_ROWS, err));
	for (;;) {
		size_t begin = atomic_fetch_add(&feeding->next, BATCH_ROWS);
		if (begin >= c->row_count)
			return ASOF_OK;
		struct asof_value rows[BATCH_ROWS][COLUMNS_MAX];
		size_t count = 0;
		for (size_t i = begin; i < begin + BATCH_ROWS && i < c->row_count; i++) {
			if (c->is_given[i])
				memcpy(rows[count++], c->rows[i], sizeof(c->rows[i]));
		}
		asof_block_reset(&block, count);
		for (size_t i = 0; i < count * column_count; i++)
			ASOF_TRY(asof_block_set(&block, i % column_count, i / column_count,
						&rows[i / column_count][i % column_count], err));
		struct asof_batch batch = { block.columns, column_count, count };
		ASOF_TRY(asof_spine_index_take(feeding->index, worker, &batch, err));
	}
}

static enum asof_status
index_case(struct spine_case *c, unsigned workers, uint64_t max_bytes,
	   struct asof_spine_index **ret_index, struct asof_error *err)
{
	struct asof_spine_index_options options = {
		.key_types = c->keys.types,
		.key_count = c->keys.count,
		.first_row = FIRST_ROW,
		.row_count = c->row_count,
		.workers = workers,
		.max_bytes = max_bytes,
	};
	ASOF_AUTO(asof_spine_index_free_auto) struct asof_spine_index *index = NULL;
	ASOF_TRY(asof_spine_index_new(&options, &index, err));
	struct feeding feeding = { .c = c, .index = index };
	ASOF_TRY(asof_workers_run(workers, feed_rows, &feeding, err));
	ASOF_TRY(asof_spine_index_finish(index, err));
	*ret_index = ASOF_STEAL(index);
	return ASOF_OK;
}

static uint32_t
slot_of(const struct asof_spine_slots *slots, const struct spine_case *c, size_t i)
{
	return slots->row_slots[c->rows[i][0].int64 - FIRST_ROW];
}

static bool
has_slot(const struct spine_case *c, size_t i)
{
	return c->is_given[i] && !c->rows[i][1].is_null &&
	       !case_key_has_null(&c->keys, &c->rows[i][2]);
}

static void
check_pairs(const struct spine_case *c, const struct asof_spine_slots *slots,
	    const uint32_t *slot_entity)
{
	for (size_t i = 0; i < c->row_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (!has_slot(c, i) || !has_slot(c, j))
				continue;
			uint32_t a = slot_of(slots, c, i);
			uint32_t b = slot_of(slots, c, j);
			bool is_one = case_keys_equal(&c->keys, &c->rows[i][2], &c->rows[j][2]);
			assert_int_equal(slot_entity[a] == slot_entity[b], is_one);
			bool is_same = is_one && c->rows[i][1].int64 == c->rows[j][1].int64;
			assert_int_equal(a == b, is_same);
		}
	}
}

static void
check_slots(const struct spine_case *c, const struct asof_spine_slots *slots)
{
	uint32_t slot_entity[ROWS_MAX];
	bool is_used[ROWS_MAX] = { 0 };
	assert_int_equal(slots->row_count, c->row_count);
	assert_int_equal(slots->entity_begin[0], 0);
	assert_int_equal(slots->entity_begin[slots->entity_count], slots->slot_count);
	for (size_t e = 0; e < slots->entity_count; e++) {
		uint32_t begin = slots->entity_begin[e];
		uint32_t end = slots->entity_begin[e + 1];
		assert_true(begin < end);
		for (uint32_t slot = begin; slot < end; slot++) {
			slot_entity[slot] = (uint32_t)e;
			if (slot > begin)
				assert_true(slots->times_us[slot - 1] < slots->times_us[slot]);
		}
	}
	int64_t min_us = INT64_MAX;
	int64_t max_us = INT64_MIN;
	for (size_t i = 0; i < c->row_count; i++) {
		uint32_t slot = slot_of(slots, c, i);
		if (!has_slot(c, i)) {
			assert_int_equal(slot, ASOF_NO_SLOT);
			continue;
		}
		assert_true(slot < slots->slot_count);
		is_used[slot] = true;
		int64_t time_us = c->rows[i][1].int64;
		assert_int_equal(slots->times_us[slot], time_us);
		min_us = time_us < min_us ? time_us : min_us;
		max_us = time_us > max_us ? time_us : max_us;
	}
	for (size_t slot = 0; slot < slots->slot_count; slot++)
		assert_true(is_used[slot]);
	assert_int_equal(slots->min_us, min_us);
	assert_int_equal(slots->max_us, max_us);
	check_pairs(c, slots, slot_entity);
}

/* Keys of the spine, of no row, and with NULLs. */
static void
check_find(struct random *r, struct spine_case *c, const struct asof_spine_index *index)
{
	const struct asof_spine_slots *slots = asof_spine_index_slots(index);
	struct case_keys wide = c->keys;
	for (size_t i = 0; i < wide.count; i++)
		wide.limits[i] += 20;
	struct asof_value keys[256 * CASE_KEYS_MAX];
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_block_init(&block, wide.types, wide.count, 256, &err), err);
	for (size_t i = 0; i < 256; i++)
		case_key(r, &c->arena, &wide, &keys[i * wide.count]);
	case_fill(&block, keys, 256);
	uint32_t entities[256];
	asof_spine_index_find(index, block.columns, 256, entities);
	for (size_t i = 0; i < 256; i++) {
		uint32_t expected = ASOF_NO_ENTITY;
		for (size_t j = 0; j < c->row_count && expected == ASOF_NO_ENTITY; j++) {
			if (!has_slot(c, j) ||
			    !case_keys_equal(&wide, &keys[i * wide.count], &c->rows[j][2]))
				continue;
			expected = 0;
			while (slots->entity_begin[expected + 1] <= slot_of(slots, c, j))
				expected++;
		}
		assert_int_equal(entities[i], expected);
	}
}

static void
slots_and_entities_are_those_of_the_rows(void **state)
{
	(void)state;
	static struct spine_case c;
	struct random r = { 41 };
	const unsigned workers[] = { 1, 2, 3, 8 };
	for (size_t i = 0; i < random_cases(300); i++) {
		make_case(&r, &c);
		struct asof_spine_index *index = NULL;
		struct asof_error err = { 0 };
		assert_ok(index_case(&c, workers[i % 4], 0, &index, &err), err);
		check_slots(&c, asof_spine_index_slots(index));
		check_find(&r, &c, index);
		asof_spine_index_free(index);
		asof_arena_done(&c.arena);
	}
}

/* Rows (key, time) as columns, in one batch. */
static struct asof_spine_index *
index_columns(const int64_t *keys, const int64_t *times_us, size_t count, unsigned workers)
{
	int64_t *rows = asof_mem_alloc(count * sizeof(*rows));
	assert_non_null(rows);
	for (size_t i = 0; i < count; i++)
		rows[i] = (int64_t)i;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	struct asof_column columns[] = { { .type = type, .data = rows },
					 { .type = type, .data = times_us },
					 { .type = type, .data = keys } };
	struct asof_batch batch = { columns, 3, count };
	struct asof_spine_index_options options = {
		.key_types = &type, .key_count = 1, .row_count = count, .workers = workers
	};
	struct asof_spine_index *index = NULL;
	struct asof_error err = { 0 };
	assert_ok(asof_spine_index_new(&options, &index, &err), err);
	assert_ok(asof_spine_index_take(index, 0, &batch, &err), err);
	assert_ok(asof_spine_index_finish(index, &err), err);
	asof_mem_free(rows);
	return index;
}

static void
a_hot_entity_is_sorted_quickly(void **state)
{
	(void)state;
	size_t count = 200000;
	struct random r = { 42 };
	int64_t *keys = asof_mem_alloc(count * sizeof(*keys));
	int64_t *times_us = asof_mem_alloc(count * sizeof(*times_us));
	assert_non_null(keys);
	assert_non_null(times_us);
	for (size_t i = 0; i < count; i++) {
		keys[i] = i % 100 == 0 ? (int64_t)i : 7;
		times_us[i] = (int64_t)random_u64(&r) >> random_below(&r, 64);
	}
	struct asof_spine_index *index = index_columns(keys, times_us, count, 2);
	const struct asof_spine_slots *slots = asof_spine_index_slots(index);
	assert_int_equal(slots->entity_count, count / 100 + 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(slots->times_us[slots->row_slots[i]], times_us[i]);
	for (size_t e = 0; e < slots->entity_count; e++) {
		for (uint32_t slot = slots->entity_begin[e] + 1; slot < slots->entity_begin[e + 1];
		     slot++)
			assert_true(slots->times_us[slot - 1] < slots->times_us[slot]);
	}
	asof_spine_index_free(index);
	asof_mem_free(keys);
	asof_mem_free(times_us);
}

/* Two rows for each of many keys, which lie `stride` apart, from below 0 on. */
static void
check_many_parts(int64_t stride, unsigned workers)
{
	size_t count = 150000;
	int64_t lowest = -7 * stride;
	int64_t *keys = asof_mem_alloc(count * sizeof(*keys));
	int64_t *times_us = asof_mem_alloc(count * sizeof(*times_us));
	assert_non_null(keys);
	assert_non_null(times_us);
	for (size_t i = 0; i < count; i++) {
		keys[i] = lowest + (int64_t)(i / 2) * stride;
		times_us[i] = (int64_t)(i % 2) * DAY_US;
	}
	struct asof_spine_index *index = index_columns(keys, times_us, count, workers);
	const struct asof_spine_slots *slots = asof_spine_index_slots(index);
	assert_int_equal(slots->entity_count, count / 2);
	assert_int_equal(slots->slot_count, count);
	struct asof_column column = { .type = ASOF_TYPE(ASOF_TYPE_INT64) };
	for (int64_t first = -1000; first < (int64_t)count / 2 + 1000; first += 500) {
		uint32_t entities[1000];
		int64_t asked[1000];
		for (int64_t j = 0; j < 1000; j++)
			asked[j] = lowest + (first + j / 2) * stride + j % 2;
		column.data = asked;
		asof_spine_index_find(index, &column, 1000, entities);
		for (int64_t j = 0; j < 1000; j++) {
			int64_t number = first + j / 2;
			if (j % 2 != 0 || number < 0 || number >= (int64_t)count / 2) {
				assert_int_equal(entities[j], ASOF_NO_ENTITY);
				continue;
			}
			uint32_t slot = slots->row_slots[number * 2];
			assert_int_equal(slots->entity_begin[entities[j]], slot);
		}
	}
	asof_spine_index_free(index);
	asof_mem_free(keys);
	asof_mem_free(times_us);
}

static void
many_parts_make_one_table(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 3; workers++) {
		check_many_parts(2, workers);
		check_many_parts(3, workers);
		check_many_parts(1000003, workers);
	}
}

static void
fixed_case(struct spine_case *c)
{
	struct random r = { 43 };
	do {
		asof_arena_done(&c->arena);
		make_case(&r, c);
	} while (c->row_count < 100 || c->keys.types[0].kind != ASOF_TYPE_STRING);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	static struct spine_case c;
	fixed_case(&c);
	size_t before = asof_mem_live();
	size_t failures = 0;
	for (unsigned workers = 1; workers <= 2; workers++) {
		enum asof_status status = ASOF_NO_MEMORY;
		for (size_t n = 1; status != ASOF_OK; n++, failures++) {
			struct asof_spine_index *index = NULL;
			struct asof_error err = { 0 };
			asof_mem_fail_at(n);
			status = index_case(&c, workers, 0, &index, &err);
			asof_mem_fail_at(0);
			assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
			assert_int_equal(status == ASOF_OK, index != NULL);
			asof_spine_index_free(index);
			assert_int_equal(asof_mem_live(), before);
		}
	}
	assert_true(failures > 20);
	asof_arena_done(&c.arena);
}

static void
the_bound_is_kept(void **state)
{
	(void)state;
	static struct spine_case c;
	fixed_case(&c);
	struct asof_spine_index *index = NULL;
	struct asof_error err = { 0 };
	uint64_t max_bytes = 1;
	while (index_case(&c, 1, max_bytes, &index, &err) != ASOF_OK) {
		assert_int_equal(err.status, ASOF_LIMIT);
		assert_non_null(strstr(err.message, "the spine takes more than "));
		max_bytes += max_bytes / 20 + 1;
	}
	assert_true(max_bytes < 200 * c.row_count + 65536);
	check_slots(&c, asof_spine_index_slots(index));
	assert_true(asof_spine_index_bytes(index) > c.row_count * sizeof(uint32_t));
	asof_spine_index_free(index);
	asof_arena_done(&c.arena);
}

static void
a_row_of_another_spine_is_refused(void **state)
{
	(void)state;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	const int64_t zero = 0;
	struct asof_error err = { 0 };
	const int64_t wrong[] = { 9, 12, INT64_MIN, INT64_MAX };
	for (size_t i = 0; i < ASOF_COUNTOF(wrong); i++) {
		struct asof_column columns[] = { { .type = type, .data = &wrong[i] },
						 { .type = type, .data = &zero },
						 { .type = type, .data = &zero } };
		struct asof_spine_index_options options = { .key_types = &type,
							    .key_count = 1,
							    .first_row = 10,
							    .row_count = 2,
							    .workers = 1 };
		struct asof_spine_index *index = NULL;
		assert_ok(asof_spine_index_new(&options, &index, &err), err);
		struct asof_batch batch = { columns, 3, 1 };
		assert_int_equal(asof_spine_index_take(index, 0, &batch, &err), ASOF_INTERNAL);
		asof_spine_index_free(index);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_and_entities_are_those_of_the_rows),
		cmocka_unit_test(a_hot_entity_is_sorted_quickly),
		cmocka_unit_test(many_parts_make_one_table),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(the_bound_is_kept),
		cmocka_unit_test(a_row_of_another_spine_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
