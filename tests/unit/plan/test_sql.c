/* test_sql.c - names, texts, types and values as they stand in a statement. */
#include "check.h"
#include "plan/sql.h"

static void
expect_sql(struct asof_buf *sql, const char *text)
{
	struct asof_error err = { 0 };
	assert_ok(asof_buf_status(sql, &err), err);
	assert_string_equal(asof_buf_cstr(sql), text);
	asof_buf_done(sql);
	*sql = ASOF_BUF(4096);
}

static void
quotes_in_names_and_texts_are_doubled(void **state)
{
	struct asof_buf sql = ASOF_BUF(4096);
	static const char *const texts[] = { "a'b", "", "\"" };
	(void)state;
	asof_sql_name(&sql, "plain");
	expect_sql(&sql, "\"plain\"");
	asof_sql_name(&sql, "a\"; DROP TABLE x; --'");
	expect_sql(&sql, "\"a\"\"; DROP TABLE x; --'\"");
	asof_sql_name(&sql, "");
	expect_sql(&sql, "\"\"");
	asof_sql_prefixed_name(&sql, "c_", "a\"b");
	expect_sql(&sql, "\"c_a\"\"b\"");
	asof_sql_text(&sql, "it's '; DROP TABLE x; --\"");
	expect_sql(&sql, "'it''s ''; DROP TABLE x; --\"'");
	asof_sql_text_list(&sql, texts, 3);
	expect_sql(&sql, "['a''b', '', '\"']");
	asof_sql_text_list(&sql, texts, 0);
	expect_sql(&sql, "[]");
}

static void
a_path_is_quoted_part_by_part(void **state)
{
	struct asof_buf sql = ASOF_BUF(4096);
	(void)state;
	asof_sql_path(&sql, "id");
	expect_sql(&sql, "\"id\"");
	asof_sql_path(&sql, "customer.address.zip\"code");
	expect_sql(&sql, "\"customer\".\"address\".\"zip\"\"code\"");
}

static void
items_are_separated_by_commas(void **state)
{
	struct asof_buf sql = ASOF_BUF(4096);
	bool is_first = true;
	(void)state;
	for (const char *c = "abc"; *c; c++) {
		asof_sql_comma(&sql, &is_first);
		asof_buf_add_char(&sql, *c);
	}
	expect_sql(&sql, "a, b, c");
}

static void
every_type_has_its_name(void **state)
{
	static const struct {
		const char *type;
		const char *sql;
	} types[] = {
		{ "bool", "BOOLEAN" },
		{ "int32", "INTEGER" },
		{ "int64", "BIGINT" },
		{ "float32", "FLOAT" },
		{ "float64", "DOUBLE" },
		{ "decimal(38,9)", "DECIMAL(38,9)" },
		{ "string", "VARCHAR" },
		{ "bytes", "BLOB" },
		{ "date", "DATE" },
		{ "timestamp", "TIMESTAMPTZ" },
		{ "uuid", "UUID" },
		{ "json", "JSON" },
		{ "list<int64>", "BIGINT[]" },
		{ "list<decimal(4,1)>", "DECIMAL(4,1)[]" },
		{ "vector<float32,768>", "FLOAT[768]" },
	};
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(types); i++) {
		struct asof_buf sql = ASOF_BUF(4096);
		struct asof_type type;
		struct asof_error err = { 0 };
		assert_ok(asof_type_parse(asof_str_from(types[i].type), &type, &err), err);
		asof_sql_type(&sql, type);
		expect_sql(&sql, types[i].sql);
	}
}

static void
expect_literal(const struct asof_value *value, const char *text)
{
	struct asof_buf sql = ASOF_BUF(4096);
	struct asof_error err = { 0 };
	assert_ok(asof_sql_value(&sql, value, &err), err);
	expect_sql(&sql, text);
}

#define VALUE(k, ...) (&(struct asof_value){ .type = { .kind = (k) }, __VA_ARGS__ })

