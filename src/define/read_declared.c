/* read_declared.c - the sections: who is declared where, and reading them in the order they need.
 */
#include "define/read.h"

/* By enum asof_declared. */
static const char *const sections[] = { "entities", "sources", "views", "services" };
static const char *const kinds[] = { "entity", "source", "view", "service" };

#define SUGGESTED_NAMES_MAX 1000

void
asof_reading_done(struct asof_reading *r)
{
	for (size_t i = 0; i < ASOF_DECLARED_COUNT; i++)
		asof_map_done(&r->declared[i].by_name);
}

static enum asof_status
declare(struct asof_reading *r, enum asof_declared kind, const struct asof_yaml_pair *pair,
	struct asof_error *err)
{
	struct asof_declarations *declared = &r->declared[kind];
	struct asof_str name = asof_str_from(pair->key->text);
	void *found = NULL;
	if (!asof_read_name(r, pair->key, kinds[kind]))
		return ASOF_OK;
	if (asof_map_find(&declared->by_name, name, &found)) {
		const struct asof_declaration *first = found;
		asof_mistakes_add(r->mistakes, pair->key->place,
				  "%s '%s' is declared twice (first at %s:%u:%u)", kinds[kind],
				  pair->key->text, first->key->place.file, first->key->place.line,
				  first->key->place.column);
		return ASOF_OK;
	}

	struct asof_declaration *declaration = asof_arena_alloc(r->arena, sizeof(*declaration));
	if (!declaration)
		return asof_no_memory(err);
	declaration->key = pair->key;
	declaration->value = pair->value;
	if (declared->last)
		declared->last->next = declaration;
	else
		declared->first = declaration;
	declared->last = declaration;
	declared->count++;
	return asof_map_put(&declared->by_name, name, declaration, err);
}

static enum asof_status
gather_section(struct asof_reading *r, enum asof_declared kind, const struct asof_yaml *node,
	       struct asof_error *err)
{
	static const char *const expected[] = {
		"a mapping of entities, as in {airport: {keys: ...}}",
		"a mapping of sources, as in {flights: {path: ...}}",
		"a mapping of views, as in {departures: {entity: ...}}",
		"a mapping of services, as in {model: {features: ...}}",
	};
	if (asof_yaml_is_null(node) || !asof_read_is_map(r, node, expected[kind]))
		return ASOF_OK;
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(declare(r, kind, &node->pairs[i], err));
	return ASOF_OK;
}

static void
foreign_key(struct asof_reading *r, const struct asof_yaml *key)
{
	static const char *const settings[] = { "project", "include",  "lake",     "online",
						"catalog", "profiles", "file_size" };
	for (size_t i = 0; i < ASOF_COUNTOF(settings); i++) {
		if (strcmp(key->text, settings[i]) == 0) {
			asof_mistakes_add(r->mistakes, key->place,
					  "'%s' belongs in asof.yaml, not in an included file",
					  key->text);
			return;
		}
	}
	asof_mistakes_add(r->mistakes, key->place, "unknown key '%s' in an included file%s",
			  key->text,
			  asof_reading_hint(r, key->text, sections, ASOF_COUNTOF(sections)));
}

enum asof_status
asof_reading_gather(struct asof_reading *r, const struct asof_yaml *root, bool is_root,
		    struct asof_error *err)
{
	if (root->kind != ASOF_YAML_MAP) {
		if (!is_root && !asof_yaml_is_null(root))
			(void)asof_read_is_map(r, root,
					       "a mapping of entities, sources, views or services");
		return ASOF_OK;
	}
	for (size_t i = 0; i < root->count; i++) {
		const struct asof_yaml_pair *pair = &root->pairs[i];
		size_t kind = 0;
		while (kind < ASOF_COUNTOF(sections) &&
		       strcmp(sections[kind], pair->key->text) != 0)
			kind++;
		if (kind < ASOF_COUNTOF(sections))
			ASOF_TRY(gather_section(r, (enum asof_declared)kind, pair->value, err));
		else if (!is_root)
			foreign_key(r, pair->key);
	}
	return ASOF_OK;
}

/* The first names of a kind, collected once. */
static const char *const *
names_of(struct asof_reading *r, enum asof_declared kind, size_t *ret_count)
{
	struct asof_declarations *declared = &r->declared[kind];
	size_t count =
		declared->count < SUGGESTED_NAMES_MAX ? declared->count : SUGGESTED_NAMES_MAX;
	if (!declared->names) {
		declared->names = asof_arena_array(r->arena, count, sizeof(*declared->names));
		const struct asof_declaration *declaration = declared->first;
		for (size_t i = 0; declared->names && i < count; i++) {
			declared->names[i] = declaration->key->text;
			declaration = declaration->next;
		}
	}
	*ret_count = declared->names ? count : 0;
	return declared->names;
}

