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
	struct asof_lineage_links *links; /* NULL: they are known already */
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

/* `node` is `column` of the view that the source is. */
static enum asof_status
add_link(struct reading *r, size_t node, const char *column, struct asof_error *err)
{
	struct asof_lineage_links *links = r->links;
	struct asof_arena *arena = &r->graph->arena;
	const char *hash = r->source->upstream_hash;
	const char *label = r->label[0] && hash ? hash : "";
	void *items = links->items;
	ASOF_TRY(asof_mem_reserve(&items, &links->capacity, links->count + 1, sizeof(*links->items),
				  err));
	links->items = items;
	const struct asof_lineage_link link = {
		.node = node,
		.view = asof_arena_copy(arena, asof_str_from(r->source->location.text)),
		.column = asof_arena_copy(arena, asof_str_from(column)),
		.label = asof_arena_copy(arena, asof_str_from(label)),
	};
	if (!link.view || !link.column || !link.label)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	links->items[links->count++] = link;
	return ASOF_OK;
}

/* What a file has is the same for every definition; what a view has hangs on which of its own
 * definitions is read. */
static enum asof_status
add_stored(struct reading *r, const char *name, size_t *ret_node, struct asof_error *err)
{
	bool is_view = r->source->kind == ASOF_SOURCE_VIEW;
	const struct asof_lineage_node node = { .kind = ASOF_LINEAGE_COLUMN,
						.parent = r->source->name,
						.name = spelling(r->source, name),
						.label = is_view ? r->label : "" };
	size_t before = r->graph->node_count;
	ASOF_TRY(asof_lineage_add(r->graph, &node, ret_node, err));
	if (!is_view || !r->links || r->graph->node_count == before)
		return ASOF_OK;
	return add_link(r, *ret_node, name, err);
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

/* ---- on-demand views ---- */

/* The definition of a view that a version was applied beside. */
static const char *
label_of_read(const struct asof_view *view, const char *name, const char *label)
{
	const struct asof_on_demand *on_demand = view->on_demand;
	for (size_t i = 0; label[0] && i < on_demand->read_count; i++) {
		if (strcmp(on_demand->reads[i].name, name) == 0)
			return on_demand->reads[i].hash;
	}
	return "";
}

/* "users.clicks" is a feature; a bare name a value that comes with the request. */
static enum asof_status
read_operand(struct reading *r, const struct asof_view *view, const char *name, size_t to,
	     struct asof_error *err)
{
	const char *dot = strchr(name, '.');
	struct asof_lineage_node node = {
		.kind = ASOF_LINEAGE_COLUMN, .parent = "request", .name = name, .label = ""
	};
	size_t from = 0;
	if (dot) {
		node.kind = ASOF_LINEAGE_FEATURE;
		node.parent =
			asof_arena_copy(&r->arena, (struct asof_str){ name, (size_t)(dot - name) });
		node.name = dot + 1;
		if (!node.parent)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
		node.label = label_of_read(view, node.parent, r->label);
	}
	ASOF_TRY(asof_lineage_add(r->graph, &node, &from, err));
	return asof_lineage_connect(r->graph, from, to, ASOF_LINEAGE_VALUE, err);
}

static enum asof_status
read_on_demand(struct reading *r, const struct asof_view *view, struct asof_error *err)
{
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		const struct asof_lineage_node node = { .kind = ASOF_LINEAGE_FEATURE,
							.parent = view->name,
							.name = output->name,
							.label = r->label };
		const char **names = NULL;
		size_t count = 0;
		size_t to = 0;
		ASOF_TRY(asof_lineage_add(r->graph, &node, &to, err));
		ASOF_TRY(asof_engine_expression_names(r->engine, output->feature->expr.text,
						      &r->arena, &names, &count, NULL, err));
		for (size_t k = 0; k < count; k++)
			ASOF_TRY(read_operand(r, view, names[k], to, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_lineage_read_view(struct asof_lineage *graph, struct asof_engine *engine,
		       const struct asof_view *view, const char *label,
		       struct asof_lineage_links *links, struct asof_error *err)
{
	ASOF_AUTO(reading_done)
	struct reading reading = { .graph = graph,
				   .engine = engine,
				   .source = view->source,
				   .label = label,
				   .links = links };
	enum asof_status status = view->on_demand ? read_on_demand(&reading, view, err)
						  : read_view(&reading, view, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "view '%s'", view->name);
	return ASOF_OK;
}

/* ---- what is read of other views ---- */

void
asof_lineage_links_done(struct asof_lineage_links *links)
{
	asof_mem_free(links->items);
	*links = (struct asof_lineage_links){ 0 };
}

enum asof_status
asof_lineage_link_features(struct asof_lineage *graph, struct asof_lineage_links *links,
			   struct asof_error *err)
{
	for (size_t i = 0; i < links->count; i++) {
		struct asof_lineage_link *link = &links->items[i];
		for (size_t k = 0; k < graph->node_count && !link->is_made; k++) {
			const struct asof_lineage_node *node = &graph->nodes[k];
			if (node->kind != ASOF_LINEAGE_FEATURE ||
			    strcmp(node->parent, link->view) != 0 ||
			    strcmp(node->label, link->label) != 0 ||
			    strcasecmp(node->name, link->column) != 0)
				continue;
			ASOF_TRY(asof_lineage_connect(graph, k, link->node, ASOF_LINEAGE_VALUE,
						      err));
			link->is_made = true;
		}
	}
	return ASOF_OK;
}

/* When a row of the view happens, and that there is one, hangs on its times and its filter. */
static enum asof_status
link_time(const struct reading *r, size_t to, struct asof_error *err)
{
	for (size_t i = 0; i < r->input_count; i++) {
		if (r->inputs[i].role != ASOF_LINEAGE_KEY)
			ASOF_TRY(asof_lineage_connect(r->graph, r->inputs[i].node, to,
						      r->inputs[i].role, err));
	}
	return ASOF_OK;
}

static enum asof_status
link_key(struct reading *r, const struct asof_view *view, const char *column, size_t to,
	 struct asof_error *err)
{
	for (size_t i = 0; i < view->entity->key_count; i++) {
		size_t from = 0;
		if (strcasecmp(view->entity->keys[i].name, column) != 0)
			continue;
		ASOF_TRY(add_path(r, view->key_columns[i].text, &from, err));
		ASOF_TRY(asof_lineage_connect(r->graph, from, to, ASOF_LINEAGE_VALUE, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_lineage_link_rows(struct asof_lineage *graph, struct asof_engine *engine,
		       const struct asof_view *view, const char *label,
		       struct asof_lineage_links *links, struct asof_error *err)
{
	ASOF_AUTO(reading_done)
	struct reading r = {
		.graph = graph, .engine = engine, .source = view->source, .label = label
	};
	for (size_t i = 0; i < links->count; i++) {
		struct asof_lineage_link *link = &links->items[i];
		if (link->is_made || view->on_demand || strcmp(link->view, view->name) != 0 ||
		    strcmp(link->label, label) != 0)
			continue;
		if (r.input_count == 0)
			ASOF_TRY(read_rows(&r, view, err));
		bool is_time = strcasecmp(link->column, "event_time") == 0 ||
			       strcasecmp(link->column, "created_time") == 0;
		ASOF_TRY(is_time ? link_time(&r, link->node, err)
				 : link_key(&r, view, link->column, link->node, err));
		link->is_made = true;
	}
	return ASOF_OK;
}
