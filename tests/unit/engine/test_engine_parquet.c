/* test_engine_parquet.c - files written with their statistics, or not at all. */
#include <dirent.h>
#include <sys/stat.h>

#include "engine_samples.h"

struct bench {
	struct asof_engine *engine;
	struct asof_arena arena;
	char dir[64];
	char path[128];
};

static void
bench_init(struct bench *bench)
{
	*bench = (struct bench){ .engine = bench_open(2) };
	bench_make_dir(bench->dir);
	(void)snprintf(bench->path, sizeof(bench->path), "%s/it's.parquet", bench->dir);
}

static void
bench_done(struct bench *bench)
{
	asof_engine_free(bench->engine);
	asof_arena_done(&bench->arena);
	bench_remove_dir(bench->dir);
}

static struct asof_file_stats
write_file(struct bench *bench, const char *select)
{
	struct asof_file_stats stats = { 0 };
	struct asof_error err = { 0 };

	assert_ok(asof_engine_write_parquet(bench->engine, select, bench->path, &bench->arena,
					    &stats, &err),
		  err);
	return stats;
}

/* Rows of `select` FROM the file. */
static void
expect_file(struct bench *bench, const char *select, const char *rows)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql), "%s FROM read_parquet('%s/it''s.parquet')", select,
		       bench->dir);
	bench_expect(bench->engine, sql, rows);
}

static size_t
count_files(const char *dir)
{
	DIR *stream = opendir(dir);
	size_t count = 0;

	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(stream);
	return count;
}

/* A value as JSON. */
static void
check_value(const struct asof_value *value, const char *json)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	struct asof_json_writer w = asof_json_writer_to(&buf);

	asof_value_write_json(&w, value);
	assert_string_equal(asof_buf_cstr(&buf), json);
}

static void
expect_stats(const struct asof_file_stats *stats, size_t column, const char *min, const char *max,
	     int64_t null_count)
{
	check_value(&stats->columns[column].min, min);
	check_value(&stats->columns[column].max, max);
	assert_int_equal(stats->columns[column].null_count, null_count);
}

static void
every_type_comes_back_from_a_file(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	feed_samples(bench.engine);
	struct asof_file_stats stats = write_file(&bench, "SELECT * FROM samples");

	assert_int_equal(stats.row_count, SAMPLE_ROWS);
	assert_int_equal(stats.column_count, SAMPLE_COLUMNS);
	assert_string_equal(stats.path, bench.path);
	expect_file(&bench, "SELECT *", sample_json);
	bench_done(&bench);
}

static void
a_file_says_how_large_it_is(void **state)
{
	struct bench bench;
	struct stat st;

	(void)state;
	bench_init(&bench);
	struct asof_file_stats stats = write_file(&bench, "SELECT range AS i FROM range(1000)");

	assert_int_equal(stat(bench.path, &st), 0);
	assert_int_equal(stats.size_bytes, st.st_size);
	assert_int_equal(stats.row_count, 1000);
	assert_int_equal(count_files(bench.dir), 1);
	bench_done(&bench);
}

static void
statistics_are_typed_values(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	struct asof_file_stats stats = write_file(
		&bench, "SELECT * FROM (VALUES "
			"(true, 1, -5::BIGINT, 0.5::FLOAT, 1e300, 1.25::DECIMAL(5,2), 'b', "
			"'\\x00\\xFF'::BLOB, "
			"DATE '1969-12-31', '1969-12-31 23:59:59.999999'::TIMESTAMP, "
			"'00112233-4455-6677-8899-aabbccddeeff'::UUID, 1::HUGEINT, 3::UTINYINT), "
			"(false, NULL, 7, -2, -0.5, -3, 'a\"', 'z', DATE '2001-01-01', "
			"'2001-06-29 23:00:00'::TIMESTAMP, 'ff000000-0000-0000-0000-000000000000', "
			"-9, 255)) "
			"t(bo, i, l, f, d, de, s, \"b\"\"y\", da, ts, u, h, small)");

	expect_stats(&stats, 0, "false", "true", 0);
	expect_stats(&stats, 1, "1", "1", 1);
	expect_stats(&stats, 2, "-5", "7", 0);
	expect_stats(&stats, 3, "-2", "0.5", 0);
	expect_stats(&stats, 4, "-0.5", "1e+300", 0);
	expect_stats(&stats, 5, "-3.00", "1.25", 0);
	expect_stats(&stats, 6, "\"a\\\"\"", "\"b\"", 0);
	expect_stats(&stats, 7, "\"AP8=\"", "\"eg==\"", 0);
	expect_stats(&stats, 8, "\"1969-12-31\"", "\"2001-01-01\"", 0);
	expect_stats(&stats, 9, "\"1969-12-31T23:59:59.999999Z\"", "\"2001-06-29T23:00:00Z\"", 0);
	expect_stats(&stats, 10, "\"00112233-4455-6677-8899-aabbccddeeff\"",
		     "\"ff000000-0000-0000-0000-000000000000\"", 0);
	expect_stats(&stats, 11, "-9", "1", 0);
	expect_stats(&stats, 12, "3", "255", 0);
	assert_string_equal(stats.columns[7].name, "b\"y");
	bench_done(&bench);
}

