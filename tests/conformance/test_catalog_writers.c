/* test_catalog_writers.c - of several writers, and of those that fail or die, every catalog keeps
 * all of a call or nothing. */
#include <pthread.h>

#include "catalog_fixture.h"

/* Behind the first success, so that a failure that was swallowed shows. */
#define MORE_TRIES 20

/* Each worker publishes patches as they come free; each patch has one winner. */
#define PATCHES 25

static enum asof_status
race(struct asof_catalog *catalog, const char *run_id, int *ret_won)
{
	for (int32_t patch = 0; patch < PATCHES; patch++) {
		struct asof_version mine = version("raced", 1, 0, patch);
		mine.run_id = run_id;
		enum asof_status status = asof_catalog_publish(catalog, &mine, NULL);
		if (status != ASOF_OK && status != ASOF_CONFLICT)
			return status;
		*ret_won += status == ASOF_OK;
		struct asof_run run = { .id = run_id, .job = "build", .row_count = patch };
		ASOF_TRY(asof_catalog_put_run(catalog, &run, NULL));
	}
	return ASOF_OK;
}

struct racer {
	struct asof_catalog *catalog;
	const char *run_id;
	int won;
	enum asof_status status;
};

static void *
race_in_thread(void *arg)
{
	struct racer *racer = arg;
	racer->status = race(racer->catalog, racer->run_id, &racer->won);
	return NULL;
}

static enum asof_status
count_current(void *arg, const struct asof_version *v, struct asof_error *err)
{
	(void)err;
	*(int *)arg += v->is_current;
	return ASOF_OK;
}

static void
of_several_threads_one_publishes_each_version(void **state)
{
	struct racer racers[3] = { { catalog_of(state), "a", 0, ASOF_OK },
				   { catalog_of(state), "b", 0, ASOF_OK },
				   { catalog_of(state), "c", 0, ASOF_OK } };
	struct asof_error err = { 0 };
	pthread_t threads[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_in_thread, &racers[i]), 0);
	int won = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(racers[i].status, ASOF_OK);
		won += racers[i].won;
	}
	assert_int_equal(won, PATCHES);
	int current = 0;
	assert_ok(asof_catalog_versions(catalog_of(state), "raced", count_current, &current, &err),
		  err);
	assert_int_equal(current, 1);
}

static void
of_several_processes_one_publishes_each_version(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	static const char *const run_ids[] = { "a", "b", "c" };
	pid_t children[3];
	asof_catalog_free(ASOF_STEAL(f->catalog)); /* a child must not inherit a connection */
	forget_everything(f);
	for (size_t i = 0; i < 3; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] != 0)
			continue;
		struct asof_catalog *catalog = NULL;
		int won = 0;
		bool is_good = asof_catalog_open(f->uri, &catalog, NULL) == ASOF_OK &&
			       race(catalog, run_ids[i], &won) == ASOF_OK;
		_exit(is_good ? won : 255);
	}
	int won = 0;
	for (size_t i = 0; i < 3; i++) {
		int exit_status = -1;
		assert_int_equal(waitpid(children[i], &exit_status, 0), children[i]);
		assert_true(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) <= PATCHES);
		won += WEXITSTATUS(exit_status);
	}
	assert_int_equal(won, PATCHES);
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
}

