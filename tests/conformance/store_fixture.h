/* store_fixture.h - each online store opened fresh for a test, and short ways to use it. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "postgres_server.h"
#include "redis_server.h"
#include "store/store.h"
#include "store/store_fault.h"
#include "store/store_impls.h"
#include "tempdir.h"

#define S(literal)  ((struct asof_str){ literal, sizeof(literal) - 1 })
#define VALUE_BYTES 64

struct fixture;

/* A kind of store; one with a server of its own starts it once for all tests. */
struct kind {
	const char *name;
	void (*open)(struct fixture *f); /* an empty store, into f->store */
	bool (*start)(void);             /* false: cannot be had here. NULL: nothing to start */
	void (*stop)(void);
};

struct fixture {
	const struct kind *kind;
	char dir[TEMPDIR_MAX];
	char uri[256]; /* "": the store has none */
	struct asof_store *store;
};

static inline void
open_uri(struct fixture *f, const char *uri)
{
	struct asof_error err = { 0 };
	(void)snprintf(f->uri, sizeof(f->uri), "%s", uri);
	assert_ok(asof_store_open(uri, &f->store, &err), err);
}

static inline void
open_memory(struct fixture *f)
{
	open_uri(f, "memory:");
}

static inline void
open_lmdb(struct fixture *f)
{
	char uri[TEMPDIR_MAX + 32];
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/a/b", f->dir);
	open_uri(f, uri);
}

static inline void
open_lmdb_plain(struct fixture *f)
{
	char uri[TEMPDIR_MAX + 32];
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/a/b?front=off", f->dir);
	open_uri(f, uri);
}

/* All long keys with one beginning have one stored key. */
static inline uint64_t
same_hash(struct asof_str bytes)
{
	(void)bytes;
	return 7;
}

static inline void
open_lmdb_colliding(struct fixture *f)
{
	struct asof_error err = { 0 };
	assert_ok(asof_store_lmdb_open_hashed(asof_str_from(f->dir), same_hash, &f->store, &err),
		  err);
}

static inline void
open_fault(struct fixture *f)
{
	struct asof_error err = { 0 };
	struct asof_store *inner = NULL;
	assert_ok(asof_store_open("memory", &inner, &err), err);
	assert_ok(asof_store_fault_wrap(inner, &f->store, &err), err);
}

static inline struct server *
postgres_of_tests(void)
{
	static struct server server;
	return &server;
}

static inline bool
start_postgres(void)
{
	return postgres_start(postgres_of_tests());
}

static inline void
stop_postgres(void)
{
	postgres_stop(postgres_of_tests());
}

/* Each test has a schema of its own. */
static inline void
open_postgres(struct fixture *f)
{
	static int schema;
	char server_uri[200];
	char uri[256];
	postgres_uri(postgres_of_tests(), server_uri, sizeof(server_uri));
	(void)snprintf(uri, sizeof(uri), "%s?schema=t%d", server_uri, ++schema);
	open_uri(f, uri);
}

static inline struct server *
redis_of_tests(void)
{
	static struct server server;
	return &server;
}

static inline bool
start_redis(void)
{
	return redis_start(redis_of_tests());
}

static inline void
stop_redis(void)
{
	server_stop(redis_of_tests());
}

/* Each test has keys of its own. */
static inline void
open_redis(struct fixture *f)
{
	static int count;
	char uri[128];
	(void)snprintf(uri, sizeof(uri), "redis://127.0.0.1:%d/1?prefix=t%d",
		       redis_of_tests()->port, count++);
	open_uri(f, uri);
}

static inline int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->kind = *state;
	tempdir_make(f->dir);
	f->kind->open(f);
	*state = f;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct fixture *f = *state;
	asof_store_free(f->store);
	tempdir_remove(f->dir);
	free(f);
	return 0;
}

static inline struct asof_store *
store_of(void **state)
{
	return ((struct fixture *)*state)->store;
}

static inline struct asof_store_row
row(struct asof_str key, struct asof_str value, int64_t event_us, int64_t created_us)
{
	return (struct asof_store_row){ key, value, event_us, created_us, false, NULL };
}

