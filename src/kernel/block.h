/*
 * block.h - columns of ours to be filled: room for a fixed number of rows, used again and again.
 *
 * One thread at a time. A row that is not set since the last reset is NULL. Text is borrowed from
 * whoever set it, items of lists are copied.
 */
#ifndef ASOF_KERNEL_BLOCK_H
#define ASOF_KERNEL_BLOCK_H

#include "base/arena.h"
#include "model/column.h"

/* The items of a column of lists: what its spans are over. */
struct asof_block_items {
	struct asof_column column; /* what the column's child points to */
	uint64_t *validity;        /* the same words as column.validity, to be written */
	void *data;                /* the same as column.data, to be written */
	size_t count;              /* items since the last reset */
	size_t capacity;
	size_t word_capacity;
};

struct asof_block {
	struct asof_column *columns; /* borrowed by readers until the next change */
	uint64_t **validity;         /* the same words as columns[i].validity, to be written */
	void **data;                 /* the same as columns[i].data, to be written */
	size_t column_count;
	size_t capacity;                /* rows */
	struct asof_block_items *items; /* per column; of lists and vectors only */
	struct asof_arena arena;        /* what values borrow since the last reset */
	struct asof_arena memory;       /* the arrays */
};

/* `capacity` is a multiple of 64. Types are those of model/type.h, lists and vectors included. */
ASOF_NODISCARD enum asof_status asof_block_init(struct asof_block *block,
						const struct asof_type *types, size_t column_count,
						size_t capacity, struct asof_error *err);
/* All-zero is a no-op. */
void asof_block_done(struct asof_block *block);
/* Make rows [0, row_count) of all columns NULL and forget items of lists. */
void asof_block_reset(struct asof_block *block, size_t row_count);

/* Bytes of a block of such columns, without text and items. */
uint64_t asof_block_bytes(const struct asof_type *types, size_t column_count, size_t capacity);

/* data[column][row] has been written: it is not NULL. */
static inline void
asof_block_mark(struct asof_block *block, size_t column, size_t row)
{
	block->validity[column][row / 64] |= UINT64_C(1) << (row % 64);
}

/*
 * A list of `count` items at data[column][row], marked: none of them is NULL, and their values are
 * to be written from index *ret_first of items[column].data on (text is borrowed). An item is made
 * NULL in items[column].validity.
 */
ASOF_NODISCARD enum asof_status asof_block_add_list(struct asof_block *block, size_t column,
						    size_t row, size_t count, size_t *ret_first,
						    struct asof_error *err);

/* Any value of the column's type, NULL too. */
ASOF_NODISCARD enum asof_status asof_block_set(struct asof_block *block, size_t column, size_t row,
					       const struct asof_value *value,
					       struct asof_error *err);

#endif
