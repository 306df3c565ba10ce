/* commands.c - the program: its commands and the options of every command. */
#include "cli/commands.h"

static const struct asof_command *const commands[] = {
	&asof_command_init,        &asof_command_plan,       &asof_command_apply,
	&asof_command_build,       &asof_command_join,       &asof_command_explain,
	&asof_command_materialize, &asof_command_get,        &asof_command_serve,
	&asof_command_list,        &asof_command_show,       &asof_command_rollback,
	&asof_command_diff,        &asof_command_search,     &asof_command_lineage,
	&asof_command_sql,         &asof_command_validate,   &asof_command_compact,
	&asof_command_vacuum,      &asof_command_doctor,     &asof_command_schema,
	&asof_command_version,     &asof_command_completion, &asof_command_manual,
	&asof_command_names,
};

static const struct asof_option global[] = {
	{ .name = "directory",
	  .letter = 'C',
	  .metavar = "DIR",
	  .about = "run as if started in DIR, where asof.yaml is",
	  .hint = ASOF_HINT_DIR },
	{ .name = "profile", .metavar = "NAME", .about = "use the overrides of this profile" },
	{ .name = "json", .about = "one JSON document on standard output; errors as JSON too" },
	{ .name = "quiet", .letter = 'q', .about = "no progress, no summary; only errors" },
	{ .name = "verbose", .letter = 'v', .about = "log in detail" },
	{ .name = "log-format",
	  .metavar = "FORMAT",
	  .about = "text or json lines on standard error",
	  .hint = ASOF_HINT_CHOICE,
	  .choices = "text json" },
	{ .name = "threads", .metavar = "N", .about = "use N threads (default: one per CPU)" },
	{ .name = "memory",
	  .metavar = "SIZE",
	  .about = "use at most SIZE of memory, like 4GiB (default: 80 % of the machine's)" },
	{ .name = "help", .letter = 'h', .about = "explain the command" },
	{ .name = "version", .about = "print the version" },
};

const struct asof_program asof_program = {
	.name = "asof",
	.summary = "machine-learning features that are right in time",
	.about = "asof turns tables into features that are right in time: computed once, the same "
		 "in training\nand in serving, and versioned. A project is a directory with an "
		 "asof.yaml and the files that\nit includes; every command works on the project in "
		 "the working directory, or in -C's.",
	.commands = commands,
	.command_count = ASOF_COUNTOF(commands),
	.global = ASOF_OPTION_SET(global),
};
