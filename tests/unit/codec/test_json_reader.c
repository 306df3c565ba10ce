#include "codec/json_reader.h"

#include <stdio.h>

#include "check.h"

static const struct asof_json *
read_json(const char *text, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	const struct asof_json *root = NULL;
	assert_ok(asof_json_read(asof_str_from(text), arena, &root, &err), err);
	return root;
}

static void
assert_text(const struct asof_json *json, const char *expected)
{
	assert_int_equal(json->text.len, strlen(expected));
	assert_memory_equal(json->text.ptr, expected, json->text.len);
}

static void
a_tree_has_every_kind(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = read_json(
		" {\"a\": [1, -2.50e+3, \"x\", true, false, null], \"b\": {}, \"c\" :[]}\n",
		&arena);
	assert_int_equal(root->kind, ASOF_JSON_OBJECT);
	assert_int_equal(root->count, 3);
	assert_int_equal(root->offset, 1);
	const struct asof_json *a = asof_json_member(root, "a");
	assert_non_null(a);
	assert_int_equal(a->kind, ASOF_JSON_ARRAY);
	assert_int_equal(a->count, 6);
	assert_text(&a->items[0], "1");
	assert_text(&a->items[1], "-2.50e+3");
	assert_int_equal(a->items[1].kind, ASOF_JSON_NUMBER);
	assert_int_equal(a->items[1].offset, 11);
	assert_text(&a->items[2], "x");
	assert_int_equal(a->items[2].kind, ASOF_JSON_STRING);
	assert_true(a->items[3].boolean);
	assert_int_equal(a->items[4].kind, ASOF_JSON_BOOL);
	assert_false(a->items[4].boolean);
	assert_int_equal(a->items[5].kind, ASOF_JSON_NULL);
	assert_int_equal(asof_json_member(root, "b")->count, 0);
	assert_null(asof_json_member(root, "z"));
	assert_null(asof_json_member(a, "a"));
}

static void
escapes_become_utf8(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_text(read_json("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", &arena), "\"\\/\b\f\n\r\t");
	assert_text(read_json("\"\\u0041\\u00e9\\u65E5\\uD83D\\uDe00!\"", &arena),
		    "A\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80!");
	const struct asof_json *zero = read_json("\"a\\u0000b\"", &arena);
	assert_int_equal(zero->text.len, 3);
	assert_memory_equal(zero->text.ptr, "a\0b", 3);
}

static void
plain_strings_are_borrowed(void **state)
{
	(void)state;
	static const char text[] = "\"abc\"";
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_ptr_equal(read_json(text, &arena)->text.ptr, text + 1);
}

static void
malformed_text_says_where(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "", "line 1 column 1: expected a value" },
		{ "  \n\n ", "line 3 column 2: expected a value" },
		{ "nul", "line 1 column 1: expected a value" },
		{ "-", "line 1 column 1: expected a value" },
		{ "+1", "line 1 column 1: expected a value" },
		{ ".5", "line 1 column 1: expected a value" },
		{ "01", "line 1 column 1: a number has no leading zeros" },
		{ "1.", "line 1 column 3: expected digits behind the point" },
		{ "1e+", "line 1 column 4: expected digits of the exponent" },
		{ "1 2", "line 1 column 3: something stands behind the value" },
		{ "truex", "line 1 column 5: something stands behind the value" },
		{ "[1", "line 1 column 3: expected ',' or ']'" },
		{ "[1,]", "line 1 column 4: expected a value" },
		{ "[1 2]", "line 1 column 4: expected ',' or ']'" },
		{ "{\"a\":1", "line 1 column 7: expected ',' or '}'" },
		{ "{\"a\":1,}", "line 1 column 8: expected a member's name in quotes" },
		{ "{a:1}", "line 1 column 2: expected a member's name in quotes" },
		{ "{\"a\" 1}", "line 1 column 6: expected ':' behind a member's name" },
		{ "{\"a\":1,\n\"a\":2}", "line 2 column 5: member 'a' stands twice" },
		{ "{\"a\":1,\"\\u0061\":2}", "line 1 column 17: member 'a' stands twice" },
		{ "\"abc", "line 1 column 1: a string without end" },
		{ "\"abc\\\"", "line 1 column 1: a string without end" },
		{ "{\"abc", "line 1 column 2: a string without end" },
		{ "\"a\tb\"", "line 1 column 3: a control character within a string" },
		{ "\"\\x\"", "line 1 column 3: no such escape" },
		{ "\"\\u12\"", "line 1 column 6: expected four hexadecimal digits behind \\u" },
		{ "\"\\uD83Dx\"", "line 1 column 4: half of a surrogate pair" },
		{ "\"\\uDE00\"", "line 1 column 4: half of a surrogate pair" },
		{ "\"\\uD83D\\u0041\"", "line 1 column 4: half of a surrogate pair" },
		{ "\"\\uD83D\\uZ\"",
		  "line 1 column 10: expected four hexadecimal digits behind \\u" },
		{ "\"\xC3\"", "line 1 column 2: not UTF-8" },
		{ "\xEF\xBB\xBF{}", "line 1 column 1: expected a value" },
		{ "[1] // no", "line 1 column 5: something stands behind the value" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const struct asof_json *root = NULL;
		assert_int_equal(asof_json_read(asof_str_from(cases[i].text), &arena, &root, &err),
				 ASOF_INVALID);
		assert_string_equal(err.message, cases[i].message);
		assert_null(root);
	}
}

