/* store_postgres_load.c - loads: tables of their own filled by COPY, an index, then the switch. */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/pause.h"
#include "store/store_postgres.h"
#include "store/store_postgres_value.h"

#define CHUNK_BYTES    ((size_t)16 << 20) /* of one COPY, which is a transaction */
#define ROWS_BYTES_MAX (CHUNK_BYTES + ASOF_STORE_VALUE_MAX + ((size_t)1 << 30))
#define SHOW_TRIES     8 /* about three seconds, for whoever reads the view for people */

static const struct asof_pause show_pause = { .first_ms = 50, .most_ms = 800 };

/* What COPY begins with: signature, flags, length of what may follow them. */
static const char copy_head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
#define COPY_HEAD_BYTES 19

struct postgres_load {
	struct asof_store_load base; /* must be first */
	struct asof_postgres_store *store;
	const char *table;               /* in the shape's arena */
	struct asof_postgres_conn *conn; /* of its own: the load's lock falls with it */
	struct asof_postgres_shape shape;
	size_t *fields;                         /* by column of the shape; in its arena */
	const char *tag;                        /* in it too; NULL: not to be gone on with */
	struct asof_postgres_progress progress; /* with what is below it. With its index all further
						   rows go to the log */
	struct asof_buf rows;                   /* in COPY's form, keys ascending */
	struct asof_buf log;                    /* those that do not ascend */
	int64_t durable_count;
};

static void
load_free(struct postgres_load *load)
{
	if (!load)
		return;
	asof_postgres_conn_free(load->conn);
	asof_postgres_shape_done(&load->shape);
	asof_buf_done(&load->rows);
	asof_buf_done(&load->log);
	asof_postgres_progress_done(&load->progress);
	asof_mem_free(load);
}
ASOF_DEFINE_AUTOFREE(struct postgres_load, load_free)

/* --- leaving nothing behind -------------------------------------------------------------------
 */

/* What fails is done after a later load. Nobody but the server's own vacuum is at the log. */
static void
clean_up(struct postgres_load *load)
{
	char sql[128];
	struct asof_error ignored;
	(void)snprintf(sql, sizeof(sql),
		       "set lock_timeout to '3s'; drop table if exists asof_online_g%" PRId64
		       "_log",
		       load->progress.generation);
	if (asof_postgres_run(&load->conn->link, sql, &ignored) != ASOF_OK)
		asof_postgres_link_recover(&load->conn->link);
	if (load->conn->link.conn)
		asof_postgres_sweep(load->conn, load->table);
}

static enum asof_status
abandon(struct postgres_load *load, struct asof_error *err)
{
	struct asof_postgres_record record;
	char number[24];
	const char *const texts[] = { load->table, number };
	(void)snprintf(number, sizeof(number), "%" PRId64, load->progress.generation);
	asof_postgres_link_recover(&load->conn->link);
	if (!load->conn->link.conn)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_begin(load->store, load->conn, load->table, ASOF_POSTGRES_ALONE,
				     &record, err));
	ASOF_TRY(asof_postgres_ask_texts(load->conn,
					 "update asof_online set loading = null, load_tag = null"
					 " where name = $1 and loading = $2::bigint",
					 texts, 2, NULL, err));
	ASOF_TRY(asof_postgres_ask_texts(load->conn,
					 "delete from asof_online where name = $1 and generation"
					 " is null and loading is null",
					 texts, 1, NULL, err));
	ASOF_TRY(asof_postgres_run(&load->conn->link, "commit", err));
	clean_up(load);
	return ASOF_OK;
}

/* --- beginning ---------------------------------------------------------------------------------
 */

static enum asof_status
lock_load(struct postgres_load *load, struct asof_error *err)
{
	char sql[96];
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	(void)snprintf(sql, sizeof(sql), "select pg_try_advisory_lock(%" PRId64 ")::int",
		       asof_postgres_load_lock(load->store, load->table));
	ASOF_TRY(asof_postgres_ask(&load->conn->link, sql, &answer, err));
	if (asof_postgres_number(&answer, 0, 0) != 1)
		return ASOF_FAIL(err, ASOF_CONFLICT, "another load of '%s' is under way",
				 load->table);
	return ASOF_OK;
}

