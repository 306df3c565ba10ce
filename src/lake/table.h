/*
 * table.h - our tables: Parquet data files and a Delta log. A commit is one log entry, put if
 * absent.
 *
 * Protocol 1/2 (reader 1, writer 2): plain tables that any Delta reader opens; 2/5 once a column
 * was renamed (table_mapping.h). A table lives below <lake>/<name>/. Threads: functions may be
 * called from many threads; two writers are kept apart by the log itself. What keeps a log short is
 * in table_upkeep.h.
 */
#ifndef ASOF_LAKE_TABLE_H
#define ASOF_LAKE_TABLE_H

#include "lake/blob.h"
#include "model/project.h"

/* A text property of a table or commit. */
struct asof_property {
	const char *name;
	const char *value;
};

/* min and max as JSON values, NULL where unknown; written to the log's statistics. */
struct asof_table_stats {
	const char *column;
	const char *min_json;
	const char *max_json;
	int64_t null_count; /* -1: unknown */
};

struct asof_table_file {
	const char *name; /* relative to the table's directory */
	const char *path; /* as the engine names it */
	uint64_t size_bytes;
	int64_t row_count; /* -1: unknown */
	/* When written: of the columns. When read: NULL before asof_table_file_read_stats(). */
	const struct asof_table_stats *stats;
	size_t stats_count;
	/* When read: the log's text of them, or empty, and when the file was written (0: not said).
	 */
	struct asof_str stats_text;
	int64_t modified_ms;
	/* Its values of the table's partition columns; none in a table without. */
	const struct asof_property *partition;
	size_t partition_count;
};

/* One version of a table; immutable, lives in the arena it was read into. */
struct asof_table_snapshot {
	const char *table;
	int64_t version;      /* -1: the table does not exist yet */
	int64_t committed_us; /* the commit's time */
	const struct asof_field *fields;
	size_t field_count; /* of those that files hold: not partition columns */
	const char *const *partition_columns;
	size_t partition_column_count;
	const struct asof_table_file *files; /* active ones, in the order they were added */
	size_t file_count;
	const struct asof_property *properties; /* metaData.configuration */
	size_t property_count;
	const struct asof_property *info; /* of this version's commit: the texts given to it */
	size_t info_count;
	int64_t row_count; /* sum over files; -1: unknown */
};

/* The value of a property, or NULL. */
const char *asof_property_find(const struct asof_property *properties, size_t count,
			       const char *name);

/*
 * Parquet checkpoints, which this folder cannot read or write itself: their actions, one JSON line
 * each, to and from the bytes of a Parquet file. One thread at a time.
 */
struct asof_checkpoint_io {
	enum asof_status (*write)(void *arg, struct asof_str lines, struct asof_buf *parquet,
				  struct asof_error *err);
	enum asof_status (*read)(void *arg, struct asof_str parquet, struct asof_buf *lines,
				 struct asof_error *err);
	void *arg;
};

/*
 * `version` -1: the newest. A table that does not exist is version -1 with no files, an asked-for
 * version that does not exist, or whose log was cleaned up, ASOF_NOT_FOUND; a log that does not
 * decode ASOF_CORRUPT with file and line. Read from the newest snapshot of ours at or before the
 * version, else from the log's first entry, else from a Parquet checkpoint, for which `io` is
 * wanted (NULL: ASOF_UNSUPPORTED there).
 */
ASOF_NODISCARD enum asof_status
asof_table_read_by(struct asof_blob *lake, const char *table, int64_t version,
		   const struct asof_checkpoint_io *io, struct asof_arena *arena,
		   struct asof_table_snapshot *ret_snapshot, struct asof_error *err);
/* The same without `io`. */
ASOF_NODISCARD enum asof_status asof_table_read(struct asof_blob *lake, const char *table,
						int64_t version, struct asof_arena *arena,
						struct asof_table_snapshot *ret_snapshot,
						struct asof_error *err);

/* Fill in `stats` and `stats_count` of a file of a snapshot, in `arena`; once. ASOF_CORRUPT. */
ASOF_NODISCARD enum asof_status asof_table_file_read_stats(struct asof_table_file *file,
							   struct asof_arena *arena,
							   struct asof_error *err);

