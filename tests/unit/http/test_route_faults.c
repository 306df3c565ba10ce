/* test_route_faults.c - every route, with every allocation on the way to its answer failed in turn:
 * the answer, or a refusal that may be tried again, and nothing left behind. */
#include "http/exchange.h"
#include "unit/http/shop.h"

#define ANSWER_BYTES ((size_t)4 << 20)
#define INPUT_BYTES  ((size_t)4096)
#define BODY(text)   "Host: x\r\nContent-Type: application/json\r\n" text
#define ARROW        "Accept: application/vnd.apache.arrow.stream\r\n"
#define CHUNKED      "Transfer-Encoding: chunked\r\n\r\n"
#define SECRET       "secret"
#define SECRET_HASH  "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define BEARER       "Authorization: Bearer " SECRET "\r\n"

static const struct {
	const char *name;
	const char *request;
} cases[] = {
	{ "one row", "GET /features/spending/1 HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n" },
	{ "one row, its key named",
	  "GET /features/spending?customer_id=%31 HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n" },
	{ "rows of one view", "POST /features/spending/batch HTTP/1.1\r\n" BODY(
				      BEARER CHUNKED) "28\r\n{\"entities\": {\"customer_id\": [1, "
						      "2, 3]}}\r\n0\r\n\r\n" },
	{ "rows of one view as Arrow",
	  "POST /features/spending/batch HTTP/1.1\r\n" BODY(
		  BEARER ARROW CHUNKED) "2c\r\n{\"entities\": {\"customer_id\": [1, 99, "
					"null]}}\r\n0\r\n\r\n" },
	{ "rows of several views",
	  "POST /features/batch HTTP/1.1\r\n" BODY(
		  BEARER CHUNKED) "44\r\n{\"features\": [\"spending.*\"], \"entities\": "
				  "{\"customer_id\": [1, 2, 3]}}"
				  "\r\n0\r\n\r\n" },
	{ "Feast's form", "POST /get-online-features HTTP/1.1\r\n" BODY(
				  BEARER CHUNKED) "44\r\n{\"features\": [\"spending:*\"], "
						  "\"entities\": {\"customer_id\": [1, 2, 3]}}"
						  "\r\n0\r\n\r\n" },
	{ "metrics", "GET /metrics HTTP/1.1\r\nHost: x\r\n" BEARER "\r\n" },
	{ "the interface", "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" },
	{ "readiness", "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" },
};

/* What a thread of a server has. */
struct served {
	struct asof_desk desk;
	struct asof_budget budget;
	struct asof_meter meter;
	struct asof_metrics metrics;
	struct asof_token token;
	struct asof_tokens tokens;
	atomic_bool is_closing;
};

static void
served_begin(struct served *s, struct asof_reader *reader)
{
	*s = (struct served){
		.budget.max_bytes = ANSWER_BYTES,
		.token = { .name = "all",
			   .sha256 = SECRET_HASH,
			   .rights = { true, true, true, true } },
	};
	s->tokens = (struct asof_tokens){ .items = &s->token, .count = 1 };
	s->metrics = (struct asof_metrics){ .meters = &s->meter,
					    .meter_count = 1,
					    .budget = &s->budget };
	s->desk = (struct asof_desk){
		.routes = { .reader = reader,
			    .entity_max = 10,
			    .is_closing = &s->is_closing,
			    .metrics = &s->metrics,
			    .tokens = &s->tokens },
		.header_max_bytes = INPUT_BYTES,
		.body_max_bytes = INPUT_BYTES,
		.budget = &s->budget,
		.meter = &s->meter,
	};
}

/* The status of the answer; 0 where there was no memory even for a refusal: the connection is
 * closed. */
static int
status_of(const struct asof_exchange *exchange)
{
	if (exchange->head.len == 0) {
		assert_true(exchange->closes);
		return 0;
	}
	assert_memory_equal(exchange->head.ptr, "HTTP/1.1 ", 9);
	return (exchange->head.ptr[9] - '0') * 100 + (exchange->head.ptr[10] - '0') * 10 +
	       (exchange->head.ptr[11] - '0');
}

/* Ask with the nth allocation failed. *ret_left: how many are left behind. */
static int
ask(struct asof_reader *reader, const char *request, size_t n, size_t *ret_left)
{
	static char bytes[INPUT_BYTES];
	size_t before = asof_mem_live();
	struct served s;
	size_t len = strlen(request);
	assert_true(len < sizeof(bytes));
	memcpy(bytes, request, len);
	struct asof_input input = { bytes, len };
	served_begin(&s, reader);
	struct asof_exchange exchange = asof_exchange_make(ANSWER_BYTES, NULL);
	asof_mem_fail_at(n);
	enum asof_want want = asof_exchange_advance(&exchange, &s.desk, &input);
	asof_mem_fail_at(0);
	assert_int_equal(want, ASOF_WANT_OUTPUT);
	int status = status_of(&exchange);
	asof_exchange_done(&exchange, &s.desk);
	asof_desk_done(&s.desk);
	assert_int_equal(atomic_load(&s.budget.used_bytes), 0);
	*ret_left = asof_mem_live() - before;
	return status;
}

/* What the reader keeps it has from the first that asked. */
static void
ask_for_all(struct asof_reader *reader)
{
	size_t left;
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		if (ask(reader, cases[i].request, 0, &left) != 200)
			fail_msg("%s: not answered", cases[i].name);
	}
}

static void
every_allocation_failure_is_a_refusal_or_an_end(void **state)
{
	struct shop *shop = *state;
	ask_for_all(shop->reader);
	for (size_t i = 0; i < ASOF_COUNTOF(cases); i++) {
		int status = 0;
		size_t n = 1;
		for (; status != 200; n++) {
			size_t left;
			status = ask(shop->reader, cases[i].request, n, &left);
			if ((status != 0 && status != 200 && status != 503) || left != 0)
				fail_msg("%s, allocation %zu failed: %d, %zu left behind",
					 cases[i].name, n, status, left);
		}
		assert_true(n > 2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_failure_is_a_refusal_or_an_end),
	};
	return cmocka_run_group_tests(tests, shop_up, shop_down);
}
