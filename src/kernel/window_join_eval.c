/* window_join_eval.c - the answers of a range of rows, entity by entity on several threads. */
#include <assert.h>

#include "base/workers.h"
#include "kernel/window_join_impl.h"
#include "model/duration.h"

/* Instants of a unit: enough to forget what a unit costs, few enough to stay in the cache. */
#define UNIT_SLOTS ((size_t)2048)

static enum asof_status
out_of_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "a range of answers");
}

/* The slots of a range, ascending. */
struct range_slots {
	const struct asof_spine_slots *slots;
	const uint32_t *positions; /* NULL: slot i at i */
	size_t count;
};

static inline uint32_t
slot_at(const struct range_slots *range, size_t position)
{
	return range->positions ? range->positions[position] : (uint32_t)position;
}

/* Where the slots of the entity that has the one at `position` end. */
static size_t
entity_end(const struct range_slots *range, size_t position, uint32_t entity)
{
	uint32_t end = range->slots->entity_begin[entity + 1];
	if (!range->positions)
		return end;
	while (position < range->count && range->positions[position] < end)
		position++;
	return position;
}

/* The entity at or after `entity` that has a slot: steps that double, then halves. */
static uint32_t
entity_of(const struct asof_spine_slots *slots, size_t entity, uint32_t slot)
{
	size_t step = 1;
	while (entity + step < slots->entity_count && slots->entity_begin[entity + step] <= slot) {
		entity += step;
		step *= 2;
	}
	size_t end = entity + step < slots->entity_count ? entity + step : slots->entity_count;
	while (end - entity > 1) {
		size_t middle = entity + (end - entity) / 2;
		if (slots->entity_begin[middle] <= slot)
			entity = middle;
		else
			end = middle;
	}
	return (uint32_t)entity;
}

static void
mark_slots(struct asof_window_join *join, size_t first_row, size_t row_count)
{
	const uint32_t *row_slots = join->slots->row_slots + first_row;
	memset(join->is_asked, 0, (join->slots->slot_count + 63) / 64 * sizeof(*join->is_asked));
	for (size_t i = 0; i < row_count; i++) {
		if (row_slots[i] != ASOF_NO_SLOT)
			join->is_asked[row_slots[i] / 64] |= UINT64_C(1) << (row_slots[i] % 64);
	}
}

/* How many slots are asked for before each word's; returns how many in all. */
static size_t
rank_words(struct asof_window_join *join)
{
	uint32_t rank = 0;
	for (size_t i = 0; i < (join->slots->slot_count + 63) / 64; i++) {
		join->word_ranks[i] = rank;
		rank += (uint32_t)__builtin_popcountll(join->is_asked[i]);
	}
	return rank;
}

static void
list_positions(struct asof_window_join *join)
{
	size_t count = 0;
	for (size_t i = 0; i < (join->slots->slot_count + 63) / 64; i++) {
		for (uint64_t word = join->is_asked[i]; word; word &= word - 1)
			join->positions[count++] =
				(uint32_t)(i * 64 + (size_t)__builtin_ctzll(word));
	}
}

static void
rank_rows(const struct asof_window_join *join, size_t first_row, size_t row_count, uint32_t *ranks)
{
	const uint32_t *row_slots = join->slots->row_slots + first_row;
	for (size_t i = 0; i < row_count; i++) {
		uint32_t slot = row_slots[i];
		ranks[i] = ASOF_NO_SLOT;
		if (slot == ASOF_NO_SLOT)
			continue;
		uint64_t below = (UINT64_C(1) << (slot % 64)) - 1;
		ranks[i] = join->word_ranks[slot / 64] +
			   (uint32_t)__builtin_popcountll(join->is_asked[slot / 64] & below);
	}
}

static enum asof_status
reserve_slots(struct asof_window_join *join, struct asof_window_answers *answers,
	      struct asof_error *err)
{
	size_t words = join->slots->slot_count / 64 + 1;
	if (!join->is_asked)
		join->is_asked = asof_mem_alloc(words * sizeof(*join->is_asked));
	if (!join->word_ranks)
		join->word_ranks = asof_mem_alloc(words * sizeof(*join->word_ranks));
	if (!join->positions)
		join->positions = asof_mem_alloc(join->range_rows * sizeof(*join->positions));
	if (!answers->ranks)
		answers->ranks = asof_mem_alloc(join->range_rows * sizeof(*answers->ranks));
	if (!join->is_asked || !join->word_ranks || !join->positions || !answers->ranks)
		return out_of_memory(err);
	answers->rank_count = join->range_rows;
	return ASOF_OK;
}

/* Each slot once, in slot order, however often and in which order rows have it. */
static enum asof_status
reduce_rows(struct asof_window_join *join, size_t range, struct asof_window_answers *answers,
	    struct range_slots *ret_slots, struct asof_error *err)
{
	*ret_slots = (struct range_slots){ .slots = join->slots, .count = join->slots->slot_count };
	if (join->range_count == 1)
		return ASOF_OK;
	size_t first_row = range * join->range_rows;
	size_t row_count = join->slots->row_count - first_row;
	row_count = row_count < join->range_rows ? row_count : join->range_rows;
	ASOF_TRY(reserve_slots(join, answers, err));
	mark_slots(join, first_row, row_count);
	ret_slots->count = rank_words(join);
	list_positions(join);
	ret_slots->positions = join->positions;
	rank_rows(join, first_row, row_count, answers->ranks);
	return ASOF_OK;
}

