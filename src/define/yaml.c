/* yaml.c - YAML text to a tree of nodes with their places, by libfyaml's events. */
#include "define/yaml.h"

#include <libfyaml.h>
#include <stdio.h>

#include "base/map.h"
#include "define/yaml_text.h"

#define SHOWN_BYTES_MAX 50

/* A list or mapping that is not finished. */
struct frame {
	struct asof_yaml *node;
	const char *anchor; /* NULL: none */
	void *children;     /* struct asof_yaml * or struct asof_yaml_pair */
	size_t capacity;
	struct asof_map keys;        /* of a mapping: text -> the key's node */
	const struct asof_yaml *key; /* of a mapping: waits for its value */
	bool is_repeated;            /* the key was there before: its value is dropped */
};

struct builder {
	struct asof_str text;
	const char *file;
	struct asof_arena *arena;
	struct asof_mistakes *mistakes;
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct asof_map anchors; /* name -> node */
	struct frame frames[ASOF_YAML_DEPTH_MAX];
	size_t depth;
	struct asof_yaml *root;
	struct asof_place last; /* where the newest event stands */
	size_t aliased;         /* nodes that aliases add */
	size_t document_count;
	bool is_broken;
	bool is_stopped; /* nothing more can be understood */
};

static void
frame_done(struct frame *frame)
{
	asof_mem_free(frame->children);
	asof_map_done(&frame->keys);
	*frame = (struct frame){ 0 };
}

static void
builder_done(struct builder *b)
{
	while (b->depth > 0)
		frame_done(&b->frames[--b->depth]);
	asof_map_done(&b->anchors);
	if (b->parser)
		fy_parser_destroy(b->parser);
	if (b->diag)
		fy_diag_destroy(b->diag);
}

static void
stop(struct builder *b, struct asof_place place, const char *message)
{
	asof_mistakes_add(b->mistakes, place, "%s", message);
	b->is_broken = true;
	b->is_stopped = true;
}

static bool
is_quoted(struct fy_event *event)
{
	if (event->type != FYET_SCALAR || !event->scalar.value)
		return false;
	enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

/* libfyaml's marks count from 0 and stand behind a quote or '*'. */
static void
note_place(struct builder *b, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	if (!mark || event->type == FYET_STREAM_START || event->type == FYET_DOCUMENT_START)
		return;
	uint32_t column = (uint32_t)mark->column + 1;
	if ((is_quoted(event) || event->type == FYET_ALIAS) && column > 1)
		column--;
	b->last = (struct asof_place){ b->file, (uint32_t)mark->line + 1, column };
}

static enum asof_status
token_text(struct builder *b, struct fy_token *token, const char **ret_text, struct asof_error *err)
{
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;
	const char *copy = asof_arena_copy(b->arena, (struct asof_str){ text, text ? len : 0 });
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "text of %zu bytes", len);
	if (strlen(copy) != (text ? len : 0)) {
		asof_mistakes_add(b->mistakes, b->last, "a NUL character in a text");
		b->is_broken = true;
	}
	*ret_text = copy;
	return ASOF_OK;
}

/* A node of its own, and its anchor's name or NULL. */
static enum asof_status
new_node(struct builder *b, enum asof_yaml_kind kind, struct fy_token *anchor, struct fy_token *tag,
	 struct asof_yaml **ret_node, const char **ret_anchor, struct asof_error *err)
{
	if (tag) {
		asof_mistakes_add(b->mistakes, b->last, "YAML tags are not used here");
		b->is_broken = true;
	}
	struct asof_yaml *node = asof_arena_alloc(b->arena, sizeof(*node));
	if (!node)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "YAML node");
	*node = (struct asof_yaml){
		.kind = kind, .place = b->last, .text = "", .size = 1, .height = 1
	};
	*ret_anchor = NULL;
	if (anchor)
		ASOF_TRY(token_text(b, anchor, ret_anchor, err));
	*ret_node = node;
	return ASOF_OK;
}

static enum asof_status
take_key(struct builder *b, struct frame *frame, struct asof_yaml *key, struct asof_error *err)
{
	struct asof_str text = asof_str_from(key->text);
	void *found = NULL;
	frame->key = key;
	frame->is_repeated = asof_map_find(&frame->keys, text, &found);
	if (frame->is_repeated) {
		const struct asof_yaml *first = found;
		asof_mistakes_add(b->mistakes, key->place, "'%s' is given twice (first in line %u)",
				  key->text, first->place.line);
		return ASOF_OK;
	}
	if (key->is_plain && strcmp(key->text, "<<") == 0) {
		asof_mistakes_add(b->mistakes, key->place,
				  "merge keys are not supported: write the members out");
		b->is_broken = true;
	}
	return asof_map_put(&frame->keys, text, key, err);
}

