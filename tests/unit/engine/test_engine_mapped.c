/* test_engine_mapped.c - columns of ours beside a query's, in one file. */
#include <dirent.h>

#include "engine_samples.h"

#define WORKERS_MAX 8
#define VECTOR_MAX  2048

/* Three columns that follow from the row's number: times three, half of it, its text. Where the
 * number divides by seven they are NULL, and nowhere in the numbers that divide by 4096 .. + 2047.
 */
struct lane {
	int64_t triples[VECTOR_MAX];
	double halves[VECTOR_MAX];
	struct asof_str texts[VECTOR_MAX];
	char text_bytes[VECTOR_MAX][32];
	uint64_t validity[VECTOR_MAX / 64];
	struct asof_column columns[3];
	atomic_bool is_used;
};

struct answers {
	struct lane *lanes; /* per worker */
	unsigned worker_count;
	atomic_llong rows_asked;
	atomic_uint workers_seen;
	int64_t fail_at;
	size_t short_by;     /* rows that a fill leaves out */
	size_t column_count; /* given; 3 are promised */
	struct asof_cancel *cancel;
	int64_t cancel_at;
};

static const struct asof_field answer_fields[] = {
	{ .name = "v__triple", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "v__\"half\"", .type = { .kind = ASOF_TYPE_FLOAT64 } },
	{ .name = "v__text", .type = { .kind = ASOF_TYPE_STRING } },
};

static void
fill_row(struct lane *lane, size_t i, int64_t row)
{
	char *text = lane->text_bytes[i];
	int len = snprintf(text, sizeof(lane->text_bytes[i]), "the text of %lld", (long long)row);

	lane->triples[i] = 3 * row;
	lane->halves[i] = (double)row / 2;
	lane->texts[i] = (struct asof_str){ text, (size_t)len };
	if (row % 7 != 0)
		lane->validity[i / 64] |= UINT64_C(1) << (i % 64);
}

static enum asof_status
fill_answers(void *arg, unsigned worker, const int64_t *rows, size_t count,
	     struct asof_batch *ret_batch, struct asof_error *err)
{
	struct answers *answers = arg;
	if (worker >= answers->worker_count || count > VECTOR_MAX)
		return ASOF_FAIL(err, ASOF_INTERNAL, "worker %u, %zu rows", worker, count);

	struct lane *lane = &answers->lanes[worker];
	if (atomic_exchange(&lane->is_used, true))
		return ASOF_FAIL(err, ASOF_INTERNAL, "worker %u twice at once", worker);
	atomic_fetch_add(&answers->rows_asked, (long long)count);
	atomic_fetch_or(&answers->workers_seen, 1u << worker);
	memset(lane->validity, 0, sizeof(lane->validity));
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && rows[i] <= rows[i - 1])
			return ASOF_FAIL(err, ASOF_INTERNAL, "rows out of order");
		if (rows[i] == answers->fail_at)
			return ASOF_FAIL(err, ASOF_CORRUPT, "row %lld is bad", (long long)rows[i]);
		if (answers->cancel && rows[i] == answers->cancel_at)
			asof_cancel_request(answers->cancel);
		fill_row(lane, i, rows[i]);
	}
	bool is_whole = count > 0 && rows[0] % 4096 < 2048;
	const void *data[] = { lane->triples, lane->halves, lane->texts };
	for (size_t i = 0; i < 3; i++)
		lane->columns[i] = (struct asof_column){
			.type = answer_fields[i].type,
			.validity = is_whole ? NULL : lane->validity,
			.data = data[i],
		};
	*ret_batch = (struct asof_batch){ lane->columns, answers->column_count,
					  count - answers->short_by };
	atomic_store(&lane->is_used, false);
	return ASOF_OK;
}

struct bench {
	struct asof_engine *engine;
	struct answers answers;
	struct asof_mapped map;
	char dir[64];
	char out[128];
};

static void
bench_init(struct bench *bench, unsigned threads)
{
	*bench = (struct bench){ .engine = bench_open(threads) };
	bench->answers = (struct answers){
		.lanes = calloc(threads, sizeof(struct lane)),
		.worker_count = threads,
		.fail_at = -1,
		.cancel_at = -1,
		.column_count = 3,
	};
	bench->map = (struct asof_mapped){ .fields = answer_fields,
					   .field_count = 3,
					   .fill = fill_answers,
					   .arg = &bench->answers };
	bench_make_dir(bench->dir);
	(void)snprintf(bench->out, sizeof(bench->out), "%s/it's.parquet", bench->dir);
}

static void
bench_done(struct bench *bench)
{
	asof_engine_free(bench->engine);
	free(bench->answers.lanes);
	bench_remove_dir(bench->dir);
}

