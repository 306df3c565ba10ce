/* http2.c - HTTP/2 on one connection, by nghttp2; its streams are exchanges. */
#include "http/http2.h"

#include <nghttp2/nghttp2.h>

#include "base/clock.h"

#define STREAMS_MAX       100
#define STREAM_WINDOW     (256 << 10)
#define CONNECTION_WINDOW (4 << 20)
#define OUTPUT_BYTES      ((size_t)128 << 10)
#define OUTPUT_BYTES_MAX  ((size_t)1 << 20)
#define HEADERS_MAX       32  /* of an answer */
#define ACKS_MAX          100 /* to pings and settings, not yet taken by the client */
/* So many more streams may be reset by the client than were answered. */
#define RESETS_MAX 100

enum stream_state {
	STREAM_READING,
	STREAM_WAITING, /* for what answers it: all of it is there */
	STREAM_ANSWERED,
};
#define STREAM_STATES 3

/* One request and its answer. */
struct stream {
	struct asof_http2 *http2;
	int32_t id;
	struct asof_exchange exchange;
	struct asof_buf input; /* as HTTP/1.1 says it */
	int64_t began_us;
	bool has_length;  /* its body's is told; else it goes in chunks */
	bool is_bodyless; /* the method is one that has none */
	enum stream_state state;
	bool is_sent;      /* the answer, to its end */
	size_t sent_bytes; /* of the answer's body */
	struct stream *next;
	struct stream **link;
};

struct asof_http2 {
	nghttp2_session *session;
	struct asof_desk *desk;
	size_t response_max_bytes;
	void *owner;
	struct stream *streams;
	size_t counts[STREAM_STATES]; /* of streams */
	uint64_t answered_count;
	uint64_t reset_count;
	uint64_t progress;
	bool has_said_goodbye;
	bool has_failed; /* for want of memory: what was said so far may end anywhere */
	struct asof_buf output;
};

static struct stream *
stream_new(struct asof_http2 *http2, int32_t id)
{
	struct asof_desk *desk = http2->desk;
	struct stream *stream = asof_mem_alloc(sizeof(*stream));
	if (!stream)
		return NULL;
	stream->http2 = http2;
	stream->id = id;
	stream->exchange = asof_exchange_make(http2->response_max_bytes, http2->owner);
	stream->input = ASOF_BUF(desk->header_max_bytes + desk->body_max_bytes + (1u << 20));
	stream->began_us = asof_monotonic_us();
	stream->next = http2->streams;
	stream->link = &http2->streams;
	if (stream->next)
		stream->next->link = &stream->next;
	http2->streams = stream;
	http2->counts[STREAM_READING]++;
	http2->progress++;
	return stream;
}

static void
stream_free(struct stream *stream)
{
	struct asof_http2 *http2 = stream->http2;
	*stream->link = stream->next;
	if (stream->next)
		stream->next->link = stream->link;
	http2->counts[stream->state]--;
	http2->progress++;
	asof_exchange_done(&stream->exchange, http2->desk);
	asof_buf_done(&stream->input);
	asof_mem_free(stream);
}

static void
set_state(struct stream *stream, enum stream_state state)
{
	struct asof_http2 *http2 = stream->http2;
	http2->counts[stream->state]--;
	http2->counts[state]++;
	http2->progress++;
	stream->state = state;
}

/* Cut the next line off `rest`, without its CR LF. */
static struct asof_str
next_line(struct asof_str *rest)
{
	const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t len = lf ? (size_t)(lf - rest->ptr) : rest->len;
	struct asof_str line = { rest->ptr, len > 0 ? len - 1 : 0 };
	rest->ptr += len + (lf ? 1 : 0);
	rest->len -= len + (lf ? 1 : 0);
	return line;
}

static nghttp2_nv
pair_of(struct asof_str name, struct asof_str value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name.ptr,
			     .namelen = name.len,
			     .value = (uint8_t *)(uintptr_t)value.ptr,
			     .valuelen = value.len };
}

/* "HTTP/1.1 200 OK", "Name: value".. as pairs, names in lower case in place. Connections are not
 * spoken of. */
