/* test_http2.c - HTTP/2 frame by frame: what is malformed, what is answered, and whether the
 * connection lives. */
#include "http/http2.h"

#include "check.h"
#include "unit/http/bench.h"
#include "unit/http/frames.h"

#define S(literal)  ((struct asof_str){ literal, sizeof(literal) - 1 })
#define INPUT_BYTES ((size_t)4 << 20)
#define GET(path)   ":method=GET;:scheme=http;:authority=x;:path=" path
#define POST(path)  ":method=POST;:scheme=http;:authority=x;:path=" path
#define PROBE       ((uint32_t)9001)

/* One connection. Bodies up to 1 KiB, heads up to 2 KiB, as on the bench. */
struct talk {
	struct bench bench;
	struct asof_http2 *http2;
	struct asof_buf input;
	struct hearing hearing;
	bool is_closed;
};

static void
talk_begin(struct talk *t)
{
	*t = (struct talk){ .input = ASOF_BUF(INPUT_BYTES) };
	bench_begin(&t->bench);
	t->http2 = asof_http2_new(&t->bench.desk, 4096, NULL);
	assert_non_null(t->http2);
	hearing_begin(&t->hearing);
}

static void
talk_end(struct talk *t)
{
	asof_http2_free(t->http2);
	assert_int_equal(atomic_load(&t->bench.budget.used_bytes), 0);
	hearing_end(&t->hearing);
	asof_buf_done(&t->input);
	bench_end(&t->bench);
}

static int
talk_up(void **state)
{
	static struct talk t;
	talk_begin(&t);
	asof_buf_add_cstr(&t.input, PREFACE);
	add_frame(&t.input, TYPE_OF(SETTINGS), 0, 0, (struct asof_str){ NULL, 0 });
	*state = &t;
	return 0;
}

static int
talk_down(void **state)
{
	talk_end(*state);
	return 0;
}

/* What a connection does with what arrived. */
static void
send_pieces(struct talk *t, size_t piece)
{
	struct asof_str rest = asof_buf_view(&t->input);
	assert_ok(asof_buf_status(&t->input, NULL), (struct asof_error){ 0 });
	while (rest.len > 0 && !t->is_closed) {
		struct asof_str some = { rest.ptr, rest.len < piece ? rest.len : piece };
		rest = (struct asof_str){ rest.ptr + some.len, rest.len - some.len };
		t->is_closed = !asof_http2_feed(t->http2, some);
		struct asof_str out = { NULL, 0 };
		while (!t->is_closed && (out = asof_http2_output(t->http2)).len > 0)
			hear(&t->hearing, out);
		t->is_closed = t->is_closed || asof_http2_is_done(t->http2);
	}
	asof_buf_clear(&t->input);
}

/* Send what was put together; what is heard since. */
static const char *
heard(struct talk *t)
{
	asof_buf_clear(&t->hearing.lines);
	send_pieces(t, SIZE_MAX);
	return t->hearing.lines.len > 0 ? asof_buf_cstr(&t->hearing.lines) : "";
}

static void
assert_heard(struct talk *t, const char *expected)
{
	const char *lines = heard(t);
	if (!strstr(lines, expected))
		fail_msg("no '%s' in:\n%s", expected, lines);
}

static bool
lives(struct talk *t, uint32_t stream)
{
	if (t->is_closed)
		return false;
	add_headers(&t->input, END_STREAM, stream, GET("/healthz"));
	return strstr(heard(t), ":status: 200") != NULL;
}

static void
a_request_is_answered_as_by_http1(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, END_STREAM, 1, GET("/healthz") ";x-request-id=mine");
	assert_string_equal(heard(t), "1 :status: 200\n"
				      "1 content-type: application/json\n"
				      "1 content-length: 15\n"
				      "1 cache-control: no-store\n"
				      "1 x-request-id: mine\n"
				      "1 {\"status\":\"ok\"}\n"
				      "1 END\n");
	assert_false(asof_http2_is_busy(t->http2));
}

/* --- malformed requests --- */