static void
every_value_is_a_typed_literal(void **state)
{
	static const char uuid[] =
		"\x01\x23\x45\x67\x89\xAB\xCD\xEF\x00\x11\x22\x33\x44\x55\x66\x77";
	(void)state;
	expect_literal(VALUE(ASOF_TYPE_BOOL, .boolean = true), "CAST('true' AS BOOLEAN)");
	expect_literal(VALUE(ASOF_TYPE_INT32, .int32 = INT32_MIN),
		       "CAST('-2147483648' AS INTEGER)");
	expect_literal(VALUE(ASOF_TYPE_INT64, .int64 = INT64_MIN),
		       "CAST('-9223372036854775808' AS BIGINT)");
	expect_literal(VALUE(ASOF_TYPE_FLOAT32, .float32 = 0.1F), "CAST('0.1' AS FLOAT)");
	expect_literal(VALUE(ASOF_TYPE_FLOAT64, .float64 = 0.1), "CAST('0.1' AS DOUBLE)");
	expect_literal(VALUE(ASOF_TYPE_DATE, .int32 = -1), "CAST('1969-12-31' AS DATE)");
	expect_literal(VALUE(ASOF_TYPE_TIMESTAMP, .int64 = -1),
		       "CAST('1969-12-31T23:59:59.999999Z' AS TIMESTAMPTZ)");
	expect_literal(VALUE(ASOF_TYPE_STRING, .str = asof_str_from("it's")),
		       "CAST('it''s' AS VARCHAR)");
	expect_literal(VALUE(ASOF_TYPE_STRING, .str = { NULL, 0 }), "CAST('' AS VARCHAR)");
	expect_literal(VALUE(ASOF_TYPE_JSON, .str = asof_str_from("{\"a\":\"'\"}")),
		       "CAST('{\"a\":\"''\"}' AS JSON)");
	expect_literal(VALUE(ASOF_TYPE_BYTES, .str = { "\x00'\xFF", 3 }),
		       "CAST(unhex('0027FF') AS BLOB)");
	expect_literal(VALUE(ASOF_TYPE_UUID, .str = { uuid, 16 }),
		       "CAST('01234567-89ab-cdef-0011-223344556677' AS UUID)");
	expect_literal(VALUE(ASOF_TYPE_STRING, .is_null = true), "CAST(NULL AS VARCHAR)");
	const struct asof_value decimal = {
		.type = { .kind = ASOF_TYPE_DECIMAL, .precision = 10, .scale = 2 }, .decimal = -5
	};
	expect_literal(&decimal, "CAST('-0.05' AS DECIMAL(10,2))");
}

static void
lists_are_literals_of_literals(void **state)
{
	const struct asof_value texts[] = {
		*VALUE(ASOF_TYPE_STRING, .str = asof_str_from("'")),
		*VALUE(ASOF_TYPE_STRING, .is_null = true),
	};
	const struct asof_value floats[] = { *VALUE(ASOF_TYPE_FLOAT32, .float32 = 1),
					     *VALUE(ASOF_TYPE_FLOAT32, .float32 = -2.5F) };
	const struct asof_value list = { .type = { .kind = ASOF_TYPE_LIST,
						   .element = ASOF_TYPE_STRING },
					 .list = { texts, 2 } };
	const struct asof_value vector = {
		.type = { .kind = ASOF_TYPE_VECTOR, .element = ASOF_TYPE_FLOAT32, .size = 2 },
		.list = { floats, 2 }
	};
	(void)state;
	expect_literal(&list, "CAST([CAST('''' AS VARCHAR), CAST(NULL AS VARCHAR)] AS VARCHAR[])");
	expect_literal(&vector, "CAST([CAST('1' AS FLOAT), CAST('-2.5' AS FLOAT)] AS FLOAT[2])");
}

