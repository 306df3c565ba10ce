/*
 * tile_build_states.c - the states of a column in a tile: values added, states merged, read.
 *
 * All-zero is the state of nothing: what is largest is kept of unsigned numbers, for the least
 * their complement.
 */
#include <stdlib.h>

#include "kernel/tile_build_impl.h"

#define UUID_BYTES 16
#define ROOM_MIN   2

/* ---- values as numbers of the same order ---- */

static asof_build_wide
wide_at(struct asof_type type, const void *data, size_t row)
{
	const unsigned char *bytes = (const unsigned char *)data + row * UUID_BYTES;
	asof_build_wide value = 0;
	if (type.kind == ASOF_TYPE_DECIMAL) {
		memcpy(&value, bytes, sizeof(value));
		return value ^ ASOF_BUILD_WIDE_SIGN;
	}
	for (size_t i = 0; i < UUID_BYTES; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int64_t
integer_at(struct asof_type type, const void *data, size_t row)
{
	if (type.kind == ASOF_TYPE_BOOL)
		return ((const uint8_t *)data)[row];
	if (type.kind == ASOF_TYPE_INT32)
		return ((const int32_t *)data)[row];
	return ((const int64_t *)data)[row];
}

static asof_int128
addend_at(struct asof_type type, const void *data, size_t row)
{
	asof_int128 value;
	if (type.kind != ASOF_TYPE_DECIMAL)
		return integer_at(type, data, row);
	memcpy(&value, (const char *)data + row * sizeof(value), sizeof(value));
	return value;
}

static struct asof_dd
float_at(struct asof_type type, const void *data, size_t row)
{
	return asof_dd_from_double(type.kind == ASOF_TYPE_FLOAT32
					   ? (double)((const float *)data)[row]
					   : ((const double *)data)[row]);
}

/* ---- lists of values ---- */

static int
compare_ordinals(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static int
compare_wides(const void *a, const void *b)
{
	asof_build_wide left = *(const asof_build_wide *)a;
	asof_build_wide right = *(const asof_build_wide *)b;
	return (left > right) - (left < right);
}

static int
compare_texts(const void *a, const void *b)
{
	return asof_str_compare(*(const struct asof_str *)a, *(const struct asof_str *)b);
}

typedef int compare_fn(const void *a, const void *b);

static compare_fn *
compare_of(const struct asof_build_states *s)
{
	if (s->is_text)
		return compare_texts;
	return s->is_wide ? compare_wides : compare_ordinals;
}

static size_t
item_width(const struct asof_build_states *s)
{
	return s->is_text || s->is_wide ? sizeof(asof_build_wide) : sizeof(uint64_t);
}

static void
sort_list(const struct asof_build_states *s, struct asof_build_list *list, bool is_distinct)
{
	size_t width = item_width(s);
	compare_fn *compare = compare_of(s);
	size_t kept = 0;
	if (list->count < 2)
		return;
	qsort(list->ptr, list->count, width, compare);
	if (!is_distinct)
		return;
	for (size_t i = 0; i < list->count; i++) {
		const char *item = list->ptr + i * width;
		if (kept > 0 && compare(list->ptr + (kept - 1) * width, item) == 0)
			continue;
		memmove(list->ptr + kept++ * width, item, width);
	}
	list->count = (uint32_t)kept;
}

static enum asof_status
grow_list(const struct asof_build_states *s, struct asof_build_store *store,
	  struct asof_build_list *list, size_t need, struct asof_error *err)
{
	size_t room = list->room ? (size_t)list->room * 2 : ROOM_MIN;
	char *ptr = NULL;
	while (room < need)
		room *= 2;
	if (room > UINT32_MAX)
		return ASOF_FAIL(err, ASOF_LIMIT, "%zu values in one tile", need);
	ASOF_TRY(asof_build_store_alloc(store, room * item_width(s), &ptr, err));
	if (list->count > 0)
		memcpy(ptr, list->ptr, list->count * item_width(s));
	list->ptr = ptr;
	list->room = (uint32_t)room;
	return ASOF_OK;
}

/* Where the next item goes. */
static enum asof_status
push_item(const struct asof_build_states *s, struct asof_build_store *store,
	  struct asof_build_list *list, bool is_distinct, char **ret_item, struct asof_error *err)
{
	if (list->count == list->room) {
		if (is_distinct)
			sort_list(s, list, true);
		if (list->count >= list->room / 2)
			ASOF_TRY(grow_list(s, store, list, (size_t)list->count + 1, err));
	}
	*ret_item = list->ptr + (size_t)list->count++ * item_width(s);
	return ASOF_OK;
}

static enum asof_status
append_list(const struct asof_build_states *s, struct asof_build_store *store,
	    struct asof_build_list *into, const struct asof_build_list *from,
	    struct asof_error *err)
{
	size_t need = (size_t)into->count + from->count;
	if (need > into->room)
		ASOF_TRY(grow_list(s, store, into, need, err));
	if (from->count > 0)
		memcpy(into->ptr + into->count * item_width(s), from->ptr,
		       from->count * item_width(s));
	into->count = (uint32_t)need;
	return ASOF_OK;
}

/* ---- adding a batch: one state after the other ---- */

struct adding {
	const struct asof_build_states *s;
	struct asof_build_store *store;
	const struct asof_build_batch *b;
	const struct asof_column *column;
	size_t count; /* of b->valid */
};

static void *
state_of(const struct adding *a, size_t i, size_t offset)
{
	return a->b->records[a->b->valid[i]] + offset;
}

static size_t
row_of(const struct adding *a, size_t i)
{
	return a->b->rows[a->b->valid[i]];
}

static enum asof_status
too_large(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID, "a sum of decimals does not fit 38 digits");
}

static enum asof_status
add_sums(const struct adding *a, struct asof_error *err)
{
	struct asof_type type = a->column->type;
	const void *data = a->column->data;
	for (size_t i = 0; a->s->is_float && i < a->count; i++) {
		struct asof_dd *sum = state_of(a, i, a->s->sum);
		*sum = asof_dd_add(*sum, float_at(type, data, row_of(a, i)));
	}
	for (size_t i = 0; a->s->is_small && i < a->count; i++) {
		int64_t *sum = state_of(a, i, a->s->sum);
		*sum += integer_at(type, data, row_of(a, i));
	}
	for (size_t i = 0; !a->s->is_float && !a->s->is_small && i < a->count; i++) {
		asof_int128 *sum = state_of(a, i, a->s->sum);
		if (__builtin_add_overflow(*sum, addend_at(type, data, row_of(a, i)), sum))
			return too_large(err);
	}
	return ASOF_OK;
}

static void
add_squares(const struct adding *a)
{
	struct asof_type type = a->column->type;
	const void *data = a->column->data;
	for (size_t i = 0; a->s->is_small && i < a->count; i++) {
		asof_int128 *squares = state_of(a, i, a->s->squares);
		int64_t value = integer_at(type, data, row_of(a, i));
		*squares += (asof_int128)value * value;
	}
	for (size_t i = 0; !a->s->is_small && i < a->count; i++) {
		struct asof_dd *squares = state_of(a, i, a->s->squares);
		struct asof_dd value =
			a->s->is_float ? float_at(type, data, row_of(a, i))
				       : asof_dd_from_int128(addend_at(type, data, row_of(a, i)));
		struct asof_dd square = a->s->is_float ? asof_two_prod(value.hi, value.hi)
						       : asof_dd_mul(value, value);
		*squares = asof_dd_add(*squares, square);
	}
}

/* The greatest, or of complements, which is the least. */
static void
add_numbers(const struct adding *a, size_t offset, bool is_min)
{
	struct asof_type type = a->column->type;
	enum asof_type_kind kind = (enum asof_type_kind)type.kind;
	const void *data = a->column->data;
	uint64_t flip = is_min ? UINT64_MAX : 0;
	for (size_t i = 0; !a->s->is_wide && i < a->count; i++) {
		uint64_t *kept = state_of(a, i, offset);
		uint64_t value = asof_ordinal_at(kind, data, row_of(a, i)) ^ flip;
		if (value > *kept)
			*kept = value;
	}
	for (size_t i = 0; a->s->is_wide && i < a->count; i++) {
		asof_build_wide *kept = state_of(a, i, offset);
		asof_build_wide value = wide_at(type, data, row_of(a, i));
		if (is_min)
			value = ~value;
		if (value > *kept)
			*kept = value;
	}
}

static enum asof_status
add_texts(const struct adding *a, size_t offset, bool is_min, struct asof_error *err)
{
	const struct asof_str *texts = a->column->data;
	for (size_t i = 0; i < a->count; i++) {
		struct asof_build_slot *kept = state_of(a, i, offset);
		size_t row = row_of(a, i);
		int order = kept->ptr ? asof_str_compare(texts[row],
							 (struct asof_str){ kept->ptr, kept->size })
				      : 0;
		if (!kept->ptr || (is_min ? order < 0 : order > 0))
			ASOF_TRY(asof_build_slot_set(a->store, kept, a->column, row, err));
	}
	return ASOF_OK;
}

static enum asof_status
add_extremes(const struct adding *a, size_t offset, bool is_min, struct asof_error *err)
{
	if (offset == 0)
		return ASOF_OK;
	if (a->s->is_text)
		return add_texts(a, offset, is_min, err);
	add_numbers(a, offset, is_min);
	return ASOF_OK;
}

static bool
is_earlier(const struct asof_build_edge *a, const struct asof_build_edge *b)
{
	if (a->event_us != b->event_us)
		return a->event_us < b->event_us;
	if (a->created_us != b->created_us)
		return a->created_us < b->created_us;
	return a->order < b->order;
}

static enum asof_status
add_edges(const struct adding *a, size_t offset, bool is_first, struct asof_error *err)
{
	size_t width = asof_column_width(a->s->type);
	bool is_slot = a->s->is_text || asof_build_is_list(a->s->type);
	for (size_t i = 0; offset > 0 && i < a->count; i++) {
		struct asof_build_edge *kept = state_of(a, i, offset);
		size_t row = row_of(a, i);
		struct asof_build_edge edge = { .event_us = a->b->event_us[row],
						.created_us = a->b->created_us[row],
						.order = a->b->orders[row],
						.has_value = true };
		if (kept->has_value &&
		    !(is_first ? is_earlier(&edge, kept) : is_earlier(kept, &edge)))
			continue;
		edge.slot = kept->slot;
		if (is_slot)
			ASOF_TRY(asof_build_slot_set(a->store, &edge.slot, a->column, row, err));
		else
			memcpy(edge.bytes, (const char *)a->column->data + row * width, width);
		*kept = edge;
	}
	return ASOF_OK;
}

static enum asof_status
add_items(const struct adding *a, size_t offset, bool is_distinct, struct asof_error *err)
{
	struct asof_type type = a->s->type;
	const void *data = a->column->data;
	for (size_t i = 0; offset > 0 && i < a->count; i++) {
		char *item = NULL;
		size_t row = row_of(a, i);
		ASOF_TRY(
			push_item(a->s, a->store, state_of(a, i, offset), is_distinct, &item, err));
		if (a->s->is_text) {
			struct asof_str copy;
			ASOF_TRY(asof_build_store_text(
				a->store, ((const struct asof_str *)data)[row], &copy, err));
			memcpy(item, &copy, sizeof(copy));
		} else if (a->s->is_wide) {
			asof_build_wide value = wide_at(type, data, row);
			memcpy(item, &value, sizeof(value));
		} else {
			uint64_t value = asof_ordinal_at((enum asof_type_kind)type.kind, data, row);
			memcpy(item, &value, sizeof(value));
		}
	}
	return ASOF_OK;
}

enum asof_status
asof_build_states_add(const struct asof_build_states *s, struct asof_build_store *store,
		      const struct asof_build_batch *b, const struct asof_column *column,
		      struct asof_error *err)
{
	struct adding a = { .s = s, .store = store, .b = b, .column = column };
	for (size_t i = 0; i < b->count; i++) {
		if (asof_column_is_null(column, b->rows[i]))
			continue;
		b->valid[a.count++] = (uint32_t)i;
		int64_t *count = (void *)(b->records[i] + s->count);
		++*count;
	}
	if (s->sum > 0)
		ASOF_TRY(add_sums(&a, err));
	if (s->squares > 0)
		add_squares(&a);
	ASOF_TRY(add_extremes(&a, s->min, true, err));
	ASOF_TRY(add_extremes(&a, s->max, false, err));
	ASOF_TRY(add_edges(&a, s->first, true, err));
	ASOF_TRY(add_edges(&a, s->last, false, err));
	ASOF_TRY(add_items(&a, s->values, false, err));
	return add_items(&a, s->distinct, true, err);
}

/* ---- merging ---- */

static enum asof_status
merge_sums(const struct asof_build_states *s, char *into, const char *from, struct asof_error *err)
{
	asof_int128 *sum = (void *)(into + s->sum);
	struct asof_dd *dd = (void *)(into + s->sum);
	if (s->sum > 0 && s->is_float)
		*dd = asof_dd_add(*dd, *(const struct asof_dd *)(const void *)(from + s->sum));
	else if (s->sum > 0 && s->is_small)
		*(int64_t *)(void *)(into + s->sum) +=
			*(const int64_t *)(const void *)(from + s->sum);
	else if (s->sum > 0 &&
		 __builtin_add_overflow(*sum, *(const asof_int128 *)(const void *)(from + s->sum),
					sum))
		return too_large(err);

	asof_int128 *squares = (void *)(into + s->squares);
	dd = (void *)(into + s->squares);
	if (s->squares > 0 && s->is_small)
		*squares += *(const asof_int128 *)(const void *)(from + s->squares);
	else if (s->squares > 0)
		*dd = asof_dd_add(*dd, *(const struct asof_dd *)(const void *)(from + s->squares));
	return ASOF_OK;
}

static void
merge_extreme(const struct asof_build_states *s, size_t offset, bool is_min, char *into,
	      const char *from)
{
	struct asof_build_slot *slot = (void *)(into + offset);
	const struct asof_build_slot *other = (const void *)(from + offset);
	if (offset == 0)
		return;
	if (s->is_text) {
		struct asof_str left = { slot->ptr, slot->size };
		struct asof_str right = { other->ptr, other->size };
		int order = slot->ptr && other->ptr ? asof_str_compare(right, left) : 0;
		if (other->ptr && (!slot->ptr || (is_min ? order < 0 : order > 0)))
			*slot = *other;
	} else if (s->is_wide) {
		asof_build_wide *kept = (void *)(into + offset);
		asof_build_wide value = *(const asof_build_wide *)(const void *)(from + offset);
		*kept = value > *kept ? value : *kept;
	} else {
		uint64_t *kept = (void *)(into + offset);
		uint64_t value = *(const uint64_t *)(const void *)(from + offset);
		*kept = value > *kept ? value : *kept;
	}
}

static void
merge_edge(size_t offset, bool is_first, char *into, const char *from)
{
	struct asof_build_edge *kept = (void *)(into + offset);
	const struct asof_build_edge *other = (const void *)(from + offset);
	if (offset == 0 || !other->has_value)
		return;
	if (!kept->has_value || (is_first ? is_earlier(other, kept) : is_earlier(kept, other)))
		*kept = *other;
}

enum asof_status
asof_build_states_merge(const struct asof_build_states *s, struct asof_build_store *store,
			char *into, const char *from, struct asof_error *err)
{
	*(int64_t *)(void *)(into + s->count) += *(const int64_t *)(const void *)(from + s->count);
	ASOF_TRY(merge_sums(s, into, from, err));
	merge_extreme(s, s->min, true, into, from);
	merge_extreme(s, s->max, false, into, from);
	merge_edge(s->first, true, into, from);
	merge_edge(s->last, false, into, from);
	if (s->values > 0)
		ASOF_TRY(append_list(s, store, (void *)(into + s->values),
				     (const void *)(from + s->values), err));
	if (s->distinct > 0)
		ASOF_TRY(append_list(s, store, (void *)(into + s->distinct),
				     (const void *)(from + s->distinct), err));
	return ASOF_OK;
}

void
asof_build_states_seal(const struct asof_build_states *s, char *tile)
{
	if (s->values > 0)
		sort_list(s, (void *)(tile + s->values), false);
	if (s->distinct > 0)
		sort_list(s, (void *)(tile + s->distinct), true);
}