/* One request on stream 1, its body in one DATA frame where there is one. The connection lives. */
static const struct {
	const char *fields;
	const char *body;
	const char *heard;
} requests[] = {
	/* Pseudo-headers. */
	{ ":scheme=http;:authority=x;:path=/healthz", NULL, "1 RESET 1\n" },
	{ ":method=GET;:authority=x;:path=/healthz", NULL, "1 RESET 1\n" },
	{ ":method=GET;:scheme=http;:authority=x", NULL, "1 RESET 1\n" },
	{ ":method=GET;:scheme=http;:path=/healthz", NULL, "1 RESET 1\n" },
	{ "a=b", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:path=/readyz", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:method=GET", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:scheme=https", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:authority=x", NULL, "1 RESET 1\n" },
	{ ":method=GET;:scheme=http;:authority=x;a=b;:path=/healthz", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:colour=red", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";:status=200", NULL, "1 RESET 1\n" },
	{ ":method=CONNECT;:scheme=http;:path=/;:authority=x", NULL, "1 RESET 1\n" },
	{ GET("healthz"), NULL, "1 RESET 1\n" },
	{ GET("/health z"), NULL, "1 RESET 1\n" },
	{ GET("*"), NULL, "1 RESET 1\n" },
	/* Names and values. */
	{ GET("/healthz") ";Accept=x", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";a b=x", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";a=b\r\nc: d", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";a=\x01", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";connection=close", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";keep-alive=1", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";proxy-connection=close", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";transfer-encoding=chunked", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";upgrade=h2c", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";te=gzip", NULL, "1 RESET 1\n" },
	/* Lengths. */
	{ POST("/nowhere") ";content-length=-1", "", "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=1x", "a", "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=1;content-length=1", "a", "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=2", "a", "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=1", "ab", "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=1", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";content-length=1", NULL, "1 RESET 1\n" },
	{ POST("/nowhere") ";content-length=99999999999999999999", "a", "1 RESET 1\n" },
	/* What HTTP/1.1 would refuse just so. */
	{ GET("/nowhere"), NULL, "1 :status: 404\n" },
	{ ":method=DELETE;:scheme=http;:authority=x;:path=/healthz", NULL, "1 :status: 405\n" },
	{ POST("/healthz"), "{}", "1 :status: 405\n" },
	{ POST("/nowhere"), "a", "1 :status: 404\n" },
	{ POST("/nowhere"), NULL, "1 :status: 404\n" },
	{ GET("/healthz") ";host=x;host=y", NULL, "1 RESET 1\n" },
	{ GET("/healthz") ";host=x", NULL, "1 :status: 200\n" },
	{ GET("/healthz") ";te=trailers;expect=nothing", NULL, "1 :status: 200\n" },
};

static void
malformed_requests_end_their_stream_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(requests); i++) {
		struct talk *t;
		(void)talk_up((void **)&t);
		add_headers(&t->input, requests[i].body ? 0 : END_STREAM, 1, requests[i].fields);
		if (requests[i].body)
			add_frame(&t->input, TYPE_OF(DATA), END_STREAM, 1,
				  asof_str_from(requests[i].body));
		const char *lines = heard(t);
		if (!strstr(lines, requests[i].heard))
			fail_msg("'%s' is answered\n%s", requests[i].fields, lines);
		if (!lives(t, 3))
			fail_msg("'%s' ends the connection", requests[i].fields);
		talk_end(t);
	}
}

static void
zeros_and_long_names_are_no_fields(void **state)
{
	struct talk *t = *state;
	static const struct {
		struct asof_str name;
		struct asof_str value;
	} fields[] = {
		{ { "", 0 }, { "x", 1 } },
		{ { "a", 1 }, { "b\0c", 3 } },
		{ { "a\0", 2 }, { "b", 1 } },
		{ { "a\xff", 2 }, { "b", 1 } },
	};
	for (uint32_t i = 0; i < ASOF_COUNTOF(fields); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf block = ASOF_BUF(1024);
		add_fields(&block, GET("/healthz"));
		add_field(&block, fields[i].name, fields[i].value);
		add_frame(&t->input, TYPE_OF(HEADERS), END_STREAM | END_HEADERS, 1 + 2 * i,
			  asof_buf_view(&block));
		assert_heard(t, "RESET 1\n");
	}
	assert_true(lives(t, PROBE));
}

