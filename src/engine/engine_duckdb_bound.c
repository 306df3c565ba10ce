/*
 * engine_duckdb_bound.c - an on-demand expression, bound by DuckDB: it parses the text, finds
 * functions, infers types and inserts every cast; its plan comes as JSON.
 */
#include "engine/duckdb_bound.h"
#include "plan/sql.h"

#define ARENA_MAX  ((size_t)64 << 20)
#define JSON_DEPTH 4096

/* FROM the request's values, then each view's features: its columns in the order of the inputs. */
static void
add_inputs(const struct asof_bound *b, struct asof_buf *sql)
{
	const char *view = NULL;

	for (size_t i = 0; i < b->input_count; i++) {
		const struct asof_operand *input = &b->inputs[i];
		bool is_same = i > 0 && (view == input->view ||
					 (view && input->view && strcmp(view, input->view) == 0));

		if (i > 0 && !is_same) {
			asof_buf_add_cstr(sql, ") AS ");
			asof_sql_name(sql, view ? view : "asof_request");
		}
		asof_buf_add_cstr(sql, is_same ? ", " : i ? ", (SELECT " : " FROM (SELECT ");
		asof_buf_add_cstr(sql, "CAST(NULL AS ");
		if (input->type.kind == ASOF_TYPE_TIMESTAMP)
			asof_buf_add_cstr(sql, "TIMESTAMP");
		else
			asof_sql_type(sql, input->type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, input->name);
		view = input->view;
	}
	if (b->input_count > 0) {
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, view ? view : "asof_request");
	}
}

static enum asof_status
take_text(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct asof_buf *buf = arg;

	(void)schema;
	asof_buf_add_str(buf, ((const struct asof_str *)batch->columns[0].data)[0]);
	return asof_buf_status(buf, err);
}

static enum asof_status
read_plan(struct asof_bound *b, const struct asof_json **ret_plan)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ARENA_MAX / 2);

	asof_buf_add_cstr(&sql, ASOF_BOUND_PREFIX);
	asof_buf_add_cstr(&sql, b->text);
	asof_buf_add_cstr(&sql, "\n)");
	add_inputs(b, &sql);
	ASOF_TRY(asof_buf_status(&sql, b->err));
	struct asof_str statement = asof_buf_view(&sql);
	ASOF_TRY(asof_duckdb_ask(
		b->engine, "SELECT json_serialize_plan(CAST($1 AS VARCHAR), optimize := false)",
		&statement, 1, take_text, &json, b->err));
	const char *copy = asof_arena_copy(b->scratch, asof_buf_view(&json));
	if (!copy)
		return ASOF_FAIL(b->err, ASOF_NO_MEMORY, "an expression");
	return asof_json_read_deep((struct asof_str){ copy, json.len }, JSON_DEPTH, b->scratch,
				   ret_plan, b->err);
}

static enum asof_status
bind(struct asof_bound *b, struct asof_bound_node *ret_typed)
{
	const struct asof_json *root = NULL;

	ASOF_TRY(read_plan(b, &root));
	if (asof_json_has_true(root, "error")) {
		struct asof_str message = asof_json_text_of(root, "error_message");
		const char *line = message.len ? memchr(message.ptr, '\n', message.len) : NULL;

		(void)asof_bound_offset(b, root, "position", &b->offset);
		if (line)
			message.len = (size_t)(line - message.ptr);
		return ASOF_FAIL(b->err, ASOF_INVALID, "%.*s", ASOF_STR_ARG(message));
	}
	const struct asof_json *plans = asof_json_member(root, "plans");
	const struct asof_json *plan = plans && plans->count == 1 ? &plans->items[0] : NULL;
	const struct asof_json *list = plan ? asof_json_member(plan, "expressions") : NULL;
	if (!plan || !asof_json_has_text(plan, "type", "LOGICAL_PROJECTION") || !list ||
	    list->count != 1)
		return ASOF_FAIL(b->err, ASOF_INVALID, "not one scalar expression");
	ASOF_TRY(asof_bound_convert(b, &list->items[0], ret_typed));
	if (ret_typed->letter == 'n')
		return ASOF_FAIL(b->err, ASOF_INVALID, "an expression that is always NULL");
	return ASOF_OK;
}

enum asof_status
asof_engine_bind_expression(struct asof_engine *engine, const char *text,
			    const struct asof_operand *inputs, size_t input_count,
			    struct asof_arena *arena, const struct asof_expression **ret_expression,
			    size_t *ret_offset, struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = ASOF_ARENA(ARENA_MAX);
	struct asof_bound b = { .engine = engine,
				.text = text,
				.inputs = inputs,
				.input_count = input_count,
				.scratch = &scratch,
				.arena = arena,
				.err = err };
	struct asof_bound_node typed;

	if (ret_offset)
		*ret_offset = 0;
	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	enum asof_status status = bind(&b, &typed);
	if (status != ASOF_OK && ret_offset)
		*ret_offset = b.offset;
	ASOF_TRY(status);
	*ret_expression = typed.node;
	return ASOF_OK;
}
