/*
 * join_fill.h - the features of a training set's rows, as the engine asks for them while it writes.
 *
 * Answers of the kernels go into a block per worker, its columns in the order of the training set,
 * and rows that got something of a view are counted on the way. asof_join_fill_rows() is called by
 * several workers at once, everything else by one thread.
 */
#ifndef ASOF_JOB_JOIN_FILL_H
#define ASOF_JOB_JOIN_FILL_H

#include "job/join_run.h"
#include "kernel/pit.h"
#include "kernel/window_join.h"

/* What answers for a view: one of both. Borrowed. */
struct asof_join_answers {
	const struct asof_pit *pit;
	struct asof_window_join *windows;
};

struct asof_join_fill_worker;

struct asof_join_fill {
	const struct asof_join_run *run;
	const struct asof_join_answers *answers; /* beside run->tables */
	struct asof_arena arena;
	struct asof_type *types;   /* of the block's columns: view after view */
	size_t *first_columns;     /* in the block, of each view */
	struct asof_field *fields; /* of the training set */
	struct asof_join_fill_worker *workers;
	unsigned worker_count;
};

ASOF_NODISCARD enum asof_status asof_join_fill_init(struct asof_join_fill *fill,
						    const struct asof_join_run *run,
						    const struct asof_join_answers *answers,
						    struct asof_error *err);
/* All-zero is a no-op. */
void asof_join_fill_done(struct asof_join_fill *fill);
/* Bytes of the blocks. */
uint64_t asof_join_fill_bytes(const struct asof_join_run *run);

/* asof_mapped.fill, its arg the fill. */
ASOF_NODISCARD enum asof_status asof_join_fill_rows(void *arg, unsigned worker, const int64_t *rows,
						    size_t count, struct asof_batch *ret_batch,
						    struct asof_error *err);
/* Add the rows that got something of each view to matched[]: a value, or where every feature of the
 * view has a default another value than that. */
void asof_join_fill_count(const struct asof_join_fill *fill, int64_t *matched);

#endif
