/* join_spine.h - the file that features are joined onto: its columns, time and keys. */
#ifndef ASOF_JOB_JOIN_SPINE_H
#define ASOF_JOB_JOIN_SPINE_H

#include "job/version_set.h"

struct asof_spine {
	const char *path; /* absolute */
	const char *sql;  /* FROM item */
	const char *row;  /* expression that numbers the rows in order, from 0 */
	const struct asof_field *fields;
	size_t field_count;
	const char *time_column;
	const char *time_type; /* engine type */
};

/*
 * Open the spine and check it against the views: a time column (the one named, else event_time,
 * else the only time there is) and every key, of a type that converts without loss. Lives in
 * `arena`.
 */
ASOF_NODISCARD enum asof_status
asof_spine_open(struct asof_session *session, const char *path, const char *time_column,
		const struct asof_version_table *tables, size_t table_count,
		struct asof_arena *arena, struct asof_spine *ret_spine, struct asof_error *err);

#endif
