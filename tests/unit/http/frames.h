/* frames.h - HTTP/2 as a client writes it, right or wrong, and what the frames of a server say. */
#ifndef ASOF_TESTS_HTTP_FRAMES_H
#define ASOF_TESTS_HTTP_FRAMES_H

#include <assert.h>
#include <nghttp2/nghttp2.h>

#include "base/buf.h"

#define PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define FRAME_HEAD    ((size_t)9)
#define END_STREAM    1u
#define END_HEADERS   4u
#define PADDED        8u
#define HAS_PRIORITY  32u
#define SETTINGS_ACK  1u
#define TYPE_OF(name) ((unsigned)NGHTTP2_##name)

static inline void
add_number(struct asof_buf *out, uint32_t number, unsigned bytes)
{
	for (unsigned i = bytes; i > 0; i--)
		asof_buf_add_char(out, (char)(number >> (8 * (i - 1)) & 0xff));
}

static inline void
add_frame(struct asof_buf *out, unsigned type, unsigned flags, uint32_t stream,
	  struct asof_str payload)
{
	add_number(out, (uint32_t)payload.len, 3);
	add_number(out, type, 1);
	add_number(out, flags, 1);
	add_number(out, stream, 4);
	asof_buf_add_str(out, payload);
}

/* RFC 7541, 5.1 with a prefix of seven bits, none of them set. */
static inline void
add_length(struct asof_buf *out, size_t len)
{
	if (len < 127) {
		add_number(out, (uint32_t)len, 1);
		return;
	}
	add_number(out, 127, 1);
	for (len -= 127; len >= 128; len /= 128)
		add_number(out, (uint32_t)(len % 128 + 128), 1);
	add_number(out, (uint32_t)len, 1);
}

/* One field of a header block, as it is: in no table, without Huffman. */
static inline void
add_field(struct asof_buf *block, struct asof_str name, struct asof_str value)
{
	add_number(block, 0x10, 1);
	add_length(block, name.len);
	asof_buf_add_str(block, name);
	add_length(block, value.len);
	asof_buf_add_str(block, value);
}

/* Fields of "name=value;name=value": the first "=" behind the first byte of a name cuts. */
static inline void
add_fields(struct asof_buf *block, const char *fields)
{
	while (*fields) {
		size_t len = strcspn(fields, ";");
		size_t name_len = 1 + strcspn(fields + 1, "=");
		assert(name_len < len);
		add_field(block, (struct asof_str){ fields, name_len },
			  (struct asof_str){ fields + name_len + 1, len - name_len - 1 });
		fields += len + (fields[len] == ';');
	}
}

/* HEADERS with END_HEADERS of such fields. */
static inline void
add_headers(struct asof_buf *out, unsigned flags, uint32_t stream, const char *fields)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf block = ASOF_BUF((size_t)1 << 20);
	add_fields(&block, fields);
	add_frame(out, TYPE_OF(HEADERS), flags | END_HEADERS, stream, asof_buf_view(&block));
}

static inline void
add_settings(struct asof_buf *out, uint16_t id, uint32_t value)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf payload = ASOF_BUF(16);
	add_number(&payload, id, 2);
	add_number(&payload, value, 4);
	add_frame(out, TYPE_OF(SETTINGS), 0, 0, asof_buf_view(&payload));
}

/* WINDOW_UPDATE or RST_STREAM. */
static inline void
add_numbered(struct asof_buf *out, unsigned type, uint32_t stream, uint32_t number)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf payload = ASOF_BUF(4);
	add_number(&payload, number, 4);
	add_frame(out, type, 0, stream, asof_buf_view(&payload));
}

/* --- what a server says --- */

/* Frames as lines: "1 :status: 200", "1 {"status":"ok"}", "1 END", "1 RESET 8", "GOAWAY 1". What a
 * clock, the connection's settings and its windows have to do with is left out. */
struct hearing {
	nghttp2_hd_inflater *inflater;
	struct asof_buf lines;
};

static inline void
hearing_begin(struct hearing *h)
{
	*h = (struct hearing){ .lines = ASOF_BUF((size_t)64 << 20) };
	int rc = nghttp2_hd_inflate_new(&h->inflater);
	assert(rc == 0);
	(void)rc;
}

static inline void
hearing_end(struct hearing *h)
{
	nghttp2_hd_inflate_del(h->inflater);
	asof_buf_done(&h->lines);
}

static inline void
hear_headers(struct hearing *h, uint32_t stream, struct asof_str block)
{
	for (;;) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(h->inflater, &field, &flags,
						      (const uint8_t *)block.ptr, block.len, 1);
		assert(used >= 0);
		block.ptr += used;
		block.len -= (size_t)used;
		struct asof_str name = { (const char *)field.name, field.namelen };
		struct asof_str value = { (const char *)field.value, field.valuelen };
		if ((flags & NGHTTP2_HD_INFLATE_EMIT) &&
		    !asof_str_equal(name, asof_str_from("date")))
			asof_buf_printf(&h->lines, "%u %.*s: %.*s\n", stream, ASOF_STR_ARG(name),
					ASOF_STR_ARG(value));
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
	}
	int rc = nghttp2_hd_inflate_end_headers(h->inflater);
	assert(rc == 0);
	(void)rc;
}

static inline uint32_t
number_at(const char *ptr, unsigned bytes)
{
	uint32_t number = 0;
	for (unsigned i = 0; i < bytes; i++)
		number = number << 8 | (unsigned char)ptr[i];
	return number;
}

static inline void
hear_frame(struct hearing *h, unsigned type, unsigned flags, uint32_t stream,
	   struct asof_str payload)
{
	if (type == TYPE_OF(HEADERS))
		hear_headers(h, stream, payload);
	else if (type == TYPE_OF(DATA) && payload.len > 0)
		asof_buf_printf(&h->lines, "%u %.*s\n", stream, ASOF_STR_ARG(payload));
	else if (type == TYPE_OF(RST_STREAM))
		asof_buf_printf(&h->lines, "%u RESET %u\n", stream, number_at(payload.ptr, 4));
	else if (type == TYPE_OF(GOAWAY))
		asof_buf_printf(&h->lines, "GOAWAY %u\n", number_at(payload.ptr + 4, 4));
	else if (type == TYPE_OF(PING))
		asof_buf_printf(&h->lines, "PING %u\n", flags);
	bool is_end = type == TYPE_OF(HEADERS) || type == TYPE_OF(DATA);
	if (is_end && (flags & END_STREAM))
		asof_buf_printf(&h->lines, "%u END\n", stream);
}

/* How many of the bytes are whole frames. */
static inline size_t
whole_frames(struct asof_str bytes)
{
	size_t at = 0;
	while (bytes.len - at >= FRAME_HEAD) {
		size_t len = FRAME_HEAD + number_at(bytes.ptr + at, 3);
		if (bytes.len - at < len)
			break;
		at += len;
	}
	return at;
}

/* Whole frames, as a server sends them. */
static inline void
hear(struct hearing *h, struct asof_str bytes)
{
	while (bytes.len > 0) {
		assert(bytes.len >= FRAME_HEAD);
		size_t len = number_at(bytes.ptr, 3);
		assert(bytes.len >= FRAME_HEAD + len);
		hear_frame(h, (unsigned char)bytes.ptr[3], (unsigned char)bytes.ptr[4],
			   number_at(bytes.ptr + 5, 4),
			   (struct asof_str){ bytes.ptr + FRAME_HEAD, len });
		bytes.ptr += FRAME_HEAD + len;
		bytes.len -= FRAME_HEAD + len;
	}
}

#endif
