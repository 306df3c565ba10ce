/* test_engine_bound.c - what writing columns of ours takes is bounded: a peak, so a program of its
 * own.
 */
#include <sys/resource.h>

#include "engine_bench.h"

#define MIB          ((uint64_t)1 << 20)
#define WIDE_COLUMNS 100
#define VECTOR_MAX   2048

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

static double wide_values[2 * VECTOR_MAX];
static struct asof_column wide_columns[WIDE_COLUMNS];
static atomic_size_t wide_rows;

static enum asof_status
fill_wide(void *arg, unsigned worker, const int64_t *rows, size_t count,
	  struct asof_batch *ret_batch, struct asof_error *err)
{
	(void)arg;
	(void)worker;
	(void)rows;
	(void)err;
	atomic_fetch_add(&wide_rows, count);
	*ret_batch = (struct asof_batch){ wide_columns, WIDE_COLUMNS, count };
	return ASOF_OK;
}

/* How much the peak rises by writing 400,000 rows of a hundred columns within a bound. */
static uint64_t
write_wide(struct asof_engine *engine, const char *dir, uint64_t memory_bytes)
{
	static struct asof_field fields[WIDE_COLUMNS];
	static char names[WIDE_COLUMNS][8];
	const struct asof_mapped map = { .fields = fields,
					 .field_count = WIDE_COLUMNS,
					 .fill = fill_wide };
	const struct asof_file_form form = { .format = ASOF_FORMAT_PARQUET,
					     .memory_bytes = memory_bytes };
	char path[128];
	struct asof_error err = { 0 };
	uint64_t rows = 0;
	uint64_t before = peak_bytes();

	for (size_t i = 0; i < WIDE_COLUMNS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "f%zu", i);
		fields[i] = (struct asof_field){ .name = names[i],
						 .type = ASOF_TYPE(ASOF_TYPE_FLOAT64) };
		wide_columns[i] = (struct asof_column){ .type = fields[i].type,
							.data = wide_values + 20 * i };
	}
	(void)snprintf(path, sizeof(path), "%s/wide.parquet", dir);
	assert_ok(asof_engine_write_mapped(engine, "SELECT range AS i, range FROM range(400000)",
					   &map, &form, path, &rows, &err),
		  err);
	assert_int_equal(rows, 400000);
	return peak_bytes() - before;
}

static void
a_hundred_columns_are_written_within_128_mib(void **state)
{
	char dir[64];
	struct asof_engine *engine = bench_open(2);

	(void)state;
	bench_make_dir(dir);
	for (size_t i = 0; i < ASOF_COUNTOF(wide_values); i++)
		wide_values[i] = (double)i * 1.000001;
	uint64_t rise = write_wide(engine, dir, 128 * MIB);
	if (is_measurable())
		assert_in_range(rise, 1, 128 * MIB);
	bench_expect(engine, "SELECT current_setting('threads')", "2\n");
	rise = write_wide(engine, dir, 0);
	if (is_measurable())
		assert_true(rise > 128 * MIB); /* so that the bound is what keeps it */
	asof_engine_free(engine);
	bench_remove_dir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_columns_are_written_within_128_mib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
