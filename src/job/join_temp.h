/*
 * join_temp.h - a directory for the files of one join, gone with it.
 *
 * It lies below TMPDIR and is locked while its owner lives: what a killed process left behind is
 * removed by the next one that opens a directory. One thread at a time.
 */
#ifndef ASOF_JOB_JOIN_TEMP_H
#define ASOF_JOB_JOIN_TEMP_H

#include "base/arena.h"

/* All-zero: not open. */
struct asof_join_temp {
	char *dir;
	int lock_fd; /* of an open one */
};

/* Once; a no-op where it is open. */
ASOF_NODISCARD enum asof_status asof_join_temp_open(struct asof_join_temp *temp,
						    struct asof_error *err);
/* Remove it with its files. */
void asof_join_temp_done(struct asof_join_temp *temp);
/* "<dir>/<name>" in the arena; NULL on exhaustion. */
const char *asof_join_temp_path(const struct asof_join_temp *temp, struct asof_arena *arena,
				const char *name);

#endif
