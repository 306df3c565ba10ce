/* test_table_change.c - changes that meet others: blind appends, files that leave by name, and
 * schemas that grow. */
#include <pthread.h>

#include "table_fixture.h"

static enum asof_status
try_commit(struct fixture *f, const struct asof_table_change *change, struct asof_error *err)
{
	int64_t version = -7;
	enum asof_status status = asof_table_commit(f->lake, "t", change, &version, err);
	if (status != ASOF_OK)
		assert_int_equal(version, -7);
	return status;
}

static void
a_blind_append_goes_behind_what_others_have_committed(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	(void)append(f, 0);
	(void)append(f, 1);
	struct asof_table_file file = new_file(f, 50);
	struct asof_table_change change = change_from(0, "blind");
	change.is_blind = true;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), 3);
	assert_int_equal(commit(f, &change), 3); /* the same run */
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.version, 3);
	assert_int_equal(snapshot.row_count, 53);
	assert_true(snapshot.committed_us > read_table(f, 2).committed_us);
}

static void
a_blind_append_ends_where_the_table_was_changed(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	(void)append(f, -1);
	const struct asof_field more[] = { fields[0],
					   fields[1],
					   { .name = "x", .type = { .kind = ASOF_TYPE_BOOL } } };
	struct asof_table_change grow = change_from(0, "grow");
	grow.fields = more;
	grow.field_count = 3;
	assert_int_equal(commit(f, &grow), 1);
	struct asof_table_change change = change_from(0, "blind");
	change.is_blind = true;
	assert_int_equal(try_commit(f, &change, &err), ASOF_CONFLICT);
	assert_string_equal(err.message, "table 't' was changed by version 1");
	change = change_from(-1, "create");
	change.is_blind = true;
	assert_int_equal(try_commit(f, &change, &err), ASOF_CONFLICT);
}

static void
files_leave_by_name(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const char *names[3];
	for (int i = 0; i < 3; i++)
		names[i] = append(f, i - 1);
	struct asof_table_file file = new_file(f, 9);
	struct asof_table_change change = change_from(2, "rewrite");
	change.removed = &names[1];
	change.removed_count = 1;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), 3);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.file_count, 3);
	assert_string_equal(snapshot.files[0].name, names[0]);
	assert_string_equal(snapshot.files[1].name, names[2]);
	assert_string_equal(snapshot.files[2].name, file.name);

	change = change_from(3, "again");
	change.removed = &names[1];
	change.removed_count = 1;
	assert_int_equal(try_commit(f, &change, &err), ASOF_INVALID);
	const char *twice[] = { names[0], names[0] };
	change.removed = twice;
	change.removed_count = 2;
	assert_int_equal(try_commit(f, &change, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "is removed twice"));
}

static void
two_that_remove_different_files_both_go_through(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const char *names[] = { append(f, -1), append(f, 0) };
	struct asof_table_change first = change_from(1, "first");
	first.removed = &names[0];
	first.removed_count = 1;
	struct asof_table_change other = change_from(1, "other");
	other.is_blind = true;
	other.removed = &names[1];
	other.removed_count = 1;
	struct asof_table_change late = change_from(1, "late");
	late.is_blind = true;
	late.removed = &names[0];
	late.removed_count = 1;
	assert_int_equal(commit(f, &first), 2);
	assert_int_equal(commit(f, &other), 3);
	assert_int_equal(try_commit(f, &late, &err), ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "has removed file"));
	assert_int_equal(read_table(f, -1).file_count, 0);
}

static void
a_blind_overwrite_ends_where_files_came_or_went(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	(void)append(f, -1);
	struct asof_table_change empty = change_from(0, "empty");
	assert_int_equal(commit(f, &empty), 1);
	struct asof_table_change overwrite = change_from(0, "overwrite");
	overwrite.is_blind = true;
	overwrite.is_overwrite = true;
	assert_int_equal(commit(f, &overwrite), 2);
	(void)append(f, 2);
	overwrite.run_id = "late";
	assert_int_equal(try_commit(f, &overwrite, &err), ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "has changed what is to be overwritten"));
}

/* The files named are one from version `base` + 1 on. */
static struct asof_table_file
rearrange(struct fixture *f, int64_t base, const char *const *names, size_t count)
{
	struct asof_table_file file = new_file(f, (int64_t)count);
	struct asof_table_change change = change_from(base, file.name);
	change.is_rearrangement = true;
	change.removed = names;
	change.removed_count = count;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), base + 1);
	return file;
}

