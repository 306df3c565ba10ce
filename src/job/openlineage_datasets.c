/* openlineage_datasets.c - sources, tables and training sets as OpenLineage's datasets, down to
 * columns. */
#include <stdio.h>

#include "codec/json_reader.h"
#include "job/openlineage.h"

#define FACETS "https://openlineage.io/spec/facets/"

/* How OpenLineage names a thing: where it is, and what it is called there. */
struct dataset_name {
	const char *space;
	const char *name;
};

void
asof_openlineage_facet(struct asof_json_writer *w, const char *schema)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf url = ASOF_BUF(512);
	asof_buf_printf(&url, FACETS "%s", schema);
	asof_json_member_cstr(w, "_producer", ASOF_OPENLINEAGE_PRODUCER);
	asof_json_member_str(w, "_schemaURL", asof_buf_view(&url));
}

/* ---- names ---- */

static const char *
or_empty(const char *text)
{
	return text ? text : "";
}

/* "s3://bucket" and "prefix/name"; of files "file" and the path. Parameters may hold secrets. */
static struct dataset_name
name_place(struct asof_arena *arena, const char *dir, const char *place, const char *below)
{
	const char *scheme = strstr(place, "://");
	size_t len = strcspn(place, scheme ? "?" : "");
	const char *separator = *below ? "/" : "";
	if (!scheme) {
		if (strncmp(place, "file:", 5) == 0) {
			place += 5;
			len -= 5;
		}
		bool is_relative = place[0] != '/';
		return (struct dataset_name){
			"file",
			or_empty(asof_arena_printf(arena, "%s%s%.*s%s%s", is_relative ? dir : "",
						   is_relative ? "/" : "", (int)len, place,
						   separator, below)),
		};
	}
	size_t space_len = (size_t)(scheme - place) + 3;
	space_len += strcspn(place + space_len, "/?");
	const char *rest = place + space_len;
	size_t rest_len = len > space_len + 1 ? len - space_len - 1 : 0;
	while (rest_len > 0 && rest[rest_len] == '/')
		rest_len--;
	const char *space = asof_arena_copy(arena, (struct asof_str){ place, space_len });
	const char *shown = space ? asof_uri_redacted(space, arena) : NULL;
	return (struct dataset_name){
		or_empty(shown),
		or_empty(asof_arena_printf(arena, "%.*s%s%s", (int)rest_len,
					   rest_len ? rest + 1 : "", rest_len ? separator : "",
					   below)),
	};
}

static struct dataset_name
table_name(struct asof_lineage_known *known, const char *view)
{
	const struct asof_project *project = known->session->project;
	return name_place(&known->arena, project->dir, project->lake, view);
}

/* "lmdb:./online" and "redis://host" are places, "memory" is a name. */
static struct dataset_name
online_name(struct asof_lineage_known *known, const char *view)
{
	const struct asof_project *project = known->session->project;
	struct dataset_name name = { or_empty(asof_uri_redacted(project->online, &known->arena)),
				     view };
	size_t len = strcspn(name.space, "?");
	name.space = or_empty(asof_arena_copy(&known->arena, (struct asof_str){ name.space, len }));
	return name;
}

static struct dataset_name
source_name(struct asof_lineage_known *known, const struct asof_source *source)
{
	const struct asof_project *project = known->session->project;
	if (source->kind == ASOF_SOURCE_PATH)
		return name_place(&known->arena, project->dir, source->location.text, "");
	if (source->kind == ASOF_SOURCE_VIEW)
		return table_name(known, source->location.text);
	return (struct dataset_name){
		or_empty(asof_arena_printf(&known->arena, "asof://%s", project->name)), source->name
	};
}

static void
write_name(struct asof_json_writer *w, struct dataset_name name)
{
	asof_json_member_cstr(w, "namespace", name.space);
	asof_json_member_cstr(w, "name", name.name);
}

/* ---- schemas ---- */

static void
write_field(struct asof_json_writer *w, const char *name, struct asof_type type)
{
	char text[ASOF_TYPE_TEXT_MAX];
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "name", name);
	asof_json_member_cstr(w, "type", asof_type_text(type, text));
	asof_json_end_object(w);
}

static void
begin_schema(struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "schema");
	asof_json_begin_object(w);
	asof_openlineage_facet(w, "1-1-1/SchemaDatasetFacet.json");
	asof_json_key_cstr(w, "fields");
	asof_json_begin_array(w);
}

