/*
 * server_h2o.c - the server: libh2o's event loops and sockets under asof_exchange.
 *
 * One loop per thread, all accepting from one socket. A connection belongs to its loop for life and
 * is in one state at a time; each state has its timer. Nothing is read while an answer is written,
 * so that a client cannot make the input grow by pipelining.
 */
#define H2O_USE_LIBUV 0
#define H2O_USE_EPOLL 1
#include <h2o.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "http/exchange.h"
#include "http/listen.h"
#include "http/server.h"

/* One write, so that a slow client shows progress before its timer ends. */
#define SLICE_BYTES ((size_t)1 << 20)
/* How long a closed connection waits for its client to have read the answer. */
#define LINGER_MS 2000
/* A connection that was accepted while draining may still send its first request so long. */
#define FRESH_MS        1000
#define ACCEPT_RETRY_MS 100
#define ACCEPTS_AT_ONCE 16
/* Memory of one request: its JSON tree and keys; the rows of one slice. */
#define REQUEST_ARENA_BYTES ((size_t)512 << 20)
#define ROWS_ARENA_BYTES    ((size_t)512 << 20)

enum state {
	STATE_IDLE,    /* nothing of a next request has arrived */
	STATE_READING, /* some of it has */
	STATE_WRITING,
	STATE_LINGERING, /* answered and shut down; what still arrives is dropped */
};

struct asof_server {
	struct asof_server_options options; /* defaults filled in */
	struct asof_reader *reader;
	struct asof_listener listener;
	int stop_fd; /* eventfd: readable for good once stopped */
	atomic_bool is_closing;
	struct asof_budget budget;
};

/* One thread's. */
struct loop {
	struct asof_server *server;
	struct asof_desk desk;
	h2o_loop_t *h2o;
	h2o_socket_t *listener; /* NULL once draining */
	h2o_socket_t *stopper;
	h2o_timeout_t read_timeout;
	h2o_timeout_t idle_timeout;
	h2o_timeout_t linger_timeout;
	h2o_timeout_t fresh_timeout;
	h2o_timeout_t drain_timeout;
	h2o_timeout_t accept_timeout;
	h2o_timeout_entry_t drain_timer;
	h2o_timeout_entry_t accept_timer;
	h2o_linklist_t connections;
	size_t connection_count;
	size_t connection_max;
	int listen_fd; /* of its own; given to `listener` */
	int stop_fd;   /* likewise */
	pthread_t thread;
	bool has_thread;
};

struct connection {
	struct loop *loop;
	h2o_socket_t *sock;
	struct asof_exchange exchange;
	enum state state;
	bool has_served;
	size_t written_bytes; /* of the answer's head and body */
	h2o_timeout_entry_t timer;
	h2o_linklist_t link;
};

static void on_read(h2o_socket_t *sock, const char *err);
static void on_write(h2o_socket_t *sock, const char *err);
static void on_accept(h2o_socket_t *listener, const char *err);

static struct connection *
connection_of_timer(h2o_timeout_entry_t *timer)
{
	return H2O_STRUCT_FROM_MEMBER(struct connection, timer, timer);
}

static void
set_timer(struct connection *conn, h2o_timeout_t *timeout)
{
	h2o_timeout_unlink(&conn->timer);
	h2o_timeout_link(conn->loop->h2o, timeout, &conn->timer);
}

static void
close_connection(struct connection *conn)
{
	struct loop *loop = conn->loop;
	h2o_timeout_unlink(&conn->timer);
	h2o_linklist_unlink(&conn->link);
	h2o_socket_close(conn->sock);
	asof_exchange_done(&conn->exchange, &loop->desk);
	asof_mem_free(conn);
	loop->connection_count--;
	if (loop->listener && !h2o_socket_is_reading(loop->listener))
		h2o_socket_read_start(loop->listener, on_accept);
}

/* Say that nothing more comes and wait for the client to say so too: closing on top of bytes that
 * were not read would reset the connection, and the client might lose the answer. */
static void
linger(struct connection *conn)
{
	(void)shutdown(h2o_socket_get_fd(conn->sock), SHUT_WR);
	conn->state = STATE_LINGERING;
	h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
	set_timer(conn, &conn->loop->linger_timeout);
	h2o_socket_read_start(conn->sock, on_read);
}

