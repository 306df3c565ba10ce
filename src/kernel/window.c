/* window.c - the outputs of a windowed view at an instant, from an entity's tiles. */
#include "kernel/window.h"

#include <assert.h>

#include "kernel/window_merge.h"
#include "model/duration.h"

enum choice { CHOICE_MIN, CHOICE_MAX, CHOICE_FIRST, CHOICE_LAST, CHOICE_COUNT };

/* What has been merged of one column, for several outputs. NULL: not yet. */
struct column_work {
	size_t window_count; /* windows that outputs of this column have: the shortest ones */
	bool wants_squares;
	struct asof_moments *moments;
	size_t *choices[CHOICE_COUNT];
	struct asof_items *values;
	struct asof_items *distinct;
};

struct eval {
	const struct asof_view *view;
	struct asof_merge merge;
	int64_t *lengths_us; /* of the windows, each once, ascending */
	size_t *begins;
	size_t window_count;
	size_t *output_windows; /* per output: which window */
	struct column_work *columns;
	int64_t *row_counts; /* per window */
	struct asof_error *err;
};

/* How many of the ascending times are <= at_us. */
static size_t
count_until(const int64_t *times_us, size_t count, int64_t at_us)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (times_us[middle] <= at_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t
asof_window_instant(const struct asof_view *view, int64_t event_us)
{
	int64_t known_us = asof_us_sub(event_us, view->available_after_us);
	return view->step_us > 0 ? asof_step_floor(known_us, view->step_us) : known_us;
}

int64_t
asof_window_holds_until(const struct asof_view *view, const struct asof_tiles *tiles, int64_t at_us)
{
	size_t end = count_until(tiles->end_us, tiles->count, at_us);
	int64_t until_us = end < tiles->count ? tiles->end_us[end] : INT64_MAX;
	for (size_t i = 0; i < view->output_count; i++) {
		int64_t length_us = view->outputs[i].window_us;
		if (i > 0 && length_us == view->outputs[i - 1].window_us)
			continue;
		size_t begin = count_until(tiles->end_us, end, asof_us_sub(at_us, length_us));
		if (begin == end)
			continue;
		int64_t leaves_us = asof_us_add(tiles->end_us[begin], length_us);
		if (leaves_us < until_us)
			until_us = leaves_us;
	}
	return until_us;
}

static enum asof_status
out_of_memory(const struct asof_view *view, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", view->name);
}

/* Where `length_us` stands in lengths_us, which it joins if it is new. */
static void
add_window(struct eval *e, int64_t length_us)
{
	size_t at = 0;
	while (at < e->window_count && e->lengths_us[at] < length_us)
		at++;
	if (at < e->window_count && e->lengths_us[at] == length_us)
		return;
	memmove(e->lengths_us + at + 1, e->lengths_us + at,
		(e->window_count - at) * sizeof(*e->lengths_us));
	e->lengths_us[at] = length_us;
	e->window_count++;
}

static size_t
window_of(const struct eval *e, int64_t length_us)
{
	size_t at = 0;
	while (e->lengths_us[at] != length_us)
		at++;
	return at;
}

static void
prepare_windows(struct eval *e, int64_t at_us)
{
	const struct asof_view *view = e->view;
	for (size_t i = 0; i < view->output_count; i++)
		add_window(e, view->outputs[i].window_us);
	for (size_t w = 0; w < e->window_count; w++)
		e->begins[w] = count_until(e->merge.tiles->end_us, e->merge.end,
					   asof_us_sub(at_us, e->lengths_us[w]));

	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		size_t column = e->merge.layout->output_columns[i];
		e->output_windows[i] = window_of(e, output->window_us);
		if (column == SIZE_MAX)
			continue;
		struct column_work *work = &e->columns[column];
		if (work->window_count <= e->output_windows[i])
			work->window_count = e->output_windows[i] + 1;
		if (output->agg == ASOF_AGG_STD || output->agg == ASOF_AGG_VAR)
			work->wants_squares = true;
	}
}

static enum asof_status
prepare(struct eval *e, int64_t at_us)
{
	struct asof_arena *arena = e->merge.arena;
	size_t count = e->view->output_count;
	e->lengths_us = asof_arena_array(arena, count, sizeof(*e->lengths_us));
	e->begins = asof_arena_array(arena, count, sizeof(*e->begins));
	e->output_windows = asof_arena_array(arena, count, sizeof(*e->output_windows));
	/* One more, for the outputs that have no column. */
	e->columns =
		asof_arena_array(arena, e->merge.layout->column_count + 1, sizeof(*e->columns));
	if (!e->lengths_us || !e->begins || !e->output_windows || !e->columns)
		return out_of_memory(e->view, e->err);
	e->merge.begins = e->begins;
	prepare_windows(e, at_us);
	return ASOF_OK;
}

/* One output being evaluated. */
struct target {
	const struct asof_output *output;
	const struct asof_tile_column *column; /* NULL: count of rows */
	struct column_work *work;
	size_t window;
	struct asof_value *value;
	bool *is_empty;
};

