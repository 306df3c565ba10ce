/* store_postgres.c - store in a PostgreSQL database, for many machines: tables, opening. */
#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

#include <time.h>

#define CONNECTIONS_MAX 64
#define META_BYTES_MAX  ((size_t)1 << 30)

/* Plans that do not depend on statistics, made once: ten thousand keys are looked at by a planner
 * otherwise. */
static const char settings[] = "set enable_seqscan to off; set jit to off;"
			       "set plan_cache_mode to force_generic_plan";
/* A load waits for its index, not for others; the server looks whether we are still there, since
 * the load's lock falls with the connection. */
static const char load_settings[] =
	"set enable_seqscan to off; set jit to off;"
	"set statement_timeout to 0; set synchronous_commit to off;"
	"select set_config(name, case name when 'idle_session_timeout' then '0' else '5s' end, "
	"false)"
	" from pg_settings"
	" where name in ('client_connection_check_interval', 'idle_session_timeout')";
static const char rights[] =
	": to read, a user needs USAGE on the schema and SELECT on asof_online, "
	"asof_online_generation and asof_online_format; to write also INSERT and UPDATE on "
	"asof_online, to load all, and CREATE on the schema";

static struct asof_postgres_store *
postgres_store(struct asof_store *store)
{
	return (struct asof_postgres_store *)store;
}

/* --- tables ------------------------------------------------------------------------------------
 */

struct listing {
	const char *table; /* NULL: all */
	struct asof_postgres_answer answer;
};

static void
listing_done(struct listing *listing)
{
	asof_postgres_answer_done(&listing->answer);
}

static enum asof_status
attempt_list(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct listing *listing = arg;
	bool is_there = false;
	const char *const texts[] = { listing->table };
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	if (!is_there)
		return ASOF_OK;
	return asof_postgres_ask_texts(
		conn,
		"select name, encode(meta, 'hex') from asof_online"
		" where generation is not null and ($1::text is null or name = $1::text)",
		texts, 1, &listing->answer, err);
}

static enum asof_status
postgres_meta(struct asof_store *store, const char *table, struct asof_buf *buf,
	      struct asof_error *err)
{
	ASOF_AUTO(listing_done) struct listing listing = { .table = table };
	ASOF_TRY(asof_postgres_with(postgres_store(store), attempt_list, &listing, err));
	if (!listing.answer.result || asof_postgres_row_count(&listing.answer) == 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no table '%s'", table);
	asof_postgres_add_hex(buf, asof_postgres_cell(&listing.answer, 0, 1));
	return asof_buf_status(buf, err);
}

static enum asof_status
postgres_tables(struct asof_store *store, asof_store_table_fn *visit, void *arg,
		struct asof_error *err)
{
	ASOF_AUTO(listing_done) struct listing listing = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(META_BYTES_MAX);
	ASOF_TRY(asof_postgres_with(postgres_store(store), attempt_list, &listing, err));
	size_t count = listing.answer.result ? asof_postgres_row_count(&listing.answer) : 0;
	for (size_t i = 0; i < count; i++) {
		asof_buf_clear(&meta);
		asof_postgres_add_hex(&meta, asof_postgres_cell(&listing.answer, i, 1));
		ASOF_TRY(asof_buf_status(&meta, err));
		ASOF_TRY(visit(arg, asof_postgres_cell(&listing.answer, i, 0).ptr,
			       asof_buf_view(&meta), err));
	}
	return ASOF_OK;
}

struct marking {
	const char *table;
	struct asof_store_mark mark;
};

static enum asof_status
attempt_mark(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct marking *marking = arg;
	bool is_there = false;
	const char *const texts[] = { marking->table };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	if (!is_there)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_ask_texts(conn,
					 "select generation, log, position from asof_online"
					 " where name = $1 and generation is not null",
					 texts, 1, &answer, err));
	if (asof_postgres_row_count(&answer) > 0)
		marking->mark = asof_postgres_mark_of(&answer, 0);
	return ASOF_OK;
}

static enum asof_status
postgres_mark(struct asof_store *store, const char *table, struct asof_store_mark *ret_mark,
	      struct asof_error *err)
{
	struct marking marking = { .table = table };
	ASOF_TRY(asof_postgres_with(postgres_store(store), attempt_mark, &marking, err));
	*ret_mark = marking.mark;
	return ASOF_OK;
}

struct drop {
	struct asof_postgres_store *store;
	const char *table;
};

