/* test_push_rows.c - pushed rows, from JSON to the columns of their source. */
#include <stdio.h>

#include "check.h"
#include "job/push_rows.h"

static struct asof_field fields[] = {
	{ .name = "id", .type.kind = ASOF_TYPE_INT64, .type_text = "BIGINT" },
	{ .name = "at", .type.kind = ASOF_TYPE_TIMESTAMP, .type_text = "TIMESTAMP" },
	{ .name = "point", .type_text = "STRUCT(x INTEGER)" },
	{ .name = "note", .type.kind = ASOF_TYPE_STRING, .type_text = "VARCHAR" },
	{ .name = "twice", .type.kind = ASOF_TYPE_INT64, .type_text = "BIGINT" },
};
static struct asof_select selects[] = { { .name = "twice" } };

/* What `json` is read as: its rows, or why not. */
static enum asof_status
read_rows(const char *json, const char *time_zone, struct asof_entry_table *table,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source source = { .name = "clicks",
					    .time_zone = time_zone,
					    .fields = fields,
					    .field_count = ASOF_COUNTOF(fields),
					    .selects = selects,
					    .select_count = 1 };
	struct asof_push_shape shape;
	const struct asof_json *root = NULL;
	const struct asof_type types[] = { fields[0].type, fields[1].type, fields[3].type };
	assert_ok(asof_push_shape_make(&source, 4, &arena, &shape, err), *err);
	assert_int_equal(shape.field_count, 3);
	assert_ok(asof_entry_table_init(table, types, ASOF_COUNTOF(types), err), *err);
	assert_ok(asof_json_read(asof_str_from(json), &arena, &root, err), *err);
	return asof_push_rows_read(&shape, root, table, err);
}

static void
columns_come_in_any_order_and_what_is_not_named_is_null(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
	const char *json = "{\"more\": 1, \"rows\": [{\"note\": \"a\", \"id\": 7}, {}, "
			   "{\"at\": \"1970-01-01T00:00:01Z\", \"id\": null}]}";
	assert_ok(read_rows(json, NULL, &table, &err), err);
	assert_int_equal(table.row_count, 3);
	assert_int_equal(((const int64_t *)table.columns[0].data)[0], 7);
	assert_true(asof_str_equal(((const struct asof_str *)table.columns[2].data)[0],
				   asof_str_from("a")));
	assert_int_equal(((const int64_t *)table.columns[1].data)[2], 1000000);
	for (size_t column = 0; column < 3; column++)
		assert_true(asof_column_is_null(&table.columns[column], 1));
	assert_true(asof_column_is_null(&table.columns[0], 2));
}

static void
what_is_wrong_is_told_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		const char *message;
	} cases[] = {
		{ "[]", "a push is {\"rows\"" },
		{ "{\"rows\": {}}", "a push is {\"rows\"" },
		{ "{\"rows\": []}", "rows: no row is in it" },
		{ "{\"rows\": [{}, 1]}", "rows[1] is no object of columns" },
		{ "{\"rows\": [{\"id\": 1.5}]}", "rows[0].id: '1.5' is no int64" },
		{ "{\"rows\": [{\"ids\": 1}]}",
		  "rows[0]: source 'clicks' has no column 'ids' (did you mean 'id'?)" },
		{ "{\"rows\": [{\"elsewhere\": 1}]}",
		  "rows[0]: source 'clicks' has no column 'elsewhere'" },
		{ "{\"rows\": [{\"point\": null}]}",
		  "rows[0].point: a column of type STRUCT(x INTEGER) cannot be pushed" },
		{ "{\"rows\": [{\"twice\": 2}]}",
		  "rows[0].twice: source 'clicks' computes this column itself" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
		assert_int_equal(read_rows(cases[i].json, NULL, &table, &err), ASOF_INVALID);
		assert_non_null(strstr(err.message, cases[i].message));
	}
}

static void
a_local_time_wants_its_offset(void **state)
{
	(void)state;
	static const char *const good[] = { "1970-01-01T02:00:00+01:00", "1970-01-01T01:00:00Z" };
	for (size_t i = 0; i < ASOF_COUNTOF(good); i++) {
		struct asof_error err = { 0 };
		char json[128];
		ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
		(void)snprintf(json, sizeof(json), "{\"rows\": [{\"at\": \"%s\"}]}", good[i]);
		assert_ok(read_rows(json, "Europe/Berlin", &table, &err), err);
		assert_int_equal(((const int64_t *)table.columns[1].data)[0], INT64_C(3600000000));
	}
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
	assert_int_equal(read_rows("{\"rows\": [{\"at\": \"1970-01-01T01:00:00\"}]}",
				   "Europe/Berlin", &table, &err),
			 ASOF_INVALID);
	assert_non_null(strstr(err.message, "rows[0].at: a time without an offset"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_come_in_any_order_and_what_is_not_named_is_null),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place),
		cmocka_unit_test(a_local_time_wants_its_offset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
