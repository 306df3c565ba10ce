/*
 * objects.c - lakes and sources in buckets.
 *
 * A bucket is one place for all: a source in the lake's bucket is read from the endpoint that the
 * lake's location names.
 */
#include "job/objects.h"

#include "lake/s3_list.h"

#define SCHEME "s3:"

/* What follows "s3:" and the slashes behind it, or an empty text. */
static struct asof_str
behind_scheme(const char *uri)
{
	if (!uri || strncmp(uri, SCHEME, sizeof(SCHEME) - 1) != 0)
		return (struct asof_str){ "", 0 };
	uri += sizeof(SCHEME) - 1;
	return asof_str_from(strncmp(uri, "//", 2) == 0 ? uri + 2 : uri);
}

static struct asof_str
bucket_of(const char *uri)
{
	struct asof_str rest = behind_scheme(uri);
	return (struct asof_str){ rest.ptr, strcspn(rest.ptr, "/?") };
}

/* The bucket that a source is in; `bucket` is not empty. */
static enum asof_status
read_place(const struct asof_session *session, struct asof_str bucket, struct asof_arena *arena,
	   struct asof_s3_place *ret_place, struct asof_error *err)
{
	const char *lake = session->project->lake;
	const char *parameters = strchr(behind_scheme(lake).ptr, '?');
	bool is_the_lakes = asof_str_equal(bucket, bucket_of(lake));
	const char *location = asof_arena_printf(arena, "%.*s%s", ASOF_STR_ARG(bucket),
						 is_the_lakes && parameters ? parameters : "");
	if (!location)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "bucket");
	enum asof_status status =
		asof_s3_place_read(asof_str_from(location), arena, ret_place, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "open 's3://%.*s'", ASOF_STR_ARG(bucket));
	return ASOF_OK;
}

/* --- the engine --------------------------------------------------------------------------------
 */

static enum asof_status
use_bucket(const struct asof_session *session, struct asof_engine *engine, struct asof_str bucket,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_s3_place place;
	ASOF_TRY(read_place(session, bucket, &arena, &place, err));
	const char *scope = asof_arena_printf(&arena, "s3://%s/", place.bucket);
	if (!scope)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "bucket");
	const struct asof_engine_s3 s3 = {
		.scope = scope,
		.endpoint = place.endpoint,
		.region = place.region,
		.is_path_style = place.is_path_style,
		.key_id = place.key_id,
		.secret = place.secret,
		.token = place.token,
	};
	enum asof_status status = asof_engine_use_s3(engine, &s3, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "open '%s'", scope);
	return ASOF_OK;
}

/* Location 0 is the lake's, those that follow the sources'. */
static struct asof_str
bucket_at(const struct asof_project *project, size_t i)
{
	if (i == 0)
		return bucket_of(project->lake);
	const struct asof_source *source = &project->sources[i - 1];
	return bucket_of(asof_source_is_object(source) ? source->location.text : NULL);
}

enum asof_status
asof_objects_use(const struct asof_session *session, struct asof_engine *engine,
		 struct asof_error *err)
{
	const struct asof_project *project = session->project;
	for (size_t i = 0; project && i <= project->source_count; i++) {
		struct asof_str bucket = bucket_at(project, i);
		bool is_known = bucket.len == 0;
		for (size_t k = 0; k < i && !is_known; k++)
			is_known = asof_str_equal(bucket, bucket_at(project, k));
		if (!is_known)
			ASOF_TRY(use_bucket(session, engine, bucket, err));
	}
	return ASOF_OK;
}

/* --- sources -----------------------------------------------------------------------------------
 */

struct visiting {
	struct asof_s3_client *client;
	asof_source_object_fn *visit;
	void *arg;
};

static enum asof_status
visit_info(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	const struct visiting *v = arg;
	return v->visit(v->arg, info->name, info->size_bytes, info->modified_us, err);
}

static enum asof_status
list_keys(void *arg, struct asof_str prefix, asof_source_object_fn *visit, void *visit_arg,
	  struct asof_error *err)
{
	struct visiting visiting = { arg, visit, visit_arg };
	return asof_s3_list(arg, prefix, visit_info, &visiting, err);
}

enum asof_status
asof_objects_list(struct asof_session *session, const struct asof_source *source,
		  const struct asof_source_file **ret_files, size_t *ret_count,
		  struct asof_error *err)
{
	if (!asof_source_is_object(source))
		return asof_source_list(source, session->project->dir, &session->arena, ret_files,
					ret_count, err);
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_s3_client_free_auto) struct asof_s3_client *client = NULL;
	struct asof_s3_place place;
	ASOF_TRY(read_place(session, bucket_of(source->location.text), &arena, &place, err));
	ASOF_TRY(asof_s3_client_new(&place, &client, err));
	const struct asof_source_objects objects = { list_keys, client };
	return asof_source_list_objects(source, &objects, &session->arena, ret_files, ret_count,
					err);
}
