/* engine_duckdb_functions.c - which functions SQL knows, and of what kind each is. */
#include <ctype.h>

#include "base/suggest.h"
#include "engine/duckdb_impl.h"

#define NAME_MAX_BYTES 128

static const char functions_sql[] =
	"SELECT lower(function_name), function_type, coalesce(stability, ''), "
	"coalesce(macro_definition, '') FROM duckdb_functions()";

static unsigned
flags_of(struct asof_str type, struct asof_str stability)
{
	static const struct {
		const char *type;
		unsigned flag;
	} types[] = {
		{ "scalar", ASOF_DUCKDB_SCALAR },     { "aggregate", ASOF_DUCKDB_AGGREGATE },
		{ "macro", ASOF_DUCKDB_MACRO },       { "table", ASOF_DUCKDB_TABLE },
		{ "table_macro", ASOF_DUCKDB_TABLE }, { "pragma", ASOF_DUCKDB_TABLE },
	};
	unsigned flags = 0;

	for (size_t i = 0; i < ASOF_COUNTOF(types); i++) {
		if (asof_str_equal(type, asof_str_from(types[i].type)))
			flags |= types[i].flag;
	}
	if (stability.len > 0 && !asof_str_equal(stability, asof_str_from("CONSISTENT")))
		flags |= ASOF_DUCKDB_UNSTABLE;
	return flags;
}

static enum asof_status
find_or_add(struct asof_engine *engine, struct asof_str name,
	    struct asof_duckdb_function **ret_function, struct asof_error *err)
{
	void *found;
	if (asof_map_find(&engine->functions, name, &found)) {
		*ret_function = found;
		return ASOF_OK;
	}

	struct asof_duckdb_function *function = asof_arena_alloc(&engine->arena, sizeof(*function));
	if (!function)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "the engine's functions");
	ASOF_TRY(asof_map_put(&engine->functions, name, function, err));
	*ret_function = function;
	return ASOF_OK;
}

static enum asof_status
add_macro(struct asof_engine *engine, struct asof_duckdb_function *function,
	  struct asof_str definition, struct asof_error *err)
{
	struct asof_duckdb_macro *macro = asof_arena_alloc(&engine->arena, sizeof(*macro));
	const char *copy = asof_arena_copy(&engine->arena, definition);

	if (!macro || !copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "the engine's functions");
	macro->definition = copy;
	macro->next = function->macros;
	function->macros = macro;
	return ASOF_OK;
}

static enum asof_status
take_functions(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	       struct asof_error *err)
{
	struct asof_engine *engine = arg;
	const struct asof_str *names = batch->columns[0].data;
	const struct asof_str *types = batch->columns[1].data;
	const struct asof_str *stabilities = batch->columns[2].data;
	const struct asof_str *definitions = batch->columns[3].data;

	(void)schema;
	for (size_t i = 0; i < batch->row_count; i++) {
		struct asof_duckdb_function *function;
		unsigned flags = flags_of(types[i], stabilities[i]);

		ASOF_TRY(find_or_add(engine, names[i], &function, err));
		function->flags |= flags;
		if (flags & ASOF_DUCKDB_MACRO)
			ASOF_TRY(add_macro(engine, function, definitions[i], err));
	}
	return ASOF_OK;
}

enum asof_status
asof_duckdb_load_functions(struct asof_engine *engine, struct asof_error *err)
{
	if (engine->functions.count > 0)
		return ASOF_OK;

	enum asof_status status =
		asof_duckdb_ask(engine, functions_sql, NULL, 0, take_functions, engine, err);
	if (status != ASOF_OK) {
		asof_map_done(&engine->functions);
		engine->functions = (struct asof_map){ 0 };
		asof_arena_done(&engine->arena);
		engine->arena = (struct asof_arena){ 0 };
	}
	return status;
}

const struct asof_duckdb_function *
asof_duckdb_find_function(const struct asof_engine *engine, struct asof_str name)
{
	char lower[NAME_MAX_BYTES];
	void *found = NULL;

	if (name.len > sizeof(lower))
		return NULL;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = (char)tolower((unsigned char)name.ptr[i]);
	(void)asof_map_find(&engine->functions, (struct asof_str){ lower, name.len }, &found);
	return found;
}

const char *
asof_duckdb_suggest_function(struct asof_engine *engine, struct asof_str name)
{
	const char **names =
		asof_arena_array(&engine->arena, engine->functions.count, sizeof(*names));
	struct asof_str key;
	void *function;
	size_t position = 0;
	size_t count = 0;

	while (names && asof_map_next(&engine->functions, &position, &key, &function)) {
		bool is_usable = ((struct asof_duckdb_function *)function)->flags &
				 (ASOF_DUCKDB_SCALAR | ASOF_DUCKDB_MACRO);

		names[count] = is_usable ? asof_arena_copy(&engine->arena, key) : NULL;
		count += names[count] != NULL;
	}
	return names ? asof_suggest(name, names, count) : NULL;
}
