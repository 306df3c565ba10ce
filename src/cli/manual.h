/* manual.h - the manual page and the reference page, from the command table. Pure but for the
 * stream. */
#ifndef ASOF_CLI_MANUAL_H
#define ASOF_CLI_MANUAL_H

#include <stdio.h>

#include "cli/command.h"

/* asof.1, in man(7). */
void asof_manual_man(const struct asof_program *program, FILE *out);
/* docs/reference/cli.md */
void asof_manual_markdown(const struct asof_program *program, FILE *out);

#endif
