/* tile.c - which states a view's aggregates need, and where each stands in the tile table. */
#include "model/tile.h"

#include <assert.h>
#include <stdlib.h>

#define BIT(kind) (UINT32_C(1) << (kind))

/* By enum asof_state_kind. */
static const char *const suffixes[] = {
	[ASOF_STATE_ROWS] = "count",
	[ASOF_STATE_COUNT] = "count",
	[ASOF_STATE_SUM] = "sum",
	[ASOF_STATE_SUM_LO] = "sum_lo",
	[ASOF_STATE_SQUARES] = "squares",
	[ASOF_STATE_SQUARES_LO] = "squares_lo",
	[ASOF_STATE_MIN] = "min",
	[ASOF_STATE_MAX] = "max",
	[ASOF_STATE_FIRST] = "first",
	[ASOF_STATE_FIRST_AT] = "first_at",
	[ASOF_STATE_FIRST_CREATED] = "first_created",
	[ASOF_STATE_FIRST_ORDER] = "first_order",
	[ASOF_STATE_LAST] = "last",
	[ASOF_STATE_LAST_AT] = "last_at",
	[ASOF_STATE_LAST_CREATED] = "last_created",
	[ASOF_STATE_LAST_ORDER] = "last_order",
	[ASOF_STATE_VALUES] = "values",
	[ASOF_STATE_DISTINCT] = "distinct",
	[ASOF_STATE_VALUE] = "value",
};

const char *
asof_state_suffix(enum asof_state_kind kind)
{
	return suffixes[kind];
}

/* A set of state kinds. A sum carries a count: a sum of nothing is NULL, not 0. */
static uint32_t
states_of_agg(enum asof_agg_kind agg, struct asof_type column)
{
	uint32_t sum = BIT(ASOF_STATE_COUNT) | BIT(ASOF_STATE_SUM);
	if (column.kind != ASOF_TYPE_DECIMAL)
		sum |= BIT(ASOF_STATE_SUM_LO);

	switch (agg) {
	case ASOF_AGG_NONE:
		break;
	case ASOF_AGG_COUNT:
		return BIT(ASOF_STATE_COUNT);
	case ASOF_AGG_SUM:
	case ASOF_AGG_MEAN:
		return sum;
	case ASOF_AGG_STD:
	case ASOF_AGG_VAR:
		return sum | BIT(ASOF_STATE_SQUARES) | BIT(ASOF_STATE_SQUARES_LO);
	case ASOF_AGG_MIN:
		return BIT(ASOF_STATE_MIN);
	case ASOF_AGG_MAX:
		return BIT(ASOF_STATE_MAX);
	case ASOF_AGG_MEDIAN:
	case ASOF_AGG_QUANTILE:
		return BIT(ASOF_STATE_VALUES);
	case ASOF_AGG_FIRST:
		return BIT(ASOF_STATE_FIRST) | BIT(ASOF_STATE_FIRST_AT) |
		       BIT(ASOF_STATE_FIRST_CREATED) | BIT(ASOF_STATE_FIRST_ORDER);
	case ASOF_AGG_LAST:
		return BIT(ASOF_STATE_LAST) | BIT(ASOF_STATE_LAST_AT) |
		       BIT(ASOF_STATE_LAST_CREATED) | BIT(ASOF_STATE_LAST_ORDER);
	case ASOF_AGG_COUNT_DISTINCT:
		return BIT(ASOF_STATE_DISTINCT);
	}
	return 0;
}

static struct asof_type
list_of(struct asof_type column)
{
	return (struct asof_type){ .kind = ASOF_TYPE_LIST,
				   .element = column.kind,
				   .precision = column.precision,
				   .scale = column.scale };
}

static struct asof_type
state_type(enum asof_state_kind kind, struct asof_type column)
{
	switch (kind) {
	case ASOF_STATE_ROWS:
	case ASOF_STATE_COUNT:
	case ASOF_STATE_FIRST_ORDER:
	case ASOF_STATE_LAST_ORDER:
		return ASOF_TYPE(ASOF_TYPE_INT64);
	case ASOF_STATE_SUM:
		if (column.kind == ASOF_TYPE_DECIMAL)
			return (struct asof_type){ .kind = ASOF_TYPE_DECIMAL,
						   .precision = 38,
						   .scale = column.scale };
		return ASOF_TYPE(ASOF_TYPE_FLOAT64);
	case ASOF_STATE_SUM_LO:
	case ASOF_STATE_SQUARES:
	case ASOF_STATE_SQUARES_LO:
		return ASOF_TYPE(ASOF_TYPE_FLOAT64);
	case ASOF_STATE_FIRST_AT:
	case ASOF_STATE_FIRST_CREATED:
	case ASOF_STATE_LAST_AT:
	case ASOF_STATE_LAST_CREATED:
		return ASOF_TYPE(ASOF_TYPE_TIMESTAMP);
	case ASOF_STATE_VALUES:
	case ASOF_STATE_DISTINCT:
		return list_of(column);
	case ASOF_STATE_MIN:
	case ASOF_STATE_MAX:
	case ASOF_STATE_FIRST:
	case ASOF_STATE_LAST:
	case ASOF_STATE_VALUE:
		break;
	}
	return column;
}

