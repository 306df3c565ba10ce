#include <math.h>

#include "base/arena.h"
#include "check.h"
#include "model/column.h"
#include "model/hash.h"

#define VALUE(k, member, x) ((struct asof_value){ .type = ASOF_TYPE(k), .member = (x) })

/* The values stand in strictly ascending order. */
static void
assert_ascending(const struct asof_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++) {
			int order = asof_value_compare(&values[i], &values[k]);
			assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
		}
	}
}

static void
numbers_are_ordered_with_nan_above_and_null_last(void **state)
{
	(void)state;
	const struct asof_value doubles[] = {
		VALUE(ASOF_TYPE_FLOAT64, float64, -(double)INFINITY),
		VALUE(ASOF_TYPE_FLOAT64, float64, -1),
		VALUE(ASOF_TYPE_FLOAT64, float64, 0),
		VALUE(ASOF_TYPE_FLOAT64, float64, 5e-324),
		VALUE(ASOF_TYPE_FLOAT64, float64, (double)INFINITY),
		VALUE(ASOF_TYPE_FLOAT64, float64, (double)NAN),
		asof_value_null(ASOF_TYPE(ASOF_TYPE_FLOAT64)),
	};
	const struct asof_value floats[] = {
		VALUE(ASOF_TYPE_FLOAT32, float32, -1.5F),
		VALUE(ASOF_TYPE_FLOAT32, float32, 1.5F),
		VALUE(ASOF_TYPE_FLOAT32, float32, NAN),
		asof_value_null(ASOF_TYPE(ASOF_TYPE_FLOAT32)),
	};
	const struct asof_value ints[] = {
		VALUE(ASOF_TYPE_INT64, int64, INT64_MIN),
		VALUE(ASOF_TYPE_INT64, int64, -1),
		VALUE(ASOF_TYPE_INT64, int64, INT64_MAX),
		asof_value_null(ASOF_TYPE(ASOF_TYPE_INT64)),
	};
	const struct asof_value decimals[] = {
		VALUE(ASOF_TYPE_DECIMAL, decimal, -((asof_int128)1 << 100)),
		VALUE(ASOF_TYPE_DECIMAL, decimal, 7),
		VALUE(ASOF_TYPE_DECIMAL, decimal, (asof_int128)1 << 100),
	};
	assert_ascending(doubles, ASOF_COUNTOF(doubles));
	assert_ascending(floats, ASOF_COUNTOF(floats));
	assert_ascending(ints, ASOF_COUNTOF(ints));
	assert_ascending(decimals, ASOF_COUNTOF(decimals));
}

static void
both_zeros_are_one_value_and_so_are_nans_and_nulls(void **state)
{
	(void)state;
	const struct asof_value pairs[][2] = {
		{ VALUE(ASOF_TYPE_FLOAT64, float64, -0.0), VALUE(ASOF_TYPE_FLOAT64, float64, 0.0) },
		{ VALUE(ASOF_TYPE_FLOAT64, float64, (double)NAN),
		  VALUE(ASOF_TYPE_FLOAT64, float64, -(double)NAN) },
		{ asof_value_null(ASOF_TYPE(ASOF_TYPE_STRING)),
		  asof_value_null(ASOF_TYPE(ASOF_TYPE_STRING)) },
		{ asof_value_null(ASOF_TYPE(ASOF_TYPE_NONE)),
		  asof_value_null(ASOF_TYPE(ASOF_TYPE_NONE)) },
		{ { .type = ASOF_TYPE(ASOF_TYPE_NONE) }, { .type = ASOF_TYPE(ASOF_TYPE_NONE) } },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(pairs); i++)
		assert_int_equal(asof_value_compare(&pairs[i][0], &pairs[i][1]), 0);
}

static void
texts_are_ordered_by_bytes(void **state)
{
	(void)state;
	static const enum asof_type_kind kinds[] = { ASOF_TYPE_STRING, ASOF_TYPE_BYTES,
						     ASOF_TYPE_UUID, ASOF_TYPE_JSON };
	static const struct asof_str texts[] = { { NULL, 0 }, { "\0", 1 }, { "B", 1 },
						 { "a", 1 },  { "ab", 2 }, { "\xC3\xA9", 2 } };
	for (size_t k = 0; k < ASOF_COUNTOF(kinds); k++) {
		struct asof_value values[ASOF_COUNTOF(texts)];
		for (size_t i = 0; i < ASOF_COUNTOF(texts); i++)
			values[i] = VALUE(kinds[k], str, texts[i]);
		assert_ascending(values, ASOF_COUNTOF(texts));
	}
}

