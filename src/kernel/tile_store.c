/* tile_store.c - rows of entities that are asked for, taken by workers. */
#include <assert.h>

#include "kernel/tile_store_impl.h"

#define KEYS_MAX 64

static enum asof_status
out_of_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "store of tiles");
}

enum asof_status
asof_tile_ids_take(struct asof_tile_store *store, size_t count, uint32_t **ret_ids,
		   struct asof_error *err)
{
	ASOF_TRY(asof_tile_budget_take(&store->budget, count * sizeof(**ret_ids), err));
	*ret_ids = asof_mem_resize(NULL, count * sizeof(**ret_ids));
	if (*ret_ids)
		return ASOF_OK;
	asof_tile_budget_give(&store->budget, count * sizeof(**ret_ids));
	return out_of_memory(err);
}

void
asof_tile_ids_give(struct asof_tile_store *store, uint32_t **ids, size_t count)
{
	if (*ids)
		asof_tile_budget_give(&store->budget, count * sizeof(**ids));
	asof_mem_free(*ids);
	*ids = NULL;
}

static void
init_parts(struct asof_tile_store *store, struct asof_tile_worker *worker)
{
	static const uint8_t kinds[ASOF_TILE_STATES] = { ASOF_TYPE_INT32, ASOF_TYPE_INT64,
							 ASOF_TYPE_INT64, ASOF_TYPE_INT64 };
	for (size_t i = 0; i < ASOF_TILE_STATES; i++)
		asof_tile_part_init(&worker->parts[i], ASOF_TYPE(kinds[i]));
	for (size_t i = ASOF_TILE_STATES; i < store->part_count; i++)
		asof_tile_part_init(&worker->parts[i],
				    store->options.layout->states[i - ASOF_TILE_STATES].type);
}

enum asof_status
asof_tile_store_new(const struct asof_tile_store_options *options,
		    struct asof_tile_store **ret_store, struct asof_error *err)
{
	assert(options->workers >= 1);
	ASOF_AUTO(asof_tile_store_free_auto)
	struct asof_tile_store *store = asof_mem_alloc(sizeof(*store));
	if (!store)
		return out_of_memory(err);
	store->options = *options;
	store->entity_count = asof_spine_index_slots(options->spine)->entity_count;
	store->part_count = ASOF_TILE_STATES + options->layout->state_count;
	store->budget.max = options->max_bytes;
	store->min_us = INT64_MAX;
	store->max_us = INT64_MIN;
	store->states = asof_mem_alloc(options->layout->state_count * sizeof(*store->states));
	store->columns = asof_mem_alloc(options->layout->state_count * sizeof(*store->columns));
	store->workers = asof_mem_alloc(options->workers * sizeof(*store->workers));
	if (!store->states || !store->columns || !store->workers)
		return out_of_memory(err);
	for (unsigned i = 0; i < options->workers; i++) {
		struct asof_tile_worker *worker = &store->workers[i];
		worker->parts = asof_mem_alloc(store->part_count * sizeof(*worker->parts));
		if (!worker->parts)
			return out_of_memory(err);
		init_parts(store, worker);
	}
	*ret_store = ASOF_STEAL(store);
	return ASOF_OK;
}

static void
free_worker(struct asof_tile_store *store, struct asof_tile_worker *worker)
{
	for (size_t i = 0; worker->parts && i < store->part_count; i++)
		asof_tile_part_done(&worker->parts[i], &store->budget);
	asof_mem_free(worker->parts);
	asof_tile_text_done(&worker->text);
	asof_tile_ids_give(store, &worker->counts, store->entity_count);
}

void
asof_tile_store_free(struct asof_tile_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; store->workers && i < store->options.workers; i++)
		free_worker(store, &store->workers[i]);
	asof_mem_free(store->workers);
	for (size_t i = 0; store->states && i < store->options.layout->state_count; i++)
		asof_tile_final_done(&store->states[i], &store->budget);
	asof_tile_final_done(&store->event, &store->budget);
	asof_tile_final_done(&store->created, &store->budget);
	asof_mem_free(store->states);
	asof_mem_free(store->columns);
	asof_mem_free(store->begins);
	asof_mem_free(store);
}

/* A batch being taken, and which of its rows: up to ASOF_FIND_ROWS_MAX at once. */
struct taking {
	struct asof_tile_store *store;
	struct asof_tile_worker *worker;
	const struct asof_batch *batch;
	size_t key_count;
	struct asof_tile_rows rows;
	uint32_t selected[ASOF_FIND_ROWS_MAX];
	uint32_t entities[ASOF_FIND_ROWS_MAX];
};

