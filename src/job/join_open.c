/* join_open.c - what a join is asked for: features, views, spine, output, checked together. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job/join_known.h"
#include "job/join_run.h"
#include "job/on_demand.h"

void
asof_join_run_done(struct asof_join_run *run)
{
	for (size_t i = 0; i < run->table_count; i++)
		asof_version_table_done(&run->tables[i]);
	asof_join_on_demand_done(run);
	asof_version_set_done(&run->versions);
	asof_temp_dir_done(&run->temp);
	asof_arena_done(&run->arena);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
}

bool
asof_join_is_csv(const char *path)
{
	size_t len = strlen(path);
	return len > 4 && strcmp(path + len - 4, ".csv") == 0;
}

/* Is the file that a manifest stands beside, and that it tells of, in the format of `out`? */
static bool
has_same_format(const char *manifest, const char *out)
{
	static const char ending[] = ".parquet" ASOF_MANIFEST_ENDING;
	size_t len = strlen(manifest);
	bool is_parquet =
		len >= sizeof(ending) && strcmp(manifest + len - sizeof(ending) + 1, ending) == 0;
	return out && is_parquet != asof_join_is_csv(out);
}

/* Onto another spine it would not be the same training set. */
static enum asof_status
check_spine(struct asof_join_run *run, struct asof_error *err)
{
	const struct asof_manifest *manifest = &run->manifest;
	const char *from = run->options->from_manifest;
	struct asof_file_digest now;
	struct asof_error why = { 0 };
	enum asof_status status =
		asof_file_digest(manifest->spine, &run->session->cancel, &now, &why);
	if (status == ASOF_NOT_FOUND)
		return ASOF_FAIL(err, status,
				 "spine '%s' of '%s' is gone: put it back, or join onto a spine "
				 "that is there (--spine)",
				 manifest->spine, from);
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "spine %s", why.message);
	if (!manifest->has_digests || asof_file_digest_equal(&now, &manifest->spine_digest))
		return ASOF_OK;
	char sizes[96] = "as many bytes, but others";
	if (now.size_bytes != manifest->spine_digest.size_bytes)
		(void)snprintf(sizes, sizeof(sizes), "%" PRIu64 " bytes, then %" PRIu64,
			       now.size_bytes, manifest->spine_digest.size_bytes);
	return ASOF_FAIL(
		err, ASOF_INVALID,
		"spine '%s' has changed since '%s' was made (%s): put back what it was, or "
		"join anew (--spine)",
		manifest->spine, from, sizes);
}

/* A file is made again by the means that it was made by, unless others are asked for. */
static void
take_means(struct asof_join_run *run)
{
	struct asof_session_options *options = &run->session->options;
	if (options->threads == 0)
		options->threads = run->manifest.threads;
	if (options->memory_bytes == 0)
		options->memory_bytes = run->manifest.memory_bytes;
}

static enum asof_status
read_request(struct asof_join_run *run, struct asof_error *err)
{
	const struct asof_join_options *options = run->options;
	struct asof_manifest *manifest = &run->manifest;
	run->is_direct = options->is_direct;
	run->is_sql = options->is_sql;
	if (options->from_manifest) {
		ASOF_TRY(asof_manifest_read(options->from_manifest, &run->arena, manifest, err));
		run->is_direct = manifest->is_direct;
		run->is_sql = options->is_sql || manifest->is_sql;
		run->is_repeated = manifest->has_digests &&
				   has_same_format(options->from_manifest, options->out);
		run->repeated = manifest->result_digest;
		take_means(run);
		return ASOF_OK;
	}
	if (!options->spine)
		return ASOF_FAIL(err, ASOF_INVALID, "say which file to join onto: a spine");
	if (options->is_direct && options->has_as_of)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "a direct join reads sources as they are now: it takes no time of "
				 "versions");
	*manifest = (struct asof_manifest){ .spine = options->spine,
					    .time_column = options->time_column,
					    .service = options->service,
					    .known_at = options->known_at,
					    .known_at_us = options->known_at_us,
					    .is_direct = options->is_direct };
	return asof_feature_refs(run->session, options->service, options->features,
				 options->feature_count, &run->arena, &manifest->refs,
				 &manifest->ref_count, err);
}

/* ---- views ---- */

/* The version that a reference means. */
static enum asof_status
find_version(struct asof_join_run *run, const struct asof_feature_ref *ref,
	     const struct asof_version **ret_version, struct asof_error *err)
{
	struct asof_error why = { 0 };
	enum asof_status status = asof_version_set_find(&run->versions, ref->view, ref->version,
							run->options->has_as_of,
							run->options->as_of_us, ret_version, &why);
	if (status != ASOF_OK &&
	    !asof_project_view(run->session->project, asof_str_from(ref->view))) {
		const struct asof_view *none = NULL;
		return asof_session_find_view(run->session, asof_str_from(ref->view), &none, err);
	}
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "%s", why.message);
	return ASOF_OK;
}

