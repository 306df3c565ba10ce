/* plain_case.h - random plain views over random rows of several files, and a spine. */
#ifndef ASOF_TESTS_PLAIN_CASE_H
#define ASOF_TESTS_PLAIN_CASE_H

#include "sql_bench.h"
#include "unit/kernel/kernel_cases.h"

#define VIEWS        2
#define FILES        3
#define ROWS_MAX     60
#define SPINE_ROWS   40
#define KEYS         2
#define EXTRAS       3
#define VALUES       (CASE_COLUMNS + EXTRAS)
#define HEAD         (KEYS + 3) /* key, number, t, made, keep */
#define TZ           "TIMESTAMP WITH TIME ZONE"
#define ROW_OF_ORDER ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1)

/* Files hold uuids, JSON and bytes as text and vectors as lists: reading casts them. */
static const struct asof_type extra_types[EXTRAS] = {
	{ .kind = ASOF_TYPE_JSON },
	{ .kind = ASOF_TYPE_BYTES },
	{ .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 2 },
};
static const char *const extra_names[EXTRAS] = { "j", "raw", "vec" };

struct row {
	bool has_time;
	bool has_created;
	bool keeps; /* the filter lets it through */
	int64_t event_us;
	int64_t created_us; /* in the file; then as it counts */
	int64_t order;
	struct asof_value keys[KEYS];
	struct asof_value values[VALUES];
};

struct project {
	struct asof_arena arena;
	struct asof_field fields[HEAD + VALUES];
	struct asof_source source;
	struct asof_key keys[KEYS];
	struct asof_entity entities[VIEWS];
	struct asof_text key_columns[KEYS];
	struct asof_feature features[VIEWS][VALUES];
	struct asof_output outputs[VIEWS][VALUES];
	struct asof_view views[VIEWS];
	struct row rows[FILES][ROWS_MAX];
	size_t row_counts[FILES];
	char files[FILES][TEMPDIR_MAX + 32];
	struct row spine[SPINE_ROWS]; /* keys and event_us */
};

/* ---- random values ---- */

static inline struct asof_type
type_of(size_t column)
{
	return column < CASE_COLUMNS ? case_types[column] : extra_types[column - CASE_COLUMNS];
}

static const char *
name_of(size_t column)
{
	return column < CASE_COLUMNS ? case_names[column] : extra_names[column - CASE_COLUMNS];
}

static inline struct asof_value
random_extra(struct random *r, struct asof_type type, struct asof_arena *arena)
{
	struct asof_value value = { .type = type, .is_null = random_below(r, 5) == 0 };
	if (type.kind == ASOF_TYPE_VECTOR) {
		struct asof_value *items = bench_array(arena, 2, sizeof(*items));
		for (size_t i = 0; i < 2; i++)
			items[i] =
				(struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_FLOAT32),
						     .float32 = (float)case_double(r, TASTE_TAME) };
		value.list.items = items;
		value.list.count = 2;
	} else {
		static const char *const texts[] = { "{\"a\":1}", "[]", "\"it's\"", "12" };
		value.str = asof_str_from(texts[random_below(r, ASOF_COUNTOF(texts))]);
	}
	return value;
}

static inline struct asof_value
random_value(struct random *r, size_t column, struct asof_arena *arena)
{
	return column < CASE_COLUMNS ? case_value(r, type_of(column), TASTE_WILD, arena)
				     : random_extra(r, type_of(column), arena);
}

static inline void
random_keys(struct random *r, struct asof_value keys[KEYS])
{
	static const char *const names[] = { "", "a'b", "\xC3\xA9" };
	keys[0] = (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_STRING),
				       .is_null = random_below(r, 20) == 0,
				       .str = asof_str_from(names[random_below(r, 3)]) };
	keys[1] = (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT32),
				       .is_null = random_below(r, 20) == 0,
				       .int32 = (int32_t)random_below(r, 2) };
}

/* ---- a project ---- */

/* View 0 has the composite key, view 1 the text alone; each has columns of its own choice. */
static inline void
make_view(struct random *r, struct project *p, size_t v)
{
	struct asof_view *view = &p->views[v];
	p->entities[v] = (struct asof_entity){ .name = "e",
					       .keys = p->keys,
					       .key_count = v == 0 ? KEYS : 1 };
	*view = (struct asof_view){
		.name = v == 0 ? "pair" : "single",
		.entity = &p->entities[v],
		.source = &p->source,
		.key_columns = p->key_columns,
		.max_age_us = random_below(r, 2) ? 0 : random_between(r, 0, 30) + 1,
		.available_after_us = random_below(r, 2) ? 0 : random_between(r, 1, 20),
		.features = p->features[v],
		.outputs = p->outputs[v],
	};
	for (size_t i = 0; i < VALUES; i++) {
		size_t at = view->output_count;
		struct asof_value *value = bench_array(&p->arena, 1, sizeof(*value));
		if (random_below(r, 3) == 0 && i > 0)
			continue;
		*value = random_value(r, i, &p->arena);
		view->features[at] = (struct asof_feature){ .name = name_of(i),
							    .column = { .text = name_of(i) } };
		view->outputs[at] = (struct asof_output){ .name = name_of(i),
							  .feature = &view->features[at],
							  .type = type_of(i) };
		bool takes_default =
			type_of(i).kind != ASOF_TYPE_LIST && type_of(i).kind != ASOF_TYPE_VECTOR;
		if (!value->is_null && takes_default && random_below(r, 2)) {
			view->outputs[at].has_default = true;
			view->outputs[at].default_value = value;
		}
		view->output_count++;
		view->feature_count++;
	}
}

