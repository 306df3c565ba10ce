/* spine_index_build.c - rows of a spine made into entities and slots, and a table of them. */
#include "kernel/spine_index_build.h"

#include <assert.h>

#include "base/workers.h"

#define PART_ROWS     ((size_t)16384)
#define PART_BITS_MAX 10
#define HASH_BITS     64
/* Whole numbers are dense where there are as many places as this times rows. */
#define PLACES_PER_ROW 2
/* .. and have a table of places where it is no larger than one of hashes. */
#define PLACES_PER_ENTITY 8

static size_t
part_of(const struct asof_spine_build *build, const uint64_t *words)
{
	if (build->is_dense)
		return (words[0] - build->min_key) >> build->part_shift;
	if (build->part_count == 1)
		return 0;
	return asof_spine_hash_of(build->index, words) >> build->part_shift;
}

static size_t
share_begin(const struct asof_spine_build *build, unsigned worker)
{
	const struct asof_spine_index *index = build->index;
	return (size_t)((uint64_t)index->row_count * worker / index->worker_count);
}

static enum asof_status
count_rows(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_spine_build *build = arg;
	struct asof_spine_index *index = build->index;
	(void)err;
	size_t *counts = build->places + worker * build->part_count;
	size_t end = share_begin(build, worker + 1);
	for (size_t row = share_begin(build, worker); row < end; row++) {
		if (index->row_slots[row] == ASOF_SPINE_TAKEN)
			counts[part_of(build, index->keys + row * index->word_count)]++;
		else
			index->row_slots[row] = ASOF_NO_SLOT;
	}
	return ASOF_OK;
}

/* Parts one after the other, within each the workers' rows one after the other. */
static void
place_rows(struct asof_spine_build *build)
{
	size_t begin = 0;
	for (size_t p = 0; p < build->part_count; p++) {
		build->parts[p].begin = begin;
		for (unsigned worker = 0; worker < build->index->worker_count; worker++) {
			size_t *place = &build->places[worker * build->part_count + p];
			size_t count = *place;
			*place = begin;
			begin += count;
		}
		build->parts[p].end = begin;
	}
	build->taken_count = begin;
}

static enum asof_status
scatter_rows(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_spine_build *build = arg;
	const struct asof_spine_index *index = build->index;
	(void)err;
	size_t word_count = index->word_count;
	size_t *places = build->places + worker * build->part_count;
	size_t end = share_begin(build, worker + 1);
	for (size_t row = share_begin(build, worker); row < end; row++) {
		if (index->row_slots[row] != ASOF_SPINE_TAKEN)
			continue;
		const uint64_t *words = index->keys + row * word_count;
		size_t place = places[part_of(build, words)]++;
		build->part_keys[place * word_count] = words[0];
		if (word_count == 2)
			build->part_keys[place * 2 + 1] = words[1];
		build->part_times_us[place] = index->times_us[row];
		build->part_rows[place] = (uint32_t)row;
	}
	return ASOF_OK;
}

static void
number_parts(struct asof_spine_build *build)
{
	struct asof_spine_slots *slots = &build->index->slots;
	for (size_t p = 0; p < build->part_count; p++) {
		struct asof_spine_part *part = &build->parts[p];
		part->first_entity = slots->entity_count;
		part->first_slot = slots->slot_count;
		slots->entity_count += part->entity_count;
		slots->slot_count += part->slot_count;
	}
}

/* The rows of one entity get their slots; returns the slot behind its last. */
static size_t
write_slots(const struct asof_spine_build *build, size_t begin, size_t end, size_t slot)
{
	const int64_t *times_us = build->grouped_times_us;
	uint32_t *row_slots = build->index->row_slots;
	for (size_t i = begin; i < end; i++) {
		if (i == begin || times_us[i] != times_us[i - 1])
			build->part_times_us[slot++] = times_us[i];
		row_slots[build->grouped_rows[i]] = (uint32_t)slot - 1;
	}
	return slot;
}

