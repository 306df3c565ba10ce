/* row_encode.c - a row to its bytes. */
#include <assert.h>

#include "codec/row_format.h"

/* Rows of a column: the first `count`, or those that the first `count` rows of a list column span.
 */
struct rows {
	const struct asof_column *lists; /* NULL: plain rows */
	size_t count;
};

/* The i-th stretch of rows; false where the list is NULL. Plain rows are one stretch. */
static bool
stretch_at(const struct rows *rows, size_t i, struct asof_span *ret_span)
{
	if (!rows->lists) {
		*ret_span = (struct asof_span){ 0, rows->count };
		return true;
	}
	if (asof_column_is_null(rows->lists, i))
		return false;
	*ret_span = ((const struct asof_span *)rows->lists->data)[i];
	return true;
}

static size_t
stretch_count(const struct rows *rows)
{
	return rows->lists ? rows->count : 1;
}

static void
count_rows(const struct asof_column *column, const struct rows *rows, size_t *ret_total,
	   size_t *ret_nulls)
{
	size_t total = 0;
	size_t nulls = 0;
	for (size_t i = 0; i < stretch_count(rows); i++) {
		struct asof_span span;
		if (!stretch_at(rows, i, &span))
			continue;
		total += span.length;
		for (size_t j = 0; column->validity && j < span.length; j++)
			nulls += asof_column_is_null(column, span.offset + j);
	}
	*ret_total = total;
	*ret_nulls = nulls;
}

/* A bitmap that grows bit by bit. */
struct bits {
	struct asof_buf *buf;
	unsigned char byte;
	unsigned used;
};

static void
bits_flush(struct bits *bits)
{
	if (bits->used > 0)
		asof_buf_add_char(bits->buf, (char)bits->byte);
	bits->byte = 0;
	bits->used = 0;
}

static void
bits_add(struct bits *bits, bool is_set)
{
	bits->byte = (unsigned char)(bits->byte | (is_set ? 1U << bits->used : 0));
	if (++bits->used == 8)
		bits_flush(bits);
}

static void
add_null_bitmap(struct asof_buf *buf, const struct asof_column *column, const struct rows *rows)
{
	struct bits bits = { .buf = buf };
	for (size_t i = 0; i < stretch_count(rows); i++) {
		struct asof_span span;
		if (!stretch_at(rows, i, &span))
			continue;
		for (size_t j = 0; j < span.length; j++)
			bits_add(&bits, asof_column_is_null(column, span.offset + j));
	}
	bits_flush(&bits);
}

static enum asof_status
add_length(struct asof_buf *buf, uint64_t length, struct asof_error *err)
{
	if (length > UINT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "a value of %llu elements",
				 (unsigned long long)length);
	uint32_t narrow = (uint32_t)length;
	asof_buf_add(buf, &narrow, sizeof(narrow));
	return ASOF_OK;
}

/* A vector's length is its type's, and none of its items is NULL. */
static enum asof_status
check_list(struct asof_type type, uint64_t length, struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	if (type.kind == ASOF_TYPE_VECTOR && length != type.size)
		return ASOF_FAIL(err, ASOF_INVALID, "%llu values in a %s",
				 (unsigned long long)length, asof_type_text(type, text));
	return ASOF_OK;
}

static enum asof_status
check_items(struct asof_type type, size_t null_count, struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	if (type.kind == ASOF_TYPE_VECTOR && null_count > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "NULL within a %s", asof_type_text(type, text));
	return ASOF_OK;
}

enum part { PART_FIXED, PART_LENGTHS, PART_BYTES };

static enum asof_status
add_part_of(struct asof_buf *buf, const struct asof_column *column, size_t row, enum part part,
	    struct asof_error *err)
{
	if (part == PART_FIXED) {
		size_t width = asof_row_width(column->type);
		asof_buf_add(buf, (const char *)column->data + row * width, width);
		return ASOF_OK;
	}
	if (asof_row_is_list(column->type)) {
		uint64_t length = ((const struct asof_span *)column->data)[row].length;
		ASOF_TRY(check_list(column->type, length, err));
		return add_length(buf, length, err);
	}
	struct asof_str str = ((const struct asof_str *)column->data)[row];
	if (part == PART_LENGTHS)
		return add_length(buf, str.len, err);
	asof_buf_add_str(buf, str);
	return ASOF_OK;
}

