/*
 * tile_build_finish.c - what workers took, part by part made one and sorted; then the order of all
 * entities.
 *
 * A part holds the same entities whoever took them, so parts are finished independently. Within an
 * entity rows are sorted by time; entities only at the end, over all parts.
 */
#include "kernel/tile_build_finish.h"

#include "base/workers.h"

#define START_BITS 56

/* A part under way. */
struct finishing {
	struct asof_tile_build *build;
	struct asof_build_worker *by;
	size_t part;
	struct asof_build_part *into;   /* worker 0's, which takes in the others' entities */
	struct asof_build_array remaps; /* uint32_t: entities of the workers from 1 on, one after
					   the other */
	struct asof_build_array starts; /* uint64_t per entity */
	struct asof_build_array items;  /* twice the rows: to sort with */
};

static void
finishing_done(struct finishing *f)
{
	asof_build_release(&f->build->memory, &f->remaps);
	asof_build_release(&f->build->memory, &f->starts);
	asof_build_release(&f->build->memory, &f->items);
}

static struct asof_build_part *
part_of(const struct finishing *f, unsigned worker)
{
	return &f->build->workers[worker].parts[f->part];
}

static enum asof_status
merge_entities(struct finishing *f, struct asof_error *err)
{
	const struct asof_build_keys *keys = &f->build->keys;
	size_t more = 0;
	for (unsigned w = 1; w < f->build->worker_count; w++)
		more += part_of(f, w)->entity_count;
	if (more == 0)
		return ASOF_OK;
	ASOF_TRY(asof_build_reserve_entities(&f->build->memory, keys, f->into, more, err));
	ASOF_TRY(asof_build_reserve(&f->build->memory, &f->remaps, more * sizeof(uint32_t), err));
	uint32_t *remap = f->remaps.data;
	for (unsigned w = 1; w < f->build->worker_count; w++) {
		const struct asof_build_part *part = part_of(f, w);
		const char *entity = part->entities.data;
		for (size_t i = 0; i < part->entity_count; i++, entity += keys->width)
			*remap++ = asof_build_merge_entity(keys, f->into, entity);
	}
	return ASOF_OK;
}

/* ---- rows ---- */

static uint32_t
entity_of(const char *record)
{
	uint32_t entity;
	memcpy(&entity, record, sizeof(entity));
	return entity;
}

static int64_t
event_of(const struct finishing *f, const char *record)
{
	int64_t event_us;
	memcpy(&event_us, record + f->build->rows.event_offset, sizeof(event_us));
	return event_us;
}

/* All records of the part: counted by entity (out NULL), then each put where its entity stands. */
static void
place_records(struct finishing *f, struct asof_build_item *out)
{
	size_t width = f->build->rows.width;
	uint64_t *starts = f->starts.data;
	const uint32_t *remap = f->remaps.data;
	for (unsigned w = 0; w < f->build->worker_count; w++) {
		const struct asof_build_part *part = part_of(f, w);
		const char *record = part->records.data;
		for (size_t i = 0; i < part->record_count; i++, record += width) {
			uint32_t entity = entity_of(record);
			if (w > 0)
				entity = remap[entity];
			if (!out)
				starts[entity]++;
			else
				out[starts[entity]++] =
					(struct asof_build_item){ event_of(f, record), record };
		}
		if (w > 0 && part->entity_count > 0)
			remap += part->entity_count;
	}
}

/* ---- tiles ---- */

static enum asof_status
merge_tiles(struct finishing *f, struct asof_error *err)
{
	struct asof_tile_build *build = f->build;
	size_t width = build->tiles.width;
	size_t need = f->into->record_count;
	const uint32_t *remap = f->remaps.data;
	for (unsigned w = 1; w < build->worker_count; w++)
		need += part_of(f, w)->record_count;
	if (need > f->into->record_count) {
		ASOF_TRY(asof_build_reserve(&build->memory, &f->into->records, need * width, err));
		ASOF_TRY(asof_build_reserve_slots(
			&build->memory, &f->into->tile_slots, &f->into->tile_slot_count, need,
			&f->into->records, f->into->record_count, width, err));
	}
	for (unsigned w = 1; w < build->worker_count; w++) {
		struct asof_build_part *part = part_of(f, w);
		if (part->entity_count == 0)
			continue;
		ASOF_TRY(asof_build_tiles_merge(&build->tiles, &f->by->store, f->into, part, remap,
						err));
		remap += part->entity_count;
		asof_build_release(&build->memory, &part->records);
		asof_build_release(&build->memory, &part->tile_slots);
	}
	asof_build_release(&build->memory, &f->into->tile_slots);
	return ASOF_OK;
}

