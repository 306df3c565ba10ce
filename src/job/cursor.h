/*
 * cursor.h - what a view's table has been made from: the source's files, in the order in which they
 * were first read.
 *
 * Kept as JSON in each commit, so that data and cursor appear together. The ordinal of a file never
 * changes and is never given again: ties between rows of two files are decided by it, also after a
 * full rebuild.
 */
#ifndef ASOF_JOB_CURSOR_H
#define ASOF_JOB_CURSOR_H

#include "lake/table.h"
#include "plan/plan.h"
#include "source/source.h"

struct asof_cursor_file {
	const char *name;
	uint64_t size_bytes;
	int64_t modified_us;
	int64_t ordinal;
};

/* Of a source whose cursor is a time. */
struct asof_cursor_watermark {
	enum asof_source_cursor by; /* FILES: there is none */
	int64_t watermark_us;       /* the latest time read; INT64_MIN: no row had one */
	int64_t settled_us;         /* rows up to here are not read again */
	const char **open;          /* files of the table with the rows after it */
	size_t open_count;
};

struct asof_cursor {
	struct asof_cursor_file *files;
	size_t file_count;
	int64_t next_ordinal;
	/* Only these ranges of event time were built; none: everything. */
	struct asof_plan_range *ranges;
	size_t range_count;
	struct asof_cursor_watermark watermark;
	/* Of a source that is a view: the version read, "departures@1.0.3", whose files these are;
	 * else NULL; and the version of its table, -1 where that is not known. */
	const char *upstream;
	int64_t upstream_at;
	/* Of a source that is a table of others: which one, the version or snapshot that was read,
	 * and what tells apart the files that say what of it is deleted ("": none). NULL: files. */
	const char *table_id;
	int64_t table_version;
	const char *table_deletes;
};

/* NULL or "" is the cursor of a table that does not exist. ASOF_CORRUPT. */
ASOF_NODISCARD enum asof_status asof_cursor_read(const char *json, struct asof_arena *arena,
						 struct asof_cursor *ret_cursor,
						 struct asof_error *err);
/*
 * What this version of a table has been made from; of one that does not exist, nothing.
 * ASOF_CORRUPT: its commit does not say, or not so that it can be read. Never taken for "nothing":
 * every row would come again.
 */
ASOF_NODISCARD enum asof_status asof_cursor_of_table(const struct asof_table_snapshot *table,
						     struct asof_arena *arena,
						     struct asof_cursor *ret_cursor,
						     struct asof_error *err);
/* Whether a file of the table, whose names need no escapes, is open in such a text: it is to stay
 * as it is until the next build. */
bool asof_cursor_is_open_file(const char *json, const char *name);
void asof_cursor_write(const struct asof_cursor *cursor, struct asof_buf *buf);

enum asof_cursor_difference {
	ASOF_CURSOR_SAME,
	ASOF_CURSOR_GROWN,   /* there are new files, nothing else */
	ASOF_CURSOR_CHANGED, /* a file has changed or is gone */
};

/*
 * Compare with the files that are there now. *ret_now is the cursor that reads them all, with
 * new ordinals for new files (its ranges are the old ones'); is_new[i] tells of files[i];
 * *ret_changed names a file that changed or is gone, else NULL. All in `arena`.
 */
ASOF_NODISCARD enum asof_status
asof_cursor_compare(const struct asof_cursor *cursor, const struct asof_source_file *files,
		    size_t file_count, struct asof_arena *arena, struct asof_cursor *ret_now,
		    bool *is_new, enum asof_cursor_difference *ret_difference,
		    const char **ret_changed, struct asof_error *err);

#endif
