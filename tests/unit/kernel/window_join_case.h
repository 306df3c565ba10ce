/*
 * window_join_case.h - entities with tiles, a spine that asks for their windows, and what each row
 * must get: the windows evaluated one by one over the tiles that count for it.
 */
#ifndef ASOF_TESTS_WINDOW_JOIN_CASE_H
#define ASOF_TESTS_WINDOW_JOIN_CASE_H

#include "kernel/window_join.h"
#include "kernel_cases.h"
#include "model/duration.h"

#define JOIN_KEYS  12
#define JOIN_TIMES 140 /* spine times are in [-JOIN_TIMES, JOIN_TIMES] */
#define JOIN_NO_US INT64_MIN

/* What a (key, time) gets. */
struct join_expected {
	bool is_known; /* the rest has been made */
	bool is_matched;
	struct asof_value values[CASE_OUTPUTS_MAX];
};

struct join_case {
	struct kernel_case view; /* the view; events of the entity made last */
	struct asof_arena arena;
	struct asof_tile_layout layout; /* of the store */
	struct asof_tiles tiles[JOIN_KEYS];
	size_t wanted[CASE_OUTPUTS_MAX];
	size_t wanted_count;
	int64_t round_up_us;

	size_t row_count;
	int64_t *keys; /* JOIN_KEYS: NULL */
	int64_t *times_us;
	bool *has_time;
	struct asof_spine_index *spine;
	struct asof_tile_store *store;
	struct join_expected *expected; /* key * (2 * JOIN_TIMES + 1) + time */
};

/* A view with defaults for some outputs, some of which are wanted, in another order. */
static inline void
join_case_view(struct random *r, struct join_case *c, int64_t step_us, bool is_direct)
{
	*c = (struct join_case){ 0 };
	case_init(&c->view, step_us);
	case_add_random_outputs(r, &c->view, 1 + random_below(r, 12), step_us > 0 ? step_us : 7);
	for (size_t i = 0; i < c->view.view.output_count; i++) {
		struct asof_output *output = &c->view.outputs[i];
		struct asof_value *value = case_alloc(&c->arena, 1, sizeof(*value));
		*value = case_value(r, output->type, TASTE_TAME, &c->arena);
		output->has_default = random_below(r, 2);
		output->default_value = value;
	}
	for (size_t i = c->view.view.output_count; i > 0; i--) {
		if (random_below(r, 4) || c->wanted_count == 0)
			c->wanted[c->wanted_count++] = i - 1;
	}
	c->view.view.max_age_us = random_below(r, 2) ? random_between(r, 1, 60) : 0;
	c->view.view.available_after_us = random_below(r, 2) ? random_between(r, 1, 25) : 0;
	c->round_up_us = is_direct ? step_us : 0;
	if (is_direct)
		c->view.view.step_us = ASOF_STEP_EVENT;
	case_make_layout(&c->view);
	c->layout = c->view.layout;
}

/* Tiles for all but the last key. `late_us`: how late they may be created. */
static inline void
join_case_tiles(struct random *r, struct join_case *c, size_t events_max, enum case_taste taste,
		int64_t late_us)
{
	for (size_t key = 0; key + 1 < JOIN_KEYS; key++) {
		case_make_events(r, &c->view, random_below(r, events_max + 1), 100, taste);
		int64_t constant_us = random_between(r, -50, 150);
		int style = (int)random_below(r, 3);
		for (size_t i = 0; late_us > 0 && i < c->view.event_count; i++) {
			struct case_event *event = &c->view.events[i];
			int64_t random_us = event->event_us + random_between(r, 0, late_us);
			event->created_us = style == 0                         ? constant_us
					    : style == 1 && random_below(r, 4) ? event->event_us
									       : random_us;
		}
		qsort(c->view.events, c->view.event_count, sizeof(c->view.events[0]),
		      case_event_compare);
		struct asof_tiles tiles = case_make_tiles(r, &c->view);
		int64_t *created_us = case_alloc(&c->arena, tiles.count, sizeof(*created_us));
		for (size_t i = 0; i < tiles.count; i++) {
			int64_t random_us = tiles.end_us[i] + random_between(r, -3, late_us);
			created_us[i] = style == 0 ? constant_us : random_us;
			if (style == 1 && i > 0 && tiles.end_us[i] == tiles.end_us[i - 1] &&
			    created_us[i] < created_us[i - 1])
				created_us[i] = created_us[i - 1];
		}
		if (!tiles.created_us)
			tiles.created_us = created_us;
		c->tiles[key] = tiles;
	}
	/* From here on the view has its own step again. */
	if (c->round_up_us > 0)
		c->view.view.step_us = c->round_up_us;
}

