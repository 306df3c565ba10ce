/* upstream_state.c - what reading a view makes of its reader: its hash, and whether it is behind.
 */
#include "job/cursor.h"
#include "job/upstream.h"
#include "job/version_files.h"
#include "model/hash.h"

static enum asof_status
no_memory(const struct asof_view *view, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", view->name);
}

/* ---- the hash ---- */

static enum asof_status
hash_of_today(struct asof_session *session, const struct asof_view *view, const char **ret_hash,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(16u << 20);
	char hash[33];
	ASOF_TRY(asof_upstream_settle(session, view, ASOF_UPSTREAM_TODAY, err));
	ASOF_TRY(asof_define_canonical(session->project, view, true, &text, err));
	asof_hash128_text(asof_buf_view(&text), hash);
	*ret_hash = asof_arena_copy(&session->arena, asof_str_from(hash));
	return *ret_hash ? ASOF_OK : no_memory(view, err);
}

static enum asof_status
published_hash(struct asof_session *session, const struct asof_view *view, const char **ret_hash,
	       struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	struct asof_version version;
	struct asof_error why = { 0 };
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	enum asof_status status =
		asof_catalog_find_version(catalog, view->name, "", &session->arena, &version, &why);
	if (status == ASOF_NOT_FOUND)
		return hash_of_today(session, view, ret_hash, err);
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	*ret_hash = version.definition_hash;
	return ASOF_OK;
}

enum asof_status
asof_upstream_settle(struct asof_session *session, const struct asof_view *view,
		     enum asof_upstream_mode mode, struct asof_error *err)
{
	const struct asof_view *upstream = asof_upstream_of(view);
	const char *hash = NULL;
	if (!upstream)
		return ASOF_OK;
	if (mode == ASOF_UPSTREAM_TODAY)
		ASOF_TRY(hash_of_today(session, upstream, &hash, err));
	else
		ASOF_TRY(published_hash(session, upstream, &hash, err));
	struct asof_project *project = session->project;
	project->sources[view->source - project->sources].upstream_hash = hash;
	return ASOF_OK;
}

/* ---- behind or not ---- */

enum asof_status
asof_upstream_recorded(struct asof_session *session, const struct asof_version *version,
		       struct asof_arena *arena, const char **ret_version, struct asof_error *err)
{
	struct asof_table_snapshot snapshot;
	struct asof_cursor cursor;
	*ret_version = NULL;
	/* Only who reads a view pays for looking at the log. */
	if (!strstr(version->definition_json, "\"view\":"))
		return ASOF_OK;
	ASOF_TRY(asof_version_read_table(session, version, arena, &snapshot, err));
	ASOF_TRY(asof_cursor_read(
		asof_property_find(snapshot.info, snapshot.info_count, ASOF_INFO_CURSOR), arena,
		&cursor, err));
	*ret_version = cursor.upstream;
	return ASOF_OK;
}

enum asof_status
asof_upstream_stale(struct asof_session *session, const struct asof_version *version,
		    struct asof_arena *arena, const char **ret_why, struct asof_error *err)
{
	const char *recorded = NULL;
	struct asof_version current;
	struct asof_error why = { 0 };
	*ret_why = NULL;
	ASOF_TRY(asof_upstream_recorded(session, version, arena, &recorded, err));
	const char *at = recorded ? strchr(recorded, '@') : NULL;
	if (!at)
		return ASOF_OK;
	const char *name = asof_arena_printf(arena, "%.*s", (int)(at - recorded), recorded);
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", recorded);
	enum asof_status status =
		asof_catalog_find_version(session->catalog, name, "", arena, &current, &why);
	if (status == ASOF_NOT_FOUND)
		return ASOF_OK; /* it is gone: what was made of it stays as it is */
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	const char *text = asof_version_text(&current, arena);
	if (text && strcmp(text, at + 1) != 0)
		*ret_why = asof_arena_printf(arena, "upstream '%s' is at %s, not %s", name, text,
					     at + 1);
	else if (text)
		return asof_upstream_stale(session, &current, arena, ret_why, err);
	return ASOF_OK;
}

/* Has the upstream's own source other files than its current version was made from? */
static enum asof_status
has_new_files(struct asof_session *session, const struct asof_view *view,
	      const struct asof_version *version, struct asof_arena *arena, bool *ret_has,
	      struct asof_error *err)
{
	const struct asof_bound_source *bound =
		&session->bound[view->source - session->project->sources];
	struct asof_table_snapshot snapshot;
	struct asof_cursor old;
	struct asof_cursor now;
	enum asof_cursor_difference difference;
	const char *changed = NULL;
	bool *is_new = asof_arena_array(arena, bound->file_count, sizeof(*is_new));
	if (!is_new)
		return no_memory(view, err);
	ASOF_TRY(asof_version_read_table(session, version, arena, &snapshot, err));
	ASOF_TRY(asof_cursor_read(
		asof_property_find(snapshot.info, snapshot.info_count, ASOF_INFO_CURSOR), arena,
		&old, err));
	ASOF_TRY(asof_cursor_compare(&old, bound->files, bound->file_count, arena, &now, is_new,
				     &difference, &changed, err));
	*ret_has = difference != ASOF_CURSOR_SAME;
	return ASOF_OK;
}

enum asof_status
asof_upstream_behind(struct asof_session *session, const struct asof_view *view,
		     struct asof_arena *arena, const char **ret_why, struct asof_error *err)
{
	const struct asof_view *upstream = asof_upstream_of(view);
	struct asof_catalog *catalog = NULL;
	struct asof_version version;
	struct asof_error ignored = { 0 };
	const char *today = NULL;
	const char *why = NULL;
	bool has_new = false;
	*ret_why = NULL;
	if (!upstream)
		return ASOF_OK;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	if (asof_catalog_find_version(catalog, upstream->name, "", arena, &version, &ignored) !=
	    ASOF_OK)
		return ASOF_OK; /* told where it is read */
	ASOF_TRY(hash_of_today(session, upstream, &today, err));
	if (strcmp(today, version.definition_hash) != 0)
		why = "its definition has changed since it was built";
	else if (upstream->source->kind == ASOF_SOURCE_VIEW)
		ASOF_TRY(asof_upstream_stale(session, &version, arena, &why, err));
	else
		ASOF_TRY(has_new_files(session, upstream, &version, arena, &has_new, err));
	if (has_new)
		why = "its source has other files since it was built";
	if (!why)
		return ASOF_OK;
	*ret_why = asof_arena_printf(arena,
				     "upstream '%s' is stale (%s): `asof build %s "
				     "--upstream` builds it first",
				     upstream->name, why, view->name);
	return *ret_why ? ASOF_OK : no_memory(upstream, err);
}
