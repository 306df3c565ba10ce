/* test_version_set.c - which published version a reader means, and opening it. */
#include "job/version_set.h"
#include "job_samples.h"

static const char plain[] =
	"entities: {e: {keys: {k: string}}}\n"
	"sources: {s: {path: a.csv, event_time: t, types: {k: string, t: timestamp, x: int64}}}\n"
	"views: {v: {entity: e, source: s, features: [x]}}\n";
static const char windowed[] =
	"entities: {e: {keys: {k: string}}}\n"
	"sources: {s: {path: a.csv, event_time: t, types: {k: string, t: timestamp, x: int64}}}\n"
	"views: {v: {entity: e, source: s, step: 1h, features: {x: {column: x, agg: [mean, max], "
	"windows: [1h, 2h]}}}}\n";

struct fixture {
	struct asof_session session;
	struct asof_arena arena;
	struct asof_version_set set;
};

static void
publish(struct asof_catalog *catalog, const char *view, int32_t major, int32_t minor, int32_t patch,
	int64_t published_us, bool is_current)
{
	struct asof_error err = { 0 };
	struct asof_version version = { .view = view,
					.major = major,
					.minor = minor,
					.patch = patch,
					.definition_hash = "hash",
					.definition_json = plain,
					.published_us = published_us,
					.run_id = "run",
					.tag = "",
					.is_current = is_current };
	assert_ok(asof_catalog_publish(catalog, &version, &err), err);
}

/* v went to 1.1.10, then to 2.0.0, and was rolled back to 1.0.2. */
static int
set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = sample_catalog();
	f->session = sample_session(plain, catalog);
	publish(catalog, "v", 1, 0, 2, 100, true);
	publish(catalog, "v", 1, 1, 9, 200, true);
	publish(catalog, "v", 1, 1, 10, 300, true);
	publish(catalog, "v", 2, 0, 0, 400, true);
	publish(catalog, "v", 1, 0, 3, 500, true);
	publish(catalog, "w", 7, 0, 0, 50, true);
	assert_ok(asof_catalog_set_current(catalog, "v", 1, 0, 2, &err), err);
	assert_ok(asof_version_set_read(&f->session, &f->arena, &f->set, &err), err);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_catalog_free(f->session.catalog);
	sample_session_done(&f->session);
	asof_version_set_done(&f->set);
	asof_arena_done(&f->arena);
	test_free(f);
	return 0;
}

struct finding {
	const char *wanted;
	bool has_as_of;
	int64_t as_of_us;
	const char *version;
};

static void
assert_finds(struct fixture *f, const struct finding *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct asof_error err = { 0 };
		const struct asof_version *version = NULL;
		assert_ok(asof_version_set_find(&f->set, "v", cases[i].wanted, cases[i].has_as_of,
						cases[i].as_of_us, &version, &err),
			  err);
		assert_string_equal(version->view, "v");
		assert_string_equal(asof_version_text(version, &f->arena), cases[i].version);
	}
}

static void
a_name_alone_means_the_current_version(void **state)
{
	static const struct finding cases[] = { { NULL, false, 0, "1.0.2" },
						{ "", false, 0, "1.0.2" },
						{ "latest", false, 0, "1.0.2" } };
	assert_finds(*state, cases, ASOF_COUNTOF(cases));
}

static void
part_of_a_number_means_the_newest_of_these(void **state)
{
	static const struct finding cases[] = {
		{ "1", false, 0, "1.1.10" },    { "2", false, 0, "2.0.0" },
		{ "1.0", false, 0, "1.0.3" },   { "1.1", false, 0, "1.1.10" },
		{ "1.1.9", false, 0, "1.1.9" }, { "1.0.2", false, 0, "1.0.2" },
	};
	assert_finds(*state, cases, ASOF_COUNTOF(cases));
}