/* Into the innermost list or mapping; the node and what is in it are final. */
static enum asof_status
add_node(struct builder *b, struct asof_yaml *node, struct asof_error *err)
{
	if (b->depth == 0) {
		b->root = node;
		return ASOF_OK;
	}
	struct frame *frame = &b->frames[b->depth - 1];
	struct asof_yaml *parent = frame->node;
	bool is_map = parent->kind == ASOF_YAML_MAP;
	if (is_map && !frame->key) {
		if (node->kind != ASOF_YAML_SCALAR)
			stop(b, node->place, "a key is a name, not a list or mapping");
		return take_key(b, frame, node, err);
	}

	const struct asof_yaml *key = frame->key;
	frame->key = NULL;
	if (is_map && frame->is_repeated)
		return ASOF_OK;
	size_t child_size = is_map ? sizeof(struct asof_yaml_pair) : sizeof(struct asof_yaml *);
	ASOF_TRY(asof_mem_reserve(&frame->children, &frame->capacity, parent->count + 1, child_size,
				  err));
	if (is_map)
		((struct asof_yaml_pair *)frame->children)[parent->count] =
			(struct asof_yaml_pair){ key, node };
	else
		((struct asof_yaml **)frame->children)[parent->count] = node;
	parent->count++;
	parent->size += node->size + (is_map ? 1 : 0);
	if (parent->height <= node->height)
		parent->height = node->height + 1;
	return ASOF_OK;
}

static enum asof_status
open_frame(struct builder *b, enum asof_yaml_kind kind, struct fy_token *anchor,
	   struct fy_token *tag, struct asof_error *err)
{
	if (b->depth == ASOF_YAML_DEPTH_MAX) {
		stop(b, b->last, "lists and mappings are nested more than 64 deep");
		return ASOF_OK;
	}
	struct frame frame = { 0 };
	ASOF_TRY(new_node(b, kind, anchor, tag, &frame.node, &frame.anchor, err));
	b->frames[b->depth++] = frame;
	return ASOF_OK;
}

static enum asof_status
close_frame(struct builder *b, struct asof_error *err)
{
	struct frame *frame = &b->frames[b->depth - 1];
	struct asof_yaml *node = frame->node;
	bool is_map = node->kind == ASOF_YAML_MAP;
	size_t child_size = is_map ? sizeof(struct asof_yaml_pair) : sizeof(struct asof_yaml *);
	void *children = asof_arena_array(b->arena, node->count, child_size);
	if (!children)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu YAML nodes", node->count);
	if (node->count > 0)
		memcpy(children, frame->children, node->count * child_size);
	if (is_map)
		node->pairs = children;
	else
		node->items = children;
	if (frame->anchor)
		ASOF_TRY(asof_map_put(&b->anchors, asof_str_from(frame->anchor), node, err));
	frame_done(frame);
	b->depth--;
	return add_node(b, node, err);
}

static enum asof_status
take_scalar(struct builder *b, struct fy_event *event, struct asof_error *err)
{
	struct asof_yaml *node;
	const char *anchor;
	ASOF_TRY(new_node(b, ASOF_YAML_SCALAR, event->scalar.anchor, event->scalar.tag, &node,
			  &anchor, err));
	ASOF_TRY(token_text(b, event->scalar.value, &node->text, err));
	enum fy_scalar_style style =
		event->scalar.value ? fy_token_scalar_style(event->scalar.value) : FYSS_PLAIN;
	node->is_plain = style == FYSS_PLAIN || style == FYSS_ANY;
	node->is_block = style == FYSS_LITERAL || style == FYSS_FOLDED;
	if (anchor)
		ASOF_TRY(asof_map_put(&b->anchors, asof_str_from(anchor), node, err));
	return add_node(b, node, err);
}

static enum asof_status
take_alias(struct builder *b, struct fy_event *event, struct asof_error *err)
{
	const char *name;
	void *found = NULL;
	ASOF_TRY(token_text(b, event->alias.anchor, &name, err));
	if (!asof_map_find(&b->anchors, asof_str_from(name), &found)) {
		asof_mistakes_add(b->mistakes, b->last, "no anchor '&%s' before this alias", name);
		b->is_broken = true;
		struct asof_yaml *nothing;
		ASOF_TRY(new_node(b, ASOF_YAML_SCALAR, NULL, NULL, &nothing, &name, err));
		return add_node(b, nothing, err);
	}
	struct asof_yaml *node = found;
	b->aliased += node->size;
	if (b->aliased > ASOF_YAML_ALIASED_MAX)
		stop(b, b->last, "aliases stand for more than 100000 values");
	if (b->depth + node->height > ASOF_YAML_DEPTH_MAX + 1)
		stop(b, b->last, "lists and mappings are nested more than 64 deep");
	return add_node(b, node, err);
}

static enum asof_status
take_event(struct builder *b, struct fy_event *event, struct asof_error *err)
{
	note_place(b, event);
	switch (event->type) {
	case FYET_SCALAR:
		return take_scalar(b, event, err);
	case FYET_ALIAS:
		return take_alias(b, event, err);
	case FYET_SEQUENCE_START:
		return open_frame(b, ASOF_YAML_LIST, event->sequence_start.anchor,
				  event->sequence_start.tag, err);
	case FYET_MAPPING_START:
		return open_frame(b, ASOF_YAML_MAP, event->mapping_start.anchor,
				  event->mapping_start.tag, err);
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END:
		return close_frame(b, err);
	case FYET_DOCUMENT_START:
		if (++b->document_count > 1)
			stop(b, b->last, "more than one document in a file");
		return ASOF_OK;
	default:
		return ASOF_OK;
	}
}

