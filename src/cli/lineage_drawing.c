#include "cli/lineage_drawing.h"

#include "cli/result.h"

/* What ends a quoted text, or is markup in one, is written as an entity; Graphviz knows them, too.
 */
static void
print_label(struct asof_str text, FILE *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '"' || c == '<' || c == '>' || c == '&' || c == '#' || c == '\\' ||
		    (unsigned char)c < 0x20)
			(void)fprintf(out, "&#%d;", (unsigned char)c);
		else
			(void)fputc(c, out);
	}
}

/* The thing's own role needs no words. */
static bool
is_value(struct asof_str role)
{
	return asof_str_equal(role, asof_str_from("value"));
}

void
asof_lineage_draw_dot(const struct asof_json *root, FILE *out)
{
	const struct asof_json *edges = asof_result_list(root, "edges");
	(void)fputs("digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n", out);
	for (size_t i = 0; i < edges->count; i++) {
		struct asof_str role = asof_result_str(&edges->items[i], "role");
		(void)fputs("  \"", out);
		print_label(asof_result_str(&edges->items[i], "from"), out);
		(void)fputs("\" -> \"", out);
		print_label(asof_result_str(&edges->items[i], "to"), out);
		if (is_value(role))
			(void)fputs("\";\n", out);
		else
			(void)fprintf(out, "\" [label=\"%.*s\", style=dashed];\n",
				      ASOF_STR_ARG(role));
	}
	(void)fputs("}\n", out);
}

/* The number of a name: of the first edge end that has it. */
static size_t
find_number(const struct asof_json *edges, struct asof_str name)
{
	for (size_t i = 0; i < edges->count; i++) {
		if (asof_str_equal(asof_result_str(&edges->items[i], "from"), name))
			return 2 * i;
		if (asof_str_equal(asof_result_str(&edges->items[i], "to"), name))
			return 2 * i + 1;
	}
	return 2 * edges->count;
}

static void
print_box(const struct asof_json *edges, struct asof_str name, FILE *out)
{
	(void)fprintf(out, "n%zu[\"", find_number(edges, name));
	print_label(name, out);
	(void)fputs("\"]", out);
}

void
asof_lineage_draw_mermaid(const struct asof_json *root, FILE *out)
{
	const struct asof_json *edges = asof_result_list(root, "edges");
	(void)fputs("graph LR\n", out);
	for (size_t i = 0; i < edges->count; i++) {
		struct asof_str role = asof_result_str(&edges->items[i], "role");
		(void)fputs("  ", out);
		print_box(edges, asof_result_str(&edges->items[i], "from"), out);
		if (is_value(role))
			(void)fputs(" --> ", out);
		else
			(void)fprintf(out, " -. %.*s .-> ", ASOF_STR_ARG(role));
		print_box(edges, asof_result_str(&edges->items[i], "to"), out);
		(void)fputc('\n', out);
	}
}