/* The opened table of a reference's view; two versions of one view would share their column names.
 */
static enum asof_status
open_version(struct asof_join_run *run, struct asof_feature_ref *ref, size_t *ret_index,
	     struct asof_error *err)
{
	const struct asof_version *version = NULL;
	ASOF_TRY(find_version(run, ref, &version, err));
	size_t i = 0;
	while (i < run->table_count && strcmp(run->tables[i].version->view, ref->view) != 0)
		i++;
	if (i < run->table_count && run->tables[i].version != version)
		return ASOF_FAIL(err, ASOF_INVALID, "two versions of view '%s' in one join",
				 ref->view);
	if (i == run->table_count) {
		ASOF_TRY(asof_version_table_open(run->session, version, &run->arena,
						 &run->tables[i], err));
		run->table_count++;
	}
	ref->version = run->tables[i].version_text;
	*ret_index = i;
	return ASOF_OK;
}

static enum asof_status
open_direct(struct asof_join_run *run, const struct asof_feature_ref *ref, size_t *ret_index,
	    struct asof_error *err)
{
	const struct asof_view *view = NULL;
	if (ref->version)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "'%s@%s': a direct join computes from the definitions as they "
				 "stand, and knows no versions",
				 ref->view, ref->version);
	ASOF_TRY(asof_session_find_view(run->session, asof_str_from(ref->view), &view, err));
	size_t i = 0;
	while (i < run->table_count && run->tables[i].view != view)
		i++;
	if (i == run->table_count) {
		ASOF_TRY(asof_join_direct_open(run, view, i, err));
		run->table_count++;
	}
	*ret_index = i;
	return ASOF_OK;
}

static size_t
column_of(const struct asof_join_run *run, size_t table, size_t output)
{
	size_t i = 0;
	while (run->columns[i].view != table || run->columns[i].output != output)
		i++;
	return i;
}

static enum asof_status
add_output(struct asof_join_run *run, size_t table, const struct asof_output *output, bool is_shown,
	   struct asof_error *err)
{
	struct asof_plan_join_view *view = &run->views[table];
	for (size_t i = 0; i < view->output_count; i++) {
		if (view->outputs[i] != output)
			continue;
		/* asked for twice: once */
		return is_shown ? asof_join_on_demand_show(run, column_of(run, table, i), err)
				: ASOF_OK;
	}
	const struct asof_output **outputs =
		asof_arena_array(&run->arena, view->output_count + 1, sizeof(*outputs));
	struct asof_plan_join_column *columns =
		asof_arena_array(&run->arena, run->column_count + 1, sizeof(*columns));
	if (!outputs || !columns)
		return no_memory(err);
	for (size_t i = 0; i < view->output_count; i++)
		outputs[i] = view->outputs[i];
	outputs[view->output_count] = output;
	if (run->column_count > 0)
		memcpy(columns, run->columns, run->column_count * sizeof(*columns));
	columns[run->column_count++] = (struct asof_plan_join_column){ table, view->output_count };
	run->columns = columns;
	view->outputs = outputs;
	view->output_count++;
	return is_shown ? asof_join_on_demand_show(run, run->column_count - 1, err) : ASOF_OK;
}

static enum asof_status
add_ref(struct asof_join_run *run, struct asof_feature_ref *ref, struct asof_error *err)
{
	size_t table = 0;
	bool is_on_demand = false;
	ASOF_TRY(asof_join_on_demand_add(run, ref, &is_on_demand, err));
	if (is_on_demand)
		return ASOF_OK;
	if (run->is_direct)
		ASOF_TRY(open_direct(run, ref, &table, err));
	else
		ASOF_TRY(open_version(run, ref, &table, err));
	const struct asof_view *view = run->tables[table].view;
	if (strcmp(ref->feature, "*") == 0) {
		for (size_t i = 0; i < view->output_count; i++)
			ASOF_TRY(add_output(run, table, &view->outputs[i], !ref->is_input, err));
		return ASOF_OK;
	}
	const struct asof_output *output = asof_view_output(view, asof_str_from(ref->feature));
	if (!output)
		return asof_no_output(view, run->is_direct ? "as defined" : ref->version,
				      ref->feature, err);
	return add_output(run, table, output, !ref->is_input, err);
}

