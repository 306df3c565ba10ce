/* store_lmdb_front.c - look-ups by the hash files of generations, and what keeps those right. */
#include "store/store_lmdb_env.h"

#include <errno.h>
#include <sys/random.h>

#include "model/hash.h"

#define GROUP 32 /* keys whose memory is fetched together */

void
asof_lmdb_fronts_init(struct asof_lmdb_fronts *fronts)
{
	(void)pthread_rwlock_init(&fronts->lock, NULL);
}

void
asof_lmdb_fronts_done(struct asof_lmdb_fronts *fronts)
{
	asof_front_close(fronts->front);
	(void)pthread_rwlock_destroy(&fronts->lock);
}

struct asof_front_name
asof_lmdb_front_name(const struct asof_lmdb_env *env, const struct asof_lmdb_table *table,
		     uint64_t id)
{
	return (struct asof_front_name){ env->path, asof_hash64(asof_str_from(table->name)), id };
}

enum asof_status
asof_lmdb_front_new_id(uint64_t *ret_id, struct asof_error *err)
{
	uint64_t id = 0;
	while (id == 0) {
		if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
			return ASOF_FAIL(err, ASOF_IO, "random number: %s", strerror(errno));
	}
	*ret_id = id;
	return ASOF_OK;
}

/* False: the front cannot say that the rows have changed. */
static bool
mark(const struct asof_lmdb_env *env, const struct asof_lmdb_table *table, uint64_t id,
     struct asof_str packed)
{
	return asof_front_mark(asof_lmdb_front_name(env, table, id), packed, NULL) == ASOF_OK;
}

int
asof_lmdb_front_touch(MDB_txn *txn, const struct asof_lmdb_env *env,
		      const struct asof_lmdb_table *table, struct asof_str packed,
		      struct asof_lmdb_record *record)
{
	bool is_lost = false;
	uint64_t *const fronts[] = { &record->front, &record->loading_front };
	for (size_t i = 0; i < ASOF_COUNTOF(fronts); i++) {
		if (*fronts[i] == 0 || mark(env, table, *fronts[i], packed))
			continue;
		*fronts[i] = 0;
		is_lost = true;
	}
	if (!is_lost)
		return 0;
	int rc = asof_lmdb_record_write(txn, env, table->name, record);
	/* The record's meta may have moved. */
	return rc == 0 ? asof_lmdb_record_read(txn, env, table->name, record) : rc;
}

/* ---- Look-ups ---- */

static void
unlock(pthread_rwlock_t **lock)
{
	if (*lock)
		(void)pthread_rwlock_unlock(*lock);
}

static bool
is_open(struct asof_lmdb_fronts *fronts, uint64_t id)
{
	(void)pthread_rwlock_rdlock(&fronts->lock);
	ASOF_AUTO(unlock) pthread_rwlock_t *held = &fronts->lock;
	return (fronts->front && fronts->front->id == id) || fronts->unusable == id;
}

/* Make the front of that id the one that is open; not if it has been found to be unusable. */
static enum asof_status
open_front(const struct asof_lmdb_env *env, struct asof_lmdb_table *table, uint64_t id,
	   struct asof_error *err)
{
	struct asof_lmdb_fronts *fronts = &table->fronts;
	(void)pthread_rwlock_wrlock(&fronts->lock);
	ASOF_AUTO(unlock) pthread_rwlock_t *held = &fronts->lock;
	if ((fronts->front && fronts->front->id == id) || fronts->unusable == id)
		return ASOF_OK;
	asof_front_close(ASOF_STEAL(fronts->front));
	atomic_store(&fronts->seen_txn, 0);
	enum asof_status status =
		asof_front_open(asof_lmdb_front_name(env, table, id), &fronts->front, err);
	if (status == ASOF_NO_MEMORY)
		return status;
	fronts->unusable = status == ASOF_NOT_FOUND || status == ASOF_CORRUPT ? id : 0;
	return ASOF_OK;
}

/* Keys whose memory is fetched together: their slots, then their rows, then all is there. */
struct group {
	const struct asof_front *front;
	const struct asof_str *keys;
	size_t count;
	uint64_t hashes[GROUP];
};

static void
fetch(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		g->hashes[i] = asof_hash64(g->keys[i]);
		asof_front_prefetch_slot(g->front, g->hashes[i]);
	}
	if (g->count == 1)
		return;
	for (size_t i = 0; i < g->count; i++)
		asof_front_prefetch_row(g->front, g->hashes[i]);
}

