/* test_table_mapping.c - columns whose name in files is another. */
#include "lake/table_mapping.h"

#include "table_fixture.h"

/* The columns of the newest version, the first of them renamed. */
static void
rename_first(struct fixture *f, const char *name)
{
	struct asof_table_snapshot before = read_table(f, -1);
	struct asof_field columns[4];
	assert_true(before.field_count <= ASOF_COUNTOF(columns));
	memcpy(columns, before.fields, before.field_count * sizeof(*columns));
	const char *stored = asof_field_stored(&columns[0]);
	columns[0].stored = strcmp(stored, name) == 0 ? NULL : stored;
	columns[0].name = name;
	struct asof_table_change change = change_from(before.version, name);
	change.fields = columns;
	change.field_count = before.field_count;
	change.properties = before.properties;
	change.property_count = before.property_count;
	(void)commit(f, &change);
}

static bool
entry_says(struct fixture *f, int64_t version, const char *text)
{
	char name[64];
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf entry = ASOF_BUF(1u << 20);
	(void)snprintf(name, sizeof(name), "t/_delta_log/%020lld.json", (long long)version);
	assert_ok(asof_blob_read(f->lake, name, &entry, &err), err);
	return strstr(asof_buf_cstr(&entry), text) != NULL;
}

static void
a_renamed_column_keeps_its_stored_name_and_number(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	assert_false(entry_says(f, 0, ASOF_MAPPING));
	rename_first(f, "key");
	assert_true(entry_says(f, 1, "\"minReaderVersion\":2,\"minWriterVersion\":5"));
	assert_true(entry_says(f, 1, "\"" ASOF_MAPPING_MAX "\":\"2\""));
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_string_equal(snapshot.fields[0].name, "key");
	assert_string_equal(snapshot.fields[0].stored, "k");
	assert_true(snapshot.fields[0].id == 1 && snapshot.fields[1].id == 2);
	assert_null(snapshot.fields[1].stored);
	assert_string_equal(read_table(f, 0).fields[0].name, "k");
	(void)append(f, 1);
	assert_true(entry_says(f, 2, "\\\"k\\\":1"));
	assert_false(entry_says(f, 2, "protocol"));
	rename_first(f, "k");
	snapshot = read_table(f, -1);
	assert_null(snapshot.fields[0].stored);
	assert_int_equal(snapshot.fields[0].id, 1);
}

static void
a_table_that_is_written_anew_is_plain_again(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	rename_first(f, "key");
	const struct asof_field anew[] = { { .name = "key", .type = fields[0].type }, fields[1] };
	struct asof_table_change change = change_from(1, "anew");
	change.is_overwrite = true;
	change.fields = anew;
	change.field_count = 2;
	assert_int_equal(commit(f, &change), 2);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_null(snapshot.fields[0].stored);
	assert_true(snapshot.fields[0].id == 0 && snapshot.fields[1].id == 0);
	assert_true(entry_says(f, 2, "\"minReaderVersion\":1,\"minWriterVersion\":2"));
	assert_false(entry_says(f, 2, ASOF_MAPPING));
	assert_string_equal(read_table(f, 1).fields[0].stored, "k");
	(void)append(f, 2);
	assert_false(entry_says(f, 3, "protocol"));
	rename_first(f, "again");
	assert_true(entry_says(f, 4, "\"minReaderVersion\":2,\"minWriterVersion\":5"));
	assert_string_equal(read_table(f, -1).fields[0].stored, "key");
}

static void
two_columns_are_not_stored_under_one_name(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int64_t version;
	(void)append(f, -1);
	rename_first(f, "key");
	struct asof_table_snapshot before = read_table(f, -1);
	const struct asof_field more[] = { before.fields[0],
					   before.fields[1],
					   { .name = "k", .type = { .kind = ASOF_TYPE_BOOL } } };
	struct asof_table_change change = change_from(1, "more");
	change.fields = more;
	change.field_count = 3;
	assert_int_equal(asof_table_commit(f->lake, "t", &change, &version, &err), ASOF_INVALID);
	assert_string_equal(err.message, "table 't': columns 'key' and 'k' are both stored as 'k'");
}

static void
what_others_ask_of_writers_besides_is_refused(void **state)
{
	static const struct {
		const char *configuration;
		enum asof_status status;
	} cases[] = {
		{ "\"delta.columnMapping.mode\":\"name\"", ASOF_OK },
		{ "\"delta.columnMapping.mode\":\"none\"", ASOF_UNSUPPORTED },
		{ "\"delta.columnMapping.mode\":\"name\",\"delta.constraints.c\":\"k > 0\"",
		  ASOF_UNSUPPORTED },
		{ "\"delta.columnMapping.mode\":\"name\",\"delta.enableChangeDataFeed\":\"true\"",
		  ASOF_UNSUPPORTED },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		int64_t version;
		ASOF_AUTO(asof_buf_done) struct asof_buf entry = ASOF_BUF(4096);
		char name[64];
		asof_buf_printf(
			&entry,
			"{\"protocol\":{\"minReaderVersion\":2,\"minWriterVersion\":5}}\n"
			"{\"metaData\":{\"id\":\"i\",\"schemaString\":\"{\\\"fields\\\":[]}\","
			"\"partitionColumns\":[],\"configuration\":{%s}}}\n",
			cases[i].configuration);
		(void)snprintf(name, sizeof(name), "t/_delta_log/%020d.json", 0);
		assert_ok(asof_blob_put(f->lake, name, asof_buf_view(&entry), &err), err);
		(void)read_table(f, 0);
		struct asof_table_change change = change_from(0, "r");
		assert_int_equal(asof_table_commit(f->lake, "t", &change, &version, &err),
				 cases[i].status);
		char below[TEMPDIR_MAX + 8];
		(void)snprintf(below, sizeof(below), "%s/t", f->dir);
		tempdir_remove(below);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_renamed_column_keeps_its_stored_name_and_number,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_table_that_is_written_anew_is_plain_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_columns_are_not_stored_under_one_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_others_ask_of_writers_besides_is_refused,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
