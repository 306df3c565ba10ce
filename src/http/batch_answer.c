/* batch_answer.c - the answer to a batch request. */
#include "http/batch_answer.h"

#include "codec/time_text.h"
#include "codec/value_text.h"
#include "http/batch_rows.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows of a batch");
}

static enum asof_status
answer_batch(struct asof_reader *reader, const struct asof_batch_request *batch,
	     struct asof_arena *rows_arena, asof_batch_slice_fn *write_slice, struct asof_buf *buf,
	     struct asof_error *err)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "results");
	asof_json_begin_array(&w);
	ASOF_TRY(asof_batch_each_slice(reader, batch, rows_arena, write_slice, &w, err));
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	return asof_buf_status(buf, err);
}

static enum asof_status
write_view_slice(void *arg, const struct asof_batch_slice *slice, struct asof_error *err)
{
	struct asof_json_writer *w = arg;
	const struct asof_batch_part *part = &slice->batch->parts[0];
	size_t key_count = part->view->view->entity->key_count;
	struct asof_value *key = asof_arena_array(slice->arena, key_count, sizeof(*key));
	if (!key)
		return no_memory(err);
	const size_t *outputs = part->output_count > 0 ? part->outputs : NULL;
	struct asof_last_statuses last = { 0 };
	for (size_t row = 0; row < slice->count; row++) {
		for (size_t i = 0; i < key_count; i++)
			key[i] = part->columns[i]->values[slice->first + row];
		asof_reader_write_next_row(w, part->view, key, outputs, part->output_count,
					   &slice->answers[0][row], &last);
	}
	return asof_buf_status(w->buf, err);
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
		bool is_written = batch->columns[i].is_request;
		for (size_t j = 0; j < i && !is_written; j++)
			is_written = strcmp(batch->columns[i].name, batch->columns[j].name) == 0;
		if (is_written)
			continue;
		asof_json_key_cstr(w, batch->columns[i].name);
		asof_value_write_json(w, &batch->columns[i].values[row]);
	}
	asof_json_end_object(w);
}

/* Where the statuses of the row before stand in the writer's buffer; len 0: there is none. */
struct last_text {
	size_t at;
	size_t len;
};

static bool
are_as_before(const struct asof_batch_slice *slice, size_t row)
{
	const struct asof_batch_request *batch = slice->batch;
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		const struct asof_answer *answers = slice->answers[item->part];
		if (answers[row].statuses[item->output] != answers[row - 1].statuses[item->output])
			return false;
	}
	return true;
}

/* Mostly those of one row are those of the row before. */
static void
write_statuses(const struct asof_batch_slice *slice, size_t row, struct asof_json_writer *w,
	       struct last_text *last)
{
	const struct asof_batch_request *batch = slice->batch;
	asof_json_key_cstr(w, "statuses");
	if (last->len > 0 && are_as_before(slice, row)) {
		asof_json_repeat(w, last->at, last->len);
		return;
	}
	last->at = w->buf->len;
	asof_json_begin_object(w);
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		const struct asof_answer *answer = &slice->answers[item->part][row];
		asof_json_member_cstr(w, item->name,
				      asof_value_status_text(answer->statuses[item->output]));
	}
	asof_json_end_object(w);
	last->len = w->buf->len - last->at;
}

static void
write_items(const struct asof_batch_slice *slice, size_t row, struct asof_json_writer *w)
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
}

static void
write_views(const struct asof_batch_slice *slice, size_t row, struct asof_json_writer *w)
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
write_many_slice(void *arg, const struct asof_batch_slice *slice, struct asof_error *err)
{
	struct asof_json_writer *w = arg;
	struct last_text last = { 0 };
	for (size_t row = 0; row < slice->count; row++) {
		asof_json_begin_object(w);
		write_key(slice->batch, slice->first + row, w);
		write_items(slice, row, w);
		write_statuses(slice, row, w, &last);
		write_views(slice, row, w);
		asof_json_end_object(w);
	}
	return asof_buf_status(w->buf, err);
}

enum asof_status
asof_batch_answer(struct asof_reader *reader, const struct asof_batch_request *batch,
		  struct asof_arena *rows_arena, struct asof_buf *buf, struct asof_error *err)
{
	return answer_batch(reader, batch, rows_arena, write_many_slice, buf, err);
}
