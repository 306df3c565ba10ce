/* manual_man.c - asof.1, in man(7). */
#include "cli/exit_status.h"
#include "cli/manual.h"

/* Text as roff takes it: backslashes, dashes that stay dashes, lines that begin with a control
 * character, and blank lines as paragraphs. */
static void
print_roff(const char *text, FILE *out)
{
	bool is_at_start = true;
	for (const char *at = text; *at; at++) {
		if (is_at_start && *at == '\n') {
			(void)fputs(".PP", out);
		} else if (is_at_start && (*at == '.' || *at == '\'')) {
			(void)fputs("\\&", out);
		}
		if (*at == '\\')
			(void)fputs("\\e", out);
		else if (*at == '-')
			(void)fputs("\\-", out);
		else if (*at == '\'')
			(void)fputs("\\(aq", out);
		else
			(void)fputc(*at, out);
		is_at_start = *at == '\n';
	}
}

static void
print_option(const struct asof_option *option, FILE *out)
{
	(void)fputs(".TP\n", out);
	if (option->letter)
		(void)fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
	(void)fputs("\\fB", out);
	print_roff("--", out);
	print_roff(option->name, out);
	(void)fputs("\\fR", out);
	if (option->metavar) {
		(void)fputs(" \\fI", out);
		print_roff(option->metavar, out);
		(void)fputs("\\fR", out);
	}
	(void)fputc('\n', out);
	print_roff(option->about, out);
	(void)fputc('\n', out);
}

static void
print_command(const struct asof_program *program, const struct asof_command *command, FILE *out)
{
	(void)fputs(".SS ", out);
	print_roff(command->name, out);
	(void)fprintf(out, "\n.nf\n\\fB%s ", program->name);
	print_roff(command->name, out);
	(void)fputs("\\fR ", out);
	print_roff(command->usage, out);
	(void)fputs("\n.fi\n.PP\n", out);
	print_roff(command->about, out);
	(void)fputc('\n', out);
	for (size_t i = 0; i < command->options.count; i++)
		print_option(&command->options.items[i], out);
	(void)fputs(".PP\nExamples:\n.PP\n.RS 4\n.nf\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(command->examples); i++) {
		(void)fputs("# ", out);
		print_roff(command->examples[i].about, out);
		(void)fputc('\n', out);
		print_roff(command->examples[i].line, out);
		(void)fputc('\n', out);
	}
	(void)fputs(".fi\n.RE\n", out);
}

static void
print_rest(FILE *out)
{
	(void)fputs(".SH EXIT STATUS\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(asof_exit_texts); i++) {
		(void)fprintf(out, ".TP\n.B %d\n", (int)asof_exit_texts[i].code);
		print_roff(asof_exit_texts[i].about, out);
		(void)fputc('\n', out);
	}
	(void)fputs(
		".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colour, also on a terminal\n"
		".TP\n.B TERM\ndumb: no colour and no progress bar\n"
		".SH FILES\n.TP\n.I asof.yaml\nthe project; it names the files that it includes\n",
		out);
}

void
asof_manual_man(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out, ".TH ASOF 1 \"\" \"asof %s\" \"User Commands\"\n.SH NAME\n%s \\- ",
		      asof_version(), program->name);
	print_roff(program->summary, out);
	(void)fprintf(out,
		      "\n.SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIWORD\\fR..] [\\fIOPTION\\fR..]\n"
		      ".SH DESCRIPTION\n",
		      program->name);
	print_roff(program->about, out);
	(void)fputs("\n.SH OPTIONS\nThese go with every command, before or behind it.\n", out);
	for (size_t i = 0; i < program->global.count; i++)
		print_option(&program->global.items[i], out);
	(void)fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; i < program->command_count; i++) {
		if (!program->commands[i]->is_hidden)
			print_command(program, program->commands[i], out);
	}
	print_rest(out);
}
