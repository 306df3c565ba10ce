/* test_catalog_postgres.c - what only a catalog on a server can meet: credentials, lost
 * connections, a server that dies, programs of other schemas. */
#include <pthread.h>
#include <stdatomic.h>

#include "catalog/catalog.h"
#include "postgres_server.h"

#define THREADS 8
#define PATCHES 12

static struct server server;

static struct asof_catalog *
open_catalog(void)
{
	char uri[256];
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	postgres_uri(&server, uri, sizeof(uri));
	assert_ok(asof_catalog_open(uri, &catalog, &err), err);
	return catalog;
}

static int
set_up(void **state)
{
	postgres_sql(&server, "drop schema if exists asof cascade");
	*state = open_catalog();
	return 0;
}

static int
tear_down(void **state)
{
	asof_catalog_free(*state);
	return 0;
}

static struct asof_version
version(const char *view, int32_t patch, const char *run_id)
{
	return (struct asof_version){ .view = view,
				      .major = 1,
				      .patch = patch,
				      .definition_hash = "hash",
				      .definition_json = "{}",
				      .run_id = run_id,
				      .is_current = true };
}

static enum asof_status
try_to_open(const char *uri, struct asof_error *err)
{
	ASOF_AUTO(asof_catalog_free_auto) struct asof_catalog *catalog = NULL;
	return asof_catalog_open(uri, &catalog, err);
}

static void
assert_refused(const char *userinfo, const char *rest, enum asof_status status, const char *said)
{
	assert_postgres_refuses(&server, try_to_open, userinfo, rest, status, said);
}

static void
wrong_credentials_and_names_are_told_at_once(void **state)
{
	(void)state;
	assert_refused("asof:hunter2", "asof", ASOF_INVALID,
		       "password authentication failed for user \"asof\": check the user");
	assert_refused("nobody:hunter2", "asof", ASOF_INVALID, "check the user");
	assert_refused("asof", "asof", ASOF_INVALID, "check the user");
	assert_refused("asof:" POSTGRES_PASSWORD_URI, "nothing", ASOF_NOT_FOUND,
		       "database \"nothing\" does not exist: make it");
}

static void
the_password_may_come_from_the_environment(void **state)
{
	char uri[256];
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	(void)state;
	(void)snprintf(uri, sizeof(uri), "postgresql://asof@127.0.0.1:%d/asof", server.port);
	assert_int_equal(setenv("PGPASSWORD", POSTGRES_PASSWORD, 1), 0);
	enum asof_status status = asof_catalog_open(uri, &catalog, &err);
	assert_int_equal(unsetenv("PGPASSWORD"), 0);
	assert_ok(status, err);
	asof_catalog_free(catalog);
}

static void
a_server_that_says_nothing_is_given_up(void **state)
{
	(void)state;
	server_signal(&server, SIGSTOP);
	char uri[256];
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	(void)snprintf(uri, sizeof(uri), "postgres://asof:%s@127.0.0.1:%d/asof?connect_timeout=1",
		       POSTGRES_PASSWORD_URI, server.port);
	enum asof_status status = asof_catalog_open(uri, &catalog, &err);
	server_signal(&server, SIGCONT);
	assert_int_equal(status, ASOF_TIMEOUT);
}

static void
a_schema_of_another_program_is_refused(void **state)
{
	char uri[256];
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	(void)state;
	postgres_sql(&server, "update asof.schema_number set number = 99");
	postgres_uri(&server, uri, sizeof(uri));
	assert_int_equal(asof_catalog_open(uri, &catalog, &err), ASOF_UNSUPPORTED);
	assert_non_null(strstr(err.message, "schema 99, this program reads"));
}

static enum asof_status
count_set(void *arg, const struct asof_training_set *set, struct asof_error *err)
{
	(void)set;
	(void)err;
	++*(int *)arg;
	return ASOF_OK;
}

