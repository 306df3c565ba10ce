/*
 * lost_sets.h - which training sets on record cannot be made again once files of a view are gone.
 *
 * Begin before anything goes, note what goes, then write. One thread at a time.
 */
#ifndef ASOF_JOB_LOST_SETS_H
#define ASOF_JOB_LOST_SETS_H

#include "base/json_writer.h"
#include "base/map.h"
#include "job/session.h"

/* A training set, and the version of the view that it was made from. */
struct asof_kept_set {
	const char *path;
	const char *version;
	struct asof_table_snapshot snapshot; /* that version's table */
};

struct asof_lost_sets {
	struct asof_session *session;
	const char *view;
	struct asof_arena *arena;
	struct asof_kept_set *sets; /* owned: those that can be made again now */
	size_t count;
	size_t capacity;
	struct asof_map removed; /* objects that go */
};

void asof_lost_sets_done(struct asof_lost_sets *lost);
ASOF_NODISCARD enum asof_status asof_lost_sets_begin(struct asof_session *session, const char *view,
						     struct asof_arena *arena,
						     struct asof_lost_sets *ret_lost,
						     struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_lost_sets_note(struct asof_lost_sets *lost,
						    struct asof_str object, struct asof_error *err);
/* A member "training_sets": [{"path": "/a.parquet", "version": "1.0.3"}] of those that are lost. */
void asof_lost_sets_write(const struct asof_lost_sets *lost, struct asof_json_writer *w);

#endif
