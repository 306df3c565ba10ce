/* canonical_parts.c - texts for people, tags, keys and the order of features. */
#include "define/canonical_parts.h"

#include <stdlib.h>

void
asof_canonical_done(struct asof_canonical *w)
{
	asof_arena_done(&w->arena);
}

void
asof_canonical_about(struct asof_canonical *w, const char *key, const char *text)
{
	if (text && !w->for_hash)
		asof_json_member_cstr(&w->json, key, text);
}

void
asof_canonical_tags(struct asof_canonical *w, const struct asof_about *about)
{
	if (w->for_hash || about->tag_count == 0)
		return;
	asof_json_key_cstr(&w->json, "tags");
	asof_json_begin_array(&w->json);
	for (size_t i = 0; i < about->tag_count; i++)
		asof_json_cstr(&w->json, about->tags[i]);
	asof_json_end_array(&w->json);
}

void
asof_canonical_keys(struct asof_canonical *w, const char *name, const struct asof_key *keys,
		    size_t count)
{
	char text[ASOF_TYPE_TEXT_MAX];
	asof_json_key_cstr(&w->json, name);
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < count; i++)
		asof_json_member_cstr(&w->json, keys[i].name, asof_type_text(keys[i].type, text));
	asof_json_end_object(&w->json);
}

static int
by_feature_name(const void *a, const void *b)
{
	const struct asof_feature *const *left = a;
	const struct asof_feature *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

enum asof_status
asof_canonical_features(struct asof_canonical *w, asof_canonical_feature_fn *write,
			struct asof_error *err)
{
	const struct asof_view *view = w->view;
	const struct asof_feature **features =
		asof_arena_array(&w->arena, view->feature_count, sizeof(const void *));
	if (!features)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "features of '%s'", view->name);
	for (size_t i = 0; i < view->feature_count; i++)
		features[i] = &view->features[i];
	if (w->for_hash && view->feature_count > 0)
		qsort(features, view->feature_count, sizeof(const void *), by_feature_name);
	asof_json_key_cstr(&w->json, "features");
	asof_json_begin_object(&w->json);
	for (size_t i = 0; i < view->feature_count; i++)
		ASOF_TRY(write(w, features[i], err));
	asof_json_end_object(&w->json);
	return ASOF_OK;
}
