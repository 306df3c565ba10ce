/*
 * expression.h - an expression of an on-demand feature, as a tree whose every node has its type.
 *
 * Made by engine/ from what DuckDB makes of the user's text, computed by kernel/evaluator.h. Plain
 * data in an arena; immutable, thread-safe.
 */
#ifndef ASOF_MODEL_EXPRESSION_H
#define ASOF_MODEL_EXPRESSION_H

#include "model/value.h"

#define ASOF_EXPRESSION_DEPTH_MAX 200
#define ASOF_EXPRESSION_NODES_MAX 10000

enum asof_op {
	ASOF_OP_CONSTANT,
	ASOF_OP_INPUT,
	ASOF_OP_CAST,     /* of args[0] to `type` */
	ASOF_OP_TRY_CAST, /* NULL where CAST is an error */
	ASOF_OP_AND,
	ASOF_OP_OR,
	ASOF_OP_NOT,
	ASOF_OP_IS_NULL,
	ASOF_OP_IS_NOT_NULL,
	ASOF_OP_COALESCE,
	ASOF_OP_CASE, /* when, then, when, then, .., else */
	ASOF_OP_IN,
	ASOF_OP_NOT_IN,
	ASOF_OP_EQUAL,
	ASOF_OP_NOT_EQUAL,
	ASOF_OP_LESS,
	ASOF_OP_LESS_EQUAL,
	ASOF_OP_GREATER,
	ASOF_OP_GREATER_EQUAL,
	ASOF_OP_DISTINCT,
	ASOF_OP_NOT_DISTINCT,
	ASOF_OP_FUNCTION, /* `function` of args */
};

/* What of a time. */
enum asof_time_part {
	ASOF_PART_NONE,
	ASOF_PART_YEAR,
	ASOF_PART_QUARTER,
	ASOF_PART_MONTH,
	ASOF_PART_WEEK,
	ASOF_PART_DAY,
	ASOF_PART_HOUR,
	ASOF_PART_MINUTE,
	ASOF_PART_SECOND,
	ASOF_PART_MILLISECOND,
	ASOF_PART_MICROSECOND,
	ASOF_PART_DAY_OF_WEEK,  /* Sunday is 0 */
	ASOF_PART_ISO_WEEK_DAY, /* Monday is 1 */
	ASOF_PART_DAY_OF_YEAR,
};

struct asof_function;

struct asof_expression {
	enum asof_op op;
	enum asof_time_part part; /* of a FUNCTION that takes one */
	struct asof_type type;
	struct asof_value constant;
	size_t input;
	const struct asof_function *function; /* kernel/evaluator.h */
	const struct asof_expression **args;
	size_t arg_count;
};

#endif
