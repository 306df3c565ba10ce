/* test_file_digest.c - a file's digest: of all of it, or of its parts where it is large. */
#include <fcntl.h>
#include <unistd.h>

#include "job/file_digest.h"
#include "job_samples.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	char path[TEMPDIR_MAX + 16];
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	(void)snprintf(f.path, sizeof(f.path), "%s/file", f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	tempdir_remove(((struct fixture *)*state)->dir);
	return 0;
}

/* A file of `size` bytes, all zero but for one at `place`. */
static struct asof_file_digest
digest_with(const struct fixture *f, int64_t size, int64_t place)
{
	struct asof_error err = { 0 };
	struct asof_file_digest digest;
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	if (place >= 0)
		assert_int_equal(pwrite(fd, "x", 1, place), 1);
	assert_int_equal(close(fd), 0);
	assert_ok(asof_file_digest(f->path, NULL, &digest, &err), err);
	return digest;
}

static void
a_small_file_is_hashed_whole(void **state)
{
	const struct fixture *f = *state;
	struct asof_file_digest empty = digest_with(f, 0, -1);
	assert_false(empty.is_of_parts);
	assert_string_equal(empty.sha256,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct asof_file_digest first = digest_with(f, 3 << 20, (3 << 20) - 1);
	struct asof_file_digest same = digest_with(f, 3 << 20, (3 << 20) - 1);
	struct asof_file_digest other = digest_with(f, 3 << 20, 1 << 20);
	assert_true(asof_file_digest_equal(&first, &same));
	assert_false(asof_file_digest_equal(&first, &other));
}

static void
of_a_large_file_the_size_and_both_ends_tell(void **state)
{
	const struct fixture *f = *state;
	int64_t size = (int64_t)ASOF_FILE_DIGEST_WHOLE_MAX * 3 + 12345;
	struct asof_file_digest first = digest_with(f, size, -1);
	struct asof_file_digest begin = digest_with(f, size, 0);
	struct asof_file_digest end = digest_with(f, size, size - 1);
	struct asof_file_digest longer = digest_with(f, size + 1, -1);
	assert_true(first.is_of_parts);
	assert_false(asof_file_digest_equal(&first, &begin));
	assert_false(asof_file_digest_equal(&first, &end));
	assert_false(asof_file_digest_equal(&begin, &end));
	assert_false(asof_file_digest_equal(&first, &longer));
}

static void
a_file_that_is_gone_is_not_found(void **state)
{
	const struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_file_digest digest;
	assert_int_equal(asof_file_digest(f->path, NULL, &digest, &err), ASOF_NOT_FOUND);
	assert_non_null(strstr(err.message, f->path));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_small_file_is_hashed_whole),
		T(of_a_large_file_the_size_and_both_ends_tell),
		T(a_file_that_is_gone_is_not_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
