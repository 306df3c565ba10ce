/* window_sweep.c - what is to be swept, planned once per view, and where windows begin and end. */
#include "kernel/window_sweep.h"

#include <stdlib.h>

#include "kernel/window_sweep_pass.h"
#include "model/duration.h"

#define NEAR 2 /* tiles that are passed without a guess at how many follow */

struct asof_window_sweep {
	const struct asof_view *view;
	const struct asof_tile_layout *layout;
	struct asof_arena arena; /* the plan */
	int64_t *lengths_us;     /* of the windows, each once, ascending */
	size_t window_count;
	struct asof_sweep_pass *passes;
	size_t pass_count;
	/* Per row of a run. */
	uint32_t *bounds; /* ends, then begins of each window */
	size_t bound_capacity;
	uint32_t **begins;
	struct asof_sweep_scratch scratch;
};

/* An output on its way to a pass. */
struct wish {
	enum asof_sweep_kind kind;
	size_t window;
	size_t tile_column; /* SIZE_MAX: none */
	struct asof_sweep_target target;
};

static enum asof_sweep_kind
kind_of(const struct asof_output *output, size_t tile_column)
{
	switch (output->agg) {
	case ASOF_AGG_MIN:
		return ASOF_SWEEP_MIN;
	case ASOF_AGG_MAX:
		return ASOF_SWEEP_MAX;
	case ASOF_AGG_FIRST:
		return ASOF_SWEEP_FIRST;
	case ASOF_AGG_LAST:
		return ASOF_SWEEP_LAST;
	case ASOF_AGG_MEDIAN:
	case ASOF_AGG_QUANTILE:
		return ASOF_SWEEP_QUANTILES;
	case ASOF_AGG_COUNT_DISTINCT:
		return ASOF_SWEEP_DISTINCT;
	default:
		return tile_column == SIZE_MAX ? ASOF_SWEEP_ROWS : ASOF_SWEEP_MOMENTS;
	}
}

