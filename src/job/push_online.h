/*
 * push_online.h - online tables brought up to what was pushed.
 *
 * A table's position is the version of its source's log that it contains; whoever finds it behind
 * (a server after a push or at its start, or a load before its commit) catches up.
 */
#ifndef ASOF_JOB_PUSH_ONLINE_H
#define ASOF_JOB_PUSH_ONLINE_H

#include "job/cursor.h"
#include "job/pushed_rows.h"

/* An online table as its description has it. */
struct asof_push_table {
	const char *name; /* in the store */
	const char *view;
	const char *definition_hash;
	int64_t at_us;  /* materialized at */
	int64_t now_us; /* the clock of who asks: no row's own goes past it */
};

/*
 * Bring a table up to the end of `log`, in steps that are complete in themselves. *ret_why is why
 * that cannot be done, in `arena`, or NULL: the view is defined otherwise today, or the table holds
 * pushes of another log. A table that is gone is no error.
 */
ASOF_NODISCARD enum asof_status
asof_push_online_catch_up(struct asof_session *session, struct asof_store *store,
			  const struct asof_push_table *table, const struct asof_push_log *log,
			  struct asof_arena *arena, const char **ret_why, struct asof_error *err);

/* A load of a view's version as of `at_us`, made from the files of `cursor`. */
struct asof_push_load {
	struct asof_session *session;
	struct asof_store *store;
	struct asof_store_load *load;
	const char *view;
	const struct asof_view *definition; /* that of the version */
	const char *definition_hash;
	const struct asof_cursor *cursor;
	int64_t at_us;
};
/*
 * Add to a load, which has the rows that were built up to `at_us`, all others that were pushed, and
 * commit it: also what is pushed meanwhile is in it. ASOF_INVALID where the view is defined
 * otherwise today, so that what was pushed since cannot be computed.
 */
ASOF_NODISCARD enum asof_status asof_push_online_commit(const struct asof_push_load *load,
							struct asof_str meta,
							struct asof_arena *arena,
							struct asof_error *err);

#endif
