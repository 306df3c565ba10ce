/* partition_sql.c - rows beside what they are kept apart by. */
#include "model/partition.h"
#include "plan/plan.h"
#include "plan/rows_sql.h"
#include "plan/sql.h"

static void
add_value(struct asof_buf *sql, const struct asof_view *view,
	  const struct asof_partition *partition)
{
	static const char *const formats[] = { [ASOF_PARTITION_YEAR] = "%Y",
					       [ASOF_PARTITION_MONTH] = "%Y-%m",
					       [ASOF_PARTITION_DAY] = "%Y-%m-%d" };
	if (partition->kind != ASOF_PARTITION_KEY) {
		asof_buf_printf(sql, "strftime(make_timestamp(epoch_us(event_time)), '%s')",
				formats[partition->kind]);
		return;
	}
	bool is_bytes = false;
	for (size_t i = 0; i < view->entity->key_count; i++) {
		const struct asof_key *key = &view->entity->keys[i];
		if (strcmp(key->name, partition->key) == 0)
			is_bytes = key->type.kind == ASOF_TYPE_BYTES;
	}
	asof_buf_add_cstr(sql, is_bytes ? "hex(" : "CAST(");
	asof_sql_name(sql, partition->key);
	asof_buf_add_cstr(sql, is_bytes ? ")" : " AS VARCHAR)");
}

static enum asof_status
add_column(struct asof_buf *sql, const struct asof_partition *partition, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const char *column = asof_partition_column(partition, &arena);
	if (!column)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "partition");
	asof_sql_name(sql, column);
	return ASOF_OK;
}

enum asof_status
asof_plan_partitioned_sql(const struct asof_view *view, const struct asof_partition *partitions,
			  size_t count, const char *select, struct asof_buf *sql,
			  struct asof_error *err)
{
	asof_buf_add_cstr(sql, "SELECT *");
	for (size_t i = 0; i < count; i++) {
		asof_buf_add_cstr(sql, ", ");
		add_value(sql, view, &partitions[i]);
		asof_buf_add_cstr(sql, " AS ");
		ASOF_TRY(add_column(sql, &partitions[i], err));
	}
	asof_buf_add_cstr(sql, "\nFROM (");
	asof_buf_add_cstr(sql, select);
	asof_buf_add_cstr(sql, ")\nORDER BY ");
	for (size_t i = 0; i < count; i++) {
		ASOF_TRY(add_column(sql, &partitions[i], err));
		asof_buf_add_cstr(sql, ", ");
	}
	asof_plan_table_order(sql, view);
	return asof_buf_status(sql, err);
}