static void
days_instants_and_bools_are_ordered(void **state)
{
	(void)state;
	const struct asof_value bools[] = { VALUE(ASOF_TYPE_BOOL, boolean, false),
					    VALUE(ASOF_TYPE_BOOL, boolean, true) };
	const struct asof_value days[] = { VALUE(ASOF_TYPE_DATE, int32, -1),
					   VALUE(ASOF_TYPE_DATE, int32, 1) };
	const struct asof_value small[] = { VALUE(ASOF_TYPE_INT32, int32, INT32_MIN),
					    VALUE(ASOF_TYPE_INT32, int32, INT32_MAX) };
	const struct asof_value instants[] = { VALUE(ASOF_TYPE_TIMESTAMP, int64, -1),
					       VALUE(ASOF_TYPE_TIMESTAMP, int64, 1) };
	assert_ascending(bools, 2);
	assert_ascending(days, 2);
	assert_ascending(small, 2);
	assert_ascending(instants, 2);
}

static void
lists_are_ordered_element_by_element(void **state)
{
	(void)state;
	const struct asof_value items[] = { VALUE(ASOF_TYPE_INT32, int32, 1),
					    VALUE(ASOF_TYPE_INT32, int32, 2),
					    asof_value_null(ASOF_TYPE(ASOF_TYPE_INT32)) };
	struct asof_value lists[4] = { 0 };
	for (size_t i = 0; i < 4; i++)
		lists[i].type =
			(struct asof_type){ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT32 };
	lists[1].list.items = items;
	lists[1].list.count = 1; /* [1] */
	lists[2].list.items = items;
	lists[2].list.count = 3; /* [1, 2, NULL] */
	lists[3].list.items = &items[1];
	lists[3].list.count = 1; /* [2] */
	assert_ascending(lists, 4);
}

static struct asof_value
at(const struct asof_column *column, size_t row, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_value value;
	assert_ok(asof_column_value(column, row, arena, &value, &err), err);
	assert_true(asof_type_equal(value.type, column->type));
	return value;
}

static void
columns_give_single_values(void **state)
{
	(void)state;
	static const uint8_t bools[] = { 0, 1 };
	static const int32_t int32s[] = { 5, -5 };
	static const int64_t int64s[] = { 5, INT64_MIN };
	static const float floats[] = { 0, 1.5F };
	static const double doubles[] = { 0, -1.5 };
	static const asof_int128 decimals[] = { 0, -12345 };
	static const struct asof_str texts[] = { { "", 0 }, { "text", 4 } };
	static const char uuids[] = "0123456789abcdefFEDCBA9876543210";
#define COLUMN(k, values) \
	((struct asof_column){ .type = ASOF_TYPE(k), .data = (const void *)(values) })
	struct asof_column column = COLUMN(ASOF_TYPE_BOOL, bools);
	assert_true(at(&column, 1, NULL).boolean);
	column = COLUMN(ASOF_TYPE_INT32, int32s);
	assert_int_equal(at(&column, 1, NULL).int32, -5);
	column = COLUMN(ASOF_TYPE_DATE, int32s);
	assert_int_equal(at(&column, 0, NULL).int32, 5);
	column = COLUMN(ASOF_TYPE_INT64, int64s);
	assert_true(at(&column, 1, NULL).int64 == INT64_MIN);
	column = COLUMN(ASOF_TYPE_TIMESTAMP, int64s);
	assert_true(at(&column, 0, NULL).int64 == 5);
	column = COLUMN(ASOF_TYPE_FLOAT32, floats);
	assert_true(at(&column, 1, NULL).float32 > 1.4F);
	column = COLUMN(ASOF_TYPE_FLOAT64, doubles);
	assert_true(at(&column, 1, NULL).float64 < -1.4);
	column = COLUMN(ASOF_TYPE_DECIMAL, decimals);
	assert_true(at(&column, 1, NULL).decimal == -12345);
	static const enum asof_type_kind kinds[] = { ASOF_TYPE_STRING, ASOF_TYPE_BYTES,
						     ASOF_TYPE_JSON };
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		column = COLUMN(kinds[i], texts);
		assert_true(asof_str_equal(at(&column, 1, NULL).str, texts[1]));
	}
	column = COLUMN(ASOF_TYPE_UUID, uuids);
	assert_ptr_equal(at(&column, 1, NULL).str.ptr, uuids + 16);
	assert_int_equal(at(&column, 1, NULL).str.len, 16);
	column = COLUMN(ASOF_TYPE_NONE, NULL);
	assert_true(at(&column, 7, NULL).is_null);
}

