#include "model/duration.h"

#include "check.h"

static void
durations_are_read_and_written(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
		const char *shortest;
	} cases[] = {
		{ "1s", 1, "1s" },        { "90s", 90, "90s" },
		{ "60s", 60, "1m" },      { "15m", 900, "15m" },
		{ "1h", 3600, "1h" },     { "24h", 86400, "1d" },
		{ "1d", 86400, "1d" },    { "7d", 604800, "1w" },
		{ "4w", 2419200, "4w" },  { "30d", 2592000, "30d" },
		{ "007d", 604800, "1w" }, { "36525d", INT64_C(3155760000), "36525d" },
		{ "25h", 90000, "25h" },  { "3155760000s", INT64_C(3155760000), "36525d" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		char text[ASOF_DURATION_TEXT_MAX];
		int64_t us = 0;
		assert_ok(asof_duration_parse(asof_str_from(cases[i].text), &us, &err), err);
		assert_true(us == cases[i].seconds * ASOF_US_PER_SECOND);
		assert_string_equal(asof_duration_text(us, text), cases[i].shortest);
	}
}

static void
what_is_no_duration_is_told(void **state)
{
	(void)state;
	static const char *const bad[] = { "",    "h",    "1",   "1.5h", "-1h",
					   "+1h", " 1h",  "1h ", "1 h",  "1H",
					   "1ms", "1h1m", "1y",  "0x1h", "99999999999999999999h" };
	for (size_t i = 0; i < ASOF_COUNTOF(bad); i++) {
		struct asof_error err = { 0 };
		int64_t us = 7;
		assert_int_equal(asof_duration_parse(asof_str_from(bad[i]), &us, &err),
				 ASOF_INVALID);
		assert_non_null(strstr(err.message, "is no duration"));
		assert_int_equal(us, 7);
	}
	struct asof_error err = { 0 };
	int64_t us = 7;
	assert_int_equal(asof_duration_parse(asof_str_from("0s"), &us, &err), ASOF_INVALID);
	assert_string_equal(err.message, "duration '0s' is not positive");
	assert_int_equal(asof_duration_parse(asof_str_from("36526d"), &us, &err), ASOF_INVALID);
	assert_string_equal(err.message, "duration '36526d' is more than 100 years");
	assert_int_equal(asof_duration_parse(asof_str_from("18446744073709551615w"), &us, &err),
			 ASOF_INVALID);
	assert_int_equal(us, 7);
}

static void
spans_without_a_unit_are_written_too(void **state)
{
	(void)state;
	char text[ASOF_DURATION_TEXT_MAX];
	assert_string_equal(asof_duration_text(0, text), "0s");
	assert_string_equal(asof_duration_text(1500000, text), "1500000us");
	assert_string_equal(asof_duration_text(-3600 * ASOF_US_PER_SECOND, text), "-1h");
}

static void
the_grid_holds_on_both_sides_of_the_epoch(void **state)
{
	(void)state;
	for (int64_t step = 1; step < 12; step++) {
		for (int64_t event = -40; event <= 40; event++) {
			int64_t floor = asof_step_floor(event, step);
			int64_t end = asof_step_end(event, step);
			assert_true(floor <= event && event - floor < step && floor % step == 0);
			assert_true(end >= event && end - event < step && end % step == 0);
		}
	}
}

static void
the_grid_ends_with_time(void **state)
{
	(void)state;
	assert_true(asof_step_floor(INT64_MIN, 7) == INT64_MIN);
	assert_true(asof_step_floor(INT64_MAX, 7) == INT64_MAX - INT64_MAX % 7);
	assert_true(asof_step_end(INT64_MAX, 10) == INT64_MAX);
	assert_true(asof_step_end(INT64_MIN, 2) == INT64_MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_and_written),
		cmocka_unit_test(what_is_no_duration_is_told),
		cmocka_unit_test(spans_without_a_unit_are_written_too),
		cmocka_unit_test(the_grid_holds_on_both_sides_of_the_epoch),
		cmocka_unit_test(the_grid_ends_with_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
