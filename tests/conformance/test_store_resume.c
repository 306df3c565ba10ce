/* test_store_resume.c - what every online store promises of loads that are killed or left, and gone
 * on with. */
#include "base/fault.h"
#include "conformance/store_fixture.h"

#define ROWS         700 /* more than two chunks of any store */
#define VALUE_SIZE   ((size_t)64 << 10)
#define BUSY_TRIES   400
#define BUSY_WAIT_MS 20

/* Does the store outlive its process? Memory does not, nor is there another way to what the other
 * kinds without a URI are. */
static bool
outlives_a_process(void **state)
{
	const struct fixture *f = *state;
	return f->uri[0] != '\0' && strncmp(f->uri, "memory", 6) != 0;
}

/* The same store again, as another process opens it; a dead process stands in the way for a second
 * at most. */
static struct asof_store *
open_again(void **state)
{
	const struct fixture *f = *state;
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	char uri[sizeof(f->uri) + 16];
	bool is_redis = strncmp(f->uri, "redis", 5) == 0;
	(void)snprintf(uri, sizeof(uri), "%s%s", f->uri, is_redis ? "&lease=1" : "");
	assert_ok(asof_store_open(uri, &store, &err), err);
	return store;
}

static struct asof_str
key_of(int64_t number, char room[16])
{
	int len = snprintf(room, 16, "%08lld", (long long)number);
	return (struct asof_str){ room, (size_t)len };
}

/* Ends with the number and the letter. */
static struct asof_str
value_of(int64_t number, char letter, char room[VALUE_SIZE])
{
	memset(room, 'v', VALUE_SIZE);
	(void)snprintf(room, 16, "%08lld", (long long)number);
	room[8] = letter;
	return (struct asof_str){ room, VALUE_SIZE };
}

struct tagged {
	struct asof_store_load *load;
	struct asof_store_resume resume;
};

static void
tagged_done(struct tagged *t)
{
	asof_store_load_abort(t->load);
	asof_buf_done(&t->resume.last_key);
}

static enum asof_status
tagged_begin(struct tagged *t, struct asof_store *store, const char *tag, struct asof_error *err)
{
	*t = (struct tagged){ .resume = { .tag = asof_str_from(tag),
					  .last_key = ASOF_BUF(ASOF_STORE_KEY_MAX) } };
	return asof_store_load_resume(store, ASOF_STORE_NAMED("t"), &t->resume, &t->load, err);
}

/* Waits for a dead process to be seen as such. */
static void
tagged_begin_when_free(struct tagged *t, struct asof_store *store, const char *tag)
{
	struct asof_error err = { 0 };
	enum asof_status status = tagged_begin(t, store, tag, &err);
	for (int i = 0; i < BUSY_TRIES && status == ASOF_CONFLICT; i++) {
		tagged_done(t);
		server_pause(BUSY_WAIT_MS);
		status = tagged_begin(t, store, tag, &err);
	}
	assert_ok(status, err);
}

/* Rows from where the load is. */
static enum asof_status
put_rest(struct tagged *t, int64_t to, char letter, struct asof_error *err)
{
	static char room[VALUE_SIZE];
	char key[16];
	for (int64_t i = t->resume.row_count; i < to; i++) {
		struct asof_store_row one = row(key_of(i, key), value_of(i, letter, room), 1, 1);
		ASOF_TRY(asof_store_load_put(t->load, &one, 1, err));
	}
	return ASOF_OK;
}

static enum asof_status
tagged_commit(struct tagged *t, struct asof_error *err)
{
	ASOF_TRY(asof_store_load_commit(t->load, t->resume.tag, (struct asof_store_position){ 0 },
					NULL, err));
	t->load = NULL;
	return ASOF_OK;
}

/* All of it, as one who may be killed anywhere. */
static enum asof_status
load_all(struct asof_store *store, const char *tag, struct asof_error *err)
{
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	ASOF_TRY(tagged_begin(&t, store, tag, err));
	ASOF_TRY(put_rest(&t, ROWS, 'a', err));
	return tagged_commit(&t, err);
}

static void
die_at(void **state, const char *tag, const char *point, unsigned nth)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_error err = { 0 };
		struct asof_store *store = open_again(state);
		if (asof_fault_arm(point, nth, ASOF_FAULT_KILL, &err) == ASOF_OK)
			(void)load_all(store, tag, &err);
		_exit(1);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
assert_value(struct asof_store *store, int64_t number, char letter)
{
	static char room[VALUE_SIZE];
	char key[16];
	assert_reads(store, "t", key_of(number, key), value_of(number, letter, room));
}

