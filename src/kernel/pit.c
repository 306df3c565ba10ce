/* pit.c - the point-in-time join: its memory, and the pass that carries rows forward. */
#include "kernel/pit_impl.h"

#include <assert.h>

#include "base/workers.h"
#include "model/duration.h"

#define WORKERS_MAX 64
#define YEARS_US    (4 * 365 * UINT64_C(86400000000))

static enum asof_status
alloc_slots(struct asof_pit *pit, struct asof_error *err)
{
	struct asof_budget *budget = &pit->budget;
	size_t count = pit->slots->slot_count;
	ASOF_TRY(asof_budget_alloc(budget, count, sizeof(*pit->cells), (void **)&pit->cells, err));
	ASOF_TRY(asof_budget_alloc(budget, count, pit->record_bytes, (void **)&pit->records, err));
	/* Looked at in the order of the rows, between what the engine reads and decodes. */
	asof_mem_prefer_large_pages(pit->cells, count * sizeof(*pit->cells));
	asof_mem_prefer_large_pages(pit->records, count * pit->record_bytes);
	ASOF_TRY(asof_budget_alloc(budget, count, pit->null_bytes, (void **)&pit->nulls, err));
	return asof_budget_alloc(budget, count, sizeof(*pit->winners), (void **)&pit->winners, err);
}

/* Events that matter and times become ticks of some milliseconds or less: without a bound to their
 * age, older events are told apart by their records. */
static void
set_clock(struct asof_pit *pit)
{
	const struct asof_spine_slots *slots = pit->slots;
	struct asof_pit_clock *clock = &pit->clock;
	if (slots->slot_count == 0)
		return;
	uint64_t range_us = (uint64_t)slots->max_us - (uint64_t)slots->min_us;
	uint64_t before_us = range_us > YEARS_US ? range_us : YEARS_US;
	if (pit->max_age_us > 0)
		before_us = (uint64_t)pit->max_age_us;
	before_us = before_us > INT64_MAX ? INT64_MAX : before_us;
	clock->base_us = asof_us_sub(slots->min_us, (int64_t)before_us);
	range_us = (uint64_t)slots->max_us - (uint64_t)clock->base_us;
	while (range_us >> clock->shift >= ASOF_PIT_TICKS_MAX)
		clock->shift++;
	clock->fresh_ticks = UINT32_MAX;
	uint64_t age_ticks = (uint64_t)pit->max_age_us >> clock->shift;
	if (pit->max_age_us > 0 && age_ticks < ASOF_PIT_TICKS_MAX)
		clock->fresh_ticks = (uint32_t)age_ticks;
}

static enum asof_status
fill_cells(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_pit *pit = arg;
	(void)err;
	uint64_t count = pit->slots->slot_count;
	size_t end = (size_t)(count * (worker + 1) / pit->worker_count);
	for (size_t slot = (size_t)(count * worker / pit->worker_count); slot < end; slot++)
		pit->cells[slot].time = asof_pit_ticks(&pit->clock, pit->slots->times_us[slot]);
	return ASOF_OK;
}

static void
set_options(struct asof_pit *pit, const struct asof_pit_options *options)
{
	pit->max_age_us = options->max_age_us;
	pit->available_after_us = options->available_after_us;
	pit->is_label = options->is_label;
	pit->has_created = options->has_created;
	pit->has_order = options->has_order;
	pit->tie_count = (size_t)options->has_created + options->has_order;
	pit->worker_count = options->workers;
	pit->place_count = options->output_count;
	pit->budget.max_bytes = options->max_bytes;
	pit->budget.what = "the point-in-time join";
}

static void
set_outputs(struct asof_pit *pit, const struct asof_pit_options *options)
{
	for (size_t i = 0; i < options->output_count; i++)
		pit->places[i].output = options->outputs[i];
	asof_pit_lay_out(pit);
}

enum asof_status
asof_pit_new(const struct asof_pit_options *options, struct asof_pit **ret_pit,
	     struct asof_error *err)
{
	assert(options->workers >= 1 && options->workers <= WORKERS_MAX);
	assert(options->max_age_us >= 0 && options->available_after_us >= 0);
	assert(!options->is_label || options->has_created);
	ASOF_AUTO(asof_pit_free_auto) struct asof_pit *pit = asof_mem_alloc(sizeof(*pit));
	if (!pit)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", sizeof(*pit));

