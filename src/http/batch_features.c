/* batch_features.c - what a batch asks for: features by name, or those of a service. */
#include "base/suggest.h"
#include "http/batch_reading.h"
#include "job/served.h"

#define SHOWN_MAX 80 /* bytes of a client's name that a message shows */

static enum asof_status
no_memory(struct asof_batch_reading *reading)
{
	return ASOF_FAIL(&reading->problem->err, ASOF_NO_MEMORY, "a batch request");
}

/* A view was materialized anew, or for the first time, while the request was read. */
static enum asof_status
changed_meanwhile(struct asof_batch_reading *reading)
{
	return ASOF_FAIL(&reading->problem->err, ASOF_UNAVAILABLE,
			 "what is online changed just now: ask again");
}

struct asof_str
asof_batch_shown(struct asof_str text)
{
	return text.len <= SHOWN_MAX ? text : (struct asof_str){ text.ptr, SHOWN_MAX };
}

enum asof_status
asof_batch_check_features(struct asof_batch_reading *reading, const struct asof_json *features)
{
	if (features->kind != ASOF_JSON_ARRAY)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "features is no list of names");
	if (features->count == 0)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "features is empty");
	if (features->count > ASOF_BATCH_FEATURES_MAX)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_LIMIT_EXCEEDED,
				   "%zu features, at most %d", features->count,
				   ASOF_BATCH_FEATURES_MAX);
	for (size_t i = 0; i < features->count; i++) {
		if (features->items[i].kind != ASOF_JSON_STRING)
			return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
					   "features[%zu] is no string", i);
	}
	return ASOF_OK;
}

static enum asof_status
refuse_feature(struct asof_batch_reading *reading, const struct asof_view *view,
	       struct asof_str name)
{
	const char **names = asof_arena_array(reading->arena, view->output_count, sizeof(*names));
	const char *near = NULL;
	if (names) {
		for (size_t i = 0; i < view->output_count; i++)
			names[i] = view->outputs[i].name;
		near = asof_suggest(name, names, view->output_count);
	}
	return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_FEATURE,
			   "view '%s' has no feature '%.*s'%s%s%s", view->name,
			   ASOF_STR_ARG(asof_batch_shown(name)), near ? ": did you mean '" : "",
			   near ? near : "", near ? "'?" : "");
}

