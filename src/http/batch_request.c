/* batch_request.c - the body of a batch request, checked and converted. */
#include "http/batch_request.h"

#include "base/suggest.h"
#include "codec/value_text.h"

#define SHOWN_MAX 80 /* bytes of a client's name that a message shows */
/* Values of a body, however small they are as text: each takes a node of the tree. */
#define VALUES_MAX ((size_t)2000000)

/* What a request is read with. */
struct reading {
	const struct asof_json *root;
	size_t entity_max;
	struct asof_arena *arena;
	struct asof_batch_request *batch;
	struct asof_problem *problem;
};

static struct asof_str
shown(struct asof_str text)
{
	return text.len <= SHOWN_MAX ? text : (struct asof_str){ text.ptr, SHOWN_MAX };
}

static enum asof_status
no_memory(struct reading *reading)
{
	return ASOF_FAIL(&reading->problem->err, ASOF_NO_MEMORY, "a batch request");
}

/* An upper bound of the values in a JSON text: each but the first has a mark of its own. */
static size_t
value_bound(struct asof_str text)
{
	size_t count = 1;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == ',' || text.ptr[i] == '[' || text.ptr[i] == '{';
	return count;
}

static enum asof_status
read_root(struct reading *reading, struct asof_str body)
{
	if (body.len > VALUES_MAX && value_bound(body) > VALUES_MAX)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_BODY_TOO_LARGE,
				   "the body holds more than %zu values", VALUES_MAX);
	enum asof_status status =
		asof_json_read(body, reading->arena, &reading->root, &reading->problem->err);
	if (status == ASOF_INVALID || status == ASOF_LIMIT)
		reading->problem->kind = ASOF_PROBLEM_MALFORMED_JSON;
	if (status != ASOF_OK)
		return ASOF_WRAP(&reading->problem->err, status, "body");
	if (reading->root->kind != ASOF_JSON_OBJECT)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "the body is no JSON object");
	return ASOF_OK;
}

/* A member that is there and not null, else NULL. */
static const struct asof_json *
find_given(const struct asof_json *object, const char *name)
{
	const struct asof_json *member = asof_json_member(object, name);
	return member && member->kind != ASOF_JSON_NULL ? member : NULL;
}

static enum asof_status
check_features(struct reading *reading, const struct asof_json *features)
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
refuse_feature(struct reading *reading, const struct asof_view *view, struct asof_str name)
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
			   ASOF_STR_ARG(shown(name)), near ? ": did you mean '" : "",
			   near ? near : "", near ? "'?" : "");
}

