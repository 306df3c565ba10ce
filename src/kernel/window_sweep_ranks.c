/* window_sweep_ranks.c - quantiles and distinct counts in sliding windows: values become ranks. */
#include "kernel/window_sweep_pass.h"

struct ranks {
	const struct asof_sweep_run *run;
	const struct asof_sweep_pass *pass;
	const struct asof_column *list;   /* a value or a list per tile */
	const struct asof_column *values; /* what lists consist of */
	const uint32_t *begins;
	enum asof_state_kind kind;
	size_t begin; /* the window holds tiles [begin, end) */
	size_t end;
	size_t held;     /* values */
	size_t distinct; /* different ones */
};

/* A tree of counts (Fenwick 1994): node i, from 1 on, counts the ranks of (i - (i & -i), i]. */
static inline void
tree_add(uint32_t *tree, size_t rank_count, size_t rank, uint32_t by)
{
	for (size_t i = rank + 1; i <= rank_count; i += i & -i)
		tree[i] += by;
}

/* The rank of the k-th value, from 0 on. */
static inline size_t
tree_find(const uint32_t *tree, size_t rank_count, size_t k)
{
	size_t at = 0;
	size_t step = (size_t)1 << (63 - __builtin_clzll(rank_count));
	for (; step > 0; step /= 2) {
		if (at + step <= rank_count && tree[at + step] <= k) {
			at += step;
			k -= tree[at];
		}
	}
	return at;
}

static enum asof_status
reserve_values(const struct ranks *r, size_t first, size_t end, size_t count)
{
	struct asof_sweep_scratch *s = r->run->scratch;
	struct asof_error *err = r->run->err;
	if (count >= UINT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "%zu values of '%s' of one entity", count,
				 r->pass->column->name);
	ASOF_TRY(asof_mem_reserve((void **)&s->items, &s->item_capacity, count, sizeof(*s->items),
				  err));
	ASOF_TRY(asof_mem_reserve((void **)&s->other_items, &s->other_item_capacity, count,
				  sizeof(*s->other_items), err));
	ASOF_TRY(asof_mem_reserve((void **)&s->ranks, &s->rank_capacity, count, sizeof(*s->ranks),
				  err));
	ASOF_TRY(asof_mem_reserve((void **)&s->counts, &s->count_capacity, count + 1,
				  sizeof(*s->counts), err));
	return asof_mem_reserve((void **)&s->offsets, &s->offset_capacity, end - first + 1,
				sizeof(*s->offsets), err);
}

/* Sort the values of tiles [first, end) and write each one's rank where it came from. */
static void
rank_values(const struct ranks *r, size_t first, size_t end)
{
	struct asof_sweep_scratch *s = r->run->scratch;
	enum asof_item_kind kind = asof_item_kind_of(r->values->type);
	size_t count = 0;
	for (size_t tile = first; tile < end; tile++) {
		struct asof_span span = asof_merge_span(r->list, tile);
		s->offsets[tile - first] = (uint32_t)count;
		for (size_t i = span.offset; i < span.offset + span.length; i++) {
			if (asof_column_is_null(r->values, i))
				continue;
			s->items[count] = asof_item_at(r->values, i);
			s->items[count].rank = (uint32_t)count;
			count++;
		}
	}
	s->offsets[end - first] = (uint32_t)count;

	const struct asof_item *sorted = asof_items_sort(kind, s->items, s->other_items, count);
	struct asof_item *each = sorted == s->items ? s->other_items : s->items;
	size_t rank_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || asof_item_compare(kind, &sorted[i - 1], &sorted[i]) != 0)
			each[rank_count++] = sorted[i];
		s->ranks[sorted[i].rank] = (uint32_t)(rank_count - 1);
	}
	if (each != s->items && rank_count > 0)
		memcpy(s->items, each, rank_count * sizeof(*each));
	s->rank_count = rank_count;
}

/* Ranks as far back as the longest of the windows that share them. */
static enum asof_status
find_ranks(const struct ranks *r)
{
	struct asof_sweep_scratch *s = r->run->scratch;
	size_t first = r->run->begins[r->pass->shared_window][r->run->first];
	size_t end = r->run->ends[r->run->count - 1];
	size_t count = 0;
	if (s->ranked == r->list)
		return ASOF_OK;
	s->ranked = NULL;
	for (size_t tile = first; tile < end; tile++)
		count += asof_merge_span(r->list, tile).length;
	ASOF_TRY(reserve_values(r, first, end, count));
	rank_values(r, first, end);
	s->first_tile = first;
	s->ranked = r->list;
	return ASOF_OK;
}

static inline __attribute__((always_inline)) void
change(struct ranks *r, size_t tile, bool is_entering)
{
	struct asof_sweep_scratch *s = r->run->scratch;
	size_t from = s->offsets[tile - s->first_tile];
	size_t to = s->offsets[tile - s->first_tile + 1];
	uint32_t by = is_entering ? 1 : UINT32_MAX;
	r->held = is_entering ? r->held + (to - from) : r->held - (to - from);
	for (size_t i = from; i < to; i++) {
		if (r->kind == ASOF_STATE_VALUES) {
			tree_add(s->counts, s->rank_count, s->ranks[i], by);
			continue;
		}
		uint32_t *count = &s->counts[s->ranks[i]];
		r->distinct += is_entering ? *count == 0 : 0;
		*count += by;
		r->distinct -= is_entering ? 0 : *count == 0;
	}
}

