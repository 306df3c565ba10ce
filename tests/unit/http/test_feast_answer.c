/* test_feast_answer.c - columns of a store's rows: of one slice and of many, without memory, and
 * at the limit of an answer. */
#include "http/feast_answer.h"

#include "http/batch_rows.h"
#include "unit/http/shop.h"

#define MANY_ROWS    (3 * (size_t)ASOF_BATCH_SLICE_ROWS - 40)
#define ANSWER_BYTES ((size_t)4 << 20)

/* Customers 1, 2, .. again and again; every thirteenth has no key. */
static void
make_body(struct asof_buf *body, size_t row_count)
{
	asof_buf_add_cstr(body,
			  "{\"features\": [\"spending:*\"], \"entities\": {\"customer_id\": [");
	for (size_t i = 0; i < row_count; i++) {
		const char *comma = i > 0 ? "," : "";
		if (i % SHOP_CUSTOMERS == 13)
			asof_buf_printf(body, "%snull", comma);
		else
			asof_buf_printf(body, "%s%zu", comma, i % SHOP_CUSTOMERS);
	}
	asof_buf_add_cstr(body, "]}}");
}

static void
scratch_done(struct asof_scratch *scratch)
{
	asof_arena_done(&scratch->request);
	asof_arena_done(&scratch->rows);
}

static enum asof_status
answer(struct shop *shop, struct asof_str body, struct asof_buf *buf, struct asof_problem *problem)
{
	ASOF_AUTO(scratch_done) struct asof_scratch scratch = { 0 };
	struct asof_feast_request request;
	struct asof_batch_reading reading = {
		.reader = shop->reader,
		.entity_max = 100000,
		.arena = &scratch.request,
		.problem = problem,
	};
	ASOF_TRY(asof_feast_read(&reading, body, &request));
	return asof_feast_answer(shop->reader, &request, &scratch, buf, problem);
}

/* The lists of an answer. */
static const struct asof_json *
results_of(struct shop *shop, size_t row_count, struct asof_buf *buf, struct asof_arena *arena)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(ANSWER_BYTES);
	struct asof_problem problem = { 0 };
	const struct asof_json *root;
	make_body(&body, row_count);
	assert_ok(answer(shop, asof_buf_view(&body), buf, &problem), problem.err);
	assert_ok(asof_json_read(asof_buf_view(buf), arena, &root, &problem.err), problem.err);
	const struct asof_json *results = asof_json_member(root, "results");
	assert_non_null(results);
	return results;
}

static void
check_list(const struct asof_json *many, const struct asof_json *few, size_t row_count)
{
	assert_int_equal(many->count, row_count);
	assert_int_equal(few->count, SHOP_CUSTOMERS);
	for (size_t row = 0; row < row_count; row++) {
		const struct asof_json *one = &many->items[row];
		const struct asof_json *other = &few->items[row % SHOP_CUSTOMERS];
		assert_int_equal(one->kind, other->kind);
		assert_true(asof_str_equal(one->text, other->text));
	}
}

/* What is kept of earlier slices, and what is written from the last, are one list. */
static void
rows_are_the_same_in_one_slice_and_in_many(void **state)
{
	struct shop *shop = *state;
	static const size_t counts[] = { ASOF_BATCH_SLICE_ROWS, ASOF_BATCH_SLICE_ROWS + 1,
					 MANY_ROWS };
	static const char *const lists[] = { "values", "statuses", "event_timestamps" };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf small = ASOF_BUF(ANSWER_BYTES);
	const struct asof_json *few = results_of(shop, SHOP_CUSTOMERS, &small, &arena);
	assert_true(few->count > 3);
	for (size_t i = 0; i < ASOF_COUNTOF(counts); i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf large = ASOF_BUF(ANSWER_BYTES);
		const struct asof_json *many = results_of(shop, counts[i], &large, &arena);
		assert_int_equal(many->count, few->count);
		for (size_t column = 0; column < few->count; column++) {
			for (size_t list = 0; list < ASOF_COUNTOF(lists); list++)
				check_list(asof_json_member(&many->items[column], lists[list]),
					   asof_json_member(&few->items[column], lists[list]),
					   counts[i]);
		}
	}
}

static void
no_rows_are_empty_lists(void **state)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ANSWER_BYTES);
	const struct asof_json *results = results_of(*state, 0, &buf, &arena);
	assert_true(results->count > 3);
	for (size_t i = 0; i < results->count; i++)
		assert_int_equal(asof_json_member(&results->items[i], "values")->count, 0);
}

static void
every_allocation_failure_is_survived(void **state)
{
	struct shop *shop = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(ANSWER_BYTES);
	make_body(&body, ASOF_BATCH_SLICE_ROWS + 1);
	size_t failures = 0;
	for (size_t n = 1;; n++) {
		size_t before = asof_mem_live();
		struct asof_problem problem = { 0 };
		enum asof_status status;
		{
			ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ANSWER_BYTES);
			asof_mem_fail_at(n);
			status = answer(shop, asof_buf_view(&body), &buf, &problem);
			asof_mem_fail_at(0);
		}
		assert_int_equal(asof_mem_live(), before);
		if (status == ASOF_OK)
			break;
		asof_problem_settle(&problem, status);
		assert_int_equal(problem.kind, ASOF_PROBLEM_UNAVAILABLE);
		failures++;
	}
	assert_true(failures > 20);
}

/* Up to the length of the whole answer it is refused, early or late, and nothing stays behind. */
static void
an_answer_past_its_limit_is_refused(void **state)
{
	struct shop *shop = *state;
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(ANSWER_BYTES);
	ASOF_AUTO(asof_buf_done) struct asof_buf whole = ASOF_BUF(ANSWER_BYTES);
	struct asof_problem problem = { 0 };
	make_body(&body, MANY_ROWS);
	assert_ok(answer(shop, asof_buf_view(&body), &whole, &problem), problem.err);
	size_t early = 0;
	size_t late = 0;
	for (size_t max = 1; max < whole.len; max += whole.len / 40) {
		ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(max);
		enum asof_status status = answer(shop, asof_buf_view(&body), &buf, &problem);
		asof_problem_settle(&problem, status);
		assert_int_equal(problem.kind, ASOF_PROBLEM_LIMIT_EXCEEDED);
		early += buf.len == 0;
		late += buf.len > 0;
		asof_problem_clear(&problem);
	}
	assert_true(early > 0 && late > 0);
	ASOF_AUTO(asof_buf_done) struct asof_buf exact = ASOF_BUF(whole.len);
	assert_ok(answer(shop, asof_buf_view(&body), &exact, &problem), problem.err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_same_in_one_slice_and_in_many),
		cmocka_unit_test(no_rows_are_empty_lists),
		cmocka_unit_test(every_allocation_failure_is_survived),
		cmocka_unit_test(an_answer_past_its_limit_is_refused),
	};
	return cmocka_run_group_tests(tests, shop_up, shop_down);
}
