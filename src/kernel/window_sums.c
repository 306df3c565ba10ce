/* window_sums.c - counts, sums and squares of a column, merged over nested windows. */
#include "kernel/window_merge.h"

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

static void
merge_events(const struct asof_merge *merge, const struct asof_column *column, size_t window_count,
	     bool wants_squares, struct asof_moments *moments)
{
	struct asof_moments merged = { 0 };
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w])
			add_event(&merged, column, --row, wants_squares);
		moments[w] = merged;
	}
}

static void
merge_counts(const struct asof_merge *merge, const struct asof_column *column, size_t window_count,
	     struct asof_moments *moments)
{
	int64_t merged = 0;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w])
			merged += asof_merge_int64(column, --row, 0);
		moments[w].count = merged;
	}
}

static void
merge_decimals(const struct asof_merge *merge, const struct asof_column *column,
	       size_t window_count, struct asof_moments *moments)
{
	struct asof_moments merged = { 0 };
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			if (!asof_column_is_null(column, --row))
				add_wide(&merged, ((const asof_int128 *)column->data)[row]);
		}
		moments[w].total = merged.total;
		moments[w].carry = merged.carry;
	}
}

static double
double_at(const struct asof_column *column, size_t row)
{
	return asof_column_is_null(column, row) ? 0 : ((const double *)column->data)[row];
}

/* One after the other, with every guard. */
static struct asof_dd
sum_carefully(const struct asof_column *high, const struct asof_column *low, size_t from, size_t to)
{
	struct asof_dd sum = { 0, 0 };
	for (size_t i = from; i < to; i++) {
		struct asof_dd pair = asof_dd_from_double(double_at(high, i));
		if (isfinite(pair.hi))
			pair.lo = double_at(low, i);
		sum = asof_dd_add(sum, pair);
	}
	return sum;
}

/* Pairs side by side: an addition takes some twenty steps, each waiting for the one before. */
typedef double lanes __attribute__((vector_size(16)));
#define LANES  2
#define CHAINS 4

struct dd_lanes {
	lanes hi;
	lanes lo;
};

/* asof_dd_add() without its guards: what is not finite stays so, as infinity or NaN. */
static inline struct dd_lanes
add_lanes(struct dd_lanes x, struct dd_lanes y)
{
	lanes high = x.hi + y.hi;
	lanes y_part = high - x.hi;
	lanes high_rest = (x.hi - (high - y_part)) + (y.hi - y_part);
	lanes low = x.lo + y.lo;
	lanes y_low_part = low - x.lo;
	lanes low_rest = (x.lo - (low - y_low_part)) + (y.lo - y_low_part);
	lanes middle = high_rest + low;
	lanes v = high + middle;
	lanes rest = low_rest + (middle - (v - high));
	struct dd_lanes z = { .hi = v + rest };
	z.lo = rest - (z.hi - v);
	return z;
}

static inline struct dd_lanes
load_lanes(const double *high, const double *low)
{
	struct dd_lanes pairs;
	memcpy(&pairs.hi, high, sizeof(pairs.hi));
	memcpy(&pairs.lo, low, sizeof(pairs.lo));
	return pairs;
}

/* A multiple of LANES * CHAINS pairs. */
static struct asof_dd
sum_lanes(const double *high, const double *low, size_t count)
{
	struct dd_lanes chains[CHAINS] = { 0 };
	for (size_t i = 0; i < count; i += LANES * CHAINS) {
		for (size_t j = 0; j < CHAINS; j++)
			chains[j] = add_lanes(
				chains[j], load_lanes(high + i + j * LANES, low + i + j * LANES));
	}
	struct dd_lanes sum =
		add_lanes(add_lanes(chains[0], chains[1]), add_lanes(chains[2], chains[3]));
	return asof_dd_add((struct asof_dd){ sum.hi[0], sum.lo[0] },
			   (struct asof_dd){ sum.hi[1], sum.lo[1] });
}

struct asof_dd
asof_dd_sum(const struct asof_column *high, const struct asof_column *low, size_t from, size_t to)
{
	size_t rest = (to - from) % (LANES * CHAINS);
	if (high->validity || low->validity || to - from == rest)
		return sum_carefully(high, low, from, to);
	struct asof_dd sum = sum_lanes((const double *)high->data + from,
				       (const double *)low->data + from, to - from - rest);
	if (!isfinite(sum.hi))
		return sum_carefully(high, low, from, to);
	return rest ? asof_dd_add(sum, sum_carefully(high, low, to - rest, to)) : sum;
}

