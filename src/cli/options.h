/*
 * options.h - options and words of a command line, from tables, over popt. One thread at a time.
 *
 * Two sets of options are known at a time: those of the program, which may stand before or after
 * the command, and those of the command.
 */
#ifndef ASOF_CLI_OPTIONS_H
#define ASOF_CLI_OPTIONS_H

#include "base/arena.h"

/* What a value is, for completion. */
enum asof_hint {
	ASOF_HINT_NONE,
	ASOF_HINT_FILE,
	ASOF_HINT_DIR,
	ASOF_HINT_VIEW,
	ASOF_HINT_SERVICE,
	ASOF_HINT_NAME, /* of anything that the project declares */
	ASOF_HINT_CHOICE,
};

struct asof_option {
	const char *name;    /* "log-format" */
	char letter;         /* 'q', or 0 */
	const char *metavar; /* "FORMAT"; NULL: a flag, which takes no value */
	const char *about;
	enum asof_hint hint;
	const char *choices; /* of HINT_CHOICE: "text json" */
	bool is_list;        /* given again it adds to the value, behind a comma */
};

/* Static tables, borrowed. */
struct asof_option_set {
	const struct asof_option *items;
	size_t count;
};

/* { ASOF_OPTION_SET(array) }, in initialisers of static tables. */
#define ASOF_OPTION_SET(array)               \
	{                                    \
		(array), ASOF_COUNTOF(array) \
	}

struct asof_arguments {
	struct asof_arena arena;
	struct asof_option_set global;
	struct asof_option_set own;
	const char **values; /* of global, then of own: NULL where not given, "" for a flag */
	const char **words;  /* what is no option, in order */
	size_t word_count;
};

void asof_arguments_done(struct asof_arguments *args);

/* Read the options before the first word. Afterwards words[0] is that word, the command's name, and
 * the others are whatever follows it. ASOF_INVALID for what is wrong in the command line. */
ASOF_NODISCARD enum asof_status asof_arguments_begin(struct asof_arguments *args,
						     struct asof_option_set global, int argc,
						     const char *const *argv,
						     struct asof_error *err);
/* Read what follows the command: its own options and the program's. words are then its words. */
ASOF_NODISCARD enum asof_status asof_arguments_finish(struct asof_arguments *args,
						      struct asof_option_set own,
						      struct asof_error *err);

/* Of an option that one of the sets has. Values live as long as `args`. */
bool asof_arguments_has(const struct asof_arguments *args, const char *name);
/* NULL where it was not given. */
const char *asof_arguments_value(const struct asof_arguments *args, const char *name);
/* The value's parts between commas, none of them empty. */
ASOF_NODISCARD enum asof_status asof_arguments_list(struct asof_arguments *args, const char *name,
						    const char *const **ret_items,
						    size_t *ret_count, struct asof_error *err);
/* A whole number in [min, max]; `fallback` where it was not given. */
ASOF_NODISCARD enum asof_status asof_arguments_count(const struct asof_arguments *args,
						     const char *name, uint64_t min, uint64_t max,
						     uint64_t fallback, uint64_t *ret_count,
						     struct asof_error *err);
/* An instant; outputs are untouched where it was not given. */
ASOF_NODISCARD enum asof_status asof_arguments_time(const struct asof_arguments *args,
						    const char *name, bool *ret_is_given,
						    int64_t *ret_us, struct asof_error *err);

/* Whether `word` is one of the words of `choices`. */
bool asof_choice_has(const char *choices, const char *word);
/* ASOF_INVALID "<what> '<word>' is not one of: a, b; did you mean 'a'?". */
ASOF_NODISCARD enum asof_status asof_choice_check(const char *what, const char *choices,
						  const char *word, struct asof_error *err);

#endif
