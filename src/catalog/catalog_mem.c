/* catalog_mem.c - catalog in memory, under one mutex. For tests, and the template for a new one. */
#include "catalog/catalog_impls.h"

/* One stored row and the memory of its strings. */
struct record {
	struct asof_arena arena;
	union {
		struct asof_definition definition;
		struct asof_version version;
		struct asof_run run;
		struct asof_materialization materialization;
		struct asof_training_set training_set;
	};
};

typedef int compare_fn(const struct record *a, const struct record *b);

/* Sorted as its visitors want it. */
struct table {
	struct record **records;
	size_t count;
	size_t capacity;
};

struct mem_catalog {
	struct asof_catalog base; /* must be first */
	pthread_mutex_t lock;     /* guards everything below it */
	struct table definitions;
	struct table versions;
	struct table runs;
	struct table materializations;
	struct table training_sets;
};

static struct mem_catalog *
mem_catalog(struct asof_catalog *catalog)
{
	return (struct mem_catalog *)catalog;
}

static void
record_free(struct record *record)
{
	if (!record)
		return;
	asof_arena_done(&record->arena);
	asof_mem_free(record);
}
ASOF_DEFINE_AUTOFREE(struct record, record_free)

static enum asof_status
record_new(struct record **ret_record, struct asof_error *err)
{
	struct record *record = asof_mem_alloc(sizeof(*record));
	if (!record)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "catalog row");
	*ret_record = record;
	return ASOF_OK;
}

static void
table_done(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		record_free(table->records[i]);
	asof_mem_free(table->records);
}