static void
a_rearrangement_says_that_no_data_has_changed(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf entry = ASOF_BUF(1u << 20);
	const char *names[] = { append(f, -1), append(f, 0) };
	(void)rearrange(f, 1, names, 2);
	assert_ok(asof_blob_read(f->lake, "t/_delta_log/00000000000000000002.json", &entry, &err),
		  err);
	assert_non_null(strstr(asof_buf_cstr(&entry), "\"dataChange\":false"));
	assert_null(strstr(asof_buf_cstr(&entry), "\"dataChange\":true"));
	assert_int_equal(read_table(f, -1).file_count, 1);
}

static void
a_build_goes_behind_a_rearrangement(void **state)
{
	struct fixture *f = *state;
	const char *names[] = { append(f, -1), append(f, 0) };
	struct asof_table_file one = rearrange(f, 1, names, 2);
	struct asof_table_file file = new_file(f, 9);
	struct asof_table_change change = change_from(1, "build");
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), 3);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.file_count, 2);
	assert_string_equal(snapshot.files[0].name, one.name);
	assert_string_equal(snapshot.files[1].name, file.name);
}

static void
an_overwrite_behind_a_rearrangement_removes_the_files_that_it_made(void **state)
{
	struct fixture *f = *state;
	const char *names[] = { append(f, -1), append(f, 0) };
	(void)rearrange(f, 1, names, 2);
	struct asof_table_file file = new_file(f, 9);
	struct asof_table_change change = change_from(1, "overwrite");
	change.is_overwrite = true;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), 3);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.file_count, 1);
	assert_string_equal(snapshot.files[0].name, file.name);
}

static void
a_change_that_removes_a_file_that_was_moved_conflicts(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const char *names[] = { append(f, -1), append(f, 0) };
	(void)rearrange(f, 1, names, 2);
	struct asof_table_change change = change_from(1, "replace");
	change.removed = &names[1];
	change.removed_count = 1;
	assert_int_equal(try_commit(f, &change, &err), ASOF_CONFLICT);
	assert_non_null(strstr(err.message, "has removed file"));
}

static void
a_version_without_files_is_no_rearrangement(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	(void)append(f, -1);
	struct asof_table_change empty = change_from(0, "empty");
	assert_int_equal(commit(f, &empty), 1);
	struct asof_table_change change = change_from(0, "build");
	assert_int_equal(try_commit(f, &change, &err), ASOF_CONFLICT);
	assert_string_equal(err.message, "table 't' has a version 1 already");
}

static void
schemas_grow_at_the_end(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	const struct asof_table_snapshot before = read_table(f, -1);
	const struct asof_field more[] = {
		before.fields[0],
		before.fields[1],
		{ .name = "x", .type = { .kind = ASOF_TYPE_FLOAT32 } },
	};
	struct asof_table_change change = change_from(0, "r1");
	change.fields = more;
	change.field_count = 3;
	assert_int_equal(before.field_count, 2);
	assert_int_equal(commit(f, &change), 1);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.field_count, 3);
	assert_int_equal(snapshot.fields[2].type.kind, ASOF_TYPE_FLOAT32);
	assert_int_equal(snapshot.file_count, 1);
	assert_int_equal(read_table(f, 0).field_count, 2);
}

static void
partitions_are_columns_of_the_log_and_not_of_files(void **state)
{
	static const char *const columns[] = { "_event_month" };
	const struct asof_property by[] = { { ASOF_TABLE_PARTITION, "month(event_time)" } };
	const struct asof_property value[] = { { "_event_month", "2024-05" } };
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_table_file file = { .row_count = 1 };
	assert_ok(asof_table_new_file_in(f->lake, "t", "event_month=2024-05/", &f->arena,
					 &file.name, &file.path, &err),
		  err);
	FILE *out = fopen(file.path, "wb");
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
	struct asof_table_change change = change_from(-1, "r0");
	change.partition_columns = columns;
	change.partition_column_count = 1;
	change.properties = by;
	change.property_count = 1;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(try_commit(f, &change, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "has 0 partition values, table 't' has 1"));
	file.partition = value;
	file.partition_count = 1;
	assert_int_equal(commit(f, &change), 0);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.field_count, ASOF_COUNTOF(fields));
	assert_int_equal(snapshot.partition_column_count, 1);
	assert_string_equal(snapshot.partition_columns[0], "_event_month");
	assert_int_equal(snapshot.files[0].partition_count, 1);
	assert_string_equal(snapshot.files[0].partition[0].value, "2024-05");
	change = change_from(0, "r1");
	change.fields = fields;
	change.field_count = ASOF_COUNTOF(fields);
	assert_int_equal(try_commit(f, &change, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "is partitioned by 1 columns and is to be by 0"));
}

