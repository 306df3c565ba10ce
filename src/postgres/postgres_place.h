/*
 * postgres_place.h - where a PostgreSQL database is, as a URI of asof's says it. Immutable.
 *
 * The URI is libpq's; two parameters are ours and taken out of it:
 *   password_env=NAME   the password is the environment's variable NAME
 *   schema=NAME         where tables are
 */
#ifndef ASOF_POSTGRES_PLACE_H
#define ASOF_POSTGRES_PLACE_H

#include "base/arena.h"

/* Texts live in the arena, or in the environment. */
struct asof_postgres_place {
	const char *uri;      /* "postgresql://...", libpq's part; may hold a password */
	const char *password; /* of password_env; NULL: none */
	const char *schema;   /* NULL: none given */
	const char *shown;    /* host and port, for messages */
	const char *settings; /* SQL for each new connection, or NULL; set by who connects */
	const char *rights;   /* what its user needs; set by who connects */
};

/* `location` is what stands behind "postgres:". ASOF_INVALID says what is wrong with it. */
ASOF_NODISCARD enum asof_status asof_postgres_place_read(struct asof_str location,
							 struct asof_arena *arena,
							 struct asof_postgres_place *ret_place,
							 struct asof_error *err);

#endif
