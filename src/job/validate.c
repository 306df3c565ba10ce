/* validate.c - the checks of views against their data. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "job/version_set.h"
#include "job/window_answers.h"
#include "plan/sql.h"

static void
add_condition(struct asof_buf *sql, const struct asof_check *check, const char *output)
{
	switch (check->kind) {
	case ASOF_CHECK_NOT_NULL:
		asof_sql_name(sql, output);
		asof_buf_add_cstr(sql, " IS NULL");
		return;
	case ASOF_CHECK_BETWEEN:
		asof_buf_add_cstr(sql, "NOT (");
		asof_sql_name(sql, output);
		asof_buf_printf(sql, " BETWEEN %.17g AND %.17g)", check->low, check->high);
		return;
	case ASOF_CHECK_IN:
		asof_buf_add_cstr(sql, "CAST(");
		asof_sql_name(sql, output);
		asof_buf_add_cstr(sql, " AS VARCHAR) NOT IN (SELECT unnest(");
		asof_sql_text_list(sql, check->items, check->item_count);
		asof_buf_add_cstr(sql, "))");
		return;
	case ASOF_CHECK_UNIQUE:
		asof_sql_name(sql, output);
		asof_buf_add_cstr(sql, " IS NOT NULL AND count(*) OVER (PARTITION BY ");
		asof_sql_name(sql, output);
		asof_buf_add_cstr(sql, ") > 1");
		return;
	}
}

static const char *
check_text(const struct asof_check *check)
{
	static const char *const texts[] = { [ASOF_CHECK_NOT_NULL] = "not_null",
					     [ASOF_CHECK_BETWEEN] = "between",
					     [ASOF_CHECK_IN] = "in",
					     [ASOF_CHECK_UNIQUE] = "unique" };
	return texts[check->kind];
}

/* The outputs that checks name, each once. */
static enum asof_status
checked_outputs(const struct asof_version_table *table, const struct asof_view *view,
		struct asof_arena *arena, const struct asof_output ***ret_outputs,
		size_t *ret_count, struct asof_error *err)
{
	const struct asof_output **outputs =
		asof_arena_array(arena, view->check_count, sizeof(*outputs));
	if (!outputs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checks of '%s'", view->name);
	size_t count = 0;
	for (size_t i = 0; i < view->check_count; i++) {
		const char *name = view->checks[i].output;
		const struct asof_output *output =
			asof_view_output(table->view, asof_str_from(name));
		if (!output)
			return asof_no_output(table->view, table->version_text, name, err);
		size_t at = 0;
		while (at < count && outputs[at] != output)
			at++;
		if (at == count)
			outputs[count++] = output;
	}
	*ret_outputs = outputs;
	*ret_count = count;
	return ASOF_OK;
}

/*
 * Windows at every tile's END by the kernel: a join onto the tiles themselves, at the instants from
 * which they are available. False where that would take more than the memory there is.
 */
static enum asof_status
answer_tiles(struct asof_session *session, struct asof_engine *engine,
	     const struct asof_version_table *table, const struct asof_output *const *outputs,
	     size_t output_count, bool *ret_is_made, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf spine = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&spine, "(SELECT ");
	for (size_t i = 0; i < table->view->entity->key_count; i++) {
		asof_sql_name(&spine, table->view->entity->keys[i].name);
		asof_buf_add_cstr(&spine, ", ");
	}
	asof_buf_printf(&spine,
			"make_timestamptz(epoch_us(event_time) + %" PRId64 ") AS event_time FROM (",
			table->view->available_after_us);
	asof_plan_table_sql(&spine, &table->plan);
	asof_buf_add_cstr(&spine, "))");
	ASOF_TRY(asof_buf_status(&spine, err));
	struct asof_plan_join_view item = { .table = table->plan,
					    .outputs = outputs,
					    .output_count = output_count };
	struct asof_plan_join join = { .spine_sql = asof_buf_cstr(&spine),
				       .spine_row = "0",
				       .time_column = "event_time",
				       .time_type = "TIMESTAMP WITH TIME ZONE",
				       .views = &item,
				       .view_count = 1 };
	return asof_window_answers(engine, &join, 0, "asof_checked",
				   asof_session_answer_bytes(session), ret_is_made, err);
}

