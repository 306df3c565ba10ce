/* doctor_table.c - a table's log beside the catalog's versions of the view. */
#include <stdio.h>

#include "base/number.h"
#include "job/doctor.h"
#include "lake/delta_state.h"

/* One commit of a build, as the log says. */
struct commit {
	struct asof_version version;
	const char *text; /* "1.0.3" */
};

struct heard {
	struct asof_doctor *doctor;
	const char *view;
	struct asof_arena *arena;
	int64_t entry; /* being read */
	int64_t committed_us;
	struct commit *items; /* owned, oldest first */
	size_t count;
	size_t capacity;
};

static void
heard_done(struct heard *heard)
{
	asof_mem_free(heard->items);
}

static const char *
keep(struct heard *heard, const struct asof_delta_commit_info *commit, const char *name)
{
	const char *text = asof_property_find(commit->info, commit->info_count, name);
	return asof_arena_copy(heard->arena, asof_str_from(text ? text : ""));
}

static struct commit *
find_commit(const struct heard *heard, const struct asof_version *version)
{
	for (size_t i = 0; i < heard->count; i++) {
		const struct asof_version *item = &heard->items[i].version;
		if (item->major == version->major && item->minor == version->minor &&
		    item->patch == version->patch)
			return &heard->items[i];
	}
	return NULL;
}

static enum asof_status
hear(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct heard *heard = arg;
	const struct asof_delta_commit_info *commit = &action->commit;
	if (action->kind != ASOF_DELTA_COMMIT_INFO)
		return ASOF_OK;
	struct commit item = { .text = keep(heard, commit, ASOF_INFO_VERSION) };
	struct asof_version *version = &item.version;
	if (!item.text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	if (!asof_version_parse(item.text, &version->major, &version->minor, &version->patch))
		return ASOF_OK; /* not a commit of a build */
	struct commit *there = find_commit(heard, version);
	if (there) { /* its rows stand in other files from here on */
		there->version.table_version = heard->entry;
		return ASOF_OK;
	}
	const char *rows = asof_property_find(commit->info, commit->info_count, ASOF_INFO_ROWS);
	const char *moved = asof_property_find(commit->info, commit->info_count, ASOF_INFO_MOVED);
	if (rows)
		(void)asof_int64_parse(asof_str_from(rows), &version->row_count);
	version->view = heard->view;
	version->table_version = heard->entry;
	version->published_us =
		commit->committed_us >= 0 ? commit->committed_us : heard->committed_us;
	if (moved)
		(void)asof_int64_parse(asof_str_from(moved), &version->published_us);
	version->definition_hash = keep(heard, commit, ASOF_INFO_HASH);
	version->definition_json = keep(heard, commit, ASOF_INFO_DEFINITION);
	version->run_id = keep(heard, commit, ASOF_INFO_RUN);
	version->tag = keep(heard, commit, ASOF_INFO_TAG);
	version->made_by = keep(heard, commit, ASOF_INFO_MADE_BY);
	version->reason = keep(heard, commit, ASOF_INFO_REASON);
	if (!version->definition_hash || !version->definition_json || !version->run_id ||
	    !version->tag || !version->made_by || !version->reason)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	void *items = heard->items;
	ASOF_TRY(asof_mem_reserve(&items, &heard->capacity, heard->count + 1, sizeof(item), err));
	heard->items = items;
	heard->items[heard->count++] = item;
	return ASOF_OK;
}

/* Every entry must decode; what one says of versions is kept. */
static enum asof_status
read_entries(struct heard *heard, const struct asof_delta_log *log, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_DELTA_LOG_BYTES_MAX);
	for (int64_t entry = log->first; entry <= log->newest; entry++) {
		char name[ASOF_DELTA_NAME_MAX];
		struct asof_error why = { 0 };
		heard->entry = entry;
		heard->committed_us = log->modified_us[entry - log->first];
		enum asof_status status = asof_delta_entry_read(heard->doctor->lake, log->table,
								entry, &buf, hear, heard, &why);
		if (status == ASOF_OK)
			continue;
		if (asof_doctor_must_stop(status))
			return ASOF_FAIL(err, status, "%s", why.message);
		ASOF_TRY(asof_delta_log_name(log->table, entry, ASOF_DELTA_ENTRY, name, err));
		const struct asof_ailment ailment = {
			.what = "damaged log entry",
			.where = name,
			.remedy = "restore the file from a backup; without one, move the table's "
				  "directory away and build the view again",
		};
		asof_doctor_report(heard->doctor, &ailment, "%s", why.message);
	}
	return ASOF_OK;
}

static int64_t
newest_known(const struct asof_doctor *doctor, const char *view)
{
	int64_t newest = -1;
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		if (strcmp(version->view, view) == 0 && version->table_version > newest)
			newest = version->table_version;
	}
	return newest;
}

/* The log has it, the catalog does not: it may be said again as often as one likes. */
static enum asof_status
report_unheard(struct heard *heard, struct commit *commit, int64_t newest, struct asof_error *err)
{
	struct asof_doctor *doctor = heard->doctor;
	char where[2 * ASOF_NAME_MAX];
	(void)snprintf(where, sizeof(where), "%s@%s", heard->view, commit->text);
	struct asof_ailment ailment = { .what = "version unknown to the catalog",
					.where = where,
					.remedy = "asof doctor --repair registers it",
					.is_repaired = doctor->is_repair };
	if (doctor->is_repair) {
		commit->version.is_current = commit->version.table_version > newest;
		ASOF_TRY(asof_catalog_publish(doctor->session->catalog, &commit->version, err));
		ailment.remedy = "registered";
	}
	asof_doctor_report(doctor, &ailment,
			   "the log of table '%s' has it at version %lld of the table", heard->view,
			   (long long)commit->version.table_version);
	return ASOF_OK;
}

