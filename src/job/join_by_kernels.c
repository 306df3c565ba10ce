/* join_by_kernels.c - a join by the kernels: the spine range by range, as much of it at once as the
 * memory bound has room for. */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "job/join_load.h"
#include "plan/sql.h"

#define RANGE_ROWS_MIN 65536 /* shorter ranges read the features too often */

struct ranges {
	struct asof_join_run *run;
	struct asof_join_load load;
	int64_t spine_rows;
	uint64_t batch_rows; /* of a row group of the spine; 0: it has none */
	size_t range_rows;   /* at once; what turned out to be too much is halved */
	const char **parts;
	size_t part_count;
	size_t part_capacity;
};

static void
ranges_done(struct ranges *r)
{
	asof_join_load_done(&r->load);
}

static enum asof_status
no_memory(struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "join");
}

static enum asof_status
count_spine(struct asof_join_run *run, int64_t *ret_rows, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_printf(&sql, "SELECT count(*) FROM %s", run->spine.sql);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(run->engine, asof_buf_cstr(&sql), ret_rows, 1, err);
}

/* How many rows a reader of the spine holds at once. */
static enum asof_status
find_batch_rows(struct ranges *r, struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	struct asof_parquet_facts all;
	struct asof_parquet_facts same;
	if (strcmp(run->spine.row, "file_row_number") != 0)
		return ASOF_OK;
	ASOF_TRY(asof_engine_parquet_facts(run->engine, &run->spine.path, 1, NULL, 0, 0, &all,
					   &same, err));
	if (all.row_group_count > 0)
		r->batch_rows = (all.row_count + all.row_group_count - 1) / all.row_group_count;
	return ASOF_OK;
}

/* ---- writing ---- */

static enum asof_file_format
format_of(const struct asof_join_run *run)
{
	return asof_join_is_csv(run->out) ? ASOF_FORMAT_CSV : ASOF_FORMAT_PARQUET;
}

static struct asof_file_form
form_of(const struct ranges *r, enum asof_file_format format)
{
	return (struct asof_file_form){ .format = format,
					.memory_bytes = asof_session_write_bytes(r->run->session),
					.batch_rows = r->batch_rows };
}

/* What is computed on demand is computed as it is written, as a server does. */
static enum asof_status
write_mapped(struct asof_join_run *run, const char *sql, const struct asof_mapped *map,
	     const struct asof_file_form *form, const char *path, uint64_t *ret_rows,
	     struct asof_error *err)
{
	if (!map->head)
		return asof_engine_write_mapped(run->engine, sql, map, form, path, ret_rows, err);
	ASOF_TRY(asof_engine_keep_expressions(run->engine, true, err));
	enum asof_status status =
		asof_engine_write_mapped(run->engine, sql, map, form, path, ret_rows, err);
	enum asof_status restored =
		asof_engine_keep_expressions(run->engine, false, status == ASOF_OK ? err : NULL);
	return status == ASOF_OK ? restored : status;
}

static enum asof_status
write_rows(struct ranges *r, int64_t first_row, size_t row_count, enum asof_file_format format,
	   const char *path, struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_AUTO(asof_join_fill_done) struct asof_join_fill fill = { 0 };
	uint64_t written = 0;
	ASOF_TRY(asof_join_fill_init(&fill, run, r->load.answers, err));
	ASOF_TRY(asof_plan_spine_rows_sql(&run->plan, first_row, (int64_t)row_count, &sql, err));
	struct asof_mapped map = { .fields = fill.fields,
				   .field_count = run->column_count,
				   .fill = asof_join_fill_rows,
				   .arg = &fill };
	struct asof_file_form form = form_of(r, format);
	ASOF_TRY(asof_join_on_demand_sql(run, &map.head, &map.tail, err));
	ASOF_TRY(write_mapped(run, asof_buf_cstr(&sql), &map, &form, path, &written, err));
	if (written != row_count)
		return ASOF_FAIL(err, ASOF_INTERNAL, "spine '%s': %" PRIu64 " rows written of %zu",
				 run->spine.path, written, row_count);
	asof_join_fill_count(&fill, run->matched);
	return ASOF_OK;
}

/* A range of several goes to a file of its own. */
static enum asof_status
write_part(struct ranges *r, int64_t first_row, size_t row_count, struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	if (r->part_count == r->part_capacity) {
		size_t capacity = r->part_capacity ? 2 * r->part_capacity : 16;
		const char **parts = asof_arena_array(&run->arena, capacity, sizeof(*parts));
		if (!parts)
			return no_memory(err);
		if (r->part_count > 0)
			memcpy(parts, r->parts, r->part_count * sizeof(*parts));
		r->parts = parts;
		r->part_capacity = capacity;
	}
	ASOF_TRY(asof_join_temp_open(&run->temp, err));
	const char *name = asof_arena_printf(&run->arena, "range-%zu.parquet", r->part_count);
	const char *path = name ? asof_temp_dir_file(&run->temp, &run->arena, name) : NULL;
	if (!path)
		return no_memory(err);
	ASOF_TRY(write_rows(r, first_row, row_count, ASOF_FORMAT_PARQUET, path, err));
	r->parts[r->part_count++] = path;
	return asof_fault_point("join.range_written", err);
}

