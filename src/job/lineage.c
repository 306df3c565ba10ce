/* lineage.c - what one thing is made from and what is made from it, down to columns. */
#include <stdlib.h>
#include <strings.h>

#include "base/suggest.h"
#include "job/lineage_answer.h"

/* What a name means: nodes of the graph, all of them to go down from, some to go up from. */
struct meaning {
	const char *kind; /* "view" "feature" "service" "source" "column" "training_set" */
	const char *name;
	const char *version; /* of views and features; NULL: none is published */
	bool *is_below;      /* per node: where downstream begins */
	bool *is_above;      /* per node: where upstream begins */
};

/* A name taken apart: "view", "view.feature", "view@1.2.3", "view@1.2.3.feature",
 * "source.column". */
struct parts {
	const char *base;
	const char *version; /* NULL: none said */
	const char *member;  /* NULL: the whole */
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
}

/* ---- names ---- */

static enum asof_status
take_apart(const char *name, struct asof_arena *arena, struct parts *ret_parts,
	   struct asof_error *err)
{
	size_t base_len = strcspn(name, "@.");
	const char *rest = name + base_len;
	struct parts parts = { .base = asof_arena_copy(arena,
						       (struct asof_str){ name, base_len }) };
	if (*rest == '@') {
		size_t len = strspn(rest + 1, "0123456789.");
		if (strncmp(rest + 1, "latest", 6) == 0)
			len = 6;
		else if (len > 0 && rest[len] == '.' && rest[len + 1] != '\0')
			len--; /* the dot before the feature */
		parts.version = asof_arena_copy(arena, (struct asof_str){ rest + 1, len });
		rest += 1 + len;
		if (!parts.version)
			return no_memory(err);
	}
	if (*rest == '.')
		parts.member = rest + 1;
	else if (*rest != '\0')
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s' names nothing: say view, view.feature, view@1.2.3, "
				 "source.column, a service or a training set's file",
				 name);
	if (!parts.base)
		return no_memory(err);
	*ret_parts = parts;
	return ASOF_OK;
}

static enum asof_status
fail_member(const struct asof_lineage_known *known, const char *what, const char *base,
	    const char *member, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_lineage *graph = &known->graph;
	const char **names = asof_arena_array(&arena, graph->node_count, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; names && i < graph->node_count; i++) {
		if (strcmp(graph->nodes[i].parent, base) == 0)
			names[count++] = graph->nodes[i].name;
	}
	const char *near = asof_suggest(asof_str_from(member), names, count);
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "%s '%s' has no '%s' (did you mean '%s'?)",
				 what, base, member, near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "%s '%s' has no '%s'", what, base, member);
}

static bool
is_member(const struct asof_lineage_node *node, enum asof_lineage_kind kind,
	  const struct parts *parts)
{
	if (node->kind != kind || strcmp(node->parent, parts->base) != 0)
		return false;
	bool is_column = kind == ASOF_LINEAGE_COLUMN;
	return !parts->member || (is_column ? strcasecmp(node->name, parts->member) == 0
					    : strcmp(node->name, parts->member) == 0);
}

/* ---- what they mean ---- */

/*
 * Without a version: upstream by the definition that stands, or, of a view that is no longer
 * defined, by the current version's; downstream of all definitions that it had.
 */
static enum asof_status
mean_view(struct asof_lineage_known *known, const struct parts *parts, struct meaning *meaning,
	  bool *ret_is_found, struct asof_error *err)
{
	bool is_defined =
		asof_project_view(known->session->project, asof_str_from(parts->base)) != NULL;
	const struct asof_version *version =
		asof_version_set_current(&known->versions, parts->base);
	if (!is_defined && !version)
		return ASOF_OK;
	if (parts->version)
		ASOF_TRY(asof_version_set_find(&known->versions, parts->base, parts->version, false,
					       0, &version, err));
	const char *label = parts->version || !is_defined ? version->definition_hash : "";
	bool is_any = false;
	for (size_t i = 0; i < known->graph.node_count; i++) {
		const struct asof_lineage_node *node = &known->graph.nodes[i];
		bool is_it = is_member(node, ASOF_LINEAGE_FEATURE, parts);
		bool is_labelled = is_it && strcmp(node->label, label) == 0;
		meaning->is_above[i] = is_labelled;
		meaning->is_below[i] = is_it && (is_labelled || !parts->version);
		is_any = is_any || is_labelled;
	}
	if (!is_any && parts->member)
		return fail_member(known, "view", parts->base, parts->member, err);
	meaning->kind = parts->member ? "feature" : "view";
	meaning->version = version ? asof_version_text(version, &known->arena) : NULL;
	*ret_is_found = true;
	return ASOF_OK;
}

/* A column that nothing is made from is no mistake, one that the source does not have is. */
static enum asof_status
check_column(struct asof_lineage_known *known, const struct asof_source *source, const char *name,
	     struct asof_error *err)
{
	struct asof_error ignored = { 0 };
	if (asof_session_bind(known->session, &ignored) != ASOF_OK || source->field_count == 0)
		return ASOF_OK; /* who knows */
	for (size_t i = 0; i < source->field_count; i++) {
		if (strcasecmp(source->fields[i].name, name) == 0)
			return ASOF_OK;
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, source->field_count, sizeof(*names));
	for (size_t i = 0; names && i < source->field_count; i++)
		names[i] = source->fields[i].name;
	const char *near =
		names ? asof_suggest(asof_str_from(name), names, source->field_count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "source '%s' has no column '%s' (did you mean '%s'?)",
				 source->name, name, near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "source '%s' has no column '%s'", source->name, name);
}

