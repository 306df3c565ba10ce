/* build.c - build views: refuse what breaks readers, then one after the other. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "job/build_view.h"
#include "job/run_record.h"
#include "job/upstream.h"
#include "model/partition.h"

#define ATTEMPTS_MAX 5 /* at publishing while others publish, too */

struct built {
	const struct asof_view *view;
	struct asof_view_build build;
	bool has_begun;    /* by a scan for several */
	bool is_too_large; /* as such a scan found */
	int64_t elapsed_us;
};

struct run {
	struct asof_session *session;
	const struct asof_build_options *options;
	struct asof_arena *arena;
	struct built *built; /* in the order of building */
	size_t count;
};

static void
run_done(struct run *run)
{
	for (size_t i = 0; run->built && i < run->count; i++)
		asof_view_build_done(&run->built[i].build);
}

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

/* Free memory for kernels: what views that wait hold is taken. */
static uint64_t
free_bytes(const struct run *run)
{
	uint64_t bytes = asof_session_kernel_bytes(run->session);
	for (size_t i = 0; i < run->count; i++) {
		uint64_t held = run->built[i].build.tiles
					? asof_tile_build_bytes(run->built[i].build.tiles)
					: 0;
		bytes -= held < bytes ? held : bytes - 1;
	}
	return bytes;
}

/* The builds after `first` that read what it reads, begun; those that cannot be begun now say why
 * when it is their turn. */
static size_t
begin_companions(struct run *run, struct built *first, struct asof_view_build **ret_builds)
{
	size_t count = 0;
	ret_builds[count++] = &first->build;
	for (struct built *b = first + 1; b < run->built + run->count; b++) {
		struct asof_error ignored = { 0 };
		if (b->has_begun || b->view->source != first->view->source ||
		    asof_view_build_begin(run->session, b->view, run->options, run->arena,
					  &b->build, &ignored) != ASOF_OK)
			continue;
		if (asof_view_build_can_share(&first->build, &b->build))
			ret_builds[count++] = &b->build;
	}
	return count;
}

/* All read as of one commit's time, which is later than the last of each. */
static void
share_commit(struct asof_view_build **builds, size_t count)
{
	int64_t now_us = builds[0]->now_us;
	for (size_t i = 1; i < count; i++)
		now_us = builds[i]->now_us > now_us ? builds[i]->now_us : now_us;
	for (size_t i = 0; i < count; i++) {
		builds[i]->now_us = now_us;
		builds[i]->plan.commit_us = now_us;
	}
}

/* One scan for all that read the same. What fails so fails again alone, where it is told. */
static enum asof_status
scan_together(struct run *run, struct built *first, struct asof_error *err)
{
	struct asof_error ignored = { 0 };
	struct asof_view_build **builds = asof_arena_array(run->arena, run->count, sizeof(*builds));
	if (!builds)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", run->count);
	size_t count = begin_companions(run, first, builds);
	if (count == 1)
		return ASOF_OK;
	share_commit(builds, count);
	if (asof_view_build_scan(builds, count, free_bytes(run), &ignored) != ASOF_OK)
		return asof_cancel_check(&run->session->cancel, err);
	for (struct built *b = first; b < run->built + run->count; b++) {
		b->has_begun = b->build.tiles != NULL;
		b->is_too_large = b->build.is_too_large;
	}
	return ASOF_OK;
}

static enum asof_status
build_once(struct run *run, struct built *built, struct asof_error *err)
{
	if (!built->has_begun) {
		ASOF_TRY(asof_versions_sync(run->session, err));
		ASOF_TRY(asof_view_build_begin(run->session, built->view, run->options, run->arena,
					       &built->build, err));
		built->build.is_too_large = built->is_too_large;
		if (asof_view_build_is_by_kernel(&built->build) && !built->is_too_large)
			ASOF_TRY(scan_together(run, built, err));
	}
	built->has_begun = false; /* for another try */
	enum asof_status status = asof_view_build_finish(&built->build, free_bytes(run), err);
	asof_view_build_done(&built->build);
	return status;
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
		.row_count = built->build.report.row_count,
		.message = message,
		.version = built->build.report.version ? built->build.report.version : "",
	};
	if (!run.id)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	return asof_run_record(session, &run, err);
}

