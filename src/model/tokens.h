/*
 * tokens.h - who may ask a server for what: names, rights, and SHA-256 hashes of bearer tokens.
 *
 * Immutable and thread-safe once read. A token itself is never kept: whoever reads the file cannot
 * use it.
 */
#ifndef ASOF_MODEL_TOKENS_H
#define ASOF_MODEL_TOKENS_H

#include "base/arena.h"
#include "model/digest.h"

/* What a client must be allowed to do. */
enum asof_right {
	ASOF_RIGHT_NONE, /* probes */
	ASOF_RIGHT_READ,
	ASOF_RIGHT_PUSH,
	ASOF_RIGHT_ADMIN,
};
#define ASOF_RIGHT_COUNT 4

/* Some things by name, or all of them. */
struct asof_token_scope {
	bool is_limited;
	const char **names;
	size_t count;
};

struct asof_token {
	const char *name;
	const char *sha256; /* of the token's bytes: 64 hexadecimal digits, lower case */
	bool rights[ASOF_RIGHT_COUNT];
	struct asof_token_scope services; /* whose features may be read */
	struct asof_token_scope sources;  /* that may be pushed to */
};

struct asof_tokens {
	struct asof_arena arena;
	struct asof_token *items;
	size_t count;
};

/* NULL is a no-op. */
void asof_tokens_free(struct asof_tokens *tokens);
ASOF_DEFINE_AUTOFREE(struct asof_tokens, asof_tokens_free)

/* "read"; what the file calls it. */
const char *asof_right_text(enum asof_right right);
bool asof_token_scope_has(const struct asof_token_scope *scope, struct asof_str name);

/* The token that a client showed, or NULL where it is none of these. Takes as long for any: all
 * hashes are compared, each to its end. ASOF_NO_MEMORY where it could not be told. */
ASOF_NODISCARD enum asof_status asof_tokens_find(const struct asof_tokens *tokens,
						 struct asof_str secret,
						 const struct asof_token **ret_token,
						 struct asof_error *err);

#endif