static void
place_tiles(struct finishing *f, struct asof_build_item *out)
{
	uint64_t *starts = f->starts.data;
	char *record = f->into->records.data;
	for (size_t i = 0; i < f->into->record_count; i++, record += f->build->tiles.width) {
		const struct asof_build_tile *tile = (const void *)record;
		if (!out) {
			starts[tile->entity]++;
			asof_build_tiles_seal(&f->build->tiles, record);
		} else {
			out[starts[tile->entity]++] =
				(struct asof_build_item){ tile->end_us, record };
		}
	}
}

static enum asof_status
list_tiles(struct finishing *f, const struct asof_build_item *items, struct asof_error *err)
{
	struct asof_build_result *result = &f->build->results[f->part];
	ASOF_TRY(asof_build_reserve(&f->build->memory, &result->tiles_memory,
				    result->row_count * sizeof(*result->tiles), err));
	result->tiles = result->tiles_memory.data;
	for (size_t i = 0; i < result->row_count; i++)
		result->tiles[i] = items[i].rec;
	return ASOF_OK;
}

/* ---- both ---- */

static void
place_all(struct finishing *f, struct asof_build_item *out)
{
	if (f->build->is_tiled)
		place_tiles(f, out);
	else
		place_records(f, out);
}

static void
sort_entity(const struct finishing *f, struct asof_build_item *items, struct asof_build_item *spare,
	    size_t count)
{
	if (f->build->is_tiled)
		asof_build_sort(items, spare, count, asof_build_tiles_compare, &f->build->tiles);
	else
		asof_build_sort(items, spare, count, asof_build_rows_compare, &f->build->rows);
}

/* Part and first row of an entity are kept in place of its hash. */
static void
note_place(const struct finishing *f, size_t entity, uint64_t start)
{
	char *record = (char *)f->into->entities.data + entity * f->build->keys.width;
	uint64_t place = (uint64_t)f->part << START_BITS | start;
	memcpy(record, &place, sizeof(place));
}

/* Rows by entity, each one's by time. */
static enum asof_status
order_rows(struct finishing *f, struct asof_error *err)
{
	struct asof_build_result *result = &f->build->results[f->part];
	size_t entity_count = f->into->entity_count;
	ASOF_TRY(asof_build_reserve(&f->build->memory, &f->starts,
				    (entity_count + 1) * sizeof(uint64_t), err));
	uint64_t *starts = f->starts.data;
	place_all(f, NULL);
	for (size_t e = 0; e < entity_count; e++) {
		uint64_t count = starts[e];
		starts[e] = result->row_count;
		note_place(f, e, starts[e]);
		result->row_count += count;
	}
	ASOF_TRY(asof_build_reserve(&f->build->memory, &f->items,
				    2 * result->row_count * sizeof(struct asof_build_item), err));
	struct asof_build_item *items = f->items.data;
	place_all(f, items);
	uint64_t begin = 0;
	for (size_t e = 0; e < entity_count; e++) {
		sort_entity(f, items + begin, items + result->row_count, starts[e] - begin);
		begin = starts[e];
	}
	return ASOF_OK;
}

static void
release_records(struct finishing *f)
{
	for (unsigned w = 0; w < f->build->worker_count; w++) {
		struct asof_build_part *part = part_of(f, w);
		asof_build_release(&f->build->memory, &part->slots);
		if (!f->build->is_tiled)
			asof_build_release(&f->build->memory, &part->records);
		if (w > 0)
			asof_build_release(&f->build->memory, &part->entities);
	}
}

