/* exit_status.h - what the program's exit says. Pure. */
#ifndef ASOF_CLI_EXIT_STATUS_H
#define ASOF_CLI_EXIT_STATUS_H

#include "asof.h"

enum asof_exit {
	ASOF_EXIT_DONE = 0,
	ASOF_EXIT_FAILED = 1,    /* the world failed */
	ASOF_EXIT_WRONG = 2,     /* what the user wrote is wrong */
	ASOF_EXIT_DIFFERENT = 3, /* a check failed, or a difference was found */
	ASOF_EXIT_CONFLICT = 4,  /* it exists already, or changed meanwhile */
	ASOF_EXIT_INTERRUPTED = 130,
};

struct asof_exit_text {
	enum asof_exit code;
	const char *about;
};

/* Every code with its meaning, for help and manual. */
extern const struct asof_exit_text asof_exit_texts[6];

enum asof_exit asof_exit_of(enum asof_status status);
/* The status as a word for machines: "not_found". */
const char *asof_status_code(enum asof_status status);

#endif
