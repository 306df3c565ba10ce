/* tile_build.c - taking rows by several workers, and reading what was made of them. */
#include "kernel/tile_build.h"

#include <assert.h>

#include "kernel/tile_build_finish.h"

#define AHEAD 16 /* rows whose slots are on their way while one is looked up */

static void
release_part(struct asof_tile_build *build, struct asof_build_part *part)
{
	asof_build_release(&build->memory, &part->slots);
	asof_build_release(&build->memory, &part->entities);
	asof_build_release(&build->memory, &part->records);
	asof_build_release(&build->memory, &part->tile_slots);
}

void
asof_tile_build_free(struct asof_tile_build *build)
{
	if (!build)
		return;
	for (size_t p = 0; build->results && p < ASOF_BUILD_PARTS; p++) {
		asof_build_release(&build->memory, &build->results[p].columns_memory);
		asof_build_release(&build->memory, &build->results[p].tiles_memory);
	}
	for (unsigned w = 0; build->workers && w < build->worker_count; w++) {
		struct asof_build_worker *worker = &build->workers[w];
		for (size_t p = 0; worker->parts && p < ASOF_BUILD_PARTS; p++)
			release_part(build, &worker->parts[p]);
		asof_build_store_done(&worker->store);
		asof_build_release(&build->memory, &worker->scratch);
	}
	asof_build_release(&build->memory, &build->groups_memory);
	asof_arena_done(&build->arena);
	asof_mem_free(build);
}

static enum asof_status
init_build(struct asof_tile_build *build, const struct asof_tile_build_options *options,
	   struct asof_error *err)
{
	build->worker_count = options->workers;
	build->memory.max_bytes = options->max_bytes;
	build->is_tiled = options->layout && options->view->step_us > 0;
	ASOF_TRY(asof_build_keys_init(&build->keys, options->view->entity, err));
	if (build->is_tiled)
		ASOF_TRY(asof_build_tiles_init(&build->tiles, options, &build->arena, err));
	else
		ASOF_TRY(asof_build_rows_init(&build->rows, options, &build->arena, err));
	build->value_count =
		options->layout ? options->layout->column_count : options->view->output_count;
	build->results = asof_arena_array(&build->arena, ASOF_BUILD_PARTS, sizeof(*build->results));
	build->workers =
		asof_arena_array(&build->arena, build->worker_count, sizeof(*build->workers));
	for (unsigned w = 0; build->workers && w < build->worker_count; w++) {
		build->workers[w].store.memory = &build->memory;
		build->workers[w].parts = asof_arena_array(&build->arena, ASOF_BUILD_PARTS,
							   sizeof(*build->workers[w].parts));
		if (!build->workers[w].parts)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "parts");
	}
	if (!build->results || !build->workers)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "parts");
	atomic_store(&build->memory.used_bytes, build->arena.used_bytes);
	return ASOF_OK;
}

enum asof_status
asof_tile_build_new(const struct asof_tile_build_options *options,
		    struct asof_tile_build **ret_build, struct asof_error *err)
{
	assert(options->workers >= 1);
	ASOF_AUTO(asof_tile_build_free_auto)
	struct asof_tile_build *build = asof_mem_alloc(sizeof(*build));
	if (!build)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows of '%s'", options->view->name);
	ASOF_TRY(init_build(build, options, err));
	*ret_build = ASOF_STEAL(build);
	return ASOF_OK;
}

/* ---- taking ---- */

/* Columns of the worker's own for a batch's rows. */
static enum asof_status
make_scratch(struct asof_tile_build *build, struct asof_build_worker *worker, size_t count,
	     struct asof_build_batch *b, struct asof_error *err)
{
	size_t row_bytes = sizeof(*b->hashes) + sizeof(*b->records) + 3 * sizeof(uint32_t);
	ASOF_TRY(asof_build_reserve(&build->memory, &worker->scratch, count * row_bytes, err));
	b->hashes = worker->scratch.data;
	b->records = (char **)(b->hashes + count);
	b->rows = (uint32_t *)(b->records + count);
	b->entities = b->rows + count;
	b->valid = b->entities + count;
	return ASOF_OK;
}

/* An engine's times before and after all others are none. */
static bool
is_time(const struct asof_column *events, size_t row)
{
	int64_t event_us = ((const int64_t *)events->data)[row];
	return !asof_column_is_null(events, row) && event_us != INT64_MAX && event_us != -INT64_MAX;
}

/* Rows with a time and a whole key. */
static void
pick_rows(const struct asof_tile_build *build, struct asof_build_worker *worker,
	  struct asof_build_batch *b)
{
	const struct asof_column *columns = b->batch->columns;
	size_t key_count = build->keys.count;
	for (size_t row = 0; row < b->batch->row_count; row++) {
		bool has_key = true;
		bool has_time = is_time(&columns[key_count], row);
		for (size_t k = 0; k < key_count; k++)
			has_key = has_key && !asof_column_is_null(&columns[k], row);
		worker->null_keys += !has_key;
		worker->null_times += !has_time;
		if (has_key && has_time)
			b->rows[b->count++] = (uint32_t)row;
	}
}

/* Room in each part for as many as the batch may bring, so that nothing moves below it. */
static enum asof_status
reserve_parts(struct asof_tile_build *build, struct asof_build_worker *worker,
	      const struct asof_build_batch *b, struct asof_error *err)
{
	uint32_t counts[ASOF_BUILD_PARTS] = { 0 };
	size_t width = build->is_tiled ? build->tiles.width : build->rows.width;
	for (size_t i = 0; i < b->count; i++)
		counts[asof_build_part_of(b->hashes[i])]++;
	for (size_t p = 0; p < ASOF_BUILD_PARTS; p++) {
		struct asof_build_part *part = &worker->parts[p];
		size_t need = part->record_count + counts[p];
		if (counts[p] == 0)
			continue;
		ASOF_TRY(asof_build_reserve_entities(&build->memory, &build->keys, part, counts[p],
						     err));
		ASOF_TRY(asof_build_reserve(&build->memory, &part->records, need * width, err));
		if (build->is_tiled)
			ASOF_TRY(asof_build_reserve_slots(
				&build->memory, &part->tile_slots, &part->tile_slot_count, need,
				&part->records, part->record_count, width, err));
	}
	return ASOF_OK;
}

