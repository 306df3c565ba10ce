/* list.c - what there is, and everything about one of it. */
#include "base/suggest.h"
#include "job/describe.h"
#include "job/training_sets.h"
#include "job/upstream.h"
#include "job/version_set.h"

#define RUNS_MAX 100

/* What the callbacks of the catalog write into. */
struct listing {
	struct asof_session *session;
	struct asof_json_writer *w;
	struct asof_arena *arena;
};

static void
write_version(struct listing *l, const struct asof_version *version)
{
	const char *text = asof_version_text(version, l->arena);
	asof_json_begin_object(l->w);
	asof_json_member_cstr(l->w, "view", version->view);
	asof_json_member_cstr(l->w, "version", text ? text : "");
	asof_json_member_bool(l->w, "current", version->is_current);
	asof_json_member_int(l->w, "rows", version->row_count);
	asof_describe_time(l->w, "published", version->published_us);
	asof_json_member_cstr(l->w, "tag", version->tag);
	asof_json_member_cstr(l->w, "made_by", version->made_by);
	asof_json_member_cstr(l->w, "reason", version->reason);
	asof_json_member_int(l->w, "table_version", version->table_version);
	asof_json_member_cstr(l->w, "definition_hash", version->definition_hash);
	asof_json_end_object(l->w);
}

static enum asof_status
take_run(void *arg, const struct asof_run *run, struct asof_error *err)
{
	static const char *const states[] = { [ASOF_RUN_RUNNING] = "running",
					      [ASOF_RUN_DONE] = "done",
					      [ASOF_RUN_FAILED] = "failed" };
	struct listing *l = arg;
	(void)err;
	asof_json_begin_object(l->w);
	asof_json_member_cstr(l->w, "job", run->job);
	asof_json_member_cstr(l->w, "name", run->name);
	asof_json_member_cstr(l->w, "version", run->version);
	asof_json_member_cstr(l->w, "state", states[run->state]);
	asof_describe_time(l->w, "started", run->started_us);
	asof_json_key_cstr(l->w, "seconds");
	asof_json_double(l->w,
			 run->finished_us ? (double)(run->finished_us - run->started_us) / 1e6 : 0);
	asof_json_member_int(l->w, "rows", run->row_count);
	asof_json_member_cstr(l->w, "message", run->message);
	asof_json_member_cstr(l->w, "made_by", run->made_by);
	asof_json_member_cstr(l->w, "reason", run->reason);
	asof_json_member_cstr(l->w, "id", run->id);
	asof_json_end_object(l->w);
	return ASOF_OK;
}

