/* test_engine_types.c - values of every type through the engine and back. */
#include "engine_samples.h"

static void
every_type_comes_back_as_it_was_fed(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	feed_samples(engine);
	bench_expect(engine, "SELECT * FROM samples", sample_json);
	asof_engine_free(engine);
}

struct described {
	const char *expression;
	const char *engine_type;
	const char *type; /* NULL: none of ours */
};

static const struct described described[] = {
	{ "true", "BOOLEAN", "bool" },
	{ "1::TINYINT", "TINYINT", "int32" },
	{ "1::SMALLINT", "SMALLINT", "int32" },
	{ "1::INTEGER", "INTEGER", "int32" },
	{ "1::BIGINT", "BIGINT", "int64" },
	{ "1::UTINYINT", "UTINYINT", "int32" },
	{ "1::USMALLINT", "USMALLINT", "int32" },
	{ "1::UINTEGER", "UINTEGER", "int64" },
	{ "1::UBIGINT", "UBIGINT", "decimal(20,0)" },
	{ "1::HUGEINT", "HUGEINT", "decimal(38,0)" },
	{ "1::UHUGEINT", "UHUGEINT", NULL },
	{ "1::FLOAT", "FLOAT", "float32" },
	{ "1::DOUBLE", "DOUBLE", "float64" },
	{ "1::DECIMAL(3,1)", "DECIMAL(3,1)", "decimal(3,1)" },
	{ "1::DECIMAL(38,10)", "DECIMAL(38,10)", "decimal(38,10)" },
	{ "'x'", "VARCHAR", "string" },
	{ "'x'::BLOB", "BLOB", "bytes" },
	{ "'1'::JSON", "JSON", "json" },
	{ "DATE '2001-01-01'", "DATE", "date" },
	{ "'2001-01-01'::TIMESTAMP", "TIMESTAMP", "timestamp" },
	{ "'2001-01-01'::TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "timestamp" },
	{ "'2001-01-01'::TIMESTAMP_S", "TIMESTAMP_S", "timestamp" },
	{ "'2001-01-01'::TIMESTAMP_MS", "TIMESTAMP_MS", "timestamp" },
	{ "'2001-01-01'::TIMESTAMP_NS", "TIMESTAMP_NS", "timestamp" },
	{ "uuid()", "UUID", "uuid" },
	{ "[1, 2]", "INTEGER[]", "list<int32>" },
	{ "[1.5]", "DECIMAL(2,1)[]", "list<decimal(2,1)>" },
	{ "['1'::JSON]", "JSON[]", "list<json>" },
	{ "[1, 2]::FLOAT[2]", "FLOAT[2]", "vector<float32,2>" },
	{ "[1, 2]::INTEGER[2]", "INTEGER[2]", NULL },
	{ "[[1]]", "INTEGER[][]", NULL },
	{ "{'a': 1, 'B c': [2]}", "STRUCT(a INTEGER, \"B c\" INTEGER[])", NULL },
	{ "MAP {'a': 1::BIGINT}", "MAP(VARCHAR, BIGINT)", NULL },
	{ "TIME '10:00'", "TIME", NULL },
	{ "'10:00+00'::TIMETZ", "TIME WITH TIME ZONE", NULL },
	{ "INTERVAL 1 DAY", "INTERVAL", NULL },
	{ "'101'::BIT", "BIT", NULL },
	{ "1::BIGNUM", "BIGNUM", NULL },
	{ "'a'::ENUM('a', 'b')", "ENUM", NULL },
	{ "union_value(num := 2)", "UNION", NULL },
	{ "NULL", "INTEGER", "int32" },
};

static void
every_engine_type_has_its_name_and_its_twin(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(described); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(0);
		struct asof_result_schema schema = { 0 };
		struct asof_error err = { 0 };
		char text[ASOF_TYPE_TEXT_MAX];
		char sql[128];

		(void)snprintf(sql, sizeof(sql), "SELECT %s", described[i].expression);
		assert_ok(asof_engine_describe(engine, sql, &arena, &schema, &err), err);
		assert_int_equal(schema.field_count, 1);
		assert_string_equal(schema.fields[0].type_text, described[i].engine_type);
		if (described[i].type)
			assert_string_equal(asof_type_text(schema.fields[0].type, text),
					    described[i].type);
		else
			assert_int_equal(schema.fields[0].type.kind, ASOF_TYPE_NONE);
	}
	asof_engine_free(engine);
}

static void
narrow_and_wide_integers_keep_their_values(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(engine,
		     "SELECT (-128)::TINYINT, (-32768)::SMALLINT, 255::UTINYINT, 65535::USMALLINT, "
		     "4294967295::UINTEGER, 18446744073709551615::UBIGINT, "
		     "99999999999999999999999999999999999999::HUGEINT, "
		     "-99999999999999999999999999999999999999::HUGEINT",
		     "-128,-32768,255,65535,4294967295,18446744073709551615,"
		     "99999999999999999999999999999999999999,"
		     "-99999999999999999999999999999999999999\n");
	asof_engine_free(engine);
}

static void
what_does_not_fit_is_an_error_by_column(void **state)
{
	struct asof_engine *engine = bench_open(1);
	ASOF_AUTO(asof_buf_done) struct asof_buf rows = ASOF_BUF(4096);
	struct asof_error err = { 0 };

	(void)state;
	assert_int_equal(
		asof_engine_query(engine,
				  "SELECT 100000000000000000000000000000000000000::HUGEINT "
				  "AS big",
				  bench_add_rows, &rows, &err),
		ASOF_INVALID);
	assert_non_null(strstr(err.message, "column 'big'"));
	assert_int_equal(asof_engine_query(engine,
					   "SELECT '294247-01-10'::TIMESTAMP::TIMESTAMP_S AS fine, "
					   "make_timestamp_ms(9223372036854775000) AS far",
					   bench_add_rows, &rows, &err),
			 ASOF_INVALID);
	asof_engine_free(engine);
}

