/* value_text.c - typed values to and from JSON and plain text. */
#include "codec/value_text.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"
#include "base/utf8.h"
#include "codec/bytes_text.h"
#include "codec/time_text.h"

#define QUOTED_MAX 80 /* bytes of bad input that a message shows */

static void
write_list(struct asof_json_writer *w, const struct asof_value *value)
{
	asof_json_begin_array(w);
	for (size_t i = 0; i < value->list.count; i++)
		asof_value_write_json(w, &value->list.items[i]);
	asof_json_end_array(w);
}

/* bytes, as a JSON string: base64 needs no escapes. */
static void
write_bytes(struct asof_json_writer *w, struct asof_str bytes)
{
	asof_json_raw(w, asof_str_from("\""));
	asof_base64_write(w->buf, bytes);
	asof_buf_add_char(w->buf, '"');
}

void
asof_value_write_json(struct asof_json_writer *w, const struct asof_value *value)
{
	char text[ASOF_INT128_TEXT_MAX];
	if (value->is_null) {
		asof_json_null(w);
		return;
	}
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_NONE:
		asof_json_null(w);
		break;
	case ASOF_TYPE_BOOL:
		asof_json_bool(w, value->boolean);
		break;
	case ASOF_TYPE_INT32:
		asof_json_int(w, value->int32);
		break;
	case ASOF_TYPE_INT64:
		asof_json_int(w, value->int64);
		break;
	case ASOF_TYPE_FLOAT32:
		/* As the double it is: readers of JSON have no other, and it must equal the
		 * training set's. */
		asof_json_double(w, (double)value->float32);
		break;
	case ASOF_TYPE_FLOAT64:
		asof_json_double(w, value->float64);
		break;
	case ASOF_TYPE_DECIMAL: {
		size_t len = asof_decimal_text(value->decimal, value->type.scale, text);
		asof_json_raw(w, (struct asof_str){ text, len });
		break;
	}
	case ASOF_TYPE_STRING:
		asof_json_str(w, value->str);
		break;
	case ASOF_TYPE_BYTES:
		write_bytes(w, value->str);
		break;
	case ASOF_TYPE_DATE:
		asof_json_str(w, (struct asof_str){ text, asof_date_text(value->int32, text) });
		break;
	case ASOF_TYPE_TIMESTAMP:
		asof_json_str(w,
			      (struct asof_str){ text, asof_timestamp_text(value->int64, text) });
		break;
	case ASOF_TYPE_UUID:
		asof_uuid_text(value->str.ptr, text);
		asof_json_str(w, (struct asof_str){ text, ASOF_UUID_TEXT_LEN });
		break;
	case ASOF_TYPE_JSON:
		asof_json_raw(w, value->str);
		break;
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		write_list(w, value);
		break;
	}
}

void
asof_value_write_text(struct asof_buf *buf, const struct asof_value *value)
{
	char text[ASOF_INT128_TEXT_MAX];
	if (value->is_null)
		return;
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_STRING:
		asof_buf_add_str(buf, value->str);
		break;
	case ASOF_TYPE_BYTES:
		asof_base64_write(buf, value->str);
		break;
	case ASOF_TYPE_DATE:
		asof_buf_add(buf, text, asof_date_text(value->int32, text));
		break;
	case ASOF_TYPE_TIMESTAMP:
		asof_buf_add(buf, text, asof_timestamp_text(value->int64, text));
		break;
	case ASOF_TYPE_UUID:
		asof_uuid_text(value->str.ptr, text);
		asof_buf_add(buf, text, ASOF_UUID_TEXT_LEN);
		break;
	case ASOF_TYPE_FLOAT32:
		asof_buf_add(buf, text, asof_float_text(value->float32, text));
		break;
	case ASOF_TYPE_FLOAT64:
		asof_buf_add(buf, text, asof_double_text(value->float64, text));
		break;
	default: { /* their JSON form has no quotes */
		struct asof_json_writer w = asof_json_writer_to(buf);
		asof_value_write_json(&w, value);
	}
	}
}

static enum asof_status
mismatch(struct asof_str text, struct asof_type type, struct asof_error *err)
{
	char type_text[ASOF_TYPE_TEXT_MAX];
	const char *cut = "";
	if (text.len > QUOTED_MAX) {
		text.len = QUOTED_MAX;
		text.len = asof_utf8_valid_prefix(text);
		cut = "...";
	}
	return ASOF_FAIL(err, ASOF_INVALID, "'%.*s%s' is no %s", ASOF_STR_ARG(text), cut,
			 asof_type_text(type, type_text));
}

