#include "job/lost_sets.h"

#include <stdio.h>

#include "codec/json_reader.h"
#include "job/version_files.h"

#define NAME_MAX_BYTES 1024

void
asof_lost_sets_done(struct asof_lost_sets *lost)
{
	asof_mem_free(lost->sets);
	asof_map_done(&lost->removed);
	*lost = (struct asof_lost_sets){ 0 };
}

/* The version of the view that a training set was made from, in the arena; NULL: of none. */
static enum asof_status
find_used(struct asof_lost_sets *lost, const struct asof_training_set *set, const char **ret_text,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *views = NULL;
	*ret_text = NULL;
	enum asof_status status = asof_json_read(asof_str_from(set->views), &arena, &views, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "views of '%s'", set->path);
	const struct asof_json *member = asof_json_member(views, lost->view);
	if (!member || member->kind != ASOF_JSON_STRING)
		return ASOF_OK;
	*ret_text = asof_arena_copy(lost->arena, member->text);
	return *ret_text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "version");
}

/* The table of a version, as it was read for another set before. */
static const struct asof_table_snapshot *
find_read(const struct asof_lost_sets *lost, const char *version)
{
	for (size_t i = 0; i < lost->count; i++) {
		if (strcmp(lost->sets[i].version, version) == 0)
			return &lost->sets[i].snapshot;
	}
	return NULL;
}

/* Those that are lost already are nobody's news. */
static enum asof_status
take_set(void *arg, const struct asof_training_set *set, struct asof_error *err)
{
	struct asof_lost_sets *lost = arg;
	struct asof_kept_set kept = { 0 };
	ASOF_TRY(find_used(lost, set, &kept.version, err));
	if (!kept.version)
		return ASOF_OK;
	const struct asof_table_snapshot *read = find_read(lost, kept.version);
	if (read) {
		kept.snapshot = *read;
	} else {
		struct asof_version version;
		enum asof_status status =
			asof_catalog_find_version(lost->session->catalog, lost->view, kept.version,
						  lost->arena, &version, NULL);
		if (status == ASOF_OK)
			status = asof_version_read_table(lost->session, &version, lost->arena,
							 &kept.snapshot, NULL);
		if (status == ASOF_NO_MEMORY)
			return ASOF_FAIL(err, status, "training set '%s'", set->path);
		if (status != ASOF_OK)
			return ASOF_OK;
	}
	kept.path = asof_arena_copy(lost->arena, asof_str_from(set->path));
	if (!kept.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set '%s'", set->path);
	ASOF_TRY(asof_mem_reserve((void **)&lost->sets, &lost->capacity, lost->count + 1,
				  sizeof(*lost->sets), err));
	lost->sets[lost->count++] = kept;
	return ASOF_OK;
}

enum asof_status
asof_lost_sets_begin(struct asof_session *session, const char *view, struct asof_arena *arena,
		     struct asof_lost_sets *ret_lost, struct asof_error *err)
{
	*ret_lost = (struct asof_lost_sets){ .session = session, .view = view, .arena = arena };
	return asof_catalog_training_sets(session->catalog, SIZE_MAX, take_set, ret_lost, err);
}

enum asof_status
asof_lost_sets_note(struct asof_lost_sets *lost, struct asof_str object, struct asof_error *err)
{
	return asof_map_put(&lost->removed, object, NULL, err);
}

static bool
is_removed(const struct asof_lost_sets *lost, const char *name)
{
	char object[NAME_MAX_BYTES];
	int len = snprintf(object, sizeof(object), "%s/%s", lost->view, name);
	if (len < 0 || (size_t)len >= sizeof(object))
		return false;
	return asof_map_find(&lost->removed, (struct asof_str){ object, (size_t)len }, NULL);
}

/* One of its files goes, or its entry of the log. */
static bool
is_lost(const struct asof_lost_sets *lost, const struct asof_table_snapshot *snapshot)
{
	char entry[64];
	(void)snprintf(entry, sizeof(entry), "_delta_log/%020lld.json",
		       (long long)snapshot->version);
	bool is_gone = is_removed(lost, entry);
	for (size_t i = 0; i < snapshot->file_count && !is_gone; i++)
		is_gone = is_removed(lost, snapshot->files[i].name);
	return is_gone;
}

void
asof_lost_sets_write(const struct asof_lost_sets *lost, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "training_sets");
	asof_json_begin_array(w);
	for (size_t i = 0; i < lost->count; i++) {
		if (!is_lost(lost, &lost->sets[i].snapshot))
			continue;
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "path", lost->sets[i].path);
		asof_json_member_cstr(w, "version", lost->sets[i].version);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}
