/* spine_cases.h - random keys, values and batches for the tests of what is indexed by a spine. */
#ifndef ASOF_TEST_SPINE_CASES_H
#define ASOF_TEST_SPINE_CASES_H

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "check.h"
#include "kernel/block.h"
#include "seeded.h"

#define CASE_KEYS_MAX 4

static inline struct asof_type
case_list_of(struct asof_type element)
{
	struct asof_type type = element;
	type.kind = ASOF_TYPE_LIST;
	type.element = element.kind;
	return type;
}

static inline struct asof_type
case_random_scalar(struct random *r)
{
	struct asof_type type = ASOF_TYPE((uint8_t)(1 + random_below(r, ASOF_TYPE_JSON)));
	if (type.kind == ASOF_TYPE_DECIMAL) {
		type.precision = 38;
		type.scale = 4;
	}
	return type;
}

static inline struct asof_type
case_random_type(struct random *r)
{
	struct asof_type type = case_random_scalar(r);
	if (random_below(r, 4) == 0)
		return case_list_of(type);
	if (random_below(r, 8) == 0)
		return (struct asof_type){ .kind = ASOF_TYPE_VECTOR,
					   .element = ASOF_TYPE_FLOAT32,
					   .size = 3 };
	return type;
}

static inline struct asof_str
case_text(struct asof_arena *arena, uint64_t number)
{
	static const size_t lengths[] = { 0, 1, 3, 7, 8, 12, 13, 14, 15, 16, 17, 31, 40, 300 };
	size_t length = lengths[number % ASOF_COUNTOF(lengths)];
	char *text = asof_arena_alloc(arena, length);
	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = (char)(number >> 4 & 1 && i + 1 == length ? 0 : 'a' + number / 16 % 3);
	return (struct asof_str){ text, length };
}

static inline double
case_double(uint64_t number)
{
	const double doubles[] = { 0.0, -0.0, (double)NAN, -(double)NAN, 1.5, -1e300 };
	return doubles[number % ASOF_COUNTOF(doubles)];
}

/* One of the first `limit` values of a type; equal numbers are equal values. */
static inline struct asof_value
case_value(struct asof_arena *arena, struct asof_type type, uint64_t number)
{
	struct asof_value value = { .type = type };
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = number & 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = number % 5 == 0 ? INT32_MIN : (int32_t)number - 3;
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = number % 5 == 0 ? INT64_MIN : (int64_t)number - 3;
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)case_double(number % 5);
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = case_double(number);
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = ((asof_int128)number - 3) * ((asof_int128)1 << (number % 90));
		break;
	case ASOF_TYPE_UUID: {
		char *bytes = asof_arena_alloc(arena, 16);
		assert_non_null(bytes);
		bytes[number % 2 * 15] = (char)number;
		value.str = (struct asof_str){ bytes, 16 };
		break;
	}
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR: {
		size_t count = type.kind == ASOF_TYPE_VECTOR ? type.size : number % 5;
		struct asof_value *items = asof_arena_array(arena, count, sizeof(*items));
		assert_non_null(items);
		for (size_t i = 0; i < count; i++) {
			items[i] = case_value(arena, asof_type_element(type), number / 3 + i);
			items[i].is_null = type.kind == ASOF_TYPE_LIST && (number + i) % 4 == 0;
		}
		value.list.items = items;
		value.list.count = count;
		break;
	}
	default:
		value.str = case_text(arena, number);
		break;
	}
	return value;
}

static inline struct asof_value
case_int64(int64_t number)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_INT64), .int64 = number };
}

/* Times of which many are equal, many near each other, and some at the ends. */
static inline int64_t
case_time(struct random *r)
{
	switch (random_below(r, 30)) {
	case 0:
		return INT64_MIN + (int64_t)random_below(r, 3);
	case 1:
		return INT64_MAX - (int64_t)random_below(r, 3);
	default:
		return (int64_t)random_below(r, 60) - 30;
	}
}

struct case_keys {
	size_t count;
	struct asof_type types[CASE_KEYS_MAX];
	uint64_t limits[CASE_KEYS_MAX]; /* how many values of each */
};

static inline struct case_keys
case_random_keys(struct random *r)
{
	struct case_keys keys = { .count = 1 + random_below(r, 3) };
	for (size_t i = 0; i < keys.count; i++) {
		keys.types[i] = case_random_scalar(r);
		keys.limits[i] = 1 + random_below(r, 30);
	}
	return keys;
}

static inline void
case_key(struct random *r, struct asof_arena *arena, const struct case_keys *keys,
	 struct asof_value *ret_values)
{
	for (size_t i = 0; i < keys->count; i++) {
		ret_values[i] = case_value(arena, keys->types[i], random_below(r, keys->limits[i]));
		ret_values[i].is_null = random_below(r, 40) == 0;
	}
}

static inline bool
case_keys_equal(const struct case_keys *keys, const struct asof_value *a,
		const struct asof_value *b)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (a[i].is_null || b[i].is_null || asof_value_compare(&a[i], &b[i]) != 0)
			return false;
	}
	return true;
}

static inline bool
case_key_has_null(const struct case_keys *keys, const struct asof_value *key)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (key[i].is_null)
			return true;
	}
	return false;
}

/* Columns of rows of values: `rows` are row_count x type_count. */
static inline void
case_fill(struct asof_block *block, const struct asof_value *rows, size_t row_count)
{
	struct asof_error err = { 0 };
	asof_block_reset(block, row_count);
	for (size_t i = 0; i < row_count * block->column_count; i++)
		assert_ok(asof_block_set(block, i % block->column_count, i / block->column_count,
					 &rows[i], &err),
			  err);
}

static inline struct asof_batch
case_batch(const struct asof_block *block, size_t row_count)
{
	return (struct asof_batch){ block->columns, block->column_count, row_count };
}

#endif
