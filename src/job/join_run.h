/*
 * join_run.h - one join: what is asked for, what it is made from, and what was done. Shared by the
 * files of the job and by `explain`.
 *
 * One thread at a time. Everything lives in the run's arena and ends with asof_join_run_done().
 */
#ifndef ASOF_JOB_JOIN_RUN_H
#define ASOF_JOB_JOIN_RUN_H

#include "base/json_writer.h"
#include "job/join_spine.h"
#include "job/join_temp.h"
#include "job/manifest.h"

/* A view computed from its source as it is now: --direct. */
struct asof_join_direct {
	struct asof_plan_build build;   /* of the features asked for only */
	struct asof_tile_layout layout; /* of a windowed view's stored tiles */
	/* Of a windowed view: its rows are taken as the tiles of `step: event`. */
	struct asof_view event_view;
	struct asof_tile_layout event_layout;
	struct asof_plan_build event_build;
	bool is_always_known; /* no created_time: --known-at hides nothing */
	const char *hash;     /* of the whole definition */
	const char *definition_json;
	int64_t bad_row_count; /* without event_time, passed over */
};

/* One thing that was done, for `explain --analyze`. Of several ranges the sum. */
struct asof_join_stage {
	const char *name;
	const char *view; /* NULL: of the whole join */
	int64_t elapsed_us;
	uint64_t row_count;
	uint64_t bytes; /* of memory, or of the file written */
};

/* How a view is computed. */
enum asof_join_way { ASOF_JOIN_BY_STREAM, ASOF_JOIN_BY_SWEEP, ASOF_JOIN_BY_SQL };

/* The first key of rows lies between two values, both ends in. */
struct asof_join_keys {
	bool is_asked; /* of a run's: the spine was read for them */
	bool is_known;
	struct asof_value min;
	struct asof_value max;
};

/* Which of a view's rows are read for a range of the spine. */
struct asof_join_reading {
	const char *const *paths;
	size_t path_count;
	size_t skipped_by_time; /* files that cannot hold a row of use */
	size_t skipped_by_key;
	bool has_range;
	int64_t from_us;
	int64_t to_us;
	struct asof_join_keys keys; /* known: only those are read */
};

/* Times that every engine has; nothing lies beyond. */
#define ASOF_JOIN_TIME_MIN_US INT64_C(-9000000000000000000)
#define ASOF_JOIN_TIME_MAX_US INT64_C(9000000000000000000)

struct asof_join_run {
	struct asof_session *session;
	const struct asof_join_options *options;
	struct asof_arena arena;
	struct asof_engine *engine;
	struct asof_manifest manifest; /* what is asked for; its versions pinned on the way */
	bool is_direct;
	bool is_sql;            /* by the reference, as asked for or as the manifest says */
	bool has_changed_files; /* direct, from a manifest: sources are not what they were */
	/* From a manifest that says what was made, in the same format. */
	bool is_repeated;
	struct asof_file_digest repeated; /* as it was then */
	int64_t now_us;
	struct asof_version_set versions;
	struct asof_version_table *tables; /* one per view, owned; direct: but for the view empty */
	size_t table_count;
	struct asof_plan_join_view *views; /* beside tables: the features asked for */
	struct asof_join_direct *directs;  /* beside tables, of a direct join; else NULL */
	struct asof_plan_join_column *columns;
	size_t column_count;
	/* With on-demand features: what is joined is more, and less, than what is written. */
	struct asof_join_on_demand *on_demand; /* NULL: none is asked for */
	struct asof_spine spine;
	struct asof_plan_join plan;  /* over all of the above */
	const char *out;             /* absolute */
	struct asof_temp_dir temp;   /* opened when first needed */
	struct asof_join_keys *keys; /* beside tables: what the spine asks for; see join_keys.h */

	/* What was done. */
	bool is_by_sql;
	const char *reason;  /* of is_by_sql; NULL else */
	size_t range_count;  /* of the spine */
	uint64_t peak_bytes; /* of the kernels */
	int64_t row_count;
	uint64_t size_bytes;
	int64_t *matched;   /* beside tables */
	const char **scans; /* beside tables: the statement that read the view last; NULL: none */
	struct asof_join_stage *stages;
	size_t stage_count;
};

void asof_join_run_done(struct asof_join_run *run);

/* Read the request, open views and spine, check them against each other. `run` has session and
 * options; options->out may be NULL where `needs_out` is false. */
ASOF_NODISCARD enum asof_status asof_join_run_open(struct asof_join_run *run, bool needs_out,
						   struct asof_error *err);
/* Write the training set, and count what it matched. */
ASOF_NODISCARD enum asof_status asof_join_run_write(struct asof_join_run *run,
						    struct asof_error *err);

/* ---- join_direct.c ---- */

/* tables[index] and directs[index] of a view of the session's project, which is bound. */
ASOF_NODISCARD enum asof_status asof_join_direct_open(struct asof_join_run *run,
						      const struct asof_view *view, size_t index,
						      struct asof_error *err);
