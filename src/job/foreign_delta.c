/*
 * foreign_delta.c - Delta tables of others: the version that is read, and its data files.
 *
 * Which files a version has is told by the extension, whose kernel knows checkpoints of every form;
 * the log itself is asked only when each of them was written, which is the order of their rows.
 */
#include <inttypes.h>

#include "base/number.h"
#include "job/foreign_table.h"
#include "plan/sql.h"

#define VERSION_DIGITS 20

/* What a file of the log is, told by its name. */
enum log_kind {
	LOG_OTHER,
	LOG_ENTRY,         /* <version>.json */
	LOG_CHECKPOINT,    /* <version>.checkpoint.parquet, or a part of it */
	LOG_CHECKPOINT_V2, /* <version>.checkpoint.<id>.parquet or .json, with files beside */
};

struct log_name {
	enum log_kind kind;
	int64_t version;
	bool is_json;
	int64_t part_count; /* of a checkpoint in parts; else 0 */
};

struct log {
	const struct asof_source_file *files;
	struct log_name *names;
	size_t count;
	int64_t oldest; /* entry; -1: there is none */
	int64_t newest;
	int64_t first_checkpoint; /* -1: there is none */
};

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool
ends_with(const char *text, const char *ending)
{
	size_t len = strlen(text);
	size_t ending_len = strlen(ending);
	return len >= ending_len && strcmp(text + len - ending_len, ending) == 0;
}

static struct log_name
read_name(const char *path)
{
	struct log_name name = { .kind = LOG_OTHER };
	const char *base = base_name(path);
	if (strspn(base, "0123456789") != VERSION_DIGITS ||
	    !asof_int64_parse((struct asof_str){ base, VERSION_DIGITS }, &name.version))
		return name;
	const char *rest = base + VERSION_DIGITS;
	name.is_json = ends_with(rest, ".json");
	if (strcmp(rest, ".json") == 0) {
		name.kind = LOG_ENTRY;
	} else if (strcmp(rest, ".checkpoint.parquet") == 0) {
		name.kind = LOG_CHECKPOINT;
	} else if (strncmp(rest, ".checkpoint.", 12) == 0) {
		rest += 12;
		bool is_part = strspn(rest, "0123456789") == 10 && rest[10] == '.' &&
			       strspn(rest + 11, "0123456789") == 10;
		name.kind = is_part ? LOG_CHECKPOINT : LOG_CHECKPOINT_V2;
		if (is_part &&
		    !asof_int64_parse((struct asof_str){ rest + 11, 10 }, &name.part_count))
			name.kind = LOG_OTHER;
	}
	return name;
}

static enum asof_status
read_names(struct log *log, struct asof_arena *arena, struct asof_error *err)
{
	log->oldest = log->newest = log->first_checkpoint = -1;
	log->names = asof_arena_array(arena, log->count, sizeof(*log->names));
	if (!log->names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "log of %zu files", log->count);
	for (size_t i = 0; i < log->count; i++) {
		struct log_name *name = &log->names[i];
		*name = read_name(log->files[i].path);
		if (name->kind == LOG_ENTRY) { /* ascending, as names do */
			log->oldest = log->oldest < 0 ? name->version : log->oldest;
			log->newest = name->version;
		} else if (name->kind != LOG_OTHER && log->first_checkpoint < 0) {
			log->first_checkpoint = name->version;
		}
	}
	return ASOF_OK;
}

/* All parts of one are there? */
static bool
is_whole(const struct log *log, size_t at)
{
	const struct log_name *name = &log->names[at];
	int64_t count = 0;
	for (size_t i = 0; i < log->count; i++) {
		const struct log_name *other = &log->names[i];
		count += other->kind == LOG_CHECKPOINT && other->version == name->version &&
			 other->part_count == name->part_count;
	}
	return name->part_count == 0 || count == name->part_count;
}

