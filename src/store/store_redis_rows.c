/* store_redis_rows.c - keys and rows as arguments of scripts. */
#include <inttypes.h>

#include "base/json_writer.h"
#include "base/number.h"
#include "codec/key.h"
#include "codec/value_text.h"
#include "store/store_redis.h"

void
asof_redis_arguments_done(struct asof_redis_arguments *arguments)
{
	asof_buf_done(&arguments->bytes);
	asof_buf_done(&arguments->scratch);
}

void
asof_redis_argument(struct asof_redis_arguments *arguments, struct asof_str text)
{
	asof_redis_add(&arguments->bytes, text);
	arguments->count++;
}

void
asof_redis_argument_int(struct asof_redis_arguments *arguments, int64_t number)
{
	asof_redis_add_int(&arguments->bytes, number);
	arguments->count++;
}

void
asof_redis_arguments_add(struct asof_redis_arguments *arguments,
			 const struct asof_redis_arguments *more)
{
	if (more->bytes.status != ASOF_OK)
		arguments->bytes.status = more->bytes.status;
	asof_buf_add_str(&arguments->bytes, asof_buf_view(&more->bytes));
	arguments->count += more->count;
}

/* What was gathered in the scratch; where that failed, the arguments fail. */
static void
argument_scratch(struct asof_redis_arguments *arguments)
{
	if (arguments->scratch.status != ASOF_OK)
		arguments->bytes.status = arguments->scratch.status;
	asof_redis_argument(arguments, asof_buf_view(&arguments->scratch));
}

void
asof_redis_argument_mark(struct asof_redis_arguments *arguments, const struct asof_store_mark *mark)
{
	asof_buf_clear(&arguments->scratch);
	asof_buf_printf(&arguments->scratch, "%" PRIu64 " %" PRIu64 " %" PRId64, mark->generation,
			mark->position.log, mark->position.version);
	argument_scratch(arguments);
}

void
asof_redis_argument_position(struct asof_redis_arguments *arguments,
			     struct asof_store_position position)
{
	asof_buf_clear(&arguments->scratch);
	asof_buf_printf(&arguments->scratch, "%" PRIu64 " %" PRId64, position.log,
			position.version);
	argument_scratch(arguments);
}

void
asof_redis_add_record_name(const struct asof_redis_store *store, const char *table,
			   struct asof_buf *buf)
{
	asof_buf_add_cstr(buf, asof_redis_pool_target(store->pool)->prefix);
	asof_buf_add_char(buf, ':');
	asof_key_write_name(asof_str_from(table), buf);
}

void
asof_redis_arguments_begin(struct asof_redis_arguments *arguments,
			   const struct asof_redis_store *store, const char *table)
{
	static const char *const ends[] = { "", ":lease", ":old" };
	struct asof_buf *scratch = &arguments->scratch;
	asof_buf_clear(&arguments->bytes);
	arguments->count = 0;
	asof_redis_argument_int(arguments, ASOF_COUNTOF(ends) + 1);
	for (size_t i = 0; i < ASOF_COUNTOF(ends); i++) {
		asof_buf_clear(scratch);
		asof_redis_add_record_name(store, table, scratch);
		asof_buf_add_cstr(scratch, ends[i]);
		argument_scratch(arguments);
	}
	asof_buf_clear(scratch);
	asof_buf_printf(scratch, "%s::tables", asof_redis_pool_target(store->pool)->prefix);
	argument_scratch(arguments);
	asof_redis_argument(arguments, asof_str_from(table));
}

static void
argument_times(struct asof_redis_arguments *arguments, const struct asof_store_row *row)
{
	char text[2 * ASOF_DOUBLE_TEXT_MAX + 1];
	size_t len = asof_int64_text(row->event_us, text);
	text[len++] = ' ';
	len += asof_int64_text(row->created_us, text + len);
	asof_redis_argument(arguments, asof_str_from("_times"));
	asof_redis_argument(arguments, (struct asof_str){ text, len });
}

static void
argument_shown(struct asof_redis_arguments *arguments, const struct asof_field *fields,
	       const struct asof_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		asof_redis_argument(arguments, asof_str_from(fields[i].name));
		asof_buf_clear(&arguments->scratch);
		struct asof_json_writer json = asof_json_writer_to(&arguments->scratch);
		asof_value_write_json(&json, &values[i]);
		argument_scratch(arguments);
	}
}

void
asof_redis_argument_row(struct asof_redis_arguments *arguments,
			const struct asof_store_table *table, const struct asof_store_row *row)
{
	bool is_shown = row->shown && !row->is_tombstone;
	size_t shown_count = is_shown ? table->key_count + table->value_count : 0;
	asof_buf_clear(&arguments->scratch);
	asof_key_write_text(row->key, &arguments->scratch);
	argument_scratch(arguments);
	size_t pair_count = (row->is_tombstone ? 1 : 2) + shown_count;
	asof_redis_argument_int(arguments, (int64_t)pair_count * 2);
	argument_times(arguments, row);
	if (is_shown) {
		argument_shown(arguments, table->keys, row->shown, table->key_count);
		argument_shown(arguments, table->values, row->shown + table->key_count,
			       table->value_count);
	}
	if (row->is_tombstone)
		return;
	asof_redis_argument(arguments, asof_str_from("_row"));
	asof_redis_argument(arguments, row->value);
}

enum asof_status
asof_redis_run_int(struct asof_redis_store *store, enum asof_redis_script script,
		   const struct asof_redis_arguments *arguments, int64_t *ret_number,
		   struct asof_error *err)
{
	struct asof_redis_reply reply;
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	ASOF_TRY(asof_buf_status(&arguments->bytes, err));
	ASOF_TRY(asof_redis_run(store->pool, script, asof_buf_view(&arguments->bytes),
				arguments->count, &reply, &arena, err));
	if (reply.kind != ASOF_REDIS_INT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "the server's answer is no number");
	*ret_number = reply.number;
	return ASOF_OK;
}
