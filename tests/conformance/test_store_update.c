/* test_store_update.c - what every online store promises of marks, updates and positions. */
#include <stdatomic.h>

#include "conformance/store_fixture.h"

#define LOG 42

static struct asof_store_position
at(int64_t version)
{
	return (struct asof_store_position){ LOG, version };
}

static struct asof_store_mark
mark_of(struct asof_store *store, const char *table)
{
	struct asof_error err = { 0 };
	struct asof_store_mark mark = { 1, { 1, 1 } };
	assert_ok(asof_store_mark(store, table, &mark, &err), err);
	return mark;
}

static void
assert_mark(struct asof_store *store, const char *table, struct asof_store_mark expected)
{
	struct asof_store_mark mark = mark_of(store, table);
	assert_int_equal(mark.generation, expected.generation);
	assert_int_equal(mark.position.log, expected.position.log);
	assert_int_equal(mark.position.version, expected.position.version);
}

static void
update_one(struct asof_store *store, const char *table, struct asof_store_mark mark,
	   int64_t to_version, struct asof_store_row one)
{
	struct asof_error err = { 0 };
	assert_ok(asof_store_update(store, ASOF_STORE_NAMED(table), &mark, at(to_version), &one, 1,
				    &err),
		  err);
}

static void
assert_update_conflicts(struct asof_store *store, const char *table, struct asof_store_mark mark,
			int64_t to_version)
{
	struct asof_error err = { 0 };
	struct asof_store_row one = row(S("k"), S("conflict"), 99, 99);
	assert_int_equal(asof_store_update(store, ASOF_STORE_NAMED(table), &mark, at(to_version),
					   &one, 1, &err),
			 ASOF_CONFLICT);
	assert_non_null(strstr(err.message, table));
}

static void
commit_at(struct asof_store_load *load, struct asof_store_position position)
{
	struct asof_error err = { 0 };
	assert_ok(asof_store_load_commit(load, S("m"), position, NULL, &err), err);
}

static void
a_missing_table_is_at_nothing(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	assert_mark(store, "t", (struct asof_store_mark){ 0 });
	assert_update_conflicts(store, "t", (struct asof_store_mark){ 1, { 0 } }, 0);
	struct asof_store_load *load = begin(store, "t");
	assert_mark(store, "t", (struct asof_store_mark){ 0 });
	asof_store_load_abort(load);
	commit_at(begin(store, "t"), at(3));
	assert_int_equal(mark_of(store, "t").position.version, 3);
	assert_ok(asof_store_drop(store, "t", &err), err);
	assert_mark(store, "t", (struct asof_store_mark){ 0 });
}

static void
a_generation_never_comes_again(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	uint64_t seen = 0;
	for (int round = 0; round < 4; round++) {
		if (round % 2)
			(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
		else
			commit_at(begin(store, "t"), at(0));
		struct asof_store_mark mark = mark_of(store, "t");
		assert_true(mark.generation > seen);
		seen = mark.generation;
		(void)put_one(store, "t", row(S("k"), S("w"), 1, 1));
		assert_mark(store, "t", mark);
		if (round % 2 == 0) {
			commit_at(begin(store, "t"), at(0));
			assert_true(mark_of(store, "t").generation > seen);
			assert_update_conflicts(store, "t", mark, 1);
			seen = mark_of(store, "t").generation;
		}
		assert_ok(asof_store_drop(store, "t", &err), err);
	}
}

static void
an_update_replaces_rows_and_position_together(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("k"), S("old"), 9, 9));
	load_one(load, row(S("gone"), S("old"), 9, 9));
	load_one(load, row(S("kept"), S("old"), 9, 9));
	commit_at(load, at(4));
	struct asof_store_mark mark = mark_of(store, "t");
	const struct asof_store_row rows[] = {
		row(S("k"), S("not the last"), 10, 10),
		row(S("k"), S("older, and in"), 1, 1),
		tombstone(S("gone"), 1, 1),
		row(S("new"), S("v"), 1, 1),
	};
	assert_ok(asof_store_update(store, ASOF_STORE_NAMED("t"), &mark, at(6), rows,
				    ASOF_COUNTOF(rows), &err),
		  err);
	assert_reads(store, "t", S("k"), S("older, and in"));
	assert_missing(store, "t", S("gone"));
	assert_reads(store, "t", S("kept"), S("old"));
	assert_reads(store, "t", S("new"), S("v"));
	mark.position = at(6);
	assert_mark(store, "t", mark);
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_string_equal(asof_buf_cstr(&meta), "m");
	assert_ok(asof_store_update(store, ASOF_STORE_NAMED("t"), &mark, at(7), NULL, 0, &err),
		  err);
	assert_int_equal(mark_of(store, "t").position.version, 7);
}