static size_t
answer_headers(struct asof_buf *head, nghttp2_nv *pairs)
{
	struct asof_str rest = asof_buf_view(head);
	struct asof_str line = next_line(&rest);
	size_t count = 0;
	pairs[count++] = pair_of(asof_str_from(":status"), (struct asof_str){ line.ptr + 9, 3 });
	for (line = next_line(&rest); line.len > 0; line = next_line(&rest)) {
		const char *colon = memchr(line.ptr, ':', line.len);
		if (!colon || count == HEADERS_MAX)
			break;
		size_t len = (size_t)(colon - line.ptr);
		char *name = head->ptr + (line.ptr - head->ptr);
		for (size_t i = 0; i < len; i++)
			name[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
		struct asof_str key = { name, len };
		struct asof_str value = { colon + 2, line.len - len - 2 };
		if (!asof_str_equal(key, asof_str_from("connection")))
			pairs[count++] = pair_of(key, value);
	}
	return count;
}

static ssize_t
read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room, uint32_t *flags,
	  nghttp2_data_source *source, void *arg)
{
	struct stream *stream = source->ptr;
	const struct asof_buf *body = &stream->exchange.body;
	size_t left = body->len - stream->sent_bytes;
	size_t len = left < room ? left : room;
	(void)session;
	(void)id;
	(void)arg;
	if (len > 0)
		memcpy(buf, body->ptr + stream->sent_bytes, len);
	stream->sent_bytes += len;
	stream->http2->progress++;
	if (stream->sent_bytes == body->len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

/* Hand the answer over. The rest of a request that was answered early is not wanted any more. */
static int
submit_answer(struct stream *stream)
{
	struct asof_http2 *http2 = stream->http2;
	struct asof_exchange *exchange = &stream->exchange;
	nghttp2_nv pairs[HEADERS_MAX];
	nghttp2_data_provider provider = { .source = { .ptr = stream },
					   .read_callback = read_body };
	bool has_body = exchange->sends_body && exchange->body.len > 0;
	set_state(stream, STREAM_ANSWERED);
	asof_buf_done(&stream->input);
	if (exchange->head.len == 0)
		return nghttp2_submit_rst_stream(http2->session, NGHTTP2_FLAG_NONE, stream->id,
						 NGHTTP2_INTERNAL_ERROR);
	size_t count = answer_headers(&exchange->head, pairs);
	return nghttp2_submit_response(http2->session, stream->id, pairs, count,
				       has_body ? &provider : NULL);
}

/* End this stream alone. */
static int
give_up(struct stream *stream)
{
	set_state(stream, STREAM_ANSWERED);
	return nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id,
					 NGHTTP2_INTERNAL_ERROR);
}

/* Let the exchange see what has arrived so far. */
static int
advance(struct stream *stream)
{
	struct asof_input input = { stream->input.ptr, stream->input.len };
	if (asof_buf_status(&stream->input, NULL) != ASOF_OK)
		return give_up(stream);
	enum asof_want want = asof_exchange_advance(&stream->exchange, stream->http2->desk, &input);
	asof_buf_truncate(&stream->input, input.len);
	if (want == ASOF_WANT_WAKING && stream->state == STREAM_READING)
		set_state(stream, STREAM_WAITING);
	return want == ASOF_WANT_OUTPUT ? submit_answer(stream) : 0;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct asof_http2 *http2 = arg;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	struct stream *stream = stream_new(http2, frame->hd.stream_id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static bool
is_name(struct asof_str name, const char *expected)
{
	return asof_str_equal(name, asof_str_from(expected));
}

static void
add_header(struct stream *stream, struct asof_str name, struct asof_str value)
{
	asof_buf_add_str(&stream->input, name);
	asof_buf_add_cstr(&stream->input, ": ");
	asof_buf_add_str(&stream->input, value);
	asof_buf_add_cstr(&stream->input, "\r\n");
}

/*
 * Pseudo-headers come first, nghttp2 sees to that, but in any order: ":method" and ":path" are put
 * together as the request line. Once the head is longer than it may be the rest of it is dropped:
 * what there is suffices to be refused.
 */
static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_ptr,
	  size_t name_len, const uint8_t *value_ptr, size_t value_len, uint8_t flags, void *arg)
{
	struct asof_http2 *http2 = arg;
	struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct asof_str name = { (const char *)name_ptr, name_len };
	struct asof_str value = { (const char *)value_ptr, value_len };
	(void)flags;
	if (!stream || stream->state != STREAM_READING ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST ||
	    stream->input.len > http2->desk->header_max_bytes)
		return 0;
	if (is_name(name, ":method"))
		stream->is_bodyless = is_name(value, "GET") || is_name(value, "HEAD");
	if (is_name(name, "content-length"))
		stream->has_length = true;
	if (is_name(name, "expect") || is_name(name, ":scheme"))
		return 0;
	if (is_name(name, ":authority"))
		name = asof_str_from("host");
	add_header(stream, name, value);
	return 0;
}

/* The value of a pseudo-header that was noted as a line; nghttp2 has checked that it is there. */
static struct asof_str
noted(struct asof_str lines, const char *name)
{
	size_t len = strlen(name);
	while (lines.len > 0) {
		struct asof_str line = next_line(&lines);
		if (line.len >= len + 2 && memcmp(line.ptr, name, len) == 0)
			return (struct asof_str){ line.ptr + len + 2, line.len - len - 2 };
	}
	return (struct asof_str){ NULL, 0 };
}

/* Write the head as HTTP/1.1 has it, and how the body will be framed. One that is too long is not
 * made shorter: it is refused as that. */
static enum asof_status
finish_head(struct stream *stream, bool is_whole)
{
	size_t max_bytes = stream->input.max_bytes;
	ASOF_AUTO(asof_buf_done) struct asof_buf head = ASOF_BUF(max_bytes);
	ASOF_TRY(asof_buf_status(&stream->input, NULL));
	struct asof_str lines = asof_buf_view(&stream->input);
	bool has_host = noted(lines, "host").ptr != NULL;
	bool is_too_long = lines.len > stream->http2->desk->header_max_bytes;
	asof_buf_add_str(&head, noted(lines, ":method"));
	asof_buf_add_char(&head, ' ');
	asof_buf_add_str(&head, noted(lines, ":path"));
	asof_buf_add_cstr(&head, " HTTP/1.1\r\n");
	if (!has_host)
		asof_buf_add_cstr(&head, "host: -\r\n");
	bool was_host = false;
	while (lines.len > 0) {
		struct asof_str line = next_line(&lines);
		bool is_host = line.len > 5 && memcmp(line.ptr, "host:", 5) == 0;
		/* "host" beside ":authority" says the same again. */
		bool is_redundant = line.len == 0 || line.ptr[0] == ':' || (is_host && was_host);
		if (is_redundant && !is_too_long)
			continue;
		was_host = was_host || is_host;
		asof_buf_add_str(&head, line);
		asof_buf_add_cstr(&head, "\r\n");
	}
	if (!stream->has_length && is_whole && !stream->is_bodyless)
		asof_buf_add_cstr(&head, "content-length: 0\r\n");
	else if (!stream->has_length && !is_whole)
		asof_buf_add_cstr(&head, "transfer-encoding: chunked\r\n");
	asof_buf_add_cstr(&head, "\r\n");
	ASOF_TRY(asof_buf_status(&head, NULL));
	asof_buf_done(&stream->input);
	stream->input = head;
	head = (struct asof_buf){ 0 };
	return ASOF_OK;
}

static int
on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
	      void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
	(void)flags;
	(void)arg;
	if (!stream || stream->state != STREAM_READING || len == 0)
		return 0;
	if (!stream->has_length)
		asof_buf_printf(&stream->input, "%zx\r\n", len);
	asof_buf_add(&stream->input, data, len);
	if (!stream->has_length)
		asof_buf_add_cstr(&stream->input, "\r\n");
	return advance(stream);
}

static int
on_request_head(struct stream *stream, bool is_whole)
{
	if (finish_head(stream, is_whole) != ASOF_OK)
		return give_up(stream);
	return advance(stream);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	(void)arg;
	bool is_request =
		frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
	bool is_end = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
		      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	if (!is_request && !is_end)
		return 0;
	struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!stream || stream->state != STREAM_READING)
		return 0;
	if (is_request)
		return on_request_head(stream, is_end);
	if (!stream->has_length)
		asof_buf_add_cstr(&stream->input, "0\r\n\r\n");
	return advance(stream);
}