/* FROM item with every output that is checked, by name. */
static enum asof_status
add_checked(struct asof_session *session, struct asof_engine *engine,
	    const struct asof_version_table *table, const struct asof_view *view,
	    struct asof_arena *arena, struct asof_buf *sql, struct asof_error *err)
{
	const struct asof_output **outputs = NULL;
	size_t count = 0;
	bool is_made = false;
	ASOF_TRY(checked_outputs(table, view, arena, &outputs, &count, err));
	if (asof_view_is_windowed(table->view))
		ASOF_TRY(answer_tiles(session, engine, table, outputs, count, &is_made, err));
	if (!is_made)
		return asof_plan_values_sql(&table->plan, sql, err);
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < count; i++) {
		asof_buf_printf(sql, "%sf%zu AS ", i ? ", " : "", i);
		asof_sql_name(sql, outputs[i]->name);
	}
	asof_buf_add_cstr(sql, " FROM asof_checked");
	return ASOF_OK;
}

/* Every check of a view in one pass over its finished values. */
static enum asof_status
count_bad_rows(struct asof_session *session, const struct asof_version_table *table,
	       const struct asof_view *view, struct asof_arena *arena, int64_t *ret_counts,
	       struct asof_error *err)
{
	struct asof_engine *engine = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	ASOF_TRY(asof_session_engine(session, &engine, err));
	asof_buf_add_cstr(&sql, "SELECT ");
	for (size_t i = 0; i < view->check_count; i++)
		asof_buf_printf(&sql, "%scount(*) FILTER (c%zu)", i ? ", " : "", i);
	asof_buf_add_cstr(&sql, " FROM (SELECT ");
	for (size_t i = 0; i < view->check_count; i++) {
		asof_buf_add_cstr(&sql, i ? ", (" : "(");
		add_condition(&sql, &view->checks[i], view->checks[i].output);
		asof_buf_printf(&sql, ") AS c%zu", i);
	}
	asof_buf_add_cstr(&sql, " FROM (");
	ASOF_TRY(add_checked(session, engine, table, view, arena, &sql, err));
	asof_buf_add_cstr(&sql, "))");
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_query_ints(engine, asof_buf_cstr(&sql), ret_counts, view->check_count, err);
}

static enum asof_status
check_view(struct asof_session *session, const struct asof_version_set *set,
	   const struct asof_view *view, struct asof_json_writer *w, bool *is_passed,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_table_done) struct asof_version_table table = { 0 };
	const struct asof_version *version = NULL;
	int64_t *counts = asof_arena_array(&arena, view->check_count + 1, sizeof(*counts));
	if (!counts)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checks of '%s'", view->name);
	if (view->check_count > 0) {
		asof_session_stage(session, "check '%s'", view->name);
		ASOF_TRY(asof_version_set_find(set, view->name, NULL, false, 0, &version, err));
		ASOF_TRY(asof_version_table_open(session, version, &arena, &table, err));
		ASOF_TRY(count_bad_rows(session, &table, view, &arena, counts, err));
	}
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", view->name);
	asof_json_key_cstr(w, "checks");
	asof_json_begin_array(w);
	for (size_t i = 0; i < view->check_count; i++) {
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "feature", view->checks[i].output);
		asof_json_member_cstr(w, "check", check_text(&view->checks[i]));
		asof_json_member_bool(w, "passed", counts[i] == 0);
		asof_json_member_int(w, "bad_rows", counts[i]);
		asof_json_end_object(w);
		*is_passed = *is_passed && counts[i] == 0;
	}
	asof_json_end_array(w);
	asof_json_end_object(w);
	return ASOF_OK;
}

enum asof_status
asof_validate(struct asof_session *session, const char *const *names, size_t name_count,
	      char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_AUTO(asof_version_set_done) struct asof_version_set set = { 0 };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	const struct asof_view **views = NULL;
	size_t count = 0;
	bool is_passed = true;
	ASOF_TRY(asof_session_bind(session, err));
	ASOF_TRY(asof_session_pick_views(session, names, name_count, &arena, &views, &count, err));
	ASOF_TRY(asof_version_set_read(session, &arena, &set, err));

	struct asof_json_writer w = asof_json_writer_to(&json);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, "views");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < count; i++)
		ASOF_TRY(check_view(session, &set, views[i], &w, &is_passed, err));
	asof_json_end_array(&w);
	asof_json_member_bool(&w, "passed", is_passed);
	asof_json_end_object(&w);
	ASOF_TRY(asof_result_text(&json, ret_json, err));
	return is_passed ? ASOF_OK : ASOF_FAIL(err, ASOF_CHECK_FAILED, "a check failed");
}
