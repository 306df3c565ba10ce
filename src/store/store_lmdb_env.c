/* store_lmdb_env.c - an LMDB environment: its map, transactions and databases. */
#define _GNU_SOURCE /* fallocate */
#include "store/store_lmdb_env.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fault.h"

#define TABLES_MAX      2000
#define READERS_MAX     1000
#define LOCK_BYTES      65536 /* LMDB's lock file with so many readers, and a little more */
#define FIRST_MAP_BYTES ((size_t)64 << 20)
#define MAP_BYTES_MAX   ((size_t)1 << 46)
#define META_DATABASE   "tables"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER; /* guards `environments` and refs */
static struct asof_lmdb_env *environments;

/* No table's name begins with NUL: the number of the format, and how far loads are. */
static const char format_key[1] = { 0 };

static enum asof_status
lmdb_status(int rc)
{
	switch (rc) {
	case 0:
		return ASOF_OK;
	case ENOMEM:
		return ASOF_NO_MEMORY;
	case MDB_MAP_FULL:
	case MDB_DBS_FULL:
	case MDB_TXN_FULL:
		return ASOF_LIMIT;
	case MDB_READERS_FULL:
	case EAGAIN:
	case EBUSY:
		return ASOF_UNAVAILABLE;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_PANIC:
	case MDB_INCOMPATIBLE:
		return ASOF_CORRUPT;
	case MDB_VERSION_MISMATCH:
		return ASOF_UNSUPPORTED;
	default:
		return ASOF_IO;
	}
}

enum asof_status
asof_lmdb_fail(struct asof_error *err, int rc, const struct asof_lmdb_env *env, const char *doing)
{
	return ASOF_FAIL(err, lmdb_status(rc), "%s in '%s': %s", doing, env->path,
			 mdb_strerror(rc));
}

static void
txn_abort(MDB_txn **txn)
{
	if (*txn)
		mdb_txn_abort(*txn);
}

static void
unlock_map(pthread_rwlock_t **lock)
{
	if (*lock)
		(void)pthread_rwlock_unlock(*lock);
}

static size_t
map_bytes(struct asof_lmdb_env *env)
{
	MDB_envinfo info = { 0 };
	(void)mdb_env_info(env->mdb, &info);
	return info.me_mapsize;
}

/*
 * Make the map larger than `seen` bytes, unless another thread did so meanwhile; with `seen` 0 take
 * the size that another process gave it. Waits until no transaction is active, as LMDB wants it.
 */
static enum asof_status
grow_map(struct asof_lmdb_env *env, size_t seen, struct asof_error *err)
{
	(void)pthread_rwlock_wrlock(&env->map_lock);
	ASOF_AUTO(unlock_map) pthread_rwlock_t *held = &env->map_lock;
	size_t now = map_bytes(env);
	if (seen > 0 && now > seen)
		return ASOF_OK;
	if (now >= MAP_BYTES_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "'%s' would grow past %zu bytes", env->path,
				 MAP_BYTES_MAX);

	size_t wanted = now < FIRST_MAP_BYTES / 2 ? FIRST_MAP_BYTES : now * 2;
	int rc = mdb_env_set_mapsize(env->mdb, seen > 0 ? wanted : 0);
	return rc == 0 ? ASOF_OK : asof_lmdb_fail(err, rc, env, "grow the map");
}

/* *ret_rc is what LMDB said; *ret_seen the size of the map that it said it of. */
static enum asof_status
write_once(struct asof_lmdb_env *env, const struct asof_lmdb_change *change, int *ret_rc,
	   size_t *ret_seen, struct asof_error *err)
{
	(void)pthread_rwlock_rdlock(&env->map_lock);
	ASOF_AUTO(unlock_map) pthread_rwlock_t *held = &env->map_lock;
	*ret_seen = map_bytes(env);
	ASOF_AUTO(txn_abort) MDB_txn *txn = NULL;
	*ret_rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (*ret_rc == 0)
		*ret_rc = change->apply(txn, change->arg);
	if (*ret_rc != 0)
		return ASOF_OK;

	if (change->fault_before)
		ASOF_TRY(asof_fault_point(change->fault_before, err));
	*ret_rc = mdb_txn_commit(ASOF_STEAL(txn));
	if (*ret_rc == 0 && change->fault_after)
		return asof_fault_point(change->fault_after, err);
	return ASOF_OK;
}

