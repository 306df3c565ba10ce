#include "job/push_append.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/json_writer.h"
#include "job/checkpoint.h"
#include "job/table_files.h"
#include "lake/table_tail.h"
#include "lake/table_upkeep.h"
#include "plan/sql.h"

#define SLICE_ROWS 2048 /* a multiple of 64 */
#define OWN_FIELDS 2    /* request, arrival */
/* A log is read seldom, and written often: a checkpoint names all of its files. */
#define CHECKPOINT_INTERVAL "100"

static enum asof_status
no_memory(const struct asof_push_append *append, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_NO_MEMORY, "rows pushed into '%s'", append->shape->source->name);
}

static enum asof_status
log_fields(const struct asof_push_append *append, struct asof_field **ret_fields,
	   struct asof_error *err)
{
	const struct asof_push_shape *shape = append->shape;
	struct asof_field *fields =
		asof_arena_array(append->arena, shape->field_count + OWN_FIELDS, sizeof(*fields));
	if (!fields)
		return no_memory(append, err);
	if (shape->field_count > 0)
		memcpy(fields, shape->fields, shape->field_count * sizeof(*fields));
	fields[shape->field_count] = (struct asof_field){ .name = ASOF_PUSH_REQUEST,
							  .type = ASOF_TYPE(ASOF_TYPE_STRING) };
	fields[shape->field_count + 1] =
		(struct asof_field){ .name = ASOF_PUSH_ARRIVAL,
				     .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP) };
	*ret_fields = fields;
	return ASOF_OK;
}

/* All parts' rows, each with its request's id and the time. */
static enum asof_status
gather(const struct asof_push_append *append, const struct asof_field *fields,
       struct asof_entry_table *table, struct asof_error *err)
{
	size_t own = append->shape->field_count;
	struct asof_type *types = asof_arena_array(append->arena, own + OWN_FIELDS, sizeof(*types));
	if (!types)
		return no_memory(append, err);
	for (size_t i = 0; i < own + OWN_FIELDS; i++)
		types[i] = fields[i].type;
	ASOF_TRY(asof_entry_table_init(table, types, own + OWN_FIELDS, err));
	for (size_t p = 0; p < append->part_count; p++) {
		const struct asof_push_part *part = &append->parts[p];
		const struct asof_value extra[OWN_FIELDS] = {
			{ .type = ASOF_TYPE(ASOF_TYPE_STRING), .str = part->request_id },
			{ .type = ASOF_TYPE(ASOF_TYPE_TIMESTAMP), .int64 = append->arrival_us },
		};
		for (size_t i = 0; i < part->rows->row_count; i++)
			ASOF_TRY(asof_entry_table_add_values(table, part->rows->columns, i, own,
							     extra, err));
	}
	return ASOF_OK;
}

struct feeding {
	const struct asof_entry_table *table;
	struct asof_column *columns;
	size_t next;
};

static enum asof_status
pull(void *arg, unsigned worker, size_t capacity, struct asof_batch *ret_batch,
     struct asof_error *err)
{
	struct feeding *feeding = arg;
	(void)worker;
	(void)err;
	size_t most = capacity < SLICE_ROWS ? capacity / 64 * 64 : SLICE_ROWS;
	size_t left = feeding->table->row_count - feeding->next;
	size_t count = left < most ? left : most;
	*ret_batch = asof_entry_table_slice(feeding->table, feeding->next, count, feeding->columns);
	feeding->next += count;
	return ASOF_OK;
}

/* Delta has no uuid, json or vector: they are stored as text and lists. */
static const char *
stored_as(struct asof_type type)
{
	bool is_list = type.kind == ASOF_TYPE_LIST;
	uint8_t kind = is_list ? type.element : type.kind;
	if (kind == ASOF_TYPE_UUID || kind == ASOF_TYPE_JSON)
		return is_list ? "VARCHAR[]" : "VARCHAR";
	return kind == ASOF_TYPE_VECTOR ? "FLOAT[]" : NULL;
}

static void
add_select(struct asof_buf *sql, const struct asof_field *fields, size_t count)
{
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < count; i++) {
		const char *stored = stored_as(fields[i].type);
		asof_buf_add_cstr(sql, i ? ", " : "");
		if (stored)
			asof_buf_add_cstr(sql, "CAST(");
		asof_sql_name(sql, fields[i].name);
		if (!stored)
			continue;
		asof_buf_printf(sql, " AS %s) AS ", stored);
		asof_sql_name(sql, fields[i].name);
	}
	asof_buf_add_cstr(sql, " FROM asof_feed()");
}

