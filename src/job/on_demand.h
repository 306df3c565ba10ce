/*
 * on_demand.h - views that are computed where they are read: binding them, and their versions.
 *
 * Such a view has no table: what the catalog holds of a version is its definition, published by
 * `apply` (and by `build`, with what it builds). One thread at a time.
 */
#ifndef ASOF_JOB_ON_DEMAND_H
#define ASOF_JOB_ON_DEMAND_H

#include "job/versions.h"

/* Find what each expression of the project's on-demand views reads, type it, and note mistakes. The
 * other views are typed already. */
ASOF_NODISCARD enum asof_status asof_bind_on_demand(struct asof_session *session,
						    struct asof_error *err);

/* The trees of a view that was read back from its canonical text; they live in `arena`. */
ASOF_NODISCARD enum asof_status asof_on_demand_parse(struct asof_engine *engine,
						     const struct asof_view *view,
						     struct asof_arena *arena,
						     struct asof_error *err);

/* Publish what `apply` has registered, where it is not. */
ASOF_NODISCARD enum asof_status asof_on_demand_publish(struct asof_session *session,
						       const struct asof_view_state *state,
						       struct asof_error *err);

/* `catalog: memory` knows of nothing that `apply` did: register what is defined. */
ASOF_NODISCARD enum asof_status asof_on_demand_recall(struct asof_session *session,
						      struct asof_error *err);

/* ASOF_INVALID with the place of a defined view that no version is of as it is written. After a
 * rollback one is, if not the current one. */
ASOF_NODISCARD enum asof_status asof_on_demand_check_registered(struct asof_session *session,
								struct asof_error *err);

#endif
