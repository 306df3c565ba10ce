/* catalog_postgres.c - catalog in a PostgreSQL database, in the schema "asof", for many machines.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/pause.h"
#include "base/utf8.h"
#include "catalog/catalog_sql.h"
#include "postgres/postgres_link.h"

#define OPEN_TRIES   4
#define CALL_TRIES   8 /* about five seconds: a server starts again meanwhile */
#define NUMBER_BYTES 24
#define REPLACEMENT  "\xef\xbf\xbd"

static const struct asof_pause retry_pause = { .first_ms = 50, .most_ms = 2000 };

struct postgres_catalog {
	struct asof_sql_catalog base; /* must be first */
	pthread_mutex_t lock;         /* guards the connection and everything below it */
	struct asof_postgres_link link;
	bool is_prepared[ASOF_SQL_STATEMENT_COUNT]; /* on this connection */
	struct asof_arena arena;
	struct asof_postgres_place place;
};

static struct postgres_catalog *
postgres_catalog(struct asof_sql_catalog *catalog)
{
	return (struct postgres_catalog *)catalog;
}

/* --- trying again ------------------------------------------------------------------------------
 */

typedef enum asof_status attempt_fn(struct postgres_catalog *self, void *arg,
				    struct asof_error *err);

static enum asof_status
connect_once(struct postgres_catalog *self, struct asof_error *err)
{
	if (self->link.conn)
		return ASOF_OK;
	memset(self->is_prepared, 0, sizeof(self->is_prepared));
	return asof_postgres_link_open(&self->link, &self->place, err);
}

/*
 * Every call of a catalog may be repeated, even where the server has done it and only its answer
 * was lost: publishing the same version by the same run changes nothing, and all others say how
 * things are.
 */
static enum asof_status
with_retries(struct postgres_catalog *self, unsigned tries, attempt_fn *attempt, void *arg,
	     struct asof_error *err)
{
	struct asof_error why = { 0 };
	enum asof_status status = ASOF_OK;
	for (unsigned try = 0; try < tries; try++) {
		if (try > 0)
			asof_pause_before(retry_pause, try - 1);
		self->link.may_retry = false;
		status = connect_once(self, &why);
		if (status == ASOF_OK)
			status = attempt(self, arg, &why);
		if (status == ASOF_OK)
			return ASOF_OK;
		asof_postgres_link_recover(&self->link);
		if (!self->link.may_retry)
			break;
	}
	return ASOF_FAIL(err, status, "%s", why.message);
}

/* --- statements --------------------------------------------------------------------------------
 */

/* Text that the database takes: what is no UTF-8 is replaced. NULL on exhaustion. */
static const char *
clean(const char *text, struct asof_arena *arena)
{
	struct asof_str rest = asof_str_from(text);
	size_t valid = asof_utf8_valid_prefix(rest);
	if (valid == rest.len)
		return text;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(3 * rest.len + 1);
	while (valid < rest.len) {
		asof_buf_add(&buf, rest.ptr, valid);
		asof_buf_add_cstr(&buf, REPLACEMENT);
		rest = (struct asof_str){ rest.ptr + valid + 1, rest.len - valid - 1 };
		valid = asof_utf8_valid_prefix(rest);
	}
	asof_buf_add_str(&buf, rest);
	return asof_buf_status(&buf, NULL) == ASOF_OK ? asof_arena_copy(arena, asof_buf_view(&buf))
						      : NULL;
}

struct parameters {
	const char *texts[ASOF_SQL_CELLS_MAX];
	char numbers[ASOF_SQL_CELLS_MAX][NUMBER_BYTES];
	uint32_t types[ASOF_SQL_CELLS_MAX];
	size_t count;
	struct asof_arena arena;
};

static void
parameters_done(struct parameters *parameters)
{
	asof_arena_done(&parameters->arena);
}

