/*
 * window_sweep_stacks.c - sums of a column that cannot be subtracted: in two stacks.
 *
 * Of the tiles [begin, middle) all sums of a suffix, of [middle, end) one sum. Each tile is added
 * twice, and nothing is subtracted but counts and exact totals.
 */
#include "kernel/window_sweep_sums.h"

/* What a tile adds to its window. */
struct addend {
	int64_t count;
	asof_int128 total;
	struct asof_sweep_sums sums;
};

struct slide {
	const struct asof_sweep_states *states;
	bool has_stacks;
	bool wants_squares;
	struct asof_sweep_stacks *stacks;
};

static void
take_integer(struct addend *a, asof_int128 value, bool wants_squares)
{
	a->total = value;
	if (wants_squares) {
		struct asof_dd exact = asof_dd_from_int128(value);
		a->sums.squares = asof_dd_mul(exact, exact);
	}
}

static void
take_float(struct addend *a, double value, bool wants_squares)
{
	a->sums.sum = asof_dd_from_double(value);
	if (wants_squares)
		a->sums.squares = asof_dd_mul(a->sums.sum, a->sums.sum);
}

static struct addend
event_at(const struct slide *s, size_t row)
{
	struct addend a = { .count = 0 };
	const struct asof_column *column = s->states->value;
	if (asof_column_is_null(column, row))
		return a;
	a.count = 1;
	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_BOOL:
		take_integer(&a, ((const uint8_t *)column->data)[row], s->wants_squares);
		break;
	case ASOF_TYPE_INT32:
		take_integer(&a, ((const int32_t *)column->data)[row], s->wants_squares);
		break;
	case ASOF_TYPE_INT64:
		take_integer(&a, ((const int64_t *)column->data)[row], s->wants_squares);
		break;
	case ASOF_TYPE_DECIMAL:
		take_integer(&a, ((const asof_int128 *)column->data)[row], s->wants_squares);
		break;
	case ASOF_TYPE_FLOAT32:
		take_float(&a, (double)((const float *)column->data)[row], s->wants_squares);
		break;
	case ASOF_TYPE_FLOAT64:
		take_float(&a, ((const double *)column->data)[row], s->wants_squares);
		break;
	default: /* only counted */
		break;
	}
	return a;
}

static struct asof_dd
pair_at(const struct asof_column *high, const struct asof_column *low, size_t row)
{
	struct asof_dd pair = { 0, 0 };
	if (!high || !low || asof_column_is_null(high, row))
		return pair;
	pair = asof_dd_from_double(((const double *)high->data)[row]);
	if (isfinite(pair.hi) && !asof_column_is_null(low, row))
		pair.lo = ((const double *)low->data)[row];
	return pair;
}

static struct addend
tile_at(const struct slide *s, size_t row)
{
	struct addend a = { .count = 0 };
	const struct asof_sweep_states *states = s->states;
	if (states->count)
		a.count = asof_merge_int64(states->count, row, 0);
	if (!states->is_exact)
		a.sums.sum = pair_at(states->sum, states->sum_low, row);
	else if (states->sum && !asof_column_is_null(states->sum, row))
		a.total = ((const asof_int128 *)states->sum->data)[row];
	if (s->wants_squares)
		a.sums.squares = pair_at(states->squares, states->squares_low, row);
	return a;
}

static struct addend
addend_at(const struct slide *s, size_t row)
{
	return s->states->value ? event_at(s, row) : tile_at(s, row);
}

static void
add_sums(struct asof_sweep_sums *to, const struct asof_sweep_sums *sums)
{
	to->sum = asof_dd_add(to->sum, sums->sum);
	to->squares = asof_dd_add(to->squares, sums->squares);
}

static void
enter(const struct slide *s, size_t row)
{
	struct asof_moments *held = &s->stacks->held;
	struct addend a = addend_at(s, row);
	held->count += a.count;
	if (__builtin_add_overflow(held->total, a.total, &held->total))
		held->carry += a.total < 0 ? -1 : 1;
	if (s->has_stacks)
		add_sums(&s->stacks->back, &a.sums);
}

