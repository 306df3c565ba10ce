/* row_decode.c - bytes to the row that they were made of. Nothing in them is believed. */
#include "codec/row_format.h"

struct reader {
	struct asof_str bytes; /* the part that a checksum vouches for; at first the whole row */
	size_t at;
	struct asof_arena *arena;
};

static enum asof_status
corrupt(const struct reader *reader, const char *what, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_CORRUPT, "row of %zu bytes: %s at byte %zu", reader->bytes.len,
			 what, reader->at);
}

static enum asof_status
check_end(const struct reader *reader, struct asof_error *err)
{
	if (reader->at != reader->bytes.len)
		return corrupt(reader, "it goes on", err);
	return ASOF_OK;
}

static enum asof_status
take(struct reader *reader, size_t len, const char **ret_bytes, struct asof_error *err)
{
	if (len > reader->bytes.len - reader->at)
		return corrupt(reader, "it ends too early", err);
	*ret_bytes = reader->bytes.ptr + reader->at;
	reader->at += len;
	return ASOF_OK;
}

/* `count` elements of `width` bytes each. */
static enum asof_status
take_array(struct reader *reader, size_t count, size_t width, const char **ret_bytes,
	   struct asof_error *err)
{
	size_t len;
	if (__builtin_mul_overflow(count, width, &len))
		return corrupt(reader, "an impossible count", err);
	return take(reader, len, ret_bytes, err);
}

/* Zeroed, or NULL with the failure set. */
static void *
array_new(const struct reader *reader, size_t count, size_t width, struct asof_error *err)
{
	void *array = asof_arena_array(reader->arena, count, width);
	if (!array)
		asof_error_set(err, ASOF_NO_MEMORY, "row of %zu bytes", reader->bytes.len);
	return array;
}

static uint32_t
u32_at(const char *bytes, size_t i)
{
	uint32_t value;
	memcpy(&value, bytes + i * sizeof(value), sizeof(value));
	return value;
}

static bool
bit_at(const char *bitmap, size_t i)
{
	return (unsigned char)bitmap[i / 8] >> (i % 8) & 1;
}

/* A bitmap of `count` bits, whose padding is zero. */
static enum asof_status
take_bitmap(struct reader *reader, size_t count, const char **ret_bitmap, struct asof_error *err)
{
	const char *bitmap;
	ASOF_TRY(take(reader, count / 8 + (count % 8 != 0), &bitmap, err));
	if (count % 8 != 0 && (unsigned char)bitmap[count / 8] >> (count % 8) != 0)
		return corrupt(reader, "a bitmap with bits behind its end", err);
	*ret_bitmap = bitmap;
	return ASOF_OK;
}

/* The NULLs of `count` rows: *ret_bitmap is NULL without any. */
static enum asof_status
take_nulls(struct reader *reader, size_t count, const char **ret_bitmap, size_t *ret_null_count,
	   struct asof_error *err)
{
	const char *flag;
	ASOF_TRY(take(reader, 1, &flag, err));
	*ret_bitmap = NULL;
	*ret_null_count = 0;
	if (*flag == 0)
		return ASOF_OK;
	if (*flag != 1)
		return corrupt(reader, "no mark of NULLs", err);
	ASOF_TRY(take_bitmap(reader, count, ret_bitmap, err));
	for (size_t i = 0; i < count; i++)
		*ret_null_count += bit_at(*ret_bitmap, i);
	if (*ret_null_count == 0)
		return corrupt(reader, "a bitmap without NULLs", err);
	return ASOF_OK;
}

static enum asof_status
check_bools(const struct reader *reader, const char *bytes, size_t count, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if ((unsigned char)bytes[i] > 1)
			return corrupt(reader, "no bool", err);
	}
	return ASOF_OK;
}

/* A column of `count` rows that is being read. */
struct shaper {
	struct asof_column *column;
	size_t count;
	size_t present; /* rows that are not NULL */
	const char *nulls;
};

static bool
is_null_at(const struct shaper *shaper, size_t row)
{
	return shaper->nulls && bit_at(shaper->nulls, row);
}

static enum asof_status
shape_validity(struct reader *reader, struct shaper *shaper, struct asof_error *err)
{
	if (!shaper->nulls)
		return ASOF_OK;
	uint64_t *words = array_new(reader, shaper->count / 64 + 1, sizeof(*words), err);
	if (!words)
		return ASOF_NO_MEMORY;
	memcpy(words, shaper->nulls, shaper->count / 8 + (shaper->count % 8 != 0));
	for (size_t i = 0; i <= shaper->count / 64; i++)
		words[i] = ~words[i];
	shaper->column->validity = words;
	return ASOF_OK;
}

