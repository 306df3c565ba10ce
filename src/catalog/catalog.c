/* catalog.c - argument checks, error context, and which version a reader means. */
#include "catalog/catalog.h"

#include <assert.h>

#include "base/number.h"
#include "catalog/catalog_impls.h"
#include "model/project.h"

/* Add an implementation here and in catalog_impls.h; nothing else needs to know. */
static const struct asof_catalog_ops *const implementations[] = {
	&asof_catalog_mem_ops,
	&asof_catalog_sqlite_ops,
	&asof_catalog_postgres_ops,
};

static const struct asof_catalog_ops *
find_ops(struct asof_str scheme)
{
	for (size_t i = 0; i < ASOF_COUNTOF(implementations); i++) {
		const struct asof_catalog_ops *ops = implementations[i];
		if (asof_str_equal(scheme, asof_str_from(ops->scheme)) ||
		    (ops->alias && asof_str_equal(scheme, asof_str_from(ops->alias))))
			return ops;
	}
	return NULL;
}

enum asof_status
asof_catalog_open(const char *uri, struct asof_catalog **ret_catalog, struct asof_error *err)
{
	assert(uri && ret_catalog);
	const char *colon = strchr(uri, ':');
	struct asof_str scheme = { uri, colon ? (size_t)(colon - uri) : strlen(uri) };
	const struct asof_catalog_ops *ops = find_ops(scheme);
	if (!ops)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "no catalog of kind '%.*s' (have: memory, sqlite:FILE, "
				 "postgres://USER@HOST/DATABASE)",
				 ASOF_STR_ARG(scheme));

	enum asof_status status =
		ops->open(asof_str_from(colon ? colon + 1 : ""), ret_catalog, err);
	if (status == ASOF_OK)
		return ASOF_OK;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *redacted = asof_uri_redacted(uri, &arena);
	return ASOF_WRAP(err, status, "open catalog '%s'", redacted ? redacted : ops->scheme);
}

void
asof_catalog_free(struct asof_catalog *catalog)
{
	if (catalog)
		catalog->ops->close(catalog);
}

enum asof_status
asof_catalog_define(struct asof_catalog *catalog, const struct asof_definition *definitions,
		    size_t count, const struct asof_definition *removed, size_t removed_count,
		    struct asof_error *err)
{
	assert(catalog && (definitions || count == 0) && (removed || removed_count == 0));
	for (size_t i = 0; i < count; i++)
		assert(definitions[i].kind && definitions[i].name && definitions[i].hash &&
		       definitions[i].json);
	for (size_t i = 0; i < removed_count; i++)
		assert(removed[i].kind && removed[i].name);
	enum asof_status status =
		catalog->ops->define(catalog, definitions, count, removed, removed_count, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "register definitions");
	return ASOF_OK;
}

