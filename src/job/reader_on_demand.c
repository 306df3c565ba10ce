#include "job/reader_on_demand.h"

#include "job/on_demand.h"
#include "job/version_set.h"
#include "kernel/evaluator.h"

/* One view, as reader.h shows it; `public_view` first. */
struct on_demand_view {
	struct asof_reader_view public_view;
	struct asof_view view; /* with the request's values among its keys */
	struct asof_entity entity;
	struct asof_read_counts counts;
	struct asof_project *project; /* owned: the definition that is served */
};

struct asof_reader_on_demands {
	struct asof_arena arena;
	struct on_demand_view *items;
	size_t count;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "on-demand views");
}

/* ---- opening ---- */

/* The request's values stand behind the keys. */
static enum asof_status
extend_entity(struct on_demand_view *item, const struct asof_view *view, struct asof_arena *arena,
	      struct asof_error *err)
{
	const struct asof_on_demand *on_demand = view->on_demand;
	size_t key_count = view->entity->key_count;
	item->entity = *view->entity;
	item->entity.key_count = key_count + on_demand->request_count;
	item->entity.keys =
		asof_arena_array(arena, item->entity.key_count, sizeof(*item->entity.keys));
	if (!item->entity.keys)
		return no_memory(err);
	if (key_count > 0)
		memcpy(item->entity.keys, view->entity->keys, key_count * sizeof(struct asof_key));
	if (on_demand->request_count > 0)
		memcpy(item->entity.keys + key_count, on_demand->request,
		       on_demand->request_count * sizeof(struct asof_key));
	item->view = *view;
	item->view.entity = &item->entity;
	return ASOF_OK;
}

static enum asof_status
open_item(struct asof_reader_on_demands *views, struct asof_engine *engine,
	  const struct asof_version *version, struct asof_error *err)
{
	struct on_demand_view *item = &views->items[views->count++];
	const struct asof_view *view = NULL;
	ASOF_TRY(asof_version_project(version, &item->project, &view, err));
	ASOF_TRY(asof_on_demand_parse(engine, view, &views->arena, err));
	ASOF_TRY(extend_entity(item, view, &views->arena, err));
	item->public_view = (struct asof_reader_view){
		.name = view->name,
		.version = asof_version_text(version, &views->arena),
		.table = "",
		.view = &item->view,
		.reads = &item->counts,
		.key_count = view->entity->key_count,
	};
	if (!item->public_view.version)
		return no_memory(err);
	return asof_row_text_make(&item->public_view, &views->arena, &item->public_view.text, err);
}

/* Expressions are parsed by an engine that is closed again: serving needs none. */
static enum asof_status
open_items(struct asof_session *session, struct asof_reader_on_demands *views,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
	const struct asof_engine_options options = { .threads = 1, .cancel = &session->cancel };
	const struct asof_project *project = session->project;
	ASOF_TRY(asof_on_demand_recall(session, err));
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	ASOF_TRY(asof_engine_open(&options, &engine, err));
	views->items = asof_arena_array(&views->arena, set.count, sizeof(*views->items));
	if (!views->items)
		return no_memory(err);
	for (size_t i = 0; i < set.count; i++) {
		const struct asof_version *version = &set.items[i];
		if (!version->is_current || !asof_version_is_on_demand(version) ||
		    !asof_project_on_demand(project, asof_str_from(version->view)))
			continue;
		enum asof_status status = open_item(views, engine, version, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "on-demand view '%s'", version->view);
	}
	return ASOF_OK;
}

enum asof_status
asof_reader_on_demands_open(struct asof_session *session, struct asof_reader_on_demands **ret_views,
			    struct asof_error *err)
{
	*ret_views = NULL;
	if (session->project->on_demand_count == 0)
		return ASOF_OK;
	struct asof_reader_on_demands *views = asof_mem_alloc(sizeof(*views));
	if (!views)
		return no_memory(err);
	enum asof_status status = open_items(session, views, err);
	if (status != ASOF_OK) {
		asof_reader_on_demands_free(views);
		return status;
	}
	*ret_views = views;
	return ASOF_OK;
}

void
asof_reader_on_demands_free(struct asof_reader_on_demands *views)
{
	if (!views)
		return;
	for (size_t i = 0; i < views->count; i++)
		asof_project_free(views->items[i].project);
	asof_arena_done(&views->arena);
	asof_mem_free(views);
}

size_t
asof_reader_on_demands_count(const struct asof_reader_on_demands *views)
{
	return views ? views->count : 0;
}

const struct asof_reader_view *
asof_reader_on_demands_at(const struct asof_reader_on_demands *views, size_t index)
{
	return &views->items[index].public_view;
}

/* ---- reading ---- */

/* Some rows being computed. */
struct computing {
	struct asof_reader *reader;
	const struct asof_reader_view *view;
	const struct asof_value *keys; /* and request values, row by row */
	size_t row_count;
	int64_t clock_us;
	struct asof_arena *arena;
	struct asof_value *inputs;        /* per row those of the expressions */
	enum asof_value_status *statuses; /* beside them */
	struct asof_answer *answers;
};

