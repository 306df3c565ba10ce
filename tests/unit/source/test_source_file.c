/* test_source_file.c - what paths, directories and patterns name, and in which order. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/dir.h"
#include "source/source.h"
#include "tempdir.h"

struct place {
	char dir[TEMPDIR_MAX];
};

static int
make_place(void **state)
{
	static struct place place;
	tempdir_make(place.dir);
	*state = &place;
	return 0;
}

static int
remove_place(void **state)
{
	const struct place *place = *state;
	char command[TEMPDIR_MAX + 16];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", place->dir);
	return system(command);
}

static const char *
path_in(const struct place *place, const char *name, char out[4096])
{
	int len = snprintf(out, 4096, "%s/%s", place->dir, name);
	assert_true(len > 0 && len < 4096);
	return out;
}

static void
put_file(const struct place *place, const char *name, const char *text)
{
	char path[4096];
	struct asof_error err = { 0 };
	assert_ok(asof_dir_make_above(path_in(place, name, path), &err), err);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
put_files(const struct place *place, const char *const *names)
{
	for (; *names; names++)
		put_file(place, *names, "");
}

static struct asof_source
source_at(const char *location, enum asof_file_format format)
{
	return (struct asof_source){ .name = "s",
				     .kind = ASOF_SOURCE_PATH,
				     .location = { .text = location },
				     .format = format };
}

/* The names found, with a space behind each; the message where that fails. */
static void
expect_format(const struct place *place, const char *location, enum asof_file_format format,
	      enum asof_status expected, const char *text)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(1 << 20);
	struct asof_source source = source_at(location, format);
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	enum asof_status status =
		asof_source_list(&source, place->dir, &arena, &files, &count, &err);
	for (size_t i = 0; status == ASOF_OK && i < count; i++)
		asof_buf_printf(&names, "%s ", files[i].name);
	assert_string_equal(status == ASOF_OK ? asof_buf_cstr(&names) : err.message, text);
	assert_int_equal(status, expected);
}

static void
expect(const struct place *place, const char *location, const char *names)
{
	expect_format(place, location, ASOF_FORMAT_PARQUET, ASOF_OK, names);
}

static void
expect_none(const struct place *place, const char *location)
{
	char message[4096];
	(void)snprintf(message, sizeof(message), "path '%s' matches no file", location);
	expect_format(place, location, ASOF_FORMAT_PARQUET, ASOF_NOT_FOUND, message);
}

static void
a_file_is_itself_whatever_it_is_called(void **state)
{
	const struct place *place = *state;
	put_file(place, "data/rows", "12345");
	put_file(place, ".hidden/x.parquet", "");
	expect(place, "data/rows", "data/rows ");
	expect(place, "./data/./rows", "data/rows ");
	expect(place, "data//rows", "data/rows ");
	expect(place, ".hidden/x.parquet", ".hidden/x.parquet ");
	expect_none(place, "data/other");
	expect_none(place, "data/rows/below");
}

static void
a_file_comes_with_its_path_size_and_time(void **state)
{
	const struct place *place = *state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_source source = source_at("a.parquet", ASOF_FORMAT_PARQUET);
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	char path[4096];
	put_file(place, "a.parquet", "12345");
	const struct timespec times[2] = { { 1, 0 }, { 981173106, 123456789 } };
	assert_int_equal(utimensat(AT_FDCWD, path_in(place, "a.parquet", path), times, 0), 0);

	assert_ok(asof_source_list(&source, place->dir, &arena, &files, &count, &err), err);
	assert_int_equal(count, 1);
	assert_string_equal(files[0].path, path);
	assert_string_equal(files[0].name, "a.parquet");
	assert_int_equal(files[0].size_bytes, 5);
	assert_int_equal(files[0].modified_us, INT64_C(981173106123456));
}

static void
names_are_relative_only_where_the_path_is_or_lies_below_the_project(void **state)
{
	const struct place *place = *state;
	struct place inner;
	char path[4096];
	char names[4097];
	put_file(place, "in/data/a.parquet", "");
	put_file(place, "in-2/a.parquet", "");
	(void)snprintf(inner.dir, sizeof(inner.dir), "%.200s/in", place->dir);

	expect(&inner, path_in(place, "in/data", path), "data/a.parquet ");
	(void)snprintf(names, sizeof(names), "%s ", path_in(place, "in-2/a.parquet", path));
	expect(&inner, path, names);
	expect(&inner, "../in-2/a.parquet", "../in-2/a.parquet ");
}

