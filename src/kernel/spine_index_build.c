/*
 * spine_index_build.c - rows of a spine made into entities and slots.
 *
 * Rows are scattered by the high bits of their keys' hashes into parts whose entities fit into the
 * second-level cache; each part is then grouped by entity and each entity's times are sorted,
 * without a look at any other part. What a step no longer needs holds the next one's results:
 *
 *   rows              keys    times          slots
 *   scattered                                slots  part_keys  part_times  part_rows
 *   grouped, sorted   times   rows, ids      slots  part_keys  (spare)     (spare)
 *   written                                  slots             times
 */
#include "kernel/spine_index_impl.h"

#include <assert.h>

#include "base/workers.h"
#include "kernel/spine_index_sort.h"

#define PART_ROWS      ((size_t)16384)
#define PART_BITS_MAX  10
#define HASH_BITS      64
#define SEEN_COUNT_MIN ((size_t)256)

/* Rows whose keys' hashes begin alike, and what they become. */
struct part {
	size_t begin; /* of its rows among all that were taken */
	size_t end;
	size_t entity_count;
	size_t slot_count;
	size_t first_entity;
	size_t first_slot;
	size_t spill_count; /* entities that its range of the table has no room for */
	size_t long_bytes;  /* of its long keys */
	int64_t min_us;
	int64_t max_us;
};

struct build {
	struct asof_spine_index *index;
	unsigned part_bits;
	size_t part_count;
	struct part *parts;
	size_t *places; /* per worker and part: rows, then where its next one goes */
	atomic_size_t next_part;

	uint64_t *part_keys;
	int64_t *part_times_us;
	uint32_t *part_rows;
	size_t taken_count;

	int64_t *grouped_times_us; /* in index->keys */
	uint32_t *grouped_rows;    /* in index->times_us .. */
	uint32_t *entity_ids;      /* .. and behind them */
};

static size_t
part_of(const struct build *build, const uint64_t *words)
{
	enum asof_spine_key_form form = build->index->shape.form;
	uint64_t high = form == ASOF_SPINE_KEY_WORD ? 0 : words[1];
	uint64_t hash = asof_spine_hash(form, words[0], high);
	return build->part_bits == 0 ? 0 : hash >> (HASH_BITS - build->part_bits);
}

static size_t
share_begin(const struct build *build, unsigned worker)
{
	const struct asof_spine_index *index = build->index;
	return (size_t)((uint64_t)index->row_count * worker / index->worker_count);
}

