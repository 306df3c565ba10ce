/*
 * window_sweep.h - the windows of one entity at many instants, in one pass over its tiles.
 *
 * The same values, bit for bit, as asof_window_eval_into() at each instant, at a cost that does not
 * depend on the windows' lengths: every window moves forward once over the tiles. Counts and exact
 * sums are differences of prefixes; double-double sums, min and max are merged in two stacks
 * (nothing is ever subtracted, so nothing cancels and a NaN leaves with its event); first and last
 * are positions; median and quantile are order statistics over ranks; count_distinct counts by
 * hash. One thread at a time; state is used again from entity to entity.
 */
#ifndef ASOF_KERNEL_WINDOW_SWEEP_H
#define ASOF_KERNEL_WINDOW_SWEEP_H

#include "kernel/block.h"
#include "kernel/window.h"

struct asof_window_sweep;

/* view->outputs[wanted[i]] becomes column i. `layout` is the view's own, or one of `step: event`
 * over the same columns. All outlive the sweep. */
ASOF_NODISCARD enum asof_status asof_window_sweep_new(const struct asof_view *view,
						      const struct asof_tile_layout *layout,
						      const size_t *wanted, size_t wanted_count,
						      struct asof_window_sweep **ret_sweep,
						      struct asof_error *err);
/* NULL is a no-op. */
void asof_window_sweep_free(struct asof_window_sweep *sweep);
ASOF_DEFINE_AUTOFREE(struct asof_window_sweep, asof_window_sweep_free)

/*
 * The outputs at instants at_us[0 .. count), ascending, several may be equal, into rows first_row
 * .. of columns [first_column, ..) of `block` (NULL there before), defaults of empty windows
 * applied. ret_event_us[i]: the END of the newest tile at or before at_us[i]; INT64_MIN, and NULLs,
 * where there is none. Where tiles->order is NULL their rows stand in the order that first and last
 * need. Text is borrowed from the tiles.
 */
ASOF_NODISCARD enum asof_status asof_window_sweep_run(struct asof_window_sweep *sweep,
						      const struct asof_tiles *tiles,
						      const int64_t *at_us, size_t count,
						      struct asof_block *block, size_t first_column,
						      size_t first_row, int64_t *ret_event_us,
						      struct asof_error *err);

#endif
