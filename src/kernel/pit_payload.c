/* pit_payload.c - values of a kept row as bytes: fixed widths in place, texts and lists in pools.
 */
#include "kernel/pit_impl.h"

#include <assert.h>

#define SIZE_CLASS_MIN    5
#define CHUNK_BYTES_FIRST ((size_t)4 << 10)
#define CHUNK_BYTES_MAX   ((size_t)1 << 20)
#define TEXT_BYTES_MAX    ((size_t)UINT32_MAX)

struct asof_pit_chunk {
	struct asof_pit_chunk *next; /* older */
	size_t capacity;
	char data[];
};

static enum asof_pit_form
form_of(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		return ASOF_PIT_LIST;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		return ASOF_PIT_TEXT;
	default:
		break;
	}
	switch (asof_column_width(type)) {
	case 1:
		return ASOF_PIT_FIXED_1;
	case 4:
		return ASOF_PIT_FIXED_4;
	case 8:
		return ASOF_PIT_FIXED_8;
	default:
		return ASOF_PIT_FIXED_16;
	}
}

static size_t
width_of(enum asof_pit_form form)
{
	static const size_t widths[] = {
		[ASOF_PIT_FIXED_1] = 1,
		[ASOF_PIT_FIXED_4] = 4,
		[ASOF_PIT_FIXED_8] = 8,
		[ASOF_PIT_FIXED_16] = 16,
		[ASOF_PIT_TEXT] = sizeof(struct asof_pit_text),
		[ASOF_PIT_LIST] = sizeof(struct asof_pit_text),
	};
	return widths[form];
}
_Static_assert(sizeof(struct asof_pit_text) == 16, "as wide as a fixed width");

/* The bits of -0.0; of what is no float, of 0. */
static uint64_t
negative_zero_of(struct asof_type type)
{
	if (type.kind == ASOF_TYPE_FLOAT64)
		return UINT64_C(1) << 63;
	return type.kind == ASOF_TYPE_FLOAT32 ? UINT64_C(1) << 31 : 0;
}

/* The event and ties, then wide ones first: each lies at a multiple of its width, or of 8. */
void
asof_pit_lay_out(struct asof_pit *pit)
{
	size_t offset = (1 + pit->tie_count) * sizeof(int64_t);
	pit->is_all_8 = true;
	for (size_t width = 16; width >= 1; width /= 2) {
		for (size_t i = 0; i < pit->place_count; i++) {
			struct asof_pit_place *place = &pit->places[i];
			place->form = form_of(place->output.type);
			place->negative_zero = negative_zero_of(place->output.type);
			pit->is_all_8 = pit->is_all_8 && place->form == ASOF_PIT_FIXED_8;
			if (width_of(place->form) != width)
				continue;
			place->offset = offset;
			offset += width;
		}
	}
	pit->record_bytes = (offset + 7) / 8 * 8;
	pit->null_bytes = (pit->place_count + 7) / 8;
}

static size_t
class_of(size_t size)
{
	size_t size_class = SIZE_CLASS_MIN;
	while ((size_t)1 << size_class < size)
		size_class++;
	return size_class;
}

static enum asof_status
add_chunk(struct asof_pit *pit, struct asof_pit_pool *pool, size_t size, struct asof_error *err)
{
	size_t capacity = pool->chunks ? pool->chunks->capacity * 2 : CHUNK_BYTES_FIRST;
	if (capacity > CHUNK_BYTES_MAX)
		capacity = CHUNK_BYTES_MAX;
	if (capacity < size)
		capacity = size;
	struct asof_pit_chunk *chunk;
	ASOF_TRY(asof_budget_alloc(&pit->budget, 1, sizeof(*chunk) + capacity, (void **)&chunk,
				   err));
	chunk->capacity = capacity;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->used = 0;
	return ASOF_OK;
}

static enum asof_status
alloc_block(struct asof_pit *pit, struct asof_pit_pool *pool, size_t size_class, char **ret_block,
	    struct asof_error *err)
{
	char *block = pool->free_blocks[size_class];
	if (block) {
		memcpy(&pool->free_blocks[size_class], block, sizeof(block));
		*ret_block = block;
		return ASOF_OK;
	}
	size_t size = (size_t)1 << size_class;
	if (!pool->chunks || size > pool->chunks->capacity - pool->used)
		ASOF_TRY(add_chunk(pit, pool, size, err));
	*ret_block = pool->chunks->data + pool->used;
	pool->used += size;
	return ASOF_OK;
}

static void
free_block(struct asof_pit_pool *pool, size_t size_class, char *block)
{
	memcpy(block, &pool->free_blocks[size_class], sizeof(block));
	pool->free_blocks[size_class] = block;
}

void
asof_pit_pool_done(struct asof_pit_pool *pool)
{
	while (pool->chunks) {
		struct asof_pit_chunk *chunk = pool->chunks;
		pool->chunks = chunk->next;
		asof_mem_free(chunk);
	}
}

