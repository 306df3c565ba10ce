/* lineage_impact.c - everything that depends on a column or feature. */
#include "job/describe.h"
#include "job/lineage_answer.h"

struct impact {
	struct asof_lineage_known *known;
	const unsigned *roles; /* per node of the graph, downstream */
	const bool *is_start;
	struct asof_json_writer *w;
};

/* Whether node i is the first one reached of its kind, parent and name (NULL: any). */
static bool
is_first(const struct impact *impact, size_t i, bool by_name)
{
	const struct asof_lineage *graph = &impact->known->graph;
	for (size_t j = 0; j < i; j++) {
		const struct asof_lineage_node *a = &graph->nodes[i];
		const struct asof_lineage_node *b = &graph->nodes[j];
		if (impact->roles[j] && a->kind == b->kind && strcmp(a->parent, b->parent) == 0 &&
		    (!by_name || strcmp(a->name, b->name) == 0))
			return false;
	}
	return true;
}

/* Published versions whose definition has such a node: of the feature, or, name NULL, of any of
 * the view. */
static void
write_versions(const struct impact *impact, const char *view, const char *name)
{
	struct asof_lineage_known *known = impact->known;
	asof_json_key_cstr(impact->w, "versions");
	asof_json_begin_array(impact->w);
	for (size_t v = 0; v < known->versions.count; v++) {
		const struct asof_version *version = &known->versions.items[v];
		bool is_made = false;
		if (strcmp(version->view, view) != 0)
			continue;
		for (size_t i = 0; i < known->graph.node_count && !is_made; i++) {
			const struct asof_lineage_node *node = &known->graph.nodes[i];
			is_made = impact->roles[i] && node->kind == ASOF_LINEAGE_FEATURE &&
				  strcmp(node->parent, view) == 0 &&
				  strcmp(node->label, version->definition_hash) == 0 &&
				  (!name || strcmp(node->name, name) == 0);
		}
		const char *text = is_made ? asof_version_text(version, &known->arena) : NULL;
		if (text)
			asof_json_cstr(impact->w, text);
	}
	asof_json_end_array(impact->w);
}

static void
write_feature(const struct impact *impact, size_t index)
{
	const struct asof_lineage *graph = &impact->known->graph;
	const struct asof_lineage_node *node = &graph->nodes[index];
	unsigned roles = 0;
	bool is_defined = false;
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct asof_lineage_node *other = &graph->nodes[i];
		if (other->kind != ASOF_LINEAGE_FEATURE || !impact->roles[i] ||
		    strcmp(other->parent, node->parent) != 0 ||
		    strcmp(other->name, node->name) != 0)
			continue;
		roles |= impact->roles[i];
		is_defined = is_defined || other->label[0] == '\0';
	}
	asof_json_begin_object(impact->w);
	asof_json_member_text(impact->w, "name",
			      asof_lineage_full_name(node, &impact->known->arena));
	asof_lineage_write_roles(impact->w, roles);
	asof_json_member_bool(impact->w, "defined", is_defined);
	write_versions(impact, node->parent, node->name);
	asof_json_end_object(impact->w);
}

static enum asof_status
write_online(const struct impact *impact, const char *view, struct asof_error *err)
{
	struct asof_lineage_known *known = impact->known;
	struct asof_materialization online;
	struct asof_error why = { 0 };
	enum asof_status status = asof_catalog_find_materialization(known->session->catalog, view,
								    &known->arena, &online, &why);
	asof_json_member_text(impact->w, "online", status == ASOF_OK ? online.version : NULL);
	if (status == ASOF_OK)
		asof_describe_time(impact->w, "online_at", online.at_us);
	return status == ASOF_OK || status == ASOF_NOT_FOUND
		       ? ASOF_OK
		       : ASOF_FAIL(err, status, "%s", why.message);
}

static enum asof_status
write_view(const struct impact *impact, const char *view, struct asof_error *err)
{
	struct asof_lineage_known *known = impact->known;
	const struct asof_version *current = asof_version_set_current(&known->versions, view);
	asof_json_begin_object(impact->w);
	asof_json_member_cstr(impact->w, "view", view);
	asof_json_member_text(impact->w, "version",
			      current ? asof_version_text(current, &known->arena) : NULL);
	asof_json_member_int(impact->w, "rows", current ? current->row_count : 0);
	write_versions(impact, view, NULL);
	ASOF_TRY(write_online(impact, view, err));
	asof_json_end_object(impact->w);
	return ASOF_OK;
}

static void
write_training_set(const struct impact *impact, const struct asof_training_set *set)
{
	asof_json_begin_object(impact->w);
	asof_json_member_cstr(impact->w, "path", set->path);
	asof_json_key_cstr(impact->w, "views");
	asof_json_raw(impact->w, asof_str_from(set->views));
	asof_json_member_int(impact->w, "rows", set->row_count);
	asof_describe_time(impact->w, "made", set->made_us);
	asof_json_member_cstr(impact->w, "made_by", set->made_by);
	asof_json_end_object(impact->w);
}

static void
write_training_sets(const struct impact *impact)
{
	const struct asof_lineage_known *known = impact->known;
	asof_json_key_cstr(impact->w, "training_sets");
	asof_json_begin_array(impact->w);
	for (size_t i = 0; i < known->training_set_count; i++) {
		const struct asof_training_set *set = &known->training_sets[i];
		for (size_t n = 0; n < known->graph.node_count; n++) {
			const struct asof_lineage_node *node = &known->graph.nodes[n];
			if (impact->roles[n] && node->kind == ASOF_LINEAGE_TRAINING_SET &&
			    strcmp(node->name, set->path) == 0)
				write_training_set(impact, set);
		}
	}
	asof_json_end_array(impact->w);
}

static enum asof_status
write_impact(const struct impact *impact, struct asof_error *err)
{
	const struct asof_lineage *graph = &impact->known->graph;
	struct asof_json_writer *w = impact->w;
	asof_json_key_cstr(w, "features");
	asof_json_begin_array(w);
	for (size_t i = 0; i < graph->node_count; i++) {
		if (impact->roles[i] && graph->nodes[i].kind == ASOF_LINEAGE_FEATURE &&
		    !impact->is_start[i] && is_first(impact, i, true))
			write_feature(impact, i);
	}
	asof_json_end_array(w);
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < graph->node_count; i++) {
		if (impact->roles[i] && graph->nodes[i].kind == ASOF_LINEAGE_FEATURE &&
		    is_first(impact, i, false))
			ASOF_TRY(write_view(impact, graph->nodes[i].parent, err));
	}
	asof_json_end_array(w);
	asof_json_key_cstr(w, "services");
	asof_json_begin_array(w);
	for (size_t i = 0; i < graph->node_count; i++) {
		if (impact->roles[i] && graph->nodes[i].kind == ASOF_LINEAGE_SERVICE &&
		    graph->nodes[i].label[0] == '\0')
			asof_json_cstr(w, graph->nodes[i].name);
	}
	asof_json_end_array(w);
	write_training_sets(impact);
	return ASOF_OK;
}

enum asof_status
asof_lineage_write_impact(struct asof_lineage_known *known, const bool *is_below,
			  struct asof_json_writer *w, struct asof_error *err)
{
	unsigned *roles = asof_arena_array(&known->arena, known->graph.node_count, sizeof(*roles));
	if (!roles)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	asof_lineage_reach(&known->graph, is_below, ASOF_LINEAGE_DOWNSTREAM, roles);
	const struct impact impact = { known, roles, is_below, w };
	return write_impact(&impact, err);
}
