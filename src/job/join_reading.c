/* join_reading.c - which rows of a view can matter to a spine: files and times that are passed
 * over, and the statement that reads the rest. */
#include "codec/time_text.h"
#include "job/join_keys.h"
#include "kernel/window.h"
#include "model/duration.h"

/* What lies in fewer rows is read whole, whatever is asked for. */
#define ROWS_MIN ASOF_ROW_GROUP_ROWS

/* A range costs a comparison per row, and with windows a group-by: at least one part in so many of
 * the rows must lie outside. */
#define RANGE_PART 8

struct span {
	bool is_known;
	int64_t min_us;
	int64_t max_us;
};

/* ---- statistics of a table's files ---- */

static bool
read_time(const char *json, int64_t *ret_us)
{
	size_t len = json ? strlen(json) : 0;
	if (len < 3 || json[0] != '"')
		return false;
	struct asof_str text = { json + 1, len - 2 };
	return asof_timestamp_parse(text, ret_us, NULL) == ASOF_OK;
}

static struct span
span_of_file(const struct asof_table_file *file)
{
	struct span span = { 0 };
	for (size_t i = 0; i < file->stats_count; i++) {
		const struct asof_table_stats *stats = &file->stats[i];
		if (strcmp(stats->column, "event_time") == 0)
			span.is_known = read_time(stats->min_json, &span.min_us) &&
					read_time(stats->max_json, &span.max_us);
	}
	return span;
}

static void
widen(struct span *span, const struct span *by)
{
	span->is_known = span->is_known && by->is_known;
	if (by->min_us < span->min_us)
		span->min_us = by->min_us;
	if (by->max_us > span->max_us)
		span->max_us = by->max_us;
}

/* ---- the range ---- */

/* The event times that rows of the spine can see. */
static void
choose_times(const struct asof_view *view, int64_t min_us, int64_t max_us,
	     struct asof_join_reading *reading)
{
	int64_t first_us = asof_window_instant(view, min_us);
	reading->to_us = asof_window_instant(view, max_us);
	reading->from_us = ASOF_JOIN_TIME_MIN_US;
	if (asof_view_is_windowed(view))
		reading->from_us = asof_us_sub(first_us, asof_view_longest_window_us(view));
	else if (!asof_view_is_windowed(view) && view->max_age_us > 0)
		reading->from_us = asof_us_sub(min_us, view->max_age_us);
	if (reading->from_us < ASOF_JOIN_TIME_MIN_US)
		reading->from_us = ASOF_JOIN_TIME_MIN_US;
	if (reading->to_us > ASOF_JOIN_TIME_MAX_US)
		reading->to_us = ASOF_JOIN_TIME_MAX_US;
}

static bool
is_worth_it(const struct span *span, const struct asof_join_reading *reading)
{
	if (!span->is_known || span->min_us > span->max_us)
		return false;
	double whole = (double)span->max_us - (double)span->min_us + 1;
	double low = (double)reading->from_us - (double)span->min_us;
	double high = (double)span->max_us - (double)reading->to_us;
	double outside = (low > 0 ? low : 0) + (high > 0 ? high : 0);
	return outside * RANGE_PART >= whole;
}

/* What the log says of one file. */
struct bounds {
	struct span times;
	struct asof_join_keys keys;
};

static enum asof_status
read_bounds(struct asof_join_run *run, size_t index, struct bounds **ret_bounds,
	    struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &run->tables[index].snapshot;
	struct bounds *bounds =
		asof_arena_array(&run->arena, snapshot->file_count + 1, sizeof(*bounds));
	if (!bounds)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "files");
	for (size_t i = 0; i < snapshot->file_count; i++) {
		struct asof_table_file file = snapshot->files[i];
		ASOF_TRY(asof_table_file_read_stats(&file, &run->arena, err));
		bounds[i].times = span_of_file(&file);
		ASOF_TRY(asof_join_keys_of_file(&file, run->tables[index].view, &run->arena,
						&bounds[i].keys, err));
	}
	*ret_bounds = bounds;
	return ASOF_OK;
}

/* The spine is read for its keys only where the files are told apart, or have row groups that may
 * be. */
static bool
may_skip_keys(const struct asof_table_snapshot *snapshot, const struct bounds *bounds)
{
	int64_t row_count = 0;
	bool is_known = false;
	for (size_t i = 0; i < snapshot->file_count; i++) {
		int64_t rows = snapshot->files[i].row_count;
		row_count += rows >= 0 ? rows : ROWS_MIN;
		is_known = is_known || bounds[i].keys.is_known;
	}
	return is_known && (snapshot->file_count > 1 || row_count > ROWS_MIN);
}

static bool
is_out_of_time(const struct span *span, const struct asof_join_reading *reading, bool is_windowed)
{
	bool is_late = span->is_known && span->min_us > reading->to_us;
	bool is_old = span->is_known && span->max_us < reading->from_us && !is_windowed;
	return is_late || is_old;
}