static void
other_changes_of_a_schema_name_the_column(void **state)
{
	static const struct {
		struct asof_field fields[2];
		size_t count;
		const char *message;
	} cases[] = {
		{ { { .name = "k", .type = { .kind = ASOF_TYPE_INT32 } } },
		  1,
		  "table 't': column 'd' is to go" },
		{ { { .name = "k", .type = { .kind = ASOF_TYPE_STRING } } },
		  1,
		  "table 't': column 'k' is int32 and is to be string" },
		{ { { .name = "d", .type = { .kind = ASOF_TYPE_INT32 } } },
		  1,
		  "table 't': column 'k' is to be 'd' (column 1)" },
		{ { { .name = "k", .type = { .kind = ASOF_TYPE_INT64 } },
		    { .name = "d",
		      .type = { .kind = ASOF_TYPE_DECIMAL, .precision = 5, .scale = 2 } } },
		  2,
		  "table 't': column 'k' is int32 and is to be int64: columns keep their types" },
	};
	struct fixture *f = *state;
	(void)append(f, -1);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_table_change change = change_from(0, "r1");
		change.fields = cases[i].fields;
		change.field_count = cases[i].count;
		assert_int_equal(try_commit(f, &change, &err), ASOF_INVALID);
		assert_int_equal(strncmp(err.message, cases[i].message, strlen(cases[i].message)),
				 0);
		change.is_overwrite = true; /* nothing is left that it would have to hold */
		assert_int_equal(commit(f, &change), 1);
		remove_object(f, log_name(f, 1, ".json"));
	}
}

#define WRITERS 4
#define COMMITS 25

struct writer {
	struct fixture *f;
	int number;
	enum asof_status status;
	struct asof_error err;
	bool is_done;
};

/* Blind appends from the first version on, each of two files of one row. */
static void *
keep_appending(void *arg)
{
	struct writer *writer = arg;
	struct fixture own = *writer->f;
	own.arena = (struct asof_arena){ 0 };
	for (int i = 0; i < COMMITS && writer->status == ASOF_OK;) {
		char run_id[32];
		int64_t version;
		(void)snprintf(run_id, sizeof(run_id), "%d-%d", writer->number, i);
		struct asof_table_file files[] = { new_file(&own, 1), new_file(&own, 1) };
		struct asof_table_change change = change_from(0, run_id);
		change.is_blind = true;
		change.added = files;
		change.added_count = 2;
		enum asof_status status =
			asof_table_commit(own.lake, "t", &change, &version, &writer->err);
		if (status == ASOF_OK && version % 10 == 0)
			status = asof_table_checkpoint(own.lake, "t", version, NULL, NULL,
						       &writer->err);
		i += status == ASOF_OK;
		writer->status = status == ASOF_CONFLICT ? ASOF_OK : status;
	}
	asof_arena_done(&own.arena);
	__atomic_store_n(&writer->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool
are_done(struct writer *writers)
{
	for (int i = 0; i < WRITERS; i++) {
		if (!__atomic_load_n(&writers[i].is_done, __ATOMIC_ACQUIRE))
			return false;
	}
	return true;
}

static void
of_many_blind_appends_none_is_lost_and_no_reader_sees_a_half(void **state)
{
	struct fixture *f = *state;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct asof_table_change create = change_from(-1, "create");
	assert_int_equal(commit(f, &create), 0);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .f = f, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, keep_appending, &writers[i]), 0);
	}
	int64_t before = 0;
	while (!are_done(writers)) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_table_snapshot snapshot;
		struct asof_error err = { 0 };
		assert_ok(asof_table_read(f->lake, "t", -1, &arena, &snapshot, &err), err);
		assert_true(snapshot.version >= before);
		assert_int_equal(snapshot.row_count, 2 * snapshot.version);
		before = snapshot.version;
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_ok(writers[i].status, writers[i].err);
	}
	assert_int_equal(read_table(f, -1).version, WRITERS * COMMITS);
	assert_int_equal(read_table(f, -1).row_count, 2 * WRITERS * COMMITS);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_blind_append_goes_behind_what_others_have_committed),
		T(a_blind_append_ends_where_the_table_was_changed),
		T(files_leave_by_name),
		T(two_that_remove_different_files_both_go_through),
		T(a_blind_overwrite_ends_where_files_came_or_went),
		T(a_rearrangement_says_that_no_data_has_changed),
		T(a_build_goes_behind_a_rearrangement),
		T(an_overwrite_behind_a_rearrangement_removes_the_files_that_it_made),
		T(a_change_that_removes_a_file_that_was_moved_conflicts),
		T(a_version_without_files_is_no_rearrangement),
		T(schemas_grow_at_the_end),
		T(partitions_are_columns_of_the_log_and_not_of_files),
		T(other_changes_of_a_schema_name_the_column),
		T(of_many_blind_appends_none_is_lost_and_no_reader_sees_a_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
