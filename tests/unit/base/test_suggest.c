#include "base/suggest.h"

#include "check.h"

static const char *const names[] = {
	"delay_mean_1d", "delay_max_1d", "flights_count_1h", "origin", "Origin", "entity", "x"
};

static const char *
suggest(const char *name)
{
	return asof_suggest(asof_str_from(name), names, ASOF_COUNTOF(names));
}

static void
one_edit_is_near_enough(void **state)
{
	(void)state;
	assert_string_equal(suggest("delay_mean_1"), "delay_mean_1d");
	assert_string_equal(suggest("delay_mean_1dd"), "delay_mean_1d");
	assert_string_equal(suggest("delay_mean-1d"), "delay_mean_1d");
	assert_string_equal(suggest("dleay_mean_1d"), "delay_mean_1d");
	assert_string_equal(suggest("entty"), "entity");
	assert_string_equal(suggest("y"), "x");
}

static void
a_transposition_counts_once(void **state)
{
	(void)state;
	/* Three letters allow one edit; two substitutions would be too far. */
	static const char *const short_names[] = { "abc" };
	assert_string_equal(asof_suggest(asof_str_from("acb"), short_names, 1), "abc");
	assert_string_equal(asof_suggest(asof_str_from("bac"), short_names, 1), "abc");
	assert_null(asof_suggest(asof_str_from("cba"), short_names, 1));
	assert_null(asof_suggest(asof_str_from("axx"), short_names, 1));
}

static void
case_counts_half(void **state)
{
	(void)state;
	static const char *const cased[] = { "AbCd", "abce" };
	/* Two letters of another case (1) are as near as one wrong letter (1): the first wins. */
	assert_string_equal(asof_suggest(asof_str_from("abcd"), cased, 2), "AbCd");
	/* Three (1.5) are farther. */
	static const char *const louder[] = { "ABCd", "abce" };
	assert_string_equal(asof_suggest(asof_str_from("abcd"), louder, 2), "abce");
	assert_string_equal(suggest("ORigin"), "Origin");
}

static void
nothing_near_gives_nothing(void **state)
{
	(void)state;
	assert_null(suggest("price"));
	assert_null(asof_suggest(asof_str_from("a"), NULL, 0));
	assert_null(suggest("delay_mean_1d_and_a_lot_more"));
}

static void
a_third_of_the_letters_may_be_wrong(void **state)
{
	(void)state;
	static const char *const nine[] = { "abcdefghi" };
	assert_string_equal(asof_suggest(asof_str_from("abcdefXYZ"), nine, 1), "abcdefghi");
	assert_null(asof_suggest(asof_str_from("abcdeWXYZ"), nine, 1));
}

static void
ties_go_to_the_first(void **state)
{
	(void)state;
	static const char *const tied[] = { "cat", "bat", "rat" };
	assert_string_equal(asof_suggest(asof_str_from("hat"), tied, 3), "cat");
	assert_string_equal(asof_suggest(asof_str_from("rat"), tied, 3), "rat");
}

static void
long_texts_are_no_names(void **state)
{
	(void)state;
	char text[200];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	const char *const list[] = { text, "aaaa" };
	assert_null(asof_suggest(asof_str_from(text), list, 2));
	assert_string_equal(asof_suggest(asof_str_from("aaa"), list, 2), "aaaa");
	text[128] = '\0';
	assert_string_equal(asof_suggest((struct asof_str){ text, 127 }, list, 2), text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_edit_is_near_enough),
		cmocka_unit_test(a_transposition_counts_once),
		cmocka_unit_test(case_counts_half),
		cmocka_unit_test(nothing_near_gives_nothing),
		cmocka_unit_test(a_third_of_the_letters_may_be_wrong),
		cmocka_unit_test(ties_go_to_the_first),
		cmocka_unit_test(long_texts_are_no_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
