/* window_sql.h - windows evaluated from tiles at given instants, as CTEs of a statement. */
#ifndef ASOF_PLAN_WINDOW_SQL_H
#define ASOF_PLAN_WINDOW_SQL_H

#include "plan/plan.h"

/*
 * Append "<prefix>tiles AS (...)": the table's tiles with k0.., end_us, created_us, row_order and
 * their states by name; created up to known_us only, where is_known.
 */
void asof_plan_tiles(struct asof_buf *sql, const char *prefix, const struct asof_plan_table *table,
		     bool is_known, int64_t known_us);

/*
 * Append ", <prefix>newest AS (...), <prefix>answers AS (...)" over "<prefix>instants" (k0..,
 * at_us, and known_us where `is_label`): one row per instant that has a tile at or before it, with
 * event_us (END of the newest) and f0, f1 .. for `outputs`, defaults of empty windows applied.
 */
ASOF_NODISCARD enum asof_status asof_plan_windows(struct asof_buf *sql, const char *prefix,
						  const struct asof_plan_table *table,
						  const struct asof_output *const *outputs,
						  size_t output_count, bool is_label,
						  struct asof_error *err);

#endif
