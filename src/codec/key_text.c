/* key_text.c - keys as people read them, without the types that a view gives them. */
#include "base/number.h"
#include "codec/key.h"
#include "codec/key_format.h"
#include "codec/time_text.h"

static bool
take(struct asof_str *rest, size_t len, struct asof_str *ret_bytes)
{
	if (len > rest->len)
		return false;
	*ret_bytes = (struct asof_str){ rest->ptr, len };
	*rest = (struct asof_str){ rest->ptr + len, rest->len - len };
	return true;
}

static bool
take_signed(struct asof_str *rest, size_t size, asof_int128 *ret_value)
{
	struct asof_str bytes;
	asof_uint128 value = 0;
	if (!take(rest, size, &bytes))
		return false;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | (unsigned char)bytes.ptr[i];
	*ret_value = (asof_int128)(value - ((asof_uint128)1 << (8 * size - 1)));
	return true;
}

static bool
is_plain(unsigned char c)
{
	return c > ' ' && c != 0x7F && c != '%' && c != ',' && c != ':' && c != '"' && c != '\\' &&
	       c != '\'';
}

static void
write_hex(unsigned char c, struct asof_buf *buf)
{
	static const char digits[] = "0123456789ABCDEF";
	asof_buf_add_char(buf, digits[c >> 4]);
	asof_buf_add_char(buf, digits[c & 15]);
}

static void
write_char(char c, struct asof_buf *buf)
{
	if (is_plain((unsigned char)c)) {
		asof_buf_add_char(buf, c);
		return;
	}
	asof_buf_add_char(buf, '%');
	write_hex((unsigned char)c, buf);
}

void
asof_key_write_name(struct asof_str name, struct asof_buf *buf)
{
	size_t clean = 0;
	while (clean < name.len && is_plain((unsigned char)name.ptr[clean]))
		clean++;
	asof_buf_add(buf, name.ptr, clean);
	for (size_t i = clean; i < name.len; i++)
		write_char(name.ptr[i], buf);
}

/* Would the string, bare, read as something else? */
static bool
wants_mark(struct asof_str str)
{
	if (str.len == 0)
		return true;
	unsigned char first = (unsigned char)str.ptr[0];
	bool is_letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
			 first == '_' || first >= 0x80;
	bool is_uuid = str.len == 36 && str.ptr[8] == '-' && str.ptr[13] == '-';
	return !is_letter || is_uuid || asof_str_equal(str, asof_str_from("true")) ||
	       asof_str_equal(str, asof_str_from("false"));
}

/* Up to the end mark; false without one. The bytes between are still escaped. */
static bool
take_escaped(struct asof_str *rest, struct asof_str *ret_raw)
{
	for (size_t i = 0; i + 1 < rest->len; i++) {
		if (rest->ptr[i] != 0)
			continue;
		unsigned char mark = (unsigned char)rest->ptr[i + 1];
		if (mark == ASOF_KEY_ZERO_ENDS) {
			struct asof_str end;
			return take(rest, i, ret_raw) && take(rest, 2, &end);
		}
		if (mark != ASOF_KEY_ZERO_WITHIN)
			return false;
		i++;
	}
	return false;
}

static bool
write_string(struct asof_str *rest, bool is_bytes, struct asof_buf *buf)
{
	struct asof_str raw;
	if (!take_escaped(rest, &raw))
		return false;
	if (is_bytes)
		asof_buf_add_cstr(buf, "0x");
	else if (wants_mark(raw))
		asof_buf_add_char(buf, '\'');
	for (size_t i = 0; i < raw.len; i++) {
		if (is_bytes)
			write_hex((unsigned char)raw.ptr[i], buf);
		else
			write_char(raw.ptr[i], buf);
		i += raw.ptr[i] == 0;
	}
	return true;
}

static bool
write_uuid(struct asof_str *rest, struct asof_buf *buf)
{
	static const char digits[] = "0123456789abcdef";
	struct asof_str bytes;
	if (!take(rest, ASOF_UUID_BYTES, &bytes))
		return false;
	for (size_t i = 0; i < ASOF_UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			asof_buf_add_char(buf, '-');
		unsigned char c = (unsigned char)bytes.ptr[i];
		asof_buf_add_char(buf, digits[c >> 4]);
		asof_buf_add_char(buf, digits[c & 15]);
	}
	return true;
}

static bool
write_bool(struct asof_str *rest, struct asof_buf *buf)
{
	struct asof_str byte;
	if (!take(rest, 1, &byte) || (byte.ptr[0] != 0 && byte.ptr[0] != 1))
		return false;
	asof_buf_add_cstr(buf, byte.ptr[0] ? "true" : "false");
	return true;
}

static bool
write_number(struct asof_str *rest, size_t size, const char *suffix, struct asof_buf *buf)
{
	char text[ASOF_INT128_TEXT_MAX];
	asof_int128 number;
	if (!take_signed(rest, size, &number))
		return false;
	size_t len = size <= sizeof(int64_t) ? asof_int64_text((int64_t)number, text)
					     : asof_decimal_text(number, 0, text);
	asof_buf_add(buf, text, len);
	asof_buf_add_cstr(buf, suffix);
	return true;
}

static bool
write_time(struct asof_str *rest, bool is_date, struct asof_buf *buf)
{
	char text[ASOF_TIME_TEXT_MAX];
	asof_int128 number;
	if (!take_signed(rest, is_date ? sizeof(int32_t) : sizeof(int64_t), &number))
		return false;
	asof_buf_add(buf, text,
		     is_date ? asof_date_text((int32_t)number, text)
			     : asof_timestamp_text((int64_t)number, text));
	return true;
}

static bool
write_component(struct asof_str *rest, struct asof_buf *buf)
{
	struct asof_str tag;
	size_t kind = 0;
	if (!take(rest, 1, &tag))
		return false;
	while (kind < ASOF_COUNTOF(asof_key_tags) &&
	       (asof_key_tags[kind] == 0 || asof_key_tags[kind] != (unsigned char)tag.ptr[0]))
		kind++;
	switch (kind) {
	case ASOF_TYPE_BOOL:
		return write_bool(rest, buf);
	case ASOF_TYPE_INT32:
		return write_number(rest, sizeof(int32_t), "i", buf);
	case ASOF_TYPE_INT64:
		return write_number(rest, sizeof(int64_t), "", buf);
	case ASOF_TYPE_DECIMAL:
		return write_number(rest, sizeof(asof_int128), "d", buf);
	case ASOF_TYPE_DATE:
	case ASOF_TYPE_TIMESTAMP:
		return write_time(rest, kind == ASOF_TYPE_DATE, buf);
	case ASOF_TYPE_UUID:
		return write_uuid(rest, buf);
	case ASOF_TYPE_BYTES:
	case ASOF_TYPE_STRING:
		return write_string(rest, kind == ASOF_TYPE_BYTES, buf);
	default:
		return false;
	}
}

void
asof_key_write_text(struct asof_str bytes, struct asof_buf *buf)
{
	size_t start = buf->len;
	struct asof_str rest = bytes;
	bool is_key = bytes.len > 0;
	while (is_key && rest.len > 0) {
		if (rest.len < bytes.len)
			asof_buf_add_char(buf, ',');
		is_key = write_component(&rest, buf);
	}
	if (is_key || asof_buf_status(buf, NULL) != ASOF_OK)
		return;
	asof_buf_truncate(buf, start);
	asof_buf_add_char(buf, '%');
	for (size_t i = 0; i < bytes.len; i++)
		write_char(bytes.ptr[i], buf);
}
