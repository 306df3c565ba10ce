/*
 * progress.h - the line on a terminal that shows how far a job is.
 *
 * Thread-safe: a job reports from a thread of its own. At most ten times a second something is
 * drawn; the width is asked for each time, so that a resized terminal is fine.
 */
#ifndef ASOF_CLI_PROGRESS_H
#define ASOF_CLI_PROGRESS_H

#include <stdatomic.h>

#include "base/base.h"
#include "cli/terminal.h"

#define ASOF_PROGRESS_STAGE_MAX 256

struct asof_progress {
	pthread_mutex_t lock; /* guards what follows */
	struct asof_terminal terminal;
	bool is_on;
	atomic_bool is_drawn; /* there is a line to erase; also read by a signal handler */
	int64_t drawn_us;     /* monotonic, of the last drawing; 0: none yet */
	int64_t stage_us;     /* when the stage began */
	char stage[ASOF_PROGRESS_STAGE_MAX];
};

/* Draws nothing unless `is_wanted` and the terminal can redraw. */
void asof_progress_init(struct asof_progress *progress, struct asof_terminal terminal,
			bool is_wanted);
/* The session's callback; `arg` is the progress. */
void asof_progress_report(void *arg, const char *stage, double fraction);
/* Erase the line, and draw none any more. */
void asof_progress_done(struct asof_progress *progress);
/* Erase the line. Safe in a signal handler. */
void asof_progress_erase(struct asof_progress *progress);

#endif
