/* test_engine_fed.c - files written by several workers of ours at once. */
#include <dirent.h>

#include "engine_bench.h"

#define WORKERS_MAX 8
#define SLICE       2048

/* Rows 0 .. end - 1 in pieces of whole row groups, which workers take in turn. */
struct pieces {
	int64_t end;
	unsigned max_workers;
	atomic_llong next;
	int64_t at[WORKERS_MAX];
	int64_t piece_end[WORKERS_MAX];
	int64_t numbers[WORKERS_MAX][SLICE];
	int64_t workers[WORKERS_MAX][SLICE];
	struct asof_column columns[WORKERS_MAX][2];
	atomic_uint workers_seen; /* a bit each */
	int64_t fail_at;
};

static enum asof_status
pull_piece(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	   struct asof_error *err)
{
	struct pieces *pieces = arg;
	if (worker >= pieces->max_workers || capacity < SLICE)
		return ASOF_FAIL(err, ASOF_INTERNAL, "worker %u", worker);
	if (pieces->at[worker] == pieces->piece_end[worker]) {
		int64_t first = atomic_fetch_add(&pieces->next, ASOF_ROW_GROUP_ROWS);

		pieces->at[worker] = first < pieces->end ? first : pieces->end;
		first += ASOF_ROW_GROUP_ROWS;
		pieces->piece_end[worker] = first < pieces->end ? first : pieces->end;
	}
	size_t count = 0;
	while (count < SLICE && pieces->at[worker] < pieces->piece_end[worker]) {
		if (pieces->at[worker] == pieces->fail_at)
			return ASOF_FAIL(err, ASOF_CORRUPT, "bad number");
		pieces->workers[worker][count] = worker;
		pieces->numbers[worker][count++] = pieces->at[worker]++;
	}
	atomic_fetch_or(&pieces->workers_seen, 1u << worker);
	const int64_t *data[] = { pieces->numbers[worker], pieces->workers[worker] };
	for (size_t i = 0; i < 2; i++)
		pieces->columns[worker][i] = (struct asof_column){
			.type = ASOF_TYPE(ASOF_TYPE_INT64),
			.data = data[i],
		};
	*ret_batch = (struct asof_batch){ pieces->columns[worker], 2, count };
	return ASOF_OK;
}

static const struct asof_field fields[] = {
	{ .name = "i", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "worker", .type = { .kind = ASOF_TYPE_INT64 } },
};

struct bench {
	struct asof_engine *engine;
	struct asof_arena arena;
	struct pieces *pieces;
	struct asof_feed feed;
	char dir[64];
	char path[128];
};

static void
bench_init(struct bench *bench, unsigned workers, int64_t rows)
{
	*bench = (struct bench){ .engine = bench_open(workers) };
	bench->pieces = calloc(1, sizeof(*bench->pieces));
	bench->pieces->end = rows;
	bench->pieces->max_workers = workers;
	bench->pieces->fail_at = -1;
	bench->feed = (struct asof_feed){ fields, 2, workers, pull_piece, bench->pieces };
	bench_make_dir(bench->dir);
	(void)snprintf(bench->path, sizeof(bench->path), "%s/f.parquet", bench->dir);
}

static void
bench_done(struct bench *bench)
{
	asof_engine_free(bench->engine);
	asof_arena_done(&bench->arena);
	free(bench->pieces);
	bench_remove_dir(bench->dir);
}

static enum asof_status
write_fed(struct bench *bench, const char *select, struct asof_file_stats *ret_stats,
	  struct asof_error *err)
{
	return asof_engine_write_fed(bench->engine, select, &bench->feed, bench->path,
				     &bench->arena, ret_stats, err);
}

static void
expect_rows(struct bench *bench, const char *format, const char *rows)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf file = ASOF_BUF(4096);

	asof_buf_printf(&file, "'%s'", bench->path);
	for (const char *at = format; *at; at++) {
		if (*at == '@')
			asof_buf_add_cstr(&sql, asof_buf_cstr(&file));
		else
			asof_buf_add_char(&sql, *at);
	}
	bench_expect(bench->engine, asof_buf_cstr(&sql), rows);
}

