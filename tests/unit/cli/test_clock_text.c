/* test_clock_text.c - clocks that run and clocks that stand. */
#include "check.h"

#include "base/base.h"
#include "cli/clock_text.h"

static void
a_time_is_a_clock_that_runs_from_it(void **state)
{
	(void)state;
	struct asof_reader_options options = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_clock_text_parse("1970-01-01T00:00:02Z", &options, &err), err);
	assert_true(options.has_clock);
	assert_int_equal(options.clock_us, 2000000);
	assert_false(options.is_clock_held);
}

static void
a_bang_holds_the_clock(void **state)
{
	(void)state;
	struct asof_reader_options options = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_clock_text_parse("1970-01-02!", &options, &err), err);
	assert_true(options.has_clock);
	assert_true(options.clock_us == INT64_C(86400000000));
	assert_true(options.is_clock_held);
}

static void
what_is_no_time_is_refused_and_sets_nothing(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"!",
		"noon",
		"2001-06-30!!",
		"2001-13-01",
		"2001-06-30T00:00:00Z                                                            !",
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_reader_options options = { 0 };
		struct asof_error err = { 0 };
		assert_int_equal(asof_clock_text_parse(cases[i], &options, &err), ASOF_INVALID);
		assert_false(options.has_clock);
		assert_string_not_equal(err.message, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_a_clock_that_runs_from_it),
		cmocka_unit_test(a_bang_holds_the_clock),
		cmocka_unit_test(what_is_no_time_is_refused_and_sets_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
