/*
 * store_redis_pool.h - connections to one Redis, shared by threads; calls that are repeated where
 * that may help; scripts.
 *
 * Thread-safe. Every request that goes through here may be done twice by the server (its answer may
 * be lost): that is the caller's to allow for. A process that forks starts with no connections.
 */
#ifndef ASOF_STORE_REDIS_POOL_H
#define ASOF_STORE_REDIS_POOL_H

#include "store/store_redis_link.h"
#include "store/store_redis_scripts.h"

struct asof_redis_pool;

/* Connects once, so that what is wrong with the URI is told now. */
ASOF_NODISCARD enum asof_status asof_redis_pool_open(enum asof_redis_transport transport,
						     struct asof_str location,
						     struct asof_redis_pool **ret_pool,
						     struct asof_error *err);
/* NULL is a no-op. */
void asof_redis_pool_close(struct asof_redis_pool *pool);
ASOF_DEFINE_AUTOFREE(struct asof_redis_pool, asof_redis_pool_close)
const struct asof_redis_target *asof_redis_pool_target(const struct asof_redis_pool *pool);

/* How long a caller waits for a server that is away. */
enum asof_redis_patience {
	/* Two or three seconds: somebody waits for an answer, and a server that starts again is
	 * back by then. While it stays away only the first who reads waits. */
	ASOF_REDIS_READING,
	ASOF_REDIS_WRITING, /* several seconds: a server starts again meanwhile */
};

/* Send requests, read `count` replies; an error among them (not inside them) is a failure. */
ASOF_NODISCARD enum asof_status asof_redis_call(struct asof_redis_pool *pool,
						enum asof_redis_patience patience,
						struct asof_str requests,
						struct asof_redis_reply *replies, size_t count,
						struct asof_arena *arena, struct asof_error *err);

/* Run a script: `arguments` are written by asof_redis_add(), the number of keys first;
 * `argument_count` counts them all. */
ASOF_NODISCARD enum asof_status asof_redis_run(struct asof_redis_pool *pool,
					       enum asof_redis_script script,
					       struct asof_str arguments, size_t argument_count,
					       struct asof_redis_reply *ret_reply,
					       struct asof_arena *arena, struct asof_error *err);

#endif
