/* window_sweep_exact.c - sums of a column as differences of prefixes that are wide integers. */
#include "kernel/window_sweep_sums.h"

#define MANTISSA_BITS 53
#define EXPONENT_ZERO 1075 /* a double is mantissa * 2^(exponent - 1075) */
#define SUM_RANGE     440  /* squares, times counts, of what is this far from 1 stay finite */
#define SQUARE_RANGE  (2 * SUM_RANGE)
#define SUM_BITS      126
#define SQUARE_BITS   254
#define COUNT_MAX     (INT64_C(1) << 52)
#define STORED_MAX    ((size_t)1 << 18) /* prefixes of more tiles are not stored but walked twice */

typedef asof_sweep_u128 u128;

/* A finite double as an odd integer and its place; 0 is 0 at any place. */
struct odd {
	uint64_t mantissa;
	unsigned place; /* * 2^(place - 1075) */
	bool is_negative;
};

static inline struct odd
odd_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	unsigned exponent = (unsigned)(bits >> 52) & 0x7FF;
	uint64_t hidden = (uint64_t)(exponent != 0) << 52;
	uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | hidden;
	unsigned zeros = (unsigned)__builtin_ctzll(mantissa | ASOF_ITEM_SIGN);
	return (struct odd){ .mantissa = mantissa >> zeros,
			     .place = exponent + (exponent == 0) + zeros,
			     .is_negative = bits >> 63 };
}

/* Where the digits of some values stand: [low, high). */
struct span {
	unsigned low;
	unsigned high;
};

static inline void
widen(struct span *span, double value)
{
	struct odd odd = odd_of(value);
	unsigned top = odd.place + (64 - (unsigned)__builtin_clzll(odd.mantissa | 1));
	if (odd.mantissa == 0)
		return;
	span->low = odd.place < span->low ? odd.place : span->low;
	span->high = top > span->high ? top : span->high;
}

static inline unsigned
bits_of(size_t count)
{
	return 64 - (unsigned)__builtin_clzll(count | 1);
}

/* Do sums of `count` such values fit? */
static bool
fits(struct span span, unsigned range, size_t count, unsigned bits)
{
	if (span.high == 0)
		return true;
	return span.low > EXPONENT_ZERO - range && span.high < EXPONENT_ZERO + range &&
	       span.high - span.low + bits_of(count) <= bits;
}

static inline u128
signed_sum(u128 magnitude, bool is_negative)
{
	u128 mask = (u128)0 - is_negative;
	return (magnitude ^ mask) - mask;
}

static inline struct asof_sweep_wide
wide_shift(u128 magnitude, unsigned by)
{
	if (by == 0)
		return (struct asof_sweep_wide){ magnitude, 0 };
	if (by < 128)
		return (struct asof_sweep_wide){ magnitude << by, magnitude >> (128 - by) };
	return (struct asof_sweep_wide){ 0, magnitude << (by - 128) };
}

static inline struct asof_sweep_wide
wide_add(struct asof_sweep_wide a, struct asof_sweep_wide b)
{
	u128 low = a.low + b.low;
	return (struct asof_sweep_wide){ low, a.high + b.high + (low < a.low) };
}

static inline struct asof_sweep_wide
wide_sub(struct asof_sweep_wide a, struct asof_sweep_wide b)
{
	return (struct asof_sweep_wide){ a.low - b.low, a.high - b.high - (a.low < b.low) };
}

static inline double
power_of_two(int exponent)
{
	uint64_t bits = (uint64_t)(1023 + exponent) << 52;
	double power;
	memcpy(&power, &bits, sizeof(power));
	return power;
}

/* The top 106 of the 128 digits of `top`, the first of which is 1, the last of them worth `unit`
 * times 2^22. */
static inline struct asof_dd
pair_of(u128 top, double unit)
{
	double high = (double)(int64_t)(top >> 75);
	double low = (double)(int64_t)((uint64_t)(top >> 22) & ((UINT64_C(1) << 53) - 1));
	return asof_fast_two_sum(high * (unit * 0x1p75), low * (unit * 0x1p22));
}

static inline unsigned
zeros_before(u128 value)
{
	uint64_t high = (uint64_t)(value >> 64);
	return high ? (unsigned)__builtin_clzll(high)
		    : 64 + (unsigned)__builtin_clzll((uint64_t)value | 1);
}

