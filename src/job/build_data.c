/* build_data.c - the rows of a build: what is counted and set aside, and the file written. */
#include <inttypes.h>

#include "codec/value_text.h"
#include "job/build_view.h"
#include "plan/sql.h"

/* "flights.parquet row 12" of an order number. */
static const char *
place_of_row(const struct asof_view_build *b, int64_t order)
{
	int64_t ordinal = order >> ASOF_ORDER_ROW_BITS;
	int64_t row = order & ((INT64_C(1) << ASOF_ORDER_ROW_BITS) - 1);
	bool counts_from_0 = b->plan.source.source->format == ASOF_FORMAT_PARQUET;
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
	const char *name = asof_arena_printf(b->arena, "_quarantine/%s/%s.parquet",
					     b->state.view->name, b->run_id);
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

enum asof_status
asof_build_profile(struct asof_view_build *b, struct asof_error *err)
{
	uint64_t null_keys = 0;
	uint64_t null_times = 0;
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

/* Statistics of a written file, as the log has them. */
static enum asof_status log_stats(struct asof_view_build *b, const struct asof_file_stats *from,
				  struct asof_table_file *file, struct asof_error *err);

void
asof_build_remove_orphan(const struct asof_view_build *b, const char *name)
{
	const char *object = asof_arena_printf(b->arena, "%s/%s", b->state.view->name, name);
	enum asof_status status = object ? asof_blob_remove(b->lake, object, NULL) : ASOF_NO_MEMORY;
	(void)status; /* what is left is in no table */
}

static enum asof_status
write_by_sql(struct asof_view_build *b, const char *path, struct asof_file_stats *ret_stats,
	     struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_plan_table table = { .view = b->state.view,
					 .layout = b->plan.layout,
					 .fields = b->base.fields,
					 .field_count = b->base.field_count };
	if (b->is_splice) {
		const char **paths = asof_arena_array(b->arena, b->base.file_count, sizeof(*paths));
		if (!paths)
			return asof_build_no_memory(err, "paths");
		for (size_t i = 0; i < b->base.file_count; i++)
			paths[i] = b->base.files[i].path;
		table.paths = paths;
		table.path_count = b->base.file_count;
		ASOF_TRY(asof_plan_splice_sql(&table, &b->plan, &sql, err));
	} else {
		ASOF_TRY(asof_plan_build_sql(&b->plan, &sql, err));
	}
	enum asof_status status = asof_engine_write_parquet(b->engine, asof_buf_cstr(&sql), path,
							    b->arena, ret_stats, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s'", b->state.view->source->name);
	return ASOF_OK;
}

enum asof_status
asof_build_write_rows(struct asof_view_build *b, const char *path,
		      struct asof_file_stats *ret_stats, struct asof_error *err)
{
	return b->tiles ? asof_build_write_tiles(b, path, ret_stats, err)
			: write_by_sql(b, path, ret_stats, err);
}

enum asof_status
asof_build_write(struct asof_view_build *b, struct asof_table_file *ret_file,
		 struct asof_error *err)
{
	struct asof_table_file file = { 0 };
	struct asof_file_stats stats;
	ASOF_TRY(asof_table_new_file(b->lake, b->state.view->name, b->arena, &file.name, &file.path,
				     err));
	ASOF_TRY(asof_build_write_rows(b, file.path, &stats, err));
	file.size_bytes = stats.size_bytes;
	file.row_count = (int64_t)stats.row_count;
	enum asof_status status = log_stats(b, &stats, &file, err);
	if (status != ASOF_OK) {
		asof_build_remove_orphan(b, file.name);
		return status;
	}
	*ret_file = file;
	return ASOF_OK;
}

static const char *
stat_json(struct asof_view_build *b, const struct asof_value *value)
{
	if (value->is_null)
		return NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 10);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_value_write_json(&w, value);
	return asof_arena_copy(b->arena, asof_buf_view(&text));
}

static enum asof_status
log_stats(struct asof_view_build *b, const struct asof_file_stats *from,
	  struct asof_table_file *file, struct asof_error *err)
{
	struct asof_table_stats *stats =
		asof_arena_array(b->arena, from->column_count, sizeof(*stats));
	if (!stats)
		return asof_build_no_memory(err, "statistics");
	for (size_t i = 0; i < from->column_count; i++) {
		const struct asof_column_stats *column = &from->columns[i];
		stats[i] = (struct asof_table_stats){ .column = column->name,
						      .min_json = stat_json(b, &column->min),
						      .max_json = stat_json(b, &column->max),
						      .null_count = column->null_count };
	}
	file->stats = stats;
	file->stats_count = from->column_count;
	return ASOF_OK;
}
