/* route_push.c - rows pushed into a source. The answer comes once they are durable and online. */
#include "http/access.h"
#include "http/route.h"
#include "job/push.h"

static enum asof_status
submit(struct asof_call *call)
{
	const struct asof_routes *routes = call->routes;
	struct asof_str source;
	if (!routes->pusher)
		return ASOF_FAIL(&call->problem->err, ASOF_UNAVAILABLE, "no pushes are taken");
	ASOF_TRY(asof_call_check_json(call));
	ASOF_TRY(asof_target_decode(call->target.segments[1], false, &call->scratch->request,
				    &source, call->problem));
	ASOF_TRY(asof_access_source(call, source));
	return asof_pusher_submit(routes->pusher, source, call->request->id, call->request->body,
				  routes->wake, routes->wake_arg, &call->reply->pending->push,
				  &call->problem->err);
}

static enum asof_status
refuse(struct asof_call *call, const struct asof_push_result *result)
{
	switch (result->status) {
	case ASOF_NOT_FOUND:
		return ASOF_REFUSE(call->problem, ASOF_PROBLEM_UNKNOWN_SOURCE, "%s",
				   result->err.message);
	case ASOF_INVALID:
		return ASOF_REFUSE(call->problem,
				   result->is_malformed ? ASOF_PROBLEM_MALFORMED_JSON
							: ASOF_PROBLEM_INVALID_BODY,
				   "%s", result->err.message);
	default:
		return ASOF_FAIL(&call->problem->err, result->status, "%s", result->err.message);
	}
}

enum asof_status
asof_route_push(struct asof_call *call)
{
	struct asof_pending *pending = call->reply->pending;
	if (!pending->push)
		ASOF_TRY(submit(call));
	const struct asof_push_result *result = asof_push_result(pending->push);
	call->reply->is_pending = !result;
	if (!result)
		return ASOF_OK;
	if (result->status != ASOF_OK)
		return refuse(call, result);
	struct asof_json_writer w = asof_json_writer_to(call->reply->body);
	asof_json_begin_object(&w);
	asof_json_member_int(&w, "accepted", result->row_count);
	asof_json_member_str(&w, "request_id", call->request->id);
	if (result->behind)
		asof_json_member_cstr(&w, "behind", result->behind);
	asof_json_end_object(&w);
	return asof_buf_status(call->reply->body, &call->problem->err);
}