/* Of the newest checkpoint at or before `version`; -1: none. */
static int64_t
find_checkpoint(const struct log *log, int64_t version)
{
	int64_t found = -1;
	for (size_t i = 0; i < log->count; i++) {
		const struct log_name *name = &log->names[i];
		bool is_checkpoint =
			name->kind == LOG_CHECKPOINT || name->kind == LOG_CHECKPOINT_V2;
		if (is_checkpoint && name->version <= version && name->version > found &&
		    is_whole(log, i))
			found = name->version;
	}
	return found;
}

/* The first version that the log can still tell. */
static int64_t
oldest_version(const struct log *log)
{
	bool is_complete = log->oldest == 0;
	return is_complete || log->first_checkpoint < 0 ? log->oldest : log->first_checkpoint;
}

/* Entries stand without a gap from the one behind the checkpoint on. */
static enum asof_status
check_entries(const struct asof_foreign_opening *o, const struct log *log, struct asof_error *err)
{
	int64_t next = find_checkpoint(log, o->table->version) + 1;
	for (size_t i = 0; i < log->count && next <= o->table->version; i++) {
		const struct log_name *name = &log->names[i];
		if (name->kind != LOG_ENTRY || name->version < next)
			continue;
		if (name->version > next)
			break;
		next++;
	}
	if (next > o->table->version)
		return ASOF_OK;
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "the Delta table '%s': '%s/_delta_log/%020" PRId64
			 ".json' is missing, and "
			 "no later checkpoint stands for it",
			 o->source->location.text, o->source->location.text, next);
}

static enum asof_status
choose_version(const struct asof_foreign_opening *o, const struct log *log, struct asof_error *err)
{
	const struct asof_source *source = o->source;
	if (log->newest < 0)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "'%s' is no Delta table: there is no _delta_log/ with entries in "
				 "it",
				 source->location.text);
	if (!asof_foreign_wants_version(o, &o->table->version))
		o->table->version = log->newest;
	if (o->table->version > log->newest || o->table->version < oldest_version(log))
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "the Delta table '%s' has no version %" PRId64
				 ": its log has %" PRId64 " to %" PRId64,
				 source->location.text, o->table->version, oldest_version(log),
				 log->newest);
	for (size_t i = 0; i < log->count; i++) {
		if (log->names[i].kind == LOG_ENTRY && log->names[i].version == o->table->version)
			o->table->entry = log->files[i];
	}
	return check_entries(o, log, err);
}

/* ---- what the log says of data files ---- */

/* The files of the log that satisfy a condition, as a list in SQL; false where there are none. */
struct chosen {
	enum log_kind kind;
	bool is_json;
	int64_t from;
	int64_t to;
};

static bool
add_chosen(struct asof_buf *sql, const struct log *log, struct chosen want)
{
	const char *separator = "[";
	for (size_t i = 0; i < log->count; i++) {
		const struct log_name *name = &log->names[i];
		if (name->kind != want.kind || name->is_json != want.is_json ||
		    name->version < want.from || name->version > want.to)
			continue;
		asof_buf_add_cstr(sql, separator);
		asof_sql_text(sql, log->files[i].path);
		separator = ", ";
	}
	if (separator[0] == ',')
		asof_buf_add_char(sql, ']');
	return separator[0] == ',';
}

#define ADDED                                                                                \
	"\"add\".path AS path, \"add\".size AS size_bytes, \"add\".\"modificationTime\" AS " \
	"modified_ms, "
#define NOTHING_ADDED \
	"NULL::VARCHAR AS path, NULL::BIGINT AS size_bytes, NULL::BIGINT AS modified_ms, "

