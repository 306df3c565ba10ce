/* test_versions.c - the number that a definition gets, and what the catalog hears from the lake. */
#include "job/versions.h"
#include "job_samples.h"

#define SOURCE                                                                                     \
	"sources: {s: {path: a.csv, event_time: t, types: {k: string, t: timestamp, x: int64, y: " \
	"float64}}}\n"
#define TEXT(about, features)                                                                    \
	"entities: {e: {keys: {k: string}}}\n" SOURCE "views: {v: {entity: e, source: s, " about \
	"features: "                                                                             \
	"[" features "]}}\n"

static const char only_x[] = TEXT("", "x");
static const char x_and_y[] = TEXT("", "x, y");
static const char only_y[] = TEXT("", "y");
static const char x_of_a_week[] = TEXT("max_age: 7d, ", "x");
static const char x_described[] = TEXT("description: said, owner: me, tags: [t], ", "x");

struct fixture {
	struct asof_catalog *catalog;
	struct asof_arena arena;
	struct asof_session session; /* of the state found last */
	int64_t table_version;
};

static int
set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	f->catalog = sample_catalog();
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	sample_session_done(&f->session);
	asof_catalog_free(f->catalog);
	asof_arena_done(&f->arena);
	test_free(f);
	return 0;
}

/* Where `text` stands against what is registered and published. Lives until the next call. */
static struct asof_view_state
state_of(struct fixture *f, const char *text)
{
	struct asof_error err = { 0 };
	struct asof_view_state state;
	sample_session_done(&f->session);
	f->session = sample_session(text, f->catalog);
	assert_ok(asof_view_state_find(&f->session, &f->session.project->views[0], &f->arena,
				       &state, &err),
		  err);
	return state;
}

static void
assert_state(const struct asof_view_state *state, enum asof_view_change change, int32_t major,
	     int32_t minor, int32_t next_patch)
{
	assert_int_equal(state->change, change);
	assert_int_equal(state->major, major);
	assert_int_equal(state->minor, minor);
	assert_int_equal(state->next_patch, next_patch);
}

static void
register_definition(struct fixture *f, const char *text)
{
	struct asof_error err = { 0 };
	struct asof_view_state state = state_of(f, text);
	assert_ok(asof_view_state_register(&f->session, &state, &err), err);
}

/* Register and publish, as a build does. */
static void
build(struct fixture *f, const char *text)
{
	struct asof_error err = { 0 };
	struct asof_view_state state = state_of(f, text);
	char run_id[32];
	(void)snprintf(run_id, sizeof(run_id), "run-%d", (int)f->table_version);
	struct asof_version version = { .view = "v",
					.major = state.major,
					.minor = state.minor,
					.patch = state.next_patch,
					.definition_hash = state.hash,
					.definition_json = state.json,
					.table_version = f->table_version++,
					.published_us = SAMPLE_NOW_US,
					.run_id = run_id,
					.tag = "",
					.is_current = true };
	assert_ok(asof_view_state_register(&f->session, &state, &err), err);
	assert_ok(asof_catalog_publish(f->catalog, &version, &err), err);
}

static void
a_version_is_three_numbers(void **state)
{
	(void)state;
	int32_t a;
	int32_t b;
	int32_t c;
	assert_true(asof_version_parse("1.20.300", &a, &b, &c));
	assert_true(a == 1 && b == 20 && c == 300);
	assert_true(asof_version_parse("0.0.2147483647", &a, &b, &c));
	assert_true(a == 0 && b == 0 && c == INT32_MAX);
	static const char *const texts[] = { "1.-0.3",
					     "",
					     "1",
					     "1.2",
					     "1.2.",
					     "1.2.3.",
					     "1.2.3.4",
					     ".1.2.3",
					     "1..2",
					     "1.2.x",
					     "1.2.3x",
					     " 1.2.3",
					     "1.2.3 ",
					     "+1.2.3",
					     "1.-2.3",
					     "v1.2.3",
					     "latest",
					     "1.2.3.",
					     "1,2,3",
					     "1.2.3\n",
					     "1.2.2147483648",
					     "1.2.99999999999999999999" };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++)
		if (asof_version_parse(texts[i], &a, &b, &c))
			fail_msg("'%s' is taken", texts[i]);
}

static void
the_text_of_a_version_reads_back(void **state)
{
	(void)state;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_version version = { .major = 3, .minor = 0, .patch = INT32_MAX };
	assert_string_equal(asof_version_text(&version, &arena), "3.0.2147483647");
}

