/*
 * join_on_demand.c - on-demand features of a training set.
 *
 * What their expressions read is joined like any other feature, into columns that may not be
 * written; behind it stands one SELECT that computes them, by DuckDB itself. The server's evaluator
 * gives the same (kernel/evaluator.h).
 */
#include <stdio.h>

#include "base/suggest.h"
#include "job/join_on_demand.h"
#include "plan/sql.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "on-demand features");
}

void
asof_join_on_demand_done(struct asof_join_run *run)
{
	for (size_t i = 0; run->on_demand && i < run->on_demand->view_count; i++)
		asof_version_table_done(&run->on_demand->views[i]);
}

/* ---- what is asked for ---- */

/* The on-demand view that a reference means, or NULL. */
static enum asof_status
find_version(struct asof_join_run *run, const struct asof_feature_ref *ref,
	     const struct asof_version **ret_version, struct asof_error *err)
{
	struct asof_error why = { 0 };
	enum asof_status status = asof_version_set_find(&run->versions, ref->view, ref->version,
							run->options->has_as_of,
							run->options->as_of_us, ret_version, &why);
	bool is_declared =
		asof_project_on_demand(run->session->project, asof_str_from(ref->view)) != NULL;
	if (status == ASOF_OK && !asof_version_is_on_demand(*ret_version))
		*ret_version = NULL;
	if (status == ASOF_OK || !is_declared) {
		if (status != ASOF_OK)
			*ret_version = NULL; /* told as of any other view */
		return ASOF_OK;
	}
	if (strstr(why.message, "has no published version"))
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "on-demand view '%s' is not registered: run `asof apply` first",
				 ref->view);
	return ASOF_FAIL(err, status, "%s", why.message);
}

static enum asof_status
open_published(struct asof_join_run *run, const struct asof_version *version,
	       struct asof_version_table *table, struct asof_error *err)
{
	table->version = version;
	table->version_text = asof_version_text(version, &run->arena);
	if (!table->version_text)
		return no_memory(err);
	return asof_version_project(version, &table->project, &table->view, err);
}

/* A direct join computes what stands in the files. */
static enum asof_status
open_defined(struct asof_join_run *run, const struct asof_view *view,
	     struct asof_version_table *table, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(ASOF_FILE_BYTES_MAX * 16);
	struct asof_version *version = asof_arena_alloc(&run->arena, sizeof(*version));
	if (!version)
		return no_memory(err);
	ASOF_TRY(asof_define_canonical(run->session->project, view, false, &text, err));
	*version = (struct asof_version){ .view = view->name,
					  .definition_hash = "",
					  .definition_json = asof_arena_copy(&run->arena,
									     asof_buf_view(&text)),
					  .table_version = -1 };
	if (!version->definition_json)
		return no_memory(err);
	*table = (struct asof_version_table){ .version = version, .view = view };
	return ASOF_OK;
}

static enum asof_status
open_view(struct asof_join_run *run, const struct asof_feature_ref *ref,
	  struct asof_version_table **ret_table, struct asof_error *err)
{
	const struct asof_version *version = NULL;
	const struct asof_view *defined =
		asof_project_on_demand(run->session->project, asof_str_from(ref->view));
	*ret_table = NULL;
	if (!run->is_direct)
		ASOF_TRY(find_version(run, ref, &version, err));
	if (run->is_direct ? !defined : !version)
		return ASOF_OK;
	if (run->is_direct && ref->version)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s@%s': a direct join computes from the definitions as they "
				 "stand, and knows no versions",
				 ref->view, ref->version);
	struct asof_join_on_demand *on_demand = run->on_demand;
	for (size_t i = 0; i < on_demand->view_count; i++) {
		struct asof_version_table *known = &on_demand->views[i];
		if (strcmp(known->version->view, ref->view) != 0)
			continue;
		if (!run->is_direct && known->version != version)
			return ASOF_FAIL(err, ASOF_INVALID, "two versions of view '%s' in one join",
					 ref->view);
		*ret_table = known;
		return ASOF_OK;
	}
	struct asof_version_table *table = &on_demand->views[on_demand->view_count++];
	ASOF_TRY(run->is_direct ? open_defined(run, defined, table, err)
				: open_published(run, version, table, err));
	*ret_table = table;
	return ASOF_OK;
}

