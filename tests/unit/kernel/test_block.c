#include "kernel/block.h"

#include "check.h"

#define ROWS 64

static const struct asof_type scalars[] = {
	{ .kind = ASOF_TYPE_BOOL },    { .kind = ASOF_TYPE_INT32 },
	{ .kind = ASOF_TYPE_INT64 },   { .kind = ASOF_TYPE_FLOAT32 },
	{ .kind = ASOF_TYPE_FLOAT64 }, { .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 },
	{ .kind = ASOF_TYPE_STRING },  { .kind = ASOF_TYPE_BYTES },
	{ .kind = ASOF_TYPE_DATE },    { .kind = ASOF_TYPE_TIMESTAMP },
	{ .kind = ASOF_TYPE_UUID },    { .kind = ASOF_TYPE_JSON },
};

static struct asof_value
value_of(struct asof_type type, int64_t number)
{
	static const char texts[] = "abcdefghijklmnopqrstuvwxyz";
	struct asof_value value = { .type = type };
	size_t place = (size_t)(number & 7);
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = number & 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = (int32_t)number;
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = number << 40;
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)number / 4;
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = (double)number / 3;
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = (asof_int128)number << 70;
		break;
	case ASOF_TYPE_UUID:
		value.str = (struct asof_str){ texts + place, 16 };
		break;
	default:
		value.str = (struct asof_str){ texts, place };
		break;
	}
	return value;
}

static void
assert_value(const struct asof_block *block, size_t column, size_t row,
	     const struct asof_value *expected)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_error err = { 0 };
	struct asof_value value;
	assert_ok(asof_column_value(&block->columns[column], row, &arena, &value, &err), err);
	assert_int_equal(value.type.kind, expected->type.kind);
	assert_int_equal(asof_value_compare(&value, expected), 0);
}

static void
what_is_set_is_read_and_the_rest_is_null(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	size_t count = ASOF_COUNTOF(scalars);
	assert_ok(asof_block_init(&block, scalars, count, ROWS, &err), err);
	for (int round = 0; round < 3; round++) {
		asof_block_reset(&block, ROWS);
		for (size_t i = 0; i < count; i++) {
			for (size_t row = (size_t)round; row < ROWS; row += 3) {
				struct asof_value value = value_of(scalars[i], (int64_t)row);
				assert_ok(asof_block_set(&block, i, row, &value, &err), err);
			}
		}
		for (size_t i = 0; i < count; i++) {
			for (size_t row = 0; row < ROWS; row++) {
				struct asof_value value = value_of(scalars[i], (int64_t)row);
				value.is_null = row % 3 != (size_t)round;
				assert_value(&block, i, row, &value);
			}
		}
	}
}

static void
lists_of_every_type_are_copied(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_type types[ASOF_COUNTOF(scalars)];
	size_t count = ASOF_COUNTOF(scalars);
	for (size_t i = 0; i < count; i++) {
		types[i] = scalars[i];
		types[i].kind = ASOF_TYPE_LIST;
		types[i].element = scalars[i].kind;
	}
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	assert_ok(asof_block_init(&block, types, count, ROWS, &err), err);
	for (int round = 0; round < 2; round++) {
		asof_block_reset(&block, ROWS);
		for (size_t step = 0; step < 2 * count * ROWS; step++) {
			size_t i = step % count;
			size_t row = step / count % ROWS;
			bool is_check = step >= count * ROWS;
			struct asof_value items[9];
			struct asof_value list = { .type = types[i] };
			list.list.items = items;
			list.list.count = (row + (size_t)round) % 9;
			for (size_t j = 0; j < list.list.count; j++) {
				items[j] = value_of(scalars[i], (int64_t)(row + j));
				items[j].is_null = (row + j + (size_t)round) % 4 == 0;
			}
			if (is_check)
				assert_value(&block, i, row, &list);
			else
				assert_ok(asof_block_set(&block, i, row, &list, &err), err);
		}
	}
}

static void
null_takes_a_value_back(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	assert_ok(asof_block_init(&block, &scalars[2], 1, ROWS, &err), err);
	struct asof_value value = value_of(scalars[2], 5);
	struct asof_value null = asof_value_null(scalars[2]);
	assert_ok(asof_block_set(&block, 0, 9, &value, &err), err);
	assert_ok(asof_block_set(&block, 0, 10, &value, &err), err);
	assert_ok(asof_block_set(&block, 0, 9, &null, &err), err);
	assert_value(&block, 0, 9, &null);
	assert_value(&block, 0, 10, &value);
}

static void
bytes_are_those_of_the_arrays(void **state)
{
	(void)state;
	const struct asof_type types[] = { ASOF_TYPE(ASOF_TYPE_INT64), ASOF_TYPE(ASOF_TYPE_BOOL) };
	assert_int_equal(asof_block_bytes(types, 2, 128), 128 * 9 + 2 * 16);
	assert_int_equal(asof_block_bytes(types, 0, 128), 0);
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	struct asof_type types[] = { ASOF_TYPE(ASOF_TYPE_INT64), ASOF_TYPE(ASOF_TYPE_LIST) };
	types[1].element = ASOF_TYPE_INT64;
	size_t before = asof_mem_live();
	struct asof_value items[3];
	for (size_t i = 0; i < 3; i++)
		items[i] = value_of(types[0], (int64_t)i);
	struct asof_value list = { .type = types[1] };
	list.list.items = items;
	list.list.count = 3;
	enum asof_status status = ASOF_NO_MEMORY;
	for (size_t n = 1; status == ASOF_NO_MEMORY; n++) {
		struct asof_block block = { 0 };
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		status = asof_block_init(&block, types, 2, 4096, &err);
		if (status == ASOF_OK)
			status = asof_block_set(&block, 1, 0, &list, &err);
		asof_mem_fail_at(0);
		assert_true(status == ASOF_OK || n < 20);
		asof_block_done(&block);
		assert_int_equal(asof_mem_live(), before);
	}
	assert_int_equal(status, ASOF_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_read_and_the_rest_is_null),
		cmocka_unit_test(lists_of_every_type_are_copied),
		cmocka_unit_test(null_takes_a_value_back),
		cmocka_unit_test(bytes_are_those_of_the_arrays),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
