/*
 * tile_build_case.h - random views and rows for a build, with keys of all types, NULLs and ties,
 * and which rows or tiles must come of them by plain loops.
 */
#ifndef ASOF_TESTS_TILE_BUILD_CASE_H
#define ASOF_TESTS_TILE_BUILD_CASE_H

#include "kernel/tile_build.h"
#include "kernel_cases.h"

#define ENTITIES   5
#define KEYS_MAX   2
#define EXTRAS     3
#define VALUES_MAX (CASE_COLUMNS + EXTRAS)
#define BATCH_ROWS 64
#define COMMIT_US  INT64_C(4000)

static const struct asof_type extra_types[EXTRAS] = {
	{ .kind = ASOF_TYPE_JSON },
	{ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING },
	{ .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 3 },
};

static const struct asof_type key_sets[][KEYS_MAX] = {
	{ { .kind = ASOF_TYPE_STRING }, { .kind = ASOF_TYPE_INT32 } },
	{ { .kind = ASOF_TYPE_INT64 }, { .kind = ASOF_TYPE_NONE } },
	{ { .kind = ASOF_TYPE_UUID }, { .kind = ASOF_TYPE_BOOL } },
	{ { .kind = ASOF_TYPE_DECIMAL, .precision = 9, .scale = 2 }, { .kind = ASOF_TYPE_DATE } },
	{ { .kind = ASOF_TYPE_BYTES }, { .kind = ASOF_TYPE_TIMESTAMP } },
	{ { .kind = ASOF_TYPE_DATE }, { .kind = ASOF_TYPE_NONE } },
};

/* Events in (event, created, order) order, each of an entity; extra values beside. */
struct build_case {
	struct kernel_case k;
	struct asof_key keys[KEYS_MAX];
	struct asof_entity entity;
	size_t entities[CASE_EVENTS_MAX];
	struct asof_value extras[CASE_EVENTS_MAX][EXTRAS];
	size_t shuffled[CASE_EVENTS_MAX];                  /* in which order they are given */
	struct asof_type types[KEYS_MAX + 3 + VALUES_MAX]; /* of the batches */
	size_t type_count;
	size_t value_columns[VALUES_MAX]; /* of case_types, then of the extras */
	size_t value_count;
	bool has_created;
};

/* What is expected: one row or tile. */
struct expected {
	size_t entity;
	int64_t end_us;
	int64_t apart_us;
	int64_t created_us;
	int64_t last_us;
	size_t event; /* of a row */
};

/* ---- making a case ---- */

static inline struct asof_type
column_type(size_t column)
{
	return column < CASE_COLUMNS ? case_types[column] : extra_types[column - CASE_COLUMNS];
}

static inline struct asof_value
key_value(const struct build_case *c, size_t entity, size_t key)
{
	static const char *const words[] = { "customer-2", "", "customer-10", "customer-1", "a" };
	static const char uuids[] = "\xff"
				    "123456789abcdef01\x80"
				    "234567";
	struct asof_value value = { .type = c->keys[key].type };
	int64_t number = (int64_t)((entity * 3) % ENTITIES) - 2;
	/* Entities 0 and 1 differ in the second key only, where there is one. */
	if (key == 0 && c->entity.key_count == 2 && entity == 1)
		entity = 0;
	if (key == 0)
		number = (int64_t)((entity * 3) % ENTITIES) - 2;
	switch (value.type.kind) {
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
		value.str = asof_str_from(words[entity]);
		break;
	case ASOF_TYPE_UUID:
		value.str = (struct asof_str){ &uuids[entity], 16 };
		break;
	case ASOF_TYPE_BOOL:
		value.boolean = entity % 2;
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = (asof_int128)number * INT64_MAX;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = (int32_t)number;
		break;
	default:
		value.int64 = number * 1000;
	}
	return value;
}

static inline struct asof_value
extra_value(struct random *r, size_t extra, struct asof_arena *arena)
{
	static const char *const texts[] = { "{}", "[1]", "", "a longer text than sixteen bytes" };
	struct asof_type type = extra_types[extra];
	struct asof_value value = { .type = type, .is_null = random_below(r, 5) == 0 };
	if (type.kind == ASOF_TYPE_JSON) {
		value.str = asof_str_from(texts[random_below(r, ASOF_COUNTOF(texts))]);
		return value;
	}
	value.list.count = type.kind == ASOF_TYPE_VECTOR ? type.size : random_below(r, 4);
	struct asof_value *items = case_alloc(arena, value.list.count, sizeof(*items));
	for (size_t i = 0; i < value.list.count; i++) {
		items[i] = case_value(r, asof_type_element(type), TASTE_TAME, arena);
		if (type.kind == ASOF_TYPE_VECTOR)
			items[i].is_null = false;
	}
	value.list.items = items;
	return value;
}

