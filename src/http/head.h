/*
 * head.h - the head of an HTTP/1 request: request line and header fields. Pure; fuzzed.
 *
 * RFC 9112, read strictly: lines end in CRLF, no folded fields, no space before a colon, one Host,
 * and never two ways to tell where the body ends.
 */
#ifndef ASOF_HTTP_HEAD_H
#define ASOF_HTTP_HEAD_H

#include "http/problem.h"

enum asof_method { ASOF_METHOD_GET, ASOF_METHOD_HEAD, ASOF_METHOD_POST, ASOF_METHOD_OTHER };

/* How the body's end is told. */
enum asof_framing { ASOF_FRAMING_NONE, ASOF_FRAMING_LENGTH, ASOF_FRAMING_CHUNKED };

/* Borrowed from the bytes that were parsed. Absent fields are { NULL, 0 }. */
struct asof_head {
	enum asof_method method;
	struct asof_str target; /* as sent: path?query, or an absolute URI */
	bool is_http10;
	bool keeps_alive;
	bool expects_continue;
	enum asof_framing framing;
	uint64_t content_length;
	struct asof_str content_type;
	struct asof_str content_encoding;
	struct asof_str authorization;
	struct asof_str accept;     /* the last, where there are several */
	struct asof_str request_id; /* acceptable, or absent */
};

#define ASOF_REQUEST_ID_MAX 128

/*
 * Look for the end of the head in `bytes`, of which *scanned were seen before. *ret_len is its
 * length with the empty line, 0 while it is incomplete. Refused as soon as it cannot become a head:
 * past `max_bytes`, a bare LF, or bytes that no method has. Empty lines in front are part of it.
 */
ASOF_NODISCARD enum asof_status asof_head_find(struct asof_str bytes, size_t max_bytes,
					       size_t *scanned, size_t *ret_len,
					       struct asof_problem *problem);

/* Parse a whole head. On failure only ret_head->request_id is meaningful. */
ASOF_NODISCARD enum asof_status asof_head_parse(struct asof_str bytes, struct asof_head *ret_head,
						struct asof_problem *problem);

/* Case-insensitive, ASCII. */
bool asof_token_equal(struct asof_str text, const char *lower);
/* 0 to 15, or -1. */
int asof_hex_value(char c);

#endif
