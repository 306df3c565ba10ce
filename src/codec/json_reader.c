/* json_reader.c - JSON text to a tree in an arena, by recursive descent. */
#include "codec/json_reader.h"

#include "base/map.h"
#include "base/number.h"
#include "base/utf8.h"

/* Objects with more members find duplicates by a map. */
#define MEMBERS_COMPARED 16

/* A finished item of a container that is still open. */
struct pending {
	struct asof_json node;
	struct asof_str name; /* of a member */
};

struct parser {
	struct asof_str text;
	size_t at;
	unsigned depth;
	unsigned depth_max;
	struct asof_arena *arena;
	void *items; /* a stack of struct pending: innermost container last */
	size_t item_count;
	size_t item_capacity;
};

static void
parser_done(struct parser *p)
{
	asof_mem_free(p->items);
}

static struct pending *
items_of(const struct parser *p)
{
	return p->items;
}

/* Put "line L column C" before the message of a failure at `at`. */
static enum asof_status
place_failure(const struct parser *p, size_t at, enum asof_status status, struct asof_error *err)
{
	size_t line = 1;
	size_t line_start = 0;
	for (size_t i = 0; i < at; i++) {
		if (p->text.ptr[i] == '\n') {
			line++;
			line_start = i + 1;
		}
	}
	return ASOF_WRAP(err, status, "line %zu column %zu", line, at - line_start + 1);
}

static enum asof_status
fail_at(const struct parser *p, size_t at, const char *what, struct asof_error *err)
{
	asof_error_set(err, ASOF_INVALID, "%s", what);
	return place_failure(p, at, ASOF_INVALID, err);
}

static enum asof_status
out_of_memory(const struct parser *p, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "json of %zu bytes", p->text.len);
}

/* The next byte; 0 at the end, which no grammar asks for. */
static char
peek(const struct parser *p)
{
	return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static void
skip_space(struct parser *p)
{
	for (char c = peek(p); c == ' ' || c == '\n' || c == '\t' || c == '\r'; c = peek(p))
		p->at++;
}

static bool
take_char(struct parser *p, char c)
{
	if (peek(p) != c)
		return false;
	p->at++;
	return true;
}

static size_t
take_digits(struct parser *p)
{
	size_t start = p->at;
	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	return p->at - start;
}

static enum asof_status
parse_number(struct parser *p, struct asof_json *node, struct asof_error *err)
{
	size_t start = p->at;
	(void)take_char(p, '-');
	size_t first = p->at;
	size_t whole = take_digits(p);
	if (whole == 0)
		return fail_at(p, start, "expected a value", err);
	if (whole > 1 && p->text.ptr[first] == '0')
		return fail_at(p, first, "a number has no leading zeros", err);
	if (take_char(p, '.') && take_digits(p) == 0)
		return fail_at(p, p->at, "expected digits behind the point", err);
	if (take_char(p, 'e') || take_char(p, 'E')) {
		if (!take_char(p, '-'))
			(void)take_char(p, '+');
		if (take_digits(p) == 0)
			return fail_at(p, p->at, "expected digits of the exponent", err);
	}
	node->kind = ASOF_JSON_NUMBER;
	node->text = (struct asof_str){ p->text.ptr + start, p->at - start };
	return ASOF_OK;
}

static enum asof_status
take_hex4(struct parser *p, uint32_t *ret_unit, struct asof_error *err)
{
	uint32_t unit = 0;
	for (size_t i = 0; i < 4; i++) {
		char c = peek(p);
		char lower = (char)(c | 0x20);
		if (c >= '0' && c <= '9')
			unit = unit << 4 | (uint32_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			unit = unit << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return fail_at(p, p->at, "expected four hexadecimal digits behind \\u",
				       err);
		p->at++;
	}
	*ret_unit = unit;
	return ASOF_OK;
}

/* Behind "\u": one unit, or a pair of surrogates. */
static enum asof_status
take_code_point(struct parser *p, uint32_t *ret_code, struct asof_error *err)
{
	size_t start = p->at;
	uint32_t high = 0;
	uint32_t low = 0;
	ASOF_TRY(take_hex4(p, &high, err));
	if (high < 0xD800 || high > 0xDFFF) {
		*ret_code = high;
		return ASOF_OK;
	}
	if (high < 0xDC00 && take_char(p, '\\') && take_char(p, 'u'))
		ASOF_TRY(take_hex4(p, &low, err));
	if (low < 0xDC00 || low > 0xDFFF)
		return fail_at(p, start, "half of a surrogate pair", err);
	*ret_code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
	return ASOF_OK;
}

static char *
put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xC0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*out++ = (char)(0xE0 | code >> 12);
		} else {
			*out++ = (char)(0xF0 | code >> 18);
			*out++ = (char)(0x80 | (code >> 12 & 0x3F));
		}
		*out++ = (char)(0x80 | (code >> 6 & 0x3F));
	}
	*out++ = (char)(0x80 | (code & 0x3F));
	return out;
}

