/*
 * engine_duckdb_parquet.c - a query written to a Parquet file, with the statistics of its columns.
 *
 * Written beside its place and renamed, so that a file of that name is whole. Columns are those of
 * our types: small integers as int32, instants as UTC, 128-bit integers as decimals (Parquet has
 * none).
 */
#include "engine/duckdb_impl.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "plan/sql.h"

#define ROW_GROUP_ROWS 122880
/* Minima and maxima of texts are cut to 256 bytes: what is nearly as long may have been. */
#define EXACT_TEXT_MAX 250

/* ---- what is written ---- */

/* Whether DuckDB writes the column as our type already: their names are the same. */
static bool
is_canonical(const struct asof_field *field)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type logical = asof_duckdb_logical_of(field->type);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(256);

	asof_duckdb_type_text(logical, &name);
	return strcmp(asof_buf_cstr(&name), field->type_text) == 0;
}

static void
add_column(struct asof_buf *sql, const struct asof_field *field, duckdb_type physical,
	   const char *expr)
{
	if (is_canonical(field))
		asof_buf_add_cstr(sql, expr);
	else if (physical == DUCKDB_TYPE_TIMESTAMP)
		/* A cast of a finite time would ask the calendar: twenty times slower. */
		asof_buf_printf(sql,
				"CASE WHEN isfinite(%s) THEN make_timestamptz(epoch_us(%s)) "
				"ELSE CAST(%s AS TIMESTAMPTZ) END",
				expr, expr, expr);
	else
		asof_sql_column(sql, expr, field->type_text, field->type, NULL);
	asof_buf_add_cstr(sql, " AS ");
	asof_sql_name(sql, field->name);
}

static bool
all_canonical(const struct asof_duckdb_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (!is_canonical(&schema->fields[i]))
			return false;
	}
	return true;
}

static void
add_select(struct asof_buf *sql, const char *select, const struct asof_duckdb_schema *schema)
{
	if (all_canonical(schema)) {
		asof_buf_add_cstr(sql, "SELECT * FROM ");
		asof_duckdb_add_subquery(sql, select, 0);
		return;
	}
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < schema->count; i++) {
		char expr[32];

		(void)snprintf(expr, sizeof(expr), "c%zu", i);
		asof_buf_add_cstr(sql, i > 0 ? ", " : "");
		add_column(sql, &schema->fields[i], schema->shapes[i].physical, expr);
	}
	asof_buf_add_cstr(sql, " FROM ");
	asof_duckdb_add_subquery(sql, select, schema->count);
}

/* ---- statistics: DuckDB gives texts, by the column's quoted name ---- */

struct column_texts {
	struct asof_str min;
	struct asof_str max;
	struct asof_str null_count;
	bool has_nan;
};

static struct asof_str
text_at(duckdb_vector vector, idx_t row)
{
	uint64_t *validity = duckdb_vector_get_validity(vector);
	duckdb_string_t *texts = duckdb_vector_get_data(vector);

	if (validity && !duckdb_validity_row_is_valid(validity, row))
		return (struct asof_str){ NULL, 0 };
	return (struct asof_str){ duckdb_string_t_data(&texts[row]),
				  duckdb_string_t_length(texts[row]) };
}

static struct column_texts
texts_of(duckdb_vector statistics, duckdb_list_entry span)
{
	duckdb_vector entries = duckdb_list_vector_get_child(statistics);
	duckdb_vector names = duckdb_struct_vector_get_child(entries, 0);
	duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
	struct column_texts texts = { 0 };

	for (idx_t i = span.offset; i < span.offset + span.length; i++) {
		struct asof_str name = text_at(names, i);
		struct asof_str value = text_at(values, i);

		if (asof_str_equal(name, asof_str_from("min")))
			texts.min = value;
		else if (asof_str_equal(name, asof_str_from("max")))
			texts.max = value;
		else if (asof_str_equal(name, asof_str_from("null_count")))
			texts.null_count = value;
		else if (asof_str_equal(name, asof_str_from("has_nan")))
			texts.has_nan = asof_str_equal(value, asof_str_from("true"));
	}
	return texts;
}

/* The statistics of the column called `quoted` in row 0 of a MAP column; zero where there are none.
 */
