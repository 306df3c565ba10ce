/* arena.c - memory of one job or request, taken from a few blocks and freed at once. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#define FIRST_BLOCK_BYTES ((size_t)4096)
#define BLOCK_BYTES_MAX   ((size_t)1 << 20)
#define ALIGNMENT         alignof(max_align_t)

struct asof_arena_block {
	struct asof_arena_block *next; /* older */
	size_t capacity;
	size_t used;
	alignas(max_align_t) char data[];
};

static void
free_blocks(struct asof_arena_block *block)
{
	while (block) {
		struct asof_arena_block *next = block->next;
		asof_mem_free(block);
		block = next;
	}
}

void
asof_arena_done(struct asof_arena *arena)
{
	free_blocks(arena->blocks);
	*arena = ASOF_ARENA(arena->max_bytes);
}

void
asof_arena_reset(struct asof_arena *arena)
{
	arena->used_bytes = 0;
	struct asof_arena_block *newest = arena->blocks;
	if (!newest)
		return;

	free_blocks(newest->next);
	newest->next = NULL;
	memset(newest->data, 0, newest->used);
	newest->used = 0;
}

/*
 * A block with room for `size`. One that `size` would half fill is for it alone and goes behind
 * the newest, whose rest stays in use.
 */
static struct asof_arena_block *
add_block(struct asof_arena *arena, size_t size)
{
	struct asof_arena_block *newest = arena->blocks;
	size_t capacity = newest ? newest->capacity * 2 : FIRST_BLOCK_BYTES;
	if (capacity > BLOCK_BYTES_MAX)
		capacity = BLOCK_BYTES_MAX;
	bool is_alone = size > capacity / 2;
	if (is_alone)
		capacity = size;

	struct asof_arena_block *block = asof_mem_alloc(sizeof(*block) + capacity);
	if (!block)
		return NULL;
	block->capacity = capacity;
	if (is_alone && newest) {
		block->next = newest->next;
		newest->next = block;
	} else {
		block->next = newest;
		arena->blocks = block;
	}
	return block;
}

void *
asof_arena_alloc(struct asof_arena *arena, size_t size)
{
	if (size > PTRDIFF_MAX / 2)
		return NULL;
	/* Nothing is one byte, so that every allocation has an address of its own. */
	size_t rounded = ((size ? size : 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (arena->max_bytes && (arena->used_bytes > arena->max_bytes ||
				 rounded > arena->max_bytes - arena->used_bytes))
		return NULL;

	struct asof_arena_block *block = arena->blocks;
	if (!block || rounded > block->capacity - block->used)
		block = add_block(arena, rounded);
	if (!block)
		return NULL;

	void *ptr = block->data + block->used;
	block->used += rounded;
	arena->used_bytes += rounded;
	return ptr;
}

void *
asof_arena_array(struct asof_arena *arena, size_t count, size_t elem_size)
{
	size_t size;
	if (__builtin_mul_overflow(count, elem_size, &size))
		return NULL;
	return asof_arena_alloc(arena, size);
}

char *
asof_arena_copy(struct asof_arena *arena, struct asof_str str)
{
	if (str.len == SIZE_MAX)
		return NULL;
	char *copy = asof_arena_alloc(arena, str.len + 1);
	if (copy && str.len > 0)
		memcpy(copy, str.ptr, str.len);
	return copy;
}

char *
asof_arena_printf(struct asof_arena *arena, const char *fmt, ...)
{
	va_list ap;
	va_list again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	char *text = len < 0 ? NULL : asof_arena_alloc(arena, (size_t)len + 1);
	if (text)
		(void)vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}