static enum asof_status
set_loading(struct postgres_load *load, struct asof_error *err)
{
	char view_name[ASOF_POSTGRES_NAME_MAX];
	char number[24];
	const char *const texts[] = { load->table, view_name, number, load->tag };
	ASOF_TRY(asof_postgres_view_name(load->table, view_name, err));
	(void)snprintf(number, sizeof(number), "%" PRId64, load->progress.generation);
	return asof_postgres_ask_texts(
		load->conn,
		"insert into asof_online (name, shown_as, loading, load_tag) values ($1, $2,"
		" $3::bigint, $4) on conflict (name) do update set loading = excluded.loading,"
		" load_tag = excluded.load_tag, load_rows = null, load_bytes = null,"
		" load_key = null, load_copied = null",
		texts, 4, NULL, err);
}

/* What a killed load of the same tag left, or a new one. */
static enum asof_status
choose_generation(struct postgres_load *load, struct asof_error *err)
{
	if (load->tag)
		ASOF_TRY(asof_postgres_progress_find(load->conn, load->table, load->tag,
						     &load->shape, &load->progress, err));
	load->durable_count = load->progress.row_count;
	if (load->progress.generation != 0)
		return ASOF_OK;
	ASOF_TRY(asof_postgres_make_generation(load->conn, load->table, &load->shape, true,
					       &load->progress.generation, err));
	return set_loading(load, err);
}

static enum asof_status
begin_load(struct postgres_load *load, struct asof_error *err)
{
	struct asof_postgres_record record;
	const char *name = load->table;
	ASOF_TRY(lock_load(load, err));
	ASOF_TRY(asof_postgres_begin(load->store, load->conn, name, ASOF_POSTGRES_ALONE, &record,
				     err));
	ASOF_TRY(asof_postgres_check_shown(load->conn, name, record.shown, &load->shape, err));
	ASOF_TRY(choose_generation(load, err));
	ASOF_TRY(asof_postgres_run(&load->conn->link, "commit", err));
	asof_postgres_sweep(load->conn, name); /* what a killed load left */
	return asof_fault_point("store.load.begun", err);
}

static enum asof_status
load_new(struct asof_postgres_store *store, const struct asof_store_table *table,
	 struct asof_str tag, struct postgres_load **ret_load, struct asof_error *err)
{
	ASOF_AUTO(load_free_auto) struct postgres_load *load = asof_mem_alloc(sizeof(*load));
	if (!load)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "load");
	*load = (struct postgres_load){ { &asof_store_postgres_ops },
					.store = store,
					.rows = ASOF_BUF(ROWS_BYTES_MAX),
					.log = ASOF_BUF(ROWS_BYTES_MAX),
					.progress = ASOF_POSTGRES_PROGRESS };
	ASOF_TRY(asof_postgres_shape_make(&load->shape, table, err));
	struct asof_arena *arena = &load->shape.arena;
	load->fields = asof_arena_array(arena, load->shape.count + 1, sizeof(*load->fields));
	load->table = asof_arena_copy(arena, asof_str_from(table->name));
	load->tag = tag.len > 0 ? asof_arena_copy(arena, tag) : NULL;
	if (!load->fields || !load->table || (tag.len > 0 && !load->tag))
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "%zu columns", load->shape.count);
	asof_postgres_shape_match(&load->shape, table, load->fields);
	*ret_load = ASOF_STEAL(load);
	return ASOF_OK;
}

