/* explain_build.c - how a build would be done: what it computes and why, by what, from which files,
 * in what memory. */
#include "base/clock.h"
#include "base/json_writer.h"
#include "job/build_view.h"
#include "job/join_temp.h"
#include "job/upstream.h"

struct explained {
	struct asof_view_build build;
	bool is_refused;                 /* readers would break */
	size_t scan;                     /* builds of one number share it; 0: by SQL, or nothing */
	size_t file_count;               /* that are read */
	bool has_facts;                  /* all are Parquet, and read as they stand */
	struct asof_parquet_facts facts; /* of those files */
	uint64_t planned_bytes;          /* with facts: of the kernel, texts not counted */
	struct asof_file_stats written;  /* analyzed, and not refused */
	int64_t write_us;
};

struct explaining {
	struct asof_session *session;
	const struct asof_build_options *options;
	struct asof_arena arena;
	struct asof_temp_dir temp;
	struct explained *views; /* in the order of building */
	size_t count;
	size_t scan_count;
	bool is_analyzed;
	int64_t elapsed_us;
};

static void
explaining_done(struct explaining *e)
{
	for (size_t i = 0; e->views && i < e->count; i++)
		asof_view_build_done(&e->views[i].build);
	asof_temp_dir_done(&e->temp);
	asof_arena_done(&e->arena);
}

/* ---- finding out ---- */

/* What it reads was never built: nothing can be said of it before. */
static enum asof_status
wait_for_upstream(struct explaining *e, const struct asof_view *view, struct explained *x,
		  const char *why, struct asof_error *err)
{
	x->build.state.view = view;
	x->build.has_work = false;
	x->build.report.mode = "waits";
	x->build.report.version = "";
	x->build.report.reason = asof_arena_copy(&e->arena, asof_str_from(why));
	return x->build.report.reason ? ASOF_OK : asof_build_no_memory(err, "explain");
}

static enum asof_status
begin(struct explaining *e, const struct asof_view *view, struct explained *x,
      struct asof_error *err)
{
	struct asof_build_report *report = &x->build.report;
	struct asof_error why = { 0 };
	enum asof_status status =
		asof_view_build_begin(e->session, view, e->options, &e->arena, &x->build, &why);
	if (status == ASOF_NOT_FOUND && asof_upstream_of(view))
		return wait_for_upstream(e, view, x, why.message, err);
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	const char *reasons = x->build.state.reasons;
	x->is_refused = x->build.state.change == ASOF_VIEW_MAJOR;
	if (!x->is_refused)
		return ASOF_OK;
	x->build.has_work = false;
	report->mode = "refused";
	report->reason =
		asof_arena_printf(&e->arena, "readers break (%.*s): `asof apply --yes` accepts it",
				  (int)strcspn(reasons, "\n"), reasons);
	return report->reason ? ASOF_OK : asof_build_no_memory(err, "explain");
}

/* What the kernel takes for each row; of a stepped view, whose rows share tiles, at most. */
static enum asof_status
plan_memory(struct explained *x, struct asof_error *err)
{
	ASOF_AUTO(asof_tile_build_free_auto) struct asof_tile_build *tiles = NULL;
	const struct asof_tile_build_options options = { .view = x->build.state.view,
							 .layout = x->build.plan.layout,
							 .workers = 1 };
	ASOF_TRY(asof_tile_build_new(&options, &tiles, err));
	x->planned_bytes = x->facts.row_count * asof_tile_build_row_bytes(tiles);
	return ASOF_OK;
}

static enum asof_status
look_at_files(struct explaining *e, struct explained *x, struct asof_error *err)
{
	const struct asof_plan_source *source = &x->build.plan.source;
	struct asof_parquet_facts ignored;
	const char **paths = asof_arena_array(&e->arena, source->path_count, sizeof(*paths));
	if (!x->build.has_work)
		return ASOF_OK;
	if (!paths)
		return asof_build_no_memory(err, "explain");
	for (size_t i = 0; i < source->path_count; i++) {
		if (!source->picks || source->picks[i])
			paths[x->file_count++] = source->paths[i];
	}
	x->has_facts = source->source->format == ASOF_FORMAT_PARQUET && !source->rows_sql &&
		       x->file_count > 0;
	if (!x->has_facts)
		return ASOF_OK;
	ASOF_TRY(asof_engine_parquet_facts(x->build.engine, paths, x->file_count, NULL, 0, 0,
					   &x->facts, &ignored, err));
	return asof_view_build_is_by_kernel(&x->build) ? plan_memory(x, err) : ASOF_OK;
}

