#include "base/workers.h"

#include <stdatomic.h>

#include "check.h"

#define WORKERS_MAX 64

struct visits {
	atomic_uint total;
	atomic_uint by_worker[WORKERS_MAX];
	unsigned fails_from; /* workers from this one on fail */
};

static enum asof_status
visit(void *arg, unsigned worker, struct asof_error *err)
{
	struct visits *visits = arg;
	atomic_fetch_add(&visits->total, 1);
	atomic_fetch_add(&visits->by_worker[worker], 1);
	if (worker >= visits->fails_from)
		return ASOF_FAIL(err, ASOF_IO, "worker %u", worker);
	return ASOF_OK;
}

static void
each_worker_runs_once(void **state)
{
	(void)state;
	const unsigned counts[] = { 1, 2, 3, 8, WORKERS_MAX };
	for (size_t i = 0; i < ASOF_COUNTOF(counts); i++) {
		struct visits visits = { .fails_from = UINT32_MAX };
		struct asof_error err = { 0 };
		assert_ok(asof_workers_run(counts[i], visit, &visits, &err), err);
		assert_int_equal(visits.total, counts[i]);
		for (unsigned worker = 0; worker < counts[i]; worker++)
			assert_int_equal(visits.by_worker[worker], 1);
	}
}

static void
the_lowest_worker_that_fails_is_the_result(void **state)
{
	(void)state;
	struct visits visits = { .fails_from = 3 };
	struct asof_error err = { 0 };
	assert_int_equal(asof_workers_run(8, visit, &visits, &err), ASOF_IO);
	assert_int_equal(err.status, ASOF_IO);
	assert_string_equal(err.message, "worker 3");
	assert_int_equal(visits.total, 8);
	assert_int_equal(asof_workers_run(8, visit, &visits, NULL), ASOF_IO);
}

static enum asof_status
tell_thread(void *arg, unsigned worker, struct asof_error *err)
{
	pthread_t *threads = arg;
	(void)err;
	threads[worker] = pthread_self();
	return ASOF_OK;
}

static void
worker_0_is_the_caller(void **state)
{
	(void)state;
	pthread_t threads[2];
	struct asof_error err = { 0 };
	assert_ok(asof_workers_run(2, tell_thread, threads, &err), err);
	assert_true(pthread_equal(threads[0], pthread_self()));
	assert_false(pthread_equal(threads[1], pthread_self()));
}

static void
without_memory_nothing_runs(void **state)
{
	(void)state;
	struct visits visits = { .fails_from = UINT32_MAX };
	struct asof_error err = { 0 };
	size_t before = asof_mem_live();
	asof_mem_fail_at(1);
	assert_int_equal(asof_workers_run(2, visit, &visits, &err), ASOF_NO_MEMORY);
	asof_mem_fail_at(0);
	assert_int_equal(visits.total, 0);
	assert_int_equal(asof_mem_live(), before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_runs_once),
		cmocka_unit_test(the_lowest_worker_that_fails_is_the_result),
		cmocka_unit_test(worker_0_is_the_caller),
		cmocka_unit_test(without_memory_nothing_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
