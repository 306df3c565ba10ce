/* tile_store_sort.c - few sorted runs are merged; else a radix sort by up to three keys. */
#include "kernel/tile_store_sort.h"

#define FEW      16
#define RUNS_MAX 8
#define RADIX    256
#define SIGN     (UINT64_C(1) << 63)

void
asof_tile_sort_done(struct asof_tile_sort *sort)
{
	asof_mem_free(sort->items);
	*sort = (struct asof_tile_sort){ 0 };
}

uint64_t
asof_tile_sort_bytes(size_t count)
{
	return (uint64_t)count * 2 * sizeof(struct asof_tile_sort_item);
}

enum asof_status
asof_tile_sort_reserve(struct asof_tile_sort *sort, size_t count, struct asof_error *err)
{
	asof_tile_sort_done(sort);
	sort->items = asof_mem_resize(NULL, asof_tile_sort_bytes(count));
	if (!sort->items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "sorting %zu tiles", count);
	sort->capacity = count;
	return ASOF_OK;
}

static inline bool
is_before(const struct asof_tile_sort_rows *rows, size_t a, size_t b)
{
	if (rows->event_us[a] != rows->event_us[b])
		return rows->event_us[a] < rows->event_us[b];
	if (rows->created_us && rows->created_us[a] != rows->created_us[b])
		return rows->created_us[a] < rows->created_us[b];
	return rows->order && rows->order[a] < rows->order[b];
}

bool
asof_tile_sort_is_sorted(const struct asof_tile_sort_rows *rows)
{
	for (size_t i = 1; i < rows->count; i++) {
		if (rows->event_us[i - 1] < rows->event_us[i])
			continue;
		if (is_before(rows, i, i - 1))
			return false;
	}
	return true;
}

static void
insert_few(const struct asof_tile_sort_rows *rows, struct asof_tile_sort_item *items)
{
	for (size_t i = 0; i < rows->count; i++) {
		size_t at = i;
		while (at > 0 && is_before(rows, i, items[at - 1].at)) {
			items[at].at = items[at - 1].at;
			at--;
		}
		items[at].at = (uint32_t)i;
	}
}

/* items by one byte of their keys into `to`, equal ones in their order. */
static void
scatter(const struct asof_tile_sort_item *items, struct asof_tile_sort_item *to, size_t count,
	unsigned shift)
{
	uint32_t places[RADIX] = { 0 };
	for (size_t i = 0; i < count; i++)
		places[items[i].key >> shift & (RADIX - 1)]++;
	uint32_t place = 0;
	for (size_t digit = 0; digit < RADIX; digit++) {
		uint32_t digit_count = places[digit];
		places[digit] = place;
		place += digit_count;
	}
	for (size_t i = 0; i < count; i++)
		to[places[items[i].key >> shift & (RADIX - 1)]++] = items[i];
}

/* items, in any order, by their rows' keys; returns where they stand then. Bytes in which all keys
 * agree are passed over. */
static struct asof_tile_sort_item *
sort_by(const int64_t *keys, struct asof_tile_sort_item *items, struct asof_tile_sort_item *other,
	size_t count)
{
	uint64_t differs = 0;
	for (size_t i = 0; i < count; i++) {
		items[i].key = (uint64_t)keys[items[i].at] ^ SIGN;
		differs |= items[i].key ^ items[0].key;
	}
	for (unsigned shift = 0; shift < 64; shift += 8) {
		if (!(differs >> shift & (RADIX - 1)))
			continue;
		scatter(items, other, count, shift);
		struct asof_tile_sort_item *sorted = other;
		other = items;
		items = sorted;
	}
	return items;
}

/* Do rows of one event stand in (created, order)? */
static bool
ties_are_sorted(const struct asof_tile_sort_rows *rows, const struct asof_tile_sort_item *items)
{
	for (size_t i = 1; i < rows->count; i++) {
		if (items[i].key == items[i - 1].key &&
		    is_before(rows, items[i].at, items[i - 1].at))
			return false;
	}
	return true;
}

