/*
 * kernel_cases.h - random views and events, tiles made of them the slow way, and what their windows
 * must hold. Shares no arithmetic with the kernel: sums are __int128 and __float128.
 */
#ifndef ASOF_TESTS_KERNEL_CASES_H
#define ASOF_TESTS_KERNEL_CASES_H

#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "kernel/window.h"
#include "seeded.h"

__extension__ typedef __float128 quad;

#define CASE_COLUMNS     11
#define CASE_OUTPUTS_MAX 40
#define CASE_EVENTS_MAX  80

static const struct asof_type case_types[] = {
	{ .kind = ASOF_TYPE_BOOL },
	{ .kind = ASOF_TYPE_INT32 },
	{ .kind = ASOF_TYPE_INT64 },
	{ .kind = ASOF_TYPE_FLOAT32 },
	{ .kind = ASOF_TYPE_FLOAT64 },
	{ .kind = ASOF_TYPE_DECIMAL, .precision = 12, .scale = 2 },
	{ .kind = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_DATE },
	{ .kind = ASOF_TYPE_TIMESTAMP },
	{ .kind = ASOF_TYPE_UUID },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_INT64 },
};
_Static_assert(ASOF_COUNTOF(case_types) == CASE_COLUMNS, "one type per column");
static const char *const case_names[CASE_COLUMNS] = { "b", "i",   "n",  "r", "x", "d",
						      "s", "day", "at", "u", "l" };

struct case_event {
	int64_t event_us;
	int64_t created_us;
	int64_t order; /* different for each */
	struct asof_value values[CASE_COLUMNS];
};

/* What the random values are like. */
enum case_taste { TASTE_TAME, TASTE_WILD, TASTE_LARGE };

struct kernel_case {
	struct asof_arena arena;
	struct asof_field fields[CASE_COLUMNS];
	struct asof_source source;
	struct asof_feature features[CASE_OUTPUTS_MAX];
	struct asof_output outputs[CASE_OUTPUTS_MAX];
	struct asof_view view;
	struct asof_tile_layout layout;
	struct case_event events[CASE_EVENTS_MAX]; /* by (event, created, order) */
	size_t event_count;
};

static inline void *
case_alloc(struct asof_arena *arena, size_t count, size_t size)
{
	void *array = asof_arena_array(arena, count, size);
	assert_non_null(array);
	return array;
}

static inline struct asof_value
case_list(struct random *r, struct asof_arena *arena)
{
	size_t count = random_below(r, 3);
	struct asof_value *items = case_alloc(arena, count, sizeof(*items));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64),
						.int64 = (int64_t)random_below(r, 9) };
	return (struct asof_value){ .list = { items, count } };
}

static inline double
case_double(struct random *r, enum case_taste taste)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, -0.0, 0.0, 1e-300, 5e-324 };
	if (taste == TASTE_WILD && random_below(r, 4) == 0)
		return odd[random_below(r, ASOF_COUNTOF(odd))];
	if (random_below(r, 3) == 0)
		return (double)random_between(r, -3, 3);
	double scale = taste == TASTE_LARGE ? 1e9 : 1;
	return scale + (random_unit(r) - 0.5) * pow(10, (double)random_between(r, -3, 6));
}

static inline struct asof_value
case_value(struct random *r, struct asof_type type, enum case_taste taste, struct asof_arena *arena)
{
	static const char *const words[] = { "", "a", "ab", "b", "\xC3\xA9", "zz" };
	struct asof_value value = { .int64 = 0 };
	int64_t small = random_between(r, -5, 5);
	switch (type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = random_below(r, 2);
		break;
	case ASOF_TYPE_INT32:
		value.int32 = (int32_t)(taste == TASTE_LARGE ? random_u64(r) : (uint64_t)small);
		break;
	case ASOF_TYPE_INT64:
		value.int64 = taste == TASTE_LARGE ? (int64_t)random_u64(r) >> 2 : small * 1000;
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)case_double(r, taste);
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = case_double(r, taste);
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = random_between(r, -999999, 999999);
		break;
	case ASOF_TYPE_STRING:
		value.str = asof_str_from(words[random_below(r, ASOF_COUNTOF(words))]);
		break;
	case ASOF_TYPE_UUID:
		value.str = (struct asof_str){ &"0123456789abcdef0101"[random_below(r, 5)], 16 };
		break;
	case ASOF_TYPE_DATE:
		value.int32 = (int32_t)small;
		break;
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = small;
		break;
	default:
		value = case_list(r, arena);
	}
	value.type = type;
	value.is_null = random_below(r, 5) == 0;
	return value;
}

