/* pause.h - how long to wait before something is tried again. Thread-safe. */
#ifndef ASOF_PAUSE_H
#define ASOF_PAUSE_H

#include "base/base.h"

struct asof_pause {
	uint32_t first_ms; /* at least 1 */
	uint32_t most_ms;
};

/* Before the retry numbered `retry`, from 0: first_ms doubled so many times, most_ms at most, less
 * `random` 65536ths of its half, so that those who failed together do not meet again. */
uint32_t asof_pause_ms(struct asof_pause pause, unsigned retry, uint16_t random);
/* Wait that long; a signal ends it. */
void asof_pause_before(struct asof_pause pause, unsigned retry);

#endif
