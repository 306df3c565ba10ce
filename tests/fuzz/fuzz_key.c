/* fuzz_key.c - bytes that decode as a key encode to the same bytes. */
#include <stdlib.h>

#include "codec/key.h"

#define COMPONENTS_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static struct asof_type
type_of(uint8_t byte)
{
	static const struct asof_type types[] = {
		{ .kind = ASOF_TYPE_BOOL },   { .kind = ASOF_TYPE_INT32 },
		{ .kind = ASOF_TYPE_INT64 },  { .kind = ASOF_TYPE_DECIMAL, .precision = 38 },
		{ .kind = ASOF_TYPE_STRING }, { .kind = ASOF_TYPE_BYTES },
		{ .kind = ASOF_TYPE_DATE },   { .kind = ASOF_TYPE_TIMESTAMP },
		{ .kind = ASOF_TYPE_UUID },
	};
	return types[byte % ASOF_COUNTOF(types)];
}

/* A byte says how many components there are, one byte each which type; the rest is the key. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = size > 0 ? data[0] % (COMPONENTS_MAX + 1) : 0;
	if (size < 1 + count)
		return 0;
	struct asof_key keys[COMPONENTS_MAX] = { 0 };
	struct asof_value values[COMPONENTS_MAX];
	for (size_t i = 0; i < count; i++)
		keys[i].type = type_of(data[1 + i]);

	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(2 * size + 64);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(8 * size + 64);
	struct asof_str bytes = { (const char *)data + 1 + count, size - 1 - count };
	asof_key_write_text(bytes, &text);
	check(asof_buf_status(&text, &err) == ASOF_OK && (text.len > 0));
	enum asof_status status = asof_key_decode(bytes, keys, count, &arena, values, &err);
	if (status != ASOF_OK) {
		check(status == ASOF_CORRUPT && err.message[0] != '\0');
		return 0;
	}
	check(asof_key_encode(values, count, &buf, &err) == ASOF_OK);
	check(asof_str_equal(asof_buf_view(&buf), bytes));
	return 0;
}