static enum asof_status
parameters_init(struct parameters *p, const struct asof_sql_cells *values, struct asof_error *err)
{
	for (size_t i = 0; i < values->count; i++) {
		const struct asof_sql_cell *value = &values->items[i];
		p->types[i] =
			value->kind == ASOF_SQL_INT ? ASOF_POSTGRES_INT64 : ASOF_POSTGRES_TEXT;
		if (value->kind == ASOF_SQL_INT) {
			(void)snprintf(p->numbers[i], NUMBER_BYTES, "%" PRId64, value->number);
			p->texts[i] = p->numbers[i];
		} else if (value->kind == ASOF_SQL_TEXT) {
			p->texts[i] = clean(value->text, &p->arena);
			if (!p->texts[i])
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "text");
		}
	}
	p->count = values->count;
	return ASOF_OK;
}

static enum asof_status
prepare(struct postgres_catalog *self, enum asof_catalog_statement which, const char *name,
	const struct parameters *p, struct asof_error *err)
{
	if (self->is_prepared[which])
		return ASOF_OK;
	ASOF_TRY(asof_postgres_prepare(&self->link, name, asof_catalog_sql[which], p->types,
				       p->count, err));
	self->is_prepared[which] = true;
	return ASOF_OK;
}

static enum asof_status
read_row(const struct asof_postgres_answer *answer, size_t row, struct asof_sql_cell *cells,
	 struct asof_error *err)
{
	size_t count = asof_postgres_column_count(answer);
	for (size_t i = 0; i < count && i < ASOF_SQL_CELLS_MAX; i++) {
		struct asof_str text = asof_postgres_cell(answer, row, i);
		bool is_text = asof_postgres_column_type(answer, i) == ASOF_POSTGRES_TEXT;
		cells[i] = (struct asof_sql_cell){ .kind = is_text ? ASOF_SQL_TEXT : ASOF_SQL_INT,
						   .text = text.ptr };
		if (!is_text && !asof_int64_parse(text, &cells[i].number))
			return ASOF_FAIL(err, ASOF_CORRUPT, "column '%s' holds no number",
					 asof_postgres_column_name(answer, i));
	}
	return ASOF_OK;
}

static enum asof_status
postgres_run(struct asof_sql_catalog *catalog, enum asof_catalog_statement which,
	     const struct asof_sql_cells *values, asof_sql_row_fn *take, void *arg,
	     int64_t *ret_changed, struct asof_error *err)
{
	struct postgres_catalog *self = postgres_catalog(catalog);
	ASOF_AUTO(parameters_done) struct parameters p = { 0 };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	char name[32];
	(void)snprintf(name, sizeof(name), "asof_%d", (int)which);
	ASOF_TRY(parameters_init(&p, values, err));
	ASOF_TRY(prepare(self, which, name, &p, err));
	struct asof_postgres_values parameters = { .count = p.count, .bytes = p.texts };
	ASOF_TRY(asof_postgres_execute(&self->link, name, &parameters, false, &answer, err));

	for (size_t row = 0; take && row < asof_postgres_row_count(&answer); row++) {
		struct asof_sql_cell cells[ASOF_SQL_CELLS_MAX] = { 0 };
		ASOF_TRY(read_row(&answer, row, cells, err));
		ASOF_TRY(take(arg, cells, err));
	}
	if (ret_changed)
		*ret_changed = asof_postgres_changed(&answer);
	return ASOF_OK;
}

/* One writer of several rows at a time, so that none waits for another in a circle: the number of
 * the lock means nothing. */
static const char begin_write[] = "begin; select pg_advisory_xact_lock(7020617361737)";

struct performance {
	bool is_transaction;
	asof_sql_work_fn *work;
	void *arg;
};

static enum asof_status
perform_once(struct postgres_catalog *self, void *arg, struct asof_error *err)
{
	const struct performance *p = arg;
	if (p->is_transaction)
		ASOF_TRY(asof_postgres_run(&self->link, begin_write, err));
	ASOF_TRY(p->work(&self->base, p->arg, err));
	if (p->is_transaction)
		ASOF_TRY(asof_postgres_run(&self->link, "commit", err));
	return ASOF_OK;
}

static enum asof_status
postgres_perform(struct asof_sql_catalog *catalog, bool is_transaction, asof_sql_work_fn *work,
		 void *arg, struct asof_error *err)
{
	struct postgres_catalog *self = postgres_catalog(catalog);
	struct performance performance = { is_transaction, work, arg };
	ASOF_HOLD(held, &self->lock);
	return with_retries(self, CALL_TRIES, perform_once, &performance, err);
}

