/* engine_duckdb_types.c - types of DuckDB's to ours and back, with their names. */
#include "engine/duckdb_impl.h"

#include <ctype.h>

#include "plan/sql.h"

struct type_row {
	duckdb_type id;
	const char *name;
	enum asof_type_kind kind; /* NONE: no type of ours */
	uint8_t precision;        /* of integers that only a decimal holds */
};

/* Every type that has no parameters. */
static const struct type_row type_rows[] = {
	{ DUCKDB_TYPE_BOOLEAN, "BOOLEAN", ASOF_TYPE_BOOL, 0 },
	{ DUCKDB_TYPE_TINYINT, "TINYINT", ASOF_TYPE_INT32, 0 },
	{ DUCKDB_TYPE_SMALLINT, "SMALLINT", ASOF_TYPE_INT32, 0 },
	{ DUCKDB_TYPE_INTEGER, "INTEGER", ASOF_TYPE_INT32, 0 },
	{ DUCKDB_TYPE_BIGINT, "BIGINT", ASOF_TYPE_INT64, 0 },
	{ DUCKDB_TYPE_UTINYINT, "UTINYINT", ASOF_TYPE_INT32, 0 },
	{ DUCKDB_TYPE_USMALLINT, "USMALLINT", ASOF_TYPE_INT32, 0 },
	{ DUCKDB_TYPE_UINTEGER, "UINTEGER", ASOF_TYPE_INT64, 0 },
	{ DUCKDB_TYPE_UBIGINT, "UBIGINT", ASOF_TYPE_DECIMAL, 20 },
	{ DUCKDB_TYPE_HUGEINT, "HUGEINT", ASOF_TYPE_DECIMAL, 38 },
	{ DUCKDB_TYPE_UHUGEINT, "UHUGEINT", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_FLOAT, "FLOAT", ASOF_TYPE_FLOAT32, 0 },
	{ DUCKDB_TYPE_DOUBLE, "DOUBLE", ASOF_TYPE_FLOAT64, 0 },
	{ DUCKDB_TYPE_VARCHAR, "VARCHAR", ASOF_TYPE_STRING, 0 },
	{ DUCKDB_TYPE_BLOB, "BLOB", ASOF_TYPE_BYTES, 0 },
	{ DUCKDB_TYPE_DATE, "DATE", ASOF_TYPE_DATE, 0 },
	{ DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP", ASOF_TYPE_TIMESTAMP, 0 },
	{ DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S", ASOF_TYPE_TIMESTAMP, 0 },
	{ DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS", ASOF_TYPE_TIMESTAMP, 0 },
	{ DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS", ASOF_TYPE_TIMESTAMP, 0 },
	{ DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE", ASOF_TYPE_TIMESTAMP, 0 },
	{ DUCKDB_TYPE_UUID, "UUID", ASOF_TYPE_UUID, 0 },
	{ DUCKDB_TYPE_TIME, "TIME", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_TIME_NS, "TIME_NS", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_TIME_TZ, "TIME WITH TIME ZONE", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_INTERVAL, "INTERVAL", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_BIT, "BIT", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_BIGNUM, "BIGNUM", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_SQLNULL, "NULL", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_ENUM, "ENUM", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_UNION, "UNION", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_GEOMETRY, "GEOMETRY", ASOF_TYPE_NONE, 0 },
	{ DUCKDB_TYPE_VARIANT, "VARIANT", ASOF_TYPE_NONE, 0 },
};

static const struct type_row *
find_row(duckdb_type id)
{
	for (size_t i = 0; i < ASOF_COUNTOF(type_rows); i++) {
		if (type_rows[i].id == id)
			return &type_rows[i];
	}
	return NULL;
}

static bool
is_json(duckdb_logical_type logical)
{
	char *alias = duckdb_logical_type_get_alias(logical);
	bool is_same = alias && strcmp(alias, "JSON") == 0;

	duckdb_free(alias);
	return is_same;
}

static struct asof_duckdb_shape
decimal_shape(duckdb_logical_type logical)
{
	return (struct asof_duckdb_shape){
		.type = { .kind = ASOF_TYPE_DECIMAL,
			  .precision = duckdb_decimal_width(logical),
			  .scale = duckdb_decimal_scale(logical) },
		.physical = duckdb_decimal_internal_type(logical),
	};
}

static struct asof_duckdb_shape
scalar_shape(duckdb_logical_type logical)
{
	duckdb_type id = duckdb_get_type_id(logical);
	if (id == DUCKDB_TYPE_DECIMAL)
		return decimal_shape(logical);

	const struct type_row *row = find_row(id);
	struct asof_duckdb_shape shape = { .physical = id };
	if (!row)
		return shape;
	shape.type.kind = (uint8_t)row->kind;
	shape.type.precision = row->precision;
	if (id == DUCKDB_TYPE_VARCHAR && is_json(logical))
		shape.type.kind = ASOF_TYPE_JSON;
	return shape;
}

static struct asof_duckdb_shape
list_shape(duckdb_logical_type logical)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type child = duckdb_list_type_child_type(logical);
	struct asof_duckdb_shape element = scalar_shape(child);
	struct asof_duckdb_shape shape = { .physical = DUCKDB_TYPE_LIST,
					   .element = element.physical };

	if (element.type.kind == ASOF_TYPE_NONE)
		return shape;
	shape.type = element.type;
	shape.type.kind = ASOF_TYPE_LIST;
	shape.type.element = element.type.kind;
	return shape;
}

static struct asof_duckdb_shape
array_shape(duckdb_logical_type logical)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type child = duckdb_array_type_child_type(logical);
	struct asof_duckdb_shape shape = { .physical = DUCKDB_TYPE_ARRAY,
					   .element = duckdb_get_type_id(child) };

	if (shape.element != DUCKDB_TYPE_FLOAT)
		return shape;
	shape.type = (struct asof_type){ .kind = ASOF_TYPE_VECTOR,
					 .element = ASOF_TYPE_FLOAT32,
					 .size = (uint32_t)duckdb_array_type_array_size(logical) };
	return shape;
}

struct asof_duckdb_shape
asof_duckdb_shape_of(duckdb_logical_type logical)
{
	switch (duckdb_get_type_id(logical)) {
	case DUCKDB_TYPE_LIST:
		return list_shape(logical);
	case DUCKDB_TYPE_ARRAY:
		return array_shape(logical);
	default:
		return scalar_shape(logical);
	}
}

static duckdb_type
id_of(enum asof_type_kind kind)
{
	switch (kind) {
	case ASOF_TYPE_INT32:
		return DUCKDB_TYPE_INTEGER;
	case ASOF_TYPE_JSON:
		return DUCKDB_TYPE_VARCHAR;
	case ASOF_TYPE_TIMESTAMP:
		return DUCKDB_TYPE_TIMESTAMP_TZ;
	default:
		break;
	}
	for (size_t i = 0; i < ASOF_COUNTOF(type_rows); i++) {
		if (type_rows[i].kind == kind && type_rows[i].precision == 0)
			return type_rows[i].id;
	}
	return DUCKDB_TYPE_INVALID;
}

duckdb_logical_type
asof_duckdb_logical_of(struct asof_type type)
{
	if (type.kind == ASOF_TYPE_DECIMAL)
		return duckdb_create_decimal_type(type.precision, type.scale);
	if (type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR) {
		ASOF_AUTO(duckdb_destroy_logical_type)
		duckdb_logical_type child = asof_duckdb_logical_of(asof_type_element(type));

		return type.kind == ASOF_TYPE_LIST ? duckdb_create_list_type(child)
						   : duckdb_create_array_type(child, type.size);
	}

	duckdb_logical_type logical = duckdb_create_logical_type(id_of(type.kind));
	if (type.kind == ASOF_TYPE_JSON)
		duckdb_logical_type_set_alias(logical, "JSON");
	return logical;
}

/* A member's name as DuckDB prints it: quoted unless a plain lower-case word. */
static void
add_member_name(struct asof_buf *text, const char *name)
{
	bool is_plain = islower((unsigned char)name[0]) || name[0] == '_';

	for (const char *c = name; *c; c++)
		is_plain = is_plain &&
			   (islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
	if (is_plain)
		asof_buf_add_cstr(text, name);
	else
		asof_sql_name(text, name);
}

static void
add_struct_text(duckdb_logical_type logical, struct asof_buf *text)
{
	idx_t count = duckdb_struct_type_child_count(logical);

	asof_buf_add_cstr(text, "STRUCT(");
	for (idx_t i = 0; i < count; i++) {
		ASOF_AUTO(duckdb_destroy_logical_type)
		duckdb_logical_type child = duckdb_struct_type_child_type(logical, i);
		char *name = duckdb_struct_type_child_name(logical, i);

		asof_buf_add_cstr(text, i > 0 ? ", " : "");
		add_member_name(text, name);
		duckdb_free(name);
		asof_buf_add_char(text, ' ');
		asof_duckdb_type_text(child, text);
	}
	asof_buf_add_char(text, ')');
}

static void
add_map_text(duckdb_logical_type logical, struct asof_buf *text)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type key = duckdb_map_type_key_type(logical);
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type value = duckdb_map_type_value_type(logical);

	asof_buf_add_cstr(text, "MAP(");
	asof_duckdb_type_text(key, text);
	asof_buf_add_cstr(text, ", ");
	asof_duckdb_type_text(value, text);
	asof_buf_add_char(text, ')');
}

static void
add_list_text(duckdb_logical_type logical, struct asof_buf *text)
{
	bool is_list = duckdb_get_type_id(logical) == DUCKDB_TYPE_LIST;
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type child = is_list ? duckdb_list_type_child_type(logical)
					    : duckdb_array_type_child_type(logical);

	asof_duckdb_type_text(child, text);
	if (is_list)
		asof_buf_add_cstr(text, "[]");
	else
		asof_buf_printf(text, "[%llu]",
				(unsigned long long)duckdb_array_type_array_size(logical));
}

void
asof_duckdb_type_text(duckdb_logical_type logical, struct asof_buf *text)
{
	duckdb_type id = duckdb_get_type_id(logical);
	const struct type_row *row = find_row(id);

	if (id == DUCKDB_TYPE_STRUCT)
		add_struct_text(logical, text);
	else if (id == DUCKDB_TYPE_LIST || id == DUCKDB_TYPE_ARRAY)
		add_list_text(logical, text);
	else if (id == DUCKDB_TYPE_MAP)
		add_map_text(logical, text);
	else if (id == DUCKDB_TYPE_DECIMAL)
		asof_buf_printf(text, "DECIMAL(%u,%u)", duckdb_decimal_width(logical),
				duckdb_decimal_scale(logical));
	else if (id == DUCKDB_TYPE_VARCHAR && is_json(logical))
		asof_buf_add_cstr(text, "JSON");
	else
		asof_buf_add_cstr(text, row ? row->name : "UNKNOWN");
}

static enum asof_status
field_of(duckdb_prepared_statement statement, idx_t column, struct asof_arena *arena,
	 struct asof_field *ret_field, struct asof_duckdb_shape *ret_shape, struct asof_error *err)
{
	ASOF_AUTO(duckdb_destroy_logical_type)
	duckdb_logical_type logical =
		duckdb_prepared_statement_column_logical_type(statement, column);
	const char *name = duckdb_prepared_statement_column_name(statement, column);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(1 << 20);

	asof_duckdb_type_text(logical, &text);
	struct asof_field field = {
		.name = asof_arena_copy(arena, asof_str_from(name ? name : "")),
		.type_text = asof_arena_copy(arena, asof_buf_view(&text)),
	};
	duckdb_free((void *)(uintptr_t)name);
	ASOF_TRY(asof_buf_status(&text, err));
	if (!field.name || !field.type_text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of a query");

	*ret_shape = asof_duckdb_shape_of(logical);
	field.type = ret_shape->type;
	*ret_field = field;
	return ASOF_OK;
}

enum asof_status
asof_duckdb_schema_of(duckdb_prepared_statement statement, struct asof_arena *arena,
		      struct asof_duckdb_schema *ret_schema, struct asof_error *err)
{
	size_t count = duckdb_prepared_statement_column_count(statement);
	struct asof_field *fields = asof_arena_array(arena, count, sizeof(*fields));
	struct asof_duckdb_shape *shapes = asof_arena_array(arena, count, sizeof(*shapes));

	if (!fields || !shapes)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of a query");
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(field_of(statement, i, arena, &fields[i], &shapes[i], err));
	*ret_schema = (struct asof_duckdb_schema){ fields, shapes, count };
	return ASOF_OK;
}

void
asof_duckdb_add_subquery(struct asof_buf *sql, const char *query, size_t column_count)
{
	size_t len = strlen(query);

	while (len > 0 && (query[len - 1] == ';' || isspace((unsigned char)query[len - 1])))
		len--;
	asof_buf_add_cstr(sql, "(");
	asof_buf_add(sql, query, len);
	/* The line break ends a comment at the end of `query`. */
	asof_buf_add_cstr(sql, "\n) AS t");
	for (size_t i = 0; i < column_count; i++)
		asof_buf_printf(sql, "%sc%zu", i > 0 ? ", " : "(", i);
	asof_buf_add_cstr(sql, column_count > 0 ? ")" : "");
}
