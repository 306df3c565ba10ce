/* store_redis_load.c - loads: the next generation filled beside, under a lease, then switched to.
 */
#include <sys/random.h>
#include <time.h>

#include "base/fault.h"
#include "base/number.h"
#include "store/store_redis_plain.h"

#define CHUNK_ROWS  256 /* of one script: others wait for it, a millisecond or two */
#define CHUNK_BYTES ((size_t)256 << 10)
#define TOKEN_BYTES 16

struct redis_load {
	struct asof_store_load base; /* must be first */
	struct asof_redis_store *store;
	char name[ASOF_STORE_TABLE_MAX + 1];
	struct asof_store_table table;
	char token[2 * TOKEN_BYTES + 1];
	char generation[ASOF_DOUBLE_TEXT_MAX];
	struct asof_redis_arguments rows;    /* a chunk, not on the server yet */
	struct asof_redis_arguments request; /* what goes there */
	size_t row_count;
	bool is_replacing; /* the chunk's rows go without the write rule */
	bool has_tag;      /* and was not updated: it may be gone on with */
	bool is_ascending; /* so far each key was put once, without any script */
	struct asof_redis_plain plain;
	struct asof_buf last_key; /* of what was put */
	int64_t put_count;        /* rows that were put, by the load before it too */
	uint64_t put_bytes;
	int64_t durable_count; /* of them */
	pthread_t renewer;
	pthread_mutex_t lock; /* guards is_over */
	pthread_cond_t ended;
	bool is_over;
};

/* What every script of a load wants: who we are, for how long, and what we fill. */
static void
begin_arguments(const struct redis_load *load, struct asof_redis_arguments *arguments)
{
	asof_redis_arguments_begin(arguments, load->store, load->name);
	asof_redis_argument(arguments, asof_str_from(load->token));
	asof_redis_argument_int(arguments, asof_redis_pool_target(load->store->pool)->lease_ms);
	asof_redis_argument(arguments, asof_str_from(load->generation));
}

/* --- the lease ---------------------------------------------------------------------------------
 */

static void
renew(struct redis_load *load)
{
	int64_t ignored;
	struct asof_error unheard = { 0 };
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	begin_arguments(load, &arguments);
	/* What fails here is told by the next chunk. */
	enum asof_status status = asof_redis_run_int(load->store, ASOF_REDIS_LOAD_RENEW, &arguments,
						     &ignored, &unheard);
	(void)status;
}

/* Rows may be long in coming: the lease is kept meanwhile. */
static void *
keep_renewing(void *arg)
{
	struct redis_load *load = arg;
	int64_t lease_ms = asof_redis_pool_target(load->store->pool)->lease_ms;
	struct timespec next;
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		int64_t ns = next.tv_nsec + lease_ms / 3 * 1000000;
		next.tv_sec += (time_t)(ns / 1000000000);
		next.tv_nsec = (long)(ns % 1000000000);
		{
			int rc = 0;
			ASOF_HOLD(held, &load->lock);
			while (!load->is_over && rc == 0)
				rc = pthread_cond_timedwait(&load->ended, &load->lock, &next);
			if (load->is_over)
				return NULL;
		}
		renew(load);
	}
}

static enum asof_status
start_renewer(struct redis_load *load, struct asof_error *err)
{
	pthread_condattr_t attributes;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&load->ended, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&load->lock, NULL);
	int rc = pthread_create(&load->renewer, NULL, keep_renewing, load);
	if (rc == 0)
		return ASOF_OK;
	(void)pthread_cond_destroy(&load->ended);
	(void)pthread_mutex_destroy(&load->lock);
	return ASOF_FAIL(err, ASOF_IO, "start a thread: %s", strerror(rc));
}

static void
stop_renewer(struct redis_load *load)
{
	{
		ASOF_HOLD(held, &load->lock);
		load->is_over = true;
		(void)pthread_cond_signal(&load->ended);
	}
	(void)pthread_join(load->renewer, NULL);
	(void)pthread_cond_destroy(&load->ended);
	(void)pthread_mutex_destroy(&load->lock);
}

static void
load_free(struct redis_load *load)
{
	asof_redis_arguments_done(&load->rows);
	asof_redis_arguments_done(&load->request);
	asof_redis_plain_done(&load->plain);
	asof_buf_done(&load->last_key);
	asof_mem_free(load);
}

/* --- beginning ---------------------------------------------------------------------------------
 */

