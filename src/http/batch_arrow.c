/* batch_arrow.c - rows of a batch as Arrow columns. */
#include "http/batch_arrow.h"

#include "codec/arrow_stream.h"
#include "http/batch_rows.h"

#define NAME_BYTES_MAX ((size_t)1024)

/* What a column of the answer is made of. */
struct column {
	enum { COLUMN_KEY, COLUMN_FEATURE, COLUMN_STATUS, COLUMN_EVENT_TIME } what;
	size_t index;  /* of the key among the batch's columns, else of the part */
	size_t output; /* of a feature or its status */
};

struct arrow_answer {
	const struct asof_batch_request *batch;
	bool has_bare_names; /* by asof_batch_read_view(), of one view */
	struct asof_arena *arena;
	struct asof_arrow_schema schema;
	struct asof_arrow_field *fields;
	struct column *columns;
	struct asof_buf *buf;

	const struct asof_batch_slice *slice; /* being written */
	struct asof_value **event_times;      /* of it, per part */
};

static const char *const status_words[] = { "PRESENT", "NULL_VALUE", "NOT_FOUND",
					    "OUTSIDE_MAX_AGE" };
/* The same as indices, to be pointed to. */
static const struct asof_value status_values[] = {
	[ASOF_VALUE_PRESENT] = { .type = { .kind = ASOF_TYPE_INT32 }, .int32 = 0 },
	[ASOF_VALUE_NULL] = { .type = { .kind = ASOF_TYPE_INT32 }, .int32 = 1 },
	[ASOF_VALUE_NOT_FOUND] = { .type = { .kind = ASOF_TYPE_INT32 }, .int32 = 2 },
	[ASOF_VALUE_OUTSIDE_MAX_AGE] = { .type = { .kind = ASOF_TYPE_INT32 }, .int32 = 3 },
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of a batch");
}

/* "VIEW.NAME", or without the view; then the suffix. NULL on exhaustion. */
static const char *
join_name(struct arrow_answer *a, const char *view, const char *name, const char *suffix)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(NAME_BYTES_MAX);
	if (view) {
		asof_buf_add_cstr(&text, view);
		asof_buf_add_char(&text, '.');
	}
	asof_buf_add_cstr(&text, name);
	asof_buf_add_cstr(&text, suffix);
	return text.status == ASOF_OK ? asof_arena_copy(a->arena, asof_buf_view(&text)) : NULL;
}

static enum asof_status
add_column(struct arrow_answer *a, const char *name, struct asof_type type, struct column column,
	   struct asof_error *err)
{
	size_t at = a->schema.field_count++;
	a->columns[at] = column;
	a->fields[at] = (struct asof_arrow_field){ .name = name,
						   .type = type,
						   .has_words = column.what == COLUMN_STATUS };
	return name ? ASOF_OK : no_memory(err);
}

static enum asof_status
add_feature(struct arrow_answer *a, size_t part, size_t output, struct asof_error *err)
{
	const struct asof_reader_view *view = a->batch->parts[part].view;
	const struct asof_output *of = &view->view->outputs[output];
	const char *prefix = a->has_bare_names ? NULL : view->name;
	ASOF_TRY(add_column(a, join_name(a, prefix, of->name, ""), of->type,
			    (struct column){ COLUMN_FEATURE, part, output }, err));
	return add_column(a, join_name(a, prefix, of->name, ".status"), ASOF_TYPE(ASOF_TYPE_STRING),
			  (struct column){ COLUMN_STATUS, part, output }, err);
}

/* Each key name once, also where two views hold it as different types. */
static enum asof_status
add_keys(struct arrow_answer *a, struct asof_error *err)
{
	const struct asof_batch_request *batch = a->batch;
	for (size_t i = 0; i < batch->column_count; i++) {
		bool is_known = batch->columns[i].is_request; /* no key */
		for (size_t j = 0; j < i && !is_known; j++)
			is_known = strcmp(batch->columns[i].name, batch->columns[j].name) == 0;
		if (!is_known)
			ASOF_TRY(add_column(a, batch->columns[i].name, batch->columns[i].type,
					    (struct column){ COLUMN_KEY, i, 0 }, err));
	}
	return ASOF_OK;
}

static enum asof_status
add_features(struct arrow_answer *a, struct asof_error *err)
{
	const struct asof_batch_request *batch = a->batch;
	const struct asof_batch_part *first = &batch->parts[0];
	if (!a->has_bare_names) {
		for (size_t i = 0; i < batch->item_count; i++)
			ASOF_TRY(add_feature(a, batch->items[i].part, batch->items[i].output, err));
		return ASOF_OK;
	}
	size_t count =
		first->output_count > 0 ? first->output_count : first->view->view->output_count;
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(add_feature(a, 0, first->output_count > 0 ? first->outputs[i] : i, err));
	return ASOF_OK;
}

