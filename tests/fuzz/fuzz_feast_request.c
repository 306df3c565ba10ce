/* fuzz_feast_request.c - a body of Feast's clients becomes typed keys and names that are unique, or
 * a refusal with a kind.
 */
#include <stdlib.h>

#include "http/feast_request.h"

#define ENTITY_MAX  ((size_t)8)
#define ARENA_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct asof_key keys[] = {
	{ .name = "a", .type = { .kind = ASOF_TYPE_STRING } },
	{ .name = "b", .type = { .kind = ASOF_TYPE_INT64 } },
};
static const struct asof_entity entity = { .name = "e",
					   .keys = keys,
					   .key_count = ASOF_COUNTOF(keys) };
static struct asof_output outputs[] = { { .name = "f" }, { .name = "g" }, { .name = "a" } };
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
		for (size_t row = 0; row < batch->row_count; row++) {
			const struct asof_value *value = &column->values[row];
			check(value->is_null || value->type.kind == column->type.kind);
		}
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
	if (status == ASOF_OK) {
		check_request(&request);
	} else {
		asof_problem_settle(&problem, status);
		check(asof_problem_http_status(problem.kind) < 500);
		check(problem.err.message[0] != '\0');
	}
	asof_arena_done(&arena);
	return 0;
}
