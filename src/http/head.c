/* head.c - the head of an HTTP/1 request. */
#include "http/head.h"

#include "base/number.h"

/* Longer than any method that is in use. */
#define METHOD_LEN_MAX 32
/* The first byte of a TLS connection. */
#define TLS_HANDSHAKE 0x16
/* Header fields of one request; the bytes have their own limit. */
#define FIELDS_MAX 200

/* What is known while fields are read. */
struct fields {
	struct asof_head *head;
	bool has_host;
	bool has_length;
	bool has_transfer_encoding;
	bool closes;
	bool keeps_alive;
};

static bool
is_token_char(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && memchr(others, c, sizeof(others) - 1) != NULL;
}

/* Visible, or part of a UTF-8 sequence. */
static bool
is_target_char(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f;
}

static bool
is_field_char(char c)
{
	return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

static char
lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
asof_token_equal(struct asof_str text, const char *lower)
{
	size_t i = 0;
	while (i < text.len && lower[i] != '\0' && lower_char(text.ptr[i]) == lower[i])
		i++;
	return i == text.len && lower[i] == '\0';
}

int
asof_hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static struct asof_str
trimmed(struct asof_str text)
{
	while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* The empty lines that some clients send behind a body. */
static size_t
leading_empty_lines(struct asof_str bytes)
{
	size_t at = 0;
	while (at + 1 < bytes.len && bytes.ptr[at] == '\r' && bytes.ptr[at + 1] == '\n')
		at += 2;
	return at;
}

/* Whether a request line may begin so: another protocol is told at once, not after a timeout. */
static bool
may_begin_request(struct asof_str bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (i > 0 && bytes.ptr[i] == ' ')
			return true;
		if (i == METHOD_LEN_MAX || !is_token_char(bytes.ptr[i]))
			return i == 0 && bytes.len == 1 && bytes.ptr[0] == '\r';
	}
	return true;
}

/* The length of the head that ends behind the line end at `at`, or 0. */
static size_t
head_end(struct asof_str bytes, size_t start, size_t at)
{
	bool is_empty_line = at >= start + 3 && bytes.ptr[at - 2] == '\n';
	return is_empty_line ? at + 1 : 0;
}

enum asof_status
asof_head_find(struct asof_str bytes, size_t max_bytes, size_t *scanned, size_t *ret_len,
	       struct asof_problem *problem)
{
	size_t start = leading_empty_lines(bytes);
	size_t end = bytes.len < max_bytes ? bytes.len : max_bytes;
	if (start < end && bytes.ptr[start] == TLS_HANDSHAKE)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "this port speaks plain HTTP, and that was TLS: use http");
	if (start < end && *scanned < start + METHOD_LEN_MAX + 1 &&
	    !may_begin_request((struct asof_str){ bytes.ptr + start, end - start }))
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST, "this is no HTTP request");

	size_t at = *scanned > start ? *scanned : start;
	while (at < end) {
		const char *found = memchr(bytes.ptr + at, '\n', end - at);
		if (!found)
			break;
		at = (size_t)(found - bytes.ptr);
		if (at == start || bytes.ptr[at - 1] != '\r')
			return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
					   "a line of the head does not end in CR LF");
		size_t len = head_end(bytes, start, at);
		if (len > 0) {
			*ret_len = len;
			return ASOF_OK;
		}
		at++;
	}
	if (bytes.len >= max_bytes)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_HEADERS_TOO_LARGE,
				   "request line and headers exceed %zu bytes", max_bytes);
	*scanned = end;
	*ret_len = 0;
	return ASOF_OK;
}

/* Cut the next line off `rest`, without its CR LF. */
static struct asof_str
next_line(struct asof_str *rest)
{
	const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t len = lf ? (size_t)(lf - rest->ptr) + 1 : rest->len;
	struct asof_str line = { rest->ptr, len };
	rest->ptr += len;
	rest->len -= len;
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static enum asof_method
method_of(struct asof_str name)
{
	if (asof_str_equal(name, asof_str_from("GET")))
		return ASOF_METHOD_GET;
	if (asof_str_equal(name, asof_str_from("HEAD")))
		return ASOF_METHOD_HEAD;
	if (asof_str_equal(name, asof_str_from("POST")))
		return ASOF_METHOD_POST;
	return ASOF_METHOD_OTHER;
}

static enum asof_status
parse_version(struct asof_str version, struct fields *fields, struct asof_problem *problem)
{
	if (asof_str_equal(version, asof_str_from("HTTP/1.1"))) {
		fields->keeps_alive = true;
		return ASOF_OK;
	}
	if (asof_str_equal(version, asof_str_from("HTTP/1.0"))) {
		fields->head->is_http10 = true;
		return ASOF_OK;
	}
	return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
			   "the request line does not end in HTTP/1.1 or HTTP/1.0");
}

