/* batch_rows.c - some rows of a batch, read from the store. */
#include "http/batch_rows.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows of a batch");
}

static bool
has_null_key(const struct asof_batch_part *part, size_t row)
{
	/* What is computed from others finds nothing of those only whose key it is. */
	if (asof_reader_view_is_on_demand(part->view))
		return false;
	for (size_t i = 0; i < part->view->view->entity->key_count; i++) {
		if (part->columns[i]->values[row].is_null)
			return true;
	}
	return false;
}

/* The keys of the slice that have no NULL, row by row. */
static enum asof_status
gather_keys(const struct asof_batch_slice *slice, const struct asof_batch_part *part,
	    struct asof_value **ret_keys, size_t *ret_count, struct asof_error *err)
{
	size_t key_count = part->view->view->entity->key_count;
	struct asof_value *keys =
		asof_arena_array(slice->arena, slice->count * key_count, sizeof(*keys));
	if (!keys)
		return no_memory(err);
	size_t used = 0;
	for (size_t row = slice->first; row < slice->first + slice->count; row++) {
		if (has_null_key(part, row))
			continue;
		for (size_t i = 0; i < key_count; i++)
			keys[used * key_count + i] = part->columns[i]->values[row];
		used++;
	}
	*ret_keys = keys;
	*ret_count = used;
	return ASOF_OK;
}

/* A key with a NULL matches nothing: no value, not even a default. */
static enum asof_status
make_null_answer(const struct asof_view *view, struct asof_arena *arena,
		 struct asof_answer *ret_answer, struct asof_error *err)
{
	struct asof_answer answer = { 0 };
	answer.values = asof_arena_array(arena, view->output_count, sizeof(*answer.values));
	answer.statuses = asof_arena_array(arena, view->output_count, sizeof(*answer.statuses));
	if (!answer.values || !answer.statuses)
		return no_memory(err);
	for (size_t i = 0; i < view->output_count; i++) {
		answer.values[i] = asof_value_null(view->outputs[i].type);
		answer.statuses[i] = ASOF_VALUE_NOT_FOUND;
	}
	*ret_answer = answer;
	return ASOF_OK;
}

/* Move the answers of the rows without NULL from the front to where their rows stand. */
static enum asof_status
spread_answers(const struct asof_batch_slice *slice, const struct asof_batch_part *part,
	       size_t found_count, struct asof_answer *answers, struct asof_error *err)
{
	struct asof_answer null_answer;
	ASOF_TRY(make_null_answer(part->view->view, slice->arena, &null_answer, err));
	size_t left = found_count;
	for (size_t row = slice->count; row-- > 0;)
		answers[row] =
			has_null_key(part, slice->first + row) ? null_answer : answers[--left];
	return ASOF_OK;
}

static enum asof_status
read_part(const struct asof_batch_slice *slice, const struct asof_batch_part *part,
	  struct asof_answer **ret_answers, struct asof_error *err)
{
	struct asof_value *keys;
	size_t key_row_count;
	ASOF_TRY(gather_keys(slice, part, &keys, &key_row_count, err));
	struct asof_answer *answers =
		asof_arena_array(slice->arena, slice->count, sizeof(*answers));
	if (!answers)
		return no_memory(err);
	if (key_row_count > 0)
		ASOF_TRY(asof_reader_rows(slice->reader, part->view, keys, key_row_count,
					  slice->clock_us, slice->arena, answers, err));
	if (key_row_count < slice->count)
		ASOF_TRY(spread_answers(slice, part, key_row_count, answers, err));
	*ret_answers = answers;
	return ASOF_OK;
}

enum asof_status
asof_batch_read_slice(struct asof_batch_slice *slice, struct asof_error *err)
{
	const struct asof_batch_request *batch = slice->batch;
	slice->answers = asof_arena_array(slice->arena, batch->part_count, sizeof(void *));
	if (!slice->answers)
		return no_memory(err);
	for (size_t i = 0; i < batch->part_count; i++)
		ASOF_TRY(read_part(slice, &batch->parts[i], &slice->answers[i], err));
	return ASOF_OK;
}

enum asof_status
asof_batch_each_slice(struct asof_reader *reader, const struct asof_batch_request *batch,
		      struct asof_arena *arena, asof_batch_slice_fn *take, void *arg,
		      struct asof_error *err)
{
	int64_t clock_us = asof_reader_now_us(reader);
	for (size_t first = 0; first < batch->row_count; first += ASOF_BATCH_SLICE_ROWS) {
		size_t left = batch->row_count - first;
		struct asof_batch_slice slice = {
			.reader = reader,
			.batch = batch,
			.clock_us = clock_us,
			.first = first,
			.count = left < ASOF_BATCH_SLICE_ROWS ? left : ASOF_BATCH_SLICE_ROWS,
			.arena = arena,
		};
		asof_arena_reset(arena);
		ASOF_TRY(asof_batch_read_slice(&slice, err));
		ASOF_TRY(take(arg, &slice, err));
	}
	return ASOF_OK;
}
