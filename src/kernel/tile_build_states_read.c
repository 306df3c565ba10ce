/* tile_build_states_read.c - the states of tiles as columns of the table. */
#include "kernel/tile_build_impl.h"

#define UUID_BYTES 16

struct reading {
	const struct asof_build_states *s;
	const char *const *list;
	const struct asof_build_piece *piece;
	size_t column;
	struct asof_block *block;
};

static void
wide_write(struct asof_type type, asof_build_wide value, void *data, size_t row)
{
	unsigned char *bytes = (unsigned char *)data + row * UUID_BYTES;
	if (type.kind == ASOF_TYPE_DECIMAL) {
		value ^= ASOF_BUILD_WIDE_SIGN;
		memcpy(bytes, &value, sizeof(value));
		return;
	}
	for (size_t i = UUID_BYTES; i-- > 0; value >>= 8)
		bytes[i] = (unsigned char)value;
}

static void
ordinal_write(struct asof_type type, uint64_t ordinal, void *data, size_t row)
{
	switch ((enum asof_type_kind)type.kind) {
	case ASOF_TYPE_BOOL:
		((uint8_t *)data)[row] = (uint8_t)ordinal;
		break;
	case ASOF_TYPE_INT32:
	case ASOF_TYPE_DATE:
		((int32_t *)data)[row] = (int32_t)(int64_t)(ordinal ^ ASOF_ITEM_SIGN);
		break;
	case ASOF_TYPE_FLOAT32:
		((float *)data)[row] = (float)asof_ordinal_to_double(ordinal);
		break;
	case ASOF_TYPE_FLOAT64:
		((double *)data)[row] = asof_ordinal_to_double(ordinal);
		break;
	default: /* int64, timestamp */
		((int64_t *)data)[row] = (int64_t)(ordinal ^ ASOF_ITEM_SIGN);
	}
}

/* Rows of tiles without a value stay NULL. */
static bool
is_empty(const struct reading *r, size_t i)
{
	int64_t count;
	memcpy(&count, r->list[i] + r->s->count, sizeof(count));
	return count == 0;
}

static void
read_counts(const struct reading *r)
{
	int64_t *out = (int64_t *)r->block->data[r->column] + r->piece->first;
	for (size_t i = 0; i < r->piece->count; i++)
		memcpy(&out[i], r->list[i] + r->s->count, sizeof(out[i]));
	asof_build_mark(r->block->validity[r->column], r->piece->first, r->piece->count);
}

/* A whole number or a double-double in the tile. */
static struct asof_dd
sum_at(const struct asof_build_states *s, const char *tile, bool is_squares)
{
	asof_int128 whole;
	int64_t small;
	struct asof_dd sum;
	const char *at = tile + (is_squares ? s->squares : s->sum);
	if (s->is_small && !is_squares) {
		memcpy(&small, at, sizeof(small));
		return asof_dd_from_int64(small);
	}
	if (is_squares ? s->is_small : !s->is_float) {
		memcpy(&whole, at, sizeof(whole));
		return asof_dd_from_int128(whole);
	}
	memcpy(&sum, at, sizeof(sum));
	return sum;
}

static void
read_sums(const struct reading *r, bool is_squares, bool is_low)
{
	double *out = r->block->data[r->column];
	for (size_t i = 0; i < r->piece->count; i++) {
		size_t row = r->piece->first + i;
		if (is_empty(r, i))
			continue;
		struct asof_dd sum = sum_at(r->s, r->list[i], is_squares);
		out[row] = is_low ? sum.lo : sum.hi;
		asof_block_mark(r->block, r->column, row);
	}
}

static void
read_decimals(const struct reading *r)
{
	char *out = r->block->data[r->column];
	for (size_t i = 0; i < r->piece->count; i++) {
		size_t row = r->piece->first + i;
		if (is_empty(r, i))
			continue;
		memcpy(out + row * sizeof(asof_int128), r->list[i] + r->s->sum,
		       sizeof(asof_int128));
		asof_block_mark(r->block, r->column, row);
	}
}

static void
read_item(const struct asof_build_states *s, const char *item, bool is_flipped, void *data,
	  size_t row)
{
	if (s->is_wide) {
		asof_build_wide value;
		memcpy(&value, item, sizeof(value));
		wide_write(s->type, is_flipped ? ~value : value, data, row);
	} else {
		uint64_t value;
		memcpy(&value, item, sizeof(value));
		ordinal_write(s->type, is_flipped ? ~value : value, data, row);
	}
}

static enum asof_status
read_slots(const struct reading *r, size_t offset, struct asof_error *err)
{
	for (size_t i = 0; i < r->piece->count; i++) {
		struct asof_build_slot slot;
		if (is_empty(r, i))
			continue;
		memcpy(&slot, r->list[i] + offset, sizeof(slot));
		ASOF_TRY(
			asof_build_slot_read(&slot, r->block, r->column, r->piece->first + i, err));
	}
	return ASOF_OK;
}

