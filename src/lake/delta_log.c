/* delta_log.c - the lines of a Delta log: JSON actions to and from plain structs. */
#include "lake/delta_log.h"

#include <stdio.h>

#include "codec/json_reader.h"
#include "lake/delta_stats.h"
#include "lake/table_mapping.h"

#define US_PER_MS        INT64_C(1000)
#define READER_VERSION   1
#define WRITER_VERSION   2
#define STATS_BYTES_MAX  ((size_t)64 << 20)
#define ASOF_MEMBER      "asof"
#define COMMITTED_MEMBER "asof.committed_us"

/* --- reading -----------------------------------------------------------------------------------
 */

static bool
has_nul(struct asof_str text)
{
	return text.len > 0 && memchr(text.ptr, '\0', text.len);
}

/* A string member that may be absent (or null): then empty. */
static enum asof_status
read_optional_str(const struct asof_json *object, const char *name, struct asof_str *ret_text,
		  struct asof_error *err)
{
	const struct asof_json *member = asof_json_member(object, name);
	*ret_text = (struct asof_str){ NULL, 0 };
	if (!member || member->kind == ASOF_JSON_NULL)
		return ASOF_OK;
	ASOF_TRY(asof_json_member_read_str(object, name, ret_text, err));
	if (has_nul(*ret_text))
		return ASOF_FAIL(err, ASOF_CORRUPT, "member '%s' holds a NUL", name);
	return ASOF_OK;
}

static enum asof_status
read_str(const struct asof_json *object, const char *name, struct asof_str *ret_text,
	 struct asof_error *err)
{
	ASOF_TRY(asof_json_member_read_str(object, name, ret_text, err));
	if (ret_text->len == 0 || has_nul(*ret_text))
		return ASOF_FAIL(err, ASOF_CORRUPT, "member '%s' is empty or holds a NUL", name);
	return ASOF_OK;
}

/* The string members of an object, which may be absent; others are left out. */
static enum asof_status
read_properties(const struct asof_json *object, struct asof_arena *arena,
		struct asof_property **ret_properties, size_t *ret_count, struct asof_error *err)
{
	size_t most = object && object->kind == ASOF_JSON_OBJECT ? object->count : 0;
	struct asof_property *properties = asof_arena_array(arena, most, sizeof(*properties));
	if (!properties)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "properties");
	size_t count = 0;
	for (size_t i = 0; i < most; i++) {
		const struct asof_json *value = &object->items[i];
		if (value->kind != ASOF_JSON_STRING)
			continue;
		if (has_nul(value->text) || has_nul(object->names[i]))
			return ASOF_FAIL(err, ASOF_CORRUPT, "a property holds a NUL");
		struct asof_property *property = &properties[count++];
		property->name = asof_arena_copy(arena, object->names[i]);
		property->value = asof_arena_copy(arena, value->text);
		if (!property->name || !property->value)
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "properties");
	}
	*ret_properties = properties;
	*ret_count = count;
	return ASOF_OK;
}

/* The value of a hexadecimal digit, or -1. */
static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Has it a part ".."? */
static bool
climbs(const char *name)
{
	for (const char *at = strstr(name, ".."); at; at = strstr(at + 1, "..")) {
		bool begins = at == name || at[-1] == '/';
		if (begins && (at[2] == '\0' || at[2] == '/'))
			return true;
	}
	return false;
}

/* `path` is a relative URI reference: percent escapes are undone. */
enum asof_status
asof_delta_path_read(struct asof_str path, struct asof_arena *arena, struct asof_str *ret_name,
		     struct asof_error *err)
{
	char *name = asof_arena_copy(arena, path);
	if (!name)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "path");
	size_t len = 0;
	for (size_t i = 0; i < path.len; i++, len++) {
		name[len] = path.ptr[i];
		if (path.ptr[i] != '%')
			continue;
		int high = i + 2 < path.len ? digit(path.ptr[i + 1]) : -1;
		int low = i + 2 < path.len ? digit(path.ptr[i + 2]) : -1;
		if (high < 0 || low < 0 || high + low == 0)
			return ASOF_FAIL(err, ASOF_CORRUPT, "path '%.*s' has a bad escape",
					 ASOF_STR_ARG(path));
		name[len] = (char)(high * 16 + low);
		i += 2;
	}
	name[len] = '\0';
	if (name[0] == '/' || strstr(name, "://") || climbs(name))
		return ASOF_FAIL(err, ASOF_UNSUPPORTED, "file '%s' is not below its table", name);
	*ret_name = (struct asof_str){ name, len };
	return ASOF_OK;
}