/* False: it takes LMDB to say. A value without pointer: the key is missing. */
static bool
find(const struct group *g, size_t i, struct asof_str *ret_value)
{
	struct asof_str entry;
	bool is_found = false;
	*ret_value = (struct asof_str){ NULL, 0 };
	switch (asof_front_find(g->front, g->keys[i], g->hashes[i], &entry)) {
	case ASOF_FRONT_MISSING:
		return true;
	case ASOF_FRONT_FOUND:
		if (!asof_lmdb_bucket_find(entry, g->keys[i], &is_found, ret_value))
			return false;
		if (!is_found)
			ret_value->ptr = NULL;
		return true;
	case ASOF_FRONT_DAMAGED:
		break;
	}
	return false;
}

struct visiting {
	const struct asof_lmdb_read *read;
	MDB_dbi dbi;
	asof_store_visit_fn *visit;
	void *arg;
};

/* What LMDB says of one key, under the index that the caller gave it. */
struct one {
	const struct visiting *v;
	size_t index;
};

static enum asof_status
visit_one(void *arg, size_t ignored, struct asof_str value, struct asof_error *err)
{
	const struct one *one = arg;
	(void)ignored;
	return one->v->visit(one->v->arg, one->index, value, err);
}

/*
 * Marks are looked at while the read transaction is open: whoever changed a row in what it sees had
 * marked it before it began.
 */
static enum asof_status
visit_group(const struct visiting *v, struct group *g, size_t first, struct asof_error *err)
{
	fetch(g);
	for (size_t i = 0; i < g->count; i++) {
		struct one one = { v, first + i };
		struct asof_str value;
		if (asof_front_is_marked(g->front, g->keys[i], g->hashes[i]) || !find(g, i, &value))
			ASOF_TRY(asof_lmdb_visit_keys(v->read, v->dbi, &g->keys[i], 1, visit_one,
						      &one, err));
		else if (value.ptr)
			ASOF_TRY(v->visit(v->arg, first + i, value, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_lmdb_front_visit(const struct asof_lmdb_read *read, struct asof_lmdb_table *table,
		      const struct asof_lmdb_record *record, const struct asof_str *keys,
		      size_t key_count, asof_store_visit_fn *visit, void *arg,
		      struct asof_error *err)
{
	struct visiting v = { read, table->slots[record->current], visit, arg };
	struct asof_lmdb_fronts *fronts = &table->fronts;
	if (record->front && !is_open(fronts, record->front))
		ASOF_TRY(open_front(read->env, table, record->front, err));
	(void)pthread_rwlock_rdlock(&fronts->lock);
	ASOF_AUTO(unlock) pthread_rwlock_t *held = &fronts->lock;
	if (!fronts->front || fronts->front->id != record->front)
		return asof_lmdb_visit_keys(read, v.dbi, keys, key_count, visit, arg, err);

	atomic_store(&fronts->seen_txn, mdb_txn_id(read->txn));
	for (size_t i = 0; i < key_count; i += GROUP) {
		struct group g = { .front = fronts->front, .keys = keys + i };
		g.count = key_count - i < GROUP ? key_count - i : GROUP;
		ASOF_TRY(visit_group(&v, &g, i, err));
	}
	return ASOF_OK;
}

/* The last transaction that was committed, by any process. */
static uint64_t
last_txn(struct asof_lmdb_env *env)
{
	MDB_envinfo info = { 0 };
	(void)pthread_rwlock_rdlock(&env->map_lock);
	(void)mdb_env_info(env->mdb, &info);
	(void)pthread_rwlock_unlock(&env->map_lock);
	return info.me_last_txnid;
}

/*
 * No transaction has been committed since one that had this front, at some instant of this call;
 * and rows that are not marked after it had not changed at it.
 */
enum asof_status
asof_lmdb_front_get(struct asof_lmdb_env *env, struct asof_lmdb_table *table,
		    const struct asof_str *keys, size_t key_count, asof_store_visit_fn *visit,
		    void *arg, bool *ret_is_answered, struct asof_error *err)
{
	struct asof_lmdb_fronts *fronts = &table->fronts;
	struct asof_str values[GROUP];
	*ret_is_answered = false;
	if (key_count > GROUP || atomic_load(&fronts->seen_txn) == 0)
		return ASOF_OK;
	uint64_t last = last_txn(env);
	(void)pthread_rwlock_rdlock(&fronts->lock);
	ASOF_AUTO(unlock) pthread_rwlock_t *held = &fronts->lock;
	if (!fronts->front || atomic_load(&fronts->seen_txn) != last)
		return ASOF_OK;

	struct group g = { .front = fronts->front, .keys = keys, .count = key_count };
	fetch(&g);
	for (size_t i = 0; i < key_count; i++) {
		if (asof_front_is_marked(g.front, keys[i], g.hashes[i]) || !find(&g, i, &values[i]))
			return ASOF_OK;
	}
	*ret_is_answered = true;
	for (size_t i = 0; i < key_count; i++) {
		if (values[i].ptr)
			ASOF_TRY(visit(arg, i, values[i], err));
	}
	return ASOF_OK;
}
