/*
 * delta_list.h - a table's log as files: <table>/_delta_log/ and what lies in it.
 *
 * <version>.json is an entry, <version>.asof.json a snapshot of ours, <version>.checkpoint.parquet
 * a checkpoint that every Delta reader knows. Entries stand without a gap up to the newest; older
 * ones may have been cleaned up where a snapshot or checkpoint stands for them.
 */
#ifndef ASOF_LAKE_DELTA_LIST_H
#define ASOF_LAKE_DELTA_LIST_H

#include "lake/blob.h"

#define ASOF_DELTA_LOG_BYTES_MAX ((size_t)256 << 20) /* of one entry, snapshot or checkpoint */

struct asof_delta_versions {
	const int64_t *items; /* ascending */
	size_t count;
};

/* Lives in the arena it was listed into. */
struct asof_delta_log {
	const char *table;
	int64_t first;              /* entry */
	int64_t newest;             /* entry; -1: no table */
	const int64_t *modified_us; /* of entry first + i: when the file was written */
	struct asof_delta_versions snapshots;
	struct asof_delta_versions checkpoints;
	bool has_checkpoint; /* of any kind */
};

/* ASOF_CORRUPT where entries are missing that nothing stands for. */
ASOF_NODISCARD enum asof_status asof_delta_log_list(struct asof_blob *lake, const char *table,
						    struct asof_arena *arena,
						    struct asof_delta_log *ret_log,
						    struct asof_error *err);

/* The oldest version that can be read; with `has_io` checkpoints count. newest + 1: none. */
int64_t asof_delta_log_oldest(const struct asof_delta_log *log, bool has_io);

#define ASOF_DELTA_NAME_MAX   400
#define ASOF_DELTA_ENTRY      ".json"
#define ASOF_DELTA_SNAPSHOT   ".asof.json"
#define ASOF_DELTA_CHECKPOINT ".checkpoint.parquet"
/* "<table>/_delta_log/00000000000000000007<ending>". ASOF_INVALID where `table` is no name. */
ASOF_NODISCARD enum asof_status asof_delta_log_name(const char *table, int64_t version,
						    const char *ending,
						    char out[ASOF_DELTA_NAME_MAX],
						    struct asof_error *err);

#endif
