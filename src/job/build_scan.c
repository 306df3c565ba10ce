/*
 * build_scan.c - the rows of builds by the kernel: one scan of the source for all that read it, and
 * what came of it written.
 */
#include <stdatomic.h>

#include "base/clock.h"
#include "job/build_replace.h"
#include "plan/sql.h"

/* One view of a scan. */
struct part {
	struct asof_view_build *build;
	const size_t *columns; /* of the scan: its keys, then its values */
	size_t key_count;
	size_t column_count;         /* of its batches */
	struct asof_column **picked; /* per worker */
	atomic_bool is_dropped;      /* it did not fit .. */
	int64_t dropped_row_count;   /* .. after so many rows of the source */
};

struct scan {
	struct part *parts;
	size_t count;
	atomic_size_t dropped;
	_Atomic int64_t row_count;
};

bool
asof_view_build_is_by_kernel(const struct asof_view_build *b)
{
	return b->has_work && !b->is_splice && !b->options->is_sql && !asof_build_is_replacing(b);
}

static bool
reads_same_files(const struct asof_plan_source *a, const struct asof_plan_source *b)
{
	if (a->rows_sql || b->rows_sql)
		return a->rows_sql && b->rows_sql && strcmp(a->rows_sql, b->rows_sql) == 0;
	if (a->path_count != b->path_count)
		return false;
	for (size_t i = 0; i < a->path_count; i++) {
		bool is_picked = !a->picks || a->picks[i];
		if (a->ordinals[i] != b->ordinals[i] || strcmp(a->paths[i], b->paths[i]) != 0 ||
		    is_picked != (!b->picks || b->picks[i]))
			return false;
	}
	return true;
}

static bool
is_same_cursor(const struct asof_plan_cursor *a, const struct asof_plan_cursor *b)
{
	return a->is_set == b->is_set && a->after_us == b->after_us && a->to_us == b->to_us &&
	       a->has_timeless == b->has_timeless;
}

bool
asof_view_build_can_share(const struct asof_view_build *a, const struct asof_view_build *b)
{
	const struct asof_plan_range *left = &a->plan.range;
	const struct asof_plan_range *right = &b->plan.range;
	return asof_view_build_is_by_kernel(a) && asof_view_build_is_by_kernel(b) &&
	       is_same_cursor(&a->plan.source.cursor, &b->plan.source.cursor) &&
	       a->state.view->source == b->state.view->source &&
	       left->has_from == right->has_from && left->has_to == right->has_to &&
	       (!left->has_from || left->from_us == right->from_us) &&
	       (!left->has_to || left->to_us == right->to_us) &&
	       reads_same_files(&a->plan.source, &b->plan.source);
}

/* ---- scanning ---- */

static enum asof_status
take_part(struct part *part, unsigned worker, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct asof_column *picked = part->picked[worker];
	size_t at = 0;
	for (size_t i = 0; i < part->key_count; i++)
		picked[at++] = batch->columns[part->columns[i]];
	for (size_t i = 0; i < 3; i++) /* event_us, created_us, row_order */
		picked[at++] = batch->columns[i];
	for (size_t i = part->key_count; at < part->column_count; i++)
		picked[at++] = batch->columns[part->columns[i]];
	const struct asof_batch own = { picked, part->column_count, batch->row_count };
	return asof_tile_build_take(part->build->tiles, worker, &own, err);
}

/* A view that does not fit is left to the engine; the others go on. */
static enum asof_status
drop_part(struct scan *scan, struct part *part, struct asof_error *err)
{
	if (!atomic_exchange(&part->is_dropped, true)) {
		part->dropped_row_count = atomic_load(&scan->row_count);
		atomic_fetch_add(&scan->dropped, 1);
	}
	if (atomic_load(&scan->dropped) < scan->count)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_LIMIT, "no view fits into memory");
}

static enum asof_status
take_rows(void *arg, unsigned worker, const struct asof_batch *batch, struct asof_error *err)
{
	struct scan *scan = arg;
	atomic_fetch_add(&scan->row_count, (int64_t)batch->row_count);
	for (size_t i = 0; i < scan->count; i++) {
		struct part *part = &scan->parts[i];
		struct asof_error own = { 0 };
		if (atomic_load(&part->is_dropped))
			continue;
		enum asof_status status = take_part(part, worker, batch, &own);
		if (status == ASOF_LIMIT)
			ASOF_TRY(drop_part(scan, part, err));
		else if (status != ASOF_OK)
			return ASOF_FAIL(err, status, "%s", own.message);
	}
	return ASOF_OK;
}

