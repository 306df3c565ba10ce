/* lineage_file.c - a training set by its manifest, where no catalog knows it. */
#include <stdlib.h>
#include <unistd.h>

#include "job/lineage_load.h"
#include "job/manifest.h"

static bool
is_known(const struct asof_lineage_known *known, const char *path)
{
	for (size_t i = 0; i < known->training_set_count; i++) {
		if (strcmp(known->training_sets[i].path, path) == 0)
			return true;
	}
	return false;
}

/* The file's absolute path; NULL where there is none, or none with a manifest. */
static const char *
find_file(const char *file, struct asof_arena *arena)
{
	char *real = realpath(file, NULL);
	const char *path = real ? asof_arena_copy(arena, asof_str_from(real)) : NULL;
	const char *manifest = path ? asof_manifest_path(path, arena) : NULL;
	free(real);
	return manifest && access(manifest, F_OK) == 0 ? path : NULL;
}

/* Each view once; as in the catalog, null of a direct join. */
static void
write_views(const struct asof_manifest *manifest, struct asof_buf *buf)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	for (size_t i = 0; i < manifest->ref_count; i++) {
		const struct asof_feature_ref *ref = &manifest->refs[i];
		bool is_first = true;
		for (size_t k = 0; k < i; k++)
			is_first = is_first && strcmp(manifest->refs[k].view, ref->view) != 0;
		if (is_first)
			asof_json_member_text(&w, ref->view,
					      manifest->is_direct ? NULL : ref->version);
	}
	asof_json_end_object(&w);
}

static void
write_features(const struct asof_manifest *manifest, struct asof_buf *buf, struct asof_arena *arena)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_array(&w);
	for (size_t i = 0; i < manifest->ref_count; i++) {
		const char *name = asof_arena_printf(arena, "%s.%s", manifest->refs[i].view,
						     manifest->refs[i].feature);
		asof_json_cstr(&w, name ? name : "");
	}
	asof_json_end_array(&w);
}

enum asof_status
asof_lineage_load_file(struct asof_lineage_known *known, const char *file, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf views = ASOF_BUF(16u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf features = ASOF_BUF(64u << 20);
	struct asof_manifest manifest;
	const char *path = find_file(file, &arena);
	if (!path || is_known(known, path))
		return ASOF_OK;
	const char *manifest_path = asof_manifest_path(path, &arena);
	if (!manifest_path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "manifest");
	ASOF_TRY(asof_manifest_read(manifest_path, &arena, &manifest, err));
	write_views(&manifest, &views);
	write_features(&manifest, &features, &arena);
	ASOF_TRY(asof_buf_status(&views, err));
	ASOF_TRY(asof_buf_status(&features, err));
	const struct asof_training_set set = { .path = path,
					       .spine = manifest.spine,
					       .service = manifest.service ? manifest.service : "",
					       .views = asof_buf_cstr(&views),
					       .features = asof_buf_cstr(&features),
					       .made_by = "" };
	return asof_lineage_take_training_set(known, &set, err);
}
