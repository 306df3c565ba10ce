/* test_table.c - our tables: commits, snapshots, history, and logs that are damaged. */
#include <pthread.h>
#include <unistd.h>

#include "unit/lake/lake_fixture.h"

static const struct asof_field fields[] = {
	{ .name = "k", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "event_time", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
};

/* A data file of `size` bytes, with row_count rows. */
static struct asof_table_file
new_file(struct fixture *f, const char *table, size_t size_bytes, int64_t row_count)
{
	struct asof_error err = { 0 };
	struct asof_table_file file = { .size_bytes = size_bytes, .row_count = row_count };
	assert_ok(asof_table_new_file(f->lake, table, &f->arena, &file.name, &file.path, &err),
		  err);
	FILE *out = fopen(file.path, "wb");
	assert_non_null(out);
	for (size_t i = 0; i < size_bytes; i++)
		assert_true(fputc('x', out) == 'x');
	assert_int_equal(fclose(out), 0);
	return file;
}

static struct asof_table_change
change_from(int64_t base_version, const char *run_id)
{
	struct asof_table_change change = { .base_version = base_version,
					    .operation = "WRITE",
					    .run_id = run_id,
					    .now_us = NOW_US };
	if (base_version < 0) {
		change.fields = fields;
		change.field_count = ASOF_COUNTOF(fields);
	}
	return change;
}

static int64_t
commit(struct fixture *f, const char *table, const struct asof_table_change *change)
{
	struct asof_error err = { 0 };
	int64_t version = -7;
	assert_ok(asof_table_commit(f->lake, table, change, &version, &err), err);
	return version;
}

/* A commit of one file with one row. */
static int64_t
append(struct fixture *f, const char *table, int64_t base_version, const char *run_id)
{
	struct asof_table_file file = new_file(f, table, 4, 1);
	struct asof_table_change change = change_from(base_version, run_id);
	change.added = &file;
	change.added_count = 1;
	return commit(f, table, &change);
}

static struct asof_table_snapshot
read_table(struct fixture *f, const char *table, int64_t version)
{
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot;
	assert_ok(asof_table_read(f->lake, table, version, &f->arena, &snapshot, &err), err);
	return snapshot;
}

static void
a_table_that_is_not_there_is_version_minus_one(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot = read_table(f, "t", -1);
	assert_int_equal(snapshot.version, -1);
	assert_int_equal(snapshot.file_count, 0);
	assert_string_equal(snapshot.table, "t");
	assert_int_equal(asof_table_read(f->lake, "t", 0, &f->arena, &snapshot, &err),
			 ASOF_NOT_FOUND);
	assert_int_equal(asof_table_read(f->lake, "", -1, &f->arena, &snapshot, &err),
			 ASOF_INVALID);
}

static void
a_commit_is_read_as_it_was_given(void **state)
{
	struct fixture *f = *state;
	struct asof_table_file file = new_file(f, "t", 5, 42);
	const struct asof_table_stats stats[] = {
		{ "k", "\"a\"", "\"z\"", 0 },
		{ "event_time", "\"2001-01-01T00:00:00.0005Z\"", "\"2001-01-01T00:00:00.0005Z\"",
		  2 },
	};
	file.stats = stats;
	file.stats_count = 2;
	const struct asof_property properties[] = { { "asof.view", "v" } };
	const struct asof_property info[] = { { "cursor", "line\nbreak \xc3\xa9" },
					      { "version", "1.0.0" } };
	struct asof_table_change change = change_from(-1, "run");
	change.added = &file;
	change.added_count = 1;
	change.properties = properties;
	change.property_count = 1;
	change.info = info;
	change.info_count = 2;
	change.now_us = NOW_US + 123456;
	assert_int_equal(commit(f, "t", &change), 0);

	struct asof_table_snapshot snapshot = read_table(f, "t", -1);
	assert_int_equal(snapshot.version, 0);
	assert_true(snapshot.committed_us == NOW_US + 123456);
	assert_int_equal(snapshot.field_count, 2);
	assert_string_equal(snapshot.fields[1].name, "event_time");
	assert_int_equal(snapshot.fields[1].type.kind, ASOF_TYPE_TIMESTAMP);
	assert_int_equal(snapshot.file_count, 1);
	assert_string_equal(snapshot.files[0].name, file.name);
	assert_string_equal(snapshot.files[0].path, file.path);
	struct asof_table_file read = snapshot.files[0];
	struct asof_error err = { 0 };
	assert_null(read.stats);
	assert_ok(asof_table_file_read_stats(&read, &f->arena, &err), err);
	assert_int_equal(snapshot.files[0].size_bytes, 5);
	assert_int_equal(snapshot.row_count, 42);
	assert_int_equal(read.stats_count, 2);
	assert_string_equal(read.stats[0].max_json, "\"z\"");
	assert_string_equal(read.stats[1].min_json, "\"2001-01-01T00:00:00.000Z\"");
	assert_string_equal(read.stats[1].max_json, "\"2001-01-01T00:00:00.001Z\"");
	assert_string_equal(
		asof_property_find(snapshot.properties, snapshot.property_count, "asof.view"), "v");
	assert_string_equal(asof_property_find(snapshot.info, snapshot.info_count, "cursor"),
			    "line\nbreak \xc3\xa9");
	assert_null(asof_property_find(snapshot.info, snapshot.info_count, "none"));
}

static void
every_version_can_be_read_again(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	assert_int_equal(append(f, "d/t", -1, "r0"), 0);
	assert_int_equal(append(f, "d/t", 0, "r1"), 1);
	struct asof_table_file file = new_file(f, "d/t", 4, 7);
	struct asof_table_change overwrite = change_from(1, "r2");
	overwrite.is_overwrite = true;
	overwrite.added = &file;
	overwrite.added_count = 1;
	assert_int_equal(commit(f, "d/t", &overwrite), 2);
	assert_int_equal(append(f, "d/t", 2, "r3"), 3);

	static const struct {
		size_t files;
		int64_t rows;
	} expected[] = { { 1, 1 }, { 2, 2 }, { 1, 7 }, { 2, 8 } };
	for (int64_t version = 0; version < 4; version++) {
		struct asof_table_snapshot snapshot = read_table(f, "d/t", version);
		assert_int_equal(snapshot.version, version);
		assert_int_equal(snapshot.file_count, expected[version].files);
		assert_int_equal(snapshot.row_count, expected[version].rows);
	}
	struct asof_table_snapshot newest = read_table(f, "d/t", -1);
	assert_int_equal(newest.version, 3);
	assert_string_equal(newest.files[0].name, file.name);
	struct asof_table_snapshot none;
	assert_int_equal(asof_table_read(f->lake, "d/t", 4, &f->arena, &none, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message, "table 'd/t' has no version 4 (newest: 3)");
}

static void
a_schema_change_keeps_the_table_and_replaces_properties(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(append(f, "t", -1, "r0"), 0);
	const struct asof_field wider[] = {
		fields[0], fields[1], { .name = "x", .type = { .kind = ASOF_TYPE_FLOAT64 } }
	};
	const struct asof_property property = { "p", "q" };
	struct asof_table_change change = change_from(0, "r1");
	change.fields = wider;
	change.field_count = 3;
	change.properties = &property;
	change.property_count = 1;
	assert_int_equal(commit(f, "t", &change), 1);
	assert_int_equal(append(f, "t", 1, "r2"), 2);
	struct asof_table_snapshot snapshot = read_table(f, "t", -1);
	assert_int_equal(snapshot.field_count, 3);
	assert_int_equal(snapshot.property_count, 1);
	assert_int_equal(snapshot.file_count, 2);
	assert_int_equal(read_table(f, "t", 0).field_count, 2);
}

static void
of_two_commits_from_one_base_the_second_conflicts(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int64_t version = -7;
	assert_int_equal(append(f, "t", -1, "r0"), 0);
	struct asof_table_change late = change_from(-1, "late");
	assert_int_equal(asof_table_commit(f->lake, "t", &late, &version, &err), ASOF_CONFLICT);
	assert_int_equal(append(f, "t", 0, "r1"), 1);
	late = change_from(0, "late");
	assert_int_equal(asof_table_commit(f->lake, "t", &late, &version, &err), ASOF_CONFLICT);
	assert_string_equal(err.message, "table 't' has a version 1 already");
	assert_int_equal(version, -7);
	assert_int_equal(read_table(f, "t", -1).version, 1);
	late.base_version = 5;
	assert_int_equal(asof_table_commit(f->lake, "t", &late, &version, &err), ASOF_NOT_FOUND);
}

static void
a_run_commits_once(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(append(f, "t", -1, "r0"), 0);
	assert_int_equal(append(f, "t", -1, "r0"), 0);
	assert_int_equal(append(f, "t", 0, "r1"), 1);
	assert_int_equal(append(f, "t", 0, "r1"), 1);
	assert_int_equal(append(f, "t", 1, "r2"), 2);
	assert_int_equal(append(f, "t", 2, "r1"), 1);
	struct asof_table_snapshot snapshot = read_table(f, "t", -1);
	assert_int_equal(snapshot.version, 2);
	assert_int_equal(snapshot.file_count, 3);
}

static void
a_commit_without_its_data_is_refused(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int64_t version;
	struct asof_table_file missing = { .name = "none.parquet", .row_count = 1 };
	struct asof_table_change change = change_from(-1, "r0");
	change.added = &missing;
	change.added_count = 1;
	assert_int_equal(asof_table_commit(f->lake, "t", &change, &version, &err), ASOF_NOT_FOUND);
	assert_int_equal(read_table(f, "t", -1).version, -1);
}

struct heard {
	struct asof_buf text;
	int64_t last_us;
};

static enum asof_status
hear(void *arg, int64_t version, int64_t committed_us, const char *operation,
     const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	struct heard *heard = arg;
	asof_buf_printf(&heard->text, "%lld %s %s;", (long long)version, operation,
			info_count ? info[0].value : "-");
	if (heard->last_us && committed_us / 1000 >= heard->last_us / 1000)
		return ASOF_FAIL(err, ASOF_INTERNAL, "times do not descend");
	heard->last_us = committed_us;
	return asof_buf_status(&heard->text, err);
}

static enum asof_status
hear_one(void *arg, int64_t version, int64_t committed_us, const char *operation,
	 const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	(void)version;
	(void)committed_us;
	(void)operation;
	(void)info;
	(void)info_count;
	++*(int *)arg;
	return ASOF_FAIL(err, ASOF_CANCELLED, "enough");
}

static void
history_is_newest_first_with_descending_times(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct heard heard = { .text = ASOF_BUF(4096) };
	for (int64_t i = 0; i < 4; i++) {
		char run_id[32];
		(void)snprintf(run_id, sizeof(run_id), "r%lld", (long long)i);
		const struct asof_property info = { "run", run_id };
		struct asof_table_change change = change_from(i - 1, run_id);
		change.info = &info;
		change.info_count = 1;
		change.now_us = NOW_US - i * 1000000; /* a clock that goes backwards */
		assert_int_equal(commit(f, "t", &change), i);
	}
	assert_ok(asof_table_history(f->lake, "t", hear, &heard, &err), err);
	assert_string_equal(asof_buf_cstr(&heard.text),
			    "3 WRITE r3;2 WRITE r2;1 WRITE r1;0 WRITE r0;");
	assert_true(heard.last_us == NOW_US);
	asof_buf_clear(&heard.text);
	assert_ok(asof_table_history(f->lake, "none", hear, &heard, &err), err);
	assert_int_equal(heard.text.len, 0);
	asof_buf_done(&heard.text);
	int calls = 0;
	assert_int_equal(asof_table_history(f->lake, "t", hear_one, &calls, &err), ASOF_CANCELLED);
	assert_int_equal(calls, 1);
}

/* A log of our own making: one entry per text. */
static enum asof_status
read_log(struct fixture *f, const char *const *entries, size_t count, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "x/_delta_log/%020zu.json", i);
		if (entries[i])
			assert_ok(asof_blob_put(f->lake, name, asof_str_from(entries[i]), err),
				  *err);
	}
	struct asof_table_snapshot snapshot;
	return asof_table_read(f->lake, "x", -1, &f->arena, &snapshot, err);
}

