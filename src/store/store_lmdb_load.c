/* store_lmdb_load.c - loads: a table's other database filled in chunks, then switched to. */
#include "store/store_lmdb_env.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/workers.h"
#include "model/hash.h"

#define CHUNK_BYTES    ((size_t)16 << 20) /* of packed rows per transaction */
#define TAG_BYTES_MAX  4096
#define ROWS_BYTES_MAX (CHUNK_BYTES + ASOF_STORE_VALUE_MAX + 4 * ASOF_STORE_KEY_MAX)

struct lmdb_load {
	struct asof_store_load base; /* must be first */
	struct asof_lmdb_env *env;
	struct asof_lmdb_table *table;
	int lock_fd;
	int32_t slot;                   /* being filled */
	uint64_t old_front;             /* of the generation that is being read; 0: none */
	struct asof_buf rows;           /* packed, not yet in the database */
	struct asof_front_writer front; /* its id is 0 where none is made */
	struct asof_buf tag;            /* empty: not to be gone on with */
	struct asof_buf last_key;       /* of what was put */
	int64_t put_count;              /* rows that were put, by the load before it too */
	uint64_t put_bytes;
	int64_t durable_count; /* of them */
};

/* Who holds the file's lock loads the table; it falls with the process. */
static enum asof_status
lock_load(const struct asof_lmdb_env *env, const char *table, int *ret_fd, struct asof_error *err)
{
	char path[PATH_MAX + 64];
	int len = snprintf(path, sizeof(path), "%s/load-%016llx.lock", env->path,
			   (unsigned long long)asof_hash64(asof_str_from(table)));
	assert(len > 0 && (size_t)len < sizeof(path));
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "open '%s': %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return ASOF_OK;
	}
	int cause = errno;
	(void)close(fd);
	if (cause == EWOULDBLOCK)
		return ASOF_FAIL(err, ASOF_CONFLICT, "another load of '%s' is under way", table);
	return ASOF_FAIL(err, ASOF_IO, "lock '%s': %s", path, strerror(cause));
}

static void
load_free(struct lmdb_load *load)
{
	if (!load)
		return;
	if (load->lock_fd >= 0)
		(void)close(load->lock_fd);
	asof_front_writer_done(&load->front);
	asof_buf_done(&load->rows);
	asof_buf_done(&load->tag);
	asof_buf_done(&load->last_key);
	asof_mem_free(load);
}
ASOF_DEFINE_AUTOFREE(struct lmdb_load, load_free)

/* Is what a killed load left what this one would put? Then go on behind it. */
static int
find_progress(MDB_txn *txn, struct lmdb_load *load, const struct asof_lmdb_record *record)
{
	struct asof_lmdb_progress progress;
	load->put_count = 0;
	load->put_bytes = 0;
	asof_buf_clear(&load->last_key);
	if (load->tag.len == 0 || record->loading < 0)
		return 0;
	int rc = asof_lmdb_progress_read(txn, load->env, load->table->name, &progress);
	if (rc != 0 || !asof_str_equal(progress.tag, asof_buf_view(&load->tag)))
		return rc;
	load->put_count = progress.row_count;
	load->put_bytes = progress.size_bytes;
	asof_buf_add_str(&load->last_key, progress.last_key);
	return load->last_key.status == ASOF_OK ? 0 : ENOMEM;
}

/* Empties what a killed load left, unless this one goes on with it. */
static int
apply_begin(MDB_txn *txn, void *arg)
{
	struct lmdb_load *load = arg;
	const char *name = load->table->name;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, load->env, name, &record);
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	rc = find_progress(txn, load, &record);
	if (rc != 0)
		return rc;
	load->slot = record.current == 0 ? 1 : 0;
	if (load->put_count > 0)
		load->slot = record.loading;
	record.loading = load->slot;
	record.loading_front = load->front.name.id;
	load->old_front = record.front;
	if (load->put_count == 0) {
		rc = asof_lmdb_progress_delete(txn, load->env, name);
		if (rc == 0)
			rc = mdb_drop(txn, load->table->slots[load->slot], 0);
	}
	return rc == 0 ? asof_lmdb_record_write(txn, load->env, name, &record) : rc;
}

