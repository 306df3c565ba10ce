/* tile_store_finish.c - rows of all workers grouped by entity, sorted and brought together. */
#include <assert.h>

#include "base/arena.h"
#include "base/workers.h"
#include "kernel/tile_store_impl.h"
#include "kernel/tile_store_sort.h"
#include "model/duration.h"

#define PIECES_PER_WORKER 16

/* What finish() works on. */
struct finishing {
	struct asof_tile_store *store;
	uint32_t *ids; /* rows by entity */
	struct asof_arena arena;
	struct asof_tile_sort_tie created;
	struct asof_tile_sort_tie order;
	_Atomic size_t next;
	size_t piece_count;
	struct asof_tile_sort *sorts; /* one per worker */
};

/* Ids of workers follow one another, each's from a whole chunk on. */
static enum asof_status
number_rows(struct asof_tile_store *store, struct asof_error *err)
{
	size_t chunks = 0;
	for (unsigned i = 0; i < store->options.workers; i++) {
		struct asof_tile_worker *worker = &store->workers[i];
		worker->first_id = (uint32_t)(chunks * ASOF_TILE_CHUNK_ROWS);
		store->row_count += worker->parts[ASOF_TILE_ENTITY].count;
		chunks += asof_tile_chunk_count(worker->parts[ASOF_TILE_ENTITY].count);
		if (chunks > UINT32_MAX / ASOF_TILE_CHUNK_ROWS)
			return ASOF_FAIL(err, ASOF_LIMIT, "more than 2^32 tiles");
	}
	return ASOF_OK;
}

/* Counts become places: entity by entity, within one worker by worker. */
static void
place_entities(struct asof_tile_store *store)
{
	uint32_t place = 0;
	for (size_t e = 0; e < store->entity_count; e++) {
		store->begins[e] = place;
		for (unsigned i = 0; i < store->options.workers; i++) {
			uint32_t *counts = store->workers[i].counts;
			if (!counts)
				continue;
			uint32_t count = counts[e];
			counts[e] = place;
			place += count;
		}
	}
	store->begins[store->entity_count] = place;
}

static enum asof_status
scatter_ids(void *arg, unsigned index, struct asof_error *err)
{
	(void)err;
	struct finishing *f = arg;
	const struct asof_tile_worker *worker = &f->store->workers[index];
	const struct asof_tile_part *part = &worker->parts[ASOF_TILE_ENTITY];
	const uint32_t *entities = (const uint32_t *)(const void *)part->data;
	for (size_t i = 0; i < part->count; i++)
		f->ids[worker->counts[entities[i]]++] = worker->first_id + (uint32_t)i;
	return ASOF_OK;
}

static enum asof_status
group_rows(struct finishing *f, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	ASOF_TRY(number_rows(store, err));
	ASOF_TRY(asof_tile_ids_take(store, store->entity_count + 1, &store->begins, err));
	place_entities(store);
	ASOF_TRY(asof_tile_ids_take(store, store->row_count + ASOF_TILE_IDS_AHEAD, &f->ids, err));
	memset(f->ids + store->row_count, 0, ASOF_TILE_IDS_AHEAD * sizeof(*f->ids));
	ASOF_TRY(asof_workers_run(store->options.workers, scatter_ids, f, err));
	for (unsigned i = 0; i < store->options.workers; i++) {
		struct asof_tile_worker *worker = &store->workers[i];
		asof_tile_part_done(&worker->parts[ASOF_TILE_ENTITY], &store->budget);
		asof_tile_ids_give(store, &worker->counts, store->entity_count);
	}
	return ASOF_OK;
}