static enum asof_status
init_part(struct part *part, struct asof_view_build *build, const size_t *columns,
	  uint64_t max_bytes, struct asof_error *err)
{
	unsigned workers = asof_engine_threads(build->engine);
	const struct asof_view *view = build->state.view;
	const struct asof_tile_build_options options = { .view = view,
							 .layout = build->plan.layout,
							 .workers = workers,
							 .max_bytes = max_bytes };
	size_t value_count = build->plan.layout ? build->layout.column_count : view->output_count;
	part->build = build;
	part->columns = columns;
	part->key_count = view->entity->key_count;
	part->column_count = part->key_count + 3 + value_count;
	part->picked = asof_arena_array(build->arena, workers, sizeof(*part->picked));
	for (unsigned i = 0; part->picked && i < workers; i++) {
		part->picked[i] =
			asof_arena_array(build->arena, part->column_count, sizeof(**part->picked));
		if (!part->picked[i])
			return asof_build_no_memory(err, "columns of a scan");
	}
	if (!part->picked)
		return asof_build_no_memory(err, "columns of a scan");
	return asof_tile_build_new(&options, &build->tiles, err);
}

static enum asof_status
init_scan(struct scan *scan, struct asof_view_build *const *builds, size_t count,
	  uint64_t max_bytes, struct asof_buf *sql, struct asof_error *err)
{
	struct asof_arena *arena = builds[0]->arena;
	struct asof_plan_build *plans = asof_arena_array(arena, count, sizeof(*plans));
	size_t **columns = NULL;
	scan->parts = asof_arena_array(arena, count, sizeof(*scan->parts));
	if (!plans || !scan->parts)
		return asof_build_no_memory(err, "a scan");
	for (size_t i = 0; i < count; i++)
		plans[i] = builds[i]->plan;
	ASOF_TRY(asof_plan_shared_scan_sql(plans, count, arena, &columns, sql, err));
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(init_part(&scan->parts[i], builds[i], columns[i], max_bytes / count, err));
	scan->count = count;
	return ASOF_OK;
}

/* Sort what was taken; a view that does not fit then is dropped, too. */
static enum asof_status
finish_parts(struct scan *scan, struct asof_error *err)
{
	for (size_t i = 0; i < scan->count; i++) {
		struct part *part = &scan->parts[i];
		struct asof_error own = { 0 };
		if (atomic_load(&part->is_dropped)) {
			asof_view_build_done(part->build);
			/* Its share was full before its share of the rows was read. */
			part->build->is_too_large = part->dropped_row_count * (int64_t)scan->count <
						    atomic_load(&scan->row_count);
			continue;
		}
		enum asof_status status = asof_tile_build_finish(part->build->tiles, &own);
		if (status == ASOF_LIMIT) {
			asof_view_build_done(part->build);
			ASOF_TRY(drop_part(scan, part, err));
		} else if (status != ASOF_OK) {
			return ASOF_FAIL(err, status, "%s", own.message);
		}
		part->build->scan_cost.made_row_count = asof_tile_build_rows(part->build->tiles);
		part->build->scan_cost.made_bytes = asof_tile_build_bytes(part->build->tiles);
	}
	return ASOF_OK;
}

static enum asof_status
run_scan(struct asof_view_build *const *builds, size_t count, uint64_t max_bytes,
	 struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct scan scan = { .count = 0 };
	int64_t start_us = asof_monotonic_us();
	ASOF_TRY(init_scan(&scan, builds, count, max_bytes, &sql, err));
	enum asof_status status =
		asof_engine_scan(builds[0]->engine, asof_buf_cstr(&sql), take_rows, &scan, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read source '%s'",
				 builds[0]->state.view->source->name);
	int64_t scanned_us = asof_monotonic_us();
	status = finish_parts(&scan, err);
	for (size_t i = 0; i < count; i++) {
		builds[i]->scanned_row_count = atomic_load(&scan.row_count);
		builds[i]->scan_cost.scan_us = scanned_us - start_us;
		builds[i]->scan_cost.sort_us = asof_monotonic_us() - scanned_us;
	}
	return status;
}

enum asof_status
asof_view_build_scan(struct asof_view_build *const *builds, size_t count, uint64_t max_bytes,
		     struct asof_error *err)
{
	enum asof_status status = run_scan(builds, count, max_bytes, err);
	for (size_t i = 0; status != ASOF_OK && i < count; i++)
		asof_view_build_done(builds[i]);
	return status;
}

/* ---- writing ---- */

struct writer {
	struct asof_block block;
	uint64_t next; /* its piece */
	uint64_t end;
};

struct writing {
	const struct asof_tile_build *tiles;
	const struct asof_field *fields;
	size_t field_count;
	struct asof_buf sql;
	struct writer *writers;
	unsigned count;
	uint64_t end;          /* of the file being written */
	_Atomic uint64_t next; /* where the next piece begins */
};

static void
writing_done(struct writing *writing)
{
	for (unsigned i = 0; i < writing->count; i++)
		asof_block_done(&writing->writers[i].block);
	asof_buf_done(&writing->sql);
}

/* A row group or a little more: an entity's rows stay together. */
static void
claim_piece(struct writing *writing, struct writer *writer)
{
	uint64_t next = atomic_load(&writing->next);
	do {
		writer->next = next;
		writer->end = asof_tile_build_boundary(writing->tiles, next + ASOF_ROW_GROUP_ROWS);
		if (writer->end > writing->end)
			writer->end = writing->end;
	} while (!atomic_compare_exchange_weak(&writing->next, &next, writer->end));
}

