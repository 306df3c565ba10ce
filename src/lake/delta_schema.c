/* delta_schema.c - fields to and from Delta's schemaString. */
#include "lake/delta_schema.h"

#include "lake/table_mapping.h"

#include <stdio.h>

#define TYPE_METADATA "asof.type"

/* The name of a scalar type, NULL for lists and vectors. */
static const char *
scalar_name(struct asof_type type, char room[32])
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		return "boolean";
	case ASOF_TYPE_INT32:
		return "integer";
	case ASOF_TYPE_INT64:
		return "long";
	case ASOF_TYPE_FLOAT32:
		return "float";
	case ASOF_TYPE_FLOAT64:
		return "double";
	case ASOF_TYPE_DECIMAL:
		(void)snprintf(room, 32, "decimal(%u,%u)", type.precision, type.scale);
		return room;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
		return "string";
	case ASOF_TYPE_BYTES:
		return "binary";
	case ASOF_TYPE_DATE:
		return "date";
	case ASOF_TYPE_TIMESTAMP:
		return "timestamp";
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
	case ASOF_TYPE_NONE:
		break;
	}
	return NULL;
}

static void
write_type(struct asof_json_writer *w, struct asof_type type)
{
	char room[32];
	const char *name = scalar_name(type, room);
	if (name || type.kind == ASOF_TYPE_NONE) {
		asof_json_cstr(w, name ? name : "void");
		return;
	}
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "type", "array");
	asof_json_key_cstr(w, "elementType");
	asof_json_cstr(w, scalar_name(asof_type_element(type), room));
	asof_json_member_bool(w, "containsNull", true);
	asof_json_end_object(w);
}

void
asof_delta_type_json(struct asof_type type, struct asof_buf *buf)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	write_type(&w, type);
}

enum asof_status
asof_delta_schema_write(const struct asof_field *fields, size_t field_count, struct asof_buf *buf,
			struct asof_error *err)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "type", "struct");
	asof_json_key_cstr(&w, "fields");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < field_count; i++) {
		char text[ASOF_TYPE_TEXT_MAX];
		if (fields[i].type.kind == ASOF_TYPE_NONE)
			return ASOF_FAIL(err, ASOF_INVALID, "column '%s' has no type",
					 fields[i].name);
		asof_json_begin_object(&w);
		asof_json_member_cstr(&w, "name", fields[i].name);
		asof_json_key_cstr(&w, "type");
		write_type(&w, fields[i].type);
		asof_json_member_bool(&w, "nullable", true);
		asof_json_key_cstr(&w, "metadata");
		asof_json_begin_object(&w);
		asof_json_member_cstr(&w, TYPE_METADATA, asof_type_text(fields[i].type, text));
		if (fields[i].id > 0) {
			asof_json_member_int(&w, ASOF_MAPPING_ID, fields[i].id);
			asof_json_member_cstr(&w, ASOF_MAPPING_STORED,
					      asof_field_stored(&fields[i]));
		}
		asof_json_end_object(&w);
		asof_json_end_object(&w);
	}
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	return asof_buf_status(buf, err);
}

/* NONE where it is no scalar of ours. */
static struct asof_type
scalar_type(struct asof_str name)
{
	static const struct {
		const char *name;
		enum asof_type_kind kind;
	} names[] = {
		{ "boolean", ASOF_TYPE_BOOL },        { "byte", ASOF_TYPE_INT32 },
		{ "short", ASOF_TYPE_INT32 },         { "integer", ASOF_TYPE_INT32 },
		{ "long", ASOF_TYPE_INT64 },          { "float", ASOF_TYPE_FLOAT32 },
		{ "double", ASOF_TYPE_FLOAT64 },      { "string", ASOF_TYPE_STRING },
		{ "binary", ASOF_TYPE_BYTES },        { "date", ASOF_TYPE_DATE },
		{ "timestamp", ASOF_TYPE_TIMESTAMP },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		if (asof_str_equal(name, asof_str_from(names[i].name)))
			return ASOF_TYPE(names[i].kind);
	}
	struct asof_type type = { 0 };
	if (name.len > 8 && memcmp(name.ptr, "decimal(", 8) == 0 &&
	    asof_type_parse(name, &type, NULL) == ASOF_OK)
		return type;
	return (struct asof_type){ 0 };
}

static struct asof_type
delta_type(const struct asof_json *json)
{
	if (json->kind == ASOF_JSON_STRING)
		return scalar_type(json->text);
	const struct asof_json *name = asof_json_member(json, "type");
	const struct asof_json *element = asof_json_member(json, "elementType");
	if (!name || !element || element->kind != ASOF_JSON_STRING ||
	    name->kind != ASOF_JSON_STRING || !asof_str_equal(name->text, asof_str_from("array")))
		return (struct asof_type){ 0 };
	struct asof_type type = scalar_type(element->text);
	if (type.kind == ASOF_TYPE_NONE)
		return type;
	type.element = type.kind;
	type.kind = ASOF_TYPE_LIST;
	return type;
}