static enum asof_status
add_part(struct asof_buf *buf, const struct asof_column *column, const struct rows *rows,
	 enum part part, struct asof_error *err)
{
	size_t width = asof_row_width(column->type);
	for (size_t i = 0; i < stretch_count(rows); i++) {
		struct asof_span span;
		if (!stretch_at(rows, i, &span))
			continue;
		if (part == PART_FIXED && !column->validity) {
			if (span.length > 0)
				asof_buf_add(buf, (const char *)column->data + span.offset * width,
					     span.length * width);
			continue;
		}
		for (size_t row = span.offset; row < span.offset + span.length; row++) {
			if (!asof_column_is_null(column, row))
				ASOF_TRY(add_part_of(buf, column, row, part, err));
		}
	}
	return ASOF_OK;
}

/* NULLs, lengths and bytes of `rows`. For lists, what is missing is their items. */
static enum asof_status
add_flat_column(struct asof_buf *buf, const struct asof_column *column, const struct rows *rows,
		size_t null_count, struct asof_error *err)
{
	asof_buf_add_char(buf, null_count > 0);
	if (null_count > 0)
		add_null_bitmap(buf, column, rows);
	if (asof_row_width(column->type) > 0)
		return add_part(buf, column, rows, PART_FIXED, err);
	ASOF_TRY(add_part(buf, column, rows, PART_LENGTHS, err));
	if (asof_row_is_list(column->type))
		return ASOF_OK;
	return add_part(buf, column, rows, PART_BYTES, err);
}

static enum asof_status
add_column(struct asof_buf *buf, const struct asof_column *column, size_t count,
	   struct asof_error *err)
{
	struct rows rows = { .count = count };
	size_t total;
	size_t null_count;
	count_rows(column, &rows, &total, &null_count);
	ASOF_TRY(add_flat_column(buf, column, &rows, null_count, err));
	if (!asof_row_is_list(column->type))
		return ASOF_OK;

	struct rows items = { .lists = column, .count = count };
	count_rows(column->child, &items, &total, &null_count);
	ASOF_TRY(check_items(column->type, null_count, err));
	return add_flat_column(buf, column->child, &items, null_count, err);
}

static enum asof_status
add_scalar(struct asof_buf *buf, const struct asof_value *value, struct asof_error *err)
{
	size_t width = asof_row_width(value->type);
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		asof_buf_add_char(buf, value->boolean ? 1 : 0);
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		asof_buf_add(buf, &value->int32, width);
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		asof_buf_add(buf, &value->int64, width);
		break;
	case ASOF_TYPE_FLOAT32:
		asof_buf_add(buf, &value->float32, width);
		break;
	case ASOF_TYPE_FLOAT64:
		asof_buf_add(buf, &value->float64, width);
		break;
	case ASOF_TYPE_DECIMAL:
		asof_buf_add(buf, &value->decimal, width);
		break;
	case ASOF_TYPE_UUID:
		assert(value->str.len == width);
		asof_buf_add(buf, value->str.ptr, width);
		break;
	default:
		ASOF_TRY(add_length(buf, value->str.len, err));
		asof_buf_add_str(buf, value->str);
	}
	return ASOF_OK;
}

static size_t
add_value_bitmap(struct asof_buf *buf, const struct asof_value *values, size_t count)
{
	struct bits bits = { .buf = buf };
	size_t null_count = 0;
	for (size_t i = 0; i < count; i++) {
		null_count += values[i].is_null;
		bits_add(&bits, values[i].is_null);
	}
	bits_flush(&bits);
	return null_count;
}

static enum asof_status
add_item_lengths(struct asof_buf *buf, const struct asof_value *items, size_t count,
		 struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!items[i].is_null)
			ASOF_TRY(add_length(buf, items[i].str.len, err));
	}
	return ASOF_OK;
}

