/*
 * connection_h2o.c - one connection of a loop: libh2o's socket under asof_exchange, with TLS in
 * between where the server speaks it.
 *
 * It is in one state at a time; each state has its timer. Nothing is read while an answer is
 * written, so that a client cannot make the input grow by pipelining.
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/loop_h2o.h"

/* The first byte of a TLS connection. */
#define TLS_HANDSHAKE 0x16
/* One write, so that a slow client shows progress before its timer ends. */
#define SLICE_BYTES ((size_t)1 << 20)
/* The same where it has to be sealed into another buffer first. */
#define SEALED_SLICE_BYTES ((size_t)128 << 10)
/* What one record of TLS holds at most. */
#define RECORD_BYTES ((size_t)16 << 10)

static void on_read(h2o_socket_t *sock, const char *err);
static void go_on_after_slice(struct asof_connection *conn);
static void advance_http1(struct asof_connection *conn);
static void pump_http2(struct asof_connection *conn);

/* The bytes that requests are read from. */
static h2o_buffer_t **
input_of(struct asof_connection *conn)
{
	return conn->channel ? &conn->clear : &conn->sock->input;
}

static void
set_timer(struct asof_connection *conn, h2o_timeout_t *timeout)
{
	h2o_timeout_unlink(&conn->timer);
	h2o_timeout_link(conn->loop->h2o, timeout, &conn->timer);
}

static void
on_write(h2o_socket_t *sock, const char *err)
{
	struct asof_connection *conn = sock->data;
	if (err) {
		asof_connection_close(conn);
		return;
	}
	if (conn->channel)
		asof_tls_channel_sent(conn->channel);
	conn->after_write(conn);
}

/* Write what stays where it is until then, and go on with `after`. */
static void
write_out(struct asof_connection *conn, h2o_iovec_t *vecs, size_t count,
	  void (*after)(struct asof_connection *conn))
{
	conn->after_write = after;
	h2o_socket_write(conn->sock, vecs, count, on_write);
}

/* TLS wants to be told that nothing was cut off. Nobody waits for whether it is. */
static void
say_goodbye(struct asof_connection *conn)
{
	if (!conn->channel || conn->state != ASOF_CONNECTION_IDLE)
		return;
	asof_tls_channel_seal_goodbye(conn->channel);
	struct asof_str bytes = asof_tls_channel_output(conn->channel);
	ssize_t sent = send(h2o_socket_get_fd(conn->sock), bytes.ptr, bytes.len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)sent;
}

void
asof_connection_close(struct asof_connection *conn)
{
	struct asof_loop *loop = conn->loop;
	say_goodbye(conn);
	h2o_timeout_unlink(&conn->timer);
	h2o_linklist_unlink(&conn->link);
	h2o_socket_close(conn->sock);
	if (conn->clear)
		h2o_buffer_dispose(&conn->clear);
	asof_tls_channel_free(conn->channel);
	asof_http2_free(conn->http2);
	asof_exchange_done(&conn->exchange, &loop->desk);
	asof_mem_free(conn);
	loop->connection_count--;
	asof_meter_connection(loop->desk.meter, false);
	asof_loop_resume_accepting(loop);
}

static bool
has_unread_bytes(const struct asof_connection *conn)
{
	int count = 0;
	return ioctl(h2o_socket_get_fd(conn->sock), FIONREAD, &count) == 0 && count > 0;
}

/* Say that nothing more comes and wait for the client to say so too: closing on top of bytes that
 * were not read would reset the connection, and the client might lose the answer. */
static void
linger(struct asof_connection *conn)
{
	(void)shutdown(h2o_socket_get_fd(conn->sock), SHUT_WR);
	conn->state = ASOF_CONNECTION_LINGERING;
	h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
	set_timer(conn, &conn->loop->linger_timeout);
	h2o_socket_read_start(conn->sock, on_read);
}

