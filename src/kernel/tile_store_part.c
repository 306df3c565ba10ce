/* tile_store_part.c - rows of batches appended column by column. */
#include "kernel/tile_store_part.h"

#define FIRST_ROWS       ((size_t)256)
#define ROOM_ROWS        ((size_t)16384)
#define FIRST_TEXT_BYTES ((size_t)4096)
#define TEXT_BYTES_MAX   ((size_t)1 << 20)
#define RECENT_COUNT     ((size_t)256)
#define RECENT_LEN_MAX   ((size_t)64)

struct asof_tile_text_block {
	struct asof_tile_text_block *next;
	size_t capacity;
	size_t used;
	char data[];
};

enum asof_status
asof_tile_budget_take(struct asof_tile_budget *budget, uint64_t bytes, struct asof_error *err)
{
	uint64_t used = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
	if (budget->max == 0 || used + bytes <= budget->max)
		return ASOF_OK;
	asof_tile_budget_give(budget, bytes);
	return ASOF_FAIL(err, ASOF_LIMIT, "tiles take more than %llu bytes of memory",
			 (unsigned long long)budget->max);
}

void
asof_tile_budget_give(struct asof_tile_budget *budget, uint64_t bytes)
{
	atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
}

void
asof_tile_text_done(struct asof_tile_text *text)
{
	while (text->blocks) {
		struct asof_tile_text_block *next = text->blocks->next;
		asof_mem_free(text->blocks);
		text->blocks = next;
	}
}

static enum asof_status
add_text_block(struct asof_tile_text *text, size_t len, struct asof_tile_budget *budget,
	       struct asof_error *err)
{
	struct asof_tile_text_block *newest = text->blocks;
	size_t capacity = newest ? newest->capacity * 2 : FIRST_TEXT_BYTES;
	if (capacity > TEXT_BYTES_MAX)
		capacity = TEXT_BYTES_MAX;
	if (capacity < len)
		capacity = len;
	ASOF_TRY(asof_tile_budget_take(budget, sizeof(*newest) + capacity, err));
	struct asof_tile_text_block *block = asof_mem_resize(NULL, sizeof(*block) + capacity);
	if (!block) {
		asof_tile_budget_give(budget, sizeof(*block) + capacity);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes of text", capacity);
	}
	*block = (struct asof_tile_text_block){ .next = newest, .capacity = capacity };
	text->blocks = block;
	return ASOF_OK;
}

static enum asof_status
copy_text(struct asof_tile_text *text, struct asof_str *str, struct asof_tile_budget *budget,
	  struct asof_error *err)
{
	struct asof_tile_text_block *block = text->blocks;
	if (!block || str->len > block->capacity - block->used)
		ASOF_TRY(add_text_block(text, str->len, budget, err));
	block = text->blocks;
	char *copy = block->data + block->used;
	if (str->len > 0)
		memcpy(copy, str->ptr, str->len);
	block->used += str->len;
	str->ptr = copy;
	return ASOF_OK;
}

static size_t
recent_place(struct asof_str str)
{
	uint64_t head = 0;
	uint64_t tail = 0;
	size_t len = str.len < sizeof(head) ? str.len : sizeof(head);
	memcpy(&head, str.ptr, len);
	memcpy(&tail, str.ptr + str.len - len, len);
	uint64_t hash = (head ^ (tail << 7) ^ str.len) * UINT64_C(0x9E3779B97F4A7C15);
	return (size_t)(hash >> 56) % RECENT_COUNT;
}

/* Few different texts are copied few times: columns of names and codes repeat. */
static enum asof_status
keep_text(struct asof_tile_part *part, struct asof_str *str, struct asof_tile_text *text,
	  struct asof_tile_budget *budget, struct asof_error *err)
{
	if (str->len == 0) {
		str->ptr = NULL;
		return ASOF_OK;
	}
	if (!part->recent || str->len > RECENT_LEN_MAX)
		return copy_text(text, str, budget, err);
	struct asof_str *recent = &part->recent[recent_place(*str)];
	if (!asof_str_equal(*recent, *str)) {
		ASOF_TRY(copy_text(text, str, budget, err));
		*recent = *str;
	}
	*str = *recent;
	return ASOF_OK;
}

