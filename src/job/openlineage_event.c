/* openlineage_event.c - one run as an event: what it was, what it read, what it wrote. */
#include "codec/json_reader.h"
#include "codec/time_text.h"
#include "job/openlineage.h"
#include "model/hash.h"

#define EVENT_SCHEMA "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

/* The same run has the same number, however often it is exported: version 8 of RFC 9562. */
static void
write_run_id(struct asof_json_writer *w, const char *id)
{
	char hash[33];
	char text[37];
	size_t at = 0;
	asof_hash128_text(asof_str_from(id), hash);
	hash[12] = '8';
	hash[16] = "89ab"[(unsigned char)hash[16] % 4];
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			text[at++] = '-';
		text[at++] = hash[i];
	}
	text[at] = '\0';
	asof_json_member_cstr(w, "runId", text);
}

static const char *
event_type_text(enum asof_openlineage_type type)
{
	static const char *const texts[] = { [ASOF_OPENLINEAGE_START] = "START",
					     [ASOF_OPENLINEAGE_COMPLETE] = "COMPLETE",
					     [ASOF_OPENLINEAGE_FAIL] = "FAIL" };
	return texts[type];
}

static void
write_run(struct asof_json_writer *w, const char *id, const char *error)
{
	asof_json_key_cstr(w, "run");
	asof_json_begin_object(w);
	write_run_id(w, id);
	if (error) {
		asof_json_key_cstr(w, "facets");
		asof_json_begin_object(w);
		asof_json_key_cstr(w, "errorMessage");
		asof_json_begin_object(w);
		asof_openlineage_facet(w, "1-0-1/ErrorMessageRunFacet.json");
		asof_json_member_cstr(w, "message", error);
		asof_json_member_cstr(w, "programmingLanguage", "C");
		asof_json_end_object(w);
		asof_json_end_object(w);
	}
	asof_json_end_object(w);
}

static void
write_job(struct asof_json_writer *w, const struct asof_lineage_known *known, const char *job,
	  const char *name)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(8192);
	const char *slash = strrchr(name, '/');
	asof_json_key_cstr(w, "job");
	asof_json_begin_object(w);
	asof_buf_printf(&text, "asof://%s", known->session->project->name);
	asof_json_member_str(w, "namespace", asof_buf_view(&text));
	asof_buf_clear(&text);
	asof_buf_printf(&text, "%s%s%s", job, *name ? "." : "", slash ? slash + 1 : name);
	asof_json_member_str(w, "name", asof_buf_view(&text));
	asof_json_end_object(w);
}

static void
write_head(struct asof_json_writer *w, enum asof_openlineage_type type, int64_t event_us)
{
	char time[ASOF_TIME_TEXT_MAX];
	size_t len = asof_timestamp_text(event_us, time);
	asof_json_member_str(w, "eventTime", (struct asof_str){ time, len });
	asof_json_member_cstr(w, "producer", ASOF_OPENLINEAGE_PRODUCER);
	asof_json_member_cstr(w, "schemaURL", EVENT_SCHEMA);
	asof_json_member_cstr(w, "eventType", event_type_text(type));
}

/* ---- runs of the catalog ---- */

/* The view as that version defined it, else as it stands; NULL: neither is known. */
static enum asof_status
find_view(struct asof_lineage_known *known, const struct asof_run *run,
	  struct asof_project **ret_project, const struct asof_view **ret_view,
	  const struct asof_version **ret_version, struct asof_error *err)
{
	*ret_version = asof_lineage_version(known, run->name, run->version);
	if (*ret_version)
		return asof_version_project(*ret_version, ret_project, ret_view, err);
	*ret_view = asof_project_view(known->session->project, asof_str_from(run->name));
	return ASOF_OK;
}

static void
write_build(struct asof_lineage_known *known, const struct asof_view *view,
	    const struct asof_openlineage_table *table, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "inputs");
	asof_json_begin_array(w);
	if (view)
		asof_openlineage_source(known, view, w);
	asof_json_end_array(w);
	asof_json_key_cstr(w, "outputs");
	asof_json_begin_array(w);
	asof_openlineage_table(known, table, w);
	asof_json_end_array(w);
}

