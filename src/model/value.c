/* value.c - the total order of values of one type. */
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