static enum asof_status
shape_fixed(struct reader *reader, struct shaper *shaper, struct asof_error *err)
{
	size_t width = asof_row_width(shaper->column->type);
	const char *bytes;
	ASOF_TRY(take_array(reader, shaper->present, width, &bytes, err));
	if (shaper->column->type.kind == ASOF_TYPE_BOOL)
		ASOF_TRY(check_bools(reader, bytes, shaper->present, err));

	char *data = array_new(reader, shaper->count, width, err);
	if (!data)
		return ASOF_NO_MEMORY;
	shaper->column->data = data;
	if (!shaper->nulls) {
		memcpy(data, bytes, shaper->count * width);
		return ASOF_OK;
	}
	for (size_t i = 0; i < shaper->count; i++) {
		if (is_null_at(shaper, i))
			continue;
		memcpy(data + i * width, bytes, width);
		bytes += width;
	}
	return ASOF_OK;
}

static enum asof_status
shape_strings(struct reader *reader, struct shaper *shaper, struct asof_error *err)
{
	const char *lengths;
	ASOF_TRY(take_array(reader, shaper->present, sizeof(uint32_t), &lengths, err));
	struct asof_str *data = array_new(reader, shaper->count, sizeof(*data), err);
	if (!data)
		return ASOF_NO_MEMORY;
	shaper->column->data = data;
	for (size_t i = 0, present = 0; i < shaper->count; i++) {
		if (is_null_at(shaper, i))
			continue;
		data[i].len = u32_at(lengths, present++);
		ASOF_TRY(take(reader, data[i].len, &data[i].ptr, err));
	}
	return ASOF_OK;
}

/* Spans over items that follow; *ret_item_count: how many. */
static enum asof_status
shape_spans(struct reader *reader, struct shaper *shaper, size_t *ret_item_count,
	    struct asof_error *err)
{
	struct asof_type type = shaper->column->type;
	const char *lengths;
	ASOF_TRY(take_array(reader, shaper->present, sizeof(uint32_t), &lengths, err));
	struct asof_span *data = array_new(reader, shaper->count, sizeof(*data), err);
	if (!data)
		return ASOF_NO_MEMORY;
	shaper->column->data = data;
	size_t total = 0;
	for (size_t i = 0, present = 0; i < shaper->count; i++) {
		if (is_null_at(shaper, i))
			continue;
		data[i] = (struct asof_span){ total, u32_at(lengths, present++) };
		if (type.kind == ASOF_TYPE_VECTOR && data[i].length != type.size)
			return corrupt(reader, "a vector of another size", err);
		total += data[i].length;
	}
	*ret_item_count = total;
	return ASOF_OK;
}

/* A column but for a list's items; *ret_item_count is theirs. */
static enum asof_status
shape_column(struct reader *reader, struct asof_type type, size_t count,
	     struct asof_column *ret_column, size_t *ret_item_count, struct asof_error *err)
{
	struct asof_column column = { .type = type };
	struct shaper shaper = { .column = &column, .count = count };
	size_t null_count;
	ASOF_TRY(take_nulls(reader, count, &shaper.nulls, &null_count, err));
	shaper.present = count - null_count;
	ASOF_TRY(shape_validity(reader, &shaper, err));
	*ret_item_count = 0;
	if (asof_row_width(type) > 0)
		ASOF_TRY(shape_fixed(reader, &shaper, err));
	else if (asof_row_is_list(type))
		ASOF_TRY(shape_spans(reader, &shaper, ret_item_count, err));
	else
		ASOF_TRY(shape_strings(reader, &shaper, err));
	*ret_column = column;
	return ASOF_OK;
}

static enum asof_status
take_column(struct reader *reader, struct asof_type type, size_t count,
	    struct asof_column *ret_column, struct asof_error *err)
{
	size_t item_count;
	size_t none;
	ASOF_TRY(shape_column(reader, type, count, ret_column, &item_count, err));
	if (!asof_row_is_list(type))
		return ASOF_OK;
	struct asof_column *child = array_new(reader, 1, sizeof(*child), err);
	if (!child)
		return ASOF_NO_MEMORY;
	ASOF_TRY(shape_column(reader, asof_type_element(type), item_count, child, &none, err));
	if (type.kind == ASOF_TYPE_VECTOR && child->validity)
		return corrupt(reader, "NULL within a vector", err);
	ret_column->child = child;
	return ASOF_OK;
}

