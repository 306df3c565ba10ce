/* table_evolve.c - which schemas a table's files can be read by. */
#include "lake/table_evolve.h"

static enum asof_status
check_field(const struct asof_field *from, const struct asof_field *to, size_t place,
	    struct asof_error *err)
{
	char old_text[ASOF_TYPE_TEXT_MAX];
	char new_text[ASOF_TYPE_TEXT_MAX];
	if (strcmp(asof_field_stored(from), asof_field_stored(to)) != 0)
		return ASOF_FAIL(err, ASOF_INVALID,
				 "column '%s' is to be '%s' (column %zu): columns keep their names "
				 "and places unless the table is overwritten",
				 from->name, to->name, place + 1);
	if (asof_type_equal(from->type, to->type))
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_INVALID,
			 "column '%s' is %s and is to be %s: columns keep their types unless the "
			 "table is overwritten",
			 from->name, asof_type_text(from->type, old_text),
			 asof_type_text(to->type, new_text));
}

enum asof_status
asof_table_check_evolution(const struct asof_field *from, size_t from_count,
			   const struct asof_field *to, size_t to_count, struct asof_error *err)
{
	for (size_t i = 0; i < from_count; i++) {
		if (i >= to_count)
			return ASOF_FAIL(err, ASOF_INVALID,
					 "column '%s' is to go: columns stay unless the table is "
					 "overwritten",
					 from[i].name);
		ASOF_TRY(check_field(&from[i], &to[i], i, err));
	}
	return ASOF_OK;
}
