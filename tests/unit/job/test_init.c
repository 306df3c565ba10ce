/* test_init.c - a fresh project works, and nothing that exists is overwritten. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_writer.h"
#include "codec/json_reader.h"
#include "job_samples.h"

struct fixture {
	char dir[TEMPDIR_MAX];
	char project[TEMPDIR_MAX + 16];
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	(void)snprintf(f.project, sizeof(f.project), "%s/new", f.dir);
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
a_fresh_project_has_no_mistakes_against_its_own_data(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char *json = NULL;
	assert_ok(asof_init(f->project, &json, &err), err);
	asof_mem_free(json);

	struct asof_session *session = NULL;
	struct asof_session_options options = { .dir = f->project, .threads = 1 };
	assert_ok(asof_session_open(&options, &session, &err), err);
	assert_ok(asof_session_bind(session, &err), err);
	assert_string_equal(asof_session_mistakes(session), "");
	assert_int_equal(session->project->view_count, 1);
	assert_int_equal(session->project->service_count, 1);
	asof_session_close(session);
}

static void
the_answer_names_every_file(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char *json = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = NULL;
	struct asof_str dir;
	assert_ok(asof_init(f->project, &json, &err), err);
	assert_ok(asof_json_read(asof_str_from(json), &arena, &root, &err), err);
	assert_ok(asof_json_member_read_str(root, "dir", &dir, &err), err);
	assert_true(asof_str_equal(dir, asof_str_from(f->project)));
	const struct asof_json *files = asof_json_member(root, "files");
	assert_int_equal(files->count, 4);
	for (size_t i = 0; i < files->count; i++) {
		char path[TEMPDIR_MAX + 64];
		struct stat info;
		(void)snprintf(path, sizeof(path), "%s/%.*s", f->project,
			       ASOF_STR_ARG(files->items[i].text));
		assert_int_equal(stat(path, &info), 0);
		assert_true(info.st_size > 0);
	}
	asof_mem_free(json);
}

static void
what_is_there_is_not_overwritten(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char *json = NULL;
	sample_file(f->dir, "asof.yaml", "mine");
	assert_int_equal(asof_init(f->dir, &json, &err), ASOF_CONFLICT);
	assert_null(json);
	assert_non_null(strstr(err.message, "asof.yaml' is there already: nothing was written"));

	char path[TEMPDIR_MAX + 64];
	char text[16] = "";
	(void)snprintf(path, sizeof(path), "%s/data", f->dir);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/asof.yaml", f->dir);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text), file), 4);
	assert_memory_equal(text, "mine", 4);
	(void)fclose(file);
}

static void
a_second_time_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char *json = NULL;
	assert_ok(asof_init(f->project, &json, &err), err);
	asof_mem_free(json);
	json = NULL;
	assert_int_equal(asof_init(f->project, &json, &err), ASOF_CONFLICT);
	assert_null(json);
}

static void
a_directory_that_cannot_be_made_is_named(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char *json = NULL;
	char path[TEMPDIR_MAX + 32];
	(void)snprintf(path, sizeof(path), "%s/none/below", f->dir);
	assert_int_equal(asof_init(path, &json, &err), ASOF_IO);
	assert_null(json);
	assert_non_null(strstr(err.message, path));
}

static enum asof_status
init_again(void *arg, struct asof_error *err)
{
	const struct fixture *f = arg;
	char *json = NULL;
	if (access(f->project, F_OK) == 0)
		tempdir_remove(f->project);
	ASOF_TRY(asof_init(f->project, &json, err));
	asof_mem_free(json);
	return ASOF_OK;
}

static void
every_allocation_failure_is_survived(void **state)
{
	assert_survives(init_again, *state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_fresh_project_has_no_mistakes_against_its_own_data),
		TEST(the_answer_names_every_file),
		TEST(what_is_there_is_not_overwritten),
		TEST(a_second_time_is_a_conflict),
		TEST(a_directory_that_cannot_be_made_is_named),
		TEST(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