static inline void
make_keys(struct random *r, struct build_case *c)
{
	const struct asof_type *set = key_sets[random_below(r, ASOF_COUNTOF(key_sets))];
	c->entity = (struct asof_entity){ .name = "e", .keys = c->keys };
	for (size_t i = 0; i < KEYS_MAX && set[i].kind != ASOF_TYPE_NONE; i++)
		c->keys[c->entity.key_count++] = (struct asof_key){ .name = "k", .type = set[i] };
	c->k.view.entity = &c->entity;
	c->has_created = random_below(r, 2);
	c->k.source.created_time.text = c->has_created ? "made" : NULL;
}

/* A stepped view, one of events, or (step 0) a plain one. */
static inline void
make_view(struct random *r, struct build_case *c, int64_t step_us)
{
	*c = (struct build_case){ 0 };
	case_init(&c->k, step_us);
	if (step_us != 0) {
		case_add_random_outputs(r, &c->k, 1 + random_below(r, 12),
					step_us > 1 ? step_us : 7);
		case_make_layout(&c->k);
		c->value_count = c->k.layout.column_count;
		for (size_t i = 0; i < c->value_count; i++)
			c->value_columns[i] = case_column_index(c->k.layout.columns[i].name);
	}
	for (size_t i = 0; step_us == 0 && i < VALUES_MAX; i++) {
		if (random_below(r, 3) == 0)
			continue;
		c->k.features[c->value_count].column.text = "c";
		c->k.outputs[c->value_count] =
			(struct asof_output){ .name = "o",
					      .feature = &c->k.features[c->value_count],
					      .type = column_type(i) };
		c->value_columns[c->value_count++] = i;
	}
	if (step_us == 0)
		c->k.view.output_count = c->k.view.feature_count = c->value_count;
	make_keys(r, c);
	for (size_t i = 0; i < c->entity.key_count; i++)
		c->types[c->type_count++] = c->keys[i].type;
	for (size_t i = 0; i < 3; i++)
		c->types[c->type_count++] = ASOF_TYPE(ASOF_TYPE_INT64);
	for (size_t i = 0; i < c->value_count; i++)
		c->types[c->type_count++] = column_type(c->value_columns[i]);
}

static inline void
make_rows(struct random *r, struct build_case *c, int64_t base_us)
{
	enum case_taste taste = (enum case_taste)random_below(r, 3);
	size_t count = random_below(r, CASE_EVENTS_MAX + 1);
	case_make_events(r, &c->k, count, random_below(r, 2) ? 100 : 12, taste);
	for (size_t i = 0; i < count; i++) {
		struct case_event *event = &c->k.events[i];
		event->event_us += base_us;
		event->created_us =
			c->has_created ? event->event_us + random_between(r, 0, 30) - 3 : COMMIT_US;
		if (c->has_created && random_below(r, 3) == 0 && c->k.view.step_us > 0)
			event->created_us = case_step_end(event->event_us, c->k.view.step_us) +
					    random_between(r, 0, 1);
		if (c->has_created && random_below(r, 10) == 0)
			event->created_us = base_us - 1000; /* a commit before the events */
	}
	qsort(c->k.events, count, sizeof(c->k.events[0]), case_event_compare);
	for (size_t i = 0; i < count; i++) {
		c->entities[i] = random_below(r, ENTITIES);
		for (size_t e = 0; e < EXTRAS; e++)
			c->extras[i][e] = extra_value(r, e, &c->k.arena);
		size_t at = random_below(r, i + 1);
		c->shuffled[i] = c->shuffled[at];
		c->shuffled[at] = i;
	}
}

static inline void
done_case(struct build_case *c)
{
	case_done(&c->k);
}

/* ---- building ---- */

static inline struct asof_value
value_of(const struct build_case *c, size_t event, size_t column)
{
	if (column >= CASE_COLUMNS)
		return c->extras[event][column - CASE_COLUMNS];
	return c->k.events[event].values[column];
}

static inline struct asof_value
cell_of(const struct build_case *c, size_t event, size_t column)
{
	const struct case_event *e = &c->k.events[event];
	const int64_t times[3] = { e->event_us, e->created_us, e->order };
	size_t keys = c->entity.key_count;
	if (column < keys)
		return key_value(c, c->entities[event], column);
	if (column < keys + 3)
		return case_of_int64(ASOF_TYPE_INT64, times[column - keys]);
	return value_of(c, event, c->value_columns[column - keys - 3]);
}

