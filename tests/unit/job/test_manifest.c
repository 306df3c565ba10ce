/* test_manifest.c - FILE.asof.json: written, read back, and refused where it does not decode. */
#include "codec/json_reader.h"
#include "job/manifest.h"
#include "job_samples.h"

static struct asof_feature_ref refs[] = { { "v", "1.0.3", "x", false },
					  { "w", "2.0.0", "*", false } };
static const struct asof_version version = { .view = "v",
					     .definition_hash = "hash",
					     .definition_json = "{\"views\":{}}",
					     .table_version = 5,
					     .published_us = INT64_C(1500000) };
static const struct asof_version_table table = { .version = &version, .version_text = "1.0.3" };

static const struct asof_manifest sample = {
	.spine = "/data/a \"spine\".parquet",
	.time_column = "t",
	.service = "model",
	.refs = refs,
	.ref_count = 2,
	.known_at = ASOF_KNOWN_AT_TIME,
	.known_at_us = INT64_C(1700000000123456),
};

struct fixture {
	char dir[TEMPDIR_MAX];
	char out[TEMPDIR_MAX + 16];
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	(void)snprintf(f.out, sizeof(f.out), "%s/out.parquet", f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	tempdir_remove(((struct fixture *)*state)->dir);
	return 0;
}

static void
write_manifest(const struct fixture *f, const struct asof_manifest *manifest)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_ok(asof_manifest_write(manifest, &table, 1, f->out, 42, SAMPLE_NOW_US, &arena, &err),
		  err);
}

static void
it_stands_beside_its_file(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_string_equal(asof_manifest_path("a/b.parquet", &arena), "a/b.parquet.asof.json");
}

static void
what_is_written_is_read_back(void **state)
{
	struct fixture *f = *state;
	for (int kind = ASOF_KNOWN_AT_NONE; kind <= ASOF_KNOWN_AT_TIME; kind++) {
		struct asof_error err = { 0 };
		struct asof_manifest manifest = sample;
		struct asof_manifest back = { 0 };
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		manifest.known_at = (enum asof_known_at)kind;
		manifest.service = kind == ASOF_KNOWN_AT_LABEL ? NULL : "model";
		write_manifest(f, &manifest);
		assert_ok(
			asof_manifest_read(asof_manifest_path(f->out, &arena), &arena, &back, &err),
			err);
		assert_string_equal(back.spine, sample.spine);
		assert_string_equal(back.time_column, "t");
		assert_int_equal(back.known_at, kind);
		assert_int_equal(back.service == NULL, manifest.service == NULL);
		if (kind == ASOF_KNOWN_AT_TIME)
			assert_true(back.known_at_us == sample.known_at_us);
		assert_int_equal(back.ref_count, 2);
		for (size_t i = 0; i < 2; i++) {
			assert_string_equal(back.refs[i].view, refs[i].view);
			assert_string_equal(back.refs[i].version, refs[i].version);
			assert_string_equal(back.refs[i].feature, refs[i].feature);
		}
	}
}

static void
it_says_what_each_view_was(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const struct asof_json *root = NULL;
	int64_t number = 0;
	struct asof_str text;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf bytes = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	write_manifest(f, &sample);
	assert_ok(asof_blob_open(f->dir, &blob, &err), err);
	assert_ok(asof_blob_read(blob, "out.parquet.asof.json", &bytes, &err), err);
	assert_int_equal(bytes.ptr[bytes.len - 1], '\n');
	assert_ok(asof_json_read(asof_buf_view(&bytes), &arena, &root, &err), err);

	assert_ok(asof_json_member_read_int(root, "rows", &number, &err), err);
	assert_int_equal(number, 42);
	assert_ok(asof_json_member_read_str(root, "made", &text, &err), err);
	assert_true(asof_str_equal(text, asof_str_from("2023-11-14T22:13:20Z")));
	const struct asof_json *views = asof_json_member(root, "views");
	assert_non_null(views);
	assert_int_equal(views->count, 1);
	const struct asof_json *view = &views->items[0];
	assert_ok(asof_json_member_read_str(view, "version", &text, &err), err);
	assert_true(asof_str_equal(text, asof_str_from("1.0.3")));
	assert_ok(asof_json_member_read_int(view, "table_version", &number, &err), err);
	assert_int_equal(number, 5);
	assert_ok(asof_json_member_read_str(view, "published", &text, &err), err);
	assert_true(asof_str_equal(text, asof_str_from("1970-01-01T00:00:01.5Z")) ||
		    asof_str_equal(text, asof_str_from("1970-01-01T00:00:01.500000Z")));
	assert_non_null(asof_json_member(asof_json_member(view, "definition"), "views"));
}

