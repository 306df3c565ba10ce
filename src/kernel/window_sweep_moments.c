/* window_sweep_moments.c - count, sum, mean, std and var in sliding windows, into a block. */
#include "kernel/window_sweep_sums.h"

struct moments_pass {
	const struct asof_sweep_run *run;
	const struct asof_sweep_pass *pass;
	struct asof_sweep_states states;
	bool is_exact; /* sums are differences, hence finite */
	struct asof_sweep_ends ends;
	struct asof_sweep_stacks stacks;
	struct asof_sweep_moments moments;
	double means[ASOF_SWEEP_CHUNK];
	double variances[ASOF_SWEEP_CHUNK];
	uint64_t held; /* bit i: the window of row from + i holds a value */
	uint64_t held_two;
};

struct asof_sweep_states
asof_sweep_states(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	const struct asof_merge *merge = &run->merge;
	const struct asof_tile_column *column = pass->column;
	struct asof_sweep_states states = { .is_exact = asof_merge_is_exact(merge, column) };
	if (asof_merge_is_event(merge)) {
		states.value = asof_merge_state(merge, column, ASOF_STATE_VALUE);
		return states;
	}
	states.count = asof_merge_state(merge, column, ASOF_STATE_COUNT);
	states.sum = asof_merge_state(merge, column, ASOF_STATE_SUM);
	states.sum_low = asof_merge_state(merge, column, ASOF_STATE_SUM_LO);
	states.squares = asof_merge_state(merge, column, ASOF_STATE_SQUARES);
	states.squares_low = asof_merge_state(merge, column, ASOF_STATE_SQUARES_LO);
	return states;
}

static struct asof_moments
moments_at(const struct moments_pass *p, size_t i)
{
	const struct asof_sweep_moments *m = &p->moments;
	return (struct asof_moments){ .count = m->counts[i],
				      .sum = { m->sums[i], m->sum_lows[i] },
				      .squares = { m->squares[i], m->square_lows[i] },
				      .total = m->totals[i],
				      .carry = m->carries[i] };
}

static bool
has_agg(const struct asof_sweep_pass *pass, enum asof_agg_kind agg)
{
	for (size_t i = 0; i < pass->target_count; i++) {
		if (pass->targets[i].output->agg == agg)
			return true;
	}
	return false;
}

static void
find_means(struct moments_pass *p, size_t count)
{
	const struct asof_sweep_moments *m = &p->moments;
	if (p->is_exact)
		asof_sweep_means(m, count, p->means);
	for (size_t i = 0; !p->is_exact && i < count; i++) {
		struct asof_dd sum = { m->sums[i], m->sum_lows[i] };
		p->means[i] = asof_dd_mean(sum, m->counts[i] > 0 ? m->counts[i] : 1);
	}
	for (size_t i = 0; p->pass->mean_power != 1 && i < count; i++)
		p->means[i] /= p->pass->mean_power;
}

static void
find_variances(struct moments_pass *p, size_t count)
{
	if (p->is_exact)
		asof_sweep_variances(&p->moments, count, p->variances);
	for (size_t i = 0; !p->is_exact && i < count; i++) {
		struct asof_moments m = moments_at(p, i);
		p->variances[i] = m.count > 1 ? asof_dd_variance(m.sum, m.squares, m.count) : 0;
	}
	for (size_t i = 0; p->pass->variance_power != 1 && i < count; i++)
		p->variances[i] /= p->pass->variance_power;
}

static enum asof_status
put_whole_sums(const struct moments_pass *p, const struct asof_sweep_target *target, size_t from,
	       size_t to, void *data)
{
	struct asof_type type = target->output->type;
	for (size_t i = from; i < to; i++) {
		struct asof_moments m = moments_at(p, i - from);
		bool fits = true;
		if (m.count == 0)
			continue;
		if (type.kind == ASOF_TYPE_DECIMAL)
			fits = asof_moments_decimal(&m, &((asof_int128 *)data)[i]);
		else
			fits = asof_moments_integer(&m, p->states.is_exact, &((int64_t *)data)[i]);
		if (!fits)
			return asof_moments_fail(p->pass->column->name, type, p->run->err);
	}
	return ASOF_OK;
}