static enum asof_status
make_token(char out[2 * TOKEN_BYTES + 1], struct asof_error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[TOKEN_BYTES];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return ASOF_FAIL(err, ASOF_IO, "no random bytes");
	for (size_t i = 0; i < TOKEN_BYTES; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * TOKEN_BYTES] = '\0';
	return ASOF_OK;
}

static bool
is_number(const struct asof_redis_reply *reply, int64_t *ret_number)
{
	return reply->kind == ASOF_REDIS_TEXT && asof_int64_parse(reply->text, ret_number);
}

/* The generation; and how far the load before it was, if it is gone on with. */
static enum asof_status
take_answer(struct redis_load *load, const struct asof_redis_reply *items, struct asof_error *err)
{
	int64_t size_bytes = 0;
	bool is_good =
		items[0].kind == ASOF_REDIS_TEXT && items[0].text.len < sizeof(load->generation);
	if (is_good && items[1].kind != ASOF_REDIS_NIL)
		is_good = is_number(&items[1], &load->put_count) &&
			  is_number(&items[2], &size_bytes) && items[3].kind == ASOF_REDIS_TEXT;
	if (!is_good)
		return ASOF_FAIL(err, ASOF_CORRUPT, "the record of '%s' does not decode",
				 load->name);
	memcpy(load->generation, items[0].text.ptr, items[0].text.len);
	load->put_bytes = (uint64_t)size_bytes;
	load->durable_count = load->put_count;
	load->is_ascending = load->put_count == 0;
	if (load->put_count > 0)
		asof_buf_add_str(&load->last_key, items[3].text);
	return asof_buf_status(&load->last_key, err);
}

static enum asof_status
take_lease(struct redis_load *load, struct asof_str tag, struct asof_error *err)
{
	struct asof_redis_reply reply;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_redis_arguments *arguments = &load->request;
	asof_redis_arguments_begin(arguments, load->store, load->name);
	asof_redis_argument(arguments, asof_str_from(load->token));
	asof_redis_argument_int(arguments, asof_redis_pool_target(load->store->pool)->lease_ms);
	asof_redis_argument(arguments, tag);
	ASOF_TRY(asof_buf_status(&arguments->bytes, err));
	ASOF_TRY(asof_redis_run(load->store->pool, ASOF_REDIS_LOAD_BEGIN,
				asof_buf_view(&arguments->bytes), arguments->count, &reply, &arena,
				err));
	if (reply.kind != ASOF_REDIS_ARRAY || reply.count < 2 ||
	    reply.items[0].kind != ASOF_REDIS_INT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "the server's answer has another form");
	if (reply.items[0].number == 0)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "another load of '%s' is under way (if it was killed, its lease "
				 "ends in %lld seconds)",
				 load->name, (long long)reply.items[1].number / 1000 + 1);
	if (reply.count != 5)
		return ASOF_FAIL(err, ASOF_CORRUPT, "the server's answer has another form");
	return take_answer(load, reply.items + 1, err);
}

static enum asof_status
load_new(struct asof_store *store, const struct asof_store_table *table,
	 struct redis_load **ret_load, struct asof_error *err)
{
	struct redis_load *load = asof_mem_alloc(sizeof(*load));
	if (!load)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "load");
	load->base.ops = &asof_store_redis_ops;
	load->store = (struct asof_redis_store *)store;
	memcpy(load->name, table->name, strlen(table->name));
	load->table = *table;
	load->table.name = load->name;
	load->rows = ASOF_REDIS_ARGUMENTS;
	load->request = ASOF_REDIS_ARGUMENTS;
	load->last_key = ASOF_BUF(ASOF_STORE_KEY_MAX);
	*ret_load = load;
	return ASOF_OK;
}

static enum asof_status
take_over(struct redis_load *load, struct asof_str tag, struct asof_error *err)
{
	load->has_tag = tag.len > 0;
	ASOF_TRY(make_token(load->token, err));
	ASOF_TRY(asof_redis_check_rights(load->store, err));
	ASOF_TRY(take_lease(load, tag, err));
	return start_renewer(load, err);
}

static enum asof_status
begin_load(struct asof_store *store, const struct asof_store_table *table, struct asof_str tag,
	   struct redis_load **ret_load, struct asof_error *err)
{
	struct redis_load *load = NULL;
	ASOF_TRY(load_new(store, table, &load, err));
	enum asof_status status = take_over(load, tag, err);
	if (status != ASOF_OK) {
		load_free(load);
		return status;
	}
	/* What a killed load or switch left goes before there is more. */
	status = asof_redis_sweep(load->store, table->name, err);
	if (status == ASOF_OK)
		status = asof_fault_point("store.load.begun", err);
	if (status != ASOF_OK) {
		asof_redis_load_abort(&load->base);
		return status;
	}
	*ret_load = load;
	return ASOF_OK;
}

