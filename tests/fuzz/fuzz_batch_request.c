/* fuzz_batch_request.c - a batch body becomes typed keys of equal length, or a refusal with a kind.
 */
#include "http/batch_request.h"

#include "body_case.h"

static void
check_batch(const struct asof_batch_request *batch)
{
	check(batch->part_count == 1 && batch->row_count <= ENTITY_MAX);
	check(batch->parts[0].output_count <= ASOF_COUNTOF(outputs));
	for (size_t i = 0; i < ASOF_COUNTOF(keys); i++)
		check_column(batch->parts[0].columns[i], keys[i].type.kind, batch->row_count);
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
	if (status == ASOF_OK)
		check_batch(&batch);
	else
		check_refusal(&problem, status);
	asof_arena_done(&arena);
	return 0;
}
