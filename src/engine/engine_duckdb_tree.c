/*
 * engine_duckdb_tree.c - DuckDB's bound expressions, node by node, as a tree of ours. What
 * kernel/evaluator.h does not compute is refused where it stands.
 */
#include "engine/duckdb_bound.h"
#include "kernel/evaluator.h"
#include "plan/sql.h"

#define PREFIX_BYTES (sizeof(ASOF_BOUND_PREFIX) - 1)
#define LIST         "docs/reference/on-demand.md lists what is"

/* ---- JSON ---- */

bool
asof_bound_offset(const struct asof_bound *b, const struct asof_json *node, const char *name,
		  size_t *ret_offset)
{
	const struct asof_json *member = asof_json_member(node, name);
	uint64_t position;

	if (!member || !asof_uint64_parse(member->text, &position) || position < PREFIX_BYTES ||
	    position - PREFIX_BYTES > strlen(b->text))
		return false;
	*ret_offset = (size_t)(position - PREFIX_BYTES);
	return true;
}

/* What has no place of its own stands where the expression around it does. */
static void
mark(struct asof_bound *b, const struct asof_json *node)
{
	(void)asof_bound_offset(b, node, "query_location", &b->offset);
}

static enum asof_status
no_memory(struct asof_bound *b)
{
	return ASOF_FAIL(b->err, ASOF_NO_MEMORY, "an expression");
}

/* ---- types ---- */

static const struct {
	const char *id;
	enum asof_type_kind kind;
	char letter;
} types[] = {
	{ "BOOLEAN", ASOF_TYPE_BOOL, 'b' },        { "TINYINT", ASOF_TYPE_INT32, 'y' },
	{ "INTEGER", ASOF_TYPE_INT32, 'i' },       { "BIGINT", ASOF_TYPE_INT64, 'l' },
	{ "FLOAT", ASOF_TYPE_FLOAT32, 'f' },       { "DOUBLE", ASOF_TYPE_FLOAT64, 'd' },
	{ "VARCHAR", ASOF_TYPE_STRING, 's' },      { "DATE", ASOF_TYPE_DATE, 'D' },
	{ "TIMESTAMP", ASOF_TYPE_TIMESTAMP, 'T' }, { "DECIMAL", ASOF_TYPE_DECIMAL, 'm' },
	{ "NULL", ASOF_TYPE_BOOL, 'n' },
};

static bool
read_small(const struct asof_json *object, const char *name, uint8_t *ret_value)
{
	const struct asof_json *member = object ? asof_json_member(object, name) : NULL;
	uint64_t value;

	if (!member || !asof_uint64_parse(member->text, &value) || value > 38)
		return false;
	*ret_value = (uint8_t)value;
	return true;
}

static enum asof_status
type_of(struct asof_bound *b, const struct asof_json *json, struct asof_type *ret_type,
	char *ret_letter)
{
	struct asof_str id = asof_json_text_of(json, "id");
	const struct asof_json *info = json ? asof_json_member(json, "type_info") : NULL;

	for (size_t i = 0; i < ASOF_COUNTOF(types); i++) {
		if (!asof_str_equal(id, asof_str_from(types[i].id)))
			continue;
		struct asof_type type = ASOF_TYPE(types[i].kind);
		bool is_decimal = types[i].letter == 'm';
		if (is_decimal && (!read_small(info, "width", &type.precision) ||
				   !read_small(info, "scale", &type.scale)))
			break;
		*ret_type = type;
		*ret_letter = types[i].letter;
		return ASOF_OK;
	}
	return ASOF_FAIL(b->err, ASOF_INVALID,
			 "a value of type %.*s is not computed on demand: " LIST, ASOF_STR_ARG(id));
}

/* ---- nodes ---- */

static struct asof_expression *
new_node(struct asof_bound *b, enum asof_op op, struct asof_type type, size_t arg_count)
{
	struct asof_expression *node = asof_arena_alloc(b->arena, sizeof(*node));

	if (!node)
		return NULL;
	*node = (struct asof_expression){ .op = op, .type = type };
	node->args = asof_arena_array(b->arena, arg_count, sizeof(*node->args));
	node->arg_count = arg_count;
	return node->args ? node : NULL;
}

