/* tile_build_tiles.c - tiles of a stepped view: found by entity and END, merged, read. */
#include "kernel/tile_build_impl.h"
#include "model/duration.h"

#define GROUP     64 /* rows looked up at once, so that memory is waited for together */
#define ALIGNMENT 16

struct wanted {
	uint64_t hash;
	int64_t end_us;
	int64_t apart_us; /* when it was created, with is_apart */
	uint32_t entity;
	bool is_apart;
};

static void
add_place(size_t *width, size_t size, size_t *ret_offset)
{
	size_t alignment = size < ALIGNMENT ? sizeof(uint64_t) : ALIGNMENT;
	*ret_offset = (*width + alignment - 1) / alignment * alignment;
	*width = *ret_offset + size;
}

static void
describe_column(struct asof_build_states *s, const struct asof_tile_column *column)
{
	uint8_t kind = column->type.kind;
	s->type = column->type;
	s->is_float = kind == ASOF_TYPE_FLOAT32 || kind == ASOF_TYPE_FLOAT64;
	s->is_small = kind == ASOF_TYPE_INT32 || kind == ASOF_TYPE_BOOL;
	s->is_text = asof_build_is_text(column->type);
	s->is_wide = kind == ASOF_TYPE_DECIMAL || kind == ASOF_TYPE_UUID;
}

/* States of 8 bytes or, where `is_large`, of 16 and more. */
static void
place_states(struct asof_build_states *s, const struct asof_tile_column *column, bool is_large,
	     size_t *width)
{
	bool is_ordinal = !s->is_text && !s->is_wide;
	size_t extreme = is_ordinal ? sizeof(uint64_t) : sizeof(struct asof_build_slot);
	const struct {
		enum asof_state_kind kind;
		size_t size;
		size_t *offset;
	} places[] = {
		{ ASOF_STATE_SUM, s->is_small ? sizeof(int64_t) : sizeof(asof_int128), &s->sum },
		{ ASOF_STATE_SQUARES, sizeof(asof_int128), &s->squares },
		{ ASOF_STATE_MIN, extreme, &s->min },
		{ ASOF_STATE_MAX, extreme, &s->max },
		{ ASOF_STATE_FIRST, sizeof(struct asof_build_edge), &s->first },
		{ ASOF_STATE_LAST, sizeof(struct asof_build_edge), &s->last },
		{ ASOF_STATE_VALUES, sizeof(struct asof_build_list), &s->values },
		{ ASOF_STATE_DISTINCT, sizeof(struct asof_build_list), &s->distinct },
	};
	if (!is_large)
		add_place(width, sizeof(int64_t), &s->count);
	for (size_t i = 0; i < ASOF_COUNTOF(places); i++) {
		if (column->state[places[i].kind] != SIZE_MAX &&
		    is_large == (places[i].size >= ALIGNMENT))
			add_place(width, places[i].size, places[i].offset);
	}
}

