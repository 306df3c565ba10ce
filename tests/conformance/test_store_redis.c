/* test_store_redis.c - what only a store in Redis meets: users and rights, TLS, scripts that are
 * forgotten, memory that ends, and people who look into it. */
#include <inttypes.h>

#include "base/clock.h"
#include "codec/key.h"
#include "conformance/store_fixture.h"

#define AT_ONCE_US INT64_C(8000000) /* on a machine that is busy: no retries */

static struct server server;
static int tls_port;

static void
uri_at(char out[512], const char *scheme, const char *user, int port, const char *rest)
{
	(void)snprintf(out, 512, "%s://%s127.0.0.1:%d%s", scheme, user, port, rest);
}

static struct asof_store *
open_at(const char *scheme, const char *user, int port, const char *rest)
{
	char uri[512];
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	uri_at(uri, scheme, user, port, rest);
	assert_ok(asof_store_open(uri, &store, &err), err);
	return store;
}

static int
set_up_empty(void **state)
{
	char out[REDIS_TEXT_MAX];
	redis_cli(&server, "FLUSHALL", out);
	redis_cli(&server, "SCRIPT FLUSH", out);
	redis_cli(&server, "CONFIG SET maxmemory 0", out);
	*state = open_at("redis", "", server.port, "");
	return 0;
}

static int
tear_down_store(void **state)
{
	asof_store_free(*state);
	return 0;
}

static void
assert_refused(const char *scheme, const char *user, int port, const char *rest,
	       enum asof_status status, const char *said)
{
	char uri[512];
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	int64_t start_us = asof_monotonic_us();
	uri_at(uri, scheme, user, port, rest);
	enum asof_status got = asof_store_open(uri, &store, &err);
	if (got != status || !strstr(err.message, said))
		fail_msg("%s: %d, '%s' does not say '%s'", uri, (int)got, err.message, said);
	assert_true(asof_monotonic_us() - start_us < AT_ONCE_US);
	assert_null(strstr(err.message, "hunter2"));
	assert_null(strstr(err.message, REDIS_PASSWORD));
	assert_null(strstr(err.message, REDIS_PASSWORD_URI));
}

static void
wrong_users_and_places_are_told_at_once(void **state)
{
	(void)state;
	assert_refused("redis", "asof:hunter2@", server.port, "", ASOF_INVALID,
		       "WRONGPASS invalid username-password pair");
	assert_refused("redis", "asof:hunter2@", server.port, "", ASOF_INVALID,
		       "check user and password of the URI");
	assert_refused("redis", "asof@", server.port, "", ASOF_INVALID,
		       "user 'asof' has no password: add it behind a colon, or "
		       "?password_env=NAME");
	assert_refused("redis", "asof@", server.port, "?password_env=ASOF_NO_SUCH", ASOF_INVALID,
		       "environment variable 'ASOF_NO_SUCH', named by password_env, is not set");
	assert_refused("redis", "", server.port, "/99", ASOF_INVALID, "DB index is out of range");
	assert_refused("redis", "", server.port, "?prefx=a", ASOF_INVALID,
		       "unknown option 'prefx' of the URI (have: password_env, prefix");
	assert_refused("redis", "", server.port, "?prefix=a:b", ASOF_INVALID, "prefix 'a:b'");
}

/* A user with the rights of the guide, and a password in the environment. */
static void
a_user_with_the_rights_of_the_guide_may_do_all(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	assert_int_equal(setenv("ASOF_TEST_PASSWORD", REDIS_PASSWORD, 1), 0);
	ASOF_AUTO(asof_store_free_auto)
	struct asof_store *store =
		open_at("redis", "asof@", server.port, "?password_env=ASOF_TEST_PASSWORD");
	assert_int_equal(unsetenv("ASOF_TEST_PASSWORD"), 0);
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("k"), S("v"), 1, 1));
	assert_int_equal(put_one(store, "t", row(S("p"), S("put"), 1, 1)), 1);
	commit(load, S("m"));
	assert_reads(store, "t", S("k"), S("v"));
	asof_store_load_abort(begin(store, "t"));
	struct asof_store_mark mark;
	struct asof_store_row one = row(S("k"), S("w"), 1, 1);
	assert_ok(asof_store_mark(store, "t", &mark, &err), err);
	assert_ok(asof_store_update(store, ASOF_STORE_NAMED("t"), &mark,
				    (struct asof_store_position){ 7, 1 }, &one, 1, &err),
		  err);
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_ok(asof_store_drop(store, "t", &err), err);
	assert_missing(store, "t", S("k"));
}