static int
order(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
compare_definitions(const struct record *a, const struct record *b)
{
	int kinds = strcmp(a->definition.kind, b->definition.kind);
	return kinds ? kinds : strcmp(a->definition.name, b->definition.name);
}

static int
compare_versions(const struct record *a, const struct record *b)
{
	int views = strcmp(a->version.view, b->version.view);
	if (views)
		return views;
	int majors = order(b->version.major, a->version.major);
	int minors = order(b->version.minor, a->version.minor);
	return majors ? majors : minors ? minors : order(b->version.patch, a->version.patch);
}

static int
compare_runs(const struct record *a, const struct record *b)
{
	int starts = order(b->run.started_us, a->run.started_us);
	return starts ? starts : strcmp(b->run.id, a->run.id);
}

static int
compare_materializations(const struct record *a, const struct record *b)
{
	return strcmp(a->materialization.view, b->materialization.view);
}

static int
compare_training_sets(const struct record *a, const struct record *b)
{
	int times = order(b->training_set.made_us, a->training_set.made_us);
	return times ? times : strcmp(a->training_set.path, b->training_set.path);
}

/* The first place that is not before `wanted`. */
static size_t
find_place(const struct table *table, const struct record *wanted, compare_fn *compare)
{
	size_t low = 0;
	size_t high = table->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(table->records[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct record *
find_record(const struct table *table, const struct record *wanted, compare_fn *compare)
{
	size_t place = find_place(table, wanted, compare);
	bool is_there = place < table->count && compare(table->records[place], wanted) == 0;
	return is_there ? table->records[place] : NULL;
}

static enum asof_status
reserve(struct table *table, size_t more, struct asof_error *err)
{
	return asof_mem_reserve((void **)&table->records, &table->capacity, table->count + more,
				sizeof(struct record *), err);
}

static void
remove_at(struct table *table, size_t place)
{
	record_free(table->records[place]);
	table->count--;
	memmove(&table->records[place], &table->records[place + 1],
		(table->count - place) * sizeof(struct record *));
}

/* Insert, or replace the equal one. There is room: cannot fail. */
static void
put_record(struct table *table, struct record *record, compare_fn *compare)
{
	size_t place = find_place(table, record, compare);
	if (place < table->count && compare(table->records[place], record) == 0)
		remove_at(table, place);
	memmove(&table->records[place + 1], &table->records[place],
		(table->count - place) * sizeof(struct record *));
	table->records[place] = record;
	table->count++;
}

/* What visitors get: copies, so that they may call the catalog. */
struct copies {
	struct asof_arena arena;
	struct record *records; /* their own arenas stay empty */
	size_t count;
};

static void
copies_done(struct copies *copies)
{
	asof_arena_done(&copies->arena);
}

/* Caller holds the lock. */
static enum asof_status
copies_init(struct copies *copies, const struct table *table, struct asof_error *err)
{
	copies->records = asof_arena_array(&copies->arena, table->count, sizeof(struct record));
	if (!copies->records)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu catalog rows", table->count);
	return ASOF_OK;
}

static enum asof_status
mem_open(struct asof_str location, struct asof_catalog **ret_catalog, struct asof_error *err)
{
	if (location.len > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "a catalog in memory has no location");
	struct mem_catalog *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "memory catalog");
	self->base.ops = &asof_catalog_mem_ops;
	(void)pthread_mutex_init(&self->lock, NULL);
	*ret_catalog = &self->base;
	return ASOF_OK;
}

static void
mem_close(struct asof_catalog *catalog)
{
	struct mem_catalog *self = mem_catalog(catalog);
	table_done(&self->definitions);
	table_done(&self->versions);
	table_done(&self->runs);
	table_done(&self->materializations);
	table_done(&self->training_sets);
	(void)pthread_mutex_destroy(&self->lock);
	asof_mem_free(self);
}

static enum asof_status
mem_define(struct asof_catalog *catalog, const struct asof_definition *definitions, size_t count,
	   const struct asof_definition *removed, size_t removed_count, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	ASOF_AUTO(table_done) struct table fresh = { 0 };
	ASOF_TRY(reserve(&fresh, count, err));
	for (size_t i = 0; i < count; i++) {
		struct record *record = NULL;
		ASOF_TRY(record_new(&record, err));
		fresh.records[fresh.count++] = record;
		ASOF_TRY(asof_catalog_copy_definition(&definitions[i], &record->arena,
						      &record->definition, err));
	}

	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(reserve(&self->definitions, count, err));
	for (size_t i = 0; i < count; i++)
		put_record(&self->definitions, fresh.records[i], compare_definitions);
	fresh.count = 0; /* given away */
	for (size_t i = 0; i < removed_count; i++) {
		const struct record wanted = { .definition = removed[i] };
		if (find_record(&self->definitions, &wanted, compare_definitions))
			remove_at(&self->definitions,
				  find_place(&self->definitions, &wanted, compare_definitions));
	}
	return ASOF_OK;
}

static enum asof_status
copy_definitions(struct mem_catalog *self, const char *kind, struct copies *copies,
		 struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(copies_init(copies, &self->definitions, err));
	for (size_t i = 0; i < self->definitions.count; i++) {
		const struct asof_definition *definition =
			&self->definitions.records[i]->definition;
		if (!kind || strcmp(definition->kind, kind) == 0)
			ASOF_TRY(asof_catalog_copy_definition(
				definition, &copies->arena,
				&copies->records[copies->count++].definition, err));
	}
	return ASOF_OK;
}

static enum asof_status
mem_definitions(struct asof_catalog *catalog, const char *kind, asof_definition_fn *visit,
		void *arg, struct asof_error *err)
{
	ASOF_AUTO(copies_done) struct copies copies = { 0 };
	ASOF_TRY(copy_definitions(mem_catalog(catalog), kind, &copies, err));
	for (size_t i = 0; i < copies.count; i++)
		ASOF_TRY(visit(arg, &copies.records[i].definition, err));
	return ASOF_OK;
}

/* Caller holds the lock. */
static void
make_current(struct mem_catalog *self, struct record *current)
{
	for (size_t i = 0; i < self->versions.count; i++) {
		struct record *record = self->versions.records[i];
		if (strcmp(record->version.view, current->version.view) == 0)
			record->version.is_current = record == current;
	}
}

static enum asof_status
mem_publish(struct asof_catalog *catalog, const struct asof_version *version,
	    struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	ASOF_AUTO(record_free_auto) struct record *record = NULL;
	ASOF_TRY(record_new(&record, err));
	ASOF_TRY(asof_catalog_copy_version(version, &record->arena, &record->version, err));

	ASOF_HOLD(held, &self->lock);
	const struct record *there = find_record(&self->versions, record, compare_versions);
	if (there && strcmp(there->version.run_id, version->run_id) == 0)
		return ASOF_OK;
	if (there)
		return ASOF_FAIL(err, ASOF_CONFLICT, "it exists already, made by run '%s'",
				 there->version.run_id);
	ASOF_TRY(reserve(&self->versions, 1, err));
	put_record(&self->versions, record, compare_versions);
	if (version->is_current)
		make_current(self, record);
	record = NULL; /* given away */
	return ASOF_OK;
}

static enum asof_status
copy_versions(struct mem_catalog *self, const char *view, struct copies *copies,
	      struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(copies_init(copies, &self->versions, err));
	for (size_t i = 0; i < self->versions.count; i++) {
		const struct asof_version *version = &self->versions.records[i]->version;
		if (!view || strcmp(version->view, view) == 0)
			ASOF_TRY(asof_catalog_copy_version(
				version, &copies->arena, &copies->records[copies->count++].version,
				err));
	}
	return ASOF_OK;
}

static enum asof_status
mem_versions(struct asof_catalog *catalog, const char *view, asof_version_fn *visit, void *arg,
	     struct asof_error *err)
{
	ASOF_AUTO(copies_done) struct copies copies = { 0 };
	ASOF_TRY(copy_versions(mem_catalog(catalog), view, &copies, err));
	for (size_t i = 0; i < copies.count; i++)
		ASOF_TRY(visit(arg, &copies.records[i].version, err));
	return ASOF_OK;
}

static enum asof_status
mem_set_current(struct asof_catalog *catalog, const char *view, int32_t major, int32_t minor,
		int32_t patch, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	const struct record wanted = {
		.version = { .view = view, .major = major, .minor = minor, .patch = patch }
	};
	ASOF_HOLD(held, &self->lock);
	struct record *record = find_record(&self->versions, &wanted, compare_versions);
	if (!record)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no such version");
	make_current(self, record);
	return ASOF_OK;
}

static enum asof_status
mem_move_version(struct asof_catalog *catalog, const char *view, int32_t major, int32_t minor,
		 int32_t patch, int64_t table_version, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	const struct record wanted = {
		.version = { .view = view, .major = major, .minor = minor, .patch = patch }
	};
	ASOF_HOLD(held, &self->lock);
	struct record *record = find_record(&self->versions, &wanted, compare_versions);
	if (!record)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no such version");
	if (record->version.table_version < table_version)
		record->version.table_version = table_version;
	return ASOF_OK;
}

static const char *
run_id(const struct record *record)
{
	return record->run.id;
}

static const char *
training_set_path(const struct record *record)
{
	return record->training_set.path;
}

/* The place of a run or a training set depends on its time, which may change with it: look at all.
 * Caller holds the lock. */
static void
forget(struct table *table, const char *(*name_of)(const struct record *), const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(name_of(table->records[i]), name) == 0) {
			remove_at(table, i);
			return;
		}
	}
}

static enum asof_status
mem_put_run(struct asof_catalog *catalog, const struct asof_run *run, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	ASOF_AUTO(record_free_auto) struct record *record = NULL;
	ASOF_TRY(record_new(&record, err));
	ASOF_TRY(asof_catalog_copy_run(run, &record->arena, &record->run, err));

	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(reserve(&self->runs, 1, err));
	forget(&self->runs, run_id, run->id);
	put_record(&self->runs, ASOF_STEAL(record), compare_runs);
	return ASOF_OK;
}

static enum asof_status
copy_runs(struct mem_catalog *self, size_t limit, struct copies *copies, struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(copies_init(copies, &self->runs, err));
	for (size_t i = 0; i < self->runs.count && i < limit; i++)
		ASOF_TRY(asof_catalog_copy_run(&self->runs.records[i]->run, &copies->arena,
					       &copies->records[copies->count++].run, err));
	return ASOF_OK;
}

static enum asof_status
mem_runs(struct asof_catalog *catalog, size_t limit, asof_run_fn *visit, void *arg,
	 struct asof_error *err)
{
	ASOF_AUTO(copies_done) struct copies copies = { 0 };
	ASOF_TRY(copy_runs(mem_catalog(catalog), limit, &copies, err));
	for (size_t i = 0; i < copies.count; i++)
		ASOF_TRY(visit(arg, &copies.records[i].run, err));
	return ASOF_OK;
}

static enum asof_status
mem_put_materialization(struct asof_catalog *catalog,
			const struct asof_materialization *materialization, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	ASOF_AUTO(record_free_auto) struct record *record = NULL;
	ASOF_TRY(record_new(&record, err));
	ASOF_TRY(asof_catalog_copy_materialization(materialization, &record->arena,
						   &record->materialization, err));

	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(reserve(&self->materializations, 1, err));
	put_record(&self->materializations, ASOF_STEAL(record), compare_materializations);
	return ASOF_OK;
}

static enum asof_status
mem_find_materialization(struct asof_catalog *catalog, const char *view, struct asof_arena *arena,
			 struct asof_materialization *ret_materialization, struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	const struct record wanted = { .materialization = { .view = view } };
	ASOF_HOLD(held, &self->lock);
	const struct record *record =
		find_record(&self->materializations, &wanted, compare_materializations);
	if (!record)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "it was never materialized");
	return asof_catalog_copy_materialization(&record->materialization, arena,
						 ret_materialization, err);
}

