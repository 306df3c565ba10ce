/* test_catalog.c - what every catalog promises, run against each of them. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/fault.h"
#include "catalog/catalog.h"
#include "postgres_server.h"

/* Behind the first success, so that a failure that was swallowed shows. */
#define MORE_TRIES 20

enum kind { MEMORY, SQLITE, POSTGRES };

static struct server postgres; /* of all tests on it */

struct fixture {
	enum kind kind;
	char dir[TEMPDIR_MAX];
	char uri[TEMPDIR_MAX + 80];
	struct asof_catalog *catalog;
};

static void
forget_everything(struct fixture *f)
{
	if (f->kind == POSTGRES)
		postgres_sql(&postgres, "drop schema if exists asof cascade");
	else
		tempdir_remove(f->dir);
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->kind = *(const enum kind *)*state;
	tempdir_make(f->dir);
	if (f->kind == MEMORY)
		(void)snprintf(f->uri, sizeof(f->uri), "memory:");
	else if (f->kind == SQLITE)
		(void)snprintf(f->uri, sizeof(f->uri), "sqlite:%s/a/catalog.db", f->dir);
	else
		postgres_uri(&postgres, f->uri, sizeof(f->uri));
	if (f->kind == POSTGRES)
		forget_everything(f);
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_fault_disarm_all();
	asof_catalog_free(f->catalog);
	if (f->kind != SQLITE || access(f->dir, F_OK) == 0)
		tempdir_remove(f->dir);
	free(f);
	return 0;
}

static struct asof_catalog *
catalog_of(void **state)
{
	return ((struct fixture *)*state)->catalog;
}

static struct asof_definition
definition(const char *kind, const char *name, const char *hash)
{
	return (struct asof_definition){ kind, name, hash, "{\"a\": 1}", 1, 2, 3 };
}

static struct asof_version
version(const char *view, int32_t major, int32_t minor, int32_t patch)
{
	return (struct asof_version){ .view = view,
				      .major = major,
				      .minor = minor,
				      .patch = patch,
				      .definition_hash = "hash",
				      .definition_json = "{}",
				      .run_id = "run",
				      .is_current = true };
}

static enum asof_status
add_definition(void *arg, const struct asof_definition *d, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s %s %s %d.%d %lld;", d->kind, d->name, d->hash, d->json,
			d->major, d->minor, (long long)d->registered_us);
	return asof_buf_status(arg, err);
}

static enum asof_status
add_version(void *arg, const struct asof_version *v, struct asof_error *err)
{
	asof_buf_printf(arg, "%s@%d.%d.%d%s;", v->view, v->major, v->minor, v->patch,
			v->is_current ? "*" : "");
	return asof_buf_status(arg, err);
}

static enum asof_status
add_run(void *arg, const struct asof_run *r, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s %s %d %lld %lld %lld '%s' %s;", r->id, r->job, r->name,
			(int)r->state, (long long)r->started_us, (long long)r->finished_us,
			(long long)r->row_count, r->message, r->version);
	return asof_buf_status(arg, err);
}

static enum asof_status
add_training_set(void *arg, const struct asof_training_set *s, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s '%s' %s %s %lld %lld %s;", s->path, s->spine, s->service,
			s->views, s->features, (long long)s->row_count, (long long)s->made_us,
			s->made_by);
	return asof_buf_status(arg, err);
}

static void
assert_definitions(struct asof_catalog *catalog, const char *kind, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	assert_ok(asof_catalog_definitions(catalog, kind, add_definition, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), expected);
}

static void
assert_versions(struct asof_catalog *catalog, const char *view, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	assert_ok(asof_catalog_versions(catalog, view, add_version, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), expected);
}

static void
publish(struct asof_catalog *catalog, struct asof_version published)
{
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_publish(catalog, &published, &err), err);
}

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
	assert_true(found.is_current);
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
	runs[0].started_us = 25;
	assert_ok(asof_catalog_put_run(catalog, &runs[0], &err), err);
	assert_ok(asof_catalog_runs(catalog, 3, add_run, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), "d join  0 30 0 0 '' ;c join  0 30 0 0 '' ;"
						  "a build v 2 25 99 7 'it's full' 1.0.0;");
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

/* Each worker publishes patches as they come free; each patch has one winner. */
#define PATCHES 25