static int
compare_sizes(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/* By column, kind, window, so that passes over the same values follow each other. */
static int
compare_wishes(const void *a, const void *b)
{
	const struct wish *left = a;
	const struct wish *right = b;
	int order = compare_sizes(left->tile_column, right->tile_column);
	if (order == 0)
		order = compare_sizes((size_t)left->kind, (size_t)right->kind);
	if (order == 0)
		order = compare_sizes(left->window, right->window);
	return order != 0 ? order : compare_sizes(left->target.column, right->target.column);
}

static int
compare_lengths(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

static enum asof_status
plan_windows(struct asof_window_sweep *sweep, const size_t *wanted, size_t wanted_count,
	     struct asof_error *err)
{
	int64_t *lengths_us = asof_arena_array(&sweep->arena, wanted_count, sizeof(*lengths_us));
	sweep->begins = asof_arena_array(&sweep->arena, wanted_count, sizeof(*sweep->begins));
	if (!lengths_us || !sweep->begins)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", sweep->view->name);
	for (size_t i = 0; i < wanted_count; i++)
		lengths_us[i] = sweep->view->outputs[wanted[i]].window_us;
	qsort(lengths_us, wanted_count, sizeof(*lengths_us), compare_lengths);
	for (size_t i = 0; i < wanted_count; i++) {
		if (i == 0 || lengths_us[i] != lengths_us[i - 1])
			lengths_us[sweep->window_count++] = lengths_us[i];
	}
	sweep->lengths_us = lengths_us;
	return ASOF_OK;
}

static void
make_wishes(const struct asof_window_sweep *sweep, const size_t *wanted, size_t wanted_count,
	    struct wish *wishes)
{
	for (size_t i = 0; i < wanted_count; i++) {
		const struct asof_output *output = &sweep->view->outputs[wanted[i]];
		size_t tile_column = sweep->layout->output_columns[wanted[i]];
		size_t window = 0;
		while (sweep->lengths_us[window] != output->window_us)
			window++;
		wishes[i] = (struct wish){ .kind = kind_of(output, tile_column),
					   .window = window,
					   .tile_column = tile_column,
					   .target = { output, i } };
	}
	qsort(wishes, wanted_count, sizeof(*wishes), compare_wishes);
}

static void
add_target(struct asof_sweep_pass *pass, struct asof_sweep_target *target)
{
	enum asof_agg_kind agg = target->output->agg;
	bool is_deviation = agg == ASOF_AGG_STD || agg == ASOF_AGG_VAR;
	pass->target_count++;
	pass->wants_squares = pass->wants_squares || is_deviation;
	pass->wants_sums = pass->wants_sums || agg != ASOF_AGG_COUNT;
}

static struct asof_sweep_pass
start_pass(const struct asof_window_sweep *sweep, const struct wish *wish,
	   const struct asof_sweep_target *targets)
{
	struct asof_sweep_pass pass = { .kind = wish->kind,
					.window = wish->window,
					.shared_window = wish->window,
					.targets = targets,
					.mean_power = 1,
					.variance_power = 1 };
	if (wish->tile_column == SIZE_MAX)
		return pass;
	pass.column = &sweep->layout->columns[wish->tile_column];
	if (pass.column->type.kind == ASOF_TYPE_DECIMAL) {
		pass.mean_power = asof_power_of_ten(pass.column->type.scale);
		pass.variance_power = asof_power_of_ten(2U * pass.column->type.scale);
	}
	return pass;
}

static bool
is_shared(const struct asof_sweep_pass *a, const struct asof_sweep_pass *b)
{
	bool are_ranks = a->kind >= ASOF_SWEEP_QUANTILES && b->kind >= ASOF_SWEEP_QUANTILES;
	return a->column == b->column && (a->kind == b->kind || are_ranks);
}

static void
share_work(struct asof_window_sweep *sweep)
{
	for (size_t i = 0; i < sweep->pass_count; i++) {
		struct asof_sweep_pass *pass = &sweep->passes[i];
		for (size_t j = 0; j < sweep->pass_count; j++) {
			const struct asof_sweep_pass *other = &sweep->passes[j];
			if (!is_shared(pass, other))
				continue;
			if (other->window > pass->shared_window)
				pass->shared_window = other->window;
			pass->shares_sums = pass->shares_sums || other->wants_sums;
			pass->shares_squares = pass->shares_squares || other->wants_squares;
		}
	}
}

static enum asof_status
plan_passes(struct asof_window_sweep *sweep, const size_t *wanted, size_t wanted_count,
	    struct asof_error *err)
{
	struct wish *wishes = asof_arena_array(&sweep->arena, wanted_count, sizeof(*wishes));
	struct asof_sweep_target *targets =
		asof_arena_array(&sweep->arena, wanted_count, sizeof(*targets));
	sweep->passes = asof_arena_array(&sweep->arena, wanted_count, sizeof(*sweep->passes));
	if (!wishes || !targets || !sweep->passes)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "outputs of '%s'", sweep->view->name);
	make_wishes(sweep, wanted, wanted_count, wishes);
	for (size_t i = 0; i < wanted_count; i++) {
		const struct wish *wish = &wishes[i];
		const struct wish *before = i == 0 ? NULL : &wishes[i - 1];
		bool is_same = before && before->kind == wish->kind &&
			       before->window == wish->window &&
			       before->tile_column == wish->tile_column;
		targets[i] = wish->target;
		if (!is_same)
			sweep->passes[sweep->pass_count++] = start_pass(sweep, wish, &targets[i]);
		add_target(&sweep->passes[sweep->pass_count - 1], &targets[i]);
	}
	share_work(sweep);
	return ASOF_OK;
}

static enum asof_status
check_aggregates(const struct asof_view *view, const size_t *wanted, size_t wanted_count,
		 struct asof_error *err)
{
	for (size_t i = 0; i < wanted_count; i++) {
		const struct asof_output *output = &view->outputs[wanted[i]];
		if (output->agg == ASOF_AGG_NONE)
			return ASOF_FAIL(err, ASOF_INTERNAL, "'%s' has no aggregate", output->name);
	}
	return ASOF_OK;
}

enum asof_status
asof_window_sweep_new(const struct asof_view *view, const struct asof_tile_layout *layout,
		      const size_t *wanted, size_t wanted_count,
		      struct asof_window_sweep **ret_sweep, struct asof_error *err)
{
	ASOF_TRY(check_aggregates(view, wanted, wanted_count, err));
	ASOF_AUTO(asof_window_sweep_free_auto)
	struct asof_window_sweep *sweep = asof_mem_alloc(sizeof(*sweep));
	if (!sweep)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", view->name);
	sweep->view = view;
	sweep->layout = layout;
	ASOF_TRY(plan_windows(sweep, wanted, wanted_count, err));
	ASOF_TRY(plan_passes(sweep, wanted, wanted_count, err));
	*ret_sweep = ASOF_STEAL(sweep);
	return ASOF_OK;
}

void
asof_window_sweep_free(struct asof_window_sweep *sweep)
{
	if (!sweep)
		return;
	struct asof_sweep_scratch *scratch = &sweep->scratch;
	asof_mem_free(scratch->queue);
	asof_mem_free(scratch->queue_keys);
	asof_mem_free(scratch->keys);
	asof_mem_free(scratch->maxima);
	asof_mem_free(scratch->suffixes);
	asof_mem_free(scratch->prefixes);
	asof_mem_free(scratch->items);
	asof_mem_free(scratch->other_items);
	asof_mem_free(scratch->ranks);
	asof_mem_free(scratch->offsets);
	asof_mem_free(scratch->counts);
	asof_arena_done(&scratch->arena);
	asof_mem_free(sweep->bounds);
	asof_arena_done(&sweep->arena);
	asof_mem_free(sweep);
}

/* How many of the ascending times are <= at_us, when `from` are: by leaps from there. */
static size_t
advance(const int64_t *times_us, size_t from, size_t count, int64_t at_us)
{
	size_t step = 1;
	while (from + step <= count && times_us[from + step - 1] <= at_us) {
		from += step;
		step *= 2;
	}
	/* It is in [from, from + step). */
	size_t high = from + step - 1 < count ? from + step - 1 : count;
	while (from < high) {
		size_t middle = from + (high - from) / 2;
		if (times_us[middle] <= at_us)
			from = middle + 1;
		else
			high = middle;
	}
	return from;
}

/* Per row, how many tiles are at or before its instant less `length_us`. */
static void
find_bounds(const struct asof_tiles *tiles, const int64_t *at_us, size_t count, int64_t length_us,
	    uint32_t *bounds)
{
	const int64_t *end_us = tiles->end_us;
	size_t bound = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t until_us = asof_us_sub(at_us[i], length_us);
		for (int near = 0; near < NEAR && bound < tiles->count; near++)
			bound += end_us[bound] <= until_us;
		if (bound < tiles->count && end_us[bound] <= until_us)
			bound = advance(end_us, bound, tiles->count, until_us);
		bounds[i] = (uint32_t)bound;
	}
}

