#include "http/head.h"

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
/* In static tables. */
#define T(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define MAX_BYTES ((size_t)65536)

/* Find and parse; the kind of the refusal, NONE where it is a head. */
static enum asof_problem_kind
read_head(struct asof_str bytes, struct asof_head *ret_head)
{
	struct asof_problem problem = { 0 };
	size_t scanned = 0;
	size_t len = 0;
	*ret_head = (struct asof_head){ 0 };
	if (asof_head_find(bytes, MAX_BYTES, &scanned, &len, &problem) != ASOF_OK)
		return problem.kind;
	assert_int_equal(len, bytes.len);
	if (asof_head_parse(bytes, ret_head, &problem) != ASOF_OK) {
		assert_true(problem.err.message[0] != '\0');
		return problem.kind;
	}
	return ASOF_PROBLEM_NONE;
}

static void
a_plain_head_is_read(void **state)
{
	(void)state;
	struct asof_head head;
	struct asof_str bytes = S("POST /features/v/batch?x=1 HTTP/1.1\r\n"
				  "Host: example\r\n"
				  "content-TYPE:\tapplication/json \r\n"
				  "Content-Encoding: identity\r\n"
				  "Content-Length: 0012\r\n"
				  "Expect: 100-Continue\r\n"
				  "X-Request-Id: abc-1_2.3:4\r\n\r\n");
	assert_int_equal(read_head(bytes, &head), ASOF_PROBLEM_NONE);
	assert_int_equal(head.method, ASOF_METHOD_POST);
	assert_true(asof_str_equal(head.target, S("/features/v/batch?x=1")));
	assert_true(asof_str_equal(head.content_type, S("application/json")));
	assert_true(asof_str_equal(head.content_encoding, S("identity")));
	assert_true(asof_str_equal(head.request_id, S("abc-1_2.3:4")));
	assert_int_equal(head.framing, ASOF_FRAMING_LENGTH);
	assert_int_equal(head.content_length, 12);
	assert_true(head.expects_continue);
	assert_true(head.keeps_alive);
	assert_false(head.is_http10);
}