#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define METADATA                                                                \
	"{\"metaData\":{\"id\":\"i\",\"schemaString\":\"{\\\"fields\\\":[]}\"," \
	"\"partitionColumns\":[]}}\n"

static void
logs_of_other_writers_are_read(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const char *const entries[] = {
		PROTOCOL
		"\r\n\n" METADATA
		"{\"add\":{\"path\":\"a\",\"size\":1,\"stats\":\"{\\\"numRecords\\\":5}\"}}",
		"{\"domainMetadata\":{}}\n{\"add\":{\"path\":\"b\",\"size\":1}}\n"
		"{\"add\":{\"path\":\"a\",\"size\":2}}\n{\"remove\":{\"path\":\"never\"}}\n",
		"{\"remove\":{\"path\":\"b\"}}\n",
	};
	assert_ok(asof_blob_put(f->lake, "x/_delta_log/00000000000000000001.crc", S(""), &err),
		  err);
	assert_ok(asof_blob_put(f->lake, "x/_delta_log/_last_checkpoint", S("{}"), &err), err);
	assert_ok(read_log(f, entries, 3, &err), err);
	struct asof_table_snapshot second = read_table(f, "x", 1);
	assert_int_equal(second.file_count, 2);
	assert_string_equal(second.files[0].name, "b");
	assert_string_equal(second.files[1].name, "a");
	assert_int_equal(second.files[1].size_bytes, 2);
	assert_int_equal(second.row_count, -1);
	assert_int_equal(read_table(f, "x", 0).row_count, 5);
	assert_int_equal(read_table(f, "x", -1).file_count, 1);
	assert_true(second.committed_us > INT64_C(1600000000000000)); /* the file's own time */
}