static enum asof_status
add_event_times(struct arrow_answer *a, struct asof_error *err)
{
	for (size_t i = 0; i < a->batch->part_count; i++) {
		const char *view = a->batch->parts[i].view->name;
		ASOF_TRY(add_column(a,
				    join_name(a, a->has_bare_names ? NULL : view, "event_time", ""),
				    ASOF_TYPE(ASOF_TYPE_TIMESTAMP),
				    (struct column){ COLUMN_EVENT_TIME, i, 0 }, err));
	}
	return ASOF_OK;
}

static enum asof_status
add_versions(struct arrow_answer *a, struct asof_error *err)
{
	size_t count = a->batch->part_count;
	const char **pairs = asof_arena_array(a->arena, 2 * count, sizeof(*pairs));
	if (!pairs)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		pairs[2 * i] = join_name(a, "asof.version", a->batch->parts[i].view->name, "");
		pairs[2 * i + 1] = a->batch->parts[i].view->version;
		if (!pairs[2 * i])
			return no_memory(err);
	}
	a->schema.metadata = pairs;
	a->schema.metadata_count = count;
	return ASOF_OK;
}

static enum asof_status
make_schema(struct arrow_answer *a, struct asof_error *err)
{
	const struct asof_batch_request *batch = a->batch;
	size_t feature_count =
		a->has_bare_names ? batch->parts[0].view->view->output_count : batch->item_count;
	size_t count = batch->column_count + 2 * feature_count + batch->part_count;
	a->fields = asof_arena_array(a->arena, count, sizeof(*a->fields));
	a->columns = asof_arena_array(a->arena, count, sizeof(*a->columns));
	a->event_times = asof_arena_array(a->arena, batch->part_count, sizeof(void *));
	if (!a->fields || !a->columns || !a->event_times)
		return no_memory(err);
	a->schema.fields = a->fields;
	a->schema.words = status_words;
	a->schema.word_count = ASOF_COUNTOF(status_words);
	ASOF_TRY(add_keys(a, err));
	ASOF_TRY(add_features(a, err));
	ASOF_TRY(add_event_times(a, err));
	return add_versions(a, err);
}

static const struct asof_value *
cell_of(const void *arg, size_t index, size_t row)
{
	const struct arrow_answer *a = arg;
	const struct column *column = &a->columns[index];
	const struct asof_batch_slice *slice = a->slice;
	if (column->what == COLUMN_KEY)
		return &a->batch->columns[column->index].values[slice->first + row];
	if (column->what == COLUMN_EVENT_TIME)
		return &a->event_times[column->index][row];
	const struct asof_answer *answer = &slice->answers[column->index][row];
	if (column->what == COLUMN_STATUS)
		return &status_values[answer->statuses[column->output]];
	return &answer->values[column->output];
}

static enum asof_status
set_event_times(struct arrow_answer *a, const struct asof_batch_slice *slice,
		struct asof_error *err)
{
	for (size_t i = 0; i < a->batch->part_count; i++) {
		struct asof_value *times =
			asof_arena_array(slice->arena, slice->count, sizeof(*times));
		if (!times)
			return no_memory(err);
		for (size_t row = 0; row < slice->count; row++) {
			const struct asof_answer *answer = &slice->answers[i][row];
			times[row] = asof_value_null(ASOF_TYPE(ASOF_TYPE_TIMESTAMP));
			times[row].is_null = !answer->has_row;
			times[row].int64 = answer->event_us;
		}
		a->event_times[i] = times;
	}
	return ASOF_OK;
}

static enum asof_status
write_slice(void *arg, const struct asof_batch_slice *slice, struct asof_error *err)
{
	struct arrow_answer *a = arg;
	a->slice = slice;
	ASOF_TRY(set_event_times(a, slice, err));
	return asof_arrow_batch(&a->schema, cell_of, a, slice->count, slice->arena, a->buf, err);
}

enum asof_status
asof_batch_answer_arrow(struct asof_reader *reader, const struct asof_batch_request *batch,
			bool has_bare_names, struct asof_scratch *scratch, struct asof_buf *buf,
			struct asof_error *err)
{
	struct arrow_answer a = { .batch = batch,
				  .has_bare_names = has_bare_names,
				  .arena = &scratch->request,
				  .buf = buf };
	ASOF_TRY(make_schema(&a, err));
	asof_arrow_begin(&a.schema, buf);
	ASOF_TRY(asof_batch_each_slice(reader, batch, &scratch->rows, write_slice, &a, err));
	asof_arrow_end(buf);
	return asof_buf_status(buf, err);
}
