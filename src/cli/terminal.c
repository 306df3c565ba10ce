/* terminal.c - what a stream can show. */
#include "cli/terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_UNKNOWN 80

static bool
env_is_set(const char *name)
{
	const char *value = getenv(name);
	return value && *value;
}

struct asof_terminal
asof_terminal_of(int fd)
{
	const char *kind = getenv("TERM");
	bool is_dumb = !kind || !*kind || strcmp(kind, "dumb") == 0;
	bool is_terminal = isatty(fd) == 1;
	return (struct asof_terminal){
		.fd = fd,
		.is_terminal = is_terminal,
		.has_colour = is_terminal && !is_dumb && !env_is_set("NO_COLOR"),
		.can_redraw = is_terminal && !is_dumb,
		.is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

size_t
asof_terminal_width(const struct asof_terminal *terminal)
{
	if (!terminal->is_terminal)
		return 0;
	struct winsize size = { 0 };
	if (ioctl(terminal->fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return WIDTH_UNKNOWN;
	return size.ws_col;
}

struct asof_text_style
asof_terminal_style(const struct asof_terminal *terminal)
{
	return (struct asof_text_style){
		.width = asof_terminal_width(terminal),
		.has_colour = terminal->has_colour,
		.is_utf8 = terminal->is_utf8,
	};
}
