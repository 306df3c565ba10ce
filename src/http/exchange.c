/* exchange.c - HTTP/1.1 on one connection, without the connection. */
#include "http/exchange.h"

#include <time.h>

#include "base/clock.h"
#include "base/number.h"
#include "http/errand.h"
#include "job/push.h"

/* A chunked body is reserved for in such steps. */
#define RESERVE_STEP_BYTES ((size_t)1 << 20)
/* Answer memory that a connection keeps between requests. */
#define KEPT_BYTES     ((size_t)256 << 10)
#define HEAD_BYTES_MAX ((size_t)2048)
#define JSON_TYPE      "application/json"

void
asof_desk_done(struct asof_desk *desk)
{
	asof_scratch_done(&desk->scratch);
}

struct asof_exchange
asof_exchange_make(size_t response_max_bytes, void *owner)
{
	return (struct asof_exchange){
		.head = ASOF_BUF(HEAD_BYTES_MAX),
		.body = ASOF_BUF(response_max_bytes),
		.pending = { .owner = owner },
	};
}

static bool
is_waiting(const struct asof_exchange *exchange)
{
	return exchange->pending.push || exchange->pending.errand;
}

static void
end_waiting(struct asof_exchange *exchange)
{
	asof_push_free(ASOF_STEAL(exchange->pending.push));
	asof_errand_free(ASOF_STEAL(exchange->pending.errand));
}

void
asof_exchange_done(struct asof_exchange *exchange, struct asof_desk *desk)
{
	end_waiting(exchange);
	asof_budget_release(desk->budget, &exchange->held_bytes);
	asof_buf_done(&exchange->head);
	asof_buf_done(&exchange->body);
}

/* Hold at least `bytes` of the budget, or say that there is no room. */
static enum asof_status
reserve(struct asof_exchange *exchange, struct asof_desk *desk, size_t bytes,
	struct asof_problem *problem)
{
	return asof_budget_hold(desk->budget, bytes, &exchange->held_bytes, &problem->err);
}

