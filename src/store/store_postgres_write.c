/* store_postgres_write.c - rows into generations: puts and updates, pipelined, in one transaction.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

#define PIPE_ROWS  256 /* in flight at once */
#define PIPE_BYTES ((size_t)4 << 20)
#define BYTES_MAX  ((size_t)1 << 32) /* of one row */
#define PUT_TRIES  4                 /* a table that is missing is made, and may be dropped again */

/* Parameters of a statement, taken out of a row's fields. */
struct parameters {
	const char **bytes;
	int *lengths;
	int *formats;
	size_t count;
	struct asof_buf row;
};

static void
parameters_done(struct parameters *p)
{
	asof_mem_free(p->bytes);
	asof_mem_free(p->lengths);
	asof_mem_free(p->formats);
	asof_buf_done(&p->row);
}

static enum asof_status
parameters_init(struct parameters *p, size_t count, struct asof_error *err)
{
	p->row = ASOF_BUF(BYTES_MAX);
	p->bytes = asof_mem_alloc(count * sizeof(*p->bytes));
	p->lengths = asof_mem_alloc(count * sizeof(*p->lengths));
	p->formats = asof_mem_alloc(count * sizeof(*p->formats));
	if (!p->bytes || !p->lengths || !p->formats)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu parameters", count);
	for (size_t i = 0; i < count; i++)
		p->formats[i] = 1;
	p->count = count;
	return ASOF_OK;
}

static void
parameters_set(struct parameters *p)
{
	const char *at = p->row.ptr;
	for (size_t i = 0; i < p->count; i++) {
		uint32_t len = asof_postgres_raw32(at);
		bool is_null = len == UINT32_MAX;
		p->bytes[i] = is_null ? NULL : at + 4;
		p->lengths[i] = is_null ? 0 : (int)len;
		at += 4 + (is_null ? 0 : len);
	}
}

static void
write_name(int64_t generation, enum asof_postgres_write write, char out[48])
{
	(void)snprintf(out, 48, "write_%d_%" PRId64, (int)write, generation);
}

static enum asof_status
prepare_write(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
	      enum asof_postgres_write write, struct asof_error *err)
{
	char name[48];
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	ASOF_TRY(asof_postgres_know_shape(conn, known, err));
	if (known->has_write[write])
		return ASOF_OK;
	write_name(known->generation, write, name);
	asof_postgres_add_write(&sql, known->generation, &known->shape, write);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_postgres_prepare(&conn->link, name, asof_buf_cstr(&sql), NULL, 0, err));
	known->has_write[write] = true;
	return ASOF_OK;
}

static enum asof_status
count_written(void *arg, size_t index, const struct asof_postgres_answer *answer,
	      struct asof_error *err)
{
	(void)index;
	(void)err;
	*(size_t *)arg += (size_t)asof_postgres_changed(answer);
	return ASOF_OK;
}

static enum asof_status
send_rows(struct asof_postgres_conn *conn, const struct asof_postgres_rows *rows, const char *name,
	  struct parameters *p, size_t *written, struct asof_error *err)
{
	size_t pending_bytes = 0;
	ASOF_TRY(asof_postgres_pipe_begin(&conn->link, err));
	for (size_t i = 0; i < rows->count; i++) {
		asof_buf_clear(&p->row);
		ASOF_TRY(asof_postgres_add_row(&p->row, &rows->items[rows->order[i]], rows->fields,
					       p->count - ASOF_POSTGRES_ROW_HEAD, err));
		parameters_set(p);
		struct asof_postgres_values values = { p->count, p->bytes, p->lengths, p->formats };
		ASOF_TRY(asof_postgres_pipe_add(&conn->link, name, &values, false, err));
		pending_bytes += p->row.len;
		if ((i + 1) % PIPE_ROWS != 0 && pending_bytes < PIPE_BYTES)
			continue;
		ASOF_TRY(asof_postgres_pipe_read(&conn->link, count_written, written, err));
		pending_bytes = 0;
	}
	return asof_postgres_pipe_read(&conn->link, count_written, written, err);
}

enum asof_status
asof_postgres_write_rows(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
			 enum asof_postgres_write write, const struct asof_postgres_rows *rows,
			 size_t *ret_written, struct asof_error *err)
{
	char name[48];
	size_t written = 0;
	ASOF_AUTO(parameters_done) struct parameters p = { 0 };
	ASOF_TRY(prepare_write(conn, known, write, err));
	ASOF_TRY(parameters_init(&p, ASOF_POSTGRES_ROW_HEAD + known->shape.count, err));
	write_name(known->generation, write, name);
	enum asof_status status = send_rows(conn, rows, name, &p, &written, err);
	asof_postgres_pipe_end(&conn->link);
	*ret_written = written;
	return status;
}

