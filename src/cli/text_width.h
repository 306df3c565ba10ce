/* text_width.h - how UTF-8 text stands on a terminal. Pure; independent of the locale. */
#ifndef ASOF_CLI_TEXT_WIDTH_H
#define ASOF_CLI_TEXT_WIDTH_H

#include "base/buf.h"

/* Columns that `text` takes: 2 per wide character, 0 per combining one. */
size_t asof_text_width(struct asof_str text);
/* Bytes of the longest prefix of whole characters that takes at most `width` columns. */
size_t asof_text_prefix(struct asof_str text, size_t width);
/* Append `text` with what could steer a terminal made visible: control characters as \n, \t or
 * \x1b, bytes that are not UTF-8 as \xff. */
void asof_text_clean(struct asof_str text, struct asof_buf *buf);

#endif
