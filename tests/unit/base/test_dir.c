#include "base/dir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char root[64];

static int
set_up(void **state)
{
	(void)state;
	static const char shape[] = "/tmp/asof-dir-XXXXXX";
	memcpy(root, shape, sizeof(shape));
	return mkdtemp(root) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	static const char *const made[] = { "a/b/c/d", "a/b/c", "a/b", "a", "file", "" };
	char path[128];
	for (size_t i = 0; i < ASOF_COUNTOF(made); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, made[i]);
		(void)remove(path);
	}
	return access(root, F_OK) == 0 ? -1 : 0;
}

static const char *
below(const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static bool
is_directory(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static void
parents_are_made_too(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_dir_make(below("a//b/c/"), &err), err);
	assert_true(is_directory(below("a/b/c")));
	assert_ok(asof_dir_make(below("a/b/c"), &err), err);
	assert_ok(asof_dir_make("/", &err), err);
}

static void
only_the_directory_above_is_made(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	assert_ok(asof_dir_make_above(below("a/b/file"), &err), err);
	assert_true(is_directory(below("a/b")));
	assert_int_not_equal(access(below("a/b/file"), F_OK), 0);
	assert_ok(asof_dir_make_above("file", &err), err);
	assert_ok(asof_dir_make_above("/file", &err), err);
	assert_ok(asof_dir_sync_above(below("a/b/file"), &err), err);
}

static void
a_file_in_the_way_is_told(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	int fd = open(below("file"), O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(asof_dir_make(below("file"), &err), ASOF_IO);
	assert_non_null(strstr(err.message, "/file': Not a directory"));
	assert_int_equal(asof_dir_make(below("file/x"), &err), ASOF_IO);
	assert_int_equal(asof_dir_sync_above(below("missing/x"), &err), ASOF_IO);
	assert_non_null(strstr(err.message, "/missing': No such file"));
}

static void
impossible_paths_are_refused(void **state)
{
	(void)state;
	struct asof_error err = { 0 };
	static char path[PATH_MAX + 10];
	assert_int_equal(asof_dir_make("", &err), ASOF_INVALID);
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(asof_dir_make(path, &err), ASOF_LIMIT);
	path[sizeof(path) - 3] = '/';
	assert_int_equal(asof_dir_make_above(path, &err), ASOF_LIMIT);
	assert_int_equal(asof_dir_sync_above(path, &err), ASOF_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parents_are_made_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_directory_above_is_made, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_in_the_way_is_told, set_up, tear_down),
		cmocka_unit_test(impossible_paths_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
