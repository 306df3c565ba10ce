/* store_redis_plain.c - chunks of a load as plain commands, where nobody else writes. */
#include "store/store_redis_plain.h"

#include "base/number.h"

#define STATE_REPLIES 2 /* of WATCH and HMGET */

void
asof_redis_plain_done(struct asof_redis_plain *plain)
{
	asof_redis_link_close(plain->link);
	*plain = (struct asof_redis_plain){ .is_off = plain->is_off };
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* "asof:T", ":3" or ":lease", ":KEY". */
static void
add_name(const struct asof_redis_store *store, const char *table, struct asof_str part,
	 struct asof_str key, struct asof_buf *requests)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX);
	asof_redis_add_record_name(store, table, &name);
	if (part.len > 0)
		asof_buf_add_char(&name, ':');
	asof_buf_add_str(&name, part);
	if (key.len > 0)
		asof_buf_add_char(&name, ':');
	asof_buf_add_str(&name, key);
	if (name.status != ASOF_OK)
		requests->status = name.status;
	asof_redis_add(requests, asof_buf_view(&name));
}

static const struct asof_str nothing;

/* From here on a change of the record, by a put, a load that takes over or a switch, makes the next
 * transaction fail. */
static void
add_watch(const struct asof_redis_store *store, const char *table, struct asof_buf *requests)
{
	asof_redis_begin(requests, 2);
	asof_redis_add_text(requests, "WATCH");
	add_name(store, table, nothing, nothing, requests);
	asof_redis_begin(requests, 5);
	asof_redis_add_text(requests, "HMGET");
	add_name(store, table, nothing, nothing, requests);
	asof_redis_add_text(requests, "loading");
	asof_redis_add_text(requests, "loader");
	asof_redis_add_text(requests, "load_put");
}

/* The next argument of those that asof_redis_add() wrote: "$LENGTH", the bytes, line ends. */
static struct asof_str
take_argument(struct asof_str *rest)
{
	const char *line_end = memchr(rest->ptr, '\r', rest->len);
	uint64_t len = 0;
	struct asof_str digits = { rest->ptr + 1, (size_t)(line_end - rest->ptr) - 1 };
	(void)asof_uint64_parse(digits, &len);
	struct asof_str argument = { line_end + 2, (size_t)len };
	size_t taken = (size_t)(argument.ptr + len + 2 - rest->ptr);
	*rest = (struct asof_str){ rest->ptr + taken, rest->len - taken };
	return argument;
}

/* Each row: its key, how many fields and values, those. */
static void
add_rows(const struct asof_redis_store *store, const struct asof_redis_chunk *chunk,
	 struct asof_buf *requests, struct asof_buf *keys)
{
	struct asof_str rest = asof_buf_view(&chunk->rows->bytes);
	for (size_t i = 0; i < chunk->row_count; i++) {
		uint64_t count = 0;
		struct asof_str key = take_argument(&rest);
		(void)asof_uint64_parse(take_argument(&rest), &count);
		struct asof_str fields = rest;
		for (uint64_t field = 0; field < count; field++)
			(void)take_argument(&rest);
		fields.len -= rest.len;
		asof_redis_begin(requests, 2 + (size_t)count);
		asof_redis_add_text(requests, "HSET");
		add_name(store, chunk->table, chunk->generation, key, requests);
		asof_buf_add_str(requests, fields);
		asof_redis_add(keys, key);
	}
}

static void
add_progress(const struct asof_redis_store *store, const struct asof_redis_chunk *chunk,
	     struct asof_buf *requests)
{
	asof_redis_begin(requests, 8);
	asof_redis_add_text(requests, "HSET");
	add_name(store, chunk->table, nothing, nothing, requests);
	asof_redis_add_text(requests, "load_rows");
	asof_redis_add_int(requests, chunk->put_count);
	asof_redis_add_text(requests, "load_bytes");
	asof_redis_add_int(requests, (int64_t)chunk->put_bytes);
	asof_redis_add_text(requests, "load_key");
	asof_redis_add(requests, chunk->last_key);
}

