/* help.h - what --help prints, from the command table. Pure but for the stream. */
#ifndef ASOF_CLI_HELP_H
#define ASOF_CLI_HELP_H

#include <stdio.h>

#include "base/buf.h"
#include "cli/command.h"

void asof_help_program(const struct asof_program *program, FILE *out);
void asof_help_command(const struct asof_program *program, const struct asof_command *command,
		       FILE *out);
/* "-q, --quiet" or "    --tag T", as help and manual show an option. */
void asof_option_label(const struct asof_option *option, struct asof_buf *buf);

#endif
