/* yaml_text.c - what a text must be before a YAML parser may see it. */
#include "define/yaml_text.h"

#include "base/utf8.h"
#include "define/define.h"

#define TAB_RUN_MAX   100
#define TAG_BYTES_MAX 256

static struct asof_yaml_fault
fault_at(struct asof_str text, size_t offset, const char *message)
{
	struct asof_yaml_fault fault = { message, 1, 1 };
	for (size_t i = 0; i < offset; i++) {
		if (text.ptr[i] == '\n') {
			fault.line++;
			fault.column = 1;
		} else if ((text.ptr[i] & 0xC0) != 0x80) {
			fault.column++; /* a character, not a byte of one */
		}
	}
	return fault;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What a tag may hold: quotes, spaces and braces end it. */
static bool
is_tag_char(char c)
{
	return (unsigned char)c > ' ' && !strchr("\"'{}|^`\\", c);
}

/* Offset of what a parser must not see, or text.len. */
static size_t
find_slow_spot(struct asof_str text, const char **ret_message)
{
	size_t tabs = 0;
	size_t tag = 0; /* bytes since a '!' that may begin a tag; 0: not in one */
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		char before = i ? text.ptr[i - 1] : '\n';
		tabs = c == '\t' ? tabs + 1 : 0;
		if (!is_tag_char(c))
			tag = 0;
		else if (tag > 0 || (c == '!' && (is_space(before) || strchr("[{,:-?", before))))
			tag++;

		if (c == '%' && before == '\n')
			*ret_message = "directives are not used here";
		else if (tabs > TAB_RUN_MAX)
			*ret_message = "more than 100 tabs in a row";
		else if (tag > TAG_BYTES_MAX)
			*ret_message = "a tag of more than 256 bytes";
		else
			continue;
		return i;
	}
	return text.len;
}

struct asof_yaml_fault
asof_yaml_check_text(struct asof_str text)
{
	if (text.len > ASOF_FILE_BYTES_MAX)
		return (struct asof_yaml_fault){ "the file is larger than 1 MiB", 1, 1 };
	size_t valid = asof_utf8_valid_prefix(text);
	if (valid < text.len)
		return fault_at(text, valid, "the file is not UTF-8 text");
	const char *nul = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
	if (nul)
		return fault_at(text, (size_t)(nul - text.ptr), "a NUL byte: this is no text");

	const char *message = NULL;
	size_t spot = find_slow_spot(text, &message);
	if (spot < text.len)
		return fault_at(text, spot, message);
	return (struct asof_yaml_fault){ 0 };
}

struct asof_yaml_fault
asof_yaml_find_tab(struct asof_str text, uint32_t near_line)
{
	uint32_t line = 1;
	for (size_t i = 0; i < text.len && line <= near_line + 1; line++) {
		size_t end = i;
		size_t tab = SIZE_MAX;
		while (end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t')) {
			if (text.ptr[end] == '\t' && tab == SIZE_MAX)
				tab = end;
			end++;
		}
		bool is_blank = end == text.len || text.ptr[end] == '\n' || text.ptr[end] == '\r';
		if (tab != SIZE_MAX && !is_blank && line + 1 >= near_line)
			return (struct asof_yaml_fault){ "a tab in the indentation: use spaces",
							 line, (uint32_t)(tab - i) + 1 };
		const char *newline = memchr(text.ptr + end, '\n', text.len - end);
		i = newline ? (size_t)(newline - text.ptr) + 1 : text.len;
	}
	return (struct asof_yaml_fault){ 0 };
}
