/*
 * access.h - who may ask for what: bearer tokens (RFC 6750) against routes, features and sources.
 *
 * A token that is limited to services reads the features that they list, by any route. Thread-safe.
 */
#ifndef ASOF_HTTP_ACCESS_H
#define ASOF_HTTP_ACCESS_H

#include "http/batch_request.h"
#include "http/route.h"

/* 401 without a token that is known, 403 where it lacks the right of the route. *ret_token is NULL
 * where everybody may. `tokens` NULL: none are asked for. */
ASOF_NODISCARD enum asof_status asof_access_check(const struct asof_tokens *tokens,
						  const struct asof_head *head,
						  const struct asof_route *route,
						  const struct asof_token **ret_token,
						  struct asof_problem *problem);

/*
 * Which outputs of `view` the caller may read by the services of `served`, as indexes into them:
 * NULL for all. 403 where it is none. Memory from the request's arena.
 */
ASOF_NODISCARD enum asof_status asof_access_outputs(const struct asof_call *call,
						    const struct asof_served *served,
						    const struct asof_view *view,
						    size_t **ret_outputs, size_t *ret_count);
/* 403 where it asks for a feature that the caller may not read. A part that asks for all outputs of
 * its view gets those that may be read. */
ASOF_NODISCARD enum asof_status asof_access_batch(const struct asof_call *call,
						  const struct asof_served *served,
						  struct asof_batch_request *batch);
/* 403 where the caller may not push to `source`. */
ASOF_NODISCARD enum asof_status asof_access_source(const struct asof_call *call,
						   struct asof_str source);

#endif
