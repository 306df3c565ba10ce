/* catalog_sqlite.c - catalog in a SQLite file (WAL); several processes may use it. */
#include <limits.h>
#include <sqlite3.h>

#include "base/dir.h"
#include "catalog/catalog_impls.h"
#include "catalog/catalog_sql.h"

#define BUSY_TIMEOUT_MS 10000
#define OPEN_TRIES      50 /* switching to WAL is not covered by the busy timeout */
#define OPEN_PAUSE_MS   20

struct sqlite_catalog {
	struct asof_catalog base; /* must be first */
	pthread_mutex_t lock;     /* guards the connection and everything below it */
	sqlite3 *db;
	sqlite3_stmt *statements[ASOF_SQL_STATEMENT_COUNT];
};

static struct sqlite_catalog *
sqlite_catalog(struct asof_catalog *catalog)
{
	return (struct sqlite_catalog *)catalog;
}

static enum asof_status
sqlite_status(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return ASOF_OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ASOF_UNAVAILABLE;
	case SQLITE_NOMEM:
		return ASOF_NO_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ASOF_CORRUPT;
	case SQLITE_CONSTRAINT:
		return ASOF_CONFLICT;
	case SQLITE_TOOBIG:
		return ASOF_LIMIT;
	case SQLITE_ERROR:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_MISMATCH:
		return ASOF_INTERNAL;
	default:
		return ASOF_IO;
	}
}

