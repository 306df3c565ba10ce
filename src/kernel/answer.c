/* answer.c - stored rows made from history, and answers made from stored rows. */
#include "kernel/answer.h"

#include "model/duration.h"

/* With `step: event`, entries carry what orders first and last, behind the states. */
#define EVENT_EXTRAS 2

const char *
asof_value_status_text(enum asof_value_status status)
{
	static const char *const texts[] = {
		[ASOF_VALUE_PRESENT] = "PRESENT",
		[ASOF_VALUE_NULL] = "NULL_VALUE",
		[ASOF_VALUE_NOT_FOUND] = "NOT_FOUND",
		[ASOF_VALUE_OUTSIDE_MAX_AGE] = "OUTSIDE_MAX_AGE",
	};
	return texts[status];
}

static enum asof_status
out_of_memory(const struct asof_view *view, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "answer of '%s'", view->name);
}

/* Is NULL not enough to tell an empty window? */
static bool
is_marked(const struct asof_view *view, size_t output)
{
	enum asof_agg_kind agg = view->outputs[output].agg;
	return asof_view_is_windowed(view) && (agg == ASOF_AGG_STD || agg == ASOF_AGG_VAR);
}

static enum asof_status
make_value_types(const struct asof_view *view, struct asof_arena *arena,
		 struct asof_row_shape *shape, struct asof_error *err)
{
	struct asof_type *types =
		asof_arena_array(arena, 2 * view->output_count + 1, sizeof(*types));
	if (!types)
		return out_of_memory(view, err);
	size_t count = view->output_count;
	for (size_t i = 0; i < view->output_count; i++) {
		types[i] = view->outputs[i].type;
		if (is_marked(view, i))
			types[count++] = ASOF_TYPE(ASOF_TYPE_BOOL);
	}
	shape->values = types;
	shape->value_count = count;
	return ASOF_OK;
}

static enum asof_status
make_entry_types(const struct asof_answer_plan *plan, struct asof_arena *arena,
		 struct asof_row_shape *shape, struct asof_error *err)
{
	const struct asof_tile_layout *layout = &plan->layout;
	size_t room = layout->state_count + EVENT_EXTRAS;
	struct asof_type *types = asof_arena_array(arena, room, sizeof(*types));
	if (!types)
		return out_of_memory(plan->view, err);
	size_t count = 0;
	for (; count < layout->state_count; count++)
		types[count] = layout->states[count].type;
	if (layout->step_us == ASOF_STEP_EVENT) {
		types[count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
		types[count++] = ASOF_TYPE(ASOF_TYPE_INT64);
	}
	shape->entries = types;
	shape->entry_column_count = count;
	return ASOF_OK;
}

/* There is room for one more. */
static void
add_created(struct asof_row_shape *shape)
{
	struct asof_type *types = (struct asof_type *)(uintptr_t)shape->values;
	types[shape->value_count++] = ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
}

enum asof_status
asof_answer_plan_make(const struct asof_view *view, struct asof_arena *arena,
		      struct asof_answer_plan *ret_plan, struct asof_error *err)
{
	struct asof_answer_plan plan = { .view = view };
	ASOF_TRY(make_value_types(view, arena, &plan.shape, err));
	if (asof_view_is_windowed(view)) {
		ASOF_TRY(asof_tile_layout_make(view, arena, &plan.layout, err));
		ASOF_TRY(make_entry_types(&plan, arena, &plan.shape, err));
	} else {
		plan.has_created = view->source && view->source->created_time.text;
		if (plan.has_created)
			add_created(&plan.shape);
		plan.shape.entries = plan.shape.values;
		plan.shape.entry_column_count = plan.shape.value_count;
	}
	*ret_plan = plan;
	return ASOF_OK;
}

/* `column` from row `first` on: the same data, bits moved to the front. False: out of memory. */
static bool
drop_rows(struct asof_column *column, size_t first, size_t count, struct asof_arena *arena)
{
	column->data = (const char *)column->data + first * asof_column_width(column->type);
	if (!column->validity || first == 0)
		return true;
	uint64_t *validity = asof_arena_array(arena, count / 64 + 1, sizeof(*validity));
	if (!validity)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!asof_column_is_null(column, first + i))
			validity[i / 64] |= UINT64_C(1) << (i % 64);
	}
	column->validity = validity;
	return true;
}

