#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static void
write_sample(struct asof_json_writer *w)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", "v");
	asof_json_key(w, S("key"));
	asof_json_begin_object(w);
	asof_json_member_str(w, "origin", S("ABE"));
	asof_json_end_object(w);
	asof_json_key_cstr(w, "list");
	asof_json_begin_array(w);
	asof_json_int(w, -1);
	asof_json_uint(w, UINT64_MAX);
	asof_json_null(w);
	asof_json_begin_array(w);
	asof_json_end_array(w);
	asof_json_begin_object(w);
	asof_json_end_object(w);
	asof_json_end_array(w);
	asof_json_member_int(w, "n", 7);
	asof_json_member_text(w, "some", "x");
	asof_json_member_text(w, "none", NULL);
	asof_json_member_bool(w, "yes", true);
	asof_json_key_cstr(w, "no");
	asof_json_bool(w, false);
	asof_json_key_cstr(w, "raw");
	asof_json_raw(w, S("{\"a\":[1]}"));
	asof_json_end_object(w);
}

static void
commas_and_colons_are_put_where_they_belong(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	write_sample(&w);
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), "{\"view\":\"v\",\"key\":{\"origin\":\"ABE\"},"
						 "\"list\":[-1,18446744073709551615,null,[],{}],"
						 "\"n\":7,\"some\":\"x\",\"none\":null,\"yes\":"
						 "true,\"no\":false,\"raw\":{\"a\":[1]}}");
}

/* Of rows, what is always the same is written before. */
static void
ready_keys_and_members_are_put_among_others(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_object(&w);
	asof_json_members(&w, S("\"a\":1,\"b\":2"));
	asof_json_key_text(&w, S("\"c\":"));
	asof_json_double(&w, 0.5);
	asof_json_members(&w, S("\"d\":{}"));
	asof_json_member_int(&w, "e", 3);
	asof_json_end_object(&w);
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), "{\"a\":1,\"b\":2,\"c\":0.5,\"d\":{},\"e\":3}");
}

static void
pretty_means_two_spaces_a_level(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_pretty(&buf);
	write_sample(&w);
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), "{\n"
						 "  \"view\": \"v\",\n"
						 "  \"key\": {\n"
						 "    \"origin\": \"ABE\"\n"
						 "  },\n"
						 "  \"list\": [\n"
						 "    -1,\n"
						 "    18446744073709551615,\n"
						 "    null,\n"
						 "    [],\n"
						 "    {}\n"
						 "  ],\n"
						 "  \"n\": 7,\n"
						 "  \"some\": \"x\",\n"
						 "  \"none\": null,\n"
						 "  \"yes\": true,\n"
						 "  \"no\": false,\n"
						 "  \"raw\": {\"a\":[1]}\n"
						 "}");
}

static void
check_string(struct asof_str value, const char *expected)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_str(&w, value);
	assert_string_equal(asof_buf_cstr(&buf), expected);
}