static size_t
answer_bytes(const struct asof_connection *conn)
{
	const struct asof_exchange *exchange = &conn->exchange;
	return exchange->head.len + (exchange->sends_body ? exchange->body.len : 0);
}

/* Cut what is to be written next, at most `room` bytes, off head and body. */
static size_t
cut_slice(struct asof_connection *conn, size_t room, struct asof_str parts[2])
{
	const struct asof_exchange *exchange = &conn->exchange;
	size_t head_len = exchange->head.len;
	size_t total = answer_bytes(conn);
	size_t at = conn->written_bytes;
	size_t count = 0;
	while (at < total && room > 0) {
		bool is_head = at < head_len;
		const char *from =
			is_head ? exchange->head.ptr + at : exchange->body.ptr + (at - head_len);
		size_t left = (is_head ? head_len : total) - at;
		size_t len = left < room ? left : room;
		parts[count++] = (struct asof_str){ from, len };
		at += len;
		room -= len;
	}
	conn->written_bytes = at;
	return count;
}

/* The same as TLS sends it; the goodbye behind the last answer. */
static bool
seal_slice(struct asof_connection *conn, const struct asof_str *parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!asof_tls_channel_seal(conn->channel, parts[i]))
			return false;
	}
	if (conn->exchange.closes && conn->written_bytes == answer_bytes(conn))
		asof_tls_channel_seal_goodbye(conn->channel);
	return true;
}

static h2o_iovec_t
iovec_of(struct asof_str bytes)
{
	return (h2o_iovec_t){ .base = (char *)(uintptr_t)bytes.ptr, .len = bytes.len };
}

static void
write_slice(struct asof_connection *conn)
{
	struct asof_str parts[2];
	size_t count = cut_slice(conn, conn->channel ? SEALED_SLICE_BYTES : SLICE_BYTES, parts);
	if (conn->channel) {
		if (!seal_slice(conn, parts, count)) {
			asof_connection_close(conn);
			return;
		}
		parts[0] = asof_tls_channel_output(conn->channel);
		count = 1;
	}
	h2o_iovec_t vecs[2] = { iovec_of(parts[0]) };
	if (count > 1)
		vecs[1] = iovec_of(parts[1]);
	set_timer(conn, &conn->loop->idle_timeout);
	write_out(conn, vecs, count, go_on_after_slice);
}

static void
begin_answer(struct asof_connection *conn)
{
	if (conn->exchange.head.len == 0) {
		asof_connection_close(conn);
		return;
	}
	h2o_socket_read_stop(conn->sock);
	conn->state = ASOF_CONNECTION_WRITING;
	conn->written_bytes = 0;
	write_slice(conn);
}

static bool
is_ended(const struct asof_connection *conn)
{
	return conn->channel && asof_tls_channel_state(conn->channel) == ASOF_TLS_ENDED;
}

static void
await_input(struct asof_connection *conn)
{
	struct asof_loop *loop = conn->loop;
	bool has_begun = (*input_of(conn))->size > 0;
	enum asof_connection_state state =
		has_begun ? ASOF_CONNECTION_READING : ASOF_CONNECTION_IDLE;
	bool is_draining = !loop->listener;
	if (is_ended(conn) || (!has_begun && conn->has_served && is_draining)) {
		asof_connection_close(conn);
		return;
	}
	/* The time to read a request runs from its first byte. */
	if (!has_begun)
		set_timer(conn, is_draining ? &loop->fresh_timeout : &loop->idle_timeout);
	else if (conn->state != state)
		set_timer(conn, &loop->read_timeout);
	conn->state = state;
	h2o_socket_read_start(conn->sock, on_read);
}

/* Between requests nothing of the state is in use. */
static void
refresh(struct asof_loop *loop)
{
	asof_live_hold(loop->live, &loop->held);
	loop->desk.routes.tokens = loop->held->tokens;
}

