/*
 * foreign_iceberg.c - Iceberg tables of others: the metadata file and snapshot that are read.
 *
 * Without a catalog nothing says which metadata file is the table's: `version-hint.text` where the
 * writer keeps one, else the highest number. Two of that number are an error: one of them may be
 * what a writer left behind that lost.
 */
#include <inttypes.h>

#include "base/number.h"
#include "codec/json_reader.h"
#include "job/foreign_table.h"
#include "model/hash.h"
#include "plan/sql.h"

#define METADATA     ".metadata.json"
#define NOT_NUMBERED INT64_C(-1)

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool
is_metadata(const char *path)
{
	size_t len = strlen(path);
	size_t ending = sizeof(METADATA) - 1;
	return len > ending && strcmp(path + len - ending, METADATA) == 0;
}

/* 3 of "v3.metadata.json" and of "00003-<id>.metadata.json". */
static int64_t
number_of(const char *path)
{
	const char *base = base_name(path);
	if (*base == 'v')
		base++;
	size_t len = strspn(base, "0123456789");
	int64_t number = NOT_NUMBERED;
	if (len == 0 || !asof_int64_parse((struct asof_str){ base, len }, &number))
		return NOT_NUMBERED;
	return number;
}

/* ---- texts ---- */

struct text {
	struct asof_arena *arena;
	const char *text;
};

static enum asof_status
take_text(void *arg, const struct asof_result_schema *schema, const struct asof_batch *batch,
	  struct asof_error *err)
{
	struct text *text = arg;
	struct asof_value value;
	(void)schema;
	ASOF_TRY(asof_column_value(&batch->columns[0], 0, NULL, &value, err));
	text->text = asof_arena_copy(text->arena, value.str);
	return text->text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "metadata");
}

static enum asof_status
read_text(const struct asof_foreign_opening *o, const char *path, const char **ret_text,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64u << 10);
	struct text text = { &o->session->arena, NULL };
	asof_buf_add_cstr(&sql, "SELECT content FROM read_text(");
	asof_sql_text(&sql, path);
	asof_buf_add_char(&sql, ')');
	ASOF_TRY(asof_buf_status(&sql, err));
	enum asof_status status =
		asof_engine_query(o->engine, asof_buf_cstr(&sql), take_text, &text, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read '%s'", path);
	*ret_text = text.text;
	return ASOF_OK;
}

/* ---- the metadata file ---- */

static enum asof_status
choose_highest(const struct asof_foreign_opening *o, const struct asof_source_file *files,
	       size_t count, struct asof_error *err)
{
	int64_t highest = NOT_NUMBERED;
	const struct asof_source_file *other = NULL;
	for (size_t i = 0; i < count; i++) {
		int64_t number = is_metadata(files[i].path) ? number_of(files[i].path) : -1;
		if (number < 0 || number < highest)
			continue;
		other = number == highest ? &o->table->entry : NULL;
		if (other)
			return ASOF_FAIL(
				err, ASOF_INVALID,
				"the Iceberg table '%s' has two metadata files of number "
				"%" PRId64 ": give the one that counts as its path, '%s' or "
				"'%s'",
				o->table->name, number, o->table->entry.name, files[i].name);
		highest = number;
		o->table->entry = files[i];
	}
	if (highest == NOT_NUMBERED)
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "'%s' is no Iceberg table: there is no metadata/*.metadata.json",
				 o->table->name);
	return ASOF_OK;
}

/* "3" names v3.metadata.json, and any other text a file of that beginning. */
static enum asof_status
choose_hinted(const struct asof_foreign_opening *o, const struct asof_source_file *hint,
	      const struct asof_source_file *files, size_t count, struct asof_error *err)
{
	const char *text = NULL;
	ASOF_TRY(read_text(o, hint->path, &text, err));
	size_t len = strcspn(text, " \t\r\n");
	for (size_t i = 0; i < count; i++) {
		const char *base = base_name(files[i].path);
		if (*base == 'v' && len > 0 && *text != 'v')
			base++;
		if (len > 0 && strncmp(base, text, len) == 0 && strcmp(base + len, METADATA) == 0) {
			o->table->entry = files[i];
			return ASOF_OK;
		}
	}
	return ASOF_FAIL(err, ASOF_CORRUPT,
			 "'%s' names the metadata file '%.*s', which is not there", hint->name,
			 (int)len, text);
}

static enum asof_status
choose_metadata(const struct asof_foreign_opening *o, struct asof_error *err)
{
	const struct asof_source_file *files = NULL;
	size_t count = 0;
	bool is_named = is_metadata(o->source->location.text);
	ASOF_TRY(asof_foreign_list(o->session, o->source, is_named ? "" : "/metadata/*", &files,
				   &count, err));
	for (size_t i = 0; i < count; i++) {
		if (is_named)
			o->table->entry = files[i];
		else if (strcmp(base_name(files[i].path), "version-hint.text") == 0)
			return choose_hinted(o, &files[i], files, count, err);
	}
	if (is_named && count > 0)
		return ASOF_OK;
	return choose_highest(o, files, count, err);
}

