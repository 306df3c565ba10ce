/* test_engine_feed.c - columns of ours taken by a query. */
#include "engine_bench.h"

#define BATCH_MAX 2048

/* Numbers from 0 to `end`, in blocks that workers take in turn. */
struct numbers {
	int64_t end;
	atomic_llong next;
	size_t block;
	int64_t fail_at;
	unsigned max_workers;
	atomic_uint workers_seen; /* a bit each */
	int64_t values[8][BATCH_MAX];
	struct asof_column columns[8];
};

static enum asof_status
pull_numbers(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	     struct asof_error *err)
{
	struct numbers *numbers = arg;
	size_t block = numbers->block < capacity ? numbers->block : capacity;
	int64_t first = atomic_fetch_add(&numbers->next, (long long)block);
	size_t count = 0;

	if (worker >= numbers->max_workers)
		return ASOF_FAIL(err, ASOF_INTERNAL, "worker %u", worker);
	atomic_fetch_or(&numbers->workers_seen, 1u << worker);
	for (; count < block && first + (int64_t)count < numbers->end; count++) {
		numbers->values[worker][count] = first + (int64_t)count;
		if (numbers->values[worker][count] == numbers->fail_at)
			return ASOF_FAIL(err, ASOF_CORRUPT, "bad number");
	}
	numbers->columns[worker] = (struct asof_column){
		.type = ASOF_TYPE(ASOF_TYPE_INT64),
		.data = numbers->values[worker],
	};
	*ret_batch = (struct asof_batch){ &numbers->columns[worker], 1, count };
	return ASOF_OK;
}

static const struct asof_field number_field = { .name = "i", .type = { .kind = ASOF_TYPE_INT64 } };

static struct asof_feed
feed_of(struct numbers *numbers)
{
	return (struct asof_feed){
		.fields = &number_field,
		.field_count = 1,
		.max_workers = numbers->max_workers,
		.pull = pull_numbers,
		.arg = numbers,
	};
}

static void
one_worker_keeps_the_order(void **state)
{
	static struct numbers numbers = { .end = 1000000, .block = 1000, .max_workers = 1 };
	struct asof_engine *engine = bench_open(2);
	struct asof_feed feed = feed_of(&numbers);
	struct asof_error err = { 0 };
	uint64_t rows = 0;

	(void)state;
	numbers.fail_at = -1;
	assert_ok(asof_engine_feed(engine, "CREATE TABLE t AS SELECT * FROM asof_feed()", &feed,
				   &rows, &err),
		  err);
	assert_int_equal(rows, 1000000);
	bench_expect(engine, "SELECT count(*), sum(i), bool_and(i = rowid) FROM t",
		     "1000000,499999500000,true\n");
	asof_engine_free(engine);
}

static void
several_workers_give_every_row_once(void **state)
{
	static struct numbers numbers = { .end = 3000000, .block = 2048, .max_workers = 4 };
	struct asof_engine *engine = bench_open(4);
	struct asof_feed feed = feed_of(&numbers);
	struct asof_error err = { 0 };
	uint64_t rows = 0;

	(void)state;
	numbers.fail_at = -1;
	assert_ok(asof_engine_feed(engine,
				   "CREATE TABLE t AS SELECT i, i * 2 AS d FROM asof_feed()", &feed,
				   &rows, &err),
		  err);
	assert_int_equal(rows, 3000000);
	assert_true(__builtin_popcount(atomic_load(&numbers.workers_seen)) > 1);
	bench_expect(engine,
		     "SELECT count(*), count(DISTINCT i), sum(d), "
		     "current_setting('preserve_insertion_order') FROM t",
		     "3000000,3000000,8999997000000,true\n");
	asof_engine_free(engine);
}

static void
several_workers_and_an_order_by_give_an_ordered_file(void **state)
{
	static struct numbers numbers = { .end = 500000, .block = 100, .max_workers = 4 };
	char dir[64];
	struct asof_engine *engine = bench_open(4);
	struct asof_feed feed = feed_of(&numbers);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(4096);

	(void)state;
	numbers.fail_at = -1;
	bench_make_dir(dir);
	asof_buf_printf(&sql, "COPY (SELECT * FROM asof_feed() ORDER BY i DESC) TO '%s/f.parquet'",
			dir);
	assert_ok(asof_engine_feed(engine, asof_buf_cstr(&sql), &feed, NULL, &err), err);
	asof_buf_clear(&sql);
	asof_buf_printf(&sql,
			"SELECT count(*), bool_and(i = 499999 - file_row_number) FROM "
			"read_parquet('%s/f.parquet', file_row_number = true)",
			dir);
	bench_expect(engine, asof_buf_cstr(&sql), "500000,true\n");
	asof_engine_free(engine);
	bench_remove_dir(dir);
}

