#include "job/versions.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "job/upstream.h"
#include "model/hash.h"

const char *
asof_version_text(const struct asof_version *version, struct asof_arena *arena)
{
	return asof_arena_printf(arena, "%" PRId32 ".%" PRId32 ".%" PRId32, version->major,
				 version->minor, version->patch);
}

bool
asof_version_parse(const char *text, int32_t *ret_major, int32_t *ret_minor, int32_t *ret_patch)
{
	int32_t *const parts[] = { ret_major, ret_minor, ret_patch };
	for (size_t i = 0; i < ASOF_COUNTOF(parts); i++) {
		size_t len = strcspn(text, ".");
		uint64_t value;
		if (!asof_uint64_parse((struct asof_str){ text, len }, &value) || value > INT32_MAX)
			return false;
		*parts[i] = (int32_t)value;
		text += len;
		if (i < 2 && *text++ != '.')
			return false;
	}
	return *text == '\0';
}

/* Commits of a table that the catalog has not heard of, newest first. */
struct unheard {
	struct asof_catalog *catalog;
	struct asof_arena *arena;
	const char *view;
	struct asof_version *items;
	size_t count;
	size_t capacity;
	bool is_known; /* the last one visited is in the catalog: no need to go on */
	/* A version that the catalog knows, and whose rows have moved since. */
	struct asof_version moved;
	bool has_moved;
};

static void
unheard_done(struct unheard *unheard)
{
	asof_mem_free(unheard->items);
}

static const char *
keep(struct asof_arena *arena, const char *text)
{
	return asof_arena_copy(arena, asof_str_from(text ? text : ""));
}

/* The newest commit of a version is the one that counts. */
static bool
is_heard(const struct unheard *unheard, const struct asof_version *version)
{
	if (unheard->count == 0)
		return false;
	const struct asof_version *last = &unheard->items[unheard->count - 1];
	return last->major == version->major && last->minor == version->minor &&
	       last->patch == version->patch;
}

/* A commit of a version that the catalog has: where its rows stand now, or what was known. */
static enum asof_status
meet_known(struct unheard *unheard, const struct asof_version *version,
	   const struct asof_version *known, struct asof_error *err)
{
	if (version->table_version <= known->table_version) {
		unheard->is_known = true;
		return ASOF_FAIL(err, ASOF_CANCELLED, "known from here on");
	}
	if (!unheard->has_moved)
		unheard->moved = *version;
	unheard->has_moved = true;
	return ASOF_OK;
}

static enum asof_status
hear(void *arg, int64_t table_version, int64_t committed_us, const char *operation,
     const struct asof_property *info, size_t info_count, struct asof_error *err)
{
	struct unheard *unheard = arg;
	(void)operation;
	const char *text = asof_property_find(info, info_count, ASOF_INFO_VERSION);
	const char *rows = asof_property_find(info, info_count, ASOF_INFO_ROWS);
	const char *moved = asof_property_find(info, info_count, ASOF_INFO_MOVED);
	struct asof_version version = { .view = unheard->view,
					.table_version = table_version,
					.published_us = committed_us,
					.is_current = true };
	if (!text || !asof_version_parse(text, &version.major, &version.minor, &version.patch))
		return ASOF_OK; /* not a commit of a build */
	if (moved)
		(void)asof_int64_parse(asof_str_from(moved), &version.published_us);
	if (is_heard(unheard, &version))
		return ASOF_OK;

	struct asof_version found;
	struct asof_error why = { 0 };
	enum asof_status status = asof_catalog_find_version(unheard->catalog, unheard->view, text,
							    unheard->arena, &found, &why);
	if (status == ASOF_OK)
		return meet_known(unheard, &version, &found, err);
	if (status != ASOF_NOT_FOUND)
		return ASOF_FAIL(err, status, "%s", why.message);
	version.definition_hash =
		keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_HASH));
	version.definition_json =
		keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_DEFINITION));
	version.run_id = keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_RUN));
	version.tag = keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_TAG));
	version.made_by =
		keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_MADE_BY));
	version.reason =
		keep(unheard->arena, asof_property_find(info, info_count, ASOF_INFO_REASON));
	if (!version.definition_hash || !version.definition_json || !version.run_id ||
	    !version.tag || !version.made_by || !version.reason)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version %s", text);
	if (rows)
		(void)asof_int64_parse(asof_str_from(rows), &version.row_count);

	void *items = unheard->items;
	ASOF_TRY(asof_mem_reserve(&items, &unheard->capacity, unheard->count + 1,
				  sizeof(*unheard->items), err));
	unheard->items = items;
	unheard->items[unheard->count++] = version;
	return ASOF_OK;
}

