/*
 * blob_s3.c - objects of a bucket.
 *
 * The store makes an object whole or not at all, so that nothing is written beside its place. An
 * object to be created once is sent with If-None-Match; when an earlier attempt ended without an
 * answer and the next one says that the object exists, its bytes tell whether it is ours.
 */
#include <stdio.h>

#include "base/fault.h"
#include "lake/blob_impls.h"
#include "lake/s3_list.h"
#include "lake/s3_xml.h"
#include "model/project.h"

#define PART_BYTES    ((size_t)16 << 20)
#define PARTS_MAX     10000
#define KEY_BYTES_MAX 1024
#define ANSWER_BYTES  (1u << 20)

struct s3_blob {
	struct asof_blob base; /* must be first */
	struct asof_arena arena;
	struct asof_s3_place place;
	struct asof_s3_client *client;
};

static struct s3_blob *
self_of(struct asof_blob *blob)
{
	return (struct s3_blob *)blob;
}

static void
s3_close(struct asof_blob *blob)
{
	struct s3_blob *self = self_of(blob);
	asof_s3_client_free(self->client);
	asof_arena_done(&self->arena);
	asof_mem_free(self);
}

static enum asof_status
s3_open(struct asof_str location, struct asof_blob **ret_blob, struct asof_error *err)
{
	struct s3_blob *self = asof_mem_alloc(sizeof(*self));
	if (!self)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "bucket");
	self->base.ops = &asof_blob_s3_ops;
	enum asof_status status = asof_s3_place_read(location, &self->arena, &self->place, err);
	if (status == ASOF_OK)
		status = asof_s3_client_new(&self->place, &self->client, err);
	if (status != ASOF_OK) {
		s3_close(&self->base);
		return status;
	}
	*ret_blob = &self->base;
	return ASOF_OK;
}

static enum asof_status
key_of(const struct s3_blob *self, const char *name, struct asof_buf *key, struct asof_error *err)
{
	asof_buf_add_cstr(key, self->place.prefix);
	asof_buf_add_cstr(key, name);
	return asof_buf_status(key, err);
}

static enum asof_status
send_for(struct s3_blob *self, struct asof_s3_request *request, const char *name,
	 struct asof_s3_answer *answer, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(KEY_BYTES_MAX);
	ASOF_TRY(key_of(self, name, &key, err));
	request->key = asof_buf_cstr(&key);
	return asof_s3_send(self->client, request, answer, err);
}

static enum asof_status
s3_read(struct asof_blob *blob, const char *name, struct asof_buf *buf, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done)
	struct asof_buf body = ASOF_BUF(buf->max_bytes > buf->len ? buf->max_bytes - buf->len : 0);
	struct asof_s3_request request = { .method = "GET" };
	struct asof_s3_answer answer = { .body = &body };
	ASOF_TRY(send_for(self_of(blob), &request, name, &answer, err));
	asof_buf_add_str(buf, asof_buf_view(&body));
	return asof_buf_status(buf, err);
}

/* --- objects of many parts ---------------------------------------------------------------------
 */

struct upload {
	struct s3_blob *self;
	const char *name;
	struct asof_arena arena;
	struct asof_buf id;    /* encoded */
	struct asof_buf parts; /* the document that completes it */
};

static void
upload_done(struct upload *upload)
{
	asof_arena_done(&upload->arena);
	asof_buf_done(&upload->id);
	asof_buf_done(&upload->parts);
}

static enum asof_status
begin_upload(struct upload *upload, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(ANSWER_BYTES);
	struct asof_s3_request request = { .method = "POST", .query = "uploads=" };
	struct asof_s3_answer answer = { .body = &body };
	ASOF_TRY(send_for(upload->self, &request, upload->name, &answer, err));
	struct asof_str id = asof_s3_xml_find(asof_buf_view(&body), "UploadId", &upload->arena);
	if (id.len == 0)
		return ASOF_FAIL(err, ASOF_CORRUPT, "the object store began no upload");
	asof_s3_encode(&upload->id, id, false);
	return asof_buf_status(&upload->id, err);
}