static enum asof_status
choose_files(struct asof_join_run *run, size_t index, struct asof_join_reading *reading,
	     struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &run->tables[index].snapshot;
	bool is_windowed = asof_view_is_windowed(run->tables[index].view);
	struct bounds *bounds = NULL;
	struct bounds all = { .times = { snapshot->file_count > 0, INT64_MAX, INT64_MIN } };
	struct asof_join_keys asked = { 0 };
	const char **paths =
		asof_arena_array(&run->arena, snapshot->file_count + 1, sizeof(*paths));
	if (!paths)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "files");
	ASOF_TRY(read_bounds(run, index, &bounds, err));
	if (may_skip_keys(snapshot, bounds))
		ASOF_TRY(asof_join_keys_asked(run, index, &asked, err));
	for (size_t i = 0; i < snapshot->file_count; i++) {
		if (is_out_of_time(&bounds[i].times, reading, is_windowed)) {
			reading->skipped_by_time++;
			continue;
		}
		if (asof_join_keys_are_apart(&bounds[i].keys, &asked)) {
			reading->skipped_by_key++;
			continue;
		}
		widen(&all.times, &bounds[i].times);
		if (reading->path_count == 0)
			all.keys = bounds[i].keys;
		asof_join_keys_widen(&all.keys, &bounds[i].keys);
		paths[reading->path_count++] = snapshot->files[i].path;
	}
	reading->paths = paths;
	reading->has_range = is_worth_it(&all.times, reading);
	if (asof_join_keys_leave(&all.keys, &asked, RANGE_PART))
		reading->keys = asked;
	return ASOF_OK;
}

/* A source has no statistics but those of its files: they are asked whether a range helps. */
static enum asof_status
choose_rows(struct asof_join_run *run, size_t index, struct asof_join_reading *reading,
	    struct asof_error *err)
{
	const struct asof_plan_source *source = &run->directs[index].build.source;
	const char *column = asof_join_direct_time_column(run, index);
	reading->paths = source->paths;
	reading->path_count = source->path_count;
	if (!column)
		return ASOF_OK;
	struct asof_parquet_facts all;
	struct asof_parquet_facts read;
	ASOF_TRY(asof_engine_parquet_facts(run->engine, source->paths, source->path_count, column,
					   reading->from_us, reading->to_us, &all, &read, err));
	uint64_t skipped = all.row_group_count - read.row_group_count;
	reading->has_range = skipped * RANGE_PART >= all.row_group_count && skipped > 0;
	return ASOF_OK;
}

enum asof_status
asof_join_reading_choose(struct asof_join_run *run, size_t index, int64_t min_us, int64_t max_us,
			 struct asof_join_reading *ret_reading, struct asof_error *err)
{
	struct asof_join_reading reading = { 0 };
	choose_times(run->views[index].table.view, min_us, max_us, &reading);
	if (run->is_direct)
		ASOF_TRY(choose_rows(run, index, &reading, err));
	else
		ASOF_TRY(choose_files(run, index, &reading, err));
	*ret_reading = reading;
	return ASOF_OK;
}

/* ---- the statement ---- */

struct asof_plan_scan
asof_join_scan_of(const struct asof_join_run *run, size_t index,
		  const struct asof_join_reading *reading)
{
	const struct asof_view *view = run->views[index].table.view;
	return (struct asof_plan_scan){
		.is_known = run->manifest.known_at == ASOF_KNOWN_AT_TIME,
		.known_us = asof_plan_known_us(&run->plan, view),
		.is_label = run->manifest.known_at == ASOF_KNOWN_AT_LABEL,
		.has_range = reading->has_range,
		.from_us = reading->from_us,
		.to_us = reading->to_us,
		.key_from = reading->keys.is_known ? &reading->keys.min : NULL,
		.key_to = reading->keys.is_known ? &reading->keys.max : NULL,
	};
}

enum asof_status
asof_join_scan_sql(const struct asof_join_run *run, size_t index,
		   const struct asof_join_reading *reading, bool has_created, bool has_order,
		   struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_view *view = run->views[index].table.view;
	bool is_windowed = asof_view_is_windowed(view);
	struct asof_plan_scan scan = asof_join_scan_of(run, index, reading);
	scan.has_created = has_created;
	scan.has_order = has_order;
	if (run->is_direct) {
		const struct asof_join_direct *direct = &run->directs[index];
		scan.is_known = scan.is_known && !direct->is_always_known;
		scan.is_label = scan.is_label && !direct->is_always_known;
		return asof_plan_source_scan_sql(
			is_windowed ? &direct->event_build : &direct->build, &scan, sql, err);
	}
	struct asof_plan_join_view item = run->views[index];
	item.table.paths = reading->paths;
	item.table.path_count = reading->path_count;
	if (is_windowed)
		return asof_plan_tiles_scan_sql(&item.table, &scan, sql, err);
	return asof_plan_rows_scan_sql(&item, &scan, sql, err);
}
