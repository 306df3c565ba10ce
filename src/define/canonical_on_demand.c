/* canonical_on_demand.c - the canonical definition of a view that is computed where it is read. */
#include <stdio.h>
#include <stdlib.h>

#include "define/canonical.h"
#include "define/canonical_parts.h"

static int
by_key_name(const void *a, const void *b)
{
	const struct asof_key *left = a;
	const struct asof_key *right = b;
	return strcmp(left->name, right->name);
}

/* Which values come with a request counts, not in which order they are declared. */
static enum asof_status
write_request(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_on_demand *on_demand = w->view->on_demand;
	size_t count = on_demand->request_count;
	struct asof_key *keys = asof_arena_array(&w->arena, count, sizeof(*keys));
	if (!keys)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "definition of '%s'", w->view->name);
	if (count > 0)
		memcpy(keys, on_demand->request, count * sizeof(*keys));
	if (w->for_hash && count > 0)
		qsort(keys, count, sizeof(*keys), by_key_name);
	asof_canonical_keys(w, "request", keys, count);
	return ASOF_OK;
}

static enum asof_status
write_computed(struct asof_canonical *w, const struct asof_feature *feature, struct asof_error *err)
{
	char text[ASOF_TYPE_TEXT_MAX];
	const struct asof_output *output = asof_view_output(w->view, asof_str_from(feature->name));
	(void)err;
	asof_json_key_cstr(&w->json, feature->name);
	asof_json_begin_object(&w->json);
	asof_canonical_about(w, "description", feature->description);
	asof_json_member_cstr(&w->json, "expr", feature->expr.text);
	asof_json_member_cstr(&w->json, "type", asof_type_text(output->type, text));
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

static void
write_reads(struct asof_canonical *w)
{
	const struct asof_on_demand *on_demand = w->view->on_demand;
	char text[ASOF_TYPE_TEXT_MAX];
	asof_json_key_cstr(&w->json, "reads");
	asof_json_begin_object(&w->json);
	for (size_t i = on_demand->request_count; i < on_demand->input_count; i++) {
		const struct asof_operand *input = &on_demand->inputs[i];
		char name[2 * ASOF_NAME_MAX + 4];
		(void)snprintf(name, sizeof(name), "%s.%s", input->view, input->name);
		asof_json_member_cstr(&w->json, name, asof_type_text(input->type, text));
	}
	asof_json_end_object(&w->json);
}

static enum asof_status
write_on_demand(struct asof_canonical *w, struct asof_error *err)
{
	const struct asof_view *view = w->view;
	const struct asof_on_demand *on_demand = view->on_demand;
	asof_json_key_cstr(&w->json, view->name);
	asof_json_begin_object(&w->json);
	asof_json_key_cstr(&w->json, "definitions");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < on_demand->read_count; i++)
		asof_json_member_cstr(&w->json, on_demand->reads[i].name, on_demand->reads[i].hash);
	asof_json_end_object(&w->json);
	asof_canonical_about(w, "description", view->about.description);
	ASOF_TRY(asof_canonical_features(w, write_computed, err));
	asof_canonical_keys(w, "keys", view->entity->keys, view->entity->key_count);
	asof_json_key_cstr(&w->json, "on_demand");
	asof_json_bool(&w->json, true);
	asof_canonical_about(w, "owner", view->about.owner);
	write_reads(w);
	ASOF_TRY(write_request(w, err));
	asof_canonical_tags(w, &view->about);
	asof_json_end_object(&w->json);
	return ASOF_OK;
}

enum asof_status
asof_canonical_on_demand(const struct asof_project *project, const struct asof_view *view,
			 bool for_hash, struct asof_buf *buf, struct asof_error *err)
{
	ASOF_AUTO(asof_canonical_done)
	struct asof_canonical w = { .json = asof_json_writer_to(buf),
				    .view = view,
				    .for_hash = for_hash };
	if (!view->entity)
		return ASOF_FAIL(err, ASOF_INVALID, "view '%s' is not bound", view->name);
	asof_json_begin_object(&w.json);
	if (!for_hash && project->name[0])
		asof_json_member_cstr(&w.json, "project", project->name);
	asof_json_key_cstr(&w.json, "views");
	asof_json_begin_object(&w.json);
	ASOF_TRY(write_on_demand(&w, err));
	asof_json_end_object(&w.json);
	asof_json_end_object(&w.json);
	return asof_buf_status(buf, err);
}