/* Room for what is asked for; without on-demand features it is not used. */
static enum asof_status
prepare(struct asof_join_run *run, struct asof_error *err)
{
	struct asof_join_on_demand *on_demand = asof_arena_alloc(&run->arena, sizeof(*on_demand));
	if (!on_demand)
		return no_memory(err);
	*on_demand = (struct asof_join_on_demand){ 0 };
	on_demand->views =
		asof_arena_array(&run->arena, run->manifest.ref_count, sizeof(*on_demand->views));
	if (!on_demand->views)
		return no_memory(err);
	run->on_demand = on_demand;
	return ASOF_OK;
}

static enum asof_status
add_input(struct asof_join_run *run, const struct asof_operand *input,
	  struct asof_feature_ref **refs, size_t *count, struct asof_error *err)
{
	for (size_t i = 0; i < *count; i++) {
		if (strcmp((*refs)[i].view, input->view) == 0 &&
		    strcmp((*refs)[i].feature, input->name) == 0)
			return ASOF_OK;
	}
	struct asof_feature_ref *more = asof_arena_array(&run->arena, *count + 1, sizeof(*more));
	if (!more)
		return no_memory(err);
	if (*count > 0)
		memcpy(more, *refs, *count * sizeof(*more));
	struct asof_feature_ref *ref = &more[(*count)++];
	*ref = (struct asof_feature_ref){ .view = input->view,
					  .feature = input->name,
					  .is_input = true };
	/* Of the version that is asked for beside it, or that the manifest says. */
	for (size_t i = 0; i < run->manifest.ref_count; i++) {
		if (strcmp(run->manifest.refs[i].view, input->view) == 0)
			ref->version = run->manifest.refs[i].version;
	}
	*refs = more;
	return ASOF_OK;
}

enum asof_status
asof_join_on_demand_inputs(struct asof_join_run *run, struct asof_feature_ref **ret_refs,
			   size_t *ret_count, struct asof_error *err)
{
	*ret_refs = NULL;
	*ret_count = 0;
	ASOF_TRY(prepare(run, err));
	for (size_t i = 0; i < run->manifest.ref_count; i++) {
		struct asof_version_table *table = NULL;
		ASOF_TRY(open_view(run, &run->manifest.refs[i], &table, err));
		if (!table)
			continue;
		const struct asof_on_demand *on_demand = table->view->on_demand;
		for (size_t k = on_demand->request_count; k < on_demand->input_count; k++)
			ASOF_TRY(add_input(run, &on_demand->inputs[k], ret_refs, ret_count, err));
	}
	if (run->on_demand->view_count == 0)
		run->on_demand = NULL;
	return ASOF_OK;
}

static enum asof_status
show(struct asof_join_run *run, struct asof_join_shown column, struct asof_error *err)
{
	struct asof_join_on_demand *on_demand = run->on_demand;
	for (size_t i = 0; i < on_demand->shown_count; i++) {
		const struct asof_join_shown *known = &on_demand->shown[i];
		if (known->is_on_demand == column.is_on_demand && known->index == column.index &&
		    known->output == column.output)
			return ASOF_OK;
	}
	struct asof_join_shown *shown =
		asof_arena_array(&run->arena, on_demand->shown_count + 1, sizeof(*shown));
	if (!shown)
		return no_memory(err);
	if (on_demand->shown_count > 0)
		memcpy(shown, on_demand->shown, on_demand->shown_count * sizeof(*shown));
	shown[on_demand->shown_count++] = column;
	on_demand->shown = shown;
	return ASOF_OK;
}

enum asof_status
asof_join_on_demand_show(struct asof_join_run *run, size_t index, struct asof_error *err)
{
	if (!run->on_demand)
		return ASOF_OK;
	return show(run, (struct asof_join_shown){ .index = index }, err);
}