static enum asof_status
build_one(struct run *run, struct built *built, struct asof_error *err)
{
	int64_t started_us = asof_session_now_us(run->session);
	int64_t start_us = asof_monotonic_us();
	enum asof_status status = ASOF_CONFLICT;
	struct asof_error why = { 0 };

	asof_session_stage(run->session, "build '%s'", built->view->name);
	for (int i = 0; i < ATTEMPTS_MAX && status == ASOF_CONFLICT; i++)
		status = build_once(run, built, &why);
	built->elapsed_us = asof_monotonic_us() - start_us;

	struct asof_error ignored = { 0 }; /* the build's own error is the one to tell */
	enum asof_status recorded =
		record_run(run->session, built, status,
			   status == ASOF_OK ? built->build.report.reason : why.message, started_us,
			   run->arena, status == ASOF_OK ? err : &ignored);
	if (status != ASOF_OK) {
		asof_error_set(err, status, "%s", why.message);
		return ASOF_WRAP(err, status, "build '%s'", built->view->name);
	}
	return recorded;
}

/* Only where the view has a say in it. */
static enum asof_status
write_partition(struct asof_json_writer *w, const struct built *built, struct asof_error *err)
{
	const struct asof_partition_choice *choice = &built->build.partition;
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	if (!choice->reason || (!built->view->is_partition_auto && choice->count == 0))
		return ASOF_OK;
	asof_partitions_text(choice->partitions, choice->count, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	asof_json_key_cstr(w, "partition");
	asof_json_str(w, asof_buf_view(&text));
	asof_json_member_cstr(w, "partition_reason", choice->reason);
	return ASOF_OK;
}

static enum asof_status
write_built(struct asof_json_writer *w, const struct built *built, struct asof_error *err)
{
	const struct asof_build_report *report = &built->build.report;
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
	if (strcmp(report->mode, "replace") == 0)
		asof_json_member_int(w, "touched", report->touched_count);
	if (strcmp(report->mode, "cursor") == 0)
		asof_json_member_int(w, "late_rows", report->late_row_count);
	if (report->replaced_count > 0)
		asof_json_member_int(w, "files_replaced", (int64_t)report->replaced_count);
	if (report->engine)
		asof_json_member_cstr(w, "engine", report->engine);
	if (report->engine_reason)
		asof_json_member_cstr(w, "engine_reason", report->engine_reason);
	ASOF_TRY(write_partition(w, built, err));
	if (report->quarantine)
		asof_json_member_cstr(w, "quarantine", report->quarantine);
	if (report->upstream)
		asof_json_member_cstr(w, "upstream", report->upstream);
	if (report->upstream_note)
		asof_json_member_cstr(w, "upstream_note", report->upstream_note);
	if (report->warning)
		asof_json_member_cstr(w, "warning", report->warning);
	if (report->compaction)
		asof_json_member_cstr(w, "compaction", report->compaction);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)built->elapsed_us / 1e6);
	asof_json_end_object(w);
	return ASOF_OK;
}

enum asof_status
asof_build_check_options(const struct asof_build_options *options, struct asof_error *err)
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

	ASOF_TRY(asof_build_check_options(options, err));
	ASOF_TRY(asof_session_bind(session, err));
	ASOF_TRY(asof_session_pick_views(session, options->views, options->view_count, &arena,
					 &views, &count, err));
	ASOF_TRY(asof_upstream_order(&views, &count, options->is_with_upstream, &arena, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(refuse_major(session, views, count, &arena, err));
	ASOF_TRY(asof_register_services(session, err));
	ASOF_TRY(asof_register_on_demand(session, err));

	ASOF_AUTO(run_done)
	struct run run = { .session = session, .options = options, .arena = &arena };
	run.built = asof_arena_array(&arena, count, sizeof(*run.built));
	if (!run.built)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", count);
	run.count = count;
	for (size_t i = 0; i < count; i++)
		run.built[i].view = views[i];

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		ASOF_TRY(build_one(&run, &run.built[i], err));
		ASOF_TRY(write_built(&w, &run.built[i], err));
	}
	asof_json_end_array(&w);
	asof_json_key_cstr(&w, "seconds");
	asof_json_double(&w, (double)(asof_monotonic_us() - start_us) / 1e6);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
