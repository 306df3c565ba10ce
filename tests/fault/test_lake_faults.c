/* test_lake_faults.c - every allocation and fault point of a commit failed, and kill -9. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "lake/table_upkeep.h"
#include "tempdir.h"

/* Behind the first success, so that a failure that was swallowed shows. */
#define MORE_TRIES 20

struct fixture {
	char dir[TEMPDIR_MAX];
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	asof_fault_disarm_all();
	tempdir_remove(((struct fixture *)*state)->dir);
	return 0;
}

static const struct asof_field fields[] = {
	{ .name = "k", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "l", .type = { .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING } },
};

static enum asof_status
write_file(const char *path)
{
	FILE *out = fopen(path, "wb");
	if (!out)
		return ASOF_IO;
	bool is_good = fputs("PAR1", out) >= 0;
	return fclose(out) == 0 && is_good ? ASOF_OK : ASOF_IO;
}

/* Append one file to the newest version; *ret_version is what it made. */
static enum asof_status
append(const char *dir, const char *run_id, bool is_overwrite, int64_t *ret_version,
       struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_snapshot base;
	struct asof_table_file file = { .size_bytes = 4, .row_count = 1 };
	const struct asof_table_stats stats = { "k", "1", "2", 0 };
	const struct asof_property info = { "cursor", "{}" };
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	ASOF_TRY(asof_table_read(lake, "t", -1, &arena, &base, err));
	ASOF_TRY(asof_table_new_file(lake, "t", &arena, &file.name, &file.path, err));
	ASOF_TRY(write_file(file.path));
	file.stats = &stats;
	file.stats_count = 1;
	struct asof_table_change change = { .base_version = base.version,
					    .is_overwrite = is_overwrite,
					    .fields = base.version < 0 ? fields : NULL,
					    .field_count = base.version < 0 ? 2 : 0,
					    .added = &file,
					    .added_count = 1,
					    .properties = &info,
					    .property_count = 1,
					    .info = &info,
					    .info_count = 1,
					    .operation = "WRITE",
					    .run_id = run_id };
	return asof_table_commit(lake, "t", &change, ret_version, err);
}

static enum asof_status
mark_lines(void *arg, struct asof_str lines, struct asof_buf *parquet, struct asof_error *err)
{
	(void)arg;
	asof_buf_add_str(parquet, lines);
	return asof_buf_status(parquet, err);
}

/* What a checkpoint is made by here: the lines as they are. */
static const struct asof_checkpoint_io plain_io = { mark_lines, mark_lines, NULL };

static enum asof_status
append_with(struct asof_table_change *change, const char *dir, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_file file = { .size_bytes = 4, .row_count = 1 };
	int64_t version;
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	ASOF_TRY(asof_table_new_file(lake, "t", &arena, &file.name, &file.path, err));
	ASOF_TRY(write_file(file.path));
	change->added = &file;
	change->added_count = 1;
	return asof_table_commit(lake, "t", change, &version, err);
}

/* A table whose every commit is due for a checkpoint, of `count` overwrites. */
static void
make_checkpointed(const char *dir, int64_t count)
{
	struct asof_error err = { 0 };
	const struct asof_property properties[] = { { "delta.checkpointInterval", "1" },
						    { "delta.logRetentionDuration", "1s" } };
	for (int64_t i = 0; i < count; i++) {
		char run_id[32];
		(void)snprintf(run_id, sizeof(run_id), "c%lld", (long long)i);
		struct asof_table_change change = { .base_version = i - 1,
						    .is_overwrite = i > 0,
						    .fields = i > 0 ? NULL : fields,
						    .field_count = i > 0 ? 0 : 2,
						    .properties = i > 0 ? NULL : properties,
						    .property_count = i > 0 ? 0 : 2,
						    .operation = "WRITE",
						    .run_id = run_id };
		assert_ok(append_with(&change, dir, &err), err);
	}
}

static enum asof_status
write_checkpoint(const char *dir, int64_t version, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	return asof_table_checkpoint(lake, "t", version, &plain_io, NULL, err);
}

/* Long after everything: only the newest version is kept. */
static enum asof_status
run_vacuum(const char *dir, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	const struct asof_vacuum_rules rules = { .now_us = INT64_MAX / 2, .io = &plain_io };
	int64_t kept;
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	return asof_table_vacuum(lake, "t", &rules, &kept, err);
}

