/* feast_request.c - the body of a request in the form of Feast's server. */
#include "http/feast_request.h"

#include <stdlib.h>

/* What a request says beside its columns. */
struct wishes {
	const struct asof_json *service;  /* or NULL */
	const struct asof_json *features; /* of strings, where there is no service */
	bool has_full_names;
	bool tells_versions;
};

static enum asof_status
no_memory(const struct asof_batch_reading *reading)
{
	return ASOF_FAIL(&reading->problem->err, ASOF_NO_MEMORY, "a batch request");
}

static enum asof_status
read_flag(struct asof_batch_reading *reading, const char *name, bool *ret_flag)
{
	const struct asof_json *given = asof_batch_find_given(reading->root, name);
	if (given && given->kind != ASOF_JSON_BOOL)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "%s is neither true nor false", name);
	*ret_flag = given && given->boolean;
	return ASOF_OK;
}

static enum asof_status
read_wishes(struct asof_batch_reading *reading, struct wishes *ret_wishes)
{
	struct wishes wishes = {
		.service = asof_batch_find_given(reading->root, "feature_service"),
		.features = asof_batch_find_given(reading->root, "features"),
	};
	ASOF_TRY(read_flag(reading, "full_feature_names", &wishes.has_full_names));
	ASOF_TRY(read_flag(reading, "include_feature_view_version_metadata",
			   &wishes.tells_versions));
	if (!wishes.service && !wishes.features)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_INVALID_BODY,
				   "neither feature_service nor features");
	if (!wishes.service)
		ASOF_TRY(asof_batch_check_features(reading, wishes.features));
	*ret_wishes = wishes;
	return ASOF_OK;
}

/* Name the items from `first` on as the answer will. `view`: what the client calls their view;
 * empty: as it is called. */
static enum asof_status
name_items(struct asof_batch_reading *reading, size_t first, struct asof_str view,
	   bool has_full_names)
{
	struct asof_batch_request *batch = reading->batch;
	for (size_t i = first; i < batch->item_count; i++) {
		struct asof_batch_item *item = &batch->items[i];
		const struct asof_reader_view *online = batch->parts[item->part].view;
		item->name = online->view->outputs[item->output].name;
		if (!has_full_names)
			continue;
		struct asof_str prefix = view.len > 0 ? view : asof_str_from(online->name);
		item->name = asof_arena_printf(reading->arena, "%.*s__%s", ASOF_STR_ARG(prefix),
					       item->name);
		if (!item->name)
			return no_memory(reading);
	}
	return ASOF_OK;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Feast's "view@v2" is our "view@2". */
static enum asof_status
find_name(struct asof_batch_reading *reading, struct asof_str view, struct asof_str *ret_name)
{
	const char *at = view.len > 0 ? memchr(view.ptr, '@', view.len) : NULL;
	size_t left = at ? view.len - (size_t)(at - view.ptr) : 0;
	*ret_name = view;
	if (left < 3 || at[1] != 'v' || !is_digit(at[2]))
		return ASOF_OK;
	const char *name = asof_arena_printf(reading->arena, "%.*s@%.*s", (int)(at - view.ptr),
					     view.ptr, (int)(left - 2), at + 2);
	if (!name)
		return no_memory(reading);
	*ret_name = asof_str_from(name);
	return ASOF_OK;
}

/* "view:feature" */
static enum asof_status
add_reference(struct asof_batch_reading *reading, struct asof_str text, bool has_full_names)
{
	const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
	if (!colon)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_UNKNOWN_FEATURE,
				   "'%.*s' is not of the form view:feature",
				   ASOF_STR_ARG(asof_batch_shown(text)));
	struct asof_str view = { text.ptr, (size_t)(colon - text.ptr) };
	struct asof_str feature = { colon + 1, text.len - view.len - 1 };
	struct asof_str name;
	size_t first = reading->batch->item_count;
	ASOF_TRY(find_name(reading, view, &name));
	ASOF_TRY(asof_batch_add_feature_of(reading, name, feature));
	return name_items(reading, first, view, has_full_names);
}

