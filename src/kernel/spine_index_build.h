/*
 * spine_index_build.h - rows of a spine made into entities and slots: what the steps share.
 *
 * Rows are scattered by key into parts whose entities fit into the second-level cache: whole
 * numbers that lie close together by their high bits, others by those of their hashes. Each part is
 * then grouped by entity and each entity's times are sorted, without a look at any other part. What
 * a step no longer needs holds the next one's results:
 *
 *   rows              keys    times          slots
 *   scattered                                slots  part_keys  part_times  part_rows
 *   grouped, sorted   times   rows, ids      slots  part_keys  (spare)     (spare)
 *   written                                  slots             times
 */
#ifndef ASOF_KERNEL_SPINE_INDEX_BUILD_H
#define ASOF_KERNEL_SPINE_INDEX_BUILD_H

#include "kernel/spine_index_impl.h"

/* Rows whose keys' hashes begin alike, and what they become. */
struct asof_spine_part {
	size_t begin; /* of its rows among all that were taken */
	size_t end;
	size_t entity_count;
	size_t slot_count;
	size_t first_entity;
	size_t first_slot;
	size_t spill_count; /* entities that its range of the table has no room for */
	size_t long_bytes;  /* of its long keys */
	int64_t min_us;
	int64_t max_us;
};

struct asof_spine_build {
	struct asof_spine_index *index;
	bool is_dense; /* whole numbers, parts being ranges of them */
	uint64_t min_key;
	uint64_t key_range;  /* the greatest key - min_key + 1 */
	unsigned part_shift; /* what of a hash, or of key - min_key, is a part's number */
	size_t part_count;
	struct asof_spine_part *parts;
	size_t *places; /* per worker and part: rows, then where its next one goes */
	atomic_size_t next_part;

	uint64_t *part_keys;
	int64_t *part_times_us;
	uint32_t *part_rows;
	size_t taken_count;

	int64_t *grouped_times_us; /* in index->keys */
	uint32_t *grouped_rows;    /* in index->times_us .. */
	uint32_t *entity_ids;      /* .. and behind them */
};

static inline uint64_t
asof_spine_hash_of(const struct asof_spine_index *index, const uint64_t *words)
{
	enum asof_spine_key_form form = index->shape.form;
	return asof_spine_hash(form, words[0], form == ASOF_SPINE_KEY_WORD ? 0 : words[1]);
}

/* A worker of the second step: parts, one after the other, until none is left. */
ASOF_NODISCARD enum asof_status asof_spine_group_parts(struct asof_spine_build *build,
						       struct asof_error *err);

#endif
