/* project.c - finding what the user declared, and what aggregates give. */
#include "model/project.h"

#include <strings.h>

#include "base/buf.h"

void
asof_project_free(struct asof_project *project)
{
	if (!project)
		return;
	asof_arena_done(&project->arena);
	asof_mem_free(project);
}

/* The element of `array` whose name is `name`: every element begins with its name. */
static const void *
find_named(const void *array, size_t count, size_t elem_size, struct asof_str name)
{
	const char *element = array;
	for (size_t i = 0; i < count; i++, element += elem_size) {
		const char *have;
		memcpy(&have, element, sizeof(have));
		if (asof_str_equal(asof_str_from(have), name))
			return element;
	}
	return NULL;
}

const struct asof_entity *
asof_project_entity(const struct asof_project *project, struct asof_str name)
{
	return find_named(project->entities, project->entity_count, sizeof(*project->entities),
			  name);
}

const struct asof_source *
asof_project_source(const struct asof_project *project, struct asof_str name)
{
	return find_named(project->sources, project->source_count, sizeof(*project->sources), name);
}

const struct asof_view *
asof_project_view(const struct asof_project *project, struct asof_str name)
{
	return find_named(project->views, project->view_count, sizeof(*project->views), name);
}

const struct asof_view *
asof_project_on_demand(const struct asof_project *project, struct asof_str name)
{
	return find_named(project->on_demand, project->on_demand_count, sizeof(*project->on_demand),
			  name);
}

const struct asof_service *
asof_project_service(const struct asof_project *project, struct asof_str name)
{
	return find_named(project->services, project->service_count, sizeof(*project->services),
			  name);
}

const struct asof_output *
asof_view_output(const struct asof_view *view, struct asof_str name)
{
	return find_named(view->outputs, view->output_count, sizeof(*view->outputs), name);
}

const struct asof_output **
asof_view_all_outputs(const struct asof_view *view, struct asof_arena *arena)
{
	const struct asof_output **outputs =
		asof_arena_array(arena, view->output_count, sizeof(*outputs));
	for (size_t i = 0; outputs && i < view->output_count; i++)
		outputs[i] = &view->outputs[i];
	return outputs;
}

const struct asof_field *
asof_source_field(const struct asof_source *source, struct asof_str name)
{
	return find_named(source->fields, source->field_count, sizeof(*source->fields), name);
}

int64_t
asof_view_longest_window_us(const struct asof_view *view)
{
	int64_t longest_us = 0;
	for (size_t i = 0; i < view->output_count; i++) {
		if (view->outputs[i].window_us > longest_us)
			longest_us = view->outputs[i].window_us;
	}
	return longest_us;
}

static bool
ends_with(struct asof_str text, const char *suffix)
{
	size_t len = strlen(suffix);
	return text.len >= len && strncasecmp(text.ptr + text.len - len, suffix, len) == 0;
}

/* Whether `name=value` in a URI or connection string must not be shown. */
static bool
is_secret_name(struct asof_str name)
{
	static const char *const endings[] = { "password", "passwd", "pwd",  "secret",
					       "token",    "key",    "pass", "sig" };
	for (size_t i = 0; i < ASOF_COUNTOF(endings); i++) {
		if (ends_with(name, endings[i]))
			return true;
	}
	return false;
}

/* Copy user:password@ with the password hidden; returns what is left behind the '@'. A password
 * with an unescaped '/' is hidden too: up to the last '@' before the parameters. */
static struct asof_str
redact_userinfo(struct asof_str rest, struct asof_buf *buf)
{
	size_t limit = 0;
	size_t at = SIZE_MAX;
	for (; limit < rest.len && rest.ptr[limit] != '?'; limit++) {
		if (rest.ptr[limit] == '@')
			at = limit;
	}
	const char *colon = at == SIZE_MAX ? NULL : memchr(rest.ptr, ':', at);
	if (!colon)
		return rest;

	asof_buf_add(buf, rest.ptr, (size_t)(colon - rest.ptr) + 1);
	asof_buf_add_cstr(buf, "***");
	return (struct asof_str){ rest.ptr + at, rest.len - at };
}

static bool
is_separator(char c)
{
	return c == '?' || c == '&' || c == ';' || c == ' ';
}

