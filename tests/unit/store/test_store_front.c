/* test_store_front.c - the hash files of an LMDB store: what they hold, and that no stale row is
 * ever read by them. */
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "model/hash.h"
#include "store/lmdb_front.h"
#include "tempdir.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
#define KEYS       60
#define STEPS      200

static const struct asof_store_position no_position = { 0, 0 };

struct fixture {
	char dir[TEMPDIR_MAX];
	char uri[TEMPDIR_MAX + 32];
	char plain_uri[TEMPDIR_MAX + 32]; /* the same, not read past LMDB */
};

static int
set_up(void **state)
{
	static struct fixture f;
	tempdir_make(f.dir);
	(void)snprintf(f.uri, sizeof(f.uri), "lmdb:%s", f.dir);
	(void)snprintf(f.plain_uri, sizeof(f.plain_uri), "lmdb:%s?front=off", f.dir);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	asof_fault_disarm_all();
	tempdir_remove(((struct fixture *)*state)->dir);
	return 0;
}

static const struct fixture *
fixture_of(void **state)
{
	return *state;
}

static struct asof_store *
opened(const char *uri)
{
	struct asof_error err = { 0 };
	struct asof_store *store = NULL;
	assert_ok(asof_store_open(uri, &store, &err), err);
	return store;
}

static enum asof_status
copy_value(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	char(*out)[32] = arg;
	if (value.len >= sizeof(*out))
		return ASOF_FAIL(err, ASOF_LIMIT, "value of %zu bytes", value.len);
	memcpy(out[key_index], value.ptr, value.len);
	out[key_index][value.len] = '\0';
	return ASOF_OK;
}

/* "" is a missing key. */
static const char *
read_one(struct asof_store *store, struct asof_str key)
{
	static char out[1][32];
	out[0][0] = '\0';
	enum asof_status status = asof_store_get_many(store, "t", &key, 1, copy_value, out, NULL);
	return status == ASOF_OK ? out[0] : asof_status_text(status);
}

static bool
put(struct asof_store *store, const char *key, const char *value)
{
	struct asof_store_row row = { .key = asof_str_from(key), .value = asof_str_from(value) };
	size_t written = 0;
	return asof_store_put(store, ASOF_STORE_NAMED("t"), &row, 1, &written, NULL) == ASOF_OK;
}

/* Keys "a" to "e" with one value. */
static bool
load(struct asof_store *store, const char *value)
{
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *load = NULL;
	bool is_good = asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, NULL) == ASOF_OK;
	for (char key = 'a'; is_good && key <= 'e'; key++) {
		struct asof_store_row row = { .key = { &key, 1 }, .value = asof_str_from(value) };
		is_good = asof_store_load_put(load, &row, 1, NULL) == ASOF_OK;
	}
	is_good =
		is_good && asof_store_load_commit(load, S("m"), no_position, NULL, NULL) == ASOF_OK;
	if (is_good)
		load = NULL;
	return is_good;
}

/* How many files end so; with `removes` they are deleted. */
static size_t
front_files(const char *dir, const char *end, bool removes)
{
	DIR *listing = opendir(dir);
	assert_non_null(listing);
	struct dirent *entry;
	size_t count = 0;
	while ((entry = readdir(listing)) != NULL) {
		size_t len = strlen(entry->d_name);
		if (strncmp(entry->d_name, "front-", 6) != 0 || len < strlen(end) ||
		    strcmp(entry->d_name + len - strlen(end), end) != 0)
			continue;
		char path[TEMPDIR_MAX + 300];
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (removes)
			assert_int_equal(unlink(path), 0);
		count++;
	}
	(void)closedir(listing);
	return count;
}

static void
a_generation_has_one_pair_of_files(void **state)
{
	const char *dir = fixture_of(state)->dir;
	struct asof_error err = { 0 };
	struct asof_store_load *aborted = NULL;
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = opened(fixture_of(state)->uri);
	assert_true(put(store, "a", "put"));
	assert_int_equal(front_files(dir, "", false), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(load(store, "x"));
		assert_int_equal(front_files(dir, ".rows", false), 1);
		assert_int_equal(front_files(dir, ".marks", false), 1);
	}
	assert_ok(asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &aborted, &err), err);
	assert_int_equal(front_files(dir, "", false), 4);
	asof_store_load_abort(aborted);
	assert_int_equal(front_files(dir, "", false), 2);
	assert_string_equal(read_one(store, S("e")), "x");
	assert_ok(asof_store_drop(store, "t", &err), err);
	assert_int_equal(front_files(dir, "", false), 0);
	assert_string_equal(read_one(store, S("e")), "");
}

