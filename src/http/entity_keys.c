/* entity_keys.c - one entity's key from a path segment or a query. */
#include "http/entity_keys.h"

#include "codec/value_text.h"

/* Decode and convert the text of one key. */
static enum asof_status
read_key(const struct asof_key *key, struct asof_str text, bool is_query, struct asof_arena *arena,
	 struct asof_value *ret_value, struct asof_problem *problem)
{
	struct asof_str decoded;
	ASOF_TRY(asof_target_decode(text, is_query, arena, &decoded, problem));

	enum asof_status status =
		asof_value_from_text(decoded, key->type, arena, ret_value, &problem->err);
	if (status == ASOF_INVALID)
		problem->kind = ASOF_PROBLEM_INVALID_KEY;
	if (status != ASOF_OK)
		return ASOF_WRAP(&problem->err, status, "key '%s'", key->name);
	return ASOF_OK;
}

static size_t
comma_count(struct asof_str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == ',';
	return count;
}

static enum asof_status
refuse_empty(const struct asof_key *key, struct asof_problem *problem)
{
	return ASOF_REFUSE(problem, ASOF_PROBLEM_INVALID_KEY,
			   "key '%s' is empty: an empty one is asked for as ?%s=", key->name,
			   key->name);
}

enum asof_status
asof_entity_keys_from_path(const struct asof_entity *entity, struct asof_str segment,
			   struct asof_arena *arena, struct asof_value *ret_values,
			   struct asof_problem *problem)
{
	if (segment.len == 0)
		return refuse_empty(&entity->keys[0], problem);
	if (entity->key_count == 1)
		return read_key(&entity->keys[0], segment, false, arena, ret_values, problem);

	size_t commas = comma_count(segment);
	if (commas != entity->key_count - 1)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_INVALID_KEY,
				   "%zu parts between commas for the %zu keys of entity '%s'",
				   commas + 1, entity->key_count, entity->name);
	for (size_t i = 0; i < entity->key_count; i++) {
		const char *comma = segment.len > 0 ? memchr(segment.ptr, ',', segment.len) : NULL;
		size_t len = comma ? (size_t)(comma - segment.ptr) : segment.len;
		if (len == 0)
			return refuse_empty(&entity->keys[i], problem);
		ASOF_TRY(read_key(&entity->keys[i], (struct asof_str){ segment.ptr, len }, false,
				  arena, &ret_values[i], problem));
		size_t used = len + (comma ? 1 : 0);
		segment.ptr += used;
		segment.len -= used;
	}
	return ASOF_OK;
}

/* The parameter of `key`, still encoded; *ret_count of them. */
static enum asof_status
find_parameter(const struct asof_key *key, struct asof_str query, struct asof_arena *arena,
	       struct asof_str *ret_value, size_t *ret_count, struct asof_problem *problem)
{
	struct asof_str wanted = asof_str_from(key->name);
	struct asof_str name;
	struct asof_str value;
	*ret_count = 0;
	while (asof_query_next(&query, &name, &value)) {
		ASOF_TRY(asof_target_decode(name, true, arena, &name, problem));
		if (!asof_str_equal(name, wanted))
			continue;
		*ret_value = value;
		++*ret_count;
	}
	return ASOF_OK;
}

enum asof_status
asof_entity_keys_from_query(const struct asof_entity *entity, struct asof_str query,
			    struct asof_arena *arena, struct asof_value *ret_values,
			    struct asof_problem *problem)
{
	for (size_t i = 0; i < entity->key_count; i++) {
		const struct asof_key *key = &entity->keys[i];
		struct asof_str value = { 0 };
		size_t count;
		ASOF_TRY(find_parameter(key, query, arena, &value, &count, problem));
		if (count == 0)
			return ASOF_REFUSE(problem, ASOF_PROBLEM_MISSING_KEY,
					   "no key '%s': ask with ?%s=.. or /key", key->name,
					   key->name);
		if (count > 1)
			return ASOF_REFUSE(problem, ASOF_PROBLEM_INVALID_KEY,
					   "key '%s' is given %zu times", key->name, count);
		ASOF_TRY(read_key(key, value, true, arena, &ret_values[i], problem));
	}
	return ASOF_OK;
}

enum asof_status
asof_entity_keys_refuse_query(const struct asof_entity *entity, struct asof_str query,
			      struct asof_arena *arena, struct asof_problem *problem)
{
	for (size_t i = 0; query.len > 0 && i < entity->key_count; i++) {
		struct asof_str value;
		size_t count;
		ASOF_TRY(find_parameter(&entity->keys[i], query, arena, &value, &count, problem));
		if (count > 0)
			return ASOF_REFUSE(problem, ASOF_PROBLEM_INVALID_KEY,
					   "key '%s' is given both in the path and in the query",
					   entity->keys[i].name);
	}
	return ASOF_OK;
}