static enum asof_status
gather(struct finishing *f, size_t index, struct asof_tile_final *final, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_tile_part **parts =
		asof_arena_array(&arena, store->options.workers, sizeof(*parts));
	if (!parts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "store of tiles");
	for (unsigned i = 0; i < store->options.workers; i++)
		parts[i] = &store->workers[i].parts[index];
	struct asof_tile_gather g = { .ids = f->ids,
				      .count = store->row_count,
				      .parts = parts,
				      .part_count = store->options.workers,
				      .workers = store->options.workers,
				      .budget = &store->budget };
	ASOF_TRY(asof_tile_gather_run(&g, final, err));
	bool is_list = final->column.type.kind == ASOF_TYPE_LIST ||
		       final->column.type.kind == ASOF_TYPE_VECTOR;
	final->column.child = is_list ? &final->child : NULL;
	return ASOF_OK;
}

/* Room for `count` rows more than there is; what it takes stays counted until the sort is done. */
static enum asof_status
reserve_sort(struct asof_tile_store *store, struct asof_tile_sort *sort, size_t count,
	     struct asof_error *err)
{
	if (count <= sort->capacity)
		return ASOF_OK;
	size_t room = count < sort->capacity * 2 ? sort->capacity * 2 : count;
	asof_tile_budget_give(&store->budget, asof_tile_sort_bytes(sort->capacity));
	asof_tile_sort_done(sort);
	ASOF_TRY(asof_tile_budget_take(&store->budget, asof_tile_sort_bytes(room), err));
	enum asof_status status = asof_tile_sort_reserve(sort, room, err);
	if (status != ASOF_OK)
		asof_tile_budget_give(&store->budget, asof_tile_sort_bytes(room));
	return status;
}

static enum asof_status
sort_entity(struct finishing *f, struct asof_tile_sort *sort, size_t begin, size_t end,
	    struct asof_error *err)
{
	struct asof_tile_sort_rows rows = {
		.event_us = (int64_t *)(void *)f->store->event.data + begin,
		.ids = f->ids + begin,
		.count = end - begin,
		.created = f->created,
		.order = f->order,
	};
	if (asof_tile_sort_is_sorted(&rows))
		return ASOF_OK;
	ASOF_TRY(reserve_sort(f->store, sort, rows.count, err));
	asof_tile_sort_run(sort, &rows);
	return ASOF_OK;
}

/* Events become the ENDs of their steps. Neighbours mostly share one. */
static void
round_up(const struct asof_tile_store *store, int64_t *event_us, size_t count)
{
	int64_t step_us = store->options.round_up_us;
	int64_t end_us = INT64_MIN;
	int64_t start_us = INT64_MIN;
	for (size_t i = 0; step_us > 0 && i < count; i++) {
		if (event_us[i] > end_us || event_us[i] <= start_us) {
			end_us = asof_step_end(event_us[i], step_us);
			start_us = asof_us_sub(end_us, step_us);
		}
		event_us[i] = end_us;
	}
}