/* Where sorted runs begin, into begins[0 .. RUNS_MAX]; more than RUNS_MAX where there are more. */
static size_t
find_runs(const struct asof_tile_sort_rows *rows, size_t *begins)
{
	size_t count = 1;
	begins[0] = 0;
	for (size_t i = 1; i < rows->count && count <= RUNS_MAX; i++) {
		if (rows->event_us[i - 1] >= rows->event_us[i] && is_before(rows, i, i - 1))
			begins[count++] = i;
	}
	return count;
}

/* Two neighbouring runs into one; of equals, those of the former come first. */
static void
merge_two(const struct asof_tile_sort_rows *rows, const struct asof_tile_sort_item *items,
	  struct asof_tile_sort_item *to, size_t begin, size_t middle, size_t end)
{
	size_t a = begin;
	size_t b = middle;
	for (size_t i = begin; i < end; i++) {
		bool takes_b =
			b < end && (a == middle || is_before(rows, items[b].at, items[a].at));
		to[i].at = items[takes_b ? b : a].at;
		a += !takes_b;
		b += takes_b;
	}
}

/* Runs as several workers leave them that each took rows in order. */
static struct asof_tile_sort_item *
merge_runs(const struct asof_tile_sort_rows *rows, struct asof_tile_sort_item *items,
	   struct asof_tile_sort_item *other, size_t *begins, size_t count)
{
	begins[count] = rows->count;
	while (count > 1) {
		size_t merged = 0;
		for (size_t run = 0; run < count; run += 2) {
			size_t middle = begins[run + 1];
			size_t end = run + 1 < count ? begins[run + 2] : middle;
			merge_two(rows, items, other, begins[run], middle, end);
			begins[merged++] = begins[run];
		}
		begins[merged] = rows->count;
		count = merged;
		struct asof_tile_sort_item *sorted = other;
		other = items;
		items = sorted;
	}
	return items;
}

static struct asof_tile_sort_item *
sort_many(const struct asof_tile_sort_rows *rows, struct asof_tile_sort *sort)
{
	struct asof_tile_sort_item *items = sort->items;
	struct asof_tile_sort_item *ends[2] = { sort->items, sort->items + sort->capacity };
	for (size_t i = 0; i < rows->count; i++)
		items[i].at = (uint32_t)i;
	size_t begins[RUNS_MAX + 1];
	size_t run_count = find_runs(rows, begins);
	if (run_count <= RUNS_MAX)
		return merge_runs(rows, items, ends[1], begins, run_count);
	items = sort_by(rows->event_us, items, ends[1], rows->count);
	if (ties_are_sorted(rows, items))
		return items;

	const int64_t *keys[] = { rows->order, rows->created_us, rows->event_us };
	for (size_t k = 0; k < ASOF_COUNTOF(keys); k++) {
		if (keys[k])
			items = sort_by(keys[k], items, items == ends[0] ? ends[1] : ends[0],
					rows->count);
	}
	return items;
}

static void
move_times(int64_t *times, const struct asof_tile_sort_item *items, int64_t *scratch, size_t count)
{
	if (!times)
		return;
	for (size_t i = 0; i < count; i++)
		scratch[i] = times[items[i].at];
	memcpy(times, scratch, count * sizeof(*times));
}

void
asof_tile_sort_run(struct asof_tile_sort *sort, const struct asof_tile_sort_rows *rows)
{
	struct asof_tile_sort_item few[FEW];
	int64_t few_scratch[FEW];
	const struct asof_tile_sort_item *items = few;
	int64_t *scratch = few_scratch;
	if (rows->count <= FEW) {
		insert_few(rows, few);
	} else {
		items = sort_many(rows, sort);
		scratch = (int64_t *)(void *)(items == sort->items ? sort->items + sort->capacity
								   : sort->items);
	}
	move_times(rows->event_us, items, scratch, rows->count);
	move_times(rows->created_us, items, scratch, rows->count);
	move_times(rows->order, items, scratch, rows->count);
	uint32_t *ids = (uint32_t *)(void *)scratch;
	for (size_t i = 0; i < rows->count; i++)
		ids[i] = rows->ids[items[i].at];
	memcpy(rows->ids, ids, rows->count * sizeof(*ids));
}
