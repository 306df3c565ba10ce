/* window_sweep_sums.c - counts, sums and deviations in sliding windows. */
#include "kernel/window_sweep_pass.h"

#define CHUNK 64

/* What a tile adds to its window. */
struct addend {
	int64_t count;
	asof_int128 total;
	struct asof_sweep_sums sums;
};

/* Two stacks: of the tiles [begin, middle) all sums of a suffix, of [middle, end) one sum. Nothing
 * is subtracted; each tile is added twice. */
struct stacks {
	struct asof_sweep_sums *suffixes; /* that of tile t at t - first */
	size_t first;
	size_t middle;
	struct asof_sweep_sums back;
};

struct slide {
	const struct asof_sweep_run *run;
	const struct asof_sweep_pass *pass;
	const uint32_t *begins;
	const struct asof_column *value; /* event */
	const struct asof_column *count; /* stepped; these may be NULL */
	const struct asof_column *sum;
	const struct asof_column *sum_low;
	const struct asof_column *squares;
	const struct asof_column *squares_low;
	bool is_exact;
	bool has_stacks;
	size_t begin; /* the window holds tiles [begin, end) */
	size_t end;
	struct asof_moments held; /* counts and totals, added and subtracted */
	struct stacks stacks;
	struct asof_moments moments[CHUNK];
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
	const void *data = s->value->data;
	bool wants_squares = s->pass->wants_squares;
	if (asof_column_is_null(s->value, row))
		return a;
	a.count = 1;
	switch ((enum asof_type_kind)s->value->type.kind) {
	case ASOF_TYPE_BOOL:
		take_integer(&a, ((const uint8_t *)data)[row], wants_squares);
		break;
	case ASOF_TYPE_INT32:
		take_integer(&a, ((const int32_t *)data)[row], wants_squares);
		break;
	case ASOF_TYPE_INT64:
		take_integer(&a, ((const int64_t *)data)[row], wants_squares);
		break;
	case ASOF_TYPE_DECIMAL:
		take_integer(&a, ((const asof_int128 *)data)[row], wants_squares);
		break;
	case ASOF_TYPE_FLOAT32:
		take_float(&a, (double)((const float *)data)[row], wants_squares);
		break;
	case ASOF_TYPE_FLOAT64:
		take_float(&a, ((const double *)data)[row], wants_squares);
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
	if (s->count)
		a.count = asof_merge_int64(s->count, row, 0);
	if (!s->is_exact)
		a.sums.sum = pair_at(s->sum, s->sum_low, row);
	else if (s->sum && !asof_column_is_null(s->sum, row))
		a.total = ((const asof_int128 *)s->sum->data)[row];
	if (s->pass->wants_squares)
		a.sums.squares = pair_at(s->squares, s->squares_low, row);
	return a;
}

static struct addend
addend_at(const struct slide *s, size_t row)
{
	return s->value ? event_at(s, row) : tile_at(s, row);
}

static void
add_sums(struct asof_sweep_sums *to, const struct asof_sweep_sums *sums)
{
	to->sum = asof_dd_add(to->sum, sums->sum);
	to->squares = asof_dd_add(to->squares, sums->squares);
}

static void
enter(struct slide *s, size_t row)
{
	struct addend a = addend_at(s, row);
	s->held.count += a.count;
	if (__builtin_add_overflow(s->held.total, a.total, &s->held.total))
		s->held.carry += a.total < 0 ? -1 : 1;
	if (s->has_stacks)
		add_sums(&s->stacks.back, &a.sums);
}

static void
leave(struct slide *s, size_t row)
{
	struct addend a = addend_at(s, row);
	s->held.count -= a.count;
	if (__builtin_sub_overflow(s->held.total, a.total, &s->held.total))
		s->held.carry += a.total < 0 ? 1 : -1;
}

/* All tiles that are left are on the back stack: turn it over. */
static void
turn(struct slide *s)
{
	struct asof_sweep_sums suffix = { { 0, 0 }, { 0, 0 } };
	for (size_t row = s->end; row > s->begin; row--) {
		struct addend a = addend_at(s, row - 1);
		add_sums(&suffix, &a.sums);
		s->stacks.suffixes[row - 1 - s->begin] = suffix;
	}
	s->stacks.first = s->begin;
	s->stacks.middle = s->end;
	s->stacks.back = (struct asof_sweep_sums){ { 0, 0 }, { 0, 0 } };
}

static void
start(struct slide *s, size_t begin)
{
	s->begin = begin;
	s->end = begin;
	s->held = (struct asof_moments){ .count = 0 };
	s->stacks.middle = begin;
	s->stacks.back = (struct asof_sweep_sums){ { 0, 0 }, { 0, 0 } };
}

static void
move(struct slide *s, size_t begin, size_t end)
{
	if (begin >= s->end)
		start(s, begin);
	for (; s->end < end; s->end++)
		enter(s, s->end);
	for (; s->begin < begin; s->begin++)
		leave(s, s->begin);
	if (s->has_stacks && s->begin > s->stacks.middle)
		turn(s);
}

static struct asof_moments
moments_of(const struct slide *s)
{
	struct asof_moments m = s->held;
	if (s->has_stacks) {
		struct asof_sweep_sums sums = s->stacks.back;
		if (s->begin < s->stacks.middle)
			add_sums(&sums, &s->stacks.suffixes[s->begin - s->stacks.first]);
		m.sum = sums.sum;
		m.squares = sums.squares;
	}
	if (s->is_exact && s->pass->wants_sums)
		asof_moments_round(&m);
	return m;
}

static enum asof_status
put_sum(const struct slide *s, const struct asof_sweep_target *target, size_t i,
	const struct asof_moments *m)
{
	const struct asof_sweep_run *run = s->run;
	size_t column = run->first_column + target->column;
	size_t row = run->first_row + i;
	void *data = run->block->data[column];
	struct asof_type type = target->output->type;
	bool fits = true;
	if (type.kind == ASOF_TYPE_FLOAT64)
		((double *)data)[row] = m->sum.hi;
	else if (type.kind == ASOF_TYPE_DECIMAL)
		fits = asof_moments_decimal(m, &((asof_int128 *)data)[row]);
	else
		fits = asof_moments_integer(m, s->is_exact, &((int64_t *)data)[row]);
	if (!fits)
		return asof_moments_fail(s->pass->column->name, type, run->err);
	asof_block_mark(run->block, column, row);
	return ASOF_OK;
}

static enum asof_status
put_moments(const struct slide *s, const struct asof_sweep_target *target, size_t i,
	    const struct asof_moments *m)
{
	const struct asof_sweep_pass *pass = s->pass;
	enum asof_agg_kind agg = target->output->agg;
	if (agg == ASOF_AGG_COUNT) {
		asof_sweep_set_int64(s->run, target, i, m->count);
		return ASOF_OK;
	}
	if (m->count == 0)
		return asof_sweep_set_empty(s->run, target, i);
	if (agg == ASOF_AGG_SUM)
		return put_sum(s, target, i, m);
	if (agg == ASOF_AGG_MEAN) {
		double mean = asof_dd_mean(m->sum, m->count) / pass->mean_power;
		asof_sweep_set_double(s->run, target, i, mean);
		return ASOF_OK;
	}
	if (m->count < 2)
		return ASOF_OK;
	double variance = asof_dd_variance(m->sum, m->squares, m->count) / pass->variance_power;
	asof_sweep_set_double(s->run, target, i, agg == ASOF_AGG_STD ? sqrt(variance) : variance);
	return ASOF_OK;
}

static enum asof_status
find_states(struct slide *s)
{
	const struct asof_merge *merge = &s->run->merge;
	const struct asof_tile_column *column = s->pass->column;
	struct asof_sweep_scratch *scratch = s->run->scratch;
	s->is_exact = asof_merge_is_exact(merge, column);
	s->has_stacks = s->pass->wants_squares || (s->pass->wants_sums && !s->is_exact);
	if (asof_merge_is_event(merge)) {
		s->value = asof_merge_state(merge, column, ASOF_STATE_VALUE);
	} else {
		s->count = asof_merge_state(merge, column, ASOF_STATE_COUNT);
		s->sum = asof_merge_state(merge, column, ASOF_STATE_SUM);
		s->sum_low = asof_merge_state(merge, column, ASOF_STATE_SUM_LO);
		s->squares = asof_merge_state(merge, column, ASOF_STATE_SQUARES);
		s->squares_low = asof_merge_state(merge, column, ASOF_STATE_SQUARES_LO);
	}
	if (!s->has_stacks)
		return ASOF_OK;
	ASOF_TRY(asof_mem_reserve((void **)&scratch->suffixes, &scratch->suffix_capacity,
				  asof_sweep_reach(s->run, s->pass->window),
				  sizeof(*scratch->suffixes), s->run->err));
	s->stacks.suffixes = scratch->suffixes;
	return ASOF_OK;
}

enum asof_status
asof_sweep_moments(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	struct slide s = { .run = run, .pass = pass, .begins = run->begins[pass->window] };
	ASOF_TRY(find_states(&s));
	for (size_t from = run->first; from < run->count; from += CHUNK) {
		size_t to = run->count - from < CHUNK ? run->count : from + CHUNK;
		for (size_t i = from; i < to; i++) {
			move(&s, s.begins[i], run->ends[i]);
			s.moments[i - from] = moments_of(&s);
		}
		for (size_t t = 0; t < pass->target_count; t++) {
			for (size_t i = from; i < to; i++)
				ASOF_TRY(put_moments(&s, &pass->targets[t], i,
						     &s.moments[i - from]));
		}
	}
	return ASOF_OK;
}

enum asof_status
asof_sweep_rows(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	const struct asof_column *rows =
		asof_merge_is_event(&run->merge) ? NULL : &run->merge.tiles->states[0];
	const uint32_t *begins = run->begins[pass->window];
	size_t begin = 0;
	size_t end = 0;
	int64_t count = 0;
	for (size_t i = run->first; i < run->count; i++) {
		if (begins[i] >= end) {
			begin = begins[i];
			end = begin;
			count = 0;
		}
		for (; end < run->ends[i]; end++)
			count += rows ? asof_merge_int64(rows, end, 0) : 1;
		for (; begin < begins[i]; begin++)
			count -= rows ? asof_merge_int64(rows, begin, 0) : 1;
		for (size_t t = 0; t < pass->target_count; t++)
			asof_sweep_set_int64(run, &pass->targets[t], i, count);
	}
	return ASOF_OK;
}
