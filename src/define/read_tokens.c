/* read_tokens.c - the file of a server's tokens: `tokens: {checkout: {sha256: .., rights:
 * [read]}}`. */
#include <stdio.h>

#include "base/suggest.h"
#include "define/read.h"

#define TOKENS_MAX 1000

static const char *const right_names[] = { "read", "push", "admin" };
static const enum asof_right rights[] = { ASOF_RIGHT_READ, ASOF_RIGHT_PUSH, ASOF_RIGHT_ADMIN };

/* The text is not shown: who puts the token itself there finds it in no log. */
static void
read_hash(struct asof_reading *r, const struct asof_yaml *node, struct asof_token *token)
{
	token->sha256 = "";
	const char *text = asof_read_text(r, node, "sha256");
	if (!text)
		return;
	size_t digits = strspn(text, "0123456789abcdef");
	if (digits == ASOF_SHA256_TEXT_MAX - 1 && text[digits] == '\0')
		token->sha256 = text;
	else
		asof_mistakes_add(r->mistakes, node->place,
				  "sha256 of token '%s' is not 64 hexadecimal digits in lower "
				  "case, as `sha256sum` prints them",
				  token->name);
}

static void
read_rights(struct asof_reading *r, const struct asof_yaml *node, struct asof_token *token)
{
	if (!asof_read_is_list(r, node, "a list of rights, as in [read]"))
		return;
	if (node->count == 0)
		asof_mistakes_add(r->mistakes, node->place, "token '%s' has no rights",
				  token->name);
	for (size_t i = 0; i < node->count; i++) {
		size_t at = asof_read_choice(r, node->items[i], "right", right_names,
					     ASOF_COUNTOF(right_names), SIZE_MAX);
		if (at != SIZE_MAX)
			token->rights[rights[at]] = true;
	}
}

/* Names that exist in the project; all where node is NULL. */
static enum asof_status
read_scope(struct asof_reading *r, const struct asof_yaml *node, const char *what,
	   const char *const *known, size_t known_count, struct asof_token_scope *scope,
	   struct asof_error *err)
{
	if (!node)
		return ASOF_OK;
	scope->is_limited = true;
	if (!asof_read_is_list(r, node, "a list of names"))
		return ASOF_OK;
	scope->names = asof_arena_array(r->arena, node->count, sizeof(*scope->names));
	if (!scope->names)
		return asof_no_memory(err);
	for (size_t i = 0; i < node->count; i++) {
		const struct asof_yaml *item = node->items[i];
		const char *name = asof_read_text(r, item, what);
		size_t k = 0;
		while (name && k < known_count && strcmp(known[k], name) != 0)
			k++;
		if (name && k == known_count)
			asof_mistakes_add(r->mistakes, item->place, "no %s '%s'%s", what, name,
					  asof_reading_hint(r, name, known, known_count));
		else if (name)
			scope->names[scope->count++] = name;
	}
	return ASOF_OK;
}

/* What tokens may be limited to. */
struct scopes {
	const char **services;
	size_t service_count;
	const char **sources;
	size_t source_count;
};

static enum asof_status
gather_names(struct asof_reading *r, const struct asof_project *project, struct scopes *ret_scopes,
	     struct asof_error *err)
{
	struct scopes scopes = { .service_count = project->service_count,
				 .source_count = project->source_count };
	scopes.services = asof_arena_array(r->arena, scopes.service_count, sizeof(char *));
	scopes.sources = asof_arena_array(r->arena, scopes.source_count, sizeof(char *));
	if (!scopes.services || !scopes.sources)
		return asof_no_memory(err);
	for (size_t i = 0; i < scopes.service_count; i++)
		scopes.services[i] = project->services[i].name;
	for (size_t i = 0; i < scopes.source_count; i++)
		scopes.sources[i] = project->sources[i].name;
	*ret_scopes = scopes;
	return ASOF_OK;
}

static void
refuse_missing(struct asof_reading *r, const struct asof_yaml_pair *pair, const char *member)
{
	asof_mistakes_add(r->mistakes, pair->key->place, "token '%s' has no '%s'", pair->key->text,
			  member);
}

