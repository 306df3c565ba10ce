/* tile_build_rows.c - rows that are kept as they are: of plain views and of `step: event`. */
#include "kernel/tile_build_impl.h"

#define WORD_BITS 32

static size_t
align_to(size_t at, size_t alignment)
{
	return (at + alignment - 1) / alignment * alignment;
}

static struct asof_type
value_type(const struct asof_tile_build_options *options, size_t i)
{
	return options->layout ? options->layout->columns[i].type : options->view->outputs[i].type;
}

enum asof_status
asof_build_rows_init(struct asof_build_rows *rows, const struct asof_tile_build_options *options,
		     struct asof_arena *arena, struct asof_error *err)
{
	rows->count = options->layout ? options->layout->column_count : options->view->output_count;
	rows->has_created = options->view->source->created_time.text != NULL;
	rows->fields = asof_arena_array(arena, rows->count, sizeof(*rows->fields));
	if (!rows->fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", rows->count);
	rows->valid_words = (rows->count + WORD_BITS - 1) / WORD_BITS;
	rows->event_offset = align_to((1 + rows->valid_words) * sizeof(uint32_t), sizeof(int64_t));
	rows->width = rows->event_offset + (rows->has_created ? 3 : 2) * sizeof(int64_t);
	for (size_t i = 0; i < rows->count; i++) {
		struct asof_build_field *field = &rows->fields[i];
		field->type = value_type(options, i);
		field->width = asof_column_width(field->type);
		field->offset = align_to(rows->width, field->width < 8 ? field->width : 8);
		rows->width = field->offset + field->width;
	}
	rows->width = align_to(rows->width, sizeof(int64_t));
	return ASOF_OK;
}

/* ---- taking ---- */

struct row_times {
	int64_t event_us;
	int64_t order;
	int64_t created_us; /* where there is one */
};

static void
take_heads(const struct asof_build_rows *rows, const struct asof_build_batch *b)
{
	size_t size = (rows->has_created ? 3 : 2) * sizeof(int64_t);
	for (size_t i = 0; i < b->count; i++) {
		uint32_t row = b->rows[i];
		struct row_times times = { b->event_us[row], b->orders[row], b->created_us[row] };
		memcpy(b->records[i], &b->entities[i], sizeof(uint32_t));
		memcpy(b->records[i] + rows->event_offset, &times, size);
	}
}

/* Which of the rows have a value, marked. */
static size_t
take_valid(const struct asof_build_batch *b, const struct asof_column *column, size_t field)
{
	size_t word = (1 + field / WORD_BITS) * sizeof(uint32_t);
	uint32_t bit = UINT32_C(1) << (field % WORD_BITS);
	size_t count = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (asof_column_is_null(column, b->rows[i]))
			continue;
		uint32_t bits;
		memcpy(&bits, b->records[i] + word, sizeof(bits));
		bits |= bit;
		memcpy(b->records[i] + word, &bits, sizeof(bits));
		b->valid[count++] = (uint32_t)i;
	}
	return count;
}

#define TAKE(width)                                                                                \
	static void take_##width(const struct asof_build_batch *b, size_t count, const char *data, \
				 size_t offset)                                                    \
	{                                                                                          \
		for (size_t i = 0; i < count; i++) {                                               \
			uint32_t at = b->valid[i];                                                 \
			memcpy(b->records[at] + offset, data + (size_t)b->rows[at] * width,        \
			       width);                                                             \
		}                                                                                  \
	}
TAKE(1)
TAKE(4)
TAKE(8)
TAKE(16)

static void
take_plain(const struct asof_build_field *field, const struct asof_build_batch *b, size_t count,
	   const struct asof_column *column)
{
	switch (field->width) {
	case 1:
		take_1(b, count, column->data, field->offset);
		break;
	case 4:
		take_4(b, count, column->data, field->offset);
		break;
	case 8:
		take_8(b, count, column->data, field->offset);
		break;
	default:
		take_16(b, count, column->data, field->offset);
	}
}