static void
an_older_schema_is_brought_up_to_date(void **state)
{
	struct asof_error err = { 0 };
	struct asof_version first = version("v", 0, "run");
	struct asof_training_set set = { .path = "/a" };
	int count = 0;
	assert_ok(asof_catalog_publish(*state, &first, &err), err);
	asof_catalog_free(*state);
	*state = NULL;
	postgres_sql(&server, "drop table asof.training_set;"
			      " alter table asof.version drop column made_by, drop column reason;"
			      " alter table asof.run drop column made_by, drop column reason;"
			      " update asof.schema_number set number = 1");
	*state = open_catalog();
	assert_ok(asof_catalog_put_training_set(*state, &set, &err), err);
	assert_ok(asof_catalog_training_sets(*state, 9, count_set, &count, &err), err);
	assert_int_equal(count, 1);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	assert_ok(asof_catalog_find_version(*state, "v", "1.0.0", &arena, &first, &err), err);
	assert_string_equal(first.made_by, "");
	struct asof_version second = version("v", 1, "run");
	second.made_by = "ada@host";
	second.reason = "more rows";
	assert_ok(asof_catalog_publish(*state, &second, &err), err);
	assert_ok(asof_catalog_find_version(*state, "v", "1.0.1", &arena, &first, &err), err);
	assert_string_equal(first.made_by, "ada@host");
	assert_string_equal(first.reason, "more rows");
}

static void
a_lost_connection_is_made_again(void **state)
{
	struct asof_error err = { 0 };
	for (int32_t patch = 0; patch < 3; patch++) {
		struct asof_version next = version("v", patch, "run");
		postgres_sql(&server, "select pg_terminate_backend(pid) from pg_stat_activity"
				      " where usename = 'asof' and pid <> pg_backend_pid()");
		assert_ok(asof_catalog_publish(*state, &next, &err), err);
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_version found;
	assert_ok(asof_catalog_find_version(*state, "v", "", &arena, &found, &err), err);
	assert_int_equal(found.patch, 2);
}

static enum asof_status
take_message(void *arg, const struct asof_run *run, struct asof_error *err)
{
	asof_buf_add_cstr(arg, run->message);
	return asof_buf_status(arg, err);
}

static void
text_that_is_no_utf8_is_kept_as_far_as_it_is(void **state)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(256);
	struct asof_run run = { .id = "r", .job = "build", .message = "a\xff\xc3\xa9\xe2" };
	assert_ok(asof_catalog_put_run(*state, &run, &err), err);
	assert_ok(asof_catalog_runs(*state, 1, take_message, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
}

/* --- writers, and a server that is killed meanwhile --- */

static atomic_int published;

struct writer {
	pthread_t thread;
	char run_id[16];
	int won;
	enum asof_status status;
};

/* A server that is away for long is asked again. */
static enum asof_status
insist(struct asof_catalog **catalog, const struct asof_version *wanted)
{
	enum asof_status status = ASOF_UNAVAILABLE;
	char uri[256];
	postgres_uri(&server, uri, sizeof(uri));
	for (int i = 0; i < 100 && status == ASOF_UNAVAILABLE; i++) {
		if (!*catalog)
			status = asof_catalog_open(uri, catalog, NULL);
		if (*catalog)
			status = asof_catalog_publish(*catalog, wanted, NULL);
	}
	return status;
}

static void *
write_versions(void *arg)
{
	struct writer *writer = arg;
	struct asof_catalog *catalog = NULL;
	for (int32_t patch = 0; patch < PATCHES; patch++) {
		struct asof_version shared = version("shared", patch, writer->run_id);
		struct asof_version own = version(writer->run_id, patch, writer->run_id);
		enum asof_status status = insist(&catalog, &shared);
		writer->won += status == ASOF_OK;
		if (status != ASOF_OK && status != ASOF_CONFLICT)
			writer->status = status;
		status = insist(&catalog, &own);
		if (status != ASOF_OK)
			writer->status = status;
		(void)atomic_fetch_add(&published, 1);
	}
	asof_catalog_free(catalog);
	return NULL;
}

struct counts {
	int versions;
	int current;
};

static enum asof_status
count_version(void *arg, const struct asof_version *found, struct asof_error *err)
{
	struct counts *counts = arg;
	(void)err;
	counts->versions++;
	counts->current += found->is_current;
	return ASOF_OK;
}

static void
writers_lose_and_double_nothing_when_the_server_is_killed(void **state)
{
	struct writer writers[THREADS] = { 0 };
	struct asof_error err = { 0 };
	struct counts counts = { 0 };
	int won = 0;
	atomic_store(&published, 0);
	for (int i = 0; i < THREADS; i++) {
		(void)snprintf(writers[i].run_id, sizeof(writers[i].run_id), "run%d", i);
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_versions, &writers[i]), 0);
	}
	for (int kills = 1; kills <= 2; kills++) {
		while (atomic_load(&published) < kills * THREADS * PATCHES / 4)
			server_pause(5);
		server_signal(&server, SIGKILL);
		server_restart(&server, "postgres");
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
		assert_int_equal(writers[i].status, ASOF_OK);
		won += writers[i].won;
	}
	assert_int_equal(won, PATCHES);
	assert_ok(asof_catalog_versions(*state, NULL, count_version, &counts, &err), err);
	assert_int_equal(counts.versions, PATCHES + THREADS * PATCHES);
	assert_int_equal(counts.current, 1 + THREADS);
}

