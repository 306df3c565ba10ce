/*
 * tiled_case.h - a random windowed view over random events of several entities, written as Parquet
 * files, with what must be the answer at any instant by the loops of unit/kernel/window_oracle.h.
 */
#ifndef ASOF_TESTS_TILED_CASE_H
#define ASOF_TESTS_TILED_CASE_H

#include "sql_bench.h"
#include "unit/kernel/window_oracle.h"

#define TILED_ENTITIES  4
#define TILED_FILES     3
#define TILED_KEYS      2
#define TILED_HEAD      (TILED_KEYS + 3)
#define TILED_FILE_ROWS (TILED_ENTITIES * CASE_EVENTS_MAX + 8)
#define TILED_TZ        "TIMESTAMP WITH TIME ZONE"

/* A row of a file: an event, or one that counts for nothing. */
struct tiled_row {
	const struct case_event *event;
	size_t entity;
	bool has_no_key;
	bool has_no_time;
	bool has_created;
	int64_t created_us;
};

struct tiled_file {
	char path[TEMPDIR_MAX + 32];
	int64_t ordinal; /* files are in ascending order of it */
	struct tiled_row rows[TILED_FILE_ROWS];
	size_t row_count;
};

struct tiled_case {
	struct asof_arena arena;
	struct kernel_case of[TILED_ENTITIES]; /* the view is that of the first */
	struct asof_key keys[TILED_KEYS];
	struct asof_entity entity;
	struct asof_text key_columns[TILED_KEYS];
	struct tiled_file files[TILED_FILES];
	bool has_created;
	int64_t base_us; /* all events are near it */
	int64_t range_us;
};

static inline const struct asof_view *
tiled_view(const struct tiled_case *c)
{
	return &c->of[0].view;
}

static inline struct asof_value
tiled_key(size_t entity, size_t key)
{
	static const char *const names[] = { "", "a'b" };
	struct asof_value value = { .type = ASOF_TYPE(key ? ASOF_TYPE_INT32 : ASOF_TYPE_STRING) };
	if (key)
		value.int32 = (int32_t)(entity % 2) - 1;
	else
		value.str = asof_str_from(names[entity / 2 % 2]);
	return value;
}

/* ---- the view ---- */

static inline void
tiled_add_default(struct random *r, struct tiled_case *c, struct asof_output *output)
{
	if (output->type.kind == ASOF_TYPE_LIST || random_below(r, 3) != 0)
		return;
	output->default_value = case_alloc(&c->arena, 1, sizeof(*output->default_value));
	*output->default_value = case_value(r, output->type, TASTE_TAME, &c->arena);
	output->default_value->is_null = false;
	output->has_default = true;
}

static inline void
tiled_make_view(struct random *r, struct tiled_case *c)
{
	static const int64_t steps_us[] = { ASOF_STEP_EVENT, 1, 10, 25 };
	struct kernel_case *k = &c->of[0];
	int64_t step_us = steps_us[random_below(r, ASOF_COUNTOF(steps_us))];
	case_init(k, step_us);
	case_add_random_outputs(r, k, 1 + random_below(r, 12), step_us > 1 ? step_us : 7);
	for (size_t i = 0; i < k->view.output_count; i++) {
		k->outputs[i].name = asof_arena_printf(&c->arena, "o%zu", i);
		tiled_add_default(r, c, &k->outputs[i]);
	}
	for (size_t i = 0; i < CASE_COLUMNS; i++)
		k->fields[i].type_text = TILED_TZ; /* looked at where the column is a time */
	case_make_layout(k);

	c->has_created = random_below(r, 2);
	/* Names that the statements use themselves. */
	c->keys[0] = (struct asof_key){ .name = "k1", .type = ASOF_TYPE(ASOF_TYPE_STRING) };
	c->keys[1] = (struct asof_key){ .name = "k0", .type = ASOF_TYPE(ASOF_TYPE_INT32) };
	c->key_columns[0].text = "key";
	c->key_columns[1].text = "number";
	c->entity = (struct asof_entity){ .name = "e", .keys = c->keys, .key_count = TILED_KEYS };
	k->source.event_time.text = "t";
	k->source.created_time.text = c->has_created ? "made" : NULL;
	k->view.entity = &c->entity;
	k->view.key_columns = c->key_columns;
	k->view.available_after_us = random_below(r, 2) ? random_between(r, 1, 30) : 0;
	k->view.max_age_us = random_below(r, 3) ? 0 : random_between(r, 1, 60);
}

/* ---- events and files ---- */