static enum asof_status
find_moments(struct eval *e, const struct target *t, const struct asof_moments **ret_moments)
{
	struct column_work *work = t->work;
	if (!work->moments) {
		work->moments = asof_arena_array(e->merge.arena, work->window_count,
						 sizeof(*work->moments));
		if (!work->moments)
			return out_of_memory(e->view, e->err);
		asof_merge_moments(&e->merge, t->column, work->window_count, work->wants_squares,
				   work->moments);
	}
	*ret_moments = &work->moments[t->window];
	return ASOF_OK;
}

static void
set_int64(const struct target *t, int64_t number, bool is_empty)
{
	t->value->is_null = false;
	t->value->int64 = number;
	*t->is_empty = is_empty;
}

static void
set_double(const struct target *t, double number)
{
	t->value->is_null = false;
	t->value->float64 = number;
	*t->is_empty = false;
}

static enum asof_status
eval_rows(struct eval *e, const struct target *t)
{
	if (!e->row_counts) {
		e->row_counts =
			asof_arena_array(e->merge.arena, e->window_count, sizeof(*e->row_counts));
		if (!e->row_counts)
			return out_of_memory(e->view, e->err);
		asof_merge_rows(&e->merge, e->window_count, e->row_counts);
	}
	set_int64(t, e->row_counts[t->window], e->row_counts[t->window] == 0);
	return ASOF_OK;
}

static enum asof_status
eval_sum(struct eval *e, const struct target *t, const struct asof_moments *m)
{
	struct asof_value *value = t->value;
	struct asof_type type = t->output->type;
	bool is_exact = asof_merge_is_exact(&e->merge, t->column);
	bool fits = true;
	if (type.kind == ASOF_TYPE_FLOAT64)
		value->float64 = m->sum.hi;
	else if (type.kind == ASOF_TYPE_DECIMAL)
		fits = asof_moments_decimal(m, &value->decimal);
	else
		fits = asof_moments_integer(m, is_exact, &value->int64);
	if (!fits)
		return asof_moments_fail(t->column->name, type, e->err);
	value->is_null = false;
	return ASOF_OK;
}

/* Count, sum, mean, std and var of a column. */
static enum asof_status
eval_moments(struct eval *e, const struct target *t)
{
	const struct asof_moments *m = NULL;
	assert(t->column);
	ASOF_TRY(find_moments(e, t, &m));
	if (t->output->agg == ASOF_AGG_COUNT) {
		set_int64(t, m->count, m->count == 0);
		return ASOF_OK;
	}
	if (m->count == 0)
		return ASOF_OK;
	*t->is_empty = false;
	if (t->output->agg == ASOF_AGG_SUM)
		return eval_sum(e, t, m);
	if (t->output->agg == ASOF_AGG_MEAN) {
		set_double(t, asof_moments_mean(m, t->column->type));
		return ASOF_OK;
	}
	if (m->count < 2)
		return ASOF_OK;
	double variance = asof_moments_variance(m, t->column->type);
	set_double(t, t->output->agg == ASOF_AGG_STD ? sqrt(variance) : variance);
	return ASOF_OK;
}

/* -0.0 is 0.0: which of two equal values was met first does not show. */
static void
drop_negative_zero(struct asof_value *value)
{
	if (value->type.kind == ASOF_TYPE_FLOAT64)
		value->float64 += 0.0;
	else if (value->type.kind == ASOF_TYPE_FLOAT32)
		value->float32 += 0.0F;
}

static enum asof_status
eval_choice(struct eval *e, const struct target *t, enum choice choice)
{
	static const enum asof_state_kind kinds[] = { ASOF_STATE_MIN, ASOF_STATE_MAX,
						      ASOF_STATE_FIRST, ASOF_STATE_LAST };
	size_t **rows = &t->work->choices[choice];
	if (!*rows) {
		*rows = asof_arena_array(e->merge.arena, t->work->window_count, sizeof(**rows));
		if (!*rows)
			return out_of_memory(e->view, e->err);
		asof_merge_choice(&e->merge, t->column, kinds[choice], t->work->window_count,
				  *rows);
	}
	size_t row = (*rows)[t->window];
	if (row == SIZE_MAX)
		return ASOF_OK;
	const struct asof_column *column =
		asof_merge_choice_column(&e->merge, t->column, kinds[choice]);
	ASOF_TRY(asof_column_value(column, row, e->merge.arena, t->value, e->err));
	if (choice == CHOICE_MIN || choice == CHOICE_MAX)
		drop_negative_zero(t->value);
	*t->is_empty = false;
	return ASOF_OK;
}

static enum asof_status
find_items(struct eval *e, const struct target *t, enum asof_state_kind kind,
	   struct asof_items **items)
{
	if (*items)
		return ASOF_OK;
	struct asof_items *merged = asof_arena_alloc(e->merge.arena, sizeof(*merged));
	if (!merged)
		return out_of_memory(e->view, e->err);
	ASOF_TRY(asof_merge_items(&e->merge, t->column, kind, t->work->window_count, merged,
				  e->err));
	*items = merged;
	return ASOF_OK;
}

