/* store_loading.h - loads of table "t" that say which they are: each row, and the meta, is one
 * value. What a loader that fails or dies leaves is wholly of one of them. */
#ifndef STORE_LOADING_H
#define STORE_LOADING_H

#include "base/fault.h"
#include "real_server.h"
#include "store/store.h"

#define LOADED_KEY_LEN   8
#define LOADED_KEYS_READ 1000 /* at once */

static inline struct asof_str
loaded_key(size_t number, char out[LOADED_KEY_LEN + 16])
{
	(void)snprintf(out, LOADED_KEY_LEN + 16, "%08zu", number);
	return (struct asof_str){ out, LOADED_KEY_LEN };
}

/* Load `count` rows "00000000".. of `value` in place of whatever there was. */
static inline enum asof_status
load_rows(struct asof_store *store, size_t count, const char *value, struct asof_error *err)
{
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *load = NULL;
	ASOF_TRY(asof_store_load_begin(store, ASOF_STORE_NAMED("t"), &load, err));
	for (size_t i = 0; i < count; i++) {
		char key[LOADED_KEY_LEN + 16];
		struct asof_store_row row = { .key = loaded_key(i, key),
					      .value = asof_str_from(value) };
		ASOF_TRY(asof_store_load_put(load, &row, 1, err));
	}
	ASOF_TRY(asof_store_load_commit(load, asof_str_from(value),
					(struct asof_store_position){ 0 }, NULL, err));
	load = NULL;
	return ASOF_OK;
}

/* The same once the store has noticed that who loaded before is dead. Until then the refusal says
 * `said`. */
static inline void
load_when_free(struct asof_store *store, size_t count, const char *value, const char *said)
{
	struct asof_error err = { 0 };
	enum asof_status status = ASOF_CONFLICT;
	for (int i = 0; i < 200 && status == ASOF_CONFLICT; i++) {
		if (i > 0)
			server_pause(50);
		status = load_rows(store, count, value, &err);
		if (status == ASOF_CONFLICT)
			assert_non_null(strstr(err.message, said));
	}
	assert_ok(status, err);
}

/* A child loads `count` rows "newer" and dies at the `nth` time that it comes by `point`. */
static inline void
die_while_loading(const char *uri, size_t count, const char *point, unsigned nth)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct asof_store *store = NULL;
		struct asof_error err = { 0 };
		if (asof_store_open(uri, &store, &err) == ASOF_OK &&
		    asof_fault_arm(point, nth, ASOF_FAULT_KILL, &err) == ASOF_OK)
			(void)!load_rows(store, count, "newer", &err);
		_exit(1);
	}
	int exit_status = 0;
	assert_int_equal(waitpid(child, &exit_status, 0), child);
	assert_true(WIFSIGNALED(exit_status));
	assert_int_equal(WTERMSIG(exit_status), SIGKILL);
}

struct loaded {
	struct asof_str value;
	size_t count;
	size_t different_count;
};

static inline enum asof_status
compare_loaded(void *arg, size_t key_index, struct asof_str value, struct asof_error *err)
{
	struct loaded *loaded = arg;
	(void)key_index;
	(void)err;
	loaded->count++;
	loaded->different_count += !asof_str_equal(value, loaded->value);
	return ASOF_OK;
}

/* The table is wholly of one load, meta and each row, and has none behind the last. */
static inline void
assert_is_load(struct asof_store *store, size_t count, const char *value)
{
	static char texts[LOADED_KEYS_READ][LOADED_KEY_LEN + 16];
	static struct asof_str keys[LOADED_KEYS_READ];
	struct asof_error err = { 0 };
	struct loaded loaded = { .value = asof_str_from(value) };
	ASOF_AUTO(asof_buf_done) struct asof_buf meta = ASOF_BUF(64);
	assert_ok(asof_store_meta(store, "t", &meta, &err), err);
	assert_string_equal(asof_buf_cstr(&meta), value);
	for (size_t first = 0; first <= count; first += LOADED_KEYS_READ) {
		for (size_t i = 0; i < LOADED_KEYS_READ; i++)
			keys[i] = loaded_key(first + i, texts[i]);
		assert_ok(asof_store_get_many(store, "t", keys, LOADED_KEYS_READ, compare_loaded,
					      &loaded, &err),
			  err);
	}
	assert_int_equal(loaded.count, count);
	assert_int_equal(loaded.different_count, 0);
}

#endif
