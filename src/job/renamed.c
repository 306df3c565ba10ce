/* renamed.c - a table's columns under the names that a view has for them now. */
#include "job/renamed.h"

static const struct asof_field *
find_field(const struct asof_table_snapshot *base, const char *name)
{
	for (size_t i = 0; i < base->field_count; i++) {
		if (strcmp(base->fields[i].name, name) == 0)
			return &base->fields[i];
	}
	return NULL;
}

/* The output that the column is now under another name; NULL: it is what it was. */
static const struct asof_output *
find_renamed(const struct asof_table_snapshot *base, const struct asof_view *view,
	     const struct asof_field *field)
{
	if (asof_view_output(view, asof_str_from(field->name)))
		return NULL;
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		const char *from = output->feature->renamed_from.text;
		if (from && strcmp(from, field->name) == 0 && !find_field(base, output->name))
			return output;
	}
	return NULL;
}

static void
rename_field(struct asof_field *field, const char *name)
{
	const char *stored = asof_field_stored(field);
	field->stored = strcmp(stored, name) == 0 ? NULL : stored;
	field->name = name;
}

enum asof_status
asof_renamed_fields(const struct asof_table_snapshot *base, const struct asof_view *view,
		    struct asof_arena *arena, const struct asof_field **ret_fields,
		    bool *ret_has_renamed, struct asof_error *err)
{
	struct asof_field *fields = asof_arena_array(arena, base->field_count, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "columns of '%s'", view->name);
	*ret_has_renamed = false;
	for (size_t i = 0; i < base->field_count; i++) {
		fields[i] = base->fields[i];
		const struct asof_output *output =
			asof_view_is_windowed(view) ? NULL : find_renamed(base, view, &fields[i]);
		if (!output)
			continue;
		rename_field(&fields[i], output->name);
		*ret_has_renamed = true;
	}
	*ret_fields = fields;
	return ASOF_OK;
}
