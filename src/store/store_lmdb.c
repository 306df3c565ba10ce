/* store_lmdb.c - store in an LMDB environment. */
#include "store/store_lmdb_env.h"

#include <errno.h>

#include "model/hash.h"

#define APPEND_MISSES_MAX 64
#define FRONT_OFF         "?front=off"
#define BYTES_MAX         ((size_t)1 << 32) /* of one put, and of rows whose stored key is one */

struct lmdb_store {
	struct asof_store base; /* must be first */
	struct asof_lmdb_env *env;
	bool has_front; /* loads make hash files, and reads use them */
};

static bool
has_front(const struct asof_store *store)
{
	return ((const struct lmdb_store *)store)->has_front;
}

static struct asof_lmdb_env *
env_of(struct asof_store *store)
{
	return ((struct lmdb_store *)store)->env;
}

static void
cursor_close(MDB_cursor **cursor)
{
	if (*cursor)
		mdb_cursor_close(*cursor);
}

/* Where rows go, and how. */
struct putting {
	MDB_txn *txn;
	MDB_dbi dbi;
	enum asof_lmdb_rule rule;
	struct asof_buf scratch;
	size_t written; /* how many replaced */
};

static void
putting_done(struct putting *p)
{
	asof_buf_done(&p->scratch);
}

static int
put_entry(struct putting *p, struct asof_str stored_key, struct asof_str entry)
{
	MDB_val key = asof_lmdb_val(stored_key);
	MDB_val old;
	struct asof_str bucket = entry;
	int rc = mdb_get(p->txn, p->dbi, &key, &old);
	if (rc == 0) {
		switch (asof_lmdb_bucket_merge(asof_lmdb_str(old), entry, p->rule, &p->scratch,
					       &bucket)) {
		case ASOF_LMDB_KEEPS:
			return 0;
		case ASOF_LMDB_REPLACES:
			break;
		case ASOF_LMDB_CORRUPT:
			return MDB_CORRUPTED;
		case ASOF_LMDB_NO_MEMORY:
			return ENOMEM;
		}
	} else if (rc != MDB_NOTFOUND) {
		return rc;
	}
	p->written++;
	MDB_val value = asof_lmdb_val(bucket);
	return mdb_put(p->txn, p->dbi, &key, &value, 0);
}

int
asof_lmdb_put_rows(MDB_txn *txn, MDB_dbi dbi, struct asof_str packed, enum asof_lmdb_rule rule,
		   size_t *ret_written)
{
	ASOF_AUTO(putting_done)
	struct putting p = { .txn = txn, .dbi = dbi, .rule = rule, .scratch = ASOF_BUF(BYTES_MAX) };
	struct asof_str key;
	struct asof_str entry;
	while (asof_lmdb_unpack(&packed, &key, &entry)) {
		int rc = put_entry(&p, key, entry);
		if (rc != 0)
			return rc;
	}
	*ret_written = p.written;
	return 0;
}

/* The same, for rows whose keys mostly ascend: those go behind the last one without a look-up. */
int
asof_lmdb_append_rows(MDB_txn *txn, MDB_dbi dbi, struct asof_str packed)
{
	ASOF_AUTO(putting_done)
	struct putting p = { .txn = txn, .dbi = dbi, .scratch = ASOF_BUF(BYTES_MAX) };
	ASOF_AUTO(cursor_close) MDB_cursor *cursor = NULL;
	int rc = mdb_cursor_open(txn, dbi, &cursor);
	struct asof_str stored_key;
	struct asof_str entry;
	size_t misses = 0;
	while (rc == 0 && asof_lmdb_unpack(&packed, &stored_key, &entry)) {
		MDB_val key = asof_lmdb_val(stored_key);
		MDB_val value = asof_lmdb_val(entry);
		rc = misses < APPEND_MISSES_MAX ? mdb_cursor_put(cursor, &key, &value, MDB_APPEND)
						: MDB_KEYEXIST;
		if (rc == MDB_KEYEXIST) {
			misses++;
			rc = put_entry(&p, stored_key, entry);
		}
	}
	return rc;
}

struct put {
	struct asof_lmdb_env *env;
	struct asof_lmdb_table *table;
	struct asof_str packed;
	size_t written;
};