static enum asof_status
read_nested(size_t depth, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	for (size_t i = 0; i < depth; i++)
		asof_buf_add_char(&text, '[');
	for (size_t i = 0; i < depth; i++)
		asof_buf_add_char(&text, ']');
	const struct asof_json *root;
	return asof_json_read(asof_buf_view(&text), &arena, &root, err);
}

static void
depth_has_a_limit(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(read_nested(ASOF_JSON_DEPTH_MAX, &err), err);
	assert_int_equal(read_nested(ASOF_JSON_DEPTH_MAX + 1, &err), ASOF_LIMIT);
	assert_string_equal(err.message, "line 1 column 65: deeper than 64 levels");
}

static void
add_members(struct asof_buf *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		asof_buf_printf(text, "%s\"m%zu\":%zu", i ? "," : "{", i, i);
}

static void
wide_objects_find_duplicates_too(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 20);
	const struct asof_json *root = NULL;
	add_members(&text, 20000);
	asof_buf_add_cstr(&text, "}");
	assert_ok(asof_json_read(asof_buf_view(&text), &arena, &root, &err), err);
	assert_int_equal(root->count, 20000);
	assert_text(asof_json_member(root, "m19999"), "19999");

	asof_buf_truncate(&text, text.len - 1);
	asof_buf_add_cstr(&text, ",\n\"m77\": 1}");
	assert_int_equal(asof_json_read(asof_buf_view(&text), &arena, &root, &err), ASOF_INVALID);
	assert_string_equal(err.message, "line 2 column 8: member 'm77' stands twice");
}

static void
typed_members_name_themselves(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = read_json("{\"n\": -7, \"f\": 1.5, \"s\": \"x\"}", &arena);
	int64_t number = 0;
	struct asof_str str = { 0 };
	assert_ok(asof_json_member_read_int(root, "n", &number, &err), err);
	assert_int_equal(number, -7);
	assert_ok(asof_json_member_read_str(root, "s", &str, &err), err);
	assert_true(asof_str_equal(str, asof_str_from("x")));
	assert_int_equal(asof_json_member_read_int(root, "z", &number, &err), ASOF_NOT_FOUND);
	assert_string_equal(err.message, "no member 'z'");
	assert_int_equal(asof_json_member_read_int(root, "f", &number, &err), ASOF_INVALID);
	assert_string_equal(err.message, "member 'f' is no int64");
	assert_int_equal(asof_json_member_read_int(root, "s", &number, &err), ASOF_INVALID);
	assert_int_equal(asof_json_member_read_str(root, "z", &str, &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_json_member_read_str(root, "n", &str, &err), ASOF_INVALID);
	assert_string_equal(err.message, "member 'n' is no string");
	assert_int_equal(number, -7);
}

static void
a_written_tree_is_the_text_without_spaces(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_write(
		&w,
		read_json("{\"a\" : [1.50, \"\\u000a\", true, null, {}],\n\"b\\\"\": []}", &arena));
	assert_string_equal(asof_buf_cstr(&buf),
			    "{\"a\":[1.50,\"\\n\",true,null,{}],\"b\\\"\":[]}");
}

static void
an_arena_at_its_limit_is_out_of_memory(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(256);
	const struct asof_json *root;
	assert_int_equal(asof_json_read(asof_str_from("[1,2,3,4,5,6,7,8]"), &arena, &root, &err),
			 ASOF_NO_MEMORY);
	assert_string_equal(err.message, "json of 17 bytes");
}

static enum asof_status
read_and_free(struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(65536);
	add_members(&text, 200);
	asof_buf_add_cstr(&text, ",\"x\":[\"");
	for (int i = 0; i < 5000; i++)
		asof_buf_add_char(&text, 'x');
	asof_buf_add_cstr(&text, "\\n\"]}");
	ASOF_TRY(asof_buf_status(&text, err));
	const struct asof_json *root;
	return asof_json_read(asof_buf_view(&text), &arena, &root, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = read_and_free(&err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), 0);
		if (status == ASOF_OK) {
			assert_true(n > 20);
			break;
		}
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_true(err.message[0] != '\0');
		assert_true(n < 1000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_has_every_kind),
		cmocka_unit_test(escapes_become_utf8),
		cmocka_unit_test(plain_strings_are_borrowed),
		cmocka_unit_test(malformed_text_says_where),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(wide_objects_find_duplicates_too),
		cmocka_unit_test(typed_members_name_themselves),
		cmocka_unit_test(a_written_tree_is_the_text_without_spaces),
		cmocka_unit_test(an_arena_at_its_limit_is_out_of_memory),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