static inline void
join_case_spine(struct random *r, struct join_case *c, size_t row_count, bool is_in_time_order)
{
	struct asof_error err = { 0 };
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
	int64_t *numbers = case_alloc(&c->arena, row_count, sizeof(*numbers));
	uint64_t *has_key = case_alloc(&c->arena, row_count / 64 + 1, sizeof(*has_key));
	uint64_t *has_time = case_alloc(&c->arena, row_count / 64 + 1, sizeof(*has_time));
	c->row_count = row_count;
	c->keys = case_alloc(&c->arena, row_count, sizeof(*c->keys));
	c->times_us = case_alloc(&c->arena, row_count, sizeof(*c->times_us));
	for (size_t i = 0; i < row_count; i++) {
		int64_t time_us = random_between(r, -JOIN_TIMES, JOIN_TIMES);
		if (is_in_time_order)
			time_us = (int64_t)(i * 2 * JOIN_TIMES / row_count) - JOIN_TIMES;
		numbers[i] = 1000 + (int64_t)i;
		c->keys[i] = (int64_t)random_below(r, JOIN_KEYS + 1);
		c->times_us[i] = random_below(r, 15) ? time_us : JOIN_NO_US;
		has_key[i / 64] |= (uint64_t)(c->keys[i] < JOIN_KEYS) << (i % 64);
		has_time[i / 64] |= (uint64_t)(c->times_us[i] != JOIN_NO_US) << (i % 64);
	}
	struct asof_spine_index_options options = { .key_types = &type,
						    .key_count = 1,
						    .first_row = 1000,
						    .row_count = row_count,
						    .workers = 2 };
	struct asof_column columns[] = { { .type = type, .data = numbers },
					 { type, has_time, c->times_us, NULL },
					 { type, has_key, c->keys, NULL } };
	struct asof_batch batch = { columns, 3, row_count };
	assert_ok(asof_spine_index_new(&options, &c->spine, &err), err);
	assert_ok(asof_spine_index_take(c->spine, 0, &batch, &err), err);
	assert_ok(asof_spine_index_finish(c->spine, &err), err);
	c->expected = case_alloc(&c->arena, (size_t)(JOIN_KEYS * (2 * JOIN_TIMES + 1)),
				 sizeof(*c->expected));
}

static inline void
join_case_store(struct join_case *c)
{
	struct asof_error err = { 0 };
	bool is_event = c->layout.step_us == ASOF_STEP_EVENT;
	struct asof_tile_store_options options = { .spine = c->spine,
						   .layout = &c->layout,
						   .round_up_us = c->round_up_us,
						   .has_created = true,
						   .has_order = is_event,
						   .keeps_created = true,
						   .workers = 2 };
	assert_ok(asof_tile_store_new(&options, &c->store, &err), err);
	for (int64_t key = 0; key < JOIN_KEYS; key++) {
		const struct asof_tiles *tiles = &c->tiles[key];
		struct asof_type type = ASOF_TYPE(ASOF_TYPE_INT64);
		struct asof_column *columns =
			case_alloc(&c->arena, 4 + c->layout.state_count, sizeof(*columns));
		int64_t *keys = case_alloc(&c->arena, tiles->count, sizeof(*keys));
		size_t at = 0;
		for (size_t i = 0; i < tiles->count; i++)
			keys[i] = key;
		columns[at++] = (struct asof_column){ .type = type, .data = keys };
		columns[at++] = (struct asof_column){ .type = type, .data = tiles->end_us };
		columns[at++] = (struct asof_column){ .type = type, .data = tiles->created_us };
		if (is_event)
			columns[at++] = (struct asof_column){ .type = type, .data = tiles->order };
		for (size_t s = 0; tiles->count > 0 && s < c->layout.state_count; s++)
			columns[at++] = tiles->states[s];
		struct asof_batch batch = { columns, at, tiles->count };
		if (tiles->count > 0)
			assert_ok(asof_tile_store_take(c->store, (unsigned)key % 2, &batch, &err),
				  err);
	}
	assert_ok(asof_tile_store_finish(c->store, &err), err);
}