static void
a_header_list_that_is_too_long_is_431(void **state)
{
	struct talk *t = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf block = ASOF_BUF((size_t)1 << 16);
	add_fields(&block, GET("/healthz"));
	for (int i = 0; i < 300; i++)
		add_fields(&block, "a=0123456789");
	add_frame(&t->input, TYPE_OF(HEADERS), END_STREAM | END_HEADERS, 1, asof_buf_view(&block));
	assert_heard(t, "1 :status: 431\n");
	/* So is one of which the half says the same again. */
	ASOF_AUTO(asof_buf_done) struct asof_buf fields = ASOF_BUF(8192);
	asof_buf_printf(&fields, "%s;host=%01500d;a=%0600d", GET("/healthz"), 0, 0);
	add_headers(&t->input, END_STREAM, 3, asof_buf_cstr(&fields));
	assert_heard(t, "3 :status: 431\n");
	assert_true(lives(t, 5));
}

static void
a_body_that_is_too_long_is_413_and_the_rest_is_not_kept(void **state)
{
	struct talk *t = *state;
	char data[1000] = "";
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	add_frame(&t->input, TYPE_OF(DATA), 0, 1, (struct asof_str){ data, sizeof(data) });
	assert_string_equal(heard(t), "");
	add_frame(&t->input, TYPE_OF(DATA), 0, 1, (struct asof_str){ data, 25 });
	const char *lines = heard(t);
	assert_non_null(strstr(lines, "1 :status: 413\n"));
	assert_non_null(strstr(lines, "1 END\n1 RESET 0\n"));
	add_frame(&t->input, TYPE_OF(DATA), END_STREAM, 1, (struct asof_str){ data, sizeof(data) });
	assert_string_equal(heard(t), "");
	/* One that says so before is told before. */
	add_headers(&t->input, 0, 3, POST("/nowhere") ";content-length=1025");
	assert_heard(t, "3 :status: 413\n");
	assert_true(lives(t, 5));
}

static void
a_body_without_length_may_come_byte_by_byte_and_with_trailers(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	for (int i = 0; i < 1024; i++)
		add_frame(&t->input, TYPE_OF(DATA), 0, 1, S("x"));
	assert_string_equal(heard(t), "");
	add_headers(&t->input, END_STREAM, 1, "a=b");
	assert_heard(t, "1 :status: 404\n");
	assert_true(lives(t, 3));
}

static void
wrong_trailers_end_their_stream(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	add_headers(&t->input, 0, 1, "a=b");
	assert_heard(t, "1 RESET 1\n");
	add_headers(&t->input, 0, 3, POST("/nowhere"));
	add_headers(&t->input, END_STREAM, 3, ":path=/healthz");
	assert_heard(t, "3 RESET 1\n");
	assert_true(lives(t, 5));
}

/* --- malformed connections --- */

#define BYTES(literal)                       \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define NO_ANSWER ""

