/*
 * engine_duckdb_read.c - DuckDB's vectors as columns of ours.
 *
 * What has our layout already is borrowed: validity, bool, int32, int64, floats, dates,
 * microseconds, list spans. The rest is converted into scratch memory that is used again.
 */
#include "engine/duckdb_impl.h"

/* DuckDB's infinite times; they stay what they are. */
#define TIME_INFINITY INT64_MAX

enum asof_status
asof_duckdb_reader_init(struct asof_duckdb_reader *reader, const struct asof_duckdb_schema *schema,
			struct asof_error *err)
{
	reader->schema = schema;
	reader->columns = asof_mem_alloc(schema->count * sizeof(*reader->columns));
	reader->children = asof_mem_alloc(schema->count * sizeof(*reader->children));
	reader->scratch = asof_mem_alloc(2 * schema->count * sizeof(*reader->scratch));
	if (!reader->columns || !reader->children || !reader->scratch) {
		asof_duckdb_reader_done(reader);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of a query");
	}
	return ASOF_OK;
}

void
asof_duckdb_reader_done(struct asof_duckdb_reader *reader)
{
	for (size_t i = 0; reader->scratch && i < 2 * reader->schema->count; i++)
		asof_mem_free(reader->scratch[i].ptr);
	asof_mem_free(reader->scratch);
	asof_mem_free(reader->children);
	asof_mem_free(reader->columns);
	*reader = (struct asof_duckdb_reader){ 0 };
}

/* Room for `count` elements, whatever was in it. */
static enum asof_status
reserve(struct asof_duckdb_scratch *scratch, size_t count, size_t element_size,
	struct asof_error *err)
{
	size_t need;

	if (__builtin_mul_overflow(count, element_size, &need))
		return ASOF_FAIL(err, ASOF_LIMIT, "a column of %zu values", count);
	if (need <= scratch->capacity_bytes)
		return ASOF_OK;
	if (need < 2 * scratch->capacity_bytes)
		need = 2 * scratch->capacity_bytes;
	asof_mem_free(scratch->ptr);
	scratch->capacity_bytes = 0;
	scratch->ptr = asof_mem_alloc(need);
	if (!scratch->ptr)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "a column of %zu values", count);
	scratch->capacity_bytes = need;
	return ASOF_OK;
}

/* ---- loops: `count` values from DuckDB's layout to ours; NULL rows are converted too ---- */

#define DEFINE_WIDEN(name, from_type, to_type)                     \
	static void name(const void *from, void *to, size_t count) \
	{                                                          \
		const from_type *restrict in = from;               \
		to_type *restrict out = to;                        \
		for (size_t i = 0; i < count; i++)                 \
			out[i] = in[i];                            \
	}

DEFINE_WIDEN(widen_int16, int16_t, int32_t)
DEFINE_WIDEN(widen_uint8, uint8_t, int32_t)
DEFINE_WIDEN(widen_uint16, uint16_t, int32_t)
DEFINE_WIDEN(widen_uint32, uint32_t, int64_t)
DEFINE_WIDEN(decimal_int16, int16_t, asof_int128)
DEFINE_WIDEN(decimal_int32, int32_t, asof_int128)
DEFINE_WIDEN(decimal_int64, int64_t, asof_int128)
DEFINE_WIDEN(decimal_uint64, uint64_t, asof_int128)

static void
widen_int8(const void *from, void *to, size_t count)
{
	const int8_t *restrict in = from;
	int32_t *restrict out = to;

	for (size_t i = 0; i < count; i++)
		out[i] = (int32_t)in[i]; /* NOLINT(bugprone-signed-char-misuse): a number */
}

/* Copied, since a vector of DuckDB's is aligned to 8 bytes only. */
static void
decimal_int128(const void *from, void *to, size_t count)
{
	if (count > 0) /* else both may be NULL */
		memcpy(to, from, count * sizeof(asof_int128));
}

static void
floor_nanos(const void *from, void *to, size_t count)
{
	const int64_t *restrict in = from;
	int64_t *restrict out = to;

	for (size_t i = 0; i < count; i++) {
		bool is_infinite = in[i] == TIME_INFINITY || in[i] == -TIME_INFINITY;

		out[i] = is_infinite ? in[i] : in[i] / 1000 - (in[i] % 1000 < 0);
	}
}

