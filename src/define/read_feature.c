/* read_feature.c - features: plain columns, or aggregates over windows. */
#include <stdio.h>

#include "base/number.h"
#include "define/read.h"
#include "model/duration.h"

#define QUANTILE_DIGITS 18

static enum asof_agg_kind
agg_kind(const char *text)
{
	for (enum asof_agg_kind kind = ASOF_AGG_COUNT; kind <= ASOF_AGG_COUNT_DISTINCT; kind++) {
		if (kind != ASOF_AGG_QUANTILE && strcmp(asof_agg_text(kind), text) == 0)
			return kind;
	}
	return ASOF_AGG_NONE;
}

/* "p90" of 0.9, "p99_9" of 0.999; false where the text is no number in [0, 1] of 18 digits. */
static bool
quantile_name(struct asof_str text, char *out, size_t out_bytes)
{
	asof_int128 unscaled = 0;
	asof_int128 one = 1;
	for (int i = 0; i < QUANTILE_DIGITS; i++)
		one *= 10;
	if (!asof_decimal_parse(text, 38, QUANTILE_DIGITS, &unscaled) || unscaled < 0 ||
	    unscaled > one)
		return false;

	char digits[ASOF_INT128_TEXT_MAX];
	size_t len = asof_decimal_text(unscaled, QUANTILE_DIGITS - 2, digits);
	while (digits[len - 1] == '0')
		len--;
	if (digits[len - 1] == '.')
		len--;
	(void)snprintf(out, out_bytes, "p%.*s", (int)len, digits);
	for (char *c = out; *c; c++) {
		if (*c == '.')
			*c = '_';
	}
	return true;
}

/* False and a mistake where the parentheses hold no quantile. */
static bool
read_quantile(struct asof_reading *r, const struct asof_yaml *node, char *name, size_t name_bytes,
	      struct asof_agg *agg)
{
	const char *begin = node->text + strlen("quantile(");
	size_t len = strlen(begin);
	if (len > 0 && begin[len - 1] == ')')
		len--;
	struct asof_str text = { begin, len };
	while (text.len > 0 && text.ptr[0] == ' ')
		text = (struct asof_str){ text.ptr + 1, text.len - 1 };
	while (text.len > 0 && text.ptr[text.len - 1] == ' ')
		text.len--;
	if (begin[len] != ')' || !quantile_name(text, name, name_bytes) ||
	    !asof_double_parse(text, &agg->quantile)) {
		asof_mistakes_add(r->mistakes, node->place,
				  "'%s' is no quantile: a number from 0 to 1, as in quantile(0.9)",
				  node->text);
		return false;
	}
	agg->kind = ASOF_AGG_QUANTILE;
	return true;
}

/* What other tools call them. */
static const char *
other_name(const char *text)
{
	static const char *const others[][2] = {
		{ "avg", "mean" },
		{ "average", "mean" },
		{ "stddev", "std" },
		{ "variance", "var" },
		{ "nunique", "count_distinct" },
		{ "total", "sum" },
		{ "percentile", "quantile(0.9)" },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(others); i++) {
		if (strcmp(others[i][0], text) == 0)
			return others[i][1];
	}
	return NULL;
}

static void
unknown_agg(struct asof_reading *r, const struct asof_yaml *node)
{
	static const char *const names[] = { "count",       "sum",   "mean", "min",
					     "max",         "std",   "var",  "median",
					     "quantile(p)", "first", "last", "count_distinct" };
	const char *other = other_name(node->text);
	if (other)
		asof_mistakes_add(r->mistakes, node->place,
				  "unknown aggregate '%s' (did you mean '%s'?)", node->text, other);
	else
		asof_mistakes_add(r->mistakes, node->place, "unknown aggregate '%s'%s", node->text,
				  asof_reading_hint(r, node->text, names, ASOF_COUNTOF(names)));
}

static enum asof_status
read_agg(struct asof_reading *r, const struct asof_yaml *node, struct asof_feature *feature,
	 struct asof_error *err)
{
	char name[ASOF_NAME_MAX];
	struct asof_agg agg = { .place = node->place };
	if (!asof_read_text(r, node, "an aggregate"))
		return ASOF_OK;
	if (strncmp(node->text, "quantile(", strlen("quantile(")) == 0) {
		if (!read_quantile(r, node, name, sizeof(name), &agg))
			return ASOF_OK;
	} else {
		agg.kind = agg_kind(node->text);
		agg.quantile = agg.kind == ASOF_AGG_MEDIAN ? 0.5 : 0;
		if (agg.kind == ASOF_AGG_NONE) {
			unknown_agg(r, node);
			return ASOF_OK;
		}
		(void)snprintf(name, sizeof(name), "%s", node->text);
	}
	for (size_t i = 0; i < feature->agg_count; i++) {
		if (strcmp(feature->aggs[i].name, name) == 0) {
			asof_mistakes_add(r->mistakes, node->place, "aggregate '%s' is given twice",
					  node->text);
			return ASOF_OK;
		}
	}
	agg.name = asof_arena_copy(r->arena, asof_str_from(name));
	if (!agg.name)
		return asof_no_memory(err);
	feature->aggs[feature->agg_count++] = agg;
	return ASOF_OK;
}

