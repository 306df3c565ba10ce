/* feast_answer.c - online features, column by column. */
#include "http/feast_answer.h"

#include "codec/time_text.h"
#include "codec/value_text.h"
#include "http/batch_rows.h"
#include "http/feast_value.h"

#define US_PER_S INT64_C(1000000)

/* The shortest that a value, its status and its time can be: 0,"PRESENT","1970-01-01T00:00:00Z", */
#define CELL_BYTES_MIN ((size_t)35)

struct text {
	const char *ptr;
	size_t len;
};

#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct text status_texts[] = {
	[ASOF_VALUE_PRESENT] = TEXT("\"PRESENT\""),
	[ASOF_VALUE_NULL] = TEXT("\"NULL_VALUE\""),
	[ASOF_VALUE_NOT_FOUND] = TEXT("\"NOT_FOUND\""),
	[ASOF_VALUE_OUTSIDE_MAX_AGE] = TEXT("\"OUTSIDE_MAX_AGE\""),
};

/* Where a list stands in the answer. */
struct span {
	size_t offset;
	size_t len;
};

/* What is known of the rows read so far, by column. */
struct columns {
	const struct asof_feast_request *request;
	size_t row_count;
	struct asof_buf *texts;  /* per item: its values, but for those of the last slice */
	size_t text_bytes;       /* of them all */
	unsigned char *statuses; /* per item and row */
	int64_t *seconds;        /* per part and row: of the event time, else 0 */
	struct span *times;      /* per part: where its event times were written first */
	struct span no_times;    /* the same of keys, which have none */
	struct asof_batch_slice last;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of features");
}

static void
columns_done(struct columns *columns)
{
	for (size_t i = 0; columns->texts && i < columns->request->batch.item_count; i++)
		asof_buf_done(&columns->texts[i]);
}

static enum asof_status
make_columns(struct columns *columns, size_t text_max, struct asof_arena *arena,
	     struct asof_error *err)
{
	const struct asof_batch_request *batch = &columns->request->batch;
	size_t rows = batch->row_count;
	columns->row_count = rows;
	columns->statuses = asof_arena_array(arena, batch->item_count, rows);
	columns->seconds = asof_arena_array(arena, batch->part_count * rows, sizeof(int64_t));
	columns->times = asof_arena_array(arena, batch->part_count, sizeof(*columns->times));
	if (!columns->statuses || !columns->seconds || !columns->times)
		return no_memory(err);
	if (rows <= ASOF_BATCH_SLICE_ROWS)
		return ASOF_OK;

	columns->texts = asof_arena_array(arena, batch->item_count, sizeof(*columns->texts));
	if (!columns->texts)
		return no_memory(err);
	for (size_t i = 0; i < batch->item_count; i++)
		columns->texts[i] = ASOF_BUF(text_max);
	return ASOF_OK;
}

static void
take_statuses(struct columns *columns, const struct asof_batch_slice *slice)
{
	const struct asof_batch_request *batch = slice->batch;
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		const struct asof_answer *answers = slice->answers[item->part];
		unsigned char *statuses = columns->statuses + i * columns->row_count + slice->first;
		for (size_t row = 0; row < slice->count; row++)
			statuses[row] = (unsigned char)answers[row].statuses[item->output];
	}
}

static void
take_times(struct columns *columns, const struct asof_batch_slice *slice)
{
	for (size_t i = 0; i < slice->batch->part_count; i++) {
		const struct asof_answer *answers = slice->answers[i];
		int64_t *seconds = columns->seconds + i * columns->row_count + slice->first;
		for (size_t row = 0; row < slice->count; row++) {
			int64_t us = answers[row].has_row ? answers[row].event_us : 0;
			seconds[row] = us / US_PER_S - (us % US_PER_S < 0);
		}
	}
}

