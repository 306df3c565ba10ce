/*
 * spine_index_key.h - key tuples as two words that are equal where the keys are.
 *
 * Fixed-width components of at most 8 bytes in all are one word, of at most 16 two. Everything else
 * is a string of bytes (a byte of length before each text but the last): of at most 15 bytes it
 * stands in the words, its length in the last byte. A longer one is stored in memory, which the
 * first word points to; the second is 56 bits of its hash below a byte that no length has.
 */
#ifndef ASOF_KERNEL_SPINE_INDEX_KEY_H
#define ASOF_KERNEL_SPINE_INDEX_KEY_H

#include "model/column.h"

#define ASOF_SPINE_KEY_PARTS_MAX 64
/* Keys that are packed at once: their words stay in the first-level cache. */
#define ASOF_SPINE_KEY_ROWS_MAX 256

enum asof_spine_key_form {
	ASOF_SPINE_KEY_WORD,
	ASOF_SPINE_KEY_PAIR,
	ASOF_SPINE_KEY_TEXT,
};

struct asof_spine_key_part {
	uint8_t kind;   /* enum asof_type_kind */
	uint8_t width;  /* 0: text */
	uint8_t offset; /* in the words, of WORD and PAIR */
};

struct asof_spine_key_shape {
	enum asof_spine_key_form form;
	bool is_number; /* one whole number: a WORD that is it */
	size_t part_count;
	size_t last_text; /* its index; part_count: none */
	struct asof_spine_key_part parts[ASOF_SPINE_KEY_PARTS_MAX];
};

void asof_spine_key_shape_init(struct asof_spine_key_shape *shape, const struct asof_type *types,
			       size_t count);

/* Words of `count` <= ASOF_SPINE_KEY_ROWS_MAX keys from `first` on. A key that does not fit into
 * them has no pointer yet: low[i] is the number of its row. */
struct asof_spine_keys {
	uint64_t low[ASOF_SPINE_KEY_ROWS_MAX];
	uint64_t high[ASOF_SPINE_KEY_ROWS_MAX];  /* of WORD: not set */
	uint8_t is_key[ASOF_SPINE_KEY_ROWS_MAX]; /* 0: a component is NULL */
};
void asof_spine_keys_pack(const struct asof_spine_key_shape *shape,
			  const struct asof_column *columns, size_t first, size_t count,
			  struct asof_spine_keys *ret_keys);

#define ASOF_SPINE_KEY_LONG UINT64_C(0xFF)

static inline bool
asof_spine_key_is_long(uint64_t high)
{
	return high >> 56 == ASOF_SPINE_KEY_LONG;
}

/* A long key as it is stored: its length in 4 bytes, then its bytes. 0: longer than we take. */
size_t asof_spine_key_stored_bytes(const struct asof_spine_key_shape *shape,
				   const struct asof_column *columns, size_t row);
void asof_spine_key_store(const struct asof_spine_key_shape *shape,
			  const struct asof_column *columns, size_t row, char *ret_bytes);
/* Bytes of a stored key, its length included. */
size_t asof_spine_key_bytes_of(const char *stored);
bool asof_spine_key_equals_stored(const struct asof_spine_key_shape *shape,
				  const struct asof_column *columns, size_t row,
				  const char *stored);

static inline uint64_t
asof_spine_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define ASOF_SPINE_MIX_1 UINT64_C(0xa0761d6478bd642f)
#define ASOF_SPINE_MIX_2 UINT64_C(0xe7037ed1a0b428db)
#define ASOF_SPINE_MIX_3 UINT64_C(0x8ebc6af09c88c6e3)

/* Well mixed in its high bits. */
static inline uint64_t
asof_spine_hash(enum asof_spine_key_form form, uint64_t low, uint64_t high)
{
	if (form == ASOF_SPINE_KEY_WORD)
		return asof_spine_mix(low ^ ASOF_SPINE_MIX_1, ASOF_SPINE_MIX_2);
	if (form == ASOF_SPINE_KEY_TEXT && asof_spine_key_is_long(high))
		return asof_spine_mix(high ^ ASOF_SPINE_MIX_1, ASOF_SPINE_MIX_2);
	uint64_t hash = asof_spine_mix(low ^ ASOF_SPINE_MIX_1, ASOF_SPINE_MIX_2);
	return asof_spine_mix(hash ^ high, ASOF_SPINE_MIX_3);
}

/* Of two keys that are stored, where they are long. */
static inline bool
asof_spine_key_equal(enum asof_spine_key_form form, uint64_t low, uint64_t high, uint64_t other_low,
		     uint64_t other_high)
{
	if (form == ASOF_SPINE_KEY_WORD)
		return low == other_low;
	if (high != other_high)
		return false;
	if (low == other_low)
		return true;
	if (form != ASOF_SPINE_KEY_TEXT || !asof_spine_key_is_long(high))
		return false;
	const char *a = (const char *)(uintptr_t)low;
	const char *b = (const char *)(uintptr_t)other_low;
	size_t size = asof_spine_key_bytes_of(a);
	return size == asof_spine_key_bytes_of(b) && memcmp(a, b, size) == 0;
}

#endif
