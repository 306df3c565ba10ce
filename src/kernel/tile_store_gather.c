/* tile_store_gather.c - values, NULLs and lists of a column brought into order on several threads.
 */
#include "kernel/tile_store_gather.h"

#include "base/arena.h"
#include "base/workers.h"

#define PIECE_ROWS ((size_t)65536) /* a multiple of 64: threads do not share words of NULLs */

/* Where the rows of a chunk are. */
struct chunk {
	const char *data;
	const uint64_t *validity;
	const struct asof_tile_part *part;
};

struct job {
	const struct asof_tile_gather *gather;
	struct asof_tile_final *final;
	struct chunk *chunks;
	size_t width;
	bool has_nulls;
	size_t piece_count;
	uint64_t *piece_items; /* of lists: items of each piece; then, where they begin */
	_Atomic size_t next_piece;
	void (*run)(struct job *job, size_t piece);
};

void
asof_tile_final_done(struct asof_tile_final *final, struct asof_tile_budget *budget)
{
	asof_mem_free(final->data);
	asof_mem_free(final->validity);
	asof_mem_free(final->child_data);
	asof_mem_free(final->child_validity);
	asof_tile_budget_give(budget, final->bytes);
	*final = (struct asof_tile_final){ 0 };
}

/* Not zeroed: every byte is written. */
static enum asof_status
take_array(const struct asof_tile_gather *gather, struct asof_tile_final *final, uint64_t bytes,
	   char **ret_array, struct asof_error *err)
{
	ASOF_TRY(asof_tile_budget_take(gather->budget, bytes, err));
	final->bytes += bytes;
	*ret_array = asof_mem_resize(NULL, bytes);
	if (!*ret_array)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu tiles", gather->count);
	return ASOF_OK;
}

static inline const char *
address_of(const struct chunk *chunks, uint32_t id, size_t width)
{
	return chunks[id / ASOF_TILE_CHUNK_ROWS].data + id % ASOF_TILE_CHUNK_ROWS * width;
}

static inline void
gather_values(const struct chunk *chunks, const uint32_t *ids, char *to, size_t count, size_t width)
{
	for (size_t i = 0; i < count; i++) {
		__builtin_prefetch(address_of(chunks, ids[i + ASOF_TILE_IDS_AHEAD], width));
		memcpy(to + i * width, address_of(chunks, ids[i], width), width);
	}
}

static bool
is_valid(const struct job *job, uint32_t id)
{
	const uint64_t *validity = job->chunks[id / ASOF_TILE_CHUNK_ROWS].validity;
	size_t row = id % ASOF_TILE_CHUNK_ROWS;
	return !validity || validity[row / 64] >> (row % 64) & 1;
}

static void
gather_validity(struct job *job, size_t first, size_t count)
{
	const uint32_t *ids = job->gather->ids + first;
	uint64_t *words = job->final->validity + first / 64;
	for (size_t i = 0; i < count; i += 64) {
		uint64_t word = 0;
		for (size_t j = i; j < i + 64 && j < count; j++)
			word |= (uint64_t)is_valid(job, ids[j]) << (j - i);
		words[i / 64] = word;
	}
}

static size_t
piece_rows(const struct job *job, size_t piece)
{
	size_t left = job->gather->count - piece * PIECE_ROWS;
	return left < PIECE_ROWS ? left : PIECE_ROWS;
}

static void
gather_piece(struct job *job, size_t piece)
{
	size_t first = piece * PIECE_ROWS;
	size_t count = piece_rows(job, piece);
	const uint32_t *ids = job->gather->ids + first;
	char *to = job->final->data + first * job->width;
	if (job->width == 8)
		gather_values(job->chunks, ids, to, count, 8);
	else if (job->width == 4)
		gather_values(job->chunks, ids, to, count, 4);
	else if (job->width == 16)
		gather_values(job->chunks, ids, to, count, 16);
	else
		gather_values(job->chunks, ids, to, count, job->width);
	if (job->has_nulls)
		gather_validity(job, first, count);
}

static const struct asof_span *
span_of(const struct job *job, uint32_t id)
{
	return (const struct asof_span *)(const void *)address_of(job->chunks, id,
								  sizeof(struct asof_span));
}

static void
count_items(struct job *job, size_t piece)
{
	uint64_t items = 0;
	for (size_t i = 0; i < piece_rows(job, piece); i++)
		items += span_of(job, job->gather->ids[piece * PIECE_ROWS + i])->length;
	job->piece_items[piece] = items;
}

static void
copy_items(struct job *job, size_t piece)
{
	size_t width = asof_column_width(job->final->child.type);
	struct asof_span *spans = (struct asof_span *)(void *)job->final->data;
	uint64_t offset = job->piece_items[piece];
	for (size_t i = 0; i < piece_rows(job, piece); i++) {
		size_t row = piece * PIECE_ROWS + i;
		uint32_t id = job->gather->ids[row];
		const struct asof_span *span = span_of(job, id);
		const struct asof_tile_part *part = job->chunks[id / ASOF_TILE_CHUNK_ROWS].part;
		if (span->length > 0)
			memcpy(job->final->child_data + offset * width,
			       part->child->data + span->offset * width, span->length * width);
		spans[row] = (struct asof_span){ offset, span->length };
		offset += span->length;
	}
	if (job->has_nulls)
		gather_validity(job, piece * PIECE_ROWS, piece_rows(job, piece));
}

static enum asof_status
run_pieces(void *arg, unsigned worker, struct asof_error *err)
{
	(void)worker;
	(void)err;
	struct job *job = arg;
	for (;;) {
		size_t piece = atomic_fetch_add_explicit(&job->next_piece, 1, memory_order_relaxed);
		if (piece >= job->piece_count)
			return ASOF_OK;
		job->run(job, piece);
	}
}