/* The part of `buf` behind `skipped` bytes, at most `room` long. */
static h2o_iovec_t
part_of(const struct asof_buf *buf, size_t skipped, size_t room)
{
	size_t left = buf->len - skipped;
	return h2o_iovec_init(buf->ptr + skipped, left < room ? left : room);
}

static size_t
answer_bytes(const struct connection *conn)
{
	const struct asof_exchange *exchange = &conn->exchange;
	return exchange->head.len + (exchange->sends_body ? exchange->body.len : 0);
}

static void
write_slice(struct connection *conn)
{
	const struct asof_exchange *exchange = &conn->exchange;
	size_t head_len = exchange->head.len;
	size_t room = SLICE_BYTES;
	size_t count = 0;
	h2o_iovec_t parts[2];
	size_t end = conn->written_bytes;
	if (end < head_len) {
		parts[count] = part_of(&exchange->head, end, room);
		room -= parts[count].len;
		end += parts[count++].len;
	}
	if (end < answer_bytes(conn) && room > 0) {
		parts[count] = part_of(&exchange->body, end - head_len, room);
		end += parts[count++].len;
	}
	conn->written_bytes = end;
	set_timer(conn, &conn->loop->idle_timeout);
	h2o_socket_write(conn->sock, parts, count, on_write);
}

static void
begin_answer(struct connection *conn)
{
	if (conn->exchange.head.len == 0) {
		close_connection(conn);
		return;
	}
	h2o_socket_read_stop(conn->sock);
	conn->state = STATE_WRITING;
	conn->written_bytes = 0;
	write_slice(conn);
}

static void
await_input(struct connection *conn)
{
	enum state state = conn->sock->input->size > 0 ? STATE_READING : STATE_IDLE;
	if (state == STATE_IDLE && conn->has_served && !conn->loop->listener) {
		close_connection(conn); /* draining */
		return;
	}
	/* The time to read a request runs from its first byte. */
	if (conn->state != state || state == STATE_IDLE)
		set_timer(conn, state == STATE_IDLE ? &conn->loop->idle_timeout
						    : &conn->loop->read_timeout);
	conn->state = state;
	h2o_socket_read_start(conn->sock, on_read);
}

static void
advance(struct connection *conn)
{
	h2o_buffer_t *buffer = conn->sock->input;
	struct asof_input input = { buffer->bytes, buffer->size };
	enum asof_want want = asof_exchange_advance(&conn->exchange, &conn->loop->desk, &input);
	buffer->size = input.len;
	if (want == ASOF_WANT_OUTPUT)
		begin_answer(conn);
	else
		await_input(conn);
}

static void
on_read(h2o_socket_t *sock, const char *err)
{
	struct connection *conn = sock->data;
	if (err)
		close_connection(conn);
	else if (conn->state == STATE_LINGERING)
		h2o_buffer_consume(&sock->input, sock->input->size);
	else
		advance(conn);
}

static void
on_write(h2o_socket_t *sock, const char *err)
{
	struct connection *conn = sock->data;
	if (err) {
		close_connection(conn);
		return;
	}
	if (conn->written_bytes < answer_bytes(conn)) {
		write_slice(conn);
		return;
	}
	if (conn->exchange.closes) {
		linger(conn);
		return;
	}
	size_t used = asof_exchange_written(&conn->exchange, &conn->loop->desk);
	conn->has_served = conn->has_served || used > 0;
	h2o_buffer_consume(&sock->input, used);
	advance(conn);
}

static void
on_timer(h2o_timeout_entry_t *timer)
{
	struct connection *conn = connection_of_timer(timer);
	if (conn->state == STATE_READING &&
	    asof_exchange_expire(&conn->exchange, &conn->loop->desk, conn->sock->input->size) ==
		    ASOF_WANT_OUTPUT)
		begin_answer(conn);
	else
		close_connection(conn);
}

static void
add_connection(struct loop *loop, h2o_socket_t *sock)
{
	struct connection *conn = asof_mem_alloc(sizeof(*conn));
	if (!conn) {
		h2o_socket_close(sock);
		return;
	}
	conn->loop = loop;
	conn->sock = sock;
	conn->exchange = asof_exchange_make(loop->server->options.response_max_bytes);
	conn->timer.cb = on_timer;
	sock->data = conn;
	h2o_linklist_insert(&loop->connections, &conn->link);
	loop->connection_count++;
	set_timer(conn, &loop->idle_timeout);
	h2o_socket_read_start(sock, on_read);
}