/* Without a timer: what it waits for ends. */
static void
await_waking(struct asof_connection *conn)
{
	h2o_timeout_unlink(&conn->timer);
	h2o_socket_read_stop(conn->sock);
	conn->state = ASOF_CONNECTION_WAITING;
	asof_loop_watch_errands(conn->loop);
}

/* HTTP/2 has one timer: how long nothing has come of it. What a client can send for nothing, as
 * pings, does not set it anew, and neither does a write that does not end. */
static void
set_http2_timer(struct asof_connection *conn)
{
	struct asof_loop *loop = conn->loop;
	uint64_t progress = asof_http2_progress(conn->http2);
	if (progress == conn->progress && h2o_timeout_is_linked(&conn->timer))
		return;
	conn->progress = progress;
	if (asof_http2_is_reading(conn->http2))
		set_timer(conn, &loop->read_timeout);
	else
		set_timer(conn, loop->listener ? &loop->idle_timeout : &loop->fresh_timeout);
}

static void
expire_http2(struct asof_connection *conn)
{
	/* The loop's clock may be a little behind. */
	int64_t limit_us = (int64_t)conn->loop->options->read_timeout_ms * 900;
	asof_http2_expire(conn->http2, asof_monotonic_us() - limit_us);
}

static void
write_http2(struct asof_connection *conn, struct asof_str bytes)
{
	h2o_socket_read_stop(conn->sock);
	conn->state = ASOF_CONNECTION_WRITING;
	if (conn->channel) {
		if (!asof_tls_channel_seal(conn->channel, bytes)) {
			asof_connection_close(conn);
			return;
		}
		bytes = asof_tls_channel_output(conn->channel);
	}
	h2o_iovec_t vec = iovec_of(bytes);
	write_out(conn, &vec, 1, pump_http2);
}

/* Send what there is to be sent, or wait for more. */
static void
pump_http2(struct asof_connection *conn)
{
	struct asof_http2 *http2 = conn->http2;
	asof_http2_wake(http2);
	asof_loop_watch_errands(conn->loop);
	bool is_busy = asof_http2_is_busy(http2);
	/* Not while answers are on their way: some clients take the goodbye for the end. */
	if (!conn->loop->listener && !is_busy && asof_http2_progress(http2) > 0)
		asof_http2_drain(http2);
	set_http2_timer(conn);
	struct asof_str bytes = asof_http2_output(http2);
	if (bytes.len > 0) {
		write_http2(conn, bytes);
		return;
	}
	is_busy = asof_http2_is_busy(http2);
	conn->state = is_busy ? ASOF_CONNECTION_READING : ASOF_CONNECTION_IDLE;
	if (is_ended(conn)) {
		asof_connection_close(conn);
	} else if (asof_http2_is_done(http2)) {
		say_goodbye(conn);
		linger(conn);
	} else {
		h2o_socket_read_start(conn->sock, on_read);
	}
}

static void
advance_http2(struct asof_connection *conn)
{
	h2o_buffer_t **input = input_of(conn);
	struct asof_str bytes = { (*input)->bytes, (*input)->size };
	refresh(conn->loop);
	if (!asof_http2_feed(conn->http2, bytes)) {
		asof_connection_close(conn);
		return;
	}
	h2o_buffer_consume(input, bytes.len);
	pump_http2(conn);
}

static void
on_http2_timer(struct asof_connection *conn)
{
	bool is_stuck = conn->state == ASOF_CONNECTION_WRITING;
	if (!is_stuck &&
	    (asof_http2_is_reading(conn->http2) || asof_http2_is_waiting(conn->http2))) {
		expire_http2(conn);
		pump_http2(conn);
	} else if (!is_stuck && !asof_http2_is_busy(conn->http2)) {
		asof_http2_drain(conn->http2);
		pump_http2(conn);
	} else {
		asof_connection_close(conn);
	}
}

enum greeting { GREETING_HTTP1, GREETING_HTTP2, GREETING_UNCLEAR };

/* What a connection speaks that has said nothing that was answered: agreed on by TLS, or told by
 * its first bytes. */
