/*
 * build_view.h - build one view: decide what is new, compute it, publish it by one commit.
 */
#ifndef ASOF_JOB_BUILD_VIEW_H
#define ASOF_JOB_BUILD_VIEW_H

#include "job/cursor.h"
#include "job/versions.h"

struct asof_build_report {
	const char *version; /* that is published now: new, or the one that was there; "" none */
	bool is_published;
	const char *mode; /* "full" "append" "range" "none" */
	const char *reason;
	int64_t row_count;        /* written */
	int64_t total_row_count;  /* in the table */
	int64_t source_row_count; /* read, after the filter */
	int64_t bad_row_count;    /* without event time */
	int64_t null_key_row_count;
	int64_t floored_row_count; /* nanoseconds cut off */
	uint64_t size_bytes;       /* written */
	size_t file_count;         /* written */
	const char *quarantine;    /* file that bad rows went to; NULL: none */
};

/*
 * `state` is what asof_view_state_find() said, its definition registered. ASOF_CONFLICT where
 * somebody else published meanwhile: nothing is left behind, find the state anew and try again.
 * Strings live in `arena`.
 */
ASOF_NODISCARD enum asof_status
asof_build_view(struct asof_session *session, const struct asof_view_state *state,
		const struct asof_build_options *options, struct asof_arena *arena,
		struct asof_build_report *ret_report, struct asof_error *err);

#endif
