/*
 * engine_duckdb_mapped.c - a query's columns and columns of ours beside them, written to one file.
 *
 * The columns of ours are the members of a STRUCT that a volatile scalar function of the row number
 * returns: DuckDB's workers call it with their chunks, and write what it gives without a copy. A
 * function has one type of result, so that each list of types has a function; they are used again.
 */
#include "engine/duckdb_impl.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "plan/sql.h"

struct asof_duckdb_map {
	struct asof_duckdb_calls calls;
	const struct asof_mapped *map;
};

/* ---- the function ---- */

static enum asof_status
check_numbers(duckdb_vector rows, size_t count, struct asof_error *err)
{
	uint64_t *validity = duckdb_vector_get_validity(rows);

	for (size_t i = 0; validity && i < count; i++) {
		if (!duckdb_validity_row_is_valid(validity, i))
			return ASOF_FAIL(err, ASOF_INTERNAL, "a row without a number");
	}
	return ASOF_OK;
}

static enum asof_status
fill(struct asof_duckdb_map *running, unsigned worker, duckdb_data_chunk chunk,
     duckdb_vector output, struct asof_error *err)
{
	const struct asof_mapped *map = running->map;
	duckdb_vector rows = duckdb_data_chunk_get_vector(chunk, 0);
	size_t count = duckdb_data_chunk_get_size(chunk);
	struct asof_batch batch = { 0 };

	ASOF_TRY(asof_cancel_check(running->calls.cancel, err));
	ASOF_TRY(check_numbers(rows, count, err));
	ASOF_TRY(map->fill(map->arg, worker, duckdb_vector_get_data(rows), count, &batch, err));
	ASOF_TRY(asof_duckdb_check_batch(&batch, map->fields, map->field_count, count, err));
	if (batch.row_count != count)
		return ASOF_FAIL(err, ASOF_INTERNAL, "%zu rows instead of %zu", batch.row_count,
				 count);
	for (size_t i = 0; i < batch.column_count; i++) {
		duckdb_vector member = duckdb_struct_vector_get_child(output, i);
		enum asof_status status = asof_duckdb_write(&batch.columns[i], count, member, err);

		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "column '%s'", map->fields[i].name);
	}
	return ASOF_OK;
}

static void
mapped_init(duckdb_init_info info)
{
	struct asof_engine *engine = duckdb_scalar_function_init_get_extra_info(info);
	struct asof_duckdb_map *map = engine->map;
	unsigned hint = map ? atomic_fetch_add(&map->calls.next_hint, 1) : 0;

	duckdb_scalar_function_init_set_state(info, (void *)(uintptr_t)hint, NULL);
}

/* asof_mapped_<n>(row number): a STRUCT of the columns of ours. */
static void
mapped_main(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
	struct asof_engine *engine = duckdb_scalar_function_get_extra_info(info);
	struct asof_duckdb_map *map = engine->map;

	if (!map || atomic_load(&map->calls.has_failed)) {
		duckdb_scalar_function_set_error(info, map ? "stopped" : "asof_mapped is internal");
		return;
	}
	if (duckdb_data_chunk_get_size(chunk) == 0)
		return;

	unsigned hint = (unsigned)(uintptr_t)duckdb_scalar_function_get_state(info);
	unsigned number = asof_duckdb_calls_claim(&map->calls, hint);
	struct asof_error err = { 0 };
	enum asof_status status = fill(map, number, chunk, output, &err);

	if (status != ASOF_OK) {
		asof_duckdb_calls_fail(&map->calls, status, &err);
		duckdb_scalar_function_set_error(info, "stopped");
	}
	asof_duckdb_calls_release(&map->calls, number);
}