static enum asof_status
refuse_view(struct asof_batch_reading *reading, struct asof_str name)
{
	const char *near = reading->reader ? asof_reader_suggest_view(reading->reader, name) : NULL;
	return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_VIEW,
			   "no view '%.*s' is online%s%s%s", ASOF_STR_ARG(asof_batch_shown(name)),
			   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum asof_status
make_room(struct asof_batch_reading *reading, size_t view_count, size_t output_count)
{
	struct asof_batch_request *batch = reading->batch;
	batch->parts = asof_arena_array(reading->arena, view_count, sizeof(*batch->parts));
	batch->items = asof_arena_array(reading->arena, output_count, sizeof(*batch->items));
	reading->part_max = view_count;
	reading->item_max = output_count;
	return batch->parts && batch->items ? ASOF_OK : no_memory(reading);
}

enum asof_status
asof_batch_make_room(struct asof_batch_reading *reading)
{
	if (!reading->reader)
		return make_room(reading, 1, reading->only->view->output_count);
	size_t view_count;
	size_t output_count;
	reading->batch->served = asof_reader_served(reading->reader);
	asof_reader_count(reading->reader, reading->batch->served, &view_count, &output_count);
	return make_room(reading, view_count, output_count);
}

/* The part of `view`, made when it is asked for first. */
static enum asof_status
find_part(struct asof_batch_reading *reading, const struct asof_reader_view *view, size_t *ret_part)
{
	struct asof_batch_request *batch = reading->batch;
	for (size_t i = 0; i < batch->part_count; i++) {
		if (batch->parts[i].view == view) {
			*ret_part = i;
			return ASOF_OK;
		}
	}
	if (batch->part_count == reading->part_max)
		return changed_meanwhile(reading);
	struct asof_batch_part *part = &batch->parts[batch->part_count];
	size_t output_count = view->view->output_count;
	part->view = view;
	part->outputs = asof_arena_array(reading->arena, output_count, sizeof(*part->outputs));
	part->is_asked = asof_arena_array(reading->arena, output_count, sizeof(*part->is_asked));
	if (!part->outputs || !part->is_asked)
		return no_memory(reading);
	*ret_part = batch->part_count++;
	return ASOF_OK;
}

/* Ask for an output, once. */
static enum asof_status
add_output(struct asof_batch_reading *reading, size_t part_index, size_t output)
{
	struct asof_batch_request *batch = reading->batch;
	struct asof_batch_part *part = &batch->parts[part_index];
	if (part->is_asked[output])
		return ASOF_OK;
	if (batch->item_count == reading->item_max)
		return changed_meanwhile(reading);

	const struct asof_view *view = part->view->view;
	const char *name = asof_arena_printf(reading->arena, "%s.%s", part->view->name,
					     view->outputs[output].name);
	if (!name)
		return no_memory(reading);
	part->is_asked[output] = true;
	part->outputs[part->output_count++] = output;
	batch->items[batch->item_count++] =
		(struct asof_batch_item){ .part = part_index, .output = output, .name = name };
	return ASOF_OK;
}

enum asof_status
asof_batch_add_feature(struct asof_batch_reading *reading, const struct asof_reader_view *view,
		       struct asof_str name)
{
	size_t part;
	ASOF_TRY(find_part(reading, view, &part));
	if (name.len == 1 && name.ptr[0] == '*') {
		for (size_t i = 0; i < view->view->output_count; i++)
			ASOF_TRY(add_output(reading, part, i));
		return ASOF_OK;
	}
	const struct asof_output *output = asof_view_output(view->view, name);
	if (!output)
		return refuse_feature(reading, view->view, name);
	return add_output(reading, part, (size_t)(output - view->view->outputs));
}

static const struct asof_reader_view *
look_up(const struct asof_batch_reading *reading, struct asof_str name)
{
	if (reading->reader)
		return asof_reader_find_view_in(reading->reader, reading->batch->served, name);
	return asof_reader_view_is(reading->only, name) ? reading->only : NULL;
}

/*
 * The view online under a name, NULL without one. A request sees one state of each view: that which
 * it found first, also where another takes its place meanwhile.
 */
static enum asof_status
find_view(struct asof_batch_reading *reading, struct asof_str name,
	  const struct asof_reader_view **ret_view)
{
	const struct asof_batch_request *batch = reading->batch;
	for (size_t i = 0; i < batch->part_count; i++) {
		if (asof_reader_view_is(batch->parts[i].view, name)) {
			*ret_view = batch->parts[i].view;
			return ASOF_OK;
		}
	}
	const struct asof_reader_view *view = look_up(reading, name);
	for (size_t i = 0; view && i < batch->part_count; i++) {
		if (strcmp(batch->parts[i].view->name, view->name) == 0)
			return changed_meanwhile(reading);
	}
	*ret_view = view;
	return ASOF_OK;
}

enum asof_status
asof_batch_add_feature_of(struct asof_batch_reading *reading, struct asof_str view_name,
			  struct asof_str name)
{
	const struct asof_reader_view *view;
	ASOF_TRY(find_view(reading, view_name, &view));
	return view ? asof_batch_add_feature(reading, view, name) : refuse_view(reading, view_name);
}

/* A service of the project whose view or feature is not online is our trouble, not the client's. */
static enum asof_status
add_service_item(struct asof_batch_reading *reading, const struct asof_service *service,
		 const struct asof_service_item *item)
{
	const char *name = item->view->name;
	if (item->version)
		name = asof_arena_printf(reading->arena, "%s@%s", item->view->name, item->version);
	if (!name)
		return no_memory(reading);
	const struct asof_reader_view *view;
	ASOF_TRY(find_view(reading, asof_str_from(name), &view));
	if (!view || !asof_view_output(view->view, asof_str_from(item->output->name)))
		return ASOF_FAIL(&reading->problem->err, ASOF_UNAVAILABLE,
				 "service '%s': '%s.%s' is not online: materialize it",
				 service->name, name, item->output->name);
	return asof_batch_add_feature(reading, view, asof_str_from(item->output->name));
}

enum asof_status
asof_batch_add_service(struct asof_batch_reading *reading, const struct asof_json *given,
		       const char *member)
{
	if (given->kind != ASOF_JSON_STRING)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY, "%s is no string",
				   member);
	const struct asof_served *served = reading->batch->served;
	const struct asof_service *service =
		served ? asof_project_service(served->project, given->text) : NULL;
	if (!service)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_SERVICE,
				   "no service '%.*s'",
				   ASOF_STR_ARG(asof_batch_shown(given->text)));
	for (size_t i = 0; i < service->item_count; i++)
		ASOF_TRY(add_service_item(reading, service, &service->items[i]));
	return ASOF_OK;
}