static void
at_an_instant_it_is_the_last_published_by_then(void **state)
{
	static const struct finding cases[] = {
		{ NULL, true, 100, "1.0.2" },  { NULL, true, 199, "1.0.2" },
		{ NULL, true, 200, "1.1.9" },  { "latest", true, 399, "1.1.10" },
		{ "", true, 400, "2.0.0" },    { NULL, true, INT64_MAX, "1.0.3" },
		{ "1", true, 250, "1.1.9" },   { "1", true, INT64_MAX, "1.1.10" },
		{ "1.0", true, 450, "1.0.2" }, { "1.1.10", true, 300, "1.1.10" },
	};
	assert_finds(*state, cases, ASOF_COUNTOF(cases));
}

static void
what_is_not_there_is_said_with_what_is(void **state)
{
	struct fixture *f = *state;
	static const char have[] = "(have: 2.0.0, 1.1.10, 1.1.9, 1.0.3, 1.0.2)";
	static const struct {
		const char *view;
		struct finding finding;
		enum asof_status status;
		const char *message;
	} cases[] = {
		{ "v", { "3", false, 0, NULL }, ASOF_NOT_FOUND, "view 'v' has no version '3' " },
		{ "v",
		  { "1.2", false, 0, NULL },
		  ASOF_NOT_FOUND,
		  "view 'v' has no version '1.2' " },
		{ "v",
		  { "1.1.11", false, 0, NULL },
		  ASOF_NOT_FOUND,
		  "view 'v' has no version '1.1.11' " },
		{ "v",
		  { NULL, true, 99, NULL },
		  ASOF_NOT_FOUND,
		  "view 'v' had no published version at that time " },
		{ "v",
		  { "2", true, 399, NULL },
		  ASOF_NOT_FOUND,
		  "view 'v' had no published version at that time " },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		const struct finding *finding = &cases[i].finding;
		const struct asof_version *version = NULL;
		assert_int_equal(asof_version_set_find(&f->set, cases[i].view, finding->wanted,
						       finding->has_as_of, finding->as_of_us,
						       &version, &err),
				 cases[i].status);
		assert_null(version);
		assert_memory_equal(err.message, cases[i].message, strlen(cases[i].message));
		assert_string_equal(err.message + strlen(cases[i].message), have);
	}
}

