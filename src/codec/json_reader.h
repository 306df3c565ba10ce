/*
 * json_reader.h - JSON text to a tree in an arena. Pure; fuzzed.
 *
 * Strict RFC 8259: UTF-8, no comments, no trailing commas, depth at most ASOF_JSON_DEPTH_MAX,
 * duplicate member names are an error. Numbers keep their text, so that no digit is lost.
 * One thread at a time per tree while built, immutable afterwards.
 */
#ifndef ASOF_CODEC_JSON_READER_H
#define ASOF_CODEC_JSON_READER_H

#include "base/arena.h"
#include "base/json_writer.h"

enum asof_json_kind {
	ASOF_JSON_NULL,
	ASOF_JSON_BOOL,
	ASOF_JSON_NUMBER,
	ASOF_JSON_STRING,
	ASOF_JSON_ARRAY,
	ASOF_JSON_OBJECT,
};

struct asof_json {
	enum asof_json_kind kind;
	bool boolean;
	struct asof_str text;          /* NUMBER: as written; STRING: unescaped */
	size_t count;                  /* of items or members */
	const struct asof_json *items; /* ARRAY: elements; OBJECT: values */
	const struct asof_str *names;  /* OBJECT: member names, in order */
	size_t offset;                 /* in the text, for messages */
};

/*
 * Parse all of `text`; the tree borrows from `text` where strings have no escapes. ASOF_INVALID
 * with "line L column C: ..."; ASOF_LIMIT past the depth; ASOF_NO_MEMORY also at the arena's limit.
 */
ASOF_NODISCARD enum asof_status asof_json_read(struct asof_str text, struct asof_arena *arena,
					       const struct asof_json **ret_root,
					       struct asof_error *err);
/* The same to a depth of the caller's: for what a program of ours wrote, a syntax tree say. It
 * takes about 300 bytes of stack per level. */
ASOF_NODISCARD enum asof_status asof_json_read_deep(struct asof_str text, unsigned depth_max,
						    struct asof_arena *arena,
						    const struct asof_json **ret_root,
						    struct asof_error *err);

/* The member of an OBJECT, or NULL. */
const struct asof_json *asof_json_member(const struct asof_json *object, const char *name);
/* The text of a member that is a string, "" of any other or none; whether it is that text; whether
 * the member is `true`. */
struct asof_str asof_json_text_of(const struct asof_json *object, const char *name);
bool asof_json_has_text(const struct asof_json *object, const char *name, const char *text);
bool asof_json_has_true(const struct asof_json *object, const char *name);
/* Typed members: ASOF_NOT_FOUND without such a member, ASOF_INVALID of another kind; errors name
 * it. */
ASOF_NODISCARD enum asof_status asof_json_member_read_int(const struct asof_json *object,
							  const char *name, int64_t *ret_value,
							  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_json_member_read_str(const struct asof_json *object,
							  const char *name,
							  struct asof_str *ret_value,
							  struct asof_error *err);
/* Copy a tree as JSON text. */
void asof_json_write(struct asof_json_writer *w, const struct asof_json *value);

#endif
