/* join.c - a training set: features as they were known at the times of a spine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/json_writer.h"
#include "codec/time_text.h"
#include "job/join_run.h"
#include "job/training_sets.h"
#include "job/upstream.h"

/* ---- writing ---- */

/* The kernels, and where they cannot or shall not the reference. */
static enum asof_status
write_part(struct asof_join_run *run, const char *part, struct asof_error *err)
{
	const char *reason = "asked for";
	if (run->is_direct)
		ASOF_TRY(asof_join_direct_check(run, err));
	if (!run->is_sql)
		ASOF_TRY(asof_join_by_kernels(run, part, &reason, err));
	run->is_by_sql = reason != NULL;
	run->reason = reason;
	if (run->is_by_sql)
		ASOF_TRY(asof_join_by_sql(run, !run->is_sql, part, err));
	return asof_fault_point("join.before_rename", err);
}

/* Written beside, then renamed: nobody sees half a file. */
enum asof_status
asof_join_run_write(struct asof_join_run *run, struct asof_error *err)
{
	const char *part = asof_arena_printf(&run->arena, "%s.part-%d", run->out, (int)getpid());
	struct stat info;
	if (!part)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
	enum asof_status status = write_part(run, part, err);
	if (status == ASOF_OK && (rename(part, run->out) != 0 || stat(run->out, &info) != 0))
		status = ASOF_FAIL(err, ASOF_IO, "rename to '%s': %s", run->out, strerror(errno));
	if (status != ASOF_OK) {
		(void)unlink(part);
		return status;
	}
	run->size_bytes = (uint64_t)info.st_size;
	return ASOF_OK;
}

enum asof_status
asof_join_stage_add(struct asof_join_run *run, const char *name, const char *view, int64_t start_us,
		    uint64_t row_count, uint64_t bytes, struct asof_error *err)
{
	int64_t elapsed_us = asof_monotonic_us() - start_us;
	for (size_t i = 0; i < run->stage_count; i++) {
		struct asof_join_stage *stage = &run->stages[i];
		if (stage->view != view || strcmp(stage->name, name) != 0)
			continue;
		stage->elapsed_us += elapsed_us;
		stage->row_count += row_count;
		stage->bytes = bytes > stage->bytes ? bytes : stage->bytes;
		return ASOF_OK;
	}
	struct asof_join_stage *stages =
		asof_arena_array(&run->arena, run->stage_count + 1, sizeof(*stages));
	if (!stages)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
	if (run->stage_count > 0)
		memcpy(stages, run->stages, run->stage_count * sizeof(*stages));
	stages[run->stage_count++] =
		(struct asof_join_stage){ name, view, elapsed_us, row_count, bytes };
	run->stages = stages;
	return ASOF_OK;
}

/* ---- the report ---- */

/* --known-at between two steps of a view whose tiles hold what was created. */
static void
note_rounding(struct asof_json_writer *w, const struct asof_join_run *run,
	      const struct asof_view *view)
{
	int64_t known_us = asof_plan_known_us(&run->plan, view);
	if (run->manifest.known_at != ASOF_KNOWN_AT_TIME || known_us == run->manifest.known_at_us)
		return;
	char text[ASOF_TIME_TEXT_MAX];
	size_t len = asof_timestamp_text(known_us, text);
	ASOF_AUTO(asof_buf_done) struct asof_buf note = ASOF_BUF(512);
	asof_buf_printf(&note, "view '%s': --known-at was rounded down to its step, to %.*s",
			view->name, (int)len, text);
	asof_json_cstr(w, asof_buf_cstr(&note));
}

static void
note_direct(struct asof_json_writer *w, const struct asof_join_run *run, size_t index)
{
	const struct asof_join_direct *direct = &run->directs[index];
	const struct asof_view *view = run->tables[index].view;
	ASOF_AUTO(asof_buf_done) struct asof_buf note = ASOF_BUF(1024);
	if (run->manifest.known_at != ASOF_KNOWN_AT_NONE && direct->is_always_known) {
		asof_buf_printf(&note,
				"view '%s': source '%s' has no created_time, so that --known-at "
				"hides nothing of it in a direct join",
				view->name, view->source->name);
		asof_json_cstr(w, asof_buf_cstr(&note));
		asof_buf_clear(&note);
	}
	if (direct->bad_row_count > 0) {
		asof_buf_printf(&note,
				"source '%s': %" PRId64 " rows without event_time were passed over",
				view->source->name, direct->bad_row_count);
		asof_json_cstr(w, asof_buf_cstr(&note));
	}
}