/* Where the keys of a view that is read stand among ours. */
static enum asof_status
find_keys(const struct computing *c, const struct asof_reader_view *read, size_t **ret_at,
	  struct asof_error *err)
{
	const struct asof_entity *entity = read->view->entity;
	size_t *at = asof_arena_array(c->arena, entity->key_count, sizeof(*at));
	if (!at)
		return no_memory(err);
	for (size_t k = 0; k < entity->key_count; k++) {
		const struct asof_key *key = &entity->keys[k];
		size_t i = 0;
		while (i < c->view->key_count &&
		       (strcmp(c->view->view->entity->keys[i].name, key->name) != 0 ||
			!asof_type_equal(c->view->view->entity->keys[i].type, key->type)))
			i++;
		if (i == c->view->key_count)
			return ASOF_FAIL(err, ASOF_UNAVAILABLE,
					 "on-demand view '%s' reads '%s', which has other keys "
					 "now: run `asof apply`, then reload",
					 c->view->name, read->name);
		at[k] = i;
	}
	*ret_at = at;
	return ASOF_OK;
}

/* The keys of the rows that have all of them; *ret_rows says which rows those are. */
static enum asof_status
gather_keys(const struct computing *c, const struct asof_reader_view *read, const size_t *at,
	    struct asof_value **ret_keys, size_t **ret_rows, size_t *ret_count,
	    struct asof_error *err)
{
	size_t key_count = read->view->entity->key_count;
	size_t width = c->view->view->entity->key_count;
	struct asof_value *keys =
		asof_arena_array(c->arena, c->row_count * key_count, sizeof(*keys));
	size_t *rows = asof_arena_array(c->arena, c->row_count, sizeof(*rows));
	size_t count = 0;
	if (!keys || !rows)
		return no_memory(err);
	for (size_t row = 0; row < c->row_count; row++) {
		bool has_null = false;
		for (size_t k = 0; k < key_count; k++) {
			keys[count * key_count + k] = c->keys[row * width + at[k]];
			has_null |= c->keys[row * width + at[k]].is_null;
		}
		if (!has_null)
			rows[count++] = row;
	}
	*ret_keys = keys;
	*ret_rows = rows;
	*ret_count = count;
	return ASOF_OK;
}

/* Which output of a view that is read is which input of the expressions. */
struct pair {
	size_t output;
	size_t input;
};

static enum asof_status
find_pairs(const struct computing *c, const struct asof_reader_view *read, struct pair **ret_pairs,
	   size_t *ret_count, struct asof_error *err)
{
	const struct asof_on_demand *on_demand = c->view->view->on_demand;
	struct pair *pairs = asof_arena_array(c->arena, on_demand->input_count, sizeof(*pairs));
	size_t count = 0;
	if (!pairs)
		return no_memory(err);
	for (size_t i = on_demand->request_count; i < on_demand->input_count; i++) {
		const struct asof_operand *input = &on_demand->inputs[i];
		if (strcmp(input->view, read->name) != 0)
			continue;
		const struct asof_output *output =
			asof_view_output(read->view, asof_str_from(input->name));
		if (!output || !asof_type_equal(output->type, input->type))
			return ASOF_FAIL(err, ASOF_UNAVAILABLE,
					 "on-demand view '%s' reads '%s.%s', which %s %s has not, "
					 "or of another type: run `asof apply`, then reload",
					 c->view->name, input->view, input->name, read->name,
					 read->version);
		pairs[count++] = (struct pair){ (size_t)(output - read->view->outputs), i };
	}
	*ret_pairs = pairs;
	*ret_count = count;
	return ASOF_OK;
}

/* To expressions an infinite time is none: so has it the SELECT of a join. */
static struct asof_value
without_infinity(const struct asof_value *value)
{
	struct asof_value input = *value;
	if (value->type.kind == ASOF_TYPE_TIMESTAMP)
		input.is_null |= value->int64 == INT64_MAX || value->int64 == -INT64_MAX;
	else if (value->type.kind == ASOF_TYPE_DATE)
		input.is_null |= value->int32 == INT32_MAX || value->int32 == -INT32_MAX;
	return input;
}

/* The features of one answer go where the expressions look for them. */
static void
take_answer(struct computing *c, const struct pair *pairs, size_t pair_count, size_t row,
	    const struct asof_answer *answer)
{
	size_t first = row * c->view->view->on_demand->input_count;
	for (size_t i = 0; i < pair_count; i++) {
		c->inputs[first + pairs[i].input] =
			without_infinity(&answer->values[pairs[i].output]);
		c->statuses[first + pairs[i].input] = answer->statuses[pairs[i].output];
	}
	struct asof_answer *ours = &c->answers[row];
	if (answer->has_row && (!ours->has_row || answer->event_us < ours->event_us)) {
		ours->has_row = true;
		ours->event_us = answer->event_us;
	}
}