static void
logs_that_do_not_decode_name_file_and_line(void **state)
{
	static const struct {
		const char *entries[2];
		enum asof_status status;
		const char *message;
	} cases[] = {
		{ { PROTOCOL METADATA "{\"add\":{\"path\":\"a\"}}" },
		  ASOF_CORRUPT,
		  "table 'x': 'x/_delta_log/00000000000000000000.json' line 3: add: " },
		{ { PROTOCOL METADATA, "{\"add\"" },
		  ASOF_CORRUPT,
		  "table 'x': 'x/_delta_log/00000000000000000001.json' line 1: action: " },
		{ { NULL, PROTOCOL METADATA },
		  ASOF_CORRUPT,
		  "table 'x': version 0 is missing in its log" },
		{ { METADATA }, ASOF_CORRUPT, "table 'x': its log has no protocol" },
		{ { PROTOCOL }, ASOF_CORRUPT, "table 'x': its log has no metaData" },
		{ { "" }, ASOF_CORRUPT, "table 'x': its log has no protocol" },
		{ { "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7}}" },
		  ASOF_UNSUPPORTED,
		  "table 'x': 'x/_delta_log/00000000000000000000.json' line 1: the table wants a "
		  "reader of protocol 3, this is one of 2" },
		{ { PROTOCOL "{\"metaData\":{\"id\":\"i\",\"schemaString\":\"{}\","
			     "\"partitionColumns\":[\"d\"]}}" },
		  ASOF_UNSUPPORTED,
		  "table 'x': 'x/_delta_log/00000000000000000000.json' line 2: the table is "
		  "partitioned by 'd', and not by asof" },
		{ { "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
		    "\"readerFeatures\":[\"deletionVectors\",\"variantType\"]}}" },
		  ASOF_UNSUPPORTED,
		  "table 'x': 'x/_delta_log/00000000000000000000.json' line 1: the table wants a "
		  "reader of protocol 3, this is one of 2: deletionVectors, variantType" },
		{ { "{\"metaData\":{\"id\":\"i\",\"schemaString\":\"{}\",\"configuration\":{"
		    "\"delta.columnMapping.mode\":\"id\"}}}" },
		  ASOF_UNSUPPORTED,
		  "table 'x': 'x/_delta_log/00000000000000000000.json' line 1: the table's columns "
		  "are mapped by 'id', and not by name" },
		{ { PROTOCOL METADATA
		    "{\"add\":{\"path\":\"a\",\"size\":1,\"stats\":\"{\\\"numRecords\\\"\"}}" },
		  ASOF_CORRUPT,
		  "table 'x': file 'a': statistics: " },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		assert_int_equal(read_log(f, cases[i].entries, 2, &err), cases[i].status);
		assert_int_equal(strncmp(err.message, cases[i].message, strlen(cases[i].message)),
				 0);
		char below[TEMPDIR_MAX + 8];
		(void)snprintf(below, sizeof(below), "%s/x", f->dir);
		tempdir_remove(below);
	}
}

