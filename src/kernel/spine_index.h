/*
 * spine_index.h - who is asked about when: the keys of a spine, and of each its times in order.
 *
 * A spine row (key, time) becomes a slot; rows of one key and time share it. Slots of an entity are
 * neighbours, ascending by time: what shifts or rounds time down keeps that order, so one index
 * serves every view of the entity. Rows are taken by several workers at once; after finish() the
 * index is immutable and thread-safe. Cost is linear but for the sorting of one entity's times,
 * n log n, whatever the distribution of keys.
 */
#ifndef ASOF_KERNEL_SPINE_INDEX_H
#define ASOF_KERNEL_SPINE_INDEX_H

#include "model/column.h"

#define ASOF_NO_SLOT   UINT32_MAX
#define ASOF_NO_ENTITY UINT32_MAX

struct asof_spine_index;

struct asof_spine_index_options {
	const struct asof_type *key_types; /* 1 .. 64 scalars; copied */
	size_t key_count;
	int64_t first_row; /* number of the first row */
	size_t row_count;  /* < UINT32_MAX */
	unsigned workers;
	uint64_t max_bytes; /* 0: no bound; beyond it ASOF_LIMIT */
};
ASOF_NODISCARD enum asof_status asof_spine_index_new(const struct asof_spine_index_options *options,
						     struct asof_spine_index **ret_index,
						     struct asof_error *err);
/* NULL is a no-op. */
void asof_spine_index_free(struct asof_spine_index *index);
ASOF_DEFINE_AUTOFREE(struct asof_spine_index, asof_spine_index_free)

/*
 * Rows in any order, each number once: columns row (int64, in [first_row, first_row + row_count)),
 * time_us (int64), k0 .. . A row with a NULL among them, and one that is never given, has no slot.
 */
ASOF_NODISCARD enum asof_status asof_spine_index_take(struct asof_spine_index *index,
						      unsigned worker,
						      const struct asof_batch *batch,
						      struct asof_error *err);
/* After the last take(), on `workers` threads. */
ASOF_NODISCARD enum asof_status asof_spine_index_finish(struct asof_spine_index *index,
							struct asof_error *err);

/* What is in it, after finish(). */
struct asof_spine_slots {
	size_t key_count;  /* of an entity */
	int64_t first_row; /* its number */
	size_t row_count;
	size_t slot_count;
	size_t entity_count;
	const uint32_t *row_slots; /* per row from first_row on; ASOF_NO_SLOT */
	const int64_t *times_us;   /* per slot */
	const uint32_t
		*entity_begin; /* entity e has slots [entity_begin[e], entity_begin[e + 1]) */
	int64_t min_us;        /* of all times; min > max where there is no slot */
	int64_t max_us;
};
const struct asof_spine_slots *asof_spine_index_slots(const struct asof_spine_index *index);
uint64_t asof_spine_index_bytes(const struct asof_spine_index *index);

/*
 * The entity of each of `count` <= ASOF_FIND_ROWS_MAX keys, ASOF_NO_ENTITY where nobody asks for it
 * or a component is NULL. -0.0 is 0.0 and NaN equals NaN. Thread-safe.
 */
#define ASOF_FIND_ROWS_MAX 2048
void asof_spine_index_find(const struct asof_spine_index *index, const struct asof_column *keys,
			   size_t count, uint32_t *ret_entities);

/* The same of `count` <= ASOF_FIND_SLOTS_MAX keys from row `first` on, as slots [begin, end) of the
 * entity: none where nobody asks for it. */
#define ASOF_FIND_SLOTS_MAX 256
void asof_spine_index_find_slots(const struct asof_spine_index *index,
				 const struct asof_column *keys, size_t first, size_t count,
				 uint32_t *ret_begin, uint32_t *ret_end);

#endif
