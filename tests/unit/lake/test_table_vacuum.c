/* test_table_vacuum.c - what vacuum removes, and what it leaves alone. */
#include <fcntl.h>
#include <sys/stat.h>

#include "table_fixture.h"

/* All of the world that vacuum sees lies between these; files are as old as they are made. */
#define AFTER_ALL_US (NOW_US + 1000 * HOUR_US)

static void
make_old(struct fixture *f, const char *name, int64_t modified_us)
{
	const char *path = asof_arena_printf(&f->arena, "%s/%s", f->dir, name);
	const struct timespec times[2] = { { .tv_sec = modified_us / 1000000 },
					   { .tv_sec = modified_us / 1000000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static const char *
in_table(struct fixture *f, const char *name)
{
	return asof_arena_printf(&f->arena, "t/%s", name);
}

/* A commit of one file, as old as itself; its name in the lake. */
static const char *
commit_file(struct fixture *f, int64_t base_version, bool is_overwrite)
{
	char run_id[32];
	(void)snprintf(run_id, sizeof(run_id), "r%lld", (long long)base_version + 1);
	struct asof_table_file file = new_file(f, 1);
	struct asof_table_change change = change_from(base_version, run_id);
	change.is_overwrite = is_overwrite;
	change.added = &file;
	change.added_count = 1;
	assert_int_equal(commit(f, &change), base_version + 1);
	make_old(f, in_table(f, file.name), change.now_us);
	return in_table(f, file.name);
}

struct told {
	int counts[3];
	struct asof_buf names;
};

static enum asof_status
note(void *arg, enum asof_vacuum_kind kind, const struct asof_blob_info *object,
     struct asof_error *err)
{
	struct told *told = arg;
	told->counts[kind]++;
	asof_buf_printf(&told->names, "%.*s\n", ASOF_STR_ARG(object->name));
	return asof_buf_status(&told->names, err);
}

static int64_t
vacuum(struct fixture *f, struct asof_vacuum_rules rules, struct told *ret_told)
{
	struct asof_error err = { 0 };
	int64_t kept = -7;
	asof_buf_done(&ret_told->names);
	*ret_told = (struct told){ .names = ASOF_BUF((size_t)1 << 16) };
	rules.visit = note;
	rules.arg = ret_told;
	assert_ok(asof_table_vacuum(f->lake, "t", &rules, &kept, &err), err);
	return kept;
}

static void
only_files_that_no_kept_version_has_are_removed(void **state)
{
	struct fixture *f = *state;
	struct told told = { 0 };
	const char *files[5];
	for (int i = 0; i < 5; i++) /* two appends, an overwrite, an append, an overwrite */
		files[i] = commit_file(f, i - 1, i == 2 || i == 4);
	struct asof_vacuum_rules rules = { .now_us = NOW_US + 5 * HOUR_US,
					   .retention_us = 3 * HOUR_US / 2,
					   .is_dry_run = true };
	assert_int_equal(vacuum(f, rules, &told), 3);
	assert_int_equal(told.counts[ASOF_VACUUM_DATA], 2);
	for (int i = 0; i < 5; i++)
		assert_true(exists(f, files[i]));
	rules.is_dry_run = false;
	assert_int_equal(vacuum(f, rules, &told), 3);
	assert_int_equal(told.counts[ASOF_VACUUM_DATA], 2);
	for (int i = 0; i < 5; i++)
		assert_int_equal(exists(f, files[i]), i >= 2);

	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	struct asof_error err = { 0 };
	assert_ok(asof_table_list_files(f->lake, "t", &names, &err), err);
	for (int64_t version = 0; version < 5; version++) {
		struct asof_table_snapshot snapshot = read_table(f, version);
		assert_int_equal(asof_table_find_missing(&snapshot, &names) == NULL, version >= 2);
	}
	assert_int_equal(vacuum(f, rules, &told), 3); /* a second time there is nothing */
	assert_int_equal(told.names.len, 0);
	asof_buf_done(&told.names);
}

static void
a_pinned_version_stays_whole(void **state)
{
	struct fixture *f = *state;
	struct told told = { 0 };
	const char *files[4];
	for (int i = 0; i < 4; i++)
		files[i] = commit_file(f, i - 1, true);
	const int64_t pinned[] = { 1 };
	struct asof_vacuum_rules rules = { .now_us = AFTER_ALL_US,
					   .pinned = pinned,
					   .pinned_count = 1 };
	assert_int_equal(vacuum(f, rules, &told), 3);
	assert_int_equal(told.counts[ASOF_VACUUM_DATA], 2);
	assert_false(exists(f, files[0]));
	assert_true(exists(f, files[1]));
	assert_false(exists(f, files[2]));
	assert_true(exists(f, files[3]));
	asof_buf_done(&told.names);
}

static void
put_old(struct fixture *f, const char *name, int64_t modified_us)
{
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put(f->lake, name, S("x"), &err), err);
	make_old(f, name, modified_us);
}

static void
orphans_and_temporary_files_go_when_they_are_old(void **state)
{
	struct fixture *f = *state;
	struct told told = { 0 };
	(void)commit_file(f, -1, false);
	put_old(f, "t/part-died.parquet", NOW_US);
	put_old(f, "t/part-running.parquet", NOW_US + 10 * HOUR_US);
	put_old(f, "t/.asof-tmp-died", NOW_US);
	put_old(f, "t/_delta_log/.asof-tmp-died", NOW_US);
	put_old(f, "t/_delta_log/.asof-tmp-running", NOW_US + 10 * HOUR_US);
	put_old(f, "t/_mine/notes.txt", NOW_US);
	put_old(f, "t/.hidden", NOW_US);
	struct asof_vacuum_rules rules = { .now_us = NOW_US + 11 * HOUR_US,
					   .retention_us = 2 * HOUR_US };
	assert_int_equal(vacuum(f, rules, &told), 0);
	assert_string_equal(asof_buf_cstr(&told.names),
			    "t/part-died.parquet\nt/.asof-tmp-died\nt/_delta_log/.asof-tmp-died\n");
	assert_int_equal(told.counts[ASOF_VACUUM_TEMPORARY], 2);
	assert_true(exists(f, "t/part-running.parquet"));
	assert_true(exists(f, "t/_delta_log/.asof-tmp-running"));
	assert_true(exists(f, "t/_mine/notes.txt"));
	assert_false(exists(f, "t/part-died.parquet"));
	assert_false(exists(f, "t/.asof-tmp-died"));
	asof_buf_done(&told.names);
}

static void
what_is_no_table_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct told told = { 0 };
	put_old(f, "t/part-mine.parquet", NOW_US);
	struct asof_vacuum_rules rules = { .now_us = AFTER_ALL_US };
	assert_int_equal(vacuum(f, rules, &told), -1);
	assert_true(exists(f, "t/part-mine.parquet"));
	asof_buf_done(&told.names);
}

static void
the_log_is_cleaned_up_where_a_checkpoint_stands_for_it(void **state)
{
	struct fixture *f = *state;
	struct told told = { 0 };
	int reads = 0;
	const struct asof_checkpoint_io io = marking(&reads);
	for (int64_t version = 0; version <= 25; version++) {
		(void)commit_file(f, version - 1, false);
		(void)checkpoint(f, version, &io);
	}
	/* A log that is younger than 30 days stays, however short the retention. */
	struct asof_vacuum_rules rules = { .now_us = NOW_US + 29 * 24 * HOUR_US, .io = &io };
	assert_int_equal(vacuum(f, rules, &told), 25);
	assert_int_equal(told.names.len, 0);

	/* The version in effect 30 days ago is 15: the checkpoint of 10 stands for what is older.
	 */
	rules.now_us = NOW_US + 30 * 24 * HOUR_US + 15 * HOUR_US;
	assert_int_equal(vacuum(f, rules, &told), 25);
	assert_int_equal(told.counts[ASOF_VACUUM_LOG], 10);
	assert_int_equal(told.counts[ASOF_VACUUM_DATA], 0);
	for (int64_t version = 0; version < 10; version++)
		assert_false(exists(f, log_name(f, version, ".json")));
	for (int64_t version = 10; version <= 25; version++)
		assert_int_equal(read_table(f, version).file_count, version + 1);

	/* With a retention of all, or a version that is pinned, nothing goes. */
	const int64_t pinned[] = { 12 };
	rules.now_us = NOW_US + 900 * 24 * HOUR_US;
	rules.pinned = pinned;
	rules.pinned_count = 1;
	(void)vacuum(f, rules, &told);
	assert_int_equal(told.names.len, 0);
	rules.pinned_count = 0;

	/* A snapshot that is damaged stands for nothing. */
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put(f->lake, log_name(f, 20, ".asof.json"), S("{}"), &err), err);
	(void)vacuum(f, rules, &told);
	assert_int_equal(told.names.len, 0);
	assert_int_equal(read_table(f, 25).file_count, 26);
	asof_buf_done(&told.names);
}

