/*
 * json_writer.h - appends JSON to a buffer; commas and, when asked, indentation are its business.
 *
 * Misuse (a value without its key, an unclosed object) is our bug and asserts. Errors are those of
 * the buffer. One thread at a time.
 */
#ifndef ASOF_JSON_WRITER_H
#define ASOF_JSON_WRITER_H

#include "base/buf.h"

#define ASOF_JSON_DEPTH_MAX 64

struct asof_json_writer {
	struct asof_buf *buf;
	unsigned depth;
	bool is_pretty;                          /* two spaces per level */
	bool has_items[ASOF_JSON_DEPTH_MAX + 1]; /* per level: a comma is due */
	bool is_object[ASOF_JSON_DEPTH_MAX + 1]; /* per level: values need keys */
	bool is_after_key;
};

struct asof_json_writer asof_json_writer_to(struct asof_buf *buf);
struct asof_json_writer asof_json_writer_pretty(struct asof_buf *buf);

void asof_json_begin_object(struct asof_json_writer *w);
void asof_json_end_object(struct asof_json_writer *w);
void asof_json_begin_array(struct asof_json_writer *w);
void asof_json_end_array(struct asof_json_writer *w);
void asof_json_key(struct asof_json_writer *w, struct asof_str key);
void asof_json_key_cstr(struct asof_json_writer *w, const char *key);
/* A key that is JSON already, with quotes and colon; not when pretty. */
void asof_json_key_text(struct asof_json_writer *w, struct asof_str key);
/* Members that are JSON already: "a":1,"b":2; not when pretty. */
void asof_json_members(struct asof_json_writer *w, struct asof_str members);

void asof_json_null(struct asof_json_writer *w);
void asof_json_bool(struct asof_json_writer *w, bool value);
void asof_json_int(struct asof_json_writer *w, int64_t value);
void asof_json_uint(struct asof_json_writer *w, uint64_t value);
/* Shortest text that reads back as the same double; NaN and infinities as "NaN", "Infinity",
 * "-Infinity" (with quotes). */
void asof_json_double(struct asof_json_writer *w, double value);
void asof_json_float(struct asof_json_writer *w, float value);
/* Escaped; bytes that are not UTF-8 become U+FFFD. */
void asof_json_str(struct asof_json_writer *w, struct asof_str value);
void asof_json_cstr(struct asof_json_writer *w, const char *value);
/* Text that is JSON already. */
void asof_json_raw(struct asof_json_writer *w, struct asof_str json);
/* The value that stands in the buffer at [at, at + len), once more. */
void asof_json_repeat(struct asof_json_writer *w, size_t at, size_t len);

/* key + value in one call */
void asof_json_member_cstr(struct asof_json_writer *w, const char *key, const char *value);
/* NULL is null. */
void asof_json_member_text(struct asof_json_writer *w, const char *key, const char *text);
void asof_json_member_str(struct asof_json_writer *w, const char *key, struct asof_str value);
void asof_json_member_int(struct asof_json_writer *w, const char *key, int64_t value);
void asof_json_member_bool(struct asof_json_writer *w, const char *key, bool value);

#endif
