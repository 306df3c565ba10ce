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

/* What follows from the moments of a window that holds values (a deviation: two of them at least).
 */
double asof_moments_mean(const struct asof_moments *m, struct asof_type type);
double asof_moments_variance(const struct asof_moments *m, struct asof_type type);
/* The sum of integers; false where it leaves int64. is_exact as asof_merge_is_exact() has it. */
bool asof_moments_integer(const struct asof_moments *m, bool is_exact, int64_t *ret_sum);
/* The sum of decimals; false where it leaves 38 digits. */
bool asof_moments_decimal(const struct asof_moments *m, asof_int128 *ret_sum);
/* ASOF_LIMIT: the sum of a column does not fit its type. */
enum asof_status asof_moments_fail(const char *column, struct asof_type type,
				   struct asof_error *err);
/* sum from total and carry. */
void asof_moments_round(struct asof_moments *m);

/* Rows of tiles, into row_counts[0, window_count). */
void asof_merge_rows(const struct asof_merge *merge, size_t window_count, int64_t *row_counts);

/* The tile that holds MIN, MAX, FIRST or LAST of each window, SIZE_MAX without a value; and the
 * column to read there. */
void asof_merge_choice(const struct asof_merge *merge, const struct asof_tile_column *column,
		       enum asof_state_kind kind, size_t window_count, size_t *rows);
const struct asof_column *asof_merge_choice_column(const struct asof_merge *merge,
						   const struct asof_tile_column *column,
						   enum asof_state_kind kind);

/* How the event, or the tile's FIRST or LAST, at row `a` stands to that at `b`: < 0, 0 or > 0. */
int asof_merge_edge_compare(const struct asof_merge *merge, const struct asof_tile_column *column,
			    enum asof_state_kind kind, size_t a, size_t b);

/* The values that a tile holds: elements of asof_merge_values_of() the column of a VALUES or
 * DISTINCT state, or the one value of an event. */
const struct asof_column *asof_merge_list(const struct asof_merge *merge,
					  const struct asof_tile_column *column,
					  enum asof_state_kind kind);
static inline const struct asof_column *
asof_merge_values_of(const struct asof_column *column)
{
	return column->type.kind == ASOF_TYPE_LIST ? column->child : column;
}
static inline struct asof_span
asof_merge_span(const struct asof_column *column, size_t row)
{
	if (asof_column_is_null(column, row))
		return (struct asof_span){ 0, 0 };
	if (column->type.kind != ASOF_TYPE_LIST)
		return (struct asof_span){ row, 1 };
	return ((const struct asof_span *)column->data)[row];
}

/* A merge sort of the ascending runs that are there: returns `items` or `scratch`, whichever holds
 * the result. */
struct asof_item *asof_items_sort(enum asof_item_kind kind, struct asof_item *items,
				  struct asof_item *scratch, size_t count);
/* Of a type that has quantiles. */
double asof_item_double(struct asof_type type, const struct asof_item *item);
/* Where in [0, n) the quantile lies: at ret_k, and *ret_part of the way on to the next. */
static inline void
asof_quantile_place(size_t n, double p, size_t *ret_k, double *ret_part)
{
	double place = (double)(n - 1) * p;
	double below = floor(place);
	*ret_part = place - below;
	*ret_k = (size_t)below;
}
/* Weighted, not low + part * (high - low): infinities and large differences come out right. */
static inline double
asof_quantile_between(double low, double high, double part)
{
	return low * (1 - part) + high * part;
}

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
