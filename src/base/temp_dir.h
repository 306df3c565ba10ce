/*
 * temp_dir.h - a directory for files that nobody needs after their owner, gone with it.
 *
 * It is locked while its owner lives: what a killed process left behind is removed by the next one
 * that opens a directory with the same prefix below the same parent. One thread at a time.
 */
#ifndef ASOF_BASE_TEMP_DIR_H
#define ASOF_BASE_TEMP_DIR_H

#include "base/arena.h"

/* All-zero: not open. */
struct asof_temp_dir {
	char *path;
	int lock_fd; /* of an open one */
};

/* Below `parent`, NULL: TMPDIR, else /tmp. `prefix` begins its name. Once; a no-op where it is
 * open. */
ASOF_NODISCARD enum asof_status asof_temp_dir_open(struct asof_temp_dir *temp, const char *parent,
						   const char *prefix, struct asof_error *err);
/* Remove it with its files; directories in it stay, and it with them. */
void asof_temp_dir_done(struct asof_temp_dir *temp);
/* "<path>/<name>" in the arena; NULL on exhaustion. */
const char *asof_temp_dir_file(const struct asof_temp_dir *temp, struct asof_arena *arena,
			       const char *name);

#endif
