/* test_store_postgres.c - what only an online store in PostgreSQL can meet: credentials and rights,
 * a server that goes away, loaders that die. */
#include <stdatomic.h>

#include "conformance/store_loading.h"
#include "conformance/store_postgres_world.h"

#define ROWS 30000

/* --- opening --- */

static enum asof_status
try_to_open(const char *uri, struct asof_error *err)
{
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = NULL;
	return asof_store_open(uri, &store, err);
}

static void
assert_refused(const char *userinfo, const char *rest, enum asof_status status, const char *said)
{
	assert_postgres_refuses(postgres_of_tests(), try_to_open, userinfo, rest, status, said);
}

static void
wrong_credentials_and_names_are_told_at_once(void **state)
{
	(void)state;
	assert_refused("asof:hunter2", "asof", ASOF_INVALID,
		       "password authentication failed for user \"asof\": check the user");
	assert_refused("asof", "asof", ASOF_INVALID, "check the user");
	assert_refused("asof:" POSTGRES_PASSWORD_URI, "nothing", ASOF_NOT_FOUND,
		       "database \"nothing\" does not exist: make it");
	assert_refused("asof", "asof?password_env=ASOF_NO_SUCH_NAME", ASOF_INVALID,
		       "ASOF_NO_SUCH_NAME, which is not set: export it");
	assert_refused("asof", "asof?schema=", ASOF_INVALID, "a schema's name has 1 to 63 bytes");
}

static void
the_password_may_come_from_the_environment(void **state)
{
	(void)state;
	char uri[256];
	(void)snprintf(uri, sizeof(uri),
		       "postgres://asof@127.0.0.1:%d/asof?password_env=ASOF_TEST_SECRET",
		       postgres_of_tests()->port);
	assert_int_equal(setenv("ASOF_TEST_SECRET", POSTGRES_PASSWORD, 1), 0);
	asof_store_free(open_at(uri));
}

static void
a_server_that_is_not_there_is_named_after_some_tries(void **state)
{
	(void)state;
	char uri[128];
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	(void)snprintf(uri, sizeof(uri), "postgres://asof:x@127.0.0.1:%d/asof", server_free_port());
	assert_int_equal(asof_store_open(uri, &store, &err), ASOF_UNAVAILABLE);
	assert_non_null(strstr(err.message, "127.0.0.1"));
	assert_non_null(strstr(err.message, "is it running"));
}

/* A user that may only read, by what the guide says to grant; then one that may also write. */
static void
a_reader_needs_no_more_than_select(void **state)
{
	struct world *w = *state;
	char uri[256];
	char out[256];
	char sql[512];
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_row one = row(S("k"), S("v"), 1, 1);
	(void)put_one(w->store, "first", one);
	(void)snprintf(sql, sizeof(sql),
		       "create role reader%s login password 'r'; grant usage on schema %s to"
		       " reader%s; grant select on asof_online, asof_online_generation,"
		       " asof_online_format to reader%s",
		       w->schema, w->schema, w->schema, w->schema);
	(void)ask(w, sql, out, sizeof(out));
	commit(begin(w->store, "t"), S("m"));
	(void)put_one(w->store, "t", one);
	(void)snprintf(uri, sizeof(uri), "postgres://reader%s:r@127.0.0.1:%d/asof?schema=%s",
		       w->schema, postgres_of_tests()->port, w->schema);
	ASOF_AUTO(asof_store_free_auto) struct asof_store *reader = open_at(uri);
	assert_reads(reader, "t", S("k"), S("v"));
	assert_int_equal(asof_store_put(reader, ASOF_STORE_NAMED("t"), &one, 1, &written, &err),
			 ASOF_INVALID);
	assert_non_null(strstr(err.message, "permission denied"));
	assert_non_null(strstr(err.message, "a user needs"));
	(void)snprintf(sql, sizeof(sql), "grant insert, update on asof_online to reader%s",
		       w->schema);
	(void)ask(w, sql, out, sizeof(out));
	struct asof_store_load *load = begin(w->store, "t");
	assert_missing(reader, "t", S("l"));
	commit(load, S("n"));
	assert_missing(reader, "t", S("k"));
	load = begin(w->store, "t");
	(void)put_one(reader, "t", one);
	struct asof_store_mark mark;
	assert_ok(asof_store_mark(reader, "t", &mark, &err), err);
	one.value = S("updated");
	assert_ok(asof_store_update(reader, ASOF_STORE_NAMED("t"), &mark,
				    (struct asof_store_position){ 1, 1 }, &one, 1, &err),
		  err);
	assert_reads(reader, "t", S("k"), S("updated"));
	commit(load, S("o"));
	assert_reads(reader, "t", S("k"), S("v"));
}