static void
text_views(const void *from, void *to, size_t count)
{
	const duckdb_string_t *in = from;
	struct asof_str *restrict out = to;

	for (size_t i = 0; i < count; i++) {
		uint32_t len = in[i].value.inlined.length;
		bool is_inlined = len <= sizeof(in[i].value.inlined.inlined);

		out[i].ptr = is_inlined ? in[i].value.inlined.inlined : in[i].value.pointer.ptr;
		out[i].len = len;
	}
}

/* A hugeint with its topmost bit flipped, so that signed order is the order of the text. */
static void
uuid_bytes(const void *from, void *to, size_t count)
{
	const uint64_t *in = from;
	uint64_t *restrict out = to;

	for (size_t i = 0; i < count; i++) {
		out[2 * i] = __builtin_bswap64(in[2 * i + 1] ^ (UINT64_C(1) << 63));
		out[2 * i + 1] = __builtin_bswap64(in[2 * i]);
	}
}

/* How values of one physical type become those of one of our kinds. */
struct conversion {
	duckdb_type physical;
	enum asof_type_kind kind; /* NONE: any */
	void (*convert)(const void *from, void *to, size_t count);
	size_t size; /* of a value of ours */
};

static const struct conversion conversions[] = {
	{ DUCKDB_TYPE_TINYINT, ASOF_TYPE_INT32, widen_int8, 4 },
	{ DUCKDB_TYPE_SMALLINT, ASOF_TYPE_INT32, widen_int16, 4 },
	{ DUCKDB_TYPE_UTINYINT, ASOF_TYPE_INT32, widen_uint8, 4 },
	{ DUCKDB_TYPE_USMALLINT, ASOF_TYPE_INT32, widen_uint16, 4 },
	{ DUCKDB_TYPE_UINTEGER, ASOF_TYPE_INT64, widen_uint32, 8 },
	{ DUCKDB_TYPE_SMALLINT, ASOF_TYPE_DECIMAL, decimal_int16, 16 },
	{ DUCKDB_TYPE_INTEGER, ASOF_TYPE_DECIMAL, decimal_int32, 16 },
	{ DUCKDB_TYPE_BIGINT, ASOF_TYPE_DECIMAL, decimal_int64, 16 },
	{ DUCKDB_TYPE_UBIGINT, ASOF_TYPE_DECIMAL, decimal_uint64, 16 },
	{ DUCKDB_TYPE_HUGEINT, ASOF_TYPE_DECIMAL, decimal_int128, 16 },
	{ DUCKDB_TYPE_TIMESTAMP_NS, ASOF_TYPE_TIMESTAMP, floor_nanos, 8 },
	{ DUCKDB_TYPE_VARCHAR, ASOF_TYPE_NONE, text_views, sizeof(struct asof_str) },
	{ DUCKDB_TYPE_BLOB, ASOF_TYPE_NONE, text_views, sizeof(struct asof_str) },
	{ DUCKDB_TYPE_UUID, ASOF_TYPE_NONE, uuid_bytes, 16 },
};

static const struct conversion *
find_conversion(duckdb_type physical, enum asof_type_kind kind)
{
	for (size_t i = 0; i < ASOF_COUNTOF(conversions); i++) {
		const struct conversion *c = &conversions[i];

		if (c->physical == physical && (c->kind == ASOF_TYPE_NONE || c->kind == kind))
			return c;
	}
	return NULL;
}

/* Seconds and milliseconds to microseconds, which may not fit. */
static enum asof_status
scale_times(const struct asof_column *column, int64_t factor, size_t count, int64_t *restrict out,
	    struct asof_error *err)
{
	const int64_t *in = column->data;

	for (size_t i = 0; i < count; i++) {
		if (in[i] == TIME_INFINITY || in[i] == -TIME_INFINITY)
			out[i] = in[i];
		else if (__builtin_mul_overflow(in[i], factor, &out[i]) &&
			 !asof_column_is_null(column, i))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "a time that does not fit int64 microseconds");
	}
	return ASOF_OK;
}

