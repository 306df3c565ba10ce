/*
 * engine_duckdb_scan.c - a query's columns handed in parallel to a sink.
 *
 * The sink is a volatile scalar function over the query: DuckDB's own workers call it with their
 * chunks, and nothing is gathered in one thread (twice as fast as a streamed result).
 */
#include "engine/duckdb_impl.h"

struct asof_duckdb_scan {
	struct asof_duckdb_calls calls;
	asof_engine_sink_fn *sink;
	void *arg;
	const struct asof_duckdb_schema *schema;
	struct asof_duckdb_reader *readers; /* per worker */
};

static enum asof_status
hand_over(struct asof_duckdb_scan *scan, unsigned number, duckdb_data_chunk chunk,
	  struct asof_error *err)
{
	struct asof_duckdb_reader *reader = &scan->readers[number];
	struct asof_batch batch;

	ASOF_TRY(asof_cancel_check(scan->calls.cancel, err));
	if (!reader->columns)
		ASOF_TRY(asof_duckdb_reader_init(reader, scan->schema, err));
	ASOF_TRY(asof_duckdb_read(reader, chunk, &batch, err));
	return scan->sink(scan->arg, number, &batch, err);
}

static void
sink_init(duckdb_init_info info)
{
	struct asof_engine *engine = duckdb_scalar_function_init_get_extra_info(info);
	struct asof_duckdb_scan *scan = engine->scan;
	unsigned hint = scan ? atomic_fetch_add(&scan->calls.next_hint, 1) : 0;

	duckdb_scalar_function_init_set_state(info, (void *)(uintptr_t)hint, NULL);
}

/* asof_sink(columns...): always false, for the effect. */
static void
sink_main(duckdb_function_info info, duckdb_data_chunk chunk, duckdb_vector output)
{
	struct asof_engine *engine = duckdb_scalar_function_get_extra_info(info);
	struct asof_duckdb_scan *scan = engine->scan;
	size_t count = duckdb_data_chunk_get_size(chunk);

	memset(duckdb_vector_get_data(output), 0, count);
	if (!scan || atomic_load(&scan->calls.has_failed)) {
		duckdb_scalar_function_set_error(info, scan ? "stopped" : "asof_sink is internal");
		return;
	}
	if (count == 0)
		return;

	unsigned hint = (unsigned)(uintptr_t)duckdb_scalar_function_get_state(info);
	unsigned number = asof_duckdb_calls_claim(&scan->calls, hint);
	struct asof_error err = { 0 };
	enum asof_status status = hand_over(scan, number, chunk, &err);

	if (status != ASOF_OK) {
		asof_duckdb_calls_fail(&scan->calls, status, &err);
		duckdb_scalar_function_set_error(info, "stopped");
	}
	asof_duckdb_calls_release(&scan->calls, number);
}

enum asof_status
asof_duckdb_register_sink(struct asof_engine *engine, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type any = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type result = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);

	duckdb_scalar_function_set_name(function, "asof_sink");
	duckdb_scalar_function_set_varargs(function, any);
	duckdb_scalar_function_set_return_type(function, result);
	duckdb_scalar_function_set_volatile(function); /* else called once for constants */
	duckdb_scalar_function_set_special_handling(function);
	duckdb_scalar_function_set_extra_info(function, engine, NULL);
	duckdb_scalar_function_set_init(function, sink_init);
	duckdb_scalar_function_set_function(function, sink_main);
	if (duckdb_register_scalar_function(engine->connection, function) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register asof_sink");
	return ASOF_OK;
}

static void
scan_done(struct asof_duckdb_scan *scan)
{
	for (unsigned i = 0; scan->readers && i < scan->calls.worker_count; i++) {
		if (scan->readers[i].columns)
			asof_duckdb_reader_done(&scan->readers[i]);
	}
	asof_mem_free(scan->readers);
	asof_duckdb_calls_done(&scan->calls);
}

static enum asof_status
refuse_unknown_types(const struct asof_duckdb_schema *schema, struct asof_error *err)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct asof_field *field = &schema->fields[i];

		if (field->type.kind == ASOF_TYPE_NONE)
			return ASOF_FAIL(err, ASOF_UNSUPPORTED, "column '%s' has the type %s",
					 field->name, field->type_text);
	}
	return ASOF_OK;
}

static enum asof_status
scan_sql(const char *sql, const struct asof_duckdb_schema *schema, struct asof_buf *out,
	 struct asof_error *err)
{
	asof_buf_add_cstr(out, "SELECT bool_or(asof_sink(");
	for (size_t i = 0; i < schema->count; i++)
		asof_buf_printf(out, "%sc%zu", i > 0 ? ", " : "", i);
	asof_buf_add_cstr(out, ")) FROM ");
	asof_duckdb_add_subquery(out, sql, schema->count);
	return asof_buf_status(out, err);
}

static enum asof_status
schema_of_sql(struct asof_engine *engine, const char *sql, struct asof_arena *arena,
	      struct asof_duckdb_schema *schema, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_prepare) duckdb_prepared_statement statement = NULL;

	ASOF_TRY(asof_duckdb_prepare(engine, sql, &statement, err));
	ASOF_TRY(asof_duckdb_schema_of(statement, arena, schema, err));
	return refuse_unknown_types(schema, err);
}

enum asof_status
asof_engine_scan(struct asof_engine *engine, const char *sql, asof_engine_sink_fn *sink, void *arg,
		 struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(SIZE_MAX);
	struct asof_duckdb_schema schema;

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(schema_of_sql(engine, sql, &arena, &schema, err));
	ASOF_TRY(scan_sql(sql, &schema, &text, err));

	ASOF_AUTO(scan_done)
	struct asof_duckdb_scan scan = { .sink = sink, .arg = arg, .schema = &schema };
	ASOF_TRY(asof_duckdb_calls_init(&scan.calls, engine, err));
	scan.readers = asof_mem_alloc(engine->threads * sizeof(*scan.readers));
	if (!scan.readers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers of a scan");

	engine->scan = &scan;
	enum asof_status status = asof_duckdb_run(engine, asof_buf_cstr(&text), NULL, err);
	engine->scan = NULL;
	return asof_duckdb_calls_result(&scan.calls, status, err);
}