/* A number that may be absent, null or of another kind: then 0. */
static int64_t
optional_int(const struct asof_json *object, const char *name)
{
	int64_t value = 0;
	return asof_json_member_read_int(object, name, &value, NULL) == ASOF_OK ? value : 0;
}

/* Absent, null or of another kind is "true", as the protocol demands of writers to say. */
static bool
is_rearranged(const struct asof_json *action)
{
	const struct asof_json *member = asof_json_member(action, "dataChange");
	return member && member->kind == ASOF_JSON_BOOL && !member->boolean;
}

/* A list of texts that may be absent. */
static enum asof_status
read_names(const struct asof_json *list, struct asof_arena *arena, const char ***ret_names,
	   size_t *ret_count, struct asof_error *err)
{
	size_t count = list && list->kind == ASOF_JSON_ARRAY ? list->count : 0;
	const char **names = asof_arena_array(arena, count, sizeof(*names));
	if (!names)
		return ASOF_FAIL(err, ASOF_NO_MEMORY, "names");
	for (size_t i = 0; i < count; i++) {
		const struct asof_json *item = &list->items[i];
		if (item->kind != ASOF_JSON_STRING || has_nul(item->text))
			return ASOF_FAIL(err, ASOF_CORRUPT, "a list of names holds something else");
		names[i] = asof_arena_copy(arena, item->text);
		if (!names[i])
			return ASOF_FAIL(err, ASOF_NO_MEMORY, "names");
	}
	*ret_names = names;
	*ret_count = count;
	return ASOF_OK;
}

static enum asof_status
read_protocol(const struct asof_json *body, struct asof_arena *arena,
	      struct asof_delta_protocol *protocol, struct asof_error *err)
{
	ASOF_TRY(read_names(asof_json_member(body, "readerFeatures"), arena,
			    &protocol->reader_features, &protocol->reader_feature_count, err));
	ASOF_TRY(asof_json_member_read_int(body, "minReaderVersion", &protocol->min_reader, err));
	return asof_json_member_read_int(body, "minWriterVersion", &protocol->min_writer, err);
}

static enum asof_status
read_metadata(const struct asof_json *body, struct asof_arena *arena,
	      struct asof_delta_metadata *metadata, struct asof_error *err)
{
	ASOF_TRY(read_str(body, "id", &metadata->id, err));
	ASOF_TRY(read_str(body, "schemaString", &metadata->schema, err));
	ASOF_TRY(read_names(asof_json_member(body, "partitionColumns"), arena,
			    &metadata->partition_columns, &metadata->partition_column_count, err));
	return read_properties(asof_json_member(body, "configuration"), arena,
			       &metadata->properties, &metadata->property_count, err);
}

static enum asof_status
read_add(const struct asof_json *body, struct asof_arena *arena, struct asof_delta_add *add,
	 struct asof_error *err)
{
	struct asof_str path;
	ASOF_TRY(read_str(body, "path", &path, err));
	ASOF_TRY(asof_delta_path_read(path, arena, &add->name, err));
	ASOF_TRY(asof_json_member_read_int(body, "size", &add->size_bytes, err));
	if (add->size_bytes < 0)
		return ASOF_FAIL(err, ASOF_CORRUPT, "member 'size' is negative");
	add->modified_ms = optional_int(body, "modificationTime");
	add->row_count = -1;
	add->is_rearranged = is_rearranged(body);
	ASOF_TRY(read_properties(asof_json_member(body, "partitionValues"), arena, &add->partition,
				 &add->partition_count, err));
	return read_optional_str(body, "stats", &add->stats, err);
}

static enum asof_status
read_remove(const struct asof_json *body, struct asof_arena *arena,
	    struct asof_delta_remove *remove, struct asof_error *err)
{
	struct asof_str path;
	ASOF_TRY(read_str(body, "path", &path, err));
	remove->size_bytes = optional_int(body, "size");
	remove->deleted_ms = optional_int(body, "deletionTimestamp");
	remove->is_rearranged = is_rearranged(body);
	return asof_delta_path_read(path, arena, &remove->name, err);
}

