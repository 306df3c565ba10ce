/* read_checks.c - `checks: {delay_mean_1d: {between: [-120, 2880]}, flights_count_1h: not_null}`.
 */
#include "base/number.h"
#include "define/read.h"

static void
read_between(struct asof_reading *r, const struct asof_yaml *node, struct asof_check *check)
{
	check->kind = ASOF_CHECK_BETWEEN;
	if (node->kind != ASOF_YAML_LIST || node->count != 2) {
		asof_mistakes_add(r->mistakes, node->place,
				  "between: two numbers, as in {between: [0, 1]}");
		return;
	}
	double *bounds[] = { &check->low, &check->high };
	for (size_t i = 0; i < 2; i++) {
		const struct asof_yaml *bound = node->items[i];
		if (bound->kind != ASOF_YAML_SCALAR ||
		    !asof_double_parse(asof_str_from(bound->text), bounds[i])) {
			char shown[ASOF_YAML_SHOWN_MAX];
			asof_mistakes_add(r->mistakes, bound->place, "between: %s is no number",
					  asof_yaml_shown(bound, shown));
			return;
		}
	}
	if (!(check->low <= check->high))
		asof_mistakes_add(r->mistakes, node->place, "between: nothing is from '%s' to '%s'",
				  node->items[0]->text, node->items[1]->text);
}

static enum asof_status
read_in(struct asof_reading *r, const struct asof_yaml *node, struct asof_check *check,
	struct asof_error *err)
{
	check->kind = ASOF_CHECK_IN;
	if (!asof_read_is_list(r, node, "a list of values, as in {in: [a, b]}"))
		return ASOF_OK;
	check->items = asof_arena_array(r->arena, node->count, sizeof(*check->items));
	if (!check->items)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml *item = node->items[i];
		char shown[ASOF_YAML_SHOWN_MAX];
		if (item->kind == ASOF_YAML_SCALAR && !asof_yaml_is_null(item))
			check->items[check->item_count++] = item->text;
		else
			asof_mistakes_add(r->mistakes, item->place, "in: a single value, not %s",
					  asof_yaml_shown(item, shown));
	}
	if (node->count == 0)
		asof_mistakes_add(r->mistakes, node->place, "in: the list is empty");
	return ASOF_OK;
}

static void
unknown_check(struct asof_reading *r, const struct asof_yaml *node)
{
	static const char *const names[] = { "not_null", "unique", "between", "in" };
	char shown[ASOF_YAML_SHOWN_MAX];
	const char *text = node->kind == ASOF_YAML_SCALAR ? node->text : "";
	asof_mistakes_add(r->mistakes, node->place, "unknown check %s%s",
			  asof_yaml_shown(node, shown),
			  asof_reading_hint(r, text, names, ASOF_COUNTOF(names)));
}

/* One of a mapping's members: {between: [..]}. */
static enum asof_status
read_mapped(struct asof_reading *r, const struct asof_yaml_pair *pair, struct asof_check *check,
	    struct asof_error *err)
{
	check->place = pair->key->place;
	if (strcmp(pair->key->text, "between") == 0)
		read_between(r, pair->value, check);
	else if (strcmp(pair->key->text, "in") == 0)
		return read_in(r, pair->value, check, err);
	else
		unknown_check(r, pair->key);
	return ASOF_OK;
}

/* not_null, unique, {between: ..}, {in: ..}: one check, or one per member. */
static enum asof_status
read_check(struct asof_reading *r, const struct asof_yaml *node, const char *output,
	   struct asof_view *view, struct asof_error *err)
{
	struct asof_check check = { .output = output, .place = node->place };
	if (node->kind == ASOF_YAML_MAP) {
		for (size_t i = 0; i < node->count; i++) {
			struct asof_check member = check;
			ASOF_TRY(read_mapped(r, &node->pairs[i], &member, err));
			view->checks[view->check_count++] = member;
		}
		return ASOF_OK;
	}
	if (node->kind == ASOF_YAML_SCALAR && strcmp(node->text, "not_null") == 0) {
		check.kind = ASOF_CHECK_NOT_NULL;
	} else if (node->kind == ASOF_YAML_SCALAR && strcmp(node->text, "unique") == 0) {
		check.kind = ASOF_CHECK_UNIQUE;
	} else {
		unknown_check(r, node);
		return ASOF_OK;
	}
	view->checks[view->check_count++] = check;
	return ASOF_OK;
}

static void
unknown_output(struct asof_reading *r, const struct asof_yaml *name, const struct asof_view *view)
{
	if (asof_reading_is_doubtful(r, view))
		return;
	const char **names = asof_arena_array(r->arena, view->output_count, sizeof(*names));
	for (size_t i = 0; names && i < view->output_count; i++)
		names[i] = view->outputs[i].name;
	asof_mistakes_add(r->mistakes, name->place, "view '%s' has no feature '%s'%s", view->name,
			  name->text,
			  asof_reading_hint(r, name->text, names, names ? view->output_count : 0));
}

static enum asof_status
read_output_checks(struct asof_reading *r, const struct asof_yaml_pair *pair,
		   struct asof_view *view, struct asof_error *err)
{
	const struct asof_output *output = asof_view_output(view, asof_str_from(pair->key->text));
	if (!output) {
		unknown_output(r, pair->key, view);
		return ASOF_OK;
	}
	if (pair->value->kind != ASOF_YAML_LIST)
		return read_check(r, pair->value, output->name, view, err);
	for (size_t i = 0; i < pair->value->count; i++)
		ASOF_TRY(read_check(r, pair->value->items[i], output->name, view, err));
	return ASOF_OK;
}

enum asof_status
asof_read_checks(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
		 struct asof_error *err)
{
	if (!asof_read_is_map(r, node, "a mapping of features to checks, as in {price: not_null}"))
		return ASOF_OK;
	/* No more checks than nodes. */
	view->checks = asof_arena_array(r->arena, node->size, sizeof(*view->checks));
	if (!view->checks)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(read_output_checks(r, &node->pairs[i], view, err));
	return ASOF_OK;
}
