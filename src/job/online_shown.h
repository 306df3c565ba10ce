/* online_shown.h - what people see of a view who look into a store that shows it. Pure. */
#ifndef ASOF_JOB_ONLINE_SHOWN_H
#define ASOF_JOB_ONLINE_SHOWN_H

#include "kernel/answer.h"
#include "store/store.h"

/* The table of a bound view: its entity's keys and its outputs. `name` is borrowed. */
ASOF_NODISCARD enum asof_status asof_online_table(const char *name, const struct asof_view *view,
						  struct asof_arena *arena,
						  struct asof_store_table *ret_table,
						  struct asof_error *err);

/* What asof_store_row.shown is to be: the key's values, then those that a reader gets at `at_us` (a
 * clock at which the row's answer holds). A copy in `arena`. */
ASOF_NODISCARD enum asof_status
asof_online_shown(const struct asof_answer_plan *plan, const struct asof_value *key,
		  const struct asof_row *row, int64_t at_us, struct asof_arena *arena,
		  const struct asof_value **ret_shown, struct asof_error *err);

#endif