/* Behind the preface and settings unless `is_first`: what is said before the end. */
static const struct {
	const char *name;
	bool is_first;
	struct asof_str bytes;
	const char *heard;
} connections[] = {
	{ "another preface", true, BYTES("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), NO_ANSWER },
	{ "HTTP/1.1", true, BYTES("GET /healthz HTTP/1.1\r\n\r\n"), NO_ANSWER },
	{ "no settings", true, BYTES(PREFACE "\0\0\1\0\0\0\0\0\1x"), "GOAWAY 1\n" },
	{ "settings that acknowledge first", true, BYTES(PREFACE "\0\0\0\4\1\0\0\0\0"),
	  "GOAWAY 1\n" },
	{ "a frame too long", false, BYTES("\xff\xff\xff\0\0\0\0\0\1"), "GOAWAY 6\n" },
	{ "DATA on stream 0", false, BYTES("\0\0\1\0\1\0\0\0\0x"), "GOAWAY 1\n" },
	{ "DATA of no request", false, BYTES("\0\0\1\0\1\0\0\0\1x"), "GOAWAY 1\n" },
	{ "DATA padded past its end", false,
	  BYTES("\0\0\7\1\4\0\0\0\1\x82\x84\x86\x41\1x\x10"
		"\0\0\2\0\x8\0\0\0\1\xffx"),
	  "GOAWAY" },
	{ "HEADERS on stream 0", false, BYTES("\0\0\6\1\5\0\0\0\0\x82\x84\x86\x41\1x"),
	  "GOAWAY 1\n" },
	{ "HEADERS on an even stream", false, BYTES("\0\0\6\1\5\0\0\0\2\x82\x84\x86\x41\1x"),
	  "GOAWAY 1\n" },
	{ "HEADERS padded past their end", false,
	  BYTES("\0\0\7\1\xd\0\0\0\1\xff\x82\x84\x86\x41\1x"), "GOAWAY 1\n" },
	{ "HEADERS too short for a priority", false, BYTES("\0\0\3\1\x25\0\0\0\1\x82\x84\x86"),
	  "GOAWAY 6\n" },
	{ "a stream that depends on itself", false,
	  BYTES("\0\0\xb\1\x25\0\0\0\1\0\0\0\1\0\x82\x84\x86\x41\1x"), "GOAWAY 1\n" },
	{ "a block that does not decode", false, BYTES("\0\0\3\1\5\0\0\0\1\xff\xff\xff"),
	  "GOAWAY 9\n" },
	{ "a field that is in no table", false, BYTES("\0\0\1\1\5\0\0\0\1\xfe"), "GOAWAY 9\n" },
	{ "a field cut off", false, BYTES("\0\0\3\1\5\0\0\0\1\x10\5x"), "GOAWAY 9\n" },
	{ "a table larger than may be", false, BYTES("\0\0\4\1\5\0\0\0\1\x3f\xe1\xff\3"),
	  "GOAWAY 9\n" },
	{ "CONTINUATION of nothing", false, BYTES("\0\0\6\x9\4\0\0\0\1\x82\x84\x86\x41\1x"),
	  "GOAWAY 1\n" },
	/* nghttp2 takes eight pieces where a CONTINUATION must come, then ends without a word. */
	{ "HEADERS cut by PING", false,
	  BYTES("\0\0\6\1\1\0\0\0\1\x82\x84\x86\x41\1x\0\0\x8\6\0\0\0\0\0xxxxxxxx"), NO_ANSWER },
	{ "CONTINUATION of another stream", false,
	  BYTES("\0\0\6\1\1\0\0\0\1\x82\x84\x86\x41\1x\0\0\1\x9\4\0\0\0\3\x82"), NO_ANSWER },
	{ "settings of a broken length", false, BYTES("\0\0\5\4\0\0\0\0\0xxxxx"), "GOAWAY 6\n" },
	{ "settings on a stream", false, BYTES("\0\0\0\4\0\0\0\0\1"), "GOAWAY 1\n" },
	{ "an acknowledgement with settings", false, BYTES("\0\0\6\4\1\0\0\0\0\0\1\0\0\0\0"),
	  "GOAWAY 6\n" },
	{ "a window larger than any", false, BYTES("\0\0\6\4\0\0\0\0\0\0\4\x80\0\0\0"),
	  "GOAWAY 3\n" },
	{ "frames smaller than any", false, BYTES("\0\0\6\4\0\0\0\0\0\0\5\0\0\0\1"), "GOAWAY 1\n" },
	{ "a push that is neither", false, BYTES("\0\0\6\4\0\0\0\0\0\0\2\0\0\0\2"), "GOAWAY 1\n" },
	{ "a window grown by nothing", false, BYTES("\0\0\4\x8\0\0\0\0\0\0\0\0\0"), "GOAWAY 1\n" },
	{ "a window grown too far", false, BYTES("\0\0\4\x8\0\0\0\0\0\x7f\xff\xff\xff"),
	  "GOAWAY 3\n" },
	{ "a window of no stream", false, BYTES("\0\0\4\x8\0\0\0\0\1\0\0\0\1"), "GOAWAY 1\n" },
	{ "WINDOW_UPDATE of a broken length", false, BYTES("\0\0\3\x8\0\0\0\0\0\0\0\1"),
	  "GOAWAY 6\n" },
	{ "PING of a broken length", false, BYTES("\0\0\1\6\0\0\0\0\0x"), "GOAWAY 6\n" },
	{ "PING on a stream", false, BYTES("\0\0\x8\6\0\0\0\0\1xxxxxxxx"), "GOAWAY 1\n" },
	{ "RST_STREAM of no stream", false, BYTES("\0\0\4\3\0\0\0\0\0\0\0\0\0"), "GOAWAY 1\n" },
	{ "RST_STREAM of no request", false, BYTES("\0\0\4\3\0\0\0\0\1\0\0\0\0"), "GOAWAY 1\n" },
	{ "RST_STREAM of a broken length", false, BYTES("\0\0\1\3\0\0\0\0\1\0"), "GOAWAY 6\n" },
	{ "PRIORITY of a broken length", false, BYTES("\0\0\1\2\0\0\0\0\1\0"), "GOAWAY 6\n" },
	{ "a promise", false, BYTES("\0\0\5\5\4\0\0\0\1\0\0\0\2\x82"), "GOAWAY 1\n" },
	{ "GOAWAY on a stream", false, BYTES("\0\0\x8\7\0\0\0\0\1\0\0\0\0\0\0\0\0"), "GOAWAY 1\n" },
	{ "GOAWAY of a broken length", false, BYTES("\0\0\1\7\0\0\0\0\0\0"), "GOAWAY 6\n" },
};

static void
malformed_frames_end_the_connection_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(connections); i++) {
		for (size_t piece = 1; piece < 64; piece += 31) {
			struct talk *t;
			(void)talk_up((void **)&t);
			if (connections[i].is_first)
				asof_buf_clear(&t->input);
			asof_buf_add_str(&t->input, connections[i].bytes);
			send_pieces(t, piece);
			const char *lines =
				t->hearing.lines.len > 0 ? asof_buf_cstr(&t->hearing.lines) : "";
			if (!t->is_closed || !strstr(lines, connections[i].heard))
				fail_msg("%s in pieces of %zu, closed %d:\n%s", connections[i].name,
					 piece, t->is_closed, lines);
			talk_end(t);
		}
	}
}

