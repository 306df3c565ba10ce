/* store_redis_read.c - look-ups: one pipeline of HGETs, all of one moment. */
#include <assert.h>

#include "base/number.h"
#include "codec/key.h"
#include "store/store_redis.h"

#define ROUNDS_MAX 20 /* of reading anew because the table was switched meanwhile */

struct asof_redis_known {
	char generation[ASOF_DOUBLE_TEXT_MAX];
	size_t len;
};

static enum asof_status
fail_shape(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_CORRUPT, "the server's answer has another form than expected");
}

/* --- which generation is current ---------------------------------------------------------------
 */

static void
recall(struct asof_redis_store *store, const char *table, struct asof_redis_known *ret_known)
{
	void *found = NULL;
	ASOF_HOLD(held, &store->lock);
	*ret_known = (struct asof_redis_known){ .len = 0 };
	if (asof_map_find(&store->tables, asof_str_from(table), &found))
		*ret_known = *(const struct asof_redis_known *)found;
}

static enum asof_status
remember(struct asof_redis_store *store, const char *table, struct asof_str generation,
	 struct asof_error *err)
{
	void *found = NULL;
	struct asof_redis_known known = { .len = generation.len };
	if (generation.len > sizeof(known.generation))
		return fail_shape(err);
	if (generation.len > 0)
		memcpy(known.generation, generation.ptr, generation.len);
	ASOF_HOLD(held, &store->lock);
	if (!asof_map_find(&store->tables, asof_str_from(table), &found)) {
		found = asof_mem_alloc(sizeof(known));
		if (!found)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "table '%s'", table);
		enum asof_status status =
			asof_map_put(&store->tables, asof_str_from(table), found, err);
		if (status != ASOF_OK) {
			asof_mem_free(found);
			return status;
		}
	}
	*(struct asof_redis_known *)found = known;
	return ASOF_OK;
}

/* --- requests ----------------------------------------------------------------------------------
 */

/* HMGET record current writes: what must be the same before and behind the rows. */
static void
add_state(struct asof_redis_store *store, const char *table, struct asof_buf *requests,
	  struct asof_buf *scratch)
{
	asof_buf_clear(scratch);
	asof_redis_add_record_name(store, table, scratch);
	asof_redis_begin(requests, 4);
	asof_redis_add_text(requests, "HMGET");
	asof_redis_add(requests, asof_buf_view(scratch));
	asof_redis_add_text(requests, "current");
	asof_redis_add_text(requests, "writes");
}

static void
add_rows(struct asof_redis_store *store, const char *table, struct asof_str generation,
	 const struct asof_redis_reading *reading, struct asof_buf *requests,
	 struct asof_buf *scratch)
{
	asof_buf_clear(scratch);
	asof_redis_add_record_name(store, table, scratch);
	asof_buf_add_char(scratch, ':');
	asof_buf_add_str(scratch, generation);
	asof_buf_add_char(scratch, ':');
	size_t base_len = scratch->len;
	for (size_t i = 0; i < reading->key_count; i++) {
		asof_buf_truncate(scratch, base_len);
		asof_key_write_text(reading->keys[i], scratch);
		asof_redis_begin(requests, 3);
		asof_redis_add_text(requests, "HGET");
		asof_redis_add(requests, asof_buf_view(scratch));
		asof_redis_add_text(requests, "_row");
	}
}

