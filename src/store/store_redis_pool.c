#include "store/store_redis_pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pause.h"

#define IDLE_MAX 64
#define USED_MAX 64 /* at once; more callers wait */

static const struct {
	unsigned tries;
	struct asof_pause pause;
} patiences[] = {
	[ASOF_REDIS_READING] = { 9, { .first_ms = 20, .most_ms = 1000 } },
	[ASOF_REDIS_WRITING] = { 9, { .first_ms = 50, .most_ms = 1600 } },
};

struct asof_redis_pool {
	struct asof_arena arena; /* of the target */
	struct asof_redis_target target;
	atomic_bool is_away;  /* somebody waited in vain, and nobody was answered since */
	pthread_mutex_t lock; /* guards what is below it */
	pthread_cond_t freed;
	struct asof_redis_link *idle[IDLE_MAX];
	size_t idle_count;
	size_t used_count;
	pid_t pid; /* whose connections they are */
};

const struct asof_redis_target *
asof_redis_pool_target(const struct asof_redis_pool *pool)
{
	return &pool->target;
}

/* --- connections -------------------------------------------------------------------------------
 */

/* Caller holds the lock. */
static void
close_idle(struct asof_redis_pool *pool)
{
	while (pool->idle_count > 0)
		asof_redis_link_close(pool->idle[--pool->idle_count]);
}

/* Caller holds the lock. A child shares its parent's connections: it must not talk on them. */
static void
start_anew_in_a_child(struct asof_redis_pool *pool)
{
	if (pool->pid == getpid())
		return;
	close_idle(pool);
	pool->used_count = 0;
	pool->pid = getpid();
}

/* Leave to use one more connection; an idle one, or NULL, in *ret_link. */
static enum asof_status
take(struct asof_redis_pool *pool, struct asof_redis_link **ret_link, struct asof_error *err)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(pool->target.answer_timeout_us / 1000000);
	ASOF_HOLD(held, &pool->lock);
	start_anew_in_a_child(pool);
	while (pool->used_count == USED_MAX) {
		if (pthread_cond_timedwait(&pool->freed, &pool->lock, &until) != 0)
			return ASOF_FAIL(err, ASOF_TIMEOUT, "all %d connections stay in use",
					 USED_MAX);
	}
	pool->used_count++;
	*ret_link = pool->idle_count > 0 ? pool->idle[--pool->idle_count] : NULL;
	return ASOF_OK;
}

/* NULL: it was of no use any more. */
static void
give_back(struct asof_redis_pool *pool, struct asof_redis_link *link)
{
	ASOF_HOLD(held, &pool->lock);
	pool->used_count--;
	(void)pthread_cond_signal(&pool->freed);
	if (link && pool->idle_count < IDLE_MAX)
		pool->idle[pool->idle_count++] = ASOF_STEAL(link);
	asof_redis_link_close(link);
}

static void
forget_idle(struct asof_redis_pool *pool)
{
	ASOF_HOLD(held, &pool->lock);
	close_idle(pool);
}

/* --- calls -------------------------------------------------------------------------------------
 */

struct call {
	struct asof_str head;
	struct asof_str body;
	struct asof_redis_reply *replies;
	size_t count;
	struct asof_arena *arena;
	bool may_retry;
	bool was_idle; /* the connection had been left idle: perhaps long dead */
};

static bool
is_no_script(const struct asof_redis_reply *reply)
{
	return reply->text.len >= 8 && memcmp(reply->text.ptr, "NOSCRIPT", 8) == 0;
}

static enum asof_status
check_replies(struct call *call, struct asof_error *err)
{
	for (size_t i = 0; i < call->count; i++) {
		const struct asof_redis_reply *reply = &call->replies[i];
		if (reply->kind == ASOF_REDIS_ERROR && !is_no_script(reply))
			return asof_redis_fail(reply, &call->may_retry, err);
	}
	return ASOF_OK;
}

static void
note_away(struct asof_redis_pool *pool, bool is_away)
{
	if (atomic_load_explicit(&pool->is_away, memory_order_relaxed) != is_away)
		atomic_store_explicit(&pool->is_away, is_away, memory_order_relaxed);
}

static enum asof_status
attempt(struct asof_redis_pool *pool, struct call *call, struct asof_error *err)
{
	struct asof_redis_link *link = NULL;
	call->may_retry = false;
	call->was_idle = false;
	ASOF_TRY(take(pool, &link, err));
	enum asof_status status = ASOF_OK;
	call->was_idle = link != NULL;
	if (!link)
		status = asof_redis_link_open(&pool->target, &link, &call->may_retry, err);
	if (status == ASOF_OK) {
		status = asof_redis_exchange(link, call->head, call->body, call->replies,
					     call->count, call->arena, &call->may_retry, err);
		if (status != ASOF_OK) {
			asof_redis_link_close(link);
			link = NULL;
		}
	}
	give_back(pool, link);
	if (status != ASOF_OK)
		return status;
	call->was_idle = false;
	note_away(pool, false);
	return check_replies(call, err);
}