static void
an_update_from_another_mark_changes_nothing(void **state)
{
	struct asof_store *store = store_of(state);
	(void)put_one(store, "t", row(S("k"), S("v"), 1, 1));
	struct asof_store_mark first = mark_of(store, "t");
	assert_int_equal(first.position.log, 0);
	update_one(store, "t", first, 0, row(S("k"), S("0"), 1, 1));
	assert_update_conflicts(store, "t", first, 1);
	struct asof_store_mark second = mark_of(store, "t");
	second.position.log++;
	assert_update_conflicts(store, "t", second, 1);
	second = mark_of(store, "t");
	second.generation++;
	assert_update_conflicts(store, "t", second, 1);
	assert_reads(store, "t", S("k"), S("0"));
	assert_int_equal(mark_of(store, "t").position.version, 0);
	update_one(store, "t", mark_of(store, "t"), 1, row(S("k"), S("1"), 1, 1));
	assert_reads(store, "t", S("k"), S("1"));
}

static void
keys_of_any_length_are_updated(void **state)
{
	static char bytes[ASOF_STORE_KEY_MAX];
	struct asof_store *store = store_of(state);
	const size_t lengths[] = { 1, 500, 501, 511, 512, ASOF_STORE_KEY_MAX };
	commit_at(begin(store, "t"), at(0));
	for (int64_t i = 0; i < 2 * (int64_t)ASOF_COUNTOF(lengths); i++) {
		struct asof_str key = { bytes, lengths[i / 2] };
		struct asof_str value = { (const char *)&i, sizeof(i) };
		update_one(store, "t", mark_of(store, "t"), i + 1, row(key, value, -i, 0));
		assert_reads(store, "t", key, value);
	}
}

static void
a_load_sees_what_it_loaded_and_may_replace_it(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	(void)put_one(store, "t", row(S("a"), S("current"), 1, 1));
	struct asof_store_load *load = begin(store, "t");
	load_one(load, row(S("b"), S("loaded"), 9, 9));
	load_one(load, row(S("c"), S("loaded"), 9, 9));
	load_one(load, tombstone(S("d"), 9, 9));
	const struct asof_str keys[] = { S("a"), S("b"), S("c"), S("d") };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	assert_ok(asof_store_load_get_many(load, keys, 4, remember, &seen, &err), err);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.index_sum, 1 + 2);

	const struct asof_store_row rows[] = { row(S("b"), S("twice"), 5, 5),
					       row(S("b"), S("older"), 1, 1),
					       row(S("e"), S("added"), 1, 1) };
	assert_ok(asof_store_load_update(load, rows, 3, &err), err);
	assert_ok(asof_store_load_get_many(load, keys + 1, 1, remember, &seen, &err), err);
	assert_string_equal(asof_buf_cstr(&seen.last), "older");
	load_one(load, row(S("e"), S("newer"), 2, 2));
	assert_reads(store, "t", S("a"), S("current"));
	commit_at(load, at(1));
	assert_missing(store, "t", S("a"));
	assert_reads(store, "t", S("b"), S("older"));
	assert_reads(store, "t", S("c"), S("loaded"));
	assert_reads(store, "t", S("e"), S("newer"));
}

static void
a_load_switches_only_from_the_mark_it_caught_up_with(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	struct asof_store_mark none = { 0 };
	struct asof_store_load *load = begin(store, "t");
	(void)put_one(store, "t", row(S("k"), S("put"), 1, 1));
	assert_int_equal(asof_store_load_commit(load, S("m"), at(0), &none, &err), ASOF_CONFLICT);
	struct asof_store_mark mark = mark_of(store, "t");
	assert_ok(asof_store_load_commit(load, S("m"), at(0), &mark, &err), err);

	load = begin(store, "t");
	load_one(load, row(S("k"), S("loaded"), 1, 1));
	mark = mark_of(store, "t");
	update_one(store, "t", mark, 1, row(S("k"), S("pushed"), 1, 1));
	assert_int_equal(asof_store_load_commit(load, S("n"), at(0), &mark, &err), ASOF_CONFLICT);
	assert_reads(store, "t", S("k"), S("pushed"));
	struct asof_store_row one = row(S("k"), S("loaded and pushed"), 1, 1);
	assert_ok(asof_store_load_update(load, &one, 1, &err), err);
	mark = mark_of(store, "t");
	assert_ok(asof_store_load_commit(load, S("n"), at(1), &mark, &err), err);
	assert_reads(store, "t", S("k"), S("loaded and pushed"));
	assert_int_equal(mark_of(store, "t").position.version, 1);
	assert_update_conflicts(store, "t", mark, 2);
}