static void
write_entry(struct asof_spine_index *index, size_t at, const uint64_t *words, size_t entity)
{
	uint32_t number = (uint32_t)entity + 1;
	if (index->is_direct)
		index->numbers[at] = number;
	else if (index->shape.form == ASOF_SPINE_KEY_WORD)
		index->words[at] = (struct asof_spine_word_entry){ words[0], number, 0 };
	else
		index->pairs[at] = (struct asof_spine_pair_entry){ words[0], words[1], number, 0 };
}

static bool
is_free(const struct asof_spine_index *index, size_t at)
{
	if (index->is_direct)
		return index->numbers[at] == 0;
	return index->shape.form == ASOF_SPINE_KEY_WORD ? index->words[at].entity_number == 0
							: index->pairs[at].entity_number == 0;
}

/* Where the key has a place; its first one, if there is more than one. */
static size_t
place_of(const struct asof_spine_index *index, const uint64_t *words)
{
	if (index->is_direct)
		return words[0] - index->min_key;
	return asof_spine_place(asof_spine_hash_of(index, words), index->table_capacity);
}

/* The entity's place in the table, if that is in the part's own range of it; else it is left for
 * later. */
static void
place_entity(struct asof_spine_build *build, size_t p, size_t id)
{
	struct asof_spine_index *index = build->index;
	struct asof_spine_part *part = &build->parts[p];
	const uint64_t *words = build->part_keys + (part->begin + id) * index->word_count;
	size_t range_end = index->table_capacity;
	/* Parts of numbers are no ranges of hashes. */
	if (!index->is_direct)
		range_end = build->is_dense ? 0 : range_end / build->part_count * (p + 1);
	size_t at = place_of(index, words);
	while (at < range_end && !is_free(index, at))
		at++;
	if (at < range_end)
		write_entry(index, at, words, part->first_entity + id);
	else
		build->part_rows[part->begin + part->spill_count++] = (uint32_t)id;
}

static void
write_part(struct asof_spine_build *build, size_t p)
{
	struct asof_spine_index *index = build->index;
	struct asof_spine_part *part = &build->parts[p];
	size_t begin = part->begin;
	size_t slot = part->first_slot;
	for (size_t id = 0; id < part->entity_count; id++) {
		size_t end = build->entity_ids[part->begin + id];
		index->entity_begin[part->first_entity + id] = (uint32_t)slot;
		if (id == 0 || build->grouped_times_us[begin] < part->min_us)
			part->min_us = build->grouped_times_us[begin];
		if (id == 0 || build->grouped_times_us[end - 1] > part->max_us)
			part->max_us = build->grouped_times_us[end - 1];
		slot = write_slots(build, begin, end, slot);
		begin = end;
		place_entity(build, p, id);
	}
}

static enum asof_status
write_worker(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_spine_build *build = arg;
	(void)worker;
	(void)err;
	for (;;) {
		size_t p = atomic_fetch_add_explicit(&build->next_part, 1, memory_order_relaxed);
		if (p >= build->part_count)
			return ASOF_OK;
		write_part(build, p);
	}
}

/* Entities beyond the end of their part's range of the table. */
static void
write_spills(struct asof_spine_build *build)
{
	struct asof_spine_index *index = build->index;
	for (size_t p = 0; p < build->part_count; p++) {
		const struct asof_spine_part *part = &build->parts[p];
		for (size_t i = 0; i < part->spill_count; i++) {
			size_t id = build->part_rows[part->begin + i];
			const uint64_t *words =
				build->part_keys + (part->begin + id) * index->word_count;
			size_t at = place_of(index, words);
			while (!is_free(index, at))
				at = at + 1 == index->table_capacity ? 0 : at + 1;
			write_entry(index, at, words, part->first_entity + id);
		}
	}
}

/* Long keys once per entity instead of once per row. */
static enum asof_status
keep_long_keys(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	size_t size = 0;
	for (size_t p = 0; p < build->part_count; p++)
		size += build->parts[p].long_bytes;
	if (size == 0)
		return ASOF_OK;

	struct asof_spine_worker rows = index->workers[0];
	index->workers[0] = (struct asof_spine_worker){ 0 };
	char *to;
	enum asof_status status = asof_spine_text_alloc(index, &index->workers[0], size, &to, err);
	for (size_t at = 0; status == ASOF_OK && at < index->table_capacity; at++) {
		struct asof_spine_pair_entry *entry = &index->pairs[at];
		if (entry->entity_number == 0 || !asof_spine_key_is_long(entry->high))
			continue;
		const char *from = (const char *)(uintptr_t)entry->low;
		size_t bytes = asof_spine_key_bytes_of(from);
		memcpy(to, from, bytes);
		entry->low = (uint64_t)(uintptr_t)to;
		to += bytes;
	}
	asof_spine_texts_free(index, &rows);
	for (unsigned worker = 1; worker < index->worker_count; worker++)
		asof_spine_texts_free(index, &index->workers[worker]);
	return status;
}

