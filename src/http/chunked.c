/* chunked.c - bodies of Transfer-Encoding: chunked, decoded in place. */
#include "http/chunked.h"

#include "http/head.h"

/* Digits of a chunk's size: sizes up to 4 GiB, far above any body limit. */
#define DIGITS_MAX 8
/* Bytes of extensions and trailers, so that an endless one ends. */
#define OVERHEAD_BYTES_MAX 16384

static bool
end_size(struct asof_chunked *chunked, char c)
{
	if (chunked->digit_count == 0)
		return false;
	if (c == '\r')
		chunked->state = ASOF_CHUNKED_SIZE_LF;
	else if (c == ';' || c == ' ' || c == '\t')
		chunked->state = ASOF_CHUNKED_EXT;
	else
		return false;
	return true;
}

static bool
take_size(struct asof_chunked *chunked, char c)
{
	int digit = asof_hex_value(c);
	if (digit < 0)
		return end_size(chunked, c);
	if (chunked->digit_count == DIGITS_MAX)
		return false;
	chunked->digit_count++;
	chunked->left = chunked->left * 16 + (unsigned)digit;
	return true;
}

static bool
expect(struct asof_chunked *chunked, char c, char wanted, enum asof_chunked_state next)
{
	chunked->state = next;
	return c == wanted;
}

/* A byte of an extension or trailer: skipped up to its CR. */
static bool
skip(struct asof_chunked *chunked, char c, enum asof_chunked_state at_cr)
{
	if (c == '\r')
		chunked->state = at_cr;
	return c != '\n' && ++chunked->overhead_bytes <= OVERHEAD_BYTES_MAX;
}

/* Take one byte that is not data; false where it is wrong. */
static bool
take(struct asof_chunked *chunked, char c)
{
	switch (chunked->state) {
	case ASOF_CHUNKED_SIZE:
		return take_size(chunked, c);
	case ASOF_CHUNKED_EXT:
		return skip(chunked, c, ASOF_CHUNKED_SIZE_LF);
	case ASOF_CHUNKED_SIZE_LF:
		chunked->digit_count = 0;
		return expect(chunked, c, '\n',
			      chunked->left ? ASOF_CHUNKED_DATA : ASOF_CHUNKED_TRAILER);
	case ASOF_CHUNKED_DATA_CR:
		return expect(chunked, c, '\r', ASOF_CHUNKED_DATA_LF);
	case ASOF_CHUNKED_DATA_LF:
		return expect(chunked, c, '\n', ASOF_CHUNKED_SIZE);
	case ASOF_CHUNKED_TRAILER:
		if (c == '\r')
			return expect(chunked, c, '\r', ASOF_CHUNKED_END_LF);
		chunked->state = ASOF_CHUNKED_TRAILER_IN;
		return skip(chunked, c, ASOF_CHUNKED_TRAILER_LF);
	case ASOF_CHUNKED_TRAILER_IN:
		return skip(chunked, c, ASOF_CHUNKED_TRAILER_LF);
	case ASOF_CHUNKED_TRAILER_LF:
		return expect(chunked, c, '\n', ASOF_CHUNKED_TRAILER);
	case ASOF_CHUNKED_END_LF:
		return expect(chunked, c, '\n', ASOF_CHUNKED_DONE);
	case ASOF_CHUNKED_DATA:
	case ASOF_CHUNKED_DONE:
		break;
	}
	return false;
}

enum asof_status
asof_chunked_decode(struct asof_chunked *chunked, char *bytes, size_t len, size_t *ret_decoded,
		    size_t *ret_used, struct asof_problem *problem)
{
	size_t decoded = 0;
	size_t at = 0;
	while (at < len && chunked->state != ASOF_CHUNKED_DONE) {
		if (chunked->state != ASOF_CHUNKED_DATA) {
			if (!take(chunked, bytes[at]))
				return ASOF_REFUSE(problem, ASOF_PROBLEM_BAD_REQUEST,
						   "the body is not chunked as it claims to be");
			at++;
			continue;
		}
		size_t count = chunked->left < len - at ? (size_t)chunked->left : len - at;
		memmove(bytes + decoded, bytes + at, count);
		decoded += count;
		at += count;
		chunked->left -= count;
		if (chunked->left == 0)
			chunked->state = ASOF_CHUNKED_DATA_CR;
	}
	*ret_decoded = decoded;
	*ret_used = at;
	return ASOF_OK;
}