/* The same, of rows of a table whose fields may be others than those that are shown. */
static enum asof_status
write_table_rows(struct asof_postgres_conn *conn, struct asof_postgres_known *known,
		 enum asof_postgres_write write, const struct asof_store_table *table,
		 struct asof_postgres_rows rows, size_t *ret_written, struct asof_error *err)
{
	ASOF_TRY(asof_postgres_know_shape(conn, known, err));
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	size_t *fields = asof_arena_array(&arena, known->shape.count + 1, sizeof(*fields));
	if (!fields)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", known->shape.count);
	asof_postgres_shape_match(&known->shape, table, fields);
	rows.fields = fields;
	return asof_postgres_write_rows(conn, known, write, &rows, ret_written, err);
}

struct keyed {
	struct asof_str key;
	size_t index;
};

static int
compare_keyed(const void *a, const void *b)
{
	const struct keyed *left = a;
	const struct keyed *right = b;
	int order = asof_str_compare(left->key, right->key);
	if (order != 0)
		return order;
	return left->index < right->index ? -1 : left->index > right->index;
}

/* Rows by key; those of one key stay in their order. */
/* Sorts `keyed`. */
static enum asof_status
order_keyed(struct keyed *keyed, size_t count, struct asof_arena *arena, const size_t **ret_order,
	    struct asof_error *err)
{
	size_t *order = asof_arena_array(arena, count + 1, sizeof(*order));
	if (!order)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu keys", count);
	qsort(keyed, count, sizeof(*keyed), compare_keyed);
	for (size_t i = 0; i < count; i++)
		order[i] = keyed[i].index;
	*ret_order = order;
	return ASOF_OK;
}

