#include "job/on_demand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/suggest.h"
#include "job/version_set.h"
#include "model/expression.h"

/* One on-demand view being bound. */
struct binding {
	struct asof_session *session;
	struct asof_engine *engine;
	struct asof_view *view;
	struct asof_operand *features; /* that are read, each once */
	size_t feature_count;
	size_t feature_capacity;
};

static enum asof_status
no_memory(const struct asof_view *view, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "on-demand view '%s'", view->name);
}

static void
binding_done(struct binding *b)
{
	asof_mem_free(b->features);
}

static struct asof_place
place_at(const struct asof_text *text, size_t offset)
{
	struct asof_place place = text->place;
	place.column += (uint32_t)offset;
	return place;
}

/* ---- names ---- */

/* " (did you mean 'x'?)" */
static void
add_mistake(struct binding *b, struct asof_place place, const char *what, const char *near)
{
	if (near)
		asof_mistakes_add(&b->session->mistakes, place, "%s (did you mean '%s'?)", what,
				  near);
	else
		asof_mistakes_add(&b->session->mistakes, place, "%s", what);
}

/* A bare name is a value of the request; a feature is said with its view. */
static void
check_request_name(struct binding *b, struct asof_place place, const char *name)
{
	const struct asof_on_demand *on_demand = b->view->on_demand;
	const struct asof_project *project = b->session->project;
	const char *names[ASOF_NAME_MAX];
	char what[256];
	size_t count = 0;
	for (size_t i = 0; i < on_demand->request_count; i++) {
		if (strcmp(on_demand->request[i].name, name) == 0)
			return;
		if (count < ASOF_COUNTOF(names))
			names[count++] = on_demand->request[i].name;
	}
	(void)snprintf(what, sizeof(what), "view '%s' has no request value '%.100s'", b->view->name,
		       name);
	const char *near = asof_suggest(asof_str_from(name), names, count);
	for (size_t i = 0; !near && i < project->view_count; i++) {
		const struct asof_view *view = &project->views[i];
		if (asof_view_output(view, asof_str_from(name)))
			near = asof_arena_printf(&b->session->arena, "%s.%s", view->name, name);
	}
	add_mistake(b, place, what, near);
}

static enum asof_status
suggest_view(struct binding *b, struct asof_place place, const char *name, struct asof_error *err)
{
	const struct asof_project *project = b->session->project;
	char what[256];
	const char **names =
		asof_arena_array(&b->session->arena, project->view_count, sizeof(*names));
	if (!names)
		return no_memory(b->view, err);
	for (size_t i = 0; i < project->view_count; i++)
		names[i] = project->views[i].name;
	(void)snprintf(what, sizeof(what), "no view '%.100s'", name);
	if (asof_project_on_demand(project, asof_str_from(name)))
		(void)snprintf(what, sizeof(what),
			       "view '%.100s' is on-demand: an on-demand view reads stored ones "
			       "only, so write its expression out",
			       name);
	add_mistake(b, place, what,
		    asof_project_on_demand(project, asof_str_from(name))
			    ? NULL
			    : asof_suggest(asof_str_from(name), names, project->view_count));
	return ASOF_OK;
}

static enum asof_status
suggest_feature(struct binding *b, struct asof_place place, const struct asof_view *view,
		const char *name, struct asof_error *err)
{
	char what[256];
	const char **names =
		asof_arena_array(&b->session->arena, view->output_count, sizeof(*names));
	if (!names)
		return no_memory(b->view, err);
	for (size_t i = 0; i < view->output_count; i++)
		names[i] = view->outputs[i].name;
	(void)snprintf(what, sizeof(what), "view '%s' has no feature '%.100s'", view->name, name);
	add_mistake(b, place, what, asof_suggest(asof_str_from(name), names, view->output_count));
	return ASOF_OK;
}