static int
apply_put(MDB_txn *txn, void *arg)
{
	struct put *put = arg;
	const struct asof_lmdb_table *table = put->table;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, put->env, table->name, &record);
	if (rc == 0)
		rc = asof_lmdb_front_touch(txn, put->env, table, put->packed, &record);
	if (rc == MDB_NOTFOUND || (rc == 0 && record.current < 0)) {
		record.current = record.loading == 0 ? 1 : 0;
		record.mark.generation = mdb_txn_id(txn);
		rc = mdb_drop(txn, table->slots[record.current], 0);
		if (rc == 0)
			rc = asof_lmdb_record_write(txn, put->env, table->name, &record);
	}
	if (rc == 0)
		rc = asof_lmdb_put_rows(txn, table->slots[record.current], put->packed,
					ASOF_LMDB_NEWER_WINS, &put->written);
	size_t ignored;
	if (rc == 0 && record.loading >= 0)
		rc = asof_lmdb_put_rows(txn, table->slots[record.loading], put->packed,
					ASOF_LMDB_NEWER_WINS, &ignored);
	return rc;
}

static enum asof_status
lmdb_put(struct asof_store *store, const struct asof_store_table *table,
	 const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	 struct asof_error *err)
{
	struct put put = { .env = env_of(store) };
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(BYTES_MAX);
	for (size_t i = 0; i < row_count; i++)
		asof_lmdb_pack(&packed, &rows[i], put.env->hash);
	ASOF_TRY(asof_buf_status(&packed, err));
	put.packed = asof_buf_view(&packed);
	ASOF_TRY(asof_lmdb_table_open(put.env, table->name, true, &put.table, err));

	struct asof_lmdb_change change = { apply_put, &put, "store.put.before_commit",
					   "store.put.after_commit" };
	ASOF_TRY(asof_lmdb_write(put.env, &change, err));
	*ret_written = put.written;
	return ASOF_OK;
}

struct update {
	struct asof_lmdb_env *env;
	struct asof_lmdb_table *table;
	const struct asof_store_mark *mark;
	struct asof_store_position position;
	struct asof_str packed;
	bool is_stale; /* the table is not at `mark` */
};

static int
apply_update(MDB_txn *txn, void *arg)
{
	struct update *update = arg;
	const struct asof_lmdb_table *table = update->table;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, update->env, table->name, &record);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	update->is_stale = !asof_store_mark_equal(&record.mark, update->mark);
	if (update->is_stale)
		return 0;
	rc = asof_lmdb_front_touch(txn, update->env, table, update->packed, &record);
	if (rc != 0)
		return rc;
	record.mark.position = update->position;
	size_t ignored;
	rc = asof_lmdb_record_write(txn, update->env, table->name, &record);
	if (rc == 0)
		rc = asof_lmdb_put_rows(txn, table->slots[record.current], update->packed,
					ASOF_LMDB_LAST_WINS, &ignored);
	return rc;
}

static enum asof_status
lmdb_update(struct asof_store *store, const struct asof_store_table *table,
	    const struct asof_store_mark *mark, struct asof_store_position position,
	    const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	struct update update = { .env = env_of(store), .mark = mark, .position = position };
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(BYTES_MAX);
	for (size_t i = 0; i < row_count; i++)
		asof_lmdb_pack(&packed, &rows[i], update.env->hash);
	ASOF_TRY(asof_buf_status(&packed, err));
	update.packed = asof_buf_view(&packed);
	ASOF_TRY(asof_lmdb_table_open(update.env, table->name, false, &update.table, err));
	update.is_stale = !update.table;

	struct asof_lmdb_change change = { apply_update, &update, "store.update.before_commit",
					   "store.update.after_commit" };
	if (update.table)
		ASOF_TRY(asof_lmdb_write(update.env, &change, err));
	if (update.is_stale)
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", table->name);
	return ASOF_OK;
}

static enum asof_status
lmdb_mark(struct asof_store *store, const char *name, struct asof_store_mark *ret_mark,
	  struct asof_error *err)
{
	struct asof_lmdb_env *env = env_of(store);
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(read.txn, env, name, &record);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return asof_lmdb_fail(err, rc, env, "read a table");
	*ret_mark = record.mark;
	return ASOF_OK;
}

