/* tile_build_memory.c - memory of a build, counted; texts and lists; sorting. */
#include "kernel/tile_build_impl.h"
#include "model/hash.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define CACHE_TEXTS 1024
#define ALIGNMENT   16

static enum asof_status
count_bytes(struct asof_build_memory *memory, size_t more, struct asof_error *err)
{
	uint64_t used = atomic_fetch_add(&memory->used_bytes, more) + more;
	if (memory->max_bytes == 0 || used <= memory->max_bytes)
		return ASOF_OK;
	atomic_fetch_sub(&memory->used_bytes, more);
	return ASOF_FAIL(err, ASOF_LIMIT, "what is built takes more than %zu bytes",
			 (size_t)memory->max_bytes);
}

enum asof_status
asof_build_reserve(struct asof_build_memory *memory, struct asof_build_array *array,
		   size_t need_bytes, struct asof_error *err)
{
	size_t old = array->room_bytes;
	if (need_bytes <= old)
		return ASOF_OK;
	size_t room = old + (old < CHUNK_BYTES ? old : old / 4);
	if (room < need_bytes)
		room = need_bytes;
	ASOF_TRY(count_bytes(memory, room - old, err));
	/* A fresh large array comes zeroed from the system; nothing is written to it. */
	char *data = old == 0 ? asof_mem_alloc(room) : asof_mem_resize(array->data, room);
	if (!data) {
		atomic_fetch_sub(&memory->used_bytes, room - old);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", room);
	}
	if (old > 0)
		memset(data + old, 0, room - old);
	array->data = data;
	array->room_bytes = room;
	return ASOF_OK;
}

void
asof_build_release(struct asof_build_memory *memory, struct asof_build_array *array)
{
	asof_mem_free(array->data);
	atomic_fetch_sub(&memory->used_bytes, array->room_bytes);
	*array = (struct asof_build_array){ 0 };
}

/* ---- what stays ---- */

struct asof_build_chunk {
	struct asof_build_chunk *next;
	size_t used;
	size_t room;
	size_t counted; /* bytes of it all */
	char data[];
};
_Static_assert(sizeof(struct asof_build_chunk) % ALIGNMENT == 0, "chunks keep alignment");

void
asof_build_store_done(struct asof_build_store *store)
{
	while (store->chunks) {
		struct asof_build_chunk *next = store->chunks->next;
		atomic_fetch_sub(&store->memory->used_bytes, store->chunks->counted);
		asof_mem_free(store->chunks);
		store->chunks = next;
	}
	asof_mem_free(store->cache);
	store->cache = NULL;
}

/* Room for `size` in the newest chunk; a large piece gets a chunk of its own behind it. */
static enum asof_status
add_chunk(struct asof_build_store *store, size_t size, struct asof_build_chunk **ret_chunk,
	  struct asof_error *err)
{
	bool is_alone = size > CHUNK_BYTES / 4;
	size_t room = is_alone ? size : CHUNK_BYTES - sizeof(struct asof_build_chunk);
	size_t all = sizeof(struct asof_build_chunk) + room;
	ASOF_TRY(count_bytes(store->memory, all, err));
	struct asof_build_chunk *chunk = asof_mem_alloc(all);
	if (!chunk) {
		atomic_fetch_sub(&store->memory->used_bytes, all);
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", all);
	}
	chunk->room = room;
	chunk->counted = all;
	if (is_alone && store->chunks) {
		chunk->next = store->chunks->next;
		store->chunks->next = chunk;
	} else {
		chunk->next = store->chunks;
		store->chunks = chunk;
	}
	*ret_chunk = chunk;
	return ASOF_OK;
}

static enum asof_status
take_bytes(struct asof_build_store *store, size_t size, size_t alignment, char **ret_ptr,
	   struct asof_error *err)
{
	struct asof_build_chunk *chunk = store->chunks;
	if (size > PTRDIFF_MAX / 2)
		return ASOF_FAIL(err, ASOF_LIMIT, "a value of %zu bytes", size);
	size_t at = chunk ? (chunk->used + alignment - 1) / alignment * alignment : 0;
	if (!chunk || at > chunk->room || size > chunk->room - at) {
		ASOF_TRY(add_chunk(store, size, &chunk, err));
		at = 0;
	}
	chunk->used = at + size;
	*ret_ptr = chunk->data + at;
	return ASOF_OK;
}

enum asof_status
asof_build_store_alloc(struct asof_build_store *store, size_t size, char **ret_ptr,
		       struct asof_error *err)
{
	return take_bytes(store, size, ALIGNMENT, ret_ptr, err);
}

enum asof_status
asof_build_store_text(struct asof_build_store *store, struct asof_str text,
		      struct asof_str *ret_copy, struct asof_error *err)
{
	if (text.len == 0) {
		*ret_copy = (struct asof_str){ "", 0 };
		return ASOF_OK;
	}
	if (!store->cache)
		store->cache = asof_mem_alloc(CACHE_TEXTS * sizeof(*store->cache));
	if (!store->cache)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "texts");

	struct asof_str *cached = &store->cache[asof_hash64(text) % CACHE_TEXTS];
	if (!asof_str_equal(*cached, text)) {
		char *copy = NULL;
		ASOF_TRY(take_bytes(store, text.len, 1, &copy, err));
		memcpy(copy, text.ptr, text.len);
		*cached = (struct asof_str){ copy, text.len };
	}
	*ret_copy = *cached;
	return ASOF_OK;
}

/* ---- texts and lists in one piece ---- */

/* Then words of validity, the items, and what texts there are among them. */
struct packed_list {
	uint64_t count;
	uint64_t text_bytes;
};

