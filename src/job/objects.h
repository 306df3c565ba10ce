/* objects.h - what of a session lies in buckets: known to the engine, listed for sources. */
#ifndef ASOF_JOB_OBJECTS_H
#define ASOF_JOB_OBJECTS_H

#include "job/session.h"

/* Tell the engine of every bucket that the lake and the sources are in; nothing where all is files.
 * A bucket is where the lake's location says it is, the others where the environment says. */
ASOF_NODISCARD enum asof_status asof_objects_use(const struct asof_session *session,
						 struct asof_engine *engine,
						 struct asof_error *err);

/* The files of `source` now, in a directory or a bucket. They live in the session's arena. */
ASOF_NODISCARD enum asof_status asof_objects_list(struct asof_session *session,
						  const struct asof_source *source,
						  const struct asof_source_file **ret_files,
						  size_t *ret_count, struct asof_error *err);

#endif
