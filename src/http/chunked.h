/* chunked.h - bodies of Transfer-Encoding: chunked, decoded in place as they arrive. Pure; fuzzed.
 */
#ifndef ASOF_HTTP_CHUNKED_H
#define ASOF_HTTP_CHUNKED_H

#include "http/problem.h"

enum asof_chunked_state {
	ASOF_CHUNKED_SIZE,    /* hexadecimal digits */
	ASOF_CHUNKED_EXT,     /* the rest of that line, ignored */
	ASOF_CHUNKED_SIZE_LF, /* its LF */
	ASOF_CHUNKED_DATA,
	ASOF_CHUNKED_DATA_CR,
	ASOF_CHUNKED_DATA_LF,
	ASOF_CHUNKED_TRAILER,    /* at the start of a trailer line */
	ASOF_CHUNKED_TRAILER_IN, /* within one, ignored */
	ASOF_CHUNKED_TRAILER_LF,
	ASOF_CHUNKED_END_LF, /* the last LF of all */
	ASOF_CHUNKED_DONE,
};

/* All-zero is a decoder before the first byte. */
struct asof_chunked {
	enum asof_chunked_state state;
	uint64_t left; /* of the chunk; while its size is read, the size so far */
	unsigned digit_count;
	size_t overhead_bytes; /* of extensions and trailers */
};

/*
 * Decode `len` bytes at `bytes` in place: the first *ret_decoded of them are then data, and
 * *ret_used <= len were taken. Done (state DONE) before the end of the input leaves the rest
 * untouched. BAD_REQUEST on anything else than chunks.
 */
ASOF_NODISCARD enum asof_status asof_chunked_decode(struct asof_chunked *chunked, char *bytes,
						    size_t len, size_t *ret_decoded,
						    size_t *ret_used, struct asof_problem *problem);

#endif