static void
times_of_every_kind_become_microseconds(void **state)
{
	struct asof_buf sql = ASOF_BUF(4096);
	(void)state;
	asof_sql_time_us(&sql, "t", "TIMESTAMP WITH TIME ZONE", "Europe/Berlin");
	expect_sql(&sql, "epoch_us(t)");
	asof_sql_time_us(&sql, "t", "TIMESTAMP", NULL);
	expect_sql(&sql, "epoch_us(t)");
	asof_sql_time_us(&sql, "t", "DATE", "Europe/Berlin");
	expect_sql(&sql, "epoch_us(timezone('Europe/Berlin', "
			 "make_timestamp(epoch_us(t))))");
	asof_sql_time_us(&sql, "t", "TIMESTAMP_NS", NULL);
	expect_sql(&sql, "CASE WHEN isfinite(t) THEN (epoch_ns(t) - (epoch_ns(t) % 1000 + 1000) % "
			 "1000) // 1000 END");
	asof_sql_column(&sql, "\"t\"", "TIMESTAMP", ASOF_TYPE(ASOF_TYPE_TIMESTAMP), NULL);
	expect_sql(&sql, "make_timestamptz(epoch_us(\"t\"))");
	asof_sql_column(&sql, "\"t\"", "VARCHAR", ASOF_TYPE(ASOF_TYPE_TIMESTAMP), NULL);
	expect_sql(&sql, "CAST(\"t\" AS TIMESTAMPTZ)");
	asof_sql_column(&sql, "\"n\"", "TINYINT", ASOF_TYPE(ASOF_TYPE_INT32), NULL);
	expect_sql(&sql, "CAST(\"n\" AS INTEGER)");
}

static void
only_times_are_times(void **state)
{
	static const char *const times[] = { "TIMESTAMP",    "TIMESTAMP WITH TIME ZONE",
					     "TIMESTAMP_S",  "TIMESTAMP_MS",
					     "TIMESTAMP_NS", "DATE" };
	static const char *const others[] = { "TIME",     "BIGINT", "VARCHAR",
					      "INTERVAL", "",       "TIMESTAMP[]" };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(times); i++)
		assert_true(asof_sql_is_time(times[i]));
	for (size_t i = 0; i < ASOF_COUNTOF(others); i++)
		assert_false(asof_sql_is_time(others[i]));
}

static void
what_fails_in_a_part_fails_in_the_whole(void **state)
{
	struct asof_buf whole = ASOF_BUF(4096);
	struct asof_buf part = ASOF_BUF(4);
	struct asof_buf longer = ASOF_BUF(4096);
	struct asof_error err = { 0 };
	(void)state;
	asof_sql_name(&longer, "fits");
	asof_sql_carry(&whole, &longer);
	assert_ok(asof_buf_status(&whole, &err), err);
	asof_sql_name(&part, "does not fit");
	asof_sql_carry(&whole, &part);
	asof_sql_carry(&whole, &longer);
	assert_int_equal(asof_buf_status(&whole, &err), ASOF_LIMIT);
	asof_buf_done(&longer);
	asof_buf_done(&part);
	asof_buf_done(&whole);
}

static void
a_value_past_the_limit_is_an_error(void **state)
{
	const struct asof_value items[] = { *VALUE(ASOF_TYPE_STRING, .str = asof_str_from("x")) };
	const struct asof_value list = { .type = { .kind = ASOF_TYPE_LIST,
						   .element = ASOF_TYPE_STRING },
					 .list = { items, 1 } };
	const struct asof_value *const values[] = { &items[0], &list };
	struct asof_error err = { 0 };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(values); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(6);
		assert_ok(asof_sql_value(&sql, values[i], &err), err);
		assert_int_equal(asof_buf_status(&sql, &err), ASOF_LIMIT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_in_names_and_texts_are_doubled),
		cmocka_unit_test(a_path_is_quoted_part_by_part),
		cmocka_unit_test(items_are_separated_by_commas),
		cmocka_unit_test(every_type_has_its_name),
		cmocka_unit_test(every_value_is_a_typed_literal),
		cmocka_unit_test(lists_are_literals_of_literals),
		cmocka_unit_test(times_of_every_kind_become_microseconds),
		cmocka_unit_test(only_times_are_times),
		cmocka_unit_test(what_fails_in_a_part_fails_in_the_whole),
		cmocka_unit_test(a_value_past_the_limit_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
