/* table_files.c - rows written as data files of a table: as many as a target size asks for. */
#include "job/table_files.h"

#include <inttypes.h>

#include "base/fault.h"
#include "codec/value_text.h"
#include "job/join_temp.h"
#include "plan/sql.h"

#define ROW         "\"_asof_row\"" /* numbers the rows of a file to be cut */
#define TEXT_BYTES  16
#define LIST_BYTES  64
#define COMPRESSION 2 /* what lz4 and dictionaries save at least, usually */

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

enum asof_status
asof_table_files_begin(struct asof_table_files *files, const char **ret_path,
		       struct asof_error *err)
{
	ASOF_TRY(asof_fault_point("build.before_file", err));
	if (files->count == files->capacity) {
		size_t capacity = files->capacity * 2 + 1;
		struct asof_table_file *items =
			asof_arena_array(files->arena, capacity, sizeof(*items));
		if (!items)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu files", capacity);
		if (files->count > 0)
			memcpy(items, files->items, files->count * sizeof(*items));
		files->items = items;
		files->capacity = capacity;
	}
	struct asof_table_file file = { 0 };
	ASOF_TRY(asof_table_new_file(files->lake, files->table, files->arena, &file.name,
				     &file.path, err));
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

static enum asof_status
write_one(struct asof_table_files *files, const char *select, struct asof_error *err)
{
	const char *path = NULL;
	struct asof_file_stats stats;
	ASOF_TRY(asof_table_files_begin(files, &path, err));
	ASOF_TRY(asof_engine_write_parquet(files->engine, select, path, files->arena, &stats, err));
	return asof_table_files_note(files, &stats, err);
}

/* Rows [first, first + count) of the file `path`, whose row groups know their numbers. */
static enum asof_status
write_piece(struct asof_table_files *files, const char *path, uint64_t first, uint64_t count,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64u << 10);
	asof_buf_add_cstr(&sql, "SELECT * EXCLUDE (" ROW ") FROM read_parquet(");
	asof_sql_text(&sql, path);
	asof_buf_printf(&sql,
			", hive_partitioning = false) WHERE " ROW " >= %" PRIu64 " AND " ROW
			" < %" PRIu64,
			first, first + count);
	ASOF_TRY(asof_buf_status(&sql, err));
	return write_one(files, asof_buf_cstr(&sql), err);
}

/* The rows, numbered, in a file that goes with `temp`. */
static enum asof_status
write_aside(struct asof_table_files *files, const char *select, const char *path,
	    struct asof_file_stats *ret_stats, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	asof_buf_printf(&sql, "SELECT *, row_number() OVER () - 1 AS " ROW " FROM (");
	asof_buf_add_cstr(&sql, select);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_write_parquet(files->engine, asof_buf_cstr(&sql), path, files->arena,
					 ret_stats, err);
}

static enum asof_status
write_several(struct asof_table_files *files, const char *select, struct asof_error *err)
{
	ASOF_AUTO(asof_join_temp_done) struct asof_join_temp temp = { 0 };
	struct asof_file_stats aside;
	ASOF_TRY(asof_join_temp_open(&temp, err));
	const char *path = asof_join_temp_path(&temp, files->arena, "rows.parquet");
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	ASOF_TRY(write_aside(files, select, path, &aside, err));
	if (aside.row_count > 0)
		files->row_bytes = aside.size_bytes / aside.row_count + 1;
	for (uint64_t first = 0; first < aside.row_count;) {
		uint64_t count = asof_table_files_next_rows(files, aside.row_count - first);
		ASOF_TRY(write_piece(files, path, first, count, err));
		first += count;
	}
	return ASOF_OK;
}

enum asof_status
asof_table_files_write(struct asof_table_files *files, const char *select, uint64_t most_rows,
		       struct asof_error *err)
{
	if (most_rows <= file_rows(files))
		return write_one(files, select, err);
	return write_several(files, select, err);
}
