/*
 * read.h - reading a project from YAML trees: what the read_*.c files share.
 *
 * What the user got wrong goes to the mistakes and reading goes on; a status other than ASOF_OK
 * means that memory ran out. One thread at a time.
 */
#ifndef ASOF_DEFINE_READ_H
#define ASOF_DEFINE_READ_H

#include <sys/stat.h>

#include "base/map.h"
#include "define/yaml.h"

/* What a project may hold at most: far more than anybody writes, little enough to keep. */
#define ASOF_VIEW_OUTPUTS_MAX    4096
#define ASOF_PROJECT_OUTPUTS_MAX 100000
#define ASOF_SERVICE_ITEMS_MAX   200000 /* of all services */
#define ASOF_SELECTS_MAX         1000
#define ASOF_KEYS_MAX            64
#define ASOF_VIEW_DEPTH_MAX      16 /* views that read each other */

enum asof_declared {
	ASOF_DECLARED_ENTITY,
	ASOF_DECLARED_SOURCE,
	ASOF_DECLARED_VIEW,
	ASOF_DECLARED_SERVICE,
};
#define ASOF_DECLARED_COUNT 4

/* `name: {...}` in one of the sections. */
struct asof_declaration {
	struct asof_declaration *next;
	const struct asof_yaml *key;
	const struct asof_yaml *value;
	void *object;     /* what it was read into; NULL: not yet */
	bool is_doubtful; /* a view whose features have mistakes: some may be missing for that */
};

struct asof_declarations {
	struct asof_declaration *first;
	struct asof_declaration *last;
	size_t count;
	struct asof_map by_name; /* -> declaration */
	const char **names;      /* for suggestions; NULL: not asked for yet */
};

struct asof_reading {
	const struct asof_define_options *options;
	struct asof_project *project;
	struct asof_arena *arena; /* the project's */
	struct asof_mistakes *mistakes;
	struct asof_declarations declared[ASOF_DECLARED_COUNT];
	bool is_incomplete; /* a file could not be understood: names may be missing for that */
	bool is_text;       /* one text, no files: a canonical definition or a test */
	size_t output_count;
	size_t item_count; /* of services */
};
void asof_reading_done(struct asof_reading *r);

/* Add what the sections of one file declare; `is_root`: of asof.yaml itself, which may have others.
 */
ASOF_NODISCARD enum asof_status asof_reading_gather(struct asof_reading *r,
						    const struct asof_yaml *root, bool is_root,
						    struct asof_error *err);
/* Entities, sources, views, services from what was gathered. */
ASOF_NODISCARD enum asof_status asof_reading_declared(struct asof_reading *r,
						      struct asof_error *err);

