/*
 * tile_store_gather.h - one column out of the parts of all workers, its rows in a given order.
 *
 * A row's id is its chunk * ASOF_TILE_CHUNK_ROWS + its place there; the chunks of a worker follow
 * one another. Parts are given back as soon as their column is made.
 */
#ifndef ASOF_KERNEL_TILE_STORE_GATHER_H
#define ASOF_KERNEL_TILE_STORE_GATHER_H

#include "kernel/tile_store_part.h"

/* Ids that must be there, and be ids, behind the last: they are fetched ahead. */
#define ASOF_TILE_IDS_AHEAD ((size_t)32)

/* Immutable once made. All-zero is valid. */
struct asof_tile_final {
	struct asof_column column;
	struct asof_column child;
	char *data;
	uint64_t *validity;
	char *child_data;
	uint64_t *child_validity;
	uint64_t bytes; /* counted */
};

void asof_tile_final_done(struct asof_tile_final *final, struct asof_tile_budget *budget);

struct asof_tile_gather {
	const uint32_t *ids;
	size_t count;
	struct asof_tile_part *const *parts; /* one per worker */
	size_t part_count;
	unsigned workers;
	struct asof_tile_budget *budget;
};

static inline size_t
asof_tile_chunk_count(size_t rows)
{
	return (rows + ASOF_TILE_CHUNK_ROWS - 1) / ASOF_TILE_CHUNK_ROWS;
}

/* The parts are empty afterwards, whether it succeeds or not. */
ASOF_NODISCARD enum asof_status asof_tile_gather_run(const struct asof_tile_gather *gather,
						     struct asof_tile_final *ret_final,
						     struct asof_error *err);

#endif
