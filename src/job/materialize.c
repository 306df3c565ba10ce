/* materialize.c - offline to online: the current versions of views, at one instant. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "codec/time_text.h"
#include "job/materialize_view.h"
#include "job/run_record.h"

struct materialized {
	const struct asof_version *version;
	struct asof_materialize_report report;
	int64_t elapsed_us;
};

static const char *
message_of(const struct materialized *m, struct asof_arena *arena)
{
	if (!m->report.is_written)
		return "what is online is newer";
	if (m->report.resumed_rows == 0)
		return "written";
	return asof_arena_printf(
		arena, "written, %" PRId64 " of the rows by a run that was killed or interrupted",
		m->report.resumed_rows);
}

static enum asof_status
record(struct asof_session *session, const struct materialized *m, int64_t at_us,
       int64_t started_us, struct asof_arena *arena, struct asof_error *err)
{
	struct asof_materialization materialization = { .view = m->version->view,
							.version = m->report.version,
							.at_us = at_us,
							.row_count = m->report.row_count,
							.done_us = started_us + m->elapsed_us };
	struct asof_run run = {
		.id = asof_arena_printf(arena, "materialize-%s-%" PRIx64, m->version->view,
					(uint64_t)started_us),
		.job = "materialize",
		.name = m->version->view,
		.state = ASOF_RUN_DONE,
		.started_us = started_us,
		.finished_us = started_us + m->elapsed_us,
		.row_count = m->report.row_count,
		.message = message_of(m, arena),
		.version = m->report.version,
	};
	if (!run.id || !run.message)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	if (m->report.is_written)
		ASOF_TRY(asof_catalog_put_materialization(session->catalog, &materialization, err));
	return asof_run_record(session, &run, err);
}

static enum asof_status
materialize_one(struct asof_session *session, struct materialized *m, int64_t at_us,
		struct asof_arena *arena, struct asof_error *err)
{
	int64_t started_us = asof_session_now_us(session);
	int64_t start_us = asof_monotonic_us();
	asof_session_stage(session, "materialize '%s'", m->version->view);
	enum asof_status status =
		asof_materialize_view(session, m->version, at_us, arena, &m->report, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "materialize '%s'", m->version->view);
	m->elapsed_us = asof_monotonic_us() - start_us;
	return record(session, m, at_us, started_us, arena, err);
}

static void
write_one(struct asof_json_writer *w, const struct materialized *m)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", m->version->view);
	asof_json_member_cstr(w, "version", m->report.version);
	asof_json_member_bool(w, "written", m->report.is_written);
	asof_json_member_int(w, "rows", m->report.row_count);
	asof_json_member_int(w, "resumed_rows", m->report.resumed_rows);
	asof_json_member_int(w, "bytes", (int64_t)m->report.size_bytes);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)m->elapsed_us / 1e6);
	asof_json_end_object(w);
}

static enum asof_status
pick_versions(struct asof_session *session, const struct asof_materialize_options *options,
	      const struct asof_version_set *set, struct asof_arena *arena,
	      const struct asof_version ***ret_versions, size_t *ret_count, struct asof_error *err)
{
	const struct asof_view **views = NULL;
	size_t count = 0;
	ASOF_TRY(asof_session_pick_views(session, options->views, options->view_count, arena,
					 &views, &count, err));
	const struct asof_version **versions = asof_arena_array(arena, count, sizeof(*versions));
	if (!versions)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", count);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(asof_version_set_find(set, views[i]->name, NULL, false, 0, &versions[i],
					       err));
	*ret_versions = versions;
	*ret_count = count;
	return ASOF_OK;
}

enum asof_status
asof_materialize(struct asof_session *session, const struct asof_materialize_options *options,
		 char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	const struct asof_version **versions = NULL;
	size_t count = 0;
	char at[ASOF_TIME_TEXT_MAX];
	int64_t at_us = options->has_at ? options->at_us : asof_session_now_us(session);

	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	ASOF_TRY(pick_versions(session, options, &set, &arena, &versions, &count, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_str(&w, "at", (struct asof_str){ at, asof_timestamp_text(at_us, at) });
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		struct materialized m = { .version = versions[i] };
		ASOF_TRY(materialize_one(session, &m, at_us, &arena, err));
		write_one(&w, &m);
	}
	asof_json_end_array(&w);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
