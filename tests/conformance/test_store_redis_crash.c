/* test_store_redis_crash.c - a store in Redis when its server or its loader dies or stands still,
 * and when several write at once. */
#include <stdatomic.h>

#include "base/clock.h"
#include "conformance/store_fixture.h"
#include "conformance/store_loading.h"
#include "seeded.h"

#define LOAD_ROWS  1000
#define AT_ONCE_US INT64_C(8000000)

static struct server server;

static void
own_uri(char out[128], const char *rest)
{
	(void)snprintf(out, 128, "redis://127.0.0.1:%d/0?lease=1%s", server.port, rest);
}

static struct asof_store *
open_own(const char *rest)
{
	char uri[128];
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	own_uri(uri, rest);
	assert_ok(asof_store_open(uri, &store, &err), err);
	return store;
}

static int
set_up_empty(void **state)
{
	char out[REDIS_TEXT_MAX];
	redis_cli(&server, "FLUSHALL", out);
	*state = open_own("");
	return 0;
}

static int
tear_down_store(void **state)
{
	asof_fault_disarm_all();
	asof_store_free(*state);
	return 0;
}

/* Until the lease of who died has ended. */
static const char under_lease[] = "its lease ends in 1 second";

/* Rows of one generation, their list, the record and the tables' names: nothing else is left. */
static void
assert_no_leftovers(int rows)
{
	char expected[16];
	(void)snprintf(expected, sizeof(expected), "%d\n", rows + 3);
	assert_redis_prints(&server, "DBSIZE", expected);
}

static void
kill_9_while_loading_leaves_the_old_generation_or_the_new_one(void **state)
{
	static const struct {
		const char *point;
		unsigned nth;
		bool is_switched;
	} cases[] = {
		{ "store.load.begun", 1, false },
		{ "store.load.chunk", 3, false },
		{ "store.load.before_switch", 1, false },
		{ "store.load.after_switch", 1, true },
	};
	char uri[128];
	own_uri(uri, "");
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		load_when_free(*state, 3, "old", under_lease);
		die_while_loading(uri, LOAD_ROWS, cases[i].point, cases[i].nth);
		if (cases[i].is_switched)
			assert_is_load(*state, LOAD_ROWS, "newer");
		else
			assert_is_load(*state, 3, "old");
		load_when_free(*state, 5, "next", under_lease);
		assert_is_load(*state, 5, "next");
		assert_no_leftovers(5);
	}
}

