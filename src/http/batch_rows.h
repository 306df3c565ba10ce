/*
 * batch_rows.h - some rows of a batch, of all its parts, as the store has them. For the files that
 * write answers.
 */
#ifndef ASOF_HTTP_BATCH_ROWS_H
#define ASOF_HTTP_BATCH_ROWS_H

#include "http/batch_request.h"

/* Rows read at a time: enough to batch the store, few enough to stay in cache. */
#define ASOF_BATCH_SLICE_ROWS 1024

struct asof_batch_slice {
	struct asof_reader *reader;
	const struct asof_batch_request *batch;
	int64_t clock_us;
	size_t first;
	size_t count;
	struct asof_arena *arena;
	struct asof_answer **answers; /* per part, `count` of them, once they are read */
};

/* Read the answers into `arena`. A row with a NULL key matches nothing, and has no defaults. */
ASOF_NODISCARD enum asof_status asof_batch_read_slice(struct asof_batch_slice *slice,
						      struct asof_error *err);

typedef enum asof_status asof_batch_slice_fn(void *arg, const struct asof_batch_slice *slice,
					     struct asof_error *err);

/* All rows, slice by slice, at one clock. `arena` is reset for each, so that memory does not grow
 * with their number. */
ASOF_NODISCARD enum asof_status asof_batch_each_slice(struct asof_reader *reader,
						      const struct asof_batch_request *batch,
						      struct asof_arena *arena,
						      asof_batch_slice_fn *take, void *arg,
						      struct asof_error *err);

#endif