static inline void
join_case_done(struct join_case *c)
{
	asof_tile_store_free(c->store);
	asof_spine_index_free(c->spine);
	asof_arena_done(&c->arena);
	case_done(&c->view);
}

/* The tiles of a key that a row at `known_us` may know of; of a direct view with their step's END.
 */
static inline struct asof_tiles
join_case_known(const struct join_case *c, int64_t key, bool is_label, int64_t known_us,
		struct asof_arena *arena)
{
	const struct asof_tiles *tiles = &c->tiles[key];
	size_t *rows = case_alloc(arena, tiles->count, sizeof(*rows));
	int64_t *end_us = case_alloc(arena, tiles->count, sizeof(*end_us));
	struct asof_column *states = case_alloc(arena, c->layout.state_count, sizeof(*states));
	struct asof_error err = { 0 };
	size_t count = 0;
	for (size_t i = 0; i < tiles->count; i++) {
		if (is_label && tiles->created_us[i] > known_us)
			continue;
		end_us[count] = c->round_up_us > 0 ? case_step_end(tiles->end_us[i], c->round_up_us)
						   : tiles->end_us[i];
		rows[count++] = i;
	}
	for (size_t s = 0; s < c->layout.state_count; s++) {
		struct asof_value *values = case_alloc(arena, count, sizeof(*values));
		for (size_t i = 0; i < count; i++)
			assert_ok(asof_column_value(&tiles->states[s], rows[i], arena, &values[i],
						    &err),
				  err);
		states[s] = case_column(c->layout.states[s].type, values, count, arena);
	}
	return (struct asof_tiles){ .count = count, .end_us = end_us, .states = states };
}

static inline void
join_case_defaults(const struct join_case *c, const bool *is_empty, struct asof_value *values)
{
	for (size_t i = 0; i < c->view.view.output_count; i++) {
		const struct asof_output *output = &c->view.outputs[i];
		bool is_count =
			output->agg == ASOF_AGG_COUNT || output->agg == ASOF_AGG_COUNT_DISTINCT;
		if (!is_empty)
			values[i] = output->has_default ? *output->default_value
							: asof_value_null(output->type);
		else if (is_empty[i] && output->has_default && !is_count)
			values[i] = *output->default_value;
	}
}

/* What a row of that key and time must get; made once. */
static inline const struct join_expected *
join_case_expect(struct join_case *c, int64_t key, int64_t time_us, bool is_label)
{
	struct join_expected *expected =
		&c->expected[key * (2 * JOIN_TIMES + 1) + time_us + JOIN_TIMES];
	if (expected->is_known)
		return expected;
	struct asof_error err = { 0 };
	bool is_empty[CASE_OUTPUTS_MAX];
	struct asof_window_result result = { .values = expected->values, .is_empty = is_empty };
	int64_t at_us = time_us - c->view.view.available_after_us;
	if (c->view.view.step_us > 0) {
		while (at_us % c->view.view.step_us != 0)
			at_us--;
	}
	struct asof_tiles tiles = { 0 };
	if (c->tiles[key].count > 0)
		tiles = join_case_known(c, key, is_label, time_us, &c->arena);
	assert_ok(asof_window_eval_into(&c->view.view, &c->layout, &tiles, at_us, &c->arena,
					&result, &err),
		  err);
	expected->is_known = true;
	expected->is_matched =
		result.has_row && (c->view.view.max_age_us == 0 ||
				   result.event_us >= time_us - c->view.view.max_age_us);
	join_case_defaults(c, expected->is_matched ? is_empty : NULL, expected->values);
	return expected;
}

#endif
