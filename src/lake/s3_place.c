/* s3_place.c - which bucket, where, and as whom: a location and the environment. */
#include <stdlib.h>

#include "lake/s3_client.h"

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "bucket");
}

/* The first of the variables that is set and not empty, or NULL. */
static const char *
first_set(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(names[i]);
		if (value && value[0])
			return value;
	}
	return NULL;
}

static enum asof_status
set_parameter(struct asof_s3_place *place, struct asof_str name, const char *value, bool *has_style,
	      struct asof_error *err)
{
	if (asof_str_equal(name, asof_str_from("endpoint"))) {
		place->endpoint = value;
	} else if (asof_str_equal(name, asof_str_from("region"))) {
		place->region = value;
	} else if (asof_str_equal(name, asof_str_from("path_style"))) {
		*has_style = true;
		place->is_path_style = strcmp(value, "true") == 0;
		if (!place->is_path_style && strcmp(value, "false") != 0)
			return ASOF_FAIL(err, ASOF_INVALID, "path_style is true or false");
	} else {
		return ASOF_FAIL(err, ASOF_INVALID,
				 "unknown parameter '%.*s' (have: endpoint, region, path_style)",
				 ASOF_STR_ARG(name));
	}
	return ASOF_OK;
}

static enum asof_status
read_parameters(struct asof_str text, struct asof_arena *arena, struct asof_s3_place *place,
		bool *has_style, struct asof_error *err)
{
	while (text.len > 0) {
		const char *end = memchr(text.ptr, '&', text.len);
		struct asof_str part = { text.ptr, end ? (size_t)(end - text.ptr) : text.len };
		const char *equals = memchr(part.ptr, '=', part.len);
		struct asof_str name = { part.ptr,
					 equals ? (size_t)(equals - part.ptr) : part.len };
		struct asof_str value = { equals ? equals + 1 : "",
					  equals ? part.len - name.len - 1 : 0 };
		const char *copy = asof_arena_copy(arena, value);
		if (!copy)
			return no_memory(err);
		ASOF_TRY(set_parameter(place, name, copy, has_style, err));
		size_t used = part.len + (end ? 1 : 0);
		text = (struct asof_str){ text.ptr + used, text.len - used };
	}
	return ASOF_OK;
}

/* "bucket/a/b" */
static enum asof_status
read_bucket(struct asof_str path, struct asof_arena *arena, struct asof_s3_place *place,
	    struct asof_error *err)
{
	const char *slash = path.len ? memchr(path.ptr, '/', path.len) : NULL;
	struct asof_str bucket = { path.ptr, slash ? (size_t)(slash - path.ptr) : path.len };
	struct asof_str prefix = { slash ? slash + 1 : "", slash ? path.len - bucket.len - 1 : 0 };
	while (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/')
		prefix.len--;
	if (bucket.len < 3 || bucket.len > 63)
		return ASOF_FAIL(err, ASOF_INVALID, "'%.*s' is no name of a bucket (3 to 63 bytes)",
				 ASOF_STR_ARG(bucket));
	place->bucket = asof_arena_copy(arena, bucket);
	place->prefix =
		asof_arena_printf(arena, "%.*s%s", ASOF_STR_ARG(prefix), prefix.len ? "/" : "");
	return place->bucket && place->prefix ? ASOF_OK : no_memory(err);
}

static enum asof_status
read_credentials(struct asof_s3_place *place, struct asof_error *err)
{
	place->key_id = getenv("AWS_ACCESS_KEY_ID");
	place->secret = getenv("AWS_SECRET_ACCESS_KEY");
	place->token = first_set((const char *const[]){ "AWS_SESSION_TOKEN" }, 1);
	if (!place->key_id || !place->key_id[0] || !place->secret || !place->secret[0])
		return ASOF_FAIL(err, ASOF_INVALID,
				 "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	return ASOF_OK;
}

static enum asof_status
complete_endpoint(struct asof_s3_place *place, bool has_style, struct asof_arena *arena,
		  struct asof_error *err)
{
	static const char *const variables[] = { "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL" };
	if (!place->endpoint)
		place->endpoint = first_set(variables, ASOF_COUNTOF(variables));
	if (!place->endpoint) {
		place->endpoint =
			asof_arena_printf(arena, "https://s3.%s.amazonaws.com", place->region);
		return place->endpoint ? ASOF_OK : no_memory(err);
	}
	size_t len = strlen(place->endpoint);
	if (strncmp(place->endpoint, "http://", 7) != 0 &&
	    strncmp(place->endpoint, "https://", 8) != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "endpoint '%s' begins with neither http:// nor https://",
				 place->endpoint);
	while (len > 0 && place->endpoint[len - 1] == '/')
		len--;
	place->endpoint = asof_arena_copy(arena, (struct asof_str){ place->endpoint, len });
	if (!place->endpoint)
		return no_memory(err);
	if (!has_style)
		place->is_path_style = true;
	return ASOF_OK;
}

enum asof_status
asof_s3_place_read(struct asof_str location, struct asof_arena *arena,
		   struct asof_s3_place *ret_place, struct asof_error *err)
{
	static const char *const regions[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };
	struct asof_s3_place place = { 0 };
	bool has_style = false;
	if (location.len > 2 && memcmp(location.ptr, "//", 2) == 0)
		location = (struct asof_str){ location.ptr + 2, location.len - 2 };
	const char *mark = location.len ? memchr(location.ptr, '?', location.len) : NULL;
	struct asof_str path = { location.ptr,
				 mark ? (size_t)(mark - location.ptr) : location.len };
	ASOF_TRY(read_bucket(path, arena, &place, err));
	if (mark)
		ASOF_TRY(read_parameters((struct asof_str){ mark + 1, location.len - path.len - 1 },
					 arena, &place, &has_style, err));
	ASOF_TRY(read_credentials(&place, err));
	if (!place.region)
		place.region = first_set(regions, ASOF_COUNTOF(regions));
	if (!place.region)
		place.region = "us-east-1";
	ASOF_TRY(complete_endpoint(&place, has_style, arena, err));
	*ret_place = place;
	return ASOF_OK;
}