struct definer {
	pthread_t thread;
	bool is_reversed;
	enum asof_status status;
};

/* All of several definitions, in one order or the other: transactions that meet end in a deadlock.
 */
static void *
define_all(void *arg)
{
	struct definer *definer = arg;
	char names[6][8];
	struct asof_definition all[6];
	struct asof_catalog *catalog = open_catalog();
	for (size_t i = 0; i < 6; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "v%zu",
			       definer->is_reversed ? 5 - i : i);
		all[i] = (struct asof_definition){
			"view", names[i], definer->is_reversed ? "b" : "a", "{}", 1, 0, 0
		};
	}
	for (int i = 0; i < 5 && definer->status == ASOF_OK; i++)
		definer->status = asof_catalog_define(catalog, all, 6, NULL, 0, NULL);
	asof_catalog_free(catalog);
	return NULL;
}

static enum asof_status
count_hash(void *arg, const struct asof_definition *definition, struct asof_error *err)
{
	struct counts *counts = arg;
	(void)err;
	counts->versions++;
	counts->current += definition->hash[0] == 'a';
	return ASOF_OK;
}

static void
definitions_of_several_writers_are_those_of_one(void **state)
{
	struct definer definers[4] = { { .is_reversed = false },
				       { .is_reversed = true },
				       { .is_reversed = false },
				       { .is_reversed = true } };
	struct asof_error err = { 0 };
	struct counts counts = { 0 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&definers[i].thread, NULL, define_all, &definers[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(definers[i].thread, NULL), 0);
		assert_int_equal(definers[i].status, ASOF_OK);
	}
	assert_ok(asof_catalog_definitions(*state, "view", count_hash, &counts, &err), err);
	assert_int_equal(counts.versions, 6);
	assert_true(counts.current == 0 || counts.current == 6);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest all[] = {
		T(wrong_credentials_and_names_are_told_at_once),
		T(the_password_may_come_from_the_environment),
		T(a_server_that_says_nothing_is_given_up),
		T(a_schema_of_another_program_is_refused),
		T(an_older_schema_is_brought_up_to_date),
		T(a_lost_connection_is_made_again),
		T(text_that_is_no_utf8_is_kept_as_far_as_it_is),
		T(writers_lose_and_double_nothing_when_the_server_is_killed),
		T(definitions_of_several_writers_are_those_of_one),
	};
	if (!postgres_start(&server))
		return 0;
	int failed = cmocka_run_group_tests(all, NULL, NULL);
	postgres_stop(&server);
	return failed;
}
