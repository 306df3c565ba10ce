/* run.c - a whole run: read the command line, run the command, say how it went. */
#include "cli/cli.h"

#include <errno.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "cli/help.h"
#include "cli/interrupt.h"

#define THREADS_MAX 1024

static void
erase_progress(void *progress)
{
	asof_progress_erase(progress);
}

/* The options that say how everything that follows is told. */
static void
read_form(struct asof_cli *cli)
{
	const struct asof_arguments *args = &cli->args;
	const char *format = asof_arguments_value(args, "log-format");
	bool is_verbose = asof_arguments_has(args, "verbose");
	cli->wants_json = asof_arguments_has(args, "json");
	cli->is_quiet = asof_arguments_has(args, "quiet");
	cli->log.is_json = format && strcmp(format, "json") == 0;
	cli->log.level = is_verbose      ? ASOF_LOG_DEBUG
			 : cli->is_quiet ? ASOF_LOG_ERROR
					 : ASOF_LOG_INFO;
	asof_progress_init(&cli->progress, cli->err_terminal, !cli->is_quiet);
	asof_interrupt_erase_with(erase_progress, &cli->progress);
}

static enum asof_status
read_limits(struct asof_cli *cli, struct asof_error *err)
{
	uint64_t threads = 0;
	ASOF_TRY(asof_arguments_count(&cli->args, "threads", 1, THREADS_MAX, 0, &threads, err));
	cli->threads = (unsigned)threads;
	const char *memory = asof_arguments_value(&cli->args, "memory");
	if (memory) {
		enum asof_status status = asof_size_parse_text(memory, &cli->memory_bytes, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "option '--memory'");
		if (cli->memory_bytes == 0)
			return ASOF_FAIL(err, ASOF_INVALID, "option '--memory': '%s' is nothing",
					 memory);
	}
	return ASOF_OK;
}

/* As if the program had been started in -C's directory. */
static enum asof_status
change_directory(struct asof_cli *cli, struct asof_error *err)
{
	const char *dir = asof_arguments_value(&cli->args, "directory");
	if (!dir || chdir(dir) == 0)
		return ASOF_OK;
	enum asof_status status = errno == ENOENT || errno == ENOTDIR ? ASOF_NOT_FOUND : ASOF_IO;
	return ASOF_FAIL(err, status, "option '-C': directory '%s': %s", dir, strerror(errno));
}

/* Whether --help or --version is all that is wanted: then it is printed. */
static bool
print_about(struct asof_cli *cli)
{
	bool wants_help = asof_arguments_has(&cli->args, "help");
	bool wants_version = asof_arguments_has(&cli->args, "version");
	if (wants_help && cli->command)
		asof_help_command(cli->program, cli->command, cli->out);
	else if (wants_help)
		asof_help_program(cli->program, cli->out);
	else if (wants_version)
		(void)fprintf(cli->out, "%s %s\n", cli->program->name, asof_version());
	return wants_help || wants_version;
}

/* Everything up to the command's own work. *ret_is_done: --help or --version was all. */
static enum asof_status
read_command_line(struct asof_cli *cli, int argc, const char *const *argv, bool *ret_is_done,
		  struct asof_error *err)
{
	struct asof_arguments *args = &cli->args;
	ASOF_TRY(asof_arguments_begin(args, cli->program->global, argc, argv, err));
	if (args->word_count == 0) {
		*ret_is_done = print_about(cli);
		return *ret_is_done ? ASOF_OK : ASOF_FAIL(err, ASOF_INVALID, "no command");
	}
	cli->command = asof_program_find(cli->program, args->words[0]);
	if (!cli->command)
		return asof_program_fail_unknown(cli->program, args->words[0], err);
	ASOF_TRY(asof_arguments_finish(args, cli->command->options, err));
	*ret_is_done = print_about(cli);
	if (*ret_is_done)
		return ASOF_OK;
	ASOF_TRY(asof_command_check_words(cli->command, args->words, args->word_count, err));
	return read_limits(cli, err);
}

/* Whether a machine reads, told from arguments that could not be understood. */
static bool
asks_for_json(int argc, const char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

static enum asof_status
run_command(struct asof_cli *cli, struct asof_error *err)
{
	ASOF_TRY(change_directory(cli, err));
	return cli->command->run(cli, err);
}

/* Whether everything printed has arrived. A reader that has gone away needs no message. */
static bool
finish_output(struct asof_cli *cli)
{
	bool is_written = fflush(cli->out) == 0 && ferror(cli->out) == 0;
	return fclose(cli->out) == 0 && is_written;
}

static void
cli_done(struct asof_cli *cli)
{
	asof_session_close(cli->session);
	asof_arguments_done(&cli->args);
}

static enum asof_exit
run_all(struct asof_cli *cli, int argc, const char *const *argv)
{
	struct asof_error err = { 0 };
	bool is_done = false;
	enum asof_status status = read_command_line(cli, argc, argv, &is_done, &err);
	if (status != ASOF_OK) {
		cli->wants_json = asks_for_json(argc, argv);
		if (argc <= 1)
			asof_help_program(cli->program, cli->err);
		else
			asof_cli_explain(cli, &err, true);
		return asof_exit_of(status);
	}
	if (is_done)
		return ASOF_EXIT_DONE;
	read_form(cli);
	status = run_command(cli, &err);
	asof_progress_done(&cli->progress);
	/* Cancelled: the deadline stays, since closing may take its time too. */
	if (status != ASOF_CANCELLED)
		asof_interrupt_unwatch();
	if (status != ASOF_OK && !ferror(cli->out))
		asof_cli_explain(cli, &err, false);
	return asof_exit_of(status);
}

int
asof_cli_main(const struct asof_program *program, int argc, const char *const *argv)
{
	struct asof_cli cli = {
		.program = program,
		.out = stdout,
		.err = stderr,
		.out_terminal = asof_terminal_of(STDOUT_FILENO),
		.err_terminal = asof_terminal_of(STDERR_FILENO),
		.log = { .fd = STDERR_FILENO, .level = ASOF_LOG_INFO },
	};
	enum asof_exit code = run_all(&cli, argc, argv);
	bool is_written = finish_output(&cli);
	cli_done(&cli);
	return is_written || code == ASOF_EXIT_INTERRUPTED ? (int)code : ASOF_EXIT_FAILED;
}