static void
what_is_not_known_exactly_is_not_told(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	struct asof_file_stats stats = write_file(
		&bench, "SELECT CASE WHEN range = 5 THEN 'nan'::DOUBLE ELSE range END AS n, "
			"repeat('x', 300) || range AS long, repeat('y', 200) AS \"short\", "
			"NULL::INTEGER AS nulls, [range] AS list FROM range(10)");

	expect_stats(&stats, 0, "null", "null", 0);
	expect_stats(&stats, 1, "null", "null", 0);
	assert_int_equal(stats.columns[2].min.str.len, 200);
	expect_stats(&stats, 3, "null", "null", 10);
	expect_stats(&stats, 4, "null", "null", -1);

	stats = write_file(&bench, "SELECT range AS i FROM range(0)");
	assert_int_equal(stats.row_count, 0);
	expect_stats(&stats, 0, "null", "null", 0);
	bench_done(&bench);
}

static void
texts_of_every_length_have_exact_statistics_or_none(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	for (size_t len = 1; len < 300; len += 7) {
		char sql[128];

		(void)snprintf(sql, sizeof(sql),
			       "SELECT repeat('\xc3\xa9', %zu) || 'x' AS s FROM range(3)", len);
		struct asof_file_stats stats = write_file(&bench, sql);
		const struct asof_column_stats *s = &stats.columns[0];

		if (!s->min.is_null)
			assert_int_equal(s->min.str.len, 2 * len + 1);
		if (!s->max.is_null)
			assert_int_equal(s->max.str.len, 2 * len + 1);
		assert_int_equal(s->min.is_null, 2 * len + 1 >= 250);
	}
	bench_done(&bench);
}

static void
times_are_written_as_utc_instants_and_columns_as_our_types(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	(void)write_file(&bench, "SELECT '2001-01-01'::TIMESTAMP AS a, "
				 "TIMESTAMP_NS '1969-12-31 23:59:59.999999999' AS b, "
				 "'2001-01-01 12:00:00+02'::TIMESTAMPTZ AS c, "
				 "'infinity'::TIMESTAMP AS d, TIMESTAMP_S '2001-01-01' AS e");
	expect_file(&bench, "SELECT DISTINCT typeof(COLUMNS(*))",
		    "\"TIMESTAMP WITH TIME ZONE\",\"TIMESTAMP WITH TIME ZONE\","
		    "\"TIMESTAMP WITH TIME ZONE\",\"TIMESTAMP WITH TIME ZONE\","
		    "\"TIMESTAMP WITH TIME ZONE\"\n");
	expect_file(&bench, "SELECT a, b, c, isfinite(d), e",
		    "\"2001-01-01T00:00:00Z\",\"1969-12-31T23:59:59.999999Z\","
		    "\"2001-01-01T10:00:00Z\",false,\"2001-01-01T00:00:00Z\"\n");
	(void)write_file(&bench, "SELECT 1::UTINYINT AS a, 2::SMALLINT AS b, 3::UINTEGER AS c, "
				 "4::UBIGINT AS d, 5::HUGEINT AS e, [6::TINYINT] AS f");
	expect_file(&bench, "SELECT typeof(COLUMNS(*))",
		    "\"INTEGER\",\"INTEGER\",\"BIGINT\",\"DECIMAL(20,0)\",\"DECIMAL(38,0)\","
		    "\"INTEGER[]\"\n");
	bench_done(&bench);
}

