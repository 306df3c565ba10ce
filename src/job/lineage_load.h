/* lineage_load.h - the graph of all that a session knows: definitions as they stand and as they
 * were published, services, training sets. */
#ifndef ASOF_JOB_LINEAGE_LOAD_H
#define ASOF_JOB_LINEAGE_LOAD_H

#include "base/json_writer.h"
#include "job/lineage_read.h"
#include "job/version_set.h"

#define ASOF_LINEAGE_TRAINING_SETS_MAX 10000 /* the newest */

/*
 * Features of definitions as they stand have the label "", those of published versions the hash of
 * their definition; what is stored in a source has "" always. A training set is made from features
 * of the versions that it recorded, through its service as that was, with the path as its label.
 * Services that stand have "".
 */
struct asof_lineage_known {
	struct asof_session *session;
	struct asof_arena arena;
	struct asof_version_set versions;
	struct asof_lineage graph;
	struct asof_lineage_links links;
	struct asof_training_set *training_sets; /* owned; strings in arena; newest first */
	size_t training_set_count;
	size_t training_set_capacity;
};

void asof_lineage_known_done(struct asof_lineage_known *known);
/* Sources are not looked at. `file` (NULL: none) is a training set that the catalog need not know:
 * what it was made from is in its manifest. */
ASOF_NODISCARD enum asof_status asof_lineage_load(struct asof_session *session, const char *file,
						  struct asof_lineage_known *known,
						  struct asof_error *err);

/* Of asof_lineage_load(): one more of known->training_sets. */
ASOF_NODISCARD enum asof_status asof_lineage_take_training_set(void *known,
							       const struct asof_training_set *set,
							       struct asof_error *err);
/* Add `file` by its manifest, where it has one and the catalog does not know it. */
ASOF_NODISCARD enum asof_status asof_lineage_load_file(struct asof_lineage_known *known,
						       const char *file, struct asof_error *err);

/* The version "1.0.3" of a view, or NULL. */
const struct asof_version *asof_lineage_version(const struct asof_lineage_known *known,
						const char *view, const char *text);
/* "view.feature", "source.column", or the name alone; in `arena`, NULL on exhaustion. */
const char *asof_lineage_full_name(const struct asof_lineage_node *node, struct asof_arena *arena);
void asof_lineage_write_roles(struct asof_json_writer *w, unsigned roles);

#endif
