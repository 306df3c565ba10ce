/*
 * tile_store_sort.h - the rows of one entity put in (event, created, order). Pure.
 *
 * Rows that are sorted already, as the lake keeps them, cost one look; others a radix sort, linear
 * whatever their number and values.
 */
#ifndef ASOF_KERNEL_TILE_STORE_SORT_H
#define ASOF_KERNEL_TILE_STORE_SORT_H

#include "kernel/tile_store_part.h"

struct asof_tile_sort_item {
	uint64_t key;
	uint32_t at;
};

/* Used again from entity to entity; all-zero is valid. One thread at a time. */
struct asof_tile_sort {
	struct asof_tile_sort_item *items; /* twice `capacity` of them */
	size_t capacity;
};

void asof_tile_sort_done(struct asof_tile_sort *sort);

/* A key that decides between rows of one event only, and so is read where it stands: by id. */
struct asof_tile_sort_tie {
	const int64_t *const *chunks; /* NULL: all the same */
};

/* Rows of one entity. */
struct asof_tile_sort_rows {
	int64_t *event_us;
	uint32_t *ids; /* moved along */
	size_t count;
	struct asof_tile_sort_tie created;
	struct asof_tile_sort_tie order;
};

bool asof_tile_sort_is_sorted(const struct asof_tile_sort_rows *rows);
/* Stable. Room for rows->count rows is the caller's to make: asof_tile_sort_bytes(). */
void asof_tile_sort_run(struct asof_tile_sort *sort, const struct asof_tile_sort_rows *rows);

uint64_t asof_tile_sort_bytes(size_t count);
/* `count` > capacity; on failure there is no room at all. */
ASOF_NODISCARD enum asof_status asof_tile_sort_reserve(struct asof_tile_sort *sort, size_t count,
						       struct asof_error *err);

#endif