static enum asof_status
add_feature(struct binding *b, const struct asof_view *view, const struct asof_output *output,
	    struct asof_error *err)
{
	for (size_t i = 0; i < b->feature_count; i++) {
		if (strcmp(b->features[i].view, view->name) == 0 &&
		    strcmp(b->features[i].name, output->name) == 0)
			return ASOF_OK;
	}
	void *features = b->features;
	ASOF_TRY(asof_mem_reserve(&features, &b->feature_capacity, b->feature_count + 1,
				  sizeof(*b->features), err));
	b->features = features;
	b->features[b->feature_count++] =
		(struct asof_operand){ view->name, output->name, output->type };
	return ASOF_OK;
}

static enum asof_status
check_feature_name(struct binding *b, struct asof_place place, const char *view_name,
		   const char *name, struct asof_error *err)
{
	const struct asof_project *project = b->session->project;
	const struct asof_view *view = asof_project_view(project, asof_str_from(view_name));
	char text[ASOF_TYPE_TEXT_MAX];
	if (!view)
		return suggest_view(b, place, view_name, err);
	const struct asof_output *output = asof_view_output(view, asof_str_from(name));
	if (!output)
		return suggest_feature(b, place, view, name, err);
	switch ((enum asof_type_kind)output->type.kind) {
	case ASOF_TYPE_NONE: /* its view has mistakes */
		return ASOF_OK;
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_UUID:
	case ASOF_TYPE_JSON:
	case ASOF_TYPE_LIST:
	case ASOF_TYPE_VECTOR:
		asof_mistakes_add(&b->session->mistakes, place,
				  "'%s.%s' is a %s, which expressions do not compute with",
				  view_name, name, asof_type_text(output->type, text));
		return ASOF_OK;
	default:
		return add_feature(b, view, output, err);
	}
}