static enum asof_status
begin_tagged(struct asof_store *store, const struct asof_store_table *table, struct asof_str tag,
	     struct postgres_load **ret_load, struct asof_error *err)
{
	struct asof_postgres_store *self = (struct asof_postgres_store *)store;
	ASOF_AUTO(load_free_auto) struct postgres_load *load = NULL;
	ASOF_TRY(load_new(self, table, tag, &load, err));
	ASOF_TRY(asof_postgres_conn_new(self, &load->conn, err));
	enum asof_status status = begin_load(load, err);
	if (status != ASOF_OK) {
		struct asof_error ignored;
		if (load->progress.generation != 0)
			(void)!abandon(load, &ignored);
		return status;
	}
	load->conn->link.is_patient = true;
	*ret_load = ASOF_STEAL(load);
	return ASOF_OK;
}

enum asof_status
asof_postgres_load_begin(struct asof_store *store, const struct asof_store_table *table,
			 struct asof_store_load **ret_load, struct asof_error *err)
{
	struct postgres_load *load = NULL;
	ASOF_TRY(begin_tagged(store, table, (struct asof_str){ NULL, 0 }, &load, err));
	*ret_load = &load->base;
	return ASOF_OK;
}

enum asof_status
asof_postgres_load_resume(struct asof_store *store, const struct asof_store_table *table,
			  struct asof_store_resume *resume, struct asof_store_load **ret_load,
			  struct asof_error *err)
{
	ASOF_AUTO(load_free_auto) struct postgres_load *load = NULL;
	ASOF_TRY(begin_tagged(store, table, resume->tag, &load, err));
	asof_buf_add_str(&resume->last_key, asof_buf_view(&load->progress.last_key));
	ASOF_TRY(asof_buf_status(&resume->last_key, err));
	resume->row_count = load->progress.row_count;
	resume->size_bytes = load->progress.size_bytes;
	*ret_load = &ASOF_STEAL(load)->base;
	return ASOF_OK;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static enum asof_status
copy_rows(struct postgres_load *load, struct asof_buf *rows, bool is_log, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	if (rows->len == 0)
		return ASOF_OK;
	asof_postgres_add_raw16(rows, UINT16_MAX); /* the end */
	ASOF_TRY(asof_buf_status(rows, err));
	asof_buf_printf(&sql, "copy asof_online_g%" PRId64 "%s (", load->progress.generation,
			is_log ? "_log" : "");
	asof_postgres_add_columns(&sql, &load->shape);
	asof_buf_add_cstr(&sql, ") from stdin with (format binary)");
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_postgres_copy(&load->conn->link, asof_buf_cstr(&sql), asof_buf_view(rows),
				    err));
	asof_buf_truncate(rows, 0);
	return ASOF_OK;
}

/* The chunk, and how far the load is with it, in one transaction. */
static enum asof_status
flush(struct postgres_load *load, struct asof_error *err)
{
	if (load->rows.len == 0 && load->log.len == 0)
		return ASOF_OK;
	ASOF_TRY(asof_fault_point("store.load.chunk", err));
	ASOF_TRY(asof_postgres_run(&load->conn->link, "begin", err));
	ASOF_TRY(copy_rows(load, &load->rows, false, err));
	ASOF_TRY(copy_rows(load, &load->log, true, err));
	if (load->tag)
		ASOF_TRY(asof_postgres_progress_write(load->conn, load->table, &load->progress,
						      err));
	ASOF_TRY(asof_postgres_run(&load->conn->link, "commit", err));
	load->durable_count = load->progress.row_count;
	return ASOF_OK;
}

/* Rows whose stored keys ascend need no look-up: no two are equal. Others go to the log. */
static enum asof_status
choose_rows(struct postgres_load *load, struct asof_str stored_key, struct asof_buf **ret_rows,
	    struct asof_error *err)
{
	bool is_first = load->progress.last_copied.len == 0;
	bool ascends =
		!load->progress.is_indexed &&
		(is_first ||
		 asof_str_compare(stored_key, asof_buf_view(&load->progress.last_copied)) > 0);
	*ret_rows = ascends ? &load->rows : &load->log;
	if (!ascends)
		return ASOF_OK;
	asof_buf_truncate(&load->progress.last_copied, 0);
	asof_buf_add_str(&load->progress.last_copied, stored_key);
	return asof_buf_status(&load->progress.last_copied, err);
}