/* ---- the snapshot ---- */

static bool
has_snapshot(const struct asof_json *root, int64_t id)
{
	const struct asof_json *snapshots = asof_json_member(root, "snapshots");
	for (size_t i = 0; snapshots && snapshots->kind == ASOF_JSON_ARRAY && i < snapshots->count;
	     i++) {
		int64_t other = -1;
		enum asof_status status = asof_json_member_read_int(&snapshots->items[i],
								    "snapshot-id", &other, NULL);
		if (status == ASOF_OK && other == id)
			return true;
	}
	return false;
}

static enum asof_status
choose_snapshot(const struct asof_foreign_opening *o, struct asof_error *err)
{
	struct asof_foreign_table *table = o->table;
	const struct asof_json *root = NULL;
	const char *text = NULL;
	struct asof_error why = { 0 };
	struct asof_str id = { "", 0 };
	ASOF_TRY(read_text(o, table->entry.path, &text, err));
	if (asof_json_read(asof_str_from(text), &o->session->arena, &root, &why) != ASOF_OK ||
	    asof_json_member_read_str(root, "table-uuid", &id, &why) != ASOF_OK)
		return ASOF_FAIL(err, ASOF_CORRUPT, "metadata '%s' of the Iceberg table '%s': %s",
				 table->entry.name, table->name, why.message);
	table->id = asof_arena_copy(&o->session->arena, id);
	if (!table->id)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
	int64_t wanted = -1;
	table->version = -1;
	if (asof_json_member_read_int(root, "current-snapshot-id", &table->version, NULL) !=
	    ASOF_OK)
		table->version = -1; /* null, or absent: it has none yet */
	if (!asof_foreign_wants_version(o, &wanted))
		return ASOF_OK;
	table->version = wanted;
	if (!has_snapshot(root, table->version))
		return ASOF_FAIL(err, ASOF_NOT_FOUND,
				 "the Iceberg table '%s' has no snapshot %" PRId64 " in '%s'",
				 table->name, table->version, table->entry.name);
	return ASOF_OK;
}

static enum asof_status
ask_files(const struct asof_foreign_opening *o, struct asof_foreign_files *files,
	  struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf sql = ASOF_BUF(64u << 10);
	if (o->table->version < 0)
		return ASOF_OK;
	asof_buf_add_cstr(&sql, "SELECT file_path, 0::BIGINT, 0::BIGINT, "
				"bool_or(manifest_content <> 'DATA'), NULL::VARCHAR FROM "
				"iceberg_metadata(");
	asof_sql_text(&sql, o->table->location);
	asof_buf_printf(&sql,
			", snapshot_from_id = %" PRId64 ") WHERE status <> 'DELETED' GROUP BY "
			"file_path ORDER BY min(manifest_sequence_number), file_path",
			o->table->version);
	ASOF_TRY(asof_buf_status(&sql, err));
	enum asof_status status =
		asof_foreign_ask_files(o->engine, asof_buf_cstr(&sql), files, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "read snapshot %" PRId64 " of the Iceberg table '%s'",
				 o->table->version, o->table->name);
	return ASOF_OK;
}

/* Files of deletions are never changed: others have other names. */
static enum asof_status
hash_deletes(const struct asof_foreign_opening *o, const struct asof_foreign_files *files,
	     struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf names = ASOF_BUF(ASOF_SQL_BYTES_MAX);
	char hash[33];
	if (files->delete_count == 0)
		return ASOF_OK;
	for (size_t i = 0; i < files->delete_count; i++) {
		asof_buf_add_cstr(&names, files->deletes[i].path);
		asof_buf_add_char(&names, '\n');
	}
	ASOF_TRY(asof_buf_status(&names, err));
	asof_hash128_text(asof_buf_view(&names), hash);
	o->table->deletes = asof_arena_copy(&o->session->arena, asof_str_from(hash));
	return o->table->deletes ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "table");
}

enum asof_status
asof_foreign_open_iceberg(struct asof_foreign_opening *o, struct asof_error *err)
{
	struct asof_foreign_files files = { .arena = &o->session->arena,
					    .project_dir = o->session->project->dir };
	ASOF_TRY(choose_metadata(o, err));
	o->table->location = o->table->entry.path;
	ASOF_TRY(choose_snapshot(o, err));
	ASOF_TRY(asof_engine_load(o->engine, "avro", err));
	ASOF_TRY(asof_engine_load(o->engine, "iceberg", err));
	ASOF_TRY(ask_files(o, &files, err));
	o->bound->files = files.data;
	o->bound->file_count = files.data_count;
	return hash_deletes(o, &files, err);
}
