/* test_engine_expression.c - what is one scalar expression, and what only looks like one. */
#include "engine_bench.h"

struct good {
	const char *text;
	const char *columns; /* in order of appearance */
};

static const struct good goods[] = {
	{ "a", "a" },
	{ " a ", "a" },
	{ "\"A b\"", "A b" },
	{ "1", "" },
	{ "'it''s; -- no comment'", "" },
	{ "1.5e300", "" },
	{ "delay is not null", "delay" },
	{ "distance > 1500", "distance" },
	{ "a + b * a", "a b" },
	{ "(a + b) * (c)", "a b c" },
	{ "customer.id", "customer" },
	{ "customer.address.street", "customer" },
	{ "a -- the first\n", "a" },
	{ "a -- the first", "a" },
	{ "a /* the ) first */ + 1", "a" },
	{ "CASE WHEN a > 1 THEN b ELSE c END", "a b c" },
	{ "CASE a WHEN 1 THEN b END", "a b" },
	{ "a BETWEEN b AND c", "a b c" },
	{ "a IN (1, 2, b)", "a b" },
	{ "a NOT IN ('x')", "a" },
	{ "a IS DISTINCT FROM b", "a b" },
	{ "a LIKE 'x%' AND NOT b", "a b" },
	{ "a ILIKE 'x%' OR b SIMILAR TO 'y'", "a b" },
	{ "CAST(a AS BIGINT)", "a" },
	{ "a::DECIMAL(10, 2)", "a" },
	{ "TRY_CAST(a AS DATE)", "a" },
	{ "try(a / b)", "a b" },
	{ "a::STRUCT(x INTEGER)", "a" },
	{ "a COLLATE nocase", "a" },
	{ "coalesce(a, b, 0)", "a b" },
	{ "nullif(a, '')", "a" },
	{ "ifnull(a, 1)", "a" },
	{ "if(a, 1, 2)", "a" },
	{ "lower(a) || '-' || UPPER(b)", "a b" },
	{ "concat_ws(',', a, b)", "a b" },
	{ "date_trunc('hour', a)", "a" },
	{ "EXTRACT(hour FROM a)", "a" },
	{ "a AT TIME ZONE 'UTC'", "a" },
	{ "a + INTERVAL 3 HOUR", "a" },
	{ "a - INTERVAL (b) DAY", "a b" },
	{ "to_timestamp(a)", "a" },
	{ "strptime(a, '%Y-%m-%d')", "a" },
	{ "TIMESTAMP '2001-01-01 00:00:00'", "" },
	{ "age(a, b)", "a b" },
	{ "split_part(a, ',', 1)", "a" },
	{ "regexp_extract(a, '(\\d+)', 1)", "a" },
	{ "a -> '$.x'", "a" },
	{ "a ->> '$.x'", "a" },
	{ "a -> b", "a b" },
	{ "json_extract_string(a, '$.x')", "a" },
	{ "a[1]", "a" },
	{ "a[1:2]", "a" },
	{ "a['key']", "a" },
	{ "[a, b]", "a b" },
	{ "{'x': a, 'y': b}", "a b" },
	{ "struct_pack(x := a)", "a" },
	{ "MAP {'x': a}", "a" },
	{ "list_transform(a, lambda x: x + b)", "a b" },
	{ "list_transform(a, lambda x, i: x + i)", "a" },
	{ "list_filter(a, x -> x > b)", "a b" },
	{ "[x + b for x in a if x > 2]", "a b" },
	{ "list_transform(a, lambda x: list_filter(b, lambda y: y > x))", "a b" },
	{ "list_sum(a)", "a" },
	{ "a.lower()", "a" },
	{ "a.b.lower()", "a" },
	{ "main.lower(a)", "a" },
	{ "\"current_date\"", "current_date" },
	{ "hash(a, b)", "a b" },
	{ "ln(a) + sqrt(b) % 3 ** 2", "a b" },
	{ "a IS NULL", "a" },
	{ "(a, b) = (1, 2)", "a b" },
	{ "isnan(a)", "a" },
	{ "weighted", "weighted" },
	{ "sum", "sum" },
};

static void
one_scalar_expression_is_accepted_with_its_columns(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(goods); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
		ASOF_AUTO(asof_buf_done) struct asof_buf found = ASOF_BUF(4096);
		struct asof_error err = { 0 };
		const char **columns = NULL;
		size_t count = 0;
		size_t offset = 99;

		if (asof_engine_check_expression(engine, goods[i].text, &arena, &columns, &count,
						 &offset, &err) != ASOF_OK)
			fail_msg("%s: %s", goods[i].text, err.message);
		for (size_t c = 0; c < count; c++)
			asof_buf_printf(&found, "%s%s", c > 0 ? " " : "", columns[c]);
		if (strcmp(asof_buf_cstr(&found), goods[i].columns) != 0)
			fail_msg("%s: %s", goods[i].text, asof_buf_cstr(&found));
		assert_int_equal(offset, 0);
	}
	asof_engine_free(engine);
}

