/* test_text_width.c - columns of UTF-8 text, and text that cannot steer a terminal. */
#include "check.h"

#include "cli/text_width.h"

static size_t
width(const char *text)
{
	return asof_text_width(asof_str_from(text));
}

static size_t
prefix(const char *text, size_t columns)
{
	return asof_text_prefix(asof_str_from(text), columns);
}

static void
width_counts_columns_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(width(""), 0);
	assert_int_equal(width("abc"), 3);
	assert_int_equal(width("Z\u00fcrich"), 6);
	assert_int_equal(width("\u6771\u4eac"), 4); /* two wide characters */
	assert_int_equal(width("e\u0301"), 1);      /* a combining accent */
	assert_int_equal(width("\U0001F600"), 2);   /* an emoji */
	assert_int_equal(width("\xff\xfe"), 2);     /* no UTF-8: a column per byte */
	assert_int_equal(width("\xe6\x9d"), 2);     /* cut in the middle */
	assert_int_equal(width("\xed\xa0\x80"), 3); /* a surrogate */
	assert_int_equal(width("\xc0\x80"), 2);     /* an overlong form */
}

static void
prefix_keeps_whole_characters(void **state)
{
	(void)state;
	assert_int_equal(prefix("abc", 2), 2);
	assert_int_equal(prefix("abc", 9), 3);
	assert_int_equal(prefix("abc", 0), 0);
	assert_int_equal(prefix("\u6771\u4eac", 3), 3); /* the second would be half */
	assert_int_equal(prefix("\u6771\u4eac", 4), 6);
	assert_int_equal(prefix("e\u0301x", 1), 3); /* the accent stays with its letter */
}

static void
assert_clean(const char *text, const char *expected)
{
	struct asof_buf buf = ASOF_BUF(256);
	asof_text_clean(asof_str_from(text), &buf);
	assert_string_equal(asof_buf_cstr(&buf), expected);
	asof_buf_done(&buf);
}

static void
clean_makes_control_characters_visible(void **state)
{
	(void)state;
	assert_clean("plain \u00fc\u6771", "plain \u00fc\u6771");
	assert_clean("a\nb\tc", "a\\nb\\tc");
	assert_clean("\033[31mred", "\\x1b[31mred");
	assert_clean("\177\r", "\\x7f\\x0d");
	assert_clean("\xc2\x9b"
		     "31m",
		     "\\x9b31m"); /* the one-byte form of ESC [ */
	assert_clean("\xff", "\\xff");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns_not_bytes),
		cmocka_unit_test(prefix_keeps_whole_characters),
		cmocka_unit_test(clean_makes_control_characters_visible),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
