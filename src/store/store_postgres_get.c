/* store_postgres_get.c - look-ups: one statement reads a table's record and its rows. */
#include <inttypes.h>
#include <stdio.h>

#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

#define SWITCHES_MAX   64                  /* of a table, during one look-up */
#define KEYS_BYTES_MAX ((size_t)512 << 20) /* of one look-up */

/* Of the keys, and the table's name. */
static const uint32_t get_types[] = { 1001 /* bytea[] */, ASOF_POSTGRES_TEXT };
static const uint32_t get_one_types[] = { ASOF_POSTGRES_BYTES, ASOF_POSTGRES_TEXT };

#define ARRAY_HEAD_BYTES 20
#define KEY_HEAD_BYTES   4 /* its length */

/* Keys are sent in their order: neighbours in the index are found one after the other. */
struct get {
	const char *table;
	struct asof_arena arena;
	const size_t *order;
	struct asof_buf keys; /* as an array's bytes */
	bool is_one;          /* a single key */
	struct asof_postgres_answer answer;
};

static void
get_done(struct get *get)
{
	asof_postgres_answer_done(&get->answer);
	asof_buf_done(&get->keys);
	asof_arena_done(&get->arena);
}

static bool
is_table_missing(const struct asof_postgres_conn *conn)
{
	return asof_postgres_link_failed_with(&conn->link, "42P01");
}

/* 0: there is no such table. */
static enum asof_status
find_generation(struct asof_postgres_conn *conn, const char *table, int64_t *ret_generation,
		struct asof_error *err)
{
	bool is_there = false;
	const char *const texts[] = { table };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	*ret_generation = 0;
	ASOF_TRY(asof_postgres_find_tables(conn, &is_there, err));
	if (!is_there)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_ask_texts(conn, "select generation from asof_online where name = $1",
					 texts, 1, &answer, err));
	if (asof_postgres_row_count(&answer) > 0)
		*ret_generation = asof_postgres_number(&answer, 0, 0);
	return ASOF_OK;
}

static enum asof_status
prepare_get(struct asof_postgres_conn *conn, struct asof_postgres_known *known, bool is_one,
	    const char *name, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(512);
	if (known->has_get[is_one])
		return ASOF_OK;
	if (is_one)
		asof_postgres_add_get_one(&text, known->generation);
	else
		asof_postgres_add_get(&text, known->generation, true);
	ASOF_TRY(asof_buf_status(&text, err));
	ASOF_TRY(asof_postgres_prepare(&conn->link, name, asof_buf_cstr(&text),
				       is_one ? get_one_types : get_types, 2, err));
	known->has_get[is_one] = true;
	return ASOF_OK;
}

/* Ask the generation that we know. *ret_generation: what is current, 0: no table. */
static enum asof_status
ask_generation(struct asof_postgres_conn *conn, struct asof_postgres_known *known, struct get *get,
	       int64_t *ret_generation, struct asof_error *err)
{
	char name[40];
	size_t skipped = get->is_one ? ARRAY_HEAD_BYTES + KEY_HEAD_BYTES : 0;
	const char *const bytes[] = { get->keys.ptr + skipped, get->table };
	const int lengths[] = { (int)(get->keys.len - skipped), (int)strlen(get->table) };
	static const int formats[] = { 1, 1 };
	struct asof_postgres_values values = { 2, bytes, lengths, formats };
	(void)snprintf(name, sizeof(name), "get%s_%" PRId64, get->is_one ? "_one" : "",
		       known->generation);
	ASOF_TRY(prepare_get(conn, known, get->is_one, name, err));
	ASOF_TRY(asof_postgres_execute(&conn->link, name, &values, true, &get->answer, err));
	*ret_generation = 0;
	if (asof_postgres_row_count(&get->answer) > 0 && !asof_postgres_is_null(&get->answer, 0, 0))
		*ret_generation =
			(int64_t)asof_postgres_raw64(asof_postgres_cell(&get->answer, 0, 0).ptr);
	return ASOF_OK;
}