/* What reads back as `type` when our name of it is not there. */
static struct asof_type
plain_type(struct asof_type type)
{
	if (type.kind == ASOF_TYPE_UUID || type.kind == ASOF_TYPE_JSON)
		return ASOF_TYPE(ASOF_TYPE_STRING);
	if (type.kind == ASOF_TYPE_VECTOR)
		return (struct asof_type){ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_FLOAT32 };
	if (type.kind == ASOF_TYPE_LIST &&
	    (type.element == ASOF_TYPE_UUID || type.element == ASOF_TYPE_JSON))
		return (struct asof_type){ .kind = ASOF_TYPE_LIST, .element = ASOF_TYPE_STRING };
	return type;
}

/* The type that we wrote, unless somebody else has changed the column since. */
static struct asof_type
field_type(const struct asof_json *type_json, const struct asof_json *metadata)
{
	const struct asof_json *ours = NULL;
	if (metadata && metadata->kind == ASOF_JSON_OBJECT)
		ours = asof_json_member(metadata, TYPE_METADATA);
	struct asof_type plain = delta_type(type_json);
	struct asof_type type = { 0 };
	if (ours && ours->kind == ASOF_JSON_STRING &&
	    asof_type_parse(ours->text, &type, NULL) == ASOF_OK &&
	    asof_type_equal(plain_type(type), plain))
		return type;
	return plain;
}

/* Where the table is mapped by name, which its properties tell. */
static enum asof_status
read_mapping(const struct asof_json *metadata, struct asof_arena *arena, struct asof_field *field,
	     struct asof_error *err)
{
	if (!metadata || metadata->kind != ASOF_JSON_OBJECT)
		return ASOF_OK;
	if (asof_json_member(metadata, ASOF_MAPPING_ID))
		ASOF_TRY(asof_json_member_read_int(metadata, ASOF_MAPPING_ID, &field->id, err));
	const struct asof_json *stored = asof_json_member(metadata, ASOF_MAPPING_STORED);
	if (!stored)
		return ASOF_OK;
	if (stored->kind != ASOF_JSON_STRING || stored->text.len == 0 ||
	    memchr(stored->text.ptr, '\0', stored->text.len))
		return ASOF_FAIL(err, ASOF_CORRUPT, "column '%s' has no stored name", field->name);
	if (asof_str_equal(stored->text, asof_str_from(field->name)))
		return ASOF_OK;
	field->stored = asof_arena_copy(arena, stored->text);
	return field->stored ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "field");
}

static enum asof_status
read_field(const struct asof_json *json, struct asof_arena *arena, struct asof_field *ret_field,
	   struct asof_error *err)
{
	struct asof_str name;
	if (json->kind != ASOF_JSON_OBJECT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "a field is no object");
	ASOF_TRY(asof_json_member_read_str(json, "name", &name, err));
	const struct asof_json *type = asof_json_member(json, "type");
	if (!type || (type->kind != ASOF_JSON_STRING && type->kind != ASOF_JSON_OBJECT))
		return ASOF_FAIL(err, ASOF_CORRUPT, "column '%.*s' has no type",
				 ASOF_STR_ARG(name));
	if (name.len == 0 || memchr(name.ptr, '\0', name.len))
		return ASOF_FAIL(err, ASOF_CORRUPT, "a column's name is empty or holds a NUL");

	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF((size_t)1 << 20);
	if (type->kind == ASOF_JSON_STRING) {
		asof_buf_add_str(&text, type->text);
	} else {
		struct asof_json_writer w = asof_json_writer_to(&text);
		asof_json_write(&w, type);
	}
	ASOF_TRY(asof_buf_status(&text, err));
	struct asof_field field = {
		.name = asof_arena_copy(arena, name),
		.type = field_type(type, asof_json_member(json, "metadata")),
		.type_text = asof_arena_copy(arena, asof_buf_view(&text)),
	};
	if (!field.name || !field.type_text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "field");
	ASOF_TRY(read_mapping(asof_json_member(json, "metadata"), arena, &field, err));
	*ret_field = field;
	return ASOF_OK;
}

static enum asof_status
read_fields(struct asof_str text, struct asof_arena *scratch, struct asof_arena *arena,
	    const struct asof_field **ret_fields, size_t *ret_count, struct asof_error *err)
{
	const struct asof_json *root = NULL;
	ASOF_TRY(asof_json_read(text, scratch, &root, err));
	const struct asof_json *list =
		root->kind == ASOF_JSON_OBJECT ? asof_json_member(root, "fields") : NULL;
	if (!list || list->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_CORRUPT, "no list of fields");
	struct asof_field *fields = asof_arena_array(arena, list->count, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu fields", list->count);
	for (size_t i = 0; i < list->count; i++)
		ASOF_TRY(read_field(&list->items[i], arena, &fields[i], err));
	*ret_fields = fields;
	*ret_count = list->count;
	return ASOF_OK;
}

enum asof_status
asof_delta_schema_read(struct asof_str text, struct asof_arena *arena,
		       const struct asof_field **ret_fields, size_t *ret_count,
		       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	enum asof_status status = read_fields(text, &scratch, arena, ret_fields, ret_count, err);
	if (status == ASOF_OK)
		return ASOF_OK;
	if (status != ASOF_NO_MEMORY)
		status = ASOF_CORRUPT;
	return ASOF_WRAP(err, status, "schema");
}
