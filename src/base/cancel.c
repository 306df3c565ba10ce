/* cancel.c - a request to stop. */
#include "base/cancel.h"

void
asof_cancel_request(struct asof_cancel *cancel)
{
	atomic_store_explicit(&cancel->is_requested, true, memory_order_relaxed);
}

bool
asof_cancel_is_requested(const struct asof_cancel *cancel)
{
	return cancel && atomic_load_explicit(&cancel->is_requested, memory_order_relaxed);
}

enum asof_status
asof_cancel_check(const struct asof_cancel *cancel, struct asof_error *err)
{
	if (asof_cancel_is_requested(cancel))
		return ASOF_FAIL(err, ASOF_CANCELLED, "interrupted");
	return ASOF_OK;
}
