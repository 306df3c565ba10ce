/* engine_duckdb_error.c - what DuckDB says, as a status and one line. */
#include "engine/duckdb_impl.h"

#include <ctype.h>

struct rule {
	const char *text;
	enum asof_status status;
};

/* Kinds of error that files have; the others may quote what the user wrote. */
static const char *const of_files[] = {
	"IO Error",   "Invalid Input Error", "Invalid Error", "Conversion Error: CSV Error",
	"HTTP Error",
};

/* Of those, told by what the message contains. */
static const struct rule contents[] = {
	{ "HTTP 401", ASOF_INVALID },
	{ "HTTP 403", ASOF_INVALID },
	{ "HTTP code 401", ASOF_INVALID },
	{ "HTTP code 403", ASOF_INVALID },
	{ "HTTP 404", ASOF_NOT_FOUND },
	{ "HTTP code 404", ASOF_NOT_FOUND },
	{ " error for HTTP ", ASOF_UNAVAILABLE }, /* no answer at all */
	{ "No files found that match", ASOF_NOT_FOUND },
	{ "No such file or directory", ASOF_NOT_FOUND },
	{ "No magic bytes found", ASOF_CORRUPT },
	{ "too small to be a Parquet file", ASOF_CORRUPT },
	{ "Footer length error", ASOF_CORRUPT },
	{ "Failed to read file", ASOF_CORRUPT },
	{ "Failed to read Parquet", ASOF_CORRUPT },
	{ "TProtocolException", ASOF_CORRUPT },
	{ "don't know what type", ASOF_CORRUPT },
	{ "Invalid string encoding found in Parquet", ASOF_CORRUPT },
	{ "ecompression failure", ASOF_CORRUPT },
	{ "orrupt", ASOF_CORRUPT },
	{ "CSV Error on Line", ASOF_CORRUPT },
	{ "Error when sniffing file", ASOF_CORRUPT },
	{ "Malformed JSON in file", ASOF_CORRUPT },
};

/* Told by the kind of error, which every message begins with. */
static const struct rule kinds[] = {
	{ "INTERRUPT Error", ASOF_CANCELLED },
	{ "Parser Error", ASOF_INVALID },
	{ "Syntax Error", ASOF_INVALID },
	{ "Binder Error", ASOF_INVALID },
	{ "Catalog Error", ASOF_INVALID },
	{ "Conversion Error", ASOF_INVALID },
	{ "Mismatch Type Error", ASOF_INVALID },
	{ "Invalid type Error", ASOF_INVALID },
	{ "Out of Range Error", ASOF_INVALID },
	{ "Divide by Zero Error", ASOF_INVALID },
	{ "Decimal Error", ASOF_INVALID },
	{ "Expression Error", ASOF_INVALID },
	{ "Constraint Error", ASOF_INVALID },
	{ "Permission Error", ASOF_INVALID },
	{ "Invalid Configuration Error", ASOF_INVALID },
	{ "Invalid Input Error", ASOF_INVALID },
	{ "Parameter Not Resolved Error", ASOF_INVALID },
	{ "Parameter Not Allowed Error", ASOF_INVALID },
	{ "Not implemented Error", ASOF_UNSUPPORTED },
	{ "Missing Extension Error", ASOF_NOT_FOUND },
	{ "Extension Autoloading Error", ASOF_NOT_FOUND },
	{ "Out of Memory Error", ASOF_LIMIT },
	{ "Object Size Error", ASOF_LIMIT },
	{ "HTTP Error", ASOF_UNAVAILABLE },
	{ "Network Error", ASOF_UNAVAILABLE },
	{ "Connection Error", ASOF_UNAVAILABLE },
	{ "TransactionContext Error", ASOF_CONFLICT },
	{ "Serialization Error", ASOF_CORRUPT },
	{ "Invalid Error", ASOF_CORRUPT }, /* an exception from inside a decoder */
	{ "IO Error", ASOF_IO },
};

/* Further lines of a message that help, by how they begin. The rest is advice about DuckDB. */
static const char *const helpful[] = {
	"Candidate bindings", "Did you mean", "Error when",      "Expected ",
	"Could not ",         "Value with",   "Invalid unicode", "  file = ",
	"AccessDenied",       "Signature",    "InvalidAccess",   "ExpiredToken",
};

