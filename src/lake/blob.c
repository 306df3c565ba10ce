/* blob.c - names checked, error context, and the table of implementations. */
#include "lake/blob.h"

#include <assert.h>

#include "lake/blob_impls.h"
#include "model/project.h"

#define NAME_BYTES_MAX 1024

/* Add an implementation here and in blob_impls.h; nothing else needs to know. */
static const struct asof_blob_ops *const implementations[] = {
	&asof_blob_file_ops,
	&asof_blob_s3_ops,
};

static const struct asof_blob_ops *
find_ops(struct asof_str scheme)
{
	for (size_t i = 0; i < ASOF_COUNTOF(implementations); i++) {
		if (asof_str_equal(scheme, asof_str_from(implementations[i]->scheme)))
			return implementations[i];
	}
	return NULL;
}

/* What has no scheme of ours and no "://" is a directory, colons and all. */
static enum asof_status
choose(const char *uri, const struct asof_blob_ops **ret_ops, struct asof_str *ret_location,
       struct asof_error *err)
{
	const char *colon = strchr(uri, ':');
	struct asof_str scheme = { uri, colon ? (size_t)(colon - uri) : 0 };
	const struct asof_blob_ops *ops = colon ? find_ops(scheme) : NULL;
	if (!ops && colon && strncmp(colon, "://", 3) == 0)
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "no lake of kind '%.*s' (have: a directory, s3://)",
				 ASOF_STR_ARG(scheme));
	*ret_location = asof_str_from(ops ? colon + 1 : uri);
	*ret_ops = ops ? ops : &asof_blob_file_ops;
	return ASOF_OK;
}

enum asof_status
asof_blob_open(const char *uri, struct asof_blob **ret_blob, struct asof_error *err)
{
	assert(uri && ret_blob);
	const struct asof_blob_ops *ops = NULL;
	struct asof_str location;
	ASOF_TRY(choose(uri, &ops, &location, err));
	enum asof_status status = ops->open(location, ret_blob, err);
	if (status == ASOF_OK)
		return ASOF_OK;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *redacted = asof_uri_redacted(uri, &arena);
	return ASOF_WRAP(err, status, "open '%s'", redacted ? redacted : ops->scheme);
}

void
asof_blob_free(struct asof_blob *blob)
{
	if (blob)
		blob->ops->close(blob);
}

static bool
is_good_part(struct asof_str part)
{
	return part.len > 0 && !asof_str_equal(part, asof_str_from(".")) &&
	       !asof_str_equal(part, asof_str_from(".."));
}

static enum asof_status
check_name(struct asof_str name, struct asof_error *err)
{
	if (name.len == 0 || name.len > NAME_BYTES_MAX)
		return ASOF_FAIL(err, ASOF_INVALID, "object name of %zu bytes (1 to %d)", name.len,
				 NAME_BYTES_MAX);
	struct asof_str rest = name;
	for (bool is_last = false; !is_last;) {
		const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
		struct asof_str part = { rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len };
		if (!is_good_part(part))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "'%.*s' is no name of an object (parts, '/' between them)",
					 ASOF_STR_ARG(name));
		is_last = !slash;
		if (slash)
			rest = (struct asof_str){ slash + 1, rest.len - part.len - 1 };
	}
	return ASOF_OK;
}

enum asof_status
asof_blob_read(struct asof_blob *blob, const char *name, struct asof_buf *buf,
	       struct asof_error *err)
{
	assert(blob && name && buf);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->read(blob, name, buf, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read '%s'", name);
	return ASOF_OK;
}

enum asof_status
asof_blob_put_if_absent(struct asof_blob *blob, const char *name, struct asof_str bytes,
			struct asof_error *err)
{
	assert(blob && name);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->put_if_absent(blob, name, bytes, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "create '%s'", name);
	return ASOF_OK;
}

enum asof_status
asof_blob_put(struct asof_blob *blob, const char *name, struct asof_str bytes,
	      struct asof_error *err)
{
	assert(blob && name);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->put(blob, name, bytes, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "write '%s'", name);
	return ASOF_OK;
}

enum asof_status
asof_blob_sync(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	assert(blob && name);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->sync(blob, name, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "sync '%s'", name);
	return ASOF_OK;
}

enum asof_status
asof_blob_remove(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	assert(blob && name);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->remove(blob, name, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "remove '%s'", name);
	return ASOF_OK;
}

static enum asof_status
check_prefix(const char *prefix, struct asof_error *err)
{
	size_t len = strlen(prefix);
	if (len == 0)
		return ASOF_OK;
	if (prefix[len - 1] != '/')
		return ASOF_FAIL(err, ASOF_INVALID, "prefix '%s' does not end in '/'", prefix);
	return check_name((struct asof_str){ prefix, len - 1 }, err);
}

enum asof_status
asof_blob_list(struct asof_blob *blob, const char *prefix, asof_blob_visit_fn *visit, void *arg,
	       struct asof_error *err)
{
	assert(blob && prefix && visit);
	enum asof_status status = check_prefix(prefix, err);
	if (status == ASOF_OK)
		status = blob->ops->list(blob, prefix, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "list '%s'", prefix);
	return ASOF_OK;
}

enum asof_status
asof_blob_list_temporary(struct asof_blob *blob, const char *prefix, asof_blob_visit_fn *visit,
			 void *arg, struct asof_error *err)
{
	assert(blob && prefix && visit);
	enum asof_status status = check_prefix(prefix, err);
	if (status == ASOF_OK && blob->ops->list_temporary)
		status = blob->ops->list_temporary(blob, prefix, visit, arg, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "list '%s'", prefix);
	return ASOF_OK;
}

enum asof_status
asof_blob_locate(struct asof_blob *blob, const char *name, struct asof_arena *arena,
		 const char **ret_path, struct asof_error *err)
{
	assert(blob && name && arena && ret_path);
	enum asof_status status = check_name(asof_str_from(name), err);
	if (status == ASOF_OK)
		status = blob->ops->locate(blob, name, arena, ret_path, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "locate '%s'", name);
	return ASOF_OK;
}
