/* rollback.c - which published version of a view is the current one. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json_writer.h"
#include "job/run_record.h"
#include "job/version_set.h"

/* The name in front of '@', and what stands behind it. */
static enum asof_status
split(const char *text, struct asof_arena *arena, const char **ret_name, const char **ret_wanted,
      struct asof_error *err)
{
	const char *at = strchr(text, '@');
	if (!at || at == text || !at[1])
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s' names no version: like departures@1.0.3 (see `asof list "
				 "versions`)",
				 text);
	*ret_name = asof_arena_copy(arena, (struct asof_str){ text, (size_t)(at - text) });
	*ret_wanted = at + 1;
	return *ret_name ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
}

/* Runs are the history of what was current. */
static enum asof_status
record(struct asof_session *session, const struct asof_version *version, const char *from,
       const char *to, struct asof_error *err)
{
	char id[64];
	char message[128];
	int64_t now_us = asof_session_now_us(session);
	(void)snprintf(id, sizeof(id), "%" PRIx64 "-rollback-%" PRIx64, (uint64_t)now_us,
		       (uint64_t)asof_monotonic_us());
	(void)snprintf(message, sizeof(message), "current was %s", from);
	const struct asof_run run = { .id = id,
				      .job = "rollback",
				      .name = version->view,
				      .state = ASOF_RUN_DONE,
				      .started_us = now_us,
				      .finished_us = now_us,
				      .row_count = version->row_count,
				      .message = message,
				      .version = to };
	return asof_run_record(session, &run, err);
}

enum asof_status
asof_rollback(struct asof_session *session, const char *name_and_version, char **ret_json,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	const char *name = NULL;
	const char *wanted = NULL;
	const struct asof_version *version = NULL;
	ASOF_TRY(split(name_and_version, &arena, &name, &wanted, err));
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));
	if (strcmp(session->project->catalog, "memory") == 0)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "'catalog: memory' does not keep which version is current: use "
				 "sqlite:FILE or postgres://USER@HOST/DATABASE");
	ASOF_TRY(asof_version_set_find(&set, name, wanted, false, 0, &version, err));

	const struct asof_version *current = asof_version_set_current(&set, name);
	const char *from = current ? asof_version_text(current, &arena) : "none";
	const char *to = asof_version_text(version, &arena);
	if (!from || !to)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
	if (!version->is_current) {
		ASOF_TRY(asof_catalog_set_current(session->catalog, name, version->major,
						  version->minor, version->patch, err));
		ASOF_TRY(record(session, version, from, to, err));
	}
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "view", name);
	asof_json_member_cstr(&w, "from", from);
	asof_json_member_cstr(&w, "to", to);
	asof_json_member_bool(&w, "moved", !version->is_current);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