/* {"upper": .., "lower": ..} or a number. */
static bool
read_int128(const struct asof_json *json, asof_int128 *ret_value)
{
	const struct asof_json *upper = asof_json_member(json, "upper");
	const struct asof_json *lower = asof_json_member(json, "lower");
	int64_t high;
	uint64_t low;

	if (json->kind == ASOF_JSON_NUMBER && asof_int64_parse(json->text, &high)) {
		*ret_value = high;
		return true;
	}
	if (!upper || !lower || !asof_int64_parse(upper->text, &high) ||
	    !asof_uint64_parse(lower->text, &low))
		return false;
	*ret_value = (asof_int128)high * ((asof_int128)1 << 64) + (asof_int128)low;
	return true;
}

static bool
read_constant(struct asof_bound *b, const struct asof_json *json, char letter,
	      struct asof_value *value)
{
	asof_int128 number = 0;
	double real;

	switch (letter) {
	case 'n':
		value->is_null = true;
		return true;
	case 'b':
		value->boolean = json->boolean;
		return json->kind == ASOF_JSON_BOOL;
	case 's':
		value->str =
			(struct asof_str){ asof_arena_copy(b->arena, json->text), json->text.len };
		return json->kind == ASOF_JSON_STRING && value->str.ptr;
	case 'f':
	case 'd':
		if (json->kind != ASOF_JSON_NUMBER || !asof_double_parse(json->text, &real))
			return false;
		if (letter == 'd')
			value->float64 = real;
		else
			value->float32 = (float)real;
		return true;
	case 'm':
		return read_int128(json, &value->decimal);
	case 'i':
	case 'l':
		if (!read_int128(json, &number))
			return false;
		if (letter == 'i')
			value->int32 = (int32_t)number;
		else
			value->int64 = (int64_t)number;
		return true;
	default:
		return false;
	}
}

static enum asof_status
convert_constant(struct asof_bound *b, const struct asof_json *node,
		 struct asof_bound_node *ret_typed)
{
	const struct asof_json *value = asof_json_member(node, "value");
	const struct asof_json *inner = value ? asof_json_member(value, "value") : NULL;
	struct asof_type type;

	ASOF_TRY(type_of(b, value ? asof_json_member(value, "type") : NULL, &type,
			 &ret_typed->letter));
	struct asof_expression *constant = new_node(b, ASOF_OP_CONSTANT, type, 0);
	if (!constant)
		return no_memory(b);
	constant->constant.type = type;
	constant->constant.is_null = asof_json_has_true(value, "is_null");
	if (!constant->constant.is_null &&
	    (!inner || !read_constant(b, inner, ret_typed->letter, &constant->constant)))
		return ASOF_FAIL(b->err, ASOF_INVALID, "this constant is not computed on demand");
	ret_typed->node = constant;
	return ASOF_OK;
}

static enum asof_status
convert_input(struct asof_bound *b, const struct asof_json *node, struct asof_bound_node *ret_typed)
{
	const struct asof_json *index = asof_json_member(node, "index");
	uint64_t number;
	struct asof_type type;

	if (!index || !asof_uint64_parse(index->text, &number) || number >= b->input_count)
		return ASOF_FAIL(b->err, ASOF_INTERNAL,
				 "a column that is none of the expression's");
	ASOF_TRY(type_of(b, asof_json_member(node, "return_type"), &type, &ret_typed->letter));
	if (!asof_type_equal(type, b->inputs[number].type))
		return ASOF_FAIL(b->err, ASOF_INTERNAL, "column %s is of another type",
				 b->inputs[number].name);
	ret_typed->node = new_node(b, ASOF_OP_INPUT, type, 0);
	if (!ret_typed->node)
		return no_memory(b);
	ret_typed->node->input = (size_t)number;
	return ASOF_OK;
}

