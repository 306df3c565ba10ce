/* engine_duckdb_facts.c - what the footers of Parquet files say, without reading their rows. */
#include "engine/duckdb_impl.h"
#include "plan/sql.h"

/* $1: the column; $2, $3: its least and greatest microseconds. A text that is no time is NULL, and
 * what is NULL may be in the range. */
static const char chosen_sql[] =
	"SELECT count(*), coalesce(sum(row_count), 0)::BIGINT, coalesce(sum(bytes), 0)::BIGINT "
	"FROM (SELECT any_value(row_group_num_rows) AS row_count, "
	"sum(total_compressed_size) AS bytes, "
	"max(epoch_us(TRY_CAST(stats_min_value AS TIMESTAMPTZ))) FILTER (is_asked) AS low, "
	"max(epoch_us(TRY_CAST(stats_max_value AS TIMESTAMPTZ))) FILTER (is_asked) AS high "
	"FROM (SELECT *, lower(path_in_schema) = lower($1) AS is_asked FROM parquet_metadata(";
static const char chosen_end_sql[] =
	")) GROUP BY file_name, row_group_id) "
	"WHERE coalesce(low <= CAST($3 AS BIGINT), true) AND coalesce(high >= CAST($2 AS BIGINT), "
	"true)";
static const char all_sql[] =
	"SELECT coalesce(sum(num_row_groups), 0)::BIGINT, coalesce(sum(num_rows), 0)::BIGINT, "
	"coalesce(sum(file_size_bytes), 0)::BIGINT FROM parquet_file_metadata(";

static void
add_list(struct asof_buf *sql, const char *const *paths, size_t path_count)
{
	asof_buf_add_char(sql, '[');
	for (size_t i = 0; i < path_count; i++) {
		asof_buf_add_cstr(sql, i > 0 ? ", " : "");
		asof_sql_text(sql, paths[i]);
	}
	asof_buf_add_char(sql, ']');
}

static enum asof_status
take_facts(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	   struct asof_error *err)
{
	struct asof_parquet_facts *facts = arg;

	(void)schema;
	(void)err;
	facts->row_group_count = (uint64_t)((const int64_t *)batch->columns[0].data)[0];
	facts->row_count = (uint64_t)((const int64_t *)batch->columns[1].data)[0];
	facts->size_bytes = (uint64_t)((const int64_t *)batch->columns[2].data)[0];
	return ASOF_OK;
}

static enum asof_status
ask_all(struct asof_engine *engine, const char *const *paths, size_t path_count,
	struct asof_parquet_facts *ret_facts, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);

	asof_buf_add_cstr(&sql, all_sql);
	add_list(&sql, paths, path_count);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_duckdb_ask(engine, asof_buf_cstr(&sql), NULL, 0, take_facts, ret_facts, err);
}

struct range {
	const char *column;
	int64_t min_us;
	int64_t max_us;
};

static enum asof_status
ask_chosen(struct asof_engine *engine, const char *const *paths, size_t path_count,
	   const struct range *range, struct asof_parquet_facts *ret_facts, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SIZE_MAX);
	ASOF_AUTO(asof_buf_done) struct asof_buf min = ASOF_BUF(32);
	ASOF_AUTO(asof_buf_done) struct asof_buf max = ASOF_BUF(32);

	asof_buf_printf(&min, "%lld", (long long)range->min_us);
	asof_buf_printf(&max, "%lld", (long long)range->max_us);
	ASOF_TRY(asof_buf_status(&min, err));
	ASOF_TRY(asof_buf_status(&max, err));

	const struct asof_str texts[] = { asof_str_from(range->column), asof_buf_view(&min),
					  asof_buf_view(&max) };
	asof_buf_add_cstr(&sql, chosen_sql);
	add_list(&sql, paths, path_count);
	asof_buf_add_cstr(&sql, chosen_end_sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_duckdb_ask(engine, asof_buf_cstr(&sql), texts, ASOF_COUNTOF(texts), take_facts,
			       ret_facts, err);
}

enum asof_status
asof_engine_parquet_facts(struct asof_engine *engine, const char *const *paths, size_t path_count,
			  const char *column, int64_t min_us, int64_t max_us,
			  struct asof_parquet_facts *ret_all, struct asof_parquet_facts *ret_read,
			  struct asof_error *err)
{
	ASOF_AUTO(asof_duckdb_leave) struct asof_engine *entered = NULL;
	const struct range range = { column, min_us, max_us };
	struct asof_parquet_facts all = { 0 };
	struct asof_parquet_facts chosen = { 0 };

	ASOF_TRY(asof_duckdb_enter(engine, &entered, err));
	if (path_count > 0)
		ASOF_TRY(ask_all(engine, paths, path_count, &all, err));
	if (path_count > 0 && column)
		ASOF_TRY(ask_chosen(engine, paths, path_count, &range, &chosen, err));
	*ret_all = all;
	*ret_read = column ? chosen : all;
	return ASOF_OK;
}
