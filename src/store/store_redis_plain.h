/*
 * store_redis_plain.h - a chunk of a load as plain commands in a transaction: half of the server's
 * work of a script. One thread at a time.
 *
 * Plain commands compare nothing. So they are for rows of keys that the load has not put before,
 * while nobody else puts into its generation; the server looks at that (WATCH). Where it is not so,
 * or the connection was lost, nothing is said and the caller runs the script.
 */
#ifndef ASOF_STORE_REDIS_PLAIN_H
#define ASOF_STORE_REDIS_PLAIN_H

#include "store/store_redis.h"

/* A connection of the load's own, since what is watched belongs to it. All zero: none yet. */
struct asof_redis_plain {
	struct asof_redis_link *link;
	bool is_ours; /* the record is watched, and names the load alone */
	bool is_off;  /* it will not be so again */
};

void asof_redis_plain_done(struct asof_redis_plain *plain);

/* A chunk, and what the record is to say of the load then. Borrowed. */
struct asof_redis_chunk {
	const char *table;
	struct asof_str generation;
	struct asof_str token;
	const struct asof_redis_arguments *rows; /* by asof_redis_argument_row() */
	size_t row_count;
	bool has_progress;
	int64_t put_count;
	uint64_t put_bytes;
	struct asof_str last_key;
};

/* Is it written, all of it with the progress? Where it is not said to be, it may be all the same:
 * the script does no harm then. */
bool asof_redis_plain_write(struct asof_redis_plain *plain, const struct asof_redis_store *store,
			    const struct asof_redis_chunk *chunk);

#endif