/* As a build has them: each with those behind it that read the same. */
static void
number_scans(struct explaining *e)
{
	for (size_t i = 0; i < e->count; i++) {
		struct explained *first = &e->views[i];
		if (first->scan > 0 || !asof_view_build_is_by_kernel(&first->build))
			continue;
		first->scan = ++e->scan_count;
		for (size_t k = i + 1; k < e->count; k++) {
			struct explained *other = &e->views[k];
			if (other->scan == 0 &&
			    asof_view_build_can_share(&first->build, &other->build))
				other->scan = first->scan;
		}
	}
}

/* ---- doing ---- */

/* What does not fit is left to SQL, as a build does it. */
static enum asof_status
run_scan(struct explaining *e, size_t scan, struct asof_error *err)
{
	size_t count = 0;
	struct asof_view_build **builds = asof_arena_array(&e->arena, e->count, sizeof(*builds));
	if (!builds)
		return asof_build_no_memory(err, "explain");
	for (size_t i = 0; i < e->count; i++) {
		if (e->views[i].scan == scan)
			builds[count++] = &e->views[i].build;
	}
	struct asof_error why = { 0 };
	enum asof_status status =
		asof_view_build_scan(builds, count, asof_session_kernel_bytes(e->session), &why);
	if (status != ASOF_OK && status != ASOF_LIMIT)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

static enum asof_status
write_rows(struct explaining *e, struct explained *x, struct asof_error *err)
{
	const char *path = asof_temp_dir_file(&e->temp, &e->arena, "analyzed.parquet");
	int64_t start_us = asof_monotonic_us();
	if (!path)
		return asof_build_no_memory(err, "explain");
	ASOF_TRY(asof_build_write_rows(&x->build, path, &x->written, err));
	x->write_us = asof_monotonic_us() - start_us;
	x->build.report.engine = x->build.tiles ? "kernel" : "sql";
	if (x->scan > 0 && !x->build.tiles)
		x->build.report.engine_reason = "memory";
	asof_view_build_done(&x->build);
	return ASOF_OK;
}

/* Scan by scan, so that only the views of one are held; files go with the run. */
static enum asof_status
analyze(struct explaining *e, struct asof_error *err)
{
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(asof_join_temp_open(&e->temp, err));
	for (size_t scan = 0; scan <= e->scan_count; scan++) {
		if (scan > 0)
			ASOF_TRY(run_scan(e, scan, err));
		for (size_t i = 0; i < e->count; i++) {
			if (e->views[i].scan == scan && e->views[i].build.has_work)
				ASOF_TRY(write_rows(e, &e->views[i], err));
		}
	}
	e->elapsed_us = asof_monotonic_us() - start_us;
	return ASOF_OK;
}

/* ---- telling ---- */

/* Before a build has said itself. */
static void
name_engine(struct explained *x)
{
	struct asof_build_report *report = &x->build.report;
	if (!x->build.has_work || report->engine)
		return;
	asof_view_build_name_engine(&x->build);
	if (x->scan > 0)
		report->engine = "kernel";
}

static const char *
algorithm_of(const struct explained *x)
{
	const struct asof_view *view = x->build.state.view;
	const char *engine = x->build.report.engine;
	if (!engine)
		return NULL;
	if (strcmp(engine, "sql") == 0)
		return "reference sql";
	if (view->step_us > 0)
		return "rows merged into tiles as they come";
	return asof_view_is_windowed(view) ? "events kept, then sorted" : "rows kept, then sorted";
}

static void
write_optional(struct asof_json_writer *w, const char *name, bool is_known, uint64_t number)
{
	asof_json_key_cstr(w, name);
	if (is_known)
		asof_json_uint(w, number);
	else
		asof_json_null(w);
}

static void
write_view(struct asof_json_writer *w, struct explained *x)
{
	const struct asof_view_build *b = &x->build;
	name_engine(x);
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", b->state.view->name);
	asof_json_member_cstr(w, "mode", b->report.mode);
	asof_json_member_cstr(w, "reason", b->report.reason);
	asof_json_member_text(w, "engine", b->report.engine);
	asof_json_member_text(w, "engine_reason", b->report.engine_reason);
	asof_json_member_text(w, "algorithm", algorithm_of(x));
	write_optional(w, "scan", x->scan > 0, x->scan);
	asof_json_member_int(w, "files", (int64_t)b->cursor.file_count);
	asof_json_member_int(w, "files_read", (int64_t)x->file_count);
	write_optional(w, "rows", x->has_facts, x->facts.row_count);
	write_optional(w, "row_groups", x->has_facts, x->facts.row_group_count);
	write_optional(w, "bytes", x->has_facts, x->facts.size_bytes);
	write_optional(w, "planned_bytes", x->planned_bytes > 0, x->planned_bytes);
	asof_json_end_object(w);
}

/* One stage, of one view or of all that share its scan. */
static void
write_stage(struct asof_json_writer *w, const struct explaining *e, const char *name,
	    const struct explained *of, uint64_t rows, uint64_t bytes, int64_t elapsed_us)
{
	bool is_shared = strcmp(name, "write") != 0;
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "stage", name);
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < e->count; i++) {
		const struct explained *x = &e->views[i];
		if (x == of || (is_shared && x->scan == of->scan))
			asof_json_cstr(w, x->build.state.view->name);
	}
	asof_json_end_array(w);
	asof_json_member_int(w, "rows", (int64_t)rows);
	asof_json_member_int(w, "bytes", (int64_t)bytes);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)elapsed_us / 1e6);
	asof_json_end_object(w);
}

