/* test_store_load.c - what every online store promises of loads, tables and threads. */
#include <stdatomic.h>

#include "conformance/store_fixture.h"

static void
a_load_is_seen_at_its_commit_and_replaces_all(void **state)
{
	struct asof_store *store = store_of(state);
	(void)put_one(store, "t", row(S("a"), S("old"), 9, 9));
	(void)put_one(store, "t", row(S("gone"), S("old"), 9, 9));
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("a"), S("loaded"), 1, 1));
	load_one(load, row(S("b"), S("loaded"), 1, 1));
	load_one(load, tombstone(S("c"), 1, 1));
	assert_reads(store, "t", S("a"), S("old"));
	assert_missing(store, "t", S("b"));

	commit(load, S("m"));
	assert_reads(store, "t", S("a"), S("loaded"));
	assert_reads(store, "t", S("b"), S("loaded"));
	assert_missing(store, "t", S("c"));
	assert_missing(store, "t", S("gone"));
	commit(begin(store, "t"), S(""));
	assert_missing(store, "t", S("a"));
}

static void
an_aborted_load_leaves_all_as_it_was(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("a"), S("x"), 1, 1));
	asof_store_load_abort(load);
	assert_missing(store, "t", S("a"));
	assert_int_equal(asof_store_meta(store, "t", &meta, &err), ASOF_NOT_FOUND);

	(void)put_one(store, "t", row(S("a"), S("put"), 1, 1));
	load = begin(store, "t");
	load_one(load, row(S("a"), S("x"), 2, 2));
	asof_store_load_abort(load);
	assert_reads(store, "t", S("a"), S("put"));
	commit(begin(store, "t"), S(""));
	assert_missing(store, "t", S("a"));
}

static void
rows_of_a_load_may_come_in_any_order_and_twice(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_store_load *load = begin(store, "t");
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 1000; i++) {
			unsigned number = i * 617 % 1000;
			char text[VALUE_BYTES];
			int len = snprintf(text, sizeof(text), "%u", number);
			struct asof_str key = { text, (size_t)len };
			bool is_newer = pass == (number % 3 == 0);
			load_one(load, row(key, pass ? S("second") : S("first"), is_newer, 0));
		}
	}
	commit(load, S(""));
	assert_reads(store, "t", S("0"), S("second"));
	assert_reads(store, "t", S("999"), S("second"));
	assert_reads(store, "t", S("1"), S("first"));
	assert_reads(store, "t", S("998"), S("first"));
}

static void
a_table_has_one_load_at_a_time(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	struct asof_store_load *second = NULL;
	struct asof_store_load *load = begin(store, "t");
	assert_int_equal(asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &second, &err),
			 ASOF_CONFLICT);
	assert_null(second);
	commit(begin(store, "u"), S(""));
	asof_store_load_abort(load);
	load = begin(store, "t");
	commit(load, S(""));
	asof_store_load_abort(begin(store, "t"));
}

static void
a_put_during_a_load_survives_the_switch(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("a"), S("loaded"), 5, 0));
	assert_int_equal(put_one(store, "t", row(S("a"), S("older"), 4, 0)), 1);
	assert_int_equal(put_one(store, "t", row(S("b"), S("newer"), 6, 0)), 1);
	assert_int_equal(put_one(store, "t", row(S("z"), S("put"), 6, 0)), 1);
	assert_reads(store, "t", S("a"), S("older"));
	load_one(load, row(S("b"), S("loaded"), 5, 0));
	load_one(load, row(S("c"), S("loaded"), 5, 0));
	commit(load, S(""));
	assert_reads(store, "t", S("a"), S("loaded"));
	assert_reads(store, "t", S("b"), S("newer"));
	assert_reads(store, "t", S("c"), S("loaded"));
	assert_reads(store, "t", S("z"), S("put"));
}