/* Copy `rest` with the values of secret parameters hidden: ?password=... or "password=..." */
static void
redact_parameters(struct asof_str rest, struct asof_buf *buf)
{
	for (size_t i = 0; i < rest.len;) {
		size_t end = i;
		size_t equals = SIZE_MAX;
		for (; end < rest.len && !is_separator(rest.ptr[end]); end++) {
			if (rest.ptr[end] == '=' && equals == SIZE_MAX)
				equals = end;
		}
		struct asof_str name = { rest.ptr + i, equals == SIZE_MAX ? 0 : equals - i };
		if (is_secret_name(name)) {
			asof_buf_add(buf, rest.ptr + i, equals - i + 1);
			asof_buf_add_cstr(buf, "***");
		} else {
			asof_buf_add(buf, rest.ptr + i, end - i);
		}
		if (end < rest.len)
			asof_buf_add_char(buf, rest.ptr[end++]);
		i = end;
	}
}

char *
asof_uri_redacted(const char *uri, struct asof_arena *arena)
{
	struct asof_str rest = asof_str_from(uri);
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4 * rest.len + 64);
	const char *scheme_end = strstr(uri, "://");
	if (scheme_end) {
		size_t len = (size_t)(scheme_end - uri) + 3;
		asof_buf_add(&buf, uri, len);
		rest = redact_userinfo((struct asof_str){ uri + len, rest.len - len }, &buf);
	}
	redact_parameters(rest, &buf);
	if (asof_buf_status(&buf, NULL) != ASOF_OK)
		return NULL;
	return asof_arena_copy(arena, asof_buf_view(&buf));
}

/* By enum asof_agg_kind. */
static const char *const agg_names[] = {
	[ASOF_AGG_NONE] = "none",
	[ASOF_AGG_COUNT] = "count",
	[ASOF_AGG_SUM] = "sum",
	[ASOF_AGG_MEAN] = "mean",
	[ASOF_AGG_MIN] = "min",
	[ASOF_AGG_MAX] = "max",
	[ASOF_AGG_STD] = "std",
	[ASOF_AGG_VAR] = "var",
	[ASOF_AGG_MEDIAN] = "median",
	[ASOF_AGG_QUANTILE] = "quantile",
	[ASOF_AGG_FIRST] = "first",
	[ASOF_AGG_LAST] = "last",
	[ASOF_AGG_COUNT_DISTINCT] = "count_distinct",
};

const char *
asof_source_cursor_text(enum asof_source_cursor cursor)
{
	static const char *const texts[] = { "files", "created_time", "event_time" };
	return texts[cursor];
}

const char *
asof_agg_text(enum asof_agg_kind kind)
{
	return agg_names[kind];
}

static struct asof_type
sum_type(struct asof_type column)
{
	if (column.kind == ASOF_TYPE_DECIMAL)
		return (struct asof_type){ .kind = ASOF_TYPE_DECIMAL,
					   .precision = 38,
					   .scale = column.scale };
	bool is_float = column.kind == ASOF_TYPE_FLOAT32 || column.kind == ASOF_TYPE_FLOAT64;
	return ASOF_TYPE(is_float ? ASOF_TYPE_FLOAT64 : ASOF_TYPE_INT64);
}

/* The type, or NONE where `agg` does not take `column`. */
static struct asof_type
type_of_agg(enum asof_agg_kind agg, struct asof_type column)
{
	bool is_scalar = column.kind != ASOF_TYPE_NONE && column.kind < ASOF_TYPE_LIST;
	bool is_numeric = asof_type_is_numeric(column);
	struct asof_type none = ASOF_TYPE(ASOF_TYPE_NONE);
	switch (agg) {
	case ASOF_AGG_COUNT:
		return ASOF_TYPE(ASOF_TYPE_INT64);
	case ASOF_AGG_COUNT_DISTINCT:
		return is_scalar ? ASOF_TYPE(ASOF_TYPE_INT64) : none;
	case ASOF_AGG_SUM:
		return is_numeric ? sum_type(column) : none;
	case ASOF_AGG_MEAN:
	case ASOF_AGG_STD:
	case ASOF_AGG_VAR:
	case ASOF_AGG_MEDIAN:
	case ASOF_AGG_QUANTILE:
		return is_numeric ? ASOF_TYPE(ASOF_TYPE_FLOAT64) : none;
	case ASOF_AGG_MIN:
	case ASOF_AGG_MAX:
		return is_scalar && column.kind != ASOF_TYPE_JSON ? column : none;
	case ASOF_AGG_NONE:
	case ASOF_AGG_FIRST:
	case ASOF_AGG_LAST:
		return column;
	}
	return none;
}

enum asof_status
asof_agg_type(enum asof_agg_kind agg, struct asof_type column, struct asof_type *ret_type,
	      struct asof_error *err)
{
	struct asof_type type = type_of_agg(agg, column);
	if (type.kind == ASOF_TYPE_NONE) {
		char text[ASOF_TYPE_TEXT_MAX];
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' does not take %s", asof_agg_text(agg),
				 asof_type_text(column, text));
	}
	*ret_type = type;
	return ASOF_OK;
}
