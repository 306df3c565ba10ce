/* lineage_answer.h - the members of an answer about lineage. */
#ifndef ASOF_JOB_LINEAGE_ANSWER_H
#define ASOF_JOB_LINEAGE_ANSWER_H

#include "job/lineage_load.h"

/* "upstream", "downstream" and "edges", each thing once whatever its definitions were. */
ASOF_NODISCARD enum asof_status asof_lineage_write_paths(struct asof_lineage_known *known,
							 const bool *is_above, const bool *is_below,
							 struct asof_json_writer *w,
							 struct asof_error *err);
/* "features", "views", "services" and "training_sets" that depend on it. */
ASOF_NODISCARD enum asof_status asof_lineage_write_impact(struct asof_lineage_known *known,
							  const bool *is_below,
							  struct asof_json_writer *w,
							  struct asof_error *err);

#endif
