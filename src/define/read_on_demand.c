/* read_on_demand.c - `views: {age: {on_demand: true, request: ..., features: ...}}`. */
#include <stdio.h>
#include <strings.h>

#include "define/read.h"

/* The nodes of the view's members; NULL where absent. */
struct on_demand_nodes {
	const struct asof_yaml *on_demand;
	const struct asof_yaml *request;
	const struct asof_yaml *features;
	const struct asof_yaml *description;
	const struct asof_yaml *owner;
	const struct asof_yaml *tags;
	/* Of canonical texts. */
	const struct asof_yaml *keys;
	const struct asof_yaml *reads;
	const struct asof_yaml *definitions;
};

bool
asof_is_on_demand(const struct asof_declaration *declaration)
{
	const struct asof_yaml *value = declaration->value;
	for (size_t i = 0; value->kind == ASOF_YAML_MAP && i < value->count; i++) {
		const struct asof_yaml_pair *pair = &value->pairs[i];
		if (strcmp(pair->key->text, "on_demand") == 0)
			return pair->value->kind == ASOF_YAML_SCALAR &&
			       strcmp(pair->value->text, "true") == 0;
	}
	return false;
}

struct asof_view *
asof_read_stored_view(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	struct asof_view *view = asof_read_reference(r, ASOF_DECLARED_VIEW, node, what);
	if (!view || !view->on_demand)
		return view;
	asof_mistakes_add(r->mistakes, node->place,
			  "view '%s' is on-demand: it has no rows that a view could read",
			  view->name);
	return NULL;
}

/* A name and the text of its type; false and a mistake where it is none. */
static bool
read_typed(struct asof_reading *r, const struct asof_yaml_pair *pair, const char *what,
	   struct asof_type *ret_type)
{
	struct asof_error why = { 0 };
	const char *text = asof_read_text(r, pair->value, what);
	if (!text)
		return false;
	if (asof_type_parse(asof_str_from(text), ret_type, &why) == ASOF_OK)
		return true;
	asof_mistakes_add(r->mistakes, pair->value->place, "%s '%s': %s", what, pair->key->text,
			  why.message);
	return false;
}

/* What expressions compute with. */
static bool
is_computable(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_FLOAT64:
	case ASOF_TYPE_DECIMAL:
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_TIMESTAMP:
		return true;
	default:
		return false;
	}
}

static void
read_request_value(struct asof_reading *r, const struct asof_yaml_pair *pair,
		   struct asof_on_demand *on_demand)
{
	char text[ASOF_TYPE_TEXT_MAX];
	struct asof_key value = { .name = pair->key->text, .place = pair->key->place };
	if (!asof_read_name(r, pair->key, "request value"))
		return;
	for (size_t i = 0; i < on_demand->request_count; i++) {
		if (strcasecmp(on_demand->request[i].name, value.name) != 0)
			continue;
		asof_mistakes_add(r->mistakes, value.place,
				  "request value '%s' differs from '%s' only in case", value.name,
				  on_demand->request[i].name);
		return;
	}
	if (read_typed(r, pair, "request value", &value.type) && !is_computable(value.type))
		asof_mistakes_add(r->mistakes, pair->value->place,
				  "request value '%s': expressions do not compute with a %s (bool "
				  "int32 int64 float32 float64 decimal(p,s) string date timestamp)",
				  value.name, asof_type_text(value.type, text));
	on_demand->request[on_demand->request_count++] = value;
}

static enum asof_status
read_request(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
	     struct asof_error *err)
{
	struct asof_on_demand *on_demand = view->on_demand;
	if (asof_yaml_is_null(node) ||
	    !asof_read_is_map(r, node, "a mapping of values to types, as in {now: timestamp}"))
		return ASOF_OK;
	if (node->count > ASOF_KEYS_MAX) {
		asof_mistakes_add(r->mistakes, node->place,
				  "view '%s' has more than %d request values", view->name,
				  ASOF_KEYS_MAX);
		return ASOF_OK;
	}
	on_demand->request = asof_arena_array(r->arena, node->count, sizeof(*on_demand->request));
	if (!on_demand->request)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++)
		read_request_value(r, &node->pairs[i], on_demand);
	return ASOF_OK;
}