static void
the_order_of_the_query_is_kept(void **state)
{
	struct bench bench;
	char sql[256];

	(void)state;
	bench_init(&bench);
	bench_run(bench.engine, "CREATE TABLE t AS SELECT range AS i, make_timestamp(range) AS ts, "
				"hash(range) AS h FROM range(1000000)");
	(void)write_file(&bench, "SELECT i, ts FROM t");
	expect_file(&bench, "SELECT bool_and(i = file_row_number), count(*)", "true,1000000\n");
	(void)write_file(&bench, "SELECT i, ts FROM t ORDER BY i DESC; ");
	expect_file(&bench, "SELECT bool_and(i = 999999 - file_row_number)", "true\n");
	(void)write_file(&bench, "SELECT i, h::DECIMAL(20,0) AS h FROM t ORDER BY h");
	(void)snprintf(sql, sizeof(sql),
		       "SELECT bool_and(h > b) FROM (SELECT h, lag(h) OVER (ORDER BY "
		       "file_row_number) AS b FROM read_parquet('%s/it''s.parquet'))",
		       bench.dir);
	bench_expect(bench.engine, sql, "true\n");
	bench_done(&bench);
}

static void
files_are_lz4_and_row_groups_bounded(void **state)
{
	struct bench bench;
	char sql[256];

	(void)state;
	bench_init(&bench);
	(void)write_file(&bench, "SELECT range AS i FROM range(300000)");
	(void)snprintf(sql, sizeof(sql),
		       "SELECT DISTINCT compression, max(row_group_num_rows) OVER () FROM "
		       "parquet_metadata('%s/it''s.parquet')",
		       bench.dir);
	bench_expect(bench.engine, sql, "\"LZ4_RAW\",122880\n");
	bench_done(&bench);
}

static void
expect_failure(struct bench *bench, const char *select, enum asof_status expected,
	       const char *message)
{
	struct asof_file_stats stats = { .row_count = 77 };
	struct asof_error err = { 0 };

	assert_int_equal(asof_engine_write_parquet(bench->engine, select, bench->path,
						   &bench->arena, &stats, &err),
			 expected);
	if (!strstr(err.message, message))
		fail_msg("%s", err.message);
	assert_int_equal(stats.row_count, 77);
}

static void
a_failure_leaves_nothing_and_keeps_the_old_file(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	expect_failure(&bench,
		       "SELECT CASE WHEN range = 300000 THEN error('late') ELSE range END AS i "
		       "FROM range(400000)",
		       ASOF_INVALID, "it's.parquet': late");
	expect_failure(&bench, "SELECT nope", ASOF_INVALID, "nope");
	expect_failure(&bench, "SELECT 1 AS a; DROP TABLE t", ASOF_INVALID, "");
	expect_failure(&bench, "SELECT {'x': 1} AS s", ASOF_UNSUPPORTED, "column 's'");
	expect_failure(&bench, "SELECT 1 AS a, 2 AS A", ASOF_INVALID, "'A'");
	assert_int_equal(count_files(bench.dir), 0);

	(void)write_file(&bench, "SELECT 1 AS a");
	expect_failure(&bench, "SELECT error('late') AS a", ASOF_INVALID, "late");
	assert_int_equal(count_files(bench.dir), 1);
	expect_file(&bench, "SELECT a", "1\n");

	(void)snprintf(bench.path, sizeof(bench.path), "%s/missing/x.parquet", bench.dir);
	expect_failure(&bench, "SELECT 1 AS a", ASOF_NOT_FOUND, "missing/x.parquet");
	bench_done(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_from_a_file),
		cmocka_unit_test(a_file_says_how_large_it_is),
		cmocka_unit_test(statistics_are_typed_values),
		cmocka_unit_test(what_is_not_known_exactly_is_not_told),
		cmocka_unit_test(texts_of_every_length_have_exact_statistics_or_none),
		cmocka_unit_test(times_are_written_as_utc_instants_and_columns_as_our_types),
		cmocka_unit_test(the_order_of_the_query_is_kept),
		cmocka_unit_test(files_are_lz4_and_row_groups_bounded),
		cmocka_unit_test(a_failure_leaves_nothing_and_keeps_the_old_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
