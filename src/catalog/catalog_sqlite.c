/* catalog_sqlite.c - catalog in a SQLite file (WAL); several processes may use it. */
#include <limits.h>
#include <sqlite3.h>

#include "base/dir.h"
#include "catalog/catalog_sql.h"

#define BUSY_TIMEOUT_MS 10000
#define OPEN_TRIES      50 /* switching to WAL is not covered by the busy timeout */
#define OPEN_PAUSE_MS   20

struct sqlite_catalog {
	struct asof_sql_catalog base; /* must be first */
	pthread_mutex_t lock;         /* guards the connection and everything below it */
	sqlite3 *db;
	sqlite3_stmt *statements[ASOF_SQL_STATEMENT_COUNT];
};

static struct sqlite_catalog *
sqlite_catalog(struct asof_sql_catalog *catalog)
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

static void
reset(sqlite3_stmt **statement)
{
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
}

/* Texts are borrowed until the statement is reset. */
static int
bind_values(sqlite3_stmt *statement, const struct asof_sql_cells *values)
{
	int rc = SQLITE_OK;
	for (size_t i = 0; i < values->count && rc == SQLITE_OK; i++) {
		const struct asof_sql_cell *value = &values->items[i];
		int place = (int)i + 1;
		if (value->kind == ASOF_SQL_TEXT)
			rc = sqlite3_bind_text64(statement, place, value->text, strlen(value->text),
						 SQLITE_STATIC, SQLITE_UTF8);
		else if (value->kind == ASOF_SQL_INT)
			rc = sqlite3_bind_int64(statement, place, value->number);
		else
			rc = sqlite3_bind_null(statement, place);
	}
	return rc;
}

static enum asof_status
read_row(struct sqlite_catalog *self, sqlite3_stmt *statement, struct asof_sql_cell *cells,
	 struct asof_error *err)
{
	int count = sqlite3_column_count(statement);
	for (int i = 0; i < count && i < ASOF_SQL_CELLS_MAX; i++) {
		int type = sqlite3_column_type(statement, i);
		cells[i] = (struct asof_sql_cell){ .kind = ASOF_SQL_INT };
		if (type == SQLITE_TEXT) {
			cells[i].kind = ASOF_SQL_TEXT;
			cells[i].text = (const char *)sqlite3_column_text(statement, i);
			if (!cells[i].text)
				return fail(err, SQLITE_NOMEM, self->db);
		} else if (type == SQLITE_INTEGER) {
			cells[i].number = sqlite3_column_int64(statement, i);
		} else {
			return ASOF_FAIL(err, ASOF_CORRUPT,
					 "column %d holds neither text nor number", i + 1);
		}
	}
	return ASOF_OK;
}

static enum asof_status
sqlite_run(struct asof_sql_catalog *catalog, enum asof_catalog_statement which,
	   const struct asof_sql_cells *values, asof_sql_row_fn *take, void *arg,
	   int64_t *ret_changed, struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_AUTO(reset) sqlite3_stmt *statement = self->statements[which];
	int rc = bind_values(statement, values);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		struct asof_sql_cell cells[ASOF_SQL_CELLS_MAX] = { 0 };
		rc = sqlite3_step(statement);
		if (rc != SQLITE_ROW)
			break;
		ASOF_TRY(read_row(self, statement, cells, err));
		if (take)
			ASOF_TRY(take(arg, cells, err));
	}
	if (rc != SQLITE_DONE)
		return fail(err, rc, self->db);
	if (ret_changed)
		*ret_changed = sqlite3_changes64(self->db);
	return ASOF_OK;
}

/* --- transactions ------------------------------------------------------------------------------
 */

static void
rollback(sqlite3 **db)
{
	if (*db)
		(void)sqlite3_exec(*db, "rollback", NULL, NULL, NULL);
}

/* Rolled back at the end of the scope that holds *ret_open, unless it is committed. */
static enum asof_status
begin(sqlite3 *db, sqlite3 **ret_open, struct asof_error *err)
{
	int rc = sqlite3_exec(db, "begin immediate", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(err, rc, db);
	*ret_open = db;
	return ASOF_OK;
}

static enum asof_status
commit(sqlite3 **open, struct asof_error *err)
{
	int rc = sqlite3_exec(*open, "commit", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return fail(err, rc, *open);
	*open = NULL;
	return ASOF_OK;
}

static enum asof_status
sqlite_perform(struct asof_sql_catalog *catalog, bool is_transaction, asof_sql_work_fn *work,
	       void *arg, struct asof_error *err)
{
	struct sqlite_catalog *self = sqlite_catalog(catalog);
	ASOF_HOLD(held, &self->lock);
	if (!is_transaction)
		return work(catalog, arg, err);
	ASOF_AUTO(rollback) sqlite3 *open = NULL;
	ASOF_TRY(begin(self->db, &open, err));
	ASOF_TRY(work(catalog, arg, err));
	return commit(&open, err);
}

static const struct asof_sql_driver driver = { .perform = sqlite_perform, .run = sqlite_run };

/* --- opening -----------------------------------------------------------------------------------
 */

static void
sqlite_close(struct asof_catalog *catalog)
{
	struct sqlite_catalog *self = (struct sqlite_catalog *)catalog;
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
		sqlite_close(&self->base.base);
}
ASOF_DEFINE_AUTOFREE(struct sqlite_catalog, catalog_free)

static void
finalize(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

static enum asof_status
read_schema_number(sqlite3 *db, int64_t *ret_number, struct asof_error *err)
{
	ASOF_AUTO(finalize) sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "pragma user_version", -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW)
		return fail(err, rc, db);
	*ret_number = sqlite3_column_int64(statement, 0);
	return ASOF_OK;
}

/* From the number it has to ours; one process does it, others wait for it. */
static enum asof_status
make_schema(sqlite3 *db, struct asof_error *err)
{
	int64_t number = 0;
	ASOF_TRY(read_schema_number(db, &number, err));
	if (number >= 0 && number < ASOF_CATALOG_SCHEMA_NUMBER) {
		ASOF_AUTO(rollback) sqlite3 *open = NULL;
		ASOF_TRY(begin(db, &open, err));
		ASOF_TRY(read_schema_number(db, &number, err));
		for (int64_t i = number; i < ASOF_CATALOG_SCHEMA_NUMBER; i++) {
			const char *step = asof_catalog_sqlite_schema[i];
			int rc = sqlite3_exec(db, step, NULL, NULL, NULL);
			if (rc != SQLITE_OK)
				return fail(err, rc, db);
		}
		ASOF_TRY(commit(&open, err));
		ASOF_TRY(read_schema_number(db, &number, err));
	}
	if (number != ASOF_CATALOG_SCHEMA_NUMBER)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the file has schema %lld, this program reads %d",
				 (long long)number, ASOF_CATALOG_SCHEMA_NUMBER);
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
	self->base.base.ops = &asof_catalog_sqlite_ops;
	self->base.driver = &driver;
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
	*ret_catalog = &ASOF_STEAL(self)->base.base;
	return ASOF_OK;
}

const struct asof_catalog_ops asof_catalog_sqlite_ops = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	ASOF_CATALOG_SQL_CALLS,
};