static enum asof_status
read_extremes(const struct reading *r, size_t offset, bool is_min, struct asof_error *err)
{
	if (r->s->is_text)
		return read_slots(r, offset, err);
	for (size_t i = 0; i < r->piece->count; i++) {
		size_t row = r->piece->first + i;
		if (is_empty(r, i))
			continue;
		read_item(r->s, r->list[i] + offset, is_min, r->block->data[r->column], row);
		asof_block_mark(r->block, r->column, row);
	}
	return ASOF_OK;
}

static enum asof_status
read_edges(const struct reading *r, size_t offset, struct asof_error *err)
{
	size_t width = asof_column_width(r->s->type);
	if (r->s->is_text || asof_build_is_list(r->s->type))
		return read_slots(r, offset + offsetof(struct asof_build_edge, slot), err);
	for (size_t i = 0; i < r->piece->count; i++) {
		size_t row = r->piece->first + i;
		if (is_empty(r, i))
			continue;
		memcpy((char *)r->block->data[r->column] + row * width,
		       r->list[i] + offset + offsetof(struct asof_build_edge, bytes), width);
		asof_block_mark(r->block, r->column, row);
	}
	return ASOF_OK;
}

static void
read_edge_parts(const struct reading *r, size_t offset)
{
	int64_t *out = r->block->data[r->column];
	for (size_t i = 0; i < r->piece->count; i++) {
		size_t row = r->piece->first + i;
		if (is_empty(r, i))
			continue;
		memcpy(&out[row], r->list[i] + offset, sizeof(out[row]));
		asof_block_mark(r->block, r->column, row);
	}
}

static enum asof_status
read_lists(const struct reading *r, size_t offset, struct asof_error *err)
{
	const struct asof_build_states *s = r->s;
	size_t width = s->is_text || s->is_wide ? sizeof(asof_build_wide) : sizeof(uint64_t);
	for (size_t i = 0; i < r->piece->count; i++) {
		struct asof_build_list list;
		size_t first = 0;
		if (is_empty(r, i))
			continue;
		memcpy(&list, r->list[i] + offset, sizeof(list));
		ASOF_TRY(asof_block_add_list(r->block, r->column, r->piece->first + i, list.count,
					     &first, err));
		void *data = r->block->items[r->column].data;
		if (s->is_text)
			memcpy((struct asof_str *)data + first, list.ptr,
			       list.count * sizeof(struct asof_str));
		for (size_t j = 0; !s->is_text && j < list.count; j++)
			read_item(s, list.ptr + j * width, false, data, first + j);
	}
	return ASOF_OK;
}

enum asof_status
asof_build_states_read(const struct asof_build_states *s, enum asof_state_kind kind,
		       const char *const *list, const struct asof_build_piece *piece, size_t column,
		       struct asof_block *block, struct asof_error *err)
{
	const struct reading r = { s, list, piece, column, block };
	switch (kind) {
	case ASOF_STATE_COUNT:
		read_counts(&r);
		return ASOF_OK;
	case ASOF_STATE_SUM:
		if (s->type.kind == ASOF_TYPE_DECIMAL)
			read_decimals(&r);
		else
			read_sums(&r, false, false);
		return ASOF_OK;
	case ASOF_STATE_SUM_LO:
		read_sums(&r, false, true);
		return ASOF_OK;
	case ASOF_STATE_SQUARES:
	case ASOF_STATE_SQUARES_LO:
		read_sums(&r, true, kind == ASOF_STATE_SQUARES_LO);
		return ASOF_OK;
	case ASOF_STATE_MIN:
		return read_extremes(&r, s->min, true, err);
	case ASOF_STATE_MAX:
		return read_extremes(&r, s->max, false, err);
	case ASOF_STATE_FIRST:
		return read_edges(&r, s->first, err);
	case ASOF_STATE_FIRST_AT:
		read_edge_parts(&r, s->first + offsetof(struct asof_build_edge, event_us));
		return ASOF_OK;
	case ASOF_STATE_FIRST_CREATED:
		read_edge_parts(&r, s->first + offsetof(struct asof_build_edge, created_us));
		return ASOF_OK;
	case ASOF_STATE_FIRST_ORDER:
		read_edge_parts(&r, s->first + offsetof(struct asof_build_edge, order));
		return ASOF_OK;
	case ASOF_STATE_LAST:
		return read_edges(&r, s->last, err);
	case ASOF_STATE_LAST_AT:
		read_edge_parts(&r, s->last + offsetof(struct asof_build_edge, event_us));
		return ASOF_OK;
	case ASOF_STATE_LAST_CREATED:
		read_edge_parts(&r, s->last + offsetof(struct asof_build_edge, created_us));
		return ASOF_OK;
	case ASOF_STATE_LAST_ORDER:
		read_edge_parts(&r, s->last + offsetof(struct asof_build_edge, order));
		return ASOF_OK;
	case ASOF_STATE_VALUES:
		return read_lists(&r, s->values, err);
	case ASOF_STATE_DISTINCT:
		return read_lists(&r, s->distinct, err);
	case ASOF_STATE_ROWS:
	case ASOF_STATE_VALUE:
		break;
	}
	return ASOF_FAIL(err, ASOF_INTERNAL, "no state of a tile");
}