enum asof_status
asof_lmdb_write(struct asof_lmdb_env *env, const struct asof_lmdb_change *change,
		struct asof_error *err)
{
	for (;;) {
		int rc = 0;
		size_t seen = 0;
		ASOF_TRY(write_once(env, change, &rc, &seen, err));
		if (rc == MDB_MAP_FULL)
			ASOF_TRY(grow_map(env, seen, err));
		else if (rc == MDB_MAP_RESIZED)
			ASOF_TRY(grow_map(env, 0, err));
		else
			return rc == 0 ? ASOF_OK : asof_lmdb_fail(err, rc, env, "write");
	}
}

static MDB_txn *
take_idle(struct asof_lmdb_env *env)
{
	ASOF_HOLD(held, &env->lock);
	return env->idle_count > 0 ? env->idle[--env->idle_count] : NULL;
}

/* False: enough of them are kept. */
static bool
keep_idle(struct asof_lmdb_env *env, MDB_txn *txn)
{
	ASOF_HOLD(held, &env->lock);
	if (env->idle_count == ASOF_LMDB_IDLE_READS_MAX)
		return false;
	env->idle[env->idle_count++] = txn;
	return true;
}

void
asof_lmdb_read_end(struct asof_lmdb_read *read)
{
	if (!read->env)
		return;
	if (read->txn) {
		mdb_txn_reset(read->txn);
		if (!keep_idle(read->env, read->txn))
			mdb_txn_abort(read->txn);
	}
	(void)pthread_rwlock_unlock(&read->env->map_lock);
}

/* Begin a read transaction, or wake an idle one. */
static int
wake(struct asof_lmdb_env *env, MDB_txn **ret_txn)
{
	MDB_txn *txn = take_idle(env);
	if (!txn)
		return mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, ret_txn);
	int rc = mdb_txn_renew(txn);
	if (rc == 0)
		*ret_txn = txn;
	else
		mdb_txn_abort(txn);
	return rc;
}

/* Holds map_lock until asof_lmdb_read_end(). */
enum asof_status
asof_lmdb_read_begin(struct asof_lmdb_env *env, struct asof_lmdb_read *read, struct asof_error *err)
{
	bool has_checked = false;
	for (;;) {
		(void)pthread_rwlock_rdlock(&env->map_lock);
		int rc = wake(env, &read->txn);
		if (rc == 0) {
			read->env = env;
			return ASOF_OK;
		}
		(void)pthread_rwlock_unlock(&env->map_lock);
		if (rc == MDB_MAP_RESIZED) {
			ASOF_TRY(grow_map(env, 0, err));
		} else if (rc == MDB_READERS_FULL && !has_checked) {
			/* Killed processes leave their places behind. */
			(void)mdb_reader_check(env->mdb, NULL);
			has_checked = true;
		} else {
			return asof_lmdb_fail(err, rc, env, "read");
		}
	}
}

/* MDB_NOTFOUND without a record: then *ret_record is that of no table. */
int
asof_lmdb_record_read(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
		      struct asof_lmdb_record *ret_record)
{
	*ret_record = (struct asof_lmdb_record){ .current = -1, .loading = -1 };
	MDB_val key = asof_lmdb_val(asof_str_from(table));
	MDB_val value;
	int rc = mdb_get(txn, env->meta, &key, &value);
	if (rc != 0)
		return rc;
	return asof_lmdb_record_decode(asof_lmdb_str(value), ret_record) ? 0 : MDB_CORRUPTED;
}

