/*
 * worker_pool.h - a fixed number of threads, and a bounded queue of tasks for them.
 *
 * Tasks are begun in the order in which they were submitted. Nobody waits for room: a queue that is
 * full says so at once. Thread-safe.
 */
#ifndef ASOF_HTTP_WORKER_POOL_H
#define ASOF_HTTP_WORKER_POOL_H

#include "base/base.h"

struct asof_worker_pool;

/* One piece of work: a member of what it is about, all zero at first. It belongs to the pool from
 * submit() until `run` or `refuse` is called with it, or withdraw() took it back. */
struct asof_task {
	struct asof_task *next;
	struct asof_task **link; /* what points to it in the queue; NULL: it is not there */
	int64_t submitted_us;    /* monotonic */
};

struct asof_worker_pool_options {
	unsigned worker_count;
	size_t queue_max;    /* tasks that wait */
	int64_t wait_max_us; /* a task that waited longer is refused */
	/* Called without locks: `run` on the thread numbered `worker`, from 0; `refuse` by such
	 * a thread or by asof_worker_pool_expire(). */
	void (*run)(void *arg, unsigned worker, struct asof_task *task);
	void (*refuse)(void *arg, struct asof_task *task);
	void *arg;
};

struct asof_worker_pool_counts {
	size_t waiting;
	size_t running;
	uint64_t full; /* tasks that there was no room for, so far */
	uint64_t late; /* tasks that waited too long, so far */
};

ASOF_NODISCARD enum asof_status
asof_worker_pool_open(const struct asof_worker_pool_options *options,
		      struct asof_worker_pool **ret_pool, struct asof_error *err);
/* What waits is done first. NULL is a no-op. */
void asof_worker_pool_close(struct asof_worker_pool *pool);
ASOF_DEFINE_AUTOFREE(struct asof_worker_pool, asof_worker_pool_close)

/* False: the queue is full, and the task still the caller's. */
ASOF_NODISCARD bool asof_worker_pool_submit(struct asof_worker_pool *pool, struct asof_task *task);
/* True: it had not begun, and is the caller's again. */
bool asof_worker_pool_withdraw(struct asof_worker_pool *pool, struct asof_task *task);
/* Refuse what has waited too long at `now_us` (monotonic): workers that all hang cannot. */
void asof_worker_pool_expire(struct asof_worker_pool *pool, int64_t now_us);

struct asof_worker_pool_counts asof_worker_pool_counts(struct asof_worker_pool *pool);

#endif
