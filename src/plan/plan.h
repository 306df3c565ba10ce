/*
 * plan.h - what a job wants from an engine, as data, and its text in DuckDB's SQL. Pure.
 *
 * This is the reference: readable, engine-neutral in its ideas, and every rule of SEMANTICS is in
 * it. Times inside a statement are BIGINT microseconds since the epoch named ..._us; tables hold
 * UTC instants.
 *
 * Bookkeeping columns of lake tables: `_order` (BIGINT: ordinal of the source file << 40 | row in
 * it; the tie-break after created_time), `_last_event` (of a tile: its newest event).
 */
#ifndef ASOF_PLAN_H
#define ASOF_PLAN_H

#include "base/buf.h"
#include "model/tile.h"

#define ASOF_ORDER_ROW_BITS 40

/* The same beside a source's own columns, among which there may be an `_order`: they may have been
 * read from a table of ours. */
#define ASOF_SOURCE_ORDER "\"_asof_order\""

/* The files of a source to be read, and how. */
struct asof_plan_source {
	const struct asof_source *source; /* bound */
	const char *const *paths;
	size_t path_count;
	/* The ordinal of each path: the order in which files were first read, remembered by the
	 * lake. NULL: its index. */
	const int64_t *ordinals;
	/* Which of the paths give rows; the columns and their types are those of all. NULL: all. */
	const bool *picks;
	const char *event_time_type;   /* engine types of the time expressions */
	const char *created_time_type; /* NULL without created_time */
	/* CSV columns that are keys, and the types they are read as. */
	const struct asof_field *key_types;
	size_t key_type_count;
	/* The last `pushed_count` of `paths` are Parquet files of ours, of rows that were pushed
	 * into the source: of its own_field_count first columns they have those for which
	 * is_pushed_column says so. */
	size_t pushed_count;
	size_t own_field_count;
	const bool *is_pushed_column;
	/* A SELECT that gives the rows in place of the files: their columns, then
	 * ASOF_SOURCE_ORDER. NULL: the files do. */
	const char *rows_sql;
	/* Of a build by a cursor that is a time: only the rows in (after_us, to_us]. */
	struct asof_plan_cursor {
		bool is_set;
		int64_t after_us; /* INT64_MIN: from the first row on */
		int64_t to_us;
		bool has_timeless; /* those without the time, too */
	} cursor;
	/* Of a table that others write: where the engine finds it (of Iceberg, its metadata file),
	 * and the version or snapshot that is read; -1: none, it is empty. `paths` are the data
	 * files of it, as the engine names them. */
	const char *table;
	int64_t table_version;
};
/* One row about the rows after cursor.after_us or without the time: how many have it, its greatest
 * value in microseconds (0: none), how many do not. */
ASOF_NODISCARD enum asof_status asof_plan_watermark_sql(const struct asof_plan_source *source,
							struct asof_buf *sql,
							struct asof_error *err);
/* One BIGINT: the rows of the files picked that are in (after_us, to_us]. */
ASOF_NODISCARD enum asof_status asof_plan_count_sql(const struct asof_plan_source *source,
						    struct asof_buf *sql, struct asof_error *err);

/* SELECT over the raw files, columns as they are, plus ASOF_SOURCE_ORDER as the last one: for
 * describing and checking. */
void asof_plan_files(struct asof_buf *sql, const struct asof_plan_source *source);
/* The same with `select` columns added, filtered when `is_filtered`: what `asof sql` shows as the
 * source. */
void asof_plan_source_rows(struct asof_buf *sql, const struct asof_plan_source *source,
			   bool is_filtered);

/* A half-open range of event time; the default is everything. */
struct asof_plan_range {
	bool has_from;
	bool has_to;
	int64_t from_us;
	int64_t to_us;
};

struct asof_plan_build {
	const struct asof_view *view;
	const struct asof_tile_layout *layout; /* NULL for plain views */
	struct asof_plan_source source;
	struct asof_plan_range range; /* of events */
	int64_t commit_us;            /* created_time of rows that have none */
	/* A table (k0.., at_us): only rows of a key and an event time, or an END of the step, that
	 * are in it; NULL: all. */
	const char *touched;
};

/* One row of counts over what a build reads: rows, bad_rows (no event_time), null_key_rows,
 * floored_rows, first_bad_order. */
ASOF_NODISCARD enum asof_status asof_plan_profile_sql(const struct asof_plan_build *build,
						      struct asof_buf *sql, struct asof_error *err);
/* One row: the least and the greatest event time of the source's rows, whatever the range. */
ASOF_NODISCARD enum asof_status asof_plan_times_sql(const struct asof_plan_build *build,
						    struct asof_buf *sql, struct asof_error *err);
