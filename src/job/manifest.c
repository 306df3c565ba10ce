#include "job/manifest.h"

#include "codec/json_reader.h"
#include "codec/time_text.h"

#define MANIFEST_BYTES_MAX (64u << 20)
#define THREADS_MAX        1024

const char *
asof_manifest_path(const char *out, struct asof_arena *arena)
{
	return asof_arena_printf(arena, "%s" ASOF_MANIFEST_ENDING, out);
}

static void
write_time(struct asof_json_writer *w, const char *name, int64_t event_us)
{
	char text[ASOF_TIME_TEXT_MAX];
	asof_json_member_str(w, name,
			     (struct asof_str){ text, asof_timestamp_text(event_us, text) });
}

static const char *
known_at_text(enum asof_known_at known_at)
{
	static const char *const texts[] = { [ASOF_KNOWN_AT_NONE] = "none",
					     [ASOF_KNOWN_AT_LABEL] = "label",
					     [ASOF_KNOWN_AT_TIME] = "time" };
	return texts[known_at];
}

static void
write_views(struct asof_json_writer *w, const struct asof_version_table *tables, size_t table_count,
	    bool is_direct)
{
	asof_json_key_cstr(w, "views");
	asof_json_begin_array(w);
	for (size_t i = 0; i < table_count; i++) {
		const struct asof_version *version = tables[i].version;
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "view", version->view);
		asof_json_member_text(w, "version", tables[i].version_text);
		asof_json_member_cstr(w, "definition_hash", version->definition_hash);
		if (!is_direct && !asof_version_is_on_demand(version)) {
			asof_json_member_int(w, "table_version", version->table_version);
		}
		if (!is_direct)
			write_time(w, "published", version->published_us);
		if (tables[i].upstream_count > 0) {
			asof_json_key_cstr(w, "upstream");
			asof_json_begin_array(w);
			for (size_t u = 0; u < tables[i].upstream_count; u++)
				asof_json_cstr(w, tables[i].upstream[u]);
			asof_json_end_array(w);
		}
		asof_json_key_cstr(w, "definition");
		asof_json_raw(w, asof_str_from(version->definition_json));
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

static void
write_features(struct asof_json_writer *w, const struct asof_manifest *manifest)
{
	asof_json_key_cstr(w, "features");
	asof_json_begin_array(w);
	for (size_t i = 0; i < manifest->ref_count; i++) {
		const struct asof_feature_ref *ref = &manifest->refs[i];
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "view", ref->view);
		asof_json_member_text(w, "version", ref->version);
		asof_json_member_cstr(w, "feature", ref->feature);
		if (ref->is_input)
			asof_json_member_bool(w, "input", true);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

/* What a direct join has read, which nobody keeps for it. */
static void
write_files(struct asof_json_writer *w, const struct asof_manifest *manifest)
{
	asof_json_key_cstr(w, "source_files");
	asof_json_begin_array(w);
	for (size_t i = 0; i < manifest->file_count; i++) {
		const struct asof_manifest_file *file = &manifest->files[i];
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "source", file->source);
		asof_json_member_cstr(w, "file", file->name);
		asof_json_member_int(w, "bytes", (int64_t)file->size_bytes);
		asof_json_member_int(w, "modified_us", file->modified_us);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

static void
write_tables(struct asof_json_writer *w, const struct asof_manifest *manifest)
{
	asof_json_key_cstr(w, "source_tables");
	asof_json_begin_array(w);
	for (size_t i = 0; i < manifest->table_count; i++) {
		asof_json_begin_object(w);
		asof_json_member_cstr(w, "source", manifest->tables[i].source);
		asof_json_member_int(w, "version", manifest->tables[i].version);
		asof_json_end_object(w);
	}
	asof_json_end_array(w);
}

static void
write_digest(struct asof_json_writer *w, const char *name, const struct asof_file_digest *digest)
{
	asof_json_key_cstr(w, name);
	asof_json_begin_object(w);
	asof_json_member_int(w, "bytes", (int64_t)digest->size_bytes);
	asof_json_member_cstr(w, digest->is_of_parts ? "sha256_of_parts" : "sha256",
			      digest->sha256);
	asof_json_end_object(w);
}

/* The blob store of a file's directory, and the file's name in it. */
static enum asof_status
open_directory(const char *path, struct asof_arena *arena, struct asof_blob **ret_blob,
	       const char **ret_name, struct asof_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *dir =
		slash ? asof_arena_copy(arena, (struct asof_str){ path, (size_t)(slash - path) +
										(slash == path) })
		      : ".";
	if (!dir)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path '%s'", path);
	*ret_name = slash ? slash + 1 : path;
	return asof_blob_open(dir, ret_blob, err);
}

enum asof_status
asof_manifest_write(const struct asof_manifest *manifest, const struct asof_version_table *tables,
		    size_t table_count, const char *out, int64_t row_count, int64_t now_us,
		    struct asof_arena *arena, struct asof_error *err)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(MANIFEST_BYTES_MAX);
	struct asof_json_writer w = asof_json_writer_pretty(&buf);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "asof", ASOF_VERSION);
	write_time(&w, "made", now_us);
	asof_json_member_cstr(&w, "spine", manifest->spine);
	asof_json_member_cstr(&w, "time_column", manifest->time_column);
	if (manifest->service)
		asof_json_member_cstr(&w, "service", manifest->service);
	asof_json_member_cstr(&w, "known_at", known_at_text(manifest->known_at));
	if (manifest->known_at == ASOF_KNOWN_AT_TIME)
		write_time(&w, "known_at_time", manifest->known_at_us);
	asof_json_member_int(&w, "rows", row_count);
	asof_json_member_cstr(&w, "engine", manifest->is_sql ? "sql" : "kernel");
	asof_json_member_int(&w, "threads", (int64_t)manifest->threads);
	asof_json_member_int(&w, "memory_bytes", (int64_t)manifest->memory_bytes);
	if (manifest->has_digests) {
		write_digest(&w, "spine_file", &manifest->spine_digest);
		write_digest(&w, "result_file", &manifest->result_digest);
	}
	if (manifest->is_direct) {
		asof_json_member_bool(&w, "direct", true);
		if (manifest->table_count > 0)
			write_tables(&w, manifest);
		write_files(&w, manifest);
	}
	write_features(&w, manifest);
	write_views(&w, tables, table_count, manifest->is_direct);
	asof_json_end_object(&w);
	asof_buf_add_char(&buf, '\n');
	ASOF_TRY(asof_buf_status(&buf, err));

	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	const char *path = asof_manifest_path(out, arena);
	const char *name = NULL;
	if (!path)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "manifest");
	ASOF_TRY(open_directory(path, arena, &blob, &name, err));
	return asof_blob_put(blob, name, asof_buf_view(&buf), err);
}

