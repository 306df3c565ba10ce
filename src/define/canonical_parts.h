/* canonical_parts.h - what definitions of every kind write alike. For canonical*.c. Pure. */
#ifndef ASOF_DEFINE_CANONICAL_PARTS_H
#define ASOF_DEFINE_CANONICAL_PARTS_H

#include "base/json_writer.h"
#include "model/project.h"

/* One definition being written. */
struct asof_canonical {
	struct asof_json_writer json;
	struct asof_arena arena;
	const struct asof_project *project;
	const struct asof_view *view;
	bool for_hash;
};

typedef enum asof_status asof_canonical_feature_fn(struct asof_canonical *w,
						   const struct asof_feature *feature,
						   struct asof_error *err);

void asof_canonical_done(struct asof_canonical *w);
/* For people: no part of a hash. NULL: nothing. */
void asof_canonical_about(struct asof_canonical *w, const char *key, const char *text);
void asof_canonical_tags(struct asof_canonical *w, const struct asof_about *about);
/* Names and types, in the order given. */
void asof_canonical_keys(struct asof_canonical *w, const char *name, const struct asof_key *keys,
			 size_t count);
/* The view's features in declared order, which is the order of columns; for the hash by name. */
ASOF_NODISCARD enum asof_status asof_canonical_features(struct asof_canonical *w,
							asof_canonical_feature_fn *write,
							struct asof_error *err);

#endif
