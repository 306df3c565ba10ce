/* session.c - opening a project, and lazily what it lives on. */
#include "job/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/suggest.h"
#include "job/bind.h"
#include "job/objects.h"
#include "job/run_record.h"
#include "job/versions.h"

#define STAGE_BYTES     256
#define MEMORY_USUAL    (UINT64_C(8) << 30)  /* reckoned with where no bound was given */
#define ENGINE_OVERHEAD (UINT64_C(96) << 20) /* the engine's code and what it counts nowhere */

static void
report_progress(void *arg, double fraction)
{
	struct asof_session *session = arg;
	const char *stage = session->stage ? session->stage : "";
	int64_t rows = session->stage_rows;
	if (rows < 0) {
		session->options.progress(session->options.progress_arg, stage, fraction);
		return;
	}
	char text[STAGE_BYTES];
	double own = session->stage_fraction;
	double seconds = (double)(asof_monotonic_us() - session->stage_us) / 1e6;
	if (rows == 0)
		(void)snprintf(text, sizeof(text), "%s", stage);
	else
		(void)snprintf(text, sizeof(text), "%s: %lld rows, %.0f/s", stage, (long long)rows,
			       seconds > 0 ? (double)rows / seconds : 0.0);
	if (rows > 0)
		fraction = own < 0 ? -1 : 0.5 + own / 2;
	else if (fraction > 0)
		fraction /= 2;
	session->options.progress(session->options.progress_arg, text, fraction);
}

static enum asof_status
absolute_dir(const char *dir, struct asof_arena *arena, const char **ret_dir,
	     struct asof_error *err)
{
	char *real = realpath(dir ? dir : ".", NULL);
	if (!real)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no directory '%s'", dir ? dir : ".");
	*ret_dir = asof_arena_copy(arena, asof_str_from(real));
	free(real);
	return *ret_dir ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "directory name");
}

enum asof_status
asof_session_open(const struct asof_session_options *options, struct asof_session **ret_session,
		  struct asof_error *err)
{
	struct asof_session *session = asof_mem_alloc(sizeof(*session));
	if (!session)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "session");
	session->options = *options;
	session->stage_rows = -1;
	session->clock = asof_clock_system();
	session->mistakes_text = ASOF_BUF(16u << 20);

	enum asof_status status = absolute_dir(options->dir, &session->arena, &session->dir, err);
	if (status == ASOF_OK && options->profile) {
		session->profile =
			asof_arena_copy(&session->arena, asof_str_from(options->profile));
		if (!session->profile)
			status = ASOF_FAIL(err, ASOF_NO_MEMORY, "profile name");
	}
	if (status == ASOF_OK)
		status = asof_session_find_author(session, err);
	if (status == ASOF_OK) {
		struct asof_define_options define = { .dir = session->dir,
						      .profile = session->profile };
		status = asof_define_read(&define, &session->mistakes, &session->project, err);
	}
	if (status != ASOF_OK) {
		asof_session_close(session);
		return status;
	}
	*ret_session = session;
	return ASOF_OK;
}

void
asof_session_close(struct asof_session *session)
{
	if (!session)
		return;
	asof_store_free(session->store);
	asof_catalog_free(session->catalog);
	asof_blob_free(session->lake);
	asof_engine_free(session->engine);
	asof_project_free(session->project);
	asof_mistakes_done(&session->mistakes);
	asof_buf_done(&session->mistakes_text);
	asof_arena_done(&session->arena);
	asof_mem_free(session);
}

void
asof_session_cancel(struct asof_session *session)
{
	asof_cancel_request(&session->cancel);
}

const char *
asof_session_mistakes(const struct asof_session *session)
{
	return asof_buf_cstr(&session->mistakes_text);
}

/* All mistakes so far as the status, their text kept for asof_session_mistakes(). */
static enum asof_status
mistakes_status(struct asof_session *session, struct asof_error *err)
{
	asof_buf_clear(&session->mistakes_text);
	asof_mistakes_write(&session->mistakes, &session->mistakes_text);
	return asof_mistakes_status(&session->mistakes, err);
}

