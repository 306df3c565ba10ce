/*
 * tile_store_part.h - columns that one worker appends rows to, all counted against one bound.
 *
 * A part is one growing array, so that large ones are moved by the system instead of copied and
 * given back to it when freed. Text is copied into the worker's own blocks and stays there.
 */
#ifndef ASOF_KERNEL_TILE_STORE_PART_H
#define ASOF_KERNEL_TILE_STORE_PART_H

#include <stdatomic.h>

#include "model/column.h"

/* Rows of all parts are numbered by chunks: see tile_store_gather.h. */
#define ASOF_TILE_CHUNK_ROWS ((size_t)16384)

/* Thread-safe. */
struct asof_tile_budget {
	_Atomic uint64_t used;
	uint64_t max; /* 0: no bound */
};

/* ASOF_LIMIT, and nothing counted, past the bound. */
ASOF_NODISCARD enum asof_status asof_tile_budget_take(struct asof_tile_budget *budget,
						      uint64_t bytes, struct asof_error *err);
void asof_tile_budget_give(struct asof_tile_budget *budget, uint64_t bytes);

struct asof_tile_text_block;

/* Text of one worker. All-zero is valid. */
struct asof_tile_text {
	struct asof_tile_text_block *blocks; /* newest first */
};

void asof_tile_text_done(struct asof_tile_text *text);

/* One thread at a time. */
struct asof_tile_part {
	struct asof_type type;
	size_t width;
	char *data;
	size_t count;
	size_t capacity;
	uint64_t *validity; /* NULL: no NULLs so far */
	size_t validity_capacity;
	struct asof_str *recent; /* of text: what was copied lately, by hash */
	struct asof_tile_part *child;
	uint64_t bytes; /* counted */
};

void asof_tile_part_init(struct asof_tile_part *part, struct asof_type type);
void asof_tile_part_done(struct asof_tile_part *part, struct asof_tile_budget *budget);

/* Which rows of a batch: rows[0 .. count), or first .. first + count where rows is NULL. */
struct asof_tile_rows {
	const uint32_t *rows;
	size_t first;
	size_t count;
};

ASOF_NODISCARD enum asof_status
asof_tile_part_append(struct asof_tile_part *part, const struct asof_column *from,
		      struct asof_tile_rows rows, struct asof_tile_text *text,
		      struct asof_tile_budget *budget, struct asof_error *err);

#endif
