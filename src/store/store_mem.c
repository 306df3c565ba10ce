/* store_mem.c - store in memory, under one mutex. For tests, and the template for a new store. */
#include "base/map.h"
#include "store/store_impls.h"

/* One key's state. One without a version was only made room for: it reads as missing. */
struct slot {
	bool has_version;
	bool is_tombstone;
	int64_t event_us;
	int64_t created_us;
	struct asof_bytes value;
};

struct table {
	char name[ASOF_STORE_TABLE_MAX + 1];
	bool exists;             /* false: room for a first put or load */
	bool is_loading;         /* a load is under way */
	struct asof_map rows;    /* key -> struct slot, the current generation */
	struct asof_map loading; /* the same of the one being loaded */
	struct asof_bytes meta;
	struct asof_store_mark mark; /* its generation counts up for good */
};

struct mem_store {
	struct asof_store base; /* must be first */
	pthread_mutex_t lock;   /* guards everything below it */
	struct asof_map tables; /* name -> struct table; never removed, loads point to them */
};

struct mem_load {
	struct asof_store_load base; /* must be first */
	struct mem_store *store;
	struct table *table;
};

/* Rows with the memory that applying them needs, so that it cannot fail. */
struct stage {
	struct slot **slots;
	struct asof_bytes *values; /* owned until applied */
	size_t count;
};

static struct mem_store *
mem_store(struct asof_store *store)
{
	return (struct mem_store *)store;
}

static void
free_rows(struct asof_map *rows)
{
	size_t position = 0;
	void *value;
	while (asof_map_next(rows, &position, NULL, &value)) {
		struct slot *slot = value;
		asof_bytes_free(&slot->value);
		asof_mem_free(slot);
	}
	asof_map_done(rows);
}

static void
table_free(struct table *table)
{
	if (!table)
		return;
	free_rows(&table->rows);
	free_rows(&table->loading);
	asof_bytes_free(&table->meta);
	asof_mem_free(table);
}
ASOF_DEFINE_AUTOFREE(struct table, table_free)

/* Caller holds the lock. */
static struct table *
find_table(const struct mem_store *self, const char *name)
{
	void *table = NULL;
	(void)asof_map_find(&self->tables, asof_str_from(name), &table);
	return table;
}

/* The table of that name, made when there is none yet. Caller holds the lock. */
static enum asof_status
make_table(struct mem_store *self, const char *name, struct table **ret_table,
	   struct asof_error *err)
{
	struct table *found = find_table(self, name);
	if (found) {
		*ret_table = found;
		return ASOF_OK;
	}
	ASOF_AUTO(table_free_auto) struct table *table = asof_mem_alloc(sizeof(*table));
	if (!table)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table '%s'", name);
	memcpy(table->name, name, strlen(name));
	ASOF_TRY(asof_map_put(&self->tables, asof_str_from(name), table, err));
	*ret_table = ASOF_STEAL(table);
	return ASOF_OK;
}

static const struct slot *
find_slot(const struct asof_map *rows, struct asof_str key)
{
	void *slot = NULL;
	(void)asof_map_find(rows, key, &slot);
	return slot;
}

static enum asof_status
make_slot(struct asof_map *rows, struct asof_str key, struct slot **ret_slot,
	  struct asof_error *err)
{
	void *found;
	if (asof_map_find(rows, key, &found)) {
		*ret_slot = found;
		return ASOF_OK;
	}
	struct slot *slot = asof_mem_alloc(sizeof(*slot));
	if (!slot)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "row");
	enum asof_status status = asof_map_put(rows, key, slot, err);
	if (status != ASOF_OK) {
		asof_mem_free(slot);
		return status;
	}
	*ret_slot = slot;
	return ASOF_OK;
}

static void
stage_done(struct stage *stage)
{
	for (size_t i = 0; stage->values && i < stage->count; i++)
		asof_bytes_free(&stage->values[i]);
	asof_mem_free(stage->values);
	asof_mem_free(stage->slots);
}