static enum asof_status
add_unit(struct asof_window_join *join, size_t first, size_t count, uint32_t entity,
	 struct asof_error *err)
{
	if (count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_mem_reserve((void **)&join->units, &join->unit_capacity, join->unit_count + 1,
				  sizeof(*join->units), err));
	join->units[join->unit_count++] = (struct asof_window_unit){ first, count, entity };
	return ASOF_OK;
}

/* An entity with many slots is cut where that costs little: each piece begins with the tiles of a
 * window, so it has as many slots. */
static size_t
piece_slots(const struct asof_window_join *join, uint32_t entity)
{
	int64_t min_us;
	int64_t max_us;
	asof_tile_store_span(join->options.store, &min_us, &max_us);
	double tiles = (double)asof_tile_store_count(join->options.store, entity);
	double span_us = (double)max_us - (double)min_us + 1;
	if ((double)join->longest_us < span_us)
		tiles *= (double)join->longest_us / span_us;
	return tiles > (double)UNIT_SLOTS ? (size_t)tiles : UNIT_SLOTS;
}

static enum asof_status
add_large_entity(struct asof_window_join *join, size_t first, size_t end, uint32_t entity,
		 struct asof_error *err)
{
	size_t piece = piece_slots(join, entity);
	while (first < end) {
		size_t count = end - first < piece + piece / 2 ? end - first : piece;
		ASOF_TRY(add_unit(join, first, count, entity, err));
		first += count;
	}
	return ASOF_OK;
}

/* Whole entities, but for large ones. */
static enum asof_status
make_units(struct asof_window_join *join, const struct range_slots *range, struct asof_error *err)
{
	uint32_t entity = 0;
	uint32_t unit_entity = 0;
	size_t unit_first = 0;
	join->unit_count = 0;
	for (size_t position = 0; position < range->count;) {
		entity = entity_of(range->slots, entity, slot_at(range, position));
		size_t end = entity_end(range, position, entity);
		if (unit_first == position)
			unit_entity = entity;
		if (end - position >= UNIT_SLOTS) {
			ASOF_TRY(add_unit(join, unit_first, position - unit_first, unit_entity,
					  err));
			ASOF_TRY(add_large_entity(join, position, end, entity, err));
			unit_first = end;
		} else if (end - unit_first >= UNIT_SLOTS) {
			ASOF_TRY(add_unit(join, unit_first, end - unit_first, unit_entity, err));
			unit_first = end;
		}
		position = end;
	}
	return add_unit(join, unit_first, range->count - unit_first, unit_entity, err);
}

static void
free_scratch(struct asof_window_worker *worker)
{
	asof_block_done(&worker->block);
	asof_mem_free(worker->known_us);
	asof_mem_free(worker->at_us);
	asof_mem_free(worker->event_us);
	asof_mem_free(worker->is_matched);
	worker->known_us = NULL;
	worker->at_us = NULL;
	worker->event_us = NULL;
	worker->is_matched = NULL;
}

void
asof_window_worker_done(struct asof_window_worker *worker)
{
	free_scratch(worker);
	asof_window_sweep_free(worker->sweep);
	asof_tile_slice_done(&worker->slice);
	asof_window_known_done(&worker->known);
	*worker = (struct asof_window_worker){ 0 };
}

static enum asof_status
make_block(const struct asof_window_join *join, struct asof_block *block, size_t capacity,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t count = join->options.wanted_count;
	struct asof_type *types = asof_arena_array(&arena, count, sizeof(*types));
	if (!types)
		return out_of_memory(err);
	for (size_t i = 0; i < count; i++)
		types[i] = join->options.view->outputs[join->wanted[i]].type;
	return asof_block_init(block, types, count, capacity, err);
}

/* Room for a unit of `count` instants. */
static enum asof_status
prepare_worker(const struct asof_window_join *join, struct asof_window_worker *worker, size_t count,
	       struct asof_error *err)
{
	if (!worker->sweep)
		ASOF_TRY(asof_window_sweep_new(join->options.view, join->options.layout,
					       join->wanted, join->options.wanted_count,
					       &worker->sweep, err));
	if (worker->is_matched && count <= worker->block.capacity)
		return ASOF_OK;
	size_t capacity = count < 2 * UNIT_SLOTS ? 2 * UNIT_SLOTS : (count + 63) / 64 * 64;
	free_scratch(worker);
	ASOF_TRY(make_block(join, &worker->block, capacity, err));
	worker->known_us = asof_mem_alloc(capacity * sizeof(*worker->known_us));
	worker->at_us = asof_mem_alloc(capacity * sizeof(*worker->at_us));
	worker->event_us = asof_mem_alloc(capacity * sizeof(*worker->event_us));
	if (!worker->known_us || !worker->at_us || !worker->event_us)
		return out_of_memory(err);
	worker->is_matched = asof_mem_alloc(capacity * sizeof(*worker->is_matched));
	return worker->is_matched ? ASOF_OK : out_of_memory(err);
}