static inline struct asof_dd
sum_of(u128 sum, double unit)
{
	bool is_negative = sum >> 127;
	u128 magnitude = signed_sum(sum, is_negative);
	unsigned zeros = zeros_before(magnitude);
	if (magnitude == 0)
		return (struct asof_dd){ 0, 0 };
	unit *= power_of_two(-(int)zeros);
	return pair_of(magnitude << zeros, is_negative ? -unit : unit);
}

static inline struct asof_dd
wide_of(struct asof_sweep_wide sum, double unit)
{
	bool is_negative = sum.high >> 127;
	if (is_negative)
		sum = wide_sub((struct asof_sweep_wide){ 0, 0 }, sum);
	if (is_negative)
		unit = -unit;
	if (sum.high == 0) {
		u128 magnitude = sum.low;
		unsigned zeros = zeros_before(magnitude);
		if (magnitude == 0)
			return (struct asof_dd){ 0, 0 };
		return pair_of(magnitude << zeros, unit * power_of_two(-(int)zeros));
	}
	unsigned zeros = zeros_before(sum.high);
	u128 below = zeros > 0 ? sum.low >> (128 - zeros) : 0;
	return pair_of(sum.high << zeros | below, unit * power_of_two(128 - (int)zeros));
}

/* Of an integer column; the status of decimals beyond int64 is no. */
static inline bool
integer_at(const struct asof_column *column, size_t row, int64_t *ret_value)
{
	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_BOOL:
		*ret_value = ((const uint8_t *)column->data)[row];
		return true;
	case ASOF_TYPE_INT32:
		*ret_value = ((const int32_t *)column->data)[row];
		return true;
	case ASOF_TYPE_INT64:
		*ret_value = ((const int64_t *)column->data)[row];
		return true;
	default: {
		asof_int128 value = ((const asof_int128 *)column->data)[row];
		*ret_value = (int64_t)value;
		return value == *ret_value;
	}
	}
}

static inline void
add_integer(struct asof_sweep_prefix *p, int64_t value, bool wants_squares)
{
	u128 wide = (u128)(asof_int128)value;
	p->sum += wide;
	if (wants_squares) {
		uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
		u128 square = (u128)magnitude * magnitude;
		p->squares = wide_add(p->squares, (struct asof_sweep_wide){ square, 0 });
	}
}

static inline void
add_float(struct asof_sweep_prefix *p, const struct asof_sweep_places *places, double value,
	  bool wants_squares)
{
	struct odd odd = odd_of(value);
	unsigned by = (odd.place - places->sum) & 127; /* anything for 0 */
	p->sum += signed_sum((u128)odd.mantissa << by, odd.is_negative);
	if (wants_squares)
		p->squares =
			wide_add(p->squares, wide_shift((u128)odd.mantissa * odd.mantissa, 2 * by));
}

/* One half of a pair of squares. */
static inline void
add_square(struct asof_sweep_prefix *p, const struct asof_sweep_places *places, double value)
{
	struct odd odd = odd_of(value);
	unsigned by = (odd.place - places->squares) & 255;
	struct asof_sweep_wide wide = wide_shift(odd.mantissa, by);
	p->squares = odd.is_negative ? wide_sub(p->squares, wide) : wide_add(p->squares, wide);
}

static inline __attribute__((always_inline)) void
add_event(struct asof_sweep_prefix *p, const struct asof_sweep_places *places,
	  const struct asof_column *column, size_t row, bool wants_squares)
{
	enum asof_type_kind kind = (enum asof_type_kind)column->type.kind;
	if (asof_column_is_null(column, row))
		return;
	p->count++;
	if (!places->has_sums)
		return;
	if (kind == ASOF_TYPE_FLOAT64) {
		add_float(p, places, ((const double *)column->data)[row], wants_squares);
	} else if (kind == ASOF_TYPE_FLOAT32) {
		add_float(p, places, (double)((const float *)column->data)[row], wants_squares);
	} else {
		int64_t value;
		(void)integer_at(column, row, &value);
		add_integer(p, value, wants_squares);
	}
}

static inline double
half_at(const struct asof_column *column, size_t row)
{
	return asof_column_is_null(column, row) ? 0 : ((const double *)column->data)[row];
}