static bool
is_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	       type.kind == ASOF_TYPE_JSON;
}

static bool
is_list(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

void
asof_tile_part_init(struct asof_tile_part *part, struct asof_type type)
{
	*part = (struct asof_tile_part){ .type = type, .width = asof_column_width(type) };
}

void
asof_tile_part_done(struct asof_tile_part *part, struct asof_tile_budget *budget)
{
	if (part->child)
		asof_tile_part_done(part->child, budget);
	asof_mem_free(part->child);
	asof_mem_free(part->recent);
	asof_mem_free(part->data);
	asof_mem_free(part->validity);
	asof_tile_budget_give(budget, part->bytes);
	*part = (struct asof_tile_part){ .type = part->type, .width = part->width };
}

/* Rows that are counted when there are `count`: what lies behind is reserved, but never touched. */
static size_t
room_of(size_t count)
{
	if (count > ROOM_ROWS)
		return (count + ROOM_ROWS - 1) / ROOM_ROWS * ROOM_ROWS;
	size_t room = FIRST_ROWS;
	while (room < count)
		room *= 2;
	return room;
}

static enum asof_status
count_bytes(struct asof_tile_part *part, size_t count, struct asof_tile_budget *budget,
	    struct asof_error *err)
{
	uint64_t rows = room_of(count);
	uint64_t bytes = rows * part->width + (part->validity ? rows / 8 : 0) +
			 (part->recent ? RECENT_COUNT * sizeof(*part->recent) : 0);
	if (bytes > part->bytes) {
		ASOF_TRY(asof_tile_budget_take(budget, bytes - part->bytes, err));
		part->bytes = bytes;
	}
	return ASOF_OK;
}

static enum asof_status
resize_validity(struct asof_tile_part *part, struct asof_error *err)
{
	size_t words = part->capacity / 64;
	uint64_t *validity = asof_mem_resize(part->validity, words * sizeof(*validity));
	if (!validity)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows of tiles", part->capacity);
	if (!part->validity)
		memset(validity, 0xFF, (part->count + 63) / 64 * sizeof(*validity));
	part->validity = validity;
	part->validity_capacity = part->capacity;
	return ASOF_OK;
}

/* What a part of this type has besides its rows. */
static enum asof_status
prepare(struct asof_tile_part *part, struct asof_error *err)
{
	if (is_list(part->type) && !part->child) {
		part->child = asof_mem_alloc(sizeof(*part->child));
		if (!part->child)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "lists of tiles");
		asof_tile_part_init(part->child, asof_type_element(part->type));
	}
	if (is_text(part->type) && !part->recent) {
		part->recent = asof_mem_alloc(RECENT_COUNT * sizeof(*part->recent));
		if (!part->recent)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "text of tiles");
	}
	return ASOF_OK;
}

static enum asof_status
make_room(struct asof_tile_part *part, size_t more, struct asof_tile_budget *budget,
	  struct asof_error *err)
{
	size_t need = part->count + more;
	ASOF_TRY(prepare(part, err));
	ASOF_TRY(count_bytes(part, need, budget, err));
	if (need > part->capacity) {
		size_t capacity = room_of(need);
		if (capacity < part->capacity * 2)
			capacity = part->capacity * 2;
		char *data = asof_mem_resize(part->data, capacity * part->width);
		if (!data)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows of tiles", capacity);
		part->data = data;
		part->capacity = capacity;
	}
	if (part->validity && part->validity_capacity < part->capacity)
		return resize_validity(part, err);
	return ASOF_OK;
}

static inline size_t
row_at(struct asof_tile_rows rows, size_t i)
{
	return rows.rows ? rows.rows[i] : rows.first + i;
}

static inline void
copy_selected(char *to, const char *from, struct asof_tile_rows rows, size_t width)
{
	for (size_t i = 0; i < rows.count; i++)
		memcpy(to + i * width, from + rows.rows[i] * width, width);
}

