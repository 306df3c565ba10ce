/*
 * engine_duckdb_scan.c - a query's columns handed in parallel to a sink.
 *
 * The sink is a volatile scalar function over the query: DuckDB's own workers call it with their
 * chunks, and nothing is gathered in one thread (twice as fast as a streamed result).
 */
#include <assert.h>

#include "engine/duckdb_impl.h"

/* A worker's number is held by one call at a time. */
struct scan_worker {
	atomic_bool is_busy;
	struct asof_duckdb_reader reader;
};

struct asof_duckdb_scan {
	asof_engine_sink_fn *sink;
	void *arg;
	const struct asof_cancel *cancel;
	const struct asof_duckdb_schema *schema;
	struct scan_worker *workers;
	unsigned worker_count;
	atomic_uint next_hint;
	atomic_bool has_failed;
	pthread_mutex_t lock;    /* guards `error` */
	struct asof_error error; /* the first failure */
};

static void
fail(struct asof_duckdb_scan *scan, enum asof_status status, const struct asof_error *cause)
{
	ASOF_HOLD(held, &scan->lock);
	if (scan->error.status != ASOF_OK)
		return;
	scan->error = *cause;
	scan->error.status = status;
	atomic_store(&scan->has_failed, true);
}

/* A free number, the one of last time if possible: its memory is warm. There are as many as
 * threads of DuckDB's, so that one is free. */
static unsigned
claim(struct asof_duckdb_scan *scan, unsigned hint)
{
	for (unsigned i = hint;; i++) {
		struct scan_worker *worker = &scan->workers[i % scan->worker_count];
		bool is_free = false;

		if (atomic_compare_exchange_strong(&worker->is_busy, &is_free, true))
			return i % scan->worker_count;
	}
}

static enum asof_status
hand_over(struct asof_duckdb_scan *scan, unsigned number, duckdb_data_chunk chunk,
	  struct asof_error *err)
{
	struct asof_duckdb_reader *reader = &scan->workers[number].reader;
	struct asof_batch batch;

	ASOF_TRY(asof_cancel_check(scan->cancel, err));
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
	unsigned hint = scan ? atomic_fetch_add(&scan->next_hint, 1) : 0;

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
	if (!scan || atomic_load(&scan->has_failed)) {
		duckdb_scalar_function_set_error(info, scan ? "stopped" : "asof_sink is internal");
		return;
	}
	if (count == 0)
		return;

	unsigned hint = (unsigned)(uintptr_t)duckdb_scalar_function_get_state(info);
	unsigned number = claim(scan, hint);
	struct asof_error err = { 0 };
	enum asof_status status = hand_over(scan, number, chunk, &err);

	atomic_store(&scan->workers[number].is_busy, false);
	if (status != ASOF_OK) {
		fail(scan, status, &err);
		duckdb_scalar_function_set_error(info, "stopped");
	}
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
	for (unsigned i = 0; scan->workers && i < scan->worker_count; i++) {
		/* Also makes what the worker's last call wrote visible here. */
		assert(!atomic_load(&scan->workers[i].is_busy));
		if (scan->workers[i].reader.columns)
			asof_duckdb_reader_done(&scan->workers[i].reader);
	}
	asof_mem_free(scan->workers);
	(void)pthread_mutex_destroy(&scan->lock);
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
	struct asof_duckdb_scan scan = {
		.sink = sink,
		.arg = arg,
		.cancel = engine->watch.cancel,
		.schema = &schema,
		.worker_count = engine->threads,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.workers = asof_mem_alloc(engine->threads * sizeof(*scan.workers)),
	};
	if (!scan.workers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "workers of a scan");

	engine->scan = &scan;
	enum asof_status status = asof_duckdb_run(engine, asof_buf_cstr(&text), NULL, err);
	engine->scan = NULL;
	if (scan.error.status != ASOF_OK && err)
		*err = scan.error;
	return scan.error.status != ASOF_OK ? scan.error.status : status;
}
