/*
 * build_cursor.h - builds of a source whose new rows are told by a time of theirs, not by files.
 *
 * Rows up to the latest time read less the lateness are settled: they are stored and never read
 * again. Those after it, and those without the time, are open: they are stored in files of their
 * own, which the next build leaves out and makes anew from what the source then has. So every row
 * counts once however often it is read, and nothing that is settled is read or written again.
 */
#ifndef ASOF_JOB_BUILD_CURSOR_H
#define ASOF_JOB_BUILD_CURSOR_H

#include "job/build_view.h"

/* Why `build` cannot go on from where `old` ended, and everything is read; NULL: it can. */
const char *asof_build_cursor_obstacle(const struct asof_view_build *build,
				       const struct asof_cursor *old);
/*
 * Find the latest time in the source and divide what is to be read into passes: all of it with
 * `is_full`, else what is behind `old`, whose open files leave then. build->plan.source is the
 * source with all its files.
 */
ASOF_NODISCARD enum asof_status asof_build_cursor_divide(struct asof_view_build *build,
							 const struct asof_cursor *old,
							 bool is_full, struct asof_error *err);
/* Count, for the report, the rows of files picked that are older than what is read. */
ASOF_NODISCARD enum asof_status asof_build_cursor_count_late(struct asof_view_build *build,
							     const bool *picks,
							     struct asof_error *err);
/* Remember the files that the open rows were written to. */
ASOF_NODISCARD enum asof_status asof_build_cursor_note(struct asof_view_build *build,
						       const struct asof_table_file *files,
						       size_t file_count, struct asof_error *err);

#endif