static inline int
case_event_compare(const void *a, const void *b)
{
	const struct case_event *left = a;
	const struct case_event *right = b;
	if (left->event_us != right->event_us)
		return left->event_us < right->event_us ? -1 : 1;
	if (left->created_us != right->created_us)
		return left->created_us < right->created_us ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

/* Times in [-range, range]: many at one instant, many on the edges of steps and windows. */
static inline void
case_make_events(struct random *r, struct kernel_case *c, size_t count, int64_t range,
		 enum case_taste taste)
{
	c->event_count = count;
	for (size_t i = 0; i < count; i++) {
		struct case_event *event = &c->events[i];
		event->event_us = random_between(r, -range, range);
		event->created_us = random_between(r, 0, 2);
		event->order = (int64_t)((i * 37 + 11) % 97);
		for (size_t j = 0; j < CASE_COLUMNS; j++)
			event->values[j] = case_value(r, case_types[j], taste, &c->arena);
	}
	qsort(c->events, count, sizeof(c->events[0]), case_event_compare);
}

/* A view without outputs; `step_us` as in asof_view. */
static inline void
case_init(struct kernel_case *c, int64_t step_us)
{
	*c = (struct kernel_case){ 0 };
	for (size_t i = 0; i < CASE_COLUMNS; i++)
		c->fields[i] = (struct asof_field){ .name = case_names[i], .type = case_types[i] };
	c->source = (struct asof_source){ .name = "events",
					  .fields = c->fields,
					  .field_count = CASE_COLUMNS };
	c->view = (struct asof_view){ .name = "v",
				      .source = &c->source,
				      .step_us = step_us,
				      .features = c->features,
				      .outputs = c->outputs };
}

static inline void
case_done(struct kernel_case *c)
{
	asof_arena_done(&c->arena);
}

/* False where the aggregate does not take the column. `column` NULL: count of rows. */
static inline bool
case_add_output(struct kernel_case *c, enum asof_agg_kind agg, const char *column,
		int64_t window_us, double quantile)
{
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_NONE);
	struct asof_feature *feature = &c->features[c->view.output_count];
	struct asof_output *output = &c->outputs[c->view.output_count];
	if (column)
		type = asof_source_field(&c->source, asof_str_from(column))->type;
	*feature = (struct asof_feature){ .name = "f", .column = { .text = column } };
	*output = (struct asof_output){ .name = "o",
					.feature = feature,
					.agg = agg,
					.quantile = quantile,
					.window_us = window_us };
	if (asof_agg_type(agg, type, &output->type, NULL) != ASOF_OK)
		return false;
	c->view.output_count++;
	c->view.feature_count++;
	return true;
}

static inline void
case_add_random_outputs(struct random *r, struct kernel_case *c, size_t count,
			int64_t window_unit_us)
{
	static const double quantiles[] = { 0, 0.1, 0.25, 0.9, 0.999, 1 };
	while (c->view.output_count < count) {
		int64_t window_us = window_unit_us * random_between(r, 1, 8);
		enum asof_agg_kind agg = (enum asof_agg_kind)random_between(
			r, ASOF_AGG_COUNT, ASOF_AGG_COUNT_DISTINCT);
		bool is_rows = agg == ASOF_AGG_COUNT && random_below(r, 2);
		double p = agg == ASOF_AGG_MEDIAN
				   ? 0.5
				   : quantiles[random_below(r, ASOF_COUNTOF(quantiles))];
		(void)case_add_output(c, agg,
				      is_rows ? NULL : case_names[random_below(r, CASE_COLUMNS)],
				      window_us, p);
	}
}

