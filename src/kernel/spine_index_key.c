/* spine_index_key.c - key tuples as words. */
#include "kernel/spine_index_key.h"

#include <assert.h>
#include <math.h>

#define WORD_BYTES       8
#define PAIR_BYTES       16
#define INLINE_BYTES_MAX 15
#define LENGTH_BYTES     sizeof(uint32_t)
#define STORED_BYTES_MAX INT32_MAX
#define FIXED_BYTES_MAX  16
#define LONG_HASH_BITS   56

static bool
is_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_BYTES ||
	       type.kind == ASOF_TYPE_JSON;
}

/* Wide parts first, so that none lies across two words. */
static void
place_parts(struct asof_spine_key_shape *shape)
{
	uint8_t offset = 0;
	for (uint8_t width = FIXED_BYTES_MAX; width >= 1; width /= 2) {
		for (size_t i = 0; i < shape->part_count; i++) {
			if (shape->parts[i].width != width)
				continue;
			shape->parts[i].offset = offset;
			offset = (uint8_t)(offset + width);
		}
	}
}

void
asof_spine_key_shape_init(struct asof_spine_key_shape *shape, const struct asof_type *types,
			  size_t count)
{
	assert(count >= 1 && count <= ASOF_SPINE_KEY_PARTS_MAX);
	*shape = (struct asof_spine_key_shape){ .part_count = count, .last_text = count };
	size_t width = 0;
	for (size_t i = 0; i < count; i++) {
		struct asof_spine_key_part *part = &shape->parts[i];
		assert(types[i].kind != ASOF_TYPE_LIST && types[i].kind != ASOF_TYPE_VECTOR);
		part->kind = types[i].kind;
		if (is_text(types[i]))
			shape->last_text = i;
		else
			part->width = (uint8_t)asof_column_width(types[i]);
		width += part->width;
	}
	if (shape->last_text < count || width > PAIR_BYTES) {
		shape->form = ASOF_SPINE_KEY_TEXT;
		return;
	}
	shape->form = width <= WORD_BYTES ? ASOF_SPINE_KEY_WORD : ASOF_SPINE_KEY_PAIR;
	uint8_t kind = types[0].kind;
	shape->is_number = count == 1 && (kind == ASOF_TYPE_INT64 || kind == ASOF_TYPE_TIMESTAMP ||
					  kind == ASOF_TYPE_INT32 || kind == ASOF_TYPE_DATE);
	place_parts(shape);
}

/* Equal values have equal bits: one zero, one NaN, one true. */
static uint64_t
word_at(const struct asof_spine_key_part *part, const void *data, size_t row)
{
	switch ((enum asof_type_kind)part->kind) {
	case ASOF_TYPE_BOOL:
		return ((const uint8_t *)data)[row] != 0;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		return ((const uint32_t *)data)[row];
	case ASOF_TYPE_FLOAT32: {
		float value = ((const float *)data)[row];
		value = isnan(value) ? NAN : value + 0.0F;
		uint32_t bits;
		memcpy(&bits, &value, sizeof(bits));
		return bits;
	}
	case ASOF_TYPE_FLOAT64: {
		double value = ((const double *)data)[row];
		value = isnan(value) ? (double)NAN : value + 0.0;
		uint64_t bits;
		memcpy(&bits, &value, sizeof(bits));
		return bits;
	}
	default:
		return ((const uint64_t *)data)[row];
	}
}

static void
pack_part(const struct asof_spine_key_part *part, const void *data, size_t first, size_t count,
	  struct asof_spine_keys *keys)
{
	if (part->width == FIXED_BYTES_MAX) {
		const char *from = (const char *)data + first * FIXED_BYTES_MAX;
		for (size_t i = 0; i < count; i++) {
			memcpy(&keys->low[i], from + i * FIXED_BYTES_MAX, WORD_BYTES);
			memcpy(&keys->high[i], from + i * FIXED_BYTES_MAX + WORD_BYTES, WORD_BYTES);
		}
		return;
	}
	uint64_t *words = part->offset < WORD_BYTES ? keys->low : keys->high;
	unsigned shift = part->offset % WORD_BYTES * 8;
	for (size_t i = 0; i < count; i++)
		words[i] |= word_at(part, data, first + i) << shift;
}

