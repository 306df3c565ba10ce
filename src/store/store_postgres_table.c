/* store_postgres_table.c - tables in the database: records, generations, the view for people. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "model/hash.h"
#include "store/store_postgres.h"

#define FORMAT 1 /* goes up when older programs would read nonsense */

static const char make_tables_sql[] =
	"create table if not exists asof_online_format (number integer not null);"
	"insert into asof_online_format select 1"
	" where not exists (select from asof_online_format);"
	"create table if not exists asof_online (name text collate \"C\" primary key,"
	" shown_as text collate \"C\" not null unique, generation bigint, loading bigint,"
	" shown bigint, log bigint not null default 0, position bigint not null default 0, meta "
	"bytea not null default '');"
	"alter table asof_online add column if not exists load_tag text,"
	" add column if not exists load_rows bigint, add column if not exists load_bytes bigint,"
	" add column if not exists load_key bytea, add column if not exists load_copied bytea;"
	"create table if not exists asof_online_generation (generation bigint generated always as"
	" identity primary key, name text not null, fields text not null,"
	" made_at timestamptz not null default now())";

static int64_t
lock_number(const struct asof_postgres_store *store, const char *what, const char *table)
{
	char text[ASOF_STORE_TABLE_MAX + 128]; /* a schema's name has 63 bytes at most */
	int len = snprintf(text, sizeof(text), "asof online %s\n%s\n%s", what, store->place.schema,
			   table);
	assert(len > 0 && (size_t)len < sizeof(text));
	return (int64_t)asof_hash64((struct asof_str){ text, (size_t)len });
}

int64_t
asof_postgres_load_lock(const struct asof_postgres_store *store, const char *table)
{
	return lock_number(store, "load", table);
}

/* --- asof's own tables -------------------------------------------------------------------------
 */

static enum asof_status
make_schema(const struct asof_postgres_store *store, struct asof_postgres_conn *conn,
	    struct asof_error *err)
{
	const char *const texts[] = { store->place.schema };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_texts(conn, "select 1 from pg_namespace where nspname = $1",
					 texts, 1, &answer, err));
	if (asof_postgres_row_count(&answer) > 0)
		return ASOF_OK;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(512);
	asof_buf_add_cstr(&sql, "create schema ");
	asof_postgres_add_name(&sql, store->place.schema);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_postgres_run(&conn->link, asof_buf_cstr(&sql), err);
}

/* One program does it, others wait for it. */
static enum asof_status
make_tables(const struct asof_postgres_store *store, struct asof_postgres_conn *conn,
	    struct asof_error *err)
{
	char begin[96];
	(void)snprintf(begin, sizeof(begin), "begin; select pg_advisory_xact_lock(%" PRId64 ")",
		       lock_number(store, "tables", ""));
	ASOF_TRY(asof_postgres_run(&conn->link, begin, err));
	ASOF_TRY(make_schema(store, conn, err));
	ASOF_TRY(asof_postgres_run(&conn->link, make_tables_sql, err));
	return asof_postgres_run(&conn->link, "commit", err);
}

enum asof_status
asof_postgres_find_tables(struct asof_postgres_conn *conn, bool *ret_is_there,
			  struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	*ret_is_there = true;
	if (conn->is_checked)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_ask(&conn->link,
				   "select 1 from pg_class where relnamespace = (select oid from"
				   " pg_namespace where nspname = current_schema())"
				   " and relname = 'asof_online_format'",
				   &answer, err));
	*ret_is_there = asof_postgres_row_count(&answer) > 0;
	if (!*ret_is_there)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_ask(&conn->link, "select number from asof_online_format", &answer,
				   err));
	int64_t number =
		asof_postgres_row_count(&answer) > 0 ? asof_postgres_number(&answer, 0, 0) : 0;
	if (number != FORMAT)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the tables in the schema have format %" PRId64
				 ", this program reads %d: name another schema, or use the program "
				 "that wrote them",
				 number, FORMAT);
	conn->is_checked = true;
	return ASOF_OK;
}

/* Programs that could not go on with a load made the table without its columns. */
static enum asof_status
find_load_columns(struct asof_postgres_conn *conn, bool *ret_are_there, struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask(&conn->link,
				   "select 1 from pg_attribute where attrelid = "
				   "'asof_online'::regclass and attname = 'load_copied'",
				   &answer, err));
	*ret_are_there = asof_postgres_row_count(&answer) > 0;
	return ASOF_OK;
}

