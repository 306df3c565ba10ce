/*
 * engine_duckdb_s3.c - objects of a bucket for DuckDB: its extension httpfs, a secret per place.
 *
 * Files are written by httpfs in parts while they are made: as fast as beside the network, and
 * without room on a disk. A part is a buffer, so that its size follows the memory bound.
 */
#include <stdio.h>

#include "engine/duckdb_impl.h"
#include "plan/sql.h"

#define LARGE_PARTS_FROM ((uint64_t)512 << 20)
#define SQL_BYTES_MAX    (64u << 10)

/* Names are exact: "*", "?" and "[" stand for themselves. Pauses: 50 ms, 100 ms, .. 1.6 s. What
 * httpfs took from the environment into settings, anybody's SQL could read. */
static const char session_sql[] = "SET s3_access_key_id = '';"
				  "SET s3_secret_access_key = '';"
				  "SET s3_session_token = '';"
				  "SET s3_url_compatibility_mode = true;"
				  "SET httpfs_client_implementation = 'curl';"
				  "SET http_retries = 6;"
				  "SET http_retry_wait_ms = 50;"
				  "SET http_retry_backoff = 2;"
				  "SET http_timeout = 30;";

/* A part is the ten-thousandth of the largest file. */
static const char large_parts_sql[] = "SET s3_uploader_max_filesize = '160GB'";
static const char small_parts_sql[] = "SET s3_uploader_max_filesize = '50GB'";

static enum asof_status
prepare(struct asof_engine *engine, struct asof_error *err)
{
	bool has_room = engine->buffer_bytes >= LARGE_PARTS_FROM;
	ASOF_TRY(asof_engine_load(engine, "httpfs", err));
	ASOF_TRY(asof_engine_run(engine, session_sql, NULL, err));
	return asof_engine_run(engine, has_room ? large_parts_sql : small_parts_sql, NULL, err);
}

static void
add_member(struct asof_buf *sql, const char *name, const char *value)
{
	asof_buf_printf(sql, ", %s ", name);
	asof_sql_text(sql, value);
}

static void
add_secret(struct asof_buf *sql, const struct asof_engine_s3 *s3, size_t number)
{
	const char *host = strstr(s3->endpoint, "://");
	bool is_plain = strncmp(s3->endpoint, "http://", 7) == 0;

	asof_buf_printf(sql, "CREATE TEMPORARY SECRET asof_%zu (TYPE s3, PROVIDER config", number);
	add_member(sql, "SCOPE", s3->scope);
	add_member(sql, "ENDPOINT", host ? host + 3 : s3->endpoint);
	add_member(sql, "REGION", s3->region);
	add_member(sql, "URL_STYLE", s3->is_path_style ? "path" : "vhost");
	add_member(sql, "KEY_ID", s3->key_id);
	add_member(sql, "SECRET", s3->secret);
	if (s3->token)
		add_member(sql, "SESSION_TOKEN", s3->token);
	asof_buf_printf(sql, ", USE_SSL %s)", is_plain ? "false" : "true");
}

enum asof_status
asof_engine_use_s3(struct asof_engine *engine, const struct asof_engine_s3 *s3,
		   struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(SQL_BYTES_MAX);

	if (engine->s3_count == 0)
		ASOF_TRY(prepare(engine, err));
	add_secret(&sql, s3, engine->s3_count);
	ASOF_TRY(asof_buf_status(&sql, err));

	/* What DuckDB says may quote the statement, and the secret with it. */
	enum asof_status status = asof_engine_run(engine, asof_buf_cstr(&sql), NULL, NULL);
	if (status != ASOF_OK)
		return ASOF_FAIL(err, status, "the engine does not take the credentials for '%s'",
				 s3->scope);
	engine->s3_count++;
	return ASOF_OK;
}