/* Who reads does not wait for a server for which another one has waited in vain just now. */
static unsigned
tries_of(struct asof_redis_pool *pool, enum asof_redis_patience patience)
{
	bool is_away = atomic_load_explicit(&pool->is_away, memory_order_relaxed);
	return patience == ASOF_REDIS_READING && is_away ? 1 : patiences[patience].tries;
}

static enum asof_status
call_with_retries(struct asof_redis_pool *pool, enum asof_redis_patience patience,
		  struct call *call, struct asof_error *err)
{
	struct asof_error why = { 0 };
	bool may_be_stale = true;
	unsigned tries = 0;
	for (;;) {
		enum asof_status status = attempt(pool, call, &why);
		if (status == ASOF_OK)
			return ASOF_OK;
		if (call->may_retry && call->was_idle && may_be_stale) {
			forget_idle(pool);
			may_be_stale = false;
			continue;
		}
		tries++;
		if (!call->may_retry)
			return ASOF_FAIL(err, status, "%s: %s", pool->target.place, why.message);
		if (tries >= tries_of(pool, patience)) {
			note_away(pool, true);
			return ASOF_FAIL(err, status, "%s: %s (asked %u time%s)",
					 pool->target.place, why.message, tries,
					 tries == 1 ? "" : "s");
		}
		asof_pause_before(patiences[patience].pause, tries - 1);
	}
}

enum asof_status
asof_redis_call(struct asof_redis_pool *pool, enum asof_redis_patience patience,
		struct asof_str requests, struct asof_redis_reply *replies, size_t count,
		struct asof_arena *arena, struct asof_error *err)
{
	struct call call = { .head = requests, .replies = replies, .count = count, .arena = arena };
	return call_with_retries(pool, patience, &call, err);
}

/* By its digest; where the server does not know it (it started again, or somebody flushed its
 * scripts), by its text. */
enum asof_status
asof_redis_run(struct asof_redis_pool *pool, enum asof_redis_script script,
	       struct asof_str arguments, size_t argument_count, struct asof_redis_reply *ret_reply,
	       struct asof_arena *arena, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf head = ASOF_BUF(1 << 20);
	for (int is_known = 1; is_known >= 0; is_known--) {
		asof_buf_clear(&head);
		asof_redis_begin(&head, 2 + argument_count);
		asof_redis_add_text(&head, is_known ? "EVALSHA" : "EVAL");
		if (is_known) {
			char digest[ASOF_SHA1_TEXT_MAX];
			ASOF_TRY(asof_sha1_text(asof_redis_script_text(script), digest, err));
			asof_redis_add_text(&head, digest);
		} else {
			asof_redis_add(&head, asof_redis_script_text(script));
		}
		ASOF_TRY(asof_buf_status(&head, err));
		struct call call = { .head = asof_buf_view(&head),
				     .body = arguments,
				     .replies = ret_reply,
				     .count = 1,
				     .arena = arena };
		ASOF_TRY(call_with_retries(pool, ASOF_REDIS_WRITING, &call, err));
		if (ret_reply->kind != ASOF_REDIS_ERROR)
			return ASOF_OK;
	}
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "%s: the server forgets its scripts",
			 pool->target.place);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static enum asof_status
pool_new(struct asof_redis_pool **ret_pool, struct asof_error *err)
{
	struct asof_redis_pool *pool = asof_mem_alloc(sizeof(*pool));
	if (!pool)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "redis store");
	pthread_condattr_t attributes;
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&pool->freed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_mutex_init(&pool->lock, NULL);
	pool->pid = getpid();
	*ret_pool = pool;
	return ASOF_OK;
}

enum asof_status
asof_redis_pool_open(enum asof_redis_transport transport, struct asof_str location,
		     struct asof_redis_pool **ret_pool, struct asof_error *err)
{
	struct asof_redis_reply pong;
	ASOF_AUTO(asof_redis_pool_close_auto) struct asof_redis_pool *pool = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf ping = ASOF_BUF(64);
	ASOF_TRY(pool_new(&pool, err));
	ASOF_TRY(asof_redis_target_read(transport, location, &pool->arena, &pool->target, err));
	asof_redis_begin(&ping, 1);
	asof_redis_add_text(&ping, "PING");
	ASOF_TRY(asof_buf_status(&ping, err));
	ASOF_TRY(asof_redis_call(pool, ASOF_REDIS_WRITING, asof_buf_view(&ping), &pong, 1, &arena,
				 err));
	*ret_pool = ASOF_STEAL(pool);
	return ASOF_OK;
}

void
asof_redis_pool_close(struct asof_redis_pool *pool)
{
	if (!pool)
		return;
	assert(pool->used_count == 0 || pool->pid != getpid());
	close_idle(pool);
	(void)pthread_cond_destroy(&pool->freed);
	(void)pthread_mutex_destroy(&pool->lock);
	asof_arena_done(&pool->arena);
	asof_mem_free(pool);
}
