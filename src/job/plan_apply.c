/* plan_apply.c - what the definitions change against what is registered, and registering them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/json_writer.h"
#include "job/on_demand.h"
#include "job/partition_plan.h"
#include "job/run_record.h"
#include "job/training_sets.h"
#include "job/upstream.h"
#include "model/hash.h"
#include "model/partition.h"
#include "plan/plan.h"

struct changes {
	struct asof_session *session;
	struct asof_arena arena;
	struct asof_view_state *views; /* one per view of the project */
	struct asof_definition *services;
	bool *is_service_new;
	bool *is_service_changed;
	struct asof_definition *removed;
	size_t removed_count;
	size_t removed_capacity;
	bool is_different;
};

static void
changes_done(struct changes *changes)
{
	asof_mem_free(changes->removed);
	asof_arena_done(&changes->arena);
}

/* Stored views, then those that are computed on demand. */
static size_t
view_count_of(const struct asof_project *project)
{
	return project->view_count + project->on_demand_count;
}

static const struct asof_view *
view_at(const struct asof_project *project, size_t index)
{
	return index < project->view_count ? &project->views[index]
					   : &project->on_demand[index - project->view_count];
}

static bool
is_declared(const struct asof_project *project, const char *kind, const char *name)
{
	if (strcmp(kind, "view") == 0)
		return asof_project_view(project, asof_str_from(name)) != NULL ||
		       asof_project_on_demand(project, asof_str_from(name)) != NULL;
	return asof_project_service(project, asof_str_from(name)) != NULL;
}

/* A registered definition: it may be gone from the files, or be a service that stands as it was. */
static enum asof_status
meet_registered(void *arg, const struct asof_definition *definition, struct asof_error *err)
{
	struct changes *changes = arg;
	const struct asof_project *project = changes->session->project;
	if (!is_declared(project, definition->kind, definition->name)) {
		void *removed = changes->removed;
		ASOF_TRY(asof_mem_reserve(&removed, &changes->removed_capacity,
					  changes->removed_count + 1, sizeof(*changes->removed),
					  err));
		changes->removed = removed;
		struct asof_definition *copy = &changes->removed[changes->removed_count++];
		*copy = (struct asof_definition){ .major = definition->major,
						  .minor = definition->minor };
		copy->kind = asof_arena_copy(&changes->arena, asof_str_from(definition->kind));
		copy->name = asof_arena_copy(&changes->arena, asof_str_from(definition->name));
		if (!copy->kind || !copy->name)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "removed definitions");
		return ASOF_OK;
	}
	for (size_t i = 0; i < project->service_count; i++) {
		if (strcmp(definition->kind, "service") != 0 ||
		    strcmp(definition->name, project->services[i].name) != 0)
			continue;
		changes->is_service_new[i] = false;
		changes->is_service_changed[i] =
			strcmp(definition->hash, changes->services[i].hash) != 0;
	}
	return ASOF_OK;
}

static enum asof_status
describe_service(struct changes *changes, size_t index, struct asof_error *err)
{
	const struct asof_service *service = &changes->session->project->services[index];
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(16u << 20);
	char hash[33];
	ASOF_TRY(asof_define_canonical_service(service, &text, err));
	asof_hash128_text(asof_buf_view(&text), hash);
	changes->services[index] = (struct asof_definition){
		.kind = "service",
		.name = service->name,
		.hash = asof_arena_copy(&changes->arena, asof_str_from(hash)),
		.json = asof_arena_copy(&changes->arena, asof_buf_view(&text)),
		.major = 1,
		.registered_us = asof_session_now_us(changes->session),
	};
	changes->is_service_new[index] = true;
	if (!changes->services[index].hash || !changes->services[index].json)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "service '%s'", service->name);
	return ASOF_OK;
}

/* Another version than the newest was made the current one. */
static bool
is_rolled_back(const struct asof_view_state *state)
{
	return state->has_current && state->has_newest &&
	       state->current.table_version != state->newest.table_version;
}

