/* test_s3_place.c - which bucket, where and as whom: locations, parameters, the environment. */
#include <stdlib.h>

#include "check.h"
#include "lake/s3_client.h"

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID",  "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
	"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3",   "AWS_ENDPOINT_URL",
};

static int
set_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(variables); i++)
		(void)unsetenv(variables[i]);
	(void)setenv("AWS_ACCESS_KEY_ID", "key", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	return 0;
}

static struct asof_s3_place
read_good(const char *location, struct asof_arena *arena)
{
	struct asof_s3_place place = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_s3_place_read(asof_str_from(location), arena, &place, &err), err);
	return place;
}

static void
expect(const char *location, const char *bucket, const char *prefix)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place = read_good(location, &arena);
	assert_string_equal(place.bucket, bucket);
	assert_string_equal(place.prefix, prefix);
}

static void
expect_bad(const char *location, const char *message)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place = { .bucket = "untouched" };
	struct asof_error err = { 0 };
	assert_int_equal(asof_s3_place_read(asof_str_from(location), &arena, &place, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, message);
	assert_string_equal(place.bucket, "untouched");
}

static void
a_location_is_a_bucket_and_a_prefix(void **state)
{
	(void)state;
	expect("//lake", "lake", "");
	expect("lake/", "lake", "");
	expect("//lake/a", "lake", "a/");
	expect("//lake/a/b//", "lake", "a/b/");
	expect("//lake?region=eu-west-1", "lake", "");
	expect("//lake/a?region=eu-west-1", "lake", "a/");
}

static void
a_name_that_no_bucket_has_is_refused(void **state)
{
	char longest[2 + 64 + 1] = "//";
	(void)state;
	expect_bad("", "'' is no name of a bucket (3 to 63 bytes)");
	expect_bad("//ab/c", "'ab' is no name of a bucket (3 to 63 bytes)");
	memset(longest + 2, 'x', 64);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place;
	assert_int_equal(asof_s3_place_read(asof_str_from(longest), &arena, &place, NULL),
			 ASOF_INVALID);
	longest[2 + 63] = '\0';
	expect(longest, longest + 2, "");
}

static void
without_an_endpoint_it_is_amazons_by_region(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place = read_good("//lake", &arena);
	assert_string_equal(place.endpoint, "https://s3.us-east-1.amazonaws.com");
	assert_string_equal(place.region, "us-east-1");
	assert_false(place.is_path_style);
	assert_null(place.token);

	place = read_good("//lake?region=eu-west-1", &arena);
	assert_string_equal(place.endpoint, "https://s3.eu-west-1.amazonaws.com");
}

static void
an_endpoint_is_addressed_by_path_unless_told_otherwise(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place = read_good("//lake/x?endpoint=http://h:9000//", &arena);
	assert_string_equal(place.endpoint, "http://h:9000");
	assert_true(place.is_path_style);
	place = read_good("//lake?endpoint=https://h&path_style=false", &arena);
	assert_false(place.is_path_style);
	place = read_good("//lake?path_style=true", &arena);
	assert_true(place.is_path_style);
	assert_string_equal(place.endpoint, "https://s3.us-east-1.amazonaws.com");
}

static void
the_environment_is_read_as_amazons_tools_do(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	(void)setenv("AWS_DEFAULT_REGION", "eu-central-1", 1);
	(void)setenv("AWS_ENDPOINT_URL", "http://any", 1);
	(void)setenv("AWS_SESSION_TOKEN", "token", 1);
	struct asof_s3_place place = read_good("//lake", &arena);
	assert_string_equal(place.region, "eu-central-1");
	assert_string_equal(place.endpoint, "http://any");
	assert_string_equal(place.key_id, "key");
	assert_string_equal(place.secret, "hush");
	assert_string_equal(place.token, "token");

	(void)setenv("AWS_REGION", "eu-west-2", 1);
	(void)setenv("AWS_ENDPOINT_URL_S3", "http://s3", 1);
	(void)setenv("AWS_SESSION_TOKEN", "", 1);
	place = read_good("//lake", &arena);
	assert_string_equal(place.region, "eu-west-2");
	assert_string_equal(place.endpoint, "http://s3");
	assert_null(place.token);

	place = read_good("//lake?endpoint=http://mine&region=here", &arena);
	assert_string_equal(place.endpoint, "http://mine");
	assert_string_equal(place.region, "here");
}

static void
credentials_that_are_missing_are_asked_for(void **state)
{
	static const char message[] =
		"no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
	(void)state;
	(void)setenv("AWS_SECRET_ACCESS_KEY", "", 1);
	expect_bad("//lake", message);
	(void)unsetenv("AWS_SECRET_ACCESS_KEY");
	expect_bad("//lake", message);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
	(void)unsetenv("AWS_ACCESS_KEY_ID");
	expect_bad("//lake", message);
}

static void
a_parameter_that_is_none_is_refused_by_name(void **state)
{
	(void)state;
	expect_bad("//lake?secret=x",
		   "unknown parameter 'secret' (have: endpoint, region, path_style)");
	expect_bad("//lake?region=x&&",
		   "unknown parameter '' (have: endpoint, region, path_style)");
	expect_bad("//lake?path_style=yes", "path_style is true or false");
	expect_bad("//lake?path_style", "path_style is true or false");
	expect_bad("//lake?endpoint=h:9000",
		   "endpoint 'h:9000' begins with neither http:// nor https://");
}

static void
no_allocation_that_fails_is_overlooked(void **state)
{
	static const char location[] = "//lake/a?endpoint=http://h&region=r";
	(void)state;
	bool has_failed = false;
	for (size_t nth = 1;; nth++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_s3_place place;
		asof_mem_fail_at(nth);
		enum asof_status status =
			asof_s3_place_read(asof_str_from(location), &arena, &place, NULL);
		asof_mem_fail_at(0);
		if (status == ASOF_OK)
			break;
		assert_int_equal(status, ASOF_NO_MEMORY);
		has_failed = true;
	}
	assert_true(has_failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_location_is_a_bucket_and_a_prefix, set_up),
		cmocka_unit_test_setup(a_name_that_no_bucket_has_is_refused, set_up),
		cmocka_unit_test_setup(without_an_endpoint_it_is_amazons_by_region, set_up),
		cmocka_unit_test_setup(an_endpoint_is_addressed_by_path_unless_told_otherwise,
				       set_up),
		cmocka_unit_test_setup(the_environment_is_read_as_amazons_tools_do, set_up),
		cmocka_unit_test_setup(credentials_that_are_missing_are_asked_for, set_up),
		cmocka_unit_test_setup(a_parameter_that_is_none_is_refused_by_name, set_up),
		cmocka_unit_test_setup(no_allocation_that_fails_is_overlooked, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
