/*
 * buf.h - a growing byte buffer with a maximum and a sticky error.
 *
 * Appending never reports: the first failure (limit or memory) is remembered, later appends
 * do nothing, and asof_buf_status() tells once at the end. One thread at a time.
 */
#ifndef ASOF_BUF_H
#define ASOF_BUF_H

#include <assert.h>

#include "base/base.h"

struct asof_buf {
	char *ptr; /* NUL-terminated whenever not NULL; the NUL is not counted in len */
	size_t len;
	size_t capacity;
	size_t max_bytes;
	enum asof_status status;
};

/* An empty buffer that may grow to `max_bytes`: struct asof_buf buf = ASOF_BUF(4096); */
#define ASOF_BUF(max) ((struct asof_buf){ .max_bytes = (max) })

void asof_buf_done(struct asof_buf *buf);
/* Forget contents and error, keep the memory. */
void asof_buf_clear(struct asof_buf *buf);
/* Drop everything behind the first `len` bytes. */
void asof_buf_truncate(struct asof_buf *buf, size_t len);

void asof_buf_add(struct asof_buf *buf, const void *bytes, size_t len);
void asof_buf_add_str(struct asof_buf *buf, struct asof_str str);
void asof_buf_add_cstr(struct asof_buf *buf, const char *cstr);
void asof_buf_add_char(struct asof_buf *buf, char c);
void asof_buf_printf(struct asof_buf *buf, const char *fmt, ...) ASOF_PRINTF(2, 3);

/* asof_buf_reserve() where there is no room yet. */
char *asof_buf_make_room(struct asof_buf *buf, size_t len);

/* Room for `len` more bytes to be written by hand, then counted by asof_buf_grow(); NULL after a
 * failure. */
static inline char *
asof_buf_reserve(struct asof_buf *buf, size_t len)
{
	bool has_room = buf->status == ASOF_OK && len < buf->capacity - buf->len;
	return has_room ? buf->ptr + buf->len : asof_buf_make_room(buf, len);
}

static inline void
asof_buf_grow(struct asof_buf *buf, size_t len)
{
	assert(buf->capacity > buf->len && len < buf->capacity - buf->len);
	buf->len += len;
	buf->ptr[buf->len] = '\0';
}

/* ASOF_OK, or the first failure: ASOF_LIMIT or ASOF_NO_MEMORY. */
ASOF_NODISCARD enum asof_status asof_buf_status(const struct asof_buf *buf, struct asof_error *err);

/* Borrowed until the next change of `buf`. */
static inline struct asof_str
asof_buf_view(const struct asof_buf *buf)
{
	return (struct asof_str){ buf->ptr, buf->len };
}

/* The contents as a C string, "" when empty. Borrowed until the next change of `buf`. */
static inline const char *
asof_buf_cstr(const struct asof_buf *buf)
{
	return buf->ptr ? buf->ptr : "";
}

/* Give the contents away (NUL-terminated, but {NULL, 0} when nothing was ever added); `buf` is
 * empty afterwards. Fails as asof_buf_status(). */
ASOF_NODISCARD enum asof_status asof_buf_steal(struct asof_buf *buf, struct asof_bytes *ret_bytes,
					       struct asof_error *err);

#endif