static inline void
case_make_layout(struct kernel_case *c)
{
	struct asof_error err = { 0 };
	assert_ok(asof_tile_layout_make(&c->view, &c->arena, &c->layout, &err), err);
}

static inline size_t
case_column_index(const char *name)
{
	size_t i = 0;
	while (strcmp(case_names[i], name) != 0)
		i++;
	return i;
}

/* Any number as a quad; of a decimal the unscaled one. */
static inline quad
case_number(const struct asof_value *value)
{
	switch (value->type.kind) {
	case ASOF_TYPE_BOOL:
		return value->boolean;
	case ASOF_TYPE_INT32:
		return value->int32;
	case ASOF_TYPE_INT64:
		return value->int64;
	case ASOF_TYPE_FLOAT32:
		return (quad)value->float32;
	case ASOF_TYPE_FLOAT64:
		return (quad)value->float64;
	default:
		return (quad)value->decimal;
	}
}

static inline struct asof_value
case_of_double(double number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT64), .float64 = number };
}

static inline struct asof_value
case_of_int64(uint8_t kind, int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(kind), .int64 = number };
}

/* Non-NULL values of one column, of some events, in their order. */
struct case_values {
	const struct asof_value *values[CASE_EVENTS_MAX];
	const struct case_event *events[CASE_EVENTS_MAX];
	size_t count;
	size_t row_count; /* NULLs too */
};

static inline void
case_take(struct case_values *taken, const struct case_event *event, size_t column)
{
	taken->row_count++;
	if (event->values[column].is_null)
		return;
	taken->values[taken->count] = &event->values[column];
	taken->events[taken->count++] = event;
}

static inline int
case_value_compare(const void *a, const void *b)
{
	return asof_value_compare(*(const struct asof_value *const *)a,
				  *(const struct asof_value *const *)b);
}

/* VALUES and DISTINCT. */
static inline struct asof_value
case_sorted(const struct case_values *taken, struct asof_type type, bool is_distinct,
	    struct asof_arena *arena)
{
	struct case_values sorted = *taken;
	qsort(sorted.values, sorted.count, sizeof(sorted.values[0]), case_value_compare);
	struct asof_value *items = case_alloc(arena, sorted.count, sizeof(*items));
	size_t count = 0;
	for (size_t i = 0; i < sorted.count; i++) {
		if (!is_distinct || count == 0 ||
		    asof_value_compare(&items[count - 1], sorted.values[i]) != 0)
			items[count++] = *sorted.values[i];
	}
	return (struct asof_value){ .type = type, .list = { items, count } };
}

static inline quad
case_sum(const struct case_values *taken, bool is_squares)
{
	quad sum = 0;
	for (size_t i = 0; i < taken->count; i++) {
		quad number = case_number(taken->values[i]);
		sum += is_squares ? number * number : number;
	}
	return sum;
}

static inline struct asof_value
case_half(quad sum, bool is_low)
{
	double high = (double)sum;
	if (!is_low)
		return case_of_double(high);
	return case_of_double(isfinite(high) ? (double)(sum - (quad)high) : 0);
}

static inline struct asof_value
case_extreme(const struct case_values *taken, bool is_max)
{
	const struct asof_value *best = taken->values[0];
	for (size_t i = 1; i < taken->count; i++) {
		int order = asof_value_compare(taken->values[i], best);
		if (is_max ? order > 0 : order < 0)
			best = taken->values[i];
	}
	return *best;
}

