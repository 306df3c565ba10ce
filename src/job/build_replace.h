/*
 * build_replace.h - rows and tiles of a table that are no longer as its source has them.
 *
 * Whoever knows what has changed in a source since a table was made from it says so as two sets of
 * rows. What they touch - each (key, event time) of a plain view and of `step: event`, each
 * (key, END of the step) of tiles - is computed again from the source as it is now; the files that
 * hold any of it leave, and one takes their place that has their other rows beside. The other
 * files are not read but for their statistics and, where those do not exclude them, their keys and
 * times. Joins then give what they give after a full rebuild, bit for bit, commit times aside.
 */
#ifndef ASOF_JOB_BUILD_REPLACE_H
#define ASOF_JOB_BUILD_REPLACE_H

#include "job/build_view.h"

/*
 * Each is a SELECT, as asof_plan_source.rows_sql is one, of the columns that the source has now, by
 * name and type, and then ASOF_SOURCE_ORDER; in any order, read several times: a scan, not a join.
 * The source's filter and selects are not applied yet.
 *
 * A row may be in both sets: what a file that was written anew has taken over is in `removed_sql`
 * with its old order and in `added_sql` with its new one, and is left alone where nothing of it
 * shows. Every row that is gone, or that has another value or order than when it was read, must be
 * in `removed_sql`; every row that is new, or other, in `added_sql`. Orders of rows that are read
 * later must be greater than those of rows read before, or equal to what they were.
 */
struct asof_source_change {
	const char *removed_sql; /* rows as they were read; NULL: none are gone */
	const char *added_sql;   /* rows as they are now; NULL: none are new */
};

/*
 * Make this the work of `build`, where its table serves the definition (is the same, and no range):
 * called instead of choosing to read everything, or files. Before: build->cursor is the cursor
 * after the build, build->plan.source the source as it is now, for rows that are computed again.
 * Without removed rows it is an append of the added ones. `change` and `reason`, for the report,
 * live as long as the build's arena.
 */
void asof_build_choose_change(struct asof_view_build *build,
			      const struct asof_source_change *change, const char *reason);

/* Whether stored rows are replaced by this build. */
static inline bool
asof_build_is_replacing(const struct asof_view_build *build)
{
	return build->change && build->change->removed_sql;
}

/* ---- the parts of it, for build_view.c ---- */

/* Find what is touched, and the files that hold any of it. Ended by asof_build_replace_end(), also
 * where it has failed. Fault points: build.replace.before_touched build.replace.after_touched. */
ASOF_NODISCARD enum asof_status asof_build_replace_begin(struct asof_view_build *build,
							 struct asof_error *err);
void asof_build_replace_end(struct asof_view_build *build);
/* The rows of the file that takes their place. */
ASOF_NODISCARD enum asof_status asof_build_replace_sql(const struct asof_view_build *build,
						       struct asof_buf *sql,
						       struct asof_error *err);

#endif
