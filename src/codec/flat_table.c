/* flat_table.c - tables, vectors and texts of a FlatBuffer, front to back. */
#include "codec/flat_table.h"

#include <assert.h>

static size_t
position(const struct asof_flat *flat)
{
	return flat->buf->len - flat->begin;
}

static void
align(struct asof_flat *flat, size_t to, size_t rest)
{
	static const char zeros[8];
	size_t over = (position(flat) + to - rest) % to;
	asof_buf_add(flat->buf, zeros, over == 0 ? 0 : to - over);
}

/* Little-endian, as this machine is. */
static void
add_number(struct asof_flat *flat, uint64_t value, size_t size)
{
	asof_buf_add(flat->buf, &value, size);
}

struct asof_flat
asof_flat_begin(struct asof_buf *buf)
{
	struct asof_flat flat = { buf, buf->len };
	add_number(&flat, 0, 4);
	return flat;
}

/* The widest first, so that none needs filling. Returns the table's length. */
static size_t
place_slots(struct asof_flat_slot *slots, size_t slot_count)
{
	size_t used = sizeof(int32_t);
	for (unsigned size = 8; size > 0; size /= 2) {
		for (size_t i = 0; i < slot_count; i++) {
			if (slots[i].size != size)
				continue;
			slots[i].at = used;
			used += size;
		}
	}
	return used;
}

size_t
asof_flat_table(struct asof_flat *flat, struct asof_flat_slot *slots, size_t slot_count)
{
	assert(slot_count <= ASOF_FLAT_SLOTS_MAX);
	size_t table_len = place_slots(slots, slot_count);
	size_t vtable_len = 2 * (2 + slot_count);
	/* The table begins four behind a multiple of eight: its widest slots are aligned. */
	align(flat, 8, (8 + 4 - vtable_len % 8) % 8);
	add_number(flat, vtable_len, 2);
	add_number(flat, table_len, 2);
	for (size_t i = 0; i < slot_count; i++)
		add_number(flat, slots[i].size > 0 ? slots[i].at : 0, 2);
	size_t table = position(flat);
	add_number(flat, vtable_len, 4);
	for (unsigned size = 8; size > 0; size /= 2) {
		for (size_t i = 0; i < slot_count; i++) {
			if (slots[i].size != size)
				continue;
			slots[i].at = position(flat);
			add_number(flat, slots[i].value, size);
		}
	}
	return table;
}

size_t
asof_flat_text(struct asof_flat *flat, const char *text)
{
	align(flat, 4, 0);
	size_t at = position(flat);
	size_t len = strlen(text);
	add_number(flat, len, 4);
	asof_buf_add(flat->buf, text, len + 1);
	return at;
}

size_t
asof_flat_offsets(struct asof_flat *flat, size_t count, size_t *ret_first)
{
	align(flat, 4, 0);
	size_t at = position(flat);
	add_number(flat, count, 4);
	*ret_first = position(flat);
	for (size_t i = 0; i < count; i++)
		add_number(flat, 0, 4);
	return at;
}

size_t
asof_flat_pairs(struct asof_flat *flat, const struct asof_flat_pair *pairs, size_t count)
{
	align(flat, 8, 4);
	size_t at = position(flat);
	add_number(flat, count, 4);
	asof_buf_add(flat->buf, pairs, count * sizeof(*pairs));
	return at;
}

void
asof_flat_point(struct asof_flat *flat, size_t at, size_t target)
{
	if (asof_buf_status(flat->buf, NULL) != ASOF_OK)
		return;
	assert(target > at);
	uint32_t offset = (uint32_t)(target - at);
	memcpy(flat->buf->ptr + flat->begin + at, &offset, sizeof(offset));
}

size_t
asof_flat_end(struct asof_flat *flat)
{
	align(flat, 8, 0);
	return position(flat);
}