static void
the_first_definition_is_1_0(void **state)
{
	struct fixture *f = *state;
	struct asof_view_state s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_NEW, 1, 0, 0);
	assert_false(s.has_current || s.has_newest);
	assert_string_equal(s.reasons, "");
	assert_int_equal(strlen(s.hash), 32);

	register_definition(f, only_x);
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 0);
}

static void
each_build_of_a_definition_is_the_next_patch(void **state)
{
	struct fixture *f = *state;
	for (int32_t patch = 0; patch < 3; patch++) {
		build(f, only_x);
		struct asof_view_state s = state_of(f, only_x);
		assert_state(&s, ASOF_VIEW_SAME, 1, 0, patch + 1);
		assert_true(s.has_current && s.has_newest);
		assert_int_equal(s.current.patch, patch);
		assert_int_equal(s.newest.table_version, patch);
	}
}

static void
what_is_said_about_a_view_is_no_difference(void **state)
{
	struct fixture *f = *state;
	build(f, only_x);
	struct asof_view_state s = state_of(f, x_described);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 1);
	assert_string_equal(s.reasons, "");
}

static void
one_more_feature_is_minor(void **state)
{
	struct fixture *f = *state;
	build(f, only_x);
	struct asof_view_state s = state_of(f, x_and_y);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 1, 0);
	assert_non_null(strstr(s.reasons, "'y'"));
	assert_int_equal(s.current.minor, 0);
}

static void
one_feature_less_is_major(void **state)
{
	struct fixture *f = *state;
	build(f, x_and_y);
	struct asof_view_state s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_MAJOR, 2, 0, 0);
	assert_non_null(strstr(s.reasons, "'y'"));
}

static void
a_draft_that_follows_nothing_stays_1_0(void **state)
{
	struct fixture *f = *state;
	register_definition(f, x_and_y);
	struct asof_view_state s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 0, 0);
	assert_string_equal(s.reasons, "the registered definition was never built\n");
	register_definition(f, only_x);
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 0);
}

static void
what_replaces_a_draft_follows_what_was_built(void **state)
{
	struct fixture *f = *state;
	build(f, only_x);
	register_definition(f, x_and_y); /* 1.1, never built */
	struct asof_view_state s = state_of(f, x_and_y);
	assert_state(&s, ASOF_VIEW_SAME, 1, 1, 0);
	s = state_of(f, x_of_a_week);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 1, 0);
	s = state_of(f, only_y);
	assert_state(&s, ASOF_VIEW_MAJOR, 2, 0, 0);
	assert_null(strstr(s.reasons, "never built"));

	/* The draft taken back: what was built goes on, as it was. */
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 0, 1);
	build(f, only_x);
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 2);
}

static void
a_revert_is_a_new_number(void **state)
{
	struct fixture *f = *state;
	build(f, only_x);
	build(f, x_of_a_week);
	struct asof_view_state s = state_of(f, x_of_a_week);
	assert_state(&s, ASOF_VIEW_SAME, 1, 1, 1);
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 2, 0);
	build(f, only_x);
	build(f, x_and_y);
	s = state_of(f, x_and_y);
	assert_state(&s, ASOF_VIEW_SAME, 1, 3, 1);
	s = state_of(f, only_x); /* y disappears */
	assert_state(&s, ASOF_VIEW_MAJOR, 2, 0, 0);
}

static void
a_rollback_moves_what_is_current_and_no_number(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	build(f, x_and_y);
	build(f, only_x);
	assert_ok(asof_catalog_set_current(f->catalog, "v", 1, 0, 0, &err), err);
	struct asof_view_state s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_SAME, 2, 0, 1);
	assert_int_equal(s.current.major, 1);
	assert_int_equal(s.newest.major, 2);
}

static void
numbers_that_were_given_are_not_given_again(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	build(f, only_x); /* 1.0 */
	struct asof_view_state first = state_of(f, only_x);
	build(f, x_of_a_week); /* 1.1 */
	build(f, only_y);      /* 2.0 */

	/* The registered definition is the first again, as after a catalog restored from a copy. */
	first.view = &f->session.project->views[0];
	assert_ok(asof_view_state_register(&f->session, &first, &err), err);
	struct asof_view_state s = state_of(f, x_and_y);
	assert_state(&s, ASOF_VIEW_MINOR, 1, 2, 0);
	s = state_of(f, only_y);
	assert_state(&s, ASOF_VIEW_MAJOR, 3, 0, 0);
	s = state_of(f, only_x);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 1);
}

