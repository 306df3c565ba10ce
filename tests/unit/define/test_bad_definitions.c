/* test_bad_definitions.c - bad/NAME.yaml: each must give exactly its lines of bad.txt. */
#include "project_dir.h"

#define UPDATE_VARIABLE "ASOF_UPDATE_GOLDEN" /* set: write bad.txt instead of comparing */

/* All mistakes of one bad file, each line "NAME.yaml:line:column: message". */
static void
collect(const char *path, const char *name, struct asof_buf *buf)
{
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1u << 20);
	ASOF_AUTO(asof_bytes_free) struct asof_bytes bytes = read_whole(path);
	ASOF_AUTO(project_dir_remove) struct project_dir dir = project_dir_make();
	struct asof_define_options options = { .dir = dir.path, .env = no_environment };

	/* Sources are bound by `types`, which only a text may have. */
	if (strncmp(name, "typed_", strlen("typed_")) == 0) {
		assert_ok(asof_define_parse(asof_bytes_view(bytes), "asof.yaml", &options,
					    &mistakes, &project, &err),
			  err);
	} else {
		project_dir_write_bytes(&dir, "asof.yaml", bytes.ptr, bytes.len);
		assert_ok(asof_define_read(&options, &mistakes, &project, &err), err);
	}
	assert_int_equal(asof_mistakes_status(&mistakes, &err), ASOF_INVALID);
	asof_mistakes_write(&mistakes, &text);
	assert_ok(asof_buf_status(&text, &err), err);

	for (const char *line = asof_buf_cstr(&text), *next; *line; line = next) {
		const char *end = strchr(line, '\n');
		assert_memory_equal(line, "asof.yaml:", strlen("asof.yaml:"));
		line += strlen("asof.yaml");
		asof_buf_printf(buf, "%s%.*s\n", name, (int)(end - line), line);
		next = end + 1;
	}
	asof_mistakes_done(&mistakes);
}

static void
every_mistake_is_told_at_its_place(void **state)
{
	(void)state;
	char path[512];
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf got = ASOF_BUF(1u << 20);
	glob_t found = { 0 };
	assert_int_equal(glob(test_data("bad/*.yaml", path, sizeof(path)), 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 80);
	for (size_t i = 0; i < found.gl_pathc; i++)
		collect(found.gl_pathv[i], strrchr(found.gl_pathv[i], '/') + 1, &got);
	globfree(&found);
	assert_ok(asof_buf_status(&got, &err), err);

	(void)test_data("bad.txt", path, sizeof(path));
	if (getenv(UPDATE_VARIABLE)) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		assert_int_equal(fwrite(got.ptr, 1, got.len, file), got.len);
		assert_int_equal(fclose(file), 0);
	}
	ASOF_AUTO(asof_bytes_free) struct asof_bytes want = read_whole(path);
	assert_string_equal(asof_buf_cstr(&got), want.ptr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_is_told_at_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