/* For who writes. */
static enum asof_status
ensure_tables(const struct asof_postgres_store *store, struct asof_postgres_conn *conn,
	      struct asof_error *err)
{
	bool is_there = false;
	if (conn->is_whole)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	if (is_there)
		ASOF_TRY(find_load_columns(conn, &is_there, err));
	if (!is_there)
		ASOF_TRY(make_tables(store, conn, err));
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	conn->is_whole = true;
	return ASOF_OK;
}

/* --- records -----------------------------------------------------------------------------------
 */

/* $1: the name, $2: the lock of its load. A load whose connection is gone is none, unless it may be
 * gone on with. */
static const char record_sql[] =
	"select generation, log, position, case when load_tag is not null or exists (select from "
	"pg_locks"
	" where locktype = 'advisory' and granted and mode = 'ExclusiveLock' and objsubid = 1"
	" and database = (select oid from pg_database where datname = current_database())"
	" and classid::bigint = ($2::bigint >> 32) & 4294967295"
	" and objid::bigint = $2::bigint & 4294967295) then loading end, shown"
	" from asof_online where name = $1";

static enum asof_status
prepare_record(struct asof_postgres_conn *conn, struct asof_error *err)
{
	static const uint32_t types[] = { ASOF_POSTGRES_TEXT, ASOF_POSTGRES_INT64 };
	if (conn->has_record)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_prepare(&conn->link, "record", record_sql, types, 2, err));
	conn->has_record = true;
	return ASOF_OK;
}

struct asof_store_mark
asof_postgres_mark_of(const struct asof_postgres_answer *answer, size_t column)
{
	struct asof_store_mark mark = {
		(uint64_t)asof_postgres_number(answer, 0, column),
		{ (uint64_t)asof_postgres_number(answer, 0, column + 1),
		  asof_postgres_number(answer, 0, column + 2) },
	};
	return mark.generation != 0 ? mark : (struct asof_store_mark){ 0 };
}

static enum asof_status
take_record(void *arg, size_t index, const struct asof_postgres_answer *answer,
	    struct asof_error *err)
{
	struct asof_postgres_record *record = arg;
	(void)err;
	if (index < 2 || asof_postgres_row_count(answer) == 0) /* begin, the lock */
		return ASOF_OK;
	*record = (struct asof_postgres_record){ .is_found = true,
						 .mark = asof_postgres_mark_of(answer, 0),
						 .loading = asof_postgres_number(answer, 0, 3),
						 .shown = asof_postgres_number(answer, 0, 4) };
	return ASOF_OK;
}

static enum asof_status
send_begin(struct asof_postgres_conn *conn, const char *lock_sql,
	   const struct asof_postgres_values *values, struct asof_postgres_record *record,
	   struct asof_error *err)
{
	ASOF_TRY(asof_postgres_pipe_begin(&conn->link, err));
	ASOF_TRY(asof_postgres_pipe_add_sql(&conn->link, "begin", err));
	ASOF_TRY(asof_postgres_pipe_add_sql(&conn->link, lock_sql, err));
	ASOF_TRY(asof_postgres_pipe_add(&conn->link, "record", values, false, err));
	return asof_postgres_pipe_read(&conn->link, take_record, record, err);
}

enum asof_status
asof_postgres_begin(struct asof_postgres_store *store, struct asof_postgres_conn *conn,
		    const char *table, enum asof_postgres_lock lock,
		    struct asof_postgres_record *ret_record, struct asof_error *err)
{
	char lock_sql[96];
	char load_lock[24];
	const char *const texts[] = { table, load_lock };
	struct asof_postgres_values values = { .count = 2, .bytes = texts };
	struct asof_postgres_record record = { 0 };
	(void)snprintf(load_lock, sizeof(load_lock), "%" PRId64,
		       asof_postgres_load_lock(store, table));
	(void)snprintf(lock_sql, sizeof(lock_sql), "select pg_advisory_xact_lock%s(%" PRId64 ")",
		       lock == ASOF_POSTGRES_SHARED ? "_shared" : "",
		       lock_number(store, "table", table));
	ASOF_TRY(ensure_tables(store, conn, err));
	ASOF_TRY(prepare_record(conn, err));
	enum asof_status status = send_begin(conn, lock_sql, &values, &record, err);
	asof_postgres_pipe_end(&conn->link);
	ASOF_TRY(status);
	*ret_record = record;
	return ASOF_OK;
}

/* --- generations -------------------------------------------------------------------------------
 */