/* The part of `view`, made when it is asked for first. */
static enum asof_status
find_part(struct reading *reading, const struct asof_reader_view *view, size_t *ret_part)
{
	struct asof_batch_request *batch = reading->batch;
	for (size_t i = 0; i < batch->part_count; i++) {
		if (batch->parts[i].view == view) {
			*ret_part = i;
			return ASOF_OK;
		}
	}
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

/* Room for every part and every item that `view_count` views can give. */
static enum asof_status
make_room(struct reading *reading, size_t view_count, size_t output_count)
{
	struct asof_batch_request *batch = reading->batch;
	batch->parts = asof_arena_array(reading->arena, view_count, sizeof(*batch->parts));
	batch->items = asof_arena_array(reading->arena, output_count, sizeof(*batch->items));
	return batch->parts && batch->items ? ASOF_OK : no_memory(reading);
}

/* Ask for an output, once. */
static enum asof_status
add_output(struct reading *reading, size_t part_index, size_t output)
{
	struct asof_batch_request *batch = reading->batch;
	struct asof_batch_part *part = &batch->parts[part_index];
	if (part->is_asked[output])
		return ASOF_OK;

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

static enum asof_status
add_feature(struct reading *reading, const struct asof_reader_view *view, struct asof_str name)
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

/* The length of what stands before the last dot; SIZE_MAX without one. */
static size_t
last_dot(struct asof_str text)
{
	size_t at = text.len;
	while (at > 0 && text.ptr[at - 1] != '.')
		at--;
	return at > 0 ? at - 1 : SIZE_MAX;
}

/* "view.feature" or "view@1.2.3.feature". */
static enum asof_status
add_qualified(struct reading *reading, const struct asof_reader *reader, struct asof_str text)
{
	size_t dot = last_dot(text);
	if (dot == SIZE_MAX)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_FEATURE,
				   "'%.*s' is not of the form view.feature",
				   ASOF_STR_ARG(shown(text)));

	struct asof_str view_name = { text.ptr, dot };
	struct asof_str name = { text.ptr + dot + 1, text.len - dot - 1 };
	const struct asof_reader_view *view = asof_reader_find_view(reader, view_name);
	if (view)
		return add_feature(reading, view, name);

	const char *near = asof_reader_suggest_view(reader, view_name);
	return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_VIEW,
			   "no view '%.*s' is online%s%s%s", ASOF_STR_ARG(shown(view_name)),
			   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* A service of the project whose view or feature is not online is our trouble, not the client's. */
static enum asof_status
add_service_item(struct reading *reading, const struct asof_reader *reader,
		 const struct asof_service *service, const struct asof_service_item *item)
{
	const char *name = item->view->name;
	if (item->version)
		name = asof_arena_printf(reading->arena, "%s@%s", item->view->name, item->version);
	if (!name)
		return no_memory(reading);
	const struct asof_reader_view *view = asof_reader_find_view(reader, asof_str_from(name));
	if (!view || !asof_view_output(view->view, asof_str_from(item->output->name)))
		return ASOF_FAIL(&reading->problem->err, ASOF_UNAVAILABLE,
				 "service '%s': '%s.%s' is not online: materialize it",
				 service->name, name, item->output->name);
	return add_feature(reading, view, asof_str_from(item->output->name));
}

static enum asof_status
add_service(struct reading *reading, const struct asof_reader *reader,
	    const struct asof_json *given)
{
	if (given->kind != ASOF_JSON_STRING)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "service is no string");
	const struct asof_service *service = asof_reader_find_service(reader, given->text);
	if (!service)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_SERVICE,
				   "no service '%.*s'", ASOF_STR_ARG(shown(given->text)));
	for (size_t i = 0; i < service->item_count; i++)
		ASOF_TRY(add_service_item(reading, reader, service, &service->items[i]));
	return ASOF_OK;
}

/* The column of `key` in the request, as JSON. Its length is every column's length. */
static enum asof_status
find_column(struct reading *reading, const struct asof_json *entities, const struct asof_key *key,
	    const struct asof_json **ret_column)
{
	struct asof_batch_request *batch = reading->batch;
	const struct asof_json *column = asof_json_member(entities, key->name);
	if (!column)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_MISSING_KEY,
				   "entities has no column '%s'", key->name);
	if (column->kind != ASOF_JSON_ARRAY)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "entities.%s is no list", key->name);
	if (column->count > reading->entity_max)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_TOO_MANY_ENTITIES,
				   "%zu entities, at most %zu in one request", column->count,
				   reading->entity_max);
	if (batch->column_count > 0 && column->count != batch->row_count)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNEQUAL_LENGTHS,
				   "entities.%s has %zu values, entities.%s %zu", key->name,
				   column->count, batch->columns[0].name, batch->row_count);
	batch->row_count = column->count;
	*ret_column = column;
	return ASOF_OK;
}

static enum asof_status
convert_column(struct reading *reading, const struct asof_json *json,
	       struct asof_batch_column *column)
{
	column->values = asof_arena_array(reading->arena, json->count, sizeof(*column->values));
	if (!column->values)
		return no_memory(reading);
	for (size_t i = 0; i < json->count; i++) {
		enum asof_status status =
			asof_value_from_json(&json->items[i], column->type, reading->arena,
					     &column->values[i], &reading->problem->err);
		if (status == ASOF_INVALID)
			reading->problem->kind = ASOF_PROBLEM_INVALID_KEY;
		if (status != ASOF_OK)
			return ASOF_WRAP(&reading->problem->err, status, "entities.%s[%zu]",
					 column->name, i);
	}
	return ASOF_OK;
}

/* The converted column of `key`; views that share a key share it. */
static enum asof_status
read_column(struct reading *reading, const struct asof_json *entities, const struct asof_key *key,
	    const struct asof_batch_column **ret_column)
{
	struct asof_batch_request *batch = reading->batch;
	for (size_t i = 0; i < batch->column_count; i++) {
		const struct asof_batch_column *known = &batch->columns[i];
		if (strcmp(known->name, key->name) == 0 &&
		    asof_type_equal(known->type, key->type)) {
			*ret_column = known;
			return ASOF_OK;
		}
	}
	const struct asof_json *json;
	ASOF_TRY(find_column(reading, entities, key, &json));
	struct asof_batch_column *column = &batch->columns[batch->column_count];
	column->name = key->name;
	column->type = key->type;
	ASOF_TRY(convert_column(reading, json, column));
	batch->column_count++;
	*ret_column = column;
	return ASOF_OK;
}

