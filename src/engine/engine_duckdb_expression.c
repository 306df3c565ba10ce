/*
 * engine_duckdb_expression.c - whether a text is one scalar SQL expression, and its columns.
 *
 * DuckDB parses the text as the argument of a call and gives the syntax tree as JSON. A text that
 * closes the bracket, adds an argument or a clause gives another tree than one call with one
 * argument; a line break behind it ends a comment. The tree is then walked, and what is not known
 * to be harmless is refused.
 */
#include <ctype.h>
#include <strings.h>

#include "base/utf8.h"
#include "codec/json_reader.h"
#include "engine/duckdb_impl.h"

#define TEXT_MAX     65536
#define ARENA_MAX    ((size_t)256 << 20)
#define JSON_DEPTH   4096 /* DuckDB ends at 1000 expressions, which take two or three levels each */
#define MACRO_DEPTH  8
#define COLUMNS_MAX  4096
#define PREFIX       "SELECT asof_check(\n"
#define SUFFIX       "\n) FROM asof_row"
#define PREFIX_BYTES (sizeof(PREFIX) - 1)

/* Parameters of the lambda functions around an expression. */
struct scope {
	const struct scope *outer;
	const struct asof_json *parameters;
};

struct walk {
	struct asof_engine *engine;
	const char *text;
	struct asof_arena *scratch;
	struct asof_str columns[COLUMNS_MAX];
	size_t column_count;
	size_t offset; /* in `text`, of what is refused */
	unsigned macro_depth;
	bool is_whole; /* names are wanted whole: "users.signed_up", not "users" */
	struct asof_error *err;
};

static enum asof_status walk_any(struct walk *w, const struct asof_json *node,
				 const struct scope *scope);
static enum asof_status walk_macros(struct walk *w, struct asof_str name,
				    const struct asof_duckdb_function *function);

/* ---- the tree ---- */

/* Whether there is a member that holds something. */
static bool
has_member(const struct asof_json *node, const char *name)
{
	const struct asof_json *member = asof_json_member(node, name);

	return member && member->kind != ASOF_JSON_NULL;
}

static const struct asof_json *
array_member(const struct asof_json *node, const char *name, size_t count)
{
	const struct asof_json *member = asof_json_member(node, name);

	return member && member->kind == ASOF_JSON_ARRAY && member->count == count ? member : NULL;
}

/* A position in the wrapped text, as a number or as text, to one in the user's. */
static size_t
offset_of(const struct walk *w, const struct asof_json *node, const char *name)
{
	const struct asof_json *member = asof_json_member(node, name);
	size_t len = strlen(w->text);
	uint64_t position;

	if (!member || !asof_uint64_parse(member->text, &position) || position < PREFIX_BYTES ||
	    position == UINT64_MAX)
		return 0;
	position -= PREFIX_BYTES;
	return position < len ? (size_t)position : len;
}

/* ---- refusals ---- */

static void
mark(struct walk *w, const struct asof_json *node)
{
	if (w->macro_depth == 0)
		w->offset = offset_of(w, node, "query_location");
}

static enum asof_status
refuse(struct walk *w, const struct asof_json *node, const char *what)
{
	mark(w, node);
	return ASOF_FAIL(w->err, ASOF_INVALID, "%s is not allowed here: one scalar expression is",
			 what);
}

static enum asof_status
refuse_function(struct walk *w, const struct asof_json *node, struct asof_str name,
		const char *what)
{
	mark(w, node);
	return ASOF_FAIL(w->err, ASOF_INVALID,
			 "'%.*s' is %s, which is not allowed here: one scalar expression is",
			 ASOF_STR_ARG(name), what);
}

/* ---- functions ---- */

/* Scalar by kind, but they read what is not in the row. */
static const char *const outside[] = {
	"asof_sink",      "current_localtime", "current_localtimestamp", "current_setting",
	"getenv",         "getvariable",       "json_serialize_plan",    "current_database",
	"current_schema", "current_schemas",   "current_query",          "in_search_path",
};

static bool
reads_outside(const struct asof_json *node, struct asof_str name)
{
	const struct asof_json *children = asof_json_member(node, "children");

	for (size_t i = 0; i < ASOF_COUNTOF(outside); i++) {
		if (asof_str_equal(name, asof_str_from(outside[i])))
			return true;
	}
	/* age(t) is now - t, age(a, b) is not. */
	if (asof_str_equal(name, asof_str_from("age")))
		return children && children->count == 1;
	return name.len > 10 && memcmp(name.ptr, "__internal", 10) == 0;
}