/* The keys of rows [first, ..), first a multiple of 64; and whose they are. */
static void
find_entities(struct taking *t, size_t first, size_t count)
{
	struct asof_column keys[KEYS_MAX];
	assert(t->key_count >= 1 && t->key_count <= KEYS_MAX);
	for (size_t i = 0; i < t->key_count; i++) {
		keys[i] = t->batch->columns[i];
		keys[i].data = (const char *)keys[i].data + first * asof_column_width(keys[i].type);
		if (keys[i].validity)
			keys[i].validity += first / 64;
	}
	asof_spine_index_find(t->store->options.spine, keys, count, t->entities);
}

/* Keeps the rows of entities that are asked for, with a time: t->rows, and t->entities for these.
 */
static void
select_rows(struct taking *t, size_t first, size_t count)
{
	const struct asof_column *events = &t->batch->columns[t->key_count];
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t entity = t->entities[i];
		bool is_kept = entity != ASOF_NO_ENTITY && !asof_column_is_null(events, first + i);
		t->selected[kept] = (uint32_t)(first + i);
		t->entities[kept] = entity;
		kept += is_kept;
	}
	for (size_t i = 0; i < kept; i++)
		t->worker->counts[t->entities[i]]++;
	t->rows = (struct asof_tile_rows){ .rows = t->selected, .count = kept };
}

static enum asof_status
append(struct taking *t, size_t part, const struct asof_column *from, struct asof_error *err)
{
	return asof_tile_part_append(&t->worker->parts[part], from, t->rows, &t->worker->text,
				     &t->store->budget, err);
}

static enum asof_status
append_rows(struct taking *t, struct asof_error *err)
{
	const struct asof_tile_store_options *options = &t->store->options;
	const struct asof_column *columns = t->batch->columns + t->key_count;
	struct asof_column entities = { .type = ASOF_TYPE(ASOF_TYPE_INT32), .data = t->entities };
	struct asof_tile_rows run = { .count = t->rows.count };
	ASOF_TRY(asof_tile_part_append(&t->worker->parts[ASOF_TILE_ENTITY], &entities, run,
				       &t->worker->text, &t->store->budget, err));
	ASOF_TRY(append(t, ASOF_TILE_EVENT, columns++, err));
	if (options->has_created)
		ASOF_TRY(append(t, ASOF_TILE_CREATED, columns++, err));
	if (options->has_order)
		ASOF_TRY(append(t, ASOF_TILE_ORDER, columns++, err));
	for (size_t i = 0; i < options->layout->state_count; i++)
		ASOF_TRY(append(t, ASOF_TILE_STATES + i, &columns[i], err));
	return ASOF_OK;
}

static enum asof_status
prepare_worker(struct asof_tile_store *store, struct asof_tile_worker *worker,
	       struct asof_error *err)
{
	if (worker->counts)
		return ASOF_OK;
	ASOF_TRY(asof_tile_ids_take(store, store->entity_count, &worker->counts, err));
	memset(worker->counts, 0, store->entity_count * sizeof(*worker->counts));
	return ASOF_OK;
}

enum asof_status
asof_tile_store_take(struct asof_tile_store *store, unsigned worker, const struct asof_batch *batch,
		     struct asof_error *err)
{
	const struct asof_tile_store_options *options = &store->options;
	assert(worker < options->workers);
	struct taking t = {
		.store = store,
		.worker = &store->workers[worker],
		.batch = batch,
		.key_count = batch->column_count - 1 - (options->has_created ? 1 : 0) -
			     (options->has_order ? 1 : 0) - options->layout->state_count,
	};
	ASOF_TRY(prepare_worker(store, t.worker, err));
	for (size_t first = 0; first < batch->row_count; first += ASOF_FIND_ROWS_MAX) {
		size_t count = batch->row_count - first;
		if (count > ASOF_FIND_ROWS_MAX)
			count = ASOF_FIND_ROWS_MAX;
		find_entities(&t, first, count);
		select_rows(&t, first, count);
		if (t.rows.count > 0)
			ASOF_TRY(append_rows(&t, err));
	}
	return ASOF_OK;
}

uint64_t
asof_tile_store_rows(const struct asof_tile_store *store)
{
	return store->row_count;
}

uint64_t
asof_tile_store_bytes(const struct asof_tile_store *store)
{
	return atomic_load_explicit(&store->budget.used, memory_order_relaxed);
}
