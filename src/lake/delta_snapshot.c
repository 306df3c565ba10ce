/* delta_snapshot.c - a table at one version as text, for us and for everybody. */
#define _GNU_SOURCE /* memmem */
#include "lake/delta_snapshot.h"

#include <stdio.h>

#include "base/map.h"
#include "base/number.h"
#include "codec/json_reader.h"
#include "model/duration.h"
#include "model/hash.h"

#define US_PER_MS INT64_C(1000)
/* How long other readers may need to know that a file is gone; the protocol's own default. */
#define TOMBSTONE_US (7 * 24 * 3600 * ASOF_US_PER_SECOND)
#define FILE_START   "{\"file\":[\""
#define SUM_START    "{\"checksum\":\""
#define SUM_END      "\"}\n"
#define SUM_LEN      (sizeof(SUM_START) - 1 + 32 + sizeof(SUM_END) - 1)

/* --- writing -----------------------------------------------------------------------------------
 */

static void
write_line(struct asof_str line, struct asof_buf *buf)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return;
	asof_buf_add_str(buf, line);
	asof_buf_add_char(buf, '\n');
}

/* Lines break nowhere else: a statistics text of several lines is written anew. */
static enum asof_status
write_stats(struct asof_str text, struct asof_buf *buf, struct asof_error *err)
{
	if (!memchr(text.ptr, '\n', text.len)) {
		asof_buf_add_str(buf, text);
		return ASOF_OK;
	}
	ASOF_AUTO(asof_arena_done) struct asof_arena arena = { 0 };
	const struct asof_json *root = NULL;
	enum asof_status status = asof_json_read(text, &arena, &root, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status == ASOF_NO_MEMORY ? status : ASOF_CORRUPT,
				 "statistics");
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_write(&w, root);
	return ASOF_OK;
}

static enum asof_status
write_file(const struct asof_table_file *file, struct asof_buf *buf, struct asof_error *err)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	if (file->partition_count > 0) { /* the short form has no room for it */
		asof_delta_add_write(file, buf);
		return ASOF_OK;
	}
	asof_buf_add_cstr(buf, "{\"file\":[");
	asof_delta_path_write(&w, file->name);
	asof_buf_printf(buf, ",%llu,%lld,%lld", (unsigned long long)file->size_bytes,
			(long long)file->modified_ms, (long long)file->row_count);
	if (file->stats_text.len > 0) {
		asof_buf_add_char(buf, ',');
		ASOF_TRY(write_stats(file->stats_text, buf, err));
	}
	asof_buf_add_cstr(buf, "]}\n");
	return ASOF_OK;
}

/* The newest runs, each once. */
static enum asof_status
write_txns(const struct asof_delta_state *state, struct asof_buf *buf, size_t *count,
	   struct asof_error *err)
{
	ASOF_AUTO(asof_map_done) struct asof_map seen = { 0 };
	for (size_t i = state->txn_count; i-- > 0 && seen.count < ASOF_DELTA_TXNS_MAX;) {
		if (!asof_map_find(&seen, state->txns[i].id, NULL))
			ASOF_TRY(asof_map_put(&seen, state->txns[i].id, (void *)(uintptr_t)(i + 1),
					      err));
	}
	for (size_t i = 0; i < state->txn_count; i++) {
		void *newest = NULL;
		if (!asof_map_find(&seen, state->txns[i].id, &newest) || (uintptr_t)newest != i + 1)
			continue;
		asof_delta_txn_write(&state->txns[i], buf);
		++*count;
	}
	return ASOF_OK;
}

static void
write_tombstones(const struct asof_delta_state *state, struct asof_buf *buf, size_t *count)
{
	int64_t since_ms = (state->snapshot.committed_us - TOMBSTONE_US) / US_PER_MS;
	for (size_t i = 0; i < state->removed_count; i++) {
		if (state->removed[i].deleted_ms < since_ms)
			continue;
		asof_delta_remove_write(&state->removed[i], buf);
		++*count;
	}
}

/* Other writers may not say when it was. */
static void
write_commit(const struct asof_delta_state *state, struct asof_buf *buf)
{
	static const char said[] = "\"asof.committed_us\":";
	struct asof_str line = state->commit_line;
	if (line.len > 0 && memmem(line.ptr, line.len, said, sizeof(said) - 1))
		write_line(line, buf);
	else
		asof_buf_printf(buf, "{\"commitInfo\":{\"asof.committed_us\":%lld}}\n",
				(long long)state->snapshot.committed_us);
}

enum asof_status
asof_delta_snapshot_write(const struct asof_delta_state *state, struct asof_buf *buf,
			  struct asof_error *err)
{
	const struct asof_table_snapshot *snapshot = &state->snapshot;
	size_t start = buf->len;
	size_t count = 0;
	asof_buf_printf(buf, "{\"asof\":{\"snapshot\":1,\"version\":%lld}}\n",
			(long long)snapshot->version);
	write_line(state->protocol_line, buf);
	write_line(state->metadata_line, buf);
	write_commit(state, buf);
	ASOF_TRY(write_txns(state, buf, &count, err));
	write_tombstones(state, buf, &count);
	for (size_t i = 0; i < snapshot->file_count; i++)
		ASOF_TRY(write_file(&snapshot->files[i], buf, err));
	ASOF_TRY(asof_buf_status(buf, err));
	char sum[33];
	asof_hash128_text((struct asof_str){ buf->ptr + start, buf->len - start }, sum);
	asof_buf_printf(buf, SUM_START "%s" SUM_END, sum);
	return asof_buf_status(buf, err);
}

