/*
 * push_log.h - the rows pushed into a source: a Delta table of its own in the lake, to which each
 * commit adds one file and which nothing ever leaves.
 *
 * They are rows of the source wherever it is read: its files come first, then the log's, version by
 * version. Version v of the log is its file v.
 */
#ifndef ASOF_JOB_PUSH_LOG_H
#define ASOF_JOB_PUSH_LOG_H

#include "job/session.h"

#define ASOF_PUSH_TABLE_PREFIX "_pushed/"
/* Columns of the log beside the source's: whose request a row came with, and when. */
#define ASOF_PUSH_REQUEST "_asof_request"
#define ASOF_PUSH_ARRIVAL "_asof_arrival"
/* A property of the log that tells it from one of the same name made after it was gone. */
#define ASOF_PUSH_LOG_ID "asof.push_log"
/* In each commit: the ids of its requests and how many rows each had, as JSON. */
#define ASOF_INFO_REQUESTS "asof.requests"
/* A cursor's name of the log's files: this, then the file's. */
#define ASOF_PUSH_FILE_PREFIX "pushed:"

struct asof_push_log {
	const char *table; /* below the lake */
	struct asof_table_snapshot snapshot;
	uint64_t id; /* 0: nothing has been pushed */
};

/* Why rows cannot be pushed into `source`, or NULL. Bound sessions only. */
const char *asof_push_log_obstacle(const struct asof_source *source);

ASOF_NODISCARD enum asof_status
asof_push_log_read(struct asof_session *session, const struct asof_source *source,
		   struct asof_arena *arena, struct asof_push_log *ret_log, struct asof_error *err);

/* Which of the source's own columns the log has. */
ASOF_NODISCARD enum asof_status
asof_push_log_columns(const struct asof_push_log *log, const struct asof_source *source,
		      size_t own_field_count, struct asof_arena *arena, const bool **ret_columns,
		      struct asof_error *err);

/* Put the log's files behind those of a source that is being bound, whose own columns are known. */
ASOF_NODISCARD enum asof_status asof_push_log_bind(struct asof_session *session,
						   const struct asof_source *source,
						   struct asof_bound_source *bound,
						   struct asof_error *err);

/* Is it a cursor's name of a file of a log? */
bool asof_push_log_is_file(const char *name);

/* Can a pushed row have a value of this column? */
bool asof_push_log_takes(const struct asof_source *source, const struct asof_field *field);

#endif