static enum asof_status
read_txn(const struct asof_json *body, struct asof_delta_txn *txn, struct asof_error *err)
{
	ASOF_TRY(read_str(body, "appId", &txn->id, err));
	txn->version = optional_int(body, "version");
	txn->updated_ms = optional_int(body, "lastUpdated");
	return ASOF_OK;
}

/* What it holds is up to its writer: what is not as ours is not looked at. */
static enum asof_status
read_commit_info(const struct asof_json *body, struct asof_arena *arena,
		 struct asof_delta_commit_info *commit, struct asof_error *err)
{
	int64_t ms;
	commit->committed_us = -1;
	if (asof_json_member_read_int(body, COMMITTED_MEMBER, &commit->committed_us, NULL) !=
		    ASOF_OK &&
	    asof_json_member_read_int(body, "timestamp", &ms, NULL) == ASOF_OK && ms >= 0 &&
	    ms <= INT64_MAX / US_PER_MS)
		commit->committed_us = ms * US_PER_MS;
	const struct asof_json *operation = asof_json_member(body, "operation");
	if (operation && operation->kind == ASOF_JSON_STRING && !has_nul(operation->text))
		commit->operation = operation->text;
	return read_properties(asof_json_member(body, ASOF_MEMBER), arena, &commit->info,
			       &commit->info_count, err);
}

static enum asof_status
read_action(enum asof_delta_kind kind, const struct asof_json *body, struct asof_arena *arena,
	    struct asof_delta_action *action, struct asof_error *err)
{
	if (body->kind != ASOF_JSON_OBJECT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "no object");
	switch (kind) {
	case ASOF_DELTA_PROTOCOL:
		return read_protocol(body, arena, &action->protocol, err);
	case ASOF_DELTA_METADATA:
		return read_metadata(body, arena, &action->metadata, err);
	case ASOF_DELTA_ADD:
		return read_add(body, arena, &action->add, err);
	case ASOF_DELTA_REMOVE:
		return read_remove(body, arena, &action->remove, err);
	case ASOF_DELTA_TXN:
		return read_txn(body, &action->txn, err);
	case ASOF_DELTA_COMMIT_INFO:
		return read_commit_info(body, arena, &action->commit, err);
	case ASOF_DELTA_OTHER:
		break;
	}
	return ASOF_OK;
}

static enum asof_delta_kind
kind_of(struct asof_str name)
{
	static const struct {
		const char *name;
		enum asof_delta_kind kind;
	} names[] = {
		{ "protocol", ASOF_DELTA_PROTOCOL }, { "metaData", ASOF_DELTA_METADATA },
		{ "add", ASOF_DELTA_ADD },           { "remove", ASOF_DELTA_REMOVE },
		{ "txn", ASOF_DELTA_TXN },           { "commitInfo", ASOF_DELTA_COMMIT_INFO },
	};
	for (size_t i = 0; i < ASOF_COUNTOF(names); i++) {
		if (asof_str_equal(name, asof_str_from(names[i].name)))
			return names[i].kind;
	}
	return ASOF_DELTA_OTHER;
}

static enum asof_status
corrupt(enum asof_status status, struct asof_str what, struct asof_error *err)
{
	bool is_kept = status == ASOF_NO_MEMORY || status == ASOF_UNSUPPORTED;
	return ASOF_WRAP(err, is_kept ? status : ASOF_CORRUPT, "%.*s", ASOF_STR_ARG(what));
}

enum asof_status
asof_delta_line_read(struct asof_str line, struct asof_arena *arena,
		     struct asof_delta_action *ret_action, struct asof_error *err)
{
	const struct asof_json *root = NULL;
	enum asof_status status = asof_json_read(line, arena, &root, err);
	if (status != ASOF_OK)
		return corrupt(status, asof_str_from("action"), err);
	if (root->kind != ASOF_JSON_OBJECT)
		return ASOF_FAIL(err, ASOF_CORRUPT, "an action is no object");

	struct asof_delta_action action = { .kind = ASOF_DELTA_OTHER, .line = line };
	for (size_t i = 0; i < root->count && action.kind == ASOF_DELTA_OTHER; i++) {
		if (root->items[i].kind == ASOF_JSON_NULL)
			continue;
		action.kind = kind_of(root->names[i]);
		status = read_action(action.kind, &root->items[i], arena, &action, err);
		if (action.kind != ASOF_DELTA_OTHER && status != ASOF_OK)
			return corrupt(status, root->names[i], err);
	}
	*ret_action = action;
	return ASOF_OK;
}

