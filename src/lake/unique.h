/* unique.h - names that nobody else has. Thread-safe. */
#ifndef ASOF_LAKE_UNIQUE_H
#define ASOF_LAKE_UNIQUE_H

#include "base/base.h"

#define ASOF_UNIQUE_TEXT_MAX 37

/* A random UUID (version 4) in lower case, with NUL. */
ASOF_NODISCARD enum asof_status asof_unique_text(char out[ASOF_UNIQUE_TEXT_MAX],
						 struct asof_error *err);

#endif
