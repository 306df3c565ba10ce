#include "http/memory_budget.h"

#define UNCOUNTED_BYTES ((size_t)64 << 10)

enum asof_status
asof_budget_hold(struct asof_budget *budget, size_t bytes, size_t *held_bytes,
		 struct asof_error *err)
{
	if (bytes <= UNCOUNTED_BYTES || bytes <= *held_bytes)
		return ASOF_OK;

	size_t more = bytes - *held_bytes;
	size_t used = atomic_fetch_add_explicit(&budget->used_bytes, more, memory_order_relaxed);
	if (used > budget->max_bytes || more > budget->max_bytes - used) {
		atomic_fetch_sub_explicit(&budget->used_bytes, more, memory_order_relaxed);
		return ASOF_FAIL(err, ASOF_UNAVAILABLE,
				 "%zu bytes of requests and answers are in memory already", used);
	}
	*held_bytes = bytes;
	return ASOF_OK;
}

void
asof_budget_release(struct asof_budget *budget, size_t *held_bytes)
{
	atomic_fetch_sub_explicit(&budget->used_bytes, *held_bytes, memory_order_relaxed);
	*held_bytes = 0;
}
