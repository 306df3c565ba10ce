/* compact_groups.h - which files of a table become one. Pure. */
#ifndef ASOF_JOB_COMPACT_GROUPS_H
#define ASOF_JOB_COMPACT_GROUPS_H

#include "base/arena.h"
#include "lake/table.h"

/* A table's small files, those of one partition together, in the order in which they came. */
struct asof_compact_groups {
	struct asof_compact_file *files;
	size_t file_count;
	uint64_t target_bytes;
	size_t next;
};

/* `ret_groups` lives in the arena, and borrows the snapshot's files. */
ASOF_NODISCARD enum asof_status asof_compact_groups_init(const struct asof_table_snapshot *snapshot,
							 uint64_t target_bytes,
							 struct asof_arena *arena,
							 struct asof_compact_groups *ret_groups,
							 struct asof_error *err);
/*
 * The next files to be merged into one: small ones of one partition, until there are target_bytes
 * of them. `group` has room for all files of the table, or is NULL. Two at least; 0: no more.
 */
size_t asof_compact_groups_next(struct asof_compact_groups *groups,
				const struct asof_table_file **group);

/* Does the file hold rows that the next build replaces? It stands apart, and stays so. */
bool asof_compact_is_open(const struct asof_table_snapshot *snapshot,
			  const struct asof_table_file *file);

/* How many files of a table compaction would merge, and into how many. */
ASOF_NODISCARD enum asof_status asof_compact_count(const struct asof_table_snapshot *snapshot,
						   uint64_t target_bytes, struct asof_arena *arena,
						   size_t *ret_merged, size_t *ret_made,
						   struct asof_error *err);

#endif
