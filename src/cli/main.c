/* main.c - the program `asof`. */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "cli/cli.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"

/* A closed standard stream would give its number to the next file that is opened, which would then
 * be printed into. What takes its place refuses: a closed stdout shows as an error when flushed. */
static void
hold_standard_streams(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_WRONLY };
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			(void)open("/dev/null", flags[fd]);
	}
}

int
main(int argc, char **argv)
{
	hold_standard_streams();
	/* Only what characters are: numbers are written the same everywhere. */
	(void)setlocale(LC_CTYPE, "");
	asof_interrupt_install();
	struct asof_error err = { 0 };
	if (asof_fault_arm_from_env(&err) != ASOF_OK) {
		(void)fprintf(stderr, "asof: ASOF_FAULT: %s\n", err.message);
		return ASOF_EXIT_WRONG;
	}
	return asof_cli_main(&asof_program, argc, (const char *const *)argv);
}
