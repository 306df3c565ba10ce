/* read_outputs.c - the columns that a view offers, and names that would meet. */
#include <stdio.h>
#include <strings.h>

#include "define/read.h"
#include "model/tile.h"

#define LOWERED_MAX 512

static enum asof_status
add_window_output(struct asof_reading *r, struct asof_view *view,
		  const struct asof_feature *feature, const struct asof_agg *agg,
		  const struct asof_window *window, struct asof_error *err)
{
	const char *name =
		asof_arena_printf(r->arena, "%s_%s_%s", feature->name, agg->name, window->text);
	if (!name)
		return asof_no_memory(err);
	if (strlen(name) > ASOF_NAME_MAX) {
		asof_mistakes_add(r->mistakes, window->place,
				  "the name '%s' is longer than %d bytes", name, ASOF_NAME_MAX);
		return ASOF_OK;
	}
	view->outputs[view->output_count++] = (struct asof_output){
		.name = name,
		.feature = feature,
		.agg = agg->kind,
		.quantile = agg->quantile,
		.window_us = window->length_us,
	};
	return ASOF_OK;
}

static enum asof_status
add_outputs(struct asof_reading *r, struct asof_view *view, const struct asof_feature *feature,
	    struct asof_error *err)
{
	bool is_plain = feature->agg_count == 0 && feature->window_count == 0;
	if (is_plain && feature->column.text)
		view->outputs[view->output_count++] =
			(struct asof_output){ .name = feature->name, .feature = feature };
	for (size_t a = 0; a < feature->agg_count; a++) {
		for (size_t w = 0; w < feature->window_count; w++)
			ASOF_TRY(add_window_output(r, view, feature, &feature->aggs[a],
						   &feature->windows[w], err));
	}
	return ASOF_OK;
}

enum asof_status
asof_read_outputs(struct asof_reading *r, struct asof_view *view, struct asof_error *err)
{
	size_t count = 0;
	for (size_t i = 0; i < view->feature_count; i++) {
		const struct asof_feature *feature = &view->features[i];
		size_t outputs = feature->agg_count * feature->window_count;
		count += outputs > 0 ? outputs : 1;
	}
	if (count > ASOF_VIEW_OUTPUTS_MAX || r->output_count + count > ASOF_PROJECT_OUTPUTS_MAX) {
		asof_mistakes_add(r->mistakes, view->place,
				  "view '%s' has %zu features: at most %d in a view and %d in all",
				  view->name, count, ASOF_VIEW_OUTPUTS_MAX,
				  ASOF_PROJECT_OUTPUTS_MAX);
		return ASOF_OK;
	}
	r->output_count += count;
	view->outputs = asof_arena_array(r->arena, count, sizeof(*view->outputs));
	if (!view->outputs)
		return asof_no_memory(err);
	for (size_t i = 0; i < view->feature_count; i++)
		ASOF_TRY(add_outputs(r, view, &view->features[i], err));
	return ASOF_OK;
}

