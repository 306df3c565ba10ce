/*
 * store_redis.h - what the files of the store in Redis share: its keys, its rows as arguments of
 * scripts, its loads.
 *
 * All keys begin with the URI's prefix, "asof":
 *   asof::tables        set: the names of all tables
 *   asof:T              hash: a table's record: current, last, writes, meta, position; of a load:
 *                       loading, loader, switched_by, load_put (a put went there too), and how far
 *                       it is: load_tag, load_rows, load_bytes, load_key
 *   asof:T:lease        string: who loads the table, as long as he lives
 *   asof:T:old          set: generations to be removed
 *   asof:T:3            list: the keys of generation 3
 *   asof:T:3:KEY        hash: a row of it
 * T and KEY are written as asof_key_write_name() and asof_key_write_text() do.
 */
#ifndef ASOF_STORE_REDIS_H
#define ASOF_STORE_REDIS_H

#include "base/map.h"
#include "store/store_impls.h"
#include "store/store_redis_pool.h"

#define ASOF_REDIS_REQUEST_BYTES_MAX ((size_t)256 << 20)

struct asof_redis_store {
	struct asof_store base; /* must be first */
	struct asof_redis_pool *pool;
	pthread_mutex_t lock;   /* guards what is below it */
	struct asof_map tables; /* name -> struct asof_redis_known: what was current last */
	bool may_write;         /* the user's rights were tried */
};

/* Arguments of a script, gathered. */
struct asof_redis_arguments {
	struct asof_buf bytes;
	struct asof_buf scratch;
	size_t count;
};

#define ASOF_REDIS_ARGUMENTS                                                             \
	((struct asof_redis_arguments){ .bytes = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX), \
					.scratch = ASOF_BUF(ASOF_REDIS_REQUEST_BYTES_MAX) })

void asof_redis_arguments_done(struct asof_redis_arguments *arguments);

/* "asof:T", appended. */
void asof_redis_add_record_name(const struct asof_redis_store *store, const char *table,
				struct asof_buf *buf);

/* A script's keys and the table's name: what every script wants first. Forgets what was gathered.
 */
void asof_redis_arguments_begin(struct asof_redis_arguments *arguments,
				const struct asof_redis_store *store, const char *table);
void asof_redis_argument(struct asof_redis_arguments *arguments, struct asof_str text);
/* All those of `more`. */
void asof_redis_arguments_add(struct asof_redis_arguments *arguments,
			      const struct asof_redis_arguments *more);
void asof_redis_argument_int(struct asof_redis_arguments *arguments, int64_t number);
void asof_redis_argument_mark(struct asof_redis_arguments *arguments,
			      const struct asof_store_mark *mark);
void asof_redis_argument_position(struct asof_redis_arguments *arguments,
				  struct asof_store_position position);
void asof_redis_argument_row(struct asof_redis_arguments *arguments,
			     const struct asof_store_table *table,
			     const struct asof_store_row *row);

/* Run the script; its answer is a number. */
ASOF_NODISCARD enum asof_status asof_redis_run_int(struct asof_redis_store *store,
						   enum asof_redis_script script,
						   const struct asof_redis_arguments *arguments,
						   int64_t *ret_number, struct asof_error *err);

/* The rows' packed values of a generation, all at one moment where `is_checked`. */
struct asof_redis_reading {
	const struct asof_str *keys;
	size_t key_count;
	asof_store_visit_fn *visit;
	void *arg;
};

/* Visit what a generation holds of the keys; what is being written may show in part. */
ASOF_NODISCARD enum asof_status asof_redis_read_generation(struct asof_redis_store *store,
							   const char *table,
							   struct asof_str generation,
							   const struct asof_redis_reading *reading,
							   struct asof_error *err);
/* Visit what the table holds of the keys, at one moment. */
ASOF_NODISCARD enum asof_status asof_redis_read_table(struct asof_redis_store *store,
						      const char *table,
						      const struct asof_redis_reading *reading,
						      struct asof_error *err);

/* Would the server let us write? Tried once, on a key of no table, before anything is written. */
ASOF_NODISCARD enum asof_status asof_redis_check_rights(struct asof_redis_store *store,
							struct asof_error *err);
/* Remove generations that nobody reads any more, in small steps. */
ASOF_NODISCARD enum asof_status asof_redis_sweep(struct asof_redis_store *store, const char *table,
						 struct asof_error *err);

/* The load_*() callbacks of the store, in store_redis_load.c. */
ASOF_NODISCARD enum asof_status asof_redis_load_begin(struct asof_store *store,
						      const struct asof_store_table *table,
						      struct asof_store_load **ret_load,
						      struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_redis_load_resume(struct asof_store *store,
						       const struct asof_store_table *table,
						       struct asof_store_resume *resume,
						       struct asof_store_load **ret_load,
						       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_redis_load_put(struct asof_store_load *load,
						    const struct asof_store_row *rows,
						    size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_redis_load_update(struct asof_store_load *load,
						       const struct asof_store_row *rows,
						       size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_redis_load_get_many(struct asof_store_load *load,
							 const struct asof_str *keys,
							 size_t key_count,
							 asof_store_visit_fn *visit, void *arg,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_redis_load_commit(struct asof_store_load *load,
						       struct asof_str meta,
						       struct asof_store_position position,
						       const struct asof_store_mark *mark,
						       struct asof_error *err);
void asof_redis_load_abort(struct asof_store_load *load);
int64_t asof_redis_load_leave(struct asof_store_load *load);

#endif
