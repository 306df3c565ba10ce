/* read_view.c - `views: {departures: {entity: ..., source: ..., features: ...}}`. */
#include <stdio.h>

#include "define/read.h"
#include "model/duration.h"

/* The nodes of a view's members; NULL where absent. */
struct view_nodes {
	const struct asof_yaml *on_demand;
	const struct asof_yaml *entity;
	const struct asof_yaml *source;
	const struct asof_yaml *view; /* in place of a source */
	const struct asof_yaml *keys;
	const struct asof_yaml *step;
	const struct asof_yaml *max_age;
	const struct asof_yaml *available_after;
	const struct asof_yaml *known_at_retention;
	const struct asof_yaml *online;
	const struct asof_yaml *table;
	const struct asof_yaml *partition;
	const struct asof_yaml *features;
	const struct asof_yaml *checks;
	const struct asof_yaml *description;
	const struct asof_yaml *owner;
	const struct asof_yaml *tags;
};

static void
map_key(struct asof_reading *r, const struct asof_yaml_pair *pair, struct asof_view *view)
{
	const struct asof_entity *entity = view->entity;
	const char *names[ASOF_KEYS_MAX];
	for (size_t i = 0; i < entity->key_count; i++) {
		names[i] = entity->keys[i].name;
		if (strcmp(entity->keys[i].name, pair->key->text) != 0)
			continue;
		const char *column = asof_read_text(r, pair->value, "a key's column");
		if (column)
			view->key_columns[i] = (struct asof_text){ column, pair->value->place };
		return;
	}
	asof_mistakes_add(r->mistakes, pair->key->place, "entity '%s' has no key '%s'%s",
			  entity->name, pair->key->text,
			  asof_reading_hint(r, pair->key->text, names, entity->key_count));
}

/* Every key is a column of its own name, unless `keys:` says another. */
static enum asof_status
read_keys(struct asof_reading *r, const struct view_nodes *nodes, struct asof_view *view,
	  struct asof_error *err)
{
	const struct asof_entity *entity = view->entity;
	if (!entity)
		return ASOF_OK;
	view->key_columns =
		asof_arena_array(r->arena, entity->key_count, sizeof(*view->key_columns));
	if (!view->key_columns)
		return asof_no_memory(err);
	for (size_t i = 0; i < entity->key_count; i++)
		view->key_columns[i] =
			(struct asof_text){ entity->keys[i].name, nodes->entity->place };
	if (!nodes->keys || asof_yaml_is_null(nodes->keys) ||
	    !asof_read_is_map(r, nodes->keys,
			      "a mapping of keys to columns, as in {user_id: \"customer.id\"}"))
		return ASOF_OK;
	for (size_t i = 0; i < nodes->keys->count; i++)
		map_key(r, &nodes->keys->pairs[i], view);
	return ASOF_OK;
}

static void
read_step(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view)
{
	view->step_us = ASOF_STEP_NONE;
	if (!node)
		return;
	if (node->kind == ASOF_YAML_SCALAR && strcmp(node->text, "event") == 0)
		view->step_us = ASOF_STEP_EVENT;
	else
		view->step_us = asof_read_duration(r, node, "step");
}

static bool
is_windowed(const struct asof_feature *feature)
{
	return feature->agg_count > 0 || feature->window_count > 0;
}

/* A feature is a column or windows over one, and a view has features of one sort. */
static void
check_sorts(struct asof_reading *r, const struct asof_view *view, const struct asof_yaml *step)
{
	size_t windowed = 0;
	for (size_t i = 0; i < view->feature_count; i++)
		windowed += is_windowed(&view->features[i]);
	for (size_t i = 0; i < view->feature_count; i++) {
		const struct asof_feature *feature = &view->features[i];
		if (windowed > 0 && !is_windowed(feature))
			asof_mistakes_add(r->mistakes, feature->place,
					  "feature '%s' has no windows, others of view '%s' have: "
					  "make two views",
					  feature->name, view->name);
	}
	if (windowed > 0 && !step)
		asof_mistakes_add(r->mistakes, view->place,
				  "view '%s' has windows: 'step' is missing", view->name);
	if (windowed == 0 && view->feature_count > 0 && step)
		asof_mistakes_add(r->mistakes, step->place,
				  "'step' goes with windows, view '%s' has none", view->name);
}

static void
check_windows(struct asof_reading *r, const struct asof_view *view)
{
	char step[ASOF_DURATION_TEXT_MAX];
	for (size_t i = 0; view->step_us > 0 && i < view->feature_count; i++) {
		const struct asof_feature *feature = &view->features[i];
		for (size_t w = 0; w < feature->window_count; w++) {
			const struct asof_window *window = &feature->windows[w];
			if (window->length_us % view->step_us != 0)
				asof_mistakes_add(r->mistakes, window->place,
						  "window '%s' is no multiple of the step %s",
						  window->text,
						  asof_duration_text(view->step_us, step));
		}
	}
}

static enum asof_status
read_features(struct asof_reading *r, const struct view_nodes *nodes, struct asof_view *view,
	      bool *ret_is_doubtful, struct asof_error *err)
{
	size_t told = r->mistakes->count + r->mistakes->dropped;
	if (nodes->features)
		ASOF_TRY(asof_read_features(r, nodes->features, view, err));
	check_sorts(r, view, nodes->step);
	check_windows(r, view);
	ASOF_TRY(asof_read_outputs(r, view, err));
	*ret_is_doubtful = !nodes->features || r->mistakes->count + r->mistakes->dropped > told;
	return ASOF_OK;
}

