/*
 * text_table.h - rows of cells as an aligned table for people. One thread at a time.
 *
 * A column whose cells are all numbers (or absent) is aligned to the right. A table longer than
 * memory is printed in parts: the widths of the first part are kept.
 */
#ifndef ASOF_CLI_TEXT_TABLE_H
#define ASOF_CLI_TEXT_TABLE_H

#include <stdio.h>

#include "base/arena.h"

enum asof_cell_kind {
	ASOF_CELL_TEXT,
	ASOF_CELL_NUMBER, /* aligned to the right */
	ASOF_CELL_ABSENT, /* NULL: says nothing about its column */
};

struct asof_text_cell {
	enum asof_cell_kind kind;
	struct asof_str text; /* cleaned */
	size_t width;
};

struct asof_text_table {
	struct asof_arena arena;     /* of the heads and widths */
	struct asof_arena row_arena; /* of the rows that are not yet printed */
	size_t column_count;
	struct asof_text_cell *heads;
	size_t *widths;
	bool *is_right;
	bool is_started;              /* heads were printed */
	struct asof_text_cell *cells; /* row by row */
	size_t cell_count;
	size_t cell_capacity;
};

/* How the stream shows it. All-zero: no limit, no style. */
struct asof_text_style {
	size_t width; /* 0: no limit */
	bool has_colour;
	bool is_utf8;
};

void asof_text_table_done(struct asof_text_table *table);
/* `heads` are copied. */
ASOF_NODISCARD enum asof_status asof_text_table_init(struct asof_text_table *table,
						     const char *const *heads, size_t column_count,
						     struct asof_error *err);
/* Add the next cell, row by row; copied and cleaned. */
ASOF_NODISCARD enum asof_status asof_text_table_add(struct asof_text_table *table,
						    enum asof_cell_kind kind, struct asof_str text,
						    struct asof_error *err);
size_t asof_text_table_row_count(const struct asof_text_table *table);
/* Print the heads, unless that was done, and the whole rows there are, and forget those rows. */
void asof_text_table_print(struct asof_text_table *table, const struct asof_text_style *style,
			   FILE *out);

#endif