static void
rows_of_a_worker_keep_their_order_and_pieces_stand_together(void **state)
{
	static const unsigned workers[] = { 1, 2, 8 };

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(workers); i++) {
		struct bench bench;
		struct asof_file_stats stats = { 0 };
		struct asof_error err = { 0 };

		bench_init(&bench, workers[i], 12 * ASOF_ROW_GROUP_ROWS + 777);
		assert_ok(write_fed(&bench, "SELECT * FROM asof_feed()", &stats, &err), err);
		assert_int_equal(stats.row_count, 12 * ASOF_ROW_GROUP_ROWS + 777);
		expect_rows(&bench, "SELECT count(*), count(DISTINCT i) FROM read_parquet(@)",
			    "1475337,1475337\n");
		expect_rows(&bench,
			    "SELECT coalesce(bool_and(i > b), true) FROM (SELECT i, lag(i) OVER "
			    "(PARTITION BY worker ORDER BY file_row_number) AS b FROM "
			    "read_parquet(@))",
			    "true\n");
		expect_rows(&bench,
			    "SELECT bool_and(span = n) FROM (SELECT max(file_row_number) - "
			    "min(file_row_number) + 1 AS span, count(*) AS n FROM read_parquet(@) "
			    "GROUP BY i // 122880)",
			    "true\n");
		/* None is wider than a piece, so that a reader of a range skips the others. */
		expect_rows(&bench,
			    "SELECT count(*) > 11, max(stats_max::BIGINT - stats_min::BIGINT) < "
			    "122880 FROM parquet_metadata(@) WHERE path_in_schema = 'i' AND "
			    "row_group_num_rows > 777",
			    "true,true\n");
		bench_done(&bench);
	}
}

static void
statistics_are_those_of_the_whole_file(void **state)
{
	struct bench bench;
	struct asof_file_stats stats = { 0 };
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2, 500000);
	assert_ok(write_fed(&bench,
			    "SELECT i - 5 AS low, CASE WHEN i % 2 = 0 THEN i::VARCHAR END AS t, "
			    "make_timestamp(i) AS ts FROM asof_feed()",
			    &stats, &err),
		  err);
	assert_int_equal(stats.column_count, 3);
	assert_string_equal(stats.columns[0].name, "low");
	assert_int_equal(stats.columns[0].min.int64, -5);
	assert_int_equal(stats.columns[0].max.int64, 499994);
	assert_int_equal(stats.columns[1].null_count, 250000);
	assert_int_equal(stats.columns[2].max.int64, 499999);
	assert_true(stats.size_bytes > 0);
	expect_rows(&bench, "SELECT DISTINCT typeof(ts) FROM read_parquet(@)",
		    "\"TIMESTAMP WITH TIME ZONE\"\n");
	expect_rows(&bench, "SELECT current_setting('preserve_insertion_order')", "true\n");
	bench_done(&bench);
}

static size_t
count_files(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(dir);
	return count;
}

static void
a_failure_leaves_no_file(void **state)
{
	struct bench bench;
	struct asof_file_stats stats = { .row_count = 77 };
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2, 10 * ASOF_ROW_GROUP_ROWS);
	bench.pieces->fail_at = 9 * ASOF_ROW_GROUP_ROWS;
	assert_int_equal(write_fed(&bench, "FROM asof_feed()", &stats, &err), ASOF_CORRUPT);
	assert_non_null(strstr(err.message, "f.parquet': bad number"));
	assert_int_equal(write_fed(&bench, "SELECT nope FROM asof_feed()", &stats, &err),
			 ASOF_INVALID);
	(void)snprintf(bench.path, sizeof(bench.path), "%s/missing/f.parquet", bench.dir);
	assert_int_equal(write_fed(&bench, "FROM asof_feed()", &stats, &err), ASOF_NOT_FOUND);
	assert_int_equal(stats.row_count, 77);
	assert_int_equal(count_files(bench.dir), 0);
	expect_rows(&bench, "SELECT current_setting('preserve_insertion_order')", "true\n");
	bench_done(&bench);
}

static void
no_rows_give_a_file_of_no_rows(void **state)
{
	struct bench bench;
	struct asof_file_stats stats = { .row_count = 77 };
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2, 0);
	assert_ok(write_fed(&bench, "FROM asof_feed()", &stats, &err), err);
	assert_int_equal(stats.row_count, 0);
	expect_rows(&bench, "SELECT count(*), count(i) FROM read_parquet(@)", "0,0\n");
	bench_done(&bench);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct bench bench;
	enum asof_status status = ASOF_NO_MEMORY;
	size_t n;

	(void)state;
	bench_init(&bench, 1, 100);
	for (n = 1; status != ASOF_OK; n++) {
		struct asof_file_stats stats = { 0 };

		atomic_store(&bench.pieces->next, 0);
		bench.pieces->at[0] = 0;
		bench.pieces->piece_end[0] = 0;
		asof_mem_fail_at(n);
		status = write_fed(&bench, "FROM asof_feed()", &stats, NULL);
		asof_mem_fail_at(0);
		assert_int_equal(stats.row_count, status == ASOF_OK ? 100 : 0);
		assert_int_equal(count_files(bench.dir), status == ASOF_OK);
	}
	assert_true(n > 3);
	bench_done(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_worker_keep_their_order_and_pieces_stand_together),
		cmocka_unit_test(statistics_are_those_of_the_whole_file),
		cmocka_unit_test(a_failure_leaves_no_file),
		cmocka_unit_test(no_rows_give_a_file_of_no_rows),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
