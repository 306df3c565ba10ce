/* check_types.c - views against the columns that their sources really have. */
#include <strings.h>

#include "base/suggest.h"
#include "define/default_value.h"
#include "define/define.h"

#define SHOWN_NAMES_BYTES 300

/* One view being typed. */
struct typing {
	struct asof_project *project;
	struct asof_view *view;
	struct asof_mistakes *mistakes;
};

/* The source's columns, as many as fit a line or two. */
static void
write_columns(const struct asof_source *source, struct asof_buf *buf)
{
	for (size_t i = 0; i < source->field_count; i++) {
		if (buf->len > SHOWN_NAMES_BYTES) {
			asof_buf_add_cstr(buf, ", ...");
			return;
		}
		asof_buf_printf(buf, "%s%s", i ? ", " : "", source->fields[i].name);
	}
}

static void
unknown_column(const struct typing *t, struct asof_place place, const char *name)
{
	const struct asof_source *source = t->view->source;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf have = ASOF_BUF(64 * 1024);
	const char **names = asof_arena_array(&arena, source->field_count, sizeof(*names));
	for (size_t i = 0; names && i < source->field_count; i++)
		names[i] = source->fields[i].name;
	const char *near =
		names ? asof_suggest(asof_str_from(name), names, source->field_count) : NULL;
	if (near) {
		asof_mistakes_add(t->mistakes, place,
				  "no column '%s' in source '%s' (did you mean '%s'?)", name,
				  source->name, near);
		return;
	}
	write_columns(source, &have);
	asof_mistakes_add(t->mistakes, place, "no column '%s' in source '%s' (have: %s)", name,
			  source->name, asof_buf_cstr(&have));
}

/* "customer.id" where `customer` is a column with members: what is in it the engine finds. */
static bool
is_path_into(const struct asof_source *source, const char *path)
{
	const char *dot = strchr(path, '.');
	if (!dot)
		return false;
	struct asof_str first = { path, (size_t)(dot - path) };
	const struct asof_field *field = asof_source_field(source, first);
	return field && field->type_text &&
	       strncasecmp(field->type_text, "STRUCT", strlen("STRUCT")) == 0;
}

static void
check_key(const struct typing *t, size_t index)
{
	const struct asof_key *key = &t->view->entity->keys[index];
	const struct asof_text *column = &t->view->key_columns[index];
	const struct asof_source *source = t->view->source;
	const struct asof_field *field = asof_source_field(source, asof_str_from(column->text));
	char have[ASOF_TYPE_TEXT_MAX];
	char want[ASOF_TYPE_TEXT_MAX];
	if (!field && is_path_into(source, column->text))
		return;
	if (!field) {
		unknown_column(t, column->place, column->text);
		return;
	}
	if (asof_type_equal(field->type, key->type) || key->type.kind == ASOF_TYPE_NONE)
		return;
	bool is_known = field->type.kind != ASOF_TYPE_NONE;
	asof_mistakes_add(t->mistakes, column->place,
			  "key '%s' of entity '%s' is %s, but column '%s' of source '%s' is %s",
			  key->name, t->view->entity->name, asof_type_text(key->type, want),
			  column->text, source->name,
			  is_known ? asof_type_text(field->type, have) : field->type_text);
}

/* The type of a feature's column; false and a mistake where there is none. */
static bool
find_column_type(const struct typing *t, const struct asof_feature *feature,
		 struct asof_type *ret_type)
{
	const struct asof_text *column = &feature->column;
	*ret_type = ASOF_TYPE(ASOF_TYPE_NONE);
	if (!column->text)
		return true;
	const struct asof_field *field =
		asof_source_field(t->view->source, asof_str_from(column->text));
	if (!field) {
		unknown_column(t, column->place, column->text);
		return false;
	}
	if (field->type.kind == ASOF_TYPE_NONE) {
		asof_mistakes_add(t->mistakes, column->place,
				  "column '%s' of source '%s' is a %s, which asof does not have: "
				  "convert it by 'select'",
				  column->text, t->view->source->name,
				  field->type_text ? field->type_text : "type");
		return false;
	}
	*ret_type = field->type;
	return true;
}