static void
move(struct ranks *r, size_t begin, size_t end)
{
	for (; r->begin < begin && r->begin < r->end; r->begin++)
		change(r, r->begin, false);
	if (begin >= r->end) {
		r->begin = begin;
		r->end = begin;
	}
	for (; r->end < end; r->end++)
		change(r, r->end, true);
}

static double
quantile_of(const struct ranks *r, double p)
{
	const struct asof_sweep_scratch *s = r->run->scratch;
	struct asof_type type = r->pass->column->type;
	size_t k;
	double part;
	asof_quantile_place(r->held, p, &k, &part);
	double low = asof_item_double(type, &s->items[tree_find(s->counts, s->rank_count, k)]);
	if (part == 0)
		return low;
	double high = asof_item_double(type, &s->items[tree_find(s->counts, s->rank_count, k + 1)]);
	return asof_quantile_between(low, high, part);
}

static enum asof_status
put_ranked(const struct ranks *r, size_t i)
{
	const struct asof_sweep_pass *pass = r->pass;
	for (size_t t = 0; t < pass->target_count; t++) {
		const struct asof_sweep_target *target = &pass->targets[t];
		if (r->kind == ASOF_STATE_DISTINCT)
			asof_sweep_set_int64(r->run, target, i, (int64_t)r->distinct);
		else if (r->held > 0)
			asof_sweep_set_double(r->run, target, i,
					      quantile_of(r, target->output->quantile));
		else
			ASOF_TRY(asof_sweep_set_empty(r->run, target, i));
	}
	return ASOF_OK;
}

/* The window holds the same as in the row before. */
static void
repeat(const struct ranks *r, size_t i)
{
	struct asof_block *block = r->run->block;
	for (size_t t = 0; t < r->pass->target_count; t++) {
		size_t column = r->run->first_column + r->pass->targets[t].column;
		size_t row = r->run->first_row + i;
		int64_t *data = block->data[column]; /* doubles too: 8 bytes each */
		memcpy(&data[row], &data[row - 1], sizeof(*data));
		if (!asof_column_is_null(&block->columns[column], row - 1))
			asof_block_mark(block, column, row);
	}
}

static bool
is_repeated(const struct ranks *r, size_t i)
{
	return i > r->run->first && r->begins[i] == r->begins[i - 1] &&
	       r->run->ends[i] == r->run->ends[i - 1];
}

/* Few short windows: each by itself, as an evaluation at one instant. */
static enum asof_status
put_alone(struct ranks *r, size_t i)
{
	const struct asof_sweep_run *run = r->run;
	const size_t begin = r->begins[i];
	struct asof_arena *arena = &run->scratch->arena;
	struct asof_merge merge = run->merge;
	struct asof_items items;
	merge.end = run->ends[i];
	merge.begins = &begin;
	merge.arena = arena;
	asof_arena_reset(arena);
	ASOF_TRY(asof_merge_items(&merge, r->pass->column, r->kind, 1, &items, run->err));
	size_t held = asof_items_count(&items, 0);
	for (size_t t = 0; t < r->pass->target_count; t++) {
		const struct asof_sweep_target *target = &r->pass->targets[t];
		if (r->kind == ASOF_STATE_DISTINCT)
			asof_sweep_set_int64(run, target, i,
					     (int64_t)asof_items_count_distinct(&items, 0));
		else if (held > 0)
			asof_sweep_set_double(
				run, target, i,
				asof_items_quantile(&items, 0, held, target->output->quantile));
		else
			ASOF_TRY(asof_sweep_set_empty(run, target, i));
	}
	return ASOF_OK;
}

/* Would windows one by one look at fewer tiles than there are to be ranked? */
static bool
is_sparse(const struct ranks *r)
{
	size_t reach = asof_sweep_reach(r->run, r->pass->window);
	size_t looked_at = 0;
	if (r->run->scratch->ranked == r->list)
		return false;
	for (size_t i = r->run->first; i < r->run->count && looked_at <= reach; i++)
		looked_at += is_repeated(r, i) ? 0 : r->run->ends[i] - r->begins[i];
	return looked_at <= reach;
}

static enum asof_status
sweep_alone(struct ranks *r)
{
	for (size_t i = r->run->first; i < r->run->count; i++) {
		if (is_repeated(r, i))
			repeat(r, i);
		else
			ASOF_TRY(put_alone(r, i));
	}
	return ASOF_OK;
}

static enum asof_status
sweep_ranked(struct ranks *r)
{
	struct asof_sweep_scratch *s = r->run->scratch;
	ASOF_TRY(find_ranks(r));
	memset(s->counts, 0, (s->rank_count + 1) * sizeof(*s->counts));
	r->begin = s->first_tile;
	r->end = s->first_tile;
	for (size_t i = r->run->first; i < r->run->count; i++) {
		if (is_repeated(r, i)) {
			repeat(r, i);
			continue;
		}
		move(r, r->begins[i], r->run->ends[i]);
		ASOF_TRY(put_ranked(r, i));
	}
	return ASOF_OK;
}

enum asof_status
asof_sweep_ranks(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	enum asof_state_kind kind =
		pass->kind == ASOF_SWEEP_QUANTILES ? ASOF_STATE_VALUES : ASOF_STATE_DISTINCT;
	const struct asof_column *list = asof_merge_list(&run->merge, pass->column, kind);
	struct ranks r = { .run = run,
			   .pass = pass,
			   .list = list,
			   .values = asof_merge_values_of(list),
			   .begins = run->begins[pass->window],
			   .kind = kind };
	return is_sparse(&r) ? sweep_alone(&r) : sweep_ranked(&r);
}
