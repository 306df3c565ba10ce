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

/* Up to 64 values of one width. `word`: which are not NULL. */
static inline void
pack_values(const unsigned char *from, uint64_t word, size_t count, unsigned char *to,
	    size_t stride, unsigned char *bits, unsigned shift, size_t width)
{
	for (size_t i = 0; i < count; i++) {
		memcpy(to + i * stride, from + i * width, width);
		bits[i * stride] = (unsigned char)(bits[i * stride] | (word >> i & 1) << shift);
	}
}

static void
pack_field(const struct asof_record_layout *layout, size_t field, const unsigned char *data,
	   uint64_t word, size_t count, unsigned char *records)
{
	const struct asof_record_field *f = &layout->fields[field];
	unsigned char *to = records + f->offset;
	unsigned char *bits = records + layout->bits + (1 + field) / 8;
	unsigned shift = (1 + field) % 8;
	if (f->width == 8)
		pack_values(data, word, count, to, layout->stride, bits, shift, 8);
	else if (f->width == 4)
		pack_values(data, word, count, to, layout->stride, bits, shift, 4);
	else if (f->width == 16)
		pack_values(data, word, count, to, layout->stride, bits, shift, 16);
	else
		pack_values(data, word, count, to, layout->stride, bits, shift, 1);
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
		memset(group, 0, rows * layout->stride);
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
				   block->validity[i][first / GROUP], rows, group);
		}
		for (size_t i = 0; i < rows; i++) {
			unsigned char *record = group + i * layout->stride;
			if (is_matched[first + i])
				set_bit(record + layout->bits, 0);
			else
				memcpy(record, layout->unmatched, layout->stride);
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

/* Bit i: whether `bit` is set in record i. */
static uint64_t
unpack_bits(const struct asof_record_layout *layout, const unsigned char *const *records,
	    size_t count, size_t bit)
{
	uint64_t word = 0;
	size_t at = layout->bits + bit / 8;
	for (size_t i = 0; i < count; i++)
		word |= (uint64_t)(records[i][at] >> (bit % 8) & 1) << i;
	return word;
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
		block->validity[column][first_row / GROUP] |=
			unpack_bits(layout, records, count, 1 + i);
	}
	*ret_matched += (uint64_t)__builtin_popcountll(unpack_bits(layout, records, count, 0));
	return ASOF_OK;
}