static enum asof_status
fail(struct asof_error *err, int rc, sqlite3 *db)
{
	return ASOF_FAIL(err, sqlite_status(rc), "%s",
			 db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

/* --- one statement -----------------------------------------------------------------------------
 */

/* A statement with its values bound one by one; errors stick until it runs. */
struct query {
	struct sqlite_catalog *self;
	sqlite3_stmt *statement;
	int bound;
	int rc;
};

static void
query_done(struct query *query)
{
	(void)sqlite3_reset(query->statement);
	(void)sqlite3_clear_bindings(query->statement);
}

static struct query
query_of(struct sqlite_catalog *self, enum asof_catalog_statement statement)
{
	return (struct query){ .self = self, .statement = self->statements[statement] };
}

/* Borrowed until the statement is done; NULL is bound as "". */
static void
bind_text(struct query *query, const char *text)
{
	if (query->rc == SQLITE_OK)
		query->rc =
			sqlite3_bind_text64(query->statement, ++query->bound, text ? text : "",
					    text ? strlen(text) : 0, SQLITE_STATIC, SQLITE_UTF8);
}

static void
bind_text_or_null(struct query *query, const char *text)
{
	if (text)
		bind_text(query, text);
	else
		query->bound++; /* unbound is NULL */
}

static void
bind_int(struct query *query, int64_t value)
{
	if (query->rc == SQLITE_OK)
		query->rc = sqlite3_bind_int64(query->statement, ++query->bound, value);
}

/* Run up to the next row; *ret_has_row false at the end. */
static enum asof_status
step(struct query *query, bool *ret_has_row, struct asof_error *err)
{
	if (query->rc == SQLITE_OK)
		query->rc = sqlite3_step(query->statement);
	if (query->rc != SQLITE_ROW && query->rc != SQLITE_DONE)
		return fail(err, query->rc, query->self->db);
	*ret_has_row = query->rc == SQLITE_ROW;
	query->rc = SQLITE_OK;
	return ASOF_OK;
}

/* Run a statement that gives no rows. */
static enum asof_status
execute(struct query *query, struct asof_error *err)
{
	bool has_row = false;
	return step(query, &has_row, err);
}

static enum asof_status
execute_plain(struct sqlite_catalog *self, enum asof_catalog_statement statement,
	      struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, statement);
	return execute(&query, err);
}

/* NULL on exhaustion. */
static const char *
text_at(const struct query *query, int column, struct asof_arena *arena)
{
	const unsigned char *text = sqlite3_column_text(query->statement, column);
	size_t len = (size_t)sqlite3_column_bytes(query->statement, column);
	return text ? asof_arena_copy(arena, (struct asof_str){ (const char *)text, len }) : NULL;
}

static int64_t
int_at(const struct query *query, int column)
{
	return sqlite3_column_int64(query->statement, column);
}

static int32_t
int32_at(const struct query *query, int column)
{
	return (int32_t)sqlite3_column_int64(query->statement, column);
}

/* --- transactions ------------------------------------------------------------------------------
 */

/* Caller holds the lock. Rolled back at the end of the scope unless committed. */
static void
write_done(struct sqlite_catalog **self)
{
	if (*self)
		(void)execute_plain(*self, ASOF_SQL_ROLLBACK, NULL);
}

static enum asof_status
write_begin(struct sqlite_catalog *self, struct sqlite_catalog **ret_open, struct asof_error *err)
{
	ASOF_TRY(execute_plain(self, ASOF_SQL_BEGIN_WRITE, err));
	*ret_open = self;
	return ASOF_OK;
}

static enum asof_status
write_commit(struct sqlite_catalog **open, struct asof_error *err)
{
	ASOF_TRY(execute_plain(*open, ASOF_SQL_COMMIT, err));
	*open = NULL;
	return ASOF_OK;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static void
sqlite_close(struct asof_catalog *catalog)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	for (size_t i = 0; i < ASOF_SQL_STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(self->statements[i]);
	(void)sqlite3_close(self->db);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static void
catalog_free(struct sqlite_catalog *self)
{
	if (self)
		sqlite_close(&self->base);
}
ASOF_DEFINE_AUTOFREE(struct sqlite_catalog, catalog_free)

static void
finalize(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

static enum asof_status
read_schema_version(sqlite3 *db, int64_t *ret_version, struct asof_error *err)
{
	ASOF_AUTO(finalize) sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "pragma user_version", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW)
		return fail(err, rc, db);
	*ret_version = sqlite3_column_int64(statement, 0);
	return ASOF_OK;
}

static void
rollback(sqlite3 **db)
{
	if (*db)
		(void)sqlite3_exec(*db, "rollback", NULL, NULL, NULL);
}

/* Make the tables where there are none; one process does, others wait for it. */
static enum asof_status
make_schema(sqlite3 *db, struct asof_error *err)
{
	int64_t version = 0;
	ASOF_TRY(read_schema_version(db, &version, err));
	if (version == 0) {
		int rc = sqlite3_exec(db, "begin immediate", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return fail(err, rc, db);
		ASOF_AUTO(rollback) sqlite3 *open = db;
		ASOF_TRY(read_schema_version(db, &version, err));
		if (version == 0)
			rc = sqlite3_exec(db, asof_catalog_schema, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, "commit", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return fail(err, rc, db);
		open = NULL;
		ASOF_TRY(read_schema_version(db, &version, err));
	}
	if (version != ASOF_CATALOG_SCHEMA_VERSION)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the file has schema %lld, this program reads %d",
				 (long long)version, ASOF_CATALOG_SCHEMA_VERSION);
	return ASOF_OK;
}

/* synchronous = full: a commit survives a power cut. */
static enum asof_status
set_up(sqlite3 *db, struct asof_error *err)
{
	static const char pragmas[] = "pragma journal_mode = wal; pragma synchronous = full;"
				      "pragma foreign_keys = on; pragma trusted_schema = off;";
	int rc = sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	for (int i = 0; i < OPEN_TRIES && (rc & 0xff) == SQLITE_BUSY; i++) {
		(void)sqlite3_sleep(OPEN_PAUSE_MS);
		rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK)
		return fail(err, rc, db);
	return make_schema(db, err);
}

static enum asof_status
sqlite_open(struct asof_str location, struct asof_catalog **ret_catalog, struct asof_error *err)
{
	if (location.len == 0 || location.len >= PATH_MAX)
		return ASOF_FAIL(err, ASOF_INVALID, "no file: sqlite:FILE");
	char path[PATH_MAX] = { 0 };
	memcpy(path, location.ptr, location.len);
	ASOF_TRY(asof_dir_make_above(path, err));

	ASOF_AUTO(catalog_free_auto) struct sqlite_catalog *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "sqlite catalog");
	self->base.ops = &asof_catalog_sqlite_ops;
	(void)pthread_mutex_init(&self->lock, NULL);
	int rc = sqlite3_open_v2(path, &self->db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
				 NULL);
	if (rc != SQLITE_OK)
		return fail(err, rc, self->db);
	ASOF_TRY(set_up(self->db, err));
	for (size_t i = 0; i < ASOF_SQL_STATEMENT_COUNT; i++) {
		rc = sqlite3_prepare_v3(self->db, asof_catalog_sql[i], -1,
					SQLITE_PREPARE_PERSISTENT, &self->statements[i], NULL);
		if (rc != SQLITE_OK)
			return fail(err, rc, self->db);
	}
	*ret_catalog = &ASOF_STEAL(self)->base;
	return ASOF_OK;
}

/* --- rows given back ---------------------------------------------------------------------------
 */

union row {
	struct asof_definition definition;
	struct asof_version version;
	struct asof_run run;
};

/* Read whole before they are visited, so that visitors may call the catalog. */
struct rows {
	struct asof_arena arena;
	union row *items;
	size_t count;
	size_t capacity;
};

static void
rows_done(struct rows *rows)
{
	asof_arena_done(&rows->arena);
	asof_mem_free(rows->items);
}

typedef enum asof_status read_fn(const struct query *query, struct asof_arena *arena,
				 union row *ret_row, struct asof_error *err);

static enum asof_status
read_rows(struct query *query, read_fn *read, struct rows *rows, struct asof_error *err)
{
	for (;;) {
		bool has_row = false;
		ASOF_TRY(step(query, &has_row, err));
		if (!has_row)
			return ASOF_OK;
		ASOF_TRY(asof_mem_reserve((void **)&rows->items, &rows->capacity, rows->count + 1,
					  sizeof(*rows->items), err));
		ASOF_TRY(read(query, &rows->arena, &rows->items[rows->count], err));
		rows->count++;
	}
}

static enum asof_status
read_definition(const struct query *query, struct asof_arena *arena, union row *ret_row,
		struct asof_error *err)
{
	struct asof_definition row = {
		.kind = text_at(query, 0, arena),
		.name = text_at(query, 1, arena),
		.hash = text_at(query, 2, arena),
		.json = text_at(query, 3, arena),
		.major = int32_at(query, 4),
		.minor = int32_at(query, 5),
		.registered_us = int_at(query, 6),
	};
	if (!row.kind || !row.name || !row.hash || !row.json)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition");
	ret_row->definition = row;
	return ASOF_OK;
}

static enum asof_status
read_version(const struct query *query, struct asof_arena *arena, union row *ret_row,
	     struct asof_error *err)
{
	struct asof_version row = {
		.view = text_at(query, 0, arena),
		.major = int32_at(query, 1),
		.minor = int32_at(query, 2),
		.patch = int32_at(query, 3),
		.definition_hash = text_at(query, 4, arena),
		.definition_json = text_at(query, 5, arena),
		.table_version = int_at(query, 6),
		.row_count = int_at(query, 7),
		.published_us = int_at(query, 8),
		.run_id = text_at(query, 9, arena),
		.tag = text_at(query, 10, arena),
		.is_current = int_at(query, 11) != 0,
	};
	if (!row.view || !row.definition_hash || !row.definition_json || !row.run_id || !row.tag)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
	ret_row->version = row;
	return ASOF_OK;
}

static enum asof_status
read_run(const struct query *query, struct asof_arena *arena, union row *ret_row,
	 struct asof_error *err)
{
	struct asof_run row = {
		.id = text_at(query, 0, arena),
		.job = text_at(query, 1, arena),
		.name = text_at(query, 2, arena),
		.state = (enum asof_run_state)int_at(query, 3),
		.started_us = int_at(query, 4),
		.finished_us = int_at(query, 5),
		.row_count = int_at(query, 6),
		.message = text_at(query, 7, arena),
		.version = text_at(query, 8, arena),
	};
	if (!row.id || !row.job || !row.name || !row.message || !row.version)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	ret_row->run = row;
	return ASOF_OK;
}

/* --- the callbacks -----------------------------------------------------------------------------
 */

static enum asof_status
put_definition(struct sqlite_catalog *self, const struct asof_definition *definition,
	       struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_DEFINE);
	bind_text(&query, definition->kind);
	bind_text(&query, definition->name);
	bind_text(&query, definition->hash);
	bind_text(&query, definition->json);
	bind_int(&query, definition->major);
	bind_int(&query, definition->minor);
	bind_int(&query, definition->registered_us);
	return execute(&query, err);
}

static enum asof_status
forget_definition(struct sqlite_catalog *self, const struct asof_definition *definition,
		  struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_FORGET);
	bind_text(&query, definition->kind);
	bind_text(&query, definition->name);
	return execute(&query, err);
}

static enum asof_status
sqlite_define(struct asof_catalog *catalog, const struct asof_definition *definitions, size_t count,
	      const struct asof_definition *removed, size_t removed_count, struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(write_done) struct sqlite_catalog *open = NULL;
	ASOF_TRY(write_begin(self, &open, err));
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(put_definition(self, &definitions[i], err));
	for (size_t i = 0; i < removed_count; i++)
		ASOF_TRY(forget_definition(self, &removed[i], err));
	return write_commit(&open, err);
}

static enum asof_status
select_rows(struct sqlite_catalog *self, enum asof_catalog_statement statement, const char *name,
	    read_fn *read, struct rows *rows, struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(query_done) struct query query = query_of(self, statement);
	bind_text_or_null(&query, name);
	return read_rows(&query, read, rows, err);
}

static enum asof_status
sqlite_definitions(struct asof_catalog *catalog, const char *kind, asof_definition_fn *visit,
		   void *arg, struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	ASOF_TRY(select_rows(sqlite_catalog(catalog), ASOF_SQL_DEFINITIONS, kind, read_definition,
			     &rows, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].definition, err));
	return ASOF_OK;
}