static void
a_store_may_go_without(void **state)
{
	const char *dir = fixture_of(state)->dir;
	ASOF_AUTO(asof_store_free_auto)
	struct asof_store *plain = opened(fixture_of(state)->plain_uri);
	assert_true(load(plain, "plain"));
	assert_int_equal(front_files(dir, "", false), 0);
	assert_string_equal(read_one(plain, S("c")), "plain");

	/* What one handle puts, the other reads, with the files or past them. */
	ASOF_AUTO(asof_store_free_auto) struct asof_store *front = opened(fixture_of(state)->uri);
	assert_true(load(front, "front"));
	assert_string_equal(read_one(plain, S("c")), "front");
	assert_true(put(plain, "c", "put"));
	assert_string_equal(read_one(front, S("c")), "put");
	assert_true(load(plain, "again"));
	assert_string_equal(read_one(front, S("c")), "again");
}

static void
lost_files_cost_speed_and_nothing_else(void **state)
{
	static const char *const lost[] = { ".rows", ".marks", "" };
	for (size_t i = 0; i < ASOF_COUNTOF(lost); i++) {
		ASOF_AUTO(asof_store_free_auto)
		struct asof_store *reader = opened(fixture_of(state)->uri);
		assert_true(load(reader, "loaded"));
		/* One process reads by files that are no longer there, another writes. */
		assert_string_equal(read_one(reader, S("a")), "loaded");
		assert_true(front_files(fixture_of(state)->dir, lost[i], true) > 0);
		pid_t child = fork();
		if (child == 0) {
			struct asof_store *store = opened(fixture_of(state)->uri);
			bool is_good = strcmp(read_one(store, S("b")), "loaded") == 0 &&
				       put(store, "a", "put") && put(store, "new", "put") &&
				       strcmp(read_one(store, S("a")), "put") == 0;
			_exit(is_good ? 0 : 1);
		}
		int exit_status = -1;
		assert_int_equal(waitpid(child, &exit_status, 0), child);
		assert_int_equal(exit_status, 0);
		assert_string_equal(read_one(reader, S("a")), "put");
		assert_string_equal(read_one(reader, S("new")), "put");
		assert_string_equal(read_one(reader, S("b")), "loaded");
	}
}

/* What a child that dies at `point` leaves. */
static void
die_at(const char *uri, const char *point)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_store *store = opened(uri);
		bool is_load = strncmp(point, "store.put", 9) != 0;
		if (asof_fault_arm(point, 1, ASOF_FAULT_KILL, NULL) == ASOF_OK)
			(void)(is_load ? load(store, "new") : put(store, "a", "new"));
		_exit(1);
	}
	int exit_status = 0;
	assert_int_equal(waitpid(child, &exit_status, 0), child);
	assert_true(WIFSIGNALED(exit_status));
}

static void
kill_9_never_leaves_a_stale_row_to_be_read(void **state)
{
	static const struct {
		const char *point;
		const char *value; /* of "a", afterwards */
	} cases[] = {
		{ "store.put.before_commit", "old" },  { "store.put.after_commit", "new" },
		{ "store.load.begun", "old" },         { "store.load.chunk", "old" },
		{ "store.front.indexed", "old" },      { "store.front.sealed", "old" },
		{ "store.load.before_switch", "old" }, { "store.load.after_switch", "new" },
	};
	const char *uri = fixture_of(state)->uri;
	ASOF_AUTO(asof_store_free_auto) struct asof_store *reader = opened(uri);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		assert_true(load(reader, "old"));
		assert_string_equal(read_one(reader, S("a")), "old");
		die_at(uri, cases[i].point);
		assert_string_equal(read_one(reader, S("a")), cases[i].value);
		/* What was left behind is marked by what is put now, and gone with the next load.
		 */
		assert_true(put(reader, "b", "put"));
		assert_string_equal(read_one(reader, S("b")), "put");
		assert_true(load(reader, "next"));
		assert_string_equal(read_one(reader, S("b")), "next");
		assert_int_equal(front_files(fixture_of(state)->dir, "", false), 2);
	}
}

/* ---- One map, two processes ---- */