/* The generation may change between two statements, any number of times. */
static enum asof_status
attempt_get(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct get *get = arg;
	struct asof_postgres_table *table = NULL;
	ASOF_TRY(asof_postgres_conn_table(conn, get->table, &table, err));
	struct asof_postgres_known *known = &table->current;
	int64_t generation = known->generation;
	for (int try = 0; try < SWITCHES_MAX; try++) {
		if (generation == 0)
			ASOF_TRY(find_generation(conn, get->table, &generation, err));
		if (generation == 0) {
			asof_postgres_answer_done(&get->answer);
			return ASOF_OK;
		}
		ASOF_TRY(asof_postgres_know(conn, known, generation, err));
		enum asof_status status = ask_generation(conn, known, get, &generation, err);
		if (status == ASOF_OK && generation == known->generation)
			return ASOF_OK;
		if (status != ASOF_OK && !is_table_missing(conn))
			return status;
		if (status != ASOF_OK)
			generation = 0; /* that generation is gone */
	}
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "asof_online names asof_online_g%" PRId64 ", which is not there: "
			 "`asof materialize` makes it again",
			 known->generation);
}

static enum asof_status
get_init(struct get *get, const struct asof_str *keys, size_t count, struct asof_error *err)
{
	struct asof_buf *buf = &get->keys;
	*buf = ASOF_BUF(KEYS_BYTES_MAX);
	get->is_one = count == 1;
	if (count > INT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "%zu keys at once", count);
	ASOF_TRY(asof_postgres_order_keys(keys, count, &get->arena, &get->order, err));
	asof_postgres_add_raw32(buf, 1); /* one dimension, without nulls, of bytea, from 1 */
	asof_postgres_add_raw32(buf, 0);
	asof_postgres_add_raw32(buf, ASOF_POSTGRES_BYTES);
	asof_postgres_add_raw32(buf, (uint32_t)count);
	asof_postgres_add_raw32(buf, 1);
	for (size_t i = 0; i < count; i++) {
		char room[ASOF_POSTGRES_KEY_MAX];
		struct asof_str key;
		ASOF_TRY(asof_postgres_stored_key(keys[get->order[i]], room, &key, err));
		asof_postgres_add_bytes(buf, key);
	}
	return asof_buf_status(buf, err);
}

static enum asof_status
visit_answer(const struct get *get, size_t key_count, asof_store_visit_fn *visit, void *arg,
	     struct asof_error *err)
{
	size_t count = get->answer.result ? asof_postgres_row_count(&get->answer) : 0;
	for (size_t i = 0; i < count; i++) {
		if (asof_postgres_is_null(&get->answer, i, 1)) /* none of the keys is there */
			continue;
		uint64_t at = asof_postgres_raw64(asof_postgres_cell(&get->answer, i, 1).ptr);
		if (at < 1 || at > key_count || asof_postgres_is_null(&get->answer, i, 2))
			return ASOF_FAIL(err, ASOF_CORRUPT, "row of '%s' without a value",
					 get->table);
		ASOF_TRY(visit(arg, get->order[at - 1], asof_postgres_cell(&get->answer, i, 2),
			       err));
	}
	return ASOF_OK;
}

enum asof_status
asof_postgres_get_many(struct asof_store *store, const char *table, const struct asof_str *keys,
		       size_t key_count, asof_store_visit_fn *visit, void *arg,
		       struct asof_error *err)
{
	ASOF_AUTO(get_done) struct get get = { .table = table };
	if (key_count == 0)
		return ASOF_OK;
	ASOF_TRY(get_init(&get, keys, key_count, err));
	ASOF_TRY(asof_postgres_with((struct asof_postgres_store *)store, attempt_get, &get, err));
	return visit_answer(&get, key_count, visit, arg, err);
}

enum asof_status
asof_postgres_visit_generation(struct asof_postgres_conn *conn, int64_t generation,
			       const struct asof_str *keys, size_t key_count,
			       asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(512);
	ASOF_AUTO(get_done) struct get get = { .table = "" };
	ASOF_TRY(get_init(&get, keys, key_count, err));
	asof_postgres_add_get(&sql, generation, false);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_postgres_prepare(&conn->link, "", asof_buf_cstr(&sql), get_types, 1, err));
	const char *const parameters[] = { get.keys.ptr };
	const int lengths[] = { (int)get.keys.len };
	static const int formats[] = { 1 };
	struct asof_postgres_values values = { 1, parameters, lengths, formats };
	ASOF_TRY(asof_postgres_execute(&conn->link, "", &values, true, &get.answer, err));
	return visit_answer(&get, key_count, visit, arg, err);
}
