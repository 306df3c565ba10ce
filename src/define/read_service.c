/* read_service.c - `services: {delay_model: {features: [departures.delay_mean_1d]}}`. */
#include <stdio.h>

#include "define/read.h"

/* "view@1.2.3.feature" taken apart. */
struct item_name {
	const char *view;
	const char *version; /* NULL: none */
	const char *output;  /* "*": all */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "latest", or up to three numbers with dots between; 0 where it is neither. */
static size_t
version_length(const char *text)
{
	if (strncmp(text, "latest.", strlen("latest.")) == 0)
		return strlen("latest");
	size_t len = 0;
	for (int numbers = 1; is_digit(text[len]); numbers++) {
		while (is_digit(text[len]))
			len++;
		if (numbers == 3 || text[len] != '.' || !is_digit(text[len + 1]))
			break;
		len++;
	}
	return len;
}

/* ret_name->view is NULL where the text is none of the forms. */
static enum asof_status
split_item(struct asof_arena *arena, const char *text, struct item_name *ret_name,
	   struct asof_error *err)
{
	size_t view_len = strcspn(text, "@.");
	const char *rest = text + view_len;
	const char *version = NULL;
	*ret_name = (struct item_name){ 0 };
	if (*rest == '@') {
		size_t len = version_length(rest + 1);
		version = asof_arena_copy(arena, (struct asof_str){ rest + 1, len });
		if (!version)
			return asof_no_memory(err);
		rest += len + 1;
	}
	if (*rest != '.' || rest[1] == '\0' || view_len == 0 || (version && !version[0]))
		return ASOF_OK;
	const char *view = asof_arena_copy(arena, (struct asof_str){ text, view_len });
	if (!view)
		return asof_no_memory(err);
	*ret_name = (struct item_name){ view, version, rest + 1 };
	return ASOF_OK;
}

/* The items of one service as they are found; doubled as they grow. */
struct items {
	struct asof_reading *r;
	struct asof_service *service;
	struct asof_service_item *array;
	size_t count;
	size_t capacity;
	struct asof_map outputs; /* "view.feature": is in the service */
};

static void
items_done(struct items *items)
{
	asof_mem_free(items->array);
	asof_map_done(&items->outputs);
}

static enum asof_status
add_item(struct items *items, const struct asof_service_item *item, struct asof_error *err)
{
	char name[2 * ASOF_NAME_MAX + 4];
	struct asof_reading *r = items->r;
	(void)snprintf(name, sizeof(name), "%s.%s", item->view->name, item->output->name);
	if (asof_map_find(&items->outputs, asof_str_from(name), NULL)) {
		asof_mistakes_add(r->mistakes, item->place, "service '%s' has '%s' already",
				  items->service->name, name);
		return ASOF_OK;
	}
	if (++r->item_count > ASOF_SERVICE_ITEMS_MAX) {
		if (r->item_count == ASOF_SERVICE_ITEMS_MAX + 1)
			asof_mistakes_add(r->mistakes, item->place,
					  "more than %d features in all services",
					  ASOF_SERVICE_ITEMS_MAX);
		return ASOF_OK;
	}
	ASOF_TRY(asof_map_put(&items->outputs, asof_str_from(name), NULL, err));
	ASOF_TRY(asof_mem_reserve((void **)&items->array, &items->capacity, items->count + 1,
				  sizeof(*items->array), err));
	items->array[items->count++] = *item;
	return ASOF_OK;
}

static void
unknown_output(struct asof_reading *r, const struct asof_yaml *node, const struct asof_view *view,
	       const char *name)
{
	if (asof_reading_is_doubtful(r, view))
		return;
	const char **names = asof_arena_array(r->arena, view->output_count, sizeof(*names));
	for (size_t i = 0; names && i < view->output_count; i++)
		names[i] = view->outputs[i].name;
	asof_mistakes_add(r->mistakes, node->place, "view '%s' has no feature '%s'%s", view->name,
			  name, asof_reading_hint(r, name, names, names ? view->output_count : 0));
}

static enum asof_status
add_named(struct items *items, const struct asof_yaml *node, const struct item_name *name,
	  struct asof_error *err)
{
	struct asof_service_item item = { .version = name->version, .place = node->place };
	struct asof_yaml view = *node;
	view.text = name->view;
	item.view = asof_read_reference(items->r, ASOF_DECLARED_VIEW, &view, "view");
	if (!item.view)
		return ASOF_OK;

	bool is_all = strcmp(name->output, "*") == 0;
	for (size_t i = 0; is_all && i < item.view->output_count; i++) {
		item.output = &item.view->outputs[i];
		ASOF_TRY(add_item(items, &item, err));
	}
	if (is_all)
		return ASOF_OK;
	item.output = asof_view_output(item.view, asof_str_from(name->output));
	if (item.output)
		return add_item(items, &item, err);
	unknown_output(items->r, node, item.view, name->output);
	return ASOF_OK;
}

static enum asof_status
read_item(struct items *items, const struct asof_yaml *node, struct asof_error *err)
{
	struct asof_reading *r = items->r;
	struct item_name name;
	const char *text = asof_read_text(r, node, "a feature");
	if (!text)
		return ASOF_OK;
	ASOF_TRY(split_item(r->arena, text, &name, err));
	if (name.view)
		return add_named(items, node, &name, err);
	asof_mistakes_add(r->mistakes, node->place,
			  "'%s' is no feature of a view (VIEW.FEATURE, VIEW.* or "
			  "VIEW@1.2.3.FEATURE)",
			  text);
	return ASOF_OK;
}

static enum asof_status
read_items(struct asof_reading *r, const struct asof_yaml *node, struct asof_service *service,
	   struct asof_error *err)
{
	ASOF_AUTO(items_done) struct items items = { .r = r, .service = service };
	if (!asof_read_is_list(r, node, "a list of features, as in [departures.delay_mean_1d]"))
		return ASOF_OK;
	if (node->count == 0)
		asof_mistakes_add(r->mistakes, node->place, "service '%s' has no features",
				  service->name);
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(read_item(&items, node->items[i], err));

	service->items = asof_arena_array(r->arena, items.count, sizeof(*service->items));
	if (!service->items)
		return asof_no_memory(err);
	if (items.count > 0)
		memcpy(service->items, items.array, items.count * sizeof(*service->items));
	service->item_count = items.count;
	return ASOF_OK;
}

enum asof_status
asof_read_service(struct asof_reading *r, const struct asof_declaration *declaration,
		  struct asof_service *service, struct asof_error *err)
{
	const struct asof_yaml *features = NULL;
	const struct asof_yaml *description = NULL;
	const struct asof_yaml *owner = NULL;
	const struct asof_yaml *tags = NULL;
	const struct asof_member members[] = {
		{ "features", &features },
		{ "description", &description },
		{ "owner", &owner },
		{ "tags", &tags },
	};
	char what[ASOF_NAME_MAX + 16];
	service->name = declaration->key->text;
	service->place = declaration->key->place;
	(void)snprintf(what, sizeof(what), "service '%s'", service->name);
	if (!asof_read_members(r, declaration->value, what, members, ASOF_COUNTOF(members)))
		return ASOF_OK;
	if (features)
		ASOF_TRY(read_items(r, features, service, err));
	else
		asof_mistakes_add(r->mistakes, service->place, "%s: 'features' is missing", what);
	return asof_read_about(r, description, owner, tags, &service->about, err);
}
