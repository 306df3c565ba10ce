/*
 * kernel_feed.h - a fuzzer's bytes as choices: types, values and columns of few different values,
 * extremes among them. Where the bytes end, what follows is made of them, so that a short input can
 * be a large case.
 */
#ifndef ASOF_FUZZ_KERNEL_FEED_H
#define ASOF_FUZZ_KERNEL_FEED_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "model/column.h"
#include "seeded.h"

/* What the engine can hold as an instant. */
#define FEED_US_MIN INT64_C(-9223372022400000000)
#define FEED_US_MAX INT64_C(9223372036854775806)

struct feed {
	const uint8_t *data;
	size_t size;
	size_t pos;
	struct random rest;
	struct asof_arena arena; /* of the whole case */
};

static inline void
feed_check(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "not so: %s\n", what);
	abort();
}

static inline void
feed_init(struct feed *f, const uint8_t *data, size_t size)
{
	*f = (struct feed){ .data = data, .size = size };
	for (size_t i = 0; i < size; i++)
		f->rest.state = (f->rest.state ^ data[i]) * UINT64_C(0x100000001B3);
}

/* In [0, bound), bound <= 65536. */
static inline uint64_t
feed_below(struct feed *f, uint64_t bound)
{
	if (f->pos >= f->size)
		return random_below(&f->rest, bound);
	uint64_t number = f->data[f->pos++];
	if (bound > 256 && f->pos < f->size)
		number = number << 8 | f->data[f->pos++];
	return number % bound;
}

static inline void *
feed_array(struct feed *f, size_t count, size_t size)
{
	void *array = asof_arena_array(&f->arena, count, size);
	feed_check(array != NULL, "memory for the case");
	return array;
}

/* ---- times ---- */

/* Around a few instants, on and beside each other; far ones and the ends of time too. */
static inline int64_t
feed_time(struct feed *f, int64_t base_us)
{
	static const int64_t ends_us[] = { FEED_US_MIN, FEED_US_MIN + 1,
					   FEED_US_MAX, FEED_US_MAX - 1,
					   0,           -1 };
	uint64_t roll = feed_below(f, 64);
	if (roll == 0)
		return ends_us[feed_below(f, ASOF_COUNTOF(ends_us))];
	if (roll < 4)
		return base_us + ((int64_t)feed_below(f, 65536) - 32768) * 1000000;
	return base_us + (int64_t)feed_below(f, roll < 32 ? 16 : 200) - 8;
}

/* ---- types and values ---- */

static inline struct asof_type
feed_scalar_type(struct feed *f)
{
	struct asof_type type = ASOF_TYPE((uint8_t)(1 + feed_below(f, ASOF_TYPE_JSON)));
	if (type.kind == ASOF_TYPE_DECIMAL) {
		type.precision = feed_below(f, 2) ? 38 : 9;
		type.scale = 2;
	}
	return type;
}

static inline struct asof_type
feed_key_type(struct feed *f)
{
	struct asof_type type = feed_scalar_type(f);
	while (!asof_type_is_key(type))
		type = feed_scalar_type(f);
	return type;
}

static inline struct asof_type
feed_type(struct feed *f)
{
	struct asof_type type = feed_scalar_type(f);
	if (feed_below(f, 6) == 0) {
		type.element = type.kind;
		type.kind = ASOF_TYPE_LIST;
	} else if (feed_below(f, 12) == 0) {
		type = (struct asof_type){ .kind = ASOF_TYPE_VECTOR,
					   .element = ASOF_TYPE_FLOAT32,
					   .size = 3 };
	}
	return type;
}

static inline double
feed_double(uint64_t number)
{
	static const double odd[] = { 0.0, -0.0, 1.5, 1e300, -1e300, 5e-324, 0.1, -7.25 };
	if (number % 16 == 9)
		return (double)NAN;
	if (number % 16 == 10)
		return number & 16 ? (double)INFINITY : -(double)INFINITY;
	return odd[number % ASOF_COUNTOF(odd)];
}

static inline struct asof_str
feed_text(struct feed *f, uint64_t number)
{
	static const size_t lengths[] = { 0, 1, 4, 8, 12, 13, 16, 40, 300 };
	size_t len = lengths[number % ASOF_COUNTOF(lengths)];
	char *text = feed_array(f, len + 1, 1);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(i + 1 == len ? number / 9 : 'a');
	return (struct asof_str){ text, len };
}

