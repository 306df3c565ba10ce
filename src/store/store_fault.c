/* store_fault.c - a store around another one whose nth call fails. */
#include "store/store_fault.h"

#include <assert.h>

static const struct asof_store_ops fault_ops;

struct fault_store {
	struct asof_store base; /* must be first */
	struct asof_store *inner;
	pthread_mutex_t lock; /* guards what is below it */
	size_t left;          /* calls until one fails; 0: none does */
	enum asof_status status;
};

struct fault_load {
	struct asof_store_load base; /* must be first */
	struct fault_store *store;
	struct asof_store_load *inner;
};

static struct fault_store *
fault_store(struct asof_store *store)
{
	assert(store->ops == &fault_ops);
	return (struct fault_store *)store;
}

static struct fault_load *
fault_load(struct asof_store_load *load)
{
	return (struct fault_load *)load;
}

enum asof_status
asof_store_fault_wrap(struct asof_store *inner, struct asof_store **ret_store,
		      struct asof_error *err)
{
	struct fault_store *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "fault store");
	self->base.ops = &fault_ops;
	self->inner = inner;
	(void)pthread_mutex_init(&self->lock, NULL);
	*ret_store = &self->base;
	return ASOF_OK;
}

void
asof_store_fault_at(struct asof_store *store, size_t nth, enum asof_status status)
{
	struct fault_store *self = fault_store(store);
	ASOF_HOLD(held, &self->lock);
	self->left = nth;
	self->status = status;
}

/* Counts one call. */
static enum asof_status
pass(struct fault_store *self, struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	if (self->left == 0 || --self->left > 0)
		return ASOF_OK;
	return ASOF_FAIL(err, self->status, "injected failure");
}

static void
fault_close(struct asof_store *store)
{
	struct fault_store *self = fault_store(store);
	asof_store_free(self->inner);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static bool
fault_is_showing(const struct asof_store *store)
{
	return asof_store_is_showing(((const struct fault_store *)store)->inner);
}

static bool
fault_is_remote(const struct asof_store *store)
{
	return asof_store_is_remote(((const struct fault_store *)store)->inner);
}

static enum asof_status
fault_put(struct asof_store *store, const struct asof_store_table *table,
	  const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	  struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_put(fault_store(store)->inner, table, rows, row_count, ret_written, err);
}

static enum asof_status
fault_get_many(struct asof_store *store, const char *table, const struct asof_str *keys,
	       size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_get_many(fault_store(store)->inner, table, keys, key_count, visit, arg,
				   err);
}

static enum asof_status
fault_meta(struct asof_store *store, const char *table, struct asof_buf *buf,
	   struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_meta(fault_store(store)->inner, table, buf, err);
}

static enum asof_status
fault_mark(struct asof_store *store, const char *table, struct asof_store_mark *ret_mark,
	   struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_mark(fault_store(store)->inner, table, ret_mark, err);
}

static enum asof_status
fault_update(struct asof_store *store, const struct asof_store_table *table,
	     const struct asof_store_mark *mark, struct asof_store_position position,
	     const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_update(fault_store(store)->inner, table, mark, position, rows, row_count,
				 err);
}

static enum asof_status
fault_tables(struct asof_store *store, asof_store_table_fn *visit, void *arg,
	     struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_tables(fault_store(store)->inner, visit, arg, err);
}

static enum asof_status
fault_drop(struct asof_store *store, const char *table, struct asof_error *err)
{
	ASOF_TRY(pass(fault_store(store), err));
	return asof_store_drop(fault_store(store)->inner, table, err);
}

static enum asof_status
fault_load_begin(struct asof_store *store, const struct asof_store_table *table,
		 struct asof_store_load **ret_load, struct asof_error *err)
{
	struct fault_store *self = fault_store(store);
	ASOF_TRY(pass(self, err));
	ASOF_AUTO(asof_store_load_abort_auto) struct asof_store_load *inner = NULL;
	ASOF_TRY(asof_store_load_begin(self->inner, table, &inner, err));
	struct fault_load *load = asof_mem_alloc(sizeof(*load));
	if (!load)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "fault load");
	*load = (struct fault_load){ { &fault_ops }, self, ASOF_STEAL(inner) };
	*ret_load = &load->base;
	return ASOF_OK;
}

static enum asof_status
fault_load_put(struct asof_store_load *base, const struct asof_store_row *rows, size_t row_count,
	       struct asof_error *err)
{
	struct fault_load *load = fault_load(base);
	ASOF_TRY(pass(load->store, err));
	return asof_store_load_put(load->inner, rows, row_count, err);
}

static enum asof_status
fault_load_update(struct asof_store_load *base, const struct asof_store_row *rows, size_t row_count,
		  struct asof_error *err)
{
	struct fault_load *load = fault_load(base);
	ASOF_TRY(pass(load->store, err));
	return asof_store_load_update(load->inner, rows, row_count, err);
}

static enum asof_status
fault_load_get_many(struct asof_store_load *base, const struct asof_str *keys, size_t key_count,
		    asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	struct fault_load *load = fault_load(base);
	ASOF_TRY(pass(load->store, err));
	return asof_store_load_get_many(load->inner, keys, key_count, visit, arg, err);
}

static enum asof_status
fault_load_commit(struct asof_store_load *base, struct asof_str meta,
		  struct asof_store_position position, const struct asof_store_mark *mark,
		  struct asof_error *err)
{
	struct fault_load *load = fault_load(base);
	ASOF_TRY(pass(load->store, err));
	ASOF_TRY(asof_store_load_commit(load->inner, meta, position, mark, err));
	asof_mem_free(load);
	return ASOF_OK;
}

static void
fault_load_abort(struct asof_store_load *base)
{
	struct fault_load *load = fault_load(base);
	asof_store_load_abort(load->inner);
	asof_mem_free(load);
}

static const struct asof_store_ops fault_ops = {
	.scheme = "fault",
	.close = fault_close,
	.is_showing = fault_is_showing,
	.is_remote = fault_is_remote,
	.put = fault_put,
	.get_many = fault_get_many,
	.meta = fault_meta,
	.mark = fault_mark,
	.update = fault_update,
	.tables = fault_tables,
	.drop = fault_drop,
	.load_begin = fault_load_begin,
	.load_put = fault_load_put,
	.load_update = fault_load_update,
	.load_get_many = fault_load_get_many,
	.load_commit = fault_load_commit,
	.load_abort = fault_load_abort,
};
