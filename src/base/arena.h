/*
 * arena.h - memory of one job or request: many small allocations, freed at once.
 *
 * All-zero is a valid empty arena without a limit; sizes count rounded up to 16. One thread at a
 * time.
 */
#ifndef ASOF_ARENA_H
#define ASOF_ARENA_H

#include "base/base.h"

struct asof_arena_block;

struct asof_arena {
	struct asof_arena_block *blocks; /* newest first */
	size_t used_bytes;               /* handed out, for statistics and the limit */
	size_t max_bytes;                /* 0: no limit */
};

#define ASOF_ARENA(max) ((struct asof_arena){ .max_bytes = (max) })

void asof_arena_done(struct asof_arena *arena);
/* Free everything but the newest block, which is used again. */
void asof_arena_reset(struct asof_arena *arena);

/* Zeroed and aligned for any type; NULL on exhaustion or past the limit. */
void *asof_arena_alloc(struct asof_arena *arena, size_t size);
/* As above for `count` elements; NULL also when the product does not fit size_t. */
void *asof_arena_array(struct asof_arena *arena, size_t count, size_t elem_size);
/* A NUL-terminated copy; NULL on exhaustion. */
char *asof_arena_copy(struct asof_arena *arena, struct asof_str str);
char *asof_arena_printf(struct asof_arena *arena, const char *fmt, ...) ASOF_PRINTF(2, 3);

#endif
