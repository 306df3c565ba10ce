/* expression_text.c - texts of UTF-8, counted in code points as DuckDB counts them. */
#include "kernel/expression_impl.h"

#define TEXT_MAX (16u << 20) /* of what is made: no request is answered with more */

static size_t
letter_bytes(const char *at)
{
	unsigned char first = (unsigned char)*at;
	return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The code point at `at`, of which `left` bytes are there. */
static uint32_t
letter_at(const char *at, size_t left, size_t *ret_bytes)
{
	size_t bytes = letter_bytes(at);
	if (bytes > left)
		bytes = left;
	uint32_t letter = (unsigned char)at[0];
	if (bytes > 1)
		letter &= 0xFFu >> (bytes + 1);
	for (size_t i = 1; i < bytes; i++)
		letter = letter << 6 | ((unsigned char)at[i] & 0x3F);
	*ret_bytes = bytes;
	return letter;
}

static size_t
write_letter(uint32_t letter, char *out)
{
	if (letter < 0x80) {
		out[0] = (char)letter;
		return 1;
	}
	if (letter < 0x800) {
		out[0] = (char)(0xC0 | letter >> 6);
		out[1] = (char)(0x80 | (letter & 0x3F));
		return 2;
	}
	if (letter < 0x10000) {
		out[0] = (char)(0xE0 | letter >> 12);
		out[1] = (char)(0x80 | (letter >> 6 & 0x3F));
		out[2] = (char)(0x80 | (letter & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | letter >> 18);
	out[1] = (char)(0x80 | (letter >> 12 & 0x3F));
	out[2] = (char)(0x80 | (letter >> 6 & 0x3F));
	out[3] = (char)(0x80 | (letter & 0x3F));
	return 4;
}

static size_t
count_letters(struct asof_str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

static enum asof_status
take(struct asof_value *ret_value, const char *ptr, size_t len)
{
	ret_value->is_null = false;
	ret_value->str = (struct asof_str){ ptr, len };
	return ASOF_OK;
}

static enum asof_status
take_bool(struct asof_value *ret_value, bool is_true)
{
	ret_value->is_null = false;
	ret_value->boolean = is_true;
	return ASOF_OK;
}

static enum asof_status
make_room(const struct asof_call *call, size_t len, char **ret_room, struct asof_error *err)
{
	if (len > TEXT_MAX)
		return ASOF_FAIL(err, ASOF_INVALID, "a text of more than %u bytes", TEXT_MAX);
	*ret_room = asof_arena_array(call->arena, len + 1, 1);
	return *ret_room ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "a text");
}

static enum asof_status
change_case(const struct asof_call *call, uint32_t (*change)(uint32_t letter),
	    struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_str text = call->args[0].str;
	char *out = NULL;
	size_t len = 0;
	ASOF_TRY(make_room(call, 3 * text.len, &out, err)); /* one byte may become three */
	for (size_t i = 0; i < text.len;) {
		size_t bytes;
		uint32_t letter = letter_at(text.ptr + i, text.len - i, &bytes);
		len += write_letter(change(letter), out + len);
		i += bytes;
	}
	return take(ret_value, out, len);
}

enum asof_status
asof_run_lower(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	return change_case(call, asof_letter_lower, ret_value, err);
}

enum asof_status
asof_run_upper(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	return change_case(call, asof_letter_upper, ret_value, err);
}

enum asof_status
asof_run_length(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	ret_value->is_null = false;
	ret_value->int64 = (int64_t)count_letters(call->args[0].str);
	return ASOF_OK;
}

/* Where letter `index` begins; the text's end behind the last. */
static size_t
offset_of(struct asof_str text, int64_t index)
{
	size_t at = 0;
	while (index-- > 0 && at < text.len)
		at += letter_bytes(text.ptr + at);
	return at < text.len ? at : text.len;
}

/* Neither is below 0: there DuckDB's own ways for ASCII and for other texts differ. */
enum asof_status
asof_run_substring(const struct asof_call *call, struct asof_value *ret_value,
		   struct asof_error *err)
{
	struct asof_str text = call->args[0].str;
	int64_t count = (int64_t)count_letters(text);
	int64_t start = call->args[1].int64;
	int64_t length = call->arg_count == 3 ? call->args[2].int64 : count;
	if (start > UINT32_MAX || length > UINT32_MAX)
		return ASOF_FAIL(err, ASOF_INVALID, "a part of a text beyond 4294967295 letters");
	int64_t first = start - 1;
	int64_t last = call->arg_count == 3 ? first + length : count;
	first = first < 0 ? 0 : first > count ? count : first;
	last = last < first ? first : last > count ? count : last;
	size_t from = offset_of(text, first);
	return take(ret_value, text.ptr + from, offset_of(text, last) - from);
}

/* NULLs are passed over. */
enum asof_status
asof_run_concat(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	size_t len = 0;
	char *out = NULL;
	for (size_t i = 0; i < call->arg_count; i++)
		len += call->args[i].is_null ? 0 : call->args[i].str.len;
	ASOF_TRY(make_room(call, len, &out, err));
	len = 0;
	for (size_t i = 0; i < call->arg_count; i++) {
		struct asof_str text = call->args[i].str;
		if (call->args[i].is_null || text.len == 0)
			continue;
		memcpy(out + len, text.ptr, text.len);
		len += text.len;
	}
	return take(ret_value, out, len);
}

enum asof_status
asof_run_join(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	return asof_run_concat(call, ret_value, err);
}

/* ---- trimming ---- */

/* Unicode's space separators. */
static bool
is_space(uint32_t letter)
{
	return letter == 0x20 || letter == 0xA0 || letter == 0x1680 ||
	       (letter >= 0x2000 && letter <= 0x200A) || letter == 0x202F || letter == 0x205F ||
	       letter == 0x3000;
}

static bool
is_trimmed(const struct asof_call *call, uint32_t letter)
{
	if (call->arg_count == 1)
		return is_space(letter);
	struct asof_str set = call->args[1].str;
	for (size_t i = 0; i < set.len;) {
		size_t bytes;
		if (letter_at(set.ptr + i, set.len - i, &bytes) == letter)
			return true;
		i += bytes;
	}
	return false;
}

static enum asof_status
trim(const struct asof_call *call, bool trims_left, bool trims_right, struct asof_value *ret_value)
{
	struct asof_str text = call->args[0].str;
	size_t bytes;
	size_t begin = 0;
	while (trims_left && begin < text.len &&
	       is_trimmed(call, letter_at(text.ptr + begin, text.len - begin, &bytes)))
		begin += bytes;
	size_t end = text.len;
	while (trims_right && end > begin) {
		size_t at = end - 1;
		while (at > begin && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
			at--;
		if (!is_trimmed(call, letter_at(text.ptr + at, end - at, &bytes)))
			break;
		end = at;
	}
	return take(ret_value, text.ptr + begin, end - begin);
}

enum asof_status
asof_run_trim(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return trim(call, true, true, ret_value);
}

enum asof_status
asof_run_ltrim(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return trim(call, true, false, ret_value);
}

enum asof_status
asof_run_rtrim(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return trim(call, false, true, ret_value);
}

/* ---- searching ---- */

static const char *
find(struct asof_str text, struct asof_str wanted)
{
	if (wanted.len == 0)
		return text.ptr ? text.ptr : "";
	while (text.len >= wanted.len) {
		const char *at = memchr(text.ptr, wanted.ptr[0], text.len - wanted.len + 1);
		if (!at || memcmp(at, wanted.ptr, wanted.len) == 0)
			return at;
		text.len -= (size_t)(at + 1 - text.ptr);
		text.ptr = at + 1;
	}
	return NULL;
}

enum asof_status
asof_run_replace(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_str text = call->args[0].str;
	struct asof_str wanted = call->args[1].str;
	struct asof_str by = call->args[2].str;
	struct asof_str rest = text;
	size_t count = 0;
	char *out = NULL;
	if (wanted.len == 0)
		return take(ret_value, text.ptr, text.len);
	for (const char *at = find(rest, wanted); at; at = find(rest, wanted)) {
		rest.len -= (size_t)(at - rest.ptr) + wanted.len;
		rest.ptr = at + wanted.len;
		count++;
	}
	ASOF_TRY(make_room(call, text.len - count * wanted.len + count * by.len, &out, err));
	size_t len = 0;
	rest = text;
	for (const char *at = find(rest, wanted); at; at = find(rest, wanted)) {
		size_t before = (size_t)(at - rest.ptr);
		memcpy(out + len, rest.ptr, before);
		len += before;
		if (by.len > 0)
			memcpy(out + len, by.ptr, by.len);
		len += by.len;
		rest.len -= before + wanted.len;
		rest.ptr = at + wanted.len;
	}
	if (rest.len > 0)
		memcpy(out + len, rest.ptr, rest.len);
	return take(ret_value, out, len + rest.len);
}

enum asof_status
asof_run_starts_with(const struct asof_call *call, struct asof_value *ret_value,
		     struct asof_error *err)
{
	struct asof_str text = call->args[0].str;
	struct asof_str wanted = call->args[1].str;
	(void)err;
	text.len = text.len < wanted.len ? text.len : wanted.len;
	return take_bool(ret_value, asof_str_equal(text, wanted));
}

enum asof_status
asof_run_ends_with(const struct asof_call *call, struct asof_value *ret_value,
		   struct asof_error *err)
{
	struct asof_str text = call->args[0].str;
	struct asof_str wanted = call->args[1].str;
	(void)err;
	if (wanted.len > text.len)
		return take_bool(ret_value, false);
	struct asof_str end = { text.ptr + text.len - wanted.len, wanted.len };
	return take_bool(ret_value, asof_str_equal(end, wanted));
}

enum asof_status
asof_run_contains(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, find(call->args[0].str, call->args[1].str) != NULL);
}

/* '%' is any text, '_' any letter; nothing escapes them. Back to the last '%' is far enough. */
static bool
is_like(struct asof_str text, struct asof_str pattern)
{
	size_t t = 0;
	size_t p = 0;
	size_t star = SIZE_MAX;
	size_t star_text = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '%') {
			star = p++;
			star_text = t;
		} else if (p < pattern.len && pattern.ptr[p] == '_') {
			t += letter_bytes(text.ptr + t);
			p++;
		} else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
			t++;
			p++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			star_text += letter_bytes(text.ptr + star_text);
			t = star_text;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '%')
		p++;
	return p == pattern.len;
}

enum asof_status
asof_run_like(const struct asof_call *call, struct asof_value *ret_value, struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, is_like(call->args[0].str, call->args[1].str));
}

enum asof_status
asof_run_not_like(const struct asof_call *call, struct asof_value *ret_value,
		  struct asof_error *err)
{
	(void)err;
	return take_bool(ret_value, !is_like(call->args[0].str, call->args[1].str));
}
