/*
 * s3_client.c - requests to an object store over libcurl.
 *
 * Idle connections are kept and used again. A request that ended without an answer may have been
 * done all the same: who sends something that must be done once asks asof_s3_answer.was_unsure.
 */
#include "lake/s3_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

#include "base/fault.h"
#include "base/pause.h"
#include "lake/s3_xml.h"
#include "model/digest.h"

#define ATTEMPTS           6
#define CONNECT_TIMEOUT_MS 5000L
#define STALLED_AFTER_S    30L
#define IDLE_MAX           8
#define ERROR_BYTES_MAX    (64u << 10)

static const struct asof_pause retry_pause = { .first_ms = 50, .most_ms = 1600 };

struct asof_s3_client {
	const struct asof_s3_place *place;
	pthread_mutex_t lock; /* guards idle */
	CURL *idle[IDLE_MAX];
	size_t idle_count;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum asof_status
asof_s3_client_new(const struct asof_s3_place *place, struct asof_s3_client **ret_client,
		   struct asof_error *err)
{
	(void)pthread_once(&curl_once, init_curl);
	struct asof_s3_client *client = asof_mem_alloc(sizeof(*client));
	if (!client)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "client of an object store");
	client->place = place;
	(void)pthread_mutex_init(&client->lock, NULL);
	*ret_client = client;
	return ASOF_OK;
}

void
asof_s3_client_free(struct asof_s3_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < client->idle_count; i++)
		curl_easy_cleanup(client->idle[i]);
	(void)pthread_mutex_destroy(&client->lock);
	asof_mem_free(client);
}

static CURL *
take_handle(struct asof_s3_client *client)
{
	CURL *handle = NULL;
	(void)pthread_mutex_lock(&client->lock);
	if (client->idle_count > 0)
		handle = client->idle[--client->idle_count];
	(void)pthread_mutex_unlock(&client->lock);
	return handle ? handle : curl_easy_init();
}

static void
give_handle(struct asof_s3_client *client, CURL *handle)
{
	curl_easy_reset(handle); /* keeps connections */
	(void)pthread_mutex_lock(&client->lock);
	bool is_kept = client->idle_count < IDLE_MAX;
	if (is_kept)
		client->idle[client->idle_count++] = handle;
	(void)pthread_mutex_unlock(&client->lock);
	if (!is_kept)
		curl_easy_cleanup(handle);
}

/* --- one attempt -------------------------------------------------------------------------------
 */

struct attempt {
	const struct asof_s3_request *request;
	struct asof_s3_answer *answer;
	struct asof_buf error_body; /* of an answer that is no 2xx */
	CURL *handle;
	long status; /* of HTTP; 0: no answer */
	CURLcode code;
	char curl_message[CURL_ERROR_SIZE];
	struct asof_str rest; /* of the body, to be sent */
};

static size_t
take_body(char *bytes, size_t one, size_t len, void *arg)
{
	struct attempt *a = arg;
	long status = 0;
	(void)one;
	(void)curl_easy_getinfo(a->handle, CURLINFO_RESPONSE_CODE, &status);
	struct asof_buf *buf = status / 100 == 2 ? a->answer->body : &a->error_body;
	if (!buf)
		return len;
	asof_buf_add(buf, bytes, len);
	return asof_buf_status(buf, NULL) == ASOF_OK || buf == &a->error_body ? len : 0;
}

static size_t
give_body(char *room, size_t one, size_t len, void *arg)
{
	struct attempt *a = arg;
	size_t count = a->rest.len < one * len ? a->rest.len : one * len;
	if (count > 0)
		memcpy(room, a->rest.ptr, count);
	a->rest = (struct asof_str){ a->rest.ptr + count, a->rest.len - count };
	return count;
}

static size_t
take_header(char *bytes, size_t one, size_t len, void *arg)
{
	struct attempt *a = arg;
	size_t all = one * len;
	if (all > 5 && strncasecmp(bytes, "ETag:", 5) == 0) {
		size_t from = 5;
		while (from < all && bytes[from] == ' ')
			from++;
		while (all > from && (bytes[all - 1] == '\r' || bytes[all - 1] == '\n'))
			all--;
		(void)snprintf(a->answer->etag, sizeof(a->answer->etag), "%.*s", (int)(all - from),
			       bytes + from);
	}
	return one * len;
}

