/* spine_index.c - rows of a spine taken in, and what became of them. */
#include "kernel/spine_index_impl.h"

#include <assert.h>

#define WORKERS_MAX       64
#define CHUNK_BYTES_FIRST ((size_t)4 << 10)
#define CHUNK_BYTES_MAX   ((size_t)1 << 20)

struct asof_spine_text_chunk {
	struct asof_spine_text_chunk *next; /* older */
	size_t capacity;
	char data[];
};

static enum asof_status
add_chunk(struct asof_spine_index *index, struct asof_spine_worker *worker, size_t size,
	  struct asof_error *err)
{
	size_t capacity = worker->chunks ? worker->chunks->capacity * 2 : CHUNK_BYTES_FIRST;
	if (capacity > CHUNK_BYTES_MAX)
		capacity = CHUNK_BYTES_MAX;
	if (capacity < size)
		capacity = size;
	struct asof_spine_text_chunk *chunk;
	ASOF_TRY(asof_budget_alloc(&index->budget, 1, sizeof(*chunk) + capacity, (void **)&chunk,
				   err));
	chunk->capacity = capacity;
	chunk->next = worker->chunks;
	worker->chunks = chunk;
	worker->used = 0;
	return ASOF_OK;
}

enum asof_status
asof_spine_text_alloc(struct asof_spine_index *index, struct asof_spine_worker *worker, size_t size,
		      char **ret_bytes, struct asof_error *err)
{
	if (!worker->chunks || size > worker->chunks->capacity - worker->used)
		ASOF_TRY(add_chunk(index, worker, size, err));
	*ret_bytes = worker->chunks->data + worker->used;
	worker->used += size;
	return ASOF_OK;
}

void
asof_spine_texts_free(struct asof_spine_index *index, struct asof_spine_worker *worker)
{
	while (worker->chunks) {
		struct asof_spine_text_chunk *chunk = worker->chunks;
		worker->chunks = chunk->next;
		asof_budget_free(&index->budget, chunk, 1, sizeof(*chunk) + chunk->capacity);
	}
	worker->used = 0;
}

static enum asof_status
alloc_rows(struct asof_spine_index *index, struct asof_error *err)
{
	struct asof_budget *budget = &index->budget;
	size_t count = index->row_count;
	ASOF_TRY(asof_budget_alloc(budget, index->worker_count, sizeof(*index->workers),
				   (void **)&index->workers, err));
	ASOF_TRY(asof_budget_alloc(budget, count * index->word_count, sizeof(*index->keys),
				   (void **)&index->keys, err));
	ASOF_TRY(asof_budget_alloc(budget, count, sizeof(*index->times_us),
				   (void **)&index->times_us, err));
	return asof_budget_alloc(budget, count, sizeof(*index->row_slots),
				 (void **)&index->row_slots, err);
}

enum asof_status
asof_spine_index_new(const struct asof_spine_index_options *options,
		     struct asof_spine_index **ret_index, struct asof_error *err)
{
	assert(options->row_count < UINT32_MAX);
	assert(options->workers >= 1 && options->workers <= WORKERS_MAX);
	ASOF_AUTO(asof_spine_index_free_auto)
	struct asof_spine_index *index = asof_mem_alloc(sizeof(*index));
	if (!index)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu bytes", sizeof(*index));

	asof_spine_key_shape_init(&index->shape, options->key_types, options->key_count);
	index->word_count = index->shape.form == ASOF_SPINE_KEY_WORD ? 1 : 2;
	index->first_row = options->first_row;
	index->slots.first_row = options->first_row;
	index->slots.key_count = options->key_count;
	index->row_count = options->row_count;
	index->worker_count = options->workers;
	index->budget.max_bytes = options->max_bytes;
	index->budget.what = "the spine";
	ASOF_TRY(alloc_rows(index, err));
	*ret_index = ASOF_STEAL(index);
	return ASOF_OK;
}

void
asof_spine_index_free(struct asof_spine_index *index)
{
	if (!index)
		return;
	for (unsigned i = 0; index->workers && i < index->worker_count; i++)
		asof_spine_texts_free(index, &index->workers[i]);
	asof_mem_free(index->workers);
	asof_mem_free(index->keys);
	asof_mem_free(index->times_us);
	asof_mem_free(index->row_slots);
	asof_mem_free(index->entity_begin);
	asof_mem_free(index->table);
	asof_mem_free(index->place_begin);
	asof_mem_free(index);
}