static void
pause_accepting(struct loop *loop)
{
	h2o_socket_read_stop(loop->listener);
	h2o_timeout_unlink(&loop->accept_timer);
	h2o_timeout_link(loop->h2o, &loop->accept_timeout, &loop->accept_timer);
}

static void
on_accept_timer(h2o_timeout_entry_t *timer)
{
	struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, accept_timer, timer);
	if (loop->listener && loop->connection_count < loop->connection_max)
		h2o_socket_read_start(loop->listener, on_accept);
}

static void
on_accept(h2o_socket_t *listener, const char *err)
{
	struct loop *loop = listener->data;
	(void)err; /* of a listener: told by accept, too */
	for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
		if (loop->connection_count >= loop->connection_max) {
			h2o_socket_read_stop(listener); /* until one is closed */
			return;
		}
		errno = 0;
		h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
		if (!sock) {
			/* Out of descriptors: the listener stays readable and would spin. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				pause_accepting(loop);
			return;
		}
		add_connection(loop, sock);
	}
}

/* Take in whoever is in the queue: to them the connection stands already. */
static void
accept_waiting(struct loop *loop)
{
	size_t before;
	do {
		before = loop->connection_count;
		on_accept(loop->listener, NULL);
	} while (loop->connection_count > before);
}

static bool
has_unread_bytes(const struct connection *conn)
{
	int count = 0;
	return ioctl(h2o_socket_get_fd(conn->sock), FIONREAD, &count) == 0 && count > 0;
}

/* Idle connections end; one that never asked, or whose request is on its way, gets a moment. */
static void
drain_connections(struct loop *loop)
{
	h2o_linklist_t *next;
	for (h2o_linklist_t *node = loop->connections.next; node != &loop->connections;
	     node = next) {
		next = node->next;
		struct connection *conn = H2O_STRUCT_FROM_MEMBER(struct connection, link, node);
		if (conn->state != STATE_IDLE)
			continue;
		if (conn->has_served && !has_unread_bytes(conn))
			close_connection(conn);
		else
			set_timer(conn, &loop->fresh_timeout);
	}
}

static void
on_stop(h2o_socket_t *stopper, const char *err)
{
	struct loop *loop = stopper->data;
	(void)err;
	h2o_socket_close(stopper);
	loop->stopper = NULL;
	accept_waiting(loop);
	(void)shutdown(h2o_socket_get_fd(loop->listener), SHUT_RDWR); /* for all loops */
	h2o_socket_close(loop->listener);
	loop->listener = NULL;
	drain_connections(loop);
	h2o_timeout_link(loop->h2o, &loop->drain_timeout, &loop->drain_timer);
}

static void
on_drain_timer(h2o_timeout_entry_t *timer)
{
	struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, drain_timer, timer);
	while (!h2o_linklist_is_empty(&loop->connections))
		close_connection(
			H2O_STRUCT_FROM_MEMBER(struct connection, link, loop->connections.next));
}

static void
init_timeouts(struct loop *loop)
{
	const struct asof_server_options *options = &loop->server->options;
	h2o_timeout_init(loop->h2o, &loop->read_timeout, options->read_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->idle_timeout, options->idle_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->linger_timeout, LINGER_MS);
	h2o_timeout_init(loop->h2o, &loop->fresh_timeout, FRESH_MS);
	h2o_timeout_init(loop->h2o, &loop->drain_timeout, options->drain_timeout_ms);
	h2o_timeout_init(loop->h2o, &loop->accept_timeout, ACCEPT_RETRY_MS);
	loop->drain_timer.cb = on_drain_timer;
	loop->accept_timer.cb = on_accept_timer;
}

static void
dispose_timeouts(struct loop *loop)
{
	h2o_timeout_unlink(&loop->drain_timer);
	h2o_timeout_unlink(&loop->accept_timer);
	h2o_timeout_dispose(loop->h2o, &loop->read_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->idle_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->linger_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->fresh_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->drain_timeout);
	h2o_timeout_dispose(loop->h2o, &loop->accept_timeout);
}

/* A socket of this loop's own for a descriptor that all loops watch. */
static h2o_socket_t *
watch(struct loop *loop, int fd, h2o_socket_cb cb)
{
	h2o_socket_t *sock = h2o_evloop_socket_create(loop->h2o, fd, H2O_SOCKET_FLAG_DONT_READ);
	sock->data = loop;
	h2o_socket_read_start(sock, cb);
	return sock;
}

/* Input buffers that libh2o keeps per thread for later. */
static void
free_kept_buffers(void)
{
	h2o_mem_recycle_t *kept = &h2o_socket_buffer_prototype.allocator;
	while (kept->cnt > 0)
		free(h2o_mem_alloc_recycle(kept, 1));
}

static void
serve_until_drained(struct loop *loop)
{
	loop->h2o = h2o_evloop_create();
	init_timeouts(loop);
	h2o_linklist_init_anchor(&loop->connections);
	loop->listener = watch(loop, loop->listen_fd, on_accept);
	loop->stopper = watch(loop, loop->stop_fd, on_stop);
	loop->listen_fd = -1;
	loop->stop_fd = -1;
	while (loop->listener || loop->connection_count > 0)
		(void)h2o_evloop_run(loop->h2o, INT32_MAX);

	/* A closed socket is freed by the next round. */
	(void)h2o_evloop_run(loop->h2o, 0);
	dispose_timeouts(loop);
	h2o_evloop_destroy(loop->h2o);
	free_kept_buffers();
	asof_desk_done(&loop->desk);
}

static void *
run_thread(void *arg)
{
	serve_until_drained(arg);
	return NULL;
}

static size_t
or_default(size_t value, size_t otherwise)
{
	return value > 0 ? value : otherwise;
}

static struct asof_server_options
with_defaults(const struct asof_server_options *given)
{
	struct asof_server_options options = *given;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (!options.listen)
		options.listen = "127.0.0.1:8080";
	options.threads = (unsigned)or_default(options.threads, cpus > 0 ? (size_t)cpus : 1);
	options.body_max_bytes = or_default(options.body_max_bytes, (size_t)16 << 20);
	options.header_max_bytes = or_default(options.header_max_bytes, (size_t)64 << 10);
	options.entity_max = or_default(options.entity_max, 100000);
	options.response_max_bytes = or_default(options.response_max_bytes, (size_t)256 << 20);
	options.memory_max_bytes = or_default(options.memory_max_bytes, (size_t)1 << 30);
	options.connection_max = or_default(options.connection_max, 10000);
	options.read_timeout_ms = (unsigned)or_default(options.read_timeout_ms, 30000);
	options.idle_timeout_ms = (unsigned)or_default(options.idle_timeout_ms, 75000);
	options.drain_timeout_ms = (unsigned)or_default(options.drain_timeout_ms, 30000);
	return options;
}

enum asof_status
asof_server_new(struct asof_reader *reader, const struct asof_server_options *options,
		struct asof_server **ret_server, struct asof_error *err)
{
	ASOF_AUTO(asof_server_free_auto)
	struct asof_server *server = asof_mem_alloc(sizeof(*server));
	if (!server)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "server");
	server->options = with_defaults(options);
	server->reader = reader;
	server->listener.fd = -1;
	server->budget.max_bytes = server->options.memory_max_bytes;
	server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (server->stop_fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "server: %s", strerror(errno));
	ASOF_TRY(asof_listen(server->options.listen, &server->listener, err));

	/* libh2o would keep input beyond this in files of a temporary directory. */
	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
	*ret_server = ASOF_STEAL(server);
	return ASOF_OK;
}