void
asof_s3_encode(struct asof_buf *buf, struct asof_str text, bool keeps_slash)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
				c == '~' || (c == '/' && keeps_slash);
		if (is_plain)
			asof_buf_add_char(buf, (char)c);
		else
			asof_buf_printf(buf, "%%%02X", c);
	}
}

static void
write_url(const struct asof_s3_place *place, const struct asof_s3_request *request,
	  struct asof_buf *url)
{
	const char *host = strstr(place->endpoint, "://");
	if (place->is_path_style)
		asof_buf_printf(url, "%s/%s", place->endpoint, place->bucket);
	else
		asof_buf_printf(url, "%.*s://%s.%s", (int)(host - place->endpoint), place->endpoint,
				place->bucket, host + 3);
	asof_buf_add_char(url, '/');
	asof_s3_encode(url, asof_str_from(request->key), true);
	if (request->query)
		asof_buf_printf(url, "?%s", request->query);
}

static void
free_headers(struct curl_slist **headers)
{
	curl_slist_free_all(*headers);
}

static enum asof_status
add_header(struct curl_slist **headers, const char *text, struct asof_error *err)
{
	struct curl_slist *grown = curl_slist_append(*headers, text);
	if (!grown)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "headers");
	*headers = grown;
	return ASOF_OK;
}

static enum asof_status
make_headers(const struct asof_s3_place *place, const struct asof_s3_request *request,
	     struct curl_slist **headers, struct asof_error *err)
{
	char hash[ASOF_SHA256_TEXT_MAX];
	char text[128];
	ASOF_TRY(asof_sha256_text(request->body, hash, err));
	(void)snprintf(text, sizeof(text), "x-amz-content-sha256: %s", hash);
	ASOF_TRY(add_header(headers, text, err));
	if (request->is_if_absent)
		ASOF_TRY(add_header(headers, "If-None-Match: *", err));
	if (place->token) {
		ASOF_AUTO(asof_buf_done) struct asof_buf token = ASOF_BUF(64u << 10);
		asof_buf_printf(&token, "x-amz-security-token: %s", place->token);
		ASOF_TRY(asof_buf_status(&token, err));
		ASOF_TRY(add_header(headers, asof_buf_cstr(&token), err));
	}
	return ASOF_OK;
}

static void
set_method(CURL *handle, struct attempt *a)
{
	const struct asof_s3_request *request = a->request;
	if (strcmp(request->method, "HEAD") == 0) {
		(void)curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
	} else if (strcmp(request->method, "PUT") == 0) {
		(void)curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_body);
		(void)curl_easy_setopt(handle, CURLOPT_READDATA, a);
		(void)curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
				       (curl_off_t)request->body.len);
	} else if (strcmp(request->method, "POST") == 0) {
		(void)curl_easy_setopt(handle, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(handle, CURLOPT_POSTFIELDS,
				       request->body.len ? request->body.ptr : "");
		(void)curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
				       (curl_off_t)request->body.len);
	} else if (strcmp(request->method, "GET") != 0) {
		(void)curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static enum asof_status
try_once(struct asof_s3_client *client, struct attempt *a, struct asof_error *err)
{
	const struct asof_s3_place *place = client->place;
	CURL *handle = a->handle;
	ASOF_AUTO(asof_buf_done) struct asof_buf url = ASOF_BUF(16u << 10);
	ASOF_AUTO(asof_buf_done) struct asof_buf scope = ASOF_BUF(1024);
	ASOF_AUTO(asof_buf_done) struct asof_buf user = ASOF_BUF(4096);
	ASOF_AUTO(free_headers) struct curl_slist *headers = NULL;
	write_url(place, a->request, &url);
	asof_buf_printf(&scope, "aws:amz:%s:s3", place->region);
	asof_buf_printf(&user, "%s:%s", place->key_id, place->secret);
	ASOF_TRY(asof_buf_status(&url, err));
	ASOF_TRY(asof_buf_status(&scope, err));
	ASOF_TRY(asof_buf_status(&user, err));
	ASOF_TRY(make_headers(place, a->request, &headers, err));
	(void)curl_easy_setopt(handle, CURLOPT_URL, asof_buf_cstr(&url));
	(void)curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, asof_buf_cstr(&scope));
	(void)curl_easy_setopt(handle, CURLOPT_USERPWD, asof_buf_cstr(&user));
	(void)curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
	(void)curl_easy_setopt(handle, CURLOPT_WRITEDATA, a);
	(void)curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
	(void)curl_easy_setopt(handle, CURLOPT_HEADERDATA, a);
	(void)curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, a->curl_message);
	(void)curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, STALLED_AFTER_S);
	set_method(handle, a);
	ASOF_TRY(asof_fault_point("s3.before_send", err));
	a->code = curl_easy_perform(handle);
	(void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &a->status);
	/* As if the answer had been lost on its way. */
	if (asof_fault_point("s3.after_send", NULL) != ASOF_OK) {
		a->code = CURLE_RECV_ERROR;
		(void)snprintf(a->curl_message, sizeof(a->curl_message), "the answer was lost");
	}
	return ASOF_OK;
}

