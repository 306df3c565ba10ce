/* human.h - figures as people read them. Pure. */
#ifndef ASOF_CLI_HUMAN_H
#define ASOF_CLI_HUMAN_H

#include "base/base.h"

#define ASOF_HUMAN_MAX 48

struct asof_human {
	char text[ASOF_HUMAN_MAX];
};

/* "1,234,567" */
struct asof_human asof_human_count(int64_t count);
/* "1,234 rows", "1 row": `noun` takes an s unless there is one of it. */
struct asof_human asof_human_counted(int64_t count, const char *noun);
/* "999 B", "12.3 MB": units of 1000. */
struct asof_human asof_human_bytes(int64_t bytes);
/* "3 ms", "0.42 s", "12.3 s", "2 min 3 s", "1 h 2 min" */
struct asof_human asof_human_seconds(double seconds);

#endif