/* Entries, and checkpoints that are JSON. */
static void
add_json(struct asof_buf *sql, const struct log *log, struct chosen want)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf list = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	if (!add_chosen(&list, log, want))
		return;
	asof_buf_printf(sql,
			" UNION ALL BY NAME SELECT " ADDED
			"\"metaData\".id AS id, filename FROM read_json(%s, filename = true, "
			"format = 'newline_delimited', maximum_object_size = 268435456, columns = "
			"{'add': 'STRUCT(path VARCHAR, size BIGINT, \"modificationTime\" BIGINT)', "
			"'metaData': 'STRUCT(id VARCHAR)'})",
			asof_buf_cstr(&list));
	asof_sql_carry(sql, &list);
}

static void
add_parquet(struct asof_buf *sql, const struct log *log, struct chosen want)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf list = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	if (!add_chosen(&list, log, want))
		return;
	bool has_files = want.kind == LOG_CHECKPOINT; /* of the second form: files beside have */
	asof_buf_printf(sql,
			" UNION ALL BY NAME SELECT %s\"metaData\".id AS id, filename FROM "
			"read_parquet(%s, filename = true)",
			has_files ? ADDED : NOTHING_ADDED, asof_buf_cstr(&list));
	asof_sql_carry(sql, &list);
}

/* Files beside checkpoints of the second form; those of older ones do not matter. */
static enum asof_status
add_sidecars(struct asof_buf *sql, const struct asof_foreign_opening *o, struct asof_error *err)
{
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	ASOF_TRY(asof_foreign_list(o->session, o->source, "/_delta_log/_sidecars/*.parquet", &files,
				   &count, err));
	if (count == 0)
		return ASOF_OK;
	asof_buf_add_cstr(sql, " UNION ALL BY NAME SELECT " ADDED
			       "NULL::VARCHAR AS id, '' AS filename FROM read_parquet([");
	for (size_t i = 0; i < count; i++) {
		asof_buf_add_cstr(sql, i > 0 ? ", " : "");
		asof_sql_text(sql, files[i].path);
	}
	asof_buf_add_cstr(sql, "])");
	return ASOF_OK;
}

/* "WITH asof_log AS (..)": what the log says, at the version. */
static enum asof_status
add_log(struct asof_buf *sql, const struct asof_foreign_opening *o, const struct log *log,
	struct asof_error *err)
{
	int64_t version = o->table->version;
	int64_t checkpoint = find_checkpoint(log, version);
	asof_buf_add_cstr(sql, "WITH asof_log AS MATERIALIZED (SELECT " NOTHING_ADDED
			       "NULL::VARCHAR AS id, NULL::VARCHAR AS filename WHERE false");
	add_json(sql, log, (struct chosen){ LOG_ENTRY, true, checkpoint + 1, version });
	add_parquet(sql, log, (struct chosen){ LOG_CHECKPOINT, false, checkpoint, checkpoint });
	add_parquet(sql, log, (struct chosen){ LOG_CHECKPOINT_V2, false, checkpoint, checkpoint });
	add_json(sql, log, (struct chosen){ LOG_CHECKPOINT_V2, true, checkpoint, checkpoint });
	ASOF_TRY(add_sidecars(sql, o, err));
	asof_buf_add_cstr(sql, ")");
	return ASOF_OK;
}

static enum asof_status
write_files_sql(const struct asof_foreign_opening *o, const struct log *log, struct asof_buf *sql,
		struct asof_error *err)
{
	ASOF_TRY(add_log(sql, o, log, err));
	asof_buf_add_cstr(sql, ", asof_added AS (SELECT CASE WHEN path LIKE '/%' OR path LIKE "
			       "'%://%' THEN '' ELSE ");
	asof_sql_text(sql, o->table->location);
	asof_buf_add_cstr(sql, " || '/' END || url_decode(path) AS path, max(size_bytes) AS "
			       "size_bytes, max(modified_ms) AS modified_ms FROM asof_log WHERE "
			       "path IS NOT NULL GROUP BY 1) "
			       "SELECT f.data_file, coalesce(a.size_bytes, 0)::BIGINT, "
			       "coalesce(a.modified_ms, 0)::BIGINT AS modified_ms, false, "
			       "(SELECT max_by(id, filename) FROM asof_log WHERE id IS NOT NULL) "
			       "FROM delta_list_files(");
	asof_sql_text(sql, o->table->location);
	asof_buf_printf(sql,
			", version = %" PRId64 ") AS f LEFT JOIN asof_added AS a ON a.path = "
			"f.data_file ORDER BY modified_ms, f.data_file",
			o->table->version);
	return asof_buf_status(sql, err);
}

