/* value.c - the total order of values of one type, and copies of them. */
#include "model/value.h"

#include <assert.h>
#include <math.h>

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

static int
compare_doubles(double a, double b)
{
	if (isnan(a) || isnan(b))
		return (isnan(a) ? 1 : 0) - (isnan(b) ? 1 : 0);
	return ORDER(a, b);
}

static int
compare_lists(const struct asof_value *a, const struct asof_value *b)
{
	size_t shorter = a->list.count < b->list.count ? a->list.count : b->list.count;
	for (size_t i = 0; i < shorter; i++) {
		int order = asof_value_compare(&a->list.items[i], &b->list.items[i]);
		if (order != 0)
			return order;
	}
	return ORDER(a->list.count, b->list.count);
}

int
asof_value_compare(const struct asof_value *a, const struct asof_value *b)
{
	assert(a->type.kind == b->type.kind);
	if (a->is_null || b->is_null)
		return (int)a->is_null - (int)b->is_null;

	switch ((enum asof_type_kind)a->type.kind) {
	case ASOF_TYPE_BOOL:
		return (int)a->boolean - (int)b->boolean;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		return ORDER(a->int32, b->int32);
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		return ORDER(a->int64, b->int64);
	case ASOF_TYPE_FLOAT32:
		return compare_doubles((double)a->float32, (double)b->float32);
	case ASOF_TYPE_FLOAT64:
		return compare_doubles(a->float64, b->float64);
	case ASOF_TYPE_DECIMAL:
		return ORDER(a->decimal, b->decimal);
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
		return asof_str_compare(a->str, b->str);
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		return compare_lists(a, b);
	case ASOF_TYPE_NONE:
		break;
	}
	return 0;
}

static enum asof_status
copy_items(struct asof_value *value, struct asof_arena *arena, struct asof_error *err)
{
	struct asof_value *items = asof_arena_array(arena, value->list.count, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu items", value->list.count);
	for (size_t i = 0; i < value->list.count; i++)
		ASOF_TRY(asof_value_copy(&value->list.items[i], arena, &items[i], err));
	value->list.items = items;
	return ASOF_OK;
}

enum asof_status
asof_value_copy(const struct asof_value *value, struct asof_arena *arena,
		struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value copy = *value;
	switch ((enum asof_type_kind)copy.type.kind) {
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
		if (!copy.is_null)
			copy.str.ptr = asof_arena_copy(arena, copy.str);
		if (!copy.is_null && !copy.str.ptr)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", copy.str.len);
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		if (!copy.is_null)
			ASOF_TRY(copy_items(&copy, arena, err));
		break;
	default:
		break;
	}
	*ret_value = copy;
	return ASOF_OK;
}
