/* spine_index_group.c - the rows of a part put together by entity, each one's by time. */
#include "kernel/spine_index_build.h"
#include "kernel/spine_index_sort.h"

#define SEEN_COUNT_MIN ((size_t)256)

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
seen_place(const struct asof_spine_build *build, const struct seen *seen, const uint64_t *words)
{
	return asof_spine_hash_of(build->index, words) & (seen->capacity - 1);
}

static enum asof_status
seen_grow(const struct asof_spine_build *build, const struct asof_spine_part *part,
	  struct seen *seen, struct asof_error *err)
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
seen_find(const struct asof_spine_build *build, const struct asof_spine_part *part,
	  const struct seen *seen, const uint64_t *words)
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

/* Number the entities of a part as they come; their keys move to the front of the part's. */
static enum asof_status
number_entities(struct asof_spine_build *build, struct asof_spine_part *part, struct seen *seen,
		struct asof_error *err)
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

/* Number the entities of a part as their keys ascend: each has a place of its own. */
static void
number_dense_entities(struct asof_spine_build *build, struct asof_spine_part *part,
		      struct seen *seen)
{
	uint64_t *keys = build->part_keys + part->begin;
	uint64_t range = UINT64_C(1) << build->part_shift;
	memset(seen->numbers, 0, range * sizeof(*seen->numbers));
	seen->entity_count = 0;
	uint64_t from = 0;
	for (size_t i = part->begin; i < part->end; i++) {
		uint64_t place = build->part_keys[i] - build->min_key;
		from = place & ~(range - 1);
		build->entity_ids[i] = (uint32_t)(place - from);
		seen->numbers[place - from]++;
	}
	for (uint64_t place = 0; place < range && part->begin < part->end; place++) {
		if (seen->numbers[place] == 0)
			continue;
		size_t id = seen->entity_count++;
		keys[id] = build->min_key + from + place;
		seen->counts[id] = seen->numbers[place];
		seen->numbers[place] = (uint32_t)id;
	}
	for (size_t i = part->begin; i < part->end; i++)
		build->entity_ids[i] = seen->numbers[build->entity_ids[i]];
	part->entity_count = seen->entity_count;
}

static void
group_rows(struct asof_spine_build *build, const struct asof_spine_part *part, struct seen *seen)
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
sort_entities(struct asof_spine_build *build, struct asof_spine_part *part, const struct seen *seen)
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
group_parts(struct asof_spine_build *build, struct seen *seen, struct asof_error *err)
{
	for (;;) {
		size_t p = atomic_fetch_add_explicit(&build->next_part, 1, memory_order_relaxed);
		if (p >= build->part_count)
			return ASOF_OK;
		struct asof_spine_part *part = &build->parts[p];
		if (build->is_dense)
			number_dense_entities(build, part, seen);
		else
			ASOF_TRY(number_entities(build, part, seen, err));
		group_rows(build, part, seen);
		sort_entities(build, part, seen);
	}
}

enum asof_status
asof_spine_group_parts(struct asof_spine_build *build, struct asof_error *err)
{
	struct asof_budget *budget = &build->index->budget;
	struct seen seen;
	size_t capacity = SEEN_COUNT_MIN;
	/* Twice the range: room for a count of each. */
	if (build->is_dense)
		capacity = (size_t)2 << build->part_shift;
	ASOF_TRY(seen_init(budget, &seen, capacity, err));
	enum asof_status status = group_parts(build, &seen, err);
	seen_done(budget, &seen);
	return status;
}
