/*
 * http_post.h - hand a text to a server by POST, tried again within bounds.
 *
 * What the network or the server fails at (no connection, no answer, 408, 429, 5xx) is tried again
 * up to six times, with a pause that doubles and a random part; what it refuses is told at once.
 * Redirects are not followed. Thread-safe.
 */
#ifndef ASOF_LAKE_HTTP_POST_H
#define ASOF_LAKE_HTTP_POST_H

#include "base/cancel.h"

struct asof_http_post {
	const char *url;          /* "http://" or "https://" */
	const char *token;        /* sent as "Authorization: Bearer"; NULL: none */
	const char *content_type; /* "application/json" */
	struct asof_str body;
	const struct asof_cancel *cancel; /* NULL: none */
};

/*
 * ASOF_OK for 2xx. ASOF_INVALID where the URL or the token is none or the server refuses (4xx),
 * ASOF_UNAVAILABLE when the attempts are used up. Neither token nor password is in a message. A
 * server that failed to answer may have done it all the same.
 */
ASOF_NODISCARD enum asof_status asof_http_post_send(const struct asof_http_post *post,
						    struct asof_error *err);

#endif
