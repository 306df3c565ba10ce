/* duckdb_bound.h - an on-demand expression on its way from DuckDB's plan to a tree of ours. */
#ifndef ASOF_ENGINE_DUCKDB_BOUND_H
#define ASOF_ENGINE_DUCKDB_BOUND_H

#include "codec/json_reader.h"
#include "engine/duckdb_impl.h"
#include "model/expression.h"

/* What stands before the user's text in the statement that is planned. */
#define ASOF_BOUND_PREFIX "SELECT (\n"

struct asof_bound {
	struct asof_engine *engine;
	const char *text;
	const struct asof_operand *inputs;
	size_t input_count;
	struct asof_arena *scratch;
	struct asof_arena *arena; /* of the tree */
	size_t node_count;
	unsigned depth;
	size_t offset; /* in `text`, of what is refused */
	struct asof_error *err;
};

/* A node and the letter of its type (kernel/evaluator.h); 'n': NULL without a type. */
struct asof_bound_node {
	struct asof_expression *node;
	char letter;
};

/* The tree of a bound expression, as json_serialize_plan() has it. */
ASOF_NODISCARD enum asof_status asof_bound_convert(struct asof_bound *b,
						   const struct asof_json *json,
						   struct asof_bound_node *ret_node);
/* The place in the user's text that a member says; false, and nothing, where it says none. */
bool asof_bound_offset(const struct asof_bound *b, const struct asof_json *json, const char *name,
		       size_t *ret_offset);

#endif