	set_options(pit, options);
	pit->spine = options->spine;
	pit->slots = asof_spine_index_slots(options->spine);
	pit->key_count = pit->slots->key_count;
	ASOF_TRY(asof_budget_alloc(&pit->budget, pit->worker_count, sizeof(*pit->workers),
				   (void **)&pit->workers, err));
	ASOF_TRY(asof_budget_alloc(&pit->budget, pit->place_count, sizeof(*pit->places),
				   (void **)&pit->places, err));
	set_outputs(pit, options);
	ASOF_TRY(alloc_slots(pit, err));
	set_clock(pit);
	ASOF_TRY(asof_workers_run(pit->worker_count, fill_cells, pit, err));
	*ret_pit = ASOF_STEAL(pit);
	return ASOF_OK;
}

void
asof_pit_free(struct asof_pit *pit)
{
	if (!pit)
		return;
	for (unsigned i = 0; pit->workers && i < pit->worker_count; i++)
		asof_pit_pool_done(&pit->workers[i].pool);
	asof_mem_free(pit->workers);
	asof_mem_free(pit->places);
	asof_mem_free(pit->cells);
	asof_mem_free(pit->records);
	asof_mem_free(pit->nulls);
	asof_mem_free(pit->winners);
	asof_mem_free(pit);
}

uint64_t
asof_pit_bytes(const struct asof_pit_options *options, size_t slot_count)
{
	uint64_t per_slot = sizeof(struct asof_pit_cell) + sizeof(uint32_t) + sizeof(int64_t);
	per_slot += ((uint64_t)options->has_created + options->has_order) * sizeof(int64_t);
	uint64_t payload = 0;
	for (size_t i = 0; i < options->output_count; i++)
		payload += asof_column_width(options->outputs[i].type);
	per_slot += (payload + 7) / 8 * 8 + (options->output_count + 7) / 8;
	return sizeof(struct asof_pit) + options->workers * sizeof(struct asof_pit_worker) +
	       options->output_count * sizeof(struct asof_pit_place) + slot_count * per_slot;
}

static uint32_t
head_of(const struct asof_pit *pit, size_t slot)
{
	return atomic_load_explicit(&pit->cells[slot].head, memory_order_relaxed);
}

static bool
is_better(const struct asof_pit *pit, uint32_t slot, uint32_t than)
{
	uint32_t head = head_of(pit, slot);
	uint32_t other = head_of(pit, than);
	if (head != other)
		return head > other;
	return asof_pit_compare_rows(asof_pit_record(pit, slot), asof_pit_record(pit, than),
				     pit->tie_count) > 0;
}

static void
carry_entity(struct asof_pit *pit, uint32_t begin, uint32_t end)
{
	uint32_t best = ASOF_NO_SLOT;
	for (uint32_t slot = begin; slot < end; slot++) {
		if (head_of(pit, slot) != 0 && (best == ASOF_NO_SLOT || is_better(pit, slot, best)))
			best = slot;
		uint32_t winner = best;
		if (best != ASOF_NO_SLOT && slot != best &&
		    asof_pit_is_too_old(pit, slot, head_of(pit, best), asof_pit_record(pit, best)))
			winner = ASOF_NO_SLOT;
		pit->winners[slot] = winner;
	}
}

/* The first entity whose slots begin at `slot` or later. */
static size_t
entity_from(const struct asof_spine_slots *slots, size_t slot)
{
	size_t begin = 0;
	size_t end = slots->entity_count;
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (slots->entity_begin[middle] < slot)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

static enum asof_status
carry_worker(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_pit *pit = arg;
	(void)err;
	const struct asof_spine_slots *slots = pit->slots;
	uint64_t count = slots->slot_count;
	size_t begin = entity_from(slots, (size_t)(count * worker / pit->worker_count));
	size_t end = entity_from(slots, (size_t)(count * (worker + 1) / pit->worker_count));
	if (worker + 1 == pit->worker_count)
		end = slots->entity_count;
	for (size_t e = begin; e < end; e++)
		carry_entity(pit, slots->entity_begin[e], slots->entity_begin[e + 1]);
	return ASOF_OK;
}

enum asof_status
asof_pit_finish(struct asof_pit *pit, struct asof_error *err)
{
	assert(!pit->is_finished);
	ASOF_TRY(asof_workers_run(pit->worker_count, carry_worker, pit, err));
	struct asof_budget *budget = &pit->budget;
	size_t count = pit->slots->slot_count;
	asof_budget_free(budget, ASOF_STEAL(pit->cells), count, sizeof(*pit->cells));
	pit->is_finished = true;
	return ASOF_OK;
}

struct asof_pit_counts
asof_pit_counts(const struct asof_pit *pit)
{
	struct asof_pit_counts counts = { .bytes = sizeof(*pit) + asof_budget_used(&pit->budget) };
	for (unsigned i = 0; i < pit->worker_count; i++) {
		counts.rows += pit->workers[i].row_count;
		counts.asked += pit->workers[i].asked_count;
		counts.kept += pit->workers[i].kept_count;
	}
	return counts;
}
