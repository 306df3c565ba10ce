/* pause.c - pauses between tries. */
#include "base/pause.h"

#include <sys/random.h>
#include <time.h>

#define DOUBLED_MAX 31
#define MS_PER_S    1000
#define NS_PER_MS   1000000

uint32_t
asof_pause_ms(struct asof_pause pause, unsigned retry, uint16_t random)
{
	uint64_t whole_ms = (uint64_t)pause.first_ms << (retry < DOUBLED_MAX ? retry : DOUBLED_MAX);
	whole_ms = whole_ms < pause.most_ms ? whole_ms : pause.most_ms;
	return (uint32_t)(whole_ms - (whole_ms / 2 * random >> 16));
}

void
asof_pause_before(struct asof_pause pause, unsigned retry)
{
	uint16_t random = 0; /* stays so where the kernel has none: then all wait for the whole */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	uint32_t ms = asof_pause_ms(pause, retry, random);
	struct timespec rest = { ms / MS_PER_S, (long)(ms % MS_PER_S) * NS_PER_MS };
	(void)nanosleep(&rest, NULL);
}
