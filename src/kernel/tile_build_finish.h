/* tile_build_finish.h - a build as a whole: while rows are taken, and when it is finished. */
#ifndef ASOF_KERNEL_TILE_BUILD_FINISH_H
#define ASOF_KERNEL_TILE_BUILD_FINISH_H

#include "kernel/tile_build_impl.h"

/* An entity's rows, in the order of keys. */
struct asof_build_group {
	uint64_t first_row;
	uint64_t count;
	uint64_t at; /* in its part */
	const char *entity;
	size_t part;
};

struct asof_tile_build {
	struct asof_arena arena;
	struct asof_build_memory memory;
	struct asof_build_keys keys;
	struct asof_build_rows rows;
	struct asof_build_tiles tiles;
	bool is_tiled; /* else rows are kept as they are */
	size_t value_count;
	struct asof_build_worker *workers;
	unsigned worker_count;
	struct asof_build_result *results; /* by part */
	struct asof_build_array groups_memory;
	struct asof_build_group *groups;
	size_t group_count;
	uint64_t row_count;
	int64_t created_us; /* of all, where the source has none */
	_Atomic size_t next_part;
};

#endif