/* Whom asof_online is open to, the tables of a generation are: $1 is the table. */
static enum asof_status
copy_grants(struct asof_postgres_conn *conn, const char *from, const char *to,
	    struct asof_error *err)
{
	const char *const texts[] = { from, to };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_texts(
		conn,
		"select string_agg(format('grant %s on %I to %s', a.privilege_type, $2::text,"
		" case a.grantee when 0 then 'public' else"
		" quote_ident(pg_get_userbyid(a.grantee)) end), ';')"
		" from pg_class c, aclexplode(c.relacl) a where c.relname = $1 and a.grantee <>"
		" c.relowner and c.relnamespace = (select oid from pg_namespace where nspname ="
		" current_schema())",
		texts, 2, &answer, err));
	if (asof_postgres_is_null(&answer, 0, 0))
		return ASOF_OK;
	return asof_postgres_run(&conn->link, asof_postgres_cell(&answer, 0, 0).ptr, err);
}

static enum asof_status
number_generation(struct asof_postgres_conn *conn, const char *table,
		  const struct asof_postgres_shape *shape, int64_t *ret_generation,
		  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf fields = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	asof_postgres_shape_write(shape, &fields);
	ASOF_TRY(asof_buf_status(&fields, err));
	const char *const texts[] = { table, asof_buf_cstr(&fields) };
	ASOF_TRY(asof_postgres_ask_texts(
		conn,
		"insert into asof_online_generation (name, fields) values ($1, $2)"
		" returning generation",
		texts, 2, &answer, err));
	*ret_generation = asof_postgres_number(&answer, 0, 0);
	return ASOF_OK;
}

enum asof_status
asof_postgres_make_generation(struct asof_postgres_conn *conn, const char *table,
			      const struct asof_postgres_shape *shape, bool is_load,
			      int64_t *ret_generation, struct asof_error *err)
{
	int64_t generation = 0;
	char name[ASOF_POSTGRES_NAME_MAX];
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	ASOF_TRY(number_generation(conn, table, shape, &generation, err));
	asof_postgres_add_rows_table(&sql, generation, shape, false);
	asof_buf_add_char(&sql, ';');
	if (is_load)
		asof_postgres_add_rows_table(&sql, generation, shape, true);
	else
		asof_buf_printf(&sql, "alter table asof_online_g%" PRId64 " add primary key (key)",
				generation);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_postgres_run(&conn->link, asof_buf_cstr(&sql), err));
	(void)snprintf(name, sizeof(name), "asof_online_g%" PRId64, generation);
	ASOF_TRY(copy_grants(conn, "asof_online", name, err));
	(void)snprintf(name, sizeof(name), "asof_online_g%" PRId64 "_log", generation);
	if (is_load)
		ASOF_TRY(copy_grants(conn, "asof_online", name, err));
	*ret_generation = generation;
	return ASOF_OK;
}

static enum asof_status
drop_generation(struct asof_postgres_conn *conn, int64_t generation, struct asof_error *err)
{
	char sql[320];
	(void)snprintf(sql, sizeof(sql),
		       "begin; set local lock_timeout to '100ms';"
		       "drop table if exists asof_online_g%" PRId64 ", asof_online_g%" PRId64
		       "_log; delete from asof_online_generation where generation = %" PRId64
		       ";commit",
		       generation, generation, generation);
	return asof_postgres_run(&conn->link, sql, err);
}

/* Who still reads it keeps it: the next load tries again. */
void
asof_postgres_sweep(struct asof_postgres_conn *conn, const char *table)
{
	const char *const texts[] = { table };
	struct asof_error ignored;
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	enum asof_status status = asof_postgres_ask_texts(
		conn,
		"select g.generation from asof_online_generation g where g.name = $1 and not exists"
		" (select from asof_online t where t.name = g.name and g.generation in"
		" (t.generation, t.loading, t.shown))",
		texts, 1, &answer, &ignored);
	size_t count = status == ASOF_OK ? asof_postgres_row_count(&answer) : 0;
	for (size_t i = 0; i < count; i++) {
		int64_t generation = asof_postgres_number(&answer, i, 0);
		if (drop_generation(conn, generation, &ignored) != ASOF_OK)
			asof_postgres_link_recover(&conn->link);
	}
}

/* --- the view for people -----------------------------------------------------------------------
 */

static enum asof_status
read_shape(struct asof_postgres_conn *conn, int64_t generation, struct asof_postgres_known *known,
	   struct asof_error *err)
{
	known->generation = generation;
	return asof_postgres_know_shape(conn, known, err);
}

static void
known_shape_done(struct asof_postgres_known *known)
{
	asof_postgres_shape_done(&known->shape);
}

