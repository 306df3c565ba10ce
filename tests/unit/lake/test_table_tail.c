/* test_table_tail.c - tables that are followed commit by commit, and appended to without a look at
 * the log. */
#include "lake/table_tail.h"

#include "table_fixture.h"

struct heard {
	struct asof_buf text; /* "version:row_count:info;" of each commit */
};

static enum asof_status
hear(void *arg, const struct asof_table_snapshot *commit, struct asof_error *err)
{
	struct heard *heard = arg;
	assert_int_equal(commit->file_count, 1);
	assert_true(commit->files[0].stats_text.len > 0);
	asof_buf_printf(&heard->text, "%lld:%lld:%s;", (long long)commit->version,
			(long long)commit->files[0].row_count,
			asof_property_find(commit->info, commit->info_count, "said"));
	return asof_buf_status(&heard->text, err);
}

static struct asof_table_tail
begin(struct fixture *f, int64_t version)
{
	struct asof_error err = { 0 };
	struct asof_table_tail tail;
	assert_ok(asof_table_tail_begin(f->lake, "t", version, &tail, &err), err);
	return tail;
}

/* Whether it is lost. */
static bool
follow(struct fixture *f, struct asof_table_tail *tail, const char *expected)
{
	struct asof_error err = { 0 };
	bool is_lost = false;
	struct heard heard = { .text = ASOF_BUF(4096) };
	assert_ok(asof_table_tail_read(f->lake, "t", tail, hear, &heard, &is_lost, &err), err);
	assert_string_equal(asof_buf_cstr(&heard.text), expected);
	asof_buf_done(&heard.text);
	return is_lost;
}

static void
each_commit_that_adds_files_is_visited_once(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	struct asof_table_tail tail = begin(f, 0);
	assert_false(follow(f, &tail, ""));
	(void)append(f, 0);
	(void)append(f, 1);
	assert_false(follow(f, &tail, "1:1:of 1;2:2:of 2;"));
	assert_false(follow(f, &tail, ""));
	(void)append(f, 2);
	assert_false(follow(f, &tail, "3:3:of 3;"));
}

static void
a_table_that_was_not_there_is_followed_until_it_is_made(void **state)
{
	struct fixture *f = *state;
	struct asof_table_tail tail = begin(f, -1);
	assert_false(follow(f, &tail, ""));
	(void)append(f, -1);
	assert_true(follow(f, &tail, "")); /* it has a schema now */
}

static void
a_commit_that_removes_a_file_ends_it(void **state)
{
	struct fixture *f = *state;
	const char *name = append(f, -1);
	struct asof_table_tail tail = begin(f, 0);
	(void)append(f, 0);
	struct asof_table_change change = change_from(1, "removal");
	change.removed = &name;
	change.removed_count = 1;
	assert_int_equal(commit(f, &change), 2);
	assert_true(follow(f, &tail, "1:1:of 1;"));
	assert_true(follow(f, &tail, ""));
}

static void
a_table_made_anew_is_another(void **state)
{
	struct fixture *f = *state;
	(void)append(f, -1);
	struct asof_table_tail tail = begin(f, 0);
	remove_object(f, log_name(f, 0, ".json"));
	assert_true(follow(f, &tail, ""));
	(void)append(f, -1);
	(void)append(f, 0);
	assert_true(follow(f, &tail, ""));
}

static enum asof_status
append_behind(struct fixture *f, const struct asof_table_snapshot *base, const char *run_id,
	      int64_t *ret_version)
{
	struct asof_error err = { 0 };
	struct asof_table_file file = new_file(f, 5);
	struct asof_table_change change = change_from(base->version, run_id);
	change.added = &file;
	change.added_count = 1;
	return asof_table_append(f->lake, base, &change, ret_version, &err);
}

static void
an_append_behind_what_was_read_is_the_next_version(void **state)
{
	struct fixture *f = *state;
	int64_t version = -7;
	(void)append(f, -1);
	struct asof_table_snapshot base = read_table(f, -1);
	assert_int_equal(append_behind(f, &base, "a", &version), ASOF_OK);
	assert_int_equal(version, 1);
	struct asof_table_snapshot now = read_table(f, -1);
	assert_int_equal(now.file_count, 2);
	assert_int_equal(now.row_count, 5);
	assert_true(now.committed_us > base.committed_us);
}

static void
an_append_behind_an_older_version_conflicts_or_finds_itself(void **state)
{
	struct fixture *f = *state;
	int64_t version = -7;
	(void)append(f, -1);
	struct asof_table_snapshot base = read_table(f, -1);
	assert_int_equal(append_behind(f, &base, "a", &version), ASOF_OK);
	assert_int_equal(append_behind(f, &base, "a", &version), ASOF_OK); /* the same run */
	assert_int_equal(version, 1);
	version = -7;
	assert_int_equal(append_behind(f, &base, "b", &version), ASOF_CONFLICT);
	assert_int_equal(version, -7);
	assert_int_equal(read_table(f, -1).version, 1);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(each_commit_that_adds_files_is_visited_once),
		T(a_table_that_was_not_there_is_followed_until_it_is_made),
		T(a_commit_that_removes_a_file_ends_it),
		T(a_table_made_anew_is_another),
		T(an_append_behind_what_was_read_is_the_next_version),
		T(an_append_behind_an_older_version_conflicts_or_finds_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