static void
a_put_that_fails_before_its_script_wrote_nothing(void **state)
{
	struct asof_error err = { 0 };
	size_t written;
	struct asof_store_row one = row(S("k"), S("v"), 1, 1);
	assert_ok(asof_fault_arm("store.put.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_store_put(*state, ASOF_STORE_NAMED("t"), &one, 1, &written, &err),
			 ASOF_IO);
	assert_missing(*state, "t", S("k"));
	assert_int_equal(put_one(*state, "t", one), 1);
}

/* A loader stands still past its lease; another load begins and ends; the first comes back. */
static void
a_loader_that_comes_back_late_is_refused(void **state)
{
	int ready[2];
	char byte = 0;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_error err = { 0 };
		struct asof_store *store = open_own("");
		struct asof_store_load *load = NULL;
		struct asof_store_row one = row(S("00000000"), S("late"), 9, 9);
		bool is_good = asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, &err) ==
				       ASOF_OK &&
			       asof_store_load_put(load, &one, 1, &err) == ASOF_OK &&
			       write(ready[1], "r", 1) == 1;
		(void)raise(SIGSTOP);
		enum asof_status status = asof_store_load_commit(
			load, S("late"), (struct asof_store_position){ 0 }, NULL, &err);
		is_good = is_good && status == ASOF_CONFLICT &&
			  strstr(err.message, "the lease of this load of 't' has ended");
		if (!is_good)
			(void)fprintf(stderr, "child: %d %s\n", (int)status, err.message);
		asof_store_load_abort(load);
		asof_store_free(store);
		_exit(is_good ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	int status = 0;
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	load_when_free(*state, 5, "second", under_lease);
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_is_load(*state, 5, "second");
	assert_no_leftovers(5);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

/* --- who goes on with a load --- */

static enum asof_status
begin_tagged(struct asof_store *store, const char *tag, struct asof_store_load **ret_load,
	     int64_t *ret_resumed, struct asof_error *err)
{
	struct asof_store_resume resume = { .tag = asof_str_from(tag), .last_key = ASOF_BUF(64) };
	enum asof_status status =
		asof_store_load_resume(store, ASOF_STORE_NAMED("t"), &resume, ret_load, err);
	*ret_resumed = resume.row_count;
	asof_buf_done(&resume.last_key);
	return status;
}

static struct asof_store_load *
begin_tagged_when_free(struct asof_store *store, const char *tag, int64_t expected)
{
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	int64_t resumed = -1;
	enum asof_status status = ASOF_CONFLICT;
	for (int i = 0; i < 200 && status == ASOF_CONFLICT; i++) {
		server_pause(i > 0 ? 20 : 0);
		status = begin_tagged(store, tag, &load, &resumed, &err);
	}
	assert_ok(status, err);
	assert_int_equal(resumed, expected);
	return load;
}

/* The generation and the tag are its own, but another has them now. */
static void
stand_still_and_come_back(int ready)
{
	struct asof_error err = { 0 };
	struct asof_store *store = open_own("");
	struct asof_store_load *load = NULL;
	struct asof_store_row one = row(S("k0"), S("late"), 9, 9);
	int64_t resumed = 0;
	bool is_good = begin_tagged(store, "one", &load, &resumed, &err) == ASOF_OK;
	for (int i = 0; i < 256 && is_good; i++) /* a chunk */
		is_good = asof_store_load_put(load, &one, 1, &err) == ASOF_OK;
	is_good = is_good && asof_store_load_put(load, &one, 1, &err) == ASOF_OK &&
		  write(ready, "r", 1) == 1;
	(void)raise(SIGSTOP);
	is_good = is_good &&
		  asof_store_load_commit(load, S("late"), (struct asof_store_position){ 0 }, NULL,
					 &err) == ASOF_CONFLICT;
	if (!is_good)
		(void)fprintf(stderr, "child: %s\n", err.message);
	asof_store_load_abort(load);
	asof_store_free(store);
	_exit(is_good ? 0 : 1);
}

static void
a_loader_whose_load_was_gone_on_with_is_refused(void **state)
{
	int ready[2];
	int status = 0;
	char byte = 0;
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		stand_still_and_come_back(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	struct asof_store_load *load = begin_tagged_when_free(*state, "one", 256);
	load_one(load, row(S("k1"), S("second"), 0, 0));
	/* Both have it: the one that is late writes nothing and aborts nothing. */
	assert_int_equal(kill(child, SIGCONT), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	commit(load, S("m"));
	assert_reads(*state, "t", S("k0"), S("late"));
	assert_reads(*state, "t", S("k1"), S("second"));
	assert_no_leftovers(2);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void
what_nobody_goes_on_with_is_removed_by_the_next_load(void **state)
{
	struct asof_error err = { 0 };
	int64_t resumed = 0;
	struct asof_store_load *load = NULL;
	assert_ok(begin_tagged(*state, "one", &load, &resumed, &err), err);
	for (int i = 0; i < LOAD_ROWS; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "k%d", i);
		load_one(load, row((struct asof_str){ key, (size_t)len }, S("v"), 0, 0));
	}
	assert_int_equal(asof_store_load_leave(load), LOAD_ROWS);
	load_when_free(*state, 5, "next", under_lease);
	assert_is_load(*state, 5, "next");
	assert_no_leftovers(5);
}

static void
put_at(struct asof_store *store, int number, const char *value, int64_t event_us)
{
	char key[16];
	int len = snprintf(key, sizeof(key), "k%03d", number);
	(void)put_one(
		store, "t",
		row((struct asof_str){ key, (size_t)len }, asof_str_from(value), event_us, 0));
}

static void
update_position(struct asof_store *store, int64_t version)
{
	struct asof_error err = { 0 };
	struct asof_store_mark mark;
	assert_ok(asof_store_mark(store, "t", &mark, &err), err);
	assert_ok(asof_store_update(store, ASOF_STORE_NAMED("t"), &mark,
				    (struct asof_store_position){ 7, version }, NULL, 0, &err),
		  err);
}

/* Ascending rows go without a script while nobody else writes. */
static void
writes_between_the_chunks_of_a_load_end_as_the_rule_says(void **state)
{
	struct asof_store_load *load;
	load_when_free(*state, 1, "old", under_lease);
	load = begin(*state, "t");
	for (int i = 0; i < 1000; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "k%03d", i);
		if (i == 300)
			update_position(*state, 1);
		if (i == 600) {
			put_at(*state, 100, "newer", 6);
			put_at(*state, 101, "older", 4);
			put_at(*state, 900, "newer", 6);
			put_at(*state, 901, "older", 4);
		}
		load_one(load, row((struct asof_str){ key, (size_t)len }, S("loaded"), 5, 0));
	}
	commit(load, S("m"));
	assert_reads(*state, "t", S("k100"), S("newer"));
	assert_reads(*state, "t", S("k101"), S("loaded"));
	assert_reads(*state, "t", S("k900"), S("newer"));
	assert_reads(*state, "t", S("k901"), S("loaded"));
	assert_reads(*state, "t", S("k299"), S("loaded"));
	assert_reads(*state, "t", S("k999"), S("loaded"));
	assert_no_leftovers(1000);
}

static void
ascending_rows_need_no_script_for_each_chunk(void **state)
{
	char out[REDIS_TEXT_MAX];
	redis_cli(&server, "CONFIG RESETSTAT", out);
	struct asof_error err = { 0 };
	assert_ok(load_rows(*state, 256 * 8, "v", &err), err);
	assert_is_load(*state, 256 * 8, "v");
	redis_cli(&server, "INFO commandstats", out);
	assert_non_null(strstr(out, "cmdstat_exec:calls=8,"));
	assert_non_null(strstr(out, "cmdstat_watch:calls=9,"));
}

/* Its rows are long in coming, but it lives. */
static void
a_load_outlives_its_lease_by_renewing_it(void **state)
{
	struct asof_error err = { 0 };
	struct asof_store_load *second = NULL;
	struct asof_store_load *load = begin(*state, "t");
	load_one(load, row(S("a"), S("loaded"), 1, 1));
	for (int i = 0; i < 25; i++) {
		server_pause(100);
		assert_int_equal(
			asof_store_load_begin(*state, ASOF_STORE_NAMED("t"), &second, &err),
			ASOF_CONFLICT);
	}
	assert_int_equal(put_one(*state, "t", row(S("b"), S("put"), 1, 1)), 1);
	commit(load, S("m"));
	assert_reads(*state, "t", S("a"), S("loaded"));
	assert_reads(*state, "t", S("b"), S("put"));
}

/* --- the server --- */

static void
a_server_that_starts_again_is_waited_for(void **state)
{
	ASOF_AUTO(asof_store_free_auto) struct asof_store *patient = open_own("&lease=60");
	struct asof_store_load *load = begin(patient, "t");
	for (int i = 0; i < 600; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "k%d", i);
		struct asof_str str = { key, (size_t)len };
		load_one(load, row(str, S("loaded"), 1, 1));
		if (i % 200 == 100) {
			server_signal(&server, SIGKILL);
			server_restart(&server, "redis");
		}
		if (i % 100 == 0)
			assert_int_equal(put_one(*state, "t", row(str, S("put"), 2, i)), 1);
	}
	assert_reads(*state, "t", S("k500"), S("put"));
	commit(load, S("m"));
	assert_reads(*state, "t", S("k500"), S("put"));
	assert_reads(*state, "t", S("k599"), S("loaded"));
	assert_reads(*state, "t", S("k1"), S("loaded"));
	assert_no_leftovers(600);
}

static void
a_server_that_is_gone_is_given_up_soon_and_named(void **state)
{
	char place[32];
	struct asof_error err = { 0 };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	struct asof_str key = S("k");
	(void)put_one(*state, "t", row(key, S("v"), 1, 1));
	server_signal(&server, SIGKILL);
	int64_t start_us = asof_monotonic_us();
	enum asof_status status = asof_store_get_many(*state, "t", &key, 1, remember, &seen, &err);
	int64_t took_us = asof_monotonic_us() - start_us;
	struct asof_error later = { 0 };
	enum asof_status status_later =
		asof_store_get_many(*state, "t", &key, 1, remember, &seen, &later);
	server_restart(&server, "redis");
	assert_int_equal(status, ASOF_UNAVAILABLE);
	assert_true(took_us < AT_ONCE_US);
	assert_int_equal(status_later, ASOF_UNAVAILABLE);
	assert_non_null(strstr(later.message, "(asked 1 time)"));
	(void)snprintf(place, sizeof(place), "127.0.0.1:%d", server.port);
	assert_non_null(strstr(err.message, place));
	assert_non_null(strstr(err.message, "(is the server running?)"));
	assert_int_equal(seen.count, 0);
	assert_reads(*state, "t", key, S("v"));
}

static void
a_server_that_says_nothing_is_given_up(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	struct asof_str key = S("k");
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_own("&timeout=1");
	server_signal(&server, SIGSTOP);
	enum asof_status status = asof_store_get_many(store, "t", &key, 1, remember, &seen, &err);
	server_signal(&server, SIGCONT);
	assert_int_equal(status, ASOF_TIMEOUT);
	assert_non_null(strstr(err.message, "the server did not answer in time"));
	assert_missing(store, "t", key);
}

static void
a_child_talks_on_connections_of_its_own(void **state)
{
	(void)put_one(*state, "t", row(S("k"), S("v"), 1, 1));
	pid_t child = fork();
	assert_true(child >= 0);
	for (int i = 0; i < 200; i++)
		assert_reads(*state, "t", S("k"), S("v"));
	if (child == 0)
		_exit(0); /* a failed assertion would have aborted it with another status */
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* --- writers --- */

#define WRITERS     4
#define WRITER_KEYS 20
#define WRITES      200

struct writer {
	pthread_t thread;
	struct random random;
	int number;
	atomic_int *failures;
	struct {
		int64_t event_us;
		int64_t created_us;
		int64_t value;
	} newest[WRITER_KEYS];
};

static void
write_one(struct asof_store *store, struct writer *writer, int64_t i)
{
	size_t key = random_below(&writer->random, WRITER_KEYS);
	int64_t event_us = random_between(&writer->random, -3, 300);
	int64_t created_us = random_between(&writer->random, -3, 3);
	int64_t value = i * WRITERS + writer->number;
	char name = (char)('a' + key);
	size_t written;
	struct asof_store_row one =
		row((struct asof_str){ &name, 1 }, (struct asof_str){ (const char *)&value, 8 },
		    event_us, created_us);
	if (asof_store_put(store, ASOF_STORE_NAMED("t"), &one, 1, &written, NULL) != ASOF_OK)
		atomic_fetch_add(writer->failures, 1);
	if (asof_store_wins(event_us, created_us, writer->newest[key].event_us,
			    writer->newest[key].created_us)) {
		writer->newest[key].event_us = event_us;
		writer->newest[key].created_us = created_us;
		writer->newest[key].value = value;
	}
}

static void *
keep_writing(void *arg)
{
	struct writer *writer = arg;
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_own("");
	for (int64_t i = 0; i < WRITES; i++)
		write_one(store, writer, i);
	return NULL;
}

static enum asof_status
copy_number(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	(void)key_index;
	(void)err;
	memcpy(arg, value.ptr, sizeof(int64_t));
	return ASOF_OK;
}

/* What is stored is of the newest times that anybody wrote; of equal ones, anybody's. */
static void
assert_newest(struct asof_store *store, const struct writer *writers)
{
	for (size_t k = 0; k < WRITER_KEYS; k++) {
		char name = (char)('a' + k);
		int64_t stored = -1;
		struct asof_str key = { &name, 1 };
		struct asof_error err = { 0 };
		bool is_newest = false;
		assert_ok(asof_store_get_many(store, "t", &key, 1, copy_number, &stored, &err),
			  err);
		for (size_t w = 0; w < WRITERS; w++) {
			bool is_best = true;
			for (size_t o = 0; o < WRITERS; o++)
				is_best =
					is_best && asof_store_wins(writers[w].newest[k].event_us,
								   writers[w].newest[k].created_us,
								   writers[o].newest[k].event_us,
								   writers[o].newest[k].created_us);
			is_newest = is_newest || (is_best && writers[w].newest[k].value == stored);
		}
		assert_true(is_newest);
	}
}

static void
writers_at_once_end_as_the_rule_says(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		static struct writer writers[WRITERS];
		atomic_int failures = 0;
		struct asof_error err = { 0 };
		assert_ok(asof_store_drop(*state, "t", &err), err);
		struct asof_store_load *load = round == 1 ? begin(*state, "t") : NULL;
		for (int w = 0; w < WRITERS; w++) {
			writers[w] = (struct writer){ .random = { round * 100 + (unsigned)w },
						      .number = w,
						      .failures = &failures };
			for (size_t k = 0; k < WRITER_KEYS; k++)
				writers[w].newest[k].event_us = INT64_MIN;
			assert_int_equal(
				pthread_create(&writers[w].thread, NULL, keep_writing, &writers[w]),
				0);
		}
		for (int w = 0; w < WRITERS; w++)
			assert_int_equal(pthread_join(writers[w].thread, NULL), 0);
		assert_int_equal(atomic_load(&failures), 0);
		assert_newest(*state, writers);
		if (load) {
			commit(load, S("m"));
			assert_newest(*state, writers);
		}
	}
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up_empty, tear_down_store)
	const struct CMUnitTest all[] = {
		T(kill_9_while_loading_leaves_the_old_generation_or_the_new_one),
		T(a_put_that_fails_before_its_script_wrote_nothing),
		T(a_loader_that_comes_back_late_is_refused),
		T(a_loader_whose_load_was_gone_on_with_is_refused),
		T(what_nobody_goes_on_with_is_removed_by_the_next_load),
		T(writes_between_the_chunks_of_a_load_end_as_the_rule_says),
		T(ascending_rows_need_no_script_for_each_chunk),
		T(a_load_outlives_its_lease_by_renewing_it),
		T(a_server_that_starts_again_is_waited_for),
		T(a_server_that_is_gone_is_given_up_soon_and_named),
		T(a_server_that_says_nothing_is_given_up),
		T(a_child_talks_on_connections_of_its_own),
		T(writers_at_once_end_as_the_rule_says),
	};
	if (!redis_start(&server))
		return 0;
	int failed = cmocka_run_group_tests(all, NULL, NULL);
	server_stop(&server);
	return failed;
}