/* What was answered early need not be sent to its end. */
static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	(void)arg;
	bool is_end = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
		      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	if (!is_end)
		return 0;
	struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (stream)
		stream->is_sent = true;
	if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) != 0)
		return 0;
	return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
					 NGHTTP2_NO_ERROR);
}

/* Resetting what one has asked for is cheap for a client, and answering is not. */
static int
on_stream_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
	struct asof_http2 *http2 = arg;
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
	if (!stream)
		return 0;
	(void)error_code; /* as the client likes */
	if (stream->is_sent)
		http2->answered_count++;
	else
		http2->reset_count++;
	stream_free(stream);
	if (http2->reset_count > RESETS_MAX &&
	    http2->reset_count - RESETS_MAX > http2->answered_count)
		return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
	return 0;
}

static void *
alloc(size_t size, void *arg)
{
	(void)arg;
	return asof_mem_alloc(size);
}

static void *
alloc_array(size_t count, size_t size, void *arg)
{
	(void)arg;
	return size > 0 && count > SIZE_MAX / size ? NULL : asof_mem_alloc(count * size);
}

static void *
resize(void *ptr, size_t size, void *arg)
{
	(void)arg;
	return asof_mem_resize(ptr, size);
}

static void
release(void *ptr, void *arg)
{
	(void)arg;
	asof_mem_free(ptr);
}

