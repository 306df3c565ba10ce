#include "job/join_keys.h"

#include "codec/value_text.h"
#include "plan/sql.h"

#define TEXT_BYTES_MAX 256       /* of a text that is written into statements */
#define PLACE_BYTES    6         /* of a text, that a double holds exactly */
#define DAY_MIN        (-719162) /* 0001-01-01 */
#define DAY_MAX        2932896   /* 9999-12-31 */
#define DAY_US         INT64_C(86400000000)

static const struct asof_key *
key_of(const struct asof_view *view)
{
	return &view->entity->keys[0];
}

/* uuid and json are stored as texts of another order, and the rest has no statistics. */
static bool
is_ranged(struct asof_type type)
{
	return type.kind == ASOF_TYPE_INT32 || type.kind == ASOF_TYPE_INT64 ||
	       type.kind == ASOF_TYPE_STRING || type.kind == ASOF_TYPE_DATE ||
	       type.kind == ASOF_TYPE_TIMESTAMP;
}

/* Its literal means it: infinite times and texts with a NUL have none. */
static bool
has_literal(const struct asof_value *value)
{
	if (value->is_null)
		return false;
	switch (value->type.kind) {
	case ASOF_TYPE_STRING:
		return value->str.len <= TEXT_BYTES_MAX &&
		       (value->str.len == 0 || !memchr(value->str.ptr, '\0', value->str.len));
	case ASOF_TYPE_DATE:
		return value->int32 >= DAY_MIN && value->int32 <= DAY_MAX;
	case ASOF_TYPE_TIMESTAMP:
		return value->int64 >= DAY_MIN * DAY_US && value->int64 <= DAY_MAX * DAY_US;
	default:
		return true;
	}
}

/* ---- of a file ---- */

static enum asof_status
read_value(const char *text, struct asof_type type, struct asof_arena *arena,
	   struct asof_value *ret_value, struct asof_error *err)
{
	const struct asof_json *json = NULL;
	*ret_value = asof_value_null(type);
	if (!text)
		return ASOF_OK;
	enum asof_status status = asof_json_read(asof_str_from(text), arena, &json, NULL);
	if (status == ASOF_OK)
		status = asof_value_from_json(json, type, arena, ret_value, NULL);
	if (status == ASOF_NO_MEMORY)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "statistics");
	if (status != ASOF_OK)
		*ret_value = asof_value_null(type);
	return ASOF_OK;
}

enum asof_status
asof_join_keys_of_file(const struct asof_table_file *file, const struct asof_view *view,
		       struct asof_arena *arena, struct asof_join_keys *ret_keys,
		       struct asof_error *err)
{
	const struct asof_key *key = key_of(view);
	struct asof_join_keys keys = { 0 };
	for (size_t i = 0; is_ranged(key->type) && i < file->stats_count; i++) {
		const struct asof_table_stats *stats = &file->stats[i];
		if (strcmp(stats->column, key->name) != 0)
			continue;
		ASOF_TRY(read_value(stats->min_json, key->type, arena, &keys.min, err));
		ASOF_TRY(read_value(stats->max_json, key->type, arena, &keys.max, err));
		keys.is_known = !keys.min.is_null && !keys.max.is_null;
	}
	*ret_keys = keys;
	return ASOF_OK;
}

/* ---- of the spine ---- */

struct asking {
	struct asof_arena *arena;
	struct asof_type type;
	struct asof_join_keys keys;
};

static enum asof_status
keep_value(const struct asking *asking, const struct asof_column *column,
	   struct asof_value *ret_value, struct asof_error *err)
{
	struct asof_value value;
	ASOF_TRY(asof_column_value(column, 0, NULL, &value, err));
	if (!value.is_null && value.type.kind == ASOF_TYPE_STRING) {
		value.str.ptr = asof_arena_copy(asking->arena, value.str);
		if (!value.str.ptr)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "keys of the spine");
	}
	*ret_value = value;
	return ASOF_OK;
}

static enum asof_status
take_ends(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct asking *asking = arg;
	struct asof_join_keys *keys = &asking->keys;
	(void)schema;
	if (batch->row_count != 1 || batch->column_count != 2)
		return ASOF_FAIL(err, ASOF_INTERNAL, "expected one row of two keys");
	ASOF_TRY(keep_value(asking, &batch->columns[0], &keys->min, err));
	ASOF_TRY(keep_value(asking, &batch->columns[1], &keys->max, err));
	keys->is_known = asof_type_equal(keys->min.type, asking->type) && has_literal(&keys->min) &&
			 has_literal(&keys->max);
	return ASOF_OK;
}

