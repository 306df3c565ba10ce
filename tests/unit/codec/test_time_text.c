#include "codec/time_text.h"

#include <stdio.h>
#include <time.h>

#include "check.h"
#include "seeded.h"

#define SECOND INT64_C(1000000)

static void
assert_timestamp_text(int64_t event_us, const char *expected)
{
	char text[ASOF_TIME_TEXT_MAX];
	size_t len = asof_timestamp_text(event_us, text);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static void
assert_date_text(int32_t days, const char *expected)
{
	char text[ASOF_TIME_TEXT_MAX];
	size_t len = asof_date_text(days, text);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static int64_t
timestamp_of(const char *text)
{
	struct asof_error err = { 0 };
	int64_t event_us = -1;
	assert_ok(asof_timestamp_parse(asof_str_from(text), &event_us, &err), err);
	return event_us;
}

static void
timestamps_are_rfc3339_in_utc(void **state)
{
	(void)state;
	assert_timestamp_text(0, "1970-01-01T00:00:00Z");
	assert_timestamp_text(INT64_C(993859200) * SECOND, "2001-06-30T00:00:00Z");
	assert_timestamp_text(INT64_C(951782400) * SECOND, "2000-02-29T00:00:00Z");
	assert_timestamp_text(-1, "1969-12-31T23:59:59.999999Z");
	assert_timestamp_text(INT64_C(-2208988800) * SECOND, "1900-01-01T00:00:00Z");
}

static void
fractions_have_no_trailing_zeros(void **state)
{
	(void)state;
	assert_timestamp_text(1, "1970-01-01T00:00:00.000001Z");
	assert_timestamp_text(500000, "1970-01-01T00:00:00.5Z");
	assert_timestamp_text(120300, "1970-01-01T00:00:00.1203Z");
	assert_timestamp_text(SECOND, "1970-01-01T00:00:01Z");
}

static void
far_years_carry_a_sign(void **state)
{
	(void)state;
	assert_timestamp_text(INT64_C(253402300799) * SECOND, "9999-12-31T23:59:59Z");
	assert_timestamp_text(INT64_C(253402300800) * SECOND, "+010000-01-01T00:00:00Z");
	assert_timestamp_text(INT64_C(-62167219200) * SECOND, "0000-01-01T00:00:00Z");
	assert_timestamp_text(INT64_C(-62167219200) * SECOND - 1, "-000001-12-31T23:59:59.999999Z");
	assert_timestamp_text(INT64_MAX, "+294247-01-10T04:00:54.775807Z");
	assert_timestamp_text(INT64_MIN, "-290308-12-21T19:59:05.224192Z");
	assert_date_text(INT32_MAX, "+5881580-07-11");
	assert_date_text(INT32_MIN, "-5877641-06-23");
}

static void
every_timestamp_reads_back(void **state)
{
	(void)state;
	struct random r = { 1 };
	for (int i = 0; i < 20000; i++) {
		int64_t event_us = (int64_t)random_u64(&r) >> random_below(&r, 60);
		char text[ASOF_TIME_TEXT_MAX + 1];
		text[asof_timestamp_text(event_us, text)] = '\0';
		assert_int_equal(timestamp_of(text), event_us);
	}
	assert_int_equal(timestamp_of("+294247-01-10T04:00:54.775807Z"), INT64_MAX);
	assert_int_equal(timestamp_of("-290308-12-21T19:59:05.224192Z"), INT64_MIN);
}

static void
every_date_reads_back_and_agrees_with_libc(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	struct random r = { 2 };
	for (int i = 0; i < 20000; i++) {
		int32_t days = (int32_t)((int64_t)random_u64(&r) >> (33 + random_below(&r, 20)));
		char text[ASOF_TIME_TEXT_MAX];
		size_t len = asof_date_text(days, text);
		int32_t again = ~days;
		assert_ok(asof_date_parse((struct asof_str){ text, len }, &again, &err), err);
		assert_int_equal(again, days);

		time_t seconds = (time_t)days * 86400;
		struct tm tm;
		assert_non_null(gmtime_r(&seconds, &tm));
		if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
			continue;
		char expected[64];
		(void)snprintf(expected, sizeof(expected), "%04d-%02d-%02d", tm.tm_year + 1900,
			       tm.tm_mon + 1, tm.tm_mday);
		assert_date_text(days, expected);
	}
}

static void
optional_parts_may_be_left_out(void **state)
{
	(void)state;
	int64_t midnight = INT64_C(993859200) * SECOND;
	assert_int_equal(timestamp_of("2001-06-30"), midnight);
	assert_int_equal(timestamp_of("2001-06-30 00:00"), midnight);
	assert_int_equal(timestamp_of("2001-06-30T00:00Z"), midnight);
	assert_int_equal(timestamp_of("2001-06-30t00:00:00z"), midnight);
	assert_int_equal(timestamp_of("2001-06-30 00:00:01.5"), midnight + 1500000);
	assert_int_equal(timestamp_of("2001-06-30 00:00:00.123456999"), midnight + 123456);
	assert_int_equal(timestamp_of("1969-12-31T23:59:59.9999999Z"), -1);
}

static void
zones_are_converted(void **state)
{
	(void)state;
	int64_t midnight = INT64_C(993859200) * SECOND;
	assert_int_equal(timestamp_of("2001-06-30T02:00:00+02:00"), midnight);
	assert_int_equal(timestamp_of("2001-06-29T18:30:00-05:30"), midnight);
	assert_int_equal(timestamp_of("2001-06-30T00:00:00+00:00"), midnight);
}

static void
malformed_timestamps_say_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *wrong;
	} cases[] = {
		{ "", "no year of four digits" },
		{ "soon", "no year of four digits" },
		{ "99-01-01", "no year of four digits" },
		{ "+2001-01-01", "a year with a sign has six digits" },
		{ "-000000-01-01", "there is no year -0" },
		{ "2001", "no month of two digits behind the year" },
		{ "2001-1-01", "no month of two digits behind the year" },
		{ "2001-13-01", "months are 01 to 12" },
		{ "2001-00-01", "months are 01 to 12" },
		{ "2001-01", "no day of two digits behind the month" },
		{ "2001-02-29", "no such day in that month" },
		{ "1900-02-29", "no such day in that month" },
		{ "2001-04-31", "no such day in that month" },
		{ "2001-01-00", "no such day in that month" },
		{ "2001-01-01x", "a 'T' or a space stands between date and time" },
		{ "2001-01-01T", "hours are 00 to 23" },
		{ "2001-01-01T24:00", "hours are 00 to 23" },
		{ "2001-01-01T01", "minutes are 00 to 59, behind a ':'" },
		{ "2001-01-01T01:60", "minutes are 00 to 59, behind a ':'" },
		{ "2001-01-01T01:00:60", "seconds are 00 to 59" },
		{ "2001-01-01T01:00:", "seconds are 00 to 59" },
		{ "2001-01-01T01:00:00.", "no digits behind the point" },
		{ "2001-01-01T01:00:00 Z", "a zone is 'Z' or like '+02:00'" },
		{ "2001-01-01T01:00:00+2", "a zone is 'Z' or like '+02:00'" },
		{ "2001-01-01T01:00:00+24:00", "a zone is 'Z' or like '+02:00'" },
		{ "2001-01-01T01:00:00+02:60", "a zone is 'Z' or like '+02:00'" },
		{ "2001-01-01T01:00:00Zz", "something stands behind the zone" },
		{ "+294247-01-10T04:00:54.775808Z",
		  "outside the years -290308 to 294247 that microseconds reach" },
		{ "-290308-12-21T19:59:05.224191Z",
		  "outside the years -290308 to 294247 that microseconds reach" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		int64_t untouched = 7;
		struct asof_str text = asof_str_from(cases[i].text);
		char expected[256];
		(void)snprintf(expected, sizeof(expected), "'%s' is no timestamp: %s",
			       cases[i].text, cases[i].wrong);
		assert_int_equal(asof_timestamp_parse(text, &untouched, &err), ASOF_INVALID);
		assert_string_equal(err.message, expected);
		assert_int_equal(untouched, 7);
	}
}

static void
malformed_dates_say_what_is_wrong(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	int32_t days = 7;
	assert_int_equal(asof_date_parse((struct asof_str){ 0 }, &days, &err), ASOF_INVALID);
	assert_int_equal(asof_date_parse(asof_str_from("2001-06-30T00:00"), &days, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message,
			    "'2001-06-30T00:00' is no date: something stands behind the date");
	assert_int_equal(asof_date_parse(asof_str_from("+5881580-07-12"), &days, &err),
			 ASOF_INVALID);
	assert_int_equal(asof_date_parse(asof_str_from("-5877641-06-22"), &days, &err),
			 ASOF_INVALID);
	assert_int_equal(days, 7);
}

static void
a_message_shows_only_the_start_of_long_input(void **state)
{
	(void)state;
	char text[500];
	memset(text, 'x', sizeof(text));
	struct asof_error err = { 0 };
	int64_t event_us;
	assert_int_equal(
		asof_timestamp_parse((struct asof_str){ text, sizeof(text) }, &event_us, &err),
		ASOF_INVALID);
	assert_true(strlen(err.message) < 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps_are_rfc3339_in_utc),
		cmocka_unit_test(fractions_have_no_trailing_zeros),
		cmocka_unit_test(far_years_carry_a_sign),
		cmocka_unit_test(every_timestamp_reads_back),
		cmocka_unit_test(every_date_reads_back_and_agrees_with_libc),
		cmocka_unit_test(optional_parts_may_be_left_out),
		cmocka_unit_test(zones_are_converted),
		cmocka_unit_test(malformed_timestamps_say_what_is_wrong),
		cmocka_unit_test(malformed_dates_say_what_is_wrong),
		cmocka_unit_test(a_message_shows_only_the_start_of_long_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