static enum asof_status
race(struct asof_catalog *catalog, const char *run_id, int *ret_won)
{
	for (int32_t patch = 0; patch < PATCHES; patch++) {
		struct asof_version mine = version("raced", 1, 0, patch);
		mine.run_id = run_id;
		enum asof_status status = asof_catalog_publish(catalog, &mine, NULL);
		if (status != ASOF_OK && status != ASOF_CONFLICT)
			return status;
		*ret_won += status == ASOF_OK;
		struct asof_run run = { .id = run_id, .job = "build", .row_count = patch };
		ASOF_TRY(asof_catalog_put_run(catalog, &run, NULL));
	}
	return ASOF_OK;
}

struct racer {
	struct asof_catalog *catalog;
	const char *run_id;
	int won;
	enum asof_status status;
};

static void *
race_in_thread(void *arg)
{
	struct racer *racer = arg;
	racer->status = race(racer->catalog, racer->run_id, &racer->won);
	return NULL;
}

static enum asof_status
count_current(void *arg, const struct asof_version *v, struct asof_error *err)
{
	(void)err;
	*(int *)arg += v->is_current;
	return ASOF_OK;
}

static void
of_several_threads_one_publishes_each_version(void **state)
{
	struct racer racers[3] = { { catalog_of(state), "a", 0, ASOF_OK },
				   { catalog_of(state), "b", 0, ASOF_OK },
				   { catalog_of(state), "c", 0, ASOF_OK } };
	struct asof_error err = { 0 };
	pthread_t threads[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race_in_thread, &racers[i]), 0);
	int won = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(racers[i].status, ASOF_OK);
		won += racers[i].won;
	}
	assert_int_equal(won, PATCHES);
	int current = 0;
	assert_ok(asof_catalog_versions(catalog_of(state), "raced", count_current, &current, &err),
		  err);
	assert_int_equal(current, 1);
}

static void
of_several_processes_one_publishes_each_version(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	static const char *const run_ids[] = { "a", "b", "c" };
	pid_t children[3];
	asof_catalog_free(ASOF_STEAL(f->catalog)); /* a child must not inherit a connection */
	forget_everything(f);
	for (size_t i = 0; i < 3; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] != 0)
			continue;
		struct asof_catalog *catalog = NULL;
		int won = 0;
		bool is_good = asof_catalog_open(f->uri, &catalog, NULL) == ASOF_OK &&
			       race(catalog, run_ids[i], &won) == ASOF_OK;
		_exit(is_good ? won : 255);
	}
	int won = 0;
	for (size_t i = 0; i < 3; i++) {
		int exit_status = -1;
		assert_int_equal(waitpid(children[i], &exit_status, 0), children[i]);
		assert_true(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) <= PATCHES);
		won += WEXITSTATUS(exit_status);
	}
	assert_int_equal(won, PATCHES);
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
}

static enum asof_status
use_all(struct asof_catalog *catalog, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(1 << 16);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_definition one = definition("view", "v", "h");
	struct asof_version first = version("v", 1, 0, 0);
	struct asof_version found;
	struct asof_run run = { .id = "r", .job = "build" };
	struct asof_materialization online = { "v", "1.0.0", 1, 2, 3 };
	struct asof_training_set set = { .path = "/a", .row_count = 1 };
	ASOF_TRY(asof_catalog_define(catalog, &one, 1, &one, 1, err));
	ASOF_TRY(asof_catalog_define(catalog, &one, 1, NULL, 0, err));
	ASOF_TRY(asof_catalog_definitions(catalog, NULL, add_definition, &seen, err));
	ASOF_TRY(asof_catalog_publish(catalog, &first, err));
	ASOF_TRY(asof_catalog_find_version(catalog, "v", "1", &arena, &found, err));
	ASOF_TRY(asof_catalog_set_current(catalog, "v", 1, 0, 0, err));
	ASOF_TRY(asof_catalog_put_run(catalog, &run, err));
	ASOF_TRY(asof_catalog_runs(catalog, 9, add_run, &seen, err));
	ASOF_TRY(asof_catalog_put_materialization(catalog, &online, err));
	ASOF_TRY(asof_catalog_put_training_set(catalog, &set, err));
	ASOF_TRY(asof_catalog_training_sets(catalog, 9, add_training_set, &seen, err));
	return asof_catalog_find_materialization(catalog, "v", &arena, &online, err);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct fixture *f = *state;
	size_t before = asof_mem_live();
	size_t n = 1;
	for (size_t successes = 0; successes < MORE_TRIES; n++) {
		struct asof_error err = { 0 };
		enum asof_status status;
		{
			ASOF_AUTO(asof_catalog_free_auto) struct asof_catalog *catalog = NULL;
			asof_mem_fail_at(n);
			status = asof_catalog_open(f->uri, &catalog, &err);
			if (status == ASOF_OK)
				status = use_all(catalog, &err);
			asof_mem_fail_at(0);
		}
		assert_int_equal(asof_mem_live(), before);
		assert_int_equal(status, successes || status == ASOF_OK ? ASOF_OK : ASOF_NO_MEMORY);
		successes += status == ASOF_OK;
		assert_true(n < 200);
	}
	assert_true(n > MORE_TRIES + 5);
}

