/*
 * window_sweep_sums.h - counts, sums and squares of a window at some rows, found in one of two
 * ways.
 *
 * Exactly: every value is an integer times one power of two, so sums of them are wide integers,
 * differences of prefixes lose nothing, and the pair of doubles that follows is the sum itself. Or,
 * where magnitudes are too far apart for that or not finite, as pairs in two stacks, where nothing
 * is ever subtracted.
 */
#ifndef ASOF_KERNEL_WINDOW_SWEEP_SUMS_H
#define ASOF_KERNEL_WINDOW_SWEEP_SUMS_H

#include "kernel/window_sweep_pass.h"

#define ASOF_SWEEP_CHUNK 64

/* Of up to ASOF_SWEEP_CHUNK rows. Totals are those of columns that are summed exactly. */
struct asof_sweep_moments {
	int64_t counts[ASOF_SWEEP_CHUNK];
	asof_int128 totals[ASOF_SWEEP_CHUNK];
	int64_t carries[ASOF_SWEEP_CHUNK];
	double sums[ASOF_SWEEP_CHUNK];
	double sum_lows[ASOF_SWEEP_CHUNK];
	double squares[ASOF_SWEEP_CHUNK];
	double square_lows[ASOF_SWEEP_CHUNK];
};

/* The states that a pass reads; NULL where there is none. */
struct asof_sweep_states {
	const struct asof_column *value; /* of events; of tiles the others */
	const struct asof_column *count;
	const struct asof_column *sum;
	const struct asof_column *sum_low;
	const struct asof_column *squares;
	const struct asof_column *squares_low;
	bool is_exact; /* as asof_merge_is_exact() has it */
};
struct asof_sweep_states asof_sweep_states(const struct asof_sweep_run *run,
					   const struct asof_sweep_pass *pass);

/* Two's complement. */
__extension__ typedef unsigned __int128 asof_sweep_u128;
struct asof_sweep_wide {
	asof_sweep_u128 low;
	asof_sweep_u128 high;
};

/* Sums of all tiles before one: of sums in units of 2^-1075 * 2^sum_place, of squares likewise. */
struct asof_sweep_prefix {
	int64_t count;
	asof_sweep_u128 sum;
	struct asof_sweep_wide squares;
};

/* A window that moves, its ends as prefixes. */
struct asof_sweep_ends {
	struct asof_sweep_prefix begin;
	struct asof_sweep_prefix end;
	size_t begin_tile;
	size_t end_tile;
};

/* Find out whether the values can be summed exactly, once per column and run. */
ASOF_NODISCARD enum asof_status asof_sweep_exact_prepare(const struct asof_sweep_run *run,
							 const struct asof_sweep_pass *pass,
							 const struct asof_sweep_states *states,
							 bool *ret_is_exact);
/* Rows [from, to) of the run. `ends` is zero before the first. */
void asof_sweep_exact_take(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
			   const struct asof_sweep_states *states, struct asof_sweep_ends *ends,
			   size_t from, size_t to, struct asof_sweep_moments *moments);

struct asof_sweep_stacks {
	struct asof_sweep_sums *suffixes; /* that of tile t at t - first: all tiles [t, middle) */
	size_t first;
	size_t middle;
	struct asof_sweep_sums back; /* of tiles [middle, end) */
	size_t begin;                /* the window holds tiles [begin, end) */
	size_t end;
	struct asof_moments held; /* counts and totals, added and subtracted */
};
ASOF_NODISCARD enum asof_status asof_sweep_stacks_init(const struct asof_sweep_run *run,
						       const struct asof_sweep_pass *pass,
						       struct asof_sweep_stacks *stacks);
void asof_sweep_stacks_take(const struct asof_sweep_run *run, const struct asof_sweep_pass *pass,
			    const struct asof_sweep_states *states,
			    struct asof_sweep_stacks *stacks, size_t from, size_t to,
			    struct asof_sweep_moments *moments);

/* Means and variances of finite sums, by the steps of asof_dd_mean() and asof_dd_variance(), for
 * counts < 2^52. Where a count is 0, or 1, the result is of no use. Rows after `count` are read up
 * to a multiple of four. */
void asof_sweep_means(const struct asof_sweep_moments *m, size_t count, double *means);
void asof_sweep_variances(const struct asof_sweep_moments *m, size_t count, double *variances);

#endif
