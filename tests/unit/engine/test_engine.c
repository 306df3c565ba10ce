/* test_engine.c - opening, running, describing, streaming, interrupting. */
#include <dirent.h>

#include "base/clock.h"
#include "engine_bench.h"

static void
an_engine_leaves_nothing_behind(void **state)
{
	char dir[64];
	struct asof_engine_options options = { .threads = 2, .temp_dir = bench_make_dir(dir) };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };
	size_t live = asof_mem_live();

	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	assert_int_equal(asof_engine_threads(engine), 2);
	bench_expect(engine, "SELECT 40 + 2", "42\n");
	asof_engine_free(engine);
	asof_engine_free(NULL);
	assert_int_equal(asof_mem_live(), live);

	assert_int_equal(rmdir(dir), 0);
}

static void
every_option_arrives(void **state)
{
	const struct asof_engine_options options = { .threads = 3, .memory_bytes = 1 << 30 };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	bench_expect(engine,
		     "SELECT current_setting('threads'), current_setting('TimeZone'), "
		     "current_setting('memory_limit'), "
		     "current_setting('autoinstall_known_extensions'), "
		     "current_setting('autoload_known_extensions'), "
		     "current_setting('temp_directory') LIKE '%/asof-%'",
		     "3,\"UTC\",\"618.6 MiB\",false,false,true\n");
	asof_engine_free(engine);
}

static void
no_option_is_needed(void **state)
{
	const struct asof_engine_options options = { 0 };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	assert_true(asof_engine_threads(engine) >= 1);
	bench_expect(engine, "SELECT 1", "1\n");
	asof_engine_free(engine);
}

static void
a_memory_bound_that_cannot_be_kept_is_refused(void **state)
{
	const struct asof_engine_options options = { .memory_bytes = 1 << 20 };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_open(&options, &engine, &err), ASOF_INVALID);
	assert_null(engine);
	assert_non_null(strstr(err.message,
			       "a memory bound of 1 MiB cannot be kept: 100 MiB is the least"));
}

static void
a_temp_dir_that_is_not_there_is_an_error(void **state)
{
	const struct asof_engine_options options = { .temp_dir = "/nonexistent/asof" };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_open(&options, &engine, &err), ASOF_IO);
	assert_non_null(strstr(err.message, "'/nonexistent/asof'"));
}

static void
run_counts_the_rows_of_the_last_statement(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct asof_error err = { 0 };
	uint64_t rows = 77;

	(void)state;
	assert_ok(
		asof_engine_run(engine, "CREATE TABLE t AS SELECT * FROM range(10); ", &rows, &err),
		err);
	assert_int_equal(rows, 10);
	assert_ok(asof_engine_run(engine, "DELETE FROM t WHERE range < 4; INSERT INTO t VALUES (1)",
				  &rows, &err),
		  err);
	assert_int_equal(rows, 1);
	assert_ok(asof_engine_run(engine, "DELETE FROM t", &rows, &err), err);
	assert_int_equal(rows, 7);
	assert_ok(asof_engine_run(engine, "SELECT 1", NULL, &err), err);
	rows = 5;
	assert_int_equal(asof_engine_run(engine, "SELEC 1", &rows, &err), ASOF_INVALID);
	assert_int_equal(rows, 5);
	asof_engine_free(engine);
}

static void
describe_tells_columns_without_running(void **state)
{
	struct asof_engine *engine = bench_open(1);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	struct asof_result_schema schema = { 0 };
	struct asof_error err = { 0 };

	(void)state;
	assert_ok(asof_engine_describe(engine,
				       "SELECT error('ran') AS a, 1::DECIMAL(10,2) AS \"b c\", "
				       "INTERVAL 1 DAY AS d, TIMESTAMP '2001-01-01' AS e",
				       &arena, &schema, &err),
		  err);
	assert_int_equal(schema.field_count, 4);
	assert_string_equal(schema.fields[1].name, "b c");
	assert_int_equal(schema.fields[1].type.kind, ASOF_TYPE_DECIMAL);
	assert_int_equal(schema.fields[1].type.precision, 10);
	assert_int_equal(schema.fields[1].type.scale, 2);
	assert_int_equal(schema.fields[2].type.kind, ASOF_TYPE_NONE);
	assert_string_equal(schema.fields[2].type_text, "INTERVAL");
	assert_string_equal(schema.fields[3].type_text, "TIMESTAMP");
	assert_int_equal(
		asof_engine_describe(engine, "SELECT nope FROM range(3)", &arena, &schema, &err),
		ASOF_INVALID);
	assert_string_equal(err.message, "referenced column \"nope\" not found in FROM clause; "
					 "candidate bindings: \"range\"");
	asof_engine_free(engine);
}

struct order_check {
	int64_t next;
	size_t batches;
};

static enum asof_status
check_order(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct order_check *check = arg;
	const int64_t *values = batch->columns[0].data;

	(void)schema;
	(void)err;
	for (size_t i = 0; i < batch->row_count; i++)
		assert_int_equal(values[i], check->next++);
	check->batches++;
	return ASOF_OK;
}