static enum asof_status
count_rows(void *arg, unsigned worker, struct asof_error *err)
{
	struct build *build = arg;
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
place_rows(struct build *build)
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
	struct build *build = arg;
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

/* The entities of one part while it is grouped: numbers into `counts`, found by hash. */
struct seen {
	uint32_t *numbers; /* entity + 1; 0: free */
	uint32_t *counts;  /* rows per entity, then where its next one goes */
	size_t capacity;   /* of numbers: a power of two; counts: half of it */
	size_t entity_count;
};

static void
seen_done(struct asof_budget *budget, struct seen *seen)
{
	asof_budget_free(budget, seen->numbers, seen->capacity, sizeof(*seen->numbers));
	asof_budget_free(budget, seen->counts, seen->capacity / 2, sizeof(*seen->counts));
	*seen = (struct seen){ 0 };
}

static enum asof_status
seen_init(struct asof_budget *budget, struct seen *seen, size_t capacity, struct asof_error *err)
{
	*seen = (struct seen){ .capacity = capacity };
	enum asof_status status = asof_budget_alloc(budget, capacity, sizeof(*seen->numbers),
						    (void **)&seen->numbers, err);
	if (status == ASOF_OK)
		status = asof_budget_alloc(budget, capacity / 2, sizeof(*seen->counts),
					   (void **)&seen->counts, err);
	if (status != ASOF_OK)
		seen_done(budget, seen);
	return status;
}

/* A part's rows share the high bits of their hashes: the low ones tell them apart. */
static size_t
seen_place(const struct build *build, const struct seen *seen, const uint64_t *words)
{
	enum asof_spine_key_form form = build->index->shape.form;
	uint64_t high = form == ASOF_SPINE_KEY_WORD ? 0 : words[1];
	return asof_spine_hash(form, words[0], high) & (seen->capacity - 1);
}

static enum asof_status
seen_grow(const struct build *build, const struct part *part, struct seen *seen,
	  struct asof_error *err)
{
	struct asof_budget *budget = &build->index->budget;
	struct seen grown;
	ASOF_TRY(seen_init(budget, &grown, seen->capacity * 2, err));
	size_t word_count = build->index->word_count;
	const uint64_t *keys = build->part_keys + part->begin * word_count;
	for (size_t id = 0; id < seen->entity_count; id++) {
		size_t at = seen_place(build, &grown, keys + id * word_count);
		while (grown.numbers[at] != 0)
			at = (at + 1) & (grown.capacity - 1);
		grown.numbers[at] = (uint32_t)id + 1;
		grown.counts[id] = seen->counts[id];
	}
	grown.entity_count = seen->entity_count;
	seen_done(budget, seen);
	*seen = grown;
	return ASOF_OK;
}

/* The place in seen->numbers of a key: its own, or a free one. */
static size_t
seen_find(const struct build *build, const struct part *part, const struct seen *seen,
	  const uint64_t *words)
{
	enum asof_spine_key_form form = build->index->shape.form;
	size_t word_count = build->index->word_count;
	const uint64_t *keys = build->part_keys + part->begin * word_count;
	size_t at = seen_place(build, seen, words);
	for (; seen->numbers[at] != 0; at = (at + 1) & (seen->capacity - 1)) {
		const uint64_t *other = keys + (seen->numbers[at] - 1) * word_count;
		uint64_t high = form == ASOF_SPINE_KEY_WORD ? 0 : words[1];
		uint64_t other_high = form == ASOF_SPINE_KEY_WORD ? 0 : other[1];
		if (asof_spine_key_equal(form, words[0], high, other[0], other_high))
			break;
	}
	return at;
}

/* Number the entities of a part; their keys move to the front of the part's. */
static enum asof_status
number_entities(struct build *build, struct part *part, struct seen *seen, struct asof_error *err)
{
	size_t word_count = build->index->word_count;
	bool is_text = build->index->shape.form == ASOF_SPINE_KEY_TEXT;
	uint64_t *keys = build->part_keys + part->begin * word_count;
	memset(seen->numbers, 0, seen->capacity * sizeof(*seen->numbers));
	seen->entity_count = 0;
	for (size_t i = part->begin; i < part->end; i++) {
		const uint64_t *words = build->part_keys + i * word_count;
		size_t at = seen_find(build, part, seen, words);
		if (seen->numbers[at] == 0 && seen->entity_count == seen->capacity / 2) {
			ASOF_TRY(seen_grow(build, part, seen, err));
			at = seen_find(build, part, seen, words);
		}
		if (seen->numbers[at] == 0) {
			size_t id = seen->entity_count++;
			memmove(keys + id * word_count, words, word_count * sizeof(*keys));
			seen->counts[id] = 0;
			seen->numbers[at] = (uint32_t)id + 1;
			if (is_text && asof_spine_key_is_long(words[1]))
				part->long_bytes +=
					asof_spine_key_bytes_of((const char *)(uintptr_t)words[0]);
		}
		build->entity_ids[i] = seen->numbers[at] - 1;
		seen->counts[seen->numbers[at] - 1]++;
	}
	part->entity_count = seen->entity_count;
	return ASOF_OK;
}

static void
group_rows(struct build *build, const struct part *part, struct seen *seen)
{
	size_t begin = 0;
	for (size_t id = 0; id < seen->entity_count; id++) {
		size_t count = seen->counts[id];
		seen->counts[id] = (uint32_t)begin;
		begin += count;
	}
	for (size_t i = part->begin; i < part->end; i++) {
		size_t place = part->begin + seen->counts[build->entity_ids[i]]++;
		build->grouped_times_us[place] = build->part_times_us[i];
		build->grouped_rows[place] = build->part_rows[i];
	}
}

static size_t
count_slots(const int64_t *times_us, size_t count)
{
	size_t slot_count = 1;
	for (size_t i = 1; i < count; i++)
		slot_count += times_us[i] != times_us[i - 1];
	return slot_count;
}

/* seen->counts is where each entity ends; it is kept for later in place of the ids. */
static void
sort_entities(struct build *build, struct part *part, const struct seen *seen)
{
	size_t begin = part->begin;
	for (size_t id = 0; id < seen->entity_count; id++) {
		size_t end = part->begin + seen->counts[id];
		int64_t *times_us = build->grouped_times_us + begin;
		asof_spine_sort(times_us, build->grouped_rows + begin, end - begin,
				build->part_times_us + begin, build->part_rows + begin);
		part->slot_count += count_slots(times_us, end - begin);
		build->entity_ids[part->begin + id] = (uint32_t)end;
		begin = end;
	}
}

static enum asof_status
group_parts(struct build *build, struct seen *seen, struct asof_error *err)
{
	for (;;) {
		size_t p = atomic_fetch_add_explicit(&build->next_part, 1, memory_order_relaxed);
		if (p >= build->part_count)
			return ASOF_OK;
		struct part *part = &build->parts[p];
		ASOF_TRY(number_entities(build, part, seen, err));
		group_rows(build, part, seen);
		sort_entities(build, part, seen);
	}
}

static enum asof_status
group_worker(void *arg, unsigned worker, struct asof_error *err)
{
	struct build *build = arg;
	(void)worker;
	struct asof_budget *budget = &build->index->budget;
	struct seen seen;
	ASOF_TRY(seen_init(budget, &seen, SEEN_COUNT_MIN, err));
	enum asof_status status = group_parts(build, &seen, err);
	seen_done(budget, &seen);
	return status;
}

static void
number_parts(struct build *build)
{
	struct asof_spine_slots *slots = &build->index->slots;
	for (size_t p = 0; p < build->part_count; p++) {
		struct part *part = &build->parts[p];
		part->first_entity = slots->entity_count;
		part->first_slot = slots->slot_count;
		slots->entity_count += part->entity_count;
		slots->slot_count += part->slot_count;
	}
}

/* The rows of one entity get their slots; returns the slot behind its last. */
static size_t
write_slots(const struct build *build, size_t begin, size_t end, size_t slot)
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
	uint32_t begin = index->entity_begin[entity];
	if (index->shape.form == ASOF_SPINE_KEY_WORD)
		index->words[at] = (struct asof_spine_word_entry){ words[0], number, begin };
	else
		index->pairs[at] =
			(struct asof_spine_pair_entry){ words[0], words[1], number, begin };
}

