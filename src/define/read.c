/* read.c - scalars, lists and mappings of YAML as what they should be, or a mistake. */
#include "define/read.h"

#include <strings.h>

#include "base/suggest.h"
#include "model/duration.h"

#define SUGGESTIONS_MAX   200 /* mistakes that get one: each is a search */
#define SEARCHED_NAMES    1000
#define SHOWN_NAMES_BYTES 300

enum asof_status
asof_no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "definitions");
}

/* " (known: a, b, c)", as many as fit a line or two. */
static const char *
known_names(struct asof_reading *r, const char *const *names, size_t name_count)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(4 * SHOWN_NAMES_BYTES);
	for (size_t i = 0; i < name_count; i++) {
		if (buf.len > SHOWN_NAMES_BYTES || strlen(names[i]) > ASOF_NAME_MAX) {
			asof_buf_add_cstr(&buf, ", ...");
			break;
		}
		asof_buf_printf(&buf, "%s%s", i ? ", " : "", names[i]);
	}
	const char *hint = asof_arena_printf(r->arena, " (known: %s)", asof_buf_cstr(&buf));
	return hint && asof_buf_status(&buf, NULL) == ASOF_OK ? hint : "";
}

const char *
asof_reading_hint(struct asof_reading *r, const char *name, const char *const *names,
		  size_t name_count)
{
	if (r->mistakes->count >= SUGGESTIONS_MAX || name_count == 0)
		return "";
	size_t searched = name_count < SEARCHED_NAMES ? name_count : SEARCHED_NAMES;
	const char *near = asof_suggest(asof_str_from(name), names, searched);
	if (!near)
		return known_names(r, names, name_count);
	const char *hint = asof_arena_printf(r->arena, " (did you mean '%s'?)", near);
	return hint ? hint : "";
}

static void
unknown_member(struct asof_reading *r, const struct asof_yaml *key, const char *what,
	       const struct asof_member *members, size_t member_count)
{
	const char *names[32];
	size_t count = 0;
	for (; count < member_count && count < ASOF_COUNTOF(names); count++)
		names[count] = members[count].name;
	asof_mistakes_add(r->mistakes, key->place, "unknown key '%s' in %s%s", key->text, what,
			  asof_reading_hint(r, key->text, names, count));
}

bool
asof_read_members(struct asof_reading *r, const struct asof_yaml *node, const char *what,
		  const struct asof_member *members, size_t member_count)
{
	if (node->kind != ASOF_YAML_MAP) {
		char shown[ASOF_YAML_SHOWN_MAX];
		asof_mistakes_add(r->mistakes, node->place, "%s is a mapping of keys, not %s", what,
				  asof_yaml_shown(node, shown));
		return false;
	}
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml_pair *pair = &node->pairs[i];
		size_t m = 0;
		while (m < member_count && strcmp(members[m].name, pair->key->text) != 0)
			m++;
		if (m == member_count)
			unknown_member(r, pair->key, what, members, member_count);
		else
			*members[m].node = pair->value;
	}
	return true;
}

const char *
asof_read_text(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	char shown[ASOF_YAML_SHOWN_MAX];
	if (node->kind == ASOF_YAML_SCALAR && node->text[0] && !asof_yaml_is_null(node))
		return node->text;
	if (node->kind == ASOF_YAML_SCALAR && !asof_yaml_is_null(node))
		asof_mistakes_add(r->mistakes, node->place, "%s is empty", what);
	else
		asof_mistakes_add(r->mistakes, node->place, "%s is a text, not %s", what,
				  asof_yaml_shown(node, shown));
	return NULL;
}