static void
find_range(struct asof_spine_build *build)
{
	struct asof_spine_slots *slots = &build->index->slots;
	slots->min_us = INT64_MAX;
	slots->max_us = INT64_MIN;
	for (size_t p = 0; p < build->part_count; p++) {
		const struct asof_spine_part *part = &build->parts[p];
		if (part->entity_count == 0)
			continue;
		slots->min_us = part->min_us < slots->min_us ? part->min_us : slots->min_us;
		slots->max_us = part->max_us > slots->max_us ? part->max_us : slots->max_us;
	}
}

static enum asof_status
scatter(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	struct asof_budget *budget = &index->budget;
	unsigned workers = index->worker_count;
	ASOF_TRY(asof_workers_run(workers, count_rows, build, err));
	place_rows(build);
	size_t count = build->taken_count;
	ASOF_TRY(asof_budget_alloc(budget, count * index->word_count, sizeof(*build->part_keys),
				   (void **)&build->part_keys, err));
	ASOF_TRY(asof_budget_alloc(budget, count, sizeof(*build->part_times_us),
				   (void **)&build->part_times_us, err));
	ASOF_TRY(asof_budget_alloc(budget, count, sizeof(*build->part_rows),
				   (void **)&build->part_rows, err));
	return asof_workers_run(workers, scatter_rows, build, err);
}

static enum asof_status
group_worker(void *arg, unsigned worker, struct asof_error *err)
{
	(void)worker;
	return asof_spine_group_parts(arg, err);
}

static enum asof_status
group(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	/* Neither keys nor times are looked at as what they were any more. */
	build->grouped_times_us = (int64_t *)(void *)index->keys;
	build->grouped_rows = (uint32_t *)(void *)index->times_us;
	build->entity_ids = build->grouped_rows + build->taken_count;
	atomic_store(&build->next_part, 0);
	ASOF_TRY(asof_workers_run(index->worker_count, group_worker, build, err));
	number_parts(build);
	return ASOF_OK;
}

static enum asof_status
alloc_table(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	size_t entity_count = index->slots.entity_count;
	size_t per_part = 2 * entity_count / build->part_count + 1;
	size_t capacity = per_part * build->part_count;
	index->is_direct = build->is_dense && build->key_range / PLACES_PER_ENTITY <= entity_count;
	if (index->is_direct) {
		index->min_key = build->min_key;
		capacity = build->key_range;
	}
	ASOF_TRY(asof_budget_alloc(&index->budget, capacity, asof_spine_entry_bytes(index),
				   &index->table, err));
	index->table_capacity = capacity;
	return ASOF_OK;
}

/* Where the slots of each place begin: entities ascend with their places. */
static enum asof_status
place_slots(struct asof_spine_index *index, struct asof_error *err)
{
	if (!index->is_direct)
		return ASOF_OK;
	size_t capacity = index->table_capacity;
	ASOF_TRY(asof_budget_alloc(&index->budget, capacity + 1, sizeof(*index->place_begin),
				   (void **)&index->place_begin, err));
	uint32_t begin = (uint32_t)index->slots.slot_count;
	index->place_begin[capacity] = begin;
	for (size_t place = capacity; place-- > 0;) {
		if (index->numbers[place] != 0)
			begin = index->entity_begin[index->numbers[place] - 1];
		index->place_begin[place] = begin;
	}
	return ASOF_OK;
}