/* The values of an item in a slice, each but the first of all with a comma before it. */
static void
write_values(const struct asof_batch_slice *slice, size_t index, struct asof_buf *buf)
{
	const struct asof_batch_item *item = &slice->batch->items[index];
	const struct asof_answer *answers = slice->answers[item->part];
	for (size_t row = 0; row < slice->count; row++) {
		if (slice->first + row > 0)
			asof_buf_add_char(buf, ',');
		asof_feast_write_value(buf, &answers[row].values[item->output]);
	}
}

/* The rows of the slice make place for those of the next. */
static enum asof_status
take_values(struct columns *columns, const struct asof_batch_slice *slice, size_t text_max,
	    struct asof_error *err)
{
	for (size_t i = 0; i < slice->batch->item_count; i++) {
		struct asof_buf *text = &columns->texts[i];
		size_t before = text->len;
		write_values(slice, i, text);
		ASOF_TRY(asof_buf_status(text, err));
		columns->text_bytes += text->len - before;
		if (columns->text_bytes > text_max)
			return ASOF_FAIL(err, ASOF_LIMIT, "an answer longer than %zu bytes",
					 text_max);
	}
	return ASOF_OK;
}

static enum asof_status
read_columns(struct columns *columns, struct asof_reader *reader, size_t text_max,
	     struct asof_arena *arena, struct asof_error *err)
{
	int64_t clock_us = asof_reader_now_us(reader);
	for (size_t first = 0; first < columns->row_count; first += ASOF_BATCH_SLICE_ROWS) {
		size_t left = columns->row_count - first;
		struct asof_batch_slice slice = {
			.reader = reader,
			.batch = &columns->request->batch,
			.clock_us = clock_us,
			.first = first,
			.count = left < ASOF_BATCH_SLICE_ROWS ? left : ASOF_BATCH_SLICE_ROWS,
			.arena = arena,
		};
		asof_arena_reset(arena);
		ASOF_TRY(asof_batch_read_slice(&slice, err));
		take_statuses(columns, &slice);
		take_times(columns, &slice);
		if (left > ASOF_BATCH_SLICE_ROWS)
			ASOF_TRY(take_values(columns, &slice, text_max, err));
		columns->last = slice;
	}
	return ASOF_OK;
}

static void
add_statuses(struct asof_buf *buf, const unsigned char *statuses, size_t row_count)
{
	for (size_t row = 0; row < row_count; row++) {
		const struct text *text = &status_texts[statuses[row]];
		if (row > 0)
			asof_buf_add_char(buf, ',');
		asof_buf_add(buf, text->ptr, text->len);
	}
}

static void
add_time(struct asof_buf *buf, int64_t seconds)
{
	char *out = asof_buf_reserve(buf, ASOF_TIME_TEXT_MAX + 2);
	if (!out)
		return;
	out[0] = '"';
	size_t len = 1 + asof_timestamp_text(seconds * US_PER_S, out + 1);
	out[len++] = '"';
	asof_buf_grow(buf, len);
}

/* seconds: NULL for none. Where the same list was written before, it is copied. */
static void
add_times(struct asof_buf *buf, const int64_t *seconds, size_t row_count, struct span *written)
{
	if (written->len > 0) {
		char *out = asof_buf_reserve(buf, written->len);
		if (!out)
			return;
		memcpy(out, buf->ptr + written->offset, written->len);
		asof_buf_grow(buf, written->len);
		return;
	}
	written->offset = buf->len;
	for (size_t row = 0; row < row_count; row++) {
		if (row > 0)
			asof_buf_add_char(buf, ',');
		add_time(buf, seconds ? seconds[row] : 0);
	}
	written->len = buf->len - written->offset;
}

/* A key as it was understood; it has no event time. */
static void
write_key(struct columns *columns, const struct asof_batch_column *key, struct asof_json_writer *w)
{
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "values");
	asof_json_begin_array(w);
	for (size_t row = 0; row < columns->row_count; row++)
		asof_value_write_json(w, &key->values[row]);
	asof_json_end_array(w);
	asof_json_key_cstr(w, "statuses");
	asof_json_begin_array(w);
	for (size_t row = 0; row < columns->row_count; row++) {
		unsigned char status =
			key->values[row].is_null ? ASOF_VALUE_NULL : ASOF_VALUE_PRESENT;
		if (row > 0)
			asof_buf_add_char(w->buf, ',');
		add_statuses(w->buf, &status, 1);
	}
	asof_json_end_array(w);
	asof_json_key_cstr(w, "event_timestamps");
	asof_json_begin_array(w);
	add_times(w->buf, NULL, columns->row_count, &columns->no_times);
	asof_json_end_array(w);
	asof_json_end_object(w);
}

