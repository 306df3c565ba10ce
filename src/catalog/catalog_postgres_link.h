/*
 * catalog_postgres_link.h - one connection to PostgreSQL: made, used and lost within deadlines, its
 * errors in our words. One thread at a time.
 */
#ifndef ASOF_CATALOG_POSTGRES_LINK_H
#define ASOF_CATALOG_POSTGRES_LINK_H

#include <libpq-fe.h>

#include "base/base.h"

/* All-zero: not connected. */
struct asof_postgres_link {
	PGconn *conn; /* NULL: not connected */
	/* The last failure may pass by itself, and what was asked for may be asked again: the
	 * server is away or starting, or it has undone the transaction for the sake of another. */
	bool may_retry;
};

void asof_postgres_link_close(struct asof_postgres_link *link);

/* Connect to a URI. ASOF_INVALID: wrong credentials, ASOF_NOT_FOUND: no such database,
 * ASOF_UNAVAILABLE, ASOF_TIMEOUT. No message holds the URI, which may hold a password. */
ASOF_NODISCARD enum asof_status asof_postgres_link_open(struct asof_postgres_link *link,
							const char *uri, struct asof_error *err);

static inline void
asof_postgres_result_free(PGresult **result)
{
	PQclear(*result);
}

/* The answer to what was just sent (`is_sent`: what the PQsend function said), or its error. Owned
 * by the caller. A connection that does not answer in time is closed. */
ASOF_NODISCARD enum asof_status asof_postgres_link_answer(struct asof_postgres_link *link,
							  int is_sent, PGresult **ret_result,
							  struct asof_error *err);
/* Statements (separated by ";") for their effect. */
ASOF_NODISCARD enum asof_status asof_postgres_link_run(struct asof_postgres_link *link,
						       const char *sql, struct asof_error *err);

#endif