static enum asof_status
find_changes(struct changes *changes, struct asof_error *err)
{
	struct asof_session *session = changes->session;
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_bind(session, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));

	const struct asof_project *project = session->project;
	changes->views =
		asof_arena_array(&changes->arena, view_count_of(project), sizeof(*changes->views));
	changes->services = asof_arena_array(&changes->arena, project->service_count,
					     sizeof(*changes->services));
	changes->is_service_new =
		asof_arena_array(&changes->arena, project->service_count, sizeof(bool));
	changes->is_service_changed =
		asof_arena_array(&changes->arena, project->service_count, sizeof(bool));
	if (!changes->views || !changes->services || !changes->is_service_new ||
	    !changes->is_service_changed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "plan");
	for (size_t i = 0; i < view_count_of(project); i++) {
		const struct asof_view *view = view_at(project, i);
		struct asof_view_state *state = &changes->views[i];
		ASOF_TRY(asof_view_state_find(session, view, &changes->arena, state, err));
		changes->is_different |= state->change != ASOF_VIEW_SAME || is_rolled_back(state) ||
					 (view->on_demand && state->next_patch == 0);
	}
	for (size_t i = 0; i < project->service_count; i++)
		ASOF_TRY(describe_service(changes, i, err));
	ASOF_TRY(asof_catalog_definitions(catalog, NULL, meet_registered, changes, err));
	for (size_t i = 0; i < project->service_count; i++)
		changes->is_different |=
			changes->is_service_new[i] || changes->is_service_changed[i];
	changes->is_different |= changes->removed_count > 0;
	return ASOF_OK;
}

static void
write_services_of(struct asof_json_writer *w, const struct asof_project *project, const char *view)
{
	asof_json_key_cstr(w, "services");
	asof_json_begin_array(w);
	for (size_t s = 0; s < project->service_count; s++) {
		const struct asof_service *service = &project->services[s];
		for (size_t i = 0; i < service->item_count; i++) {
			if (strcmp(service->items[i].view->name, view) == 0) {
				asof_json_cstr(w, service->name);
				break;
			}
		}
	}
	asof_json_end_array(w);
}

static void
write_reasons(struct asof_json_writer *w, const char *reasons)
{
	asof_json_key_cstr(w, "reasons");
	asof_json_begin_array(w);
	while (*reasons) {
		size_t len = strcspn(reasons, "\n");
		asof_json_str(w, (struct asof_str){ reasons, len });
		reasons += len + (reasons[len] == '\n');
	}
	asof_json_end_array(w);
}

static enum asof_status
is_data_kept(const struct asof_view_state *state, bool *ret_is_kept, struct asof_error *err)
{
	*ret_is_kept = false;
	if (!state->has_newest)
		return ASOF_OK;
	ASOF_AUTO(asof_project_free_auto) struct asof_project *project = NULL;
	const struct asof_view *old_view = NULL;
	ASOF_TRY(asof_version_project(&state->newest, &project, &old_view, err));
	*ret_is_kept = asof_define_same_table(old_view, state->view);
	return ASOF_OK;
}

/* What `partition: auto` makes of the rows that there are now, or would at first. */
static enum asof_status
write_partition(struct asof_json_writer *w, struct changes *changes,
		const struct asof_view_state *state, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(4096);
	struct asof_partition_choice choice;
	ASOF_TRY(asof_partition_plan(changes->session, state, &changes->arena, &choice, err));
	asof_partitions_text(choice.partitions, choice.count, &text);
	ASOF_TRY(asof_buf_status(&text, err));
	asof_json_key_cstr(w, "partition");
	asof_json_str(w, asof_buf_view(&text));
	asof_json_member_cstr(w, "partition_reason", choice.reason);
	return ASOF_OK;
}

static enum asof_status
write_view(struct asof_json_writer *w, struct changes *changes, size_t index,
	   struct asof_error *err)
{
	static const char *const names[] = { [ASOF_VIEW_SAME] = "none",
					     [ASOF_VIEW_NEW] = "new",
					     [ASOF_VIEW_MINOR] = "minor",
					     [ASOF_VIEW_MAJOR] = "major" };
	const struct asof_view_state *state = &changes->views[index];
	bool is_kept = false;
	char to[32];
	const char *stale = NULL;
	if (state->has_current && !state->view->on_demand)
		ASOF_TRY(asof_upstream_stale(changes->session, &state->current, &changes->arena,
					     &stale, err));
	ASOF_TRY(is_data_kept(state, &is_kept, err));
	(void)snprintf(to, sizeof(to), "%" PRId32 ".%" PRId32, state->major, state->minor);
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "kind", "view");
	asof_json_member_cstr(w, "name", state->view->name);
	bool is_only_rolled_back = state->change == ASOF_VIEW_SAME && is_rolled_back(state);
	asof_json_member_cstr(w, "change",
			      is_only_rolled_back ? "rolled_back" : names[state->change]);
	asof_json_key_cstr(w, "from");
	if (state->has_current)
		asof_json_cstr(w, asof_version_text(&state->current, &changes->arena));
	else
		asof_json_null(w);
	asof_json_member_cstr(w, "to", to);
	write_reasons(w, is_only_rolled_back ? "another version than the newest was made current\n"
					     : state->reasons);
	write_services_of(w, changes->session->project, state->view->name);
	asof_json_key_cstr(w, "training_sets");
	asof_json_begin_array(w);
	if (state->change != ASOF_VIEW_SAME || is_only_rolled_back)
		ASOF_TRY(asof_training_sets_of(changes->session, state->view->name, w, err));
	asof_json_end_array(w);
	asof_json_member_cstr(w, "data",
			      state->view->on_demand ? "on_demand"
			      : is_kept              ? "none"
						     : "build");
	if (state->view->is_partition_auto)
		ASOF_TRY(write_partition(w, changes, state, err));
	if (stale)
		asof_json_member_cstr(w, "stale", stale);
	asof_json_end_object(w);
	return ASOF_OK;
}