static void
an_update_during_a_load_is_not_in_the_load(void **state)
{
	struct asof_store *store = store_of(state);
	commit_at(begin(store, "t"), at(0));
	struct asof_store_load *load = begin(store, "t");
	update_one(store, "t", mark_of(store, "t"), 1, row(S("k"), S("v"), 1, 1));
	asof_store_load_abort(load);
	assert_reads(store, "t", S("k"), S("v"));
	load = begin(store, "t");
	update_one(store, "t", mark_of(store, "t"), 2, row(S("k"), S("w"), 1, 1));
	commit_at(load, at(0));
	assert_missing(store, "t", S("k"));
	assert_int_equal(mark_of(store, "t").position.version, 0);
}

/* Threads append the next version to what stands there; a loader copies what it sees meanwhile. */
#define THREADS  3
#define VERSIONS 60

struct shared {
	struct asof_store *store;
	atomic_int failures;
};

static enum asof_status
copy_number(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	(void)key_index;
	(void)err;
	memcpy(arg, value.ptr, sizeof(int64_t));
	return ASOF_OK;
}

/* One step from the mark: the number there and one more. */
static enum asof_status
add_one(struct asof_store *store, bool *ret_is_done)
{
	struct asof_store_mark mark;
	int64_t number = -1;
	struct asof_str key = S("n");
	ASOF_TRY(asof_store_mark(store, "t", &mark, NULL));
	*ret_is_done = mark.position.version == VERSIONS;
	if (*ret_is_done)
		return ASOF_OK;
	ASOF_TRY(asof_store_get_many(store, "t", &key, 1, copy_number, &number, NULL));
	number++;
	struct asof_store_row one = row(key, (struct asof_str){ (char *)&number, 8 }, 0, 0);
	return asof_store_update(store, ASOF_STORE_NAMED("t"), &mark, at(mark.position.version + 1),
				 &one, 1, NULL);
}

static void *
keep_adding(void *arg)
{
	struct shared *shared = arg;
	for (bool is_done = false; !is_done;) {
		enum asof_status status = add_one(shared->store, &is_done);
		if (status != ASOF_OK && status != ASOF_CONFLICT) {
			atomic_fetch_add(&shared->failures, 1);
			return NULL;
		}
	}
	return NULL;
}

static enum asof_status
reload(struct asof_store *store, bool *ret_is_done)
{
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *load = NULL;
	struct asof_store_mark mark;
	int64_t number = -1;
	struct asof_str key = S("n");
	ASOF_TRY(asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, NULL));
	enum asof_status status = ASOF_CONFLICT;
	for (int tries = 0; status == ASOF_CONFLICT && tries < 1000; tries++) {
		ASOF_TRY(asof_store_mark(store, "t", &mark, NULL));
		ASOF_TRY(asof_store_get_many(store, "t", &key, 1, copy_number, &number, NULL));
		struct asof_store_row one = row(key, (struct asof_str){ (char *)&number, 8 }, 0, 0);
		ASOF_TRY(asof_store_load_update(load, &one, number >= 0, NULL));
		status = asof_store_load_commit(load, S("m"), mark.position, &mark, NULL);
	}
	if (status == ASOF_OK)
		load = NULL;
	*ret_is_done = mark.position.version == VERSIONS;
	return status;
}

static void *
keep_reloading(void *arg)
{
	struct shared *shared = arg;
	for (bool is_done = false; !is_done;) {
		if (reload(shared->store, &is_done) == ASOF_OK)
			continue;
		atomic_fetch_add(&shared->failures, 1);
		return NULL;
	}
	return NULL;
}

static void
threads_and_a_load_merge_each_version_once(void **state)
{
	struct shared shared = { .store = store_of(state) };
	pthread_t threads[THREADS + 1];
	commit_at(begin(shared.store, "t"), at(0));
	for (size_t i = 0; i <= THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i < THREADS ? keep_adding : keep_reloading,
						&shared),
				 0);
	for (size_t i = 0; i <= THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&shared.failures), 0);
	int64_t last = VERSIONS - 1;
	assert_reads(shared.store, "t", S("n"), (struct asof_str){ (char *)&last, sizeof(last) });
}

int
main(void)
{
	struct CMUnitTest tests[] = {
		STORE_TEST(a_missing_table_is_at_nothing),
		STORE_TEST(a_generation_never_comes_again),
		STORE_TEST(an_update_replaces_rows_and_position_together),
		STORE_TEST(an_update_from_another_mark_changes_nothing),
		STORE_TEST(keys_of_any_length_are_updated),
		STORE_TEST(a_load_sees_what_it_loaded_and_may_replace_it),
		STORE_TEST(a_load_switches_only_from_the_mark_it_caught_up_with),
		STORE_TEST(an_update_during_a_load_is_not_in_the_load),
		STORE_TEST(threads_and_a_load_merge_each_version_once),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
