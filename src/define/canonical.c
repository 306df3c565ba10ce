/* canonical.c - definitions as compact JSON with sorted members: for hashing, and to be read back.
 */
#include "define/canonical.h"

#include <stdlib.h>
#include <strings.h>

#include "base/number.h"
#include "define/canonical_parts.h"
#include "define/define.h"
#include "model/duration.h"
#include "model/partition.h"

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool
mentions(const char *expression, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = expression; at && *at; at++) {
		bool is_start = at == expression || !is_word(at[-1]);
		if (is_start && strncasecmp(at, name, len) == 0 && !is_word(at[len]))
			return true;
	}
	return false;
}

bool
asof_canonical_names(const struct asof_view *view, const char *name)
{
	const struct asof_source *source = view->source;
	for (size_t i = 0; i < view->entity->key_count; i++) {
		if (mentions(view->key_columns[i].text, name))
			return true;
	}
	for (size_t i = 0; i < view->feature_count; i++) {
		const char *column = view->features[i].column.text;
		if (column && strcmp(column, name) == 0)
			return true;
	}
	return mentions(source->event_time.text, name) ||
	       mentions(source->created_time.text, name) || mentions(source->filter.text, name);
}

bool
asof_define_uses_column(const struct asof_view *view, const char *name)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_source *source = view->source;
	bool *is_used = asof_arena_array(&arena, source->select_count, sizeof(*is_used));
	if (!is_used || asof_canonical_names(view, name))
		return true;
	asof_canonical_used_selects(view, is_used);
	for (size_t i = 0; i < source->select_count; i++) {
		if (is_used[i] && mentions(source->selects[i].expression.text, name))
			return true;
	}
	return false;
}

void
asof_canonical_used_selects(const struct asof_view *view, bool *is_used)
{
	const struct asof_source *source = view->source;
	for (size_t i = 0; i < source->select_count; i++)
		is_used[i] = asof_canonical_names(view, source->selects[i].name);

	/* And those that the used ones mention, until there are no more. */
	for (bool has_changed = true; has_changed;) {
		has_changed = false;
		for (size_t i = 0; i < source->select_count * source->select_count; i++) {
			size_t user = i / source->select_count;
			size_t other = i % source->select_count;
			if (!is_used[user] || is_used[other] ||
			    !mentions(source->selects[user].expression.text,
				      source->selects[other].name))
				continue;
			is_used[other] = true;
			has_changed = true;
		}
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
write_optional(struct asof_canonical *w, const char *key, const char *text)
{
	if (text)
		asof_json_member_cstr(&w->json, key, text);
}

static void
write_duration(struct asof_canonical *w, const char *key, int64_t us)
{
	char text[ASOF_DURATION_TEXT_MAX];
	if (us > 0)
		asof_json_member_cstr(&w->json, key, asof_duration_text(us, text));
}

/* Keys keep their order, which is key order everywhere. */
static void
write_entity(struct asof_canonical *w)
{
	const struct asof_entity *entity = w->view->entity;
	asof_json_key_cstr(&w->json, entity->name);
	asof_json_begin_object(&w->json);
	asof_canonical_about(w, "description", entity->about.description);
	asof_canonical_keys(w, "keys", entity->keys, entity->key_count);
	asof_canonical_about(w, "owner", entity->about.owner);
	asof_canonical_tags(w, &entity->about);
	asof_json_end_object(&w->json);
}

static int
by_select_name(const void *a, const void *b)
{
	const struct asof_select *left = a;
	const struct asof_select *right = b;
	return strcmp(left->name, right->name);
}

static enum asof_status
write_selects(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_source *source = w->view->source;
	bool *is_used = asof_arena_array(&w->arena, source->select_count, sizeof(*is_used));
	struct asof_select *selects =
		asof_arena_array(&w->arena, source->select_count, sizeof(*selects));
	size_t count = 0;
	if (!is_used || !selects)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition of '%s'", w->view->name);
	asof_canonical_used_selects(w->view, is_used);
	for (size_t i = 0; i < source->select_count; i++) {
		if (is_used[i])
			selects[count++] = source->selects[i];
	}
	if (count == 0)
		return ASOF_OK;
	qsort(selects, count, sizeof(*selects), by_select_name);
	asof_json_key_cstr(&w->json, "select");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < count; i++)
		asof_json_member_cstr(&w->json, selects[i].name, selects[i].expression.text);
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

/* The columns that the view uses, each once, by name. */
static enum asof_status
collect_columns(struct asof_canonical *w, const char ***ret_names, size_t *ret_count,
		struct asof_error *err)
{
	const struct asof_view *view = w->view;
	size_t count = 0;
	const char **names = asof_arena_array(
		&w->arena, view->entity->key_count + view->feature_count, sizeof(*names));
	if (!names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition of '%s'", view->name);
	for (size_t i = 0; i < view->entity->key_count; i++)
		names[count++] = view->key_columns[i].text;
	for (size_t i = 0; i < view->feature_count; i++) {
		if (view->features[i].column.text)
			names[count++] = view->features[i].column.text;
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), by_text);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
			names[kept++] = names[i];
	}
	*ret_names = names;
	*ret_count = kept;
	return ASOF_OK;
}

/* Of a path into a column, which is no field of its own, the type is the key's. */
static bool
find_column_type(const struct asof_view *view, const char *name, struct asof_type *ret_type)
{
	const struct asof_field *field = asof_source_field(view->source, asof_str_from(name));
	if (field) {
		*ret_type = field->type;
		return true;
	}
	for (size_t i = 0; i < view->entity->key_count; i++) {
		if (strcmp(view->key_columns[i].text, name) == 0 && strchr(name, '.')) {
			*ret_type = view->entity->keys[i].type;
			return true;
		}
	}
	return false;
}

static enum asof_status
write_types(struct asof_canonical *w, struct asof_error *err)
{
	const char **names = NULL;
	size_t count = 0;
	ASOF_TRY(collect_columns(w, &names, &count, err));
	asof_json_key_cstr(&w->json, "types");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < count; i++) {
		struct asof_type type;
		char text[ASOF_TYPE_TEXT_MAX];
		if (!find_column_type(w->view, names[i], &type))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "view '%s' is not bound: the type of '%s' is not known",
					 w->view->name, names[i]);
		asof_json_member_cstr(&w->json, names[i], asof_type_text(type, text));
	}
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

