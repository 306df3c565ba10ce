/*
 * versions.h - which version of a view is registered, which is built, and what a new definition
 * makes of them.
 */
#ifndef ASOF_JOB_VERSIONS_H
#define ASOF_JOB_VERSIONS_H

#include "job/session.h"

/* Names of the texts that a commit of ours carries (asof_table_snapshot.info). */
#define ASOF_INFO_VERSION    "version"
#define ASOF_INFO_HASH       "definition_hash"
#define ASOF_INFO_DEFINITION "definition"
#define ASOF_INFO_RUN        "run_id"
#define ASOF_INFO_TAG        "tag"
#define ASOF_INFO_MADE_BY    "made_by"
#define ASOF_INFO_REASON     "reason"
#define ASOF_INFO_CURSOR     "cursor"
#define ASOF_INFO_ROWS       "rows"
/* Of a commit that only moved a version's rows into other files: when the version was published,
 * microseconds. Such a commit is no version: it says which version's table it is. */
#define ASOF_INFO_MOVED "published_us"

/*
 * Tell the catalog of commits that it has not heard of: the lake is the truth, and a run may have
 * died between the two; `catalog: memory` hears of everything here.
 */
ASOF_NODISCARD enum asof_status asof_versions_sync(struct asof_session *session,
						   struct asof_error *err);

enum asof_view_change {
	ASOF_VIEW_SAME,
	ASOF_VIEW_NEW,
	ASOF_VIEW_MINOR,
	ASOF_VIEW_MAJOR,
};

/* Where a view's definition stands; lives in the arena it was made in. */
struct asof_view_state {
	const struct asof_view *view;
	enum asof_view_change change;
	const char *hash; /* of the definition as written now */
	const char *json;
	const char *reasons; /* a line each; "" */
	int32_t major;       /* what it is, or is to become */
	int32_t minor;
	bool has_current;
	struct asof_version current; /* the version that `view` means now */
	/* The newest published version: its table is what a build goes on from. */
	bool has_newest;
	struct asof_version newest;
	int32_t next_patch; /* of major.minor */
};

/* Bound sessions only. */
ASOF_NODISCARD enum asof_status asof_view_state_find(struct asof_session *session,
						     const struct asof_view *view,
						     struct asof_arena *arena,
						     struct asof_view_state *ret_state,
						     struct asof_error *err);

/* The same where views that it reads count as they are published, not as defined today: for what is
 * built of them. */
ASOF_NODISCARD enum asof_status asof_view_state_find_published(struct asof_session *session,
							       const struct asof_view *view,
							       struct asof_arena *arena,
							       struct asof_view_state *ret_state,
							       struct asof_error *err);

/* Register the definition of `state`. */
ASOF_NODISCARD enum asof_status asof_view_state_register(struct asof_session *session,
							 const struct asof_view_state *state,
							 struct asof_error *err);

/* Register the project's services as they stand: whoever builds views takes them along. */
ASOF_NODISCARD enum asof_status asof_register_services(struct asof_session *session,
						       struct asof_error *err);

/* Of a view that is computed where it is read: there is no table. */
bool asof_version_is_on_demand(const struct asof_version *version);

/* The same for on-demand views, with their versions: ASOF_CHECK_FAILED where readers would break.
 */
ASOF_NODISCARD enum asof_status asof_register_on_demand(struct asof_session *session,
							struct asof_error *err);

/* A version's own definition, bound, read back from its canonical text. Free with
 * asof_project_free(). */
ASOF_NODISCARD enum asof_status asof_version_project(const struct asof_version *version,
						     struct asof_project **ret_project,
						     const struct asof_view **ret_view,
						     struct asof_error *err);

ASOF_NODISCARD enum asof_status asof_version_copy(struct asof_arena *arena,
						  const struct asof_version *from,
						  struct asof_version *ret_to,
						  struct asof_error *err);
/* "1.0.3" into the arena; NULL on exhaustion. */
const char *asof_version_text(const struct asof_version *version, struct asof_arena *arena);
/* The three numbers of "1.0.3"; false for anything else. */
bool asof_version_parse(const char *text, int32_t *ret_major, int32_t *ret_minor,
			int32_t *ret_patch);

#endif