static void
write_simple(struct asof_json_writer *w, const char *kind, const char *name, const char *change)
{
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "kind", kind);
	asof_json_member_cstr(w, "name", name);
	asof_json_member_cstr(w, "change", change);
	asof_json_end_object(w);
}

static enum asof_status
write_changes(struct changes *changes, struct asof_buf *buf, struct asof_error *err)
{
	const struct asof_project *project = changes->session->project;
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "changes");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < view_count_of(project); i++)
		ASOF_TRY(write_view(&w, changes, i, err));
	for (size_t i = 0; i < project->service_count; i++)
		write_simple(&w, "service", project->services[i].name,
			     changes->is_service_new[i]       ? "new"
			     : changes->is_service_changed[i] ? "minor"
							      : "none");
	for (size_t i = 0; i < changes->removed_count; i++)
		write_simple(&w, changes->removed[i].kind, changes->removed[i].name, "removed");
	asof_json_end_array(&w);
	asof_json_member_bool(&w, "is_different", changes->is_different);
	asof_json_end_object(&w);
	return ASOF_OK;
}

enum asof_status
asof_plan(struct asof_session *session, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(changes_done) struct changes changes = { .session = session };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(find_changes(&changes, err));
	ASOF_TRY(write_changes(&changes, &json, err));
	return asof_result_text(&json, ret_json, err);
}

static enum asof_status
refuse_breaking(const struct changes *changes, struct asof_error *err)
{
	const struct asof_project *project = changes->session->project;
	for (size_t i = 0; i < view_count_of(project); i++) {
		const struct asof_view_state *state = &changes->views[i];
		if (state->change == ASOF_VIEW_MAJOR)
			return ASOF_FAIL(err, ASOF_CHECK_FAILED,
					 "view '%s' changes so that readers break (%.*s): "
					 "`asof apply --yes` accepts it",
					 state->view->name, (int)strcspn(state->reasons, "\n"),
					 state->reasons);
	}
	if (changes->removed_count > 0)
		return ASOF_FAIL(err, ASOF_CHECK_FAILED,
				 "%s '%s' is not defined any more: `asof apply --yes` accepts it",
				 changes->removed[0].kind, changes->removed[0].name);
	return ASOF_OK;
}

/* All of it in one step of the catalog. */
static enum asof_status
register_all(struct changes *changes, struct asof_error *err)
{
	struct asof_session *session = changes->session;
	const struct asof_project *project = session->project;
	struct asof_definition *all = asof_arena_array(
		&changes->arena, view_count_of(project) + project->service_count, sizeof(*all));
	size_t count = 0;
	if (!all)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definitions");
	for (size_t i = 0; i < view_count_of(project); i++) {
		const struct asof_view_state *state = &changes->views[i];
		if (state->change == ASOF_VIEW_SAME)
			continue;
		all[count++] =
			(struct asof_definition){ .kind = "view",
						  .name = state->view->name,
						  .hash = state->hash,
						  .json = state->json,
						  .major = state->major,
						  .minor = state->minor,
						  .registered_us = asof_session_now_us(session) };
	}
	for (size_t i = 0; i < project->service_count; i++) {
		if (changes->is_service_new[i] || changes->is_service_changed[i])
			all[count++] = changes->services[i];
	}
	return asof_catalog_define(session->catalog, all, count, changes->removed,
				   changes->removed_count, err);
}

