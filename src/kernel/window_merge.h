/*
 * window_merge.h - the states of tiles merged over several windows in one sweep. Pure.
 *
 * Windows that end at one instant are nested: a sweep from the newest tile back adds each tile
 * once, and what it holds where a window begins is that window's answer.
 */
#ifndef ASOF_KERNEL_WINDOW_MERGE_H
#define ASOF_KERNEL_WINDOW_MERGE_H

#include "kernel/dd.h"
#include "kernel/item.h"
#include "kernel/window.h"

/* What one evaluation merges. begins[w]: the first tile of window w; shorter windows first, so
 * begins descend. */
struct asof_merge {
	const struct asof_tile_layout *layout;
	const struct asof_tiles *tiles;
	size_t end; /* tiles [0, end) are at or before S */
	const size_t *begins;
	struct asof_arena *arena;
};

static inline bool
asof_merge_is_event(const struct asof_merge *merge)
{
	return merge->layout->step_us == ASOF_STEP_EVENT;
}

/* NULL where the column has no such state. */
static inline const struct asof_column *
asof_merge_state(const struct asof_merge *merge, const struct asof_tile_column *column,
		 enum asof_state_kind kind)
{
	size_t index = column->state[kind];
	return index == SIZE_MAX ? NULL : &merge->tiles->states[index];
}

static inline int64_t
asof_merge_int64(const struct asof_column *column, size_t row, int64_t if_null)
{
	return asof_column_is_null(column, row) ? if_null : ((const int64_t *)column->data)[row];
}

/* One column over one window. Of an integer or decimal, what is summed exactly is total + carry *
 * 2^128; `sum` follows from it. */
struct asof_moments {
	int64_t count; /* of non-NULL values */
	struct asof_dd sum;
	struct asof_dd squares;
	asof_int128 total;
	int64_t carry;
};

/* True where the column's sums are kept in `total`: decimals, and integers that are not tiled. */
bool asof_merge_is_exact(const struct asof_merge *merge, const struct asof_tile_column *column);

/* Into moments[0, window_count). */
void asof_merge_moments(const struct asof_merge *merge, const struct asof_tile_column *column,
			size_t window_count, bool wants_squares, struct asof_moments *moments);

/* Rows of tiles, into row_counts[0, window_count). */
void asof_merge_rows(const struct asof_merge *merge, size_t window_count, int64_t *row_counts);

/* The tile that holds MIN, MAX, FIRST or LAST of each window, SIZE_MAX without a value; and the
 * column to read there. */
void asof_merge_choice(const struct asof_merge *merge, const struct asof_tile_column *column,
		       enum asof_state_kind kind, size_t window_count, size_t *rows);
const struct asof_column *asof_merge_choice_column(const struct asof_merge *merge,
						   const struct asof_tile_column *column,
						   enum asof_state_kind kind);

/* All non-NULL values of VALUES or DISTINCT in the longest of the windows, ascending, each ranked
 * with the shortest window that holds it. */
struct asof_items {
	struct asof_type type;
	const struct asof_item *items;
	size_t count;
};
ASOF_NODISCARD enum asof_status asof_merge_items(const struct asof_merge *merge,
						 const struct asof_tile_column *column,
						 enum asof_state_kind kind, size_t window_count,
						 struct asof_items *ret_items,
						 struct asof_error *err);
/* How many values, and how many different ones, window `rank` holds. */
size_t asof_items_count(const struct asof_items *items, uint32_t rank);
size_t asof_items_count_distinct(const struct asof_items *items, uint32_t rank);
/* The value at (n - 1) * p among the n > 0 that window `rank` holds, between two linearly. */
double asof_items_quantile(const struct asof_items *items, uint32_t rank, size_t n, double p);

/* The sum of the pairs high[i] + low[i], i in [from, to); NULLs count nothing. */
struct asof_dd asof_dd_sum(const struct asof_column *high, const struct asof_column *low,
			   size_t from, size_t to);
/* 10^exponent, exponent <= 76. */
double asof_power_of_ten(unsigned exponent);

#endif