enum asof_status
asof_redis_load_begin(struct asof_store *store, const struct asof_store_table *table,
		      struct asof_store_load **ret_load, struct asof_error *err)
{
	struct redis_load *load = NULL;
	ASOF_TRY(begin_load(store, table, (struct asof_str){ "", 0 }, &load, err));
	*ret_load = &load->base;
	return ASOF_OK;
}

enum asof_status
asof_redis_load_resume(struct asof_store *store, const struct asof_store_table *table,
		       struct asof_store_resume *resume, struct asof_store_load **ret_load,
		       struct asof_error *err)
{
	struct redis_load *load = NULL;
	ASOF_TRY(begin_load(store, table, resume->tag, &load, err));
	asof_buf_add_str(&resume->last_key, asof_buf_view(&load->last_key));
	enum asof_status status = asof_buf_status(&resume->last_key, err);
	if (status != ASOF_OK) {
		asof_redis_load_abort(&load->base);
		return status;
	}
	resume->row_count = load->put_count;
	resume->size_bytes = load->put_bytes;
	*ret_load = &load->base;
	return ASOF_OK;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static enum asof_status
fail_lost(const struct redis_load *load, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_CONFLICT,
			 "the lease of this load of '%s' has ended: others went on without it",
			 load->name);
}

static void
begin_chunk(struct redis_load *load, bool is_replacing)
{
	asof_buf_clear(&load->rows.bytes);
	load->rows.count = 0;
	load->row_count = 0;
	load->is_replacing = is_replacing;
}

/* Keys that ascend were not put before: for them no script need look. */
static bool
write_plainly(struct redis_load *load)
{
	const struct asof_redis_chunk chunk = {
		.table = load->name,
		.generation = asof_str_from(load->generation),
		.token = asof_str_from(load->token),
		.rows = &load->rows,
		.row_count = load->row_count,
		.has_progress = load->has_tag,
		.put_count = load->put_count,
		.put_bytes = load->put_bytes,
		.last_key = asof_buf_view(&load->last_key),
	};
	if (!load->is_ascending || load->is_replacing ||
	    asof_buf_status(&load->rows.bytes, NULL) != ASOF_OK ||
	    !asof_redis_plain_write(&load->plain, load->store, &chunk))
		return false;
	begin_chunk(load, false);
	load->durable_count = load->put_count;
	return true;
}

/* The chunk, and how far the load is with it: one step of the server. */
static enum asof_status
flush(struct redis_load *load, struct asof_error *err)
{
	int64_t is_ours = 1;
	struct asof_redis_arguments *request = &load->request;
	if (load->row_count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_fault_point("store.load.chunk", err));
	if (write_plainly(load))
		return ASOF_OK;
	begin_arguments(load, request);
	asof_redis_argument(request, asof_str_from(load->is_replacing ? "last wins" : ""));
	asof_redis_argument_int(request, load->put_count);
	asof_redis_argument_int(request, (int64_t)load->put_bytes);
	asof_redis_argument(request, asof_buf_view(&load->last_key));
	asof_redis_arguments_add(request, &load->rows);
	ASOF_TRY(asof_redis_run_int(load->store, ASOF_REDIS_LOAD_PUT, request, &is_ours, err));
	begin_chunk(load, load->is_replacing);
	if (is_ours != 1)
		return fail_lost(load, err);
	load->durable_count = load->put_count;
	return ASOF_OK;
}

static enum asof_status
add_row(struct redis_load *load, const struct asof_store_row *row, struct asof_error *err)
{
	if (load->put_count > 0 && asof_str_compare(row->key, asof_buf_view(&load->last_key)) <= 0)
		load->is_ascending = false;
	asof_redis_argument_row(&load->rows, &load->table, row);
	load->row_count++;
	load->put_count++;
	load->put_bytes += row->key.len + row->value.len;
	asof_buf_clear(&load->last_key);
	asof_buf_add_str(&load->last_key, row->key);
	ASOF_TRY(asof_buf_status(&load->last_key, err));
	if (load->row_count < CHUNK_ROWS && load->rows.bytes.len < CHUNK_BYTES)
		return ASOF_OK;
	return flush(load, err);
}

