/*
 * store_lmdb_env.h - the environment behind store_lmdb*.c: its map, transactions and databases.
 *
 * A load fills the database that is not current and its last transaction switches, so a generation
 * is one of a table's two databases by turns, and their handles stay open for good (see README.md).
 *
 * Thread-safe. Locks, taken in this order: the list of environments, open_lock, map_lock, LMDB's
 * own writer lock, lock.
 */
#ifndef ASOF_STORE_LMDB_ENV_H
#define ASOF_STORE_LMDB_ENV_H

#include <limits.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "base/map.h"
#include "store/lmdb_format.h"
#include "store/lmdb_front.h"
#include "store/store_impls.h"

#define ASOF_LMDB_IDLE_READS_MAX 64

struct asof_lmdb_fronts {
	pthread_rwlock_t lock;     /* guards what is below it; held while `front` is read */
	struct asof_front *front;  /* the one that was read last; NULL: none */
	uint64_t unusable;         /* the one that could not be opened */
	_Atomic uint64_t seen_txn; /* a transaction that had `front`; 0: none is known */
};

struct asof_lmdb_table {
	char name[ASOF_STORE_TABLE_MAX + 1];
	MDB_dbi slots[2];
	struct asof_lmdb_fronts fronts;
};

/* One per directory and process: LMDB allows no second one. */
struct asof_lmdb_env {
	struct asof_lmdb_env *next;
	size_t refs;
	dev_t device;
	ino_t inode;
	pid_t pid; /* a forked child must not use its parent's */
	char path[PATH_MAX];
	asof_store_hash_fn *hash; /* of long keys */
	MDB_env *mdb;
	MDB_dbi meta;              /* table -> its record */
	pthread_mutex_t open_lock; /* held while databases are opened or made */
	pthread_rwlock_t map_lock; /* read: a transaction is active; write: the map changes */
	pthread_mutex_t lock;      /* guards what is below it */
	struct asof_map tables;    /* name -> struct asof_lmdb_table with both databases open */
	MDB_txn *idle[ASOF_LMDB_IDLE_READS_MAX];
	size_t idle_count;
};

/* The environment of a directory, which is made with its parents; shared within the process. */
ASOF_NODISCARD enum asof_status asof_lmdb_env_open(struct asof_str path, asof_store_hash_fn *hash,
						   struct asof_lmdb_env **ret_env,
						   struct asof_error *err);
void asof_lmdb_env_close(struct asof_lmdb_env *env);

/* `rc` of LMDB as an error; yields its status. */
enum asof_status asof_lmdb_fail(struct asof_error *err, int rc, const struct asof_lmdb_env *env,
				const char *doing);

/* A change in one write transaction, done again from its start when the map was too small. */
struct asof_lmdb_change {
	int (*apply)(MDB_txn *txn, void *arg); /* 0 or what LMDB says */
	void *arg;
	const char *fault_before; /* of the commit; NULL: none */
	const char *fault_after;
};

ASOF_NODISCARD enum asof_status asof_lmdb_write(struct asof_lmdb_env *env,
						const struct asof_lmdb_change *change,
						struct asof_error *err);

/* A read transaction; keeps the map from changing until asof_lmdb_read_end(). A thread has one. */
struct asof_lmdb_read {
	struct asof_lmdb_env *env;
	MDB_txn *txn;
};

ASOF_NODISCARD enum asof_status asof_lmdb_read_begin(struct asof_lmdb_env *env,
						     struct asof_lmdb_read *read,
						     struct asof_error *err);
/* An all-zero `read` is a no-op. */
void asof_lmdb_read_end(struct asof_lmdb_read *read);

/*
 * The table with its databases open, or NULL where they were never made; with `makes` they are. It
 * lives as long as `env`.
 */
ASOF_NODISCARD enum asof_status asof_lmdb_table_open(struct asof_lmdb_env *env, const char *name,
						     bool makes, struct asof_lmdb_table **ret_table,
						     struct asof_error *err);

/* MDB_NOTFOUND without a record: then *ret_record is that of no table. `meta` is borrowed from the
 * transaction. */
int asof_lmdb_record_read(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			  struct asof_lmdb_record *ret_record);
/* Deletes the record of what is no table and no load. */
int asof_lmdb_record_write(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			   const struct asof_lmdb_record *record);
/* False for records in `meta` that are not a table's. */
bool asof_lmdb_is_table_key(MDB_val key);

/* Put packed rows under `rule`; *ret_written counts those that replaced. */
int asof_lmdb_put_rows(MDB_txn *txn, MDB_dbi dbi, struct asof_str packed, enum asof_lmdb_rule rule,
		       size_t *ret_written);