static void
report_other(struct heard *heard, const struct commit *commit, const struct asof_version *known)
{
	char where[2 * ASOF_NAME_MAX];
	(void)snprintf(where, sizeof(where), "%s@%s", heard->view, commit->text);
	const struct asof_ailment ailment = {
		.what = "version differs",
		.where = where,
		.remedy = "two lakes or catalogs were mixed: give the project the catalog that "
			  "belongs to this lake",
	};
	asof_doctor_report(heard->doctor, &ailment,
			   "the catalog means version %lld of the table and run %s, the log "
			   "version %lld and run %s",
			   (long long)known->table_version, known->run_id,
			   (long long)commit->version.table_version, commit->version.run_id);
}

/* Compacted, and the run died before the catalog was told. */
static enum asof_status
report_moved(struct heard *heard, const struct commit *commit, struct asof_error *err)
{
	struct asof_doctor *doctor = heard->doctor;
	const struct asof_version *version = &commit->version;
	char where[2 * ASOF_NAME_MAX];
	(void)snprintf(where, sizeof(where), "%s@%s", heard->view, commit->text);
	struct asof_ailment ailment = { .what = "version has moved",
					.where = where,
					.remedy = "asof doctor --repair tells the catalog",
					.is_repaired = doctor->is_repair };
	if (doctor->is_repair) {
		ASOF_TRY(asof_catalog_move_version(doctor->session->catalog, heard->view,
						   version->major, version->minor, version->patch,
						   version->table_version, err));
		ailment.remedy = "the catalog was told";
	}
	asof_doctor_report(doctor, &ailment, "its rows stand at version %lld of the table now",
			   (long long)version->table_version);
	return ASOF_OK;
}

static enum asof_status
compare_commits(struct heard *heard, struct asof_error *err)
{
	struct asof_doctor *doctor = heard->doctor;
	int64_t newest = newest_known(doctor, heard->view);
	for (size_t i = 0; i < heard->count; i++) {
		struct commit *commit = &heard->items[i];
		const struct asof_version *known =
			asof_doctor_version(doctor, heard->view, commit->text);
		if (!known)
			ASOF_TRY(report_unheard(heard, commit, newest, err));
		else if (known->table_version > commit->version.table_version ||
			 strcmp(known->definition_hash, commit->version.definition_hash) != 0)
			report_other(heard, commit, known);
		else if (known->table_version < commit->version.table_version)
			ASOF_TRY(report_moved(heard, commit, err));
	}
	return ASOF_OK;
}

/* The catalog has it, and the log, where it reaches back so far, does not. */
static enum asof_status
compare_versions(struct heard *heard, const struct asof_delta_log *log, struct asof_error *err)
{
	struct asof_doctor *doctor = heard->doctor;
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		bool is_cleaned_up = log->newest >= 0 && version->table_version < log->first;
		if (strcmp(version->view, heard->view) != 0 || is_cleaned_up ||
		    find_commit(heard, version))
			continue;
		const char *text = asof_version_text(version, heard->arena);
		const char *where =
			text ? asof_arena_printf(heard->arena, "%s@%s", heard->view, text) : NULL;
		if (!where)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
		const struct asof_ailment ailment = {
			.what = "version without data",
			.where = where,
			.remedy = log->newest < 0
					  ? "restore the table's directory from a backup, or give "
					    "the project the lake that belongs to this catalog; "
					    "else build the view again into a new catalog"
					  : "restore the table's log from a backup, or give the "
					    "project the lake that belongs to this catalog",
		};
		asof_doctor_report(
			doctor, &ailment, "the catalog means version %lld of table '%s', %s",
			(long long)version->table_version, heard->view,
			log->newest < 0 ? "which does not exist" : "in whose log it is not");
	}
	return ASOF_OK;
}

static enum asof_status
examine(struct asof_doctor *doctor, const char *view, struct asof_arena *arena,
	const struct asof_delta_log *log, struct asof_error *err)
{
	ASOF_AUTO(heard_done)
	struct heard heard = { .doctor = doctor, .view = view, .arena = arena };
	int64_t before = doctor->found_count;
	ASOF_TRY(read_entries(&heard, log, err));
	bool is_whole = doctor->found_count == before;
	if (is_whole)
		ASOF_TRY(compare_commits(&heard, err));
	if (is_whole)
		ASOF_TRY(compare_versions(&heard, log, err));
	if (log->newest < 0)
		return ASOF_OK;
	ASOF_TRY(asof_doctor_log(doctor, log, err));
	return asof_doctor_files(doctor, log, err);
}

enum asof_status
asof_doctor_table(struct asof_doctor *doctor, const char *view, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_delta_log log;
	struct asof_error why = { 0 };
	enum asof_status status = asof_delta_log_list(doctor->lake, view, &arena, &log, &why);
	if (status == ASOF_OK)
		return examine(doctor, view, &arena, &log, err);
	if (asof_doctor_must_stop(status))
		return ASOF_FAIL(err, status, "%s", why.message);
	const char *where = asof_arena_printf(&arena, "%s/_delta_log", view);
	if (!where)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log");
	const struct asof_ailment ailment = {
		.what = "damaged log",
		.where = where,
		.remedy = "restore the missing files from a backup; without one, move the table's "
			  "directory away and build the view again",
	};
	asof_doctor_report(doctor, &ailment, "%s", why.message);
	return ASOF_OK;
}