static inline void
tiled_make_events(struct random *r, struct tiled_case *c)
{
	enum case_taste taste = random_below(r, 3) ? TASTE_TAME : TASTE_WILD;
	c->base_us = random_below(r, 2) ? 0 : INT64_C(981173106123456);
	c->range_us = random_below(r, 2) ? 100 : 25;
	for (size_t e = 0; e < TILED_ENTITIES; e++) {
		struct kernel_case *k = &c->of[e];
		if (e > 0)
			case_init(k, c->of[0].view.step_us);
		size_t count = random_below(r, e == 0 ? CASE_EVENTS_MAX : 30);
		case_make_events(r, k, count, c->range_us, taste);
		for (size_t i = 0; i < count; i++)
			k->events[i].event_us += c->base_us;
	}
}

static inline void
tiled_put_row(struct random *r, struct tiled_case *c, struct tiled_row row)
{
	struct tiled_file *file = &c->files[random_below(r, TILED_FILES)];
	int64_t event_us = row.event->event_us;
	row.has_created = random_below(r, 5) != 0;
	row.created_us = random_below(r, 3) ? event_us + random_between(r, -3, 40) : event_us;
	if (c->of[0].view.step_us > 1 && random_below(r, 3) == 0) /* the edge of being late */
		row.created_us =
			case_step_end(event_us, c->of[0].view.step_us) + random_between(r, 0, 1);
	size_t at = random_below(r, file->row_count + 1);
	memmove(&file->rows[at + 1], &file->rows[at],
		(file->row_count - at) * sizeof(file->rows[0]));
	file->rows[at] = row;
	file->row_count++;
}

static inline void
tiled_make_rows(struct random *r, struct tiled_case *c)
{
	static const struct case_event nobody = { .order = -1 };
	for (size_t f = 0; f < TILED_FILES; f++) {
		c->files[f].ordinal = (int64_t)(f * f + 1);
		c->files[f].row_count = 0;
	}
	for (size_t e = 0; e < TILED_ENTITIES; e++) {
		for (size_t i = 0; i < c->of[e].event_count; i++)
			tiled_put_row(
				r, c,
				(struct tiled_row){ .event = &c->of[e].events[i], .entity = e });
	}
	tiled_put_row(r, c, (struct tiled_row){ .event = &nobody, .has_no_key = true });
	tiled_put_row(r, c, (struct tiled_row){ .event = &nobody, .has_no_time = true });
}

static inline struct asof_value
tiled_time(bool is_null, int64_t us)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				    .is_null = is_null,
				    .int64 = is_null ? 0 : us };
}

/* Columns: key, number, t, made, _order (which says nothing), then those of the kernel's cases. */
static inline struct asof_value
tiled_cell(const struct tiled_row *row, size_t column)
{
	struct asof_value value;
	if (column < TILED_KEYS) {
		value = tiled_key(row->entity, column);
		value.is_null = row->has_no_key && column == 1;
		return value;
	}
	if (column == TILED_KEYS)
		return tiled_time(row->has_no_time, row->event->event_us);
	if (column == TILED_KEYS + 1)
		return tiled_time(!row->has_created, row->created_us);
	if (column == TILED_KEYS + 2)
		return case_of_int64(ASOF_TYPE_INT64, -row->event->order);
	size_t i = column - TILED_HEAD;
	value = row->event->values[i];
	value.is_null = value.is_null || value.type.kind == ASOF_TYPE_NONE;
	value.type = case_types[i];
	return value;
}

static inline void
tiled_write_file(struct asof_engine *engine, struct tiled_case *c, const struct tiled_file *file)
{
	struct asof_field fields[TILED_HEAD + CASE_COLUMNS] = {
		{ .name = "key", .type = ASOF_TYPE(ASOF_TYPE_STRING) },
		{ .name = "number", .type = ASOF_TYPE(ASOF_TYPE_INT32) },
		{ .name = "t", .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP) },
		{ .name = "made", .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP) },
		{ .name = "_order", .type = ASOF_TYPE(ASOF_TYPE_INT64) },
	};
	struct asof_column columns[ASOF_COUNTOF(fields)];
	memcpy(fields + TILED_HEAD, c->of[0].fields, sizeof(c->of[0].fields));
	struct asof_value *values = bench_array(&c->arena, file->row_count, sizeof(*values));
	for (size_t i = 0; i < ASOF_COUNTOF(fields); i++) {
		for (size_t row = 0; row < file->row_count; row++)
			values[row] = tiled_cell(&file->rows[row], i);
		columns[i] = case_column(fields[i].type, values, file->row_count, &c->arena);
	}
	const struct asof_batch batch = { columns, ASOF_COUNTOF(fields), file->row_count };
	bench_write(engine, fields, &batch, file->path);
}