static void
end_schema(struct asof_json_writer *w)
{
	asof_json_end_array(w);
	asof_json_end_object(w);
}

static void
write_view_schema(struct asof_json_writer *w, const struct asof_view *view)
{
	const struct asof_type timestamp = { .kind = ASOF_TYPE_TIMESTAMP };
	begin_schema(w);
	for (size_t i = 0; i < view->entity->key_count; i++)
		write_field(w, view->entity->keys[i].name, view->entity->keys[i].type);
	write_field(w, "event_time", timestamp);
	write_field(w, "created_time", timestamp);
	for (size_t i = 0; i < view->output_count; i++)
		write_field(w, view->outputs[i].name, view->outputs[i].type);
	end_schema(w);
}

/* ---- columns ---- */

/* One column that another is made from. */
struct input {
	struct dataset_name dataset;
	const char *field;
	const char *type; /* "DIRECT" "INDIRECT" */
	const char *subtype;
};

static void
write_input(struct asof_json_writer *w, const struct input *input)
{
	asof_json_begin_object(w);
	write_name(w, input->dataset);
	asof_json_member_cstr(w, "field", input->field);
	asof_json_key_cstr(w, "transformations");
	asof_json_begin_array(w);
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "type", input->type);
	asof_json_member_cstr(w, "subtype", input->subtype);
	asof_json_member_cstr(w, "description", "");
	asof_json_member_bool(w, "masking", false);
	asof_json_end_object(w);
	asof_json_end_array(w);
	asof_json_end_object(w);
}

static void
begin_columns(struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "columnLineage");
	asof_json_begin_object(w);
	asof_openlineage_facet(w, "1-2-0/ColumnLineageDatasetFacet.json");
	asof_json_key_cstr(w, "fields");
	asof_json_begin_object(w);
}

static void
end_columns(struct asof_json_writer *w)
{
	asof_json_end_object(w);
	asof_json_end_object(w);
}

static void
begin_column(struct asof_json_writer *w, const char *name)
{
	asof_json_key_cstr(w, name);
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "inputFields");
	asof_json_begin_array(w);
}

static void
end_column(struct asof_json_writer *w)
{
	asof_json_end_array(w);
	asof_json_end_object(w);
}

/* In OpenLineage's words. */
static struct input
classify(enum asof_lineage_role role, bool is_windowed, bool is_computed)
{
	switch (role) {
	case ASOF_LINEAGE_TIME:
		return (struct input){ .type = "INDIRECT",
				       .subtype = is_windowed ? "WINDOW" : "SORT" };
	case ASOF_LINEAGE_FILTER:
		return (struct input){ .type = "INDIRECT", .subtype = "FILTER" };
	case ASOF_LINEAGE_KEY:
		return (struct input){ .type = "INDIRECT", .subtype = "GROUP_BY" };
	case ASOF_LINEAGE_VALUE:
	case ASOF_LINEAGE_ROLE_COUNT:
		break;
	}
	return (struct input){ .type = "DIRECT",
			       .subtype = is_windowed   ? "AGGREGATION"
					  : is_computed ? "TRANSFORMATION"
							: "IDENTITY" };
}

/* What `to` is made from, through columns of `select` to those that are stored somewhere. */
static void
write_inputs(struct asof_lineage_known *known, const struct asof_view *view, size_t to,
	     const enum asof_lineage_role *as, struct asof_json_writer *w)
{
	const struct asof_lineage *graph = &known->graph;
	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct asof_lineage_edge *edge = &graph->edges[i];
		const struct asof_lineage_node *from = &graph->nodes[edge->from];
		enum asof_lineage_role role = as ? *as : edge->role;
		if (edge->to != to)
			continue;
		if (from->expression && !as) {
			write_inputs(known, view, edge->from, &role, w);
			continue;
		}
		struct input input = classify(role, asof_view_is_windowed(view), as != NULL);
		input.field = from->name;
		input.dataset = from->kind == ASOF_LINEAGE_FEATURE
					? table_name(known, from->parent)
					: source_name(known, view->source);
		write_input(w, &input);
	}
}