static enum asof_status
hear(void *arg, int64_t version, int64_t committed_us, const char *operation,
     const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	(void)version;
	(void)committed_us;
	(void)operation;
	(void)info;
	(void)err;
	*(size_t *)arg += info_count;
	return ASOF_OK;
}

static int64_t
newest(const char *dir, size_t *ret_file_count)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_snapshot snapshot;
	assert_ok(asof_blob_open(dir, &lake, &err), err);
	assert_ok(asof_table_read(lake, "t", -1, &arena, &snapshot, &err), err);
	*ret_file_count = snapshot.file_count;
	return snapshot.version;
}

static enum asof_status
use_all(const char *dir, const char *run_id, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	int64_t version;
	size_t count = 0;
	ASOF_TRY(append(dir, run_id, true, &version, err));
	ASOF_TRY(asof_blob_open(dir, &lake, err));
	return asof_table_history(lake, "t", hear, &count, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct fixture *f = *state;
	size_t before = asof_mem_live();
	size_t n = 1;
	for (size_t successes = 0; successes < MORE_TRIES; n++) {
		struct asof_error err = { 0 };
		int64_t version;
		tempdir_remove(f->dir);
		assert_ok(append(f->dir, "first", false, &version, &err), err);
		asof_mem_fail_at(n);
		enum asof_status status = use_all(f->dir, "second", &err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), before);
		assert_int_equal(status, successes || status == ASOF_OK ? ASOF_OK : ASOF_NO_MEMORY);
		successes += status == ASOF_OK;
		size_t file_count;
		assert_true(newest(f->dir, &file_count) <= 1);
		assert_int_equal(file_count, 1);
		assert_true(n < 500);
	}
	assert_true(n > MORE_TRIES + 10);
}

static const struct {
	const char *point;
	bool is_published;
} points[] = {
	{ "lake.commit.before_sync", false }, { "lake.commit.before_put", false },
	{ "blob.put.before_sync", false },    { "blob.put.before_link", false },
	{ "blob.put.after_link", true },      { "lake.commit.after_put", true },
};

static void
a_commit_that_fails_is_whole_or_absent_and_can_be_tried_again(void **state)
{
	struct fixture *f = *state;
	int64_t version = -1;
	for (size_t i = 0; i < ASOF_COUNTOF(points); i++) {
		struct asof_error err = { 0 };
		size_t file_count;
		char run_id[16];
		(void)snprintf(run_id, sizeof(run_id), "r%zu", i);
		int64_t before = newest(f->dir, &file_count);
		assert_ok(asof_fault_arm(points[i].point, 1, ASOF_FAULT_FAIL, &err), err);
		assert_int_equal(append(f->dir, run_id, false, &version, &err), ASOF_IO);
		assert_int_equal(newest(f->dir, &file_count), before + points[i].is_published);
		assert_ok(append(f->dir, run_id, false, &version, &err), err);
		assert_int_equal(version, before + 1);
		assert_int_equal(newest(f->dir, &file_count), before + 1);
		assert_int_equal(file_count, (size_t)before + 2);
	}
}

static void
kill_9_in_a_commit_leaves_the_old_version_or_the_new_one(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < ASOF_COUNTOF(points); i++) {
		struct asof_error err = { 0 };
		size_t file_count;
		int64_t before = newest(f->dir, &file_count);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			int64_t version;
			if (asof_fault_arm(points[i].point, 1, ASOF_FAULT_KILL, &err) == ASOF_OK)
				(void)append(f->dir, "killed", false, &version, &err);
			_exit(1);
		}
		int exit_status = 0;
		assert_int_equal(waitpid(child, &exit_status, 0), child);
		assert_true(WIFSIGNALED(exit_status) && WTERMSIG(exit_status) == SIGKILL);

		int64_t version;
		assert_int_equal(newest(f->dir, &file_count), before + points[i].is_published);
		assert_ok(append(f->dir, "next", true, &version, &err), err);
		assert_int_equal(version, before + points[i].is_published + 1);
		assert_int_equal(newest(f->dir, &file_count), version);
		assert_int_equal(file_count, 1);
		tempdir_remove(f->dir);
	}
	struct asof_error err = { 0 };
	int64_t version;
	assert_ok(append(f->dir, "last", false, &version, &err), err);
}

