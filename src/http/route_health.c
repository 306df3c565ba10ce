/* route_health.c - probes: does the process live, and does it answer with what it should. */
#include "http/route.h"

static enum asof_status
write_status(const struct asof_call *call, const char *status)
{
	struct asof_json_writer w = asof_json_writer_to(call->reply->body);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "status", status);
	asof_json_end_object(&w);
	return asof_buf_status(call->reply->body, &call->problem->err);
}

enum asof_status
asof_route_healthz(struct asof_call *call)
{
	return write_status(call, "ok");
}

enum asof_status
asof_route_readyz(struct asof_call *call)
{
	if (atomic_load_explicit(call->routes->is_closing, memory_order_relaxed))
		return ASOF_FAIL(&call->problem->err, ASOF_UNAVAILABLE, "shutting down");
	return write_status(call, "ready");
}
