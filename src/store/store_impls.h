/* store_impls.h - the list of implementations, for store.c and tests. */
#ifndef ASOF_STORE_IMPLS_H
#define ASOF_STORE_IMPLS_H

#include "store/store.h"

extern const struct asof_store_ops asof_store_mem_ops;
extern const struct asof_store_ops asof_store_lmdb_ops;
extern const struct asof_store_ops asof_store_postgres_ops;
extern const struct asof_store_ops asof_store_redis_ops; /* with TLS and a socket's path: */
extern const struct asof_store_ops asof_store_rediss_ops;
extern const struct asof_store_ops asof_store_redis_unix_ops;

typedef uint64_t asof_store_hash_fn(struct asof_str bytes);

/* As asof_store_lmdb_ops.open with another hash of long keys: tests make them collide. */
ASOF_NODISCARD enum asof_status asof_store_lmdb_open_hashed(struct asof_str location,
							    asof_store_hash_fn *hash,
							    struct asof_store **ret_store,
							    struct asof_error *err);

/* Does a row of (event_us, created_us) replace a stored one? */
static inline bool
asof_store_wins(int64_t event_us, int64_t created_us, int64_t stored_event_us,
		int64_t stored_created_us)
{
	if (event_us != stored_event_us)
		return event_us > stored_event_us;
	return created_us >= stored_created_us;
}

static inline bool
asof_store_mark_equal(const struct asof_store_mark *a, const struct asof_store_mark *b)
{
	return a->generation == b->generation && a->position.log == b->position.log &&
	       a->position.version == b->position.version;
}

#endif
