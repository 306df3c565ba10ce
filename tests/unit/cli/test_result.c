/* test_result.c - JSON results as text for people. */
#include "check.h"

#include "cli/result.h"
#include "printed.h"

struct document {
	struct asof_arena arena;
	const struct asof_json *root;
};

static struct document
read_document(const char *json)
{
	struct document document = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_json_read(asof_str_from(json), &document.arena, &document.root, &err), err);
	return document;
}

static void
assert_text(struct asof_str text, const char *expected)
{
	assert_true(asof_str_equal(text, asof_str_from(expected)));
}

static void
members_are_read_by_kind_and_what_is_absent_is_empty(void **state)
{
	(void)state;
	struct document document = read_document(
		"{\"s\": \"text\", \"n\": 12, \"d\": 1.5, \"b\": true, \"l\": [1], \"z\": null}");
	const struct asof_json *root = document.root;
	assert_text(asof_result_str(root, "s"), "text");
	assert_text(asof_result_str(root, "n"), "12");
	assert_text(asof_result_str(root, "z"), "");
	assert_text(asof_result_str(root, "none"), "");
	assert_int_equal(asof_result_int(root, "n"), 12);
	assert_int_equal(asof_result_int(root, "d"), 0);
	assert_int_equal(asof_result_int(root, "s"), 0);
	assert_true(asof_result_double(root, "d") == 1.5);
	assert_true(asof_result_bool(root, "b"));
	assert_false(asof_result_bool(root, "none"));
	assert_int_equal(asof_result_list(root, "l")->count, 1);
	assert_int_equal(asof_result_list(root, "s")->count, 0);
	assert_text(asof_result_str(asof_result_list(root, "l"), "s"), "");
	asof_arena_done(&document.arena);
}

static void
assert_print(const char *json, const char *expected)
{
	struct document document = read_document(json);
	struct asof_text_style style = { 0 };
	struct asof_error err = { 0 };
	struct printed printed;
	printed_begin(&printed);
	assert_ok(asof_result_print(document.root, &style, printed.stream, &err), err);
	assert_printed(printed, expected);
	asof_arena_done(&document.arena);
}

static void
rows_have_a_column_per_name_that_any_of_them_has(void **state)
{
	(void)state;
	assert_print("{\"views\": [{\"name\": \"a\", \"rows\": 5}, "
		     "{\"name\": \"b\", \"tags\": [\"x\", \"y\"], \"rows\": null}]}",
		     "name  rows  tags\n"
		     "a        5  -\n"
		     "b        -  x, y\n");
}

static void
a_document_is_pairs_and_then_tables(void **state)
{
	(void)state;
	assert_print("{\"name\": \"v\", \"is_on\": true, \"empty\": \"\", \"none\": [], "
		     "\"keys\": {\"a\": \"int64\", \"b\": null}, "
		     "\"more\": {\"a\": [1, {}]}, \"features\": [{\"f\": \"x\"}]}",
		     "name   v\n"
		     "is_on  yes\n"
		     "empty  -\n"
		     "none   -\n"
		     "keys   a: int64, b: -\n"
		     "more   {\"a\":[1,{}]}\n"
		     "\n"
		     "features:\n"
		     "f\n"
		     "x\n");
}

static void
pairs_cannot_steer_a_terminal(void **state)
{
	(void)state;
	assert_print("{\"a\": \"x\\u001b[2J\\ny\"}", "a  x\\x1b[2J\\ny\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_read_by_kind_and_what_is_absent_is_empty),
		cmocka_unit_test(rows_have_a_column_per_name_that_any_of_them_has),
		cmocka_unit_test(a_document_is_pairs_and_then_tables),
		cmocka_unit_test(pairs_cannot_steer_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
