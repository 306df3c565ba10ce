/* json_writer.c - appends JSON to a buffer. */
#include "base/json_writer.h"

#include <assert.h>
#include <math.h>

#include "base/number.h"
#include "base/utf8.h"

struct asof_json_writer
asof_json_writer_to(struct asof_buf *buf)
{
	return (struct asof_json_writer){ .buf = buf };
}

struct asof_json_writer
asof_json_writer_pretty(struct asof_buf *buf)
{
	return (struct asof_json_writer){ .buf = buf, .is_pretty = true };
}

static void
new_line(struct asof_json_writer *w)
{
	if (!w->is_pretty)
		return;
	asof_buf_add_char(w->buf, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		asof_buf_add(w->buf, "  ", 2);
}

/* What stands between this item and the one before. */
static void
begin_item(struct asof_json_writer *w)
{
	if (w->has_items[w->depth]) {
		assert(w->depth > 0); /* a document is one value */
		asof_buf_add_char(w->buf, ',');
	}
	w->has_items[w->depth] = true;
	if (w->depth > 0)
		new_line(w);
}

static void
begin_value(struct asof_json_writer *w)
{
	assert(w->is_after_key || !w->is_object[w->depth]);
	if (w->is_after_key)
		w->is_after_key = false;
	else
		begin_item(w);
}

static void
begin_container(struct asof_json_writer *w, bool is_object)
{
	begin_value(w);
	assert(w->depth < ASOF_JSON_DEPTH_MAX);
	w->depth++;
	w->has_items[w->depth] = false;
	w->is_object[w->depth] = is_object;
	asof_buf_add_char(w->buf, is_object ? '{' : '[');
}

static void
end_container(struct asof_json_writer *w, bool is_object)
{
	assert(w->depth > 0 && w->is_object[w->depth] == is_object && !w->is_after_key);
	bool has_items = w->has_items[w->depth];
	w->depth--;
	if (has_items)
		new_line(w);
	asof_buf_add_char(w->buf, is_object ? '}' : ']');
}

void
asof_json_begin_object(struct asof_json_writer *w)
{
	begin_container(w, true);
}

void
asof_json_end_object(struct asof_json_writer *w)
{
	end_container(w, true);
}

void
asof_json_begin_array(struct asof_json_writer *w)
{
	begin_container(w, false);
}

void
asof_json_end_array(struct asof_json_writer *w)
{
	end_container(w, false);
}

/* The letter behind the backslash, 'u' for the long form, 0 where the byte stands for itself. */
static char
escape_of(unsigned char c)
{
	static const char short_forms[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	if (c == '"' || c == '\\')
		return (char)c;
	if (c >= 0x20)
		return 0;
	return short_forms[c] ? short_forms[c] : 'u';
}

/* `text` is UTF-8. */
static void
add_escaped(struct asof_buf *buf, struct asof_str text)
{
	static const char hex[] = "0123456789abcdef";
	size_t clean = 0; /* where the bytes that are not yet appended begin */
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		char escape = escape_of(c);
		if (!escape)
			continue;
		asof_buf_add(buf, text.ptr + clean, i - clean);
		clean = i + 1;
		const char form[] = { '\\', escape, '0', '0', hex[c >> 4], hex[c & 15] };
		asof_buf_add(buf, form, escape == 'u' ? sizeof(form) : 2);
	}
	if (text.len > clean)
		asof_buf_add(buf, text.ptr + clean, text.len - clean);
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The highest bit of each byte that is zero, where no byte has its highest bit set. */
static uint64_t
zero_bytes(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Eight bytes that all stand for themselves: ASCII, nothing to escape. */
static bool
is_plain_word(uint64_t word)
{
	uint64_t control = (word - EACH_BYTE(0x20)) & ~word;
	uint64_t special = zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'));
	return ((word | control | special) & EACH_BYTE(0x80)) == 0;
}

/* Fewer than eight bytes as a word of the same bytes, some of them twice. */
static uint64_t
short_word(struct asof_str text)
{
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	uint32_t halves[2] = { 0, 0 };
	if (text.len < sizeof(halves[0]))
		return text.len == 0 ? EACH_BYTE(' ')
				     : EACH_BYTE((uint64_t)bytes[0]) ^
					       (uint64_t)(bytes[0] ^ bytes[text.len / 2]) << 8 ^
					       (uint64_t)(bytes[0] ^ bytes[text.len - 1]) << 16;
	memcpy(&halves[0], bytes, sizeof(halves[0]));
	memcpy(&halves[1], bytes + text.len - sizeof(halves[1]), sizeof(halves[1]));
	return (uint64_t)halves[1] << 32 | halves[0];
}

static bool
is_plain(struct asof_str text)
{
	uint64_t word;
	if (text.len < sizeof(word))
		return is_plain_word(short_word(text));
	for (size_t at = 0; at + sizeof(word) <= text.len; at += sizeof(word)) {
		memcpy(&word, text.ptr + at, sizeof(word));
		if (!is_plain_word(word))
			return false;
	}
	memcpy(&word, text.ptr + text.len - sizeof(word), sizeof(word));
	return is_plain_word(word);
}

/* The usual string: quoted as it is, with what stands around it (0: nothing), in one step. False:
 * it takes more. */
static bool
add_plain(struct asof_buf *buf, char before, struct asof_str text, char behind)
{
	if (!is_plain(text))
		return false;
	char *room = asof_buf_reserve(buf, text.len + 2 + (before != 0) + (behind != 0));
	if (!room)
		return true;
	char *at = room;
	if (before)
		*at++ = before;
	*at++ = '"';
	if (text.len > 0)
		memcpy(at, text.ptr, text.len);
	at += text.len;
	*at++ = '"';
	if (behind)
		*at++ = behind;
	asof_buf_grow(buf, (size_t)(at - room));
	return true;
}

static void
add_string(struct asof_buf *buf, struct asof_str text)
{
	if (add_plain(buf, 0, text, 0))
		return;
	asof_buf_add_char(buf, '"');
	while (text.len > 0) {
		size_t valid = asof_utf8_valid_prefix(text);
		add_escaped(buf, (struct asof_str){ text.ptr, valid });
		if (valid == text.len)
			break;
		asof_buf_add(buf, "\xEF\xBF\xBD", 3);
		text = (struct asof_str){ text.ptr + valid + 1, text.len - valid - 1 };
	}
	asof_buf_add_char(buf, '"');
}

void
asof_json_key(struct asof_json_writer *w, struct asof_str key)
{
	assert(w->depth > 0 && w->is_object[w->depth] && !w->is_after_key);
	w->is_after_key = true;
	if (!w->is_pretty && add_plain(w->buf, w->has_items[w->depth] ? ',' : 0, key, ':')) {
		w->has_items[w->depth] = true;
		return;
	}
	begin_item(w);
	add_string(w->buf, key);
	asof_buf_add(w->buf, ": ", w->is_pretty ? 2 : 1);
}

void
asof_json_key_cstr(struct asof_json_writer *w, const char *key)
{
	asof_json_key(w, asof_str_from(key));
}

void
asof_json_members(struct asof_json_writer *w, struct asof_str members)
{
	assert(w->depth > 0 && w->is_object[w->depth] && !w->is_after_key && !w->is_pretty);
	begin_item(w);
	asof_buf_add_str(w->buf, members);
}

void
asof_json_key_text(struct asof_json_writer *w, struct asof_str key)
{
	asof_json_members(w, key);
	w->is_after_key = true;
}

void
asof_json_raw(struct asof_json_writer *w, struct asof_str json)
{
	begin_value(w);
	asof_buf_add_str(w->buf, json);
}

void
asof_json_repeat(struct asof_json_writer *w, size_t at, size_t len)
{
	begin_value(w);
	char *room = asof_buf_reserve(w->buf, len);
	if (!room)
		return;
	memcpy(room, w->buf->ptr + at, len);
	asof_buf_grow(w->buf, len);
}

void
asof_json_null(struct asof_json_writer *w)
{
	asof_json_raw(w, asof_str_from("null"));
}

void
asof_json_bool(struct asof_json_writer *w, bool value)
{
	asof_json_raw(w, asof_str_from(value ? "true" : "false"));
}

void
asof_json_int(struct asof_json_writer *w, int64_t value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_json_raw(w, (struct asof_str){ text, asof_int64_text(value, text) });
}

void
asof_json_uint(struct asof_json_writer *w, uint64_t value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	asof_json_raw(w, (struct asof_str){ text, asof_uint64_text(value, text) });
}

/* JSON has no NaN and no infinities: they are strings. */
void
asof_json_double(struct asof_json_writer *w, double value)
{
	if (!isfinite(value)) {
		char text[ASOF_DOUBLE_TEXT_MAX];
		asof_json_str(w, (struct asof_str){ text, asof_double_text(value, text) });
		return;
	}
	begin_value(w);
	char *room = asof_buf_reserve(w->buf, ASOF_DOUBLE_TEXT_MAX);
	if (room)
		asof_buf_grow(w->buf, asof_double_text(value, room));
}

void
asof_json_float(struct asof_json_writer *w, float value)
{
	char text[ASOF_DOUBLE_TEXT_MAX];
	struct asof_str str = { text, asof_float_text(value, text) };
	if (isfinite(value))
		asof_json_raw(w, str);
	else
		asof_json_str(w, str);
}

void
asof_json_str(struct asof_json_writer *w, struct asof_str value)
{
	begin_value(w);
	add_string(w->buf, value);
}

void
asof_json_cstr(struct asof_json_writer *w, const char *value)
{
	asof_json_str(w, asof_str_from(value));
}

void
asof_json_member_cstr(struct asof_json_writer *w, const char *key, const char *value)
{
	asof_json_key_cstr(w, key);
	asof_json_cstr(w, value);
}

void
asof_json_member_str(struct asof_json_writer *w, const char *key, struct asof_str value)
{
	asof_json_key_cstr(w, key);
	asof_json_str(w, value);
}

void
asof_json_member_int(struct asof_json_writer *w, const char *key, int64_t value)
{
	asof_json_key_cstr(w, key);
	asof_json_int(w, value);
}

void
asof_json_member_bool(struct asof_json_writer *w, const char *key, bool value)
{
	asof_json_key_cstr(w, key);
	asof_json_bool(w, value);
}

void
asof_json_member_text(struct asof_json_writer *w, const char *key, const char *text)
{
	asof_json_key_cstr(w, key);
	if (text)
		asof_json_cstr(w, text);
	else
		asof_json_null(w);
}
