/* arrow_body.c - cells of one column to the buffers that Arrow has for its type. */
#include "codec/arrow_body.h"

static const struct asof_value zero; /* stands for the items of a NULL vector */

static void
begin_buffer(struct asof_arrow_body *body)
{
	body->buffers[body->buffer_count].first = (int64_t)body->bytes.len;
}

/* Filled up to a multiple of eight, which its length does not count. */
static void
end_buffer(struct asof_arrow_body *body)
{
	static const char zeros[8];
	struct asof_flat_pair *buffer = &body->buffers[body->buffer_count++];
	buffer->second = (int64_t)body->bytes.len - buffer->first;
	asof_buf_add(&body->bytes, zeros, (8 - body->bytes.len % 8) % 8);
}

typedef bool bit_fn(const struct asof_value *cell);

static bool
is_valid(const struct asof_value *cell)
{
	return !cell->is_null;
}

static bool
is_true(const struct asof_value *cell)
{
	return !cell->is_null && cell->boolean;
}

static void
add_bits(struct asof_arrow_body *body, const struct asof_value *const *cells, size_t count,
	 bit_fn *bit)
{
	begin_buffer(body);
	for (size_t first = 0; first < count; first += 8) {
		unsigned byte = 0;
		for (size_t i = first; i < count && i < first + 8; i++)
			byte |= (unsigned)bit(cells[i]) << (i - first);
		asof_buf_add_char(&body->bytes, (char)byte);
	}
	end_buffer(body);
}

/* The node and its validity, which may be left out where all is there. */
static void
add_node(struct asof_arrow_body *body, const struct asof_value *const *cells, size_t count)
{
	struct asof_flat_pair *node = &body->nodes[body->node_count++];
	*node = (struct asof_flat_pair){ (int64_t)count, 0 };
	for (size_t i = 0; i < count; i++)
		node->second += cells[i]->is_null;
	if (node->second > 0) {
		add_bits(body, cells, count, is_valid);
	} else {
		begin_buffer(body);
		end_buffer(body);
	}
}

/* The bytes of a value of a type of one width. */
static const void *
bytes_of(const struct asof_value *cell)
{
	switch ((enum asof_type_kind)cell->type.kind) {
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		return &cell->int32;
	case ASOF_TYPE_FLOAT32:
		return &cell->float32;
	case ASOF_TYPE_FLOAT64:
		return &cell->float64;
	case ASOF_TYPE_DECIMAL:
		return &cell->decimal;
	case ASOF_TYPE_UUID:
		return cell->str.ptr;
	default:
		return &cell->int64;
	}
}

static void
add_fixed(struct asof_arrow_body *body, const struct asof_value *const *cells, size_t count,
	  size_t width)
{
	static const char zeros[16];
	begin_buffer(body);
	for (size_t i = 0; i < count; i++)
		asof_buf_add(&body->bytes, cells[i]->is_null ? zeros : bytes_of(cells[i]), width);
	end_buffer(body);
}

/* One offset more than there are cells: where each begins, and where the last ends. */
static enum asof_status
add_offsets(struct asof_arrow_body *body, const struct asof_value *const *cells, size_t count,
	    bool is_list, size_t *ret_total, struct asof_error *err)
{
	size_t total = 0;
	begin_buffer(body);
	for (size_t i = 0; i <= count; i++) {
		int32_t offset = (int32_t)total;
		asof_buf_add(&body->bytes, &offset, sizeof(offset));
		if (i < count && !cells[i]->is_null)
			total += is_list ? cells[i]->list.count : cells[i]->str.len;
		if (total > INT32_MAX)
			return ASOF_FAIL(err, ASOF_LIMIT,
					 "a column of more than 2 GiB in one batch");
	}
	end_buffer(body);
	*ret_total = total;
	return ASOF_OK;
}

static enum asof_status
add_texts(struct asof_arrow_body *body, const struct asof_value *const *cells, size_t count,
	  struct asof_error *err)
{
	size_t total;
	ASOF_TRY(add_offsets(body, cells, count, false, &total, err));
	begin_buffer(body);
	for (size_t i = 0; i < count; i++) {
		if (!cells[i]->is_null)
			asof_buf_add_str(&body->bytes, cells[i]->str);
	}
	end_buffer(body);
	return ASOF_OK;
}

/* The items of all cells, one after the other; `per_null` of a cell that is NULL. */
static enum asof_status
add_items(struct asof_arrow_body *body, struct asof_type type,
	  const struct asof_value *const *cells, size_t count, size_t total, size_t per_null,
	  struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_value **items = asof_arena_array(arena, total, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu items of lists", total);
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		size_t own = cells[i]->is_null ? per_null : cells[i]->list.count;
		for (size_t j = 0; j < own; j++)
			items[used++] = cells[i]->is_null ? &zero : &cells[i]->list.items[j];
	}
	return asof_arrow_add_column(body, asof_type_element(type), items, used, arena, err);
}

static enum asof_status
add_list(struct asof_arrow_body *body, struct asof_type type, const struct asof_value *const *cells,
	 size_t count, struct asof_arena *arena, struct asof_error *err)
{
	size_t total;
	ASOF_TRY(add_offsets(body, cells, count, true, &total, err));
	return add_items(body, type, cells, count, total, 0, arena, err);
}

enum asof_status
asof_arrow_add_column(struct asof_arrow_body *body, struct asof_type type,
		      const struct asof_value *const *cells, size_t count, struct asof_arena *arena,
		      struct asof_error *err)
{
	add_node(body, cells, count);
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		add_bits(body, cells, count, is_true);
		return ASOF_OK;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_FLOAT32:
		add_fixed(body, cells, count, 4);
		return ASOF_OK;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
	case ASOF_TYPE_FLOAT64:
		add_fixed(body, cells, count, 8);
		return ASOF_OK;
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_UUID:
		add_fixed(body, cells, count, 16);
		return ASOF_OK;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_BYTES:
		return add_texts(body, cells, count, err);
	case ASOF_TYPE_LIST:
		return add_list(body, type, cells, count, arena, err);
	case ASOF_TYPE_VECTOR:
		return add_items(body, type, cells, count, count * type.size, type.size, arena,
				 err);
	case ASOF_TYPE_NONE:
		break;
	}
	return ASOF_FAIL(err, ASOF_INTERNAL, "a column without type");
}

void
asof_arrow_add_indices(struct asof_arrow_body *body, const struct asof_value *const *cells,
		       size_t count)
{
	add_node(body, cells, count);
	begin_buffer(body);
	for (size_t i = 0; i < count; i++)
		asof_buf_add_char(&body->bytes, cells[i]->is_null ? 0 : (char)cells[i]->int32);
	end_buffer(body);
}