static void
methods_are_told_apart_by_case(void **state)
{
	(void)state;
	static const struct {
		struct asof_str bytes;
		enum asof_method method;
	} cases[] = {
		{ T("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ASOF_METHOD_GET },
		{ T("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), ASOF_METHOD_HEAD },
		{ T("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), ASOF_METHOD_POST },
		{ T("get / HTTP/1.1\r\nHost: x\r\n\r\n"), ASOF_METHOD_OTHER },
		{ T("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"), ASOF_METHOD_OTHER },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_head head;
		assert_int_equal(read_head(cases[i].bytes, &head), ASOF_PROBLEM_NONE);
		assert_int_equal(head.method, cases[i].method);
		assert_int_equal(head.framing, ASOF_FRAMING_NONE);
	}
}

static void
a_connection_is_kept_as_version_and_header_say(void **state)
{
	(void)state;
	static const struct {
		struct asof_str bytes;
		bool keeps_alive;
	} cases[] = {
		{ T("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), true },
		{ T("GET / HTTP/1.0\r\n\r\n"), false },
		{ T("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true },
		{ T("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n"), false },
		{ T("GET / HTTP/1.1\r\nHost: x\r\nConnection: a, close ,b\r\n\r\n"), false },
		{ T("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, close\r\n\r\n"), false },
		{ T("GET / HTTP/1.1\r\nHost: x\r\nConnection: ,,\r\n\r\n"), true },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_head head;
		assert_int_equal(read_head(cases[i].bytes, &head), ASOF_PROBLEM_NONE);
		assert_int_equal(head.keeps_alive, cases[i].keeps_alive);
	}
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"

static void
malformed_heads_are_refused(void **state)
{
	(void)state;
	static const struct asof_str cases[] = {
		T("GET /\r\n\r\n"),
		T("GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
		T("GET / HTTP/1.1 \r\nHost: x\r\n\r\n"),
		T("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
		T("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
		T("GET / HTTP/2.0\r\nHost: x\r\n\r\n"),
		T("GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
		T("GET / http/1.1\r\nHost: x\r\n\r\n"),
		T("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"),
		T(" GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		T("GET / HTTP/1.1\r\n\r\n"),
		T("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"),
		T(GET "A\r\n\r\n"),
		T(GET "A : b\r\n\r\n"),
		T(GET ": b\r\n\r\n"),
		T(GET " folded: b\r\n\r\n"),
		T(GET "A: b\r\n c\r\n\r\n"),
		T(GET "A: b\x00\r\n\r\n"),
		T(GET "A: b\rc\r\n\r\n"),
		T(GET "A: \x7f\r\n\r\n"),
		T(GET "A@B: c\r\n\r\n"),
		T(GET "Content-Length: \r\n\r\n"),
		T(GET "Content-Length: -1\r\n\r\n"),
		T(GET "Content-Length: +1\r\n\r\n"),
		T(GET "Content-Length: 1e1\r\n\r\n"),
		T(GET "Content-Length: 0x1\r\n\r\n"),
		T(GET "Content-Length: 1 1\r\n\r\n"),
		T(GET "Content-Length: 1, 1\r\n\r\n"),
		T(GET "Content-Length: 18446744073709551616\r\n\r\n"),
		T(GET "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
		T(GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
		T(GET "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
		T(GET "Transfer-Encoding: gzip\r\n\r\n"),
		T(GET "Transfer-Encoding: gzip, chunked\r\n\r\n"),
		T(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
		T(GET "Transfer-Encoding: \x0b"
		      "chunked\r\n\r\n"),
		T("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
		T("GET / HTTP/1.1\nHost: x\n\n"),
		T("GET / HTTP/1.1\r\nHost: x\n\r\n"),
		T("\n"),
		T("\r"
		  "a"),
		T("\x16\x03\x01\x02"),
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		struct asof_head head;
		if (read_head(cases[i], &head) != ASOF_PROBLEM_BAD_REQUEST)
			fail_msg("case %zu was accepted", i);
	}
}

static void
equal_lengths_twice_are_one_length(void **state)
{
	(void)state;
	struct asof_head head;
	assert_int_equal(read_head(S(GET "Content-Length: 7\r\nContent-Length: 07\r\n\r\n"), &head),
			 ASOF_PROBLEM_NONE);
	assert_int_equal(head.content_length, 7);
}

static void
an_unknown_expectation_has_its_own_refusal(void **state)
{
	(void)state;
	struct asof_head head;
	assert_int_equal(read_head(S(GET "Expect: a miracle\r\n\r\n"), &head),
			 ASOF_PROBLEM_EXPECTATION_FAILED);
}

static void
a_refused_head_still_gives_its_request_id(void **state)
{
	(void)state;
	struct asof_head head;
	assert_int_equal(read_head(S(GET "Content-Length: x\r\nX-Request-ID: mine\r\n\r\n"), &head),
			 ASOF_PROBLEM_BAD_REQUEST);
	assert_true(asof_str_equal(head.request_id, S("mine")));
}

static void
an_unfit_request_id_is_not_taken(void **state)
{
	(void)state;
	struct asof_head head;
	static const struct asof_str cases[] = {
		T(GET "X-Request-ID:\r\n\r\n"),
		T(GET "X-Request-ID: a b\r\n\r\n"),
		T(GET "X-Request-ID: a\"b\r\n\r\n"),
		T(GET "X-Request-ID: \xc3\xa9\r\n\r\n"),
		T(GET "X-Request-ID: "
		      "0123456789012345678901234567890123456789012345678901234567890123"
		      "01234567890123456789012345678901234567890123456789012345678901234\r\n\r\n"),
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		assert_int_equal(read_head(cases[i], &head), ASOF_PROBLEM_NONE);
		assert_null(head.request_id.ptr);
	}
}

/* However the bytes are cut, the head is found at the same place, and not before. */
static void
a_head_is_found_in_any_pieces(void **state)
{
	(void)state;
	struct asof_str whole = S("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nBODY");
	size_t head_len = whole.len - 4;
	for (size_t first = 0; first <= whole.len; first++) {
		size_t scanned = 0;
		size_t len = 0;
		struct asof_problem problem = { 0 };
		struct asof_str part = { whole.ptr, first };
		assert_int_equal(asof_head_find(part, MAX_BYTES, &scanned, &len, &problem),
				 ASOF_OK);
		assert_int_equal(len, first >= head_len ? head_len : 0);
		assert_int_equal(asof_head_find(whole, MAX_BYTES, &scanned, &len, &problem),
				 ASOF_OK);
		assert_int_equal(len, head_len);
	}
}

static void
a_head_that_is_too_long_is_refused(void **state)
{
	(void)state;
	static char bytes[4096];
	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "GET /", 5);
	size_t scanned = 0;
	size_t len = 1;
	struct asof_problem problem = { 0 };
	struct asof_str short_enough = { bytes, 1023 };
	assert_int_equal(asof_head_find(short_enough, 1024, &scanned, &len, &problem), ASOF_OK);
	assert_int_equal(len, 0);
	struct asof_str too_long = { bytes, 1024 };
	assert_int_equal(asof_head_find(too_long, 1024, &scanned, &len, &problem), ASOF_INVALID);
	assert_int_equal(problem.kind, ASOF_PROBLEM_HEADERS_TOO_LARGE);
}

static void
too_many_headers_are_refused(void **state)
{
	(void)state;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(MAX_BYTES);
	struct asof_head head;
	asof_buf_add_cstr(&buf, GET);
	for (int i = 0; i < 300; i++)
		asof_buf_add_cstr(&buf, "a: b\r\n");
	asof_buf_add_cstr(&buf, "\r\n");
	assert_int_equal(read_head(asof_buf_view(&buf), &head), ASOF_PROBLEM_HEADERS_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_head_is_read),
		cmocka_unit_test(methods_are_told_apart_by_case),
		cmocka_unit_test(a_connection_is_kept_as_version_and_header_say),
		cmocka_unit_test(malformed_heads_are_refused),
		cmocka_unit_test(equal_lengths_twice_are_one_length),
		cmocka_unit_test(an_unknown_expectation_has_its_own_refusal),
		cmocka_unit_test(a_refused_head_still_gives_its_request_id),
		cmocka_unit_test(an_unfit_request_id_is_not_taken),
		cmocka_unit_test(a_head_is_found_in_any_pieces),
		cmocka_unit_test(a_head_that_is_too_long_is_refused),
		cmocka_unit_test(too_many_headers_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
