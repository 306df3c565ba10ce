/* test_engine_sums.c - sums that are exact, whatever the order in which they are added. */
#include <math.h>

#include "base/number.h"
#include "engine_bench.h"
#include "kernel/dd.h"

static void
nothing_cancels_away(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	bench_expect(engine,
		     "SELECT asof_sum(x).hi, asof_sum(x).lo FROM (VALUES (1e16::DOUBLE), (1), "
		     "(-1e16)) t(x)",
		     "1,0\n");
	bench_expect(engine,
		     "SELECT asof_sum(x).hi FROM (VALUES (1e100::DOUBLE), (1e84), (-1e100)) t(x)",
		     "1e+84\n");
	bench_expect(engine, "SELECT asof_sum(x).hi FROM (SELECT 0.1::DOUBLE AS x FROM range(10))",
		     "1\n");
	asof_engine_free(engine);
}

static void
integers_near_the_end_of_int64_are_summed_exactly(void **state)
{
	struct asof_engine *engine = bench_open(2);
	struct asof_error err = { 0 };

	(void)state;
	bench_expect(engine,
		     "SELECT asof_sum_value(s.hi, s.lo) FROM (SELECT asof_sum(x) AS s FROM (VALUES "
		     "(9223372036854775807), (9223372036854775807), (-9223372036854775807), (-1), "
		     "(1), (NULL)) t(x))",
		     "9223372036854775807\n");
	bench_expect(engine,
		     "SELECT asof_sum_value(s.hi, s.lo) FROM (SELECT asof_sum(x) AS s FROM (VALUES "
		     "(-9223372036854775807), (-1)) t(x))",
		     "-9223372036854775808\n");
	assert_int_equal(
		asof_engine_run(engine,
				"SELECT asof_sum_value(s.hi, s.lo) FROM (SELECT "
				"asof_sum(x) AS s FROM (VALUES (9223372036854775807), (1)) "
				"t(x))",
				NULL, &err),
		ASOF_INVALID);
	assert_string_equal(err.message, "sum leaves int64");
	assert_int_equal(asof_engine_run(engine, "SELECT asof_sum_value(0.5, 0)", NULL, &err),
			 ASOF_INVALID);
	assert_int_equal(asof_engine_run(engine, "SELECT asof_sum_value('nan', 0)", NULL, &err),
			 ASOF_INVALID);
	asof_engine_free(engine);
}

static void
no_values_make_no_sum(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(engine,
		     "SELECT asof_sum(x) IS NULL, asof_sum(x).hi, asof_sum_squares(x).lo, "
		     "asof_sum_merge(x, x).hi FROM (SELECT 1.0::DOUBLE AS x WHERE false)",
		     "true,null,null,null\n");
	bench_expect(engine,
		     "SELECT g, asof_sum(x).hi, asof_sum_squares(x).hi FROM (VALUES (1, NULL), "
		     "(2, 3.0::DOUBLE), (2, NULL), (3, NULL)) t(g, x) GROUP BY g ORDER BY g",
		     "1,null,null\n2,3,9\n3,null,null\n");
	bench_expect(engine,
		     "SELECT asof_mean(NULL, 0, 1), asof_mean(1, 0, NULL), asof_mean(1, 0, 0), "
		     "asof_variance(1, 0, 1, 0, 1), asof_sum_value(NULL, 0)",
		     "null,null,null,null,null\n");
	asof_engine_free(engine);
}

static void
nan_and_infinities_pass_through(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(engine,
		     "SELECT asof_sum(x).hi, asof_sum(x).lo, asof_sum_squares(x).hi FROM (VALUES "
		     "('nan'::DOUBLE), (1)) t(x)",
		     "\"NaN\",0,\"NaN\"\n");
	bench_expect(
		engine,
		"SELECT asof_sum(x).hi, asof_sum(x).lo FROM (VALUES ('inf'::DOUBLE), (1)) t(x)",
		"\"Infinity\",0\n");
	bench_expect(engine, "SELECT asof_sum(x).hi FROM (VALUES ('inf'::DOUBLE), ('-inf')) t(x)",
		     "\"NaN\"\n");
	bench_expect(engine,
		     "SELECT asof_mean('nan', 0, 2), asof_variance('nan', 0, 'nan', 0, 2), "
		     "asof_variance('inf', 0, 'inf', 0, 3)",
		     "\"NaN\",\"NaN\",\"NaN\"\n");
	asof_engine_free(engine);
}