static int
make_session(struct asof_http2 *http2)
{
	nghttp2_mem mem = {
		.malloc = alloc, .calloc = alloc_array, .realloc = resize, .free = release
	};
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	int rc = nghttp2_session_callbacks_new(&callbacks);
	if (rc == 0)
		rc = nghttp2_option_new(&option);
	if (rc == 0) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
									on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
		nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
		nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
		nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
		nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
		rc = nghttp2_session_server_new3(&http2->session, callbacks, http2, option, &mem);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return rc;
}

static int
greet(struct asof_http2 *http2)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)http2->desk->header_max_bytes },
	};
	int rc = nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings,
					 ASOF_COUNTOF(settings));
	if (rc == 0)
		rc = nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0,
							   CONNECTION_WINDOW);
	return rc;
}

struct asof_http2 *
asof_http2_new(struct asof_desk *desk, size_t response_max_bytes, void *owner)
{
	struct asof_http2 *http2 = asof_mem_alloc(sizeof(*http2));
	if (!http2)
		return NULL;
	http2->desk = desk;
	http2->response_max_bytes = response_max_bytes;
	http2->owner = owner;
	http2->output = ASOF_BUF(OUTPUT_BYTES_MAX);
	if (make_session(http2) == 0 && greet(http2) == 0)
		return http2;
	asof_http2_free(http2);
	return NULL;
}

void
asof_http2_free(struct asof_http2 *http2)
{
	if (!http2)
		return;
	while (http2->streams)
		stream_free(http2->streams);
	nghttp2_session_del(http2->session);
	asof_buf_done(&http2->output);
	asof_mem_free(http2);
}

bool
asof_http2_feed(struct asof_http2 *http2, struct asof_str bytes)
{
	ssize_t rc =
		nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes.ptr, bytes.len);
	return rc >= 0 && (size_t)rc == bytes.len;
}

struct asof_str
asof_http2_output(struct asof_http2 *http2)
{
	asof_buf_clear(&http2->output);
	while (!http2->has_failed && http2->output.len < OUTPUT_BYTES) {
		const uint8_t *bytes = NULL;
		ssize_t len = nghttp2_session_mem_send(http2->session, &bytes);
		if (len == 0)
			break;
		if (len > 0)
			asof_buf_add(&http2->output, bytes, (size_t)len);
		http2->has_failed = len < 0 || asof_buf_status(&http2->output, NULL) != ASOF_OK;
	}
	if (http2->has_failed)
		return (struct asof_str){ NULL, 0 };
	return asof_buf_view(&http2->output);
}

bool
asof_http2_is_done(const struct asof_http2 *http2)
{
	return http2->has_failed || (!nghttp2_session_want_read(http2->session) &&
				     !nghttp2_session_want_write(http2->session));
}

void
asof_http2_drain(struct asof_http2 *http2)
{
	if (http2->has_said_goodbye)
		return;
	http2->has_said_goodbye = true;
	(void)nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(http2->session),
				    NGHTTP2_NO_ERROR, NULL, 0);
}

void
asof_http2_expire(struct asof_http2 *http2, int64_t before_us)
{
	for (struct stream *stream = http2->streams; stream; stream = stream->next) {
		if (stream->state != STREAM_READING || stream->began_us >= before_us)
			continue;
		if (asof_exchange_expire(&stream->exchange, http2->desk, 1) == ASOF_WANT_OUTPUT)
			(void)submit_answer(stream);
	}
}

void
asof_http2_wake(struct asof_http2 *http2)
{
	if (!asof_http2_is_waiting(http2))
		return;
	for (struct stream *stream = http2->streams; stream; stream = stream->next) {
		if (stream->state == STREAM_WAITING && asof_exchange_may_advance(&stream->exchange))
			(void)advance(stream);
	}
}

bool
asof_http2_is_reading(const struct asof_http2 *http2)
{
	return http2->counts[STREAM_READING] > 0;
}

bool
asof_http2_is_waiting(const struct asof_http2 *http2)
{
	return http2->counts[STREAM_WAITING] > 0;
}

bool
asof_http2_is_busy(const struct asof_http2 *http2)
{
	return asof_http2_is_reading(http2) || asof_http2_is_waiting(http2) ||
	       http2->counts[STREAM_ANSWERED] > 0;
}

uint64_t
asof_http2_progress(const struct asof_http2 *http2)
{
	return http2->progress;
}