static struct column_texts
find_texts(duckdb_vector map, struct asof_str quoted)
{
	duckdb_list_entry columns = ((duckdb_list_entry *)duckdb_vector_get_data(map))[0];
	duckdb_vector entries = duckdb_list_vector_get_child(map);
	duckdb_vector names = duckdb_struct_vector_get_child(entries, 0);
	duckdb_vector values = duckdb_struct_vector_get_child(entries, 1);
	const duckdb_list_entry *spans = duckdb_vector_get_data(values);

	for (idx_t i = columns.offset; i < columns.offset + columns.length; i++) {
		if (asof_str_equal(text_at(names, i), quoted))
			return texts_of(values, spans[i]);
	}
	return (struct column_texts){ 0 };
}

/* The text if it is the value itself, else nothing. */
static struct asof_str
exact(const struct column_texts *texts, struct asof_str text, struct asof_type type)
{
	size_t max = type.kind == ASOF_TYPE_BYTES ? 2 * EXACT_TEXT_MAX : EXACT_TEXT_MAX;

	return texts->has_nan || text.len >= max ? (struct asof_str){ NULL, 0 } : text;
}

/* ---- from texts to values: DuckDB reads what it wrote ---- */

/* SELECT of all minima and maxima, from parameters. */
static enum asof_status
values_sql(const struct asof_duckdb_schema *schema, struct asof_buf *sql, struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < 2 * schema->count; i++) {
		struct asof_type type = schema->fields[i / 2].type;

		asof_buf_add_cstr(sql, i > 0 ? ", " : "");
		if (type.kind == ASOF_TYPE_BYTES) {
			asof_buf_printf(sql, "from_hex(CAST($%zu AS VARCHAR))", i + 1);
			continue;
		}
		asof_buf_printf(sql, "TRY_CAST(CAST($%zu AS VARCHAR) AS ", i + 1);
		asof_sql_type(sql, type);
		asof_buf_add_char(sql, ')');
	}
	return asof_buf_status(sql, err);
}

struct values_visit {
	struct asof_arena *arena;
	struct asof_file_stats *stats;
	const struct asof_duckdb_schema *schema;
};

/* A value that outlives the batch. */
static enum asof_status
keep_value(const struct asof_column *column, struct asof_type type, struct asof_arena *arena,
	   struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value;

	ASOF_TRY(asof_column_value(column, 0, arena, &value, err));
	bool is_text = type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
		       type.kind == ASOF_TYPE_JSON || type.kind == ASOF_TYPE_UUID;
	if (is_text && !value.is_null) {
		value.str.ptr = asof_arena_copy(arena, value.str);
		if (!value.str.ptr)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	}
	value.type = type;
	*ret_value = value;
	return ASOF_OK;
}

static enum asof_status
take_values(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct values_visit *visit = arg;

	(void)schema;
	for (size_t i = 0; i < visit->stats->column_count; i++) {
		struct asof_column_stats *column = &visit->stats->columns[i];
		struct asof_type type = visit->schema->fields[i].type;

		ASOF_TRY(keep_value(&batch->columns[2 * i], type, visit->arena, &column->min, err));
		ASOF_TRY(keep_value(&batch->columns[2 * i + 1], type, visit->arena, &column->max,
				    err));
	}
	return ASOF_OK;
}

static enum asof_status
read_columns(struct asof_engine *engine, const struct asof_duckdb_schema *schema, duckdb_vector map,
	     struct asof_arena *arena, struct asof_file_stats *stats, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(SIZE_MAX);
	struct asof_str *texts = asof_arena_array(arena, 2 * schema->count, sizeof(*texts));
	struct values_visit visit = { arena, stats, schema };

	if (!texts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	for (size_t i = 0; i < schema->count; i++) {
		const struct asof_field *field = &schema->fields[i];

		asof_buf_clear(&name);
		asof_sql_name(&name, field->name);
		ASOF_TRY(asof_buf_status(&name, err));

		struct column_texts found = find_texts(map, asof_buf_view(&name));
		texts[2 * i] = exact(&found, found.min, field->type);
		texts[2 * i + 1] = exact(&found, found.max, field->type);
		stats->columns[i].name = field->name;
		if (!found.null_count.ptr ||
		    !asof_int64_parse(found.null_count, &stats->columns[i].null_count))
			stats->columns[i].null_count = -1;
	}
	ASOF_TRY(values_sql(schema, &sql, err));
	return asof_duckdb_ask(engine, asof_buf_cstr(&sql), texts, 2 * schema->count, take_values,
			       &visit, err);
}

/* ---- writing ---- */

/* What RETURN_STATS gives: filename, count, file_size_bytes, footer_size_bytes, column_statistics.
 */
static enum asof_status
read_stats(struct asof_engine *engine, const struct asof_duckdb_schema *schema,
	   duckdb_result *result, struct asof_arena *arena, struct asof_file_stats *stats,
	   struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_data_chunk) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
	if (!chunk || duckdb_data_chunk_get_size(chunk) != 1 ||
	    duckdb_data_chunk_get_column_count(chunk) < 5)
		return ASOF_FAIL(err, ASOF_INTERNAL, "no statistics of the file written");

	const uint64_t *rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
	const uint64_t *bytes = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 2));
	stats->row_count = rows[0];
	stats->size_bytes = bytes[0];
	stats->column_count = schema->count;
	stats->columns = asof_arena_array(arena, schema->count, sizeof(*stats->columns));
	if (!stats->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics of a file");
	return read_columns(engine, schema, duckdb_data_chunk_get_vector(chunk, 4), arena, stats,
			    err);
}