static enum asof_status
run_all(struct job *job, void (*run)(struct job *job, size_t piece), struct asof_error *err)
{
	unsigned workers = job->gather->workers;
	if (workers > job->piece_count)
		workers = job->piece_count ? (unsigned)job->piece_count : 1;
	job->run = run;
	atomic_store_explicit(&job->next_piece, 0, memory_order_relaxed);
	return asof_workers_run(workers, run_pieces, job, err);
}

/* Items that are NULL are rare: by one thread, bit by bit. */
static void
copy_item_validity(struct job *job)
{
	uint64_t *words = (uint64_t *)(void *)job->final->child_validity;
	const struct asof_span *spans = (const struct asof_span *)(void *)job->final->data;
	for (size_t row = 0; row < job->gather->count; row++) {
		uint32_t id = job->gather->ids[row];
		const struct asof_tile_part *child =
			job->chunks[id / ASOF_TILE_CHUNK_ROWS].part->child;
		struct asof_column items = { .validity = child->validity };
		uint64_t offset = span_of(job, id)->offset;
		for (uint64_t i = 0; i < spans[row].length; i++) {
			uint64_t at = spans[row].offset + i;
			if (!asof_column_is_null(&items, offset + i))
				words[at / 64] |= UINT64_C(1) << (at % 64);
		}
	}
}

/* Does any worker's column of items have NULLs? */
static bool
has_null_items(const struct asof_tile_gather *gather)
{
	for (size_t i = 0; i < gather->part_count; i++) {
		if (gather->parts[i]->child && gather->parts[i]->child->validity)
			return true;
	}
	return false;
}

static enum asof_status
gather_null_items(struct job *job, uint64_t item_count, struct asof_error *err)
{
	if (!has_null_items(job->gather))
		return ASOF_OK;
	uint64_t bytes = (item_count + 63) / 64 * sizeof(uint64_t);
	char *array = NULL;
	ASOF_TRY(take_array(job->gather, job->final, bytes, &array, err));
	memset(array, 0, bytes);
	job->final->child_validity = (uint64_t *)(void *)array;
	job->final->child.validity = job->final->child_validity;
	copy_item_validity(job);
	return ASOF_OK;
}

static enum asof_status
gather_lists(struct job *job, struct asof_error *err)
{
	struct asof_tile_final *final = job->final;
	ASOF_TRY(run_all(job, count_items, err));
	uint64_t item_count = 0;
	for (size_t piece = 0; piece < job->piece_count; piece++) {
		uint64_t items = job->piece_items[piece];
		job->piece_items[piece] = item_count;
		item_count += items;
	}
	final->child.type = asof_type_element(final->column.type);
	ASOF_TRY(take_array(job->gather, final, item_count * asof_column_width(final->child.type),
			    &final->child_data, err));
	final->child.data = final->child_data;
	ASOF_TRY(run_all(job, copy_items, err));
	return gather_null_items(job, item_count, err);
}

static void
list_chunks(struct job *job)
{
	const struct asof_tile_gather *gather = job->gather;
	size_t at = 0;
	for (size_t i = 0; i < gather->part_count; i++) {
		const struct asof_tile_part *part = gather->parts[i];
		for (size_t row = 0; row < part->count; row += ASOF_TILE_CHUNK_ROWS)
			job->chunks[at++] = (struct chunk){
				.data = part->data + row * part->width,
				.validity = part->validity ? part->validity + row / 64 : NULL,
				.part = part,
			};
		job->has_nulls = job->has_nulls || part->validity;
	}
}

static enum asof_status
gather_column(struct job *job, struct asof_error *err)
{
	struct asof_tile_final *final = job->final;
	size_t count = job->gather->count;
	ASOF_TRY(take_array(job->gather, final, count * job->width, &final->data, err));
	final->column.data = final->data;
	if (job->has_nulls) {
		char *words = NULL;
		ASOF_TRY(take_array(job->gather, final, (count + 63) / 64 * sizeof(uint64_t),
				    &words, err));
		final->validity = (uint64_t *)(void *)words;
		final->column.validity = final->validity;
	}
	if (final->column.type.kind == ASOF_TYPE_LIST ||
	    final->column.type.kind == ASOF_TYPE_VECTOR)
		return gather_lists(job, err);
	return run_all(job, gather_piece, err);
}

static enum asof_status
gather_all(const struct asof_tile_gather *gather, struct asof_tile_final *final,
	   struct asof_error *err)
{
	size_t chunk_count = 0;
	for (size_t i = 0; i < gather->part_count; i++)
		chunk_count += asof_tile_chunk_count(gather->parts[i]->count);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t piece_count = (gather->count + PIECE_ROWS - 1) / PIECE_ROWS;
	struct job job = {
		.gather = gather,
		.final = final,
		.chunks = asof_arena_array(&arena, chunk_count, sizeof(*job.chunks)),
		.width = asof_column_width(final->column.type),
		.piece_count = piece_count,
		.piece_items = asof_arena_array(&arena, piece_count, sizeof(*job.piece_items)),
	};
	if (!job.chunks || !job.piece_items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu tiles", gather->count);
	list_chunks(&job);
	return gather_column(&job, err);
}

enum asof_status
asof_tile_gather_run(const struct asof_tile_gather *gather, struct asof_tile_final *ret_final,
		     struct asof_error *err)
{
	struct asof_tile_final final = { .column = { .type = gather->parts[0]->type } };
	enum asof_status status = gather_all(gather, &final, err);
	for (size_t i = 0; i < gather->part_count; i++)
		asof_tile_part_done(gather->parts[i], gather->budget);
	if (status != ASOF_OK) {
		asof_tile_final_done(&final, gather->budget);
		return status;
	}
	*ret_final = final;
	return ASOF_OK;
}
