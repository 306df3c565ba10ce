/* delta_stats.c - the statistics of a file as the text that the log keeps. */
#include "lake/delta_stats.h"

#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "codec/json_reader.h"
#include "codec/time_text.h"
#include "model/duration.h"

#define TEXT_BYTES_MAX 256
#define US_PER_MS      INT64_C(1000)
#define YEAR_1_US      INT64_C(-62135596800000000) /* 0001-01-01T00:00:00Z */
#define YEAR_10000_US  INT64_C(253402300800000000) /* 10000-01-01T00:00:00Z */

/* Floor division. */
static int64_t
floor_to(int64_t value, int64_t step)
{
	int64_t rest = value % step;
	return value - (rest < 0 ? rest + step : rest);
}

/* "2001-06-29T23:00:00.123Z". False outside the years that other readers can read. */
static bool
write_time(struct asof_json_writer *w, struct asof_str text, bool is_max)
{
	int64_t us;
	if (asof_timestamp_parse(text, &us, NULL) != ASOF_OK || us < YEAR_1_US ||
	    us > YEAR_10000_US)
		return false;
	int64_t ms_us = floor_to(us, US_PER_MS);
	if (is_max && ms_us < us)
		ms_us += US_PER_MS;
	if (ms_us >= YEAR_10000_US)
		return false;

	char out[ASOF_TIME_TEXT_MAX + 8];
	int64_t second_us = floor_to(ms_us, ASOF_US_PER_SECOND);
	size_t len = asof_timestamp_text(second_us, out);
	int more = snprintf(out + len - 1, sizeof(out) - len + 1, ".%03dZ",
			    (int)((ms_us - second_us) / US_PER_MS));
	asof_json_str(w, (struct asof_str){ out, len - 1 + (size_t)more });
	return true;
}

static bool
is_kept_as_number(struct asof_type type)
{
	return asof_type_is_numeric(type) && type.kind != ASOF_TYPE_BOOL;
}

static bool
is_kept_as_text(struct asof_type type)
{
	return type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_UUID ||
	       type.kind == ASOF_TYPE_DATE;
}

/* False where the value has no place in the log. */
static bool
write_value(struct asof_json_writer *w, const struct asof_json *value, struct asof_type type,
	    bool is_max)
{
	if (is_kept_as_number(type) && value->kind == ASOF_JSON_NUMBER) {
		asof_json_raw(w, value->text);
		return true;
	}
	if (value->kind != ASOF_JSON_STRING || value->text.len > TEXT_BYTES_MAX)
		return false;
	if (type.kind == ASOF_TYPE_TIMESTAMP)
		return write_time(w, value->text, is_max);
	if (!is_kept_as_text(type))
		return false;
	asof_json_str(w, value->text);
	return true;
}

/* The value's text, ready to be written behind its name; empty: left out. */
static enum asof_status
value_text(const char *json, struct asof_type type, bool is_max, struct asof_buf *scratch,
	   struct asof_str *ret_text)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *value = NULL;
	*ret_text = (struct asof_str){ NULL, 0 };
	if (!json)
		return ASOF_OK;
	enum asof_status status = asof_json_read(asof_str_from(json), &arena, &value, NULL);
	if (status != ASOF_OK)
		return status == ASOF_NO_MEMORY ? status : ASOF_OK;
	asof_buf_clear(scratch);
	struct asof_json_writer w = asof_json_writer_to(scratch);
	if (write_value(&w, value, type, is_max))
		*ret_text = asof_buf_view(scratch);
	return scratch->status;
}

static const struct asof_field *
find_field(const struct asof_field *fields, size_t field_count, const char *name)
{
	for (size_t i = 0; i < field_count; i++) {
		if (strcmp(asof_field_stored(&fields[i]), name) == 0)
			return &fields[i];
	}
	return NULL;
}

static void
write_bounds(struct asof_json_writer *w, const struct asof_table_file *file,
	     const struct asof_field *fields, size_t field_count, bool is_max)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf scratch = ASOF_BUF(16 * TEXT_BYTES_MAX);
	asof_json_key_cstr(w, is_max ? "maxValues" : "minValues");
	asof_json_begin_object(w);
	for (size_t i = 0; i < file->stats_count; i++) {
		const struct asof_table_stats *stats = &file->stats[i];
		const struct asof_field *field = find_field(fields, field_count, stats->column);
		if (!field)
			continue;
		struct asof_str text;
		enum asof_status status = value_text(is_max ? stats->max_json : stats->min_json,
						     field->type, is_max, &scratch, &text);
		if (status != ASOF_OK)
			w->buf->status = status;
		if (text.len == 0)
			continue;
		asof_json_key_cstr(w, stats->column);
		asof_json_raw(w, text);
	}
	asof_json_end_object(w);
}

void
asof_delta_stats_write(const struct asof_table_file *file, const struct asof_field *fields,
		       size_t field_count, struct asof_buf *buf)
{
	if (file->row_count < 0 && file->stats_count == 0)
		return;
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	if (file->row_count >= 0)
		asof_json_member_int(&w, "numRecords", file->row_count);
	write_bounds(&w, file, fields, field_count, false);
	write_bounds(&w, file, fields, field_count, true);
	asof_json_key_cstr(&w, "nullCount");
	asof_json_begin_object(&w);
	for (size_t i = 0; i < file->stats_count; i++) {
		const struct asof_table_stats *stats = &file->stats[i];
		if (stats->null_count >= 0 && find_field(fields, field_count, stats->column))
			asof_json_member_int(&w, stats->column, stats->null_count);
	}
	asof_json_end_object(&w);
	asof_json_end_object(&w);
}