/* What the store must hold; both processes work it out from the same random numbers. */
struct row {
	bool is_known;
	bool is_tombstone;
	int64_t event_us;
	int64_t created_us;
	uint32_t number;
};
struct model {
	struct row current[KEYS];
	struct row loading[KEYS];
	int loader; /* which process has a load under way; -1: none */
	uint64_t random;
	bool exists;
	int64_t row_count; /* made so far: no two have equal times */
};

static uint32_t
pick(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(m->random >> 33) % below;
}

/* Every ninth key is too long to be indexed. */
static struct asof_str
key_of(uint32_t k, char room[600])
{
	size_t len = k % 9 == 0 ? 510 + k : 3 + k % 5;
	memset(room, 'k', len);
	room[len - 1] = (char)k;
	return (struct asof_str){ room, len };
}

static void
apply(struct row rows[KEYS], uint32_t k, struct row fresh)
{
	struct row *old = &rows[k];
	bool wins = !old->is_known || fresh.event_us > old->event_us ||
		    (fresh.event_us == old->event_us && fresh.created_us >= old->created_us);
	if (wins)
		*old = fresh;
}

/* A random row, in the model and as the store takes it. */
static struct asof_store_row
random_row(struct model *m, uint32_t *ret_k, struct row *ret_row, char room[600], uint32_t *number)
{
	*ret_k = pick(m, KEYS);
	*ret_row = (struct row){ true, pick(m, 6) == 0, pick(m, 5), 0, pick(m, 1 << 30) };
	ret_row->created_us = (int64_t)pick(m, 3) * 1000000 + m->row_count++;
	*number = ret_row->number;
	return (struct asof_store_row){ .key = key_of(*ret_k, room),
					.value = { (char *)number, sizeof(*number) },
					.event_us = ret_row->event_us,
					.created_us = ret_row->created_us,
					.is_tombstone = ret_row->is_tombstone };
}

static bool
step_put(struct model *m, struct asof_store *store, bool acts)
{
	char room[600];
	uint32_t k;
	uint32_t number;
	struct row row;
	size_t written;
	struct asof_store_row one = random_row(m, &k, &row, room, &number);
	m->exists = true;
	apply(m->current, k, row);
	if (m->loader >= 0)
		apply(m->loading, k, row);
	return !acts ||
	       asof_store_put(store, ASOF_STORE_NAMED("t"), &one, 1, &written, NULL) == ASOF_OK;
}

/* Replaces whatever was there, in what is read and not in what is loaded. */
static bool
step_update(struct model *m, struct asof_store *store, bool acts)
{
	char room[600];
	uint32_t k;
	uint32_t number;
	struct row row;
	struct asof_store_mark mark;
	struct asof_store_row one = random_row(m, &k, &row, room, &number);
	if (!m->exists)
		return true;
	m->current[k] = row;
	return !acts || (asof_store_mark(store, "t", &mark, NULL) == ASOF_OK &&
			 asof_store_update(store, ASOF_STORE_NAMED("t"), &mark,
					   (struct asof_store_position){ 1, m->row_count }, &one, 1,
					   NULL) == ASOF_OK);
}

static bool
step_load_rows(struct model *m, struct asof_store_load *load, bool acts)
{
	bool is_good = true;
	for (int i = 0; i < 8; i++) {
		char room[600];
		uint32_t k;
		uint32_t number;
		struct row row;
		struct asof_store_row one = random_row(m, &k, &row, room, &number);
		apply(m->loading, k, row);
		is_good = is_good && (!acts || asof_store_load_put(load, &one, 1, NULL) == ASOF_OK);
	}
	return is_good;
}

/* Either process ends the load that it began. */
static bool
step_load(struct model *m, struct asof_store *store, struct asof_store_load **load, int who,
	  bool acts)
{
	if (m->loader < 0) {
		m->loader = who;
		memset(m->loading, 0, sizeof(m->loading));
		return !acts ||
		       asof_store_load_begin(store, ASOF_STORE_NAMED("t"), load, NULL) == ASOF_OK;
	}
	if (m->loader != who)
		return true;
	if (pick(m, 3) > 0)
		return step_load_rows(m, *load, acts);
	m->loader = -1;
	if (pick(m, 4) == 0) {
		if (acts)
			asof_store_load_abort(*load);
		return true;
	}
	m->exists = true;
	memcpy(m->current, m->loading, sizeof(m->current));
	return !acts || asof_store_load_commit(*load, S("m"), no_position, NULL, NULL) == ASOF_OK;
}