static enum asof_status
put_row(struct postgres_load *load, const struct asof_store_row *row, struct asof_error *err)
{
	char room[ASOF_POSTGRES_KEY_MAX];
	struct asof_str stored_key;
	struct asof_buf *rows;
	ASOF_TRY(asof_postgres_stored_key(row->key, room, &stored_key, err));
	ASOF_TRY(choose_rows(load, stored_key, &rows, err));
	if (rows->len == 0)
		asof_buf_add(rows, copy_head, COPY_HEAD_BYTES);
	asof_postgres_add_raw16(rows, (uint16_t)(ASOF_POSTGRES_ROW_HEAD + load->shape.count));
	ASOF_TRY(asof_postgres_add_row(rows, row, load->fields, load->shape.count, err));
	load->progress.row_count++;
	load->progress.size_bytes += row->key.len + row->value.len;
	asof_buf_clear(&load->progress.last_key);
	asof_buf_add_str(&load->progress.last_key, row->key);
	ASOF_TRY(asof_buf_status(&load->progress.last_key, err));
	return rows->len < CHUNK_BYTES ? ASOF_OK : flush(load, err);
}

enum asof_status
asof_postgres_load_put(struct asof_store_load *base, const struct asof_store_row *rows,
		       size_t row_count, struct asof_error *err)
{
	struct postgres_load *load = (struct postgres_load *)base;
	for (size_t i = 0; i < row_count; i++)
		ASOF_TRY(put_row(load, &rows[i], err));
	return ASOF_OK;
}

/* --- the end -----------------------------------------------------------------------------------
 */

static enum asof_status
merge_log(struct postgres_load *load, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_POSTGRES_SQL_MAX);
	asof_postgres_add_merge(&sql, load->progress.generation, &load->shape);
	ASOF_TRY(asof_buf_status(&sql, err));
	return asof_postgres_run(&load->conn->link, asof_buf_cstr(&sql), err);
}

/* All rows are in the table, and it has its index. Puts go on meanwhile, to the log. */
static enum asof_status
settle(struct postgres_load *load, struct asof_error *err)
{
	char sql[96];
	ASOF_TRY(flush(load, err));
	(void)snprintf(sql, sizeof(sql),
		       "alter table asof_online_g%" PRId64 " add primary key (key)",
		       load->progress.generation);
	if (!load->progress.is_indexed)
		ASOF_TRY(asof_postgres_run(&load->conn->link, sql, err));
	load->progress.is_indexed = true;
	return merge_log(load, err);
}

/* In one transaction, once everything before it is there. */
static enum asof_status
replace_rows(struct postgres_load *load, const struct asof_postgres_rows *rows,
	     struct asof_error *err)
{
	struct asof_postgres_table *table = NULL;
	size_t ignored = 0;
	ASOF_TRY(asof_postgres_conn_table(load->conn, load->table, &table, err));
	ASOF_TRY(asof_postgres_know(load->conn, &table->loading, load->progress.generation, err));
	ASOF_TRY(asof_postgres_run(&load->conn->link, "begin", err));
	ASOF_TRY(asof_postgres_write_rows(load->conn, &table->loading, ASOF_POSTGRES_SET, rows,
					  &ignored, err));
	/* Rows that were updated once are not to be updated again: nobody goes on. */
	ASOF_TRY(asof_postgres_progress_delete(load->conn, load->table, err));
	ASOF_TRY(asof_fault_point("store.load.chunk", err));
	return asof_postgres_run(&load->conn->link, "commit", err);
}

