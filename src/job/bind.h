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

#endif
