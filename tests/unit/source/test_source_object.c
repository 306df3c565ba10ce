/* test_source_object.c - what paths into a bucket name, and in which order. */
#include <stdio.h>

#include "base/buf.h"
#include "check.h"
#include "source/source.h"

/* A bucket: its keys, in no order, and what it was asked for. */
struct bucket {
	const char *const *keys;
	struct asof_str asked;
	enum asof_status status;
};

static enum asof_status
list_bucket(void *arg, struct asof_str prefix, asof_source_object_fn *visit, void *visit_arg,
	    struct asof_error *err)
{
	struct bucket *bucket = arg;
	bucket->asked = prefix;
	if (bucket->status != ASOF_OK)
		return ASOF_FAIL(err, bucket->status, "the bucket says no");
	for (size_t i = 0; bucket->keys[i]; i++) {
		struct asof_str key = asof_str_from(bucket->keys[i]);
		if (key.len >= prefix.len && memcmp(key.ptr, prefix.ptr, prefix.len) == 0)
			ASOF_TRY(visit(visit_arg, key, 10 + i, (int64_t)(1000 + i), err));
	}
	return ASOF_OK;
}

/* The paths found, with a space behind each; the message where that fails. */
static void
expect_format(struct bucket *bucket, const char *location, enum asof_file_format format,
	      enum asof_status expected, const char *text)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf paths = ASOF_BUF(1 << 20);
	struct asof_source source = { .name = "s",
				      .kind = ASOF_SOURCE_PATH,
				      .location = { .text = location },
				      .format = format };
	const struct asof_source_objects objects = { list_bucket, bucket };
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	enum asof_status status =
		asof_source_list_objects(&source, &objects, &arena, &files, &count, &err);
	for (size_t i = 0; status == ASOF_OK && i < count; i++) {
		assert_ptr_equal(files[i].name, files[i].path);
		assert_int_equal(memcmp(files[i].path, "s3://b/", 7), 0);
		asof_buf_printf(&paths, "%s ", files[i].path + 7);
	}
	assert_string_equal(status == ASOF_OK ? asof_buf_cstr(&paths) : err.message, text);
	assert_int_equal(status, expected);
}

static void
expect(const char *const *keys, const char *location, const char *paths)
{
	struct bucket bucket = { .keys = keys };
	expect_format(&bucket, location, ASOF_FORMAT_PARQUET, ASOF_OK, paths);
}

static void
expect_none(const char *const *keys, const char *location)
{
	struct bucket bucket = { .keys = keys };
	char message[256];
	(void)snprintf(message, sizeof(message), "path '%s' matches no file", location);
	expect_format(&bucket, location, ASOF_FORMAT_PARQUET, ASOF_NOT_FOUND, message);
}

static const char *const some[] = {
	"d/b.parquet",
	"d/a.parquet",
	"d/a.parquet2",
	"d/rows",
	"d/deep/c.parquet",
	"d/_tmp/x.parquet",
	"d/.hidden.parquet",
	"d/_part.parquet",
	"d/deep/",
	"e.parquet",
	"d/[1].parquet",
	"d2/z.parquet",
	NULL,
};

static void
an_object_is_itself_whatever_it_is_called(void **state)
{
	(void)state;
	expect(some, "s3://b/d/rows", "d/rows ");
	expect(some, "s3://b/d/a.parquet", "d/a.parquet ");
	expect(some, "s3://b/d/.hidden.parquet", "d/.hidden.parquet ");
	expect_none(some, "s3://b/d/row");
	expect_none(some, "s3://b/x");
	expect_none(some, "s3://b/d/rows/x");
}

static void
a_pattern_matches_the_parts_between_slashes(void **state)
{
	(void)state;
	expect(some, "s3://b/*.parquet", "e.parquet ");
	expect(some, "s3://b/d/?.parquet", "d/a.parquet d/b.parquet ");
	expect(some, "s3://b/d/[ab].parquet", "d/a.parquet d/b.parquet ");
	expect(some, "s3://b/d*/z.parquet", "d2/z.parquet ");
	expect(some, "s3://b/d/*/c.parquet", "d/deep/c.parquet ");
	expect(some, "s3://b/d/*.parquet",
	       "d/[1].parquet d/_part.parquet d/a.parquet d/b.parquet ");
	expect_none(some, "s3://b/*/*/*/*");
}

static void
a_directory_stands_for_the_files_of_its_format_below(void **state)
{
	static const char below[] = "d/[1].parquet d/a.parquet d/b.parquet d/deep/c.parquet ";
	static const char *const mixed[] = { "d/a.csv", "d/x/b.csv.gz", "d/c.parquet", NULL };
	struct bucket bucket = { .keys = mixed };
	(void)state;
	expect(some, "s3://b/d", below);
	expect(some, "s3://b/d/", below);
	expect(some, "s3://b/d/de*", "d/deep/c.parquet ");
	expect(some, "s3://b",
	       "d/[1].parquet d/a.parquet d/b.parquet d/deep/c.parquet "
	       "d2/z.parquet e.parquet ");
	expect_format(&bucket, "s3://b/d", ASOF_FORMAT_CSV, ASOF_OK, "d/a.csv d/x/b.csv.gz ");
}