/* The first `resumed` rows are as they were put then, of letter a; those behind it of letter b. */
static void
assert_rows(struct asof_store *store, int64_t resumed)
{
	char key[16];
	assert_value(store, 0, resumed > 0 ? 'a' : 'b');
	assert_value(store, ROWS - 1, resumed == ROWS ? 'a' : 'b');
	if (resumed > 0)
		assert_value(store, resumed - 1, 'a');
	if (resumed < ROWS)
		assert_value(store, resumed, 'b');
	assert_missing(store, "t", key_of(ROWS, key));
}

static void
assert_last_key(const struct tagged *t)
{
	char key[16];
	struct asof_str expected = key_of(t->resume.row_count - 1, key);
	if (t->resume.row_count == 0)
		expected.len = 0;
	assert_true(asof_str_equal(asof_buf_view(&t->resume.last_key), expected));
	assert_int_equal(t->resume.size_bytes, (uint64_t)t->resume.row_count * (8 + VALUE_SIZE));
}

static void
killed_at_any_point_it_goes_on_behind_what_is_durable(void **state)
{
	static const struct {
		const char *point;
		unsigned nth;
		bool has_rows;
		bool has_all;
	} cases[] = {
		{ "store.load.begun", 1, false, false },
		{ "store.load.chunk", 1, false, false },
		{ "store.load.chunk", 2, true, false },
		{ "store.load.chunk", 3, true, false },
		{ "store.load.before_switch", 1, true, true },
	};
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(tagged_done) struct tagged t = { 0 };
		assert_ok(asof_store_drop(store, "t", &err), err);
		die_at(state, "one", cases[i].point, cases[i].nth);
		assert_missing(store, "t", S("00000000"));
		tagged_begin_when_free(&t, store, "one");
		assert_int_equal(t.resume.row_count > 0, cases[i].has_rows);
		assert_int_equal(t.resume.row_count == ROWS, cases[i].has_all);
		assert_last_key(&t);
		assert_ok(put_rest(&t, ROWS, 'b', &err), err);
		assert_ok(tagged_commit(&t, &err), err);
		assert_rows(store, t.resume.row_count);
	}
}

