/* store.c - argument checks, error context and the table of implementations. */
#include "store/store.h"

#include <assert.h>

#include "model/project.h"
#include "store/store_impls.h"

/* Add an implementation here and in store_impls.h; nothing else needs to know. */
static const struct asof_store_ops *const implementations[] = {
	&asof_store_mem_ops,   &asof_store_lmdb_ops,   &asof_store_postgres_ops,
	&asof_store_redis_ops, &asof_store_rediss_ops, &asof_store_redis_unix_ops,
};

static const struct asof_store_ops *
find_ops(struct asof_str scheme)
{
	for (size_t i = 0; i < ASOF_COUNTOF(implementations); i++) {
		if (asof_str_equal(scheme, asof_str_from(implementations[i]->scheme)))
			return implementations[i];
	}
	return NULL;
}

enum asof_status
asof_store_open(const char *uri, struct asof_store **ret_store, struct asof_error *err)
{
	assert(uri && ret_store);
	const char *colon = strchr(uri, ':');
	struct asof_str scheme = { uri, colon ? (size_t)(colon - uri) : strlen(uri) };
	const struct asof_store_ops *ops = find_ops(scheme);
	if (!ops)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "no online store of kind '%.*s' (have: memory, lmdb:DIR, "
				 "redis://HOST, postgres://USER@HOST/DATABASE)",
				 ASOF_STR_ARG(scheme));

	enum asof_status status = ops->open(asof_str_from(colon ? colon + 1 : ""), ret_store, err);
	if (status == ASOF_OK)
		return ASOF_OK;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *redacted = asof_uri_redacted(uri, &arena);
	return ASOF_WRAP(err, status, "open store '%s'", redacted ? redacted : ops->scheme);
}

void
asof_store_free(struct asof_store *store)
{
	if (store)
		store->ops->close(store);
}

bool
asof_store_is_showing(const struct asof_store *store)
{
	return store->ops->is_showing && store->ops->is_showing(store);
}

bool
asof_store_is_remote(const struct asof_store *store)
{
	return store->ops->is_remote && store->ops->is_remote(store);
}

static enum asof_status
check_table(const char *table, struct asof_error *err)
{
	size_t len = strnlen(table, ASOF_STORE_TABLE_MAX + 1);
	if (len == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "empty table name");
	if (len > ASOF_STORE_TABLE_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "table name of more than %d bytes",
				 ASOF_STORE_TABLE_MAX);
	return ASOF_OK;
}

static enum asof_status
check_key(struct asof_str key, struct asof_error *err)
{
	if (key.len == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "empty key");
	if (key.len > ASOF_STORE_KEY_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "key of %zu bytes, at most %d", key.len,
				 ASOF_STORE_KEY_MAX);
	return ASOF_OK;
}

static enum asof_status
check_keys(const struct asof_str *keys, size_t key_count, struct asof_error *err)
{
	for (size_t i = 0; i < key_count; i++)
		ASOF_TRY(check_key(keys[i], err));
	return ASOF_OK;
}

static enum asof_status
check_value_size(size_t size_bytes, const char *what, struct asof_error *err)
{
	if (size_bytes > ASOF_STORE_VALUE_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "%s of %zu bytes, at most %d", what, size_bytes,
				 ASOF_STORE_VALUE_MAX);
	return ASOF_OK;
}

static enum asof_status
check_rows(const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	for (size_t i = 0; i < row_count; i++) {
		ASOF_TRY(check_key(rows[i].key, err));
		if (!rows[i].is_tombstone)
			ASOF_TRY(check_value_size(rows[i].value.len, "value", err));
	}
	return ASOF_OK;
}

static enum asof_status
put_checked(struct asof_store *store, const struct asof_store_table *table,
	    const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	    struct asof_error *err)
{
	ASOF_TRY(check_table(table->name, err));
	ASOF_TRY(check_rows(rows, row_count, err));
	return store->ops->put(store, table, rows, row_count, ret_written, err);
}

enum asof_status
asof_store_put(struct asof_store *store, const struct asof_store_table *table,
	       const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	       struct asof_error *err)
{
	assert(store && table && table->name && (rows || row_count == 0) && ret_written);
	enum asof_status status = put_checked(store, table, rows, row_count, ret_written, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "put %zu rows into '%s' of the %s store", row_count,
				 table->name, store->ops->scheme);
	return ASOF_OK;
}

static enum asof_status
get_checked(struct asof_store *store, const char *table, const struct asof_str *keys,
	    size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_TRY(check_table(table, err));
	ASOF_TRY(check_keys(keys, key_count, err));
	return store->ops->get_many(store, table, keys, key_count, visit, arg, err);
}

