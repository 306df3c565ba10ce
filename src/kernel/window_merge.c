/* window_merge.c - counts, sums and choices of tiles, merged over nested windows. */
#include "kernel/window_merge.h"

static bool
is_event(const struct asof_merge *merge)
{
	return merge->layout->step_us == ASOF_STEP_EVENT;
}

/* NULL where the column has no such state. */
static const struct asof_column *
state_of(const struct asof_merge *merge, const struct asof_tile_column *column,
	 enum asof_state_kind kind)
{
	size_t index = column->state[kind];
	return index == SIZE_MAX ? NULL : &merge->tiles->states[index];
}

static int64_t
int64_at(const struct asof_column *column, size_t row, int64_t if_null)
{
	return asof_column_is_null(column, row) ? if_null : ((const int64_t *)column->data)[row];
}

static double
double_at(const struct asof_column *column, size_t row)
{
	return asof_column_is_null(column, row) ? 0 : ((const double *)column->data)[row];
}

/* The states that moments are made of; NULL: not wanted or not there. */
struct moment_states {
	const struct asof_column *value; /* `step: event` */
	const struct asof_column *count;
	const struct asof_column *decimal_sum;
	const struct asof_column *sum;
	const struct asof_column *sum_lo;
	const struct asof_column *squares;
	const struct asof_column *squares_lo;
	bool wants_squares;
};

static struct moment_states
moment_states_of(const struct asof_merge *merge, const struct asof_tile_column *column,
		 bool wants_squares)
{
	struct moment_states states = { .wants_squares = wants_squares };
	if (is_event(merge)) {
		states.value = state_of(merge, column, ASOF_STATE_VALUE);
		return states;
	}
	states.count = state_of(merge, column, ASOF_STATE_COUNT);
	if (column->type.kind == ASOF_TYPE_DECIMAL) {
		states.decimal_sum = state_of(merge, column, ASOF_STATE_SUM);
	} else {
		states.sum = state_of(merge, column, ASOF_STATE_SUM);
		states.sum_lo = state_of(merge, column, ASOF_STATE_SUM_LO);
	}
	if (wants_squares) {
		states.squares = state_of(merge, column, ASOF_STATE_SQUARES);
		states.squares_lo = state_of(merge, column, ASOF_STATE_SQUARES_LO);
	}
	return states;
}

/* Sums past 2^127 wrap and are counted: what counts is whether the whole sum fits, not a part. */
static void
add_wide(struct asof_moments *m, asof_int128 value)
{
	if (__builtin_add_overflow(m->total, value, &m->total))
		m->carry += value < 0 ? -1 : 1;
}

static void
add_square(struct asof_moments *m, struct asof_dd value)
{
	m->squares = asof_dd_add(m->squares, asof_dd_mul(value, value));
}

static void
add_integer(struct asof_moments *m, asof_int128 value, bool wants_squares)
{
	add_wide(m, value);
	if (wants_squares)
		add_square(m, asof_dd_from_int128(value));
}

static void
add_float(struct asof_moments *m, double value, bool wants_squares)
{
	struct asof_dd exact = asof_dd_from_double(value);
	m->sum = asof_dd_add(m->sum, exact);
	if (wants_squares)
		add_square(m, exact);
}

static void
add_event(struct asof_moments *m, const struct asof_column *column, size_t row, bool wants_squares)
{
	if (asof_column_is_null(column, row))
		return;
	m->count++;
	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_BOOL:
		add_integer(m, ((const uint8_t *)column->data)[row], wants_squares);
		break;
	case ASOF_TYPE_INT32:
		add_integer(m, ((const int32_t *)column->data)[row], wants_squares);
		break;
	case ASOF_TYPE_INT64:
		add_integer(m, ((const int64_t *)column->data)[row], wants_squares);
		break;
	case ASOF_TYPE_DECIMAL:
		add_integer(m, ((const asof_int128 *)column->data)[row], wants_squares);
		break;
	case ASOF_TYPE_FLOAT32:
		add_float(m, (double)((const float *)column->data)[row], wants_squares);
		break;
	case ASOF_TYPE_FLOAT64:
		add_float(m, ((const double *)column->data)[row], wants_squares);
		break;
	default: /* only counted */
		break;
	}
}