static enum asof_status
out_of_memory(size_t len, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "value of %zu bytes", len);
}

/* A whole number, "1.0" and "1e3" too. */
static bool
parse_integer(struct asof_str text, int64_t min, int64_t max, int64_t *ret_value)
{
	asof_int128 value;
	if (!asof_decimal_parse(text, 38, 0, &value) || value < min || value > max)
		return false;
	*ret_value = (int64_t)value;
	return true;
}

static bool
parse_float32(struct asof_str text, float *ret_value)
{
	double wide;
	if (!asof_double_parse(text, &wide))
		return false;
	float value = (float)wide;
	if (isinf(value) && !isinf(wide))
		return false;
	*ret_value = value;
	return true;
}

static enum asof_status
base64_from_text(struct asof_str text, struct asof_type type, struct asof_arena *arena,
		 struct asof_str *ret_str, struct asof_error *err)
{
	char *bytes = asof_arena_alloc(arena, asof_base64_decoded_max(text.len));
	if (!bytes)
		return out_of_memory(text.len, err);
	size_t len;
	if (!asof_base64_parse(text, bytes, &len))
		return mismatch(text, type, err);
	*ret_str = (struct asof_str){ bytes, len };
	return ASOF_OK;
}

static enum asof_status
uuid_from_text(struct asof_str text, struct asof_type type, struct asof_arena *arena,
	       struct asof_str *ret_str, struct asof_error *err)
{
	char *bytes = asof_arena_alloc(arena, ASOF_UUID_BYTES);
	if (!bytes)
		return out_of_memory(text.len, err);
	if (!asof_uuid_parse(text, bytes))
		return mismatch(text, type, err);
	*ret_str = (struct asof_str){ bytes, ASOF_UUID_BYTES };
	return ASOF_OK;
}

/* Types whose text is a JSON document. */
static enum asof_status
document_from_text(struct asof_str text, struct asof_type type, struct asof_arena *arena,
		   struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_json *root;
	enum asof_status status = asof_json_read(text, arena, &root, err);
	if (status == ASOF_INVALID) {
		char type_text[ASOF_TYPE_TEXT_MAX];
		return ASOF_WRAP(err, status, "no %s", asof_type_text(type, type_text));
	}
	ASOF_TRY(status);
	if (type.kind == ASOF_TYPE_JSON) {
		*ret_value = (struct asof_value){ .type = type, .str = text };
		return ASOF_OK;
	}
	if (root->kind == ASOF_JSON_NULL)
		return mismatch(text, type, err);
	return asof_value_from_json(root, type, arena, ret_value, err);
}

/* Numbers, bool and string: no memory is needed. */
static bool
simple_from_text(struct asof_str text, struct asof_value *value)
{
	int64_t integer;
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		value->boolean = asof_str_equal(text, asof_str_from("true"));
		return value->boolean || asof_str_equal(text, asof_str_from("false"));
	case ASOF_TYPE_INT32:
		if (!parse_integer(text, INT32_MIN, INT32_MAX, &integer))
			return false;
		value->int32 = (int32_t)integer;
		return true;
	case ASOF_TYPE_INT64:
		return parse_integer(text, INT64_MIN, INT64_MAX, &value->int64);
	case ASOF_TYPE_FLOAT32:
		return parse_float32(text, &value->float32);
	case ASOF_TYPE_FLOAT64:
		return asof_double_parse(text, &value->float64);
	case ASOF_TYPE_DECIMAL: {
		asof_int128 decimal;
		if (!asof_decimal_parse(text, value->type.precision, value->type.scale, &decimal))
			return false;
		value->decimal = decimal;
		return true;
	}
	case ASOF_TYPE_STRING:
		value->str = text;
		return asof_utf8_valid_prefix(text) == text.len;
	default:
		return false;
	}
}

enum asof_status
asof_value_from_text(struct asof_str text, struct asof_type type, struct asof_arena *arena,
		     struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value = { .type = type };
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BYTES:
		ASOF_TRY(base64_from_text(text, type, arena, &value.str, err));
		break;
	case ASOF_TYPE_UUID:
		ASOF_TRY(uuid_from_text(text, type, arena, &value.str, err));
		break;
	case ASOF_TYPE_DATE:
		ASOF_TRY(asof_date_parse(text, &value.int32, err));
		break;
	case ASOF_TYPE_TIMESTAMP:
		ASOF_TRY(asof_timestamp_parse(text, &value.int64, err));
		break;
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		ASOF_TRY(document_from_text(text, type, arena, &value, err));
		break;
	default:
		if (!simple_from_text(text, &value))
			return mismatch(text, type, err);
	}
	*ret_value = value;
	return ASOF_OK;
}