/* Column names that differ only in case are one name to most engines. */
static struct asof_str
lowered(const char *name, char out[LOWERED_MAX])
{
	size_t len = 0;
	for (; name[len] && len < LOWERED_MAX; len++) {
		char c = name[len];
		out[len] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return (struct asof_str){ out, len };
}

/* A name that is taken, and what by. */
struct taken {
	const char *name;
	const char *by; /* "key 'origin'" */
};

/* Take `name` for `by`; *ret_before is who has it already, NULL where it was free. */
static enum asof_status
take_name(struct asof_reading *r, struct asof_map *names, const char *name, const char *by,
	  const struct taken **ret_before, struct asof_error *err)
{
	char buf[LOWERED_MAX];
	void *found = NULL;
	struct asof_str key = lowered(name, buf);
	*ret_before = NULL;
	if (asof_map_find(names, key, &found)) {
		*ret_before = found;
		return ASOF_OK;
	}
	struct taken *taken = asof_arena_alloc(r->arena, sizeof(*taken));
	if (!taken)
		return asof_no_memory(err);
	*taken = (struct taken){ name, by };
	return asof_map_put(names, key, taken, err);
}

/* A key must not have the name of a state that some aggregated column may have: key
 * 'delay__sum' beside column 'delay'. */
static void
check_key_state(struct asof_reading *r, const struct asof_view *view, const struct asof_key *key)
{
	const char *split = NULL;
	for (const char *c = strstr(key->name, "__"); c; c = strstr(c + 1, "__"))
		split = c;
	if (!split || view->step_us == ASOF_STEP_NONE)
		return;
	bool is_state = false;
	for (enum asof_state_kind kind = ASOF_STATE_COUNT; kind <= ASOF_STATE_VALUE; kind++)
		is_state |= strcasecmp(split + 2, asof_state_suffix(kind)) == 0;
	size_t len = (size_t)(split - key->name);
	for (size_t i = 0; is_state && i < view->feature_count; i++) {
		const struct asof_feature *feature = &view->features[i];
		const char *column = feature->column.text;
		if (!column || strlen(column) != len || strncasecmp(column, key->name, len) != 0)
			continue;
		asof_mistakes_add(r->mistakes, feature->place,
				  "the tiles of column '%s' would have a column '%s', as the key "
				  "has",
				  column, key->name);
		return;
	}
}

enum asof_status
asof_check_view_names(struct asof_reading *r, const struct asof_view *view, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	const struct taken *before;
	for (size_t i = 0; view->entity && i < view->entity->key_count; i++) {
		const struct asof_key *key = &view->entity->keys[i];
		ASOF_TRY(take_name(r, &names, key->name, "a key", &before, err));
		check_key_state(r, view, key);
	}
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		ASOF_TRY(take_name(r, &names, output->name, "a feature", &before, err));
		if (before)
			asof_mistakes_add(r->mistakes, output->feature->place,
					  "feature '%s' has the name of %s, '%s'", output->name,
					  before->by, before->name);
	}
	return ASOF_OK;
}

/* A training set names columns <view>__<feature>: 'a' with 'b__c' and 'a__b' with 'c' would meet.
 */
static enum asof_status
take_joined_names(struct asof_reading *r, struct asof_map *names, const struct asof_view *view,
		  struct asof_error *err)
{
	const struct taken *before;
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		const char *name = asof_arena_printf(r->arena, "%s__%s", view->name, output->name);
		if (!name)
			return asof_no_memory(err);
		ASOF_TRY(take_name(r, names, name, view->name, &before, err));
		if (before && strcmp(before->by, view->name) != 0)
			asof_mistakes_add(r->mistakes, output->feature->place,
					  "'%s' is a column of view '%s' already (names are "
					  "VIEW__FEATURE)",
					  name, before->by);
	}
	return ASOF_OK;
}

/* `VIEW__tiles` is how stored tiles are shown. */
static enum asof_status
check_view_name(struct asof_reading *r, struct asof_map *names, const struct asof_view *view,
		struct asof_error *err)
{
	const struct taken *before;
	const char *tiles = asof_arena_printf(r->arena, "%s__tiles", view->name);
	if (!tiles)
		return asof_no_memory(err);
	ASOF_TRY(take_name(r, names, view->name, view->name, &before, err));
	if (!before)
		ASOF_TRY(take_name(r, names, tiles, view->name, &before, err));
	if (before)
		asof_mistakes_add(r->mistakes, view->place,
				  "view '%s' cannot be told from '%s' of view '%s'", view->name,
				  before->name, before->by);
	return ASOF_OK;
}

enum asof_status
asof_check_project_names(struct asof_reading *r, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map views = { 0 };
	ASOF_AUTO(asof_map_done) struct asof_map columns = { 0 };
	for (size_t i = 0; i < r->project->view_count; i++) {
		const struct asof_view *view = &r->project->views[i];
		ASOF_TRY(check_view_name(r, &views, view, err));
		ASOF_TRY(take_joined_names(r, &columns, view, err));
	}
	for (size_t i = 0; i < r->project->on_demand_count; i++) {
		const struct asof_view *view = &r->project->on_demand[i];
		ASOF_TRY(check_view_name(r, &views, view, err));
		ASOF_TRY(take_joined_names(r, &columns, view, err));
	}
	return ASOF_OK;
}
