/*
 * delta_snapshot.h - <version>.asof.json: a table at one version as text that is quick to read.
 * Pure.
 *
 * A line that names the version, the actions protocol, metaData, commitInfo, txn and remove as the
 * log has them, a line per active file ({"file":[path, size, modified_ms, rows, statistics]}), and
 * at the end a line with the checksum of all before it. Only asof reads it; the log stays the
 * truth.
 */
#ifndef ASOF_LAKE_DELTA_SNAPSHOT_H
#define ASOF_LAKE_DELTA_SNAPSHOT_H

#include "lake/delta_state.h"

#define ASOF_DELTA_TXNS_MAX 1000 /* that a snapshot or checkpoint remembers */

/* Errors are those of the buffer, and ASOF_CORRUPT statistics. */
ASOF_NODISCARD enum asof_status asof_delta_snapshot_write(const struct asof_delta_state *state,
							  struct asof_buf *buf,
							  struct asof_error *err);
/* The same as lines of a checkpoint as the protocol describes it; *ret_count of them. */
ASOF_NODISCARD enum asof_status asof_delta_checkpoint_lines(const struct asof_delta_state *state,
							    struct asof_buf *buf, size_t *ret_count,
							    struct asof_error *err);
/* Visit the actions of a snapshot of `version`. ASOF_CORRUPT: it is damaged, nothing was visited
 * where that is told by the checksum. */
ASOF_NODISCARD enum asof_status asof_delta_snapshot_read(struct asof_str text, int64_t version,
							 asof_delta_action_fn *visit, void *arg,
							 struct asof_error *err);

#endif