enum asof_status
asof_catalog_definitions(struct asof_catalog *catalog, const char *kind, asof_definition_fn *visit,
			 void *arg, struct asof_error *err)
{
	assert(catalog && visit);
	enum asof_status status = catalog->ops->definitions(catalog, kind, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read registered definitions");
	return ASOF_OK;
}

enum asof_status
asof_catalog_publish(struct asof_catalog *catalog, const struct asof_version *version,
		     struct asof_error *err)
{
	assert(catalog && version && version->view && version->definition_hash &&
	       version->definition_json && version->run_id);
	enum asof_status status = catalog->ops->publish(catalog, version, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "publish %s@%d.%d.%d", version->view, version->major,
				 version->minor, version->patch);
	return ASOF_OK;
}

enum asof_status
asof_catalog_versions(struct asof_catalog *catalog, const char *view, asof_version_fn *visit,
		      void *arg, struct asof_error *err)
{
	assert(catalog && visit);
	enum asof_status status = catalog->ops->versions(catalog, view, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read versions");
	return ASOF_OK;
}

enum asof_status
asof_catalog_set_current(struct asof_catalog *catalog, const char *view, int32_t major,
			 int32_t minor, int32_t patch, struct asof_error *err)
{
	assert(catalog && view);
	enum asof_status status =
		catalog->ops->set_current(catalog, view, major, minor, patch, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "make %s@%d.%d.%d current", view, major, minor,
				 patch);
	return ASOF_OK;
}

enum asof_status
asof_catalog_move_version(struct asof_catalog *catalog, const char *view, int32_t major,
			  int32_t minor, int32_t patch, int64_t table_version,
			  struct asof_error *err)
{
	assert(catalog && view && table_version >= 0);
	enum asof_status status =
		catalog->ops->move_version(catalog, view, major, minor, patch, table_version, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "move %s@%d.%d.%d", view, major, minor, patch);
	return ASOF_OK;
}

enum asof_status
asof_catalog_put_run(struct asof_catalog *catalog, const struct asof_run *run,
		     struct asof_error *err)
{
	assert(catalog && run && run->id && run->job);
	enum asof_status status = catalog->ops->put_run(catalog, run, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "record run '%s'", run->id);
	return ASOF_OK;
}

enum asof_status
asof_catalog_runs(struct asof_catalog *catalog, size_t limit, asof_run_fn *visit, void *arg,
		  struct asof_error *err)
{
	assert(catalog && visit);
	enum asof_status status = catalog->ops->runs(catalog, limit, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read runs");
	return ASOF_OK;
}

enum asof_status
asof_catalog_put_materialization(struct asof_catalog *catalog,
				 const struct asof_materialization *materialization,
				 struct asof_error *err)
{
	assert(catalog && materialization && materialization->view && materialization->version);
	enum asof_status status = catalog->ops->put_materialization(catalog, materialization, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "record what is online of '%s'",
				 materialization->view);
	return ASOF_OK;
}

enum asof_status
asof_catalog_find_materialization(struct asof_catalog *catalog, const char *view,
				  struct asof_arena *arena,
				  struct asof_materialization *ret_materialization,
				  struct asof_error *err)
{
	assert(catalog && view && arena && ret_materialization);
	enum asof_status status =
		catalog->ops->find_materialization(catalog, view, arena, ret_materialization, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read what is online of '%s'", view);
	return ASOF_OK;
}

enum asof_status
asof_catalog_put_training_set(struct asof_catalog *catalog,
			      const struct asof_training_set *training_set, struct asof_error *err)
{
	assert(catalog && training_set && training_set->path);
	enum asof_status status = catalog->ops->put_training_set(catalog, training_set, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "record training set '%s'", training_set->path);
	return ASOF_OK;
}

enum asof_status
asof_catalog_training_sets(struct asof_catalog *catalog, size_t limit, asof_training_set_fn *visit,
			   void *arg, struct asof_error *err)
{
	assert(catalog && visit);
	enum asof_status status = catalog->ops->training_sets(catalog, limit, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read training sets");
	return ASOF_OK;
}

#define PARTS_MAX  3
#define NAMED_MAX  8 /* versions that a message lists */
#define LIST_BYTES 512

struct search {
	int32_t parts[PARTS_MAX]; /* MAJOR, MINOR, PATCH as far as given */
	size_t part_count;        /* 0: the current one */
	struct asof_arena *arena;
	struct asof_version *ret_version;
	bool is_found;
	size_t seen_count;
	struct asof_buf have; /* what there is, for the message */
};

static void
search_done(struct search *search)
{
	asof_buf_done(&search->have);
}

static enum asof_status
parse_wanted(const char *wanted, struct search *search, struct asof_error *err)
{
	struct asof_str rest = asof_str_from(wanted);
	if (rest.len == 0 || asof_str_equal(rest, asof_str_from("latest")))
		return ASOF_OK;
	for (bool is_last = false; !is_last;) {
		const char *dot = rest.len ? memchr(rest.ptr, '.', rest.len) : NULL;
		struct asof_str part = { rest.ptr, dot ? (size_t)(dot - rest.ptr) : rest.len };
		uint64_t number;
		if (search->part_count == PARTS_MAX || !asof_uint64_parse(part, &number) ||
		    number > INT32_MAX)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "'%s' is no version (like 1, 1.2, 1.2.7 or latest)",
					 wanted);
		search->parts[search->part_count++] = (int32_t)number;
		is_last = !dot;
		if (dot)
			rest = (struct asof_str){ dot + 1, rest.len - part.len - 1 };
	}
	return ASOF_OK;
}

static bool
is_wanted(const struct search *search, const struct asof_version *version)
{
	if (search->part_count == 0)
		return version->is_current;
	const int32_t parts[PARTS_MAX] = { version->major, version->minor, version->patch };
	return memcmp(search->parts, parts, search->part_count * sizeof(parts[0])) == 0;
}

/* Newest first: the first that matches is meant. */
static enum asof_status
consider(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct search *search = arg;
	search->seen_count++;
	if (search->seen_count <= NAMED_MAX)
		asof_buf_printf(&search->have, "%s%d.%d.%d%s", search->seen_count > 1 ? ", " : "",
				version->major, version->minor, version->patch,
				version->is_current ? " (current)" : "");
	else if (search->seen_count == NAMED_MAX + 1)
		asof_buf_add_cstr(&search->have, ", ...");
	if (search->is_found || !is_wanted(search, version))
		return ASOF_OK;
	search->is_found = true;
	return asof_catalog_copy_version(version, search->arena, search->ret_version, err);
}

enum asof_status
asof_catalog_find_version(struct asof_catalog *catalog, const char *view, const char *wanted,
			  struct asof_arena *arena, struct asof_version *ret_version,
			  struct asof_error *err)
{
	assert(catalog && view && wanted && arena && ret_version);
	ASOF_AUTO(search_done)
	struct search search = { .arena = arena,
				 .ret_version = ret_version,
				 .have = ASOF_BUF(LIST_BYTES) };
	ASOF_TRY(parse_wanted(wanted, &search, err));
	ASOF_TRY(asof_catalog_versions(catalog, view, consider, &search, err));
	ASOF_TRY(asof_buf_status(&search.have, err));
	if (search.is_found)
		return ASOF_OK;
	if (search.seen_count == 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s' has no published version", view);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "view '%s' has no version '%s' (have: %s)", view,
			 wanted[0] ? wanted : "latest", asof_buf_cstr(&search.have));
}