static void
copy_rows(char *to, const char *from, struct asof_tile_rows rows, size_t width)
{
	if (rows.count == 0)
		return;
	size_t first = row_at(rows, 0);
	if (!rows.rows || rows.rows[rows.count - 1] - first == rows.count - 1)
		memcpy(to, from + first * width, rows.count * width);
	else if (width == 8)
		copy_selected(to, from, rows, 8);
	else if (width == 4)
		copy_selected(to, from, rows, 4);
	else if (width == 16)
		copy_selected(to, from, rows, 16);
	else
		copy_selected(to, from, rows, width);
}

static bool
has_null(const struct asof_column *from, struct asof_tile_rows rows)
{
	for (size_t i = 0; from->validity && i < rows.count; i++) {
		if (asof_column_is_null(from, row_at(rows, i)))
			return true;
	}
	return false;
}

static enum asof_status
append_validity(struct asof_tile_part *part, const struct asof_column *from,
		struct asof_tile_rows rows, struct asof_tile_budget *budget, struct asof_error *err)
{
	if (!part->validity) {
		if (!has_null(from, rows))
			return ASOF_OK;
		ASOF_TRY(resize_validity(part, err));
		ASOF_TRY(count_bytes(part, part->count + rows.count, budget, err));
	}
	for (size_t i = 0; i < rows.count; i++) {
		size_t at = part->count + i;
		uint64_t bit = UINT64_C(1) << (at % 64);
		if (asof_column_is_null(from, row_at(rows, i)))
			part->validity[at / 64] &= ~bit;
		else
			part->validity[at / 64] |= bit;
	}
	return ASOF_OK;
}

static enum asof_status
append_text(struct asof_tile_part *part, const struct asof_column *from, struct asof_tile_rows rows,
	    struct asof_tile_text *text, struct asof_tile_budget *budget, struct asof_error *err)
{
	const struct asof_str *source = from->data;
	struct asof_str *to = (struct asof_str *)(void *)part->data + part->count;
	for (size_t i = 0; i < rows.count; i++) {
		size_t row = row_at(rows, i);
		struct asof_str str = { NULL, 0 };
		if (!asof_column_is_null(from, row)) {
			str = source[row];
			ASOF_TRY(keep_text(part, &str, text, budget, err));
		}
		to[i] = str;
	}
	return ASOF_OK;
}

/* Not nested: the elements of lists are scalars. */
static enum asof_status
append_lists(struct asof_tile_part *part, const struct asof_column *from,
	     struct asof_tile_rows rows, struct asof_tile_text *text,
	     struct asof_tile_budget *budget, struct asof_error *err)
{
	const struct asof_span *source = from->data;
	struct asof_span *to = (struct asof_span *)(void *)part->data + part->count;
	for (size_t i = 0; i < rows.count; i++) {
		size_t row = row_at(rows, i);
		to[i] = (struct asof_span){ part->child->count, 0 };
		if (asof_column_is_null(from, row) || source[row].length == 0)
			continue;
		struct asof_tile_rows items = { .first = source[row].offset,
						.count = source[row].length };
		to[i].length = items.count;
		ASOF_TRY(asof_tile_part_append(part->child, from->child, items, text, budget, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_tile_part_append(struct asof_tile_part *part, const struct asof_column *from,
		      struct asof_tile_rows rows, struct asof_tile_text *text,
		      struct asof_tile_budget *budget, struct asof_error *err)
{
	ASOF_TRY(make_room(part, rows.count, budget, err));
	ASOF_TRY(append_validity(part, from, rows, budget, err));
	if (is_list(part->type))
		ASOF_TRY(append_lists(part, from, rows, text, budget, err));
	else if (is_text(part->type))
		ASOF_TRY(append_text(part, from, rows, text, budget, err));
	else
		copy_rows(part->data + part->count * part->width, from->data, rows, part->width);
	part->count += rows.count;
	return ASOF_OK;
}