static enum asof_status
no_such_function(struct walk *w, const struct asof_json *node, struct asof_str name)
{
	const char *near = asof_duckdb_suggest_function(w->engine, name);

	mark(w, node);
	if (near)
		return ASOF_FAIL(w->err, ASOF_INVALID, "no function '%.*s' (did you mean '%s'?)",
				 ASOF_STR_ARG(name), near);
	return ASOF_FAIL(w->err, ASOF_INVALID, "no function '%.*s'", ASOF_STR_ARG(name));
}

static bool
has_aggregate_clause(const struct asof_json *node)
{
	const struct asof_json *order = asof_json_member(node, "order_bys");
	bool has_order =
		order && order->kind == ASOF_JSON_OBJECT && !array_member(order, "orders", 0);

	return asof_json_has_true(node, "distinct") || has_member(node, "filter") || has_order;
}

static enum asof_status
check_function(struct walk *w, const struct asof_json *node)
{
	struct asof_str name = asof_json_text_of(node, "function_name");
	const struct asof_duckdb_function *function = asof_duckdb_find_function(w->engine, name);

	if (!function)
		return no_such_function(w, node, name);
	if (function->flags & ASOF_DUCKDB_AGGREGATE || has_aggregate_clause(node))
		return refuse_function(w, node, name, "an aggregate");
	if (!(function->flags & (ASOF_DUCKDB_SCALAR | ASOF_DUCKDB_MACRO)))
		return refuse_function(w, node, name, "a table function");
	if (reads_outside(node, name))
		return refuse_function(w, node, name, "a function that reads more than the row");
	if (function->flags & ASOF_DUCKDB_UNSTABLE)
		return refuse_function(w, node, name, "a function that is not the same each time");
	if (function->flags & ASOF_DUCKDB_MACRO) {
		enum asof_status status = walk_macros(w, name, function);

		if (status != ASOF_OK)
			mark(w, node);
		return status;
	}
	return ASOF_OK;
}

/* ---- columns and lambda functions ---- */

static bool
names_parameter(const struct asof_json *parameter, struct asof_str name)
{
	const struct asof_json *names = array_member(parameter, "column_names", 1);

	return names && asof_str_equal(names->items[0].text, name);
}

static bool
is_parameter(const struct scope *scope, struct asof_str name)
{
	for (; scope; scope = scope->outer) {
		const struct asof_json *row = asof_json_member(scope->parameters, "children");

		if (names_parameter(scope->parameters, name))
			return true;
		for (size_t i = 0; row && i < row->count; i++) {
			if (names_parameter(&row->items[i], name))
				return true;
		}
	}
	return false;
}

static enum asof_status
add_name(struct walk *w, struct asof_str name, const struct scope *scope)
{
	if (w->macro_depth > 0 || is_parameter(scope, name))
		return ASOF_OK;
	for (size_t i = 0; i < w->column_count; i++) {
		if (asof_str_equal(w->columns[i], name))
			return ASOF_OK;
	}
	if (w->column_count == COLUMNS_MAX)
		return ASOF_FAIL(w->err, ASOF_LIMIT, "more than %d columns in one expression",
				 COLUMNS_MAX);
	w->columns[w->column_count++] = name;
	return ASOF_OK;
}

/* Words that are functions without brackets, unless quoted. */
static bool
is_clock(const struct walk *w, const struct asof_json *node, struct asof_str name)
{
	static const char *const clocks[] = { "current_date", "current_time", "current_timestamp",
					      "localtime", "localtimestamp" };
	bool is_quoted =
		w->macro_depth == 0 && w->text[offset_of(w, node, "query_location")] == '"';

	for (size_t i = 0; i < ASOF_COUNTOF(clocks); i++) {
		if (name.len == strlen(clocks[i]) &&
		    strncasecmp(name.ptr, clocks[i], name.len) == 0)
			return !is_quoted;
	}
	return false;
}

static enum asof_status
add_whole(struct walk *w, const struct asof_json *node, const struct asof_json *names,
	  const struct scope *scope)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf whole = ASOF_BUF(4096);

	mark(w, node);
	for (size_t i = 0; i < names->count; i++) {
		if (i > 0)
			asof_buf_add_char(&whole, '.');
		asof_buf_add_str(&whole, names->items[i].text);
	}
	ASOF_TRY(asof_buf_status(&whole, w->err));
	const char *copy = asof_arena_copy(w->scratch, asof_buf_view(&whole));
	if (!copy)
		return ASOF_FAIL(w->err, ASOF_NO_MEMORY, "columns of an expression");
	return add_name(w, asof_str_from(copy), scope);
}