static inline struct asof_store_row
tombstone(struct asof_str key, int64_t event_us, int64_t created_us)
{
	return (struct asof_store_row){ key, { NULL, 0 }, event_us, created_us, true, NULL };
}

static inline size_t
put_rows(struct asof_store *store, const char *table, const struct asof_store_row *rows,
	 size_t count)
{
	struct asof_error err = { 0 };
	size_t written = SIZE_MAX;
	assert_ok(asof_store_put(store, ASOF_STORE_NAMED(table), rows, count, &written, &err), err);
	return written;
}

static inline size_t
put_one(struct asof_store *store, const char *table, struct asof_store_row one)
{
	return put_rows(store, table, &one, 1);
}

/* What a single key reads as, as a C string; NULL: missing. */
struct seen {
	size_t count;
	size_t index_sum;
	struct asof_buf last;
};

static inline enum asof_status
remember(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	struct seen *seen = arg;
	seen->count++;
	seen->index_sum += key_index;
	asof_buf_clear(&seen->last);
	asof_buf_add_str(&seen->last, value);
	return asof_buf_status(&seen->last, err);
}

static inline void
seen_done(struct seen *seen)
{
	asof_buf_done(&seen->last);
}

#define SEEN ((struct seen){ .last = ASOF_BUF(ASOF_STORE_VALUE_MAX) })

static inline void
assert_reads(struct asof_store *store, const char *table, struct asof_str key,
	     struct asof_str value)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	assert_ok(asof_store_get_many(store, table, &key, 1, remember, &seen, &err), err);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last.len, value.len);
	if (value.len > 0)
		assert_memory_equal(seen.last.ptr, value.ptr, value.len);
}

static inline void
assert_missing(struct asof_store *store, const char *table, struct asof_str key)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(seen_done) struct seen seen = SEEN;
	assert_ok(asof_store_get_many(store, table, &key, 1, remember, &seen, &err), err);
	assert_int_equal(seen.count, 0);
}

static inline struct asof_store_load *
begin(struct asof_store *store, const char *table)
{
	struct asof_error err = { 0 };
	struct asof_store_load *load = NULL;
	assert_ok(asof_store_load_begin(store, ASOF_STORE_NAMED(table), &load, &err), err);
	return load;
}

static inline void
load_one(struct asof_store_load *load, struct asof_store_row one)
{
	struct asof_error err = { 0 };
	assert_ok(asof_store_load_put(load, &one, 1, &err), err);
}

static inline void
commit(struct asof_store_load *load, struct asof_str meta)
{
	struct asof_error err = { 0 };
	assert_ok(asof_store_load_commit(load, meta, (struct asof_store_position){ 0 }, NULL, &err),
		  err);
}

/* A store is added here. */
static const struct kind kinds[] = {
	{ "memory", open_memory, NULL, NULL },
	{ "lmdb", open_lmdb, NULL, NULL },
	{ "lmdb, without hash files", open_lmdb_plain, NULL, NULL },
	{ "lmdb, equal hashes", open_lmdb_colliding, NULL, NULL },
	{ "fault over memory", open_fault, NULL, NULL },
	{ "postgres", open_postgres, start_postgres, stop_postgres },
	{ "redis", open_redis, start_redis, stop_redis },
};

/* Run `tests`, whose initial state is to be the kind, against every kind of store, or only against
 * those whose name ASOF_STORE_KIND begins. */
static inline int
run_all_kinds(struct CMUnitTest *tests, size_t count)
{
	int failed = 0;
	const char *wanted = getenv("ASOF_STORE_KIND");
	for (size_t k = 0; k < ASOF_COUNTOF(kinds); k++) {
		struct kind kind = kinds[k];
		if (wanted && strncmp(kind.name, wanted, strlen(wanted)) != 0)
			continue;
		if (kind.start && !kind.start())
			continue;
		for (size_t i = 0; i < count; i++)
			tests[i].initial_state = &kind;
		failed += _cmocka_run_group_tests(kind.name, tests, count, NULL, NULL);
		if (kind.stop)
			kind.stop();
	}
	return failed;
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