static enum asof_status
take_events(struct builder *b, struct asof_error *err)
{
	enum asof_status status = ASOF_OK;
	while (status == ASOF_OK && !b->is_stopped) {
		struct fy_event *event = fy_parser_parse(b->parser);
		if (!event)
			break;
		status = take_event(b, event, err);
		fy_parser_event_free(b->parser, event);
	}
	return status;
}

/* The parser's first complaint; the others follow from it. */
static void
add_syntax_error(struct builder *b)
{
	void *at = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(b->diag, &at);
	if (!error && !fy_parser_get_stream_error(b->parser))
		return;

	struct asof_place place = b->last;
	if (error && error->line > 0)
		place = (struct asof_place){ b->file, (uint32_t)error->line,
					     (uint32_t)error->column };
	struct asof_yaml_fault tab = asof_yaml_find_tab(b->text, place.line);
	if (tab.message) {
		place = (struct asof_place){ b->file, tab.line, tab.column };
		stop(b, place, tab.message);
		return;
	}
	asof_mistakes_add(b->mistakes, place, "no valid YAML: %s",
			  error && error->msg ? error->msg : "it cannot be parsed");
	b->is_broken = true;
}

static void
drop_output(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
	(void)diag;
	(void)user;
	(void)buf;
	(void)len;
}

static enum asof_status
open_parser(struct builder *b, struct asof_error *err)
{
	struct fy_diag_cfg diag = { 0 };
	fy_diag_cfg_default(&diag);
	diag.fp = NULL;
	diag.output_fn = drop_output;
	b->diag = fy_diag_create(&diag);
	if (!b->diag)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "YAML diagnostics");
	fy_diag_set_collect_errors(b->diag, true);

	struct fy_parse_cfg config = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = b->diag };
	b->parser = fy_parser_create(&config);
	if (!b->parser || fy_parser_set_string(b->parser, b->text.ptr, b->text.len) != 0)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "YAML parser");
	return ASOF_OK;
}

enum asof_status
asof_yaml_parse(struct asof_str text, const char *file, struct asof_arena *arena,
		struct asof_mistakes *mistakes, const struct asof_yaml **ret_root,
		bool *ret_is_broken, struct asof_error *err)
{
	*ret_root = NULL;
	*ret_is_broken = false;
	struct asof_yaml_fault fault = asof_yaml_check_text(text);
	if (fault.message) {
		asof_mistakes_add(mistakes, (struct asof_place){ file, fault.line, fault.column },
				  "%s", fault.message);
		*ret_is_broken = true;
		return ASOF_OK;
	}
	if (text.len == 0)
		return ASOF_OK;

	ASOF_AUTO(builder_done)
	struct builder b = { .text = text,
			     .file = file,
			     .arena = arena,
			     .mistakes = mistakes,
			     .last = { file, 1, 1 } };
	ASOF_TRY(open_parser(&b, err));
	ASOF_TRY(take_events(&b, err));
	if (!b.is_stopped)
		add_syntax_error(&b);
	*ret_root = b.is_broken ? NULL : b.root;
	*ret_is_broken = b.is_broken;
	return ASOF_OK;
}

bool
asof_yaml_is_null(const struct asof_yaml *node)
{
	if (node->kind != ASOF_YAML_SCALAR || !node->is_plain)
		return false;
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	for (size_t i = 0; i < ASOF_COUNTOF(nulls); i++) {
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	}
	return false;
}

/* Quoted, and cut behind a whole character where it is long. */
static void
show_text(const char *text, char out[ASOF_YAML_SHOWN_MAX])
{
	size_t len = strlen(text);
	const char *end = len > SHOWN_BYTES_MAX ? "...'" : "'";
	if (len > SHOWN_BYTES_MAX) {
		len = SHOWN_BYTES_MAX;
		while (len > 0 && (text[len] & 0xC0) == 0x80)
			len--;
	}
	(void)snprintf(out, ASOF_YAML_SHOWN_MAX, "'%.*s%s", (int)len, text, end);
}

const char *
asof_yaml_shown(const struct asof_yaml *node, char out[ASOF_YAML_SHOWN_MAX])
{
	if (node->kind == ASOF_YAML_LIST)
		(void)snprintf(out, ASOF_YAML_SHOWN_MAX, "a list");
	else if (node->kind == ASOF_YAML_MAP)
		(void)snprintf(out, ASOF_YAML_SHOWN_MAX, "a mapping");
	else if (asof_yaml_is_null(node))
		(void)snprintf(out, ASOF_YAML_SHOWN_MAX, "nothing");
	else
		show_text(node->text, out);
	return out;
}
