/*
 * store_redis_link.h - one connection to Redis: requests out, replies back, its errors in our
 * words. One thread at a time.
 */
#ifndef ASOF_STORE_REDIS_LINK_H
#define ASOF_STORE_REDIS_LINK_H

#include "base/buf.h"
#include "store/redis_uri.h"

enum asof_redis_kind {
	ASOF_REDIS_NIL,
	ASOF_REDIS_TEXT, /* a bulk string or a status */
	ASOF_REDIS_INT,
	ASOF_REDIS_ARRAY,
	ASOF_REDIS_ERROR,
};

/* Lives in the arena of the call that it answers. */
struct asof_redis_reply {
	enum asof_redis_kind kind;
	int64_t number;
	struct asof_str text; /* of TEXT and ERROR */
	const struct asof_redis_reply *items;
	size_t count;
};

struct asof_redis_link;

/* Connect and log in. `target` outlives the link. *ret_may_retry on failure: it may pass by itself.
 */
ASOF_NODISCARD enum asof_status asof_redis_link_open(const struct asof_redis_target *target,
						     struct asof_redis_link **ret_link,
						     bool *ret_may_retry, struct asof_error *err);
/* NULL is a no-op. */
void asof_redis_link_close(struct asof_redis_link *link);
ASOF_DEFINE_AUTOFREE(struct asof_redis_link, asof_redis_link_close)

/* A request to be written: its arguments follow, each by asof_redis_add(). */
void asof_redis_begin(struct asof_buf *buf, size_t argument_count);
void asof_redis_add(struct asof_buf *buf, struct asof_str argument);
void asof_redis_add_text(struct asof_buf *buf, const char *argument);
void asof_redis_add_int(struct asof_buf *buf, int64_t argument);

/*
 * Send both parts, one behind the other, and read `count` replies, in order. Replies that are
 * errors are replies; what fails here is the connection, which is then of no use: *ret_may_retry
 * says whether a new one may help.
 */
ASOF_NODISCARD enum asof_status asof_redis_exchange(struct asof_redis_link *link,
						    struct asof_str head, struct asof_str body,
						    struct asof_redis_reply *replies, size_t count,
						    struct asof_arena *arena, bool *ret_may_retry,
						    struct asof_error *err);

/* The replies in `bytes`, at most `count`: how many are whole in *ret_done. ASOF_IO for what no
 * Redis says. */
ASOF_NODISCARD enum asof_status asof_redis_parse(struct asof_str bytes,
						 struct asof_redis_reply *replies, size_t count,
						 struct asof_arena *arena, size_t *ret_done,
						 struct asof_error *err);

/* An error that the server replied, as ours. */
enum asof_status asof_redis_fail(const struct asof_redis_reply *reply, bool *ret_may_retry,
				 struct asof_error *err);

#endif
