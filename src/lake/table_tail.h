/*
 * table_tail.h - a table that is followed: commits are read as they come, each once, by its name.
 * What that costs does not grow with the log.
 */
#ifndef ASOF_LAKE_TABLE_TAIL_H
#define ASOF_LAKE_TABLE_TAIL_H

#include "lake/table.h"

/* How far a table was read. */
struct asof_table_tail {
	int64_t version; /* -1: it was not there */
	char sum[33];    /* of that version's entry: of a table made anew it is another */
};

/* Follow a table from `version` on, which was read just now, or -1. */
ASOF_NODISCARD enum asof_status asof_table_tail_begin(struct asof_blob *lake, const char *table,
						      int64_t version,
						      struct asof_table_tail *ret_tail,
						      struct asof_error *err);

/* A commit that only added files: `files` are those, with their statistics, `info` its texts. Dies
 * when it returns. */
typedef enum asof_status asof_table_tail_fn(void *arg, const struct asof_table_snapshot *commit,
					    struct asof_error *err);
/*
 * Visit what was committed since, in order. *ret_is_lost: it cannot be followed any further, since
 * the table is not the one that was read, or a commit did more than to add files: read it anew.
 */
ASOF_NODISCARD enum asof_status asof_table_tail_read(struct asof_blob *lake, const char *table,
						     struct asof_table_tail *tail,
						     asof_table_tail_fn *visit, void *arg,
						     bool *ret_is_lost, struct asof_error *err);

/*
 * asof_table_commit() of a change that adds files behind `base`, its base version as it was read:
 * while that is the newest, nothing of the log is read again. The run is looked for only where it
 * is not.
 */
ASOF_NODISCARD enum asof_status asof_table_append(struct asof_blob *lake,
						  const struct asof_table_snapshot *base,
						  const struct asof_table_change *change,
						  int64_t *ret_version, struct asof_error *err);

#endif