/* ---- casts ---- */

struct folding {
	struct asof_arena *arena;
	struct asof_value *value;
};

static enum asof_status
take_folded(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	    struct asof_error *err)
{
	struct folding *folding = arg;
	struct asof_type type = folding->value->type;

	(void)schema;
	ASOF_TRY(asof_column_value(&batch->columns[0], 0, folding->arena, folding->value, err));
	folding->value->type = type;
	return ASOF_OK;
}

/* A text of the user's as a date, a number: DuckDB reads it, once. */
static enum asof_status
fold_text(struct asof_bound *b, struct asof_str text, bool is_try, struct asof_type type,
	  struct asof_bound_node *ret_typed)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(1024);
	struct asof_expression *constant = new_node(b, ASOF_OP_CONSTANT, type, 0);

	if (!constant)
		return no_memory(b);
	constant->constant = asof_value_null(type);
	struct folding folding = { b->arena, &constant->constant };
	asof_buf_add_cstr(&sql, is_try ? "SELECT TRY_CAST(CAST($1 AS VARCHAR) AS "
				       : "SELECT CAST(CAST($1 AS VARCHAR) AS ");
	if (type.kind == ASOF_TYPE_TIMESTAMP)
		asof_buf_add_cstr(&sql, "TIMESTAMP");
	else
		asof_sql_type(&sql, type);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, b->err));
	ASOF_TRY(asof_duckdb_ask(b->engine, asof_buf_cstr(&sql), &text, 1, take_folded, &folding,
				 b->err));
	ret_typed->node = constant;
	return ASOF_OK;
}

/* A number of the user's in the type that is needed. Where it has no place there, each row says so.
 */
static void
fold_cast(struct asof_bound *b, struct asof_expression *node)
{
	struct asof_value value;
	struct asof_error ignored = { 0 };

	if (asof_expression_value(node, NULL, b->arena, &value, &ignored) != ASOF_OK)
		return;
	node->op = ASOF_OP_CONSTANT;
	node->constant = value;
	node->arg_count = 0;
}

static const char *
word_of(char letter)
{
	static const char *const words[] = {
		['b'] = "bool",    ['y'] = "int8",    ['i'] = "int32",     ['l'] = "int64",
		['f'] = "float32", ['d'] = "float64", ['m'] = "decimal",   ['s'] = "string",
		['L'] = "int64",   ['D'] = "date",    ['T'] = "timestamp", ['n'] = "NULL",
	};

	return words[(unsigned char)letter];
}

static enum asof_status
convert_cast(struct asof_bound *b, const struct asof_json *node, struct asof_bound_node *ret_typed)
{
	const struct asof_json *child = asof_json_member(node, "child");
	bool is_try = asof_json_has_true(node, "try_cast");
	struct asof_type type;
	struct asof_bound_node from;

	if (!child)
		return ASOF_FAIL(b->err, ASOF_INTERNAL, "a cast of nothing");
	ASOF_TRY(asof_bound_convert(b, child, &from));
	mark(b, node);
	ASOF_TRY(type_of(b, asof_json_member(node, "return_type"), &type, &ret_typed->letter));
	bool is_constant = from.node->op == ASOF_OP_CONSTANT;
	if (is_constant && from.node->constant.is_null) {
		ret_typed->node = from.node;
		ret_typed->node->type = ret_typed->node->constant.type = type;
		return ASOF_OK;
	}
	if (asof_type_equal(type, from.node->type) && ret_typed->letter == from.letter) {
		*ret_typed = from;
		return ASOF_OK;
	}
	if (is_constant && from.letter == 's')
		return fold_text(b, from.node->constant.str, is_try, type, ret_typed);
	if (!asof_expression_casts(from.letter, ret_typed->letter))
		return ASOF_FAIL(b->err, ASOF_INVALID,
				 "a cast from %s to %s is not computed on demand: " LIST,
				 word_of(from.letter), word_of(ret_typed->letter));
	ret_typed->node = new_node(b, is_try ? ASOF_OP_TRY_CAST : ASOF_OP_CAST, type, 1);
	if (!ret_typed->node)
		return no_memory(b);
	ret_typed->node->args[0] = from.node;
	if (is_constant)
		fold_cast(b, ret_typed->node);
	return ASOF_OK;
}

