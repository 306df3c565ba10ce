/* tile_store_impl.h - what the files of the tile store share. */
#ifndef ASOF_KERNEL_TILE_STORE_IMPL_H
#define ASOF_KERNEL_TILE_STORE_IMPL_H

#include "kernel/tile_store.h"
#include "kernel/tile_store_gather.h"

/* What every worker has a part of; the states follow. */
enum asof_tile_part_index {
	ASOF_TILE_ENTITY,
	ASOF_TILE_EVENT,
	ASOF_TILE_CREATED,
	ASOF_TILE_ORDER,
	ASOF_TILE_STATES
};

struct asof_tile_worker {
	struct asof_tile_part *parts;
	struct asof_tile_text text;
	uint32_t *counts; /* rows per entity; in finish(), where the next one goes */
	uint32_t first_id;
};

struct asof_tile_store {
	struct asof_tile_store_options options;
	size_t entity_count;
	size_t part_count; /* per worker */
	struct asof_tile_worker *workers;
	struct asof_tile_budget budget;

	/* After finish(). */
	size_t row_count;
	uint32_t *begins; /* entity e has rows [begins[e], begins[e + 1]) */
	struct asof_tile_final event;
	struct asof_tile_final created;
	struct asof_tile_final *states;
	struct asof_column *columns; /* of the states */
	int64_t min_us;
	int64_t max_us;
};

/* Counted memory that is not zeroed. */
ASOF_NODISCARD enum asof_status asof_tile_ids_take(struct asof_tile_store *store, size_t count,
						   uint32_t **ret_ids, struct asof_error *err);
void asof_tile_ids_give(struct asof_tile_store *store, uint32_t **ids, size_t count);

#endif
