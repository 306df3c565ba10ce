/*
 * spine_index_impl.h - what the files of the spine's index share.
 *
 * Until finish() keys and times stand by row; row_slots[row] is 0 where there is none. After it
 * there is a table of entities. Keys that are one whole number and lie close together have a place
 * each, and entities are numbered as they ascend. For the rest it is open addressing with linear
 * probing, at most half full, a key's place being the high part of hash x capacity, so that keys of
 * neighbouring hashes are neighbours and the table is built in ranges by several workers.
 */
#ifndef ASOF_KERNEL_SPINE_INDEX_IMPL_H
#define ASOF_KERNEL_SPINE_INDEX_IMPL_H

#include "kernel/budget.h"
#include "kernel/spine_index.h"
#include "kernel/spine_index_key.h"

_Static_assert(ASOF_FIND_SLOTS_MAX <= ASOF_SPINE_KEY_ROWS_MAX, "slots are found by key words");

#define ASOF_SPINE_TAKEN 1U /* row_slots[row] of a row that was taken, until finish() */

/* What one worker has taken: its long keys, and the range of keys that are whole numbers. */
struct asof_spine_worker {
	struct asof_spine_text_chunk *chunks; /* newest first */
	size_t used;                          /* of the newest */
	int64_t min_key;                      /* of `has_range` */
	int64_t max_key;
	bool has_range;
	char padding[24]; /* workers write side by side */
};

struct asof_spine_word_entry {
	uint64_t low;
	uint32_t entity_number; /* entity + 1; 0: free */
	uint32_t padding;
};

struct asof_spine_pair_entry {
	uint64_t low;
	uint64_t high;
	uint32_t entity_number;
	uint32_t padding;
};

struct asof_spine_index {
	struct asof_spine_key_shape shape;
	int64_t first_row;
	size_t row_count;
	unsigned worker_count;
	bool is_finished;
	struct asof_budget budget;

	uint64_t *keys; /* word_count per row; until finish() */
	size_t word_count;
	int64_t *times_us; /* per row, then per slot */
	uint32_t *row_slots;
	struct asof_spine_worker *workers; /* after finish() the first has all long keys */

	struct asof_spine_slots slots;
	uint32_t *entity_begin;
	bool is_direct;   /* `numbers` is the table */
	uint64_t min_key; /* whose place is the first of `numbers` */
	union {
		void *table;
		uint32_t *numbers;                   /* entity + 1; 0: none */
		struct asof_spine_word_entry *words; /* WORD */
		struct asof_spine_pair_entry *pairs; /* PAIR and TEXT */
	};
	size_t table_capacity;
	/* Of `is_direct`: the slots of the key of place p are [place_begin[p], place_begin[p + 1]).
	 */
	uint32_t *place_begin;
};

static inline size_t
asof_spine_entry_bytes(const struct asof_spine_index *index)
{
	if (index->is_direct)
		return sizeof(*index->numbers);
	return index->shape.form == ASOF_SPINE_KEY_WORD ? sizeof(*index->words)
							: sizeof(*index->pairs);
}

static inline size_t
asof_spine_place(uint64_t hash, size_t capacity)
{
	__extension__ unsigned __int128 product = (unsigned __int128)hash * capacity;
	return (size_t)(product >> 64);
}

/* As asof_spine_index_find(), of `count` <= ASOF_SPINE_KEY_ROWS_MAX rows from `first` on. */
void asof_spine_index_find_some(const struct asof_spine_index *index,
				const struct asof_column *columns, size_t first, size_t count,
				uint32_t *ret_entities);

/* Room for a long key, until the index is freed. */
ASOF_NODISCARD enum asof_status asof_spine_text_alloc(struct asof_spine_index *index,
						      struct asof_spine_worker *worker, size_t size,
						      char **ret_bytes, struct asof_error *err);
void asof_spine_texts_free(struct asof_spine_index *index, struct asof_spine_worker *worker);

#endif