struct registered {
	struct asof_arena *arena;
	const char *name;
	bool is_found;
	struct asof_definition definition;
};

static enum asof_status
take_definition(void *arg, const struct asof_definition *definition, struct asof_error *err)
{
	struct registered *registered = arg;
	if (strcmp(definition->name, registered->name) != 0)
		return ASOF_OK;
	registered->is_found = true;
	registered->definition = *definition;
	registered->definition.kind = keep(registered->arena, definition->kind);
	registered->definition.name = keep(registered->arena, definition->name);
	registered->definition.hash = keep(registered->arena, definition->hash);
	registered->definition.json = keep(registered->arena, definition->json);
	if (!registered->definition.json || !registered->definition.hash)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition of '%s'", definition->name);
	return ASOF_OK;
}

static enum asof_status
find_registered(struct asof_catalog *catalog, const char *view, struct asof_arena *arena,
		struct registered *ret_registered, struct asof_error *err)
{
	*ret_registered = (struct registered){ .arena = arena, .name = view };
	return asof_catalog_definitions(catalog, "view", take_definition, ret_registered, err);
}

static enum asof_status
sync_view(struct asof_session *session, struct asof_blob *lake, const char *view,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(unheard_done)
	struct unheard unheard = { .catalog = session->catalog, .arena = &arena, .view = view };
	struct asof_error why = { 0 };
	enum asof_status status = asof_table_history(lake, view, hear, &unheard, &why);
	if (status != ASOF_OK && !unheard.is_known)
		return ASOF_FAIL(err, status, "%s", why.message);
	if (unheard.has_moved)
		ASOF_TRY(asof_catalog_move_version(session->catalog, view, unheard.moved.major,
						   unheard.moved.minor, unheard.moved.patch,
						   unheard.moved.table_version, err));
	if (unheard.count == 0)
		return ASOF_OK;

	for (size_t i = unheard.count; i-- > 0;)
		ASOF_TRY(asof_catalog_publish(session->catalog, &unheard.items[i], err));
	struct registered registered;
	ASOF_TRY(find_registered(session->catalog, view, &arena, &registered, err));
	if (registered.is_found)
		return ASOF_OK;
	const struct asof_version *newest = &unheard.items[0];
	struct asof_definition definition = { .kind = "view",
					      .name = view,
					      .hash = newest->definition_hash,
					      .json = newest->definition_json,
					      .major = newest->major,
					      .minor = newest->minor,
					      .registered_us = newest->published_us };
	return asof_catalog_define(session->catalog, &definition, 1, NULL, 0, err);
}

enum asof_status
asof_versions_sync(struct asof_session *session, struct asof_error *err)
{
	struct asof_blob *lake = NULL;
	ASOF_TRY(asof_session_lake(session, &lake, err));
	for (size_t i = 0; i < session->project->view_count; i++) {
		const char *view = session->project->views[i].name;
		enum asof_status status = sync_view(session, lake, view, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "look at the lake's '%s'", view);
	}
	return ASOF_OK;
}

/* Of all published versions of a view the last commit, whatever its number, and the current one. */
struct published {
	struct asof_arena *arena;
	struct asof_version newest;
	struct asof_version current;
	bool has_newest;
	bool has_current;
	bool is_stored; /* versions without a table are nothing to go on from */
};

enum asof_status
asof_version_copy(struct asof_arena *arena, const struct asof_version *from,
		  struct asof_version *ret_to, struct asof_error *err)
{
	*ret_to = *from;
	ret_to->view = keep(arena, from->view);
	ret_to->definition_hash = keep(arena, from->definition_hash);
	ret_to->definition_json = keep(arena, from->definition_json);
	ret_to->run_id = keep(arena, from->run_id);
	ret_to->tag = keep(arena, from->tag);
	ret_to->made_by = keep(arena, from->made_by);
	ret_to->reason = keep(arena, from->reason);
	if (!ret_to->view || !ret_to->definition_hash || !ret_to->definition_json ||
	    !ret_to->run_id || !ret_to->tag || !ret_to->made_by || !ret_to->reason)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "version of '%s'", from->view);
	return ASOF_OK;
}