/* A text member in the arena; NULL where there is none. */
static enum asof_status
read_text(const struct asof_json *object, const char *name, struct asof_arena *arena,
	  const char **ret_text, struct asof_error *err)
{
	struct asof_str text;
	struct asof_error ignored;
	*ret_text = NULL;
	if (asof_json_member_read_str(object, name, &text, &ignored) != ASOF_OK)
		return ASOF_OK;
	*ret_text = asof_arena_copy(arena, text);
	return *ret_text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "'%s'", name);
}

static enum asof_status
read_refs(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	  struct asof_error *err)
{
	const struct asof_json *features = asof_json_member(root, "features");
	if (!features || features->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_INVALID, "no list of features");
	manifest->refs = asof_arena_array(arena, features->count, sizeof(*manifest->refs));
	if (!manifest->refs)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "features");
	for (size_t i = 0; i < features->count; i++) {
		const struct asof_json *item = &features->items[i];
		struct asof_feature_ref ref = { 0 };
		const struct asof_json *input = asof_json_member(item, "input");
		ASOF_TRY(read_text(item, "view", arena, &ref.view, err));
		ASOF_TRY(read_text(item, "version", arena, &ref.version, err));
		ASOF_TRY(read_text(item, "feature", arena, &ref.feature, err));
		if (!ref.view || (!ref.version && !manifest->is_direct) || !ref.feature)
			return ASOF_FAIL(err, ASOF_INVALID, "feature %zu lacks a name", i + 1);
		ref.is_input = input && input->kind == ASOF_JSON_BOOL && input->boolean;
		manifest->refs[manifest->ref_count++] = ref;
	}
	return ASOF_OK;
}