/* --- writing -----------------------------------------------------------------------------------
 */

static void
write_properties(struct asof_json_writer *w, const char *name,
		 const struct asof_property *properties, size_t count)
{
	asof_json_key_cstr(w, name);
	asof_json_begin_object(w);
	for (size_t i = 0; i < count; i++)
		asof_json_member_cstr(w, properties[i].name, properties[i].value);
	asof_json_end_object(w);
}

static void
write_empty(struct asof_json_writer *w, const char *name)
{
	write_properties(w, name, NULL, 0);
}

/* {"<action>":{ ... ; closed by end_action(). */
static struct asof_json_writer
begin_action(struct asof_buf *buf, const char *action)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_key_cstr(&w, action);
	asof_json_begin_object(&w);
	return w;
}

static void
end_action(struct asof_json_writer *w)
{
	asof_json_end_object(w);
	asof_json_end_object(w);
	asof_buf_add_char(w->buf, '\n');
}

void
asof_delta_path_write(struct asof_json_writer *w, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/=";
	static const char digits[] = "0123456789ABCDEF";
	ASOF_AUTO(asof_buf_done) struct asof_buf path = ASOF_BUF((size_t)1 << 16);
	for (const char *c = name; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		if (strchr(plain, *c)) {
			asof_buf_add_char(&path, *c);
			continue;
		}
		asof_buf_add_char(&path, '%');
		asof_buf_add_char(&path, digits[byte >> 4]);
		asof_buf_add_char(&path, digits[byte & 0x0f]);
	}
	if (path.status != ASOF_OK)
		w->buf->status = path.status;
	asof_json_str(w, asof_buf_view(&path));
}

static void
write_commit_info(const struct asof_delta_entry *entry, struct asof_buf *buf)
{
	const struct asof_table_change *change = entry->change;
	struct asof_json_writer w = begin_action(buf, "commitInfo");
	asof_json_member_int(&w, "timestamp", entry->committed_us / US_PER_MS);
	asof_json_member_cstr(&w, "operation", change->operation);
	write_empty(&w, "operationParameters");
	asof_json_member_cstr(&w, "engineInfo", "asof/" ASOF_VERSION);
	asof_json_member_int(&w, COMMITTED_MEMBER, entry->committed_us);
	write_properties(&w, ASOF_MEMBER, change->info, change->info_count);
	end_action(&w);
}

static void
write_protocol(bool is_mapped, struct asof_buf *buf)
{
	struct asof_json_writer w = begin_action(buf, "protocol");
	asof_json_member_int(&w, "minReaderVersion",
			     is_mapped ? ASOF_MAPPING_READER : READER_VERSION);
	asof_json_member_int(&w, "minWriterVersion",
			     is_mapped ? ASOF_MAPPING_WRITER : WRITER_VERSION);
	end_action(&w);
}

/* Column mapping is said by the table's columns, whatever properties the change has. */
static void
write_configuration(const struct asof_delta_entry *entry, struct asof_json_writer *w)
{
	asof_json_key_cstr(w, "configuration");
	asof_json_begin_object(w);
	for (size_t i = 0; i < entry->change->property_count; i++) {
		const struct asof_property *property = &entry->change->properties[i];
		if (strncmp(property->name, ASOF_MAPPING, strlen(ASOF_MAPPING)) != 0)
			asof_json_member_cstr(w, property->name, property->value);
	}
	if (entry->max_column_id > 0) {
		char text[24];
		(void)snprintf(text, sizeof(text), "%lld", (long long)entry->max_column_id);
		asof_json_member_cstr(w, ASOF_MAPPING_MODE, ASOF_MAPPING_MODE_NAME);
		asof_json_member_cstr(w, ASOF_MAPPING_MAX, text);
	}
	asof_json_end_object(w);
}

static void
write_metadata(const struct asof_delta_entry *entry, struct asof_buf *buf)
{
	struct asof_json_writer w = begin_action(buf, "metaData");
	asof_json_member_cstr(&w, "id", entry->table_id);
	asof_json_member_cstr(&w, "name", entry->table);
	asof_json_key_cstr(&w, "format");
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "provider", "parquet");
	write_empty(&w, "options");
	asof_json_end_object(&w);
	asof_json_member_str(&w, "schemaString", entry->schema);
	asof_json_key_cstr(&w, "partitionColumns");
	asof_json_begin_array(&w);
	for (size_t i = 0; i < entry->change->partition_column_count; i++)
		asof_json_cstr(&w, entry->change->partition_columns[i]);
	asof_json_end_array(&w);
	write_configuration(entry, &w);
	asof_json_member_int(&w, "createdTime", entry->committed_us / US_PER_MS);
	end_action(&w);
}