enum asof_status
asof_build_tiles_init(struct asof_build_tiles *tiles, const struct asof_tile_build_options *options,
		      struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_tile_layout *layout = options->layout;
	tiles->layout = layout;
	tiles->step_us = options->view->step_us;
	tiles->has_created = options->view->source->created_time.text != NULL;
	tiles->columns = asof_arena_array(arena, layout->column_count, sizeof(*tiles->columns));
	if (!tiles->columns)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", layout->column_count);
	/* Small ones first: nothing is lost between them. */
	tiles->width = sizeof(struct asof_build_tile);
	for (size_t i = 0; i < layout->column_count; i++) {
		describe_column(&tiles->columns[i], &layout->columns[i]);
		place_states(&tiles->columns[i], &layout->columns[i], false, &tiles->width);
	}
	bool is_aligned = false;
	for (size_t i = 0; i < layout->column_count; i++) {
		size_t before = tiles->width;
		place_states(&tiles->columns[i], &layout->columns[i], true, &tiles->width);
		is_aligned = is_aligned || tiles->width > before;
	}
	if (is_aligned)
		tiles->width = (tiles->width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return ASOF_OK;
}

/* ---- finding ---- */

/* An event created outside of its step stands in a tile of those created then. */
static struct wanted
wanted_tile(const struct asof_build_tiles *tiles, const struct asof_build_batch *b, size_t i)
{
	uint32_t row = b->rows[i];
	struct wanted w = { .entity = b->entities[i] };
	w.end_us = asof_step_end(b->event_us[row], tiles->step_us);
	if (tiles->has_created) {
		int64_t created_us = b->created_us[row];
		if (created_us > w.end_us || created_us <= w.end_us - tiles->step_us)
			w.is_apart = true;
		if (w.is_apart)
			w.apart_us = created_us;
	}
	w.hash = asof_build_mix(asof_build_mix(b->hashes[i], (uint64_t)w.end_us),
				(uint64_t)w.apart_us + w.is_apart);
	return w;
}

static struct asof_build_tile *
find_tile(const struct asof_build_tiles *tiles, struct asof_build_part *part,
	  const struct wanted *w)
{
	uint64_t *slots = part->tile_slots.data;
	uint64_t tag = asof_build_tag(w->hash);
	size_t at = w->hash & (part->tile_slot_count - 1);
	for (; slots[at]; at = (at + 1) & (part->tile_slot_count - 1)) {
		size_t number = (uint32_t)slots[at] - 1;
		struct asof_build_tile *tile =
			(void *)((char *)part->records.data + number * tiles->width);
		if (((slots[at] ^ tag) >> 32) == 0 && tile->entity == w->entity &&
		    tile->end_us == w->end_us && tile->is_apart == w->is_apart &&
		    (!w->is_apart || tile->created_us == w->apart_us))
			return tile;
	}
	struct asof_build_tile *made =
		(void *)((char *)part->records.data + part->record_count * tiles->width);
	*made = (struct asof_build_tile){ .hash = w->hash,
					  .end_us = w->end_us,
					  .created_us = w->is_apart ? w->apart_us : INT64_MIN,
					  .last_us = INT64_MIN,
					  .entity = w->entity,
					  .is_apart = w->is_apart };
	part->record_count++;
	slots[at] = tag | part->record_count;
	return made;
}

void
asof_build_tiles_find(const struct asof_build_tiles *tiles, struct asof_build_part *parts,
		      const struct asof_build_batch *b)
{
	struct wanted wanted[GROUP];
	for (size_t begin = 0; begin < b->count; begin += GROUP) {
		size_t count = b->count - begin < GROUP ? b->count - begin : GROUP;
		for (size_t i = 0; i < count; i++) {
			wanted[i] = wanted_tile(tiles, b, begin + i);
			const struct asof_build_part *part =
				&parts[asof_build_part_of(b->hashes[begin + i])];
			size_t at = wanted[i].hash & (part->tile_slot_count - 1);
			__builtin_prefetch((const uint64_t *)part->tile_slots.data + at);
		}
		for (size_t i = 0; i < count; i++) {
			struct asof_build_part *part =
				&parts[asof_build_part_of(b->hashes[begin + i])];
			b->records[begin + i] = (void *)find_tile(tiles, part, &wanted[i]);
		}
	}
}

/* ---- adding ---- */

enum asof_status
asof_build_tiles_add(const struct asof_build_tiles *tiles, struct asof_build_worker *worker,
		     const struct asof_build_batch *b, struct asof_error *err)
{
	for (size_t i = 0; i < b->count; i++) {
		struct asof_build_tile *tile = (void *)b->records[i];
		uint32_t row = b->rows[i];
		tile->rows++;
		if (b->created_us[row] > tile->created_us)
			tile->created_us = b->created_us[row];
		if (b->event_us[row] > tile->last_us)
			tile->last_us = b->event_us[row];
	}
	for (size_t i = 0; i < tiles->layout->column_count; i++)
		ASOF_TRY(asof_build_states_add(&tiles->columns[i], &worker->store, b, &b->values[i],
					       err));
	return ASOF_OK;
}

/* ---- merging workers' parts ---- */

enum asof_status
asof_build_tiles_merge(const struct asof_build_tiles *tiles, struct asof_build_store *store,
		       struct asof_build_part *into, struct asof_build_part *from,
		       const uint32_t *remap, struct asof_error *err)
{
	for (size_t i = 0; i < from->record_count; i++) {
		const struct asof_build_tile *tile =
			(void *)((char *)from->records.data + i * tiles->width);
		size_t before = into->record_count;
		struct wanted w = { .hash = tile->hash,
				    .end_us = tile->end_us,
				    .apart_us = tile->is_apart ? tile->created_us : 0,
				    .entity = remap[tile->entity],
				    .is_apart = tile->is_apart };
		struct asof_build_tile *to = find_tile(tiles, into, &w);
		if (into->record_count > before) {
			memcpy(to, tile, tiles->width);
			to->entity = w.entity;
			continue;
		}
		to->rows += tile->rows;
		if (tile->created_us > to->created_us)
			to->created_us = tile->created_us;
		if (tile->last_us > to->last_us)
			to->last_us = tile->last_us;
		for (size_t c = 0; c < tiles->layout->column_count; c++)
			ASOF_TRY(asof_build_states_merge(&tiles->columns[c], store, (char *)to,
							 (const char *)tile, err));
	}
	return ASOF_OK;
}

/* By created time; of one entity and END. */
int
asof_build_tiles_compare(const void *context, const char *a, const char *b)
{
	const struct asof_build_tile *left = (const void *)a;
	const struct asof_build_tile *right = (const void *)b;
	(void)context;
	return (left->created_us > right->created_us) - (left->created_us < right->created_us);
}

void
asof_build_tiles_seal(const struct asof_build_tiles *tiles, char *tile)
{
	for (size_t i = 0; i < tiles->layout->column_count; i++)
		asof_build_states_seal(&tiles->columns[i], tile);
}

/* ---- reading ---- */

static void
read_head(const char *const *list, const struct asof_build_piece *piece, size_t offset,
	  size_t column, struct asof_block *block)
{
	int64_t *out = (int64_t *)block->data[column] + piece->first;
	for (size_t i = 0; i < piece->count; i++)
		memcpy(&out[i], list[i] + offset, sizeof(out[i]));
	asof_build_mark(block->validity[column], piece->first, piece->count);
}

enum asof_status
asof_build_tiles_read(const struct asof_build_tiles *tiles, const struct asof_build_result *result,
		      const struct asof_build_piece *piece, struct asof_block *block,
		      struct asof_error *err)
{
	const char *const *list = result->tiles + piece->at;
	size_t column = piece->column;
	read_head(list, piece, offsetof(struct asof_build_tile, end_us), column++, block);
	read_head(list, piece, offsetof(struct asof_build_tile, created_us), column++, block);
	for (size_t i = 0; i < tiles->layout->state_count; i++, column++) {
		const struct asof_state *state = &tiles->layout->states[i];
		if (state->kind == ASOF_STATE_ROWS)
			read_head(list, piece, offsetof(struct asof_build_tile, rows), column,
				  block);
		else
			ASOF_TRY(asof_build_states_read(&tiles->columns[state->column], state->kind,
							list, piece, column, block, err));
	}
	read_head(list, piece, offsetof(struct asof_build_tile, last_us), column, block);
	return ASOF_OK;
}
