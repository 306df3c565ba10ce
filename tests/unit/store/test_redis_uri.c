/* test_redis_uri.c - where a Redis is, from its URI; what is wrong is told, the password never. */
#include <stdlib.h>

#include "check.h"
#include "store/redis_uri.h"

static struct asof_redis_target
read_target(enum asof_redis_transport transport, const char *location, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_redis_target target = { 0 };
	assert_ok(asof_redis_target_read(transport, asof_str_from(location), arena, &target, &err),
		  err);
	return target;
}

static void
assert_target(const char *location, const char *place, const char *user, const char *password,
	      int64_t db)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_redis_target target = read_target(ASOF_REDIS_TCP, location, &arena);
	assert_string_equal(target.place, place);
	if (user)
		assert_string_equal(target.user, user);
	else
		assert_null(target.user);
	if (password)
		assert_string_equal(target.password, password);
	else
		assert_null(target.password);
	assert_int_equal(target.db, db);
}

static void
a_uri_says_where_who_and_which(void **state)
{
	(void)state;
	assert_target("//h", "h:6379", NULL, NULL, 0);
	assert_target("//h/", "h:6379", NULL, NULL, 0);
	assert_target("//h:7000/12", "h:7000", NULL, NULL, 12);
	assert_target("//[::1]:7000/1", "[::1]:7000", NULL, NULL, 1);
	assert_target("//[::1]", "[::1]:6379", NULL, NULL, 0);
	assert_target("//:p@h", "h:6379", NULL, "p", 0);
	assert_target("//u:p%40%2F%25@h", "h:6379", "u", "p@/%", 0);
	assert_target("//u:p@q@h", "h:6379", "u", "p@q", 0);
	assert_target("//u:@h", "h:6379", "u", "", 0);
	assert_target("//h?db=3", "h:6379", NULL, NULL, 3);
}

static void
options_have_defaults(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_redis_target target = read_target(ASOF_REDIS_TLS, "//h", &arena);
	assert_string_equal(target.prefix, "asof");
	assert_null(target.ca_file);
	assert_int_equal(target.lease_ms, 30000);
	target = read_target(ASOF_REDIS_TLS,
			     "//h?prefix=a.b-c_1&ca=%2Fx%20y&cert=c&key=k&connect_timeout=2&"
			     "timeout=3&lease=4",
			     &arena);
	assert_string_equal(target.prefix, "a.b-c_1");
	assert_string_equal(target.ca_file, "/x y");
	assert_string_equal(target.cert_file, "c");
	assert_string_equal(target.key_file, "k");
	assert_int_equal(target.connect_timeout_us, 2000000);
	assert_int_equal(target.answer_timeout_us, 3000000);
	assert_int_equal(target.lease_ms, 4000);
}

static void
a_socket_is_a_path(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_redis_target target =
		read_target(ASOF_REDIS_UNIX, "//u:p@/run/a%20b.sock?db=2", &arena);
	assert_string_equal(target.socket, "/run/a b.sock");
	assert_string_equal(target.place, "/run/a b.sock");
	assert_string_equal(target.user, "u");
	assert_int_equal(target.db, 2);
}

static void
the_password_may_come_from_the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("ASOF_TEST_REDIS", "from there", 1), 0);
	assert_target("//u@h?password_env=ASOF_TEST_REDIS", "h:6379", "u", "from there", 0);
	assert_int_equal(unsetenv("ASOF_TEST_REDIS"), 0);
}

static void
what_is_wrong_is_told_without_the_password(void **state)
{
	(void)state;
	static const struct {
		const char *location;
		const char *said;
	} cases[] = {
		{ "", "malformed: like redis://HOST" },
		{ "h", "malformed: like redis://HOST" },
		{ "//", "no host" },
		{ "//:7000", "no host" },
		{ "//u:hunter2@", "no host" },
		{ "//[::1", "no host" },
		{ "//[::1]x", "no host" },
		{ "//h:0", "'0' of the URI is no port" },
		{ "//h:65536", "'65536' of the URI is no port" },
		{ "//h:a", "'a' of the URI is no port" },
		{ "//h/x", "database 'x' of the URI is no number" },
		{ "//h/1/2", "database '1/2' of the URI is no number" },
		{ "//h/-1", "database '-1' of the URI is no number" },
		{ "//u@h", "user 'u' has no password" },
		{ "//u:hunter2%4@h", "a % of the URI is not followed by" },
		{ "//u:hunter2%@h", "a % of the URI is not followed by" },
		{ "//u:hunter2%zz@h", "a % of the URI is not followed by" },
		{ "//u:hunter2%00@h", "a % of the URI is not followed by" },
		{ "//u:hunter2@h?password_env=X", "a password and password_env: leave one out" },
		{ "//h?password_env=ASOF_NO_SUCH", "variable 'ASOF_NO_SUCH', named by" },
		{ "//h?prefix=", "1 to 64 letters" },
		{ "//h?prefix=a:b", "1 to 64 letters" },
		{ "//h?lease=0", "lease of the URI is at least 1 second" },
		{ "//h?timeout=1.5", "timeout '1.5' of the URI is no number" },
		{ "//h?wait=1", "unknown option 'wait' of the URI (have: password_env" },
		{ "//h?=1", "unknown option ''" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_redis_target target;
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		assert_int_equal(asof_redis_target_read(ASOF_REDIS_TCP,
							asof_str_from(cases[i].location), &arena,
							&target, &err),
				 ASOF_INVALID);
		if (!strstr(err.message, cases[i].said))
			fail_msg("%s: '%s'", cases[i].location, err.message);
		assert_null(strstr(err.message, "hunter2"));
	}
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	enum asof_status status = ASOF_NO_MEMORY;
	for (size_t n = 1; status != ASOF_OK; n++) {
		struct asof_error err = { 0 };
		struct asof_redis_target target;
		{
			ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(16 * n);
			status = asof_redis_target_read(
				ASOF_REDIS_TCP, asof_str_from("//u:p@h:1/2?prefix=abc&ca=d"),
				&arena, &target, &err);
		}
		assert_int_equal(asof_mem_live(), before);
		assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
		assert_true(n < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_says_where_who_and_which),
		cmocka_unit_test(options_have_defaults),
		cmocka_unit_test(a_socket_is_a_path),
		cmocka_unit_test(the_password_may_come_from_the_environment),
		cmocka_unit_test(what_is_wrong_is_told_without_the_password),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