/* The same under the write rule, for rows whose keys mostly ascend. */
int asof_lmdb_append_rows(MDB_txn *txn, MDB_dbi dbi, struct asof_str packed);

/* Visit what `keys` read as in a table's database. */
ASOF_NODISCARD enum asof_status asof_lmdb_visit_keys(const struct asof_lmdb_read *read, MDB_dbi dbi,
						     const struct asof_str *keys, size_t key_count,
						     asof_store_visit_fn *visit, void *arg,
						     struct asof_error *err);

/* Fronts of a table's generations (lmdb_front.h), in store_lmdb_front.c. */
void asof_lmdb_fronts_init(struct asof_lmdb_fronts *fronts);
void asof_lmdb_fronts_done(struct asof_lmdb_fronts *fronts);
struct asof_front_name asof_lmdb_front_name(const struct asof_lmdb_env *env,
					    const struct asof_lmdb_table *table, uint64_t id);
/* Not 0, and no other front's. */
ASOF_NODISCARD enum asof_status asof_lmdb_front_new_id(uint64_t *ret_id, struct asof_error *err);

/*
 * Before the rows in `packed` are written to any generation of the table, in the same transaction:
 * fronts say of them "ask LMDB" from now on. One that cannot say so is no longer the table's.
 * `record` is the table's, as it is then.
 */
int asof_lmdb_front_touch(MDB_txn *txn, const struct asof_lmdb_env *env,
			  const struct asof_lmdb_table *table, struct asof_str packed,
			  struct asof_lmdb_record *record);

/* Visit `keys` without a transaction, where nothing was committed since one that had a front, and
 * all are in it; else *ret_is_answered is false. */
ASOF_NODISCARD enum asof_status asof_lmdb_front_get(struct asof_lmdb_env *env,
						    struct asof_lmdb_table *table,
						    const struct asof_str *keys, size_t key_count,
						    asof_store_visit_fn *visit, void *arg,
						    bool *ret_is_answered, struct asof_error *err);
/* asof_lmdb_visit_keys() of the current generation, by its front where it has one. */
ASOF_NODISCARD enum asof_status asof_lmdb_front_visit(const struct asof_lmdb_read *read,
						      struct asof_lmdb_table *table,
						      const struct asof_lmdb_record *record,
						      const struct asof_str *keys, size_t key_count,
						      asof_store_visit_fn *visit, void *arg,
						      struct asof_error *err);

/* How far the load of a table is, for the next to go on: in store_lmdb_resume.c. Without one
 * ret_progress->tag is empty. Its strings are borrowed from the transaction. */
struct asof_lmdb_progress {
	int64_t row_count;
	uint64_t size_bytes;
	struct asof_str tag;
	struct asof_str last_key;
};
int asof_lmdb_progress_read(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			    struct asof_lmdb_progress *ret_progress);
int asof_lmdb_progress_write(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			     const struct asof_lmdb_progress *progress);
int asof_lmdb_progress_delete(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table);
/* Write what a database holds to a front that has no rows. */
ASOF_NODISCARD enum asof_status asof_lmdb_front_refill(struct asof_lmdb_env *env, MDB_dbi dbi,
						       struct asof_front_writer *writer,
						       struct asof_error *err);

/* The load_*() callbacks of the store, in store_lmdb_load.c. `resume` may be NULL. */
ASOF_NODISCARD enum asof_status asof_lmdb_load_begin(struct asof_lmdb_env *env, const char *name,
						     bool has_front,
						     struct asof_store_resume *resume,
						     struct asof_store_load **ret_load,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_lmdb_load_put(struct asof_store_load *base,
						   const struct asof_store_row *rows,
						   size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_lmdb_load_update(struct asof_store_load *base,
						      const struct asof_store_row *rows,
						      size_t row_count, struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_lmdb_load_get_many(struct asof_store_load *base, const struct asof_str *keys, size_t key_count,
			asof_store_visit_fn *visit, void *arg, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_lmdb_load_commit(struct asof_store_load *base,
						      struct asof_str meta,
						      struct asof_store_position position,
						      const struct asof_store_mark *mark,
						      struct asof_error *err);
void asof_lmdb_load_abort(struct asof_store_load *base);
int64_t asof_lmdb_load_leave(struct asof_store_load *base);

/* LMDB takes what it only reads without const. */
static inline MDB_val
asof_lmdb_val(struct asof_str str)
{
	return (MDB_val){ str.len, (void *)(uintptr_t)str.ptr };
}

static inline struct asof_str
asof_lmdb_str(MDB_val value)
{
	return (struct asof_str){ value.mv_data, value.mv_size };
}

#endif
