/* engine_duckdb_write.c - columns of ours into DuckDB's vectors. */
#include "base/utf8.h"
#include "engine/duckdb_impl.h"

/* Rows [from, from + count) of a column go to rows [at, at + count) of a vector. */
struct range {
	size_t from;
	size_t count;
	size_t at;
};

static void
write_validity(const struct asof_column *column, struct range range, duckdb_vector vector)
{
	if (!column->validity)
		return;
	duckdb_vector_ensure_validity_writable(vector);

	uint64_t *validity = duckdb_vector_get_validity(vector);
	if (range.from % 64 == 0 && range.at == 0) {
		memcpy(validity, column->validity + range.from / 64,
		       (range.count + 63) / 64 * sizeof(*validity));
		return;
	}
	for (size_t i = 0; i < range.count; i++)
		duckdb_validity_set_row_validity(validity, range.at + i,
						 !asof_column_is_null(column, range.from + i));
}

static enum asof_status
write_text(const struct asof_column *column, struct range range, duckdb_vector vector,
	   struct asof_error *err)
{
	const struct asof_str *values = column->data;
	bool is_text = column->type.kind != ASOF_TYPE_BYTES;

	for (size_t i = 0; i < range.count; i++) {
		struct asof_str value = asof_column_is_null(column, range.from + i)
						? (struct asof_str){ "", 0 }
						: values[range.from + i];

		if (is_text && asof_utf8_valid_prefix(value) != value.len)
			return ASOF_FAIL(err, ASOF_INVALID, "a text that is not UTF-8");
		duckdb_unsafe_vector_assign_string_element_len(
			vector, range.at + i, value.ptr ? value.ptr : "", value.len);
	}
	return ASOF_OK;
}

static void
write_uuids(const struct asof_column *column, struct range range, duckdb_vector vector)
{
	const unsigned char *bytes = (const unsigned char *)column->data + range.from * 16;
	uint64_t *out = (uint64_t *)duckdb_vector_get_data(vector) + range.at * 2;

	for (size_t i = 0; i < range.count; i++) {
		uint64_t halves[2];

		memcpy(halves, bytes + i * 16, sizeof(halves));
		out[2 * i] = __builtin_bswap64(halves[1]);
		out[2 * i + 1] = __builtin_bswap64(halves[0]) ^ (UINT64_C(1) << 63);
	}
}

static asof_int128
power_of_ten(unsigned exponent)
{
	asof_int128 power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

/* Bytes of the integers that hold a DECIMAL of `precision` digits. */
static size_t
decimal_size(unsigned precision)
{
	return precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
}

/* The low bytes of a little-endian integer that fits. */
static enum asof_status
write_decimals(const struct asof_column *column, struct range range, duckdb_vector vector,
	       struct asof_error *err)
{
	const asof_int128 *values = (const asof_int128 *)column->data + range.from;
	size_t size = decimal_size(column->type.precision);
	asof_int128 limit = power_of_ten(column->type.precision);
	char *out = (char *)duckdb_vector_get_data(vector) + range.at * size;

	for (size_t i = 0; i < range.count; i++) {
		asof_int128 value = 0;

		if (!asof_column_is_null(column, range.from + i))
			value = values[i];
		if (value >= limit || value <= -limit)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "a number that does not fit decimal(%u,%u)",
					 column->type.precision, column->type.scale);
		memcpy(out + i * size, &value, size);
	}
	return ASOF_OK;
}

static size_t
fixed_size(enum asof_type_kind kind)
{
	switch (kind) {
	case ASOF_TYPE_BOOL:
		return 1;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_DATE:
		return 4;
	default:
		return 8;
	}
}

static enum asof_status
write_scalars(const struct asof_column *column, struct range range, duckdb_vector vector,
	      struct asof_error *err)
{
	size_t size = fixed_size(column->type.kind);

	write_validity(column, range, vector);
	switch (column->type.kind) {
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_JSON:
		return write_text(column, range, vector, err);
	case ASOF_TYPE_UUID:
		write_uuids(column, range, vector);
		return ASOF_OK;
	case ASOF_TYPE_DECIMAL:
		return write_decimals(column, range, vector, err);
	default:
		memcpy((char *)duckdb_vector_get_data(vector) + range.at * size,
		       (const char *)column->data + range.from * size, range.count * size);
		return ASOF_OK;
	}
}

static struct asof_span
span_at(const struct asof_column *column, size_t row)
{
	if (asof_column_is_null(column, row))
		return (struct asof_span){ 0, 0 };
	return ((const struct asof_span *)column->data)[row];
}

static enum asof_status
write_lists(const struct asof_column *column, size_t count, duckdb_vector vector,
	    struct asof_error *err)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += span_at(column, i).length;
	if (duckdb_list_vector_reserve(vector, total) != DuckDBSuccess ||
	    duckdb_list_vector_set_size(vector, total) != DuckDBSuccess)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "lists of %zu values", total);

	duckdb_list_entry *entries = duckdb_vector_get_data(vector);
	duckdb_vector child = duckdb_list_vector_get_child(vector);
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		struct asof_span span = span_at(column, i);
		struct range range = { span.offset, span.length, at };

		entries[i] = (duckdb_list_entry){ at, span.length };
		if (span.length > 0)
			ASOF_TRY(write_scalars(column->child, range, child, err));
		at += span.length;
	}
	return ASOF_OK;
}

/* DuckDB expects the elements of a NULL array to be NULL. */
static void
write_null_array(duckdb_vector child, size_t at, size_t size)
{
	duckdb_vector_ensure_validity_writable(child);
	for (size_t i = 0; i < size; i++)
		duckdb_validity_set_row_invalid(duckdb_vector_get_validity(child), at + i);
}

static enum asof_status
write_vectors(const struct asof_column *column, size_t count, duckdb_vector vector,
	      struct asof_error *err)
{
	duckdb_vector child = duckdb_array_vector_get_child(vector);
	size_t size = column->type.size;

	for (size_t i = 0; i < count; i++) {
		struct asof_span span = span_at(column, i);
		struct range range = { span.offset, size, i * size };

		if (asof_column_is_null(column, i)) {
			write_null_array(child, i * size, size);
			continue;
		}
		if (span.length != size)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "a vector of %llu numbers instead of %zu",
					 (unsigned long long)span.length, size);
		ASOF_TRY(write_scalars(column->child, range, child, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_duckdb_write(const struct asof_column *column, size_t count, duckdb_vector vector,
		  struct asof_error *err)
{
	switch (column->type.kind) {
	case ASOF_TYPE_LIST:
		write_validity(column, (struct range){ 0, count, 0 }, vector);
		return write_lists(column, count, vector, err);
	case ASOF_TYPE_VECTOR:
		write_validity(column, (struct range){ 0, count, 0 }, vector);
		return write_vectors(column, count, vector, err);
	default:
		return write_scalars(column, (struct range){ 0, count, 0 }, vector, err);
	}
}

enum asof_status
asof_duckdb_check_batch(const struct asof_batch *batch, const struct asof_field *fields,
			size_t field_count, size_t row_max, struct asof_error *err)
{
	if (batch->row_count > row_max || batch->column_count != field_count)
		return ASOF_FAIL(err, ASOF_INTERNAL,
				 "%zu rows of %zu columns instead of %zu columns", batch->row_count,
				 batch->column_count, field_count);
	for (size_t i = 0; i < field_count; i++) {
		if (!asof_type_equal(batch->columns[i].type, fields[i].type))
			return ASOF_FAIL(err, ASOF_INTERNAL, "the type of column '%s' changed",
					 fields[i].name);
	}
	return ASOF_OK;
}