static void
meta_belongs_to_the_generation(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	assert_int_equal(asof_store_meta(store, "t", &meta, &err), ASOF_NOT_FOUND);
	(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_int_equal(meta.len, 0);

	commit(begin(store, "t"), S("one\0two"));
	struct asof_store_load *load = begin(store, "t");
	(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_int_equal(meta.len, 7);
	assert_memory_equal(meta.ptr, "one\0two", 7);
	commit(load, S("next"));
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_int_equal(meta.len, 11);
	assert_memory_equal(meta.ptr + 7, "next", 4);
}

static enum asof_status
add_table(void *arg, const char *table, struct asof_str meta, struct asof_error *err)
{
	struct asof_buf *names = arg;
	asof_buf_printf(names, "%s=%.*s;", table, ASOF_STR_ARG(meta));
	return asof_buf_status(names, err);
}

static void
tables_lists_what_exists(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(1024);
	assert_ok(asof_store_tables(store, add_table, &names, &err), err);
	assert_string_equal(asof_buf_cstr(&names), "");

	(void)put_one(store, "put", row(S("k"), S("v"), 1, 1));
	commit(begin(store, "loaded"), S("m"));
	commit(begin(store, "dropped"), S("m"));
	assert_ok(asof_store_drop(store, "dropped", &err), err);
	struct asof_store_load *load = begin(store, "loading");
	assert_ok(asof_store_tables(store, add_table, &names, &err), err);
	assert_non_null(strstr(asof_buf_cstr(&names), "put=;"));
	assert_non_null(strstr(asof_buf_cstr(&names), "loaded=m;"));
	assert_int_equal(names.len, strlen("put=;loaded=m;"));
	asof_store_load_abort(load);
}

static void
a_dropped_table_starts_anew(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	(void)put_one(store, "t", row(S("k"), S("v"), 9, 9));
	commit(begin(store, "u"), S("m"));
	assert_ok(asof_store_drop(store, "t", &err), err);
	assert_ok(asof_store_drop(store, "u", &err), err);
	assert_missing(store, "t", S("k"));
	assert_int_equal(asof_store_meta(store, "u", &meta, &err), ASOF_NOT_FOUND);
	assert_int_equal(put_one(store, "t", row(S("k"), S("older"), 1, 1)), 1);
	assert_reads(store, "t", S("k"), S("older"));
}

static void
a_drop_during_a_load_leaves_the_load(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	(void)put_one(store, "t", row(S("old"), S("v"), 9, 9));
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("k"), S("loaded"), 1, 1));
	assert_ok(asof_store_drop(store, "t", &err), err);
	assert_missing(store, "t", S("old"));
	commit(load, S(""));
	assert_reads(store, "t", S("k"), S("loaded"));
	assert_missing(store, "t", S("old"));
}

/* A thousand random writes against an array that says what must be there. */
struct expected {
	bool is_known;
	bool is_tombstone;
	int64_t event_us;
	int64_t created_us;
	unsigned number;
};

static struct asof_str
random_key(unsigned number, char room[1200])
{
	memset(room, 'k', 1200);
	room[0] = (char)number;
	if (number % 2) /* long ones, alike but for their end */
		room[0] = 'k';
	room[1100] = (char)number;
	return (struct asof_str){ room, number % 2 ? 1101 : 1 + number % 500 };
}

static void
write_at_random(struct asof_store *store, struct asof_store_load *load, struct expected *expected,
		uint64_t *random)
{
	*random = *random * 6364136223846793005U + 1442695040888963407U;
	unsigned bits = (unsigned)(*random >> 32);
	struct expected fresh = { true, bits % 7 == 0, bits / 7 % 5, bits / 35 % 3, bits };
	struct expected *old = &expected[bits / 105 % 40];
	char room[1200];
	struct asof_store_row one = row(random_key((unsigned)(old - expected), room),
					(struct asof_str){ (const char *)&fresh.number, 4 },
					fresh.event_us, fresh.created_us);
	one.is_tombstone = fresh.is_tombstone;
	bool wins = !old->is_known || fresh.event_us > old->event_us ||
		    (fresh.event_us == old->event_us && fresh.created_us >= old->created_us);
	if (load)
		load_one(load, one);
	else
		assert_int_equal(put_one(store, "t", one), wins);
	if (wins)
		*old = fresh;
}

static void
assert_all_expected(struct asof_store *store, const struct expected *expected)
{
	for (unsigned i = 0; i < 40; i++) {
		char room[1200];
		struct asof_str key = random_key(i, room);
		const char *number = (const char *)&expected[i].number;
		if (expected[i].is_known && !expected[i].is_tombstone)
			assert_reads(store, "t", key, (struct asof_str){ number, 4 });
		else
			assert_missing(store, "t", key);
	}
}

static void
random_writes_end_as_the_rule_says(void **state)
{
	struct asof_store *store = store_of(state);
	uint64_t random = 20010629;
	for (int round = 0; round < 6; round++) {
		struct expected expected[40] = { 0 };
		struct asof_store_load *load = begin(store, "t");
		for (int i = 0; i < 300; i++)
			write_at_random(store, load, expected, &random);
		commit(load, S(""));
		assert_all_expected(store, expected);
		for (int i = 0; i < 60; i++)
			write_at_random(store, NULL, expected, &random);
		assert_all_expected(store, expected);
	}
}

/* Threads: two put ever newer numbers, one loads, readers check what one call gives. */
#define THREAD_KEYS  20
#define THREAD_ROUND 30

