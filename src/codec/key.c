/* key.c - entity keys as bytes that order as their values do. */
#include "codec/key.h"

#include <assert.h>

#include "codec/key_format.h"

/* The last `size` bytes of `value`, big-endian; its sign bit, at 8 * size - 1, is flipped. */
static void
add_signed(struct asof_buf *buf, asof_int128 value, size_t size)
{
	unsigned char bytes[sizeof(value)];
	asof_uint128 flipped = (asof_uint128)value ^ ((asof_uint128)1 << (8 * size - 1));
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(flipped >> (8 * (size - 1 - i)));
	asof_buf_add(buf, bytes, size);
}

static void
add_string(struct asof_buf *buf, struct asof_str str)
{
	static const unsigned char within[] = { 0, ASOF_KEY_ZERO_WITHIN };
	static const unsigned char ends[] = { 0, ASOF_KEY_ZERO_ENDS };
	while (str.len > 0) {
		const char *zero = memchr(str.ptr, 0, str.len);
		size_t clean = zero ? (size_t)(zero - str.ptr) : str.len;
		asof_buf_add(buf, str.ptr, clean);
		if (!zero)
			break;
		asof_buf_add(buf, within, sizeof(within));
		str = (struct asof_str){ zero + 1, str.len - clean - 1 };
	}
	asof_buf_add(buf, ends, sizeof(ends));
}

static void
add_component(struct asof_buf *buf, const struct asof_value *value)
{
	asof_buf_add_char(buf, (char)asof_key_tags[value->type.kind]);
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		asof_buf_add_char(buf, value->boolean ? 1 : 0);
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		add_signed(buf, value->int32, sizeof(value->int32));
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		add_signed(buf, value->int64, sizeof(value->int64));
		break;
	case ASOF_TYPE_DECIMAL:
		add_signed(buf, value->decimal, sizeof(value->decimal));
		break;
	case ASOF_TYPE_UUID:
		assert(value->str.len == ASOF_UUID_BYTES);
		asof_buf_add_str(buf, value->str);
		break;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
		add_string(buf, value->str);
		break;
	default: /* refused by asof_key_encode() */
		break;
	}
}

enum asof_status
asof_key_encode(const struct asof_value *values, size_t count, struct asof_buf *buf,
		struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		char text[ASOF_TYPE_TEXT_MAX];
		if (!asof_type_is_key(values[i].type))
			return ASOF_FAIL(err, ASOF_INVALID, "%s is no type of a key",
					 asof_type_text(values[i].type, text));
		if (values[i].is_null)
			return ASOF_FAIL(err, ASOF_INVALID, "component %zu of the key is NULL",
					 i + 1);
	}
	for (size_t i = 0; i < count; i++)
		add_component(buf, &values[i]);
	return asof_buf_status(buf, err);
}

/* The bytes of a key, and how far they are read. */
struct reader {
	struct asof_str bytes;
	size_t at;
	struct asof_arena *arena;
};

static enum asof_status
corrupt(const struct reader *reader, const char *what, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_CORRUPT, "key of %zu bytes: %s at byte %zu", reader->bytes.len,
			 what, reader->at);
}

static bool
take(struct reader *reader, size_t len, const char **ret_bytes)
{
	if (len > reader->bytes.len - reader->at)
		return false;
	*ret_bytes = reader->bytes.ptr + reader->at;
	reader->at += len;
	return true;
}

/* The inverse of add_signed(). */
static bool
take_signed(struct reader *reader, size_t size, asof_int128 *ret_value)
{
	const char *bytes;
	if (!take(reader, size, &bytes))
		return false;
	asof_uint128 value = 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | (unsigned char)bytes[i];
	/* A number without its sign, minus the weight of the sign: sign extension. */
	asof_uint128 sign = (asof_uint128)1 << (8 * size - 1);
	*ret_value = (asof_int128)(value - sign);
	return true;
}

