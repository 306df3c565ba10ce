/* vacuum.c - remove what no version within a retention needs from the tables of views. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "job/checkpoint.h"
#include "job/lost_sets.h"
#include "job/run_record.h"
#include "job/upstream.h"
#include "job/versions.h"
#include "model/duration.h"

#define RETENTION_US       (7 * 24 * 3600 * ASOF_US_PER_SECOND)
#define RETENTION_LEAST_US (3600 * ASOF_US_PER_SECOND)
#define KINDS              3

struct sum {
	int64_t count;
	uint64_t bytes;
};

/* What a table is relieved of. */
struct relief {
	struct asof_json_writer *w; /* in the list of names */
	struct asof_lost_sets lost;
	struct sum sums[KINDS];
	uint64_t bytes;
};

static void
relief_done(struct relief *relief)
{
	asof_lost_sets_done(&relief->lost);
}

static enum asof_status
note_removed(void *arg, enum asof_vacuum_kind kind, const struct asof_blob_info *object,
	     struct asof_error *err)
{
	struct relief *relief = arg;
	ASOF_TRY(asof_lost_sets_note(&relief->lost, object->name, err));
	relief->sums[kind].count++;
	relief->sums[kind].bytes += object->size_bytes;
	relief->bytes += object->size_bytes;
	asof_json_str(relief->w, object->name);
	return ASOF_OK;
}

/* Of a view's versions: the tables that must stay, and the oldest one from a table's version on. */
struct versions {
	int64_t current; /* table version that the name means now; -1: none */
	int64_t from;
	struct asof_arena *arena;
	int64_t oldest;
	const char *oldest_text;
};

static enum asof_status
note_version(void *arg, const struct asof_version *version, struct asof_error *err)
{
	struct versions *versions = arg;
	if (version->is_current)
		versions->current = version->table_version;
	if (version->table_version < versions->from ||
	    (versions->oldest_text && version->table_version >= versions->oldest))
		return ASOF_OK;
	versions->oldest = version->table_version;
	versions->oldest_text = asof_version_text(version, versions->arena);
	return versions->oldest_text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
}

static void
write_sums(struct asof_json_writer *w, const struct relief *relief)
{
	static const char *const counts[] = { "data_files", "log_files", "temporary_files" };
	static const char *const bytes[] = { "data_bytes", "log_bytes", "temporary_bytes" };
	for (size_t i = 0; i < KINDS; i++) {
		asof_json_member_int(w, counts[i], relief->sums[i].count);
		asof_json_member_int(w, bytes[i], (int64_t)relief->sums[i].bytes);
	}
	asof_json_member_int(w, "bytes", (int64_t)relief->bytes);
}

/* So that whoever misses a file learns since when. */
static enum asof_status
record_run(struct asof_session *session, const char *view, const struct relief *relief,
	   int64_t started_us, struct asof_arena *arena, struct asof_error *err)
{
	const struct asof_run run = {
		.id = asof_arena_printf(arena, "vacuum-%s-%" PRIx64, view, (uint64_t)started_us),
		.job = "vacuum",
		.name = view,
		.state = ASOF_RUN_DONE,
		.started_us = started_us,
		.finished_us = asof_session_now_us(session),
		.message = asof_arena_printf(arena, "%" PRId64 " data files removed",
					     relief->sums[ASOF_VACUUM_DATA].count),
	};
	if (!run.id || !run.message)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "run");
	return asof_run_record(session, &run, err);
}

static enum asof_status
vacuum_view(struct asof_session *session, const char *view,
	    const struct asof_vacuum_options *options, struct asof_json_writer *w, uint64_t *bytes,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	struct versions versions = { .current = -1, .arena = &arena };
	ASOF_AUTO(relief_done) struct relief relief = { .w = w };
	int64_t kept = -1;
	ASOF_TRY(asof_cancel_check(&session->cancel, err));
	ASOF_TRY(asof_catalog_versions(session->catalog, view, note_version, &versions, err));
	ASOF_TRY(asof_lost_sets_begin(session, view, &arena, &relief.lost, err));
	const int64_t *pinned = NULL;
	size_t pinned_count = 0;
	ASOF_TRY(asof_upstream_pins(session, view, versions.current, &arena, &pinned, &pinned_count,
				    err));
	struct asof_vacuum_rules rules = { .now_us = asof_session_now_us(session),
					   .retention_us = options->retention_us,
					   .pinned = pinned,
					   .pinned_count = pinned_count,
					   .is_dry_run = options->is_dry_run,
					   .io = &io,
					   .visit = note_removed,
					   .arg = &relief };
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", view);
	asof_json_key_cstr(w, "removed");
	asof_json_begin_array(w);
	ASOF_TRY(asof_table_vacuum(session->lake, view, &rules, &kept, err));
	asof_json_end_array(w);
	write_sums(w, &relief);
	asof_lost_sets_write(&relief.lost, w);
	if (!options->is_dry_run && relief.bytes > 0)
		ASOF_TRY(record_run(session, view, &relief, rules.now_us, &arena, err));

	versions = (struct versions){ .current = -1, .from = kept, .arena = &arena };
	ASOF_TRY(asof_catalog_versions(session->catalog, view, note_version, &versions, err));
	asof_json_key_cstr(w, "kept_from");
	if (versions.oldest_text)
		asof_json_cstr(w, versions.oldest_text);
	else
		asof_json_null(w);
	asof_json_end_object(w);
	*bytes += relief.bytes;
	return ASOF_OK;
}

static enum asof_status
check_retention(struct asof_vacuum_options *options, struct asof_error *err)
{
	char text[ASOF_DURATION_TEXT_MAX];
	if (!options->has_retention)
		options->retention_us = RETENTION_US;
	if (options->retention_us < 0)
		return ASOF_FAIL(err, ASOF_INVALID, "a retention cannot be negative");
	if (options->retention_us >= RETENTION_LEAST_US || options->is_forced)
		return ASOF_OK;
	return ASOF_FAIL(
		err, ASOF_INVALID,
		"a retention of %s is shorter than an hour: files that a running build has "
		"written, and versions that jobs are reading, would be removed (--force, "
		"when nothing else runs)",
		asof_duration_text(options->retention_us, text));
}

enum asof_status
asof_vacuum(struct asof_session *session, const struct asof_vacuum_options *given, char **ret_json,
	    struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	struct asof_vacuum_options options = *given;
	struct asof_catalog *catalog = NULL;
	struct asof_blob *lake = NULL;
	const struct asof_view **views = NULL;
	char text[ASOF_DURATION_TEXT_MAX];
	size_t count = 0;
	uint64_t bytes = 0;

	ASOF_TRY(check_retention(&options, err));
	ASOF_TRY(asof_session_check_text(session, err));
	ASOF_TRY(asof_session_pick_views(session, options.views, options.view_count, &arena, &views,
					 &count, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(asof_session_lake(session, &lake, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++) {
		asof_session_stage(session, "vacuum '%s'", views[i]->name);
		ASOF_TRY(vacuum_view(session, views[i]->name, &options, &w, &bytes, err));
	}
	asof_json_end_array(&w);
	asof_json_member_cstr(&w, "retention", asof_duration_text(options.retention_us, text));
	asof_json_member_bool(&w, "dry_run", options.is_dry_run);
	asof_json_member_int(&w, "bytes", (int64_t)bytes);
	asof_json_end_object(&w);
	return asof_result_text(&json, ret_json, err);
}
