/* batch_request.c - the body of a batch request, checked and converted. */
#include "http/batch_request.h"

#include "codec/value_text.h"
#include "http/batch_reading.h"

/* Values of a body, however small they are as text: each takes a node of the tree. */
#define VALUES_MAX ((size_t)2000000)

static enum asof_status
no_memory(struct asof_batch_reading *reading)
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

enum asof_status
asof_batch_read_root(struct asof_batch_reading *reading, struct asof_str body)
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

const struct asof_json *
asof_batch_find_given(const struct asof_json *object, const char *name)
{
	const struct asof_json *member = asof_json_member(object, name);
	return member && member->kind != ASOF_JSON_NULL ? member : NULL;
}

/* The column of `key` in the request, as JSON. Its length is every column's length. */
static enum asof_status
find_column(struct asof_batch_reading *reading, const struct asof_json *entities,
	    const struct asof_view *view, const struct asof_key *key,
	    const struct asof_json **ret_column)
{
	struct asof_batch_request *batch = reading->batch;
	const struct asof_json *column = asof_json_member(entities, key->name);
	if (!column && reading->takes_entity_names && view->entity->key_count == 1)
		column = asof_json_member(entities, view->entity->name);
	if (!column)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_MISSING_KEY,
				   "entities has no column '%s', a key of view '%s'", key->name,
				   view->name);
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
convert_column(struct asof_batch_reading *reading, const struct asof_json *json,
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
read_column(struct asof_batch_reading *reading, const struct asof_json *entities,
	    const struct asof_view *view, const struct asof_key *key,
	    const struct asof_batch_column **ret_column)
{
	struct asof_batch_request *batch = reading->batch;
	for (size_t i = 0; i < batch->column_count; i++) {
		const struct asof_batch_column *known = &batch->columns[i];
		if (!known->is_request && strcmp(known->name, key->name) == 0 &&
		    asof_type_equal(known->type, key->type)) {
			*ret_column = known;
			return ASOF_OK;
		}
	}
	const struct asof_json *json;
	ASOF_TRY(find_column(reading, entities, view, key, &json));
	struct asof_batch_column *column = &batch->columns[batch->column_count];
	column->name = key->name;
	column->type = key->type;
	column->given = json;
	ASOF_TRY(convert_column(reading, json, column));
	batch->column_count++;
	*ret_column = column;
	return ASOF_OK;
}

/* ---- values of the request, for on-demand views ---- */

/* NULL where it is not given. */
static const struct asof_json *
given_request_value(const struct asof_batch_reading *reading, const struct asof_key *value)
{
	const struct asof_json *request = asof_batch_find_given(reading->root, "request");
	const struct asof_json *json = request ? asof_json_member(request, value->name) : NULL;
	if (!json && reading->takes_entity_names) /* where clients of Feast put them */
		json = asof_json_member(asof_json_member(reading->root, "entities"), value->name);
	return json;
}

/* Without keys rows are counted by the first list; one value for all is of one row. */
static void
count_request_rows(struct asof_batch_reading *reading)
{
	struct asof_batch_request *batch = reading->batch;
	batch->row_count = 1;
	for (size_t i = 0; i < batch->part_count; i++) {
		const struct asof_entity *entity = batch->parts[i].view->view->entity;
		for (size_t k = 0; k < entity->key_count; k++) {
			const struct asof_json *json =
				given_request_value(reading, &entity->keys[k]);
			if (!json || json->kind != ASOF_JSON_ARRAY)
				continue;
			batch->row_count = json->count;
			return;
		}
	}
}

/* A list with a value per row, or one value for all of them. */
static enum asof_status
find_request_value(struct asof_batch_reading *reading, const struct asof_view *view,
		   const struct asof_key *value, const struct asof_json **ret_json)
{
	struct asof_batch_request *batch = reading->batch;
	const struct asof_json *request = asof_batch_find_given(reading->root, "request");
	const struct asof_json *json = given_request_value(reading, value);
	if (request && request->kind != ASOF_JSON_OBJECT)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "request is no object of values, {\"%s\": ..}", value->name);
	if (!json)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_MISSING_KEY,
				   "request has no value '%s', which on-demand view '%s' takes",
				   value->name, view->name);
	if (json->kind == ASOF_JSON_ARRAY && json->count > reading->entity_max)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_TOO_MANY_ENTITIES,
				   "%zu values, at most %zu in one request", json->count,
				   reading->entity_max);
	if (json->kind == ASOF_JSON_ARRAY && json->count != batch->row_count)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNEQUAL_LENGTHS,
				   "request.%s has %zu values for %zu rows: one for each, or one "
				   "for all that is no list",
				   value->name, json->count, batch->row_count);
	*ret_json = json;
	return ASOF_OK;
}

static enum asof_status
convert_request_value(struct asof_batch_reading *reading, const struct asof_json *json,
		      struct asof_batch_column *column)
{
	size_t row_count = reading->batch->row_count;
	bool is_list = json->kind == ASOF_JSON_ARRAY;
	column->values = asof_arena_array(reading->arena, row_count, sizeof(*column->values));
	if (!column->values)
		return no_memory(reading);
	for (size_t i = 0; i < row_count; i++) {
		if (i > 0 && !is_list) {
			column->values[i] = column->values[0];
			continue;
		}
		enum asof_status status = asof_value_from_json(
			is_list ? &json->items[i] : json, column->type, reading->arena,
			&column->values[i], &reading->problem->err);
		if (status == ASOF_INVALID)
			reading->problem->kind = ASOF_PROBLEM_INVALID_KEY;
		if (status != ASOF_OK)
			return ASOF_WRAP(&reading->problem->err, status, "request.%s[%zu]",
					 column->name, i);
	}
	return ASOF_OK;
}