static enum asof_status
eval_quantile(struct eval *e, const struct target *t)
{
	ASOF_TRY(find_items(e, t, ASOF_STATE_VALUES, &t->work->values));
	uint32_t rank = (uint32_t)t->window;
	size_t count = asof_items_count(t->work->values, rank);
	if (count > 0)
		set_double(t,
			   asof_items_quantile(t->work->values, rank, count, t->output->quantile));
	return ASOF_OK;
}

static enum asof_status
eval_count_distinct(struct eval *e, const struct target *t)
{
	ASOF_TRY(find_items(e, t, ASOF_STATE_DISTINCT, &t->work->distinct));
	size_t count = asof_items_count_distinct(t->work->distinct, (uint32_t)t->window);
	set_int64(t, (int64_t)count, count == 0);
	return ASOF_OK;
}

static enum asof_status
eval_output(struct eval *e, const struct target *t)
{
	switch (t->output->agg) {
	case ASOF_AGG_COUNT:
		return t->column ? eval_moments(e, t) : eval_rows(e, t);
	case ASOF_AGG_SUM:
	case ASOF_AGG_MEAN:
	case ASOF_AGG_STD:
	case ASOF_AGG_VAR:
		return eval_moments(e, t);
	case ASOF_AGG_MIN:
		return eval_choice(e, t, CHOICE_MIN);
	case ASOF_AGG_MAX:
		return eval_choice(e, t, CHOICE_MAX);
	case ASOF_AGG_FIRST:
		return eval_choice(e, t, CHOICE_FIRST);
	case ASOF_AGG_LAST:
		return eval_choice(e, t, CHOICE_LAST);
	case ASOF_AGG_MEDIAN:
	case ASOF_AGG_QUANTILE:
		return eval_quantile(e, t);
	case ASOF_AGG_COUNT_DISTINCT:
		return eval_count_distinct(e, t);
	case ASOF_AGG_NONE:
		break;
	}
	return ASOF_FAIL(e->err, ASOF_INTERNAL, "'%s' has no aggregate", t->output->name);
}

static enum asof_status
eval_outputs(struct eval *e, struct asof_value *values, bool *is_empty)
{
	size_t column_count = e->merge.layout->column_count;
	for (size_t i = 0; i < e->view->output_count; i++) {
		const struct asof_output *output = &e->view->outputs[i];
		size_t column = e->merge.layout->output_columns[i];
		struct target t = {
			.output = output,
			.column = column == SIZE_MAX ? NULL : &e->merge.layout->columns[column],
			.work = &e->columns[column == SIZE_MAX ? column_count : column],
			.window = e->output_windows[i],
			.value = &values[i],
			.is_empty = &is_empty[i],
		};
		values[i] = asof_value_null(output->type);
		is_empty[i] = true;
		ASOF_TRY(eval_output(e, &t));
	}
	return ASOF_OK;
}

enum asof_status
asof_window_eval_into(const struct asof_view *view, const struct asof_tile_layout *layout,
		      const struct asof_tiles *tiles, int64_t at_us, struct asof_arena *arena,
		      struct asof_window_result *result, struct asof_error *err)
{
	size_t end = count_until(tiles->end_us, tiles->count, at_us);
	if (end == 0) {
		result->has_row = false;
		return ASOF_OK;
	}
	struct eval e = {
		.view = view,
		.merge = { .layout = layout, .tiles = tiles, .end = end, .arena = arena },
		.err = err,
	};
	struct asof_value *values = asof_arena_array(arena, view->output_count, sizeof(*values));
	bool *is_empty = asof_arena_array(arena, view->output_count, sizeof(*is_empty));
	if (!values || !is_empty)
		return out_of_memory(view, err);
	ASOF_TRY(prepare(&e, at_us));
	ASOF_TRY(eval_outputs(&e, values, is_empty));

	memcpy(result->values, values, view->output_count * sizeof(*values));
	memcpy(result->is_empty, is_empty, view->output_count * sizeof(*is_empty));
	result->has_row = true;
	result->event_us = tiles->end_us[end - 1];
	return ASOF_OK;
}

enum asof_status
asof_window_eval(const struct asof_view *view, const struct asof_tile_layout *layout,
		 const struct asof_tiles *tiles, int64_t at_us, struct asof_arena *arena,
		 bool *ret_has_row, int64_t *ret_event_us, struct asof_value *ret_values,
		 struct asof_error *err)
{
	bool *is_empty = asof_arena_array(arena, view->output_count, sizeof(*is_empty));
	if (!is_empty)
		return out_of_memory(view, err);
	struct asof_window_result result = { .values = ret_values, .is_empty = is_empty };
	ASOF_TRY(asof_window_eval_into(view, layout, tiles, at_us, arena, &result, err));
	*ret_has_row = result.has_row;
	if (result.has_row)
		*ret_event_us = result.event_us;
	return ASOF_OK;
}