/* The names of one expression; what is wrong with it is noted. */
static enum asof_status
read_names(struct binding *b, const struct asof_text *expr, struct asof_error *err)
{
	struct asof_arena *arena = &b->session->arena;
	const char **names = NULL;
	size_t count = 0;
	size_t offset = 0;
	struct asof_error why = { 0 };
	enum asof_status status = asof_engine_expression_names(b->engine, expr->text, arena, &names,
							       &count, &offset, &why);
	if (status == ASOF_INVALID || status == ASOF_LIMIT) {
		asof_mistakes_add(&b->session->mistakes, place_at(expr, offset), "%s", why.message);
		return ASOF_OK;
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	for (size_t i = 0; i < count; i++) {
		const char *found = strstr(expr->text, names[i]);
		struct asof_place place = place_at(expr, found ? (size_t)(found - expr->text) : 0);
		const char *dot = strchr(names[i], '.');
		const char *view =
			dot ? asof_arena_printf(arena, "%.*s", (int)(dot - names[i]), names[i])
			    : NULL;
		if (dot && !view)
			return no_memory(b->view, err);
		if (!dot)
			check_request_name(b, place, names[i]);
		else if (strchr(dot + 1, '.'))
			asof_mistakes_add(&b->session->mistakes, place,
					  "'%s' is neither a request value nor VIEW.FEATURE",
					  names[i]);
		else
			ASOF_TRY(check_feature_name(b, place, view, dot + 1, err));
	}
	return ASOF_OK;
}

/* ---- what is read ---- */

static int
by_name(const void *a, const void *b)
{
	const struct asof_operand *left = a;
	const struct asof_operand *right = b;
	int order = strcmp(left->view, right->view);
	return order != 0 ? order : strcmp(left->name, right->name);
}

static enum asof_status
make_inputs(struct binding *b, struct asof_error *err)
{
	struct asof_on_demand *on_demand = b->view->on_demand;
	size_t count = on_demand->request_count + b->feature_count;
	struct asof_operand *inputs = asof_arena_array(&b->session->arena, count, sizeof(*inputs));
	struct asof_hashed_view *reads =
		asof_arena_array(&b->session->arena, b->feature_count, sizeof(*reads));
	if (!inputs || !reads)
		return no_memory(b->view, err);
	if (b->feature_count > 0)
		qsort(b->features, b->feature_count, sizeof(*b->features), by_name);
	size_t used = 0;
	for (size_t i = 0; i < on_demand->request_count; i++)
		inputs[used++] = (struct asof_operand){ .name = on_demand->request[i].name,
							.type = on_demand->request[i].type };
	size_t read_count = 0;
	for (size_t i = 0; i < b->feature_count; i++) {
		inputs[used++] = b->features[i];
		if (i == 0 || strcmp(b->features[i - 1].view, b->features[i].view) != 0)
			reads[read_count++] = (struct asof_hashed_view){ b->features[i].view, "" };
	}
	on_demand->inputs = inputs;
	on_demand->input_count = used;
	on_demand->reads = reads;
	on_demand->read_count = read_count;
	return ASOF_OK;
}

/* In SQL `users.clicks` would be a field of the request's `users`. */
static void
check_meeting_names(struct binding *b)
{
	const struct asof_on_demand *on_demand = b->view->on_demand;
	for (size_t i = 0; i < on_demand->request_count; i++) {
		for (size_t k = 0; k < on_demand->read_count; k++) {
			const struct asof_key *value = &on_demand->request[i];
			if (strcasecmp(value->name, on_demand->reads[k].name) == 0)
				asof_mistakes_add(&b->session->mistakes, value->place,
						  "request value '%s' has the name of a view that "
						  "the expressions read",
						  value->name);
		}
	}
}

static const struct asof_key *
find_key(const struct asof_entity *entity, const char *name)
{
	for (size_t i = 0; i < entity->key_count; i++) {
		if (strcmp(entity->keys[i].name, name) == 0)
			return &entity->keys[i];
	}
	return NULL;
}

static void
add_key(struct binding *b, struct asof_entity *entity, const struct asof_view *from,
	const struct asof_key *key)
{
	const struct asof_on_demand *on_demand = b->view->on_demand;
	const struct asof_key *known = find_key(entity, key->name);
	if (!known)
		entity->keys[entity->key_count++] = *key;
	else if (!asof_type_equal(known->type, key->type))
		asof_mistakes_add(&b->session->mistakes, b->view->place,
				  "the views that '%s' reads have a key '%s' of two types",
				  b->view->name, key->name);
	for (size_t i = 0; !known && i < on_demand->request_count; i++) {
		if (strcasecmp(on_demand->request[i].name, key->name) == 0)
			asof_mistakes_add(&b->session->mistakes, on_demand->request[i].place,
					  "request value '%s' has the name of a key of view '%s'",
					  key->name, from->name);
	}
}

/* All keys of all that is read. */
static enum asof_status
make_entity(struct binding *b, struct asof_error *err)
{
	const struct asof_project *project = b->session->project;
	const struct asof_on_demand *on_demand = b->view->on_demand;
	struct asof_entity *entity = asof_arena_alloc(&b->session->arena, sizeof(*entity));
	size_t room = 0;
	for (size_t i = 0; i < on_demand->read_count; i++) {
		const struct asof_view *view =
			asof_project_view(project, asof_str_from(on_demand->reads[i].name));
		room += view->entity->key_count;
	}
	if (!entity)
		return no_memory(b->view, err);
	*entity = (struct asof_entity){ .name = b->view->name, .place = b->view->place };
	entity->keys = asof_arena_array(&b->session->arena, room, sizeof(*entity->keys));
	if (!entity->keys)
		return no_memory(b->view, err);
	for (size_t i = 0; i < on_demand->read_count; i++) {
		const struct asof_view *view =
			asof_project_view(project, asof_str_from(on_demand->reads[i].name));
		for (size_t k = 0; k < view->entity->key_count; k++)
			add_key(b, entity, view, &view->entity->keys[k]);
	}
	b->view->entity = entity;
	return ASOF_OK;
}

/* ---- expressions ---- */

static enum asof_status
bind_expressions(struct binding *b, struct asof_error *err)
{
	struct asof_on_demand *on_demand = b->view->on_demand;
	on_demand->expressions = asof_arena_array(&b->session->arena, b->view->output_count,
						  sizeof(*on_demand->expressions));
	if (!on_demand->expressions)
		return no_memory(b->view, err);
	for (size_t i = 0; i < b->view->output_count; i++) {
		struct asof_output *output = &b->view->outputs[i];
		const struct asof_text *expr = &output->feature->expr;
		size_t offset = 0;
		struct asof_error why = { 0 };
		enum asof_status status = asof_engine_bind_expression(
			b->engine, expr->text, on_demand->inputs, on_demand->input_count,
			&b->session->arena, &on_demand->expressions[i], &offset, &why);
		if (status == ASOF_INVALID || status == ASOF_LIMIT)
			asof_mistakes_add(&b->session->mistakes, place_at(expr, offset), "%s",
					  why.message);
		else if (status != ASOF_OK)
			return ASOF_FAIL(err, status, "%s", why.message);
		else
			output->type = on_demand->expressions[i]->type;
	}
	return ASOF_OK;
}

static enum asof_status
bind_view(struct binding *b, struct asof_error *err)
{
	size_t told = b->session->mistakes.count;
	for (size_t i = 0; i < b->view->feature_count; i++) {
		const struct asof_text *expr = &b->view->features[i].expr;
		if (expr->text)
			ASOF_TRY(read_names(b, expr, err));
	}
	ASOF_TRY(make_inputs(b, err));
	check_meeting_names(b);
	for (size_t i = 0; i < b->view->on_demand->read_count; i++) {
		const struct asof_view *view = asof_project_view(
			b->session->project, asof_str_from(b->view->on_demand->reads[i].name));
		if (!view->entity)
			return ASOF_OK; /* a mistake already */
	}
	ASOF_TRY(make_entity(b, err));
	return b->session->mistakes.count == told ? bind_expressions(b, err) : ASOF_OK;
}

enum asof_status
asof_bind_on_demand(struct asof_session *session, struct asof_error *err)
{
	struct asof_project *project = session->project;
	for (size_t i = 0; i < project->on_demand_count; i++) {
		ASOF_AUTO(binding_done)
		struct binding b = { .session = session, .view = &project->on_demand[i] };
		ASOF_TRY(asof_session_engine(session, &b.engine, err));
		ASOF_TRY(bind_view(&b, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_on_demand_parse(struct asof_engine *engine, const struct asof_view *view,
		     struct asof_arena *arena, struct asof_error *err)
{
	struct asof_on_demand *on_demand = view->on_demand;
	char now[ASOF_TYPE_TEXT_MAX];
	char then[ASOF_TYPE_TEXT_MAX];
	on_demand->expressions =
		asof_arena_array(arena, view->output_count, sizeof(*on_demand->expressions));
	if (!on_demand->expressions)
		return no_memory(view, err);
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		enum asof_status status = asof_engine_bind_expression(
			engine, output->feature->expr.text, on_demand->inputs,
			on_demand->input_count, arena, &on_demand->expressions[i], NULL, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "feature '%s.%s'", view->name, output->name);
		if (!asof_type_equal(on_demand->expressions[i]->type, output->type))
			return ASOF_FAIL(err, ASOF_UNSUPPORTED,
					 "feature '%s.%s' was a %s when it was applied, and is a "
					 "%s to this program: `asof apply` registers it anew",
					 view->name, output->name,
					 asof_type_text(output->type, then),
					 asof_type_text(on_demand->expressions[i]->type, now));
	}
	return ASOF_OK;
}

/* ---- versions ---- */

enum asof_status
asof_on_demand_publish(struct asof_session *session, const struct asof_view_state *state,
		       struct asof_error *err)
{
	char id[80];
	int64_t now_us = asof_session_now_us(session);
	if (state->next_patch > 0)
		return ASOF_OK;
	(void)snprintf(id, sizeof(id), "%" PRIx64 "-apply-%.32s", (uint64_t)now_us,
		       state->view->name);
	const struct asof_version version = {
		.view = state->view->name,
		.major = state->major,
		.minor = state->minor,
		.definition_hash = state->hash,
		.definition_json = state->json,
		/* There is no table: the number says which came later. */
		.table_version = state->has_newest ? state->newest.table_version + 1 : 0,
		.published_us = now_us,
		.run_id = id,
		.tag = "",
		.made_by = session->made_by ? session->made_by : "",
		.reason = session->reason ? session->reason : "",
		.is_current = true,
	};
	return asof_catalog_publish(session->catalog, &version, err);
}

enum asof_status
asof_on_demand_recall(struct asof_session *session, struct asof_error *err)
{
	const struct asof_project *project = session->project;
	if (project->on_demand_count == 0 || strncmp(project->catalog, "memory", 6) != 0)
		return ASOF_OK;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(asof_session_bind(session, err));
	for (size_t i = 0; i < project->on_demand_count; i++) {
		struct asof_view_state state;
		ASOF_TRY(
			asof_view_state_find(session, &project->on_demand[i], &arena, &state, err));
		if (state.change != ASOF_VIEW_SAME)
			ASOF_TRY(asof_view_state_register(session, &state, err));
		ASOF_TRY(asof_on_demand_publish(session, &state, err));
	}
	return ASOF_OK;
}

/* ---- whether what is written was registered ---- */

static bool
is_same_request(const struct asof_on_demand *a, const struct asof_on_demand *b)
{
	if (a->request_count != b->request_count)
		return false;
	for (size_t i = 0; i < a->request_count; i++) {
		if (strcmp(a->request[i].name, b->request[i].name) != 0 ||
		    !asof_type_equal(a->request[i].type, b->request[i].type))
			return false;
	}
	return true;
}

/* By their texts: the types of what is read are the catalog's business. */
static bool
is_same_text(const struct asof_view *a, const struct asof_view *b)
{
	if (!b->on_demand || a->output_count != b->output_count ||
	    !is_same_request(a->on_demand, b->on_demand))
		return false;
	for (size_t i = 0; i < a->output_count; i++) {
		const struct asof_output *other =
			asof_view_output(b, asof_str_from(a->outputs[i].name));
		if (!other ||
		    strcmp(other->feature->expr.text, a->outputs[i].feature->expr.text) != 0)
			return false;
	}
	return true;
}

static enum asof_status
find_registered(const struct asof_version_set *set, const struct asof_view *view,
		bool *ret_is_found, struct asof_error *err)
{
	*ret_is_found = false;
	for (size_t i = set->count; i-- > 0 && !*ret_is_found;) {
		ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
		const struct asof_view *published = NULL;
		if (strcmp(set->items[i].view, view->name) != 0 ||
		    !asof_version_is_on_demand(&set->items[i]))
			continue;
		ASOF_TRY(asof_version_project(&set->items[i], &project, &published, err));
		*ret_is_found = is_same_text(view, published);
	}
	return ASOF_OK;
}

enum asof_status
asof_on_demand_check_registered(struct asof_session *session, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	const struct asof_project *project = session->project;
	if (project->on_demand_count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	for (size_t i = 0; i < project->on_demand_count; i++) {
		const struct asof_view *view = &project->on_demand[i];
		bool is_found;
		ASOF_TRY(find_registered(&set, view, &is_found, err));
		if (!is_found)
			asof_mistakes_add(&session->mistakes, view->place,
					  "on-demand view '%s' is not registered as it is written "
					  "here: run `asof apply` first",
					  view->name);
	}
	return asof_session_check_text(session, err);
}
