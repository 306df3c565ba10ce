/* test_human.c - figures as people read them. */
#include "check.h"

#include "cli/human.h"

static void
counts_have_commas(void **state)
{
	(void)state;
	assert_string_equal(asof_human_count(0).text, "0");
	assert_string_equal(asof_human_count(999).text, "999");
	assert_string_equal(asof_human_count(1000).text, "1,000");
	assert_string_equal(asof_human_count(1234567).text, "1,234,567");
	assert_string_equal(asof_human_count(-123).text, "-123");
	assert_string_equal(asof_human_count(-1234).text, "-1,234");
	assert_string_equal(asof_human_count(INT64_MIN).text, "-9,223,372,036,854,775,808");
}

static void
nouns_are_counted(void **state)
{
	(void)state;
	assert_string_equal(asof_human_counted(1, "row").text, "1 row");
	assert_string_equal(asof_human_counted(0, "row").text, "0 rows");
	assert_string_equal(asof_human_counted(1234, "row").text, "1,234 rows");
}

static void
bytes_have_units_of_thousands(void **state)
{
	(void)state;
	assert_string_equal(asof_human_bytes(0).text, "0 B");
	assert_string_equal(asof_human_bytes(999).text, "999 B");
	assert_string_equal(asof_human_bytes(1000).text, "1.0 kB");
	assert_string_equal(asof_human_bytes(12345678).text, "12.3 MB");
	assert_string_equal(asof_human_bytes(999949).text, "999.9 kB");
	assert_string_equal(asof_human_bytes(999950).text, "1.0 MB");
	assert_string_equal(asof_human_bytes(INT64_MAX).text, "9.2 EB");
}

static void
seconds_have_the_unit_that_fits(void **state)
{
	(void)state;
	assert_string_equal(asof_human_seconds(0).text, "0 ms");
	assert_string_equal(asof_human_seconds(-1).text, "0 ms");
	assert_string_equal(asof_human_seconds(0.0123).text, "12 ms");
	assert_string_equal(asof_human_seconds(0.42).text, "0.42 s");
	assert_string_equal(asof_human_seconds(12.34).text, "12.3 s");
	assert_string_equal(asof_human_seconds(59.96).text, "1 min 0 s");
	assert_string_equal(asof_human_seconds(123).text, "2 min 3 s");
	assert_string_equal(asof_human_seconds(3720).text, "1 h 2 min");
	assert_string_equal(asof_human_seconds(1e300).text, "166666666 h 40 min");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_commas),
		cmocka_unit_test(nouns_are_counted),
		cmocka_unit_test(bytes_have_units_of_thousands),
		cmocka_unit_test(seconds_have_the_unit_that_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