static void
tables_of_another_program_are_refused(void **state)
{
	struct world *w = *state;
	char out[64];
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	(void)put_one(w->store, "t", row(S("k"), S("v"), 1, 1));
	(void)ask(w, "update asof_online_format set number = 9", out, sizeof(out));
	assert_int_equal(asof_store_open(w->uri, &store, &err), ASOF_UNSUPPORTED);
	assert_non_null(strstr(err.message, "have format 9, this program reads 1"));
}

/* The columns that say how far a load is came later than the rest of the table. */
static void
tables_of_a_program_that_could_not_go_on_with_loads_are_completed(void **state)
{
	struct world *w = *state;
	struct asof_error err = { 0 };
	char out[256];
	load_when_free(w->store, 3, "old", "");
	(void)ask(w,
		  "alter table asof_online drop load_tag, drop load_rows, drop load_bytes,"
		  " drop load_key, drop load_copied",
		  out, sizeof(out));
	ASOF_AUTO(asof_store_free_auto) struct asof_store *other = open_at(w->uri);
	assert_is_load(other, 3, "old");
	(void)put_one(other, "t", row(S("put"), S("v"), 1, 1));
	assert_reads(other, "t", S("put"), S("v"));
	assert_ok(load_rows(other, 5, "next", &err), err);
	assert_is_load(other, 5, "next");
}

/* --- loads --- */

static void
what_nobody_goes_on_with_is_removed_by_the_next_load(void **state)
{
	struct world *w = *state;
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	struct asof_store_resume resume = { .tag = S("one"), .last_key = ASOF_BUF(64) };
	assert_ok(asof_store_load_resume(w->store, ASOF_STORE_NAMED("t"), &resume, &load, &err),
		  err);
	load_one(load, row(S("k"), S("v"), 1, 1));
	assert_int_equal(asof_store_load_leave(load), 1);
	assert_asked(w, "select count(*) from asof_online_generation", "1");
	assert_ok(load_rows(w->store, 5, "next", &err), err);
	assert_is_load(w->store, 5, "next");
	assert_asked(w, "select count(*) from asof_online_generation", "1");
	assert_asked(w, "select load_tag is null, load_key is null from asof_online", "t|t");
}

/* Until the server notices that its client is gone; the lock of the load falls then. */
static const char under_way[] = "another load of 't' is under way";

static const char count_tables[] = "select count(*) from pg_tables where schemaname ="
				   " current_schema() and tablename like 'asof_online_g%'"
				   " and tablename <> 'asof_online_generation'";

static void
kill_9_of_a_loader_leaves_the_old_generation_or_the_new_one(void **state)
{
	static const char *const points[] = { "store.load.begun", "store.load.chunk",
					      "store.load.before_switch",
					      "store.load.after_switch" };
	struct world *w = *state;
	struct asof_error err = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(points); i++) {
		load_when_free(w->store, 3, "old", under_way);
		die_while_loading(w->uri, ROWS, points[i], 1);
		if (i == 3)
			assert_is_load(w->store, ROWS, "newer");
		else
			assert_is_load(w->store, 3, "old");
		/* A put is not kept for the dead: nobody would ever remove it. */
		(void)put_one(w->store, "t", row(S("put"), S("v"), 1, 1));
		load_when_free(w->store, 5, "next", under_way);
		assert_is_load(w->store, 5, "next");
		assert_asked(w, count_tables, "1");
		assert_asked(w, "select count(*) from asof_online_generation", "1");
	}
	assert_ok(asof_store_drop(w->store, "t", &err), err);
	assert_asked(w, count_tables, "0");
}

