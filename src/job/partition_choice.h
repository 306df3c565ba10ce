/*
 * partition_choice.h - what a build keeps the rows of its table apart by, and why.
 *
 * `partition: auto` is decided where all of a table is written, from how many files its rows fill
 * and how much time they span; what is added later follows what the table has.
 */
#ifndef ASOF_JOB_PARTITION_CHOICE_H
#define ASOF_JOB_PARTITION_CHOICE_H

#include "base/arena.h"
#include "lake/table.h"

/* Fewer files than these are not partitioned; a partition has so many at least, on average. */
#define ASOF_PARTITION_FILES_LEAST 64
#define ASOF_PARTITION_FILES_EACH  4
#define ASOF_PARTITION_AUTO_MOST   1000

struct asof_partition_choice {
	struct asof_partition partitions[ASOF_PARTITIONS_MAX];
	size_t count;
	const char *reason; /* in the arena, or a literal */
};

struct asof_partition_facts {
	uint64_t row_count;
	uint64_t row_bytes; /* that one takes in a file, about */
	uint64_t file_bytes;
	bool has_times; /* else nothing is known of them, and `count` is 0 wherever they matter */
	int64_t first_us;
	int64_t last_us;
};

/* How many files the rows fill. */
uint64_t asof_partition_files(const struct asof_partition_facts *facts);
/* What `partition: auto` makes of it. ASOF_NO_MEMORY. */
ASOF_NODISCARD enum asof_status asof_partition_choose(const struct asof_partition_facts *facts,
						      struct asof_arena *arena,
						      struct asof_partition_choice *ret_choice,
						      struct asof_error *err);

/* What a table of `view` is partitioned by. ASOF_CORRUPT. */
ASOF_NODISCARD enum asof_status asof_partition_of_table(const struct asof_table_snapshot *snapshot,
							const struct asof_view *view,
							struct asof_partition_choice *ret_choice,
							struct asof_error *err);

#endif
