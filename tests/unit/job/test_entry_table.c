/* test_entry_table.c - rows copied into columns of their own, of every type. */
#include "base/arena.h"
#include "job/entry_table.h"
#include "job_samples.h"
#include "model/value.h"

#define ROWS 200

/* A batch of every type; value r of each column is told by r alone, every seventh is NULL. */
struct samples {
	uint64_t validity[(ROWS + 63) / 64];
	uint8_t bools[ROWS];
	int32_t int32s[ROWS];
	int64_t int64s[ROWS];
	float float32s[ROWS];
	double float64s[ROWS];
	asof_int128 decimals[ROWS];
	char texts[ROWS][16];
	struct asof_str strs[ROWS];
	uint8_t uuids[ROWS][16];
	struct asof_span spans[ROWS];
	struct asof_span triples[ROWS];
	struct asof_column items[3]; /* elements of the lists and of the vector */
};

static const struct asof_type types[] = {
	{ .kind = ASOF_TYPE_BOOL },
	{ .kind = ASOF_TYPE_INT32 },
	{ .kind = ASOF_TYPE_INT64 },
	{ .kind = ASOF_TYPE_FLOAT32 },
	{ .kind = ASOF_TYPE_FLOAT64 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 38, .scale = 2 },
	{ .kind = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_BYTES },
	{ .kind = ASOF_TYPE_DATE },
	{ .kind = ASOF_TYPE_TIMESTAMP },
	{ .kind = ASOF_TYPE_UUID },
	{ .kind = ASOF_TYPE_JSON },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 3 },
};
#define COLUMNS ASOF_COUNTOF(types)

static void
fill_row(struct samples *s, size_t r)
{
	if (r % 7 != 3)
		s->validity[r / 64] |= UINT64_C(1) << (r % 64);
	s->bools[r] = r % 3 == 0;
	s->int32s[r] = (int32_t)r * -1000;
	s->int64s[r] = INT64_MIN + (int64_t)r;
	s->float32s[r] = (float)r / 3;
	s->float64s[r] = r % 5 == 0 ? -0.0 : 1.0 / (double)(r + 1);
	s->decimals[r] = ((asof_int128)INT64_MAX * (asof_int128)(r + 2)) * (r % 2 ? 1 : -1);
	(void)snprintf(s->texts[r], sizeof(s->texts[r]), "t%zu\xc3\xa9", r * r);
	s->strs[r] = asof_str_from(s->texts[r]);
	if (r % 10 == 0)
		s->strs[r].len = 0;
	for (size_t i = 0; i < 16; i++)
		s->uuids[r][i] = (uint8_t)(r + i);
	s->spans[r] = (struct asof_span){ r / 2, r % 5 }; /* overlapping, out of step, empty */
	s->triples[r] = (struct asof_span){ ROWS - 3 - r % (ROWS - 3), 3 };
}

static void
fill(struct samples *s, struct asof_column columns[COLUMNS])
{
	*s = (struct samples){ 0 };
	for (size_t r = 0; r < ROWS; r++)
		fill_row(s, r);
	s->items[0] =
		(struct asof_column){ asof_type_element(types[12]), s->validity, s->int64s, NULL };
	s->items[1] =
		(struct asof_column){ asof_type_element(types[13]), s->validity, s->strs, NULL };
	s->items[2] = (struct asof_column){ asof_type_element(types[14]), NULL, s->float32s, NULL };
	const void *const data[COLUMNS] = { s->bools,    s->int32s,   s->int64s, s->float32s,
					    s->float64s, s->decimals, s->strs,   s->strs,
					    s->int32s,   s->int64s,   s->uuids,  s->strs,
					    s->spans,    s->spans,    s->triples };
	for (size_t i = 0; i < COLUMNS; i++)
		columns[i] = (struct asof_column){ types[i], i == 4 ? NULL : s->validity, data[i],
						   i >= 12 ? &s->items[i - 12] : NULL };
}

static void
assert_same_value(const struct asof_column *have, size_t have_row, const struct asof_column *want,
		  size_t want_row)
{
	struct asof_error err = { 0 };
	struct asof_value a;
	struct asof_value b;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_true(asof_type_equal(have->type, want->type));
	assert_ok(asof_column_value(have, have_row, &arena, &a, &err), err);
	assert_ok(asof_column_value(want, want_row, &arena, &b, &err), err);
	assert_int_equal(a.is_null, b.is_null);
	if (!a.is_null && asof_value_compare(&a, &b) != 0)
		fail_msg("column type %u, row %zu", have->type.kind, want_row);
}

static void
assert_same_rows(const struct asof_batch *have, const struct asof_column *want, size_t want_first)
{
	for (size_t i = 0; i < have->column_count; i++)
		for (size_t r = 0; r < have->row_count; r++)
			assert_same_value(&have->columns[i], r, &want[i], want_first + r);
}

static void
table_of_every_type(struct asof_entry_table *table)
{
	struct asof_error err = { 0 };
	assert_ok(asof_entry_table_init(table, types, COLUMNS, &err), err);
	assert_int_equal(table->column_count, COLUMNS);
	assert_int_equal(table->row_count, 0);
}

static void
rows_of_every_type_come_back_as_they_were_added(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct samples s;
	struct samples kept;
	struct asof_column columns[COLUMNS];
	struct asof_column wanted[COLUMNS];
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table;
	table_of_every_type(&table);
	fill(&s, columns);
	for (size_t r = 0; r < ROWS; r++)
		assert_ok(asof_entry_table_add(&table, columns, r, &err), err);
	memset(&s, 0x5a, sizeof(s)); /* the batch is gone: the table holds copies */

	fill(&kept, wanted);
	assert_int_equal(table.row_count, ROWS);
	const struct asof_batch whole = { table.columns, table.column_count, table.row_count };
	assert_same_rows(&whole, wanted, 0);
}

