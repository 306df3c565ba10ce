/*
 * delta_state.h - a table's log as files, and what it says at one version.
 *
 * The log is what lies in <table>/_delta_log/: one file per version, from 0 on without gaps. One
 * thread at a time per state.
 */
#ifndef ASOF_LAKE_DELTA_STATE_H
#define ASOF_LAKE_DELTA_STATE_H

#include "lake/delta_log.h"

#define ASOF_DELTA_LOG_BYTES_MAX ((size_t)256 << 20) /* of one entry */

/* Which versions there are. Lives in the arena it was listed into. */
struct asof_delta_log {
	const char *table;
	int64_t newest;             /* -1: no table */
	const int64_t *modified_us; /* per version: when the file was written */
};

ASOF_NODISCARD enum asof_status asof_delta_log_list(struct asof_blob *lake, const char *table,
						    struct asof_arena *arena,
						    struct asof_delta_log *ret_log,
						    struct asof_error *err);

#define ASOF_DELTA_NAME_MAX 400
/* "<table>/_delta_log/00000000000000000007.json". ASOF_INVALID where `table` is no name. */
ASOF_NODISCARD enum asof_status asof_delta_log_name(const char *table, int64_t version,
						    char out[ASOF_DELTA_NAME_MAX],
						    struct asof_error *err);

/* Called for every action of one entry; `action` dies when it returns. */
typedef enum asof_status asof_delta_action_fn(void *arg, const struct asof_delta_action *action,
					      struct asof_error *err);
/* Read one entry through `buf`, whose memory is used again. Errors name file and line. */
ASOF_NODISCARD enum asof_status asof_delta_entry_read(struct asof_blob *lake, const char *table,
						      int64_t version, struct asof_buf *buf,
						      asof_delta_action_fn *visit, void *arg,
						      struct asof_error *err);

/* The table at one version. */
struct asof_delta_state {
	struct asof_table_snapshot snapshot;
	const char *table_id; /* of metaData */
	int64_t min_writer;
	int64_t run_version; /* at which the run asked for has committed; -1: it has not */
};

/* `version` must be in `log`. `run_id` NULL: none is asked for. */
ASOF_NODISCARD enum asof_status
asof_delta_state_read(struct asof_blob *lake, const struct asof_delta_log *log, int64_t version,
		      const char *run_id, struct asof_arena *arena,
		      struct asof_delta_state *ret_state, struct asof_error *err);

#endif