enum asof_status
asof_postgres_load_update(struct asof_store_load *base, const struct asof_store_row *rows,
			  size_t row_count, struct asof_error *err)
{
	struct postgres_load *load = (struct postgres_load *)base;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	struct asof_postgres_rows replacing = { .items = rows,
						.count = row_count,
						.fields = load->fields };
	ASOF_TRY(settle(load, err));
	load->tag = NULL;
	ASOF_TRY(asof_postgres_order_rows(&replacing, &arena, err));
	enum asof_status status = replace_rows(load, &replacing, err);
	if (status != ASOF_OK)
		asof_postgres_link_recover(&load->conn->link);
	return status;
}

enum asof_status
asof_postgres_load_get_many(struct asof_store_load *base, const struct asof_str *keys,
			    size_t key_count, asof_store_visit_fn *visit, void *arg,
			    struct asof_error *err)
{
	struct postgres_load *load = (struct postgres_load *)base;
	if (key_count == 0)
		return ASOF_OK;
	ASOF_TRY(settle(load, err));
	return asof_postgres_visit_generation(load->conn, load->progress.generation, keys,
					      key_count, visit, arg, err);
}

struct switching {
	struct asof_str meta;
	struct asof_store_position position;
	const struct asof_store_mark *mark; /* NULL: whatever the table is at */
	bool is_shown;                      /* also the view for people */
	bool is_view_in_use;                /* that is why it failed */
};

static enum asof_status
set_current(struct postgres_load *load, const struct switching *s, int64_t shown,
	    struct asof_error *err)
{
	const int64_t integers[4] = { load->progress.generation, shown, (int64_t)s->position.log,
				      s->position.version };
	char numbers[4][24];
	for (size_t i = 0; i < 4; i++)
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, integers[i]);
	const char *const bytes[] = { load->table, numbers[0], numbers[1],
				      s->meta.ptr, numbers[2], numbers[3] };
	const int lengths[] = { 0, 0, 0, (int)s->meta.len, 0, 0 };
	static const int formats[] = { 0, 0, 0, 1, 0, 0 };
	struct asof_postgres_values values = { 6, bytes, lengths, formats };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_with(
		&load->conn->link,
		"update asof_online set generation = $2::bigint, shown = nullif($3::bigint, 0),"
		" meta = coalesce($4::bytea, ''), log = $5::bigint, position = $6::bigint,"
		" loading = null, load_tag = null where name = $1",
		&values, &answer, err));
	if (asof_postgres_changed(&answer) != 1)
		return ASOF_FAIL(err, ASOF_CORRUPT, "asof_online lost the row of '%s'",
				 load->table);
	return ASOF_OK;
}

/* All of it in one transaction, durably. The view's lock is waited for a tenth of a second only,
 * since all who come after us wait behind us. */
static enum asof_status
switch_once(struct postgres_load *load, struct switching *s, struct asof_error *err)
{
	struct asof_postgres_record record;
	struct asof_postgres_link *link = &load->conn->link;
	const char *name = load->table;
	s->is_view_in_use = false;
	ASOF_TRY(asof_postgres_begin(load->store, load->conn, name, ASOF_POSTGRES_ALONE, &record,
				     err));
	if (s->mark && !asof_store_mark_equal(&record.mark, s->mark))
		return ASOF_FAIL(err, ASOF_CONFLICT, "'%s' was written meanwhile", name);
	int64_t shown = record.shown;
	if (s->is_shown) {
		ASOF_TRY(asof_postgres_run(link, "set local lock_timeout to '100ms'", err));
		enum asof_status status =
			asof_postgres_show(load->conn, name, record.shown,
					   load->progress.generation, &load->shape, err);
		s->is_view_in_use = asof_postgres_link_failed_with(link, "55P03");
		ASOF_TRY(status);
		shown = load->progress.generation;
	}
	ASOF_TRY(merge_log(load, err));
	ASOF_TRY(set_current(load, s, shown, err));
	ASOF_TRY(asof_fault_point("store.load.before_switch", err));
	return asof_postgres_run(link, "set local synchronous_commit to on; commit", err);
}

