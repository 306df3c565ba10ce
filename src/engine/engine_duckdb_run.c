/* engine_duckdb_run.c - statements for their effect, and results on the calling thread. */
#include "engine/duckdb_impl.h"

enum asof_status
asof_duckdb_enter(struct asof_engine *engine, struct asof_engine **ret_entered,
		  struct asof_error *err)
{
	if (engine->is_entered)
		return ASOF_FAIL(err, ASOF_INTERNAL, "the engine is running a statement already");
	ASOF_TRY(asof_cancel_check(engine->watch.cancel, err));
	engine->is_entered = true;
	asof_duckdb_watch_running(&engine->watch, true);
	*ret_entered = engine;
	return ASOF_OK;
}

void
asof_duckdb_leave(struct asof_engine **entered)
{
	if (!*entered)
		return;
	asof_duckdb_watch_running(&(*entered)->watch, false);
	(*entered)->is_entered = false;
}

/* Rows that a statement changed; CREATE TABLE AS tells it in its result instead. */
uint64_t
asof_duckdb_rows_of(duckdb_result *result)
{
	uint64_t rows = duckdb_rows_changed(result);

	if (rows > 0 || duckdb_result_return_type(*result) == DUCKDB_RESULT_TYPE_QUERY_RESULT ||
	    duckdb_column_count(result) != 1 || duckdb_column_type(result, 0) != DUCKDB_TYPE_BIGINT)
		return rows;

	ASOF_AUTO(duckdb_destroy_data_chunk) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
	if (!chunk || duckdb_data_chunk_get_size(chunk) == 0)
		return rows;

	const int64_t *counts = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	return (uint64_t)counts[0];
}

enum asof_status
asof_duckdb_run(struct asof_engine *engine, const char *sql, uint64_t *ret_rows,
		struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_result) duckdb_result result = { 0 };

	if (duckdb_query(engine->connection, sql, &result) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_result_error(&result), err);
	if (ret_rows)
		*ret_rows = asof_duckdb_rows_of(&result);
	return ASOF_OK;
}

enum asof_status
asof_engine_run(struct asof_engine *engine, const char *sql, uint64_t *ret_rows,
		struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	return asof_duckdb_run(engine, sql, ret_rows, err);
}

enum asof_status
asof_duckdb_prepare(struct asof_engine *engine, const char *sql,
		    duckdb_prepared_statement *ret_statement, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;

	if (duckdb_prepare(engine->connection, sql, &statement) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_prepare_error(statement), err);
	*ret_statement = ASOF_STEAL(statement);
	return ASOF_OK;
}

enum asof_status
asof_engine_describe(struct asof_engine *engine, const char *sql, struct asof_arena *arena,
		     struct asof_result_schema *ret_schema, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;
	struct asof_duckdb_schema schema;

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(asof_duckdb_prepare(engine, sql, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, arena, &schema, err));
	*ret_schema = (struct asof_result_schema){ schema.fields, schema.count };
	return ASOF_OK;
}

/* ---- streaming ---- */

static enum asof_status
bind_texts(duckdb_prepared_statement statement, const struct asof_str *texts, size_t count,
	   struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		duckdb_state state =
			texts[i].ptr ? duckdb_bind_varchar_length(statement, i + 1, texts[i].ptr,
								  texts[i].len)
				     : duckdb_bind_null(statement, i + 1);

		if (state != DuckDBSuccess)
			return ASOF_FAIL(err, ASOF_INVALID, "parameter %zu of a query", i + 1);
	}
	return ASOF_OK;
}

static enum asof_status
start(duckdb_prepared_statement statement, duckdb_pending_result *pending, duckdb_result *result,
      struct asof_error *err)
{
	if (duckdb_pending_prepared_streaming(statement, pending) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_pending_error(*pending), err);
	if (duckdb_execute_pending(*pending, result) != DuckDBSuccess) {
		const char *message = duckdb_result_error(result);

		return asof_duckdb_failed(message ? message : duckdb_pending_error(*pending), err);
	}
	return ASOF_OK;
}

struct visit {
	const struct asof_duckdb_schema *schema;
	asof_engine_visit_fn *visit;
	void *arg;
};

