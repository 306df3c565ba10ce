/* completion.h - completion scripts for shells, from the command table. Pure but for the stream. */
#ifndef ASOF_CLI_COMPLETION_H
#define ASOF_CLI_COMPLETION_H

#include <stdio.h>

#include "cli/command.h"

void asof_completion_bash(const struct asof_program *program, FILE *out);
void asof_completion_zsh(const struct asof_program *program, FILE *out);
void asof_completion_fish(const struct asof_program *program, FILE *out);

/* The kind of `asof names` that a hint asks for; NULL where it asks for none. */
const char *asof_hint_kind(enum asof_hint hint);

#endif
