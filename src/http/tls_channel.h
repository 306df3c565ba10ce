/*
 * tls_channel.h - TLS on one connection, without the connection: bytes in, bytes out.
 *
 * What arrived is fed; what it says is read; what is to be sent is sealed, and taken from the
 * channel as bytes for the socket. One thread at a time.
 */
#ifndef ASOF_HTTP_TLS_CHANNEL_H
#define ASOF_HTTP_TLS_CHANNEL_H

#include "http/tls.h"

struct asof_tls_channel;

enum asof_tls_state {
	ASOF_TLS_SHAKING,     /* hands: more bytes are needed, after what is to be sent */
	ASOF_TLS_ESTABLISHED, /* clear text may be read and sealed */
	ASOF_TLS_ENDED,       /* the other side said goodbye */
	ASOF_TLS_BROKEN,      /* what it sent is no TLS, or was refused; an alert may wait */
};

/* NULL on exhaustion. */
struct asof_tls_channel *asof_tls_channel_new(struct ssl_ctx_st *tls);
void asof_tls_channel_free(struct asof_tls_channel *channel);

/* Take bytes from the socket. */
enum asof_tls_state asof_tls_channel_feed(struct asof_tls_channel *channel, struct asof_str bytes);
/* Read up to `room` bytes of clear text out of what was fed; 0: there is no more. */
size_t asof_tls_channel_read(struct asof_tls_channel *channel, char *out, size_t room);
enum asof_tls_state asof_tls_channel_state(const struct asof_tls_channel *channel);
bool asof_tls_channel_is_http2(const struct asof_tls_channel *channel);

/* Add clear text, or the goodbye, to what is to be sent. False: the channel is broken. */
bool asof_tls_channel_seal(struct asof_tls_channel *channel, struct asof_str clear);
void asof_tls_channel_seal_goodbye(struct asof_tls_channel *channel);
/* What is to be sent. It stays as it is until asof_tls_channel_sent(), between which nothing else
 * may be done with the channel. */
struct asof_str asof_tls_channel_output(const struct asof_tls_channel *channel);
void asof_tls_channel_sent(struct asof_tls_channel *channel);

#endif
