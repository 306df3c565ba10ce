#include "codec/json_reader.h"
#include "job/materialize_view.h"

void
asof_online_meta_write(const struct asof_online_meta *meta, struct asof_buf *buf)
{
	struct asof_json_writer w = asof_json_writer_to(buf);
	asof_json_begin_object(&w);
	asof_json_member_cstr(&w, "view", meta->view);
	asof_json_member_cstr(&w, "version", meta->version);
	asof_json_member_cstr(&w, "definition_hash", meta->definition_hash);
	asof_json_member_int(&w, "at_us", meta->at_us);
	asof_json_member_int(&w, "rows", meta->row_count);
	asof_json_member_cstr(&w, "definition", meta->definition_json);
	asof_json_end_object(&w);
}

static enum asof_status
read_text(const struct asof_json *root, const char *name, struct asof_arena *arena,
	  const char **ret_text, struct asof_error *err)
{
	struct asof_str text;
	ASOF_TRY(asof_json_member_read_str(root, name, &text, err));
	*ret_text = asof_arena_copy(arena, text);
	return *ret_text ? ASOF_OK : ASOF_FAIL(err, ASOF_NO_MEMORY, "table's description");
}

static enum asof_status
read_meta(struct asof_str json, struct asof_arena *arena, struct asof_online_meta *meta,
	  struct asof_error *err)
{
	const struct asof_json *root = NULL;
	ASOF_TRY(asof_json_read(json, arena, &root, err));
	ASOF_TRY(read_text(root, "view", arena, &meta->view, err));
	ASOF_TRY(read_text(root, "version", arena, &meta->version, err));
	ASOF_TRY(read_text(root, "definition_hash", arena, &meta->definition_hash, err));
	ASOF_TRY(read_text(root, "definition", arena, &meta->definition_json, err));
	ASOF_TRY(asof_json_member_read_int(root, "at_us", &meta->at_us, err));
	return asof_json_member_read_int(root, "rows", &meta->row_count, err);
}

enum asof_status
asof_online_meta_read(struct asof_str json, struct asof_arena *arena,
		      struct asof_online_meta *ret_meta, struct asof_error *err)
{
	struct asof_online_meta meta = { 0 };
	enum asof_status status = read_meta(json, arena, &meta, err);
	if (status != ASOF_OK)
		return ASOF_WRAP(err, status == ASOF_NO_MEMORY ? status : ASOF_CORRUPT,
				 "online table's description");
	*ret_meta = meta;
	return ASOF_OK;
}
