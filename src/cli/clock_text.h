/* clock_text.h - "T", a clock that runs from T, or "T!", one that stands there. Pure. */
#ifndef ASOF_CLI_CLOCK_TEXT_H
#define ASOF_CLI_CLOCK_TEXT_H

#include "base/base.h"

/* Sets has_clock, clock_us and is_clock_held. */
ASOF_NODISCARD enum asof_status asof_clock_text_parse(const char *text,
						      struct asof_reader_options *ret_options,
						      struct asof_error *err);

#endif