/* A column of times or places; without any of them, of NULLs. False: out of memory. */
static bool
add_extra(struct asof_column *column, struct asof_type type, const int64_t *numbers, size_t count,
	  struct asof_arena *arena)
{
	*column = (struct asof_column){ .type = type, .data = numbers };
	if (numbers)
		return true;
	column->validity = asof_arena_array(arena, count / 64 + 1, sizeof(*column->validity));
	column->data = asof_arena_array(arena, count, sizeof(*numbers));
	return column->validity && column->data;
}

/* The history from event `first` on becomes the row's entries. */
static enum asof_status
set_entries(const struct asof_answer_plan *plan, const struct asof_tiles *events, size_t first,
	    struct asof_arena *arena, struct asof_row *row, struct asof_error *err)
{
	size_t column_count = plan->shape.entry_column_count;
	size_t count = events->count - first;
	bool is_event = plan->view->step_us == ASOF_STEP_EVENT;
	size_t state_count = column_count - (is_event ? EVENT_EXTRAS : plan->has_created);
	struct asof_column *columns = asof_arena_array(arena, column_count, sizeof(*columns));
	if (!columns)
		return out_of_memory(plan->view, err);
	bool is_done = true;
	for (size_t i = 0; i < state_count && is_done; i++) {
		columns[i] = events->states[i];
		is_done = drop_rows(&columns[i], first, count, arena);
	}
	if (is_event && is_done) {
		const int64_t *created_us = events->created_us ? events->created_us + first : NULL;
		const int64_t *order = events->order ? events->order + first : NULL;
		is_done = add_extra(&columns[state_count], ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				    created_us, count, arena) &&
			  add_extra(&columns[state_count + 1], ASOF_TYPE(ASOF_TYPE_INT64), order,
				    count, arena);
	}
	if (plan->has_created && is_done)
		is_done = add_extra(&columns[state_count], ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				    events->created_us + first, count, arena);
	if (!is_done)
		return out_of_memory(plan->view, err);
	row->entry_count = count;
	row->entry_event_us = events->end_us + first;
	row->entries = columns;
	return ASOF_OK;
}

/* How many events are at or before at_us. */
static size_t
count_until(const int64_t *event_us, size_t count, int64_t at_us)
{
	while (count > 0 && event_us[count - 1] > at_us)
		count--;
	return count;
}

/* The windows at S, and the marks of empty ones behind the values. */
static enum asof_status
eval_row(const struct asof_answer_plan *plan, const struct asof_tiles *tiles, int64_t instant_us,
	 struct asof_arena *arena, struct asof_row *row, struct asof_error *err)
{
	const struct asof_view *view = plan->view;
	struct asof_value *values =
		asof_arena_array(arena, plan->shape.value_count, sizeof(*values));
	bool *is_empty = asof_arena_array(arena, view->output_count, sizeof(*is_empty));
	if (!values || !is_empty)
		return out_of_memory(view, err);
	struct asof_window_result result = { .values = values, .is_empty = is_empty };
	ASOF_TRY(
		asof_window_eval_into(view, &plan->layout, tiles, instant_us, arena, &result, err));
	row->has_answer = result.has_row;
	if (!result.has_row)
		return ASOF_OK;

	size_t count = view->output_count;
	for (size_t i = 0; i < view->output_count; i++) {
		if (is_marked(view, i))
			values[count++] = (struct asof_value){
				.type = ASOF_TYPE(ASOF_TYPE_BOOL),
				.boolean = is_empty[i],
			};
	}
	row->event_us = result.event_us;
	row->values = values;
	return ASOF_OK;
}

static enum asof_status
make_windowed(const struct asof_answer_plan *plan, const struct asof_tiles *tiles,
	      struct asof_arena *arena, struct asof_row *row, struct asof_error *err)
{
	const struct asof_view *view = plan->view;
	int64_t instant_us = asof_window_instant(view, row->from_us);
	ASOF_TRY(eval_row(plan, tiles, instant_us, arena, row, err));
	if (view->online == ASOF_ONLINE_LATEST)
		return ASOF_OK;