/* A state of the tile that holds `taken`. */
static inline struct asof_value
case_state(const struct case_values *taken, const struct asof_state *state,
	   struct asof_arena *arena)
{
	bool is_none = taken->count == 0;
	const struct case_event *first = is_none ? NULL : taken->events[0];
	const struct case_event *last = is_none ? NULL : taken->events[taken->count - 1];
	if (is_none && state->kind != ASOF_STATE_ROWS && state->kind != ASOF_STATE_COUNT)
		return asof_value_null(state->type);
	switch (state->kind) {
	case ASOF_STATE_ROWS:
		return case_of_int64(ASOF_TYPE_INT64, (int64_t)taken->row_count);
	case ASOF_STATE_COUNT:
		return case_of_int64(ASOF_TYPE_INT64, (int64_t)taken->count);
	case ASOF_STATE_SUM:
		if (state->type.kind != ASOF_TYPE_DECIMAL)
			return case_half(case_sum(taken, false), false);
		return (struct asof_value){ .type = state->type,
					    .decimal = (asof_int128)case_sum(taken, false) };
	case ASOF_STATE_SUM_LO:
		return case_half(case_sum(taken, false), true);
	case ASOF_STATE_SQUARES:
	case ASOF_STATE_SQUARES_LO:
		return case_half(case_sum(taken, true), state->kind == ASOF_STATE_SQUARES_LO);
	case ASOF_STATE_MIN:
	case ASOF_STATE_MAX:
		return case_extreme(taken, state->kind == ASOF_STATE_MAX);
	case ASOF_STATE_FIRST:
		return *taken->values[0];
	case ASOF_STATE_FIRST_AT:
		return case_of_int64(ASOF_TYPE_TIMESTAMP, first->event_us);
	case ASOF_STATE_FIRST_CREATED:
		return case_of_int64(ASOF_TYPE_TIMESTAMP, first->created_us);
	case ASOF_STATE_FIRST_ORDER:
		return case_of_int64(ASOF_TYPE_INT64, first->order);
	case ASOF_STATE_LAST:
	case ASOF_STATE_VALUE:
		return *taken->values[taken->count - 1];
	case ASOF_STATE_LAST_AT:
		return case_of_int64(ASOF_TYPE_TIMESTAMP, last->event_us);
	case ASOF_STATE_LAST_CREATED:
		return case_of_int64(ASOF_TYPE_TIMESTAMP, last->created_us);
	case ASOF_STATE_LAST_ORDER:
		return case_of_int64(ASOF_TYPE_INT64, last->order);
	case ASOF_STATE_VALUES:
	case ASOF_STATE_DISTINCT:
		return case_sorted(taken, state->type, state->kind == ASOF_STATE_DISTINCT, arena);
	}
	return asof_value_null(state->type);
}

static inline void
case_put(unsigned char *data, size_t row, const struct asof_value *value)
{
	switch (value->type.kind) {
	case ASOF_TYPE_BOOL:
		data[row] = value->boolean;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_FLOAT32:
		memcpy(data + row * 4, &value->int32, 4);
		break;
	case ASOF_TYPE_DECIMAL:
		memcpy(data + row * 16, &value->decimal, 16);
		break;
	case ASOF_TYPE_UUID:
		memcpy(data + row * 16, value->str.ptr, 16);
		break;
	case ASOF_TYPE_STRING:
		memcpy(data + row * sizeof(value->str), &value->str, sizeof(value->str));
		break;
	default:
		memcpy(data + row * 8, &value->int64, 8);
	}
}

