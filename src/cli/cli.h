/* cli.h - one run of the program: what every command works with. One thread. */
#ifndef ASOF_CLI_H
#define ASOF_CLI_H

#include <stdio.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/result.h"

struct asof_cli {
	const struct asof_program *program;
	const struct asof_command *command; /* NULL before it is known */
	struct asof_arguments args;
	FILE *out; /* the answer */
	FILE *err; /* everything else */
	bool wants_json;
	bool is_quiet;
	struct asof_terminal out_terminal;
	struct asof_terminal err_terminal;
	struct asof_log log;
	unsigned threads;      /* 0: one per CPU */
	uint64_t memory_bytes; /* 0: the library's choice */
	const char *reason;    /* of --reason, where the command has it; NULL: none */
	struct asof_progress progress;
	struct asof_session *session; /* once opened */
};

/* Prints a parsed result for people. */
typedef enum asof_status asof_render_fn(struct asof_cli *cli, const struct asof_json *root,
					struct asof_error *err);

/* For the results that the library gives away: ASOF_AUTO(asof_text_free_auto) char *json = NULL; */
ASOF_DEFINE_AUTOFREE(char, asof_text_free)

#define ASOF_REASON_OPTION                                                      \
	{                                                                       \
		.name = "reason", .metavar = "R",                               \
		.about = "why: kept with the runs and versions that come of it" \
	}

/* Open the project, once; from then on an interrupt ends its jobs. cli->session is set. */
ASOF_NODISCARD enum asof_status asof_cli_open(struct asof_cli *cli, struct asof_error *err);
/* Text as a whole number of lines. */
void asof_cli_print(struct asof_cli *cli, const char *text);
/* What the user asked to see: `json` itself for machines, else rendered. */
ASOF_NODISCARD enum asof_status asof_cli_answer(struct asof_cli *cli, const char *json,
						asof_render_fn *render, struct asof_error *err);
/* What was done: the same, but quiet runs do without it unless a machine reads. */
ASOF_NODISCARD enum asof_status asof_cli_report(struct asof_cli *cli, const char *json,
						asof_render_fn *render, struct asof_error *err);
/* The result as pairs and tables. */
enum asof_status asof_cli_render(struct asof_cli *cli, const struct asof_json *root,
				 struct asof_error *err);

/* Say on cli->err why the run failed, in the form that was asked for. `is_usage`: the command line
 * itself is wrong. */
void asof_cli_explain(struct asof_cli *cli, const struct asof_error *err, bool is_usage);

/* A whole run; the exit code. */
int asof_cli_main(const struct asof_program *program, int argc, const char *const *argv);

#endif
