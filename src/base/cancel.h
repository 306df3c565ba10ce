/* cancel.h - a request to stop, set by one thread or a signal handler, polled by others. */
#ifndef ASOF_CANCEL_H
#define ASOF_CANCEL_H

#include <stdatomic.h>

#include "base/base.h"

struct asof_cancel {
	atomic_bool is_requested;
};

/* Safe in a signal handler. */
void asof_cancel_request(struct asof_cancel *cancel);
/* NULL is never cancelled. */
bool asof_cancel_is_requested(const struct asof_cancel *cancel);
/* ASOF_CANCELLED "interrupted" when requested. */
ASOF_NODISCARD enum asof_status asof_cancel_check(const struct asof_cancel *cancel,
						  struct asof_error *err);

#endif
