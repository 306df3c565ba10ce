#include "job/push_online.h"

#include "base/fault.h"
#include "job/online_shown.h"
#include "job/versions.h"

#define CHUNK_VERSIONS 256 /* of the log, merged at once */
#define TRIES_MAX      100

/* The view of today, where it is defined as what is online is; NULL: it is not. Binds. */
static enum asof_status
find_view(struct asof_session *session, const char *name, const char *definition_hash,
	  struct asof_arena *arena, const struct asof_view **ret_view, struct asof_error *err)
{
	struct asof_view_state state;
	ASOF_TRY(asof_session_bind(session, err));
	const struct asof_view *view = asof_project_view(session->project, asof_str_from(name));
	*ret_view = NULL;
	if (!view)
		return ASOF_OK;
	ASOF_TRY(asof_view_state_find(session, view, arena, &state, err));
	if (strcmp(state.hash, definition_hash) == 0)
		*ret_view = view;
	return ASOF_OK;
}

/* ---- a table ---- */

struct catching {
	struct asof_store *store;
	const struct asof_push_table *table;
	struct asof_store_table shown;
	struct asof_answer_plan plan;
	struct asof_pushed_merge merge;
};

static enum asof_status
get_of_table(void *arg, const struct asof_str *keys, size_t count, asof_store_visit_fn *visit,
	     void *visit_arg, struct asof_error *err)
{
	const struct catching *c = arg;
	return asof_store_get_many(c->store, c->table->name, keys, count, visit, visit_arg, err);
}

/* From the mark, as far as one update goes. ASOF_CONFLICT: another one was faster. */
static enum asof_status
advance(struct catching *c, const struct asof_store_mark *mark, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_pushed_merge *m = &c->merge;
	struct asof_store_row *rows = NULL;
	size_t count = 0;
	m->from_version = mark->position.log ? mark->position.version + 1 : 0;
	m->to_version = m->from_version + CHUNK_VERSIONS - 1;
	if (m->to_version > m->log->snapshot.version)
		m->to_version = m->log->snapshot.version;
	ASOF_TRY(asof_pushed_rows_make(m, &arena, &rows, &count, err));
	ASOF_TRY(asof_fault_point("push.before_update", err));
	const struct asof_store_position position = { m->log->id, m->to_version };
	return asof_store_update(c->store, &c->shown, mark, position, rows, count, err);
}

static enum asof_status
catch_up(struct catching *c, struct asof_arena *arena, const char **ret_why, struct asof_error *err)
{
	const struct asof_push_log *log = c->merge.log;
	for (int conflicts = 0; conflicts < TRIES_MAX;) {
		struct asof_store_mark mark;
		struct asof_error why = { 0 };
		ASOF_TRY(asof_store_mark(c->store, c->table->name, &mark, err));
		if (mark.generation == 0)
			return ASOF_OK;
		if (mark.position.log != 0 && mark.position.log != log->id) {
			*ret_why = asof_arena_printf(arena,
						     "it holds rows of another log of pushes: "
						     "run `asof materialize %s`",
						     c->table->view);
			return *ret_why ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "reason");
		}
		if (mark.position.log != 0 && mark.position.version >= log->snapshot.version)
			return ASOF_OK;
		enum asof_status status = advance(c, &mark, &why);
		if (status != ASOF_OK && status != ASOF_CONFLICT)
			return ASOF_FAIL(err, status, "%s", why.message);
		conflicts = status == ASOF_OK ? 0 : conflicts + 1;
	}
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "others were faster %d times", TRIES_MAX);
}

/*
 * What a row's own clock moves on to. Commits of one instant are given times one after the other:
 * the last may be ahead of the clock by which they are read.
 */
static int64_t
merged_at(const struct asof_push_table *table, const struct asof_push_log *log)
{
	int64_t pushed_us = log->snapshot.committed_us;
	if (pushed_us > table->now_us)
		pushed_us = table->now_us;
	return pushed_us > table->at_us ? pushed_us : table->at_us;
}

enum asof_status
asof_push_online_catch_up(struct asof_session *session, struct asof_store *store,
			  const struct asof_push_table *table, const struct asof_push_log *log,
			  struct asof_arena *arena, const char **ret_why, struct asof_error *err)
{
	struct catching c = { .store = store, .table = table };
	const struct asof_view *view = NULL;
	*ret_why = NULL;
	if (log->id == 0)
		return ASOF_OK;
	ASOF_TRY(find_view(session, table->view, table->definition_hash, arena, &view, err));
	if (!view) {
		*ret_why = asof_arena_printf(arena,
					     "it is online under another definition: run `asof "
					     "build %s` and `asof materialize %s`",
					     table->view, table->view);
		return *ret_why ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "reason");
	}
	if (!asof_pushed_merges(view))
		return ASOF_OK;
	ASOF_TRY(asof_answer_plan_make(view, arena, &c.plan, err));
	ASOF_TRY(asof_online_table(table->name, view, arena, &c.shown, err));
	c.merge = (struct asof_pushed_merge){
		.session = session,
		.view = view,
		.plan = &c.plan,
		.log = log,
		.at_us = merged_at(table, log),
		.is_showing = asof_store_is_showing(store),
		.get = get_of_table,
		.get_arg = &c,
	};
	enum asof_status status = catch_up(&c, arena, ret_why, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "bring online view '%s' up to what was pushed",
				 table->view);
	return ASOF_OK;
}

/* ---- a load ---- */

