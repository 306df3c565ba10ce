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

static inline uint32_t
slot_at(const struct asof_window_slots *range, size_t position)
{
	return range->positions ? range->positions[position] : (uint32_t)position;
}

/* Where the slots of the entity that has the one at `position` end. */
static size_t
entity_end(const struct asof_window_slots *range, size_t position, uint32_t entity)
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

static enum asof_status
add_unit(struct asof_window_evaluator *evaluator, size_t first, size_t count, uint32_t entity,
	 struct asof_error *err)
{
	if (count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_mem_reserve((void **)&evaluator->units, &evaluator->unit_capacity,
				  evaluator->unit_count + 1, sizeof(*evaluator->units), err));
	evaluator->units[evaluator->unit_count++] =
		(struct asof_window_unit){ first, count, entity };
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
add_large_entity(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
		 size_t first, size_t end, uint32_t entity, struct asof_error *err)
{
	size_t piece = piece_slots(join, entity);
	while (first < end) {
		size_t count = end - first < piece + piece / 2 ? end - first : piece;
		ASOF_TRY(add_unit(evaluator, first, count, entity, err));
		first += count;
	}
	return ASOF_OK;
}

/* Whole entities, but for large ones. */
static enum asof_status
make_units(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
	   const struct asof_window_slots *range, struct asof_error *err)
{
	uint32_t entity = 0;
	uint32_t unit_entity = 0;
	size_t unit_first = 0;
	evaluator->unit_count = 0;
	for (size_t position = 0; position < range->count;) {
		entity = entity_of(range->slots, entity, slot_at(range, position));
		size_t end = entity_end(range, position, entity);
		if (unit_first == position)
			unit_entity = entity;
		if (end - position >= UNIT_SLOTS) {
			ASOF_TRY(add_unit(evaluator, unit_first, position - unit_first, unit_entity,
					  err));
			ASOF_TRY(add_large_entity(join, evaluator, position, end, entity, err));
			unit_first = end;
		} else if (end - unit_first >= UNIT_SLOTS) {
			ASOF_TRY(add_unit(evaluator, unit_first, end - unit_first, unit_entity,
					  err));
			unit_first = end;
		}
		position = end;
	}
	return add_unit(evaluator, unit_first, range->count - unit_first, unit_entity, err);
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

static void
worker_done(struct asof_window_worker *worker)
{
	free_scratch(worker);
	asof_window_sweep_free(worker->sweep);
	asof_tile_slice_done(&worker->slice);
	asof_window_known_done(&worker->known);
	*worker = (struct asof_window_worker){ 0 };
}

void
asof_window_evaluator_free(struct asof_window_evaluator *evaluator)
{
	if (!evaluator)
		return;
	for (unsigned i = 0; evaluator->workers && i < evaluator->worker_count; i++)
		worker_done(&evaluator->workers[i]);
	asof_mem_free(evaluator->workers);
	asof_mem_free(evaluator->is_asked);
	asof_mem_free(evaluator->word_ranks);
	asof_mem_free(evaluator->positions);
	asof_mem_free(evaluator->units);
	asof_mem_free(evaluator);
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
	const struct asof_window_join *join;
	struct asof_window_evaluator *evaluator;
	struct asof_window_slots range;
	struct asof_window_answers *answers;
};

static enum asof_status
evaluate_unit(const struct evaluation *e, unsigned index, const struct asof_window_unit *unit,
	      struct asof_error *err)
{
	const struct asof_window_join *join = e->join;
	struct asof_window_worker *worker = &e->evaluator->workers[index];
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
	struct asof_window_evaluator *evaluator = e->evaluator;
	for (;;) {
		size_t unit =
			atomic_fetch_add_explicit(&evaluator->next_unit, 1, memory_order_relaxed);
		if (unit >= evaluator->unit_count)
			return ASOF_OK;
		ASOF_TRY(evaluate_unit(e, index, &evaluator->units[unit], err));
	}
}

/* For as many as a range may have, so that it serves all of them: fresh memory is slow. Not zeroed;
 * what was in it is not needed any more. */
static enum asof_status
reserve_records(const struct asof_window_join *join, struct asof_window_answers *answers,
		struct asof_error *err)
{
	size_t slot_count = join->slots->slot_count;
	size_t count = slot_count < join->range_rows ? slot_count : join->range_rows;
	for (unsigned i = 0; i < answers->worker_count; i++)
		asof_arena_done(&answers->arenas[i]);
	if (answers->records)
		return ASOF_OK;
	answers->records = asof_mem_resize(NULL, count > 0 ? count * join->layout.stride : 1);
	if (!answers->records)
		return out_of_memory(err);
	answers->record_bytes = count * join->layout.stride;
	return ASOF_OK;
}

static enum asof_status
make_workers(struct asof_window_evaluator *evaluator, unsigned count, struct asof_error *err)
{
	if (evaluator->workers)
		return ASOF_OK;
	evaluator->workers = asof_mem_alloc(count * sizeof(*evaluator->workers));
	if (!evaluator->workers)
		return out_of_memory(err);
	evaluator->worker_count = count;
	return ASOF_OK;
}

enum asof_status
asof_window_evaluate(const struct asof_window_join *join, struct asof_window_evaluator *evaluator,
		     size_t range, unsigned threads, struct asof_window_answers *answers,
		     size_t *ret_instants, struct asof_error *err)
{
	struct evaluation e = { .join = join, .evaluator = evaluator, .answers = answers };
	ASOF_TRY(make_workers(evaluator, join->options.workers, err));
	ASOF_TRY(asof_window_slots_of(join, evaluator, range, answers, &e.range, err));
	ASOF_TRY(reserve_records(join, answers, err));
	ASOF_TRY(make_units(join, evaluator, &e.range, err));
	atomic_store_explicit(&evaluator->next_unit, 0, memory_order_relaxed);
	if (threads > evaluator->unit_count)
		threads = evaluator->unit_count > 0 ? (unsigned)evaluator->unit_count : 1;
	ASOF_TRY(asof_workers_run(threads, evaluate_units, &e, err));
	*ret_instants = e.range.count;
	return ASOF_OK;
}
