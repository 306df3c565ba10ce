/*
 * command.h - what a command is: the one source for parsing, help, manual and completion.
 *
 * A command is a constant table in a file of its own, cmd_<name>.c, listed in commands.c.
 */
#ifndef ASOF_CLI_COMMAND_H
#define ASOF_CLI_COMMAND_H

#include "cli/options.h"

struct asof_cli;

struct asof_example {
	const char *about;
	const char *line; /* what is typed: "asof build" */
};

/* Words that are no options. */
struct asof_words {
	size_t min;
	size_t max;          /* SIZE_MAX: any number */
	const char *missing; /* what to say when there are too few: "VIEW" */
	enum asof_hint hint;
	const char *choices; /* of HINT_CHOICE */
	const char *label;   /* what one of the choices is: "kind" */
};

struct asof_command {
	const char *name;
	const char *usage;   /* behind the name: "[VIEW..] [--full]"; "" for none */
	const char *summary; /* one line: no capital, no full stop */
	const char *about;   /* paragraphs of lines, with blank lines between; ends without one */
	struct asof_words words;
	struct asof_option_set options;
	struct asof_example examples[2];
	bool is_hidden; /* from lists, manual and completion */
	enum asof_status (*run)(struct asof_cli *cli, struct asof_error *err);
};

struct asof_program {
	const char *name;
	const char *summary;
	const char *about;
	const struct asof_command *const *commands;
	size_t command_count;
	struct asof_option_set global;
};

extern const struct asof_program asof_program;

/* NULL where there is none of that name. */
const struct asof_command *asof_program_find(const struct asof_program *program, const char *name);
/* ASOF_INVALID "unknown command 'x'; did you mean 'y'?" */
ASOF_NODISCARD enum asof_status asof_program_fail_unknown(const struct asof_program *program,
							  const char *name, struct asof_error *err);
/* Whether the number of words, and their choice, is what the command takes. */
ASOF_NODISCARD enum asof_status asof_command_check_words(const struct asof_command *command,
							 const char *const *words,
							 size_t word_count, struct asof_error *err);

#endif
