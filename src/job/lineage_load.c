#include "job/lineage_load.h"

#include "codec/json_reader.h"

void
asof_lineage_known_done(struct asof_lineage_known *known)
{
	asof_mem_free(known->training_sets);
	asof_lineage_links_done(&known->links);
	asof_lineage_done(&known->graph);
	asof_version_set_done(&known->versions);
	asof_arena_done(&known->arena);
}

const char *
asof_lineage_full_name(const struct asof_lineage_node *node, struct asof_arena *arena)
{
	return node->parent[0] ? asof_arena_printf(arena, "%s.%s", node->parent, node->name)
			       : node->name;
}

void
asof_lineage_write_roles(struct asof_json_writer *w, unsigned roles)
{
	asof_json_key_cstr(w, "roles");
	asof_json_begin_array(w);
	for (int role = 0; role < ASOF_LINEAGE_ROLE_COUNT; role++) {
		if (roles & 1u << role)
			asof_json_cstr(w, asof_lineage_role_text((enum asof_lineage_role)role));
	}
	asof_json_end_array(w);
}

const struct asof_version *
asof_lineage_version(const struct asof_lineage_known *known, const char *view, const char *text)
{
	int32_t major;
	int32_t minor;
	int32_t patch;
	if (!asof_version_parse(text, &major, &minor, &patch))
		return NULL;
	for (size_t i = 0; i < known->versions.count; i++) {
		const struct asof_version *version = &known->versions.items[i];
		if (version->major == major && version->minor == minor && version->patch == patch &&
		    strcmp(version->view, view) == 0)
			return version;
	}
	return NULL;
}

/* ---- definitions ---- */

/* What is to be had of a definition: what its view is made from, then what others read of it. */
enum pass { READ_VIEWS, LINK_ROWS };

static enum asof_status
load_view(struct asof_lineage_known *known, struct asof_engine *engine, enum pass pass,
	  const struct asof_view *view, const char *label, struct asof_error *err)
{
	if (pass == READ_VIEWS)
		return asof_lineage_read_view(&known->graph, engine, view, label, &known->links,
					      err);
	return asof_lineage_link_rows(&known->graph, engine, view, label, &known->links, err);
}

static enum asof_status
load_version(struct asof_lineage_known *known, struct asof_engine *engine, enum pass pass,
	     const struct asof_version *version, struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *view = NULL;
	ASOF_TRY(asof_version_project(version, &project, &view, err));
	return load_view(known, engine, pass, view, version->definition_hash, err);
}

/* Each definition once, however many versions have it. */
static enum asof_status
load_versions(struct asof_lineage_known *known, struct asof_engine *engine, enum pass pass,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map seen = { 0 };
	for (size_t i = 0; i < known->versions.count; i++) {
		const struct asof_version *version = &known->versions.items[i];
		const char *key = asof_arena_printf(&known->arena, "%s %s", version->view,
						    version->definition_hash);
		if (!key)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
		if (asof_map_find(&seen, asof_str_from(key), NULL))
			continue;
		ASOF_TRY(asof_map_put(&seen, asof_str_from(key), NULL, err));
		ASOF_TRY(asof_cancel_check(&known->session->cancel, err));
		ASOF_TRY(load_version(known, engine, pass, version, err));
	}
	return ASOF_OK;
}

static enum asof_status
load_definitions(struct asof_lineage_known *known, struct asof_engine *engine, enum pass pass,
		 struct asof_error *err)
{
	const struct asof_project *project = known->session->project;
	for (size_t i = 0; i < project->view_count; i++)
		ASOF_TRY(load_view(known, engine, pass, &project->views[i], "", err));
	for (size_t i = 0; i < project->on_demand_count; i++)
		ASOF_TRY(load_view(known, engine, pass, &project->on_demand[i], "", err));
	return load_versions(known, engine, pass, err);
}

/* The definition that a reader of `version` (NULL: none said) means. */
static const char *
label_of(const struct asof_lineage_known *known, const char *view, const char *version)
{
	const struct asof_version *found =
		version ? asof_lineage_version(known, view, version) : NULL;
	return found ? found->definition_hash : "";
}

static enum asof_status
load_service(struct asof_lineage_known *known, const struct asof_service *service,
	     struct asof_error *err)
{
	const struct asof_lineage_node node = {
		.kind = ASOF_LINEAGE_SERVICE, .parent = "", .name = service->name, .label = ""
	};
	size_t to = 0;
	ASOF_TRY(asof_lineage_add(&known->graph, &node, &to, err));
	for (size_t i = 0; i < service->item_count; i++) {
		const struct asof_service_item *item = &service->items[i];
		const struct asof_lineage_node feature = {
			.kind = ASOF_LINEAGE_FEATURE,
			.parent = item->view->name,
			.name = item->output->name,
			.label = label_of(known, item->view->name, item->version)
		};
		size_t from = 0;
		ASOF_TRY(asof_lineage_add(&known->graph, &feature, &from, err));
		ASOF_TRY(asof_lineage_connect(&known->graph, from, to, ASOF_LINEAGE_VALUE, err));
	}
	return ASOF_OK;
}

/* ---- training sets ---- */