static enum greeting
greeting_of(struct asof_connection *conn)
{
	if (!conn->loop->options->speaks_http2 || conn->has_served || conn->exchange.head_len > 0)
		return GREETING_HTTP1;
	if (conn->channel)
		return asof_tls_channel_is_http2(conn->channel) ? GREETING_HTTP2 : GREETING_HTTP1;
	const h2o_buffer_t *input = conn->sock->input;
	size_t len = input->size < ASOF_HTTP2_PREFACE_LEN ? input->size : ASOF_HTTP2_PREFACE_LEN;
	if (len == 0 || memcmp(input->bytes, ASOF_HTTP2_PREFACE, len) != 0)
		return GREETING_HTTP1;
	return len == ASOF_HTTP2_PREFACE_LEN ? GREETING_HTTP2 : GREETING_UNCLEAR;
}

static void
begin_http2(struct asof_connection *conn)
{
	struct asof_loop *loop = conn->loop;
	conn->http2 = asof_http2_new(&loop->desk, loop->options->response_max_bytes, conn);
	if (conn->http2)
		advance_http2(conn);
	else
		asof_connection_close(conn);
}

static void
advance(struct asof_connection *conn)
{
	if (conn->http2) {
		advance_http2(conn);
		return;
	}
	switch (greeting_of(conn)) {
	case GREETING_HTTP2:
		begin_http2(conn);
		return;
	case GREETING_UNCLEAR:
		await_input(conn);
		return;
	case GREETING_HTTP1:
		advance_http1(conn);
		return;
	}
}

static void
advance_http1(struct asof_connection *conn)
{
	h2o_buffer_t *buffer = *input_of(conn);
	struct asof_input input = { buffer->bytes, buffer->size };
	refresh(conn->loop);
	enum asof_want want = asof_exchange_advance(&conn->exchange, &conn->loop->desk, &input);
	buffer->size = input.len;
	if (want == ASOF_WANT_OUTPUT)
		begin_answer(conn);
	else if (want == ASOF_WANT_WAKING)
		await_waking(conn);
	else
		await_input(conn);
}

void
asof_connection_wake(struct asof_connection *conn)
{
	bool is_http2_ready = conn->http2 && (conn->state == ASOF_CONNECTION_IDLE ||
					      conn->state == ASOF_CONNECTION_READING);
	if (is_http2_ready)
		pump_http2(conn);
	else if (conn->state == ASOF_CONNECTION_WAITING &&
		 asof_exchange_may_advance(&conn->exchange))
		advance(conn);
}

/* What was said while hands were shaken, or an alert, is on its way. */
static void
go_on_after_flight(struct asof_connection *conn)
{
	switch (asof_tls_channel_state(conn->channel)) {
	case ASOF_TLS_SHAKING:
		h2o_socket_read_start(conn->sock, on_read);
		return;
	case ASOF_TLS_BROKEN:
		linger(conn);
		return;
	case ASOF_TLS_ESTABLISHED:
	case ASOF_TLS_ENDED:
		advance(conn); /* a request may have come with the last of it */
		return;
	}
}

static void
send_flight(struct asof_connection *conn)
{
	h2o_iovec_t vec = iovec_of(asof_tls_channel_output(conn->channel));
	h2o_socket_read_stop(conn->sock);
	if (vec.len > 0)
		write_out(conn, &vec, 1, go_on_after_flight);
	else
		go_on_after_flight(conn);
}

/* Move what arrived through the channel. */
static void
unseal(struct asof_connection *conn)
{
	struct asof_tls_channel *channel = conn->channel;
	bool was_shaking = asof_tls_channel_state(channel) == ASOF_TLS_SHAKING;
	h2o_buffer_t *raw = conn->sock->input;
	(void)asof_tls_channel_feed(channel, (struct asof_str){ raw->bytes, raw->size });
	h2o_buffer_consume(&conn->sock->input, raw->size);
	for (;;) {
		h2o_iovec_t room = h2o_buffer_reserve(&conn->clear, RECORD_BYTES);
		size_t count = asof_tls_channel_read(channel, room.base, RECORD_BYTES);
		if (count == 0)
			break;
		conn->clear->size += count;
	}
	if (was_shaking || asof_tls_channel_state(channel) == ASOF_TLS_BROKEN)
		send_flight(conn);
	else
		advance(conn);
}