enum asof_status
asof_join_on_demand_add(struct asof_join_run *run, struct asof_feature_ref *ref,
			bool *ret_is_on_demand, struct asof_error *err)
{
	struct asof_version_table *table = NULL;
	*ret_is_on_demand = false;
	if (!run->on_demand)
		return ASOF_OK;
	ASOF_TRY(open_view(run, ref, &table, err));
	if (!table)
		return ASOF_OK;
	*ret_is_on_demand = true;
	ref->version = table->version_text;
	const struct asof_view *view = table->view;
	struct asof_join_shown column = { .is_on_demand = true,
					  .index = (size_t)(table - run->on_demand->views) };
	bool is_all = strcmp(ref->feature, "*") == 0;
	for (size_t i = 0; is_all && i < view->output_count; i++) {
		column.output = &view->outputs[i];
		ASOF_TRY(show(run, column, err));
	}
	if (is_all)
		return ASOF_OK;
	column.output = asof_view_output(view, asof_str_from(ref->feature));
	if (!column.output)
		return asof_no_output(view, run->is_direct ? "as defined" : ref->version,
				      ref->feature, err);
	return show(run, column, err);
}

/* ---- against the spine and the features ---- */

const struct asof_field *
asof_join_spine_field(const struct asof_spine *spine, const char *name)
{
	for (size_t i = 0; i < spine->field_count; i++) {
		if (strcmp(spine->fields[i].name, name) == 0)
			return &spine->fields[i];
	}
	return NULL;
}

static bool
is_integer(struct asof_type type)
{
	return type.kind == ASOF_TYPE_INT32 || type.kind == ASOF_TYPE_INT64;
}

static bool
is_real(struct asof_type type)
{
	return type.kind == ASOF_TYPE_FLOAT32 || type.kind == ASOF_TYPE_FLOAT64;
}

/* A column's values are the request's, as they would be in JSON: nothing is lost on the way. */
static bool
converts(const struct asof_field *field, struct asof_type wanted)
{
	struct asof_type from = field->type;
	if (strcmp(field->type_text, "\"NULL\"") == 0)
		return true;
	if (wanted.kind == ASOF_TYPE_TIMESTAMP)
		return asof_sql_is_time(field->type_text);
	if (is_integer(wanted))
		return is_integer(from);
	if (is_real(wanted))
		return is_integer(from) || from.kind == wanted.kind ||
		       (from.kind == ASOF_TYPE_FLOAT32 && wanted.kind == ASOF_TYPE_FLOAT64);
	if (wanted.kind == ASOF_TYPE_DECIMAL)
		return is_integer(from) ||
		       (from.kind == ASOF_TYPE_DECIMAL && from.scale <= wanted.scale);
	return from.kind == wanted.kind;
}

static enum asof_status
check_request(struct asof_join_run *run, const struct asof_view *view, struct asof_error *err)
{
	const struct asof_on_demand *on_demand = view->on_demand;
	const struct asof_spine *spine = &run->spine;
	char text[ASOF_TYPE_TEXT_MAX];
	for (size_t i = 0; i < on_demand->request_count; i++) {
		const struct asof_key *value = &on_demand->request[i];
		const struct asof_field *field = asof_join_spine_field(spine, value->name);
		if (!field)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': no column '%s', a %s that on-demand view "
					 "'%s' takes from the request",
					 spine->path, value->name,
					 asof_type_text(value->type, text), view->name);
		if (!converts(field, value->type))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': column '%s' is a %s, and on-demand view '%s' "
					 "takes a %s",
					 spine->path, value->name, field->type_text, view->name,
					 asof_type_text(value->type, text));
	}
	return ASOF_OK;
}