/* Values of rows [from, to), `data` being that of row 0; those of too few values are of no use. */
static enum asof_status
put_values(const struct moments_pass *p, const struct asof_sweep_target *target, size_t from,
	   size_t to, void *data)
{
	size_t bytes = (to - from) * sizeof(double);
	switch (target->output->agg) {
	case ASOF_AGG_COUNT:
		memcpy((int64_t *)data + from, p->moments.counts, bytes);
		return ASOF_OK;
	case ASOF_AGG_SUM:
		if (target->output->type.kind != ASOF_TYPE_FLOAT64)
			return put_whole_sums(p, target, from, to, data);
		memcpy((double *)data + from, p->moments.sums, bytes);
		return ASOF_OK;
	case ASOF_AGG_MEAN:
		memcpy((double *)data + from, p->means, bytes);
		return ASOF_OK;
	case ASOF_AGG_VAR:
		memcpy((double *)data + from, p->variances, bytes);
		return ASOF_OK;
	default:
		for (size_t i = from; i < to; i++)
			((double *)data)[i] = sqrt(p->variances[i - from]);
		return ASOF_OK;
	}
}

/* Rows after the last, up to a multiple of four, are read too. */
static void
pad(struct asof_sweep_moments *m, size_t count)
{
	for (size_t i = count; i % 4 > 0; i++) {
		m->counts[i] = 0;
		m->sums[i] = 0;
		m->sum_lows[i] = 0;
		m->squares[i] = 0;
		m->square_lows[i] = 0;
	}
}

/* Bit i: the window of row from + i holds at least `least` values. */
static uint64_t
rows_with(const struct asof_sweep_moments *m, size_t count, int64_t least)
{
	uint64_t rows = 0;
	for (size_t i = 0; i < count; i++)
		rows |= (uint64_t)(m->counts[i] >= least) << i;
	return rows;
}

static enum asof_status
put_target(const struct moments_pass *p, const struct asof_sweep_target *target, size_t from,
	   size_t to)
{
	const struct asof_sweep_run *run = p->run;
	enum asof_agg_kind agg = target->output->agg;
	bool is_deviation = agg == ASOF_AGG_STD || agg == ASOF_AGG_VAR;
	char *data = run->block->data[run->first_column + target->column];
	size_t width = asof_column_width(target->output->type);
	uint64_t all = asof_sweep_bits(to - from);
	uint64_t held = agg == ASOF_AGG_COUNT ? all : p->held;
	ASOF_TRY(put_values(p, target, from, to, data + run->first_row * width));
	asof_sweep_mark(run, target, from, is_deviation ? p->held_two : held);
	if (held != all && target->output->has_default)
		return asof_sweep_set_defaults(run, target, from, all & ~held);
	return ASOF_OK;
}

static enum asof_status
init_pass(struct moments_pass *p)
{
	p->states = asof_sweep_states(p->run, p->pass);
	ASOF_TRY(asof_sweep_exact_prepare(p->run, p->pass, &p->states, &p->is_exact));
	if (p->is_exact)
		return ASOF_OK;
	return asof_sweep_stacks_init(p->run, p->pass, &p->stacks);
}

enum asof_status
asof_sweep_moments(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	struct moments_pass p;
	p.run = run;
	p.pass = pass;
	p.is_exact = false;
	memset(&p.ends, 0, sizeof(p.ends));
	bool wants_mean = has_agg(pass, ASOF_AGG_MEAN);
	ASOF_TRY(init_pass(&p));
	for (size_t from = run->first; from < run->count; from += ASOF_SWEEP_CHUNK) {
		size_t left = run->count - from;
		size_t to = from + (left < ASOF_SWEEP_CHUNK ? left : ASOF_SWEEP_CHUNK);
		if (p.is_exact)
			asof_sweep_exact_take(run, pass, &p.states, &p.ends, from, to, &p.moments);
		else
			asof_sweep_stacks_take(run, pass, &p.states, &p.stacks, from, to,
					       &p.moments);
		pad(&p.moments, to - from);
		if (wants_mean)
			find_means(&p, to - from);
		if (pass->wants_squares)
			find_variances(&p, to - from);
		p.held = rows_with(&p.moments, to - from, 1);
		p.held_two = rows_with(&p.moments, to - from, 2);
		for (size_t t = 0; t < pass->target_count; t++)
			ASOF_TRY(put_target(&p, &pass->targets[t], from, to));
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
		for (; rows && end < run->ends[i]; end++)
			count += asof_merge_int64(rows, end, 0);
		for (; rows && begin < begins[i]; begin++)
			count -= asof_merge_int64(rows, begin, 0);
		if (!rows)
			count = (int64_t)run->ends[i] - (int64_t)begins[i];
		for (size_t t = 0; t < pass->target_count; t++)
			asof_sweep_set_int64(run, &pass->targets[t], i, count);
	}
	return ASOF_OK;
}
