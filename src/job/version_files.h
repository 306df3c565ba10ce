/* version_files.h - the table of a published version, if its files are still there. */
#ifndef ASOF_JOB_VERSION_FILES_H
#define ASOF_JOB_VERSION_FILES_H

#include "job/session.h"

/*
 * ASOF_NOT_FOUND "version 1.0.3 was vacuumed (kept: 1.0.5, 1.0.6)" where its log or a file of it is
 * gone. That the files of the current version are there is taken for granted.
 */
ASOF_NODISCARD enum asof_status asof_version_read_table(struct asof_session *session,
							const struct asof_version *version,
							struct asof_arena *arena,
							struct asof_table_snapshot *ret_snapshot,
							struct asof_error *err);

#endif
