/* routes.c - the table of routes, and which of them a request means. */
#include <assert.h>

#include "http/access.h"
#include "http/errand.h"
#include "http/route.h"

/* Memory of one request: its JSON tree and keys; the rows of one slice. */
#define REQUEST_ARENA_BYTES ((size_t)512 << 20)
#define ROWS_ARENA_BYTES    ((size_t)512 << 20)

/* Literal segments before those in braces: the first that matches answers. */
static const struct asof_route table[] = {
	{ "healthz", ASOF_METHOD_GET, "/healthz", ASOF_RIGHT_NONE, false, asof_route_healthz },
	{ "readyz", ASOF_METHOD_GET, "/readyz", ASOF_RIGHT_NONE, false, asof_route_readyz },
	{ "metrics", ASOF_METHOD_GET, "/metrics", ASOF_RIGHT_ADMIN, false, asof_route_metrics },
	{ "openapi", ASOF_METHOD_GET, "/openapi.json", ASOF_RIGHT_NONE, false, asof_route_openapi },
	{ "push", ASOF_METHOD_POST, "/push/{source}", ASOF_RIGHT_PUSH, false, asof_route_push },
	{ "batch", ASOF_METHOD_POST, "/features/batch", ASOF_RIGHT_READ, true, asof_route_batch },
	{ "get_online_features", ASOF_METHOD_POST, "/get-online-features", ASOF_RIGHT_READ, true,
	  asof_route_get_online_features },
	{ "view_batch", ASOF_METHOD_POST, "/features/{view}/batch", ASOF_RIGHT_READ, true,
	  asof_route_view_batch },
	{ "key_row", ASOF_METHOD_GET, "/features/{view}/{key}", ASOF_RIGHT_READ, true,
	  asof_route_key_row },
	{ "view_row", ASOF_METHOD_GET, "/features/{view}", ASOF_RIGHT_READ, true,
	  asof_route_view_row },
};

struct asof_scratch
asof_scratch_make(void)
{
	return (struct asof_scratch){ .request = ASOF_ARENA(REQUEST_ARENA_BYTES),
				      .rows = ASOF_ARENA(ROWS_ARENA_BYTES) };
}

void
asof_scratch_reset(struct asof_scratch *scratch)
{
	asof_arena_reset(&scratch->request);
	asof_arena_reset(&scratch->rows);
}

void
asof_scratch_done(struct asof_scratch *scratch)
{
	asof_arena_done(&scratch->request);
	asof_arena_done(&scratch->rows);
}

const struct asof_route *
asof_routes_all(size_t *ret_count)
{
	*ret_count = ASOF_COUNTOF(table);
	return table;
}

/* Cut the next segment off "/a/{b}". */
static struct asof_str
next_segment(const char **path)
{
	assert(**path == '/');
	const char *begin = *path + 1;
	size_t len = 0;
	while (begin[len] != '/' && begin[len] != '\0')
		len++;
	*path = begin + len;
	return (struct asof_str){ begin, len };
}

/* A key may be empty, a name may not: "/features/" is no route. */
static bool
segment_matches(struct asof_str pattern, struct asof_str segment)
{
	if (pattern.len > 0 && pattern.ptr[0] == '{')
		return segment.len > 0 || asof_str_equal(pattern, asof_str_from("{key}"));
	return asof_str_equal(pattern, segment);
}

static bool
path_matches(const char *path, const struct asof_target *target)
{
	for (size_t i = 0; i < target->segment_count; i++) {
		if (*path == '\0' || !segment_matches(next_segment(&path), target->segments[i]))
			return false;
	}
	return *path == '\0';
}

static bool
method_matches(const struct asof_route *route, enum asof_method method)
{
	return route->method == method ||
	       (route->method == ASOF_METHOD_GET && method == ASOF_METHOD_HEAD);
}

/* The path is there, the method is not. */
static enum asof_status
refuse_method(bool answers_get, bool answers_post, struct asof_problem *problem)
{
	const char *allow = !answers_post ? "GET, HEAD" : answers_get ? "GET, HEAD, POST" : "POST";
	if (problem)
		problem->allow = allow;
	return ASOF_REFUSE(problem, ASOF_PROBLEM_METHOD_NOT_ALLOWED, "this route answers to %s",
			   allow);
}

static enum asof_status
find_route(const struct asof_target *target, enum asof_method method,
	   const struct asof_route **ret_route, struct asof_problem *problem)
{
	bool answers_get = false;
	bool answers_post = false;
	if (target->segment_count <= ASOF_SEGMENTS_MAX) {
		for (size_t i = 0; i < ASOF_COUNTOF(table); i++) {
			if (!path_matches(table[i].path, target))
				continue;
			if (method_matches(&table[i], method)) {
				*ret_route = &table[i];
				return ASOF_OK;
			}
			answers_get = answers_get || table[i].method == ASOF_METHOD_GET;
			answers_post = answers_post || table[i].method == ASOF_METHOD_POST;
		}
	}
	if (answers_get || answers_post)
		return refuse_method(answers_get, answers_post, problem);
	return ASOF_REFUSE(problem, ASOF_PROBLEM_UNKNOWN_ROUTE, "no such route");
}

enum asof_status
asof_routes_admit(const struct asof_routes *routes, const struct asof_head *head,
		  struct asof_problem *problem)
{
	struct asof_target target;
	const struct asof_route *route;
	const struct asof_token *token;
	if (!routes->tokens || asof_target_split(head->target, &target, NULL) != ASOF_OK ||
	    find_route(&target, head->method, &route, NULL) != ASOF_OK)
		return ASOF_OK;
	return asof_access_check(routes->tokens, head, route, &token, problem);
}

enum asof_status
asof_routes_answer(const struct asof_routes *routes, const struct asof_request *request,
		   struct asof_scratch *scratch, struct asof_reply *reply,
		   struct asof_problem *problem)
{
	struct asof_call call = {
		.routes = routes,
		.request = request,
		.scratch = scratch,
		.reply = reply,
		.problem = problem,
	};
	ASOF_TRY(asof_target_split(request->head->target, &call.target, problem));
	ASOF_TRY(find_route(&call.target, request->head->method, &reply->route, problem));
	ASOF_TRY(asof_access_check(routes->tokens, request->head, reply->route, &call.token,
				   problem));
	if (routes->errands && reply->route->reads_rows) {
		reply->is_pending = true;
		return asof_errand_send(routes->errands, request, reply, problem);
	}
	return reply->route->answer(&call);
}
