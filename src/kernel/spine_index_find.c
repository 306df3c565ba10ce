/* spine_index_find.c - keys looked up, many at once so that the waits for memory overlap. */
#include "kernel/spine_index_impl.h"

#include <assert.h>

static void
find_numbers(const struct asof_spine_index *index, const struct asof_spine_keys *keys, size_t count,
	     uint32_t *ret_entities)
{
	const uint32_t *table = index->numbers;
	uint64_t capacity = index->table_capacity;
	uint64_t min_key = index->min_key;
	for (size_t i = 0; i < count; i++) {
		uint64_t place = keys->low[i] - min_key;
		__builtin_prefetch(&table[place < capacity ? place : 0]);
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t place = keys->low[i] - min_key;
		/* A number of 0 is nobody's, one less is ASOF_NO_ENTITY. */
		ret_entities[i] = (place < capacity ? table[place] : 0) - 1;
	}
}
_Static_assert(ASOF_NO_ENTITY == (uint32_t)0 - 1, "what 0 stands for");

static void
find_words(const struct asof_spine_index *index, const struct asof_spine_keys *keys, size_t count,
	   uint32_t *ret_entities)
{
	const struct asof_spine_word_entry *table = index->words;
	size_t capacity = index->table_capacity;
	size_t places[ASOF_SPINE_KEY_ROWS_MAX];
	for (size_t i = 0; i < count; i++) {
		uint64_t hash = asof_spine_hash(ASOF_SPINE_KEY_WORD, keys->low[i], 0);
		places[i] = asof_spine_place(hash, capacity);
		__builtin_prefetch(&table[places[i]]);
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = places[i];
		uint64_t low = keys->low[i];
		while (table[at].entity_number != 0 && table[at].low != low)
			at = at + 1 == capacity ? 0 : at + 1;
		ret_entities[i] = table[at].entity_number - 1;
	}
}

static bool
is_key_of(const struct asof_spine_index *index, const struct asof_spine_pair_entry *entry,
	  const struct asof_column *columns, size_t row, uint64_t low, uint64_t high)
{
	if (entry->high != high)
		return false;
	if (index->shape.form == ASOF_SPINE_KEY_TEXT && asof_spine_key_is_long(high))
		return asof_spine_key_equals_stored(&index->shape, columns, row,
						    (const char *)(uintptr_t)entry->low);
	return entry->low == low;
}

static void
find_pairs(const struct asof_spine_index *index, const struct asof_column *columns, size_t first,
	   const struct asof_spine_keys *keys, size_t count, uint32_t *ret_entities)
{
	const struct asof_spine_pair_entry *table = index->pairs;
	enum asof_spine_key_form form = index->shape.form;
	size_t capacity = index->table_capacity;
	size_t places[ASOF_SPINE_KEY_ROWS_MAX];
	for (size_t i = 0; i < count; i++) {
		if (!keys->is_key[i])
			continue;
		uint64_t hash = asof_spine_hash(form, keys->low[i], keys->high[i]);
		places[i] = asof_spine_place(hash, capacity);
		__builtin_prefetch(&table[places[i]]);
	}
	for (size_t i = 0; i < count; i++) {
		if (!keys->is_key[i])
			continue;
		size_t at = places[i];
		while (table[at].entity_number != 0 &&
		       !is_key_of(index, &table[at], columns, first + i, keys->low[i],
				  keys->high[i]))
			at = at + 1 == capacity ? 0 : at + 1;
		ret_entities[i] = table[at].entity_number - 1;
	}
}

void
asof_spine_index_find_some(const struct asof_spine_index *index, const struct asof_column *columns,
			   size_t first, size_t count, uint32_t *ret_entities)
{
	assert(index->is_finished && count <= ASOF_SPINE_KEY_ROWS_MAX);
	struct asof_spine_keys keys;
	asof_spine_keys_pack(&index->shape, columns, first, count, &keys);
	if (index->is_direct)
		find_numbers(index, &keys, count, ret_entities);
	else if (index->shape.form == ASOF_SPINE_KEY_WORD)
		find_words(index, &keys, count, ret_entities);
	else
		find_pairs(index, columns, first, &keys, count, ret_entities);
	for (size_t i = 0; i < count; i++) {
		if (!keys.is_key[i])
			ret_entities[i] = ASOF_NO_ENTITY;
	}
}

/* Keys that are whole numbers, none of them NULL, each with a place. */
static void
find_slots_of_numbers(const struct asof_spine_index *index, const int64_t *keys, size_t count,
		      uint32_t *ret_begin, uint32_t *ret_end)
{
	const uint32_t *place_begin = index->place_begin;
	uint64_t capacity = index->table_capacity;
	for (size_t i = 0; i < count; i++) {
		uint64_t place = (uint64_t)keys[i] - index->min_key;
		__builtin_prefetch(&place_begin[place < capacity ? place : 0]);
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t place = (uint64_t)keys[i] - index->min_key;
		bool is_place = place < capacity;
		place = is_place ? place : 0;
		ret_begin[i] = place_begin[place];
		ret_end[i] = place_begin[place + is_place];
	}
}

void
asof_spine_index_find_slots(const struct asof_spine_index *index, const struct asof_column *columns,
			    size_t first, size_t count, uint32_t *ret_begin, uint32_t *ret_end)
{
	assert(index->is_finished && count <= ASOF_FIND_SLOTS_MAX);
	if (index->is_direct && !columns[0].validity && index->shape.parts[0].width == 8) {
		find_slots_of_numbers(index, (const int64_t *)columns[0].data + first, count,
				      ret_begin, ret_end);
		return;
	}
	uint32_t entities[ASOF_SPINE_KEY_ROWS_MAX];
	asof_spine_index_find_some(index, columns, first, count, entities);
	for (size_t i = 0; i < count; i++) {
		if (entities[i] != ASOF_NO_ENTITY)
			__builtin_prefetch(&index->entity_begin[entities[i]]);
	}
	for (size_t i = 0; i < count; i++) {
		bool is_entity = entities[i] != ASOF_NO_ENTITY;
		uint32_t entity = is_entity ? entities[i] : 0;
		ret_begin[i] = index->entity_begin[entity];
		ret_end[i] = index->entity_begin[entity + is_entity];
	}
}

void
asof_spine_index_find(const struct asof_spine_index *index, const struct asof_column *keys,
		      size_t count, uint32_t *ret_entities)
{
	assert(count <= ASOF_FIND_ROWS_MAX);
	for (size_t first = 0; first < count; first += ASOF_SPINE_KEY_ROWS_MAX) {
		size_t some = count - first;
		if (some > ASOF_SPINE_KEY_ROWS_MAX)
			some = ASOF_SPINE_KEY_ROWS_MAX;
		asof_spine_index_find_some(index, keys, first, some, ret_entities + first);
	}
}