/* The STRUCT of members f0, f1 .. of the types of `map`; to be destroyed. */
static enum asof_status
struct_of(const struct asof_mapped *map, duckdb_logical_type *ret_type, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	duckdb_logical_type *types = asof_arena_array(&arena, map->field_count, sizeof(*types));
	const char **names = asof_arena_array(&arena, map->field_count, sizeof(*names));
	bool is_short = !types || !names;

	for (size_t i = 0; !is_short && i < map->field_count; i++) {
		names[i] = asof_arena_printf(&arena, "f%zu", i);
		is_short = !names[i];
	}
	if (is_short)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of a file");
	for (size_t i = 0; i < map->field_count; i++)
		types[i] = asof_duckdb_logical_of(map->fields[i].type);
	*ret_type = duckdb_create_struct_type(types, names, map->field_count);
	for (size_t i = 0; i < map->field_count; i++)
		duckdb_destroy_logical_type(&types[i]);
	return ASOF_OK;
}

static enum asof_status
register_mapped(struct asof_engine *engine, const char *name, duckdb_logical_type result,
		struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type bigint = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);

	duckdb_scalar_function_set_name(function, name);
	duckdb_scalar_function_add_parameter(function, bigint);
	duckdb_scalar_function_set_return_type(function, result);
	duckdb_scalar_function_set_volatile(function); /* else called once for equal numbers */
	duckdb_scalar_function_set_special_handling(function);
	duckdb_scalar_function_set_extra_info(function, engine, NULL);
	duckdb_scalar_function_set_init(function, mapped_init);
	duckdb_scalar_function_set_function(function, mapped_main);
	if (duckdb_register_scalar_function(engine->connection, function) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register %s", name);
	return ASOF_OK;
}

/* The name of the function that returns what `map` has, made if there is none yet. */
static enum asof_status
find_function(struct asof_engine *engine, const struct asof_mapped *map, struct asof_buf *name,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf types = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(duckdb_destroy_logical_type) duckdb_logical_type result = NULL;
	void *number = NULL;

	ASOF_TRY(struct_of(map, &result, err));
	asof_duckdb_type_text(result, &types);
	ASOF_TRY(asof_buf_status(&types, err));

	bool is_known = asof_map_find(&engine->mapped, asof_buf_view(&types), &number);
	if (!is_known)
		number = (void *)(uintptr_t)engine->mapped_count;
	asof_buf_printf(name, "asof_mapped_%zu", (size_t)(uintptr_t)number);
	ASOF_TRY(asof_buf_status(name, err));
	if (is_known)
		return ASOF_OK;
	ASOF_TRY(register_mapped(engine, asof_buf_cstr(name), result, err));
	engine->mapped_count++;
	return asof_map_put(&engine->mapped, asof_buf_view(&types), number, err);
}

/* ---- the file ---- */

struct output {
	struct asof_engine *engine;
	const char *select;
	const struct asof_mapped *map;
	struct asof_arena arena;
	struct asof_duckdb_schema schema; /* of `select` */
	struct asof_duckdb_form form;
};

static void
output_done(struct output *output)
{
	asof_arena_done(&output->arena);
}

/* What `select` gives, and that its last column numbers the rows. */
static enum asof_status
describe(struct output *output, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;
	struct asof_duckdb_schema *schema = &output->schema;

	ASOF_TRY(asof_duckdb_prepare(output->engine, output->select, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, &output->arena, schema, err));
	if (schema->count == 0 || schema->shapes[schema->count - 1].physical != DUCKDB_TYPE_BIGINT)
		return ASOF_FAIL(err, ASOF_INTERNAL, "the last column is no number of rows");
	if (output->map->field_count + schema->count < 2)
		return ASOF_FAIL(err, ASOF_INVALID, "no columns to write");
	return ASOF_OK;
}