static int
apply_abort(MDB_txn *txn, void *arg)
{
	const struct lmdb_load *load = arg;
	const char *name = load->table->name;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, load->env, name, &record);
	if (rc == MDB_NOTFOUND || (rc == 0 && record.loading < 0))
		return 0;
	if (rc == 0)
		rc = mdb_drop(txn, load->table->slots[record.loading], 0);
	if (rc == 0)
		rc = asof_lmdb_progress_delete(txn, load->env, name);
	record.loading = -1;
	record.loading_front = 0;
	return rc == 0 ? asof_lmdb_record_write(txn, load->env, name, &record) : rc;
}

static int
apply_chunk(MDB_txn *txn, void *arg)
{
	const struct lmdb_load *load = arg;
	int rc = asof_lmdb_append_rows(txn, load->table->slots[load->slot],
				       asof_buf_view(&load->rows));
	if (rc != 0 || load->tag.len == 0)
		return rc;
	struct asof_lmdb_progress progress = { .row_count = load->put_count,
					       .size_bytes = load->put_bytes,
					       .tag = asof_buf_view(&load->tag),
					       .last_key = asof_buf_view(&load->last_key) };
	return asof_lmdb_progress_write(txn, load->env, load->table->name, &progress);
}

struct switching {
	struct lmdb_load *load;
	struct asof_str meta;
	struct asof_store_position position;
	const struct asof_store_mark *mark; /* NULL: whatever the table is at */
	bool is_stale;                      /* it is not at `mark` */
};

static int
apply_switch(MDB_txn *txn, void *arg)
{
	struct switching *last = arg;
	struct lmdb_load *load = last->load;
	struct asof_lmdb_record record;
	int rc = asof_lmdb_record_read(txn, load->env, load->table->name, &record);
	last->is_stale = rc == 0 && last->mark && !asof_store_mark_equal(&record.mark, last->mark);
	if (last->is_stale)
		return 0;
	if (rc == 0 && record.current >= 0)
		rc = mdb_drop(txn, load->table->slots[record.current], 0);
	if (rc == 0)
		rc = asof_lmdb_progress_delete(txn, load->env, load->table->name);
	/* A front that could not be marked meanwhile is none. */
	bool is_front = record.loading_front == load->front.name.id;
	record = (struct asof_lmdb_record){ .current = load->slot,
					    .loading = -1,
					    .mark = { mdb_txn_id(txn), last->position },
					    .front = is_front ? load->front.name.id : 0,
					    .meta = last->meta };
	return rc == 0 ? asof_lmdb_record_write(txn, load->env, load->table->name, &record) : rc;
}

static enum asof_status
begin_front(struct lmdb_load *load, struct asof_error *err)
{
	uint64_t id = 0;
	ASOF_TRY(asof_lmdb_front_new_id(&id, err));
	return asof_front_create(asof_lmdb_front_name(load->env, load->table, id), &load->front,
				 err);
}

/* Those of former generations and of loads that were killed. Who holds the load's lock may do so.
 */
static void
remove_other_fronts(const struct lmdb_load *load, uint64_t kept)
{
	asof_front_remove_others(asof_lmdb_front_name(load->env, load->table, kept),
				 load->front.name.id);
}

/* What was put while nobody loaded is among it; what is put from now on is marked. */
static enum asof_status
refill(struct lmdb_load *load, struct asof_error *err)
{
	return asof_lmdb_front_refill(load->env, load->table->slots[load->slot], &load->front, err);
}

static enum asof_status
tell(const struct lmdb_load *load, struct asof_store_resume *resume, struct asof_error *err)
{
	resume->row_count = load->put_count;
	resume->size_bytes = load->put_bytes;
	asof_buf_add_str(&resume->last_key, asof_buf_view(&load->last_key));
	return asof_buf_status(&resume->last_key, err);
}

