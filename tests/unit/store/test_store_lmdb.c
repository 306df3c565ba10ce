/* test_store_lmdb.c - what only a store on disk can do: reopen, share, grow, refuse foreign files.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "tempdir.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

struct fixture {
	char dir[TEMPDIR_MAX];
	char uri[TEMPDIR_MAX + 16];
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	(void)snprintf(f.uri, sizeof(f.uri), "lmdb:%s", f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	tempdir_remove(((struct fixture *)*state)->dir);
	return 0;
}

static struct asof_store *
open_store(void **state)
{
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	assert_ok(asof_store_open(((struct fixture *)*state)->uri, &store, &err), err);
	return store;
}

static enum asof_status
copy_value(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	char *out = arg;
	(void)key_index;
	if (value.len >= 64)
		return ASOF_FAIL(err, ASOF_LIMIT, "value of %zu bytes", value.len);
	memcpy(out, value.ptr, value.len);
	out[value.len] = '\0';
	return ASOF_OK;
}

/* "" is a missing key: the children of a test cannot use cmocka's assertions. */
static const char *
read_one(struct asof_store *store, const char *table, struct asof_str key, char out[64])
{
	out[0] = '\0';
	enum asof_status status = asof_store_get_many(store, table, &key, 1, copy_value, out, NULL);
	return status == ASOF_OK ? out : asof_status_text(status);
}

static enum asof_status
load_number(struct asof_store *store, const char *table, size_t rows, int number)
{
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *load = NULL;
	ASOF_TRY(asof_store_load_begin(store, ASOF_STORE_NAMED(table), &load, NULL));
	for (size_t i = 0; i < rows; i++) {
		char key[16];
		char value[64];
		int key_len = snprintf(key, sizeof(key), "%08zu", i);
		int value_len = snprintf(value, sizeof(value), "%060d", number);
		struct asof_store_row row = { .key = { key, (size_t)key_len },
					      .value = { value, (size_t)value_len } };
		ASOF_TRY(asof_store_load_put(load, &row, 1, NULL));
	}
	ASOF_TRY(asof_store_load_commit(load, S("m"), (struct asof_store_position){ 0 }, NULL,
					NULL));
	load = NULL;
	return ASOF_OK;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static void
rows_outlive_the_process_that_wrote_them(void **state)
{
	pid_t child = fork();
	if (child == 0) {
		struct asof_store *store = NULL;
		size_t written;
		struct asof_store_row row = { .key = S("k"), .value = S("put") };
		bool is_good =
			asof_store_open(((struct fixture *)*state)->uri, &store, NULL) == ASOF_OK &&
			asof_store_put(store, ASOF_STORE_NAMED("puts"), &row, 1, &written, NULL) ==
				ASOF_OK &&
			load_number(store, "loads", 10, 7) == ASOF_OK;
		_exit(is_good ? 0 : 1); /* without closing */
	}
	int exit_status = -1;
	assert_int_equal(waitpid(child, &exit_status, 0), child);
	assert_int_equal(exit_status, 0);

	char value[64];
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_store(state);
	assert_string_equal(read_one(store, "puts", S("k"), value), "put");
	assert_true(ends_with(read_one(store, "loads", S("00000009"), value), "07"));
}

static void
two_handles_of_one_process_share_the_environment(void **state)
{
	char value[64];
	struct asof_error err = { 0 };
	struct asof_store *first = open_store(state);
	ASOF_AUTO(asof_store_free_auto) struct asof_store *second = open_store(state);
	struct asof_store_row row = { .key = S("k"), .value = S("v") };
	size_t written;
	assert_ok(asof_store_put(first, ASOF_STORE_NAMED("t"), &row, 1, &written, &err), err);
	assert_string_equal(read_one(second, "t", S("k"), value), "v");
	asof_store_free(first);
	assert_string_equal(read_one(second, "t", S("k"), value), "v");
	assert_ok(asof_store_put(second, ASOF_STORE_NAMED("t"), &row, 1, &written, &err), err);
}

/* The child loads twice, each time far more than the map held when the parent opened it. */
static void
another_process_sees_each_switch_and_each_growth(void **state)
{
	int to_child[2];
	int to_parent[2];
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(to_parent), 0);
	pid_t child = fork();
	if (child == 0) {
		struct asof_store *store = NULL;
		char c = 'n';
		bool is_good =
			asof_store_open(((struct fixture *)*state)->uri, &store, NULL) == ASOF_OK;
		for (int i = 1; is_good && i <= 3; i++) {
			is_good = read(to_child[0], &c, 1) == 1 &&
				  load_number(store, "t", (size_t)i * 20000, i) == ASOF_OK;
			is_good = write(to_parent[1], is_good ? "y" : "n", 1) == 1 && is_good;
		}
		_exit(is_good ? 0 : 1);
	}
	char value[64];
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_store(state);
	assert_string_equal(read_one(store, "t", S("00000000"), value), "");
	for (int i = 1; i <= 3; i++) {
		char answer = 'n';
		assert_int_equal(write(to_child[1], "g", 1), 1);
		assert_int_equal(read(to_parent[0], &answer, 1), 1);
		assert_int_equal(answer, 'y');
		char end[2] = { (char)('0' + i), '\0' };
		assert_true(ends_with(read_one(store, "t", S("00000000"), value), end));
		assert_true(ends_with(read_one(store, "t", S("00019999"), value), end));
	}
	int exit_status = -1;
	assert_int_equal(waitpid(child, &exit_status, 0), child);
	assert_int_equal(exit_status, 0);
	assert_int_equal(load_number(store, "t", 5, 9), ASOF_OK);
	assert_true(ends_with(read_one(store, "t", S("00000004"), value), "9"));
	for (int i = 0; i < 2; i++) {
		(void)close(to_child[i]);
		(void)close(to_parent[i]);
	}
}