/* The first entity that begins at `row` or behind. */
static size_t
entity_from(const struct asof_tile_store *store, size_t row)
{
	size_t low = 0;
	size_t high = store->entity_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (store->begins[middle] < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum asof_status
sort_piece(struct finishing *f, struct asof_tile_sort *sort, size_t piece, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	size_t rows = store->row_count / f->piece_count + 1;
	size_t first = piece == 0 ? 0 : entity_from(store, piece * rows);
	size_t last = piece + 1 == f->piece_count ? store->entity_count
						  : entity_from(store, (piece + 1) * rows);
	for (size_t e = first; e < last; e++)
		ASOF_TRY(sort_entity(f, sort, store->begins[e], store->begins[e + 1], err));
	if (first < last)
		round_up(store, (int64_t *)(void *)store->event.data + store->begins[first],
			 store->begins[last] - store->begins[first]);
	return ASOF_OK;
}

static enum asof_status
sort_pieces(void *arg, unsigned worker, struct asof_error *err)
{
	struct finishing *f = arg;
	for (;;) {
		size_t piece = atomic_fetch_add_explicit(&f->next, 1, memory_order_relaxed);
		if (piece >= f->piece_count)
			return ASOF_OK;
		ASOF_TRY(sort_piece(f, &f->sorts[worker], piece, err));
	}
}

static enum asof_status
sort_rows(struct finishing *f, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	unsigned workers = store->options.workers;
	f->sorts = asof_mem_alloc(workers * sizeof(*f->sorts));
	if (!f->sorts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "store of tiles");
	f->piece_count = (size_t)workers * PIECES_PER_WORKER;
	enum asof_status status = asof_workers_run(workers, sort_pieces, f, err);
	for (unsigned i = 0; i < workers; i++) {
		asof_tile_budget_give(&store->budget, asof_tile_sort_bytes(f->sorts[i].capacity));
		asof_tile_sort_done(&f->sorts[i]);
	}
	asof_mem_free(f->sorts);
	return status;
}

static void
find_span(struct asof_tile_store *store)
{
	const int64_t *event_us = store->event.column.data;
	for (size_t e = 0; e < store->entity_count; e++) {
		size_t begin = store->begins[e];
		size_t end = store->begins[e + 1];
		if (begin == end)
			continue;
		if (event_us[begin] < store->min_us)
			store->min_us = event_us[begin];
		if (event_us[end - 1] > store->max_us)
			store->max_us = event_us[end - 1];
	}
}

/* Where the chunks of a part are. */
static enum asof_status
list_chunks(struct finishing *f, enum asof_tile_part_index index,
	    struct asof_tile_sort_tie *ret_tie, struct asof_error *err)
{
	const struct asof_tile_store *store = f->store;
	size_t at = 0;
	for (unsigned i = 0; i < store->options.workers; i++)
		at += asof_tile_chunk_count(store->workers[i].parts[index].count);
	const int64_t **chunks = asof_arena_array(&f->arena, at, sizeof(*chunks));
	if (!chunks)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "store of tiles");
	at = 0;
	for (unsigned i = 0; i < store->options.workers; i++) {
		const struct asof_tile_part *part = &store->workers[i].parts[index];
		for (size_t row = 0; row < part->count; row += ASOF_TILE_CHUNK_ROWS)
			chunks[at++] = (const int64_t *)(const void *)part->data + row;
	}
	ret_tie->chunks = chunks;
	return ASOF_OK;
}

static void
drop_parts(struct asof_tile_store *store, enum asof_tile_part_index index)
{
	for (unsigned i = 0; i < store->options.workers; i++)
		asof_tile_part_done(&store->workers[i].parts[index], &store->budget);
}

static enum asof_status
finish_times(struct finishing *f, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	const struct asof_tile_store_options *options = &store->options;
	if (options->has_created)
		ASOF_TRY(list_chunks(f, ASOF_TILE_CREATED, &f->created, err));
	if (options->has_order)
		ASOF_TRY(list_chunks(f, ASOF_TILE_ORDER, &f->order, err));
	ASOF_TRY(gather(f, ASOF_TILE_EVENT, &store->event, err));
	ASOF_TRY(sort_rows(f, err));
	find_span(store);
	drop_parts(store, ASOF_TILE_ORDER);
	if (options->has_created && options->keeps_created)
		return gather(f, ASOF_TILE_CREATED, &store->created, err);
	drop_parts(store, ASOF_TILE_CREATED);
	return ASOF_OK;
}

static enum asof_status
finish_rows(struct finishing *f, struct asof_error *err)
{
	struct asof_tile_store *store = f->store;
	ASOF_TRY(group_rows(f, err));
	ASOF_TRY(finish_times(f, err));
	for (size_t i = 0; i < store->options.layout->state_count; i++) {
		ASOF_TRY(gather(f, ASOF_TILE_STATES + i, &store->states[i], err));
		store->columns[i] = store->states[i].column;
	}
	return ASOF_OK;
}

enum asof_status
asof_tile_store_finish(struct asof_tile_store *store, struct asof_error *err)
{
	assert(!store->begins);
	struct finishing f = { .store = store };
	enum asof_status status = finish_rows(&f, err);
	asof_arena_done(&f.arena);
	asof_tile_ids_give(store, &f.ids, store->row_count + ASOF_TILE_IDS_AHEAD);
	return status;
}
