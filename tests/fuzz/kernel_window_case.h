/* kernel_window_case.h - a random windowed view with events and instants, made of a fuzzer's bytes.
 */
#ifndef ASOF_FUZZ_KERNEL_WINDOW_CASE_H
#define ASOF_FUZZ_KERNEL_WINDOW_CASE_H

#include "kernel_feed.h"
#include "model/tile.h"

#define KEYS_MAX    2
#define COLUMNS     5
#define OUTPUTS_MAX 8
#define SPINE_MAX   64
#define EVENTS_MAX  200
#define WORKERS_MAX 3
#define STATES_MAX  128

struct event {
	struct asof_value keys[KEYS_MAX];
	int64_t event_us;
	int64_t created_us;
	int64_t order;
	struct asof_value values[COLUMNS];
};

struct ask {
	struct asof_value keys[KEYS_MAX];
	int64_t time_us;
	bool is_given;
};

struct window_case {
	struct feed feed;
	struct asof_key keys[KEYS_MAX];
	struct asof_type key_types[KEYS_MAX];
	struct asof_entity entity;
	struct asof_field fields[COLUMNS];
	struct asof_source source;
	struct asof_feature features[OUTPUTS_MAX];
	struct asof_output outputs[OUTPUTS_MAX];
	struct asof_value defaults[OUTPUTS_MAX];
	struct asof_view view;
	struct asof_view event_view; /* the same with `step: event` */
	struct asof_tile_layout layout;
	struct asof_tile_layout event_layout;
	size_t wanted[OUTPUTS_MAX];
	size_t wanted_count;
	struct event events[EVENTS_MAX];
	size_t event_count;
	struct ask asks[SPINE_MAX];
	size_t ask_count;
	unsigned workers;
	uint64_t max_bytes;
	uint64_t key_variety;
	int64_t base_us;
	bool is_label;
};

static const char *const names[COLUMNS] = { "a", "b", "c", "d", "e" };

/* ---- the view ---- */

/* Sums of what this gives fit, and are the same in whatever order. */
static inline struct asof_value
window_value(struct window_case *c, struct asof_type type)
{
	static const double doubles[] = { 0.0,  -0.0, 1.5,  -7.25,       0.1,  1e9,
					  -1e9, 3.0,  42.0, (double)NAN, -1.5, 0.25 };
	struct feed *f = &c->feed;
	uint64_t number = feed_below(f, 200);
	struct asof_value value = { .type = type };
	if (type.kind == ASOF_TYPE_FLOAT64)
		value.float64 = doubles[number % ASOF_COUNTOF(doubles)];
	else if (type.kind == ASOF_TYPE_FLOAT32)
		value.float32 = (float)doubles[number % ASOF_COUNTOF(doubles)];
	else if (type.kind == ASOF_TYPE_DECIMAL)
		value.decimal = (asof_int128)number * 100003 - 9999999;
	else if (type.kind == ASOF_TYPE_LIST)
		value = feed_value(f, type, 200);
	else
		value = feed_value_of(f, type, number == 7 ? 8 : number);
	value.is_null = feed_below(f, 5) == 0;
	return value;
}

static inline void
make_columns(struct window_case *c)
{
	struct feed *f = &c->feed;
	size_t key_count = 1 + feed_below(f, KEYS_MAX);
	for (size_t k = 0; k < key_count; k++) {
		c->key_types[k] = feed_key_type(f);
		c->keys[k] = (struct asof_key){ .name = k ? "k" : "key", .type = c->key_types[k] };
	}
	c->entity = (struct asof_entity){ .name = "e", .keys = c->keys, .key_count = key_count };
	for (size_t i = 0; i < COLUMNS; i++) {
		c->fields[i] = (struct asof_field){ .name = names[i], .type = feed_scalar_type(f) };
		if (feed_below(f, 8) == 0) {
			c->fields[i].type.element = c->fields[i].type.kind;
			c->fields[i].type.kind = ASOF_TYPE_LIST;
		} else if (c->fields[i].type.kind == ASOF_TYPE_DECIMAL) {
			c->fields[i].type.precision = 12;
		}
	}
	c->source = (struct asof_source){ .name = "s",
					  .event_time = { .text = "t" },
					  .fields = c->fields,
					  .field_count = COLUMNS };
	c->source.created_time.text = feed_below(f, 2) ? "made" : NULL;
}

/* False where the aggregate does not take the column. */
static inline bool
add_output(struct window_case *c)
{
	static const double quantiles[] = { 0, 0.1, 0.5, 0.9, 0.999, 1 };
	struct feed *f = &c->feed;
	size_t at = c->view.output_count;
	size_t column = feed_below(f, COLUMNS);
	enum asof_agg_kind agg = (enum asof_agg_kind)(
		ASOF_AGG_COUNT + feed_below(f, ASOF_AGG_COUNT_DISTINCT - ASOF_AGG_COUNT + 1));
	bool is_rows = agg == ASOF_AGG_COUNT && feed_below(f, 2);
	int64_t unit_us = c->view.step_us > 0 ? c->view.step_us : 1;
	struct asof_output *output = &c->outputs[at];
	c->features[at] =
		(struct asof_feature){ .name = "f",
				       .column = { .text = is_rows ? NULL : names[column] } };
	*output = (struct asof_output){
		.name = "o",
		.feature = &c->features[at],
		.agg = agg,
		.quantile = agg == ASOF_AGG_MEDIAN
				    ? 0.5
				    : quantiles[feed_below(f, ASOF_COUNTOF(quantiles))],
		.window_us = unit_us * (int64_t)(1 + feed_below(f, feed_below(f, 2) ? 8 : 300)),
	};
	struct asof_type type = is_rows ? ASOF_TYPE(ASOF_TYPE_NONE) : c->fields[column].type;
	if (asof_agg_type(agg, type, &output->type, NULL) != ASOF_OK)
		return false;
	if (output->type.kind != ASOF_TYPE_LIST && feed_below(f, 3) == 0) {
		c->defaults[at] = window_value(c, output->type);
		c->defaults[at].is_null = false;
		output->default_value = &c->defaults[at];
		output->has_default = true;
	}
	c->view.output_count++;
	c->view.feature_count++;
	return true;
}

