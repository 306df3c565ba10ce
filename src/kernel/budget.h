/*
 * budget.h - memory that is counted, and bounded where the caller says so.
 *
 * Thread-safe. Every block is charged before it is allocated, so that the bound is never passed.
 */
#ifndef ASOF_KERNEL_BUDGET_H
#define ASOF_KERNEL_BUDGET_H

#include <stdatomic.h>

#include "base/base.h"

struct asof_budget {
	_Atomic uint64_t used_bytes;
	uint64_t max_bytes; /* 0: no bound */
	const char *what;   /* for messages: "the spine" */
};

/* `count` zeroed elements. ASOF_LIMIT beyond the bound, else ASOF_NO_MEMORY. */
ASOF_NODISCARD enum asof_status asof_budget_alloc(struct asof_budget *budget, size_t count,
						  size_t elem_size, void **ret_array,
						  struct asof_error *err);
/* The same numbers as when it was allocated; NULL is a no-op. */
void asof_budget_free(struct asof_budget *budget, void *array, size_t count, size_t elem_size);
/* Shrink to `count` elements; where that fails the block stays as it is, and counted so. */
void *asof_budget_shrink(struct asof_budget *budget, void *array, size_t old_count, size_t count,
			 size_t elem_size);

static inline uint64_t
asof_budget_used(const struct asof_budget *budget)
{
	return atomic_load_explicit(&budget->used_bytes, memory_order_relaxed);
}

#endif
