/* threaded_server.h - a server that runs in a thread of a test, and connections to it. */
#ifndef ASOF_TESTS_HTTP_THREADED_SERVER_H
#define ASOF_TESTS_HTTP_THREADED_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "http/server.h"

/* A server without a reader: probes and refusals only. */
struct fixture {
	struct asof_server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* guards `port` */
	pthread_cond_t is_ready;
	uint16_t port;
	enum asof_status status;
	struct asof_error err;
};

static struct fixture fixture = { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .is_ready = PTHREAD_COND_INITIALIZER };

static inline void
on_ready(void *arg, const char *address, uint16_t port)
{
	struct fixture *f = arg;
	assert_string_equal(address, "127.0.0.1");
	ASOF_HOLD(held, &f->lock);
	f->port = port;
	(void)pthread_cond_signal(&f->is_ready);
}

static inline void *
run_server(void *arg)
{
	struct fixture *f = arg;
	f->status = asof_server_run(f->server, &f->err);
	return NULL;
}

static inline void
start(struct asof_server_options options)
{
	struct fixture *f = &fixture;
	f->port = 0;
	f->err = (struct asof_error){ 0 };
	options.listen = "127.0.0.1:0";
	options.ready = on_ready;
	options.ready_arg = f;
	assert_ok(asof_server_new(NULL, &options, &f->server, &f->err), f->err);
	assert_int_equal(pthread_create(&f->thread, NULL, run_server, f), 0);
	ASOF_HOLD(held, &f->lock);
	while (f->port == 0)
		(void)pthread_cond_wait(&f->is_ready, &f->lock);
}

static inline void
await_end(void)
{
	assert_int_equal(pthread_join(fixture.thread, NULL), 0);
	assert_ok(fixture.status, fixture.err);
	asof_server_free(fixture.server);
}

static inline void
stop(void)
{
	asof_server_stop(fixture.server);
	await_end();
}

/* A connection, or -1 where it is refused. */
static inline int
dial(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(fixture.port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	assert_int_equal(close(fd), 0);
	return -1;
}

#endif