/* The run that made a version, or NULL without such a version. */
static enum asof_status
find_version_run(struct sqlite_catalog *self, const struct asof_version *version,
		 struct asof_arena *arena, const char **ret_run_id, struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_VERSION_RUN);
	bind_text(&query, version->view);
	bind_int(&query, version->major);
	bind_int(&query, version->minor);
	bind_int(&query, version->patch);
	bool has_row = false;
	ASOF_TRY(step(&query, &has_row, err));
	*ret_run_id = has_row ? text_at(&query, 0, arena) : NULL;
	return has_row && !*ret_run_id ? ASOF_FAIL(err, ASOF_NO_MEMORY, "version") : ASOF_OK;
}

static enum asof_status
add_version(struct sqlite_catalog *self, const struct asof_version *version, struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_ADD_VERSION);
	bind_text(&query, version->view);
	bind_int(&query, version->major);
	bind_int(&query, version->minor);
	bind_int(&query, version->patch);
	bind_text(&query, version->definition_hash);
	bind_text(&query, version->definition_json);
	bind_int(&query, version->table_version);
	bind_int(&query, version->row_count);
	bind_int(&query, version->published_us);
	bind_text(&query, version->run_id);
	bind_text(&query, version->tag);
	return execute(&query, err);
}

static enum asof_status
point_to(struct sqlite_catalog *self, const struct asof_version *version, struct asof_error *err)
{
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_SET_CURRENT);
	bind_text(&query, version->view);
	bind_int(&query, version->major);
	bind_int(&query, version->minor);
	bind_int(&query, version->patch);
	return execute(&query, err);
}

