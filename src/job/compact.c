/* compact.c - tables of views in fewer files. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "job/compact_view.h"
#include "job/describe.h"
#include "job/run_record.h"

static void
write_compacted(struct asof_json_writer *w, const char *view,
		const struct asof_compact_report *report, int64_t elapsed_us)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", view);
	asof_json_member_cstr(w, "version", report->version);
	asof_json_member_bool(w, "published", report->published != NULL);
	asof_json_member_int(w, "files_before", (int64_t)report->files_before);
	asof_json_member_int(w, "files_after", (int64_t)report->files_after);
	asof_json_member_int(w, "files_merged", (int64_t)report->moved_file_count);
	asof_json_member_int(w, "bytes_before", (int64_t)report->bytes_before);
	asof_json_member_int(w, "bytes_after", (int64_t)report->bytes_after);
	asof_json_member_int(w, "rows", report->row_count);
	asof_json_member_int(w, "rows_folded", report->folded_row_count);
	if (report->has_known_at_from)
		asof_describe_time(w, "known_at_from", report->known_at_from_us);
	if (report->reason)
		asof_json_member_cstr(w, "reason", report->reason);
	if (report->warning)
		asof_json_member_cstr(w, "warning", report->warning);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)elapsed_us / 1e6);
	asof_json_end_object(w);
}

static enum asof_status
record_run(struct asof_session *session, const char *view, int64_t started_us,
	   const struct asof_compact_report *report, enum asof_status status, const char *message,
	   struct asof_arena *arena, struct asof_error *err)
{
	int64_t now_us = asof_session_now_us(session);
	const struct asof_run run = {
		.id = asof_arena_printf(arena, "compact-%s-%" PRIx64, view, (uint64_t)started_us),
		.job = "compact",
		.name = view,
		.state = status == ASOF_OK ? ASOF_RUN_DONE : ASOF_RUN_FAILED,
		.started_us = started_us,
		.finished_us = now_us,
		.row_count = report->row_count,
		.message = status == ASOF_OK
				   ? asof_arena_printf(arena, "%zu files, before %zu",
						       report->files_after, report->files_before)
				   : message,
		.version = report->version,
	};
	if (!run.id || !run.message)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	return asof_run_record(session, &run, err);
}

/* What was done is on record; nothing done is not worth one. */
static enum asof_status
compact_one(struct asof_session *session, const struct asof_view *view, uint64_t target_bytes,
	    struct asof_json_writer *w, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_compact_report report = { 0 };
	struct asof_error why = { 0 };
	struct asof_error ignored = { 0 }; /* the compaction's own error is the one to tell */
	int64_t started_us = asof_session_now_us(session);
	int64_t start_us = asof_monotonic_us();
	asof_session_stage(session, "compact '%s'", view->name);
	enum asof_status status =
		asof_compact_view(session, view, target_bytes, &arena, &report, &why);
	enum asof_status recorded = ASOF_OK;
	if (status != ASOF_OK || report.moved_file_count > 0 || report.published)
		recorded = record_run(session, view->name, started_us, &report, status, why.message,
				      &arena, status == ASOF_OK ? err : &ignored);
	if (status != ASOF_OK) {
		asof_error_set(err, status, "%s", why.message);
		return ASOF_WRAP(err, status, "compact '%s'", view->name);
	}
	write_compacted(w, view->name, &report, asof_monotonic_us() - start_us);
	return recorded;
}

enum asof_status
asof_compact(struct asof_session *session, const struct asof_compact_options *options,
	     char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	const struct asof_view **views = NULL;
	struct asof_catalog *catalog = NULL;
	size_t count = 0;
	int64_t start_us = asof_monotonic_us();

	ASOF_TRY(asof_session_check_text(session, err));
	uint64_t target_bytes =
		options->target_bytes ? options->target_bytes : session->project->file_bytes;
	ASOF_TRY(asof_session_pick_views(session, options->views, options->view_count, &arena,
					 &views, &count, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(compact_one(session, views[i], target_bytes, &w, err));
	asof_json_end_array(&w);
	asof_json_member_int(&w, "target_bytes", (int64_t)target_bytes);
	asof_json_key_cstr(&w, "seconds");
	asof_json_double(&w, (double)(asof_monotonic_us() - start_us) / 1e6);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