/* A list is a column of its items. */
static enum asof_status
take_list(struct reader *reader, struct asof_value *value, struct asof_error *err)
{
	const char *length;
	ASOF_TRY(take(reader, sizeof(uint32_t), &length, err));
	size_t count = u32_at(length, 0);
	if (value->type.kind == ASOF_TYPE_VECTOR && count != value->type.size)
		return corrupt(reader, "a vector of another size", err);

	struct asof_column column;
	size_t none;
	ASOF_TRY(shape_column(reader, asof_type_element(value->type), count, &column, &none, err));
	if (value->type.kind == ASOF_TYPE_VECTOR && column.validity)
		return corrupt(reader, "NULL within a vector", err);
	struct asof_value *items = array_new(reader, count, sizeof(*items), err);
	if (!items)
		return ASOF_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(asof_column_value(&column, i, NULL, &items[i], err));
	value->list.items = items;
	value->list.count = count;
	return ASOF_OK;
}

static enum asof_status
take_string(struct reader *reader, struct asof_value *value, struct asof_error *err)
{
	const char *length;
	ASOF_TRY(take(reader, sizeof(uint32_t), &length, err));
	value->str.len = u32_at(length, 0);
	return take(reader, value->str.len, &value->str.ptr, err);
}

static enum asof_status
take_fixed(struct reader *reader, struct asof_value *value, struct asof_error *err)
{
	size_t width = asof_row_width(value->type);
	const char *bytes;
	ASOF_TRY(take(reader, width, &bytes, err));
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		ASOF_TRY(check_bools(reader, bytes, 1, err));
		value->boolean = *bytes == 1;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		memcpy(&value->int32, bytes, width);
		break;
	case ASOF_TYPE_INT64:
	case ASOF_TYPE_TIMESTAMP:
		memcpy(&value->int64, bytes, width);
		break;
	case ASOF_TYPE_FLOAT32:
		memcpy(&value->float32, bytes, width);
		break;
	case ASOF_TYPE_FLOAT64:
		memcpy(&value->float64, bytes, width);
		break;
	case ASOF_TYPE_DECIMAL:
		memcpy(&value->decimal, bytes, width);
		break;
	default: /* uuid */
		value->str = (struct asof_str){ bytes, width };
	}
	return ASOF_OK;
}

static enum asof_status
take_values(struct reader *reader, const struct asof_row_shape *shape,
	    const struct asof_value **ret_values, struct asof_error *err)
{
	const char *nulls;
	ASOF_TRY(take_bitmap(reader, shape->value_count, &nulls, err));
	struct asof_value *values = array_new(reader, shape->value_count, sizeof(*values), err);
	if (!values)
		return ASOF_NO_MEMORY;
	for (size_t i = 0; i < shape->value_count; i++) {
		struct asof_value *value = &values[i];
		value->type = shape->values[i];
		value->is_null = bit_at(nulls, i);
		if (value->is_null)
			continue;
		if (asof_row_width(value->type) > 0)
			ASOF_TRY(take_fixed(reader, value, err));
		else if (asof_row_is_list(value->type))
			ASOF_TRY(take_list(reader, value, err));
		else
			ASOF_TRY(take_string(reader, value, err));
	}
	*ret_values = values;
	return ASOF_OK;
}

static enum asof_status
take_event_times(struct reader *reader, size_t count, const int64_t **ret_event_us,
		 struct asof_error *err)
{
	const char *bytes;
	ASOF_TRY(take_array(reader, count, sizeof(int64_t), &bytes, err));
	int64_t *event_us = array_new(reader, count, sizeof(*event_us), err);
	if (!event_us)
		return ASOF_NO_MEMORY;
	memcpy(event_us, bytes, count * sizeof(*event_us));
	for (size_t i = 1; i < count; i++) {
		if (event_us[i] < event_us[i - 1])
			return corrupt(reader, "entries out of order", err);
	}
	*ret_event_us = event_us;
	return ASOF_OK;
}

static enum asof_status
take_entries(struct reader *reader, const struct asof_row_shape *shape, size_t count,
	     struct asof_row *row, struct asof_error *err)
{
	if (count > 0) {
		ASOF_TRY(take_event_times(reader, count, &row->entry_event_us, err));
		struct asof_column *columns =
			array_new(reader, shape->entry_column_count, sizeof(*columns), err);
		if (!columns)
			return ASOF_NO_MEMORY;
		for (size_t i = 0; i < shape->entry_column_count; i++)
			ASOF_TRY(take_column(reader, shape->entries[i], count, &columns[i], err));
		row->entries = columns;
		row->entry_count = count;
	}
	return check_end(reader, err);
}

