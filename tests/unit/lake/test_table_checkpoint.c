/* test_table_checkpoint.c - snapshots and checkpoints of a log, logs that begin with one, and time
 * travel. */
#include "table_fixture.h"

#define SNAPSHOT   ".asof.json"
#define CHECKPOINT ".checkpoint.parquet"

static void
make_log(struct fixture *f, int64_t newest, const struct asof_checkpoint_io *io)
{
	for (int64_t version = 0; version <= newest; version++) {
		(void)append(f, version - 1);
		(void)checkpoint(f, version, io);
	}
}

/* The table at `version` of make_log(), whatever it is read from. */
static void
assert_version(struct fixture *f, int64_t version, const struct asof_checkpoint_io *io)
{
	struct asof_error err = { 0 };
	struct asof_table_snapshot s;
	char said[32];
	assert_ok(asof_table_read_by(f->lake, "t", version, io, &f->arena, &s, &err), err);
	assert_int_equal(s.version, version);
	assert_int_equal(s.file_count, version + 1);
	assert_int_equal(s.row_count, version * (version + 1) / 2);
	assert_int_equal(s.field_count, 2);
	for (int64_t i = 0; i <= version; i++)
		assert_int_equal(s.files[i].row_count, i);
	struct asof_table_file last = s.files[version];
	assert_ok(asof_table_file_read_stats(&last, &f->arena, &err), err);
	assert_string_equal(last.stats[0].max_json, "2");
	assert_true(last.modified_ms == (NOW_US + version * HOUR_US) / 1000);
	(void)snprintf(said, sizeof(said), "of %lld", (long long)version);
	const char *info = asof_property_find(s.info, s.info_count, "said");
	if (info || io == NULL) {
		assert_string_equal(info, said);
		assert_true(s.committed_us == NOW_US + version * HOUR_US);
	}
}

static void
remove_entries(struct fixture *f, int64_t from, int64_t to)
{
	for (int64_t version = from; version < to; version++)
		remove_object(f, log_name(f, version, ".json"));
}

