#include "lake/http_post.h"

#include <ctype.h>
#include <curl/curl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/pause.h"
#include "model/project.h"

#define ATTEMPTS           6
#define CONNECT_TIMEOUT_MS 5000L
#define TIMEOUT_MS         30000L
#define SAID_MAX           200 /* bytes of an answer that are told */
#define TOKEN_BYTES_MAX    (64u << 10)

static const struct asof_pause retry_pause = { .first_ms = 50, .most_ms = 800 };

struct attempt {
	const struct asof_http_post *post;
	const char *shown; /* the URL without its password */
	CURL *handle;
	struct curl_slist *headers;
	CURLcode code;
	long status; /* 0: no answer */
	char said[SAID_MAX + 1];
	size_t said_len;
	char curl_message[CURL_ERROR_SIZE];
};

static void
attempt_done(struct attempt *a)
{
	curl_slist_free_all(a->headers);
	curl_easy_cleanup(a->handle);
}

/* Of an answer only its beginning is of use. */
static size_t
take_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct attempt *a = arg;
	for (size_t i = 0; i < size * count && a->said_len < SAID_MAX; i++)
		a->said[a->said_len++] = isprint((unsigned char)bytes[i]) ? bytes[i] : ' ';
	a->said[a->said_len] = '\0';
	return size * count;
}

static enum asof_status
add_header(struct attempt *a, const char *name, const char *value, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(TOKEN_BYTES_MAX + 64);
	asof_buf_printf(&text, "%s%s", name, value);
	ASOF_TRY(asof_buf_status(&text, err));
	struct curl_slist *more = curl_slist_append(a->headers, asof_buf_cstr(&text));
	if (!more)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "request");
	a->headers = more;
	return ASOF_OK;
}

/* A line break would begin another header. */
static enum asof_status
check_token(const char *token, struct asof_error *err)
{
	if (*token == '\0')
		return ASOF_FAIL(err, ASOF_INVALID, "the token is empty");
	for (const char *c = token; *c; c++) {
		if (!isgraph((unsigned char)*c))
			return ASOF_FAIL(err, ASOF_INVALID,
					 "the token holds a blank or a character that no header "
					 "may");
	}
	return ASOF_OK;
}

static enum asof_status
set_up(struct attempt *a, struct asof_error *err)
{
	const struct asof_http_post *post = a->post;
	ASOF_TRY(add_header(a, "Content-Type: ", post->content_type, err));
	ASOF_TRY(add_header(a, "Expect:", "", err));
	if (post->token) {
		ASOF_TRY(check_token(post->token, err));
		ASOF_TRY(add_header(a, "Authorization: Bearer ", post->token, err));
	}
	(void)curl_easy_setopt(a->handle, CURLOPT_URL, post->url);
	(void)curl_easy_setopt(a->handle, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(a->handle, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(a->handle, CURLOPT_POSTFIELDS, post->body.len ? post->body.ptr : "");
	(void)curl_easy_setopt(a->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
	(void)curl_easy_setopt(a->handle, CURLOPT_HTTPHEADER, a->headers);
	(void)curl_easy_setopt(a->handle, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(a->handle, CURLOPT_WRITEDATA, a);
	(void)curl_easy_setopt(a->handle, CURLOPT_ERRORBUFFER, a->curl_message);
	(void)curl_easy_setopt(a->handle, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(a->handle, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(a->handle, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	return ASOF_OK;
}

static bool
may_pass(const struct attempt *a)
{
	if (a->code == CURLE_OK)
		return a->status == 408 || a->status == 429 || a->status / 100 == 5;
	return a->code != CURLE_URL_MALFORMAT && a->code != CURLE_UNSUPPORTED_PROTOCOL;
}

static enum asof_status
tell_end(const struct attempt *a, struct asof_error *err)
{
	if (a->code == CURLE_OK && a->status / 100 == 2)
		return ASOF_OK;
	if (a->code != CURLE_OK)
		return ASOF_FAIL(err, may_pass(a) ? ASOF_UNAVAILABLE : ASOF_INVALID, "'%s': %s%s",
				 a->shown, curl_easy_strerror(a->code),
				 may_pass(a) ? " (after 6 attempts)" : "");
	if (a->status == 401 || a->status == 403)
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' answers %ld: access denied (%s)",
				 a->shown, a->status,
				 a->post->token ? "is the token the right one?"
						: "no token was given");
	return ASOF_FAIL(err, may_pass(a) ? ASOF_UNAVAILABLE : ASOF_INVALID,
			 "'%s' answers %ld %s%s", a->shown, a->status, a->said,
			 may_pass(a) ? " (after 6 attempts)" : "");
}

enum asof_status
asof_http_post_send(const struct asof_http_post *post, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(attempt_done)
	struct attempt a = { .post = post,
			     .shown = asof_uri_redacted(post->url, &arena),
			     .handle = curl_easy_init() };
	if (!a.handle || !a.shown)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "request");
	ASOF_TRY(set_up(&a, err));
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (i > 0)
			asof_pause_before(retry_pause, i - 1);
		if (post->cancel)
			ASOF_TRY(asof_cancel_check(post->cancel, err));
		a.status = 0;
		a.said_len = 0;
		a.said[0] = '\0';
		a.code = curl_easy_perform(a.handle);
		(void)curl_easy_getinfo(a.handle, CURLINFO_RESPONSE_CODE, &a.status);
		if (!may_pass(&a))
			break;
	}
	return tell_end(&a, err);
}
