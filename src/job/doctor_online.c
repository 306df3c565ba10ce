/* doctor_online.c - tables of the online store beside the versions that the catalog knows. */
#include <stdio.h>

#include "job/doctor.h"
#include "job/materialize_view.h"

struct online {
	struct asof_doctor *doctor;
	struct asof_map views; /* that have a table */
};

static void
online_done(struct online *online)
{
	asof_map_done(&online->views);
}

static const char *
materialize_again(struct asof_arena *arena, const char *view)
{
	const char *text = asof_arena_printf(arena, "'asof materialize %s' writes it again", view);
	return text ? text : "asof materialize";
}

/* What is there is served, so that a version nobody knows is one that nobody can account for. */
static void
compare_meta(struct asof_doctor *doctor, const char *table, const struct asof_online_meta *meta,
	     struct asof_arena *arena)
{
	const struct asof_version *version = asof_doctor_version(doctor, meta->view, meta->version);
	const struct asof_ailment unknown = {
		.what = "online version unknown to the catalog",
		.where = table,
		.remedy = materialize_again(arena, meta->view),
	};
	if (!version)
		asof_doctor_report(doctor, &unknown, "it holds %s@%s", meta->view, meta->version);
	else if (strcmp(version->definition_hash, meta->definition_hash) != 0)
		asof_doctor_report(doctor, &unknown,
				   "it holds %s@%s by another definition than the catalog's",
				   meta->view, meta->version);
}

static enum asof_status
examine_table(void *arg, const char *table, struct asof_str meta_json, struct asof_error *err)
{
	struct online *online = arg;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_online_meta meta;
	struct asof_error why = { 0 };
	enum asof_status status = asof_online_meta_read(meta_json, &arena, &meta, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	if (status != ASOF_OK) {
		const struct asof_ailment ailment = {
			.what = "damaged online table",
			.where = table,
			.remedy = "'asof materialize' writes the view again",
		};
		asof_doctor_report(online->doctor, &ailment, "%s", why.message);
		return ASOF_OK;
	}
	compare_meta(online->doctor, table, &meta, &arena);
	return asof_map_put(&online->views, asof_str_from(meta.view), NULL, err);
}

/* What the catalog says is online, and is not. */
static enum asof_status
examine_view(struct online *online, const char *view, struct asof_error *err)
{
	struct asof_doctor *doctor = online->doctor;
	struct asof_materialization materialization;
	struct asof_error why = { 0 };
	enum asof_status status = asof_catalog_find_materialization(
		doctor->session->catalog, view, &doctor->arena, &materialization, &why);
	if (status == ASOF_NOT_FOUND)
		return ASOF_OK;
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	const struct asof_ailment ailment = {
		.what = "online table is gone",
		.where = view,
		.remedy = materialize_again(&doctor->arena, view),
	};
	if (!asof_map_find(&online->views, asof_str_from(view), NULL))
		asof_doctor_report(doctor, &ailment,
				   "the catalog says that version %s was materialized",
				   materialization.version);
	return ASOF_OK;
}

enum asof_status
asof_doctor_online(struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_AUTO(online_done) struct online online = { .doctor = doctor };
	const struct asof_project *project = doctor->session->project;
	struct asof_store *store = NULL;
	struct asof_error why = { 0 };
	if (strncmp(project->online, "memory", 6) == 0)
		return ASOF_OK; /* every process has its own */
	enum asof_status status = asof_session_store(doctor->session, &store, &why);
	if (status == ASOF_OK)
		status = asof_store_tables(store, examine_table, &online, &why);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "online store: %s", why.message);
	if (status != ASOF_OK) {
		const struct asof_ailment ailment = {
			.what = "online store cannot be read",
			.where = "online",
			.remedy = "put right what is said; a store that is lost is written again "
				  "by 'asof materialize'",
		};
		asof_doctor_report(doctor, &ailment, "%s", why.message);
		return ASOF_OK;
	}
	for (size_t i = 0; i < project->view_count; i++)
		ASOF_TRY(examine_view(&online, project->views[i].name, err));
	return ASOF_OK;
}