/* How many requests the transaction has, with MULTI and EXEC. */
static size_t
add_transaction(const struct asof_redis_store *store, const struct asof_redis_chunk *chunk,
		struct asof_buf *requests)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf keys = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX);
	asof_redis_begin(requests, 1);
	asof_redis_add_text(requests, "MULTI");
	add_rows(store, chunk, requests, &keys);
	asof_redis_begin(requests, 2 + chunk->row_count);
	asof_redis_add_text(requests, "RPUSH");
	add_name(store, chunk->table, chunk->generation, nothing, requests);
	asof_buf_add_str(requests, asof_buf_view(&keys));
	if (keys.status != ASOF_OK)
		requests->status = keys.status;
	asof_redis_begin(requests, 5);
	asof_redis_add_text(requests, "SET");
	add_name(store, chunk->table, asof_str_from("lease"), nothing, requests);
	asof_redis_add(requests, chunk->token);
	asof_redis_add_text(requests, "PX");
	asof_redis_add_int(requests, asof_redis_pool_target(store->pool)->lease_ms);
	if (chunk->has_progress)
		add_progress(store, chunk, requests);
	asof_redis_begin(requests, 1);
	asof_redis_add_text(requests, "EXEC");
	return chunk->row_count + 4 + chunk->has_progress;
}

/* --- answers -----------------------------------------------------------------------------------
 */

/* The load is the one that the record names, and no put was made into what it fills: that does not
 * come again. Nor does the right to watch. */
static void
take_state(struct asof_redis_plain *plain, const struct asof_redis_chunk *chunk,
	   const struct asof_redis_reply state[STATE_REPLIES])
{
	const struct asof_redis_reply *items = state[1].items;
	plain->is_ours = state[0].kind != ASOF_REDIS_ERROR && state[1].kind == ASOF_REDIS_ARRAY &&
			 state[1].count == 3 && asof_str_equal(items[0].text, chunk->generation) &&
			 asof_str_equal(items[1].text, chunk->token) &&
			 items[2].kind == ASOF_REDIS_NIL;
	plain->is_off = !plain->is_ours;
}

/* NIL: what is watched has changed, and nothing was done. */
static bool
is_done(const struct asof_redis_reply *reply)
{
	bool is_good = reply->kind == ASOF_REDIS_ARRAY;
	for (size_t i = 0; is_good && i < reply->count; i++)
		is_good = reply->items[i].kind != ASOF_REDIS_ERROR;
	return is_good;
}

/* What fails here is told by the script that does it instead, or passes. */
static bool
exchange(struct asof_redis_plain *plain, struct asof_buf *requests,
	 struct asof_redis_reply *replies, size_t count, struct asof_arena *arena)
{
	bool ignored;
	struct asof_error unheard = { 0 };
	bool is_good = requests->status == ASOF_OK && replies &&
		       asof_redis_exchange(plain->link, asof_buf_view(requests), nothing, replies,
					   count, arena, &ignored, &unheard) == ASOF_OK;
	if (!is_good)
		asof_redis_plain_done(plain);
	return is_good;
}

static bool
connect_and_watch(struct asof_redis_plain *plain, const struct asof_redis_store *store,
		  const struct asof_redis_chunk *chunk, struct asof_arena *arena)
{
	bool ignored;
	struct asof_error unheard = { 0 };
	struct asof_redis_reply state[STATE_REPLIES];
	ASOF_AUTO(asof_buf_done) struct asof_buf requests = ASOF_BUF(1 << 16);
	if (!plain->link && asof_redis_link_open(asof_redis_pool_target(store->pool), &plain->link,
						 &ignored, &unheard) != ASOF_OK)
		return false;
	add_watch(store, chunk->table, &requests);
	if (!exchange(plain, &requests, state, STATE_REPLIES, arena))
		return false;
	take_state(plain, chunk, state);
	return plain->is_ours;
}

bool
asof_redis_plain_write(struct asof_redis_plain *plain, const struct asof_redis_store *store,
		       const struct asof_redis_chunk *chunk)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf requests = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX);
	if (plain->is_off)
		return false;
	if (!plain->is_ours && !connect_and_watch(plain, store, chunk, &arena))
		return false;
	size_t count = add_transaction(store, chunk, &requests);
	add_watch(store, chunk->table, &requests);
	struct asof_redis_reply *replies =
		asof_arena_array(&arena, count + STATE_REPLIES, sizeof(*replies));
	if (!exchange(plain, &requests, replies, count + STATE_REPLIES, &arena))
		return false;
	take_state(plain, chunk, replies + count);
	if (is_done(&replies[count - 1]))
		return true;
	/* The script will change what is watched. */
	asof_redis_plain_done(plain);
	return false;
}
