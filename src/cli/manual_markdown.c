/* manual_markdown.c - docs/reference/cli.md. */
#include "cli/exit_status.h"
#include "cli/manual.h"

/* Text in a table's cell or a paragraph: what Markdown would take for its own is escaped. */
static void
print_text(const char *text, FILE *out)
{
	for (const char *at = text; *at; at++) {
		if (strchr("|*_<>[]\\`", *at))
			(void)fputc('\\', out);
		(void)fputc(*at, out);
	}
}

static void
print_options(struct asof_option_set set, FILE *out)
{
	(void)fputs("| option | |\n|---|---|\n", out);
	for (size_t i = 0; i < set.count; i++) {
		const struct asof_option *option = &set.items[i];
		(void)fputs("| `", out);
		if (option->letter)
			(void)fprintf(out, "-%c`, `", option->letter);
		(void)fprintf(out, "--%s", option->name);
		/* A bar ends a cell, even in code. */
		for (const char *at = option->metavar ? option->metavar : ""; *at; at++)
			(void)fprintf(out, "%s%s%c", at == option->metavar ? " " : "",
				      *at == '|' ? "\\" : "", *at);
		(void)fputs("` | ", out);
		print_text(option->about, out);
		(void)fputs(" |\n", out);
	}
	(void)fputc('\n', out);
}

static void
print_command(const struct asof_program *program, const struct asof_command *command, FILE *out)
{
	(void)fprintf(out, "## %s\n\n", command->name);
	(void)fprintf(out, "```\n%s %s%s%s\n```\n\n", program->name, command->name,
		      *command->usage ? " " : "", command->usage);
	print_text(command->about, out);
	(void)fputs("\n\n", out);
	if (command->options.count > 0)
		print_options(command->options, out);
	(void)fputs("```sh\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(command->examples); i++)
		(void)fprintf(out, "# %s\n%s\n", command->examples[i].about,
			      command->examples[i].line);
	(void)fputs("```\n\n", out);
}

void
asof_manual_markdown(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out,
		      "# The program\n\nWritten by `%s manual markdown`; the same as "
		      "`%s COMMAND --help` and `man %s`.\n\n",
		      program->name, program->name, program->name);
	print_text(program->about, out);
	(void)fputs("\n\n| command | |\n|---|---|\n", out);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (command->is_hidden)
			continue;
		(void)fprintf(out, "| [`%s`](#%s) | ", command->name, command->name);
		print_text(command->summary, out);
		(void)fputs(" |\n", out);
	}
	(void)fputs("\n## Options of every command\n\nBefore or behind the command.\n\n", out);
	print_options(program->global, out);
	(void)fputs("## Exit status\n\n| status | |\n|---|---|\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(asof_exit_texts); i++) {
		(void)fprintf(out, "| %d | ", (int)asof_exit_texts[i].code);
		print_text(asof_exit_texts[i].about, out);
		(void)fputs(" |\n", out);
	}
	(void)fputs(
		"\nAn answer is on standard output, everything else on standard error. With "
		"`--json` an error is\n`{\"error\": {\"code\": \"..\", \"message\": \"..\"}}` "
		"there, "
		"with `mistakes`, a list of\n`file:line:column: message`, where definitions are "
		"wrong.\n\n",
		out);
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			print_command(program, program->commands[i], out);
	}
}
