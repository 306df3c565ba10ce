/* terminal.h - what a stream can show. */
#ifndef ASOF_CLI_TERMINAL_H
#define ASOF_CLI_TERMINAL_H

#include "base/base.h"
#include "cli/text_table.h"

/* Immutable once made. */
struct asof_terminal {
	int fd;
	bool is_terminal;
	bool has_colour; /* a terminal, and neither NO_COLOR nor TERM=dumb */
	bool can_redraw; /* a terminal that moves its cursor */
	bool is_utf8;
};

/* Reads the environment and LC_CTYPE. */
struct asof_terminal asof_terminal_of(int fd);
/* Columns right now; 0 where it is no terminal. */
size_t asof_terminal_width(const struct asof_terminal *terminal);
/* The same as a table's style. */
struct asof_text_style asof_terminal_style(const struct asof_terminal *terminal);

#endif