/* The JSON text of a tree, in the arena. */
static enum asof_status
json_from_tree(const struct asof_json *json, struct asof_arena *arena, struct asof_str *ret_str,
	       struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(SIZE_MAX / 2);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_write(&w, json);
	ASOF_TRY(asof_buf_status(&buf, err));
	char *copy = asof_arena_copy(arena, asof_buf_view(&buf));
	if (!copy)
		return out_of_memory(buf.len, err);
	*ret_str = (struct asof_str){ copy, buf.len };
	return ASOF_OK;
}

static enum asof_status
kind_mismatch(const struct asof_json *json, struct asof_type type, struct asof_error *err)
{
	static const char *const names[] = {
		[ASOF_JSON_NULL] = "null",       [ASOF_JSON_BOOL] = "a bool",
		[ASOF_JSON_NUMBER] = "a number", [ASOF_JSON_STRING] = "a string",
		[ASOF_JSON_ARRAY] = "an array",  [ASOF_JSON_OBJECT] = "an object",
	};
	if (json->kind == ASOF_JSON_NUMBER || json->kind == ASOF_JSON_STRING)
		return mismatch(json->text, type, err);
	if (json->kind == ASOF_JSON_BOOL)
		return mismatch(asof_str_from(json->boolean ? "true" : "false"), type, err);
	char type_text[ASOF_TYPE_TEXT_MAX];
	return ASOF_FAIL(err, ASOF_INVALID, "%s is no %s", names[json->kind],
			 asof_type_text(type, type_text));
}

static enum asof_status
list_from_json(const struct asof_json *json, struct asof_type type, struct asof_arena *arena,
	       struct asof_value *value, struct asof_error *err)
{
	if (json->kind != ASOF_JSON_ARRAY)
		return kind_mismatch(json, type, err);
	bool is_vector = type.kind == ASOF_TYPE_VECTOR;
	char type_text[ASOF_TYPE_TEXT_MAX];
	if (is_vector && json->count != type.size)
		return ASOF_FAIL(err, ASOF_INVALID, "an array of %zu is no %s", json->count,
				 asof_type_text(type, type_text));

	struct asof_value *items = asof_arena_array(arena, json->count, sizeof(*items));
	if (!items)
		return out_of_memory(json->count, err);
	for (size_t i = 0; i < json->count; i++) {
		if (is_vector && json->items[i].kind == ASOF_JSON_NULL)
			return ASOF_FAIL(err, ASOF_INVALID, "null within a %s",
					 asof_type_text(type, type_text));
		ASOF_TRY(asof_value_from_json(&json->items[i], asof_type_element(type), arena,
					      &items[i], err));
	}
	value->list.items = items;
	value->list.count = json->count;
	return ASOF_OK;
}

/* Text that a string may be made of without a choice: of an integer as JSON writes it, but -0. */
static bool
is_integer_text(struct asof_str text)
{
	for (size_t i = text.ptr[0] == '-'; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	}
	return text.ptr[0] != '-' || text.ptr[1] != '0';
}

/* Is this kind of JSON read by its text? */
static bool
is_read_as_text(const struct asof_json *json, struct asof_type type)
{
	if (json->kind == ASOF_JSON_STRING)
		return true;
	if (json->kind != ASOF_JSON_NUMBER)
		return false;
	if (type.kind == ASOF_TYPE_STRING)
		return is_integer_text(json->text);
	return asof_type_is_numeric(type) && type.kind != ASOF_TYPE_BOOL;
}

enum asof_status
asof_value_from_json(const struct asof_json *json, struct asof_type type, struct asof_arena *arena,
		     struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value = { .type = type };
	if (json->kind == ASOF_JSON_NULL) {
		*ret_value = asof_value_null(type);
		return ASOF_OK;
	}
	if (type.kind == ASOF_TYPE_JSON)
		ASOF_TRY(json_from_tree(json, arena, &value.str, err));
	else if (type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR)
		ASOF_TRY(list_from_json(json, type, arena, &value, err));
	else if (json->kind == ASOF_JSON_BOOL && type.kind == ASOF_TYPE_BOOL)
		value.boolean = json->boolean;
	else if (is_read_as_text(json, type))
		ASOF_TRY(asof_value_from_text(json->text, type, arena, &value, err));
	else
		return kind_mismatch(json, type, err);
	*ret_value = value;
	return ASOF_OK;
}