struct loading {
	const struct asof_push_load *load;
	const struct asof_view *view; /* of today; NULL until it is wanted */
	struct asof_answer_plan plan;
	struct asof_push_log log;
	struct asof_store_position position; /* that the load is at */
	int64_t built;                       /* versions below are in what was built */
};

static enum asof_status
get_of_load(void *arg, const struct asof_str *keys, size_t count, asof_store_visit_fn *visit,
	    void *visit_arg, struct asof_error *err)
{
	const struct loading *l = arg;
	return asof_store_load_get_many(l->load->load, keys, count, visit, visit_arg, err);
}

/* The versions [from, to] of the log, of their events those in `range`. */
static enum asof_status
add_versions(struct loading *l, int64_t from, int64_t to, struct asof_plan_range range,
	     struct asof_error *err)
{
	const struct asof_push_load *load = l->load;
	for (int64_t first = from; first <= to; first += CHUNK_VERSIONS) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		struct asof_store_row *rows = NULL;
		size_t count = 0;
		int64_t last = first + CHUNK_VERSIONS - 1;
		const struct asof_pushed_merge merge = {
			.session = load->session,
			.view = l->view,
			.plan = &l->plan,
			.log = &l->log,
			.from_version = first,
			.to_version = last < to ? last : to,
			.range = range,
			.at_us = load->at_us,
			.is_showing = asof_store_is_showing(load->store),
			.get = get_of_load,
			.get_arg = l,
		};
		ASOF_TRY(asof_cancel_check(&load->session->cancel, err));
		ASOF_TRY(asof_pushed_rows_make(&merge, &arena, &rows, &count, err));
		ASOF_TRY(asof_store_load_update(load->load, rows, count, err));
	}
	return ASOF_OK;
}

static enum asof_status
use_view(struct loading *l, struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_push_load *load = l->load;
	if (l->view)
		return ASOF_OK;
	ASOF_TRY(find_view(load->session, load->view, load->definition_hash, arena, &l->view, err));
	if (!l->view)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "rows were pushed into source '%s', and view '%s' is defined "
				 "otherwise than the version that is online is to be: run `asof "
				 "build %s` first",
				 load->definition->source->name, load->view, load->view);
	return asof_answer_plan_make(l->view, arena, &l->plan, err);
}

/* As far as the log goes now. */
static enum asof_status
add_pushed(struct loading *l, struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_push_load *load = l->load;
	const struct asof_plan_range all = { 0 };
	const struct asof_plan_range later = { .has_from = true, .from_us = load->at_us + 1 };
	uint64_t known = l->log.id;
	ASOF_TRY(asof_push_log_read(load->session, load->definition->source, arena, &l->log, err));
	if (l->log.id == 0)
		return ASOF_OK;
	if (known != 0 && known != l->log.id)
		return ASOF_FAIL(err, ASOF_CONFLICT,
				 "the log of what was pushed into '%s' was made anew meanwhile",
				 load->definition->source->name);
	if (l->position.log != 0 && l->position.version == l->log.snapshot.version)
		return ASOF_OK;
	ASOF_TRY(use_view(l, arena, err));
	if (l->position.log == 0) {
		if (l->built > l->log.snapshot.version + 1)
			l->built = l->log.snapshot.version + 1;
		ASOF_TRY(add_versions(l, 0, l->built - 1, later, err));
		l->position = (struct asof_store_position){ l->log.id, l->built - 1 };
	}
	ASOF_TRY(add_versions(l, l->position.version + 1, l->log.snapshot.version, all, err));
	l->position.version = l->log.snapshot.version;
	return ASOF_OK;
}

/* How many versions of the log the files of a cursor are. */
static int64_t
count_built(const struct asof_cursor *cursor)
{
	int64_t count = 0;
	for (size_t i = 0; i < cursor->file_count; i++)
		count += asof_push_log_is_file(cursor->files[i].name);
	return count;
}

/* A push of which the table was not there yet has passed it over. */
static enum asof_status
catch_up_loaded(const struct loading *l, struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_push_load *load = l->load;
	const struct asof_push_table table = { .name = load->view,
					       .view = load->view,
					       .definition_hash = load->definition_hash,
					       .at_us = load->at_us,
					       .now_us = load->at_us };
	struct asof_push_log log;
	const char *ignored = NULL;
	ASOF_TRY(asof_push_log_read(load->session, load->definition->source, arena, &log, err));
	if (log.id == l->position.log && log.snapshot.version == l->position.version)
		return ASOF_OK;
	return asof_push_online_catch_up(load->session, load->store, &table, &log, arena, &ignored,
					 err);
}

enum asof_status
asof_push_online_commit(const struct asof_push_load *load, struct asof_str meta,
			struct asof_arena *arena, struct asof_error *err)
{
	struct loading l = { .load = load, .built = count_built(load->cursor) };
	const struct asof_view *view = load->definition;
	bool has_log = asof_pushed_merges(view) && !asof_push_log_obstacle(view->source);
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		struct asof_store_mark mark;
		struct asof_error why = { 0 };
		ASOF_TRY(asof_store_mark(load->store, load->view, &mark, err));
		if (has_log)
			ASOF_TRY(add_pushed(&l, arena, err));
		enum asof_status status =
			asof_store_load_commit(load->load, meta, l.position, &mark, &why);
		if (status == ASOF_OK)
			return has_log ? catch_up_loaded(&l, arena, err) : ASOF_OK;
		if (status != ASOF_CONFLICT)
			return ASOF_FAIL(err, status, "%s", why.message);
	}
	return ASOF_FAIL(err, ASOF_CONFLICT, "others wrote '%s' %d times meanwhile", load->view,
			 TRIES_MAX);
}
