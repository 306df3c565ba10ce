/* test_delta.c - schema, statistics and actions as the Delta protocol writes them. */
#include <stdio.h>

#include "check.h"
#include "lake/delta_log.h"
#include "lake/delta_schema.h"
#include "lake/delta_stats.h"

static struct asof_type
type_of(const char *text)
{
	struct asof_error err = { 0 };
	struct asof_type type;
	assert_ok(asof_type_parse(asof_str_from(text), &type, &err), err);
	return type;
}

static const char *const type_pairs[][2] = {
	{ "bool", "\"boolean\"" },
	{ "int32", "\"integer\"" },
	{ "int64", "\"long\"" },
	{ "float32", "\"float\"" },
	{ "float64", "\"double\"" },
	{ "decimal(10,2)", "\"decimal(10,2)\"" },
	{ "string", "\"string\"" },
	{ "bytes", "\"binary\"" },
	{ "date", "\"date\"" },
	{ "timestamp", "\"timestamp\"" },
	{ "uuid", "\"string\"" },
	{ "json", "\"string\"" },
	{ "list<int64>", "{\"type\":\"array\",\"elementType\":\"long\",\"containsNull\":true}" },
	{ "list<uuid>", "{\"type\":\"array\",\"elementType\":\"string\",\"containsNull\":true}" },
	{ "list<decimal(5,1)>",
	  "{\"type\":\"array\",\"elementType\":\"decimal(5,1)\",\"containsNull\":true}" },
	{ "vector<float32,8>",
	  "{\"type\":\"array\",\"elementType\":\"float\",\"containsNull\":true}" },
};
#define TYPES ASOF_COUNTOF(type_pairs)

static void
every_type_has_its_delta_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(256);
		asof_delta_type_json(type_of(type_pairs[i][0]), &json);
		assert_string_equal(asof_buf_cstr(&json), type_pairs[i][1]);
	}
}

static void
a_schema_comes_back_with_our_types(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 16);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_field fields[TYPES] = { 0 };
	for (size_t i = 0; i < TYPES; i++)
		fields[i] = (struct asof_field){ .name = type_pairs[i][0],
						 .type = type_of(type_pairs[i][0]) };
	assert_ok(asof_delta_schema_write(fields, TYPES, &text, &err), err);
	const struct asof_field *back = NULL;
	size_t count = 0;
	assert_ok(asof_delta_schema_read(asof_buf_view(&text), &arena, &back, &count, &err), err);
	assert_int_equal(count, TYPES);
	for (size_t i = 0; i < TYPES; i++) {
		assert_string_equal(back[i].name, fields[i].name);
		assert_true(asof_type_equal(back[i].type, fields[i].type));
	}
	assert_string_equal(back[2].type_text, "long");
	fields[3].type = (struct asof_type){ 0 };
	assert_int_equal(asof_delta_schema_write(fields, TYPES, &text, &err), ASOF_INVALID);
}

static struct asof_field
read_one_field(const char *field_json, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_buf_printf(&text, "{\"type\":\"struct\",\"fields\":[%s]}", field_json);
	const struct asof_field *fields = NULL;
	size_t count = 0;
	assert_ok(asof_delta_schema_read(asof_buf_view(&text), arena, &fields, &count, &err), err);
	assert_int_equal(count, 1);
	return fields[0];
}

static void
other_writers_columns_are_understood(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	static const struct {
		const char *json;
		const char *type; /* NULL: none of ours */
		const char *type_text;
	} cases[] = {
		{ "{\"name\":\"c\",\"type\":\"short\",\"nullable\":true,\"metadata\":{}}", "int32",
		  "short" },
		{ "{\"name\":\"c\",\"type\":\"string\"}", "string", "string" },
		/* Retyped by another program since. */
		{ "{\"name\":\"c\",\"type\":\"long\",\"metadata\":{\"asof.type\":\"int32\"}}",
		  "int64", "long" },
		{ "{\"name\":\"c\",\"type\":{\"containsNull\":false,\"elementType\":\"date\","
		  "\"type\":\"array\"}}",
		  "list<date>",
		  "{\"containsNull\":false,\"elementType\":\"date\",\"type\":\"array\"}" },
		{ "{\"name\":\"c\",\"type\":{\"type\":\"map\",\"keyType\":\"string\"}}", NULL,
		  "{\"type\":\"map\",\"keyType\":\"string\"}" },
		{ "{\"name\":\"c\",\"type\":\"timestamp_ntz\"}", NULL, "timestamp_ntz" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_field field = read_one_field(cases[i].json, &arena);
		struct asof_type none = { 0 };
		assert_true(
			asof_type_equal(field.type, cases[i].type ? type_of(cases[i].type) : none));
		assert_string_equal(field.type_text, cases[i].type_text);
	}
}

static void
damaged_schemas_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"fields\":{}}",
		"{\"fields\":[1]}",
		"{\"fields\":[{\"name\":\"x\"}]}",
		"{\"fields\":[{\"type\":\"long\"}]}",
		"{\"fields\":[{\"name\":\"\",\"type\":\"long\"}]}",
		"{\"fields\":[{\"name\":\"a\\u0000\",\"type\":\"long\"}]}"
	};
	for (size_t i = 0; i < ASOF_COUNTOF(bad); i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const struct asof_field *fields;
		size_t count;
		assert_int_equal(asof_delta_schema_read(asof_str_from(bad[i]), &arena, &fields,
							&count, &err),
				 ASOF_CORRUPT);
		assert_true(strncmp(err.message, "schema: ", 8) == 0);
	}
}

