/* test_blob_file.c - objects as files: what tests/conformance/test_blob.c does not ask of every
 * store. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "lake/blob.h"
#include "tempdir.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

struct fixture {
	char dir[TEMPDIR_MAX];
	struct asof_blob *blob;
};

static int
set_up(void **state)
{
	static struct fixture f;
	struct asof_error err = { 0 };
	char root[TEMPDIR_MAX + 8];
	tempdir_make(f.dir);
	(void)snprintf(root, sizeof(root), "%s/lake", f.dir);
	assert_ok(asof_blob_open(root, &f.blob, &err), err);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_fault_disarm_all();
	asof_blob_free(f->blob);
	tempdir_remove(f->dir);
	return 0;
}

static struct asof_blob *
blob_of(void **state)
{
	return ((struct fixture *)*state)->blob;
}

static void
assert_holds(struct asof_blob *blob, const char *name, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(1 << 20);
	assert_ok(asof_blob_read(blob, name, &buf, &err), err);
	assert_string_equal(asof_buf_cstr(&buf), expected);
}

static enum asof_status
add_name(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	asof_buf_printf(arg, "%.*s:%llu ", ASOF_STR_ARG(info->name),
			(unsigned long long)info->size_bytes);
	if (info->modified_us < 1600000000000000)
		return ASOF_FAIL(err, ASOF_INTERNAL, "modified in the past");
	return asof_buf_status(arg, err);
}

static void
assert_listed(struct asof_blob *blob, const char *prefix, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(4096);
	assert_ok(asof_blob_list(blob, prefix, add_name, &names, &err), err);
	assert_string_equal(asof_buf_cstr(&names), expected);
}

static void
what_is_no_file_is_not_found(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4);
	assert_ok(asof_blob_put(blob, "a/b/c.json", S("v"), &err), err);
	assert_holds(blob, "a/b/c.json", "v");
	assert_int_equal(asof_blob_read(blob, "a/b", &buf, &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_blob_read(blob, "a/b/c.json/d", &buf, &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_blob_read(blob, "none", &buf, &err), ASOF_NOT_FOUND);
	assert_non_null(strstr(err.message, "read 'none': open '"));
}

static void
names_stay_below_the_root(void **state)
{
	static const char *const bad[] = {
		"", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/."
	};
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *path;
	for (size_t i = 0; i < ASOF_COUNTOF(bad); i++) {
		assert_int_equal(asof_blob_read(blob, bad[i], &buf, &err), ASOF_INVALID);
		assert_int_equal(asof_blob_put(blob, bad[i], S(""), &err), ASOF_INVALID);
		assert_int_equal(asof_blob_locate(blob, bad[i], &arena, &path, &err), ASOF_INVALID);
	}
	assert_int_equal(asof_blob_list(blob, "a", add_name, &buf, &err), ASOF_INVALID);
	assert_int_equal(asof_blob_list(blob, "../", add_name, &buf, &err), ASOF_INVALID);
}

static void
what_the_engine_writes_is_found_and_synced(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *path = NULL;
	assert_ok(asof_blob_locate(blob, "t/new.parquet", &arena, &path, &err), err);
	assert_int_equal(path[0], '/');
	assert_int_equal(asof_blob_sync(blob, "t/new.parquet", &err), ASOF_NOT_FOUND);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "PAR1", 4), 4);
	assert_int_equal(close(fd), 0);
	assert_ok(asof_blob_sync(blob, "t/new.parquet", &err), err);
	assert_listed(blob, "t/", "t/new.parquet:4 ");
}

static void
faults_leave_the_old_object_or_the_new_one(void **state)
{
	static const struct {
		const char *point;
		const char *expected;
	} cases[] = { { "blob.put.before_sync", "old" },
		      { "blob.put.before_link", "old" },
		      { "blob.put.after_link", "new" } };
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		assert_ok(asof_blob_put(blob, "o", S("old"), &err), err);
		assert_ok(asof_fault_arm(cases[i].point, 1, ASOF_FAULT_FAIL, &err), err);
		assert_int_equal(asof_blob_put(blob, "o", S("new"), &err), ASOF_IO);
		assert_holds(blob, "o", cases[i].expected);
		assert_listed(blob, "", "o:3 ");
	}
}

static void
uris_name_a_directory(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_blob *none = NULL;
	assert_int_equal(asof_blob_open("gs://bucket/prefix", &none, &err), ASOF_UNSUPPORTED);
	assert_string_equal(err.message, "no lake of kind 'gs' (have: a directory, s3://)");
	assert_int_equal(asof_blob_open("", &none, &err), ASOF_INVALID);
	assert_int_equal(asof_blob_open("file:", &none, &err), ASOF_INVALID);

	static const char *const forms[] = { "file:%s/x", "file://%s/x/", "%s/x//" };
	for (size_t i = 0; i < ASOF_COUNTOF(forms); i++) {
		char uri[TEMPDIR_MAX + 32];
		struct asof_buf text = ASOF_BUF(sizeof(uri));
		struct asof_str form = asof_str_from(forms[i]);
		const char *hole = strstr(forms[i], "%s");
		asof_buf_add(&text, forms[i], (size_t)(hole - forms[i]));
		asof_buf_add_cstr(&text, f->dir);
		asof_buf_add(&text, hole + 2, form.len - (size_t)(hole - forms[i]) - 2);
		ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
		assert_ok(asof_blob_open(asof_buf_cstr(&text), &blob, &err), err);
		asof_buf_done(&text);
		assert_ok(asof_blob_put(blob, "o", S("v"), &err), err);
		(void)snprintf(uri, sizeof(uri), "%s/x/o", f->dir);
		assert_int_equal(access(uri, R_OK), 0);
		assert_int_equal(unlink(uri), 0);
	}
}

static void
a_relative_root_stays_where_it_was(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char before[4096];
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(f->dir), 0);
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	assert_ok(asof_blob_open("rel:x/y", &blob, &err), err);
	assert_int_equal(chdir(before), 0);
	assert_ok(asof_blob_put(blob, "o", S("v"), &err), err);
	char path[TEMPDIR_MAX + 32];
	(void)snprintf(path, sizeof(path), "%s/rel:x/y/o", f->dir);
	assert_int_equal(access(path, R_OK), 0);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(what_is_no_file_is_not_found),
		T(names_stay_below_the_root),
		T(what_the_engine_writes_is_found_and_synced),
		T(faults_leave_the_old_object_or_the_new_one),
		T(uris_name_a_directory),
		T(a_relative_root_stays_where_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