/* What has no data is published as soon as it is registered. */
static enum asof_status
publish_on_demand(struct changes *changes, struct asof_error *err)
{
	const struct asof_project *project = changes->session->project;
	for (size_t i = project->view_count; i < view_count_of(project); i++)
		ASOF_TRY(asof_on_demand_publish(changes->session, &changes->views[i], err));
	return ASOF_OK;
}

/* Which definitions changed, for whoever asks later. */
static void
describe_applied(const struct changes *changes, struct asof_buf *buf)
{
	const struct asof_project *project = changes->session->project;
	for (size_t i = 0; i < view_count_of(project); i++) {
		const struct asof_view_state *state = &changes->views[i];
		if (state->change != ASOF_VIEW_SAME)
			asof_buf_printf(buf, "%s %" PRId32 ".%" PRId32 ", ", state->view->name,
					state->major, state->minor);
	}
	for (size_t i = 0; i < project->service_count; i++) {
		if (changes->is_service_new[i] || changes->is_service_changed[i])
			asof_buf_printf(buf, "service %s, ", project->services[i].name);
	}
	for (size_t i = 0; i < changes->removed_count; i++)
		asof_buf_printf(buf, "without %s %s, ", changes->removed[i].kind,
				changes->removed[i].name);
}

static enum asof_status
record_apply(struct changes *changes, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf applied = ASOF_BUF(16u << 20);
	int64_t now_us = asof_session_now_us(changes->session);
	describe_applied(changes, &applied);
	ASOF_TRY(asof_buf_status(&applied, err));
	struct asof_str text = asof_buf_view(&applied);
	if (text.len == 0)
		return ASOF_OK;
	text.len -= 2; /* the last comma */
	const struct asof_run run = {
		.id = asof_arena_printf(&changes->arena, "apply-%" PRIx64 "-%" PRIx64,
					(uint64_t)now_us, (uint64_t)asof_monotonic_us()),
		.job = "apply",
		.name = "",
		.state = ASOF_RUN_DONE,
		.started_us = now_us,
		.finished_us = now_us,
		.message = asof_arena_copy(&changes->arena, text),
	};
	if (!run.id || !run.message)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	return asof_run_record(changes->session, &run, err);
}

enum asof_status
asof_register_services(struct asof_session *session, struct asof_error *err)
{
	ASOF_AUTO(changes_done) struct changes changes = { .session = session };
	ASOF_TRY(find_changes(&changes, err));
	const struct asof_project *project = session->project;
	for (size_t i = 0; i < project->service_count; i++) {
		if (changes.is_service_new[i] || changes.is_service_changed[i])
			ASOF_TRY(asof_catalog_define(session->catalog, &changes.services[i], 1,
						     NULL, 0, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_register_on_demand(struct asof_session *session, struct asof_error *err)
{
	ASOF_AUTO(changes_done) struct changes changes = { .session = session };
	const struct asof_project *project = session->project;
	if (project->on_demand_count == 0)
		return ASOF_OK;
	ASOF_TRY(find_changes(&changes, err));
	for (size_t i = project->view_count; i < view_count_of(project); i++) {
		const struct asof_view_state *state = &changes.views[i];
		if (state->change == ASOF_VIEW_MAJOR)
			return ASOF_FAIL(err, ASOF_CHECK_FAILED,
					 "view '%s' changes so that readers break (%.*s): "
					 "`asof apply --yes` accepts it",
					 state->view->name, (int)strcspn(state->reasons, "\n"),
					 state->reasons);
	}
	for (size_t i = project->view_count; i < view_count_of(project); i++) {
		if (changes.views[i].change != ASOF_VIEW_SAME)
			ASOF_TRY(asof_view_state_register(session, &changes.views[i], err));
	}
	return publish_on_demand(&changes, err);
}

enum asof_status
asof_apply(struct asof_session *session, bool allows_major, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(changes_done) struct changes changes = { .session = session };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(find_changes(&changes, err));
	if (!allows_major)
		ASOF_TRY(refuse_breaking(&changes, err));
	ASOF_TRY(write_changes(&changes, &json, err));
	if (changes.is_different) {
		ASOF_TRY(register_all(&changes, err));
		ASOF_TRY(asof_fault_point("apply.registered", err));
		ASOF_TRY(publish_on_demand(&changes, err));
		ASOF_TRY(record_apply(&changes, err));
	}
	return asof_result_text(&json, ret_json, err);
}