/* The keys of asof.yaml that are not sections. `include` is for the caller; NULL: not given. */
ASOF_NODISCARD enum asof_status asof_read_settings(struct asof_reading *r,
						   const struct asof_yaml *root,
						   const struct asof_yaml **ret_include,
						   struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_entity(struct asof_reading *r,
						 const struct asof_declaration *declaration,
						 struct asof_entity *entity,
						 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_source(struct asof_reading *r,
						 const struct asof_declaration *declaration,
						 struct asof_source *source,
						 struct asof_error *err);
/* The columns that are the times of a source that is a view, where nothing else was said. */
void asof_default_view_times(struct asof_source *source);
/* Views that read each other in a circle, or too many one upon the other: mistakes, after which
 * nothing does. */
ASOF_NODISCARD enum asof_status asof_check_view_graph(struct asof_reading *r,
						      struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_view(struct asof_reading *r,
					       struct asof_declaration *declaration,
					       struct asof_view *view, struct asof_error *err);
/* Whether a declared view says `on_demand: true`; such a one is read by asof_read_on_demand(). */
bool asof_is_on_demand(const struct asof_declaration *declaration);
ASOF_NODISCARD enum asof_status asof_read_on_demand(struct asof_reading *r,
						    struct asof_declaration *declaration,
						    struct asof_view *view, struct asof_error *err);
/* The view with rows that `node` names, or NULL and a mistake. */
struct asof_view *asof_read_stored_view(struct asof_reading *r, const struct asof_yaml *node,
					const char *what);
ASOF_NODISCARD enum asof_status asof_read_service(struct asof_reading *r,
						  const struct asof_declaration *declaration,
						  struct asof_service *service,
						  struct asof_error *err);

/* Parts of a view. `windows` and `agg` against `step` are the view's business. */
ASOF_NODISCARD enum asof_status asof_read_features(struct asof_reading *r,
						   const struct asof_yaml *node,
						   struct asof_view *view, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_aggs(struct asof_reading *r, const struct asof_yaml *node,
					       struct asof_feature *feature,
					       struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_windows(struct asof_reading *r,
						  const struct asof_yaml *node,
						  struct asof_feature *feature,
						  struct asof_error *err);
/* After view->entity. */
void asof_read_partition(struct asof_reading *r, const struct asof_yaml *node,
			 struct asof_view *view);
/* view->outputs from its features. */
ASOF_NODISCARD enum asof_status asof_read_outputs(struct asof_reading *r, struct asof_view *view,
						  struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_read_checks(struct asof_reading *r,
						 const struct asof_yaml *node,
						 struct asof_view *view, struct asof_error *err);

/* Names that would meet: in a view's tables, and over views in a training set. */
/* The keys of an entity; a mapping of names to types. */
ASOF_NODISCARD enum asof_status asof_read_keys(struct asof_reading *r, const struct asof_yaml *node,
					       struct asof_entity *entity, struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_check_view_names(struct asof_reading *r, const struct asof_view *view, struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_check_project_names(struct asof_reading *r,
							 struct asof_error *err);

/* A member that an object may have; *node is set where it is given. */
struct asof_member {
	const char *name;
	const struct asof_yaml **node;
};
/* Distribute the members of a mapping; unknown ones are mistakes. `what`: "view 'departures'".
 * False where it is no mapping at all, which is a mistake. */
bool asof_read_members(struct asof_reading *r, const struct asof_yaml *node, const char *what,
		       const struct asof_member *members, size_t member_count);

/* Text of a scalar, or NULL and a mistake; "" and null are mistakes too. */
const char *asof_read_text(struct asof_reading *r, const struct asof_yaml *node, const char *what);
/* The same with its place: of its first character, inside quotes. Absent where node is NULL. */
struct asof_text asof_read_expression(struct asof_reading *r, const struct asof_yaml *node,
				      const char *what);
/* Notes a mistake and is false where the scalar is no name. */
bool asof_read_name(struct asof_reading *r, const struct asof_yaml *node, const char *what);
/* The same, and not one of the names that asof's own columns have. */
bool asof_read_column_name(struct asof_reading *r, const struct asof_yaml *node, const char *what);
/* Index of the scalar in `choices`, or `absent` where node is NULL or, as a mistake, none of them.
 */
size_t asof_read_choice(struct asof_reading *r, const struct asof_yaml *node, const char *what,
			const char *const *choices, size_t choice_count, size_t absent);
/* Microseconds, 0 where node is NULL or, as a mistake, no duration. */
int64_t asof_read_duration(struct asof_reading *r, const struct asof_yaml *node, const char *what);
/* True where it is a list (mapping); else a mistake that says what was `expected`. */
bool asof_read_is_list(struct asof_reading *r, const struct asof_yaml *node, const char *expected);
bool asof_read_is_map(struct asof_reading *r, const struct asof_yaml *node, const char *expected);
ASOF_NODISCARD enum asof_status asof_read_about(struct asof_reading *r,
						const struct asof_yaml *description,
						const struct asof_yaml *owner,
						const struct asof_yaml *tags,
						struct asof_about *about, struct asof_error *err);

/* The object that `node` names, or NULL and a mistake. */
void *asof_read_reference(struct asof_reading *r, enum asof_declared kind,
			  const struct asof_yaml *node, const char *what);
/* Whether features of `view` may be missing because of mistakes that are told already. */
bool asof_reading_is_doubtful(const struct asof_reading *r, const struct asof_view *view);
/* " (did you mean 'x'?)", " (known: a, b)" or "" in the project's arena. */
const char *asof_reading_hint(struct asof_reading *r, const char *name, const char *const *names,
			      size_t name_count);

/* A regular file opened. ASOF_NOT_FOUND, ASOF_IO: messages go behind the file's name. */
ASOF_NODISCARD enum asof_status asof_read_open(const char *path, int *ret_fd, struct stat *ret_stat,
					       struct asof_error *err);
/* What is left of it, up to one byte more than a file may have, so that too much is seen. */
ASOF_NODISCARD enum asof_status asof_read_rest(int fd, struct asof_buf *buf,
					       struct asof_error *err);
/* Both. */
ASOF_NODISCARD enum asof_status asof_read_file(const char *path, struct asof_buf *buf,
					       struct asof_error *err);
void asof_read_close(int *fd);

ASOF_NODISCARD enum asof_status asof_no_memory(struct asof_error *err);

#endif