static struct asof_dd
pair_at(const struct asof_column *high, const struct asof_column *low, size_t row)
{
	double hi = double_at(high, row);
	return isfinite(hi) ? (struct asof_dd){ hi, double_at(low, row) } : asof_dd_from_double(hi);
}

static void
add_tile(struct asof_moments *m, const struct moment_states *s, size_t row)
{
	if (s->value) {
		add_event(m, s->value, row, s->wants_squares);
		return;
	}
	if (s->count)
		m->count += int64_at(s->count, row, 0);
	if (s->decimal_sum && !asof_column_is_null(s->decimal_sum, row))
		add_wide(m, ((const asof_int128 *)s->decimal_sum->data)[row]);
	if (s->sum)
		m->sum = asof_dd_add(m->sum, pair_at(s->sum, s->sum_lo, row));
	if (s->squares)
		m->squares = asof_dd_add(m->squares, pair_at(s->squares, s->squares_lo, row));
}

bool
asof_merge_is_exact(const struct asof_merge *merge, const struct asof_tile_column *column)
{
	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_DECIMAL:
		return true;
	case ASOF_TYPE_BOOL:
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
		return is_event(merge);
	default:
		return false;
	}
}

void
asof_merge_moments(const struct asof_merge *merge, const struct asof_tile_column *column,
		   size_t window_count, bool wants_squares, struct asof_moments *moments)
{
	struct moment_states states = moment_states_of(merge, column, wants_squares);
	bool is_exact = asof_merge_is_exact(merge, column);
	struct asof_moments merged = { 0 };
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w])
			add_tile(&merged, &states, --row);
		moments[w] = merged;
		if (is_exact)
			moments[w].sum =
				asof_dd_add(asof_dd_from_int128(merged.total),
					    asof_dd_from_double((double)merged.carry * 0x1p128));
	}
}

void
asof_merge_rows(const struct asof_merge *merge, size_t window_count, int64_t *row_counts)
{
	int64_t merged = 0;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			row--;
			merged += is_event(merge) ? 1 : int64_at(&merge->tiles->states[0], row, 0);
		}
		row_counts[w] = merged;
	}
}

const struct asof_column *
asof_merge_choice_column(const struct asof_merge *merge, const struct asof_tile_column *column,
			 enum asof_state_kind kind)
{
	return state_of(merge, column, is_event(merge) ? ASOF_STATE_VALUE : kind);
}

static void
choose_extremes(const struct asof_merge *merge, const struct asof_column *column, bool is_max,
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
	if (is_event(merge)) {
		edge.parts[0] = tiles->end_us[row];
		edge.parts[1] = tiles->created_us ? tiles->created_us[row] : 0;
		edge.parts[2] = tiles->order ? tiles->order[row] : 0;
		return edge;
	}
	for (size_t i = 0; i < ASOF_COUNTOF(edge.parts); i++) {
		enum asof_state_kind part = (enum asof_state_kind)((size_t)kind + 1 + i);
		edge.parts[i] = int64_at(state_of(merge, column, part), row, INT64_MIN);
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

/* Of equals, the last in the tiles' order is the last: tiles come from the newest back. */
static void
choose_edges(const struct asof_merge *merge, const struct asof_tile_column *column,
	     enum asof_state_kind kind, size_t window_count, size_t *rows)
{
	const struct asof_column *values = asof_merge_choice_column(merge, column, kind);
	struct edge best = { { 0 } };
	size_t chosen = SIZE_MAX;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			if (asof_column_is_null(values, --row))
				continue;
			struct edge edge = edge_at(merge, column, kind, row);
			int order = chosen == SIZE_MAX ? 0 : edge_compare(&edge, &best);
			if (chosen == SIZE_MAX ||
			    (kind == ASOF_STATE_LAST ? order > 0 : order <= 0)) {
				chosen = row;
				best = edge;
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

double
asof_power_of_ten(unsigned exponent)
{
	struct asof_dd power = { 1, 0 };
	while (exponent > 0) {
		unsigned step = exponent < 18 ? exponent : 18;
		int64_t factor = 1;
		for (unsigned i = 0; i < step; i++)
			factor *= 10;
		power = asof_dd_mul(power, asof_dd_from_int64(factor));
		exponent -= step;
	}
	return power.hi;
}
