/* store_redis.c - store in Redis, where people may look into it. */
#include "store/store_redis.h"

#include "base/fault.h"
#include "base/number.h"

#define SWEEP_ROWS 500 /* of one step: others are served between two */

static struct asof_redis_store *
redis_store(struct asof_store *store)
{
	return (struct asof_redis_store *)store;
}

static bool
redis_is_showing(const struct asof_store *store)
{
	(void)store;
	return true;
}

static bool
redis_is_remote(const struct asof_store *store)
{
	(void)store;
	return true;
}

/* --- writing -----------------------------------------------------------------------------------
 */

enum asof_status
asof_redis_check_rights(struct asof_redis_store *store, struct asof_error *err)
{
	int64_t ignored;
	{
		ASOF_HOLD(held, &store->lock);
		if (store->may_write)
			return ASOF_OK;
	}
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	asof_redis_arguments_begin(&arguments, store, "");
	ASOF_TRY(asof_redis_run_int(store, ASOF_REDIS_TRY, &arguments, &ignored, err));
	ASOF_HOLD(held, &store->lock);
	store->may_write = true;
	return ASOF_OK;
}

static enum asof_status
redis_put(struct asof_store *base, const struct asof_store_table *table,
	  const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	  struct asof_error *err)
{
	struct asof_redis_store *store = redis_store(base);
	int64_t written = 0;
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	asof_redis_arguments_begin(&arguments, store, table->name);
	for (size_t i = 0; i < row_count; i++)
		asof_redis_argument_row(&arguments, table, &rows[i]);
	ASOF_TRY(asof_redis_check_rights(store, err));
	ASOF_TRY(asof_fault_point("store.put.before_commit", err));
	ASOF_TRY(asof_redis_run_int(store, ASOF_REDIS_PUT, &arguments, &written, err));
	ASOF_TRY(asof_fault_point("store.put.after_commit", err));
	*ret_written = (size_t)written;
	return ASOF_OK;
}

static enum asof_status
redis_update(struct asof_store *base, const struct asof_store_table *table,
	     const struct asof_store_mark *mark, struct asof_store_position position,
	     const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	struct asof_redis_store *store = redis_store(base);
	int64_t is_done = 0;
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	asof_redis_arguments_begin(&arguments, store, table->name);
	asof_redis_argument_mark(&arguments, mark);
	asof_redis_argument_position(&arguments, position);
	for (size_t i = 0; i < row_count; i++)
		asof_redis_argument_row(&arguments, table, &rows[i]);
	ASOF_TRY(asof_redis_check_rights(store, err));
	ASOF_TRY(asof_fault_point("store.update.before_commit", err));
	ASOF_TRY(asof_redis_run_int(store, ASOF_REDIS_UPDATE, &arguments, &is_done, err));
	ASOF_TRY(asof_fault_point("store.update.after_commit", err));
	if (is_done != 1)
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", table->name);
	return ASOF_OK;
}

enum asof_status
asof_redis_sweep(struct asof_redis_store *store, const char *table, struct asof_error *err)
{
	int64_t is_more = 1;
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	asof_redis_arguments_begin(&arguments, store, table);
	asof_redis_argument_int(&arguments, SWEEP_ROWS);
	while (is_more != 0)
		ASOF_TRY(asof_redis_run_int(store, ASOF_REDIS_SWEEP, &arguments, &is_more, err));
	return ASOF_OK;
}