static void
a_version_has_its_own_definition(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_view_state s = state_of(f, x_and_y);
	struct asof_version version = { .view = "v", .definition_json = s.json };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *view = NULL;
	assert_ok(asof_version_project(&version, &project, &view, &err), err);
	assert_ptr_equal(view, &project->views[0]);
	assert_string_equal(view->name, "v");
	assert_int_equal(view->output_count, 2);
	assert_int_equal(view->outputs[1].type.kind, ASOF_TYPE_FLOAT64);
}

static void
a_definition_that_does_not_read_back_is_corrupt(void **state)
{
	(void)state;
	static const char *const texts[] = { "",
					     "{",
					     "{\"views\":{}}",
					     "{\"views\":{\"v\":{}}}",
					     TEXT("", "z"),
					     "entities: {e: {keys: {k: string}}}\n" SOURCE };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		struct asof_version version = { .view = "v", .definition_json = texts[i] };
		struct asof_project *project = NULL;
		const struct asof_view *view = NULL;
		if (asof_version_project(&version, &project, &view, &err) != ASOF_CORRUPT)
			fail_msg("'%s' is taken: %s", texts[i], err.message);
		assert_null(project);
		assert_non_null(strstr(err.message, "registered definition of 'v'"));
	}
}

static enum asof_status
copy_and_compare(void *arg, struct asof_error *err)
{
	struct asof_session *session = arg;
	struct asof_view_state state;
	struct asof_version copy;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(asof_view_state_find(session, &session->project->views[0], &arena, &state, err));
	ASOF_TRY(asof_version_copy(&arena, &state.newest, &copy, err));
	if (state.change != ASOF_VIEW_MINOR || strcmp(copy.run_id, "run-0") != 0)
		return ASOF_FAIL(err, ASOF_INTERNAL, "another answer");
	return ASOF_OK;
}

static void
every_allocation_failure_of_comparing_is_survived(void **state)
{
	struct fixture *f = *state;
	build(f, only_x);
	(void)state_of(f, x_and_y);
	assert_survives(copy_and_compare, &f->session);
}

/* What a commit of a build says of itself. */
struct commit_info {
	struct asof_property items[7];
};

static struct commit_info
info_of(const struct asof_view_state *state, const char *version, const char *run_id)
{
	return (struct commit_info){ { { ASOF_INFO_VERSION, version },
				       { ASOF_INFO_HASH, state->hash },
				       { ASOF_INFO_DEFINITION, state->json },
				       { ASOF_INFO_RUN, run_id },
				       { ASOF_INFO_TAG, "nightly" },
				       { ASOF_INFO_ROWS, "12" },
				       { ASOF_INFO_CURSOR, "{}" } } };
}

struct lake {
	char dir[TEMPDIR_MAX];
};

static void
open_lake(struct fixture *f, struct lake *lake)
{
	struct asof_error err = { 0 };
	tempdir_make(lake->dir);
	assert_ok(asof_blob_open(lake->dir, &f->session.lake, &err), err);
}

static void
assert_current(struct fixture *f, const char *wanted, const char *run_id, int64_t table_version)
{
	struct asof_error err = { 0 };
	struct asof_version version;
	assert_ok(asof_catalog_find_version(f->catalog, "v", wanted, &f->arena, &version, &err),
		  err);
	assert_string_equal(version.run_id, run_id);
	assert_int_equal(version.table_version, table_version);
	assert_string_equal(version.tag, "nightly");
	assert_int_equal(version.row_count, 12);
}

static void
the_catalog_hears_of_every_commit_of_a_build(void **state)
{
	struct fixture *f = *state;
	struct lake lake;
	struct asof_error err = { 0 };
	struct asof_view_state s = state_of(f, only_x);
	open_lake(f, &lake);
	struct commit_info first = info_of(&s, "1.0.0", "one");
	struct commit_info second = info_of(&s, "1.0.1", "two");
	const struct asof_property foreign[] = { { "engine", "another" },
						 { ASOF_INFO_VERSION, "no number" } };
	(void)sample_commit(f->session.lake, "v", -1, first.items, 7);
	(void)sample_commit(f->session.lake, "v", 0, foreign, 1);
	(void)sample_commit(f->session.lake, "v", 1, second.items, 7);
	(void)sample_commit(f->session.lake, "v", 2, foreign, 2);

	for (int pass = 0; pass < 2; pass++) {
		assert_ok(asof_versions_sync(&f->session, &err), err);
		assert_current(f, "latest", "two", 2);
		assert_current(f, "1.0.0", "one", 0);
	}
	assert_ok(asof_view_state_find(&f->session, &f->session.project->views[0], &f->arena, &s,
				       &err),
		  err);
	assert_state(&s, ASOF_VIEW_SAME, 1, 0, 2); /* registered from the lake too */
	tempdir_remove(lake.dir);
}