struct shared {
	struct asof_store *store;
	atomic_bool is_done;
	atomic_int failures;
};

static void
note(struct shared *shared, enum asof_status status)
{
	if (status != ASOF_OK)
		atomic_fetch_add(&shared->failures, 1);
}

static void *
keep_putting(void *arg)
{
	struct shared *shared = arg;
	for (int64_t i = 0; i < THREAD_ROUND * 2; i++) {
		struct asof_store_row rows[THREAD_KEYS];
		for (size_t k = 0; k < THREAD_KEYS; k++) {
			static const char names[] = "abcdefghijklmnopqrst";
			rows[k] = row((struct asof_str){ &names[k], 1 },
				      (struct asof_str){ (const char *)&i, sizeof(i) }, i, 0);
		}
		size_t written;
		note(shared, asof_store_put(shared->store, ASOF_STORE_NAMED("puts"), rows,
					    THREAD_KEYS, &written, NULL));
	}
	return NULL;
}

static void *
keep_loading(void *arg)
{
	struct shared *shared = arg;
	for (int64_t i = 0; i < THREAD_ROUND; i++) {
		struct asof_store_load *load = NULL;
		enum asof_status status = asof_store_load_begin(
			shared->store, ASOF_STORE_NAMED("loads"), &load, NULL);
		for (size_t k = 0; status == ASOF_OK && k < THREAD_KEYS; k++) {
			char key = (char)('a' + k);
			struct asof_store_row one =
				row((struct asof_str){ &key, 1 },
				    (struct asof_str){ (const char *)&i, sizeof(i) }, 0, 0);
			status = asof_store_load_put(load, &one, 1, NULL);
		}
		if (status == ASOF_OK)
			status = asof_store_load_commit(
				load, S(""), (struct asof_store_position){ 0 }, NULL, NULL);
		note(shared, status);
	}
	atomic_store(&shared->is_done, true);
	return NULL;
}

struct same {
	size_t count;
	int64_t number;
	bool is_mixed;
};

static enum asof_status
check_same(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	(void)key_index;
	(void)err;
	struct same *same = arg;
	int64_t number;
	memcpy(&number, value.ptr, sizeof(number));
	same->is_mixed = same->is_mixed || (same->count > 0 && number != same->number);
	same->number = number;
	same->count++;
	return ASOF_OK;
}

/* One call sees one generation and whole puts, never less than before. */
static void *
keep_reading(void *arg)
{
	struct shared *shared = arg;
	int64_t newest[2] = { 0, 0 };
	struct asof_str keys[THREAD_KEYS];
	static const char names[] = "abcdefghijklmnopqrst";
	for (size_t k = 0; k < THREAD_KEYS; k++)
		keys[k] = (struct asof_str){ &names[k], 1 };
	while (!atomic_load(&shared->is_done)) {
		for (int t = 0; t < 2; t++) {
			struct same same = { 0 };
			note(shared, asof_store_get_many(shared->store, t ? "loads" : "puts", keys,
							 THREAD_KEYS, check_same, &same, NULL));
			bool is_good = !same.is_mixed && same.number >= newest[t] &&
				       (same.count == 0 || same.count == THREAD_KEYS);
			note(shared, is_good ? ASOF_OK : ASOF_INTERNAL);
			newest[t] = same.number;
		}
	}
	return NULL;
}

static void
threads_see_whole_puts_and_whole_loads(void **state)
{
	struct shared shared = { .store = store_of(state) };
	pthread_t threads[5];
	void *(*const bodies[5])(void *) = { keep_putting, keep_putting, keep_loading, keep_reading,
					     keep_reading };
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &shared), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&shared.failures), 0);
	int64_t last = THREAD_ROUND * 2 - 1;
	assert_reads(shared.store, "puts", S("t"),
		     (struct asof_str){ (char *)&last, sizeof(last) });
}

int
main(void)
{
	struct CMUnitTest tests[] = {
		STORE_TEST(a_load_is_seen_at_its_commit_and_replaces_all),
		STORE_TEST(an_aborted_load_leaves_all_as_it_was),
		STORE_TEST(rows_of_a_load_may_come_in_any_order_and_twice),
		STORE_TEST(a_table_has_one_load_at_a_time),
		STORE_TEST(a_put_during_a_load_survives_the_switch),
		STORE_TEST(meta_belongs_to_the_generation),
		STORE_TEST(tables_lists_what_exists),
		STORE_TEST(a_dropped_table_starts_anew),
		STORE_TEST(a_drop_during_a_load_leaves_the_load),
		STORE_TEST(random_writes_end_as_the_rule_says),
		STORE_TEST(threads_see_whole_puts_and_whole_loads),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
