/* test_sql_output.c - rows of a query as table, CSV and JSON. */
#include "check.h"

#include "cli/sql_output.h"
#include "printed.h"

static const char *const names[] = { "id", "name", "id" };
static const char *const types[] = { "int64", "string", "float64" };
static const char *const rows[][3] = {
	{ "1", "\"plain\"", "1.5" },
	{ "-20", "null", "\"NaN\"" },
	{ "300", "\"\"", "null" },
	{ "4", "\"a, \\\"b\\\"\\nc\"", "[1,null]" },
};

static void
assert_output(enum asof_sql_form form, size_t row_count, size_t width, const char *expected)
{
	struct printed printed;
	printed_begin(&printed);
	struct asof_error err = { 0 };
	struct asof_sql_output output = {
		.form = form,
		.out = printed.stream,
		.style = { .width = width },
	};
	assert_ok(asof_sql_output_columns(&output, names, types, 3, &err), err);
	for (size_t i = 0; i < row_count; i++)
		assert_ok(asof_sql_output_row(&output, rows[i], 3, &err), err);
	asof_sql_output_end(&output);
	asof_sql_output_done(&output);
	assert_printed(printed, expected);
}

static void
a_table_tells_null_from_the_empty_text(void **state)
{
	(void)state;
	assert_output(ASOF_SQL_TABLE, 3, 0,
		      " id  name   id_1\n"
		      "  1  plain   1.5\n"
		      "-20  NULL    NaN\n"
		      "300         NULL\n");
}

static void
a_terminal_is_told_the_number_of_rows(void **state)
{
	(void)state;
	assert_output(ASOF_SQL_TABLE, 1, 80, "id  name   id_1\n 1  plain   1.5\n(1 row)\n");
	assert_output(ASOF_SQL_TABLE, 0, 80, "id  name  id_1\n(0 rows)\n");
}

static void
csv_tells_null_from_the_empty_text_and_quotes(void **state)
{
	(void)state;
	assert_output(ASOF_SQL_CSV, 4, 0,
		      "id,name,id_1\n"
		      "1,plain,1.5\n"
		      "-20,,NaN\n"
		      "300,\"\",\n"
		      "4,\"a, \"\"b\"\"\nc\",\"[1,null]\"\n");
}

static void
json_is_one_document_with_each_name_once(void **state)
{
	(void)state;
	assert_output(ASOF_SQL_JSON, 2, 0,
		      "{\"columns\": [{\"name\": \"id\", \"type\": \"int64\"}, "
		      "{\"name\": \"name\", \"type\": \"string\"}, "
		      "{\"name\": \"id_1\", \"type\": \"float64\"}], \"rows\": [\n"
		      "{\"id\": 1, \"name\": \"plain\", \"id_1\": 1.5},\n"
		      "{\"id\": -20, \"name\": null, \"id_1\": \"NaN\"}\n"
		      "]}\n");
	assert_output(ASOF_SQL_JSON, 0, 0,
		      "{\"columns\": [{\"name\": \"id\", \"type\": \"int64\"}, "
		      "{\"name\": \"name\", \"type\": \"string\"}, "
		      "{\"name\": \"id_1\", \"type\": \"float64\"}], \"rows\": []}\n");
}

static void
more_rows_than_a_part_holds_are_all_there(void **state)
{
	(void)state;
	struct printed printed;
	printed_begin(&printed);
	struct asof_error err = { 0 };
	struct asof_sql_output output = { .form = ASOF_SQL_TABLE, .out = printed.stream };
	assert_ok(asof_sql_output_columns(&output, names, types, 1, &err), err);
	for (size_t i = 0; i < 2500; i++)
		assert_ok(asof_sql_output_row(&output, rows[0], 1, &err), err);
	asof_sql_output_end(&output);
	asof_sql_output_done(&output);
	char *text = printed_end(&printed);
	size_t lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 2501);
	free(text);
}

static void
a_stream_that_is_full_ends_it(void **state)
{
	(void)state;
	FILE *full = fopen("/dev/full", "w");
	assert_non_null(full);
	struct asof_error err = { 0 };
	struct asof_sql_output output = { .form = ASOF_SQL_CSV, .out = full };
	assert_ok(asof_sql_output_columns(&output, names, types, 3, &err), err);
	enum asof_status status = ASOF_OK;
	for (size_t i = 0; i < 100000 && status == ASOF_OK; i++)
		status = asof_sql_output_row(&output, rows[0], 3, &err);
	assert_int_equal(status, ASOF_IO);
	asof_sql_output_done(&output);
	(void)fclose(full);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_tells_null_from_the_empty_text),
		cmocka_unit_test(a_terminal_is_told_the_number_of_rows),
		cmocka_unit_test(csv_tells_null_from_the_empty_text_and_quotes),
		cmocka_unit_test(json_is_one_document_with_each_name_once),
		cmocka_unit_test(more_rows_than_a_part_holds_are_all_there),
		cmocka_unit_test(a_stream_that_is_full_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