static const struct asof_sql_driver driver = { .perform = postgres_perform, .run = postgres_run };

/* --- opening -----------------------------------------------------------------------------------
 */

/* A query of one number. */
static enum asof_status
read_number(struct postgres_catalog *self, const char *sql, int64_t *ret_number,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask(&self->link, sql, &answer, err));
	if (asof_postgres_row_count(&answer) != 1 ||
	    !asof_int64_parse(asof_postgres_cell(&answer, 0, 0), ret_number))
		return ASOF_FAIL(err, ASOF_CORRUPT, "asof.schema_number holds no number");
	return ASOF_OK;
}

/* 0: there is none. */
static enum asof_status
read_schema_number(struct postgres_catalog *self, int64_t *ret_number, struct asof_error *err)
{
	int64_t count = 0;
	ASOF_TRY(read_number(self,
			     "select count(*) from pg_class c join pg_namespace n"
			     " on n.oid = c.relnamespace"
			     " where n.nspname = 'asof' and c.relname = 'schema_number'",
			     &count, err));
	*ret_number = 0;
	if (count > 0)
		ASOF_TRY(read_number(self, "select number from asof.schema_number", ret_number,
				     err));
	return ASOF_OK;
}

/* One program does it, others wait for it. */
static enum asof_status
upgrade(struct postgres_catalog *self, struct asof_error *err)
{
	int64_t number = 0;
	ASOF_TRY(asof_postgres_run(&self->link, begin_write, err));
	ASOF_TRY(read_schema_number(self, &number, err));
	for (int64_t i = number; i >= 0 && i < ASOF_CATALOG_SCHEMA_NUMBER; i++)
		ASOF_TRY(asof_postgres_run(&self->link, asof_catalog_postgres_schema[i], err));
	return asof_postgres_run(&self->link, "commit", err);
}

static enum asof_status
make_schema(struct postgres_catalog *self, void *arg, struct asof_error *err)
{
	int64_t number = 0;
	(void)arg;
	ASOF_TRY(read_schema_number(self, &number, err));
	if (number >= 0 && number < ASOF_CATALOG_SCHEMA_NUMBER) {
		ASOF_TRY(upgrade(self, err));
		ASOF_TRY(read_schema_number(self, &number, err));
	}
	if (number != ASOF_CATALOG_SCHEMA_NUMBER)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the database has schema %" PRId64 ", this program reads %d",
				 number, ASOF_CATALOG_SCHEMA_NUMBER);
	return ASOF_OK;
}

static void
postgres_close(struct asof_catalog *catalog)
{
	struct postgres_catalog *self = (struct postgres_catalog *)catalog;
	asof_postgres_link_close(&self->link);
	asof_arena_done(&self->arena);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static void
catalog_free(struct postgres_catalog *self)
{
	if (self)
		postgres_close(&self->base.base);
}
ASOF_DEFINE_AUTOFREE(struct postgres_catalog, catalog_free)

static enum asof_status
postgres_open(struct asof_str location, struct asof_catalog **ret_catalog, struct asof_error *err)
{
	ASOF_AUTO(catalog_free_auto) struct postgres_catalog *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "postgres catalog");
	self->base.base.ops = &asof_catalog_postgres_ops;
	self->base.driver = &driver;
	(void)pthread_mutex_init(&self->lock, NULL);
	ASOF_TRY(asof_postgres_place_read(location, &self->arena, &self->place, err));
	if (self->place.schema)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "a catalog is always in the schema asof: leave out schema=");
	self->place.schema = "asof";
	self->place.rights = ": the user needs CREATE on the database once, and the schema asof";
	ASOF_TRY(with_retries(self, OPEN_TRIES, make_schema, NULL, err));
	*ret_catalog = &ASOF_STEAL(self)->base.base;
	return ASOF_OK;
}

const struct asof_catalog_ops asof_catalog_postgres_ops = {
	.scheme = "postgres",
	.alias = "postgresql",
	.open = postgres_open,
	.close = postgres_close,
	ASOF_CATALOG_SQL_CALLS,
};
