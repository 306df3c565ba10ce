/* completion_fish.c - completion for fish. */
#include "cli/completion.h"

/* Text in single quotes. */
static void
print_text(const char *text, FILE *out)
{
	for (const char *at = text; *at; at++) {
		if (*at == '\'' || *at == '\\')
			(void)fputc('\\', out);
		(void)fputc(*at, out);
	}
}

static void
print_arguments(enum asof_hint hint, const char *choices, FILE *out)
{
	const char *kind = asof_hint_kind(hint);
	if (choices)
		(void)fprintf(out, " -f -a '%s'", choices);
	else if (kind)
		(void)fprintf(out, " -f -a '(asof names %s 2>/dev/null)'", kind);
	else if (hint == ASOF_HINT_FILE)
		(void)fputs(" -F", out);
	else if (hint == ASOF_HINT_DIR)
		(void)fputs(" -f -a '(__fish_complete_directories)'", out);
	else
		(void)fputs(" -f", out);
}

static void
print_options(const char *condition, struct asof_option_set set, FILE *out)
{
	for (size_t i = 0; i < set.count; i++) {
		const struct asof_option *option = &set.items[i];
		(void)fprintf(out, "complete -c asof%s -l %s", condition, option->name);
		if (option->letter)
			(void)fprintf(out, " -s %c", option->letter);
		if (option->metavar) {
			(void)fputs(" -r", out);
			print_arguments(option->hint, option->choices, out);
		}
		(void)fputs(" -d '", out);
		print_text(option->about, out);
		(void)fputs("'\n", out);
	}
}

void
asof_completion_fish(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out,
		      "# fish completion for %s; written by '%s completion fish'.\n\n"
		      "complete -c asof -f\n",
		      program->name, program->name);
	print_options("", program->global, out);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (command->is_hidden)
			continue;
		(void)fprintf(out, "\ncomplete -c asof -n __fish_use_subcommand -a %s -d '",
			      command->name);
		print_text(command->summary, out);
		(void)fputs("'\n", out);
		char condition[96];
		(void)snprintf(condition, sizeof(condition), " -n '__fish_seen_subcommand_from %s'",
			       command->name);
		print_options(condition, command->options, out);
		if (command->words.hint == ASOF_HINT_NONE)
			continue;
		(void)fprintf(out, "complete -c asof%s", condition);
		print_arguments(command->words.hint, command->words.choices, out);
		(void)fputc('\n', out);
	}
}
