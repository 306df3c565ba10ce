/*
 * tile_store.h - the tiles (or events) of the entities that a spine asks for, grouped and sorted.
 *
 * Taken by several workers at once in any order; finish() groups them by entity and sorts each
 * entity's by (event, created, order). Tiles of entities that nobody asks for are not kept. After
 * finish() immutable and thread-safe.
 */
#ifndef ASOF_KERNEL_TILE_STORE_H
#define ASOF_KERNEL_TILE_STORE_H

#include "kernel/spine_index.h"
#include "kernel/window.h"

struct asof_tile_store;

struct asof_tile_store_options {
	const struct asof_spine_index *spine;  /* finished; outlives this */
	const struct asof_tile_layout *layout; /* of the states; outlives this */
	/* > 0: what is taken are events (a layout of `step: event`) of a view with this step; their
	 * tiles' END is the end of the step they lie in. 0: times are ENDs as they are. */
	int64_t round_up_us;
	bool has_created; /* whether batches have created_us and row_order; without, all the same */
	bool has_order;
	bool keeps_created; /* readers want created_us after finish() */
	unsigned workers;
	uint64_t max_bytes; /* 0: no bound; beyond it ASOF_LIMIT, at the latest in finish() */
};
ASOF_NODISCARD enum asof_status asof_tile_store_new(const struct asof_tile_store_options *options,
						    struct asof_tile_store **ret_store,
						    struct asof_error *err);
/* NULL is a no-op. */
void asof_tile_store_free(struct asof_tile_store *store);
ASOF_DEFINE_AUTOFREE(struct asof_tile_store, asof_tile_store_free)

/* Columns k0 .., event_us, created_us (where has_created), row_order (where has_order), the
 * layout's states. Rows with a NULL key or event are passed over. */
ASOF_NODISCARD enum asof_status asof_tile_store_take(struct asof_tile_store *store, unsigned worker,
						     const struct asof_batch *batch,
						     struct asof_error *err);
/* After the last take(), on `workers` threads. */
ASOF_NODISCARD enum asof_status asof_tile_store_finish(struct asof_tile_store *store,
						       struct asof_error *err);

/* One reader's view of an entity's tiles; used again from entity to entity of one store. All-zero
 * is valid. */
struct asof_tile_slice {
	struct asof_tiles tiles; /* order and (unless keeps_created) created_us are NULL: rows stand
				    in the order that first and last need */
	struct asof_column *columns;
	struct asof_arena arena;
};
void asof_tile_slice_done(struct asof_tile_slice *slice);
/* The tiles of an entity; borrowed from the store and the slice. */
ASOF_NODISCARD enum asof_status asof_tile_store_slice(const struct asof_tile_store *store,
						      uint32_t entity,
						      struct asof_tile_slice *slice,
						      struct asof_error *err);

/* Only those that windows (S - longest_us, S] with S in [first_us, last_us] may need: their own
 * tiles, and one before them, which tells that there is a row. */
ASOF_NODISCARD enum asof_status asof_tile_store_slice_between(const struct asof_tile_store *store,
							      uint32_t entity, int64_t first_us,
							      int64_t last_us, int64_t longest_us,
							      struct asof_tile_slice *slice,
							      struct asof_error *err);

/* The times of all tiles of the store; min > max where there is none. */
void asof_tile_store_span(const struct asof_tile_store *store, int64_t *ret_min_us,
			  int64_t *ret_max_us);
/* How many tiles an entity has. */
size_t asof_tile_store_count(const struct asof_tile_store *store, uint32_t entity);

uint64_t asof_tile_store_rows(const struct asof_tile_store *store); /* kept */
uint64_t asof_tile_store_bytes(const struct asof_tile_store *store);

#endif