static enum asof_status
mem_put_training_set(struct asof_catalog *catalog, const struct asof_training_set *training_set,
		     struct asof_error *err)
{
	struct mem_catalog *self = mem_catalog(catalog);
	ASOF_AUTO(record_free_auto) struct record *record = NULL;
	ASOF_TRY(record_new(&record, err));
	ASOF_TRY(asof_catalog_copy_training_set(training_set, &record->arena, &record->training_set,
						err));

	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(reserve(&self->training_sets, 1, err));
	forget(&self->training_sets, training_set_path, training_set->path);
	put_record(&self->training_sets, ASOF_STEAL(record), compare_training_sets);
	return ASOF_OK;
}

static enum asof_status
copy_training_sets(struct mem_catalog *self, size_t limit, struct copies *copies,
		   struct asof_error *err)
{
	ASOF_HOLD(held, &self->lock);
	ASOF_TRY(copies_init(copies, &self->training_sets, err));
	for (size_t i = 0; i < self->training_sets.count && i < limit; i++)
		ASOF_TRY(asof_catalog_copy_training_set(
			&self->training_sets.records[i]->training_set, &copies->arena,
			&copies->records[copies->count++].training_set, err));
	return ASOF_OK;
}

static enum asof_status
mem_training_sets(struct asof_catalog *catalog, size_t limit, asof_training_set_fn *visit,
		  void *arg, struct asof_error *err)
{
	ASOF_AUTO(copies_done) struct copies copies = { 0 };
	ASOF_TRY(copy_training_sets(mem_catalog(catalog), limit, &copies, err));
	for (size_t i = 0; i < copies.count; i++)
		ASOF_TRY(visit(arg, &copies.records[i].training_set, err));
	return ASOF_OK;
}

const struct asof_catalog_ops asof_catalog_mem_ops = {
	.scheme = "memory",
	.open = mem_open,
	.close = mem_close,
	.define = mem_define,
	.definitions = mem_definitions,
	.publish = mem_publish,
	.versions = mem_versions,
	.set_current = mem_set_current,
	.move_version = mem_move_version,
	.put_run = mem_put_run,
	.runs = mem_runs,
	.put_materialization = mem_put_materialization,
	.find_materialization = mem_find_materialization,
	.put_training_set = mem_put_training_set,
	.training_sets = mem_training_sets,
};