static void
pack_number(const struct asof_spine_key_part *part, const void *data, size_t first, size_t count,
	    uint64_t *words)
{
	if (part->width == WORD_BYTES) {
		memcpy(words, (const int64_t *)data + first, count * sizeof(*words));
		return;
	}
	for (size_t i = 0; i < count; i++)
		words[i] = (uint64_t)(int64_t)((const int32_t *)data)[first + i];
}

static void
pack_fixed(const struct asof_spine_key_shape *shape, const struct asof_column *columns,
	   size_t first, size_t count, struct asof_spine_keys *keys)
{
	if (shape->is_number) {
		pack_number(&shape->parts[0], columns[0].data, first, count, keys->low);
		return;
	}
	memset(keys->low, 0, count * sizeof(*keys->low));
	if (shape->form == ASOF_SPINE_KEY_PAIR)
		memset(keys->high, 0, count * sizeof(*keys->high));
	for (size_t i = 0; i < shape->part_count; i++)
		pack_part(&shape->parts[i], columns[i].data, first, count, keys);
}

/* The bytes of one component. Those of a number are put into `out`. */
static struct asof_str
part_bytes(const struct asof_spine_key_part *part, const struct asof_column *column, size_t row,
	   char out[FIXED_BYTES_MAX])
{
	if (part->width == 0)
		return ((const struct asof_str *)column->data)[row];
	if (part->width == FIXED_BYTES_MAX) {
		memcpy(out, (const char *)column->data + row * FIXED_BYTES_MAX, FIXED_BYTES_MAX);
	} else {
		uint64_t word = word_at(part, column->data, row);
		memcpy(out, &word, WORD_BYTES);
	}
	return (struct asof_str){ out, part->width };
}

static uint64_t
hash_bytes(uint64_t hash, struct asof_str bytes)
{
	uint64_t words[2];
	size_t i = 0;
	for (; bytes.len - i >= sizeof(words); i += sizeof(words)) {
		memcpy(words, bytes.ptr + i, sizeof(words));
		hash = asof_spine_mix(words[0] ^ ASOF_SPINE_MIX_1, words[1] ^ hash);
	}
	words[0] = words[1] = 0;
	if (i < bytes.len)
		memcpy(words, bytes.ptr + i, bytes.len - i);
	hash ^= bytes.len;
	return asof_spine_mix(words[0] ^ ASOF_SPINE_MIX_2, words[1] ^ hash ^ ASOF_SPINE_MIX_3);
}

static void
pack_long(const struct asof_spine_key_shape *shape, const struct asof_column *columns, size_t row,
	  uint64_t *ret_low, uint64_t *ret_high)
{
	uint64_t hash = ASOF_SPINE_MIX_3;
	for (size_t i = 0; i < shape->part_count; i++) {
		char number[FIXED_BYTES_MAX];
		hash = hash_bytes(hash, part_bytes(&shape->parts[i], &columns[i], row, number));
	}
	*ret_low = row;
	*ret_high = hash >> (64 - LONG_HASH_BITS) | ASOF_SPINE_KEY_LONG << LONG_HASH_BITS;
}

/* The bytes that the key has inline, as far as they are up to INLINE_BYTES_MAX, else more. */
static size_t
inline_bytes(const struct asof_spine_key_shape *shape, const struct asof_column *columns,
	     size_t row)
{
	size_t size = 0;
	for (size_t i = 0; i < shape->part_count && size <= INLINE_BYTES_MAX; i++) {
		const struct asof_spine_key_part *part = &shape->parts[i];
		size_t length = part->width;
		if (part->width == 0)
			length = ((const struct asof_str *)columns[i].data)[row].len;
		if (length > INLINE_BYTES_MAX)
			return length;
		size += length + (part->width == 0 && i != shape->last_text);
	}
	return size;
}