/* Is bytes[from, to) what the checksum at `to` was made of? */
static bool
is_intact(struct asof_str bytes, size_t from, size_t to)
{
	uint64_t checksum;
	memcpy(&checksum, bytes.ptr + to, sizeof(checksum));
	return checksum == asof_hash64((struct asof_str){ bytes.ptr + from, to - from });
}

/* The head's checksum, then what the header says; from then on the reader sees only the head. */
static enum asof_status
take_header(struct reader *reader, const struct asof_row_shape *shape,
	    struct asof_row_header *ret_header, struct asof_error *err)
{
	struct asof_row_header header;
	size_t checksums = 2 * sizeof(uint64_t);
	if (reader->bytes.len < sizeof(header) + checksums)
		return corrupt(reader, "it ends too early", err);
	memcpy(&header, reader->bytes.ptr, sizeof(header));
	if (header.magic != ASOF_ROW_MAGIC)
		return corrupt(reader, "no row of this format", err);
	if (header.total_size != reader->bytes.len || header.head_size < sizeof(header) ||
	    header.head_size > reader->bytes.len - checksums)
		return corrupt(reader, "it has another size", err);
	if (!is_intact(reader->bytes, 0, header.head_size))
		return corrupt(reader, "the checksum differs", err);
	if ((header.flags & ~ASOF_ROW_HAS_ANSWER) != 0)
		return corrupt(reader, "unknown flags", err);
	if (header.shape_hash != asof_row_shape_hash(shape))
		return corrupt(reader, "columns of another definition", err);
	reader->at = sizeof(header);
	reader->bytes.len = header.head_size;
	*ret_header = header;
	return ASOF_OK;
}

/* The entries' checksum; from then on the reader sees them. */
static enum asof_status
go_to_entries(struct reader *reader, const struct asof_row_header *header, struct asof_error *err)
{
	struct asof_str whole = { reader->bytes.ptr, header->total_size };
	size_t start = header->head_size + sizeof(uint64_t);
	size_t end = header->total_size - sizeof(uint64_t);
	reader->at = start;
	if (!is_intact(whole, start, end))
		return corrupt(reader, "the checksum differs", err);
	reader->bytes.len = end;
	return ASOF_OK;
}

/* Which rows are to be read with their entries. */
enum wish { WISH_NONE, WISH_ENTRIES, WISH_ENTRIES_WHEN_DUE };

static enum asof_status
decode(struct reader *reader, const struct asof_row_shape *shape, enum wish wish, int64_t clock_us,
       struct asof_row *ret_row, struct asof_error *err)
{
	struct asof_row_header header;
	ASOF_TRY(take_header(reader, shape, &header, err));
	struct asof_row row = {
		.has_answer = header.flags & ASOF_ROW_HAS_ANSWER,
		.event_us = header.event_us,
		.from_us = header.from_us,
		.until_us = header.until_us,
	};
	bool is_due = clock_us >= row.until_us;
	if (row.has_answer)
		ASOF_TRY(take_values(reader, shape, &row.values, err));
	ASOF_TRY(check_end(reader, err));
	if (wish == WISH_ENTRIES || (wish == WISH_ENTRIES_WHEN_DUE && is_due)) {
		ASOF_TRY(go_to_entries(reader, &header, err));
		ASOF_TRY(take_entries(reader, shape, header.entry_count, &row, err));
	}
	*ret_row = row;
	return ASOF_OK;
}

enum asof_status
asof_row_decode(struct asof_str bytes, const struct asof_row_shape *shape, bool wants_entries,
		struct asof_arena *arena, struct asof_row *ret_row, struct asof_error *err)
{
	struct reader reader = { .bytes = bytes, .arena = arena };
	return decode(&reader, shape, wants_entries ? WISH_ENTRIES : WISH_NONE, 0, ret_row, err);
}

enum asof_status
asof_row_decode_at(struct asof_str bytes, const struct asof_row_shape *shape, int64_t clock_us,
		   struct asof_arena *arena, struct asof_row *ret_row, struct asof_error *err)
{
	struct reader reader = { .bytes = bytes, .arena = arena };
	return decode(&reader, shape, WISH_ENTRIES_WHEN_DUE, clock_us, ret_row, err);
}