static enum asof_status
take_field(const struct asof_build_field *field, struct asof_build_store *store,
	   const struct asof_build_batch *b, size_t count, const struct asof_column *column,
	   struct asof_error *err)
{
	bool is_text = asof_build_is_text(field->type);
	if (!is_text && !asof_build_is_list(field->type)) {
		take_plain(field, b, count, column);
		return ASOF_OK;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t row = b->rows[b->valid[i]];
		char *at = b->records[b->valid[i]] + field->offset;
		if (is_text) {
			struct asof_str text = ((const struct asof_str *)column->data)[row];
			ASOF_TRY(asof_build_store_text(store, text, &text, err));
			memcpy(at, &text, sizeof(text));
		} else {
			struct asof_build_slot slot = { 0 };
			ASOF_TRY(asof_build_slot_set(store, &slot, column, row, err));
			memcpy(at, &slot, sizeof(slot));
		}
	}
	return ASOF_OK;
}

enum asof_status
asof_build_rows_take(const struct asof_build_rows *rows, struct asof_build_worker *worker,
		     const struct asof_build_batch *batch, struct asof_error *err)
{
	take_heads(rows, batch);
	for (size_t i = 0; i < rows->count; i++) {
		const struct asof_column *column = &batch->values[i];
		size_t count = take_valid(batch, column, i);
		ASOF_TRY(take_field(&rows->fields[i], &worker->store, batch, count, column, err));
	}
	return ASOF_OK;
}

/* ---- a part's rows as columns ---- */

static int64_t
time_at(const struct asof_build_rows *rows, const char *rec, size_t which)
{
	int64_t value;
	memcpy(&value, rec + rows->event_offset + which * sizeof(value), sizeof(value));
	return value;
}

/* By created time, then order; of one entity and event. */
int
asof_build_rows_compare(const void *context, const char *a, const char *b)
{
	const struct asof_build_rows *rows = context;
	if (rows->has_created) {
		int64_t left = time_at(rows, a, 2);
		int64_t right = time_at(rows, b, 2);
		if (left != right)
			return left < right ? -1 : 1;
	}
	int64_t left = time_at(rows, a, 1);
	int64_t right = time_at(rows, b, 1);
	return (left > right) - (left < right);
}

static const uint64_t *
fill_validity(const struct asof_build_item *items, size_t count, size_t field, uint64_t *validity)
{
	size_t word = (1 + field / WORD_BITS) * sizeof(uint32_t);
	size_t valid = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t bits;
		memcpy(&bits, items[i].rec + word, sizeof(bits));
		uint64_t bit = bits >> (field % WORD_BITS) & 1;
		validity[i / 64] |= bit << (i % 64);
		valid += bit;
	}
	return valid == count ? NULL : validity;
}

static void
fill_column(const struct asof_build_item *items, size_t count, const struct asof_build_field *field,
	    char *out)
{
	size_t offset = field->offset;
	switch (field->width) {
	case 1:
		for (size_t i = 0; i < count; i++)
			out[i] = items[i].rec[offset];
		break;
	case 4:
		for (size_t i = 0; i < count; i++)
			memcpy(out + i * 4, items[i].rec + offset, 4);
		break;
	case 8:
		for (size_t i = 0; i < count; i++)
			memcpy(out + i * 8, items[i].rec + offset, 8);
		break;
	default:
		for (size_t i = 0; i < count; i++)
			memcpy(out + i * 16, items[i].rec + offset, 16);
	}
}

static char *
cut(char **at, size_t size)
{
	char *cut = *at;
	*at += align_to(size, 16);
	return cut;
}

/* What the columns of `count` rows take. */
static size_t
columns_size(const struct asof_build_rows *rows, size_t count)
{
	size_t words = align_to((count + 63) / 64 * sizeof(uint64_t), 16);
	size_t size = 3 * align_to(count * sizeof(int64_t), 16);
	for (size_t i = 0; i < rows->count; i++)
		size += align_to(count * rows->fields[i].width, 16) + words;
	return size + 2 * align_to(rows->count * sizeof(void *), 16);
}