static void
how_long_the_log_stays_is_a_property_of_the_table(void **state)
{
	static const char *const texts[] = { "interval 2 days", "2d" };
	struct fixture *f = *state;
	struct told told = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		int reads = 0;
		const struct asof_checkpoint_io io = marking(&reads);
		const struct asof_property properties[] = { { "delta.logRetentionDuration",
							      texts[i] },
							    { "delta.checkpointInterval", "1" } };
		struct asof_table_change create = change_from(-1, "create");
		create.properties = properties;
		create.property_count = 2;
		assert_int_equal(commit(f, &create), 0);
		(void)commit_file(f, 0, false);
		assert_true(checkpoint(f, 1, &io));
		struct asof_vacuum_rules rules = { .now_us = NOW_US + 48 * HOUR_US, .io = &io };
		(void)vacuum(f, rules, &told);
		assert_int_equal(told.counts[ASOF_VACUUM_LOG], 0);
		rules.now_us = NOW_US + 50 * HOUR_US;
		(void)vacuum(f, rules, &told);
		assert_int_equal(told.counts[ASOF_VACUUM_LOG], 1);
		tempdir_remove(asof_arena_printf(&f->arena, "%s/t", f->dir));
	}
	asof_buf_done(&told.names);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(only_files_that_no_kept_version_has_are_removed),
		T(a_pinned_version_stays_whole),
		T(orphans_and_temporary_files_go_when_they_are_old),
		T(what_is_no_table_is_left_alone),
		T(the_log_is_cleaned_up_where_a_checkpoint_stands_for_it),
		T(how_long_the_log_stays_is_a_property_of_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