/* --- reading -----------------------------------------------------------------------------------
 */

struct columns {
	struct asof_arena *arena;
	struct asof_map places; /* name -> its statistics */
	struct asof_table_stats *stats;
	size_t count;
};

static void
columns_done(struct columns *columns)
{
	asof_map_done(&columns->places);
}

/* Its statistics, made where there are none yet. */
static enum asof_status
make_column(struct columns *columns, struct asof_str name, struct asof_table_stats **ret_stats,
	    struct asof_error *err)
{
	void *found = NULL;
	if (asof_map_find(&columns->places, name, &found)) {
		*ret_stats = found;
		return ASOF_OK;
	}
	const char *copy = asof_arena_copy(columns->arena, name);
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics");
	struct asof_table_stats *stats = &columns->stats[columns->count];
	ASOF_TRY(asof_map_put(&columns->places, name, stats, err));
	*stats = (struct asof_table_stats){ .column = copy, .null_count = -1 };
	columns->count++;
	*ret_stats = stats;
	return ASOF_OK;
}

static const char *
copy_json(const struct asof_json *value, struct asof_arena *arena)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf text = ASOF_BUF((size_t)1 << 24);
	struct asof_json_writer w = asof_json_writer_to(&text);
	asof_json_write(&w, value);
	return text.status == ASOF_OK ? asof_arena_copy(arena, asof_buf_view(&text)) : NULL;
}

static bool
is_scalar(const struct asof_json *value)
{
	return value->kind == ASOF_JSON_NUMBER || value->kind == ASOF_JSON_STRING ||
	       value->kind == ASOF_JSON_BOOL;
}

enum what { MIN_VALUES, MAX_VALUES, NULL_COUNT };

static enum asof_status
set_statistic(struct asof_table_stats *stats, enum what what, const struct asof_json *value,
	      struct asof_arena *arena, struct asof_error *err)
{
	if (what == NULL_COUNT) {
		int64_t count;
		if (value->kind == ASOF_JSON_NUMBER && asof_int64_parse(value->text, &count) &&
		    count >= 0)
			stats->null_count = count;
		return ASOF_OK;
	}
	const char *copy = copy_json(value, arena);
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics");
	if (what == MIN_VALUES)
		stats->min_json = copy;
	else
		stats->max_json = copy;
	return ASOF_OK;
}

/* Nested objects are statistics of struct columns: not ours. */
static enum asof_status
read_object(const struct asof_json *object, enum what what, struct columns *columns,
	    struct asof_error *err)
{
	for (size_t i = 0; object && i < object->count; i++) {
		if (!is_scalar(&object->items[i]) || object->names[i].len == 0 ||
		    memchr(object->names[i].ptr, '\0', object->names[i].len))
			continue;
		struct asof_table_stats *stats = NULL;
		ASOF_TRY(make_column(columns, object->names[i], &stats, err));
		ASOF_TRY(set_statistic(stats, what, &object->items[i], columns->arena, err));
	}
	return ASOF_OK;
}

static const struct asof_json *
object_member(const struct asof_json *root, const char *name)
{
	const struct asof_json *member = asof_json_member(root, name);
	return member && member->kind == ASOF_JSON_OBJECT ? member : NULL;
}

enum asof_status
asof_delta_stats_read(struct asof_str text, struct asof_arena *arena, struct asof_table_file *file,
		      struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	const struct asof_json *root = NULL;
	enum asof_status status = asof_json_read(text, &scratch, &root, err);
	if (status == ASOF_NO_MEMORY)
		return status;
	if (status != ASOF_OK)
		return ASOF_WRAP(err, ASOF_CORRUPT, "statistics");
	if (root->kind != ASOF_JSON_OBJECT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "statistics: no object");

	const struct asof_json *objects[] = { object_member(root, "minValues"),
					      object_member(root, "maxValues"),
					      object_member(root, "nullCount") };
	size_t most = 0;
	for (size_t i = 0; i < ASOF_COUNTOF(objects); i++)
		most += objects[i] ? objects[i]->count : 0;
	ASOF_AUTO(columns_done) struct columns columns = { .arena = arena };
	columns.stats = asof_arena_array(arena, most, sizeof(*columns.stats));
	if (!columns.stats)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics");
	for (size_t i = 0; i < ASOF_COUNTOF(objects); i++)
		ASOF_TRY(read_object(objects[i], (enum what)i, &columns, err));

	const struct asof_json *rows = asof_json_member(root, "numRecords");
	int64_t row_count = -1;
	if (!rows || rows->kind != ASOF_JSON_NUMBER || !asof_int64_parse(rows->text, &row_count) ||
	    row_count < 0)
		row_count = -1;
	file->row_count = row_count;
	file->stats = columns.stats;
	file->stats_count = columns.count;
	return ASOF_OK;
}