static enum asof_status
take_published(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct published *published = arg;
	if (published->is_stored && asof_version_is_on_demand(version))
		return ASOF_OK;
	if (!published->has_newest || version->table_version > published->newest.table_version) {
		ASOF_TRY(asof_version_copy(published->arena, version, &published->newest, err));
		published->has_newest = true;
	}
	if (version->is_current) {
		ASOF_TRY(asof_version_copy(published->arena, version, &published->current, err));
		published->has_current = true;
	}
	return ASOF_OK;
}

struct numbers {
	int32_t major;
	int32_t minor;
	int32_t max_major;
	int32_t max_minor; /* in `major` */
	int32_t max_patch; /* in `major.minor` */
};

static enum asof_status
take_numbers(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct numbers *numbers = arg;
	(void)err;
	if (version->major > numbers->max_major)
		numbers->max_major = version->major;
	if (version->major == numbers->major && version->minor > numbers->max_minor)
		numbers->max_minor = version->minor;
	if (version->major == numbers->major && version->minor == numbers->minor &&
	    version->patch > numbers->max_patch)
		numbers->max_patch = version->patch;
	return ASOF_OK;
}

static enum asof_status
find_numbers(struct asof_catalog *catalog, const char *view, int32_t major, int32_t minor,
	     struct numbers *ret_numbers, struct asof_error *err)
{
	*ret_numbers = (struct numbers){ major, minor, 0, -1, -1 };
	return asof_catalog_versions(catalog, view, take_numbers, ret_numbers, err);
}

/* Inside a text of the definition the quotes would be escaped. */
bool
asof_version_is_on_demand(const struct asof_version *version)
{
	return strstr(version->definition_json, "\"on_demand\":true") != NULL;
}

enum asof_status
asof_version_project(const struct asof_version *version, struct asof_project **ret_project,
		     const struct asof_view **ret_view, struct asof_error *err)
{
	struct asof_mistakes mistakes = { 0 };
	struct asof_define_options options = { .dir = "/" };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	enum asof_status status =
		asof_define_parse(asof_str_from(version->definition_json), version->view, &options,
				  &mistakes, &project, err);
	if (status == ASOF_OK)
		status = asof_mistakes_status(&mistakes, err);
	asof_mistakes_done(&mistakes);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status == ASOF_NO_MEMORY ? status : ASOF_CORRUPT,
				 "registered definition of '%s'", version->view);
	*ret_view = project ? asof_project_view(project, asof_str_from(version->view)) : NULL;
	if (project && !*ret_view)
		*ret_view = asof_project_on_demand(project, asof_str_from(version->view));
	if (!*ret_view)
		return ASOF_FAIL(err, ASOF_CORRUPT, "registered definition of '%s' lacks it",
				 version->view);
	*ret_project = ASOF_STEAL(project);
	return ASOF_OK;
}

/* How the definition differs from the one it is to follow, and which number that gives. */
static enum asof_status
compare_with(struct asof_session *session, const struct asof_version *base,
	     struct asof_arena *arena, struct asof_view_state *state, struct asof_error *err)
{
	if (strcmp(base->definition_hash, state->hash) == 0) {
		state->major = base->major;
		state->minor = base->minor;
		return ASOF_OK;
	}
	ASOF_AUTO(asof_project_free_auto) struct asof_project *old_project = NULL;
	const struct asof_view *old_view = NULL;
	ASOF_TRY(asof_version_project(base, &old_project, &old_view, err));

	ASOF_AUTO(asof_buf_done) struct asof_buf reasons = ASOF_BUF(1u << 20);
	enum asof_change change = ASOF_CHANGE_NONE;
	ASOF_TRY(asof_define_compare(old_view, old_project, state->view, session->project, &change,
				     &reasons, err));
	state->reasons = keep(arena, asof_buf_cstr(&reasons));
	if (!state->reasons)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "changes of '%s'", state->view->name);

	struct numbers numbers;
	ASOF_TRY(find_numbers(session->catalog, state->view->name, base->major, base->minor,
			      &numbers, err));
	if (change == ASOF_CHANGE_MAJOR) {
		state->change = ASOF_VIEW_MAJOR;
		state->major =
			(numbers.max_major > base->major ? numbers.max_major : base->major) + 1;
		state->minor = 0;
	} else {
		state->change = ASOF_VIEW_MINOR;
		state->major = base->major;
		state->minor =
			(numbers.max_minor > base->minor ? numbers.max_minor : base->minor) + 1;
	}
	return ASOF_OK;
}

