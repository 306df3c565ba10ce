/* read_source.c - `sources: {flights: {path: ..., event_time: ...}}`. */
#include <stdio.h>
#include <strings.h>

#include "base/number.h"
#include "define/read.h"

/* The nodes of a source's members; NULL where absent. */
struct source_nodes {
	const struct asof_yaml *location[5]; /* by enum asof_source_kind */
	const struct asof_yaml *format;
	const struct asof_yaml *version;
	const struct asof_yaml *event_time;
	const struct asof_yaml *created_time;
	const struct asof_yaml *filter;
	const struct asof_yaml *select;
	const struct asof_yaml *time_zone;
	const struct asof_yaml *on_bad_row;
	const struct asof_yaml *cursor;
	const struct asof_yaml *lateness;
	const struct asof_yaml *definition;
	const struct asof_yaml *types;
	const struct asof_yaml *description;
	const struct asof_yaml *owner;
	const struct asof_yaml *tags;
};

/* By enum asof_source_kind, asof_file_format, asof_on_bad_row. */
static const char *const kinds[] = { "path", "table", "query", "topic", "view" };
static const char *const formats[] = { "parquet", "csv", "json", "delta", "iceberg" };
static const char *const bad_rows[] = { "fail", "skip", "quarantine" };

static bool
cut_suffix(struct asof_str *text, const char *suffix)
{
	size_t len = strlen(suffix);
	if (text->len < len || strncasecmp(text->ptr + text->len - len, suffix, len) != 0)
		return false;
	text->len -= len;
	return true;
}

static bool
format_of_path(const char *path, enum asof_file_format *ret_format)
{
	static const struct {
		const char *suffix;
		enum asof_file_format format;
	} suffixes[] = {
		{ ".parquet", ASOF_FORMAT_PARQUET }, { ".csv", ASOF_FORMAT_CSV },
		{ ".tsv", ASOF_FORMAT_CSV },         { ".json", ASOF_FORMAT_JSON },
		{ ".jsonl", ASOF_FORMAT_JSON },      { ".ndjson", ASOF_FORMAT_JSON },
	};
	struct asof_str rest = asof_str_from(path);
	if (!cut_suffix(&rest, ".gz"))
		(void)cut_suffix(&rest, ".zst");
	for (size_t i = 0; i < ASOF_COUNTOF(suffixes); i++) {
		if (cut_suffix(&rest, suffixes[i].suffix)) {
			*ret_format = suffixes[i].format;
			return true;
		}
	}
	return false;
}

static void
read_query(struct asof_reading *r, const struct asof_yaml *node, struct asof_source *source)
{
	const struct asof_yaml *connection = NULL;
	const struct asof_yaml *sql = NULL;
	const struct asof_member members[] = { { "connection", &connection }, { "sql", &sql } };
	if (!asof_read_members(r, node, "query", members, ASOF_COUNTOF(members)))
		return;
	if (connection)
		source->connection = asof_read_text(r, connection, "query: connection");
	else
		asof_mistakes_add(r->mistakes, node->place, "query: 'connection' is missing");
	if (sql)
		source->location = asof_read_expression(r, sql, "query: sql");
	else
		asof_mistakes_add(r->mistakes, node->place, "query: 'sql' is missing");
}

/* Names in paths come from the project, not from the environment. */
static void
check_variables(struct asof_reading *r, const struct asof_text *location, const char *what)
{
	if (location->text && strstr(location->text, "${"))
		asof_mistakes_add(r->mistakes, location->place,
				  "%s: ${NAME} is replaced in lake, online and catalog only", what);
}

static void
read_format(struct asof_reading *r, const struct source_nodes *nodes, struct asof_source *source)
{
	if (nodes->format && source->kind != ASOF_SOURCE_PATH)
		asof_mistakes_add(r->mistakes, nodes->format->place,
				  "'format' goes with 'path' only");
	else if (nodes->format)
		source->format = (enum asof_file_format)asof_read_choice(
			r, nodes->format, "format", formats, ASOF_COUNTOF(formats),
			ASOF_FORMAT_PARQUET);
	else if (source->kind == ASOF_SOURCE_PATH && source->location.text &&
		 !format_of_path(source->location.text, &source->format))
		source->format = ASOF_FORMAT_FOUND;
	bool is_pattern = source->location.text && strpbrk(source->location.text, "*?[");
	if (source->format == ASOF_FORMAT_FOUND && is_pattern)
		asof_mistakes_add(r->mistakes, source->location.place,
				  "the name '%s' does not tell what it holds: add 'format: "
				  "parquet', csv or json",
				  source->location.text);
	if (asof_format_is_table(source->format) && is_pattern)
		asof_mistakes_add(r->mistakes, source->location.place,
				  "the path of a table is its directory, not a pattern: '%s'",
				  source->location.text);
}

