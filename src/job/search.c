/* search.c - registered definitions that say something: names, descriptions, owners, tags, columns,
 * expressions. */
#define _GNU_SOURCE /* strcasestr */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_writer.h"
#include "base/suggest.h"
#include "codec/json_reader.h"
#include "job/session.h"

#define HITS_MAX  1000
#define NAMES_MAX 100000

/* How a text holds what is looked for; the better, the greater. */
enum rank { NOTHING, SUBSTRING, WORD, PREFIX, EXACT };

struct hit {
	const char *kind; /* "view", "feature", "entity", "source", "service" */
	const char *name;
	const char *where; /* "name", "description", "expression", ... */
	const char *text;
	enum rank rank;
	bool is_name; /* a name says more than a text about it */
};

struct search {
	struct asof_arena arena;
	const char *wanted;
	struct hit *hits;
	size_t hit_count;
	size_t hit_capacity;
	const char **names; /* all there are, to suggest one */
	size_t name_count;
	size_t name_capacity;
};

static void
search_done(struct search *search)
{
	asof_mem_free(search->hits);
	asof_mem_free(search->names);
	asof_arena_done(&search->arena);
}

static bool
is_word_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static enum rank
rank_of(const char *text, const char *wanted)
{
	size_t len = strlen(wanted);
	enum rank best = NOTHING;
	if (strcasecmp(text, wanted) == 0)
		return EXACT;
	if (strncasecmp(text, wanted, len) == 0)
		return PREFIX;
	for (const char *at = text; (at = strcasestr(at, wanted)); at++) {
		bool is_word = (at == text || !is_word_char(at[-1])) && !is_word_char(at[len]);
		if (is_word)
			return WORD;
		best = SUBSTRING;
	}
	return best;
}

static int
weight(const struct hit *hit)
{
	return (int)hit->rank + (hit->is_name ? EXACT : 0);
}

/* One hit per thing: the best. */
static enum asof_status
add_hit(struct search *search, const struct hit *hit, struct asof_error *err)
{
	for (size_t i = 0; i < search->hit_count; i++) {
		struct hit *there = &search->hits[i];
		if (strcmp(there->kind, hit->kind) != 0 || strcmp(there->name, hit->name) != 0)
			continue;
		if (weight(hit) > weight(there))
			*there = *hit;
		return ASOF_OK;
	}
	if (search->hit_count == HITS_MAX)
		return ASOF_OK;
	void *hits = search->hits;
	ASOF_TRY(asof_mem_reserve(&hits, &search->hit_capacity, search->hit_count + 1,
				  sizeof(*search->hits), err));
	search->hits = hits;
	search->hits[search->hit_count++] = *hit;
	return ASOF_OK;
}

static enum asof_status
add_name(struct search *search, const char *name, struct asof_error *err)
{
	if (search->name_count == NAMES_MAX)
		return ASOF_OK;
	void *names = search->names;
	ASOF_TRY(asof_mem_reserve(&names, &search->name_capacity, search->name_count + 1,
				  sizeof(*search->names), err));
	search->names = names;
	search->names[search->name_count++] = name;
	return ASOF_OK;
}

/* The thing that texts found belong to. */
struct thing {
	const char *kind;
	const char *name;
};

static enum asof_status
meet_text(struct search *search, const struct thing *thing, const char *where, struct asof_str text,
	  bool is_name, struct asof_error *err)
{
	const char *copy = asof_arena_copy(&search->arena, text);
	if (!copy)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
	if (is_name)
		ASOF_TRY(add_name(search, copy, err));
	const struct hit hit = {
		thing->kind, thing->name, where, copy, rank_of(copy, search->wanted), is_name
	};
	return hit.rank == NOTHING ? ASOF_OK : add_hit(search, &hit, err);
}

/* Every text below, by the name of the member that holds it. */
static enum asof_status
meet_texts(struct search *search, const struct thing *thing, const char *where,
	   const struct asof_json *value, struct asof_error *err)
{
	if (value->kind == ASOF_JSON_STRING)
		return meet_text(search, thing, where, value->text, false, err);
	if (value->kind != ASOF_JSON_ARRAY && value->kind != ASOF_JSON_OBJECT)
		return ASOF_OK;
	for (size_t i = 0; i < value->count; i++) {
		const char *below = where;
		if (value->kind == ASOF_JSON_OBJECT) {
			below = asof_arena_copy(&search->arena, value->names[i]);
			if (!below)
				return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
		}
		ASOF_TRY(meet_texts(search, thing, below, &value->items[i], err));
	}
	return ASOF_OK;
}

