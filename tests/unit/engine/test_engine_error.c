/* test_engine_error.c - what DuckDB says, as a status and one line. */
#include "engine_bench.h"

struct failure {
	const char *sql;
	enum asof_status status;
	const char *message;
};

static const struct failure failures[] = {
	{ "SELEC 1", ASOF_INVALID, "syntax error at or near \"SELEC\"" },
	{ "SELECT * FROM nope", ASOF_INVALID,
	  "table with name nope does not exist; did you mean \"" },
	{ "SELECT nope FROM (SELECT 1 AS date, 2 AS delay)", ASOF_INVALID,
	  "referenced column \"nope\" not found in FROM clause; candidate bindings: \"date\"" },
	{ "SELECT lowr('a')", ASOF_INVALID,
	  "scalar Function with name lowr does not exist; did you mean \"lower\"?" },
	{ "SELECT 'a'::INTEGER", ASOF_INVALID, "could not convert string 'a' to INT32" },
	{ "SELECT 'corrupt'::INTEGER", ASOF_INVALID,
	  "could not convert string 'corrupt' to INT32" },
	{ "SELECT \"No such file or directory\" FROM range(1)", ASOF_INVALID,
	  "referenced column \"No such file or directory\" not found in FROM clause" },
	{ "SELECT 9223372036854775807 + 1", ASOF_INVALID,
	  "overflow in addition of INT64 (9223372036854775807 + 1)" },
	{ "SELECT error('my own words')", ASOF_INVALID, "my own words" },
	{ "SET threads = -1", ASOF_INVALID, "must have at least 1 thread" },
	{ "SET no_such_option = 1", ASOF_INVALID, "unrecognized configuration parameter" },
	{ "FROM 'missing-*.parquet'", ASOF_NOT_FOUND,
	  "no files found that match the pattern \"missing-*.parquet\"" },
	{ "COPY (SELECT 1) TO '/nonexistent/x.csv'", ASOF_NOT_FOUND, "\"/nonexistent/x.csv\"" },
	{ "COPY (SELECT 1) TO '/'", ASOF_IO, "" },
	{ "FROM 's3://bucket/x.parquet'", ASOF_NOT_FOUND, "httpfs" },
	{ "SELECT sum(1) FILTER (WHERE 1) OVER () PIVOT", ASOF_INVALID, "" },
	{ "BEGIN; BEGIN", ASOF_CONFLICT, "cannot start a transaction within a transaction" },
	{ "ROLLBACK; CREATE TABLE k(a INTEGER PRIMARY KEY); INSERT INTO k VALUES (1), (1)",
	  ASOF_INVALID, "duplicate key" },
};

static void
every_kind_of_failure_has_its_status_and_one_line(void **state)
{
	struct asof_engine *engine = bench_open(1);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(failures); i++) {
		struct asof_error err = { 0 };
		enum asof_status status = asof_engine_run(engine, failures[i].sql, NULL, &err);

		if (status == failures[i].status && err.status == status &&
		    strstr(err.message, failures[i].message) && !strchr(err.message, '\n') &&
		    !strstr(err.message, "LINE 1") && !strstr(err.message, "Error:"))
			continue;
		print_error("%s: %s: %s\n", failures[i].sql, asof_status_text(status), err.message);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	asof_engine_free(engine);
}

/* ---- files that do not decode ---- */

static char dir[64];

static void
write_bytes(const char *name, const void *bytes, size_t len)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static size_t
read_bytes(const char *name, char *bytes, size_t capacity)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(bytes, 1, capacity, file);
	assert_int_equal(fclose(file), 0);
	return len;
}

static void
expect_corrupt(struct asof_engine *engine, const char *name, const char *select, const char *part)
{
	struct asof_error err = { 0 };
	char sql[256];

	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM '%s/%s'", select, dir, name);
	enum asof_status status = asof_engine_run(engine, sql, NULL, &err);

	if (status != ASOF_CORRUPT || !strstr(err.message, part))
		fail_msg("%s: %s: %s", name, asof_status_text(status), err.message);
}

static void
a_parquet_file_that_does_not_decode_is_corrupt(void **state)
{
	static char good[1 << 16];
	static char bad[1 << 16];
	struct asof_engine *engine = bench_open(1);
	char sql[256];

	(void)state;
	bench_make_dir(dir);
	(void)snprintf(sql, sizeof(sql),
		       "COPY (SELECT range AS i, 'x' || hash(range) AS s FROM range(1000)) TO "
		       "'%s/good.parquet' (COMPRESSION lz4_raw)",
		       dir);
	bench_run(engine, sql);
	size_t len = read_bytes("good.parquet", good, sizeof(good));
	assert_in_range(len, 1000, sizeof(good) - 1);

	write_text("empty.parquet", "");
	expect_corrupt(engine, "empty.parquet", "*", "empty.parquet' too small");
	write_text("text.parquet", "no Parquet at all, but long enough to be one");
	expect_corrupt(engine, "text.parquet", "*", "text.parquet'");
	write_bytes("cut.parquet", good, len / 2);
	expect_corrupt(engine, "cut.parquet", "*", "cut.parquet'");

	memcpy(bad, good, len);
	memset(bad + len - 8, 0x7f, 4);
	write_bytes("footer.parquet", bad, len);
	expect_corrupt(engine, "footer.parquet", "*", "footer.parquet'");

	memcpy(bad, good, len);
	memset(bad + 100, 0x55, 1000);
	write_bytes("page.parquet", bad, len);
	expect_corrupt(engine, "page.parquet", "sum(hash(i, s))", "page.parquet");
	bench_remove_dir(dir);
	asof_engine_free(engine);
}

static void
a_text_file_that_does_not_decode_is_corrupt_and_says_where(void **state)
{
	static char csv[1 << 19] = "a,b\n";
	struct asof_engine *engine = bench_open(1);
	size_t len = strlen(csv);

	(void)state;
	bench_make_dir(dir);
	while (len < sizeof(csv) - 16)
		len += (size_t)snprintf(csv + len, 16, "1,2\n");
	memcpy(csv + len, "x,2\n", 4);
	write_bytes("late.csv", csv, len + 4);
	expect_corrupt(engine, "late.csv", "sum(a)", "CSV Error on Line: ");
	expect_corrupt(engine, "late.csv", "sum(a)", "Could not convert string \"x\"");
	expect_corrupt(engine, "late.csv", "sum(a)", "late.csv");

	write_text("bad.json", "{\"a\": 1}\n{\"a\":\n");
	expect_corrupt(engine, "bad.json", "*", "bad.json");
	bench_remove_dir(dir);
	asof_engine_free(engine);
}

static void
a_missing_error_is_no_crash(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	assert_int_equal(asof_engine_run(engine, "SELEC", NULL, NULL), ASOF_INVALID);
	assert_int_equal(asof_engine_query(engine, "SELECT nope", bench_add_rows, NULL, NULL),
			 ASOF_INVALID);
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_failure_has_its_status_and_one_line),
		cmocka_unit_test(a_parquet_file_that_does_not_decode_is_corrupt),
		cmocka_unit_test(a_text_file_that_does_not_decode_is_corrupt_and_says_where),
		cmocka_unit_test(a_missing_error_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