static void
variance_does_not_cancel(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	bench_expect(
		engine,
		"SELECT asof_mean(s.hi, s.lo, n), asof_variance(s.hi, s.lo, q.hi, q.lo, n) FROM "
		"(SELECT asof_sum(x) AS s, asof_sum_squares(x) AS q, count(x) AS n FROM (SELECT "
		"1e9 + range % 3 AS x FROM range(300001)))",
		"1000000000.9999967,0.6666699999888889\n");
	bench_expect(
		engine,
		"SELECT asof_variance(s.hi, s.lo, q.hi, q.lo, n) FROM (SELECT asof_sum(x) AS s, "
		"asof_sum_squares(x) AS q, count(x) AS n FROM (SELECT 0.1::DOUBLE AS x FROM "
		"range(100000)))",
		"0\n");
	bench_expect(
		engine,
		"SELECT asof_variance(s.hi, s.lo, q.hi, q.lo, n) FROM (SELECT asof_sum(x) AS s, "
		"asof_sum_squares(x) AS q, count(x) AS n FROM (VALUES (1125899906842623), "
		"(1125899906842621)) t(x))",
		"2\n");
	asof_engine_free(engine);
}

/* ---- random values against 128-bit integers ---- */

#define RANDOM_ROWS 200000

/* Integers of up to 62 bits, and as doubles eighths of them: sums of both are exact in 128 bits. */
static const char random_sql[] =
	"CREATE TABLE r AS SELECT range % 97 AS g, (hash(range) // 4)::BIGINT - "
	"2305843009213693952 AS i, ((hash(range) % 1000003)::BIGINT - 500000) / 8.0 AS d "
	"FROM range(200000)";

struct oracle {
	asof_int128 ints[97];
	asof_int128 eighths[97];
	asof_int128 square_eighths[97]; /* sixty-fourths */
};

static enum asof_status
add_to_oracle(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	      struct asof_error *err)
{
	struct oracle *oracle = arg;
	const int64_t *groups = batch->columns[0].data;
	const int64_t *ints = batch->columns[1].data;
	const double *doubles = batch->columns[2].data;

	(void)schema;
	(void)err;
	for (size_t i = 0; i < batch->row_count; i++) {
		int64_t eighths = (int64_t)(doubles[i] * 8);

		oracle->ints[groups[i]] += ints[i];
		oracle->eighths[groups[i]] += eighths;
		oracle->square_eighths[groups[i]] += (asof_int128)eighths * eighths;
	}
	return ASOF_OK;
}

static asof_int128
scaled(struct asof_dd value, double factor)
{
	asof_int128 exact = 0;
	struct asof_dd whole = asof_dd_mul(value, asof_dd_from_double(factor));

	assert_true(asof_dd_to_int128(whole, &exact));
	return exact;
}

static enum asof_status
compare_with_oracle(void *arg, const struct asof_result_schema *schema,
		    const struct asof_batch *batch, struct asof_error *err)
{
	const struct oracle *oracle = arg;
	const int64_t *groups = batch->columns[0].data;
	const double *parts[6];

	(void)schema;
	(void)err;
	for (size_t p = 0; p < ASOF_COUNTOF(parts); p++)
		parts[p] = batch->columns[1 + p].data;
	for (size_t i = 0; i < batch->row_count; i++) {
		struct asof_dd ints = { parts[0][i], parts[1][i] };
		struct asof_dd doubles = { parts[2][i], parts[3][i] };
		struct asof_dd squares = { parts[4][i], parts[5][i] };

		assert_true(scaled(ints, 1) == oracle->ints[groups[i]]);
		assert_true(scaled(doubles, 8) == oracle->eighths[groups[i]]);
		assert_true(scaled(squares, 64) == oracle->square_eighths[groups[i]]);
	}
	return ASOF_OK;
}