enum asof_status
asof_read_aggs(struct asof_reading *r, const struct asof_yaml *node, struct asof_feature *feature,
	       struct asof_error *err)
{
	bool is_list = node->kind == ASOF_YAML_LIST;
	if (is_list && (node->count == 0 || node->count > ASOF_VIEW_OUTPUTS_MAX)) {
		asof_mistakes_add(r->mistakes, node->place,
				  "feature '%s': from 1 to %d aggregates, not %zu", feature->name,
				  ASOF_VIEW_OUTPUTS_MAX, node->count);
		return ASOF_OK;
	}
	feature->aggs =
		asof_arena_array(r->arena, is_list ? node->count : 1, sizeof(*feature->aggs));
	if (!feature->aggs)
		return asof_no_memory(err);
	if (!is_list)
		return read_agg(r, node, feature, err);
	for (size_t i = 0; i < node->count; i++)
		ASOF_TRY(read_agg(r, node->items[i], feature, err));
	return ASOF_OK;
}

static void
read_window(struct asof_reading *r, const struct asof_yaml *node, struct asof_feature *feature)
{
	struct asof_window window = { asof_read_duration(r, node, "window"), node->text,
				      node->place };
	if (window.length_us == 0)
		return;
	for (size_t i = 0; i < feature->window_count; i++) {
		if (feature->windows[i].length_us == window.length_us) {
			asof_mistakes_add(r->mistakes, node->place,
					  "window '%s' is given twice (as '%s')", window.text,
					  feature->windows[i].text);
			return;
		}
	}
	feature->windows[feature->window_count++] = window;
}

enum asof_status
asof_read_windows(struct asof_reading *r, const struct asof_yaml *node,
		  struct asof_feature *feature, struct asof_error *err)
{
	if (!asof_read_is_list(r, node, "a list of windows, as in [1h, 1d]"))
		return ASOF_OK;
	if (node->count == 0 || node->count > ASOF_VIEW_OUTPUTS_MAX) {
		asof_mistakes_add(r->mistakes, node->place,
				  "feature '%s': from 1 to %d windows, not %zu", feature->name,
				  ASOF_VIEW_OUTPUTS_MAX, node->count);
		return ASOF_OK;
	}
	feature->windows = asof_arena_array(r->arena, node->count, sizeof(*feature->windows));
	if (!feature->windows)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++)
		read_window(r, node->items[i], feature);
	return ASOF_OK;
}

static void
read_default(struct asof_reading *r, const struct asof_yaml *node, struct asof_feature *feature)
{
	char shown[ASOF_YAML_SHOWN_MAX];
	if (node->kind != ASOF_YAML_SCALAR) {
		asof_mistakes_add(r->mistakes, node->place, "default: a single value, not %s",
				  asof_yaml_shown(node, shown));
		return;
	}
	feature->default_value = (struct asof_default){
		.is_given = true,
		.is_quoted = !node->is_plain,
		.text = asof_yaml_is_null(node) ? NULL : node->text,
		.place = node->place,
	};
}

/* Which of agg, windows and column go together. */
static void
check_members(struct asof_reading *r, struct asof_feature *feature, const struct asof_yaml *agg,
	      const struct asof_yaml *windows)
{
	if (agg && !windows)
		asof_mistakes_add(r->mistakes, feature->place,
				  "feature '%s' has 'agg': 'windows' is missing", feature->name);
	if (windows && !agg)
		asof_mistakes_add(r->mistakes, feature->place,
				  "feature '%s' has 'windows': 'agg' is missing", feature->name);
	for (size_t i = 0; !feature->column.text && i < feature->agg_count; i++) {
		if (feature->aggs[i].kind == ASOF_AGG_COUNT)
			continue;
		asof_mistakes_add(r->mistakes, feature->aggs[i].place,
				  "feature '%s': 'column' is missing, '%s' needs one",
				  feature->name, feature->aggs[i].name);
		break;
	}
	if (!agg && !windows && !feature->column.text)
		feature->column = (struct asof_text){ feature->name, feature->place };
}