/* ---- opening ---- */

/* "/data/orders" of "/data/orders/_delta_log/00000000000000000000.json". */
static const char *
directory_of(const char *entry_path, struct asof_arena *arena)
{
	const char *base = base_name(entry_path);
	size_t len = (size_t)(base - entry_path) - sizeof("/_delta_log/") + 1;
	return asof_arena_copy(arena, (struct asof_str){ entry_path, len });
}

/* "Json error: .." of "deltaKernel ArrowError (2): Json error: ..". */
static const char *
behind_kernel(const char *cause)
{
	const char *at = strstr(cause, "eltaKernel ");
	const char *end = at ? strstr(at, "): ") : NULL;
	return end ? end + 3 : cause;
}

/* The kernel does not say which file it could not read: reading them again does. */
static void
find_place(const struct asof_foreign_opening *o, const struct log *log, struct asof_error *cause)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_error found = { 0 };
	int64_t count = 0;
	if (add_log(&sql, o, log, NULL) != ASOF_OK)
		return;
	asof_buf_add_cstr(&sql, " SELECT count(*) FROM asof_log");
	enum asof_status status =
		asof_query_ints(o->engine, asof_buf_cstr(&sql), &count, 1, &found);
	if (status != ASOF_OK)
		*cause = found;
}

/* What the extension says, as what it means for whoever reads it. */
static enum asof_status
explain(const struct asof_foreign_opening *o, enum asof_status status, const char *said,
	struct asof_error *err)
{
	const char *name = o->source->location.text;
	const char *cause = behind_kernel(said);
	if (strstr(cause, "nsupported"))
		return ASOF_FAIL(err, ASOF_UNSUPPORTED,
				 "the Delta table '%s' needs what is not read here: %s (drop the "
				 "feature from the table, or copy it)",
				 name, cause);
	if (status == ASOF_IO)
		status = ASOF_CORRUPT;
	return ASOF_FAIL(err, status,
			 "read the log of the Delta table '%s' at version %" PRId64 ": %s", name,
			 o->table->version, cause);
}

enum asof_status
asof_foreign_open_delta(struct asof_foreign_opening *o, struct asof_error *err)
{
	struct asof_arena *arena = &o->session->arena;
	struct log log = { 0 };
	ASOF_TRY(asof_foreign_list(o->session, o->source, "/_delta_log/*", &log.files, &log.count,
				   err));
	ASOF_TRY(read_names(&log, arena, err));
	ASOF_TRY(choose_version(o, &log, err));
	o->table->location = directory_of(log.files[0].path, arena);
	if (!o->table->location)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
	ASOF_TRY(asof_engine_load(o->engine, "delta", err));

	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	struct asof_foreign_files files = { .arena = arena,
					    .project_dir = o->session->project->dir };
	struct asof_error cause = { 0 };
	ASOF_TRY(write_files_sql(o, &log, &sql, err));
	enum asof_status status =
		asof_foreign_ask_files(o->engine, asof_buf_cstr(&sql), &files, &cause);
	if (status == ASOF_IO)
		find_place(o, &log, &cause);
	if (status != ASOF_OK)
		return explain(o, status, cause.message, err);
	o->table->id = files.id ? files.id : "";
	o->table->log = log.files;
	o->table->log_count = log.count;
	o->bound->files = files.data;
	o->bound->file_count = files.data_count;
	return ASOF_OK;
}
