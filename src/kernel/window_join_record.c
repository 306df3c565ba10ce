/* window_join_record.c - columns into records and back. */
#include "kernel/window_join_record.h"

#define GROUP 64

/* What stands for a list in a record. */
struct list {
	const struct asof_value *items;
	size_t count;
};

static inline bool
has_bit(const unsigned char *bits, size_t bit)
{
	return bits[bit / 8] >> (bit % 8) & 1;
}

static inline void
set_bit(unsigned char *bits, size_t bit)
{
	bits[bit / 8] = (unsigned char)(bits[bit / 8] | 1U << (bit % 8));
}

static void
put_value(const struct asof_record_layout *layout, size_t field, const struct asof_value *value,
	  unsigned char *record)
{
	const struct asof_record_field *f = &layout->fields[field];
	struct list list;
	if (value->is_null)
		return;
	set_bit(record + layout->bits, 1 + field);
	if (f->is_list) {
		list = (struct list){ value->list.items, value->list.count };
		memcpy(record + f->offset, &list, sizeof(list));
	} else if (value->type.kind == ASOF_TYPE_UUID) {
		memcpy(record + f->offset, value->str.ptr, f->width);
	} else { /* all members of the union begin at one place */
		memcpy(record + f->offset, &value->decimal, f->width);
	}
}

/* Wide fields first: all stand where their width wants them. */
static void
place_fields(struct asof_record_layout *layout)
{
	static const uint32_t widths[] = { 16, 8, 4, 1 };
	size_t offset = 0;
	for (size_t w = 0; w < ASOF_COUNTOF(widths); w++) {
		for (size_t i = 0; i < layout->field_count; i++) {
			if (layout->fields[i].width != widths[w])
				continue;
			layout->fields[i].offset = (uint32_t)offset;
			offset += widths[w];
		}
	}
	layout->bits = offset;
	layout->stride = (offset + (1 + layout->field_count + 7) / 8 + 7) / 8 * 8;
}

enum asof_status
asof_record_layout_make(const struct asof_view *view, const size_t *wanted, size_t wanted_count,
			struct asof_arena *arena, struct asof_record_layout *ret_layout,
			struct asof_error *err)
{
	struct asof_record_layout layout = { .field_count = wanted_count };
	layout.fields = asof_arena_array(arena, wanted_count, sizeof(*layout.fields));
	if (!layout.fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "answers of '%s'", view->name);
	for (size_t i = 0; i < wanted_count; i++) {
		struct asof_type type = view->outputs[wanted[i]].type;
		layout.fields[i] = (struct asof_record_field){
			.type = type,
			.width = (uint32_t)asof_column_width(type),
			.is_list = type.kind == ASOF_TYPE_LIST || type.kind == ASOF_TYPE_VECTOR,
		};
	}
	place_fields(&layout);
	layout.unmatched = asof_arena_alloc(arena, layout.stride);
	layout.none = asof_arena_alloc(arena, layout.stride);
	if (!layout.unmatched || !layout.none)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "answers of '%s'", view->name);
	for (size_t i = 0; i < wanted_count; i++) {
		const struct asof_output *output = &view->outputs[wanted[i]];
		if (output->has_default)
			put_value(&layout, i, output->default_value, layout.unmatched);
	}
	*ret_layout = layout;
	return ASOF_OK;
}

/* Bit i of byte j to bit j of byte i. */
static inline uint64_t
transpose(uint64_t bits)
{
	uint64_t swap = (bits ^ bits >> 7) & UINT64_C(0x00aa00aa00aa00aa);
	bits ^= swap ^ swap << 7;
	swap = (bits ^ bits >> 14) & UINT64_C(0x0000cccc0000cccc);
	bits ^= swap ^ swap << 14;
	swap = (bits ^ bits >> 28) & UINT64_C(0x00000000f0f0f0f0);
	return bits ^ swap ^ swap << 28;
}

/* Words of 8 fields, a bit per row, into bytes of 64 rows, a bit per field; and back. */
static void
bits_to_rows(const uint64_t words[8], unsigned char bytes[GROUP])
{
	for (unsigned row = 0; row < GROUP; row += 8) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			bits |= (words[i] >> row & 0xff) << (8 * i);
		bits = transpose(bits);
		for (unsigned i = 0; i < 8; i++)
			bytes[row + i] = (unsigned char)(bits >> (8 * i));
	}
}

static void
rows_to_bits(const unsigned char bytes[GROUP], uint64_t words[8])
{
	memset(words, 0, 8 * sizeof(*words));
	for (unsigned row = 0; row < GROUP; row += 8) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++)
			bits |= (uint64_t)bytes[row + i] << (8 * i);
		bits = transpose(bits);
		for (unsigned i = 0; i < 8; i++)
			words[i] |= (bits >> (8 * i) & 0xff) << row;
	}
}

/* Up to 64 rows' bits: who matched, and which values are not NULL. */
static void
pack_bits(const struct asof_record_layout *layout, const struct asof_block *block,
	  const bool *is_matched, size_t first, size_t count, unsigned char *records)
{
	for (size_t bit = 0; bit <= layout->field_count; bit += 8) {
		uint64_t words[8] = { 0 };
		unsigned char bytes[GROUP];
		for (size_t i = bit; i < bit + 8 && i <= layout->field_count; i++) {
			if (i > 0)
				words[i - bit] = block->validity[i - 1][first / GROUP];
		}
		for (size_t i = 0; bit == 0 && i < count; i++)
			words[0] |= (uint64_t)is_matched[first + i] << i;
		bits_to_rows(words, bytes);
		for (size_t i = 0; i < count; i++)
			records[i * layout->stride + layout->bits + bit / 8] = bytes[i];
	}
}

