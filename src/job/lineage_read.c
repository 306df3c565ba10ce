#include "job/lineage_read.h"

#include <strings.h>

#define INPUTS_MAX 4096 /* of a view's rows: columns by role */

/* What every feature of a view is made from: when its rows were true, which count, whose they
 * are. */
struct input {
	size_t node;
	enum asof_lineage_role role;
};

struct reading {
	struct asof_lineage *graph;
	struct asof_engine *engine;
	const struct asof_source *source;
	const char *label;
	struct asof_arena arena;
	struct input *inputs;
	size_t input_count;
	size_t input_capacity;
};

static void
reading_done(struct reading *r)
{
	asof_mem_free(r->inputs);
	asof_arena_done(&r->arena);
}

static enum asof_status
add_input(struct reading *r, size_t node, enum asof_lineage_role role, struct asof_error *err)
{
	void *inputs = r->inputs;
	if (r->input_count == INPUTS_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than %d columns", INPUTS_MAX);
	ASOF_TRY(asof_mem_reserve(&inputs, &r->input_capacity, r->input_count + 1,
				  sizeof(*r->inputs), err));
	r->inputs = inputs;
	r->inputs[r->input_count++] = (struct input){ node, role };
	return ASOF_OK;
}

static const struct asof_select *
find_select(const struct asof_source *source, const char *name)
{
	for (size_t i = 0; i < source->select_count; i++) {
		if (strcasecmp(source->selects[i].name, name) == 0)
			return &source->selects[i];
	}
	return NULL;
}

/* As the source spells it, where it was looked at. */
static const char *
spelling(const struct asof_source *source, const char *name)
{
	for (size_t i = 0; i < source->field_count; i++) {
		if (strcasecmp(source->fields[i].name, name) == 0)
			return source->fields[i].name;
	}
	return name;
}

static enum asof_status
add_stored(struct reading *r, const char *name, size_t *ret_node, struct asof_error *err)
{
	const struct asof_lineage_node node = { .kind = ASOF_LINEAGE_COLUMN,
						.parent = r->source->name,
						.name = spelling(r->source, name),
						.label = "" };
	return asof_lineage_add(r->graph, &node, ret_node, err);
}

/* A column of `select`, made from those that are stored; its definition is the version's. */
static enum asof_status
add_select(struct reading *r, const struct asof_select *select, size_t *ret_node,
	   struct asof_error *err)
{
	const struct asof_lineage_node node = { .kind = ASOF_LINEAGE_COLUMN,
						.parent = r->source->name,
						.name = select->name,
						.label = r->label,
						.expression = select->expression.text };
	const char **columns = NULL;
	size_t count = 0;
	ASOF_TRY(asof_lineage_add(r->graph, &node, ret_node, err));
	ASOF_TRY(asof_engine_check_expression(r->engine, select->expression.text, &r->arena,
					      &columns, &count, NULL, err));
	for (size_t i = 0; i < count; i++) {
		size_t from = 0;
		ASOF_TRY(add_stored(r, columns[i], &from, err));
		if (from != *ret_node)
			ASOF_TRY(asof_lineage_connect(r->graph, from, *ret_node, ASOF_LINEAGE_VALUE,
						      err));
	}
	return ASOF_OK;
}

static enum asof_status
add_column(struct reading *r, const char *name, size_t *ret_node, struct asof_error *err)
{
	const struct asof_select *select = find_select(r->source, name);
	if (!select)
		return add_stored(r, name, ret_node, err);
	enum asof_status status = add_select(r, select, ret_node, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "select '%s'", name);
	return ASOF_OK;
}

/* A column, or "customer.id" of the column customer. */
static enum asof_status
add_path(struct reading *r, const char *path, size_t *ret_node, struct asof_error *err)
{
	bool is_column = asof_source_field(r->source, asof_str_from(path)) != NULL;
	size_t len = is_column ? strlen(path) : strcspn(path, ".");
	const char *name = asof_arena_copy(&r->arena, (struct asof_str){ path, len });
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	return add_column(r, name, ret_node, err);
}

/* Every column of an expression is one more input of the rows. */
static enum asof_status
read_expression(struct reading *r, const char *what, const struct asof_text *text,
		enum asof_lineage_role role, struct asof_error *err)
{
	const char **columns = NULL;
	size_t count = 0;
	if (!text->text)
		return ASOF_OK;
	enum asof_status status = asof_engine_check_expression(r->engine, text->text, &r->arena,
							       &columns, &count, NULL, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "source '%s': %s", r->source->name, what);
	for (size_t i = 0; i < count; i++) {
		size_t node = 0;
		ASOF_TRY(add_column(r, columns[i], &node, err));
		ASOF_TRY(add_input(r, node, role, err));
	}
	return ASOF_OK;
}

static enum asof_status
read_rows(struct reading *r, const struct asof_view *view, struct asof_error *err)
{
	const struct asof_source *source = view->source;
	ASOF_TRY(read_expression(r, "event_time", &source->event_time, ASOF_LINEAGE_TIME, err));
	ASOF_TRY(read_expression(r, "created_time", &source->created_time, ASOF_LINEAGE_TIME, err));
	ASOF_TRY(read_expression(r, "filter", &source->filter, ASOF_LINEAGE_FILTER, err));
	for (size_t i = 0; i < view->entity->key_count; i++) {
		size_t node = 0;
		ASOF_TRY(add_path(r, view->key_columns[i].text, &node, err));
		ASOF_TRY(add_input(r, node, ASOF_LINEAGE_KEY, err));
	}
	return ASOF_OK;
}

static enum asof_status
read_output(struct reading *r, const struct asof_view *view, const struct asof_output *output,
	    struct asof_error *err)
{
	const struct asof_lineage_node node = { .kind = ASOF_LINEAGE_FEATURE,
						.parent = view->name,
						.name = output->name,
						.label = r->label };
	size_t feature = 0;
	ASOF_TRY(asof_lineage_add(r->graph, &node, &feature, err));
	for (size_t i = 0; i < r->input_count; i++)
		ASOF_TRY(asof_lineage_connect(r->graph, r->inputs[i].node, feature,
					      r->inputs[i].role, err));
	if (!output->feature->column.text)
		return ASOF_OK; /* it counts rows */
	size_t value = 0;
	ASOF_TRY(add_path(r, output->feature->column.text, &value, err));
	return asof_lineage_connect(r->graph, value, feature, ASOF_LINEAGE_VALUE, err);
}

static enum asof_status
read_view(struct reading *r, const struct asof_view *view, struct asof_error *err)
{
	ASOF_TRY(read_rows(r, view, err));
	for (size_t i = 0; i < view->output_count; i++)
		ASOF_TRY(read_output(r, view, &view->outputs[i], err));
	return ASOF_OK;
}

enum asof_status
asof_lineage_read_view(struct asof_lineage *graph, struct asof_engine *engine,
		       const struct asof_view *view, const char *label, struct asof_error *err)
{
	ASOF_AUTO(reading_done)
	struct reading reading = {
		.graph = graph, .engine = engine, .source = view->source, .label = label
	};
	enum asof_status status = read_view(&reading, view, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "view '%s'", view->name);
	return ASOF_OK;
}
