#include "model/type.h"

#include "check.h"

static void
types_are_written_and_read_back(void **state)
{
	(void)state;
	static const char *const texts[] = { "bool",           "int32",
					     "int64",          "float32",
					     "float64",        "decimal(38,0)",
					     "decimal(10,10)", "string",
					     "bytes",          "date",
					     "timestamp",      "uuid",
					     "json",           "list<int64>",
					     "list<json>",     "list<decimal(10,2)>",
					     "list<bool>",     "vector<float32,65536>" };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_type type;
		char text[ASOF_TYPE_TEXT_MAX];
		assert_ok(asof_type_parse(asof_str_from(texts[i]), &type, &err), err);
		assert_string_equal(asof_type_text(type, text), texts[i]);
	}
}

static void
spaces_around_tokens_are_allowed(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct asof_type type;
	char text[ASOF_TYPE_TEXT_MAX];
	assert_ok(asof_type_parse(asof_str_from("  list < decimal ( 10 , 2 ) > "), &type, &err),
		  err);
	assert_string_equal(asof_type_text(type, text), "list<decimal(10,2)>");
	assert_ok(asof_type_parse(asof_str_from("vector<float32, 8>"), &type, &err), err);
	assert_int_equal(type.size, 8);
	assert_int_equal(type.element, ASOF_TYPE_FLOAT32);
}

static void
what_is_no_type_is_told(void **state)
{
	(void)state;
	static const char known[] = " (known: bool int32 int64 float32 float64 decimal(p,s) string "
				    "bytes date timestamp uuid json list<T> vector<float32,n>)";
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "strin", "unknown type 'strin' (did you mean 'string'?)" },
		{ "int46", "unknown type 'int46' (did you mean 'int64'?)" },
		{ "varchar", NULL },
		{ "", NULL },
		{ "(", NULL },
		{ "none", NULL },
		{ "int64 int64", "type 'int64 int64': unexpected 'int64'" },
		{ "int64(5)", "type 'int64(5)': unexpected '(5)'" },
		{ "decimal", "type 'decimal': expected '('" },
		{ "decimal(10)", "type 'decimal(10)': expected ','" },
		{ "decimal(10,2", "type 'decimal(10,2': expected ')'" },
		{ "decimal(0,0)", "type 'decimal(0,0)': the precision is a number from 1 to 38" },
		{ "decimal(39,0)", "type 'decimal(39,0)': the precision is a number from 1 to 38" },
		{ "decimal(5,6)", "type 'decimal(5,6)': the scale is a number from 0 to 5" },
		{ "decimal(a,6)", "type 'decimal(a,6)': the precision is a number from 1 to 38" },
		{ "list", "type 'list': expected '<'" },
		{ "list<int64", "type 'list<int64': expected '>'" },
		{ "list<list<int64>>", "type 'list<list<int64>>': a list's elements are scalars" },
		{ "list<vector<float32,2>>",
		  "type 'list<vector<float32,2>>': a list's elements are scalars" },
		{ "list<decimal>", "type 'list<decimal>': expected '('" },
		{ "list<strin>", "unknown type 'list<strin>' (did you mean 'string'?)" },
		{ "vector<float32>", "type 'vector<float32>': expected ','" },
		{ "vector<float64,2>",
		  "type 'vector<float64,2>': a vector's elements are float32" },
		{ "vector<float32,0>",
		  "type 'vector<float32,0>': the size is a number from 1 to 65536" },
		{ "vector<float32,2", "type 'vector<float32,2': expected '>'" },
		{ "vector<x,2>", NULL },
		{ "vector", "type 'vector': expected '<'" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_type type = ASOF_TYPE(ASOF_TYPE_BOOL);
		assert_int_equal(asof_type_parse(asof_str_from(cases[i].text), &type, &err),
				 ASOF_INVALID);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
		else
			assert_non_null(strstr(err.message, known));
		assert_int_equal(type.kind, ASOF_TYPE_BOOL);
	}
}

static struct asof_type
parsed(const char *text)
{
	struct asof_error err = { 0 };
	struct asof_type type;
	assert_ok(asof_type_parse(asof_str_from(text), &type, &err), err);
	return type;
}

static void
equality_looks_at_every_part(void **state)
{
	(void)state;
	assert_true(asof_type_equal(parsed("decimal(10,2)"), parsed("decimal( 10, 2)")));
	assert_false(asof_type_equal(parsed("decimal(10,2)"), parsed("decimal(10,3)")));
	assert_false(asof_type_equal(parsed("decimal(11,2)"), parsed("decimal(10,2)")));
	assert_false(asof_type_equal(parsed("list<int32>"), parsed("list<int64>")));
	assert_false(asof_type_equal(parsed("vector<float32,2>"), parsed("vector<float32,3>")));
	assert_false(asof_type_equal(parsed("date"), parsed("timestamp")));
}

static void
elements_have_types_of_their_own(void **state)
{
	(void)state;
	assert_true(asof_type_equal(asof_type_element(parsed("list<decimal(10,2)>")),
				    parsed("decimal(10,2)")));
	assert_true(
		asof_type_equal(asof_type_element(parsed("vector<float32,3>")), parsed("float32")));
}

static void
keys_are_scalars_that_compare_exactly(void **state)
{
	(void)state;
	static const char *const keys[] = { "bool",  "int32", "int64",     "decimal(1,0)", "string",
					    "bytes", "date",  "timestamp", "uuid" };
	static const char *const others[] = { "float32", "float64", "json", "list<int32>",
					      "vector<float32,1>" };
	for (size_t i = 0; i < ASOF_COUNTOF(keys); i++)
		assert_true(asof_type_is_key(parsed(keys[i])));
	for (size_t i = 0; i < ASOF_COUNTOF(others); i++)
		assert_false(asof_type_is_key(parsed(others[i])));
	assert_false(asof_type_is_key(ASOF_TYPE(ASOF_TYPE_NONE)));
}

static void
sums_take_numbers_and_bools(void **state)
{
	(void)state;
	static const char *const numeric[] = { "bool",    "int32",   "int64",
					       "float32", "float64", "decimal(5,1)" };
	static const char *const others[] = {
		"string", "bytes", "date",        "timestamp",
		"uuid",   "json",  "list<int32>", "vector<float32,1>"
	};
	for (size_t i = 0; i < ASOF_COUNTOF(numeric); i++)
		assert_true(asof_type_is_numeric(parsed(numeric[i])));
	for (size_t i = 0; i < ASOF_COUNTOF(others); i++)
		assert_false(asof_type_is_numeric(parsed(others[i])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_written_and_read_back),
		cmocka_unit_test(spaces_around_tokens_are_allowed),
		cmocka_unit_test(what_is_no_type_is_told),
		cmocka_unit_test(equality_looks_at_every_part),
		cmocka_unit_test(elements_have_types_of_their_own),
		cmocka_unit_test(keys_are_scalars_that_compare_exactly),
		cmocka_unit_test(sums_take_numbers_and_bools),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
