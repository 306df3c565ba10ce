/* training_sets.h - which training sets were made, from which versions. */
#ifndef ASOF_JOB_TRAINING_SETS_H
#define ASOF_JOB_TRAINING_SETS_H

#include "base/json_writer.h"
#include "job/manifest.h"

/* Tell the catalog of a join's result: `out` exists, the rest is what its manifest was written
 * from. */
ASOF_NODISCARD enum asof_status asof_training_set_record(struct asof_session *session,
							 const struct asof_manifest *manifest,
							 const struct asof_version_table *tables,
							 size_t table_count, const char *out,
							 int64_t row_count, struct asof_error *err);

/* Write the newest thousand, newest first, as objects of an array that is open. */
ASOF_NODISCARD enum asof_status asof_training_sets_write(struct asof_session *session,
							 struct asof_json_writer *w,
							 struct asof_error *err);
/* Of these the paths of those that were made from `view`, as texts of an array that is open. */
ASOF_NODISCARD enum asof_status asof_training_sets_of(struct asof_session *session,
						      const char *view, struct asof_json_writer *w,
						      struct asof_error *err);

#endif