enum asof_status
asof_lmdb_load_begin(struct asof_lmdb_env *env, const char *name, bool has_front,
		     struct asof_store_resume *resume, struct asof_store_load **ret_load,
		     struct asof_error *err)
{
	ASOF_AUTO(load_free_auto) struct lmdb_load *load = asof_mem_alloc(sizeof(*load));
	if (!load)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "load");
	*load = (struct lmdb_load){ { &asof_store_lmdb_ops },
				    .env = env,
				    .lock_fd = -1,
				    .front = { .fd = -1 },
				    .rows = ASOF_BUF(ROWS_BYTES_MAX),
				    .tag = ASOF_BUF(TAG_BYTES_MAX),
				    .last_key = ASOF_BUF(ASOF_STORE_KEY_MAX) };
	if (resume)
		asof_buf_add_str(&load->tag, resume->tag);
	ASOF_TRY(asof_buf_status(&load->tag, err));
	ASOF_TRY(asof_lmdb_table_open(env, name, true, &load->table, err));
	ASOF_TRY(lock_load(env, name, &load->lock_fd, err));
	(void)mdb_reader_check(env->mdb, NULL);

	if (has_front)
		ASOF_TRY(begin_front(load, err));
	struct asof_lmdb_change change = { apply_begin, load, NULL, "store.load.begun" };
	ASOF_TRY(asof_lmdb_write(env, &change, err));
	load->durable_count = load->put_count;
	remove_other_fronts(load, load->old_front);
	if (load->put_count > 0 && has_front)
		ASOF_TRY(refill(load, err));
	if (resume)
		ASOF_TRY(tell(load, resume, err));
	*ret_load = &ASOF_STEAL(load)->base;
	return ASOF_OK;
}

/* The chunk goes to both places at once: most of either is waiting for fresh pages. */
static enum asof_status
write_chunk(void *arg, unsigned worker, struct asof_error *err)
{
	struct lmdb_load *load = arg;
	struct asof_lmdb_change change = { apply_chunk, load, "store.load.chunk", NULL };
	if (worker > 0)
		return asof_front_append(&load->front, asof_buf_view(&load->rows), err);
	return asof_lmdb_write(load->env, &change, err);
}

static enum asof_status
flush(struct lmdb_load *load, struct asof_error *err)
{
	ASOF_TRY(asof_buf_status(&load->rows, err));
	if (load->rows.len == 0)
		return ASOF_OK;
	ASOF_TRY(asof_workers_run(load->front.name.id ? 2 : 1, write_chunk, load, err));
	asof_buf_truncate(&load->rows, 0);
	load->durable_count = load->put_count;
	return ASOF_OK;
}

/* Only who may be gone on with needs to know it. */
static enum asof_status
remember_key(struct lmdb_load *load, struct asof_str key, struct asof_error *err)
{
	if (load->tag.len == 0)
		return ASOF_OK;
	asof_buf_clear(&load->last_key);
	asof_buf_add_str(&load->last_key, key);
	return asof_buf_status(&load->last_key, err);
}

enum asof_status
asof_lmdb_load_put(struct asof_store_load *base, const struct asof_store_row *rows,
		   size_t row_count, struct asof_error *err)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	for (size_t i = 0; i < row_count; i++) {
		asof_lmdb_pack(&load->rows, &rows[i], load->env->hash);
		load->put_count++;
		load->put_bytes += rows[i].key.len + rows[i].value.len;
		if (load->rows.len >= CHUNK_BYTES) {
			ASOF_TRY(remember_key(load, rows[i].key, err));
			ASOF_TRY(flush(load, err));
		}
	}
	if (row_count > 0)
		ASOF_TRY(remember_key(load, rows[row_count - 1].key, err));
	return asof_buf_status(&load->rows, err);
}

