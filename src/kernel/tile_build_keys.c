/* tile_build_keys.c - entities of a build: hashed, found, compared, and read back. */
#include "kernel/tile_build_impl.h"
#include "model/hash.h"

#define SLOTS_MIN  16
#define UUID_BYTES 16
#define WIDE_BYTES 16

static size_t
key_width(struct asof_type type)
{
	return asof_item_kind_of(type) == ASOF_ITEM_ORDINAL ? sizeof(uint64_t) : WIDE_BYTES;
}

enum asof_status
asof_build_keys_init(struct asof_build_keys *keys, const struct asof_entity *entity,
		     struct asof_error *err)
{
	if (entity->key_count > ASOF_COUNTOF(keys->offsets))
		return ASOF_FAIL(err, ASOF_LIMIT, "a key of %zu columns", entity->key_count);
	keys->keys = entity->keys;
	keys->count = entity->key_count;
	keys->width = sizeof(uint64_t);
	for (size_t i = 0; i < keys->count; i++) {
		keys->offsets[i] = keys->width;
		keys->width += key_width(entity->keys[i].type);
	}
	return ASOF_OK;
}

/* ---- hashing ---- */

static void
hash_ordinals(const struct asof_column *column, const uint32_t *rows, size_t count,
	      uint64_t *hashes)
{
	enum asof_type_kind kind = (enum asof_type_kind)column->type.kind;
	for (size_t i = 0; i < count; i++)
		hashes[i] = asof_build_mix(hashes[i], asof_ordinal_at(kind, column->data, rows[i]));
}

static void
hash_texts(const struct asof_column *column, const uint32_t *rows, size_t count, uint64_t *hashes)
{
	const struct asof_str *texts = column->data;
	for (size_t i = 0; i < count; i++)
		hashes[i] = asof_build_mix(hashes[i], asof_hash64(texts[rows[i]]));
}

static void
hash_wide(const struct asof_column *column, const uint32_t *rows, size_t count, uint64_t *hashes)
{
	const char *data = column->data;
	for (size_t i = 0; i < count; i++) {
		uint64_t halves[2];
		memcpy(halves, data + (size_t)rows[i] * WIDE_BYTES, sizeof(halves));
		hashes[i] = asof_build_mix(asof_build_mix(hashes[i], halves[0]), halves[1]);
	}
}

void
asof_build_hash_rows(const struct asof_build_keys *keys, const struct asof_column *columns,
		     const uint32_t *rows, size_t count, uint64_t *hashes)
{
	for (size_t i = 0; i < count; i++)
		hashes[i] = 1;
	for (size_t k = 0; k < keys->count; k++) {
		struct asof_type type = keys->keys[k].type;
		if (asof_item_kind_of(type) == ASOF_ITEM_ORDINAL)
			hash_ordinals(&columns[k], rows, count, hashes);
		else if (asof_build_is_text(type))
			hash_texts(&columns[k], rows, count, hashes);
		else
			hash_wide(&columns[k], rows, count, hashes);
	}
}

/* ---- slots ---- */

/* Records begin with their hash. */
static void
fill_slots(uint64_t *slots, size_t slot_count, const struct asof_build_array *records, size_t count,
	   size_t width)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t hash;
		memcpy(&hash, (const char *)records->data + i * width, sizeof(hash));
		size_t at = hash & (slot_count - 1);
		while (slots[at])
			at = (at + 1) & (slot_count - 1);
		slots[at] = asof_build_tag(hash) | (i + 1);
	}
}