static void
rows_of_values_are_as_rows_of_columns(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct samples s;
	struct asof_column columns[COLUMNS];
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table;
	table_of_every_type(&table);
	fill(&s, columns);
	for (size_t r = 0; r < ROWS; r++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_value values[COLUMNS];
		size_t from_columns = r % (COLUMNS + 1);
		for (size_t i = from_columns; i < COLUMNS; i++)
			assert_ok(asof_column_value(&columns[i], r, &arena,
						    &values[i - from_columns], &err),
				  err);
		assert_ok(
			asof_entry_table_add_values(&table, columns, r, from_columns, values, &err),
			err);
	}
	assert_int_equal(table.row_count, ROWS);
	const struct asof_batch whole = { table.columns, table.column_count, table.row_count };
	assert_same_rows(&whole, columns, 0);
}

static void
a_slice_begins_at_a_multiple_of_64(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct samples s;
	struct asof_column columns[COLUMNS];
	struct asof_column slice_columns[COLUMNS];
	static const struct {
		size_t first;
		size_t count;
	} slices[] = { { 0, ROWS },         { 0, 64 },         { 64, 64 }, { 128, 64 },
		       { 192, ROWS - 192 }, { 64, ROWS - 64 }, { 128, 0 } };
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table;
	table_of_every_type(&table);
	fill(&s, columns);
	for (size_t r = 0; r < ROWS; r++)
		assert_ok(asof_entry_table_add(&table, columns, r, &err), err);
	for (size_t i = 0; i < ASOF_COUNTOF(slices); i++) {
		struct asof_batch batch = asof_entry_table_slice(&table, slices[i].first,
								 slices[i].count, slice_columns);
		assert_ptr_equal(batch.columns, slice_columns);
		assert_int_equal(batch.column_count, COLUMNS);
		assert_int_equal(batch.row_count, slices[i].count);
		assert_same_rows(&batch, columns, slices[i].first);
	}
}

static void
a_cleared_table_has_the_room_and_not_the_rows(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct samples s;
	struct asof_column columns[COLUMNS];
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table;
	table_of_every_type(&table);
	fill(&s, columns);
	for (size_t r = 0; r < 100; r++)
		assert_ok(asof_entry_table_add(&table, columns, r, &err), err);
	const void *room = table.columns[2].data;
	asof_entry_table_clear(&table);
	assert_int_equal(table.row_count, 0);

	/* Out of step with the first time, so that NULLs fall elsewhere. */
	for (size_t r = 0; r < 100; r++)
		assert_ok(asof_entry_table_add(&table, columns, r + 5, &err), err);
	assert_ptr_equal(table.columns[2].data, room);
	const struct asof_batch whole = { table.columns, table.column_count, table.row_count };
	assert_int_equal(table.row_count, 100);
	assert_same_rows(&whole, columns, 5);
}

static void
lists_may_hold_nulls_and_nothing(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	const struct asof_type type = types[12];
	const struct asof_type element = asof_type_element(type);
	const struct asof_value items[] = { { .type = element, .int64 = 7 },
					    asof_value_null(element) };
	const struct asof_value values[] = {
		{ .type = type, .list = { items, 2 } },
		{ .type = type },
		asof_value_null(type),
	};
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table;
	assert_ok(asof_entry_table_init(&table, &type, 1, &err), err);
	for (size_t i = 0; i < ASOF_COUNTOF(values); i++)
		assert_ok(asof_entry_table_add_values(&table, NULL, 0, 0, &values[i], &err), err);
	for (size_t i = 0; i < ASOF_COUNTOF(values); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_value value;
		assert_ok(asof_column_value(&table.columns[0], i, &arena, &value, &err), err);
		assert_int_equal(value.is_null, i == 2);
		assert_int_equal(value.is_null ? 0 : value.list.count, i == 0 ? 2 : 0);
		if (i == 0) {
			assert_int_equal(value.list.items[0].int64, 7);
			assert_true(value.list.items[1].is_null);
		}
	}
}

struct failing {
	struct samples samples;
	struct asof_column columns[COLUMNS];
};

static enum asof_status
add_rows(void *arg, struct asof_error *err)
{
	struct failing *failing = arg;
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
	const struct asof_value text = { .type = types[6], .str = { "longer", 6 } };
	const struct asof_type two[] = { types[12], types[6] };
	ASOF_TRY(asof_entry_table_init(&table, types, COLUMNS, err));
	for (size_t r = 0; r < 70; r++)
		ASOF_TRY(asof_entry_table_add(&table, failing->columns, r, err));
	asof_entry_table_done(&table);
	ASOF_TRY(asof_entry_table_init(&table, two, 2, err));
	return asof_entry_table_add_values(&table, &failing->columns[12], 4, 1, &text, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	static struct failing failing;
	fill(&failing.samples, failing.columns);
	assert_survives(add_rows, &failing);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_every_type_come_back_as_they_were_added),
		cmocka_unit_test(rows_of_values_are_as_rows_of_columns),
		cmocka_unit_test(a_slice_begins_at_a_multiple_of_64),
		cmocka_unit_test(a_cleared_table_has_the_room_and_not_the_rows),
		cmocka_unit_test(lists_may_hold_nulls_and_nothing),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
