/*
 * arrow_stream.c - the messages of an Arrow IPC stream.
 *
 * Numbers of tables, fields and enumerations are those of Arrow's format/Message.fbs and
 * format/Schema.fbs.
 */
#include "codec/arrow_stream.h"

#include "codec/arrow_body.h"
#include "codec/flat_table.h"

#define METADATA_V5    4
#define DICTIONARY_ID  1
#define BODY_BYTES_MAX ((size_t)2 << 30)

enum header { HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_BATCH = 3 };

enum arrow_type {
	ARROW_INT = 2,
	ARROW_FLOATING_POINT = 3,
	ARROW_BINARY = 4,
	ARROW_UTF8 = 5,
	ARROW_BOOL = 6,
	ARROW_DECIMAL = 7,
	ARROW_DATE = 8,
	ARROW_TIMESTAMP = 10,
	ARROW_LIST = 12,
	ARROW_FIXED_SIZE_BINARY = 15,
	ARROW_FIXED_SIZE_LIST = 16,
};

static void
add_word(struct asof_buf *buf, uint32_t word)
{
	asof_buf_add(buf, &word, sizeof(word));
}

/* The prefix, with a length to be set, and the Message that a header hangs on. */
static struct asof_flat
begin_message(struct asof_buf *buf, enum header header, size_t body_len, size_t *ret_header_at)
{
	add_word(buf, UINT32_MAX);
	add_word(buf, 0);
	struct asof_flat flat = asof_flat_begin(buf);
	struct asof_flat_slot slots[] = {
		ASOF_FLAT_NUMBER(2, METADATA_V5),
		ASOF_FLAT_NUMBER(1, header),
		ASOF_FLAT_OFFSET,
		ASOF_FLAT_NUMBER(8, body_len),
	};
	asof_flat_point(&flat, 0, asof_flat_table(&flat, slots, ASOF_COUNTOF(slots)));
	*ret_header_at = slots[2].at;
	return flat;
}

static void
end_message(struct asof_flat *flat)
{
	uint32_t len = (uint32_t)asof_flat_end(flat);
	if (asof_buf_status(flat->buf, NULL) == ASOF_OK)
		memcpy(flat->buf->ptr + flat->begin - sizeof(len), &len, sizeof(len));
}

static size_t
add_int_type(struct asof_flat *flat, unsigned bits)
{
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(4, bits), ASOF_FLAT_NUMBER(1, 1) };
	return asof_flat_table(flat, slots, 2);
}

/* A type's table of one number, or of none where `size` is 0. */
static size_t
add_plain_type(struct asof_flat *flat, uint8_t size, unsigned number)
{
	struct asof_flat_slot slot = { .size = size, .value = number };
	return asof_flat_table(flat, &slot, 1);
}

static size_t
add_decimal_type(struct asof_flat *flat, struct asof_type type)
{
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(4, type.precision),
					  ASOF_FLAT_NUMBER(4, type.scale),
					  ASOF_FLAT_NUMBER(4, 128) };
	return asof_flat_table(flat, slots, 3);
}

static size_t
add_timestamp_type(struct asof_flat *flat)
{
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(2, 2 /* microseconds */),
					  ASOF_FLAT_OFFSET };
	size_t at = asof_flat_table(flat, slots, 2);
	asof_flat_point(flat, slots[1].at, asof_flat_text(flat, "UTC"));
	return at;
}

static enum arrow_type
arrow_type_of(struct asof_type type)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		return ARROW_BOOL;
	case ASOF_TYPE_FLOAT32:
	case ASOF_TYPE_FLOAT64:
		return ARROW_FLOATING_POINT;
	case ASOF_TYPE_DECIMAL:
		return ARROW_DECIMAL;
	case ASOF_TYPE_STRING:
	case ASOF_TYPE_JSON:
		return ARROW_UTF8;
	case ASOF_TYPE_BYTES:
		return ARROW_BINARY;
	case ASOF_TYPE_DATE:
		return ARROW_DATE;
	case ASOF_TYPE_TIMESTAMP:
		return ARROW_TIMESTAMP;
	case ASOF_TYPE_UUID:
		return ARROW_FIXED_SIZE_BINARY;
	case ASOF_TYPE_LIST:
		return ARROW_LIST;
	case ASOF_TYPE_VECTOR:
		return ARROW_FIXED_SIZE_LIST;
	default:
		return ARROW_INT;
	}
}