static enum asof_status
mean_source(struct asof_lineage_known *known, const struct parts *parts, struct meaning *meaning,
	    bool *ret_is_found, struct asof_error *err)
{
	const struct asof_source *source =
		asof_project_source(known->session->project, asof_str_from(parts->base));
	bool is_any = false;
	for (size_t i = 0; i < known->graph.node_count; i++) {
		meaning->is_below[i] =
			is_member(&known->graph.nodes[i], ASOF_LINEAGE_COLUMN, parts);
		meaning->is_above[i] = meaning->is_below[i];
		is_any = is_any || meaning->is_below[i];
	}
	if ((!source && !is_any) || parts->version)
		return ASOF_OK;
	if (source && parts->member && !is_any)
		ASOF_TRY(check_column(known, source, parts->member, err));
	meaning->kind = parts->member ? "column" : "source";
	*ret_is_found = true;
	return ASOF_OK;
}

static void
mean_service(struct asof_lineage_known *known, const char *name, struct meaning *meaning,
	     bool *ret_is_found)
{
	for (size_t i = 0; i < known->graph.node_count; i++) {
		const struct asof_lineage_node *node = &known->graph.nodes[i];
		bool is_it = node->kind == ASOF_LINEAGE_SERVICE && strcmp(node->name, name) == 0;
		meaning->is_below[i] = is_it;
		meaning->is_above[i] = is_it && node->label[0] == '\0';
		*ret_is_found = *ret_is_found || is_it;
	}
	meaning->kind = "service";
}

/* By the path that was recorded, or as the file is named from here. */
static void
mean_training_set(struct asof_lineage_known *known, const char *name, struct meaning *meaning,
		  bool *ret_is_found)
{
	char *real = realpath(name, NULL);
	for (size_t i = 0; i < known->graph.node_count; i++) {
		const struct asof_lineage_node *node = &known->graph.nodes[i];
		bool is_it =
			node->kind == ASOF_LINEAGE_TRAINING_SET &&
			(strcmp(node->name, name) == 0 || (real && strcmp(node->name, real) == 0));
		meaning->is_below[i] = is_it;
		meaning->is_above[i] = is_it;
		*ret_is_found = *ret_is_found || is_it;
		if (is_it)
			meaning->name = node->name;
	}
	free(real);
	meaning->kind = "training_set";
}

static enum asof_status
nothing_called(const struct asof_lineage_known *known, const char *name, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_lineage *graph = &known->graph;
	const char **names = asof_arena_array(&arena, 2 * graph->node_count, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; names && i < graph->node_count; i++) {
		const char *full = asof_lineage_full_name(&graph->nodes[i], &arena);
		names[count++] = full ? full : "";
		names[count++] = graph->nodes[i].parent;
	}
	const char *near = asof_suggest(asof_str_from(name), names, count);
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "nothing known is called '%s' (did you mean '%s'?)", name, near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND,
			 "nothing known is called '%s': say a view, view.feature, service, source, "
			 "source.column or the file of a training set that 'asof list "
			 "training-sets' has",
			 name);
}

/* A view before a service, a service before a source of one name. */
static enum asof_status
find_meaning(struct asof_lineage_known *known, const char *name, struct meaning *ret_meaning,
	     struct asof_error *err)
{
	size_t count = known->graph.node_count;
	struct meaning meaning = { .name = name,
				   .is_below = asof_arena_array(&known->arena, count, 1),
				   .is_above = asof_arena_array(&known->arena, count, 1) };
	bool is_found = false;
	if (!meaning.is_below || !meaning.is_above)
		return no_memory(err);
	mean_training_set(known, name, &meaning, &is_found);
	if (!is_found && !strchr(name, '/')) {
		struct parts parts;
		ASOF_TRY(take_apart(name, &known->arena, &parts, err));
		ASOF_TRY(mean_view(known, &parts, &meaning, &is_found, err));
		if (!is_found)
			mean_service(known, name, &meaning, &is_found);
		if (!is_found)
			ASOF_TRY(mean_source(known, &parts, &meaning, &is_found, err));
	}
	if (!is_found)
		return nothing_called(known, name, err);
	*ret_meaning = meaning;
	return ASOF_OK;
}

enum asof_status
asof_lineage(struct asof_session *session, const char *name, bool is_impact, char **ret_json,
	     struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_AUTO(asof_lineage_known_done) struct asof_lineage_known known = { 0 };
	struct meaning meaning;
	ASOF_TRY(asof_lineage_load(session, name, &known, err));
	ASOF_TRY(find_meaning(&known, name, &meaning, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "kind", meaning.kind);
	asof_json_member_cstr(&w, "name", meaning.name);
	asof_json_member_text(&w, "version", meaning.version);
	if (is_impact)
		ASOF_TRY(asof_lineage_write_impact(&known, meaning.is_below, &w, err));
	else
		ASOF_TRY(asof_lineage_write_paths(&known, meaning.is_above, meaning.is_below, &w,
						  err));
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