/* {expr: "..."}; `type` in canonical texts only. */
static void
read_feature(struct asof_reading *r, const struct asof_yaml_pair *pair,
	     struct asof_feature *feature, struct asof_output *output)
{
	const struct asof_yaml *expr = NULL;
	const struct asof_yaml *description = NULL;
	const struct asof_yaml *type = NULL;
	const struct asof_member members[] = {
		{ "expr", &expr },
		{ "description", &description },
		{ "type", &type }, /* must be the last */
	};
	char what[ASOF_NAME_MAX + 16];
	(void)snprintf(what, sizeof(what), "feature '%s'", feature->name);
	if (!asof_read_members(r, pair->value, what, members,
			       ASOF_COUNTOF(members) - (r->is_text ? 0 : 1)))
		return;
	if (expr)
		feature->expr = asof_read_expression(r, expr, "expr");
	else
		asof_mistakes_add(r->mistakes, feature->place,
				  "%s: 'expr' is missing, as in {expr: \"users.clicks + 1\"}",
				  what);
	if (description && !asof_yaml_is_null(description))
		feature->description = asof_read_text(r, description, "description");
	if (type) {
		const struct asof_yaml_pair typed = { pair->key, type };
		(void)read_typed(r, &typed, "feature", &output->type);
	}
}

static enum asof_status
read_features(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
	      struct asof_error *err)
{
	if (!asof_read_is_map(r, node, "a mapping of features, as in {age: {expr: \"...\"}}"))
		return ASOF_OK;
	if (node->count == 0 || node->count > ASOF_VIEW_OUTPUTS_MAX ||
	    r->output_count + node->count > ASOF_PROJECT_OUTPUTS_MAX) {
		asof_mistakes_add(r->mistakes, node->place,
				  "view '%s': from 1 to %d features, not %zu", view->name,
				  ASOF_VIEW_OUTPUTS_MAX, node->count);
		return ASOF_OK;
	}
	r->output_count += node->count;
	view->features = asof_arena_array(r->arena, node->count, sizeof(*view->features));
	view->outputs = asof_arena_array(r->arena, node->count, sizeof(*view->outputs));
	if (!view->features || !view->outputs)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml_pair *pair = &node->pairs[i];
		if (!asof_read_column_name(r, pair->key, "feature"))
			continue;
		struct asof_feature *feature = &view->features[view->feature_count++];
		struct asof_output *output = &view->outputs[view->output_count++];
		*feature =
			(struct asof_feature){ .name = pair->key->text, .place = pair->key->place };
		*output = (struct asof_output){ .name = feature->name, .feature = feature };
		read_feature(r, pair, feature, output);
	}
	return asof_check_view_names(r, view, err);
}

/* ---- canonical texts ---- */

static enum asof_status
read_definitions(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
		 struct asof_error *err)
{
	struct asof_on_demand *on_demand = view->on_demand;
	if (!asof_read_is_map(r, node, "a mapping of views to hashes"))
		return ASOF_OK;
	struct asof_hashed_view *reads = asof_arena_array(r->arena, node->count, sizeof(*reads));
	if (!reads)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		reads[i].name = node->pairs[i].key->text;
		reads[i].hash = asof_read_text(r, node->pairs[i].value, "a hash");
		if (!reads[i].hash)
			reads[i].hash = "";
	}
	on_demand->reads = reads;
	on_demand->read_count = node->count;
	return ASOF_OK;
}