static enum asof_status
prepare(struct asof_window_sweep *sweep, const struct asof_tiles *tiles, const int64_t *at_us,
	size_t count, struct asof_error *err)
{
	size_t need;
	if (tiles->count >= UINT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "%zu tiles of one entity", tiles->count);
	if (__builtin_mul_overflow(count, sweep->window_count + 1, &need))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu instants of one entity", count);
	ASOF_TRY(asof_mem_reserve((void **)&sweep->bounds, &sweep->bound_capacity, need,
				  sizeof(*sweep->bounds), err));
	find_bounds(tiles, at_us, count, 0, sweep->bounds);
	for (size_t w = 0; w < sweep->window_count; w++) {
		sweep->begins[w] = sweep->bounds + (w + 1) * count;
		find_bounds(tiles, at_us, count, sweep->lengths_us[w], sweep->begins[w]);
	}
	return ASOF_OK;
}

static enum asof_status
sweep_pass(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	switch (pass->kind) {
	case ASOF_SWEEP_ROWS:
		return asof_sweep_rows(run, pass);
	case ASOF_SWEEP_MOMENTS:
		return asof_sweep_moments(run, pass);
	case ASOF_SWEEP_MIN:
	case ASOF_SWEEP_MAX:
		return asof_sweep_extremes(run, pass);
	case ASOF_SWEEP_FIRST:
	case ASOF_SWEEP_LAST:
		return asof_sweep_choice(run, pass);
	case ASOF_SWEEP_QUANTILES:
	case ASOF_SWEEP_DISTINCT:
		return asof_sweep_ranks(run, pass);
	}
	return ASOF_OK;
}

enum asof_status
asof_window_sweep_run(struct asof_window_sweep *sweep, const struct asof_tiles *tiles,
		      const int64_t *at_us, size_t count, struct asof_block *block,
		      size_t first_column, size_t first_row, int64_t *ret_event_us,
		      struct asof_error *err)
{
	ASOF_TRY(prepare(sweep, tiles, at_us, count, err));
	size_t first = 0;
	for (; first < count && sweep->bounds[first] == 0; first++)
		ret_event_us[first] = INT64_MIN;
	if (first == count)
		return ASOF_OK;
	for (size_t i = first; i < count; i++)
		ret_event_us[i] = tiles->end_us[sweep->bounds[i] - 1];

	struct asof_sweep_run run = {
		.merge = { .layout = sweep->layout, .tiles = tiles },
		.ends = sweep->bounds,
		.begins = (const uint32_t *const *)sweep->begins,
		.first = first,
		.count = count,
		.block = block,
		.first_column = first_column,
		.first_row = first_row,
		.scratch = &sweep->scratch,
		.err = err,
	};
	sweep->scratch.ranked = NULL;
	sweep->scratch.summed = NULL;
	sweep->scratch.keyed = NULL;
	for (size_t i = 0; i < sweep->pass_count; i++)
		ASOF_TRY(sweep_pass(&run, &sweep->passes[i]));
	return ASOF_OK;
}
