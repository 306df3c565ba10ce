/* test_lmdb_format.c - the bytes in the databases: round trips, shared buckets, damage. */
#include "check.h"
#include "store/lmdb_format.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })

static uint64_t
same_hash(struct asof_str bytes)
{
	(void)bytes;
	return 1;
}

/* A long key whose last byte is `last`. */
static struct asof_str
long_key(char last, char room[600])
{
	memset(room, 'x', 600);
	room[599] = last;
	return (struct asof_str){ room, 600 };
}

static struct asof_str
pack_one(struct asof_buf *buf, struct asof_str key, struct asof_str value, int64_t event_us,
	 struct asof_str *ret_stored_key)
{
	asof_buf_clear(buf);
	struct asof_store_row row = { key, value, event_us, 0, value.ptr == NULL, NULL };
	asof_lmdb_pack(buf, &row, same_hash);
	struct asof_str rest = asof_buf_view(buf);
	struct asof_str entry;
	assert_true(asof_lmdb_unpack(&rest, ret_stored_key, &entry));
	assert_int_equal(rest.len, 0);
	return entry;
}

static void
keys_that_share_a_stored_key_share_a_bucket(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(1 << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf bucket = ASOF_BUF(1 << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(1 << 20);
	char room[600];
	struct asof_str stored;
	struct asof_str merged;
	for (char c = 'a'; c <= 'e'; c++) {
		struct asof_str entry = pack_one(&packed, long_key(c, room),
						 (struct asof_str){ &c, 1 }, 5, &stored);
		assert_int_equal(stored.len, ASOF_LMDB_KEY_MAX);
		assert_int_equal(asof_lmdb_bucket_merge(asof_buf_view(&bucket), entry,
							ASOF_LMDB_NEWER_WINS, &scratch, &merged),
				 ASOF_LMDB_REPLACES);
		asof_buf_clear(&bucket);
		asof_buf_add_str(&bucket, merged);
	}
	struct asof_str older = pack_one(&packed, long_key('c', room), S("late"), 4, &stored);
	assert_int_equal(asof_lmdb_bucket_merge(asof_buf_view(&bucket), older, ASOF_LMDB_NEWER_WINS,
						&scratch, &merged),
			 ASOF_LMDB_KEEPS);
	struct asof_str gone =
		pack_one(&packed, long_key('b', room), (struct asof_str){ NULL, 0 }, 6, &stored);
	assert_int_equal(asof_lmdb_bucket_merge(asof_buf_view(&bucket), gone, ASOF_LMDB_NEWER_WINS,
						&scratch, &merged),
			 ASOF_LMDB_REPLACES);

	for (char c = 'a'; c <= 'f'; c++) {
		bool is_found = true;
		struct asof_str value;
		assert_true(asof_lmdb_bucket_find(merged, long_key(c, room), &is_found, &value));
		assert_int_equal(is_found, c != 'b' && c != 'f');
		if (is_found)
			assert_true(asof_str_equal(value, (struct asof_str){ &c, 1 }));
	}
}

static void
damaged_buckets_and_records_do_not_decode(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(1 << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(1 << 20);
	struct asof_str stored;
	struct asof_str entry = pack_one(&packed, S("k"), S("value"), 5, &stored);
	bool is_found;
	struct asof_str value;
	for (size_t len = 1; len < entry.len; len++) {
		struct asof_str cut = { entry.ptr, len };
		assert_false(asof_lmdb_bucket_find(cut, S("k"), &is_found, &value));
		assert_int_equal(
			asof_lmdb_bucket_merge(cut, entry, ASOF_LMDB_NEWER_WINS, &scratch, &value),
			ASOF_LMDB_CORRUPT);
	}
	struct asof_lmdb_record record;
	static const char mark[] = "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0"
				   "\0\5\0\0\0\0\0\0\0\6\0\0\0\0\0\0";
	char bytes[8 + sizeof(mark) + 4] = "\1\0\0\0\377\377\377\377";
	memcpy(bytes + 8, mark, sizeof(mark));
	memcpy(bytes + 8 + sizeof(mark), "meta", 4);
	assert_false(asof_lmdb_record_decode((struct asof_str){ bytes, 47 }, &record));
	bytes[0] = 2;
	assert_false(asof_lmdb_record_decode((struct asof_str){ bytes, 52 }, &record));
	bytes[0] = 1;
	bytes[4] = '\376';
	assert_false(asof_lmdb_record_decode((struct asof_str){ bytes, 52 }, &record));
	bytes[4] = '\377';
	assert_true(asof_lmdb_record_decode((struct asof_str){ bytes, 52 }, &record));
	assert_int_equal(record.mark.generation, 1);
	assert_int_equal(record.mark.position.log, 2);
	assert_int_equal(record.mark.position.version, 3);
	assert_int_equal(record.front, 5);
	assert_int_equal(record.loading_front, 6);
	assert_int_equal(record.current, 1);
	assert_int_equal(record.loading, -1);
	assert_true(asof_str_equal(record.meta, S("meta")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_share_a_stored_key_share_a_bucket),
		cmocka_unit_test(damaged_buckets_and_records_do_not_decode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