static bool
begins_with(struct asof_str line, const char *text)
{
	size_t len = strlen(text);

	return line.len >= len && memcmp(line.ptr, text, len) == 0;
}

/* The next line of *rest, without its newline; false at the end. */
static bool
next_line(struct asof_str *rest, struct asof_str *ret_line)
{
	if (rest->len == 0)
		return false;

	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	size_t used = end ? len + 1 : len;

	*ret_line = (struct asof_str){ rest->ptr, len };
	*rest = (struct asof_str){ rest->ptr + used, rest->len - used };
	return true;
}

static struct asof_str
trimmed(struct asof_str line)
{
	while (line.len > 0 && isspace((unsigned char)line.ptr[0]))
		line = (struct asof_str){ line.ptr + 1, line.len - 1 };
	while (line.len > 0 && (isspace((unsigned char)line.ptr[line.len - 1]) ||
				line.ptr[line.len - 1] == '!' || line.ptr[line.len - 1] == '.'))
		line.len--;
	return line;
}

/* As our messages are: no capital at the start but of a word in capitals or a name. */
static void
add_line(struct asof_buf *out, struct asof_str line)
{
	line = trimmed(line);
	if (line.len == 0)
		return;
	if (out->len > 0)
		asof_buf_add_cstr(out, "; ");

	bool is_word = line.len > 1 && isupper((unsigned char)line.ptr[0]) &&
		       islower((unsigned char)line.ptr[1]);
	asof_buf_add_char(out, is_word ? (char)tolower((unsigned char)line.ptr[0]) : line.ptr[0]);
	asof_buf_add(out, line.ptr + 1, line.len - 1);
}

static bool
is_helpful(struct asof_str line)
{
	for (size_t i = 0; i < ASOF_COUNTOF(helpful); i++) {
		if (begins_with(line, helpful[i]))
			return true;
	}
	return false;
}

/* `message` without the kind of error that it begins with, also where it is said twice. */
static struct asof_str
without_kind(struct asof_str message)
{
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		size_t len = strlen(kinds[i].text);

		if (begins_with(message, kinds[i].text) && message.len > len + 1 &&
		    message.ptr[len] == ':')
			return without_kind(
				(struct asof_str){ message.ptr + len + 2, message.len - len - 2 });
	}
	return message;
}

static void
shorten(const char *message, struct asof_buf *out)
{
	struct asof_str rest = without_kind(asof_str_from(message));
	struct asof_str line;

	if (next_line(&rest, &line))
		add_line(out, line);
	while (next_line(&rest, &line)) {
		if (begins_with(line, "LINE "))
			break;
		if (is_helpful(line))
			add_line(out, line);
	}
}

static bool
is_of_files(const char *message)
{
	for (size_t i = 0; i < ASOF_COUNTOF(of_files); i++) {
		if (begins_with(asof_str_from(message), of_files[i]))
			return true;
	}
	return false;
}

static enum asof_status
status_of(const char *message)
{
	for (size_t i = 0; i < ASOF_COUNTOF(contents) && is_of_files(message); i++) {
		if (strstr(message, contents[i].text))
			return contents[i].status;
	}
	for (size_t i = 0; i < ASOF_COUNTOF(kinds); i++) {
		if (begins_with(asof_str_from(message), kinds[i].text))
			return kinds[i].status;
	}
	return ASOF_INTERNAL;
}

enum asof_status
asof_duckdb_failed(const char *message, struct asof_error *err)
{
	if (!message)
		return ASOF_FAIL(err, ASOF_INTERNAL, "the engine failed without a message");

	enum asof_status status = status_of(message);
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(8192);

	if (status == ASOF_CANCELLED)
		return ASOF_FAIL(err, ASOF_CANCELLED, "interrupted");
	shorten(message, &text);
	if (status == ASOF_LIMIT)
		return ASOF_FAIL(err, ASOF_LIMIT, "needs more memory than --memory allows: %s",
				 asof_buf_cstr(&text));
	if (status == ASOF_INTERNAL)
		return ASOF_FAIL(err, ASOF_INTERNAL, "engine: %s", asof_buf_cstr(&text));
	return ASOF_FAIL(err, status, "%s", asof_buf_cstr(&text));
}
