/* fuzz_delta_log.c - one line of a Delta log, with the schema or statistics that it carries. */
#include <assert.h>

#include "lake/delta_log.h"
#include "lake/delta_schema.h"
#include "lake/delta_stats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read can be written, and reads the same. */
static void
check_schema(struct asof_str text, struct asof_arena *arena)
{
	const struct asof_field *fields = NULL;
	const struct asof_field *again = NULL;
	size_t count = 0;
	size_t again_count = 0;
	if (asof_delta_schema_read(text, arena, &fields, &count, NULL) != ASOF_OK)
		return;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)64 << 20);
	if (asof_delta_schema_write(fields, count, &buf, NULL) != ASOF_OK)
		return;
	enum asof_status status =
		asof_delta_schema_read(asof_buf_view(&buf), arena, &again, &again_count, NULL);
	assert(status == ASOF_OK && again_count == count);
	for (size_t i = 0; i < count; i++)
		assert(asof_type_equal(fields[i].type, again[i].type));
}

static void
check_stats(struct asof_str text, struct asof_arena *arena)
{
	struct asof_table_file file = { 0 };
	if (asof_delta_stats_read(text, arena, &file, NULL) != ASOF_OK)
		return;
	assert(file.row_count >= -1);
	const struct asof_field field = { .name = "c", .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP) };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)64 << 20);
	asof_delta_stats_write(&file, &field, 1, &buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { .max_bytes = (size_t)256 << 20 };
	struct asof_delta_action action;
	struct asof_str line = { (const char *)data, size };
	struct asof_error err = { 0 };
	enum asof_status status = asof_delta_line_read(line, &arena, &action, &err);
	if (status != ASOF_OK) {
		assert(err.status == status && err.message[0] != '\0');
		return 0;
	}
	if (action.kind == ASOF_DELTA_METADATA)
		check_schema(action.metadata.schema, &arena);
	if (action.kind == ASOF_DELTA_ADD && action.add.stats.len > 0)
		check_stats(action.add.stats, &arena);
	return 0;
}
