/* explain_on_demand.c - what a join computes from what it joined, and where the same is computed
 * for a request. */
#include "job/join_on_demand.h"

static enum asof_status
write_reads(struct asof_json_writer *w, struct asof_join_run *run, const char *expr,
	    struct asof_error *err)
{
	const char **names = NULL;
	size_t count = 0;
	ASOF_TRY(asof_engine_expression_names(run->engine, expr, &run->arena, &names, &count, NULL,
					      err));
	asof_json_key_cstr(w, "reads");
	asof_json_begin_array(w);
	for (size_t i = 0; i < count; i++)
		asof_json_cstr(w, names[i]);
	asof_json_end_array(w);
	return ASOF_OK;
}

static enum asof_status
write_feature(struct asof_json_writer *w, struct asof_join_run *run,
	      const struct asof_join_shown *shown, struct asof_error *err)
{
	const struct asof_version_table *table = &run->on_demand->views[shown->index];
	const char *expr = shown->output->feature->expr.text;
	char type[ASOF_TYPE_TEXT_MAX];
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "view", table->view->name);
	asof_json_member_text(w, "version", table->version_text);
	asof_json_member_cstr(w, "feature", shown->output->name);
	asof_json_member_cstr(w, "type", asof_type_text(shown->output->type, type));
	asof_json_member_cstr(w, "expr", expr);
	ASOF_TRY(write_reads(w, run, expr, err));
	asof_json_member_cstr(w, "offline", "sql");
	asof_json_member_cstr(w, "online", "evaluator");
	asof_json_end_object(w);
	return ASOF_OK;
}

enum asof_status
asof_explain_on_demand(struct asof_json_writer *w, struct asof_join_run *run,
		       struct asof_error *err)
{
	const struct asof_join_on_demand *on_demand = run->on_demand;
	const char *head = NULL;
	const char *tail = NULL;
	if (!on_demand)
		return ASOF_OK;
	asof_json_key_cstr(w, "on_demand");
	asof_json_begin_array(w);
	for (size_t i = 0; i < on_demand->shown_count; i++) {
		if (on_demand->shown[i].is_on_demand)
			ASOF_TRY(write_feature(w, run, &on_demand->shown[i], err));
	}
	asof_json_end_array(w);
	ASOF_TRY(asof_join_on_demand_sql(run, &head, &tail, err));
	asof_json_key_cstr(w, "on_demand_sql");
	asof_json_begin_object(w);
	asof_json_member_cstr(w, "before", head);
	asof_json_member_cstr(w, "behind", tail);
	asof_json_end_object(w);
	return ASOF_OK;
}