static void
fill_times(const struct asof_build_rows *rows, const struct asof_build_item *items, size_t count,
	   char **at, struct asof_build_result *result)
{
	int64_t *event_us = (int64_t *)cut(at, count * sizeof(int64_t));
	int64_t *orders = (int64_t *)cut(at, count * sizeof(int64_t));
	int64_t *created_us =
		rows->has_created ? (int64_t *)cut(at, count * sizeof(int64_t)) : NULL;
	for (size_t i = 0; i < count; i++) {
		event_us[i] = items[i].first;
		orders[i] = time_at(rows, items[i].rec, 1);
		if (created_us)
			created_us[i] = time_at(rows, items[i].rec, 2);
	}
	result->event_us = event_us;
	result->orders = orders;
	result->created_us = created_us;
}

enum asof_status
asof_build_rows_finish(const struct asof_build_rows *rows, struct asof_build_memory *memory,
		       const struct asof_build_item *items, struct asof_build_result *result,
		       struct asof_error *err)
{
	size_t count = result->row_count;
	ASOF_TRY(asof_build_reserve(memory, &result->columns_memory, columns_size(rows, count),
				    err));
	char *at = result->columns_memory.data;
	result->columns = (const char **)cut(&at, rows->count * sizeof(void *));
	result->validity = (const uint64_t **)cut(&at, rows->count * sizeof(void *));
	fill_times(rows, items, count, &at, result);
	for (size_t i = 0; i < rows->count; i++) {
		char *data = cut(&at, count * rows->fields[i].width);
		char *validity = cut(&at, (count + 63) / 64 * sizeof(uint64_t));
		fill_column(items, count, &rows->fields[i], data);
		result->columns[i] = data;
		result->validity[i] = fill_validity(items, count, i, (uint64_t *)validity);
	}
	return ASOF_OK;
}

/* ---- reading ---- */

static void
copy_validity(const uint64_t *from, size_t at, uint64_t *to, size_t first, size_t count)
{
	if (!from) {
		asof_build_mark(to, first, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t bit = from[(at + i) / 64] >> ((at + i) % 64) & 1;
		to[(first + i) / 64] |= bit << ((first + i) % 64);
	}
}

static enum asof_status
read_lists(const char *data, const uint64_t *validity, size_t at, size_t count, size_t first,
	   size_t column, struct asof_block *block, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct asof_build_slot slot;
		if (validity && !(validity[(at + i) / 64] >> ((at + i) % 64) & 1))
			continue;
		memcpy(&slot, data + (at + i) * sizeof(slot), sizeof(slot));
		ASOF_TRY(asof_build_slot_read(&slot, block, column, first + i, err));
	}
	return ASOF_OK;
}

static void
copy_numbers(const void *from, size_t width, size_t at, size_t count, size_t first, size_t column,
	     struct asof_block *block)
{
	memcpy((char *)block->data[column] + first * width, (const char *)from + at * width,
	       count * width);
}

static void
read_times(const struct asof_build_result *result, size_t at, size_t count, size_t first,
	   size_t column, int64_t created_us, struct asof_block *block)
{
	copy_numbers(result->event_us, sizeof(int64_t), at, count, first, column, block);
	asof_build_mark(block->validity[column], first, count);
	asof_build_mark(block->validity[column + 1], first, count);
	if (result->created_us) {
		copy_numbers(result->created_us, sizeof(int64_t), at, count, first, column + 1,
			     block);
		return;
	}
	int64_t *created = block->data[column + 1];
	for (size_t i = first; i < first + count; i++)
		created[i] = created_us;
}

enum asof_status
asof_build_rows_read(const struct asof_build_rows *rows, const struct asof_build_result *result,
		     const struct asof_build_piece *piece, struct asof_block *block,
		     struct asof_error *err)
{
	size_t at = piece->at;
	size_t count = piece->count;
	size_t first = piece->first;
	size_t column = piece->column;
	read_times(result, at, count, first, column, piece->created_us, block);
	column += 2;
	for (size_t i = 0; i < rows->count; i++, column++) {
		if (asof_build_is_list(rows->fields[i].type)) {
			ASOF_TRY(read_lists(result->columns[i], result->validity[i], at, count,
					    first, column, block, err));
			continue;
		}
		copy_numbers(result->columns[i], rows->fields[i].width, at, count, first, column,
			     block);
		copy_validity(result->validity[i], at, block->validity[column], first, count);
	}
	copy_numbers(result->orders, sizeof(int64_t), at, count, first, column, block);
	asof_build_mark(block->validity[column], first, count);
	return ASOF_OK;
}
