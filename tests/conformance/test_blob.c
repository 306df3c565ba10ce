/*
 * test_blob.c - what every kind of object storage promises: files in a directory, and a bucket of a
 * real server. Each test runs on each kind.
 */
#include <pthread.h>

#include "base/fault.h"
#include "lake/blob.h"
#include "real_server.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

enum kind { KIND_FILE, KIND_S3 };

struct fixture {
	enum kind kind;
	struct server server;
	char dir[TEMPDIR_MAX];
	char uri[TEMPDIR_MAX + 160];
	struct asof_blob *blob;
};

static unsigned lake_number; /* each test has a lake of its own */

static int
begin_file(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .kind = KIND_FILE };
	tempdir_make(f.dir);
	*state = &f;
	return 0;
}

static int
begin_s3(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .kind = KIND_S3 };
	(void)setenv("AWS_ACCESS_KEY_ID", "testkey", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "testsecret", 1);
	(void)unsetenv("AWS_SESSION_TOKEN");
	*state = server_start(&f.server, "minio") ? &f : NULL;
	return 0;
}

static int
end_group(void **state)
{
	struct fixture *f = *state;
	if (f && f->kind == KIND_FILE)
		tempdir_remove(f->dir);
	else if (f)
		server_stop(&f->server);
	return 0;
}

static int
set_up(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	if (!f)
		return 0;
	if (f->kind == KIND_FILE)
		(void)snprintf(f->uri, sizeof(f->uri), "%s/lake%u", f->dir, ++lake_number);
	else
		(void)snprintf(f->uri, sizeof(f->uri),
			       "s3://lake/below/%u?endpoint=http://127.0.0.1:%d", ++lake_number,
			       f->server.port);
	assert_ok(asof_blob_open(f->uri, &f->blob, &err), err);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_fault_disarm_all();
	if (f)
		asof_blob_free(ASOF_STEAL(f->blob));
	return 0;
}

static struct asof_blob *
blob_of(void **state)
{
	if (!*state)
		skip();
	return ((struct fixture *)*state)->blob;
}

static void
assert_holds(struct asof_blob *blob, const char *name, struct asof_str expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)64 << 20);
	assert_ok(asof_blob_read(blob, name, &buf, &err), err);
	assert_true(asof_str_equal(asof_buf_view(&buf), expected));
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
	assert_string_equal(names.len ? asof_buf_cstr(&names) : "", expected);
}

static void
what_is_put_is_read(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put(blob, "a/b.txt", S("one"), &err), err);
	assert_holds(blob, "a/b.txt", S("one"));
	assert_ok(asof_blob_put(blob, "a/b.txt", S("another"), &err), err);
	assert_holds(blob, "a/b.txt", S("another"));
	assert_ok(asof_blob_put(blob, "a/empty", S(""), &err), err);
	assert_holds(blob, "a/empty", S(""));
}

static void
odd_names_are_names(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	static const char *const names[] = { "t/a b",       "t/a+b",   "t/a%20b",
					     "t/k=v&w?x#y", "t/~(1)!", "t/\xc3\xa4\xe2\x82\xac" };
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++)
		assert_ok(asof_blob_put(blob, names[i], asof_str_from(names[i]), &err), err);
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++)
		assert_holds(blob, names[i], asof_str_from(names[i]));
	assert_listed(blob, "t/",
		      "t/a b:5 t/a%20b:7 t/a+b:5 t/k=v&w?x#y:11 t/~(1)!:7 "
		      "t/\xc3\xa4\xe2\x82\xac:7 ");
}

static void
an_object_is_created_once(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put_if_absent(blob, "log/0", S("first"), &err), err);
	assert_int_equal(asof_blob_put_if_absent(blob, "log/0", S("second"), &err), ASOF_CONFLICT);
	assert_holds(blob, "log/0", S("first"));
}

struct racer {
	struct asof_blob *blob;
	const char *bytes;
	enum asof_status status;
};

static void *
race(void *arg)
{
	struct racer *racer = arg;
	struct asof_error err = { 0 };
	racer->status =
		asof_blob_put_if_absent(racer->blob, "log/1", asof_str_from(racer->bytes), &err);
	return NULL;
}

