/*
 * yaml.h - YAML text to a tree of nodes with their places. The only user of libfyaml.
 *
 * Immutable once made; everything lives in the arena that it was made in. Aliases are shared nodes:
 * the tree may be a graph without cycles, whose size when written out is bounded.
 */
#ifndef ASOF_DEFINE_YAML_H
#define ASOF_DEFINE_YAML_H

#include "define/define.h"

/* How many more nodes a text may have when its aliases are written out. */
#define ASOF_YAML_ALIASED_MAX 100000

enum asof_yaml_kind { ASOF_YAML_SCALAR, ASOF_YAML_LIST, ASOF_YAML_MAP };

struct asof_yaml {
	enum asof_yaml_kind kind;
	struct asof_place place; /* of its first character, the quote where it is quoted */
	bool is_plain;           /* a scalar without quotes */
	bool is_block;           /* a scalar after | or > */
	const char *text;        /* of a scalar, "" where there is nothing */
	struct asof_yaml_pair *pairs;
	struct asof_yaml **items;
	size_t count;  /* of pairs or items */
	size_t size;   /* nodes in it, itself included, aliases written out */
	size_t height; /* levels in it: 1 for a scalar */
};

/* Keys are scalars, each once. */
struct asof_yaml_pair {
	const struct asof_yaml *key;
	const struct asof_yaml *value;
};

/*
 * What is no YAML, or more than ASOF_FILE_BYTES_MAX or ASOF_YAML_DEPTH_MAX, goes to `mistakes`, and
 * *ret_is_broken is true. A key that is given twice is a mistake too, but counts as given once.
 * *ret_root is NULL where the text is broken or empty.
 */
ASOF_NODISCARD enum asof_status asof_yaml_parse(struct asof_str text, const char *file,
						struct asof_arena *arena,
						struct asof_mistakes *mistakes,
						const struct asof_yaml **ret_root,
						bool *ret_is_broken, struct asof_error *err);

/* Nothing, null or ~ without quotes. */
bool asof_yaml_is_null(const struct asof_yaml *node);
/* "a list", "a mapping", "nothing", "'text'" - for messages; returns `out`. */
#define ASOF_YAML_SHOWN_MAX 64
const char *asof_yaml_shown(const struct asof_yaml *node, char out[ASOF_YAML_SHOWN_MAX]);

#endif