static enum asof_status
sqlite_publish(struct asof_catalog *catalog, const struct asof_version *version,
	       struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(write_done) struct sqlite_catalog *open = NULL;
	ASOF_TRY(write_begin(self, &open, err));
	const char *run_id = NULL;
	ASOF_TRY(find_version_run(self, version, &arena, &run_id, err));
	if (run_id && strcmp(run_id, version->run_id) == 0)
		return ASOF_OK;
	if (run_id)
		return ASOF_FAIL(err, ASOF_CONFLICT, "it exists already, made by run '%s'", run_id);
	ASOF_TRY(add_version(self, version, err));
	if (version->is_current)
		ASOF_TRY(point_to(self, version, err));
	return write_commit(&open, err);
}

static enum asof_status
sqlite_versions(struct asof_catalog *catalog, const char *view, asof_version_fn *visit, void *arg,
		struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	ASOF_TRY(select_rows(sqlite_catalog(catalog), ASOF_SQL_VERSIONS, view, read_version, &rows,
			     err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].version, err));
	return ASOF_OK;
}

static enum asof_status
sqlite_set_current(struct asof_catalog *catalog, const char *view, int32_t major, int32_t minor,
		   int32_t patch, struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	const struct asof_version wanted = {
		.view = view, .major = major, .minor = minor, .patch = patch
	};
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(write_done) struct sqlite_catalog *open = NULL;
	ASOF_TRY(write_begin(self, &open, err));
	const char *run_id = NULL;
	ASOF_TRY(find_version_run(self, &wanted, &arena, &run_id, err));
	if (!run_id)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no such version");
	ASOF_TRY(point_to(self, &wanted, err));
	return write_commit(&open, err);
}

