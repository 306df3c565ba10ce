/*
 * build_view.h - build one view: decide what is new, compute it, publish it by one commit.
 *
 * Rows are made by the kernel out of a scan that several views may share, or by the reference SQL:
 * where it was asked for, where a range is spliced into a table, and where the kernel would take
 * more memory than there is.
 */
#ifndef ASOF_JOB_BUILD_VIEW_H
#define ASOF_JOB_BUILD_VIEW_H

#include "job/cursor.h"
#include "job/partition_choice.h"
#include "job/table_files.h"
#include "job/versions.h"
#include "kernel/tile_build.h"

struct asof_build_report {
	const char *version; /* that is published now: new, or the one that was there; "" none */
	bool is_published;
	const char *mode; /* "full" "append" "replace" "cursor" "range" "none" */
	const char *reason;
	const char *engine;        /* "kernel" "sql"; NULL: nothing was computed */
	const char *engine_reason; /* why not the kernel; NULL: it was */
	int64_t row_count;         /* written */
	int64_t total_row_count;   /* in the table */
	int64_t source_row_count;  /* read, after the filter */
	int64_t bad_row_count;     /* without event time */
	int64_t null_key_row_count;
	int64_t floored_row_count; /* nanoseconds cut off */
	uint64_t size_bytes;       /* written */
	size_t file_count;         /* written */
	size_t replaced_count;     /* files of the table that left because of single rows in them */
	int64_t late_row_count;    /* of new files, older than what a cursor reads */
	int64_t touched_count;     /* keys and times computed again */
	const char *quarantine;    /* file that bad rows went to; NULL: none */
	const char *upstream;      /* the view's version read, "departures@1.0.3"; NULL: none */
	const char *upstream_note; /* that it is behind what it is made from; NULL: it is not */
	const char *warning;       /* what went wrong beside it; NULL: nothing */
	const char *compaction;    /* why the table should be compacted; NULL: it need not */
};

struct asof_source_change;

/* What a scan took, for `explain`. */
struct asof_view_scan_cost {
	int64_t scan_us; /* of all views of the scan */
	int64_t sort_us; /* the same */
	uint64_t made_row_count;
	uint64_t made_bytes; /* of memory, when they were made */
};

/* One build under way; lives in `arena`, but for `tiles`. */
struct asof_view_build {
	struct asof_session *session;
	struct asof_view_state state;
	const struct asof_build_options *options;
	struct asof_arena *arena;
	struct asof_engine *engine;
	struct asof_blob *lake;
	struct asof_tile_layout layout;
	struct asof_table_snapshot base;
	const struct asof_field *columns; /* of the base, as the view calls them (renamed.h) */
	bool has_renamed;
	struct asof_cursor cursor; /* after this build */
	struct asof_plan_build plan;
	bool has_work;
	bool is_overwrite;
	bool is_splice;                         /* a range of a table that exists */
	struct asof_partition_choice partition; /* once it is written */
	/* Rows of the source that are gone or new (build_replace.h); NULL: files are told apart. */
	const struct asof_source_change *change;
	/* Of a source whose cursor is a time (build_cursor.h): what is read one after the other. */
	struct asof_plan_cursor passes[2];
	size_t pass_count;    /* 0: all at once */
	size_t open_pass;     /* whose files leave at the next build; SIZE_MAX: none */
	const char **removed; /* files of the base that leave, where not all do */
	const char **removed_paths;
	size_t removed_count;
	int64_t removed_row_count;
	struct asof_plan_table replaced; /* with `change`: those files */
	const char *run_id;
	int64_t now_us;
	struct asof_tile_build *tiles; /* what a scan has given; NULL: none was made */
	bool is_too_large;             /* a scan has shown that it fits alone neither */
	int64_t scanned_row_count;     /* of the source, by its scan */
	struct asof_view_scan_cost scan_cost;
	struct asof_build_report report;
};

/* Where the view stands and what is to be computed; nothing is written. */
ASOF_NODISCARD enum asof_status
asof_view_build_begin(struct asof_session *session, const struct asof_view *view,
		      const struct asof_build_options *options, struct asof_arena *arena,
		      struct asof_view_build *ret_build, struct asof_error *err);
void asof_view_build_done(struct asof_view_build *build);

/* Computed by the kernel, as far as memory goes? */
bool asof_view_build_is_by_kernel(const struct asof_view_build *build);
/* In the report: SQL, and why, where the kernel is not to be tried or has not done it yet. */
void asof_view_build_name_engine(struct asof_view_build *build);
/* May one scan serve both? */
bool asof_view_build_can_share(const struct asof_view_build *a, const struct asof_view_build *b);
/*
 * Scan the source of `builds`, which can share it, once, within `max_bytes`. A build that does not
 * fit is left without `tiles`; where none fits, and for any other failure, nobody has them.
 */
ASOF_NODISCARD enum asof_status asof_view_build_scan(struct asof_view_build *const *builds,
						     size_t count, uint64_t max_bytes,
						     struct asof_error *err);
/*
 * Register the definition, compute what no scan has given (within `max_bytes`), publish.
 * ASOF_CONFLICT where somebody else published meanwhile: nothing is left behind, begin again.
 */
ASOF_NODISCARD enum asof_status asof_view_build_finish(struct asof_view_build *build,
						       uint64_t max_bytes, struct asof_error *err);

/* ---- the parts of a build ---- */

ASOF_NODISCARD enum asof_status asof_build_check_options(const struct asof_build_options *options,
							 struct asof_error *err);
/* Read everything anew, and why. */
ASOF_NODISCARD enum asof_status asof_build_choose_full(struct asof_view_build *build,
						       const char *reason, struct asof_error *err);
/* Read the rows of those of the source's files for which `picks` is set, or of all. */
ASOF_NODISCARD enum asof_status asof_build_read_files(struct asof_view_build *build,
						      const bool *picks, struct asof_error *err);
/* The same table's source, a table of others, has moved on from `old`: what of it is to be read.
 * `is_new` and `difference` are of asof_cursor_compare(). */
ASOF_NODISCARD enum asof_status asof_build_choose_table(struct asof_view_build *build,
							const struct asof_cursor *old, bool *is_new,
							enum asof_cursor_difference difference,
							struct asof_error *err);
/* What is to be computed. */
ASOF_NODISCARD enum asof_status asof_build_choose_mode(struct asof_view_build *build,
						       struct asof_error *err);
/* Count what is read; rows without an event time follow the source's on_bad_row. */
ASOF_NODISCARD enum asof_status asof_build_profile(struct asof_view_build *build,
						   struct asof_error *err);
/* Write the table's new files; none is left behind on failure. */
ASOF_NODISCARD enum asof_status asof_build_write(struct asof_view_build *build,
						 struct asof_table_files *ret_files,
						 struct asof_error *err);
/* What is to be stored, to the one file `path`. */
ASOF_NODISCARD enum asof_status asof_build_write_rows(struct asof_view_build *build,
						      const char *path,
						      struct asof_file_stats *ret_stats,
						      struct asof_error *err);
/* The rows of `tiles`: an entity's stand in one file, unless they are more than two should have. */
ASOF_NODISCARD enum asof_status asof_build_write_tiles(struct asof_view_build *build,
						       struct asof_table_files *files,
						       struct asof_error *err);
/* The same to the one file `path`. */
ASOF_NODISCARD enum asof_status asof_build_write_tiles_to(struct asof_view_build *build,
							  const char *path,
							  struct asof_file_stats *ret_stats,
							  struct asof_error *err);

static inline enum asof_status
asof_build_no_memory(struct asof_error *err, const char *what)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "%s", what);
}

#endif
