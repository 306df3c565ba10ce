/* test_progress.c - progress on a terminal, from several threads. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/progress.h"

#define REPORTS 2000

struct ends {
	int read_fd;
	int write_fd;
};

static struct ends
make_pipe(void)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	return (struct ends){ fds[0], fds[1] };
}

static size_t
drain(struct ends ends, char *out, size_t size)
{
	ssize_t len = read(ends.read_fd, out, size - 1);
	len = len < 0 ? 0 : len;
	out[len] = '\0';
	return (size_t)len;
}

static size_t
count(const char *text, const char *what)
{
	size_t found = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		found++;
	return found;
}

/* A pipe that claims to be a terminal: its width is unknown, 80 columns. */
static struct asof_terminal
terminal_of(struct ends ends)
{
	return (struct asof_terminal){ .fd = ends.write_fd,
				       .is_terminal = true,
				       .can_redraw = true };
}

static void
what_cannot_redraw_gets_nothing(void **state)
{
	(void)state;
	struct ends ends = make_pipe();
	struct asof_terminal terminal = terminal_of(ends);
	char out[4096];
	struct asof_progress progress;
	asof_progress_init(&progress, terminal, false);
	asof_progress_report(&progress, "build", 0.5);
	asof_progress_done(&progress);
	terminal.can_redraw = false;
	asof_progress_init(&progress, terminal, true);
	asof_progress_report(&progress, "build", 0.5);
	asof_progress_done(&progress);
	assert_int_equal(drain(ends, out, sizeof(out)), 0);
	close(ends.read_fd);
	close(ends.write_fd);
}

static void
a_line_is_erased_when_done_and_never_comes_again(void **state)
{
	(void)state;
	struct ends ends = make_pipe();
	char out[4096];
	struct asof_progress progress;
	asof_progress_init(&progress, terminal_of(ends), true);
	asof_progress_report(&progress, "build 'v'", 0.5);
	asof_progress_done(&progress);
	asof_progress_report(&progress, "build 'w'", 0.6);
	asof_progress_done(&progress);
	drain(ends, out, sizeof(out));
	assert_int_equal(strncmp(out, "\rbuild 'v'", 10), 0);
	assert_non_null(strstr(out, " 50%"));
	assert_null(strstr(out, "'w'"));
	static const char end[] = "\033[K\r\033[K";
	assert_string_equal(out + strlen(out) - strlen(end), end);
	close(ends.read_fd);
	close(ends.write_fd);
}

static void *
report_much(void *progress)
{
	for (int i = 0; i < REPORTS; i++)
		asof_progress_report(progress, i % 2 ? "one" : "two", (double)i / REPORTS);
	return NULL;
}

static void
reports_of_several_threads_are_drawn_at_most_ten_times_a_second(void **state)
{
	(void)state;
	struct ends ends = make_pipe();
	static char out[65536];
	struct asof_progress progress;
	asof_progress_init(&progress, terminal_of(ends), true);
	int64_t began_us = asof_monotonic_us();
	pthread_t threads[4];
	for (size_t i = 0; i < ASOF_COUNTOF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, report_much, &progress), 0);
	for (size_t i = 0; i < ASOF_COUNTOF(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	int64_t tenths = (asof_monotonic_us() - began_us) / 100000;
	asof_progress_done(&progress);
	drain(ends, out, sizeof(out));
	size_t drawn = count(out, "%");
	assert_true(drawn >= 1);
	assert_true(drawn <= (size_t)tenths + 1);
	close(ends.read_fd);
	close(ends.write_fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_redraw_gets_nothing),
		cmocka_unit_test(a_line_is_erased_when_done_and_never_comes_again),
		cmocka_unit_test(reports_of_several_threads_are_drawn_at_most_ten_times_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
