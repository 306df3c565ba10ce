/*
 * row_format.h - the bytes of a packed row. Pure.
 *
 *   header | values, if there is an answer | checksum | entries | checksum
 *
 * A checksum is XXH3 of what stands before it, from the start or from the other checksum on: a
 * look-up that needs no entries touches only the head, which says how long it and all are.
 *
 * values   a bitmap (bit set: NULL), then what is not NULL, one after the other
 * entries  an event time each, then per column: a byte (has NULLs), if so a bitmap of all rows,
 * then what is not NULL
 *
 * Numbers are little-endian and unaligned; bitmaps are padded with zeros to whole bytes. Strings
 * are a u32 length and the bytes; a column of strings has all lengths first. A list is a u32
 * length, then its items as a column; a column of lists has all lengths first, then one column of
 * all items. Every row has one form: what decodes encodes to the same bytes.
 */
#ifndef ASOF_CODEC_ROW_FORMAT_H
#define ASOF_CODEC_ROW_FORMAT_H

#include "codec/row.h"
#include "model/hash.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows are little-endian");

#define ASOF_ROW_MAGIC      UINT32_C(0x01525341) /* "ASR", format version 1 */
#define ASOF_ROW_HAS_ANSWER UINT32_C(1)

struct asof_row_header {
	uint32_t magic;
	uint32_t flags;
	uint64_t shape_hash;
	uint64_t head_size;  /* header and values */
	uint64_t total_size; /* with both checksums */
	int64_t event_us;
	int64_t from_us;
	int64_t until_us;
	uint64_t entry_count;
};
_Static_assert(sizeof(struct asof_row_header) == 64, "no padding");

/* Bytes of one value, 0 where they vary. */
static inline size_t
asof_row_width(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		return 1;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_FLOAT32:
		return 4;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
	case ASOF_TYPE_FLOAT64:
		return 8;
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_UUID:
		return 16;
	case ASOF_TYPE_NONE:
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		break;
	}
	return 0;
}

static inline bool
asof_row_is_list(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

/* Types are plain bytes without padding. */
static inline uint64_t
asof_row_shape_hash(const struct asof_row_shape *shape)
{
	_Static_assert(sizeof(struct asof_type) == 8, "no padding");
	struct asof_str values = { (const char *)shape->values,
				   shape->value_count * sizeof(struct asof_type) };
	struct asof_str entries = { (const char *)shape->entries,
				    shape->entry_column_count * sizeof(struct asof_type) };
	uint64_t parts[] = { asof_hash64(values), asof_hash64(entries), shape->value_count,
			     shape->entry_column_count };
	return asof_hash64((struct asof_str){ (const char *)parts, sizeof(parts) });
}

#endif
