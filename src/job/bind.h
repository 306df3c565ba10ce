/* bind.h - definitions against the sources' real columns. */
#ifndef ASOF_JOB_BIND_H
#define ASOF_JOB_BIND_H

#include "job/session.h"

/*
 * List and describe every source, check its expressions, and type every view. What is wrong with
 * the definitions goes to session->mistakes; the status is not ASOF_OK only where the world failed
 * (a file that does not decode).
 */
ASOF_NODISCARD enum asof_status asof_bind_sources(struct asof_session *session,
						  struct asof_error *err);

/* The times of a source that is a view whose rows are seen `available_after_us` after their event
 * time. */
ASOF_NODISCARD enum asof_status asof_bind_view_times(struct asof_session *session,
						     const struct asof_source *source,
						     int64_t available_after_us,
						     struct asof_error *err);

#endif