static enum asof_status
meet_features(struct search *search, const struct thing *view, const struct asof_json *features,
	      struct asof_error *err)
{
	for (size_t i = 0; features->kind == ASOF_JSON_OBJECT && i < features->count; i++) {
		const char *full = asof_arena_printf(&search->arena, "%s.%.*s", view->name,
						     ASOF_STR_ARG(features->names[i]));
		const struct thing feature = { "feature", full };
		if (!full)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
		ASOF_TRY(meet_text(search, &feature, "name", asof_str_from(full), true, err));
		ASOF_TRY(meet_text(search, &feature, "name", features->names[i], true, err));
		ASOF_TRY(meet_texts(search, &feature, "feature", &features->items[i], err));
	}
	return ASOF_OK;
}

/* A member of "views", "sources", ... of a canonical definition. */
static enum asof_status
meet_thing(struct search *search, const char *kind, struct asof_str name,
	   const struct asof_json *value, struct asof_error *err)
{
	const struct thing thing = { kind, asof_arena_copy(&search->arena, name) };
	if (!thing.name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
	ASOF_TRY(meet_text(search, &thing, "name", name, true, err));
	for (size_t i = 0; value->kind == ASOF_JSON_OBJECT && i < value->count; i++) {
		const struct asof_json *member = &value->items[i];
		const char *where = asof_arena_copy(&search->arena, value->names[i]);
		if (!where)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
		if (strcmp(kind, "view") == 0 && strcmp(where, "features") == 0)
			ASOF_TRY(meet_features(search, &thing, member, err));
		else
			ASOF_TRY(meet_texts(search, &thing, where, member, err));
	}
	return ASOF_OK;
}

static enum asof_status
meet_definition(void *arg, const struct asof_definition *definition, struct asof_error *err)
{
	static const char *const sections[][2] = { { "views", "view" },
						   { "entities", "entity" },
						   { "sources", "source" },
						   { "services", "service" } };
	struct search *search = arg;
	const struct asof_json *root = NULL;
	enum asof_status status =
		asof_json_read(asof_str_from(definition->json), &search->arena, &root, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "definition of '%s'", definition->name);
	bool is_sectioned = false;
	for (size_t s = 0; s < ASOF_COUNTOF(sections); s++) {
		const struct asof_json *section = asof_json_member(root, sections[s][0]);
		if (!section || section->kind != ASOF_JSON_OBJECT)
			continue;
		is_sectioned = true;
		for (size_t i = 0; i < section->count; i++)
			ASOF_TRY(meet_thing(search, sections[s][1], section->names[i],
					    &section->items[i], err));
	}
	if (is_sectioned)
		return ASOF_OK;
	const char *kind = asof_arena_copy(&search->arena, asof_str_from(definition->kind));
	if (!kind)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "search");
	return meet_thing(search, kind, asof_str_from(definition->name), root, err);
}

static int
compare_hits(const void *a, const void *b)
{
	const struct hit *left = a;
	const struct hit *right = b;
	if (weight(left) != weight(right))
		return weight(left) > weight(right) ? -1 : 1;
	int kinds = strcmp(left->kind, right->kind);
	return kinds ? kinds : strcmp(left->name, right->name);
}

static void
write_hits(struct asof_json_writer *w, const struct search *search)
{
	const char *near = search->hit_count ? NULL
					     : asof_suggest(asof_str_from(search->wanted),
							    search->names, search->name_count);
	asof_json_begin_object(w);
	asof_json_key_cstr(w, "found");
	asof_json_begin_array(w);
	for (size_t i = 0; i < search->hit_count; i++) {
		const struct hit *hit = &search->hits[i];
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "kind", hit->kind);
		asof_json_member_cstr(w, "name", hit->name);
		asof_json_member_cstr(w, "where", hit->where);
		asof_json_member_cstr(w, "text", hit->text);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
	asof_json_key_cstr(w, "suggestion");
	if (near)
		asof_json_cstr(w, near);
	else
		asof_json_null(w);
	asof_json_end_object(w);
}

enum asof_status
asof_search(struct asof_session *session, const char *text, char **ret_json, struct asof_error *err)
{
	ASOF_AUTO(search_done) struct search search = { .wanted = text };
	ASOF_AUTO(asof_buf_done) struct asof_buf json = ASOF_BUF(ASOF_RESULT_BYTES_MAX);
	struct asof_catalog *catalog = NULL;
	if (text[0] == '\0')
		return ASOF_FAIL(err, ASOF_INVALID, "nothing to look for");
	ASOF_TRY(asof_session_catalog(session, &catalog, err));
	ASOF_TRY(asof_catalog_definitions(catalog, NULL, meet_definition, &search, err));
	if (search.hit_count > 1)
		qsort(search.hits, search.hit_count, sizeof(*search.hits), compare_hits);
	struct asof_json_writer w = asof_json_writer_to(&json);
	write_hits(&w, &search);
	return asof_result_text(&json, ret_json, err);
}
