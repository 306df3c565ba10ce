#include "http/chunked.h"

#include "check.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
/* In static tables. */
#define T(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

/* Decode `raw` in pieces of `piece` bytes. True when done; data and unused rest are in `out`. */
static bool
decode(struct asof_str raw, size_t piece, char out[256], size_t *ret_len, size_t *ret_rest,
       enum asof_status *ret_status)
{
	struct asof_chunked chunked = { 0 };
	struct asof_problem problem = { 0 };
	size_t end = 0;
	size_t taken = 0;
	while (taken < raw.len && chunked.state != ASOF_CHUNKED_DONE) {
		size_t len = raw.len - taken < piece ? raw.len - taken : piece;
		size_t decoded = 0;
		size_t used = 0;
		assert_true(end + len <= 256);
		memcpy(out + end, raw.ptr + taken, len);
		*ret_status =
			asof_chunked_decode(&chunked, out + end, len, &decoded, &used, &problem);
		if (*ret_status != ASOF_OK) {
			assert_int_equal(problem.kind, ASOF_PROBLEM_BAD_REQUEST);
			return false;
		}
		assert_true(used == len || chunked.state == ASOF_CHUNKED_DONE);
		end += decoded;
		taken += used;
	}
	*ret_len = end;
	*ret_rest = raw.len - taken;
	return chunked.state == ASOF_CHUNKED_DONE;
}

static void
chunks_are_joined_however_they_arrive(void **state)
{
	(void)state;
	struct asof_str raw =
		S("5\r\nhello\r\n1;ext=\"x\"\r\n,\r\nA\r\n wonderful\r\n0\r\nT: x\r\n\r\nNEXT");
	for (size_t piece = 1; piece <= raw.len; piece++) {
		char out[256];
		size_t len;
		size_t rest;
		enum asof_status status;
		assert_true(decode(raw, piece, out, &len, &rest, &status));
		assert_int_equal(len, 16);
		assert_memory_equal(out, "hello, wonderful", 16);
		assert_int_equal(rest, 4);
	}
}

static void
an_empty_body_is_a_body(void **state)
{
	(void)state;
	char out[256];
	size_t len;
	size_t rest;
	enum asof_status status;
	assert_true(decode(S("0\r\n\r\n"), 1, out, &len, &rest, &status));
	assert_int_equal(len, 0);
	assert_int_equal(rest, 0);
}

static void
broken_chunks_are_refused(void **state)
{
	(void)state;
	static const struct asof_str cases[] = {
		T("\r\n"),       T("x\r\n"),           T("-1\r\n"),
		T("5\nhello"),   T("5\r\nhello!\r\n"), T("5\r\nhello\n"),
		T("5\r\rhello"), T("123456789\r\n"),   T(" 5\r\nhello\r\n"),
		T("0\r\n\rx"),   T("0\r\nT\nX"),       T("0\r\nT\rX"),
		T("5;a\nb\r\n"),
	};
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		char out[256];
		size_t len = 0;
		size_t rest = 0;
		enum asof_status status = ASOF_OK;
		assert_false(decode(cases[i], 1, out, &len, &rest, &status));
		if (status != ASOF_INVALID)
			fail_msg("case %zu was accepted", i);
	}
}

static void
endless_extensions_and_trailers_end(void **state)
{
	(void)state;
	static const struct asof_str begins[] = { T("1;"), T("0\r\nT") };
	for (size_t i = 0; i < ASOF_COUNTOF(begins); i++) {
		static char bytes[20000];
		struct asof_chunked chunked = { 0 };
		struct asof_problem problem = { 0 };
		size_t decoded;
		size_t used;
		memset(bytes, 'a', sizeof(bytes));
		memcpy(bytes, begins[i].ptr, begins[i].len);
		assert_int_equal(asof_chunked_decode(&chunked, bytes, sizeof(bytes), &decoded,
						     &used, &problem),
				 ASOF_INVALID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_joined_however_they_arrive),
		cmocka_unit_test(an_empty_body_is_a_body),
		cmocka_unit_test(broken_chunks_are_refused),
		cmocka_unit_test(endless_extensions_and_trailers_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
