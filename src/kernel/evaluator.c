/* evaluator.c - the walk over a tree: NULL logic here, functions by the table. */
#include "kernel/expression_impl.h"

#define ARGS_MAX 16 /* of a call that needs no memory for them */

struct evaluation {
	const struct asof_value *inputs;
	struct asof_arena *arena;
};

static enum asof_status evaluate(const struct evaluation *e, const struct asof_expression *node,
				 struct asof_value *ret_value, struct asof_error *err);

static struct asof_value
truth(bool is_true)
{
	return (struct asof_value){ .type = ASOF_TYPE(ASOF_TYPE_BOOL), .boolean = is_true };
}

/* Every operand is computed, as DuckDB does: an error in one of them is one of all. */
static enum asof_status
conjunction(const struct evaluation *e, const struct asof_expression *node,
	    struct asof_value *ret_value, struct asof_error *err)
{
	bool decisive = node->op == ASOF_OP_OR;
	bool is_decided = false;
	bool has_null = false;
	for (size_t i = 0; i < node->arg_count; i++) {
		struct asof_value value;
		ASOF_TRY(evaluate(e, node->args[i], &value, err));
		has_null |= value.is_null;
		is_decided |= !value.is_null && value.boolean == decisive;
	}
	*ret_value = is_decided ? truth(decisive)
		     : has_null ? asof_value_null(ASOF_TYPE(ASOF_TYPE_BOOL))
				: truth(!decisive);
	return ASOF_OK;
}

static enum asof_status
coalesce(const struct evaluation *e, const struct asof_expression *node,
	 struct asof_value *ret_value, struct asof_error *err)
{
	*ret_value = asof_value_null(node->type);
	for (size_t i = 0; i < node->arg_count && ret_value->is_null; i++)
		ASOF_TRY(evaluate(e, node->args[i], ret_value, err));
	return ASOF_OK;
}

/* Whether a condition holds. Where it selects, DuckDB looks at the operands of AND and OR in turn,
 * and not at those behind the one that decides. */
static enum asof_status
is_true(const struct evaluation *e, const struct asof_expression *node, bool *ret_is_true,
	struct asof_error *err)
{
	bool is_and = node->op == ASOF_OP_AND;
	if (is_and || node->op == ASOF_OP_OR) {
		*ret_is_true = is_and;
		for (size_t i = 0; i < node->arg_count && *ret_is_true == is_and; i++)
			ASOF_TRY(is_true(e, node->args[i], ret_is_true, err));
		return ASOF_OK;
	}
	struct asof_value value;
	ASOF_TRY(evaluate(e, node, &value, err));
	*ret_is_true = !value.is_null && value.boolean;
	return ASOF_OK;
}

static enum asof_status
choose(const struct evaluation *e, const struct asof_expression *node, struct asof_value *ret_value,
       struct asof_error *err)
{
	for (size_t i = 0; i + 1 < node->arg_count; i += 2) {
		bool is_taken;
		ASOF_TRY(is_true(e, node->args[i], &is_taken, err));
		if (is_taken)
			return evaluate(e, node->args[i + 1], ret_value, err);
	}
	return evaluate(e, node->args[node->arg_count - 1], ret_value, err);
}

static enum asof_status
is_in(const struct evaluation *e, const struct asof_expression *node, struct asof_value *ret_value,
      struct asof_error *err)
{
	bool is_found = false;
	bool has_null = false;
	struct asof_value wanted;
	ASOF_TRY(evaluate(e, node->args[0], &wanted, err));
	for (size_t i = 1; i < node->arg_count; i++) {
		struct asof_value value;
		ASOF_TRY(evaluate(e, node->args[i], &value, err));
		has_null |= value.is_null || wanted.is_null;
		is_found |= !value.is_null && !wanted.is_null &&
			    asof_value_compare(&wanted, &value) == 0;
	}
	*ret_value = has_null && !is_found ? asof_value_null(ASOF_TYPE(ASOF_TYPE_BOOL))
					   : truth(is_found == (node->op == ASOF_OP_IN));
	return ASOF_OK;
}

static bool
holds(enum asof_op op, int order)
{
	switch (op) {
	case ASOF_OP_EQUAL:
	case ASOF_OP_NOT_DISTINCT:
		return order == 0;
	case ASOF_OP_NOT_EQUAL:
	case ASOF_OP_DISTINCT:
		return order != 0;
	case ASOF_OP_LESS:
		return order < 0;
	case ASOF_OP_LESS_EQUAL:
		return order <= 0;
	case ASOF_OP_GREATER:
		return order > 0;
	default:
		return order >= 0;
	}
}