static void
unknown_frames_and_settings_are_passed_over(void **state)
{
	struct talk *t = *state;
	add_frame(&t->input, 0xee, 0xff, 0, S("what"));
	add_settings(&t->input, 0x7777, 1);
	add_frame(&t->input, TYPE_OF(PRIORITY), 0, 77, S("\0\0\0\0\1"));
	add_frame(&t->input, TYPE_OF(PING), 0, 0, S("12345678"));
	assert_string_equal(heard(t), "PING 1\n");
	assert_true(lives(t, 1));
}

/* --- resets, windows, floods --- */

static void
a_reset_request_is_forgotten(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	add_frame(&t->input, TYPE_OF(DATA), 0, 1, S("abc"));
	assert_string_equal(heard(t), "");
	assert_true(asof_http2_is_reading(t->http2));
	add_numbered(&t->input, TYPE_OF(RST_STREAM), 1, 8);
	assert_string_equal(heard(t), "");
	assert_false(asof_http2_is_busy(t->http2));
	assert_true(lives(t, 3));
}

static void
resets_without_end_are_calmed(void **state)
{
	struct talk *t = *state;
	for (uint32_t i = 0; i < 300; i++) {
		add_headers(&t->input, 0, 1 + 2 * i, POST("/nowhere"));
		add_numbered(&t->input, TYPE_OF(RST_STREAM), 1 + 2 * i, 8);
	}
	assert_heard(t, "GOAWAY 11\n");
	assert_true(t->is_closed);
}

