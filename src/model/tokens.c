/* tokens.c - bearer tokens and what they allow. */
#include "model/tokens.h"

#include <assert.h>

#define HASH_LEN (ASOF_SHA256_TEXT_MAX - 1)

void
asof_tokens_free(struct asof_tokens *tokens)
{
	if (!tokens)
		return;
	asof_arena_done(&tokens->arena);
	asof_mem_free(tokens);
}

const char *
asof_right_text(enum asof_right right)
{
	static const char *const texts[] = { "none", "read", "push", "admin" };
	_Static_assert(ASOF_COUNTOF(texts) == ASOF_RIGHT_COUNT, "one text per right");
	assert((size_t)right < ASOF_COUNTOF(texts));
	return texts[right];
}

bool
asof_token_scope_has(const struct asof_token_scope *scope, struct asof_str name)
{
	if (!scope->is_limited)
		return true;
	for (size_t i = 0; i < scope->count; i++) {
		if (asof_str_equal(name, asof_str_from(scope->names[i])))
			return true;
	}
	return false;
}

/* 1 where both are the same, else 0, in the same time. `volatile` keeps the loop whole. */
static size_t
is_same_hash(const char *left, const char *right)
{
	volatile unsigned differs = 0;
	for (size_t i = 0; i < HASH_LEN; i++)
		differs |= (unsigned)(unsigned char)left[i] ^ (unsigned)(unsigned char)right[i];
	return 1 & ((differs - 1) >> 8);
}

enum asof_status
asof_tokens_find(const struct asof_tokens *tokens, struct asof_str secret,
		 const struct asof_token **ret_token, struct asof_error *err)
{
	char hash[ASOF_SHA256_TEXT_MAX];
	ASOF_TRY(asof_sha256_text(secret, hash, err));
	size_t found = 0; /* one more than the index */
	for (size_t i = 0; i < tokens->count; i++)
		found |= (i + 1) & (0 - is_same_hash(hash, tokens->items[i].sha256));
	*ret_token = found > 0 ? &tokens->items[found - 1] : NULL;
	return ASOF_OK;
}