/* The table reads as before at its newest version, with its file. */
static void
assert_sound(const char *dir, int64_t version)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	struct asof_table_snapshot snapshot;
	assert_ok(asof_blob_open(dir, &lake, &err), err);
	assert_ok(asof_table_read(lake, "t", -1, &arena, &snapshot, &err), err);
	assert_ok(asof_table_list_files(lake, "t", &names, &err), err);
	assert_int_equal(snapshot.version, version);
	assert_int_equal(snapshot.file_count, 1);
	assert_null(asof_table_find_missing(&snapshot, &names));
}

static const char *const upkeep_points[] = {
	"lake.checkpoint.before_snapshot",
	"lake.checkpoint.before_parquet",
	"lake.checkpoint.before_last",
	"lake.checkpoint.after_last",
	"blob.put.before_sync",
	"blob.put.before_link",
	"blob.put.after_link",
	"lake.vacuum.before_remove",
	"lake.vacuum.after_remove",
};

static enum asof_status
keep_up(const char *dir, struct asof_error *err)
{
	ASOF_TRY(write_checkpoint(dir, 2, err));
	return run_vacuum(dir, err);
}

/* Every passing of every point, failed or killed: the table stays as it is, the next try ends. */
static void
try_upkeep(struct fixture *f, enum asof_fault_action action)
{
	for (size_t i = 0; i < ASOF_COUNTOF(upkeep_points); i++) {
		bool is_passed = true;
		for (unsigned nth = 1; is_passed; nth++) {
			struct asof_error err = { 0 };
			tempdir_remove(f->dir);
			make_checkpointed(f->dir, 3);
			pid_t child = fork();
			assert_true(child >= 0);
			if (child == 0) {
				enum asof_status status =
					asof_fault_arm(upkeep_points[i], nth, action, &err);
				if (status == ASOF_OK)
					status = keep_up(f->dir, &err);
				_exit(status == ASOF_OK ? 0 : 1);
			}
			int exit_status = 0;
			assert_int_equal(waitpid(child, &exit_status, 0), child);
			is_passed = exit_status != 0;
			assert_int_equal(is_passed && WIFSIGNALED(exit_status),
					 is_passed && action == ASOF_FAULT_KILL);
			assert_true(is_passed || nth > 1);
			assert_sound(f->dir, 2);
			assert_ok(keep_up(f->dir, &err), err);
			assert_sound(f->dir, 2);
			assert_true(nth < 50);
		}
	}
}

static void
upkeep_that_fails_anywhere_leaves_the_table_and_can_be_tried_again(void **state)
{
	try_upkeep(*state, ASOF_FAULT_FAIL);
}

static void
kill_9_in_upkeep_leaves_the_table_and_the_next_one_ends_it(void **state)
{
	try_upkeep(*state, ASOF_FAULT_KILL);
}

static void
upkeep_survives_every_allocation_failure(void **state)
{
	struct fixture *f = *state;
	size_t before = asof_mem_live();
	size_t n = 1;
	for (size_t successes = 0; successes < MORE_TRIES; n++) {
		struct asof_error err = { 0 };
		tempdir_remove(f->dir);
		make_checkpointed(f->dir, 3);
		asof_mem_fail_at(n);
		enum asof_status status = keep_up(f->dir, &err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), before);
		assert_int_equal(status, successes || status == ASOF_OK ? ASOF_OK : ASOF_NO_MEMORY);
		successes += status == ASOF_OK;
		assert_sound(f->dir, 2);
		assert_true(n < 1000);
	}
	assert_true(n > MORE_TRIES + 10);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(every_allocation_failure_is_survived),
		T(a_commit_that_fails_is_whole_or_absent_and_can_be_tried_again),
		T(kill_9_in_a_commit_leaves_the_old_version_or_the_new_one),
		T(upkeep_that_fails_anywhere_leaves_the_table_and_can_be_tried_again),
		T(kill_9_in_upkeep_leaves_the_table_and_the_next_one_ends_it),
		T(upkeep_survives_every_allocation_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