static enum asof_status
parse_request_line(struct asof_str line, struct fields *fields, struct asof_problem *problem)
{
	size_t method_len = 0;
	while (method_len < line.len && is_token_char(line.ptr[method_len]))
		method_len++;
	if (method_len == 0 || method_len == line.len || line.ptr[method_len] != ' ')
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "the request line does not begin with a method");

	size_t start = method_len + 1;
	size_t end = start;
	while (end < line.len && is_target_char(line.ptr[end]))
		end++;
	if (end == start || end == line.len || line.ptr[end] != ' ')
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "the request line is not 'METHOD TARGET HTTP/1.1'");

	fields->head->method = method_of((struct asof_str){ line.ptr, method_len });
	fields->head->target = (struct asof_str){ line.ptr + start, end - start };
	struct asof_str version = { line.ptr + end + 1, line.len - end - 1 };
	return parse_version(version, fields, problem);
}

static enum asof_status
read_content_length(struct fields *fields, struct asof_str value, struct asof_problem *problem)
{
	uint64_t length;
	bool is_number = value.len > 0 && value.ptr[0] >= '0' && value.ptr[0] <= '9' &&
			 asof_uint64_parse(value, &length);
	if (!is_number)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "content-length '%.*s' is no length",
				   (int)(value.len < 40 ? value.len : 40), value.ptr);
	if (fields->has_length && length != fields->head->content_length)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "two different values of content-length");
	fields->has_length = true;
	fields->head->content_length = length;
	return ASOF_OK;
}

static enum asof_status
read_transfer_encoding(struct fields *fields, struct asof_str value, struct asof_problem *problem)
{
	if (fields->has_transfer_encoding || !asof_token_equal(value, "chunked"))
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "the one transfer-encoding known here is 'chunked', once");
	fields->has_transfer_encoding = true;
	return ASOF_OK;
}

static void
read_connection(struct fields *fields, struct asof_str value)
{
	while (value.len > 0) {
		const char *comma = memchr(value.ptr, ',', value.len);
		size_t len = comma ? (size_t)(comma - value.ptr) : value.len;
		struct asof_str token = trimmed((struct asof_str){ value.ptr, len });
		if (asof_token_equal(token, "close"))
			fields->closes = true;
		else if (asof_token_equal(token, "keep-alive"))
			fields->keeps_alive = true;
		value.ptr += len + (comma ? 1 : 0);
		value.len -= len + (comma ? 1 : 0);
	}
}

/* One that may stand in headers, logs and JSON as it is. */
static bool
is_request_id(struct asof_str value)
{
	static const char others[] = "-_.:+/=@~";
	if (value.len == 0 || value.len > ASOF_REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		char c = lower_char(value.ptr[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    (c == '\0' || !memchr(others, c, sizeof(others) - 1)))
			return false;
	}
	return true;
}

static enum asof_status
read_host(struct fields *fields, struct asof_problem *problem)
{
	if (fields->has_host)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST, "two host headers");
	fields->has_host = true;
	return ASOF_OK;
}

/* Two could be read as either. */
static enum asof_status
read_authorization(struct fields *fields, struct asof_str value, struct asof_problem *problem)
{
	if (fields->head->authorization.ptr)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST, "two authorization headers");
	fields->head->authorization = value;
	return ASOF_OK;
}

