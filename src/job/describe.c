#include "job/describe.h"

#include "codec/time_text.h"
#include "codec/value_text.h"
#include "model/duration.h"

static void
optional(struct asof_json_writer *w, const char *name, const char *text)
{
	if (text)
		asof_json_member_cstr(w, name, text);
}

void
asof_describe_about(struct asof_json_writer *w, const struct asof_about *about)
{
	optional(w, "description", about->description);
	optional(w, "owner", about->owner);
	if (about->tag_count == 0)
		return;
	asof_json_key_cstr(w, "tags");
	asof_json_begin_array(w);
	for (size_t i = 0; i < about->tag_count; i++)
		asof_json_cstr(w, about->tags[i]);
	asof_json_end_array(w);
}

static void
write_type(struct asof_json_writer *w, const char *name, struct asof_type type)
{
	char text[ASOF_TYPE_TEXT_MAX];
	asof_json_key_cstr(w, name);
	if (type.kind == ASOF_TYPE_NONE)
		asof_json_null(w);
	else
		asof_json_cstr(w, asof_type_text(type, text));
}

void
asof_describe_time(struct asof_json_writer *w, const char *name, int64_t event_us)
{
	char text[ASOF_TIME_TEXT_MAX];
	asof_json_member_str(w, name,
			     (struct asof_str){ text, asof_timestamp_text(event_us, text) });
}

void
asof_describe_duration(struct asof_json_writer *w, const char *name, int64_t us)
{
	char text[ASOF_DURATION_TEXT_MAX];
	asof_json_key_cstr(w, name);
	if (us == ASOF_STEP_EVENT)
		asof_json_cstr(w, "event");
	else if (us == 0)
		asof_json_null(w);
	else
		asof_json_cstr(w, asof_duration_text(us, text));
}

void
asof_describe_entity(struct asof_json_writer *w, const struct asof_entity *entity)
{
	asof_json_member_cstr(w, "name", entity->name);
	asof_json_key_cstr(w, "keys");
	asof_json_begin_object(w);
	for (size_t i = 0; i < entity->key_count; i++)
		write_type(w, entity->keys[i].name, entity->keys[i].type);
	asof_json_end_object(w);
	asof_describe_about(w, &entity->about);
}

void
asof_describe_source(struct asof_json_writer *w, const struct asof_source *source)
{
	char lateness[ASOF_DURATION_TEXT_MAX];
	asof_json_member_cstr(w, "name", source->name);
	optional(w, source->kind == ASOF_SOURCE_VIEW ? "view" : "path", source->location.text);
	if (asof_format_is_table(source->format))
		asof_json_member_cstr(w, "format",
				      source->format == ASOF_FORMAT_DELTA ? "delta" : "iceberg");
	if (source->has_version)
		asof_json_member_int(w, "version", source->version);
	optional(w, "event_time", source->event_time.text);
	optional(w, "created_time", source->created_time.text);
	optional(w, "filter", source->filter.text);
	optional(w, "time_zone", source->time_zone);
	if (source->cursor != ASOF_SOURCE_CURSOR_FILES) {
		asof_json_member_cstr(w, "cursor", asof_source_cursor_text(source->cursor));
		asof_json_member_cstr(w, "lateness",
				      source->lateness_us > 0
					      ? asof_duration_text(source->lateness_us, lateness)
					      : "0s");
	}
	if (source->select_count > 0) {
		asof_json_key_cstr(w, "select");
		asof_json_begin_object(w);
		for (size_t i = 0; i < source->select_count; i++)
			asof_json_member_cstr(w, source->selects[i].name,
					      source->selects[i].expression.text);
		asof_json_end_object(w);
	}
	if (source->field_count > 0) {
		asof_json_key_cstr(w, "columns");
		asof_json_begin_object(w);
		for (size_t i = 0; i < source->field_count; i++) {
			if (source->fields[i].type.kind == ASOF_TYPE_NONE)
				optional(w, source->fields[i].name, source->fields[i].type_text);
			else
				write_type(w, source->fields[i].name, source->fields[i].type);
		}
		asof_json_end_object(w);
	}
	asof_describe_about(w, &source->about);
}

