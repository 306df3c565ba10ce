/* text_width.c - how UTF-8 text stands on a terminal: ranges of Unicode 15, the common ones. */
#include "cli/text_width.h"

struct range {
	uint32_t first;
	uint32_t last;
};

static const struct range combining[] = {
	{ 0x0300, 0x036F }, { 0x0483, 0x0489 },   { 0x0591, 0x05BD }, { 0x0610, 0x061A },
	{ 0x064B, 0x065F }, { 0x0900, 0x0902 },   { 0x093C, 0x093C }, { 0x0941, 0x0948 },
	{ 0x0E34, 0x0E3A }, { 0x0E47, 0x0E4E },   { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF },
	{ 0x200B, 0x200F }, { 0x20D0, 0x20FF },   { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F },
	{ 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
};

static const struct range wide[] = {
	{ 0x1100, 0x115F },   { 0x231A, 0x231B },   { 0x23E9, 0x23EC },   { 0x2E80, 0x303E },
	{ 0x3041, 0x33FF },   { 0x3400, 0x4DBF },   { 0x4E00, 0x9FFF },   { 0xA000, 0xA4CF },
	{ 0xA960, 0xA97F },   { 0xAC00, 0xD7A3 },   { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },
	{ 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
	{ 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
};

static bool
is_in(const struct range *ranges, size_t count, uint32_t point)
{
	for (size_t i = 0; i < count && point >= ranges[i].first; i++) {
		if (point <= ranges[i].last)
			return true;
	}
	return false;
}

static size_t
point_width(uint32_t point)
{
	if (is_in(combining, ASOF_COUNTOF(combining), point))
		return 0;
	return is_in(wide, ASOF_COUNTOF(wide), point) ? 2 : 1;
}

/* Length of the character at the start of `text`, which is not empty, and its code point. A byte
 * that begins no character is one of its own; 0 in *ret_is_valid says so. */
static size_t
decode(struct asof_str text, uint32_t *ret_point, bool *ret_is_valid)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text.ptr;
	size_t len = bytes[0] < 0x80             ? 1
		     : (bytes[0] & 0xE0) == 0xC0 ? 2
		     : (bytes[0] & 0xF0) == 0xE0 ? 3
		     : (bytes[0] & 0xF8) == 0xF0 ? 4
						 : 0;
	uint32_t point = len == 1 ? bytes[0] : bytes[0] & (0x7FU >> len);
	bool is_valid = len > 0 && len <= text.len;
	for (size_t i = 1; is_valid && i < len; i++) {
		is_valid = (bytes[i] & 0xC0) == 0x80;
		point = point << 6 | (bytes[i] & 0x3FU);
	}
	is_valid = is_valid && point >= least[len] && point <= 0x10FFFF &&
		   (point < 0xD800 || point > 0xDFFF);
	*ret_is_valid = is_valid;
	*ret_point = is_valid ? point : bytes[0];
	return is_valid ? len : 1;
}

size_t
asof_text_width(struct asof_str text)
{
	size_t width = 0;
	while (text.len > 0) {
		uint32_t point;
		bool is_valid;
		size_t len = decode(text, &point, &is_valid);
		width += is_valid ? point_width(point) : 1;
		text.ptr += len;
		text.len -= len;
	}
	return width;
}

size_t
asof_text_prefix(struct asof_str text, size_t width)
{
	struct asof_str rest = text;
	size_t used = 0;
	while (rest.len > 0) {
		uint32_t point;
		bool is_valid;
		size_t len = decode(rest, &point, &is_valid);
		used += is_valid ? point_width(point) : 1;
		if (used > width)
			break;
		rest.ptr += len;
		rest.len -= len;
	}
	return text.len - rest.len;
}

void
asof_text_clean(struct asof_str text, struct asof_buf *buf)
{
	while (text.len > 0) {
		uint32_t point;
		bool is_valid;
		size_t len = decode(text, &point, &is_valid);
		bool is_control = point < 0x20 || (point >= 0x7F && point < 0xA0);
		if (is_valid && !is_control)
			asof_buf_add(buf, text.ptr, len);
		else if (is_valid && point == '\n')
			asof_buf_add_cstr(buf, "\\n");
		else if (is_valid && point == '\t')
			asof_buf_add_cstr(buf, "\\t");
		else
			asof_buf_printf(buf, "\\x%02x", (unsigned)point);
		text.ptr += len;
		text.len -= len;
	}
}
