/* join_on_demand.h - the on-demand features of a training set, for the files that add them to it.
 */
#ifndef ASOF_JOB_JOIN_ON_DEMAND_H
#define ASOF_JOB_JOIN_ON_DEMAND_H

#include "job/join_run.h"

/* A column that is written: of the joined ones, or an on-demand feature. */
struct asof_join_shown {
	bool is_on_demand;
	size_t index; /* of run->columns; on-demand: of `views` */
	const struct asof_output *output;
};

struct asof_join_on_demand {
	struct asof_version_table *views;
	size_t view_count;
	struct asof_join_shown *shown;
	size_t shown_count;
	const char *head; /* NULL: not made yet */
};

/* A column of the spine; NULL where it has none of that name. */
const struct asof_field *asof_join_spine_field(const struct asof_spine *spine, const char *name);

/* A member "on_demand" with the features that are computed, of what and where; nothing where none
 * is asked for. */
ASOF_NODISCARD enum asof_status asof_explain_on_demand(struct asof_json_writer *w,
						       struct asof_join_run *run,
						       struct asof_error *err);

#endif