/* After the features are known: how they are read. */
ASOF_NODISCARD enum asof_status asof_join_direct_plan(struct asof_join_run *run, size_t index,
						      struct asof_error *err);
/* Into the manifest: the files that are read. */
ASOF_NODISCARD enum asof_status asof_join_direct_record(struct asof_join_run *run,
							struct asof_error *err);
/* Rows without event_time follow their source's on_bad_row. */
ASOF_NODISCARD enum asof_status asof_join_direct_check(struct asof_join_run *run,
						       struct asof_error *err);
/* Build every view's table into a temporary file, for views[].table: what the reference reads. */
ASOF_NODISCARD enum asof_status asof_join_direct_build(struct asof_join_run *run,
						       struct asof_error *err);
/* The column of the source's Parquet files that is the event time, of a type whose statistics tell
 * it; NULL: there is none. */
const char *asof_join_direct_time_column(struct asof_join_run *run, size_t index);

/* ---- join_by_sql.c ---- */

/* The reference, but for windows where `uses_kernel`: those are answered by the kernel before. */
ASOF_NODISCARD enum asof_status asof_join_by_sql(struct asof_join_run *run, bool uses_kernel,
						 const char *path, struct asof_error *err);

/* ---- join_by_kernels.c ---- */

/* *ret_reason: why it was not done after all (memory), and nothing is written; else NULL. */
ASOF_NODISCARD enum asof_status asof_join_by_kernels(struct asof_join_run *run, const char *path,
						     const char **ret_reason,
						     struct asof_error *err);

/* ---- join_reading.c ---- */

/* What of tables[index] is read for spine times in [min_us, max_us]. */
ASOF_NODISCARD enum asof_status asof_join_reading_choose(struct asof_join_run *run, size_t index,
							 int64_t min_us, int64_t max_us,
							 struct asof_join_reading *ret_reading,
							 struct asof_error *err);
/* What of the stored rows or tiles it is; borrows from `reading`. */
struct asof_plan_scan asof_join_scan_of(const struct asof_join_run *run, size_t index,
					const struct asof_join_reading *reading);
/* The statement that reads it for the kernels; `has_created` and `has_order` as the kernel wants
 * them. */
ASOF_NODISCARD enum asof_status asof_join_scan_sql(const struct asof_join_run *run, size_t index,
						   const struct asof_join_reading *reading,
						   bool has_created, bool has_order,
						   struct asof_buf *sql, struct asof_error *err);

/* ---- join_on_demand.c ---- */

/* Whether the reference means an on-demand view; if so its features are asked for, and so is what
 * they read: asof_join_on_demand_inputs(). */
ASOF_NODISCARD enum asof_status asof_join_on_demand_add(struct asof_join_run *run,
							struct asof_feature_ref *ref,
							bool *ret_is_on_demand,
							struct asof_error *err);
/* One more column of the training set: columns[index]. */
ASOF_NODISCARD enum asof_status asof_join_on_demand_show(struct asof_join_run *run, size_t index,
							 struct asof_error *err);
/* The references to what the expressions read, which nobody asked for; in the run's arena. */
ASOF_NODISCARD enum asof_status asof_join_on_demand_inputs(struct asof_join_run *run,
							   struct asof_feature_ref **ret_refs,
							   size_t *ret_count,
							   struct asof_error *err);
/* Once features and spine are open: the spine has every request value, the features their types.
 */
ASOF_NODISCARD enum asof_status asof_join_on_demand_check(struct asof_join_run *run,
							  struct asof_error *err);
/* What stands before and behind the joined rows in brackets to make the rows that are written. */
ASOF_NODISCARD enum asof_status asof_join_on_demand_sql(struct asof_join_run *run,
							const char **ret_head,
							const char **ret_tail,
							struct asof_error *err);
/* Columns written behind the spine's. */
size_t asof_join_shown_count(const struct asof_join_run *run);
/* The views of the training set: run->tables, then on-demand ones. */
ASOF_NODISCARD enum asof_status asof_join_all_views(struct asof_join_run *run,
						    const struct asof_version_table **ret_tables,
						    size_t *ret_count, struct asof_error *err);
void asof_join_on_demand_done(struct asof_join_run *run);

/* ---- small things ---- */

/* "more of `name`": durations, rows and bytes add up over ranges. */
ASOF_NODISCARD enum asof_status asof_join_stage_add(struct asof_join_run *run, const char *name,
						    const char *view, int64_t start_us,
						    uint64_t row_count, uint64_t bytes,
						    struct asof_error *err);
/* "view" and "version" of tables[index]; the version is null in a direct join. */
void asof_join_write_version(struct asof_json_writer *w, const struct asof_join_run *run,
			     size_t index);
/* By its ending. */
bool asof_join_is_csv(const char *path);

#endif