enum asof_status
asof_session_check_text(struct asof_session *session, struct asof_error *err)
{
	ASOF_TRY(mistakes_status(session, err));
	if (!session->project)
		return ASOF_FAIL(err, ASOF_INVALID, "the definitions could not be read");
	return ASOF_OK;
}

enum asof_status
asof_session_bind(struct asof_session *session, struct asof_error *err)
{
	if (session->is_bound)
		return ASOF_OK;
	if (session->project)
		ASOF_TRY(asof_bind_sources(session, err));
	ASOF_TRY(asof_session_check_text(session, err));
	session->is_bound = true;
	return ASOF_OK;
}

enum asof_status
asof_session_engine(struct asof_session *session, struct asof_engine **ret_engine,
		    struct asof_error *err)
{
	if (!session->engine) {
		struct asof_engine_options options = {
			.threads = session->options.threads,
			.memory_bytes = session->options.memory_bytes,
			.extension_dir = getenv("ASOF_EXTENSION_DIR"),
			.forgets_files = session->forgets_files,
			.cancel = &session->cancel,
			.progress = session->options.progress ? report_progress : NULL,
			.progress_arg = session,
		};
		ASOF_AUTO(asof_engine_free_auto) struct asof_engine *engine = NULL;
		ASOF_TRY(asof_engine_open(&options, &engine, err));
		ASOF_TRY(asof_objects_use(session, engine, err));
		session->engine = ASOF_STEAL(engine);
	}
	*ret_engine = session->engine;
	return ASOF_OK;
}

enum asof_status
asof_session_lake(struct asof_session *session, struct asof_blob **ret_lake, struct asof_error *err)
{
	if (!session->lake)
		ASOF_TRY(asof_blob_open(session->project->lake, &session->lake, err));
	*ret_lake = session->lake;
	return ASOF_OK;
}

enum asof_status
asof_session_catalog(struct asof_session *session, struct asof_catalog **ret_catalog,
		     struct asof_error *err)
{
	if (!session->catalog) {
		ASOF_TRY(asof_session_check_text(session, err));
		ASOF_TRY(asof_catalog_open(session->project->catalog, &session->catalog, err));
		enum asof_status status = asof_versions_sync(session, err);
		if (status != ASOF_OK) {
			asof_catalog_free(ASOF_STEAL(session->catalog));
			return status;
		}
	}
	*ret_catalog = session->catalog;
	return ASOF_OK;
}

enum asof_status
asof_session_store(struct asof_session *session, struct asof_store **ret_store,
		   struct asof_error *err)
{
	if (!session->store)
		ASOF_TRY(asof_store_open(session->project->online, &session->store, err));
	*ret_store = session->store;
	return ASOF_OK;
}

uint64_t
asof_session_answer_bytes(const struct asof_session *session)
{
	/* The engine's own share is two thirds; the rest, less a margin, is left. */
	uint64_t memory_bytes = session->options.memory_bytes;
	return (memory_bytes ? memory_bytes : MEMORY_USUAL) / 5;
}

/* While kernels hold data, the engine only reads and writes: it needs no more than half of the
 * bound and its own size. */
uint64_t
asof_session_kernel_bytes(const struct asof_session *session)
{
	uint64_t memory_bytes = session->options.memory_bytes;
	if (memory_bytes == 0)
		memory_bytes = MEMORY_USUAL;
	uint64_t least = memory_bytes / 5;
	uint64_t half = memory_bytes > ENGINE_OVERHEAD ? (memory_bytes - ENGINE_OVERHEAD) / 2 : 0;
	return half > least ? half : least;
}

uint64_t
asof_session_write_bytes(const struct asof_session *session)
{
	return session->options.memory_bytes ? asof_session_kernel_bytes(session) / 2 : 0;
}