static void
a_right_that_lacks_is_told_before_anything_is_written(void **state)
{
	(void)put_one(*state, "t", row(S("k"), S("v"), 1, 1));
	static const char *const users[] = { "reader:read@", "half:half@" };
	static const char *const said[] = { "'evalsha' command", "no right to run HDEL" };
	for (size_t i = 0; i < ASOF_COUNTOF(users); i++) {
		char before[REDIS_TEXT_MAX];
		struct asof_error err = { 0 };
		size_t written;
		struct asof_store_row one = row(S("k"), S("w"), 2, 2);
		ASOF_AUTO(asof_store_free_auto)
		struct asof_store *store = open_at("redis", users[i], server.port, "");
		assert_reads(store, "t", S("k"), S("v"));
		redis_cli(&server, "HGETALL asof:t", before);
		assert_int_equal(
			asof_store_put(store, ASOF_STORE_NAMED("t"), &one, 1, &written, &err),
			ASOF_INVALID);
		if (!strstr(err.message, "NOPERM") || !strstr(err.message, said[i]))
			fail_msg("%s", err.message);
		assert_non_null(strstr(err.message, "grant it with ACL SETUSER"));
		assert_redis_prints(&server, "HGETALL asof:t", before);
		assert_reads(store, "t", S("k"), S("v"));
	}
}

static void
a_server_with_tls_is_reached_and_checked(void **state)
{
	(void)state;
	char rest[400];
	(void)snprintf(rest, sizeof(rest), "/0?ca=%s/ca.crt", server.dir);
	ASOF_AUTO(asof_store_free_auto)
	struct asof_store *store =
		open_at("rediss", "asof:" REDIS_PASSWORD_URI "@", tls_port, rest);
	const size_t len = (size_t)3 << 20;
	char *bytes = malloc(len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 2654435761U >> 13);
	(void)put_one(store, "t", row(S("large"), (struct asof_str){ bytes, len }, 1, 1));
	(void)put_one(store, "t", row(S("small"), S("v"), 1, 1));
	assert_reads(store, "t", S("large"), (struct asof_str){ bytes, len });
	assert_reads(store, "t", S("small"), S("v"));
	free(bytes);

	assert_refused("rediss", "", tls_port, "", ASOF_INVALID,
		       "the server's certificate is not trusted");
	assert_refused("rediss", "", tls_port, "", ASOF_INVALID, "give the authority's with ?ca=");
	assert_refused("rediss", "", tls_port, "?ca=/no/such/file", ASOF_INVALID,
		       "certificates of 'ca' '/no/such/file'");
}

static void
a_socket_is_a_place_too(void **state)
{
	char uri[512];
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = NULL;
	(void)put_one(*state, "t", row(S("k"), S("v"), 1, 1));
	(void)snprintf(uri, sizeof(uri), "redis+unix://%s/redis.sock?db=0", server.dir);
	assert_ok(asof_store_open(uri, &store, &err), err);
	assert_reads(store, "t", S("k"), S("v"));
}

/* --- what people see --- */

static struct asof_value
int_value(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

static struct asof_value
text_value(const char *text)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_STRING),
				    .str = asof_str_from(text) };
}

