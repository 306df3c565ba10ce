/* openlineage.c - the catalog's runs for those that collect lineage: a file, or a server. */
#include <stdlib.h>

#include "base/fault.h"
#include "job/openlineage.h"
#include "lake/http_post.h"

#define RUNS_MAX        10000 /* the newest */
#define FILE_BYTES_MAX  (1u << 30)
#define EVENT_BYTES_MAX (64u << 20)

struct export
{
	struct asof_lineage_known known;
	struct asof_run *runs; /* owned; strings in known's arena */
	size_t run_count;
	size_t run_capacity;
	struct asof_openlineage_run *items; /* of runs and training sets, oldest first */
	size_t item_count;
	/* Where they go: one of them. */
	const char *url;
	const char *token;
	struct asof_buf buf; /* of the file, or of one event */
	int64_t event_count;
};

static void
export_done(struct export *export)
{
	asof_buf_done(&export->buf);
	asof_mem_free(export->runs);
	asof_lineage_known_done(&export->known);
}

/* ---- what there is ---- */

static enum asof_status
take_run(void *arg, const struct asof_run *run, struct asof_error *err)
{
	struct export *export = arg;
	void *runs = export->runs;
	ASOF_TRY(asof_mem_reserve(&runs, &export->run_capacity, export->run_count + 1,
				  sizeof(*export->runs), err));
	export->runs = runs;
	struct asof_run *copy = &export->runs[export->run_count];
	*copy = *run;
	const char **const texts[] = { &copy->id,      &copy->job,     &copy->name,  &copy->message,
				       &copy->version, &copy->made_by, &copy->reason };
	for (size_t i = 0; i < ASOF_COUNTOF(texts); i++) {
		*texts[i] = asof_arena_copy(&export->known.arena, asof_str_from(*texts[i]));
		if (!*texts[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "runs");
	}
	export->run_count++;
	return ASOF_OK;
}

static int
compare_items(const void *a, const void *b)
{
	const struct asof_openlineage_run *x = a;
	const struct asof_openlineage_run *y = b;
	return (x->started_us > y->started_us) - (x->started_us < y->started_us);
}

static enum asof_status
collect(struct asof_session *session, struct export *export, struct asof_error *err)
{
	struct asof_lineage_known *known = &export->known;
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_lineage_load(session, NULL, known, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(asof_catalog_runs(catalog, RUNS_MAX, take_run, export, err));
	size_t count = export->run_count + known->training_set_count;
	export->items = asof_arena_array(&known->arena, count, sizeof(*export->items));
	if (!export->items)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "runs");
	for (size_t i = 0; i < export->run_count; i++)
		export->items[export->item_count++] =
			(struct asof_openlineage_run){ .run = &export->runs[i],
						       .started_us = export->runs[i].started_us };
	for (size_t i = 0; i < known->training_set_count; i++)
		export->items[export->item_count++] =
			(struct asof_openlineage_run){ .set = &known->training_sets[i],
						       .started_us =
							       known->training_sets[i].made_us };
	qsort(export->items, count, sizeof(*export->items), compare_items);
	return ASOF_OK;
}

/* ---- where it goes ---- */

static enum asof_status
deliver(struct export *export, const struct asof_openlineage_run *item,
	enum asof_openlineage_type type, struct asof_error *err)
{
	if (export->url)
		asof_buf_clear(&export->buf);
	ASOF_TRY(asof_openlineage_write(&export->known, item, type, &export->buf, err));
	if (export->url) {
		const struct asof_http_post post = {
			.url = export->url,
			.token = export->token,
			.content_type = "application/json",
			.body = asof_buf_view(&export->buf),
			.cancel = &export->known.session->cancel,
		};
		enum asof_status status = asof_http_post_send(&post, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status,
					 "event %lld (those before it were taken; a run keeps its "
					 "number when it is sent again)",
					 (long long)export->event_count + 1);
	}
	export->event_count++;
	return ASOF_OK;
}

static enum asof_status
deliver_run(struct export *export, const struct asof_openlineage_run *item, struct asof_error *err)
{
	ASOF_TRY(asof_cancel_check(&export->known.session->cancel, err));
	ASOF_TRY(deliver(export, item, ASOF_OPENLINEAGE_START, err));
	if (item->run && item->run->state == ASOF_RUN_RUNNING)
		return ASOF_OK;
	bool has_failed = item->run && item->run->state == ASOF_RUN_FAILED;
	return deliver(export, item, has_failed ? ASOF_OPENLINEAGE_FAIL : ASOF_OPENLINEAGE_COMPLETE,
		       err);
}

static enum asof_status
write_file(struct export *export, const char *path, struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) + (slash == path) : 0;
	const char *dir =
		slash ? asof_arena_copy(&export->known.arena, (struct asof_str){ path, len }) : ".";
	const char *name = slash ? slash + 1 : path;
	if (!dir)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	if (*name == '\0')
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' is a directory", path);
	ASOF_TRY(asof_blob_open(dir, &blob, err));
	ASOF_TRY(asof_fault_point("openlineage.before_put", err));
	ASOF_TRY(asof_blob_put(blob, name, asof_buf_view(&export->buf), err));
	return asof_fault_point("openlineage.after_put", err);
}

static enum asof_status
find_target(struct export *export, const struct asof_openlineage_options *options,
	    struct asof_error *err)
{
	if (!options->to || !*options->to)
		return ASOF_FAIL(err, ASOF_INVALID, "say where to: a file or an URL");
	bool is_url =
		strncmp(options->to, "http://", 7) == 0 || strncmp(options->to, "https://", 8) == 0;
	export->buf = ASOF_BUF(is_url ? EVENT_BYTES_MAX : FILE_BYTES_MAX);
	if (!is_url && (strstr(options->to, "://") || options->token_env))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' %s", options->to,
				 options->token_env ? "is a file, which takes no token"
						    : "is neither a file nor http:// or https://");
	export->url = is_url ? options->to : NULL;
	if (!options->token_env)
		return ASOF_OK;
	export->token = getenv(options->token_env);
	if (!export->token || !*export->token)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "the environment variable '%s', which is to hold the token, is "
				 "not set",
				 options->token_env);
	return ASOF_OK;
}

enum asof_status
asof_openlineage(struct asof_session *session, const struct asof_openlineage_options *options,
		 char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	ASOF_AUTO(export_done) struct export export = { 0 };
	ASOF_TRY(find_target(&export, options, err));
	ASOF_TRY(collect(session, &export, err));
	for (size_t i = 0; i < export.item_count; i++)
		ASOF_TRY(deliver_run(&export, &export.items[i], err));
	if (!export.url)
		ASOF_TRY(write_file(&export, options->to, err));
	const char *shown = asof_uri_redacted(options->to, &export.known.arena);
	if (!shown)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "answer");
	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "to", shown);
	asof_json_member_int(&w, "runs", (int64_t) export.item_count);
	asof_json_member_int(&w, "events", export.event_count);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
