/*
 * served.h - what a reader answers with: definitions, and the views that are computed from others,
 * both of one instant. Replaced while requests use it.
 */
#ifndef ASOF_JOB_SERVED_H
#define ASOF_JOB_SERVED_H

#include <stdatomic.h>

#include "base/base.h"
#include "job/reader_on_demand.h"

/* Immutable once it is served. */
struct asof_served {
	const struct asof_project *project;
	struct asof_project *owned_project; /* NULL: `project` is borrowed, and outlives it */
	struct asof_reader_on_demands *on_demands; /* owned; NULL: none */
	int64_t taken_us;                          /* monotonic: the one behind is retired since */
	struct asof_served *next;                  /* whose place it took */
};

/* NULL is a no-op. */
void asof_served_free(struct asof_served *served);
ASOF_DEFINE_AUTOFREE(struct asof_served, asof_served_free)

/* Thread-safe. */
struct asof_serving {
	_Atomic(struct asof_served *) current;
	pthread_mutex_t lock; /* guards taking */
};

/* Before anything is asked of it, something is taken. */
void asof_serving_init(struct asof_serving *serving);
void asof_serving_done(struct asof_serving *serving);

const struct asof_served *asof_serving_now(const struct asof_serving *serving);
/* Answer with `served` from now on, and own it. The one before lives on for ten minutes: requests
 * hold pointers into it. */
void asof_serving_take(struct asof_serving *serving, struct asof_served *served);

#endif