/* A hugeint that is no decimal's has all 128 bits. */
static enum asof_status
check_hugeints(const struct asof_column *column, size_t count, struct asof_error *err)
{
	const asof_int128 limit =
		(asof_int128)10000000000000000000U * (asof_int128)10000000000000000000U;
	const asof_int128 *values = column->data;

	for (size_t i = 0; i < count; i++) {
		if ((values[i] >= limit || values[i] <= -limit) && !asof_column_is_null(column, i))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "an integer of more than 38 digits does not fit %s",
					 "decimal(38,0)");
	}
	return ASOF_OK;
}

/* Values of a scalar type; column->type, validity and data (DuckDB's) are set. */
static enum asof_status
convert_scalars(struct asof_column *column, duckdb_type physical, size_t count,
		struct asof_duckdb_scratch *scratch, struct asof_error *err)
{
	bool is_seconds = physical == DUCKDB_TYPE_TIMESTAMP_S;
	const struct conversion *c = find_conversion(physical, column->type.kind);

	if (is_seconds || physical == DUCKDB_TYPE_TIMESTAMP_MS) {
		ASOF_TRY(reserve(scratch, count, sizeof(int64_t), err));
		ASOF_TRY(
			scale_times(column, is_seconds ? 1000000 : 1000, count, scratch->ptr, err));
	} else if (c) {
		ASOF_TRY(reserve(scratch, count, c->size, err));
		c->convert(column->data, scratch->ptr, count);
	} else {
		return ASOF_OK;
	}
	column->data = scratch->ptr;
	if (physical == DUCKDB_TYPE_HUGEINT && column->type.scale == 0)
		return check_hugeints(column, count, err);
	return ASOF_OK;
}

static struct asof_column
borrow(duckdb_vector vector, struct asof_type type)
{
	return (struct asof_column){
		.type = type,
		.validity = duckdb_vector_get_validity(vector),
		.data = duckdb_vector_get_data(vector),
	};
}

static enum asof_status
array_spans(struct asof_column *column, size_t count, struct asof_duckdb_scratch *scratch,
	    struct asof_error *err)
{
	ASOF_TRY(reserve(scratch, count, sizeof(struct asof_span), err));

	struct asof_span *spans = scratch->ptr;
	uint64_t size = column->type.size;
	for (size_t i = 0; i < count; i++)
		spans[i] = (struct asof_span){ i * size, size };
	column->data = spans;
	return ASOF_OK;
}

/* A list or array: its spans, and its child's values. */
static enum asof_status
read_nested(struct asof_duckdb_reader *reader, size_t i, duckdb_vector vector, size_t count,
	    struct asof_error *err)
{
	struct asof_column *column = &reader->columns[i];
	struct asof_column *child = &reader->children[i];
	duckdb_vector elements;
	size_t element_count;

	if (column->type.kind == ASOF_TYPE_VECTOR) {
		ASOF_TRY(array_spans(column, count, &reader->scratch[2 * i], err));
		elements = duckdb_array_vector_get_child(vector);
		element_count = count * column->type.size;
	} else {
		elements = duckdb_list_vector_get_child(vector);
		element_count = duckdb_list_vector_get_size(vector);
	}
	*child = borrow(elements, asof_type_element(column->type));
	column->child = child;
	return convert_scalars(child, reader->schema->shapes[i].element, element_count,
			       &reader->scratch[2 * i + 1], err);
}

enum asof_status
asof_duckdb_read(struct asof_duckdb_reader *reader, duckdb_data_chunk chunk,
		 struct asof_batch *ret_batch, struct asof_error *err)
{
	const struct asof_duckdb_schema *schema = reader->schema;
	size_t count = duckdb_data_chunk_get_size(chunk);

	for (size_t i = 0; i < schema->count; i++) {
		const struct asof_duckdb_shape *shape = &schema->shapes[i];
		duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
		bool is_nested =
			shape->type.kind == ASOF_TYPE_LIST || shape->type.kind == ASOF_TYPE_VECTOR;

		reader->columns[i] = borrow(vector, shape->type);
		enum asof_status status =
			is_nested ? read_nested(reader, i, vector, count, err)
				  : convert_scalars(&reader->columns[i], shape->physical, count,
						    &reader->scratch[2 * i], err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "column '%s'", schema->fields[i].name);
	}
	*ret_batch = (struct asof_batch){ reader->columns, schema->count, count };
	return ASOF_OK;
}
