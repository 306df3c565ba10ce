/* clock_text.c - a clock as users write it. */
#include "cli/clock_text.h"

#include <stdio.h>

#define CLOCK_TEXT_MAX 80

enum asof_status
asof_clock_text_parse(const char *text, struct asof_reader_options *ret_options,
		      struct asof_error *err)
{
	size_t len = strlen(text);
	bool is_held = len > 0 && text[len - 1] == '!';
	char time[CLOCK_TEXT_MAX];
	if (len >= sizeof(time))
		return ASOF_FAIL(err, ASOF_INVALID, "'%.60s...' is not a time", text);
	(void)snprintf(time, sizeof(time), "%.*s", (int)(len - is_held), text);
	int64_t clock_us = 0;
	ASOF_TRY(asof_time_parse(time, &clock_us, err));
	ret_options->has_clock = true;
	ret_options->clock_us = clock_us;
	ret_options->is_clock_held = is_held;
	return ASOF_OK;
}
