/*
 * tile_build.h - what a build stores, made in memory: tiles of a windowed view, rows of a plain one
 * or of `step: event`, clustered by entity and sorted as the lake wants them.
 *
 * Source rows are taken by several workers at once in any order; they are partitioned by entity as
 * they come (and, of a stepped view, merged into tiles as soon as that saves room). finish() sorts;
 * then parts are read in parallel. Tiles equal those of the reference SQL: the same rows, states
 * and order, sums as double-doubles normalised the same way.
 */
#ifndef ASOF_KERNEL_TILE_BUILD_H
#define ASOF_KERNEL_TILE_BUILD_H

#include "kernel/block.h"
#include "model/tile.h"

struct asof_tile_build;

struct asof_tile_build_options {
	const struct asof_view *view; /* keys' types, step, created_time or not; outlives this */
	/* Of the stepped or event view; NULL for a plain one, whose columns are its outputs'. */
	const struct asof_tile_layout *layout;
	unsigned workers;
	uint64_t max_bytes; /* 0: no bound; beyond it ASOF_LIMIT: the engine, which spills, is to do
			       it */
};
ASOF_NODISCARD enum asof_status asof_tile_build_new(const struct asof_tile_build_options *options,
						    struct asof_tile_build **ret_build,
						    struct asof_error *err);
/* NULL is a no-op. */
void asof_tile_build_free(struct asof_tile_build *build);
ASOF_DEFINE_AUTOFREE(struct asof_tile_build, asof_tile_build_free)

/*
 * Source rows: columns k0 .. (of the keys' types), event_us, created_us, row_order (int64), then
 * the values: layout->columns (windowed) or the outputs' columns (plain). Rows whose key or
 * event_us is NULL, or that of an engine's infinity (INT64_MAX, -INT64_MAX), are left out and
 * counted. Where the source has no created_time, created_us is the same in all.
 */
ASOF_NODISCARD enum asof_status asof_tile_build_take(struct asof_tile_build *build, unsigned worker,
						     const struct asof_batch *batch,
						     struct asof_error *err);
/* After the last take(), on `workers` threads. */
ASOF_NODISCARD enum asof_status asof_tile_build_finish(struct asof_tile_build *build,
						       struct asof_error *err);

uint64_t asof_tile_build_rows(const struct asof_tile_build *build);  /* to be read */
uint64_t asof_tile_build_bytes(const struct asof_tile_build *build); /* of memory */
/* What a row takes until it is read, or a tile of a stepped view; texts and lists come on top. */
size_t asof_tile_build_row_bytes(const struct asof_tile_build *build);
/* Rows that were left out, after the last take(): one may count twice. */
void asof_tile_build_skipped(const struct asof_tile_build *build, uint64_t *ret_null_keys,
			     uint64_t *ret_null_times);

/*
 * Rows [first, first + count) in (key, END, created, order) order, as the table stores them (see
 * asof_plan_table_fields()): the keys, event_time and created_time (timestamps), then the states
 * and
 * `_last_event`, or the values and `_order`. `block` has those columns and has been reset.
 * Thread-safe for different blocks; text is borrowed from `build`.
 */
ASOF_NODISCARD enum asof_status asof_tile_build_read(const struct asof_tile_build *build,
						     uint64_t first, size_t count,
						     struct asof_block *block,
						     struct asof_error *err);
/* The first row >= `at` that begins another entity; rows where there is none: where to part the
 * rows so that those of an entity stay together. */
uint64_t asof_tile_build_boundary(const struct asof_tile_build *build, uint64_t at);

#endif