/* --- what came of it ---------------------------------------------------------------------------
 */

static struct asof_s3_end
end_of(const struct attempt *a)
{
	bool is_reached = a->code != CURLE_COULDNT_CONNECT && a->code != CURLE_COULDNT_RESOLVE_HOST;
	return (struct asof_s3_end){ is_reached, a->code == CURLE_OK ? a->status : 0 };
}

static enum asof_status
fail_sending(const struct attempt *a, struct asof_error *err)
{
	if (a->code == CURLE_WRITE_ERROR && a->answer->body)
		ASOF_TRY(asof_buf_status(a->answer->body, err));
	const char *message = a->curl_message[0] ? a->curl_message : curl_easy_strerror(a->code);
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "object store: %s (after %d attempts)", message,
			 ATTEMPTS);
}

static enum asof_status
fail_answer(const struct asof_s3_place *place, const struct attempt *a, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_str xml = asof_buf_view(&a->error_body);
	struct asof_str code = asof_s3_xml_find(xml, "Code", &arena);
	struct asof_str said = asof_s3_xml_find(xml, "Message", &arena);
	if (asof_str_equal(code, asof_str_from("NoSuchBucket")))
		return ASOF_FAIL(err, ASOF_INVALID, "there is no bucket '%s'", place->bucket);
	if (a->status == 404)
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no such object");
	if (a->status == 412)
		return ASOF_FAIL(err, ASOF_CONFLICT, "the object exists");
	if (a->status == 401 || a->status == 403)
		return ASOF_FAIL(
			err, ASOF_INVALID,
			"access to bucket '%s' denied: %.*s %.*s (check "
			"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy)",
			place->bucket, ASOF_STR_ARG(code), ASOF_STR_ARG(said));
	enum asof_status status = asof_s3_end_may_pass(end_of(a)) ? ASOF_UNAVAILABLE : ASOF_IO;
	return ASOF_FAIL(err, status, "object store answers %ld %.*s %.*s", a->status,
			 ASOF_STR_ARG(code), ASOF_STR_ARG(said));
}

static enum asof_status
attempt_all(struct asof_s3_client *client, struct attempt *a, struct asof_error *err)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (i > 0) {
			a->answer->was_unsure =
				a->answer->was_unsure || asof_s3_end_is_unsure(end_of(a));
			asof_pause_before(retry_pause, i - 1);
			curl_easy_reset(a->handle);
		}
		a->rest = a->request->body;
		a->status = 0;
		a->curl_message[0] = '\0';
		a->answer->etag[0] = '\0';
		asof_buf_clear(&a->error_body);
		if (a->answer->body)
			asof_buf_clear(a->answer->body);
		ASOF_TRY(try_once(client, a, err));
		if (!asof_s3_end_may_pass(end_of(a)) ||
		    (a->code == CURLE_WRITE_ERROR && a->answer->body))
			break;
	}
	if (a->code != CURLE_OK)
		return fail_sending(a, err);
	return a->status / 100 == 2 ? ASOF_OK : fail_answer(client->place, a, err);
}

enum asof_status
asof_s3_send(struct asof_s3_client *client, const struct asof_s3_request *request,
	     struct asof_s3_answer *answer, struct asof_error *err)
{
	struct attempt a = { .request = request,
			     .answer = answer,
			     .error_body = ASOF_BUF(ERROR_BYTES_MAX),
			     .handle = take_handle(client) };
	answer->was_unsure = false;
	if (!a.handle)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "request");
	enum asof_status status = attempt_all(client, &a, err);
	give_handle(client, a.handle);
	asof_buf_done(&a.error_body);
	return status;
}
