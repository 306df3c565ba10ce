/* doctor_catalog.c - what the catalog says of itself and of files outside the lake: definitions,
 * runs, training sets. */
#include <stdio.h>
#include <unistd.h>

#include "codec/json_reader.h"
#include "job/doctor.h"
#include "job/manifest.h"
#include "model/hash.h"

#define RUNS_MAX          1000
#define TRAINING_SETS_MAX 10000

/* ---- definitions ---- */

static enum asof_status
hash_of(const struct asof_version *version, char *ret_hash, struct asof_error *err)
{
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(16u << 20);
	const struct asof_view *view = NULL;
	ASOF_TRY(asof_version_project(version, &project, &view, err));
	ASOF_TRY(asof_define_canonical(project, view, true, &text, err));
	asof_hash128_text(asof_buf_view(&text), ret_hash);
	return ASOF_OK;
}

static enum asof_status
examine_definition(struct asof_doctor *doctor, const struct asof_version *version,
		   const char *where, struct asof_error *err)
{
	char hash[33];
	struct asof_error why = { 0 };
	const struct asof_ailment ailment = {
		.what = "damaged definition",
		.where = where,
		.remedy = "restore the catalog from a backup; without one, give the project a new "
			  "catalog: it hears of every version from the lake",
	};
	enum asof_status status = hash_of(version, hash, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	if (status != ASOF_OK)
		asof_doctor_report(doctor, &ailment, "%s", why.message);
	else if (strcmp(hash, version->definition_hash) != 0)
		asof_doctor_report(doctor, &ailment, "its hash is %s, not %s as recorded", hash,
				   version->definition_hash);
	return ASOF_OK;
}

/* Each definition once: of the newest version that has it. */
static enum asof_status
examine_versions(struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map seen = { 0 };
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		char sum[33];
		asof_hash128_text(asof_str_from(version->definition_json), sum);
		const char *key = asof_arena_printf(&doctor->arena, "%s %s %s", version->view,
						    version->definition_hash, sum);
		const char *text = asof_version_text(version, &doctor->arena);
		const char *where =
			asof_arena_printf(&doctor->arena, "%s@%s", version->view, text ? text : "");
		if (!key || !text || !where)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "definitions");
		if (asof_map_find(&seen, asof_str_from(key), NULL))
			continue;
		ASOF_TRY(asof_map_put(&seen, asof_str_from(key), NULL, err));
		ASOF_TRY(examine_definition(doctor, version, where, err));
	}
	return ASOF_OK;
}

static enum asof_status
note_registered(void *arg, const struct asof_definition *definition, struct asof_error *err)
{
	return asof_map_put(arg, asof_str_from(definition->name), NULL, err);
}

/* A view that has versions is registered by its newest one, where it is not. */
static enum asof_status
examine_registered(struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map registered = { 0 };
	struct asof_catalog *catalog = doctor->session->catalog;
	ASOF_TRY(asof_catalog_definitions(catalog, "view", note_registered, &registered, err));
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		const struct asof_definition definition = { .kind = "view",
							    .name = version->view,
							    .hash = version->definition_hash,
							    .json = version->definition_json,
							    .major = version->major,
							    .minor = version->minor,
							    .registered_us =
								    version->published_us };
		struct asof_ailment ailment = { .what = "definition unknown to the catalog",
						.where = version->view,
						.remedy = "asof doctor --repair registers it",
						.is_repaired = doctor->is_repair };
		bool is_defined = asof_project_view(doctor->session->project,
						    asof_str_from(version->view)) != NULL ||
				  asof_project_on_demand(doctor->session->project,
							 asof_str_from(version->view)) != NULL;
		if (!is_defined || !version->is_current ||
		    asof_map_find(&registered, asof_str_from(version->view), NULL))
			continue;
		if (doctor->is_repair) {
			ASOF_TRY(asof_catalog_define(catalog, &definition, 1, NULL, 0, err));
			ailment.remedy = "registered";
		}
		asof_doctor_report(doctor, &ailment, "the view has versions and no definition");
	}
	return ASOF_OK;
}

/* ---- runs ---- */

/* Newest first: what has ended is seen before an older run of the same that has not. */
struct runs {
	struct asof_doctor *doctor;
	struct asof_map ended;
};

static void
runs_done(struct runs *runs)
{
	asof_map_done(&runs->ended);
}