static const char *
stats_text(struct asof_type type, const char *min, const char *max, struct asof_buf *buf)
{
	const struct asof_table_stats stats = { "c", min, max, -1 };
	const struct asof_table_file file = { .row_count = -1, .stats = &stats, .stats_count = 1 };
	const struct asof_field field = { .name = "c", .type = type };
	asof_buf_clear(buf);
	asof_delta_stats_write(&file, &field, 1, buf);
	return asof_buf_cstr(buf);
}

static void
bounds_are_written_as_delta_wants_them(void **state)
{
	(void)state;
	static const struct {
		const char *type, *min, *max, *written_min, *written_max;
	} cases[] = {
		{ "int64", "-5", "7", "{\"c\":-5}", "{\"c\":7}" },
		{ "decimal(10,2)", "1.50", "2.00", "{\"c\":1.50}", "{\"c\":2.00}" },
		{ "float64", "1.5", "\"NaN\"", "{\"c\":1.5}", "{}" },
		{ "float32", "\"-Infinity\"", "1e+30", "{}", "{\"c\":1e+30}" },
		{ "string", "\"a\\\"b\"", NULL, "{\"c\":\"a\\\"b\"}", "{}" },
		{ "date", "\"2001-06-29\"", "\"2001-06-30\"", "{\"c\":\"2001-06-29\"}",
		  "{\"c\":\"2001-06-30\"}" },
		{ "timestamp", "\"2001-06-29T23:00:00Z\"", "\"2001-06-29T23:00:00Z\"",
		  "{\"c\":\"2001-06-29T23:00:00.000Z\"}", "{\"c\":\"2001-06-29T23:00:00.000Z\"}" },
		{ "timestamp", "\"2001-06-29T23:00:00.123456Z\"", "\"2001-06-29T23:00:00.123456Z\"",
		  "{\"c\":\"2001-06-29T23:00:00.123Z\"}", "{\"c\":\"2001-06-29T23:00:00.124Z\"}" },
		{ "timestamp", "\"1969-12-31T23:59:59.999999Z\"", "\"1969-12-31T23:59:59.999001Z\"",
		  "{\"c\":\"1969-12-31T23:59:59.999Z\"}", "{\"c\":\"1970-01-01T00:00:00.000Z\"}" },
		{ "timestamp", "\"0000-12-31T23:59:59Z\"", "\"9999-12-31T23:59:59.999999Z\"", "{}",
		  "{}" },
		{ "timestamp", "\"0001-01-01T00:00:00Z\"", "\"+010000-01-01T00:00:00Z\"",
		  "{\"c\":\"0001-01-01T00:00:00.000Z\"}", "{}" },
		{ "timestamp", "5", "\"soon\"", "{}", "{}" },
		{ "bool", "false", "true", "{}", "{}" },
		{ "bytes", "\"AAAA\"", "\"AAAA\"", "{}", "{}" },
		{ "list<int64>", "[1]", "[2]", "{}", "{}" },
		{ "int64", "not json", "\"5\"", "{}", "{}" },
	};
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char expected[512];
		(void)snprintf(expected, sizeof(expected),
			       "{\"minValues\":%s,\"maxValues\":%s,\"nullCount\":{}}",
			       cases[i].written_min, cases[i].written_max);
		assert_string_equal(
			stats_text(type_of(cases[i].type), cases[i].min, cases[i].max, &buf),
			expected);
	}
	char text[300];
	memset(text, 'x', sizeof(text));
	text[0] = text[257] = '"';
	text[258] = '\0';
	assert_non_null(strstr(stats_text(type_of("string"), text, NULL, &buf), "xxx"));
	text[257] = 'x';
	text[258] = '"';
	text[259] = '\0';
	assert_null(strstr(stats_text(type_of("string"), text, text, &buf), "xxx"));
}

