/*
 * item.h - one value of a column in a form that compares fast. Pure.
 *
 * Numbers, dates and times become unsigned integers of the same order: NaN is one value and the
 * greatest, -0.0 is 0.0. Decimals stay wide; text, bytes and uuids are compared by bytes.
 */
#ifndef ASOF_KERNEL_ITEM_H
#define ASOF_KERNEL_ITEM_H

#include <math.h>

#include "model/column.h"

enum asof_item_kind { ASOF_ITEM_ORDINAL, ASOF_ITEM_WIDE, ASOF_ITEM_STR };

struct asof_item {
	union {
		uint64_t ordinal;
		asof_int128 wide;
		struct asof_str str; /* borrowed from the column */
	};
	uint32_t rank; /* the shortest window that holds it; set by who collects items */
};

#define ASOF_ITEM_SIGN (UINT64_C(1) << 63)

static inline uint64_t
asof_ordinal_of_int64(int64_t value)
{
	return (uint64_t)value ^ ASOF_ITEM_SIGN;
}

static inline uint64_t
asof_ordinal_of_double(double value)
{
	uint64_t bits;
	if (isnan(value))
		return UINT64_MAX;
	value += 0.0; /* -0.0 becomes 0.0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits & ASOF_ITEM_SIGN ? ~bits : bits | ASOF_ITEM_SIGN;
}

static inline double
asof_ordinal_to_double(uint64_t ordinal)
{
	double value;
	uint64_t bits = ordinal & ASOF_ITEM_SIGN ? ordinal ^ ASOF_ITEM_SIGN : ~ordinal;
	if (ordinal == UINT64_MAX)
		return (double)NAN;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline enum asof_item_kind
asof_item_kind_of(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_DECIMAL:
		return ASOF_ITEM_WIDE;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
		return ASOF_ITEM_STR;
	default:
		return ASOF_ITEM_ORDINAL;
	}
}

/* Of the kinds that become integers. */
static inline uint64_t
asof_ordinal_at(enum asof_type_kind kind, const void *data, size_t row)
{
	switch (kind) {
	case ASOF_TYPE_BOOL:
		return ((const uint8_t *)data)[row];
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		return asof_ordinal_of_int64(((const int32_t *)data)[row]);
	case ASOF_TYPE_FLOAT32:
		return asof_ordinal_of_double((double)((const float *)data)[row]);
	case ASOF_TYPE_FLOAT64:
		return asof_ordinal_of_double(((const double *)data)[row]);
	default: /* int64, timestamp */
		return asof_ordinal_of_int64(((const int64_t *)data)[row]);
	}
}

/* The value at a row that is not NULL, of a column of scalars. */
static inline struct asof_item
asof_item_at(const struct asof_column *column, size_t row)
{
	struct asof_item item = { .ordinal = 0 };
	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_DECIMAL:
		item.wide = ((const asof_int128 *)column->data)[row];
		break;
	case ASOF_TYPE_UUID:
		item.str = (struct asof_str){ (const char *)column->data + row * 16, 16 };
		break;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		item.str = ((const struct asof_str *)column->data)[row];
		break;
	default:
		item.ordinal =
			asof_ordinal_at((enum asof_type_kind)column->type.kind, column->data, row);
	}
	return item;
}

/* < 0, 0 or > 0, as asof_value_compare() has it. */
static inline int
asof_item_compare(enum asof_item_kind kind, const struct asof_item *a, const struct asof_item *b)
{
	if (kind == ASOF_ITEM_ORDINAL)
		return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
	if (kind == ASOF_ITEM_WIDE)
		return (a->wide > b->wide) - (a->wide < b->wide);
	return asof_str_compare(a->str, b->str);
}

#endif
