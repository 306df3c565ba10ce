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
struct asof_errand;
struct asof_errands;
struct asof_push;
struct asof_pusher;

struct asof_routes {
	struct asof_reader *reader;
	size_t entity_max;             /* of one request */
	const atomic_bool *is_closing; /* not ready any more */
	const struct asof_metrics *metrics;
	const struct asof_tokens *tokens; /* NULL: none are asked for */
	struct asof_errands *errands;     /* NULL: rows are read by who asks */
	struct asof_pusher *pusher;       /* NULL: no pushes are taken */
	void (*wake)(void *arg); /* what a push calls when it is done, from another thread */
	void *wake_arg;
};

struct asof_request {
	const struct asof_head *head;
	struct asof_str head_bytes; /* that `head` was parsed from */
	struct asof_str body;
	struct asof_str id; /* the client's, or made for it */
};

/* What a request waits for that is not answered at once: one of the two, kept until it is. */
struct asof_pending {
	struct asof_push *push;
	struct asof_errand *errand;
	void *owner; /* who is told that an errand is back */
};

struct asof_reply {
	struct asof_buf *body;
	const char *content_type;       /* application/json, unless the route says otherwise */
	const struct asof_route *route; /* that was found; NULL: none */
	/* There is no answer yet. A push is asked for again with the same request. */
	bool is_pending;
	struct asof_pending *pending;
};

/* Memory of one request at a time, used again. */
struct asof_scratch {
	struct asof_arena request;
	struct asof_arena rows;
};

struct asof_scratch asof_scratch_make(void);
void asof_scratch_reset(struct asof_scratch *scratch);
void asof_scratch_done(struct asof_scratch *scratch);

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
