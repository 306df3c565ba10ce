/* catalog_fixture.h - each catalog opened fresh for a test, and short ways to use it. */
#ifndef CATALOG_FIXTURE_H
#define CATALOG_FIXTURE_H

#include "base/fault.h"
#include "catalog/catalog.h"
#include "postgres_server.h"

enum kind { MEMORY, SQLITE, POSTGRES };

static struct server postgres; /* of all tests of one program */

struct fixture {
	enum kind kind;
	char dir[TEMPDIR_MAX];
	char uri[TEMPDIR_MAX + 80];
	struct asof_catalog *catalog;
};

static inline void
forget_everything(struct fixture *f)
{
	if (f->kind == POSTGRES)
		postgres_sql(&postgres, "drop schema if exists asof cascade");
	else
		tempdir_remove(f->dir);
}

static inline int
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

static inline int
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

static inline struct asof_catalog *
catalog_of(void **state)
{
	return ((struct fixture *)*state)->catalog;
}

static inline struct asof_definition
definition(const char *kind, const char *name, const char *hash)
{
	return (struct asof_definition){ kind, name, hash, "{\"a\": 1}", 1, 2, 3 };
}

static inline struct asof_version
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

static inline enum asof_status
add_definition(void *arg, const struct asof_definition *d, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s %s %s %d.%d %lld;", d->kind, d->name, d->hash, d->json,
			d->major, d->minor, (long long)d->registered_us);
	return asof_buf_status(arg, err);
}

static inline enum asof_status
add_version(void *arg, const struct asof_version *v, struct asof_error *err)
{
	asof_buf_printf(arg, "%s@%d.%d.%d%s;", v->view, v->major, v->minor, v->patch,
			v->is_current ? "*" : "");
	return asof_buf_status(arg, err);
}

static inline enum asof_status
add_run(void *arg, const struct asof_run *r, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s %s %d %lld %lld %lld '%s' %s by '%s' for '%s';", r->id, r->job,
			r->name, (int)r->state, (long long)r->started_us, (long long)r->finished_us,
			(long long)r->row_count, r->message, r->version, r->made_by, r->reason);
	return asof_buf_status(arg, err);
}

static inline enum asof_status
add_training_set(void *arg, const struct asof_training_set *s, struct asof_error *err)
{
	asof_buf_printf(arg, "%s %s '%s' %s %s %lld %lld %s;", s->path, s->spine, s->service,
			s->views, s->features, (long long)s->row_count, (long long)s->made_us,
			s->made_by);
	return asof_buf_status(arg, err);
}

static inline void
assert_definitions(struct asof_catalog *catalog, const char *kind, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	assert_ok(asof_catalog_definitions(catalog, kind, add_definition, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), expected);
}

static inline void
assert_versions(struct asof_catalog *catalog, const char *view, const char *expected)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf seen = ASOF_BUF(4096);
	assert_ok(asof_catalog_versions(catalog, view, add_version, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen), expected);
}

static inline void
publish(struct asof_catalog *catalog, struct asof_version published)
{
	struct asof_error err = { 0 };
	assert_ok(asof_catalog_publish(catalog, &published, &err), err);
}

/* Run `tests` against every kind of catalog. */
static inline int
run_all_kinds(struct CMUnitTest *tests, size_t count)
{
	static const char *const names[] = { "memory", "sqlite", "postgres" };
	bool is_there = postgres_start(&postgres);
	int failed = 0;
	for (enum kind kind = MEMORY; kind <= (is_there ? POSTGRES : SQLITE); kind++) {
		for (size_t i = 0; i < count; i++)
			tests[i].initial_state = &kind;
		failed += _cmocka_run_group_tests(names[kind], tests, count, NULL, NULL);
	}
	if (is_there)
		postgres_stop(&postgres);
	return failed;
}

#define CATALOG_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