void
asof_session_stage(struct asof_session *session, const char *fmt, ...)
{
	char text[STAGE_BYTES];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	session->stage_rows = -1;
	session->stage_us = asof_monotonic_us();
	const char *copy = asof_arena_copy(&session->arena, asof_str_from(text));
	if (copy)
		session->stage = copy;
}

void
asof_session_rows(struct asof_session *session, int64_t rows, double fraction)
{
	session->stage_fraction = fraction;
	session->stage_rows = rows;
}

int64_t
asof_session_now_us(const struct asof_session *session)
{
	return asof_clock_now_us(&session->clock);
}

enum asof_status
asof_session_find_view(const struct asof_session *session, struct asof_str name,
		       const struct asof_view **ret_view, struct asof_error *err)
{
	const struct asof_project *project = session->project;
	*ret_view = asof_project_view(project, name);
	if (*ret_view)
		return ASOF_OK;

	if (asof_project_on_demand(project, name))
		return ASOF_FAIL(
			err, ASOF_INVALID,
			"view '%.*s' is on-demand: it is computed when it is read, and has "
			"no data of its own (`asof apply` registers it)",
			ASOF_STR_ARG(name));
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char **names = asof_arena_array(&arena, project->view_count, sizeof(*names));
	for (size_t i = 0; names && i < project->view_count; i++)
		names[i] = project->views[i].name;
	const char *near = names ? asof_suggest(name, names, project->view_count) : NULL;
	if (near)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%.*s' (did you mean '%s'?)",
				 ASOF_STR_ARG(name), near);
	return ASOF_FAIL(err, ASOF_NOT_FOUND, "no view '%.*s'", ASOF_STR_ARG(name));
}

enum asof_status
asof_session_pick_views(const struct asof_session *session, const char *const *names, size_t count,
			struct asof_arena *arena, const struct asof_view ***ret_views,
			size_t *ret_count, struct asof_error *err)
{
	const struct asof_project *project = session->project;
	size_t wanted = count ? count : project->view_count;
	const struct asof_view **views = asof_arena_array(arena, wanted, sizeof(*views));
	if (!views)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu views", wanted);

	size_t kept = 0;
	for (size_t i = 0; i < wanted; i++) {
		const struct asof_view *view = &project->views[count ? 0 : i];
		if (count)
			ASOF_TRY(asof_session_find_view(session, asof_str_from(names[i]), &view,
							err));
		bool is_repeated = false;
		for (size_t j = 0; j < kept; j++)
			is_repeated = is_repeated || views[j] == view;
		if (!is_repeated)
			views[kept++] = view;
	}
	*ret_views = views;
	*ret_count = kept;
	return ASOF_OK;
}

enum asof_status
asof_result_text(struct asof_buf *buf, char **ret_json, struct asof_error *err)
{
	struct asof_bytes bytes = { 0 };
	ASOF_TRY(asof_buf_steal(buf, &bytes, err));
	*ret_json = bytes.ptr;
	return ASOF_OK;
}

struct ints {
	int64_t *values;
	size_t count;
	bool is_seen;
};

static enum asof_status
take_ints(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct ints *ints = arg;
	if (batch->row_count != 1 || schema->field_count != ints->count || ints->is_seen)
		return ASOF_FAIL(err, ASOF_INTERNAL, "expected one row of %zu integers",
				 ints->count);
	for (size_t i = 0; i < ints->count; i++) {
		struct asof_value value;
		ASOF_TRY(asof_column_value(&batch->columns[i], 0, NULL, &value, err));
		ints->values[i] = value.is_null ? -1 : value.int64;
	}
	ints->is_seen = true;
	return ASOF_OK;
}

enum asof_status
asof_query_ints(struct asof_engine *engine, const char *sql, int64_t *ret_values, size_t count,
		struct asof_error *err)
{
	struct ints ints = { ret_values, count, false };
	ASOF_TRY(asof_engine_query(engine, sql, take_ints, &ints, err));
	if (!ints.is_seen)
		return ASOF_FAIL(err, ASOF_INTERNAL, "a query of counts gave no row");
	return ASOF_OK;
}
