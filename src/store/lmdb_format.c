/* lmdb_format.c - stored keys, entries, buckets and table records as bytes. */
#include "store/lmdb_format.h"

#define TOMBSTONE_BIT (UINT32_C(1) << 31)
#define PREFIX_BYTES  (ASOF_LMDB_KEY_MAX - sizeof(uint64_t))
#define ENTRY_HEAD    24
#define PACKED_HEAD   8
#define RECORD_HEAD   48

/* Stored keys are ASOF_LMDB_SHORT_KEY_MAX at most, or exactly ASOF_LMDB_KEY_MAX. */
_Static_assert(ASOF_LMDB_SHORT_KEY_MAX < ASOF_LMDB_KEY_MAX, "short and long keys never meet");
_Static_assert(ASOF_STORE_VALUE_MAX < TOMBSTONE_BIT, "a value's length leaves the bit free");

struct entry {
	int64_t event_us;
	int64_t created_us;
	bool is_tombstone;
	struct asof_str full_key; /* empty: the stored key is the key */
	struct asof_str value;
	struct asof_str bytes; /* the entry as it stands in its bucket */
};

static uint32_t
read_uint32(const char *bytes)
{
	uint32_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

static int64_t
read_int64(const char *bytes)
{
	int64_t value;
	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Take the first entry off `bucket`, which is not empty. False: the bytes do not decode. */
static bool
take_entry(struct asof_str *bucket, struct entry *ret_entry)
{
	if (bucket->len < ENTRY_HEAD)
		return false;
	const char *head = bucket->ptr;
	uint32_t key_len = read_uint32(head + 16);
	uint32_t value_word = read_uint32(head + 20);
	uint32_t value_len = value_word & ~TOMBSTONE_BIT;
	size_t rest = bucket->len - ENTRY_HEAD;
	if (key_len > rest || value_len > rest - key_len)
		return false;

	*ret_entry = (struct entry){
		.event_us = read_int64(head),
		.created_us = read_int64(head + 8),
		.is_tombstone = (value_word & TOMBSTONE_BIT) != 0,
		.full_key = { head + ENTRY_HEAD, key_len },
		.value = { head + ENTRY_HEAD + key_len, value_len },
		.bytes = { head, ENTRY_HEAD + (size_t)key_len + value_len },
	};
	*bucket = (struct asof_str){ head + ret_entry->bytes.len,
				     bucket->len - ret_entry->bytes.len };
	return true;
}

struct asof_str
asof_lmdb_stored_key(struct asof_str key, asof_store_hash_fn *hash, char room[ASOF_LMDB_KEY_MAX])
{
	if (key.len <= ASOF_LMDB_SHORT_KEY_MAX)
		return key;
	uint64_t digest = hash(key);
	memcpy(room, key.ptr, PREFIX_BYTES);
	memcpy(room + PREFIX_BYTES, &digest, sizeof(digest));
	return (struct asof_str){ room, ASOF_LMDB_KEY_MAX };
}

void
asof_lmdb_pack(struct asof_buf *buf, const struct asof_store_row *row, asof_store_hash_fn *hash)
{
	char room[ASOF_LMDB_KEY_MAX];
	struct asof_str stored = asof_lmdb_stored_key(row->key, hash, room);
	bool is_long = row->key.len > ASOF_LMDB_SHORT_KEY_MAX;
	struct asof_str full_key = is_long ? row->key : (struct asof_str){ NULL, 0 };
	struct asof_str value = row->is_tombstone ? (struct asof_str){ NULL, 0 } : row->value;
	size_t entry_len = ENTRY_HEAD + full_key.len + value.len;
	char *at = asof_buf_reserve(buf, PACKED_HEAD + stored.len + entry_len);
	if (!at)
		return;

	uint32_t lengths[2] = { (uint32_t)stored.len, (uint32_t)entry_len };
	memcpy(at, lengths, sizeof(lengths));
	at += PACKED_HEAD;
	memcpy(at, stored.ptr, stored.len);
	at += stored.len;

	int64_t times[2] = { row->event_us, row->created_us };
	memcpy(at, times, sizeof(times));
	uint32_t sizes[2] = { (uint32_t)full_key.len,
			      (uint32_t)value.len | (row->is_tombstone ? TOMBSTONE_BIT : 0) };
	memcpy(at + sizeof(times), sizes, sizeof(sizes));
	at += ENTRY_HEAD;
	if (full_key.len > 0)
		memcpy(at, full_key.ptr, full_key.len);
	if (value.len > 0)
		memcpy(at + full_key.len, value.ptr, value.len);
	asof_buf_grow(buf, PACKED_HEAD + stored.len + entry_len);
}

void
asof_lmdb_pack_stored(struct asof_buf *buf, struct asof_str stored_key, struct asof_str bucket)
{
	uint32_t lengths[2] = { (uint32_t)stored_key.len, (uint32_t)bucket.len };
	asof_buf_add(buf, lengths, sizeof(lengths));
	asof_buf_add_str(buf, stored_key);
	asof_buf_add_str(buf, bucket);
}

bool
asof_lmdb_unpack(struct asof_str *rows, struct asof_str *ret_stored_key, struct asof_str *ret_entry)
{
	if (rows->len == 0)
		return false;
	size_t key_len = read_uint32(rows->ptr);
	size_t entry_len = read_uint32(rows->ptr + 4);
	size_t row_len = PACKED_HEAD + key_len + entry_len;
	*ret_stored_key = (struct asof_str){ rows->ptr + PACKED_HEAD, key_len };
	*ret_entry = (struct asof_str){ rows->ptr + PACKED_HEAD + key_len, entry_len };
	*rows = (struct asof_str){ rows->ptr + row_len, rows->len - row_len };
	return true;
}

bool
asof_lmdb_bucket_find(struct asof_str bucket, struct asof_str key, bool *ret_is_found,
		      struct asof_str *ret_value)
{
	bool is_long = key.len > ASOF_LMDB_SHORT_KEY_MAX;
	*ret_is_found = false;
	while (bucket.len > 0) {
		struct entry entry;
		if (!take_entry(&bucket, &entry))
			return false;
		if (is_long && !asof_str_equal(entry.full_key, key))
			continue;
		*ret_is_found = !entry.is_tombstone;
		*ret_value = entry.value;
		return true;
	}
	return true;
}

/* Append all entries of `bucket` but the one at `without`. */
static void
add_others(struct asof_buf *scratch, struct asof_str bucket, const char *without)
{
	struct entry entry;
	while (bucket.len > 0 && take_entry(&bucket, &entry)) {
		if (entry.bytes.ptr != without)
			asof_buf_add_str(scratch, entry.bytes);
	}
}

enum asof_lmdb_merge
asof_lmdb_bucket_merge(struct asof_str bucket, struct asof_str entry, enum asof_lmdb_rule rule,
		       struct asof_buf *scratch, struct asof_str *ret_bucket)
{
	struct entry fresh;
	struct asof_str fresh_bytes = entry;
	if (!take_entry(&fresh_bytes, &fresh))
		return ASOF_LMDB_CORRUPT;

	const char *replaced = NULL;
	size_t others = 0;
	for (struct asof_str rest = bucket; rest.len > 0;) {
		struct entry stored;
		if (!take_entry(&rest, &stored))
			return ASOF_LMDB_CORRUPT;
		if (!asof_str_equal(stored.full_key, fresh.full_key)) {
			others++;
			continue;
		}
		if (rule == ASOF_LMDB_NEWER_WINS &&
		    !asof_store_wins(fresh.event_us, fresh.created_us, stored.event_us,
				     stored.created_us))
			return ASOF_LMDB_KEEPS;
		replaced = stored.bytes.ptr;
	}
	if (others == 0) {
		*ret_bucket = entry;
		return ASOF_LMDB_REPLACES;
	}

	asof_buf_clear(scratch);
	asof_buf_add_str(scratch, entry);
	add_others(scratch, bucket, replaced);
	if (scratch->status != ASOF_OK)
		return ASOF_LMDB_NO_MEMORY;
	*ret_bucket = asof_buf_view(scratch);
	return ASOF_LMDB_REPLACES;
}

void
asof_lmdb_record_encode(const struct asof_lmdb_record *record, struct asof_buf *buf)
{
	int32_t slots[2] = { record->current, record->loading };
	uint64_t mark[3] = { record->mark.generation, record->mark.position.log,
			     (uint64_t)record->mark.position.version };
	uint64_t fronts[2] = { record->front, record->loading_front };
	asof_buf_add(buf, slots, sizeof(slots));
	asof_buf_add(buf, mark, sizeof(mark));
	asof_buf_add(buf, fronts, sizeof(fronts));
	asof_buf_add_str(buf, record->meta);
}

bool
asof_lmdb_record_decode(struct asof_str bytes, struct asof_lmdb_record *ret_record)
{
	if (bytes.len < RECORD_HEAD)
		return false;
	int32_t slots[2];
	uint64_t mark[3];
	uint64_t fronts[2];
	memcpy(slots, bytes.ptr, sizeof(slots));
	memcpy(mark, bytes.ptr + sizeof(slots), sizeof(mark));
	memcpy(fronts, bytes.ptr + sizeof(slots) + sizeof(mark), sizeof(fronts));
	for (size_t i = 0; i < ASOF_COUNTOF(slots); i++) {
		if (slots[i] < -1 || slots[i] > 1)
			return false;
	}
	*ret_record = (struct asof_lmdb_record){
		.current = slots[0],
		.loading = slots[1],
		.mark = { mark[0], { mark[1], (int64_t)mark[2] } },
		.front = fronts[0],
		.loading_front = fronts[1],
		.meta = { bytes.ptr + RECORD_HEAD, bytes.len - RECORD_HEAD },
	};
	return true;
}
