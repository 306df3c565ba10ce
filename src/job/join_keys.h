/*
 * join_keys.h - which keys a spine asks for, and what that leaves of a view's files.
 *
 * Of a key of several columns the first one is looked at: tables are clustered by it. It is an
 * integer, string, date or timestamp, or nothing is known of it. One thread at a time; what is
 * found lives in the run's arena.
 */
#ifndef ASOF_JOB_JOIN_KEYS_H
#define ASOF_JOB_JOIN_KEYS_H

#include "job/join_run.h"

/* What the log says of a file's keys: unknown where a text was too long for it. */
ASOF_NODISCARD enum asof_status asof_join_keys_of_file(const struct asof_table_file *file,
						       const struct asof_view *view,
						       struct asof_arena *arena,
						       struct asof_join_keys *ret_keys,
						       struct asof_error *err);
/* What the spine asks tables[index] for; the spine is read for it once per key column. */
ASOF_NODISCARD enum asof_status asof_join_keys_asked(struct asof_join_run *run, size_t index,
						     struct asof_join_keys *ret_keys,
						     struct asof_error *err);

/* No key can be in both. */
bool asof_join_keys_are_apart(const struct asof_join_keys *a, const struct asof_join_keys *b);
/* What is known of both together; start with one of them. */
void asof_join_keys_widen(struct asof_join_keys *keys, const struct asof_join_keys *by);
/* At least one part in `part` of what lies between the ends of `all` is not in `asked`, which
 * meets it. */
bool asof_join_keys_leave(const struct asof_join_keys *all, const struct asof_join_keys *asked,
			  unsigned part);

#endif
