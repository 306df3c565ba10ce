/*
 * server.h - online features over HTTP/1.1 and HTTP/2.
 *
 * new() binds, run() serves until stop() and then drains: no new connections, running requests are
 * finished, idle connections are closed. One thread runs; stop() is safe from any thread and in a
 * signal handler, and so is reload(). The reader and the log must outlive the server.
 */
#ifndef ASOF_HTTP_SERVER_H
#define ASOF_HTTP_SERVER_H

#include "base/log.h"
#include "job/reader.h"

/* As many as a store far away has connections. */
#define ASOF_SERVER_WORKERS_MAX 64

struct asof_pusher;
struct asof_server;

/* Zeros are the defaults given here. */
struct asof_server_options {
	const char *listen; /* "127.0.0.1:8080", the default; ":0" all addresses, any port */
	/* A file of bearer tokens; without it the server listens on loopback only. */
	const char *tokens_path;
	const char *tls_cert_path; /* PEM; with the key: TLS only. NULL: plain HTTP */
	const char *tls_key_path;
	bool speaks_http2;          /* beside HTTP/1.1: by ALPN, or to clients that begin with it */
	unsigned threads;           /* 0: one per CPU */
	const struct asof_log *log; /* NULL: silent */
	bool logs_requests;         /* each, at level info */
	unsigned workers;           /* 16, of stores that are far away; see docs/design/http.md */
	size_t queue_max;           /* 1,024 requests that wait for a worker; more are 429 */
	unsigned queue_timeout_ms;  /* 5,000: what waited longer is 503 */
	size_t body_max_bytes;      /* 16 MiB */
	size_t header_max_bytes;    /* 64 KiB, request line included */
	size_t entity_max;          /* 100,000 of one request */
	size_t response_max_bytes;  /* 256 MiB */
	size_t memory_max_bytes;    /* 1 GiB of bodies and answers of all connections together */
	size_t connection_max;      /* 10,000; more wait to be accepted */
	unsigned read_timeout_ms;   /* 30,000: from a request's first byte to its last */
	unsigned
		idle_timeout_ms; /* 75,000: between requests, and for a client that does not read */
	unsigned drain_timeout_ms;  /* 30,000: after it running requests are cut off */
	struct asof_pusher *pusher; /* outlives the server; NULL: no pushes are taken */
	/* Called by run() once connections are accepted. NULL: not wanted. */
	void (*ready)(void *arg, const char *address, uint16_t port);
	void *ready_arg;
};

/* ASOF_INVALID where `listen` is no address, or is one that others reach and there are no tokens;
 * ASOF_IO where it cannot be had. */
ASOF_NODISCARD enum asof_status asof_server_new(struct asof_reader *reader,
						const struct asof_server_options *options,
						struct asof_server **ret_server,
						struct asof_error *err);
/* Once per server. ASOF_OK when drained. */
ASOF_NODISCARD enum asof_status asof_server_run(struct asof_server *server, struct asof_error *err);
void asof_server_stop(struct asof_server *server);
/* Read definitions, tokens and certificate anew, soon; what comes of it goes to the log. Safe as
 * stop() is. */
void asof_server_reload(struct asof_server *server);
/* NULL is a no-op. Not while it runs. */
void asof_server_free(struct asof_server *server);
ASOF_DEFINE_AUTOFREE(struct asof_server, asof_server_free)

#endif