	int64_t until_us = asof_window_holds_until(view, tiles, instant_us);
	row->until_us = asof_us_add(until_us, view->available_after_us);
	/* What is kept: what a window may still hold, and the newest END, which dates the answer.
	 */
	int64_t oldest_us = asof_us_sub(instant_us, asof_view_longest_window_us(view));
	size_t first = count_until(tiles->end_us, tiles->count, oldest_us);
	if (first > 0 && count_until(tiles->end_us, tiles->count, instant_us) == first)
		first = count_until(tiles->end_us, first, asof_us_sub(tiles->end_us[first - 1], 1));
	return set_entries(plan, tiles, first, arena, row, err);
}

static enum asof_status
read_plain(const struct asof_answer_plan *plan, const struct asof_column *columns,
	   const int64_t *created_us, size_t at, struct asof_arena *arena,
	   const struct asof_value **ret_values, struct asof_error *err)
{
	size_t count = plan->view->output_count;
	struct asof_value *values = asof_arena_array(arena, count + 1, sizeof(*values));
	if (!values)
		return out_of_memory(plan->view, err);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(asof_column_value(&columns[i], at, arena, &values[i], err));
	if (plan->has_created)
		values[count] = (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
						     .int64 = created_us ? created_us[at] : 0 };
	*ret_values = values;
	return ASOF_OK;
}

static enum asof_status
make_plain(const struct asof_answer_plan *plan, const struct asof_tiles *events,
	   struct asof_arena *arena, struct asof_row *row, struct asof_error *err)
{
	const struct asof_view *view = plan->view;
	int64_t known_us = asof_us_sub(row->from_us, view->available_after_us);
	size_t first = count_until(events->end_us, events->count, known_us);
	if (first > 0) {
		row->has_answer = true;
		row->event_us = events->end_us[first - 1];
		ASOF_TRY(read_plain(plan, events->states, events->created_us, first - 1, arena,
				    &row->values, err));
	}
	if (view->online == ASOF_ONLINE_LATEST || first == events->count)
		return ASOF_OK;
	row->until_us = asof_us_add(events->end_us[first], view->available_after_us);
	return set_entries(plan, events, first, arena, row, err);
}

enum asof_status
asof_answer_make_row(const struct asof_answer_plan *plan, const struct asof_tiles *events,
		     int64_t at_us, struct asof_arena *arena, struct asof_row *ret_row,
		     struct asof_error *err)
{
	struct asof_row row = { .from_us = at_us, .until_us = INT64_MAX };
	if (asof_view_is_windowed(plan->view))
		ASOF_TRY(make_windowed(plan, events, arena, &row, err));
	else
		ASOF_TRY(make_plain(plan, events, arena, &row, err));
	*ret_row = row;
	return ASOF_OK;
}

static const int64_t *
extra_of(const struct asof_column *column, size_t count)
{
	bool is_there = count > 0 && !asof_column_is_null(column, 0);
	return is_there ? column->data : NULL;
}

static struct asof_tiles
tiles_of(const struct asof_answer_plan *plan, const struct asof_row *row)
{
	struct asof_tiles tiles = {
		.count = row->entry_count,
		.end_us = row->entry_event_us,
		.states = row->entries,
	};
	if (plan->view->step_us == ASOF_STEP_EVENT && row->entry_count > 0) {
		const struct asof_column *extras = &row->entries[plan->layout.state_count];
		tiles.created_us = extra_of(&extras[0], row->entry_count);
		tiles.order = extra_of(&extras[1], row->entry_count);
	}
	return tiles;
}