static void
fault_points_leave_the_old_generation_or_the_new_one(void **state)
{
	static const char *const points[] = { "store.load.begun", "store.load.chunk",
					      "store.load.before_switch",
					      "store.load.after_switch" };
	struct world *w = *state;
	struct asof_error err = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(points); i++) {
		assert_ok(load_rows(w->store, 3, "old", &err), err);
		assert_ok(asof_fault_arm(points[i], 1, ASOF_FAULT_FAIL, &err), err);
		assert_int_equal(load_rows(w->store, 4, "newer", &err), ASOF_IO);
		if (i == 3)
			assert_is_load(w->store, 4, "newer");
		else
			assert_is_load(w->store, 3, "old");
		assert_asked(w, count_tables, "1");
	}
}

static void
writes_that_fail_before_their_commit_wrote_nothing(void **state)
{
	struct world *w = *state;
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_mark mark;
	struct asof_store_row rows[] = { row(S("k"), S("new"), 2, 2), row(S("l"), S("new"), 2, 2) };
	(void)put_one(w->store, "t", row(S("k"), S("old"), 1, 1));
	assert_ok(asof_fault_arm("store.put.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_store_put(w->store, ASOF_STORE_NAMED("t"), rows, 2, &written, &err),
			 ASOF_IO);
	assert_ok(asof_store_mark(w->store, "t", &mark, &err), err);
	assert_ok(asof_fault_arm("store.update.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_store_update(w->store, ASOF_STORE_NAMED("t"), &mark,
					   (struct asof_store_position){ 1, 1 }, rows, 2, &err),
			 ASOF_IO);
	assert_reads(w->store, "t", S("k"), S("old"));
	assert_missing(w->store, "t", S("l"));
	assert_ok(asof_store_mark(w->store, "t", &mark, &err), err);
	assert_int_equal(mark.position.log, 0);
	assert_int_equal(put_rows(w->store, "t", rows, 2), 2);
}

static void
a_second_process_finds_a_load_under_way(void **state)
{
	struct world *w = *state;
	struct asof_error err = { 0 };
	struct asof_store_load *load = begin(w->store, "t");
	ASOF_AUTO(asof_store_free_auto) struct asof_store *other = open_at(w->uri);
	struct asof_store_load *second = NULL;
	assert_int_equal(asof_store_load_begin(other, ASOF_STORE_NAMED("t"), &second, &err),
			 ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "another load of 't' is under way"));
	(void)put_one(other, "t", row(S("k"), S("v"), 1, 1));
	commit(load, S(""));
	assert_reads(other, "t", S("k"), S("v"));
	commit(begin(other, "t"), S(""));
	assert_missing(w->store, "t", S("k"));
}

