/* store_postgres_pool.c - connections of a store in PostgreSQL, what each knows, and retries. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/number.h"
#include "base/pause.h"
#include "store/store_postgres.h"

#define TRIES           9 /* about six seconds: a server starts again meanwhile */
#define WAIT_FOR_CONN_S 30

static const struct asof_pause retry_pause = { .first_ms = 50, .most_ms = 2000 };

/* --- what a connection knows -------------------------------------------------------------------
 */

static void
known_done(struct asof_postgres_known *known)
{
	asof_postgres_shape_done(&known->shape);
	*known = (struct asof_postgres_known){ 0 };
}

void
asof_postgres_conn_forget(struct asof_postgres_conn *conn)
{
	size_t position = 0;
	void *value;
	while (asof_map_next(&conn->tables, &position, NULL, &value)) {
		struct asof_postgres_table *table = value;
		known_done(&table->current);
		known_done(&table->loading);
		asof_mem_free(table);
	}
	asof_map_done(&conn->tables);
	conn->has_record = false;
	conn->is_checked = false;
	conn->is_whole = false;
}

void
asof_postgres_conn_free(struct asof_postgres_conn *conn)
{
	if (!conn)
		return;
	asof_postgres_conn_forget(conn);
	asof_postgres_link_close(&conn->link);
	asof_mem_free(conn);
}