static enum asof_status
read_known_field(struct fields *fields, struct asof_str name, struct asof_str value,
		 struct asof_problem *problem)
{
	struct asof_head *head = fields->head;
	if (asof_token_equal(name, "host"))
		return read_host(fields, problem);
	if (asof_token_equal(name, "content-length"))
		return read_content_length(fields, value, problem);
	if (asof_token_equal(name, "transfer-encoding"))
		return read_transfer_encoding(fields, value, problem);
	if (asof_token_equal(name, "authorization"))
		return read_authorization(fields, value, problem);
	if (asof_token_equal(name, "connection"))
		read_connection(fields, value);
	else if (asof_token_equal(name, "content-type"))
		head->content_type = value;
	else if (asof_token_equal(name, "content-encoding"))
		head->content_encoding = value;
	else if (asof_token_equal(name, "accept"))
		head->accept = value;
	else if (asof_token_equal(name, "x-request-id") && is_request_id(value))
		head->request_id = value;
	else if (asof_token_equal(name, "expect")) {
		if (!asof_token_equal(value, "100-continue"))
			return ASOF_REFUSE(problem, ASOF_PROBLEM_EXPECTATION_FAILED,
					   "the one expectation known here is '100-continue'");
		head->expects_continue = true;
	}
	return ASOF_OK;
}

static enum asof_status
split_field(struct asof_str line, struct asof_str *ret_name, struct asof_str *ret_value,
	    struct asof_problem *problem)
{
	size_t name_len = 0;
	while (name_len < line.len && is_token_char(line.ptr[name_len]))
		name_len++;
	if (name_len == 0 || name_len == line.len || line.ptr[name_len] != ':')
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "a header is not 'name: value'");

	struct asof_str value = { line.ptr + name_len + 1, line.len - name_len - 1 };
	for (size_t i = 0; i < value.len; i++) {
		if (!is_field_char(value.ptr[i]))
			return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
					   "header '%.*s' has a control character",
					   (int)(name_len < 64 ? name_len : 64), line.ptr);
	}
	*ret_name = (struct asof_str){ line.ptr, name_len };
	*ret_value = trimmed(value);
	return ASOF_OK;
}

/* All fields are read even where one is refused, so that the refusal carries the request's id. */
static enum asof_status
parse_fields(struct asof_str rest, struct fields *fields, struct asof_problem *problem)
{
	enum asof_status first = ASOF_OK;
	size_t count = 0;
	for (struct asof_str line = next_line(&rest); line.len > 0; line = next_line(&rest)) {
		if (++count > FIELDS_MAX)
			return ASOF_REFUSE(problem, ASOF_PROBLEM_HEADERS_TOO_LARGE,
					   "more than %d headers", FIELDS_MAX);
		struct asof_problem *sink = first == ASOF_OK ? problem : NULL;
		struct asof_str name;
		struct asof_str value;
		enum asof_status status = split_field(line, &name, &value, sink);
		if (status == ASOF_OK)
			status = read_known_field(fields, name, value, sink);
		if (first == ASOF_OK)
			first = status;
	}
	return first;
}

static enum asof_status
settle_framing(struct fields *fields, struct asof_problem *problem)
{
	if (!fields->has_host && !fields->head->is_http10)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST, "no host header");
	if (fields->has_length && fields->has_transfer_encoding)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "both content-length and transfer-encoding");
	if (fields->has_transfer_encoding && fields->head->is_http10)
		return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
				   "HTTP/1.0 knows no transfer-encoding");
	if (fields->has_transfer_encoding)
		fields->head->framing = ASOF_FRAMING_CHUNKED;
	else if (fields->has_length)
		fields->head->framing = ASOF_FRAMING_LENGTH;
	fields->head->keeps_alive = fields->keeps_alive && !fields->closes;
	return ASOF_OK;
}

enum asof_status
asof_head_parse(struct asof_str bytes, struct asof_head *ret_head, struct asof_problem *problem)
{
	*ret_head = (struct asof_head){ 0 };
	struct fields fields = { .head = ret_head };
	size_t start = leading_empty_lines(bytes);
	struct asof_str rest = { bytes.ptr + start, bytes.len - start };
	struct asof_str line = next_line(&rest);
	enum asof_status status = parse_request_line(line, &fields, problem);
	enum asof_status fields_status =
		parse_fields(rest, &fields, status == ASOF_OK ? problem : NULL);
	ASOF_TRY(status);
	ASOF_TRY(fields_status);
	return settle_framing(&fields, problem);
}
