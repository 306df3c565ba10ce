/* completion_bash.c - completion for bash, without the help of bash-completion. */
#include "cli/completion.h"

const char *
asof_hint_kind(enum asof_hint hint)
{
	switch (hint) {
	case ASOF_HINT_VIEW:
	case ASOF_HINT_NAME:
		return "views";
	case ASOF_HINT_SERVICE:
		return "services";
	case ASOF_HINT_NONE:
	case ASOF_HINT_FILE:
	case ASOF_HINT_DIR:
	case ASOF_HINT_CHOICE:
		break;
	}
	return NULL;
}

/* The command that puts candidates into COMPREPLY. */
static void
print_reply(enum asof_hint hint, const char *choices, FILE *out)
{
	const char *kind = asof_hint_kind(hint);
	if (choices)
		(void)fprintf(out, "COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", choices);
	else if (kind)
		(void)fprintf(out, "COMPREPLY=($(compgen -W \"$(_asof_names %s)\" -- \"$cur\"))",
			      kind);
	else if (hint == ASOF_HINT_FILE)
		(void)fputs("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))", out);
	else if (hint == ASOF_HINT_DIR)
		(void)fputs("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))", out);
	else
		(void)fputs("COMPREPLY=()", out);
}

/* Cases of the word behind an option that takes a value. */
static void
print_values(const char *command, struct asof_option_set set, FILE *out)
{
	for (size_t i = 0; i < set.count; i++) {
		const struct asof_option *option = &set.items[i];
		if (!option->metavar)
			continue;
		(void)fprintf(out, "\t%s:--%s", command, option->name);
		if (option->letter)
			(void)fprintf(out, "|%s:-%c", command, option->letter);
		(void)fputs(") ", out);
		print_reply(option->hint, option->choices, out);
		(void)fputs("; return ;;\n", out);
	}
}

static void
print_names(struct asof_option_set set, FILE *out)
{
	for (size_t i = 0; i < set.count; i++)
		(void)fprintf(out, "%s--%s", i > 0 ? " " : "", set.items[i].name);
}

/* Finds the command among the words before the cursor: options with a value take two words. */
static void
print_search(const struct asof_program *program, FILE *out)
{
	(void)fputs("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
		    "\tlocal command= i\n"
		    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "\t\tcase ${COMP_WORDS[i]} in\n"
		    "\t\t",
		    out);
	bool is_first = true;
	for (size_t i = 0; i < program->global.count; i++) {
		const struct asof_option *option = &program->global.items[i];
		if (!option->metavar)
			continue;
		(void)fprintf(out, "%s--%s", is_first ? "" : "|", option->name);
		if (option->letter)
			(void)fprintf(out, "|-%c", option->letter);
		is_first = false;
	}
	(void)fputs(") ((i++)) ;;\n"
		    "\t\t-*) ;;\n"
		    "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
		    "\t\tesac\n"
		    "\tdone\n",
		    out);
}

void
asof_completion_bash(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out,
		      "# bash completion for %s; written by '%s completion bash'.\n\n"
		      "_asof_names()\n{\n\tasof names \"$1\" 2>/dev/null\n}\n\n"
		      "_asof()\n{\n",
		      program->name, program->name);
	print_search(program, out);
	(void)fputs("\tcase $command:$prev in\n", out);
	print_values("*", program->global, out);
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			print_values(program->commands[i]->name, program->commands[i]->options,
				     out);
	}
	(void)fputs("\tesac\n\tlocal options=\"", out);
	print_names(program->global, out);
	(void)fputs("\" words=\n\tcase $command in\n\t'') words=\"", out);
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			(void)fprintf(out, "%s%s", i > 0 ? " " : "", program->commands[i]->name);
	}
	(void)fputs("\" ;;\n", out);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (command->is_hidden || command->options.count == 0)
			continue;
		(void)fprintf(out, "\t%s) options=\"", command->name);
		print_names(command->options, out);
		(void)fputs(" $options\" ;;\n", out);
	}
	(void)fputs("\tesac\n"
		    "\tif [[ $cur == -* ]]; then\n"
		    "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\tcase $command in\n"
		    "\t'') COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n",
		    out);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (command->is_hidden || command->words.hint == ASOF_HINT_NONE)
			continue;
		(void)fprintf(out, "\t%s) ", command->name);
		print_reply(command->words.hint, command->words.choices, out);
		(void)fputs(" ;;\n", out);
	}
	(void)fputs("\tesac\n}\n\ncomplete -F _asof asof\n", out);
}