enum asof_status
asof_delta_checkpoint_lines(const struct asof_delta_state *state, struct asof_buf *buf,
			    size_t *ret_count, struct asof_error *err)
{
	size_t count = 2;
	write_line(state->protocol_line, buf);
	write_line(state->metadata_line, buf);
	ASOF_TRY(write_txns(state, buf, &count, err));
	write_tombstones(state, buf, &count);
	for (size_t i = 0; i < state->snapshot.file_count; i++)
		asof_delta_add_write(&state->snapshot.files[i], buf);
	*ret_count = count + state->snapshot.file_count;
	return asof_buf_status(buf, err);
}

/* --- reading -----------------------------------------------------------------------------------
 */

static enum asof_status
damaged(struct asof_error *err, const char *what)
{
	return ASOF_FAIL(err, ASOF_CORRUPT, "snapshot: %s", what);
}

/* The lines in front of the checksum, if it is theirs. */
static enum asof_status
check_sum(struct asof_str text, struct asof_str *ret_lines, struct asof_error *err)
{
	char sum[33];
	if (text.len < SUM_LEN)
		return damaged(err, "it is too short");
	struct asof_str lines = { text.ptr, text.len - SUM_LEN };
	const char *at = text.ptr + lines.len;
	asof_hash128_text(lines, sum);
	if (memcmp(at, SUM_START, sizeof(SUM_START) - 1) != 0 ||
	    memcmp(at + sizeof(SUM_START) - 1, sum, 32) != 0 ||
	    memcmp(at + SUM_LEN - (sizeof(SUM_END) - 1), SUM_END, sizeof(SUM_END) - 1) != 0)
		return damaged(err, "the checksum is another");
	*ret_lines = lines;
	return ASOF_OK;
}

/* Behind what was taken: `,` and a number. */
static bool
take_number(struct asof_str *rest, int64_t *ret_value)
{
	if (rest->len == 0 || rest->ptr[0] != ',')
		return false;
	struct asof_str digits = { rest->ptr + 1, 0 };
	while (1 + digits.len < rest->len && digits.ptr[digits.len] != ',' &&
	       digits.ptr[digits.len] != ']')
		digits.len++;
	*rest = (struct asof_str){ rest->ptr + 1 + digits.len, rest->len - 1 - digits.len };
	return asof_int64_parse(digits, ret_value);
}

/* Written by write_file(), and so in no other form. */
static enum asof_status
read_file(struct asof_str line, struct asof_arena *arena, struct asof_delta_add *add,
	  struct asof_error *err)
{
	struct asof_str rest = { line.ptr + sizeof(FILE_START) - 1,
				 line.len - (sizeof(FILE_START) - 1) };
	const char *quote = memchr(rest.ptr, '"', rest.len);
	if (!quote || quote == rest.ptr)
		return damaged(err, "a file has no name");
	struct asof_str path = { rest.ptr, (size_t)(quote - rest.ptr) };
	if (memchr(path.ptr, '\0', path.len))
		return damaged(err, "a file's name has a zero byte");
	rest = (struct asof_str){ quote + 1, rest.len - path.len - 1 };
	if (!take_number(&rest, &add->size_bytes) || !take_number(&rest, &add->modified_ms) ||
	    !take_number(&rest, &add->row_count) || add->size_bytes < 0 || add->row_count < -1)
		return damaged(err, "a file has no size");
	if (rest.len < 2 || memcmp(rest.ptr + rest.len - 2, "]}", 2) != 0)
		return damaged(err, "a file has no end");
	if (rest.len > 2 && rest.ptr[0] != ',')
		return damaged(err, "a file goes on");
	if (rest.len > 3)
		add->stats = (struct asof_str){ rest.ptr + 1, rest.len - 3 };
	return asof_delta_path_read(path, arena, &add->name, err);
}

static enum asof_status
read_line(struct asof_str line, struct asof_arena *arena, struct asof_delta_action *action,
	  struct asof_error *err)
{
	if (line.len < sizeof(FILE_START) ||
	    memcmp(line.ptr, FILE_START, sizeof(FILE_START) - 1) != 0)
		return asof_delta_line_read(line, arena, action, err);
	*action = (struct asof_delta_action){ .kind = ASOF_DELTA_ADD, .line = line };
	return read_file(line, arena, &action->add, err);
}

static struct asof_str
take_line(struct asof_str *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct asof_str line = { rest->ptr, len };
	size_t taken = end ? len + 1 : len;
	*rest = (struct asof_str){ rest->ptr + taken, rest->len - taken };
	return line;
}

enum asof_status
asof_delta_snapshot_read(struct asof_str text, int64_t version, asof_delta_action_fn *visit,
			 void *arg, struct asof_error *err)
{
	char head[80];
	struct asof_str rest;
	ASOF_TRY(check_sum(text, &rest, err));
	(void)snprintf(head, sizeof(head), "{\"asof\":{\"snapshot\":1,\"version\":%lld}}",
		       (long long)version);
	if (rest.len == 0 || !asof_str_equal(take_line(&rest), asof_str_from(head)))
		return damaged(err, "it is of another version");
	ASOF_AUTO(asof_arena_done) struct asof_arena scratch = { 0 };
	while (rest.len > 0) {
		struct asof_delta_action action;
		asof_arena_reset(&scratch);
		ASOF_TRY(read_line(take_line(&rest), &scratch, &action, err));
		ASOF_TRY(visit(arg, &action, err));
	}
	return ASOF_OK;
}