static void
the_bitmap_says_what_is_null(void **state)
{
	(void)state;
	static const int64_t values[70] = { [69] = 3 };
	static const uint64_t validity[] = { UINT64_C(1) << 63, UINT64_C(1) << 5 };
	const struct asof_column column = { .type = ASOF_TYPE(ASOF_TYPE_INT64),
					    .validity = validity,
					    .data = values };
	for (size_t row = 0; row < 70; row++)
		assert_int_equal(at(&column, row, NULL).is_null, row != 63 && row != 69);
	assert_int_equal(at(&column, 69, NULL).int64, 3);
}

static void
lists_come_from_the_arena(void **state)
{
	(void)state;
	static const float items[] = { 1, 2, 3 };
	static const uint64_t item_validity[] = { 5 };
	static const struct asof_span spans[] = { { 0, 0 }, { 1, 2 } };
	const struct asof_column child = { .type = ASOF_TYPE(ASOF_TYPE_FLOAT32),
					   .validity = item_validity,
					   .data = items };
	const struct asof_column lists = { .type = { .kind = ASOF_TYPE_LIST,
						     .element = ASOF_TYPE_FLOAT32 },
					   .data = spans,
					   .child = &child };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_int_equal(at(&lists, 0, &arena).list.count, 0);
	struct asof_value list = at(&lists, 1, &arena);
	assert_int_equal(list.list.count, 2);
	assert_true(list.list.items[0].is_null);
	assert_true(list.list.items[1].float32 > 2.5F);

	struct asof_error err = { 0 };
	struct asof_value untouched = asof_value_null(ASOF_TYPE(ASOF_TYPE_BOOL));
	ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(1);
	assert_int_equal(asof_column_value(&lists, 1, &small, &untouched, &err), ASOF_NO_MEMORY);
	assert_int_equal(untouched.type.kind, ASOF_TYPE_BOOL);
}

static void
a_copy_holds_all_that_it_points_to(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	char text[] = "abc";
	struct asof_value items[2] = {
		{ .type = ASOF_TYPE(ASOF_TYPE_STRING), .str = { text, 3 } },
		asof_value_null(ASOF_TYPE(ASOF_TYPE_STRING)),
	};
	const struct asof_value list = { .type = { .kind = ASOF_TYPE_LIST,
						   .element = ASOF_TYPE_STRING },
					 .list = { items, 2 } };
	struct asof_value copy;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_ok(asof_value_copy(&list, &arena, &copy, &err), err);
	text[0] = 'x';
	items[1].is_null = false;
	assert_int_equal(copy.list.count, 2);
	assert_memory_equal(copy.list.items[0].str.ptr, "abc", 3);
	assert_true(copy.list.items[1].is_null);

	const struct asof_value number = { .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = 7 };
	assert_ok(asof_value_copy(&number, &arena, &copy, &err), err);
	assert_int_equal(copy.int64, 7);
	ASOF_AUTO(asof_arena_done) struct asof_arena small = ASOF_ARENA(1);
	assert_int_equal(asof_value_copy(&list, &small, &copy, &err), ASOF_NO_MEMORY);
	assert_int_equal(copy.int64, 7);
}

static void
hashes_are_those_of_xxh3(void **state)
{
	(void)state;
	char text[33];
	assert_true(asof_hash64((struct asof_str){ NULL, 0 }) == UINT64_C(0x2d06800538d394c2));
	assert_true(asof_hash64(asof_str_from("a")) == UINT64_C(0xe6c632b61e964e1f));
	asof_hash128_text((struct asof_str){ NULL, 0 }, text);
	assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
	asof_hash128_text(asof_str_from("a"), text);
	assert_string_equal(text, "a96faf705af16834e6c632b61e964e1f");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_ordered_with_nan_above_and_null_last),
		cmocka_unit_test(both_zeros_are_one_value_and_so_are_nans_and_nulls),
		cmocka_unit_test(texts_are_ordered_by_bytes),
		cmocka_unit_test(days_instants_and_bools_are_ordered),
		cmocka_unit_test(lists_are_ordered_element_by_element),
		cmocka_unit_test(columns_give_single_values),
		cmocka_unit_test(the_bitmap_says_what_is_null),
		cmocka_unit_test(lists_come_from_the_arena),
		cmocka_unit_test(a_copy_holds_all_that_it_points_to),
		cmocka_unit_test(hashes_are_those_of_xxh3),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