/* Delta counts versions from 0; Iceberg's snapshots have names that are numbers. */
static void
read_version(struct asof_reading *r, const struct asof_yaml *node, struct asof_source *source)
{
	if (!asof_format_is_table(source->format) && source->format != ASOF_FORMAT_FOUND) {
		asof_mistakes_add(r->mistakes, node->place,
				  "'version' goes with a table: `format: delta` or iceberg");
		return;
	}
	const char *text = asof_read_text(r, node, "version");
	if (!text)
		return;
	source->has_version =
		asof_int64_parse(asof_str_from(text), &source->version) && source->version >= 0;
	if (!source->has_version)
		asof_mistakes_add(r->mistakes, node->place,
				  "version: '%s' is no version of a table, a whole number from 0",
				  text);
}

/* A canonical text has one view: what that reads is known by its hash. */
static void
read_upstream(struct asof_reading *r, const struct source_nodes *nodes, struct asof_source *source)
{
	const struct asof_yaml *node = nodes->location[ASOF_SOURCE_VIEW];
	source->location = (struct asof_text){ asof_read_text(r, node, "view"), node->place };
	if (source->location.text && !nodes->types)
		source->upstream = asof_read_stored_view(r, node, "view");
}

static void
read_location(struct asof_reading *r, const struct source_nodes *nodes, struct asof_source *source)
{
	size_t given = 0;
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		const struct asof_yaml *node = nodes->location[i];
		if (!node)
			continue;
		if (given++ > 0) {
			asof_mistakes_add(r->mistakes, node->place,
					  "source '%s' has '%s' and '%s': one of path, table, "
					  "query, topic, view is enough",
					  source->name, kinds[source->kind], kinds[i]);
			continue;
		}
		source->kind = (enum asof_source_kind)i;
		if (i == ASOF_SOURCE_QUERY)
			read_query(r, node, source);
		else if (i == ASOF_SOURCE_VIEW)
			read_upstream(r, nodes, source);
		else
			source->location = (struct asof_text){ asof_read_text(r, node, kinds[i]),
							       node->place };
	}
	if (given == 0)
		asof_mistakes_add(r->mistakes, source->place,
				  "source '%s': one of path, table, query, topic, view is missing",
				  source->name);
	if (source->kind != ASOF_SOURCE_QUERY)
		check_variables(r, &source->location, kinds[source->kind]);
	read_format(r, nodes, source);
}

static enum asof_status
read_selects(struct asof_reading *r, const struct asof_yaml *node, struct asof_source *source,
	     struct asof_error *err)
{
	if (!asof_read_is_map(r, node,
			      "a mapping of names to SQL, as in {is_far: \"distance > 1500\"}"))
		return ASOF_OK;
	if (node->count > ASOF_SELECTS_MAX) {
		asof_mistakes_add(r->mistakes, node->place, "source '%s' has more than %d selects",
				  source->name, ASOF_SELECTS_MAX);
		return ASOF_OK;
	}
	source->selects = asof_arena_array(r->arena, node->count, sizeof(*source->selects));
	if (!source->selects)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml_pair *pair = &node->pairs[i];
		struct asof_select select = { pair->key->text,
					      asof_read_expression(r, pair->value, "select") };
		if (asof_read_name(r, pair->key, "select") && select.expression.text)
			source->selects[source->select_count++] = select;
	}
	return ASOF_OK;
}

static void
read_time_zone(struct asof_reading *r, const struct asof_yaml *node, struct asof_source *source)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-/";
	const char *zone = asof_read_text(r, node, "time_zone");
	if (!zone)
		return;
	if (zone[strspn(zone, allowed)] != '\0')
		asof_mistakes_add(r->mistakes, node->place,
				  "time_zone: '%s' is no name of a zone, as Europe/Berlin is",
				  zone);
	source->time_zone = zone;
}

/* Of a canonical definition: the columns with their types, so that nothing must be opened. */
static enum asof_status
read_types(struct asof_reading *r, const struct asof_yaml *node, struct asof_source *source,
	   struct asof_error *err)
{
	if (!asof_read_is_map(r, node, "a mapping of columns to types"))
		return ASOF_OK;
	source->fields = asof_arena_array(r->arena, node->count, sizeof(*source->fields));
	if (!source->fields)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml_pair *pair = &node->pairs[i];
		struct asof_error why = { 0 };
		struct asof_field field = { .name = pair->key->text };
		field.type_text = asof_read_text(r, pair->value, "a column's type");
		if (!field.type_text)
			continue;
		if (asof_type_parse(asof_str_from(field.type_text), &field.type, &why) != ASOF_OK)
			asof_mistakes_add(r->mistakes, pair->value->place, "column '%s': %s",
					  field.name, why.message);
		source->fields[source->field_count++] = field;
	}
	return ASOF_OK;
}