static int
apply_replacing(MDB_txn *txn, void *arg)
{
	const struct lmdb_load *load = arg;
	struct asof_str rows = asof_buf_view(&load->rows);
	struct asof_lmdb_record record;
	size_t ignored;
	int rc = asof_lmdb_record_read(txn, load->env, load->table->name, &record);
	/* Rows that were updated once are not to be updated again. */
	if (rc == 0)
		rc = asof_lmdb_progress_delete(txn, load->env, load->table->name);
	if (rc == 0)
		rc = asof_lmdb_front_touch(txn, load->env, load->table, rows, &record);
	if (rc != 0)
		return rc;
	return asof_lmdb_put_rows(txn, load->table->slots[load->slot], rows, ASOF_LMDB_LAST_WINS,
				  &ignored);
}

enum asof_status
asof_lmdb_load_update(struct asof_store_load *base, const struct asof_store_row *rows,
		      size_t row_count, struct asof_error *err)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	struct asof_lmdb_change change = { apply_replacing, load, "store.load.chunk", NULL };
	ASOF_TRY(flush(load, err));
	asof_buf_clear(&load->tag);
	for (size_t i = 0; i < row_count; i++) {
		asof_lmdb_pack(&load->rows, &rows[i], load->env->hash);
		if (load->rows.len < CHUNK_BYTES && i + 1 < row_count)
			continue;
		ASOF_TRY(asof_buf_status(&load->rows, err));
		ASOF_TRY(asof_lmdb_write(load->env, &change, err));
		asof_buf_truncate(&load->rows, 0);
	}
	return ASOF_OK;
}

enum asof_status
asof_lmdb_load_get_many(struct asof_store_load *base, const struct asof_str *keys, size_t key_count,
			asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	if (load->rows.len > 0)
		ASOF_TRY(flush(load, err));
	ASOF_TRY(asof_lmdb_read_begin(load->env, &read, err));
	return asof_lmdb_visit_keys(&read, load->table->slots[load->slot], keys, key_count, visit,
				    arg, err);
}

enum asof_status
asof_lmdb_load_commit(struct asof_store_load *base, struct asof_str meta,
		      struct asof_store_position position, const struct asof_store_mark *mark,
		      struct asof_error *err)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	struct switching last = { load, meta, position, mark, false };
	ASOF_TRY(flush(load, err));
	if (load->front.name.id)
		ASOF_TRY(asof_front_seal(&load->front, err));
	struct asof_lmdb_change change = { apply_switch, &last, "store.load.before_switch",
					   "store.load.after_switch" };
	ASOF_TRY(asof_lmdb_write(load->env, &change, err));
	if (last.is_stale)
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile",
				 load->table->name);
	remove_other_fronts(load, 0);
	load_free(load);
	return ASOF_OK;
}

/* Where even this fails, the next load or open empties what is left. */
void
asof_lmdb_load_abort(struct asof_store_load *base)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	struct asof_lmdb_change change = { .apply = apply_abort, .arg = load };
	struct asof_error ignored;
	enum asof_status status = asof_lmdb_write(load->env, &change, &ignored);
	(void)status;
	if (load->front.name.id)
		asof_front_remove(load->front.name);
	load_free(load);
}

/* Its hash file goes: who goes on makes another, and who puts meanwhile finds that it is gone. */
int64_t
asof_lmdb_load_leave(struct asof_store_load *base)
{
	struct lmdb_load *load = (struct lmdb_load *)base;
	struct asof_error ignored;
	/* Where this fails, the chunks before it stay. */
	enum asof_status status = load->tag.len > 0 ? flush(load, &ignored) : ASOF_OK;
	(void)status;
	int64_t row_count = load->tag.len > 0 ? load->durable_count : 0;
	if (row_count == 0) {
		asof_lmdb_load_abort(base);
		return 0;
	}
	if (load->front.name.id)
		asof_front_remove(load->front.name);
	load_free(load);
	return row_count;
}
