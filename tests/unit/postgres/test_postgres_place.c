/* test_postgres_place.c - what a URI of a database says. */
#include <stdlib.h>

#include "check.h"
#include "postgres/postgres_place.h"

static void
ours_are_taken_out_and_the_rest_is_libpqs(void **state)
{
	(void)state;
	static const struct {
		const char *location;
		const char *uri;
		const char *password;
		const char *schema;
		const char *shown;
	} cases[] = {
		{ "//u@h:1/d", "postgresql://u@h:1/d", NULL, NULL, "h:1" },
		{ "//", "postgresql://", NULL, NULL, "localhost:5432" },
		{ "//h/d?schema=ml", "postgresql://h/d", NULL, "ml", "h:5432" },
		{ "//h/d?sslmode=disable&schema=a%20%22b&connect_timeout=3",
		  "postgresql://h/d?sslmode=disable&connect_timeout=3", NULL, "a \"b", "h:5432" },
		{ "//h/d?password_env=ASOF_TEST_SECRET&sslmode=disable",
		  "postgresql://h/d?sslmode=disable", "s3/c?r&et", NULL, "h:5432" },
	};
	assert_int_equal(setenv("ASOF_TEST_SECRET", "s3/c?r&et", 1), 0);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_error err = { 0 };
		struct asof_postgres_place place;
		assert_ok(asof_postgres_place_read(asof_str_from(cases[i].location), &arena, &place,
						   &err),
			  err);
		assert_string_equal(place.uri, cases[i].uri);
		assert_string_equal(place.password ? place.password : "-",
				    cases[i].password ? cases[i].password : "-");
		assert_string_equal(place.schema ? place.schema : "-",
				    cases[i].schema ? cases[i].schema : "-");
		assert_string_equal(place.shown, cases[i].shown);
	}
}

static void
what_is_wrong_is_said_without_the_password(void **state)
{
	(void)state;
	static const struct {
		const char *location;
		const char *said;
	} cases[] = {
		{ "", "no server: postgres://" },
		{ "./file", "no server: postgres://" },
		{ "//u:hunter2/x@h:1/d", "malformed: like postgres://" },
		{ "//u:hunter2@h/d?nothing=1", "malformed: like postgres://" },
		{ "//h/d?password_env=ASOF_NO_SUCH_NAME", "ASOF_NO_SUCH_NAME, which is not set" },
		{ "//h/d?schema=", "a schema's name has 1 to 63 bytes" },
		{ "//h/d?schema=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  "63 bytes, not 64" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_error err = { 0 };
		struct asof_postgres_place place;
		assert_int_equal(asof_postgres_place_read(asof_str_from(cases[i].location), &arena,
							  &place, &err),
				 ASOF_INVALID);
		if (!strstr(err.message, cases[i].said) || strstr(err.message, "hunter2"))
			fail_msg("%s", err.message);
	}
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	struct asof_str location = asof_str_from("//u@h:1/d?schema=s&sslmode=disable");
	enum asof_status status = ASOF_NO_MEMORY;
	for (size_t n = 1; status != ASOF_OK; n++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_postgres_place place;
		asof_mem_fail_at(n);
		status = asof_postgres_place_read(location, &arena, &place, NULL);
		asof_mem_fail_at(0);
		assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_are_taken_out_and_the_rest_is_libpqs),
		cmocka_unit_test(what_is_wrong_is_said_without_the_password),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
