/*
 * compact_view.h - one view's table in fewer files, and what nobody needs apart any more folded.
 *
 * Moving rows into other files makes no version: the newest version's table is the one that the
 * commit made. Folding does, a PATCH, since a join with --known-at can tell: the table's property
 * ASOF_KNOWN_AT_FROM says from which instant on it cannot.
 */
#ifndef ASOF_JOB_COMPACT_VIEW_H
#define ASOF_JOB_COMPACT_VIEW_H

#include "job/version_set.h"

/* What was known before this instant, microseconds, is not told apart any more. */
#define ASOF_KNOWN_AT_FROM "asof.known_at_from"
/* The same in the commit that made it so: ordinary joins answer as before it. */
#define ASOF_INFO_FOLDED "known_at_from"

struct asof_compact_report {
	const char *version;   /* the newest; "" where nothing was ever published */
	const char *published; /* the version that folding made; NULL: none */
	const char *reason;    /* why nothing was folded though it was due; NULL */
	const char *warning;   /* what went wrong beside it; NULL: nothing */
	size_t files_before;
	size_t files_after;
	uint64_t bytes_before;
	uint64_t bytes_after;
	int64_t row_count; /* after */
	int64_t folded_row_count;
	size_t moved_file_count; /* that were merged */
	int64_t known_at_from_us;
	bool has_known_at_from;
};

/* ASOF_CONFLICT where others kept rewriting the same files: nothing is left behind. */
ASOF_NODISCARD enum asof_status asof_compact_view(struct asof_session *session,
						  const struct asof_view *view,
						  uint64_t target_bytes, struct asof_arena *arena,
						  struct asof_compact_report *ret_report,
						  struct asof_error *err);

#endif
