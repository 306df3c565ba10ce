/* test_s3_end.c - which ends of an attempt are worth another one, and which leave it open what was
 * done. */
#include "check.h"
#include "lake/s3_client.h"

static void
expect(bool is_reached, long status, bool may_pass, bool is_unsure)
{
	struct asof_s3_end end = { is_reached, status };
	if (asof_s3_end_may_pass(end) != may_pass || asof_s3_end_is_unsure(end) != is_unsure)
		fail_msg("status %ld, reached %d", status, is_reached);
}

static void
silence_is_tried_again_and_leaves_it_open(void **state)
{
	(void)state;
	expect(true, 0, true, true);
	expect(false, 0, true, false); /* nobody was there to do it */
}

static void
what_is_refused_stays_refused(void **state)
{
	static const long refusals[] = { 200, 204, 301, 400, 401, 403, 404, 405, 411, 412, 416 };
	(void)state;
	for (size_t i = 0; i < ASOF_COUNTOF(refusals); i++)
		expect(true, refusals[i], false, false);
	expect(true, 501, false, false); /* a store that cannot will not */
}

static void
throttling_passes_and_nothing_was_done(void **state)
{
	(void)state;
	expect(true, 408, true, false);
	expect(true, 409, true, false);
	expect(true, 429, true, false);
	expect(true, 503, true, false);
}

static void
an_error_of_the_store_passes_and_leaves_it_open(void **state)
{
	(void)state;
	expect(true, 500, true, true);
	expect(true, 502, true, true);
	expect(true, 504, true, true);
	expect(true, 599, true, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_tried_again_and_leaves_it_open),
		cmocka_unit_test(what_is_refused_stays_refused),
		cmocka_unit_test(throttling_passes_and_nothing_was_done),
		cmocka_unit_test(an_error_of_the_store_passes_and_leaves_it_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