enum asof_status
asof_store_get_many(struct asof_store *store, const char *table, const struct asof_str *keys,
		    size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	assert(store && table && (keys || key_count == 0) && visit);
	enum asof_status status = get_checked(store, table, keys, key_count, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "get %zu keys from '%s' of the %s store", key_count,
				 table, store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_meta(struct asof_store *store, const char *table, struct asof_buf *buf,
		struct asof_error *err)
{
	assert(store && table && buf);
	enum asof_status status = check_table(table, err);
	if (status == ASOF_OK)
		status = store->ops->meta(store, table, buf, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read what '%s' of the %s store is", table,
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_mark(struct asof_store *store, const char *table, struct asof_store_mark *ret_mark,
		struct asof_error *err)
{
	assert(store && table && ret_mark);
	enum asof_status status = check_table(table, err);
	if (status == ASOF_OK)
		status = store->ops->mark(store, table, ret_mark, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read what '%s' of the %s store is at", table,
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_update(struct asof_store *store, const struct asof_store_table *table,
		  const struct asof_store_mark *mark, struct asof_store_position position,
		  const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	assert(store && table && table->name && mark && (rows || row_count == 0));
	assert(mark->generation != 0 && position.log != 0 && position.version >= 0);
	enum asof_status status = check_table(table->name, err);
	if (status == ASOF_OK)
		status = check_rows(rows, row_count, err);
	if (status == ASOF_OK)
		status = store->ops->update(store, table, mark, position, rows, row_count, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "update %zu rows of '%s' of the %s store", row_count,
				 table->name, store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_tables(struct asof_store *store, asof_store_table_fn *visit, void *arg,
		  struct asof_error *err)
{
	assert(store && visit);
	enum asof_status status = store->ops->tables(store, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "list the tables of the %s store",
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_drop(struct asof_store *store, const char *table, struct asof_error *err)
{
	assert(store && table);
	enum asof_status status = check_table(table, err);
	if (status == ASOF_OK)
		status = store->ops->drop(store, table, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "drop '%s' of the %s store", table,
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_begin(struct asof_store *store, const struct asof_store_table *table,
		      struct asof_store_load **ret_load, struct asof_error *err)
{
	assert(store && table && table->name && ret_load);
	enum asof_status status = check_table(table->name, err);
	if (status == ASOF_OK)
		status = store->ops->load_begin(store, table, ret_load, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "load '%s' of the %s store", table->name,
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_resume(struct asof_store *store, const struct asof_store_table *table,
		       struct asof_store_resume *resume, struct asof_store_load **ret_load,
		       struct asof_error *err)
{
	assert(store && table && resume && ret_load);
	resume->row_count = 0;
	resume->size_bytes = 0;
	asof_buf_clear(&resume->last_key);
	if (!store->ops->load_resume)
		return asof_store_load_begin(store, table, ret_load, err);
	enum asof_status status = check_table(table->name, err);
	if (status == ASOF_OK)
		status = store->ops->load_resume(store, table, resume, ret_load, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "load '%s' of the %s store", table->name,
				 store->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_put(struct asof_store_load *load, const struct asof_store_row *rows,
		    size_t row_count, struct asof_error *err)
{
	assert(load && (rows || row_count == 0));
	enum asof_status status = check_rows(rows, row_count, err);
	if (status == ASOF_OK)
		status = load->ops->load_put(load, rows, row_count, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "load %zu rows into the %s store", row_count,
				 load->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_update(struct asof_store_load *load, const struct asof_store_row *rows,
		       size_t row_count, struct asof_error *err)
{
	assert(load && (rows || row_count == 0));
	enum asof_status status = check_rows(rows, row_count, err);
	if (status == ASOF_OK)
		status = load->ops->load_update(load, rows, row_count, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "update %zu rows of a load of the %s store",
				 row_count, load->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_get_many(struct asof_store_load *load, const struct asof_str *keys,
			 size_t key_count, asof_store_visit_fn *visit, void *arg,
			 struct asof_error *err)
{
	assert(load && (keys || key_count == 0) && visit);
	enum asof_status status = check_keys(keys, key_count, err);
	if (status == ASOF_OK)
		status = load->ops->load_get_many(load, keys, key_count, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "get %zu keys from a load of the %s store", key_count,
				 load->ops->scheme);
	return ASOF_OK;
}

enum asof_status
asof_store_load_commit(struct asof_store_load *load, struct asof_str meta,
		       struct asof_store_position position, const struct asof_store_mark *mark,
		       struct asof_error *err)
{
	assert(load);
	const char *scheme = load->ops->scheme;
	enum asof_status status = check_value_size(meta.len, "meta", err);
	if (status == ASOF_OK)
		status = load->ops->load_commit(load, meta, position, mark, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "finish a load of the %s store", scheme);
	return ASOF_OK;
}

void
asof_store_load_abort(struct asof_store_load *load)
{
	if (load)
		load->ops->load_abort(load);
}

int64_t
asof_store_load_leave(struct asof_store_load *load)
{
	assert(load);
	if (load->ops->load_leave)
		return load->ops->load_leave(load);
	asof_store_load_abort(load);
	return 0;
}