static enum asof_status
add_rows(struct redis_load *load, const struct asof_store_row *rows, size_t row_count,
	 bool is_replacing, struct asof_error *err)
{
	if (load->is_replacing != is_replacing) {
		ASOF_TRY(flush(load, err));
		begin_chunk(load, is_replacing);
	}
	for (size_t i = 0; i < row_count; i++)
		ASOF_TRY(add_row(load, &rows[i], err));
	return asof_buf_status(&load->rows.bytes, err);
}

enum asof_status
asof_redis_load_put(struct asof_store_load *base, const struct asof_store_row *rows,
		    size_t row_count, struct asof_error *err)
{
	return add_rows((struct redis_load *)base, rows, row_count, false, err);
}

enum asof_status
asof_redis_load_update(struct asof_store_load *base, const struct asof_store_row *rows,
		       size_t row_count, struct asof_error *err)
{
	struct redis_load *load = (struct redis_load *)base;
	load->has_tag = false;
	ASOF_TRY(add_rows(load, rows, row_count, true, err));
	load->is_ascending = false;
	return ASOF_OK;
}

enum asof_status
asof_redis_load_get_many(struct asof_store_load *base, const struct asof_str *keys,
			 size_t key_count, asof_store_visit_fn *visit, void *arg,
			 struct asof_error *err)
{
	struct redis_load *load = (struct redis_load *)base;
	const struct asof_redis_reading reading = { keys, key_count, visit, arg };
	ASOF_TRY(flush(load, err));
	return asof_redis_read_generation(load->store, load->name, asof_str_from(load->generation),
					  &reading, err);
}

/* --- ending ------------------------------------------------------------------------------------
 */

/* What is left is removed by the next load. */
static void
sweep_quietly(struct redis_load *load)
{
	struct asof_error unheard = { 0 };
	enum asof_status status = asof_redis_sweep(load->store, load->name, &unheard);
	(void)status;
}

enum asof_status
asof_redis_load_commit(struct asof_store_load *base, struct asof_str meta,
		       struct asof_store_position position, const struct asof_store_mark *mark,
		       struct asof_error *err)
{
	struct redis_load *load = (struct redis_load *)base;
	int64_t answer = 0;
	ASOF_TRY(flush(load, err));
	ASOF_AUTO(asof_redis_arguments_done)
	struct asof_redis_arguments arguments = ASOF_REDIS_ARGUMENTS;
	begin_arguments(load, &arguments);
	asof_redis_argument_position(&arguments, position);
	if (mark)
		asof_redis_argument_mark(&arguments, mark);
	else
		asof_redis_argument(&arguments, asof_str_from(""));
	asof_redis_argument(&arguments, meta);
	ASOF_TRY(asof_fault_point("store.load.before_switch", err));
	ASOF_TRY(asof_redis_run_int(load->store, ASOF_REDIS_LOAD_COMMIT, &arguments, &answer, err));
	if (answer == 2)
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", load->name);
	if (answer != 1)
		return fail_lost(load, err);
	ASOF_TRY(asof_fault_point("store.load.after_switch", err));
	stop_renewer(load);
	sweep_quietly(load);
	load_free(load);
	return ASOF_OK;
}

/* Where even this fails, the lease ends by itself, and the next load removes what is left. */
void
asof_redis_load_abort(struct asof_store_load *base)
{
	struct redis_load *load = (struct redis_load *)base;
	int64_t ignored;
	struct asof_error unheard = { 0 };
	stop_renewer(load);
	begin_arguments(load, &load->request);
	enum asof_status status = asof_redis_run_int(load->store, ASOF_REDIS_LOAD_ABORT,
						     &load->request, &ignored, &unheard);
	if (status == ASOF_OK)
		sweep_quietly(load);
	load_free(load);
}

int64_t
asof_redis_load_leave(struct asof_store_load *base)
{
	struct redis_load *load = (struct redis_load *)base;
	int64_t ignored;
	struct asof_error unheard = { 0 };
	/* Where these fail, the chunks before it stay, and the lease ends by itself. */
	enum asof_status status = load->has_tag ? flush(load, &unheard) : ASOF_OK;
	(void)status;
	int64_t row_count = load->has_tag ? load->durable_count : 0;
	if (row_count == 0) {
		asof_redis_load_abort(base);
		return 0;
	}
	stop_renewer(load);
	begin_arguments(load, &load->request);
	status = asof_redis_run_int(load->store, ASOF_REDIS_LOAD_LEAVE, &load->request, &ignored,
				    &unheard);
	(void)status;
	load_free(load);
	return row_count;
}
