/* checkpoint.h - checkpoints of the lake's logs, which the engine turns into Parquet and back. */
#ifndef ASOF_JOB_CHECKPOINT_H
#define ASOF_JOB_CHECKPOINT_H

#include "job/session.h"
#include "lake/table_upkeep.h"

/* The engine, opened when it is first needed. Lives as long as the session. */
struct asof_checkpoint_io asof_session_checkpoint_io(struct asof_session *session);

/* After a commit: write a checkpoint where one is due. A table can do without it, so that a failure
 * is no error: what went wrong, in `arena`, or NULL. */
const char *asof_checkpoint_after_commit(struct asof_session *session, const char *table,
					 int64_t version, struct asof_arena *arena);

#endif