static enum asof_status
add_features(struct asof_batch_reading *reading, const struct wishes *wishes)
{
	ASOF_TRY(asof_batch_make_room(reading));
	if (wishes->service) {
		ASOF_TRY(asof_batch_add_service(reading, wishes->service, "feature_service"));
		return name_items(reading, 0, (struct asof_str){ NULL, 0 }, wishes->has_full_names);
	}
	for (size_t i = 0; i < wishes->features->count; i++)
		ASOF_TRY(add_reference(reading, wishes->features->items[i].text,
				       wishes->has_full_names));
	return ASOF_OK;
}

static const struct asof_batch_column *
find_column(const struct asof_batch_request *batch, const struct asof_json *given)
{
	for (size_t i = 0; i < batch->column_count; i++) {
		if (batch->columns[i].given == given)
			return &batch->columns[i];
	}
	return NULL;
}

/* The columns that are keys, in the order of the request. */
static enum asof_status
order_keys(struct asof_batch_reading *reading, struct asof_feast_request *request)
{
	const struct asof_batch_request *batch = reading->batch;
	const struct asof_json *entities = asof_json_member(reading->root, "entities");
	request->keys =
		asof_arena_array(reading->arena, batch->column_count, sizeof(*request->keys));
	if (!request->keys)
		return no_memory(reading);
	for (size_t i = 0; i < entities->count && request->key_count < batch->column_count; i++) {
		const struct asof_batch_column *column = find_column(batch, &entities->items[i]);
		if (column)
			request->keys[request->key_count++] = column;
	}
	return ASOF_OK;
}

/* A name of the answer. */
struct name {
	const char *text;
	const char *view; /* NULL: a key */
};

static int
compare_names(const void *a, const void *b)
{
	const struct name *one = a;
	const struct name *other = b;
	return strcmp(one->text, other->text);
}

static enum asof_status
refuse_name(const struct asof_batch_reading *reading, const struct name *a, const struct name *b)
{
	if (!a->view || !b->view)
		return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_NAME_COLLISION,
				   "feature '%s' of view '%s' is called as a key: set "
				   "full_feature_names",
				   a->text, a->view ? a->view : b->view);
	return ASOF_REFUSE(reading->problem, ASOF_PROBLEM_NAME_COLLISION,
			   "views '%s' and '%s' both have a feature '%s': set full_feature_names",
			   a->view, b->view, a->text);
}

/* A client makes a dictionary of the answer: each name once. */
static enum asof_status
check_names(const struct asof_batch_reading *reading, const struct asof_feast_request *request)
{
	const struct asof_batch_request *batch = reading->batch;
	size_t count = request->key_count + batch->item_count;
	struct name *names = asof_arena_array(reading->arena, count, sizeof(*names));
	if (!names)
		return no_memory(reading);
	for (size_t i = 0; i < request->key_count; i++)
		names[i].text = request->keys[i]->name;
	for (size_t i = 0; i < batch->item_count; i++) {
		const struct asof_batch_item *item = &batch->items[i];
		names[request->key_count + i] =
			(struct name){ item->name, batch->parts[item->part].view->name };
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(names[i - 1].text, names[i].text) == 0)
			return refuse_name(reading, &names[i - 1], &names[i]);
	}
	return ASOF_OK;
}

enum asof_status
asof_feast_read(struct asof_batch_reading *reading, struct asof_str body,
		struct asof_feast_request *ret_request)
{
	struct asof_feast_request request = { 0 };
	struct wishes wishes;
	reading->batch = &request.batch;
	reading->takes_entity_names = true;
	ASOF_TRY(asof_batch_read_root(reading, body));
	ASOF_TRY(read_wishes(reading, &wishes));
	ASOF_TRY(add_features(reading, &wishes));
	ASOF_TRY(asof_batch_read_entities(reading));
	ASOF_TRY(order_keys(reading, &request));
	ASOF_TRY(check_names(reading, &request));
	request.tells_versions = wishes.tells_versions;
	reading->batch = NULL;
	*ret_request = request;
	return ASOF_OK;
}
