/* test_engine_scan.c - a query's columns handed to a sink by several workers. */
#include "engine_bench.h"

#define WORKERS_MAX 8

struct sums {
	unsigned worker_count;
	atomic_int inside[WORKERS_MAX]; /* calls that hold this number */
	int64_t sum[WORKERS_MAX];
	int64_t rows[WORKERS_MAX];
	int64_t nulls[WORKERS_MAX];
	size_t text_bytes[WORKERS_MAX];
};

/* Columns: BIGINT with NULLs, VARCHAR. */
static enum asof_status
add_up(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	struct sums *sums = arg;
	const int64_t *values = batch->columns[0].data;
	const struct asof_str *texts = batch->columns[1].data;

	if (worker >= sums->worker_count || batch->row_count == 0 ||
	    atomic_fetch_add(&sums->inside[worker], 1) != 0)
		return ASOF_FAIL(err, ASOF_INTERNAL, "worker %u", worker);
	for (size_t i = 0; i < batch->row_count; i++) {
		if (asof_column_is_null(&batch->columns[0], i))
			sums->nulls[worker]++;
		else
			sums->sum[worker] += values[i];
		sums->text_bytes[worker] += texts[i].len;
	}
	sums->rows[worker] += (int64_t)batch->row_count;
	atomic_fetch_sub(&sums->inside[worker], 1);
	return ASOF_OK;
}

static void
scan_with(unsigned threads)
{
	struct asof_engine *engine = bench_open(threads);
	struct sums sums = { .worker_count = threads };
	struct asof_error err = { 0 };
	int64_t sum = 0;
	int64_t rows = 0;
	int64_t nulls = 0;
	size_t text_bytes = 0;

	bench_run(engine, "CREATE TABLE t AS SELECT CASE WHEN range % 10 = 3 THEN NULL ELSE range "
			  "END AS i, 'text number ' || range AS s FROM range(1000000)");
	assert_ok(asof_engine_scan(engine, "SELECT i, s FROM t", add_up, &sums, &err), err);
	for (unsigned w = 0; w < threads; w++) {
		sum += sums.sum[w];
		rows += sums.rows[w];
		nulls += sums.nulls[w];
		text_bytes += sums.text_bytes[w];
	}
	assert_int_equal(rows, 1000000);
	assert_int_equal(nulls, 100000);
	assert_int_equal(sum, INT64_C(499999500000) - INT64_C(49999800000));
	assert_int_equal(text_bytes, 12 * 1000000 + 5888890);
	asof_engine_free(engine);
}

static void
one_worker_sees_every_row_once(void **state)
{
	(void)state;
	scan_with(1);
}

static void
two_workers_see_every_row_once(void **state)
{
	(void)state;
	scan_with(2);
}

static void
eight_workers_see_every_row_once(void **state)
{
	(void)state;
	scan_with(8);
}

static enum asof_status
count_rows(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	(void)worker;
	(void)err;
	atomic_fetch_add((atomic_size_t *)arg, batch->row_count);
	return ASOF_OK;
}

static size_t
rows_of(struct asof_engine *engine, const char *sql)
{
	struct asof_error err = { 0 };
	atomic_size_t rows = 0;

	assert_ok(asof_engine_scan(engine, sql, count_rows, &rows, &err), err);
	return rows;
}

static void
every_shape_of_query_can_be_scanned(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	assert_int_equal(rows_of(engine, "SELECT 1 AS a"), 1);
	assert_int_equal(rows_of(engine, "SELECT 1 AS a FROM range(100000)"), 100000);
	assert_int_equal(rows_of(engine, "SELECT 1 AS a, 2 AS a FROM range(10); "), 10);
	assert_int_equal(rows_of(engine, "SELECT 1 AS a WHERE false"), 0);
	assert_int_equal(rows_of(engine, "SELECT range FROM range(10) -- the end"), 10);
	assert_int_equal(rows_of(engine, "WITH t AS (SELECT 1 AS a) SELECT * FROM t, t u"), 1);
	assert_int_equal(rows_of(engine, "SELECT range FROM range(100000) ORDER BY range DESC"),
			 100000);
	assert_int_equal(rows_of(engine, "FROM range(10) UNION ALL FROM range(20)"), 30);
	assert_int_equal(rows_of(engine, "SELECT NULL::VARCHAR FROM range(5)"), 5);
	asof_engine_free(engine);
}

