/* join_on_demand_sql.c - the one SELECT around the joined rows that computes on-demand features. */
#include <stdio.h>

#include "job/join_on_demand.h"
#include "plan/sql.h"

/* "view__feature" */
static void
add_column_name(struct asof_buf *sql, const struct asof_join_run *run, size_t column)
{
	const struct asof_plan_join_view *item = &run->views[run->columns[column].view];
	char name[2 * ASOF_NAME_MAX + 4];
	(void)snprintf(name, sizeof(name), "%s__%s", item->table.view->name,
		       item->outputs[run->columns[column].output]->name);
	asof_sql_name(sql, name);
}

/* Instants are computed with as UTC's clock shows them, and written as the instants they are. */
static void
add_shown(struct asof_buf *sql, const struct asof_join_run *run,
	  const struct asof_join_shown *shown)
{
	if (!shown->is_on_demand) {
		asof_buf_printf(sql, ", \"_asof_f%zu\" AS ", shown->index);
		add_column_name(sql, run, shown->index);
		return;
	}
	const struct asof_view *view = run->on_demand->views[shown->index].view;
	bool is_instant = shown->output->type.kind == ASOF_TYPE_TIMESTAMP;
	asof_buf_printf(sql, ", %s(\n%s\n)", is_instant ? "make_timestamptz(epoch_us(" : "CAST(",
			shown->output->feature->expr.text);
	asof_buf_add_cstr(sql, is_instant ? ")) AS " : " AS ");
	if (!is_instant) {
		asof_sql_type(sql, shown->output->type);
		asof_buf_add_cstr(sql, ") AS ");
	}
	char name[2 * ASOF_NAME_MAX + 4];
	(void)snprintf(name, sizeof(name), "%s__%s", view->name, shown->output->name);
	asof_sql_name(sql, name);
}

static void
add_request_value(struct asof_buf *sql, const struct asof_join_run *run,
		  const struct asof_key *value)
{
	const struct asof_field *field = asof_join_spine_field(&run->spine, value->name);
	ASOF_AUTO(asof_buf_done) struct asof_buf name = ASOF_BUF(1024);
	asof_sql_name(&name, value->name);
	if (value->type.kind == ASOF_TYPE_TIMESTAMP && asof_sql_is_time(field->type_text)) {
		asof_buf_add_cstr(sql, ", make_timestamp(");
		asof_sql_time_us(sql, asof_buf_cstr(&name), field->type_text, NULL);
		asof_buf_add_char(sql, ')');
	} else if (value->type.kind == ASOF_TYPE_DATE) {
		asof_buf_printf(sql, ", nullif(nullif(CAST(%s AS DATE), 'infinity'), '-infinity')",
				asof_buf_cstr(&name));
	} else {
		asof_buf_printf(sql, ", CAST(%s AS ", asof_buf_cstr(&name));
		if (value->type.kind == ASOF_TYPE_TIMESTAMP)
			asof_buf_add_cstr(sql, "TIMESTAMP");
		else
			asof_sql_type(sql, value->type);
		asof_buf_add_char(sql, ')');
	}
	asof_buf_printf(sql, " AS %s", asof_buf_cstr(&name));
}

/* Whether an earlier view of the join has given the name. */
static bool
is_given(const struct asof_join_on_demand *on_demand, size_t before, const char *name, bool is_view)
{
	for (size_t i = 0; i < before; i++) {
		const struct asof_on_demand *other = on_demand->views[i].view->on_demand;
		for (size_t k = 0; is_view && k < other->read_count; k++) {
			if (strcmp(other->reads[k].name, name) == 0)
				return true;
		}
		for (size_t k = 0; !is_view && k < other->request_count; k++) {
			if (strcmp(other->request[k].name, name) == 0)
				return true;
		}
	}
	return false;
}

/* An infinite time is none: what is online has it so, too. */
static void
add_read_value(struct asof_buf *sql, const struct asof_join_run *run, size_t column,
	       struct asof_type type)
{
	bool is_date = type.kind == ASOF_TYPE_DATE;
	asof_buf_add_cstr(sql, type.kind == ASOF_TYPE_TIMESTAMP ? " := make_timestamp(epoch_us("
			       : is_date                        ? " := (nullif(nullif("
								: " := ((");
	add_column_name(sql, run, column);
	asof_buf_add_cstr(sql, is_date ? ", 'infinity'), '-infinity'))" : "))");
}

/* A view as a STRUCT of all its joined features: what `users.clicks` is a field of. */
static void
add_read(struct asof_buf *sql, const struct asof_join_run *run, const char *view)
{
	bool is_first = true;
	asof_buf_add_cstr(sql, ", struct_pack(");
	for (size_t i = 0; i < run->column_count; i++) {
		const struct asof_plan_join_view *item = &run->views[run->columns[i].view];
		const struct asof_output *output = item->outputs[run->columns[i].output];
		if (strcmp(item->table.view->name, view) != 0)
			continue;
		asof_sql_comma(sql, &is_first);
		asof_sql_name(sql, output->name);
		add_read_value(sql, run, i, output->type);
	}
	asof_buf_add_cstr(sql, ") AS ");
	asof_sql_name(sql, view);
}

static void
add_head(struct asof_buf *sql, const struct asof_join_run *run)
{
	const struct asof_join_on_demand *on_demand = run->on_demand;
	asof_buf_add_cstr(sql, "SELECT ");
	for (size_t i = 0; i < run->spine.field_count; i++) {
		asof_buf_printf(sql, "%s\"_asof_s%zu\" AS ", i ? ", " : "", i);
		asof_sql_name(sql, run->spine.fields[i].name);
	}
	for (size_t i = 0; i < on_demand->shown_count; i++)
		add_shown(sql, run, &on_demand->shown[i]);
	asof_buf_add_cstr(sql, " FROM (SELECT ");
	for (size_t i = 0; i < run->spine.field_count; i++) {
		asof_buf_add_cstr(sql, i ? ", " : "");
		asof_sql_name(sql, run->spine.fields[i].name);
		asof_buf_printf(sql, " AS \"_asof_s%zu\"", i);
	}
	for (size_t i = 0; i < run->column_count; i++) {
		asof_buf_add_cstr(sql, ", ");
		add_column_name(sql, run, i);
		asof_buf_printf(sql, " AS \"_asof_f%zu\"", i);
	}
	for (size_t i = 0; i < on_demand->view_count; i++) {
		const struct asof_on_demand *view = on_demand->views[i].view->on_demand;
		for (size_t k = 0; k < view->request_count; k++) {
			if (!is_given(on_demand, i, view->request[k].name, false))
				add_request_value(sql, run, &view->request[k]);
		}
		for (size_t k = 0; k < view->read_count; k++) {
			if (!is_given(on_demand, i, view->reads[k].name, true))
				add_read(sql, run, view->reads[k].name);
		}
	}
	asof_buf_add_cstr(sql, " FROM ");
}

enum asof_status
asof_join_on_demand_sql(struct asof_join_run *run, const char **ret_head, const char **ret_tail,
			struct asof_error *err)
{
	struct asof_join_on_demand *on_demand = run->on_demand;
	*ret_head = NULL;
	*ret_tail = NULL;
	if (!on_demand)
		return ASOF_OK;
	if (!on_demand->head) {
		ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
		add_head(&sql, run);
		ASOF_TRY(asof_buf_status(&sql, err));
		on_demand->head = asof_arena_copy(&run->arena, asof_buf_view(&sql));
		if (!on_demand->head)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "on-demand features");
	}
	*ret_head = on_demand->head;
	*ret_tail = ")";
	return ASOF_OK;
}
