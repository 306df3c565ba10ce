/* materialize_view.h - one view from the lake into the online store, at one instant. */
#ifndef ASOF_JOB_MATERIALIZE_VIEW_H
#define ASOF_JOB_MATERIALIZE_VIEW_H

#include "job/version_set.h"

/* What a table of the store says about itself: JSON, read back by readers. */
struct asof_online_meta {
	const char *view;
	const char *version; /* "1.0.3" */
	const char *definition_hash;
	const char *definition_json;
	int64_t at_us; /* T */
	int64_t row_count;
};
void asof_online_meta_write(const struct asof_online_meta *meta, struct asof_buf *buf);
ASOF_NODISCARD enum asof_status asof_online_meta_read(struct asof_str json,
						      struct asof_arena *arena,
						      struct asof_online_meta *ret_meta,
						      struct asof_error *err);

struct asof_materialize_report {
	const char *version;
	int64_t row_count;
	uint64_t size_bytes;  /* of keys and values */
	int64_t resumed_rows; /* of them put by a run that was killed or interrupted */
	bool is_written;      /* false: what is online is newer */
};

/* Load the view's version as of `at_us`, then switch to it at once; a killed run leaves what was
 * there. One that is interrupted (ASOF_CANCELLED) or killed is gone on with by the next of the same
 * instant, where the store can; the message of the former says so. */
ASOF_NODISCARD enum asof_status asof_materialize_view(struct asof_session *session,
						      const struct asof_version *version,
						      int64_t at_us, struct asof_arena *arena,
						      struct asof_materialize_report *ret_report,
						      struct asof_error *err);

#endif