/* ---- functions ---- */

static enum asof_status
refuse_function(struct asof_bound *b, struct asof_str name)
{
	const char *near = asof_function_suggest(name);

	if (near)
		return ASOF_FAIL(b->err, ASOF_INVALID,
				 "'%.*s' is not computed on demand (did you mean '%s'?): " LIST,
				 ASOF_STR_ARG(name), near);
	return ASOF_FAIL(b->err, ASOF_INVALID, "'%.*s' is not computed on demand: " LIST,
			 ASOF_STR_ARG(name));
}

static enum asof_status
refuse_types(struct asof_bound *b, struct asof_str name, const char *letters)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf given = ASOF_BUF(1024);

	for (size_t i = 0; letters[i]; i++)
		asof_buf_printf(&given, "%s%s", i ? ", " : "", word_of(letters[i]));
	return ASOF_FAIL(b->err, ASOF_INVALID, "'%.*s' of (%s) is not computed on demand: " LIST,
			 ASOF_STR_ARG(name), asof_buf_cstr(&given));
}

/* The part is taken out of the arguments. */
static enum asof_status
take_part(struct asof_bound *b, const struct asof_function *function, struct asof_expression *node,
	  char *letters)
{
	const struct asof_expression *first = node->arg_count ? node->args[0] : NULL;

	if (!first || first->op != ASOF_OP_CONSTANT || letters[0] != 's' || first->constant.is_null)
		return ASOF_FAIL(b->err, ASOF_INVALID,
				 "'%s': which part of the time must be said by a text, as in 'day'",
				 function->name);
	if (!asof_function_part(function, first->constant.str, &node->part))
		return ASOF_FAIL(b->err, ASOF_INVALID,
				 "'%s' of '%.*s' is not computed on demand: " LIST, function->name,
				 ASOF_STR_ARG(first->constant.str));
	node->arg_count--;
	memmove(letters, letters + 1, strlen(letters));
	memmove(node->args, node->args + 1, node->arg_count * sizeof(*node->args));
	return ASOF_OK;
}

static bool
is_length(const struct asof_bound_node *typed)
{
	const struct asof_value *constant = &typed->node->constant;

	return typed->letter == 'l' && typed->node->op == ASOF_OP_CONSTANT && !constant->is_null &&
	       constant->int64 >= 0;
}

static enum asof_status
convert_children(struct asof_bound *b, const struct asof_json *children,
		 struct asof_expression *node, char *letters)
{
	for (size_t i = 0; i < node->arg_count; i++) {
		struct asof_bound_node child;

		ASOF_TRY(asof_bound_convert(b, &children->items[i], &child));
		node->args[i] = child.node;
		letters[i] = is_length(&child) ? 'L' : child.letter;
	}
	letters[node->arg_count] = '\0';
	return ASOF_OK;
}

static enum asof_status
convert_function(struct asof_bound *b, const struct asof_json *node,
		 struct asof_bound_node *ret_typed)
{
	struct asof_str name = asof_json_text_of(node, "name");
	const struct asof_function *function = asof_function_find(name);
	const struct asof_json *children = asof_json_member(node, "children");
	size_t count = children && children->kind == ASOF_JSON_ARRAY ? children->count : 0;
	char *letters = asof_arena_array(b->scratch, count + 1, 1);
	struct asof_type type;

