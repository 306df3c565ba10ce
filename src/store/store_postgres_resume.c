/* store_postgres_resume.c - how far a load is, so that the next goes on where it was killed. */
#include <inttypes.h>
#include <stdio.h>

#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

void
asof_postgres_progress_done(struct asof_postgres_progress *progress)
{
	asof_buf_done(&progress->last_key);
	asof_buf_done(&progress->last_copied);
}

/* Does the generation show what the load will? */
static enum asof_status
is_same_shape(struct asof_postgres_conn *conn, int64_t generation,
	      const struct asof_postgres_shape *shape, bool *ret_is_same, struct asof_error *err)
{
	struct asof_postgres_known left = { .generation = generation };
	enum asof_status status = asof_postgres_know_shape(conn, &left, err);
	*ret_is_same = status == ASOF_OK && asof_postgres_shape_equal(&left.shape, shape);
	asof_postgres_shape_done(&left.shape);
	return status;
}

static enum asof_status
take_progress(const struct asof_postgres_answer *answer, struct asof_postgres_progress *progress,
	      struct asof_error *err)
{
	progress->generation = asof_postgres_number(answer, 0, 0);
	progress->row_count = asof_postgres_number(answer, 0, 1);
	progress->size_bytes = (uint64_t)asof_postgres_number(answer, 0, 2);
	progress->is_indexed = asof_postgres_number(answer, 0, 5) == 1;
	asof_postgres_add_hex(&progress->last_key, asof_postgres_cell(answer, 0, 3));
	asof_postgres_add_hex(&progress->last_copied, asof_postgres_cell(answer, 0, 4));
	ASOF_TRY(asof_buf_status(&progress->last_key, err));
	return asof_buf_status(&progress->last_copied, err);
}

enum asof_status
asof_postgres_progress_find(struct asof_postgres_conn *conn, const char *table, const char *tag,
			    const struct asof_postgres_shape *shape,
			    struct asof_postgres_progress *progress, struct asof_error *err)
{
	bool is_same = false;
	const char *const texts[] = { table, tag };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_texts(
		conn,
		"select loading, load_rows, load_bytes, encode(load_key, 'hex'),"
		" encode(load_copied, 'hex'), exists (select from pg_index where indisprimary and"
		" indrelid = to_regclass('asof_online_g' || loading))::int"
		" from asof_online where name = $1 and load_tag = $2 and loading is not null",
		texts, 2, &answer, err));
	if (asof_postgres_row_count(&answer) == 0)
		return ASOF_OK;
	ASOF_TRY(is_same_shape(conn, asof_postgres_number(&answer, 0, 0), shape, &is_same, err));
	return is_same ? take_progress(&answer, progress, err) : ASOF_OK;
}

enum asof_status
asof_postgres_progress_write(struct asof_postgres_conn *conn, const char *table,
			     const struct asof_postgres_progress *progress, struct asof_error *err)
{
	char numbers[2][24];
	struct asof_str key = asof_buf_view(&progress->last_key);
	struct asof_str copied = asof_buf_view(&progress->last_copied);
	(void)snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, progress->row_count);
	(void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, progress->size_bytes);
	const char *const bytes[] = { table, numbers[0], numbers[1], key.len > 0 ? key.ptr : "",
				      copied.len > 0 ? copied.ptr : "" };
	const int lengths[] = { 0, 0, 0, (int)key.len, (int)copied.len };
	static const int formats[] = { 0, 0, 0, 1, 1 };
	const struct asof_postgres_values values = { 5, bytes, lengths, formats };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	return asof_postgres_ask_with(
		&conn->link,
		"update asof_online set load_rows = $2::bigint, load_bytes = $3::bigint,"
		" load_key = $4::bytea, load_copied = $5::bytea where name = $1",
		&values, &answer, err);
}

enum asof_status
asof_postgres_progress_delete(struct asof_postgres_conn *conn, const char *table,
			      struct asof_error *err)
{
	const char *const texts[] = { table };
	return asof_postgres_ask_texts(conn,
				       "update asof_online set load_tag = null, load_rows = null,"
				       " load_bytes = null, load_key = null, load_copied = null"
				       " where name = $1",
				       texts, 1, NULL, err);
}