static void
pack_text(const struct asof_spine_key_shape *shape, const struct asof_column *columns, size_t row,
	  uint64_t *ret_low, uint64_t *ret_high)
{
	size_t size = inline_bytes(shape, columns, row);
	if (size > INLINE_BYTES_MAX) {
		pack_long(shape, columns, row, ret_low, ret_high);
		return;
	}
	unsigned char bytes[PAIR_BYTES] = { 0 };
	size_t at = 0;
	for (size_t i = 0; i < shape->part_count; i++) {
		const struct asof_spine_key_part *part = &shape->parts[i];
		char number[FIXED_BYTES_MAX];
		struct asof_str str = part_bytes(part, &columns[i], row, number);
		if (part->width == 0 && i != shape->last_text)
			bytes[at++] = (unsigned char)str.len;
		for (size_t j = 0; j < str.len; j++)
			bytes[at++] = (unsigned char)str.ptr[j];
	}
	memcpy(ret_low, bytes, WORD_BYTES);
	memcpy(ret_high, bytes + WORD_BYTES, WORD_BYTES);
	*ret_high = (*ret_high & (UINT64_MAX >> 8)) | (uint64_t)size << LONG_HASH_BITS;
}

static void
find_nulls(const struct asof_spine_key_shape *shape, const struct asof_column *columns,
	   size_t first, size_t count, uint8_t *is_key)
{
	memset(is_key, 1, count);
	for (size_t i = 0; i < shape->part_count; i++) {
		const uint64_t *validity = columns[i].validity;
		if (!validity)
			continue;
		for (size_t j = 0; j < count; j++) {
			size_t row = first + j;
			is_key[j] &= (uint8_t)(validity[row / 64] >> (row % 64) & 1);
		}
	}
}

void
asof_spine_keys_pack(const struct asof_spine_key_shape *shape, const struct asof_column *columns,
		     size_t first, size_t count, struct asof_spine_keys *ret_keys)
{
	assert(count <= ASOF_SPINE_KEY_ROWS_MAX);
	find_nulls(shape, columns, first, count, ret_keys->is_key);
	if (shape->form != ASOF_SPINE_KEY_TEXT) {
		pack_fixed(shape, columns, first, count, ret_keys);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (ret_keys->is_key[i])
			pack_text(shape, columns, first + i, &ret_keys->low[i], &ret_keys->high[i]);
	}
}

size_t
asof_spine_key_stored_bytes(const struct asof_spine_key_shape *shape,
			    const struct asof_column *columns, size_t row)
{
	size_t size = LENGTH_BYTES;
	for (size_t i = 0; i < shape->part_count; i++) {
		const struct asof_spine_key_part *part = &shape->parts[i];
		size_t length = part->width;
		if (part->width == 0)
			length = ((const struct asof_str *)columns[i].data)[row].len;
		if (length > STORED_BYTES_MAX - size)
			return 0;
		size += length + (part->width == 0 ? LENGTH_BYTES : 0);
		if (size > STORED_BYTES_MAX)
			return 0;
	}
	return size;
}

void
asof_spine_key_store(const struct asof_spine_key_shape *shape, const struct asof_column *columns,
		     size_t row, char *ret_bytes)
{
	char *to = ret_bytes + LENGTH_BYTES;
	for (size_t i = 0; i < shape->part_count; i++) {
		const struct asof_spine_key_part *part = &shape->parts[i];
		char number[FIXED_BYTES_MAX];
		struct asof_str str = part_bytes(part, &columns[i], row, number);
		if (part->width == 0) {
			uint32_t length = (uint32_t)str.len;
			memcpy(to, &length, LENGTH_BYTES);
			to += LENGTH_BYTES;
		}
		if (str.len > 0)
			memcpy(to, str.ptr, str.len);
		to += str.len;
	}
	uint32_t size = (uint32_t)(to - ret_bytes);
	memcpy(ret_bytes, &size, LENGTH_BYTES);
}

size_t
asof_spine_key_bytes_of(const char *stored)
{
	uint32_t size;
	memcpy(&size, stored, LENGTH_BYTES);
	return size;
}

bool
asof_spine_key_equals_stored(const struct asof_spine_key_shape *shape,
			     const struct asof_column *columns, size_t row, const char *stored)
{
	const char *from = stored + LENGTH_BYTES;
	for (size_t i = 0; i < shape->part_count; i++) {
		const struct asof_spine_key_part *part = &shape->parts[i];
		char number[FIXED_BYTES_MAX];
		struct asof_str str = part_bytes(part, &columns[i], row, number);
		if (part->width == 0) {
			uint32_t length;
			memcpy(&length, from, LENGTH_BYTES);
			if (length != str.len)
				return false;
			from += LENGTH_BYTES;
		}
		if (str.len > 0 && memcmp(from, str.ptr, str.len) != 0)
			return false;
		from += str.len;
	}
	return true;
}
