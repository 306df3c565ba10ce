/* route_openapi.c - the description of the interface, for programs. */
#include "http/route.h"

/* openapi.json of this folder, embedded when the program is built. */
extern const unsigned char asof_openapi_json[];
extern const size_t asof_openapi_json_size;

enum asof_status
asof_route_openapi(struct asof_call *call)
{
	asof_buf_add(call->reply->body, asof_openapi_json, asof_openapi_json_size);
	return asof_buf_status(call->reply->body, &call->problem->err);
}