static void
strings_are_escaped(void **state)
{
	(void)state;
	check_string((struct asof_str){ NULL, 0 }, "\"\"");
	check_string(S("plain"), "\"plain\"");
	check_string(S("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
	check_string(S("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
	check_string(S("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"");
	check_string(S("\xC3\xA9 \xF0\x9F\x98\x80\n"), "\"\xC3\xA9 \xF0\x9F\x98\x80\\n\"");
}

static void
bytes_that_are_no_text_become_u_fffd(void **state)
{
	(void)state;
#define FFFD "\xEF\xBF\xBD"
	check_string(S("\xFF"), "\"" FFFD "\"");
	check_string(S("a\x80\"\xC3"), "\"a" FFFD "\\\"" FFFD "\"");
	check_string(S("\xED\xA0\x80z"), "\"" FFFD FFFD FFFD "z\"");
	check_string(S("\xC0\xAF"), "\"" FFFD FFFD "\"");
}

/* Text is looked at eight bytes at a time: none may hide among the others. */
static void
every_byte_is_escaped_wherever_it_stands(void **state)
{
	(void)state;
	static const char *const short_forms[0x20] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"
	};
	for (unsigned c = 0; c < 256; c++) {
		char form[8];
		if (c == '"' || c == '\\')
			(void)snprintf(form, sizeof(form), "\\%c", (int)c);
		else if (c >= 0x80)
			(void)snprintf(form, sizeof(form), "%s", FFFD);
		else if (c >= 0x20)
			(void)snprintf(form, sizeof(form), "%c", (int)c);
		else if (short_forms[c])
			(void)snprintf(form, sizeof(form), "%s", short_forms[c]);
		else
			(void)snprintf(form, sizeof(form), "\\u%04x", c);
		for (size_t len = 1; len <= 17; len++) {
			for (size_t at = 0; at < len; at++) {
				char text[17];
				char expected[64];
				memset(text, 'x', sizeof(text));
				text[at] = (char)c;
				(void)snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"",
					       (int)at, "xxxxxxxxxxxxxxxxx", form,
					       (int)(len - at - 1), "xxxxxxxxxxxxxxxxx");
				check_string((struct asof_str){ text, len }, expected);
			}
		}
	}
}

static void
keys_are_escaped_as_values_are(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_object(&w);
	asof_json_member_str(&w, "a\"b", S("\n"));
	asof_json_end_object(&w);
	assert_string_equal(asof_buf_cstr(&buf), "{\"a\\\"b\":\"\\n\"}");
}

static void
numbers_are_shortest_and_what_is_none_is_a_string(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_array(&w);
	asof_json_double(&w, 0.1);
	asof_json_double(&w, 100);
	asof_json_double(&w, -1e300);
	asof_json_float(&w, 0.1f);
	asof_json_double(&w, (double)NAN);
	asof_json_double(&w, (double)INFINITY);
	asof_json_double(&w, -(double)INFINITY);
	asof_json_float(&w, -INFINITY);
	asof_json_end_array(&w);
	assert_string_equal(asof_buf_cstr(&buf), "[0.1,100,-1e+300,0.1,\"NaN\",\"Infinity\","
						 "\"-Infinity\",\"-Infinity\"]");
}

static void
depth_goes_to_its_maximum(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1000);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	for (int i = 0; i < ASOF_JSON_DEPTH_MAX; i++)
		asof_json_begin_array(&w);
	asof_json_cstr(&w, "deep");
	for (int i = 0; i < ASOF_JSON_DEPTH_MAX; i++)
		asof_json_end_array(&w);
	assert_ok(asof_buf_status(&buf, &err), err);
	assert_int_equal(buf.len, 2 * ASOF_JSON_DEPTH_MAX + 6);
}

static void
a_full_buffer_is_told_at_the_end(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	for (size_t max = 0; max < 100; max++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(max);
		struct asof_json_writer w = asof_json_writer_to(&buf);
		write_sample(&w);
		assert_int_equal(asof_buf_status(&buf, &err), ASOF_LIMIT);
	}
}

/* Strings are looked at eight bytes at a time: each byte at each place of each length. */
static void
a_byte_is_escaped_wherever_it_stands(void **state)
{
	static const struct {
		char byte;
		const char *text;
	} cases[] = { { ' ', " " },          { '!', "!" },
		      { '~', "~" },          { '\x7f', "\x7f" },
		      { '"', "\\\"" },       { '\\', "\\\\" },
		      { '\x1f', "\\u001f" }, { '\n', "\\n" },
		      { 0, "\\u0000" },      { '\x80', "\xEF\xBF\xBD" } };
	(void)state;
	for (size_t len = 1; len <= 20; len++) {
		for (size_t at = 0; at < len; at++) {
			for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
				ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1024);
				char text[20];
				char expected[64];
				memset(text, 'x', len);
				text[at] = cases[i].byte;
				(void)snprintf(expected, sizeof(expected), "{\"%.*s%s%.*s\":1}",
					       (int)at, "xxxxxxxxxxxxxxxxxxxx", cases[i].text,
					       (int)(len - at - 1), "xxxxxxxxxxxxxxxxxxxx");
				struct asof_json_writer w = asof_json_writer_to(&buf);
				asof_json_begin_object(&w);
				asof_json_key(&w, (struct asof_str){ text, len });
				asof_json_int(&w, 1);
				asof_json_end_object(&w);
				assert_string_equal(asof_buf_cstr(&buf), expected);
			}
		}
	}
}

static void
a_value_can_be_repeated(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1024);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_array(&w);
	size_t at = buf.len;
	asof_json_cstr(&w, "once, and long enough for the buffer to move");
	size_t len = buf.len - at;
	asof_json_repeat(&w, at, len);
	asof_json_int(&w, 1);
	asof_json_end_array(&w);
	assert_string_equal(asof_buf_cstr(&buf),
			    "[\"once, and long enough for the buffer to move\","
			    "\"once, and long enough for the buffer to move\",1]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_colons_are_put_where_they_belong),
		cmocka_unit_test(ready_keys_and_members_are_put_among_others),
		cmocka_unit_test(pretty_means_two_spaces_a_level),
		cmocka_unit_test(strings_are_escaped),
		cmocka_unit_test(bytes_that_are_no_text_become_u_fffd),
		cmocka_unit_test(every_byte_is_escaped_wherever_it_stands),
		cmocka_unit_test(keys_are_escaped_as_values_are),
		cmocka_unit_test(numbers_are_shortest_and_what_is_none_is_a_string),
		cmocka_unit_test(depth_goes_to_its_maximum),
		cmocka_unit_test(a_byte_is_escaped_wherever_it_stands),
		cmocka_unit_test(a_value_can_be_repeated),
		cmocka_unit_test(a_full_buffer_is_told_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