/*
 * The view with the outputs asked for and no others, and its layout: nothing else is read. Which
 * states a column has does not depend on the other outputs.
 */
static enum asof_status
keep_asked(struct asof_join_run *run, size_t index, struct asof_error *err)
{
	struct asof_plan_join_view *item = &run->views[index];
	struct asof_view *view = asof_arena_alloc(&run->arena, sizeof(*view));
	struct asof_output *outputs =
		asof_arena_array(&run->arena, item->output_count, sizeof(*outputs));
	const struct asof_output **asked =
		asof_arena_array(&run->arena, item->output_count, sizeof(*asked));
	struct asof_tile_layout *layout = asof_arena_alloc(&run->arena, sizeof(*layout));
	if (!view || !outputs || !asked || !layout)
		return no_memory(err);
	for (size_t i = 0; i < item->output_count; i++) {
		outputs[i] = *item->outputs[i];
		asked[i] = &outputs[i];
	}
	*view = *run->tables[index].view;
	view->outputs = outputs;
	view->output_count = item->output_count;
	item->outputs = asked;
	item->table = run->tables[index].plan;
	item->table.view = view;
	if (!asof_view_is_windowed(view))
		return ASOF_OK;
	item->table.layout = layout;
	return asof_tile_layout_make(view, &run->arena, layout, err);
}

/* The manifest says of which versions they were. */
static enum asof_status
append_refs(struct asof_join_run *run, const struct asof_feature_ref *inputs, size_t count,
	    struct asof_error *err)
{
	struct asof_manifest *manifest = &run->manifest;
	struct asof_feature_ref *refs =
		asof_arena_array(&run->arena, manifest->ref_count + count, sizeof(*refs));
	if (!refs)
		return no_memory(err);
	memcpy(refs, manifest->refs, manifest->ref_count * sizeof(*refs));
	memcpy(refs + manifest->ref_count, inputs, count * sizeof(*refs));
	manifest->refs = refs;
	manifest->ref_count += count;
	return ASOF_OK;
}

static enum asof_status
open_views(struct asof_join_run *run, struct asof_error *err)
{
	struct asof_manifest *manifest = &run->manifest;
	struct asof_feature_ref *inputs = NULL;
	size_t input_count = 0;
	if (manifest->ref_count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "no features are asked for");
	if (run->is_direct) {
		run->session->pins = manifest->tables;
		run->session->pin_count = manifest->table_count;
		ASOF_TRY(asof_session_bind(run->session, err));
		run->session->pin_count = 0;
	} else {
		ASOF_TRY(asof_on_demand_recall(run->session, err));
		ASOF_TRY(asof_version_set_read(run->session, &run->arena, &run->versions, err));
	}
	/* What is asked for decides on versions, and what is read for it comes behind. */
	ASOF_TRY(asof_join_on_demand_inputs(run, &inputs, &input_count, err));
	size_t max = manifest->ref_count + input_count;
	run->directs =
		run->is_direct ? asof_arena_array(&run->arena, max, sizeof(*run->directs)) : NULL;
	if (run->is_direct && !run->directs)
		return no_memory(err);
	run->tables = asof_arena_array(&run->arena, max, sizeof(*run->tables));
	run->views = asof_arena_array(&run->arena, max, sizeof(*run->views));
	run->matched = asof_arena_array(&run->arena, max, sizeof(*run->matched));
	run->scans = asof_arena_array(&run->arena, max, sizeof(*run->scans));
	if (!run->tables || !run->views || !run->matched || !run->scans)
		return no_memory(err);
	for (size_t i = 0; i < manifest->ref_count; i++)
		ASOF_TRY(add_ref(run, &manifest->refs[i], err));
	for (size_t i = 0; i < input_count; i++)
		ASOF_TRY(add_ref(run, &inputs[i], err));
	if (input_count > 0)
		ASOF_TRY(append_refs(run, inputs, input_count, err));
	for (size_t i = 0; i < run->table_count; i++) {
		ASOF_TRY(keep_asked(run, i, err));
		if (run->is_direct)
			ASOF_TRY(asof_join_direct_plan(run, i, err));
	}
	return run->is_direct ? asof_join_direct_record(run, err) : ASOF_OK;
}

static enum asof_status
open_asked(struct asof_join_run *run, struct asof_error *err)
{
	enum asof_status status = open_views(run, err);
	if (status != ASOF_OK && run->options->from_manifest)
		return ASOF_WRAP(err, status, "training set of '%s'", run->options->from_manifest);
	return status;
}

/* ---- output ---- */

