/* window_merge.c - rows counted and tiles chosen, merged over nested windows. */
#include "kernel/window_merge.h"

void
asof_merge_rows(const struct asof_merge *merge, size_t window_count, int64_t *row_counts)
{
	int64_t merged = 0;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			row--;
			merged += asof_merge_is_event(merge)
					  ? 1
					  : asof_merge_int64(&merge->tiles->states[0], row, 0);
		}
		row_counts[w] = merged;
	}
}

const struct asof_column *
asof_merge_choice_column(const struct asof_merge *merge, const struct asof_tile_column *column,
			 enum asof_state_kind kind)
{
	return asof_merge_state(merge, column,
				asof_merge_is_event(merge) ? ASOF_STATE_VALUE : kind);
}

/* Of decimals, text and uuids. */
static void
choose_items(const struct asof_merge *merge, const struct asof_column *column, bool is_max,
	     size_t window_count, size_t *rows)
{
	enum asof_item_kind kind = asof_item_kind_of(column->type);
	struct asof_item best = { .ordinal = 0 };
	size_t chosen = SIZE_MAX;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			if (asof_column_is_null(column, --row))
				continue;
			struct asof_item item = asof_item_at(column, row);
			int order = chosen == SIZE_MAX ? 0 : asof_item_compare(kind, &item, &best);
			if (chosen == SIZE_MAX || (is_max ? order > 0 : order < 0)) {
				chosen = row;
				best = item;
			}
		}
		rows[w] = chosen;
	}
}

/* Of what becomes integers: which of two is greater is hard to foresee, so nothing branches on it.
 */
static inline void
choose_ordinals(const struct asof_merge *merge, const struct asof_column *column,
		enum asof_type_kind kind, bool is_max, size_t window_count, size_t *rows)
{
	uint64_t flip = is_max ? 0 : UINT64_MAX; /* the least is the greatest of the complements */
	uint64_t best = 0;
	size_t chosen = SIZE_MAX;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			if (asof_column_is_null(column, --row))
				continue;
			uint64_t ordinal = asof_ordinal_at(kind, column->data, row) ^ flip;
			bool is_better = (ordinal > best) | (chosen == SIZE_MAX);
			chosen = is_better ? row : chosen;
			best = is_better ? ordinal : best;
		}
		rows[w] = chosen;
	}
}

static void
choose_extremes(const struct asof_merge *merge, const struct asof_column *column, bool is_max,
		size_t window_count, size_t *rows)
{
	enum asof_type_kind kind = (enum asof_type_kind)column->type.kind;
	if (asof_item_kind_of(column->type) != ASOF_ITEM_ORDINAL)
		choose_items(merge, column, is_max, window_count, rows);
	else if (kind == ASOF_TYPE_FLOAT64) /* the usual ones have a loop of their own */
		choose_ordinals(merge, column, ASOF_TYPE_FLOAT64, is_max, window_count, rows);
	else if (kind == ASOF_TYPE_INT64)
		choose_ordinals(merge, column, ASOF_TYPE_INT64, is_max, window_count, rows);
	else
		choose_ordinals(merge, column, kind, is_max, window_count, rows);
}

/* Where an event stands: by event time, then created time, then place in the source. */
struct edge {
	int64_t parts[3];
};

static struct edge
edge_at(const struct asof_merge *merge, const struct asof_tile_column *column,
	enum asof_state_kind kind, size_t row)
{
	const struct asof_tiles *tiles = merge->tiles;
	struct edge edge;
	if (asof_merge_is_event(merge)) {
		edge.parts[0] = tiles->end_us[row];
		edge.parts[1] = tiles->created_us ? tiles->created_us[row] : 0;
		edge.parts[2] = tiles->order ? tiles->order[row] : 0;
		return edge;
	}
	for (size_t i = 0; i < ASOF_COUNTOF(edge.parts); i++) {
		enum asof_state_kind part = (enum asof_state_kind)((size_t)kind + 1 + i);
		edge.parts[i] =
			asof_merge_int64(asof_merge_state(merge, column, part), row, INT64_MIN);
	}
	return edge;
}

static int
edge_compare(const struct edge *a, const struct edge *b)
{
	for (size_t i = 0; i < ASOF_COUNTOF(a->parts); i++) {
		if (a->parts[i] != b->parts[i])
			return a->parts[i] < b->parts[i] ? -1 : 1;
	}
	return 0;
}

int
asof_merge_edge_compare(const struct asof_merge *merge, const struct asof_tile_column *column,
			enum asof_state_kind kind, size_t a, size_t b)
{
	const int64_t *end_us = merge->tiles->end_us;
	if (end_us[a] != end_us[b]) /* so do the events in them */
		return end_us[a] < end_us[b] ? -1 : 1;
	struct edge left = edge_at(merge, column, kind, a);
	struct edge right = edge_at(merge, column, kind, b);
	return edge_compare(&left, &right);
}

/* Of equals, the last in the tiles' order is the last: tiles come from the newest back. */
static void
choose_edges(const struct asof_merge *merge, const struct asof_tile_column *column,
	     enum asof_state_kind kind, size_t window_count, size_t *rows)
{
	const struct asof_column *values = asof_merge_choice_column(merge, column, kind);
	size_t chosen = SIZE_MAX;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			if (asof_column_is_null(values, --row))
				continue;
			int order = chosen == SIZE_MAX ? 0
						       : asof_merge_edge_compare(merge, column,
										 kind, row, chosen);
			if (chosen == SIZE_MAX ||
			    (kind == ASOF_STATE_LAST ? order > 0 : order <= 0)) {
				chosen = row;
			}
		}
		rows[w] = chosen;
	}
}

void
asof_merge_choice(const struct asof_merge *merge, const struct asof_tile_column *column,
		  enum asof_state_kind kind, size_t window_count, size_t *rows)
{
	if (kind == ASOF_STATE_FIRST || kind == ASOF_STATE_LAST)
		choose_edges(merge, column, kind, window_count, rows);
	else
		choose_extremes(merge, asof_merge_choice_column(merge, column, kind),
				kind == ASOF_STATE_MAX, window_count, rows);
}