	mark(b, node);
	if (asof_json_has_text(asof_json_member(node, "return_type"), "id", "INTERVAL"))
		return ASOF_FAIL(b->err, ASOF_INVALID,
				 "an interval is not computed on demand: say "
				 "date_diff(), or add days to a date");
	if (!function)
		return refuse_function(b, name);
	ret_typed->node = new_node(b, ASOF_OP_FUNCTION, ASOF_TYPE(ASOF_TYPE_NONE), count);
	if (!ret_typed->node || !letters)
		return no_memory(b);
	ret_typed->node->function = function;
	ASOF_TRY(convert_children(b, children, ret_typed->node, letters));
	mark(b, node);
	if (asof_function_takes_part(function))
		ASOF_TRY(take_part(b, function, ret_typed->node, letters));
	ASOF_TRY(type_of(b, asof_json_member(node, "return_type"), &type, &ret_typed->letter));
	if (asof_function_result(function, letters) != ret_typed->letter)
		return refuse_types(b, name, letters);
	ret_typed->node->type = type;
	return ASOF_OK;
}

/* ---- the rest ---- */

static const struct {
	const char *type;
	enum asof_op op;
} operators[] = {
	{ "COMPARE_EQUAL", ASOF_OP_EQUAL },
	{ "COMPARE_NOTEQUAL", ASOF_OP_NOT_EQUAL },
	{ "COMPARE_LESSTHAN", ASOF_OP_LESS },
	{ "COMPARE_LESSTHANOREQUALTO", ASOF_OP_LESS_EQUAL },
	{ "COMPARE_GREATERTHAN", ASOF_OP_GREATER },
	{ "COMPARE_GREATERTHANOREQUALTO", ASOF_OP_GREATER_EQUAL },
	{ "COMPARE_DISTINCT_FROM", ASOF_OP_DISTINCT },
	{ "COMPARE_NOT_DISTINCT_FROM", ASOF_OP_NOT_DISTINCT },
	{ "COMPARE_IN", ASOF_OP_IN },
	{ "COMPARE_NOT_IN", ASOF_OP_NOT_IN },
	{ "CONJUNCTION_AND", ASOF_OP_AND },
	{ "CONJUNCTION_OR", ASOF_OP_OR },
	{ "OPERATOR_NOT", ASOF_OP_NOT },
	{ "OPERATOR_IS_NULL", ASOF_OP_IS_NULL },
	{ "OPERATOR_IS_NOT_NULL", ASOF_OP_IS_NOT_NULL },
	{ "OPERATOR_COALESCE", ASOF_OP_COALESCE },
};

static enum asof_status
find_operator(struct asof_bound *b, const struct asof_json *node, enum asof_op *ret_op)
{
	for (size_t i = 0; i < ASOF_COUNTOF(operators); i++) {
		if (asof_json_has_text(node, "type", operators[i].type)) {
			*ret_op = operators[i].op;
			return ASOF_OK;
		}
	}
	return ASOF_FAIL(b->err, ASOF_INVALID, "%.*s is not computed on demand: " LIST,
			 ASOF_STR_ARG(asof_json_text_of(node, "type")));
}

/* DuckDB's own rewriting takes a TRY_CAST for never NULL there. */
static enum asof_status
check_distinct(struct asof_bound *b, const struct asof_expression *node)
{
	for (size_t i = 0; i < node->arg_count; i++) {
		const struct asof_expression *arg = node->args[i];

		while (arg->op == ASOF_OP_CAST)
			arg = arg->args[0];
		if (arg->op == ASOF_OP_TRY_CAST)
			return ASOF_FAIL(
				b->err, ASOF_INVALID,
				"IS DISTINCT FROM of a TRY_CAST is not computed on demand: "
				"say = and IS NULL");
	}
	return ASOF_OK;
}

/* All but coalesce give a bool. */
static enum asof_status
convert_operator(struct asof_bound *b, const struct asof_json *node,
		 struct asof_bound_node *ret_typed)
{
	const struct asof_json *children = asof_json_member(node, "children");
	const struct asof_json *left = asof_json_member(node, "left");
	const struct asof_json *right = asof_json_member(node, "right");
	size_t count = children && children->kind == ASOF_JSON_ARRAY ? children->count : 0;
	struct asof_type type = ASOF_TYPE(ASOF_TYPE_BOOL);
	struct asof_bound_node child = { 0 };
	enum asof_op op;

