/* lineage_graph.c - a graph of few thousand nodes, walked until nothing new is reached. */
#include "job/lineage_graph.h"

#include <assert.h>
#include <ctype.h>

#define KEY_MAX (16u << 10)

const char *
asof_lineage_kind_text(enum asof_lineage_kind kind)
{
	static const char *const texts[] = { [ASOF_LINEAGE_COLUMN] = "column",
					     [ASOF_LINEAGE_FEATURE] = "feature",
					     [ASOF_LINEAGE_SERVICE] = "service",
					     [ASOF_LINEAGE_TRAINING_SET] = "training_set" };
	return texts[kind];
}

const char *
asof_lineage_role_text(enum asof_lineage_role role)
{
	static const char *const texts[] = { [ASOF_LINEAGE_VALUE] = "value",
					     [ASOF_LINEAGE_TIME] = "time",
					     [ASOF_LINEAGE_FILTER] = "filter",
					     [ASOF_LINEAGE_KEY] = "key" };
	return texts[role];
}

void
asof_lineage_done(struct asof_lineage *graph)
{
	asof_mem_free(graph->nodes);
	asof_mem_free(graph->edges);
	asof_map_done(&graph->node_places);
	asof_map_done(&graph->edge_places);
	asof_arena_done(&graph->arena);
	*graph = (struct asof_lineage){ 0 };
}

/* The parts that tell nodes apart, with a byte between them that no text holds. */
static void
write_key(const struct asof_lineage_node *node, struct asof_buf *key)
{
	asof_buf_printf(key, "%d", (int)node->kind);
	asof_buf_add(key, "", 1);
	asof_buf_add_cstr(key, node->parent);
	asof_buf_add(key, "", 1);
	for (const char *c = node->name; *c; c++)
		asof_buf_add_char(key, node->kind == ASOF_LINEAGE_COLUMN
					       ? (char)tolower((unsigned char)*c)
					       : *c);
	asof_buf_add(key, "", 1);
	asof_buf_add_cstr(key, node->label);
}

static enum asof_status
copy_node(struct asof_arena *arena, const struct asof_lineage_node *from,
	  struct asof_lineage_node *to, struct asof_error *err)
{
	to->kind = from->kind;
	to->parent = asof_arena_copy(arena, asof_str_from(from->parent));
	to->name = asof_arena_copy(arena, asof_str_from(from->name));
	to->label = asof_arena_copy(arena, asof_str_from(from->label));
	to->expression =
		from->expression ? asof_arena_copy(arena, asof_str_from(from->expression)) : NULL;
	if (!to->parent || !to->name || !to->label || (from->expression && !to->expression))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lineage");
	return ASOF_OK;
}

enum asof_status
asof_lineage_add(struct asof_lineage *graph, const struct asof_lineage_node *node,
		 size_t *ret_index, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(KEY_MAX);
	void *place = NULL;
	write_key(node, &key);
	ASOF_TRY(asof_buf_status(&key, err));
	if (asof_map_find(&graph->node_places, asof_buf_view(&key), &place)) {
		*ret_index = (uintptr_t)place - 1;
		struct asof_lineage_node *there = &graph->nodes[*ret_index];
		return there->expression || !node->expression
			       ? ASOF_OK
			       : copy_node(&graph->arena, node, there, err);
	}
	void *nodes = graph->nodes;
	ASOF_TRY(asof_mem_reserve(&nodes, &graph->node_capacity, graph->node_count + 1,
				  sizeof(*graph->nodes), err));
	graph->nodes = nodes;
	ASOF_TRY(copy_node(&graph->arena, node, &graph->nodes[graph->node_count], err));
	ASOF_TRY(asof_map_put(&graph->node_places, asof_buf_view(&key),
			      (void *)(uintptr_t)(graph->node_count + 1), err));
	*ret_index = graph->node_count++;
	return ASOF_OK;
}

enum asof_status
asof_lineage_connect(struct asof_lineage *graph, size_t from, size_t to,
		     enum asof_lineage_role role, struct asof_error *err)
{
	assert(from < graph->node_count && to < graph->node_count);
	const struct asof_lineage_edge edge = { from, to, role };
	const size_t key[] = { from, to, (size_t)role };
	const struct asof_str bytes = { (const char *)key, sizeof(key) };
	if (asof_map_find(&graph->edge_places, bytes, NULL))
		return ASOF_OK;
	void *edges = graph->edges;
	ASOF_TRY(asof_mem_reserve(&edges, &graph->edge_capacity, graph->edge_count + 1,
				  sizeof(*graph->edges), err));
	graph->edges = edges;
	ASOF_TRY(asof_map_put(&graph->edge_places, bytes, NULL, err));
	graph->edges[graph->edge_count++] = edge;
	return ASOF_OK;
}

/* What the far end of an edge is reached as. */
static unsigned
roles_beyond(unsigned roles, enum asof_lineage_role edge)
{
	const unsigned value = 1u << ASOF_LINEAGE_VALUE;
	unsigned beyond = roles & ~value;
	return roles & value ? beyond | 1u << edge : beyond;
}

void
asof_lineage_reach(const struct asof_lineage *graph, const bool *is_start,
		   enum asof_lineage_direction direction, unsigned *ret_roles)
{
	for (size_t i = 0; i < graph->node_count; i++)
		ret_roles[i] = is_start[i] ? 1u << ASOF_LINEAGE_VALUE : 0;
	bool is_new = true;
	while (is_new) {
		is_new = false;
		for (size_t i = 0; i < graph->edge_count; i++) {
			const struct asof_lineage_edge *edge = &graph->edges[i];
			bool is_up = direction == ASOF_LINEAGE_UPSTREAM;
			size_t near = is_up ? edge->to : edge->from;
			size_t far = is_up ? edge->from : edge->to;
			unsigned roles = roles_beyond(ret_roles[near], edge->role);
			is_new = is_new || (roles & ~ret_roles[far]) != 0;
			ret_roles[far] |= roles;
		}
	}
}
