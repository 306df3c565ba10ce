/* build_data.c - the rows of a build: what is counted and set aside, and the files written. */
#include <inttypes.h>

#include "job/build_replace.h"
#include "plan/sql.h"

/* "flights.parquet row 12" of an order number. */
static const char *
place_of_row(const struct asof_view_build *b, int64_t order)
{
	int64_t ordinal = order >> ASOF_ORDER_ROW_BITS;
	int64_t row = order & ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1);
	bool counts_from_0 = asof_format_is_parquet(b->plan.source.source->format);
	for (size_t i = 0; i < b->cursor.file_count; i++) {
		if (b->cursor.files[i].ordinal == ordinal)
			return asof_arena_printf(b->arena, "'%s' row %" PRId64,
						 b->cursor.files[i].name, row + counts_from_0);
	}
	return "an unknown file";
}

static enum asof_status
quarantine(struct asof_view_build *b, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	bool is_second =
		b->pass_count == 2 && b->plan.source.cursor.after_us == b->passes[1].after_us;
	const char *name =
		asof_arena_printf(b->arena, "_quarantine/%s/%s%s.parquet", b->state.view->name,
				  b->run_id, is_second ? "-open" : "");
	const char *path = NULL;
	struct asof_file_stats stats;
	if (!name)
		return asof_build_no_memory(err, "quarantine file");
	ASOF_TRY(asof_blob_locate(b->lake, name, b->arena, &path, err));
	ASOF_TRY(asof_plan_bad_rows_sql(&b->plan, &sql, err));
	ASOF_TRY(asof_engine_write_parquet(b->engine, asof_buf_cstr(&sql), path, b->arena, &stats,
					   err));
	ASOF_TRY(asof_blob_sync(b->lake, name, err));
	b->report.quarantine = path;
	return ASOF_OK;
}

/* Ask the engine; and the first bad row is named where it is the end. */
static enum asof_status
profile_by_sql(struct asof_view_build *b, struct asof_error *err)
{
	const struct asof_source *source = b->plan.source.source;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t counts[5];
	ASOF_TRY(asof_plan_profile_sql(&b->plan, &sql, err));
	enum asof_status status =
		asof_query_ints(b->engine, asof_buf_cstr(&sql), counts, ASOF_COUNTOF(counts), err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'", source->name);

	b->report.source_row_count = counts[0];
	b->report.bad_row_count = counts[1];
	b->report.null_key_row_count = counts[2];
	b->report.floored_row_count = counts[4];
	if (counts[1] == 0 || source->on_bad_row == ASOF_BAD_ROW_SKIP)
		return ASOF_OK;
	if (source->on_bad_row == ASOF_BAD_ROW_QUARANTINE)
		return quarantine(b, err);
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "source '%s': %" PRId64 " rows without event_time, the first is %s "
			 "(say `on_bad_row: skip` or `quarantine` to go on without them)",
			 source->name, counts[1], place_of_row(b, counts[3]));
}

/* A scan has seen all rows but those outside of a range, and nanoseconds are gone. */
static bool
is_counted(const struct asof_view_build *b)
{
	return b->tiles && !b->plan.range.has_from && !b->plan.range.has_to &&
	       strcmp(b->plan.source.event_time_type, "TIMESTAMP_NS") != 0;
}

/* Of a change, what was added is what is read for the first time. */
static enum asof_status
profile_added(struct asof_view_build *b, struct asof_error *err)
{
	if (!b->change->added_sql)
		return ASOF_OK;
	const struct asof_plan_build all = b->plan;
	b->plan.source.rows_sql = b->change->added_sql;
	b->plan.range = (struct asof_plan_range){ 0 };
	b->plan.touched = NULL;
	enum asof_status status = profile_by_sql(b, err);
	b->plan = all;
	return status;
}

enum asof_status
asof_build_profile(struct asof_view_build *b, struct asof_error *err)
{
	uint64_t null_keys = 0;
	uint64_t null_times = 0;
	if (asof_build_is_replacing(b))
		return profile_added(b, err);
	if (!is_counted(b))
		return profile_by_sql(b, err);
	asof_tile_build_skipped(b->tiles, &null_keys, &null_times);
	const struct asof_source *source = b->plan.source.source;
	if (null_times > 0 && source->on_bad_row == ASOF_BAD_ROW_FAIL)
		return profile_by_sql(b, err);
	b->report.source_row_count = b->scanned_row_count;
	b->report.bad_row_count = (int64_t)null_times;
	b->report.null_key_row_count = (int64_t)null_keys;
	if (null_times > 0 && source->on_bad_row == ASOF_BAD_ROW_QUARANTINE)
		return quarantine(b, err);
	return ASOF_OK;
}

