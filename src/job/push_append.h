/*
 * push_append.h - rows into a source's log, by one commit. One thread at a time.
 *
 * What is written is checked as a build would read it, before it is in the log: rows that no build
 * could read must never get there.
 */
#ifndef ASOF_JOB_PUSH_APPEND_H
#define ASOF_JOB_PUSH_APPEND_H

#include "job/push_log.h"
#include "job/push_rows.h"

/* One request's rows. */
struct asof_push_part {
	struct asof_str request_id;
	const struct asof_entry_table *rows; /* of the shape's columns */
};

struct asof_push_append {
	struct asof_session *session; /* bound */
	const struct asof_push_shape *shape;
	const struct asof_push_part *parts;
	size_t part_count;
	int64_t arrival_us;
	struct asof_arena *arena;
	/* Of the file that was written; not yet in the log. */
	struct asof_table_file file;
	const char *requests; /* for the commit */
};

/*
 * Write the rows to a file of the log's table, and check them: ASOF_INVALID where a row has no
 * event time and the source fails on such rows, or an expression of the source cannot be computed.
 * Nothing is left behind on failure.
 */
ASOF_NODISCARD enum asof_status asof_push_append_write(struct asof_push_append *append,
						       struct asof_error *err);
/* Add the file to the log right behind `log`; ASOF_CONFLICT where it has moved on: nothing is
 * published, read it again. Fault points: push.before_commit push.after_commit. */
ASOF_NODISCARD enum asof_status asof_push_append_commit(struct asof_push_append *append,
							const struct asof_push_log *log,
							struct asof_error *err);
/* The file, which no commit has taken. */
void asof_push_append_remove(struct asof_push_append *append);

#endif