static enum asof_status
read_request_value(struct asof_batch_reading *reading, const struct asof_view *view,
		   const struct asof_key *value, const struct asof_batch_column **ret_column)
{
	struct asof_batch_request *batch = reading->batch;
	const struct asof_json *json = NULL;
	for (size_t i = 0; i < batch->column_count; i++) {
		const struct asof_batch_column *known = &batch->columns[i];
		if (known->is_request && strcmp(known->name, value->name) == 0 &&
		    asof_type_equal(known->type, value->type)) {
			*ret_column = known;
			return ASOF_OK;
		}
	}
	ASOF_TRY(find_request_value(reading, view, value, &json));
	struct asof_batch_column *column = &batch->columns[batch->column_count];
	*column = (struct asof_batch_column){
		.name = value->name, .type = value->type, .given = json, .is_request = true
	};
	ASOF_TRY(convert_request_value(reading, json, column));
	batch->column_count++;
	*ret_column = column;
	return ASOF_OK;
}

/* Once all keys are read, which say how many rows there are. */
static enum asof_status
read_part_request(struct asof_batch_reading *reading, struct asof_batch_part *part)
{
	const struct asof_view *view = part->view->view;
	size_t first = part->view->key_count;
	for (size_t i = first; view->on_demand && i < view->entity->key_count; i++)
		ASOF_TRY(read_request_value(reading, view, &view->entity->keys[i],
					    &part->columns[i]));
	return ASOF_OK;
}

static enum asof_status
read_part_columns(struct asof_batch_reading *reading, const struct asof_json *entities,
		  struct asof_batch_part *part)
{
	const struct asof_view *view = part->view->view;
	const struct asof_entity *entity = view->entity;
	size_t key_count = view->on_demand ? part->view->key_count : entity->key_count;
	part->columns = asof_arena_array(reading->arena, entity->key_count, sizeof(void *));
	if (!part->columns)
		return no_memory(reading);
	for (size_t i = 0; i < key_count; i++)
		ASOF_TRY(read_column(reading, entities, view, &entity->keys[i], &part->columns[i]));
	return ASOF_OK;
}

enum asof_status
asof_batch_read_entities(struct asof_batch_reading *reading)
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
	if (batch->column_count == 0)
		count_request_rows(reading);
	for (size_t i = 0; i < batch->part_count; i++)
		ASOF_TRY(read_part_request(reading, &batch->parts[i]));
	return ASOF_OK;
}

static enum asof_status
read_view_features(struct asof_batch_reading *reading, const struct asof_reader_view *view)
{
	const struct asof_json *features = asof_batch_find_given(reading->root, "features");
	ASOF_TRY(asof_batch_make_room(reading));
	if (!features) {
		reading->batch->parts[0].view = view;
		reading->batch->part_count = 1;
		return ASOF_OK;
	}
	ASOF_TRY(asof_batch_check_features(reading, features));
	for (size_t i = 0; i < features->count; i++)
		ASOF_TRY(asof_batch_add_feature(reading, view, features->items[i].text));
	return ASOF_OK;
}

enum asof_status
asof_batch_read_view(const struct asof_reader_view *view, struct asof_str body, size_t entity_max,
		     struct asof_arena *arena, struct asof_batch_request *ret_batch,
		     struct asof_problem *problem)
{
	struct asof_batch_request batch = { 0 };
	struct asof_batch_reading reading = {
		.only = view,
		.entity_max = entity_max,
		.arena = arena,
		.batch = &batch,
		.problem = problem,
	};
	ASOF_TRY(asof_batch_read_root(&reading, body));
	ASOF_TRY(read_view_features(&reading, view));
	ASOF_TRY(asof_batch_read_entities(&reading));
	*ret_batch = batch;
	return ASOF_OK;
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
add_qualified(struct asof_batch_reading *reading, struct asof_str text)
{
	size_t dot = last_dot(text);
	if (dot == SIZE_MAX)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_FEATURE,
				   "'%.*s' is not of the form view.feature",
				   ASOF_STR_ARG(asof_batch_shown(text)));
	struct asof_str view_name = { text.ptr, dot };
	struct asof_str name = { text.ptr + dot + 1, text.len - dot - 1 };
	return asof_batch_add_feature_of(reading, view_name, name);
}

static enum asof_status
read_features(struct asof_batch_reading *reading)
{
	const struct asof_json *service = asof_batch_find_given(reading->root, "service");
	const struct asof_json *features = asof_batch_find_given(reading->root, "features");
	if (service && features)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_BAD_REQUEST,
				   "both service and features: give one of them");
	if (!service && !features)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "neither service nor features");

	ASOF_TRY(asof_batch_make_room(reading));
	if (service)
		return asof_batch_add_service(reading, service, "service");

	ASOF_TRY(asof_batch_check_features(reading, features));
	for (size_t i = 0; i < features->count; i++)
		ASOF_TRY(add_qualified(reading, features->items[i].text));
	return ASOF_OK;
}

enum asof_status
asof_batch_read(const struct asof_reader *reader, struct asof_str body, size_t entity_max,
		struct asof_arena *arena, struct asof_batch_request *ret_batch,
		struct asof_problem *problem)
{
	struct asof_batch_request batch = { 0 };
	struct asof_batch_reading reading = {
		.reader = reader,
		.entity_max = entity_max,
		.arena = arena,
		.batch = &batch,
		.problem = problem,
	};
	ASOF_TRY(asof_batch_read_root(&reading, body));
	ASOF_TRY(read_features(&reading));
	ASOF_TRY(asof_batch_read_entities(&reading));
	*ret_batch = batch;
	return ASOF_OK;
}
