/* progress_line.c - one line that says how far a job is. */
#include "cli/progress_line.h"

#include <stdio.h>

#include "cli/human.h"
#include "cli/text_width.h"

#define BAR_MAX       30
#define BAR_LEAST     6
#define STAGE_LEAST   10
#define BRACKETS      4   /* two spaces and the brackets */
#define LEFT_AFTER_S  1.0 /* an estimate before that is a guess */
#define LEFT_FRACTION 0.01

static void
add_bar(size_t cells, double fraction, bool is_utf8, struct asof_buf *buf)
{
	size_t full = (size_t)(fraction * (double)cells);
	asof_buf_add_cstr(buf, "  [");
	for (size_t i = 0; i < cells; i++) {
		if (is_utf8)
			asof_buf_add_cstr(buf, i < full ? "\u2588" : "\u2591");
		else
			asof_buf_add_char(buf, i < full ? '#' : '-');
	}
	asof_buf_add_char(buf, ']');
}

/* "  52%  3.1 s  left 2.9 s" */
static int
put_figures(const struct asof_progress_state *state, double fraction, char *out, size_t size)
{
	struct asof_human elapsed = asof_human_seconds(state->elapsed_s);
	if (fraction < 0)
		return snprintf(out, size, "  %s", elapsed.text);
	int percent = (int)(fraction * 100);
	if (fraction < LEFT_FRACTION || state->elapsed_s < LEFT_AFTER_S)
		return snprintf(out, size, "  %3d%%  %s", percent, elapsed.text);
	struct asof_human left = asof_human_seconds(state->elapsed_s * (1 - fraction) / fraction);
	return snprintf(out, size, "  %3d%%  %s  left %s", percent, elapsed.text, left.text);
}

void
asof_progress_line(const struct asof_progress_state *state, size_t width, bool is_utf8,
		   struct asof_buf *buf)
{
	double fraction = state->fraction > 1 ? 1 : state->fraction;
	if (!(fraction >= 0))
		fraction = -1;
	char figures[2 * ASOF_HUMAN_MAX + 32];
	size_t figure_len = (size_t)put_figures(state, fraction, figures, sizeof(figures));

	ASOF_AUTO(asof_buf_done) struct asof_buf stage = ASOF_BUF(4096);
	asof_text_clean(state->stage, &stage);
	struct asof_str name = asof_buf_view(&stage);
	size_t stage_width = asof_text_width(name);
	if (figure_len + STAGE_LEAST > width)
		figure_len = 0;
	size_t room = width - figure_len;
	if (stage_width > room) {
		name.len = asof_text_prefix(name, room);
		stage_width = asof_text_width(name);
	}
	asof_buf_add_str(buf, name);
	if (fraction >= 0 && room - stage_width >= BRACKETS + BAR_LEAST) {
		size_t cells = room - stage_width - BRACKETS;
		add_bar(cells < BAR_MAX ? cells : BAR_MAX, fraction, is_utf8, buf);
	}
	asof_buf_add(buf, figures, figure_len);
}