/* Somebody selects and goes for lunch. */
static void
an_open_transaction_of_a_person_stops_no_load(void **state)
{
	struct world *w = *state;
	char command[1024];
	const struct asof_value shown[] = { text("ada"), int64(1) };
	const struct asof_value later[] = { text("eve"), int64(1) };
	struct asof_store_table table = shown_table("t", NULL, 0);
	load_shown(w->store, &table, "k", shown);
	(void)snprintf(command, sizeof(command),
		       "PGPASSWORD='%s' PGOPTIONS='-c search_path=%s' exec psql -h 127.0.0.1 -p %d"
		       " -U asof -d asof -qAtX > /dev/null 2>&1",
		       POSTGRES_PASSWORD, w->schema, postgres_of_tests()->port);
	FILE *person = popen(command, "w");
	assert_non_null(person);
	(void)fputs("begin; select * from online_t; create table looked ();\n"
		    "\\! touch /dev/null\n",
		    person);
	(void)fflush(person);
	char out[64] = "0";
	while (strcmp(out, "1") != 0)
		(void)ask(w,
			  "select count(distinct pid) from pg_locks where relation ="
			  " 'online_t'::regclass and pid <> pg_backend_pid()",
			  out, sizeof(out));
	load_shown(w->store, &table, "k2", later);
	assert_missing(w->store, "t", S("k"));
	assert_reads(w->store, "t", S("k2"), S("packed"));
	assert_asked(w, "select \"user\" from online_t", "ada");
	(void)fputs("commit;\n", person);
	(void)pclose(person);
	load_shown(w->store, &table, "k2", later);
	assert_asked(w, "select \"user\" from online_t", "eve");
	assert_asked(w, count_tables, "1");
}

/* --- a server that goes away --- */

static void
lost_connections_are_made_again(void **state)
{
	struct world *w = *state;
	char out[64];
	for (int64_t i = 0; i < 3; i++) {
		(void)ask(w,
			  "select count(pg_terminate_backend(pid)) from pg_stat_activity where"
			  " application_name = 'asof'",
			  out, sizeof(out));
		(void)put_one(w->store, "t", row(S("k"), S("v"), i, 0));
		(void)ask(w,
			  "select count(pg_terminate_backend(pid)) from pg_stat_activity where"
			  " application_name = 'asof'",
			  out, sizeof(out));
		assert_reads(w->store, "t", S("k"), S("v"));
	}
}

static void
a_load_that_lost_its_connection_fails_and_leaves_all_as_it_was(void **state)
{
	struct world *w = *state;
	char out[64];
	struct asof_error err = { 0 };
	struct asof_store_row one = row(S("k"), S("newer"), 1, 1);
	assert_ok(load_rows(w->store, 3, "old", &err), err);
	struct asof_store_load *load = begin(w->store, "t");
	(void)ask(w,
		  "select count(pg_terminate_backend(pid)) from pg_stat_activity where"
		  " application_name = 'asof'",
		  out, sizeof(out));
	enum asof_status status = asof_store_load_put(load, &one, 1, &err);
	if (status == ASOF_OK)
		status = asof_store_load_commit(load, S("newer"), (struct asof_store_position){ 0 },
						NULL, &err);
	assert_int_equal(status, ASOF_UNAVAILABLE);
	asof_store_load_abort(load);
	assert_is_load(w->store, 3, "old");
	assert_ok(load_rows(w->store, 5, "next", &err), err);
	assert_is_load(w->store, 5, "next");
	assert_asked(w, count_tables, "1");
}

/* Four writers, random times; the server is killed and starts again meanwhile. */
#define WRITERS     4
#define WRITES      120
#define WRITER_KEYS 8

struct written {
	int64_t event_us;
	int64_t created_us;
	int64_t number;
};

struct writer {
	pthread_t thread;
	struct asof_store *store;
	uint64_t random;
	int64_t first_number;
	struct written newest[WRITER_KEYS];
	enum asof_status status;
};

static atomic_int writes_done;

static bool
is_newer(const struct written *a, const struct written *b)
{
	if (a->event_us != b->event_us)
		return a->event_us > b->event_us;
	return a->created_us > b->created_us;
}

static struct asof_store_row
random_row(struct writer *writer, struct written *one, size_t *ret_key)
{
	static const char names[] = "abcdefgh";
	writer->random = writer->random * 6364136223846793005U + 1442695040888963407U;
	unsigned bits = (unsigned)(writer->random >> 33);
	size_t key = bits % WRITER_KEYS;
	/* No two writers ever write equal times: what wins is what the rule says. */
	one->event_us = bits / 8 % 1000;
	one->created_us = one->number;
	*ret_key = key;
	return row((struct asof_str){ &names[key], 1 },
		   (struct asof_str){ (const char *)&one->number, 8 }, one->event_us,
		   one->created_us);
}

