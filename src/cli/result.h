/*
 * result.h - reading the JSON results of the library to print them for people.
 *
 * What is absent, or of another kind, reads as empty: a result that has grown is no reason to fail.
 */
#ifndef ASOF_CLI_RESULT_H
#define ASOF_CLI_RESULT_H

#include "cli/text_table.h"
#include "codec/json_reader.h"

/* The text of a string or number; "" otherwise. */
struct asof_str asof_result_str(const struct asof_json *object, const char *name);
int64_t asof_result_int(const struct asof_json *object, const char *name);
double asof_result_double(const struct asof_json *object, const char *name);
bool asof_result_bool(const struct asof_json *object, const char *name);
/* An array; one without items otherwise. */
const struct asof_json *asof_result_list(const struct asof_json *object, const char *name);

/* A value in one line: texts as they are, lists and flat objects with commas, others as
 * JSON, no value as "-". */
ASOF_NODISCARD enum asof_status asof_result_cell(const struct asof_json *value,
						 struct asof_arena *arena,
						 enum asof_cell_kind *ret_kind,
						 struct asof_str *ret_text, struct asof_error *err);
/* Objects as a table: a column per name that any of them has. */
ASOF_NODISCARD enum asof_status asof_result_print_rows(const struct asof_json *rows,
						       const struct asof_text_style *style,
						       FILE *out, struct asof_error *err);
/* Any document: pairs, then its lists of objects as titled tables. */
ASOF_NODISCARD enum asof_status asof_result_print(const struct asof_json *root,
						  const struct asof_text_style *style, FILE *out,
						  struct asof_error *err);

#endif
