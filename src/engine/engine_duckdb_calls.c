/* engine_duckdb_calls.c - calls that come in from DuckDB's workers: their numbers, their failures.
 */
#include <assert.h>

#include "engine/duckdb_impl.h"

enum asof_status
asof_duckdb_calls_init(struct asof_duckdb_calls *calls, const struct asof_engine *engine,
		       struct asof_error *err)
{
	calls->is_busy = asof_mem_alloc(engine->threads * sizeof(*calls->is_busy));
	if (!calls->is_busy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers of a statement");
	calls->worker_count = engine->threads;
	calls->cancel = engine->watch.cancel;
	(void)pthread_mutex_init(&calls->lock, NULL);
	return ASOF_OK;
}

void
asof_duckdb_calls_done(struct asof_duckdb_calls *calls)
{
	if (!calls->is_busy)
		return;
	asof_mem_free(calls->is_busy);
	(void)pthread_mutex_destroy(&calls->lock);
}

unsigned
asof_duckdb_calls_claim(struct asof_duckdb_calls *calls, unsigned hint)
{
	for (unsigned i = hint;; i++) {
		unsigned number = i % calls->worker_count;
		bool is_free = false;

		if (atomic_compare_exchange_strong(&calls->is_busy[number].flag, &is_free, true))
			return number;
	}
}

void
asof_duckdb_calls_release(struct asof_duckdb_calls *calls, unsigned number)
{
	atomic_store(&calls->is_busy[number].flag, false);
}

void
asof_duckdb_calls_fail(struct asof_duckdb_calls *calls, enum asof_status status,
		       const struct asof_error *cause)
{
	ASOF_HOLD(held, &calls->lock);
	if (calls->error.status != ASOF_OK)
		return;
	calls->error = *cause;
	calls->error.status = status;
	atomic_store(&calls->has_failed, true);
}

enum asof_status
asof_duckdb_calls_result(const struct asof_duckdb_calls *calls, enum asof_status status,
			 struct asof_error *err)
{
	/* What a worker wrote before it let go of its number is visible now. */
	for (unsigned i = 0; i < calls->worker_count; i++)
		assert(!atomic_load(&calls->is_busy[i].flag));
	if (calls->error.status == ASOF_OK)
		return status;
	if (err)
		*err = calls->error;
	return calls->error.status;
}
