/*
 * routes.h - what the server answers to: a request in, an answer or a refusal out. Knows no
 * sockets.
 *
 * Thread-safe: a scratch is of one thread.
 */
#ifndef ASOF_HTTP_ROUTES_H
#define ASOF_HTTP_ROUTES_H

#include <stdatomic.h>

#include "http/head.h"
#include "job/reader.h"
#include "model/tokens.h"

struct asof_route;
struct asof_metrics;
struct asof_push;
struct asof_pusher;

struct asof_routes {
	struct asof_reader *reader;
	size_t entity_max;             /* of one request */
	const atomic_bool *is_closing; /* not ready any more */
	const struct asof_metrics *metrics;
	const struct asof_tokens *tokens; /* NULL: none are asked for */
	struct asof_pusher *pusher;       /* NULL: no pushes are taken */
	void (*wake)(void *arg); /* what a push calls when it is done, from another thread */
	void *wake_arg;
};

struct asof_request {
	const struct asof_head *head;
	struct asof_str body;
	struct asof_str id; /* the client's, or made for it */
};

struct asof_reply {
	struct asof_buf *body;
	const char *content_type;       /* application/json, unless the route says otherwise */
	const struct asof_route *route; /* that was found; NULL: none */
	/* Of a request that is not answered at once: what it waits for, kept until it is, and
	 * whether there is no answer yet. The route is asked again with the same request. */
	struct asof_push **push;
	bool is_pending;
};

/* Memory of one request at a time, used again. */
struct asof_scratch {
	struct asof_arena request;
	struct asof_arena rows;
};

/* Whether who asks may ask for that at all: for before the body is read. Of a target that is no
 * route asof_routes_answer() says so. */
ASOF_NODISCARD enum asof_status asof_routes_admit(const struct asof_routes *routes,
						  const struct asof_head *head,
						  struct asof_problem *problem);

/* Append the answer (status 200) to reply->body. A refusal may leave it half written. */
ASOF_NODISCARD enum asof_status asof_routes_answer(const struct asof_routes *routes,
						   const struct asof_request *request,
						   struct asof_scratch *scratch,
						   struct asof_reply *reply,
						   struct asof_problem *problem);

#endif