/* SUM, or SQUARES, as pairs. */
static void
merge_pairs(const struct asof_merge *merge, const struct asof_tile_column *column, bool is_squares,
	    size_t window_count, struct asof_moments *moments)
{
	const struct asof_column *high =
		asof_merge_state(merge, column, is_squares ? ASOF_STATE_SQUARES : ASOF_STATE_SUM);
	const struct asof_column *low = asof_merge_state(
		merge, column, is_squares ? ASOF_STATE_SQUARES_LO : ASOF_STATE_SUM_LO);
	struct asof_dd merged = { 0, 0 };
	size_t end = merge->end;
	if (!high || !low)
		return;
	for (size_t w = 0; w < window_count; w++) {
		if (merge->begins[w] < end)
			merged = asof_dd_add(merged, asof_dd_sum(high, low, merge->begins[w], end));
		end = merge->begins[w];
		if (is_squares)
			moments[w].squares = merged;
		else
			moments[w].sum = merged;
	}
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
		return asof_merge_is_event(merge);
	default:
		return false;
	}
}

static void
merge_tiles(const struct asof_merge *merge, const struct asof_tile_column *column,
	    size_t window_count, bool wants_squares, struct asof_moments *moments)
{
	const struct asof_column *count = asof_merge_state(merge, column, ASOF_STATE_COUNT);
	const struct asof_column *sum = asof_merge_state(merge, column, ASOF_STATE_SUM);
	if (count)
		merge_counts(merge, count, window_count, moments);
	if (sum && column->type.kind == ASOF_TYPE_DECIMAL)
		merge_decimals(merge, sum, window_count, moments);
	else
		merge_pairs(merge, column, false, window_count, moments);
	if (wants_squares)
		merge_pairs(merge, column, true, window_count, moments);
}

void
asof_merge_moments(const struct asof_merge *merge, const struct asof_tile_column *column,
		   size_t window_count, bool wants_squares, struct asof_moments *moments)
{
	if (asof_merge_is_event(merge))
		merge_events(merge, asof_merge_state(merge, column, ASOF_STATE_VALUE), window_count,
			     wants_squares, moments);
	else
		merge_tiles(merge, column, window_count, wants_squares, moments);
	if (!asof_merge_is_exact(merge, column))
		return;
	for (size_t w = 0; w < window_count; w++)
		asof_moments_round(&moments[w]);
}

void
asof_moments_round(struct asof_moments *m)
{
	double carried = (double)m->carry * 0x1p128;
	m->sum = asof_dd_add(asof_dd_from_int128(m->total), asof_dd_from_double(carried));
}

double
asof_moments_mean(const struct asof_moments *m, struct asof_type type)
{
	double mean = asof_dd_mean(m->sum, m->count);
	return type.kind == ASOF_TYPE_DECIMAL ? mean / asof_power_of_ten(type.scale) : mean;
}

double
asof_moments_variance(const struct asof_moments *m, struct asof_type type)
{
	double variance = asof_dd_variance(m->sum, m->squares, m->count);
	return type.kind == ASOF_TYPE_DECIMAL ? variance / asof_power_of_ten(2U * type.scale)
					      : variance;
}

bool
asof_moments_integer(const struct asof_moments *m, bool is_exact, int64_t *ret_sum)
{
	asof_int128 total = m->total;
	bool is_whole = is_exact || asof_dd_to_int128(m->sum, &total);
	if (!is_whole || total < INT64_MIN || total > INT64_MAX)
		return false;
	*ret_sum = (int64_t)total;
	return true;
}

bool
asof_moments_decimal(const struct asof_moments *m, asof_int128 *ret_sum)
{
	const asof_int128 limit =
		(asof_int128)INT64_C(10000000000000000) * INT64_C(1000000000000000000) * 10000;
	if (m->carry != 0 || m->total >= limit || m->total <= -limit)
		return false;
	*ret_sum = m->total;
	return true;
}

enum asof_status
asof_moments_fail(const char *column, struct asof_type type, struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	return ASOF_FAIL(err, ASOF_LIMIT, "sum of '%s' leaves %s", column,
			 asof_type_text(type, text));
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
