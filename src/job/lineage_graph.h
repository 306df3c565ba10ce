/*
 * lineage_graph.h - what is made of what: columns, features, services and training sets, and which
 * of them can be reached from one. Pure. One thread at a time.
 *
 * An edge says that a node is made from another, and in which role: as its value, its time, the
 * filter of its rows, or their key. Along a path the role nearest to where it began counts, but for
 * "value", which adds nothing: a column that filters one view has the role "filter" for whatever
 * is made from that view's features.
 */
#ifndef ASOF_JOB_LINEAGE_GRAPH_H
#define ASOF_JOB_LINEAGE_GRAPH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

enum asof_lineage_kind {
	ASOF_LINEAGE_COLUMN, /* of a source, or one of its `select` */
	ASOF_LINEAGE_FEATURE,
	ASOF_LINEAGE_SERVICE,
	ASOF_LINEAGE_TRAINING_SET,
};

enum asof_lineage_role {
	ASOF_LINEAGE_VALUE,
	ASOF_LINEAGE_TIME,
	ASOF_LINEAGE_FILTER,
	ASOF_LINEAGE_KEY,
	ASOF_LINEAGE_ROLE_COUNT,
};

/* "column" .., "value" ..: static. */
const char *asof_lineage_kind_text(enum asof_lineage_kind kind);
const char *asof_lineage_role_text(enum asof_lineage_role role);

/* (kind, parent, name, label) is one node; the name of a column in either case. */
struct asof_lineage_node {
	enum asof_lineage_kind kind;
	const char *parent; /* the source or view; "" of services and training sets */
	const char *name;
	const char *label;      /* which definition of the parent; "": as it stands */
	const char *expression; /* of a `select`; NULL: none */
};

struct asof_lineage_edge {
	size_t from;
	size_t to; /* is made from it */
	enum asof_lineage_role role;
};

/* All-zero is an empty graph. Strings live in its arena. */
struct asof_lineage {
	struct asof_arena arena;
	struct asof_lineage_node *nodes; /* owned, in the order added */
	size_t node_count;
	size_t node_capacity;
	struct asof_lineage_edge *edges; /* owned, each once */
	size_t edge_count;
	size_t edge_capacity;
	struct asof_map node_places;
	struct asof_map edge_places;
};

void asof_lineage_done(struct asof_lineage *graph);
/* The node's index; added where there is none. A later expression is taken where it had none. */
ASOF_NODISCARD enum asof_status asof_lineage_add(struct asof_lineage *graph,
						 const struct asof_lineage_node *node,
						 size_t *ret_index, struct asof_error *err);
/* Once, however often it is said. */
ASOF_NODISCARD enum asof_status asof_lineage_connect(struct asof_lineage *graph, size_t from,
						     size_t to, enum asof_lineage_role role,
						     struct asof_error *err);

enum asof_lineage_direction { ASOF_LINEAGE_UPSTREAM, ASOF_LINEAGE_DOWNSTREAM };

/*
 * ret_roles[i] of every node: bit (1 << role) for each role in which it is reached from the nodes
 * that `is_start` marks; 0: it is not. Nodes to start from are reached as values. Cycles are no
 * matter.
 */
void asof_lineage_reach(const struct asof_lineage *graph, const bool *is_start,
			enum asof_lineage_direction direction, unsigned *ret_roles);

#endif
