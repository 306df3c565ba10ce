/*
 * loop_h2o.h - one thread's loop and its connections, for the two files that know libh2o.
 *
 * One thread at a time: that of the loop.
 */
#ifndef ASOF_HTTP_LOOP_H2O_H
#define ASOF_HTTP_LOOP_H2O_H

#define H2O_USE_LIBUV 0
#define H2O_USE_EPOLL 1
#include <h2o.h>

#include "http/errand.h"
#include "http/http2.h"
#include "http/loop.h"
#include "http/tls_channel.h"

struct asof_loop {
	const struct asof_server_options *options;
	struct asof_desk desk;
	struct asof_live *live;
	struct asof_live_state *held; /* what is in force, as last seen */
	h2o_loop_t *h2o;
	h2o_socket_t *listener; /* NULL once draining */
	h2o_socket_t *stopper;
	h2o_socket_t *waker;
	int wake_fd;              /* eventfd: something that a connection waits for is done */
	atomic_bool is_push_done; /* any push of this loop's, since that was looked at */
	struct asof_errands errands;
	h2o_timeout_t read_timeout;
	h2o_timeout_t idle_timeout;
	h2o_timeout_t linger_timeout;
	h2o_timeout_t fresh_timeout;
	h2o_timeout_t drain_timeout;
	h2o_timeout_t accept_timeout;
	h2o_timeout_t errand_timeout;
	h2o_timeout_entry_t drain_timer;
	h2o_timeout_entry_t accept_timer;
	h2o_timeout_entry_t errand_timer; /* runs while errands are out */
	h2o_linklist_t connections;
	size_t connection_count;
	size_t connection_max;
};

enum asof_connection_state {
	ASOF_CONNECTION_GREETING, /* nothing has arrived that says whether it speaks TLS */
	ASOF_CONNECTION_SHAKING,  /* hands, for TLS */
	ASOF_CONNECTION_IDLE,     /* nothing of a next request has arrived */
	ASOF_CONNECTION_READING,  /* some of it has */
	ASOF_CONNECTION_WAITING,  /* for what answers it; nothing is read */
	ASOF_CONNECTION_WRITING,
	ASOF_CONNECTION_LINGERING, /* answered and shut down; what still arrives is dropped */
};

struct asof_connection {
	struct asof_loop *loop;
	h2o_socket_t *sock;
	struct asof_tls_channel *channel; /* NULL: plain */
	h2o_buffer_t *clear;              /* what TLS said; NULL without it */
	struct asof_http2 *http2;         /* NULL: HTTP/1 */
	uint64_t progress;                /* of HTTP/2, when its timer was set */
	struct asof_exchange exchange;
	enum asof_connection_state state;
	bool has_served;
	size_t written_bytes;                              /* of the answer's head and body */
	void (*after_write)(struct asof_connection *conn); /* once it is done */
	h2o_timeout_entry_t timer;
	h2o_linklist_t link; /* in loop->connections */
};

/* Serve an accepted socket from now on, and own it. */
void asof_connection_open(struct asof_loop *loop, h2o_socket_t *sock);
void asof_connection_close(struct asof_connection *conn);
/* The loop takes no more: an idle connection ends; one that never asked, or whose request is on its
 * way, gets a moment. */
void asof_connection_drain(struct asof_connection *conn);

/* What it waits for may be done. */
void asof_connection_wake(struct asof_connection *conn);

/* An errand may have been sent: see to it that it does not wait too long. */
void asof_loop_watch_errands(struct asof_loop *loop);

/* A connection ended: there may be room for another. */
void asof_loop_resume_accepting(struct asof_loop *loop);

#endif