static enum asof_status
drop_record(struct asof_postgres_conn *conn, const struct drop *drop,
	    const struct asof_postgres_record *record, struct asof_error *err)
{
	char view_name[ASOF_POSTGRES_NAME_MAX];
	const char *const texts[] = { drop->table };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(512);
	ASOF_TRY(asof_postgres_view_name(drop->table, view_name, err));
	asof_buf_add_cstr(&sql, "drop view if exists ");
	asof_postgres_add_name(&sql, view_name);
	ASOF_TRY(asof_buf_status(&sql, err));
	if (record->shown != 0)
		ASOF_TRY(asof_postgres_run(&conn->link, asof_buf_cstr(&sql), err));
	return asof_postgres_ask_texts(
		conn,
		record->loading != 0 ? "update asof_online set generation = null, shown ="
				       " null, meta = '', log = 0, position = 0 where name = $1"
				     : "delete from asof_online where name = $1",
		texts, 1, NULL, err);
}

static enum asof_status
attempt_drop(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	const struct drop *drop = arg;
	struct asof_postgres_record record;
	bool is_there = false;
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	if (!is_there)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_begin(drop->store, conn, drop->table, ASOF_POSTGRES_ALONE, &record,
				     err));
	if (record.is_found)
		ASOF_TRY(drop_record(conn, drop, &record, err));
	ASOF_TRY(asof_postgres_run(&conn->link, "commit", err));
	asof_postgres_sweep(conn, drop->table);
	return ASOF_OK;
}

static enum asof_status
postgres_drop(struct asof_store *store, const char *table, struct asof_error *err)
{
	struct drop drop = { postgres_store(store), table };
	return asof_postgres_with(postgres_store(store), attempt_drop, &drop, err);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static bool
postgres_is_showing(const struct asof_store *store)
{
	(void)store;
	return true;
}

static bool
postgres_is_remote(const struct asof_store *store)
{
	(void)store;
	return true;
}

static void
postgres_close(struct asof_store *store)
{
	struct asof_postgres_store *self = postgres_store(store);
	while (self->idle) {
		struct asof_postgres_conn *conn = self->idle;
		self->idle = conn->next;
		asof_postgres_conn_free(conn);
	}
	asof_arena_done(&self->arena);
	(void)pthread_cond_destroy(&self->is_free);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static void
store_free(struct asof_postgres_store *self)
{
	if (self)
		postgres_close(&self->base);
}
ASOF_DEFINE_AUTOFREE(struct asof_postgres_store, store_free)

static enum asof_status
attempt_open(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	(void)arg;
	bool is_there = false;
	return asof_postgres_find_tables(conn, &is_there, err);
}

static enum asof_status
postgres_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	ASOF_AUTO(store_free_auto) struct asof_postgres_store *self = asof_mem_alloc(sizeof(*self));
	pthread_condattr_t monotonic;
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "postgres store");
	self->base.ops = &asof_store_postgres_ops;
	(void)pthread_mutex_init(&self->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&self->is_free, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	self->conn_max = CONNECTIONS_MAX;
	ASOF_TRY(asof_postgres_place_read(location, &self->arena, &self->place, err));
	if (!self->place.schema)
		self->place.schema = "public";
	self->place.rights = rights;
	self->place.settings = settings;
	self->load_place = self->place;
	self->load_place.settings = load_settings;
	ASOF_TRY(asof_postgres_with(self, attempt_open, NULL, err));
	*ret_store = &ASOF_STEAL(self)->base;
	return ASOF_OK;
}

const struct asof_store_ops asof_store_postgres_ops = {
	.scheme = "postgres",
	.is_showing = postgres_is_showing,
	.is_remote = postgres_is_remote,
	.open = postgres_open,
	.close = postgres_close,
	.put = asof_postgres_put,
	.get_many = asof_postgres_get_many,
	.meta = postgres_meta,
	.mark = postgres_mark,
	.update = asof_postgres_update,
	.tables = postgres_tables,
	.drop = postgres_drop,
	.load_begin = asof_postgres_load_begin,
	.load_resume = asof_postgres_load_resume,
	.load_put = asof_postgres_load_put,
	.load_update = asof_postgres_load_update,
	.load_get_many = asof_postgres_load_get_many,
	.load_commit = asof_postgres_load_commit,
	.load_abort = asof_postgres_load_abort,
	.load_leave = asof_postgres_load_leave,
};