static void
query_streams_in_order(void **state)
{
	struct asof_engine *engine = bench_open(4);
	struct order_check check = { 0 };
	struct asof_error err = { 0 };

	(void)state;
	bench_run(engine, "CREATE TABLE t AS SELECT range AS i FROM range(1000000)");
	assert_ok(asof_engine_query(engine, "SELECT i FROM t;  ", check_order, &check, &err), err);
	assert_int_equal(check.next, 1000000);
	assert_true(check.batches > 100);
	asof_engine_free(engine);
}

static void
an_error_in_mid_stream_is_an_error(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct order_check check = { 0 };
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_query(engine,
					   "SELECT CASE WHEN range = 1500000 THEN error('late') "
					   "ELSE range END FROM range(2000000)",
					   check_order, &check, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "late");
	assert_true(check.next > 0);
	bench_expect(engine, "SELECT 1", "1\n");
	asof_engine_free(engine);
}

static enum asof_status
refuse_batch(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	     struct asof_error *err)
{
	(void)schema;
	(void)batch;
	++*(int *)arg;
	return ASOF_FAIL(err, ASOF_CHECK_FAILED, "enough");
}

static void
a_failing_visitor_ends_the_query(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct asof_error err = { 0 };
	int calls = 0;

	(void)state;
	assert_int_equal(asof_engine_query(engine, "SELECT * FROM range(100000000)", refuse_batch,
					   &calls, &err),
			 ASOF_CHECK_FAILED);
	assert_string_equal(err.message, "enough");
	assert_int_equal(calls, 1);
	bench_expect(engine, "SELECT 1", "1\n");
	asof_engine_free(engine);
}

static enum asof_status
run_again(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	(void)schema;
	(void)batch;
	return asof_engine_run(arg, "SELECT 1", NULL, err);
}

static void
a_statement_inside_a_statement_is_refused(void **state)
{
	struct asof_engine *engine = bench_open(1);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_query(engine, "SELECT 1", run_again, engine, &err),
			 ASOF_INTERNAL);
	bench_expect(engine, "SELECT 1", "1\n");
	asof_engine_free(engine);
}

/* ---- interrupting ---- */

struct stop {
	struct asof_cancel cancel;
	atomic_llong requested_us;
	atomic_int calls;
};

static void
stop_at_once(void *arg, double fraction)
{
	struct stop *stop = arg;

	(void)fraction;
	if (atomic_fetch_add(&stop->calls, 1) == 0) {
		atomic_store(&stop->requested_us, asof_monotonic_us());
		asof_cancel_request(&stop->cancel);
	}
}

static struct asof_engine *
open_stoppable(struct stop *stop)
{
	const struct asof_engine_options options = {
		.threads = 2,
		.memory_bytes = (uint64_t)1 << 30,
		.cancel = &stop->cancel,
		.progress = stop_at_once,
		.progress_arg = stop,
	};
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	assert_ok(asof_engine_open(&options, &engine, &err), err);
	return engine;
}

static enum asof_status
ignore_batch(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	     struct asof_error *err)
{
	(void)arg;
	(void)schema;
	(void)batch;
	(void)err;
	return ASOF_OK;
}

static enum asof_status
ignore_rows(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	(void)arg;
	(void)worker;
	(void)batch;
	(void)err;
	return ASOF_OK;
}

#define ENDLESS "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"

static void
check_stopped(struct stop *stop, enum asof_status status, const struct asof_error *err)
{
	int64_t waited_us = asof_monotonic_us() - atomic_load(&stop->requested_us);

	assert_int_equal(status, ASOF_CANCELLED);
	assert_string_equal(err->message, "interrupted");
	assert_true(waited_us < 1000000);
}

static void
cancelling_ends_a_statement_within_a_second(void **state)
{
	struct stop stop = { 0 };
	struct asof_engine *engine = open_stoppable(&stop);
	struct asof_error err = { 0 };

	(void)state;
	check_stopped(&stop, asof_engine_run(engine, ENDLESS, NULL, &err), &err);
	asof_engine_free(engine);
}

static void
cancelling_ends_a_query_within_a_second(void **state)
{
	struct stop stop = { 0 };
	struct asof_engine *engine = open_stoppable(&stop);
	struct asof_error err = { 0 };

	(void)state;
	check_stopped(&stop,
		      asof_engine_query(engine, "SELECT * FROM range(1000000000000)", ignore_batch,
					NULL, &err),
		      &err);
	asof_engine_free(engine);
}

static void
cancelling_ends_a_scan_within_a_second(void **state)
{
	struct stop stop = { 0 };
	struct asof_engine *engine = open_stoppable(&stop);
	struct asof_error err = { 0 };

	(void)state;
	check_stopped(&stop,
		      asof_engine_scan(engine, "SELECT * FROM range(1000000000000)", ignore_rows,
				       NULL, &err),
		      &err);
	asof_engine_free(engine);
}