static void
a_directory_is_the_files_of_its_format_at_any_depth(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "d/b.parquet",
					     "d/a.parquet",
					     "d/k=1/c.pq",
					     "d/k=1/j=2/e.parquet",
					     "d/notes.txt",
					     "d/k=1/x.csv",
					     "d/x.parquet.crc",
					     "d/y.csv.gz",
					     "d/y.tsv",
					     "d/z.json",
					     "d/z.jsonl.zst",
					     "d/z.ndjson",
					     "d/out.parquet/part-0.parquet",
					     NULL };
	put_files(place, names);
	static const char *const parquet = "d/a.parquet d/b.parquet d/k=1/c.pq d/k=1/j=2/e.parquet "
					   "d/out.parquet/part-0.parquet ";
	expect(place, "d", parquet);
	expect(place, "d/", parquet);
	expect(place, ".", parquet);
	expect_format(place, "d", ASOF_FORMAT_CSV, ASOF_OK, "d/k=1/x.csv d/y.csv.gz d/y.tsv ");
	expect_format(place, "d", ASOF_FORMAT_JSON, ASOF_OK, "d/z.json d/z.jsonl.zst d/z.ndjson ");
	expect(place, "d/out.parquet", "d/out.parquet/part-0.parquet ");
}

static void
hidden_files_are_passed_over(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = {
		"d/a.parquet",      "d/.b.parquet",           "d/_c.parquet",
		"d/.git/d.parquet", "d/_delta_log/e.parquet", NULL
	};
	put_files(place, names);
	expect(place, "d", "d/a.parquet ");
	expect(place, "d/**", "d/a.parquet ");
	expect(place, "**/*.parquet", "d/_c.parquet d/a.parquet ");
	expect(place, "d/*", "d/_c.parquet d/_delta_log/e.parquet d/a.parquet ");
}

static void
a_hidden_file_is_no_match_of_a_leading_wildcard(void **state)
{
	const struct place *place = *state;
	put_file(place, "d/.b.parquet", "");
	expect_none(place, "d/?b.parquet");
	expect_none(place, "d/[.]b.parquet");
	expect_none(place, "d/*");
	expect_none(place, "d");
}

static void
patterns_match_within_one_part_of_the_way(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "y2000/a1.parquet",
					     "y2000/a2.parquet",
					     "y2000/b1.parquet",
					     "y2001/a1.parquet",
					     "y2001/q/a1.parquet",
					     "z.parquet",
					     NULL };
	put_files(place, names);
	expect(place, "y*/a1.parquet", "y2000/a1.parquet y2001/a1.parquet ");
	expect(place, "y2000/?1.parquet", "y2000/a1.parquet y2000/b1.parquet ");
	expect(place, "y200[1-9]/a[0-9].parquet", "y2001/a1.parquet ");
	expect(place, "y2000/[!b]*.parquet", "y2000/a1.parquet y2000/a2.parquet ");
	expect(place, "./y2000/a?.parquet", "y2000/a1.parquet y2000/a2.parquet ");
	expect(place, "*/*",
	       "y2000/a1.parquet y2000/a2.parquet y2000/b1.parquet y2001/a1.parquet "
	       "y2001/q/a1.parquet ");
	expect_none(place, "*/z.parquet");
	expect_none(place, "nowhere/*.parquet");
	expect_none(place, "z.parquet/*");
}

static void
two_stars_are_any_number_of_directories(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "d/a.parquet",     "d/e/a.parquet", "d/e/f/a.parquet",
					     "d/e/f/b.parquet", "a.parquet",     NULL };
	put_files(place, names);
	expect(place, "d/**/a.parquet", "d/a.parquet d/e/a.parquet d/e/f/a.parquet ");
	expect(place, "**/f/*.parquet", "d/e/f/a.parquet d/e/f/b.parquet ");
	expect(place, "d/**/f/**/b.parquet", "d/e/f/b.parquet ");
	expect(place, "d/e/**", "d/e/a.parquet d/e/f/a.parquet d/e/f/b.parquet ");
}

static void
a_file_reached_by_several_ways_is_there_once(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "d/e/f/g/a.parquet", "d/a.parquet", NULL };
	put_files(place, names);
	expect(place, "**/**/**/a.parquet", "d/a.parquet d/e/f/g/a.parquet ");
	expect(place, "**/e/**/*", "d/e/f/g/a.parquet ");
	expect(place, "**/*", "d/a.parquet d/e/f/g/a.parquet ");
}

