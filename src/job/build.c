/* build.c - build views: refuse what breaks readers, then one after the other. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "job/build_view.h"

#define ATTEMPTS_MAX 5 /* at publishing while others publish, too */

struct built {
	const struct asof_view *view;
	struct asof_build_report report;
	int64_t elapsed_us;
};

static enum asof_status
refuse_major(struct asof_session *session, const struct asof_view *const *views, size_t count,
	     struct asof_arena *arena, struct asof_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct asof_view_state state;
		ASOF_TRY(asof_view_state_find(session, views[i], arena, &state, err));
		if (state.change == ASOF_VIEW_MAJOR)
			return ASOF_FAIL(err, ASOF_CHECK_FAILED,
					 "view '%s' changes so that readers break (%.*s): "
					 "`asof plan` shows it, `asof apply --yes` accepts it",
					 views[i]->name, (int)strcspn(state.reasons, "\n"),
					 state.reasons);
	}
	return ASOF_OK;
}

static enum asof_status
build_once(struct asof_session *session, const struct asof_view *view,
	   const struct asof_build_options *options, struct asof_arena *arena,
	   struct asof_build_report *ret_report, struct asof_error *err)
{
	struct asof_view_state state;
	ASOF_TRY(asof_versions_sync(session, err));
	ASOF_TRY(asof_view_state_find(session, view, arena, &state, err));
	if (state.change != ASOF_VIEW_SAME)
		ASOF_TRY(asof_view_state_register(session, &state, err));
	return asof_build_view(session, &state, options, arena, ret_report, err);
}

static enum asof_status
record_run(struct asof_session *session, const struct built *built, enum asof_status status,
	   const char *message, int64_t started_us, struct asof_arena *arena,
	   struct asof_error *err)
{
	struct asof_run run = {
		.id = asof_arena_printf(arena, "build-%s-%" PRIx64, built->view->name,
					(uint64_t)started_us),
		.job = "build",
		.name = built->view->name,
		.state = status == ASOF_OK ? ASOF_RUN_DONE : ASOF_RUN_FAILED,
		.started_us = started_us,
		.finished_us = started_us + built->elapsed_us,
		.row_count = built->report.row_count,
		.message = message,
		.version = built->report.version ? built->report.version : "",
	};
	if (!run.id)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	return asof_catalog_put_run(session->catalog, &run, err);
}

static enum asof_status
build_one(struct asof_session *session, struct built *built,
	  const struct asof_build_options *options, struct asof_arena *arena,
	  struct asof_error *err)
{
	int64_t started_us = asof_session_now_us(session);
	int64_t start_us = asof_monotonic_us();
	enum asof_status status = ASOF_CONFLICT;
	struct asof_error why = { 0 };

	asof_session_stage(session, "build '%s'", built->view->name);
	for (int i = 0; i < ATTEMPTS_MAX && status == ASOF_CONFLICT; i++)
		status = build_once(session, built->view, options, arena, &built->report, &why);
	built->elapsed_us = asof_monotonic_us() - start_us;

	struct asof_error ignored = { 0 }; /* the build's own error is the one to tell */
	enum asof_status recorded = record_run(
		session, built, status, status == ASOF_OK ? built->report.reason : why.message,
		started_us, arena, status == ASOF_OK ? err : &ignored);
	if (status != ASOF_OK) {
		asof_error_set(err, status, "%s", why.message);
		return ASOF_WRAP(err, status, "build '%s'", built->view->name);
	}
	return recorded;
}

static void
write_built(struct asof_json_writer *w, const struct built *built)
{
	const struct asof_build_report *report = &built->report;
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", built->view->name);
	asof_json_member_cstr(w, "version", report->version);
	asof_json_member_bool(w, "published", report->is_published);
	asof_json_member_cstr(w, "mode", report->mode);
	asof_json_member_cstr(w, "reason", report->reason);
	asof_json_member_int(w, "rows", report->row_count);
	asof_json_member_int(w, "rows_total", report->total_row_count);
	asof_json_member_int(w, "source_rows", report->source_row_count);
	asof_json_member_int(w, "bad_rows", report->bad_row_count);
	asof_json_member_int(w, "null_key_rows", report->null_key_row_count);
	asof_json_member_int(w, "floored_rows", report->floored_row_count);
	asof_json_member_int(w, "files", (int64_t)report->file_count);
	asof_json_member_int(w, "bytes", (int64_t)report->size_bytes);
	if (report->quarantine)
		asof_json_member_cstr(w, "quarantine", report->quarantine);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)built->elapsed_us / 1e6);
	asof_json_end_object(w);
}

static enum asof_status
check_options(const struct asof_build_options *options, struct asof_error *err)
{
	if (options->has_range && options->is_full)
		return ASOF_FAIL(err, ASOF_INVALID, "a range and everything cannot both be built");
	if (options->has_range && options->from_us >= options->to_us)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "the range is empty: it ends where it begins, "
				 "or before");
	return ASOF_OK;
}

enum asof_status
asof_build(struct asof_session *session, const struct asof_build_options *options, char **ret_json,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	struct asof_catalog *catalog = NULL;
	const struct asof_view **views = NULL;
	size_t count = 0;
	int64_t start_us = asof_monotonic_us();

	ASOF_TRY(check_options(options, err));
	ASOF_TRY(asof_session_bind(session, err));
	ASOF_TRY(asof_session_pick_views(session, options->views, options->view_count, &arena,
					 &views, &count, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(refuse_major(session, views, count, &arena, err));
	ASOF_TRY(asof_register_services(session, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		struct built built = { .view = views[i] };
		ASOF_TRY(build_one(session, &built, options, &arena, err));
		write_built(&w, &built);
	}
	asof_json_end_array(&w);
	asof_json_key_cstr(&w, "seconds");
	asof_json_double(&w, (double)(asof_monotonic_us() - start_us) / 1e6);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
