/* delta_schema.h - fields to and from Delta's schemaString. Pure; fuzzed. */
#ifndef ASOF_LAKE_DELTA_SCHEMA_H
#define ASOF_LAKE_DELTA_SCHEMA_H

#include "codec/json_reader.h"
#include "lake/table.h"

/*
 * Our type is kept in each field's metadata ("asof.type"), since several of ours are one of
 * Delta's. ASOF_INVALID where a field has no type.
 */
ASOF_NODISCARD enum asof_status asof_delta_schema_write(const struct asof_field *fields,
							size_t field_count, struct asof_buf *buf,
							struct asof_error *err);
/*
 * Fields in `arena`, which `text` need not outlive. A Delta type without a twin of ours (struct,
 * map) becomes type NONE; type_text is the Delta type. ASOF_CORRUPT.
 */
ASOF_NODISCARD enum asof_status asof_delta_schema_read(struct asof_str text,
						       struct asof_arena *arena,
						       const struct asof_field **ret_fields,
						       size_t *ret_count, struct asof_error *err);

#endif
