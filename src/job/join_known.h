/* join_known.h - whether what was known at a time is still told apart by the tables of a join. */
#ifndef ASOF_JOB_JOIN_KNOWN_H
#define ASOF_JOB_JOIN_KNOWN_H

#include "job/join_run.h"

/*
 * ASOF_INVALID where a join with --known-at looks from before the instant from which on a view's
 * table tells (it was folded, see compact_view.h): with the view, the instant, and what would do.
 */
ASOF_NODISCARD enum asof_status asof_join_check_known(struct asof_join_run *run,
						      struct asof_error *err);

#endif
