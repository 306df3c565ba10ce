/* version_set.h - all published versions, read at one instant, so that a job sees one state of the
 * catalog. */
#ifndef ASOF_JOB_VERSION_SET_H
#define ASOF_JOB_VERSION_SET_H

#include "job/versions.h"

struct asof_version_set {
	struct asof_version *items; /* owned; strings in the arena given to read */
	size_t count;
	size_t capacity;
	struct asof_arena *arena;
};

void asof_version_set_done(struct asof_version_set *set);
ASOF_NODISCARD enum asof_status asof_version_set_read(struct asof_session *session,
						      struct asof_arena *arena,
						      struct asof_version_set *set,
						      struct asof_error *err);

/*
 * `wanted`: NULL, "" or "latest" for the current version (at `as_of_us`, where has_as_of: the last
 * published by then), "1", "1.2" for the newest of these, "1.2.3". ASOF_NOT_FOUND says what there
 * is. The result lives as long as the set.
 */
ASOF_NODISCARD enum asof_status asof_version_set_find(const struct asof_version_set *set,
						      const char *view, const char *wanted,
						      bool has_as_of, int64_t as_of_us,
						      const struct asof_version **ret_version,
						      struct asof_error *err);

/* The current version of a view, or NULL; lives as long as the set. */
const struct asof_version *asof_version_set_current(const struct asof_version_set *set,
						    const char *view);

/* A published version opened for reading: its own definition and its files. Free with
 * asof_version_table_done(). */
struct asof_version_table {
	const struct asof_version *version;
	const char *version_text;
	struct asof_project *project; /* owned */
	const struct asof_view *view; /* of that project */
	struct asof_tile_layout layout;
	struct asof_table_snapshot snapshot;
	struct asof_plan_table plan; /* over all of the above */
	const char *const *upstream; /* what it was made from: "departures@1.0.3", what that .. */
	size_t upstream_count;       /* filled in by asof_upstream_chain() */
};
void asof_version_table_done(struct asof_version_table *table);
ASOF_NODISCARD enum asof_status asof_version_table_open(struct asof_session *session,
							const struct asof_version *version,
							struct asof_arena *arena,
							struct asof_version_table *ret_table,
							struct asof_error *err);

/* ASOF_NOT_FOUND "view 'v' 1.0.3 has no feature 'x'", with the nearest name. */
ASOF_NODISCARD enum asof_status asof_no_output(const struct asof_view *view,
					       const char *version_text, const char *name,
					       struct asof_error *err);

#endif