/* Without joining them this would take longer than anybody waits. */
static void
stars_in_a_row_cost_no_more_than_two(void **state)
{
	const struct place *place = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf location = ASOF_BUF(4096);
	put_file(place, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/x.parquet", "");
	for (int i = 0; i < 1000; i++)
		asof_buf_add_cstr(&location, "**/");
	asof_buf_add_cstr(&location, "x.parquet");
	expect(place, asof_buf_cstr(&location), "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/x.parquet ");
}

static void
files_are_ordered_by_the_bytes_of_their_paths(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "d/\xC3\xA9.parquet", "d/a/x.parquet",
					     "d/a-b/x.parquet",    "d/B.parquet",
					     "d/a.parquet",        "d/10.parquet",
					     "d/9.parquet",        NULL };
	put_files(place, names);
	expect(place, "d",
	       "d/10.parquet d/9.parquet d/B.parquet d/a-b/x.parquet d/a.parquet "
	       "d/a/x.parquet d/\xC3\xA9.parquet ");
}

static void
links_lead_where_the_path_goes_through_them_only(void **state)
{
	const struct place *place = *state;
	char path[4096];
	put_file(place, "far/a.parquet", "");
	put_file(place, "d/b.parquet", "");
	assert_int_equal(symlink("../far", path_in(place, "d/link", path)), 0);
	assert_int_equal(symlink("../far/a.parquet", path_in(place, "d/c.parquet", path)), 0);
	assert_int_equal(symlink("../far", path_in(place, "d/e.parquet", path)), 0);
	expect(place, "d/link/a.parquet", "d/link/a.parquet ");
	expect(place, "d/link", "d/link/a.parquet ");
	expect(place, "d/l*/*", "d/link/a.parquet ");
	expect(place, "d", "d/b.parquet d/c.parquet ");
	expect(place, "d/**", "d/b.parquet d/c.parquet ");
}

static void
links_in_a_circle_end(void **state)
{
	const struct place *place = *state;
	char path[4096];
	put_file(place, "d/a.parquet", "");
	assert_int_equal(symlink(".", path_in(place, "d/up", path)), 0);
	assert_int_equal(symlink("..", path_in(place, "d/up.parquet", path)), 0);
	assert_int_equal(symlink("self.parquet", path_in(place, "d/self.parquet", path)), 0);
	assert_int_equal(symlink("gone", path_in(place, "d/dangling.parquet", path)), 0);
	expect(place, "d", "d/a.parquet ");
	expect(place, "**/*.parquet", "d/a.parquet d/up.parquet/d/a.parquet ");
	expect_none(place, "d/self.parquet");
	expect_none(place, "d/dangling.parquet");
}

static void
what_is_neither_file_nor_directory_is_refused(void **state)
{
	const struct place *place = *state;
	char path[4096];
	char message[4200];
	put_file(place, "d/a.parquet", "");
	assert_int_equal(mkfifo(path_in(place, "d/pipe.parquet", path), 0600), 0);
	(void)snprintf(message, sizeof(message),
		       "source 's': '%s' is neither a file nor a directory", path);
	expect_format(place, "d/pipe.parquet", ASOF_FORMAT_PARQUET, ASOF_INVALID, message);
	expect(place, "d", "d/a.parquet ");
}

static void
directories_have_a_greatest_depth(void **state)
{
	const struct place *place = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(4096);
	for (int i = 0; i < 70; i++)
		asof_buf_add_cstr(&name, "d/");
	asof_buf_add_cstr(&name, "a.parquet");
	put_file(place, asof_buf_cstr(&name), "");

	static const char *const locations[] = { "d", "**", "**/a.parquet" };
	for (size_t i = 0; i < ASOF_COUNTOF(locations); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_source source = source_at(locations[i], ASOF_FORMAT_PARQUET);
		const struct asof_source_file *files = NULL;
		size_t count = 7;
		struct asof_error err = { 0 };
		assert_int_equal(
			asof_source_list(&source, place->dir, &arena, &files, &count, &err),
			ASOF_LIMIT);
		assert_non_null(strstr(err.message, "source 's': directories deeper than 64"));
		assert_null(files);
		assert_int_equal(count, 7);
	}
}