static void
add_command(struct asof_buf *requests, const char *command)
{
	asof_redis_begin(requests, 1);
	asof_redis_add_text(requests, command);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static enum asof_status
visit_rows(const struct asof_redis_reply *rows, const struct asof_redis_reading *reading,
	   struct asof_error *err)
{
	for (size_t i = 0; i < reading->key_count; i++) {
		bool ignored;
		if (rows[i].kind == ASOF_REDIS_NIL)
			continue;
		if (rows[i].kind == ASOF_REDIS_ERROR)
			return asof_redis_fail(&rows[i], &ignored, err);
		if (rows[i].kind != ASOF_REDIS_TEXT)
			return fail_shape(err);
		ASOF_TRY(reading->visit(reading->arg, i, rows[i].text, err));
	}
	return ASOF_OK;
}

static bool
is_state(const struct asof_redis_reply *reply)
{
	return reply->kind == ASOF_REDIS_ARRAY && reply->count == 2;
}

static bool
is_same(const struct asof_redis_reply *a, const struct asof_redis_reply *b)
{
	return a->kind == b->kind && asof_str_equal(a->text, b->text);
}

/* One reading of `generation`, as a transaction where `is_transaction`. The states and rows are in
 * *ret_replies: key_count + 2. */
static enum asof_status
read_once(struct asof_redis_store *store, const char *table, struct asof_str generation,
	  const struct asof_redis_reading *reading, bool is_transaction, struct asof_arena *arena,
	  const struct asof_redis_reply **ret_replies, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf requests = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX);
	size_t wanted = reading->key_count + 2;
	size_t count = wanted + (is_transaction ? 2 : 0);
	struct asof_redis_reply *replies = asof_arena_array(arena, count, sizeof(*replies));
	if (!replies)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu keys", reading->key_count);
	if (is_transaction)
		add_command(&requests, "MULTI");
	add_state(store, table, &requests, &scratch);
	add_rows(store, table, generation, reading, &requests, &scratch);
	add_state(store, table, &requests, &scratch);
	if (is_transaction)
		add_command(&requests, "EXEC");
	ASOF_TRY(asof_buf_status(&scratch, err));
	ASOF_TRY(asof_buf_status(&requests, err));
	ASOF_TRY(asof_redis_call(store->pool, ASOF_REDIS_READING, asof_buf_view(&requests), replies,
				 count, arena, err));
	const struct asof_redis_reply *first = replies;
	if (is_transaction) {
		const struct asof_redis_reply *done = &replies[count - 1];
		if (done->kind != ASOF_REDIS_ARRAY || done->count != wanted)
			return fail_shape(err);
		first = done->items;
	}
	if (!is_state(&first[0]) || !is_state(&first[wanted - 1]))
		return fail_shape(err);
	*ret_replies = first;
	return ASOF_OK;
}

/*
 * The generation is guessed: the one that was current last. Rows are of one moment where nothing
 * was written between the two states that frame them; under steady writes a transaction is dearer
 * and always right.
 */
enum asof_status
asof_redis_read_table(struct asof_redis_store *store, const char *table,
		      const struct asof_redis_reading *reading, struct asof_error *err)
{
	bool is_transaction = false;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct asof_redis_known known;
		const struct asof_redis_reply *replies = NULL;
		asof_arena_reset(&arena);
		recall(store, table, &known);
		struct asof_str guessed = { known.generation, known.len };
		ASOF_TRY(read_once(store, table, guessed, reading, is_transaction, &arena, &replies,
				   err));
		const struct asof_redis_reply *before = &replies[0];
		const struct asof_redis_reply *after = &replies[reading->key_count + 1];
		struct asof_str current = before->items[0].text;
		if (before->items[0].kind == ASOF_REDIS_NIL)
			return ASOF_OK;
		if (!asof_str_equal(current, guessed)) {
			ASOF_TRY(remember(store, table, current, err));
			continue;
		}
		if (is_same(&before->items[0], &after->items[0]) &&
		    is_same(&before->items[1], &after->items[1]))
			return visit_rows(replies + 1, reading, err);
		is_transaction = true;
	}
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "the table is switched faster than it is read");
}

enum asof_status
asof_redis_read_generation(struct asof_redis_store *store, const char *table,
			   struct asof_str generation, const struct asof_redis_reading *reading,
			   struct asof_error *err)
{
	const struct asof_redis_reply *replies = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(read_once(store, table, generation, reading, false, &arena, &replies, err));
	return visit_rows(replies + 1, reading, err);
}