static enum asof_status
write_file(struct asof_push_append *append, const char *table_name, const struct asof_field *fields,
	   struct asof_error *err)
{
	size_t count = append->shape->field_count + OWN_FIELDS;
	ASOF_AUTO(asof_entry_table_done) struct asof_entry_table table = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct feeding feeding = {
		.table = &table,
		.columns = asof_arena_array(append->arena, count, sizeof(*feeding.columns)),
	};
	const struct asof_feed feed = { .fields = fields,
					.field_count = count,
					.max_workers = 1,
					.pull = pull,
					.arg = &feeding };
	struct asof_table_files files = { .arena = append->arena, .table = table_name };
	struct asof_file_stats stats;
	const char *path = NULL;
	if (!feeding.columns)
		return no_memory(append, err);
	ASOF_TRY(asof_session_engine(append->session, &files.engine, err));
	ASOF_TRY(asof_session_lake(append->session, &files.lake, err));
	ASOF_TRY(gather(append, fields, &table, err));
	add_select(&sql, fields, count);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_table_files_begin(&files, NULL, &path, err));
	ASOF_TRY(asof_engine_write_fed(files.engine, asof_buf_cstr(&sql), &feed, path,
				       append->arena, &stats, err));
	ASOF_TRY(asof_table_files_note(&files, &stats, err));
	append->file = files.items[0];
	return ASOF_OK;
}

/* A row's number in its request, of that in the file. */
static size_t
row_in_part(const struct asof_push_append *append, int64_t row)
{
	size_t index = (size_t)row;
	for (size_t p = 0; p < append->part_count; p++) {
		if (index < append->parts[p].rows->row_count)
			break;
		index -= append->parts[p].rows->row_count;
	}
	return index;
}

static enum asof_status
refuse_bad_row(const struct asof_push_append *append, int64_t row, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID,
			 "rows[%zu] has no event_time (`%s`), and source '%s' fails on such rows",
			 row_in_part(append, row), append->shape->source->event_time.text,
			 append->shape->source->name);
}

/* Rows without a time, where builds fail on them: the same of every view of the source. */
static enum asof_status
check_times(const struct asof_push_append *append, const struct asof_view *view,
	    const struct asof_plan_source *source, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_engine *engine = NULL;
	const struct asof_plan_build build = { .view = view, .source = *source };
	int64_t counts[5] = { 0 }; /* rows, bad, without key, the first bad one's order, floored */
	if (append->shape->source->on_bad_row != ASOF_BAD_ROW_FAIL)
		return ASOF_OK;
	ASOF_TRY(asof_session_engine(append->session, &engine, err));
	ASOF_TRY(asof_plan_profile_sql(&build, &sql, err));
	ASOF_TRY(asof_query_ints(engine, asof_buf_cstr(&sql), counts, ASOF_COUNTOF(counts), err));
	return counts[1] > 0 ? refuse_bad_row(append, counts[3], err) : ASOF_OK;
}

/* Everything that a build of a view would compute of the rows. */
static enum asof_status
check_view(const struct asof_push_append *append, const struct asof_view *view,
	   const struct asof_plan_source *source, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_tile_layout layout;
	struct asof_engine *engine = NULL;
	struct asof_plan_build build = { .view = view, .source = *source };
	ASOF_TRY(asof_session_engine(append->session, &engine, err));
	if (asof_view_is_windowed(view)) {
		ASOF_TRY(asof_tile_layout_make(view, append->arena, &layout, err));
		build.layout = &layout;
	}
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE TEMP TABLE asof_push_check AS ");
	ASOF_TRY(asof_plan_build_sql(&build, &sql, err));
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_run(engine, asof_buf_cstr(&sql), NULL, err);
}

/* A local time that comes twice a year, or a column of seconds, may hold another time than was
 * pushed. */
