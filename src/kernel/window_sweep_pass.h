/*
 * window_sweep_pass.h - one aggregate of one column over one window, swept over an entity. Pure.
 *
 * A pass visits the rows (instants) of a run in order; its window holds tiles [begins[i], ends[i])
 * at row i, and neither bound ever goes back.
 */
#ifndef ASOF_KERNEL_WINDOW_SWEEP_PASS_H
#define ASOF_KERNEL_WINDOW_SWEEP_PASS_H

#include "kernel/block.h"
#include "kernel/window_merge.h"

enum asof_sweep_kind {
	ASOF_SWEEP_ROWS,
	ASOF_SWEEP_MOMENTS, /* count, sum, mean, std, var */
	ASOF_SWEEP_MIN,
	ASOF_SWEEP_MAX,
	ASOF_SWEEP_FIRST,
	ASOF_SWEEP_LAST,
	ASOF_SWEEP_QUANTILES, /* median too */
	ASOF_SWEEP_DISTINCT,
};

/* A wanted output; several may follow from one pass. */
struct asof_sweep_target {
	const struct asof_output *output;
	size_t column; /* of the block, from the run's first_column */
};

struct asof_sweep_pass {
	enum asof_sweep_kind kind;
	size_t window;
	const struct asof_tile_column *column; /* NULL: ROWS */
	const struct asof_sweep_target *targets;
	size_t target_count;
	bool wants_sums;
	bool wants_squares;
	/* What passes of the same column and of kinds that go by the same work need together. */
	size_t shared_window; /* the longest */
	bool shares_sums;
	bool shares_squares;
	double mean_power; /* a decimal's mean is divided by it; else 1 */
	double variance_power;
};

/* How the values of a column are summed exactly: as integers, in units of 2^-1075 * 2^place. */
struct asof_sweep_places {
	size_t first; /* tile */
	bool is_exact;
	bool is_stored; /* as prefixes */
	bool has_sums;
	bool has_squares;
	unsigned sum;
	unsigned squares;
};
struct asof_sweep_prefix;

/* Sum and squares of some tiles. */
struct asof_sweep_sums {
	struct asof_dd sum;
	struct asof_dd squares;
};

/* Arrays used again from entity to entity. */
struct asof_sweep_scratch {
	uint32_t *queue; /* rows of tiles */
	size_t queue_capacity;
	uint64_t *queue_keys; /* ordinals of the same rows */
	size_t queue_key_capacity;
	/* Min or max of `keyed`. */
	const struct asof_tile_column *keyed; /* NULL: none yet */
	enum asof_sweep_kind keyed_kind;
	bool has_keys; /* every value has one */
	size_t first_key;
	uint64_t *keys;
	size_t key_capacity;
	uint64_t *maxima; /* of suffixes */
	size_t maximum_capacity;
	struct asof_sweep_sums *suffixes;
	size_t suffix_capacity;
	const struct asof_tile_column *summed; /* what `places` is about; NULL: nothing yet */
	struct asof_sweep_places places;
	struct asof_sweep_prefix *prefixes;
	size_t prefix_capacity;
	/* Ranks of the values of `ranked`. */
	const struct asof_column *ranked; /* NULL: none yet */
	size_t first_tile;
	struct asof_item *items; /* sorted; of each rank one */
	size_t item_capacity;
	struct asof_item *other_items;
	size_t other_item_capacity;
	uint32_t *ranks; /* of the values, tile by tile */
	size_t rank_capacity;
	uint32_t *offsets; /* of a tile's values in `ranks` */
	size_t offset_capacity;
	size_t rank_count;
	uint32_t *counts; /* per rank, or a Fenwick tree of them */
	size_t count_capacity;
	struct asof_arena arena; /* of one instant */
};

/* One entity at its instants. Rows [first, count): those before have no tile. */
struct asof_sweep_run {
	struct asof_merge merge;
	const uint32_t *ends;
	const uint32_t *const *begins; /* per window */
	size_t first;
	size_t count;
	struct asof_block *block;
	size_t first_column;
	size_t first_row;
	struct asof_sweep_scratch *scratch;
	struct asof_error *err;
};

ASOF_NODISCARD enum asof_status asof_sweep_rows(const struct asof_sweep_run *run,
						const struct asof_sweep_pass *pass);
ASOF_NODISCARD enum asof_status asof_sweep_moments(const struct asof_sweep_run *run,
						   const struct asof_sweep_pass *pass);
ASOF_NODISCARD enum asof_status asof_sweep_extremes(const struct asof_sweep_run *run,
						    const struct asof_sweep_pass *pass);
/* min, max, first, last of any type. */
ASOF_NODISCARD enum asof_status asof_sweep_choice(const struct asof_sweep_run *run,
						  const struct asof_sweep_pass *pass);
ASOF_NODISCARD enum asof_status asof_sweep_ranks(const struct asof_sweep_run *run,
						 const struct asof_sweep_pass *pass);

/* Row i of a target is an empty window: its default, or NULL as it is. */
static inline enum asof_status
asof_sweep_set_empty(const struct asof_sweep_run *run, const struct asof_sweep_target *target,
		     size_t i)
{
	if (!target->output->has_default)
		return ASOF_OK;
	return asof_block_set(run->block, run->first_column + target->column, run->first_row + i,
			      target->output->default_value, run->err);
}

static inline void
asof_sweep_set_int64(const struct asof_sweep_run *run, const struct asof_sweep_target *target,
		     size_t i, int64_t number)
{
	size_t column = run->first_column + target->column;
	((int64_t *)run->block->data[column])[run->first_row + i] = number;
	asof_block_mark(run->block, column, run->first_row + i);
}

static inline void
asof_sweep_set_double(const struct asof_sweep_run *run, const struct asof_sweep_target *target,
		      size_t i, double number)
{
	size_t column = run->first_column + target->column;
	((double *)run->block->data[column])[run->first_row + i] = number;
	asof_block_mark(run->block, column, run->first_row + i);
}

/* The first `count` <= 64 bits. */
static inline uint64_t
asof_sweep_bits(size_t count)
{
	return count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
}

/* Bit i of `rows`: row from + i of the run has a value. At most 64 rows. */
static inline void
asof_sweep_mark(const struct asof_sweep_run *run, const struct asof_sweep_target *target,
		size_t from, uint64_t rows)
{
	uint64_t *words = run->block->validity[run->first_column + target->column];
	size_t row = run->first_row + from;
	words[row / 64] |= rows << (row % 64);
	if (row % 64 > 0 && rows >> (64 - row % 64))
		words[row / 64 + 1] |= rows >> (64 - row % 64);
}

/* Bit i of `rows`: the window of row from + i is empty. */
static inline enum asof_status
asof_sweep_set_defaults(const struct asof_sweep_run *run, const struct asof_sweep_target *target,
			size_t from, uint64_t rows)
{
	for (; rows != 0; rows &= rows - 1)
		ASOF_TRY(asof_sweep_set_empty(run, target, from + (size_t)__builtin_ctzll(rows)));
	return ASOF_OK;
}

/* Tiles from the first row's begin to the last row's end. */
static inline size_t
asof_sweep_reach(const struct asof_sweep_run *run, size_t window)
{
	return run->ends[run->count - 1] - run->begins[window][run->first];
}

/* Too few rows to prepare something for every tile that the longest window may hold. */
static inline bool
asof_sweep_is_sparse(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass)
{
	return asof_sweep_reach(run, pass->shared_window) / 8 > run->count - run->first;
}

#endif
