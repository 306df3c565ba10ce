/* partition_plan.h - what `partition: auto` would make of a view's rows, before they are built. */
#ifndef ASOF_JOB_PARTITION_PLAN_H
#define ASOF_JOB_PARTITION_PLAN_H

#include "job/partition_choice.h"
#include "job/versions.h"

/*
 * From the statistics of the view's published table, where there is one; else, of Parquet files,
 * from their footers, and where they are many from their event times. What cannot be known before
 * a build says so in the reason.
 */
ASOF_NODISCARD enum asof_status asof_partition_plan(struct asof_session *session,
						    const struct asof_view_state *state,
						    struct asof_arena *arena,
						    struct asof_partition_choice *ret_choice,
						    struct asof_error *err);

#endif