static void
statistics_come_back(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4096);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_field fields[] = { { .name = "a", .type = ASOF_TYPE(ASOF_TYPE_INT64) },
					     { .name = "b", .type = ASOF_TYPE(ASOF_TYPE_STRING) } };
	const struct asof_table_stats stats[] = { { "a", "1", "2", 3 },
						  { "b", NULL, NULL, 4 },
						  { "unknown", "1", "2", 5 } };
	const struct asof_table_file file = { .row_count = 9, .stats = stats, .stats_count = 3 };
	asof_delta_stats_write(&file, fields, 2, &buf);
	assert_string_equal(asof_buf_cstr(&buf),
			    "{\"numRecords\":9,\"minValues\":{\"a\":1},\"maxValues\":{\"a\":2},"
			    "\"nullCount\":{\"a\":3,\"b\":4}}");
	struct asof_table_file back = { 0 };
	assert_ok(asof_delta_stats_read(asof_buf_view(&buf), &arena, &back, &err), err);
	assert_int_equal(back.row_count, 9);
	assert_int_equal(back.stats_count, 2);
	assert_string_equal(back.stats[0].min_json, "1");
	assert_string_equal(back.stats[0].max_json, "2");
	assert_int_equal(back.stats[0].null_count, 3);
	assert_null(back.stats[1].min_json);
	assert_int_equal(back.stats[1].null_count, 4);

	static const char foreign[] =
		"{\"numRecords\":-1,\"minValues\":{\"s\":{\"x\":1},\"n\":null,"
		"\"d\":\"2001-01-01\"},\"nullCount\":{\"s\":{\"x\":0},\"d\":-1}}";
	assert_ok(asof_delta_stats_read(asof_str_from(foreign), &arena, &back, &err), err);
	assert_int_equal(back.row_count, -1);
	assert_int_equal(back.stats_count, 1);
	assert_string_equal(back.stats[0].min_json, "\"2001-01-01\"");
	assert_int_equal(back.stats[0].null_count, -1);
	assert_int_equal(asof_delta_stats_read(asof_str_from("[1]"), &arena, &back, &err),
			 ASOF_CORRUPT);
	assert_int_equal(asof_delta_stats_read(asof_str_from("{"), &arena, &back, &err),
			 ASOF_CORRUPT);
}

static struct asof_delta_action
read_line(const char *line, struct asof_arena *arena)
{
	struct asof_error err = { 0 };
	struct asof_delta_action action;
	assert_ok(asof_delta_line_read(asof_str_from(line), arena, &action, &err), err);
	return action;
}

static void
actions_of_other_writers_are_read(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_delta_action action = read_line(
		"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2,\"x\":[]}}", &arena);
	assert_int_equal(action.kind, ASOF_DELTA_PROTOCOL);
	assert_true(action.protocol.min_reader == 1 && action.protocol.min_writer == 2);
	action = read_line("{\"txn\":null,\"add\":{\"path\":\"d%20ir/%C3%A9.parquet\",\"size\":7,"
			   "\"partitionValues\":{},\"stats\":null,\"dataChange\":false}}",
			   &arena);
	assert_int_equal(action.kind, ASOF_DELTA_ADD);
	assert_true(asof_str_equal(action.add.name, asof_str_from("d ir/\xc3\xa9.parquet")));
	assert_int_equal(action.add.size_bytes, 7);
	assert_int_equal(action.add.stats.len, 0);
	action = read_line("{\"commitInfo\":{\"timestamp\":1700000000123,\"operation\":\"WRITE\","
			   "\"operationParameters\":{\"mode\":\"Append\"},\"asof\":7}}",
			   &arena);
	assert_int_equal(action.kind, ASOF_DELTA_COMMIT_INFO);
	assert_true(action.commit.committed_us == INT64_C(1700000000123000));
	assert_int_equal(action.commit.info_count, 0);
	action = read_line("{\"commitInfo\":{}}", &arena);
	assert_true(action.commit.committed_us == -1);
	assert_int_equal(read_line("{\"domainMetadata\":5}", &arena).kind, ASOF_DELTA_OTHER);
	assert_int_equal(read_line("{}", &arena).kind, ASOF_DELTA_OTHER);
}

