/*
 * push_ids.h - which requests a log of pushes has taken, so that none is taken twice.
 *
 * The newest ASOF_PUSH_IDS_MAX are known, of those that stand in the newest ASOF_PUSH_COMMITS_MAX
 * commits when they were first read. One thread at a time.
 */
#ifndef ASOF_JOB_PUSH_IDS_H
#define ASOF_JOB_PUSH_IDS_H

#include "base/map.h"
#include "job/push_log.h"

#define ASOF_PUSH_IDS_MAX     100000
#define ASOF_PUSH_COMMITS_MAX 10000

struct asof_push_ids {
	uint64_t log;         /* that they are of; 0: none was read */
	int64_t version;      /* of the log, up to which they were read */
	struct asof_map rows; /* id -> how many rows it had */
	char **ring;          /* the ids, oldest first from `next` on */
	size_t count;
	size_t next;
};

void asof_push_ids_done(struct asof_push_ids *ids);
/* Read what was committed since. */
ASOF_NODISCARD enum asof_status asof_push_ids_read(struct asof_push_ids *ids,
						   struct asof_session *session,
						   const struct asof_push_log *log,
						   struct asof_error *err);
/* The next commit, once all before it were read. */
ASOF_NODISCARD enum asof_status asof_push_ids_take(struct asof_push_ids *ids,
						   const struct asof_table_snapshot *commit,
						   struct asof_error *err);
bool asof_push_ids_find(const struct asof_push_ids *ids, struct asof_str id,
			int64_t *ret_row_count);

#endif
