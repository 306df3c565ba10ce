/* test_api.c - what of asof.h needs no session. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

static void
the_version_has_three_numbers(void **state)
{
	(void)state;
	int parts[3];
	char rest;
	assert_int_equal(
		sscanf(asof_version(), "%d.%d.%d%c", &parts[0], &parts[1], &parts[2], &rest), 3);
}

static void
texts_are_freed_and_null_is_fine(void **state)
{
	(void)state;
	size_t live = asof_mem_live();
	asof_text_free(asof_mem_alloc(8));
	asof_text_free(NULL);
	assert_int_equal(asof_mem_live(), live);
}

static void
times_are_read_and_failures_leave_the_output(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	int64_t us = 7;
	assert_int_equal(asof_time_parse("soon", &us, &err), ASOF_INVALID);
	assert_int_equal(asof_time_parse("", &us, &err), ASOF_INVALID);
	assert_int_equal(asof_time_parse(NULL, &us, &err), ASOF_INVALID);
	assert_int_equal(asof_time_parse("2001-06-30", NULL, &err), ASOF_INVALID);
	assert_int_equal(us, 7);
	assert_ok(asof_time_parse("1970-01-01T01:00:00+01:00", &us, &err), err);
	assert_int_equal(us, 0);
}

static void
sizes_are_read_and_failures_leave_the_output(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	uint64_t bytes = 7;
	static const char *const bad[] = { "", "x", "-1", "1.5.2", "12 parsecs", "99999999999TB" };
	for (size_t i = 0; i < ASOF_COUNTOF(bad); i++) {
		assert_int_equal(asof_size_parse_text(bad[i], &bytes, &err), ASOF_INVALID);
		assert_non_null(strstr(err.message, "is not a size"));
	}
	assert_int_equal(asof_size_parse_text(NULL, &bytes, &err), ASOF_INVALID);
	assert_int_equal(asof_size_parse_text("1", NULL, &err), ASOF_INVALID);
	assert_int_equal(bytes, 7);
	assert_ok(asof_size_parse_text("512MiB", &bytes, &err), err);
	assert_int_equal(bytes, 512 * 1024 * 1024);
	assert_ok(asof_size_parse_text("4GB", &bytes, &err), err);
	assert_true(bytes == UINT64_C(4000000000));
}

static void
the_schema_is_an_object(void **state)
{
	(void)state;
	const char *schema = asof_schema();
	assert_int_equal(schema[0], '{');
	assert_non_null(strstr(schema, "\"$schema\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_has_three_numbers),
		cmocka_unit_test(texts_are_freed_and_null_is_fine),
		cmocka_unit_test(times_are_read_and_failures_leave_the_output),
		cmocka_unit_test(sizes_are_read_and_failures_leave_the_output),
		cmocka_unit_test(the_schema_is_an_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
