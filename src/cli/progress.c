/* progress.c - the line on a terminal that shows how far a job is. */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/progress_line.h"

#define REDRAW_US      INT64_C(100000)
#define LINE_MAX_BYTES 4096

void
asof_progress_init(struct asof_progress *progress, struct asof_terminal terminal, bool is_wanted)
{
	*progress = (struct asof_progress){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.terminal = terminal,
		.is_on = is_wanted && terminal.can_redraw,
	};
}

/* A terminal that does not take it is no reason to fail. */
static void
write_line(const struct asof_progress *progress, const char *bytes, size_t len)
{
	ssize_t done = write(progress->terminal.fd, bytes, len);
	(void)done;
}

static void
draw(struct asof_progress *progress, double fraction, int64_t now_us)
{
	size_t width = asof_terminal_width(&progress->terminal);
	struct asof_progress_state state = {
		.stage = asof_str_from(progress->stage),
		.fraction = fraction,
		.elapsed_s = (double)(now_us - progress->stage_us) / 1e6,
	};
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(LINE_MAX_BYTES);
	asof_buf_add_char(&buf, '\r');
	/* The last column stays free: some terminals wrap there. */
	asof_progress_line(&state, width > 0 ? width - 1 : 0, progress->terminal.is_utf8, &buf);
	asof_buf_add_cstr(&buf, "\033[K");
	if (asof_buf_status(&buf, NULL) != ASOF_OK)
		return;
	atomic_store(&progress->is_drawn, true);
	write_line(progress, buf.ptr, buf.len);
}

/* What stands behind a colon is how far the stage is. */
static bool
is_same_stage(const char *a, const char *b)
{
	size_t len = strcspn(a, ":");
	return len == strcspn(b, ":") && strncmp(a, b, len) == 0;
}

void
asof_progress_report(void *arg, const char *stage, double fraction)
{
	struct asof_progress *progress = arg;
	ASOF_HOLD(held, &progress->lock);
	if (!progress->is_on)
		return;

	int64_t now_us = asof_monotonic_us();
	if (!is_same_stage(progress->stage, stage))
		progress->stage_us = now_us;
	(void)snprintf(progress->stage, sizeof(progress->stage), "%s", stage);
	if (progress->drawn_us != 0 && now_us - progress->drawn_us < REDRAW_US)
		return;
	progress->drawn_us = now_us;
	draw(progress, fraction, now_us);
}

void
asof_progress_erase(struct asof_progress *progress)
{
	static const char erase[] = "\r\033[K";
	if (atomic_exchange(&progress->is_drawn, false))
		write_line(progress, erase, sizeof(erase) - 1);
}

void
asof_progress_done(struct asof_progress *progress)
{
	ASOF_HOLD(held, &progress->lock);
	progress->is_on = false;
	asof_progress_erase(progress);
}
