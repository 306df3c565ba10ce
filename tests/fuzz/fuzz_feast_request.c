/* fuzz_feast_request.c - a body of Feast's clients becomes typed keys and names that are unique, or
 * a refusal with a kind.
 */
#include "http/feast_request.h"

#include "body_case.h"

static const char *
name_of(const struct asof_feast_request *request, size_t index)
{
	return index < request->key_count ? request->keys[index]->name
					  : request->batch.items[index - request->key_count].name;
}

static void
check_request(const struct asof_feast_request *request)
{
	const struct asof_batch_request *batch = &request->batch;
	check(batch->part_count == 1 && batch->row_count <= ENTITY_MAX);
	check(request->key_count == ASOF_COUNTOF(keys));
	check(batch->item_count > 0 && batch->item_count <= ASOF_COUNTOF(outputs));
	for (size_t i = 0; i < request->key_count; i++) {
		const struct asof_batch_column *column = request->keys[i];
		check_column(column, column->type.kind, batch->row_count);
	}
	size_t count = request->key_count + batch->item_count;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++)
			check(strcmp(name_of(request, i), name_of(request, j)) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_arena arena = ASOF_ARENA(ARENA_BYTES);
	struct asof_feast_request request;
	struct asof_problem problem = { 0 };
	struct asof_batch_reading reading = {
		.only = &online, .entity_max = ENTITY_MAX, .arena = &arena, .problem = &problem
	};
	enum asof_status status =
		asof_feast_read(&reading, (struct asof_str){ (const char *)data, size }, &request);
	if (status == ASOF_OK)
		check_request(&request);
	else
		check_refusal(&problem, status);
	asof_arena_done(&arena);
	return 0;
}