static void
what_is_cancelled_already_does_not_start(void **state)
{
	struct stop stop = { 0 };
	struct asof_engine *engine = open_stoppable(&stop);
	struct asof_error err = { 0 };

	(void)state;
	asof_cancel_request(&stop.cancel);
	assert_int_equal(asof_engine_run(engine, "CREATE TABLE t(a INT)", NULL, &err),
			 ASOF_CANCELLED);
	asof_engine_free(engine);
}

struct progress {
	atomic_int calls;
	atomic_int known;
	atomic_int wrong;
};

static void
note_progress(void *arg, double fraction)
{
	struct progress *progress = arg;

	atomic_fetch_add(&progress->calls, 1);
	if (fraction > 1)
		atomic_fetch_add(&progress->wrong, 1);
	if (fraction >= 0)
		atomic_fetch_add(&progress->known, 1);
}

static void
progress_is_told_while_a_statement_runs(void **state)
{
	struct progress progress = { 0 };
	const struct asof_engine_options options = { .threads = 2,
						     .progress = note_progress,
						     .progress_arg = &progress };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	bench_run(engine, "CREATE TABLE t AS SELECT range AS i FROM range(200000)");
	while (atomic_load(&progress.known) == 0)
		bench_run(engine, "SELECT sum(sin(a.i) * cos(b.i)) FROM t a, t b WHERE b.i < 300");
	assert_int_equal(atomic_load(&progress.wrong), 0);
	asof_engine_free(engine);
}

/* ---- extensions ---- */

static void
loading_says_what_is_missing(void **state)
{
	char dir[64];
	const struct asof_engine_options options = { .threads = 1,
						     .extension_dir = bench_make_dir(dir) };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	(void)state;
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	assert_int_equal(asof_engine_load(engine, "delta", &err), ASOF_NOT_FOUND);
	assert_non_null(strstr(err.message, "'delta'"));
	assert_non_null(strstr(err.message, dir));
	assert_int_equal(asof_engine_load(engine, "x'; DROP", &err), ASOF_INVALID);
	assert_int_equal(asof_engine_load(engine, "", &err), ASOF_INVALID);
	asof_engine_free(engine);
	bench_remove_dir(dir);
}

static void
an_extension_that_is_there_is_loaded(void **state)
{
	struct asof_engine *engine = bench_open(1);
	struct asof_error err = { 0 };

	(void)state;
	if (!getenv("ASOF_EXT_DIR"))
		skip();
	assert_ok(asof_engine_load(engine, "delta", &err), err);
	bench_expect(engine,
		     "SELECT count(*) > 0 FROM duckdb_functions() WHERE function_name = "
		     "'delta_scan'",
		     "true\n");
	asof_engine_free(engine);
}

static void
every_allocation_failure_is_survived(void **state)
{
	size_t live = asof_mem_live();
	size_t failures = 0;

	(void)state;
	for (size_t n = 1; n < 1000; n++) {
		const struct asof_engine_options options = { .threads = 1 };
		struct asof_engine *engine = NULL;
		struct asof_error err = { 0 };
		struct asof_buf rows = ASOF_BUF(4096);

		asof_mem_fail_at(n);
		enum asof_status status = asof_engine_open(&options, &engine, &err);
		if (status == ASOF_OK)
			status = asof_engine_query(engine, "SELECT 1, INTERVAL 1 DAY, ['a', 'b']",
						   bench_add_rows, &rows, &err);
		asof_mem_fail_at(0);
		asof_engine_free(engine);
		asof_buf_done(&rows);
		assert_int_equal(asof_mem_live(), live);
		if (status == ASOF_OK)
			break;
		assert_int_equal(status, ASOF_NO_MEMORY);
		failures++;
	}
	assert_true(failures > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_leaves_nothing_behind),
		cmocka_unit_test(every_option_arrives),
		cmocka_unit_test(no_option_is_needed),
		cmocka_unit_test(a_memory_bound_that_cannot_be_kept_is_refused),
		cmocka_unit_test(a_temp_dir_that_is_not_there_is_an_error),
		cmocka_unit_test(run_counts_the_rows_of_the_last_statement),
		cmocka_unit_test(describe_tells_columns_without_running),
		cmocka_unit_test(query_streams_in_order),
		cmocka_unit_test(an_error_in_mid_stream_is_an_error),
		cmocka_unit_test(a_failing_visitor_ends_the_query),
		cmocka_unit_test(a_statement_inside_a_statement_is_refused),
		cmocka_unit_test(cancelling_ends_a_statement_within_a_second),
		cmocka_unit_test(cancelling_ends_a_query_within_a_second),
		cmocka_unit_test(cancelling_ends_a_scan_within_a_second),
		cmocka_unit_test(what_is_cancelled_already_does_not_start),
		cmocka_unit_test(progress_is_told_while_a_statement_runs),
		cmocka_unit_test(loading_says_what_is_missing),
		cmocka_unit_test(an_extension_that_is_there_is_loaded),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