static enum asof_status
finish_part(struct asof_tile_build *build, struct asof_build_worker *by, size_t part,
	    struct asof_error *err)
{
	ASOF_AUTO(finishing_done)
	struct finishing f = {
		.build = build, .by = by, .part = part, .into = &build->workers[0].parts[part]
	};
	ASOF_TRY(merge_entities(&f, err));
	if (f.into->entity_count == 0)
		return ASOF_OK;
	if (build->is_tiled)
		ASOF_TRY(merge_tiles(&f, err));
	ASOF_TRY(order_rows(&f, err));
	if (build->is_tiled)
		ASOF_TRY(list_tiles(&f, f.items.data, err));
	else
		ASOF_TRY(asof_build_rows_finish(&build->rows, &build->memory, f.items.data,
						&build->results[part], err));
	release_records(&f);
	return ASOF_OK;
}

static enum asof_status
finish_parts(void *arg, unsigned worker, struct asof_error *err)
{
	struct asof_tile_build *build = arg;
	for (;;) {
		size_t part = atomic_fetch_add(&build->next_part, 1);
		if (part >= ASOF_BUILD_PARTS)
			return ASOF_OK;
		ASOF_TRY(finish_part(build, &build->workers[worker], part, err));
	}
}

/* ---- entities in the order of their keys ---- */

struct entity_list {
	struct asof_build_memory *memory;
	struct asof_build_array items;
};

static void
entity_list_done(struct entity_list *list)
{
	asof_build_release(list->memory, &list->items);
}

static void
list_entities(const struct asof_tile_build *build, struct asof_build_item *items)
{
	for (size_t p = 0; p < ASOF_BUILD_PARTS; p++) {
		const struct asof_build_part *part = &build->workers[0].parts[p];
		const char *entity = part->entities.data;
		for (size_t i = 0; i < part->entity_count; i++, entity += build->keys.width)
			*items++ = (struct asof_build_item){
				asof_build_key_prefix(&build->keys, entity), entity
			};
	}
}

static struct asof_build_group
group_of(const struct asof_tile_build *build, const char *entity)
{
	uint64_t place;
	memcpy(&place, entity, sizeof(place));
	struct asof_build_group group = { .at = place & ((UINT64_C(1) << START_BITS) - 1),
					  .entity = entity,
					  .part = place >> START_BITS };
	const struct asof_build_part *part = &build->workers[0].parts[group.part];
	const char *next = entity + build->keys.width;
	uint64_t end = build->results[group.part].row_count;
	if (next < (const char *)part->entities.data + part->entity_count * build->keys.width) {
		memcpy(&end, next, sizeof(end));
		end &= (UINT64_C(1) << START_BITS) - 1;
	}
	group.count = end - group.at;
	return group;
}

static enum asof_status
order_entities(struct asof_tile_build *build, struct asof_error *err)
{
	ASOF_AUTO(entity_list_done) struct entity_list list = { .memory = &build->memory };
	size_t count = 0;
	for (size_t p = 0; p < ASOF_BUILD_PARTS; p++)
		count += build->workers[0].parts[p].entity_count;
	if (count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_build_reserve(&build->memory, &list.items,
				    2 * count * sizeof(struct asof_build_item), err));
	ASOF_TRY(asof_build_reserve(&build->memory, &build->groups_memory,
				    count * sizeof(*build->groups), err));
	struct asof_build_item *items = list.items.data;
	list_entities(build, items);
	asof_build_sort(items, items + count, count, asof_build_compare_keys, &build->keys);
	build->groups = build->groups_memory.data;
	build->group_count = count;
	build->row_count = 0;
	for (size_t i = 0; i < count; i++) {
		build->groups[i] = group_of(build, items[i].rec);
		build->groups[i].first_row = build->row_count;
		build->row_count += build->groups[i].count;
	}
	return ASOF_OK;
}

enum asof_status
asof_tile_build_finish(struct asof_tile_build *build, struct asof_error *err)
{
	atomic_store(&build->next_part, 0);
	for (unsigned w = 0; w < build->worker_count; w++) {
		struct asof_build_worker *worker = &build->workers[w];
		asof_build_release(&build->memory, &worker->scratch);
		if (worker->has_rows)
			build->created_us = worker->created_us;
	}
	ASOF_TRY(asof_workers_run(build->worker_count, finish_parts, build, err));
	return order_entities(build, err);
}
