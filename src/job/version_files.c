/* version_files.c - the table of a published version, if its files are still there. */
#include "job/version_files.h"

#include <inttypes.h>

#include "codec/time_text.h"
#include "job/checkpoint.h"
#include "job/versions.h"

#define RUNS_MAX 10000

struct kept {
	struct asof_session *session;
	const struct asof_map *names; /* of the files that are there */
	struct asof_buf text;
};

static void
kept_done(struct kept *kept)
{
	asof_buf_done(&kept->text);
}

/* Can it be read from what is there? ASOF_NOT_FOUND: not any more. */
static enum asof_status
read_whole(struct asof_session *session, const struct asof_version *version,
	   const struct asof_map *names, struct asof_arena *arena,
	   struct asof_table_snapshot *ret_snapshot, struct asof_error *err)
{
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	ASOF_TRY(asof_table_read_by(session->lake, version->view, version->table_version, &io,
				    arena, ret_snapshot, err));
	const char *missing = names ? asof_table_find_missing(ret_snapshot, names) : NULL;
	if (missing)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "file '%s' is gone", missing);
	return ASOF_OK;
}

static enum asof_status
note_kept(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct kept *kept = arg;
	struct asof_table_snapshot snapshot;
	struct asof_error why = { 0 };
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	enum asof_status status =
		read_whole(kept->session, version, kept->names, &arena, &snapshot, &why);
	if (status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, status, "%s", why.message);
	const char *text = status == ASOF_OK ? asof_version_text(version, &arena) : NULL;
	if (text)
		asof_buf_printf(&kept->text, "%s%s", kept->text.len ? ", " : "", text);
	return ASOF_OK;
}

/* The last vacuum of the view that is on record. */
struct vacuumed {
	const char *view;
	int64_t at_us; /* 0: none */
};

static enum asof_status
note_vacuum(void *arg, const struct asof_run *run, struct asof_error *err)
{
	struct vacuumed *vacuumed = arg;
	(void)err;
	if (vacuumed->at_us == 0 && strcmp(run->job, "vacuum") == 0 &&
	    strcmp(run->name, vacuumed->view) == 0)
		vacuumed->at_us = run->finished_us;
	return ASOF_OK;
}

/* ": 2 of its 3 files are gone, as 'part-1.parquet'", or its entry of the log. */
static void
add_missing(struct asof_session *session, const struct asof_version *version,
	    const struct asof_map *names, struct asof_arena *arena, struct asof_buf *text)
{
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	struct asof_table_snapshot snapshot;
	size_t count = 0;
	if (asof_table_read_by(session->lake, version->view, version->table_version, &io, arena,
			       &snapshot, NULL) != ASOF_OK) {
		asof_buf_printf(text,
				": version %" PRId64 " of its table is not in the log any more",
				version->table_version);
		return;
	}
	for (size_t i = 0; i < snapshot.file_count; i++)
		count += !asof_map_find(names, asof_str_from(snapshot.files[i].name), NULL);
	if (count == 0)
		return;
	asof_buf_printf(text, ": %zu of its %zu files %s gone, the first '%s/%s'", count,
			snapshot.file_count, count == 1 ? "is" : "are", version->view,
			asof_table_find_missing(&snapshot, names));
}

static enum asof_status
fail_vacuumed(struct asof_session *session, const struct asof_version *version,
	      const struct asof_map *names, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf missing = ASOF_BUF(1024);
	ASOF_AUTO(kept_done)
	struct kept kept = { .session = session, .names = names, .text = ASOF_BUF(256) };
	struct vacuumed vacuumed = { .view = version->view };
	ASOF_TRY(asof_catalog_versions(session->catalog, version->view, note_kept, &kept, err));
	ASOF_TRY(asof_catalog_runs(session->catalog, RUNS_MAX, note_vacuum, &vacuumed, err));
	const char *text = asof_version_text(version, &arena);
	add_missing(session, version, names, &arena, &missing);
	if (vacuumed.at_us > 0) {
		char time[ASOF_TIME_TEXT_MAX];
		int len = (int)asof_timestamp_text(vacuumed.at_us, time);
		asof_buf_printf(&missing, "; last vacuum at %.*s", len, time);
	}
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "version %s was vacuumed (kept: %s)%s",
			 text ? text : "", kept.text.len ? asof_buf_cstr(&kept.text) : "none",
			 asof_buf_cstr(&missing));
}

enum asof_status
asof_version_read_table(struct asof_session *session, const struct asof_version *version,
			struct asof_arena *arena, struct asof_table_snapshot *ret_snapshot,
			struct asof_error *err)
{
	struct asof_blob *lake = NULL;
	ASOF_AUTO(asof_map_done) struct asof_map names = { 0 };
	ASOF_TRY(asof_session_lake(session, &lake, err));
	if (!version->is_current)
		ASOF_TRY(asof_table_list_files(lake, version->view, &names, err));
	enum asof_status status = read_whole(session, version, version->is_current ? NULL : &names,
					     arena, ret_snapshot, err);
	if (status != ASOF_NOT_FOUND || version->is_current)
		return status;
	return fail_vacuumed(session, version, &names, err);
}
