/*
 * window_answers.h - the windows of one view at every instant of a spine, by the kernel.
 *
 * Tiles are streamed key by key, once or, where the answers are too many to be held, in passes that
 * each answer a part of the keys; what is held is the instants, the answers of a pass, and the
 * tiles of one key.
 */
#ifndef ASOF_JOB_WINDOW_ANSWERS_H
#define ASOF_JOB_WINDOW_ANSWERS_H

#include "engine/engine.h"
#include "plan/plan.h"

/*
 * Make the temporary table `name` (k0.., at_us, event_us, f0..) for join->views[index]; nothing is
 * known-at-label. *ret_is_made is false where the answers would take many times `max_bytes`: the
 * reference SQL, which spills, is to do it.
 */
ASOF_NODISCARD enum asof_status asof_window_answers(struct asof_engine *engine,
						    const struct asof_plan_join *join, size_t index,
						    const char *name, uint64_t max_bytes,
						    bool *ret_is_made, struct asof_error *err);

#endif