static enum asof_status
compare(const struct evaluation *e, const struct asof_expression *node,
	struct asof_value *ret_value, struct asof_error *err)
{
	bool sees_null = node->op == ASOF_OP_DISTINCT || node->op == ASOF_OP_NOT_DISTINCT;
	struct asof_value left;
	struct asof_value right;
	ASOF_TRY(evaluate(e, node->args[0], &left, err));
	ASOF_TRY(evaluate(e, node->args[1], &right, err));
	if ((left.is_null || right.is_null) && !sees_null)
		*ret_value = asof_value_null(ASOF_TYPE(ASOF_TYPE_BOOL));
	else
		*ret_value = truth(holds(node->op, asof_value_compare(&left, &right)));
	return ASOF_OK;
}

static enum asof_status
cast(const struct evaluation *e, const struct asof_expression *node, struct asof_value *ret_value,
     struct asof_error *err)
{
	struct asof_value from;
	struct asof_error why = { 0 };
	ASOF_TRY(evaluate(e, node->args[0], &from, err));
	*ret_value = asof_value_null(node->type);
	if (from.is_null)
		return ASOF_OK;
	enum asof_status status = asof_expression_cast(&from, e->arena, ret_value, &why);
	if (status == ASOF_INVALID && node->op == ASOF_OP_TRY_CAST) {
		*ret_value = asof_value_null(node->type);
		return ASOF_OK;
	}
	return status == ASOF_OK ? ASOF_OK : ASOF_FAIL(err, status, "%s", why.message);
}

static enum asof_status
call(const struct evaluation *e, const struct asof_expression *node, struct asof_value *ret_value,
     struct asof_error *err)
{
	struct asof_value few[ARGS_MAX];
	struct asof_value *args = few;
	bool has_null = false;
	if (node->arg_count > ARGS_MAX)
		args = asof_arena_array(e->arena, node->arg_count, sizeof(*args));
	if (!args)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "'%s'", node->function->name);
	for (size_t i = 0; i < node->arg_count; i++) {
		ASOF_TRY(evaluate(e, node->args[i], &args[i], err));
		has_null |= args[i].is_null;
	}
	*ret_value = asof_value_null(node->type);
	if (has_null && !node->function->takes_null)
		return ASOF_OK;
	const struct asof_call running = { args, node->arg_count, node->part, e->arena };
	return node->function->run(&running, ret_value, err);
}

static enum asof_status
evaluate(const struct evaluation *e, const struct asof_expression *node,
	 struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value;
	switch (node->op) {
	case ASOF_OP_CONSTANT:
		*ret_value = node->constant;
		return ASOF_OK;
	case ASOF_OP_INPUT:
		*ret_value = e->inputs[node->input];
		return ASOF_OK;
	case ASOF_OP_CAST:
	case ASOF_OP_TRY_CAST:
		return cast(e, node, ret_value, err);
	case ASOF_OP_AND:
	case ASOF_OP_OR:
		return conjunction(e, node, ret_value, err);
	case ASOF_OP_NOT:
		ASOF_TRY(evaluate(e, node->args[0], &value, err));
		*ret_value = value.is_null ? value : truth(!value.boolean);
		return ASOF_OK;
	case ASOF_OP_IS_NULL:
	case ASOF_OP_IS_NOT_NULL:
		ASOF_TRY(evaluate(e, node->args[0], &value, err));
		*ret_value = truth(value.is_null == (node->op == ASOF_OP_IS_NULL));
		return ASOF_OK;
	case ASOF_OP_COALESCE:
		return coalesce(e, node, ret_value, err);
	case ASOF_OP_CASE:
		return choose(e, node, ret_value, err);
	case ASOF_OP_IN:
	case ASOF_OP_NOT_IN:
		return is_in(e, node, ret_value, err);
	case ASOF_OP_FUNCTION:
		return call(e, node, ret_value, err);
	default:
		return compare(e, node, ret_value, err);
	}
}

enum asof_status
asof_expression_value(const struct asof_expression *expression, const struct asof_value *inputs,
		      struct asof_arena *arena, struct asof_value *ret_value,
		      struct asof_error *err)
{
	const struct evaluation e = { inputs, arena };
	return evaluate(&e, expression, ret_value, err);
}
