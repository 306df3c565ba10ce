/* fuzz_batch_request.c - a batch body becomes typed keys of equal length, or a refusal with a kind.
 */
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
static struct asof_output outputs[] = { { .name = "f" }, { .name = "g" } };
static const struct asof_view view = {
	.name = "v", .entity = &entity, .outputs = outputs, .output_count = ASOF_COUNTOF(outputs)
};
static const struct asof_reader_view online = { .name = "v", .version = "1.0.0", .view = &view };

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static void
check_batch(const struct asof_batch_request *batch)
{
	check(batch->part_count == 1 && batch->row_count <= ENTITY_MAX);
	check(batch->parts[0].output_count <= ASOF_COUNTOF(outputs));
	for (size_t i = 0; i < ASOF_COUNTOF(keys); i++) {
		const struct asof_batch_column *column = batch->parts[0].columns[i];
		for (size_t row = 0; row < batch->row_count; row++) {
			const struct asof_value *value = &column->values[row];
			check(value->is_null || value->type.kind == keys[i].type.kind);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_batch_request batch;
	struct asof_problem problem = { 0 };
	struct asof_str body = { (const char *)data, size };
	enum asof_status status =
		asof_batch_read_view(&online, body, ENTITY_MAX, &arena, &batch, &problem);
	if (status == ASOF_OK) {
		check_batch(&batch);
	} else {
		asof_problem_settle(&problem, status);
		check(asof_problem_http_status(problem.kind) < 500);
		check(problem.err.message[0] != '\0');
	}
	asof_arena_done(&arena);
	return 0;
}
