/* yaml_text.h - what a text must be before a YAML parser may see it. Pure. */
#ifndef ASOF_DEFINE_YAML_TEXT_H
#define ASOF_DEFINE_YAML_TEXT_H

#include "base/base.h"

/* A fault in a text; message is NULL where there is none. line and column count from 1. */
struct asof_yaml_fault {
	const char *message;
	uint32_t line;
	uint32_t column;
};

/* Too large, no UTF-8, a NUL; and directives, runs of tabs or tags so long that the parser would
 * take quadratic time. */
struct asof_yaml_fault asof_yaml_check_text(struct asof_str text);
/* The first line beside `near_line` (the one before it, itself, the next) indented with a tab. */
struct asof_yaml_fault asof_yaml_find_tab(struct asof_str text, uint32_t near_line);

#endif