struct bad {
	const char *text;
	const char *message; /* part of it */
	size_t offset;
};

static const struct bad bads[] = {
	{ "", "empty", 0 },
	{ " \t\n", "empty", 0 },
	{ "-- nothing", "", 0 },
	{ "/* nothing */", "", 0 },
	{ "/* open", "unterminated", 0 },
	{ "a +", "at the end", 3 },
	{ "a b", "syntax error at or near \"b\"", 2 },
	{ "(a", "", 0 },
	{ "a)", "", 0 },
	{ "'open", "", 0 },
	{ "a;", "", 0 },
	{ "a; DROP TABLE t", "", 0 },
	{ "1); DROP TABLE t; SELECT (1", "", 0 },
	{ "1) FROM asof_row; SELECT asof_check(2", "one scalar expression", 0 },
	{ "a, b", "one scalar expression", 0 },
	{ "a) , asof_check(b", "one scalar expression", 0 },
	{ "1) + (2", "one scalar expression", 0 },
	{ "1) + asof_check(2", "one scalar expression", 0 },
	{ "a) -- ", "", 0 },
	{ "1) FROM x --", "", 0 },
	{ "1) FROM x /*", "", 0 },
	{ "1) FROM asof_row UNION ALL SELECT (2", "one scalar expression", 0 },
	{ "1) FROM asof_row WHERE (true", "", 0 },
	{ "1) FILTER (WHERE a", "one scalar expression", 0 },
	{ "1) OVER (", "one scalar expression", 0 },
	{ "1) x, (2", "one scalar expression", 0 },
	{ "a AS b", "", 0 },
	{ "x := 1", "one scalar expression", 0 },
	{ "DISTINCT a", "one scalar expression", 0 },
	{ "a ORDER BY b", "one scalar expression", 0 },
	{ "*", "one scalar expression", 0 },
	{ "t.*", "one scalar expression", 0 },
	{ "COLUMNS(*)", "'*'", 0 },
	{ "COLUMNS('a.*') + 1", "'*'", 0 },
	{ "a + ?", "a parameter", 0 },
	{ "a + $1", "a parameter", 0 },
	{ "$name", "a parameter", 0 },
	{ "#1", "a column by its number", 0 },
	{ "sum(a)", "'sum' is an aggregate", 0 },
	{ "a + SUM(b)", "'sum' is an aggregate", 4 },
	{ "count(*)", "'count_star' is an aggregate", 0 },
	{ "count()", "an aggregate", 0 },
	{ "max(a) - 1", "'max' is an aggregate", 0 },
	{ "first(a ORDER BY b)", "an aggregate", 0 },
	{ "lower(DISTINCT a)", "an aggregate", 0 },
	{ "list(a)", "'list' is an aggregate", 0 },
	{ "asof_sum(a)", "'asof_sum' is an aggregate", 0 },
	{ "geomean(a)", "an aggregate", 0 },
	{ "wavg(a, b)", "an aggregate", 0 },
	{ "json_group_array(a)", "an aggregate", 0 },
	{ "1 + row_number() OVER ()", "a window function", 4 },
	{ "sum(a) OVER (ORDER BY b)", "a window function", 0 },
	{ "lag(a) OVER ()", "a window function", 0 },
	{ "(SELECT 1)", "a subquery", 0 },
	{ "a IN (SELECT b FROM c)", "a subquery", 0 },
	{ "EXISTS (SELECT 1)", "a subquery", 0 },
	{ "a = ANY (SELECT 1)", "a subquery", 0 },
	{ "CASE WHEN a THEN (FROM t) END", "a subquery", 0 },
	{ "ARRAY(SELECT 1)", "a subquery", 0 },
	{ "unnest(a)", "a table function", 0 },
	{ "read_text('/etc/passwd')", "a table function", 0 },
	{ "read_csv('x.csv')", "a table function", 0 },
	{ "glob('*')", "a table function", 0 },
	{ "query('SELECT 1')", "a table function", 0 },
	{ "regexp_split_to_table(a, ',')", "a table function", 0 },
	{ "getenv('HOME')", "getenv", 0 },
	{ "current_setting('threads')", "more than the row", 0 },
	{ "getvariable('x')", "more than the row", 0 },
	{ "json_serialize_plan('SELECT 1')", "more than the row", 0 },
	{ "list_transform(a, lambda x: x + random())", "not the same each time", 32 },
	{ "random()", "not the same each time", 0 },
	{ "uuid()", "not the same each time", 0 },
	{ "now()", "not the same each time", 0 },
	{ "today()", "not the same each time", 0 },
	{ "nextval('s')", "", 0 },
	{ "age(a)", "more than the row", 0 },
	{ "ago(INTERVAL 1 DAY)", "not the same each time", 0 },
	{ "a < current_date", "not the same each time", 4 },
	{ "CURRENT_TIMESTAMP", "not the same each time", 0 },
	{ "pg_sleep(1)", "not the same each time", 0 },
	{ "get_block_size('x')", "a subquery", 0 },
	{ "asof_sink(a)", "more than the row", 0 },
	{ "1 + lowr(a)", "no function 'lowr' (did you mean 'lower'?)", 4 },
	{ "DEFAULT", "", 0 },
	{ "GROUPING(a)", "GROUPING", 0 },
	{ "SELECT 1", "", 0 },
	{ "FROM t", "", 0 },
	{ "a\xff", "UTF-8", 0 },
};