/* The directory of the file to be written is there, and may be written to. */
static enum asof_status
check_out_dir(struct asof_join_run *run, const char *out, struct asof_error *err)
{
	const char *slash = strrchr(out, '/');
	size_t len = slash ? (size_t)(slash - out) + (slash == out) : 0;
	const char *dir = slash ? asof_arena_copy(&run->arena, (struct asof_str){ out, len }) : ".";
	if (!dir)
		return no_memory(err);
	if (access(dir, W_OK | X_OK) != 0)
		return ASOF_FAIL(err, errno == ENOENT ? ASOF_INVALID : ASOF_IO,
				 "'%s' cannot be written: directory '%s': %s", out, dir,
				 strerror(errno));
	return ASOF_OK;
}

static enum asof_status
check_out(struct asof_join_run *run, struct asof_error *err)
{
	const char *out = run->options->out;
	struct stat spine_info;
	struct stat out_info;
	size_t len = out ? strlen(out) : 0;
	if (!out)
		return ASOF_FAIL(err, ASOF_INVALID, "say which file to write");
	if (!asof_join_is_csv(out) && (len < 9 || strcmp(out + len - 8, ".parquet") != 0))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s': the name must end in .parquet or .csv",
				 out);
	if (stat(run->spine.path, &spine_info) == 0 && stat(out, &out_info) == 0 &&
	    spine_info.st_dev == out_info.st_dev && spine_info.st_ino == out_info.st_ino)
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is the spine itself", out);
	ASOF_TRY(check_out_dir(run, out, err));
	if (out[0] == '/') {
		run->out = out;
		return ASOF_OK;
	}
	char *cwd = realpath(".", NULL);
	run->out = cwd ? asof_arena_printf(&run->arena, "%s/%s", cwd, out) : NULL;
	free(cwd);
	return run->out ? ASOF_OK : no_memory(err);
}

/* A spine column that is called like a feature would make two of one name. */
static enum asof_status
check_names(const struct asof_join_run *run, struct asof_error *err)
{
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_view *view = &run->views[run->columns[i].view];
		ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(1024);
		asof_buf_printf(&name, "%s__%s", view->table.view->name,
				view->outputs[run->columns[i].output]->name);
		for (size_t f = 0; f < run->spine.field_count; f++) {
			if (strcmp(run->spine.fields[f].name, asof_buf_cstr(&name)) == 0)
				return ASOF_FAIL(err, ASOF_INVALID,
						 "spine '%s' has a column '%s' already",
						 run->spine.path, asof_buf_cstr(&name));
		}
	}
	for (size_t f = 0; f < run->spine.field_count; f++) {
		const char *name = run->spine.fields[f].name;
		if (strcmp(name, "asof_row") == 0 || strcmp(name, "asof_time_us") == 0)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "spine '%s': the column name '%s' is taken by the join",
					 run->spine.path, name);
	}
	return ASOF_OK;
}

static void
make_plan(struct asof_join_run *run)
{
	run->plan = (struct asof_plan_join){
		.spine_sql = run->spine.sql,
		.spine_row = run->spine.row,
		.spine_fields = run->spine.fields,
		.spine_field_count = run->spine.field_count,
		.time_column = run->spine.time_column,
		.time_type = run->spine.time_type,
		.views = run->views,
		.view_count = run->table_count,
		.columns = run->columns,
		.column_count = run->column_count,
		.known_at = (enum asof_plan_known_at)run->manifest.known_at,
		.known_at_us = run->manifest.known_at_us,
	};
}

enum asof_status
asof_join_run_open(struct asof_join_run *run, bool needs_out, struct asof_error *err)
{
	struct asof_session *session = run->session;
	run->now_us = asof_session_now_us(session);
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(read_request(run, err));
	ASOF_TRY(asof_session_engine(session, &run->engine, err));
	ASOF_TRY(open_asked(run, err));
	if (run->options->from_manifest)
		ASOF_TRY(check_spine(run, err));
	ASOF_TRY(asof_spine_open(session, run->manifest.spine, run->manifest.time_column,
				 run->tables, run->table_count, &run->arena, &run->spine, err));
	if (needs_out)
		ASOF_TRY(check_out(run, err));
	ASOF_TRY(check_names(run, err));
	ASOF_TRY(asof_join_on_demand_check(run, err));
	make_plan(run);
	ASOF_TRY(asof_join_check_known(run, err));
	run->manifest.spine = run->spine.path;
	run->manifest.time_column = run->spine.time_column;
	run->manifest.is_sql = run->is_sql;
	run->manifest.threads = asof_engine_threads(run->engine);
	run->manifest.memory_bytes = session->options.memory_bytes;
	return ASOF_OK;
}
