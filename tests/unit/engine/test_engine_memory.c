/* test_engine_memory.c - the memory bound is kept: what does not fit is spilled or refused. */
#include <dirent.h>
#include <sys/resource.h>

#include "engine_bench.h"

#define MIB ((uint64_t)1 << 20)

struct spill {
	const char *dir;
	atomic_size_t files_seen;
};

/* Files in the engine's own directory below `path`. */
static size_t
count_spilled(const char *path)
{
	size_t count = 0;
	DIR *dir = opendir(path);

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		ASOF_AUTO(asof_buf_done) struct asof_buf below = ASOF_BUF(4096);

		if (entry->d_name[0] == '.')
			continue;
		asof_buf_printf(&below, "%s/%s", path, entry->d_name);
		count += entry->d_type == DT_DIR ? count_spilled(asof_buf_cstr(&below)) : 1;
	}
	if (dir)
		(void)closedir(dir);
	return count;
}

static void
look_for_spilled(void *arg, double fraction)
{
	struct spill *spill = arg;

	(void)fraction;
	atomic_fetch_add(&spill->files_seen, count_spilled(spill->dir));
}

/* The sanitizers' own memory counts as ours. */
static bool
is_measurable(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return true;
#endif
}

static uint64_t
peak_bytes(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (uint64_t)usage.ru_maxrss * 1024;
}

static struct asof_engine *
open_bounded(struct spill *spill)
{
	const struct asof_engine_options options = {
		.threads = 2,
		.memory_bytes = 200 * MIB,
		.temp_dir = spill->dir,
		.progress = look_for_spilled,
		.progress_arg = spill,
	};
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	assert_ok(asof_engine_open(&options, &engine, &err), err);
	return engine;
}

static void
a_sort_of_twenty_million_rows_spills_and_stays_below_200_mib(void **state)
{
	char dir[64];
	struct spill spill = { .dir = bench_make_dir(dir) };
	struct asof_engine *engine = open_bounded(&spill);
	struct asof_error err = { 0 };
	uint64_t rows = 0;

	(void)state;
	assert_ok(asof_engine_run(engine,
				  "COPY (SELECT hash(range) AS h, range AS v FROM range(20000000) "
				  "ORDER BY h) TO '/dev/null' (FORMAT csv)",
				  &rows, &err),
		  err);
	assert_int_equal(rows, 20000000);
	assert_true(atomic_load(&spill.files_seen) > 0);
	if (is_measurable())
		assert_in_range(peak_bytes(), 1, 200 * MIB);
	asof_engine_free(engine);
	assert_int_equal(count_spilled(dir), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
what_cannot_be_spilled_is_refused_by_the_name_of_the_option(void **state)
{
	char dir[64];
	struct spill spill = { .dir = bench_make_dir(dir) };
	struct asof_engine *engine = open_bounded(&spill);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_run(engine, "SELECT len(list(range)) FROM range(100000000)",
					 NULL, &err),
			 ASOF_LIMIT);
	assert_non_null(strstr(err.message, "needs more memory than --memory allows"));
	bench_expect(engine, "SELECT 1", "1\n");
	asof_engine_free(engine);
	assert_int_equal(rmdir(dir), 0);
}

/* Does it still have what it read of a file? */
static bool
keeps_a_file(bool forgets_files)
{
	char dir[64];
	char sql[256];
	const struct asof_engine_options options = { .threads = 1, .forgets_files = forgets_files };
	struct asof_engine *engine = NULL;
	struct asof_error err = { 0 };

	bench_make_dir(dir);
	assert_ok(asof_engine_open(&options, &engine, &err), err);
	(void)snprintf(sql, sizeof(sql), "COPY (SELECT 1 AS a) TO '%s/f.parquet'", dir);
	bench_run(engine, sql);
	(void)snprintf(sql, sizeof(sql), "SELECT a FROM '%s/f.parquet'", dir);
	bench_expect(engine, sql, "1\n");
	ASOF_AUTO(asof_buf_done)
	struct asof_buf kept =
		bench_ask(engine, "SELECT count(*) > 0 FROM duckdb_external_file_cache()");
	asof_engine_free(engine);
	bench_remove_dir(dir);
	return strcmp(asof_buf_cstr(&kept), "true\n") == 0;
}

static void
an_engine_that_forgets_files_keeps_nothing_of_them(void **state)
{
	(void)state;
	assert_true(keeps_a_file(false));
	assert_false(keeps_a_file(true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sort_of_twenty_million_rows_spills_and_stays_below_200_mib),
		cmocka_unit_test(what_cannot_be_spilled_is_refused_by_the_name_of_the_option),
		cmocka_unit_test(an_engine_that_forgets_files_keeps_nothing_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
