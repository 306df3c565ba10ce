/* utf8.c - whether bytes are UTF-8 text (Unicode 15, table 3-7). */
#include "base/utf8.h"

static bool
is_tail(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* Length of the valid character at `p`, which has `len` > 0 bytes and is not ASCII; 0 if none. */
static size_t
character_length(const unsigned char *p, size_t len)
{
	unsigned char lead = p[0];
	if (lead < 0xC2 || lead > 0xF4)
		return 0;
	if (lead < 0xE0)
		return len >= 2 && is_tail(p[1]) ? 2 : 0;
	if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
		return 0;
	if (lead < 0xF0) {
		bool is_overlong = lead == 0xE0 && p[1] < 0xA0;
		bool is_surrogate = lead == 0xED && p[1] > 0x9F;
		return is_overlong || is_surrogate ? 0 : 3;
	}
	bool is_overlong = lead == 0xF0 && p[1] < 0x90;
	bool is_too_high = lead == 0xF4 && p[1] > 0x8F;
	return len >= 4 && is_tail(p[3]) && !is_overlong && !is_too_high ? 4 : 0;
}

size_t
asof_utf8_valid_prefix(struct asof_str text)
{
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	size_t at = 0;
	while (at < text.len) {
		uint64_t word;
		if (text.len - at >= sizeof(word)) {
			memcpy(&word, bytes + at, sizeof(word));
			if ((word & 0x8080808080808080) == 0) {
				at += sizeof(word);
				continue;
			}
		}
		size_t step = bytes[at] < 0x80 ? 1 : character_length(bytes + at, text.len - at);
		if (step == 0)
			break;
		at += step;
	}
	return at;
}