static enum asof_status
send_part(struct upload *upload, unsigned number, struct asof_str bytes, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf query = ASOF_BUF(4096);
	asof_buf_printf(&query, "partNumber=%u&uploadId=%s", number, asof_buf_cstr(&upload->id));
	ASOF_TRY(asof_buf_status(&query, err));
	struct asof_s3_request request = { .method = "PUT",
					   .query = asof_buf_cstr(&query),
					   .body = bytes };
	struct asof_s3_answer answer = { 0 };
	ASOF_TRY(asof_fault_point("s3.upload.before_part", err));
	ASOF_TRY(send_for(upload->self, &request, upload->name, &answer, err));
	asof_buf_printf(&upload->parts, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
			number, answer.etag);
	return asof_buf_status(&upload->parts, err);
}

static enum asof_status
send_parts(struct upload *upload, struct asof_str bytes, struct asof_error *err)
{
	asof_buf_add_cstr(&upload->parts, "<CompleteMultipartUpload>");
	for (unsigned number = 1; bytes.len > 0; number++) {
		size_t len = bytes.len < PART_BYTES ? bytes.len : PART_BYTES;
		if (number > PARTS_MAX)
			return ASOF_FAIL(err, ASOF_LIMIT, "an object of more than %d parts",
					 PARTS_MAX);
		ASOF_TRY(send_part(upload, number, (struct asof_str){ bytes.ptr, len }, err));
		bytes = (struct asof_str){ bytes.ptr + len, bytes.len - len };
	}
	asof_buf_add_cstr(&upload->parts, "</CompleteMultipartUpload>");
	return asof_buf_status(&upload->parts, err);
}

static enum asof_status
end_upload(struct upload *upload, const char *method, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf query = ASOF_BUF(4096);
	ASOF_AUTO(asof_buf_done) struct asof_buf body = ASOF_BUF(ANSWER_BYTES);
	bool is_complete = strcmp(method, "POST") == 0;
	asof_buf_printf(&query, "uploadId=%s", asof_buf_cstr(&upload->id));
	ASOF_TRY(asof_buf_status(&query, err));
	struct asof_s3_request request = { .method = method, .query = asof_buf_cstr(&query) };
	struct asof_s3_answer answer = { .body = &body };
	if (is_complete)
		request.body = asof_buf_view(&upload->parts);
	ASOF_TRY(send_for(upload->self, &request, upload->name, &answer, err));
	/* The store may say 200 and then, in the body, that it failed. */
	struct asof_str said = asof_s3_xml_find(asof_buf_view(&body), "Code", &upload->arena);
	if (is_complete && said.len > 0)
		return ASOF_FAIL(err, ASOF_UNAVAILABLE, "object store: %.*s", ASOF_STR_ARG(said));
	return ASOF_OK;
}

static enum asof_status
put_in_parts(struct s3_blob *self, const char *name, struct asof_str bytes, struct asof_error *err)
{
	ASOF_AUTO(upload_done)
	struct upload upload = {
		.self = self, .name = name, .id = ASOF_BUF(2048), .parts = ASOF_BUF((size_t)4 << 20)
	};
	ASOF_TRY(begin_upload(&upload, err));
	enum asof_status status = send_parts(&upload, bytes, err);
	if (status == ASOF_OK)
		status = end_upload(&upload, "POST", err);
	if (status != ASOF_OK && end_upload(&upload, "DELETE", NULL) != ASOF_OK)
		return status; /* the bucket's own rules sweep parts that nobody completed */
	return status;
}

/* --- whole objects -----------------------------------------------------------------------------
 */

