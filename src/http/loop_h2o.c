/*
 * loop_h2o.c - one thread of the server: libh2o's event loop and sockets under asof_exchange.
 *
 * All threads accept from one socket. A connection belongs to its loop for life and
 * is in one state at a time; each state has its timer. Nothing is read while an answer is written,
 * so that a client cannot make the input grow by pipelining.
 */
#define H2O_USE_LIBUV 0
#define H2O_USE_EPOLL 1
#include <h2o.h>

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "http/loop.h"

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

/* One thread's. */
struct loop {
	const struct asof_server_options *options;
	struct asof_desk desk;
	struct asof_live *live;
	struct asof_live_state *held; /* what is in force, as last seen */
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
	asof_meter_connection(loop->desk.meter, false);
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

/* Between requests nothing of the state is in use. */
static void
refresh(struct loop *loop)
{
	asof_live_hold(loop->live, &loop->held);
	loop->desk.routes.tokens = loop->held->tokens;
}

static void
advance(struct connection *conn)
{
	h2o_buffer_t *buffer = conn->sock->input;
	struct asof_input input = { buffer->bytes, buffer->size };
	refresh(conn->loop);
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
	conn->exchange = asof_exchange_make(loop->options->response_max_bytes);
	conn->timer.cb = on_timer;
	sock->data = conn;
	h2o_linklist_insert(&loop->connections, &conn->link);
	loop->connection_count++;
	asof_meter_connection(loop->desk.meter, true);
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
	const struct asof_server_options *options = loop->options;
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

void
asof_loop_prepare(void)
{
	/* libh2o would keep input beyond this in files of a temporary directory. */
	h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
}

static struct asof_desk
desk_of(const struct asof_loop_job *job)
{
	return (struct asof_desk){
		.routes = { .reader = job->reader,
			    .entity_max = job->options->entity_max,
			    .is_closing = job->is_closing,
			    .metrics = job->metrics },
		.scratch = { .request = ASOF_ARENA(REQUEST_ARENA_BYTES),
			     .rows = ASOF_ARENA(ROWS_ARENA_BYTES) },
		.header_max_bytes = job->options->header_max_bytes,
		.body_max_bytes = job->options->body_max_bytes,
		.budget = job->budget,
		.log = job->options->log,
		.logs_requests = job->options->logs_requests,
		.meter = job->meter,
		.id_seed = job->id_seed,
	};
}

void
asof_loop_serve(const struct asof_loop_job *job)
{
	size_t share = job->options->connection_max / job->options->threads;
	struct loop loop = {
		.options = job->options,
		.desk = desk_of(job),
		.live = job->live,
		.h2o = h2o_evloop_create(),
		.connection_max = share > 0 ? share : 1,
	};
	init_timeouts(&loop);
	h2o_linklist_init_anchor(&loop.connections);
	loop.listener = watch(&loop, job->listen_fd, on_accept);
	loop.stopper = watch(&loop, job->stop_fd, on_stop);
	while (loop.listener || loop.connection_count > 0)
		(void)h2o_evloop_run(loop.h2o, INT32_MAX);

	/* A closed socket is freed by the next round. */
	(void)h2o_evloop_run(loop.h2o, 0);
	dispose_timeouts(&loop);
	h2o_evloop_destroy(loop.h2o);
	free_kept_buffers();
	asof_desk_done(&loop.desk);
	asof_live_release(&loop.held);
}
