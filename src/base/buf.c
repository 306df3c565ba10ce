/* buf.c - a growing byte buffer with a maximum and a sticky error. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAPACITY 64

void
asof_buf_done(struct asof_buf *buf)
{
	asof_mem_free(buf->ptr);
	*buf = ASOF_BUF(buf->max_bytes);
}

void
asof_buf_clear(struct asof_buf *buf)
{
	buf->status = ASOF_OK;
	asof_buf_truncate(buf, 0);
}

void
asof_buf_truncate(struct asof_buf *buf, size_t len)
{
	if (len > buf->len)
		return;
	buf->len = len;
	if (buf->ptr)
		buf->ptr[len] = '\0';
}

/* `need` bytes and a NUL: at least doubled, so that appending stays linear. */
static bool
grow_memory(struct asof_buf *buf, size_t need)
{
	size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
	while (capacity <= need && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	if (capacity - 1 > buf->max_bytes && buf->max_bytes < SIZE_MAX)
		capacity = buf->max_bytes + 1;

	char *grown = asof_mem_resize(buf->ptr, capacity);
	if (!grown) {
		buf->status = ASOF_NO_MEMORY;
		return false;
	}
	buf->ptr = grown;
	buf->ptr[buf->len] = '\0';
	buf->capacity = capacity;
	return true;
}

char *
asof_buf_make_room(struct asof_buf *buf, size_t len)
{
	if (buf->status != ASOF_OK)
		return NULL;
	if (len > buf->max_bytes - buf->len) {
		buf->status = ASOF_LIMIT;
		return NULL;
	}
	return grow_memory(buf, buf->len + len) ? buf->ptr + buf->len : NULL;
}

void
asof_buf_add(struct asof_buf *buf, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	char *room = asof_buf_reserve(buf, len);
	if (!room)
		return;
	memcpy(room, bytes, len);
	asof_buf_grow(buf, len);
}

void
asof_buf_add_str(struct asof_buf *buf, struct asof_str str)
{
	asof_buf_add(buf, str.ptr, str.len);
}

void
asof_buf_add_cstr(struct asof_buf *buf, const char *cstr)
{
	asof_buf_add(buf, cstr, strlen(cstr));
}

void
asof_buf_add_char(struct asof_buf *buf, char c)
{
	if (buf->status != ASOF_OK || buf->len + 1 >= buf->capacity) {
		asof_buf_add(buf, &c, 1);
		return;
	}
	buf->ptr[buf->len++] = c;
	buf->ptr[buf->len] = '\0';
}

void
asof_buf_printf(struct asof_buf *buf, const char *fmt, ...)
{
	va_list ap;
	va_list again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	assert(len >= 0); /* only a wide string that does not convert can fail; we print none */
	char *room = asof_buf_reserve(buf, (size_t)len);
	if (room) {
		(void)vsnprintf(room, (size_t)len + 1, fmt, again);
		asof_buf_grow(buf, (size_t)len);
	}
	va_end(again);
}

enum asof_status
asof_buf_status(const struct asof_buf *buf, struct asof_error *err)
{
	if (buf->status == ASOF_LIMIT)
		return ASOF_FAIL(err, ASOF_LIMIT, "more than %zu bytes", buf->max_bytes);
	if (buf->status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "buffer behind %zu bytes", buf->len);
	return ASOF_OK;
}

enum asof_status
asof_buf_steal(struct asof_buf *buf, struct asof_bytes *ret_bytes, struct asof_error *err)
{
	ASOF_TRY(asof_buf_status(buf, err));
	*ret_bytes = (struct asof_bytes){ buf->ptr, buf->len };
	*buf = ASOF_BUF(buf->max_bytes);
	return ASOF_OK;
}
