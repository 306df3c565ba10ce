/*
 * table_files.h - rows written as data files of a table: as many as a target size asks for.
 *
 * Files follow each other in the order of the rows, so that what is clustered stays so. They are in
 * no version of the table before a commit adds them; until then asof_table_files_remove() takes
 * back all of them. One thread at a time.
 */
#ifndef ASOF_JOB_TABLE_FILES_H
#define ASOF_JOB_TABLE_FILES_H

#include "engine/engine.h"
#include "lake/table.h"

struct asof_table_files {
	struct asof_engine *engine;
	struct asof_blob *lake;
	struct asof_arena *arena; /* names and statistics live in it */
	const char *table;
	uint64_t file_bytes; /* that a file is to have, about */
	uint64_t row_bytes;  /* a guess, until there is a file */
	/* The table's, where some are stored under other names than rows have; else none. */
	const struct asof_field *columns;
	size_t column_count;
	/* What rows are kept apart by: then `view` is whose they are. */
	const struct asof_view *view;
	const struct asof_partition *partitions;
	size_t partition_count;
	struct asof_table_file *items;
	size_t count;
	size_t capacity;
	int64_t row_count; /* of all */
	uint64_t size_bytes;
};

/* What a stored row of such columns may take, for the guess. */
uint64_t asof_table_files_guess(const struct asof_field *fields, size_t field_count);

/* How many of `rows_left` rows, which is not 0, the next file is to take. */
uint64_t asof_table_files_next_rows(const struct asof_table_files *files, uint64_t rows_left);

/*
 * A file of the table, of a partition where there are any (its `partition_count` columns and
 * values, which live in the arena; else NULL), to be written at *ret_path, then noted with the
 * statistics of what was written; one without rows is removed again. Fault point:
 * build.before_file.
 */
ASOF_NODISCARD enum asof_status asof_table_files_begin(struct asof_table_files *files,
						       const struct asof_property *partition,
						       const char **ret_path,
						       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_table_files_note(struct asof_table_files *files,
						      const struct asof_file_stats *stats,
						      struct asof_error *err);

/* `select` as a statement whose columns have the names of the files' ones. */
ASOF_NODISCARD enum asof_status asof_table_files_sql(const struct asof_table_files *files,
						     const char *select, struct asof_buf *sql,
						     struct asof_error *err);

/*
 * The rows of `select`, at most `most_rows` of them, in its order, or of each partition in the
 * table's. `feed` NULL: `select` reads none. What may need several files is written to a file of
 * its own below TMPDIR first, and cut from there. ASOF_LIMIT: ASOF_TABLE_PARTITIONS_MAX.
 */
ASOF_NODISCARD enum asof_status asof_table_files_write(struct asof_table_files *files,
						       const char *select,
						       const struct asof_feed *feed,
						       uint64_t most_rows, struct asof_error *err);
#define ASOF_TABLE_PARTITIONS_MAX 10000 /* of one build */

/* All of them, as far as they are there. */
void asof_table_files_remove(struct asof_table_files *files);

#endif