static enum asof_status
sqlite_put_run(struct asof_catalog *catalog, const struct asof_run *run, struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_PUT_RUN);
	bind_text(&query, run->id);
	bind_text(&query, run->job);
	bind_text(&query, run->name);
	bind_int(&query, run->state);
	bind_int(&query, run->started_us);
	bind_int(&query, run->finished_us);
	bind_int(&query, run->row_count);
	bind_text(&query, run->message);
	bind_text(&query, run->version);
	return execute(&query, err);
}

static enum asof_status
select_runs(struct sqlite_catalog *self, size_t limit, struct rows *rows, struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_RUNS);
	bind_int(&query, limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	return read_rows(&query, read_run, rows, err);
}

static enum asof_status
sqlite_runs(struct asof_catalog *catalog, size_t limit, asof_run_fn *visit, void *arg,
	    struct asof_error *err)
{
	ASOF_AUTO(rows_done) struct rows rows = { 0 };
	ASOF_TRY(select_runs(sqlite_catalog(catalog), limit, &rows, err));
	for (size_t i = 0; i < rows.count; i++)
		ASOF_TRY(visit(arg, &rows.items[i].run, err));
	return ASOF_OK;
}

static enum asof_status
sqlite_put_materialization(struct asof_catalog *catalog,
			   const struct asof_materialization *materialization,
			   struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_PUT_MATERIALIZATION);
	bind_text(&query, materialization->view);
	bind_text(&query, materialization->version);
	bind_int(&query, materialization->at_us);
	bind_int(&query, materialization->row_count);
	bind_int(&query, materialization->done_us);
	return execute(&query, err);
}

static enum asof_status
sqlite_find_materialization(struct asof_catalog *catalog, const char *view,
			    struct asof_arena *arena,
			    struct asof_materialization *ret_materialization,
			    struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_HOLD(held, &self->lock);
	ASOF_AUTO(query_done) struct query query = query_of(self, ASOF_SQL_FIND_MATERIALIZATION);
	bind_text(&query, view);
	bool has_row = false;
	ASOF_TRY(step(&query, &has_row, err));
	if (!has_row)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "it was never materialized");
	struct asof_materialization row = {
		.view = text_at(&query, 0, arena),
		.version = text_at(&query, 1, arena),
		.at_us = int_at(&query, 2),
		.row_count = int_at(&query, 3),
		.done_us = int_at(&query, 4),
	};
	if (!row.view || !row.version)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "materialization");
	*ret_materialization = row;
	return ASOF_OK;
}

const struct asof_catalog_ops asof_catalog_sqlite_ops = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.define = sqlite_define,
	.definitions = sqlite_definitions,
	.publish = sqlite_publish,
	.versions = sqlite_versions,
	.set_current = sqlite_set_current,
	.put_run = sqlite_put_run,
	.runs = sqlite_runs,
	.put_materialization = sqlite_put_materialization,
	.find_materialization = sqlite_find_materialization,
};
