/*
 * delta_state.h - what a table's log says at one version. One thread at a time per state.
 */
#ifndef ASOF_LAKE_DELTA_STATE_H
#define ASOF_LAKE_DELTA_STATE_H

#include "lake/delta_list.h"
#include "lake/delta_log.h"

/* Called for every action of one entry; `action` dies when it returns. */
typedef enum asof_status asof_delta_action_fn(void *arg, const struct asof_delta_action *action,
					      struct asof_error *err);
/* Read one entry through `buf`, whose memory is used again. Errors name file and line. */
ASOF_NODISCARD enum asof_status asof_delta_entry_read(struct asof_blob *lake, const char *table,
						      int64_t version, struct asof_buf *buf,
						      asof_delta_action_fn *visit, void *arg,
						      struct asof_error *err);
/* Lines of actions, however they were come by. */
ASOF_NODISCARD enum asof_status asof_delta_lines_read(struct asof_str lines, const char *name,
						      asof_delta_action_fn *visit, void *arg,
						      struct asof_error *err);

/* The table at one version. */
struct asof_delta_state {
	struct asof_table_snapshot snapshot;
	const char *table_id; /* of metaData */
	int64_t min_writer;
	const struct asof_field *columns; /* of the schema, those too that only the log has */
	size_t column_count;
	int64_t run_version; /* at which the run asked for has committed; -1: it has not */
	/* What a snapshot is made of, besides. */
	struct asof_str protocol_line;
	struct asof_str metadata_line;
	struct asof_str commit_line;       /* of the version's own entry; empty: it had none */
	const struct asof_delta_txn *txns; /* oldest first; an id may come again */
	size_t txn_count;
	const struct asof_delta_remove *removed; /* files that are not active any more */
	size_t removed_count;
};

/* `version` must be in `log`. `run_id` NULL: none is asked for. `io` as of asof_table_read_by(). */
ASOF_NODISCARD enum asof_status
asof_delta_state_read(struct asof_blob *lake, const struct asof_delta_log *log, int64_t version,
		      const char *run_id, const struct asof_checkpoint_io *io,
		      struct asof_arena *arena, struct asof_delta_state *ret_state,
		      struct asof_error *err);

/* When an entry of the log was committed: what it says itself, else its file's time. */
ASOF_NODISCARD enum asof_status asof_delta_commit_time(struct asof_blob *lake,
						       const struct asof_delta_log *log,
						       int64_t version, struct asof_buf *buf,
						       int64_t *ret_us, struct asof_error *err);

#endif