static bool
is_free(const struct asof_spine_index *index, size_t at)
{
	return index->shape.form == ASOF_SPINE_KEY_WORD ? index->words[at].entity_number == 0
							: index->pairs[at].entity_number == 0;
}

static size_t
place_of(const struct asof_spine_index *index, const uint64_t *words)
{
	enum asof_spine_key_form form = index->shape.form;
	uint64_t high = form == ASOF_SPINE_KEY_WORD ? 0 : words[1];
	return asof_spine_place(asof_spine_hash(form, words[0], high), index->table_capacity);
}

static void
write_part(struct build *build, size_t p)
{
	struct asof_spine_index *index = build->index;
	struct part *part = &build->parts[p];
	size_t range_end = index->table_capacity / build->part_count * (p + 1);
	const uint64_t *keys = build->part_keys + part->begin * index->word_count;
	size_t begin = part->begin;
	size_t slot = part->first_slot;
	for (size_t id = 0; id < part->entity_count; id++) {
		size_t end = build->entity_ids[part->begin + id];
		size_t entity = part->first_entity + id;
		index->entity_begin[entity] = (uint32_t)slot;
		if (id == 0 || build->grouped_times_us[begin] < part->min_us)
			part->min_us = build->grouped_times_us[begin];
		if (id == 0 || build->grouped_times_us[end - 1] > part->max_us)
			part->max_us = build->grouped_times_us[end - 1];
		slot = write_slots(build, begin, end, slot);
		begin = end;

		const uint64_t *words = keys + id * index->word_count;
		size_t at = place_of(index, words);
		while (at < range_end && !is_free(index, at))
			at++;
		if (at < range_end)
			write_entry(index, at, words, entity);
		else
			build->part_rows[part->begin + part->spill_count++] = (uint32_t)id;
	}
}