static void
a_run_that_died_before_it_told_the_catalog_is_heard(void **state)
{
	struct fixture *f = *state;
	struct lake lake;
	struct asof_error err = { 0 };
	struct asof_view_state s = state_of(f, only_x);
	open_lake(f, &lake);
	struct commit_info first = info_of(&s, "1.0.0", "one");
	struct commit_info second = info_of(&s, "1.0.1", "two");
	(void)sample_commit(f->session.lake, "v", -1, first.items, 7);
	assert_ok(asof_versions_sync(&f->session, &err), err);
	assert_current(f, "latest", "one", 0);
	(void)sample_commit(f->session.lake, "v", 0, second.items, 7);
	assert_ok(asof_versions_sync(&f->session, &err), err);
	assert_current(f, "latest", "two", 1);

	/* A rollback is not undone by hearing again of what is known. */
	assert_ok(asof_catalog_set_current(f->catalog, "v", 1, 0, 0, &err), err);
	assert_ok(asof_versions_sync(&f->session, &err), err);
	assert_current(f, "latest", "one", 0);
	tempdir_remove(lake.dir);
}

static void
a_log_that_does_not_decode_is_said_with_the_view(void **state)
{
	struct fixture *f = *state;
	struct lake lake;
	struct asof_error err = { 0 };
	(void)state_of(f, only_x);
	open_lake(f, &lake);
	assert_ok(asof_blob_put(f->session.lake, "v/_delta_log/00000000000000000000.json",
				asof_str_from("{\"commitInfo\":"), &err),
		  err);
	assert_int_equal(asof_versions_sync(&f->session, &err), ASOF_CORRUPT);
	assert_non_null(strstr(err.message, "look at the lake's 'v': "));
	tempdir_remove(lake.dir);
}

static enum asof_status
hear_all(void *arg, struct asof_error *err)
{
	const struct asof_session *from = arg;
	struct asof_session session = *from;
	ASOF_AUTO(asof_catalog_free_auto) struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_catalog_open("memory", &catalog, err));
	session.catalog = catalog;
	return asof_versions_sync(&session, err);
}

static void
every_allocation_failure_of_hearing_is_survived(void **state)
{
	struct fixture *f = *state;
	struct lake lake;
	struct asof_view_state s = state_of(f, only_x);
	open_lake(f, &lake);
	struct commit_info first = info_of(&s, "1.0.0", "one");
	struct commit_info second = info_of(&s, "1.0.1", "two");
	(void)sample_commit(f->session.lake, "v", -1, first.items, 7);
	(void)sample_commit(f->session.lake, "v", 0, second.items, 7);
	assert_survives(hear_all, &f->session);
	tempdir_remove(lake.dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_version_is_three_numbers),
		TEST(the_text_of_a_version_reads_back),
		TEST(the_first_definition_is_1_0),
		TEST(each_build_of_a_definition_is_the_next_patch),
		TEST(what_is_said_about_a_view_is_no_difference),
		TEST(one_more_feature_is_minor),
		TEST(one_feature_less_is_major),
		TEST(a_draft_that_follows_nothing_stays_1_0),
		TEST(what_replaces_a_draft_follows_what_was_built),
		TEST(a_revert_is_a_new_number),
		TEST(a_rollback_moves_what_is_current_and_no_number),
		TEST(numbers_that_were_given_are_not_given_again),
		TEST(a_version_has_its_own_definition),
		TEST(a_definition_that_does_not_read_back_is_corrupt),
		TEST(every_allocation_failure_of_comparing_is_survived),
		TEST(the_catalog_hears_of_every_commit_of_a_build),
		TEST(a_run_that_died_before_it_told_the_catalog_is_heard),
		TEST(a_log_that_does_not_decode_is_said_with_the_view),
		TEST(every_allocation_failure_of_hearing_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