static enum asof_status
examine_run(void *arg, const struct asof_run *run, struct asof_error *err)
{
	struct runs *runs = arg;
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s", run->job, run->name);
	if (run->state != ASOF_RUN_RUNNING)
		return asof_map_put(&runs->ended, asof_str_from(key), NULL, err);
	const struct asof_ailment ailment = {
		.what = "run without an end",
		.where = run->id,
		.remedy = "where it runs no more, run it again: the next one finishes the work",
		.is_note = true,
	};
	if (!asof_map_find(&runs->ended, asof_str_from(key), NULL))
		asof_doctor_report(runs->doctor, &ailment, "%s of '%s' has begun and not ended",
				   run->job, run->name);
	return ASOF_OK;
}

/* ---- training sets ---- */

struct training {
	struct asof_doctor *doctor;
	const struct asof_training_set *set;
};

static void
report_training_set(const struct training *t, bool is_note, const char *what, const char *detail)
{
	const struct asof_ailment ailment = {
		.what = what,
		.where = t->set->path,
		.remedy = is_note ? "none needed; it cannot be made again byte for byte"
				  : "restore it from a backup, or make the training set again",
		.is_note = is_note,
	};
	asof_doctor_report(t->doctor, &ailment, "%s", detail);
}

/* Whether the version that it was made from is there to make it again. */
static enum asof_status
examine_source(const struct training *t, const char *view, const char *text,
	       struct asof_arena *arena, struct asof_error *err)
{
	struct asof_doctor *doctor = t->doctor;
	const struct asof_version *version = asof_doctor_version(doctor, view, text);
	const char *name = asof_arena_printf(arena, "it was made from %s@%s", view, text);
	struct asof_table_snapshot snapshot;
	struct asof_error why = { 0 };
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	if (!version) {
		report_training_set(t, false, "training set of an unknown version", name);
		return ASOF_OK;
	}
	if (asof_version_is_on_demand(version))
		return ASOF_OK; /* its definition is all there is */
	enum asof_status status = asof_table_read_by(doctor->lake, view, version->table_version,
						     &doctor->io, arena, &snapshot, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	ASOF_AUTO(asof_map_done) struct asof_map files = { 0 };
	if (status == ASOF_OK)
		ASOF_TRY(asof_table_list_files(doctor->lake, view, &files, err));
	bool is_gone = status != ASOF_OK || asof_table_find_missing(&snapshot, &files);
	if (is_gone && !version->is_current) /* of the current one it is told as its own */
		report_training_set(t, true, "training set of a version that was vacuumed", name);
	return ASOF_OK;
}

static enum asof_status
examine_training_set(void *arg, const struct asof_training_set *set, struct asof_error *err)
{
	const struct training t = { arg, set };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *views = NULL;
	const char *manifest = asof_manifest_path(set->path, &arena);
	if (!manifest)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	bool is_file = access(set->path, F_OK) == 0;
	bool has_manifest = access(manifest, F_OK) == 0;
	if (!is_file && !has_manifest) {
		report_training_set(&t, true, "training set is gone",
				    "neither the file nor its manifest is there");
		return ASOF_OK;
	}
	if (!has_manifest)
		report_training_set(&t, false, "manifest is gone",
				    "the file is there, FILE.asof.json beside it is not");
	ASOF_TRY(asof_json_read(asof_str_from(set->views), &arena, &views, err));
	for (size_t i = 0; views->kind == ASOF_JSON_OBJECT && i < views->count; i++) {
		const char *view = asof_arena_copy(&arena, views->names[i]);
		if (views->items[i].kind != ASOF_JSON_STRING)
			continue; /* a direct join has no versions */
		const char *text = asof_arena_copy(&arena, views->items[i].text);
		if (!view || !text)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
		ASOF_TRY(examine_source(&t, view, text, &arena, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_doctor_catalog(struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_AUTO(runs_done) struct runs runs = { .doctor = doctor };
	struct asof_catalog *catalog = doctor->session->catalog;
	ASOF_TRY(examine_versions(doctor, err));
	ASOF_TRY(examine_registered(doctor, err));
	ASOF_TRY(asof_catalog_runs(catalog, RUNS_MAX, examine_run, &runs, err));
	return asof_catalog_training_sets(catalog, TRAINING_SETS_MAX, examine_training_set, doctor,
					  err);
}