static inline enum asof_status
new_build(const struct build_case *c, unsigned workers, uint64_t max_bytes,
	  struct asof_tile_build **ret_build, struct asof_error *err)
{
	const struct asof_tile_build_options options = {
		.view = &c->k.view,
		.layout = c->k.view.step_us != 0 ? &c->k.layout : NULL,
		.workers = workers,
		.max_bytes = max_bytes,
	};
	return asof_tile_build_new(&options, ret_build, err);
}

/* Every `workers`th run of rows by the same worker; runs end at random. */
static inline enum asof_status
take_rows(struct random *r, const struct build_case *c, struct asof_tile_build *build,
	  unsigned workers, struct asof_error *err)
{
	ASOF_AUTO(asof_block_done) struct asof_block block = { 0 };
	ASOF_TRY(asof_block_init(&block, c->types, c->type_count, BATCH_ROWS, err));
	for (size_t done = 0; done < c->k.event_count;) {
		size_t count = 1 + random_below(r, BATCH_ROWS);
		if (count > c->k.event_count - done)
			count = c->k.event_count - done;
		asof_block_reset(&block, count);
		for (size_t i = 0; i < count; i++) {
			for (size_t column = 0; column < c->type_count; column++) {
				struct asof_value value = cell_of(c, c->shuffled[done + i], column);
				ASOF_TRY(asof_block_set(&block, column, i, &value, err));
			}
		}
		const struct asof_batch batch = { block.columns, c->type_count, count };
		ASOF_TRY(asof_tile_build_take(build, (unsigned)random_below(r, workers), &batch,
					      err));
		done += count;
	}
	return ASOF_OK;
}

/* ---- what is expected ---- */

static inline int
compare_entities(const struct build_case *c, size_t a, size_t b)
{
	for (size_t i = 0; i < c->entity.key_count; i++) {
		struct asof_value left = key_value(c, a, i);
		struct asof_value right = key_value(c, b, i);
		int order = asof_value_compare(&left, &right);
		if (order != 0)
			return order;
	}
	return 0;
}

static inline bool
is_before(const struct build_case *c, const struct expected *a, const struct expected *b)
{
	int order = compare_entities(c, a->entity, b->entity);
	if (order != 0)
		return order < 0;
	if (a->end_us != b->end_us)
		return a->end_us < b->end_us;
	if (a->created_us != b->created_us)
		return a->created_us < b->created_us;
	return c->k.events[a->event].order < c->k.events[b->event].order;
}

static inline struct expected
expected_of(const struct build_case *c, size_t i)
{
	const struct case_event *event = &c->k.events[i];
	int64_t step_us = c->k.view.step_us;
	struct expected row = { .entity = c->entities[i],
				.end_us = event->event_us,
				.apart_us = INT64_MIN,
				.created_us = event->created_us,
				.last_us = event->event_us,
				.event = i };
	if (step_us <= 0)
		return row;
	row.end_us = case_step_end(event->event_us, step_us);
	if (c->has_created &&
	    (event->created_us > row.end_us || event->created_us <= row.end_us - step_us))
		row.apart_us = event->created_us;
	return row;
}

static inline bool
is_same_tile(const struct expected *a, const struct expected *b)
{
	return a->entity == b->entity && a->end_us == b->end_us && a->apart_us == b->apart_us;
}

static inline size_t
expect_rows(const struct build_case *c, struct expected rows[CASE_EVENTS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < c->k.event_count; i++) {
		struct expected row = expected_of(c, i);
		size_t same = c->k.view.step_us > 0 ? 0 : count;
		while (same < count && !is_same_tile(&rows[same], &row))
			same++;
		if (same == count) {
			rows[count++] = row;
			continue;
		}
		if (row.created_us > rows[same].created_us)
			rows[same].created_us = row.created_us;
		rows[same].last_us = row.last_us; /* events ascend */
	}
	for (size_t i = 1; i < count; i++) {
		for (size_t j = i; j > 0 && is_before(c, &rows[j], &rows[j - 1]); j--) {
			struct expected swap = rows[j];
			rows[j] = rows[j - 1];
			rows[j - 1] = swap;
		}
	}
	return count;
}

static inline struct case_values
values_of(const struct build_case *c, const struct expected *tile, const struct asof_state *state)
{
	struct case_values taken = { .count = 0 };
	size_t column = state->column == SIZE_MAX
				? 0
				: case_column_index(c->k.layout.columns[state->column].name);
	for (size_t i = 0; i < c->k.event_count; i++) {
		struct expected of = expected_of(c, i);
		if (is_same_tile(&of, tile))
			case_take(&taken, &c->k.events[i], column);
	}
	return taken;
}

#endif