/* "0s" is said where nothing is late; elsewhere a duration is positive. */
static void
read_cursor(struct asof_reading *r, const struct source_nodes *nodes, struct asof_source *source)
{
	static const char *const cursors[] = { "files", "created_time", "event_time" };
	source->cursor = (enum asof_source_cursor)asof_read_choice(r, nodes->cursor, "cursor",
								   cursors, ASOF_COUNTOF(cursors),
								   ASOF_SOURCE_CURSOR_FILES);
	bool is_view = source->kind == ASOF_SOURCE_VIEW;
	if (is_view && source->cursor != ASOF_SOURCE_CURSOR_FILES)
		asof_mistakes_add(r->mistakes, nodes->cursor->place,
				  "source '%s': 'cursor' does not go with 'view', whose versions "
				  "tell what is new",
				  source->name);
	else if (source->cursor == ASOF_SOURCE_CURSOR_CREATED && !nodes->created_time)
		asof_mistakes_add(r->mistakes, nodes->cursor->place,
				  "source '%s': 'cursor: created_time' goes with a 'created_time', "
				  "which is missing",
				  source->name);
	if (!nodes->lateness)
		return;
	if (source->cursor == ASOF_SOURCE_CURSOR_FILES)
		asof_mistakes_add(r->mistakes, nodes->lateness->place,
				  "source '%s': 'lateness' goes with 'cursor: created_time' or "
				  "'cursor: event_time' only",
				  source->name);
	bool is_none = nodes->lateness->kind == ASOF_YAML_SCALAR &&
		       strcmp(nodes->lateness->text, "0s") == 0;
	source->lateness_us = is_none ? 0 : asof_read_duration(r, nodes->lateness, "lateness");
}

void
asof_default_view_times(struct asof_source *source)
{
	struct asof_place place = source->location.place;
	if (!source->event_time.text)
		source->event_time = (struct asof_text){ "event_time", place };
	if (!source->created_time.text)
		source->created_time = (struct asof_text){ "created_time", place };
}

static enum asof_status
read_nodes(struct asof_reading *r, const struct source_nodes *nodes, struct asof_source *source,
	   struct asof_error *err)
{
	read_location(r, nodes, source);
	if (nodes->version)
		read_version(r, nodes->version, source);
	bool is_view = source->kind == ASOF_SOURCE_VIEW;
	if (!nodes->event_time && !is_view)
		asof_mistakes_add(r->mistakes, source->place,
				  "source '%s': 'event_time' is missing", source->name);
	source->event_time = asof_read_expression(r, nodes->event_time, "event_time");
	source->created_time = asof_read_expression(r, nodes->created_time, "created_time");
	if (is_view)
		asof_default_view_times(source);
	source->filter = asof_read_expression(r, nodes->filter, "filter");
	source->on_bad_row =
		(enum asof_on_bad_row)asof_read_choice(r, nodes->on_bad_row, "on_bad_row", bad_rows,
						       ASOF_COUNTOF(bad_rows), ASOF_BAD_ROW_FAIL);
	read_cursor(r, nodes, source);
	if (nodes->select)
		ASOF_TRY(read_selects(r, nodes->select, source, err));
	if (nodes->time_zone)
		read_time_zone(r, nodes->time_zone, source);
	if (nodes->definition)
		source->upstream_hash = asof_read_text(r, nodes->definition, "definition");
	if (nodes->types)
		ASOF_TRY(read_types(r, nodes->types, source, err));
	return asof_read_about(r, nodes->description, nodes->owner, nodes->tags, &source->about,
			       err);
}

enum asof_status
asof_read_source(struct asof_reading *r, const struct asof_declaration *declaration,
		 struct asof_source *source, struct asof_error *err)
{
	struct source_nodes nodes = { 0 };
	const struct asof_member members[] = {
		{ "path", &nodes.location[ASOF_SOURCE_PATH] },
		{ "table", &nodes.location[ASOF_SOURCE_TABLE] },
		{ "query", &nodes.location[ASOF_SOURCE_QUERY] },
		{ "topic", &nodes.location[ASOF_SOURCE_TOPIC] },
		{ "view", &nodes.location[ASOF_SOURCE_VIEW] },
		{ "format", &nodes.format },
		{ "version", &nodes.version },
		{ "event_time", &nodes.event_time },
		{ "created_time", &nodes.created_time },
		{ "filter", &nodes.filter },
		{ "select", &nodes.select },
		{ "time_zone", &nodes.time_zone },
		{ "on_bad_row", &nodes.on_bad_row },
		{ "cursor", &nodes.cursor },
		{ "lateness", &nodes.lateness },
		{ "description", &nodes.description },
		{ "owner", &nodes.owner },
		{ "tags", &nodes.tags },
		{ "definition", &nodes.definition }, /* in texts only, as is .. */
		{ "types", &nodes.types },           /* .. this: must be the last */
	};
	char what[ASOF_NAME_MAX + 16];
	source->name = declaration->key->text;
	source->place = declaration->key->place;
	(void)snprintf(what, sizeof(what), "source '%s'", source->name);
	size_t member_count = ASOF_COUNTOF(members) - (r->is_text ? 0 : 2);
	if (!asof_read_members(r, declaration->value, what, members, member_count))
		return ASOF_OK;
	return read_nodes(r, &nodes, source, err);
}