static void
of_eight_creators_one_wins(void **state)
{
	struct asof_blob *blob = blob_of(state);
	static const char *const texts[] = { "0", "1", "2", "3", "4", "5", "6", "7" };
	struct racer racers[8];
	pthread_t threads[8];
	size_t winners = 0;
	size_t winner = 0;
	for (size_t i = 0; i < ASOF_COUNTOF(racers); i++) {
		racers[i] = (struct racer){ blob, texts[i], ASOF_INTERNAL };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < ASOF_COUNTOF(racers); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(racers[i].status == ASOF_OK || racers[i].status == ASOF_CONFLICT);
		winners += racers[i].status == ASOF_OK;
		winner = racers[i].status == ASOF_OK ? i : winner;
	}
	assert_int_equal(winners, 1);
	assert_holds(blob, "log/1", asof_str_from(texts[winner]));
}

static void
what_is_not_there_is_not_found(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(64);
	assert_int_equal(asof_blob_read(blob, "no", &buf, &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_blob_sync(blob, "no", &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_blob_remove(blob, "no", &err), ASOF_NOT_FOUND);
	assert_listed(blob, "none/", "");
}

static void
what_is_removed_is_gone(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put(blob, "a/1", S("x"), &err), err);
	assert_ok(asof_blob_put(blob, "a/2", S("y"), &err), err);
	assert_ok(asof_blob_sync(blob, "a/1", &err), err);
	assert_ok(asof_blob_remove(blob, "a/1", &err), err);
	assert_listed(blob, "a/", "a/2:1 ");
}

static void
listing_is_by_bytes_and_below_the_prefix_only(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	static const char *const names[] = { "b/2", "b/10", "b/c/d", "ab/x", "b-x/y" };
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++)
		assert_ok(asof_blob_put(blob, names[i], S("z"), &err), err);
	assert_listed(blob, "b/", "b/10:1 b/2:1 b/c/d:1 ");
	assert_listed(blob, "", "ab/x:1 b-x/y:1 b/10:1 b/2:1 b/c/d:1 ");
}

static void
an_object_may_be_too_large_for_its_reader(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4);
	assert_ok(asof_blob_put(blob, "large", S("12345"), &err), err);
	assert_int_equal(asof_blob_read(blob, "large", &buf, &err), ASOF_LIMIT);
}

/* Of a bucket: more than one page of a listing, more than one part of an object. */
static void
many_objects_are_listed_once(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(1 << 20);
	for (unsigned i = 0; i < 1100; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "many/%04u", i);
		assert_ok(asof_blob_put(blob, name, S(""), &err), err);
	}
	assert_ok(asof_blob_list(blob, "many/", add_name, &names, &err), err);
	assert_int_equal(names.len, 1100 * strlen("many/0000:0 "));
}

static void
a_large_object_is_whole(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	size_t len = ((size_t)40 << 20) + 12345;
	char *bytes = asof_mem_alloc(len);
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i += 97)
		bytes[i] = (char)(i % 251);
	assert_ok(asof_blob_put(blob, "large", (struct asof_str){ bytes, len }, &err), err);
	assert_holds(blob, "large", (struct asof_str){ bytes, len });
	asof_mem_free(bytes);
}

/* ---- a bucket only ---- */

static void
a_lost_answer_is_no_conflict(void **state)
{
	struct asof_blob *blob = blob_of(state);
	struct asof_error err = { 0 };
	assert_ok(asof_fault_arm("s3.after_send", 1, ASOF_FAULT_FAIL, &err), err);
	assert_ok(asof_blob_put_if_absent(blob, "log/7", S("mine"), &err), err);
	assert_holds(blob, "log/7", S("mine"));
	assert_ok(asof_fault_arm("s3.after_send", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_blob_put_if_absent(blob, "log/7", S("other"), &err), ASOF_CONFLICT);
	assert_holds(blob, "log/7", S("mine"));
}

/* In a process of its own, by a connection of its own. */
static int
die_putting(const struct fixture *f, struct asof_str bytes, unsigned part)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	if (asof_fault_arm("s3.upload.before_part", part, ASOF_FAULT_KILL, &err) != ASOF_OK ||
	    asof_blob_open(f->uri, &blob, &err) != ASOF_OK)
		return 1;
	return asof_blob_put(blob, "large", bytes, &err) != ASOF_OK;
}