static enum asof_status
s3_put(struct asof_blob *blob, const char *name, struct asof_str bytes, struct asof_error *err)
{
	if (bytes.len > 2 * PART_BYTES)
		return put_in_parts(self_of(blob), name, bytes, err);
	struct asof_s3_request request = { .method = "PUT", .body = bytes };
	struct asof_s3_answer answer = { 0 };
	return send_for(self_of(blob), &request, name, &answer, err);
}

static enum asof_status
s3_put_if_absent(struct asof_blob *blob, const char *name, struct asof_str bytes,
		 struct asof_error *err)
{
	struct asof_s3_request request = { .method = "PUT", .body = bytes, .is_if_absent = true };
	struct asof_s3_answer answer = { 0 };
	enum asof_status status = send_for(self_of(blob), &request, name, &answer, err);
	if (status != ASOF_CONFLICT || !answer.was_unsure)
		return status;
	ASOF_AUTO(asof_buf_done) struct asof_buf stored = ASOF_BUF(bytes.len + 1);
	enum asof_status read = s3_read(blob, name, &stored, NULL);
	bool is_ours = read == ASOF_OK && asof_str_equal(asof_buf_view(&stored), bytes);
	return is_ours ? ASOF_OK : status;
}

/* What has been written is durable; that it has been is checked. */
static enum asof_status
s3_sync(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	struct asof_s3_request request = { .method = "HEAD" };
	struct asof_s3_answer answer = { 0 };
	return send_for(self_of(blob), &request, name, &answer, err);
}

static enum asof_status
s3_remove(struct asof_blob *blob, const char *name, struct asof_error *err)
{
	struct asof_s3_request request = { .method = "DELETE" };
	struct asof_s3_answer answer = { 0 };
	ASOF_TRY(s3_sync(blob, name, err)); /* a store removes what is not there without a word */
	return send_for(self_of(blob), &request, name, &answer, err);
}

/* --- listing -----------------------------------------------------------------------------------
 */

struct listing {
	size_t prefix_len; /* of the lake's own prefix in keys */
	asof_blob_visit_fn *visit;
	void *arg;
};

static enum asof_status
visit_key(void *arg, const struct asof_blob_info *info, struct asof_error *err)
{
	const struct listing *listing = arg;
	struct asof_blob_info named = *info;
	if (info->name.len <= listing->prefix_len || info->name.ptr[info->name.len - 1] == '/')
		return ASOF_OK; /* what others make to show a directory */
	named.name = (struct asof_str){ info->name.ptr + listing->prefix_len,
					info->name.len - listing->prefix_len };
	return listing->visit(listing->arg, &named, err);
}

static enum asof_status
s3_list(struct asof_blob *blob, const char *prefix, asof_blob_visit_fn *visit, void *arg,
	struct asof_error *err)
{
	struct s3_blob *self = self_of(blob);
	ASOF_AUTO(asof_buf_done) struct asof_buf key = ASOF_BUF(KEY_BYTES_MAX);
	struct listing listing = { strlen(self->place.prefix), visit, arg };
	ASOF_TRY(key_of(self, prefix, &key, err));
	return asof_s3_list(self->client, asof_buf_view(&key), visit_key, &listing, err);
}

static enum asof_status
s3_locate(struct asof_blob *blob, const char *name, struct asof_arena *arena, const char **ret_path,
	  struct asof_error *err)
{
	const struct asof_s3_place *place = &self_of(blob)->place;
	const char *path =
		asof_arena_printf(arena, "s3://%s/%s%s", place->bucket, place->prefix, name);
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	*ret_path = path;
	return ASOF_OK;
}

const struct asof_blob_ops asof_blob_s3_ops = {
	.scheme = "s3",
	.open = s3_open,
	.close = s3_close,
	.read = s3_read,
	.put_if_absent = s3_put_if_absent,
	.put = s3_put,
	.sync = s3_sync,
	.remove = s3_remove,
	.list = s3_list,
	.locate = s3_locate,
};
