/* lineage_read.h - what a view is made from, read out of its definition into a graph. */
#ifndef ASOF_JOB_LINEAGE_READ_H
#define ASOF_JOB_LINEAGE_READ_H

#include "engine/engine.h"
#include "job/lineage_graph.h"
#include "model/project.h"

/* Columns of sources that are views, and what they are there: `column` of `view` by its definition
 * `label`. */
struct asof_lineage_link {
	size_t node;
	const char *view;
	const char *column;
	const char *label;
	bool is_made;
};

/* All-zero is none. Strings live in the graph. */
struct asof_lineage_links {
	struct asof_lineage_link *items; /* owned */
	size_t count;
	size_t capacity;
};

void asof_lineage_links_done(struct asof_lineage_links *links);

/*
 * Add the view's features and the source columns that they are made from, by the syntax trees of
 * the source's expressions: nothing of the source itself is read, and it need not exist. `label`
 * says which definition this is. What it reads of another view is left to `links`, for that may
 * come later. ASOF_INVALID where an expression is none.
 */
ASOF_NODISCARD enum asof_status
asof_lineage_read_view(struct asof_lineage *graph, struct asof_engine *engine,
		       const struct asof_view *view, const char *label,
		       struct asof_lineage_links *links, struct asof_error *err);
/* Make the links to features that the graph has. */
ASOF_NODISCARD enum asof_status asof_lineage_link_features(struct asof_lineage *graph,
							   struct asof_lineage_links *links,
							   struct asof_error *err);
/* Make those to the times and keys of `view`, by its definition `label`. */
ASOF_NODISCARD enum asof_status
asof_lineage_link_rows(struct asof_lineage *graph, struct asof_engine *engine,
		       const struct asof_view *view, const char *label,
		       struct asof_lineage_links *links, struct asof_error *err);

#endif
