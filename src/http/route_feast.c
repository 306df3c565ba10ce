/* route_feast.c - online features for clients of Feast's server. */
#include "http/access.h"
#include "http/feast_answer.h"
#include "http/route.h"

enum asof_status
asof_route_get_online_features(struct asof_call *call)
{
	struct asof_feast_request request;
	struct asof_batch_reading reading = {
		.reader = call->routes->reader,
		.entity_max = call->routes->entity_max,
		.arena = &call->scratch->request,
		.problem = call->problem,
	};
	ASOF_TRY(asof_call_check_json(call));
	ASOF_TRY(asof_feast_read(&reading, call->request->body, &request));
	ASOF_TRY(asof_access_batch(call, request.batch.served, &request.batch));
	return asof_feast_answer(call->routes->reader, &request, call->scratch, call->reply->body,
				 call->problem);
}
