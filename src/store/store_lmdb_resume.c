/* store_lmdb_resume.c - how far a load is, so that the next goes on where it was killed. */
#include "store/store_lmdb_env.h"

#include <errno.h>

#define KEY_HEAD     6 /* "\0load/" */
#define VALUE_HEAD   24
#define VALUE_MAX    ((size_t)1 << 20)
#define REFILL_BYTES ((size_t)16 << 20)

static MDB_val
progress_key(const char *table, char room[KEY_HEAD + ASOF_STORE_TABLE_MAX])
{
	size_t len = strlen(table);
	memcpy(room, "\0load/", KEY_HEAD);
	memcpy(room + KEY_HEAD, table, len);
	return (MDB_val){ KEY_HEAD + len, room };
}

int
asof_lmdb_progress_read(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			struct asof_lmdb_progress *ret_progress)
{
	char room[KEY_HEAD + ASOF_STORE_TABLE_MAX];
	MDB_val key = progress_key(table, room);
	MDB_val value;
	*ret_progress = (struct asof_lmdb_progress){ 0 };
	int rc = mdb_get(txn, env->meta, &key, &value);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return rc;
	const char *bytes = value.mv_data;
	uint64_t counts[2];
	uint32_t lengths[2];
	if (value.mv_size < VALUE_HEAD)
		return MDB_CORRUPTED;
	memcpy(counts, bytes, sizeof(counts));
	memcpy(lengths, bytes + sizeof(counts), sizeof(lengths));
	if ((uint64_t)lengths[0] + lengths[1] != value.mv_size - VALUE_HEAD)
		return MDB_CORRUPTED;
	*ret_progress = (struct asof_lmdb_progress){
		.row_count = (int64_t)counts[0],
		.size_bytes = counts[1],
		.tag = { bytes + VALUE_HEAD, lengths[0] },
		.last_key = { bytes + VALUE_HEAD + lengths[0], lengths[1] },
	};
	return 0;
}

int
asof_lmdb_progress_write(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table,
			 const struct asof_lmdb_progress *progress)
{
	char room[KEY_HEAD + ASOF_STORE_TABLE_MAX];
	MDB_val key = progress_key(table, room);
	ASOF_AUTO(asof_buf_done) struct asof_buf bytes = ASOF_BUF(VALUE_MAX);
	uint64_t counts[2] = { (uint64_t)progress->row_count, progress->size_bytes };
	uint32_t lengths[2] = { (uint32_t)progress->tag.len, (uint32_t)progress->last_key.len };
	asof_buf_add(&bytes, counts, sizeof(counts));
	asof_buf_add(&bytes, lengths, sizeof(lengths));
	asof_buf_add_str(&bytes, progress->tag);
	asof_buf_add_str(&bytes, progress->last_key);
	if (bytes.status != ASOF_OK)
		return ENOMEM;
	MDB_val value = asof_lmdb_val(asof_buf_view(&bytes));
	return mdb_put(txn, env->meta, &key, &value, 0);
}

int
asof_lmdb_progress_delete(MDB_txn *txn, const struct asof_lmdb_env *env, const char *table)
{
	char room[KEY_HEAD + ASOF_STORE_TABLE_MAX];
	MDB_val key = progress_key(table, room);
	int rc = mdb_del(txn, env->meta, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static void
cursor_close(MDB_cursor **cursor)
{
	if (*cursor)
		mdb_cursor_close(*cursor);
}

static enum asof_status
append(struct asof_front_writer *writer, struct asof_buf *packed, struct asof_error *err)
{
	ASOF_TRY(asof_buf_status(packed, err));
	ASOF_TRY(asof_front_append(writer, asof_buf_view(packed), err));
	asof_buf_clear(packed);
	return ASOF_OK;
}

enum asof_status
asof_lmdb_front_refill(struct asof_lmdb_env *env, MDB_dbi dbi, struct asof_front_writer *writer,
		       struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done)
	struct asof_buf packed = ASOF_BUF(REFILL_BYTES + 2 * (size_t)ASOF_STORE_VALUE_MAX);
	ASOF_AUTO(asof_lmdb_read_end) struct asof_lmdb_read read = { 0 };
	ASOF_TRY(asof_lmdb_read_begin(env, &read, err));
	ASOF_AUTO(cursor_close) MDB_cursor *cursor = NULL;
	int rc = mdb_cursor_open(read.txn, dbi, &cursor);
	MDB_val key;
	MDB_val bucket;
	while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &bucket, MDB_NEXT)) == 0) {
		/* Long keys are asked of LMDB, and their buckets may be large. */
		if (key.mv_size <= ASOF_LMDB_SHORT_KEY_MAX)
			asof_lmdb_pack_stored(&packed, asof_lmdb_str(key), asof_lmdb_str(bucket));
		if (packed.len >= REFILL_BYTES)
			ASOF_TRY(append(writer, &packed, err));
	}
	if (rc != MDB_NOTFOUND)
		return asof_lmdb_fail(err, rc, env, "read what was loaded");
	return append(writer, &packed, err);
}