/* The rows or tiles to be stored, clustered by (key, event_time, created_time, order). */
ASOF_NODISCARD enum asof_status asof_plan_build_sql(const struct asof_plan_build *build,
						    struct asof_buf *sql, struct asof_error *err);
struct asof_plan_table;
/* The stored rows outside build->range (which has both ends, on whole steps) and those of the build
 * inside it. */
ASOF_NODISCARD enum asof_status asof_plan_splice_sql(const struct asof_plan_table *table,
						     const struct asof_plan_build *build,
						     struct asof_buf *sql, struct asof_error *err);

/* A change of the source's rows (build_replace.h), and the stored table it is to reach. */
struct asof_plan_change {
	const struct asof_plan_build *build; /* has `touched` */
	const struct asof_plan_table *table; /* as the view's fields are now */
	const char *removed_sql;             /* as asof_plan_source.rows_sql */
	const char *added_sql;               /* NULL: nothing was added */
};
/* A statement that makes the table build->touched. */
ASOF_NODISCARD enum asof_status asof_plan_touched_sql(const struct asof_plan_change *change,
						      struct asof_buf *sql, struct asof_error *err);
/* One BIGINT a row, ascending: the index of each path of the table that holds rows which are
 * touched; all those lie in [from_us, to_us]. */
ASOF_NODISCARD enum asof_status asof_plan_touched_files_sql(const struct asof_plan_change *change,
							    int64_t from_us, int64_t to_us,
							    struct asof_buf *sql,
							    struct asof_error *err);
/* The table's rows that are not touched, and those of the build, which are. */
ASOF_NODISCARD enum asof_status asof_plan_replace_sql(const struct asof_plan_table *table,
						      const struct asof_plan_build *build,
						      struct asof_buf *sql, struct asof_error *err);

/* The source rows without event_time, to be set aside. */
ASOF_NODISCARD enum asof_status asof_plan_bad_rows_sql(const struct asof_plan_build *build,
						       struct asof_buf *sql,
						       struct asof_error *err);
/* What is stored of rows made elsewhere: of asof_feed(), which has the table's columns. */
ASOF_NODISCARD enum asof_status asof_plan_fed_sql(const struct asof_plan_build *build,
						  struct asof_buf *sql, struct asof_error *err);
/* The columns of the table that a build writes, in order; lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_plan_table_fields(const struct asof_view *view,
						       const struct asof_tile_layout *layout,
						       struct asof_arena *arena,
						       const struct asof_field **ret_fields,
						       size_t *ret_count, struct asof_error *err);
/* The same, to be read from a table that has `columns`: with the names under which they are
 * stored in its files. */
ASOF_NODISCARD enum asof_status
asof_plan_stored_fields(const struct asof_view *view, const struct asof_tile_layout *layout,
			const struct asof_field *columns, size_t column_count,
			struct asof_arena *arena, const struct asof_field **ret_fields,
			size_t *ret_count, struct asof_error *err);

/* The order of a table's rows, as what follows ORDER BY: key, event_time, created_time, order. */
void asof_plan_table_order(struct asof_buf *sql, const struct asof_view *view);
/*
 * The rows of `select`, which has the columns of the view's table, then their values of
 * `partitions` (texts, named as asof_partition_column() says), by those and then by the table's
 * order.
 */
ASOF_NODISCARD enum asof_status asof_plan_partitioned_sql(const struct asof_view *view,
							  const struct asof_partition *partitions,
							  size_t count, const char *select,
							  struct asof_buf *sql,
							  struct asof_error *err);

/* A view's stored table at one version. */
struct asof_plan_table {
	const struct asof_view *view;
	const struct asof_tile_layout *layout; /* NULL for plain views */
	const char *const *paths;
	size_t path_count;
	const struct asof_field *fields; /* of the table, for a table without files */
	size_t field_count;
};
/* SELECT of the table as stored. */
void asof_plan_table_sql(struct asof_buf *sql, const struct asof_plan_table *table);
/*
 * The stored rows of `table` again, clustered. With `folds`, rows created before `before_us`, which
 * nobody needs apart any more, are folded: of a plain view's rows of one (key, event_time) the one
 * that counts is left; a step's tiles become one, created when the last of them was. Events of
 * `step: event` all stay.
 */
ASOF_NODISCARD enum asof_status asof_plan_compact_sql(const struct asof_plan_table *table,
						      bool folds, int64_t before_us,
						      struct asof_buf *sql, struct asof_error *err);
/* One BIGINT: how many rows fewer there are when those created before `before_us` are folded. */
ASOF_NODISCARD enum asof_status asof_plan_foldable_sql(const struct asof_plan_table *table,
						       int64_t before_us, struct asof_buf *sql,
						       struct asof_error *err);
/* SELECT of finished values: per (key, event_time) the row that counts, or the windows at each
 * tile's END. */
