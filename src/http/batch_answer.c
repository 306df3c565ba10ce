/* batch_answer.c - the answer to a batch request. */
#include "http/batch_answer.h"

#include "codec/time_text.h"
#include "codec/value_text.h"

/* Rows read at a time: enough to batch the store, few enough to stay in cache. */
#define SLICE_ROWS 1024

/* Some rows of a batch. */
struct slice {
	struct asof_reader *reader;
	const struct asof_batch_request *batch;
	int64_t clock_us;
	size_t first;
	size_t count;
	struct asof_arena *arena;
	struct asof_answer **answers; /* per part, `count` of them */
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows of a batch");
}

static bool
has_null_key(const struct asof_batch_part *part, size_t row)
{
	for (size_t i = 0; i < part->view->view->entity->key_count; i++) {
		if (part->columns[i]->values[row].is_null)
			return true;
	}
	return false;
}

/* The keys of the slice that have no NULL, row by row. */
static enum asof_status
gather_keys(const struct slice *slice, const struct asof_batch_part *part,
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
spread_answers(const struct slice *slice, const struct asof_batch_part *part, size_t found_count,
	       struct asof_answer *answers, struct asof_error *err)
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
read_part(const struct slice *slice, const struct asof_batch_part *part,
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

static enum asof_status
read_slice(struct slice *slice, struct asof_error *err)
{
	const struct asof_batch_request *batch = slice->batch;
	slice->answers = asof_arena_array(slice->arena, batch->part_count, sizeof(void *));
	if (!slice->answers)
		return no_memory(err);
	for (size_t i = 0; i < batch->part_count; i++)
		ASOF_TRY(read_part(slice, &batch->parts[i], &slice->answers[i], err));
	return ASOF_OK;
}

typedef enum asof_status write_slice_fn(const struct slice *slice, struct asof_json_writer *w,
					struct asof_error *err);

static enum asof_status
answer_batch(struct asof_reader *reader, const struct asof_batch_request *batch,
	     struct asof_arena *rows_arena, write_slice_fn *write_slice, struct asof_buf *buf,
	     struct asof_error *err)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "results");
	asof_json_begin_array(&w);
	int64_t clock_us = asof_reader_now_us(reader);
	for (size_t first = 0; first < batch->row_count; first += SLICE_ROWS) {
		size_t left = batch->row_count - first;
		struct slice slice = {
			.reader = reader,
			.batch = batch,
			.clock_us = clock_us,
			.first = first,
			.count = left < SLICE_ROWS ? left : SLICE_ROWS,
			.arena = rows_arena,
		};
		asof_arena_reset(rows_arena);
		ASOF_TRY(read_slice(&slice, err));
		ASOF_TRY(write_slice(&slice, &w, err));
		ASOF_TRY(asof_buf_status(buf, err));
	}
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	return asof_buf_status(buf, err);
}

static enum asof_status
write_view_slice(const struct slice *slice, struct asof_json_writer *w, struct asof_error *err)
{
	const struct asof_batch_part *part = &slice->batch->parts[0];
	size_t key_count = part->view->view->entity->key_count;
	struct asof_value *key = asof_arena_array(slice->arena, key_count, sizeof(*key));
	if (!key)
		return no_memory(err);
	const size_t *outputs = part->output_count > 0 ? part->outputs : NULL;
	for (size_t row = 0; row < slice->count; row++) {
		for (size_t i = 0; i < key_count; i++)
			key[i] = part->columns[i]->values[slice->first + row];
		asof_reader_write_row(w, part->view, key, outputs, part->output_count,
				      &slice->answers[0][row]);
	}
	return ASOF_OK;
}

enum asof_status
asof_batch_answer_view(struct asof_reader *reader, const struct asof_batch_request *batch,
		       struct asof_arena *rows_arena, struct asof_buf *buf, struct asof_error *err)
{
	return answer_batch(reader, batch, rows_arena, write_view_slice, buf, err);
}

/* Each key name once, also where two views hold it as different types. */
static void
write_key(const struct asof_batch_request *batch, size_t row, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "key");
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->column_count; i++) {
		bool is_written = false;
		for (size_t j = 0; j < i && !is_written; j++)
			is_written = strcmp(batch->columns[i].name, batch->columns[j].name) == 0;
		if (is_written)
			continue;
		asof_json_key_cstr(w, batch->columns[i].name);
		asof_value_write_json(w, &batch->columns[i].values[row]);
	}
	asof_json_end_object(w);
}

static void
write_items(const struct slice *slice, size_t row, struct asof_json_writer *w)
{
	const struct asof_batch_request *batch = slice->batch;
	asof_json_key_cstr(w, "features");
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		asof_json_key_cstr(w, item->name);
		asof_value_write_json(w, &slice->answers[item->part][row].values[item->output]);
	}
	asof_json_end_object(w);
	asof_json_key_cstr(w, "statuses");
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		const struct asof_answer *answer = &slice->answers[item->part][row];
		asof_json_member_cstr(w, item->name,
				      asof_value_status_text(answer->statuses[item->output]));
	}
	asof_json_end_object(w);
}

static void
write_views(const struct slice *slice, size_t row, struct asof_json_writer *w)
{
	const struct asof_batch_request *batch = slice->batch;
	char text[ASOF_TIME_TEXT_MAX];
	asof_json_key_cstr(w, "event_times");
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->part_count; i++) {
		const struct asof_answer *answer = &slice->answers[i][row];
		asof_json_key_cstr(w, batch->parts[i].view->name);
		if (answer->has_row)
			asof_json_str(w,
				      (struct asof_str){
					      text, asof_timestamp_text(answer->event_us, text) });
		else
			asof_json_null(w);
	}
	asof_json_end_object(w);
	asof_json_key_cstr(w, "versions");
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->part_count; i++)
		asof_json_member_cstr(w, batch->parts[i].view->name, batch->parts[i].view->version);
	asof_json_end_object(w);
}

static enum asof_status
write_many_slice(const struct slice *slice, struct asof_json_writer *w, struct asof_error *err)
{
	(void)err;
	for (size_t row = 0; row < slice->count; row++) {
		asof_json_begin_object(w);
		write_key(slice->batch, slice->first + row, w);
		write_items(slice, row, w);
		write_views(slice, row, w);
		asof_json_end_object(w);
	}
	return ASOF_OK;
}

enum asof_status
asof_batch_answer(struct asof_reader *reader, const struct asof_batch_request *batch,
		  struct asof_arena *rows_arena, struct asof_buf *buf, struct asof_error *err)
{
	return answer_batch(reader, batch, rows_arena, write_many_slice, buf, err);
}
