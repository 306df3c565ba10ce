#include "job/training_sets.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/json_reader.h"
#include "job/describe.h"

#define LISTED_MAX 1000

static void
write_views(struct asof_buf *buf, const struct asof_manifest *manifest,
	    const struct asof_version_table *tables, size_t table_count)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	for (size_t i = 0; i < table_count; i++) {
		asof_json_key_cstr(&w, tables[i].version->view);
		if (manifest->is_direct)
			asof_json_null(&w);
		else
			asof_json_cstr(&w, tables[i].version_text);
	}
	asof_json_end_object(&w);
}

static void
write_features(struct asof_buf *buf, const struct asof_manifest *manifest)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(4096);
	asof_json_begin_array(&w);
	for (size_t i = 0; i < manifest->ref_count; i++) {
		if (manifest->refs[i].is_input)
			continue;
		asof_buf_clear(&name);
		asof_buf_printf(&name, "%s.%s", manifest->refs[i].view, manifest->refs[i].feature);
		asof_json_str(&w, asof_buf_view(&name));
	}
	asof_json_end_array(&w);
}

enum asof_status
asof_training_set_record(struct asof_session *session, const struct asof_manifest *manifest,
			 const struct asof_version_table *tables, size_t table_count,
			 const char *out, int64_t row_count, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf views = ASOF_BUF(16u << 20);
	ASOF_AUTO(asof_buf_done) struct asof_buf features = ASOF_BUF(64u << 20);
	struct asof_catalog *catalog = NULL;
	write_views(&views, manifest, tables, table_count);
	write_features(&features, manifest);
	ASOF_TRY(asof_buf_status(&views, err));
	ASOF_TRY(asof_buf_status(&features, err));
	ASOF_TRY(asof_session_catalog(session, &catalog, err));

	char *real = realpath(out, NULL);
	if (!real)
		return ASOF_FAIL(err, ASOF_IO, "'%s': %s", out, strerror(errno));
	const char *path = asof_arena_copy(&arena, asof_str_from(real));
	free(real);
	const struct asof_training_set set = { .path = path,
					       .spine = manifest->spine,
					       .service = manifest->service,
					       .views = asof_buf_cstr(&views),
					       .features = asof_buf_cstr(&features),
					       .row_count = row_count,
					       .made_us = asof_session_now_us(session),
					       .made_by = session->made_by };
	if (!set.path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "training set");
	return asof_catalog_put_training_set(catalog, &set, err);
}

static enum asof_status
reads_view(const struct asof_training_set *set, const char *view, bool *ret_reads,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *views = NULL;
	ASOF_TRY(asof_json_read(asof_str_from(set->views), &arena, &views, err));
	*ret_reads = asof_json_member(views, view) != NULL;
	return ASOF_OK;
}

static enum asof_status
write_training_set(void *arg, const struct asof_training_set *set, struct asof_error *err)
{
	struct asof_json_writer *w = arg;
	(void)err;
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "path", set->path);
	asof_json_member_int(w, "rows", set->row_count);
	asof_json_key_cstr(w, "views");
	asof_json_raw(w, asof_str_from(set->views));
	asof_describe_time(w, "made", set->made_us);
	asof_json_member_cstr(w, "made_by", set->made_by);
	asof_json_member_cstr(w, "spine", set->spine);
	asof_json_member_cstr(w, "service", set->service);
	asof_json_key_cstr(w, "features");
	asof_json_raw(w, asof_str_from(set->features));
	asof_json_end_object(w);
	return ASOF_OK;
}

enum asof_status
asof_training_sets_write(struct asof_session *session, struct asof_json_writer *w,
			 struct asof_error *err)
{
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	return asof_catalog_training_sets(catalog, LISTED_MAX, write_training_set, w, err);
}

struct readers {
	struct asof_json_writer *w;
	const char *view;
};

static enum asof_status
write_reader(void *arg, const struct asof_training_set *set, struct asof_error *err)
{
	const struct readers *readers = arg;
	bool reads = false;
	enum asof_status status = reads_view(set, readers->view, &reads, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "views of '%s'", set->path);
	if (reads)
		asof_json_cstr(readers->w, set->path);
	return ASOF_OK;
}

enum asof_status
asof_training_sets_of(struct asof_session *session, const char *view, struct asof_json_writer *w,
		      struct asof_error *err)
{
	struct readers readers = { w, view };
	struct asof_catalog *catalog = NULL;
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	return asof_catalog_training_sets(catalog, LISTED_MAX, write_reader, &readers, err);
}
