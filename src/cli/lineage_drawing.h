/* lineage_drawing.h - the edges of a lineage as a drawing. */
#ifndef ASOF_CLI_LINEAGE_DRAWING_H
#define ASOF_CLI_LINEAGE_DRAWING_H

#include <stdio.h>

#include "codec/json_reader.h"

/* For Graphviz, and for Markdown pages. */
void asof_lineage_draw_dot(const struct asof_json *root, FILE *out);
void asof_lineage_draw_mermaid(const struct asof_json *root, FILE *out);

#endif