static enum asof_status
check_local_time(const struct asof_push_append *append, const struct asof_field *field,
		 struct asof_error *err)
{
	const struct asof_source *source = append->shape->source;
	const char *zone = source->time_zone ? source->time_zone : "UTC";
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64 << 10);
	struct asof_engine *engine = NULL;
	int64_t row = -1;
	bool is_local = field->type.kind == ASOF_TYPE_TIMESTAMP &&
			strcmp(field->type_text, "TIMESTAMP WITH TIME ZONE") != 0;
	bool holds_all = !source->time_zone && strcmp(field->type_text, "TIMESTAMP") == 0;
	if (!is_local || holds_all)
		return ASOF_OK;
	asof_buf_add_cstr(&sql, "SELECT coalesce(min(file_row_number), -1) FROM read_parquet(");
	asof_sql_text(&sql, append->file.path);
	asof_buf_add_cstr(&sql, ") WHERE timezone(");
	asof_sql_text(&sql, zone);
	asof_buf_add_cstr(&sql, ", CAST(CAST(timezone(");
	asof_sql_text(&sql, zone);
	asof_buf_add_cstr(&sql, ", ");
	asof_sql_name(&sql, field->name);
	asof_buf_printf(&sql, ") AS %s) AS TIMESTAMP)) <> ", field->type_text);
	asof_sql_name(&sql, field->name);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_session_engine(append->session, &engine, err));
	ASOF_TRY(asof_query_ints(engine, asof_buf_cstr(&sql), &row, 1, err));
	if (row < 0)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_INVALID,
			 "rows[%zu].%s: the column, of type %s in time zone '%s', cannot hold "
			 "this instant",
			 row_in_part(append, row), field->name, field->type_text, zone);
}

/* Every column of the rows as the source has it, also those that no view reads yet. */
static enum asof_status
check_columns(const struct asof_push_append *append, const struct asof_plan_source *source,
	      struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_engine *engine = NULL;
	for (size_t i = 0; i < append->shape->field_count; i++)
		ASOF_TRY(check_local_time(append, &append->shape->fields[i], err));
	ASOF_TRY(asof_session_engine(append->session, &engine, err));
	asof_buf_add_cstr(&sql, "CREATE OR REPLACE TEMP TABLE asof_push_check AS ");
	asof_plan_source_rows(&sql, source, false);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_engine_run(engine, asof_buf_cstr(&sql), NULL, err);
}

static enum asof_status
check(const struct asof_push_append *append, struct asof_error *err)
{
	const struct asof_session *session = append->session;
	const struct asof_project *project = session->project;
	const struct asof_source *pushed = append->shape->source;
	struct asof_plan_source source = asof_session_plan_source(session, pushed);
	const char *const paths[] = { append->file.path };
	const int64_t ordinals[] = { 0 };
	bool *columns = asof_arena_array(append->arena, source.own_field_count, sizeof(*columns));
	if (!columns)
		return no_memory(append, err);
	for (size_t i = 0; i < source.own_field_count; i++)
		columns[i] = asof_push_log_takes(pushed, &pushed->fields[i]);
	source.paths = paths;
	source.path_count = source.pushed_count = 1;
	source.ordinals = ordinals;
	source.is_pushed_column = columns;
	ASOF_TRY(check_columns(append, &source, err));
	bool has_times = false;
	for (size_t i = 0; i < project->view_count; i++) {
		const struct asof_view *view = &project->views[i];
		if (view->source != pushed)
			continue;
		enum asof_status status =
			has_times ? ASOF_OK : check_times(append, view, &source, err);
		has_times = true;
		if (status == ASOF_OK)
			status = check_view(append, view, &source, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "view '%s'", project->views[i].name);
	}
	return ASOF_OK;
}

/* [{"id": "..", "rows": 3}, ..] */
static enum asof_status
write_requests(struct asof_push_append *append, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF(16u << 20);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_json_begin_array(&w);
	for (size_t i = 0; i < append->part_count; i++) {
		asof_json_begin_object(&w);
		asof_json_member_str(&w, "id", append->parts[i].request_id);
		asof_json_member_int(&w, "rows", (int64_t)append->parts[i].rows->row_count);
		asof_json_end_object(&w);
	}
	asof_json_end_array(&w);
	ASOF_TRY(asof_buf_status(&text, err));
	append->requests = asof_arena_copy(append->arena, asof_buf_view(&text));
	return append->requests ? ASOF_OK : no_memory(append, err);
}

enum asof_status
asof_push_append_write(struct asof_push_append *append, struct asof_error *err)
{
	struct asof_field *fields = NULL;
	const char *table = asof_arena_printf(append->arena, ASOF_PUSH_TABLE_PREFIX "%s",
					      append->shape->source->name);
	if (!table)
		return no_memory(append, err);
	ASOF_TRY(write_requests(append, err));
	ASOF_TRY(log_fields(append, &fields, err));
	ASOF_TRY(write_file(append, table, fields, err));
	enum asof_status status = check(append, err);
	if (status != ASOF_OK)
		asof_push_append_remove(append);
	/* What the engine cannot compute of the rows is wrong with the rows. */
	return status == ASOF_CORRUPT ? ASOF_INVALID : status;
}