static void
a_path_has_a_greatest_length(void **state)
{
	const struct place *place = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf location = ASOF_BUF(8192);
	for (int i = 0; i < 4097; i++)
		asof_buf_add_char(&location, 'x');
	expect_format(place, asof_buf_cstr(&location), ASOF_FORMAT_PARQUET, ASOF_LIMIT,
		      "source 's': more than 4096 bytes");
	asof_buf_truncate(&location, 4000);
	for (int i = 1; i < 40; i++)
		location.ptr[(ptrdiff_t)i * 100] = '/';
	asof_buf_add_cstr(&location, "/0123456789/0123456789/0123456789/0123456789/0123456789"
				     "/0123456789/0123456789/0123456789/0123456789/0123456789");
	expect_format(place, asof_buf_cstr(&location), ASOF_FORMAT_PARQUET, ASOF_LIMIT,
		      "source 's': more than 4096 bytes");
}

static void
a_name_that_the_disk_cannot_have_is_an_error(void **state)
{
	const struct place *place = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf location = ASOF_BUF(8192);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	for (int i = 0; i < 300; i++)
		asof_buf_add_char(&location, 'x');
	struct asof_source source = source_at(asof_buf_cstr(&location), ASOF_FORMAT_PARQUET);
	assert_int_equal(asof_source_list(&source, place->dir, &arena, &files, &count, &err),
			 ASOF_IO);
	assert_non_null(strstr(err.message, "File name too long"));
}

static void
only_paths_can_be_listed(void **state)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct place *place = *state;
	struct asof_source source = source_at("t", ASOF_FORMAT_PARQUET);
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	struct asof_error err = { 0 };
	source.kind = ASOF_SOURCE_TABLE;
	assert_int_equal(asof_source_list(&source, place->dir, &arena, &files, &count, &err),
			 ASOF_UNSUPPORTED);
	assert_non_null(strstr(err.message, "source 's': only `path:`"));
}

static void
every_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
	const struct place *place = *state;
	static const char *const names[] = { "d/a.parquet",   "d/b.parquet", "d/e/c.parquet",
					     "d/e/d.parquet", "f.parquet",   NULL };
	static const char *const locations[] = { "d", "**/*.parquet", "d/e/c.parquet" };
	size_t live = asof_mem_live();
	size_t failures = 0;
	put_files(place, names);
	for (size_t i = 0; i < ASOF_COUNTOF(locations); i++) {
		enum asof_status status = ASOF_NO_MEMORY;
		for (size_t n = 1; status != ASOF_OK; n++) {
			ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
			struct asof_source source = source_at(locations[i], ASOF_FORMAT_PARQUET);
			const struct asof_source_file *files = NULL;
			size_t count = 0;
			struct asof_error err = { 0 };
			asof_mem_fail_at(n);
			status =
				asof_source_list(&source, place->dir, &arena, &files, &count, &err);
			asof_mem_fail_at(0);
			assert_true(status == ASOF_OK || status == ASOF_NO_MEMORY);
			assert_true((status == ASOF_OK) == (count > 0));
			failures += status != ASOF_OK;
		}
		assert_int_equal(asof_mem_live(), live);
	}
	assert_true(failures > 10);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_file_is_itself_whatever_it_is_called),
		IN_PLACE(a_file_comes_with_its_path_size_and_time),
		IN_PLACE(names_are_relative_only_where_the_path_is_or_lies_below_the_project),
		IN_PLACE(a_directory_is_the_files_of_its_format_at_any_depth),
		IN_PLACE(hidden_files_are_passed_over),
		IN_PLACE(a_hidden_file_is_no_match_of_a_leading_wildcard),
		IN_PLACE(patterns_match_within_one_part_of_the_way),
		IN_PLACE(two_stars_are_any_number_of_directories),
		IN_PLACE(a_file_reached_by_several_ways_is_there_once),
		IN_PLACE(stars_in_a_row_cost_no_more_than_two),
		IN_PLACE(files_are_ordered_by_the_bytes_of_their_paths),
		IN_PLACE(links_lead_where_the_path_goes_through_them_only),
		IN_PLACE(links_in_a_circle_end),
		IN_PLACE(what_is_neither_file_nor_directory_is_refused),
		IN_PLACE(directories_have_a_greatest_depth),
		IN_PLACE(a_path_has_a_greatest_length),
		IN_PLACE(a_name_that_the_disk_cannot_have_is_an_error),
		IN_PLACE(only_paths_can_be_listed),
		IN_PLACE(every_failed_allocation_is_an_error_and_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
