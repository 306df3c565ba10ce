/* bytes_text.c - bytes as base64, uuids as text. */
#include "codec/bytes_text.h"

void
asof_base64_write(struct asof_buf *buf, struct asof_str bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = 0;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < count ? (unsigned char)bytes.ptr[i + j] : 0);
		char quad[4];
		for (size_t j = 0; j < 4; j++)
			quad[j] = j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
		asof_buf_add(buf, quad, sizeof(quad));
	}
}

size_t
asof_base64_decoded_max(size_t len)
{
	return len / 4 * 3;
}

/* 64 for what is no digit. */
static uint32_t
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* `count` digits, 2 to 4, stand for count - 1 bytes. */
static bool
parse_quad(const char *quad, size_t count, char *out)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < 4; i++) {
		uint32_t digit = i < count ? base64_digit(quad[i]) : 0;
		if (digit > 63)
			return false;
		bits = bits << 6 | digit;
	}
	for (size_t i = 0; i + 1 < count; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	uint32_t unused = UINT32_C(0xFFFFFF) >> (8 * (count - 1));
	return (bits & unused) == 0;
}

bool
asof_base64_parse(struct asof_str text, char *out, size_t *ret_len)
{
	if (text.len % 4 != 0)
		return false;
	size_t len = 0;
	for (size_t i = 0; i < text.len; i += 4) {
		const char *quad = text.ptr + i;
		size_t count = 4;
		if (i + 4 == text.len && quad[3] == '=')
			count = quad[2] == '=' ? 2 : 3;
		if (!parse_quad(quad, count, out + len))
			return false;
		len += count - 1;
	}
	*ret_len = len;
	return true;
}

/* Is a hyphen in front of byte i? */
static bool
is_group_start(size_t i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

void
asof_uuid_text(const char bytes[ASOF_UUID_BYTES], char out[ASOF_UUID_TEXT_LEN])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < ASOF_UUID_BYTES; i++) {
		if (is_group_start(i))
			*out++ = '-';
		*out++ = digits[(unsigned char)bytes[i] >> 4];
		*out++ = digits[(unsigned char)bytes[i] & 15];
	}
}

/* 16 for what is no digit. */
static unsigned
hex_digit(char c)
{
	char lower = (char)(c | 0x20);
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

bool
asof_uuid_parse(struct asof_str text, char out[ASOF_UUID_BYTES])
{
	if (text.len != ASOF_UUID_TEXT_LEN)
		return false;
	const char *at = text.ptr;
	for (size_t i = 0; i < ASOF_UUID_BYTES; i++) {
		if (is_group_start(i) && *at++ != '-')
			return false;
		unsigned high = hex_digit(*at++);
		unsigned low = hex_digit(*at++);
		if (high > 15 || low > 15)
			return false;
		out[i] = (char)(high << 4 | low);
	}
	return true;
}