static enum asof_status
write_online(struct listing *l, const char *view, struct asof_error *err)
{
	struct asof_materialization online;
	struct asof_error why = { 0 };
	asof_json_key_cstr(l->w, "online");
	enum asof_status status = asof_catalog_find_materialization(l->session->catalog, view,
								    l->arena, &online, &why);
	if (status == ASOF_NOT_FOUND) {
		asof_json_null(l->w);
		return ASOF_OK;
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	asof_json_begin_object(l->w);
	asof_json_member_cstr(l->w, "version", online.version);
	asof_describe_time(l->w, "at", online.at_us);
	asof_json_member_int(l->w, "rows", online.row_count);
	asof_json_end_object(l->w);
	return ASOF_OK;
}

/* Of a view that reads a view: which version it was made from, and whether there is another now. */
static enum asof_status
write_upstream(struct listing *l, const struct asof_version *version, struct asof_error *err)
{
	const char *upstream = NULL;
	const char *stale = NULL;
	struct asof_error ignored = { 0 };
	/* Of a version that was vacuumed nobody knows. */
	if (!version || asof_version_is_on_demand(version) ||
	    asof_upstream_recorded(l->session, version, l->arena, &upstream, &ignored) != ASOF_OK ||
	    !upstream)
		return ASOF_OK;
	asof_json_member_cstr(l->w, "upstream", upstream);
	if (version->is_current)
		ASOF_TRY(asof_upstream_stale(l->session, version, l->arena, &stale, err));
	if (stale)
		asof_json_member_cstr(l->w, "stale", stale);
	return ASOF_OK;
}

/* Stored views, then those that are computed on demand; NULL behind the last. */
static const struct asof_view *
view_at(const struct asof_project *project, size_t index)
{
	if (index < project->view_count)
		return &project->views[index];
	index -= project->view_count;
	return index < project->on_demand_count ? &project->on_demand[index] : NULL;
}

/* What is computed when it is read has none. */
static void
write_rows(struct listing *l, const struct asof_view *view, int64_t row_count)
{
	asof_json_key_cstr(l->w, "rows");
	if (view->on_demand)
		asof_json_null(l->w);
	else
		asof_json_int(l->w, row_count);
}

static enum asof_status
list_views(struct listing *l, const struct asof_version_set *set, struct asof_error *err)
{
	const struct asof_project *project = l->session->project;
	for (size_t i = 0; view_at(project, i); i++) {
		const struct asof_view *view = view_at(project, i);
		const struct asof_version *current = asof_version_set_current(set, view->name);
		const char *text = current ? asof_version_text(current, l->arena) : NULL;
		asof_json_begin_object(l->w);
		asof_describe_view(l->w, view);
		asof_json_member_int(l->w, "features", (int64_t)view->output_count);
		asof_json_key_cstr(l->w, "version");
		if (text)
			asof_json_cstr(l->w, text);
		else
			asof_json_null(l->w);
		write_rows(l, view, current ? current->row_count : 0);
		ASOF_TRY(write_upstream(l, current, err));
		ASOF_TRY(write_online(l, view->name, err));
		asof_json_end_object(l->w);
	}
	return ASOF_OK;
}

static void
list_features(struct listing *l)
{
	const struct asof_project *project = l->session->project;
	for (size_t i = 0; view_at(project, i); i++) {
		const struct asof_view *view = view_at(project, i);
		for (size_t j = 0; j < view->output_count; j++) {
			asof_json_begin_object(l->w);
			asof_json_member_cstr(l->w, "view", view->name);
			asof_describe_output(l->w, &view->outputs[j]);
			asof_json_end_object(l->w);
		}
	}
}

static void
list_declared(struct listing *l, const char *kind)
{
	const struct asof_project *project = l->session->project;
	for (size_t i = 0; strcmp(kind, "entities") == 0 && i < project->entity_count; i++) {
		asof_json_begin_object(l->w);
		asof_describe_entity(l->w, &project->entities[i]);
		asof_json_end_object(l->w);
	}
	for (size_t i = 0; strcmp(kind, "sources") == 0 && i < project->source_count; i++) {
		asof_json_begin_object(l->w);
		asof_describe_source(l->w, &project->sources[i]);
		asof_json_end_object(l->w);
	}
	for (size_t i = 0; strcmp(kind, "services") == 0 && i < project->service_count; i++) {
		asof_json_begin_object(l->w);
		asof_describe_service(l->w, &project->services[i]);
		asof_json_end_object(l->w);
	}
}

static enum asof_status
list_kind(struct listing *l, const struct asof_version_set *set, const char *kind,
	  struct asof_error *err)
{
	asof_json_key_cstr(l->w, kind);
	asof_json_begin_array(l->w);
	if (strcmp(kind, "views") == 0)
		ASOF_TRY(list_views(l, set, err));
	else if (strcmp(kind, "features") == 0)
		list_features(l);
	else if (strcmp(kind, "runs") == 0)
		ASOF_TRY(asof_catalog_runs(l->session->catalog, RUNS_MAX, take_run, l, err));
	else if (strcmp(kind, "training-sets") == 0)
		ASOF_TRY(asof_training_sets_write(l->session, l->w, err));
	else if (strcmp(kind, "versions") == 0)
		for (size_t i = 0; i < set->count; i++)
			write_version(l, &set->items[i]);
	else
		list_declared(l, kind);
	asof_json_end_array(l->w);
	return ASOF_OK;
}

static const char *const kinds[] = { "views",    "features", "entities", "sources",
				     "services", "versions", "runs",     "training-sets" };

static enum asof_status
check_kind(const char *kind, struct asof_error *err)
{
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		if (strcmp(kind, kinds[i]) == 0)
			return ASOF_OK;
	}
	const char *near = asof_suggest(asof_str_from(kind), kinds, ASOF_COUNTOF(kinds));
	if (near)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "nothing to list called '%s' (did you mean '%s'?)", kind, near);
	return ASOF_FAIL(err, ASOF_INVALID,
			 "nothing to list called '%s' (have: views, features, entities, sources, "
			 "services, versions, runs, training-sets)",
			 kind);
}

/* Types are known once sources are bound; a listing is worth having without them, too, so the
 * catalog comes first. */
static enum asof_status
open_listing(struct asof_session *session, struct asof_arena *arena, struct asof_version_set *set,
	     struct asof_error *err)
{
	struct asof_error ignored = { 0 };
	ASOF_TRY(asof_version_set_read(session, arena, set, err));
	enum asof_status status = asof_session_bind(session, &ignored);
	return status == ASOF_CANCELLED ? ASOF_FAIL(err, status, "%s", ignored.message) : ASOF_OK;
}