static void
a_view_that_was_never_built_says_how_to(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const struct asof_version *version = NULL;
	assert_int_equal(asof_version_set_find(&f->set, "u", NULL, false, 0, &version, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message,
			    "view 'u' has no published version: run `asof build u` first "
			    "(or did you mean 'v'?)");
	assert_int_equal(asof_version_set_find(&f->set, "stations", NULL, false, 0, &version, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message, "view 'stations' has no published version: "
					 "run `asof build stations` first");
}

static void
what_is_no_version_is_invalid(void **state)
{
	struct fixture *f = *state;
	static const char *const texts[] = { "x",       "1.",   ".1",      "1.2.", "1.2.3.",
					     "1.2.3.4", "1..2", "-1",      "v1",   "newest",
					     " 1",      "1 ",   "latest.", "1.x",  "2147483648" };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		struct asof_error err = { 0 };
		const struct asof_version *version = NULL;
		if (asof_version_set_find(&f->set, "v", texts[i], false, 0, &version, &err) !=
		    ASOF_INVALID)
			fail_msg("'%s' is taken: %s", texts[i], err.message);
		assert_non_null(strstr(err.message, "is no version (say 1.2.3, 1.2, 1 or latest)"));
	}
}

static void
a_set_does_not_see_what_is_published_later(void **state)
{
	struct fixture *f = *state;
	static const struct finding cases[] = { { NULL, false, 0, "1.0.2" },
						{ "2", false, 0, "2.0.0" } };
	publish(f->session.catalog, "v", 2, 0, 1, 600, true);
	assert_finds(f, cases, ASOF_COUNTOF(cases));
}

static void
a_missing_feature_is_said_with_the_nearest(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	const struct asof_view *view = &f->session.project->views[0];
	assert_int_equal(asof_no_output(view, "1.0.3", "X", &err), ASOF_NOT_FOUND);
	assert_string_equal(err.message, "view 'v' 1.0.3 has no feature 'X' (did you mean 'x'?)");
	assert_int_equal(asof_no_output(view, "1.0.3", "something", &err), ASOF_NOT_FOUND);
	assert_string_equal(err.message, "view 'v' 1.0.3 has no feature 'something'");
}

/* A lake with two commits of `v`. */
static void
make_lake(struct fixture *f, char dir[TEMPDIR_MAX])
{
	struct asof_error err = { 0 };
	tempdir_make(dir);
	assert_ok(asof_blob_open(dir, &f->session.lake, &err), err);
	(void)sample_commit(f->session.lake, "v", -1, NULL, 0);
	(void)sample_commit(f->session.lake, "v", 0, NULL, 0);
}

static void
a_version_opens_with_its_own_definition_and_files(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	char dir[TEMPDIR_MAX];
	make_lake(f, dir);
	for (int64_t n = 0; n < 2; n++) {
		const struct asof_version version = { .view = "v",
						      .major = 1,
						      .patch = 4,
						      .definition_json = n ? windowed : plain,
						      .table_version = n };
		ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
		assert_ok(asof_version_table_open(&f->session, &version, &f->arena, &table, &err),
			  err);
		assert_ptr_equal(table.version, &version);
		assert_string_equal(table.version_text, "1.0.4");
		assert_ptr_not_equal(table.project, f->session.project);
		assert_int_equal(table.view->output_count, n ? 4 : 1);
		assert_int_equal(table.snapshot.version, n);
		assert_int_equal(table.plan.path_count, n + 1);
		assert_string_equal(table.plan.paths[n], table.snapshot.files[n].path);
		assert_ptr_equal(table.plan.layout, n ? &table.layout : NULL);
		assert_true(table.plan.field_count > 0);
	}
	tempdir_remove(dir);
}

static void
a_version_that_does_not_open_says_which_view(void **state)
{
	struct fixture *f = *state;
	char dir[TEMPDIR_MAX];
	make_lake(f, dir);
	static const struct {
		const char *definition;
		int64_t table_version;
		enum asof_status status;
	} cases[] = { { "{", 0, ASOF_CORRUPT }, { plain, 9, ASOF_NOT_FOUND } };
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_error err = { 0 };
		const struct asof_version version = { .view = "v",
						      .definition_json = cases[i].definition,
						      .table_version = cases[i].table_version };
		struct asof_version_table table;
		assert_int_equal(
			asof_version_table_open(&f->session, &version, &f->arena, &table, &err),
			cases[i].status);
		assert_memory_equal(err.message, "view 'v': ", 10);
		assert_null(table.project);
		asof_version_table_done(&table);
	}
	tempdir_remove(dir);
}

static enum asof_status
read_find_open(void *arg, struct asof_error *err)
{
	struct fixture *f = arg;
	const struct asof_version version = { .view = "v",
					      .definition_json = windowed,
					      .table_version = 1 };
	const struct asof_version *found = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
	ASOF_TRY(asof_version_set_read(&f->session, &arena, &set, err));
	ASOF_TRY(asof_version_set_find(&set, "v", "1", false, 0, &found, err));
	return asof_version_table_open(&f->session, &version, &arena, &table, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct fixture *f = *state;
	char dir[TEMPDIR_MAX];
	make_lake(f, dir);
	assert_survives(read_find_open, f);
	tempdir_remove(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_alone_means_the_current_version),
		TEST(part_of_a_number_means_the_newest_of_these),
		TEST(at_an_instant_it_is_the_last_published_by_then),
		TEST(what_is_not_there_is_said_with_what_is),
		TEST(a_view_that_was_never_built_says_how_to),
		TEST(what_is_no_version_is_invalid),
		TEST(a_set_does_not_see_what_is_published_later),
		TEST(a_missing_feature_is_said_with_the_nearest),
		TEST(a_version_opens_with_its_own_definition_and_files),
		TEST(a_version_that_does_not_open_says_which_view),
		TEST(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
