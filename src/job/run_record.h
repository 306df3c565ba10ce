/*
 * run_record.h - who does something in a session, and why: what its runs leave in the catalog, and
 * its commits in the lake's log.
 */
#ifndef ASOF_JOB_RUN_RECORD_H
#define ASOF_JOB_RUN_RECORD_H

#include "job/session.h"

#define ASOF_REASON_BYTES_MAX  1000
#define ASOF_MADE_BY_BYTES_MAX 200

/*
 * Set session->made_by and session->reason: $ASOF_USER, or "user@host" of the process;
 * $ASOF_REASON, or "". ASOF_INVALID where one is too long, no UTF-8, or has control characters.
 */
ASOF_NODISCARD enum asof_status asof_session_find_author(struct asof_session *session,
							 struct asof_error *err);

/* Put `run` into the catalog, with the session's author and reason. */
ASOF_NODISCARD enum asof_status asof_run_record(struct asof_session *session,
						const struct asof_run *run, struct asof_error *err);

#endif
