/* table_files.c - rows written as data files of a table: as many as a target size asks for. */
#include "job/table_files.h"

#include <inttypes.h>

#include "base/fault.h"
#include "codec/value_text.h"
#include "job/join_temp.h"
#include "model/hash.h"
#include "model/partition.h"
#include "plan/plan.h"
#include "plan/sql.h"

#define ROW             "\"_asof_row\"" /* numbers the rows of a file to be cut */
#define TEXT_BYTES      16
#define LIST_BYTES      64
#define VALUE_BYTES_MAX 64 /* of one in a directory's name */
#define COMPRESSION     2  /* what lz4 and dictionaries save at least, usually */

/* ---- how large files become ---- */

static uint64_t
guess_column(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		return 1;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_DATE:
		return 4;
	case ASOF_TYPE_LIST:
		return LIST_BYTES;
	case ASOF_TYPE_VECTOR:
		return sizeof(float) * (uint64_t)type.size;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_DECIMAL:
		return TEXT_BYTES;
	default:
		return sizeof(int64_t);
	}
}

uint64_t
asof_table_files_guess(const struct asof_field *fields, size_t field_count)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < field_count; i++)
		bytes += guess_column(fields[i].type);
	return bytes / COMPRESSION + 1;
}

/* What a row of the files so far has taken tells more than the guess. */
static uint64_t
file_rows(const struct asof_table_files *files)
{
	uint64_t rows = files->row_bytes > 0 ? files->file_bytes / files->row_bytes : UINT64_MAX;
	if (files->row_count > 0 && files->size_bytes > 0)
		rows = (uint64_t)((double)files->file_bytes * (double)files->row_count /
				  (double)files->size_bytes);
	return rows > 0 ? rows : 1;
}

uint64_t
asof_table_files_next_rows(const struct asof_table_files *files, uint64_t rows_left)
{
	uint64_t most = file_rows(files);
	uint64_t count = (rows_left - 1) / most + 1;
	return (rows_left - 1) / count + 1; /* all alike, so that the last one is no remnant */
}

/* ---- one file ---- */

/* A value as a directory's name: what may be trouble to some store or reader is a hash. */
static void
add_value(struct asof_buf *buf, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";
	size_t len = strlen(value);
	bool is_plain = len > 0 && len <= VALUE_BYTES_MAX && strspn(value, plain) == len;
	char hash[33];
	if (is_plain) {
		asof_buf_add_cstr(buf, value);
		return;
	}
	asof_hash128_text(asof_str_from(value), hash);
	asof_buf_printf(buf, "-%s", hash);
}

/* "event_month=2024-05/origin=JFK/" */
static const char *
directory_of(const struct asof_table_files *files, const struct asof_property *partition)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_buf_add_cstr(&text, "");
	for (size_t i = 0; i < files->partition_count; i++) {
		asof_buf_printf(&text, "%s=", asof_partition_name(&files->partitions[i]));
		add_value(&text, partition[i].value);
		asof_buf_add_char(&text, '/');
	}
	return text.status == ASOF_OK ? asof_arena_copy(files->arena, asof_buf_view(&text)) : NULL;
}

static enum asof_status
reserve(struct asof_table_files *files, struct asof_error *err)
{
	if (files->count < files->capacity)
		return ASOF_OK;
	size_t capacity = files->capacity * 2 + 1;
	struct asof_table_file *items = asof_arena_array(files->arena, capacity, sizeof(*items));
	if (!items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", capacity);
	if (files->count > 0)
		memcpy(items, files->items, files->count * sizeof(*items));
	files->items = items;
	files->capacity = capacity;
	return ASOF_OK;
}

enum asof_status
asof_table_files_begin(struct asof_table_files *files, const struct asof_property *partition,
		       const char **ret_path, struct asof_error *err)
{
	ASOF_TRY(asof_fault_point("build.before_file", err));
	ASOF_TRY(reserve(files, err));
	struct asof_table_file file = { .partition = partition,
					.partition_count = files->partition_count };
	const char *directory = directory_of(files, partition);
	if (!directory)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "directory of a file");
	ASOF_TRY(asof_table_new_file_in(files->lake, files->table, directory, files->arena,
					&file.name, &file.path, err));
	files->items[files->count++] = file;
	*ret_path = file.path;
	return ASOF_OK;
}

static void
remove_file(const struct asof_table_files *files, const struct asof_table_file *file)
{
	const char *object = asof_arena_printf(files->arena, "%s/%s", files->table, file->name);
	enum asof_status status =
		object ? asof_blob_remove(files->lake, object, NULL) : ASOF_NO_MEMORY;
	(void)status; /* what is left is in no table */
}

static const char *
stat_json(const struct asof_table_files *files, const struct asof_value *value)
{
	if (value->is_null)
		return NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(64u << 10);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_value_write_json(&w, value);
	return asof_arena_copy(files->arena, asof_buf_view(&text));
}

