/* block.c - columns to be filled, in arrays that are used again. */
#include "kernel/block.h"

#include <assert.h>

#define UUID_BYTES    16
#define BITS_PER_WORD 64

static bool
has_items(struct asof_type type)
{
	return type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR;
}

static size_t
validity_bytes(size_t row_count)
{
	return (row_count + BITS_PER_WORD - 1) / BITS_PER_WORD * sizeof(uint64_t);
}

uint64_t
asof_block_bytes(const struct asof_type *types, size_t column_count, size_t capacity)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < column_count; i++)
		bytes += capacity * asof_column_width(types[i]) + validity_bytes(capacity);
	return bytes;
}

static enum asof_status
add_column(struct asof_block *block, size_t i, struct asof_type type, struct asof_error *err)
{
	size_t width = asof_column_width(type);
	block->validity[i] = asof_arena_alloc(&block->memory, validity_bytes(block->capacity));
	block->data[i] = asof_arena_array(&block->memory, block->capacity, width);
	if (!block->validity[i] || !block->data[i])
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows of %zu bytes", block->capacity,
				 width);
	block->items[i].column.type = has_items(type) ? asof_type_element(type) : type;
	block->columns[i] = (struct asof_column){
		.type = type,
		.validity = block->validity[i],
		.data = block->data[i],
		.child = has_items(type) ? &block->items[i].column : NULL,
	};
	return ASOF_OK;
}

static enum asof_status
add_columns(struct asof_block *block, const struct asof_type *types, struct asof_error *err)
{
	size_t count = block->column_count;
	block->columns = asof_arena_array(&block->memory, count, sizeof(*block->columns));
	block->validity = asof_arena_array(&block->memory, count, sizeof(*block->validity));
	block->data = asof_arena_array(&block->memory, count, sizeof(*block->data));
	block->items = asof_arena_array(&block->memory, count, sizeof(*block->items));
	if (!block->columns || !block->validity || !block->data || !block->items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", count);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(add_column(block, i, types[i], err));
	return ASOF_OK;
}

enum asof_status
asof_block_init(struct asof_block *block, const struct asof_type *types, size_t column_count,
		size_t capacity, struct asof_error *err)
{
	assert(capacity % BITS_PER_WORD == 0);
	struct asof_block made = { .column_count = column_count, .capacity = capacity };
	enum asof_status status = add_columns(&made, types, err);
	if (status != ASOF_OK) {
		asof_arena_done(&made.memory);
		return status;
	}
	*block = made;
	return ASOF_OK;
}

void
asof_block_done(struct asof_block *block)
{
	for (size_t i = 0; i < block->column_count; i++) {
		asof_mem_free(block->items[i].data);
		asof_mem_free(block->items[i].validity);
	}
	asof_arena_done(&block->arena);
	asof_arena_done(&block->memory);
	*block = (struct asof_block){ 0 };
}

void
asof_block_reset(struct asof_block *block, size_t row_count)
{
	assert(row_count <= block->capacity);
	for (size_t i = 0; i < block->column_count; i++) {
		memset(block->validity[i], 0, validity_bytes(row_count));
		block->items[i].count = 0;
	}
	asof_arena_reset(&block->arena);
}

static enum asof_status
reserve_items(struct asof_block_items *items, size_t count, struct asof_error *err)
{
	size_t need;
	if (__builtin_add_overflow(items->count, count, &need) || need > SIZE_MAX / 64)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a list of %zu items", count);

	ASOF_TRY(asof_mem_reserve(&items->data, &items->capacity, need,
				  asof_column_width(items->column.type), err));
	items->column.data = items->data;
	ASOF_TRY(asof_mem_reserve((void **)&items->validity, &items->word_capacity,
				  (need + BITS_PER_WORD - 1) / BITS_PER_WORD,
				  sizeof(*items->validity), err));
	items->column.validity = items->validity;
	return ASOF_OK;
}

static void
mark_items(uint64_t *validity, size_t begin, size_t end)
{
	for (size_t i = begin; i < end;) {
		size_t bit = i % BITS_PER_WORD;
		size_t count = BITS_PER_WORD - bit < end - i ? BITS_PER_WORD - bit : end - i;
		uint64_t ones = count == BITS_PER_WORD ? UINT64_MAX : (UINT64_C(1) << count) - 1;
		validity[i / BITS_PER_WORD] |= ones << bit;
		i += count;
	}
}

enum asof_status
asof_block_add_list(struct asof_block *block, size_t column, size_t row, size_t count,
		    size_t *ret_first, struct asof_error *err)
{
	struct asof_block_items *items = &block->items[column];
	ASOF_TRY(reserve_items(items, count, err));
	mark_items(items->validity, items->count, items->count + count);
	((struct asof_span *)block->data[column])[row] = (struct asof_span){ items->count, count };
	asof_block_mark(block, column, row);
	*ret_first = items->count;
	items->count += count;
	return ASOF_OK;
}

/* A value that is neither NULL nor a list. */
static void
write_scalar(void *data, size_t row, const struct asof_value *value)
{
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		((uint8_t *)data)[row] = value->boolean;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		((int32_t *)data)[row] = value->int32;
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		((int64_t *)data)[row] = value->int64;
		break;
	case ASOF_TYPE_FLOAT32:
		((float *)data)[row] = value->float32;
		break;
	case ASOF_TYPE_FLOAT64:
		((double *)data)[row] = value->float64;
		break;
	case ASOF_TYPE_DECIMAL:
		((asof_int128 *)data)[row] = value->decimal;
		break;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		((struct asof_str *)data)[row] = value->str;
		break;
	case ASOF_TYPE_UUID:
		assert(value->str.len == UUID_BYTES);
		memcpy((char *)data + row * UUID_BYTES, value->str.ptr, UUID_BYTES);
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
	case ASOF_TYPE_NONE:
		assert(false);
		break;
	}
}

static enum asof_status
set_list(struct asof_block *block, size_t column, size_t row, const struct asof_value *value,
	 struct asof_error *err)
{
	size_t first;
	ASOF_TRY(asof_block_add_list(block, column, row, value->list.count, &first, err));
	struct asof_block_items *items = &block->items[column];
	for (size_t i = 0; i < value->list.count; i++) {
		size_t at = first + i;
		if (value->list.items[i].is_null)
			items->validity[at / BITS_PER_WORD] &=
				~(UINT64_C(1) << (at % BITS_PER_WORD));
		else
			write_scalar(items->data, at, &value->list.items[i]);
	}
	return ASOF_OK;
}

enum asof_status
asof_block_set(struct asof_block *block, size_t column, size_t row, const struct asof_value *value,
	       struct asof_error *err)
{
	assert(row < block->capacity);
	if (value->is_null) {
		block->validity[column][row / BITS_PER_WORD] &=
			~(UINT64_C(1) << (row % BITS_PER_WORD));
		return ASOF_OK;
	}
	assert(value->type.kind == block->columns[column].type.kind);
	if (has_items(value->type))
		return set_list(block, column, row, value, err);
	write_scalar(block->data[column], row, value);
	asof_block_mark(block, column, row);
	return ASOF_OK;
}
