/* batch_answer.h - the answer to a batch request: rows read slice by slice, written as JSON. */
#ifndef ASOF_HTTP_BATCH_ANSWER_H
#define ASOF_HTTP_BATCH_ANSWER_H

#include "http/batch_request.h"

/*
 * {"results": [row, ..]} in request order, appended to `buf`; all rows at one clock. `rows_arena`
 * is reset for every slice of rows, so that memory does not grow with their number. The first is
 * for a batch of asof_batch_read_view(), the second for one of asof_batch_read().
 */
ASOF_NODISCARD enum asof_status
asof_batch_answer_view(struct asof_reader *reader, const struct asof_batch_request *batch,
		       struct asof_arena *rows_arena, struct asof_buf *buf, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_batch_answer(struct asof_reader *reader,
						  const struct asof_batch_request *batch,
						  struct asof_arena *rows_arena,
						  struct asof_buf *buf, struct asof_error *err);

#endif
