/*
 * flat_table.h - FlatBuffers, as much of writing them as Arrow's messages need. Pure.
 *
 * Written front to back: a table comes before what it points to, so that every offset is positive,
 * as the format wants. Positions count from where the message begins, to which all is aligned.
 */
#ifndef ASOF_CODEC_FLAT_TABLE_H
#define ASOF_CODEC_FLAT_TABLE_H

#include "base/buf.h"

struct asof_flat {
	struct asof_buf *buf; /* its error is sticky: nothing here fails */
	size_t begin;         /* of the message, in `buf` */
};

/* A field of a table, in the order of its schema. */
struct asof_flat_slot {
	uint8_t size;   /* 1, 2, 4 or 8 bytes; 0: absent, the default */
	uint64_t value; /* 0 for an offset, until asof_flat_point() */
	size_t at;      /* out: where it stands */
};

/* A struct of two numbers, which stands where it is used. */
struct asof_flat_pair {
	int64_t first;
	int64_t second;
};

#define ASOF_FLAT_SLOTS_MAX 8
#define ASOF_FLAT_ABSENT    ((struct asof_flat_slot){ .size = 0 })
#define ASOF_FLAT_OFFSET    ((struct asof_flat_slot){ .size = 4 })
#define ASOF_FLAT_NUMBER(bytes, number) \
	((struct asof_flat_slot){ .size = (bytes), .value = (uint64_t)(number) })

/* Begin a message with the offset of its root at position 0. */
struct asof_flat asof_flat_begin(struct asof_buf *buf);
/* Each returns its own position, for asof_flat_point(). */
size_t asof_flat_table(struct asof_flat *flat, struct asof_flat_slot *slots, size_t slot_count);
size_t asof_flat_text(struct asof_flat *flat, const char *text);
/* Room for `count` offsets; ret_first is the position of the first. */
size_t asof_flat_offsets(struct asof_flat *flat, size_t count, size_t *ret_first);
/* A vector of structs. */
size_t asof_flat_pairs(struct asof_flat *flat, const struct asof_flat_pair *pairs, size_t count);
/* The offset at `at` leads to `target`, which stands behind it. */
void asof_flat_point(struct asof_flat *flat, size_t at, size_t target);
/* The message's length, filled up to a multiple of eight. */
size_t asof_flat_end(struct asof_flat *flat);

#endif