static int
by_name(const void *a, const void *b)
{
	const struct asof_tile_column *left = a;
	const struct asof_tile_column *right = b;
	return strcmp(left->name, right->name);
}

static size_t
find_column(const struct asof_tile_layout *layout, const char *name)
{
	for (size_t i = 0; i < layout->column_count; i++) {
		if (strcmp(layout->columns[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* The aggregated columns, each once, by name. */
static enum asof_status
collect_columns(const struct asof_view *view, struct asof_arena *arena,
		struct asof_tile_layout *layout, struct asof_error *err)
{
	layout->columns = asof_arena_array(arena, view->output_count, sizeof(*layout->columns));
	if (!layout->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", view->name);

	for (size_t i = 0; i < view->output_count; i++) {
		const char *name = view->outputs[i].feature->column.text;
		if (!name || find_column(layout, name) != SIZE_MAX)
			continue;
		const struct asof_field *field =
			asof_source_field(view->source, asof_str_from(name));
		if (!field)
			return ASOF_FAIL(err, ASOF_INVALID, "view '%s': source '%s' has no '%s'",
					 view->name, view->source->name, name);
		layout->columns[layout->column_count++] =
			(struct asof_tile_column){ .name = name, .type = field->type };
	}
	qsort(layout->columns, layout->column_count, sizeof(*layout->columns), by_name);
	return ASOF_OK;
}

/* Which states each column needs, into `needed`; and which column each output reads. */
static void
collect_needs(const struct asof_view *view, struct asof_tile_layout *layout, uint32_t *needed)
{
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		layout->output_columns[i] = SIZE_MAX;
		if (!output->feature->column.text)
			continue;
		size_t column = find_column(layout, output->feature->column.text);
		layout->output_columns[i] = column;
		needed[column] |=
			view->step_us == ASOF_STEP_EVENT
				? BIT(ASOF_STATE_VALUE)
				: states_of_agg(output->agg, layout->columns[column].type);
	}
}

static enum asof_status
add_state(struct asof_tile_layout *layout, size_t column, enum asof_state_kind kind,
	  struct asof_arena *arena, struct asof_error *err)
{
	struct asof_tile_column *of = &layout->columns[column];
	const char *name = asof_arena_printf(arena, "%s__%s", of->name, suffixes[kind]);
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "state of '%s'", of->name);

	of->state[kind] = layout->state_count;
	layout->states[layout->state_count++] =
		(struct asof_state){ kind, column, state_type(kind, of->type), name };
	return ASOF_OK;
}

static enum asof_status
add_column_states(struct asof_tile_layout *layout, size_t column, uint32_t needed,
		  struct asof_arena *arena, struct asof_error *err)
{
	for (size_t kind = 0; kind <= ASOF_STATE_VALUE; kind++) {
		layout->columns[column].state[kind] = SIZE_MAX;
		if (needed & BIT(kind))
			ASOF_TRY(add_state(layout, column, (enum asof_state_kind)kind, arena, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_tile_layout_make(const struct asof_view *view, struct asof_arena *arena,
		      struct asof_tile_layout *ret_layout, struct asof_error *err)
{
	assert(asof_view_is_windowed(view));
	struct asof_tile_layout layout = { .step_us = view->step_us };
	ASOF_TRY(collect_columns(view, arena, &layout, err));

	size_t states_max = 1 + layout.column_count * ((size_t)ASOF_STATE_VALUE + 1);
	uint32_t *needed = asof_arena_array(arena, layout.column_count, sizeof(*needed));
	layout.output_columns =
		asof_arena_array(arena, view->output_count, sizeof(*layout.output_columns));
	layout.states = asof_arena_array(arena, states_max, sizeof(*layout.states));
	if (!needed || !layout.output_columns || !layout.states)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "states of '%s'", view->name);

	collect_needs(view, &layout, needed);
	if (view->step_us != ASOF_STEP_EVENT)
		layout.states[layout.state_count++] =
			(struct asof_state){ ASOF_STATE_ROWS, SIZE_MAX, ASOF_TYPE(ASOF_TYPE_INT64),
					     "_count" };
	for (size_t i = 0; i < layout.column_count; i++)
		ASOF_TRY(add_column_states(&layout, i, needed[i], arena, err));
	*ret_layout = layout;
	return ASOF_OK;
}