static inline void
add_tile(struct asof_sweep_prefix *p, const struct asof_sweep_places *places,
	 const struct asof_sweep_states *states, size_t row)
{
	if (states->count)
		p->count += asof_merge_int64(states->count, row, 0);
	if (places->has_sums && states->is_exact) {
		if (!asof_column_is_null(states->sum, row))
			p->sum += (u128)((const asof_int128 *)states->sum->data)[row];
	} else if (places->has_sums) {
		add_float(p, places, half_at(states->sum, row), false);
		add_float(p, places, half_at(states->sum_low, row), false);
	}
	if (places->has_squares) {
		add_square(p, places, half_at(states->squares, row));
		add_square(p, places, half_at(states->squares_low, row));
	}
}

static inline void
add_at(struct asof_sweep_prefix *p, const struct asof_sweep_places *places,
       const struct asof_sweep_states *states, size_t row)
{
	if (states->value)
		add_event(p, places, states->value, row, places->has_squares);
	else
		add_tile(p, places, states, row);
}

static void
find_float_span(const struct asof_column *column, size_t first, size_t end, struct span *span)
{
	bool is_double = column->type.kind == ASOF_TYPE_FLOAT64;
	for (size_t row = first; row < end; row++) {
		if (asof_column_is_null(column, row))
			continue;
		widen(span, is_double ? ((const double *)column->data)[row]
				      : (double)((const float *)column->data)[row]);
	}
}

static bool
find_pair_span(const struct asof_column *high, const struct asof_column *low, size_t first,
	       size_t end, struct span *span)
{
	if (!high || !low)
		return false;
	for (size_t row = first; row < end; row++) {
		widen(span, half_at(high, row));
		widen(span, half_at(low, row));
	}
	return true;
}

static bool
are_small(const struct asof_column *column, size_t first, size_t end)
{
	int64_t value;
	for (size_t row = first; row < end; row++) {
		if (!asof_column_is_null(column, row) && !integer_at(column, row, &value))
			return false;
	}
	return true;
}

static bool
find_event_places(const struct asof_column *value, size_t first, size_t end,
		  struct asof_sweep_places *places)
{
	struct span span = { .low = UINT32_MAX };
	enum asof_type_kind kind = (enum asof_type_kind)value->type.kind;
	if (!places->has_sums)
		return true;
	places->sum = EXPONENT_ZERO;
	places->squares = EXPONENT_ZERO;
	if (kind == ASOF_TYPE_DECIMAL)
		return are_small(value, first, end);
	if (kind != ASOF_TYPE_FLOAT64 && kind != ASOF_TYPE_FLOAT32)
		return true;
	find_float_span(value, first, end, &span);
	unsigned digits = span.high > span.low ? span.high - span.low : 0;
	if (!fits(span, SUM_RANGE, end - first, SUM_BITS) ||
	    2 * digits + bits_of(end - first) > SQUARE_BITS)
		return false;
	if (span.high > 0) {
		places->sum = span.low;
		places->squares = 2 * span.low - EXPONENT_ZERO;
	}
	return true;
}

static bool
find_tile_places(const struct asof_sweep_states *states, size_t first, size_t end,
		 struct asof_sweep_places *places)
{
	struct span sums = { .low = UINT32_MAX };
	struct span squares = { .low = UINT32_MAX };
	int64_t count = 0;
	for (size_t row = first; states->count && row < end; row++) {
		int64_t held = asof_merge_int64(states->count, row, 0);
		if (held < 0 || held > COUNT_MAX || (count += held) > COUNT_MAX)
			return false;
	}
	places->sum = EXPONENT_ZERO;
	places->squares = EXPONENT_ZERO;
	if (places->has_sums && states->is_exact)
		return false; /* their sums may pass 2^127 */
	if (places->has_sums && (!find_pair_span(states->sum, states->sum_low, first, end, &sums) ||
				 !fits(sums, SUM_RANGE, 2 * (end - first), SUM_BITS)))
		return false;
	if (places->has_squares &&
	    (!find_pair_span(states->squares, states->squares_low, first, end, &squares) ||
	     !fits(squares, SQUARE_RANGE, 2 * (end - first), SQUARE_BITS)))
		return false;
	if (sums.high > 0)
		places->sum = sums.low;
	if (squares.high > 0)
		places->squares = squares.low;
	return true;
}

