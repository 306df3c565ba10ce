/* test_engine_facts.c - what the footers of Parquet files say. */
#include <sys/stat.h>

#include "engine_bench.h"

#define GROUP 20480

struct bench {
	struct asof_engine *engine;
	char dir[64];
	char paths[2][128];
	const char *list[2];
};

static void
bench_init(struct bench *bench)
{
	*bench = (struct bench){ .engine = bench_open(2) };
	bench_make_dir(bench->dir);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(bench->paths[i], sizeof(bench->paths[i]), "%s/it's %zu.parquet",
			       bench->dir, i);
		bench->list[i] = bench->paths[i];
	}
}

static void
bench_done(struct bench *bench)
{
	asof_engine_free(bench->engine);
	bench_remove_dir(bench->dir);
}

static void
write_file(struct bench *bench, size_t i, const char *select)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(4096);

	asof_buf_printf(&sql, "COPY (%s) TO '%s/it''s %zu.parquet' (FORMAT parquet, ", select,
			bench->dir, i);
	asof_buf_printf(&sql, "ROW_GROUP_SIZE %d)", GROUP);
	bench_run(bench->engine, asof_buf_cstr(&sql));
}

struct facts {
	struct asof_parquet_facts all;
	struct asof_parquet_facts read;
};

static struct facts
ask(struct bench *bench, size_t path_count, const char *column, int64_t min_us, int64_t max_us)
{
	struct facts facts = { 0 };
	struct asof_error err = { 0 };

	assert_ok(asof_engine_parquet_facts(bench->engine, bench->list, path_count, column, min_us,
					    max_us, &facts.all, &facts.read, &err),
		  err);
	return facts;
}

static void
without_a_column_all_is_read(void **state)
{
	struct bench bench;
	struct stat st;

	(void)state;
	bench_init(&bench);
	write_file(&bench, 0, "SELECT range AS i FROM range(100000)");
	write_file(&bench, 1, "SELECT range AS i FROM range(0)");
	assert_int_equal(stat(bench.paths[0], &st), 0);
	struct facts facts = ask(&bench, 1, NULL, 0, 0);
	assert_int_equal(facts.all.row_count, 100000);
	assert_int_equal(facts.all.row_group_count, 5);
	assert_int_equal(facts.all.size_bytes, st.st_size);
	assert_memory_equal(&facts.all, &facts.read, sizeof(facts.all));

	facts = ask(&bench, 2, NULL, 0, 0);
	assert_int_equal(facts.all.row_count, 100000);
	assert_true(facts.all.size_bytes > (uint64_t)st.st_size);
	facts = ask(&bench, 0, NULL, 0, 0);
	assert_int_equal(facts.all.row_count, 0);
	bench_done(&bench);
}

static void
row_groups_out_of_the_range_are_not_read(void **state)
{
	static const char *const columns[] = { "ts", "tz", "TS", "ns", "ms" };
	struct bench bench;

	(void)state;
	bench_init(&bench);
	write_file(&bench, 0,
		   "SELECT range AS i, make_timestamp(range) AS ts, "
		   "make_timestamp(range)::TIMESTAMPTZ AS tz, make_timestamp(range)::TIMESTAMP_NS "
		   "AS ns, make_timestamp(range * 1000)::TIMESTAMP_MS AS ms FROM range(100000)");
	for (size_t i = 0; i < ASOF_COUNTOF(columns); i++) {
		int64_t unit = strcmp(columns[i], "ms") == 0 ? 1000 : 1;
		struct facts facts =
			ask(&bench, 1, columns[i], unit * GROUP, unit * (2 * GROUP - 1));

		assert_int_equal(facts.all.row_count, 100000);
		assert_int_equal(facts.read.row_count, GROUP);
		assert_int_equal(facts.read.row_group_count, 1);
		assert_in_range(facts.read.size_bytes, 1, facts.all.size_bytes - 1);
		facts = ask(&bench, 1, columns[i], unit * (GROUP - 1), unit * 2 * GROUP);
		assert_int_equal(facts.read.row_group_count, 3);
		facts = ask(&bench, 1, columns[i], unit * 100000, INT64_MAX);
		assert_int_equal(facts.read.row_group_count, 0);
		facts = ask(&bench, 1, columns[i], INT64_MIN, INT64_MAX);
		assert_int_equal(facts.read.row_count, 100000);
	}
	bench_done(&bench);
}

static void
what_is_not_known_is_read(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench);
	write_file(&bench, 0,
		   "SELECT range AS i, NULL::TIMESTAMP AS nulls, 'infinity'::TIMESTAMP AS far, "
		   "'no time' AS t, [make_timestamp(range)] AS list FROM range(50000)");
	write_file(&bench, 1, "SELECT range AS other FROM range(0)");
	static const char *const columns[] = { "nulls", "far", "t", "list", "i", "there is none" };
	for (size_t i = 0; i < ASOF_COUNTOF(columns); i++) {
		struct facts facts = ask(&bench, 2, columns[i], 0, 1);

		assert_int_equal(facts.read.row_count, 50000);
		assert_int_equal(facts.read.row_group_count, 3);
	}
	bench_done(&bench);
}

static void
files_that_are_none_are_told(void **state)
{
	struct bench bench;
	struct asof_parquet_facts all = { .row_count = 77 };
	struct asof_parquet_facts read = { .row_count = 77 };
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench);
	assert_int_equal(asof_engine_parquet_facts(bench.engine, bench.list, 1, NULL, 0, 0, &all,
						   &read, &err),
			 ASOF_NOT_FOUND);
	FILE *file = fopen(bench.paths[0], "w");
	assert_non_null(file);
	assert_true(fputs("a,b\nthis is no Parquet file\n", file) >= 0);
	(void)fclose(file);
	assert_int_equal(asof_engine_parquet_facts(bench.engine, bench.list, 1, "a", 0, 0, &all,
						   &read, &err),
			 ASOF_CORRUPT);
	assert_non_null(strstr(err.message, "it's 0.parquet"));
	assert_int_equal(all.row_count, 77);
	assert_int_equal(read.row_count, 77);
	bench_done(&bench);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct bench bench;
	enum asof_status status = ASOF_NO_MEMORY;
	size_t n;

	(void)state;
	bench_init(&bench);
	write_file(&bench, 0, "SELECT make_timestamp(range) AS ts FROM range(10)");
	size_t live = asof_mem_live();
	for (n = 1; status != ASOF_OK; n++) {
		struct facts facts = { 0 };

		asof_mem_fail_at(n);
		status = asof_engine_parquet_facts(bench.engine, bench.list, 1, "ts", 0, 1,
						   &facts.all, &facts.read, NULL);
		asof_mem_fail_at(0);
		assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
		assert_int_equal(facts.read.row_count, status == ASOF_OK ? 10 : 0);
		assert_int_equal(asof_mem_live(), live);
	}
	assert_true(n > 8);
	bench_done(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_column_all_is_read),
		cmocka_unit_test(row_groups_out_of_the_range_are_not_read),
		cmocka_unit_test(what_is_not_known_is_read),
		cmocka_unit_test(files_that_are_none_are_told),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
