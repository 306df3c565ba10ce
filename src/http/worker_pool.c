/* worker_pool.c - threads that empty a queue of tasks. */
#include "http/worker_pool.h"

#include <assert.h>

#include "base/clock.h"

struct seat {
	struct asof_worker_pool *pool;
	pthread_t thread;
	unsigned number;
};

struct asof_worker_pool {
	struct asof_worker_pool_options options;
	struct seat *seats;
	unsigned seat_count;  /* threads that were started */
	pthread_mutex_t lock; /* guards everything below, and the links of queued tasks */
	pthread_cond_t has_more;
	struct asof_task *first; /* the queue, in order of arrival */
	struct asof_task **last;
	struct asof_worker_pool_counts counts;
	bool is_closing;
};

/* The caller holds the lock. */
static void
unlink_task(struct asof_worker_pool *pool, struct asof_task *task)
{
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	else
		pool->last = task->link;
	task->next = NULL;
	task->link = NULL;
	pool->counts.waiting--;
}

bool
asof_worker_pool_submit(struct asof_worker_pool *pool, struct asof_task *task)
{
	int64_t now_us = asof_monotonic_us();
	ASOF_HOLD(held, &pool->lock);
	assert(!pool->is_closing && !task->link);
	if (pool->counts.waiting == pool->options.queue_max) {
		pool->counts.full++;
		return false;
	}
	task->submitted_us = now_us;
	task->next = NULL;
	task->link = pool->last;
	*pool->last = task;
	pool->last = &task->next;
	pool->counts.waiting++;
	(void)pthread_cond_signal(&pool->has_more);
	return true;
}

bool
asof_worker_pool_withdraw(struct asof_worker_pool *pool, struct asof_task *task)
{
	ASOF_HOLD(held, &pool->lock);
	if (!task->link)
		return false;
	unlink_task(pool, task);
	return true;
}

/* The caller holds the lock. */
static bool
is_late(const struct asof_worker_pool *pool, const struct asof_task *task, int64_t now_us)
{
	return now_us - task->submitted_us > pool->options.wait_max_us;
}

/* The oldest task, if it is late; NULL: none is. */
static struct asof_task *
take_late(struct asof_worker_pool *pool, int64_t now_us)
{
	ASOF_HOLD(held, &pool->lock);
	struct asof_task *task = pool->first;
	if (!task || !is_late(pool, task, now_us))
		return NULL;
	unlink_task(pool, task);
	pool->counts.late++;
	return task;
}

void
asof_worker_pool_expire(struct asof_worker_pool *pool, int64_t now_us)
{
	struct asof_task *task;
	while ((task = take_late(pool, now_us)))
		pool->options.refuse(pool->options.arg, task);
}

/* Waits for the next task; NULL: the pool is closing, and none is left. */
static struct asof_task *
take_next(struct asof_worker_pool *pool)
{
	ASOF_HOLD(held, &pool->lock);
	while (!pool->first && !pool->is_closing)
		(void)pthread_cond_wait(&pool->has_more, &pool->lock);
	struct asof_task *task = pool->first;
	if (task) {
		unlink_task(pool, task);
		pool->counts.running++;
	}
	return task;
}

static void
count_end(struct asof_worker_pool *pool)
{
	ASOF_HOLD(held, &pool->lock);
	pool->counts.running--;
}

static void *
work(void *arg)
{
	const struct seat *seat = arg;
	struct asof_worker_pool *pool = seat->pool;
	struct asof_task *task;
	for (;;) {
		asof_worker_pool_expire(pool, asof_monotonic_us());
		task = take_next(pool);
		if (!task)
			return NULL;
		pool->options.run(pool->options.arg, seat->number, task);
		count_end(pool);
	}
}

static enum asof_status
start_workers(struct asof_worker_pool *pool, struct asof_error *err)
{
	for (unsigned i = 0; i < pool->options.worker_count; i++) {
		struct seat *seat = &pool->seats[i];
		seat->pool = pool;
		seat->number = i;
		int rc = pthread_create(&seat->thread, NULL, work, seat);
		if (rc != 0)
			return ASOF_FAIL(err, ASOF_IO, "worker thread: %s", strerror(rc));
		pool->seat_count++;
	}
	return ASOF_OK;
}

enum asof_status
asof_worker_pool_open(const struct asof_worker_pool_options *options,
		      struct asof_worker_pool **ret_pool, struct asof_error *err)
{
	ASOF_AUTO(asof_worker_pool_close_auto)
	struct asof_worker_pool *pool = asof_mem_alloc(sizeof(*pool));
	if (!pool)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers");
	pool->options = *options;
	pool->last = &pool->first;
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->has_more, NULL);
	pool->seats = asof_mem_alloc(options->worker_count * sizeof(*pool->seats));
	if (!pool->seats)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%u workers", options->worker_count);
	ASOF_TRY(start_workers(pool, err));
	*ret_pool = ASOF_STEAL(pool);
	return ASOF_OK;
}

void
asof_worker_pool_close(struct asof_worker_pool *pool)
{
	if (!pool)
		return;
	{
		ASOF_HOLD(held, &pool->lock);
		pool->is_closing = true;
		(void)pthread_cond_broadcast(&pool->has_more);
	}
	for (unsigned i = 0; i < pool->seat_count; i++)
		(void)pthread_join(pool->seats[i].thread, NULL);
	(void)pthread_cond_destroy(&pool->has_more);
	(void)pthread_mutex_destroy(&pool->lock);
	asof_mem_free(pool->seats);
	asof_mem_free(pool);
}

struct asof_worker_pool_counts
asof_worker_pool_counts(struct asof_worker_pool *pool)
{
	ASOF_HOLD(held, &pool->lock);
	return pool->counts;
}