static void
anything_else_is_refused_with_a_reason(void **state)
{
	struct asof_engine *engine = bench_open(1);
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(bads); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
		struct asof_error err = { 0 };
		const char **columns = NULL;
		size_t count = 77;
		size_t offset = 0;

		enum asof_status status = asof_engine_check_expression(
			engine, bads[i].text, &arena, &columns, &count, &offset, &err);
		if (status == ASOF_INVALID && strstr(err.message, bads[i].message) && count == 77 &&
		    offset <= strlen(bads[i].text) && (!bads[i].offset || offset == bads[i].offset))
			continue;
		print_error("%s: %s, at %zu: %s\n", bads[i].text, asof_status_text(status), offset,
			    err.message);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	asof_engine_free(engine);
}

/* `open`, `count` times, then `middle`, then `close`, `count` times. */
static struct asof_buf
nested(const char *open, const char *middle, const char *close, size_t count)
{
	struct asof_buf buf = ASOF_BUF(1 << 20);

	for (size_t i = 0; i < count; i++)
		asof_buf_add_cstr(&buf, open);
	asof_buf_add_cstr(&buf, middle);
	for (size_t i = 0; i < count; i++)
		asof_buf_add_cstr(&buf, close);
	return buf;
}

static void
check_nested(struct asof_engine *engine, const char *open, const char *close, size_t count,
	     enum asof_status expected)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = nested(open, "a", close, count);
	struct asof_error err = { 0 };
	const char **columns = NULL;
	size_t column_count = 0;

	assert_int_equal(asof_engine_check_expression(engine, asof_buf_cstr(&text), &arena,
						      &columns, &column_count, NULL, &err),
			 expected);
	if (expected == ASOF_OK)
		assert_int_equal(column_count, 1);
}

static void
long_and_deep_expressions_are_accepted_or_refused(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	check_nested(engine, "a + ", "", 500, ASOF_OK);
	check_nested(engine, "abs(", ")", 500, ASOF_OK);
	check_nested(engine, "(", ")", 2000, ASOF_OK);
	check_nested(engine, "abs(", ")", 5000, ASOF_INVALID);
	check_nested(engine, "[", "]", 20000, ASOF_INVALID);
	check_nested(engine, "NOT ", "", 10000, ASOF_INVALID);
	check_nested(engine, "(", "", 30000, ASOF_INVALID);
	check_nested(engine, "a + ", "", 100000, ASOF_LIMIT);
	asof_engine_free(engine);
}

static void
checking_runs_nothing(void **state)
{
	struct asof_engine *engine = bench_open(1);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
	const char **columns = NULL;
	size_t count = 0;

	(void)state;
	bench_run(engine, "CREATE TABLE t(a INTEGER)");
	(void)!asof_engine_check_expression(engine, "1); DROP TABLE t; SELECT (1", &arena, &columns,
					    &count, NULL, NULL);
	bench_expect(engine, "SELECT count(*) FROM t", "0\n");
	asof_engine_free(engine);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct asof_engine *engine = bench_open(1);
	size_t live = asof_mem_live();
	enum asof_status status = ASOF_NO_MEMORY;
	size_t n;

	(void)state;
	for (n = 1; status != ASOF_OK; n += n < 50 ? 1 : 97) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
		const char **columns = NULL;
		size_t count = 0;

		asof_mem_fail_at(n);
		status = asof_engine_check_expression(engine, "split_part(a, b, 1)", &arena,
						      &columns, &count, NULL, NULL);
		asof_mem_fail_at(0);
		assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY || status == ASOF_LIMIT);
	}
	assert_true(n > 20);
	assert_true(asof_mem_live() >= live);
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_scalar_expression_is_accepted_with_its_columns),
		cmocka_unit_test(anything_else_is_refused_with_a_reason),
		cmocka_unit_test(long_and_deep_expressions_are_accepted_or_refused),
		cmocka_unit_test(checking_runs_nothing),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