enum asof_status
asof_postgres_conn_table(struct asof_postgres_conn *conn, const char *name,
			 struct asof_postgres_table **ret_table, struct asof_error *err)
{
	void *found;
	if (asof_map_find(&conn->tables, asof_str_from(name), &found)) {
		*ret_table = found;
		return ASOF_OK;
	}
	struct asof_postgres_table *table = asof_mem_alloc(sizeof(*table));
	if (!table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table '%s'", name);
	enum asof_status status = asof_map_put(&conn->tables, asof_str_from(name), table, err);
	if (status != ASOF_OK) {
		asof_mem_free(table);
		return status;
	}
	*ret_table = table;
	return ASOF_OK;
}

static enum asof_status
deallocate(struct asof_postgres_conn *conn, const struct asof_postgres_known *known,
	   struct asof_error *err)
{
	char sql[256] = "";
	size_t len = 0;
	for (int i = 0; i < 3; i++) {
		if (known->has_write[i])
			len += (size_t)snprintf(sql + len, sizeof(sql) - len,
						"deallocate write_%d_%" PRId64 ";", i,
						known->generation);
	}
	for (int is_one = 0; is_one < 2; is_one++) {
		if (known->has_get[is_one])
			len += (size_t)snprintf(sql + len, sizeof(sql) - len,
						"deallocate get%s_%" PRId64 ";",
						is_one ? "_one" : "", known->generation);
	}
	assert(len < sizeof(sql));
	return len > 0 ? asof_postgres_run(&conn->link, sql, err) : ASOF_OK;
}

enum asof_status
asof_postgres_know(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
		   int64_t generation, struct asof_error *err)
{
	if (known->generation == generation)
		return ASOF_OK;
	ASOF_TRY(deallocate(conn, known, err));
	known_done(known);
	known->generation = generation;
	return ASOF_OK;
}

enum asof_status
asof_postgres_know_shape(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
			 struct asof_error *err)
{
	if (known->has_shape)
		return ASOF_OK;
	char number[24];
	const char *const texts[] = { number };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	(void)snprintf(number, sizeof(number), "%" PRId64, known->generation);
	ASOF_TRY(asof_postgres_ask_texts(
		conn, "select fields from asof_online_generation where generation = $1::bigint",
		texts, 1, &answer, err));
	if (asof_postgres_row_count(&answer) != 1)
		return ASOF_FAIL(err, ASOF_CORRUPT, "asof_online_generation has no row %s", number);
	asof_postgres_shape_done(&known->shape);
	ASOF_TRY(asof_postgres_shape_read(&known->shape, asof_postgres_cell(&answer, 0, 0), err));
	known->has_shape = true;
	return ASOF_OK;
}

enum asof_status
asof_postgres_ask_texts(struct asof_postgres_conn *conn, const char *sql, const char *const *texts,
			size_t count, struct asof_postgres_answer *ret_answer,
			struct asof_error *err)
{
	struct asof_postgres_values values = { .count = count, .bytes = texts };
	return asof_postgres_ask_with(&conn->link, sql, &values, ret_answer, err);
}

int64_t
asof_postgres_number(const struct asof_postgres_answer *answer, size_t row, size_t column)
{
	int64_t number = 0;
	if (asof_postgres_is_null(answer, row, column) ||
	    !asof_int64_parse(asof_postgres_cell(answer, row, column), &number))
		return 0;
	return number;
}

/* --- the pool ----------------------------------------------------------------------------------
 */

static struct timespec
later(time_t seconds)
{
	struct timespec at = { 0 };
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += seconds;
	return at;
}

/* Idle, or a new one that is not connected yet, or one that another thread gives back. The one that
 * was used last, so that those which are not needed stay idle. */
static enum asof_status
take_conn(struct asof_postgres_store *store, struct asof_postgres_conn **ret_conn,
	  struct asof_error *err)
{
	struct timespec deadline = later(WAIT_FOR_CONN_S);
	ASOF_HOLD(held, &store->lock);
	while (!store->idle && store->conn_count == store->conn_max) {
		if (pthread_cond_timedwait(&store->is_free, &store->lock, &deadline) != 0)
			return ASOF_FAIL(err, ASOF_TIMEOUT,
					 "all %u connections to %s are in use for %d s",
					 store->conn_max, store->place.shown, WAIT_FOR_CONN_S);
	}
	struct asof_postgres_conn *conn = store->idle;
	if (conn) {
		store->idle = conn->next;
	} else {
		conn = asof_mem_alloc(sizeof(*conn));
		if (!conn)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
		store->conn_count++;
	}
	*ret_conn = conn;
	return ASOF_OK;
}

static void
give_conn(struct asof_postgres_store *store, struct asof_postgres_conn *conn)
{
	ASOF_HOLD(held, &store->lock);
	conn->next = store->idle;
	store->idle = conn;
	(void)pthread_cond_signal(&store->is_free);
}

static enum asof_status
attempt_once(struct asof_postgres_store *store, struct asof_postgres_conn *conn,
	     asof_postgres_attempt_fn *attempt, void *arg, struct asof_error *err)
{
	conn->link.may_retry = false;
	conn->link.code[0] = '\0';
	if (!conn->link.conn) {
		asof_postgres_conn_forget(conn);
		ASOF_TRY(asof_postgres_link_open(&conn->link, &store->place, err));
	}
	return attempt(conn, arg, err);
}

enum asof_status
asof_postgres_with(struct asof_postgres_store *store, asof_postgres_attempt_fn *attempt, void *arg,
		   struct asof_error *err)
{
	struct asof_postgres_conn *conn = NULL;
	struct asof_error why = { 0 };
	enum asof_status status = ASOF_OK;
	unsigned try = 0;
	ASOF_TRY(take_conn(store, &conn, err));
	for (; try < TRIES; try++) {
		if (try > 0)
			asof_pause_before(retry_pause, try - 1);
		status = attempt_once(store, conn, attempt, arg, &why);
		if (status == ASOF_OK)
			break;
		asof_postgres_link_recover(&conn->link);
		if (!conn->link.may_retry)
			break;
	}
	give_conn(store, conn);
	if (status == ASOF_OK)
		return ASOF_OK;
	if (try == TRIES)
		return ASOF_FAIL(err, status,
				 "%s: asked %s %d times: is it running, and reachable from here?",
				 why.message, store->place.shown, TRIES);
	return ASOF_FAIL(err, status, "%s", why.message);
}

enum asof_status
asof_postgres_conn_new(struct asof_postgres_store *store, struct asof_postgres_conn **ret_conn,
		       struct asof_error *err)
{
	ASOF_AUTO(asof_postgres_conn_free_auto)
	struct asof_postgres_conn *conn = asof_mem_alloc(sizeof(*conn));
	if (!conn)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "connection");
	enum asof_status status = ASOF_UNAVAILABLE;
	for (unsigned try = 0; try < TRIES && status != ASOF_OK; try++) {
		if (try > 0)
			asof_pause_before(retry_pause, try - 1);
		status = asof_postgres_link_open(&conn->link, &store->load_place, err);
		if (!conn->link.may_retry)
			break;
	}
	ASOF_TRY(status);
	*ret_conn = ASOF_STEAL(conn);
	return ASOF_OK;
}