static void
a_failing_feed_stops_the_statement(void **state)
{
	static struct numbers numbers = { .end = 1000000, .block = 2048, .max_workers = 2 };
	struct asof_engine *engine = bench_open(2);
	struct asof_feed feed = feed_of(&numbers);
	struct asof_error err = { 0 };

	(void)state;
	numbers.fail_at = 500000;
	assert_int_equal(
		asof_engine_feed(engine, "CREATE TABLE t AS FROM asof_feed()", &feed, NULL, &err),
		ASOF_CORRUPT);
	assert_string_equal(err.message, "bad number");
	bench_expect(engine,
		     "SELECT count(*), current_setting('preserve_insertion_order') FROM "
		     "duckdb_tables()",
		     "0,true\n");
	asof_engine_free(engine);
}

static void
a_feed_is_read_once(void **state)
{
	static struct numbers numbers = { .end = 10, .block = 10, .max_workers = 1, .fail_at = -1 };
	struct asof_engine *engine = bench_open(2);
	struct asof_feed feed = feed_of(&numbers);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_feed(engine, "SELECT * FROM asof_feed() a, asof_feed() b",
					  &feed, NULL, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "asof_feed() can be read once");
	assert_int_equal(asof_engine_run(engine, "FROM asof_feed()", NULL, &err), ASOF_INVALID);
	assert_string_equal(err.message, "asof_feed() exists while something is fed only");
	asof_engine_free(engine);
}

static enum asof_status
pull_too_much(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	      struct asof_error *err)
{
	(void)arg;
	(void)worker;
	(void)err;
	*ret_batch = (struct asof_batch){ NULL, 1, capacity + 1 };
	return ASOF_OK;
}

static enum asof_status
pull_other_type(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
		struct asof_error *err)
{
	static const double values[] = { 1.5 };
	static const struct asof_column column = { .type = { .kind = ASOF_TYPE_FLOAT64 },
						   .data = values };

	(void)arg;
	(void)worker;
	(void)capacity;
	(void)err;
	*ret_batch = (struct asof_batch){ &column, 1, 1 };
	return ASOF_OK;
}

static void
a_feed_that_breaks_its_word_is_an_internal_error(void **state)
{
	struct asof_engine *engine = bench_open(1);
	struct asof_feed feed = { &number_field, 1, 1, pull_too_much, NULL };
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_feed(engine, "FROM asof_feed()", &feed, NULL, &err),
			 ASOF_INTERNAL);
	feed.pull = pull_other_type;
	assert_int_equal(asof_engine_feed(engine, "FROM asof_feed()", &feed, NULL, &err),
			 ASOF_INTERNAL);
	asof_engine_free(engine);
}

static enum asof_status
pull_not_utf8(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	      struct asof_error *err)
{
	static const struct asof_str texts[] = { { "good", 4 }, { "b\xff\x40", 3 } };
	static const struct asof_column column = { .type = { .kind = ASOF_TYPE_STRING },
						   .data = texts };

	(void)arg;
	(void)worker;
	(void)capacity;
	(void)err;
	*ret_batch = (struct asof_batch){ &column, 1, 2 };
	return ASOF_OK;
}

static void
text_that_is_not_utf8_is_refused_by_column(void **state)
{
	const struct asof_field field = { .name = "s", .type = { .kind = ASOF_TYPE_STRING } };
	const struct asof_feed feed = { &field, 1, 1, pull_not_utf8, NULL };
	struct asof_engine *engine = bench_open(1);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(asof_engine_feed(engine, "FROM asof_feed()", &feed, NULL, &err),
			 ASOF_INVALID);
	assert_string_equal(err.message, "column 's': a text that is not UTF-8");
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_worker_keeps_the_order),
		cmocka_unit_test(several_workers_give_every_row_once),
		cmocka_unit_test(several_workers_and_an_order_by_give_an_ordered_file),
		cmocka_unit_test(a_failing_feed_stops_the_statement),
		cmocka_unit_test(a_feed_is_read_once),
		cmocka_unit_test(a_feed_that_breaks_its_word_is_an_internal_error),
		cmocka_unit_test(text_that_is_not_utf8_is_refused_by_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
