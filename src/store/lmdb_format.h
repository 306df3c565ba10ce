/*
 * lmdb_format.h - what store_lmdb.c keeps in its databases, as bytes. Pure.
 *
 * A stored key is the key itself up to ASOF_LMDB_SHORT_KEY_MAX bytes. A longer one is its first
 * bytes and a hash, ASOF_LMDB_KEY_MAX bytes together, so that the two kinds never meet; several
 * long keys may share one stored key.
 *
 * A stored value is a bucket: one entry, or several where long keys share a stored key. An entry is
 *   int64 event_us, int64 created_us, uint32 length of the full key (0: the stored key is all of
 *   it), uint32 length of the value with the highest bit set for a tombstone, full key, value
 * in the machine's byte order, as LMDB's own pages are.
 *
 * Rows on their way are packed one behind the other: uint32 length of the stored key, uint32 length
 * of the entry, stored key, entry.
 */
#ifndef ASOF_LMDB_FORMAT_H
#define ASOF_LMDB_FORMAT_H

#include "base/buf.h"
#include "store/store_impls.h"

#define ASOF_LMDB_KEY_MAX       511
#define ASOF_LMDB_SHORT_KEY_MAX 500
#define ASOF_LMDB_FORMAT        2 /* goes up when older programs would read nonsense */

/* The stored key of `key`: itself, or written to `room`. */
struct asof_str asof_lmdb_stored_key(struct asof_str key, asof_store_hash_fn *hash,
				     char room[ASOF_LMDB_KEY_MAX]);

/* Append a packed row; errors are those of the buffer. */
void asof_lmdb_pack(struct asof_buf *buf, const struct asof_store_row *row,
		    asof_store_hash_fn *hash);
/* The same of a stored key and its bucket, as they stand in a database. */
void asof_lmdb_pack_stored(struct asof_buf *buf, struct asof_str stored_key,
			   struct asof_str bucket);
/* Take the first row off `rows`, which asof_lmdb_pack() wrote. False at the end. */
bool asof_lmdb_unpack(struct asof_str *rows, struct asof_str *ret_stored_key,
		      struct asof_str *ret_entry);

/* What a bucket holds for `key`: a value, or that it is missing (*ret_is_found false, also for a
 * tombstone). False: the bytes do not decode. */
bool asof_lmdb_bucket_find(struct asof_str bucket, struct asof_str key, bool *ret_is_found,
			   struct asof_str *ret_value);

enum asof_lmdb_merge {
	ASOF_LMDB_KEEPS,    /* the stored row is newer */
	ASOF_LMDB_REPLACES, /* store *ret_bucket */
	ASOF_LMDB_CORRUPT,
	ASOF_LMDB_NO_MEMORY,
};
enum asof_lmdb_rule {
	ASOF_LMDB_NEWER_WINS, /* the write rule */
	ASOF_LMDB_LAST_WINS,
};
/* Put `entry` into `bucket` under `rule`. *ret_bucket is `entry` itself or in `scratch`. */
enum asof_lmdb_merge asof_lmdb_bucket_merge(struct asof_str bucket, struct asof_str entry,
					    enum asof_lmdb_rule rule, struct asof_buf *scratch,
					    struct asof_str *ret_bucket);

/* A table's record: which of its two databases is what, -1 for none; of what it is at, nothing
 * where it does not exist. */
struct asof_lmdb_record {
	int32_t current; /* being read; -1: the table does not exist */
	int32_t loading; /* being filled by a load, or left by a killed one */
	struct asof_store_mark mark;
	uint64_t front; /* of the current one (lmdb_front.h); 0: none */
	uint64_t loading_front;
	struct asof_str meta;
};

void asof_lmdb_record_encode(const struct asof_lmdb_record *record, struct asof_buf *buf);
/* False: the bytes do not decode. `meta` borrows from `bytes`. */
bool asof_lmdb_record_decode(struct asof_str bytes, struct asof_lmdb_record *ret_record);

#endif
