/* test_catalog.c - what every catalog promises, run against each of them. */
#include "catalog_fixture.h"

static void
definitions_come_back_in_order(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	assert_definitions(catalog, NULL, "");
	const struct asof_definition all[] = {
		definition("view", "b", "h1"),
		definition("entity", "e", "h2"),
		definition("view", "a", "h3"),
		definition("view", "B", "h4"),
	};
	assert_ok(asof_catalog_define(catalog, all, 4, NULL, 0, &err), err);
	assert_definitions(catalog, "view",
			   "view B h4 {\"a\": 1} 1.2 3;view a h3 {\"a\": 1} 1.2 3;"
			   "view b h1 {\"a\": 1} 1.2 3;");
	assert_definitions(catalog, "entity", "entity e h2 {\"a\": 1} 1.2 3;");
	assert_definitions(catalog, "service", "");
	assert_definitions(catalog, NULL,
			   "entity e h2 {\"a\": 1} 1.2 3;view B h4 {\"a\": 1} 1.2 3;"
			   "view a h3 {\"a\": 1} 1.2 3;view b h1 {\"a\": 1} 1.2 3;");
}

static void
define_replaces_and_forgets(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	const struct asof_definition first[] = { definition("view", "a", "h1"),
						 definition("view", "b", "h2") };
	assert_ok(asof_catalog_define(catalog, first, 2, NULL, 0, &err), err);
	struct asof_definition next = definition("view", "b", "h3");
	next.json = "\xc3\xa9 'quoted'; drop table definition";
	next.minor = 9;
	const struct asof_definition removed[] = { { .kind = "view", .name = "a" },
						   { .kind = "view", .name = "unknown" },
						   { .kind = "source", .name = "b" } };
	assert_ok(asof_catalog_define(catalog, &next, 1, removed, 3, &err), err);
	assert_definitions(catalog, NULL,
			   "view b h3 \xc3\xa9 'quoted'; drop table definition 1.9 3;");
}

static void
versions_are_listed_newest_first_with_one_current(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	publish(catalog, version("v", 1, 0, 0));
	publish(catalog, version("v", 1, 0, 10));
	publish(catalog, version("v", 1, 0, 9));
	publish(catalog, version("v", 1, 2, 0));
	publish(catalog, version("u", 3, 0, 0));
	struct asof_version not_current = version("v", 2, 0, 0);
	not_current.is_current = false;
	publish(catalog, not_current);
	assert_versions(catalog, "v", "v@2.0.0;v@1.2.0*;v@1.0.10;v@1.0.9;v@1.0.0;");
	assert_versions(catalog, NULL, "u@3.0.0*;v@2.0.0;v@1.2.0*;v@1.0.10;v@1.0.9;v@1.0.0;");
	assert_versions(catalog, "none", "");
}

static void
publishing_again_changes_nothing_and_another_run_conflicts(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	publish(catalog, version("v", 1, 0, 0));
	publish(catalog, version("v", 1, 0, 1));
	struct asof_version again = version("v", 1, 0, 0);
	again.row_count = 99;
	publish(catalog, again);
	assert_versions(catalog, "v", "v@1.0.1*;v@1.0.0;");
	again.run_id = "other";
	assert_int_equal(asof_catalog_publish(catalog, &again, &err), ASOF_CONFLICT);
	assert_string_equal(err.message, "publish v@1.0.0: it exists already, made by run 'run'");
	assert_versions(catalog, "v", "v@1.0.1*;v@1.0.0;");
}

static void
the_current_version_moves_both_ways(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	publish(catalog, version("v", 1, 0, 0));
	publish(catalog, version("v", 1, 0, 1));
	publish(catalog, version("u", 1, 0, 0));
	assert_ok(asof_catalog_set_current(catalog, "v", 1, 0, 0, &err), err);
	assert_versions(catalog, NULL, "u@1.0.0*;v@1.0.1;v@1.0.0*;");
	assert_ok(asof_catalog_set_current(catalog, "v", 1, 0, 1, &err), err);
	assert_int_equal(asof_catalog_set_current(catalog, "v", 1, 0, 2, &err), ASOF_NOT_FOUND);
	assert_int_equal(asof_catalog_set_current(catalog, "w", 1, 0, 0, &err), ASOF_NOT_FOUND);
	assert_versions(catalog, "v", "v@1.0.1*;v@1.0.0;");
}

static void
a_version_moves_to_later_versions_of_its_table_only(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_version found;
	publish(catalog, version("v", 1, 0, 0));
	for (int64_t to = 1000; to >= 999; to--)
		assert_ok(asof_catalog_move_version(catalog, "v", 1, 0, 0, to, &err), err);
	assert_ok(asof_catalog_find_version(catalog, "v", "1", &arena, &found, &err), err);
	assert_int_equal(found.table_version, 1000);
	assert_versions(catalog, "v", "v@1.0.0*;");
	assert_int_equal(asof_catalog_move_version(catalog, "w", 1, 0, 0, 7, &err), ASOF_NOT_FOUND);
}