/* A spine of `rows` rows in Parquet, and the query that numbers them. */
static void
make_spine(struct bench *bench, size_t rows, size_t group_rows, char select[256])
{
	char sql[256];

	(void)snprintf(sql, sizeof(sql),
		       "COPY (SELECT range AS i, 'key ' || range %% 1000 AS k FROM range(%zu)) TO "
		       "'%s/spine' (FORMAT parquet, ROW_GROUP_SIZE %zu)",
		       rows, bench->dir, group_rows);
	bench_run(bench->engine, sql);
	(void)snprintf(select, 256,
		       "SELECT i, k, file_row_number FROM read_parquet('%s/spine', "
		       "file_row_number = true)",
		       bench->dir);
}

static enum asof_status
write_out(struct bench *bench, const char *select, enum asof_file_format format, uint64_t *ret_rows,
	  struct asof_error *err)
{
	const struct asof_file_form form = { .format = format };

	atomic_store(&bench->answers.rows_asked, 0);
	return asof_engine_write_mapped(bench->engine, select, &bench->map, &form, bench->out,
					ret_rows, err);
}

/* Rows of `select` FROM the file written. */
static void
expect_file(struct bench *bench, const char *select, const char *rows)
{
	char sql[768];

	(void)snprintf(sql, sizeof(sql), "%s FROM read_parquet('%s/it''s.parquet')", select,
		       bench->dir);
	bench_expect(bench->engine, sql, rows);
}

static const char whole_sql[] =
	"SELECT count(*), bool_and(i = file_row_number), bool_and(k = 'key ' || i % 1000), "
	"bool_and(CASE WHEN i % 4096 < 2048 OR i % 7 <> 0 THEN v__triple = 3 * i AND "
	"\"v__\"\"half\"\"\" = i / 2 AND v__text = 'the text of ' || i "
	"ELSE coalesce(v__triple, \"v__\"\"half\"\"\") IS NULL AND v__text IS NULL END)";

static void
expect_whole(struct bench *bench, const char *select, size_t rows)
{
	struct asof_error err = { 0 };
	char expected[64];
	uint64_t written = 0;

	assert_ok(write_out(bench, select, ASOF_FORMAT_PARQUET, &written, &err), err);
	assert_int_equal(written, rows);
	assert_int_equal(atomic_load(&bench->answers.rows_asked), rows);
	(void)snprintf(expected, sizeof(expected), "%zu,true,true,true\n", rows);
	expect_file(bench, whole_sql, expected);
}

static size_t
count_files(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

static void
every_row_is_asked_for_once_and_order_is_kept(void **state)
{
	static const struct {
		unsigned threads;
		size_t rows;
		size_t group_rows;
	} cases[] = {
		{ 1, 300000, 122880 }, { 2, 300000, 122880 }, { 2, 300000, 20480 },
		{ 8, 300000, 20480 },  { 8, 200000, 200000 }, { 2, 1, 2048 },
		{ 2, 2048, 2048 },     { 3, 2049, 2048 },
	};

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct bench bench;
		char select[256];

		bench_init(&bench, cases[i].threads);
		make_spine(&bench, cases[i].rows, cases[i].group_rows, select);
		expect_whole(&bench, select, cases[i].rows);
		if (cases[i].threads > 1 && cases[i].group_rows == 20480)
			assert_true(atomic_load(&bench.answers.workers_seen) > 1);
		bench_done(&bench);
	}
}

static void
a_csv_spine_numbered_by_a_window_is_written_in_order(void **state)
{
	struct bench bench;
	char select[256];
	char sql[256];

	(void)state;
	bench_init(&bench, 2);
	(void)snprintf(sql, sizeof(sql),
		       "COPY (SELECT range AS i, 'key ' || range %% 1000 AS k FROM range(200000)) "
		       "TO '%s/spine.csv'",
		       bench.dir);
	bench_run(bench.engine, sql);
	(void)snprintf(select, sizeof(select),
		       "SELECT i, k, row_number() OVER () - 1 FROM read_csv('%s/spine.csv'); ",
		       bench.dir);
	expect_whole(&bench, select, 200000);
	bench_done(&bench);
}

static void
a_spine_of_no_rows_gives_a_file_of_no_rows(void **state)
{
	struct bench bench;
	char select[256];

	(void)state;
	bench_init(&bench, 2);
	make_spine(&bench, 0, 2048, select);
	struct asof_error err = { 0 };
	uint64_t rows = 77;
	assert_ok(write_out(&bench, select, ASOF_FORMAT_PARQUET, &rows, &err), err);
	assert_int_equal(rows, 0);
	expect_file(&bench, "SELECT count(*), count(v__text)", "0,0\n");
	bench_done(&bench);
}