static enum asof_status
describe_now(struct asof_session *session, struct asof_arena *arena, struct asof_view_state *state,
	     struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(16u << 20);
	ASOF_TRY(asof_define_canonical(session->project, state->view, true, &text, err));
	char hash[33];
	asof_hash128_text(asof_buf_view(&text), hash);
	asof_buf_clear(&text);
	ASOF_TRY(asof_define_canonical(session->project, state->view, false, &text, err));
	state->hash = keep(arena, hash);
	state->json = keep(arena, asof_buf_cstr(&text));
	state->reasons = "";
	if (!state->hash || !state->json)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition of '%s'", state->view->name);
	return ASOF_OK;
}

/*
 * A registered definition that was never built is a draft: what follows it is numbered from the
 * newest version that was, and from 1.0 where there is none.
 */
static enum asof_status
find_change(struct asof_session *session, struct asof_arena *arena, struct asof_view_state *state,
	    struct asof_error *err)
{
	const char *name = state->view->name;
	struct registered registered;
	ASOF_TRY(find_registered(session->catalog, name, arena, &registered, err));
	if (!registered.is_found) {
		state->change = ASOF_VIEW_NEW;
		state->major = 1;
		return ASOF_OK;
	}
	const struct asof_definition *definition = &registered.definition;
	if (strcmp(definition->hash, state->hash) == 0) {
		state->major = definition->major;
		state->minor = definition->minor;
		return ASOF_OK;
	}
	struct numbers numbers;
	ASOF_TRY(find_numbers(session->catalog, name, definition->major, definition->minor,
			      &numbers, err));
	if (numbers.max_patch < 0 && state->has_newest) {
		ASOF_TRY(compare_with(session, &state->newest, arena, state, err));
		if (state->change == ASOF_VIEW_SAME)
			state->change = ASOF_VIEW_MINOR; /* the draft goes */
		return ASOF_OK;
	}
	if (numbers.max_patch < 0) {
		state->change = ASOF_VIEW_MINOR;
		state->major = 1;
		state->reasons = "the registered definition was never built\n";
		return ASOF_OK;
	}
	struct asof_version base = { .view = name,
				     .major = definition->major,
				     .minor = definition->minor,
				     .definition_hash = definition->hash,
				     .definition_json = definition->json };
	return compare_with(session, &base, arena, state, err);
}

static enum asof_status
find_state(struct asof_session *session, const struct asof_view *view, enum asof_upstream_mode mode,
	   struct asof_arena *arena, struct asof_view_state *ret_state, struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(asof_upstream_settle(session, view, mode, err));
	struct asof_view_state state = { .view = view };
	ASOF_TRY(describe_now(session, arena, &state, err));

	struct published published = { .arena = arena, .is_stored = !view->on_demand };
	ASOF_TRY(asof_catalog_versions(catalog, view->name, take_published, &published, err));
	state.has_newest = published.has_newest;
	state.newest = published.newest;
	state.has_current = published.has_current;
	state.current = published.current;
	ASOF_TRY(find_change(session, arena, &state, err));

	struct numbers numbers;
	ASOF_TRY(find_numbers(catalog, view->name, state.major, state.minor, &numbers, err));
	state.next_patch = numbers.max_patch + 1;
	*ret_state = state;
	return ASOF_OK;
}

enum asof_status
asof_view_state_find(struct asof_session *session, const struct asof_view *view,
		     struct asof_arena *arena, struct asof_view_state *ret_state,
		     struct asof_error *err)
{
	return find_state(session, view, ASOF_UPSTREAM_TODAY, arena, ret_state, err);
}

enum asof_status
asof_view_state_find_published(struct asof_session *session, const struct asof_view *view,
			       struct asof_arena *arena, struct asof_view_state *ret_state,
			       struct asof_error *err)
{
	return find_state(session, view, ASOF_UPSTREAM_PUBLISHED, arena, ret_state, err);
}

enum asof_status
asof_view_state_register(struct asof_session *session, const struct asof_view_state *state,
			 struct asof_error *err)
{
	struct asof_definition definition = { .kind = "view",
					      .name = state->view->name,
					      .hash = state->hash,
					      .json = state->json,
					      .major = state->major,
					      .minor = state->minor,
					      .registered_us = asof_session_now_us(session) };
	return asof_catalog_define(session->catalog, &definition, 1, NULL, 0, err);
}
