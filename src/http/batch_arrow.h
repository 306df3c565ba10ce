/* batch_arrow.h - the answer to a batch request as an Arrow IPC stream. */
#ifndef ASOF_HTTP_BATCH_ARROW_H
#define ASOF_HTTP_BATCH_ARROW_H

#include "http/batch_request.h"
#include "http/routes.h"

#define ASOF_ARROW_MEDIA_TYPE "application/vnd.apache.arrow.stream"

/*
 * Keys by name; per feature a column and, behind it, NAME.status (a dictionary of words); per view
 * `event_time`. has_bare_names: of a batch of asof_batch_read_view(); else names are VIEW.NAME. A
 * record batch per slice of rows; the schema's metadata has `asof.version.VIEW`. Memory as that of
 * the answer in JSON.
 */
ASOF_NODISCARD enum asof_status
asof_batch_answer_arrow(struct asof_reader *reader, const struct asof_batch_request *batch,
			bool has_bare_names, struct asof_scratch *scratch, struct asof_buf *buf,
			struct asof_error *err);

#endif
