/* target.h - a request's target: path segments and query parameters. Pure; fuzzed. */
#ifndef ASOF_HTTP_TARGET_H
#define ASOF_HTTP_TARGET_H

#include "base/arena.h"
#include "http/problem.h"

#define ASOF_SEGMENTS_MAX 3

struct asof_target {
	struct asof_str segments[ASOF_SEGMENTS_MAX]; /* as sent, still encoded */
	size_t segment_count; /* ASOF_SEGMENTS_MAX + 1: there are more, not kept */
	struct asof_str query;
};

/* "/a/b?c=d", or the same behind "http://host". Borrowed from `text`. */
ASOF_NODISCARD enum asof_status asof_target_split(struct asof_str text,
						  struct asof_target *ret_target,
						  struct asof_problem *problem);

/* Decode %XX, and in a query also + as a space. Borrows from `text` where nothing is encoded. The
 * result is UTF-8, or the request is refused. */
ASOF_NODISCARD enum asof_status asof_target_decode(struct asof_str text, bool is_query,
						   struct asof_arena *arena,
						   struct asof_str *ret_text,
						   struct asof_problem *problem);

/* Cut the next "name=value" off `query`, both still encoded; false at the end. */
bool asof_query_next(struct asof_str *query, struct asof_str *ret_name, struct asof_str *ret_value);

#endif
