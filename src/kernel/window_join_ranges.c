/* window_join_ranges.c - how many rows of a spine are answered at once. */
#include "kernel/window_join_impl.h"
#include "model/duration.h"

#define RANGES_MAX ((size_t)64)

/* Of so many rows one is looked at: how long ranges are is a guess, and slots stand far apart. */
#define SAMPLE ((size_t)16)

/* The times of a block of rows, about; min > max: none. */
struct span {
	int64_t min_us;
	int64_t max_us;
};

static void
find_spans(const struct asof_spine_slots *slots, struct span *spans)
{
	for (size_t row = 0; row < slots->row_count; row += SAMPLE) {
		struct span *span = &spans[row / ASOF_WINDOW_BLOCK_ROWS];
		if (row % ASOF_WINDOW_BLOCK_ROWS == 0)
			*span = (struct span){ INT64_MAX, INT64_MIN };
		uint32_t slot = slots->row_slots[row];
		if (slot == ASOF_NO_SLOT)
			continue;
		int64_t time_us = slots->times_us[slot];
		span->min_us = time_us < span->min_us ? time_us : span->min_us;
		span->max_us = time_us > span->max_us ? time_us : span->max_us;
	}
}

/* The tiles that windows at rows of `span` touch, were all tiles spread evenly over their time. */
static double
tiles_of(const struct asof_window_join *join, struct span span)
{
	struct span all;
	if (span.min_us > span.max_us)
		return 0;
	asof_tile_store_span(join->options.store, &all.min_us, &all.max_us);
	double tiles = (double)asof_tile_store_rows(join->options.store);
	int64_t first_us = asof_window_instant(join->options.view, span.min_us);
	first_us = asof_us_sub(first_us, join->longest_us);
	if (first_us < all.min_us)
		first_us = all.min_us;
	int64_t last_us = span.max_us < all.max_us ? span.max_us : all.max_us;
	if (first_us > last_us)
		return 0;
	return tiles * ((double)last_us - (double)first_us + 1) /
	       ((double)all.max_us - (double)all.min_us + 1);
}

/* What sweeping costs with ranges of so many blocks. */
static double
work_of(const struct asof_window_join *join, const struct span *spans, size_t block_count,
	size_t range_blocks)
{
	double work = 0;
	for (size_t first = 0; first < block_count; first += range_blocks) {
		struct span range = { INT64_MAX, INT64_MIN };
		for (size_t i = first; i < first + range_blocks && i < block_count; i++) {
			if (spans[i].min_us < range.min_us)
				range.min_us = spans[i].min_us;
			if (spans[i].max_us > range.max_us)
				range.max_us = spans[i].max_us;
		}
		work += tiles_of(join, range);
	}
	return work;
}

/*
 * The fewest blocks with which sweeping costs little more than in one range: a tile that is swept
 * again costs about a fifth of an answer.
 */
static size_t
cheap_blocks(const struct asof_window_join *join, const struct span *spans, size_t block_count)
{
	double bound = 1.2 * work_of(join, spans, block_count, block_count) +
		       (double)join->slots->row_count;
	size_t blocks = (block_count + RANGES_MAX - 1) / RANGES_MAX;
	while (blocks < block_count && work_of(join, spans, block_count, blocks) > bound)
		blocks++;
	return blocks;
}

/* The most blocks of which one per reader and one more fit. */
static size_t
most_blocks(const struct asof_window_join *join)
{
	if (join->options.max_bytes == 0)
		return SIZE_MAX;
	uint64_t range_bytes = join->options.max_bytes / (join->options.workers + 1U);
	uint64_t row_bytes = join->layout.stride + sizeof(uint32_t);
	uint64_t blocks = range_bytes / row_bytes / ASOF_WINDOW_BLOCK_ROWS;
	return blocks > 0 ? blocks : 1;
}

enum asof_status
asof_window_range_rows(const struct asof_window_join *join, size_t *ret_rows,
		       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t block_count =
		(join->slots->row_count + ASOF_WINDOW_BLOCK_ROWS - 1) / ASOF_WINDOW_BLOCK_ROWS;
	size_t blocks = 1;
	if (block_count > 1) {
		struct span *spans = asof_arena_array(&arena, block_count, sizeof(*spans));
		if (!spans)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "ranges of %zu rows",
					 join->slots->row_count);
		find_spans(join->slots, spans);
		blocks = cheap_blocks(join, spans, block_count);
		size_t most = most_blocks(join);
		blocks = blocks < most ? blocks : most;
	}
	*ret_rows = blocks * ASOF_WINDOW_BLOCK_ROWS;
	return ASOF_OK;
}
