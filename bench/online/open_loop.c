/*
 * open_loop.c - requests at a fixed rate, whatever the server does; latency from the instant at
 * which each was to be sent, so that a server that stalls is charged with all who would have come
 * meanwhile.
 *
 *   open_loop HOST PORT RATE SECONDS CONNECTIONS FILE
 *
 * FILE holds whole HTTP/1.1 requests, each behind a line with its length in bytes; they are sent in
 * turn. A request whose time has come takes an idle connection, or waits for one. The first fifth
 * of the time warms up and is not counted. One thread, which never sleeps: give it a processor of
 * its own. Prints a JSON line.
 */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "timing.h"

#define ANSWER_BYTES ((size_t)1 << 16) /* room at first */
#define EVENTS_MAX   64
#define DRAIN_S      5.0 /* for what is under way at the end */

const char bench_name[] = "open_loop";

struct request {
	const char *bytes;
	size_t len;
};

struct connection {
	int fd;
	double intended; /* of the request under way */
	const struct request *request;
	size_t sent;
	bool waits_for_room; /* EPOLLOUT is watched, too */
	char *answer;
	size_t len;
	size_t room;
};

struct client {
	struct request *requests;
	size_t request_count;
	struct connection *connections;
	struct connection **idle; /* a stack */
	size_t idle_count;
	int epoll;
	double *latencies;
	size_t latency_count;
	size_t latency_max;
	double counted_from;
	size_t sent;
	size_t failed; /* answers that are not 200 */
};

static void
give_up(const char *what)
{
	fprintf(stderr, "open_loop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *
whole_file(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) != 0)
		give_up(path);
	long len = ftell(file);
	rewind(file);
	char *bytes = allocate((size_t)len + 1, 1);
	if (fread(bytes, 1, (size_t)len, file) != (size_t)len)
		give_up(path);
	(void)fclose(file);
	*ret_len = (size_t)len;
	return bytes;
}

static void
read_requests(struct client *c, const char *path)
{
	size_t len;
	size_t room = 0;
	char *at = whole_file(path, &len);
	char *end = at + len;
	while (at < end) {
		size_t size = strtoull(at, &at, 10);
		if (c->request_count == room) {
			room = room ? room * 2 : 1024;
			c->requests = asof_mem_resize(c->requests, room * sizeof(*c->requests));
		}
		if (!c->requests || size == 0 || *at++ != '\n' || size > (size_t)(end - at)) {
			fprintf(stderr, "open_loop: '%s' is not a file of requests\n", path);
			exit(1);
		}
		c->requests[c->request_count++] = (struct request){ at, size };
		at += size;
	}
}

static int
connected(const char *host, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		give_up("connect");
	return fd;
}

static void
watch(const struct client *c, struct connection *conn, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };
	if (epoll_ctl(c->epoll, op, conn->fd, &event) != 0)
		give_up("epoll_ctl");
}

static void
open_connections(struct client *c, const char *host, uint16_t port, size_t count)
{
	c->connections = allocate(count, sizeof(*c->connections));
	c->idle = allocate(count, sizeof(*c->idle));
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		give_up("epoll_create1");
	for (size_t i = 0; i < count; i++) {
		struct connection *conn = &c->connections[i];
		conn->fd = connected(host, port);
		conn->room = ANSWER_BYTES;
		conn->answer = allocate(conn->room + 1, 1);
		watch(c, conn, EPOLL_CTL_ADD, EPOLLIN);
		c->idle[c->idle_count++] = conn;
	}
}