/* Behind a backslash. */
static enum asof_status
take_escape(struct parser *p, char **out, struct asof_error *err)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meant[] = "\"\\/\b\f\n\r\t";
	char c = peek(p);
	const char *found = c ? strchr(names, c) : NULL;
	if (found) {
		p->at++;
		*(*out)++ = meant[found - names];
		return ASOF_OK;
	}
	if (!take_char(p, 'u'))
		return fail_at(p, p->at, "no such escape", err);
	uint32_t code = 0;
	ASOF_TRY(take_code_point(p, &code, err));
	*out = put_utf8(*out, code);
	return ASOF_OK;
}

/* To the end of a string whose quotes enclose `raw_len` bytes; no escape grows. */
static enum asof_status
unescape(struct parser *p, size_t raw_len, struct asof_str *ret_text, struct asof_error *err)
{
	char *copy = asof_arena_alloc(p->arena, raw_len);
	if (!copy)
		return out_of_memory(p, err);
	char *out = copy;
	while (!take_char(p, '"')) {
		if (take_char(p, '\\'))
			ASOF_TRY(take_escape(p, &out, err));
		else
			*out++ = p->text.ptr[p->at++];
	}
	*ret_text = (struct asof_str){ copy, (size_t)(out - copy) };
	return ASOF_OK;
}

/* At an opening quote. */
static enum asof_status
parse_string(struct parser *p, struct asof_str *ret_text, struct asof_error *err)
{
	size_t start = p->at + 1;
	size_t end = start;
	bool has_escapes = false;
	for (; end < p->text.len && p->text.ptr[end] != '"'; end++) {
		if ((unsigned char)p->text.ptr[end] < 0x20)
			return fail_at(p, end, "a control character within a string", err);
		if (p->text.ptr[end] == '\\') {
			has_escapes = true;
			end++;
		}
	}
	if (end >= p->text.len)
		return fail_at(p, p->at, "a string without end", err);

	p->at = start;
	if (has_escapes)
		return unescape(p, end - start, ret_text, err);
	*ret_text = (struct asof_str){ p->text.ptr + start, end - start };
	p->at = end + 1;
	return ASOF_OK;
}

static enum asof_status
push_item(struct parser *p, const struct pending *item, struct asof_error *err)
{
	ASOF_TRY(asof_mem_reserve(&p->items, &p->item_capacity, p->item_count + 1, sizeof(*item),
				  err));
	items_of(p)[p->item_count++] = *item;
	return ASOF_OK;
}

static enum asof_status
fail_twice(const struct parser *p, const struct pending *member, struct asof_error *err)
{
	asof_error_set(err, ASOF_INVALID, "member '%.*s' stands twice", ASOF_STR_ARG(member->name));
	return place_failure(p, member->node.offset, ASOF_INVALID, err);
}

static enum asof_status
check_names_by_map(const struct parser *p, const struct pending *members, size_t count,
		   struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map seen = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (asof_map_find(&seen, members[i].name, NULL))
			return fail_twice(p, &members[i], err);
		ASOF_TRY(asof_map_put(&seen, members[i].name, NULL, err));
	}
	return ASOF_OK;
}

static enum asof_status
check_names(const struct parser *p, const struct pending *members, size_t count,
	    struct asof_error *err)
{
	if (count > MEMBERS_COMPARED)
		return check_names_by_map(p, members, count, err);
	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (asof_str_equal(members[i].name, members[j].name))
				return fail_twice(p, &members[i], err);
		}
	}
	return ASOF_OK;
}

