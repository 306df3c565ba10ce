/*
 * postgres_link.h - one connection to PostgreSQL: made, used and lost within deadlines, its errors
 * in our words. One thread at a time.
 *
 * Every failure leaves `may_retry` and `code` behind. No message holds the URI, which may hold a
 * password. A connection that does not answer in time is closed.
 */
#ifndef ASOF_POSTGRES_LINK_H
#define ASOF_POSTGRES_LINK_H

#include "postgres/postgres_place.h"

/* Of libpq, which is not seen outside this folder. */
struct pg_conn;
struct pg_result;

/* All-zero: not connected. */
struct asof_postgres_link {
	struct pg_conn *conn; /* NULL: not connected */
	/* The last failure may pass by itself, and what was asked for may be asked again: the
	 * server is away or starting, or it has undone the transaction for the sake of another. */
	bool may_retry;
	bool is_patient;    /* answers may take any time, as long as the server is there */
	char code[6];       /* SQLSTATE of the last failure; "" where it had none */
	const char *rights; /* what a user needs, told where the server denies something */
};

/* Connect. ASOF_INVALID: wrong credentials, ASOF_NOT_FOUND: no such database, ASOF_UNAVAILABLE,
 * ASOF_TIMEOUT. The place's texts outlive the link. */
ASOF_NODISCARD enum asof_status asof_postgres_link_open(struct asof_postgres_link *link,
							const struct asof_postgres_place *place,
							struct asof_error *err);
void asof_postgres_link_close(struct asof_postgres_link *link);
/* After a failure: no transaction stays open, and no connection that is of no use. Keeps
 * `may_retry` and `code`. */
void asof_postgres_link_recover(struct asof_postgres_link *link);
/* Did the last failure have this SQLSTATE? */
bool asof_postgres_link_failed_with(const struct asof_postgres_link *link, const char *code);

/* --- answers --- */

/* All-zero: none. */
struct asof_postgres_answer {
	struct pg_result *result;
};

void asof_postgres_answer_done(struct asof_postgres_answer *answer);
size_t asof_postgres_row_count(const struct asof_postgres_answer *answer);
size_t asof_postgres_column_count(const struct asof_postgres_answer *answer);
const char *asof_postgres_column_name(const struct asof_postgres_answer *answer, size_t column);
uint32_t asof_postgres_column_type(const struct asof_postgres_answer *answer, size_t column);
/* Text, or the bytes of a binary answer: NUL-terminated, borrowed from the answer. */
struct asof_str asof_postgres_cell(const struct asof_postgres_answer *answer, size_t row,
				   size_t column);
bool asof_postgres_is_null(const struct asof_postgres_answer *answer, size_t row, size_t column);
/* How many rows the statement changed. */
int64_t asof_postgres_changed(const struct asof_postgres_answer *answer);

/* --- statements --- */

/* Oids of types, which never change. */
#define ASOF_POSTGRES_BYTES 17
#define ASOF_POSTGRES_INT64 20
#define ASOF_POSTGRES_TEXT  25

/* Parameters of a statement. */
struct asof_postgres_values {
	size_t count;
	const char *const *bytes; /* NULL: SQL's null */
	const int *lengths;       /* of binary ones; NULL where all are text */
	const int *formats;       /* 1: binary, 0: text; NULL where all are text */
};

/* Statements (separated by ";") for their effect. */
ASOF_NODISCARD enum asof_status asof_postgres_run(struct asof_postgres_link *link, const char *sql,
						  struct asof_error *err);
/* The same for the last one's answer, in text. *ret_answer is replaced. */
ASOF_NODISCARD enum asof_status asof_postgres_ask(struct asof_postgres_link *link, const char *sql,
						  struct asof_postgres_answer *ret_answer,
						  struct asof_error *err);
/* One statement with parameters of types that follow from it; the answer is text. */
ASOF_NODISCARD enum asof_status asof_postgres_ask_with(struct asof_postgres_link *link,
						       const char *sql,
						       const struct asof_postgres_values *values,
						       struct asof_postgres_answer *ret_answer,
						       struct asof_error *err);
/* `types`: oids of the parameters, 0 where the server is to find it. */
ASOF_NODISCARD enum asof_status asof_postgres_prepare(struct asof_postgres_link *link,
						      const char *name, const char *sql,
						      const uint32_t *types, size_t type_count,
						      struct asof_error *err);
ASOF_NODISCARD enum asof_status
asof_postgres_execute(struct asof_postgres_link *link, const char *name,
		      const struct asof_postgres_values *values, bool wants_binary,
		      struct asof_postgres_answer *ret_answer, struct asof_error *err);

/* --- many statements in one round trip --- */

/* Once per statement that was added, in their order. */
typedef enum asof_status asof_postgres_take_fn(void *arg, size_t index,
					       const struct asof_postgres_answer *answer,
					       struct asof_error *err);

/* Statements are added, then read; a failure of one undoes nothing but skips those behind it. What
 * is added is held in memory until it is read: read every few hundred. */
ASOF_NODISCARD enum asof_status asof_postgres_pipe_begin(struct asof_postgres_link *link,
							 struct asof_error *err);
ASOF_NODISCARD enum asof_status asof_postgres_pipe_add(struct asof_postgres_link *link,
						       const char *name,
						       const struct asof_postgres_values *values,
						       bool wants_binary, struct asof_error *err);
/* A statement that is not prepared, without parameters. */
ASOF_NODISCARD enum asof_status asof_postgres_pipe_add_sql(struct asof_postgres_link *link,
							   const char *sql, struct asof_error *err);
/* All answers since the last call; `take` may be NULL. */
ASOF_NODISCARD enum asof_status asof_postgres_pipe_read(struct asof_postgres_link *link,
							asof_postgres_take_fn *take, void *arg,
							struct asof_error *err);
/* After the last read, or a failure of any of the above. */
void asof_postgres_pipe_end(struct asof_postgres_link *link);

/* --- bulk --- */

/* One COPY .. FROM STDIN of `bytes`, whole. */
ASOF_NODISCARD enum asof_status asof_postgres_copy(struct asof_postgres_link *link, const char *sql,
						   struct asof_str bytes, struct asof_error *err);

#endif