static enum asof_status
visit_chunks(duckdb_result *result, const struct visit *visit, struct asof_duckdb_reader *reader,
	     struct asof_error *err)
{
	const struct asof_result_schema schema = { visit->schema->fields, visit->schema->count };

	for (;;) {
		ASOF_AUTO(duckdb_destroy_data_chunk)
		duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
		if (!chunk || duckdb_data_chunk_get_size(chunk) == 0)
			break;

		struct asof_batch batch;
		ASOF_TRY(asof_duckdb_read(reader, chunk, &batch, err));
		ASOF_TRY(visit->visit(visit->arg, &schema, &batch, err));
	}
	/* A failure in mid-stream looks like the end of it. */
	const char *message = duckdb_result_error(result);
	return message ? asof_duckdb_failed(message, err) : ASOF_OK;
}

enum asof_status
asof_duckdb_visit(duckdb_prepared_statement statement, const struct asof_duckdb_schema *schema,
		  const struct asof_str *texts, size_t text_count, asof_engine_visit_fn *visit,
		  void *arg, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_pending) duckdb_pending_result pending = NULL;
	ASOF_AUTO(duckdb_destroy_result) duckdb_result result = { 0 };
	ASOF_AUTO(asof_duckdb_reader_done) struct asof_duckdb_reader reader = { 0 };
	const struct visit what = { schema, visit, arg };

	ASOF_TRY(bind_texts(statement, texts, text_count, err));
	ASOF_TRY(asof_duckdb_reader_init(&reader, schema, err));
	ASOF_TRY(start(statement, &pending, &result, err));
	return visit_chunks(&result, &what, &reader, err);
}

enum asof_status
asof_duckdb_ask(struct asof_engine *engine, const char *sql, const struct asof_str *texts,
		size_t text_count, asof_engine_visit_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;
	struct asof_duckdb_schema schema;

	ASOF_TRY(asof_duckdb_prepare(engine, sql, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, &arena, &schema, err));
	return asof_duckdb_visit(statement, &schema, texts, text_count, visit, arg, err);
}

/* ---- asof_engine_query ---- */

/* A query whose columns of types that we do not have come as text, the rest as they are. */
static enum asof_status
query_as_text(const char *sql, const struct asof_duckdb_schema *schema, struct asof_buf *out,
	      struct asof_error *err)
{
	asof_buf_add_cstr(out, "SELECT ");
	for (size_t i = 0; i < schema->count; i++) {
		bool is_known = schema->fields[i].type.kind != ASOF_TYPE_NONE;

		asof_buf_add_cstr(out, i > 0 ? ", " : "");
		asof_buf_printf(out, is_known ? "c%zu" : "CAST(c%zu AS VARCHAR)", i);
	}
	asof_buf_add_cstr(out, " FROM ");
	asof_duckdb_add_subquery(out, sql, schema->count);
	return asof_buf_status(out, err);
}

static bool
has_unknown_types(const struct asof_duckdb_schema *schema)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (schema->fields[i].type.kind == ASOF_TYPE_NONE)
			return true;
	}
	return false;
}

/* Prepared again, with texts instead of what we have no type for; names and their types stay. */
static enum asof_status
prepare_as_text(struct asof_engine *engine, const char *sql, struct asof_arena *arena,
		duckdb_prepared_statement *statement, struct asof_duckdb_schema *schema,
		struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement fresh = NULL;
	struct asof_duckdb_schema as_text;

	ASOF_TRY(query_as_text(sql, schema, &text, err));
	ASOF_TRY(asof_duckdb_prepare(engine, asof_buf_cstr(&text), &fresh, err));
	ASOF_TRY(asof_duckdb_schema_of(fresh, arena, &as_text, err));
	schema->shapes = as_text.shapes;
	duckdb_destroy_prepare(statement);
	*statement = ASOF_STEAL(fresh);
	return ASOF_OK;
}

enum asof_status
asof_engine_query(struct asof_engine *engine, const char *sql, asof_engine_visit_fn *visit,
		  void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;
	struct asof_duckdb_schema schema;

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(asof_duckdb_prepare(engine, sql, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, &arena, &schema, err));
	if (has_unknown_types(&schema))
		ASOF_TRY(prepare_as_text(engine, sql, &arena, &statement, &schema, err));
	return asof_duckdb_visit(statement, &schema, NULL, 0, visit, arg, err);
}