static void
write_query(struct asof_canonical *w, const struct asof_source *source)
{
	asof_json_key_cstr(&w->json, "query");
	asof_json_begin_object(&w->json);
	write_optional(w, "connection", source->connection);
	asof_json_member_cstr(&w->json, "sql", source->location.text);
	asof_json_end_object(&w->json);
}

static enum asof_status
write_source(struct asof_canonical *w, struct asof_error *err)
{
	static const char *const formats[] = { "parquet", "csv", "json", "delta", "iceberg", "?" };
	static const char *const bad_rows[] = { NULL, "skip", "quarantine" };
	static const char *const cursors[] = { NULL, "created_time", "event_time" };
	const struct asof_source *source = w->view->source;
	asof_json_key_cstr(&w->json, source->name);
	asof_json_begin_object(&w->json);
	write_optional(w, "created_time", source->created_time.text);
	if (!w->for_hash)
		write_optional(w, "cursor", cursors[source->cursor]);
	if (source->kind == ASOF_SOURCE_VIEW)
		write_optional(w, "definition", source->upstream_hash);
	asof_canonical_about(w, "description", source->about.description);
	asof_json_member_cstr(&w->json, "event_time", source->event_time.text);
	write_optional(w, "filter", source->filter.text);
	if (source->kind == ASOF_SOURCE_PATH)
		asof_json_member_cstr(&w->json, "format", formats[source->format]);
	/* Which rows are read by which build is no part of what a view is. */
	if (!w->for_hash && source->lateness_us > 0)
		write_duration(w, "lateness", source->lateness_us);
	write_optional(w, "on_bad_row", bad_rows[source->on_bad_row]);
	asof_canonical_about(w, "owner", source->about.owner);
	if (source->kind == ASOF_SOURCE_PATH)
		asof_json_member_cstr(&w->json, "path", source->location.text);
	if (source->kind == ASOF_SOURCE_QUERY)
		write_query(w, source);
	ASOF_TRY(write_selects(w, err));
	if (source->kind == ASOF_SOURCE_TABLE)
		asof_json_member_cstr(&w->json, "table", source->location.text);
	asof_canonical_tags(w, &source->about);
	write_optional(w, "time_zone", source->time_zone);
	if (source->kind == ASOF_SOURCE_TOPIC)
		asof_json_member_cstr(&w->json, "topic", source->location.text);
	ASOF_TRY(write_types(w, err));
	if (source->has_version)
		asof_json_member_int(&w->json, "version", source->version);
	if (source->kind == ASOF_SOURCE_VIEW)
		asof_json_member_cstr(&w->json, "view", source->location.text);
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

/* As the user may write it, and every spelling of a value alike. */
static void
write_default(struct asof_canonical *w, const struct asof_output *output)
{
	const struct asof_value *value = output->default_value;
	char digits[ASOF_INT128_TEXT_MAX];
	asof_json_key_cstr(&w->json, "default");
	switch ((enum asof_type_kind)value->type.kind) {
	case ASOF_TYPE_BOOL:
		asof_json_bool(&w->json, value->boolean);
		break;
	case ASOF_TYPE_INT32:
		asof_json_int(&w->json, value->int32);
		break;
	case ASOF_TYPE_INT64:
		asof_json_int(&w->json, value->int64);
		break;
	case ASOF_TYPE_FLOAT32:
		asof_json_float(&w->json, value->float32);
		break;
	case ASOF_TYPE_FLOAT64:
		asof_json_double(&w->json, value->float64);
		break;
	case ASOF_TYPE_DECIMAL:
		asof_json_raw(
			&w->json,
			(struct asof_str){ digits, asof_decimal_text(value->decimal,
								     value->type.scale, digits) });
		break;
	default:
		asof_json_cstr(&w->json, output->feature->default_value.text);
		break;
	}
}

static enum asof_status
write_aggs(struct asof_canonical *w, const struct asof_feature *feature, struct asof_error *err)
{
	char number[ASOF_DOUBLE_TEXT_MAX];
	const char **texts = asof_arena_array(&w->arena, feature->agg_count, sizeof(*texts));
	if (!texts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "aggregates of '%s'", feature->name);
	for (size_t i = 0; i < feature->agg_count; i++) {
		const struct asof_agg *agg = &feature->aggs[i];
		texts[i] = agg->name;
		if (agg->kind == ASOF_AGG_QUANTILE) {
			size_t len = asof_double_text(agg->quantile, number);
			texts[i] = asof_arena_printf(&w->arena, "quantile(%.*s)", (int)len, number);
		}
		if (!texts[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "aggregates of '%s'", feature->name);
	}
	if (w->for_hash)
		qsort(texts, feature->agg_count, sizeof(*texts), by_text);
	asof_json_key_cstr(&w->json, "agg");
	asof_json_begin_array(&w->json);
	for (size_t i = 0; i < feature->agg_count; i++)
		asof_json_cstr(&w->json, texts[i]);
	asof_json_end_array(&w->json);
	return ASOF_OK;
}

static int
by_length(const void *a, const void *b)
{
	const struct asof_window *left = a;
	const struct asof_window *right = b;
	return (left->length_us > right->length_us) - (left->length_us < right->length_us);
}

static enum asof_status
write_windows(struct asof_canonical *w, const struct asof_feature *feature, struct asof_error *err)
{
	struct asof_window *windows =
		asof_arena_array(&w->arena, feature->window_count, sizeof(*windows));
	if (!windows)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "windows of '%s'", feature->name);
	memcpy(windows, feature->windows, feature->window_count * sizeof(*windows));
	if (w->for_hash)
		qsort(windows, feature->window_count, sizeof(*windows), by_length);
	asof_json_key_cstr(&w->json, "windows");
	asof_json_begin_array(&w->json);
	for (size_t i = 0; i < feature->window_count; i++)
		asof_json_cstr(&w->json, windows[i].text);
	asof_json_end_array(&w->json);
	return ASOF_OK;
}

/* An output of the feature that has the default, or NULL: the one of the first type, so that the
 * order of aggregates does not show. */
static const struct asof_output *
find_default(const struct asof_view *view, const struct asof_feature *feature)
{
	const struct asof_output *found = NULL;
	for (size_t i = 0; i < view->output_count; i++) {
		const struct asof_output *output = &view->outputs[i];
		if (output->feature == feature && output->has_default &&
		    (!found || output->type.kind < found->type.kind))
			found = output;
	}
	return found;
}

static enum asof_status
write_feature(struct asof_canonical *w, const struct asof_feature *feature, struct asof_error *err)
{
	asof_json_key_cstr(&w->json, feature->name);
	asof_json_begin_object(&w->json);
	if (feature->agg_count > 0)
		ASOF_TRY(write_aggs(w, feature, err));
	write_optional(w, "column", feature->column.text);
	const struct asof_output *output = find_default(w->view, feature);
	if (output)
		write_default(w, output);
	if (!w->for_hash)
		write_optional(w, "description", feature->description);
	if (!w->for_hash) /* a step from one definition to the next, and not what it means */
		write_optional(w, "renamed_from", feature->renamed_from.text);
	if (feature->window_count > 0)
		ASOF_TRY(write_windows(w, feature, err));
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

static void
write_check(struct asof_canonical *w, const struct asof_check *check)
{
	struct asof_json_writer *json = &w->json;
	if (check->kind == ASOF_CHECK_NOT_NULL || check->kind == ASOF_CHECK_UNIQUE) {
		asof_json_cstr(json, check->kind == ASOF_CHECK_UNIQUE ? "unique" : "not_null");
		return;
	}
	asof_json_begin_object(json);
	asof_json_key_cstr(json, check->kind == ASOF_CHECK_BETWEEN ? "between" : "in");
	asof_json_begin_array(json);
	if (check->kind == ASOF_CHECK_BETWEEN) {
		asof_json_double(json, check->low);
		asof_json_double(json, check->high);
	}
	for (size_t i = 0; i < check->item_count; i++)
		asof_json_cstr(json, check->items[i]);
	asof_json_end_array(json);
	asof_json_end_object(json);
}

/* Per output a list, in declared order: an output's checks stand together. */
static void
write_checks(struct asof_canonical *w)
{
	const struct asof_view *view = w->view;
	const char *output = NULL;
	if (w->for_hash || view->check_count == 0)
		return;
	asof_json_key_cstr(&w->json, "checks");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < view->check_count; i++) {
		const struct asof_check *check = &view->checks[i];
		if (!output || strcmp(output, check->output) != 0) {
			if (output)
				asof_json_end_array(&w->json);
			output = check->output;
			asof_json_key_cstr(&w->json, output);
			asof_json_begin_array(&w->json);
		}
		write_check(w, check);
	}
	asof_json_end_array(&w->json);
	asof_json_end_object(&w->json);
}

/* Which column each key is, by key name. */
static enum asof_status
write_key_columns(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_entity *entity = w->view->entity;
	const char **names = asof_arena_array(&w->arena, entity->key_count, sizeof(*names));
	if (!names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "keys of '%s'", entity->name);
	for (size_t i = 0; i < entity->key_count; i++)
		names[i] = entity->keys[i].name;
	if (entity->key_count > 0)
		qsort(names, entity->key_count, sizeof(*names), by_text);
	asof_json_key_cstr(&w->json, "keys");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < entity->key_count; i++) {
		for (size_t k = 0; k < entity->key_count; k++) {
			if (entity->keys[k].name == names[i])
				asof_json_member_cstr(&w->json, names[i],
						      w->view->key_columns[k].text);
		}
	}
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

/* How a table lies says nothing of what is in it, but the table is another. */
static enum asof_status
write_partition(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_view *view = w->view;
	if (view->is_partition_auto)
		asof_json_member_cstr(&w->json, "partition", "auto");
	if (view->partition_count == 0)
		return ASOF_OK;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	asof_json_key_cstr(&w->json, "partition");
	asof_json_begin_array(&w->json);
	for (size_t i = 0; i < view->partition_count; i++) {
		asof_buf_clear(&text);
		asof_partitions_text(&view->partitions[i], 1, &text);
		ASOF_TRY(asof_buf_status(&text, err));
		asof_json_str(&w->json, asof_buf_view(&text));
	}
	asof_json_end_array(&w->json);
	return ASOF_OK;
}

static enum asof_status
write_view(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_view *view = w->view;
	asof_json_key_cstr(&w->json, view->name);
	asof_json_begin_object(&w->json);
	write_duration(w, "available_after", view->available_after_us);
	write_checks(w);
	asof_canonical_about(w, "description", view->about.description);
	asof_json_member_cstr(&w->json, "entity", view->entity->name);
	ASOF_TRY(asof_canonical_features(w, write_feature, err));
	ASOF_TRY(write_key_columns(w, err));
	if (!w->for_hash) /* upkeep: no join but one with --known-at can tell */
		write_duration(w, "known_at_retention", view->known_at_retention_us);
	write_duration(w, "max_age", view->max_age_us);
	if (!w->for_hash && view->online == ASOF_ONLINE_LATEST)
		asof_json_member_cstr(&w->json, "online", "latest");
	asof_canonical_about(w, "owner", view->about.owner);
	ASOF_TRY(write_partition(w, err));
	asof_json_member_cstr(&w->json, "source", view->source->name);
	if (view->step_us == ASOF_STEP_EVENT)
		asof_json_member_cstr(&w->json, "step", "event");
	write_duration(w, "step", view->step_us);
	if (view->keeps_features)
		asof_json_member_cstr(&w->json, "table", "features");
	asof_canonical_tags(w, &view->about);
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

enum asof_status
asof_define_canonical(const struct asof_project *project, const struct asof_view *view,
		      bool for_hash, struct asof_buf *buf, struct asof_error *err)
{
	ASOF_AUTO(asof_canonical_done)
	struct asof_canonical w = { .json = asof_json_writer_to(buf),
				    .project = project,
				    .view = view,
				    .for_hash = for_hash };
	if (view->on_demand)
		return asof_canonical_on_demand(project, view, for_hash, buf, err);
	asof_json_begin_object(&w.json);
	asof_json_key_cstr(&w.json, "entities");
	asof_json_begin_object(&w.json);
	write_entity(&w);
	asof_json_end_object(&w.json);
	if (!for_hash && project->name[0])
		asof_json_member_cstr(&w.json, "project", project->name);
	asof_json_key_cstr(&w.json, "sources");
	asof_json_begin_object(&w.json);
	ASOF_TRY(write_source(&w, err));
	asof_json_end_object(&w.json);
	asof_json_key_cstr(&w.json, "views");
	asof_json_begin_object(&w.json);
	ASOF_TRY(write_view(&w, err));
	asof_json_end_object(&w.json);
	asof_json_end_object(&w.json);
	return asof_buf_status(buf, err);
}

/* Only what counts: a service is compared by this text. */
enum asof_status
asof_define_canonical_service(const struct asof_service *service, struct asof_buf *buf,
			      struct asof_error *err)
{
	struct asof_json_writer json = asof_json_writer_to(buf);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(1024);
	asof_json_begin_object(&json);
	asof_json_key_cstr(&json, "services");
	asof_json_begin_object(&json);
	asof_json_key_cstr(&json, service->name);
	asof_json_begin_object(&json);
	asof_json_key_cstr(&json, "features");
	asof_json_begin_array(&json);
	for (size_t i = 0; i < service->item_count; i++) {
		const struct asof_service_item *item = &service->items[i];
		asof_buf_clear(&name);
		asof_buf_printf(&name, "%s%s%s.%s", item->view->name, item->version ? "@" : "",
				item->version ? item->version : "", item->output->name);
		ASOF_TRY(asof_buf_status(&name, err));
		asof_json_str(&json, asof_buf_view(&name));
	}
	asof_json_end_array(&json);
	asof_json_end_object(&json);
	asof_json_end_object(&json);
	asof_json_end_object(&json);
	return asof_buf_status(buf, err);
}
