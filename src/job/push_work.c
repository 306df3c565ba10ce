/* push_work.c - what is done with a group of pushes into one source. */
#include <inttypes.h>

#include "base/suggest.h"
#include "job/push_append.h"
#include "job/push_known.h"
#include "job/push_online.h"
#include "job/push_queue.h"

#define COMMIT_TRIES 20
#define REOPEN_US    INT64_C(10000000)

struct known_log {
	char *source;
	struct asof_push_known known;
	struct known_log *next;
};

struct asof_push_work {
	struct asof_reader *reader;
	struct asof_session *session; /* NULL until it is needed; the thread's own */
	struct known_log *logs;
	int64_t opened_us; /* monotonic: when the session was */
	bool is_stale;     /* the session is to be opened anew */
};

/* One request of a group. */
struct request {
	struct asof_push *push;
	struct asof_entry_table rows;
	bool is_open;             /* its rows are to be written */
	struct request *original; /* the same request, earlier in the group */
};

struct group {
	struct asof_push_work *work;
	struct asof_arena arena;
	const struct asof_source *source;
	struct asof_push_shape shape;
	struct asof_push_known *known;
	struct request *requests;
	size_t count;
};

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "pushes");
}

/* ---- the session ---- */

static void
close_session(struct asof_push_work *work)
{
	asof_session_close(ASOF_STEAL(work->session));
}

static void
forget_logs(struct asof_push_work *work)
{
	while (work->logs) {
		struct known_log *next = work->logs->next;
		asof_push_known_done(&work->logs->known);
		asof_mem_free(work->logs->source);
		asof_mem_free(work->logs);
		work->logs = next;
	}
}

static enum asof_status
open_session(struct asof_push_work *work, struct asof_error *err)
{
	if (work->session)
		return ASOF_OK;
	const struct asof_session *served = asof_reader_session(work->reader);
	const struct asof_session_options options = { .dir = served->dir,
						      .profile = served->profile,
						      .threads = 1,
						      .memory_bytes =
							      served->options.memory_bytes };
	struct asof_blob *lake = NULL;
	ASOF_TRY(asof_session_open(&options, &work->session, err));
	work->session->forgets_files = true; /* each push is a file of its own */
	enum asof_status status = asof_session_bind(work->session, err);
	if (status == ASOF_OK)
		status = asof_session_lake(work->session, &lake, err);
	work->opened_us = asof_monotonic_us();
	if (status != ASOF_OK)
		close_session(work);
	return status;
}

static enum asof_status
find_known(struct asof_push_work *work, const char *source, struct asof_push_known **ret_known,
	   struct asof_error *err)
{
	for (struct known_log *log = work->logs; log; log = log->next) {
		if (strcmp(log->source, source) == 0) {
			*ret_known = &log->known;
			return ASOF_OK;
		}
	}
	struct known_log *fresh = asof_mem_alloc(sizeof(*fresh));
	char *name = asof_mem_alloc(strlen(source) + 1);
	if (!fresh || !name) {
		asof_mem_free(fresh);
		asof_mem_free(name);
		return no_memory(err);
	}
	memcpy(name, source, strlen(source) + 1);
	fresh->source = name;
	fresh->next = work->logs;
	work->logs = fresh;
	*ret_known = &fresh->known;
	return ASOF_OK;
}

static enum asof_status
find_source(struct group *g, struct asof_str name, struct asof_error *err)
{
	const struct asof_session *session = g->work->session;
	const struct asof_project *project = session->project;
	const char **names = asof_arena_array(&g->arena, project->source_count, sizeof(*names));
	if (!names)
		return no_memory(err);
	for (size_t i = 0; i < project->source_count; i++) {
		const struct asof_source *source = &project->sources[i];
		names[i] = source->name;
		if (!asof_str_equal(name, asof_str_from(source->name)))
			continue;
		const char *obstacle = asof_push_log_obstacle(source);
		if (obstacle)
			return ASOF_FAIL(err, ASOF_UNSUPPORTED,
					 "source '%s' takes no pushed rows: %s", source->name,
					 obstacle);
		g->source = source;
		return asof_push_shape_make(source, session->bound[i].own_field_count, &g->arena,
					    &g->shape, err);
	}
	const char *near = asof_suggest(name, names, project->source_count);
	return ASOF_FAIL(err, ASOF_NOT_FOUND,
			 near ? "no source '%.*s' (did you mean '%s'?)" : "no source '%.*s'%s",
			 ASOF_STR_ARG(name), near ? near : "");
}