/* Deletes the record of what is no table and no load. */
int
asof_lmdb_record_write(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
		       const struct asof_lmdb_record *record)
{
	MDB_val key = asof_lmdb_val(asof_str_from(table));
	if (record->current < 0 && record->loading < 0) {
		int rc = mdb_del(txn, env->meta, &key, NULL);
		return rc == MDB_NOTFOUND ? 0 : rc;
	}
	ASOF_AUTO(asof_buf_done) struct asof_buf bytes = ASOF_BUF(ASOF_STORE_VALUE_MAX + 64);
	asof_lmdb_record_encode(record, &bytes);
	if (bytes.status != ASOF_OK)
		return ENOMEM;
	MDB_val value = asof_lmdb_val(asof_buf_view(&bytes));
	return mdb_put(txn, env->meta, &key, &value, 0);
}

bool
asof_lmdb_is_table_key(MDB_val key)
{
	return key.mv_size > 0 && *(const char *)key.mv_data != '\0';
}

static struct asof_lmdb_table *
find_open(struct asof_lmdb_env *env, const char *name)
{
	ASOF_HOLD(held, &env->lock);
	void *table = NULL;
	(void)asof_map_find(&env->tables, asof_str_from(name), &table);
	return table;
}

static int
open_slots(MDB_txn *txn, struct asof_lmdb_table *table, unsigned flags)
{
	for (int slot = 0; slot < 2; slot++) {
		char name[ASOF_STORE_TABLE_MAX + 3];
		int len = snprintf(name, sizeof(name), "%d:%s", slot, table->name);
		assert(len > 0 && (size_t)len < sizeof(name));
		int rc = mdb_dbi_open(txn, name, flags, &table->slots[slot]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
make_slots(MDB_txn *txn, void *arg)
{
	return open_slots(txn, arg, MDB_CREATE);
}

/* MDB_NOTFOUND in *ret_rc where the databases were never made. A commit makes the handles
 * everybody's, also that of a transaction that only read. */
static enum asof_status
open_made_slots(struct asof_lmdb_env *env, struct asof_lmdb_table *table, int *ret_rc,
		struct asof_error *err)
{
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	*ret_rc = open_slots(read.txn, table, 0);
	if (*ret_rc == 0)
		*ret_rc = mdb_txn_commit(ASOF_STEAL(read.txn));
	return ASOF_OK;
}

static void
table_free(struct asof_lmdb_table *table)
{
	if (!table)
		return;
	asof_lmdb_fronts_done(&table->fronts);
	asof_mem_free(table);
}
ASOF_DEFINE_AUTOFREE(struct asof_lmdb_table, table_free)

/*
 * The table with its databases open, or NULL where they were never made; with `makes` they are.
 * LMDB wants one transaction at a time to open databases: open_lock.
 */
enum asof_status
asof_lmdb_table_open(struct asof_lmdb_env *env, const char *name, bool makes,
		     struct asof_lmdb_table **ret_table, struct asof_error *err)
{
	*ret_table = find_open(env, name);
	if (*ret_table)
		return ASOF_OK;
	ASOF_HOLD(opening, &env->open_lock);
	*ret_table = find_open(env, name);
	if (*ret_table)
		return ASOF_OK;

	ASOF_AUTO(table_free_auto) struct asof_lmdb_table *table = asof_mem_alloc(sizeof(*table));
	if (!table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table '%s'", name);
	asof_lmdb_fronts_init(&table->fronts);
	memcpy(table->name, name, strlen(name));
	int rc = 0;
	ASOF_TRY(open_made_slots(env, table, &rc, err));
	if (rc == MDB_NOTFOUND && !makes)
		return ASOF_OK;
	struct asof_lmdb_change change = { .apply = make_slots, .arg = table };
	if (rc == MDB_NOTFOUND)
		ASOF_TRY(asof_lmdb_write(env, &change, err));
	else if (rc != 0)
		return asof_lmdb_fail(err, rc, env, "open a table");

	ASOF_HOLD(held, &env->lock);
	ASOF_TRY(asof_map_put(&env->tables, asof_str_from(name), table, err));
	*ret_table = ASOF_STEAL(table);
	return ASOF_OK;
}

static int
write_format(MDB_txn *txn, void *arg)
{
	struct asof_lmdb_env *env = arg;
	int rc = mdb_dbi_open(txn, META_DATABASE, MDB_CREATE, &env->meta);
	const uint32_t format = ASOF_LMDB_FORMAT;
	MDB_val key = { sizeof(format_key), (void *)(uintptr_t)format_key };
	MDB_val value = { sizeof(format), (void *)(uintptr_t)&format };
	return rc == 0 ? mdb_put(txn, env->meta, &key, &value, 0) : rc;
}

/* MDB_NOTFOUND in an environment that is new. */
static int
read_format(MDB_txn *txn, struct asof_lmdb_env *env, uint32_t *ret_format)
{
	int rc = mdb_dbi_open(txn, META_DATABASE, 0, &env->meta);
	MDB_val key = { sizeof(format_key), (void *)(uintptr_t)format_key };
	MDB_val value;
	if (rc == 0)
		rc = mdb_get(txn, env->meta, &key, &value);
	if (rc != 0)
		return rc;
	if (value.mv_size != sizeof(*ret_format))
		return MDB_CORRUPTED;
	memcpy(ret_format, value.mv_data, sizeof(*ret_format));
	return 0;
}

static enum asof_status
open_meta(struct asof_lmdb_env *env, struct asof_error *err)
{
	int rc = 0;
	uint32_t format = ASOF_LMDB_FORMAT;
	{
		ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
		ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
		rc = read_format(read.txn, env, &format);
		if (rc == 0)
			rc = mdb_txn_commit(ASOF_STEAL(read.txn));
	}
	struct asof_lmdb_change change = { .apply = write_format, .arg = env };
	if (rc == MDB_NOTFOUND)
		return asof_lmdb_write(env, &change, err);
	if (rc != 0)
		return asof_lmdb_fail(err, rc, env, "open");
	if (format != ASOF_LMDB_FORMAT)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "'%s' is of format %u, this program reads %d", env->path, format,
				 ASOF_LMDB_FORMAT);
	return ASOF_OK;
}

static void
env_free(struct asof_lmdb_env *env)
{
	if (!env)
		return;
	while (env->idle_count > 0)
		mdb_txn_abort(env->idle[--env->idle_count]);
	if (env->mdb)
		mdb_env_close(env->mdb);
	size_t position = 0;
	void *table;
	while (asof_map_next(&env->tables, &position, NULL, &table))
		table_free(table);
	asof_map_done(&env->tables);
	(void)pthread_mutex_destroy(&env->open_lock);
	(void)pthread_rwlock_destroy(&env->map_lock);
	(void)pthread_mutex_destroy(&env->lock);
	asof_mem_free(env);
}
ASOF_DEFINE_AUTOFREE(struct asof_lmdb_env, env_free)

/* A waiting resize goes before new readers, or a busy server would never let it in. */
static void
init_locks(struct asof_lmdb_env *env)
{
	(void)pthread_mutex_init(&env->open_lock, NULL);
	(void)pthread_mutex_init(&env->lock, NULL);
	pthread_rwlockattr_t attributes;
	(void)pthread_rwlockattr_init(&attributes);
	(void)pthread_rwlockattr_setkind_np(&attributes,
					    PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&env->map_lock, &attributes);
	(void)pthread_rwlockattr_destroy(&attributes);
}

/*
 * LMDB writes its lock file through a map of a file with holes: on a full disk that is a SIGBUS.
 * What else may be wrong with the file is left to LMDB to say.
 */
static enum asof_status
reserve_lock_file(const struct asof_lmdb_env *env, struct asof_error *err)
{
	char path[PATH_MAX + 16];
	int len = snprintf(path, sizeof(path), "%s/lock.mdb", env->path);
	assert(len > 0 && (size_t)len < sizeof(path));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return ASOF_OK;
	struct stat info;
	int cause = 0;
	/* One that has a size has readers, who mapped it as it is: it must not grow. */
	if (fstat(fd, &info) == 0 &&
	    fallocate(fd, 0, 0, info.st_size > 0 ? info.st_size : LOCK_BYTES) != 0)
		cause = errno;
	(void)close(fd);
	if (cause == ENOSPC || cause == EDQUOT)
		return ASOF_FAIL(err, ASOF_IO, "reserve '%s': %s", path, strerror(cause));
	return ASOF_OK;
}

/* MDB_NOTLS: a read transaction belongs to who holds it, not to a thread. */
static enum asof_status
env_start(struct asof_lmdb_env *env, struct asof_error *err)
{
	ASOF_TRY(reserve_lock_file(env, err));
	int rc = mdb_env_create(&env->mdb);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env->mdb, 2 * TABLES_MAX + 1);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env->mdb, READERS_MAX);
	if (rc == 0)
		rc = mdb_env_open(env->mdb, env->path, MDB_NOTLS, 0666);
	if (rc != 0)
		return asof_lmdb_fail(err, rc, env, "open");
	(void)mdb_reader_check(env->mdb, NULL);
	return open_meta(env, err);
}

/* Caller holds list_lock. */
static struct asof_lmdb_env *
find_env(const struct stat *info)
{
	for (struct asof_lmdb_env *env = environments; env; env = env->next) {
		if (env->device == info->st_dev && env->inode == info->st_ino &&
		    env->pid == getpid())
			return env;
	}
	return NULL;
}

static enum asof_status
locate(struct asof_lmdb_env *env, struct asof_str path, struct stat *ret_info,
       struct asof_error *err)
{
	if (path.len == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "no directory: lmdb:DIR");
	if (path.len >= sizeof(env->path))
		return ASOF_FAIL(err, ASOF_LIMIT, "path of %zu bytes", path.len);
	char given[PATH_MAX] = { 0 };
	memcpy(given, path.ptr, path.len);
	ASOF_TRY(asof_dir_make(given, err));
	if (!realpath(given, env->path) || stat(env->path, ret_info) != 0)
		return ASOF_FAIL(err, ASOF_IO, "find '%s': %s", given, strerror(errno));
	env->device = ret_info->st_dev;
	env->inode = ret_info->st_ino;
	return ASOF_OK;
}

enum asof_status
asof_lmdb_env_open(struct asof_str path, asof_store_hash_fn *hash, struct asof_lmdb_env **ret_env,
		   struct asof_error *err)
{
	ASOF_HOLD(held, &list_lock);
	ASOF_AUTO(env_free_auto) struct asof_lmdb_env *env = asof_mem_alloc(sizeof(*env));
	if (!env)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lmdb store");
	init_locks(env);
	struct stat info;
	ASOF_TRY(locate(env, path, &info, err));
	struct asof_lmdb_env *open = find_env(&info);
	if (open) {
		assert(open->hash == hash);
		open->refs++;
		*ret_env = open;
		return ASOF_OK;
	}

	env->hash = hash;
	env->pid = getpid();
	ASOF_TRY(env_start(env, err));
	env->refs = 1;
	env->next = environments;
	environments = env;
	*ret_env = ASOF_STEAL(env);
	return ASOF_OK;
}

void
asof_lmdb_env_close(struct asof_lmdb_env *env)
{
	ASOF_HOLD(held, &list_lock);
	if (--env->refs > 0)
		return;
	struct asof_lmdb_env **link = &environments;
	while (*link != env)
		link = &(*link)->next;
	*link = env->next;
	env_free(env);
}