struct asof_text
asof_read_expression(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	struct asof_text expression = { 0 };
	if (!node)
		return expression;
	expression.text = asof_read_text(r, node, what);
	expression.place = node->place;
	if (!node->is_plain && !node->is_block)
		expression.place.column++;
	return expression;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name(const char *text)
{
	if (!is_letter(text[0]))
		return false;
	for (const char *c = text; *c; c++) {
		if (!is_letter(*c) && !(*c >= '0' && *c <= '9'))
			return false;
	}
	return true;
}

bool
asof_read_name(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	char shown[ASOF_YAML_SHOWN_MAX];
	asof_yaml_shown(node, shown);
	if (node->kind != ASOF_YAML_SCALAR || !is_name(node->text)) {
		asof_mistakes_add(r->mistakes, node->place,
				  "%s: %s is no name (letters, digits and _, not a digit first)",
				  what,
				  node->kind == ASOF_YAML_SCALAR && !node->text[0] ? "''" : shown);
		return false;
	}
	if (strlen(node->text) > ASOF_NAME_MAX) {
		asof_mistakes_add(r->mistakes, node->place, "%s: %s is longer than %d bytes", what,
				  shown, ASOF_NAME_MAX);
		return false;
	}
	return true;
}

bool
asof_read_column_name(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	static const char *const reserved[] = { "event_time", "created_time", "_order",
						"_last_event", "_count" };
	if (!asof_read_name(r, node, what))
		return false;
	for (size_t i = 0; i < ASOF_COUNTOF(reserved); i++) {
		if (strcasecmp(node->text, reserved[i]) == 0) {
			asof_mistakes_add(r->mistakes, node->place,
					  "%s: '%s' is a column that every table has already", what,
					  node->text);
			return false;
		}
	}
	return true;
}

size_t
asof_read_choice(struct asof_reading *r, const struct asof_yaml *node, const char *what,
		 const char *const *choices, size_t choice_count, size_t absent)
{
	char shown[ASOF_YAML_SHOWN_MAX];
	if (!node)
		return absent;
	for (size_t i = 0; node->kind == ASOF_YAML_SCALAR && i < choice_count; i++) {
		if (strcmp(node->text, choices[i]) == 0)
			return i;
	}
	const char *text = node->kind == ASOF_YAML_SCALAR ? node->text : "";
	asof_mistakes_add(r->mistakes, node->place, "%s: unknown choice %s%s", what,
			  asof_yaml_shown(node, shown),
			  asof_reading_hint(r, text, choices, choice_count));
	return absent;
}

int64_t
asof_read_duration(struct asof_reading *r, const struct asof_yaml *node, const char *what)
{
	int64_t us = 0;
	struct asof_error why = { 0 };
	const char *text = node ? asof_read_text(r, node, what) : NULL;
	if (text && asof_duration_parse(asof_str_from(text), &us, &why) != ASOF_OK)
		asof_mistakes_add(r->mistakes, node->place, "%s: %s", what, why.message);
	return us;
}

static bool
is_of_kind(struct asof_reading *r, const struct asof_yaml *node, enum asof_yaml_kind kind,
	   const char *expected)
{
	char shown[ASOF_YAML_SHOWN_MAX];
	if (node->kind == kind)
		return true;
	asof_mistakes_add(r->mistakes, node->place, "expected %s, not %s", expected,
			  asof_yaml_shown(node, shown));
	return false;
}

bool
asof_read_is_list(struct asof_reading *r, const struct asof_yaml *node, const char *expected)
{
	return is_of_kind(r, node, ASOF_YAML_LIST, expected);
}

bool
asof_read_is_map(struct asof_reading *r, const struct asof_yaml *node, const char *expected)
{
	return is_of_kind(r, node, ASOF_YAML_MAP, expected);
}

static enum asof_status
read_tags(struct asof_reading *r, const struct asof_yaml *node, struct asof_about *about,
	  struct asof_error *err)
{
	if (!asof_read_is_list(r, node, "a list of tags"))
		return ASOF_OK;
	about->tags = asof_arena_array(r->arena, node->count, sizeof(*about->tags));
	if (!about->tags)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const char *tag = asof_read_text(r, node->items[i], "a tag");
		if (tag)
			about->tags[about->tag_count++] = tag;
	}
	return ASOF_OK;
}

enum asof_status
asof_read_about(struct asof_reading *r, const struct asof_yaml *description,
		const struct asof_yaml *owner, const struct asof_yaml *tags,
		struct asof_about *about, struct asof_error *err)
{
	if (description && !asof_yaml_is_null(description))
		about->description = asof_read_text(r, description, "description");
	if (owner && !asof_yaml_is_null(owner))
		about->owner = asof_read_text(r, owner, "owner");
	if (tags && !asof_yaml_is_null(tags))
		ASOF_TRY(read_tags(r, tags, about, err));
	return ASOF_OK;
}