/* Unique in this process and not to be guessed from the last one (splitmix64). */
static struct asof_str
make_request_id(struct asof_desk *desk, char out[ASOF_REQUEST_ID_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t x = desk->id_seed + ++desk->id_count * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	for (size_t i = 0; i < ASOF_REQUEST_ID_LEN; i++)
		out[i] = digits[x >> (60 - 4 * i) & 15];
	return (struct asof_str){ out, ASOF_REQUEST_ID_LEN };
}

static const char *
reason_text(int http_status)
{
	switch (http_status) {
	case 200:
		return "200 OK";
	case 400:
		return "400 Bad Request";
	case 401:
		return "401 Unauthorized";
	case 403:
		return "403 Forbidden";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 408:
		return "408 Request Timeout";
	case 409:
		return "409 Conflict";
	case 411:
		return "411 Length Required";
	case 413:
		return "413 Content Too Large";
	case 415:
		return "415 Unsupported Media Type";
	case 417:
		return "417 Expectation Failed";
	case 422:
		return "422 Unprocessable Content";
	case 429:
		return "429 Too Many Requests";
	case 431:
		return "431 Request Header Fields Too Large";
	case 503:
		return "503 Service Unavailable";
	default:
		return "500 Internal Server Error";
	}
}

/* The Date header, made once a second. */
static const char *
date_text(struct asof_desk *desk)
{
	time_t now = time(NULL);
	struct tm tm;
	if (now != desk->date_second && gmtime_r(&now, &tm)) {
		/* strftime would speak the language of the locale. */
		static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
		static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
						  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
		struct asof_buf buf = ASOF_BUF(ASOF_DATE_TEXT_MAX - 1);
		asof_buf_printf(&buf, "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday],
				tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
				tm.tm_min, tm.tm_sec);
		if (buf.status == ASOF_OK) {
			memcpy(desk->date, asof_buf_cstr(&buf), buf.len + 1);
			desk->date_second = now;
		}
		asof_buf_done(&buf);
	}
	return desk->date;
}

/* The answer of one request while it is put together. */
struct answering {
	struct asof_exchange *exchange;
	struct asof_desk *desk;
	struct asof_str request_id;
	int64_t began_us;
	bool is_http10;
	struct asof_reply reply;
	struct asof_problem problem;
};

static void
write_head(const struct answering *a, int http_status)
{
	struct asof_exchange *exchange = a->exchange;
	struct asof_buf *head = &exchange->head;
	char length[ASOF_DOUBLE_TEXT_MAX];
	asof_buf_clear(head);
	asof_buf_add_cstr(head, "HTTP/1.1 ");
	asof_buf_add_cstr(head, reason_text(http_status));
	asof_buf_add_cstr(head, "\r\nContent-Type: ");
	asof_buf_add_cstr(head, a->reply.content_type);
	asof_buf_add_cstr(head, "\r\nContent-Length: ");
	asof_buf_add(head, length, asof_uint64_text(exchange->body.len, length));
	asof_buf_add_cstr(head, "\r\nCache-Control: no-store\r\nDate: ");
	asof_buf_add_cstr(head, date_text(a->desk));
	asof_buf_add_cstr(head, "\r\nX-Request-ID: ");
	asof_buf_add_str(head, a->request_id);
	if (a->problem.allow) {
		asof_buf_add_cstr(head, "\r\nAllow: ");
		asof_buf_add_cstr(head, a->problem.allow);
	}
	if (a->problem.challenge) {
		asof_buf_add_cstr(head, "\r\nWWW-Authenticate: ");
		asof_buf_add_cstr(head, a->problem.challenge);
	}
	if (asof_problem_is_retryable(a->problem.kind))
		asof_buf_add_cstr(head, "\r\nRetry-After: 1");
	if (exchange->closes)
		asof_buf_add_cstr(head, "\r\nConnection: close");
	else if (a->is_http10)
		asof_buf_add_cstr(head, "\r\nConnection: keep-alive");
	asof_buf_add_cstr(head, "\r\n\r\n");
}

static void
log_problem(const struct answering *a)
{
	if (asof_problem_http_status(a->problem.kind) < 500)
		return;
	const struct asof_log_field fields[] = {
		ASOF_LOG_FIELD("request_id", a->request_id),
		ASOF_LOG_FIELD("code", asof_str_from(asof_problem_code(a->problem.kind))),
	};
	asof_log_write(a->desk->log, ASOF_LOG_ERROR, asof_str_from(a->problem.err.message), fields,
		       ASOF_COUNTOF(fields));
}

/* Put the refusal in place of whatever the answer was. Without memory even for that, an empty head
 * makes the caller close. */
static enum asof_want
give_problem(struct answering *a, enum asof_status status)
{
	struct asof_exchange *exchange = a->exchange;
	asof_problem_settle(&a->problem, status);
	log_problem(a);
	a->reply.content_type = JSON_TYPE;
	asof_buf_clear(&exchange->body);
	asof_problem_write(&a->problem, a->request_id, &exchange->body);
	write_head(a, asof_problem_http_status(a->problem.kind));
	if (exchange->body.status != ASOF_OK || exchange->head.status != ASOF_OK) {
		asof_buf_clear(&exchange->head);
		asof_buf_clear(&exchange->body);
		exchange->closes = true;
	}
	return ASOF_WANT_OUTPUT;
}

/* What was asked for is told by the route's name, so that no key gets into a log. */
static void
log_request(const struct answering *a, int http_status, int64_t took_us)
{
	const struct asof_desk *desk = a->desk;
	if (!desk->logs_requests)
		return;
	char status[ASOF_DOUBLE_TEXT_MAX];
	char micros[ASOF_DOUBLE_TEXT_MAX];
	char bytes[ASOF_DOUBLE_TEXT_MAX];
	size_t status_len = asof_int64_text(http_status, status);
	size_t micros_len = asof_int64_text(took_us, micros);
	size_t bytes_len = asof_uint64_text(a->exchange->body.len, bytes);
	const char *route = a->reply.route ? a->reply.route->name : "none";
	const struct asof_log_field fields[] = {
		ASOF_LOG_FIELD("route", asof_str_from(route)),
		ASOF_LOG_FIELD("status", ((struct asof_str){ status, status_len })),
		ASOF_LOG_FIELD("micros", ((struct asof_str){ micros, micros_len })),
		ASOF_LOG_FIELD("bytes", ((struct asof_str){ bytes, bytes_len })),
		ASOF_LOG_FIELD("request_id", a->request_id),
	};
	asof_log_write(desk->log, ASOF_LOG_INFO, asof_str_from("request"), fields,
		       ASOF_COUNTOF(fields));
}

/* The answer is as it will be written: count it, and log it where that is wanted. */
static void
record(const struct answering *a)
{
	int http_status = asof_problem_http_status(a->problem.kind);
	int64_t took_us = asof_monotonic_us() - a->began_us;
	asof_meter_count(a->desk->meter, a->reply.route, http_status, took_us,
			 a->exchange->body.len);
	log_request(a, http_status, took_us);
}

/* Refuse a request whose end is not known: nothing behind it can be understood. */
static enum asof_want
refuse_and_close(struct asof_exchange *exchange, struct asof_desk *desk, struct answering *a,
		 const struct asof_head *head, enum asof_status status)
{
	char made[ASOF_REQUEST_ID_LEN];
	a->exchange = exchange;
	a->desk = desk;
	a->request_id =
		head && head->request_id.ptr ? head->request_id : make_request_id(desk, made);
	exchange->closes = true;
	exchange->sends_body = !head || head->method != ASOF_METHOD_HEAD;
	a->began_us = asof_monotonic_us();
	enum asof_want want = give_problem(a, status);
	record(a);
	return want;
}

/* What a worker answered, if it is back. */
static enum asof_status
take_errand(struct answering *a)
{
	struct asof_exchange *exchange = a->exchange;
	struct asof_errand *errand = exchange->pending.errand;
	a->reply.is_pending = !asof_errand_is_back(errand);
	return a->reply.is_pending
		       ? ASOF_OK
		       : asof_errand_take(errand, &a->reply, &exchange->held_bytes, &a->problem);
}

static enum asof_status
answer_routes(struct answering *a, const struct asof_head *head, struct asof_str head_bytes,
	      struct asof_str body)
{
	struct asof_exchange *exchange = a->exchange;
	struct asof_request request = {
		.head = head, .head_bytes = head_bytes, .body = body, .id = a->request_id
	};
	a->reply = (struct asof_reply){ .body = &exchange->body,
					.content_type = JSON_TYPE,
					.pending = &exchange->pending };
	if (exchange->pending.errand)
		return take_errand(a);
	ASOF_TRY(asof_routes_answer(&a->desk->routes, &request, &a->desk->scratch, &a->reply,
				    &a->problem));
	return reserve(exchange, a->desk, exchange->body.len, &a->problem);
}

/* The whole request is there. */
static enum asof_want
answer(struct asof_exchange *exchange, struct asof_desk *desk, const struct asof_head *head,
       const struct asof_input *input)
{
	bool has_waited = is_waiting(exchange);
	struct asof_str head_bytes = { input->ptr, exchange->head_len };
	struct asof_str body = { input->ptr + exchange->head_len, exchange->body_len };
	struct answering a = { .exchange = exchange,
			       .desk = desk,
			       .began_us =
				       has_waited ? exchange->waits_since_us : asof_monotonic_us(),
			       .is_http10 = head->is_http10 };
	a.request_id = head->request_id;
	if (!a.request_id.ptr && has_waited)
		a.request_id = (struct asof_str){ exchange->made_id, ASOF_REQUEST_ID_LEN };
	else if (!a.request_id.ptr)
		a.request_id = make_request_id(desk, exchange->made_id);
	exchange->closes = !head->keeps_alive ||
			   atomic_load_explicit(desk->routes.is_closing, memory_order_relaxed);
	exchange->sends_body = head->method != ASOF_METHOD_HEAD;

	asof_scratch_reset(&desk->scratch);
	asof_buf_clear(&exchange->body);
	enum asof_status status = answer_routes(&a, head, head_bytes, body);
	if (status == ASOF_OK && a.reply.is_pending) {
		exchange->waits_since_us = a.began_us;
		return ASOF_WANT_WAKING;
	}
	end_waiting(exchange);
	if (status == ASOF_OK) {
		write_head(&a, 200);
		status = asof_buf_status(&exchange->head, &a.problem.err);
	}
	if (status != ASOF_OK) {
		/* A client that meant a body but did not say so will send it next. */
		if (a.problem.kind == ASOF_PROBLEM_LENGTH_REQUIRED)
			exchange->closes = true;
		(void)give_problem(&a, status);
	}
	record(&a);
	return ASOF_WANT_OUTPUT;
}

static enum asof_status
begin_body(struct asof_exchange *exchange, struct asof_desk *desk, const struct asof_head *head,
	   struct asof_problem *problem)
{
	exchange->framing = head->framing;
	exchange->content_length = head->content_length;
	exchange->chunked = (struct asof_chunked){ 0 };
	exchange->body_len = 0;
	exchange->expects_continue = head->expects_continue && !head->is_http10;
	if (head->content_length > desk->body_max_bytes)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BODY_TOO_LARGE,
				   "a body of %llu bytes, at most %zu",
				   (unsigned long long)head->content_length, desk->body_max_bytes);
	return reserve(exchange, desk, (size_t)head->content_length, problem);
}