/* The prefix of tile first + i at i. */
static enum asof_status
store_prefixes(const struct asof_sweep_run *run, const struct asof_sweep_states *states,
	       size_t first, size_t end)
{
	struct asof_sweep_scratch *s = run->scratch;
	struct asof_sweep_prefix prefix = { .count = 0 };
	const struct asof_sweep_places places = s->places;
	ASOF_TRY(asof_mem_reserve((void **)&s->prefixes, &s->prefix_capacity, end - first + 1,
				  sizeof(*s->prefixes), run->err));
	struct asof_sweep_prefix *prefixes = s->prefixes;
	prefixes[0] = prefix;
	for (size_t row = first; row < end; row++) {
		add_at(&prefix, &places, states, row);
		prefixes[row - first + 1] = prefix;
	}
	return ASOF_OK;
}

enum asof_status
asof_sweep_exact_prepare(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
			 const struct asof_sweep_states *states, bool *ret_is_exact)
{
	struct asof_sweep_scratch *s = run->scratch;
	struct asof_sweep_places *places = &s->places;
	size_t first = run->begins[pass->shared_window][run->first];
	size_t end = run->ends[run->count - 1];
	if (s->summed == pass->column) {
		*ret_is_exact = places->is_exact;
		return ASOF_OK;
	}
	*places = (struct asof_sweep_places){ .first = first,
					      .has_sums = pass->shares_sums,
					      .has_squares = pass->shares_squares };
	places->is_exact = states->value ? find_event_places(states->value, first, end, places)
					 : find_tile_places(states, first, end, places);
	places->is_stored =
		places->is_exact && end - first <= STORED_MAX && !asof_sweep_is_sparse(run, pass);
	s->summed = NULL;
	if (places->is_stored)
		ASOF_TRY(store_prefixes(run, states, first, end));
	s->summed = pass->column;
	*ret_is_exact = places->is_exact;
	return ASOF_OK;
}

static void
walk(const struct asof_sweep_run *run, const struct asof_sweep_states *states,
     struct asof_sweep_ends *ends, size_t begin, size_t end)
{
	const struct asof_sweep_places *places = &run->scratch->places;
	if (begin >= ends->end_tile) {
		*ends = (struct asof_sweep_ends){ .begin_tile = begin, .end_tile = begin };
	}
	for (; ends->end_tile < end; ends->end_tile++)
		add_at(&ends->end, places, states, ends->end_tile);
	for (; ends->begin_tile < begin; ends->begin_tile++)
		add_at(&ends->begin, places, states, ends->begin_tile);
}

static inline void
set_difference(const struct asof_sweep_places *places, const struct asof_sweep_states *states,
	       const struct asof_sweep_prefix *begin, const struct asof_sweep_prefix *end, size_t i,
	       struct asof_sweep_moments *m)
{
	m->counts[i] = end->count - begin->count;
	if (states->is_exact && places->has_sums) {
		asof_int128 total = (asof_int128)(end->sum - begin->sum);
		struct asof_dd sum = total == (int64_t)total ? asof_dd_from_int64((int64_t)total)
							     : asof_dd_from_int128(total);
		m->totals[i] = total;
		m->carries[i] = 0;
		m->sums[i] = sum.hi;
		m->sum_lows[i] = sum.lo;
	} else if (places->has_sums) {
		double unit = power_of_two((int)places->sum - EXPONENT_ZERO);
		struct asof_dd sum = sum_of(end->sum - begin->sum, unit);
		m->sums[i] = sum.hi;
		m->sum_lows[i] = sum.lo;
	}
	if (places->has_squares) {
		double unit = power_of_two((int)places->squares - EXPONENT_ZERO);
		struct asof_dd squares = wide_of(wide_sub(end->squares, begin->squares), unit);
		m->squares[i] = squares.hi;
		m->square_lows[i] = squares.lo;
	}
}

void
asof_sweep_exact_take(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
		      const struct asof_sweep_states *states, struct asof_sweep_ends *ends,
		      size_t from, size_t to, struct asof_sweep_moments *moments)
{
	const struct asof_sweep_scratch *s = run->scratch;
	const uint32_t *begins = run->begins[pass->window];
	struct asof_sweep_places places = s->places;
	places.has_sums = pass->wants_sums;
	places.has_squares = pass->wants_squares;
	for (size_t i = from; i < to; i++) {
		const struct asof_sweep_prefix *begin = &ends->begin;
		const struct asof_sweep_prefix *end = &ends->end;
		if (places.is_stored) {
			begin = &s->prefixes[begins[i] - places.first];
			end = &s->prefixes[run->ends[i] - places.first];
		} else {
			walk(run, states, ends, begins[i], run->ends[i]);
		}
		set_difference(&places, states, begin, end, i - from, moments);
	}
}