static void
wait_for_room(struct client *c, struct connection *conn, bool is_waiting)
{
	if (conn->waits_for_room == is_waiting)
		return;
	watch(c, conn, EPOLL_CTL_MOD, is_waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
	conn->waits_for_room = is_waiting;
}

/* A request longer than the socket's buffer goes on when there is room again. */
static void
send_rest(struct client *c, struct connection *conn)
{
	const struct request *request = conn->request;
	while (conn->sent < request->len) {
		ssize_t done =
			write(conn->fd, request->bytes + conn->sent, request->len - conn->sent);
		if (done < 0 && errno == EAGAIN) {
			wait_for_room(c, conn, true);
			return;
		}
		if (done <= 0)
			give_up("send");
		conn->sent += (size_t)done;
	}
	wait_for_room(c, conn, false);
}

static void
start(struct client *c, double intended)
{
	struct connection *conn = c->idle[--c->idle_count];
	conn->request = &c->requests[c->sent++ % c->request_count];
	conn->intended = intended;
	conn->sent = 0;
	conn->len = 0;
	send_rest(c, conn);
}

/* Is the answer whole? All have a Content-Length. */
static bool
is_whole(const struct connection *conn)
{
	static const char header[] = "\r\ncontent-length:";
	const char *end = memmem(conn->answer, conn->len, "\r\n\r\n", 4);
	if (!end)
		return false;
	conn->answer[conn->len] = '\0';
	const char *length = strcasestr(conn->answer, header);
	if (!length || length > end) {
		fprintf(stderr, "open_loop: an answer without Content-Length\n");
		exit(1);
	}
	size_t body = strtoull(length + sizeof(header) - 1, NULL, 10);
	return conn->len >= (size_t)(end + 4 - conn->answer) + body;
}

static void
finish(struct client *c, struct connection *conn)
{
	double now = seconds_now();
	if (strncmp(conn->answer, "HTTP/1.1 200", 12) != 0)
		c->failed++;
	if (conn->intended >= c->counted_from && c->latency_count < c->latency_max)
		c->latencies[c->latency_count++] = now - conn->intended;
	c->idle[c->idle_count++] = conn;
}

static void
receive(struct client *c, struct connection *conn)
{
	for (;;) {
		if (conn->len == conn->room) {
			conn->room *= 2;
			conn->answer = asof_mem_resize(conn->answer, conn->room + 1);
			if (!conn->answer)
				give_up("memory");
		}
		ssize_t done = read(conn->fd, conn->answer + conn->len, conn->room - conn->len);
		if (done < 0 && errno == EAGAIN)
			return;
		if (done <= 0)
			give_up("receive");
		conn->len += (size_t)done;
		if (conn->request && conn->sent == conn->request->len && is_whole(conn)) {
			finish(c, conn);
			return;
		}
	}
}

static void
poll_once(struct client *c)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(c->epoll, events, EVENTS_MAX, 0);
	for (int i = 0; i < count; i++) {
		struct connection *conn = events[i].data.ptr;
		if (events[i].events & EPOLLOUT)
			send_rest(c, conn);
		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(c, conn);
	}
}

static void
run(struct client *c, double rate, double seconds, size_t connections)
{
	double began = seconds_now();
	double end = began + seconds;
	c->counted_from = began + seconds / 5;
	for (double now = began; now < end + DRAIN_S; now = seconds_now()) {
		double due = began + (double)c->sent / rate;
		while (due <= now && due < end && c->idle_count > 0) {
			start(c, due);
			due = began + (double)c->sent / rate;
		}
		poll_once(c);
		if (due >= end && c->idle_count == connections)
			return;
	}
	fprintf(stderr, "open_loop: the server is still behind %.0f s after the end\n", DRAIN_S);
	exit(1);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

static double
quantile_us(const struct client *c, double q)
{
	size_t at = (size_t)((double)(c->latency_count - 1) * q);
	return c->latencies[at] * 1e6;
}

int
main(int argc, char **argv)
{
	struct client c = { 0 };
	if (argc != 7) {
		fprintf(stderr, "usage: open_loop HOST PORT RATE SECONDS CONNECTIONS FILE\n");
		return 2;
	}
	double rate = strtod(argv[3], NULL);
	double seconds = strtod(argv[4], NULL);
	size_t connections = argument(argc, argv, 5, 1);
	read_requests(&c, argv[6]);
	c.latency_max = (size_t)(rate * seconds) + 1;
	c.latencies = allocate(c.latency_max, sizeof(*c.latencies));
	open_connections(&c, argv[1], (uint16_t)strtoul(argv[2], NULL, 10), connections);
	run(&c, rate, seconds, connections);
	if (c.latency_count == 0)
		return 1;
	qsort(c.latencies, c.latency_count, sizeof(*c.latencies), by_value);
	printf("{\"requests\": %zu, \"sent\": %zu, \"failed\": %zu, \"p50_us\": %.1f, "
	       "\"p95_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
	       c.latency_count, c.sent, c.failed, quantile_us(&c, 0.5), quantile_us(&c, 0.95),
	       quantile_us(&c, 0.99), quantile_us(&c, 0.999), quantile_us(&c, 1));
	return 0;
}