static void
a_log_that_begins_with_a_checkpoint_is_unsupported(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const char *const entries[] = { NULL, PROTOCOL METADATA };
	assert_ok(asof_blob_put(f->lake, "x/_delta_log/_last_checkpoint", S("{}"), &err), err);
	assert_int_equal(read_log(f, entries, 2, &err), ASOF_UNSUPPORTED);
}

static void
a_table_of_a_newer_writer_is_read_and_not_written(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int64_t version;
	const char *const entries[] = {
		"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":4}}\n" METADATA
	};
	assert_ok(read_log(f, entries, 1, &err), err);
	struct asof_table_change change = change_from(0, "r");
	assert_int_equal(asof_table_commit(f->lake, "x", &change, &version, &err),
			 ASOF_UNSUPPORTED);
}

struct writer {
	struct asof_blob *lake;
	int number;
	int won;
	enum asof_status status;
};

/* Read, commit, and again after a conflict: what two builds of one view do. */
static void *
keep_committing(void *arg)
{
	struct writer *writer = arg;
	for (int i = 0; i < 12 && writer->status == ASOF_OK;) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_table_snapshot base;
		char run_id[32];
		int64_t version;
		(void)snprintf(run_id, sizeof(run_id), "%d-%d", writer->number, i);
		writer->status = asof_table_read(writer->lake, "t", -1, &arena, &base, NULL);
		if (writer->status != ASOF_OK)
			break;
		struct asof_table_change change = change_from(base.version, run_id);
		enum asof_status status =
			asof_table_commit(writer->lake, "t", &change, &version, NULL);
		if (status == ASOF_OK) {
			writer->won += version == base.version + 1;
			i++;
		} else if (status != ASOF_CONFLICT) {
			writer->status = status;
		}
	}
	return NULL;
}

static void
several_writers_lose_nothing(void **state)
{
	struct fixture *f = *state;
	struct writer writers[3];
	pthread_t threads[3];
	for (int i = 0; i < 3; i++) {
		writers[i] = (struct writer){ f->lake, i, 0, ASOF_OK };
		assert_int_equal(pthread_create(&threads[i], NULL, keep_committing, &writers[i]),
				 0);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(writers[i].status, ASOF_OK);
		assert_int_equal(writers[i].won, 12);
	}
	assert_int_equal(read_table(f, "t", -1).version, 35);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_table_that_is_not_there_is_version_minus_one),
		T(a_commit_is_read_as_it_was_given),
		T(every_version_can_be_read_again),
		T(a_schema_change_keeps_the_table_and_replaces_properties),
		T(of_two_commits_from_one_base_the_second_conflicts),
		T(a_run_commits_once),
		T(a_commit_without_its_data_is_refused),
		T(history_is_newest_first_with_descending_times),
		T(logs_of_other_writers_are_read),
		T(logs_that_do_not_decode_name_file_and_line),
		T(a_log_that_begins_with_a_checkpoint_is_unsupported),
		T(a_table_of_a_newer_writer_is_read_and_not_written),
		T(several_writers_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
