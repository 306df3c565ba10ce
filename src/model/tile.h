/*
 * tile.h - the columns that a windowed view is stored as: mergeable partial aggregates. Pure.
 *
 * A tile table has the entity's keys, `event_time` (the END of the step; `step: event`: the event's
 * time), `created_time`, then the states below, then `_last_event` (the newest event in the tile).
 * Names: `_count` counts the tile's rows; everything else is `<column>__<state>`.
 *
 * With `step: event` a tile is one event, and a column needs the one state VALUE,
 * `<column>__value`, from which all aggregates follow; plus `_order` (see plan/names.h), for first
 * and last.
 *
 * Sums and squares are unevaluated pairs of doubles (hi, lo), hi = fl(hi + lo), about 106 bits:
 * exact for sums of int32, int64 and bool (counted 0 and 1), and the same whatever the grouping for
 * all practical data. Squares of decimals are squares of their unscaled integers.
 */
#ifndef ASOF_MODEL_TILE_H
#define ASOF_MODEL_TILE_H

#include "model/project.h"

enum asof_state_kind {
	ASOF_STATE_ROWS,       /* int64 `_count`, always the first state of a stepped view */
	ASOF_STATE_COUNT,      /* int64: non-NULL values */
	ASOF_STATE_SUM,        /* float64 high part; decimal(38,s) whole sum for decimals */
	ASOF_STATE_SUM_LO,     /* float64; absent for decimals */
	ASOF_STATE_SQUARES,    /* float64 */
	ASOF_STATE_SQUARES_LO, /* float64 */
	ASOF_STATE_MIN,        /* the column's type; NULL in a tile without values */
	ASOF_STATE_MAX,
	ASOF_STATE_FIRST, /* the column's type: first non-NULL value by (event, created, order) */
	ASOF_STATE_FIRST_AT,      /* timestamp: its event time */
	ASOF_STATE_FIRST_CREATED, /* timestamp: its created time */
	ASOF_STATE_FIRST_ORDER,   /* int64: its place in the source */
	ASOF_STATE_LAST,
	ASOF_STATE_LAST_AT,
	ASOF_STATE_LAST_CREATED,
	ASOF_STATE_LAST_ORDER,
	ASOF_STATE_VALUES,   /* list<column>: all non-NULL values, ascending, NaN last */
	ASOF_STATE_DISTINCT, /* list<column>: the distinct ones, ascending */
	ASOF_STATE_VALUE,    /* `step: event`: the event's value */
};

struct asof_state {
	enum asof_state_kind kind;
	size_t column; /* index into asof_tile_layout.columns; SIZE_MAX for ROWS */
	struct asof_type type;
	const char *name; /* of the table's column: "delay__sum" */
};

/* A source column that is aggregated. */
struct asof_tile_column {
	const char *name;
	struct asof_type type;
	/* Index of each state of this column in asof_tile_layout.states, by kind; SIZE_MAX: absent.
	 */
	size_t state[ASOF_STATE_VALUE + 1];
};

struct asof_tile_layout {
	int64_t step_us; /* of the view */
	struct asof_tile_column *columns;
	size_t column_count;
	struct asof_state *states; /* in table order */
	size_t state_count;
	/* Per output of the view: index of its column, SIZE_MAX for a count of rows. */
	size_t *output_columns;
};

/*
 * The layout of a bound, windowed view: which states its aggregates need, each once, in an order
 * that depends on the set of (column, state) only. Lives in `arena`.
 */
ASOF_NODISCARD enum asof_status asof_tile_layout_make(const struct asof_view *view,
						      struct asof_arena *arena,
						      struct asof_tile_layout *ret_layout,
						      struct asof_error *err);

const char *asof_state_suffix(enum asof_state_kind kind); /* "sum_lo" */

#endif
