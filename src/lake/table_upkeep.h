/*
 * table_upkeep.h - what keeps a table quick to open and small: checkpoints, clean-up, vacuum.
 *
 * None of it changes what the table says. Threads as of table.h; it may run beside writers, readers
 * and itself.
 */
#ifndef ASOF_LAKE_TABLE_UPKEEP_H
#define ASOF_LAKE_TABLE_UPKEEP_H

#include "base/map.h"
#include "lake/table.h"

#define ASOF_CHECKPOINT_INTERVAL       10 /* unless the property says more */
#define ASOF_TABLE_CHECKPOINT_INTERVAL "delta.checkpointInterval"

/* Is a checkpoint due after `version` of a table whose properties are those of the snapshot? */
bool asof_table_checkpoint_is_due(const struct asof_table_snapshot *snapshot, int64_t version);

/*
 * Where `version` is one after which a checkpoint is due, write our snapshot of it and, with `io`,
 * a Parquet checkpoint and _last_checkpoint; *ret_is_written (may be NULL) says whether. What is
 * there stays. Fault points: lake.checkpoint.before_snapshot lake.checkpoint.before_parquet
 * lake.checkpoint.before_last lake.checkpoint.after_last.
 */
ASOF_NODISCARD enum asof_status asof_table_checkpoint(struct asof_blob *lake, const char *table,
						      int64_t version,
						      const struct asof_checkpoint_io *io,
						      bool *ret_is_written, struct asof_error *err);

enum asof_vacuum_kind {
	ASOF_VACUUM_DATA,      /* a file that no kept version has */
	ASOF_VACUUM_LOG,       /* of the log, covered by a checkpoint */
	ASOF_VACUUM_TEMPORARY, /* of a write that died */
};

struct asof_vacuum_rules {
	int64_t now_us;
	int64_t retention_us;  /* versions that were newest within it are kept whole */
	const int64_t *pinned; /* versions that are kept whole besides */
	size_t pinned_count;
	bool is_dry_run;
	const struct asof_checkpoint_io *io; /* NULL: none */
	/* Called for each object before it is removed; NULL: not wanted. */
	enum asof_status (*visit)(void *arg, enum asof_vacuum_kind kind,
				  const struct asof_blob_info *object, struct asof_error *err);
	void *arg;
};

/*
 * Remove data files written before the retention that no version kept has; temporary files as old;
 * and of the log what is older than the retention and delta.logRetentionDuration (30 days unless
 * the property says otherwise), and covered by a checkpoint at or before the oldest version kept,
 * which *ret_kept is (-1: no table). A file of a running writer is safe as long as it runs for less
 * than the retention. Fault points: lake.vacuum.before_remove lake.vacuum.after_remove.
 */
ASOF_NODISCARD enum asof_status asof_table_vacuum(struct asof_blob *lake, const char *table,
						  const struct asof_vacuum_rules *rules,
						  int64_t *ret_kept, struct asof_error *err);

/* The names of the data files that are there, as keys. */
ASOF_NODISCARD enum asof_status asof_table_list_files(struct asof_blob *lake, const char *table,
						      struct asof_map *names,
						      struct asof_error *err);
/* The first file of the snapshot that is not among them, or NULL. */
const char *asof_table_find_missing(const struct asof_table_snapshot *snapshot,
				    const struct asof_map *names);

#endif
