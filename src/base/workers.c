/* workers.c - threads for the length of one call. */
#include "base/workers.h"

#include <assert.h>

struct worker {
	asof_worker_fn *fn;
	void *arg;
	pthread_t thread;
	bool has_thread;
	unsigned number;
	enum asof_status status;
	struct asof_error err;
};

static void *
run_worker(void *arg)
{
	struct worker *worker = arg;
	worker->status = worker->fn(worker->arg, worker->number, &worker->err);
	return NULL;
}

static void
free_workers(struct worker **workers)
{
	asof_mem_free(*workers);
}

enum asof_status
asof_workers_run(unsigned count, asof_worker_fn *fn, void *arg, struct asof_error *err)
{
	assert(count >= 1);
	if (count == 1)
		return fn(arg, 0, err);

	ASOF_AUTO(free_workers) struct worker *workers = asof_mem_alloc(count * sizeof(*workers));
	if (!workers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%u workers", count);

	for (unsigned i = 0; i < count; i++) {
		workers[i].fn = fn;
		workers[i].arg = arg;
		workers[i].number = i;
	}
	for (unsigned i = 1; i < count; i++) {
		struct worker *worker = &workers[i];
		worker->has_thread = pthread_create(&worker->thread, NULL, run_worker, worker) == 0;
	}
	for (unsigned i = 0; i < count; i++) {
		if (!workers[i].has_thread)
			run_worker(&workers[i]);
	}
	for (unsigned i = 1; i < count; i++) {
		if (workers[i].has_thread)
			pthread_join(workers[i].thread, NULL);
	}
	for (unsigned i = 0; i < count; i++) {
		if (workers[i].status != ASOF_OK) {
			if (err)
				*err = workers[i].err;
			return workers[i].status;
		}
	}
	return ASOF_OK;
}