struct get {
	MDB_txn *txn;
	MDB_dbi dbi;
	const struct asof_lmdb_env *env;
	asof_store_visit_fn *visit;
	void *arg;
};

static enum asof_status
visit_key(const struct get *get, size_t index, struct asof_str key, struct asof_error *err)
{
	char room[ASOF_LMDB_KEY_MAX];
	MDB_val stored_key = asof_lmdb_val(asof_lmdb_stored_key(key, get->env->hash, room));
	MDB_val bucket;
	int rc = mdb_get(get->txn, get->dbi, &stored_key, &bucket);
	if (rc == MDB_NOTFOUND)
		return ASOF_OK;
	bool is_found = false;
	struct asof_str value;
	if (rc == 0 && !asof_lmdb_bucket_find(asof_lmdb_str(bucket), key, &is_found, &value))
		rc = MDB_CORRUPTED;
	if (rc != 0)
		return asof_lmdb_fail(err, rc, get->env, "read a row");
	return is_found ? get->visit(get->arg, index, value, err) : ASOF_OK;
}

enum asof_status
asof_lmdb_visit_keys(const struct asof_lmdb_read *read, MDB_dbi dbi, const struct asof_str *keys,
		     size_t key_count, asof_store_visit_fn *visit, void *arg,
		     struct asof_error *err)
{
	struct get get = { read->txn, dbi, read->env, visit, arg };
	for (size_t i = 0; i < key_count; i++)
		ASOF_TRY(visit_key(&get, i, keys[i], err));
	return ASOF_OK;
}

static enum asof_status
lmdb_get_many(struct asof_store *store, const char *name, const struct asof_str *keys,
	      size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	struct asof_lmdb_env *env = env_of(store);
	struct asof_lmdb_table *table = NULL;
	ASOF_TRY(asof_lmdb_table_open(env, name, false, &table, err));
	if (!table)
		return ASOF_OK;
	bool is_answered = false;
	if (has_front(store))
		ASOF_TRY(asof_lmdb_front_get(env, table, keys, key_count, visit, arg, &is_answered,
					     err));
	if (is_answered)
		return ASOF_OK;

	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(read.txn, env, name, &record);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return asof_lmdb_fail(err, rc, env, "read a table");
	if (record.current < 0)
		return ASOF_OK;
	if (!has_front(store))
		record.front = 0;
	return asof_lmdb_front_visit(&read, table, &record, keys, key_count, visit, arg, err);
}

static enum asof_status
lmdb_meta(struct asof_store *store, const char *name, struct asof_buf *buf, struct asof_error *err)
{
	struct asof_lmdb_env *env = env_of(store);
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(read.txn, env, name, &record);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return asof_lmdb_fail(err, rc, env, "read a table");
	if (record.current < 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no table '%s'", name);
	asof_buf_add_str(buf, record.meta);
	return asof_buf_status(buf, err);
}

static enum asof_status
visit_table(MDB_val key, MDB_val value, asof_store_table_fn *visit, void *arg,
	    struct asof_error *err)
{
	char name[ASOF_STORE_TABLE_MAX + 1] = { 0 };
	struct asof_lmdb_record record;
	if (key.mv_size >= sizeof(name) || !asof_lmdb_record_decode(asof_lmdb_str(value), &record))
		return ASOF_FAIL(err, ASOF_CORRUPT, "a table's record does not decode");
	memcpy(name, key.mv_data, key.mv_size);
	return record.current < 0 ? ASOF_OK : visit(arg, name, record.meta, err);
}

static enum asof_status
lmdb_tables(struct asof_store *store, asof_store_table_fn *visit, void *arg, struct asof_error *err)
{
	struct asof_lmdb_env *env = env_of(store);
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	ASOF_AUTO(cursor_close) MDB_cursor *cursor = NULL;
	int rc = mdb_cursor_open(read.txn, env->meta, &cursor);
	if (rc != 0)
		return asof_lmdb_fail(err, rc, env, "list tables");

	MDB_val key;
	MDB_val value;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (asof_lmdb_is_table_key(key))
			ASOF_TRY(visit_table(key, value, visit, arg, err));
	}
	return rc == MDB_NOTFOUND ? ASOF_OK : asof_lmdb_fail(err, rc, env, "list tables");
}

