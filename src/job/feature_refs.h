/* feature_refs.h - which features a caller means: a service, or "view.feature", "view.*",
 * "view@1.2.3.feature". */
#ifndef ASOF_JOB_FEATURE_REFS_H
#define ASOF_JOB_FEATURE_REFS_H

#include "job/session.h"

/* One reference: the view's name, the version wanted of it, and a feature's name or "*". Strings in
 * an arena. */
struct asof_feature_ref {
	const char *view;
	const char *version; /* NULL: the current one */
	const char *feature;
	bool is_input; /* read for an on-demand feature, and not asked for itself */
};

ASOF_NODISCARD enum asof_status asof_feature_ref_parse(const char *text, struct asof_arena *arena,
						       struct asof_feature_ref *ret_ref,
						       struct asof_error *err);

/* The references of a service, or of a list of texts where `service` is NULL. */
ASOF_NODISCARD enum asof_status asof_feature_refs(struct asof_session *session, const char *service,
						  const char *const *texts, size_t text_count,
						  struct asof_arena *arena,
						  struct asof_feature_ref **ret_refs,
						  size_t *ret_count, struct asof_error *err);

#endif