/* In one statement a name is one thing. */
static enum asof_status
check_names(const struct asof_join_run *run, const struct asof_view *a, const struct asof_view *b,
	    struct asof_error *err)
{
	(void)run;
	for (size_t i = 0; i < a->on_demand->request_count; i++) {
		const struct asof_key *value = &a->on_demand->request[i];
		for (size_t k = 0; k < b->on_demand->request_count; k++) {
			const struct asof_key *other = &b->on_demand->request[k];
			if (strcmp(value->name, other->name) == 0 &&
			    !asof_type_equal(value->type, other->type))
				return ASOF_FAIL(err, ASOF_INVALID,
						 "on-demand views '%s' and '%s' take request value "
						 "'%s' as two types: join them apart",
						 a->name, b->name, value->name);
		}
		for (size_t k = 0; k < b->on_demand->read_count; k++) {
			if (strcmp(value->name, b->on_demand->reads[k].name) == 0)
				return ASOF_FAIL(err, ASOF_INVALID,
						 "'%s' is a request value of on-demand view '%s' "
						 "and a view that '%s' reads: join them apart",
						 value->name, a->name, b->name);
		}
	}
	return ASOF_OK;
}

/* The joined column that an input is; its view's version may not be the one it was applied with. */
static enum asof_status
find_input(const struct asof_join_run *run, const struct asof_view *view,
	   const struct asof_operand *input, size_t *ret_column, struct asof_error *err)
{
	char is[ASOF_TYPE_TEXT_MAX];
	char was[ASOF_TYPE_TEXT_MAX];
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_view *item = &run->views[run->columns[i].view];
		const struct asof_output *output = item->outputs[run->columns[i].output];
		if (strcmp(item->table.view->name, input->view) != 0 ||
		    strcmp(output->name, input->name) != 0)
			continue;
		if (!asof_type_equal(output->type, input->type))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "on-demand view '%s' reads '%s.%s' as a %s, and it is a "
					 "%s: `asof apply` registers the view anew",
					 view->name, input->view, input->name,
					 asof_type_text(input->type, was),
					 asof_type_text(output->type, is));
		*ret_column = i;
		return ASOF_OK;
	}
	return ASOF_FAIL(err, ASOF_INTERNAL, "'%s.%s' is not joined", input->view, input->name);
}

enum asof_status
asof_join_on_demand_check(struct asof_join_run *run, struct asof_error *err)
{
	struct asof_join_on_demand *on_demand = run->on_demand;
	for (size_t i = 0; on_demand && i < on_demand->view_count; i++) {
		const struct asof_view *view = on_demand->views[i].view;
		size_t ignored;
		ASOF_TRY(check_request(run, view, err));
		for (size_t k = 0; k < on_demand->view_count; k++)
			ASOF_TRY(check_names(run, view, on_demand->views[k].view, err));
		for (size_t k = view->on_demand->request_count; k < view->on_demand->input_count;
		     k++)
			ASOF_TRY(find_input(run, view, &view->on_demand->inputs[k], &ignored, err));
	}
	for (size_t i = 0; on_demand && i < on_demand->shown_count; i++) {
		const struct asof_join_shown *shown = &on_demand->shown[i];
		char name[2 * ASOF_NAME_MAX + 4];
		if (!shown->is_on_demand)
			continue;
		(void)snprintf(name, sizeof(name), "%s__%s",
			       on_demand->views[shown->index].view->name, shown->output->name);
		if (asof_join_spine_field(&run->spine, name))
			return ASOF_FAIL(err, ASOF_INVALID, "spine '%s' has a column '%s' already",
					 run->spine.path, name);
	}
	return ASOF_OK;
}

/* ---- what was made ---- */

size_t
asof_join_shown_count(const struct asof_join_run *run)
{
	return run->on_demand ? run->on_demand->shown_count : run->column_count;
}

enum asof_status
asof_join_all_views(struct asof_join_run *run, const struct asof_version_table **ret_tables,
		    size_t *ret_count, struct asof_error *err)
{
	const struct asof_join_on_demand *on_demand = run->on_demand;
	*ret_tables = run->tables;
	*ret_count = run->table_count;
	if (!on_demand)
		return ASOF_OK;
	size_t count = run->table_count + on_demand->view_count;
	struct asof_version_table *all = asof_arena_array(&run->arena, count, sizeof(*all));
	if (!all)
		return no_memory(err);
	if (run->table_count > 0)
		memcpy(all, run->tables, run->table_count * sizeof(*all));
	memcpy(all + run->table_count, on_demand->views,
	       on_demand->view_count * sizeof(*on_demand->views));
	*ret_tables = all;
	*ret_count = count;
	return ASOF_OK;
}
