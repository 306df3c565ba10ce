/* suggest.h - the nearest known name, for error messages. Pure. */
#ifndef ASOF_SUGGEST_H
#define ASOF_SUGGEST_H

#include "base/base.h"

/* The one of `names` that is nearest to `name` by edit distance (transpositions count 1, case
 * counts half), or NULL where none is near enough (distance > max(1, len / 3)). Ties: the first. */
const char *asof_suggest(struct asof_str name, const char *const *names, size_t name_count);

#endif
