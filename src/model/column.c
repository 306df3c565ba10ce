/* column.c - single values out of columns. */
#include "model/column.h"

#include <assert.h>

#include "base/arena.h"

#define UUID_BYTES 16

static enum asof_status
list_value(const struct asof_column *column, size_t row, struct asof_arena *arena,
	   struct asof_value *value, struct asof_error *err)
{
	assert(arena && column->child);
	struct asof_span span = ((const struct asof_span *)column->data)[row];
	struct asof_value *items = asof_arena_array(arena, span.length, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "list of %zu values", (size_t)span.length);

	for (size_t i = 0; i < span.length; i++)
		ASOF_TRY(asof_column_value(column->child, span.offset + i, NULL, &items[i], err));
	value->list.items = items;
	value->list.count = span.length;
	return ASOF_OK;
}

enum asof_status
asof_column_value(const struct asof_column *column, size_t row, struct asof_arena *arena,
		  struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value = { .type = column->type };
	if (column->type.kind == ASOF_TYPE_NONE || asof_column_is_null(column, row)) {
		*ret_value = asof_value_null(column->type);
		return ASOF_OK;
	}

	switch ((enum asof_type_kind)column->type.kind) {
	case ASOF_TYPE_BOOL:
		value.boolean = ((const uint8_t *)column->data)[row] != 0;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		value.int32 = ((const int32_t *)column->data)[row];
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		value.int64 = ((const int64_t *)column->data)[row];
		break;
	case ASOF_TYPE_FLOAT32:
		value.float32 = ((const float *)column->data)[row];
		break;
	case ASOF_TYPE_FLOAT64:
		value.float64 = ((const double *)column->data)[row];
		break;
	case ASOF_TYPE_DECIMAL:
		value.decimal = ((const asof_int128 *)column->data)[row];
		break;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		value.str = ((const struct asof_str *)column->data)[row];
		break;
	case ASOF_TYPE_UUID:
		value.str = (struct asof_str){ (const char *)column->data + row * UUID_BYTES,
					       UUID_BYTES };
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		ASOF_TRY(list_value(column, row, arena, &value, err));
		break;
	case ASOF_TYPE_NONE:
		break;
	}
	*ret_value = value;
	return ASOF_OK;
}

size_t
asof_column_width(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		return sizeof(uint8_t);
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		return sizeof(int32_t);
	case ASOF_TYPE_FLOAT32:
		return sizeof(float);
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
	case ASOF_TYPE_FLOAT64:
		return sizeof(int64_t);
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_UUID:
		return 16;
	default:
		return sizeof(struct asof_str);
	}
}
_Static_assert(sizeof(struct asof_str) == sizeof(struct asof_span), "both are two words");