/* May the view stay and be changed? Else it is made anew. */
static enum asof_status
is_replaceable(struct asof_postgres_conn *conn, int64_t shown,
	       const struct asof_postgres_shape *shape, bool *ret_is_replaceable,
	       struct asof_error *err)
{
	ASOF_AUTO(known_shape_done) struct asof_postgres_known old = { 0 };
	*ret_is_replaceable = true;
	if (shown == 0)
		return ASOF_OK;
	ASOF_TRY(read_shape(conn, shown, &old, err));
	*ret_is_replaceable = asof_postgres_shape_equal(&old.shape, shape);
	return ASOF_OK;
}

/* A view of another shape in the place of the old one, open to the same people. */
static enum asof_status
make_anew(struct asof_postgres_conn *conn, const char *view_name, int64_t shown,
	  const struct asof_buf *sql, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf move = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	char old_name[ASOF_POSTGRES_NAME_MAX];
	char drop[128];
	(void)snprintf(old_name, sizeof(old_name), "asof_online_old_g%" PRId64, shown);
	(void)snprintf(drop, sizeof(drop), "drop view if exists %s", old_name);
	asof_buf_add_cstr(&move, "alter view if exists ");
	asof_postgres_add_name(&move, view_name);
	asof_buf_printf(&move, " rename to %s", old_name);
	ASOF_TRY(asof_buf_status(&move, err));
	ASOF_TRY(asof_postgres_run(&conn->link, asof_buf_cstr(&move), err));
	ASOF_TRY(asof_postgres_run(&conn->link, asof_buf_cstr(sql), err));
	ASOF_TRY(copy_grants(conn, old_name, view_name, err));
	return asof_postgres_run(&conn->link, drop, err);
}

enum asof_status
asof_postgres_show(struct asof_postgres_conn *conn, const char *table, int64_t shown,
		   int64_t generation, const struct asof_postgres_shape *shape,
		   struct asof_error *err)
{
	char view_name[ASOF_POSTGRES_NAME_MAX];
	bool can_replace = true;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	ASOF_TRY(asof_postgres_view_name(table, view_name, err));
	ASOF_TRY(is_replaceable(conn, shown, shape, &can_replace, err));
	asof_postgres_add_view(&sql, view_name, generation, shape);
	ASOF_TRY(asof_buf_status(&sql, err));
	if (!can_replace)
		return make_anew(conn, view_name, shown, &sql, err);
	return asof_postgres_run(&conn->link, asof_buf_cstr(&sql), err);
}

/* The name of somebody's view that needs the columns as they are; or NULL. */
static enum asof_status
find_dependent(struct asof_postgres_conn *conn, const char *view_name,
	       struct asof_postgres_answer *answer, struct asof_error *err)
{
	const char *const texts[] = { view_name };
	return asof_postgres_ask_texts(
		conn,
		"select w.oid::regclass from pg_class v join pg_depend d on d.refobjid = v.oid"
		" join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass"
		" join pg_class w on w.oid = r.ev_class and w.oid <> v.oid where v.relname = $1"
		" and v.relnamespace = (select oid from pg_namespace where nspname ="
		" current_schema()) limit 1",
		texts, 1, answer, err);
}

static enum asof_status
check_name_is_free(struct asof_postgres_conn *conn, const char *view_name, struct asof_error *err)
{
	const char *const texts[] = { view_name };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_texts(
		conn,
		"select 1 from pg_class where relname = $1 and relnamespace = (select oid from"
		" pg_namespace where nspname = current_schema())",
		texts, 1, &answer, err));
	if (asof_postgres_row_count(&answer) > 0)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "the schema has a '%s' that asof did not make: rename it, or name "
				 "another schema by schema=",
				 view_name);
	return ASOF_OK;
}

enum asof_status
asof_postgres_check_shown(struct asof_postgres_conn *conn, const char *table, int64_t shown,
			  const struct asof_postgres_shape *shape, struct asof_error *err)
{
	char view_name[ASOF_POSTGRES_NAME_MAX];
	bool can_replace = true;
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_view_name(table, view_name, err));
	if (shown == 0)
		return check_name_is_free(conn, view_name, err);
	ASOF_TRY(is_replaceable(conn, shown, shape, &can_replace, err));
	if (can_replace)
		return ASOF_OK;
	ASOF_TRY(find_dependent(conn, view_name, &answer, err));
	if (asof_postgres_row_count(&answer) == 0)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CONFLICT,
			 "the columns of '%s' change, and somebody's view '%s' reads it: drop that "
			 "view, and make it again afterwards",
			 view_name, asof_postgres_cell(&answer, 0, 0).ptr);
}
