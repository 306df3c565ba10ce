/*
 * upstream.h - sources that are views: which version is read, and what that makes of the reader.
 *
 * A view that is read is always a published version of itself, with the definition it was published
 * under; what the files of today say of it is for `plan`. Bound sessions only.
 */
#ifndef ASOF_JOB_UPSTREAM_H
#define ASOF_JOB_UPSTREAM_H

#include "job/cursor.h"
#include "job/versions.h"

/* The view that `view` reads, or NULL. */
static inline const struct asof_view *
asof_upstream_of(const struct asof_view *view)
{
	return view->source ? view->source->upstream : NULL;
}

/*
 * Have `source` read the current version of its view; nothing is done for another kind of source.
 * `reader` (NULL: nobody in particular) is the view that is going to: ASOF_INVALID where the
 * version lacks a column that it uses. ASOF_NOT_FOUND where nothing was published.
 */
ASOF_NODISCARD enum asof_status asof_upstream_use(struct asof_session *session,
						  const struct asof_source *source,
						  const struct asof_view *reader,
						  struct asof_error *err);
/* The same of the version "departures@1.0.3", as a cursor has it. */
ASOF_NODISCARD enum asof_status asof_upstream_use_version(struct asof_session *session,
							  const struct asof_source *source,
							  const char *version,
							  struct asof_error *err);
/*
 * The rows of the version in use that come of its files for which is_new[i]; *ret_sql (in `arena`)
 * is NULL where those change rows that others gave, so that nothing but all of it will do.
 */
ASOF_NODISCARD enum asof_status asof_upstream_added(struct asof_session *session,
						    const struct asof_view *reader,
						    const bool *is_new, struct asof_arena *arena,
						    const char **ret_sql, struct asof_error *err);

/*
 * A cursor of the source in use some of whose files are gone (asof_cursor_compare()): was their
 * data only moved, by compactions? Then set is_new[i] of the source's files, and *difference, as if
 * they had not been; else leave both. The log of the view tells, as far as it is kept.
 */
ASOF_NODISCARD enum asof_status asof_upstream_moved(struct asof_session *session,
						    const struct asof_source *source,
						    const struct asof_cursor *cursor, bool *is_new,
						    enum asof_cursor_difference *difference,
						    struct asof_error *err);

/* Whose definition a reader's hash covers: of today, or the published one (today's where nothing
 * was). */
enum asof_upstream_mode { ASOF_UPSTREAM_TODAY, ASOF_UPSTREAM_PUBLISHED };
/* Set the hash of what `view` reads, which its canonical definition has. */
ASOF_NODISCARD enum asof_status asof_upstream_settle(struct asof_session *session,
						     const struct asof_view *view,
						     enum asof_upstream_mode mode,
						     struct asof_error *err);

/* Why what `view` reads is itself not what it could be: it was not built since its definition or
 * its source's files changed. A text in `arena`, or NULL. */
ASOF_NODISCARD enum asof_status asof_upstream_behind(struct asof_session *session,
						     const struct asof_view *view,
						     struct asof_arena *arena, const char **ret_why,
						     struct asof_error *err);

/*
 * Why the published `version` of `view` is behind what it reads: a text in `arena`, or NULL where
 * it is not, or reads no view.
 */
ASOF_NODISCARD enum asof_status asof_upstream_stale(struct asof_session *session,
						    const struct asof_version *version,
						    struct asof_arena *arena, const char **ret_why,
						    struct asof_error *err);
/* The version that the table at `version` was made from, "departures@1.0.3" in `arena`; NULL where
 * it reads no view. */
ASOF_NODISCARD enum asof_status
asof_upstream_recorded(struct asof_session *session, const struct asof_version *version,
		       struct asof_arena *arena, const char **ret_version, struct asof_error *err);

/* All that the version was made from, the nearest first: "departures@1.0.3". Where one was vacuumed
 * the list ends. In `arena`. */
ASOF_NODISCARD enum asof_status asof_upstream_chain(struct asof_session *session,
						    const struct asof_version *version,
						    struct asof_arena *arena,
						    const char *const **ret_versions,
						    size_t *ret_count, struct asof_error *err);

/* The table versions of `view` that a vacuum must leave: `current` (-1: none), and those that the
 * current versions of its readers were made from. The array lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_upstream_pins(struct asof_session *session, const char *view,
						   int64_t current, struct asof_arena *arena,
						   const int64_t **ret_pins, size_t *ret_count,
						   struct asof_error *err);

/* `views` and, where `is_with_upstream`, all that they read, those that are read first; otherwise
 * in the order given. The array lives in `arena`. */
ASOF_NODISCARD enum asof_status asof_upstream_order(const struct asof_view ***views, size_t *count,
						    bool is_with_upstream, struct asof_arena *arena,
						    struct asof_error *err);

#endif