void
asof_push_append_remove(struct asof_push_append *append)
{
	struct asof_table_files files = {
		.table = asof_arena_printf(append->arena, ASOF_PUSH_TABLE_PREFIX "%s",
					   append->shape->source->name),
		.items = &append->file,
		.count = 1,
		.lake = append->session->lake,
		.arena = append->arena,
	};
	if (files.table)
		asof_table_files_remove(&files);
}

static bool
is_same_stored(struct asof_type a, struct asof_type b)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf first = ASOF_BUF(1024);
	ASOF_AUTO(asof_buf_done) struct asof_buf second = ASOF_BUF(1024);
	asof_delta_type_json(a, &first);
	asof_delta_type_json(b, &second);
	return asof_str_equal(asof_buf_view(&first), asof_buf_view(&second));
}

/* The log's columns, those that it has first; NULL where it has them all. */
static enum asof_status
changed_fields(const struct asof_push_append *append, const struct asof_push_log *log,
	       const struct asof_field **ret_fields, size_t *ret_count, struct asof_error *err)
{
	const struct asof_table_snapshot *have = &log->snapshot;
	size_t wanted_count = append->shape->field_count + OWN_FIELDS;
	struct asof_field *wanted = NULL;
	ASOF_TRY(log_fields(append, &wanted, err));
	struct asof_field *fields =
		asof_arena_array(append->arena, have->field_count + wanted_count, sizeof(*fields));
	if (!fields)
		return no_memory(append, err);
	size_t count = have->field_count;
	if (count > 0)
		memcpy(fields, have->fields, count * sizeof(*fields));
	for (size_t i = 0; i < wanted_count; i++) {
		size_t f = 0;
		while (f < count && strcmp(fields[f].name, wanted[i].name) != 0)
			f++;
		if (f == count)
			fields[count++] = wanted[i];
		else if (!is_same_stored(fields[f].type, wanted[i].type))
			return ASOF_FAIL(err, ASOF_UNSUPPORTED,
					 "column '%s' of source '%s' has another type than when "
					 "rows were first pushed: those, in '%s' of the lake, and "
					 "new ones cannot stand in one column",
					 wanted[i].name, append->shape->source->name, log->table);
	}
	bool is_same = have->version >= 0 && count == have->field_count;
	*ret_fields = is_same ? NULL : fields;
	*ret_count = is_same ? 0 : count;
	return ASOF_OK;
}

enum asof_status
asof_push_append_commit(struct asof_push_append *append, const struct asof_push_log *log,
			struct asof_error *err)
{
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(append->session);
	const char *run_id = asof_arena_printf(append->arena, "push-%s", append->file.name);
	struct asof_property properties[] = {
		{ ASOF_PUSH_LOG_ID, run_id },
		{ ASOF_TABLE_CHECKPOINT_INTERVAL, CHECKPOINT_INTERVAL },
	};
	const struct asof_property info[] = { { ASOF_INFO_REQUESTS, append->requests } };
	if (log->snapshot.version >= 0)
		properties[0].value = asof_property_find(
			log->snapshot.properties, log->snapshot.property_count, ASOF_PUSH_LOG_ID);
	if (!run_id)
		return no_memory(append, err);
	struct asof_table_change change = {
		.base_version = log->snapshot.version,
		.added = &append->file,
		.added_count = 1,
		.properties = properties,
		.property_count = ASOF_COUNTOF(properties),
		.info = info,
		.info_count = ASOF_COUNTOF(info),
		.operation = "WRITE",
		.run_id = run_id,
		.now_us = append->arrival_us,
		.io = &io,
	};
	int64_t version = -1;
	ASOF_TRY(changed_fields(append, log, &change.fields, &change.field_count, err));
	ASOF_TRY(asof_fault_point("push.before_commit", err));
	ASOF_TRY(asof_table_append(append->session->lake, &log->snapshot, &change, &version, err));
	if (asof_table_checkpoint_is_due(&log->snapshot, version))
		(void)asof_checkpoint_after_commit(append->session, log->table, version,
						   append->arena);
	return asof_fault_point("push.after_commit", err);
}