/* Where it is not known, definitions are read anew, but not for everybody who asks. */
static enum asof_status
find_source_anew(struct group *g, struct asof_str name, struct asof_error *err)
{
	struct asof_push_work *work = g->work;
	struct asof_error why = { 0 };
	enum asof_status status = find_source(g, name, &why);
	int64_t now_us = asof_monotonic_us();
	if (status == ASOF_NOT_FOUND && now_us - work->opened_us > REOPEN_US) {
		close_session(work);
		ASOF_TRY(open_session(work, err));
		return find_source(g, name, err);
	}
	return status == ASOF_OK ? ASOF_OK : ASOF_FAIL(err, status, "%s", why.message);
}

/* ---- into the log ---- */

static void
fail(struct request *request, enum asof_status status, const struct asof_error *why)
{
	request->is_open = false;
	request->push->result.status = status;
	request->push->result.err = *why;
}

static void
fail_open(struct group *g, enum asof_status status, const struct asof_error *why)
{
	for (size_t i = 0; i < g->count; i++) {
		if (g->requests[i].is_open)
			fail(&g->requests[i], status, why);
	}
}

static enum asof_status
read_rows(struct group *g, struct request *request, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena tree = { 0 };
	const struct asof_json *root = NULL;
	struct asof_type *types =
		asof_arena_array(&g->arena, g->shape.field_count + 1, sizeof(*types));
	if (!types)
		return no_memory(err);
	enum asof_status status =
		asof_json_read(asof_bytes_view(request->push->body), &tree, &root, err);
	request->push->result.is_malformed = status == ASOF_INVALID;
	ASOF_TRY(status);
	for (size_t i = 0; i < g->shape.field_count; i++)
		types[i] = g->shape.fields[i].type;
	ASOF_TRY(asof_entry_table_init(&request->rows, types, g->shape.field_count, err));
	ASOF_TRY(asof_push_rows_read(&g->shape, root, &request->rows, err));
	request->push->result.row_count = (int64_t)request->rows.row_count;
	return ASOF_OK;
}

/* The first of the group with this one's id, where that is another. */
static struct request *
find_original(struct group *g, size_t index)
{
	struct asof_str id = asof_bytes_view(g->requests[index].push->request_id);
	for (size_t i = 0; i < index; i++) {
		if (asof_str_equal(asof_bytes_view(g->requests[i].push->request_id), id))
			return &g->requests[i];
	}
	return NULL;
}

static void
read_all(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct request *request = &g->requests[i];
		struct asof_error why = { 0 };
		request->original = find_original(g, i);
		request->is_open = !request->original;
		if (request->original)
			continue;
		enum asof_status status = read_rows(g, request, &why);
		if (status != ASOF_OK)
			fail(request, status, &why);
	}
}

/* What the log has already is done. */
static void
close_known(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct request *request = &g->requests[i];
		int64_t rows = 0;
		if (!request->is_open ||
		    !asof_push_ids_find(&g->known->ids, asof_bytes_view(request->push->request_id),
					&rows))
			continue;
		request->is_open = false;
		request->push->result.row_count = rows;
	}
}

