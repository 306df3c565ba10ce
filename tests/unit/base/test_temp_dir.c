/* test_temp_dir.c - directories of files that go with their owner, and those whose owner has died.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temp_dir.h"
#include "tempdir.h"

static void
put_file(const struct asof_temp_dir *temp, const char *name)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	int fd = open(asof_temp_dir_file(temp, &arena, name), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

/* A process opens one, puts a file into it and dies; its path. */
static void
leave_behind(const char *parent, const char *prefix, char path[TEMPDIR_MAX + 64])
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct asof_temp_dir temp = { 0 };
		if (asof_temp_dir_open(&temp, parent, prefix, NULL) != ASOF_OK)
			_exit(1);
		put_file(&temp, "spilled");
		_exit(write(ends[1], temp.path, strlen(temp.path)) < 0);
	}
	int status = 1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	ssize_t len = read(ends[0], path, TEMPDIR_MAX + 63);
	assert_true(len > 0);
	path[len] = '\0';
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static bool
is_there(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0;
}

static void
it_goes_with_its_files(void **state)
{
	char parent[TEMPDIR_MAX];
	struct asof_temp_dir temp = { 0 };
	struct asof_error err = { 0 };
	(void)state;
	tempdir_make(parent);
	assert_ok(asof_temp_dir_open(&temp, parent, "asof-test-", &err), err);
	const char *path = temp.path;
	assert_ok(asof_temp_dir_open(&temp, parent, "asof-test-", &err), err);
	assert_ptr_equal(temp.path, path);
	put_file(&temp, "x");
	asof_temp_dir_done(&temp);
	asof_temp_dir_done(&temp);
	assert_int_equal(rmdir(parent), 0);
}

static void
what_the_dead_left_is_removed_and_what_the_living_have_stays(void **state)
{
	char parent[TEMPDIR_MAX];
	char dead[TEMPDIR_MAX + 64];
	char other[TEMPDIR_MAX + 64];
	struct asof_temp_dir living = { 0 };
	struct asof_temp_dir next = { 0 };
	struct asof_error err = { 0 };
	(void)state;
	tempdir_make(parent);
	assert_ok(asof_temp_dir_open(&living, parent, "asof-test-", &err), err);
	put_file(&living, "x");
	leave_behind(parent, "asof-test-", dead);
	leave_behind(parent, "asof-other-", other);
	assert_true(is_there(dead));
	assert_ok(asof_temp_dir_open(&next, parent, "asof-test-", &err), err);
	assert_false(is_there(dead));
	assert_true(is_there(living.path));
	assert_true(is_there(other));
	asof_temp_dir_done(&next);
	assert_true(is_there(living.path));
	asof_temp_dir_done(&living);
	tempdir_remove(parent);
}

static void
a_parent_that_is_not_there_is_named(void **state)
{
	struct asof_temp_dir temp = { 0 };
	struct asof_error err = { 0 };
	(void)state;
	assert_int_equal(asof_temp_dir_open(&temp, "/nonexistent/asof", "x-", &err), ASOF_IO);
	assert_non_null(strstr(err.message, "'/nonexistent/asof'"));
	assert_null(temp.path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_with_its_files),
		cmocka_unit_test(what_the_dead_left_is_removed_and_what_the_living_have_stays),
		cmocka_unit_test(a_parent_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