/* Values of one type as a column; lists one level deep. */
static inline struct asof_column
case_column(struct asof_type type, const struct asof_value *values, size_t count,
	    struct asof_arena *arena)
{
	unsigned char *data = case_alloc(arena, count, 16);
	uint64_t *validity = case_alloc(arena, count / 64 + 1, sizeof(*validity));
	struct asof_column column = { .type = type, .data = data };
	struct asof_value *items = NULL;
	size_t item_count = 0;
	for (size_t i = 0; type.kind == ASOF_TYPE_LIST && i < count; i++)
		item_count += values[i].is_null ? 0 : values[i].list.count;
	items = case_alloc(arena, item_count, sizeof(*items));
	item_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (values[i].is_null) {
			column.validity = validity;
			continue;
		}
		validity[i / 64] |= UINT64_C(1) << (i % 64);
		if (type.kind != ASOF_TYPE_LIST) {
			case_put(data, i, &values[i]);
			continue;
		}
		struct asof_span span = { item_count, values[i].list.count };
		memcpy(data + i * sizeof(span), &span, sizeof(span));
		for (size_t j = 0; j < span.length; j++)
			items[item_count++] = values[i].list.items[j];
	}
	if (type.kind == ASOF_TYPE_LIST) {
		struct asof_column *child = case_alloc(arena, 1, sizeof(*child));
		*child = case_column(asof_type_element(type), items, item_count, arena);
		column.child = child;
	}
	return column;
}

static inline int64_t
case_step_end(int64_t event_us, int64_t step_us)
{
	int64_t end_us = event_us / step_us * step_us;
	return end_us < event_us ? end_us + step_us : end_us;
}

/* Which tile row each event goes to; returns how many there are. Each END has up to three rows, in
 * any order, and none is empty. */
static inline size_t
case_assign(struct random *r, const struct kernel_case *c, size_t *rows, int64_t *end_us)
{
	size_t count = 0;
	for (size_t i = 0; i < c->event_count;) {
		int64_t end = c->view.step_us == ASOF_STEP_EVENT
				      ? INT64_MIN
				      : case_step_end(c->events[i].event_us, c->view.step_us);
		size_t places[3] = { SIZE_MAX, SIZE_MAX, SIZE_MAX };
		do {
			size_t place = random_below(r, 3);
			if (end == INT64_MIN || places[place] == SIZE_MAX) {
				end_us[count] = end == INT64_MIN ? c->events[i].event_us : end;
				places[place] = count++;
			}
			rows[i++] = places[place];
		} while (end != INT64_MIN && i < c->event_count &&
			 case_step_end(c->events[i].event_us, c->view.step_us) == end);
	}
	return count;
}

/* The events as tiles, split among tile rows at random. */
static inline struct asof_tiles
case_make_tiles(struct random *r, struct kernel_case *c)
{
	size_t rows[CASE_EVENTS_MAX];
	int64_t *end_us = case_alloc(&c->arena, CASE_EVENTS_MAX, sizeof(*end_us));
	int64_t *created_us = case_alloc(&c->arena, CASE_EVENTS_MAX, sizeof(*created_us));
	int64_t *order = case_alloc(&c->arena, CASE_EVENTS_MAX, sizeof(*order));
	struct asof_column *states = case_alloc(&c->arena, c->layout.state_count, sizeof(*states));
	size_t count = case_assign(r, c, rows, end_us);
	for (size_t s = 0; s < c->layout.state_count; s++) {
		const struct asof_state *state = &c->layout.states[s];
		struct asof_value *values = case_alloc(&c->arena, count, sizeof(*values));
		size_t column = state->column == SIZE_MAX
					? 0
					: case_column_index(c->layout.columns[state->column].name);
		for (size_t row = 0; row < count; row++) {
			struct case_values taken = { .count = 0 };
			for (size_t i = 0; i < c->event_count; i++) {
				if (rows[i] == row)
					case_take(&taken, &c->events[i], column);
			}
			values[row] = case_state(&taken, state, &c->arena);
		}
		states[s] = case_column(state->type, values, count, &c->arena);
	}
	bool is_event = c->view.step_us == ASOF_STEP_EVENT;
	for (size_t i = 0; is_event && i < c->event_count; i++) {
		created_us[i] = c->events[i].created_us;
		order[i] = c->events[i].order;
	}
	return (struct asof_tiles){ .count = count,
				    .end_us = end_us,
				    .created_us = is_event ? created_us : NULL,
				    .order = is_event ? order : NULL,
				    .states = states };
}

#endif