void
asof_delta_txn_write(const struct asof_delta_txn *txn, struct asof_buf *buf)
{
	struct asof_json_writer w = begin_action(buf, "txn");
	asof_json_member_str(&w, "appId", txn->id);
	asof_json_member_int(&w, "version", txn->version);
	asof_json_member_int(&w, "lastUpdated", txn->updated_ms);
	end_action(&w);
}

static struct asof_json_writer
begin_remove(const char *name, const struct asof_table_file *file, int64_t deleted_ms,
	     bool is_data_change, struct asof_buf *buf)
{
	struct asof_json_writer w = begin_action(buf, "remove");
	asof_json_key_cstr(&w, "path");
	asof_delta_path_write(&w, name);
	asof_json_member_int(&w, "deletionTimestamp", deleted_ms);
	asof_json_member_bool(&w, "dataChange", is_data_change);
	asof_json_member_bool(&w, "extendedFileMetadata", file != NULL);
	if (file)
		write_properties(&w, "partitionValues", file->partition, file->partition_count);
	return w;
}

void
asof_delta_remove_write(const struct asof_delta_remove *remove, struct asof_buf *buf)
{
	struct asof_json_writer w =
		begin_remove(remove->name.ptr, NULL, remove->deleted_ms, false, buf);
	asof_json_member_int(&w, "size", remove->size_bytes);
	end_action(&w);
}

/* {"add":{ ... but for its statistics. */
static struct asof_json_writer
begin_add(const struct asof_table_file *file, int64_t modified_ms, bool is_data_change,
	  struct asof_buf *buf)
{
	struct asof_json_writer w = begin_action(buf, "add");
	asof_json_key_cstr(&w, "path");
	asof_delta_path_write(&w, file->name);
	write_properties(&w, "partitionValues", file->partition, file->partition_count);
	asof_json_member_int(&w, "size", (int64_t)file->size_bytes);
	asof_json_member_int(&w, "modificationTime", modified_ms);
	asof_json_member_bool(&w, "dataChange", is_data_change);
	return w;
}

void
asof_delta_add_write(const struct asof_table_file *file, struct asof_buf *buf)
{
	struct asof_json_writer w = begin_add(file, file->modified_ms, false, buf);
	if (file->stats_text.len > 0)
		asof_json_member_str(&w, "stats", file->stats_text);
	end_action(&w);
}

static void
write_remove(const struct asof_delta_entry *entry, const struct asof_table_file *file,
	     struct asof_buf *buf)
{
	struct asof_json_writer w = begin_remove(file->name, file, entry->committed_us / US_PER_MS,
						 !entry->change->is_rearrangement, buf);
	asof_json_member_int(&w, "size", (int64_t)file->size_bytes);
	end_action(&w);
}

static void
write_add(const struct asof_delta_entry *entry, const struct asof_table_file *file,
	  struct asof_buf *buf)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf stats = ASOF_BUF(STATS_BYTES_MAX);
	asof_delta_stats_write(file, entry->fields, entry->field_count, &stats);
	if (stats.status != ASOF_OK)
		buf->status = stats.status;
	struct asof_json_writer w = begin_add(file, entry->committed_us / US_PER_MS,
					      !entry->change->is_rearrangement, buf);
	if (stats.len > 0)
		asof_json_member_str(&w, "stats", asof_buf_view(&stats));
	end_action(&w);
}

void
asof_delta_entry_write(const struct asof_delta_entry *entry, struct asof_buf *buf)
{
	const struct asof_delta_txn txn = { .id = asof_str_from(entry->change->run_id),
					    .version = entry->version,
					    .updated_ms = entry->committed_us / US_PER_MS };
	write_commit_info(entry, buf);
	if (entry->has_protocol)
		write_protocol(entry->max_column_id > 0, buf);
	if (entry->change->fields)
		write_metadata(entry, buf);
	asof_delta_txn_write(&txn, buf);
	for (size_t i = 0; i < entry->removed_count; i++)
		write_remove(entry, entry->removed[i], buf);
	for (size_t i = 0; i < entry->change->added_count; i++)
		write_add(entry, &entry->change->added[i], buf);
}
