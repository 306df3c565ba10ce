/*
 * push_known.h - the log of a source as it is known from the pushes before: its files, and which
 * requests it has. Of each commit what it adds is read, once. One thread at a time.
 */
#ifndef ASOF_JOB_PUSH_KNOWN_H
#define ASOF_JOB_PUSH_KNOWN_H

#include "job/push_ids.h"
#include "lake/table_tail.h"

struct asof_push_known {
	struct asof_push_log log; /* as of the last refresh */
	struct asof_push_ids ids;
	struct asof_arena arena; /* of the log */
	bool is_read;            /* `tail` goes on from what is known */
	struct asof_table_tail tail;
	struct asof_table_file *files; /* owned: the log's */
	size_t file_capacity;
};

void asof_push_known_done(struct asof_push_known *known);
/* Read what was committed since. On failure everything is read anew the next time. */
ASOF_NODISCARD enum asof_status asof_push_known_refresh(struct asof_push_known *known,
							struct asof_session *session,
							const struct asof_source *source,
							struct asof_error *err);

#endif