static void
two_stars_are_any_number_of_directories(void **state)
{
	(void)state;
	expect(some, "s3://b/**/c.parquet", "d/deep/c.parquet ");
	expect(some, "s3://b/d/**/[bc].parquet", "d/b.parquet d/deep/c.parquet ");
	expect(some, "s3://b/d/**/**/c.parquet", "d/deep/c.parquet ");
	expect(some, "s3://b/d/**", "d/[1].parquet d/a.parquet d/b.parquet d/deep/c.parquet ");
	expect_none(some, "s3://b/**/x.parquet"); /* below _tmp */
}

static void
the_bucket_is_asked_for_what_the_pattern_begins_with(void **state)
{
	struct bucket bucket = { .keys = some };
	(void)state;
	expect_format(&bucket, "s3://b/d/a*", ASOF_FORMAT_PARQUET, ASOF_OK,
		      "d/a.parquet d/a.parquet2 ");
	assert_true(asof_str_equal(bucket.asked, asof_str_from("d/a")));
	expect_format(&bucket, "s3://b/d/", ASOF_FORMAT_CSV, ASOF_NOT_FOUND,
		      "path 's3://b/d/' matches no file");
	assert_true(asof_str_equal(bucket.asked, asof_str_from("d")));
}

static void
what_the_bucket_refuses_is_told_with_the_source(void **state)
{
	struct bucket bucket = { .keys = some, .status = ASOF_UNAVAILABLE };
	(void)state;
	expect_format(&bucket, "s3://b/d/*", ASOF_FORMAT_PARQUET, ASOF_UNAVAILABLE,
		      "source 's': the bucket says no");
	bucket.status = ASOF_OK;
	expect_format(&bucket, "s3://b*/d", ASOF_FORMAT_PARQUET, ASOF_INVALID,
		      "source 's': a bucket's name is no pattern: 's3://b*/d'");
}

static void
an_object_comes_with_its_size_and_time(void **state)
{
	static const char *const keys[] = { "z", "a", NULL };
	struct bucket bucket = { .keys = keys };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_source source = { .name = "s", .location = { .text = "s3://b/a" } };
	const struct asof_source_objects objects = { list_bucket, &bucket };
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	(void)state;
	assert_ok(asof_source_list_objects(&source, &objects, &arena, &files, &count, &err), err);
	assert_int_equal(count, 1);
	assert_int_equal(files[0].size_bytes, 11);
	assert_int_equal(files[0].modified_us, 1001);
}

static void
only_paths_into_buckets_are_objects(void **state)
{
	struct asof_source source = { .kind = ASOF_SOURCE_PATH };
	(void)state;
	assert_false(asof_source_is_object(&source));
	source.location.text = "s3/b/x";
	assert_false(asof_source_is_object(&source));
	source.location.text = "s3://b/x";
	assert_true(asof_source_is_object(&source));
	source.kind = ASOF_SOURCE_TABLE;
	assert_false(asof_source_is_object(&source));
}

static void
no_allocation_that_fails_is_overlooked(void **state)
{
	struct bucket bucket = { .keys = some };
	const struct asof_source_objects objects = { list_bucket, &bucket };
	struct asof_source source = { .name = "s", .location = { .text = "s3://b/d/*" } };
	size_t nth = 1;
	(void)state;
	for (;; nth++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const struct asof_source_file *files = NULL;
		size_t count = 0;
		asof_mem_fail_at(nth);
		enum asof_status status =
			asof_source_list_objects(&source, &objects, &arena, &files, &count, NULL);
		asof_mem_fail_at(0);
		if (status == ASOF_OK)
			break;
		assert_int_equal(status, ASOF_NO_MEMORY);
		assert_null(files);
	}
	assert_true(nth > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_itself_whatever_it_is_called),
		cmocka_unit_test(a_pattern_matches_the_parts_between_slashes),
		cmocka_unit_test(a_directory_stands_for_the_files_of_its_format_below),
		cmocka_unit_test(two_stars_are_any_number_of_directories),
		cmocka_unit_test(the_bucket_is_asked_for_what_the_pattern_begins_with),
		cmocka_unit_test(what_the_bucket_refuses_is_told_with_the_source),
		cmocka_unit_test(an_object_comes_with_its_size_and_time),
		cmocka_unit_test(only_paths_into_buckets_are_objects),
		cmocka_unit_test(no_allocation_that_fails_is_overlooked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