struct drop {
	const struct asof_lmdb_env *env;
	struct asof_lmdb_table *table;
	uint64_t front; /* that went with it; 0: none */
};

static int
apply_drop(MDB_txn *txn, void *arg)
{
	struct drop *drop = arg;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, drop->env, drop->table->name, &record);
	if (rc == MDB_NOTFOUND || (rc == 0 && record.current < 0))
		return 0;
	if (rc == 0)
		rc = mdb_drop(txn, drop->table->slots[record.current], 0);
	drop->front = record.front;
	record = (struct asof_lmdb_record){ .current = -1,
					    .loading = record.loading,
					    .loading_front = record.loading_front };
	return rc == 0 ? asof_lmdb_record_write(txn, drop->env, drop->table->name, &record) : rc;
}

static enum asof_status
lmdb_drop(struct asof_store *store, const char *name, struct asof_error *err)
{
	struct drop drop = { .env = env_of(store) };
	ASOF_TRY(asof_lmdb_table_open(env_of(store), name, false, &drop.table, err));
	if (!drop.table)
		return ASOF_OK;
	struct asof_lmdb_change change = { .apply = apply_drop, .arg = &drop };
	ASOF_TRY(asof_lmdb_write(env_of(store), &change, err));
	asof_front_remove(asof_lmdb_front_name(drop.env, drop.table, drop.front));
	return ASOF_OK;
}

static enum asof_status
lmdb_load_begin(struct asof_store *store, const struct asof_store_table *table,
		struct asof_store_load **ret_load, struct asof_error *err)
{
	return asof_lmdb_load_begin(env_of(store), table->name, has_front(store), NULL, ret_load,
				    err);
}

static enum asof_status
lmdb_load_resume(struct asof_store *store, const struct asof_store_table *table,
		 struct asof_store_resume *resume, struct asof_store_load **ret_load,
		 struct asof_error *err)
{
	return asof_lmdb_load_begin(env_of(store), table->name, has_front(store), resume, ret_load,
				    err);
}

static bool
ends_with(struct asof_str str, const char *end)
{
	size_t len = strlen(end);
	return str.len >= len && memcmp(str.ptr + str.len - len, end, len) == 0;
}

enum asof_status
asof_store_lmdb_open_hashed(struct asof_str location, asof_store_hash_fn *hash,
			    struct asof_store **ret_store, struct asof_error *err)
{
	struct lmdb_store *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lmdb store");
	self->base.ops = &asof_store_lmdb_ops;
	self->has_front = !ends_with(location, FRONT_OFF);
	if (!self->has_front)
		location.len -= sizeof(FRONT_OFF) - 1;
	enum asof_status status = asof_lmdb_env_open(location, hash, &self->env, err);
	if (status != ASOF_OK) {
		asof_mem_free(self);
		return status;
	}
	*ret_store = &self->base;
	return ASOF_OK;
}

static enum asof_status
lmdb_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	return asof_store_lmdb_open_hashed(location, asof_hash64, ret_store, err);
}

static void
lmdb_close(struct asof_store *store)
{
	asof_lmdb_env_close(env_of(store));
	asof_mem_free(store);
}

const struct asof_store_ops asof_store_lmdb_ops = {
	.scheme = "lmdb",
	.open = lmdb_open,
	.close = lmdb_close,
	.put = lmdb_put,
	.get_many = lmdb_get_many,
	.meta = lmdb_meta,
	.mark = lmdb_mark,
	.update = lmdb_update,
	.tables = lmdb_tables,
	.drop = lmdb_drop,
	.load_begin = lmdb_load_begin,
	.load_resume = lmdb_load_resume,
	.load_put = asof_lmdb_load_put,
	.load_update = asof_lmdb_load_update,
	.load_get_many = asof_lmdb_load_get_many,
	.load_commit = asof_lmdb_load_commit,
	.load_abort = asof_lmdb_load_abort,
	.load_leave = asof_lmdb_load_leave,
};