struct spine_columns {
	const struct asof_column *row;
	const struct asof_column *time;
	const struct asof_column *keys;
};

static enum asof_status
store_long_key(struct asof_spine_index *index, struct asof_spine_worker *worker,
	       const struct spine_columns *columns, size_t row, uint64_t *ret_low,
	       struct asof_error *err)
{
	size_t size = asof_spine_key_stored_bytes(&index->shape, columns->keys, row);
	if (size == 0)
		return ASOF_FAIL(err, ASOF_LIMIT, "a key of the spine takes more than 2 GiB");
	char *bytes;
	ASOF_TRY(asof_spine_text_alloc(index, worker, size, &bytes, err));
	asof_spine_key_store(&index->shape, columns->keys, row, bytes);
	*ret_low = (uint64_t)(uintptr_t)bytes;
	return ASOF_OK;
}

static void
widen_range(struct asof_spine_worker *worker, int64_t key)
{
	if (!worker->has_range) {
		worker->has_range = true;
		worker->min_key = worker->max_key = key;
	}
	worker->min_key = key < worker->min_key ? key : worker->min_key;
	worker->max_key = key > worker->max_key ? key : worker->max_key;
}

static enum asof_status
take_row(struct asof_spine_index *index, struct asof_spine_worker *worker,
	 const struct spine_columns *columns, size_t row, struct asof_spine_keys *keys, size_t i,
	 struct asof_error *err)
{
	uint64_t place =
		(uint64_t)((const int64_t *)columns->row->data)[row] - (uint64_t)index->first_row;
	if (place >= index->row_count)
		return ASOF_FAIL(err, ASOF_INTERNAL, "row %lld is not of the spine's %zu from %lld",
				 (long long)((const int64_t *)columns->row->data)[row],
				 index->row_count, (long long)index->first_row);
	uint64_t *words = index->keys + place * index->word_count;
	if (index->shape.form == ASOF_SPINE_KEY_TEXT && asof_spine_key_is_long(keys->high[i]))
		ASOF_TRY(store_long_key(index, worker, columns, row, &keys->low[i], err));
	words[0] = keys->low[i];
	if (index->word_count == 2)
		words[1] = keys->high[i];
	if (index->shape.is_number)
		widen_range(worker, (int64_t)keys->low[i]);
	index->times_us[place] = ((const int64_t *)columns->time->data)[row];
	index->row_slots[place] = ASOF_SPINE_TAKEN;
	return ASOF_OK;
}

enum asof_status
asof_spine_index_take(struct asof_spine_index *index, unsigned worker,
		      const struct asof_batch *batch, struct asof_error *err)
{
	assert(!index->is_finished && worker < index->worker_count);
	assert(batch->column_count >= 2 + index->shape.part_count);
	struct asof_spine_worker *self = &index->workers[worker];
	struct spine_columns columns = { batch->columns, batch->columns + 1, batch->columns + 2 };
	struct asof_spine_keys keys;
	for (size_t first = 0; first < batch->row_count; first += ASOF_SPINE_KEY_ROWS_MAX) {
		size_t count = batch->row_count - first;
		if (count > ASOF_SPINE_KEY_ROWS_MAX)
			count = ASOF_SPINE_KEY_ROWS_MAX;
		asof_spine_keys_pack(&index->shape, columns.keys, first, count, &keys);
		for (size_t i = 0; i < count; i++) {
			size_t row = first + i;
			if (!keys.is_key[i] || asof_column_is_null(columns.row, row) ||
			    asof_column_is_null(columns.time, row))
				continue;
			ASOF_TRY(take_row(index, self, &columns, row, &keys, i, err));
		}
	}
	return ASOF_OK;
}

const struct asof_spine_slots *
asof_spine_index_slots(const struct asof_spine_index *index)
{
	assert(index->is_finished);
	return &index->slots;
}

uint64_t
asof_spine_index_bytes(const struct asof_spine_index *index)
{
	return sizeof(*index) + asof_budget_used(&index->budget);
}