enum asof_status
asof_lineage_take_training_set(void *arg, const struct asof_training_set *set,
			       struct asof_error *err)
{
	struct asof_lineage_known *known = arg;
	void *items = known->training_sets;
	ASOF_TRY(asof_mem_reserve(&items, &known->training_set_capacity,
				  known->training_set_count + 1, sizeof(*known->training_sets),
				  err));
	known->training_sets = items;
	struct asof_training_set *copy = &known->training_sets[known->training_set_count];
	*copy = *set;
	const char **const texts[] = { &copy->path,  &copy->spine,    &copy->service,
				       &copy->views, &copy->features, &copy->made_by };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		*texts[i] = asof_arena_copy(&known->arena, asof_str_from(*texts[i]));
		if (!*texts[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "training sets");
	}
	known->training_set_count++;
	return ASOF_OK;
}

/* One "view.feature", or "view.*": all that its definition has. */
static enum asof_status
load_reference(struct asof_lineage_known *known, const struct asof_json *views,
	       struct asof_str reference, size_t to, struct asof_error *err)
{
	const char *dot = memchr(reference.ptr, '.', reference.len);
	if (!dot)
		return ASOF_OK;
	size_t view_len = (size_t)(dot - reference.ptr);
	const char *view =
		asof_arena_copy(&known->arena, (struct asof_str){ reference.ptr, view_len });
	const char *name = asof_arena_copy(
		&known->arena, (struct asof_str){ dot + 1, reference.len - view_len - 1 });
	if (!view || !name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	struct asof_error ignored;
	struct asof_str text = { 0 };
	bool has_version = asof_json_member_read_str(views, view, &text, &ignored) == ASOF_OK;
	const char *version = has_version ? asof_arena_copy(&known->arena, text) : NULL;
	const struct asof_lineage_node wanted = { .kind = ASOF_LINEAGE_FEATURE,
						  .parent = view,
						  .name = name,
						  .label = label_of(known, view, version) };
	size_t from = 0;
	if (strcmp(name, "*") != 0) {
		ASOF_TRY(asof_lineage_add(&known->graph, &wanted, &from, err));
		return asof_lineage_connect(&known->graph, from, to, ASOF_LINEAGE_VALUE, err);
	}
	for (size_t i = 0; i < known->graph.node_count; i++) {
		const struct asof_lineage_node *node = &known->graph.nodes[i];
		if (node->kind == ASOF_LINEAGE_FEATURE && strcmp(node->parent, view) == 0 &&
		    strcmp(node->label, wanted.label) == 0)
			ASOF_TRY(asof_lineage_connect(&known->graph, i, to, ASOF_LINEAGE_VALUE,
						      err));
	}
	return ASOF_OK;
}

/* A service as it was when the training set was made: it may be another one now. */
static enum asof_status
load_past_service(struct asof_lineage_known *known, const struct asof_training_set *set, size_t to,
		  size_t *ret_service, struct asof_error *err)
{
	const struct asof_lineage_node node = {
		.kind = ASOF_LINEAGE_SERVICE, .parent = "", .name = set->service, .label = set->path
	};
	ASOF_TRY(asof_lineage_add(&known->graph, &node, ret_service, err));
	return asof_lineage_connect(&known->graph, *ret_service, to, ASOF_LINEAGE_VALUE, err);
}

static enum asof_status
load_training_set(struct asof_lineage_known *known, const struct asof_training_set *set,
		  struct asof_error *err)
{
	const struct asof_lineage_node node = {
		.kind = ASOF_LINEAGE_TRAINING_SET, .parent = "", .name = set->path, .label = ""
	};
	const struct asof_json *views = NULL;
	const struct asof_json *features = NULL;
	size_t to = 0;
	ASOF_TRY(asof_lineage_add(&known->graph, &node, &to, err));
	if (set->service[0])
		ASOF_TRY(load_past_service(known, set, to, &to, err));
	ASOF_TRY(asof_json_read(asof_str_from(set->views), &known->arena, &views, err));
	ASOF_TRY(asof_json_read(asof_str_from(set->features), &known->arena, &features, err));
	for (size_t i = 0; features->kind == ASOF_JSON_ARRAY && i < features->count; i++)
		ASOF_TRY(load_reference(known, views, features->items[i].text, to, err));
	return ASOF_OK;
}

enum asof_status
asof_lineage_load(struct asof_session *session, const char *file, struct asof_lineage_known *known,
		  struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	struct asof_engine *engine = NULL;
	known->session = session;
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(asof_version_set_read(session, &known->arena, &known->versions, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(asof_session_engine(session, &engine, err));
	const struct asof_project *project = session->project;
	ASOF_TRY(load_definitions(known, engine, READ_VIEWS, err));
	ASOF_TRY(asof_lineage_link_features(&known->graph, &known->links, err));
	if (known->links.count > 0)
		ASOF_TRY(load_definitions(known, engine, LINK_ROWS, err));
	for (size_t i = 0; i < project->service_count; i++)
		ASOF_TRY(load_service(known, &project->services[i], err));
	ASOF_TRY(asof_catalog_training_sets(catalog, ASOF_LINEAGE_TRAINING_SETS_MAX,
					    asof_lineage_take_training_set, known, err));
	if (file)
		ASOF_TRY(asof_lineage_load_file(known, file, err));
	for (size_t i = 0; i < known->training_set_count; i++) {
		const struct asof_training_set *set = &known->training_sets[i];
		enum asof_status status = load_training_set(known, set, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "training set '%s'", set->path);
	}
	return ASOF_OK;
}