void
asof_describe_service(struct asof_json_writer *w, const struct asof_service *service)
{
	asof_json_member_cstr(w, "name", service->name);
	asof_json_key_cstr(w, "features");
	asof_json_begin_array(w);
	for (size_t i = 0; i < service->item_count; i++) {
		const struct asof_service_item *item = &service->items[i];
		/* Names and versions need no escapes. */
		asof_json_raw(w, asof_str_from("\""));
		asof_buf_printf(w->buf, "%s%s%s.%s\"", item->view->name, item->version ? "@" : "",
				item->version ? item->version : "", item->output->name);
	}
	asof_json_end_array(w);
	asof_describe_about(w, &service->about);
}

/* As the user wrote it, which is how the output's name has it. */
static const char *
window_text(const struct asof_output *output)
{
	for (size_t i = 0; i < output->feature->window_count; i++) {
		if (output->feature->windows[i].length_us == output->window_us)
			return output->feature->windows[i].text;
	}
	return "";
}

void
asof_describe_output(struct asof_json_writer *w, const struct asof_output *output)
{
	asof_json_member_cstr(w, "name", output->name);
	write_type(w, "type", output->type);
	if (output->agg != ASOF_AGG_NONE) {
		asof_json_member_cstr(w, "aggregate", asof_agg_text(output->agg));
		asof_json_member_cstr(w, "window", window_text(output));
	}
	optional(w, "column", output->feature->column.text);
	optional(w, "expr", output->feature->expr.text);
	if (output->has_default) {
		asof_json_key_cstr(w, "default");
		asof_value_write_json(w, output->default_value);
	}
	optional(w, "description", output->feature->description);
}

/* The entity is made of what is read, which is known once that is bound. */
static void
describe_on_demand(struct asof_json_writer *w, const struct asof_view *view)
{
	const struct asof_on_demand *on_demand = view->on_demand;
	asof_json_member_cstr(w, "name", view->name);
	asof_json_member_bool(w, "on_demand", true);
	asof_json_key_cstr(w, "keys");
	asof_json_begin_object(w);
	for (size_t i = 0; view->entity && i < view->entity->key_count; i++)
		write_type(w, view->entity->keys[i].name, view->entity->keys[i].type);
	asof_json_end_object(w);
	asof_json_key_cstr(w, "request");
	asof_json_begin_object(w);
	for (size_t i = 0; i < on_demand->request_count; i++)
		write_type(w, on_demand->request[i].name, on_demand->request[i].type);
	asof_json_end_object(w);
	asof_json_key_cstr(w, "reads");
	asof_json_begin_array(w);
	for (size_t i = on_demand->request_count; i < on_demand->input_count; i++) {
		/* Names need no escapes. */
		asof_json_raw(w, asof_str_from("\""));
		asof_buf_printf(w->buf, "%s.%s\"", on_demand->inputs[i].view,
				on_demand->inputs[i].name);
	}
	asof_json_end_array(w);
	asof_describe_about(w, &view->about);
}

void
asof_describe_view(struct asof_json_writer *w, const struct asof_view *view)
{
	if (view->on_demand) {
		describe_on_demand(w, view);
		return;
	}
	asof_json_member_cstr(w, "name", view->name);
	asof_json_member_cstr(w, "entity", view->entity->name);
	asof_json_key_cstr(w, "keys");
	asof_json_begin_object(w);
	for (size_t i = 0; i < view->entity->key_count; i++)
		write_type(w, view->entity->keys[i].name, view->entity->keys[i].type);
	asof_json_end_object(w);
	asof_json_member_cstr(w, "source", view->source->name);
	asof_describe_duration(w, "step", view->step_us);
	asof_describe_duration(w, "max_age", view->max_age_us);
	asof_describe_duration(w, "available_after", view->available_after_us);
	asof_describe_about(w, &view->about);
}
