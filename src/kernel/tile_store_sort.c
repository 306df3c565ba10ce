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

static inline int64_t
tie_at(struct asof_tile_sort_tie tie, uint32_t id)
{
	return tie.chunks[id / ASOF_TILE_CHUNK_ROWS][id % ASOF_TILE_CHUNK_ROWS];
}

/* Of two rows of one event. */
static bool
is_before_in_tie(const struct asof_tile_sort_rows *rows, uint32_t a, uint32_t b)
{
	if (rows->created.chunks) {
		int64_t created_a = tie_at(rows->created, a);
		int64_t created_b = tie_at(rows->created, b);
		if (created_a != created_b)
			return created_a < created_b;
	}
	return rows->order.chunks && tie_at(rows->order, a) < tie_at(rows->order, b);
}

static inline bool
is_before(const struct asof_tile_sort_rows *rows, size_t a, size_t b)
{
	if (rows->event_us[a] != rows->event_us[b])
		return rows->event_us[a] < rows->event_us[b];
	return is_before_in_tie(rows, rows->ids[a], rows->ids[b]);
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

/* items, whose keys are in `key` form, by them; returns where they stand then. Bytes in which all
 * keys agree are passed over. */
static struct asof_tile_sort_item *
sort_by_keys(struct asof_tile_sort_item *items, struct asof_tile_sort_item *other, size_t count)
{
	uint64_t differs = 0;
	for (size_t i = 0; i < count; i++)
		differs |= items[i].key ^ items[0].key;
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

static void
set_events(const struct asof_tile_sort_rows *rows, struct asof_tile_sort_item *items)
{
	for (size_t i = 0; i < rows->count; i++)
		items[i].key = (uint64_t)rows->event_us[items[i].at] ^ SIGN;
}

static struct asof_tile_sort_item *
sort_by_tie(const struct asof_tile_sort_rows *rows, struct asof_tile_sort_tie tie,
	    struct asof_tile_sort_item *items, struct asof_tile_sort_item *other)
{
	if (!tie.chunks)
		return items;
	for (size_t i = 0; i < rows->count; i++)
		items[i].key = (uint64_t)tie_at(tie, rows->ids[items[i].at]) ^ SIGN;
	return sort_by_keys(items, other, rows->count);
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
other_end(struct asof_tile_sort_item *const *ends, const struct asof_tile_sort_item *items)
{
	return items == ends[0] ? ends[1] : ends[0];
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
	set_events(rows, items);
	items = sort_by_keys(items, ends[1], rows->count);
	if (ties_are_sorted(rows, items))
		return items;

	items = sort_by_tie(rows, rows->order, items, other_end(ends, items));
	items = sort_by_tie(rows, rows->created, items, other_end(ends, items));
	set_events(rows, items);
	return sort_by_keys(items, other_end(ends, items), rows->count);
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
	for (size_t i = 0; i < rows->count; i++)
		scratch[i] = rows->event_us[items[i].at];
	memcpy(rows->event_us, scratch, rows->count * sizeof(*scratch));
	uint32_t *ids = (uint32_t *)(void *)scratch;
	for (size_t i = 0; i < rows->count; i++)
		ids[i] = rows->ids[items[i].at];
	memcpy(rows->ids, ids, rows->count * sizeof(*ids));
}
