/*
 * window.h - windows evaluated from tiles, one entity at a time. Pure.
 *
 * Training, serving and streaming all come here: the values of all windows x aggregates of an
 * entity at an instant, from its tiles. SEMANTICS: a window of length W at S covers (S - W, S].
 */
#ifndef ASOF_KERNEL_WINDOW_H
#define ASOF_KERNEL_WINDOW_H

#include "base/arena.h"
#include "model/column.h"
#include "model/tile.h"

/* The tiles of one entity: rows [0, count), ascending by end_us; several rows may share an END.
 * Borrowed. */
struct asof_tiles {
	size_t count;
	const int64_t *end_us;
	const int64_t *created_us; /* NULL: not wanted, all tiles count the same for first/last */
	const int64_t *order;      /* `step: event` only: place in the source; else NULL */
	const struct asof_column *states; /* layout.state_count columns */
};

/* S for a look-up at `event_us`: the last multiple of the step <= event_us - available_after;
 * `step: event`: that instant itself. */
int64_t asof_window_instant(const struct asof_view *view, int64_t event_us);

/*
 * The outputs at S = at_us. Only tiles with end_us <= at_us are looked at. *ret_has_row is false,
 * and the rest untouched, where there is no such tile at all; else *ret_event_us is the END of the
 * newest one and ret_values[i] the value of view->outputs[i] (without defaults: an empty window is
 * count 0 and NULL for the rest). Strings borrow from the states; lists and scratch come from
 * `arena`. ASOF_LIMIT "sum of 'x' leaves int64" where an integer sum does not fit.
 */
ASOF_NODISCARD enum asof_status
asof_window_eval(const struct asof_view *view, const struct asof_tile_layout *layout,
		 const struct asof_tiles *tiles, int64_t at_us, struct asof_arena *arena,
		 bool *ret_has_row, int64_t *ret_event_us, struct asof_value *ret_values,
		 struct asof_error *err);

/* The same, and which windows held no value: a NULL that is no empty window is a deviation of one
 * value, and a default does not stand for it. Both arrays are the caller's, one per output. */
struct asof_window_result {
	bool has_row;
	int64_t event_us;
	struct asof_value *values;
	bool *is_empty;
};
ASOF_NODISCARD enum asof_status
asof_window_eval_into(const struct asof_view *view, const struct asof_tile_layout *layout,
		      const struct asof_tiles *tiles, int64_t at_us, struct asof_arena *arena,
		      struct asof_window_result *result, struct asof_error *err);

/* The first S > at_us at which the outputs may differ from those at at_us: a tile enters or leaves
 * a window. INT64_MAX: never. */
int64_t asof_window_holds_until(const struct asof_view *view, const struct asof_tiles *tiles,
				int64_t at_us);

#endif