static enum asof_status
write(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	struct asof_budget *budget = &index->budget;
	size_t entity_count = index->slots.entity_count;
	ASOF_TRY(asof_budget_alloc(budget, entity_count + 1, sizeof(*index->entity_begin),
				   (void **)&index->entity_begin, err));
	ASOF_TRY(alloc_table(build, err));
	index->entity_begin[entity_count] = (uint32_t)index->slots.slot_count;
	atomic_store(&build->next_part, 0);
	ASOF_TRY(asof_workers_run(index->worker_count, write_worker, build, err));
	write_spills(build);
	find_range(build);
	ASOF_TRY(place_slots(index, err));
	return keep_long_keys(build, err);
}

/* Rows' keys and times go, slots' times stay. */
static void
settle(struct asof_spine_build *build)
{
	struct asof_spine_index *index = build->index;
	struct asof_budget *budget = &index->budget;
	struct asof_spine_slots *slots = &index->slots;
	asof_budget_free(budget, index->keys, index->row_count * index->word_count,
			 sizeof(*index->keys));
	index->keys = NULL;
	asof_budget_free(budget, index->times_us, index->row_count, sizeof(*index->times_us));
	index->times_us =
		asof_budget_shrink(budget, ASOF_STEAL(build->part_times_us), build->taken_count,
				   slots->slot_count, sizeof(*index->times_us));
	slots->row_count = index->row_count;
	slots->row_slots = index->row_slots;
	slots->times_us = index->times_us;
	slots->entity_begin = index->entity_begin;
	index->is_finished = true;
}

static void
build_done(struct asof_spine_build *build)
{
	struct asof_spine_index *index = build->index;
	struct asof_budget *budget = &index->budget;
	asof_budget_free(budget, build->parts, build->part_count, sizeof(*build->parts));
	asof_budget_free(budget, build->places, build->part_count * index->worker_count,
			 sizeof(*build->places));
	asof_budget_free(budget, build->part_keys, build->taken_count * index->word_count,
			 sizeof(*build->part_keys));
	asof_budget_free(budget, build->part_times_us, build->taken_count,
			 sizeof(*build->part_times_us));
	asof_budget_free(budget, build->part_rows, build->taken_count, sizeof(*build->part_rows));
}

/* The range of keys that are whole numbers. */
static void
find_key_range(struct asof_spine_build *build)
{
	const struct asof_spine_index *index = build->index;
	int64_t min_key = INT64_MAX;
	int64_t max_key = INT64_MIN;
	for (unsigned i = 0; i < index->worker_count; i++) {
		const struct asof_spine_worker *worker = &index->workers[i];
		if (!worker->has_range)
			continue;
		min_key = worker->min_key < min_key ? worker->min_key : min_key;
		max_key = worker->max_key > max_key ? worker->max_key : max_key;
	}
	if (min_key > max_key)
		return;
	uint64_t last_place = (uint64_t)max_key - (uint64_t)min_key;
	build->is_dense = last_place < (uint64_t)index->row_count * PLACES_PER_ROW;
	build->min_key = (uint64_t)min_key;
	build->key_range = last_place + 1;
}

static void
divide(struct asof_spine_build *build)
{
	unsigned bits = 0;
	while (bits < PART_BITS_MAX && build->index->row_count >> bits > PART_ROWS)
		bits++;
	find_key_range(build);
	build->part_count = (size_t)1 << bits;
	build->part_shift = HASH_BITS - bits;
	if (!build->is_dense)
		return;
	build->part_shift = 0;
	while ((build->key_range - 1) >> build->part_shift >= build->part_count)
		build->part_shift++;
}

enum asof_status
asof_spine_index_finish(struct asof_spine_index *index, struct asof_error *err)
{
	assert(!index->is_finished);
	ASOF_AUTO(build_done) struct asof_spine_build build = { .index = index };
	divide(&build);
	ASOF_TRY(asof_budget_alloc(&index->budget, build.part_count, sizeof(*build.parts),
				   (void **)&build.parts, err));
	ASOF_TRY(asof_budget_alloc(&index->budget, build.part_count * index->worker_count,
				   sizeof(*build.places), (void **)&build.places, err));
	ASOF_TRY(scatter(&build, err));
	ASOF_TRY(group(&build, err));
	ASOF_TRY(write(&build, err));
	settle(&build);
	return ASOF_OK;
}
