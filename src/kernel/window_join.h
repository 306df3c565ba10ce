/*
 * window_join.h - the windows of a view at the rows of a spine, from a tile store.
 *
 * Answers are evaluated when rows are read, a range of the spine at a time: the rows of a range are
 * visited entity by entity, each entity in one sweep. Ranges are as long as it takes to make their
 * sweeps cheap beside the answers, and as short as that allows: a spine in time order needs few
 * answers at once, one in random order all of them. Thread-safe after new().
 */
#ifndef ASOF_KERNEL_WINDOW_JOIN_H
#define ASOF_KERNEL_WINDOW_JOIN_H

#include "kernel/block.h"
#include "kernel/tile_store.h"

struct asof_window_join;

struct asof_window_join_options {
	const struct asof_spine_index *spine;
	const struct asof_tile_store *store;   /* finished; over the same spine */
	const struct asof_view *view;          /* max_age, available_after, step, outputs */
	const struct asof_tile_layout *layout; /* of the store's states */
	const size_t *wanted;                  /* indexes of view->outputs; copied */
	size_t wanted_count;
	/* A tile counts only if its created_us <= the row's time: --known-at label. The store keeps
	 * created_us then. */
	bool is_label;
	unsigned workers;   /* threads that evaluate a range */
	uint64_t max_bytes; /* for answers; 0: no bound. Never less than two short ranges */
};
ASOF_NODISCARD enum asof_status asof_window_join_new(const struct asof_window_join_options *options,
						     struct asof_window_join **ret_join,
						     struct asof_error *err);
/* NULL is a no-op. */
void asof_window_join_free(struct asof_window_join *join);
ASOF_DEFINE_AUTOFREE(struct asof_window_join, asof_window_join_free)

/*
 * As asof_pit_read(): the outputs of spine rows [first_row, first_row + count), count <=
 * ASOF_FIND_ROWS_MAX, into `block`; no tile at or before S, or one past max_age, gives the default.
 * Each row is read once, rows in about ascending order (readers may be a few ranges apart): a range
 * is let go when all its rows have been read. Text is borrowed from the store.
 */
ASOF_NODISCARD enum asof_status asof_window_join_read(struct asof_window_join *join,
						      int64_t first_row, size_t count,
						      struct asof_block *block, size_t first_column,
						      uint64_t *ret_matched,
						      struct asof_error *err);

/* What happened, for `explain --analyze`. */
struct asof_window_join_counts {
	uint64_t ranges;
	uint64_t instants; /* evaluated */
	uint64_t bytes;    /* the most that answers took at once */
};
struct asof_window_join_counts asof_window_join_counts(const struct asof_window_join *join);

#endif