static enum asof_status
add_column(struct walk *w, const struct asof_json *node, const struct scope *scope)
{
	const struct asof_json *names = asof_json_member(node, "column_names");
	if (!names || names->kind != ASOF_JSON_ARRAY || names->count == 0)
		return refuse(w, node, "a column without a name");

	/* customer.id is the field of a column; the rows have no table's name. */
	struct asof_str name = names->items[0].text;
	if (names->count == 1 && is_clock(w, node, name))
		return refuse_function(w, node, name, "not the same each time");
	return w->is_whole ? add_whole(w, node, names, scope) : add_name(w, name, scope);
}

/* a.lower() is lower(a): what looks like the function's schema is a column. */
static enum asof_status
add_receiver(struct walk *w, const struct asof_json *node, const struct scope *scope)
{
	struct asof_str schema = asof_json_text_of(node, "schema");
	struct asof_str catalog = asof_json_text_of(node, "catalog");

	if (schema.len == 0 || asof_str_equal(schema, asof_str_from("main")) ||
	    asof_str_equal(schema, asof_str_from("pg_catalog")))
		return ASOF_OK;
	return add_name(w, catalog.len > 0 ? catalog : schema, scope);
}

/* "lambda x: .." and the comprehension have no place for their parameters; "x -> .." has one, and
 * looks like JSON's arrow but for the function that it stands in. */
static bool
is_lambda(const struct asof_json *node, bool is_argument)
{
	const struct asof_json *lhs = asof_json_member(node, "lhs");
	if (!lhs)
		return false;

	const struct asof_json *location = asof_json_member(lhs, "query_location");
	uint64_t position;
	bool has_place =
		location && asof_uint64_parse(location->text, &position) && position != UINT64_MAX;

	return !has_place || (is_argument && (asof_json_has_text(lhs, "class", "COLUMN_REF") ||
					      asof_json_has_text(lhs, "function_name", "row")));
}

static bool
takes_lambda(struct asof_str function)
{
	static const char *const names[] = {
		"list_transform", "array_transform", "list_apply",   "array_apply",
		"apply",          "list_filter",     "array_filter", "filter",
		"list_reduce",    "array_reduce",    "reduce",
	};

	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		if (asof_str_equal(function, asof_str_from(names[i])))
			return true;
	}
	return false;
}

static enum asof_status
walk_arrow(struct walk *w, const struct asof_json *node, const struct scope *scope,
	   bool is_argument)
{
	const struct asof_json *lhs = asof_json_member(node, "lhs");
	const struct asof_json *expr = asof_json_member(node, "expr");
	const struct scope inner = { scope, lhs };

	if (!lhs || !expr)
		return refuse(w, node, "a lambda function without a body");
	if (is_lambda(node, is_argument))
		return walk_any(w, expr, &inner);
	ASOF_TRY(walk_any(w, lhs, scope));
	return walk_any(w, expr, scope);
}

/* The arguments of a function, one of which may be a lambda function. */
static enum asof_status
walk_arguments(struct walk *w, const struct asof_json *node, const struct scope *scope)
{
	const struct asof_json *children = asof_json_member(node, "children");
	bool is_argument = takes_lambda(asof_json_text_of(node, "function_name"));

	for (size_t i = 0; children && i < children->count; i++) {
		const struct asof_json *child = &children->items[i];
		bool is_arrow = child->kind == ASOF_JSON_OBJECT &&
				asof_json_has_text(child, "class", "LAMBDA");

		ASOF_TRY(is_arrow ? walk_arrow(w, child, scope, is_argument)
				  : walk_any(w, child, scope));
	}
	return ASOF_OK;
}

/* ---- the walk ---- */

static const struct {
	const char *class;
	const char *refusal; /* NULL: allowed */
} classes[] = {
	{ "BETWEEN", NULL },
	{ "CASE", NULL },
	{ "CAST", NULL },
	{ "COLLATE", NULL },
	{ "COLUMN_REF", NULL },
	{ "COMPARISON", NULL },
	{ "CONJUNCTION", NULL },
	{ "CONSTANT", NULL },
	{ "FUNCTION", NULL },
	{ "LAMBDA", NULL },
	{ "OPERATOR", NULL },
	{ "DEFAULT", "DEFAULT" },
	{ "PARAMETER", "a parameter" },
	{ "POSITIONAL_REFERENCE", "a column by its number" },
	{ "STAR", "'*'" },
	{ "SUBQUERY", "a subquery" },
	{ "WINDOW", "a window function" },
};

