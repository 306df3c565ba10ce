/* engine_duckdb_watch.c - a thread that ends a running statement on request and tells progress. */
#include "engine/duckdb_impl.h"

#include <time.h>

#define TICK_NS            20000000L
#define TICKS_PER_PROGRESS 5

/* Caller holds the lock. */
static void
tick(struct asof_duckdb_watch *watch, unsigned *ticks)
{
	/* Asked again at every tick: DuckDB forgets an interrupt that comes before its query. */
	if (asof_cancel_is_requested(watch->cancel))
		duckdb_interrupt(watch->connection);
	if (watch->progress && ++*ticks % TICKS_PER_PROGRESS == 0) {
		double percentage = duckdb_query_progress(watch->connection).percentage;

		watch->progress(watch->progress_arg, percentage < 0 ? -1 : percentage / 100);
	}
}

static struct timespec
next_tick(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += TICK_NS;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_nsec -= 1000000000L;
		at.tv_sec++;
	}
	return at;
}

static void *
watch_main(void *arg)
{
	struct asof_duckdb_watch *watch = arg;
	ASOF_HOLD(held, &watch->lock);
	unsigned ticks = 0;

	while (!watch->is_stopping) {
		if (!watch->is_running) {
			ticks = 0;
			(void)pthread_cond_wait(&watch->changed, &watch->lock);
			continue;
		}
		struct timespec at = next_tick();
		(void)pthread_cond_timedwait(&watch->changed, &watch->lock, &at);
		if (watch->is_running)
			tick(watch, &ticks);
	}
	return NULL;
}

enum asof_status
asof_duckdb_watch_init(struct asof_duckdb_watch *watch, duckdb_connection connection,
		       struct asof_error *err)
{
	watch->connection = connection;
	if (!watch->cancel && !watch->progress)
		return ASOF_OK;

	pthread_condattr_t attr;
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&watch->lock, NULL);
	(void)pthread_cond_init(&watch->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
		(void)pthread_cond_destroy(&watch->changed);
		(void)pthread_mutex_destroy(&watch->lock);
		return ASOF_FAIL(err, ASOF_LIMIT, "start the engine's watch: no more threads");
	}
	watch->is_started = true;
	return ASOF_OK;
}

void
asof_duckdb_watch_done(struct asof_duckdb_watch *watch)
{
	if (!watch->is_started)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->is_stopping = true;
	(void)pthread_cond_signal(&watch->changed);
	pthread_mutex_unlock(&watch->lock);
	(void)pthread_join(watch->thread, NULL);
	(void)pthread_cond_destroy(&watch->changed);
	(void)pthread_mutex_destroy(&watch->lock);
}

void
asof_duckdb_watch_running(struct asof_duckdb_watch *watch, bool is_running)
{
	if (!watch->is_started)
		return;
	ASOF_HOLD(held, &watch->lock);
	watch->is_running = is_running;
	(void)pthread_cond_signal(&watch->changed);
}