static enum asof_status
redis_drop(struct asof_store *base, const char *table, struct asof_error *err)
{
	struct asof_redis_store *store = redis_store(base);
	int64_t ignored;
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	asof_redis_arguments_begin(&arguments, store, table);
	ASOF_TRY(asof_redis_check_rights(store, err));
	ASOF_TRY(asof_redis_run_int(store, ASOF_REDIS_DROP, &arguments, &ignored, err));
	return asof_redis_sweep(store, table, err);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static enum asof_status
redis_get_many(struct asof_store *base, const char *table, const struct asof_str *keys,
	       size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	const struct asof_redis_reading reading = { keys, key_count, visit, arg };
	if (key_count == 0)
		return ASOF_OK;
	return asof_redis_read_table(redis_store(base), table, &reading, err);
}

static void
add_record_request(const struct asof_redis_store *store, const char *table, const char *field,
		   struct asof_buf *request, struct asof_buf *scratch)
{
	asof_buf_clear(scratch);
	asof_redis_add_record_name(store, table, scratch);
	if (scratch->status != ASOF_OK)
		request->status = scratch->status;
	asof_redis_begin(request, 4);
	asof_redis_add_text(request, "HMGET");
	asof_redis_add(request, asof_buf_view(scratch));
	asof_redis_add_text(request, "current");
	asof_redis_add_text(request, field);
}

/* Two fields of a record, as they stand there or NIL. */
static enum asof_status
check_record(const struct asof_redis_reply *reply, struct asof_error *err)
{
	bool is_good = reply->kind == ASOF_REDIS_ARRAY && reply->count == 2;
	for (size_t i = 0; is_good && i < 2; i++)
		is_good = reply->items[i].kind == ASOF_REDIS_TEXT ||
			  reply->items[i].kind == ASOF_REDIS_NIL;
	return is_good ? ASOF_OK
		       : ASOF_FAIL(err, ASOF_CORRUPT, "a table's record has another form");
}

/* "current" and `field` of the table's record. */
static enum asof_status
read_record(struct asof_redis_store *store, const char *table, const char *field,
	    struct asof_arena *arena, struct asof_redis_reply *ret_reply, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf request = ASOF_BUF(1 << 16);
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(1 << 16);
	add_record_request(store, table, field, &request, &scratch);
	ASOF_TRY(asof_buf_status(&request, err));
	ASOF_TRY(asof_redis_call(store->pool, ASOF_REDIS_READING, asof_buf_view(&request),
				 ret_reply, 1, arena, err));
	return check_record(ret_reply, err);
}

static enum asof_status
redis_meta(struct asof_store *base, const char *table, struct asof_buf *buf, struct asof_error *err)
{
	struct asof_redis_reply reply;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(read_record(redis_store(base), table, "meta", &arena, &reply, err));
	if (reply.items[0].kind == ASOF_REDIS_NIL)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no table '%s'", table);
	asof_buf_add_str(buf, reply.items[1].text);
	return asof_buf_status(buf, err);
}

/* "LOG VERSION"; nothing: no position. */
static bool
parse_position(struct asof_str text, struct asof_store_position *ret_position)
{
	*ret_position = (struct asof_store_position){ 0 };
	if (text.len == 0)
		return true;
	const char *space = memchr(text.ptr, ' ', text.len);
	if (!space)
		return false;
	size_t len = (size_t)(space - text.ptr);
	return asof_uint64_parse((struct asof_str){ text.ptr, len }, &ret_position->log) &&
	       asof_int64_parse((struct asof_str){ space + 1, text.len - len - 1 },
				&ret_position->version);
}

static enum asof_status
redis_mark(struct asof_store *base, const char *table, struct asof_store_mark *ret_mark,
	   struct asof_error *err)
{
	struct asof_redis_reply reply;
	struct asof_store_mark mark = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(read_record(redis_store(base), table, "position", &arena, &reply, err));
	if (reply.items[0].kind == ASOF_REDIS_TEXT) {
		if (!asof_uint64_parse(reply.items[0].text, &mark.generation) ||
		    !parse_position(reply.items[1].text, &mark.position))
			return ASOF_FAIL(err, ASOF_CORRUPT, "the record of '%s' does not decode",
					 table);
	}
	*ret_mark = mark;
	return ASOF_OK;
}

static enum asof_status
list_names(struct asof_redis_store *store, struct asof_arena *arena,
	   struct asof_redis_reply *ret_names, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf request = ASOF_BUF(1 << 10);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(1 << 10);
	asof_buf_printf(&name, "%s::tables", asof_redis_pool_target(store->pool)->prefix);
	asof_redis_begin(&request, 2);
	asof_redis_add_text(&request, "SMEMBERS");
	asof_redis_add(&request, asof_buf_view(&name));
	ASOF_TRY(asof_buf_status(&name, err));
	ASOF_TRY(asof_buf_status(&request, err));
	ASOF_TRY(asof_redis_call(store->pool, ASOF_REDIS_READING, asof_buf_view(&request),
				 ret_names, 1, arena, err));
	bool is_good = ret_names->kind == ASOF_REDIS_ARRAY;
	for (size_t i = 0; is_good && i < ret_names->count; i++) {
		struct asof_str text = ret_names->items[i].text;
		is_good = ret_names->items[i].kind == ASOF_REDIS_TEXT && text.len > 0 &&
			  text.len <= ASOF_STORE_TABLE_MAX && strlen(text.ptr) == text.len;
	}
	return is_good ? ASOF_OK
		       : ASOF_FAIL(err, ASOF_CORRUPT, "the list of tables has another form");
}

/* Those that were dropped since they were listed have no generation. */
static enum asof_status
redis_tables(struct asof_store *base, asof_store_table_fn *visit, void *arg, struct asof_error *err)
{
	struct asof_redis_store *store = redis_store(base);
	struct asof_redis_reply names;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf requests = ASOF_BUF(1 << 24);
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(1 << 16);
	ASOF_TRY(list_names(store, &arena, &names, err));
	struct asof_redis_reply *records = asof_arena_array(&arena, names.count, sizeof(*records));
	if (!records)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu tables", names.count);
	for (size_t i = 0; i < names.count; i++)
		add_record_request(store, names.items[i].text.ptr, "meta", &requests, &scratch);
	ASOF_TRY(asof_buf_status(&requests, err));
	if (names.count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_redis_call(store->pool, ASOF_REDIS_READING, asof_buf_view(&requests), records,
				 names.count, &arena, err));
	for (size_t i = 0; i < names.count; i++) {
		ASOF_TRY(check_record(&records[i], err));
		if (records[i].items[0].kind == ASOF_REDIS_TEXT)
			ASOF_TRY(
				visit(arg, names.items[i].text.ptr, records[i].items[1].text, err));
	}
	return ASOF_OK;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static enum asof_status
open_by(enum asof_redis_transport transport, struct asof_str location,
	struct asof_store **ret_store, struct asof_error *err)
{
	struct asof_redis_pool *pool = NULL;
	ASOF_TRY(asof_redis_pool_open(transport, location, &pool, err));
	struct asof_redis_store *store = asof_mem_alloc(sizeof(*store));
	if (!store) {
		asof_redis_pool_close(pool);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "redis store");
	}
	store->base.ops = &asof_store_redis_ops;
	store->pool = pool;
	(void)pthread_mutex_init(&store->lock, NULL);
	*ret_store = &store->base;
	return ASOF_OK;
}

static enum asof_status
redis_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	return open_by(ASOF_REDIS_TCP, location, ret_store, err);
}