enum asof_status
asof_table_files_note(struct asof_table_files *files, const struct asof_file_stats *from,
		      struct asof_error *err)
{
	struct asof_table_file *file = &files->items[files->count - 1];
	struct asof_table_stats *stats =
		asof_arena_array(files->arena, from->column_count, sizeof(*stats));
	if (!stats)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics");
	if (from->row_count == 0) {
		remove_file(files, file);
		files->count--;
		return ASOF_OK;
	}
	for (size_t i = 0; i < from->column_count; i++) {
		const struct asof_column_stats *column = &from->columns[i];
		stats[i] = (struct asof_table_stats){ .column = column->name,
						      .min_json = stat_json(files, &column->min),
						      .max_json = stat_json(files, &column->max),
						      .null_count = column->null_count };
	}
	file->stats = stats;
	file->stats_count = from->column_count;
	file->size_bytes = from->size_bytes;
	file->row_count = (int64_t)from->row_count;
	files->size_bytes += file->size_bytes;
	files->row_count += file->row_count;
	return ASOF_OK;
}

void
asof_table_files_remove(struct asof_table_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		remove_file(files, &files->items[i]);
	files->count = 0;
}

/* ---- rows of a statement ---- */

enum asof_status
asof_table_files_sql(const struct asof_table_files *files, const char *select, struct asof_buf *sql,
		     struct asof_error *err)
{
	const char *before = "SELECT * RENAME (";
	for (size_t i = 0; i < files->column_count; i++) {
		const struct asof_field *column = &files->columns[i];
		if (!column->stored)
			continue;
		asof_buf_add_cstr(sql, before);
		asof_sql_name(sql, column->name);
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_name(sql, column->stored);
		before = ", ";
	}
	bool is_renamed = sql->len > 0;
	if (is_renamed)
		asof_buf_add_cstr(sql, ") FROM (");
	asof_buf_add_cstr(sql, select);
	if (is_renamed)
		asof_buf_add_char(sql, ')');
	return asof_buf_status(sql, err);
}

static enum asof_status
write_rows(struct asof_engine *engine, const char *select, const struct asof_feed *feed,
	   const char *path, struct asof_arena *arena, struct asof_file_stats *ret_stats,
	   struct asof_error *err)
{
	if (feed)
		return asof_engine_write_fed(engine, select, feed, path, arena, ret_stats, err);
	return asof_engine_write_parquet(engine, select, path, arena, ret_stats, err);
}

static enum asof_status
write_one(struct asof_table_files *files, const char *select, const struct asof_feed *feed,
	  const struct asof_property *partition, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	const char *path = NULL;
	struct asof_file_stats stats;
	ASOF_TRY(asof_table_files_sql(files, select, &sql, err));
	ASOF_TRY(asof_table_files_begin(files, partition, &path, err));
	ASOF_TRY(write_rows(files->engine, asof_buf_cstr(&sql), feed, path, files->arena, &stats,
			    err));
	return asof_table_files_note(files, &stats, err);
}

/* Rows that are being cut into files. */
struct cut {
	struct asof_table_files *files;
	const char *path; /* of the file that has them, numbered */
	struct span *spans;
	size_t span_count;
	size_t span_capacity;
};

/* Rows [first, first + count) of one partition. */
struct span {
	const struct asof_property *partition;
	uint64_t count;
};

static void
cut_done(struct cut *cut)
{
	asof_mem_free(cut->spans);
}

static enum asof_status
add_columns(const struct cut *cut, struct asof_buf *sql, const char *after, struct asof_error *err)
{
	for (size_t i = 0; i < cut->files->partition_count; i++) {
		const char *column =
			asof_partition_column(&cut->files->partitions[i], cut->files->arena);
		if (!column)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
		asof_sql_name(sql, column);
		asof_buf_add_cstr(sql, after);
	}
	return ASOF_OK;
}

/* Rows [first, first + count), which row groups' statistics find. */
static enum asof_status
write_piece(const struct cut *cut, const struct asof_property *partition, uint64_t first,
	    uint64_t count, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64u << 10);
	asof_buf_add_cstr(&sql, "SELECT * EXCLUDE (");
	ASOF_TRY(add_columns(cut, &sql, ", ", err));
	asof_buf_add_cstr(&sql, ROW ") FROM read_parquet(");
	asof_sql_text(&sql, cut->path);
	asof_buf_printf(&sql,
			", hive_partitioning = false) WHERE " ROW " >= %" PRIu64 " AND " ROW
			" < %" PRIu64,
			first, first + count);
	ASOF_TRY(asof_buf_status(&sql, err));
	return write_one(cut->files, asof_buf_cstr(&sql), NULL, partition, err);
}