/* The open requests of [first, end) by one commit, if the log is still at `log`. */
static enum asof_status
append(struct group *g, size_t first, size_t end, const struct asof_push_log *log,
       struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_push_part *parts = asof_arena_array(&arena, end - first, sizeof(*parts));
	struct asof_push_append append = { .session = g->work->session,
					   .shape = &g->shape,
					   .parts = parts,
					   .arrival_us = asof_reader_now_us(g->work->reader),
					   .arena = &arena };
	if (!parts)
		return no_memory(err);
	for (size_t i = first; i < end; i++) {
		const struct request *request = &g->requests[i];
		if (request->is_open)
			parts[append.part_count++] =
				(struct asof_push_part){ asof_bytes_view(request->push->request_id),
							 &request->rows };
	}
	if (append.part_count == 0)
		return ASOF_OK;
	ASOF_TRY(asof_push_append_write(&append, err));
	enum asof_status status = asof_push_append_commit(&append, log, err);
	if (status == ASOF_CONFLICT)
		asof_push_append_remove(&append);
	return status;
}

/* [first, end) into the log, behind what others write meanwhile. */
static enum asof_status
append_range(struct group *g, size_t first, size_t end, struct asof_error *err)
{
	for (int tries = 0; tries < COMMIT_TRIES; tries++) {
		struct asof_error why = { 0 };
		ASOF_TRY(asof_push_known_refresh(g->known, g->work->session, g->source, err));
		close_known(g);
		enum asof_status status = append(g, first, end, &g->known->log, &why);
		if (status == ASOF_OK)
			return ASOF_OK;
		if (status != ASOF_CONFLICT)
			return ASOF_FAIL(err, status, "%s", why.message);
	}
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "others wrote the log of '%s' %d times meanwhile",
			 g->source->name, COMMIT_TRIES);
}

static size_t
count_open(const struct group *g)
{
	size_t count = 0;
	for (size_t i = 0; i < g->count; i++)
		count += g->requests[i].is_open;
	return count;
}

/* All at once; where rows of one request cannot be, each on its own. */
static void
append_all(struct group *g)
{
	struct asof_error why = { 0 };
	enum asof_status status = append_range(g, 0, g->count, &why);
	if (status != ASOF_INVALID || count_open(g) <= 1) {
		if (status != ASOF_OK)
			fail_open(g, status, &why);
		return;
	}
	for (size_t i = 0; i < g->count; i++) {
		struct asof_error own = { 0 };
		if (!g->requests[i].is_open)
			continue;
		status = append_range(g, i, i + 1, &own);
		if (status != ASOF_OK)
			fail(&g->requests[i], status, &own);
		g->requests[i].is_open = false;
	}
}

/* ---- online ---- */

static bool
reads_source(const struct asof_reader_view *view, const struct asof_source *source)
{
	const struct asof_source *read = view->view->source;
	return read && read->kind != ASOF_SOURCE_VIEW && strcmp(read->name, source->name) == 0;
}

static enum asof_status
catch_up(struct asof_push_work *work, const struct asof_source *source,
	 const struct asof_push_log *log, struct asof_buf *behind, struct asof_error *err)
{
	struct asof_reader *reader = work->reader;
	asof_reader_refresh(reader);
	for (size_t i = 0; i < asof_reader_view_count(reader); i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const struct asof_reader_view *view = asof_reader_view_at(reader, i);
		const struct asof_push_table table = { .name = view->table,
						       .view = view->name,
						       .definition_hash = view->definition_hash,
						       .at_us = view->materialized_at_us,
						       .now_us = asof_reader_now_us(reader) };
		const char *why = NULL;
		if (!reads_source(view, source))
			continue;
		ASOF_TRY(asof_push_online_catch_up(work->session, asof_reader_store(reader), &table,
						   log, &arena, &why, err));
		if (why)
			asof_buf_printf(behind, "%sview '%s': %s", behind->len ? "; " : "",
					view->name, why);
	}
	return asof_buf_status(behind, err);
}

/* What is in the log is not lost: the same request once more finds it there. */
static enum asof_status
bring_online(struct group *g, struct asof_buf *behind, struct asof_error *err)
{
	ASOF_TRY(asof_push_known_refresh(g->known, g->work->session, g->source, err));
	return catch_up(g->work, g->source, &g->known->log, behind, err);
}

static void
set_behind(struct group *g, const struct asof_buf *behind)
{
	for (size_t i = 0; i < g->count && behind->len > 0; i++) {
		struct asof_push *push = g->requests[i].push;
		if (push->result.status == ASOF_OK)
			push->result.behind = asof_arena_copy(&push->arena, asof_buf_view(behind));
	}
}

