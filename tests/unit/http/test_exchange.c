#include "http/exchange.h"

#include "check.h"
#include "unit/http/bench.h"

static void
one_request_is_one_answer(void **state)
{
	struct bench *b = *state;
	feed(b, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: mine\r\n\r\n");
	assert_int_equal(b->answer_count, 1);
	assert_true(starts_with(b, "HTTP/1.1 200 OK\r\n"));
	assert_true(has(b, "\r\nContent-Type: application/json\r\n"));
	assert_true(has(b, "\r\nContent-Length: 15\r\n"));
	assert_true(has(b, "\r\nX-Request-ID: mine\r\n"));
	assert_true(has(b, " GMT\r\n"));
	assert_true(has(b, "\r\n\r\n{\"status\":\"ok\"}"));
	assert_false(b->is_closed);
}

static void
head_is_get_without_its_body(void **state)
{
	struct bench *b = *state;
	feed(b, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(has(b, "\r\nContent-Length: 15\r\n"));
	assert_true(asof_buf_cstr(&b->output)[b->output.len - 1] == '\n');
	clear(b);
	feed(b, "HEAD /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(starts_with(b, "HTTP/1.1 404 "));
	assert_true(asof_buf_cstr(&b->output)[b->output.len - 1] == '\n');
}

static void
requests_may_arrive_byte_by_byte_and_pipelined(void **state)
{
	struct bench *b = *state;
	const char *requests = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-ID: r1\r\n\r\n"
			       "POST /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-ID: r2\r\n"
			       "Content-Length: 3\r\n\r\nabc"
			       "POST /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-ID: r3\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
			       "\r\nGET /readyz HTTP/1.1\r\nHost: x\r\nX-Request-ID: r4\r\n\r\n";
	for (size_t piece = 1; piece < strlen(requests); piece += piece < 8 ? 1 : 37) {
		struct bench fresh;
		bench_begin(&fresh);
		feed_pieces(&fresh, requests, strlen(requests), piece);
		assert_int_equal(fresh.answer_count, 4);
		assert_int_equal(fresh.input_len, 0);
		assert_false(fresh.is_closed);
		const char *at = asof_buf_cstr(&fresh.output);
		static const char *const expected[] = { "200 OK",   "ID: r1\r", "404 Not",
							"ID: r2\r", "404 Not",  "ID: r3\r",
							"200 OK",   "ID: r4\r" };
		for (size_t i = 0; i < ASOF_COUNTOF(expected); i++) {
			at = strstr(at, expected[i]);
			assert_non_null(at);
		}
		bench_end(&fresh);
	}
	(void)b;
}

static void
what_cannot_be_framed_is_refused_and_closed(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		const char *status;
		const char *code;
	} cases[] = {
		{ "GARBAGE\r\n\r\n", "400", "bad_request" },
		{ "\x16\x03\x01", "400", "bad_request" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		  "400", "bad_request" },
		{ "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n",
		  "400", "bad_request" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400",
		  "bad_request" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n", "413",
		  "body_too_large" },
		{ "POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", "417",
		  "expectation_failed" },
		{ "POST /features/batch HTTP/1.1\r\nHost: x\r\n\r\n", "411", "length_required" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct bench b;
		bench_begin(&b);
		feed(&b, cases[i].request);
		/* Whatever follows is not taken for a request. */
		if (!b.is_closed)
			fail_msg("case %zu is not closed: %s", i, asof_buf_cstr(&b.output));
		assert_int_equal(b.answer_count, 1);
		assert_true(has(&b, cases[i].status));
		assert_true(has(&b, cases[i].code));
		assert_true(has(&b, "\r\nConnection: close\r\n"));
		bench_end(&b);
	}
}

static void
a_chunked_body_may_not_outgrow_the_limit(void **state)
{
	struct bench *b = *state;
	feed(b, "POST / HTTP/1.1\r\nHost: x\r\nX-Request-ID: big\r\n"
		"Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 20 && !b->is_closed; i++)
		feed(b,
		     "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n");
	assert_true(b->is_closed);
	assert_true(has(b, "HTTP/1.1 413 "));
	assert_true(has(b, "ID: big\r"));
}

static void
a_head_that_is_too_long_is_431(void **state)
{
	struct bench *b = *state;
	feed(b, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
	for (int i = 0; i < 300 && !b->is_closed; i++)
		feed(b, "0123456789");
	assert_true(b->is_closed);
	assert_true(has(b, "HTTP/1.1 431 "));
	assert_true(has(b, "headers_too_large"));
}

static void
a_client_that_asks_is_told_to_continue_once(void **state)
{
	struct bench *b = *state;
	feed(b, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
		"Expect: 100-continue\r\n\r\n");
	assert_string_equal(asof_buf_cstr(&b->output), "HTTP/1.1 100 Continue\r\n\r\n");
	clear(b);
	feed(b, "a");
	assert_int_equal(b->output.len, 0);
	feed(b, "b");
	assert_true(starts_with(b, "HTTP/1.1 404 "));
	clear(b);
	/* One that sends its body at once is not told. */
	feed(b, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
		"Expect: 100-continue\r\n\r\nab");
	assert_true(starts_with(b, "HTTP/1.1 404 "));
}

static void
http10_closes_unless_it_asks(void **state)
{
	struct bench *b = *state;
	feed(b, "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(has(b, "\r\nConnection: keep-alive\r\n"));
	assert_false(b->is_closed);
	clear(b);
	feed(b, "GET /healthz HTTP/1.0\r\n\r\n");
	assert_true(has(b, "\r\nConnection: close\r\n"));
	assert_true(b->is_closed);
}

static void
wrong_methods_are_told_the_right_ones(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *line;
		const char *allow;
	} cases[] = {
		{ "POST /healthz", "\r\nAllow: GET, HEAD\r\n" },
		{ "PUT /readyz", "\r\nAllow: GET, HEAD\r\n" },
		{ "DELETE /features/v", "\r\nAllow: GET, HEAD\r\n" },
		{ "POST /features/v/key", "\r\nAllow: GET, HEAD\r\n" },
		{ "PUT /features/v/batch", "\r\nAllow: GET, HEAD, POST\r\n" },
		{ "PATCH /features/batch", "\r\nAllow: GET, HEAD, POST\r\n" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf request = ASOF_BUF(1024);
		asof_buf_printf(&request, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
				cases[i].line);
		clear(b);
		feed(b, asof_buf_cstr(&request));
		assert_true(starts_with(b, "HTTP/1.1 405 "));
		assert_true(has(b, cases[i].allow));
		assert_false(b->is_closed);
	}
}

static void
unknown_routes_are_404(void **state)
{
	struct bench *b = *state;
	static const char *const paths[] = { "/",          "/features",      "/features/",
					     "/healthz/",  "/features//a",   "/features/a/b/c",
					     "/HEALTHZ",   "/features/a/b/", "//healthz",
					     "/healthz/x", "/metric" };
	for (size_t i = 0; i < ASOF_COUNTOF(paths); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf request = ASOF_BUF(1024);
		asof_buf_printf(&request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
		clear(b);
		feed(b, asof_buf_cstr(&request));
		assert_true(starts_with(b, "HTTP/1.1 404 "));
		assert_true(has(b, "\"code\":\"unknown_route\""));
	}
}

static void
made_request_ids_differ(void **state)
{
	struct bench *b = *state;
	char first[17] = "";
	for (int i = 0; i < 2; i++) {
		clear(b);
		feed(b, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
		const char *id = strstr(asof_buf_cstr(&b->output), "X-Request-ID: ");
		assert_non_null(id);
		char text[17] = "";
		memcpy(text, id + 14, 16);
		assert_int_equal(strspn(text, "0123456789abcdef"), 16);
		const char *again = strstr(id + 30, text); /* in the body, too */
		assert_non_null(again);
		assert_string_not_equal(text, first);
		memcpy(first, text, sizeof(first));
	}
}

static void
closing_is_said_and_not_ready(void **state)
{
	struct bench *b = *state;
	atomic_store(&b->is_closing, true);
	feed(b, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(starts_with(b, "HTTP/1.1 503 "));
	assert_true(has(b, "\r\nRetry-After: 1\r\n"));
	assert_true(has(b, "\r\nConnection: close\r\n"));
	assert_true(b->is_closed);
}

static void
a_late_request_is_408_and_silence_is_nothing(void **state)
{
	struct bench *b = *state;
	assert_int_equal(asof_exchange_expire(&b->exchange, &b->desk, 0), ASOF_WANT_INPUT);
	feed(b, "GET / HT");
	assert_int_equal(asof_exchange_expire(&b->exchange, &b->desk, b->input_len),
			 ASOF_WANT_OUTPUT);
	assert_true(b->exchange.closes);
	const char *head = asof_buf_cstr(&b->exchange.head);
	assert_memory_equal(head, "HTTP/1.1 408 ", 13);
}

static void
bodies_of_all_connections_share_a_budget(void **state)
{
	struct bench *b = *state;
	b->desk.body_max_bytes = (size_t)1 << 20;
	b->budget.max_bytes = 300000;
	feed(b, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
	assert_int_equal(b->output.len, 0);
	assert_int_equal(atomic_load(&b->budget.used_bytes), 200000);

	struct asof_exchange other = asof_exchange_make(4096, NULL);
	static char request[] = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n";
	struct asof_input input = { request, strlen(request) };
	assert_int_equal(asof_exchange_advance(&other, &b->desk, &input), ASOF_WANT_OUTPUT);
	assert_memory_equal(asof_buf_cstr(&other.head), "HTTP/1.1 503 ", 13);
	asof_exchange_done(&other, &b->desk);
	assert_int_equal(atomic_load(&b->budget.used_bytes), 200000);

	static char body[200000];
	feed_pieces(b, body, sizeof(body), 10000);
	assert_true(starts_with(b, "HTTP/1.1 404 "));
	assert_int_equal(atomic_load(&b->budget.used_bytes), 0);
}

static void
every_allocation_failure_is_survived(void **state)
{
	(void)state;
	size_t before = asof_mem_live();
	for (size_t n = 1;; n++) {
		struct bench b;
		bench_begin(&b);
		char request[] = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
		struct asof_input input = { request, strlen(request) };
		asof_mem_fail_at(n);
		enum asof_want want = asof_exchange_advance(&b.exchange, &b.desk, &input);
		asof_mem_fail_at(0);
		assert_int_equal(want, ASOF_WANT_OUTPUT);
		bool is_answered = starts_with_text(&b.exchange.head, "HTTP/1.1 404 ");
		assert_true(is_answered || b.exchange.closes);
		bench_end(&b);
		assert_int_equal(asof_mem_live(), before);
		if (is_answered && n > 4)
			break;
		assert_true(n < 100);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_request_is_one_answer),
		TEST(head_is_get_without_its_body),
		TEST(requests_may_arrive_byte_by_byte_and_pipelined),
		TEST(what_cannot_be_framed_is_refused_and_closed),
		TEST(a_chunked_body_may_not_outgrow_the_limit),
		TEST(a_head_that_is_too_long_is_431),
		TEST(a_client_that_asks_is_told_to_continue_once),
		TEST(http10_closes_unless_it_asks),
		TEST(wrong_methods_are_told_the_right_ones),
		TEST(unknown_routes_are_404),
		TEST(made_request_ids_differ),
		TEST(closing_is_said_and_not_ready),
		TEST(a_late_request_is_408_and_silence_is_nothing),
		TEST(bodies_of_all_connections_share_a_budget),
		TEST(every_allocation_failure_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