static void
a_checkpoint_is_written_after_every_tenth_commit(void **state)
{
	struct fixture *f = *state;
	int reads = 0;
	const struct asof_checkpoint_io io = marking(&reads);
	make_log(f, 20, &io);
	for (int64_t version = 0; version <= 20; version++) {
		bool is_due = version == 10 || version == 20;
		assert_int_equal(exists(f, log_name(f, version, SNAPSHOT)), is_due);
		assert_int_equal(exists(f, log_name(f, version, CHECKPOINT)), is_due);
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf last = ASOF_BUF((size_t)1 << 20);
	struct asof_error err = { 0 };
	assert_ok(asof_blob_read(f->lake, "t/_delta_log/_last_checkpoint", &last, &err), err);
	assert_string_equal(asof_buf_cstr(&last), "{\"version\":20,\"size\":44}");
	assert_false(checkpoint(f, 20, &io)); /* it is there */
	for (int64_t version = 0; version <= 20; version++)
		assert_version(f, version, NULL);
	assert_int_equal(reads, 0);
}

static void
how_often_is_a_property_of_the_table(void **state)
{
	struct fixture *f = *state;
	const struct asof_property often = { "delta.checkpointInterval", "2" };
	struct asof_table_change change = change_from(-1, "r0");
	change.properties = &often;
	change.property_count = 1;
	assert_int_equal(commit(f, &change), 0);
	assert_false(checkpoint(f, 0, NULL));
	(void)append(f, 0);
	assert_false(checkpoint(f, 1, NULL));
	(void)append(f, 1);
	assert_true(checkpoint(f, 2, NULL));
	assert_false(exists(f, log_name(f, 2, CHECKPOINT)));
}

static void
a_snapshot_stands_for_the_entries_before_it(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot;
	make_log(f, 25, NULL);
	remove_entries(f, 0, 11);
	for (int64_t version = 10; version <= 25; version++)
		assert_version(f, version, NULL);
	assert_int_equal(asof_table_read(f->lake, "t", 9, &f->arena, &snapshot, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message, "table 't': version 9 was vacuumed (kept: 10 to 25)");
}

static void
a_damaged_snapshot_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	make_log(f, 20, NULL);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF((size_t)1 << 20);
	const char *name = log_name(f, 20, SNAPSHOT);
	assert_ok(asof_blob_read(f->lake, name, &text, &err), err);
	for (size_t at = 0; at < text.len; at += 97) {
		text.ptr[at] ^= 1;
		assert_ok(asof_blob_put(f->lake, name, asof_buf_view(&text), &err), err);
		text.ptr[at] ^= 1;
		assert_version(f, 20, NULL);
	}
	static const size_t lengths[] = { 0, 1, 60, 500 };
	for (size_t i = 0; i < ASOF_COUNTOF(lengths); i++) {
		assert_ok(asof_blob_put(f->lake, name, (struct asof_str){ text.ptr, lengths[i] },
					&err),
			  err);
		assert_version(f, 20, NULL);
	}
	/* One of another version is as bad: whole, and under a wrong name. */
	text.len = 0;
	assert_ok(asof_blob_read(f->lake, log_name(f, 10, SNAPSHOT), &text, &err), err);
	assert_ok(asof_blob_put(f->lake, name, asof_buf_view(&text), &err), err);
	assert_version(f, 20, NULL);
	remove_entries(f, 0, 10);
	assert_version(f, 20, NULL); /* from the one of 10 */
}

static void
without_a_snapshot_the_parquet_checkpoint_is_read(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_table_snapshot snapshot;
	int reads = 0;
	const struct asof_checkpoint_io io = marking(&reads);
	make_log(f, 13, &io);
	remove_object(f, log_name(f, 10, SNAPSHOT));
	remove_entries(f, 0, 10);
	assert_int_equal(asof_table_read(f->lake, "t", -1, &f->arena, &snapshot, &err),
			 ASOF_UNSUPPORTED);
	assert_string_equal(err.message, "table 't': its log begins with a checkpoint");
	assert_int_equal(reads, 0);
	for (int64_t version = 10; version <= 13; version++)
		assert_version(f, version, &io);
	assert_int_equal(reads, 4);

	/* Who can read it can write on. */
	struct asof_table_change change = change_from(13, "r14");
	change.io = &io;
	assert_int_equal(commit(f, &change), 14);
}

static void
a_repeated_run_is_known_through_a_snapshot(void **state)
{
	struct fixture *f = *state;
	make_log(f, 12, NULL);
	remove_entries(f, 0, 11);
	struct asof_table_change again = change_from(12, "r4");
	assert_int_equal(commit(f, &again), 4);
	assert_int_equal(read_table(f, -1).version, 12);
}

static void
files_that_left_do_not_come_back_with_a_snapshot(void **state)
{
	struct fixture *f = *state;
	for (int64_t version = 0; version < 9; version++)
		(void)append(f, version - 1);
	struct asof_table_file file = new_file(f, 7);
	struct asof_table_change overwrite = change_from(8, "all");
	overwrite.is_overwrite = true;
	overwrite.added = &file;
	overwrite.added_count = 1;
	assert_int_equal(commit(f, &overwrite), 9);
	(void)append(f, 9);
	assert_true(checkpoint(f, 10, NULL));
	remove_entries(f, 0, 11 - 1);
	struct asof_table_snapshot snapshot = read_table(f, -1);
	assert_int_equal(snapshot.file_count, 2);
	assert_string_equal(snapshot.files[0].name, file.name);
}

static void
the_version_of_an_instant_is_found(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int64_t version = -7;
	assert_int_equal(asof_table_find_version(f->lake, "t", NOW_US, &version, &err),
			 ASOF_NOT_FOUND);
	make_log(f, 12, NULL);
	for (int64_t i = 0; i <= 12; i++) {
		int64_t at_us = NOW_US + i * HOUR_US;
		assert_ok(asof_table_find_version(f->lake, "t", at_us, &version, &err), err);
		assert_int_equal(version, i);
		assert_ok(
			asof_table_find_version(f->lake, "t", at_us + HOUR_US - 1, &version, &err),
			err);
		assert_int_equal(version, i);
	}
	assert_ok(asof_table_find_version(f->lake, "t", INT64_MAX, &version, &err), err);
	assert_int_equal(version, 12);
	assert_int_equal(asof_table_find_version(f->lake, "t", NOW_US - 1, &version, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message,
			    "table 't': its oldest known version, 0, is younger than that");
}

static enum asof_status
count_commits(void *arg, int64_t version, int64_t committed_us, const char *operation,
	      const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	(void)version;
	(void)committed_us;
	(void)operation;
	(void)info;
	(void)info_count;
	(void)err;
	++*(int *)arg;
	return ASOF_OK;
}

static void
history_goes_as_far_back_as_the_log(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	int count = 0;
	make_log(f, 12, NULL);
	remove_entries(f, 0, 10);
	assert_ok(asof_table_history(f->lake, "t", count_commits, &count, &err), err);
	assert_int_equal(count, 3);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_checkpoint_is_written_after_every_tenth_commit),
		T(how_often_is_a_property_of_the_table),
		T(a_snapshot_stands_for_the_entries_before_it),
		T(a_damaged_snapshot_is_passed_over),
		T(without_a_snapshot_the_parquet_checkpoint_is_read),
		T(a_repeated_run_is_known_through_a_snapshot),
		T(files_that_left_do_not_come_back_with_a_snapshot),
		T(the_version_of_an_instant_is_found),
		T(history_goes_as_far_back_as_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