static void
leave(const struct slide *s, size_t row)
{
	struct asof_moments *held = &s->stacks->held;
	struct addend a = addend_at(s, row);
	held->count -= a.count;
	if (__builtin_sub_overflow(held->total, a.total, &held->total))
		held->carry += a.total < 0 ? 1 : -1;
}

/* All tiles that are left are on the back stack: turn it over. */
static void
turn(const struct slide *s)
{
	struct asof_sweep_stacks *stacks = s->stacks;
	struct asof_sweep_sums suffix = { { 0, 0 }, { 0, 0 } };
	for (size_t row = stacks->end; row > stacks->begin; row--) {
		struct addend a = addend_at(s, row - 1);
		add_sums(&suffix, &a.sums);
		stacks->suffixes[row - 1 - stacks->begin] = suffix;
	}
	stacks->first = stacks->begin;
	stacks->middle = stacks->end;
	stacks->back = (struct asof_sweep_sums){ { 0, 0 }, { 0, 0 } };
}

static void
start(struct asof_sweep_stacks *stacks, size_t begin)
{
	stacks->begin = begin;
	stacks->end = begin;
	stacks->held = (struct asof_moments){ .count = 0 };
	stacks->middle = begin;
	stacks->back = (struct asof_sweep_sums){ { 0, 0 }, { 0, 0 } };
}

static void
move(const struct slide *s, size_t begin, size_t end)
{
	struct asof_sweep_stacks *stacks = s->stacks;
	if (begin >= stacks->end)
		start(stacks, begin);
	for (; stacks->end < end; stacks->end++)
		enter(s, stacks->end);
	for (; stacks->begin < begin; stacks->begin++)
		leave(s, stacks->begin);
	if (s->has_stacks && stacks->begin > stacks->middle)
		turn(s);
}

static struct asof_moments
moments_of(const struct slide *s)
{
	const struct asof_sweep_stacks *stacks = s->stacks;
	struct asof_moments m = stacks->held;
	if (s->has_stacks) {
		struct asof_sweep_sums sums = stacks->back;
		if (stacks->begin < stacks->middle)
			add_sums(&sums, &stacks->suffixes[stacks->begin - stacks->first]);
		m.sum = sums.sum;
		m.squares = sums.squares;
	}
	if (s->states->is_exact)
		asof_moments_round(&m);
	return m;
}

static bool
needs_stacks(const struct asof_sweep_pass *pass, const struct asof_sweep_states *states)
{
	return pass->wants_squares || (pass->wants_sums && !states->is_exact);
}

enum asof_status
asof_sweep_stacks_init(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
		       struct asof_sweep_stacks *stacks)
{
	struct asof_sweep_scratch *scratch = run->scratch;
	ASOF_TRY(asof_mem_reserve((void **)&scratch->suffixes, &scratch->suffix_capacity,
				  asof_sweep_reach(run, pass->window), sizeof(*scratch->suffixes),
				  run->err));
	*stacks = (struct asof_sweep_stacks){ .suffixes = scratch->suffixes };
	return ASOF_OK;
}

void
asof_sweep_stacks_take(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
		       const struct asof_sweep_states *states, struct asof_sweep_stacks *stacks,
		       size_t from, size_t to, struct asof_sweep_moments *moments)
{
	struct slide slide = { .states = states,
			       .has_stacks = needs_stacks(pass, states),
			       .wants_squares = pass->wants_squares,
			       .stacks = stacks };
	for (size_t i = from; i < to; i++) {
		move(&slide, run->begins[pass->window][i], run->ends[i]);
		struct asof_moments m = moments_of(&slide);
		moments->counts[i - from] = m.count;
		moments->totals[i - from] = m.total;
		moments->carries[i - from] = m.carry;
		moments->sums[i - from] = m.sum.hi;
		moments->sum_lows[i - from] = m.sum.lo;
		moments->squares[i - from] = m.squares.hi;
		moments->square_lows[i - from] = m.squares.lo;
	}
}
