/* window_items.c - lists of values merged: sorted once, read per window by rank. */
#include "kernel/window_merge.h"

const struct asof_column *
asof_merge_list(const struct asof_merge *merge, const struct asof_tile_column *column,
		enum asof_state_kind kind)
{
	bool is_event = asof_merge_is_event(merge);
	return &merge->tiles->states[column->state[is_event ? ASOF_STATE_VALUE : kind]];
}

static size_t
collect(const struct asof_merge *merge, const struct asof_column *column, size_t window_count,
	struct asof_item *items)
{
	const struct asof_column *values = asof_merge_values_of(column);
	size_t count = 0;
	size_t row = merge->end;
	for (size_t w = 0; w < window_count; w++) {
		while (row > merge->begins[w]) {
			struct asof_span span = asof_merge_span(column, --row);
			for (size_t i = span.offset; i < span.offset + span.length; i++) {
				if (asof_column_is_null(values, i))
					continue;
				items[count] = asof_item_at(values, i);
				items[count++].rank = (uint32_t)w;
			}
		}
	}
	return count;
}

/* Behind the ascending run that begins at `start`. */
static size_t
run_end(enum asof_item_kind kind, const struct asof_item *items, size_t start, size_t count)
{
	size_t end = start + 1;
	while (end < count && asof_item_compare(kind, &items[end - 1], &items[end]) <= 0)
		end++;
	return end < count ? end : count;
}

static void
merge_runs(enum asof_item_kind kind, const struct asof_item *items, const size_t bounds[3],
	   struct asof_item *into)
{
	size_t left = bounds[0];
	size_t right = bounds[1];
	for (size_t i = bounds[0]; i < bounds[2]; i++) {
		bool is_left = right == bounds[2] ||
			       (left < bounds[1] &&
				asof_item_compare(kind, &items[left], &items[right]) <= 0);
		into[i] = is_left ? items[left++] : items[right++];
	}
}

struct asof_item *
asof_items_sort(enum asof_item_kind kind, struct asof_item *items, struct asof_item *scratch,
		size_t count)
{
	while (count > 0 && run_end(kind, items, 0, count) < count) {
		size_t bounds[3];
		for (bounds[0] = 0; bounds[0] < count; bounds[0] = bounds[2]) {
			bounds[1] = run_end(kind, items, bounds[0], count);
			bounds[2] =
				bounds[1] < count ? run_end(kind, items, bounds[1], count) : count;
			merge_runs(kind, items, bounds, scratch);
		}
		struct asof_item *sorted = scratch;
		scratch = items;
		items = sorted;
	}
	return items;
}

enum asof_status
asof_merge_items(const struct asof_merge *merge, const struct asof_tile_column *column,
		 enum asof_state_kind kind, size_t window_count, struct asof_items *ret_items,
		 struct asof_error *err)
{
	const struct asof_column *list = asof_merge_list(merge, column, kind);
	size_t capacity = 0;
	for (size_t row = merge->begins[window_count - 1]; row < merge->end; row++)
		capacity += asof_merge_span(list, row).length;

	struct asof_item *items = asof_arena_array(merge->arena, capacity, sizeof(*items));
	struct asof_item *scratch = asof_arena_array(merge->arena, capacity, sizeof(*scratch));
	if (!items || !scratch)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu values of '%s'", capacity, column->name);
	size_t count = collect(merge, list, window_count, items);
	*ret_items = (struct asof_items){
		.type = column->type,
		.items = asof_items_sort(asof_item_kind_of(column->type), items, scratch, count),
		.count = count,
	};
	return ASOF_OK;
}

size_t
asof_items_count(const struct asof_items *items, uint32_t rank)
{
	size_t count = 0;
	for (size_t i = 0; i < items->count; i++)
		count += items->items[i].rank <= rank;
	return count;
}

size_t
asof_items_count_distinct(const struct asof_items *items, uint32_t rank)
{
	enum asof_item_kind kind = asof_item_kind_of(items->type);
	const struct asof_item *last = NULL;
	size_t count = 0;
	for (size_t i = 0; i < items->count; i++) {
		const struct asof_item *item = &items->items[i];
		if (item->rank > rank || (last && asof_item_compare(kind, last, item) == 0))
			continue;
		last = item;
		count++;
	}
	return count;
}

/* As the engine casts a decimal: small ones by one division, others whole and fraction apart. */
static double
double_of_decimal(asof_int128 value, unsigned scale)
{
	double power = asof_power_of_ten(scale);
	asof_int128 exact_max = (asof_int128)1 << 53;
	if (scale == 0 || (value <= exact_max && value >= -exact_max))
		return (double)value / power;
	asof_int128 divisor = 1;
	for (unsigned i = 0; i < scale; i++)
		divisor *= 10;
	asof_int128 whole = value / divisor;
	asof_int128 rest = value % divisor;
	return (double)whole + (double)rest / power;
}

double
asof_item_double(struct asof_type type, const struct asof_item *item)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_DECIMAL:
		return double_of_decimal(item->wide, type.scale);
	case ASOF_TYPE_BOOL:
		return (double)item->ordinal;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
		return (double)(int64_t)(item->ordinal ^ ASOF_ITEM_SIGN);
	default:
		return asof_ordinal_to_double(item->ordinal);
	}
}

/* The k-th value of window `rank`. */
static const struct asof_item *
item_of_window(const struct asof_items *items, uint32_t rank, size_t k)
{
	const struct asof_item *item = items->items;
	for (;; item++) {
		if (item->rank <= rank && k-- == 0)
			return item;
	}
}

double
asof_items_quantile(const struct asof_items *items, uint32_t rank, size_t n, double p)
{
	size_t k;
	double part;
	asof_quantile_place(n, p, &k, &part);
	double low = asof_item_double(items->type, item_of_window(items, rank, k));
	if (part == 0)
		return low;
	double high = asof_item_double(items->type, item_of_window(items, rank, k + 1));
	return asof_quantile_between(low, high, part);
}