static void
what_was_written_is_there_after_opening_again(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	publish(f->catalog, version("v", 1, 0, 0));
	publish(f->catalog, version("v", 1, 1, 0));
	asof_catalog_free(ASOF_STEAL(f->catalog));
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
	assert_versions(f->catalog, "v", "v@1.1.0*;v@1.0.0;");
}

/* What a child did before it died at `point`. */
static void
die_at(struct fixture *f, const char *point, int32_t patch)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_catalog *catalog = NULL;
		struct asof_version mine = version("v", 1, 0, patch);
		if (asof_catalog_open(f->uri, &catalog, NULL) != ASOF_OK ||
		    asof_fault_arm(point, 1, ASOF_FAULT_KILL, NULL) != ASOF_OK)
			_exit(1);
		_exit(asof_catalog_publish(catalog, &mine, NULL) == ASOF_OK ? 2 : 3);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_writer_that_dies_leaves_all_of_a_call_or_nothing(void **state)
{
	struct fixture *f = *state;
	if (f->kind == MEMORY)
		return;
	publish(f->catalog, version("v", 1, 0, 0));
	asof_catalog_free(ASOF_STEAL(f->catalog));
	die_at(f, "catalog.before_write", 1);
	die_at(f, "catalog.before_commit", 2);
	die_at(f, "catalog.after_write", 3);
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_open(f->uri, &f->catalog, &err), err);
	assert_versions(f->catalog, "v", "v@1.0.3*;v@1.0.0;");
	publish(f->catalog, version("v", 1, 0, 2));
	assert_versions(f->catalog, "v", "v@1.0.3;v@1.0.2*;v@1.0.0;");
}

static void
a_failing_commit_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct asof_error err = { 0 };
	if (f->kind == MEMORY)
		return;
	const struct asof_definition two[] = { definition("view", "a", "h"),
					       definition("view", "b", "h") };
	struct asof_version first = version("v", 1, 0, 0);
	assert_ok(asof_fault_arm("catalog.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_catalog_define(f->catalog, two, 2, NULL, 0, &err), ASOF_IO);
	assert_definitions(f->catalog, NULL, "");
	asof_fault_disarm_all();
	assert_ok(asof_fault_arm("catalog.before_commit", 1, ASOF_FAULT_FAIL, &err), err);
	assert_int_equal(asof_catalog_publish(f->catalog, &first, &err), ASOF_IO);
	assert_versions(f->catalog, NULL, "");
	asof_fault_disarm_all();
	publish(f->catalog, first);
	assert_versions(f->catalog, NULL, "v@1.0.0*;");
}

static int
run(const char *name, enum kind kind)
{
	static enum kind kinds[] = { MEMORY, SQLITE, POSTGRES };
	struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		T(definitions_come_back_in_order),
		T(define_replaces_and_forgets),
		T(versions_are_listed_newest_first_with_one_current),
		T(publishing_again_changes_nothing_and_another_run_conflicts),
		T(the_current_version_moves_both_ways),
		T(a_version_moves_to_later_versions_of_its_table_only),
		T(a_version_is_found_by_what_a_reader_writes),
		T(a_version_that_is_not_there_is_answered_with_those_that_are),
		T(runs_are_listed_newest_first_and_replaced_by_id),
		T(what_is_online_is_the_last_that_was_said),
		T(training_sets_are_listed_newest_first_and_replaced_by_file),
		T(a_visitor_may_call_the_catalog_and_end_the_visit),
		T(of_several_threads_one_publishes_each_version),
		T(of_several_processes_one_publishes_each_version),
		T(every_allocation_failure_is_survived),
		T(what_was_written_is_there_after_opening_again),
		T(a_writer_that_dies_leaves_all_of_a_call_or_nothing),
		T(a_failing_commit_changes_nothing),
	};
	for (size_t i = 0; i < ASOF_COUNTOF(tests); i++)
		tests[i].initial_state = &kinds[kind];
	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int
main(void)
{
	int failed = run("memory", MEMORY) + run("sqlite", SQLITE);
	if (!postgres_start(&postgres))
		return failed;
	failed += run("postgres", POSTGRES);
	postgres_stop(&postgres);
	return failed;
}