static enum asof_status
read_view(struct computing *c, const char *name, struct asof_error *err)
{
	const struct asof_reader_view *read =
		asof_reader_find_stored(c->reader, asof_str_from(name));
	struct asof_value *keys = NULL;
	size_t *at = NULL;
	size_t *rows = NULL;
	size_t count = 0;
	struct pair *pairs = NULL;
	size_t pair_count = 0;
	if (!read)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE,
				 "on-demand view '%s' reads '%s', which is not online: "
				 "materialize it",
				 c->view->name, name);
	ASOF_TRY(find_keys(c, read, &at, err));
	ASOF_TRY(find_pairs(c, read, &pairs, &pair_count, err));
	ASOF_TRY(gather_keys(c, read, at, &keys, &rows, &count, err));
	struct asof_answer *answers = asof_arena_array(c->arena, count, sizeof(*answers));
	if (!answers)
		return no_memory(err);
	if (count > 0)
		ASOF_TRY(asof_reader_rows(c->reader, read, keys, count, c->clock_us, c->arena,
					  answers, err));
	for (size_t i = 0; i < count; i++)
		take_answer(c, pairs, pair_count, rows[i], &answers[i]);
	return ASOF_OK;
}

/* What the request says, and nothing yet of what is read. */
static void
begin_inputs(struct computing *c)
{
	const struct asof_on_demand *on_demand = c->view->view->on_demand;
	size_t width = c->view->view->entity->key_count;
	for (size_t row = 0; row < c->row_count; row++) {
		struct asof_value *inputs = c->inputs + row * on_demand->input_count;
		enum asof_value_status *statuses = c->statuses + row * on_demand->input_count;
		for (size_t i = 0; i < on_demand->input_count; i++) {
			bool is_request = i < on_demand->request_count;
			inputs[i] = is_request ? c->keys[row * width + c->view->key_count + i]
					       : asof_value_null(on_demand->inputs[i].type);
			statuses[i] = is_request ? ASOF_VALUE_PRESENT : ASOF_VALUE_NOT_FOUND;
		}
	}
}

/* Whether the expression reads the input. */
static bool
reads(const struct asof_expression *node, size_t input)
{
	if (node->op == ASOF_OP_INPUT)
		return node->input == input;
	for (size_t i = 0; i < node->arg_count; i++) {
		if (reads(node->args[i], input))
			return true;
	}
	return false;
}

/* A NULL because something was missing says so: that first, then what was withheld. */
static enum asof_value_status
status_of_null(const struct asof_on_demand *on_demand, const struct asof_expression *expression,
	       const enum asof_value_status *statuses)
{
	enum asof_value_status status = ASOF_VALUE_NULL;
	for (size_t i = on_demand->request_count; i < on_demand->input_count; i++) {
		bool is_missing = statuses[i] == ASOF_VALUE_NOT_FOUND;
		if ((!is_missing && statuses[i] != ASOF_VALUE_OUTSIDE_MAX_AGE) ||
		    !reads(expression, i))
			continue;
		if (is_missing)
			return ASOF_VALUE_NOT_FOUND;
		status = ASOF_VALUE_OUTSIDE_MAX_AGE;
	}
	return status;
}

static enum asof_status
compute_row(struct computing *c, size_t row, struct asof_error *err)
{
	const struct asof_view *view = c->view->view;
	const struct asof_on_demand *on_demand = view->on_demand;
	struct asof_answer *answer = &c->answers[row];
	answer->values = asof_arena_array(c->arena, view->output_count, sizeof(*answer->values));
	answer->statuses =
		asof_arena_array(c->arena, view->output_count, sizeof(*answer->statuses));
	if (!answer->values || !answer->statuses)
		return no_memory(err);
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_expression *expression = on_demand->expressions[i];
		enum asof_status status =
			asof_expression_value(expression, c->inputs + row * on_demand->input_count,
					      c->arena, &answer->values[i], err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "feature '%s.%s'", view->name,
					 view->outputs[i].name);
		answer->statuses[i] =
			!answer->values[i].is_null
				? ASOF_VALUE_PRESENT
				: status_of_null(on_demand, expression,
						 c->statuses + row * on_demand->input_count);
	}
	return ASOF_OK;
}

enum asof_status
asof_reader_on_demand_rows(struct asof_reader *reader, const struct asof_reader_view *view,
			   const struct asof_value *keys, size_t row_count, int64_t clock_us,
			   struct asof_arena *arena, struct asof_answer *ret_answers,
			   struct asof_error *err)
{
	const struct asof_on_demand *on_demand = view->view->on_demand;
	size_t count = row_count * on_demand->input_count;
	struct computing c = { .reader = reader,
			       .view = view,
			       .keys = keys,
			       .row_count = row_count,
			       .clock_us = clock_us,
			       .arena = arena,
			       .inputs = asof_arena_array(arena, count, sizeof(*c.inputs)),
			       .statuses = asof_arena_array(arena, count, sizeof(*c.statuses)),
			       .answers = ret_answers };
	if (!c.inputs || !c.statuses)
		return no_memory(err);
	memset(ret_answers, 0, row_count * sizeof(*ret_answers));
	begin_inputs(&c);
	for (size_t i = 0; i < on_demand->read_count; i++)
		ASOF_TRY(read_view(&c, on_demand->reads[i].name, err));
	for (size_t row = 0; row < row_count; row++)
		ASOF_TRY(compute_row(&c, row, err));
	return ASOF_OK;
}