static void
people_see_keys_and_values(void **state)
{
	static const struct asof_field keys[] = {
		{ .name = "carrier", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "number", .type = { .kind = ASOF_TYPE_INT64 } },
	};
	static const struct asof_field values[] = {
		{ .name = "delay", .type = { .kind = ASOF_TYPE_FLOAT64 } },
		{ .name = "origin", .type = { .kind = ASOF_TYPE_STRING } },
		{ .name = "gate", .type = { .kind = ASOF_TYPE_STRING } },
	};
	const struct asof_store_table table = { "flights", keys, 2, values, 3 };
	struct asof_value shown[] = {
		text_value("AA"),
		int_value(42),
		{ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = 2.5 },
		text_value("a \"b\""),
		asof_value_null(ASOF_TYPE(ASOF_TYPE_STRING)),
	};
	struct asof_error err = { 0 };
	size_t written;
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(64);
	assert_ok(asof_key_encode(shown, 2, &key, &err), err);
	struct asof_store_row one = row(asof_buf_view(&key), S("packed"), 1700000000000000, -5);
	one.shown = shown;
	assert_ok(asof_store_put(*state, &table, &one, 1, &written, &err), err);
	assert_redis_prints(&server, "--no-raw HGETALL asof:flights:1:AA,42",
			    " 1) \"_times\"\n 2) \"1700000000000000 -5\"\n"
			    " 3) \"carrier\"\n 4) \"\\\"AA\\\"\"\n"
			    " 5) \"number\"\n 6) \"42\"\n"
			    " 7) \"delay\"\n 8) \"2.5\"\n"
			    " 9) \"origin\"\n10) \"\\\"a \\\\\\\"b\\\\\\\"\\\"\"\n"
			    "11) \"gate\"\n12) \"null\"\n"
			    "13) \"_row\"\n14) \"packed\"\n");
	assert_redis_prints(&server, "LRANGE asof:flights:1 0 -1", "AA,42\n");
	assert_redis_prints(&server, "SMEMBERS asof::tables", "flights\n");
	assert_redis_prints(&server, "HMGET asof:flights current last", "1\n1\n");

	/* A tombstone keeps its times only. */
	one = tombstone(asof_buf_view(&key), 1700000000000001, 0);
	assert_ok(asof_store_put(*state, &table, &one, 1, &written, &err), err);
	assert_redis_prints(&server, "HGETALL asof:flights:1:AA,42",
			    "_times\n1700000000000001 0\n");
}

#define MANY 9000

/* More than Lua hands over at once, in fields and in rows. */
static void
wide_rows_and_long_puts_are_whole(void **state)
{
	static char names[MANY][16];
	static struct asof_field fields[MANY];
	static struct asof_value shown[MANY];
	static struct asof_store_row rows[MANY];
	struct asof_error err = { 0 };
	size_t written;
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%d", i);
		fields[i].name = names[i];
		fields[i].type = ASOF_TYPE(ASOF_TYPE_INT64);
		shown[i] = int_value(i);
		rows[i] = row(asof_str_from(names[i]), S("v"), 1, 1);
	}
	const struct asof_store_table table = { "wide", fields, 1, fields + 1, MANY - 1 };
	struct asof_store_row one = row(S("k"), S("v"), 1, 1);
	one.shown = shown;
	assert_ok(asof_store_put(*state, &table, &one, 1, &written, &err), err);
	assert_redis_prints(&server, "HLEN asof:wide:1:%k", "9002\n");
	assert_redis_prints(&server, "HGET asof:wide:1:%k f8999", "8999\n");
	assert_int_equal(put_rows(*state, "long", rows, MANY), MANY);
	assert_redis_prints(&server, "LLEN asof:long:1", "9000\n");
	assert_reads(*state, "long", S("f8999"), S("v"));
}

static void
what_is_replaced_leaves_no_key_behind(void **state)
{
	struct asof_error err = { 0 };
	for (int round = 0; round < 3; round++) {
		struct asof_store_load *load = begin(*state, "t");
		for (int i = 0; i < 1234; i++) {
			char key[16];
			int len = snprintf(key, sizeof(key), "k%d", i);
			load_one(load,
				 row((struct asof_str){ key, (size_t)len }, S("v"), round, 0));
		}
		commit(load, S("m"));
	}
	/* Rows, their list, the record, the tables' names. */
	assert_redis_prints(&server, "DBSIZE", "1237\n");
	assert_ok(asof_store_drop(*state, "t", &err), err);
	assert_redis_prints(&server, "DBSIZE", "1\n");
}

/* --- the server's moods --- */

static void
scripts_that_are_forgotten_are_told_again(void **state)
{
	char out[REDIS_TEXT_MAX];
	struct asof_store_load *load = begin(*state, "t");
	for (int i = 0; i < 4; i++) {
		redis_cli(&server, "SCRIPT FLUSH", out);
		assert_int_equal(put_one(*state, "t", row(S("k"), S("v"), i, 1)), 1);
		redis_cli(&server, "SCRIPT FLUSH", out);
		load_one(load, row(S("l"), S("v"), i, 1));
	}
	redis_cli(&server, "SCRIPT FLUSH", out);
	commit(load, S("m"));
	assert_reads(*state, "t", S("k"), S("v"));
	assert_reads(*state, "t", S("l"), S("v"));
}

static void
a_lost_connection_is_made_again(void **state)
{
	char out[REDIS_TEXT_MAX];
	for (int i = 0; i < 3; i++) {
		redis_cli(&server, "CLIENT KILL TYPE normal SKIPME yes", out);
		assert_int_equal(put_one(*state, "t", row(S("k"), S("v"), i, 1)), 1);
		redis_cli(&server, "CLIENT KILL TYPE normal SKIPME yes", out);
		assert_reads(*state, "t", S("k"), S("v"));
	}
}

