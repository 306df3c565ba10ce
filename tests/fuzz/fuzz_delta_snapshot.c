/* fuzz_delta_snapshot.c - <version>.asof.json as it is, and with the head and checksum that let its
 * lines be read. */
#include <assert.h>

#include "lake/delta_snapshot.h"
#include "model/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD          "{\"asof\":{\"snapshot\":1,\"version\":7}}\n"
#define FILES_AT_MOST 64

struct seen {
	struct asof_arena arena;
	struct asof_table_file files[FILES_AT_MOST];
	size_t file_count;
	struct asof_str texts[FILES_AT_MOST];
};

static struct asof_str
kept(struct seen *seen, struct asof_str text)
{
	const char *copy = asof_arena_copy(&seen->arena, text);
	assert(copy);
	return (struct asof_str){ copy, text.len };
}

/* The first files, as a state has them. */
static enum asof_status
see(void *arg, const struct asof_delta_action *action, struct asof_error *err)
{
	struct seen *seen = arg;
	(void)err;
	if (action->kind != ASOF_DELTA_ADD || seen->file_count == FILES_AT_MOST)
		return ASOF_OK;
	const struct asof_delta_add *add = &action->add;
	assert(add->name.len > 0 && !memchr(add->name.ptr, '\0', add->name.len));
	assert(add->size_bytes >= 0 && add->row_count >= -1);
	seen->files[seen->file_count++] =
		(struct asof_table_file){ .name = kept(seen, add->name).ptr,
					  .size_bytes = (uint64_t)add->size_bytes,
					  .modified_ms = add->modified_ms,
					  .row_count = add->row_count,
					  .stats_text = kept(seen, add->stats) };
	return ASOF_OK;
}

static void
read_text(struct asof_str text, struct seen *seen, enum asof_status *ret_status)
{
	struct asof_error err = { 0 };
	*ret_status = asof_delta_snapshot_read(text, 7, see, seen, &err);
	assert(*ret_status == ASOF_OK || (err.status == *ret_status && err.message[0] != '\0'));
}

/* What was read is written, and reads the same. */
static void
check_again(const struct seen *seen)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)64 << 20);
	struct seen again = { 0 };
	enum asof_status status = ASOF_OK;
	struct asof_table_file *files = asof_mem_alloc(sizeof(seen->files));
	assert(files);
	memcpy(files, seen->files, sizeof(seen->files));
	const struct asof_delta_state state = {
		.snapshot = { .version = 7, .files = files, .file_count = seen->file_count },
	};
	if (asof_delta_snapshot_write(&state, &buf, NULL) == ASOF_OK) {
		read_text(asof_buf_view(&buf), &again, &status);
		assert(status == ASOF_OK && again.file_count == seen->file_count);
		for (size_t i = 0; i < again.file_count; i++) {
			assert(strcmp(again.files[i].name, files[i].name) == 0);
			assert(again.files[i].size_bytes == files[i].size_bytes);
			assert(again.files[i].row_count == files[i].row_count);
		}
	}
	asof_arena_done(&again.arena);
	asof_mem_free(files);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ASOF_AUTO(asof_buf_done) struct asof_buf buf = ASOF_BUF((size_t)64 << 20);
	struct seen seen = { 0 };
	enum asof_status status = ASOF_OK;
	char sum[33];
	read_text((struct asof_str){ (const char *)data, size }, &seen, &status);
	asof_arena_done(&seen.arena);

	seen = (struct seen){ 0 };
	asof_buf_add_cstr(&buf, HEAD);
	asof_buf_add_str(&buf, (struct asof_str){ (const char *)data, size });
	asof_hash128_text(asof_buf_view(&buf), sum);
	asof_buf_printf(&buf, "{\"checksum\":\"%s\"}\n", sum);
	assert(asof_buf_status(&buf, NULL) == ASOF_OK);
	read_text(asof_buf_view(&buf), &seen, &status);
	if (status == ASOF_OK)
		check_again(&seen);
	asof_arena_done(&seen.arena);
	return 0;
}
