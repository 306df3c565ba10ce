#include "job/push_rows.h"

#include "base/suggest.h"
#include "codec/value_text.h"
#include "job/push_log.h"

enum asof_status
asof_push_shape_make(const struct asof_source *source, size_t own_field_count,
		     struct asof_arena *arena, struct asof_push_shape *ret_shape,
		     struct asof_error *err)
{
	struct asof_field *fields = asof_arena_array(arena, own_field_count, sizeof(*fields));
	size_t count = 0;
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", source->name);
	for (size_t i = 0; i < own_field_count; i++) {
		if (asof_push_log_takes(source, &source->fields[i]))
			fields[count++] = source->fields[i];
	}
	*ret_shape = (struct asof_push_shape){ source, fields, count };
	return ASOF_OK;
}

/* The source has the column, but no pushed row can, or it has none of that name. */
static enum asof_status
refuse_column(const struct asof_push_shape *shape, size_t row, struct asof_str name,
	      struct asof_error *err)
{
	const struct asof_source *source = shape->source;
	const struct asof_field *field = asof_source_field(source, name);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, shape->field_count, sizeof(*names));
	for (size_t i = 0; i < source->select_count; i++) {
		if (asof_str_equal(name, asof_str_from(source->selects[i].name)))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "rows[%zu].%.*s: source '%s' computes this column itself",
					 row, ASOF_STR_ARG(name), source->name);
	}
	if (field)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "rows[%zu].%.*s: a column of type %s cannot be pushed", row,
				 ASOF_STR_ARG(name), field->type_text);
	for (size_t i = 0; names && i < shape->field_count; i++)
		names[i] = shape->fields[i].name;
	const char *near = names ? asof_suggest(name, names, shape->field_count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "rows[%zu]: source '%s' has no column '%.*s' (did you mean '%s'?)",
				 row, source->name, ASOF_STR_ARG(name), near);
	return ASOF_FAIL(err, ASOF_INVALID, "rows[%zu]: source '%s' has no column '%.*s'", row,
			 source->name, ASOF_STR_ARG(name));
}

/* A column of local times: which instant a text without an offset means is not for us to guess. */
static bool
lacks_offset(const struct asof_source *source, const struct asof_field *field,
	     const struct asof_json *json)
{
	if (field->type.kind != ASOF_TYPE_TIMESTAMP || !source->time_zone ||
	    json->kind != ASOF_JSON_STRING)
		return false;
	const char *time = json->text.len > 10 ? json->text.ptr + 10 : NULL;
	size_t len = time ? json->text.len - 10 : 0;
	return !time || !(memchr(time, 'Z', len) || memchr(time, 'z', len) ||
			  memchr(time, '+', len) || memchr(time, '-', len));
}

static enum asof_status
read_value(const struct asof_push_shape *shape, size_t row, const struct asof_field *field,
	   const struct asof_json *json, struct asof_arena *arena, struct asof_value *ret_value,
	   struct asof_error *err)
{
	if (lacks_offset(shape->source, field, json))
		return ASOF_FAIL(err, ASOF_INVALID,
				 "rows[%zu].%s: a time without an offset, in a source with a time "
				 "zone: say it as in \"2001-06-30T12:00:00Z\"",
				 row, field->name);
	enum asof_status status = asof_value_from_json(json, field->type, arena, ret_value, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "rows[%zu].%s", row, field->name);
	return ASOF_OK;
}

static enum asof_status
read_row(const struct asof_push_shape *shape, size_t row, const struct asof_json *json,
	 struct asof_arena *arena, struct asof_value *values, struct asof_error *err)
{
	if (json->kind != ASOF_JSON_OBJECT)
		return ASOF_FAIL(err, ASOF_INVALID, "rows[%zu] is no object of columns", row);
	for (size_t i = 0; i < shape->field_count; i++)
		values[i] = asof_value_null(shape->fields[i].type);
	for (size_t m = 0; m < json->count; m++) {
		size_t i = 0;
		while (i < shape->field_count &&
		       !asof_str_equal(json->names[m], asof_str_from(shape->fields[i].name)))
			i++;
		if (i == shape->field_count)
			return refuse_column(shape, row, json->names[m], err);
		ASOF_TRY(read_value(shape, row, &shape->fields[i], &json->items[m], arena,
				    &values[i], err));
	}
	return ASOF_OK;
}

static enum asof_status
find_rows(const struct asof_json *root, const struct asof_json **ret_rows, struct asof_error *err)
{
	const struct asof_json *rows =
		root->kind == ASOF_JSON_OBJECT ? asof_json_member(root, "rows") : NULL;
	if (!rows || rows->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "a push is {\"rows\": [{column: value, ..}, ..]}");
	if (rows->count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "rows: no row is in it");
	if (rows->count > ASOF_PUSH_ROWS_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "rows: %zu of them, at most %d in one request",
				 rows->count, ASOF_PUSH_ROWS_MAX);
	*ret_rows = rows;
	return ASOF_OK;
}

enum asof_status
asof_push_rows_read(const struct asof_push_shape *shape, const struct asof_json *root,
		    struct asof_entry_table *table, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena tree = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *rows = NULL;
	ASOF_TRY(find_rows(root, &rows, err));
	struct asof_value *values =
		asof_arena_array(&tree, shape->field_count + 1, sizeof(*values));
	if (!values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows");
	for (size_t i = 0; i < rows->count; i++) {
		asof_arena_reset(&arena);
		ASOF_TRY(read_row(shape, i, &rows->items[i], &arena, values, err));
		ASOF_TRY(asof_entry_table_add_values(table, NULL, 0, 0, values, err));
	}
	return ASOF_OK;
}