enum asof_status
asof_build_reserve_slots(struct asof_build_memory *memory, struct asof_build_array *slots,
			 size_t *slot_count, size_t need, const struct asof_build_array *records,
			 size_t count, size_t width, struct asof_error *err)
{
	if (need >= UINT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than 2^32 rows of one part");
	if (need * 3 / 2 < *slot_count)
		return ASOF_OK;
	size_t room = *slot_count ? *slot_count : SLOTS_MIN;
	while (need * 3 / 2 >= room)
		room *= 2;
	struct asof_build_array fresh = { 0 };
	ASOF_TRY(asof_build_reserve(memory, &fresh, room * sizeof(uint64_t), err));
	fill_slots(fresh.data, room, records, count, width);
	asof_build_release(memory, slots);
	*slots = fresh;
	*slot_count = room;
	return ASOF_OK;
}

enum asof_status
asof_build_reserve_entities(struct asof_build_memory *memory, const struct asof_build_keys *keys,
			    struct asof_build_part *part, size_t more, struct asof_error *err)
{
	size_t need = part->entity_count + more;
	ASOF_TRY(asof_build_reserve_slots(memory, &part->slots, &part->slot_count, need,
					  &part->entities, part->entity_count, keys->width, err));
	return asof_build_reserve(memory, &part->entities, need * keys->width, err);
}

/* ---- finding ---- */

static bool
is_same_key(const struct asof_build_keys *keys, const char *entity,
	    const struct asof_column *columns, size_t row)
{
	for (size_t k = 0; k < keys->count; k++) {
		const struct asof_column *column = &columns[k];
		const char *stored = entity + keys->offsets[k];
		uint64_t ordinal;
		struct asof_str text;
		switch (asof_item_kind_of(column->type)) {
		case ASOF_ITEM_ORDINAL:
			memcpy(&ordinal, stored, sizeof(ordinal));
			if (ordinal != asof_ordinal_at((enum asof_type_kind)column->type.kind,
						       column->data, row))
				return false;
			break;
		case ASOF_ITEM_STR:
			if (column->type.kind != ASOF_TYPE_UUID) {
				memcpy(&text, stored, sizeof(text));
				if (!asof_str_equal(text,
						    ((const struct asof_str *)column->data)[row]))
					return false;
				break;
			}
			__attribute__((fallthrough));
		case ASOF_ITEM_WIDE:
			if (memcmp(stored, (const char *)column->data + row * WIDE_BYTES,
				   WIDE_BYTES) != 0)
				return false;
			break;
		}
	}
	return true;
}

static enum asof_status
store_key(const struct asof_build_keys *keys, struct asof_build_store *store,
	  const struct asof_column *columns, size_t row, char *entity, struct asof_error *err)
{
	for (size_t k = 0; k < keys->count; k++) {
		const struct asof_column *column = &columns[k];
		char *at = entity + keys->offsets[k];
		if (asof_item_kind_of(column->type) == ASOF_ITEM_ORDINAL) {
			uint64_t ordinal = asof_ordinal_at((enum asof_type_kind)column->type.kind,
							   column->data, row);
			memcpy(at, &ordinal, sizeof(ordinal));
		} else if (asof_build_is_text(column->type)) {
			struct asof_str copy;
			ASOF_TRY(asof_build_store_text(
				store, ((const struct asof_str *)column->data)[row], &copy, err));
			memcpy(at, &copy, sizeof(copy));
		} else {
			memcpy(at, (const char *)column->data + row * WIDE_BYTES, WIDE_BYTES);
		}
	}
	return ASOF_OK;
}

static char *
entity_at(const struct asof_build_keys *keys, const struct asof_build_part *part, size_t entity)
{
	return (char *)part->entities.data + entity * keys->width;
}

enum asof_status
asof_build_find_entity(const struct asof_build_keys *keys, struct asof_build_part *part,
		       struct asof_build_store *store, const struct asof_column *columns,
		       size_t row, uint64_t hash, uint32_t *ret_entity, struct asof_error *err)
{
	uint64_t *slots = part->slots.data;
	uint64_t tag = asof_build_tag(hash);
	size_t at = hash & (part->slot_count - 1);
	for (; slots[at]; at = (at + 1) & (part->slot_count - 1)) {
		uint32_t entity = (uint32_t)slots[at] - 1;
		if (((slots[at] ^ tag) >> 32) == 0 &&
		    is_same_key(keys, entity_at(keys, part, entity), columns, row)) {
			*ret_entity = entity;
			return ASOF_OK;
		}
	}
	char *made = entity_at(keys, part, part->entity_count);
	ASOF_TRY(store_key(keys, store, columns, row, made, err));
	memcpy(made, &hash, sizeof(hash));
	*ret_entity = (uint32_t)part->entity_count++;
	slots[at] = tag | part->entity_count;
	return ASOF_OK;
}

uint32_t
asof_build_merge_entity(const struct asof_build_keys *keys, struct asof_build_part *part,
			const char *entity)
{
	uint64_t *slots = part->slots.data;
	uint64_t hash;
	memcpy(&hash, entity, sizeof(hash));
	uint64_t tag = asof_build_tag(hash);
	size_t at = hash & (part->slot_count - 1);
	for (; slots[at]; at = (at + 1) & (part->slot_count - 1)) {
		uint32_t found = (uint32_t)slots[at] - 1;
		if (((slots[at] ^ tag) >> 32) == 0 &&
		    asof_build_compare_keys(keys, entity_at(keys, part, found), entity) == 0)
			return found;
	}
	memcpy(entity_at(keys, part, part->entity_count), entity, keys->width);
	slots[at] = tag | (part->entity_count + 1);
	return (uint32_t)part->entity_count++;
}

/* ---- order ---- */

static int
compare_key(struct asof_type type, const char *a, const char *b)
{
	struct asof_item left;
	struct asof_item right;
	enum asof_item_kind kind = asof_item_kind_of(type);
	if (type.kind == ASOF_TYPE_UUID)
		return memcmp(a, b, UUID_BYTES);
	memcpy(&left, a, key_width(type));
	memcpy(&right, b, key_width(type));
	return asof_item_compare(kind, &left, &right);
}

int
asof_build_compare_keys(const void *context, const char *a, const char *b)
{
	const struct asof_build_keys *keys = context;
	for (size_t k = 0; k < keys->count; k++) {
		int order =
			compare_key(keys->keys[k].type, a + keys->offsets[k], b + keys->offsets[k]);
		if (order != 0)
			return order;
	}
	return 0;
}

int64_t
asof_build_key_prefix(const struct asof_build_keys *keys, const char *entity)
{
	struct asof_type type = keys->keys[0].type;
	const char *at = entity + keys->offsets[0];
	uint64_t prefix = 0;
	if (type.kind == ASOF_TYPE_DECIMAL) {
		asof_int128 value;
		memcpy(&value, at, sizeof(value));
		return (int64_t)(value >> 64);
	}
	if (asof_item_kind_of(type) == ASOF_ITEM_ORDINAL) {
		memcpy(&prefix, at, sizeof(prefix));
		return (int64_t)(prefix ^ ASOF_ITEM_SIGN);
	}
	struct asof_str text = { at, UUID_BYTES };
	if (asof_build_is_text(type))
		memcpy(&text, at, sizeof(text));
	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix = prefix << 8 | (i < text.len ? (unsigned char)text.ptr[i] : 0);
	return (int64_t)(prefix ^ ASOF_ITEM_SIGN);
}

/* ---- reading ---- */

static void
read_ordinal(struct asof_type type, uint64_t ordinal, void *data, size_t first, size_t count)
{
	int64_t number = (int64_t)(ordinal ^ ASOF_ITEM_SIGN);
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		memset((uint8_t *)data + first, (int)ordinal, count);
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		for (size_t i = first; i < first + count; i++)
			((int32_t *)data)[i] = (int32_t)number;
		break;
	default: /* int64, timestamp */
		for (size_t i = first; i < first + count; i++)
			((int64_t *)data)[i] = number;
	}
}

void
asof_build_read_keys(const struct asof_build_keys *keys, const char *entity,
		     struct asof_block *block, size_t first, size_t count)
{
	for (size_t k = 0; k < keys->count; k++) {
		struct asof_type type = keys->keys[k].type;
		const char *at = entity + keys->offsets[k];
		char *data = block->data[k];
		asof_build_mark(block->validity[k], first, count);
		if (asof_item_kind_of(type) == ASOF_ITEM_ORDINAL) {
			uint64_t ordinal;
			memcpy(&ordinal, at, sizeof(ordinal));
			read_ordinal(type, ordinal, data, first, count);
			continue;
		}
		for (size_t i = first; i < first + count; i++)
			memcpy(data + i * WIDE_BYTES, at, WIDE_BYTES);
	}
}