static enum asof_status
check_class(struct walk *w, const struct asof_json *node)
{
	for (size_t i = 0; i < ASOF_COUNTOF(classes); i++) {
		if (!asof_json_has_text(node, "class", classes[i].class))
			continue;
		return classes[i].refusal ? refuse(w, node, classes[i].refusal) : ASOF_OK;
	}
	return refuse(w, node, "this");
}

static enum asof_status
walk_expression(struct walk *w, const struct asof_json *node, const struct scope *scope)
{
	ASOF_TRY(check_class(w, node));
	if (asof_json_has_text(node, "class", "COLUMN_REF"))
		return add_column(w, node, scope);
	if (asof_json_has_text(node, "class", "LAMBDA"))
		return walk_arrow(w, node, scope, false);
	if (asof_json_has_text(node, "class", "FUNCTION")) {
		ASOF_TRY(check_function(w, node));
		ASOF_TRY(add_receiver(w, node, scope));
		return walk_arguments(w, node, scope);
	}
	if (asof_json_has_text(node, "type", "GROUPING_FUNCTION"))
		return refuse(w, node, "GROUPING");
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(walk_any(w, &node->items[i], scope));
	return ASOF_OK;
}

/* An expression, or what stands between expressions. */
static enum asof_status
walk_any(struct walk *w, const struct asof_json *node, const struct scope *scope)
{
	if (node->kind == ASOF_JSON_OBJECT && asof_json_member(node, "class"))
		return walk_expression(w, node, scope);
	if (node->kind != ASOF_JSON_OBJECT && node->kind != ASOF_JSON_ARRAY)
		return ASOF_OK;
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(walk_any(w, &node->items[i], scope));
	return ASOF_OK;
}

/* ---- parsing ---- */

static enum asof_status
take_text(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct asof_buf *buf = arg;

	(void)schema;
	asof_buf_add_str(buf, ((const struct asof_str *)batch->columns[0].data)[0]);
	return asof_buf_status(buf, err);
}

/* The tree of `text`, wrapped; lives in w->scratch. */
static enum asof_status
parse_tree(struct walk *w, const char *text, const struct asof_json **ret_tree)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(2 * TEXT_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ARENA_MAX);

	asof_buf_add_cstr(&sql, PREFIX);
	asof_buf_add_cstr(&sql, text);
	asof_buf_add_cstr(&sql, SUFFIX);
	ASOF_TRY(asof_buf_status(&sql, w->err));

	struct asof_str wrapped = asof_buf_view(&sql);
	ASOF_TRY(asof_duckdb_ask(w->engine, "SELECT json_serialize_sql(CAST($1 AS VARCHAR))",
				 &wrapped, 1, take_text, &json, w->err));

	const char *copy = asof_arena_copy(w->scratch, asof_buf_view(&json));
	if (!copy)
		return ASOF_FAIL(w->err, ASOF_LIMIT, "an expression too large to check");
	return asof_json_read_deep((struct asof_str){ copy, json.len }, JSON_DEPTH, w->scratch,
				   ret_tree, w->err);
}

static enum asof_status
fail_syntax(struct walk *w, const struct asof_json *tree)
{
	struct asof_str message = asof_json_text_of(tree, "error_message");

	if (w->macro_depth == 0)
		w->offset = offset_of(w, tree, "position");
	if (w->text[w->offset] == '\0')
		return ASOF_FAIL(w->err, ASOF_INVALID, "syntax error at the end of the expression");
	return ASOF_FAIL(w->err, ASOF_INVALID, "%.*s", ASOF_STR_ARG(message));
}

/* The one argument of the one call, or NULL. */
static const struct asof_json *
argument_of(const struct asof_json *tree)
{
	const struct asof_json *statements = array_member(tree, "statements", 1);
	const struct asof_json *node =
		statements ? asof_json_member(&statements->items[0], "node") : NULL;
	if (!node || !asof_json_has_text(node, "type", "SELECT_NODE") ||
	    !array_member(node, "modifiers", 0))
		return NULL;

	const struct asof_json *from = asof_json_member(node, "from_table");
	if (!from || !asof_json_has_text(from, "table_name", "asof_row") ||
	    has_member(node, "where_clause"))
		return NULL;

	const struct asof_json *list = array_member(node, "select_list", 1);
	const struct asof_json *call = list ? &list->items[0] : NULL;
	if (!call || !asof_json_has_text(call, "class", "FUNCTION") ||
	    !asof_json_has_text(call, "function_name", "asof_check") ||
	    asof_json_text_of(call, "alias").len > 0 || has_aggregate_clause(call))
		return NULL;

	const struct asof_json *children = array_member(call, "children", 1);
	const struct asof_json *argument = children ? &children->items[0] : NULL;
	return argument && asof_json_text_of(argument, "alias").len == 0 ? argument : NULL;
}

