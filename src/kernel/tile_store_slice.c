/* tile_store_slice.c - the tiles of one entity, borrowed from a finished store. */
#include <assert.h>

#include "kernel/tile_store_impl.h"
#include "model/duration.h"

void
asof_tile_slice_done(struct asof_tile_slice *slice)
{
	asof_mem_free(slice->columns);
	asof_arena_done(&slice->arena);
	*slice = (struct asof_tile_slice){ 0 };
}

/* How many of times[begin .. end) are <= at_us, and where they end. */
static size_t
end_until(const int64_t *times_us, size_t begin, size_t end, int64_t at_us)
{
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (times_us[middle] <= at_us)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

/* The bits from `begin` on, as words that begin with them. */
static enum asof_status
shift_validity(struct asof_tile_slice *slice, struct asof_column *column, size_t begin,
	       size_t count, struct asof_error *err)
{
	const uint64_t *from = column->validity + begin / 64;
	unsigned shift = begin % 64;
	column->validity = from;
	if (shift == 0)
		return ASOF_OK;
	size_t words = (count + 63) / 64;
	size_t there = (shift + count + 63) / 64; /* words that the store has */
	uint64_t *to = asof_arena_array(&slice->arena, words, sizeof(*to));
	if (!to)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu tiles", count);
	for (size_t i = 0; i < words; i++)
		to[i] = from[i] >> shift | (i + 1 < there ? from[i + 1] << (64 - shift) : 0);
	column->validity = to;
	return ASOF_OK;
}

static enum asof_status
slice_rows(const struct asof_tile_store *store, size_t begin, size_t end,
	   struct asof_tile_slice *slice, struct asof_error *err)
{
	size_t state_count = store->options.layout->state_count;
	size_t count = end - begin;
	struct asof_column *columns = slice->columns;
	if (!columns) {
		columns = asof_mem_alloc(state_count * sizeof(*columns));
		slice->columns = columns;
		if (!columns)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu states of tiles", state_count);
	}
	if (slice->arena.used_bytes > 0)
		asof_arena_reset(&slice->arena);
	slice->tiles = (struct asof_tiles){
		.count = count,
		.end_us = (const int64_t *)store->event.column.data + begin,
		.states = columns,
	};
	if (store->created.column.data)
		slice->tiles.created_us = (const int64_t *)store->created.column.data + begin;
	for (size_t i = 0; i < state_count; i++) {
		struct asof_column *column = &columns[i];
		*column = store->columns[i];
		column->data = store->states[i].data + begin * asof_column_width(column->type);
		if (column->validity && count > 0)
			ASOF_TRY(shift_validity(slice, column, begin, count, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_tile_store_slice(const struct asof_tile_store *store, uint32_t entity,
		      struct asof_tile_slice *slice, struct asof_error *err)
{
	assert(store->begins && entity < store->entity_count);
	return slice_rows(store, store->begins[entity], store->begins[entity + 1], slice, err);
}

enum asof_status
asof_tile_store_slice_between(const struct asof_tile_store *store, uint32_t entity,
			      int64_t first_us, int64_t last_us, int64_t longest_us,
			      struct asof_tile_slice *slice, struct asof_error *err)
{
	assert(store->begins && entity < store->entity_count);
	const int64_t *event_us = store->event.column.data;
	size_t begin = store->begins[entity];
	size_t end = store->begins[entity + 1];
	size_t from = end_until(event_us, begin, end, asof_us_sub(first_us, longest_us));
	end = end_until(event_us, from, end, last_us);
	return slice_rows(store, from > begin ? from - 1 : from, end, slice, err);
}

void
asof_tile_store_span(const struct asof_tile_store *store, int64_t *ret_min_us, int64_t *ret_max_us)
{
	*ret_min_us = store->min_us;
	*ret_max_us = store->max_us;
}

size_t
asof_tile_store_count(const struct asof_tile_store *store, uint32_t entity)
{
	return store->begins[entity + 1] - store->begins[entity];
}