/* The bytes up to the end mark as they stand, and how many of them are escapes. */
static bool
take_escaped(struct reader *reader, struct asof_str *ret_raw, size_t *ret_escapes)
{
	struct asof_str rest = { reader->bytes.ptr + reader->at, reader->bytes.len - reader->at };
	size_t escapes = 0;
	for (size_t i = 0; i + 1 < rest.len; i++) {
		if (rest.ptr[i] != 0)
			continue;
		unsigned char mark = (unsigned char)rest.ptr[i + 1];
		if (mark == ASOF_KEY_ZERO_ENDS) {
			*ret_raw = (struct asof_str){ rest.ptr, i };
			*ret_escapes = escapes;
			reader->at += i + 2;
			return true;
		}
		if (mark != ASOF_KEY_ZERO_WITHIN)
			return false;
		escapes++;
		i++;
	}
	return false;
}

static enum asof_status
take_string(struct reader *reader, struct asof_str *ret_str, struct asof_error *err)
{
	struct asof_str raw;
	size_t escapes;
	if (!take_escaped(reader, &raw, &escapes))
		return corrupt(reader, "a string without end", err);
	char *copy = asof_arena_alloc(reader->arena, raw.len - escapes);
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "key of %zu bytes", reader->bytes.len);
	size_t len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		copy[len++] = raw.ptr[i];
		i += raw.ptr[i] == 0;
	}
	*ret_str = (struct asof_str){ copy, len };
	return ASOF_OK;
}

static enum asof_status
take_uuid(struct reader *reader, struct asof_str *ret_str, struct asof_error *err)
{
	const char *bytes;
	if (!take(reader, ASOF_UUID_BYTES, &bytes))
		return corrupt(reader, "a uuid without end", err);
	char *copy = asof_arena_copy(reader->arena, (struct asof_str){ bytes, ASOF_UUID_BYTES });
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "key of %zu bytes", reader->bytes.len);
	*ret_str = (struct asof_str){ copy, ASOF_UUID_BYTES };
	return ASOF_OK;
}

static enum asof_status
take_bool(struct reader *reader, bool *ret_value, struct asof_error *err)
{
	const char *byte;
	if (!take(reader, 1, &byte) || (*byte != 0 && *byte != 1))
		return corrupt(reader, "no bool", err);
	*ret_value = *byte == 1;
	return ASOF_OK;
}

static enum asof_status
take_number(struct reader *reader, struct asof_value *value, struct asof_error *err)
{
	bool is_small = value->type.kind == ASOF_TYPE_INT32 || value->type.kind == ASOF_TYPE_DATE;
	bool is_decimal = value->type.kind == ASOF_TYPE_DECIMAL;
	size_t size = is_small     ? sizeof(value->int32)
		      : is_decimal ? sizeof(value->decimal)
				   : sizeof(value->int64);
	asof_int128 number;
	if (!take_signed(reader, size, &number))
		return corrupt(reader, "a number without end", err);
	if (is_small)
		value->int32 = (int32_t)number;
	else if (is_decimal)
		value->decimal = number;
	else
		value->int64 = (int64_t)number;
	return ASOF_OK;
}

static enum asof_status
take_component(struct reader *reader, const struct asof_key *key, struct asof_value *ret_value,
	       struct asof_error *err)
{
	assert(asof_type_is_key(key->type));
	const char *tag;
	if (!take(reader, 1, &tag) || (unsigned char)*tag != asof_key_tags[key->type.kind])
		return corrupt(reader, "a component of another type", err);

	struct asof_value value = { .type = key->type };
	switch ((enum asof_type_kind)key->type.kind) {
	case ASOF_TYPE_BOOL:
		ASOF_TRY(take_bool(reader, &value.boolean, err));
		break;
	case ASOF_TYPE_UUID:
		ASOF_TRY(take_uuid(reader, &value.str, err));
		break;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
		ASOF_TRY(take_string(reader, &value.str, err));
		break;
	default:
		ASOF_TRY(take_number(reader, &value, err));
	}
	*ret_value = value;
	return ASOF_OK;
}

enum asof_status
asof_key_decode(struct asof_str bytes, const struct asof_key *keys, size_t count,
		struct asof_arena *arena, struct asof_value *ret_values, struct asof_error *err)
{
	struct reader reader = { .bytes = bytes, .arena = arena };
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(take_component(&reader, &keys[i], &ret_values[i], err));
	if (reader.at != bytes.len)
		return corrupt(&reader, "more than its components", err);
	return ASOF_OK;
}