static size_t
add_type(struct asof_flat *flat, struct asof_type type)
{
	switch (arrow_type_of(type)) {
	case ARROW_INT:
		return add_int_type(flat, type.kind == ASOF_TYPE_INT32 ? 32 : 64);
	case ARROW_FLOATING_POINT:
		return add_plain_type(flat, 2, type.kind == ASOF_TYPE_FLOAT32 ? 1 : 2);
	case ARROW_DECIMAL:
		return add_decimal_type(flat, type);
	case ARROW_DATE:
		return add_plain_type(flat, 2, 0 /* days */);
	case ARROW_TIMESTAMP:
		return add_timestamp_type(flat);
	case ARROW_FIXED_SIZE_BINARY:
		return add_plain_type(flat, 4, 16);
	case ARROW_FIXED_SIZE_LIST:
		return add_plain_type(flat, 4, type.size);
	default:
		return add_plain_type(flat, 0, 0);
	}
}

/* What the indices of a dictionary column are. */
static size_t
add_dictionary_encoding(struct asof_flat *flat)
{
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(8, DICTIONARY_ID), ASOF_FLAT_OFFSET };
	size_t at = asof_flat_table(flat, slots, 2);
	asof_flat_point(flat, slots[1].at, add_int_type(flat, 8));
	return at;
}

static size_t
add_field(struct asof_flat *flat, const struct asof_arrow_field *field)
{
	struct asof_type type = field->has_words ? ASOF_TYPE(ASOF_TYPE_STRING) : field->type;
	enum arrow_type kind = arrow_type_of(type);
	bool has_child = kind == ARROW_LIST || kind == ARROW_FIXED_SIZE_LIST;
	struct asof_flat_slot slots[] = {
		ASOF_FLAT_OFFSET,          /* name */
		ASOF_FLAT_NUMBER(1, true), /* nullable */
		ASOF_FLAT_NUMBER(1, kind),
		ASOF_FLAT_OFFSET, /* type */
		field->has_words ? ASOF_FLAT_OFFSET : ASOF_FLAT_ABSENT,
		ASOF_FLAT_OFFSET, /* children */
	};
	size_t at = asof_flat_table(flat, slots, ASOF_COUNTOF(slots));
	asof_flat_point(flat, slots[0].at, asof_flat_text(flat, field->name));
	asof_flat_point(flat, slots[3].at, add_type(flat, type));
	if (field->has_words)
		asof_flat_point(flat, slots[4].at, add_dictionary_encoding(flat));
	size_t first;
	asof_flat_point(flat, slots[5].at, asof_flat_offsets(flat, has_child ? 1 : 0, &first));
	if (has_child) {
		const struct asof_arrow_field item = { .name = "item",
						       .type = asof_type_element(type) };
		asof_flat_point(flat, first, add_field(flat, &item));
	}
	return at;
}

static size_t
add_metadata(struct asof_flat *flat, const struct asof_arrow_schema *schema)
{
	size_t first;
	size_t at = asof_flat_offsets(flat, schema->metadata_count, &first);
	for (size_t i = 0; i < schema->metadata_count; i++) {
		struct asof_flat_slot slots[] = { ASOF_FLAT_OFFSET, ASOF_FLAT_OFFSET };
		asof_flat_point(flat, first + 4 * i, asof_flat_table(flat, slots, 2));
		for (size_t j = 0; j < 2; j++)
			asof_flat_point(flat, slots[j].at,
					asof_flat_text(flat, schema->metadata[2 * i + j]));
	}
	return at;
}

static void
add_schema(const struct asof_arrow_schema *schema, struct asof_buf *buf)
{
	size_t header_at;
	struct asof_flat flat = begin_message(buf, HEADER_SCHEMA, 0, &header_at);
	struct asof_flat_slot slots[] = { ASOF_FLAT_ABSENT, ASOF_FLAT_OFFSET, ASOF_FLAT_OFFSET };
	asof_flat_point(&flat, header_at, asof_flat_table(&flat, slots, ASOF_COUNTOF(slots)));
	size_t first;
	asof_flat_point(&flat, slots[1].at, asof_flat_offsets(&flat, schema->field_count, &first));
	for (size_t i = 0; i < schema->field_count; i++)
		asof_flat_point(&flat, first + 4 * i, add_field(&flat, &schema->fields[i]));
	asof_flat_point(&flat, slots[2].at, add_metadata(&flat, schema));
	end_message(&flat);
}

/* RecordBatch: how many rows, and where in the body what is. */
static size_t
add_batch_table(struct asof_flat *flat, const struct asof_arrow_body *body, size_t row_count)
{
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(8, row_count), ASOF_FLAT_OFFSET,
					  ASOF_FLAT_OFFSET };
	size_t at = asof_flat_table(flat, slots, ASOF_COUNTOF(slots));
	asof_flat_point(flat, slots[1].at, asof_flat_pairs(flat, body->nodes, body->node_count));
	asof_flat_point(flat, slots[2].at,
			asof_flat_pairs(flat, body->buffers, body->buffer_count));
	return at;
}