static void
a_csv_file_has_a_header_and_the_same_rows(void **state)
{
	struct bench bench;
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	assert_ok(write_out(&bench, "SELECT range AS i, range + 1 AS n FROM range(3)",
			    ASOF_FORMAT_CSV, NULL, &err),
		  err);

	FILE *file = fopen(bench.out, "r");
	char text[512] = { 0 };
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	(void)fclose(file);
	assert_string_equal(text, "i,v__triple,\"v__\"\"half\"\"\",v__text\n"
				  "0,3,0.5,the text of 1\n1,6,1.0,the text of 2\n"
				  "2,9,1.5,the text of 3\n");
	bench_done(&bench);
}

/* ---- every type ---- */

static enum asof_status
fill_samples(void *arg, unsigned worker, const int64_t *rows, size_t count,
	     struct asof_batch *ret_batch, struct asof_error *err)
{
	(void)arg;
	(void)worker;
	if (rows[0] != 0 || count != SAMPLE_ROWS)
		return ASOF_FAIL(err, ASOF_INTERNAL, "%zu rows", count);
	*ret_batch = (struct asof_batch){ sample_columns, SAMPLE_COLUMNS, SAMPLE_ROWS };
	return ASOF_OK;
}

static void
every_type_is_written(void **state)
{
	struct bench bench;
	struct asof_field fields[SAMPLE_COLUMNS];
	char names[SAMPLE_COLUMNS][8];
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	for (size_t i = 0; i < SAMPLE_COLUMNS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
		fields[i] = (struct asof_field){ .name = names[i], .type = sample_columns[i].type };
	}
	bench.map = (struct asof_mapped){ .fields = fields,
					  .field_count = SAMPLE_COLUMNS,
					  .fill = fill_samples };
	assert_ok(write_out(&bench, "SELECT range FROM range(4)", ASOF_FORMAT_PARQUET, NULL, &err),
		  err);
	expect_file(&bench, "SELECT *", sample_json);
	bench_done(&bench);
}

/* A function stays in the engine, so that the number of them is bounded by that of types. */
static void
functions_are_used_again_for_the_same_types(void **state)
{
	struct bench bench;
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	for (size_t i = 0; i < 6; i++) {
		bench.map.field_count = 1 + i % 3;
		bench.answers.column_count = 1 + i % 3;
		assert_ok(write_out(&bench, "SELECT range, range FROM range(10)",
				    ASOF_FORMAT_PARQUET, NULL, &err),
			  err);
	}
	bench_expect(bench.engine,
		     "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE "
		     "'asof_mapped%'",
		     "3\n");
	expect_file(&bench, "SELECT count(v__text)", "10\n");
	bench_done(&bench);
}

static void
without_columns_of_ours_the_spine_is_written(void **state)
{
	struct bench bench;
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	bench.map.field_count = 0;
	assert_ok(write_out(&bench, "SELECT range * 2 AS d, range FROM range(3)",
			    ASOF_FORMAT_PARQUET, NULL, &err),
		  err);
	expect_file(&bench, "SELECT *", "0\n2\n4\n");
	bench_done(&bench);
}

/* ---- failures ---- */

static void
expect_failure(struct bench *bench, const char *select, enum asof_status expected,
	       const char *message)
{
	struct asof_error err = { 0 };
	size_t files = count_files(bench->dir);
	uint64_t rows = 77;

	assert_int_equal(write_out(bench, select, ASOF_FORMAT_PARQUET, &rows, &err), expected);
	if (!strstr(err.message, message))
		fail_msg("%s", err.message);
	assert_int_equal(rows, 77);
	assert_int_equal(count_files(bench->dir), files);
}

static void
a_failure_is_returned_as_it_is_and_leaves_no_file(void **state)
{
	struct bench bench;
	char select[256];

	(void)state;
	bench_init(&bench, 2);
	make_spine(&bench, 400000, 20480, select);
	for (int64_t at = 0; at < 400000; at += 199999) {
		char message[64];

		(void)snprintf(message, sizeof(message), "row %lld is bad", (long long)at);
		bench.answers.fail_at = at;
		for (unsigned i = 0; i < 2; i++)
			atomic_store(&bench.answers.lanes[i].is_used, false);
		expect_failure(&bench, select, ASOF_CORRUPT, message);
	}
	bench.answers.fail_at = -1;
	for (unsigned i = 0; i < 2; i++)
		atomic_store(&bench.answers.lanes[i].is_used, false);
	expect_whole(&bench, select, 400000);
	bench.answers.fail_at = 5;
	expect_failure(&bench, select, ASOF_CORRUPT, "row 5 is bad");
	expect_file(&bench, "SELECT count(*)", "400000\n"); /* the old one stays */
	bench_done(&bench);
}