/* Equal numbers below 256 are equal values of a type. */
static inline struct asof_value
feed_value_of(struct feed *f, struct asof_type type, uint64_t number)
{
	struct asof_value value = { .type = type };
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = number & 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = number == 7 ? INT32_MIN : (int32_t)number - 3;
		break;
	case ASOF_TYPE_INT64:
		value.int64 = number == 7 ? INT64_MIN : (int64_t)number - 3;
		break;
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = number == 7 ? FEED_US_MIN : (int64_t)number - 3;
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = (float)feed_double(number);
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = feed_double(number);
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal =
			((asof_int128)number - 3) *
			((asof_int128)1 << (type.precision > 9 ? number % 90 : number % 20));
		break;
	case ASOF_TYPE_UUID: {
		char *bytes = feed_array(f, 16, 1);
		bytes[number % 2 * 15] = (char)number;
		value.str = (struct asof_str){ bytes, 16 };
		break;
	}
	default:
		value.str = feed_text(f, number);
		break;
	}
	return value;
}

static inline struct asof_value
feed_value(struct feed *f, struct asof_type type, uint64_t variety)
{
	bool is_vector = type.kind == ASOF_TYPE_VECTOR;
	if (!is_vector && type.kind != ASOF_TYPE_LIST)
		return feed_value_of(f, type, feed_below(f, variety));
	struct asof_value value = { .type = type };
	value.list.count = is_vector ? type.size : feed_below(f, 4);
	struct asof_value *items = feed_array(f, value.list.count + 1, sizeof(*items));
	for (size_t i = 0; i < value.list.count; i++) {
		items[i] = feed_value_of(f, asof_type_element(type), feed_below(f, variety));
		items[i].is_null = !is_vector && feed_below(f, 4) == 0;
	}
	value.list.items = items;
	return value;
}

/* ---- columns ---- */

static inline void
feed_put(unsigned char *data, size_t row, const struct asof_value *value)
{
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		data[row] = value->boolean;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		memcpy(data + row * 4, &value->int32, 4);
		break;
	case ASOF_TYPE_FLOAT32:
		memcpy(data + row * 4, &value->float32, 4);
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		memcpy(data + row * 8, &value->int64, 8);
		break;
	case ASOF_TYPE_FLOAT64:
		memcpy(data + row * 8, &value->float64, 8);
		break;
	case ASOF_TYPE_DECIMAL:
		memcpy(data + row * 16, &value->decimal, 16);
		break;
	case ASOF_TYPE_UUID:
		memcpy(data + row * 16, value->str.ptr, 16);
		break;
	default:
		memcpy(data + row * sizeof(value->str), &value->str, sizeof(value->str));
		break;
	}
}

/* Of the values of rows [0, count): what stands at a NULL is garbage. */
static inline struct asof_column
feed_column(struct feed *f, struct asof_type type, const struct asof_value *values, size_t count)
{
	unsigned char *data = feed_array(f, count + 1, 16);
	uint64_t *validity = feed_array(f, count / 64 + 1, sizeof(*validity));
	bool is_list = type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
	struct asof_column column = { .type = type, .data = data };
	size_t item_count = 0;
	memset(data, 0xA5, (count + 1) * 16);
	for (size_t i = 0; is_list && i < count; i++)
		item_count += values[i].is_null ? 0 : values[i].list.count;
	struct asof_value *items = feed_array(f, item_count + 1, sizeof(*items));
	item_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (values[i].is_null) {
			column.validity = validity;
			continue;
		}
		validity[i / 64] |= UINT64_C(1) << (i % 64);
		if (!is_list) {
			feed_put(data, i, &values[i]);
			continue;
		}
		struct asof_span span = { item_count, values[i].list.count };
		memcpy(data + i * sizeof(span), &span, sizeof(span));
		for (size_t j = 0; j < span.length; j++)
			items[item_count++] = values[i].list.items[j];
	}
	if (is_list) {
		struct asof_column *child = feed_array(f, 1, sizeof(*child));
		*child = feed_column(f, asof_type_element(type), items, item_count);
		column.child = child;
	}
	return column;
}

/* Bit for bit, but that every NaN is one. */
static inline bool
feed_is_same(const struct asof_value *a, const struct asof_value *b)
{
	if (a->is_null != b->is_null || a->type.kind != b->type.kind)
		return false;
	if (asof_value_compare(a, b) != 0)
		return false;
	if (a->is_null)
		return true;
	if (a->type.kind == ASOF_TYPE_FLOAT64)
		return isnan(a->float64) || signbit(a->float64) == signbit(b->float64);
	return a->type.kind != ASOF_TYPE_FLOAT32 || isnan(a->float32) ||
	       signbit(a->float32) == signbit(b->float32);
}

#endif