static inline void
make_model(struct random *r, struct project *p)
{
	static const struct asof_field head[HEAD] = {
		{ .name = "key", .type = { .kind = ASOF_TYPE_STRING }, .type_text = "VARCHAR" },
		{ .name = "number", .type = { .kind = ASOF_TYPE_INT32 }, .type_text = "INTEGER" },
		{ .name = "t", .type = { .kind = ASOF_TYPE_TIMESTAMP }, .type_text = TZ },
		{ .name = "made", .type = { .kind = ASOF_TYPE_TIMESTAMP }, .type_text = TZ },
		{ .name = "keep", .type = { .kind = ASOF_TYPE_BOOL }, .type_text = "BOOLEAN" },
	};
	memcpy(p->fields, head, sizeof(head));
	for (size_t i = 0; i < VALUES; i++)
		p->fields[HEAD + i] = (struct asof_field){ .name = name_of(i),
							   .type = type_of(i),
							   .type_text = TZ };
	p->source = (struct asof_source){ .name = "rows",
					  .event_time = { .text = "t" },
					  .filter = { .text = "keep OR keep IS NULL" },
					  .fields = p->fields,
					  .field_count = HEAD + VALUES };
	p->source.created_time.text = random_below(r, 2) ? "made" : NULL;
	p->keys[0] = (struct asof_key){ .name = "k", .type = ASOF_TYPE(ASOF_TYPE_STRING) };
	p->keys[1] = (struct asof_key){ .name = "other", .type = ASOF_TYPE(ASOF_TYPE_INT32) };
	p->key_columns[0].text = "key";
	p->key_columns[1].text = "number";
	for (size_t v = 0; v < VIEWS; v++)
		make_view(r, p, v);
}

static inline void
make_rows(struct random *r, struct project *p, int64_t base_us)
{
	for (size_t f = 0; f < FILES; f++) {
		p->row_counts[f] = random_below(r, ROWS_MAX + 1);
		for (size_t i = 0; i < p->row_counts[f]; i++) {
			struct row *row = &p->rows[f][i];
			*row = (struct row){
				.has_time = random_below(r, 20) != 0,
				.has_created = random_below(r, 5) != 0,
				.keeps = random_below(r, 10) != 0,
				.event_us = base_us + 3 * random_between(r, -10, 10),
				.order = (int64_t)(f * 2) << ASOF_ORDER_ROW_BITS | (int64_t)i,
			};
			row->created_us = row->event_us + random_between(r, -5, 20);
			random_keys(r, row->keys);
			for (size_t c = 0; c < VALUES; c++)
				row->values[c] = random_value(r, c, &p->arena);
		}
	}
	for (size_t i = 0; i < SPINE_ROWS; i++) {
		p->spine[i] = (struct row){ .has_time = random_below(r, 16) != 0,
					    .event_us = base_us + random_between(r, -40, 70) };
		random_keys(r, p->spine[i].keys);
	}
}

/* ---- files ---- */

static inline struct asof_value
time_value(bool has_time, int64_t us)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				    .is_null = !has_time,
				    .int64 = us };
}

/* What stands in the file for a value. */
static inline struct asof_value
in_file(struct asof_value value, struct asof_arena *arena)
{
	if (value.type.kind == ASOF_TYPE_VECTOR) {
		value.type =
			(struct asof_type){ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_FLOAT32 };
	} else if (value.type.kind == ASOF_TYPE_UUID && !value.is_null) {
		ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64);
		asof_value_write_text(&text, &value);
		value.str = asof_str_from(asof_arena_copy(arena, asof_buf_view(&text)));
	}
	if (bench_is_text(value.type))
		value.type = ASOF_TYPE(ASOF_TYPE_STRING);
	return value;
}

static inline struct asof_value
cell_of(const struct row *row, size_t column, struct asof_arena *arena)
{
	if (column < KEYS)
		return row->keys[column];
	if (column == KEYS)
		return time_value(row->has_time, row->event_us);
	if (column == KEYS + 1)
		return time_value(row->has_created, row->created_us);
	if (column == KEYS + 2)
		return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_BOOL),
					    .is_null = row->keeps && row->event_us % 2,
					    .boolean = row->keeps };
	return in_file(row->values[column - HEAD], arena);
}

/* The first `column_count` columns of rows. */
static inline void
write_rows(struct asof_engine *engine, struct project *p, const struct row *rows, size_t row_count,
	   size_t column_count, const char *path)
{
	struct asof_field fields[HEAD + VALUES];
	struct asof_column columns[HEAD + VALUES];
	struct asof_value *values = bench_array(&p->arena, ROWS_MAX, sizeof(*values));
	for (size_t i = 0; i < column_count; i++) {
		fields[i] = p->fields[i];
		fields[i].type = in_file(asof_value_null(fields[i].type), &p->arena).type;
		for (size_t row = 0; row < row_count; row++)
			values[row] = cell_of(&rows[row], i, &p->arena);
		columns[i] = case_column(fields[i].type, values, row_count, &p->arena);
	}
	bench_write(engine, fields, &(struct asof_batch){ columns, column_count, row_count }, path);
}

#endif
