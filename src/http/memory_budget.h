/*
 * memory_budget.h - memory that bodies and answers of all connections may hold together.
 * Thread-safe.
 */
#ifndef ASOF_HTTP_MEMORY_BUDGET_H
#define ASOF_HTTP_MEMORY_BUDGET_H

#include <stdatomic.h>

#include "base/base.h"

struct asof_budget {
	atomic_size_t used_bytes;
	size_t max_bytes;
};

/* Make *held_bytes at least `bytes`; ASOF_UNAVAILABLE where there is no room for them. What is
 * small is not counted: every connection may hold that. */
ASOF_NODISCARD enum asof_status asof_budget_hold(struct asof_budget *budget, size_t bytes,
						 size_t *held_bytes, struct asof_error *err);
/* Give all of it back. */
void asof_budget_release(struct asof_budget *budget, size_t *held_bytes);

#endif
