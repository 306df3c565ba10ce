/*
 * define.h - YAML to model, with every mistake at its place; model to canonical JSON and hash.
 *
 * Reading a project parses text and reads the files that it names; it does not open sources. Types
 * of source columns are unknown then: asof_define_check_types() is called once they are bound.
 */
#ifndef ASOF_DEFINE_H
#define ASOF_DEFINE_H

#include "base/buf.h"
#include "model/project.h"
#include "model/tokens.h"

#define ASOF_FILE_BYTES_MAX (1024 * 1024) /* of one YAML file */
#define ASOF_YAML_DEPTH_MAX 64
#define ASOF_MISTAKES_MAX   1000 /* more are counted, not kept */

/* Mistakes found so far, in the order of (file, line, column) once sorted. One thread at a time. */
struct asof_mistake {
	struct asof_place place;
	const char *message;
	size_t sequence; /* order of finding, for a stable sort */
};
struct asof_mistakes {
	struct asof_arena arena;
	struct asof_mistake *items;
	size_t count;
	size_t capacity;
	size_t dropped;
	bool is_out_of_memory;
};
void asof_mistakes_done(struct asof_mistakes *mistakes);
void asof_mistakes_add(struct asof_mistakes *mistakes, struct asof_place place, const char *fmt,
		       ...) ASOF_PRINTF(3, 4);
/* Sort, and append "file:line:column: message\n" per mistake. */
void asof_mistakes_write(struct asof_mistakes *mistakes, struct asof_buf *buf);
/* ASOF_OK without mistakes; else ASOF_INVALID with the first and "(and N more)". */
ASOF_NODISCARD enum asof_status asof_mistakes_status(struct asof_mistakes *mistakes,
						     struct asof_error *err);

struct asof_define_options {
	const char *dir;     /* of asof.yaml */
	const char *profile; /* NULL: none */
	/* Where ${NAME} comes from: NULL value = unset. NULL function: getenv. */
	const char *(*env)(void *arg, const char *name);
	void *env_arg;
};

/*
 * Read <dir>/asof.yaml and what it includes. ASOF_NOT_FOUND without that file; otherwise
 * *ret_project is set whenever the text could be understood at all (NULL else), and `mistakes` says
 * what is wrong: the project may be used only without mistakes. The status is ASOF_OK even with
 * mistakes.
 */
ASOF_NODISCARD enum asof_status asof_define_read(const struct asof_define_options *options,
						 struct asof_mistakes *mistakes,
						 struct asof_project **ret_project,
						 struct asof_error *err);

/* The same from one text (`file_name` for messages): tests, and definitions that come back from a
 * catalog or store (canonical JSON is YAML). Includes are refused. A canonical text's "types" bind
 * the project at once. */
ASOF_NODISCARD enum asof_status asof_define_parse(struct asof_str text, const char *file_name,
						  const struct asof_define_options *options,
						  struct asof_mistakes *mistakes,
						  struct asof_project **ret_project,
						  struct asof_error *err);

/*
 * Give every output of every view its type, now that source->fields are known, and convert
 * defaults. Mistakes: unknown column (with the nearest), a type that asof does not have, an
 * aggregate that does not take the type, a default that does not convert, a key column of another
 * type than the entity's key.
 */
ASOF_NODISCARD enum asof_status asof_define_check_types(struct asof_project *project,
							struct asof_mistakes *mistakes,
							struct asof_error *err);

/* The same for one view whose source has its columns. */
ASOF_NODISCARD enum asof_status asof_define_check_view_types(struct asof_project *project,
							     struct asof_view *view,
							     struct asof_mistakes *mistakes,
							     struct asof_error *err);

/*
 * The canonical definition of a bound view: a one-view project as compact JSON with sorted members
 * - its entity, source, view, and the types of the source columns it uses - that
 * asof_define_parse() reads back. Of a view that it reads there is the hash, source->upstream_hash.
 * `for_hash` leaves out what does not count (about, checks, online, places of files on this machine
 * stay as written).
 */
ASOF_NODISCARD enum asof_status asof_define_canonical(const struct asof_project *project,
						      const struct asof_view *view, bool for_hash,
						      struct asof_buf *buf, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_define_canonical_service(const struct asof_service *service,
							      struct asof_buf *buf,
							      struct asof_error *err);
/* How a new definition of a view differs from the one registered. */
enum asof_change { ASOF_CHANGE_NONE, ASOF_CHANGE_MINOR, ASOF_CHANGE_MAJOR };
/*
 * MAJOR: an output disappears, changes type, or the key changes; MINOR: any other difference that
 * counts. One line per reason into `reasons` ("feature 'x' disappears\n").
 */
ASOF_NODISCARD enum asof_status
asof_define_compare(const struct asof_view *old_view, const struct asof_project *old_project,
		    const struct asof_view *new_view, const struct asof_project *new_project,
		    enum asof_change *ret_change, struct asof_buf *reasons, struct asof_error *err);
/* True where both are stored as the same table: the data of the old need not be computed again. */
bool asof_define_same_table(const struct asof_view *old_view, const struct asof_view *new_view);

/* Whether the view hangs on this column of its source: rather once too often. */
bool asof_define_uses_column(const struct asof_view *view, const char *name);

/*
 * A server's file of tokens. Services and sources that tokens are limited to must be the project's.
 * ASOF_INVALID with the first mistake at its place and how many more there are.
 */
ASOF_NODISCARD enum asof_status asof_define_read_tokens(const char *path,
							const struct asof_project *project,
							struct asof_tokens **ret_tokens,
							struct asof_error *err);
/* The same from text, `file_name` for messages. */
ASOF_NODISCARD enum asof_status asof_define_parse_tokens(struct asof_str text,
							 const char *file_name,
							 const struct asof_project *project,
							 struct asof_tokens **ret_tokens,
							 struct asof_error *err);

/* The JSON Schema of asof.yaml and its includes. */
struct asof_str asof_define_schema(void);

#endif
