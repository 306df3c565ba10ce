#include "job/feature_refs.h"

#include "base/suggest.h"

/* The length of "1", "1.2", "1.2.3" or "latest" before the last ".". */
static size_t
version_length(const char *text)
{
	if (strncmp(text, "latest", 6) == 0)
		return 6;
	size_t len = 0;
	for (;;) {
		size_t digits = strspn(text + len, "0123456789");
		if (digits == 0)
			return len > 0 ? len - 1 : 0; /* the dot before the feature */
		len += digits;
		if (text[len] != '.')
			return len;
		len++;
	}
}

static enum asof_status
bad_ref(const char *text, struct asof_error *err)
{
	return ASOF_FAIL(err, ASOF_INVALID,
			 "'%s' names no feature: say view.feature, view.* or view@1.2.3.feature",
			 text);
}

enum asof_status
asof_feature_ref_parse(const char *text, struct asof_arena *arena, struct asof_feature_ref *ret_ref,
		       struct asof_error *err)
{
	size_t view_len = strcspn(text, "@.");
	const char *rest = text + view_len;
	struct asof_str version = { 0 };
	if (*rest == '@') {
		version = (struct asof_str){ rest + 1, version_length(rest + 1) };
		rest = version.ptr + version.len;
		if (version.len == 0)
			return bad_ref(text, err);
	}
	if (view_len == 0 || *rest != '.' || rest[1] == '\0' || strchr(rest + 1, '.'))
		return bad_ref(text, err);

	*ret_ref = (struct asof_feature_ref){
		.view = asof_arena_copy(arena, (struct asof_str){ text, view_len }),
		.version = version.len ? asof_arena_copy(arena, version) : NULL,
		.feature = asof_arena_copy(arena, asof_str_from(rest + 1)),
	};
	if (!ret_ref->view || !ret_ref->feature || (version.len && !ret_ref->version))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "reference '%s'", text);
	return ASOF_OK;
}

static enum asof_status
refs_of_service(const struct asof_session *session, const char *name, struct asof_arena *arena,
		struct asof_feature_ref **ret_refs, size_t *ret_count, struct asof_error *err)
{
	const struct asof_project *project = session->project;
	const struct asof_service *service = asof_project_service(project, asof_str_from(name));
	if (!service) {
		const char **names =
			asof_arena_array(arena, project->service_count, sizeof(*names));
		for (size_t i = 0; names && i < project->service_count; i++)
			names[i] = project->services[i].name;
		const char *near =
			names ? asof_suggest(asof_str_from(name), names, project->service_count)
			      : NULL;
		if (near)
			return ASOF_FAIL(err, ASOF_NOT_FOUND,
					 "no service '%s' (did you mean '%s'?)", name, near);
		return ASOF_FAIL(err, ASOF_NOT_FOUND, "no service '%s'", name);
	}
	struct asof_feature_ref *refs = asof_arena_array(arena, service->item_count, sizeof(*refs));
	if (!refs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "features of '%s'", name);
	for (size_t i = 0; i < service->item_count; i++)
		refs[i] = (struct asof_feature_ref){ service->items[i].view->name,
						     service->items[i].version,
						     service->items[i].output->name, false };
	*ret_refs = refs;
	*ret_count = service->item_count;
	return ASOF_OK;
}

enum asof_status
asof_feature_refs(struct asof_session *session, const char *service, const char *const *texts,
		  size_t text_count, struct asof_arena *arena, struct asof_feature_ref **ret_refs,
		  size_t *ret_count, struct asof_error *err)
{
	if (service && text_count > 0)
		return ASOF_FAIL(err, ASOF_INVALID, "say a service or features, not both");
	if (service)
		return refs_of_service(session, service, arena, ret_refs, ret_count, err);
	if (text_count == 0)
		return ASOF_FAIL(err, ASOF_INVALID, "say which features: a service, or a list");

	struct asof_feature_ref *refs = asof_arena_array(arena, text_count, sizeof(*refs));
	if (!refs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu features", text_count);
	for (size_t i = 0; i < text_count; i++)
		ASOF_TRY(asof_feature_ref_parse(texts[i], arena, &refs[i], err));
	*ret_refs = refs;
	*ret_count = text_count;
	return ASOF_OK;
}