static char *
pointer_of(const struct asof_pit_text *text)
{
	char *pointer;
	memcpy(&pointer, text->pointer, sizeof(pointer));
	return pointer;
}

struct asof_str
asof_pit_text_view(const struct asof_pit_text *text)
{
	bool is_inline = text->size <= sizeof(text->bytes);
	return (struct asof_str){ is_inline ? text->bytes : pointer_of(text), text->size };
}

/* Room for `size` bytes in place of what the text was; its old block if that is as large. */
static enum asof_status
resize_text(struct asof_pit *pit, struct asof_pit_pool *pool, struct asof_pit_text *text,
	    size_t size, char **ret_bytes, struct asof_error *err)
{
	if (size > TEXT_BYTES_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "a value of %zu bytes is longer than %zu", size,
				 TEXT_BYTES_MAX);
	bool had_block = text->size > sizeof(text->bytes);
	bool needs_block = size > sizeof(text->bytes);
	size_t size_class = class_of(size);
	if (had_block && needs_block && text->size_class == size_class) {
		text->size = (uint32_t)size;
		*ret_bytes = pointer_of(text);
		return ASOF_OK;
	}
	char *block = NULL;
	if (needs_block)
		ASOF_TRY(alloc_block(pit, pool, size_class, &block, err));
	if (had_block)
		free_block(pool, text->size_class, pointer_of(text));
	text->size = (uint32_t)size;
	*ret_bytes = text->bytes;
	if (needs_block) {
		text->size_class = (uint32_t)size_class;
		memcpy(text->pointer, &block, sizeof(block));
		*ret_bytes = block;
	}
	return ASOF_OK;
}

static enum asof_status
write_text(struct asof_pit *pit, struct asof_pit_pool *pool, struct asof_pit_text *text,
	   struct asof_str value, struct asof_error *err)
{
	char *bytes;
	ASOF_TRY(resize_text(pit, pool, text, value.len, &bytes, err));
	if (value.len > 0)
		memcpy(bytes, value.ptr, value.len);
	return ASOF_OK;
}

/*
 * A list as bytes: how many items; a bit for each, set where it is not NULL; then the items, fixed
 * widths as they stand in a column, texts as their lengths (8 bytes each) and then their bytes.
 */
static bool
is_text_item(const struct asof_column *child)
{
	return form_of(child->type) == ASOF_PIT_TEXT;
}

static size_t
list_bytes(const struct asof_column *child, struct asof_span span)
{
	size_t size = sizeof(uint64_t) + (span.length + 7) / 8;
	if (!is_text_item(child))
		return size + span.length * asof_column_width(child->type);
	const struct asof_str *items = child->data;
	for (size_t i = span.offset; i < span.offset + span.length; i++) {
		bool is_null = asof_column_is_null(child, i);
		size += sizeof(uint64_t) + (is_null ? 0 : items[i].len);
	}
	return size;
}

static void
write_text_items(const struct asof_column *child, struct asof_span span, char *to)
{
	const struct asof_str *items = child->data;
	char *bytes = to + span.length * sizeof(uint64_t);
	for (size_t i = 0; i < span.length; i++) {
		bool is_null = asof_column_is_null(child, span.offset + i);
		const struct asof_str *item = &items[span.offset + i];
		uint64_t length = is_null ? 0 : item->len;
		memcpy(to + i * sizeof(length), &length, sizeof(length));
		if (length > 0)
			memcpy(bytes, item->ptr, length);
		bytes += length;
	}
}

static enum asof_status
write_list(struct asof_pit *pit, struct asof_pit_pool *pool, struct asof_pit_text *text,
	   const struct asof_column *column, size_t row, struct asof_error *err)
{
	const struct asof_column *child = column->child;
	struct asof_span span = ((const struct asof_span *)column->data)[row];
	if (span.length > TEXT_BYTES_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "a list of %zu items is longer than %zu",
				 (size_t)span.length, TEXT_BYTES_MAX);
	char *to;
	ASOF_TRY(resize_text(pit, pool, text, list_bytes(child, span), &to, err));
	memcpy(to, &span.length, sizeof(span.length));
	to += sizeof(span.length);
	size_t bit_bytes = (span.length + 7) / 8;
	memset(to, 0, bit_bytes);
	for (size_t i = 0; i < span.length; i++) {
		if (!asof_column_is_null(child, span.offset + i))
			to[i / 8] = (char)(to[i / 8] | 1 << (i % 8));
	}
	to += bit_bytes;
	if (is_text_item(child)) {
		write_text_items(child, span, to);
	} else if (span.length > 0) {
		size_t width = asof_column_width(child->type);
		memcpy(to, (const char *)child->data + span.offset * width, span.length * width);
	}
	return ASOF_OK;
}