static void
damaged_actions_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum asof_status status;
	} cases[] = {
		{ "", ASOF_CORRUPT },
		{ "[]", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a\",\"size\":1}", ASOF_CORRUPT },
		{ "{\"add\":5}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a\"}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a\",\"size\":-1}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a\",\"size\":1.5}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"\",\"size\":1}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a%2\",\"size\":1}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a%00\",\"size\":1}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"a\\u0000\",\"size\":1}}", ASOF_CORRUPT },
		{ "{\"add\":{\"path\":\"../a\",\"size\":1}}", ASOF_UNSUPPORTED },
		{ "{\"remove\":{\"path\":\"a/%2e%2e/b\"}}", ASOF_UNSUPPORTED },
		{ "{\"add\":{\"path\":\"/etc/passwd\",\"size\":1}}", ASOF_UNSUPPORTED },
		{ "{\"add\":{\"path\":\"s3://b/a\",\"size\":1}}", ASOF_UNSUPPORTED },
		{ "{\"add\":{\"path\":\"a\",\"size\":1,\"stats\":{}}}", ASOF_CORRUPT },
		{ "{\"protocol\":{\"minReaderVersion\":\"1\"}}", ASOF_CORRUPT },
		{ "{\"metaData\":{\"id\":\"x\"}}", ASOF_CORRUPT },
		{ "{\"txn\":{}}", ASOF_CORRUPT },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_delta_action action;
		assert_int_equal(
			asof_delta_line_read(asof_str_from(cases[i].line), &arena, &action, &err),
			cases[i].status);
		assert_true(err.message[0] != '\0');
	}
}

static void
an_entry_is_written_as_the_protocol_says(void **state)
{
	(void)state;
	const struct asof_field fields[] = { { .name = "k", .type = ASOF_TYPE(ASOF_TYPE_UUID) } };
	const struct asof_table_file added = { .name = "new file.parquet",
					       .size_bytes = 10,
					       .row_count = 3 };
	const struct asof_table_file old = { .name = "old.parquet", .size_bytes = 5 };
	const struct asof_table_file *const removed[] = { &old };
	const struct asof_property info = { "cursor", "{\"a\":1}" };
	const struct asof_property property = { "asof.view", "v" };
	const struct asof_table_change change = { .base_version = -1,
						  .fields = fields,
						  .field_count = 1,
						  .added = &added,
						  .added_count = 1,
						  .properties = &property,
						  .property_count = 1,
						  .info = &info,
						  .info_count = 1,
						  .operation = "WRITE",
						  .run_id = "run-1" };
	const struct asof_delta_entry entry = { .change = &change,
						.committed_us = INT64_C(1700000000123456),
						.has_protocol = true,
						.table_id = "id",
						.table = "t",
						.schema = asof_str_from("{}"),
						.fields = fields,
						.field_count = 1,
						.removed = removed,
						.removed_count = 1 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1 << 16);
	asof_delta_entry_write(&entry, &buf);
	assert_string_equal(
		asof_buf_cstr(&buf),
		"{\"commitInfo\":{\"timestamp\":1700000000123,\"operation\":\"WRITE\","
		"\"operationParameters\":{},\"engineInfo\":\"asof/" ASOF_VERSION "\","
		"\"asof.committed_us\":1700000000123456,\"asof\":{\"cursor\":\"{\\\"a\\\":1}\"}}}\n"
		"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
		"{\"metaData\":{\"id\":\"id\",\"name\":\"t\",\"format\":{\"provider\":\"parquet\","
		"\"options\":{}},\"schemaString\":\"{}\",\"partitionColumns\":[],"
		"\"configuration\":{\"asof.view\":\"v\"},\"createdTime\":1700000000123}}\n"
		"{\"txn\":{\"appId\":\"run-1\",\"version\":0,\"lastUpdated\":1700000000123}}\n"
		"{\"remove\":{\"path\":\"old.parquet\",\"deletionTimestamp\":1700000000123,"
		"\"dataChange\":true,\"extendedFileMetadata\":true,\"partitionValues\":{},"
		"\"size\":5}}\n"
		"{\"add\":{\"path\":\"new%20file.parquet\",\"partitionValues\":{},\"size\":10,"
		"\"modificationTime\":1700000000123,\"dataChange\":true,\"stats\":"
		"\"{\\\"numRecords\\\":3,\\\"minValues\\\":{},\\\"maxValues\\\":{},"
		"\\\"nullCount\\\":{}}\"}}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_delta_name),
		cmocka_unit_test(a_schema_comes_back_with_our_types),
		cmocka_unit_test(other_writers_columns_are_understood),
		cmocka_unit_test(damaged_schemas_are_refused),
		cmocka_unit_test(bounds_are_written_as_delta_wants_them),
		cmocka_unit_test(statistics_come_back),
		cmocka_unit_test(actions_of_other_writers_are_read),
		cmocka_unit_test(damaged_actions_are_refused),
		cmocka_unit_test(an_entry_is_written_as_the_protocol_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