static void *
write_at_random(void *arg)
{
	struct writer *writer = arg;
	for (int i = 0; i < WRITES && writer->status == ASOF_OK; i++) {
		struct written made[4];
		size_t made_keys[4];
		struct asof_store_row rows[4];
		size_t written;
		for (size_t k = 0; k < 4; k++) {
			made[k].number = writer->first_number + i * 4 + (int64_t)k;
			rows[k] = random_row(writer, &made[k], &made_keys[k]);
		}
		writer->status = ASOF_UNAVAILABLE;
		for (int t = 0; t < 30 && writer->status == ASOF_UNAVAILABLE; t++)
			writer->status = asof_store_put(writer->store, ASOF_STORE_NAMED("w"), rows,
							4, &written, NULL);
		for (size_t k = 0; k < 4; k++) {
			struct written *newest = &writer->newest[made_keys[k]];
			if (newest->number == 0 || is_newer(&made[k], newest))
				*newest = made[k];
		}
		(void)atomic_fetch_add(&writes_done, 1);
	}
	return NULL;
}

static void
assert_newest_won(struct asof_store *store, const struct writer *writers)
{
	for (size_t key = 0; key < WRITER_KEYS; key++) {
		struct written newest = { 0 };
		char name = (char)('a' + key);
		for (size_t i = 0; i < WRITERS; i++) {
			const struct written *one = &writers[i].newest[key];
			if (one->number != 0 && (newest.number == 0 || is_newer(one, &newest)))
				newest = *one;
		}
		assert_reads(store, "w", (struct asof_str){ &name, 1 },
			     (struct asof_str){ (const char *)&newest.number, 8 });
	}
}

static void
four_writers_follow_the_rule_while_the_server_is_killed(void **state)
{
	struct world *w = *state;
	struct writer writers[WRITERS] = { 0 };
	atomic_store(&writes_done, 0);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i].store = w->store;
		writers[i].random = 20010629 + i;
		writers[i].first_number = 1 + (int64_t)i * 1000000;
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_at_random, &writers[i]), 0);
	}
	for (int kills = 1; kills <= 2; kills++) {
		while (atomic_load(&writes_done) < kills * WRITERS * WRITES / 4)
			server_pause(5);
		server_signal(postgres_of_tests(), SIGKILL);
		server_restart(postgres_of_tests(), "postgres");
	}
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
		assert_int_equal(writers[i].status, ASOF_OK);
	}
	assert_newest_won(w->store, writers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(wrong_credentials_and_names_are_told_at_once),
		WORLD_TEST(the_password_may_come_from_the_environment),
		WORLD_TEST(a_server_that_is_not_there_is_named_after_some_tries),
		WORLD_TEST(a_reader_needs_no_more_than_select),
		WORLD_TEST(tables_of_another_program_are_refused),
		WORLD_TEST(tables_of_a_program_that_could_not_go_on_with_loads_are_completed),
		WORLD_TEST(what_nobody_goes_on_with_is_removed_by_the_next_load),
		WORLD_TEST(kill_9_of_a_loader_leaves_the_old_generation_or_the_new_one),
		WORLD_TEST(fault_points_leave_the_old_generation_or_the_new_one),
		WORLD_TEST(writes_that_fail_before_their_commit_wrote_nothing),
		WORLD_TEST(a_second_process_finds_a_load_under_way),
		WORLD_TEST(an_open_transaction_of_a_person_stops_no_load),
		WORLD_TEST(lost_connections_are_made_again),
		WORLD_TEST(a_load_that_lost_its_connection_fails_and_leaves_all_as_it_was),
		WORLD_TEST(four_writers_follow_the_rule_while_the_server_is_killed),
	};
	if (!postgres_start(postgres_of_tests()))
		return 0;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(postgres_of_tests());
	return failed;
}