enum asof_status
asof_list(struct asof_session *session, const char *kind, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	if (kind)
		ASOF_TRY(check_kind(kind, err));
	ASOF_TRY(open_listing(session, &arena, &set, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	struct listing l = { session, &w, &arena };
	asof_json_begin_object(&w);
	if (kind) {
		ASOF_TRY(list_kind(&l, &set, kind, err));
	} else {
		static const char *const overview[] = { "views", "services", "sources",
							"entities" };
		for (size_t i = 0; i < ASOF_COUNTOF(overview); i++)
			ASOF_TRY(list_kind(&l, &set, overview[i], err));
	}
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}

static enum asof_status
show_view(struct listing *l, const struct asof_version_set *set, const char *name,
	  const char *wanted, struct asof_error *err)
{
	const struct asof_view *view = asof_project_view(l->session->project, asof_str_from(name));
	if (!view)
		view = asof_project_on_demand(l->session->project, asof_str_from(name));
	const struct asof_version *version = NULL;
	struct asof_error why = { 0 };
	ASOF_AUTO(asof_project_free_auto) struct asof_project *old_project = NULL;
	enum asof_status status =
		asof_version_set_find(set, name, wanted, false, 0, &version, &why);
	if (status != ASOF_OK && (wanted || !view))
		return ASOF_FAIL(err, status, "%s", why.message);
	if (wanted || !view)
		ASOF_TRY(asof_version_project(version, &old_project, &view, err));

	asof_json_member_cstr(l->w, "kind", "view");
	asof_json_key_cstr(l->w, "version");
	if (version)
		asof_json_cstr(l->w, asof_version_text(version, l->arena));
	else
		asof_json_null(l->w);
	asof_describe_view(l->w, view);
	asof_json_key_cstr(l->w, "features");
	asof_json_begin_array(l->w);
	for (size_t i = 0; i < view->output_count; i++) {
		asof_json_begin_object(l->w);
		asof_describe_output(l->w, &view->outputs[i]);
		asof_json_end_object(l->w);
	}
	asof_json_end_array(l->w);
	if (version) {
		write_rows(l, view, version->row_count);
		asof_describe_time(l->w, "published", version->published_us);
		asof_json_member_cstr(l->w, "made_by", version->made_by);
		asof_json_member_cstr(l->w, "reason", version->reason);
		asof_json_member_cstr(l->w, "definition_hash", version->definition_hash);
	}
	ASOF_TRY(write_upstream(l, version, err));
	ASOF_TRY(write_online(l, name, err));
	asof_json_key_cstr(l->w, "versions");
	asof_json_begin_array(l->w);
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->items[i].view, name) == 0)
			write_version(l, &set->items[i]);
	}
	asof_json_end_array(l->w);
	return ASOF_OK;
}

static bool
is_published(const struct asof_version_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->items[i].view, name) == 0)
			return true;
	}
	return false;
}

static enum asof_status
nothing_called(struct listing *l, const char *name, struct asof_error *err)
{
	const struct asof_project *project = l->session->project;
	size_t count = 0;
	const char **names = asof_arena_array(l->arena,
					      project->view_count + project->on_demand_count +
						      project->service_count +
						      project->source_count + project->entity_count,
					      sizeof(*names));
	for (size_t i = 0; names && view_at(project, i); i++)
		names[count++] = view_at(project, i)->name;
	for (size_t i = 0; names && i < project->service_count; i++)
		names[count++] = project->services[i].name;
	for (size_t i = 0; names && i < project->source_count; i++)
		names[count++] = project->sources[i].name;
	for (size_t i = 0; names && i < project->entity_count; i++)
		names[count++] = project->entities[i].name;
	const char *near = names ? asof_suggest(asof_str_from(name), names, count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "nothing is called '%s' (did you mean '%s'?)",
				 name, near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "nothing is called '%s'", name);
}

/* A view before a service, a service before a source, a source before an entity of one name. */
static enum asof_status
show_any(struct listing *l, const struct asof_version_set *set, const char *name,
	 const char *wanted, struct asof_error *err)
{
	const struct asof_project *project = l->session->project;
	struct asof_str str = asof_str_from(name);
	if (asof_project_view(project, str) || asof_project_on_demand(project, str) ||
	    is_published(set, name))
		return show_view(l, set, name, wanted, err);
	const struct asof_service *service = asof_project_service(project, str);
	const struct asof_source *source = asof_project_source(project, str);
	const struct asof_entity *entity = asof_project_entity(project, str);
	if (wanted || (!service && !source && !entity))
		return nothing_called(l, name, err);
	asof_json_member_cstr(l->w, "kind", service ? "service" : source ? "source" : "entity");
	if (service)
		asof_describe_service(l->w, service);
	else if (source)
		asof_describe_source(l->w, source);
	else
		asof_describe_entity(l->w, entity);
	return ASOF_OK;
}

enum asof_status
asof_show(struct asof_session *session, const char *name, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(open_listing(session, &arena, &set, err));

	const char *at = strchr(name, '@');
	const char *bare =
		at ? asof_arena_copy(&arena, (struct asof_str){ name, (size_t)(at - name) }) : name;
	if (!bare)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "name");
	struct asof_json_writer w = asof_json_writer_to(&json);
	struct listing l = { session, &w, &arena };
	asof_json_begin_object(&w);
	ASOF_TRY(show_any(&l, &set, bare, at ? at + 1 : NULL, err));
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
