/* completion_zsh.c - completion for zsh, by _arguments. */
#include "cli/completion.h"

/* Text in a single-quoted specification of _arguments. */
static void
print_text(const char *text, FILE *out)
{
	for (const char *at = text; *at; at++) {
		if (*at == '\'')
			(void)fputs("'\\'", out);
		else if (strchr("[]:\\", *at))
			(void)fputc('\\', out);
		(void)fputc(*at, out);
	}
}

static void
print_action(enum asof_hint hint, const char *choices, FILE *out)
{
	const char *kind = asof_hint_kind(hint);
	if (choices)
		(void)fprintf(out, "(%s)", choices);
	else if (kind)
		(void)fprintf(out, "{_asof_names %s}", kind);
	else if (hint == ASOF_HINT_FILE)
		(void)fputs("_files", out);
	else if (hint == ASOF_HINT_DIR)
		(void)fputs("_files -/", out);
	else
		(void)fputc(' ', out);
}

static void
print_spec(const struct asof_option *option, const char *name, FILE *out)
{
	(void)fprintf(out, "'%s%s[", option->is_list ? "*" : "", name);
	print_text(option->about, out);
	(void)fputc(']', out);
	if (option->metavar) {
		(void)fputc(':', out);
		print_text(option->metavar, out);
		(void)fputc(':', out);
		print_action(option->hint, option->choices, out);
	}
	(void)fputs("'", out);
}

static void
print_options(struct asof_option_set set, const char *indent, FILE *out)
{
	for (size_t i = 0; i < set.count; i++) {
		const struct asof_option *option = &set.items[i];
		char name[64];
		(void)snprintf(name, sizeof(name), "--%s", option->name);
		(void)fputs(indent, out);
		print_spec(option, name, out);
		(void)fputs(" \\\n", out);
		if (!option->letter)
			continue;
		(void)snprintf(name, sizeof(name), "-%c", option->letter);
		(void)fputs(indent, out);
		print_spec(option, name, out);
		(void)fputs(" \\\n", out);
	}
}

static void
print_command(const struct asof_command *command, FILE *out)
{
	(void)fprintf(out, "\t%s)\n\t\t_arguments \\\n", command->name);
	print_options(command->options, "\t\t\t", out);
	(void)fputs("\t\t\t$global", out);
	if (command->words.max > 0) {
		(void)fprintf(out, " \\\n\t\t\t'%s:word:", command->words.max > 1 ? "*" : "1");
		print_action(command->words.hint, command->words.choices, out);
		(void)fputc('\'', out);
	}
	(void)fputs("\n\t\t;;\n", out);
}

void
asof_completion_zsh(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out,
		      "#compdef asof\n# zsh completion for %s; written by '%s completion zsh'.\n\n"
		      "_asof_names() {\n\tcompadd -- ${(f)\"$(asof names $1 2>/dev/null)\"}\n}\n\n"
		      "_asof() {\n\tlocal state line curcontext=$curcontext\n"
		      "\tlocal -a commands global\n\tcommands=(\n",
		      program->name, program->name);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (command->is_hidden)
			continue;
		(void)fprintf(out, "\t\t'%s:", command->name);
		print_text(command->summary, out);
		(void)fputs("'\n", out);
	}
	(void)fputs("\t)\n\tglobal=(\n", out);
	for (size_t i = 0; i < program->global.count; i++) {
		const struct asof_option *option = &program->global.items[i];
		char name[64];
		(void)snprintf(name, sizeof(name), "--%s", option->name);
		(void)fputs("\t\t", out);
		print_spec(option, name, out);
		if (option->letter) {
			(void)snprintf(name, sizeof(name), "-%c", option->letter);
			(void)fputs("\n\t\t", out);
			print_spec(option, name, out);
		}
		(void)fputc('\n', out);
	}
	(void)fputs("\t)\n"
		    "\t_arguments -C $global '1:command:->command' '*::word:->word'\n"
		    "\tif [[ $state == command ]]; then\n"
		    "\t\t_describe command commands\n"
		    "\t\treturn\n"
		    "\tfi\n"
		    "\tcase $line[1] in\n",
		    out);
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			print_command(program->commands[i], out);
	}
	(void)fputs("\tesac\n}\n\n_asof \"$@\"\n", out);
}