static void
do_online(struct group *g)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf behind = ASOF_BUF(16 << 10);
	struct asof_error why = { 0 };
	bool is_any = false;
	for (size_t i = 0; i < g->count; i++)
		is_any = is_any || (!g->requests[i].original &&
				    g->requests[i].push->result.status == ASOF_OK);
	enum asof_status status = is_any ? bring_online(g, &behind, &why) : ASOF_OK;
	/* Perhaps the definitions are others by now: read them anew, next time. */
	g->work->is_stale = status != ASOF_OK || behind.len > 0;
	if (status == ASOF_INVALID || status == ASOF_NOT_FOUND)
		status = ASOF_INTERNAL; /* nothing that the client could put right */
	for (size_t i = 0; i < g->count && status != ASOF_OK; i++) {
		if (g->requests[i].push->result.status == ASOF_OK)
			fail(&g->requests[i], status, &why);
	}
	set_behind(g, &behind);
}

static void
copy_originals(struct group *g)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct request *original = g->requests[i].original;
		if (original)
			g->requests[i].push->result = original->push->result;
	}
}

/* ---- a group ---- */

static enum asof_status
begin(struct group *g, struct asof_push **pushes, size_t count, struct asof_error *err)
{
	g->requests = asof_arena_array(&g->arena, count, sizeof(*g->requests));
	if (!g->requests)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		g->requests[i].push = pushes[i];
	g->count = count;
	if (g->work->is_stale)
		close_session(g->work);
	g->work->is_stale = false;
	struct asof_error why = { 0 };
	enum asof_status status = open_session(g->work, &why);
	if (status != ASOF_OK) /* not the client's fault, whatever it is */
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "%s", why.message);
	ASOF_TRY(find_source_anew(g, asof_bytes_view(pushes[0]->source), err));
	return find_known(g->work, g->source->name, &g->known, err);
}

static void
group_done(struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		asof_entry_table_done(&g->requests[i].rows);
	asof_arena_done(&g->arena);
}

void
asof_push_work_do(struct asof_push_work *work, struct asof_push **pushes, size_t count)
{
	ASOF_AUTO(group_done) struct group g = { .work = work };
	struct asof_error why = { 0 };
	enum asof_status status = begin(&g, pushes, count, &why);
	for (size_t i = 0; i < count && status != ASOF_OK; i++) {
		pushes[i]->result.status = status;
		pushes[i]->result.err = why;
	}
	if (status != ASOF_OK)
		return;
	read_all(&g);
	append_all(&g);
	do_online(&g);
	copy_originals(&g);
}

/* ---- the start ---- */

/* Every source that online views read, each once. */
static enum asof_status
catch_up_all(struct asof_push_work *work, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf behind = ASOF_BUF(64 << 10);
	struct asof_session *served = asof_reader_session(work->reader);
	const struct asof_project *project = served->project;
	for (size_t i = 0; i < project->source_count; i++) {
		ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
		const struct asof_source *source = &project->sources[i];
		struct asof_push_log log;
		if (asof_push_log_obstacle(source))
			continue;
		ASOF_TRY(asof_push_log_read(served, source, &arena, &log, err));
		if (log.id == 0)
			continue;
		ASOF_TRY(open_session(work, err));
		ASOF_TRY(catch_up(work, source, &log, &behind, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_push_work_open(struct asof_reader *reader, struct asof_push_work **ret_work,
		    struct asof_error *err)
{
	struct asof_push_work *work = asof_mem_alloc(sizeof(*work));
	if (!work)
		return no_memory(err);
	work->reader = reader;
	enum asof_status status = catch_up_all(work, err);
	if (status != ASOF_OK) {
		asof_push_work_free(work);
		return ASOF_WRAP(err, status, "bring what is online up to what was pushed");
	}
	*ret_work = work;
	return ASOF_OK;
}

void
asof_push_work_free(struct asof_push_work *work)
{
	if (!work)
		return;
	close_session(work);
	forget_logs(work);
	asof_mem_free(work);
}