static void
killed_twice_it_goes_on_behind_the_second_time(void **state)
{
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	int64_t first = 0;
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.chunk", 2);
	tagged_begin_when_free(&t, store, "one");
	first = t.resume.row_count;
	assert_true(asof_store_load_leave(t.load) == first && first > 0);
	t.load = NULL;
	tagged_done(&t);
	die_at(state, "one", "store.load.chunk", 2);
	tagged_begin_when_free(&t, store, "one");
	assert_true(t.resume.row_count > first && t.resume.row_count < ROWS);
	assert_ok(put_rest(&t, ROWS, 'b', &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_rows(store, t.resume.row_count);
}

static void
what_was_switched_to_is_not_gone_on_with(void **state)
{
	if (!outlives_a_process(state))
		skip();
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.after_switch", 1);
	assert_rows(store, ROWS);
	tagged_begin_when_free(&t, store, "one");
	assert_int_equal(t.resume.row_count, 0);
}

static void
another_tag_begins_anew_and_removes_what_was_left(void **state)
{
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.chunk", 2);
	tagged_begin_when_free(&t, store, "other");
	assert_int_equal(t.resume.row_count, 0);
	assert_int_equal(t.resume.last_key.len, 0);
	t.resume.row_count = ROWS - 1;
	assert_ok(put_rest(&t, ROWS, 'b', &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_missing(store, "t", S("00000000"));
	assert_value(store, ROWS - 1, 'b');
	/* Nor is there anything left of it for its own tag. */
	tagged_done(&t);
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_int_equal(t.resume.row_count, 0);
}

static void
a_load_without_a_tag_begins_anew(void **state)
{
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.chunk", 2);
	tagged_begin_when_free(&t, store, "one");
	(void)asof_store_load_leave(t.load);
	t.load = NULL;
	commit(begin(store, "t"), S(""));
	assert_missing(store, "t", S("00000000"));
	tagged_done(&t);
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_int_equal(t.resume.row_count, 0);
}

static void
a_load_that_was_left_is_gone_on_with(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_ok(put_rest(&t, 5, 'a', &err), err);
	int64_t left = asof_store_load_leave(t.load);
	t.load = NULL;
	tagged_done(&t);
	assert_missing(store, "t", S("00000000"));
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_int_equal(t.resume.row_count, left);
	assert_true(left == 5 || left == 0);
	assert_int_equal(left == 5, store->ops->load_resume != NULL);
	assert_last_key(&t);
	assert_ok(put_rest(&t, ROWS, 'b', &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_rows(store, left);
}

static void
a_load_that_was_aborted_is_not(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_ok(put_rest(&t, ROWS, 'a', &err), err);
	tagged_done(&t);
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_int_equal(t.resume.row_count, 0);
	assert_ok(tagged_commit(&t, &err), err);
	assert_missing(store, "t", S("00000000"));
}

static void
a_load_that_was_updated_is_not(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	struct asof_store_row update = row(S("00000000"), S("updated"), 0, 0);
	for (int is_left = 0; is_left < 2; is_left++) {
		ASOF_AUTO(tagged_done) struct tagged t = { 0 };
		assert_ok(tagged_begin(&t, store, "one", &err), err);
		assert_ok(put_rest(&t, 5, 'a', &err), err);
		if (is_left) {
			(void)asof_store_load_leave(t.load);
			t.load = NULL;
			tagged_done(&t);
			assert_ok(tagged_begin(&t, store, "one", &err), err);
		}
		assert_ok(asof_store_load_update(t.load, &update, 1, &err), err);
		assert_int_equal(asof_store_load_leave(t.load), 0);
		t.load = NULL;
		tagged_done(&t);
		assert_ok(tagged_begin(&t, store, "one", &err), err);
		assert_int_equal(t.resume.row_count, 0);
	}
}

/* A key on both sides of the cut: as if there were none. */
static void
the_write_rule_holds_across_the_cut(void **state)
{
	struct asof_store *store = store_of(state);
	struct asof_error err = { 0 };
	struct asof_store_row before[] = { row(S("a"), S("old"), 1, 1), row(S("b"), S("new"), 5, 5),
					   row(S("c"), S("same"), 3, 3) };
	struct asof_store_row behind[] = { row(S("a"), S("new"), 2, 0), row(S("b"), S("old"), 5, 4),
					   row(S("c"), S("again"), 3, 3), tombstone(S("d"), 1, 1) };
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	assert_ok(asof_store_load_put(t.load, before, 3, &err), err);
	int64_t left = asof_store_load_leave(t.load);
	t.load = NULL;
	tagged_done(&t);
	assert_ok(tagged_begin(&t, store, "one", &err), err);
	if (left == 0)
		assert_ok(asof_store_load_put(t.load, before, 3, &err), err);
	assert_ok(asof_store_load_put(t.load, behind, 4, &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_reads(store, "t", S("a"), S("new"));
	assert_reads(store, "t", S("b"), S("new"));
	assert_reads(store, "t", S("c"), S("again"));
	assert_missing(store, "t", S("d"));
}

/* What is put while nobody loads is in what the load ends with, under the write rule. */
static void
a_put_between_survives_the_switch(void **state)
{
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.chunk", 2);
	(void)put_one(store, "t", row(S("00000000"), S("newer"), 2, 0));
	(void)put_one(store, "t", row(S("00000001"), S("older"), 0, 0));
	(void)put_one(store, "t", row(S("put"), S("put"), 0, 0));
	tagged_begin_when_free(&t, store, "one");
	assert_true(t.resume.row_count > 2);
	(void)put_one(store, "t", row(S("00000600"), S("newer"), 2, 0));
	assert_ok(put_rest(&t, ROWS, 'b', &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_reads(store, "t", S("00000000"), S("newer"));
	assert_reads(store, "t", S("00000600"), S("newer"));
	assert_reads(store, "t", S("put"), S("put"));
	assert_value(store, 1, 'a');
	assert_value(store, ROWS - 1, 'b');
}

static void
two_do_not_go_on_at_once(void **state)
{
	if (!outlives_a_process(state))
		skip();
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = open_again(state);
	ASOF_AUTO(tagged_done) struct tagged t = { 0 };
	die_at(state, "one", "store.load.chunk", 2);
	tagged_begin_when_free(&t, store, "one");
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct tagged second = { 0 };
		_exit(tagged_begin(&second, open_again(state), "one", &err) == ASOF_CONFLICT ? 0
											     : 1);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_ok(put_rest(&t, ROWS, 'b', &err), err);
	assert_ok(tagged_commit(&t, &err), err);
	assert_rows(store, t.resume.row_count);
}

static int
tear_down_disarmed(void **state)
{
	asof_fault_disarm_all();
	return tear_down(state);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down_disarmed)
	struct CMUnitTest tests[] = {
		T(killed_at_any_point_it_goes_on_behind_what_is_durable),
		T(killed_twice_it_goes_on_behind_the_second_time),
		T(what_was_switched_to_is_not_gone_on_with),
		T(another_tag_begins_anew_and_removes_what_was_left),
		T(a_load_without_a_tag_begins_anew),
		T(a_load_that_was_left_is_gone_on_with),
		T(a_load_that_was_aborted_is_not),
		T(a_load_that_was_updated_is_not),
		T(the_write_rule_holds_across_the_cut),
		T(a_put_between_survives_the_switch),
		T(two_do_not_go_on_at_once),
	};
	return run_all_kinds(tests, ASOF_COUNTOF(tests));
}