#define HEAD "\"spine\":\"s\",\"time_column\":\"t\""

static void
text_that_does_not_decode_is_refused_by_name(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{ "", "" },
		{ "{", "" },
		{ "[]", "no 'spine' or no 'time_column'" },
		{ "{}", "no 'spine' or no 'time_column'" },
		{ "{\"spine\":\"s\"}", "no 'spine' or no 'time_column'" },
		{ "{\"spine\":1,\"time_column\":\"t\"}", "no 'spine' or no 'time_column'" },
		{ "{" HEAD "}", "'known_at' is none, label or time" },
		{ "{" HEAD ",\"known_at\":\"lable\",\"features\":[]}",
		  "'known_at' is none, label or time" },
		{ "{" HEAD ",\"known_at\":\"none\"}", "no list of features" },
		{ "{" HEAD ",\"known_at\":\"none\",\"features\":{}}", "no list of features" },
		{ "{" HEAD ",\"known_at\":\"time\",\"features\":[]}", "no 'known_at_time'" },
		{ "{" HEAD ",\"known_at\":\"time\",\"known_at_time\":\"noon\",\"features\":[]}",
		  "noon" },
		{ "{" HEAD ",\"known_at\":\"none\",\"features\":[{\"view\":\"v\",\"version\":"
		  "\"1.0.0\",\"feature\":\"f\"},{\"view\":\"v\",\"feature\":\"f\"}]}",
		  "feature 2 lacks a name" },
		{ "{" HEAD ",\"known_at\":\"none\",\"features\":[1]}", "feature 1 lacks a name" },
	};
	char path[TEMPDIR_MAX + 16];
	(void)snprintf(path, sizeof(path), "%s/m.json", f->dir);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		struct asof_manifest back = sample;
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		sample_file(f->dir, "m.json", cases[i].text);
		if (asof_manifest_read(path, &arena, &back, &err) != ASOF_INVALID)
			fail_msg("'%s' is taken: %s", cases[i].text, err.message);
		assert_non_null(strstr(err.message, path));
		assert_non_null(strstr(err.message, cases[i].message));
		assert_memory_equal(&back, &sample, sizeof(sample));
	}
}

static void
a_manifest_that_is_not_there_is_not_found(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "none.json", "none/none.json" };
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		struct asof_error err = { 0 };
		struct asof_manifest back;
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const char *path = asof_arena_printf(&arena, "%s/%s", f->dir, names[i]);
		assert_int_equal(asof_manifest_read(path, &arena, &back, &err), ASOF_NOT_FOUND);
		assert_non_null(strstr(err.message, path));
	}
}

static enum asof_status
round_trip(void *arg, struct asof_error *err)
{
	const struct fixture *f = arg;
	struct asof_manifest back;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(asof_manifest_write(&sample, &table, 1, f->out, 42, SAMPLE_NOW_US, &arena, err));
	const char *path = asof_manifest_path(f->out, &arena);
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	ASOF_TRY(asof_manifest_read(path, &arena, &back, err));
	if (!back.service || back.ref_count != 2)
		return ASOF_FAIL(err, ASOF_INTERNAL, "something was lost");
	return ASOF_OK;
}

static void
every_allocation_failure_is_survived(void **state)
{
	assert_survives(round_trip, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_stands_beside_its_file),
		TEST(what_is_written_is_read_back),
		TEST(it_says_what_each_view_was),
		TEST(text_that_does_not_decode_is_refused_by_name),
		TEST(a_manifest_that_is_not_there_is_not_found),
		TEST(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