/* `view: departures` reads that view as a source of its own name, one for all that do so. */
static void
read_upstream(struct asof_reading *r, const struct view_nodes *nodes, struct asof_view *view)
{
	struct asof_project *project = r->project;
	if (nodes->source) {
		asof_mistakes_add(r->mistakes, nodes->view->place,
				  "view '%s' has 'source' and 'view': one of them is enough",
				  view->name);
		return;
	}
	struct asof_view *upstream = asof_read_stored_view(r, nodes->view, "view");
	for (size_t i = 0; upstream && i < project->source_count; i++) {
		struct asof_source *source = &project->sources[i];
		if (source->is_implicit && source->upstream == upstream)
			view->source = source;
	}
	if (!upstream || view->source)
		return;
	struct asof_source *source = &project->sources[project->source_count++];
	*source = (struct asof_source){ .name = upstream->name,
					.kind = ASOF_SOURCE_VIEW,
					.location = { upstream->name, nodes->view->place },
					.upstream = upstream,
					.is_implicit = true,
					.place = nodes->view->place };
	asof_default_view_times(source);
	view->source = source;
}

static enum asof_status
read_nodes(struct asof_reading *r, const struct view_nodes *nodes, struct asof_view *view,
	   bool *ret_is_doubtful, struct asof_error *err)
{
	static const char *const online_modes[] = { "state", "latest" };
	static const char *const tables[] = { "tiles", "features" };
	static const char *const truths[] = { "false", "true" };
	(void)asof_read_choice(r, nodes->on_demand, "on_demand", truths, ASOF_COUNTOF(truths), 0);
	if (nodes->entity)
		view->entity =
			asof_read_reference(r, ASOF_DECLARED_ENTITY, nodes->entity, "entity");
	if (nodes->source)
		view->source =
			asof_read_reference(r, ASOF_DECLARED_SOURCE, nodes->source, "source");
	if (nodes->view)
		read_upstream(r, nodes, view);
	ASOF_TRY(read_keys(r, nodes, view, err));
	read_step(r, nodes->step, view);
	view->max_age_us = asof_read_duration(r, nodes->max_age, "max_age");
	view->available_after_us = asof_read_duration(r, nodes->available_after, "available_after");
	view->known_at_retention_us =
		asof_read_duration(r, nodes->known_at_retention, "known_at_retention");
	view->online = (enum asof_online_mode)asof_read_choice(
		r, nodes->online, "online", online_modes, ASOF_COUNTOF(online_modes),
		ASOF_ONLINE_STATE);
	view->keeps_features =
		asof_read_choice(r, nodes->table, "table", tables, ASOF_COUNTOF(tables), 0) == 1;
	asof_read_partition(r, nodes->partition, view);
	ASOF_TRY(read_features(r, nodes, view, ret_is_doubtful, err));
	ASOF_TRY(asof_check_view_names(r, view, err));
	if (nodes->checks && !asof_yaml_is_null(nodes->checks))
		ASOF_TRY(asof_read_checks(r, nodes->checks, view, err));
	return asof_read_about(r, nodes->description, nodes->owner, nodes->tags, &view->about, err);
}

enum asof_status
asof_read_view(struct asof_reading *r, struct asof_declaration *declaration, struct asof_view *view,
	       struct asof_error *err)
{
	struct view_nodes nodes = { 0 };
	const struct asof_member members[] = {
		{ "on_demand", &nodes.on_demand },
		{ "entity", &nodes.entity },
		{ "source", &nodes.source },
		{ "view", &nodes.view },
		{ "keys", &nodes.keys },
		{ "step", &nodes.step },
		{ "max_age", &nodes.max_age },
		{ "available_after", &nodes.available_after },
		{ "known_at_retention", &nodes.known_at_retention },
		{ "online", &nodes.online },
		{ "table", &nodes.table },
		{ "partition", &nodes.partition },
		{ "features", &nodes.features },
		{ "checks", &nodes.checks },
		{ "description", &nodes.description },
		{ "owner", &nodes.owner },
		{ "tags", &nodes.tags },
	};
	char what[ASOF_NAME_MAX + 16];
	view->name = declaration->key->text;
	view->place = declaration->key->place;
	declaration->is_doubtful = true; /* until its features are read */
	(void)snprintf(what, sizeof(what), "view '%s'", view->name);
	if (!asof_read_members(r, declaration->value, what, members, ASOF_COUNTOF(members)))
		return ASOF_OK;

	const struct asof_member required[] = { { "entity", &nodes.entity },
						{ "source", &nodes.source },
						{ "features", &nodes.features } };
	for (size_t i = 0; i < ASOF_COUNTOF(required); i++) {
		bool is_other = required[i].node == &nodes.source && nodes.view;
		if (!*required[i].node && !is_other)
			asof_mistakes_add(r->mistakes, view->place, "%s: '%s' is missing", what,
					  required[i].name);
	}
	return read_nodes(r, &nodes, view, &declaration->is_doubtful, err);
}