/* Decode what arrived of a chunked body, right behind what was decoded before. */
static enum asof_status
read_chunks(struct asof_exchange *exchange, struct asof_desk *desk, struct asof_input *input,
	    bool *ret_is_complete, struct asof_problem *problem)
{
	size_t end = exchange->head_len + exchange->body_len;
	*ret_is_complete = exchange->chunked.state == ASOF_CHUNKED_DONE;
	if (*ret_is_complete) /* it waited */
		return ASOF_OK;
	char *raw = input->ptr + end;
	size_t raw_len = input->len - end;
	size_t decoded;
	size_t used;
	ASOF_TRY(asof_chunked_decode(&exchange->chunked, raw, raw_len, &decoded, &used, problem));
	memmove(raw + decoded, raw + used, raw_len - used);
	input->len -= used - decoded;
	exchange->body_len += decoded;
	if (exchange->body_len > desk->body_max_bytes)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BODY_TOO_LARGE,
				   "a body of more than %zu bytes", desk->body_max_bytes);
	size_t steps = exchange->body_len / RESERVE_STEP_BYTES;
	ASOF_TRY(reserve(exchange, desk, steps * RESERVE_STEP_BYTES, problem));
	*ret_is_complete = exchange->chunked.state == ASOF_CHUNKED_DONE;
	return ASOF_OK;
}