static enum asof_status
rediss_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	return open_by(ASOF_REDIS_TLS, location, ret_store, err);
}

static enum asof_status
redis_unix_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	return open_by(ASOF_REDIS_UNIX, location, ret_store, err);
}

static void
redis_close(struct asof_store *base)
{
	struct asof_redis_store *store = redis_store(base);
	size_t position = 0;
	void *known;
	while (asof_map_next(&store->tables, &position, NULL, &known))
		asof_mem_free(known);
	asof_map_done(&store->tables);
	asof_redis_pool_close(store->pool);
	(void)pthread_mutex_destroy(&store->lock);
	asof_mem_free(store);
}

const struct asof_store_ops asof_store_redis_ops = {
	.scheme = "redis",
	.open = redis_open,
	.close = redis_close,
	.is_showing = redis_is_showing,
	.is_remote = redis_is_remote,
	.put = redis_put,
	.get_many = redis_get_many,
	.meta = redis_meta,
	.mark = redis_mark,
	.update = redis_update,
	.tables = redis_tables,
	.drop = redis_drop,
	.load_begin = asof_redis_load_begin,
	.load_resume = asof_redis_load_resume,
	.load_put = asof_redis_load_put,
	.load_update = asof_redis_load_update,
	.load_get_many = asof_redis_load_get_many,
	.load_commit = asof_redis_load_commit,
	.load_abort = asof_redis_load_abort,
	.load_leave = asof_redis_load_leave,
};

/* Only ways to open the one above. */
const struct asof_store_ops asof_store_rediss_ops = { .scheme = "rediss", .open = rediss_open };
const struct asof_store_ops asof_store_redis_unix_ops = { .scheme = "redis+unix",
							  .open = redis_unix_open };