static enum asof_status
read_token(struct asof_reading *r, const struct asof_yaml_pair *pair, const struct scopes *scopes,
	   struct asof_token *token, struct asof_error *err)
{
	const struct asof_yaml *sha256 = NULL;
	const struct asof_yaml *right_list = NULL;
	const struct asof_yaml *services = NULL;
	const struct asof_yaml *sources = NULL;
	const struct asof_member members[] = {
		{ "sha256", &sha256 },
		{ "rights", &right_list },
		{ "services", &services },
		{ "sources", &sources },
	};
	char what[ASOF_NAME_MAX + 16];
	token->name = pair->key->text;
	token->sha256 = "";
	if (!asof_read_name(r, pair->key, "token"))
		return ASOF_OK;
	(void)snprintf(what, sizeof(what), "token '%s'", token->name);
	if (!asof_read_members(r, pair->value, what, members, ASOF_COUNTOF(members)))
		return ASOF_OK;
	if (sha256)
		read_hash(r, sha256, token);
	else
		refuse_missing(r, pair, "sha256");
	if (right_list)
		read_rights(r, right_list, token);
	else
		refuse_missing(r, pair, "rights");
	ASOF_TRY(read_scope(r, services, "service", scopes->services, scopes->service_count,
			    &token->services, err));
	return read_scope(r, sources, "source", scopes->sources, scopes->source_count,
			  &token->sources, err);
}

/* Of two tokens with one hash nobody could tell which one was shown. */
static void
refuse_equal_hashes(struct asof_reading *r, const struct asof_yaml *node,
		    const struct asof_tokens *tokens)
{
	for (size_t i = 0; i < tokens->count; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct asof_token *one = &tokens->items[i];
			const struct asof_token *other = &tokens->items[k];
			if (one->sha256[0] && strcmp(one->sha256, other->sha256) == 0)
				asof_mistakes_add(r->mistakes, node->pairs[i].key->place,
						  "tokens '%s' and '%s' have the same sha256",
						  one->name, other->name);
		}
	}
}

static enum asof_status
read_all(struct asof_reading *r, const struct asof_yaml *root, const struct asof_project *project,
	 struct asof_tokens *tokens, struct asof_error *err)
{
	const struct asof_yaml *list = NULL;
	const struct asof_member members[] = { { "tokens", &list } };
	struct scopes scopes = { 0 };
	if (!asof_read_members(r, root, root->place.file, members, ASOF_COUNTOF(members)))
		return ASOF_OK;
	bool is_map = list && asof_read_is_map(r, list, "a mapping of tokens by name");
	if (!list || (is_map && list->count == 0)) {
		asof_mistakes_add(r->mistakes, root->place, "no token: 'tokens' is %s",
				  list ? "empty" : "missing");
		return ASOF_OK;
	}
	if (is_map && list->count > TOKENS_MAX) {
		asof_mistakes_add(r->mistakes, list->place, "more than %d tokens", TOKENS_MAX);
		return ASOF_OK;
	}
	if (!is_map)
		return ASOF_OK;
	ASOF_TRY(gather_names(r, project, &scopes, err));
	tokens->items = asof_arena_array(r->arena, list->count, sizeof(*tokens->items));
	if (!tokens->items)
		return asof_no_memory(err);
	for (size_t i = 0; i < list->count; i++)
		ASOF_TRY(read_token(r, &list->pairs[i], &scopes, &tokens->items[tokens->count++],
				    err));
	refuse_equal_hashes(r, list, tokens);
	return ASOF_OK;
}

enum asof_status
asof_define_parse_tokens(struct asof_str text, const char *file_name,
			 const struct asof_project *project, struct asof_tokens **ret_tokens,
			 struct asof_error *err)
{
	ASOF_AUTO(asof_tokens_free_auto)
	struct asof_tokens *tokens = asof_mem_alloc(sizeof(*tokens));
	if (!tokens)
		return asof_no_memory(err);
	ASOF_AUTO(asof_mistakes_done) struct asof_mistakes mistakes = { 0 };
	struct asof_reading r = { .arena = &tokens->arena, .mistakes = &mistakes };
	const struct asof_yaml *root = NULL;
	bool is_broken = false;
	const char *file = asof_arena_copy(&tokens->arena, asof_str_from(file_name));
	if (!file)
		return asof_no_memory(err);
	ASOF_TRY(asof_yaml_parse(text, file, &tokens->arena, &mistakes, &root, &is_broken, err));
	if (root)
		ASOF_TRY(read_all(&r, root, project, tokens, err));
	else if (!is_broken)
		asof_mistakes_add(&mistakes, (struct asof_place){ file, 0, 0 },
				  "is empty: no token is in it");
	ASOF_TRY(asof_mistakes_status(&mistakes, err));
	*ret_tokens = ASOF_STEAL(tokens);
	return ASOF_OK;
}

enum asof_status
asof_define_read_tokens(const char *path, const struct asof_project *project,
			struct asof_tokens **ret_tokens, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(ASOF_FILE_BYTES_MAX + 8192);
	enum asof_status status = asof_read_file(path, &buf, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "file of tokens '%s'", path);
	return asof_define_parse_tokens(asof_buf_view(&buf), path, project, ret_tokens, err);
}
