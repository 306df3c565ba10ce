/* delta_entry.c - reading entries of a log, line by line. */
#include "lake/delta_state.h"

static struct asof_str
take_line(struct asof_str *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct asof_str line = { rest->ptr, len };
	size_t skipped = end ? len + 1 : len;
	*rest = (struct asof_str){ rest->ptr + skipped, rest->len - skipped };
	return line;
}

static bool
is_blank(struct asof_str line)
{
	return line.len == 0 || (line.len == 1 && line.ptr[0] == '\r');
}

enum asof_status
asof_delta_lines_read(struct asof_str rest, const char *name, asof_delta_action_fn *visit,
		      void *arg, struct asof_error *err)
{
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	for (size_t number = 1; rest.len > 0; number++) {
		struct asof_str line = take_line(&rest);
		if (is_blank(line))
			continue;
		struct asof_delta_action action;
		asof_arena_reset(&scratch);
		enum asof_status status = asof_delta_line_read(line, &scratch, &action, err);
		if (status == ASOF_OK)
			status = visit(arg, &action, err);
		if (status != ASOF_OK)
			return ASOF_WRAP(err, status, "'%s' line %zu", name, number);
	}
	return ASOF_OK;
}

enum asof_status
asof_delta_entry_read(struct asof_blob *lake, const char *table, int64_t version,
		      struct asof_buf *buf, asof_delta_action_fn *visit, void *arg,
		      struct asof_error *err)
{
	char name[ASOF_DELTA_NAME_MAX];
	ASOF_TRY(asof_delta_log_name(table, version, ASOF_DELTA_ENTRY, name, err));
	asof_buf_clear(buf);
	ASOF_TRY(asof_blob_read(lake, name, buf, err));
	return asof_delta_lines_read(asof_buf_view(buf), name, visit, arg, err);
}

static enum asof_status
note_time(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	(void)err;
	int64_t *committed_us = arg;
	if (action->kind == ASOF_DELTA_COMMIT_INFO && action->commit.committed_us >= 0)
		*committed_us = action->commit.committed_us;
	return ASOF_OK;
}

enum asof_status
asof_delta_commit_time(struct asof_blob *lake, const struct asof_delta_log *log, int64_t version,
		       struct asof_buf *buf, int64_t *ret_us, struct asof_error *err)
{
	int64_t committed_us = log->modified_us[version - log->first];
	enum asof_status status = asof_delta_entry_read(lake, log->table, version, buf, note_time,
							&committed_us, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "table '%s'", log->table);
	*ret_us = committed_us;
	return ASOF_OK;
}