/* The first bytes on a server that speaks TLS. From here on the time to read runs. */
static void
greet(struct asof_connection *conn)
{
	struct asof_loop *loop = conn->loop;
	if (conn->sock->input->size == 0)
		return;
	if (conn->sock->input->bytes[0] != TLS_HANDSHAKE) {
		(void)asof_exchange_refuse_plain(&conn->exchange, &loop->desk);
		begin_answer(conn);
		return;
	}
	refresh(loop);
	conn->channel = asof_tls_channel_new(loop->held->tls);
	if (!conn->channel) {
		asof_connection_close(conn);
		return;
	}
	h2o_buffer_init(&conn->clear, &h2o_socket_buffer_prototype);
	conn->state = ASOF_CONNECTION_SHAKING;
	set_timer(conn, &loop->read_timeout);
	unseal(conn);
}

static void
on_read(h2o_socket_t *sock, const char *err)
{
	struct asof_connection *conn = sock->data;
	if (err)
		asof_connection_close(conn);
	else if (conn->state == ASOF_CONNECTION_LINGERING)
		h2o_buffer_consume(&sock->input, sock->input->size);
	else if (conn->state == ASOF_CONNECTION_GREETING)
		greet(conn);
	else if (conn->channel)
		unseal(conn);
	else
		advance(conn);
}

static void
go_on_after_slice(struct asof_connection *conn)
{
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
	h2o_buffer_consume(input_of(conn), used);
	advance(conn);
}

static void
on_timer(h2o_timeout_entry_t *timer)
{
	struct asof_connection *conn = H2O_STRUCT_FROM_MEMBER(struct asof_connection, timer, timer);
	if (conn->http2 && conn->state != ASOF_CONNECTION_LINGERING)
		on_http2_timer(conn);
	else if (conn->state == ASOF_CONNECTION_READING &&
		 asof_exchange_expire(&conn->exchange, &conn->loop->desk,
				      (*input_of(conn))->size) == ASOF_WANT_OUTPUT)
		begin_answer(conn);
	else
		asof_connection_close(conn);
}

void
asof_connection_open(struct asof_loop *loop, h2o_socket_t *sock)
{
	struct asof_connection *conn = asof_mem_alloc(sizeof(*conn));
	if (!conn) {
		h2o_socket_close(sock);
		return;
	}
	conn->loop = loop;
	conn->sock = sock;
	conn->state =
		loop->options->tls_cert_path ? ASOF_CONNECTION_GREETING : ASOF_CONNECTION_IDLE;
	conn->exchange = asof_exchange_make(loop->options->response_max_bytes, conn);
	conn->timer.cb = on_timer;
	sock->data = conn;
	h2o_linklist_insert(&loop->connections, &conn->link);
	loop->connection_count++;
	asof_meter_connection(loop->desk.meter, true);
	set_timer(conn, &loop->idle_timeout);
	h2o_socket_read_start(sock, on_read);
}

void
asof_connection_drain(struct asof_connection *conn)
{
	if (conn->http2 && conn->state != ASOF_CONNECTION_WRITING &&
	    conn->state != ASOF_CONNECTION_LINGERING) {
		pump_http2(conn);
		return;
	}
	if (conn->state != ASOF_CONNECTION_IDLE && conn->state != ASOF_CONNECTION_GREETING)
		return;
	if (conn->has_served && !has_unread_bytes(conn))
		asof_connection_close(conn);
	else
		set_timer(conn, &conn->loop->fresh_timeout);
}
