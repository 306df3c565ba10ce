/*
 * window_sweep_extremes.c - min and max of numbers, dates and times in sliding windows.
 *
 * Values become integers that are compared without a branch, and stand in two stacks: the greatest
 * of every suffix of [begin, middle), and of [middle, end). The least is the greatest of the
 * complements. NULL is 0, which no other value becomes.
 */
#include "kernel/window_sweep_pass.h"

#define CHUNK   64
#define NAN_KEY (UINT64_MAX - 1) /* above infinity, and its complement is not 0 */

struct extremes {
	const struct asof_sweep_run *run;
	const uint32_t *begins;
	const uint64_t *keys; /* of tile t at t - first */
	uint64_t *suffixes;   /* from tile t on at t - first */
	size_t first;
	size_t middle;
	size_t end;
	uint64_t back;
	uint64_t chosen[CHUNK];
};

static inline uint64_t
greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline __attribute__((always_inline)) bool
fill_keys(const struct asof_column *column, enum asof_type_kind kind, uint64_t flip, size_t first,
	  size_t end, uint64_t *keys)
{
	bool has_zero = false;
	for (size_t tile = first; tile < end; tile++) {
		uint64_t ordinal = asof_ordinal_at(kind, column->data, tile);
		bool is_nan = ordinal == UINT64_MAX &&
			      (kind == ASOF_TYPE_FLOAT64 || kind == ASOF_TYPE_FLOAT32);
		uint64_t key = (is_nan ? NAN_KEY : ordinal) ^ flip;
		bool is_null = asof_column_is_null(column, tile);
		has_zero |= (key == 0) & !is_null;
		keys[tile - first] = is_null ? 0 : key;
	}
	return !has_zero;
}

/* False where a value would be 0. */
static bool
make_keys(const struct asof_column *column, uint64_t flip, size_t first, size_t end, uint64_t *keys)
{
	enum asof_type_kind kind = (enum asof_type_kind)column->type.kind;
	if (kind == ASOF_TYPE_FLOAT64) /* the usual ones have a loop of their own */
		return fill_keys(column, ASOF_TYPE_FLOAT64, flip, first, end, keys);
	if (kind == ASOF_TYPE_INT64)
		return fill_keys(column, ASOF_TYPE_INT64, flip, first, end, keys);
	return fill_keys(column, kind, flip, first, end, keys);
}

static void
turn(struct extremes *e, size_t begin)
{
	uint64_t suffix = 0;
	for (size_t tile = e->end; tile > begin; tile--) {
		suffix = greater(suffix, e->keys[tile - 1 - e->first]);
		e->suffixes[tile - 1 - e->first] = suffix;
	}
	e->middle = e->end;
	e->back = 0;
}

static void
choose(struct extremes *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t begin = e->begins[i];
		size_t end = e->run->ends[i];
		if (begin >= e->end) {
			e->end = begin;
			e->middle = begin;
			e->back = 0;
		}
		for (; e->end < end; e->end++)
			e->back = greater(e->back, e->keys[e->end - e->first]);
		if (begin > e->middle)
			turn(e, begin);
		uint64_t front = begin < e->middle ? e->suffixes[begin - e->first] : 0;
		e->chosen[i - from] = greater(front, e->back);
	}
}

static inline double
double_of(uint64_t ordinal)
{
	uint64_t bits = ordinal ^ (ordinal >> 63 ? ASOF_ITEM_SIGN : UINT64_MAX);
	double value;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
put_values(const struct extremes *e, enum asof_type_kind kind, uint64_t flip, size_t count,
	   void *data)
{
	switch (kind) {
	case ASOF_TYPE_FLOAT64:
		for (size_t i = 0; i < count; i++)
			((double *)data)[i] = double_of(e->chosen[i] ^ flip);
		break;
	case ASOF_TYPE_FLOAT32:
		for (size_t i = 0; i < count; i++)
			((float *)data)[i] = (float)double_of(e->chosen[i] ^ flip);
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		for (size_t i = 0; i < count; i++)
			((int32_t *)data)[i] = (int32_t)(uint32_t)(e->chosen[i] ^ flip);
		break;
	default: /* int64, timestamp */
		for (size_t i = 0; i < count; i++)
			((int64_t *)data)[i] = (int64_t)(e->chosen[i] ^ flip ^ ASOF_ITEM_SIGN);
	}
}

static enum asof_status
put_target(const struct extremes *e, const struct asof_sweep_target *target, uint64_t flip,
	   size_t from, size_t to)
{
	const struct asof_sweep_run *run = e->run;
	struct asof_type type = target->output->type;
	char *data = run->block->data[run->first_column + target->column];
	uint64_t all = asof_sweep_bits(to - from);
	uint64_t held = 0;
	for (size_t i = 0; i < to - from; i++)
		held |= (uint64_t)(e->chosen[i] != 0) << i;
	put_values(e, (enum asof_type_kind)type.kind, flip, to - from,
		   data + (run->first_row + from) * asof_column_width(type));
	asof_sweep_mark(run, target, from, held);
	if (held != all && target->output->has_default)
		return asof_sweep_set_defaults(run, target, from, all & ~held);
	return ASOF_OK;
}

/* Keys of all windows of the column, once. */
static enum asof_status
find_keys(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
	  const struct asof_column *column, uint64_t flip)
{
	struct asof_sweep_scratch *s = run->scratch;
	size_t first = run->begins[pass->shared_window][run->first];
	size_t reach = run->ends[run->count - 1] - first;
	if (s->keyed == pass->column && s->keyed_kind == pass->kind)
		return ASOF_OK;
	s->keyed = NULL;
	ASOF_TRY(asof_mem_reserve((void **)&s->keys, &s->key_capacity, reach, sizeof(*s->keys),
				  run->err));
	ASOF_TRY(asof_mem_reserve((void **)&s->maxima, &s->maximum_capacity, reach,
				  sizeof(*s->maxima), run->err));
	s->has_keys = make_keys(column, flip, first, first + reach, s->keys);
	s->first_key = first;
	s->keyed = pass->column;
	s->keyed_kind = pass->kind;
	return ASOF_OK;
}

static bool
can_have_keys(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	struct asof_type type = pass->column->type;
	return asof_item_kind_of(type) == ASOF_ITEM_ORDINAL && type.kind != ASOF_TYPE_BOOL &&
	       !asof_sweep_is_sparse(run, pass);
}

enum asof_status
asof_sweep_extremes(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	enum asof_state_kind kind = pass->kind == ASOF_SWEEP_MAX ? ASOF_STATE_MAX : ASOF_STATE_MIN;
	uint64_t flip = pass->kind == ASOF_SWEEP_MAX ? 0 : UINT64_MAX;
	struct asof_sweep_scratch *s = run->scratch;
	if (!can_have_keys(run, pass))
		return asof_sweep_choice(run, pass);
	ASOF_TRY(find_keys(run, pass, asof_merge_choice_column(&run->merge, pass->column, kind),
			   flip));
	if (!s->has_keys)
		return asof_sweep_choice(run, pass);
	struct extremes e = { .run = run,
			      .begins = run->begins[pass->window],
			      .keys = s->keys,
			      .suffixes = s->maxima,
			      .first = s->first_key };
	for (size_t from = run->first; from < run->count; from += CHUNK) {
		size_t to = run->count - from < CHUNK ? run->count : from + CHUNK;
		choose(&e, from, to);
		for (size_t t = 0; t < pass->target_count; t++)
			ASOF_TRY(put_target(&e, &pass->targets[t], flip, from, to));
	}
	return ASOF_OK;
}
