#include "job/online_shown.h"

enum asof_status
asof_online_table(const char *name, const struct asof_view *view, struct asof_arena *arena,
		  struct asof_store_table *ret_table, struct asof_error *err)
{
	const struct asof_entity *entity = view->entity;
	struct asof_field *keys = asof_arena_array(arena, entity->key_count, sizeof(*keys));
	struct asof_field *values = asof_arena_array(arena, view->output_count, sizeof(*values));
	if (!keys || !values)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table '%s'", name);
	for (size_t i = 0; i < entity->key_count; i++) {
		keys[i].name = entity->keys[i].name;
		keys[i].type = entity->keys[i].type;
	}
	for (size_t i = 0; i < view->output_count; i++) {
		values[i].name = view->outputs[i].name;
		values[i].type = view->outputs[i].type;
	}
	*ret_table = (struct asof_store_table){ name, keys, entity->key_count, values,
						view->output_count };
	return ASOF_OK;
}

enum asof_status
asof_online_shown(const struct asof_answer_plan *plan, const struct asof_value *key,
		  const struct asof_row *row, int64_t at_us, struct asof_arena *arena,
		  const struct asof_value **ret_shown, struct asof_error *err)
{
	size_t key_count = plan->view->entity->key_count;
	size_t count = key_count + plan->view->output_count;
	struct asof_value *shown = asof_arena_array(arena, count, sizeof(*shown));
	struct asof_answer answer;
	if (!shown)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "row of '%s'", plan->view->name);
	ASOF_TRY(asof_answer_of_row(plan, row, at_us, arena, &answer, err));
	for (size_t i = 0; i < count; i++) {
		const struct asof_value *value =
			i < key_count ? &key[i] : &answer.values[i - key_count];
		ASOF_TRY(asof_value_copy(value, arena, &shown[i], err));
	}
	*ret_shown = shown;
	return ASOF_OK;
}