static enum asof_status
read_known_at(const struct asof_json *root, struct asof_arena *arena,
	      struct asof_manifest *manifest, struct asof_error *err)
{
	const char *text = NULL;
	const char *time = NULL;
	bool is_known = false;
	ASOF_TRY(read_text(root, "known_at", arena, &text, err));
	for (int kind = ASOF_KNOWN_AT_NONE; text && kind <= ASOF_KNOWN_AT_TIME; kind++) {
		if (strcmp(text, known_at_text((enum asof_known_at)kind)) == 0) {
			manifest->known_at = (enum asof_known_at)kind;
			is_known = true;
		}
	}
	if (!is_known)
		return ASOF_FAIL(err, ASOF_INVALID, "'known_at' is none, label or time");
	if (manifest->known_at != ASOF_KNOWN_AT_TIME)
		return ASOF_OK;
	ASOF_TRY(read_text(root, "known_at_time", arena, &time, err));
	if (!time)
		return ASOF_FAIL(err, ASOF_INVALID, "no 'known_at_time'");
	return asof_timestamp_parse(asof_str_from(time), &manifest->known_at_us, err);
}

/* The list of a direct join's manifest that has this name, and room for its items. */
static enum asof_status
read_list(const struct asof_json *root, const char *name, struct asof_arena *arena,
	  size_t item_bytes, const struct asof_json **ret_list, void **ret_items,
	  struct asof_error *err)
{
	const struct asof_json *list = asof_json_member(root, name);
	if (!list || list->kind != ASOF_JSON_ARRAY)
		return ASOF_FAIL(err, ASOF_INVALID, "no list '%s'", name);
	*ret_list = list;
	*ret_items = asof_arena_array(arena, list->count, item_bytes);
	return *ret_items ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "'%s'", name);
}

static enum asof_status
read_hashes(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	    struct asof_error *err)
{
	const struct asof_json *list = NULL;
	void *items = NULL;
	ASOF_TRY(read_list(root, "views", arena, sizeof(*manifest->views), &list, &items, err));
	manifest->views = items;
	for (size_t i = 0; i < list->count; i++) {
		struct asof_manifest_view *view = &manifest->views[i];
		ASOF_TRY(read_text(&list->items[i], "view", arena, &view->view, err));
		ASOF_TRY(read_text(&list->items[i], "definition_hash", arena, &view->hash, err));
		if (!view->view || !view->hash)
			return ASOF_FAIL(err, ASOF_INVALID, "view %zu lacks its definition_hash",
					 i + 1);
		manifest->view_count++;
	}
	return ASOF_OK;
}

static enum asof_status
read_files(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	   struct asof_error *err)
{
	const struct asof_json *list = NULL;
	void *items = NULL;
	ASOF_TRY(read_list(root, "source_files", arena, sizeof(*manifest->files), &list, &items,
			   err));
	manifest->files = items;
	for (size_t i = 0; i < list->count; i++) {
		const struct asof_json *item = &list->items[i];
		struct asof_manifest_file *file = &manifest->files[i];
		int64_t bytes = 0;
		ASOF_TRY(read_text(item, "source", arena, &file->source, err));
		ASOF_TRY(read_text(item, "file", arena, &file->name, err));
		ASOF_TRY(asof_json_member_read_int(item, "bytes", &bytes, err));
		ASOF_TRY(asof_json_member_read_int(item, "modified_us", &file->modified_us, err));
		if (!file->source || !file->name)
			return ASOF_FAIL(err, ASOF_INVALID, "source file %zu lacks its name",
					 i + 1);
		file->size_bytes = (uint64_t)bytes;
		manifest->file_count++;
	}
	return ASOF_OK;
}

/* None where all sources are files, or of a program that did not write them yet. */
static enum asof_status
read_tables(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	    struct asof_error *err)
{
	const struct asof_json *list = NULL;
	void *items = NULL;
	if (!asof_json_member(root, "source_tables"))
		return ASOF_OK;
	ASOF_TRY(read_list(root, "source_tables", arena, sizeof(*manifest->tables), &list, &items,
			   err));
	manifest->tables = items;
	for (size_t i = 0; i < list->count; i++) {
		struct asof_table_pin *table = &manifest->tables[i];
		ASOF_TRY(read_text(&list->items[i], "source", arena, &table->source, err));
		ASOF_TRY(asof_json_member_read_int(&list->items[i], "version", &table->version,
						   err));
		if (!table->source)
			return ASOF_FAIL(err, ASOF_INVALID, "source table %zu lacks its source",
					 i + 1);
		manifest->table_count++;
	}
	return ASOF_OK;
}