void *
asof_read_reference(struct asof_reading *r, enum asof_declared kind, const struct asof_yaml *node,
		    const char *what)
{
	void *found = NULL;
	const char *name = asof_read_text(r, node, what);
	if (!name)
		return NULL;
	if (asof_map_find(&r->declared[kind].by_name, asof_str_from(name), &found)) {
		const struct asof_declaration *declaration = found;
		return declaration->object;
	}
	if (!r->is_incomplete) {
		size_t count = 0;
		const char *const *names = names_of(r, kind, &count);
		asof_mistakes_add(r->mistakes, node->place, "no %s '%s'%s", kinds[kind], name,
				  asof_reading_hint(r, name, names, count));
	}
	return NULL;
}

bool
asof_reading_is_doubtful(const struct asof_reading *r, const struct asof_view *view)
{
	void *found = NULL;
	const struct asof_map *views = &r->declared[ASOF_DECLARED_VIEW].by_name;
	if (!asof_map_find(views, asof_str_from(view->name), &found))
		return true;
	const struct asof_declaration *declaration = found;
	return declaration->is_doubtful;
}

static enum asof_status
read_entities(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	const struct asof_declarations *declared = &r->declared[ASOF_DECLARED_ENTITY];
	project->entities = asof_arena_array(r->arena, declared->count, sizeof(*project->entities));
	if (!project->entities)
		return asof_no_memory(err);
	for (struct asof_declaration *d = declared->first; d; d = d->next) {
		struct asof_entity *entity = &project->entities[project->entity_count++];
		d->object = entity;
		ASOF_TRY(asof_read_entity(r, d, entity, err));
	}
	return ASOF_OK;
}

static enum asof_status
read_sources(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	const struct asof_declarations *declared = &r->declared[ASOF_DECLARED_SOURCE];
	/* And one for each view that another reads without declaring a source. */
	size_t room = declared->count + r->declared[ASOF_DECLARED_VIEW].count;
	project->sources = asof_arena_array(r->arena, room, sizeof(*project->sources));
	if (!project->sources)
		return asof_no_memory(err);
	for (struct asof_declaration *d = declared->first; d; d = d->next) {
		struct asof_source *source = &project->sources[project->source_count++];
		d->object = source;
		ASOF_TRY(asof_read_source(r, d, source, err));
	}
	return ASOF_OK;
}

/* Sources and views name views, later ones too. */
static enum asof_status
place_views(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	const struct asof_declarations *declared = &r->declared[ASOF_DECLARED_VIEW];
	project->views = asof_arena_array(r->arena, declared->count, sizeof(*project->views));
	project->on_demand =
		asof_arena_array(r->arena, declared->count, sizeof(*project->on_demand));
	if (!project->views || !project->on_demand)
		return asof_no_memory(err);
	struct asof_view *view = project->views;
	struct asof_view *on_demand = project->on_demand;
	for (struct asof_declaration *d = declared->first; d; d = d->next) {
		struct asof_view *object = asof_is_on_demand(d) ? on_demand++ : view++;
		if (asof_is_on_demand(d))
			object->on_demand = asof_arena_alloc(r->arena, sizeof(*object->on_demand));
		if (asof_is_on_demand(d) && !object->on_demand)
			return asof_no_memory(err);
		object->name = d->key->text;
		d->object = object;
	}
	return ASOF_OK;
}

static enum asof_status
read_views(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	const struct asof_declarations *declared = &r->declared[ASOF_DECLARED_VIEW];
	for (struct asof_declaration *d = declared->first; d; d = d->next) {
		if (asof_is_on_demand(d))
			ASOF_TRY(asof_read_on_demand(
				r, d, &project->on_demand[project->on_demand_count++], err));
		else
			ASOF_TRY(asof_read_view(r, d, &project->views[project->view_count++], err));
	}
	return asof_check_view_graph(r, err);
}

static enum asof_status
read_services(struct asof_reading *r, struct asof_error *err)
{
	struct asof_project *project = r->project;
	const struct asof_declarations *declared = &r->declared[ASOF_DECLARED_SERVICE];
	project->services = asof_arena_array(r->arena, declared->count, sizeof(*project->services));
	if (!project->services)
		return asof_no_memory(err);
	for (struct asof_declaration *d = declared->first; d; d = d->next) {
		struct asof_service *service = &project->services[project->service_count++];
		d->object = service;
		ASOF_TRY(asof_read_service(r, d, service, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_reading_declared(struct asof_reading *r, struct asof_error *err)
{
	ASOF_TRY(read_entities(r, err));
	ASOF_TRY(place_views(r, err));
	ASOF_TRY(read_sources(r, err));
	ASOF_TRY(read_views(r, err));
	ASOF_TRY(asof_check_project_names(r, err));
	return read_services(r, err);
}