static void
write_view_columns(struct asof_lineage_known *known, const struct asof_openlineage_table *table,
		   struct asof_json_writer *w)
{
	const struct asof_lineage *graph = &known->graph;
	begin_columns(w);
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct asof_lineage_node *node = &graph->nodes[i];
		if (node->kind != ASOF_LINEAGE_FEATURE || strcmp(node->parent, table->name) != 0 ||
		    strcmp(node->label, table->label) != 0 ||
		    !asof_view_output(table->view, asof_str_from(node->name)))
			continue;
		begin_column(w, node->name);
		if (table->is_online) {
			const struct input same = { table_name(known, table->name), node->name,
						    "DIRECT", "IDENTITY" };
			write_input(w, &same);
		} else {
			write_inputs(known, table->view, i, NULL, w);
		}
		end_column(w);
	}
	end_columns(w);
}

/* ---- datasets ---- */

void
asof_openlineage_source(struct asof_lineage_known *known, const struct asof_view *view,
			struct asof_json_writer *w)
{
	const struct asof_source *source = view->source;
	asof_json_begin_object(w);
	write_name(w, source_name(known, source));
	asof_json_key_cstr(w, "facets");
	asof_json_begin_object(w);
	begin_schema(w);
	for (size_t i = 0; i < source->field_count; i++)
		write_field(w, source->fields[i].name, source->fields[i].type);
	end_schema(w);
	asof_json_end_object(w);
	asof_json_end_object(w);
}

static void
write_statistics(const struct asof_openlineage_table *table, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "outputFacets");
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "outputStatistics");
	asof_json_begin_object(w);
	asof_openlineage_facet(w, "1-0-2/OutputStatisticsOutputDatasetFacet.json");
	asof_json_member_int(w, "rowCount", table->row_count);
	asof_json_end_object(w);
	asof_json_end_object(w);
}

void
asof_openlineage_table(struct asof_lineage_known *known, const struct asof_openlineage_table *table,
		       struct asof_json_writer *w)
{
	asof_json_begin_object(w);
	write_name(w, table->is_online ? online_name(known, table->name)
				       : table_name(known, table->name));
	if (table->view) {
		asof_json_key_cstr(w, "facets");
		asof_json_begin_object(w);
		write_view_schema(w, table->view);
		asof_json_key_cstr(w, "version");
		asof_json_begin_object(w);
		asof_openlineage_facet(w, "1-0-1/DatasetVersionDatasetFacet.json");
		asof_json_member_cstr(w, "datasetVersion", table->version);
		asof_json_end_object(w);
		if (table->is_output)
			write_view_columns(known, table, w);
		asof_json_end_object(w);
	}
	if (table->view && table->is_output)
		write_statistics(table, w);
	asof_json_end_object(w);
}

void
asof_openlineage_file(const char *path, struct asof_json_writer *w)
{
	asof_json_begin_object(w);
	write_name(w, (struct dataset_name){ "file", path });
	asof_json_end_object(w);
}

/* "view.feature" is the column view__feature. */
static enum asof_status
write_training_column(struct asof_lineage_known *known, struct asof_str reference,
		      struct asof_json_writer *w, struct asof_error *err)
{
	const char *dot = memchr(reference.ptr, '.', reference.len);
	if (!dot || reference.ptr[reference.len - 1] == '*')
		return ASOF_OK;
	size_t len = (size_t)(dot - reference.ptr);
	const char *view = asof_arena_copy(&known->arena, (struct asof_str){ reference.ptr, len });
	const char *name = asof_arena_copy(&known->arena,
					   (struct asof_str){ dot + 1, reference.len - len - 1 });
	const char *column =
		view && name ? asof_arena_printf(&known->arena, "%s__%s", view, name) : NULL;
	if (!column)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	const struct input same = { table_name(known, view), name, "DIRECT", "IDENTITY" };
	begin_column(w, column);
	write_input(w, &same);
	end_column(w);
	return ASOF_OK;
}

enum asof_status
asof_openlineage_training_set(struct asof_lineage_known *known, const struct asof_training_set *set,
			      struct asof_json_writer *w, struct asof_error *err)
{
	const struct asof_json *features = NULL;
	ASOF_TRY(asof_json_read(asof_str_from(set->features), &known->arena, &features, err));
	asof_json_begin_object(w);
	write_name(w, (struct dataset_name){ "file", set->path });
	asof_json_key_cstr(w, "facets");
	asof_json_begin_object(w);
	begin_columns(w);
	for (size_t i = 0; features->kind == ASOF_JSON_ARRAY && i < features->count; i++)
		ASOF_TRY(write_training_column(known, features->items[i].text, w, err));
	end_columns(w);
	asof_json_end_object(w);
	const struct asof_openlineage_table counted = { .row_count = set->row_count };
	write_statistics(&counted, w);
	asof_json_end_object(w);
	return ASOF_OK;
}