static void
read_text_items(const char *from, size_t count, struct asof_str *items)
{
	const char *bytes = from + count * sizeof(uint64_t);
	for (size_t i = 0; i < count; i++) {
		uint64_t length;
		memcpy(&length, from + i * sizeof(length), sizeof(length));
		items[i] = (struct asof_str){ bytes, length };
		bytes += length;
	}
}

enum asof_status
asof_pit_read_list(struct asof_str bytes, struct asof_block *block, size_t column, size_t row,
		   struct asof_error *err)
{
	uint64_t count;
	memcpy(&count, bytes.ptr, sizeof(count));
	size_t first;
	ASOF_TRY(asof_block_add_list(block, column, row, count, &first, err));
	if (count == 0)
		return ASOF_OK;
	struct asof_block_items *items = &block->items[column];
	const char *bits = bytes.ptr + sizeof(count);
	for (size_t i = 0; i < count; i++) {
		size_t at = first + i;
		if (!(bits[i / 8] >> (i % 8) & 1))
			items->validity[at / 64] &= ~(UINT64_C(1) << (at % 64));
	}
	const char *from = bits + (count + 7) / 8;
	if (is_text_item(&items->column)) {
		read_text_items(from, count, (struct asof_str *)items->data + first);
	} else {
		size_t width = asof_column_width(items->column.type);
		memcpy((char *)items->data + first * width, from, count * width);
	}
	return ASOF_OK;
}

/* 8 bytes. -0.0 becomes 0.0: which of two equal ones is kept would hang on their order. */
static void
write_word(const struct asof_pit_place *place, char *to, const struct asof_column *column,
	   size_t row)
{
	uint64_t word = ((const uint64_t *)column->data)[row];
	word = word == place->negative_zero ? 0 : word;
	memcpy(to, &word, sizeof(word));
}

static enum asof_status
write_value(struct asof_pit *pit, struct asof_pit_pool *pool, const struct asof_pit_place *place,
	    char *record, const struct asof_column *column, size_t row, struct asof_error *err)
{
	char *to = record + place->offset;
	const char *from = column->data;
	switch (place->form) {
	case ASOF_PIT_FIXED_1:
		memcpy(to, from + row, 1);
		return ASOF_OK;
	case ASOF_PIT_FIXED_4: {
		uint32_t word = ((const uint32_t *)column->data)[row];
		word = word == place->negative_zero ? 0 : word;
		memcpy(to, &word, sizeof(word));
		return ASOF_OK;
	}
	case ASOF_PIT_FIXED_8:
		write_word(place, to, column, row);
		return ASOF_OK;
	case ASOF_PIT_FIXED_16:
		memcpy(to, from + row * 16, 16);
		return ASOF_OK;
	case ASOF_PIT_TEXT:
		return write_text(pit, pool, (struct asof_pit_text *)(void *)to,
				  ((const struct asof_str *)column->data)[row], err);
	case ASOF_PIT_LIST:
		return write_list(pit, pool, (struct asof_pit_text *)(void *)to, column, row, err);
	}
	return ASOF_OK;
}

/* Bits of a slot that the caller holds. Pages of bits stay untouched until something is NULL. */
static void
write_nulls(struct asof_pit *pit, size_t slot, const struct asof_pit_columns *columns, size_t row)
{
	if (!columns->has_nulls && !atomic_load_explicit(&pit->has_nulls, memory_order_relaxed))
		return;
	uint8_t *bits = pit->nulls + slot * pit->null_bytes;
	memset(bits, 0, pit->null_bytes);
	for (size_t i = 0; i < pit->place_count; i++) {
		if (!asof_column_is_null(&columns->values[i], row))
			continue;
		bits[i / 8] = (uint8_t)(bits[i / 8] | 1U << (i % 8));
		atomic_store_explicit(&pit->has_nulls, true, memory_order_relaxed);
	}
}

enum asof_status
asof_pit_write(struct asof_pit *pit, struct asof_pit_pool *pool, size_t slot,
	       const struct asof_pit_columns *columns, size_t row, struct asof_error *err)
{
	int64_t *head = asof_pit_record(pit, slot);
	head[0] = ((const int64_t *)columns->event->data)[row];
	asof_pit_ties_of(columns, row, head + 1);
	char *record = (char *)head;
	write_nulls(pit, slot, columns, row);
	if (pit->is_all_8) {
		for (size_t i = 0; i < pit->place_count; i++)
			write_word(&pit->places[i], record + pit->places[i].offset,
				   &columns->values[i], row);
		return ASOF_OK;
	}
	for (size_t i = 0; i < pit->place_count; i++) {
		const struct asof_column *column = &columns->values[i];
		/* A text's block is left for the next one that is not NULL. */
		if (asof_column_is_null(column, row))
			continue;
		ASOF_TRY(write_value(pit, pool, &pit->places[i], record, column, row, err));
	}
	return ASOF_OK;
}