static void
read_renamed_from(struct asof_reading *r, const struct asof_yaml *node,
		  struct asof_feature *feature)
{
	if (!asof_read_column_name(r, node, "feature"))
		return;
	if (strcmp(node->text, feature->name) == 0) {
		asof_mistakes_add(r->mistakes, node->place, "feature '%s' is renamed from itself",
				  feature->name);
		return;
	}
	feature->renamed_from = (struct asof_text){ node->text, node->place };
}

static enum asof_status
read_feature(struct asof_reading *r, const struct asof_yaml *node, struct asof_feature *feature,
	     struct asof_error *err)
{
	const struct asof_yaml *column = NULL;
	const struct asof_yaml *agg = NULL;
	const struct asof_yaml *windows = NULL;
	const struct asof_yaml *default_value = NULL;
	const struct asof_yaml *description = NULL;
	const struct asof_yaml *renamed_from = NULL;
	const struct asof_member members[] = {
		{ "column", &column },           { "agg", &agg },
		{ "windows", &windows },         { "default", &default_value },
		{ "description", &description }, { "renamed_from", &renamed_from },
	};
	char what[ASOF_NAME_MAX + 16];
	(void)snprintf(what, sizeof(what), "feature '%s'", feature->name);
	if (!asof_yaml_is_null(node) &&
	    !asof_read_members(r, node, what, members, ASOF_COUNTOF(members)))
		return ASOF_OK;
	if (column)
		feature->column =
			(struct asof_text){ asof_read_text(r, column, "column"), column->place };
	if (agg)
		ASOF_TRY(asof_read_aggs(r, agg, feature, err));
	if (windows)
		ASOF_TRY(asof_read_windows(r, windows, feature, err));
	if (default_value)
		read_default(r, default_value, feature);
	if (description && !asof_yaml_is_null(description))
		feature->description = asof_read_text(r, description, "description");
	if (renamed_from)
		read_renamed_from(r, renamed_from, feature);
	if (!column || feature->column.text)
		check_members(r, feature, agg, windows);
	return ASOF_OK;
}

static bool
is_repeated(struct asof_reading *r, const struct asof_map *names, const struct asof_yaml *name)
{
	if (!asof_map_find(names, asof_str_from(name->text), NULL))
		return false;
	asof_mistakes_add(r->mistakes, name->place, "feature '%s' is given twice", name->text);
	return true;
}

/* A name that was given up is nobody's, and became one other. */
static void
check_renamed(struct asof_reading *r, const struct asof_view *view, size_t index)
{
	const struct asof_feature *feature = &view->features[index];
	const struct asof_text *from = &feature->renamed_from;
	for (size_t i = 0; from->text && i < view->feature_count; i++) {
		const struct asof_feature *other = &view->features[i];
		if (strcmp(other->name, from->text) == 0)
			asof_mistakes_add(r->mistakes, from->place,
					  "feature '%s' is renamed from '%s', which is still there",
					  feature->name, from->text);
		else if (i < index && other->renamed_from.text &&
			 strcmp(other->renamed_from.text, from->text) == 0)
			asof_mistakes_add(r->mistakes, from->place,
					  "feature '%s' is renamed from '%s', and so is '%s'",
					  feature->name, from->text, other->name);
	}
}

enum asof_status
asof_read_features(struct asof_reading *r, const struct asof_yaml *node, struct asof_view *view,
		   struct asof_error *err)
{
	bool is_list = node->kind == ASOF_YAML_LIST;
	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	if (!is_list && !asof_read_is_map(r, node, "a list of columns, or a mapping of features"))
		return ASOF_OK;
	if (node->count == 0 || node->count > ASOF_VIEW_OUTPUTS_MAX) {
		asof_mistakes_add(r->mistakes, node->place,
				  "view '%s': from 1 to %d features, not %zu", view->name,
				  ASOF_VIEW_OUTPUTS_MAX, node->count);
		return ASOF_OK;
	}
	view->features = asof_arena_array(r->arena, node->count, sizeof(*view->features));
	if (!view->features)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml *name = is_list ? node->items[i] : node->pairs[i].key;
		if (!asof_read_column_name(r, name, "feature") || is_repeated(r, &names, name))
			continue;
		struct asof_feature *feature = &view->features[view->feature_count++];
		feature->name = name->text;
		feature->place = name->place;
		ASOF_TRY(asof_map_put(&names, asof_str_from(name->text), NULL, err));
		if (is_list)
			feature->column = (struct asof_text){ name->text, name->place };
		else
			ASOF_TRY(read_feature(r, node->pairs[i].value, feature, err));
	}
	for (size_t i = 0; i < view->feature_count; i++)
		check_renamed(r, view, i);
	return ASOF_OK;
}
