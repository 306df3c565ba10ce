/* utf8.h - whether bytes are UTF-8 text. Pure. */
#ifndef ASOF_UTF8_H
#define ASOF_UTF8_H

#include "base/base.h"

/* Length of the longest valid prefix: equals text.len when all of it is valid (no surrogates, no
 * overlong forms). */
size_t asof_utf8_valid_prefix(struct asof_str text);

#endif
