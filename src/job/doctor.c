/* doctor.c - compare what the catalog, the lake and the online store say of each other. */
#include "job/doctor.h"

#include <stdarg.h>
#include <stdio.h>

#define DETAIL_MAX 1200

static void
doctor_done(struct asof_doctor *doctor)
{
	asof_version_set_done(&doctor->versions);
	asof_buf_done(&doctor->findings);
	asof_buf_done(&doctor->notes);
	asof_arena_done(&doctor->arena);
}

void
asof_doctor_report(struct asof_doctor *doctor, const struct asof_ailment *ailment, const char *fmt,
		   ...)
{
	struct asof_json_writer *w =
		ailment->is_note ? &doctor->note_writer : &doctor->finding_writer;
	char detail[DETAIL_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "what", ailment->what);
	asof_json_member_cstr(w, "where", ailment->where);
	asof_json_member_cstr(w, "detail", detail);
	asof_json_member_cstr(w, "remedy", ailment->remedy);
	if (!ailment->is_note)
		asof_json_member_bool(w, "repaired", ailment->is_repaired);
	asof_json_end_object(w);
	if (!ailment->is_note)
		doctor->found_count++;
	if (ailment->is_repaired)
		doctor->repaired_count++;
}

const struct asof_version *
asof_doctor_version(const struct asof_doctor *doctor, const char *view, const char *text)
{
	int32_t major;
	int32_t minor;
	int32_t patch;
	if (!asof_version_parse(text, &major, &minor, &patch))
		return NULL;
	for (size_t i = 0; i < doctor->versions.count; i++) {
		const struct asof_version *version = &doctor->versions.items[i];
		if (version->major == major && version->minor == minor && version->patch == patch &&
		    strcmp(version->view, view) == 0)
			return version;
	}
	return NULL;
}

/*
 * Every other command lets the catalog hear of new commits first, which is what is to be examined
 * here; a catalog in memory knows nothing else.
 */
static enum asof_status
open_catalog(struct asof_session *session, struct asof_error *err)
{
	if (session->catalog)
		return ASOF_OK;
	ASOF_TRY(asof_catalog_open(session->project->catalog, &session->catalog, err));
	if (strncmp(session->project->catalog, "memory", 6) != 0)
		return ASOF_OK;
	struct asof_error ignored = { 0 }; /* said of the table whose log cannot be read */
	enum asof_status status = asof_versions_sync(session, &ignored);
	return asof_doctor_must_stop(status) ? ASOF_FAIL(err, status, "%s", ignored.message)
					     : ASOF_OK;
}

static enum asof_status
open_doctor(struct asof_session *session, struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(open_catalog(session, err));
	ASOF_TRY(asof_session_lake(session, &doctor->lake, err));
	ASOF_TRY(asof_version_set_read(session, &doctor->arena, &doctor->versions, err));
	doctor->session = session;
	doctor->io = asof_session_checkpoint_io(session);
	doctor->findings = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	doctor->notes = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	doctor->finding_writer = asof_json_writer_to(&doctor->findings);
	doctor->note_writer = asof_json_writer_to(&doctor->notes);
	asof_json_begin_array(&doctor->finding_writer);
	asof_json_begin_array(&doctor->note_writer);
	return ASOF_OK;
}

/* Tables of the views that are defined, and of those that were. */
static enum asof_status
examine_tables(struct asof_doctor *doctor, struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map seen = { 0 };
	const struct asof_project *project = doctor->session->project;
	size_t count = project->view_count + doctor->versions.count;
	for (size_t i = 0; i < count; i++) {
		const char *view = i < project->view_count
					   ? project->views[i].name
					   : doctor->versions.items[i - project->view_count].view;
		if (asof_map_find(&seen, asof_str_from(view), NULL) ||
		    (i >= project->view_count &&
		     asof_version_is_on_demand(&doctor->versions.items[i - project->view_count])))
			continue;
		ASOF_TRY(asof_map_put(&seen, asof_str_from(view), NULL, err));
		ASOF_TRY(asof_cancel_check(&doctor->session->cancel, err));
		asof_session_stage(doctor->session, "look at '%s'", view);
		enum asof_status status = asof_doctor_table(doctor, view, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "table '%s'", view);
	}
	return ASOF_OK;
}

static enum asof_status
write_result(struct asof_doctor *doctor, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(2 * ASOF_RESULT_BYTES_MAX);
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_end_array(&doctor->finding_writer);
	asof_json_end_array(&doctor->note_writer);
	ASOF_TRY(asof_buf_status(&doctor->findings, err));
	ASOF_TRY(asof_buf_status(&doctor->notes, err));
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "findings");
	asof_json_raw(&w, asof_buf_view(&doctor->findings));
	asof_json_key_cstr(&w, "notes");
	asof_json_raw(&w, asof_buf_view(&doctor->notes));
	asof_json_member_int(&w, "found", doctor->found_count);
	asof_json_member_int(&w, "repaired", doctor->repaired_count);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}

enum asof_status
asof_doctor(struct asof_session *session, bool is_repair, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(doctor_done) struct asof_doctor doctor = { .is_repair = is_repair };
	ASOF_TRY(open_doctor(session, &doctor, err));
	ASOF_TRY(examine_tables(&doctor, err));
	ASOF_TRY(asof_doctor_catalog(&doctor, err));
	ASOF_TRY(asof_doctor_online(&doctor, err));
	ASOF_TRY(write_result(&doctor, ret_json, err));
	if (doctor.found_count == doctor.repaired_count)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CHECK_FAILED, "%lld found%s",
			 (long long)(doctor.found_count - doctor.repaired_count),
			 is_repair ? " that cannot be repaired here" : "");
}