static enum asof_status
gather_parts(struct ranges *r, const char *path, struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	int64_t start_us = asof_monotonic_us();
	uint64_t rows = 0;
	asof_session_stage(run->session, "write the training set");
	asof_buf_add_cstr(&sql, "SELECT *, 0::BIGINT FROM read_parquet(");
	asof_sql_text_list(&sql, r->parts, r->part_count);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	struct asof_mapped none = { 0 };
	struct asof_file_form form = form_of(r, format_of(run));
	ASOF_TRY(asof_engine_write_mapped(run->engine, asof_buf_cstr(&sql), &none, &form, path,
					  &rows, err));
	if (rows != (uint64_t)r->spine_rows)
		return ASOF_FAIL(err, ASOF_INTERNAL, "%" PRIu64 " rows gathered of %" PRId64, rows,
				 r->spine_rows);
	return asof_join_stage_add(run, "gather ranges", NULL, start_us, rows, 0, err);
}

static enum asof_status
write_range(struct ranges *r, int64_t first_row, size_t row_count, const char *path,
	    struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	bool is_whole = first_row == 0 && (int64_t)row_count == r->spine_rows;
	int64_t start_us = asof_monotonic_us();
	asof_session_stage(run->session, "write the training set");
	if (is_whole)
		ASOF_TRY(write_rows(r, first_row, row_count, format_of(run), path, err));
	else
		ASOF_TRY(write_part(r, first_row, row_count, err));
	uint64_t bytes = asof_join_load_bytes(&r->load);
	if (bytes > run->peak_bytes)
		run->peak_bytes = bytes;
	run->range_count++;
	return asof_join_stage_add(run, "write", NULL, start_us, row_count, 0, err);
}

/* ---- ranges ---- */

/* Half as many rows as were too many, at most so many as would have fitted; false: there is no
 * less. */
static bool
shorten(struct ranges *r, size_t tried_rows)
{
	size_t less = tried_rows / 2;
	if (r->load.fitting_rows > 0 && r->load.fitting_rows < less)
		less = r->load.fitting_rows;
	if (!r->load.can_shrink || less < RANGE_ROWS_MIN)
		return false;
	r->range_rows = less;
	return true;
}

static const char *
reason_of(struct asof_join_run *run, const struct asof_join_load *load)
{
	const char *what = load->failed_view ? load->failed_view : "the spine";
	const char *reason = asof_arena_printf(&run->arena,
					       "%s%s%s: its part is more than the %" PRIu64
					       " MiB of --memory that kernels may take",
					       load->failed_view ? "view '" : "", what,
					       load->failed_view ? "'" : "",
					       asof_session_kernel_bytes(run->session) >> 20);
	return reason ? reason : "memory";
}

static enum asof_status
join_ranges(struct ranges *r, const char *path, const char **ret_reason, struct asof_error *err)
{
	struct asof_join_run *run = r->run;
	for (int64_t first = 0; first < r->spine_rows;) {
		int64_t left = r->spine_rows - first;
		size_t rows = left < (int64_t)r->range_rows ? (size_t)left : r->range_rows;
		struct asof_error why = { 0 };
		enum asof_status status = asof_join_load_range(&r->load, first, rows, &why);
		if (status == ASOF_LIMIT) {
			asof_join_load_clear(&r->load);
			if (shorten(r, rows))
				continue;
			*ret_reason = reason_of(run, &r->load);
			return ASOF_OK;
		}
		if (status != ASOF_OK)
			return ASOF_FAIL(err, status, "%s", why.message);
		ASOF_TRY(write_range(r, first, rows, path, err));
		asof_join_load_clear(&r->load);
		first += (int64_t)rows;
	}
	if (r->part_count > 0)
		ASOF_TRY(gather_parts(r, path, err));
	run->row_count = r->spine_rows;
	return ASOF_OK;
}

/* Types that a Parquet file would not give back as they are. */
static bool
has_type_of_no_file(const struct asof_join_run *run)
{
	for (size_t i = 0; i < run->spine.field_count; i++) {
		if (strstr(run->spine.fields[i].type_text, "HUGEINT"))
			return true;
	}
	return false;
}

enum asof_status
asof_join_by_kernels(struct asof_join_run *run, const char *path, const char **ret_reason,
		     struct asof_error *err)
{
	ASOF_AUTO(ranges_done) struct ranges r = { .run = run };
	int64_t start_us = asof_monotonic_us();
	*ret_reason = NULL;
	asof_session_stage(run->session, "read the spine");
	ASOF_TRY(count_spine(run, &r.spine_rows, err));
	if (r.spine_rows == 0) {
		*ret_reason = "the spine is empty";
		return ASOF_OK;
	}
	ASOF_TRY(asof_join_stage_add(run, "count spine", NULL, start_us, (uint64_t)r.spine_rows, 0,
				     err));
	ASOF_TRY(find_batch_rows(&r, err));
	ASOF_TRY(asof_join_load_init(&r.load, run, err));
	r.range_rows = asof_join_load_first_guess(&r.load, (uint64_t)r.spine_rows);
	r.load.can_shrink = !has_type_of_no_file(run);
	ASOF_TRY(join_ranges(&r, path, ret_reason, err));
	if (*ret_reason) {
		memset(run->matched, 0, run->table_count * sizeof(*run->matched));
		run->range_count = 0;
	}
	return ASOF_OK;
}
