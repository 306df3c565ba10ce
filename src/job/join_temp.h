/*
 * join_temp.h - a directory below TMPDIR for the files of one join or conversion, gone with it; as
 * base/temp_dir.h. One thread at a time.
 */
#ifndef ASOF_JOB_JOIN_TEMP_H
#define ASOF_JOB_JOIN_TEMP_H

#include "base/temp_dir.h"

/* Once; a no-op where it is open. Fault point: join.temp.opened. */
ASOF_NODISCARD enum asof_status asof_join_temp_open(struct asof_temp_dir *temp,
						    struct asof_error *err);

#endif