static void
times_become_microseconds_floored(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(engine,
		     "SELECT TIMESTAMP_NS '1969-12-31 23:59:59.999999999', "
		     "TIMESTAMP_NS '1970-01-01 00:00:00.000001999', "
		     "TIMESTAMP_S '1969-12-31 23:59:59', TIMESTAMP_MS '1969-12-31 23:59:59.999', "
		     "TIMESTAMPTZ '2001-01-01 12:00:00+02:00'",
		     "\"1969-12-31T23:59:59.999999Z\",\"1970-01-01T00:00:00.000001Z\","
		     "\"1969-12-31T23:59:59Z\",\"1969-12-31T23:59:59.999Z\","
		     "\"2001-01-01T10:00:00Z\"\n");
	asof_engine_free(engine);
}

static void
types_without_a_twin_come_as_text(void **state)
{
	struct asof_engine *engine = bench_open(1);

	(void)state;
	bench_expect(engine,
		     "SELECT 1 AS a, {'x': 1, 'y': [2]} AS b, INTERVAL 3 DAY AS a, NULL AS c, "
		     "TIME '10:00' AS d, MAP {'k': 1} AS e, [[1], NULL] AS f; ",
		     "1,\"{'x': 1, 'y': [2]}\",\"3 days\",null,\"10:00:00\",\"{k=1}\","
		     "\"[[1], NULL]\"\n");
	bench_expect(engine,
		     "SELECT range, {'x': range} FROM range(3) ORDER BY range DESC -- a comment",
		     "2,\"{'x': 2}\"\n1,\"{'x': 1}\"\n0,\"{'x': 0}\"\n");
	asof_engine_free(engine);
}

/* DuckDB may leave a list's elements in another layout than flat: compare with its own texts. */
static const char *const lists[] = {
	"list_sort(l)",
	"list_reverse(l)",
	"list_distinct(l)",
	"l[2:3]",
	"list_filter(l, lambda x: x % 2 = 0)",
	"list_transform(l, lambda x: x * 2)",
	"list_concat(l, l)",
	"list_select(l, [3, 1])",
	"list_where(l, [true, false, true, true])",
	"list_resize(l, 6)",
	"[i, i + 1, NULL]",
	"CASE WHEN i % 2 = 0 THEN l ELSE NULL END",
	"coalesce(CASE WHEN i % 3 = 0 THEN l END, [7])",
};

static void
check_lists(struct asof_engine *engine, const char *expression, const char *from)
{
	char sql[512];

	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY i", expression, from);
	struct asof_buf lists_of_ours = bench_ask(engine, sql);

	(void)snprintf(sql, sizeof(sql),
		       "SELECT replace(replace((%s)::VARCHAR, ' ', ''), 'NULL', 'null')::JSON "
		       "FROM %s ORDER BY i",
		       expression, from);
	struct asof_buf texts = bench_ask(engine, sql);

	if (strcmp(asof_buf_cstr(&lists_of_ours), asof_buf_cstr(&texts)) != 0)
		fail_msg("%s from %s", expression, from);
	asof_buf_done(&lists_of_ours);
	asof_buf_done(&texts);
}

static void
lists_of_every_origin_are_read(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	bench_run(engine, "CREATE TABLE t AS SELECT range AS i, [range, 9, range % 3, 4] AS l FROM "
			  "range(5000)");
	for (size_t i = 0; i < ASOF_COUNTOF(lists); i++) {
		check_lists(engine, lists[i], "t");
		check_lists(engine, lists[i], "(FROM t WHERE i % 7 = 1)");
		check_lists(engine, lists[i], "(FROM t u JOIN range(3) r ON u.i = r.range * 1000)");
	}
	check_lists(engine, "l",
		    "(SELECT i % 100 AS i, list(i ORDER BY i) AS l FROM t GROUP BY 1)");
	check_lists(engine, "l",
		    "(SELECT i, list(i) OVER (ORDER BY i ROWS 3 PRECEDING) AS l FROM t)");
	asof_engine_free(engine);
}

static void
columns_of_every_layout_are_read(void **state)
{
	struct asof_engine *engine = bench_open(2);

	(void)state;
	bench_run(engine,
		  "CREATE TABLE d AS SELECT range AS i, 'name ' || (range % 3) AS s, 7 AS c "
		  "FROM range(10000)");
	bench_expect(engine,
		     "SELECT s, c, NULL::BIGINT FROM d WHERE i IN (0, 5000, 9999) ORDER BY i",
		     "\"name 0\",7,null\n\"name 2\",7,null\n\"name 0\",7,null\n");
	bench_expect(engine,
		     "SELECT d.s, e.s FROM d JOIN d e ON d.i = e.i + 1 WHERE d.i BETWEEN 4999 AND "
		     "5000 ORDER BY d.i",
		     "\"name 1\",\"name 0\"\n\"name 2\",\"name 1\"\n");
	asof_engine_free(engine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_was_fed),
		cmocka_unit_test(every_engine_type_has_its_name_and_its_twin),
		cmocka_unit_test(narrow_and_wide_integers_keep_their_values),
		cmocka_unit_test(what_does_not_fit_is_an_error_by_column),
		cmocka_unit_test(times_become_microseconds_floored),
		cmocka_unit_test(types_without_a_twin_come_as_text),
		cmocka_unit_test(lists_of_every_origin_are_read),
		cmocka_unit_test(columns_of_every_layout_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