static enum asof_status
pull_rows(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
	  struct asof_error *err)
{
	struct writing *writing = arg;
	struct writer *writer = &writing->writers[worker];
	if (writer->next == writer->end)
		claim_piece(writing, writer);
	uint64_t left = writer->end - writer->next;
	size_t count = capacity < writer->block.capacity ? capacity : writer->block.capacity;
	if (count > left)
		count = left;
	asof_block_reset(&writer->block, count);
	if (count > 0)
		ASOF_TRY(asof_tile_build_read(writing->tiles, writer->next, count, &writer->block,
					      err));
	writer->next += count;
	*ret_batch =
		(struct asof_batch){ writer->block.columns, writer->block.column_count, count };
	return ASOF_OK;
}

static enum asof_status
open_writers(struct writing *writing, const struct asof_view_build *b, struct asof_error *err)
{
	size_t field_count = writing->field_count;
	unsigned threads = asof_engine_threads(b->engine);
	uint64_t pieces = asof_tile_build_rows(b->tiles) / ASOF_ROW_GROUP_ROWS + 1;
	unsigned count = pieces < threads ? (unsigned)pieces : threads;
	struct asof_type *types = asof_arena_array(b->arena, field_count, sizeof(*types));
	writing->writers = asof_arena_array(b->arena, count, sizeof(*writing->writers));
	if (!types || !writing->writers)
		return asof_build_no_memory(err, "rows to be written");
	for (size_t i = 0; i < field_count; i++)
		types[i] = writing->fields[i].type;
	writing->count = count;
	for (unsigned i = 0; i < count; i++)
		ASOF_TRY(asof_block_init(&writing->writers[i].block, types, field_count,
					 asof_engine_vector_rows(), err));
	return ASOF_OK;
}

/* Where the file that begins at `first` ends. */
static uint64_t
end_of_file(const struct asof_tile_build *tiles, const struct asof_table_files *files,
	    uint64_t first)
{
	uint64_t rows = asof_table_files_next_rows(files, asof_tile_build_rows(tiles) - first);
	uint64_t end = asof_tile_build_boundary(tiles, first + rows);
	return end - first > 2 * rows ? first + rows : end;
}

static struct asof_feed
feed_of(struct writing *writing)
{
	return (struct asof_feed){ .fields = writing->fields,
				   .field_count = writing->field_count,
				   .max_workers = writing->count,
				   .pull = pull_rows,
				   .arg = writing };
}

/* Rows [first, writing->end), where `first` is as far as they were written. */
static enum asof_status
write_to(struct writing *writing, const struct asof_view_build *b, const char *sql,
	 const char *path, struct asof_file_stats *ret_stats, struct asof_error *err)
{
	uint64_t first = atomic_load(&writing->next);
	const struct asof_feed feed = feed_of(writing);
	for (unsigned i = 0; i < writing->count; i++)
		writing->writers[i].next = writing->writers[i].end = first;
	return asof_engine_write_fed(b->engine, sql, &feed, path, b->arena, ret_stats, err);
}

static enum asof_status
begin_writing(struct writing *writing, struct asof_view_build *b, struct asof_error *err)
{
	*writing = (struct writing){ .tiles = b->tiles, .sql = ASOF_BUF(ASOF_SQL_BYTES_MAX) };
	ASOF_TRY(asof_plan_table_fields(b->state.view, b->plan.layout, b->arena, &writing->fields,
					&writing->field_count, err));
	ASOF_TRY(asof_plan_fed_sql(&b->plan, &writing->sql, err));
	return open_writers(writing, b, err);
}

enum asof_status
asof_build_write_tiles(struct asof_view_build *b, struct asof_table_files *files,
		       struct asof_error *err)
{
	ASOF_AUTO(writing_done) struct writing writing = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(begin_writing(&writing, b, err));
	if (files->partition_count > 0) {
		const struct asof_feed feed = feed_of(&writing);
		writing.end = asof_tile_build_rows(b->tiles);
		return asof_table_files_write(files, asof_buf_cstr(&writing.sql), &feed,
					      writing.end, err);
	}
	ASOF_TRY(asof_table_files_sql(files, asof_buf_cstr(&writing.sql), &sql, err));
	while (atomic_load(&writing.next) < asof_tile_build_rows(b->tiles)) {
		const char *path = NULL;
		struct asof_file_stats stats;
		writing.end = end_of_file(b->tiles, files, atomic_load(&writing.next));
		ASOF_TRY(asof_table_files_begin(files, NULL, &path, err));
		ASOF_TRY(write_to(&writing, b, asof_buf_cstr(&sql), path, &stats, err));
		ASOF_TRY(asof_table_files_note(files, &stats, err));
	}
	return ASOF_OK;
}

enum asof_status
asof_build_write_tiles_to(struct asof_view_build *b, const char *path,
			  struct asof_file_stats *ret_stats, struct asof_error *err)
{
	ASOF_AUTO(writing_done) struct writing writing = { 0 };
	ASOF_TRY(begin_writing(&writing, b, err));
	writing.end = asof_tile_build_rows(b->tiles);
	return write_to(&writing, b, asof_buf_cstr(&writing.sql), path, ret_stats, err);
}
