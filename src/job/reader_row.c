/* reader_row.c - a row of a view as JSON. */
#include "job/reader_row.h"

#include "codec/time_text.h"
#include "codec/value_text.h"
#include "job/reader.h"

#define TEXT_BYTES_MAX ((size_t)64 << 20)

/* ---- What is the same in every row ---- */

/* What `buf` holds from `at` on, to stay. */
static enum asof_status
keep(const struct asof_buf *buf, size_t at, struct asof_arena *arena, struct asof_str *ret_text,
     struct asof_error *err)
{
	ASOF_TRY(asof_buf_status(buf, err));
	struct asof_str text = { buf->ptr + at, buf->len - at };
	ret_text->ptr = asof_arena_copy(arena, text);
	ret_text->len = text.len;
	return ret_text->ptr ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "text of a view");
}

static enum asof_status
make_name(const char *name, struct asof_arena *arena, struct asof_str *ret_text,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(TEXT_BYTES_MAX);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_cstr(&w, name);
	asof_buf_add_char(&buf, ':');
	return keep(&buf, 0, arena, ret_text, err);
}

static enum asof_status
make_members(const struct asof_reader_view *view, struct asof_arena *arena,
	     struct asof_str *ret_text, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(TEXT_BYTES_MAX);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "view", view->name);
	asof_json_member_cstr(&w, "version", view->version);
	return keep(&buf, 1, arena, ret_text, err);
}

static enum asof_status
make_statuses(const struct asof_view *definition, struct asof_arena *arena,
	      struct asof_str *ret_text, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(TEXT_BYTES_MAX);
	struct asof_json_writer w = asof_json_writer_to(&buf);
	asof_json_begin_object(&w);
	for (size_t i = 0; i < definition->output_count; i++)
		asof_json_member_cstr(&w, definition->outputs[i].name,
				      asof_value_status_text(ASOF_VALUE_PRESENT));
	asof_json_end_object(&w);
	return keep(&buf, 0, arena, ret_text, err);
}

enum asof_status
asof_row_text_make(const struct asof_reader_view *view, struct asof_arena *arena,
		   struct asof_row_text *ret_text, struct asof_error *err)
{
	const struct asof_view *definition = view->view;
	const struct asof_entity *entity = definition->entity;
	struct asof_row_text text = {
		.keys = asof_arena_array(arena, entity->key_count, sizeof(*text.keys)),
		.outputs = asof_arena_array(arena, definition->output_count, sizeof(*text.outputs)),
	};
	if (!text.keys || !text.outputs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "text of a view");
	for (size_t i = 0; i < entity->key_count; i++)
		ASOF_TRY(make_name(entity->keys[i].name, arena, &text.keys[i], err));
	for (size_t i = 0; i < definition->output_count; i++)
		ASOF_TRY(make_name(definition->outputs[i].name, arena, &text.outputs[i], err));
	ASOF_TRY(make_members(view, arena, &text.view_members, err));
	ASOF_TRY(make_statuses(definition, arena, &text.statuses_as_one, err));
	*ret_text = text;
	return ASOF_OK;
}

/* ---- A row ---- */

static void
write_event_time(struct asof_json_writer *w, const struct asof_answer *answer)
{
	char text[ASOF_TIME_TEXT_MAX];
	asof_json_key_cstr(w, "event_time");
	if (answer->has_row)
		asof_json_str(
			w, (struct asof_str){ text, asof_timestamp_text(answer->event_us, text) });
	else
		asof_json_null(w);
}

static bool
are_all_present(const struct asof_answer *answer, size_t output_count)
{
	size_t i = 0;
	while (i < output_count && answer->statuses[i] == ASOF_VALUE_PRESENT)
		i++;
	return i == output_count;
}

static void
write_statuses(struct asof_json_writer *w, const struct asof_reader_view *view,
	       const size_t *outputs, size_t count, const struct asof_answer *answer,
	       struct asof_last_statuses *last)
{
	const struct asof_row_text *text = &view->text;
	size_t size = view->view->output_count * sizeof(*answer->statuses);
	asof_json_key_cstr(w, "statuses");
	if (!outputs && are_all_present(answer, view->view->output_count)) {
		asof_json_raw(w, text->statuses_as_one);
		return;
	}
	if (last->statuses && memcmp(last->statuses, answer->statuses, size) == 0) {
		asof_json_repeat(w, last->at, last->len);
		return;
	}
	size_t at = w->buf->len;
	asof_json_begin_object(w);
	for (size_t i = 0; i < count; i++) {
		size_t output = outputs ? outputs[i] : i;
		asof_json_key_text(w, text->outputs[output]);
		asof_json_cstr(w, asof_value_status_text(answer->statuses[output]));
	}
	asof_json_end_object(w);
	*last = (struct asof_last_statuses){ answer->statuses, at, w->buf->len - at };
}

static void
write_key(struct asof_json_writer *w, const struct asof_reader_view *view,
	  const struct asof_value *key)
{
	size_t key_count = asof_reader_view_is_on_demand(view) ? view->key_count
							       : view->view->entity->key_count;
	asof_json_key_cstr(w, "key");
	asof_json_begin_object(w);
	for (size_t i = 0; i < key_count; i++) {
		asof_json_key_text(w, view->text.keys[i]);
		asof_value_write_json(w, &key[i]);
	}
	asof_json_end_object(w);
}

void
asof_reader_write_row(struct asof_json_writer *w, const struct asof_reader_view *view,
		      const struct asof_value *key, const size_t *outputs, size_t output_count,
		      const struct asof_answer *answer)
{
	struct asof_last_statuses none = { 0 };
	asof_reader_write_next_row(w, view, key, outputs, output_count, answer, &none);
}

void
asof_reader_write_next_row(struct asof_json_writer *w, const struct asof_reader_view *view,
			   const struct asof_value *key, const size_t *outputs, size_t output_count,
			   const struct asof_answer *answer, struct asof_last_statuses *last)
{
	size_t count = outputs ? output_count : view->view->output_count;
	asof_json_begin_object(w);
	asof_json_members(w, view->text.view_members);
	write_key(w, view, key);
	asof_json_key_cstr(w, "features");
	asof_json_begin_object(w);
	for (size_t i = 0; i < count; i++) {
		size_t output = outputs ? outputs[i] : i;
		asof_json_key_text(w, view->text.outputs[output]);
		asof_value_write_json(w, &answer->values[output]);
	}
	asof_json_end_object(w);
	write_statuses(w, view, outputs, count, answer, last);
	write_event_time(w, answer);
	asof_json_end_object(w);
}
