/*
 * exchange.h - HTTP/1.1 on one connection, without the connection: bytes in, bytes out.
 *
 * The caller owns the socket, its input buffer and the timers. It calls asof_exchange_advance()
 * with all input not consumed yet, does what that wants, and goes on. Requests are answered one
 * after the other; whatever was pipelined waits in the input.
 *
 * One thread at a time; an exchange may not move between threads while it is served by one `desk`.
 */
#ifndef ASOF_HTTP_EXCHANGE_H
#define ASOF_HTTP_EXCHANGE_H

#include "base/log.h"
#include "http/chunked.h"
#include "http/memory_budget.h"
#include "http/metrics.h"
#include "http/routes.h"

#define ASOF_DATE_TEXT_MAX  40
#define ASOF_REQUEST_ID_LEN 16

/* What one thread answers with. */
struct asof_desk {
	struct asof_routes routes;
	struct asof_scratch scratch;
	size_t header_max_bytes;
	size_t body_max_bytes;
	struct asof_budget *budget;
	const struct asof_log *log;
	bool logs_requests;       /* each, at level info */
	struct asof_meter *meter; /* of this thread */
	uint64_t id_seed;         /* request ids made by this thread follow from it */
	uint64_t id_count;
	int64_t date_second; /* that `date` is of */
	char date[ASOF_DATE_TEXT_MAX];
};

void asof_desk_done(struct asof_desk *desk);

struct asof_exchange {
	struct asof_buf head; /* of the answer; to be written first */
	struct asof_buf body; /* of the answer; only where sends_body */
	bool sends_body;
	bool closes; /* once the answer is written */

	/* Of the request being read. */
	size_t scanned;
	size_t head_len; /* 0: its head is not complete */
	size_t body_len; /* read and decoded so far */
	enum asof_framing framing;
	uint64_t content_length;
	struct asof_chunked chunked;
	bool expects_continue;
	bool is_interim;   /* the answer is 100 Continue */
	size_t held_bytes; /* of the budget */
	struct asof_pending pending;
	int64_t waits_since_us;
	char made_id[ASOF_REQUEST_ID_LEN]; /* of a request that waits and brought none */
};

enum asof_want {
	ASOF_WANT_INPUT,  /* more bytes */
	ASOF_WANT_WAKING, /* nothing until asof_exchange_may_advance(); then advance again */
	ASOF_WANT_OUTPUT, /* head and body to be written, then asof_exchange_written() */
};

struct asof_input {
	char *ptr;
	size_t len; /* shrinks when chunks are decoded in place */
};

/* `owner` is told of errands of its that are back, as an argument of asof_errands_collect(). */
struct asof_exchange asof_exchange_make(size_t response_max_bytes, void *owner);
void asof_exchange_done(struct asof_exchange *exchange, struct asof_desk *desk);

enum asof_want asof_exchange_advance(struct asof_exchange *exchange, struct asof_desk *desk,
				     struct asof_input *input);
/* Whether what a request waits for may be done by now. */
bool asof_exchange_may_advance(const struct asof_exchange *exchange);
/* The output was written: returns how many bytes of the input belong to the answered request. */
size_t asof_exchange_written(struct asof_exchange *exchange, struct asof_desk *desk);
/* Plain HTTP where TLS is spoken: OUTPUT with 400, whatever arrived. */
enum asof_want asof_exchange_refuse_plain(struct asof_exchange *exchange, struct asof_desk *desk);
/* The request did not arrive in time: OUTPUT with 408. `input_len` 0: nothing was begun, INPUT. */
enum asof_want asof_exchange_expire(struct asof_exchange *exchange, struct asof_desk *desk,
				    size_t input_len);

#endif