static void
a_type_without_a_twin_is_refused_by_name(void **state)
{
	struct asof_engine *engine = bench_open(1);
	struct asof_error err = { 0 };
	atomic_size_t rows = 0;

	(void)state;
	assert_int_equal(
		asof_engine_scan(engine, "SELECT 1 AS a, {'x': 1} AS b", count_rows, &rows, &err),
		ASOF_UNSUPPORTED);
	assert_string_equal(err.message, "column 'b' has the type STRUCT(x INTEGER)");
	assert_int_equal(rows, 0);
	asof_engine_free(engine);
}

struct refusal {
	atomic_int calls;
};

static enum asof_status
refuse_third(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	struct refusal *refusal = arg;

	(void)worker;
	(void)batch;
	if (atomic_fetch_add(&refusal->calls, 1) < 2)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CONFLICT, "the third batch");
}

static void
the_first_failure_of_a_sink_stops_the_scan(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct refusal refusal = { 0 };
	struct asof_error err = { 0 };

	(void)state;
	bench_run(engine, "CREATE TABLE t AS SELECT range AS i FROM range(5000000)");
	assert_int_equal(asof_engine_scan(engine, "SELECT i FROM t", refuse_third, &refusal, &err),
			 ASOF_CONFLICT);
	assert_string_equal(err.message, "the third batch");
	assert_true(atomic_load(&refusal.calls) < 20);
	assert_int_equal(asof_engine_scan(engine, "SELECT i FROM t", refuse_third, &refusal, NULL),
			 ASOF_CONFLICT);
	assert_int_equal(rows_of(engine, "SELECT i FROM t"), 5000000);
	asof_engine_free(engine);
}

static void
an_error_of_the_query_is_an_error_of_the_scan(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct asof_error err = { 0 };
	atomic_size_t rows = 0;

	(void)state;
	assert_int_equal(asof_engine_scan(engine,
					  "SELECT CASE WHEN range = 900000 THEN error('late') ELSE "
					  "range END FROM range(1000000)",
					  count_rows, &rows, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "late");
	assert_int_equal(asof_engine_scan(engine, "SELECT nope", count_rows, &rows, &err),
			 ASOF_INVALID);
	asof_engine_free(engine);
}

static void
the_sink_is_not_for_queries(void **state)
{
	struct asof_engine *engine = bench_open(1);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_run(engine, "SELECT asof_sink(1)", NULL, &err), ASOF_INVALID);
	assert_string_equal(err.message, "asof_sink is internal");
	asof_engine_free(engine);
}

/* What a thread does alone: an engine, a scan. cmocka's assertions belong to the main thread. */
static void *
scan_alone(void *arg)
{
	const struct asof_engine_options options = { .threads = 2,
						     .memory_bytes = (uint64_t)1 << 28 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;

	if (asof_engine_open(&options, &engine, NULL) == ASOF_OK)
		(void)!asof_engine_scan(engine, "SELECT range FROM range(300000)", count_rows, arg,
					NULL);
	return NULL;
}

static void
two_engines_work_side_by_side(void **state)
{
	atomic_size_t rows[2] = { 0 };
	pthread_t threads[2];

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, scan_alone, &rows[i]), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(atomic_load(&rows[i]), 300000);
	}
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct asof_engine *engine = bench_open(1);
	size_t live = asof_mem_live();
	enum asof_status status = ASOF_NO_MEMORY;
	size_t n;

	(void)state;
	for (n = 1; status != ASOF_OK; n++) {
		atomic_size_t rows = 0;

		asof_mem_fail_at(n);
		status = asof_engine_scan(engine, "SELECT ['a', 'b'] AS l, 1::UTINYINT AS u",
					  count_rows, &rows, NULL);
		asof_mem_fail_at(0);
		assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
		assert_int_equal(asof_mem_live(), live);
	}
	assert_true(n > 8);
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_sees_every_row_once),
		cmocka_unit_test(two_workers_see_every_row_once),
		cmocka_unit_test(eight_workers_see_every_row_once),
		cmocka_unit_test(every_shape_of_query_can_be_scanned),
		cmocka_unit_test(a_type_without_a_twin_is_refused_by_name),
		cmocka_unit_test(the_first_failure_of_a_sink_stops_the_scan),
		cmocka_unit_test(an_error_of_the_query_is_an_error_of_the_scan),
		cmocka_unit_test(the_sink_is_not_for_queries),
		cmocka_unit_test(two_engines_work_side_by_side),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
