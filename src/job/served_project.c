/* served_project.c - definitions that are replaced while requests use them. */
#include "job/served_project.h"

#include "base/clock.h"

#define RETIRED_KEEP_US INT64_C(600000000) /* longer than any request takes */

struct asof_owned_project {
	struct asof_project *project;
	int64_t taken_us; /* monotonic: the one behind it is retired since */
	struct asof_owned_project *next;
};

static void
free_behind(struct asof_owned_project *newest)
{
	struct asof_owned_project *next;
	for (struct asof_owned_project *owned = newest; owned; owned = next) {
		next = owned->next;
		asof_project_free(owned->project);
		asof_mem_free(owned);
	}
}

void
asof_served_project_init(struct asof_served_project *served, const struct asof_project *project)
{
	*served = (struct asof_served_project){ 0 };
	(void)pthread_mutex_init(&served->lock, NULL);
	atomic_store(&served->current, project);
}

void
asof_served_project_done(struct asof_served_project *served)
{
	free_behind(served->owned);
	(void)pthread_mutex_destroy(&served->lock);
}

const struct asof_project *
asof_served_project_get(const struct asof_served_project *served)
{
	return atomic_load_explicit(&served->current, memory_order_acquire);
}

enum asof_status
asof_served_project_take(struct asof_served_project *served, struct asof_project *project,
			 struct asof_error *err)
{
	struct asof_owned_project *owned = asof_mem_alloc(sizeof(*owned));
	if (!owned) {
		asof_project_free(project);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definitions");
	}
	int64_t now_us = asof_monotonic_us();
	ASOF_HOLD(held, &served->lock);
	*owned = (struct asof_owned_project){ project, now_us, served->owned };
	served->owned = owned;
	atomic_store_explicit(&served->current, project, memory_order_release);
	/* What stands behind one that was taken so long ago is retired as long. */
	while (owned && owned->taken_us >= now_us - RETIRED_KEEP_US)
		owned = owned->next;
	if (owned) {
		free_behind(owned->next);
		owned->next = NULL;
	}
	return ASOF_OK;
}