static void
write_materialize(struct asof_lineage_known *known, const struct asof_openlineage_table *table,
		  struct asof_json_writer *w)
{
	struct asof_openlineage_table lake = *table;
	struct asof_openlineage_table online = *table;
	lake.is_output = false;
	online.is_online = true;
	asof_json_key_cstr(w, "inputs");
	asof_json_begin_array(w);
	asof_openlineage_table(known, &lake, w);
	asof_json_end_array(w);
	asof_json_key_cstr(w, "outputs");
	asof_json_begin_array(w);
	asof_openlineage_table(known, &online, w);
	asof_json_end_array(w);
}

static enum asof_status
write_catalog_run(struct asof_lineage_known *known, const struct asof_run *run,
		  enum asof_openlineage_type type, struct asof_json_writer *w,
		  struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *view = NULL;
	const struct asof_version *version = NULL;
	ASOF_TRY(find_view(known, run, &project, &view, &version, err));
	const struct asof_openlineage_table table = {
		.name = run->name,
		.view = version ? view : NULL,
		.version = run->version,
		.label = version ? version->definition_hash : "",
		.is_output = type == ASOF_OPENLINEAGE_COMPLETE,
		.row_count = run->row_count,
	};
	write_head(w, type, type == ASOF_OPENLINEAGE_START ? run->started_us : run->finished_us);
	write_run(w, run->id, type == ASOF_OPENLINEAGE_FAIL ? run->message : NULL);
	write_job(w, known, run->job, run->name);
	if (strcmp(run->job, "build") == 0)
		write_build(known, view, &table, w);
	else if (strcmp(run->job, "materialize") == 0)
		write_materialize(known, &table, w);
	return ASOF_OK;
}

/* ---- joins ---- */

static enum asof_status
write_join_inputs(struct asof_lineage_known *known, const struct asof_training_set *set,
		  struct asof_json_writer *w, struct asof_error *err)
{
	const struct asof_json *views = NULL;
	ASOF_TRY(asof_json_read(asof_str_from(set->views), &known->arena, &views, err));
	asof_json_key_cstr(w, "inputs");
	asof_json_begin_array(w);
	asof_openlineage_file(set->spine, w);
	for (size_t i = 0; views->kind == ASOF_JSON_OBJECT && i < views->count; i++) {
		ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
		const struct asof_view *view = NULL;
		const char *name = asof_arena_copy(&known->arena, views->names[i]);
		const char *text = asof_arena_copy(&known->arena, views->items[i].text);
		if (!name || !text)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
		const struct asof_version *version = asof_lineage_version(known, name, text);
		if (version)
			ASOF_TRY(asof_version_project(version, &project, &view, err));
		const struct asof_openlineage_table table = { .name = name,
							      .view = view,
							      .version = text };
		asof_openlineage_table(known, &table, w);
	}
	asof_json_end_array(w);
	return ASOF_OK;
}

static enum asof_status
write_join(struct asof_lineage_known *known, const struct asof_training_set *set,
	   enum asof_openlineage_type type, struct asof_json_writer *w, struct asof_error *err)
{
	char time[ASOF_TIME_TEXT_MAX];
	int len = (int)asof_timestamp_text(set->made_us, time);
	const char *id = asof_arena_printf(&known->arena, "join %s %.*s", set->path, len, time);
	if (!id)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	write_head(w, type, set->made_us);
	write_run(w, id, NULL);
	write_job(w, known, "join", set->path);
	ASOF_TRY(write_join_inputs(known, set, w, err));
	asof_json_key_cstr(w, "outputs");
	asof_json_begin_array(w);
	if (type == ASOF_OPENLINEAGE_COMPLETE)
		ASOF_TRY(asof_openlineage_training_set(known, set, w, err));
	else
		asof_openlineage_file(set->path, w);
	asof_json_end_array(w);
	return ASOF_OK;
}

enum asof_status
asof_openlineage_write(struct asof_lineage_known *known, const struct asof_openlineage_run *run,
		       enum asof_openlineage_type type, struct asof_buf *buf,
		       struct asof_error *err)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	if (run->run)
		ASOF_TRY(write_catalog_run(known, run->run, type, &w, err));
	else
		ASOF_TRY(write_join(known, run->set, type, &w, err));
	asof_json_end_object(&w);
	asof_buf_add_char(buf, '\n');
	return asof_buf_status(buf, err);
}