/* Files of a program that did not write them yet have none: what is usual is taken. */
static enum asof_status
read_means(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	   struct asof_error *err)
{
	const char *engine = NULL;
	int64_t threads = 0;
	int64_t memory_bytes = 0;
	ASOF_TRY(read_text(root, "engine", arena, &engine, err));
	manifest->is_sql = engine && strcmp(engine, "sql") == 0;
	if (asof_json_member(root, "threads"))
		ASOF_TRY(asof_json_member_read_int(root, "threads", &threads, err));
	if (asof_json_member(root, "memory_bytes"))
		ASOF_TRY(asof_json_member_read_int(root, "memory_bytes", &memory_bytes, err));
	if (threads < 0 || threads > THREADS_MAX || memory_bytes < 0)
		return ASOF_FAIL(err, ASOF_INVALID, "'threads' or 'memory_bytes' is out of range");
	manifest->threads = (unsigned)threads;
	manifest->memory_bytes = (uint64_t)memory_bytes;
	return ASOF_OK;
}

static enum asof_status
read_digest(const struct asof_json *object, const char *name, struct asof_arena *arena,
	    struct asof_file_digest *digest, struct asof_error *err)
{
	const char *whole = NULL;
	const char *parts = NULL;
	int64_t bytes = 0;
	ASOF_TRY(asof_json_member_read_int(object, "bytes", &bytes, err));
	ASOF_TRY(read_text(object, "sha256", arena, &whole, err));
	ASOF_TRY(read_text(object, "sha256_of_parts", arena, &parts, err));
	const char *text = whole ? whole : parts;
	if (bytes < 0 || !text || strlen(text) >= sizeof(digest->sha256))
		return ASOF_FAIL(err, ASOF_INVALID, "'%s' holds no bytes or no sha256", name);
	digest->size_bytes = (uint64_t)bytes;
	digest->is_of_parts = !whole;
	memcpy(digest->sha256, text, strlen(text) + 1);
	return ASOF_OK;
}

static enum asof_status
read_digests(const struct asof_json *root, struct asof_arena *arena, struct asof_manifest *manifest,
	     struct asof_error *err)
{
	const struct asof_json *spine = asof_json_member(root, "spine_file");
	const struct asof_json *result = asof_json_member(root, "result_file");
	if (!spine || !result)
		return ASOF_OK;
	ASOF_TRY(read_digest(spine, "spine_file", arena, &manifest->spine_digest, err));
	ASOF_TRY(read_digest(result, "result_file", arena, &manifest->result_digest, err));
	manifest->has_digests = true;
	return ASOF_OK;
}

static enum asof_status
read_manifest(struct asof_str text, struct asof_arena *arena, struct asof_manifest *manifest,
	      struct asof_error *err)
{
	const struct asof_json *root = NULL;
	ASOF_TRY(asof_json_read(text, arena, &root, err));
	ASOF_TRY(read_text(root, "spine", arena, &manifest->spine, err));
	ASOF_TRY(read_text(root, "time_column", arena, &manifest->time_column, err));
	ASOF_TRY(read_text(root, "service", arena, &manifest->service, err));
	if (!manifest->spine || !manifest->time_column)
		return ASOF_FAIL(err, ASOF_INVALID, "no 'spine' or no 'time_column'");
	ASOF_TRY(read_known_at(root, arena, manifest, err));
	ASOF_TRY(read_means(root, arena, manifest, err));
	ASOF_TRY(read_digests(root, arena, manifest, err));
	const struct asof_json *direct = asof_json_member(root, "direct");
	manifest->is_direct = direct && direct->kind == ASOF_JSON_BOOL && direct->boolean;
	if (manifest->is_direct) {
		ASOF_TRY(read_hashes(root, arena, manifest, err));
		ASOF_TRY(read_tables(root, arena, manifest, err));
		ASOF_TRY(read_files(root, arena, manifest, err));
	}
	return read_refs(root, arena, manifest, err);
}

enum asof_status
asof_manifest_read(const char *path, struct asof_arena *arena, struct asof_manifest *ret_manifest,
		   struct asof_error *err)
{
	ASOF_AUTO(asof_blob_free_auto) struct asof_blob *blob = NULL;
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF(MANIFEST_BYTES_MAX);
	const char *name = NULL;
	struct asof_manifest manifest = { 0 };
	enum asof_status status = open_directory(path, arena, &blob, &name, err);
	if (status == ASOF_OK)
		status = asof_blob_read(blob, name, &buf, err);
	if (status == ASOF_OK)
		status = read_manifest(asof_buf_view(&buf), arena, &manifest, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status, "manifest '%s'", path);
	*ret_manifest = manifest;
	return ASOF_OK;
}