static enum asof_status
read_part_columns(struct reading *reading, const struct asof_json *entities,
		  struct asof_batch_part *part)
{
	const struct asof_entity *entity = part->view->view->entity;
	part->columns = asof_arena_array(reading->arena, entity->key_count, sizeof(void *));
	if (!part->columns)
		return no_memory(reading);
	for (size_t i = 0; i < entity->key_count; i++)
		ASOF_TRY(read_column(reading, entities, &entity->keys[i], &part->columns[i]));
	return ASOF_OK;
}

static enum asof_status
read_entities(struct reading *reading)
{
	struct asof_batch_request *batch = reading->batch;
	const struct asof_json *entities = asof_json_member(reading->root, "entities");
	if (!entities || entities->kind != ASOF_JSON_OBJECT)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "entities is no object of columns, {\"key\": [..]}");

	size_t key_count = 0;
	for (size_t i = 0; i < batch->part_count; i++)
		key_count += batch->parts[i].view->view->entity->key_count;
	batch->columns = asof_arena_array(reading->arena, key_count, sizeof(*batch->columns));
	if (!batch->columns)
		return no_memory(reading);
	for (size_t i = 0; i < batch->part_count; i++)
		ASOF_TRY(read_part_columns(reading, entities, &batch->parts[i]));
	return ASOF_OK;
}

static enum asof_status
read_view_features(struct reading *reading, const struct asof_reader_view *view)
{
	const struct asof_json *features = find_given(reading->root, "features");
	ASOF_TRY(make_room(reading, 1, view->view->output_count));
	if (!features) {
		reading->batch->parts[0].view = view;
		reading->batch->part_count = 1;
		return ASOF_OK;
	}
	ASOF_TRY(check_features(reading, features));
	for (size_t i = 0; i < features->count; i++)
		ASOF_TRY(add_feature(reading, view, features->items[i].text));
	return ASOF_OK;
}

enum asof_status
asof_batch_read_view(const struct asof_reader_view *view, struct asof_str body, size_t entity_max,
		     struct asof_arena *arena, struct asof_batch_request *ret_batch,
		     struct asof_problem *problem)
{
	struct asof_batch_request batch = { 0 };
	struct reading reading = {
		.entity_max = entity_max, .arena = arena, .batch = &batch, .problem = problem
	};
	ASOF_TRY(read_root(&reading, body));
	ASOF_TRY(read_view_features(&reading, view));
	ASOF_TRY(read_entities(&reading));
	*ret_batch = batch;
	return ASOF_OK;
}

static enum asof_status
read_features(struct reading *reading, const struct asof_reader *reader)
{
	const struct asof_json *service = find_given(reading->root, "service");
	const struct asof_json *features = find_given(reading->root, "features");
	if (service && features)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_BAD_REQUEST,
				   "both service and features: give one of them");
	if (!service && !features)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "neither service nor features");

	size_t view_count = asof_reader_view_count(reader);
	size_t output_count = 0;
	for (size_t i = 0; i < view_count; i++)
		output_count += asof_reader_view_at(reader, i)->view->output_count;
	ASOF_TRY(make_room(reading, view_count, output_count));
	if (service)
		return add_service(reading, reader, service);

	ASOF_TRY(check_features(reading, features));
	for (size_t i = 0; i < features->count; i++)
		ASOF_TRY(add_qualified(reading, reader, features->items[i].text));
	return ASOF_OK;
}

enum asof_status
asof_batch_read(const struct asof_reader *reader, struct asof_str body, size_t entity_max,
		struct asof_arena *arena, struct asof_batch_request *ret_batch,
		struct asof_problem *problem)
{
	struct asof_batch_request batch = { 0 };
	struct reading reading = {
		.entity_max = entity_max, .arena = arena, .batch = &batch, .problem = problem
	};
	ASOF_TRY(read_root(&reading, body));
	ASOF_TRY(read_features(&reading, reader));
	ASOF_TRY(read_entities(&reading));
	*ret_batch = batch;
	return ASOF_OK;
}
