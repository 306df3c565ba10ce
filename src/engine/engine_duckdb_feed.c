/*
 * engine_duckdb_feed.c - columns of ours taken in parallel by a query: the table function
 * asof_feed(). No table in between.
 */
#include "engine/duckdb_impl.h"

struct asof_duckdb_feed {
	const struct asof_feed *feed;
	const struct asof_cancel *cancel;
	atomic_uint next_worker;
	atomic_bool is_read;
	atomic_size_t calls;     /* orders what the workers wrote before what our caller reads */
	pthread_mutex_t lock;    /* guards `error` */
	struct asof_error error; /* the first failure */
};

struct feed_worker {
	unsigned number;
	bool is_at_end;
};

static void
fail(struct asof_duckdb_feed *feed, enum asof_status status, const struct asof_error *cause)
{
	ASOF_HOLD(held, &feed->lock);
	if (feed->error.status != ASOF_OK)
		return;
	feed->error = *cause;
	feed->error.status = status;
}

static void
feed_bind(duckdb_bind_info info)
{
	struct asof_engine *engine = duckdb_bind_get_extra_info(info);
	if (!engine->feed) {
		duckdb_bind_set_error(info, "asof_feed() exists while something is fed only");
		return;
	}

	const struct asof_feed *feed = engine->feed->feed;
	for (size_t i = 0; i < feed->field_count; i++) {
		ASOF_AUTO(duckdb_destroy_logical_type)
		duckdb_logical_type logical = asof_duckdb_logical_of(feed->fields[i].type);

		duckdb_bind_add_result_column(info, feed->fields[i].name, logical);
	}
}

static void
feed_init(duckdb_init_info info)
{
	struct asof_engine *engine = duckdb_init_get_extra_info(info);
	struct asof_duckdb_feed *feed = engine->feed;

	if (!feed || atomic_exchange(&feed->is_read, true)) {
		duckdb_init_set_error(info, "asof_feed() can be read once");
		return;
	}
	duckdb_init_set_max_threads(info, feed->feed->max_workers);
}

static void
feed_init_worker(duckdb_init_info info)
{
	struct asof_engine *engine = duckdb_init_get_extra_info(info);
	struct feed_worker *worker = asof_mem_alloc(sizeof(*worker));

	if (!worker) {
		duckdb_init_set_error(info, "no memory for a worker");
		return;
	}
	worker->number = atomic_fetch_add(&engine->feed->next_worker, 1);
	worker->is_at_end = worker->number >= engine->feed->feed->max_workers;
	duckdb_init_set_init_data(info, worker, asof_mem_free);
}

static enum asof_status
fill(struct asof_duckdb_feed *feed, struct feed_worker *worker, duckdb_data_chunk output,
     struct asof_error *err)
{
	const struct asof_feed *source = feed->feed;
	size_t capacity = duckdb_vector_size();
	struct asof_batch batch = { 0 };

	ASOF_TRY(asof_cancel_check(feed->cancel, err));
	ASOF_TRY(source->pull(source->arg, worker->number, capacity, &batch, err));
	worker->is_at_end = batch.row_count == 0;
	if (worker->is_at_end)
		return ASOF_OK;

	ASOF_TRY(asof_duckdb_check_batch(&batch, source->fields, source->field_count, capacity,
					 err));
	for (size_t i = 0; i < batch.column_count; i++) {
		duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
		enum asof_status status =
			asof_duckdb_write(&batch.columns[i], batch.row_count, vector, err);

		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "column '%s'", source->fields[i].name);
	}
	duckdb_data_chunk_set_size(output, batch.row_count);
	return ASOF_OK;
}

static void
feed_main(duckdb_function_info info, duckdb_data_chunk output)
{
	struct asof_engine *engine = duckdb_function_get_extra_info(info);
	struct feed_worker *worker = duckdb_function_get_local_init_data(info);
	struct asof_error err = { 0 };

	duckdb_data_chunk_set_size(output, 0);
	if (worker->is_at_end)
		return;

	enum asof_status status = fill(engine->feed, worker, output, &err);
	if (status != ASOF_OK) {
		fail(engine->feed, status, &err);
		duckdb_function_set_error(info, "stopped");
	}
	atomic_fetch_add(&engine->feed->calls, 1);
}

enum asof_status
asof_duckdb_register_feed(struct asof_engine *engine, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_table_function)
	duckdb_table_function function = duckdb_create_table_function();

	duckdb_table_function_set_name(function, "asof_feed");
	duckdb_table_function_set_extra_info(function, engine, NULL);
	duckdb_table_function_set_bind(function, feed_bind);
	duckdb_table_function_set_init(function, feed_init);
	duckdb_table_function_set_local_init(function, feed_init_worker);
	duckdb_table_function_set_function(function, feed_main);
	if (duckdb_register_table_function(engine->connection, function) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_INTERNAL, "register asof_feed");
	return ASOF_OK;
}

static enum asof_status
run(struct asof_engine *engine, const char *sql, duckdb_result *result, struct asof_error *err)
{
	if (duckdb_query(engine->connection, sql, result) != DuckDBSuccess)
		return asof_duckdb_failed(duckdb_result_error(result), err);
	return ASOF_OK;
}

/* Insertion order would make DuckDB call one worker only. */
static enum asof_status
run_unordered(struct asof_engine *engine, const char *sql, duckdb_result *result,
	      struct asof_error *err)
{
	ASOF_TRY(asof_duckdb_run(engine, "SET preserve_insertion_order = false", NULL, err));
	enum asof_status status = run(engine, sql, result, err);
	enum asof_status restored = asof_duckdb_run(engine, "SET preserve_insertion_order = true",
						    NULL, status == ASOF_OK ? err : NULL);
	return status == ASOF_OK ? restored : status;
}

enum asof_status
asof_duckdb_prepare_fed(struct asof_engine *engine, const char *sql, const struct asof_feed *feed,
			duckdb_prepared_statement *ret_statement, struct asof_error *err)
{
	struct asof_duckdb_feed described = { .feed = feed };

	engine->feed = &described;
	enum asof_status status = asof_duckdb_prepare(engine, sql, ret_statement, err);
	engine->feed = NULL;
	return status;
}

enum asof_status
asof_duckdb_run_fed(struct asof_engine *engine, const char *sql, const struct asof_feed *feed,
		    duckdb_result *ret_result, struct asof_error *err)
{
	struct asof_duckdb_feed running = {
		.feed = feed,
		.cancel = engine->watch.cancel,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};

	engine->feed = &running;
	enum asof_status status = feed->max_workers <= 1
					  ? run(engine, sql, ret_result, err)
					  : run_unordered(engine, sql, ret_result, err);
	engine->feed = NULL;
	(void)atomic_load(&running.calls);
	(void)pthread_mutex_destroy(&running.lock);
	if (running.error.status != ASOF_OK && err)
		*err = running.error;
	return running.error.status != ASOF_OK ? running.error.status : status;
}

enum asof_status
asof_engine_feed(struct asof_engine *engine, const char *sql, const struct asof_feed *feed,
		 uint64_t *ret_rows, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(duckdb_destroy_result) duckdb_result result = { 0 };

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(asof_duckdb_run_fed(engine, sql, feed, &result, err));
	if (ret_rows)
		*ret_rows = asof_duckdb_rows_of(&result);
	return ASOF_OK;
}