/* Instants [first, first + count) of the unit's, all of one entity. */
static enum asof_status
sweep_entity(const struct asof_window_join *join, struct asof_window_worker *worker,
	     uint32_t entity, size_t first, size_t count, struct asof_error *err)
{
	const int64_t *at_us = worker->at_us + first;
	if (join->options.is_label)
		return asof_window_known_run(join, worker, entity, at_us, worker->known_us + first,
					     count, first, err);
	ASOF_TRY(asof_tile_store_slice_between(join->options.store, entity, at_us[0],
					       at_us[count - 1], join->longest_us, &worker->slice,
					       err));
	worker->slice.tiles.created_us = NULL; /* rows stand in order */
	return asof_window_sweep_run(worker->sweep, &worker->slice.tiles, at_us, count,
				     &worker->block, 0, first, worker->event_us + first, err);
}

static void
match_rows(const struct asof_window_join *join, struct asof_window_worker *worker, size_t count)
{
	int64_t max_age_us = join->options.view->max_age_us;
	for (size_t i = 0; i < count; i++) {
		int64_t event_us = worker->event_us[i];
		worker->is_matched[i] = event_us != INT64_MIN &&
					(max_age_us == 0 ||
					 event_us >= asof_us_sub(worker->known_us[i], max_age_us));
	}
}

/* What the threads share. */
struct evaluation {
	struct asof_window_join *join;
	struct range_slots range;
	struct asof_window_answers *answers;
};

static enum asof_status
evaluate_unit(const struct evaluation *e, unsigned index, const struct asof_window_unit *unit,
	      struct asof_error *err)
{
	const struct asof_window_join *join = e->join;
	struct asof_window_worker *worker = &e->join->workers[index];
	ASOF_TRY(prepare_worker(join, worker, unit->count, err));
	asof_block_reset(&worker->block, unit->count);
	for (size_t i = 0; i < unit->count; i++) {
		int64_t time_us = join->slots->times_us[slot_at(&e->range, unit->first + i)];
		worker->known_us[i] = time_us;
		worker->at_us[i] = asof_window_instant(join->options.view, time_us);
	}
	uint32_t entity = unit->entity;
	size_t last = unit->first + unit->count;
	for (size_t position = unit->first; position < last;) {
		entity = entity_of(e->range.slots, entity, slot_at(&e->range, position));
		size_t end = entity_end(&e->range, position, entity);
		end = end < last ? end : last;
		ASOF_TRY(sweep_entity(join, worker, entity, position - unit->first, end - position,
				      err));
		position = end;
	}
	match_rows(join, worker, unit->count);
	return asof_records_pack(&join->layout, &worker->block, worker->is_matched, unit->count,
				 e->answers->records + unit->first * join->layout.stride,
				 &e->answers->arenas[index], err);
}

static enum asof_status
evaluate_units(void *arg, unsigned index, struct asof_error *err)
{
	const struct evaluation *e = arg;
	struct asof_window_join *join = e->join;
	for (;;) {
		size_t unit = atomic_fetch_add_explicit(&join->next_unit, 1, memory_order_relaxed);
		if (unit >= join->unit_count)
			return ASOF_OK;
		ASOF_TRY(evaluate_unit(e, index, &join->units[unit], err));
	}
}

/* Not zeroed; what was in it is not needed any more. */
static enum asof_status
reserve_records(struct asof_window_answers *answers, size_t bytes, struct asof_error *err)
{
	for (unsigned i = 0; i < answers->worker_count; i++)
		asof_arena_done(&answers->arenas[i]);
	if (bytes <= answers->record_bytes)
		return ASOF_OK;
	asof_mem_free(answers->records);
	answers->record_bytes = 0;
	answers->records = asof_mem_resize(NULL, bytes);
	if (!answers->records)
		return out_of_memory(err);
	answers->record_bytes = bytes;
	return ASOF_OK;
}

enum asof_status
asof_window_evaluate(struct asof_window_join *join, size_t range,
		     struct asof_window_answers *answers, size_t *ret_instants,
		     struct asof_error *err)
{
	struct evaluation e = { .join = join, .answers = answers };
	ASOF_TRY(reduce_rows(join, range, answers, &e.range, err));
	ASOF_TRY(reserve_records(answers, e.range.count * join->layout.stride, err));
	ASOF_TRY(make_units(join, &e.range, err));
	atomic_store_explicit(&join->next_unit, 0, memory_order_relaxed);
	unsigned workers = join->options.workers;
	if (workers > join->unit_count)
		workers = join->unit_count > 0 ? (unsigned)join->unit_count : 1;
	ASOF_TRY(asof_workers_run(workers, evaluate_units, &e, err));
	*ret_instants = e.range.count;
	return ASOF_OK;
}