/* Move the items behind the first `base` from the stack into `node`. */
static enum asof_status
close_container(struct parser *p, size_t base, struct asof_json *node, struct asof_error *err)
{
	bool is_object = node->kind == ASOF_JSON_OBJECT;
	size_t count = p->item_count - base;
	if (count == 0)
		return ASOF_OK;
	const struct pending *pending = items_of(p) + base;
	if (is_object)
		ASOF_TRY(check_names(p, pending, count, err));

	struct asof_json *items = asof_arena_array(p->arena, count, sizeof(*items));
	struct asof_str *names =
		is_object ? asof_arena_array(p->arena, count, sizeof(*names)) : NULL;
	if (!items || (is_object && !names))
		return out_of_memory(p, err);
	for (size_t i = 0; i < count; i++) {
		items[i] = pending[i].node;
		if (is_object)
			names[i] = pending[i].name;
	}
	node->count = count;
	node->items = items;
	node->names = names;
	p->item_count = base;
	return ASOF_OK;
}

static enum asof_status parse_value(struct parser *p, struct asof_json *ret_node,
				    struct asof_error *err);

static enum asof_status
parse_member_name(struct parser *p, struct asof_str *ret_name, struct asof_error *err)
{
	skip_space(p);
	if (peek(p) != '"')
		return fail_at(p, p->at, "expected a member's name in quotes", err);
	ASOF_TRY(parse_string(p, ret_name, err));
	skip_space(p);
	if (!take_char(p, ':'))
		return fail_at(p, p->at, "expected ':' behind a member's name", err);
	return ASOF_OK;
}

static enum asof_status
parse_items(struct parser *p, bool is_object, struct asof_error *err)
{
	char close = is_object ? '}' : ']';
	skip_space(p);
	if (take_char(p, close))
		return ASOF_OK;
	for (;;) {
		struct pending item = { 0 };
		if (is_object)
			ASOF_TRY(parse_member_name(p, &item.name, err));
		ASOF_TRY(parse_value(p, &item.node, err));
		ASOF_TRY(push_item(p, &item, err));
		skip_space(p);
		if (take_char(p, close))
			return ASOF_OK;
		if (!take_char(p, ','))
			return fail_at(p, p->at,
				       is_object ? "expected ',' or '}'" : "expected ',' or ']'",
				       err);
	}
}

static enum asof_status
parse_container(struct parser *p, bool is_object, struct asof_json *node, struct asof_error *err)
{
	if (p->depth == p->depth_max) {
		asof_error_set(err, ASOF_LIMIT, "deeper than %u levels", p->depth_max);
		return place_failure(p, p->at, ASOF_LIMIT, err);
	}
	size_t base = p->item_count;
	p->at++;
	p->depth++;
	node->kind = is_object ? ASOF_JSON_OBJECT : ASOF_JSON_ARRAY;
	ASOF_TRY(parse_items(p, is_object, err));
	p->depth--;
	return close_container(p, base, node, err);
}

static bool
take_word(struct parser *p, const char *word)
{
	size_t len = strlen(word);
	if (p->text.len - p->at < len || memcmp(p->text.ptr + p->at, word, len) != 0)
		return false;
	p->at += len;
	return true;
}

static enum asof_status
parse_value(struct parser *p, struct asof_json *ret_node, struct asof_error *err)
{
	skip_space(p);
	struct asof_json node = { .offset = p->at };
	char c = peek(p);
	if (c == '{' || c == '[') {
		ASOF_TRY(parse_container(p, c == '{', &node, err));
	} else if (c == '"') {
		node.kind = ASOF_JSON_STRING;
		ASOF_TRY(parse_string(p, &node.text, err));
	} else if (take_word(p, "true")) {
		node.kind = ASOF_JSON_BOOL;
		node.boolean = true;
	} else if (take_word(p, "false")) {
		node.kind = ASOF_JSON_BOOL;
	} else if (!take_word(p, "null")) {
		ASOF_TRY(parse_number(p, &node, err));
	}
	*ret_node = node;
	return ASOF_OK;
}

enum asof_status
asof_json_read(struct asof_str text, struct asof_arena *arena, const struct asof_json **ret_root,
	       struct asof_error *err)
{
	return asof_json_read_deep(text, ASOF_JSON_DEPTH_MAX, arena, ret_root, err);
}

