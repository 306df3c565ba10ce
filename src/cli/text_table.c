/* text_table.c - rows of cells as an aligned table for people. */
#include "cli/text_table.h"

#include <assert.h>

#include "cli/text_width.h"

#define GAP         2
#define CELL_MAX    4096 /* bytes of a cell that are shown */
#define WIDTH_LEAST 8    /* a column is not made narrower than that */

void
asof_text_table_done(struct asof_text_table *table)
{
	asof_arena_done(&table->arena);
	asof_arena_done(&table->row_arena);
	asof_mem_free(table->cells);
	*table = (struct asof_text_table){ 0 };
}

static enum asof_status
make_cell(struct asof_arena *arena, enum asof_cell_kind kind, struct asof_str text,
	  struct asof_text_cell *ret_cell, struct asof_error *err)
{
	if (text.len > CELL_MAX)
		text.len = asof_text_prefix((struct asof_str){ text.ptr, CELL_MAX }, CELL_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(CELL_MAX * 4 + 1);
	asof_text_clean(text, &buf);
	ASOF_TRY(asof_buf_status(&buf, err));
	const char *copy = asof_arena_copy(arena, asof_buf_view(&buf));
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a cell of %zu bytes", buf.len);
	struct asof_str clean = { copy, buf.len };
	*ret_cell = (struct asof_text_cell){ kind, clean, asof_text_width(clean) };
	return ASOF_OK;
}

enum asof_status
asof_text_table_init(struct asof_text_table *table, const char *const *heads, size_t column_count,
		     struct asof_error *err)
{
	*table = (struct asof_text_table){ .column_count = column_count };
	table->heads = asof_arena_array(&table->arena, column_count, sizeof(*table->heads));
	table->widths = asof_arena_array(&table->arena, column_count, sizeof(*table->widths));
	table->is_right = asof_arena_array(&table->arena, column_count, sizeof(*table->is_right));
	if (!table->heads || !table->widths || !table->is_right)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", column_count);
	for (size_t i = 0; i < column_count; i++)
		ASOF_TRY(make_cell(&table->arena, ASOF_CELL_TEXT, asof_str_from(heads[i]),
				   &table->heads[i], err));
	return ASOF_OK;
}

enum asof_status
asof_text_table_add(struct asof_text_table *table, enum asof_cell_kind kind, struct asof_str text,
		    struct asof_error *err)
{
	assert(table->column_count > 0);

	void *cells = table->cells;
	ASOF_TRY(asof_mem_reserve(&cells, &table->cell_capacity, table->cell_count + 1,
				  sizeof(*table->cells), err));
	table->cells = cells;
	ASOF_TRY(make_cell(&table->row_arena, kind, text, &table->cells[table->cell_count], err));
	table->cell_count++;
	return ASOF_OK;
}

size_t
asof_text_table_row_count(const struct asof_text_table *table)
{
	return table->column_count > 0 ? table->cell_count / table->column_count : 0;
}

static void
measure(struct asof_text_table *table)
{
	size_t row_count = asof_text_table_row_count(table);
	for (size_t i = 0; i < table->column_count; i++) {
		bool has_number = false;
		bool has_text = false;
		table->widths[i] = table->heads[i].width;
		for (size_t row = 0; row < row_count; row++) {
			const struct asof_text_cell *cell =
				&table->cells[row * table->column_count + i];
			has_number = has_number || cell->kind == ASOF_CELL_NUMBER;
			has_text = has_text || cell->kind == ASOF_CELL_TEXT;
			if (cell->width > table->widths[i])
				table->widths[i] = cell->width;
		}
		table->is_right[i] = has_number && !has_text;
	}
}

/* Make the widest columns narrower until the table fits, as far as that goes. */
static void
fit(struct asof_text_table *table, size_t limit)
{
	size_t total = table->column_count > 0 ? (table->column_count - 1) * GAP : 0;
	for (size_t i = 0; i < table->column_count; i++)
		total += table->widths[i];
	while (total > limit) {
		size_t widest = 0;
		for (size_t i = 1; i < table->column_count; i++) {
			if (table->widths[i] >= table->widths[widest])
				widest = i;
		}
		if (table->widths[widest] <= WIDTH_LEAST)
			return;
		table->widths[widest]--;
		total--;
	}
}

static void
print_spaces(size_t count, FILE *out)
{
	(void)fprintf(out, "%*s", (int)count, "");
}

static const char *
cut_mark(const struct asof_text_style *style)
{
	return style->is_utf8 ? "\u2026" : "~";
}

/* A cell in its column. What does not fit is cut only where the stream has a width. */
static void
print_cell(const struct asof_text_cell *cell, size_t width, bool is_right, bool is_last,
	   const struct asof_text_style *style, FILE *out)
{
	bool is_cut = style->width > 0 && cell->width > width;
	struct asof_str text = cell->text;
	size_t used = cell->width;
	if (is_cut) {
		text.len = asof_text_prefix(text, width - 1);
		used = asof_text_width(text) + 1;
	}
	size_t padding = used < width ? width - used : 0;
	if (is_right)
		print_spaces(padding, out);
	(void)fwrite(text.ptr, 1, text.len, out);
	if (is_cut)
		(void)fputs(cut_mark(style), out);
	if (!is_right && !is_last)
		print_spaces(padding, out);
}

static void
print_row(const struct asof_text_table *table, const struct asof_text_cell *cells,
	  const struct asof_text_style *style, FILE *out)
{
	size_t used = 0;
	for (size_t i = 0; i < table->column_count; i++) {
		bool is_last = i + 1 == table->column_count;
		size_t room = style->width > used ? style->width - used : 0;
		if (style->width > 0 && table->widths[i] + (is_last ? 0 : GAP) > room) {
			if (room > 0)
				(void)fputs(cut_mark(style), out);
			break;
		}
		print_cell(&cells[i], table->widths[i], table->is_right[i], is_last, style, out);
		if (!is_last)
			print_spaces(GAP, out);
		used += table->widths[i] + GAP;
	}
}

void
asof_text_table_print(struct asof_text_table *table, const struct asof_text_style *style, FILE *out)
{
	if (!table->is_started) {
		measure(table);
		if (style->width > 0)
			fit(table, style->width);
		if (style->has_colour)
			(void)fputs("\033[1m", out);
		print_row(table, table->heads, style, out);
		if (style->has_colour)
			(void)fputs("\033[0m", out);
		(void)fputc('\n', out);
		table->is_started = true;
	}
	size_t row_count = asof_text_table_row_count(table);
	for (size_t row = 0; row < row_count; row++) {
		print_row(table, &table->cells[row * table->column_count], style, out);
		(void)fputc('\n', out);
	}
	table->cell_count = 0;
	asof_arena_reset(&table->row_arena);
}
