/* checkpoint.c - checkpoints of the lake's logs as Parquet, by the engine, through files of a
 * directory of their own. */
#include "job/checkpoint.h"

#include "job/join_temp.h"
#include "plan/sql.h"

/* What a checkpoint has room for, as the protocol describes it. */
#define COLUMNS                                                                                   \
	"{txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)', "                     \
	"add: 'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, "         \
	"modificationTime BIGINT, dataChange BOOLEAN, tags MAP(VARCHAR, VARCHAR), stats "         \
	"VARCHAR)', "                                                                             \
	"remove: 'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, "            \
	"extendedFileMetadata BOOLEAN, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT)', "    \
	"metaData: 'STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, "                       \
	"format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)), schemaString VARCHAR, "  \
	"partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)', " \
	"protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER)'}"
#define LINE_BYTES_LEAST ((size_t)1 << 20)

struct conversion {
	struct asof_session *session;
	struct asof_engine *engine;
	struct asof_temp_dir temp;
	struct asof_arena arena;
	struct asof_blob *dir; /* of temp, for whole files */
	const char *from;
	const char *to;
};

static void
conversion_done(struct conversion *c)
{
	asof_blob_free(c->dir);
	asof_temp_dir_done(&c->temp);
	asof_arena_done(&c->arena);
}

static enum asof_status
open_conversion(struct conversion *c, struct asof_str bytes, struct asof_error *err)
{
	ASOF_TRY(asof_session_engine(c->session, &c->engine, err));
	ASOF_TRY(asof_join_temp_open(&c->temp, err));
	c->from = asof_temp_dir_file(&c->temp, &c->arena, "from");
	c->to = asof_temp_dir_file(&c->temp, &c->arena, "to");
	if (!c->from || !c->to)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checkpoint");
	ASOF_TRY(asof_blob_open(c->temp.path, &c->dir, err));
	return asof_blob_put(c->dir, "from", bytes, err);
}

/* The reader's buffers are as large as the longest line it is told to expect. */
static size_t
longest_line(struct asof_str lines)
{
	size_t longest = LINE_BYTES_LEAST;
	for (size_t at = 0; at < lines.len;) {
		const char *end = memchr(lines.ptr + at, '\n', lines.len - at);
		size_t len = end ? (size_t)(end - lines.ptr) - at + 1 : lines.len - at;
		longest = len + 1 > longest ? len + 1 : longest;
		at += len;
	}
	return longest;
}

/* A statement that reads the one file and writes the other, whose bytes are the result. */
static enum asof_status
run_on_files(struct conversion *c, const char *before, const char *between, const char *after,
	     struct asof_buf *result, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	asof_buf_add_cstr(&sql, before);
	asof_sql_text(&sql, c->from);
	asof_buf_add_cstr(&sql, between);
	asof_sql_text(&sql, c->to);
	asof_buf_add_cstr(&sql, after);
	ASOF_TRY(asof_buf_status(&sql, err));
	ASOF_TRY(asof_engine_run(c->engine, asof_buf_cstr(&sql), NULL, err));
	return asof_blob_read(c->dir, "to", result, err);
}

static enum asof_status
write_parquet(void *arg, struct asof_str lines, struct asof_buf *parquet, struct asof_error *err)
{
	ASOF_AUTO(conversion_done) struct conversion c = { .session = arg };
	ASOF_TRY(open_conversion(&c, lines, err));
	const char *options = asof_arena_printf(
		&c.arena,
		", format = 'newline_delimited', maximum_object_size = %zu, columns = %s)) TO ",
		longest_line(lines), COLUMNS);
	if (!options)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "checkpoint");
	return run_on_files(&c, "COPY (SELECT * FROM read_json(", options,
			    " (FORMAT parquet, COMPRESSION snappy)", parquet, err);
}

static enum asof_status
read_parquet(void *arg, struct asof_str parquet, struct asof_buf *lines, struct asof_error *err)
{
	ASOF_AUTO(conversion_done) struct conversion c = { .session = arg };
	ASOF_TRY(open_conversion(&c, parquet, err));
	return run_on_files(&c, "COPY (SELECT * FROM read_parquet(", ")) TO ", " (FORMAT json)",
			    lines, err);
}

struct asof_checkpoint_io
asof_session_checkpoint_io(struct asof_session *session)
{
	return (struct asof_checkpoint_io){ write_parquet, read_parquet, session };
}

const char *
asof_checkpoint_after_commit(struct asof_session *session, const char *table, int64_t version,
			     struct asof_arena *arena)
{
	const struct asof_checkpoint_io io = asof_session_checkpoint_io(session);
	struct asof_blob *lake = NULL;
	struct asof_error why = { 0 };
	enum asof_status status = asof_session_lake(session, &lake, &why);
	if (status == ASOF_OK)
		status = asof_table_checkpoint(lake, table, version, &io, NULL, &why);
	if (status == ASOF_OK)
		return NULL;
	const char *warning = asof_arena_copy(arena, asof_str_from(why.message));
	return warning ? warning : "no checkpoint was written";
}