static enum asof_status
read_body(struct asof_exchange *exchange, struct asof_desk *desk, struct asof_input *input,
	  bool *ret_is_complete, struct asof_problem *problem)
{
	if (exchange->framing == ASOF_FRAMING_CHUNKED)
		return read_chunks(exchange, desk, input, ret_is_complete, problem);
	size_t wanted = (size_t)exchange->content_length;
	size_t arrived = input->len - exchange->head_len;
	exchange->body_len = arrived < wanted ? arrived : wanted;
	*ret_is_complete = arrived >= wanted;
	return ASOF_OK;
}

static enum asof_want
give_continue(struct asof_exchange *exchange)
{
	exchange->expects_continue = false;
	exchange->is_interim = true;
	exchange->sends_body = false;
	asof_buf_clear(&exchange->head);
	asof_buf_add_cstr(&exchange->head, "HTTP/1.1 100 Continue\r\n\r\n");
	exchange->closes = exchange->head.status != ASOF_OK;
	return ASOF_WANT_OUTPUT;
}

/* Find and check the head; *ret_head is parsed where head_len gets set. */
static enum asof_status
read_head(struct asof_exchange *exchange, struct asof_desk *desk, const struct asof_input *input,
	  struct asof_head *ret_head, struct asof_problem *problem)
{
	struct asof_str bytes = { input->ptr, input->len };
	size_t len;
	ASOF_TRY(asof_head_find(bytes, desk->header_max_bytes, &exchange->scanned, &len, problem));
	if (len == 0)
		return ASOF_OK;
	exchange->head_len = len;
	ASOF_TRY(asof_head_parse((struct asof_str){ input->ptr, len }, ret_head, problem));
	/* Who may not ask need not send what they would ask with. */
	if (ret_head->framing != ASOF_FRAMING_NONE)
		ASOF_TRY(asof_routes_admit(&desk->routes, ret_head, problem));
	return begin_body(exchange, desk, ret_head, problem);
}