static void
prefetch_slot(const struct asof_build_worker *worker, uint64_t hash)
{
	const struct asof_build_part *part = &worker->parts[asof_build_part_of(hash)];
	__builtin_prefetch((const uint64_t *)part->slots.data + (hash & (part->slot_count - 1)));
}

static enum asof_status
find_entities(struct asof_tile_build *build, struct asof_build_worker *worker,
	      const struct asof_build_batch *b, struct asof_error *err)
{
	for (size_t i = 0; i < b->count; i++) {
		if (i + AHEAD < b->count)
			prefetch_slot(worker, b->hashes[i + AHEAD]);
		struct asof_build_part *part = &worker->parts[asof_build_part_of(b->hashes[i])];
		ASOF_TRY(asof_build_find_entity(&build->keys, part, &worker->store,
						b->batch->columns, b->rows[i], b->hashes[i],
						&b->entities[i], err));
	}
	return ASOF_OK;
}

static void
place_rows(const struct asof_tile_build *build, struct asof_build_worker *worker,
	   const struct asof_build_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct asof_build_part *part = &worker->parts[asof_build_part_of(b->hashes[i])];
		b->records[i] =
			(char *)part->records.data + part->record_count++ * build->rows.width;
	}
}

enum asof_status
asof_tile_build_take(struct asof_tile_build *build, unsigned worker_number,
		     const struct asof_batch *batch, struct asof_error *err)
{
	struct asof_build_worker *worker = &build->workers[worker_number];
	const struct asof_column *times = batch->columns + build->keys.count;
	struct asof_build_batch b = { .batch = batch,
				      .values = times + 3,
				      .event_us = times[0].data,
				      .created_us = times[1].data,
				      .orders = times[2].data };
	assert(batch->column_count == build->keys.count + 3 + build->value_count);
	if (batch->row_count == 0)
		return ASOF_OK;
	ASOF_TRY(make_scratch(build, worker, batch->row_count, &b, err));
	pick_rows(build, worker, &b);
	if (b.count == 0)
		return ASOF_OK;
	worker->created_us = b.created_us[b.rows[0]];
	worker->has_rows = true;
	asof_build_hash_rows(&build->keys, batch->columns, b.rows, b.count, b.hashes);
	ASOF_TRY(reserve_parts(build, worker, &b, err));
	ASOF_TRY(find_entities(build, worker, &b, err));
	if (build->is_tiled) {
		asof_build_tiles_find(&build->tiles, worker->parts, &b);
		return asof_build_tiles_add(&build->tiles, worker, &b, err);
	}
	place_rows(build, worker, &b);
	return asof_build_rows_take(&build->rows, worker, &b, err);
}

void
asof_tile_build_skipped(const struct asof_tile_build *build, uint64_t *ret_null_keys,
			uint64_t *ret_null_times)
{
	uint64_t null_keys = 0;
	uint64_t null_times = 0;
	for (unsigned w = 0; w < build->worker_count; w++) {
		null_keys += build->workers[w].null_keys;
		null_times += build->workers[w].null_times;
	}
	*ret_null_keys = null_keys;
	*ret_null_times = null_times;
}

/* ---- reading ---- */

uint64_t
asof_tile_build_rows(const struct asof_tile_build *build)
{
	return build->row_count;
}

uint64_t
asof_tile_build_bytes(const struct asof_tile_build *build)
{
	return atomic_load(&build->memory.used_bytes);
}

size_t
asof_tile_build_row_bytes(const struct asof_tile_build *build)
{
	return build->is_tiled ? build->tiles.width : build->rows.width;
}

/* The first group that ends after row `at`. */
static size_t
group_at(const struct asof_tile_build *build, uint64_t at)
{
	size_t low = 0;
	size_t high = build->group_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (build->groups[middle].first_row + build->groups[middle].count <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t
asof_tile_build_boundary(const struct asof_tile_build *build, uint64_t at)
{
	if (at == 0 || at >= build->row_count)
		return at == 0 ? 0 : build->row_count;
	const struct asof_build_group *group = &build->groups[group_at(build, at)];
	return group->first_row == at ? at : group->first_row + group->count;
}

enum asof_status
asof_tile_build_read(const struct asof_tile_build *build, uint64_t first, size_t count,
		     struct asof_block *block, struct asof_error *err)
{
	assert(first + count <= build->row_count && count <= block->capacity);
	size_t done = 0;
	for (size_t g = group_at(build, first); done < count; g++) {
		const struct asof_build_group *group = &build->groups[g];
		uint64_t skipped = first + done - group->first_row;
		uint64_t left = group->count - skipped;
		struct asof_build_piece piece = {
			.at = group->at + skipped,
			.count = left < count - done ? left : count - done,
			.first = done,
			.column = build->keys.count,
			.created_us = build->created_us,
		};
		const struct asof_build_result *result = &build->results[group->part];
		asof_build_read_keys(&build->keys, group->entity, block, done, piece.count);
		if (build->is_tiled)
			ASOF_TRY(asof_build_tiles_read(&build->tiles, result, &piece, block, err));
		else
			ASOF_TRY(asof_build_rows_read(&build->rows, result, &piece, block, err));
		done += piece.count;
	}
	return ASOF_OK;
}