/* Repeated, and yet another file came out? */
static bool
is_other(const struct asof_join_run *run)
{
	return run->is_repeated &&
	       !asof_file_digest_equal(&run->repeated, &run->manifest.result_digest);
}

static void
write_notes(struct asof_json_writer *w, const struct asof_join_run *run)
{
	asof_json_key_cstr(w, "notes");
	asof_json_begin_array(w);
	for (size_t i = 0; i < run->table_count; i++) {
		note_rounding(w, run, run->tables[i].view);
		if (run->is_direct)
			note_direct(w, run, i);
	}
	if (is_other(run))
		asof_json_cstr(w, "the file is not byte for byte the one that the manifest was "
				  "made beside");
	if (run->has_changed_files)
		asof_json_cstr(w, "files of the sources have changed since the manifest was made");
	if (run->is_by_sql && !run->is_sql && run->row_count > 0) {
		ASOF_AUTO(asof_buf_done) struct asof_buf note = ASOF_BUF(1024);
		asof_buf_printf(&note, "joined by the reference SQL: %s", run->reason);
		asof_json_cstr(w, asof_buf_cstr(&note));
	}
	asof_json_end_array(w);
}

void
asof_join_write_version(struct asof_json_writer *w, const struct asof_join_run *run, size_t index)
{
	asof_json_member_cstr(w, "view", run->tables[index].version->view);
	asof_json_key_cstr(w, "version");
	if (run->is_direct)
		asof_json_null(w);
	else
		asof_json_cstr(w, run->tables[index].version_text);
}

static void
write_report(struct asof_json_writer *w, const struct asof_join_run *run, int64_t elapsed_us)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "out", run->options->out);
	asof_json_member_int(w, "rows", run->row_count);
	size_t shown = asof_join_shown_count(run);
	asof_json_member_int(w, "columns", (int64_t)(run->spine.field_count + shown));
	asof_json_member_int(w, "features", (int64_t)shown);
	asof_json_member_int(w, "bytes", (int64_t)run->size_bytes);
	if (run->is_repeated)
		asof_json_member_bool(w, "same_bytes", !is_other(run));
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < run->table_count; i++) {
		asof_json_begin_object(w);
		asof_join_write_version(w, run, i);
		asof_json_member_int(w, "matched", run->matched[i]);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
	write_notes(w, run);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)elapsed_us / 1e6);
	asof_json_end_object(w);
}

/* For the manifest: versions of views that the joined ones were made from. */
static enum asof_status
find_upstream(struct asof_join_run *run, struct asof_error *err)
{
	for (size_t i = 0; !run->is_direct && i < run->table_count; i++) {
		struct asof_version_table *table = &run->tables[i];
		ASOF_TRY(asof_upstream_chain(run->session, table->version, &run->arena,
					     &table->upstream, &table->upstream_count, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_join(struct asof_session *session, const struct asof_join_options *options, char **ret_json,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_join_run_done)
	struct asof_join_run run = { .session = session, .options = options };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(asof_join_run_open(&run, true, err));
	ASOF_TRY(asof_file_digest(run.spine.path, &session->cancel, &run.manifest.spine_digest,
				  err));
	ASOF_TRY(asof_join_run_write(&run, err));
	ASOF_TRY(asof_file_digest(run.out, &session->cancel, &run.manifest.result_digest, err));
	run.manifest.has_digests = true;
	ASOF_TRY(find_upstream(&run, err));
	const struct asof_version_table *tables = NULL;
	size_t table_count = 0;
	ASOF_TRY(asof_join_all_views(&run, &tables, &table_count, err));
	ASOF_TRY(asof_manifest_write(&run.manifest, tables, table_count, run.out, run.row_count,
				     asof_session_now_us(session), &run.arena, err));
	if (!run.is_direct) /* which needs no catalog */
		ASOF_TRY(asof_training_set_record(session, &run.manifest, tables, table_count,
						  run.out, run.row_count, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	write_report(&w, &run, asof_monotonic_us() - start_us);
	return asof_result_text(&json, ret_json, err);
}