static void
a_version_is_found_by_what_a_reader_writes(void **state)
{
	static const struct {
		const char *wanted;
		int32_t minor, patch;
	} cases[] = { { "", 2, 0 },    { "latest", 2, 0 }, { "1", 10, 3 },
		      { "1.2", 2, 1 }, { "1.2.0", 2, 0 },  { "1.10.3", 10, 3 } };
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_version found;
	publish(catalog, version("v", 1, 10, 3));
	publish(catalog, version("v", 1, 2, 1));
	struct asof_version full = version("v", 1, 2, 0);
	full.definition_hash = "the hash";
	full.definition_json = "{\"x\":[]}";
	full.table_version = INT64_MAX;
	full.row_count = 1234567890123;
	full.published_us = -5;
	full.run_id = "run-7";
	full.tag = "candidate";
	full.made_by = "ada@host";
	full.reason = "June's prices came";
	publish(catalog, full);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		assert_ok(asof_catalog_find_version(catalog, "v", cases[i].wanted, &arena, &found,
						    &err),
			  err);
		assert_int_equal(found.minor, cases[i].minor);
		assert_int_equal(found.patch, cases[i].patch);
	}
	assert_ok(asof_catalog_find_version(catalog, "v", "", &arena, &found, &err), err);
	assert_string_equal(found.definition_hash, "the hash");
	assert_string_equal(found.definition_json, "{\"x\":[]}");
	assert_true(found.table_version == INT64_MAX && found.row_count == 1234567890123);
	assert_int_equal(found.published_us, -5);
	assert_string_equal(found.run_id, "run-7");
	assert_string_equal(found.tag, "candidate");
	assert_string_equal(found.made_by, "ada@host");
	assert_string_equal(found.reason, "June's prices came");
	assert_true(found.is_current);
	assert_ok(asof_catalog_find_version(catalog, "v", "1.2.1", &arena, &found, &err), err);
	assert_string_equal(found.made_by, "");
	assert_string_equal(found.reason, "");
}