static enum asof_status
copy_to(struct asof_engine *engine, const char *select, const struct asof_duckdb_schema *schema,
	const char *path, struct asof_arena *arena, struct asof_file_stats *stats,
	struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(duckdb_destroy_result) duckdb_result result = { 0 };

	asof_buf_add_cstr(&sql, "COPY (");
	add_select(&sql, select, schema);
	asof_buf_add_cstr(&sql, ") TO ");
	asof_sql_text(&sql, path);
	asof_buf_printf(&sql,
			" (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE %d, "
			"USE_TMP_FILE false, RETURN_STATS)",
			ROW_GROUP_ROWS);
	ASOF_TRY(asof_buf_status(&sql, err));
	if (duckdb_query(engine->connection, asof_buf_cstr(&sql), &result) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_result_error(&result), err);
	return read_stats(engine, schema, &result, arena, stats, err);
}

/* "dir/.name.tmp" for "dir/name": hidden, so that no glob of data files finds it. */
static char *
temporary_path(const char *path, struct asof_arena *arena)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;

	return asof_arena_printf(arena, "%.*s.%s.tmp", dir_len, path, path + dir_len);
}

static enum asof_status
copy_and_rename(struct asof_engine *engine, const char *select,
		const struct asof_duckdb_schema *schema, const char *path, struct asof_arena *arena,
		struct asof_file_stats *stats, struct asof_error *err)
{
	const char *temporary = temporary_path(path, arena);
	if (!temporary)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name of a file");

	enum asof_status status = copy_to(engine, select, schema, temporary, arena, stats, err);
	if (status == ASOF_OK && rename(temporary, path) != 0)
		status = ASOF_FAIL(err, ASOF_IO, "rename: %s", strerror(errno));
	if (status != ASOF_OK)
		(void)unlink(temporary);
	return status;
}

/* Readers find columns by name in any case. */
static enum asof_status
check_names(const struct asof_duckdb_schema *schema, struct asof_error *err)
{
	for (size_t i = 0; i < schema->count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcasecmp(schema->fields[i].name, schema->fields[k].name) == 0)
				return ASOF_FAIL(err, ASOF_INVALID, "two columns are named '%s'",
						 schema->fields[i].name);
		}
	}
	return ASOF_OK;
}

static enum asof_status
written_schema(struct asof_engine *engine, const char *select, struct asof_arena *arena,
	       struct asof_duckdb_schema *ret_schema, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;

	ASOF_TRY(asof_duckdb_prepare(engine, select, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, arena, ret_schema, err));
	for (size_t i = 0; i < ret_schema->count; i++) {
		const struct asof_field *field = &ret_schema->fields[i];

		if (field->type.kind == ASOF_TYPE_NONE)
			return ASOF_FAIL(err, ASOF_UNSUPPORTED, "column '%s' has the type %s",
					 field->name, field->type_text);
	}
	return check_names(ret_schema, err);
}

enum asof_status
asof_engine_write_parquet(struct asof_engine *engine, const char *select, const char *path,
			  struct asof_arena *arena, struct asof_file_stats *ret_stats,
			  struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	struct asof_file_stats stats = { .path = asof_arena_copy(arena, asof_str_from(path)) };
	struct asof_duckdb_schema schema;

	if (!stats.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name of a file");
	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(written_schema(engine, select, arena, &schema, err));

	bool is_remote = strstr(path, "://");
	enum asof_status status =
		is_remote ? copy_to(engine, select, &schema, path, arena, &stats, err)
			  : copy_and_rename(engine, select, &schema, path, arena, &stats, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "write '%s'", path);
	*ret_stats = stats;
	return ASOF_OK;
}