enum asof_status
asof_json_read_deep(struct asof_str text, unsigned depth_max, struct asof_arena *arena,
		    const struct asof_json **ret_root, struct asof_error *err)
{
	ASOF_AUTO(parser_done)
	struct parser p = { .text = text, .depth_max = depth_max, .arena = arena };
	size_t valid = asof_utf8_valid_prefix(text);
	if (valid != text.len)
		return fail_at(&p, valid, "not UTF-8", err);

	struct asof_json *root = asof_arena_alloc(arena, sizeof(*root));
	if (!root)
		return out_of_memory(&p, err);
	ASOF_TRY(parse_value(&p, root, err));
	skip_space(&p);
	if (p.at != text.len)
		return fail_at(&p, p.at, "something stands behind the value", err);
	*ret_root = root;
	return ASOF_OK;
}

const struct asof_json *
asof_json_member(const struct asof_json *object, const char *name)
{
	if (object->kind != ASOF_JSON_OBJECT)
		return NULL;
	struct asof_str wanted = asof_str_from(name);
	for (size_t i = 0; i < object->count; i++) {
		if (asof_str_equal(object->names[i], wanted))
			return &object->items[i];
	}
	return NULL;
}

struct asof_str
asof_json_text_of(const struct asof_json *object, const char *name)
{
	const struct asof_json *member = asof_json_member(object, name);
	return member && member->kind == ASOF_JSON_STRING ? member->text
							  : (struct asof_str){ "", 0 };
}

bool
asof_json_has_text(const struct asof_json *object, const char *name, const char *text)
{
	return asof_str_equal(asof_json_text_of(object, name), asof_str_from(text));
}

bool
asof_json_has_true(const struct asof_json *object, const char *name)
{
	const struct asof_json *member = asof_json_member(object, name);
	return member && member->kind == ASOF_JSON_BOOL && member->boolean;
}

static enum asof_status
find_member(const struct asof_json *object, const char *name, const struct asof_json **ret_member,
	    struct asof_error *err)
{
	*ret_member = asof_json_member(object, name);
	return *ret_member ? ASOF_OK : ASOF_FAIL(err, ASOF_NOT_FOUND, "no member '%s'", name);
}

enum asof_status
asof_json_member_read_int(const struct asof_json *object, const char *name, int64_t *ret_value,
			  struct asof_error *err)
{
	const struct asof_json *member;
	ASOF_TRY(find_member(object, name, &member, err));
	if (member->kind != ASOF_JSON_NUMBER || !asof_int64_parse(member->text, ret_value))
		return ASOF_FAIL(err, ASOF_INVALID, "member '%s' is no int64", name);
	return ASOF_OK;
}

enum asof_status
asof_json_member_read_str(const struct asof_json *object, const char *name,
			  struct asof_str *ret_value, struct asof_error *err)
{
	const struct asof_json *member;
	ASOF_TRY(find_member(object, name, &member, err));
	if (member->kind != ASOF_JSON_STRING)
		return ASOF_FAIL(err, ASOF_INVALID, "member '%s' is no string", name);
	*ret_value = member->text;
	return ASOF_OK;
}

static void
write_items(struct asof_json_writer *w, const struct asof_json *value)
{
	for (size_t i = 0; i < value->count; i++) {
		if (value->kind == ASOF_JSON_OBJECT)
			asof_json_key(w, value->names[i]);
		asof_json_write(w, &value->items[i]);
	}
}

void
asof_json_write(struct asof_json_writer *w, const struct asof_json *value)
{
	switch (value->kind) {
	case ASOF_JSON_NULL:
		asof_json_null(w);
		break;
	case ASOF_JSON_BOOL:
		asof_json_bool(w, value->boolean);
		break;
	case ASOF_JSON_NUMBER:
		asof_json_raw(w, value->text);
		break;
	case ASOF_JSON_STRING:
		asof_json_str(w, value->text);
		break;
	case ASOF_JSON_ARRAY:
		asof_json_begin_array(w);
		write_items(w, value);
		asof_json_end_array(w);
		break;
	case ASOF_JSON_OBJECT:
		asof_json_begin_object(w);
		write_items(w, value);
		asof_json_end_object(w);
		break;
	}
}