static void
write_item(struct columns *columns, size_t index, struct asof_json_writer *w)
{
	size_t part = columns->request->batch.items[index].part;
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "values");
	asof_json_begin_array(w);
	if (columns->texts) {
		asof_buf_add_str(w->buf, asof_buf_view(&columns->texts[index]));
		asof_buf_done(&columns->texts[index]);
	}
	if (columns->row_count > 0)
		write_values(&columns->last, index, w->buf);
	asof_json_end_array(w);
	asof_json_key_cstr(w, "statuses");
	asof_json_begin_array(w);
	add_statuses(w->buf, columns->statuses + index * columns->row_count, columns->row_count);
	asof_json_end_array(w);
	asof_json_key_cstr(w, "event_timestamps");
	asof_json_begin_array(w);
	add_times(w->buf, columns->seconds + part * columns->row_count, columns->row_count,
		  &columns->times[part]);
	asof_json_end_array(w);
	asof_json_end_object(w);
}

/* Feast counts versions by one number: ours is the major one, which is what a client pins. */
static void
write_versions(const struct asof_batch_request *batch, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "feature_view_metadata");
	asof_json_begin_array(w);
	for (size_t i = 0; i < batch->part_count; i++) {
		const struct asof_reader_view *view = batch->parts[i].view;
		struct asof_str major = { view->version, strcspn(view->version, ".") };
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "name", view->name);
		asof_json_key_cstr(w, "version");
		asof_json_raw(w, major);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

static void
write_metadata(const struct asof_feast_request *request, struct asof_json_writer *w)
{
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "feature_names");
	asof_json_begin_array(w);
	for (size_t i = 0; i < request->key_count; i++)
		asof_json_cstr(w, request->keys[i]->name);
	for (size_t i = 0; i < request->batch.item_count; i++)
		asof_json_cstr(w, request->batch.items[i].name);
	asof_json_end_array(w);
	if (request->tells_versions)
		write_versions(&request->batch, w);
	asof_json_end_object(w);
}

static enum asof_status
write_columns(struct columns *columns, struct asof_buf *buf, struct asof_error *err)
{
	const struct asof_feast_request *request = columns->request;
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "results");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < request->key_count; i++)
		write_key(columns, request->keys[i], &w);
	for (size_t i = 0; i < request->batch.item_count; i++) {
		write_item(columns, i, &w);
		ASOF_TRY(asof_buf_status(buf, err));
	}
	asof_json_end_array(&w);
	asof_json_key_cstr(&w, "metadata");
	write_metadata(request, &w);
	asof_json_end_object(&w);
	return asof_buf_status(buf, err);
}

enum asof_status
asof_feast_answer(struct asof_reader *reader, const struct asof_feast_request *request,
		  struct asof_scratch *scratch, struct asof_buf *buf, struct asof_problem *problem)
{
	size_t cells = request->key_count + request->batch.item_count;
	if (cells > 0 && request->batch.row_count > buf->max_bytes / CELL_BYTES_MIN / cells)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_LIMIT_EXCEEDED,
				   "%zu features of %zu entities take more than the %zu bytes of "
				   "an answer: ask for fewer at once",
				   request->batch.item_count, request->batch.row_count,
				   buf->max_bytes);
	ASOF_AUTO(columns_done) struct columns columns = { .request = request };
	ASOF_TRY(make_columns(&columns, buf->max_bytes, &scratch->request, &problem->err));
	ASOF_TRY(read_columns(&columns, reader, buf->max_bytes, &scratch->rows, &problem->err));
	return write_columns(&columns, buf, &problem->err);
}