static void
a_query_that_fails_leaves_no_file(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 2);
	expect_failure(&bench,
		       "SELECT CASE WHEN range = 300000 THEN error('late') ELSE range END, range "
		       "FROM range(400000)",
		       ASOF_INVALID, "late");
	expect_failure(&bench, "SELECT nope", ASOF_INVALID, "nope");
	expect_failure(&bench, "SELECT 'x' AS k", ASOF_INTERNAL, "no number of rows");
	expect_failure(&bench, "SELECT range, NULL::BIGINT FROM range(3)", ASOF_INTERNAL,
		       "without a number");
	(void)snprintf(bench.out, sizeof(bench.out), "%s/missing/x.parquet", bench.dir);
	expect_failure(&bench, "SELECT range FROM range(3)", ASOF_NOT_FOUND, "missing/x.parquet");
	(void)snprintf(bench.out, sizeof(bench.out), "%s", bench.dir);
	expect_failure(&bench, "SELECT range FROM range(3)", ASOF_IO, "rename to");
	bench_done(&bench);
}

static void
a_map_that_breaks_its_word_is_an_internal_error(void **state)
{
	static const struct asof_field other = { .name = "x", .type = { .kind = ASOF_TYPE_INT32 } };
	struct bench bench;

	(void)state;
	bench_init(&bench, 2);
	bench.answers.short_by = 1;
	expect_failure(&bench, "SELECT range FROM range(3)", ASOF_INTERNAL, "2 rows");
	bench.answers.short_by = 0;
	bench.answers.column_count = 2;
	expect_failure(&bench, "SELECT range FROM range(3)", ASOF_INTERNAL, "2 columns");
	bench.map.fields = &other;
	bench.map.field_count = 1;
	bench.answers.column_count = 1;
	expect_failure(&bench, "SELECT range FROM range(3)", ASOF_INTERNAL, "'x'");
	bench_done(&bench);
}

static void
a_cancelled_write_leaves_no_file(void **state)
{
	struct bench bench;
	struct asof_cancel cancel = { 0 };
	const struct asof_engine_options options = { .threads = 2, .cancel = &cancel };
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	asof_engine_free(bench.engine);
	bench.engine = NULL;
	assert_ok(asof_engine_open(&options, &bench.engine, &err), err);
	bench.answers.cancel = &cancel;
	bench.answers.cancel_at = 100000;
	expect_failure(&bench, "SELECT range FROM range(100000000)", ASOF_CANCELLED, "");
	assert_true(atomic_load(&bench.answers.rows_asked) < 100000000);
	bench_done(&bench);
}

static void
the_function_is_of_no_use_outside_a_write(void **state)
{
	struct bench bench;
	struct asof_error err = { 0 };

	(void)state;
	bench_init(&bench, 2);
	assert_int_equal(asof_engine_run(bench.engine, "SELECT asof_mapped_0(1)", NULL, &err),
			 ASOF_INVALID);
	assert_ok(write_out(&bench, "SELECT range FROM range(3)", ASOF_FORMAT_PARQUET, NULL, &err),
		  err);
	assert_int_equal(asof_engine_run(bench.engine, "SELECT asof_mapped_0(1)", NULL, &err),
			 ASOF_INVALID);
	assert_non_null(strstr(err.message, "asof_mapped is internal"));
	bench_done(&bench);
}

/* Until none fails; the function is known in the second round, and nothing stays behind. */
static void
every_allocation_failure_is_survived(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1);
	for (size_t round = 0; round < 2; round++) {
		enum asof_status status = ASOF_NO_MEMORY;
		size_t live = asof_mem_live();
		size_t n;

		for (n = 1; status != ASOF_OK; n++) {
			asof_mem_fail_at(n);
			status = write_out(&bench, "SELECT range AS i, range FROM range(3)",
					   ASOF_FORMAT_PARQUET, NULL, NULL);
			asof_mem_fail_at(0);
			assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
			assert_int_equal(count_files(bench.dir), status == ASOF_OK || round == 1);
			if (round == 1)
				assert_int_equal(asof_mem_live(), live);
		}
		assert_true(n > 8);
	}
	bench_done(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_asked_for_once_and_order_is_kept),
		cmocka_unit_test(a_csv_spine_numbered_by_a_window_is_written_in_order),
		cmocka_unit_test(a_spine_of_no_rows_gives_a_file_of_no_rows),
		cmocka_unit_test(a_csv_file_has_a_header_and_the_same_rows),
		cmocka_unit_test(every_type_is_written),
		cmocka_unit_test(functions_are_used_again_for_the_same_types),
		cmocka_unit_test(without_columns_of_ours_the_spine_is_written),
		cmocka_unit_test(a_failure_is_returned_as_it_is_and_leaves_no_file),
		cmocka_unit_test(a_query_that_fails_leaves_no_file),
		cmocka_unit_test(a_map_that_breaks_its_word_is_an_internal_error),
		cmocka_unit_test(a_cancelled_write_leaves_no_file),
		cmocka_unit_test(the_function_is_of_no_use_outside_a_write),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
