/*
 * http2.h - HTTP/2 on one connection, without the connection: bytes in, bytes out.
 *
 * Each stream is an asof_exchange of its own: the request is handed to it as HTTP/1.1 would say it,
 * and its answer is taken from it, so that checks, limits, ids, log and counts are the same.
 *
 * One thread at a time.
 */
#ifndef ASOF_HTTP_HTTP2_H
#define ASOF_HTTP_HTTP2_H

#include "http/exchange.h"

/* What the first bytes of a client that speaks HTTP/2 without asking begin with. */
#define ASOF_HTTP2_PREFACE     "PRI * HTTP/2.0\r\n"
#define ASOF_HTTP2_PREFACE_LEN (sizeof(ASOF_HTTP2_PREFACE) - 1)

struct asof_http2;

/* `desk` is borrowed, `owner` that of its exchanges. NULL on exhaustion. */
struct asof_http2 *asof_http2_new(struct asof_desk *desk, size_t response_max_bytes, void *owner);
void asof_http2_free(struct asof_http2 *http2); /* NULL is a no-op */

/* Take bytes; requests that become whole are answered. False: this is no HTTP/2, and there is
 * nothing to say to it. */
bool asof_http2_feed(struct asof_http2 *http2, struct asof_str bytes);
/* What is to be sent next, { NULL, 0 } while there is nothing. It stays until the next call. */
struct asof_str asof_http2_output(struct asof_http2 *http2);
/* Nothing more will be read or sent. */
bool asof_http2_is_done(const struct asof_http2 *http2);

/* Say goodbye: no new request is taken, those that were begun are finished. Once; again is
 * a no-op. */
void asof_http2_drain(struct asof_http2 *http2);
/* Answer 408 to requests that began before `before_us` (monotonic) and are not whole yet. */
void asof_http2_expire(struct asof_http2 *http2, int64_t before_us);

/* Answer what waited for something that is done by now. */
void asof_http2_wake(struct asof_http2 *http2);

/* Whether a request is on its way, or waits for what answers it; any of these, or an answer. */
bool asof_http2_is_reading(const struct asof_http2 *http2);
bool asof_http2_is_waiting(const struct asof_http2 *http2);
bool asof_http2_is_busy(const struct asof_http2 *http2);
/* Grows whenever a request begins or ends, or some of an answer is sent: not by pings. */
uint64_t asof_http2_progress(const struct asof_http2 *http2);

#endif
