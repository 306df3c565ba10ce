/*
 * pushed_rows.h - what was pushed, merged into online rows.
 *
 * New events of a key and its stored row make its next stored row, so that a read at any later
 * clock gives what a materialization of all of them would. A row's own clock moves on to the time
 * of the push: what no window at a later clock can hold is let go.
 */
#ifndef ASOF_JOB_PUSHED_ROWS_H
#define ASOF_JOB_PUSHED_ROWS_H

#include "job/push_log.h"
#include "kernel/answer.h"

/* Stored values of keys, out of a table or of a load. */
typedef enum asof_status asof_pushed_get_fn(void *arg, const struct asof_str *keys, size_t count,
					    asof_store_visit_fn *visit, void *visit_arg,
					    struct asof_error *err);

struct asof_pushed_merge {
	struct asof_session *session; /* bound */
	const struct asof_view *view; /* of the session, as it is online */
	const struct asof_answer_plan *plan;
	const struct asof_push_log *log;
	int64_t from_version;         /* of the log, */
	int64_t to_version;           /* both included */
	struct asof_plan_range range; /* of events */
	int64_t at_us;                /* a row's clock is this at least */
	bool is_showing;
	asof_pushed_get_fn *get;
	void *get_arg;
};

/* Whether pushed rows can be merged into what is stored: not where windows keep their values only
 * (`online: latest`). */
bool asof_pushed_merges(const struct asof_view *view);

/* The rows of the keys that have new events. All in `arena`. */
ASOF_NODISCARD enum asof_status asof_pushed_rows_make(const struct asof_pushed_merge *merge,
						      struct asof_arena *arena,
						      struct asof_store_row **ret_rows,
						      size_t *ret_count, struct asof_error *err);

#endif