static enum asof_status
parse_and_walk(struct walk *w, const char *text)
{
	const struct asof_json *tree;

	ASOF_TRY(parse_tree(w, text, &tree));
	if (asof_json_has_true(tree, "error"))
		return fail_syntax(w, tree);

	const struct asof_json *argument = argument_of(tree);
	if (!argument)
		return ASOF_FAIL(w->err, ASOF_INVALID, "not one scalar expression");
	return walk_any(w, argument, NULL);
}

/* Whatever a macro stands for must be allowed as well. */
static enum asof_status
walk_macros(struct walk *w, struct asof_str name, const struct asof_duckdb_function *function)
{
	if (w->macro_depth == MACRO_DEPTH)
		return ASOF_FAIL(w->err, ASOF_INVALID, "'%.*s' nests too deeply",
				 ASOF_STR_ARG(name));
	w->macro_depth++;
	for (const struct asof_duckdb_macro *m = function->macros; m; m = m->next) {
		enum asof_status status = parse_and_walk(w, m->definition);

		if (status != ASOF_OK)
			w->macro_depth--;
		if (status == ASOF_INVALID)
			return ASOF_WRAP(w->err, status, "'%.*s'", ASOF_STR_ARG(name));
		ASOF_TRY(status);
	}
	w->macro_depth--;
	return ASOF_OK;
}

static enum asof_status
check_text(const char *text, struct asof_error *err)
{
	size_t len = strlen(text);
	bool is_blank = true;

	for (size_t i = 0; i < len; i++)
		is_blank = is_blank && isspace((unsigned char)text[i]);
	if (is_blank)
		return ASOF_FAIL(err, ASOF_INVALID, "an empty expression");
	if (len > TEXT_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "an expression of more than %d bytes", TEXT_MAX);
	if (asof_utf8_valid_prefix((struct asof_str){ text, len }) != len)
		return ASOF_FAIL(err, ASOF_INVALID, "an expression that is not UTF-8");
	return ASOF_OK;
}

static enum asof_status
copy_columns(const struct walk *w, struct asof_arena *arena, const char ***ret_columns,
	     size_t *ret_column_count, struct asof_error *err)
{
	const char **columns = asof_arena_array(arena, w->column_count, sizeof(*columns));

	for (size_t i = 0; columns && i < w->column_count; i++) {
		columns[i] = asof_arena_copy(arena, w->columns[i]);
		if (!columns[i])
			columns = NULL;
	}
	if (!columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of an expression");
	*ret_columns = columns;
	*ret_column_count = w->column_count;
	return ASOF_OK;
}

static enum asof_status
check_expression(struct asof_engine *engine, const char *text, bool is_whole,
		 struct asof_arena *arena, const char ***ret_columns, size_t *ret_column_count,
		 size_t *ret_offset, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = ASOF_ARENA(ARENA_MAX);

	if (ret_offset)
		*ret_offset = 0;
	ASOF_TRY(check_text(text, err));
	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	ASOF_TRY(asof_duckdb_load_functions(engine, err));

	struct walk *w = asof_arena_alloc(&scratch, sizeof(*w));
	if (!w)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "check of an expression");
	w->engine = engine;
	w->text = text;
	w->is_whole = is_whole;
	w->scratch = &scratch;
	w->err = err;

	enum asof_status status = parse_and_walk(w, text);
	if (status != ASOF_OK && ret_offset)
		*ret_offset = w->offset;
	ASOF_TRY(status);
	return copy_columns(w, arena, ret_columns, ret_column_count, err);
}

enum asof_status
asof_engine_check_expression(struct asof_engine *engine, const char *text, struct asof_arena *arena,
			     const char ***ret_columns, size_t *ret_column_count,
			     size_t *ret_offset, struct asof_error *err)
{
	return check_expression(engine, text, false, arena, ret_columns, ret_column_count,
				ret_offset, err);
}

enum asof_status
asof_engine_expression_names(struct asof_engine *engine, const char *text, struct asof_arena *arena,
			     const char ***ret_names, size_t *ret_name_count, size_t *ret_offset,
			     struct asof_error *err)
{
	return check_expression(engine, text, true, arena, ret_names, ret_name_count, ret_offset,
				err);
}