static void
a_version_that_is_not_there_is_answered_with_those_that_are(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_version found;
	assert_int_equal(asof_catalog_find_version(catalog, "v", "", &arena, &found, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message, "view 'v' has no published version");
	publish(catalog, version("v", 1, 0, 0));
	publish(catalog, version("v", 1, 0, 1));
	assert_int_equal(asof_catalog_find_version(catalog, "v", "1.1", &arena, &found, &err),
			 ASOF_NOT_FOUND);
	assert_string_equal(err.message,
			    "view 'v' has no version '1.1' (have: 1.0.1 (current), 1.0.0)");
	static const char *const malformed[] = { "x",  "1.", ".1",   "1.2.3.4",    "-1",
						 "1 ", "v1", "1..2", "99999999999" };
	for (size_t i = 0; i < ASOF_COUNTOF(malformed); i++)
		assert_int_equal(
			asof_catalog_find_version(catalog, "v", malformed[i], &arena, &found, &err),
			ASOF_INVALID);
}

static void
runs_are_listed_newest_first_and_replaced_by_id(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	struct asof_run runs[] = {
		{ .id = "a", .job = "build", .name = "v", .started_us = 10 },
		{ .id = "c", .job = "join", .started_us = 30 },
		{ .id = "b", .job = "materialize", .name = "v", .started_us = 20 },
		{ .id = "d", .job = "join", .started_us = 30 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(runs); i++)
		assert_ok(asof_catalog_put_run(catalog, &runs[i], &err), err);
	runs[0].state = ASOF_RUN_FAILED;
	runs[0].finished_us = 99;
	runs[0].row_count = 7;
	runs[0].message = "it's full";
	runs[0].version = "1.0.0";
	runs[0].made_by = "ada@host";
	runs[0].reason = "why not";
	runs[0].started_us = 25;
	assert_ok(asof_catalog_put_run(catalog, &runs[0], &err), err);
	assert_ok(asof_catalog_runs(catalog, 3, add_run, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen),
			    "d join  0 30 0 0 ''  by '' for '';c join  0 30 0 0 ''  by '' for '';a "
			    "build v 2 25 99 7 'it's full' 1.0.0 by 'ada@host' for 'why not';");
	asof_buf_clear(&seen);
	assert_ok(asof_catalog_runs(catalog, SIZE_MAX, add_run, &seen, &err), err);
	assert_non_null(strstr(asof_buf_cstr(&seen), "b materialize v"));
	asof_buf_clear(&seen);
	assert_ok(asof_catalog_runs(catalog, 0, add_run, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), "");
}

static void
what_is_online_is_the_last_that_was_said(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_materialization found = { 0 };
	assert_int_equal(asof_catalog_find_materialization(catalog, "v", &arena, &found, &err),
			 ASOF_NOT_FOUND);
	const struct asof_materialization puts[] = {
		{ "v", "1.0.0", 1, 2, 3 },
		{ "u", "1.0.0", 4, 5, 6 },
		{ "v", "1.0.1", 7, 8, 9 },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(puts); i++)
		assert_ok(asof_catalog_put_materialization(catalog, &puts[i], &err), err);
	assert_ok(asof_catalog_find_materialization(catalog, "v", &arena, &found, &err), err);
	assert_string_equal(found.view, "v");
	assert_string_equal(found.version, "1.0.1");
	assert_true(found.at_us == 7 && found.row_count == 8 && found.done_us == 9);
}

static void
training_sets_are_listed_newest_first_and_replaced_by_file(void **state)
{
	struct asof_catalog *catalog = catalog_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	struct asof_training_set sets[] = {
		{ "/t/a.parquet", "/s.csv", "model", "{\"v\":\"1.0.0\"}", "[\"v.f\"]", 10, 1,
		  "me@here" },
		{ "/t/c.parquet", "/s.csv", NULL, "{}", "[]", 30, 3, "it's me" },
		{ "/t/b.parquet", "/s.csv", NULL, "{}", "[]", 20, 3, "" },
	};
	assert_ok(asof_catalog_training_sets(catalog, 9, add_training_set, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), "");
	for (size_t i = 0; i < ASOF_COUNTOF(sets); i++)
		assert_ok(asof_catalog_put_training_set(catalog, &sets[i], &err), err);
	assert_ok(asof_catalog_training_sets(catalog, 9, add_training_set, &seen, &err), err);
	assert_string_equal(
		asof_buf_cstr(&seen),
		"/t/b.parquet /s.csv '' {} [] 20 3 ;"
		"/t/c.parquet /s.csv '' {} [] 30 3 it's me;"
		"/t/a.parquet /s.csv 'model' {\"v\":\"1.0.0\"} [\"v.f\"] 10 1 me@here;");
	sets[0].made_us = 9;
	sets[0].row_count = 11;
	sets[0].spine = "/other.csv";
	assert_ok(asof_catalog_put_training_set(catalog, &sets[0], &err), err);
	asof_buf_clear(&seen);
	assert_ok(asof_catalog_training_sets(catalog, 2, add_training_set, &seen, &err), err);
	assert_string_equal(
		asof_buf_cstr(&seen),
		"/t/a.parquet /other.csv 'model' {\"v\":\"1.0.0\"} [\"v.f\"] 11 9 me@here;"
		"/t/b.parquet /s.csv '' {} [] 20 3 ;");
}

struct nested {
	struct asof_catalog *catalog;
	int visits;
};

static enum asof_status
call_again(void *arg, const struct asof_version *v, struct asof_error *err)
{
	struct nested *nested = arg;
	nested->visits++;
	ASOF_TRY(asof_catalog_set_current(nested->catalog, v->view, v->major, v->minor, v->patch,
					  err));
	return nested->visits == 2 ? ASOF_FAIL(err, ASOF_CANCELLED, "enough") : ASOF_OK;
}

static void
a_visitor_may_call_the_catalog_and_end_the_visit(void **state)
{
	struct nested nested = { .catalog = catalog_of(state) };
	struct asof_error err = { 0 };
	publish(nested.catalog, version("v", 1, 0, 0));
	publish(nested.catalog, version("v", 1, 0, 1));
	publish(nested.catalog, version("v", 1, 0, 2));
	assert_int_equal(asof_catalog_versions(nested.catalog, "v", call_again, &nested, &err),
			 ASOF_CANCELLED);
	assert_int_equal(nested.visits, 2);
	assert_versions(nested.catalog, "v", "v@1.0.2;v@1.0.1*;v@1.0.0;");
}

int
main(void)
{
	struct CMUnitTest tests[] = {
		CATALOG_TEST(definitions_come_back_in_order),
		CATALOG_TEST(define_replaces_and_forgets),
		CATALOG_TEST(versions_are_listed_newest_first_with_one_current),
		CATALOG_TEST(publishing_again_changes_nothing_and_another_run_conflicts),
		CATALOG_TEST(the_current_version_moves_both_ways),
		CATALOG_TEST(a_version_moves_to_later_versions_of_its_table_only),
		CATALOG_TEST(a_version_is_found_by_what_a_reader_writes),
		CATALOG_TEST(a_version_that_is_not_there_is_answered_with_those_that_are),
		CATALOG_TEST(runs_are_listed_newest_first_and_replaced_by_id),
		CATALOG_TEST(what_is_online_is_the_last_that_was_said),
		CATALOG_TEST(training_sets_are_listed_newest_first_and_replaced_by_file),
		CATALOG_TEST(a_visitor_may_call_the_catalog_and_end_the_visit),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