/* The rows that a statement may give: what is spliced in stands beside what was there. */
static uint64_t
most_rows(const struct asof_view_build *b)
{
	int64_t rows = b->report.source_row_count + b->removed_row_count;
	if (b->is_splice)
		rows = b->base.row_count < 0 ? INT64_MAX - rows : b->base.row_count + rows;
	return (uint64_t)rows;
}

static enum asof_status
rows_sql(struct asof_view_build *b, struct asof_buf *sql, struct asof_error *err)
{
	struct asof_plan_table table = { .view = b->state.view,
					 .layout = b->plan.layout,
					 .fields = b->columns,
					 .field_count = b->base.field_count };
	if (asof_build_is_replacing(b))
		return asof_build_replace_sql(b, sql, err);
	if (!b->is_splice)
		return asof_plan_build_sql(&b->plan, sql, err);
	const char **paths = asof_arena_array(b->arena, b->base.file_count, sizeof(*paths));
	if (!paths)
		return asof_build_no_memory(err, "paths");
	for (size_t i = 0; i < b->base.file_count; i++)
		paths[i] = b->base.files[i].path;
	table.paths = paths;
	table.path_count = b->base.file_count;
	return asof_plan_splice_sql(&table, &b->plan, sql, err);
}

static enum asof_status
write_by_sql(struct asof_view_build *b, struct asof_table_files *files, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(rows_sql(b, &sql, err));
	enum asof_status status =
		asof_table_files_write(files, asof_buf_cstr(&sql), NULL, most_rows(b), err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", b->state.view->source->name);
	return ASOF_OK;
}

/* When the events were that are built. */
static enum asof_status
find_times(struct asof_view_build *b, struct asof_partition_facts *facts, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t times[2];
	ASOF_TRY(asof_plan_times_sql(&b->plan, &sql, err));
	ASOF_TRY(asof_query_ints(b->engine, asof_buf_cstr(&sql), times, 2, err));
	facts->has_times = true;
	facts->first_us = times[0];
	facts->last_us = times[1];
	return ASOF_OK;
}

/* What is added to a table follows it; one that is written anew is as the view says. */
static enum asof_status
choose_partition(struct asof_view_build *b, uint64_t row_bytes, struct asof_error *err)
{
	const struct asof_view *view = b->state.view;
	if (b->partition.reason) /* by its first pass */
		return ASOF_OK;
	if (b->base.version >= 0 && (!b->is_overwrite || b->is_splice))
		return asof_partition_of_table(&b->base, view, &b->partition, err);
	b->partition = (struct asof_partition_choice){ .count = view->partition_count,
						       .reason = "as the view says" };
	memcpy(b->partition.partitions, view->partitions, sizeof(view->partitions));
	if (!view->is_partition_auto)
		return ASOF_OK;
	struct asof_partition_facts facts = {
		.row_count = b->tiles ? asof_tile_build_rows(b->tiles) : most_rows(b),
		.row_bytes = row_bytes,
		.file_bytes = b->session->project->file_bytes,
	};
	if (asof_partition_files(&facts) >= ASOF_PARTITION_FILES_LEAST)
		ASOF_TRY(find_times(b, &facts, err));
	return asof_partition_choose(&facts, b->arena, &b->partition, err);
}

enum asof_status
asof_build_write_rows(struct asof_view_build *b, const char *path,
		      struct asof_file_stats *ret_stats, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	if (b->tiles)
		return asof_build_write_tiles_to(b, path, ret_stats, err);
	ASOF_TRY(rows_sql(b, &sql, err));
	enum asof_status status = asof_engine_write_parquet(b->engine, asof_buf_cstr(&sql), path,
							    b->arena, ret_stats, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", b->state.view->source->name);
	return ASOF_OK;
}

enum asof_status
asof_build_write(struct asof_view_build *b, struct asof_table_files *ret_files,
		 struct asof_error *err)
{
	const struct asof_field *fields = NULL;
	size_t field_count = 0;
	ASOF_TRY(asof_plan_table_fields(b->state.view, b->plan.layout, b->arena, &fields,
					&field_count, err));
	struct asof_table_files files = { .engine = b->engine,
					  .lake = b->lake,
					  .arena = b->arena,
					  .table = b->state.view->name,
					  .file_bytes = b->session->project->file_bytes,
					  .row_bytes = asof_table_files_guess(fields, field_count),
					  .view = b->state.view };
	if (!b->is_overwrite) {
		files.columns = b->columns;
		files.column_count = b->base.field_count;
	}
	ASOF_TRY(choose_partition(b, files.row_bytes, err));
	files.partitions = b->partition.partitions;
	files.partition_count = b->partition.count;
	enum asof_status status =
		b->tiles ? asof_build_write_tiles(b, &files, err) : write_by_sql(b, &files, err);
	if (status != ASOF_OK) {
		asof_table_files_remove(&files);
		return status;
	}
	*ret_files = files;
	return ASOF_OK;
}