static bool
take_step(struct model *m, struct asof_store *store, struct asof_store_load **load, int who,
	  bool acts)
{
	switch (pick(m, 6)) {
	case 0:
	case 1:
		return step_load(m, store, load, who, acts);
	case 2:
		return step_update(m, store, acts);
	default:
		return step_put(m, store, acts);
	}
}

struct found {
	uint32_t number[KEYS];
	bool is_found[KEYS];
	size_t first;
};

static enum asof_status
note_number(void *arg, size_t index, struct asof_str value, struct asof_error *err)
{
	struct found *found = arg;
	if (value.len != sizeof(uint32_t))
		return ASOF_FAIL(err, ASOF_CORRUPT, "value of %zu bytes", value.len);
	memcpy(&found->number[found->first + index], value.ptr, value.len);
	found->is_found[found->first + index] = true;
	return ASOF_OK;
}

/* All keys in one call, or one by one: the two ways of reading. */
static bool
is_as_expected(const struct model *m, struct asof_store *store, size_t at_once)
{
	static char rooms[KEYS][600];
	struct asof_str keys[KEYS];
	struct found found = { 0 };
	for (uint32_t k = 0; k < KEYS; k++)
		keys[k] = key_of(k, rooms[k]);
	for (found.first = 0; found.first < KEYS; found.first += at_once) {
		if (asof_store_get_many(store, "t", keys + found.first, at_once, note_number,
					&found, NULL) != ASOF_OK)
			return false;
	}
	for (uint32_t k = 0; k < KEYS; k++) {
		const struct row *row = &m->current[k];
		bool is_there = row->is_known && !row->is_tombstone;
		if (is_there != found.is_found[k] || (is_there && row->number != found.number[k]))
			return false;
	}
	return true;
}

/* The processes take turns; each step is done by one, and both look. */
static bool
take_turns(const char *uri, int who, int from_other, int to_other, uint64_t seed)
{
	static struct model m;
	m = (struct model){ .loader = -1, .random = seed };
	ASOF_AUTO(asof_store_free_auto) struct asof_store *store = opened(uri);
	struct asof_store_load *load = NULL;
	char token = 't';
	bool is_good = true;
	for (int step = 0; is_good && step < STEPS; step++) {
		bool acts = step % 2 == who;
		if (!acts)
			is_good = read(from_other, &token, 1) == 1;
		is_good = is_good && take_step(&m, store, &load, step % 2, acts);
		is_good = is_good && is_as_expected(&m, store, step % 3 == 0 ? KEYS : 1);
		if (acts)
			is_good = is_good && write(to_other, &token, 1) == 1;
		/* Nobody goes on before the other has looked. */
		if (acts)
			is_good = is_good && read(from_other, &token, 1) == 1;
		else
			is_good = is_good && write(to_other, &token, 1) == 1;
	}
	if (m.loader == who)
		asof_store_load_abort(load);
	return is_good;
}

static void
two_processes_read_what_a_map_holds(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		int down[2];
		int up[2];
		assert_int_equal(pipe(down), 0);
		assert_int_equal(pipe(up), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			(void)close(down[1]);
			(void)close(up[0]);
			_exit(take_turns(fixture_of(state)->uri, 1, down[0], up[1], seed) ? 0 : 1);
		}
		(void)close(down[0]);
		(void)close(up[1]);
		bool is_good = take_turns(fixture_of(state)->uri, 0, up[0], down[1], seed);
		(void)close(down[1]);
		(void)close(up[0]);
		int exit_status = -1;
		assert_int_equal(waitpid(child, &exit_status, 0), child);
		assert_true(is_good);
		assert_int_equal(exit_status, 0);
		struct asof_error err = { 0 };
		ASOF_AUTO(asof_store_free_auto)
		struct asof_store *store = opened(fixture_of(state)->uri);
		assert_ok(asof_store_drop(store, "t", &err), err);
	}
}

/* ---- The files alone ---- */

static struct asof_front_name
name_in(void **state, uint64_t id)
{
	return (struct asof_front_name){ fixture_of(state)->dir, 7, id };
}

static void
append(struct asof_front_writer *writer, const char *key, const char *value, int64_t event_us)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(4096);
	struct asof_store_row row = { .key = asof_str_from(key),
				      .value = asof_str_from(value),
				      .event_us = event_us };
	asof_lmdb_pack(&packed, &row, asof_hash64);
	assert_ok(asof_front_append(writer, asof_buf_view(&packed), &err), err);
}