/* The function stands in a query of its own, so that it is called once for all its members. */
static void
add_query(const struct output *output, const char *function, struct asof_buf *sql)
{
	size_t last = output->schema.count - 1;
	const struct asof_mapped *map = output->map;

	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < last; i++) {
		asof_buf_printf(sql, "%sc%zu AS ", i > 0 ? ", " : "", i);
		asof_sql_name(sql, output->schema.fields[i].name);
	}
	for (size_t i = 0; i < map->field_count; i++) {
		asof_buf_printf(sql, "%ss.f%zu AS ", i + last > 0 ? ", " : "", i);
		asof_sql_name(sql, map->fields[i].name);
	}
	asof_buf_add_cstr(sql, " FROM (SELECT *");
	if (map->field_count > 0)
		asof_buf_printf(sql, ", %s(c%zu) AS s", function, last);
	asof_buf_add_cstr(sql, " FROM ");
	asof_duckdb_add_subquery(sql, output->select, output->schema.count);
	asof_buf_add_char(sql, ')');
}

static enum asof_status
copy_sql(const struct output *output, const char *path, struct asof_buf *sql,
	 struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf function = ASOF_BUF(64);

	if (output->map->field_count > 0)
		ASOF_TRY(find_function(output->engine, output->map, &function, err));
	asof_buf_add_cstr(sql, "COPY (");
	if (output->map->head)
		asof_buf_printf(sql, "%s(", output->map->head);
	add_query(output, asof_buf_cstr(&function), sql);
	if (output->map->head)
		asof_buf_printf(sql, ")%s", output->map->tail);
	asof_buf_add_cstr(sql, ") TO ");
	asof_sql_text(sql, path);
	asof_duckdb_add_form(sql, &output->form);
	return asof_buf_status(sql, err);
}

static enum asof_status
run_copy(const struct output *output, const char *sql, uint64_t *ret_rows, struct asof_error *err)
{
	struct asof_engine *engine = output->engine;
	struct asof_duckdb_map running = { .map = output->map };

	ASOF_TRY(asof_duckdb_calls_init(&running.calls, engine, err));
	engine->map = &running;
	enum asof_status status = asof_duckdb_run(engine, sql, ret_rows, err);
	engine->map = NULL;
	status = asof_duckdb_calls_result(&running.calls, status, err);
	asof_duckdb_calls_done(&running.calls);
	return status;
}

static enum asof_status
set_threads(struct asof_engine *engine, unsigned threads, struct asof_error *err)
{
	char sql[64];

	(void)snprintf(sql, sizeof(sql), "SET threads = %u", threads);
	return asof_duckdb_run(engine, sql, NULL, err);
}

/* With as many threads as the bound allows. */
static enum asof_status
copy_bounded(const struct output *output, const char *sql, uint64_t *ret_rows,
	     struct asof_error *err)
{
	struct asof_engine *engine = output->engine;
	if (output->form.threads == engine->threads)
		return run_copy(output, sql, ret_rows, err);

	ASOF_TRY(set_threads(engine, output->form.threads, err));
	enum asof_status status = run_copy(output, sql, ret_rows, err);
	enum asof_status restored =
		set_threads(engine, engine->threads, status == ASOF_OK ? err : NULL);
	return status == ASOF_OK ? restored : status;
}

enum asof_status
asof_engine_write_mapped(struct asof_engine *engine, const char *select,
			 const struct asof_mapped *map, const struct asof_file_form *form,
			 const char *path, uint64_t *ret_rows, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(output_done)
	struct output output = { .engine = engine, .select = select, .map = map };
	const char *part = asof_arena_printf(&output.arena, "%s.part-%d", path, (int)getpid());
	uint64_t rows = 0;

	if (!part)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name of a file");
	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(describe(&output, err));
	output.form = asof_duckdb_form_of(form, &output.schema, map, engine->threads);
	ASOF_TRY(copy_sql(&output, part, &sql, err));

	enum asof_status status = copy_bounded(&output, asof_buf_cstr(&sql), &rows, err);
	if (status == ASOF_OK && rename(part, path) != 0)
		status = ASOF_FAIL(err, ASOF_IO, "rename to '%s': %s", path, strerror(errno));
	if (status != ASOF_OK) {
		(void)unlink(part);
		return status;
	}
	if (ret_rows)
		*ret_rows = rows;
	return ASOF_OK;
}

size_t
asof_engine_vector_rows(void)
{
	return duckdb_vector_size();
}
