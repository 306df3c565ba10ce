#include "http/errand.h"

#include <stdio.h>

#include "base/clock.h"
#include "check.h"
#include "http/exchange.h"
#include "unit/http/bench.h"
#include "unit/http/gate.h"

#define HOUR_US INT64_C(3600000000)
#define GUESTS  4

/* Refused without a reader, by whoever answers it. */
#define ROWS                                                                       \
	"POST /features/batch HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" \
	"X-Request-ID: mine\r\nContent-Length: 2\r\n\r\n{}"

/* Exchanges of one desk whose rows one worker reads, once it is let through its gate. */
struct office {
	struct bench bench; /* whose desk it is */
	struct asof_worker_pool *pool;
	struct asof_errands errands;
	struct asof_routes routes; /* of the worker */
	struct asof_scratch scratch;
	struct gate gate;    /* before an answer */
	struct gate arrival; /* of what is to be collected; always open */
	struct guest {
		struct asof_exchange exchange;
		char input[512];
		unsigned woken;
	} guests[GUESTS];
};

static void
run(void *arg, unsigned worker, struct asof_task *task)
{
	struct office *office = arg;
	(void)worker;
	gate_pass(&office->gate);
	asof_errand_answer(task, &office->routes, &office->scratch);
}

static void
refuse(void *arg, struct asof_task *task)
{
	(void)arg;
	asof_errand_refuse(task);
}

static void
wake(void *arg)
{
	gate_pass(arg);
}

static void
wake_guest(void *guest)
{
	((struct guest *)guest)->woken++;
}

static int
open_office(void **state)
{
	static struct office office;
	struct asof_error err = { 0 };
	office = (struct office){ .routes = { .entity_max = 10 } };
	bench_begin(&office.bench);
	office.scratch = asof_scratch_make();
	office.routes.is_closing = &office.bench.is_closing;
	gate_init(&office.gate, 0);
	gate_init(&office.arrival, GATE_OPEN);
	struct asof_worker_pool_options options = { .worker_count = 1,
						    .queue_max = 1,
						    .wait_max_us = HOUR_US,
						    .run = run,
						    .refuse = refuse,
						    .arg = &office };
	assert_ok(asof_worker_pool_open(&options, &office.pool, &err), err);
	asof_errands_init(&office.errands, office.pool, &office.bench.budget, wake,
			  &office.arrival);
	office.bench.desk.routes.errands = &office.errands;
	for (size_t i = 0; i < GUESTS; i++)
		office.guests[i].exchange = asof_exchange_make(4096, &office.guests[i]);
	*state = &office;
	return 0;
}

static int
close_office(void **state)
{
	struct office *office = *state;
	for (size_t i = 0; i < GUESTS; i++)
		asof_exchange_done(&office->guests[i].exchange, &office->bench.desk);
	gate_let(&office->gate, GATE_OPEN);
	asof_worker_pool_close(office->pool);
	asof_errands_collect(&office->errands, wake_guest);
	asof_errands_done(&office->errands);
	assert_int_equal(office->bench.budget.used_bytes, 0);
	asof_scratch_done(&office->scratch);
	gate_done(&office->gate);
	gate_done(&office->arrival);
	bench_end(&office->bench);
	return 0;
}

static enum asof_want
advance(struct office *office, struct guest *guest)
{
	struct asof_input input = { guest->input, strlen(guest->input) };
	return asof_exchange_advance(&guest->exchange, &office->bench.desk, &input);
}

static enum asof_want
ask(struct office *office, struct guest *guest, const char *request)
{
	(void)snprintf(guest->input, sizeof(guest->input), "%s", request);
	return advance(office, guest);
}

/* The next answer is let through and collected. */
static void
let_one_back(struct office *office, unsigned arrived)
{
	gate_let(&office->gate, 1);
	gate_await(&office->arrival, arrived);
	asof_errands_collect(&office->errands, wake_guest);
}

static bool
says(const struct guest *guest, const char *text)
{
	return strstr(asof_buf_cstr(&guest->exchange.head), text) != NULL ||
	       strstr(asof_buf_cstr(&guest->exchange.body), text) != NULL;
}

static void
others_are_answered_while_a_worker_reads_rows(void **state)
{
	struct office *office = *state;
	struct guest *slow = &office->guests[0];
	struct guest *quick = &office->guests[1];
	assert_int_equal(ask(office, slow, ROWS), ASOF_WANT_WAKING);
	gate_await(&office->gate, 1);
	assert_false(asof_exchange_may_advance(&slow->exchange));
	assert_int_equal(advance(office, slow), ASOF_WANT_WAKING);
	assert_int_equal(ask(office, quick, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
			 ASOF_WANT_OUTPUT);
	assert_true(says(quick, "HTTP/1.1 200 OK\r\n"));

	let_one_back(office, 1);
	assert_int_equal(slow->woken, 1);
	assert_int_equal(quick->woken, 0);
	assert_true(asof_exchange_may_advance(&slow->exchange));
	assert_int_equal(advance(office, slow), ASOF_WANT_OUTPUT);
	assert_true(says(slow, "HTTP/1.1 415 "));
	assert_true(says(slow, "X-Request-ID: mine\r\n"));
	assert_true(says(slow, "\"request_id\":\"mine\""));
	assert_int_equal(asof_exchange_written(&slow->exchange, &office->bench.desk), strlen(ROWS));
}

static void
an_exchange_is_used_again_after_its_request_waited(void **state)
{
	struct office *office = *state;
	struct guest *guest = &office->guests[0];
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(ask(office, guest, ROWS), ASOF_WANT_WAKING);
		let_one_back(office, i);
		assert_int_equal(advance(office, guest), ASOF_WANT_OUTPUT);
		assert_true(says(guest, "HTTP/1.1 415 "));
		(void)asof_exchange_written(&guest->exchange, &office->bench.desk);
	}
	assert_int_equal(office->errands.out_count, 0);
}