static enum asof_status
add_list(struct asof_buf *buf, const struct asof_value *value, struct asof_error *err)
{
	const struct asof_value *items = value->list.items;
	size_t count = value->list.count;
	bool is_fixed = asof_row_width(asof_type_element(value->type)) > 0;
	ASOF_TRY(check_list(value->type, count, err));
	ASOF_TRY(add_length(buf, count, err));

	size_t flag_at = buf->len;
	asof_buf_add_char(buf, 1);
	size_t null_count = add_value_bitmap(buf, items, count);
	ASOF_TRY(check_items(value->type, null_count, err));
	if (null_count == 0) {
		asof_buf_truncate(buf, flag_at);
		asof_buf_add_char(buf, 0);
	}
	if (!is_fixed)
		ASOF_TRY(add_item_lengths(buf, items, count, err));
	for (size_t i = 0; i < count; i++) {
		if (items[i].is_null)
			continue;
		if (is_fixed)
			ASOF_TRY(add_scalar(buf, &items[i], err));
		else
			asof_buf_add_str(buf, items[i].str);
	}
	return ASOF_OK;
}

static enum asof_status
add_values(struct asof_buf *buf, const struct asof_row_shape *shape,
	   const struct asof_value *values, struct asof_error *err)
{
	(void)add_value_bitmap(buf, values, shape->value_count);
	for (size_t i = 0; i < shape->value_count; i++) {
		assert(asof_type_equal(values[i].type, shape->values[i]));
		if (values[i].is_null)
			continue;
		if (asof_row_is_list(values[i].type))
			ASOF_TRY(add_list(buf, &values[i], err));
		else
			ASOF_TRY(add_scalar(buf, &values[i], err));
	}
	return ASOF_OK;
}

static enum asof_status
add_entries(struct asof_buf *buf, const struct asof_row_shape *shape, const struct asof_row *row,
	    struct asof_error *err)
{
	for (size_t i = 1; i < row->entry_count; i++) {
		if (row->entry_event_us[i] < row->entry_event_us[i - 1])
			return ASOF_FAIL(err, ASOF_INVALID, "entry %zu is before the one before it",
					 i);
	}
	if (row->entry_count == 0)
		return ASOF_OK;
	asof_buf_add(buf, row->entry_event_us, row->entry_count * sizeof(*row->entry_event_us));
	for (size_t i = 0; i < shape->entry_column_count; i++) {
		assert(asof_type_equal(row->entries[i].type, shape->entries[i]));
		ASOF_TRY(add_column(buf, &row->entries[i], row->entry_count, err));
	}
	return ASOF_OK;
}

static void
add_checksum(struct asof_buf *buf, size_t from)
{
	if (asof_buf_status(buf, NULL) != ASOF_OK)
		return;
	uint64_t checksum = asof_hash64((struct asof_str){ buf->ptr + from, buf->len - from });
	asof_buf_add(buf, &checksum, sizeof(checksum));
}

/* Header, values, entries. The header's sizes and the head's checksum are known only at the end:
 * they are written over. */
static enum asof_status
add_row(struct asof_buf *buf, const struct asof_row_shape *shape, const struct asof_row *row,
	struct asof_error *err)
{
	struct asof_row_header header = {
		.magic = ASOF_ROW_MAGIC,
		.flags = row->has_answer ? ASOF_ROW_HAS_ANSWER : 0,
		.shape_hash = asof_row_shape_hash(shape),
		.event_us = row->event_us,
		.from_us = row->from_us,
		.until_us = row->until_us,
		.entry_count = row->entry_count,
	};
	size_t start = buf->len;
	uint64_t checksum = 0;
	asof_buf_add(buf, &header, sizeof(header));
	if (row->has_answer)
		ASOF_TRY(add_values(buf, shape, row->values, err));
	header.head_size = buf->len - start;
	asof_buf_add(buf, &checksum, sizeof(checksum));
	size_t entries_start = buf->len;
	ASOF_TRY(add_entries(buf, shape, row, err));
	add_checksum(buf, entries_start);
	ASOF_TRY(asof_buf_status(buf, err));

	header.total_size = buf->len - start;
	memcpy(buf->ptr + start, &header, sizeof(header));
	checksum = asof_hash64((struct asof_str){ buf->ptr + start, header.head_size });
	memcpy(buf->ptr + start + header.head_size, &checksum, sizeof(checksum));
	return ASOF_OK;
}

enum asof_status
asof_row_encode(const struct asof_row_shape *shape, const struct asof_row *row,
		struct asof_buf *buf, struct asof_error *err)
{
	size_t start = buf->len;
	enum asof_status status = add_row(buf, shape, row, err);
	if (status != ASOF_OK)
		asof_buf_truncate(buf, start);
	return status;
}
