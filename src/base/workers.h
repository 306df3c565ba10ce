/*
 * workers.h - one function on several threads at once.
 *
 * Threads live for the call only: what is shared is ready before it and safe to read after it.
 */
#ifndef ASOF_BASE_WORKERS_H
#define ASOF_BASE_WORKERS_H

#include "base/base.h"

typedef enum asof_status asof_worker_fn(void *arg, unsigned worker, struct asof_error *err);

/*
 * Call fn(arg, worker, ..) for worker 0 .. count - 1, each on a thread of its own (worker 0 on the
 * caller's; all there where threads cannot be had). Returns when all have; the failure of the
 * lowest worker that failed is the result. count >= 1.
 */
ASOF_NODISCARD enum asof_status asof_workers_run(unsigned count, asof_worker_fn *fn, void *arg,
						 struct asof_error *err);

#endif
