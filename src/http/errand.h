/*
 * errand.h - a request that a worker answers while the loop that it came to goes on.
 *
 * All that the worker needs is copied: the connection may end meanwhile. An errand is sent, asked
 * about and freed on its loop's thread. While it is out it is the workers', and it always comes
 * back to its loop, which outlives it.
 */
#ifndef ASOF_HTTP_ERRAND_H
#define ASOF_HTTP_ERRAND_H

#include "http/memory_budget.h"
#include "http/routes.h"
#include "http/worker_pool.h"

struct asof_errand;

/* Those of one loop. */
struct asof_errands {
	struct asof_worker_pool *pool; /* whose tasks are asof_errand_task()s */
	struct asof_budget *budget;
	void (*wake)(void *arg); /* called by workers when there is something to collect */
	void *wake_arg;
	size_t out_count;          /* sent, and not collected; the loop's */
	pthread_mutex_t lock;      /* guards what is below, and is held while `wake` is called */
	struct asof_errand *first; /* come back, and not collected */
	struct asof_errand **last;
};

void asof_errands_init(struct asof_errands *errands, struct asof_worker_pool *pool,
		       struct asof_budget *budget, void (*wake)(void *arg), void *wake_arg);
/* None is out. */
void asof_errands_done(struct asof_errands *errands);
/* Take what has come back; `wake_owner` is called for each errand that is still waited for. */
void asof_errands_collect(struct asof_errands *errands, void (*wake_owner)(void *owner));

/* Send a copy of the request, with reply->body's memory for the answer; reply->pending->errand is
 * it, to be given back by asof_errand_free(). Refused with 429 where too many requests wait. */
ASOF_NODISCARD enum asof_status asof_errand_send(struct asof_errands *errands,
						 const struct asof_request *request,
						 const struct asof_reply *reply,
						 struct asof_problem *problem);
/* Whether it was collected. */
bool asof_errand_is_back(const struct asof_errand *errand);
/* The answer of one that is back, as asof_routes_answer() gives it, in reply->body; *held_bytes
 * grows by what it holds of the budget. */
ASOF_NODISCARD enum asof_status asof_errand_take(struct asof_errand *errand,
						 struct asof_reply *reply, size_t *held_bytes,
						 struct asof_problem *problem);
/* Out or back. NULL is a no-op. */
void asof_errand_free(struct asof_errand *errand);

/* For workers: answer it, or say that it waited too long, and send it back. */
void asof_errand_answer(struct asof_task *task, const struct asof_routes *routes,
			struct asof_scratch *scratch);
void asof_errand_refuse(struct asof_task *task);

#endif
