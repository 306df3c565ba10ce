/* lineage_paths.c - the part of the graph above and below, each thing once. */
#include <stdlib.h>

#include "job/lineage_answer.h"

/* Things without labels, and as what each was reached. */
struct merged {
	struct asof_lineage graph;
	size_t *places;  /* of known nodes; in known's arena */
	unsigned *above; /* per merged node */
	unsigned *below;
	bool *is_start;
};

static void
merged_done(struct merged *merged)
{
	asof_lineage_done(&merged->graph);
}

/* Things that are reached, in the order known. */
static enum asof_status
merge_nodes(struct asof_lineage_known *known, const unsigned *above, const unsigned *below,
	    const bool *is_above, const bool *is_below, struct merged *merged,
	    struct asof_error *err)
{
	size_t count = known->graph.node_count;
	struct asof_arena *arena = &known->arena;
	merged->places = asof_arena_array(arena, count, sizeof(*merged->places));
	merged->above = asof_arena_array(arena, count, sizeof(*merged->above));
	merged->below = asof_arena_array(arena, count, sizeof(*merged->below));
	merged->is_start = asof_arena_array(arena, count, sizeof(*merged->is_start));
	if (!merged->places || !merged->above || !merged->below || !merged->is_start)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	for (size_t i = 0; i < count; i++) {
		struct asof_lineage_node node = known->graph.nodes[i];
		if (above[i] == 0 && below[i] == 0)
			continue;
		node.label = "";
		ASOF_TRY(asof_lineage_add(&merged->graph, &node, &merged->places[i], err));
		size_t place = merged->places[i];
		merged->above[place] |= above[i];
		merged->below[place] |= below[i];
		merged->is_start[place] = merged->is_start[place] || is_above[i] || is_below[i];
	}
	return ASOF_OK;
}

static enum asof_status
merge_edges(const struct asof_lineage *graph, const unsigned *above, const unsigned *below,
	    struct merged *merged, struct asof_error *err)
{
	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct asof_lineage_edge *edge = &graph->edges[i];
		if (above[edge->to] == 0 && below[edge->from] == 0)
			continue;
		size_t from = merged->places[edge->from];
		size_t to = merged->places[edge->to];
		if (from != to)
			ASOF_TRY(asof_lineage_connect(&merged->graph, from, to, edge->role, err));
	}
	return ASOF_OK;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct asof_lineage_node *x = *(const struct asof_lineage_node *const *)a;
	const struct asof_lineage_node *y = *(const struct asof_lineage_node *const *)b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int order = strcmp(x->parent, y->parent);
	return order ? order : strcmp(x->name, y->name);
}

static enum asof_status
write_reached(struct asof_lineage_known *known, const struct merged *merged, const char *name,
	      const unsigned *roles, struct asof_json_writer *w, struct asof_error *err)
{
	const struct asof_lineage *graph = &merged->graph;
	const struct asof_lineage_node **nodes =
		asof_arena_array(&known->arena, graph->node_count, sizeof(*nodes));
	size_t count = 0;
	if (!nodes)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	for (size_t i = 0; i < graph->node_count; i++) {
		if (roles[i] && !merged->is_start[i])
			nodes[count++] = &graph->nodes[i];
	}
	qsort(nodes, count, sizeof(const struct asof_lineage_node *), compare_nodes);
	asof_json_key_cstr(w, name);
	asof_json_begin_array(w);
	for (size_t i = 0; i < count; i++) {
		const char *full = asof_lineage_full_name(nodes[i], &known->arena);
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "kind", asof_lineage_kind_text(nodes[i]->kind));
		asof_json_member_cstr(w, "name", full ? full : nodes[i]->name);
		asof_lineage_write_roles(w, roles[nodes[i] - graph->nodes]);
		if (nodes[i]->expression)
			asof_json_member_cstr(w, "expression", nodes[i]->expression);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
	return ASOF_OK;
}

static void
write_edges(struct asof_lineage_known *known, const struct merged *merged,
	    struct asof_json_writer *w)
{
	const struct asof_lineage *graph = &merged->graph;
	asof_json_key_cstr(w, "edges");
	asof_json_begin_array(w);
	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct asof_lineage_edge *edge = &graph->edges[i];
		const char *from = asof_lineage_full_name(&graph->nodes[edge->from], &known->arena);
		const char *to = asof_lineage_full_name(&graph->nodes[edge->to], &known->arena);
		asof_json_begin_object(w);
		asof_json_member_text(w, "from", from);
		asof_json_member_text(w, "to", to);
		asof_json_member_cstr(w, "role", asof_lineage_role_text(edge->role));
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

enum asof_status
asof_lineage_write_paths(struct asof_lineage_known *known, const bool *is_above,
			 const bool *is_below, struct asof_json_writer *w, struct asof_error *err)
{
	ASOF_AUTO(merged_done) struct merged merged = { 0 };
	const struct asof_lineage *graph = &known->graph;
	unsigned *above = asof_arena_array(&known->arena, graph->node_count, sizeof(*above));
	unsigned *below = asof_arena_array(&known->arena, graph->node_count, sizeof(*below));
	if (!above || !below)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	asof_lineage_reach(graph, is_above, ASOF_LINEAGE_UPSTREAM, above);
	asof_lineage_reach(graph, is_below, ASOF_LINEAGE_DOWNSTREAM, below);
	ASOF_TRY(merge_nodes(known, above, below, is_above, is_below, &merged, err));
	ASOF_TRY(merge_edges(graph, above, below, &merged, err));
	ASOF_TRY(write_reached(known, &merged, "upstream", merged.above, w, err));
	ASOF_TRY(write_reached(known, &merged, "downstream", merged.below, w, err));
	write_edges(known, &merged, w);
	return ASOF_OK;
}
