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
	size_t rank_window; /* the longest window that ranks of the same values are asked of */
	double mean_power;  /* a decimal's mean is divided by it; else 1 */
	double variance_power;
};

/* Sum and squares of some tiles. */
struct asof_sweep_sums {
	struct asof_dd sum;
	struct asof_dd squares;
};

/* Arrays used again from entity to entity. */
struct asof_sweep_scratch {
	uint32_t *queue; /* rows of tiles */
	size_t queue_capacity;
	uint64_t *keys; /* ordinals of the same rows */
	size_t key_capacity;
	struct asof_sweep_sums *suffixes;
	size_t suffix_capacity;
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

/* Tiles that any row's window holds: from the first row's begin to the last row's end. */
static inline size_t
asof_sweep_reach(const struct asof_sweep_run *run, size_t window)
{
	return run->ends[run->count - 1] - run->begins[window][run->first];
}

#endif
