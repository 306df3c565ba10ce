/* lineage_read.h - what a view is made from, read out of its definition into a graph. */
#ifndef ASOF_JOB_LINEAGE_READ_H
#define ASOF_JOB_LINEAGE_READ_H

#include "engine/engine.h"
#include "job/lineage_graph.h"
#include "model/project.h"

/*
 * Add the view's features and the source columns that they are made from, by the syntax trees of
 * the source's expressions: nothing of the source itself is read, and it need not exist. `label`
 * says which definition this is. ASOF_INVALID where an expression is none.
 */
ASOF_NODISCARD enum asof_status asof_lineage_read_view(struct asof_lineage *graph,
						       struct asof_engine *engine,
						       const struct asof_view *view,
						       const char *label, struct asof_error *err);

#endif