	mark(b, node);
	ASOF_TRY(find_operator(b, node, &op));
	ret_typed->letter = 'b';
	if (op == ASOF_OP_COALESCE)
		ASOF_TRY(type_of(b, asof_json_member(node, "return_type"), &type,
				 &ret_typed->letter));
	ret_typed->node = new_node(b, op, type, left && right ? 2 : count);
	if (!ret_typed->node)
		return no_memory(b);
	for (size_t i = 0; i < ret_typed->node->arg_count; i++) {
		ASOF_TRY(asof_bound_convert(
			b, left && right ? (i ? right : left) : &children->items[i], &child));
		ret_typed->node->args[i] = child.node;
	}
	if (op == ASOF_OP_DISTINCT || op == ASOF_OP_NOT_DISTINCT)
		return check_distinct(b, ret_typed->node);
	return ASOF_OK;
}

static enum asof_status
convert_case(struct asof_bound *b, const struct asof_json *node, struct asof_bound_node *ret_typed)
{
	const struct asof_json *checks = asof_json_member(node, "case_checks");
	const struct asof_json *otherwise = asof_json_member(node, "else_expr");
	struct asof_bound_node child = { 0 };
	struct asof_type type;

	if (!checks || checks->kind != ASOF_JSON_ARRAY || !otherwise)
		return ASOF_FAIL(b->err, ASOF_INTERNAL, "a CASE without branches");
	ASOF_TRY(type_of(b, asof_json_member(node, "return_type"), &type, &ret_typed->letter));
	ret_typed->node = new_node(b, ASOF_OP_CASE, type, 2 * checks->count + 1);
	if (!ret_typed->node)
		return no_memory(b);
	for (size_t i = 0; i < checks->count; i++) {
		const struct asof_json *when = asof_json_member(&checks->items[i], "when_expr");
		const struct asof_json *then = asof_json_member(&checks->items[i], "then_expr");

		if (!when || !then)
			return ASOF_FAIL(b->err, ASOF_INTERNAL, "a CASE without branches");
		ASOF_TRY(asof_bound_convert(b, when, &child));
		ret_typed->node->args[2 * i] = child.node;
		ASOF_TRY(asof_bound_convert(b, then, &child));
		ret_typed->node->args[2 * i + 1] = child.node;
	}
	ASOF_TRY(asof_bound_convert(b, otherwise, &child));
	ret_typed->node->args[2 * checks->count] = child.node;
	return ASOF_OK;
}

static const struct {
	const char *class;
	enum asof_status (*convert)(struct asof_bound *b, const struct asof_json *node,
				    struct asof_bound_node *ret_typed);
} classes[] = {
	{ "BOUND_CONSTANT", convert_constant },   { "BOUND_REF", convert_input },
	{ "BOUND_CAST", convert_cast },           { "BOUND_FUNCTION", convert_function },
	{ "BOUND_COMPARISON", convert_operator }, { "BOUND_CONJUNCTION", convert_operator },
	{ "BOUND_OPERATOR", convert_operator },   { "BOUND_CASE", convert_case },
};

enum asof_status
asof_bound_convert(struct asof_bound *b, const struct asof_json *node,
		   struct asof_bound_node *ret_typed)
{
	mark(b, node);
	if (++b->node_count > ASOF_EXPRESSION_NODES_MAX || b->depth == ASOF_EXPRESSION_DEPTH_MAX)
		return ASOF_FAIL(b->err, ASOF_LIMIT,
				 "an expression of more than %d parts, or %d one in the other",
				 ASOF_EXPRESSION_NODES_MAX, ASOF_EXPRESSION_DEPTH_MAX);
	for (size_t i = 0; i < ASOF_COUNTOF(classes); i++) {
		if (!asof_json_has_text(node, "expression_class", classes[i].class))
			continue;
		b->depth++;
		enum asof_status status = classes[i].convert(b, node, ret_typed);
		b->depth--;
		return status;
	}
	return ASOF_FAIL(b->err, ASOF_INVALID, "this is not computed on demand: " LIST);
}