static struct asof_front *
front_of_many(void **state, unsigned count)
{
	struct asof_error err = { 0 };
	struct asof_front_writer writer;
	struct asof_front *front = NULL;
	assert_ok(asof_front_create(name_in(state, 9), &writer, &err), err);
	for (int64_t pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < count; i++) {
			char key[16];
			(void)snprintf(key, sizeof(key), "%u", i);
			append(&writer, key, pass ? "second" : "first", pass * (i % 2 ? 1 : -1));
		}
		assert_ok(asof_front_seal(&writer, &err), err); /* again, with more */
	}
	asof_front_writer_done(&writer);
	assert_ok(asof_front_open(name_in(state, 9), &front, &err), err);
	return front;
}

static void
a_front_finds_the_row_that_wins(void **state)
{
	const unsigned count = 5000;
	ASOF_AUTO(asof_front_close_auto) struct asof_front *front = front_of_many(state, count);
	for (unsigned i = 0; i < count * 2; i++) {
		char text[16];
		struct asof_str entry;
		struct asof_str value;
		bool is_found = false;
		(void)snprintf(text, sizeof(text), "%u", i);
		struct asof_str key = asof_str_from(text);
		enum asof_front_answer answer =
			asof_front_find(front, key, asof_hash64(key), &entry);
		assert_false(asof_front_is_marked(front, key, asof_hash64(key)));
		assert_int_equal(answer, i < count ? ASOF_FRONT_FOUND : ASOF_FRONT_MISSING);
		if (i >= count)
			continue;
		assert_true(asof_lmdb_bucket_find(entry, key, &is_found, &value));
		assert_true(is_found && asof_str_equal(value, i % 2 ? S("second") : S("first")));
	}
}

static void
a_mark_is_seen_by_who_has_the_front_open(void **state)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_front_close_auto) struct asof_front *front = front_of_many(state, 100);
	ASOF_AUTO(asof_buf_done) struct asof_buf packed = ASOF_BUF(4096);
	struct asof_store_row row = { .key = S("17"), .value = S("v") };
	asof_lmdb_pack(&packed, &row, asof_hash64);
	assert_ok(asof_front_mark(name_in(state, 9), asof_buf_view(&packed), &err), err);
	assert_true(asof_front_is_marked(front, row.key, asof_hash64(row.key)));
	assert_false(asof_front_is_marked(front, S("18"), asof_hash64(S("18"))));
	assert_int_equal(asof_front_mark(name_in(state, 8), asof_buf_view(&packed), &err), ASOF_IO);
	asof_front_remove_others(name_in(state, 1), 9);
	assert_int_equal(front_files(fixture_of(state)->dir, "", false), 2);
	asof_front_remove_others(name_in(state, 1), 2);
	assert_int_equal(front_files(fixture_of(state)->dir, "", false), 0);
}

/* Write `len` bytes of `byte` at `offset` of the .rows file. */
static void
damage(void **state, long offset, int byte, size_t len)
{
	char path[ASOF_FRONT_PATH_MAX];
	asof_front_path(name_in(state, 9), ".rows", path);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(fputc(byte, file), byte);
	assert_int_equal(fclose(file), 0);
}

static void
damaged_files_are_not_read(void **state)
{
	struct asof_error err = { 0 };
	struct asof_front *front = front_of_many(state, 100);
	struct asof_str entry;
	struct asof_str key = S("17");
	long index_at = (long)((const char *)front->slots - front->rows);
	size_t slots = front->slot_mask + 1;
	asof_front_close(front);

	/* Slots that point behind the rows. */
	damage(state, index_at, 0xee, slots * 8);
	assert_ok(asof_front_open(name_in(state, 9), &front, &err), err);
	for (uint64_t tag = 0; tag < 3; tag++)
		assert_int_not_equal(
			asof_front_find(front, key, UINT64_C(0xeeee) << 48 | tag, &entry),
			ASOF_FRONT_FOUND);
	asof_front_close(front);

	damage(state, 24, 0xff, 4);
	assert_int_equal(asof_front_open(name_in(state, 9), &front, &err), ASOF_CORRUPT);
	assert_int_equal(asof_front_open(name_in(state, 8), &front, &err), ASOF_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_generation_has_one_pair_of_files, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_store_may_go_without, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_files_cost_speed_and_nothing_else, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(kill_9_never_leaves_a_stale_row_to_be_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(two_processes_read_what_a_map_holds, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_front_finds_the_row_that_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mark_is_seen_by_who_has_the_front_open, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(damaged_files_are_not_read, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