static void
memory_that_ends_leaves_a_put_undone(void **state)
{
	char out[REDIS_TEXT_MAX];
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_row rows[] = { row(S("a"), S("new"), 2, 2), row(S("b"), S("new"), 2, 2) };
	(void)put_one(*state, "t", row(S("a"), S("old"), 1, 1));
	redis_cli(&server, "CONFIG SET maxmemory 1", out);
	assert_int_equal(asof_store_put(*state, ASOF_STORE_NAMED("t"), rows, 2, &written, &err),
			 ASOF_LIMIT);
	assert_non_null(strstr(err.message, "give the server more memory (maxmemory)"));
	assert_reads(*state, "t", S("a"), S("old"));
	assert_missing(*state, "t", S("b"));
	redis_cli(&server, "CONFIG SET maxmemory 0", out);
	assert_int_equal(put_rows(*state, "t", rows, 2), 2);
}

static void
a_key_of_another_program_is_told(void **state)
{
	char out[REDIS_TEXT_MAX];
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_row one = row(S("k"), S("v"), 1, 1);
	redis_cli(&server, "SET asof:t theirs", out);
	assert_int_equal(asof_store_put(*state, ASOF_STORE_NAMED("t"), &one, 1, &written, &err),
			 ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "another program's key has our name: set ?prefix="));
	ASOF_AUTO(asof_store_free_auto)
	struct asof_store *other = open_at("redis", "", server.port, "?prefix=ours");
	assert_int_equal(put_one(other, "t", one), 1);
	assert_reads(other, "t", S("k"), S("v"));
}

/* Every pair of times, also those that no number of Lua holds. */
static void
times_compare_as_numbers(void **state)
{
	static const int64_t times[] = { INT64_MIN,
					 INT64_MIN + 1,
					 -1000000000000000001,
					 -1000000000000000000,
					 -1000000000,
					 -999999999,
					 -10,
					 -9,
					 -1,
					 0,
					 1,
					 9,
					 10,
					 999999999,
					 1000000000,
					 1000000001,
					 1700000000000000,
					 9007199254740992,
					 9007199254740993,
					 INT64_MAX - 1,
					 INT64_MAX };
	char key[32];
	for (size_t i = 0; i < ASOF_COUNTOF(times); i++) {
		for (size_t j = 0; j < ASOF_COUNTOF(times); j++) {
			int len = snprintf(key, sizeof(key), "%zu-%zu", i, j);
			struct asof_str str = { key, (size_t)len };
			const struct asof_store_row rows[] = {
				row(str, S("a"), times[i], 0),
				row(str, S("b"), times[j], 0),
				row(str, S("c"), times[j], times[i]),
				row(str, S("d"), times[j], times[j]),
			};
			size_t expected = 1;
			expected += times[j] >= times[i];
			bool has_event = times[j] >= times[i];
			expected += has_event && times[i] >= 0;
			bool has_c = has_event && times[i] >= 0;
			expected += has_event && times[j] >= (has_c ? times[i] : 0);
			assert_int_equal(put_rows(*state, "t", rows, 4), expected);
		}
	}
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up_empty, tear_down_store)
	const struct CMUnitTest all[] = {
		T(wrong_users_and_places_are_told_at_once),
		T(a_user_with_the_rights_of_the_guide_may_do_all),
		T(a_right_that_lacks_is_told_before_anything_is_written),
		T(a_server_with_tls_is_reached_and_checked),
		T(a_socket_is_a_place_too),
		T(people_see_keys_and_values),
		T(wide_rows_and_long_puts_are_whole),
		T(what_is_replaced_leaves_no_key_behind),
		T(scripts_that_are_forgotten_are_told_again),
		T(a_lost_connection_is_made_again),
		T(memory_that_ends_leaves_a_put_undone),
		T(a_key_of_another_program_is_told),
		T(times_compare_as_numbers),
	};
	char port[16];
	tls_port = server_free_port();
	(void)snprintf(port, sizeof(port), "%d", tls_port);
	(void)setenv("ASOF_TEST_TLS_PORT", port, 1);
	if (!redis_start(&server))
		return 0;
	int failed = cmocka_run_group_tests(all, NULL, NULL);
	server_stop(&server);
	return failed;
}