/* The object before stays until the last part is there; what was sent of the new one goes. */
static void
an_upload_that_fails_or_dies_leaves_the_object_as_it_was(void **state)
{
	struct asof_blob *blob = blob_of(state);
	size_t len = (size_t)40 << 20;
	char *bytes = asof_mem_alloc(len);
	assert_non_null(bytes);
	const struct asof_str large = { bytes, len };
	struct asof_error err = { 0 };
	assert_ok(asof_blob_put(blob, "large", S("before"), &err), err);
	for (unsigned part = 1; part <= 3; part++) {
		struct asof_error why = { 0 };
		assert_ok(asof_fault_arm("s3.upload.before_part", part, ASOF_FAULT_FAIL, &err),
			  err);
		assert_int_equal(asof_blob_put(blob, "large", large, &why), ASOF_IO);
		asof_fault_disarm_all();
		assert_holds(blob, "large", S("before"));

		pid_t child = fork();
		if (child == 0) {
			_exit(die_putting(*state, large, part));
		}
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_holds(blob, "large", S("before"));
	}
	assert_ok(asof_blob_put(blob, "large", large, &err), err);
	assert_holds(blob, "large", large);
	asof_mem_free(bytes);
}

static void
wrong_credentials_are_told_at_once(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(64);
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	if (!f)
		skip();
	(void)setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret", 1);
	assert_ok(asof_blob_open(f->uri, &blob, &err), err);
	assert_int_equal(asof_blob_read(blob, "a", &buf, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "denied"));
	assert_null(strstr(err.message, "not-the-secret"));
	(void)setenv("AWS_SECRET_ACCESS_KEY", "testsecret", 1);
}

static void
no_credentials_and_no_bucket_are_told(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char uri[128];
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	if (!f)
		skip();
	(void)unsetenv("AWS_ACCESS_KEY_ID");
	assert_int_equal(asof_blob_open(f->uri, &blob, &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "AWS_ACCESS_KEY_ID"));
	(void)setenv("AWS_ACCESS_KEY_ID", "testkey", 1);
	(void)snprintf(uri, sizeof(uri), "s3://no-such-bucket/x?endpoint=http://127.0.0.1:%d",
		       f->server.port);
	assert_ok(asof_blob_open(uri, &blob, &err), err);
	assert_int_equal(asof_blob_put(blob, "a", S("x"), &err), ASOF_INVALID);
	assert_non_null(strstr(err.message, "no bucket 'no-such-bucket'"));
}

static void
a_store_that_is_away_is_unavailable(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	if (!f)
		skip();
	server_signal(&f->server, SIGKILL);
	assert_int_equal(asof_blob_put(f->blob, "a", S("x"), &err), ASOF_UNAVAILABLE);
	server_restart(&f->server, "minio");
	assert_ok(asof_blob_put(f->blob, "a", S("x"), &err), err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest all[] = {
		TEST(what_is_put_is_read),
		TEST(odd_names_are_names),
		TEST(an_object_is_created_once),
		TEST(of_eight_creators_one_wins),
		TEST(what_is_not_there_is_not_found),
		TEST(what_is_removed_is_gone),
		TEST(listing_is_by_bytes_and_below_the_prefix_only),
		TEST(an_object_may_be_too_large_for_its_reader),
		TEST(many_objects_are_listed_once),
		TEST(a_large_object_is_whole),
	};
	const struct CMUnitTest of_a_bucket[] = {
		TEST(a_lost_answer_is_no_conflict),
		TEST(an_upload_that_fails_or_dies_leaves_the_object_as_it_was),
		TEST(wrong_credentials_are_told_at_once),
		TEST(no_credentials_and_no_bucket_are_told),
		TEST(a_store_that_is_away_is_unavailable),
	};
	int failed = cmocka_run_group_tests_name("files", all, begin_file, end_group);
	failed += cmocka_run_group_tests_name("a bucket", all, begin_s3, end_group);
	failed += cmocka_run_group_tests_name("a bucket only", of_a_bucket, begin_s3, end_group);
	return failed;
}