static size_t
validity_words(size_t count)
{
	return (count + 63) / 64;
}

/* Where items begin: aligned to 16. */
static size_t
items_offset(size_t count)
{
	size_t bytes = sizeof(struct packed_list) + validity_words(count) * sizeof(uint64_t);
	return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t
list_size(const struct asof_column *child, struct asof_span span)
{
	size_t size = items_offset(span.length) + span.length * asof_column_width(child->type);
	for (size_t i = 0; asof_build_is_text(child->type) && i < span.length; i++) {
		if (!asof_column_is_null(child, span.offset + i))
			size += ((const struct asof_str *)child->data)[span.offset + i].len;
	}
	return size;
}

static void
pack_list(char *ptr, const struct asof_column *child, struct asof_span span)
{
	size_t width = asof_column_width(child->type);
	struct packed_list *list = (struct packed_list *)ptr;
	uint64_t *validity = (uint64_t *)(list + 1);
	char *items = ptr + items_offset(span.length);
	char *text = items + span.length * width;
	list->count = span.length;
	memset(validity, 0, validity_words(span.length) * sizeof(*validity));
	if (span.length > 0)
		memcpy(items, (const char *)child->data + span.offset * width, span.length * width);
	for (size_t i = 0; i < span.length; i++) {
		if (asof_column_is_null(child, span.offset + i))
			continue;
		validity[i / 64] |= UINT64_C(1) << (i % 64);
		if (!asof_build_is_text(child->type))
			continue;
		struct asof_str *str = &((struct asof_str *)items)[i];
		if (str->len > 0)
			memcpy(text, str->ptr, str->len);
		str->ptr = text;
		text += str->len;
	}
}

enum asof_status
asof_build_slot_set(struct asof_build_store *store, struct asof_build_slot *slot,
		    const struct asof_column *column, size_t row, struct asof_error *err)
{
	bool is_list = asof_build_is_list(column->type);
	struct asof_str text = { NULL, 0 };
	struct asof_span span = { 0, 0 };
	if (is_list)
		span = ((const struct asof_span *)column->data)[row];
	else
		text = ((const struct asof_str *)column->data)[row];
	size_t size = is_list ? list_size(column->child, span) : text.len;
	if (size > UINT32_MAX / 2)
		return ASOF_FAIL(err, ASOF_LIMIT, "a value of %zu bytes", size);
	if (size > slot->room || !slot->ptr) {
		size_t room = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
		ASOF_TRY(asof_build_store_alloc(store, room, &slot->ptr, err));
		slot->room = (uint32_t)room;
	}
	slot->size = (uint32_t)size;
	if (is_list)
		pack_list(slot->ptr, column->child, span);
	else if (size > 0)
		memcpy(slot->ptr, text.ptr, size);
	return ASOF_OK;
}

enum asof_status
asof_build_slot_read(const struct asof_build_slot *slot, struct asof_block *block, size_t column,
		     size_t row, struct asof_error *err)
{
	if (!asof_build_is_list(block->columns[column].type)) {
		((struct asof_str *)block->data[column])[row] =
			(struct asof_str){ slot->ptr, slot->size };
		asof_block_mark(block, column, row);
		return ASOF_OK;
	}
	const struct packed_list *list = (const struct packed_list *)slot->ptr;
	const uint64_t *validity = (const uint64_t *)(list + 1);
	size_t first = 0;
	ASOF_TRY(asof_block_add_list(block, column, row, list->count, &first, err));
	struct asof_block_items *items = &block->items[column];
	size_t width = asof_column_width(items->column.type);
	if (list->count > 0)
		memcpy((char *)items->data + first * width, slot->ptr + items_offset(list->count),
		       list->count * width);
	for (size_t i = 0; i < list->count; i++) {
		if (!(validity[i / 64] >> (i % 64) & 1))
			items->validity[(first + i) / 64] &= ~(UINT64_C(1) << ((first + i) % 64));
	}
	return ASOF_OK;
}

/* ---- sorting ---- */

static bool
is_after(const struct asof_build_item *a, const struct asof_build_item *b, asof_build_tie_fn *tie,
	 const void *context)
{
	if (a->first != b->first)
		return a->first > b->first;
	return tie && tie(context, a->rec, b->rec) > 0;
}

static size_t
run_end(const struct asof_build_item *items, size_t at, size_t count, asof_build_tie_fn *tie,
	const void *context)
{
	size_t end = at + 1;
	while (end < count && !is_after(&items[end - 1], &items[end], tie, context))
		end++;
	return end;
}

static void
merge_runs(const struct asof_build_item *items, size_t begin, size_t middle, size_t end,
	   struct asof_build_item *out, asof_build_tie_fn *tie, const void *context)
{
	size_t left = begin;
	size_t right = middle;
	for (size_t i = begin; i < end; i++) {
		bool takes_right =
			left == middle ||
			(right < end && is_after(&items[left], &items[right], tie, context));
		out[i] = items[takes_right ? right++ : left++];
	}
}

/* Natural merge sort: each pass merges neighbouring runs, until there is one. */
void
asof_build_sort(struct asof_build_item *items, struct asof_build_item *spare, size_t count,
		asof_build_tie_fn *tie, const void *context)
{
	struct asof_build_item *from = items;
	struct asof_build_item *to = spare;
	while (count > 0 && run_end(from, 0, count, tie, context) < count) {
		for (size_t at = 0; at < count;) {
			size_t middle = run_end(from, at, count, tie, context);
			size_t end = middle < count ? run_end(from, middle, count, tie, context)
						    : middle;
			merge_runs(from, at, middle, end, to, tie, context);
			at = end;
		}
		struct asof_build_item *swap = from;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
}