static void
random_sums_equal_128_bit_integers(void **state)
{
	static struct oracle oracle;
	struct asof_engine *engine = bench_open(4);
	struct asof_error err = { 0 };

	(void)state;
	bench_run(engine, random_sql);
	assert_ok(asof_engine_query(engine, "SELECT g, i, d FROM r", add_to_oracle, &oracle, &err),
		  err);
	assert_ok(asof_engine_query(engine,
				    "SELECT g, s.hi, s.lo, t.hi, t.lo, q.hi, q.lo FROM (SELECT g, "
				    "asof_sum(i) AS s, asof_sum(d) AS t, asof_sum_squares(d) AS q "
				    "FROM r GROUP BY g)",
				    compare_with_oracle, &oracle, &err),
		  err);
	asof_engine_free(engine);
}

static void
grouping_and_threads_do_not_show(void **state)
{
	static const char whole[] = "SELECT asof_sum(x) AS s, asof_sum_squares(x) AS q FROM f";
	static const char merged[] =
		"SELECT asof_sum_merge(s.hi, s.lo) AS s, asof_sum_merge(q.hi, q.lo) AS q FROM "
		"(SELECT asof_sum(x) AS s, asof_sum_squares(x) AS q FROM f GROUP BY "
		"hash(range) % %d)";
	struct asof_buf first = { 0 };

	(void)state;
	for (unsigned threads = 1; threads <= 8; threads *= 2) {
		struct asof_engine *engine = bench_open(threads);
		char sql[512];

		bench_run(engine, "CREATE TABLE f AS SELECT range, sin(range) * 10 ** (range % 12) "
				  "AS x FROM range(300000)");
		for (int groups = 0; groups <= 1000; groups = groups * 10 + 1) {
			char inner[384];

			(void)snprintf(inner, sizeof(inner), "%s", whole);
			if (groups > 0)
				(void)snprintf(inner, sizeof(inner), "%.*s%d)",
					       (int)(sizeof(merged) - 4), merged, groups);
			(void)snprintf(sql, sizeof(sql), "SELECT s.hi, q.hi FROM (%s)", inner);
			struct asof_buf rows = bench_ask(engine, sql);

			if (!first.ptr)
				first = rows;
			assert_string_equal(asof_buf_cstr(&rows), asof_buf_cstr(&first));
			if (rows.ptr != first.ptr)
				asof_buf_done(&rows);
		}
		asof_engine_free(engine);
	}
	asof_buf_done(&first);
}

static void
every_numeric_type_can_be_summed(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(
		engine,
		"SELECT asof_sum(1::TINYINT).hi, asof_sum(2::INTEGER).hi, asof_sum(3::FLOAT).hi, "
		"asof_sum(4::HUGEINT).hi, asof_sum_squares(5::INTEGER).hi, "
		"asof_sum_squares(10000000000000000::HUGEINT).hi",
		"1,2,3,4,25,1e+32\n");
	bench_expect(
		engine,
		"SELECT list(s.hi) FROM (SELECT asof_sum(range) OVER (ORDER BY range) AS s FROM "
		"range(5))",
		"[0,1,3,6,10]\n");
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_cancels_away),
		cmocka_unit_test(integers_near_the_end_of_int64_are_summed_exactly),
		cmocka_unit_test(no_values_make_no_sum),
		cmocka_unit_test(nan_and_infinities_pass_through),
		cmocka_unit_test(variance_does_not_cancel),
		cmocka_unit_test(random_sums_equal_128_bit_integers),
		cmocka_unit_test(grouping_and_threads_do_not_show),
		cmocka_unit_test(every_numeric_type_can_be_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