static void
what_finds_the_queue_full_is_429(void **state)
{
	struct office *office = *state;
	assert_int_equal(ask(office, &office->guests[0], ROWS), ASOF_WANT_WAKING);
	gate_await(&office->gate, 1);
	assert_int_equal(ask(office, &office->guests[1], ROWS), ASOF_WANT_WAKING);
	struct guest *third = &office->guests[2];
	assert_int_equal(ask(office, third, ROWS), ASOF_WANT_OUTPUT);
	assert_true(says(third, "HTTP/1.1 429 Too Many Requests\r\n"));
	assert_true(says(third, "\r\nRetry-After: 1\r\n"));
	assert_true(says(third, "\"code\":\"too_many_requests\""));
	assert_false(third->exchange.closes);
	(void)asof_exchange_written(&third->exchange, &office->bench.desk);

	let_one_back(office, 1);
	gate_await(&office->gate, 2);
	assert_int_equal(ask(office, third, ROWS), ASOF_WANT_WAKING);
}

static void
what_waits_too_long_is_503_and_not_asked_for(void **state)
{
	struct office *office = *state;
	struct guest *late = &office->guests[1];
	assert_int_equal(ask(office, &office->guests[0], ROWS), ASOF_WANT_WAKING);
	gate_await(&office->gate, 1);
	assert_int_equal(ask(office, late, ROWS), ASOF_WANT_WAKING);
	asof_worker_pool_expire(office->pool, asof_monotonic_us() + HOUR_US + 1);
	asof_errands_collect(&office->errands, wake_guest);
	assert_int_equal(late->woken, 1);
	assert_int_equal(advance(office, late), ASOF_WANT_OUTPUT);
	assert_true(says(late, "HTTP/1.1 503 "));
	assert_true(says(late, "\r\nRetry-After: 1\r\n"));
	assert_int_equal(office->guests[0].woken, 0);
	assert_int_equal(office->errands.out_count, 1);
}

static void
an_exchange_may_end_while_its_request_is_out(void **state)
{
	struct office *office = *state;
	struct guest *running = &office->guests[0];
	struct guest *waiting = &office->guests[1];
	assert_int_equal(ask(office, running, ROWS), ASOF_WANT_WAKING);
	gate_await(&office->gate, 1);
	assert_int_equal(ask(office, waiting, ROWS), ASOF_WANT_WAKING);
	asof_exchange_done(&waiting->exchange, &office->bench.desk);
	assert_int_equal(office->errands.out_count, 1);
	asof_exchange_done(&running->exchange, &office->bench.desk);
	assert_int_equal(office->errands.out_count, 1);
	memset(running->input, 0, sizeof(running->input));

	let_one_back(office, 1);
	assert_int_equal(office->errands.out_count, 0);
	assert_int_equal(running->woken + waiting->woken, 0);
}

static void
an_exchange_may_end_before_it_takes_its_answer(void **state)
{
	struct office *office = *state;
	struct guest *guest = &office->guests[0];
	assert_int_equal(ask(office, guest, ROWS), ASOF_WANT_WAKING);
	let_one_back(office, 1);
	assert_int_equal(guest->woken, 1);
	asof_exchange_done(&guest->exchange, &office->bench.desk);
	assert_int_equal(office->errands.out_count, 0);
}

static void
a_request_for_which_memory_is_short_is_503(void **state)
{
	struct office *office = *state;
	struct guest *guest = &office->guests[0];
	asof_mem_fail_at(1);
	enum asof_want want = ask(office, guest, ROWS);
	asof_mem_fail_at(0);
	assert_int_equal(want, ASOF_WANT_OUTPUT);
	assert_true(says(guest, "HTTP/1.1 503 "));
	assert_int_equal(office->errands.out_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_office, close_office)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(others_are_answered_while_a_worker_reads_rows),
		TEST(an_exchange_is_used_again_after_its_request_waited),
		TEST(what_finds_the_queue_full_is_429),
		TEST(what_waits_too_long_is_503_and_not_asked_for),
		TEST(an_exchange_may_end_while_its_request_is_out),
		TEST(an_exchange_may_end_before_it_takes_its_answer),
		TEST(a_request_for_which_memory_is_short_is_503),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