static void
write_scan(struct asof_json_writer *w, const struct explaining *e, size_t scan)
{
	const struct explained *first = NULL;
	uint64_t rows = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < e->count; i++) {
		const struct explained *x = &e->views[i];
		if (x->scan != scan)
			continue;
		first = first ? first : x;
		rows += x->build.scan_cost.made_row_count;
		bytes += x->build.scan_cost.made_bytes;
	}
	if (!first)
		return;
	const struct asof_view_scan_cost *cost = &first->build.scan_cost;
	write_stage(w, e, "scan", first, (uint64_t)first->build.scanned_row_count, 0,
		    cost->scan_us);
	write_stage(w, e, "sort", first, rows, bytes, cost->sort_us);
}

static void
write_stages(struct asof_json_writer *w, const struct explaining *e)
{
	asof_json_key_cstr(w, "stages");
	asof_json_begin_array(w);
	for (size_t scan = 0; scan <= e->scan_count; scan++) {
		if (scan > 0)
			write_scan(w, e, scan);
		for (size_t i = 0; i < e->count; i++) {
			const struct explained *x = &e->views[i];
			if (x->scan == scan && x->written.path)
				write_stage(w, e, "write", x, x->written.row_count,
					    x->written.size_bytes, x->write_us);
		}
	}
	asof_json_end_array(w);
	asof_json_key_cstr(w, "seconds");
	asof_json_double(w, (double)e->elapsed_us / 1e6);
}

static void
write_all(struct asof_json_writer *w, struct explaining *e)
{
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "memory");
	asof_json_begin_object(w);
	uint64_t bound = e->session->options.memory_bytes;
	write_optional(w, "bound_bytes", bound > 0, bound);
	asof_json_member_int(w, "kernel_bytes", (int64_t)asof_session_kernel_bytes(e->session));
	asof_json_end_object(w);
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < e->count; i++)
		write_view(w, &e->views[i]);
	asof_json_end_array(w);
	if (e->is_analyzed)
		write_stages(w, e);
	asof_json_end_object(w);
}

static enum asof_status
find_out(struct explaining *e, struct asof_error *err)
{
	const struct asof_view **views = NULL;
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_bind(e->session, err));
	ASOF_TRY(asof_session_pick_views(e->session, e->options->views, e->options->view_count,
					 &e->arena, &views, &e->count, err));
	ASOF_TRY(asof_upstream_order(&views, &e->count, false, &e->arena, err));
	ASOF_TRY(asof_session_catalog(e->session, &catalog, err));
	e->views = asof_arena_array(&e->arena, e->count, sizeof(*e->views));
	if (!e->views)
		return asof_build_no_memory(err, "explain");
	for (size_t i = 0; i < e->count; i++) {
		ASOF_TRY(begin(e, views[i], &e->views[i], err));
		ASOF_TRY(look_at_files(e, &e->views[i], err));
	}
	number_scans(e);
	return ASOF_OK;
}

enum asof_status
asof_explain_build(struct asof_session *session, const struct asof_build_options *options,
		   bool is_analyzed, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(explaining_done)
	struct explaining e = { .session = session,
				.options = options,
				.is_analyzed = is_analyzed };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_TRY(asof_build_check_options(options, err));
	ASOF_TRY(find_out(&e, err));
	if (is_analyzed)
		ASOF_TRY(analyze(&e, err));
	struct asof_json_writer w = asof_json_writer_to(&json);
	write_all(&w, &e);
	return asof_result_text(&json, ret_json, err);
}
