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

/* ---- writing ---- */

/* A query for a file, from a feed of ours or not. */
struct copy {
	struct asof_engine *engine;
	const char *select;
	const struct asof_feed *feed; /* NULL: none */
	struct asof_arena *arena;
	struct asof_duckdb_schema schema;
};

static enum asof_status
run_copy(const struct copy *copy, const char *sql, duckdb_result *result, struct asof_error *err)
{
	if (copy->feed)
		return asof_duckdb_run_fed(copy->engine, sql, copy->feed, result, err);
	if (duckdb_query(copy->engine->connection, sql, result) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_result_error(result), err);
	return ASOF_OK;
}

static enum asof_status
copy_to(const struct copy *copy, const char *path, struct asof_file_stats *stats,
	struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(duckdb_destroy_result) duckdb_result result = { 0 };

	asof_buf_add_cstr(&sql, "COPY (");
	add_select(&sql, copy->select, &copy->schema);
	asof_buf_add_cstr(&sql, ") TO ");
	asof_sql_text(&sql, path);
	asof_buf_printf(&sql,
			" (FORMAT parquet, COMPRESSION lz4_raw, ROW_GROUP_SIZE "
			"%d, " ASOF_DUCKDB_PARQUET_OPTIONS ", RETURN_STATS)",
			ASOF_ROW_GROUP_ROWS);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(run_copy(copy, asof_buf_cstr(&sql), &result, err));
	return asof_duckdb_read_stats(copy->engine, &copy->schema, &result, copy->arena, stats,
				      err);
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
copy_and_rename(const struct copy *copy, const char *path, struct asof_file_stats *stats,
		struct asof_error *err)
{
	const char *temporary = temporary_path(path, copy->arena);
	if (!temporary)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name of a file");

	enum asof_status status = copy_to(copy, temporary, stats, err);
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
describe(struct copy *copy, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;

	if (copy->feed)
		ASOF_TRY(asof_duckdb_prepare_fed(copy->engine, copy->select, copy->feed, &statement,
						 err));
	else
		ASOF_TRY(asof_duckdb_prepare(copy->engine, copy->select, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, copy->arena, &copy->schema, err));
	for (size_t i = 0; i < copy->schema.count; i++) {
		const struct asof_field *field = &copy->schema.fields[i];

		if (field->type.kind == ASOF_TYPE_NONE)
			return ASOF_FAIL(err, ASOF_UNSUPPORTED, "column '%s' has the type %s",
					 field->name, field->type_text);
	}
	return check_names(&copy->schema, err);
}

static enum asof_status
write_file(struct copy *copy, const char *path, struct asof_file_stats *ret_stats,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	struct asof_file_stats stats = { .path = asof_arena_copy(copy->arena,
								 asof_str_from(path)) };

	if (!stats.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name of a file");
	ASOF_TRY(asof_duckdb_enter(copy->engine, &entered, err));
	ASOF_TRY(describe(copy, err));

	bool is_remote = strstr(path, "://");
	enum asof_status status = is_remote ? copy_to(copy, path, &stats, err)
					    : copy_and_rename(copy, path, &stats, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "write '%s'", path);
	*ret_stats = stats;
	return ASOF_OK;
}

enum asof_status
asof_engine_write_parquet(struct asof_engine *engine, const char *select, const char *path,
			  struct asof_arena *arena, struct asof_file_stats *ret_stats,
			  struct asof_error *err)
{
	struct copy copy = { .engine = engine, .select = select, .arena = arena };

	return write_file(&copy, path, ret_stats, err);
}

enum asof_status
asof_engine_write_fed(struct asof_engine *engine, const char *select, const struct asof_feed *feed,
		      const char *path, struct asof_arena *arena, struct asof_file_stats *ret_stats,
		      struct asof_error *err)
{
	struct copy copy = { .engine = engine, .select = select, .feed = feed, .arena = arena };

	return write_file(&copy, path, ret_stats, err);
}
