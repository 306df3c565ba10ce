/* table_sql.c - a view's stored table: its columns, and reading it back. */
#include "plan/plan.h"
#include "plan/sql.h"

static void
add_field(struct asof_field **next, const char *name, struct asof_type type)
{
	**next = (struct asof_field){ .name = name, .type = type };
	(*next)++;
}

static enum asof_status
make_fields(const struct asof_view *view, const struct asof_tile_layout *layout,
	    struct asof_arena *arena, struct asof_field **ret_fields, size_t *ret_count,
	    struct asof_error *err)
{
	size_t value_count = layout ? layout->state_count : view->output_count;
	size_t count = view->entity->key_count + 2 + value_count + 1;
	struct asof_field *fields = asof_arena_array(arena, count, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", view->name);

	struct asof_field *next = fields;
	for (size_t i = 0; i < view->entity->key_count; i++)
		add_field(&next, view->entity->keys[i].name, view->entity->keys[i].type);
	add_field(&next, "event_time", ASOF_TYPE(ASOF_TYPE_TIMESTAMP));
	add_field(&next, "created_time", ASOF_TYPE(ASOF_TYPE_TIMESTAMP));
	for (size_t i = 0; i < value_count; i++) {
		if (layout)
			add_field(&next, layout->states[i].name, layout->states[i].type);
		else
			add_field(&next, view->outputs[i].name, view->outputs[i].type);
	}
	if (view->step_us > 0)
		add_field(&next, "_last_event", ASOF_TYPE(ASOF_TYPE_TIMESTAMP));
	else
		add_field(&next, "_order", ASOF_TYPE(ASOF_TYPE_INT64));

	*ret_fields = fields;
	*ret_count = count;
	return ASOF_OK;
}

enum asof_status
asof_plan_table_fields(const struct asof_view *view, const struct asof_tile_layout *layout,
		       struct asof_arena *arena, const struct asof_field **ret_fields,
		       size_t *ret_count, struct asof_error *err)
{
	struct asof_field *fields = NULL;
	ASOF_TRY(make_fields(view, layout, arena, &fields, ret_count, err));
	*ret_fields = fields;
	return ASOF_OK;
}

static const char *
find_stored(const struct asof_field *columns, size_t column_count, const char *name)
{
	for (size_t i = 0; i < column_count; i++) {
		if (strcmp(columns[i].name, name) == 0)
			return columns[i].stored;
	}
	return NULL;
}

enum asof_status
asof_plan_stored_fields(const struct asof_view *view, const struct asof_tile_layout *layout,
			const struct asof_field *columns, size_t column_count,
			struct asof_arena *arena, const struct asof_field **ret_fields,
			size_t *ret_count, struct asof_error *err)
{
	struct asof_field *fields = NULL;
	ASOF_TRY(make_fields(view, layout, arena, &fields, ret_count, err));
	for (size_t i = 0; i < *ret_count; i++)
		fields[i].stored = find_stored(columns, column_count, fields[i].name);
	*ret_fields = fields;
	return ASOF_OK;
}

/* Are there "name=value" directories, which the engine would take for columns? */
static bool
has_directories(const struct asof_plan_table *table)
{
	for (size_t i = 0; i < table->path_count; i++) {
		if (strchr(table->paths[i], '='))
			return true;
	}
	return false;
}

/* Files hold what Delta has; what it has not (uuid, json, vectors) is cast back. */
void
asof_plan_table_sql(struct asof_buf *sql, const struct asof_plan_table *table)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < table->field_count; i++) {
		const struct asof_field *field = &table->fields[i];
		if (i > 0)
			asof_buf_add_cstr(sql, ", ");
		asof_buf_add_cstr(sql, "CAST(");
		if (table->path_count > 0)
			asof_sql_name(sql, asof_field_stored(field));
		else
			asof_buf_add_cstr(sql, "NULL");
		asof_buf_add_cstr(sql, " AS ");
		asof_sql_type(sql, field->type);
		asof_buf_add_cstr(sql, ") AS ");
		asof_sql_name(sql, field->name);
	}
	if (table->path_count == 0) {
		asof_buf_add_cstr(sql, " WHERE false");
		return;
	}
	asof_buf_add_cstr(sql, " FROM read_parquet(");
	asof_sql_text_list(sql, table->paths, table->path_count);
	asof_buf_add_cstr(sql, has_directories(table)
				       ? ", union_by_name = true, hive_partitioning = false)"
				       : ", union_by_name = true)");
}
