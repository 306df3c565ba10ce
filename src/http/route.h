/*
 * route.h - one way in: a method and a path, the right that it needs, and who answers.
 *
 * Routes are functions from a call to an answer or a refusal; the table of them is routes.c.
 */
#ifndef ASOF_HTTP_ROUTE_H
#define ASOF_HTTP_ROUTE_H

#include "http/routes.h"
#include "http/target.h"

/* One request being answered; all of it lives until the answer is there. */
struct asof_call {
	const struct asof_routes *routes;
	const struct asof_request *request;
	const struct asof_token *token; /* of who asks; NULL: anybody may everything */
	struct asof_target target;
	struct asof_scratch *scratch;
	struct asof_reply *reply;
	struct asof_problem *problem;
};

/* Append the answer to call->reply->body. A refusal may leave it half written. */
typedef enum asof_status asof_route_fn(struct asof_call *call);

struct asof_route {
	const char *name;        /* in metrics and as operationId: "view_row" */
	enum asof_method method; /* GET answers HEAD, too */
	const char *path;        /* "/features/{view}/{key}": a name in braces is any segment */
	enum asof_right right;
	bool reads_rows; /* of the online store, which may be far away: workers answer then */
	asof_route_fn *answer;
};

/* All of them. Of two that match a target, the earlier one answers. */
const struct asof_route *asof_routes_all(size_t *ret_count);

/* Refused where the request's body is not a whole one of JSON in UTF-8. */
ASOF_NODISCARD enum asof_status asof_call_check_json(const struct asof_call *call);
/* Whether the client accepts an Arrow stream: who names it is given it. */
bool asof_call_wants_arrow(const struct asof_call *call);

/* The answers, in route_<resource>.c. */
asof_route_fn asof_route_healthz, asof_route_readyz, asof_route_metrics, asof_route_openapi;
asof_route_fn asof_route_get_online_features;
asof_route_fn asof_route_push;
asof_route_fn asof_route_batch, asof_route_view_batch, asof_route_view_row, asof_route_key_row;

#endif
