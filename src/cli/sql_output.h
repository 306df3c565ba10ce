/*
 * sql_output.h - rows of a query as they arrive: a table, CSV or one JSON document.
 *
 * CSV is RFC 4180 with LF; NULL is an empty field, the empty text a quoted one. JSON is {"columns":
 * [{"name", "type"}], "rows": [{name: value}]}. One thread at a time.
 */
#ifndef ASOF_CLI_SQL_OUTPUT_H
#define ASOF_CLI_SQL_OUTPUT_H

#include "cli/text_table.h"

enum asof_sql_form { ASOF_SQL_TABLE, ASOF_SQL_CSV, ASOF_SQL_JSON };

struct asof_sql_output {
	enum asof_sql_form form;
	struct asof_text_style style; /* of a table */
	FILE *out;
	struct asof_arena arena; /* of the names */
	struct asof_arena row;   /* of one row at a time */
	const char **names;      /* each once */
	size_t column_count;
	size_t row_count;
	struct asof_text_table table;
};

void asof_sql_output_done(struct asof_sql_output *output);
/* The three parts of a result, in this order. A stream that takes no more is ASOF_IO. */
ASOF_NODISCARD enum asof_status asof_sql_output_columns(struct asof_sql_output *output,
							const char *const *names,
							const char *const *types, size_t count,
							struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_sql_output_row(struct asof_sql_output *output,
						    const char *const *json, size_t count,
						    struct asof_error *err);
void asof_sql_output_end(struct asof_sql_output *output);

#endif