static void
a_load_in_one_process_keeps_others_out(void **state)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_store(state);
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *load = NULL;
	assert_ok(asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, &err), err);
	pid_t child = fork();
	if (child == 0) {
		struct asof_store *other = NULL;
		bool is_good =
			asof_store_open(((struct fixture *)*state)->uri, &other, NULL) == ASOF_OK &&
			load_number(other, "t", 1, 1) == ASOF_CONFLICT &&
			load_number(other, "u", 1, 1) == ASOF_OK;
		_exit(is_good ? 0 : 1);
	}
	int exit_status = -1;
	assert_int_equal(waitpid(child, &exit_status, 0), child);
	assert_int_equal(exit_status, 0);
}

static void
replaced_generations_give_their_pages_back(void **state)
{
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_store(state);
	char path[TEMPDIR_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/data.mdb", ((struct fixture *)*state)->dir);
	off_t after_three = 0;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(load_number(store, "t", 5000, i), ASOF_OK);
		int fd = open(path, O_RDONLY);
		off_t size = lseek(fd, 0, SEEK_END);
		(void)close(fd);
		if (i == 2)
			after_three = size;
		else if (i > 2)
			assert_true(size <= after_three + after_three / 2);
	}
}

static void
a_foreign_file_is_refused(void **state)
{
	char path[TEMPDIR_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/data.mdb", ((struct fixture *)*state)->dir);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(fwrite("nonsense", 1, 8, file), 8);
	assert_int_equal(fclose(file), 0);
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	assert_int_equal(asof_store_open(((struct fixture *)*state)->uri, &store, &err),
			 ASOF_CORRUPT);
	assert_non_null(strstr(err.message, ((struct fixture *)*state)->dir));
}

static void
open_errors_name_what_was_wanted(void **state)
{
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	char uri[TEMPDIR_MAX + 32];
	assert_int_equal(asof_store_open("s3:bucket", &store, &err), ASOF_UNSUPPORTED);
	assert_string_equal(err.message, "no online store of kind 's3' (have: memory, "
					 "lmdb:DIR, redis://HOST, postgres://USER@HOST/DATABASE)");
	assert_int_equal(asof_store_open("lmdb:", &store, &err), ASOF_INVALID);
	assert_int_equal(asof_store_open("memory:x", &store, &err), ASOF_INVALID);
	(void)snprintf(uri, sizeof(uri), "%s/file", ((struct fixture *)*state)->dir);
	int fd = open(uri, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/file/below", ((struct fixture *)*state)->dir);
	assert_int_equal(asof_store_open(uri, &store, &err), ASOF_IO);
	assert_non_null(strstr(err.message, "/file': Not a directory"));
}

/* A hole in a file that is written through a map is a SIGBUS once the disk is full. */
static void
opening_leaves_no_hole_in_the_lock_file(void **state)
{
	char path[TEMPDIR_MAX + 16];
	struct stat info;
	(void)snprintf(path, sizeof(path), "%s/lock.mdb", ((struct fixture *)*state)->dir);
	for (int i = 0; i < 2; i++) {
		struct asof_store *store = open_store(state);
		assert_int_equal(stat(path, &info), 0);
		assert_true(info.st_size > 4096);
		assert_true(info.st_blocks * 512 >= info.st_size);
		asof_store_free(store);
	}
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(rows_outlive_the_process_that_wrote_them),
		T(two_handles_of_one_process_share_the_environment),
		T(another_process_sees_each_switch_and_each_growth),
		T(a_load_in_one_process_keeps_others_out),
		T(replaced_generations_give_their_pages_back),
		T(a_foreign_file_is_refused),
		T(opening_leaves_no_hole_in_the_lock_file),
		T(open_errors_name_what_was_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