static enum asof_status
write_span(const struct cut *cut, const struct span *span, uint64_t first, struct asof_error *err)
{
	for (uint64_t done = 0; done < span->count;) {
		uint64_t count = asof_table_files_next_rows(cut->files, span->count - done);
		ASOF_TRY(write_piece(cut, span->partition, first + done, count, err));
		done += count;
	}
	return ASOF_OK;
}

/* ---- partitions ---- */

static enum asof_status
take_span(struct cut *cut, const struct asof_batch *batch, size_t row, struct asof_error *err)
{
	size_t columns = cut->files->partition_count;
	struct asof_property *values =
		asof_arena_array(cut->files->arena, columns, sizeof(*values));
	if (!values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
	if (cut->span_count == ASOF_TABLE_PARTITIONS_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT,
				 "the rows fall into more than %d partitions: partition by less, "
				 "as month(event_time) instead of day(event_time)",
				 ASOF_TABLE_PARTITIONS_MAX);
	for (size_t i = 0; i < columns; i++) {
		values[i].name =
			asof_partition_column(&cut->files->partitions[i], cut->files->arena);
		values[i].value = asof_arena_copy(
			cut->files->arena, ((const struct asof_str *)batch->columns[i].data)[row]);
		if (!values[i].name || !values[i].value)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
	}
	ASOF_TRY(asof_mem_reserve((void **)&cut->spans, &cut->span_capacity, cut->span_count + 1,
				  sizeof(*cut->spans), err));
	int64_t count = ((const int64_t *)batch->columns[columns].data)[row];
	cut->spans[cut->span_count++] = (struct span){ values, (uint64_t)count };
	return ASOF_OK;
}

static enum asof_status
take_spans(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	(void)schema;
	for (size_t row = 0; row < batch->row_count; row++)
		ASOF_TRY(take_span(arg, batch, row, err));
	return ASOF_OK;
}

/* Which partitions there are, in the order of their rows. */
static enum asof_status
find_spans(struct cut *cut, uint64_t row_count, struct asof_error *err)
{
	if (cut->files->partition_count == 0) {
		ASOF_TRY(asof_mem_reserve((void **)&cut->spans, &cut->span_capacity, 1,
					  sizeof(*cut->spans), err));
		cut->spans[cut->span_count++] = (struct span){ NULL, row_count };
		return ASOF_OK;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64u << 10);
	asof_buf_add_cstr(&sql, "SELECT ");
	ASOF_TRY(add_columns(cut, &sql, ", ", err));
	asof_buf_add_cstr(&sql, "count(*) FROM read_parquet(");
	asof_sql_text(&sql, cut->path);
	asof_buf_add_cstr(&sql, ", hive_partitioning = false) GROUP BY ALL ORDER BY min(" ROW ")");
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_query(cut->files->engine, asof_buf_cstr(&sql), take_spans, cut, err);
}

/* The rows, numbered in the order of the files to be cut. */
static enum asof_status
write_aside(const struct cut *cut, const char *select, const struct asof_feed *feed,
	    struct asof_file_stats *ret_stats, struct asof_error *err)
{
	const struct asof_table_files *files = cut->files;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	asof_buf_add_cstr(&sql, "SELECT *, row_number() OVER () - 1 AS " ROW " FROM (");
	if (files->partition_count > 0)
		ASOF_TRY(asof_plan_partitioned_sql(files->view, files->partitions,
						   files->partition_count, select, &sql, err));
	else
		asof_buf_add_cstr(&sql, select);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	return write_rows(files->engine, asof_buf_cstr(&sql), feed, cut->path, files->arena,
			  ret_stats, err);
}

static enum asof_status
write_several(struct asof_table_files *files, const char *select, const struct asof_feed *feed,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_temp_dir_done) struct asof_temp_dir temp = { 0 };
	ASOF_AUTO(cut_done) struct cut cut = { .files = files };
	struct asof_file_stats aside;
	ASOF_TRY(asof_join_temp_open(&temp, err));
	cut.path = asof_temp_dir_file(&temp, files->arena, "rows.parquet");
	if (!cut.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	ASOF_TRY(write_aside(&cut, select, feed, &aside, err));
	if (aside.row_count == 0)
		return ASOF_OK;
	files->row_bytes = aside.size_bytes / aside.row_count + 1;
	ASOF_TRY(find_spans(&cut, aside.row_count, err));
	uint64_t first = 0;
	for (size_t i = 0; i < cut.span_count; i++) {
		ASOF_TRY(write_span(&cut, &cut.spans[i], first, err));
		first += cut.spans[i].count;
	}
	return ASOF_OK;
}

enum asof_status
asof_table_files_write(struct asof_table_files *files, const char *select,
		       const struct asof_feed *feed, uint64_t most_rows, struct asof_error *err)
{
	if (files->partition_count == 0 && most_rows <= file_rows(files))
		return write_one(files, select, feed, NULL, err);
	return write_several(files, select, feed, err);
}