ASOF_NODISCARD enum asof_status asof_plan_values_sql(const struct asof_plan_table *table,
						     struct asof_buf *sql, struct asof_error *err);

/*
 * SELECT of a view's rows as another view's source: keys, event_time, created_time and outputs by
 * name, then ASOF_SOURCE_ORDER. Per (key, event_time) the row that counts, or the windows at each
 * tile's END, whose created_time is the greatest of all tiles that the longest window covers. With
 * `added` (the part of `table` that was added last) only rows that come of it.
 */
ASOF_NODISCARD enum asof_status asof_plan_view_rows_sql(const struct asof_plan_table *table,
							const struct asof_plan_table *added,
							struct asof_buf *sql,
							struct asof_error *err);
/* One BIGINT, 0 or more: whether rows of `added` change rows that `older` gave: the same (key,
 * event_time) again, or a tile that is not behind all of its key's. */
void asof_plan_view_overlap_sql(const struct asof_plan_table *older,
				const struct asof_plan_table *added, struct asof_buf *sql);
/* The columns of such rows, for a view that may never have been built: no row. */
void asof_plan_view_columns_sql(const struct asof_view *view, struct asof_buf *sql);
/* The times of a source that is a view, as expressions of type TIMESTAMPTZ: the user's own
 * (`type_text` is its type), but never before the view's row could be seen (its event_time and
 * `available_after_us`), never created before it was known. */
void asof_plan_view_event_time(struct asof_buf *sql, const struct asof_source *source,
			       const char *type_text, int64_t available_after_us);
void asof_plan_view_created_time(struct asof_buf *sql, const struct asof_source *source,
				 const char *type_text);

/* One view of a join: which of its outputs, in which order. */
struct asof_plan_join_view {
	struct asof_plan_table table;
	const struct asof_output *const *outputs;
	size_t output_count;
	/* A table (k0.., at_us, event_us, f0..) that has a windowed view's answers already, made by
	 * the kernel; NULL: the statement computes them. */
	const char *answers;
};

/* An output column: views[view].outputs[output]. */
struct asof_plan_join_column {
	size_t view;
	size_t output;
};

enum asof_plan_known_at { ASOF_PLAN_KNOWN_NONE, ASOF_PLAN_KNOWN_LABEL, ASOF_PLAN_KNOWN_TIME };

struct asof_plan_join {
	const char *spine_sql; /* a FROM item: read_parquet('...') */
	const char *spine_row; /* expression that numbers its rows in order, from 0 */
	const struct asof_field *spine_fields;
	size_t spine_field_count;
	const char *time_column;
	const char *time_type; /* engine type of it */
	const struct asof_plan_join_view *views;
	size_t view_count;
	/* Output columns in order, behind the spine's. */
	const struct asof_plan_join_column *columns;
	size_t column_count;
	enum asof_plan_known_at known_at;
	int64_t known_at_us;
};
/* The spine's rows in order, its columns untouched, then <view>__<feature> in the order of `views`
 * and their outputs. */
ASOF_NODISCARD enum asof_status asof_plan_join_sql(const struct asof_plan_join *join,
						   struct asof_buf *sql, struct asof_error *err);

/*
 * For the kernel: the instants at which views[index], which has windows, is to be evaluated - k0..,
 * at_us, each once, ascending - and the tiles that matter to instants from `from_us` on: k0..,
 * event_us (END), created_us, row_order, f0.. (states), ascending by key then END. Of older tiles
 * only the newest END of each key is there, its states NULL.
 */
