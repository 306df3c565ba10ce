/* batch_case.h - a view that bodies of both forms are read for: what its keys and features are, and
 * how a refusal of each of its wrong bodies is checked. */
#ifndef ASOF_TESTS_HTTP_BATCH_CASE_H
#define ASOF_TESTS_HTTP_BATCH_CASE_H

#include "check.h"
#include "http/batch_request.h"

#define S(literal) ((struct asof_str){ literal, sizeof(literal) - 1 })
/* In static tables. */
#define T(literal)                           \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
#define ENTITY_MAX  ((size_t)4)
#define ARENA_BYTES ((size_t)1 << 20)

/* "id" is of Feast's names a key and a feature at once. */
static struct asof_key keys[] = {
	{ .name = "origin", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "id", .type = { .kind = ASOF_TYPE_INT64 } },
};
static const struct asof_entity route = { .name = "route", .keys = keys, .key_count = 2 };
static struct asof_output outputs[] = {
	{ .name = "price", .type = { .kind = ASOF_TYPE_FLOAT64 } },
	{ .name = "count", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "id", .type = { .kind = ASOF_TYPE_INT64 } },
};
static const struct asof_view view = {
	.name = "v", .entity = &route, .outputs = outputs, .output_count = ASOF_COUNTOF(outputs)
};
static const struct asof_reader_view online = { .name = "v", .version = "1.0.0", .view = &view };

/* A body that is refused, as what, and a part of what is said. */
struct wrong_body {
	struct asof_str body;
	enum asof_problem_kind kind;
	const char *mentions;
};

/* Read `body` in one of the forms. What comes of it is not looked at. */
typedef enum asof_status read_body_fn(struct asof_str body, struct asof_arena *arena,
				      struct asof_problem *problem);

static inline void
assert_bodies_are_refused(read_body_fn *read, const struct wrong_body *wrong, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
		struct asof_problem problem = { 0 };
		assert_int_not_equal(read(wrong[i].body, &arena, &problem), ASOF_OK);
		if (problem.kind != wrong[i].kind ||
		    !strstr(problem.err.message, wrong[i].mentions))
			fail_msg("case %zu: %s: %s", i, asof_problem_code(problem.kind),
				 problem.err.message);
	}
}

/* Each allocation on the way failed once: unavailable, and nothing is left. */
static inline void
assert_allocation_failures_are_survived(read_body_fn *read, struct asof_str body)
{
	for (size_t n = 1;; n++) {
		size_t before = asof_mem_live();
		struct asof_problem problem = { 0 };
		enum asof_status status;
		{
			ASOF_AUTO(asof_arena_done)
			struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
			asof_mem_fail_at(n);
			status = read(body, &arena, &problem);
			asof_mem_fail_at(0);
		}
		assert_int_equal(asof_mem_live(), before);
		if (status == ASOF_OK)
			break;
		asof_problem_settle(&problem, status);
		assert_int_equal(problem.kind, ASOF_PROBLEM_UNAVAILABLE);
		assert_true(n < 100);
	}
}

#endif
