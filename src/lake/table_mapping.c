/* table_mapping.c - columns whose name in files is another: Delta's column mapping by name. */
#define _GNU_SOURCE /* memmem */
#include "lake/table_mapping.h"

#include "base/number.h"

#define PLAIN_WRITER 2

enum asof_status
asof_mapping_read(const struct asof_property *properties, size_t count, bool *ret_is_mapped,
		  struct asof_error *err)
{
	const char *mode = asof_property_find(properties, count, ASOF_MAPPING_MODE);
	*ret_is_mapped = mode && strcmp(mode, ASOF_MAPPING_MODE_NAME) == 0;
	if (!mode || *ret_is_mapped || strcmp(mode, "none") == 0)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_UNSUPPORTED,
			 "the table's columns are mapped by '%s', and not by name", mode);
}

/* The column of the base that `field` goes on with; NULL: it is a new one. */
static const struct asof_field *
find_column(const struct asof_delta_state *base, const struct asof_field *field)
{
	for (size_t i = 0; i < base->column_count; i++) {
		const struct asof_field *column = &base->columns[i];
		if (strcmp(asof_field_stored(column), asof_field_stored(field)) == 0)
			return column;
	}
	return NULL;
}

static enum asof_status
check_stored(const struct asof_field *fields, size_t index, struct asof_error *err)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(asof_field_stored(&fields[i]), asof_field_stored(&fields[index])) == 0)
			return ASOF_FAIL(
				err, ASOF_INVALID, "columns '%s' and '%s' are both stored as '%s'",
				fields[i].name, fields[index].name, asof_field_stored(&fields[i]));
	}
	return ASOF_OK;
}

static int64_t
max_id_of(const struct asof_delta_state *base)
{
	const struct asof_table_snapshot *snapshot = &base->snapshot;
	int64_t max_id = 0;
	const char *text = asof_property_find(snapshot->properties, snapshot->property_count,
					      ASOF_MAPPING_MAX);
	if (text && !asof_int64_parse(asof_str_from(text), &max_id))
		max_id = 0;
	for (size_t i = 0; i < base->column_count; i++) {
		if (base->columns[i].id > max_id)
			max_id = base->columns[i].id;
	}
	return max_id;
}

enum asof_status
asof_mapping_number(const struct asof_delta_state *base, bool is_overwrite,
		    struct asof_field *fields, size_t count, int64_t *ret_max_id,
		    struct asof_error *err)
{
	bool is_mapped = false;
	ASOF_TRY(asof_mapping_read(base->snapshot.properties, base->snapshot.property_count,
				   &is_mapped, err));
	is_mapped = is_mapped && !is_overwrite; /* what is written anew has its own names */
	for (size_t i = 0; i < count; i++) {
		is_mapped = is_mapped || fields[i].stored;
		fields[i].id = 0;
	}
	*ret_max_id = 0;
	if (!is_mapped)
		return ASOF_OK;
	*ret_max_id = max_id_of(base);
	for (size_t i = 0; i < count; i++) {
		const struct asof_field *column =
			is_overwrite ? NULL : find_column(base, &fields[i]);
		ASOF_TRY(check_stored(fields, i, err));
		fields[i].id = column ? column->id : 0;
		if (fields[i].id == 0)
			fields[i].id = ++*ret_max_id;
	}
	return ASOF_OK;
}

/* What writers of a protocol up to that of column mapping may be asked to keep besides. */
static const char *
find_demand(const struct asof_delta_state *base)
{
	static const char *const demands[] = { "delta.constraints.", "delta.generationExpression",
					       "delta.enableChangeDataFeed" };
	for (size_t i = 0; i < ASOF_COUNTOF(demands); i++) {
		if (memmem(base->metadata_line.ptr, base->metadata_line.len, demands[i],
			   strlen(demands[i])))
			return demands[i];
	}
	return NULL;
}

enum asof_status
asof_mapping_check_writer(const struct asof_delta_state *base, struct asof_error *err)
{
	bool is_mapped = false;
	if (base->min_writer <= PLAIN_WRITER)
		return ASOF_OK;
	ASOF_TRY(asof_mapping_read(base->snapshot.properties, base->snapshot.property_count,
				   &is_mapped, err));
	const char *demand = find_demand(base);
	if (base->min_writer == ASOF_MAPPING_WRITER && is_mapped && !demand)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_UNSUPPORTED,
			 "table '%s' wants a writer of protocol %lld, this is one of %d%s%s",
			 base->snapshot.table, (long long)base->min_writer,
			 is_mapped ? ASOF_MAPPING_WRITER : PLAIN_WRITER, demand ? ": " : "",
			 demand ? demand : "");
}
