/* fuzz_row.c - bytes that decode as a row, their checksum made right, encode to the same bytes. */
#include <stdlib.h>

#include "codec/row_format.h"
#include "model/hash.h"

#define COLUMNS_MAX 4
#define ARENA_MAX   ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool is_true)
{
	if (!is_true)
		abort();
}

static struct asof_type
type_of(const uint8_t bytes[2])
{
	struct asof_type type = { .kind = (uint8_t)(1 + bytes[0] % ASOF_TYPE_VECTOR) };
	if (type.kind == ASOF_TYPE_VECTOR) {
		type.element = ASOF_TYPE_FLOAT32;
		type.size = bytes[1] % 5;
	} else if (type.kind == ASOF_TYPE_LIST) {
		type.element = (uint8_t)(1 + bytes[1] % ASOF_TYPE_JSON);
	}
	if (type.kind == ASOF_TYPE_DECIMAL || type.element == ASOF_TYPE_DECIMAL)
		type.precision = 38;
	return type;
}

static void
sign_part(char *bytes, size_t from, size_t to)
{
	uint64_t checksum = asof_hash64((struct asof_str){ bytes + from, to - from });
	memcpy(bytes + to, &checksum, sizeof(checksum));
}

/* What no fuzzer guesses: magic, the shape's hash, the size and the checksums. */
static void
sign(char *bytes, size_t len, const struct asof_row_shape *shape)
{
	struct asof_row_header header;
	if (len < sizeof(header) + 2 * sizeof(uint64_t))
		return;
	memcpy(&header, bytes, sizeof(header));
	header.magic = ASOF_ROW_MAGIC;
	header.shape_hash = asof_row_shape_hash(shape);
	header.total_size = len;
	memcpy(bytes, &header, sizeof(header));
	if (header.head_size > len - 2 * sizeof(uint64_t))
		return;
	sign_part(bytes, 0, header.head_size);
	sign_part(bytes, header.head_size + sizeof(uint64_t), len - sizeof(uint64_t));
}

static void
fuzz_row(struct asof_str bytes, const struct asof_row_shape *shape)
{
	struct asof_error err = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = ASOF_ARENA(ARENA_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(bytes.len);
	struct asof_row row;
	enum asof_status status = asof_row_decode(bytes, shape, true, &arena, &row, &err);
	if (status != ASOF_OK) {
		check(status == ASOF_CORRUPT || status == ASOF_NO_MEMORY);
		check(err.message[0] != '\0');
		return;
	}
	check(asof_row_encode(shape, &row, &buf, &err) == ASOF_OK);
	check(asof_str_equal(asof_buf_view(&buf), bytes));
	check(asof_row_decode(bytes, shape, false, &arena, &row, &err) == ASOF_OK);
}

/* Two counts, two bytes per type; the rest is the row. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct asof_type types[2 * COLUMNS_MAX];
	if (size < 2)
		return 0;
	size_t value_count = data[0] % (COLUMNS_MAX + 1);
	size_t entry_column_count = data[1] % (COLUMNS_MAX + 1);
	size_t used = 2 + 2 * (value_count + entry_column_count);
	if (size < used)
		return 0;
	for (size_t i = 0; i < value_count + entry_column_count; i++)
		types[i] = type_of(data + 2 + 2 * i);
	const struct asof_row_shape shape = {
		.values = types,
		.value_count = value_count,
		.entries = types + value_count,
		.entry_column_count = entry_column_count,
	};

	size_t len = size - used;
	char *bytes = malloc(len ? len : 1);
	check(bytes != NULL);
	memcpy(bytes, data + used, len);
	fuzz_row((struct asof_str){ bytes, len }, &shape);
	sign(bytes, len, &shape);
	fuzz_row((struct asof_str){ bytes, len }, &shape);
	free(bytes);
	return 0;
}