/* The newest version committed at `at_us` or before. ASOF_NOT_FOUND: there was none, or it is
 * not in the log any more. */
ASOF_NODISCARD enum asof_status asof_table_find_version(struct asof_blob *lake, const char *table,
							int64_t at_us, int64_t *ret_version,
							struct asof_error *err);

/* A fresh name for a data file of `table`, its directory made: *ret_name for the commit, *ret_path
 * for the engine. */
ASOF_NODISCARD enum asof_status asof_table_new_file(struct asof_blob *lake, const char *table,
						    struct asof_arena *arena, const char **ret_name,
						    const char **ret_path, struct asof_error *err);
/* The same in `directory` of the table: empty, or "event_month=2024-05/". */
ASOF_NODISCARD enum asof_status asof_table_new_file_in(struct asof_blob *lake, const char *table,
						       const char *directory,
						       struct asof_arena *arena,
						       const char **ret_name, const char **ret_path,
						       struct asof_error *err);

/*
 * The property of a partitioned table of ours: what it is partitioned by, as definitions have it.
 * Its partition columns are texts that no file holds; a file holds all other columns.
 */
#define ASOF_TABLE_PARTITION "asof.partition"

/* What a commit changes. */
struct asof_table_change {
	int64_t base_version; /* of the snapshot it was computed from; -1 creates the table */
	bool is_overwrite;    /* every file of the base leaves */
	/* It depends on nothing of the base but that the files it removes are there: what others
	 * commit meanwhile does not matter otherwise. With is_overwrite, on every row of it. */
	bool is_blind;
	/* The files added hold the rows of those removed, and nothing else: whoever computed a
	 * change from the rows before may commit it after ("dataChange": false). */
	bool is_rearrangement;
	/* The schema when created or changed; NULL: as it is. Unless it is overwritten, columns may
	 * be added at the end, or renamed (`stored` tells); ASOF_INVALID names the column
	 * otherwise. No type widens in place: files of two types in one column want the table
	 * feature typeWidening. */
	const struct asof_field *fields;
	size_t field_count;
	/* With `fields`: further columns, texts, that files have values of in the log only. Files
	 * that stay were partitioned so. */
	const char *const *partition_columns;
	size_t partition_column_count;
	const char *const *removed; /* names of files of the base that leave */
	size_t removed_count;
	const struct asof_table_file *added; /* already written; synced by the commit */
	size_t added_count;
	const struct asof_property *properties; /* replaces metaData.configuration with `fields` */
	size_t property_count;
	const struct asof_property *info; /* kept in commitInfo */
	size_t info_count;
	const char *operation; /* "WRITE", "CREATE TABLE AS SELECT" */
	const char *run_id;    /* txn action's id of this commit: the same run commits once */
	int64_t now_us;
	const struct asof_checkpoint_io *io; /* to read the base; NULL: none */
};

/*
 * Publish: *ret_version is base_version + 1, or, where others have committed what does not matter
 * to it, a later one: to a blind change nothing matters but what is said above, to any other change
 * (and to a blind one that overwrites) all that is no rearrangement. ASOF_CONFLICT where it does
 * matter, where a file that is to be removed is gone, or others were faster ten times: nothing is
 * published, read again and decide. Where `run_id` has committed already (within the last 1,000
 * commits), nothing more is published and *ret_version is that commit's. Data files are synced
 * before, the log directory after. The commit's time is now_us, or a millisecond after the commit
 * before it. Fault points: lake.commit.before_sync lake.commit.before_put lake.commit.after_put.
 */
ASOF_NODISCARD enum asof_status asof_table_commit(struct asof_blob *lake, const char *table,
						  const struct asof_table_change *change,
						  int64_t *ret_version, struct asof_error *err);

/* Commits, newest first, as far back as the log goes. */
typedef enum asof_status asof_table_history_fn(void *arg, int64_t version, int64_t committed_us,
					       const char *operation,
					       const struct asof_property *info, size_t info_count,
					       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_table_history(struct asof_blob *lake, const char *table,
						   asof_table_history_fn *visit, void *arg,
						   struct asof_error *err);

/* "long", "decimal(10,2)", ...: the Delta name of a type, as JSON text into `buf`. */
void asof_delta_type_json(struct asof_type type, struct asof_buf *buf);

#endif