static const struct asof_agg *
agg_of_output(const struct asof_output *output)
{
	const struct asof_feature *feature = output->feature;
	for (size_t i = 0; i < feature->agg_count; i++) {
		const struct asof_agg *agg = &feature->aggs[i];
		if (agg->kind == output->agg && !(agg->quantile < output->quantile) &&
		    !(agg->quantile > output->quantile))
			return agg;
	}
	return NULL;
}

static enum asof_status
convert_default(const struct typing *t, struct asof_output *output, bool *is_told,
		struct asof_error *err)
{
	const struct asof_default *given = &output->feature->default_value;
	struct asof_error why = { 0 };
	output->has_default = false;
	output->default_value = NULL;
	if (!given->is_given || !given->text)
		return ASOF_OK;

	struct asof_value *value = asof_arena_alloc(&t->project->arena, sizeof(*value));
	if (!value)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "default");
	enum asof_status status =
		asof_default_convert(given, output->type, &t->project->arena, value, &why);
	if (status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "default");
	if (status != ASOF_OK && !*is_told) {
		asof_mistakes_add(t->mistakes, given->place, "feature '%s': %s", output->name,
				  why.message);
		*is_told = true;
	}
	output->has_default = status == ASOF_OK;
	output->default_value = status == ASOF_OK ? value : NULL;
	return ASOF_OK;
}

/* The outputs of one feature, [begin, end). One mistake per aggregate and one per default. */
static enum asof_status
check_outputs(const struct typing *t, size_t begin, size_t end, struct asof_error *err)
{
	const struct asof_agg *told = NULL;
	bool is_default_told = false;
	struct asof_type column;
	if (!find_column_type(t, t->view->outputs[begin].feature, &column))
		return ASOF_OK;
	for (size_t i = begin; i < end; i++) {
		struct asof_output *output = &t->view->outputs[i];
		const struct asof_agg *agg = agg_of_output(output);
		struct asof_error why = { 0 };
		if (asof_agg_type(output->agg, column, &output->type, &why) != ASOF_OK) {
			/* That it has no column was told where it was read. */
			if (agg && agg != told && output->feature->column.text)
				asof_mistakes_add(t->mistakes, agg->place,
						  "column '%s' of source '%s': %s",
						  output->feature->column.text,
						  t->view->source->name, why.message);
			told = agg;
			continue;
		}
		ASOF_TRY(convert_default(t, output, &is_default_told, err));
	}
	return ASOF_OK;
}

static enum asof_status
check_view(const struct typing *t, struct asof_error *err)
{
	const struct asof_view *view = t->view;
	for (size_t i = 0; view->entity && view->key_columns && i < view->entity->key_count; i++)
		check_key(t, i);
	for (size_t begin = 0, end; begin < view->output_count; begin = end) {
		end = begin + 1;
		while (end < view->output_count &&
		       view->outputs[end].feature == view->outputs[begin].feature)
			end++;
		ASOF_TRY(check_outputs(t, begin, end, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_define_check_view_types(struct asof_project *project, struct asof_view *view,
			     struct asof_mistakes *mistakes, struct asof_error *err)
{
	struct typing t = { project, view, mistakes };
	return check_view(&t, err);
}

enum asof_status
asof_define_check_types(struct asof_project *project, struct asof_mistakes *mistakes,
			struct asof_error *err)
{
	for (size_t i = 0; i < project->view_count; i++) {
		struct typing t = { project, &project->views[i], mistakes };
		/* Without columns the source is at fault, which was told. */
		if (t.view->source && t.view->source->field_count > 0)
			ASOF_TRY(check_view(&t, err));
	}
	return ASOF_OK;
}