/* "users.signed_up" taken apart. */
static enum asof_status
read_input(struct asof_reading *r, const struct asof_yaml_pair *pair, struct asof_operand *input,
	   struct asof_error *err)
{
	const char *text = pair->key->text;
	const char *dot = strchr(text, '.');
	if (!dot || dot == text || dot[1] == '\0') {
		asof_mistakes_add(r->mistakes, pair->key->place, "'%s' is not VIEW.FEATURE", text);
		return ASOF_OK;
	}
	input->view = asof_arena_copy(r->arena, (struct asof_str){ text, (size_t)(dot - text) });
	input->name = dot + 1;
	(void)read_typed(r, pair, "feature", &input->type);
	return input->view ? ASOF_OK : asof_no_memory(err);
}

static enum asof_status
read_inputs(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
	    struct asof_error *err)
{
	struct asof_on_demand *on_demand = view->on_demand;
	if (!asof_read_is_map(r, node, "a mapping of features to types"))
		return ASOF_OK;
	size_t room = on_demand->request_count + node->count;
	struct asof_operand *inputs = asof_arena_array(r->arena, room, sizeof(*inputs));
	if (!inputs)
		return asof_no_memory(err);
	size_t count = 0;
	for (; count < on_demand->request_count; count++)
		inputs[count] = (struct asof_operand){ .name = on_demand->request[count].name,
						       .type = on_demand->request[count].type };
	for (size_t i = 0; i < node->count; i++) {
		ASOF_TRY(read_input(r, &node->pairs[i], &inputs[count], err));
		count += inputs[count].view != NULL;
	}
	on_demand->inputs = inputs;
	on_demand->input_count = count;
	return ASOF_OK;
}

/* What binding found, so that nothing must be opened. */
static enum asof_status
read_bound(struct asof_reading *r, const struct on_demand_nodes *nodes, struct asof_view *view,
	   struct asof_error *err)
{
	struct asof_entity *entity = asof_arena_alloc(r->arena, sizeof(*entity));
	if (!entity)
		return asof_no_memory(err);
	entity->name = view->name;
	if (nodes->keys && nodes->keys->kind == ASOF_YAML_MAP && nodes->keys->count > 0)
		ASOF_TRY(asof_read_keys(r, nodes->keys, entity, err));
	view->entity = entity;
	if (nodes->definitions)
		ASOF_TRY(read_definitions(r, nodes->definitions, view, err));
	return read_inputs(r, nodes->reads, view, err);
}

enum asof_status
asof_read_on_demand(struct asof_reading *r, struct asof_declaration *declaration,
		    struct asof_view *view, struct asof_error *err)
{
	struct on_demand_nodes nodes = { 0 };
	const struct asof_member members[] = {
		{ "on_demand", &nodes.on_demand }, { "request", &nodes.request },
		{ "features", &nodes.features },   { "description", &nodes.description },
		{ "owner", &nodes.owner },         { "tags", &nodes.tags },
		{ "keys", &nodes.keys }, /* the last three in texts only */
		{ "reads", &nodes.reads },         { "definitions", &nodes.definitions },
	};
	size_t member_count = ASOF_COUNTOF(members) - (r->is_text ? 0 : 3);
	size_t told = r->mistakes->count + r->mistakes->dropped;
	char what[ASOF_NAME_MAX + 24];
	view->name = declaration->key->text;
	view->place = declaration->key->place;
	declaration->is_doubtful = true; /* until its features are read */
	(void)snprintf(what, sizeof(what), "on-demand view '%s'", view->name);
	if (!asof_read_members(r, declaration->value, what, members, member_count))
		return ASOF_OK;
	if (nodes.request)
		ASOF_TRY(read_request(r, nodes.request, view, err));
	if (nodes.features)
		ASOF_TRY(read_features(r, nodes.features, view, err));
	else
		asof_mistakes_add(r->mistakes, view->place, "%s: 'features' is missing", what);
	if (nodes.reads)
		ASOF_TRY(read_bound(r, &nodes, view, err));
	declaration->is_doubtful = r->mistakes->count + r->mistakes->dropped > told;
	return asof_read_about(r, nodes.description, nodes.owner, nodes.tags, &view->about, err);
}
