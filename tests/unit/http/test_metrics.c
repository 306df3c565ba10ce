#include "http/metrics.h"

#include "check.h"
#include "unit/http/bench.h"

static uint64_t
counted(const struct asof_meter *meter, size_t route, size_t code)
{
	return atomic_load(&meter->routes[route].by_code[code]);
}

static void
an_answer_is_counted_once_under_its_route(void **state)
{
	struct bench *b = *state;
	feed(b, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(counted(&b->meter, 0, 0), 1);
	assert_int_equal(atomic_load(&b->meter.routes[0].sent_bytes), 15);
	uint64_t timed = 0;
	for (size_t i = 0; i <= ASOF_METER_BUCKETS; i++)
		timed += atomic_load(&b->meter.routes[0].by_time[i]);
	assert_int_equal(timed, 1);
}

static void
what_is_no_request_is_counted_under_no_route(void **state)
{
	struct bench *b = *state;
	feed(b, "GARBAGE\r\n\r\n");
	assert_int_equal(counted(&b->meter, ASOF_METER_ROUTES - 1, 1), 1);
}

static void
times_fall_into_the_bucket_that_bounds_them(void **state)
{
	(void)state;
	static struct asof_meter meter;
	asof_meter_count(&meter, NULL, 200, 25, 0);
	asof_meter_count(&meter, NULL, 200, 26, 0);
	asof_meter_count(&meter, NULL, 200, INT64_MAX / 2, 0);
	const struct asof_route_meter *none = &meter.routes[ASOF_METER_ROUTES - 1];
	assert_int_equal(atomic_load(&none->by_time[0]), 1);
	assert_int_equal(atomic_load(&none->by_time[1]), 1);
	assert_int_equal(atomic_load(&none->by_time[ASOF_METER_BUCKETS]), 1);
}

static void
connections_open_and_close(void **state)
{
	(void)state;
	static struct asof_meter meter;
	asof_meter_connection(&meter, true);
	asof_meter_connection(&meter, true);
	asof_meter_connection(&meter, false);
	assert_int_equal(atomic_load(&meter.connections_accepted), 2);
	assert_int_equal(atomic_load(&meter.connections_open), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_is_counted_once_under_its_route, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_request_is_counted_under_no_route, setup,
						teardown),
		cmocka_unit_test(times_fall_into_the_bucket_that_bounds_them),
		cmocka_unit_test(connections_open_and_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