/* The body is complete, or wrong. `head` is parsed again where it was parsed in an earlier call:
 * the input may have moved since. */
static enum asof_want
end_request(struct asof_exchange *exchange, struct asof_desk *desk, const struct asof_input *input,
	    struct asof_head *head, struct answering *refusal, enum asof_status status)
{
	struct asof_str bytes = { input->ptr, exchange->head_len };
	if (!head->target.ptr) {
		struct asof_problem *problem = status == ASOF_OK ? &refusal->problem : NULL;
		enum asof_status again = asof_head_parse(bytes, head, problem);
		if (status == ASOF_OK)
			status = again;
	}
	if (status != ASOF_OK)
		return refuse_and_close(exchange, desk, refusal, head, status);
	return answer(exchange, desk, head, input);
}

enum asof_want
asof_exchange_advance(struct asof_exchange *exchange, struct asof_desk *desk,
		      struct asof_input *input)
{
	struct answering refusal = { 0 };
	struct asof_head head = { 0 };
	if (input->len == 0)
		return ASOF_WANT_INPUT;
	if (exchange->head_len == 0) {
		enum asof_status status = read_head(exchange, desk, input, &head, &refusal.problem);
		if (status != ASOF_OK)
			return refuse_and_close(exchange, desk, &refusal, &head, status);
		if (exchange->head_len == 0)
			return ASOF_WANT_INPUT;
	}
	bool is_complete = false;
	enum asof_status status = read_body(exchange, desk, input, &is_complete, &refusal.problem);
	if (status != ASOF_OK || is_complete)
		return end_request(exchange, desk, input, &head, &refusal, status);
	if (exchange->expects_continue && exchange->body_len == 0)
		return give_continue(exchange);
	return ASOF_WANT_INPUT;
}

bool
asof_exchange_may_advance(const struct asof_exchange *exchange)
{
	const struct asof_errand *errand = exchange->pending.errand;
	return !errand || asof_errand_is_back(errand);
}

size_t
asof_exchange_written(struct asof_exchange *exchange, struct asof_desk *desk)
{
	if (exchange->is_interim) {
		exchange->is_interim = false;
		return 0;
	}
	size_t used = exchange->head_len + exchange->body_len;
	asof_budget_release(desk->budget, &exchange->held_bytes);
	exchange->head_len = 0;
	exchange->body_len = 0;
	exchange->scanned = 0;
	if (exchange->body.capacity > KEPT_BYTES)
		asof_buf_done(&exchange->body);
	return used;
}

enum asof_want
asof_exchange_expire(struct asof_exchange *exchange, struct asof_desk *desk, size_t input_len)
{
	if (input_len == 0)
		return ASOF_WANT_INPUT;
	struct answering refusal = { 0 };
	enum asof_status status = ASOF_REFUSE(&refusal.problem, ASOF_PROBLEM_REQUEST_TIMEOUT,
					      "the request did not arrive in time");
	return refuse_and_close(exchange, desk, &refusal, NULL, status);
}

enum asof_want
asof_exchange_refuse_plain(struct asof_exchange *exchange, struct asof_desk *desk)
{
	struct answering refusal = { 0 };
	enum asof_status status = ASOF_REFUSE(&refusal.problem, ASOF_PROBLEM_BAD_REQUEST,
					      "this port speaks TLS: use https");
	return refuse_and_close(exchange, desk, &refusal, NULL, status);
}