/* Caller holds the lock. */
static enum asof_status
stage_rows(struct stage *stage, struct asof_map *map, const struct asof_store_row *rows,
	   size_t count, struct asof_error *err)
{
	stage->count = count;
	stage->slots = asof_mem_alloc(count * sizeof(struct slot *));
	stage->values = asof_mem_alloc(count * sizeof(*stage->values));
	if (!stage->slots || !stage->values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows", count);
	for (size_t i = 0; i < count; i++) {
		ASOF_TRY(make_slot(map, rows[i].key, &stage->slots[i], err));
		if (!rows[i].is_tombstone)
			ASOF_TRY(asof_bytes_copy(rows[i].value, &stage->values[i], err));
	}
	return ASOF_OK;
}

enum rule {
	NEWER_WINS, /* the write rule */
	LAST_WINS,
};

/* Returns how many rows replaced. Caller holds the lock. */
static size_t
apply_rows(struct stage *stage, const struct asof_store_row *rows, enum rule rule)
{
	size_t written = 0;
	for (size_t i = 0; i < stage->count; i++) {
		struct slot *slot = stage->slots[i];
		if (rule == NEWER_WINS && slot->has_version &&
		    !asof_store_wins(rows[i].event_us, rows[i].created_us, slot->event_us,
				     slot->created_us))
			continue;
		struct asof_bytes replaced = slot->value;
		*slot = (struct slot){ .has_version = true,
				       .is_tombstone = rows[i].is_tombstone,
				       .event_us = rows[i].event_us,
				       .created_us = rows[i].created_us,
				       .value = stage->values[i] };
		stage->values[i] = replaced; /* freed with the stage */
		written++;
	}
	return written;
}

static enum asof_status
mem_open(struct asof_str location, struct asof_store **ret_store, struct asof_error *err)
{
	if (location.len > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "a store in memory has no location");
	struct mem_store *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "memory store");

	self->base.ops = &asof_store_mem_ops;
	(void)pthread_mutex_init(&self->lock, NULL);
	*ret_store = &self->base;
	return ASOF_OK;
}

static void
mem_close(struct asof_store *store)
{
	struct mem_store *self = mem_store(store);
	size_t position = 0;
	void *table;
	while (asof_map_next(&self->tables, &position, NULL, &table))
		table_free(table);
	asof_map_done(&self->tables);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static enum asof_status
mem_put(struct asof_store *store, const struct asof_store_table *written,
	const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
	struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	ASOF_AUTO(stage_done) struct stage current = { 0 };
	ASOF_AUTO(stage_done) struct stage loading = { 0 };
	struct table *table = NULL;

	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(make_table(self, written->name, &table, err));
	ASOF_TRY(stage_rows(&current, &table->rows, rows, row_count, err));
	if (table->is_loading)
		ASOF_TRY(stage_rows(&loading, &table->loading, rows, row_count, err));

	if (!table->exists)
		table->mark.generation++;
	table->exists = true;
	*ret_written = apply_rows(&current, rows, NEWER_WINS);
	(void)apply_rows(&loading, rows, NEWER_WINS);
	return ASOF_OK;
}

static struct asof_store_mark
mark_of(const struct table *table)
{
	return table && table->exists ? table->mark : (struct asof_store_mark){ 0 };
}

static enum asof_status
mem_mark(struct asof_store *store, const char *name, struct asof_store_mark *ret_mark,
	 struct asof_error *err)
{
	(void)err;
	struct mem_store *self = mem_store(store);
	ASOF_HOLD(held, &self->lock);
	*ret_mark = mark_of(find_table(self, name));
	return ASOF_OK;
}

/* Caller holds the lock. */
static enum asof_status
check_mark(const struct table *table, const char *name, const struct asof_store_mark *mark,
	   struct asof_error *err)
{
	struct asof_store_mark current = mark_of(table);
	if (!asof_store_mark_equal(&current, mark))
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", name);
	return ASOF_OK;
}

static enum asof_status
mem_update(struct asof_store *store, const struct asof_store_table *written,
	   const struct asof_store_mark *mark, struct asof_store_position position,
	   const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	ASOF_AUTO(stage_done) struct stage stage = { 0 };
	ASOF_HOLD(held, &self->lock);
	struct table *table = find_table(self, written->name);
	ASOF_TRY(check_mark(table, written->name, mark, err));
	ASOF_TRY(stage_rows(&stage, &table->rows, rows, row_count, err));
	(void)apply_rows(&stage, rows, LAST_WINS);
	table->mark.position = position;
	return ASOF_OK;
}

/* Caller holds the lock. */
static enum asof_status
visit_rows(const struct asof_map *rows, const struct asof_str *keys, size_t key_count,
	   asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	for (size_t i = 0; i < key_count; i++) {
		const struct slot *slot = find_slot(rows, keys[i]);
		if (slot && slot->has_version && !slot->is_tombstone)
			ASOF_TRY(visit(arg, i, asof_bytes_view(slot->value), err));
	}
	return ASOF_OK;
}

static enum asof_status
mem_get_many(struct asof_store *store, const char *name, const struct asof_str *keys,
	     size_t key_count, asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	ASOF_HOLD(held, &self->lock);
	const struct table *table = find_table(self, name);
	return table ? visit_rows(&table->rows, keys, key_count, visit, arg, err) : ASOF_OK;
}

static enum asof_status
mem_meta(struct asof_store *store, const char *name, struct asof_buf *buf, struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	ASOF_HOLD(held, &self->lock);
	const struct table *table = find_table(self, name);
	if (!table || !table->exists)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no table '%s'", name);
	asof_buf_add_str(buf, asof_bytes_view(table->meta));
	return asof_buf_status(buf, err);
}

static enum asof_status
mem_tables(struct asof_store *store, asof_store_table_fn *visit, void *arg, struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	ASOF_HOLD(held, &self->lock);
	size_t position = 0;
	void *value;
	while (asof_map_next(&self->tables, &position, NULL, &value)) {
		const struct table *table = value;
		if (table->exists)
			ASOF_TRY(visit(arg, table->name, asof_bytes_view(table->meta), err));
	}
	return ASOF_OK;
}

static enum asof_status
mem_drop(struct asof_store *store, const char *name, struct asof_error *err)
{
	(void)err;
	struct mem_store *self = mem_store(store);
	ASOF_HOLD(held, &self->lock);
	struct table *table = find_table(self, name);
	if (table) {
		free_rows(&table->rows);
		asof_bytes_free(&table->meta);
		table->exists = false;
		table->mark.position = (struct asof_store_position){ 0 };
	}
	return ASOF_OK;
}

static enum asof_status
mem_load_begin(struct asof_store *store, const struct asof_store_table *loaded,
	       struct asof_store_load **ret_load, struct asof_error *err)
{
	struct mem_store *self = mem_store(store);
	const char *name = loaded->name;
	ASOF_HOLD(held, &self->lock);
	struct table *table = NULL;
	ASOF_TRY(make_table(self, name, &table, err));
	if (table->is_loading)
		return ASOF_FAIL(err, ASOF_CONFLICT, "another load of '%s' is under way", name);
	struct mem_load *load = asof_mem_alloc(sizeof(*load));
	if (!load)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "load");

	*load = (struct mem_load){ { &asof_store_mem_ops }, self, table };
	table->is_loading = true;
	*ret_load = &load->base;
	return ASOF_OK;
}

