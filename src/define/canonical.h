/* canonical.h - which parts of a source a view uses. Pure. */
#ifndef ASOF_DEFINE_CANONICAL_H
#define ASOF_DEFINE_CANONICAL_H

#include "base/buf.h"
#include "model/project.h"

/*
 * is_used[i] is set for each of source->selects that the view's columns name, or that is mentioned
 * in an expression that counts: by whole words, so rather one too many.
 */
void asof_canonical_used_selects(const struct asof_view *view, bool *is_used);

/* Whether the view's keys, features, times or filter name the column, or a word like it. */
bool asof_canonical_names(const struct asof_view *view, const char *name);

/* The whole canonical text of an on-demand view that is bound. */
ASOF_NODISCARD enum asof_status asof_canonical_on_demand(const struct asof_project *project,
							 const struct asof_view *view,
							 bool for_hash, struct asof_buf *buf,
							 struct asof_error *err);

#endif