/* Up to 64 values of one width. */
static inline void
pack_values(const unsigned char *from, size_t count, unsigned char *to, size_t stride, size_t width)
{
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * stride, from + i * width, width);
}

static void
pack_field(const struct asof_record_layout *layout, size_t field, const unsigned char *data,
	   size_t count, unsigned char *records)
{
	const struct asof_record_field *f = &layout->fields[field];
	unsigned char *to = records + f->offset;
	if (f->width == 8)
		pack_values(data, count, to, layout->stride, 8);
	else if (f->width == 4)
		pack_values(data, count, to, layout->stride, 4);
	else if (f->width == 16)
		pack_values(data, count, to, layout->stride, 16);
	else
		pack_values(data, count, to, layout->stride, 1);
}

static enum asof_status
pack_lists(const struct asof_record_layout *layout, size_t field, const struct asof_column *column,
	   size_t first_row, size_t count, unsigned char *records, struct asof_arena *arena,
	   struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct asof_value value;
		ASOF_TRY(asof_column_value(column, first_row + i, arena, &value, err));
		put_value(layout, field, &value, records + i * layout->stride);
	}
	return ASOF_OK;
}

enum asof_status
asof_records_pack(const struct asof_record_layout *layout, const struct asof_block *block,
		  const bool *is_matched, size_t count, unsigned char *records,
		  struct asof_arena *arena, struct asof_error *err)
{
	for (size_t first = 0; first < count; first += GROUP) {
		size_t rows = count - first < GROUP ? count - first : GROUP;
		unsigned char *group = records + first * layout->stride;
		for (size_t i = 0; i < layout->field_count; i++) {
			const struct asof_column *column = &block->columns[i];
			if (layout->fields[i].is_list) {
				ASOF_TRY(pack_lists(layout, i, column, first, rows, group, arena,
						    err));
				continue;
			}
			pack_field(layout, i,
				   (const unsigned char *)column->data +
					   first * layout->fields[i].width,
				   rows, group);
		}
		pack_bits(layout, block, is_matched, first, rows, group);
		for (size_t i = 0; i < rows; i++) {
			if (!is_matched[first + i])
				memcpy(group + i * layout->stride, layout->unmatched,
				       layout->stride);
		}
	}
	return ASOF_OK;
}

static inline void
unpack_values(const unsigned char *const *records, size_t offset, size_t count, unsigned char *to,
	      size_t width)
{
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * width, records[i] + offset, width);
}

/* Up to 64 rows' bits into the columns' validity; returns how many matched. */
static uint64_t
unpack_bits(const struct asof_record_layout *layout, const unsigned char *const *records,
	    size_t count, struct asof_block *block, size_t first_column, size_t first_row)
{
	uint64_t matched = 0;
	for (size_t bit = 0; bit <= layout->field_count; bit += 8) {
		uint64_t words[8];
		unsigned char bytes[GROUP] = { 0 };
		for (size_t i = 0; i < count; i++)
			bytes[i] = records[i][layout->bits + bit / 8];
		rows_to_bits(bytes, words);
		if (bit == 0)
			matched = (uint64_t)__builtin_popcountll(words[0]);
		for (size_t i = bit > 0 ? bit : 1; i < bit + 8 && i <= layout->field_count; i++) {
			if (!layout->fields[i - 1].is_list)
				block->validity[first_column + i - 1][first_row / GROUP] |=
					words[i - bit];
		}
	}
	return matched;
}

static enum asof_status
unpack_lists(const struct asof_record_layout *layout, size_t field,
	     const unsigned char *const *records, size_t count, struct asof_block *block,
	     size_t column, size_t first_row, struct asof_error *err)
{
	const struct asof_record_field *f = &layout->fields[field];
	for (size_t i = 0; i < count; i++) {
		struct list list;
		if (!has_bit(records[i] + layout->bits, 1 + field))
			continue;
		memcpy(&list, records[i] + f->offset, sizeof(list));
		struct asof_value value = { .type = f->type, .list = { list.items, list.count } };
		ASOF_TRY(asof_block_set(block, column, first_row + i, &value, err));
	}
	return ASOF_OK;
}

static void
unpack_field(const struct asof_record_field *f, const unsigned char *const *records, size_t count,
	     unsigned char *to)
{
	if (f->width == 8)
		unpack_values(records, f->offset, count, to, 8);
	else if (f->width == 4)
		unpack_values(records, f->offset, count, to, 4);
	else if (f->width == 16)
		unpack_values(records, f->offset, count, to, 16);
	else
		unpack_values(records, f->offset, count, to, 1);
}

enum asof_status
asof_records_unpack(const struct asof_record_layout *layout, const unsigned char *const *records,
		    size_t count, struct asof_block *block, size_t first_column, size_t first_row,
		    uint64_t *ret_matched, struct asof_error *err)
{
	for (size_t i = 0; i < layout->field_count; i++) {
		const struct asof_record_field *f = &layout->fields[i];
		size_t column = first_column + i;
		if (f->is_list) {
			ASOF_TRY(unpack_lists(layout, i, records, count, block, column, first_row,
					      err));
			continue;
		}
		unpack_field(f, records, count,
			     (unsigned char *)block->data[column] + first_row * f->width);
	}
	*ret_matched += unpack_bits(layout, records, count, block, first_column, first_row);
	return ASOF_OK;
}
