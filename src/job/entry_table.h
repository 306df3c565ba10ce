/*
 * entry_table.h - rows of one key, copied out of batches into columns of their own. One thread at a
 * time.
 */
#ifndef ASOF_JOB_ENTRY_TABLE_H
#define ASOF_JOB_ENTRY_TABLE_H

#include "base/arena.h"
#include "model/column.h"

struct asof_entry_column;

/* Column i of the table is column first_column + i of the batches. */
struct asof_entry_table {
	struct asof_entry_column *builders;
	struct asof_column *columns; /* what has been added, ready to read; column_count of them */
	size_t column_count;
	size_t row_count;
	struct asof_arena arena; /* strings and list items of the rows */
};

ASOF_NODISCARD enum asof_status asof_entry_table_init(struct asof_entry_table *table,
						      const struct asof_type *types,
						      size_t column_count, struct asof_error *err);
void asof_entry_table_done(struct asof_entry_table *table);
/* Forget the rows, keep the room. */
void asof_entry_table_clear(struct asof_entry_table *table);
/* Copy row `row` of columns[0 .. column_count). table->columns is valid until the next change. */
ASOF_NODISCARD enum asof_status asof_entry_table_add(struct asof_entry_table *table,
						     const struct asof_column *columns, size_t row,
						     struct asof_error *err);
/*
 * Add a row whose first columns are row `row` of columns[0 .. from_columns), the rest `values`,
 * which are of the columns' types.
 */
ASOF_NODISCARD enum asof_status asof_entry_table_add_values(struct asof_entry_table *table,
							    const struct asof_column *columns,
							    size_t row, size_t from_columns,
							    const struct asof_value *values,
							    struct asof_error *err);

/*
 * Rows [first, first + count) as a batch over ret_columns (column_count of them, the caller's);
 * `first` is a multiple of 64. Thread-safe while the table does not change.
 */
struct asof_batch asof_entry_table_slice(const struct asof_entry_table *table, size_t first,
					 size_t count, struct asof_column *ret_columns);

#endif
