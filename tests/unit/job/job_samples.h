/* job_samples.h - for tests of jobs: sessions without files, and every allocation failed in turn.
 */
#ifndef ASOF_TEST_JOB_SAMPLES_H
#define ASOF_TEST_JOB_SAMPLES_H

#include "job/session.h"
#include "tempdir.h"

#define SAMPLE_NOW_US INT64_C(1700000000000000)

/* Parse a text that must be right; sources that say `types` are bound. */
static inline struct asof_project *
sample_project(const char *text)
{
	struct asof_error err = { 0 };
	struct asof_mistakes mistakes = { 0 };
	struct asof_project *project = NULL;
	struct asof_define_options options = { .dir = "/project" };
	assert_ok(asof_define_parse(asof_str_from(text), "text.yaml", &options, &mistakes, &project,
				    &err),
		  err);
	assert_ok(asof_mistakes_status(&mistakes, &err), err);
	asof_mistakes_done(&mistakes);
	assert_non_null(project);
	return project;
}

static inline struct asof_catalog *
sample_catalog(void)
{
	struct asof_error err = { 0 };
	struct asof_catalog *catalog = NULL;
	assert_ok(asof_catalog_open("memory", &catalog, &err), err);
	return catalog;
}

/* A session over a text, with a catalog of the caller's. Give it back with sample_session_done().
 */
static inline struct asof_session
sample_session(const char *text, struct asof_catalog *catalog)
{
	return (struct asof_session){ .project = sample_project(text),
				      .catalog = catalog,
				      .clock = asof_clock_held(SAMPLE_NOW_US) };
}

static inline void
sample_session_done(struct asof_session *session)
{
	asof_project_free(session->project);
	asof_blob_free(session->lake);
	asof_arena_done(&session->arena);
}

static inline void
sample_file(const char *dir, const char *name, const char *text)
{
	char path[TEMPDIR_MAX + 64];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* One commit of a build to the lake: a file that nobody reads, and what the commit says of itself.
 */
static inline int64_t
sample_commit(struct asof_blob *lake, const char *table, int64_t base_version,
	      const struct asof_property *info, size_t info_count)
{
	static const struct asof_field field = { .name = "k",
						 .type = { .kind = ASOF_TYPE_STRING } };
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_table_file file = { .size_bytes = 4, .row_count = 1 };
	int64_t version = -1;
	assert_ok(asof_table_new_file(lake, table, &arena, &file.name, &file.path, &err), err);
	FILE *out = fopen(file.path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite("PAR1", 1, 4, out), 4);
	assert_int_equal(fclose(out), 0);
	struct asof_table_change change = { .base_version = base_version,
					    .fields = base_version < 0 ? &field : NULL,
					    .field_count = base_version < 0,
					    .added = &file,
					    .added_count = 1,
					    .info = info,
					    .info_count = info_count,
					    .operation = "WRITE",
					    .run_id = file.name,
					    .now_us = SAMPLE_NOW_US + base_version * 1000000 };
	assert_ok(asof_table_commit(lake, table, &change, &version, &err), err);
	return version;
}

typedef enum asof_status scenario_fn(void *arg, struct asof_error *err);

/*
 * Fail allocation 1, 2, 3 ... of `scenario`: it says ASOF_NO_MEMORY and leaves nothing behind, or
 * gets through. Goes on behind the first success, so that a failure that was swallowed shows.
 */
static inline void
assert_survives(scenario_fn *scenario, void *arg)
{
	size_t before = asof_mem_live();
	size_t failures = 0;
	unsigned successes = 0;
	for (size_t n = 1; successes < 20; n++) {
		struct asof_error err = { 0 };
		asof_mem_fail_at(n);
		enum asof_status status = scenario(arg, &err);
		asof_mem_fail_at(0);
		assert_int_equal(asof_mem_live(), before);
		if (status == ASOF_OK) {
			successes++;
			continue;
		}
		if (status != ASOF_NO_MEMORY)
			fail_msg("allocation %zu: %s", n, err.message);
		assert_true(err.message[0] != '\0');
		assert_int_equal(successes, 0);
		failures++;
	}
	assert_true(failures > 0);
}

#endif
