/* window_join_known.c - windows over the tiles that were known at the rows' own times. */
#include <stdlib.h>

#include "kernel/window_join_impl.h"
#include "model/duration.h"

static enum asof_status
out_of_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "tiles known at an instant");
}

void
asof_window_known_done(struct asof_window_known *known)
{
	asof_tile_slice_done(&known->all);
	asof_mem_free(known->late_us);
	asof_mem_free(known->rows);
	asof_mem_free(known->columns);
	asof_arena_done(&known->arena);
	*known = (struct asof_window_known){ 0 };
}

/* Whether a row may ask for a tile's window before it was created. */
static inline bool
is_late(const struct asof_window_join *join, const struct asof_tiles *tiles, size_t row)
{
	return tiles->created_us[row] >
	       asof_us_add(tiles->end_us[row], join->options.view->available_after_us);
}

static bool
has_late(const struct asof_window_join *join, const struct asof_tiles *tiles)
{
	for (size_t i = 0; tiles->created_us && i < tiles->count; i++) {
		if (is_late(join, tiles, i))
			return true;
	}
	return false;
}

static int
by_time(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

/* When each late tile became known to some but not all of these rows, into known->late_us,
 * ascending. */
static enum asof_status
list_late(const struct asof_window_join *join, struct asof_window_known *known,
	  const int64_t *known_us, size_t row_count, size_t *ret_count, struct asof_error *err)
{
	const struct asof_tiles *tiles = &known->all.tiles;
	size_t count = 0;
	ASOF_TRY(asof_mem_reserve((void **)&known->late_us, &known->late_capacity, tiles->count,
				  sizeof(*known->late_us), err));
	for (size_t i = 0; i < tiles->count; i++) {
		int64_t created_us = tiles->created_us[i];
		if (created_us <= known_us[0] || created_us > known_us[row_count - 1] ||
		    !is_late(join, tiles, i))
			continue;
		if (count == 0 || known->late_us[count - 1] != created_us)
			known->late_us[count++] = created_us;
	}
	qsort(known->late_us, count, sizeof(*known->late_us), by_time);
	*ret_count = count;
	return ASOF_OK;
}

static size_t
count_until(const int64_t *times_us, size_t count, int64_t at_us)
{
	size_t low = 0;
	while (low < count) {
		size_t middle = low + (count - low) / 2;
		if (times_us[middle] <= at_us)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* Tiles created up to known_us of those that windows at [first_us, last_us] need, into known->rows:
 * those with END after first_us - longest_us, and the newest before. */
static size_t
list_known(const struct asof_window_join *join, struct asof_window_known *known, int64_t first_us,
	   int64_t last_us, int64_t known_us)
{
	const struct asof_tiles *tiles = &known->all.tiles;
	size_t begin =
		count_until(tiles->end_us, tiles->count, asof_us_sub(first_us, join->longest_us));
	size_t end = count_until(tiles->end_us, tiles->count, last_us);
	size_t before = begin;
	size_t count = 0;
	while (before > 0 && tiles->created_us[before - 1] > known_us)
		before--;
	if (before > 0)
		known->rows[count++] = (uint32_t)before - 1;
	/* One that is not late is known to whom it ends at or before. */
	for (size_t i = begin; i < end; i++) {
		known->rows[count] = (uint32_t)i;
		count += tiles->created_us[i] <= known_us || !is_late(join, tiles, i);
	}
	return count;
}

static enum asof_status
gather_column(struct asof_window_known *known, const struct asof_column *from, size_t count,
	      struct asof_column *to, struct asof_error *err)
{
	size_t width = asof_column_width(from->type);
	char *data = asof_arena_array(&known->arena, count, width);
	uint64_t *validity = asof_arena_array(&known->arena, (count + 63) / 64, sizeof(*validity));
	if (!data || !validity)
		return out_of_memory(err);
	for (size_t i = 0; i < count; i++) {
		size_t row = known->rows[i];
		memcpy(data + i * width, (const char *)from->data + row * width, width);
		validity[i / 64] |= (uint64_t)!asof_column_is_null(from, row) << (i % 64);
	}
	*to = (struct asof_column){ .type = from->type,
				    .validity = from->validity ? validity : NULL,
				    .data = data,
				    .child = from->child };
	return ASOF_OK;
}

/* The rows listed, as tiles of their own. */
static enum asof_status
gather_tiles(const struct asof_window_join *join, struct asof_window_known *known, size_t count,
	     struct asof_tiles *ret_tiles, struct asof_error *err)
{
	size_t state_count = join->options.layout->state_count;
	asof_arena_reset(&known->arena);
	int64_t *end_us = asof_arena_array(&known->arena, count, sizeof(*end_us));
	if (!known->columns)
		known->columns = asof_mem_alloc(state_count * sizeof(*known->columns));
	if (!end_us || !known->columns)
		return out_of_memory(err);
	for (size_t i = 0; i < count; i++)
		end_us[i] = known->all.tiles.end_us[known->rows[i]];
	for (size_t i = 0; i < state_count; i++)
		ASOF_TRY(gather_column(known, &known->all.tiles.states[i], count,
				       &known->columns[i], err));
	*ret_tiles =
		(struct asof_tiles){ .count = count, .end_us = end_us, .states = known->columns };
	return ASOF_OK;
}

/* Rows between which no late tile became known see the same tiles: a sweep for each such run. */
static enum asof_status
run_late(const struct asof_window_join *join, struct asof_window_worker *worker,
	 const int64_t *at_us, const int64_t *known_us, size_t count, size_t first_row,
	 struct asof_error *err)
{
	struct asof_window_known *known = &worker->known;
	size_t late_count = 0;
	ASOF_TRY(list_late(join, known, known_us, count, &late_count, err));
	ASOF_TRY(asof_mem_reserve((void **)&known->rows, &known->row_capacity,
				  known->all.tiles.count + 1, sizeof(*known->rows), err));
	for (size_t first = 0, end; first < count; first = end) {
		size_t late = count_until(known->late_us, late_count, known_us[first]);
		int64_t until_us = late < late_count ? known->late_us[late] : INT64_MAX;
		end = first + 1;
		while (end < count && (late == late_count || known_us[end] < until_us))
			end++;
		struct asof_tiles tiles = { 0 };
		size_t rows =
			list_known(join, known, at_us[first], at_us[end - 1], known_us[first]);
		ASOF_TRY(gather_tiles(join, known, rows, &tiles, err));
		ASOF_TRY(asof_window_sweep_run(worker->sweep, &tiles, at_us + first, end - first,
					       &worker->block, 0, first_row + first,
					       worker->event_us + first_row + first, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_window_known_run(const struct asof_window_join *join, struct asof_window_worker *worker,
		      uint32_t entity, const int64_t *at_us, const int64_t *known_us, size_t count,
		      size_t first_row, struct asof_error *err)
{
	const struct asof_tile_store *store = join->options.store;
	ASOF_TRY(asof_tile_store_slice_between(store, entity, at_us[0], at_us[count - 1],
					       join->longest_us, &worker->slice, err));
	if (has_late(join, &worker->slice.tiles)) {
		ASOF_TRY(asof_tile_store_slice(store, entity, &worker->known.all, err));
		return run_late(join, worker, at_us, known_us, count, first_row, err);
	}
	worker->slice.tiles.created_us = NULL; /* rows stand in order */
	return asof_window_sweep_run(worker->sweep, &worker->slice.tiles, at_us, count,
				     &worker->block, 0, first_row, worker->event_us + first_row,
				     err);
}