static void
acknowledgements_that_nobody_takes_end_the_connection(void **state)
{
	struct talk *t = *state;
	for (int i = 0; i < 2000; i++)
		add_frame(&t->input, TYPE_OF(PING), 0, 0, S("12345678"));
	assert_string_equal(heard(t), "");
	assert_true(t->is_closed);
}

static void
streams_past_the_limit_are_refused(void **state)
{
	struct talk *t = *state;
	for (uint32_t i = 0; i < 102; i++)
		add_headers(&t->input, 0, 1 + 2 * i, POST("/nowhere"));
	/* The client has seen the limit once it has acknowledged the settings. */
	add_frame(&t->input, TYPE_OF(SETTINGS), SETTINGS_ACK, 0, S(""));
	assert_heard(t, "201 RESET 7\n203 RESET 7\n");
	add_numbered(&t->input, TYPE_OF(RST_STREAM), 1, 8);
	assert_true(lives(t, 205));
}

static void
an_answer_waits_for_its_window(void **state)
{
	struct talk *t = *state;
	add_settings(&t->input, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0);
	add_headers(&t->input, END_STREAM, 1, GET("/healthz"));
	const char *lines = heard(t);
	assert_non_null(strstr(lines, "1 :status: 200\n"));
	assert_null(strstr(lines, "{"));
	assert_true(asof_http2_is_busy(t->http2));
	assert_false(asof_http2_is_reading(t->http2));
	add_numbered(&t->input, TYPE_OF(WINDOW_UPDATE), 1, 10);
	assert_string_equal(heard(t), "1 {\"status\":\n");
	add_numbered(&t->input, TYPE_OF(WINDOW_UPDATE), 1, 100);
	assert_string_equal(heard(t), "1 \"ok\"}\n1 END\n");
	assert_false(asof_http2_is_busy(t->http2));
	/* One that grows past what a window may be ends its stream. */
	add_headers(&t->input, END_STREAM, 3, GET("/healthz"));
	add_numbered(&t->input, TYPE_OF(WINDOW_UPDATE), 3, 0x7fffffff);
	add_numbered(&t->input, TYPE_OF(WINDOW_UPDATE), 3, 1);
	assert_heard(t, "3 RESET 3\n");
}

static void
a_body_past_the_window_that_was_given_ends_its_stream(void **state)
{
	struct talk *t = *state;
	static char data[16384];
	t->bench.desk.body_max_bytes = (size_t)1 << 20;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	for (int i = 0; i < 20; i++)
		add_frame(&t->input, TYPE_OF(DATA), 0, 1, (struct asof_str){ data, sizeof(data) });
	/* 256 KiB may come before the client hears of more. */
	assert_string_equal(heard(t), "1 RESET 3\n");
	assert_true(lives(t, 3));
}

/* --- the end --- */

static void
a_goodbye_lets_what_was_begun_end(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	(void)heard(t);
	asof_http2_drain(t->http2);
	asof_http2_drain(t->http2);
	add_headers(&t->input, END_STREAM, 3, GET("/healthz"));
	const char *lines = heard(t);
	assert_non_null(strstr(lines, "GOAWAY 0\n"));
	assert_null(strstr(lines, "3 :status"));
	add_frame(&t->input, TYPE_OF(DATA), END_STREAM, 1, S("x"));
	assert_heard(t, "1 :status: 404\n");
	assert_true(t->is_closed);
}

static void
requests_that_take_too_long_are_408(void **state)
{
	struct talk *t = *state;
	add_headers(&t->input, 0, 1, POST("/nowhere"));
	(void)heard(t);
	asof_http2_expire(t->http2, 0);
	add_frame(&t->input, TYPE_OF(PING), 0, 0, S("12345678"));
	assert_string_equal(heard(t), "PING 1\n");
	asof_http2_expire(t->http2, INT64_MAX);
	assert_heard(t, "");
	add_frame(&t->input, TYPE_OF(PING), 0, 0, S("12345678"));
	assert_true(lives(t, 3));
	assert_false(asof_http2_is_busy(t->http2));
}