static enum asof_status
load_rows(struct asof_store_load *base, const struct asof_store_row *rows, size_t row_count,
	  enum rule rule, struct asof_error *err)
{
	struct mem_load *load = (struct mem_load *)base;
	ASOF_AUTO(stage_done) struct stage stage = { 0 };
	ASOF_HOLD(held, &load->store->lock);
	ASOF_TRY(stage_rows(&stage, &load->table->loading, rows, row_count, err));
	(void)apply_rows(&stage, rows, rule);
	return ASOF_OK;
}

static enum asof_status
mem_load_put(struct asof_store_load *load, const struct asof_store_row *rows, size_t row_count,
	     struct asof_error *err)
{
	return load_rows(load, rows, row_count, NEWER_WINS, err);
}

static enum asof_status
mem_load_update(struct asof_store_load *load, const struct asof_store_row *rows, size_t row_count,
		struct asof_error *err)
{
	return load_rows(load, rows, row_count, LAST_WINS, err);
}

static enum asof_status
mem_load_get_many(struct asof_store_load *base, const struct asof_str *keys, size_t key_count,
		  asof_store_visit_fn *visit, void *arg, struct asof_error *err)
{
	struct mem_load *load = (struct mem_load *)base;
	ASOF_HOLD(held, &load->store->lock);
	return visit_rows(&load->table->loading, keys, key_count, visit, arg, err);
}

static enum asof_status
mem_load_commit(struct asof_store_load *base, struct asof_str meta,
		struct asof_store_position position, const struct asof_store_mark *mark,
		struct asof_error *err)
{
	struct mem_load *load = (struct mem_load *)base;
	struct table *table = load->table;
	struct asof_bytes copy = { 0 };

	ASOF_HOLD(held, &load->store->lock);
	if (mark)
		ASOF_TRY(check_mark(table, table->name, mark, err));
	ASOF_TRY(asof_bytes_copy(meta, &copy, err));
	free_rows(&table->rows);
	asof_bytes_free(&table->meta);
	table->rows = table->loading;
	table->loading = (struct asof_map){ 0 };
	table->meta = copy;
	table->mark.generation++;
	table->mark.position = position;
	table->exists = true;
	table->is_loading = false;
	asof_mem_free(load);
	return ASOF_OK;
}

static void
mem_load_abort(struct asof_store_load *base)
{
	struct mem_load *load = (struct mem_load *)base;
	ASOF_HOLD(held, &load->store->lock);
	free_rows(&load->table->loading);
	load->table->is_loading = false;
	asof_mem_free(load);
}

const struct asof_store_ops asof_store_mem_ops = {
	.scheme = "memory",
	.open = mem_open,
	.close = mem_close,
	.put = mem_put,
	.get_many = mem_get_many,
	.meta = mem_meta,
	.mark = mem_mark,
	.update = mem_update,
	.tables = mem_tables,
	.drop = mem_drop,
	.load_begin = mem_load_begin,
	.load_put = mem_load_put,
	.load_update = mem_load_update,
	.load_get_many = mem_load_get_many,
	.load_commit = mem_load_commit,
	.load_abort = mem_load_abort,
};