static enum asof_status
init_body(struct asof_arrow_body *body, size_t column_count, struct asof_arena *arena,
	  struct asof_error *err)
{
	body->bytes = ASOF_BUF(BODY_BYTES_MAX);
	body->nodes =
		asof_arena_array(arena, column_count * ASOF_ARROW_NODES_MAX, sizeof(*body->nodes));
	body->buffers = asof_arena_array(arena, column_count * ASOF_ARROW_BUFFERS_MAX,
					 sizeof(*body->buffers));
	if (!body->nodes || !body->buffers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", column_count);
	return ASOF_OK;
}

/* One column of words, which the columns of indices are about. */
static void
add_words(const struct asof_arrow_schema *schema, struct asof_buf *buf)
{
	struct asof_flat_pair node = { (int64_t)schema->word_count, 0 };
	struct asof_flat_pair buffers[3] = { { 0 } };
	ASOF_AUTO(asof_buf_done) struct asof_buf offsets = ASOF_BUF(1024);
	ASOF_AUTO(asof_buf_done) struct asof_buf texts = ASOF_BUF(64u << 10);
	for (size_t i = 0; i < schema->word_count; i++) {
		add_word(&offsets, (uint32_t)texts.len);
		asof_buf_add_cstr(&texts, schema->words[i]);
	}
	add_word(&offsets, (uint32_t)texts.len);
	buffers[1].second = (int64_t)offsets.len;
	while (offsets.len % 8 != 0)
		asof_buf_add_char(&offsets, 0);
	buffers[2].first = (int64_t)offsets.len;
	buffers[2].second = (int64_t)texts.len;
	while (texts.len % 8 != 0)
		asof_buf_add_char(&texts, 0);

	struct asof_arrow_body body = {
		.nodes = &node, .node_count = 1, .buffers = buffers, .buffer_count = 3
	};
	size_t header_at;
	struct asof_flat flat =
		begin_message(buf, HEADER_DICTIONARY, offsets.len + texts.len, &header_at);
	struct asof_flat_slot slots[] = { ASOF_FLAT_NUMBER(8, DICTIONARY_ID), ASOF_FLAT_OFFSET };
	asof_flat_point(&flat, header_at, asof_flat_table(&flat, slots, 2));
	asof_flat_point(&flat, slots[1].at, add_batch_table(&flat, &body, schema->word_count));
	end_message(&flat);
	asof_buf_add_str(buf, asof_buf_view(&offsets));
	asof_buf_add_str(buf, asof_buf_view(&texts));
}

void
asof_arrow_begin(const struct asof_arrow_schema *schema, struct asof_buf *buf)
{
	add_schema(schema, buf);
	if (schema->word_count > 0)
		add_words(schema, buf);
}

static enum asof_status
add_columns(const struct asof_arrow_schema *schema, asof_arrow_cell_fn *cell, const void *arg,
	    size_t row_count, struct asof_arena *arena, struct asof_arrow_body *body,
	    struct asof_error *err)
{
	const struct asof_value **cells = asof_arena_array(arena, row_count, sizeof(*cells));
	if (!cells)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu cells", row_count);
	for (size_t i = 0; i < schema->field_count; i++) {
		const struct asof_arrow_field *field = &schema->fields[i];
		for (size_t row = 0; row < row_count; row++)
			cells[row] = cell(arg, i, row);
		if (field->has_words)
			asof_arrow_add_indices(body, cells, row_count);
		else
			ASOF_TRY(asof_arrow_add_column(body, field->type, cells, row_count, arena,
						       err));
	}
	return asof_buf_status(&body->bytes, err);
}

static void
body_done(struct asof_arrow_body *body)
{
	asof_buf_done(&body->bytes);
}

enum asof_status
asof_arrow_batch(const struct asof_arrow_schema *schema, asof_arrow_cell_fn *cell, const void *arg,
		 size_t row_count, struct asof_arena *arena, struct asof_buf *buf,
		 struct asof_error *err)
{
	ASOF_AUTO(body_done) struct asof_arrow_body body = { 0 };
	ASOF_TRY(init_body(&body, schema->field_count, arena, err));
	ASOF_TRY(add_columns(schema, cell, arg, row_count, arena, &body, err));
	size_t header_at;
	struct asof_flat flat = begin_message(buf, HEADER_BATCH, body.bytes.len, &header_at);
	asof_flat_point(&flat, header_at, add_batch_table(&flat, &body, row_count));
	end_message(&flat);
	asof_buf_add_str(buf, asof_buf_view(&body.bytes));
	return asof_buf_status(buf, err);
}

void
asof_arrow_end(struct asof_buf *buf)
{
	add_word(buf, UINT32_MAX);
	add_word(buf, 0);
}
