/* body_case.h - what the fuzzers of request bodies share: limits, the claim that aborts, and what a
 * refusal must be. */
#ifndef ASOF_TESTS_FUZZ_BODY_CASE_H
#define ASOF_TESTS_FUZZ_BODY_CASE_H

#include <stdlib.h>

#include "http/batch_request.h"

#define ENTITY_MAX  ((size_t)8)
#define ARENA_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct asof_key keys[] = {
	{ .name = "a", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "b", .type = { .kind = ASOF_TYPE_INT64 } },
	{ .name = "c", .type = { .kind = ASOF_TYPE_TIMESTAMP } },
};
static const struct asof_entity entity = { .name = "e",
					   .keys = keys,
					   .key_count = ASOF_COUNTOF(keys) };
/* The last is called as a key: Feast's form has no way to tell them apart. */
static struct asof_output outputs[] = { { .name = "f" }, { .name = "g" }, { .name = "a" } };
static const struct asof_view view = {
	.name = "v", .entity = &entity, .outputs = outputs, .output_count = ASOF_COUNTOF(outputs)
};
static const struct asof_reader_view online = { .name = "v", .version = "1.0.0", .view = &view };

static inline void
check(bool is_true)
{
	if (!is_true)
		abort();
}

/* Each value is NULL or of its key's type. */
static inline void
check_column(const struct asof_batch_column *column, enum asof_type_kind kind, size_t row_count)
{
	for (size_t row = 0; row < row_count; row++) {
		const struct asof_value *value = &column->values[row];
		check(value->is_null || value->type.kind == kind);
	}
}

/* The client's mistake, and what it is. */
static inline void
check_refusal(struct asof_problem *problem, enum asof_status status)
{
	asof_problem_settle(problem, status);
	check(asof_problem_http_status(problem->kind) < 500);
	check(problem->err.message[0] != '\0');
}

#endif