static inline void
make_view(struct window_case *c)
{
	static const int64_t steps_us[] = { ASOF_STEP_EVENT, 1, 4, 10, INT64_C(3600000000) };
	static const int64_t lengths_us[] = { 0, 0, 1, 7, 40, INT64_C(3600000000) };
	struct feed *f = &c->feed;
	struct asof_error err = { 0 };
	c->view = (struct asof_view){
		.name = "v",
		.entity = &c->entity,
		.source = &c->source,
		.step_us = steps_us[feed_below(f, ASOF_COUNTOF(steps_us))],
		.max_age_us = lengths_us[feed_below(f, ASOF_COUNTOF(lengths_us))],
		.available_after_us = lengths_us[feed_below(f, ASOF_COUNTOF(lengths_us))],
		.features = c->features,
		.outputs = c->outputs,
	};
	size_t count = 1 + feed_below(f, OUTPUTS_MAX);
	for (size_t tries = 0; c->view.output_count < count && tries < 40; tries++)
		(void)add_output(c);
	if (c->view.output_count == 0) {
		c->features[0] = (struct asof_feature){ .name = "f" };
		c->outputs[0] = (struct asof_output){
			.name = "o",
			.feature = &c->features[0],
			.agg = ASOF_AGG_COUNT,
			.window_us = c->view.step_us > 0 ? c->view.step_us : 5,
			.type = ASOF_TYPE(ASOF_TYPE_INT64),
		};
		c->view.output_count = 1;
		c->view.feature_count = 1;
	}
	c->event_view = c->view;
	c->event_view.step_us = ASOF_STEP_EVENT;
	feed_check(asof_tile_layout_make(&c->view, &f->arena, &c->layout, &err) == ASOF_OK &&
			   asof_tile_layout_make(&c->event_view, &f->arena, &c->event_layout,
						 &err) == ASOF_OK,
		   "a view has a layout");
	feed_check(c->layout.state_count <= STATES_MAX, "states fit");
	for (size_t i = 0; i < c->view.output_count; i++) {
		if (feed_below(f, 4) || c->wanted_count == 0)
			c->wanted[c->wanted_count++] = i;
	}
}

/* ---- events and who asks ---- */

static inline void
make_keys(struct window_case *c, struct asof_value *keys)
{
	for (size_t k = 0; k < c->entity.key_count; k++) {
		keys[k] = feed_value(&c->feed, c->key_types[k], c->key_variety);
		keys[k].is_null = feed_below(&c->feed, 64) == 0;
	}
}

/* Far from the ends of time, whose steps do not end. */
static inline int64_t
make_time(struct window_case *c)
{
	int64_t time_us = feed_time(&c->feed, c->base_us);
	return time_us / 4;
}

static inline void
make_rows(struct window_case *c)
{
	struct feed *f = &c->feed;
	c->key_variety = feed_below(f, 4) ? 1 + feed_below(f, 3) : 200;
	c->base_us = feed_below(f, 2) ? 0 : INT64_C(3924692424493824);
	c->event_count = feed_below(f, EVENTS_MAX + 1);
	for (size_t i = 0; i < c->event_count; i++) {
		struct event *event = &c->events[i];
		make_keys(c, event->keys);
		event->event_us = make_time(c);
		event->order = (int64_t)(i * 7919 % EVENTS_MAX);
		event->created_us = INT64_C(4000000000000000);
		if (c->source.created_time.text) {
			int64_t created_us = make_time(c) + (int64_t)feed_below(f, 20);
			event->created_us =
				created_us < event->event_us ? event->event_us : created_us;
		}
		for (size_t v = 0; v < COLUMNS; v++)
			event->values[v] = window_value(c, c->fields[v].type);
	}
	c->ask_count = feed_below(f, SPINE_MAX + 1);
	for (size_t i = 0; i < c->ask_count; i++) {
		make_keys(c, c->asks[i].keys);
		c->asks[i].time_us = make_time(c);
		c->asks[i].is_given = feed_below(f, 16) != 0;
	}
}

static inline void
make_case(struct window_case *c)
{
	struct feed *f = &c->feed;
	c->workers = 1 + (unsigned)feed_below(f, WORKERS_MAX);
	c->max_bytes = feed_below(f, 8) ? 0 : 1 + feed_below(f, 65536) * 4;
	c->is_label = feed_below(f, 3) == 0;
	make_columns(c);
	make_view(c);
	make_rows(c);
}

#endif