static enum asof_status
use_all(struct asof_catalog *catalog, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(1 << 16);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_definition one = definition("view", "v", "h");
	struct asof_version first = version("v", 1, 0, 0);
	struct asof_version found;
	struct asof_run run = { .id = "r", .job = "build" };
	struct asof_materialization online = { "v", "1.0.0", 1, 2, 3 };
	struct asof_training_set set = { .path = "/a", .row_count = 1 };
	ASOF_TRY(asof_catalog_define(catalog, &one, 1, &one, 1, err));
	ASOF_TRY(asof_catalog_define(catalog, &one, 1, NULL, 0, err));
	ASOF_TRY(asof_catalog_definitions(catalog, NULL, add_definition, &seen, err));
	ASOF_TRY(asof_catalog_publish(catalog, &first, err));
	ASOF_TRY(asof_catalog_find_version(catalog, "v", "1", &arena, &found, err));
	ASOF_TRY(asof_catalog_set_current(catalog, "v", 1, 0, 0, err));
	ASOF_TRY(asof_catalog_put_run(catalog, &run, err));
	ASOF_TRY(asof_catalog_runs(catalog, 9, add_run, &seen, err));
	ASOF_TRY(asof_catalog_put_materialization(catalog, &online, err));
	ASOF_TRY(asof_catalog_put_training_set(catalog, &set, err));
	ASOF_TRY(asof_catalog_training_sets(catalog, 9, add_training_set, &seen, err));
	return asof_catalog_find_materialization(catalog, "v", &arena, &online, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct fixture *f = *state;
	size_t before = asof_mem_live();
	size_t n = 1;
	for (size_t successes = 0; successes < MORE_TRIES; n++) {
		struct asof_error err = { 0 };
		enum asof_status status;
		{
			ASOF_AUTO(asof_catalog_free_auto) struct asof_catalog *catalog = NULL;
			asof_mem_fail_at(n);
			status = asof_catalog_open(f->uri, &catalog, &err);
			if (status == ASOF_OK)
				status = use_all(catalog, &err);
			asof_mem_fail_at(0);
		}
		assert_int_equal(asof_mem_live(), before);
		assert_int_equal(status, successes || status == ASOF_OK ? ASOF_OK : ASOF_NO_MEMORY);
		successes += status == ASOF_OK;
		assert_true(n < 200);
	}
	assert_true(n > MORE_TRIES + 5);
}

static void
what_was_written_is_there_after_opening_again(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	publish(f->catalog, version("v", 1, 0, 0));
	publish(f->catalog, version("v", 1, 1, 0));
	asof_catalog_free(ASOF_STEAL(f->catalog));
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
	assert_versions(f->catalog, "v", "v@1.1.0*;v@1.0.0;");
}

/* What a child did before it died at `point`. */
static void
die_at(struct fixture *f, const char *point, int32_t patch)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_catalog *catalog = NULL;
		struct asof_version mine = version("v", 1, 0, patch);
		if (asof_catalog_open(f->uri, &catalog, NULL) != ASOF_OK ||
		    asof_fault_arm(point, 1, ASOF_FAULT_KILL, NULL) != ASOF_OK)
			_exit(1);
		_exit(asof_catalog_publish(catalog, &mine, NULL) == ASOF_OK ? 2 : 3);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_writer_that_dies_leaves_all_of_a_call_or_nothing(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	publish(f->catalog, version("v", 1, 0, 0));
	asof_catalog_free(ASOF_STEAL(f->catalog));
	die_at(f, "catalog.before_write", 1);
	die_at(f, "catalog.before_commit", 2);
	die_at(f, "catalog.after_write", 3);
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
	assert_versions(f->catalog, "v", "v@1.0.3*;v@1.0.0;");
	publish(f->catalog, version("v", 1, 0, 2));
	assert_versions(f->catalog, "v", "v@1.0.3;v@1.0.2*;v@1.0.0;");
}

static void
a_failing_commit_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	if (f->kind == MEMORY)
		return;
	const struct asof_definition two[] = { definition("view", "a", "h"),
					       definition("view", "b", "h") };
	struct asof_version first = version("v", 1, 0, 0);
	assert_ok(asof_fault_arm("catalog.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_catalog_define(f->catalog, two, 2, NULL, 0, &err), ASOF_IO);
	assert_definitions(f->catalog, NULL, "");
	asof_fault_disarm_all();
	assert_ok(asof_fault_arm("catalog.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_catalog_publish(f->catalog, &first, &err), ASOF_IO);
	assert_versions(f->catalog, NULL, "");
	asof_fault_disarm_all();
	publish(f->catalog, first);
	assert_versions(f->catalog, NULL, "v@1.0.0*;");
}

int
main(void)
{
	struct CMUnitTest tests[] = {
		CATALOG_TEST(of_several_threads_one_publishes_each_version),
		CATALOG_TEST(of_several_processes_one_publishes_each_version),
		CATALOG_TEST(every_allocation_failure_is_survived),
		CATALOG_TEST(what_was_written_is_there_after_opening_again),
		CATALOG_TEST(a_writer_that_dies_leaves_all_of_a_call_or_nothing),
		CATALOG_TEST(a_failing_commit_changes_nothing),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
