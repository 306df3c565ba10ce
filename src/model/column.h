/*
 * column.h - borrowed columns of many values: what the engine hands to kernels and takes from them.
 *
 * The layout is Arrow's (validity bitmap, flat values, list spans over a child), except that text
 * is an array of views. Borrowed from whoever made the batch and valid while its callback runs.
 */
#ifndef ASOF_MODEL_COLUMN_H
#define ASOF_MODEL_COLUMN_H

#include "model/value.h"

struct asof_span {
	uint64_t offset; /* first element in the child */
	uint64_t length;
};

struct asof_column {
	struct asof_type type;
	/* Bit i % 64 of word i / 64 is set where row i is not NULL. NULL: no row is NULL. */
	const uint64_t *validity;
	/*
	 * bool uint8_t 0/1 · int32, date int32_t · int64, timestamp int64_t · float32 float ·
	 * float64 double · decimal __int128 unscaled · string, bytes, json struct asof_str ·
	 * uuid 16 bytes each, big-endian as printed · list, vector struct asof_span.
	 * What stands at a NULL row is undefined.
	 */
	const void *data;
	const struct asof_column *child; /* of list and vector, else NULL */
};

struct asof_batch {
	const struct asof_column *columns;
	size_t column_count;
	size_t row_count;
};

/* Bytes of one value in asof_column.data. */
size_t asof_column_width(struct asof_type type);

static inline bool
asof_column_is_null(const struct asof_column *column, size_t row)
{
	return column->validity && !(column->validity[row / 64] >> (row % 64) & 1);
}

/*
 * The value at `row`. Lists need memory for their items: taken from `arena`, which may be NULL for
 * other types; the status is ASOF_OK or ASOF_NO_MEMORY. Strings stay borrowed from the column.
 */
struct asof_arena;
ASOF_NODISCARD enum asof_status asof_column_value(const struct asof_column *column, size_t row,
						  struct asof_arena *arena,
						  struct asof_value *ret_value,
						  struct asof_error *err);

#endif