enum asof_status
asof_postgres_order_keys(const struct asof_str *keys, size_t count, struct asof_arena *arena,
			 const size_t **ret_order, struct asof_error *err)
{
	struct keyed *keyed = asof_arena_array(arena, count + 1, sizeof(*keyed));
	if (!keyed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu keys", count);
	for (size_t i = 0; i < count; i++)
		keyed[i] = (struct keyed){ keys[i], i };
	return order_keyed(keyed, count, arena, ret_order, err);
}

enum asof_status
asof_postgres_order_rows(struct asof_postgres_rows *rows, struct asof_arena *arena,
			 struct asof_error *err)
{
	struct keyed *keyed = asof_arena_array(arena, rows->count + 1, sizeof(*keyed));
	if (!keyed)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu rows", rows->count);
	for (size_t i = 0; i < rows->count; i++)
		keyed[i] = (struct keyed){ rows->items[i].key, i };
	return order_keyed(keyed, rows->count, arena, &rows->order, err);
}

/* --- put ---------------------------------------------------------------------------------------
 */

struct put {
	struct asof_postgres_store *store;
	const struct asof_store_table *table;
	struct asof_postgres_rows rows;
	size_t written;
};

static enum asof_status
ask_set_generation(struct asof_postgres_conn *conn, const char *table, const char *view_name,
		   int64_t generation, struct asof_error *err)
{
	char number[24];
	const char *const texts[] = { table, view_name, number };
	(void)snprintf(number, sizeof(number), "%" PRId64, generation);
	return asof_postgres_ask_texts(
		conn,
		"insert into asof_online (name, shown_as, generation, shown) values"
		" ($1, $2, $3::bigint, $3::bigint) on conflict (name) do update set"
		" generation = excluded.generation, shown = excluded.shown,"
		" meta = '', log = 0, position = 0",
		texts, 3, NULL, err);
}

/* A table for the put that needs it. */
static enum asof_status
make_table(struct asof_postgres_store *store, struct asof_postgres_conn *conn,
	   const struct asof_store_table *table, struct asof_error *err)
{
	struct asof_postgres_record record;
	ASOF_AUTO(asof_postgres_shape_done) struct asof_postgres_shape shape = { 0 };
	char view_name[ASOF_POSTGRES_NAME_MAX];
	int64_t generation = 0;
	ASOF_TRY(asof_postgres_shape_make(&shape, table, err));
	ASOF_TRY(asof_postgres_view_name(table->name, view_name, err));
	ASOF_TRY(asof_postgres_begin(store, conn, table->name, ASOF_POSTGRES_ALONE, &record, err));
	if (record.mark.generation != 0) /* another one made it meanwhile */
		return asof_postgres_run(&conn->link, "rollback", err);
	ASOF_TRY(asof_postgres_check_shown(conn, table->name, record.shown, &shape, err));
	ASOF_TRY(asof_postgres_make_generation(conn, table->name, &shape, false, &generation, err));
	ASOF_TRY(asof_postgres_show(conn, table->name, record.shown, generation, &shape, err));
	ASOF_TRY(ask_set_generation(conn, table->name, view_name, generation, err));
	return asof_postgres_run(&conn->link, "commit", err);
}

/* Begin, with the table there. */
static enum asof_status
begin_put(struct asof_postgres_conn *conn, const struct put *put,
	  struct asof_postgres_record *record, struct asof_error *err)
{
	for (int try = 0; try < PUT_TRIES; try++) {
		ASOF_TRY(asof_postgres_begin(put->store, conn, put->table->name,
					     ASOF_POSTGRES_SHARED, record, err));
		if (record->mark.generation != 0)
			return ASOF_OK;
		ASOF_TRY(asof_postgres_run(&conn->link, "rollback", err));
		ASOF_TRY(make_table(put->store, conn, put->table, err));
	}
	return ASOF_FAIL(err, ASOF_UNAVAILABLE, "another program drops '%s' again and again",
			 put->table->name);
}

/* May be repeated: the same rows once more replace themselves. */
static enum asof_status
attempt_put(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct put *put = arg;
	struct asof_postgres_record record;
	struct asof_postgres_table *table = NULL;
	size_t ignored = 0;
	ASOF_TRY(begin_put(conn, put, &record, err));
	ASOF_TRY(asof_postgres_conn_table(conn, put->table->name, &table, err));
	ASOF_TRY(asof_postgres_know(conn, &table->current, (int64_t)record.mark.generation, err));
	ASOF_TRY(write_table_rows(conn, &table->current, ASOF_POSTGRES_UPSERT, put->table,
				  put->rows, &put->written, err));
	if (record.loading != 0) {
		ASOF_TRY(asof_postgres_know(conn, &table->loading, record.loading, err));
		ASOF_TRY(write_table_rows(conn, &table->loading, ASOF_POSTGRES_LOG, put->table,
					  put->rows, &ignored, err));
	}
	ASOF_TRY(asof_fault_point("store.put.before_commit", err));
	ASOF_TRY(asof_postgres_run(&conn->link, "commit", err));
	return asof_fault_point("store.put.after_commit", err);
}

enum asof_status
asof_postgres_put(struct asof_store *store, const struct asof_store_table *table,
		  const struct asof_store_row *rows, size_t row_count, size_t *ret_written,
		  struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct put put = { .store = (struct asof_postgres_store *)store,
			   .table = table,
			   .rows = { .items = rows, .count = row_count } };
	ASOF_TRY(asof_postgres_order_rows(&put.rows, &arena, err));
	ASOF_TRY(asof_postgres_with(put.store, attempt_put, &put, err));
	*ret_written = put.written;
	return ASOF_OK;
}

/* --- update ------------------------------------------------------------------------------------
 */

struct update {
	struct asof_postgres_store *store;
	const struct asof_store_table *table;
	const struct asof_store_mark *mark;
	struct asof_store_position position;
	struct asof_postgres_rows rows;
	bool is_repeated;
};

static enum asof_status
set_position(struct asof_postgres_conn *conn, const struct update *update, struct asof_error *err)
{
	char numbers[2][24];
	const char *const texts[] = { update->table->name, numbers[0], numbers[1] };
	(void)snprintf(numbers[0], sizeof(numbers[0]), "%" PRId64, (int64_t)update->position.log);
	(void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, update->position.version);
	return asof_postgres_ask_texts(conn,
				       "update asof_online set log = $2::bigint, position ="
				       " $3::bigint where name = $1",
				       texts, 3, NULL, err);
}

static enum asof_status
update_from_mark(struct asof_postgres_conn *conn, const struct update *update,
		 struct asof_error *err)
{
	struct asof_postgres_table *table = NULL;
	size_t ignored = 0;
	ASOF_TRY(asof_postgres_conn_table(conn, update->table->name, &table, err));
	ASOF_TRY(asof_postgres_know(conn, &table->current, (int64_t)update->mark->generation, err));
	ASOF_TRY(write_table_rows(conn, &table->current, ASOF_POSTGRES_SET, update->table,
				  update->rows, &ignored, err));
	ASOF_TRY(set_position(conn, update, err));
	ASOF_TRY(asof_fault_point("store.update.before_commit", err));
	ASOF_TRY(asof_postgres_run(&conn->link, "commit", err));
	return asof_fault_point("store.update.after_commit", err);
}

/* Where it is repeated since the answer was lost, it may be done already. Who else goes from there
 * to the same position has merged the same rows of the log. */
static enum asof_status
attempt_update(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct update *update = arg;
	bool was_tried = update->is_repeated;
	struct asof_postgres_record record;
	struct asof_store_mark done = { update->mark->generation, update->position };
	update->is_repeated = true;
	ASOF_TRY(asof_postgres_begin(update->store, conn, update->table->name, ASOF_POSTGRES_ALONE,
				     &record, err));
	if (asof_store_mark_equal(&record.mark, update->mark))
		return update_from_mark(conn, update, err);
	ASOF_TRY(asof_postgres_run(&conn->link, "rollback", err));
	if (was_tried && asof_store_mark_equal(&record.mark, &done))
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", update->table->name);
}

enum asof_status
asof_postgres_update(struct asof_store *store, const struct asof_store_table *table,
		     const struct asof_store_mark *mark, struct asof_store_position position,
		     const struct asof_store_row *rows, size_t row_count, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct update update = { .store = (struct asof_postgres_store *)store,
				 .table = table,
				 .mark = mark,
				 .position = position,
				 .rows = { .items = rows, .count = row_count } };
	ASOF_TRY(asof_postgres_order_rows(&update.rows, &arena, err));
	return asof_postgres_with(update.store, attempt_update, &update, err);
}