/* Somebody who reads the view for people in a long transaction stops no load: the view then shows
 * the generation before, whole, until the next load. */
static enum asof_status
switch_generation(struct postgres_load *load, struct switching *s, struct asof_error *err)
{
	enum asof_status status = ASOF_OK;
	for (unsigned try = 0; try <= SHOW_TRIES; try++) {
		load->conn->link.code[0] = '\0';
		s->is_shown = try < SHOW_TRIES;
		status = switch_once(load, s, err);
		if (status == ASOF_OK)
			return ASOF_OK;
		asof_postgres_link_recover(&load->conn->link);
		if (!s->is_view_in_use || !load->conn->link.conn)
			return status;
		asof_pause_before(show_pause, try);
	}
	return status;
}

struct is_current {
	const struct postgres_load *load;
	bool is_so;
};

static enum asof_status
attempt_is_current(struct asof_postgres_conn *conn, void *arg, struct asof_error *err)
{
	struct is_current *current = arg;
	const char *const texts[] = { current->load->table };
	ASOF_AUTO(asof_postgres_answer_done) struct asof_postgres_answer answer = { 0 };
	ASOF_TRY(asof_postgres_ask_texts(conn, "select generation from asof_online where name = $1",
					 texts, 1, &answer, err));
	current->is_so = asof_postgres_row_count(&answer) == 1 &&
			 asof_postgres_number(&answer, 0, 0) == current->load->progress.generation;
	return ASOF_OK;
}

/* The connection was lost: perhaps the server had done it and only its answer did not come. */
static bool
is_switched(const struct postgres_load *load)
{
	struct is_current current = { .load = load };
	struct asof_error ignored;
	return !load->conn->link.conn &&
	       asof_postgres_with(load->store, attempt_is_current, &current, &ignored) == ASOF_OK &&
	       current.is_so;
}

enum asof_status
asof_postgres_load_commit(struct asof_store_load *base, struct asof_str meta,
			  struct asof_store_position position, const struct asof_store_mark *mark,
			  struct asof_error *err)
{
	struct postgres_load *load = (struct postgres_load *)base;
	struct switching s = { .meta = meta, .position = position, .mark = mark };
	ASOF_TRY(settle(load, err));
	enum asof_status status = switch_generation(load, &s, err);
	if (status != ASOF_OK && !is_switched(load))
		return status;
	ASOF_TRY(asof_fault_point("store.load.after_switch", err));
	if (load->conn->link.conn)
		clean_up(load);
	load_free(load);
	return ASOF_OK;
}

/* Where even this fails, the next load removes what is left. */
void
asof_postgres_load_abort(struct asof_store_load *base)
{
	struct postgres_load *load = (struct postgres_load *)base;
	struct asof_error ignored;
	enum asof_status status = abandon(load, &ignored);
	(void)status;
	load_free(load);
}

static enum asof_status
unlock_load(struct postgres_load *load, struct asof_error *err)
{
	char sql[96];
	(void)snprintf(sql, sizeof(sql), "select pg_advisory_unlock(%" PRId64 ")",
		       asof_postgres_load_lock(load->store, load->table));
	return asof_postgres_run(&load->conn->link, sql, err);
}

int64_t
asof_postgres_load_leave(struct asof_store_load *base)
{
	struct postgres_load *load = (struct postgres_load *)base;
	struct asof_error ignored;
	/* Where these fail, the chunks before it stay, and the lock falls with the connection. */
	enum asof_status status = load->tag ? flush(load, &ignored) : ASOF_OK;
	(void)status;
	int64_t row_count = load->tag ? load->durable_count : 0;
	if (row_count == 0) {
		asof_postgres_load_abort(base);
		return 0;
	}
	asof_postgres_link_recover(&load->conn->link);
	if (load->conn->link.conn)
		status = unlock_load(load, &ignored);
	(void)status;
	load_free(load);
	return row_count;
}