ASOF_NODISCARD enum asof_status asof_plan_instants_sql(const struct asof_plan_join *join,
						       size_t index, struct asof_buf *sql,
						       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_plan_join_tiles_sql(const struct asof_plan_join *join,
							 size_t index, int64_t from_us,
							 struct asof_buf *sql,
							 struct asof_error *err);

/*
 * For the kernels, which take rows in any order from several workers: no statement sorts, groups
 * more than said, or joins. Times are BIGINT microseconds; a filter that a file's statistics can
 * answer stands on the bare column, so that row groups are passed over.
 */
struct asof_plan_scan {
	bool has_created; /* give created_us .. */
	bool has_order; /* .. and row_order: BIGINT that orders rows of one (key, event, created) */
	bool is_known;  /* rows created up to known_us only */
	int64_t known_us;
	bool has_range; /* rows with from_us <= event_us <= to_us; see each statement */
	int64_t from_us;
	int64_t to_us;
	/* What a spine row knows hangs on its own time: of a windowed view's rows before from_us
	 * all are given, with their created_us, not the newest ones only. */
	bool is_label;
	/* Of stored rows and tiles: those whose first key is in [*key_from, *key_to], which have
	 * literals; NULL: all. */
	const struct asof_value *key_from;
	const struct asof_value *key_to;
};
/* What --known-at TIME means for a view: TIME, or the last END at or before it where tiles may hold
 * both sides of TIME. */
int64_t asof_plan_known_us(const struct asof_plan_join *join, const struct asof_view *view);
/* One BIGINT: the earliest time of the spine; INT64_MAX where none has one. */
ASOF_NODISCARD enum asof_status asof_plan_spine_start_sql(const struct asof_plan_join *join,
							  struct asof_buf *sql,
							  struct asof_error *err);
/* One row: the least and greatest first key of `entity` in all of the spine. */
ASOF_NODISCARD enum asof_status asof_plan_spine_ends_sql(const struct asof_plan_join *join,
							 const struct asof_entity *entity,
							 struct asof_buf *sql,
							 struct asof_error *err);
/* One BIGINT: the row groups of `table`, which has files, that a scan may find rows in. */
ASOF_NODISCARD enum asof_status asof_plan_row_groups_sql(const struct asof_plan_table *table,
							 const struct asof_plan_scan *scan,
							 struct asof_buf *sql,
							 struct asof_error *err);
/* Spine rows [first_row, first_row + row_count): row, time_us, k0.. of `entity`, not NULL. */
ASOF_NODISCARD enum asof_status asof_plan_spine_scan_sql(const struct asof_plan_join *join,
							 const struct asof_entity *entity,
							 int64_t first_row, int64_t row_count,
							 struct asof_buf *sql,
							 struct asof_error *err);
/* The spine's columns untouched, in order, and the row's number as the last column. Rows stand in
 * order as far as the engine keeps the order of what it reads. */
ASOF_NODISCARD enum asof_status asof_plan_spine_rows_sql(const struct asof_plan_join *join,
							 int64_t first_row, int64_t row_count,
							 struct asof_buf *sql,
							 struct asof_error *err);
/* A plain view's stored rows: k0.., event_us, created_us, row_order, f0.. of item->outputs. */
ASOF_NODISCARD enum asof_status asof_plan_rows_scan_sql(const struct asof_plan_join_view *item,
							const struct asof_plan_scan *scan,
							struct asof_buf *sql,
							struct asof_error *err);
/* A windowed view's stored tiles: k0.., event_us (END), created_us, row_order, f0.. (all states).
 * With a range: of the tiles before from_us only each key's newest END, its states NULL. */
ASOF_NODISCARD enum asof_status asof_plan_tiles_scan_sql(const struct asof_plan_table *table,
							 const struct asof_plan_scan *scan,
							 struct asof_buf *sql,
							 struct asof_error *err);
/*
 * Good rows of a source: k0.., event_us, created_us, row_order, then the columns that the view's
 * outputs (plain: each output's, in order) or the layout's columns read. With a range, a windowed
 * view's rows before from_us are only each key's newest, its columns NULL.
 */
ASOF_NODISCARD enum asof_status asof_plan_source_scan_sql(const struct asof_plan_build *build,
							  const struct asof_plan_scan *scan,
							  struct asof_buf *sql,
							  struct asof_error *err);
/* Good rows of one source for several builds over it at once (of equal source, range and commit):
 * event_us, created_us, row_order, then for each build its k0.. and its values as above, each
 * distinct column once; ret_columns[b] (in `arena`) says which column is which: its keys, then its
 * values. Keys may be NULL, and without a range the time, too: who takes the rows counts them. */
ASOF_NODISCARD enum asof_status
asof_plan_shared_scan_sql(const struct asof_plan_build *builds, size_t build_count,
			  struct asof_arena *arena, size_t ***ret_columns, struct asof_buf *sql,
			  struct asof_error *err);

/*
 * What materialize at `at_us` stores, ordered by key then event time. Columns: the keys, event_us,
 * created_us, order (BIGINT), then the states (windowed) or features (plain). Windowed: tiles of
 * events <= at_us that a window may still cover, and the newest END <= S; `partial` (a build over
 * the events of the unfinished step, or NULL) replaces the stored tile rows that hold events beyond
 * at_us.
 */
ASOF_NODISCARD enum asof_status asof_plan_online_sql(const struct asof_plan_table *table,
						     int64_t at_us,
						     const struct asof_plan_build *partial,
						     struct asof_buf *sql, struct asof_error *err);
/* What a build over pushed rows adds to what is online: the columns and order of
 * asof_plan_online_sql(), all of its rows or tiles. */
ASOF_NODISCARD enum asof_status asof_plan_pushed_sql(const struct asof_plan_build *build,
						     struct asof_buf *sql, struct asof_error *err);
/* One BIGINT: how many tile rows hold events on both sides of `at_us`. */
void asof_plan_straddling_sql(const struct asof_plan_table *table, int64_t at_us,
			      struct asof_buf *sql);

#endif