static enum asof_status
write_worker(void *arg, unsigned worker, struct asof_error *err)
{
	struct build *build = arg;
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
write_spills(struct build *build)
{
	struct asof_spine_index *index = build->index;
	for (size_t p = 0; p < build->part_count; p++) {
		const struct part *part = &build->parts[p];
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
keep_long_keys(struct build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	size_t size = 0;
	for (size_t p = 0; p < build->part_count; p++)
		size += build->parts[p].long_bytes;
	if (size == 0)
		return ASOF_OK;

	struct asof_spine_texts rows = index->texts[0];
	index->texts[0] = (struct asof_spine_texts){ 0 };
	char *to;
	enum asof_status status = asof_spine_text_alloc(index, 0, size, &to, err);
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
		asof_spine_texts_free(index, &index->texts[worker]);
	return status;
}

static void
find_range(struct build *build)
{
	struct asof_spine_slots *slots = &build->index->slots;
	slots->min_us = INT64_MAX;
	slots->max_us = INT64_MIN;
	for (size_t p = 0; p < build->part_count; p++) {
		const struct part *part = &build->parts[p];
		if (part->entity_count == 0)
			continue;
		slots->min_us = part->min_us < slots->min_us ? part->min_us : slots->min_us;
		slots->max_us = part->max_us > slots->max_us ? part->max_us : slots->max_us;
	}
}

static enum asof_status
scatter(struct build *build, struct asof_error *err)
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
group(struct build *build, struct asof_error *err)
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
write(struct build *build, struct asof_error *err)
{
	struct asof_spine_index *index = build->index;
	struct asof_budget *budget = &index->budget;
	size_t entity_count = index->slots.entity_count;
	size_t per_part = (2 * entity_count + build->part_count) / build->part_count + 1;
	ASOF_TRY(asof_budget_alloc(budget, entity_count + 1, sizeof(*index->entity_begin),
				   (void **)&index->entity_begin, err));
	size_t capacity = per_part * build->part_count;
	ASOF_TRY(asof_budget_alloc(budget, capacity, asof_spine_entry_bytes(index), &index->table,
				   err));
	index->table_capacity = capacity;
	index->entity_begin[entity_count] = (uint32_t)index->slots.slot_count;
	atomic_store(&build->next_part, 0);
	ASOF_TRY(asof_workers_run(index->worker_count, write_worker, build, err));
	write_spills(build);
	find_range(build);
	return keep_long_keys(build, err);
}

/* Rows' keys and times go, slots' times stay. */
static void
settle(struct build *build)
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
build_done(struct build *build)
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

enum asof_status
asof_spine_index_finish(struct asof_spine_index *index, struct asof_error *err)
{
	assert(!index->is_finished);
	ASOF_AUTO(build_done) struct build build = { .index = index };
	while (build.part_bits < PART_BITS_MAX && index->row_count >> build.part_bits > PART_ROWS)
		build.part_bits++;
	build.part_count = (size_t)1 << build.part_bits;
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
