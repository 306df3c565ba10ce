/* row_samples.h - random rows of random shapes. */
#ifndef ASOF_TESTS_ROW_SAMPLES_H
#define ASOF_TESTS_ROW_SAMPLES_H

#include "codec/row.h"
#include "seeded.h"

#define SAMPLE_COLUMNS_MAX 6
#define SAMPLE_VECTOR_SIZE 3

struct row_sample {
	struct asof_type types[2][SAMPLE_COLUMNS_MAX]; /* of values, of entries */
	struct asof_row_shape shape;
	struct asof_row row;
};

static inline void *
sample_alloc(struct asof_arena *arena, size_t count, size_t size)
{
	void *array = asof_arena_array(arena, count, size);
	if (!array)
		__builtin_trap();
	return array;
}

static inline struct asof_type
sample_type(struct random *r)
{
	struct asof_type type = { .kind = (uint8_t)random_between(r, ASOF_TYPE_BOOL,
								  ASOF_TYPE_VECTOR) };
	if (type.kind == ASOF_TYPE_VECTOR) {
		type.element = ASOF_TYPE_FLOAT32;
		type.size = SAMPLE_VECTOR_SIZE;
	}
	if (type.kind == ASOF_TYPE_LIST)
		type.element = (uint8_t)random_between(r, ASOF_TYPE_BOOL, ASOF_TYPE_JSON);
	if (type.kind == ASOF_TYPE_DECIMAL || type.element == ASOF_TYPE_DECIMAL) {
		type.precision = 38;
		type.scale = 4;
	}
	return type;
}

static inline size_t
sample_width(struct asof_type type)
{
	switch (type.kind) {
	case ASOF_TYPE_BOOL:
		return 1;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_FLOAT32:
		return 4;
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		return 16;
	default:
		return 8;
	}
}

static inline struct asof_column *sample_column(struct random *r, struct asof_type type,
						size_t count, bool may_be_null,
						struct asof_arena *arena);

/* Spans in any order over a child that they do not fill. */
static inline void
sample_spans(struct random *r, struct asof_column *column, struct asof_span *spans, size_t count,
	     struct asof_arena *arena)
{
	bool is_vector = column->type.kind == ASOF_TYPE_VECTOR;
	size_t child_count = 20;
	for (size_t i = 0; i < count; i++) {
		spans[i].length = is_vector ? SAMPLE_VECTOR_SIZE : random_below(r, 11);
		spans[i].offset = random_below(r, child_count - spans[i].length + 1);
	}
	column->child =
		sample_column(r, asof_type_element(column->type), child_count, !is_vector, arena);
}

static inline void
sample_strings(struct random *r, struct asof_str *strings, size_t count, struct asof_arena *arena)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = random_below(r, 4) ? random_below(r, 6) : 0;
		char *bytes = sample_alloc(arena, len, 1);
		for (size_t j = 0; j < len; j++)
			bytes[j] = (char)random_u64(r);
		strings[i] = (struct asof_str){ bytes, len };
	}
}

static inline struct asof_column *
sample_column(struct random *r, struct asof_type type, size_t count, bool may_be_null,
	      struct asof_arena *arena)
{
	struct asof_column *column = sample_alloc(arena, 1, sizeof(*column));
	size_t width = sample_width(type);
	unsigned char *data = sample_alloc(arena, count, width);
	column->type = type;
	column->data = data;
	for (size_t i = 0; i < count * width; i++)
		data[i] = (unsigned char)(type.kind == ASOF_TYPE_BOOL ? random_below(r, 2)
								      : random_u64(r));
	if (type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	    type.kind == ASOF_TYPE_JSON)
		sample_strings(r, (struct asof_str *)(void *)data, count, arena);
	if (type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR)
		sample_spans(r, column, (struct asof_span *)(void *)data, count, arena);
	if (may_be_null && random_below(r, 2)) {
		uint64_t *validity = sample_alloc(arena, count / 64 + 1, sizeof(*validity));
		for (size_t i = 0; i <= count / 64; i++)
			validity[i] = random_u64(r) | (random_below(r, 4) ? 0 : UINT64_MAX);
		column->validity = validity;
	}
	return column;
}

/* Values, entries or none; every type turns up, each also as NULL. */
static inline void
row_sample_make(struct random *r, struct asof_arena *arena, struct row_sample *ret_sample)
{
	struct row_sample *s = ret_sample;
	*s = (struct row_sample){ 0 };
	s->shape.value_count = random_below(r, SAMPLE_COLUMNS_MAX + 1);
	s->shape.entry_column_count = random_below(r, SAMPLE_COLUMNS_MAX + 1);
	s->shape.values = s->types[0];
	s->shape.entries = s->types[1];
	for (size_t i = 0; i < SAMPLE_COLUMNS_MAX; i++) {
		s->types[0][i] = sample_type(r);
		s->types[1][i] = sample_type(r);
	}
	s->row.has_answer = random_below(r, 4) > 0;
	s->row.event_us = (int64_t)random_u64(r);
	s->row.from_us = (int64_t)random_u64(r);
	s->row.until_us = random_below(r, 2) ? INT64_MAX : (int64_t)random_u64(r);
	s->row.entry_count = random_below(r, 3) ? random_below(r, 10) : random_below(r, 150);

	struct asof_error err = { 0 };
	struct asof_value *values = sample_alloc(arena, SAMPLE_COLUMNS_MAX, sizeof(*values));
	for (size_t i = 0; i < s->shape.value_count; i++) {
		struct asof_column *one = sample_column(r, s->types[0][i], 1, true, arena);
		if (asof_column_value(one, 0, arena, &values[i], &err) != ASOF_OK)
			__builtin_trap();
	}
	s->row.values = s->row.has_answer ? values : NULL;

	int64_t *event_us = sample_alloc(arena, s->row.entry_count, sizeof(*event_us));
	struct asof_column *entries = sample_alloc(arena, SAMPLE_COLUMNS_MAX, sizeof(*entries));
	for (size_t i = 0; i < s->row.entry_count; i++)
		event_us[i] = (i ? event_us[i - 1] : -1000) + (int64_t)random_below(r, 300);
	for (size_t i = 0; i < s->shape.entry_column_count; i++)
		entries[i] = *sample_column(r, s->types[1][i], s->row.entry_count, true, arena);
	s->row.entry_event_us = event_us;
	s->row.entries = entries;
}

#endif