static enum asof_status
ask_spine(struct asof_join_run *run, const struct asof_view *view, struct asof_join_keys *ret_keys,
	  struct asof_error *err)
{
	struct asking asking = { .arena = &run->arena, .type = key_of(view)->type };
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(asof_plan_spine_ends_sql(&run->plan, view->entity, &sql, err));
	ASOF_TRY(asof_engine_query(run->engine, asof_buf_cstr(&sql), take_ends, &asking, err));
	*ret_keys = asking.keys;
	ret_keys->is_asked = true;
	return ASOF_OK;
}

static const struct asof_join_keys *
find_asked(const struct asof_join_run *run, const struct asof_key *key)
{
	for (size_t i = 0; i < run->table_count; i++) {
		const struct asof_key *other = key_of(run->tables[i].view);
		if (run->keys[i].is_asked && strcmp(other->name, key->name) == 0 &&
		    asof_type_equal(other->type, key->type))
			return &run->keys[i];
	}
	return NULL;
}

enum asof_status
asof_join_keys_asked(struct asof_join_run *run, size_t index, struct asof_join_keys *ret_keys,
		     struct asof_error *err)
{
	const struct asof_view *view = run->tables[index].view;
	if (!run->keys)
		run->keys = asof_arena_array(&run->arena, run->table_count, sizeof(*run->keys));
	if (!run->keys)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "keys of the spine");
	const struct asof_join_keys *found = find_asked(run, key_of(view));
	if (!found) {
		ASOF_TRY(ask_spine(run, view, &run->keys[index], err));
		found = &run->keys[index];
	}
	*ret_keys = *found;
	return ASOF_OK;
}

/* ---- ranges ---- */

bool
asof_join_keys_are_apart(const struct asof_join_keys *a, const struct asof_join_keys *b)
{
	return a->is_known && b->is_known &&
	       (asof_value_compare(&a->max, &b->min) < 0 ||
		asof_value_compare(&b->max, &a->min) < 0);
}

void
asof_join_keys_widen(struct asof_join_keys *keys, const struct asof_join_keys *by)
{
	keys->is_known = keys->is_known && by->is_known;
	if (!keys->is_known)
		return;
	if (asof_value_compare(&by->min, &keys->min) < 0)
		keys->min = by->min;
	if (asof_value_compare(&by->max, &keys->max) > 0)
		keys->max = by->max;
}

static size_t
shared_bytes(const struct asof_join_keys *keys)
{
	size_t i = 0;
	if (keys->min.type.kind != ASOF_TYPE_STRING)
		return 0;
	while (i < keys->min.str.len && i < keys->max.str.len &&
	       keys->min.str.ptr[i] == keys->max.str.ptr[i])
		i++;
	return i;
}

/* A number that grows with the value: of a text the bytes behind `skipped`, as a fraction. */
static double
place_of(const struct asof_value *value, size_t skipped)
{
	if (value->type.kind == ASOF_TYPE_INT32 || value->type.kind == ASOF_TYPE_DATE)
		return value->int32;
	if (value->type.kind != ASOF_TYPE_STRING)
		return (double)value->int64;
	double place = 0;
	for (size_t i = skipped; i < skipped + PLACE_BYTES; i++)
		place = place * 256 + (i < value->str.len ? (unsigned char)value->str.ptr[i] : 0);
	return place;
}

bool
asof_join_keys_leave(const struct asof_join_keys *all, const struct asof_join_keys *asked,
		     unsigned part)
{
	if (!all->is_known || !asked->is_known)
		return false;
	size_t skipped = shared_bytes(all);
	double min = place_of(&all->min, skipped);
	double max = place_of(&all->max, skipped);
	double outside = 0;
	if (asof_value_compare(&asked->min, &all->min) > 0)
		outside += place_of(&asked->min, skipped) - min;
	if (asof_value_compare(&asked->max, &all->max) < 0)
		outside += max - place_of(&asked->max, skipped);
	return outside * part >= max - min + 1;
}