void
asof_server_free(struct asof_server *server)
{
	if (!server)
		return;
	if (server->listener.fd >= 0)
		(void)close(server->listener.fd);
	if (server->stop_fd >= 0)
		(void)close(server->stop_fd);
	asof_mem_free(server);
}

void
asof_server_stop(struct asof_server *server)
{
	const uint64_t one = 1;
	int saved = errno;
	atomic_store(&server->is_closing, true);
	/* Fails only where the counter is full: then it was stopped before. */
	if (write(server->stop_fd, &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}

static enum asof_status
init_loop(struct asof_server *server, struct loop *loop, struct asof_error *err)
{
	const struct asof_server_options *options = &server->options;
	size_t share = options->connection_max / options->threads;
	loop->server = server;
	loop->connection_max = share > 0 ? share : 1;
	loop->desk = (struct asof_desk){
		.routes = { .reader = server->reader,
			    .entity_max = options->entity_max,
			    .is_closing = &server->is_closing },
		.scratch = { .request = ASOF_ARENA(REQUEST_ARENA_BYTES),
			     .rows = ASOF_ARENA(ROWS_ARENA_BYTES) },
		.header_max_bytes = options->header_max_bytes,
		.body_max_bytes = options->body_max_bytes,
		.budget = &server->budget,
		.log = options->log,
	};
	if (getrandom(&loop->desk.id_seed, sizeof(loop->desk.id_seed), 0) < 0)
		return ASOF_FAIL(err, ASOF_IO, "random numbers: %s", strerror(errno));
	loop->listen_fd = fcntl(server->listener.fd, F_DUPFD_CLOEXEC, 3);
	loop->stop_fd = fcntl(server->stop_fd, F_DUPFD_CLOEXEC, 3);
	if (loop->listen_fd < 0 || loop->stop_fd < 0)
		return ASOF_FAIL(err, ASOF_IO, "server thread: %s", strerror(errno));
	return ASOF_OK;
}

/* The loops but the first, which is the caller's. What cannot be started is not missed at the end:
 * those that run are stopped and waited for. */
static enum asof_status
start_threads(struct loop *loops, unsigned count, struct asof_error *err)
{
	for (unsigned i = 1; i < count; i++) {
		int rc = pthread_create(&loops[i].thread, NULL, run_thread, &loops[i]);
		if (rc != 0)
			return ASOF_FAIL(err, ASOF_IO, "server thread: %s", strerror(rc));
		loops[i].has_thread = true;
	}
	return ASOF_OK;
}

static void
end_loops(struct loop *loops, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (loops[i].has_thread)
			(void)pthread_join(loops[i].thread, NULL);
		if (loops[i].listen_fd >= 0)
			(void)close(loops[i].listen_fd);
		if (loops[i].stop_fd >= 0)
			(void)close(loops[i].stop_fd);
	}
}

/* Threads of the server take no signals; writing to a closed socket must not end the program. */
static void
block_signals(sigset_t *ret_before)
{
	sigset_t all;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static void
unblock_signals_but_pipe(const sigset_t *before)
{
	sigset_t mask = *before;
	(void)sigaddset(&mask, SIGPIPE);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void
restore_signals(const sigset_t *before)
{
	const struct timespec at_once = { 0 };
	sigset_t pipe_only;
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	if (!sigismember(before, SIGPIPE))
		(void)sigtimedwait(&pipe_only, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

static enum asof_status
run_loops(struct asof_server *server, struct loop *loops, struct asof_error *err)
{
	unsigned count = server->options.threads;
	for (unsigned i = 0; i < count; i++)
		ASOF_TRY(init_loop(server, &loops[i], err));

	sigset_t before;
	block_signals(&before);
	enum asof_status status = start_threads(loops, count, err);
	unblock_signals_but_pipe(&before);
	if (status == ASOF_OK && server->options.ready)
		server->options.ready(server->options.ready_arg, server->listener.address,
				      server->listener.port);
	if (status != ASOF_OK)
		asof_server_stop(server);
	else
		serve_until_drained(&loops[0]);
	end_loops(loops, count);
	restore_signals(&before);
	return status;
}

static void
loops_free_auto(struct loop **loops)
{
	asof_mem_free(*loops);
}

enum asof_status
asof_server_run(struct asof_server *server, struct asof_error *err)
{
	unsigned count = server->options.threads;
	ASOF_AUTO(loops_free_auto) struct loop *loops = asof_mem_alloc(count * sizeof(*loops));
	if (!loops)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%u server threads", count);
	for (unsigned i = 0; i < count; i++) {
		loops[i].listen_fd = -1;
		loops[i].stop_fd = -1;
	}
	enum asof_status status = run_loops(server, loops, err);
	if (status != ASOF_OK)
		end_loops(loops, count);
	return status;
}