/* Files are written; the events know their places in them. */
static inline void
tiled_make(struct random *r, struct tiled_case *c, struct asof_engine *engine, const char *dir)
{
	asof_arena_reset(&c->arena);
	tiled_make_view(r, c);
	tiled_make_events(r, c);
	tiled_make_rows(r, c);
	for (size_t f = 0; f < TILED_FILES; f++) {
		struct tiled_file *file = &c->files[f];
		(void)snprintf(file->path, sizeof(file->path), "%s/rows'%zu.parquet", dir, f);
		tiled_write_file(engine, c, file);
		for (size_t i = 0; i < file->row_count; i++) {
			struct kernel_case *k = &c->of[file->rows[i].entity];
			if (file->rows[i].event->order >= 0)
				k->events[file->rows[i].event - k->events].order =
					file->ordinal << ASOF_ORDER_ROW_BITS | (int64_t)i;
		}
	}
}

static inline void
tiled_done(struct tiled_case *c)
{
	for (size_t e = 0; e < TILED_ENTITIES; e++)
		case_done(&c->of[e]);
}

/* ---- what is expected ---- */

/* Which rows were there, and known: `commits_us` by file; INT64_MIN: that file is not there. */
struct tiled_known {
	int64_t commits_us[TILED_FILES];
	bool has_known;
	int64_t known_us;
	int64_t until_us; /* events after it are not there either */
};

static inline int64_t
tiled_created(const struct tiled_case *c, const struct case_event *event,
	      const struct tiled_known *known)
{
	size_t f = 0;
	while (c->files[f].ordinal != event->order >> ASOF_ORDER_ROW_BITS)
		f++;
	const struct tiled_row *row =
		&c->files[f].rows[event->order & ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1)];
	if (known->commits_us[f] == INT64_MIN)
		return INT64_MAX;
	if (!c->has_created || !row->has_created)
		return known->commits_us[f];
	return row->created_us > event->event_us ? row->created_us : event->event_us;
}

/* The events that count, in order, as a case of their own. */
static inline void
tiled_select(const struct tiled_case *c, size_t entity, const struct tiled_known *known,
	     struct kernel_case *into)
{
	const struct kernel_case *from = &c->of[entity];
	into->view.step_us = c->of[0].view.step_us;
	into->event_count = 0;
	for (size_t i = 0; i < from->event_count; i++) {
		struct case_event event = from->events[i];
		event.created_us = tiled_created(c, &event, known);
		if (event.created_us == INT64_MAX || event.event_us > known->until_us ||
		    (known->has_known && event.created_us > known->known_us))
			continue;
		into->events[into->event_count++] = event;
	}
	qsort(into->events, into->event_count, sizeof(into->events[0]), case_event_compare);
}

static inline int64_t
tiled_floor(int64_t us, int64_t step_us)
{
	int64_t rest = us % step_us;
	return us - (rest < 0 ? rest + step_us : rest);
}

static inline int64_t
tiled_instant(const struct asof_view *view, int64_t time_us)
{
	int64_t at_us = time_us - view->available_after_us;
	return view->step_us > 0 ? tiled_floor(at_us, view->step_us) : at_us;
}

static inline bool
tiled_is_count(const struct asof_output *output)
{
	return output->agg == ASOF_AGG_COUNT || output->agg == ASOF_AGG_COUNT_DISTINCT;
}

static inline struct oracle_value
tiled_absent(const struct asof_output *output)
{
	struct oracle_value result = { .value = asof_value_null(output->type) };
	if (output->has_default)
		result.value = *output->default_value;
	return result;
}

/* Of an output for a look-up at time_us, among the events in `selected`. */
static inline struct oracle_value
tiled_expected(const struct tiled_case *c, const struct kernel_case *selected,
	       const struct asof_output *output, int64_t time_us)
{
	const struct asof_view *view = tiled_view(c);
	int64_t at_us = tiled_instant(view, time_us);
	int64_t newest_us = 0;
	bool has_row = oracle_newest(selected, at_us, &newest_us);
	if (!has_row || (view->max_age_us > 0 && newest_us < time_us - view->max_age_us))
		return tiled_absent(output);
	struct oracle_value result = oracle_output(selected, output, at_us);
	return result.is_empty && !tiled_is_count(output) ? tiled_absent(output) : result;
}

#endif
