/* help.c - what --help prints. */
#include "cli/help.h"

#include "cli/exit_status.h"

#define LABEL_MAX 64

void
asof_option_label(const struct asof_option *option, struct asof_buf *buf)
{
	if (option->letter)
		asof_buf_printf(buf, "-%c, ", option->letter);
	else
		asof_buf_add_cstr(buf, "    ");
	asof_buf_printf(buf, "--%s", option->name);
	if (option->metavar)
		asof_buf_printf(buf, " %s", option->metavar);
}

static void
print_options(const char *title, struct asof_option_set set, FILE *out)
{
	if (set.count == 0)
		return;
	size_t width = 0;
	for (size_t i = 0; i < set.count; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf label = ASOF_BUF(LABEL_MAX);
		asof_option_label(&set.items[i], &label);
		width = label.len > width ? label.len : width;
	}
	(void)fprintf(out, "\n%s:\n", title);
	for (size_t i = 0; i < set.count; i++) {
		ASOF_AUTO(asof_buf_done) struct asof_buf label = ASOF_BUF(LABEL_MAX);
		asof_option_label(&set.items[i], &label);
		(void)fprintf(out, "  %-*s  %s\n", (int)width, asof_buf_cstr(&label),
			      set.items[i].about);
	}
}

static void
print_exits(FILE *out)
{
	(void)fputs("\nexit status:\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(asof_exit_texts); i++)
		(void)fprintf(out, "  %3d  %s\n", (int)asof_exit_texts[i].code,
			      asof_exit_texts[i].about);
}

void
asof_help_command(const struct asof_program *program, const struct asof_command *command, FILE *out)
{
	(void)fprintf(out, "usage: %s %s%s%s [OPTION..]\n\n%s\n", program->name, command->name,
		      *command->usage ? " " : "", command->usage, command->about);
	print_options("options", command->options, out);
	print_options("options of every command", program->global, out);
	(void)fputs("\nexamples:\n", out);
	for (size_t i = 0; i < ASOF_COUNTOF(command->examples); i++)
		(void)fprintf(out, "  %s\n      %s\n", command->examples[i].line,
			      command->examples[i].about);
	print_exits(out);
}

void
asof_help_program(const struct asof_program *program, FILE *out)
{
	(void)fprintf(out, "usage: %s COMMAND [WORD..] [OPTION..]\n\n%s - %s\n\ncommands:\n",
		      program->name, program->name, program->summary);
	size_t width = 0;
	for (size_t i = 0; i < program->command_count; i++) {
		size_t len = strlen(program->commands[i]->name);
		width = len > width ? len : width;
	}
	for (size_t i = 0; i < program->command_count; i++) {
		const struct asof_command *command = program->commands[i];
		if (!command->is_hidden)
			(void)fprintf(out, "  %-*s  %s\n", (int)width, command->name,
				      command->summary);
	}
	print_options("options of every command", program->global, out);
	print_exits(out);
	(void)fprintf(out, "\n'%s COMMAND --help' explains a command.\n", program->name);
}
