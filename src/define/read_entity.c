/* read_entity.c - `entities: {airport: {keys: {origin: string}}}`. */
#include <stdio.h>
#include <strings.h>

#include "define/read.h"

/* Keys are columns of one table: letters of another case are no difference there. */
static bool
is_repeated(struct asof_reading *r, const struct asof_entity *entity, const struct asof_yaml *name)
{
	for (size_t i = 0; i < entity->key_count; i++) {
		if (strcasecmp(entity->keys[i].name, name->text) == 0) {
			asof_mistakes_add(r->mistakes, name->place,
					  "key '%s' differs from '%s' only in case", name->text,
					  entity->keys[i].name);
			return true;
		}
	}
	return false;
}

static void
read_key(struct asof_reading *r, const struct asof_yaml_pair *pair, struct asof_entity *entity)
{
	struct asof_error why = { 0 };
	struct asof_key key = { .name = pair->key->text, .place = pair->key->place };
	if (!asof_read_column_name(r, pair->key, "key") || is_repeated(r, entity, pair->key))
		return;
	const char *type = asof_read_text(r, pair->value, "a key's type");
	if (type && asof_type_parse(asof_str_from(type), &key.type, &why) != ASOF_OK)
		asof_mistakes_add(r->mistakes, pair->value->place, "key '%s': %s", key.name,
				  why.message);
	else if (type && !asof_type_is_key(key.type))
		asof_mistakes_add(r->mistakes, pair->value->place,
				  "key '%s': a key cannot be a %s (bool int32 int64 decimal(p,s) "
				  "string bytes date timestamp uuid)",
				  key.name, type);
	entity->keys[entity->key_count++] = key;
}

enum asof_status
asof_read_keys(struct asof_reading *r, const struct asof_yaml *node, struct asof_entity *entity,
	       struct asof_error *err)
{
	if (!asof_read_is_map(r, node, "a mapping of keys to types, as in {origin: string}"))
		return ASOF_OK;
	if (node->count > ASOF_KEYS_MAX) {
		asof_mistakes_add(r->mistakes, node->place, "entity '%s' has more than %d keys",
				  entity->name, ASOF_KEYS_MAX);
		return ASOF_OK;
	}
	entity->keys = asof_arena_array(r->arena, node->count, sizeof(*entity->keys));
	if (!entity->keys)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++)
		read_key(r, &node->pairs[i], entity);
	if (node->count == 0)
		asof_mistakes_add(r->mistakes, node->place, "entity '%s' has no keys",
				  entity->name);
	return ASOF_OK;
}

enum asof_status
asof_read_entity(struct asof_reading *r, const struct asof_declaration *declaration,
		 struct asof_entity *entity, struct asof_error *err)
{
	const struct asof_yaml *keys = NULL;
	const struct asof_yaml *description = NULL;
	const struct asof_yaml *owner = NULL;
	const struct asof_yaml *tags = NULL;
	const struct asof_member members[] = {
		{ "keys", &keys },
		{ "description", &description },
		{ "owner", &owner },
		{ "tags", &tags },
	};
	char what[ASOF_NAME_MAX + 16];
	entity->name = declaration->key->text;
	entity->place = declaration->key->place;
	(void)snprintf(what, sizeof(what), "entity '%s'", entity->name);
	if (!asof_read_members(r, declaration->value, what, members, ASOF_COUNTOF(members)))
		return ASOF_OK;

	if (keys)
		ASOF_TRY(asof_read_keys(r, keys, entity, err));
	else
		asof_mistakes_add(r->mistakes, entity->place, "%s: 'keys' is missing", what);
	return asof_read_about(r, description, owner, tags, &entity->about, err);
}