/* --- exhaustion --- */

/* A request with and one without a length. */
static void
say_two_requests(struct talk *t)
{
	asof_buf_add_cstr(&t->input, PREFACE);
	add_frame(&t->input, TYPE_OF(SETTINGS), 0, 0, S(""));
	add_headers(&t->input, 0, 1, POST("/nowhere") ";content-type=a/b");
	add_frame(&t->input, TYPE_OF(DATA), 0, 1, S("abc"));
	add_frame(&t->input, TYPE_OF(DATA), END_STREAM, 1, S("def"));
	add_headers(&t->input, 0, 3, POST("/nowhere") ";content-length=3");
	add_frame(&t->input, TYPE_OF(DATA), END_STREAM, 3, S("abc"));
}

/* Each request is answered, or its stream or the connection is ended: none waits for ever, and none
 * is taken for another one. */
static bool
is_settled(const struct talk *t, const char *lines)
{
	bool is_one = strstr(lines, "1 :status: 404") || strstr(lines, "1 RESET") ||
		      strstr(lines, "1 :status: 503") || strstr(lines, "1 :status: 500");
	bool is_other = strstr(lines, "3 :status: 404") || strstr(lines, "3 RESET") ||
			strstr(lines, "3 :status: 503") || strstr(lines, "3 :status: 500");
	return t->is_closed || (is_one && is_other && !asof_http2_is_busy(t->http2));
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	bool is_through = false;
	for (size_t n = 1; !is_through; n++) {
		size_t before = asof_mem_live();
		struct talk t = { .input = ASOF_BUF(INPUT_BYTES) };
		bench_begin(&t.bench);
		hearing_begin(&t.hearing);
		t.hearing.lines = ASOF_BUF(INPUT_BYTES);
		say_two_requests(&t);
		assert_non_null(asof_buf_reserve(&t.hearing.lines, 65536));
		asof_mem_fail_at(n);
		t.http2 = asof_http2_new(&t.bench.desk, 4096, NULL);
		if (t.http2)
			send_pieces(&t, SIZE_MAX);
		asof_mem_fail_at(0);
		const char *lines = t.hearing.lines.len > 0 ? asof_buf_cstr(&t.hearing.lines) : "";
		if (t.http2 && !is_settled(&t, lines))
			fail_msg("allocation %zu failed, closed %d:\n%s", n, t.is_closed, lines);
		is_through = t.http2 && strstr(lines, "1 :status: 404") &&
			     strstr(lines, "3 :status: 404") && n > 40;
		talk_end(&t);
		assert_int_equal(asof_mem_live(), before);
		assert_true(n < 1000);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, talk_up, talk_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_as_by_http1),
		cmocka_unit_test(malformed_requests_end_their_stream_alone),
		TEST(zeros_and_long_names_are_no_fields),
		TEST(a_header_list_that_is_too_long_is_431),
		TEST(a_body_that_is_too_long_is_413_and_the_rest_is_not_kept),
		TEST(a_body_without_length_may_come_byte_by_byte_and_with_trailers),
		TEST(wrong_trailers_end_their_stream),
		cmocka_unit_test(malformed_frames_end_the_connection_with_a_reason),
		TEST(unknown_frames_and_settings_are_passed_over),
		TEST(a_reset_request_is_forgotten),
		TEST(resets_without_end_are_calmed),
		TEST(acknowledgements_that_nobody_takes_end_the_connection),
		TEST(streams_past_the_limit_are_refused),
		TEST(an_answer_waits_for_its_window),
		TEST(a_body_past_the_window_that_was_given_ends_its_stream),
		TEST(a_goodbye_lets_what_was_begun_end),
		TEST(requests_that_take_too_long_are_408),
		cmocka_unit_test(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