/* Bring the row's answer, which does not hold any more, to `clock_us`. */
static enum asof_status
advance(const struct asof_answer_plan *plan, int64_t clock_us, struct asof_arena *arena,
	struct asof_row *row, struct asof_error *err)
{
	if (asof_view_is_windowed(plan->view)) {
		struct asof_tiles tiles = tiles_of(plan, row);
		int64_t instant_us = asof_window_instant(plan->view, clock_us);
		return eval_row(plan, &tiles, instant_us, arena, row, err);
	}
	int64_t known_us = asof_us_sub(clock_us, plan->view->available_after_us);
	size_t known = count_until(row->entry_event_us, row->entry_count, known_us);
	if (known == 0)
		return ASOF_OK;
	ASOF_TRY(read_plain(plan, row->entries, NULL, known - 1, arena, &row->values, err));
	row->has_answer = true;
	row->event_us = row->entry_event_us[known - 1];
	return ASOF_OK;
}

static struct asof_value
default_of(const struct asof_output *output)
{
	return output->has_default ? *output->default_value : asof_value_null(output->type);
}

/* All outputs withheld or missing, for one reason. */
static void
fill_without(const struct asof_view *view, enum asof_value_status status,
	     struct asof_answer *answer)
{
	for (size_t i = 0; i < view->output_count; i++) {
		answer->values[i] = default_of(&view->outputs[i]);
		answer->statuses[i] = status;
	}
}

/* A default stands for an empty window; a NULL of the source stays one. */
static void
fill_from(const struct asof_view *view, const struct asof_value *values, struct asof_answer *answer)
{
	size_t mark = view->output_count;
	for (size_t i = 0; i < view->output_count; i++) {
		bool is_empty = asof_view_is_windowed(view);
		if (is_marked(view, i))
			is_empty = values[mark++].boolean;
		answer->values[i] =
			values[i].is_null && is_empty ? default_of(&view->outputs[i]) : values[i];
		answer->statuses[i] =
			answer->values[i].is_null ? ASOF_VALUE_NULL : ASOF_VALUE_PRESENT;
	}
}

static bool
is_too_old(const struct asof_view *view, int64_t event_us, int64_t clock_us)
{
	return view->max_age_us > 0 && event_us < asof_us_sub(clock_us, view->max_age_us);
}

static enum asof_status
read_row(const struct asof_answer_plan *plan, struct asof_str bytes, int64_t *clock_us,
	 struct asof_arena *arena, struct asof_row *ret_row, struct asof_error *err)
{
	if (bytes.len == 0) {
		*ret_row = (struct asof_row){ 0 };
		return ASOF_OK;
	}
	ASOF_TRY(asof_row_decode_at(bytes, &plan->shape, *clock_us, arena, ret_row, err));
	if (*clock_us < ret_row->from_us)
		*clock_us = ret_row->from_us;
	if (*clock_us < ret_row->until_us || ret_row->until_us == INT64_MAX)
		return ASOF_OK;
	return advance(plan, *clock_us, arena, ret_row, err);
}

enum asof_status
asof_answer_of_row(const struct asof_answer_plan *plan, const struct asof_row *row,
		   int64_t clock_us, struct asof_arena *arena, struct asof_answer *ret_answer,
		   struct asof_error *err)
{
	const struct asof_view *view = plan->view;
	struct asof_answer answer = {
		.has_row = row->has_answer,
		.event_us = row->event_us,
		.values = asof_arena_array(arena, view->output_count, sizeof(*answer.values)),
		.statuses = asof_arena_array(arena, view->output_count, sizeof(*answer.statuses)),
	};
	if (!answer.values || !answer.statuses)
		return out_of_memory(view, err);

	if (!row->has_answer)
		fill_without(view, ASOF_VALUE_NOT_FOUND, &answer);
	else if (is_too_old(view, row->event_us, clock_us))
		fill_without(view, ASOF_VALUE_OUTSIDE_MAX_AGE, &answer);
	else
		fill_from(view, row->values, &answer);
	*ret_answer = answer;
	return ASOF_OK;
}

enum asof_status
asof_answer_read(const struct asof_answer_plan *plan, struct asof_str bytes, int64_t clock_us,
		 struct asof_arena *arena, struct asof_answer *ret_answer, struct asof_error *err)
{
	struct asof_row row;
	ASOF_TRY(read_row(plan, bytes, &clock_us, arena, &row, err));
	return asof_answer_of_row(plan, &row, clock_us, arena, ret_answer, err);
}
