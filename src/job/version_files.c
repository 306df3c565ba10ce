/* version_files.c - the table of a published version, if its files are still there. */
#include "job/version_files.h"

#include "job/checkpoint.h"
#include "job/versions.h"

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

static enum asof_status
fail_vacuumed(struct asof_session *session, const struct asof_version *version,
	      const struct asof_map *names, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(kept_done)
	struct kept kept = { .session = session, .names = names, .text = ASOF_BUF(256) };
	ASOF_TRY(asof_catalog_versions(session->catalog, version->view, note_kept, &kept, err));
	const char *text = asof_version_text(version, &arena);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "version %s was vacuumed (kept: %s)",
			 text ? text : "", kept.text.len ? asof_buf_cstr(&kept.text) : "none");
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
