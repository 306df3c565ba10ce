/* served.c - definitions that are replaced while requests use them. */
#include "job/served.h"

#include "base/clock.h"

#define RETIRED_KEEP_US INT64_C(600000000) /* longer than any request takes */

void
asof_served_free(struct asof_served *served)
{
	if (!served)
		return;
	asof_reader_on_demands_free(served->on_demands);
	asof_project_free(served->owned_project);
	asof_mem_free(served);
}

static void
free_from(struct asof_served *newest)
{
	struct asof_served *next;
	for (struct asof_served *served = newest; served; served = next) {
		next = served->next;
		asof_served_free(served);
	}
}

void
asof_serving_init(struct asof_serving *serving)
{
	(void)pthread_mutex_init(&serving->lock, NULL);
	atomic_init(&serving->current, NULL);
}

void
asof_serving_done(struct asof_serving *serving)
{
	free_from(atomic_load(&serving->current));
	(void)pthread_mutex_destroy(&serving->lock);
}

const struct asof_served *
asof_serving_now(const struct asof_serving *serving)
{
	return atomic_load_explicit(&serving->current, memory_order_acquire);
}

void
asof_serving_take(struct asof_serving *serving, struct asof_served *served)
{
	int64_t now_us = asof_monotonic_us();
	ASOF_HOLD(held, &serving->lock);
	served->taken_us = now_us;
	served->next = atomic_load(&serving->current);
	atomic_store_explicit(&serving->current, served, memory_order_release);
	/* What stands behind one that was taken so long ago is retired as long. */
	struct asof_served *old = served;
	while (old && old->taken_us >= now_us - RETIRED_KEEP_US)
		old = old->next;
	if (old) {
		free_from(old->next);
		old->next = NULL;
	}
}
