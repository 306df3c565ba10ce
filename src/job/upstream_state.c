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

static enum asof_status
settle_on_demand(struct asof_session *session, struct asof_on_demand *on_demand,
		 enum asof_upstream_mode mode, struct asof_error *err)
{
	for (size_t i = 0; i < on_demand->read_count; i++) {
		struct asof_hashed_view *read = &on_demand->reads[i];
		const struct asof_view *view =
			asof_project_view(session->project, asof_str_from(read->name));
		if (!view)
			return ASOF_FAIL(err, ASOF_INTERNAL, "no view '%s'", read->name);
		ASOF_TRY(mode == ASOF_UPSTREAM_TODAY
				 ? hash_of_today(session, view, &read->hash, err)
				 : published_hash(session, view, &read->hash, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_upstream_settle(struct asof_session *session, const struct asof_view *view,
		     enum asof_upstream_mode mode, struct asof_error *err)
{
	const struct asof_view *upstream = asof_upstream_of(view);
	const char *hash = NULL;
	if (view->on_demand)
		return settle_on_demand(session, view->on_demand, mode, err);
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

/* What a version was made from; nothing is read of one that reads no view. */
static enum asof_status
read_cursor(struct asof_session *session, const struct asof_version *version,
	    struct asof_arena *arena, struct asof_cursor *ret_cursor, struct asof_error *err)
{
	struct asof_table_snapshot snapshot;
	*ret_cursor = (struct asof_cursor){ 0 };
	if (!strstr(version->definition_json, "\"view\":"))
		return ASOF_OK;
	ASOF_TRY(asof_version_read_table(session, version, arena, &snapshot, err));
	return asof_cursor_read(
		asof_property_find(snapshot.info, snapshot.info_count, ASOF_INFO_CURSOR), arena,
		ret_cursor, err);
}

enum asof_status
asof_upstream_recorded(struct asof_session *session, const struct asof_version *version,
		       struct asof_arena *arena, const char **ret_version, struct asof_error *err)
{
	struct asof_cursor cursor;
	ASOF_TRY(read_cursor(session, version, arena, &cursor, err));
	*ret_version = cursor.upstream;
	return ASOF_OK;
}

/* A version may have another number and the same rows; or the same, in other files. */
static enum asof_status
has_same_rows(struct asof_session *session, const struct asof_version *version,
	      const struct asof_cursor *cursor, struct asof_arena *arena, bool *ret_has,
	      struct asof_error *err)
{
	struct asof_table_snapshot snapshot;
	const char *text = asof_version_text(version, arena);
	if (!text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", cursor->upstream);
	*ret_has = strcmp(strchr(cursor->upstream, '@') + 1, text) == 0;
	if (*ret_has)
		return ASOF_OK;
	ASOF_TRY(asof_version_read_table(session, version, arena, &snapshot, err));
	size_t skipped = strlen(version->view) + 1;
	*ret_has = snapshot.file_count == cursor->file_count;
	for (size_t i = 0; *ret_has && i < snapshot.file_count; i++)
		*ret_has = strlen(cursor->files[i].name) > skipped &&
			   strcmp(cursor->files[i].name + skipped, snapshot.files[i].name) == 0;
	return ASOF_OK;
}

enum asof_status
asof_upstream_stale(struct asof_session *session, const struct asof_version *version,
		    struct asof_arena *arena, const char **ret_why, struct asof_error *err)
{
	struct asof_cursor cursor;
	struct asof_version current;
	struct asof_error why = { 0 };
	bool is_same = false;
	*ret_why = NULL;
	ASOF_TRY(read_cursor(session, version, arena, &cursor, err));
	const char *at = cursor.upstream ? strchr(cursor.upstream, '@') : NULL;
	if (!at)
		return ASOF_OK;
	const char *name =
		asof_arena_printf(arena, "%.*s", (int)(at - cursor.upstream), cursor.upstream);
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", cursor.upstream);
	enum asof_status status =
		asof_catalog_find_version(session->catalog, name, "", arena, &current, &why);
	if (status == ASOF_NOT_FOUND)
		return ASOF_OK; /* it is gone: what was made of it stays as it is */
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	if (strstr(version->definition_json, current.definition_hash))
		ASOF_TRY(has_same_rows(session, &current, &cursor, arena, &is_same, err));
	if (is_same)
		return asof_upstream_stale(session, &current, arena, ret_why, err);
	const char *text = asof_version_text(&current, arena);
	*ret_why = asof_arena_printf(arena, "upstream '%s' is at %s, not %s", name,
				     text ? text : "", at + 1);
	return *ret_why ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "upstream '%s'", name);
}

#define CHAIN_MAX 64 /* more than definitions may have */

enum asof_status
asof_upstream_chain(struct asof_session *session, const struct asof_version *version,
		    struct asof_arena *arena, const char *const **ret_versions, size_t *ret_count,
		    struct asof_error *err)
{
	const char **versions = asof_arena_array(arena, CHAIN_MAX, sizeof(*versions));
	struct asof_version next = *version;
	struct asof_error ignored = { 0 };
	const char *recorded = NULL;
	*ret_count = 0;
	*ret_versions = versions;
	if (!versions)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "what '%s' is made from", version->view);
	while (*ret_count < CHAIN_MAX &&
	       asof_upstream_recorded(session, &next, arena, &recorded, &ignored) == ASOF_OK &&
	       recorded) {
		const char *at = strchr(recorded, '@');
		const char *name =
			at ? asof_arena_printf(arena, "%.*s", (int)(at - recorded), recorded)
			   : NULL;
		versions[(*ret_count)++] = recorded;
		if (!name || asof_catalog_find_version(session->catalog, name, at + 1, arena, &next,
						       &ignored) != ASOF_OK)
			break;
	}
	return ASOF_OK;
}

/* ---- what readers need ---- */

struct pins {
	struct asof_arena *arena;
	int64_t *items;
	size_t count;
	const char *const *wanted; /* "1.0.3" */
	size_t wanted_count;
};

static enum asof_status
pin_version(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct pins *pins = arg;
	const char *text = asof_version_text(version, pins->arena);
	if (!text)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "versions of '%s'", version->view);
	for (size_t i = 0; i < pins->wanted_count; i++) {
		if (strcmp(text, pins->wanted[i]) == 0)
			pins->items[pins->count++] = version->table_version;
	}
	return ASOF_OK;
}

/* The versions that current ones of readers were made from: "1.0.3". */
static enum asof_status
find_wanted(struct asof_session *session, const char *view, struct asof_arena *arena,
	    const char **wanted, size_t *count, struct asof_error *err)
{
	const struct asof_project *project = session->project;
	for (size_t i = 0; i < project->view_count; i++) {
		const struct asof_view *upstream = asof_upstream_of(&project->views[i]);
		struct asof_version version;
		struct asof_error ignored = { 0 };
		const char *recorded = NULL;
		if (!upstream || strcmp(upstream->name, view) != 0 ||
		    asof_catalog_find_version(session->catalog, project->views[i].name, "", arena,
					      &version, &ignored) != ASOF_OK)
			continue;
		ASOF_TRY(asof_upstream_recorded(session, &version, arena, &recorded, err));
		const char *at = recorded ? strchr(recorded, '@') : NULL;
		if (at)
			wanted[(*count)++] = at + 1;
	}
	return ASOF_OK;
}

enum asof_status
asof_upstream_pins(struct asof_session *session, const char *view, int64_t current,
		   struct asof_arena *arena, const int64_t **ret_pins, size_t *ret_count,
		   struct asof_error *err)
{
	size_t room = session->project->view_count;
	const char **wanted = asof_arena_array(arena, room, sizeof(*wanted));
	struct pins pins = { .arena = arena, .wanted = wanted };
	pins.items = asof_arena_array(arena, room + 1, sizeof(*pins.items));
	if (!wanted || !pins.items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "readers of '%s'", view);
	ASOF_TRY(find_wanted(session, view, arena, wanted, &pins.wanted_count, err));
	if (pins.wanted_count > 0)
		ASOF_TRY(asof_catalog_versions(session->catalog, view, pin_version, &pins, err));
	if (current >= 0)
		pins.items[pins.count++] = current;
	*ret_pins = pins.items;
	*ret_count = pins.count;
	return ASOF_OK;
}

/* ---- what upstream could be ---- */

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
	struct asof_error why = { 0 };
	enum asof_cursor_difference difference;
	const char *changed = NULL;
	bool *is_new = asof_arena_array(arena, bound->file_count, sizeof(*is_new));
	if (!is_new)
		return no_memory(view, err);
	ASOF_TRY(asof_version_read_table(session, version, arena, &snapshot, err));
	enum asof_status status = asof_cursor_of_table(&snapshot, arena, &old, &why);
	*ret_has = status == ASOF_CORRUPT; /* it is built anew */
	if (status != ASOF_OK)
		return *ret_has ? ASOF_OK : ASOF_FAIL(err, status, "%s", why.message);
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
